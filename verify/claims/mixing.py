"""What [DM] says of its figures: a row, with its effect size, for each statement and curve."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.simulate import MonteCarlo
from verify.campaigns.curves import Curve, Key, Results
from verify.campaigns.mixing import Mixing
from verify.claims.agreement import Ladder, degree_too_high, gains, in_the_limit, predicted_gains
from verify.claims.check import RESOLUTION, Check, Verdict, at_every_point, by_runs
from verify.claims.comparison import Comparison, relative_gaps
from verify.claims.inflation import excess

#: A step that changes the error by less than this share does not help, nor hurt; errors which differ by less are called the same.
NO_GAIN = 0.02


def _too_small(mean: ArrayLike, stderr: ArrayLike) -> bool:
    """Whether changes, with five standard errors (|z| > 5 by chance: 5.7e-7), are less than :data:`NO_GAIN`."""
    return bool(np.all(np.abs(mean) + 5 * np.asarray(stderr) < NO_GAIN))


def _mixing(curve: Curve) -> Mixing:
    assert isinstance(curve.family, Mixing)
    return curve.family


def same_error(*, ladder: Ladder) -> list[Check]:
    """The equivalents, and the rank-one part of the step, have the error of the head; else their gap is small, or vanishes with d."""
    checks = []
    for (index, number, name), curve in ladder[0].curves.items():
        family = _mixing(curve)
        if name not in family.activations:
            continue
        length = ", h normalised," if family.normalise else ""
        head = f"{name}{length} against {curve.panel.axis}{', ' * bool(family.name)}{family.name}"
        rivals = [*(f"{name}, p = {p}" for p in family.degrees), f"{name}, rank one"]
        checks += [
            _same(f"{head}: {rival} and the head", (index, number, rival), (index, number, name), ladder)
            for rival in rivals
            if (index, number, rival) in ladder[0].curves
        ]
    return checks


def _same(subject: str, first: Key, second: Key, ladder: Ladder) -> Check:
    curve, rival = (ladder[0].curves[key] for key in (first, second))
    gaps = relative_gaps(curve, rival)
    pair_mean = MonteCarlo.from_runs(gaps)
    mean, stderr = pair_mean.mean, pair_mean.stderr
    i = int(np.argmax(np.abs(mean) / stderr))
    expected = curve.theory("icl") / rival.theory("icl") - 1
    here = along = ""
    if np.isfinite(expected).all():
        here, along = f" (theory {expected[i]:+.1%})", f" (theory {np.abs(expected).mean():.1%})"
    note = f"{mean[i]:+.1%}{here} at {curve.values[i]:g}; {np.abs(mean).mean():.1%}{along} on average over {len(mean)} values"
    row = by_runs(f"{subject}, worst of {len(mean)}", 0.0, gaps[:, i], scale=1.0, note=note)
    row = at_every_point(row, stderr, np.ones(len(mean)), runs=len(gaps))
    row = degree_too_high(row, float(mean[i]), excess(curve.points[i]))
    row = in_the_limit(row, lambda: [(rung.d, relative_gaps(rung.curves[first], rung.curves[second])) for rung in ladder])
    # With runs enough any two heads differ at a finite d.
    if row.verdict == Verdict.DISAGREES and _too_small(mean, stderr):
        return row.with_verdict(Verdict.AGREES, f"{row.note}; everywhere less than {NO_GAIN:.0%}")
    return row


def structure_helps(*, ladder: Ladder) -> list[Check]:
    """The error of the ReLU head falls with the structure of source 1, or rises with its noise: in the test, and on each source."""
    rows = []
    for (_, _, name), curve in ladder[0].curves.items():
        if name == "relu" and curve.panel.axis in ("input spike", "task spike", "noise"):
            sign, verb = (-1, "rises") if curve.panel.axis == "noise" else (1, "falls")
            for part in curve.parts("icl"):
                runs, expected = curve.runs_of(part), curve.theory(part)
                note = f"; {(runs[:, -1] - runs[:, 0]).mean() / runs[:, 0].mean():+.1%}"
                if np.isfinite(expected[[0, -1]]).all():
                    note += f"; theory {expected[-1] / expected[0] - 1:+.1%}"
                # That the error at the last value minus that at the first has the sign.
                change = Comparison.of(curve.values[-1:], sign * (runs[:, -1:] - runs[:, :1]), sign * (expected[-1:] - expected[:1]))
                tested = f", tested on source {part}" if isinstance(part, int) else ""
                rows.append(change.row(f"{_mixing(curve).name}: the error {verb} with the {curve.panel.axis} of source 1{tested}", note))
    return rows


def step_helps(*, ladder: Ladder) -> list[Check]:
    """Whether the step η = d² does what is said of it, and where a task spike makes it help, whether the theory knows the best of several
    η.
    """
    return [
        row
        for key, curve in ladder[0].curves.items()
        if curve.panel.axis == "step" and key[2] in _mixing(curve).activations
        for row in _step_of(ladder[0], key)
    ]


def _step_of(results: Results, key: Key) -> list[Check]:
    curve = results.curves[key]
    at = int(np.flatnonzero(curve.values == 1.0)[0])
    runs, expected = gains(curve), predicted_gains(curve)
    changes = MonteCarlo.from_runs(runs)
    mean, stderr, least, name = changes.mean, changes.stderr, int(np.argmin(changes.mean)), results.subject(key)
    note = f"{mean[at]:+.1%} at η = d²; least error at η = {curve.values[least]:g} d² ({mean[least]:+.1%} ± {stderr[least]:.1%})"
    known = bool(np.isfinite(expected).all())
    if known:
        best = int(np.argmin(expected))
        note += f"; theory {expected[at]:+.1%}, and least at {curve.values[best]:g} d² ({expected[best]:+.1%})"
    if not _mixing(curve).task_spike:
        row = by_runs(f"{name}: the step η = d² changes nothing", 0.0, runs[:, at], scale=NO_GAIN / RESOLUTION, note=note)
        # A change that is seen, and is too small to matter, is none.
        if _too_small(mean[at], stderr[at]):
            row = row.with_verdict(Verdict.AGREES, note)
        # z is that of no change; the theory's is a number of its own.
        return [replace(row, predicted=float(expected[at])) if known else row]
    compared = Comparison.of(curve.values[at : at + 1], runs[:, at : at + 1], expected[at : at + 1])
    rows = [compared.row(f"{name}: the step η = d² lowers the error", f"; {note}")]
    if known and len(curve.values) > 2:
        rows.append(
            by_runs(
                f"{name}: e/e(0) at the theory's best η above the smallest",
                float(expected[best] - expected[least]),
                runs[:, best] - runs[:, least],
                scale=1.0,
                note=f"smallest at η = {curve.values[least]:g} d², in theory at {curve.values[best]:g} d²",
            )
        )
    return rows
