"""Errors on a mixture and on its sources: a row for each point beside the theory, for what changes along the axis, and for their mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import Task
from hermite_eq.theory.feature_law.sources.contexts import CONTEXTS
from verify.campaigns.campaign import Error, error_name
from verify.campaigns.curves import Curve
from verify.campaigns.mixing import Mixing
from verify.claims.agreement import Ladder, in_the_limit, point_row
from verify.claims.check import Z_LIMIT, Check, by_runs, by_z

Array = NDArray[np.float64]


def _heads(panel: int, ladder: Ladder) -> Iterator[tuple[str, list[tuple[int, Curve]]]]:
    """Names and curves, at every d, of the heads of a panel, without those beside them."""
    for key, curve in ladder[0].curves.items():
        if key[0] == panel and isinstance(curve.family, Mixing) and curve.name in curve.family.activations:
            yield ladder[0].subject(key), [(results.d, results.curves[key]) for results in ladder]


def errors_as_predicted(panel: int, values: tuple[float, ...] = (), *, ladder: Ladder) -> list[Check]:
    """The errors of every head on the test mixture and on each source are the theory's, or tend to them as 1/d; at all values, or some."""
    return [
        point_row(name, [part], [(d, curve.only(i)) for d, curve in along])
        for name, along in _heads(panel, ladder)
        for i, value in enumerate(along[0][1].values)
        if value in values or not values
        for part in along[0][1].parts("icl")
    ]


def changes_as_predicted(panel: int, parts: tuple[Error, ...] = ("icl",), *, ladder: Ladder) -> list[Check]:
    """What the error at the last value of the axis is above that at the first, of every head, is what the theory says, or tends to it."""
    return [_changed(name, along, part) for name, along in _heads(panel, ladder) for part in parts]


def _changed(name: str, ladder: list[tuple[int, Curve]], part: Error) -> Check:
    (_, curve), *_ = ladder
    runs, predicted = _change(curve, part)
    axis = curve.family.abscissa(curve.panel.axis)
    subject = f"{name}: {error_name(part)} at {axis} = {curve.values[-1]:g} minus that at {curve.values[0]:g}"
    note = f"simulation/theory − 1 = {runs.mean() / predicted - 1:+.1%}"
    row = by_runs(subject, predicted, runs, scale=abs(predicted), note=note)
    return in_the_limit(
        row, lambda: [(d, (simulated / expected - 1)[:, None]) for d, rung in ladder for simulated, expected in [_change(rung, part)]]
    )


def _change(curve: Curve, part: Error) -> tuple[Array, float]:
    """What the last point has more than the first: run by run, and in theory."""
    runs, theory = curve.runs_of(part), curve.theory(part)
    return runs[:, -1] - runs[:, 0], float(theory[-1] - theory[0])


def sources_average(panel: int, weights: Sequence[float] = (), *, ladder: Ladder) -> list[Check]:
    """The error on the test mixture is the mean over the sources, with the test's weights or others: of the first head at the first value.

    Up to rounding, of eps times their size for each of the terms that are summed one by one.
    """
    name, ((_, curve), *_) = next(_heads(panel, ladder))
    here, task = curve.only(0), curve.task
    assert isinstance(task, Task)
    made, rows = here.prediction, []
    for what, whole, parts, terms in (
        (f"simulation, {curve.runs} runs", here.icl_runs[:, 0], here.source_runs[:, 0], len(task.test_weights)),
        # Each of the theory's errors is a mean over contexts by itself: so many roundings, of random sign.
        ("theory", made.icl, made.by_source, math.sqrt(CONTEXTS)),
    ):
        rounding = terms * float(np.finfo(np.float64).eps) * float(np.max(parts))
        off = whole - parts @ np.asarray(weights or task.test_weights)
        worst = float(off[np.argmax(np.abs(off))])
        # The bound itself is where a check disagrees.
        row = by_z(f"{name}: {what}: the errors on the sources average to that of the mixture", 0.0, worst, rounding / Z_LIMIT)
        rows.append(replace(row, kind="identity"))
    return rows
