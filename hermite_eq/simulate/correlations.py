r"""The largest correlation of two hidden units' pre-activations, on which the sufficient criteria for the degree rest."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hermite_eq.arguments import shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import AnyTask, OneStepTransformer, RandomTransformer, Sizes
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.decomposition import drawn_gradient
from hermite_eq.simulate.sampler import child_seeds, context_law, draws
from hermite_eq.simulate.training.draw import draw_run

_BLOCK = 1024


@dataclass(frozen=True)
class Coupling:
    r"""The largest correlation of two pre-activations.

    Attributes
    ----------
    largest : float
        :math:`\max_{i\ne j}|\omega_{ij}|`, :math:`\omega_{ij}` the correlation of :math:`\hat f_i^\top h` and :math:`\hat f_j^\top h`.
    spread : float
        The root mean square of :math:`\omega_{ij}`, i ≠ j, less what N contexts add to its square, 1/N.
    noise : float
        The size of the largest correlation of as many *independent* units over N contexts, :math:`\sqrt{2\log(m^2/2)/N}`; of
        ``largest``, this much may be sampling.
    """

    largest: float
    spread: float
    noise: float


def coupling(
    model: RandomTransformer | OneStepTransformer,
    task: AnyTask,
    sizes: Sizes,
    *,
    contexts: int = 20_000,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> Coupling:
    """Measure the correlations of the pre-activations of one drawn head over fresh contexts.

    Parameters
    ----------
    model : RandomTransformer or OneStepTransformer
    task : Task or SoftmaxAttention
    sizes : Sizes
        With ``hidden``.
    contexts : int
        N.
    rng : int, SeedSequence, Generator or None

    Returns
    -------
    Coupling
        Its ``largest`` is what :func:`hermite_eq.structured.degree_needed` takes.

    Raises
    ------
    HypothesisError
        For another model, without at least two hidden units, or for a number of contexts which is not positive.

    Examples
    --------
    >>> from hermite_eq import Task
    >>> sizes = Sizes(d=8, context=8, tasks=4, samples=64, hidden=20)
    >>> found = coupling(RandomTransformer("relu", 0.1), Task("relu"), sizes, contexts=5000, rng=0)
    >>> found.largest > found.spread > found.noise
    True
    """
    if not isinstance(model, RandomTransformer | OneStepTransformer):
        raise ArgumentTypeError("a coupling is that of a random head", shown(model), "pass RandomTransformer(activation, ridge=…)")
    _ = model.activation  # raises for several random layers
    count = draws(contexts, "contexts", context_law(task, checked_sizes(sizes)))
    if sizes.hidden is None or sizes.hidden < 2:
        raise HypothesisError(
            "a coupling is that of two hidden units", f"sizes.hidden={sizes.hidden}", "pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
        )
    width = sizes.d * (sizes.d + 1)
    stored = sizes.samples * (4 * sizes.d + 8) if isinstance(model, OneStepTransformer) else 0
    require_memory(
        8 * (3 * sizes.hidden * width + 3 * sizes.hidden**2 + _BLOCK * (width + sizes.hidden) + stored),
        "F, h and the correlations of all pairs",
        "pass smaller sizes",
    )
    seed = child_seeds(rng, range(1))[0]
    stepped = isinstance(model, OneStepTransformer) and model.step_size > 0
    draw = draw_run(task, sizes, count, True, np.float64, seed, stepped)
    layer = draw.layer
    if isinstance(model, OneStepTransformer) and draw.step is not None:
        drawn = drawn_gradient(model, draw)
        spike = np.outer(drawn.u, drawn.v) if model.rank_one else drawn.matrix
        layer = layer + model.step_size * spike
    # E h = 0 for centred inputs; the means are taken off all the same.
    square, total = np.zeros((sizes.hidden, sizes.hidden)), np.zeros(sizes.hidden)
    for start in range(0, count, _BLOCK):
        rows = slice(start, min(start + _BLOCK, count))
        h = draw.fresh.h(rows)
        if model.normalise:
            h = h * (math.sqrt(draw.trace) / np.linalg.norm(h, axis=1))[:, None]
        z = h @ layer.T
        square += z.T @ z
        total += z.sum(axis=0)
    covariance = square / count - np.outer(total, total) / count**2
    scale = np.sqrt(covariance.diagonal())
    omega = covariance / np.outer(scale, scale)
    np.fill_diagonal(omega, 0.0)
    m = sizes.hidden
    return Coupling(
        float(np.abs(omega).max()),
        math.sqrt(max(0.0, float(np.sum(omega**2)) / (m * (m - 1)) - 1 / count)),
        math.sqrt(2 * math.log(m**2 / 2) / count),
    )
