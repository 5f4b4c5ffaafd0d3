"""What both certified rules share: values on the line, bounds of Hermite polynomials, and the tails beyond ±T."""

from __future__ import annotations

import math
from dataclasses import dataclass

import sympy
from flint import acb, arb

from hermite_eq.activations import Activation, pieces
from hermite_eq.activations.formulas.balls import Ball, working_precision
from hermite_eq.activations.formulas.singular import singular_candidates
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.growth import Growth, growth

#: Precision of bounds, as opposed to values: their size matters, not their digits.
BOUND_BITS = 64


@dataclass(frozen=True, eq=False)
class Moments:
    r"""Balls around :math:`c_0,\dots,c_K` and :math:`\mathbb E\sigma^2`."""

    c: tuple[arb, ...]
    norm2: arb


def numeric_expression(sigma: Activation) -> sympy.Expr:
    if sigma.expression is None:
        raise HypothesisError(
            "an enclosure needs a formula, of which it can take balls",
            f"the bare callable {sigma.name}",
            "pass a SymPy expression; np.asarray(coefficients(…)) serves callables",
        )
    if sigma.parameters:
        sigma(0.0)  # raises: values need numbers for every parameter
    return sigma.expression


def real_value(f: Ball, sigma: Activation, x: arb) -> arb:
    value = f(acb(x), False)
    if not value.is_finite():
        raise HypothesisError("an activation is finite at every real number", f"{sigma.name} at x = {float(x):.6g}", "define it there")
    if not value.imag.contains(0):
        raise HypothesisError("an activation is real-valued on the real line", f"{sigma.name} at x = {float(x):.6g}", "take the real part")
    return value.real


def orthonormal_bounds(z: arb, degree: int) -> list[arb]:
    r"""For every k ≤ degree an upper bound of :math:`|\mathrm{He}_k(w)|/\sqrt{k!}` for all complex |w| ≤ z.

    The coefficients of He_k alternate in sign, so that |He_k(w)| ≤ i^{-k} He_k(i|w|), which has the same recurrence with a plus.
    """
    bounds = [arb(1), z]
    for k in range(1, degree):
        bounds.append((z * bounds[k] + arb(k).sqrt() * bounds[k - 1]) / arb(k + 1).sqrt())
    return bounds[: degree + 1]


def growth_at_ends(expression: sympy.Expr, sigma: Activation) -> tuple[Growth, Growth]:
    """Growth on the left and on the right ray beyond 1 and all kinks."""
    parts = pieces(expression)
    # Kinks further out than any panel cut no ray: there the bounds of all pieces hold together.
    places = [float(piece.left) for piece in parts[1:]]
    # Zeros of sines and cosines go on for ever: no ray lies beyond them.
    places += [float(point) for point in singular_candidates(expression) if point.is_algebraic]
    near = [abs(place) for place in places if abs(place) < _FARTHEST]
    start = max(1, math.ceil(max(near, default=0) + 1e-9))
    left = _largest([growth(part.expression, -1, start, sigma.lipschitz) for part in parts if part.left < -_FARTHEST])
    right = _largest([growth(part.expression, 1, start, sigma.lipschitz) for part in parts if part.right > _FARTHEST])
    for end in (left, right):
        if not end.r < 0.25:
            raise HypothesisError(
                "the function is square integrable against the normal density (E σ(g)² < ∞)",
                f"no better bound for {sigma.name} than |σ(x)| ≤ … exp({float(end.r):.3g} x²)",
                "use a function that provably grows more slowly than exp(x²/4)",
            )
    return left, right


#: Tails begin no farther out.
_FARTHEST = 1000
#: Digits that may be offered: at these the rules resolved functions whose mass is that far out, and at 2 they did not.
_FEWEST = 20


def _largest(bounds: list[Growth]) -> Growth:
    first, *others = bounds
    for other in others:
        first = Growth(
            arb.max(first.A, other.A), arb.max(first.p, other.p), arb.max(first.q, other.q), arb.max(first.r, other.r), first.start
        )
    return first


@dataclass(frozen=True, eq=False)
class _Tails:
    """Both tails beyond T: bounds of the missing part of every orthonormal coefficient, and of the norm."""

    c: list[arb]
    norm2: arb


def _tail(ends: tuple[Growth, Growth], k: int, T: arb) -> arb:
    return sum((end.tail(k, T) for end in ends), arb(0)) / arb.fac_ui(k).sqrt()


def tail_bounds(ends: tuple[Growth, Growth], degree: int, T: arb) -> _Tails:
    squares = ends[0].times(ends[0]), ends[1].times(ends[1])
    return _Tails([_tail(ends, k, T) for k in range(degree + 1)], _tail(squares, 0, T))


def tail_cut(ends: tuple[Growth, Growth], degree: int, digits: int) -> tuple[int, _Tails]:
    """The smallest T in quarters for which all tails are below 10^-digits, as 4T."""
    with working_precision(BOUND_BITS):
        goal = arb(10) ** -digits
        low, high = 4, 8
        squares = ends[0].times(ends[0]), ends[1].times(ends[1])

        def small(quarters: int) -> bool:
            T = arb(quarters) / 4
            # That of the norm or of the highest degree is mostly the largest.
            return bool(_tail(squares, 0, T) < goal) and all(bool(_tail(ends, k, T) < goal) for k in range(degree, -1, -1))

        while not small(high):
            if high == 4 * _FARTHEST:
                raise HypothesisError(
                    f"the tails of the integral are bounded within |x| < {_FARTHEST}",
                    f"{digits} digits, degree {degree}",
                    _fewer_digits(tail_bounds(ends, degree, arb(_FARTHEST)), digits),
                )
            low, high = high, min(2 * high, 4 * _FARTHEST)
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if small(middle) else (middle, high)
        return high, tail_bounds(ends, degree, arb(high) / 4)


def _fewer_digits(tails: _Tails, digits: int) -> str:
    """The repair where the tails beyond the farthest T are these."""
    worst = max(*tails.c, tails.norm2)
    reached = int(float((-worst.log() / arb(10).log()).lower())) - 1 if worst.is_finite() and worst > 0 else 0
    if reached >= _FEWEST:
        return f"ask for {digits - reached} digits fewer"
    return f"take a function whose mass under the normal density is within |x| < {_FARTHEST}; c.exact is another way where it is not None"
