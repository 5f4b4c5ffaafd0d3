"""How fast a device does the operations that are counted: the kernels of its own libraries, at the shapes of a run."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.linalg import blas, lapack

from hermite_eq.simulate.arrays import HOST, Arrays
from verify.cost.operations import Operations


def seconds(function: Callable[[], Any], repeat: int = 1, clock: Callable[[], float] = time.perf_counter) -> float:
    """The shortest of ``repeat`` times by ``clock``."""
    best = math.inf
    for _ in range(repeat):
        start = clock()
        function()
        best = min(best, clock() - start)
    return best


def measured(
    arrays: Arrays = HOST, rows: int = 1024, width: int = 1640, hidden: int = 1600, clock: Callable[[], float] = time.perf_counter
) -> Operations:
    """Operations in a second of products of ``rows`` rows with ``width`` entries, of sums of products of ``hidden`` features, and of a
    Cholesky factor of their system.

    On the CPU a sum is BLAS's, of one triangle; elsewhere it is a product of which both are formed, at half the speed of other products.
    """
    rng, xp = np.random.default_rng(0), arrays.xp
    h, layer = (arrays.put(rng.standard_normal((count, width), dtype=np.float32)) for count in (rows, hidden))
    a = arrays.put(rng.standard_normal((rows, hidden)))
    positive = a.T @ a + hidden * xp.eye(hidden, dtype=xp.float64, device=a.device)
    if arrays is HOST:
        triangle, factor = np.zeros((hidden, hidden), order="F"), np.empty((hidden, hidden), order="F")

        def sums() -> Any:
            return blas.dsyrk(1.0, a.T, beta=1.0, c=triangle, overwrite_c=1)

        def factorise() -> Any:
            factor[:] = positive
            return lapack.dpotrf(factor, lower=1, overwrite_a=1, clean=0)[0]
    else:

        def sums() -> Any:
            return a.T @ a

        def factorise() -> Any:
            return xp.linalg.cholesky(positive)

    def timed(kernel: Callable[[], Any]) -> float:
        # A device has finished when a result can be read.
        return seconds(lambda: arrays.get(kernel()[:1, :1]), 3, clock)

    products = 2 * rows * width * hidden / timed(lambda: h @ layer.T)
    return Operations(products, rows * hidden**2 / timed(sums), hidden**3 / 3 / timed(factorise))
