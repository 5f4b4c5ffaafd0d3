r"""Square integrability of an expression, decided from its expansions at every singular point and at the two ends of the line.

Near a point c let :math:`\sigma(c\pm t)\sim e^{D(t)}C\,t^a\log(1/t)^b`. Its square is integrable there iff D vanishes or tends to
−∞, and, for D = 0, iff 2a > −1, or 2a = −1 and 2b < −1. At the ends of the line, with t = 1/\|x\| and
:math:`D=\cdots` including :math:`-x^2/4` (the square root of the density), :math:`dx=dt/t^2` makes that 2a > 1, or 2a = 1 and
2b < −1.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb

from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.activations.formulas.singular import singular_candidates
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.asymptotics.rules import Expander
from hermite_eq.expansion.asymptotics.series import Asymptotic, Exponent, Monomial, UndecidedError, exponent_sign
from hermite_eq.expansion.growth import growth
from hermite_eq.hermite import X

_BITS = 400
#: Places closer than this are one.
_MARGIN = sympy.Float(10) ** -30
#: Points named in a message.
_NAMED = 3


@dataclass(frozen=True, eq=False)
class Singularity:
    """A point where the expression is not smooth on one side, or a quotient of zeros, and its expansions in the distance from it.

    Attributes
    ----------
    place : sympy.Expr
    left, right : Asymptotic or None
        σ(place − t) and σ(place + t); None where no expansion was found.
    removable : bool
        The two are one power series.
    """

    place: sympy.Expr
    left: Asymptotic | None
    right: Asymptotic | None
    removable: bool


@dataclass(frozen=True, eq=False)
class End:
    """One end of the line (side = ±1): the expansion of σ(side/t) in t."""

    side: int
    expansion: Asymptotic


def not_square_integrable(finding: str, reach: float = 1.0) -> HypothesisError:
    return HypothesisError(
        "the function is square integrable against the normal density (E σ(g)² < ∞)",
        finding,
        f"use a function whose poles are weaker than |x − a|^(−1/2) and which grows more slowly than exp(x²/{4 * reach**2:.3g})",
    )


@lru_cache(maxsize=512)
def singularities(expression: sympy.Expr) -> tuple[Singularity, ...]:
    """The singular points of ``expression``, from left to right.

    Raises
    ------
    HypothesisError
        If the square is not integrable at one of them; the message names the point and the exponent.

    Examples
    --------
    >>> [(found.place, found.removable) for found in singularities(sympy.log(sympy.Abs(X - 2)) + sympy.sin(X) / X)]
    [(0, True), (2, False)]
    """
    parts = pieces(expression)
    edges = [part.left for part in parts[1:]]
    cuts = [sympy.N(edge, 40) for edge in edges]
    # A meeting point found as a zero as well, perhaps numerically, is one.
    places = {sympy.N(place, 40): (place, False) for place in singular_candidates(expression)}
    known = sorted(places)
    for edge, near in zip(edges, cuts, strict=True):
        at = bisect_left(known, near - _MARGIN)
        same = known[at] if at < len(known) and known[at] < near + _MARGIN else near
        places[same] = (places[same][0] if same in places else edge, True)
    points = []
    period = _period(expression) if len(parts) == 1 else None
    by_phase: dict[sympy.Expr, tuple[Asymptotic | None, Asymptotic | None]] = {}
    with working_precision(_BITS):
        # From the origin outwards: of several points where the square is not integrable the nearest is named.
        for near in sorted(places, key=lambda near: (abs(near), near)):
            place, meeting = places[near]
            phase = near if period is None else sympy.Mod(near + _MARGIN, sympy.N(period, 40)).round(25)
            if phase not in by_phase:
                left = _one_side(parts[bisect_left(cuts, near - _MARGIN)].expression, place, -1)
                by_phase[phase] = left, _one_side(parts[bisect_right(cuts, near + _MARGIN)].expression, place, 1)
            left, right = by_phase[phase]
            smooth = _smooth(left) and _smooth(right)
            if not (smooth and meeting):
                points.append((near, Singularity(place, left, right, smooth and _agree(left, right))))
    return tuple(item for _, item in sorted(points, key=lambda pair: pair[0]))


def _one_side(expression: sympy.Expr, place: sympy.Expr, side: int) -> Asymptotic | None:
    try:
        expansion = Expander(_ball(place), side).of(expression)
        if not expansion.zero:
            exponent, monomial, _ = expansion.leading()
            _check_point(expression, place, exponent, monomial)
        return expansion
    except UndecidedError:
        return None


def _ball(place: sympy.Expr) -> arb:
    # A zero found numerically to 80 digits is any number within 2^-255 of it.
    return arb(str(place)).mid() + arb(0, arb(2) ** -255) if isinstance(place, sympy.Float) else ball_function(place)(acb(0), False).real


def _check_point(expression: sympy.Expr, place: sympy.Expr, exponent: Exponent, monomial: Monomial) -> None:
    where = _shown(place)
    distance = "|x|" if place == 0 else f"|x − {where}|" if sympy.N(place) > 0 else f"|x + {_shown(-place)}|"
    direction = exponent_sign(exponent)
    if direction > 0:
        raise not_square_integrable(f"{expression}, which grows exponentially in 1/{distance} as x → {where}")
    a, b = monomial
    if direction == 0 and (2 * a < -1 or (2 * a == -1 and 2 * b >= -1)):
        logarithm = f" times the power {b} of its logarithm" if b else ""
        raise not_square_integrable(f"{expression}, which grows like {distance}^({a}){logarithm} as x → {where}")


def _shown(place: sympy.Expr) -> str:
    return f"{float(place):.6g}" if isinstance(place, sympy.Float) or place.count_ops() > 4 else str(place)


def _smooth(expansion: Asymptotic | None) -> bool:
    """Whether only whole powers of t occur: a power series."""
    if expansion is None:
        return False
    return all(
        not exponent and all(a >= 0 and a.denominator == 1 and b == 0 for a, b in series.terms) for exponent, series in expansion.parts
    )


def _agree(left: Asymptotic | None, right: Asymptotic | None) -> bool:
    """Whether the power series on both sides are one function of x."""
    if left is None or right is None:
        return False
    both = [dict(side.parts[0][1].terms) if side.parts else {} for side in (left, right)]
    for a, b in set(both[0]) | set(both[1]):
        difference = both[0].get((a, b), arb(0)) * (-1) ** int(a) - both[1].get((a, b), arb(0))
        if not difference.contains(0):
            return False
    return True


@lru_cache(maxsize=512)
def ends(expression: sympy.Expr, reach: float) -> tuple[End | None, End | None]:
    r"""The two ends of the line for arguments of standard deviation ``reach``; None where plain decay is proven.

    Raises
    ------
    HypothesisError
        If the square is not integrable at an end.
    UndecidedError
        Where neither a bound nor an expansion is found.
    """
    parts = pieces(expression)
    return tuple(_end(part, side, Fraction(reach)) for part, side in ((parts[0], -1), (parts[-1], 1)))  # type: ignore[return-value]


def decays_slowly(expression: sympy.Expr, reach: float) -> bool:
    """Whether the square has mass far out, which the expansion at an end describes.

    >>> decays_slowly(sympy.exp(X**2 / 4) / (1 + X**2), 1.0), decays_slowly(sympy.exp(X**2 / 5), 1.0)
    (True, False)
    """
    try:
        return any(end is not None for end in ends(expression, reach))
    except UndecidedError:
        return False


def _end(piece: Any, side: int, reach: Fraction) -> End | None:
    # What is square integrable over a period is so at infinity.
    if _period(piece.expression) is not None:
        return None
    edge = piece.right if side < 0 else piece.left
    start = 1 if edge in (sympy.oo, -sympy.oo) else max(1, int(sympy.ceiling(abs(edge))) + 1)
    with working_precision(_BITS):
        try:
            # A tenth below the border: what is between is followed by its expansion.
            if growth(piece.expression, side, start).r * 4 * int(reach.numerator) ** 2 < arb(0.9) * int(reach.denominator) ** 2:
                return None
        except HypothesisError:
            pass
        density = sympy.exp(-(X**2) / (4 * sympy.Rational(reach.numerator, reach.denominator) ** 2))
        expansion = Expander(None, side).of(piece.expression)
        if expansion.zero:
            return None
        total = Expander(None, side).of(piece.expression * density)
        exponent, (a, b), _ = total.leading()
        direction = exponent_sign(exponent)
        if direction > 0 or (direction == 0 and (2 * a < 1 or (2 * a == 1 and 2 * b >= -1))):
            raise not_square_integrable(_growth_shown(piece.expression, side, expansion, reach), float(reach))
        return End(side, total)


def _period(expression: sympy.Expr) -> sympy.Expr | None:
    """2π/|ω| where x enters through sines and cosines of one frequency ω only; None elsewhere."""
    expression = expression.rewrite(sympy.tan, sympy.sin) if expression.has(sympy.tan) else expression
    waves = {part for part in expression.atoms(sympy.sin, sympy.cos) if part.has(X)}
    if not waves or expression.xreplace({wave: sympy.Integer(1) for wave in waves}).has(X):
        return None
    frequencies = {sympy.diff(wave.args[0], X) for wave in waves}
    return 2 * sympy.pi / abs(frequencies.pop()) if len(frequencies) == 1 and all(f.is_number for f in frequencies) else None


def _growth_shown(expression: sympy.Expr, side: int, expansion: Asymptotic, reach: Fraction) -> str:
    exponent, (a, b), _ = expansion.leading()
    names: dict[Monomial, str] = {(-2, 0): "x²", (-1, 0): "|x|"}
    powers = " + ".join(f"{float(c):.6g}·{names.get(m, f'|x|^{-m[0]}')}" for m, c in sorted(exponent.items()) if m[1] == 0)
    factors = [f"exp({powers})"] if powers else []
    factors += [f"|x|^({-a})"] if a else []
    factors += [f"log|x|^({b})"] if b else []
    of = "" if reach == 1 else f" for arguments of standard deviation {float(reach):.3g}"
    return f"{expression}, which grows like {'·'.join(factors) or 'a constant'} as x → {'' if side > 0 else '−'}∞{of}"


def check_integrable(expression: sympy.Expr, reach: float = 1.0) -> str:
    """Empty where ``expression`` is square integrable under N(0, reach²); else what could not be decided.

    Raises
    ------
    HypothesisError
        If it is not.

    Examples
    --------
    >>> check_integrable(sympy.exp(X**2 / 4) / (1 + X**2))
    ''
    >>> check_integrable(1 / (X - 1))
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: the function is square integrable against the normal density (E σ(g)² < ∞); found 1/(x - 1), which grows like |x − 1|^(-1) as x → 1. Repair: use a function whose poles are weaker than |x − a|^(−1/2) and which grows more slowly than exp(x²/4)
    """  # noqa: E501
    undecided = [point.place for point in singularities(expression) if point.left is None or point.right is None]
    if undecided:
        nearest = sorted(undecided, key=lambda place: abs(float(place)))[:_NAMED]
        more = f" and {len(undecided) - _NAMED} more" if len(undecided) > _NAMED else ""
        return f"the behaviour at x = {', '.join(map(_shown, nearest))}{more}"
    try:
        ends(expression, reach)
    except UndecidedError as reason:
        return f"the growth at infinity: {reason}"
    return ""
