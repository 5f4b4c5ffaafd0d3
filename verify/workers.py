"""Worker processes with one BLAS thread each: runs are independent, and results do not depend on how many workers there are."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager

#: What the BLAS libraries read when they are loaded.
_THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


def _follow_parent() -> None:
    """End this process when its parent has ended, however that happened: a worker would wait for its next task forever."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()


@contextmanager
def workers(count: int | None = None) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``count`` processes, one for each core by default."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        # Fresh processes, which load their BLAS under the settings above; they start with the first tasks.
        with ProcessPoolExecutor(count or os.cpu_count(), multiprocessing.get_context("spawn"), _follow_parent) as pool:
            yield pool
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
