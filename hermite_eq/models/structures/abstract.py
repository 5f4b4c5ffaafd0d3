"""What a covariance structure is, and the plainest one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory

Array = NDArray[np.float64]


class Structure(ABC):
    """A covariance Σ, positive definite."""

    @abstractmethod
    def colour(self, z: ArrayLike) -> Array:
        r"""Rows :math:`Az` with :math:`AA^\top=\Sigma` for rows z, shape ``(n, d)``: N(0, I) becomes N(0, Σ)."""

    @abstractmethod
    def times(self, v: ArrayLike) -> Array:
        r"""Rows :math:`\Sigma v` for rows v, shape ``(n, d)``."""

    @abstractmethod
    def eigenvalues(self, d: int) -> Array:
        """The spectrum, largest first."""

    def matrix(self, d: int) -> Array:
        """Σ itself, shape ``(d, d)``."""
        d = dimension(d)
        require_memory(24 * d**2, "a matrix of shape (d, d)", "pass a smaller d")
        return self.times(np.eye(d))

    def trace(self, d: int) -> float:
        """tr Σ."""
        return float(self.eigenvalues(d).sum())

    def norm(self, d: int) -> float:
        """The operator norm, the largest eigenvalue."""
        return float(self.eigenvalues(d)[0])

    @property
    def dimension(self) -> int | None:
        """The one d of a structure given by a vector or a matrix; None for a structure of every dimension."""
        return None

    def check(self, d: int) -> None:
        """Whether the structure is one of dimension d.

        Raises
        ------
        HypothesisError
            If it was given by a vector or a matrix of another dimension.
        """
        if self.dimension not in (None, dimension(d)):
            raise HypothesisError(
                f"the covariance ({self}) has dimension d = {d}",
                f"dimension {self.dimension}",
                f"pass one of dimension {d}, or take d = {self.dimension}",
            )


@dataclass(frozen=True)
class Identity(Structure):
    """Σ = I.

    >>> Identity().trace(5)
    5.0
    """

    def colour(self, z: ArrayLike) -> Array:
        return rows(z)

    def times(self, v: ArrayLike) -> Array:
        return rows(v)

    def eigenvalues(self, d: int) -> Array:
        return np.ones(dimension(d))

    def __str__(self) -> str:
        return "identity"


def rows(value: ArrayLike) -> Array:
    """Rows of vectors, shape (n, d)."""
    return array(value, "the rows", shape="(n, d)", dimensions=2, empty=True)


def dimension(d: Any) -> int:
    """d as a number of entries that a vector may have."""
    size = count(d, "d", "the dimension", least=1)
    require_memory(8 * size, "a vector", "pass a smaller d")
    return size
