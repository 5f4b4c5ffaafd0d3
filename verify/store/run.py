"""One run of a campaign: a function of its arguments alone, computed by any process on any machine."""

from __future__ import annotations

import functools
import math
import platform
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from threadpoolctl import threadpool_limits

import hermite_eq
from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning, StorageError
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


def simulate_run(campaign: Campaign, d: int, seed: int, memory: int, run: int, device: str = "cpu") -> Record:
    """Every sweep of run number ``run``: for each the models by :func:`label`, and for each model columns over its points.

    They are the ICL and in-distribution error, the condition of the system solved (three digits; None where it is infinite), and
    whether the slower solver was needed. The budget of ``memory`` is that of the CPU; another device's is what it has.
    """
    budget = memory if device == "cpu" else None
    record: Record = []
    with one_blas_thread():
        for sweep in campaign.sweeps(d):
            which, stream = range(run, run + 1), np.random.SeedSequence(seed, spawn_key=sweep.key)
            trained = [model for model in sweep.models if not isinstance(model, DiscreteMMSE)]
            with warnings.catch_warnings():
                # Steps beyond o(d²) and unequal traces are what some figures are about.
                warnings.simplefilter("ignore", HypothesisWarning)
                curves = simulate.icl_curve(
                    trained,
                    sweep.task,
                    sweep.points,
                    runs=which,
                    rng=stream,
                    memory=budget,
                    device=device,
                    test=default_test(d) // campaign.queries,
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
        "icl": [float(point.icl_runs[0]) for point in points],
        "idg": [float(point.idg_runs[0]) for point in points],
        "condition": [float(f"{value:.3g}") if math.isfinite(value) else None for value in conditions],
        "fallback": [bool(point.fallback_runs[0]) for point in points],
    }


# What a run is made of, checked whenever it is written or read.


def _error(cell: Any) -> bool:
    return isinstance(cell, float) and 0 <= cell < math.inf


#: What stands in the columns of a model, a cell for each point. A condition that is infinite is None.
_CELLS: dict[str, Callable[[Any], bool]] = {
    "icl": _error,
    "idg": _error,
    "condition": lambda cell: cell is None or _error(cell),
    "fallback": lambda cell: isinstance(cell, bool),
    "sources": lambda cell: isinstance(cell, list) and bool(cell) and all(map(_error, cell)),
}
_OPTIONAL = {"sources"}


def check_record(record: Any, shape: Sequence[tuple[Sequence[str], int]], where: str, repair: str) -> None:
    """Raise a StorageError unless ``record`` has the models and points of the sweeps, and errors which are finite and not negative.

    ``shape`` has for each sweep the names of its models, and the number of its points.
    """
    if not isinstance(record, list) or len(record) != len(shape):
        raise StorageError(f"a run has {len(shape)} simulations", f"{_shown(record)} in {where}", repair)
    for number, (sweep, (names, points)) in enumerate(zip(record, shape, strict=True)):
        if not isinstance(sweep, dict) or set(sweep) != set(names):
            raise StorageError(f"simulation {number} of a run has the models {', '.join(names)}", f"{_shown(sweep)} in {where}", repair)
        for name, columns in sweep.items():
            place = f"simulation {number}, {name}, in {where}"
            if not isinstance(columns, dict) or not _CELLS.keys() - _OPTIONAL <= columns.keys() <= _CELLS.keys():
                needed = ", ".join(column for column in _CELLS if column not in _OPTIONAL)
                raise StorageError(f"a model has the columns {needed}", f"{_shown(columns)} at {place}", repair)
            for column, cells in columns.items():
                if not isinstance(cells, list) or len(cells) != points:
                    raise StorageError(f"a column has {points} points", f"{_shown(cells)} as {column} at {place}", repair)
                wrong = next((cell for cell in cells if not _CELLS[column](cell)), None)
                if wrong is not None or (None in cells and column != "condition"):
                    raise StorageError("errors and conditions are finite numbers, not negative", f"{column} = {wrong!r} at {place}", repair)


def _shown(part: Any) -> str:
    """What is there instead, in few words."""
    if isinstance(part, list):
        return f"{len(part)} entries"
    return ", ".join(map(str, part)) or "nothing" if isinstance(part, dict) else type(part).__name__


# What computed a run.


@dataclass(frozen=True)
class Origin:
    """What computed a run: its time, the revision of the code where that is a checkout, ``-dirty`` if files differed, versions, and the
    device where that is not the CPU."""

    seconds: float
    revision: str | None
    hermite_eq: str
    python: str
    numpy: str
    scipy: str
    device: str = "cpu"

    @classmethod
    def here(cls, seconds: float, device: str = "cpu") -> Origin:
        """This process, and the time it took."""
        versions = hermite_eq.__version__, platform.python_version(), np.__version__, scipy.__version__
        return cls(round(seconds, 2), _revision(), *versions, device)

    def entries(self) -> dict[str, Any]:
        """As it is stored."""
        return {name: value for name, value in asdict(self).items() if (name, value) != ("device", "cpu")}

    @classmethod
    def read(cls, entries: Any, where: str, repair: str) -> Origin:
        """That of a stored run."""
        if not isinstance(entries, dict) or {"device": str} | {name: type(value) for name, value in entries.items()} not in _TYPES:
            raise StorageError(f"an origin has the entries {', '.join(_ENTRIES)}", f"others in {where}", repair)
        return cls(**entries)


#: The entries of an origin and their types; code that is no checkout has no revision, and of the CPU there is no device.
_ENTRIES = ("seconds", "revision", "hermite_eq", "python", "numpy", "scipy")
_TYPES = [dict.fromkeys((*_ENTRIES, "device"), str) | {"seconds": float, "revision": revision} for revision in (str, type(None))]


@functools.lru_cache(maxsize=1)
def _revision() -> str | None:
    command = ["git", "-C", str(Path(__file__).parent), "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
