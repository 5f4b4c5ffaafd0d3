"""One run of a campaign: a function of its arguments alone, computed by any process on any machine."""

from __future__ import annotations

import math
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import Task
from hermite_eq.simulate import DiscreteMMSE
from hermite_eq.simulate.options import default_test
from verify.campaigns.campaign import Campaign, label, source_errors

#: For each sweep the models by name, and for each model what was found at its points, column by column.
Record = list[dict[str, dict[str, list[Any]]]]

_lock = threading.Lock()
_users = 0
_limits: threadpool_limits | None = None


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Linear algebra on one thread, so that neither the order of sums nor the load depends on how many cores there are.

    The limit holds for the whole process: the first of several threads sets it, the last one lifts it.
    """
    global _users, _limits
    with _lock:
        _users += 1
        if _limits is None:
            _limits = threadpool_limits(1)
    try:
        yield
    finally:
        with _lock:
            _users -= 1
            if not _users and _limits is not None:
                _limits.restore_original_limits()
                _limits = None


def simulate_run(campaign: Campaign, d: int, seed: int, memory: int, run: int) -> Record:
    """Every sweep of run number ``run``: for each the models by :func:`label`, and for each model columns over its points.

    They are the ICL and in-distribution error, the condition of the system solved (three digits; None where it is infinite), and
    whether the slower solver was needed.
    """
    record: Record = []
    with one_blas_thread():
        for sweep in campaign.sweeps(d):
            which, stream = range(run, run + 1), np.random.SeedSequence(seed, spawn_key=sweep.key)
            points = [replace(sweep.sizes, **{sweep.axis: value}) for value in sweep.values]
            trained = [model for model in sweep.models if not isinstance(model, DiscreteMMSE)]
            with warnings.catch_warnings():
                # Steps beyond o(d²) and unequal traces are what some figures are about.
                warnings.simplefilter("ignore", HypothesisWarning)
                curves = simulate.icl_curve(
                    trained, sweep.task, points, runs=which, rng=stream, memory=memory, test=default_test(d) // campaign.queries,
                    queries=campaign.queries,
                )
            columns = {label(model): _columns(curve.points) for model, curve in zip(trained, curves, strict=True)}
            for model in sweep.models:
                if isinstance(model, DiscreteMMSE):
                    # It does not depend on what varies along the sweep.
                    assert isinstance(sweep.task, Task)
                    error = simulate.dmmse_error(sweep.task, sweep.sizes, runs=which, rng=_again(stream))
                    columns[label(model)] = _columns([error] * len(sweep.values))
            record.append(columns)
    return record


def _again(stream: np.random.SeedSequence) -> np.random.SeedSequence:
    """The same seed as before anything was spawned from it."""
    return np.random.SeedSequence(stream.entropy, spawn_key=stream.spawn_key)


def _columns(points: Sequence[simulate.SimulatedError]) -> dict[str, list[Any]]:
    conditions = [float(point.condition_runs[0]) for point in points]
    sources = [point.source_runs[0] for point in points if point.source_runs is not None and source_errors(point.task)]
    by_source = {"sources": [row.tolist() for row in sources]} if sources else {}
    return by_source | {
        "icl": [float(point.icl_runs[0]) for point in points], "idg": [float(point.idg_runs[0]) for point in points],
        "condition": [float(f"{value:.3g}") if math.isfinite(value) else None for value in conditions],
        "fallback": [bool(point.fallback_runs[0]) for point in points],
    }
