"""Arrays of NumPy, and the BLAS and LAPACK of SciPy in place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from hermite_eq.simulate.arrays.arrays import Arrays
from hermite_eq.simulate.arrays.lapack import LapackSystem


class HostArrays(Arrays):
    """The reference: every other place gives its results up to rounding."""

    xp = np
    # Temporary arrays of an activation stay in the cache.
    entries = 2**16

    def put(self, array: NDArray[Any], dtype: Any = None) -> NDArray[Any]:
        return np.asarray(array, dtype=dtype)

    def get(self, array: NDArray[Any]) -> NDArray[Any]:
        return array

    def precision(self, array: NDArray[Any]) -> np.dtype[Any]:
        return array.dtype

    def empty(self, shape: tuple[int, ...], dtype: Any) -> NDArray[Any]:
        return np.empty(shape, dtype)

    def square(self, size: int) -> NDArray[Any]:
        return np.zeros((size, size), order="F")

    def add_squares(self, triangle: NDArray[Any], rows: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(blas.dsyrk(1.0, np.asfortranarray(rows.T), beta=1.0, c=triangle, lower=0, overwrite_c=1))

    def system(self, triangle: NDArray[Any]) -> LapackSystem:
        return LapackSystem(np.asfortranarray(triangle))

    def apply(self, sigma: Any, x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(sigma(x, rng=None))

    def budget(self) -> int:
        return 4 * 10**9

    def work_space(self, size: int) -> int:
        return 0


HOST = HostArrays()
