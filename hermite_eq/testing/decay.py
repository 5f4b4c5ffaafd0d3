r"""assert_rate: a gap vanishes with the dimension at least as fast as a power of it.

The claim, for the largest d and every smaller :math:`d_i`, with the exponent ω = order + tolerance:

.. math:: |\mathbb E\,g_{\max}|\le(d_{\max}/d_i)^{\omega}\,|\mathbb E\,g_i|.

It is false where :math:`g_{\max}-\varrho g_i` and :math:`g_{\max}+\varrho g_i`, ϱ the power, both have positive, or both negative, means:
each of the two is tested by Student's t, and the larger p-value taken (an intersection-union test,
``derivations/statistics/deviation_nulls.py``).
No logarithm of a noisy number is taken.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, finite, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.testing.check import Check, Verdict, conclude, detects
from hermite_eq.testing.rates import POWER, declared_rate

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Decay:
    """What a ladder of gaps says about its exponent.

    Attributes
    ----------
    p_value : float
        Of the claim of :mod:`hermite_eq.testing.decay`.
    slope : float
        log|g_max/g_min| / log(d_max/d_min), a point estimate.
    visible : float
        The least exponent that would have been seen to be too slow, with probability 99 %, by a gap that is as large at the smallest d.
    shortage : float
        By which factor more runs are needed until a gap that does not vanish (exponent 0) would be seen.
    """

    p_value: float
    slope: float
    visible: float
    shortage: float


def decay(sizes: Array, columns: Sequence[Array], paired: bool, order: float, tolerance: float, rate: float) -> Decay:
    """Test the claim at ``rate``; ``paired``: entry i of every column comes from run i."""
    order_of = np.argsort(sizes)
    d = sizes[order_of]
    gaps = [columns[i] for i in order_of]
    last, p_value = gaps[-1], 1.0
    for size, gap in zip(d[:-1], gaps[:-1], strict=True):
        power = (d[-1] / size) ** (order + tolerance)
        t = [_score(last, sign * power * gap, paired) for sign in (-1, 1)]
        sides = [max(float(scipy.stats.t.sf(side * score, freedom)) for score, freedom, _ in t) for side in (1, -1)]
        p_value = min(p_value, 2 * (len(d) - 1) * min(sides))
    first = gaps[0]
    lever = float(d[-1] / d[0])
    power = lever ** (order + tolerance)
    _, freedom, stderr = _score(last, -power * first, paired)
    level = rate / (2 * (len(d) - 1))
    reach = stderr * float(scipy.stats.t.isf(level, freedom) + scipy.stats.norm.isf(1 - POWER))
    size = abs(float(first.mean()))
    visible = math.log(power + reach / size) / math.log(lever) if size > 0 else math.inf
    shortage = (reach / (size * (1 - power))) ** 2 if size > 0 else math.inf
    ends = abs(float(last.mean())), size
    slope = math.log(ends[0] / ends[1]) / math.log(lever) if min(ends) > 0 else -math.inf
    return Decay(min(1.0, p_value), slope, visible, shortage)


def _score(first: Array, second: Array, paired: bool) -> tuple[float, float, float]:
    """The t statistic of the mean of one + other, its degrees of freedom (Welch's where not paired), and the standard error."""
    if paired:
        total = first + second
        stderr, freedom = float(total.std(ddof=1)) / math.sqrt(len(total)), float(len(total) - 1)
    else:
        parts = [float(values.var(ddof=1)) / len(values) for values in (first, second)]
        stderr = math.sqrt(sum(parts))
        freedom = (
            sum(parts) ** 2 / sum(part**2 / (len(v) - 1) for part, v in zip(parts, (first, second), strict=True)) if stderr else math.inf
        )
    mean = float(first.mean() + second.mean())
    return (mean / stderr if stderr else math.copysign(math.inf, mean) if mean else 0.0), freedom, stderr


def assert_rate(
    sizes: Sequence[float] | ArrayLike,
    gaps: Iterable[ArrayLike] | Array,
    order: float = -0.5,
    *,
    tolerance: float = 0.25,
    rate: float | None = None,
) -> Check:
    r"""Assert that a gap vanishes at least as fast as :math:`d^{\text{order}}`.

    Parameters
    ----------
    sizes : sequence of numbers
        The dimensions d, at least two.
    gaps : (runs, sizes) array, or a sequence of arrays
        The gap of every run at every d, its sign included. The rows of an array are runs, within which the gaps may depend on each other;
        a sequence holds one array for each d, of any lengths, independent of each other.
    order : float
        The exponent claimed, negative.
    tolerance : float
        What the next order of the expansion may add to the exponent between the sizes at hand: with
        :math:`g=Cd^{-1/2}(1+\beta/d)` it adds about β/d. The claim tested is order + tolerance.
    rate : float, optional

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If the gap shrinks more slowly.
    HypothesisError
        If a gap that does not shrink at all would not be seen (the message says how many runs would do), or for NaNs and wrong shapes.

    Examples
    --------
    >>> import numpy as np
    >>> d, noise = np.array([16, 32, 64, 128]), np.random.default_rng(0).standard_normal((40, 4))
    >>> check = assert_rate(d, d**-0.5 + 0.02 * noise)
    >>> print(check.verdict)
    agrees
    >>> assert_rate(d, 0.2 + 0.02 * noise)
    Traceback (most recent call last):
        ...
    hermite_eq.testing.check.UniversalityError: assert_rate: the data contradict the claim that ...
    """
    level = declared_rate(rate)
    d, order, tolerance = array(sizes, "sizes", empty=True), finite(order, "order"), finite(tolerance, "tolerance")
    paired = isinstance(gaps, np.ndarray) and gaps.ndim == 2
    listed = gaps.T if isinstance(gaps, np.ndarray) and gaps.ndim == 2 else sequence(gaps, "gaps")
    columns = [np.atleast_1d(array(column, "gaps", nan=True, empty=True)) for column in listed]
    if d.ndim != 1 or len(columns) != d.size or len(set(d.tolist())) < 2 or not (d > 0).all():
        raise HypothesisError(
            "there is a column of gaps for each of two or more different sizes",
            f"{d.size} sizes, {len(columns)} columns",
            "pass gaps of shape (runs, sizes), or one array of runs for each size",
        )
    if len(set(d.tolist())) < d.size:
        raise HypothesisError("the sizes differ", f"sizes={d.tolist()}", "put the runs of equal sizes into one column")
    if min(map(len, columns)) < 3 or any(column.ndim != 1 for column in columns):
        raise HypothesisError("each size has three runs or more", f"lengths {[len(column) for column in columns]}", "run more")
    if not all(np.isfinite(column).all() for column in columns):
        raise HypothesisError("gaps are finite", "NaN or infinite gaps", "find the run whose error is not finite")
    if not order + tolerance < 0 <= tolerance:
        raise HypothesisError(
            "order + tolerance < 0 ≤ tolerance: the gap vanishes",
            f"order={order}, tolerance={tolerance}",
            "pass order=-1/2, tolerance=0.25",
        )
    result = decay(d, columns, paired, order, tolerance, level)
    runs = min(map(len, columns))
    finding = (
        f"Between d = {d.min():g} and {d.max():g} the gap goes from {_mean(columns, d.argmin())} to {_mean(columns, d.argmax())}, "
        f"an exponent of {result.slope:.2f}"
    )
    power = detects(f"an exponent of {result.visible:.2f} or more")
    verdict, repair = Verdict.AGREES, ""
    if result.p_value <= level:
        verdict = Verdict.DIFFERENT
    elif result.visible > 0:
        verdict = Verdict.INCONCLUSIVE
        repair = (
            f"use {math.ceil(1.5 * runs * result.shortage)} runs, or a longer ladder of sizes"
            if result.shortage < 1e4
            else "no gap is visible: assert that it is small, by assert_equivalent or assert_universal"
        )
    claim = f"the gap vanishes as d^{order:g} or faster"
    return conclude(Check("assert_rate", claim, verdict, result.p_value, level, finding, power, repair))


def _mean(columns: Sequence[Array], which: np.intp) -> str:
    values = columns[int(which)]
    return f"{values.mean():.3g} ± {values.std(ddof=1) / math.sqrt(len(values)):.1g}"
