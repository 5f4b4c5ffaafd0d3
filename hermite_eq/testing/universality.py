"""assert_universal: ridge regression on features and on their Gaussian surrogate has the same training and test error."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.arguments import array, count, function, non_negative, outcome, positive, seed, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.simulate.arrays import HOST
from hermite_eq.simulate.training.ridge import solve_dual, solve_primal, solve_singular
from hermite_eq.testing.check import Check, Verdict, conclude, detects, percent
from hermite_eq.testing.decay import decay
from hermite_eq.testing.deviation import Deviation
from hermite_eq.testing.rates import POWER, budget, checked_resolution, declared_rate

Array = NDArray[np.float64]
#: ``draw(count, rng)`` returns independent rows: features (count, p) and labels (count,).
Draw = Callable[[int, np.random.Generator], tuple[Any, Any]]
#: ``feature_map(d, rng)`` draws what is fixed in one run (weights, teacher), and returns the ``draw`` of its rows.
FeatureMap = Callable[[int, np.random.Generator], Draw]
KINDS = ("training", "test")


def assert_universal(
    feature_map: FeatureMap,
    gaussian_map: FeatureMap,
    *,
    dimensions: Sequence[int],
    samples: Callable[[int], int],
    ridge: float,
    deviation: Deviation = Deviation(1.0, order=-0.5),  # noqa: B008 (frozen)
    tolerance: float = 0.25,
    resolution: float = 0.25,
    runs: int = 64,
    test: int | None = None,
    rng: int = 0,
    rate: float | None = None,
) -> Check:
    r"""Assert that ridge regression sees no difference between features and their Gaussian (equivalent) surrogate, as d grows.

    In each of ``runs`` runs at each d both maps get the same seeds, give n training rows and test rows, and

    .. math:: \hat w=\arg\min_w\tfrac1n\sum_i(y_i-w^\top\phi_i)^2+\lambda\|w\|^2

    is fitted. With a the errors of the surrogate and b those of the features, the claim is, for the training error
    :math:`\frac1n\sum_i(y_i-\hat w^\top\phi_i)^2` and the test error alike,

    - at every d: :math:`|\mathbb Eb-\mathbb Ea|\le Cd^{\text{order}}\,\mathbb Ea`, the ``deviation`` declared;
    - over the ladder: the relative gap vanishes as :math:`d^{\text{order}}` or faster, as in :func:`assert_rate`.

    The first is tested by Student's t of :math:`b-(1\pm\delta_d)a` over the runs (normal up to the central limit theorem over the
    rows of a run), the second by the intersection-union test of :mod:`hermite_eq.testing.decay`; all of them share the rate.

    Parameters
    ----------
    feature_map, gaussian_map : callable
        ``feature_map(d, rng)`` draws what a run keeps fixed (weights, teacher) and returns ``draw``; ``draw(count, rng)`` returns
        independent rows: features of shape (count, p) and labels of shape (count,). Both maps see equal generators, so that they share
        what they draw in the same order.
    dimensions : sequence of int
        The ladder of d, at least two.
    samples : callable
        n for each d, such as ``lambda d: 2 * d``.
    ridge : float
        λ > 0.
    deviation : Deviation
        The relative gap allowed, with its order.
    tolerance : float
        What the next order may add to the exponent, see :func:`assert_rate`.
    resolution : float
        At the largest d, a relative gap of this much beyond the deviation has to be seen with probability 99 %.
    runs : int
        Runs at each d (eight times as many in the thorough profile).
    test : int, optional
        Test rows; by default four times n, and 1000 at least.
    rng : int
    rate : float, optional

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If a training or test error differs, or the gap does not vanish at the rate.
    HypothesisError
        For features that are not finite or of the wrong shape, maps with different numbers of features, or too few runs to conclude.

    Examples
    --------
    >>> import numpy as np
    >>> def inputs(draw_entries):
    ...     def at(d, rng):
    ...         teacher = rng.standard_normal(d)
    ...         def draw(count, rng):
    ...             x = draw_entries(rng, (count, d)) / np.sqrt(d)
    ...             return x, x @ teacher + 0.5 * rng.standard_normal(count)
    ...         return draw
    ...     return at
    >>> rademacher = inputs(lambda rng, shape: rng.choice([-1.0, 1.0], size=shape))
    >>> gaussian = inputs(lambda rng, shape: rng.standard_normal(shape))
    >>> check = assert_universal(rademacher, gaussian, dimensions=(20, 40), samples=lambda d: 2 * d, ridge=0.1, runs=40)
    >>> print(check.verdict)
    agrees
    """
    level, resolution = declared_rate(rate), checked_resolution(resolution)
    function(feature_map, "feature_map")
    function(gaussian_map, "gaussian_map")
    function(samples, "samples", "n for each d")
    rng, tolerance = seed(rng, "rng"), non_negative(tolerance, "tolerance")
    test = None if test is None else count(test, "test", "test rows", least=1)
    ladder = sorted(count(d, "dimensions", least=1) for d in sequence(dimensions, "dimensions"))
    if len(set(ladder)) < 2 or len(set(ladder)) < len(ladder):
        raise HypothesisError(
            "the ladder has two or more different dimensions", f"dimensions={dimensions!r}", "pass dimensions=(20, 40, 80)"
        )
    if not isinstance(deviation, Deviation):
        raise HypothesisError("the deviation of a ladder has an order", f"{deviation!r}", "pass Deviation(1.0, order=-0.5)")
    if not deviation.order + tolerance < 0:
        raise HypothesisError(
            "order + tolerance < 0: the gap vanishes",
            f"order={deviation.order:g}, tolerance={tolerance:g}",
            "pass Deviation(1.0, order=-0.5), tolerance=0.25",
        )
    ridge = positive(ridge, "ridge", requirement="the ridge is positive and finite", repair="pass ridge=1e-3, say")
    total = budget(count(runs, "runs"))
    if total < 8:
        raise HypothesisError("a scatter over runs is known from 8 of them", f"runs={runs!r}", "pass runs=64")
    numbers = [count(outcome(samples, "samples", d), "samples(d)", least=1) for d in ladder]
    errors = np.array([_errors(feature_map, gaussian_map, d, n, test, ridge, total, rng) for d, n in zip(ladder, numbers, strict=True)])
    # (d, run, map, kind)
    statistics = 2 * len(KINDS) * len(ladder)
    share = level / 2 / statistics
    worst_p, finding, detectable = 1.0, "", 0.0
    gaps = np.empty((len(KINDS), len(ladder), total))
    largest = -math.inf
    for i, d in enumerate(ladder):
        delta = deviation.at(d)
        for j, kind in enumerate(KINDS):
            b, a = errors[i, :, 0, j], errors[i, :, 1, j]
            gaps[j, i] = (b - a) / a.mean()
            mean, stderr = float(gaps[j, i].mean()), float(gaps[j, i].std(ddof=1)) / math.sqrt(total)
            watched = [b - (1 + delta) * a, (1 - delta) * a - b]
            p = min(map(_p, watched)) * 2 * statistics
            if d == ladder[-1]:
                scatter = max(float(values.std(ddof=1)) for values in watched) / (float(a.mean()) * math.sqrt(total))
                detectable = max(detectable, scatter * float(scipy.stats.t.isf(share, total - 1) + scipy.stats.norm.isf(1 - POWER)))
            if p < worst_p or (worst_p >= 1 and abs(mean) / delta > largest):
                largest = abs(mean) / delta
                finding = f"The {kind} errors at d = {d} differ by {mean:+.3f} ± {stderr:.3f} of their size, with {delta:.3g} allowed"
                worst_p = min(worst_p, p)
    # What is left of the rate goes to the slopes.
    slopes = [decay(np.array(ladder, float), list(gaps[j]), True, deviation.order, tolerance, level / 4) for j in range(len(KINDS))]
    slope_p = min(1.0, 4 * min(slope.p_value for slope in slopes))
    if slope_p < worst_p:
        j = min(range(len(KINDS)), key=lambda index: slopes[index].p_value)
        ends = " to ".join(f"{gaps[j, i].mean():+.3f} ± {gaps[j, i].std(ddof=1) / math.sqrt(total):.3f}" for i in (0, -1))
        finding = (
            f"The relative gap of the {KINDS[j]} errors goes from {ends} between d = {ladder[0]} and {ladder[-1]}, an exponent of "
            f"{slopes[j].slope:.2f} where {deviation.order:g} was claimed"
        )
    p_value = min(1.0, worst_p, slope_p)
    visible = min(slope.visible for slope in slopes)
    power = detects(f"at d = {ladder[-1]} a relative difference of {percent(deviation.at(ladder[-1]) + detectable)}")
    power += f", and an exponent of {visible:.2f} or more" if visible < 0 else "; the gap is too small for its exponent to be judged"
    verdict, repair = Verdict.AGREES, ""
    if p_value <= level:
        verdict = Verdict.DIFFERENT
    elif detectable > resolution:
        verdict = Verdict.INCONCLUSIVE
        # Half as many again, for the scatter is itself an estimate.
        repair = (
            f"pass runs={math.ceil(1.5 * runs * (detectable / resolution) ** 2)} to see {percent(resolution)} beyond the deviation allowed"
        )
    claim = f"ridge regression has the same errors on the features as on their surrogate, up to {deviation}"
    return conclude(Check("assert_universal", claim, verdict, p_value, level, finding, power, repair))


def _p(values: Array) -> float:
    """The one-sided p-value of a mean of at most 0."""
    spread = float(values.std(ddof=1))
    mean = float(values.mean())
    if spread == 0:
        return 1.0 if mean <= 0 else 0.0
    return float(scipy.stats.t.sf(math.sqrt(len(values)) * mean / spread, len(values) - 1))


def _errors(
    feature_map: FeatureMap, gaussian_map: FeatureMap, d: int, n: int, test: int | None, ridge: float, runs: int, rng: int
) -> Array:
    """Training and test errors of both maps, shape (runs, 2, 2)."""
    rows = max(1000, 4 * n) if test is None else test
    errors = np.empty((runs, 2, len(KINDS)))
    for run in range(runs):
        widths = []
        for which, build in enumerate((feature_map, gaussian_map)):
            fixed, training, fresh = (np.random.default_rng(s) for s in np.random.SeedSequence((rng, d, run)).spawn(3))
            draw = function(outcome(build, "a feature map", d, fixed), "draw", "what a feature map returns")
            features, y = _rows(draw, n, training)
            weights = _ridge(features, y, ridge * n)
            tested, label = _rows(draw, rows, fresh)
            errors[run, which] = np.mean((y - features @ weights) ** 2), np.mean((label - tested @ weights) ** 2)
            widths.append(features.shape[1])
        if widths[0] != widths[1]:
            raise HypothesisError(
                "both maps have the same number of features",
                f"{widths[0]} and {widths[1]} at d = {d}",
                "let the surrogate have one column for each feature",
            )
    return errors


def _rows(draw: Draw, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    drawn = sequence(outcome(draw, "draw", count, rng), "draw(count, rng)")
    features, labels = (array(values, "draw(count, rng)", nan=True, empty=True) for values in (drawn if len(drawn) == 2 else ((), ())))
    if features.ndim != 2 or len(features) != count or labels.shape != (count,):
        raise HypothesisError(
            "draw(count, rng) returns features of shape (count, p) and labels of shape (count,)",
            f"shapes {features.shape} and {labels.shape} for count={count}",
            "return one row and one label for each draw",
        )
    if not (np.isfinite(features).all() and np.isfinite(labels).all()):
        raise HypothesisError("features and labels are finite", "NaN or infinite values", "find where the features overflow")
    return features, labels


def _ridge(features: Array, y: Array, penalty: float) -> Array:
    n, p = features.shape
    if n >= p:
        gram = HOST.system(features.T @ features)
        (fit,) = solve_primal(gram, features.T @ y, features.sum(axis=0), float(y.sum()), n, penalty, [False])
    else:
        (fit,) = solve_dual(HOST.system(features @ features.T), y, penalty, [False], lambda alpha: features.T @ alpha)
    return (fit or solve_singular(features, y, penalty, False)).weights
