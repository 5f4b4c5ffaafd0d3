"""The theory beside the stored runs: a row of the verdict table for each curve, and for what a gradient step gains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import OneStepTransformer
from hermite_eq.simulate import MonteCarlo
from verify.campaigns.campaign import Campaign, Error, error_name
from verify.campaigns.curves import Curve, Key, Results
from verify.claims.check import RESOLUTION, Check, Verdict, at_every_point, by_runs, by_z, claimed, rate_of_runs, z_scores
from verify.claims.inflation import LIMIT, excess

Array = NDArray[np.float64]
#: The same campaign at several d, the one that is judged first.
Ladder = Sequence[Results]
THEORY = "error theory"


def theory_rows(ladder: Ladder) -> dict[tuple[Key, Error | None], Check]:
    """For every curve the point that is furthest from the theory, by curve and error; then, by None, for the gain of every step.

    A curve agrees if it does at every point, and every point is resolved. Where it disagrees, the mean relative gap must shrink as 1/d over
    all d of the ladder.
    """
    curves = {key: curve for key, curve in ladder[0].curves.items() if curve.predicted}
    rows: dict[tuple[Key, Error | None], Check] = {
        (key, error): point_row(ladder[0].subject(key), curve.parts(error), [(rung.d, rung.curves[key]) for rung in ladder])
        for key, curve in curves.items()
        for error in curve.panel.errors
    }
    return rows | {(key, None): _gain_row(ladder[0], key) for key, curve in curves.items() if is_gain(curve)}


def point_row(name: str, parts: Sequence[Error], ladder: Sequence[tuple[int, Curve]]) -> Check:
    """Of several errors of a curve, along one axis and at several d, the one at the first d and the point that is furthest from the theory.

    The gap that must shrink is that of the first error.
    """
    curve = ladder[0][1]
    mean, stderr, expected, scales = (
        np.array(column)
        for column in zip(
            *((curve.simulated(part).mean, curve.stderr(part), curve.theory(part), curve.scale(part)) for part in parts), strict=True
        )
    )
    known = np.isfinite(expected)
    z = np.where(known, z_scores(expected, mean, stderr, curve.runs), 0.0)
    part, i = worst = tuple(int(k) for k in np.unravel_index(np.argmax(np.abs(z)), z.shape))
    notes = curve.prediction.notes[i]
    what = "error " * isinstance(parts[part], int) + error_name(parts[part])
    subject = f"{name}: {what} at {curve.values[i]:.3g} (worst of {known.sum()})"
    if not known.any():
        return Check(subject, np.nan, float(mean[worst]), float(stderr[worst]), "z", 0.0, Verdict.UNDECIDED, note="; ".join(notes))
    predicted, measured = float(expected[worst]), float(mean[worst])
    note = f"simulation/theory − 1 = {measured / predicted - 1:+.1%}" if predicted else ""
    row = by_z(subject, predicted, measured, float(stderr[worst]), runs=curve.runs, scale=float(scales[worst]), note=note)
    row = at_every_point(row, stderr[known], scales[known], runs=curve.runs)
    if isinstance(curve.points[i].model, OneStepTransformer) and predicted:
        row = degree_too_high(row, measured / predicted - 1, excess(curve.points[i]))
    row = in_the_limit(row, lambda: _gaps(ladder, parts[0]))
    # Of a row that agrees what is most particular; of another all that the theory says of itself.
    remarks = notes[-1:] if row.verdict == Verdict.AGREES else notes
    declined = [f"no value at {(~known[0]).sum()} of {len(curve.values)} points"] if not known.all() else []
    quoted = [f"the theory says: {'; '.join(remarks)}"] if remarks else []
    return row.with_verdict(row.verdict, "; ".join(filter(None, [row.note, *declined, *quoted])))


def _gaps(ladder: Sequence[tuple[int, Curve]], error: Error) -> list[tuple[int, Array]]:
    """Relative gaps to the theory at every d, run by run, at the points that have a theory at all of them."""
    known = np.isfinite([curve.theory(error) for _, curve in ladder]).all(axis=0)
    if not known.any():
        return []
    return [(d, ((curve.runs_of(error) - curve.theory(error)) / curve.scale(error))[:, known]) for d, curve in ladder]


def degree_too_high(row: Check, gap: float, inflated: float) -> Check:
    """A row on an equivalent that is far off, or disagrees, where its degree is too high for d."""
    if inflated > LIMIT and (abs(gap) > RESOLUTION or row.verdict == Verdict.DISAGREES):
        return row.with_verdict(Verdict.DEGREE_TOO_HIGH, f"{row.note}; E σ̂² is {inflated:.0%} above E σ²")
    return row


def in_the_limit(row: Check, gaps: Callable[[], Sequence[tuple[int, Array]]]) -> Check:
    """A row that disagrees, with the mean gap at every d in store; in the limit it agrees if that vanishes as 1/d, where there are three.

    The gaps, with their theory, are asked for only then. No paper states a rate: 1/d is the order of the other finite-size corrections.
    """
    if row.verdict != Verdict.DISAGREES:
        return row
    ladder = sorted((d, runs.mean(axis=1)) for d, runs in gaps())
    means = [(d, MonteCarlo.from_runs(runs)) for d, runs in ladder]
    shown = ", ".join(f"{mean.mean:+.3f} ± {mean.stderr:.3f} at d = {d}" for d, mean in means)
    note = f"{row.note}; mean gap {shown}" if shown else row.note
    if len(ladder) < 3:
        return row.with_verdict(row.verdict, f"{note}; with three d in store its exponent is fitted")
    rate = rate_of_runs(row.subject, ladder)
    if rate.statistic != "slope":
        # A mean gap that is not seen at any d does not take back that at one point.
        return row.with_verdict(row.verdict, note)
    return row.with_verdict(rate.verdict, note, slope=(rate.value, rate.value_error))


def is_gain(curve: Curve) -> bool:
    """Whether a curve shows what the step does to a head, whole or of rank one."""
    stepped = curve.panel.axis == "step" and isinstance(curve.model, OneStepTransformer)
    return stepped and curve.name in (curve.head, f"{curve.head}, rank one")


def _start(curve: Curve) -> int:
    return int(np.flatnonzero(curve.values == 0.0)[0])


def gains(curve: Curve) -> Array:
    """e(η)/e(0) − 1, a value for each run and point: the ratio R of the means, and what e(η) − R e(0) is in each run."""
    none = _start(curve)
    start = curve.icl_runs[:, none : none + 1]
    ratio = curve.icl_runs.mean(axis=0) / start.mean()
    # To first order in the sampling error the ratio of two means scatters as the mean of e(η) − R e(0), over that of e(0).
    runs = ratio - 1 + (curve.icl_runs - ratio * start) / start.mean()
    # Nothing is gained by no step, not even by rounding.
    runs[:, none] = 0.0
    return np.asarray(runs)


def predicted_gains(curve: Curve) -> Array:
    """The theory of :func:`gains`."""
    expected = curve.theory("icl")
    return np.asarray(expected / expected[_start(curve)] - 1)


def _gain_row(results: Results, key: Key) -> Check:
    """The gain by the step at the η where it is furthest from the theory's."""
    curve = results.curves[key]
    runs, expected = gains(curve), predicted_gains(curve)
    mean, known = MonteCarlo.from_runs(runs), np.isfinite(expected)
    i = int(np.argmax(np.where(known, np.abs(z_scores(expected, mean.mean, mean.stderr, mean.runs)), 0.0)))
    at = int(np.flatnonzero(curve.values == 1.0)[0])
    note = f"at η = d²: {mean.mean[at]:+.1%} ± {mean.stderr[at]:.1%}, theory {expected[at]:+.1%}"
    subject = f"{results.subject(key)}: e(η)/e(0) − 1 at η = {curve.values[i]:g} d² (worst of {int(known.sum() - 1)})"
    return by_runs(subject, float(expected[i]), runs[:, i], scale=1.0, note=note)


def judge(campaign: Campaign, ladder: Ladder) -> list[Check]:
    """The rows of a campaign at the first d of the ladder: what is said of it, then the theory beside every curve. Others are for rates."""
    checks = [row for statement in campaign.claims for row in statement(ladder=ladder)]
    return [*claimed(campaign.figure, checks), *claimed(THEORY, theory_rows(ladder).values())]
