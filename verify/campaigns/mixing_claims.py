"""What [DM] says of its figures, held against the stored runs: a row, with its effect size, for each claim and curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from verify.campaigns.claims import THEORY, Comparison
from verify.campaigns.mixing import MixingCampaign, MixingCurve
from verify.campaigns.mixing_theory import theory
from verify.check import RESOLUTION, Check, Verdict, at_every_point, by_rate, by_z, z_score

Array = NDArray[np.float64]
Curves = Mapping[tuple[int, int, str], MixingCurve]
Others = Sequence[tuple[int, Curves]]
#: A step that changes the error by less than this share does not help, nor hurt.
NO_GAIN = 0.02


def _gaps(one: MixingCurve, other: MixingCurve) -> Array:
    """e(one)/e(other) − 1, for each run and point."""
    return (one.icl_runs - other.icl_runs) / other.icl_runs.mean(axis=0)


def _relative(pairs: Sequence[tuple[int, MixingCurve, MixingCurve]], claim: str, subject: str) -> Check:
    """That the gap of the first pair is zero, at the point where |z| is largest; else that it vanishes with d, where three are stored.

    Equality at d = ∞ has a rate that no paper states: 1/d, the order of the other finite-size corrections, is asked for.
    """
    _, one, other = pairs[0]
    gaps = _gaps(one, other)
    mean, stderr = gaps.mean(axis=0), gaps.std(axis=0, ddof=1) / np.sqrt(len(gaps))
    i = int(np.argmax(np.abs(mean) / stderr))
    note = f"{mean[i]:+.1%} at {one.values[i]:g}; {np.abs(mean).mean():.1%} on average over {len(mean)} values"
    row = by_z(claim, f"{subject}, worst of {len(mean)}", 0.0, float(mean[i]), float(stderr[i]), runs=len(gaps), scale=1.0, note=note)
    row = at_every_point(row, stderr, np.ones(len(mean)), runs=len(gaps))
    if row.verdict != Verdict.DISAGREES or len(pairs) < 3:
        return row
    ladder = sorted((d, _gaps(first, second).mean(axis=1)) for d, first, second in pairs)
    averages = [runs.mean() for _, runs in ladder]
    errors = [runs.std(ddof=1) / np.sqrt(len(runs)) for _, runs in ladder]
    rate = by_rate(claim, row.subject, [d for d, _ in ladder], averages, errors, order=-1, runs=[len(runs) for _, runs in ladder])
    slope = (rate.value, rate.value_error) if rate.statistic == "slope" else None
    return row.with_verdict(rate.verdict, f"{note}; mean gap {rate.note}", slope=slope)


def _falls(curve: MixingCurve, claim: str, subject: str, sign: int = 1, source: int | None = None) -> Check:
    """The error at the last value of the axis minus ``sign`` times that at the first is negative."""
    runs = curve.icl_runs if source is None else curve.source_runs[:, :, source]
    change = sign * (runs[:, -1] - runs[:, 0])
    effect = float((runs[:, -1] - runs[:, 0]).mean() / runs[:, 0].mean())
    return Comparison.of(curve.values[-1:], change[:, None], np.array([np.nan])).row(claim, subject, f"; {effect:+.1%}")


def _families(curves: Curves, panel: int, name: str) -> list[MixingCurve]:
    return [curve for (index, _, series), curve in curves.items() if index == panel and series == name]


def _equivalence(claim: str, campaign: MixingCampaign, curves: Curves, others: Others) -> list[Check]:
    rows = []
    for index, panel in enumerate(campaign.panels):
        for number, (legend, _) in enumerate(panel.families):
            for sigma in panel.activations:
                where = f"{sigma} against {panel.axis}{', ' * bool(legend)}{legend}"
                for rival in [*(f"{sigma}, p = {p}" for p in panel.degrees), f"{sigma}, rank one"]:
                    pairs = [(d, stored[index, number, rival], stored[index, number, sigma]) for d, stored in others or [(0, curves)]]
                    rows.append(_relative(pairs, claim, f"{where}: {rival} and the head"))
    return rows


def _sources(claim: str, campaign: MixingCampaign, curves: Curves, others: Others) -> list[Check]:
    rows = []
    for index, panel in enumerate(campaign.panels):
        sign, verb = (-1, "rises") if panel.axis == "noise" else (1, "falls")
        for curve in _families(curves, index, "relu"):
            subject = f"{curve.family}: the error {verb} with the {panel.axis} of source 1"
            rows.append(_falls(curve, claim, subject, sign))
            rows += [_falls(curve, claim, f"{subject}, tested on source {s}", sign, s) for s in range(curve.source_runs.shape[2])]
    return rows + _equivalence(claim, campaign, curves, others)


def _step(claim: str, campaign: MixingCampaign, curves: Curves, others: Others) -> list[Check]:
    rows = []
    for index, panel in enumerate(campaign.panels):
        for number, (legend, mixing) in enumerate(panel.families):
            curve = curves[index, number, "relu"]
            at, none = int(np.flatnonzero(curve.values == 1.0)[0]), int(np.flatnonzero(curve.values == 0.0)[0])
            gains = curve.icl_runs / curve.icl_runs[:, none].mean() - (curve.icl_runs[:, none] / curve.icl_runs[:, none].mean())[:, None]
            mean, stderr = gains.mean(axis=0), gains.std(axis=0, ddof=1) / np.sqrt(len(gains))
            best = int(np.argmin(mean))
            note = f"{mean[at]:+.1%} at η = d²; least error at η = {curve.values[best]:g} d² ({mean[best]:+.1%} ± {stderr[best]:.1%})"
            spike = mixing.structure
            if mixing.task_spike:
                compared = Comparison.of(curve.values[at : at + 1], gains[:, at : at + 1], np.array([np.nan]))
                rows.append(compared.row(claim, f"{spike}, {legend}: the step η = d² lowers the error", f"; {note}"))
            else:
                row = by_z(claim, f"{spike}, {legend}: the step η = d² changes nothing", 0.0, float(mean[at]), float(stderr[at]),
                           runs=len(gains), scale=NO_GAIN / RESOLUTION, note=note)
                # A change that is seen, and is too small to matter, is none.
                small = abs(mean[at]) + 5 * stderr[at] < NO_GAIN
                rows.append(row.with_verdict(Verdict.AGREES, note) if small else row)
    return rows


def _theory_rows(campaign: MixingCampaign, d: int, curves: Curves) -> list[Check]:
    """For every curve that has a theory the point with the largest |z|, of the test mixture."""
    rows = []
    for (index, number, name), curve in curves.items():
        legend, family = campaign.panels[index].families[number]
        expected = theory(curve.panel, family, name, d)
        if expected is None:
            continue
        mean, stderr = curve.icl_runs.mean(axis=0), curve.icl_runs.std(axis=0, ddof=1) / np.sqrt(len(curve.icl_runs))
        z = [z_score(*point, len(curve.icl_runs)) for point in zip(expected.icl, mean, stderr, strict=True)]
        i = int(np.argmax(np.abs(z)))
        predicted, measured = float(expected.icl[i]), float(mean[i])
        note = f"simulation/theory − 1 = {measured / predicted - 1:+.1%}"
        if expected.notes:
            note += f"; the theory says: {expected.notes[-1]}"
        where = ", ".join(filter(None, (family.structure if curve.panel.axis == "step" else curve.panel.axis, legend)))
        subject = f"{name}, {where}: ICL at {curve.values[i]:g} (worst of {len(mean)})"
        row = by_z(THEORY, subject, predicted, measured, float(stderr[i]), runs=len(curve.icl_runs), scale=predicted, note=note)
        rows.append(at_every_point(row, stderr, expected.icl, runs=len(curve.icl_runs)))
    return rows


#: What is said of each figure.
CLAIMS: dict[str, Callable[[str, MixingCampaign, Curves, Others], list[Check]]] = {
    "dm-fig1": _equivalence, "dm-fig2": _sources, "dm-fig3": _step, "dm-scan": _step,
}


def judge(campaign: MixingCampaign, d: int, curves: Curves, others: Others = ()) -> list[Check]:
    """All rows of a figure at one d, then the theory beside its curves; ``others`` are the same figure at other d, with that d."""
    ladder = [(d, curves), *others] if len(others) > 1 else []
    return CLAIMS[campaign.name](campaign.figure, campaign, curves, ladder) + _theory_rows(campaign, d, curves)
