r"""The interpolation threshold n*, and the exponent of :math:`n^*\sim d^a`.

The rule: n* of a run is where its training error, after a fixed number of epochs, crosses the variance ρ of the label noise for the last
time: from there on the noise is no longer fitted. Between two points the logarithm of the error is taken to be linear in log n. Runs that
have not begun to learn are no part of a curve.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from verify.campaigns.trained import TASK
from verify.campaigns.trained_curves import Found

Array = NDArray[np.float64]
#: The confidence of intervals.
CONFIDENCE = 0.95


def crossing(samples: Array, training: Array, level: float) -> tuple[float, float]:
    """Where log(training) crosses the level for the last time, and the width of its cell in log n; NaN where it does not.

    >>> import numpy as np
    >>> where, width = crossing(np.array([10.0, 20.0, 40.0]), np.array([1e-4, 1e-3, 1e-1]), 1e-2)
    >>> round(where, 3), round(width, 3)
    (28.284, 0.693)
    """
    below = np.flatnonzero(training <= level)
    if not below.size or below[-1] == len(samples) - 1:
        return math.nan, math.nan
    cell = slice(below[-1], below[-1] + 2)
    (x0, x1), (y0, y1) = np.log(samples[cell]), np.log(np.maximum(training[cell], 1e-30))
    return float(np.exp(x0 + (math.log(level) - y0) / (y1 - y0) * (x1 - x0))), float(x1 - x0)


@dataclass(frozen=True)
class Threshold:
    """n* at one d: of each run that has one, and the width of the cell of the grid in log n."""

    d: int
    runs: tuple[float, ...]
    width: float

    @property
    def median(self) -> float:
        return float(np.median(self.runs))


def threshold(curve: Found, level: float = TASK.noise, epoch: int = -1) -> Threshold | None:
    """That of the stored runs at one d after an epoch, by its place; None where no run crosses."""
    crossed = []
    for training, stuck in zip(curve.training[:, :, epoch], curve.stuck, strict=True):
        crossed.append(crossing(curve.samples[~stuck], training[~stuck], level))
    known = [(where, width) for where, width in crossed if math.isfinite(where)]
    return Threshold(curve.d, tuple(where for where, _ in known), max(width for _, width in known)) if known else None


@dataclass(frozen=True)
class Exponent:
    """The slope of log n* against log d with its standard error, and the degrees of freedom of that."""

    value: float
    stderr: float
    freedom: int

    @property
    def interval(self) -> tuple[float, float]:
        """Of Student's t."""
        half = float(scipy.stats.t.ppf((1 + CONFIDENCE) / 2, self.freedom)) * self.stderr
        return self.value - half, self.value + half


def exponent(thresholds: Sequence[Threshold]) -> Exponent | None:
    r"""By least squares over all runs; None with less than two d or three runs.

    Its variance is :math:`s^2/S`, of the scatter s of the runs about the line, with :math:`S=\sum(\log d-\overline{\log d})^2`; and, as n*
    may lie anywhere in its cell of width w, the same at all runs of a d, :math:`\sum_d(m_d(\log d-\overline{\log d})/S)^2w_d^2/12`, with
    m the number of runs.
    """
    x = np.log([threshold.d for threshold in thresholds for _ in threshold.runs])
    y = np.log([where for threshold in thresholds for where in threshold.runs])
    if len({threshold.d for threshold in thresholds}) < 2 or len(x) < 3:
        return None
    centred = x - x.mean()
    spread = float(centred @ centred)
    slope = float(centred @ y) / spread
    left = y - y.mean() - slope * centred
    scatter = float(left @ left) / (len(x) - 2) / spread
    grid = sum(
        (len(threshold.runs) * (math.log(threshold.d) - x.mean()) / spread) ** 2 * threshold.width**2 / 12 for threshold in thresholds
    )
    return Exponent(slope, math.sqrt(scatter + grid), len(x) - 2)
