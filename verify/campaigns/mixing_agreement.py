"""The theory of the curves of [DM] beside their simulation: a row for each, and for the gain of the step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from verify.campaigns.agreement import THEORY
from verify.campaigns.mixing_curves import Curves, Key, MixingCurve
from verify.campaigns.mixing_inflation import excess
from verify.campaigns.mixing_theory import MixingTheory
from verify.check import RESOLUTION, Check, Verdict, at_every_point, by_rate, by_z, z_score
from verify.equivalence import INFLATION_LIMIT

Array = NDArray[np.float64]
#: The same figure at several d.
Ladder = Sequence[tuple[int, Curves]]


def curve_rows(ladder: Ladder) -> list[Check]:
    """For every curve at the first d the point that is furthest from the theory; other d for the rate at which a gap vanishes."""
    _, curves = ladder[0]
    rows = []
    for key, curve in curves.items():
        if curve.theory is not None:
            rows.append(_row(key, ladder))
            if curve.theory.at_rest is not None:
                rows.append(_row(key, ladder, at_rest=True))
    return rows


def gain_rows(ladder: Ladder) -> list[Check]:
    """For every curve along η at the first d the step whose gain is furthest from the theory's."""
    return [_gain_row(curve) for curve in ladder[0][1].values() if curve.theory is not None and is_gain(curve)]


def where(curve: MixingCurve) -> str:
    """What distinguishes the family of a curve."""
    what = curve.mixing.structure if curve.panel.axis == "step" else curve.panel.axis
    length = "h normalised" if curve.panel.normalise and curve.head in curve.panel.activations else ""
    return ", ".join(filter(None, (length, "" if curve.legend.startswith(what) else what, curve.legend)))


def tested_on(curve: MixingCurve) -> list[int | None]:
    """Whatever a curve is tested on: the mixture, and each source where there are several."""
    count = curve.source_runs.shape[2]
    return [None, *(range(count) if count > 1 else ())]


def _row(key: Key, ladder: Ladder, at_rest: bool = False) -> Check:
    def chosen(curve: MixingCurve) -> MixingTheory:
        theory = curve.theory.at_rest if curve.theory is not None and at_rest else curve.theory
        assert theory is not None
        return theory

    d, curves = ladder[0]
    curve, theory = curves[key], chosen(curves[key])
    count = len(curve.icl_runs)
    expected = np.array([theory.icl, *theory.by_source.T])[: len(tested_on(curve))]
    runs = np.array([curve.runs(source) for source in tested_on(curve)])
    mean, stderr = runs.mean(axis=1), runs.std(axis=1, ddof=1) / np.sqrt(count)
    known = np.isfinite(expected)
    z = np.zeros(expected.shape)
    for at in zip(*np.nonzero(known), strict=True):
        z[at] = z_score(expected[at], mean[at], stderr[at], count)
    row, i = (int(k) for k in np.unravel_index(np.argmax(np.abs(z)), z.shape))
    source = tested_on(curve)[row]
    test = "ICL" if source is None else f"error on source {source}"
    name = f"{curve.name} (theory of several sources)" if at_rest else curve.name
    subject = f"{name}, {where(curve)}: {test} at {curve.values[i]:g} (worst of {known.sum()})"
    if not known.any():
        return Check(THEORY, subject, np.nan, float(mean[0, 0]), float(stderr[0, 0]), "z", 0.0, Verdict.UNDECIDED, note=theory.notes[0][-1])
    predicted, measured = float(expected[row, i]), float(mean[row, i])
    gap = f"simulation/theory − 1 = {measured / predicted - 1:+.1%}"
    found = by_z(THEORY, subject, predicted, measured, float(stderr[row, i]), runs=count, scale=predicted, note=gap)
    found = at_every_point(found, stderr[known], expected[known], runs=count)
    inflated = excess(*curve.panel.point(curve.mixing, curve.name, curve.values[i], d))
    found = degree_too_high(found, measured / predicted - 1, inflated)
    others = [(size, of[key], chosen(of[key])) for size, of in ladder if of[key].theory is not None]
    gaps = [(size, other.icl_runs / theory.icl - 1) for size, other, theory in others if np.isfinite(theory.icl).all()]
    found = in_the_limit(found, gaps)
    # Of a row that agrees what is most particular; of another all that the theory says of itself.
    said = theory.notes[i][-1:] if found.verdict == Verdict.AGREES else theory.notes[i]
    declined = [f"no value at {(~known[0]).sum()} of {len(curve.values)} points"] if not known.all() else []
    return found.with_verdict(found.verdict, "; ".join([found.note, *declined, *([f"the theory says: {'; '.join(said)}"] if said else [])]))


def degree_too_high(row: Check, gap: float, inflated: float) -> Check:
    """A row on an equivalent that is far off, or disagrees, where its degree is too high for d."""
    if inflated > INFLATION_LIMIT and (abs(gap) > RESOLUTION or row.verdict == Verdict.DISAGREES):
        return row.with_verdict(Verdict.DEGREE_TOO_HIGH, f"{row.note}; E σ̂_p² is {inflated:.0%} above E σ²")
    return row


