"""The training proportions of least test error, with a certificate."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array
from hermite_eq.models import Model, Sizes, Task
from hermite_eq.theory.arguments import check_mixture
from hermite_eq.theory.design.mixing import MixingCurve, Ridge, at_ridge, check_ridge, curve_given, mixtures, reweighted
from hermite_eq.theory.design.mixing_gradient import MixingGradient, gradient_at, law_of_all
from hermite_eq.theory.design.mixing_response import Response
from hermite_eq.theory.design.optimum import with_ridge
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.prediction import TheoryError

Array = NDArray[np.float64]

#: Shares below it are tried at 0, where the derivative says that they fall.
_SMALL = 1e-6
#: What counts as equally good: 1 %.
_MARGIN = 0.01
#: Accuracy of the ends of the interval of shares that are equally good.
_END = 1e-4
#: Polishing ends where the first-order conditions hold to this share of the error.
_STATIONARY = 1e-10


@dataclass(frozen=True, eq=False)
class BestMixture:
    r"""The mixture of least predicted ICL error.

    Attributes
    ----------
    model, task, sizes
        What was asked; the model has the λ of the optimum, the task the test weights asked for.
    weights : (S,) array
        The best training proportions.
    ridge : float
        λ there; ``inf`` where the error falls as long as λ grows.
    error : TheoryError
    gradient : (S,) array
        Derivatives of the ICL error towards each source (:class:`MixingGradient`): 0 for sources that are used, and for the others what
        a first share of them would cost.
    residual : float
        By how much the first-order conditions are missed, relative to the error: the largest :math:`|g_s|` where :math:`\pi_s>0`, and
        :math:`-g_s` where :math:`\pi_s=0`.
    unused : tuple of int
        Sources that should not be trained on.
    within : (S, 2) array
        The interval of each share on which the error is within 1 % of the least, the others keeping their proportions.
    given, matched : float
        ICL error at the weights of the task, and at the weights of the test.
    alone : (S,) array
        ICL error where one source is trained on.
    curve : MixingCurve or None
        The global check for two sources: no mixture on it is better.

    References
    ----------
    [DM] asks which sources are good to train on.
    """

    model: Model
    task: Task
    sizes: Sizes
    weights: Array
    ridge: float
    error: TheoryError
    gradient: Array
    residual: float
    unused: tuple[int, ...]
    within: Array
    given: float
    matched: float
    alone: Array
    curve: MixingCurve | None

    def __str__(self) -> str:
        shares = ", ".join(f"{weight:.3f}" for weight in self.weights)
        alone = ", ".join(f"{error:.4f}" for error in self.alone)
        parts = [f"best weights {shares}: ICL {self.error.icl:.4f} (as given {self.given:.4f}, as in the test {self.matched:.4f}, "
                 f"one source alone {alone})"]  # fmt: skip
        parts += [f"source {s} should not be trained on" for s in self.unused]
        ranges = ", ".join(f"[{low:.2f}, {high:.2f}]" for low, high in self.within)
        parts.append(f"within 1 % for shares in {ranges}")
        return "; ".join((*parts, *self.error.notes))


class _Objective:
    """The ICL error and its gradient at mixtures of given populations, at a fixed λ or at the best one for each mixture."""

    def __init__(self, law: MomentLaw, sizes: Sizes, ridge: Ridge) -> None:
        near: float | None = None

        @cache
        def solve(weights: tuple[float, ...], near_by: bool = True) -> tuple[Response, float]:
            nonlocal near
            chosen, near = at_ridge(reweighted(law, weights), sizes, ridge, near if near_by else None)
            return Response(chosen, sizes), near

        # At a best λ the derivative in λ is zero: the gradient of the minimum is the gradient at λ held.
        self._solve, self._gradient = solve, cache(gradient_at)

    def solved(self, weights: Array, *, anew: bool = False) -> tuple[Response, float]:
        """The solution and its λ; ``anew`` looks for the best λ over the whole range, not next to the one before."""
        return self._solve(tuple(float(w) for w in weights), not anew)

    def gradient(self, weights: Array) -> MixingGradient:
        return self._gradient(self.solved(weights)[0])

    def icl(self, weights: Array) -> float:
        return self.solved(weights)[0].icl


def _residual(result: MixingGradient) -> float:
    """By how much the first-order conditions are missed."""
    missed = np.where(result.weights > 0, np.abs(result.icl), np.maximum(-result.icl, 0.0))
    return float(missed.max() / result.error.icl)


def _simplex(weights: Array) -> Array:
    """On the simplex to rounding, tiny shares kept."""
    clipped = np.maximum(weights, 0.0)
    return np.asarray(clipped / clipped.sum())


def _descend(objective: _Objective, start: Array) -> Array:
    """A local minimum on the simplex, from an interior point."""
    import scipy.optimize

    scale = objective.icl(start)

    def value(x: Array) -> tuple[float, Array]:
        result = objective.gradient(_simplex(x))
        return result.error.icl / scale, result.icl / scale

    result = scipy.optimize.minimize(
        value, start, jac=True, method="SLSQP", bounds=[(0.0, 1.0)] * start.size,
        constraints={"type": "eq", "fun": lambda x: x.sum() - 1, "jac": lambda x: np.ones_like(x)}, options={"ftol": 1e-10, "maxiter": 100},
    )  # fmt: skip
    return _polished(objective, _simplex(result.x))


def _polished(objective: _Objective, weights: Array) -> Array:
    """Newton's method for the first-order conditions among the sources that are used, as far as it improves on them."""
    g = objective.gradient(weights).icl
    small = (weights < _SMALL) & (g > 0)
    if small.any():
        weights = _simplex(np.where(small, 0.0, weights))
    for _ in range(8):
        residual = _residual(objective.gradient(weights))
        used = np.flatnonzero(weights > 0)
        if residual <= _STATIONARY or used.size < 2:
            break
        # Directions from the largest share to each of the others; derivatives of the exact gradient by central differences.
        last = used[np.argmax(weights[used])]
        basis = np.array([np.eye(weights.size)[s] - np.eye(weights.size)[last] for s in used if s != last])
        step = min(1e-3, 0.25 * float(weights[used].min()))
        first = basis @ objective.gradient(weights).icl
        second = np.array([
            basis @ (objective.gradient(weights + step * v).icl - objective.gradient(weights - step * v).icl) / (2 * step) for v in basis
        ])  # fmt: skip
        polished = weights - np.linalg.lstsq((second + second.T) / 2, first, rcond=None)[0] @ basis
        if polished.min() < 0 or _residual(objective.gradient(_simplex(polished))) >= residual:
            break
        weights = _simplex(polished)
    return weights


