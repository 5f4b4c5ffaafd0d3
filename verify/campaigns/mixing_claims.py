"""What [DM] says of its figures, held against the stored runs: a row, with its effect size, for each claim and curve."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from verify.campaigns.comparison import Comparison
from verify.campaigns.mixing import MixingCampaign
from verify.campaigns.mixing_agreement import (
    Ladder,
    curve_rows,
    degree_too_high,
    gain_rows,
    gains,
    in_the_limit,
    predicted_gains,
    relative_gaps,
    tested_on,
    where,
)
from verify.campaigns.mixing_curves import Curves, Key, MixingCurve
from verify.campaigns.mixing_inflation import excess
from verify.check import RESOLUTION, Check, Verdict, at_every_point, by_z

Array = NDArray[np.float64]
#: A step that changes the error by less than this share does not help, nor hurt; errors which differ by less are called the same.
NO_GAIN = 0.02


def _too_small(mean: ArrayLike, stderr: ArrayLike) -> bool:
    """Whether changes, with five standard errors (|z| > 5 by chance: 5.7e-7), are less than :data:`NO_GAIN`."""
    return bool(np.all(np.abs(mean) + 5 * np.asarray(stderr) < NO_GAIN))


def _relative(ladder: Ladder, one: Key, other: Key, claim: str, subject: str) -> Check:
    """That two curves are one, where |z| is largest; else that their gap is small, or vanishes with d, where three are stored."""
    d, curves = ladder[0]
    curve, rival = curves[one], curves[other]
    gaps = relative_gaps(curve, rival)
    mean, stderr = gaps.mean(axis=0), gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps))
    i = int(np.argmax(np.abs(mean) / stderr))
    expected = curve.predicted() / rival.predicted() - 1
    here, along = (f" (theory {expected[i]:+.1%})", f" (theory {np.abs(expected).mean():.1%})") if np.isfinite(expected).all() else ("", "")
    note = f"{mean[i]:+.1%}{here} at {curve.values[i]:g}; {np.abs(mean).mean():.1%}{along} on average over {len(mean)} values"
    row = by_z(claim, f"{subject}, worst of {len(mean)}", 0.0, float(mean[i]), float(stderr[i]), runs=len(gaps), scale=1.0, note=note)
    row = at_every_point(row, stderr, np.ones(len(mean)), runs=len(gaps))
    row = degree_too_high(row, float(mean[i]), excess(*curve.panel.point(curve.mixing, curve.name, curve.values[i], d)))
    row = in_the_limit(row, [(size, relative_gaps(of[one], of[other])) for size, of in ladder])
    # With runs enough any two heads differ at a finite d.
    if row.verdict == Verdict.DISAGREES and _too_small(mean, stderr):
        return row.with_verdict(Verdict.AGREES, f"{row.note}; everywhere less than {NO_GAIN:.0%}")
    return row


def _falls(curve: MixingCurve, claim: str, subject: str, sign: int = 1, source: int | None = None) -> Check:
    """The error at the last value of the axis minus ``sign`` times that at the first is negative."""
    runs, expected = curve.runs(source), curve.predicted(source)
    change = sign * (runs[:, -1] - runs[:, 0])
    note = f"; {(runs[:, -1] - runs[:, 0]).mean() / runs[:, 0].mean():+.1%}"
    if np.isfinite(expected[[0, -1]]).all():
        note += f"; theory {expected[-1] / expected[0] - 1:+.1%}"
    return Comparison.of(curve.values[-1:], change[:, None], sign * (expected[-1:] - expected[:1])).row(claim, subject, note)


def _families(curves: Curves, panel: int, name: str) -> list[MixingCurve]:
    return [curve for (index, _, series), curve in curves.items() if index == panel and series == name]


def _equivalence(claim: str, campaign: MixingCampaign, ladder: Ladder) -> list[Check]:
    rows = []
    for index, panel in enumerate(campaign.panels):
        for number, (legend, _) in enumerate(panel.families):
            for sigma in panel.activations:
                length = ", h normalised," if panel.normalise else ""
                head = f"{sigma}{length} against {panel.axis}{', ' * bool(legend)}{legend}"
                rivals = [*(f"{sigma}, p = {p}" for p in panel.degrees), f"{sigma}, rank one"]
                for rival in (name for name in rivals if (index, number, name) in ladder[0][1]):
                    rows.append(_relative(ladder, (index, number, rival), (index, number, sigma), claim, f"{head}: {rival} and the head"))
    return rows


def _sources(claim: str, campaign: MixingCampaign, ladder: Ladder) -> list[Check]:
    rows = []
    for index, panel in enumerate(campaign.panels):
        sign, verb = (-1, "rises") if panel.axis == "noise" else (1, "falls")
        for curve in _families(ladder[0][1], index, "relu"):
            subject = f"{curve.legend}: the error {verb} with the {panel.axis} of source 1"
            for source in tested_on(curve):
                tested = "" if source is None else f", tested on source {source}"
                rows.append(_falls(curve, claim, f"{subject}{tested}", sign, source))
    return rows + _equivalence(claim, campaign, ladder)


def _step(claim: str, campaign: MixingCampaign, ladder: Ladder) -> list[Check]:
    return [
        row
        for index, panel in enumerate(campaign.panels)
        for number in range(len(panel.families))
        for sigma in panel.activations
        for row in _of_step(claim, ladder[0][1][index, number, sigma])
    ]


def _of_step(claim: str, curve: MixingCurve) -> list[Check]:
    """Whether the step η = d² does what is said of it, and where a task spike makes it help, whether the theory knows the best η."""
    at = int(np.flatnonzero(curve.values == 1.0)[0])
    runs, expected = gains(curve), predicted_gains(curve)
    mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
    found, spike = int(np.argmin(mean)), f"{curve.head}, {where(curve)}"
    note = f"{mean[at]:+.1%} at η = d²; least error at η = {curve.values[found]:g} d² ({mean[found]:+.1%} ± {stderr[found]:.1%})"
    known = bool(np.isfinite(expected).all())
    if known:
        best = int(np.argmin(expected))
        note += f"; theory {expected[at]:+.1%}, and least at {curve.values[best]:g} d² ({expected[best]:+.1%})"
    if not curve.mixing.task_spike:
        row = by_z(claim, f"{spike}: the step η = d² changes nothing", 0.0, float(mean[at]), float(stderr[at]), runs=len(runs),
                   scale=NO_GAIN / RESOLUTION, note=note)
        # A change that is seen, and is too small to matter, is none.
        if _too_small(mean[at], stderr[at]):
            row = row.with_verdict(Verdict.AGREES, note)
        # z is that of no change; the theory's is a number of its own.
        return [replace(row, predicted=float(expected[at])) if known else row]
    compared = Comparison.of(curve.values[at : at + 1], runs[:, at : at + 1], expected[at : at + 1])
    rows = [compared.row(claim, f"{spike}: the step η = d² lowers the error", f"; {note}")]
    if known:
        above = runs[:, best] - runs[:, found]
        error = float(above.std(ddof=1) / np.sqrt(len(above)))
        rows.append(by_z(claim, f"{spike}: e/e(0) at the theory's best η above the smallest", float(expected[best] - expected[found]),
                         float(above.mean()), error, runs=len(above), scale=1.0,
                         note=f"smallest at η = {curve.values[found]:g} d², in theory at {curve.values[best]:g} d²"))
    return rows


#: What is said of each figure.
CLAIMS: dict[str, Callable[[str, MixingCampaign, Ladder], list[Check]]] = {
    "dm-fig1": _equivalence, "dm-fig2": _sources, "dm-fig3": _step, "dm-scan": _step, "dm-heads": _step, "dm-degree": _equivalence,
}


def judge(campaign: MixingCampaign, ladder: Ladder) -> list[Check]:
    """All rows of a figure at the first d of the ladder, then the theory beside its curves; the other d are for rates."""
    return [*CLAIMS[campaign.name](campaign.figure, campaign, ladder), *curve_rows(ladder), *gain_rows(ladder)]
