"""The theory of the points of a campaign: computed by several processes, and kept for as long as it is what would be computed.

It is kept under the SHA-256 of the points, which are numbers and names, of the sources of everything that makes a prediction of them, and
of the versions of what these use. So a value that is found is the value of the present code; what is not found is computed.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import platform
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import track

import hermite_eq
from hermite_eq.curve import Setting as Point
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.theory import icl_curve
from verify.campaigns.campaign import Error, pick, source_errors
from verify.store.checksum import parsed, sealed
from verify.store.files import write_text
from verify.store.workers import workers

Array = NDArray[np.float64]
Points = tuple[Point, ...]
#: For each of some points the errors in the test and on the training tasks, their standard errors, and the errors on each source; notes.
Rows = list[tuple[list[float], tuple[str, ...]]]
FILE = "theory.json"
#: Parts of the library which its theory cannot import (tests/test_imports.py).
BESIDE = ("simulate", "testing", "plotting", "cli")
_LIBRARIES = ("numpy", "scipy", "sympy", "mpmath", "python-flint")


@dataclass(frozen=True, eq=False)
class Theory:
    """Errors at several points; NaN where the theory declines."""

    icl: Array
    idg: Array
    #: Of shape (points, sources), without columns where the task has one source.
    by_source: Array
    #: For each point what the theory says of its own reach there, or why it declines.
    notes: tuple[tuple[str, ...], ...]
    #: Standard errors of icl and idg, where the theory is a mean over draws.
    stderr: Array = field(default_factory=lambda: np.zeros((2, 1)))

    def of(self, error: Error) -> Array:
        """One of the errors."""
        return pick(error, self.icl, self.idg, self.by_source)


def together(points: Points) -> list[Points]:
    """Those of one model and task, which are solved together, each once."""
    groups: dict[Any, list[Point]] = {}
    for point in dict.fromkeys(points):
        groups.setdefault((point.model, point.task), []).append(point)
    return [*map(tuple, groups.values())]


def solved(points: Points) -> Rows:
    """The theory of points of one model and task."""
    model, task = points[0].model, points[0].task
    try:
        with warnings.catch_warnings():
            # Unequal traces, and steps beyond o(d²), are what some figures are about.
            warnings.simplefilter("ignore", HypothesisWarning)
            curve = icl_curve(model, task, [point.sizes for point in points])
    except HypothesisError as declined:
        if len(points) > 1:
            return [solved((point,))[0] for point in points]
        none = [math.nan] * 2 + [0.0] * 2 + [math.nan] * source_errors(task)
        return [(none, (f"no value: {declined.hypothesis}; found {declined.finding}",))]
    by_source = np.asarray(curve.icl_by_source)[:, : source_errors(task)]
    columns = curve.icl, curve.idg, curve.icl_stderr, curve.idg_stderr, by_source
    return [(row.tolist(), tuple(curve.notes)) for row in np.column_stack(columns)]


def code() -> str:
    """The SHA-256 of all that makes a prediction: texts of the sources, versions of the libraries.

    The texts are those on disk now, which need not be those this process has loaded.
    """
    root = Path(hermite_eq.__file__).parent
    files = [path for path in sorted(root.rglob("*.py")) if path.relative_to(root).with_suffix("").parts[0] not in BESIDE]
    texts = [(path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")) for path in files]
    texts.append((FILE, Path(__file__).read_text(encoding="utf-8")))
    versions = {name: version(name) for name in _LIBRARIES} | {"python": platform.python_version()}
    return hashlib.sha256(json.dumps([texts, versions]).encode()).hexdigest()


def identity(points: Points, code: str) -> str:
    """The name under which the answer of that code is kept."""
    return hashlib.sha256(f"{code} {points!r}".encode()).hexdigest()


#: The theory, and the code as it is on disk once that is known.
Answer = tuple[Rows, str]


def answer(points: Points) -> Answer:
    return solved(points), code()


def here(asked: Iterable[Points]) -> Iterator[Answer]:
    """Answers of this process."""
    return map(answer, asked)


def by_workers(asked: list[Points], title: str, console: Console) -> Iterator[Answer]:
    """Answers of one process for each core, with a bar on a terminal.

    They load the sources when they start: where these are the same before that and after an answer, they are what computed it.
    """
    if not console.is_terminal:
        console.print(f"{title}: {len(asked)} curves")
    with workers() as pool:
        futures = [pool.submit(answer, points) for points in asked]
        yield from (future.result() for future in track(futures, title, console=console, disable=not console.is_terminal))


class Predictions:
    """The theory by the points asked for, in memory and, with a folder, in its :data:`FILE`.

    >>> from hermite_eq.models import LinearTransformer, Sizes, Task
    >>> sizes = [Sizes(d=8, context=8, tasks=16, samples=n) for n in (32, 128)]
    >>> found = Predictions()(tuple(Point(LinearTransformer(0.1), Task("relu"), size) for size in sizes))
    >>> found.icl.shape, found.by_source.shape
    ((2,), (2, 0))
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._path = None if folder is None else folder / FILE
        self._known: dict[Points, Rows] = {}

    def __call__(self, points: Points) -> Theory:
        self.prepare([points])
        by_point = {point: row for group in together(points) for point, row in zip(group, self._known[group], strict=True)}
        values, notes = zip(*(by_point[point] for point in points), strict=True)
        columns = np.array(values)
        return Theory(columns[:, 0], columns[:, 1], columns[:, 4:], notes, columns[:, 2:4].T)

    def prepare(self, asked: Iterable[Points], answers: Callable[[list[Points]], Iterable[Answer]] = here) -> None:
        """Find what is kept, and compute what is not."""
        groups = itertools.chain.from_iterable(map(together, asked))
        new = [points for points in dict.fromkeys(groups) if points not in self._known]
        if self._path is None or not new:
            self._known |= {points: solved(points) for points in new}
            return
        before, kept = code(), _read(self._path)
        names = {points: identity(points, before) for points in new}
        self._known |= {points: kept[name] for points, name in names.items() if name in kept}
        missing = [points for points, name in names.items() if name not in kept]
        for points, (rows, after) in zip(missing, answers(missing) if missing else (), strict=True):
            self._known[points] = rows
            if after == before:
                kept[names[points]] = rows
                _write(self._path, kept)


def _write(path: Path, kept: Mapping[str, Rows]) -> None:
    # JSON has no word for what is infinite.
    plain = {
        name: [[[cell if math.isfinite(cell) else str(cell) for cell in row], notes] for row, notes in rows] for name, rows in kept.items()
    }
    write_text(path, json.dumps(sealed(plain), ensure_ascii=False, indent=0))


def _read(path: Path) -> dict[str, Rows]:
    """What is kept; nothing where the file is damaged or was changed, for it can be computed again."""
    try:
        return {
            name: [(list(map(float, row)), tuple(notes)) for row, notes in rows]
            for name, rows in parsed(path.read_bytes(), str(path), "delete it").items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}
