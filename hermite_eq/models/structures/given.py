"""Structures given by the variances of independent entries, or by a matrix; they are of one dimension."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, vector
from hermite_eq.errors import HypothesisError
from hermite_eq.models.covariance_matrix import covariance_matrix
from hermite_eq.models.structures.abstract import Array, Structure, rows


@dataclass(frozen=True)
class Diagonal(Structure):
    """A diagonal Σ.

    Parameters
    ----------
    variances : sequence of d positive floats

    Examples
    --------
    >>> Diagonal([2, 1, 1]).norm(3)
    2.0
    """

    variances: Sequence[float]

    def __post_init__(self) -> None:
        entries = vector(self.variances, "variances")
        if not (entries > 0).all():
            raise HypothesisError(
                "Σ is positive definite: every variance is > 0", f"smallest variance {entries.min():g}", "pass positive variances"
            )
        object.__setattr__(self, "variances", tuple(entries.tolist()))

    def _variances(self, d: int) -> Array:
        self.check(d)
        return np.array(self.variances)

    def colour(self, z: ArrayLike) -> Array:
        given = rows(z)
        return given * np.sqrt(self._variances(given.shape[1]))

    def times(self, v: ArrayLike) -> Array:
        given = rows(v)
        return given * self._variances(given.shape[1])

    def eigenvalues(self, d: int) -> Array:
        return np.sort(self._variances(d))[::-1]

    @property
    def dimension(self) -> int:
        return len(self.variances)

    def __str__(self) -> str:
        return f"diagonal of {len(self.variances)} variances"


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
    >>> Dense([[1, 2], [0, 1]])
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: Σ is symmetric; found |A − Aᵀ| up to 2. Repair: pass (A + A.T) / 2
    """

    size: int
    data: bytes = field(repr=False)

    def __init__(self, matrix: ArrayLike) -> None:
        given = covariance_matrix(matrix, "Σ", definite=True)
        object.__setattr__(self, "size", len(given))
        object.__setattr__(self, "data", given.tobytes())

    def matrix(self, d: int) -> Array:
        self.check(d)
        return np.frombuffer(self.data).reshape(d, d).copy()

    def colour(self, z: ArrayLike) -> Array:
        given = rows(z)
        self.check(given.shape[1])
        return np.asarray(given @ _root(self))

    def times(self, v: ArrayLike) -> Array:
        given = rows(v)
        return np.asarray(given @ self.matrix(given.shape[1]))

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


def structure(value: Any) -> Structure:
    """A structure as it is; a vector as :class:`Diagonal`, a matrix as :class:`Dense`.

    >>> structure([1, 2])
    Diagonal(variances=(1.0, 2.0))
    """
    if isinstance(value, Structure):
        return value
    given = array(
        value,
        "",
        dimensions=(1, 2),
        nan=True,
        empty=True,
        requirement="a covariance is a structure, the vector of a diagonal, or a matrix",
        repair="pass Spike(3.0) or a (d, d) array, say",
    )
    return Diagonal(tuple(given.tolist())) if given.ndim == 1 else Dense(given)
