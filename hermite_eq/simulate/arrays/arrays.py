"""What a simulation asks of arrays: one namespace, which is passed along with them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.simulate.arrays.symmetric_system import SymmetricSystem


class Arrays(ABC):
    """A namespace of the array API with what that has not: transfers, sums in one triangle, systems, activations.

    Attributes
    ----------
    xp : namespace
        Functions of the array API; what is done with arrays is written in them and in operators.
    entries : int
        Entries to which an activation is applied at a time.
    """

    xp: Any
    entries: int

    @abstractmethod
    def put(self, array: NDArray[Any], dtype: Any = None) -> Any:
        """An array of NumPy here, in the precision ``dtype`` (of NumPy) if there is one; not to be written to."""

    @abstractmethod
    def get(self, array: Any) -> NDArray[Any]:
        """An array that lives here as one of NumPy."""

    @abstractmethod
    def precision(self, array: Any) -> np.dtype[Any]:
        """The type of the entries, as NumPy's."""

    @abstractmethod
    def empty(self, shape: tuple[int, ...], dtype: Any) -> Any:
        """Room, in the precision ``dtype`` of NumPy."""

    def double(self, array: Any) -> Any:
        """The array in double precision: itself where it is so already."""
        return self.xp.asarray(array, dtype=self.xp.float64)

    # Sums of products.

    @abstractmethod
    def square(self, size: int) -> Any:
        """A square matrix of zeros, in double precision."""

    @abstractmethod
    def add_squares(self, triangle: Any, rows: Any) -> Any:
        """``triangle`` + rowsᵀ rows, of which the upper triangle counts; ``triangle`` may be overwritten."""

    @abstractmethod
    def system(self, triangle: Any) -> SymmetricSystem:
        """The systems of a matrix given by its upper triangle, which is kept; the lower one may be overwritten."""

    # Functions.

    @abstractmethod
    def apply(self, sigma: Any, x: Any) -> Any:
        """An activation, or the polynomial part of an equivalent one, at every entry of an array."""

    # Memory.

    @abstractmethod
    def budget(self) -> int:
        """Bytes for the arrays of a run where nobody says how many."""

    @abstractmethod
    def work_space(self, size: int) -> int:
        """Bytes that one sum of products and one solution take beyond the matrix itself, of this size."""
