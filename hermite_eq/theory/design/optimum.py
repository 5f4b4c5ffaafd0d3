"""Optima of the predicted error: the best ridge, and the best head."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation, activation, lipschitz_violation, registered_names
from hermite_eq.arguments import non_negative, one_of
from hermite_eq.errors import HypothesisError
from hermite_eq.models import PolynomialActivation, RandomTransformer, Ratios, Sizes, Task, TrainedModel
from hermite_eq.theory.arguments import check_points
from hermite_eq.theory.error import icl_error
from hermite_eq.theory.feature_law.choice import feature_law, isotropic_law
from hermite_eq.theory.feature_law.finite_size import BeyondExpansionError
from hermite_eq.theory.feature_law.head import Head, HeadMoments
from hermite_eq.theory.feature_law.law import IsotropicLaw, Place
from hermite_eq.theory.feature_law.limit import HeadLimit, TargetMoments
from hermite_eq.theory.prediction import ErrorArrays, TheoryError

Array = NDArray[np.float64]
Which = Literal["icl", "idg"]
M = TypeVar("M", bound=TrainedModel)


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


#: log₁₀ λ searched; the grid's step, and how often nine points about the least one follow, four times closer each time.
_DECADES, _STEP, _ROUNDS = (-12.0, 6.0), 0.5, 8


def _least(at: Callable[[Array], Array], lower: float, upper: float, rows: int = 1) -> tuple[Array, Array]:
    """Places and values of the least of several smooth functions on [lower, upper], to 4·10⁻⁶, the error there to its square.

    ``at`` takes (rows, G) places to values, one row for each function.
    """
    step = _STEP
    x = np.broadcast_to(np.arange(lower, upper + step / 2, step), (rows, round((upper - lower) / step) + 1))
    for _ in range(_ROUNDS + 1):
        values = at(x)
        i = np.argmin(values, axis=1)[:, None]
        place, least = np.take_along_axis(x, i, 1)[:, 0], np.take_along_axis(values, i, 1)[:, 0]
        x = np.clip(place[:, None] + step * np.linspace(-1, 1, 9), lower, upper)
        step /= 4
    return place, least


def _least_of_one(at: Callable[[float], float], near: float) -> tuple[float, float]:
    """Place and value of the least of one function that takes time: next to ``near``, where it is finite and that is a minimum."""
    import scipy.optimize

    everywhere = np.arange(_DECADES[0], _DECADES[1] + _STEP / 2, _STEP)
    for grid in (near + _STEP * np.arange(-2, 3), everywhere) if math.isfinite(near) else (everywhere,):
        values = [at(float(x)) for x in grid]
        i = int(np.argmin(values))
        if 0 < i < grid.size - 1:
            ends = float(grid[i - 1]), float(grid[i + 1])
            optimum = scipy.optimize.minimize_scalar(at, bounds=ends, method="bounded", options={"xatol": 1e-5})
            return float(optimum.x), float(optimum.fun)
    return float(grid[i]), float(values[i])


def _ridges(place: Array, least: Array, without: Array) -> Array:
    """λ of the least error, 0 where that is no less ``without`` ridge, ``inf`` at the upper end."""
    ridges = np.where(place > _DECADES[1] - _STEP, math.inf, 10.0**place)
    return np.where(without <= least * (1 + 1e-12), 0.0, ridges)


def optimal_ridge(model: TrainedModel, task: Task, sizes: Sizes | Ratios, error: Which = "icl") -> OptimalRidge:
    r"""The λ which minimises the predicted ICL error (or ``error="idg"``), everything else as in ``model``.

    The search is that of :func:`optimal_ridge_curve` where one spectrum describes all samples. Elsewhere it begins at its λ, where the task
    is isotropic, or on the same grid: some twenty errors, or fifty.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
        Its ridge plays no role.
    task : Task
    sizes : Sizes or Ratios
    error : {"icl", "idg"}

    Raises
    ------
    HypothesisError
        For a random head in the limit, where λ plays no role.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer
    >>> ratios = Ratios(alpha=1, kappa=float("inf"), tau=1)
    >>> best = optimal_ridge(LinearTransformer(ridge=0), Task("identity", noise=0.5), ratios)
    >>> print(f"{best.ridge:.3f} {best.error.icl:.4f}")
    6.875 1.4117
    """
    one_of(error, ("icl", "idg"), "error")
    check_points([sizes], Ratios if isinstance(sizes, Ratios) else Sizes)
    # What is no model has no ridge to replace; of a ridge that is not 0 more is known of some laws.
    Head.of(model, step=True)
    law = feature_law(with_ridge(model, 1.0), task, [sizes])
    if isinstance(sizes, Ratios) and not law.head.linear:
        raise HypothesisError(
            "the ridge has an effect on the error",
            f"{model} at {sizes}, where the ridge per sample λ/d is 0",
            "pass Sizes.from_ratios(d, …) for a d",
        )
    ridge, isotropic = math.nan, isinstance(law, IsotropicLaw)
    if isotropic or (task.isotropic and not law.head.step):
        try:
            ridge = float(_best_ridges(law if isinstance(law, IsotropicLaw) else isotropic_law(model, task, sizes), [sizes], error)[0][0])
        except BeyondExpansionError:
            isotropic = False
    if not isotropic:

        def at(ridge: float) -> float:
            return float(getattr(icl_error(with_ridge(model, ridge), task, sizes), error))

        near = math.log10(ridge) if 0 < ridge < math.inf else math.nan
        place, least = _least_of_one(lambda log: at(10.0**log), near)
        # After a gradient step, and beyond an expansion in 1/d, there is no theory without a ridge.
        try:
            without = math.inf if law.head.step else at(0.0)
        except BeyondExpansionError:
            without = math.inf
        ridge = float(_ridges(np.array(place), np.array(least), np.array(without)))
    return OptimalRidge(ridge, icl_error(with_ridge(model, ridge if ridge < math.inf else 10.0 ** _DECADES[1]), task, sizes))


def _best_ridges(law: IsotropicLaw, points: Sequence[Sizes | Ratios], error: Which) -> tuple[Array, Array]:
    """λ of the least error at each point, and that error."""
    place = Place.of(law.head, points)

    def at(ridge: Array) -> Array:
        columns = np.broadcast_arrays(*(x[:, None] for x in vars(place).values()), ridge)
        errors = law.errors(Place(*(x.ravel() for x in (*columns[:-2], columns[-1]))))
        return np.asarray(getattr(errors, error)).reshape(ridge.shape)

    place_of_least, least = _least(lambda log: at(10.0**log), *_DECADES, len(points))
    without = at(np.zeros((len(points), 1)))[:, 0]
    ridge = _ridges(place_of_least, least, without)
    return ridge, np.where(ridge > 0, least, without)


def with_ridge(model: M, ridge: float) -> M:
    """The same model with another λ."""
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
    activation : str
        The registered Lipschitz activation with c₀ ≠ 0 (with any c₀ where the labels have no mean) whose error comes closest. Where the
        best ratio is 0 the closest ratio need not: a small :math:`c_*` without ridge moves the peak from n = D to n = m.
    activation_ratio : float
        Its :math:`c_*^2/c_1^2`.
    activation_error : TheoryError
        Its error.
    """

    residual_ratio: float
    error: TheoryError
    activation: str
    activation_ratio: float
    activation_error: TheoryError


