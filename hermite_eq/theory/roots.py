"""Roots of increasing functions, many at once, always inside a bracket."""

from __future__ import annotations

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
