"""A line on the terminal for work that takes more than some seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Seconds after which a terminal is told.
_PATIENCE = 3.0


@contextmanager
def progress(total: int, what: str) -> Iterator[Callable[[], None]]:
    """What to call after each of ``total`` steps; on a terminal it shows a bar once some seconds have passed, elsewhere nothing.

    >>> with progress(2, "runs") as advance:
    ...     advance()
    """
    if not sys.stderr.isatty():
        yield lambda: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True)
    task, start = bar.add_task(what, total=total), time.monotonic()

    def advance() -> None:
        bar.advance(task)
        if time.monotonic() - start > _PATIENCE:
            bar.start()

    try:
        yield advance
    finally:
        bar.stop()