def in_the_limit(row: Check, gaps: Sequence[tuple[int, Array]]) -> Check:
    """A row that disagrees, with the mean gap at every d in store; in the limit it agrees if that vanishes as 1/d, where there are three.

    No paper states a rate: 1/d is the order of the other finite-size corrections.
    """
    if row.verdict != Verdict.DISAGREES or len(gaps) < 2:
        return row
    ladder = sorted((d, runs.mean(axis=1)) for d, runs in gaps)
    averages = [runs.mean() for _, runs in ladder]
    errors = [runs.std(ddof=1) / np.sqrt(len(runs)) for _, runs in ladder]
    shown = ", ".join(f"{mean:+.3f} ± {error:.3f} at d = {d}" for (d, _), mean, error in zip(ladder, averages, errors, strict=True))
    note = f"{row.note}; mean gap {shown}"
    if len(ladder) < 3:
        return row.with_verdict(row.verdict, note)
    rate = by_rate(row.claim, row.subject, [d for d, _ in ladder], averages, errors, order=-1, runs=[len(runs) for _, runs in ladder])
    if rate.verdict == Verdict.IN_THE_LIMIT:
        return row.with_verdict(rate.verdict, note, slope=(rate.value, rate.value_error))
    # A mean gap that is not seen at any d does not take back that at one point.
    return row.with_verdict(row.verdict, note)


def relative_gaps(one: MixingCurve, other: MixingCurve) -> Array:
    """e(one)/e(other) − 1, for each run and point."""
    return (one.icl_runs - other.icl_runs) / other.icl_runs.mean(axis=0)


def is_gain(curve: MixingCurve) -> bool:
    """Whether a curve shows what the step does to a head, whole or of rank one."""
    return curve.panel.axis == "step" and curve.name in (curve.head, f"{curve.head}, rank one") and curve.head in curve.panel.activations


def gains(curve: MixingCurve) -> Array:
    """e(η)/e(0) − 1, a value for each run and point: the ratio R of the means, and what e(η) − R e(0) is in each run."""
    none = int(np.flatnonzero(curve.values == 0.0)[0])
    start = curve.icl_runs[:, none : none + 1]
    ratio = curve.icl_runs.mean(axis=0) / start.mean()
    # To first order in the sampling error the ratio of two means scatters as the mean of e(η) − R e(0), over that of e(0).
    runs = ratio - 1 + (curve.icl_runs - ratio * start) / start.mean()
    # Nothing is gained by no step, not even by rounding.
    runs[:, none] = 0.0
    return np.asarray(runs)


def predicted_gains(curve: MixingCurve) -> Array:
    """The theory of :func:`gains`, both errors by the same route."""
    expected = curve.predicted()
    return np.asarray(expected / expected[int(np.flatnonzero(curve.values == 0.0)[0])] - 1)


def _gain_row(curve: MixingCurve) -> Check:
    """The gain by the step at the η where it is furthest from the theory's."""
    runs, expected = gains(curve), predicted_gains(curve)
    mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    z = np.array([z_score(*point, len(runs)) if np.isfinite(point[0]) else 0.0 for point in zip(expected, mean, stderr, strict=True)])
    i = int(np.argmax(np.abs(z)))
    at = int(np.flatnonzero(curve.values == 1.0)[0])
    steps = int(np.isfinite(expected).sum() - 1)
    note = f"at η = d²: {mean[at]:+.1%} ± {stderr[at]:.1%}, theory {expected[at]:+.1%}"
    subject = f"{curve.name}, {where(curve)}: e(η)/e(0) − 1 at η = {curve.values[i]:g} d² (worst of {steps})"
    return by_z(THEORY, subject, float(expected[i]), float(mean[i]), float(stderr[i]), runs=len(runs), scale=1.0, note=note)


def _changed(curve: MixingCurve, error: float, gain: float) -> MixingCurve:
    """The curve with another theory: every error, and what a step changes in it, multiplied by a factor."""

    def wrong(theory: MixingTheory) -> MixingTheory:
        icl, by_source = error * theory.icl, error * theory.by_source
        if gain != 1:
            icl = icl[0] + gain * (icl - icl[0])
        other = None if theory.at_rest is None else wrong(theory.at_rest)
        return replace(theory, icl=icl, by_source=by_source, at_rest=other)

    return curve if curve.theory is None else replace(curve, theory=wrong(curve.theory))


#: What is said of a theory that is wrong on purpose, and by what its errors and its gains are multiplied.
_DEFECTS = (("predicted errors 5% too large", 1.05, 1.0), ("predicted errors 20% too large", 1.2, 1.0),
            ("gain of the step half as large", 1.0, 0.5))


def sabotaged(ladder: Ladder) -> list[dict[str, Any]]:
    """The same runs held against theories that are wrong on purpose, where the right one is not rejected."""
    outcome = []
    for defect, error, gain in _DEFECTS:
        judge = curve_rows if gain == 1 else gain_rows
        wrong = judge([(d, {key: _changed(curve, error, gain) for key, curve in curves.items()}) for d, curves in ladder])
        caught = [
            bad.verdict == Verdict.DISAGREES
            for good, bad in zip(judge(ladder), wrong, strict=True)
            if good.verdict not in (Verdict.DISAGREES, Verdict.DEGREE_TOO_HIGH)
        ]
        if caught:
            outcome.append({"claim": THEORY, "defect": defect, "checks": len(caught), "caught": sum(caught)})
    return outcome
