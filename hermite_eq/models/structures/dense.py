"""Any matrix."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.errors import HypothesisError
from hermite_eq.models.structures.structure import Array, Structure


@dataclass(frozen=True, init=False)
class Dense(Structure):
    r"""Any positive definite Σ; its factor is the symmetric root.

    Parameters
    ----------
    matrix : (d, d) array_like

    Raises
    ------
    HypothesisError
        If it is not square, finite and symmetric up to rounding, or if its smallest eigenvalue is not above the rounding of the largest.

    Examples
    --------
    >>> Dense([[2, 1], [1, 2]]).eigenvalues(2)
    array([3., 1.])
    >>> Dense([[1, 2], [2, 1]])
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: Σ is positive definite; found eigenvalues from -1 to 3. Repair: add a multiple of the identity
    """

    size: int
    data: bytes = field(repr=False)

    def __init__(self, matrix: ArrayLike) -> None:
        try:
            given = np.array(matrix, dtype=float)
        except (TypeError, ValueError):
            given = np.empty(0)
        if given.ndim != 2 or given.shape[0] != given.shape[1] or not given.size or not np.isfinite(given).all():
            raise HypothesisError("Σ is a finite square matrix", f"shape {given.shape}", "pass an array of shape (d, d)")
        scale = np.abs(given).max()
        gap = np.abs(given - given.T).max()
        if gap > 8 * len(given) * np.finfo(float).eps * scale:
            raise HypothesisError("Σ is symmetric", f"|Σ − Σᵀ| up to {gap:.3g}", "pass (Σ + Σᵀ)/2")
        given = (given + given.T) / 2
        values = np.linalg.eigvalsh(given)
        if not values[0] > len(given) * np.finfo(float).eps * abs(values[-1]):
            raise HypothesisError(
                "Σ is positive definite",
                f"eigenvalues from {values[0]:.6g} to {values[-1]:.6g}",
                "add a multiple of the identity",
            )
        object.__setattr__(self, "size", len(given))
        object.__setattr__(self, "data", given.tobytes())

    def matrix(self, d: int) -> Array:
        self.check(d)
        return np.frombuffer(self.data).reshape(d, d).copy()

    def colour(self, z: ArrayLike) -> Array:
        rows = np.asarray(z, dtype=float)
        self.check(rows.shape[1])
        return np.asarray(rows @ _root(self))

    def times(self, v: ArrayLike) -> Array:
        rows = np.asarray(v, dtype=float)
        return np.asarray(rows @ self.matrix(rows.shape[1]))

    def eigenvalues(self, d: int) -> Array:
        return np.array(np.linalg.eigvalsh(self.matrix(d))[::-1])

    @property
    def dimension(self) -> int:
        return self.size

    def __str__(self) -> str:
        return f"a {self.size} × {self.size} matrix"


@functools.lru_cache(maxsize=64)
def _root(structure: Dense) -> Array:
    values, vectors = np.linalg.eigh(structure.matrix(structure.size))
    return np.asarray((vectors * np.sqrt(values)) @ vectors.T)
