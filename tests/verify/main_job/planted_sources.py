"""Two sources without a Transformer: a formula for their errors which depends on all that a theory may get wrong, and runs scattered about
it."""

from __future__ import annotations

import dataclasses

import numpy as np

import hermite_eq
from hermite_eq.curve import Setting as Point
from hermite_eq.models import Structure, Task
from hermite_eq.models.structures import Identity
from verify.campaigns.campaign import label
from verify.campaigns.curves import Results, results
from verify.campaigns.theory import Points, Theory
from verify.main_job import two_sources
from verify.main_job.profile import QUICK
from verify.store.run import Record

#: Relative scatter of a run, common to the heads of a run but for a tenth of it.
SCATTER = 0.02
LADDER, RUNS = (12, 16, 24), 60
PROFILE = dataclasses.replace(QUICK, mixing_ladder=LADDER, mixing_runs=(RUNS,) * 3)


def _structured(covariance: Structure) -> bool:
    return covariance != Identity()


def by_source(point: Point) -> np.ndarray:
    """Larger slopes, more noise and less structure make for a larger error; a step helps on the source with spiked tasks."""
    model, (first, second), share = point.model, point.task.sources, point.task.weights[1]
    eta = model.step_size / point.sizes.d**2
    slopes = [float(hermite_eq.coefficients(source.target, 1)[1]) for source in (first, second)]
    on_first = 0.1 + slopes[0] ** 2 * (1 + 0.2 * share) + first.noise + 0.05 * share * second.noise
    on_second = 0.1 + slopes[1] ** 2 * (1 - (0.3 + 0.2 * eta**2) * share * _structured(second.task_cov)) + second.noise
    return np.array([on_first, on_second]) * (1 + 0.1 * (not model.normalise))


def theory(points: Points) -> Theory:
    """The errors without scatter."""
    errors = np.array([by_source(point) for point in points])
    icl = np.array([np.dot(point.task.test_weights, row) for point, row in zip(points, errors, strict=True)])
    return Theory(icl, icl, errors, ((),) * len(points))


def measured(*, off: float = 0.0, rate: float = 0.0) -> list[Results]:
    """Runs about :func:`theory`, with source 1 a share ``off`` · (d/12)^rate too high."""
    rows = []
    for d in sorted(LADDER, reverse=True):
        campaign = two_sources.campaign(PROFILE, d)
        common = 1 + SCATTER * np.random.default_rng(d).standard_normal((RUNS, 2))
        records: list[Record] = [[] for _ in range(RUNS)]
        for number, sweep in enumerate(campaign.sweeps(d)):
            drawn = {}
            for which, model in enumerate(sweep.models):
                factor = common + 0.1 * SCATTER * np.random.default_rng([d, number, which]).standard_normal((RUNS, 2))
                factor[:, 1] *= 1 + off * (d / LADDER[0]) ** rate
                drawn[label(model)] = factor * by_source(Point(model, sweep.task, sweep.sizes))
            assert isinstance(sweep.task, Task)
            weights = np.array(sweep.task.test_weights)
            for run, record in enumerate(records):
                record.append({name: {"icl": [float(runs[run] @ weights)], "idg": [float(runs[run] @ weights)], "fallback": [False],
                                      "sources": [runs[run].tolist()]} for name, runs in drawn.items()})  # fmt: skip
        rows.append(results(campaign, d, records, theory))
    return rows


def ratios(power: float = -0.8) -> dict[tuple[str, int], np.ndarray]:
    """‖Δ‖/‖uvᵀ‖ ∝ d^power under a task spike, and constant under an input spike."""
    noise = {d: 1 + 0.1 * np.random.default_rng([d, 7]).standard_normal(24) for d in LADDER}
    return {("task spike", d): 0.4 * (d / LADDER[0]) ** power * noise[d] for d in LADDER} | {
        ("input spike", d): 0.6 * noise[d] for d in LADDER}  # fmt: skip