def _best_of_two(objective: _Objective, curve: MixingCurve) -> list[Array]:
    """Every local minimum that the curve shows, as a zero of the derivative or an end."""
    import scipy.optimize

    def mixed(x: float) -> Array:
        return np.array([1 - x, x])

    def slope(x: float) -> float:
        return objective.gradient(mixed(x)).along([-1.0, 1.0])

    x, e = curve.weights[:, 1], curve.icl
    mixtures = []
    for i in range(len(x)):
        low, high = max(i - 1, 0), min(i + 1, len(x) - 1)
        if e[i] > min(e[low], e[high]):
            continue
        a, b = float(x[low]), float(x[high])
        if i == low and slope(a) >= 0:
            mixtures.append(mixed(a))
        elif i == high and slope(b) <= 0:
            mixtures.append(mixed(b))
        elif slope(a) < 0 < slope(b):
            mixtures.append(mixed(float(scipy.optimize.brentq(slope, a, b, xtol=1e-12))))
        else:
            mixtures.append(mixed(float(x[i])))
    return mixtures


def _interval(icl: Callable[[Array], float], weights: Array, s: int, limit: float) -> tuple[float, float]:
    """The shares of source s around its best, the others in proportion, up to which the error stays below ``limit``."""
    import scipy.optimize

    others = np.delete(weights, s)
    others = others / others.sum() if others.sum() > 0 else np.full(others.size, 1 / others.size)

    def excess(x: float) -> float:
        return icl(_simplex(np.insert((1 - x) * others, s, x))) - limit

    ends = []
    for end, sign in ((0.0, -1.0), (1.0, 1.0)):
        inside, step = float(weights[s]), 0.05
        while True:
            x = min(max(inside + sign * step, 0.0), 1.0)
            if excess(x) > 0:
                ends.append(float(scipy.optimize.brentq(excess, inside, x, xtol=_END)))
                break
            inside, step = x, 2 * step
            if x == end:
                ends.append(end)
                break
    return ends[0], ends[1]


