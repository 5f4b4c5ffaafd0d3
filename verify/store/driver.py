"""Runs handed to any executor, and stored as they come back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from typing import Any, Protocol

from verify.store.run import one_blas_thread
from verify.store.store import Setup, Store

#: Seconds between two looks at futures which have not finished.
_PAUSE = 0.02


class Future(Protocol):
    """What is asked of a future; ``done`` and ``cancel`` are used where there are such."""

    def result(self) -> Any: ...


class Executor(Protocol):
    """What is asked of an executor: those of :mod:`concurrent.futures`, loky, submitit, and dask's ``client.get_executor()`` fit."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Future: ...


def _simulate(setup: Setup, *runs: int) -> Any:
    return [setup.simulate(*runs)] if len(runs) == 1 else setup.simulate_all(runs)


def compute(store: Store, runs: Sequence[int], executor: Executor, advance: Callable[[int, float], None]) -> None:
    """Compute those of ``runs`` which are not stored, and store each as soon as it is known; ``advance`` is told its number and seconds.

    Results do not depend on the executor, nor on the order in which it works. Where one cannot be computed or written, whatever else has
    finished is stored before the error is raised, as it is when the user interrupts.
    """
    if not runs:
        return
    # Before the largest is looked for: there may be more than there is time for.
    store.check_memory(len(runs))
    store.request(max(runs) + 1)
    waiting: dict[Future, tuple[int, ...]] = {}

    def keep(future: Future) -> None:
        result = future.result()
        for run, (record, origin) in zip(waiting[future], result, strict=True):
            store.write(run, record, origin)
            advance(run, origin.seconds)
        del waiting[future]

    # An executor of threads computes in this process, where OpenBLAS heeds a limit set in the calling thread only.
    with one_blas_thread():
        try:
            missing, size = store.missing(runs), store.setup.together
            for group in (tuple(missing[i : i + size]) for i in range(0, len(missing), size)):
                waiting[executor.submit(_simulate, store.setup, *group)] = group
            failure: Exception | None = None
            for future in _completed(list(waiting)):
                try:
                    keep(future)
                except Exception as error:
                    failure = failure or error
                    _cancel(waiting)
            if failure is not None:
                raise failure
        except KeyboardInterrupt:
            for future in [future for future in waiting if hasattr(future, "done") and future.done()]:
                with suppress(Exception):
                    keep(future)
            raise
        finally:
            _cancel(waiting)


def _cancel(futures: Iterable[Future]) -> None:
    for future in futures:
        if hasattr(future, "cancel"):
            future.cancel()


def _completed(pending: list[Future]) -> Iterator[Future]:
    """The futures as they finish; in their order where they cannot be asked."""
    while pending:
        ready = [future for future in pending if not hasattr(future, "done") or future.done()]
        if not ready:
            time.sleep(_PAUSE)
        for future in ready:
            pending.remove(future)
            yield future
