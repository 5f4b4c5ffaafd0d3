"""The double-descent peak of a predicted error: where along n or m it is, and how high."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hermite_eq.arguments import one_of
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, Ratios, Sizes, Task
from hermite_eq.theory.feature_law.choice import isotropic_law
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import Place
from hermite_eq.theory.ridge_equivalent.scalar import feature_rank

Along = Literal["tau", "mu"]
Which = Literal["icl", "idg"]

#: Decades searched on either side of the interpolation threshold, and points for each.
_DECADES, _DENSITY = 2.0, 24
#: Predicted errors are sums of some hundred terms, each right to a few units of rounding.
_ROUNDING = 4096 * np.finfo(float).eps


@dataclass(frozen=True)
class InterpolationPeak:
    r"""The largest local maximum of an error along τ or μ.

    Attributes
    ----------
    along : {"tau", "mu"}
    position : float
        τ or μ there; NaN where the error has no local maximum, because the ridge or the noise of the features has taken the peak away.
    height : float
        The error there, ``inf`` at exact interpolation; NaN where there is no peak.
    threshold : float
        Where the rank of the features is n: n = D for a linear Transformer, n = min(m, D) for a head without nonlinear part
        (:math:`c_*=0`), n = m for any other. Along τ it is ``inf`` for the kernel limit μ = ∞ of a nonlinear head, along μ NaN where
        n > D is beyond every rank of a head without nonlinear part.
    prominence : float
        Height over the higher of the two valleys beside it, 1 where there is no peak.
    """

    along: Along
    position: float
    height: float
    threshold: float
    prominence: float


def interpolation_peak(model: Model, task: Task, where: Ratios | Sizes, along: Along = "tau", error: Which = "icl") -> InterpolationPeak:
    r"""Position and height of the double-descent peak along n or m.

    Without ridge it is at the interpolation threshold and infinite. With a ridge per sample it is finite and lies beside it; where the
    error falls (or rises) through the threshold there is none. The search covers two decades on either side of the threshold (where it
    is not finite, of n = D along τ and of n = m along μ), then refines the largest local maximum by Brent's method.

    Parameters
    ----------
    model, task
    where : Ratios or Sizes
        What stays fixed; its entry for ``along`` is ignored. At Sizes the prediction is continued to real n and m.
    along : {"tau", "mu"}
    error : {"icl", "idg"}

    Raises
    ------
    HypothesisError
        For ``along="mu"`` of a linear Transformer, which has no hidden units; for several sources.

    Examples
    --------
    >>> from hermite_eq.models import RandomTransformer
    >>> task, head = Task("relu", noise=0.01), RandomTransformer("relu", ridge=0.1)
    >>> peak = interpolation_peak(head, task, Ratios(alpha=1, kappa=0.5, tau=1, mu=1.5))
    >>> peak.position, peak.height
    (1.5, inf)
    >>> peak = interpolation_peak(head, task, Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1, mu=1.5))
    >>> print(f"{peak.position:.2f} {peak.height:.2f}")
    1.43 1.45
    """
    one_of(along, ("tau", "mu"), "along")
    one_of(error, ("icl", "idg"), "error")
    law = isotropic_law(model, task, where)
    if along == "mu":
        if law.head.linear:
            raise HypothesisError("the number of hidden units can be varied", f"{model}", 'pass along="tau", or a RandomTransformer')
        where = replace(where, mu=1.0) if isinstance(where, Ratios) else replace(where, hidden=1)
    place, full = Place.of(law.head, [where]), 1.0 if isinstance(where, Ratios) else (where.d + 1) / where.d
    threshold = _threshold(law.head, place, full, along)
    centre = threshold if math.isfinite(threshold) else float(place.tau[0]) if along == "mu" else full

    def at(log: np.ndarray) -> np.ndarray:
        ones = np.ones(log.size)
        displaced = Place(*(x * ones for x in vars(place).values()))
        return np.asarray(getattr(law.errors(replace(displaced, **{along: centre * np.exp(log)})), error))

    grid = np.linspace(-_DECADES, _DECADES, int(2 * _DECADES * _DENSITY) + 1) * math.log(10)
    values = at(grid)
    if np.isinf(values).any():
        i = int(np.argmax(values))
        return InterpolationPeak(along, float(centre * math.exp(grid[i])), math.inf, threshold, math.inf)
    inner = np.flatnonzero((values[1:-1] > values[:-2]) & (values[1:-1] >= values[2:])) + 1
    # On a plateau (m > D of a head without nonlinear part) the rounding of the prediction makes maxima of its own.
    inner = inner[[values[i] > (1 + _ROUNDING) * _valley(values, i) for i in inner.tolist()]]
    if not inner.size:
        return InterpolationPeak(along, math.nan, math.nan, threshold, 1.0)
    i = int(inner[np.argmax(values[inner])])
    import scipy.optimize

    best = scipy.optimize.minimize_scalar(
        lambda log: -float(at(np.array([log]))[0]), bounds=(grid[i - 1], grid[i + 1]), method="bounded", options={"xatol": 1e-9}
    )
    height = -float(best.fun)
    return InterpolationPeak(along, float(centre * math.exp(best.x)), height, threshold, height / _valley(values, i))


def _valley(values: np.ndarray, i: int) -> float:
    """The higher of the least values before and after i."""
    return float(max(values[:i].min(), values[i + 1 :].min()))


def _threshold(head: Head, place: Place, full: float, along: Along) -> float:
    """n of the rank of the features along τ, m along μ; D = ``full`` d²."""
    if head.linear:
        return full
    residual2 = head.moments().residual2
    if along == "tau":
        return full * float(feature_rank(residual2, place.mu[0] / full))
    # Some m has the rank n if and only if infinitely many units have at least that; n/D is rounded as in effective_ridge.
    tau = float(place.tau[0])
    reached = tau * (1 - 4 * np.finfo(float).eps) <= full * feature_rank(residual2, np.array(math.inf))
    return tau if reached else math.nan