def best_mixture(
    model: Model,
    task: Task,
    sizes: Sizes,
    *,
    test_weights: Sequence[float] | str | None = None,
    ridge: Ridge = None,
    starts: ArrayLike | None = None,
) -> BestMixture:
    r"""The training proportions π which minimise the predicted ICL error.

    For two sources every local minimum seen on a curve of 21 mixtures is refined to a zero of the exact derivative, or is an end. For more,
    sequential quadratic programming with the exact gradient from the centre, the task's weights, the test's and next to every single
    source, and then Newton's method: the least of the minima found, which need not be the global one.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
        Its ``weights`` are what the best are compared with.
    sizes : Sizes
        With ``tasks=math.inf``.
    test_weights : sequence of float, "uniform", "training" or None
        Of the sources in the test; by default those of the task.
    ridge : float, "optimal" or None
        As in :func:`mixing_curve`; ``"optimal"`` minimises over λ too.
    starts : array_like, shape (N, S), optional
        Further mixtures to start from.

    Returns
    -------
    BestMixture

    Raises
    ------
    HypothesisError
        As :func:`mixing_curve`; also where the error diverges.

    References
    ----------
    Derivation of the gradient: ``derivations/heads/mixing_gradient.py``.

    Examples
    --------
    Two targets which share their linear part, each with half of the test: both are needed.

    >>> import math
    >>> from hermite_eq.models import LinearTransformer, Source
    >>> task = Task(sources=[Source("relu", noise=0.1), Source("tanh", noise=0.3)], unit_inputs=True, unit_link=True)
    >>> sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=2)
    >>> best = best_mixture(LinearTransformer(ridge=2.0, intercept=True), task, sizes)
    >>> best.weights.round(1), best.residual < 1e-9, best.unused
    (array([0.5, 0.5]), True, ())
    >>> bool(best.error.icl <= best.given < min(best.alone))
    True
    """
    check_ridge(ridge)
    check_mixture(task)
    if test_weights is not None:
        conventions = {"unit_inputs": task.unit_inputs, "unit_link": task.unit_link}
        task = Task(sources=task.sources, weights=task.weights, test_weights=test_weights, **conventions)
    law = law_of_all(model, task, sizes)
    S = len(task.sources)
    more = np.empty((0, S)) if starts is None else mixtures(np.atleast_2d(array(starts, "starts", nan=True, empty=True)), S)
    objective = _Objective(law, sizes, ridge)
    alone = np.array([objective.icl(row) for row in np.eye(S)])
    own, test = np.array(task.weights), np.array(task.test_weights)
    curve = curve_given(law, model, task, sizes, mixtures(None, S), ridge) if S == 2 else None
    centre = np.full(S, 1 / S)
    begin = np.vstack([centre, own, test, *(0.9 * row + 0.1 * centre for row in np.eye(S))]) if curve is None else np.empty((0, S))
    begin = np.vstack([begin, more])
    # A start on the boundary is moved off it: there a descent would have to choose which sources to let in.
    distinct = np.unique((0.98 * begin + 0.02 * centre).round(12), axis=0)
    optima = [_descend(objective, _simplex(start)) for start in distinct]
    optima += [*np.eye(S)] if curve is None else _best_of_two(objective, curve)
    weights = min(optima, key=objective.icl)
    near, anew = objective.solved(weights), objective.solved(weights, anew=True)
    solution, best = anew if anew[0].icl < near[0].icl * (1 - 1e-9) else near
    at = gradient_at(solution)
    limit = (1 + _MARGIN) * at.error.icl
    within = np.array([_interval(objective.icl, weights, s, limit) for s in range(1 if S == 2 else S)])
    if S == 2:
        within = np.vstack([within, 1 - within[:, ::-1]])
    unused = tuple(int(s) for s in np.flatnonzero(weights == 0))
    return BestMixture(
        with_ridge(model, solution.law.head.ridge), task, sizes, weights, best, at.error, at.icl, _residual(at), unused, within,
        objective.icl(own), objective.icl(test), alone, curve,
    )  # fmt: skip
