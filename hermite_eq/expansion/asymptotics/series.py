r"""Asymptotic expansions as :math:`t\to0^+`: finite sums of :math:`e^{D(t)}\sum C_{ab}\,t^a\log(1/t)^b`.

:math:`D` collects what diverges in an exponent, in the same monomials. With :math:`L=\log(1/t)`, :math:`t^aL^b` dominates
:math:`t^{a'}L^{b'}` where a < a', or a = a' and b > b'. The coefficients are real balls: a coefficient is zero where its ball, some
300 bits narrow, contains zero. Such expansions are closed under sums, products, real powers, exponentials, logarithms of
single-monomial size, and functions analytic at a finite limit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from flint import arb

#: Whole exponents are integers, whose sums cost a tenth of those of fractions.
Exact = int | Fraction
Monomial = tuple[Exact, Exact]
#: Orders kept beyond the leading one.
ORDERS = 16
#: Parts e^D kept; the others are smaller than every power of t beside them.
_PARTS = 4
_ONE: Monomial = (0, 0)
_TINY = arb(2) ** -200


class UndecidedError(Exception):
    """The expansion was not found: which function, or which cancellation, is in the way."""


def _rank(monomial: Monomial) -> Monomial:
    return monomial[0], -monomial[1]


def _is_zero(coefficient: arb) -> bool:
    return bool(coefficient.contains(0)) and bool(abs(coefficient) < _TINY)


@dataclass(frozen=True, eq=False)
class Series:
    """:math:`\\sum C_{ab}t^aL^b+O(t^{limit})`; ``exact`` is False where powers of 1/L were cut as well."""

    terms: dict[Monomial, arb]
    limit: Any = math.inf
    exact: bool = True

    def __post_init__(self) -> None:
        kept = {m: c for m, c in self.terms.items() if m[0] < self.limit and not _is_zero(c)}
        if kept:
            end = min(m[0] for m in kept) + ORDERS
            if any(m[0] >= end for m in kept):
                object.__setattr__(self, "limit", min(self.limit, end))
                kept = {m: c for m, c in kept.items() if m[0] < end}
        object.__setattr__(self, "terms", kept)

    @property
    def first(self) -> Monomial:
        return min(self.terms, key=_rank)

    @property
    def start(self) -> Any:
        return min((m[0] for m in self.terms), default=self.limit)

    def plus(self, other: Series) -> Series:
        terms = dict(self.terms)
        for m, c in other.terms.items():
            terms[m] = terms[m] + c if m in terms else c
        return Series(terms, min(self.limit, other.limit), self.exact and other.exact)

    def times(self, other: Series) -> Series:
        terms: dict[Monomial, arb] = {}
        limit = min(self.limit + other.start, other.limit + self.start)
        for (a, b), c in self.terms.items():
            for (p, q), d in other.terms.items():
                order = a + p
                if order < limit:
                    m = (order, b + q)
                    terms[m] = terms[m] + c * d if m in terms else c * d
        return Series(terms, limit, self.exact and other.exact)


Exponent = dict[Monomial, arb]


def _difference(first: Exponent, second: Exponent) -> Exponent:
    terms = dict(first)
    for m, c in second.items():
        terms[m] = terms[m] - c if m in terms else -c
    return {m: c for m, c in terms.items() if not _is_zero(c)}


def exponent_sign(exponent: Exponent) -> int:
    """1 where e^D diverges, −1 where it vanishes, 0 for D = 0."""
    if not exponent:
        return 0
    leading = exponent[min(exponent, key=_rank)]
    if leading > 0:
        return 1
    if leading < 0:
        return -1
    raise UndecidedError("an exponent that oscillates")


@dataclass(frozen=True, eq=False)
class Asymptotic:
    """A sum of parts e^D · series, the dominant first."""

    parts: tuple[tuple[Exponent, Series], ...]

    @property
    def dominant(self) -> tuple[Exponent, Series]:
        """The first part, which has a leading term."""
        if not self.parts or not self.parts[0][1].terms:
            raise UndecidedError("a cancellation beyond the orders computed")
        return self.parts[0]

    @property
    def zero(self) -> bool:
        return not self.parts

    def leading(self) -> tuple[Exponent, Monomial, arb]:
        exponent, series = self.dominant
        return exponent, series.first, series.terms[series.first]

    def sign(self) -> int:
        """The sign for small t."""
        if self.zero:
            return 0
        coefficient = self.leading()[2]
        if coefficient > 0:
            return 1
        if coefficient < 0:
            return -1
        raise UndecidedError("a sign that changes without end")

    def tendency(self) -> int:
        """1 where it diverges, 0 where it has a finite limit other than zero, −1 where it vanishes."""
        if self.zero:
            return -1
        exponent, (a, b), _ = self.leading()
        by_exponent = exponent_sign(exponent)
        if by_exponent:
            return by_exponent
        return 1 if a < 0 or (a == 0 and b > 0) else 0 if (a, b) == _ONE else -1


def _collected(parts: Sequence[tuple[Exponent, Series]]) -> Asymptotic:
    merged: list[tuple[Exponent, Series]] = []
    for exponent, series in parts:
        for i, (other, merged_term) in enumerate(merged):
            if not _difference(exponent, other):
                merged[i] = (other, merged_term.plus(series))
                break
        else:
            merged.append((exponent, series))
    kept = [part for part in merged if part[1].terms or part[1].limit != math.inf]
    ordered: list[tuple[Exponent, Series]] = []
    for part in kept:
        place = 0
        while place < len(ordered) and exponent_sign(_difference(part[0], ordered[place][0])) < 0:
            place += 1
        ordered.insert(place, part)
    return Asymptotic(tuple(ordered[:_PARTS]))


def number(value: Any) -> Asymptotic:
    return _collected([({}, Series({_ONE: arb(value)}))])


def power_of_t(exponent: int, coefficient: Any = 1) -> Asymptotic:
    return _collected([({}, Series({(exponent, 0): arb(coefficient)}))])


def add(*summands: Asymptotic) -> Asymptotic:
    return _collected([part for summand in summands for part in summand.parts])


def multiply(first: Asymptotic, second: Asymptotic) -> Asymptotic:
    return _collected([(_difference(d, {m: -c for m, c in e.items()}), s.times(r)) for d, s in first.parts for e, r in second.parts])


def _split(f: Asymptotic) -> tuple[Exponent, Monomial, arb, Asymptotic]:
    """f = e^D C t^a L^b (1 + ε): D, (a, b), C and ε."""
    exponent, (a, b), coefficient = f.leading()
    if coefficient.contains(0):
        raise UndecidedError("a function that oscillates about zero")
    scale = Asymptotic((({m: -c for m, c in exponent.items()}, Series({(-a, -b): 1 / coefficient})),))
    return exponent, (a, b), coefficient, add(multiply(f, scale), number(-1))


def composed(coefficients: Callable[[int], arb], small: Asymptotic) -> Asymptotic:
    r""":math:`\sum_k C_k\varepsilon^k` for a vanishing ε, as far as the orders kept."""
    total, term, cut = number(coefficients(0)), number(1), not small.zero and small.leading()[1][0] == 0
    if cut and exponent_sign(small.leading()[0]) < 0:
        cut = False
    for k in range(1, 5 if cut else ORDERS + 1):
        term = multiply(term, small)
        if term.zero:
            return total
        total = add(total, multiply(number(coefficients(k)), term))
        if not term.parts[0][1].terms:
            return total
    if cut:
        return Asymptotic(tuple((d, Series(s.terms, s.limit, False)) for d, s in total.parts))
    exponent, first, _ = small.leading()
    if exponent_sign(exponent) < 0:
        return total
    # ε^{ORDERS+1} is the first power left out.
    return add(total, Asymptotic((({}, Series({}, (ORDERS + 1) * first[0])),)))


def _whole(value: Exact) -> Exact:
    return value.numerator if value.denominator == 1 else value


def rational(value: arb) -> Exact:
    """The simplest fraction in a narrow ball; of an irrational number, one within 1e-30."""
    mantissa, binary = value.mid().man_exp()
    exact = Fraction(int(mantissa)) * Fraction(2) ** int(binary)
    simple = exact.limit_denominator(10**6)
    return _whole(simple if abs(simple - exact) < Fraction(1, 10**40) else exact.limit_denominator(10**30))


def power(f: Asymptotic, s: Any) -> Asymptotic:
    """f^s for a real number s (int, Fraction or ball), f > 0 unless s is an integer."""
    s = s if isinstance(s, int | Fraction) else rational(s)
    if s == int(s) and 0 <= s <= 64:
        total = number(1)
        for _ in range(int(s)):
            total = multiply(total, f)
        return total
    if f.zero:
        if s > 0:
            return f
        raise UndecidedError("a negative power of zero")
    exponent, (a, b), C, small = _split(f)
    integer = s == int(s)
    if C < 0 and not integer:
        raise UndecidedError("a power of a negative number")
    size = (abs(C).log() * arb(s.numerator) / arb(s.denominator)).exp() * (-1 if C < 0 and int(s) % 2 else 1)
    first = _whole(a * s), _whole(b * s)
    factor = Asymptotic((({m: c * s.numerator / s.denominator for m, c in exponent.items()}, Series({first: size})),))

    def binomial(k: int) -> arb:
        value = arb(1)
        for j in range(k):
            value = value * (arb(s.numerator) / s.denominator - j) / (j + 1)
        return value

    return multiply(factor, composed(binomial, small))


def exponential(f: Asymptotic) -> Asymptotic:
    diverging: Exponent = {}
    rest: list[tuple[Exponent, Series]] = []
    constant = arb(0)
    slope: Exact = 0
    for exponent, series in f.parts:
        direction = exponent_sign(exponent)
        if direction > 0:
            sign = f.sign()
            if sign < 0:
                return Asymptotic(())
            raise UndecidedError("an exponential of an exponential")
        if direction < 0:
            rest.append((exponent, series))
            continue
        small: dict[Monomial, arb] = {}
        for (a, b), c in series.terms.items():
            if a < 0 or (a == 0 and b > 1) or (a == 0 and 0 < b < 1):
                diverging[a, b] = c
            elif (a, b) == (0, 1):
                slope = rational(c)
            elif (a, b) == _ONE:
                constant = c
            else:
                small[a, b] = c
        if series.limit <= 0:
            raise UndecidedError("an exponent known up to a diverging remainder")
        rest.append(({}, Series(small, series.limit, series.exact)))
    inverse_factorials = [arb(1)]
    for k in range(1, ORDERS + 2):
        inverse_factorials.append(inverse_factorials[-1] / k)
    factor = Asymptotic(((diverging, Series({(-slope, 0): constant.exp()})),))
    return multiply(factor, composed(lambda k: inverse_factorials[k], _collected(rest)))


def logarithm(f: Asymptotic) -> Asymptotic:
    exponent, (a, b), C, small = _split(f)
    if b != 0:
        raise UndecidedError("a logarithm of a logarithm")
    if C < 0:
        raise UndecidedError("a logarithm of a negative number")
    terms = {m: c for m, c in exponent.items()}
    terms[0, 1] = terms.get((0, 1), arb(0)) - arb(a.numerator) / a.denominator
    terms[_ONE] = C.log()
    return add(
        Asymptotic((({}, Series(terms)),)),
        composed(lambda k: arb(0) if k == 0 else arb((-1) ** (k + 1)) / k, small),
    )
