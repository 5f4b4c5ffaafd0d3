"""The theory of the points of a campaign: computed by several processes, and kept for as long as it is what would be computed.

It is kept under the SHA-256 of the points, which are numbers and names, of the sources of everything that makes a prediction of them, and
of the versions of what these use. So a value that is found is the value of the present code; what is not found is computed.
"""

from __future__ import annotations

import hashlib
import json
import math
import platform
import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from verify.store.driver import Executor
from verify.store.files import write_text
from verify.store.workers import workers

Array = NDArray[np.float64]
Points = tuple[Point, ...]
FILE = "theory.json"
#: Parts of the library which its theory cannot import (tests/test_imports.py).
BESIDE = ("simulate", "testing", "plotting", "cli")
_LIBRARIES = ("numpy", "scipy", "sympy", "mpmath", "python-flint")


@dataclass(frozen=True, eq=False)
class Theory:
    """Errors at several points; NaN where the theory declines.

    Attributes
    ----------
    icl, idg : (points,) array
    by_source : (points, sources) array
        Without columns where the task has one source.
    notes : tuple of tuple of str
        For each point what the theory says of its own reach there, or why it declines.
    stderr : (2, points) array
        Standard errors of icl and idg, where the theory is a mean over draws.
    """

    icl: Array
    idg: Array
    by_source: Array
    notes: tuple[tuple[str, ...], ...]
    stderr: Array = field(default_factory=lambda: np.zeros((2, 1)))

    def of(self, error: Error) -> Array:
        """One of the errors."""
        return pick(error, self.icl, self.idg, self.by_source)


#: Of points: errors in the test and on the training tasks, their standard errors, and errors on each source; and notes.
Known = dict[Point, tuple[list[float], tuple[str, ...]]]


def theory(points: Points, known: Known | None = None) -> Theory:
    """The theory at every point; those of one model and task that are not yet ``known`` are solved together, and are known then.

    >>> from hermite_eq.models import LinearTransformer, Sizes, Task
    >>> sizes = [Sizes(d=8, context=8, tasks=4, samples=n) for n in (32, 128)]
    >>> found = theory(tuple(Point(LinearTransformer(0.1), Task("relu"), size) for size in sizes))
    >>> found.icl.shape, found.by_source.shape
    ((2,), (2, 0))
    """
    known = {} if known is None else known
    together: dict[Any, list[Point]] = {}
    for point in dict.fromkeys(points):
        if point not in known:
            together.setdefault((point.model, point.task), []).append(point)
    for group in together.values():
        known.update(zip(group, _errors(group), strict=True))
    values, notes = zip(*(known[point] for point in points), strict=True)
    columns = np.array(values)
    return Theory(columns[:, 0], columns[:, 1], columns[:, 4:], notes, columns[:, 2:4].T)


def _errors(points: Sequence[Point]) -> list[tuple[list[float], tuple[str, ...]]]:
    """What is :data:`Known` of points of one model and task."""
    model, task = points[0].model, points[0].task
    try:
        with warnings.catch_warnings():
            # Unequal traces, and steps beyond o(d²), are what some figures are about.
            warnings.simplefilter("ignore", HypothesisWarning)
            curve = icl_curve(model, task, [point.sizes for point in points])
    except HypothesisError as declined:
        if len(points) > 1:
            return [_errors([point])[0] for point in points]
        none = [math.nan] * 2 + [0.0] * 2 + [math.nan] * source_errors(task)
        return [(none, (f"no value: {declined.hypothesis}; found {declined.found}",))]
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


def answer(points: Points) -> tuple[Theory, str]:
    """The theory, and the code as it is on disk once that is known."""
    return theory(points), code()


class Predictions:
    """The theory by the points asked for, in memory and in the :data:`FILE` of a folder.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._known: dict[Points, Theory] = {}

    def __call__(self, points: Points) -> Theory:
        if points not in self._known:
            self.prepare([points], executor=_Here())
        return self._known[points]

    def prepare(self, asked: Iterable[Points], title: str = "theory", console: Console | None = None,
                executor: Executor | None = None) -> None:
        """Compute what is not kept.

        Parameters
        ----------
        asked : iterable of tuple of Point
        title : str
        console : rich.console.Console, optional
            Told what is computed.
        executor : Executor, optional
            By default one process for each core. They load the sources when they start: where these are the same before that and after
            an answer, they are what computed it. Another executor computes by what its processes have loaded.
        """
        before = code()
        names = {points: identity(points, before) for points in dict.fromkeys(asked) if points not in self._known}
        kept = _read(self._path) if names else {}
        self._known |= {points: kept[name] for points, name in names.items() if name in kept}
        missing = [points for points, name in names.items() if name not in kept]
        if missing and console is not None and not console.is_terminal:
            console.print(f"{title}: {len(missing)} curves")
        for points, (found, after) in _answers(missing, title, console, executor):
            self._known[points] = found
            if after == before:
                kept[names[points]] = found
                _write(self._path, kept)


class _Here:
    """An executor that computes when it is asked."""

    def submit(self, function: Any, /, *arguments: Any) -> Any:
        found = function(*arguments)
        return type("Now", (), {"result": lambda self: found})()


def _answers(missing: Sequence[Points], title: str, console: Console | None, executor: Executor | None
             ) -> Iterator[tuple[Points, tuple[Theory, str]]]:
    """Answers in the order of the questions, with a bar on a terminal."""
    if executor is None and missing:
        with workers() as pool:
            yield from _answers(missing, title, console, pool)
    elif executor is not None:
        futures = [(points, executor.submit(answer, points)) for points in missing]
        shown = console or Console(quiet=True)
        try:
            for points, future in track(futures, title, console=shown, disable=not shown.is_terminal):
                yield points, future.result()
        finally:
            for _, future in futures:
                if hasattr(future, "cancel"):
                    future.cancel()


def _write(path: Path, kept: Mapping[str, Theory]) -> None:
    rows = sealed({name: _row(found) for name, found in kept.items()})
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(row, ensure_ascii=False)}" for name, row in rows.items())
    write_text(path, f"{{\n{lines}\n}}\n")


def _row(found: Theory) -> dict[str, Any]:
    columns = {"icl": found.icl, "idg": found.idg, "by source": found.by_source, "stderr": found.stderr.T}
    # JSON has a word for what is none, and none for what is infinite.
    plain = {name: [[cell if math.isfinite(cell) else str(cell) for cell in row] for row in np.atleast_2d(column.T).tolist()]
             for name, column in columns.items()}
    return plain | {"notes": found.notes}


def _read(path: Path) -> dict[str, Theory]:
    """What is kept; nothing where the file is damaged or was changed, for it can be computed again."""
    try:
        return {name: _theory(row) for name, row in parsed(path.read_bytes(), str(path), "delete it").items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _theory(row: Mapping[str, Any]) -> Theory:
    notes = tuple(tuple(point) for point in row["notes"])
    icl, idg, by_source, stderr = (np.array(row[name], float) for name in ("icl", "idg", "by source", "stderr"))
    return Theory(icl[0], idg[0], by_source.T.reshape(len(notes), -1), notes, stderr)
