"""Cholesky factors by LAPACK, in the triangle that a symmetric matrix has left."""

from __future__ import annotations

import math

import numpy as np
from scipy.linalg import blas, lapack

from hermite_eq.simulate.arrays.symmetric_system import Array, SymmetricSystem

#: Width of the strips in which triangles are copied and added up: a strip of the rows and of the columns fits into the cache.
_TILE = 128


class LapackSystem(SymmetricSystem):
    """A symmetric matrix kept in its upper triangle: the factors of ``matrix + penalty I`` find room in the lower one.

    Parameters
    ----------
    matrix : (p, p) array, Fortran order
        Only its upper triangle is read; the lower one is overwritten.
    """

    def __init__(self, matrix: Array) -> None:
        if not matrix.flags.f_contiguous:
            raise ValueError("the matrix is in Fortran order")
        self.matrix, self.size = matrix, len(matrix)
        self._every = np.arange(self.size)
        self._kept: Array | None = None

    @property
    def diagonal(self) -> Array:
        return self.matrix.diagonal().copy()

    def factorise(self, penalty: float, sizes: list[int]) -> list[float] | None:
        s, every = self.matrix, self._every
        self._mirror()
        self._kept = self.diagonal
        self.penalised = self._kept + penalty
        s[every, every] = self.penalised
        norms = [_norm(s[:size, :size]) for size in sizes]
        _, failed = lapack.dpotrf(s, lower=1, overwrite_a=1, clean=0)
        return None if failed else norms

    def factor(self, size: int) -> LapackFactor:
        s = self.matrix
        return LapackFactor(s if size == self.size else np.asfortranarray(s[:size, :size]), self.penalised[:size])

    def block(self, size: int) -> LapackSystem:
        return LapackSystem(np.array(self.matrix[:size, :size], order="F"))

    def release(self) -> None:
        if self._kept is not None:
            self.matrix[self._every, self._every] = self._kept
            self._kept = None

    def _mirror(self) -> None:
        s = self.matrix
        for start in range(0, len(s), _TILE):
            stop = min(start + _TILE, len(s))
            s[start:stop, :start] = s[:start, start:stop].T
            tile = s[start:stop, start:stop]
            np.copyto(tile, tile.T.copy(), where=np.tri(stop - start, k=-1, dtype=bool))


class LapackFactor:
    """A block whose lower triangle and diagonal hold the factor, the strict upper one those of the matrix with diagonal ``penalised``."""

    def __init__(self, block: Array, penalised: Array) -> None:
        self._block, self._penalised = block, penalised

    def condition(self, norm: float) -> float:
        reciprocal = float(lapack.dpocon(self._block, norm, uplo="L")[0])
        return 1 / reciprocal if reciprocal > 0 else math.inf

    def solve(self, right: Array) -> Array:
        return np.asarray(lapack.dpotrs(self._block, right, lower=1)[0])

    def times(self, solution: Array) -> Array:
        block, every = self._block, np.arange(len(self._block))
        of_factor = block.diagonal().copy()
        block[every, every] = self._penalised
        product = blas.dsymm(1.0, block, solution, lower=0)
        block[every, every] = of_factor
        return np.asarray(product)


def _norm(matrix: Array) -> float:
    """The 1-norm, without a second matrix."""
    return float(max(np.abs(matrix[:, j : j + _TILE]).sum(axis=0).max() for j in range(0, len(matrix), _TILE)))
