"""Positive definite systems by Cholesky factors, with a check of what rounding did to the solution."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
#: Largest relative change of a solution by rounding which is accepted: a hundredth of the smallest relative
#: standard error (1 %) that a simulation of tens of runs reaches.
ROUNDING_TOLERANCE = 1e-4


class Factor(Protocol):
    """The leading block of a matrix S with a penalty on its diagonal, and its Cholesky factor."""

    def condition(self, norm: float) -> float:
        """An estimate of the condition number in the 1-norm of the block, whose own norm this is; infinite where it has none."""

    def solve(self, right: Array) -> Array:
        """The solution for the columns of ``right``."""

    def times(self, solution: Array) -> Array:
        """The block times a matrix."""


class SymmetricSystem(ABC):
    """A symmetric matrix S of which leading systems, with a penalty on the diagonal, are solved; right sides are NumPy's."""

    #: p, the size of the matrix.
    size: int

    @property
    @abstractmethod
    def diagonal(self) -> Array:
        """That of the matrix, without a penalty."""

    @abstractmethod
    def factorise(self, penalty: float, sizes: list[int]) -> list[float] | None:
        """Factorise :math:`S+\\pi I`: the 1-norms of its leading blocks, or None if it is not positive definite in double precision."""

    @abstractmethod
    def factor(self, size: int) -> Factor:
        """The leading block of this size of what was factorised."""

    @abstractmethod
    def block(self, size: int) -> SymmetricSystem:
        """The leading block of this size as a system of its own."""

    @abstractmethod
    def release(self) -> None:
        """Forget the factors."""

    def solve(self, penalty: float, right: Array) -> tuple[Array | None, float]:
        """Solution for the columns of ``right`` and condition number; see :meth:`solve_leading`."""
        return self.solve_leading(penalty, right, [self.size])[0]

    def solve_leading(self, penalty: float, right: Array, sizes: list[int]) -> list[tuple[Array | None, float]]:
        r"""Solve the leading systems of the given ``sizes`` by one Cholesky factorisation.

        The factor of a leading block is the leading block of the factor. A solution is None where rounding may have spoilt it.

        Rounding perturbs entry ij of S by a few :math:`\varepsilon\sqrt{S_{ii}S_{jj}}`, in forming it as in factorising it. Were these
        errors E independent, every entry of :math:`Ew` would be of size :math:`\varepsilon\max_iS_{ii}\|w\|`, and the change
        :math:`S^{-1}Ew` of the solution, relatively, of size :math:`\varepsilon\max_iS_{ii}\|S^{-1}\|`. That is the estimate used; on
        features of random heads at their interpolation peak the change is found to be smaller than it. (The condition number itself
        is pessimistic: a nonzero mean of the features gives one eigenvalue of order np, which no entry of S is as large as.)
        """
        diagonal = self.diagonal + penalty
        if not np.isfinite(diagonal).all():
            raise HypothesisError(
                "the features and labels are finite",
                "infinite or undefined sums of products",
                "use an activation and a target which are finite on the real line, or a lower degree r",
            )
        norms = self.factorise(penalty, sizes)
        if norms is None:
            self.release()
            if sizes == [self.size]:
                return [(None, math.inf)]
            # A larger block is not positive definite in double precision; smaller ones may be.
            return [self.block(size).solve(penalty, right[:size]) for size in sizes]
        solutions: list[tuple[Array | None, float]] = []
        for size, norm in zip(sizes, norms, strict=True):
            factor = self.factor(size)
            condition = factor.condition(norm)
            solution = factor.solve(right[:size])
            residual = right[:size] - factor.times(solution)
            scale = norm * np.abs(solution).max() + np.abs(right[:size]).max()
            change = EPS * float(diagonal[:size].max()) * condition / norm
            # Cholesky is backward stable: a residual beyond p ε means that the factors were not those of the
            # matrix.
            good = change <= ROUNDING_TOLERANCE and np.abs(residual).max() <= size * EPS * scale
            solutions.append((solution if good else None, condition))
        self.release()
        return solutions
