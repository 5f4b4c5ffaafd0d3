"""The stored runs of a campaign as curves, beside the theory at the same points."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Ratios, Sizes, Task
from hermite_eq.simulate import DiscreteMMSE, MonteCarlo
from hermite_eq.simulate.population import label_moments, task_norms
from hermite_eq.theory import TheoryCurve, icl_curve
from verify.campaigns.campaign import Error, Panel, Predictor, label
from verify.campaigns.run import Record
from verify.campaigns.store import Store

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Curve:
    """Simulated errors of one model along the axis of a panel.

    Attributes
    ----------
    panel, family, model
    values : (points,) array
        Of the axis, as ratios of the sizes.
    points : tuple of Sizes
    icl_runs, idg_runs : (runs, points) array
    fallbacks : (points,) array of int
        Runs in which the slower solver was needed.
    """

    panel: Panel
    family: Ratios
    model: Predictor
    values: Array
    points: tuple[Sizes, ...]
    icl_runs: Array = field(repr=False)
    idg_runs: Array = field(repr=False)
    fallbacks: NDArray[np.int64] = field(repr=False)

    @property
    def runs(self) -> int:
        return len(self.icl_runs)

    @property
    def task(self) -> Task:
        return self.panel.task

    def each(self, error: Error) -> Array:
        """One value for each run and point; g_task is ICL − IDG."""
        return _pick(self.icl_runs, self.idg_runs, error)

    def simulated(self, error: Error) -> MonteCarlo:
        """Means and standard errors."""
        return MonteCarlo.from_runs(self.each(error))

    def theory(self, error: Error, task: Task | None = None) -> Array:
        """The theory at the same points, NaN where it declines; ``task`` in place of the one simulated."""
        return predicted(self.model, task or self.panel.task, self.points, error)


def predicted(model: Predictor, task: Task, points: Sequence[Sizes], error: Error) -> Array:
    """Theory at ``points``, NaN where the sizes are too small for it, and for dMMSE."""
    icl, idg = _theory(model, task, tuple(points))
    return _pick(icl, idg, error)


@functools.lru_cache(maxsize=4096)
def _theory(model: Predictor, task: Task, points: tuple[Sizes, ...]) -> tuple[Array, Array]:
    if isinstance(model, DiscreteMMSE):
        return np.full(len(points), np.nan), np.full(len(points), np.nan)
    try:
        curve = icl_curve(model, task, points)
    except HypothesisError:
        if len(points) == 1:
            return np.array([np.nan]), np.array([np.nan])
        icl, idg = zip(*(_theory(model, task, (point,)) for point in points), strict=True)
        return np.concatenate(icl), np.concatenate(idg)
    return curve.icl, curve.idg


def theory_curve(curve: Curve, d: float) -> TheoryCurve | None:
    """The theory along the axis, on a fine grid, at ``d`` or at infinity; of that what the theory accepts, None where it is nothing."""
    if isinstance(curve.model, DiscreteMMSE):
        return None
    # The grid of the limit need not be that of whole sizes; it is that of a large d.
    points = curve.panel.fine(curve.family, 1000 if d == math.inf else int(d))
    task = curve.panel.task
    if d == math.inf:
        return icl_curve(curve.model, task, [point.ratios for point in points])
    try:
        return icl_curve(curve.model, task, points)
    except HypothesisError:
        accepted = [point for point in points if np.isfinite(predicted(curve.model, task, [point], "icl")).all()]
    try:
        return icl_curve(curve.model, task, accepted) if accepted else None
    except HypothesisError:
        # Points that are accepted one by one may lie too close to one that is not.
        return None


def limit(curve: Curve, error: Error) -> Array:
    """The theory at d = ∞, at the ratios of the simulated points."""
    if isinstance(curve.model, DiscreteMMSE):
        return np.full(len(curve.points), np.nan)
    found = icl_curve(curve.model, curve.panel.task, [point.ratios for point in curve.points])
    return _pick(found.icl, found.idg, error)


def _pick(icl: Array, idg: Array, error: Error) -> Array:
    if error == "g_task":
        return icl - idg
    return icl if error == "icl" else idg


def constant_error(task: Task, d: int) -> float:
    """Error of the best constant predictor, the variance of the label over fresh tasks.

    >>> round(constant_error(Task("identity", noise=0.25), 10), 12)
    1.25
    """
    s, weights = task_norms(d)
    moments = label_moments(task, s)
    return float(weights @ moments.y2 - (weights @ moments.y) ** 2)


@dataclass(frozen=True, eq=False)
class Results:
    """All curves of a campaign at one d.

    Attributes
    ----------
    d, runs : int
    curves : mapping
        From (panel, family, name of the model).
    """

    d: int
    runs: int
    curves: Mapping[tuple[int, int, str], Curve]

    def get(self, model: str, panel: int = 0, family: int = 0) -> Curve:
        """The curve of the model of that name."""
        return self.curves[panel, family, model]


def load(store: Store, runs: Sequence[int]) -> Results:
    """The curves of the stored ``runs``."""
    campaign, d = store.setup.campaign, store.setup.d
    records: list[Record] = [store.read(run) for run in runs]
    sweeps = [sweep for _, sweep in campaign.sweeps(d)]
    curves = {}
    for index, panel in enumerate(campaign.panels):
        for number, family in enumerate(panel.families):
            parts = [i for i, sweep in enumerate(sweeps) if sweep.key[:2] == (index, number)]
            points = tuple(point for i in parts for point in sweeps[i].points)
            for model in panel.models:
                name = label(model)

                def column(entry: str, parts: list[int] = parts, name: str = name) -> Array:
                    return np.array([[cell for i in parts for cell in record[i][name][entry]] for record in records])

                curves[index, number, name] = Curve(
                    panel, family, model, np.array([_ratio(panel, point) for point in points]), points,
                    column("icl"), column("idg"), column("fallback").astype(int).sum(axis=0),
                )
    return Results(d, len(records), curves)


def _ratio(panel: Panel, point: Sizes) -> float:
    if panel.axis == "hidden":
        assert point.hidden is not None
        return point.hidden / point.samples
    ratios = point.ratios
    return {"samples": ratios.tau, "context": ratios.alpha, "tasks": ratios.kappa}[panel.axis]
