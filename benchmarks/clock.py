"""The median of repeated timings, and every cache of the library and of SymPy, emptied: what the first call of a session costs."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

from sympy.core.cache import clear_cache


def median_seconds(
    run: Callable[[], object], repetitions: int, before: Callable[[], None] = lambda: None, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Seconds by ``clock``, the median over repetitions, each after ``before``."""
    times = []
    for _ in range(repetitions):
        before()
        start = clock()
        run()
        times.append(clock() - start)
    return statistics.median(times)


def empty_library_caches() -> None:
    """Those of the functions of hermite_eq, whatever their modules: a list of names would not survive a renaming."""
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] == "hermite_eq" and name != "hermite_eq.activations.names.registry":
            for value in list(vars(module).values()):
                if callable(clear := getattr(value, "cache_clear", None)):
                    clear()


def empty_caches() -> None:
    """SymPy's too."""
    clear_cache()
    empty_library_caches()
