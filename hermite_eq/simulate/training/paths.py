r"""Ridge fits of one head along a path of sizes: nested samples, or leading blocks of hidden units.

Along n the Gram matrix :math:`A^\top A` grows by rank-one terms and serves every n ≥ p; below,
:math:`AA^\top` grows by a border. Along m at fixed n the factor of the largest Gram matrix with m ≤ n serves
all smaller m, and beyond :math:`AA^\top` grows by terms.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas

from hermite_eq.simulate.sampler import Array
from hermite_eq.simulate.training.features import FeatureRows, Floats, StoredRows
from hermite_eq.simulate.training.ridge import RidgeFit, SymmetricSystem, solve_dual, solve_primal, solve_singular

#: Side of the tiles in which products of stored rows are formed.
_TILE = 1024


@dataclass(frozen=True)
class Readout:
    """How a head is trained on its features: λ (the penalty is λ n/d), and whether it has an intercept."""

    ridge: float
    intercept: bool


class RidgePath(ABC):
    """Fits of one feature matrix at every point of a path and for every readout."""

    def __init__(self, readouts: list[Readout], y: Array, d: int) -> None:
        self.readouts, self.y, self.d = readouts, y, d
        self.fits: dict[tuple[int, Readout], RidgeFit] = {}

    @abstractmethod
    def append(self, rows: slice, values: Floats | None) -> None:
        """Take the next rows (None where the path forms them itself), and solve where a point is reached."""

    def penalty(self, readout: Readout, samples: int) -> float:
        """λ n/d."""
        return readout.ridge * samples / self.d


def _accumulate(triangle: Array, rows: Array) -> Array:
    """``triangle`` + rowsᵀ rows in the upper triangle, in place."""
    return np.asarray(blas.dsyrk(1.0, rows.T, beta=1.0, c=triangle, lower=0, overwrite_c=1))


class SamplePath(RidgePath):
    """Nested samples n₁ < n₂ < … of ``width`` features.

    Parameters
    ----------
    points : list of int
        The values of n, increasing.
    rows : FeatureRows
        Where the rows needed by the dual systems (n < width) are found.
    refill : callable
        ``refill(n)`` gives the first n rows in double precision, for the singular value decomposition.
    """

    def __init__(
        self,
        readouts: list[Readout],
        y: Array,
        d: int,
        width: int,
        points: list[int],
        rows: FeatureRows,
        refill: Callable[[int], Array],
    ) -> None:
        super().__init__(readouts, y, d)
        self.width, self.points, self.rows, self.refill = width, points, rows, refill
        self.largest_dual = max((n for n in points if n < width), default=0)
        self.kernel = np.zeros((self.largest_dual, self.largest_dual), order="F")
        self.known = 0
        self.has_primal = points[-1] >= width
        size = width if self.has_primal else 0
        self.gram = np.zeros((size, size), order="F")
        self.moment, self.sums = np.zeros(size), np.zeros(size)

    def append(self, rows: slice, values: Floats | None) -> None:
        if values is not None and isinstance(self.rows, StoredRows) and rows.start < self.largest_dual:
            self.rows.values[rows] = values
        if self.has_primal:
            block = self.rows.dense(rows) if values is None else values.astype(float)
            # What is not finite is refused where the system is solved.
            with np.errstate(over="ignore", invalid="ignore"):
                self.gram = _accumulate(self.gram, block)
                self.moment += self.y[rows] @ block
                self.sums += block.sum(axis=0)
        if rows.stop in self.points:
            self._solve(rows.stop)

    def _solve(self, n: int) -> None:
        y = self.y[:n]
        if n < self.width:
            self._extend(n)
        for readout in self.readouts:
            penalty = self.penalty(readout, n)
            if n < self.width:
                system = SymmetricSystem(np.array(self.kernel[:n, :n], order="F"))
                fit = solve_dual(system, y, penalty, readout.intercept, self.rows.combine)
            else:
                fit = solve_primal(
                    SymmetricSystem(self.gram),
                    self.moment,
                    self.sums,
                    float(y.sum()),
                    n,
                    penalty,
                    readout.intercept,
                )
            self.fits[n, readout] = fit or solve_singular(self.refill(n), y, penalty, readout.intercept)

    def _extend(self, n: int) -> None:
        for top in range(0, n, _TILE):
            for left in range(max(self.known, top), n, _TILE):
                i, j = slice(top, min(top + _TILE, n)), slice(left, min(left + _TILE, n))
                self.kernel[i, j] = self.rows.products(i, j)
        self.known = n


class WidthPath(RidgePath):
    """Leading blocks of m₁ < m₂ < … hidden units at fixed n; no intercept.

    Parameters
    ----------
    points : list of int
        The values of m, increasing.
    rows : StoredRows
        Room for all n rows of the largest number of features.
    """

    def __init__(
        self, readouts: list[Readout], y: Array, d: int, points: list[int], rows: StoredRows
    ) -> None:
        super().__init__(readouts, y, d)
        self.points, self.rows = points, rows
        size = max((m for m in points if m <= len(y)), default=0)
        self.gram = np.zeros((size, size), order="F")
        self.moment = np.zeros(size)

    def append(self, rows: slice, values: Floats | None) -> None:
        if values is None:
            raise ValueError("a path in m stores the features it is given")
        self.rows.values[rows] = values
        size = len(self.moment)
        if size:
            block = values[:, :size].astype(float)
            self.gram = _accumulate(self.gram, block)
            self.moment += self.y[rows] @ block
        if rows.stop == len(self.y):
            self._solve()

    def _solve(self) -> None:
        n = len(self.y)
        narrow = [m for m in self.points if m <= n]
        for readout in self.readouts:
            penalty = self.penalty(readout, n)
            if narrow:
                solved = SymmetricSystem(self.gram).solve_leading(penalty, self.moment[:, None], narrow)
                for m, (solution, condition) in zip(narrow, solved, strict=True):
                    self.fits[m, readout] = (
                        self._singular(m, penalty)
                        if solution is None
                        else RidgeFit(solution[:, 0], 0.0, condition, False)
                    )
        if len(narrow) == len(self.points):
            return
        kernel = np.zeros((n, n), order="F")
        known = 0
        for m in self.points[len(narrow) :]:
            for start in range(known, m, _TILE):
                # A of the new units, transposed: its columns are samples.
                block = self.rows.values[:, start : min(start + _TILE, m)].astype(float)
                kernel = _accumulate(kernel, np.ascontiguousarray(block.T))
            known = m
            for readout in self.readouts:
                penalty = self.penalty(readout, n)

                def combine(alpha: Array, m: int = m) -> Array:
                    return StoredRows(self.rows.values[:, :m]).combine(alpha)

                fit = solve_dual(SymmetricSystem(kernel), self.y, penalty, False, combine)
                self.fits[m, readout] = fit or self._singular(m, penalty)

    def _singular(self, m: int, penalty: float) -> RidgeFit:
        return solve_singular(self.rows.values[:, :m].astype(float), self.y, penalty, False)
