"""One line of the verdict table: a claim, what was predicted, what was measured, and the word for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Literal

import numpy as np
import scipy.special
from numpy.typing import ArrayLike, NDArray

from hermite_eq.simulate import MonteCarlo

#: Two-sided false-alarm rate of one check; with a hundred checks in a table, one table in a thousand shows a false alarm.
LEVEL = 1e-5
#: |z| beyond which a check disagrees.
Z_LIMIT = -float(scipy.special.ndtri(LEVEL / 2))
#: Largest relative deviation that may hide in the sampling error of a comparison which is said to agree.
RESOLUTION = 0.25


#: What a row rests on: a test whose alternative is any difference, one that asks for a sign, or an identity that holds up to rounding.
Kind = Literal["two-sided", "one-sided", "identity"]


class Verdict(StrEnum):
    AGREES = "agrees"
    IN_THE_LIMIT = "agrees in the limit (gap shrinks at the declared rate)"
    DISAGREES = "disagrees"
    DEGREE_TOO_HIGH = "r too high for this d"
    UNDECIDED = "inconclusive (sampling error too large)"


@dataclass(frozen=True)
class Check:
    """A row of the table. ``statistic`` is ``"z"`` or ``"slope"``, and ``value`` (± ``value_error`` for a slope) its value.

    An identity is no statistical agreement: it has no sampling error, and ``stderr`` is the bound of its rounding over :data:`Z_LIMIT`.
    """

    claim: str = field(default="", kw_only=True)
    subject: str
    predicted: float
    measured: float
    stderr: float
    statistic: str
    value: float
    verdict: Verdict
    value_error: float = math.nan
    note: str = ""
    kind: Kind = "two-sided"

    def with_verdict(self, verdict: Verdict, note: str, slope: tuple[float, float] | None = None) -> Check:
        """The same row with another word, its reason, and the slope it rests on where it rests on one."""
        if slope is None:
            return replace(self, verdict=verdict, note=note)
        return replace(self, verdict=verdict, note=note, statistic="slope", value=slope[0], value_error=slope[1])

    def to_json(self) -> dict[str, Any]:
        """The row as plain data; a number that does not exist (the error of a z) is null."""
        row = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: None if isinstance(cell, float) and not math.isfinite(cell) else cell for name, cell in row.items()}


def z_score(predicted: float, measured: float, stderr: float, runs: int | None = None) -> float:
    """(measured − predicted)/stderr, as the normal quantile of the same probability when stderr comes from few runs.

    With ``runs`` given, the ratio is Student's t with runs − 1 degrees of freedom, and z solves Φ(z) = T(t).

    >>> round(z_score(0.0, 3.0, 1.0), 3), round(z_score(0.0, 3.0, 1.0, runs=5), 3)
    (3.0, 2.054)
    """
    gap = measured - predicted
    if stderr == 0 or math.isinf(gap):
        return 0.0 if gap == 0 else math.copysign(math.inf, gap)
    ratio = gap / stderr
    if runs is None:
        return ratio
    # Φ(−z) underflows beyond z ≈ 38; no verdict depends on a z that large.
    tail = max(float(scipy.special.stdtr(runs - 1, -abs(ratio))), 1e-300)
    return math.copysign(-float(scipy.special.ndtri(tail)), ratio)


#: The same point by point.
z_scores = np.vectorize(z_score, otypes=[float])


def claimed(claim: str, rows: Iterable[Check]) -> list[Check]:
    """The rows under the name of what they are about."""
    return [replace(row, claim=claim) for row in rows]


def by_z(
    subject: str, predicted: float, measured: float, stderr: float, *, runs: int | None = None, scale: float = math.inf, note: str = ""
) -> Check:
    """Agreement within sampling error: |z| below :data:`Z_LIMIT`.

    With ``scale`` given, a deviation of :data:`RESOLUTION` times it must have been visible; else the verdict is "inconclusive".
    """
    z = z_score(predicted, measured, stderr, runs)
    verdict = Verdict.DISAGREES
    if abs(z) < Z_LIMIT:
        verdict = Verdict.AGREES if can_tell(stderr, scale, runs) else Verdict.UNDECIDED
    return Check(subject, predicted, measured, stderr, "z", z, verdict, note=note)


def by_runs(subject: str, predicted: float, runs: NDArray[np.float64], *, scale: float = math.inf, note: str = "") -> Check:
    """The same for the mean of one value for each run."""
    mean = MonteCarlo.from_runs(runs)
    return by_z(subject, predicted, mean.mean, mean.stderr, runs=mean.runs, scale=scale, note=note)


def can_tell(stderr: float, scale: float, runs: int | None = None, limit: float = Z_LIMIT) -> bool:
    """Whether a deviation of :data:`RESOLUTION` times ``scale`` must have been visible, beyond |z| = ``limit``."""
    return abs(z_score(0.0, RESOLUTION * scale, stderr, runs)) >= limit


def at_every_point(worst: Check, stderrs: ArrayLike, scales: ArrayLike, *, runs: int) -> Check:
    """``worst``, the row of the point with the largest |z| of several: undecided if one of the points could not have told.

    A point resolves a deviation if one of :data:`RESOLUTION` times its scale must have been visible there.
    """
    points = list(zip(np.asarray(stderrs, dtype=float), np.asarray(scales, dtype=float), strict=True))
    blind = sum(not can_tell(stderr, scale, runs) for stderr, scale in points)
    if worst.verdict not in (Verdict.AGREES, Verdict.UNDECIDED) or not blind:
        return worst
    return worst.with_verdict(Verdict.UNDECIDED, f"{worst.note}; inconclusive at {blind} of {len(points)} points".removeprefix("; "))


def fit_slope(d: ArrayLike, gaps: ArrayLike, stderrs: ArrayLike) -> tuple[float, float]:
    """The exponent of |gap| ~ d^slope and its error, by weighted least squares on the logarithms.

    The error is the larger of what the standard errors give and what the scatter about the line gives. A gap below its own
    standard error enters as that: a logarithm has no lower end.

    >>> slope, error = fit_slope([10, 20, 40], [0.1, 0.05, 0.025], [1e-3, 1e-3, 1e-3])
    >>> round(slope, 6), error < 0.05
    (-1.0, True)
    """
    size, stderr = np.log(np.asarray(d, dtype=float)), np.asarray(stderrs, dtype=float)
    magnitude = np.maximum(np.abs(np.asarray(gaps, dtype=float)), stderr)
    # δ log|gap| = δgap/|gap| to first order.
    weight = (magnitude / stderr) ** 2
    centred = size - weight @ size / weight.sum()
    spread = weight @ centred**2
    value = np.log(magnitude)
    slope = float(weight @ (centred * value) / spread)
    left_over = value - weight @ value / weight.sum() - slope * centred
    scatter = math.sqrt(float(weight @ left_over**2) / max(1, len(size) - 2))
    return slope, max(1.0, scatter) / math.sqrt(float(spread))


def by_rate(
    subject: str, d: Sequence[int], gaps: ArrayLike, stderrs: ArrayLike, *, order: float, runs: Sequence[int] | None = None
) -> Check:
    """A relative gap that must vanish as d^order: agrees outright if no d shows one, in the limit if it shrinks at that rate.

    "In the limit" asks of the fitted exponent that it be no larger than ``order`` within :data:`Z_LIMIT` errors, and nearer to
    ``order`` than to 0 by two errors: a gap that stays has exponent 0.
    """
    gaps, stderrs = np.asarray(gaps, dtype=float), np.asarray(stderrs, dtype=float)
    counts: Sequence[int | None] = runs or [None] * len(gaps)
    z = [z_score(0.0, gap, stderr, count) for gap, stderr, count in zip(gaps, stderrs, counts, strict=True)]
    if max(map(abs, z)) < Z_LIMIT:
        return by_z(subject, 0.0, float(gaps[-1]), float(stderrs[-1]), runs=counts[-1], scale=1.0)
    slope, error = fit_slope(d, gaps, stderrs)
    shrinks = slope - order < Z_LIMIT * error and slope + 2 * error < order / 2
    verdict = Verdict.IN_THE_LIMIT if shrinks else Verdict.DISAGREES
    ladder = ", ".join(f"{gap:+.3f} ± {stderr:.3f} at d = {size}" for size, gap, stderr in zip(d, gaps, stderrs, strict=True))
    return Check(subject, 0.0, float(gaps[-1]), float(stderrs[-1]), "slope", slope, verdict, value_error=error, note=ladder)


def rate_of_runs(subject: str, gaps: Sequence[tuple[int, NDArray[np.float64]]], *, order: float = -1) -> Check:
    """The same for the means of one value for each run, at each d."""
    means = [MonteCarlo.from_runs(runs) for _, runs in gaps]
    return by_rate(
        subject,
        [d for d, _ in gaps],
        [mean.mean for mean in means],
        [mean.stderr for mean in means],
        order=order,
        runs=[mean.runs for mean in means],
    )
