"""What a run is made of, checked whenever it is written or read."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from hermite_eq.errors import StorageError


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
    """Raise unless ``record`` has the models and points of the sweeps, and errors which are finite and not negative.

    Parameters
    ----------
    record : Any
        What should be a :data:`verify.store.run.Record`.
    shape : sequence of (names, points)
        For each sweep the names of its models, and the number of its points.
    where, repair : str
        For the error.

    Raises
    ------
    StorageError
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
