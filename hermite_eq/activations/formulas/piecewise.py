r"""A piecewise expression as its pieces: where its branches meet, and the one branch that holds between two meeting points.

Abs, sign, Heaviside, Max, Min and Piecewise choose a branch by the sign of a *switching function* g. Where g is a polynomial its
real roots are exact numbers, its sign between two of them is constant, and one sample decides it: no tolerance enters. So it is where
g is a sine or cosine of an affine function, and floor and ceiling of one choose by integers, for \|x\| ≤ 16; beyond, where next to
nothing of N(0, 1) is, the switch stays as it is.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy
from sympy import Abs, Heaviside, Max, Min, Piecewise, ceiling, floor, sign
from sympy.core.relational import Relational

from hermite_eq.arguments import exact
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

#: Each piece is resolved for every switching function: pieces times switching functions.
_MOST_RESOLVED = 1600
#: Isolating the roots of a polynomial beyond this degree takes SymPy seconds.
_LARGEST_DEGREE = 32

_SWITCHES = (Abs, sign, Heaviside, Max, Min, Piecewise, floor, ceiling)
#: Where the zeros of periodic functions and the steps of a staircase are listed, and how many at most.
_WINDOW, _MOST_PLACES = 16, 500


@dataclass(frozen=True)
class Piece:
    """One piece of the real line and the expression there.

    Attributes
    ----------
    left, right : sympy.Expr
        The end points, ``-oo`` and ``oo`` included.
    expression : sympy.Expr
        Free of switches whose switching function is a polynomial; equal to the whole on the open piece.
    """

    left: sympy.Expr
    right: sympy.Expr
    expression: sympy.Expr


def pieces(expression: sympy.Expr) -> tuple[Piece, ...]:
    """The pieces of ``expression`` (no free symbol but X), from left to right.

    >>> for piece in pieces(sympy.Max(X - sympy.Rational(1, 3), 0)):
    ...     print(piece.left, piece.right, piece.expression)
    -oo 1/3 0
    1/3 oo x - 1/3
    """
    branches = exact(expression, "expression")
    if branches.free_symbols - {X}:
        raise HypothesisError("pieces are those of an expression in x", f"{expression}", "give the parameters numbers")
    return _pieces(branches)


@lru_cache(maxsize=512)
def _pieces(expression: sympy.Expr) -> tuple[Piece, ...]:
    if not expression.has(*_SWITCHES):
        return (Piece(-sympy.oo, sympy.oo, expression),)
    switches = sum(max(1, len(node.args) - 1) for node in expression.atoms(*_SWITCHES))
    points: list[sympy.Expr] = []
    while True:
        edges = [-sympy.oo, *points, sympy.oo]
        roots: list[sympy.Expr] = []
        resolved = []
        for left, right in itertools.pairwise(edges):
            branch = _Branch(_between(left, right), within=float(left) >= -_WINDOW and float(right) <= _WINDOW)
            resolved.append(Piece(left, right, branch.of(expression)))
            roots += branch.roots
        new = _merged([*points, *roots])
        if len(new) == len(points):
            return _joined(resolved)
        if len(new) * switches > _MOST_RESOLVED:
            raise HypothesisError(
                f"the branches of a formula have no more than {_MOST_RESOLVED} pairs of a meeting point and a switching function",
                f"{len(new)} points and {switches} functions",
                "pass a function of NumPy with kinks=[…] in place of the formula",
            )
        points = new


def kinks(expression: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """The points where the branches of ``expression`` meet, in increasing order.

    >>> kinks(sympy.Abs(sympy.Abs(X) - 1))
    (-1, 0, 1)
    """
    return tuple(piece.left for piece in pieces(expression)[1:])


class _Branch:
    """The branch of an expression at a sample point, and the roots of the switching functions met on the way."""

    def __init__(self, sample: sympy.Rational, *, within: bool) -> None:
        self.sample = sample
        self.within = within
        self.roots: list[sympy.Expr] = []

    def of(self, expression: Any) -> Any:
        if not expression.args or not expression.has(*_SWITCHES, Relational):
            return expression
        if isinstance(expression, Piecewise):
            return Piecewise(*((self.of(value), self.of(condition)) for value, condition in expression.args))
        if isinstance(expression, Relational):
            difference = self.of(expression.lhs - expression.rhs)
            value = self._sign(difference)
            return expression if value is None else expression.func(value, 0)
        arguments = [self.of(argument) for argument in expression.args]
        if isinstance(expression, Abs | sign | Heaviside):
            value = self._sign(arguments[0])
            if value is None:
                return expression.func(*arguments)
            if isinstance(expression, Abs):
                return value * arguments[0]
            return sympy.Integer(value) if isinstance(expression, sign) else sympy.Rational(1 + value, 2)
        if isinstance(expression, floor | ceiling):
            steps = _steps(arguments[0])
            self.roots += steps
            return expression.func(arguments[0].subs(X, self.sample) if steps and self.within else arguments[0])
        if isinstance(expression, Max | Min):
            best = arguments[0]
            for other in arguments[1:]:
                value = self._sign(best - other)
                if value is None:
                    return expression.func(*arguments)
                if value == (-1 if isinstance(expression, Max) else 1):
                    best = other
            return best
        return expression.func(*arguments)

    def _sign(self, switching: sympy.Expr) -> int | None:
        """The sign of a polynomial at the sample (0 only for the zero polynomial); None if it is no polynomial."""
        function, roots = _switching(switching)
        if function is None:
            return None
        self.roots += roots
        if not function.is_polynomial(X) and not self.within:
            return None
        value = sympy.N(function.subs(X, self.sample), 30)
        return 0 if value == 0 else (1 if value > 0 else -1)


@lru_cache(maxsize=4096)
def _switching(expression: sympy.Expr) -> tuple[sympy.Expr | None, tuple[sympy.Expr, ...]]:
    """A switching function, expanded, with its real roots; None where they are not known."""
    expanded = sympy.expand(expression)
    roots = _real_roots(sympy.Poly(expanded, X)) if expanded.is_polynomial(X) else _periodic_roots(expanded)
    return (None, ()) if roots is None else (expanded, tuple(roots))


def _joined(resolved: list[Piece]) -> tuple[Piece, ...]:
    """Neighbours with one and the same expression are one piece (|x| > 1 asks for the sign of x, where nothing happens)."""
    joined = resolved[:1]
    for piece in resolved[1:]:
        last = joined[-1]
        # Where a jump's value at the point itself differs, the two sides still agree: a null set, of no weight here.
        if piece.expression == last.expression:
            joined[-1] = Piece(last.left, piece.right, last.expression)
        else:
            joined.append(piece)
    return tuple(joined)


def _real_roots(polynomial: sympy.Poly) -> list[sympy.Expr] | None:
    """All real roots as exact numbers, None where SymPy cannot isolate them (irrational coefficients beyond degree 2)."""
    (power,), remaining = polynomial.terms_gcd()
    if remaining.degree() > _LARGEST_DEGREE:
        raise HypothesisError(
            f"branches of a formula meet where polynomials of degree ≤ {_LARGEST_DEGREE} vanish",
            f"the degree {remaining.degree()}",
            "pass a function of NumPy with kinks=[…] in place of the formula",
        )
    if remaining.degree() <= 0:
        return [sympy.Integer(0)] if power else []
    if polynomial.degree() == 1:
        slope, constant = polynomial.all_coeffs()
        return [-constant / slope]
    if all(coefficient.is_Rational for coefficient in polynomial.all_coeffs()):
        return list(dict.fromkeys(sympy.real_roots(polynomial)))
    if polynomial.degree() == 2:
        roots = list(sympy.roots(polynomial))
        return None if any(root.is_real is None for root in roots) else [root for root in roots if root.is_real]
    return None


def _periodic_roots(switching: sympy.Expr) -> list[sympy.Expr] | None:
    """The zeros of c sin(ax + b) or c cos(ax + b) within the window; None for other functions, and where they are too many."""
    function = switching.as_independent(X, as_Add=False)[1]
    if not isinstance(function, sympy.sin | sympy.cos) or not function.args[0].is_polynomial(X):
        return None
    polynomial = sympy.Poly(function.args[0], X)
    if polynomial.degree() != 1:
        return None
    slope, constant = polynomial.all_coeffs()
    offset = sympy.pi / 2 if isinstance(function, sympy.cos) else sympy.Integer(0)
    # a x + b = offset + kπ
    ends = sorted(int(sympy.floor((slope * end + constant - offset) / sympy.pi)) for end in (-_WINDOW, _WINDOW))
    if ends[1] - ends[0] > _MOST_PLACES:
        return None
    roots = [(offset + k * sympy.pi - constant) / slope for k in range(ends[0], ends[1] + 2)]
    return [root for root in roots if abs(float(root)) <= _WINDOW]


@lru_cache(maxsize=512)
def _steps(argument: sympy.Expr) -> tuple[sympy.Expr, ...]:
    """Where an affine function is an integer, within the window; none for other functions, and where they are too many."""
    polynomial = sympy.Poly(argument, X) if argument.is_polynomial(X) else None
    if polynomial is None or polynomial.degree() != 1:
        return ()
    slope, constant = polynomial.all_coeffs()
    first, last = sorted(int(floor(slope * end + constant)) for end in (-_WINDOW, _WINDOW))
    if last - first > _MOST_PLACES:
        return ()
    places = [(k - constant) / slope for k in range(first, last + 2)]
    return tuple(place for place in places if abs(float(place)) <= _WINDOW)


def _merged(points: list[sympy.Expr]) -> list[sympy.Expr]:
    """Sorted, each exact number once. Two numbers equal to 60 digits are asked for exact equality by SymPy."""
    ordered = sorted(dict.fromkeys(points), key=lambda point: sympy.N(point, 60))
    merged: list[sympy.Expr] = []
    for point in ordered:
        if merged and sympy.N(point - merged[-1], 50) == 0 and (point - merged[-1]).equals(0):
            continue
        merged.append(point)
    return merged


def _between(left: sympy.Expr, right: sympy.Expr) -> sympy.Rational:
    """A rational strictly between two edges."""
    if left == -sympy.oo and right == sympy.oo:
        return sympy.Rational(1, 7)
    if left == -sympy.oo:
        return sympy.floor(right) - 1
    if right == sympy.oo:
        return sympy.ceiling(left) + 1
    return sympy.Rational(str(sympy.N((left + right) / 2, 60)))