def head_error(residual_ratio: float, task: Task, ratios: Ratios) -> TheoryError:
    r"""The limiting error of a head with c₀ ≠ 0 and :math:`c_*^2/c_1^2` = ``residual_ratio``.

    Parameters
    ----------
    residual_ratio : float
    task : Task
    ratios : Ratios

    Raises
    ------
    HypothesisError
        If the ratio is negative or not finite, or the ratios come without μ.

    Examples
    --------
    ReLU has c_1 = 1/2 and c_*² = 1/4 − 1/(2π):

    >>> import numpy as np
    >>> ratios, task = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3), Task("relu", noise=0.01)
    >>> one = head_error(1 - 2 / np.pi, task, ratios)
    >>> abs(one.icl - icl_error(RandomTransformer("relu", 0), task, ratios).icl) < 1e-12
    True
    """
    check_points([ratios], Ratios)
    residual_ratio = non_negative(
        residual_ratio, "residual_ratio", requirement="c_*²/c_1² is finite and ≥ 0", repair="pass residual_ratio=0.5, say"
    )
    return icl_error(_head(residual_ratio), task, ratios)


def _head(residual_ratio: float) -> RandomTransformer:
    return RandomTransformer(PolynomialActivation(f"c_*²/c_1² = {residual_ratio:g}", (1.0, 1.0), math.sqrt(residual_ratio)), 0.0)


def _head_errors(residual_ratio: Array, task: Task, ratios: Ratios) -> ErrorArrays:
    """:func:`head_error` at many residual ratios, shape (P,)."""
    ones = np.ones_like(residual_ratio)
    moments = HeadMoments(ones[:, None], ones[:, None], 0 * ones[:, None], residual_ratio[:, None])
    law = HeadLimit(head=Head.of(_head(0.0)), target=TargetMoments.of(task), moments=moments)
    return law.errors(Place(*(x * ones for x in vars(Place.of(law.head, [ratios])).values())))


