"""One run of a campaign: a function of its arguments alone, computed by any process on any machine."""

from __future__ import annotations

import math
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from hermite_eq import simulate
from verify.campaigns.campaign import Campaign, label

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


def simulate_run(campaign: Campaign, d: int, seed: int, memory: int, run: int) -> list[dict[str, list[dict[str, Any]]]]:
    """Every sweep of run number ``run``: for each the models by :func:`label`, and for each model its points.

    A point has the ICL and in-distribution error, the condition of the system solved (None where it is infinite), and whether the
    slower solver was needed.
    """
    record = []
    with one_blas_thread():
        for panel, sweep in campaign.sweeps(d):
            samples, hidden = (sweep.values, None) if sweep.axis == "samples" else (None, sweep.values)
            curves = simulate.icl_curve(
                panel.models, panel.task, sweep.sizes, samples=samples, hidden=hidden, runs=range(run, run + 1),
                rng=np.random.SeedSequence(seed, spawn_key=sweep.key), memory=memory,
            )
            record.append({
                label(model): [
                    {
                        "icl": float(point.icl_runs[0]), "idg": float(point.idg_runs[0]),
                        "condition": float(point.condition_runs[0]) if math.isfinite(point.condition_runs[0]) else None,
                        "fallback": bool(point.fallback_runs[0]),
                    }
                    for point in curve.points
                ]
                for model, curve in zip(panel.models, curves, strict=True)
            })
    return record
