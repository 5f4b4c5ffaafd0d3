r"""Ridge fits of one head along a path of sizes: nested samples, or leading blocks of hidden units.

Along n the Gram matrix :math:`A^\top A` grows by rank-one terms and serves every n ≥ p; below,
:math:`AA^\top` grows by a border. Readouts with one penalty have one factor. Along m at fixed n the
factor of the largest Gram matrix with m ≤ n serves all smaller m, and beyond :math:`AA^\top` grows by terms.
"""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.training.features import FeatureRows, StoredRows
from hermite_eq.simulate.training.kronecker import Floats
from hermite_eq.simulate.training.ridge import RidgeFit, solve_dual, solve_primal, solve_singular

#: Side of the tiles in which products of stored rows are formed.
_TILE = 1024


@dataclass(frozen=True)
class Readout:
    """How a head is trained on its features: λ (the penalty is λ n/d), and whether it has an intercept."""

    ridge: float
    intercept: bool


class RidgePath(ABC):
    """Fits of one feature matrix at every point of a path and for every readout; labels and fits are NumPy's wherever features live."""

    def __init__(self, readouts: list[Readout], y: Array, d: int, arrays: Arrays) -> None:
        self.readouts, self.y, self.d, self.arrays = readouts, y, d, arrays
        self.fits: dict[tuple[int, Readout], RidgeFit] = {}

    @abstractmethod
    def append(self, rows: slice, values: Floats | None) -> None:
        """Take the next rows (None where the path forms them itself), and solve where a point is reached."""

    def penalty(self, readout: Readout, samples: int) -> float:
        """λ n/d."""
        return readout.ridge * samples / self.d


class SamplePath(RidgePath):
    """Nested samples n₁ < n₂ < … of ``width`` features.

    Parameters
    ----------
    points : list of int
        The values of n, increasing.
    rows : FeatureRows
        Where the rows needed by the dual systems (n < width) are found.
    refill : callable
        ``refill(n)`` gives the first n rows in double precision, as an array of NumPy, for the singular value decomposition.
    arrays : Arrays
        Where the rows live.
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
        arrays: Arrays = HOST,
    ) -> None:
        super().__init__(readouts, y, d, arrays)
        self.width, self.points, self.rows, self.refill = width, points, rows, refill
        self.largest_dual = max((n for n in points if n < width), default=0)
        self.known = 0
        self.has_primal = points[-1] >= width
        # One of the two systems at a time: what the dual one has seen waits among the rows for the primal one.
        self.kernel, self.gram = arrays.square(self.largest_dual), arrays.square(0)
        self.moment, self.sums = np.zeros(width), np.zeros(width)
        self._waiting: list[slice] = []

    def append(self, rows: slice, values: Floats | None) -> None:
        if rows.stop <= self.largest_dual:
            if values is not None and isinstance(self.rows, StoredRows):
                self.rows.values[rows, :] = values
            self._waiting.append(rows)
        elif self.has_primal:
            self._add(rows, self.rows.dense(rows) if values is None else self.arrays.double(values))
        if rows.stop in self.points:
            self._solve(rows.stop)
        if rows.stop == self.largest_dual:
            self.kernel = self.arrays.square(0)
            for waiting in self._waiting if self.has_primal else ():
                self._add(waiting, self.rows.dense(waiting))
            self.rows.forget()

    def _add(self, rows: slice, block: Floats) -> None:
        arrays = self.arrays
        if not self.gram.shape[0]:
            self.gram = arrays.square(self.width)
        # What is not finite is refused where the system is solved.
        with np.errstate(over="ignore", invalid="ignore"):
            self.gram = arrays.add_squares(self.gram, block)
            self.moment += arrays.get(arrays.put(self.y[rows]) @ block)
            self.sums += arrays.get(arrays.xp.sum(block, axis=0))

    def _solve(self, n: int) -> None:
        y, dual = self.y[:n], n < self.width
        if dual:
            self._extend(n)
        system = self.arrays.system(self.kernel[:n, :n] if dual else self.gram)
        for ridge in dict.fromkeys(readout.ridge for readout in self.readouts):
            readouts = [readout for readout in self.readouts if readout.ridge == ridge]
            penalty, intercepts = self.penalty(readouts[0], n), [readout.intercept for readout in readouts]
            if dual:
                fits = solve_dual(system, y, penalty, intercepts, self.rows.combine)
            else:
                fits = solve_primal(system, self.moment, self.sums, float(y.sum()), n, penalty, intercepts)
            for readout, fit in zip(readouts, fits, strict=True):
                self.fits[n, readout] = fit or solve_singular(self.refill(n), y, penalty, readout.intercept)

    def _extend(self, n: int) -> None:
        edges = [*range(0, self.known, _TILE), *range(self.known, n, _TILE), n]
        tiles = [slice(*pair) for pair in itertools.pairwise(edges)]
        for j in (tile for tile in tiles if tile.start >= self.known):
            for i in (tile for tile in tiles if tile.start <= j.start):
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

    def __init__(self, readouts: list[Readout], y: Array, d: int, points: list[int], rows: StoredRows, arrays: Arrays = HOST) -> None:
        super().__init__(readouts, y, d, arrays)
        self.points, self.rows = points, rows
        size = max((m for m in points if m <= len(y)), default=0)
        self.gram = arrays.square(size)
        self.moment = np.zeros(size)

    def append(self, rows: slice, values: Floats | None) -> None:
        if values is None:
            raise ValueError("a path in m stores the features it is given")
        self.rows.values[rows, :] = values
        size, arrays = len(self.moment), self.arrays
        if size:
            block = arrays.double(values[:, :size])
            self.gram = arrays.add_squares(self.gram, block)
            self.moment += arrays.get(arrays.put(self.y[rows]) @ block)
        if rows.stop == len(self.y):
            self._solve()

    def _solve(self) -> None:
        n, arrays = len(self.y), self.arrays
        narrow = [m for m in self.points if m <= n]
        for readout in self.readouts:
            penalty = self.penalty(readout, n)
            if narrow:
                solved = arrays.system(self.gram).solve_leading(penalty, self.moment[:, None], narrow)
                for m, (solution, condition) in zip(narrow, solved, strict=True):
                    self.fits[m, readout] = (
                        self._singular(m, penalty) if solution is None else RidgeFit(solution[:, 0], 0.0, condition, False)
                    )
        if len(narrow) == len(self.points):
            return
        kernel = arrays.square(n)
        known = 0
        for m in self.points[len(narrow) :]:
            for start in range(known, m, _TILE):
                # A of the new units, transposed: its columns are samples.
                block = arrays.double(self.rows.values[:, start : min(start + _TILE, m)])
                kernel = arrays.add_squares(kernel, block.T)
            known = m
            for readout in self.readouts:
                penalty = self.penalty(readout, n)

                def combine(alpha: Array, m: int = m) -> Array:
                    return StoredRows(self.rows.values[:, :m], arrays).combine(alpha)

                (fit,) = solve_dual(arrays.system(kernel), self.y, penalty, [False], combine)
                self.fits[m, readout] = fit or self._singular(m, penalty)

    def _singular(self, m: int, penalty: float) -> RidgeFit:
        return solve_singular(self.arrays.get(self.arrays.double(self.rows.values[:, :m])), self.y, penalty, False)
