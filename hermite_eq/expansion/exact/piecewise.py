"""Piecewise constant maps of the real line with exact breakpoints, and the signs on which their order rests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

import sympy
from sympy import Expr, S

from hermite_eq.errors import HypothesisError

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")


def sign_of(value: Expr) -> int | None:
    """The sign of a real number or expression: −1, 0, 1, or None where the assumptions do not decide it."""
    if value.is_zero:
        return 0
    if value.is_number:
        # A difference of unequal exact numbers of this size is told from zero long before 60 digits: e^-3600 is no difference.
        approximation = value.evalf(60)
        if abs(approximation) > sympy.Float("1e-40", 60) * max(abs(term.evalf(15)) for term in sympy.Add.make_args(value)):
            return 1 if approximation > 0 else -1
        return 0 if sympy.simplify(value) == 0 else None
    for form in (lambda v: v, sympy.expand, sympy.factor):
        shaped = form(value)
        if shaped.is_zero:
            return 0
        if shaped.is_positive:
            return 1
        if shaped.is_negative:
            return -1
    return None


def decided_sign(value: Expr, what: str) -> int:
    sign = sign_of(value)
    if sign is None:
        raise HypothesisError(
            f"the assumptions on the parameters decide {what}",
            f"{value} of unknown sign",
            "declare it, e.g. Symbol('a', positive=True), or substitute a number",
        )
    return sign


def is_before(a: Expr, b: Expr) -> bool:
    """Whether a < b, for breakpoints and ±∞; HypothesisError where the assumptions do not decide it."""
    if a == b:
        return False
    if a is S.NegativeInfinity or b is S.Infinity:
        return True
    if a is S.Infinity or b is S.NegativeInfinity:
        return False
    return decided_sign(b - a, "the order of the breakpoints") > 0


@dataclass(frozen=True)
class Pieces(Generic[T]):
    """A piecewise constant map of the real line: ``values[i]`` between ``edges[i]`` and ``edges[i + 1]``."""

    edges: tuple[Expr, ...]
    values: tuple[T, ...]

    @classmethod
    def everywhere(cls, value: T) -> Pieces[T]:
        return cls((S.NegativeInfinity, S.Infinity), (value,))

    def __iter__(self) -> Iterator[tuple[Expr, Expr, T]]:
        return iter(zip(self.edges[:-1], self.edges[1:], self.values, strict=True))

    def map(self, function: Callable[[T], U]) -> Pieces[U]:
        return Pieces(self.edges, tuple(function(value) for value in self.values)).merged()

    def merged(self) -> Pieces[T]:
        """Without the edges at which nothing changes."""
        edges, values = [self.edges[0]], [self.values[0]]
        for edge, value in zip(self.edges[1:-1], self.values[1:], strict=True):
            if value != values[-1]:
                edges.append(edge)
                values.append(value)
        return Pieces((*edges, self.edges[-1]), tuple(values))


def combine(first: Pieces[T], second: Pieces[U], function: Callable[[T, U], V]) -> Pieces[V]:
    """The pointwise combination of two piecewise maps on the common refinement of their intervals."""
    edges: list[Expr] = [S.NegativeInfinity]
    values: list[V] = []
    i = j = 0
    while True:
        values.append(function(first.values[i], second.values[j]))
        end1, end2 = first.edges[i + 1], second.edges[j + 1]
        if end1 is S.Infinity and end2 is S.Infinity:
            return Pieces((*edges, S.Infinity), tuple(values)).merged()
        first_ends = is_before(end1, end2)
        second_ends = not first_ends and is_before(end2, end1)
        edges.append(end2 if second_ends else end1)
        i += not second_ends
        j += not first_ends


def _restricted(whole: Pieces[U], lo: Expr, hi: Expr) -> tuple[list[Expr], list[U]]:
    """The values of ``whole`` inside (lo, hi) and the right ends of their intervals."""
    ends, values = [], []
    for start, end, value in whole:
        if is_before(start, hi) and is_before(lo, end):
            ends.append(end if is_before(end, hi) else hi)
            values.append(value)
    return ends, values


def flat_map(f: Pieces[T], function: Callable[[T], Pieces[U]]) -> Pieces[U]:
    edges: list[Expr] = [S.NegativeInfinity]
    values: list[U] = []
    for lo, hi, value in f:
        ends, parts = _restricted(function(value), lo, hi)
        edges += ends
        values += parts
    return Pieces(tuple(edges), tuple(values)).merged()
