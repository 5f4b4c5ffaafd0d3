"""Optima of the predicted error: the best ridge, and the best head."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, PolynomialActivation, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory.error import TheoryError, icl_error

Which = Literal["icl", "idg"]


@dataclass(frozen=True)
class OptimalRidge:
    """The ridge λ of least predicted error.

    Attributes
    ----------
    ridge : float
        0 where the error is least without ridge, ``inf`` where it falls as long as λ grows (predicting 0 or the mean is best).
    error : TheoryError
        The prediction at that ridge (at the largest one tried, where ``ridge`` is ``inf``).
    """

    ridge: float
    error: TheoryError


def _minimise(f: Callable[[float], float], lower: float, upper: float) -> float:
    """The least of a smooth function on [lower, upper]: a grid of step ½, then Brent's method around its least point."""
    import scipy.optimize

    grid = np.arange(lower, upper + 0.25, 0.5)
    i = int(np.argmin([f(float(x)) for x in grid]))
    # A minimum of a smooth f is flat: its place is defined to √eps.
    bounds = (float(grid[max(i - 1, 0)]), float(grid[min(i + 1, grid.size - 1)]))
    return float(scipy.optimize.minimize_scalar(f, bounds=bounds, method="bounded", options={"xatol": 1e-7}).x)


def optimal_ridge(model: Model, task: Task, sizes: Sizes | Ratios, error: Which = "icl") -> OptimalRidge:
    r"""The λ which minimises the predicted ICL error (or ``error="idg"``), everything else as in ``model``.

    The search runs over :math:`\log_{10}\lambda\in[-12,6]` and compares with λ = 0.

    Raises
    ------
    HypothesisError
        For a random head in the limit, where λ plays no role.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer
    >>> ratios = Ratios(alpha=1, kappa=float("inf"), tau=1)
    >>> best = optimal_ridge(LinearTransformer(ridge=0), Task("identity", noise=0.5), ratios)
    >>> print(f"{best.ridge:.4f} {best.error.icl:.4f}")
    6.8750 1.4117
    """
    if isinstance(model, RandomTransformer) and isinstance(sizes, Ratios):
        raise HypothesisError(
            "the ridge has an effect on the error",
            f"{model} at {sizes}, where the ridge per sample λ/d is 0",
            "pass Sizes.from_ratios(d, …) for a d",
        )

    def at(ridge: float) -> TheoryError:
        return icl_error(_with_ridge(model, ridge), task, sizes)

    def value(log: float) -> float:
        return float(getattr(at(10.0**log), error))

    ends = (-12.0, 6.0)
    best = _minimise(value, *ends)
    ridge = 10.0**best
    found, without = at(ridge), at(0.0)
    if getattr(without, error) <= getattr(found, error) * (1 + 1e-12):
        return OptimalRidge(0.0, without)
    return OptimalRidge(math.inf if best > ends[1] - 0.5 else ridge, found)


def _with_ridge(model: Model, ridge: float) -> Model:
    """The same model with another λ."""
    if isinstance(model, RandomTransformer):
        return RandomTransformer(model.activation, ridge, model.normalise)
    return replace(model, ridge=ridge)


@dataclass(frozen=True)
class BestHead:
    r"""The head of least error in the limit.

    Attributes
    ----------
    residual_ratio : float
        :math:`c_*^2/c_1^2`, the one property of a head with c₀ ≠ 0 on which the limiting error depends; 0 is a linear head.
    error : TheoryError
        The least error.
    """

    residual_ratio: float
    error: TheoryError


def head_error(residual_ratio: float, task: Task, ratios: Ratios) -> TheoryError:
    r"""The limiting error of a head with c₀ ≠ 0 and :math:`c_*^2/c_1^2` = ``residual_ratio``.

    Examples
    --------
    ReLU has c_1 = 1/2 and c_*² = 1/4 − 1/(2π):

    >>> import numpy as np
    >>> ratios, task = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3), Task("relu", noise=0.01)
    >>> one = head_error(1 - 2 / np.pi, task, ratios)
    >>> abs(one.icl - icl_error(RandomTransformer("relu", 0), task, ratios).icl) < 1e-12
    True
    """
    head = PolynomialActivation(f"c_*²/c_1² = {residual_ratio:g}", (1.0, 1.0), math.sqrt(residual_ratio))
    return icl_error(RandomTransformer(head, 0.0), task, ratios)


def best_head(task: Task, ratios: Ratios, error: Which = "icl") -> BestHead:
    r"""The :math:`c_*^2/c_1^2` of least error at given ratios, over :math:`[10^{-8},10^{8}]` and 0.

    In the limit the error depends on a head with c₀ ≠ 0 through this ratio alone: the nonlinear part acts as a ridge.

    Examples
    --------
    >>> best = best_head(Task("relu", noise=0.01), Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3))
    >>> print(f"{best.residual_ratio:.3f} {best.error.icl:.4f}")
    1.655 0.6296
    """

    def value(log: float) -> float:
        return float(getattr(head_error(10.0**log, task, ratios), error))

    best = 10.0 ** _minimise(value, -8.0, 8.0)
    found, linear = head_error(best, task, ratios), head_error(0.0, task, ratios)
    if getattr(linear, error) <= getattr(found, error) * (1 + 1e-12):
        return BestHead(0.0, linear)
    return BestHead(best, found)