def best_head(task: Task, ratios: Ratios, error: Which = "icl") -> BestHead:
    r"""The :math:`c_*^2/c_1^2` of least error at given ratios, over :math:`[10^{-8},10^{8}]` and 0.

    In the limit the error depends on a head with c₀ ≠ 0 through this ratio alone: the nonlinear part acts as a ridge.

    Parameters
    ----------
    task : Task
    ratios : Ratios
    error : {"icl", "idg"}

    Raises
    ------
    HypothesisError
        If the ratios come without μ, or with a test_alpha.

    Examples
    --------
    >>> best = best_head(Task("relu", noise=0.01), Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3))
    >>> print(f"{best.residual_ratio:.3f} {best.error.icl:.4f}")
    1.655 0.6296
    >>> print(f"{best.activation} {best.activation_ratio:.3f} {best.activation_error.icl:.4f}")
    shifted_relu 0.791 0.6397
    """

    one_of(error, ("icl", "idg"), "error")
    check_points([ratios], Ratios)
    if ratios.test_alpha is not None:
        raise HypothesisError(
            "the contexts of the test are as long as those of training: at another scale a head has other coefficients",
            f"{ratios}",
            "leave test_alpha out, or compare heads by icl_error",
        )

    def at(log: Array) -> Array:
        return np.asarray(getattr(_head_errors(10.0 ** log.ravel(), task, ratios), error)).reshape(log.shape)

    linear = head_error(0.0, task, ratios)
    best = 10.0 ** float(_least(at, -8.0, 8.0)[0][0])
    best_error = head_error(best, task, ratios)
    if getattr(linear, error) <= getattr(best_error, error) * (1 + 1e-12):
        best, best_error = 0.0, linear
    heads = tuple(activation(name) for name in registered_names())
    ratios_by_name = _residual_ratios(heads, TargetMoments.of(task).mean == 0)
    values = getattr(_head_errors(np.array(list(ratios_by_name.values())), task, ratios), error)
    # Among equal errors (at the peak all are infinite) the closer ratio.
    _, _, name = min((value, abs(ratio - best), name) for value, (name, ratio) in zip(values, ratios_by_name.items(), strict=True))
    return BestHead(best, best_error, name, ratios_by_name[name], head_error(ratios_by_name[name], task, ratios))


@lru_cache(maxsize=4)
def _residual_ratios(heads: tuple[Activation, ...], any_mean: bool) -> dict[str, float]:
    """c_*²/c_1² of the Lipschitz activations with c_1 ≠ 0, and with c_0 ≠ 0 unless ``any_mean``, by name."""
    ratios = {}
    for head in heads:
        if lipschitz_violation(head):
            continue
        moments = HeadMoments.of(head)
        if moments.c1[0] != 0 and (any_mean or moments.c0[0] != 0):
            ratios[head.name] = float(moments.residual2[0] / moments.c1[0] ** 2)
    return ratios


@dataclass(frozen=True, eq=False)
class OptimalRidgeCurve:
    """The best ridge at many points.

    Attributes
    ----------
    points : tuple of Sizes
    ridge : ndarray
        λ of least error; 0 or ``inf`` at the ends of the search, as in :class:`OptimalRidge`.
    error : ndarray
        The error there.
    """

    points: tuple[Sizes, ...]
    ridge: Array
    error: Array


def optimal_ridge_curve(model: TrainedModel, task: Task, points: Sequence[Sizes], error: Which = "icl") -> OptimalRidgeCurve:
    r"""The λ of least predicted error at each of many sizes: the curve λ(μ), or λ(τ).

    A grid of step ½ in :math:`\log_{10}\lambda\in[-12,6]` for all points at once, then eight times nine points about the least one,
    four times closer each time: λ to 4·10⁻⁶ decades, and the error, flat at its minimum, to 10⁻¹¹ of its curvature there. λ = 0 is
    compared with the least. Where one spectrum does not describe all samples it is :func:`optimal_ridge`, point by point.

    Parameters
    ----------
    model, task
    points : sequence of Sizes
        Of equal d, ℓ and k.
    error : {"icl", "idg"}

    Raises
    ------
    HypothesisError
        If the points differ in d, ℓ or k, or a random head comes without hidden units.

    Examples
    --------
    The wider the layer, the more ridge it wants:

    >>> points = [Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=mu) for mu in (0.5, 1.5, 4.5)]
    >>> curve = optimal_ridge_curve(RandomTransformer("relu", ridge=0), Task("relu", noise=0.01), points)
    >>> curve.ridge.round(1)
    array([ 96.4, 124. , 215.8])
    """
    one_of(error, ("icl", "idg"), "error")
    check_points(points, Sizes)
    if len({replace(point, samples=points[0].samples, hidden=points[0].hidden) for point in points}) != 1:
        raise HypothesisError("the points differ in n and m alone", f"{len(points)} points", "pass points of one d, context and tasks")
    Head.of(model, step=True)
    law = feature_law(with_ridge(model, 1.0), task, points)
    if isinstance(law, IsotropicLaw):
        with contextlib.suppress(BeyondExpansionError):
            return OptimalRidgeCurve(tuple(points), *_best_ridges(law, points, error))
    optima = [optimal_ridge(model, task, point, error) for point in points]
    ridges, errors = zip(*((optimum.ridge, getattr(optimum.error, error)) for optimum in optima), strict=True)
    return OptimalRidgeCurve(tuple(points), np.array(ridges), np.array(errors))
