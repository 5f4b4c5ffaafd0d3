r"""What an integrable singularity contributes from its immediate neighbourhood.

On one side of a singular point s put x = s ± e^{-t}. A bound :math:`|f|\le At^pe^{qt}` for t ≥ T, found by the rules of
:mod:`hermite_eq.expansion.growth`, leaves

.. math:: \int_{|x-s|<\delta}|f|^j\,dx\le\int_T^\infty A^jt^{jp}e^{(jq-1)t}\,dt\le\frac{e^{G(T)}}{-G'(T)},\qquad
    \delta=e^{-T},\quad G=j\log A+jp\log t+(jq-1)t,

the last because G is concave, if G'(T) < 0. For log x it is q = 0, p = 1; for :math:`x^{-s}` it is q = s; a bump
:math:`e^{-1/x}` is bounded.
"""

from __future__ import annotations

import math
from functools import lru_cache

import sympy
from flint import acb, arb

from hermite_eq.activations import pieces
from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.activations.formulas.singular import singular_candidates
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.certified.bounds import BOUND_BITS
from hermite_eq.expansion.growth import Growth, growth
from hermite_eq.hermite import X

_Y = sympy.Symbol("y", positive=True)
#: No panel is laid within δ = 10^-300 of a singularity.
_LATEST = 690


@lru_cache(maxsize=256)
def points_to_cut(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """The singular points around which no small ball has a finite value.

    >>> points_to_cut(sympy.log(X) + sympy.sqrt(X - 1))
    (0,)
    """
    with working_precision(BOUND_BITS):
        function = ball_function(expression)

        def finite_around(point: sympy.Expr) -> bool:
            ball = ball_function(point)(acb(0), False).real + arb(0, arb(2) ** -40)
            return bool(function(acb(ball), False).is_finite())

        return tuple(point for point in singular_candidates(expression) if not finite_around(point))


def bits_beside(expression: sympy.Expr, digits: int) -> int:
    """The most bits of 1/δ among the cuts of :func:`cut_off`."""
    most = 0
    for piece in pieces(expression):
        for point in points_to_cut(piece.expression):
            for side in (-1, 1):
                if piece.left < point < piece.right or (point == piece.left and side > 0) or (point == piece.right and side < 0):
                    most = max(most, math.ceil(-float(cut_off(piece.expression, point, side, digits)[0].log()) / math.log(2)))
    return most


@lru_cache(maxsize=256)
def cut_off(expression: sympy.Expr, point: sympy.Expr, side: int, digits: int) -> tuple[arb, arb, arb]:
    """δ, and bounds of ∫|f| and ∫f² over the δ beside ``point``, on its right (side = 1) or left, that are below 10^-digits.

    Raises
    ------
    HypothesisError
        Where f is not square integrable there, or not proven so.
    """
    with working_precision(BOUND_BITS):
        return _cut_off(expression, point, side, digits)


def _cut_off(expression: sympy.Expr, point: sympy.Expr, side: int, digits: int) -> tuple[arb, arb, arb]:
    bound = _growth_towards(expression, point, side)
    if not (bound.r <= 0 and 2 * bound.q < 1):
        raise HypothesisError(
            "the function is square integrable at its singularities",
            f"no better bound for {expression} near x = {point} than |x − {point}|^(−{float(bound.q):.3g})",
            "use a function with singularities weaker than |x − s|^(−1/2)",
        )
    goal, T = arb(10) ** -digits, 2
    while T <= _LATEST:
        first, two = _rest(bound, 1, arb(T)), _rest(bound, 2, arb(T))
        if bool(first < goal) and bool(two < goal):
            return (-arb(T)).exp(), first, two
        T = T + max(1, T // 8)
    raise HypothesisError(
        "a singularity is weak enough for panels that are graded to it",
        f"{expression} near x = {point}, {digits} digits",
        "ask for fewer digits, or use the double-precision coefficients np.asarray(coefficients(…))",
    )


def _rest(bound: Growth, power: int, T: arb) -> arb:
    slope = power * bound.p / T + power * bound.q - 1
    if not (slope < 0 and bool(bound.start <= T)):
        return arb.pos_inf()
    return ((bound.A**power) * T ** (power * bound.p) * ((power * bound.q - 1) * T).exp() / -slope).upper()


def _growth_towards(expression: sympy.Expr, point: sympy.Expr, side: int) -> Growth:
    near = expression.subs(X, point + side * _Y)
    # Every polynomial in y as y^m q(y), q(0) ≠ 0, whose sign near 0 the rules then see.
    near = near.replace(lambda part: part.is_Add and part.has(_Y) and part.is_polynomial(_Y), _lowest_power_first)
    near = sympy.expand_log(sympy.expand_power_base(near, force=True), force=True)
    return growth(near.subs(_Y, sympy.exp(-X)), 1, 2)


def _lowest_power_first(part: sympy.Expr) -> sympy.Expr:
    polynomial = sympy.Poly(part, _Y)
    lowest = min(monomial[0] for monomial in polynomial.monoms())
    return _Y**lowest * sympy.expand(part / _Y**lowest) if lowest else sympy.expand(part)
