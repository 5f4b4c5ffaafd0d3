r"""Balls around removable singularities: quotients N/D of analytic functions which vanish at the same real point x₀.

Where a ball z meets x₀ the quotient of balls is not finite, but h = N/D is analytic if D has no zero in a disc about x₀ other than
x₀, of an order m which N has at least. D winds around 0 as often as it has zeros in the disc, which arcs of the circle count. Then, by
the maximum principle and Schwarz's lemma, with M a bound of |h| on the circle of radius R,

.. math:: |h(z)-h(x_0)|\le\frac{2M}{R}|z-x_0|,\qquad h(x_0)=N^{(m)}(x_0)/D^{(m)}(x_0).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from flint import acb, arb

from hermite_eq.activations.formulas.singular import real_zeros
from hermite_eq.hermite import X

#: Arcs of a circle, and the highest order of a zero.
_ARCS, _HIGHEST_ORDER = 32, 8


@dataclass(frozen=True)
class Removable:
    """One point x₀, the order of the denominator's zero there, and the limit of the quotient."""

    place: sympy.Expr
    order: int
    limit: sympy.Expr


def removable_points(numerator: sympy.Expr, denominator: sympy.Expr) -> tuple[Removable, ...]:
    """The zeros of the denominator at which the numerator vanishes to at least the same order.

    >>> removable_points(1 - sympy.cos(X), X**2)
    (Removable(place=0, order=2, limit=1/2),)
    """
    points = []
    for place in real_zeros(denominator):
        top, bottom = numerator, denominator
        for order in range(_HIGHEST_ORDER + 1):
            at_top, at_bottom = (_number(part.subs(X, place)) for part in (top, bottom))
            if at_bottom != 0:
                if order and at_bottom.is_finite and at_top.is_finite:
                    points.append(Removable(place, order, at_top / at_bottom))
                break
            if at_top != 0:
                break
            top, bottom = top.diff(X), bottom.diff(X)
    return tuple(points)


def _number(value: sympy.Expr) -> sympy.Expr:
    """A constant, simplified where it may be zero: elsewhere SymPy would write 10^6 log 2 as the logarithm of a power."""
    return sympy.simplify(value) if not value.is_finite or abs(sympy.N(value, 30)) < sympy.Float(10) ** -20 else value


def near_removable(
    numerator: Callable[[acb, bool], acb],
    denominator: Callable[[acb, bool], acb],
    point: tuple[acb, int, acb],
    z: acb,
) -> acb | None:
    """A ball around N/D on z, from x₀, its order and the limit; None where no disc about x₀ that holds z is proven good."""
    place, order, limit = point
    distance = abs(z - place).upper()
    if distance == 0:
        return limit
    radius = (distance * 3 / 2).upper()
    disc = place + acb(arb(0, radius), arb(0, radius))
    if not (numerator(disc, True).is_finite() and denominator(disc, True).is_finite()):
        return None
    turns, largest = arb(0), arb(0)
    step = acb(0, 2 * arb.pi() / _ARCS)
    half = (radius * arb.pi() / _ARCS).upper()
    corners = [place + radius * (step * j).exp() for j in range(_ARCS)]
    ends = [denominator(corner, True) for corner in corners]
    for j in range(_ARCS):
        # The arc between two corners lies within half its length of its middle.
        arc = place + radius * (step * (j + 0.5)).exp() + acb(arb(0, half), arb(0, half))
        below = denominator(arc, True)
        value = numerator(arc, True) / below
        if below.contains(0) or not value.is_finite():
            return None
        turns += (ends[(j + 1) % _ARCS] / ends[j]).log().imag
        largest = arb.max(largest, value.abs_upper())
    turns /= 2 * arb.pi()
    if not (turns.contains(order) and turns.rad() < 0.5):
        return None
    spread = (2 * largest * distance / radius).upper()
    return limit + (acb(arb(0, spread)) if z.imag == 0 else acb(arb(0, spread), arb(0, spread)))
