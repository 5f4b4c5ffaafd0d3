"""Entries whose correlation decays geometrically."""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import finite
from hermite_eq.errors import HypothesisError
from hermite_eq.models.structures.abstract import Array, Structure, dimension, rows


@dataclass(frozen=True)
class Toeplitz(Structure):
    r""":math:`\Sigma_{ij}=\rho^{|i-j|}`, :math:`|\rho|<1`: the stationary autoregression of order one.

    >>> Toeplitz(0.5).matrix(3)
    array([[1.  , 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 1.  ]])
    """

    correlation: float

    def __post_init__(self) -> None:
        value = finite(self.correlation, "correlation", "ρ of ρ^|i−j|")
        if not abs(value) < 1:
            raise HypothesisError("ρ^|i−j| is positive definite: |ρ| < 1", f"correlation={self.correlation!r}", "pass correlation=0.5, say")
        object.__setattr__(self, "correlation", value)

    def colour(self, z: ArrayLike) -> Array:
        # x_1 = z_1, x_i = ρ x_{i−1} + √(1 − ρ²) z_i: the Cholesky factor, in O(d).
        columns = rows(z).T.copy()
        rho = self.correlation
        columns[1:] *= math.sqrt((1 - rho) * (1 + rho))
        for i in range(1, len(columns)):
            columns[i] += rho * columns[i - 1]
        return np.ascontiguousarray(columns.T)

    def times(self, v: ArrayLike) -> Array:
        # Σ_j ρ^{|i−j|} v_j: the sums over j ≤ i and over j ≥ i each obey a recursion; j = i is in both.
        columns = rows(v).T.copy()
        rho = self.correlation
        before, after = columns.copy(), columns.copy()
        for i in range(1, len(columns)):
            before[i] += rho * before[i - 1]
            after[-1 - i] += rho * after[-i]
        return np.ascontiguousarray((before + after - columns).T)

    def eigenvalues(self, d: int) -> Array:
        return _toeplitz_spectrum(self, dimension(d)).copy()

    def trace(self, d: int) -> float:
        return float(dimension(d))

    def __str__(self) -> str:
        return f"Toeplitz {self.correlation:g}"


@functools.lru_cache(maxsize=64)
def _toeplitz_spectrum(structure: Toeplitz, d: int) -> Array:
    return np.asarray(np.linalg.eigvalsh(structure.matrix(d))[::-1])
