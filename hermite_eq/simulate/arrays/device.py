"""Arrays of a library on its device, by the array API."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.activations.array_function import array_function
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import PolynomialActivation
from hermite_eq.models.polynomial import polynomial_part
from hermite_eq.simulate.arrays.arrays import Arrays
from hermite_eq.simulate.arrays.cholesky import BlockedSystem

#: The share of a device's free memory that a run takes.
_SHARE = 0.8


@dataclass(frozen=True)
class Library:
    """What the array API has not, of one library.

    Attributes
    ----------
    xp : namespace
        Of the array API.
    download : callable
        An array as one of NumPy.
    free : callable
        Bytes that are free on a device.
    functions : dict
        Elementwise functions beyond the array API, by their names in SymPy.
    """

    xp: Any
    download: Callable[[Any], NDArray[Any]]
    free: Callable[[Any], float]
    functions: dict[str, Callable[[Any], Any]]


class DeviceArrays(Arrays):
    """Arrays of ``library`` on ``device``, in the library's own terms; None for the one it prefers.

    Whatever is drawn is drawn by NumPy and put here, so that every place simulates the same draws.
    """

    # A kernel is started once for a block of features.
    entries = 2**62

    def __init__(self, name: str, library: Library, device: Any) -> None:
        self.name, self.xp, self._library, self._device = name, library.xp, library, device
        self._function = functools.lru_cache(maxsize=256)(self._function_of)

    def put(self, array: NDArray[Any], dtype: Any = None) -> Any:
        return self.xp.asarray(np.require(array, dtype, ["C", "W"]), device=self._device)

    def get(self, array: Any) -> NDArray[Any]:
        return self._library.download(array)

    def precision(self, array: Any) -> np.dtype[Any]:
        return np.dtype(str(array.dtype).rpartition(".")[2])

    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        return self.xp.empty(shape, dtype=getattr(self.xp, np.dtype(dtype).name), device=self._device)

    def square(self, size: int) -> Any:
        return self.xp.zeros((size, size), dtype=self.xp.float64, device=self._device)

    def add_squares(self, triangle: Any, rows: Any) -> Any:
        triangle += rows.T @ rows
        return triangle

    def system(self, triangle: Any) -> BlockedSystem:
        return BlockedSystem(self, triangle)

    def apply(self, sigma: Any, x: Any) -> Any:
        if isinstance(sigma, PolynomialActivation):
            return polynomial_part(sigma, x, self.xp)
        return self._function(sigma)(x)

    def _function_of(self, sigma: Activation) -> Callable[[Any], Any]:
        evaluate = array_function(sigma, self.xp, self._library.functions)
        if evaluate is not None:
            return evaluate
        warnings.warn(
            f"{sigma} has no formula that {self.name} evaluates: its values are computed by NumPy on the host, and put on the device",
            HypothesisWarning,
            stacklevel=2,
        )
        return lambda x: self.put(np.asarray(sigma(self.get(x), rng=None)))

    def budget(self) -> int:
        return int(_SHARE * self._library.free(self._device))

    def work_space(self, size: int) -> int:
        # The whole matrix, its factor and what is between, or a product to be added.
        return 8 * 5 * size**2
