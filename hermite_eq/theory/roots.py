"""Roots of increasing functions, many at once, always inside a bracket; positive fixed points, by extrapolation of the plain iteration."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import ConvergenceError

Array = NDArray[np.float64]

#: Halving the logarithm of a bracket of all doubles, then the bracket: 11 and 53 steps; interpolation may waste some of them.
_STEPS = 400
#: Ends of a bracket are decades apart where their quotient is more than this.
_WIDE = math.exp(4.0)
_EPS, _TINY = float(np.finfo(float).eps), float(np.finfo(float).tiny)


def increasing_root(f: Callable[[Array], Array], lower: Array, upper: Array) -> Array:
    r"""Where an increasing function changes sign in [lower, upper], for each element, to the last bits of the argument.

    Chandrupatla's method, vectorised: inverse quadratic interpolation where it is safe, bisection elsewhere, of the logarithm where
    the ends of the bracket are decades apart. It is enough that f is negative below and positive above the root; f may jump there.
    Where f(lower) ≥ 0 the answer is ``lower``.

    Raises
    ------
    ConvergenceError
        If f is not a number somewhere.

    References
    ----------
    Chandrupatla, Advances in Engineering Software 28 (1997) 145-149.

    Examples
    --------
    >>> increasing_root(lambda x: x**3 - 2, np.array([0.0]), np.array([4.0])).round(12)
    array([1.25992105])
    """
    b, a = np.array(lower, float), np.array(upper, float)
    fb, fa = f(b), f(a)
    done = fb >= 0
    answer = np.where(done, b, a)
    step = np.full_like(a, 0.5)
    tolerance = np.zeros_like(a)
    for _ in range(_STEPS):
        if done.all():
            return answer
        with np.errstate(all="ignore"):
            low = np.minimum(a, b)
            decades = (low > 0) & (np.maximum(a, b) > _WIDE * low)
            x = np.where(decades, np.sqrt(a) * np.sqrt(b), a + step * (b - a))
        fx = f(x)
        same = (fx >= 0) == (fa >= 0)
        c, fc = np.where(same, a, b), np.where(same, fa, fb)
        b, fb = np.where(same, b, a), np.where(same, fb, fa)
        a, fa = x, fx
        best = np.where(np.abs(fa) < np.abs(fb), a, b)
        tolerance = 2 * _EPS * np.abs(best) + _TINY
        width = np.abs(b - a)
        exact = fa == 0
        finished = ~done & ((width <= 2 * tolerance) | exact)
        answer = np.where(finished, np.where(exact, a, best), answer)
        done |= finished
        with np.errstate(all="ignore"):
            xi = (a - b) / (c - b)
            phi = (fa - fb) / (fc - fb)
            safe = (phi**2 < xi) & ((1 - phi) ** 2 < 1 - xi)
            quadratic = fa / (fb - fa) * fc / (fb - fc) + (c - a) / (b - a) * fa / (fc - fa) * fb / (fc - fb)
            least = np.where(width > 2 * tolerance, tolerance / width, 0.5)
        step = np.where(safe & np.isfinite(quadratic), quadratic, 0.5)
        step = np.minimum(np.maximum(step, least), 1 - least)
    raise ConvergenceError(
        "a bracket of a root shrinks to the last bits", f"one left after {_STEPS} steps", "pass ratios, noise and ridge of ordinary size"
    )


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


def least_on_grid(function: Callable[[Array], Array], grid: Array) -> tuple[float, float]:
    """Place and value of the least of a function: on a grid, then five times nine points about the least one, four times closer each time.

    >>> place, value = least_on_grid(lambda x: (x - 0.3) ** 2, np.linspace(-1, 1, 9))
    >>> round(place, 3), value < 1e-6
    (0.3, True)
    """
    x, step = grid, float(grid[1] - grid[0])
    for _ in range(6):
        values = function(x)
        i = int(np.argmin(values))
        place, least = float(x[i]), float(values[i])
        x = np.clip(place + step * np.linspace(-1, 1, 9), grid[0], grid[-1])
        step /= 4
    return place, least
