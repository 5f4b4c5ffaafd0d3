"""Positive fixed points by extrapolation of the plain iteration."""

from __future__ import annotations

import itertools
import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

#: Relative change at which the iteration ends, and the largest at which it may end without further progress.
_SETTLED, _ROUGH = 1e-12, 1e-8
#: Rounds without progress after which it has stalled, and the longest step of a logarithm.
_STALLED, _LONGEST = 8, 3.0
#: A residual so many times the least one says that the extrapolation has left the neighbourhood of the fixed point.
_ASTRAY = 10.0


class PositiveIteration:
    """Values on their way to a fixed point of a map of positive vectors, which contracts their logarithms.

    Anderson's extrapolation in the logarithms; where it leads astray, the plain iteration goes on from the best values so far.

    Parameters
    ----------
    start : array
        Entries of 0 remain 0.
    memory : int
        How many steps are extrapolated.

    Attributes
    ----------
    residual : float
        The largest relative change of the last round.
    """

    def __init__(self, start: Array, memory: int) -> None:
        self.silent, self.memory = start == 0, memory
        self.x = np.log(np.where(self.silent, 1.0, start)).ravel()
        self.steps: list[tuple[Array, Array]] = []
        self.best, self.residual, self.least, self.since = (self.x, self.x), math.inf, math.inf, 0

    @property
    def values(self) -> Array:
        return np.where(self.silent, 0.0, np.exp(self.x).reshape(self.silent.shape))

    def settled(self, image: Array) -> bool:
        """Whether the values are their own ``image``; if not, they move on."""
        x, change = self.x, np.log(np.where(self.silent, 1.0, image)).ravel() - self.x
        self.residual = size = float(np.abs(change).max())
        self.since = 0 if size < self.least / 2 else self.since + 1
        # Rounding ends the progress before 1e-12 where the problem is badly conditioned.
        if size <= _SETTLED or (self.since > _STALLED and size <= _ROUGH):
            return True
        if size < self.least:
            self.least, self.best = size, (x, change)
        elif size > _ASTRAY * self.least:
            (x, change), self.steps = self.best, []
        self.steps = [*self.steps[-self.memory :], (x, change)]
        dx = np.array([b[0] - a[0] for a, b in itertools.pairwise(self.steps)]).reshape(-1, x.size).T
        df = np.array([b[1] - a[1] for a, b in itertools.pairwise(self.steps)]).reshape(-1, x.size).T
        # Where extrapolation has not helped for long, the plain iteration goes on.
        mixed = (dx + df) @ np.linalg.lstsq(df, change, rcond=1e-10)[0] if self.since < _STALLED else 0.0
        self.x = x + np.clip(change - mixed, -_LONGEST, _LONGEST)
        return False
