r"""The gradient of one step as a rank-one matrix and a rest: :math:`G=uv^\top+\Delta` ([DM] Lemma 4.11), measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from hermite_eq.arguments import shown
from hermite_eq.errors import ArgumentTypeError
from hermite_eq.memory import require_memory
from hermite_eq.models import AnyTask, OneStepTransformer, Sizes
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.results import MonteCarlo
from hermite_eq.simulate.sampler import child_seeds, context_law, draws, run_numbers
from hermite_eq.simulate.training.draw import Draw, draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.kronecker import Floats
from hermite_eq.simulate.training.onestep import Gradient, gradients
from hermite_eq.simulate.training.run import edges_of

#: Contexts whose pre-activations are formed at a time.
_BLOCK = 1024


@dataclass(frozen=True, eq=False)
class GradientDecomposition:
    r"""Norms of the parts of :math:`G=uv^\top+\Delta`, run by run.

    Attributes
    ----------
    model, sizes
    rank_one_runs : (runs,) array
        :math:`\|uv^\top\|_2=\|u\|\,\|v\|`.
    remainder_runs : (runs,) array
        :math:`\|\Delta\|_2`.
    spike_runs : (runs,) array
        :math:`\eta\|u\|\,\|v\|` over :math:`\|F\|_2`: how large the step is.
    alignment_runs : (runs,) array
        :math:`|\langle v,v_1\rangle|/\|v\|`, with the first right singular vector :math:`v_1` of G.
    """

    model: OneStepTransformer
    sizes: Sizes
    rank_one_runs: Array = field(repr=False)
    remainder_runs: Array = field(repr=False)
    spike_runs: Array = field(repr=False)
    alignment_runs: Array = field(repr=False)

    @property
    def rank_one(self) -> MonteCarlo:
        r""":math:`\|uv^\top\|_2`."""
        return MonteCarlo.from_runs(self.rank_one_runs)

    @property
    def remainder(self) -> MonteCarlo:
        r""":math:`\|\Delta\|_2`."""
        return MonteCarlo.from_runs(self.remainder_runs)

    @property
    def ratio(self) -> MonteCarlo:
        r""":math:`\|\Delta\|_2/\|uv^\top\|_2`, which the lemma says vanishes."""
        return MonteCarlo.from_runs(self.remainder_runs / self.rank_one_runs)

    @property
    def alignment(self) -> MonteCarlo:
        """The mean of ``alignment_runs``."""
        return MonteCarlo.from_runs(self.alignment_runs)

    def __str__(self) -> str:
        return f"{self.model}, d = {self.sizes.d}: ‖uvᵀ‖ {self.rank_one}, ‖Δ‖ {self.remainder}, alignment {self.alignment}"


def gradient_step(
    model: OneStepTransformer,
    task: AnyTask,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> GradientDecomposition:
    r"""Take the gradient step of ``model`` and split it as :math:`G=uv^\top+\Delta`, in double precision.

    Parameters
    ----------
    model : OneStepTransformer
    task : Task
    sizes : Sizes
        With ``hidden``; ``samples`` contexts make the gradient.
    runs : int or range
    rng : int, SeedSequence, Generator or None
        The gradients are those of :func:`icl_error` with the same argument, in double precision.

    Returns
    -------
    GradientDecomposition

    Raises
    ------
    HypothesisError
        For another model, or without hidden units.

    References
    ----------
    [DM] Lemma 4.11: :math:`\|\Delta\|` is negligible. ``derivations/features/gradient_step.py`` derives its orders.

    Examples
    --------
    >>> from hermite_eq import Sizes, Task
    >>> sizes = Sizes.from_ratios(8, alpha=1, kappa=float("inf"), tau=1, mu=1)
    >>> found = gradient_step(OneStepTransformer("tanh", 10.0, 0.1), Task("identity"), sizes, runs=3, rng=0)
    >>> bool((found.remainder_runs < found.rank_one_runs).all())
    True
    """
    if not isinstance(model, OneStepTransformer):
        raise ArgumentTypeError("a gradient step is that of a OneStepTransformer", shown(model), "pass OneStepTransformer(σ, η, λ)")
    hidden, width = checked_sizes(sizes, hidden=True).hidden or 0, sizes.d * (sizes.d + 1)
    draws(sizes.samples, "sizes.samples", context_law(task, sizes))
    require_memory(8 * (4 * hidden * width + _BLOCK * (width + hidden)), "F, G and the rest of G", "pass smaller sizes")
    columns = []
    for seed in child_seeds(rng, run_numbers(runs)):
        draw = draw_run(task, sizes, 1, True, np.float64, seed, True)
        columns.append(_norms(drawn_gradient(model, draw), draw.layer, model.step_size))
    return GradientDecomposition(model, sizes, *np.array(columns).T)


def drawn_gradient(model: OneStepTransformer, draw: Draw) -> Gradient:
    """The gradient of the step of ``model`` on all contexts and hidden units of a draw made with ``step``."""
    assert draw.step is not None
    source, point = StepSource(model.activation, model.normalise), (len(draw.step), len(draw.layer))
    return gradients(source, draw.step, draw.layer, draw.start, draw.trace, [point], edges_of(len(draw.step), _BLOCK))[point]


def _norms(gradient: Gradient, layer: Floats, step_size: float) -> tuple[float, float, float, float]:
    from scipy.sparse.linalg import svds

    u, v, matrix = gradient.u, gradient.v, np.asarray(gradient.matrix, dtype=float)
    rank_one = float(np.linalg.norm(u) * np.linalg.norm(v))
    _, _, right = svds(matrix, k=1, v0=np.ones(min(matrix.shape)))
    alignment = abs(float(right[0] @ v)) / float(np.linalg.norm(v))
    remainder = spectral_norm(matrix - np.outer(u, v))
    return rank_one, remainder, step_size * rank_one / spectral_norm(layer), alignment


def spectral_norm(matrix: Floats) -> float:
    """The largest singular value, from a fixed starting vector."""
    from scipy.sparse.linalg import svds

    return float(svds(matrix, k=1, v0=np.ones(min(matrix.shape)), return_singular_vectors=False)[0])
