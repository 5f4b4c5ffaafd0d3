"""Where an expression may be singular, one list for doubles and balls: zeros of denominators, of arguments of logarithms and roots, …"""

from __future__ import annotations

import math
from functools import lru_cache

import mpmath
import numpy as np
import sympy

from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.hermite import X

#: Zeros of functions other than polynomials are looked for up to here, where φ underflows, at steps of 1/128.
_REACH, _STEPS = 40, 128
_DIGITS = 80
#: Zeros of one sine or cosine within reach.
_MOST_WAVES = 1000


def singular_candidates(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """The points where a piece of ``expression`` may be unbounded or not smooth though no branches meet there, in increasing order.

    >>> singular_candidates(1 / (X**2 - 1) + sympy.log(X - 3))
    (-1, 1, 3)
    """
    places: list[sympy.Expr] = []
    for piece in pieces(expression):
        for vanishing in sorted(_vanishing(piece.expression), key=sympy.default_sort_key):
            places += [root for root in real_zeros(vanishing) if _within(root, piece.left, piece.right)]
    ordered: list[sympy.Expr] = []
    for place in sorted(dict.fromkeys(places), key=lambda root: sympy.N(root, 40)):
        # The same zero, found exactly and numerically, is one.
        if not ordered or abs(sympy.N(place - ordered[-1], 40)) > sympy.Float(10) ** -30:
            ordered.append(place)
        elif place.is_Rational:
            ordered[-1] = place
    return tuple(ordered)


def _within(root: sympy.Expr, left: sympy.Expr, right: sympy.Expr) -> bool:
    near = sympy.N(root, 40)
    margin = sympy.Float(10) ** -30
    return bool((left == -sympy.oo or near >= sympy.N(left, 40) - margin) and (right == sympy.oo or near <= sympy.N(right, 40) + margin))


def _vanishing(expression: sympy.Expr) -> set[sympy.Expr]:
    """Subexpressions whose zeros are candidates."""
    zeros: set[sympy.Expr] = set()
    for part in sympy.preorder_traversal(expression):
        if not isinstance(part, sympy.Expr) or not part.has(X):
            continue
        kind = part.func
        argument = part.args[0] if part.args else part
        if isinstance(part, sympy.Pow):
            base, exponent = part.as_base_exp()
            if exponent.has(X) or (base != sympy.E and not (exponent.is_integer and exponent.is_nonnegative)):
                zeros.add(base)
        elif kind == sympy.log or kind in (sympy.coth, sympy.csch, sympy.Ci, sympy.Ei, sympy.bessely, sympy.besselk):
            zeros.add(part.args[-1])
        elif kind in (sympy.tan, sympy.sec):
            zeros.add(sympy.cos(argument))
        elif kind in (sympy.cot, sympy.csc):
            zeros.add(sympy.sin(argument))
        elif kind in (sympy.acos, sympy.asin, sympy.atanh, sympy.acosh, sympy.erfinv):
            zeros |= {argument - 1, argument + 1}
        elif kind in (sympy.gamma, sympy.loggamma, sympy.digamma) and not argument.is_positive:
            zeros.add(sympy.sin(sympy.pi * argument))
    return {part for part in zeros if part.has(X)}


@lru_cache(maxsize=512)
def real_zeros(h: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Real zeros: all of a polynomial, exact; of another function those within reach of N(0, 1), to 80 digits.

    >>> real_zeros(X**3 - 2 * X)
    (-sqrt(2), 0, sqrt(2))
    """
    if isinstance(h, sympy.Mul):
        return tuple(zero for factor in h.args if factor.has(X) for zero in real_zeros(factor))
    if isinstance(h, sympy.Pow) and h.exp.is_number:
        return real_zeros(h.base)
    if isinstance(h, sympy.Abs | sympy.sinh | sympy.tanh | sympy.atan | sympy.asinh | sympy.erf):
        return real_zeros(h.args[0])
    if isinstance(h, sympy.log):
        return real_zeros(h.args[0] - 1)
    if isinstance(h, sympy.sin | sympy.cos) and sympy.diff(h.args[0], X).is_number:
        return _waves(h)
    expanded = sympy.expand(h) if h.is_polynomial(X) else h
    if expanded.is_polynomial(X):
        polynomial = sympy.Poly(expanded, X)
        if all(coefficient.is_Rational for coefficient in polynomial.all_coeffs()):
            return tuple(dict.fromkeys(sympy.real_roots(polynomial)))
        if polynomial.degree() <= 2:
            return tuple(root for root in sympy.roots(polynomial) if root.is_real)
    if h.is_positive or h.is_negative:
        return ()
    constant, rest = h.as_independent(X, as_Add=True)
    factor, power = rest.as_independent(X, as_Add=False)
    if isinstance(power, sympy.exp) and (-constant / factor).is_positive:
        return real_zeros(power.exp - sympy.log(-constant / factor))
    return _numeric_zeros(h)


def _waves(h: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Where the argument ax + b of a sine is nπ, of a cosine nπ + π/2."""
    slope, constant = sympy.diff(h.args[0], X), h.args[0].subs(X, 0)
    shift = 0 if isinstance(h, sympy.sin) else sympy.Rational(1, 2)
    ends = sorted(float(constant + side * slope * _REACH) / float(sympy.pi) for side in (-1, 1))
    if ends[1] - ends[0] > _MOST_WAVES:
        return ()
    numbers = range(math.ceil(ends[0] - shift), math.floor(ends[1] - shift) + 1)
    return tuple(((n + shift) * sympy.pi - constant) / slope for n in numbers)


def _numeric_zeros(h: sympy.Expr) -> tuple[sympy.Expr, ...]:
    x = np.linspace(-_REACH, _REACH, 2 * _REACH * _STEPS + 1) + 1 / (3 * _STEPS)
    try:
        with np.errstate(all="ignore"):
            values = np.broadcast_to(sympy.lambdify(X, h, ["scipy", "numpy"])(x), x.shape)
    except (TypeError, NameError, AttributeError, KeyError, ValueError):
        return ()
    if np.iscomplexobj(values):
        return ()
    with np.errstate(all="ignore"):
        finite = np.isfinite(values)
        crossing = finite[:-1] & finite[1:] & (np.sign(values[:-1]) * np.sign(values[1:]) < 0)
        size = np.abs(values)
        # A zero without a change of sign is a minimum of |h| far below its neighbourhood.
        touching = np.zeros(x.size - 1, bool)
        touching[1:] = (size[1:-1] < size[:-2]) & (size[1:-1] < size[2:]) & (size[1:-1] < 1e-2 * (1 + np.maximum(size[:-2], size[2:])))
    exact = sympy.lambdify(X, h, "mpmath")
    slope = None
    zeros: list[sympy.Expr] = []
    with mpmath.workdps(_DIGITS):
        for i in np.flatnonzero(crossing | touching):
            try:
                tolerance = mpmath.mpf(10) ** (8 - 2 * _DIGITS)
                if crossing[i]:
                    zero = mpmath.findroot(exact, (x[i], x[i + 1]), solver="anderson", tol=tolerance, maxsteps=200)
                else:
                    slope = slope or sympy.lambdify(X, sympy.diff(h, X), "mpmath")
                    zero = mpmath.findroot(slope, (x[i], x[i] + 1e-9), tol=tolerance)
                if mpmath.im(zero) == 0 and abs(exact(zero)) < mpmath.mpf(10) ** (-_DIGITS // 2) and abs(zero - x[i]) < 1:
                    at_zero = abs(zero) < mpmath.mpf(10) ** (-_DIGITS // 2)
                    zeros.append(sympy.Integer(0) if at_zero else sympy.Float(mpmath.nstr(zero, _DIGITS), _DIGITS))
            except (ValueError, ZeroDivisionError, TypeError, NameError, OverflowError):
                continue
    return tuple(zeros)
