"""What is said of the figures of [RT] and [LA], as data: each statement is a row of the verdict table, in plain words."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import LinearTransformer, Task
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import Error, label
from verify.campaigns.curves import Curve, Results, constant_error
from verify.campaigns.heads import RIDGE, distinct_degree, distinct_degrees, equivalent
from verify.claims.agreement import Ladder
from verify.claims.check import RESOLUTION, Z_LIMIT, Check, Verdict, at_every_point, by_runs, rate_of_runs, z_score, z_scores
from verify.claims.comparison import Comparison, paired, within, within_band
from verify.claims.inflation import LIMIT, excess

Array = NDArray[np.float64]
#: What "slight" and "limited" are taken to mean: less than this share of the error.
SLIGHT = 0.25
#: Dimensions between which the theory's exponent is taken, and how far it may be from the declared one by the next order, O(1/d), there.
FAR, NEXT_ORDER = (512, 1024), 0.15


@dataclass(frozen=True)
class Beats:
    """One model has the lower ICL error at every value in [low, high); ``rival`` may be below both."""

    subject: str
    one: str
    other: str
    rival: str | None = None
    panel: int = 0
    low: float = 0.0
    high: float = math.inf

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        one, other = (ladder[0].get(name, self.panel) for name in (self.one, self.other))
        where, note = (one.values >= self.low) & (one.values < self.high), ""
        if self.rival is not None:
            rival = ladder[0].get(self.rival, self.panel)
            both = np.minimum(-paired(rival, one, "icl", where).z, -paired(rival, other, "icl", where).z)
            note = f"; {rival.model} is below both at {int((both > Z_LIMIT).sum())} of {len(both)}"
        return [paired(one, other, "icl", where).row(claim, self.subject, note)]


@dataclass(frozen=True)
class GainsLittle:
    """One model changes the error of another by less than :data:`SLIGHT`, on average over the curve."""

    subject: str
    one: str
    other: str

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        one, other = ladder[0].get(self.one), ladder[0].get(self.other)
        runs, predicted = mean_gaps(other, one), float((one.theory("icl") / other.theory("icl") - 1).mean())
        note = f"{one.model} changes the error of {other.model} by {float(runs.mean()):+.1%} on average"
        return [within_band(claim, f"{self.subject} (< {SLIGHT:.0%})", runs, predicted, SLIGHT, note)]


@dataclass(frozen=True)
class OnAverage:
    """One model has the lower ICL error on average over the curve, of another or, of none, of the best constant."""

    subject: str
    one: str
    other: str | None
    panel: int = 0

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        one = ladder[0].get(self.one, self.panel)
        assert isinstance(one.task, Task)
        if self.other is None:
            constant = constant_error(one.task, ladder[0].d)
            relative, theory = (one.icl_runs / constant - 1).mean(axis=1), one.theory("icl") / constant
        else:
            other = ladder[0].get(self.other, self.panel)
            relative, theory = mean_gaps(other, one), one.theory("icl") / other.theory("icl")
        predicted = float((theory - 1).mean())
        note = f": {float(relative.mean()):+.1%}; theory {predicted:+.1%}"
        return [Comparison.one(relative, predicted).row(claim, self.subject, note)]


def peak(claim: str, subject: str, curve: Curve, error: Error, present: bool = True) -> Check:
    """Towards 1 the error rises, and beyond it falls: two points further away it is lower, on both sides; or there is no such peak."""
    last = len(curve.values) - 1
    below, above = int(np.flatnonzero(curve.values < 1)[-1]), int(np.flatnonzero(curve.values > 1)[0])
    largest = curve.values[int(np.argmax(curve.simulated(error).mean))]
    compared = within(curve, error, [(max(0, below - 2), below), (min(last, above + 2), above)])
    row = compared.row(claim, subject, f"; the error is largest at {largest:.3g}")
    if present:
        return row
    opposite = {Verdict.AGREES: Verdict.DISAGREES, Verdict.DISAGREES: Verdict.AGREES}.get(row.verdict, row.verdict)
    word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(opposite, "not decided")
    return row.with_verdict(opposite, f"{word}; the error is largest at {largest:.3g}")


@dataclass(frozen=True)
class Peaks:
    """The ICL error of a model peaks at 1, or does not."""

    subject: str
    name: str
    present: bool = True

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [peak(claim, self.subject, ladder[0].get(self.name), "icl", self.present)]


@dataclass(frozen=True)
class EveryCurvePeaks:
    """Every error of a panel peaks at 1, which is called ``where``."""

    where: str
    panel: int

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [
            peak(claim, f"{curve.family.legend(curve.panel.axis)}: {str(error).upper()} peaks at {self.where}", curve, error)
            for curve in ladder[0].of_panel(self.panel) for error in curve.panel.errors
        ]


def fall(claim: str, subject: str, curve: Curve, error: Error) -> Check:
    """The error falls from the first to the last point, and from no point to a later one does it rise."""
    last = len(curve.values) - 1
    steps = within(curve, error, [(i + 1, i) for i in range(last)])
    pairs = list(itertools.combinations(range(last + 1), 2))
    rises = within(curve, error, [(j, i) for i, j in pairs])
    worst = int(np.argmax(rises.z))
    note = f"; {int((steps.z < -Z_LIMIT).sum())} of {last} steps fall beyond the sampling error"
    if rises.z[worst] > Z_LIMIT:
        first, then = curve.values[list(pairs[worst])]
        note = f": it rises from {first:.3g} to {then:.3g} by {rises.mean[worst]:.2g} ± {rises.stderr[worst]:.1g}"
    return within(curve, error, [(last, 0)]).row(claim, subject, note, also=bool(rises.z[worst] <= Z_LIMIT))


@dataclass(frozen=True)
class Falls:
    """The ICL error of a model falls along the axis."""

    subject: str
    name: str

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [fall(claim, self.subject, ladder[0].get(self.name), "icl")]


@dataclass(frozen=True)
class WideIsBest:
    """The best of the widths above 1 beats the best of those below."""

    subject: str
    name: str

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        curve = ladder[0].get(self.name)
        mean = curve.simulated("icl").mean
        narrow, wide = np.flatnonzero(curve.values < 1), np.flatnonzero(curve.values > 1)
        best_narrow, best_wide = narrow[np.argmin(mean[narrow])], wide[np.argmin(mean[wide])]
        return [within(curve, "icl", [(int(best_wide), int(best_narrow))]).row(
            claim, self.subject,
            f"; the best m simulated are {curve.values[best_wide]:.3g} n and {curve.values[best_narrow]:.3g} n",
        )]


@dataclass(frozen=True)
class RidgeHelps:
    """Beside the interpolation threshold a larger λ has the lower error: than the next smaller one, or than the smallest."""

    where: str
    model: str
    panel: int = 0
    than_the_smallest: bool = False

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        curves = {curve.model.ridge: curve for curve in ladder[0].of_panel(self.panel)
                  if str(curve.model) == self.model and not isinstance(curve.model, DiscreteMMSE)}
        smallest, *larger = sorted(curves)
        pairs = [(smallest, more) for more in larger] if self.than_the_smallest else itertools.pairwise([smallest, *larger])
        distance = np.abs(curves[smallest].values - 1)
        near = distance <= 2 * distance.min()
        return [paired(curves[more], curves[less], "icl", near).row(claim, f"beside {self.where}, λ = {more:g} beats λ = {less:g}")
                for less, more in pairs]


def mean_gaps(exact: Curve, other: Curve) -> Array:
    """e(σ̂_r)/e(σ) − 1 on average over the curve, a value for each run."""
    return np.asarray(((other.icl_runs - exact.icl_runs) / exact.icl_runs.mean(axis=0)).mean(axis=1))


def theory_gap(exact: Curve, other: Curve, d: int) -> float:
    """The theory of :func:`mean_gaps` at another d."""
    return float((other.at(d).icl / exact.at(d).icl - 1).mean())


@dataclass(frozen=True)
class GapsAsPredicted:
    """Each σ̂_r against σ: the measured mean relative gap beside the theory's.

    Attributes
    ----------
    activations : tuple of str
    panel : int
    degrees : tuple of int
        By default those whose equivalents differ.
    order : float, optional
        That with which the gap vanishes in d: of the theory it is looked at far out, where the next order is :data:`NEXT_ORDER` at most.
    """

    activations: tuple[str, ...]
    panel: int = 0
    degrees: tuple[int, ...] = ()
    order: float | None = None

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [self._row(claim, ladder[0], sigma, r) for sigma in self.activations for r in self.degrees or distinct_degrees(sigma)]

    def _row(self, claim: str, results: Results, sigma: str, r: int) -> Check:
        exact, other = (results.get(name, self.panel) for name in (f"{sigma}, λ = {RIDGE:g}", label(equivalent(sigma, r))))
        runs = mean_gaps(exact, other)
        predicted = float((other.theory("icl") / exact.theory("icl") - 1).mean())
        same, where = distinct_degree(sigma, r), results.where((self.panel, 0, exact.name))
        name = f"r = {r}" if same == r else f"r = {r} (c_{r} = 0: as r = {same})"
        note = f"the equivalent is off by {float(runs.mean()):+.1%}; theory at this d: {predicted:+.1%}"
        row = by_runs(claim, f"{where}{', ' * bool(where)}{sigma} head, {name}: e(σ̂_r)/e(σ) − 1 at d = {results.d}", predicted, runs,
                      scale=1.0, note=note)
        setting = other.settings[len(other.settings) // 2]
        inflated = excess(other.model, setting.task, setting.sizes)
        if inflated > LIMIT and (abs(row.measured) > RESOLUTION or row.verdict != Verdict.AGREES):
            return row.with_verdict(Verdict.DEGREE_TOO_HIGH, f"{note}; E σ̂_r(Fᵀh)² is {inflated:.0%} above E σ(Fᵀh)²")
        return row if self.order is None else self._vanishing(row, exact, other, self.order)

    def _vanishing(self, row: Check, exact: Curve, other: Curve, order: float) -> Check:
        near, far = (theory_gap(exact, other, d) for d in FAR)
        slope = float(np.log(abs(far / near)) / np.log(FAR[1] / FAR[0]))
        note = f"{row.note}, vanishing as d^{slope:.2f}"
        if abs(slope - order) > NEXT_ORDER:
            return row.with_verdict(Verdict.DISAGREES, note)
        seen = row.verdict == Verdict.AGREES and abs(z_score(0.0, row.measured, row.stderr, exact.runs)) > Z_LIMIT
        return row.with_verdict(Verdict.IN_THE_LIMIT if seen else row.verdict, note)


@dataclass(frozen=True)
class GapVanishes:
    """The mean relative gap of one model to another vanishes as 1/d, over all d at which both are there."""

    subject: str
    one: str
    other: str
    panel: int = 0

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        both = sorted((each for each in ladder if (self.panel, 0, self.one) in each.curves), key=lambda each: each.d)
        gaps = [(each.d, mean_gaps(each.get(self.other, self.panel), each.get(self.one, self.panel))) for each in both]
        return [rate_of_runs(claim, f"{self.subject}: mean relative gap → 0 as 1/d", gaps)]


@dataclass(frozen=True)
class BestValue:
    """The best value of the theory is as good as that of the simulation, and where it lies inside, better than both ends."""

    symbol: str

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [row for curve in ladder[0].curves.values() if np.isfinite(curve.theory(curve.panel.errors[0])).any()
                for row in self._of(claim, curve, curve.panel.errors[0])]

    def _of(self, claim: str, curve: Curve, error: Error) -> list[Check]:
        theory, mean = curve.theory(error), curve.simulated(error).mean
        expected, found = int(np.nanargmin(theory)), int(np.argmin(mean))
        last, name = len(curve.values) - 1, str(error).upper()
        where = ", ".join(filter(None, reversed(curve.family.where(curve.panel.axis, curve.name))))
        note = f"smallest at {self.symbol} = {curve.values[found]:g}, in theory at {curve.values[expected]:g}"
        rows = [by_runs(claim, f"{where}: {name} at the theory's best {self.symbol} above the smallest",
                        float(theory[expected] - theory[found]), curve.each(error)[:, expected] - curve.each(error)[:, found],
                        scale=float(theory[expected]), note=note)]
        if 0 < expected < last:
            ends = within(curve, error, [(expected, 0), (expected, last)])
            rows.append(ends.row(claim, f"{where}: {name} falls to the theory's best {self.symbol} and rises again", f"; {note}"))
        return rows


@dataclass(frozen=True)
class DiversityHelps:
    """g_task falls with κ; beyond κ = 1 it is smaller for longer contexts, and below that of dMMSE."""

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        curves = {curve.settings[0].sizes.ratios.alpha: curve for curve in ladder[0].curves.values()
                  if isinstance(curve.model, LinearTransformer)}
        best = {curve.family: curve for curve in ladder[0].curves.values() if isinstance(curve.model, DiscreteMMSE)}
        ordered = [curves[alpha] for alpha in sorted(curves)]
        rows = [fall(claim, f"{self._of(curve)}: g_task falls with κ", curve, "g_task") for curve in ordered]
        for less, more in itertools.pairwise(ordered):
            alphas = [curve.settings[0].sizes.ratios.alpha for curve in (more, less)]
            rows.append(paired(more, less, "g_task", less.values > 1).row(
                claim, f"beyond κ = 1, g_task is smaller at α = {alphas[0]:g} than at {alphas[1]:g}"))
        return rows + [
            paired(curve, best[curve.family], "g_task", curve.values > 1).row(
                claim, f"{self._of(curve)}: beyond κ = 1, g_task of the Transformer is below dMMSE's")
            for curve in ordered
        ]

    def _of(self, curve: Curve) -> str:
        return curve.family.legend(curve.panel.axis)


@dataclass(frozen=True)
class NearerToTheLimit:
    """How far a plain and a normalised head are above their limits, as predicted, and the second nearer than the first."""

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        results, rows, gaps = ladder[0], [], []
        for curve in results.curves.values():
            far = curve.limit("icl")
            runs = (curve.icl_runs / far - 1).mean(axis=1)
            predicted = float((curve.theory("icl") / far - 1).mean())
            note = f"{float(runs.mean()):+.1%} above the limit on average over n; theory at this d: {predicted:+.1%}"
            rows.append(by_runs(claim, f"{curve.model}: e_ICL/limit − 1 at d = {results.d}", predicted, runs, scale=1.0, note=note))
            gaps.append((predicted, runs))
        (one, own), (other, others) = gaps
        compared = Comparison.one(others - own, other - one)
        return [*rows, compared.row(claim, "the normalised head is nearer to its limit than the plain one")]


@dataclass(frozen=True)
class NearTheory:
    """Every point is within a share of the theory, by error, or that many standard errors; of each curve the point that is furthest."""

    shares: tuple[tuple[Error, float], ...]
    sigmas: float

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        shares = dict(self.shares)
        return [self._of(claim, ladder[0].subject(key), curve, error, shares[error])
                for key, curve in ladder[0].curves.items() for error in curve.panel.errors]

    def _of(self, claim: str, name: str, curve: Curve, error: Error, share: float) -> Check:
        theory, found, stderr = curve.theory(error), curve.simulated(error), curve.stderr(error)
        z = z_scores(theory, found.mean, stderr, curve.runs)
        gap = found.mean / theory - 1
        used = np.minimum(np.abs(gap) / share, np.abs(z) / self.sigmas)
        i, near = int(np.argmax(used)), used <= 1
        note = f"{near.sum()} of {len(near)} points; the furthest is off by {gap[i]:+.1%}"
        subject = f"{name}: {str(error).upper()} along {curve.panel.axis}, within {share:.0%} or {self.sigmas:g} standard errors"
        verdict = Verdict.AGREES if near.all() else Verdict.DISAGREES
        row = Check(claim, subject, float(theory[i]), float(found.mean[i]), float(stderr[i]), "z", float(z[i]), verdict, note=note)
        return at_every_point(row, stderr, theory, runs=curve.runs)


@dataclass(frozen=True)
class LimitFollows:
    """The gap of the limit d = ∞ vanishes as 1/d, where one is seen."""

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [self._of(claim, sorted(ladder, key=lambda results: results.d), key, error)
                for key, curve in ladder[0].curves.items() for error in curve.panel.errors]

    def _of(self, claim: str, ladder: Sequence[Results], key: tuple[int, int, str], error: Error) -> Check:
        gaps = [(results.curves[key].each(error) / results.curves[key].limit(error) - 1).mean(axis=1) for results in ladder]
        return rate_of_runs(claim, f"{ladder[0].subject(key)}: {str(error).upper()}/limit − 1 → 0 as 1/d",
                            [(results.d, runs) for results, runs in zip(ladder, gaps, strict=True)])
