"""Errors on a mixture and on its sources: a row for each point beside the theory, for what changes along the axis, and for their mean."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

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
#: A curve at several d, the one that is judged first.
Along = list[tuple[int, Curve]]


def _heads(panel: int, ladder: Ladder) -> Iterator[tuple[str, Along]]:
    """Names and curves of the heads of a panel, without those beside them."""
    for key, curve in ladder[0].curves.items():
        if key[0] == panel and isinstance(curve.family, Mixing) and curve.name in curve.family.activations:
            yield ladder[0].subject(key), [(results.d, results.curves[key]) for results in ladder]


@dataclass(frozen=True)
class ErrorsAsPredicted:
    """The errors of every head on the test mixture and on each source are the theory's, or tend to them as 1/d; at all values, or some."""

    panel: int
    values: tuple[float, ...] = ()

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        found = []
        for name, along in _heads(self.panel, ladder):
            for i, value in enumerate(along[0][1].values):
                if value in self.values or not self.values:
                    here = [(d, curve.only(i)) for d, curve in along]
                    found += [replace(point_row(name, [part], here), claim=claim) for part in here[0][1].parts("icl")]
        return found


@dataclass(frozen=True)
class ChangesAsPredicted:
    """What the error at the last value of the axis is above that at the first, of every head, is what the theory says, or tends to it."""

    panel: int
    parts: tuple[Error, ...] = ("icl",)

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        return [self._row(claim, name, along, part) for name, along in _heads(self.panel, ladder) for part in self.parts]

    def _row(self, claim: str, name: str, ladder: Along, part: Error) -> Check:
        (_, curve), *_ = ladder
        runs, predicted = _change(curve, part)
        axis = curve.family.abscissa(curve.panel.axis)
        subject = f"{name}: {error_name(part)} at {axis} = {curve.values[-1]:g} minus that at {curve.values[0]:g}"
        note = f"simulation/theory − 1 = {runs.mean() / predicted - 1:+.1%}"
        row = by_runs(claim, subject, predicted, runs, scale=abs(predicted), note=note)
        return in_the_limit(row, lambda: [(d, (found / expected - 1)[:, None]) for d, each in ladder
                                          for found, expected in [_change(each, part)]])


def _change(curve: Curve, part: Error) -> tuple[Array, float]:
    """What the last point has more than the first: run by run, and in theory."""
    runs, theory = curve.each(part), curve.theory(part)
    return runs[:, -1] - runs[:, 0], float(theory[-1] - theory[0])


@dataclass(frozen=True)
class SourcesAverage:
    """The error on the test mixture is the mean over the sources, with the test's weights or others: of the first head at the first value.

    Up to rounding, of eps times their size for each of the terms that are summed one by one.
    """

    panel: int
    weights: tuple[float, ...] = ()

    def rows(self, claim: str, ladder: Ladder) -> list[Check]:
        name, ((_, curve), *_) = next(_heads(self.panel, ladder))
        here, task = curve.only(0), curve.task
        assert isinstance(task, Task)
        weights, made = self.weights or task.test_weights, here.prediction
        return [
            _averages(claim, f"{name}: simulation, {curve.runs} runs", here.icl_runs[:, 0], here.source_runs[:, 0], weights, len(weights)),
            # Each of the theory's errors is a mean over contexts by itself: so many roundings, of random sign.
            _averages(claim, f"{name}: theory", made.icl, made.by_source, weights, math.sqrt(CONTEXTS)),
        ]


def _averages(claim: str, subject: str, whole: Array, parts: Array, weights: Sequence[float], terms: float) -> Check:
    rounding = terms * float(np.finfo(np.float64).eps) * float(np.max(parts))
    off = whole - parts @ np.asarray(weights)
    worst = float(off[np.argmax(np.abs(off))])
    # The bound itself is where a check disagrees.
    row = by_z(claim, f"{subject}: the errors on the sources average to that of the mixture", 0.0, worst, rounding / Z_LIMIT)
    return replace(row, kind="identity")
