r"""Whether anything is left of σ beyond the panels: :math:`e^{60x-3600}\tanh x` is 0 in doubles to x = 52, and has E σ² = 1 from x = 120.

With a growth bound :math:`|\sigma|\le A|x|^pe^{q|x|+rx^2}` beyond T, the square root of the mass is at most :math:`e^{B(x)}`,
:math:`B=\log A+p\log x+qx-cx^2`, c = 1/(4s²) − r, which is concave: below a level at T and falling there, it is so ever after.
Elsewhere the bound exceeds that level up to one point only, and balls cover the line up to it; where they are as short as the shortest
feature of such a product and still too wide to tell, as around quotients of exponentials, the value in their middle stands for them.
"""

from __future__ import annotations

import math
from contextlib import suppress

import sympy
from flint import acb, arb

from hermite_eq.activations.formulas.balls import Ball, ball_function, working_precision
from hermite_eq.activations.formulas.rewriting import cancelled_exponentials
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.growth import Growth, growth

_BITS = 128
#: No ball is shorter, in standard deviations, or relative to its distance from 0: e^{qx − x²/4} is as wide as its density wherever it is.
_SHORTEST, _SHORTEST_RELATIVE = 1 / 8, 1 / 1000
#: No function here has its mass beyond, nor a bound that would say so.
_FARTHEST = 2.0**60


def far_mass(expression: sympy.Expr, end: int, reach: float, level: float) -> float | None:
    r"""A point x, \|x\| > ``end``, where :math:`|\sigma(x)|e^{-x^2/4s^2}`, s = ``reach``, exceeds ``level``.

    None where none is found, and where nothing bounds the growth of σ.

    Examples
    --------
    >>> from hermite_eq.hermite import X
    >>> place = far_mass(sympy.exp(60 * X - 3600) * sympy.tanh(X), 52, 1.0, 1e-16)
    >>> place is not None and 100 < place < 140
    True
    >>> far_mass(X / (1 + sympy.exp(-60 * X)), 14, 1.0, 1e-16) is None
    True
    """
    # e^u/(1 + e^u) is bounded by its own bound, or e^{u−v}/(1 + e^{−v}) by that of the other form.
    forms = dict.fromkeys((expression, cancelled_exponentials(expression)))
    with working_precision(_BITS):
        for side in (1, -1):
            bounds = []
            for form in forms:
                with suppress(HypothesisError):
                    bounds.append((growth(form, side, end), ball_function(form)))
            places = [_place(bound, function, side, end, reach, math.log(level)) for bound, function in bounds]
            decays = [place for place in places if place is not None]
            if decays and len(decays) == len(places):
                return side * decays[0]
    return None


def _place(bound: Growth, function: Ball, side: int, end: int, reach: float, level: float) -> float | None:
    c = 1 / (4 * arb(reach) ** 2) - bound.r
    log_A = bound.A.log()

    def excess(x: float) -> arb:
        return log_A + bound.p * arb(x).log() + bound.q * x - c * arb(x) ** 2 - level

    def falls(x: float) -> bool:
        return bool(excess(x) < 0) and bool(bound.p / x + bound.q - 2 * c * x <= 0)

    if bound.A == 0 or falls(end):
        return None
    last = 2.0 * end
    while not falls(last):
        last *= 2
        if last > _FARTHEST:
            return None

    def size(x: arb) -> arb:
        """The logarithm of |σ(±x)| e^{−x²/4s²}, less the level."""
        value = function(acb(side * x), False)
        if value == 0:
            return arb.neg_inf()
        return value.abs_upper().log() - (x.lower() / reach) ** 2 / 4 - level if value.is_finite() else arb.pos_inf()

    # The bound is largest at its top: so is σ e^{−x²/4s²}, if it is of that size anywhere.
    top = float(((bound.q + (bound.q**2 + 8 * c * bound.p).sqrt()) / (4 * c)).mid())
    stack = [(float(end), top), (top, last)] if end < top < last else [(float(end), last)]
    while stack:
        left, right = stack.pop()
        if bool(size(arb(left).union(arb(right))) < 0):
            continue
        middle = (left + right) / 2
        for point in (left, middle):
            if bool(size(arb(point)) > 0):
                return point
        if right - left > max(_SHORTEST * reach, _SHORTEST_RELATIVE * left):
            stack += [(left, middle), (middle, right)]
    return None
