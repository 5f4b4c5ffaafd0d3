"""Differences between errors on common draws, each as a row of the verdict table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from verify.campaigns.campaign import Error
from verify.campaigns.curves import Curve
from verify.claims.check import Z_LIMIT, Check, Verdict, z_score

Array = NDArray[np.float64]

#: What "slight" and "limited" are taken to mean: less than this share of the error.
SLIGHT = 0.25


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
        mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
        z = np.array([z_score(0.0, m, s, len(runs)) for m, s in zip(mean, stderr, strict=True)])
        return cls(values, mean, stderr, predicted, z)

    def row(self, claim: str, subject: str, note: str = "", also: bool = True) -> Check:
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
        return Check(claim, subject, float(self.predicted[i]), float(self.mean[i]), float(self.stderr[i]), "z", float(self.z[i]), verdict,
                     note=f"{word}{count}{note}", kind="one-sided")


def _minus(one: Array, other: Array) -> Array:
    """The difference of two predictions, NaN where both diverge."""
    with np.errstate(invalid="ignore"):
        return one - other


def paired(one: Curve, other: Curve, error: Error, where: NDArray[np.bool_] | None = None) -> Comparison:
    """Error of ``one`` minus that of ``other`` on common draws, point by point."""
    chosen = np.ones(len(one.values), bool) if where is None else where
    predicted = _minus(one.theory(error), other.theory(error))
    return Comparison.of(one.values[chosen], (one.each(error) - other.each(error))[:, chosen], predicted[chosen])


def within(curve: Curve, error: Error, pairs: Sequence[tuple[int, int]]) -> Comparison:
    """Error at the first minus that at the second point of each pair, run by run.

    Where the points of a run are independent draws, this pairs what has no common noise, and loses nothing by it but degrees of freedom.
    """
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    runs, theory = curve.each(error), curve.theory(error)
    return Comparison.of(curve.values[first], runs[:, first] - runs[:, second], _minus(theory[first], theory[second]))


def beats(claim: str, subject: str, one: Curve, other: Curve, rival: Curve | None = None,
          where: NDArray[np.bool_] | None = None) -> Check:
    """``one`` has the lower ICL error at every point; ``rival`` is a third curve which may be below both."""
    compared, note = paired(one, other, "icl", where), ""
    if rival is not None:
        both = np.minimum(-paired(rival, one, "icl", where).z, -paired(rival, other, "icl", where).z)
        note = f"; {rival.model} is below both at {int((both > Z_LIMIT).sum())} of {len(both)}"
    return compared.row(claim, subject, note)


def within_band(claim: str, subject: str, runs: Array, predicted: float, band: float, note: str) -> Check:
    """That the mean of ``runs`` is within ± ``band``, beyond the sampling error: z is from the nearer end."""
    mean, stderr = float(runs.mean()), float(runs.std(ddof=1) / np.sqrt(len(runs)))
    z = z_score(band, abs(mean), stderr, len(runs))
    verdict = Verdict.AGREES if z < -Z_LIMIT else Verdict.DISAGREES if z > Z_LIMIT else Verdict.UNDECIDED
    return Check(claim, subject, predicted, mean, stderr, "z", z, verdict, note=note, kind="one-sided")


def gain(claim: str, subject: str, one: Curve, other: Curve) -> Check:
    """The mean relative excess of ``one`` over ``other`` is within ±:data:`SLIGHT`."""
    scale = other.each("icl").mean(axis=0)
    runs = ((one.each("icl") - other.each("icl")) / scale).mean(axis=1)
    predicted = float((one.theory("icl") / other.theory("icl") - 1).mean())
    note = f"{one.model} changes the error of {other.model} by {float(runs.mean()):+.1%} on average"
    return within_band(claim, subject, runs, predicted, SLIGHT, note)


def peaks(claim: str, subject: str, curve: Curve, error: Error, at: float, present: bool = True) -> Check:
    """Towards ``at`` the error rises, and beyond it falls: two points further away it is lower, on both sides.

    With ``present`` false the claim is that there is no such peak.
    """
    last = len(curve.values) - 1
    below, above = int(np.flatnonzero(curve.values < at)[-1]), int(np.flatnonzero(curve.values > at)[0])
    compared = within(curve, error, [(max(0, below - 2), below), (min(last, above + 2), above)])
    largest = curve.values[int(np.argmax(curve.simulated(error).mean))]
    row = compared.row(claim, subject, f"; the error is largest at {largest:.3g}")
    if present:
        return row
    opposite = {Verdict.AGREES: Verdict.DISAGREES, Verdict.DISAGREES: Verdict.AGREES}.get(row.verdict, row.verdict)
    word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(opposite, "not decided")
    return row.with_verdict(opposite, f"{word}; the error is largest at {largest:.3g}")


def falls(claim: str, subject: str, curve: Curve, error: Error) -> Check:
    """The error falls from the first to the last point, and from no point to a later one does it rise."""
    last = len(curve.values) - 1
    steps = within(curve, error, [(i + 1, i) for i in range(last)])
    rises = within(curve, error, [(j, i) for i, j in itertools.combinations(range(last + 1), 2)])
    worst = int(np.argmax(rises.z))
    note = f"; {int((steps.z < -Z_LIMIT).sum())} of {last} steps fall beyond the sampling error"
    if rises.z[worst] > Z_LIMIT:
        first, then = list(itertools.combinations(curve.values, 2))[worst]
        note = f": it rises from {first:.3g} to {then:.3g} by {rises.mean[worst]:.2g} ± {rises.stderr[worst]:.1g}"
    return within(curve, error, [(last, 0)]).row(claim, subject, note, also=bool(rises.z[worst] <= Z_LIMIT))


def on_average(claim: str, subject: str, one: Curve, other: Curve | float) -> Check:
    """The ICL error of ``one`` is below that of ``other``, or below a number, on average over the curve and relative to it."""
    runs, theory = (other, other) if isinstance(other, float) else (other.each("icl"), other.theory("icl"))
    scale = runs if isinstance(runs, float) else runs.mean(axis=0)
    relative = ((one.each("icl") - runs) / scale).mean(axis=1)
    predicted = float((one.theory("icl") / theory - 1).mean())
    compared = Comparison.of(np.array([np.nan]), relative[:, None], np.array([predicted]))
    return compared.row(claim, subject, f": {float(compared.mean[0]):+.1%}; theory {predicted:+.1%}")
