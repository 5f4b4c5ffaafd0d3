"""The median of repeated timings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable


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
