"""Worker processes with one BLAS thread each: runs are independent, and results do not depend on how many workers there are.

Each process has a pipe of its own. When it ends, however that happens, the end of its pipe is seen at once; with one queue for all, as
in :class:`concurrent.futures.ProcessPoolExecutor`, half a message of a process that was killed blocks its reader forever.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from types import FrameType
from typing import Any

from hermite_eq.errors import HypothesisError

#: What the BLAS libraries read when they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
#: What JAX reads.
_XLA = "XLA_FLAGS"


def _serve(tasks: Connection) -> None:
    """Answer each task with its result, or with the exception it raised, until there is nobody to ask."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    # In the middle of a task too.
    threading.Thread(target=follow, daemon=True).start()
    while True:
        try:
            function, arguments, named = tasks.recv()
        except EOFError:
            return
        try:
            answer = True, function(*arguments, **named)
        except Exception as error:
            answer = False, error
        try:
            tasks.send(answer)
        except (TypeError, AttributeError, pickle.PicklingError) as error:
            # What cannot be sent has not been sent in part: it is pickled first.
            tasks.send((False, TypeError(f"the answer cannot be sent to another process: {error}")))


class Workers(Executor):
    """An executor of processes, which start with the first tasks.

    Parameters
    ----------
    count : int
    """

    def __init__(self, count: int) -> None:
        # A thread for each process, which hands it one task after another.
        self._threads = ThreadPoolExecutor(count, initializer=_without_interrupts)
        self._own = threading.local()
        self._lock = threading.Lock()
        self._open = True
        self._started: list[tuple[BaseProcess, Connection]] = []

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **named: Any) -> Future[Any]:
        """The future of ``function(*arguments, **named)``; it raises a HypothesisError if its process is killed."""
        return self._threads.submit(self._ask, (function, arguments, named))

    def _ask(self, task: tuple[Callable[..., Any], tuple[Any, ...], dict[str, Any]]) -> Any:
        process, tasks = self._process()
        try:
            tasks.send(task)
            fine, answer = tasks.recv()
        except (EOFError, ConnectionError):
            process.join()
            raise HypothesisError(
                "a worker process lives until it has answered",
                f"one ended with exit code {process.exitcode} in the middle of a task",
                "pass --workers 1 if memory ran out, and repeat the command: what is stored is kept",
            ) from None
        if not fine:
            raise answer
        return answer

    def _process(self) -> tuple[BaseProcess, Connection]:
        """That of this thread, a new one if it has none that is alive."""
        mine: tuple[BaseProcess, Connection] | None = getattr(self._own, "process", None)
        if mine is not None and mine[0].is_alive():
            return mine
        # Fresh processes, which load their BLAS under the settings of this moment.
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_serve, args=(there,), daemon=True)
        with self._lock:
            if not self._open:
                raise EOFError
            process.start()
            self._started.append((process, here))
        # The only writing end is in the process.
        there.close()
        self._own.process = process, here
        return process, here

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait until all processes have ended: after the tasks that are waiting, or, cancelled, in the middle of those at work."""
        if cancel_futures:
            with self._lock:
                self._open = False
            for process, _ in self._started:
                process.kill()
        self._threads.shutdown(cancel_futures=cancel_futures)
        for process, tasks in self._started:
            tasks.close()
            process.join()


def _without_interrupts() -> None:
    """A process that this thread starts inherits that Ctrl-C does not reach it: the terminal sends it to all, and it is for the first."""
    if hasattr(signal, "pthread_sigmask"):
        # Whoever starts the tracker, which comes with the first process, has no signals blocked thereafter.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


@contextmanager
def interrupted_once() -> Iterator[None]:
    """The first Ctrl-C raises KeyboardInterrupt; later ones are ignored until the end of the block, so that it can clean up."""
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        # In another thread no signal arrives; under another handler, as in a block around this one, its owner decides.
        yield
        return

    def first(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, first)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def workers(count: int | None = None) -> Iterator[Workers]:
    """A pool of ``count`` processes, one for each core by default. An exception ends them in the middle of their tasks."""
    before = {name: os.environ.get(name) for name in (*_THREADS, _XLA)}
    os.environ.update(dict.fromkeys(_THREADS, "1") | {_XLA: f"{before[_XLA] or ''} --xla_cpu_multi_thread_eigen=false".lstrip()})
    pool = Workers(count or os.cpu_count() or 1)
    try:
        with interrupted_once():
            try:
                yield pool
                pool.shutdown()
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
