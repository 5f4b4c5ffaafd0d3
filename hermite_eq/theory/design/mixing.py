"""The error as a function of the training proportions of the sources."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, non_negative
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, Sizes, Task
from hermite_eq.theory.design.mixing_gradient import law_of_all
from hermite_eq.theory.design.mixing_response import Response
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.prediction import ErrorCurve

if TYPE_CHECKING:
    import pandas

Array = NDArray[np.float64]
#: λ: a number, that of the model (None), or the one of least ICL error at each mixture.
Ridge = float | Literal["optimal"] | None

#: As in :func:`hermite_eq.theory.optimal_ridge`; the search begins with whole and half decades.
_DECADES, _STEP = (-12.0, 6.0), 0.5
#: The last step towards the best log₁₀ λ; as steps shrink faster than linearly, what is left is smaller by orders.
_PLACE = 1e-5
#: Proportions are sums of a few decimals, each rounded.
_SUM = 64 * np.finfo(float).eps


@dataclass(frozen=True, eq=False, kw_only=True)
class MixingCurve(ErrorCurve):
    """Predicted errors at many mixtures of the same sources; the arrays have the fields of :class:`TheoryError`, one entry per mixture.

    Attributes
    ----------
    icl, bias, variance, effective_ridge, dof, fixed_point_residual : (P,) array
        As in :class:`TheoryError`.
    model, task, sizes
        What was asked; the task's own ``weights`` play no role.
    weights : (P, S) array
        Training proportions.
    ridge : (P,) array
        λ at each; ``inf`` where the error falls as long as λ grows.
    idg : (P,) array
        The error on the training mixture itself.
    icl_by_source : (P, S) array
    notes : tuple of str
        What holds at every point.
    """

    model: Model
    task: Task
    sizes: Sizes
    weights: Array
    ridge: Array
    icl_by_source: Array

    @property
    def least(self) -> int:
        """Which mixture has the least ICL error."""
        return int(np.argmin(self.icl))

    def to_dataframe(self) -> pandas.DataFrame:
        """One row per mixture: weights, λ, then the errors, those on each source last."""
        import pandas

        columns = {f"weight_{s}": column for s, column in enumerate(self.weights.T)} | {"ridge": self.ridge}
        return pandas.DataFrame(columns | self.columns | {f"icl_{s}": column for s, column in enumerate(self.icl_by_source.T)})


def mixtures(weights: ArrayLike | None, sources: int) -> Array:
    """Training proportions as rows; of two sources the share of the second will do.

    Raises
    ------
    HypothesisError
        If a row is no point of the simplex.

    Examples
    --------
    >>> mixtures([0.0, 0.25], 2)
    array([[1.  , 0.  ],
           [0.75, 0.25]])
    """
    if weights is None:
        if sources != 2:
            raise HypothesisError(
                "which mixtures is said, where there are more than two sources", f"{sources} sources", "pass weights=[[0.2, 0.3, 0.5], …]"
            )
        weights = np.linspace(0, 1, 21)
    mixed = array(weights, "weights", nan=True, empty=True)
    if mixed.ndim == 1 and sources == 2 and mixed.size:
        mixed = np.stack([1 - mixed, mixed], axis=1)
    if mixed.ndim != 2 or mixed.shape[1] != sources or not len(mixed):
        shares = ", or shares of source 1" if sources == 2 else ""
        raise HypothesisError(f"mixtures are rows of {sources} proportions{shares}", f"shape {np.shape(mixed)}", "pass [[0.2, 0.8], …]")
    off = np.abs(mixed.sum(axis=1) - 1)
    # NaN fails the comparisons.
    bad = ~((mixed >= 0).all(axis=1) & (off <= _SUM))
    if bad.any():
        raise HypothesisError("training proportions are ≥ 0 and sum to one", f"{mixed[bad][0].tolist()}", "divide them by their sum")
    return mixed


def _rising_root(slope: Callable[[float], float], start: float) -> float | None:
    """Where a derivative next to ``start`` passes from − to +, by secants; None where they lead elsewhere."""
    x, f = start, slope(start)
    y = x - math.copysign(_STEP / 16, f)
    for _ in range(12):
        if abs(y - start) > _STEP:
            return None
        g = slope(y)
        if g == 0:
            return y
        if (g - f) * (y - x) <= 0:
            return None
        x, f, y = y, g, y - g * (y - x) / (g - f)
        if abs(y - x) < _PLACE:
            return y
    return None


def at_ridge(law: MomentLaw, sizes: Sizes, ridge: Ridge, near: float | None = None) -> tuple[MomentLaw, float]:
    """The law with the λ asked for, and that λ; the λ of least ICL error is a zero of the derivative, to 10⁻⁷ decades.

    With ``near``, a λ that was best at another mixture, the minimum next to it; else the least on the whole range.
    """
    if ridge != "optimal":
        chosen = law.head.ridge if ridge is None else ridge
        return law.with_ridge(chosen), chosen

    def slope(log: float) -> float:
        # In log λ: of one size at both ends of a decade.
        return float(10.0**log * Response(law.with_ridge(10.0**log), sizes).ridge_slope)

    import scipy.optimize

    if near is not None and 0 < near < math.inf and (root := _rising_root(slope, math.log10(near))) is not None:
        return law.with_ridge(10.0**root), 10.0**root
    tau, mu, unit_ridge = law.with_ridge(1.0).units([sizes])

    def errors(ridges: Array) -> Array:
        ones = np.ones(len(ridges))
        return law.errors(tau * ones, mu * ones, unit_ridge * ridges, ones)["icl"]

    # From large to small, the solution at one is a good start for the next.
    logs = np.arange(_DECADES[1], _DECADES[0] - _STEP / 2, -_STEP)
    i = int(np.argmin(errors(10.0**logs)))
    low, best, high = (float(logs[j]) for j in (min(i + 1, logs.size - 1), i, max(i - 1, 0)))
    if slope(low) < 0 < slope(high):
        best = float(scipy.optimize.brentq(slope, low, high, xtol=_STEP / 64))
        best = _rising_root(slope, best) or best
    without, least = (float(x) for x in errors(np.array([0.0, 10.0**best])))
    if without <= least * (1 + 1e-12):
        return law.with_ridge(0.0), 0.0
    return law.with_ridge(10.0**best), math.inf if best > _DECADES[1] - _STEP else 10.0**best


def check_ridge(ridge: Ridge) -> None:
    """λ is a number ≥ 0, ``"optimal"`` or None.

    Raises
    ------
    HypothesisError
        Otherwise.
    """
    if ridge is None or (isinstance(ridge, str) and ridge == "optimal"):
        return
    requirement = 'ridge is a number ≥ 0, "optimal", or None for that of the model'
    non_negative(ridge, "ridge", requirement=requirement, repair='pass ridge="optimal"')


def reweighted(law: MomentLaw, weights: Iterable[float]) -> MomentLaw:
    """The law of its training populations in other proportions."""
    return MomentLaw.of(law.head, law.given.reweighted(weights), law.notes)


def curve_given(law: MomentLaw, model: Model, task: Task, sizes: Sizes, rows: Array, ridge: Ridge) -> MixingCurve:
    """:func:`mixing_curve` for a law that is known already."""
    laws: list[MomentLaw] = []
    ridges: list[float] = []
    for row in rows:
        chosen, best = at_ridge(reweighted(law, row), sizes, ridge, ridges[-1] if ridges else None)
        laws.append(chosen)
        ridges.append(best)
    solutions = MomentLaw.solutions(laws, [sizes])
    arrays = {name: np.concatenate([columns[name] for columns in solutions]) for name in solutions[0]}
    return MixingCurve(model=model, task=task, sizes=sizes, weights=rows, ridge=np.array(ridges), **arrays, notes=law.notes)


def mixing_curve(
    model: Model, task: Task, sizes: Sizes, weights: ArrayLike | Sequence[Sequence[float]] | None = None, *, ridge: Ridge = None
) -> MixingCurve:
    r"""The predicted error of a Transformer trained on the sources of ``task`` in other proportions.

    The moments of the sources are computed once, after which a mixture takes some 10 ms. Proportions 0 and 1 are allowed: a source that is
    never sampled in training, and met in the test.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
        Its sources and ``test_weights``.
    sizes : Sizes
        With ``tasks=math.inf``.
    weights : array_like, optional
        Mixtures, of shape (P, S); for two sources also the shares of source 1, of shape (P,). By default, for two sources, 21 equally
        spaced ones.
    ridge : float, "optimal" or None
        λ; by default the model's. ``"optimal"`` is the λ of least ICL error: at the first mixture over the range of
        :func:`hermite_eq.theory.optimal_ridge`, from there followed as a zero of the derivative.

    Returns
    -------
    MixingCurve

    Raises
    ------
    HypothesisError
        If a mixture is not on the simplex, for a single source, and as :func:`hermite_eq.icl_error`.

    Examples
    --------
    A noisy second source, of which the test is made up in part:

    >>> from hermite_eq.models import RandomTransformer, Source
    >>> task = Task(sources=[Source("relu", noise=0.01), Source("relu", noise=0.5)])
    >>> sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=1.5, mu=0.5)
    >>> curve = mixing_curve(RandomTransformer("relu", ridge=0.1, normalise=True), task, sizes, [0.0, 0.5, 1.0])
    >>> bool((np.diff(curve.icl) > 0.05).all())
    True
    >>> curve.weights[curve.least]
    array([1., 0.])
    """
    check_ridge(ridge)
    law = law_of_all(model, task, sizes)
    return curve_given(law, model, task, sizes, mixtures(weights, len(task.sources)), ridge)
