"""Differences between errors on common draws, each as a row of the verdict table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.simulate import MonteCarlo
from verify.campaigns.campaign import Error
from verify.campaigns.curves import Curve
from verify.claims.check import Z_LIMIT, Check, Verdict, z_score, z_scores

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Comparison:
    """Differences at several points: means, standard errors, the theory's values, and the z of each against 0."""

    values: Array
    mean: Array
    stderr: Array
    predicted: Array
    z: Array

    @classmethod
    def of(cls, values: Array, runs: Array, predicted: Array) -> Comparison:
        """From one difference for each run and point."""
        mean = MonteCarlo.from_runs(runs)
        return cls(values, mean.mean, mean.stderr, predicted, z_scores(0.0, mean.mean, mean.stderr, mean.runs))

    @classmethod
    def single(cls, runs: Array, predicted: float) -> Comparison:
        """A single difference, at no value."""
        return cls.of(np.array([np.nan]), runs[:, None], np.array([predicted]))

    def row(self, subject: str, note: str = "", also: bool = True) -> Check:
        """The claim that every difference is negative, shown where it is least so.

        It holds if all are, beyond the sampling error, fails if one is positive, and is undecided otherwise; ``also`` is a further
        condition without which it fails.
        """
        i = int(np.argmax(self.z))
        verdict = Verdict.DISAGREES if self.z[i] > Z_LIMIT or not also else Verdict.UNDECIDED
        if also and self.z[i] < -Z_LIMIT:
            verdict = Verdict.AGREES
        yes, no = int((self.z < -Z_LIMIT).sum()), int((self.z > Z_LIMIT).sum())
        word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(verdict, "not decided")
        count = f", at {yes} of {len(self.z)} values (the opposite at {no})" if len(self.z) > 1 else ""
        return Check(
            subject,
            float(self.predicted[i]),
            float(self.mean[i]),
            float(self.stderr[i]),
            "z",
            float(self.z[i]),
            verdict,
            note=f"{word}{count}{note}",
            kind="one-sided",
        )


def relative_gaps(first: Curve, second: Curve) -> Array:
    """e(one)/e(other) − 1, for each run and point."""
    return np.asarray((first.icl_runs - second.icl_runs) / second.icl_runs.mean(axis=0))


def _minus(first: Array, second: Array) -> Array:
    """The difference of two predictions, NaN where both diverge."""
    with np.errstate(invalid="ignore"):
        return first - second


def paired(first: Curve, second: Curve, error: Error, where: NDArray[np.bool_] | None = None) -> Comparison:
    """Error of ``one`` minus that of ``other`` on common draws, point by point."""
    chosen = np.ones(len(first.values), bool) if where is None else where
    predicted = _minus(first.theory(error), second.theory(error))
    return Comparison.of(first.values[chosen], (first.runs_of(error) - second.runs_of(error))[:, chosen], predicted[chosen])


def within(curve: Curve, error: Error, pairs: Sequence[tuple[int, int]]) -> Comparison:
    """Error at the first minus that at the second point of each pair, run by run.

    Where the points of a run are independent draws, this pairs what has no common noise, and loses nothing by it but degrees of freedom.
    """
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    runs, theory = curve.runs_of(error), curve.theory(error)
    return Comparison.of(curve.values[first], runs[:, first] - runs[:, second], _minus(theory[first], theory[second]))


def within_band(subject: str, runs: Array, predicted: float, band: float, note: str) -> Check:
    """That the mean of ``runs`` is within ± ``band``, beyond the sampling error: z is from the nearer end."""
    mean = MonteCarlo.from_runs(runs)
    z = z_score(band, abs(mean.mean), mean.stderr, mean.runs)
    verdict = Verdict.AGREES if z < -Z_LIMIT else Verdict.DISAGREES if z > Z_LIMIT else Verdict.UNDECIDED
    return Check(subject, predicted, mean.mean, mean.stderr, "z", z, verdict, note=note, kind="one-sided")
