r"""Cholesky factors in the functions of the array API, which has no triangular solver.

With the factor L in blocks and the inverses of its diagonal blocks, :math:`Ly=b` is

.. math:: y_i=L_{ii}^{-1}\Bigl(b_i-\sum_{j<i}L_{ij}y_j\Bigr),

and :math:`L^\top x=y` the same from the end. Products with :math:`L_{ii}^{-1}` are not backward stable, so that a solution is improved once
by that of its residual.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from hermite_eq.simulate.arrays.symmetric_system import Array, SymmetricSystem

if TYPE_CHECKING:
    from hermite_eq.simulate.arrays.arrays import Arrays

#: Side of the blocks of a factor.
_BLOCK = 256
#: Steps of the estimate of a norm, as in LAPACK.
_STEPS = 5


class BlockedSystem(SymmetricSystem):
    """A symmetric matrix on any device; its factor is a matrix of its own.

    Parameters
    ----------
    arrays : Arrays
    triangle : (p, p) array
        Only its upper triangle is read.
    """

    def __init__(self, arrays: Arrays, triangle: Any) -> None:
        self._arrays, self._triangle, self.size = arrays, triangle, triangle.shape[0]
        self._matrix: Any = None
        self._lower: Any = None

    @property
    def diagonal(self) -> Array:
        return self._arrays.get(self._arrays.xp.linalg.diagonal(self._triangle))

    def factorise(self, penalty: float, sizes: list[int]) -> list[float] | None:
        xp, triangle = self._arrays.xp, self._triangle
        self._matrix = xp.triu(triangle) + xp.triu(triangle, k=1).T
        self._matrix += penalty * xp.eye(self.size, dtype=triangle.dtype, device=triangle.device)
        norms = [float(xp.max(xp.sum(xp.abs(self._matrix[:size, :size]), axis=0))) for size in sizes]
        try:
            self._lower = xp.linalg.cholesky(self._matrix)
        except Exception as error:
            # The libraries have no common class for it.
            if type(error).__name__.lstrip("_") != "LinAlgError":
                raise
            return None
        # Where others raise, some return NaN.
        return norms if bool(xp.all(xp.isfinite(xp.linalg.diagonal(self._lower)))) else None

    def factor(self, size: int) -> BlockedFactor:
        return BlockedFactor(self._arrays, self._matrix[:size, :size], self._lower[:size, :size])

    def block(self, size: int) -> BlockedSystem:
        return BlockedSystem(self._arrays, self._triangle[:size, :size])

    def release(self) -> None:
        self._matrix = self._lower = None


class BlockedFactor:
    """A matrix and its lower Cholesky factor."""

    def __init__(self, arrays: Arrays, matrix: Any, lower: Any) -> None:
        self._arrays, self._matrix, self._lower = arrays, matrix, lower
        size = lower.shape[0]
        self._blocks = [slice(start, min(start + _BLOCK, size)) for start in range(0, size, _BLOCK)]
        self._inverses = [arrays.xp.linalg.inv(lower[rows, rows]) for rows in self._blocks]

    def condition(self, norm: float) -> float:
        estimate = inverse_norm(lambda x: self._arrays.get(self._solved(self._arrays.put(x[:, None])))[:, 0], self._lower.shape[0])
        return norm * estimate if math.isfinite(estimate) else math.inf

    def solve(self, right: Array) -> Array:
        given = self._arrays.put(right)
        first = self._solved(given)
        return self._arrays.get(first + self._solved(given - self._matrix @ first))

    def times(self, solution: Array) -> Array:
        return self._arrays.get(self._matrix @ self._arrays.put(solution))

    def _solved(self, right: Any) -> Any:
        x = self._arrays.xp.asarray(right, copy=True)
        for rows, inverse in zip(self._blocks, self._inverses, strict=True):
            before = slice(0, rows.start)
            x[rows, :] = inverse @ (x[rows, :] - self._lower[rows, before] @ x[before, :])
        for rows, inverse in zip(reversed(self._blocks), reversed(self._inverses), strict=True):
            after = slice(rows.stop, x.shape[0])
            x[rows, :] = inverse.T @ (x[rows, :] - self._lower[after, rows].T @ x[after, :])
        return x


def inverse_norm(solve: Callable[[Array], Array], size: int) -> float:
    r"""Higham's estimate of :math:`\|S^{-1}\|_1` of a symmetric S from solutions of :math:`Sv=x`, in the steps of LAPACK's dlacn2.

    References
    ----------
    N. J. Higham, FORTRAN codes for estimating the one-norm of a real or complex matrix, ACM Trans. Math. Softw. 14 (1988), Algorithm 4.1.

    Examples
    --------
    >>> s = np.array([[2.0, 1.0], [1.0, 3.0]])
    >>> found = inverse_norm(lambda x: np.linalg.solve(s, x), 2)
    >>> bool(abs(found - np.abs(np.linalg.inv(s)).sum(axis=0).max()) < 1e-12)
    True
    """
    v = solve(np.full(size, 1 / size))
    if size == 1:
        return float(abs(v[0]))
    estimate, signs = float(np.abs(v).sum()), np.where(v >= 0, 1.0, -1.0)
    place = int(np.argmax(np.abs(solve(signs))))
    for _ in range(_STEPS - 1):
        v = solve(np.eye(1, size, place)[0])
        before, estimate = estimate, float(np.abs(v).sum())
        if estimate <= before or np.array_equal(np.where(v >= 0, 1.0, -1.0), signs):
            break
        signs = np.where(v >= 0, 1.0, -1.0)
        z = np.abs(solve(signs))
        last, place = place, int(np.argmax(z))
        if z[last] == z[place]:
            break
    # A second guess, for matrices on which these steps are led astray.
    v = solve((-1.0) ** np.arange(size) * (1 + np.arange(size) / (size - 1)))
    return max(estimate, 2 * float(np.abs(v).sum()) / (3 * size))
