"""From SymPy to the normal form of the family."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import sympy
from sympy import Expr, S

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact.family import (
    HIGHEST_POWER,
    Function,
    Kernel,
    OutsideFamilyError,
    Terms,
    add,
    multiply,
    negative,
    polynomial_part,
    term,
)
from hermite_eq.expansion.exact.piecewise import Pieces, combine, decided_sign, sign_of
from hermite_eq.expansion.exact.signs import sign
from hermite_eq.hermite import X


def _constant(value: Expr) -> Terms:
    return term(value)


def _affine(terms: Terms, shown: Any, highest: int = 1) -> dict[int, Expr]:
    polynomial = polynomial_part(terms)
    if polynomial is None or max(polynomial, default=0) > highest:
        kind = "affine" if highest == 1 else "a polynomial of degree ≤ 2"
        raise OutsideFamilyError(shown, f"the argument is not {kind} on every piece")
    return polynomial


def _exponential(terms: Terms, shown: Any) -> Terms:
    p = _affine(terms, shown, highest=2)
    return term(sympy.exp(p.get(0, S.Zero)), kernel=Kernel(mu=p.get(1, S.Zero), beta=p.get(2, S.Zero)))


def _trigonometric(terms: Terms, shown: Any, *, sine: bool) -> Terms:
    p = _affine(terms, shown)
    phase, omega = p.get(0, S.Zero), p.get(1, S.Zero)
    # cos(ωx + φ) = Re e^{iφ} e^{iωx},  sin(ωx + φ) = Re (−i) e^{iφ} e^{iωx}
    cosine, sine_of_phase = sympy.cos(phase), sympy.sin(phase)
    if sine:
        return term(sine_of_phase, -cosine, kernel=Kernel(omega=omega))
    return term(cosine, sine_of_phase, kernel=Kernel(omega=omega))


def _error_function(terms: Terms, shown: Any) -> Terms:
    p = _affine(terms, shown)
    a, b = p.get(1, S.Zero), p.get(0, S.Zero)
    if a == 0:
        return term(sympy.erf(b))
    if a.could_extract_minus_sign():
        return term(-S.One, kernel=Kernel(erfs=((-a, -b),)))
    return term(S.One, kernel=Kernel(erfs=((a, b),)))


def _power(base: Function, exponent: int) -> Function:
    result = Pieces.everywhere(_constant(S.One))
    while exponent:
        if exponent & 1:
            result = combine(result, base, multiply)
        exponent >>= 1
        if exponent:
            base = combine(base, base, multiply)
    return result


def _absolute(f: Function, shown: Any) -> Function:
    return combine(f, sign(f, shown).map(_constant), multiply)


def _larger(f: Function, h: Function, shown: Any) -> Function:
    # max(f, h) = f where f − h > 0; where the sign of f − h is symbolic, (f + h + |f − h|)/2.
    difference = combine(f, h.map(negative), add)
    signs = sign(difference, shown)
    half = _constant(sympy.Rational(1, 2))

    def chosen(both: tuple[Terms, Terms], s: Expr) -> Terms:
        first, second = both
        if s.is_number:
            return first if s >= 0 else second
        spread = multiply(_constant(s), add(first, negative(second)))
        return multiply(half, add(add(first, second), spread))

    return combine(combine(f, h, lambda first, second: (first, second)), signs, chosen)


def _condition(condition: Any) -> Pieces[bool]:
    if condition in (True, False, S.true, S.false):
        return Pieces.everywhere(bool(condition))
    if isinstance(condition, sympy.And | sympy.Or):
        parts = [_condition(argument) for argument in condition.args]
        result = parts[0]
        for part in parts[1:]:
            result = combine(
                result,
                part,
                (lambda a, b: a and b) if isinstance(condition, sympy.And) else (lambda a, b: a or b),
            )
        return result
    if isinstance(condition, sympy.Not):
        return _condition(condition.args[0]).map(lambda value: not value)
    if isinstance(condition, sympy.core.relational.Relational):
        difference = combine(parse(condition.lhs), parse(condition.rhs).map(negative), add)
        wanted = {">": {1}, ">=": {0, 1}, "<": {-1}, "<=": {-1, 0}, "==": {0}, "!=": {-1, 1}}[condition.rel_op]
        decided = sign(difference, condition).map(lambda s: decided_sign(s, f"the condition {condition}"))
        return decided.map(lambda s: s in wanted)
    raise OutsideFamilyError(condition, "the condition is not a comparison")


def _piecewise(expr: sympy.Piecewise) -> Function:
    result: Pieces[Terms | None] = Pieces.everywhere(None)
    for branch, condition in expr.args:
        where = _condition(condition)
        free = combine(result, where, lambda value, inside: value is None and inside)
        # A condition that holds at most at single points, or where an earlier one holds: the first true condition wins.
        if not any(free.values):
            continue
        function = combine(free, parse(branch), lambda inside, terms: terms if inside else None)
        result = combine(result, function, lambda old, new: new if old is None else old)
    complete = []
    for lo, hi, value in result:
        if value is None:
            raise HypothesisError(
                "the function is defined almost everywhere",
                f"no branch of {expr} on ({lo}, {hi})",
                "add a last branch (value, True)",
            )
        complete.append(value)
    return Pieces(result.edges, tuple(complete))


@lru_cache(maxsize=256)
def parse(expr: Expr) -> Function:
    """The normal form of an expression in ``X``; OutsideFamilyError names a sub-expression without one."""
    if X not in expr.free_symbols:
        if expr.has(sympy.Float):
            raise OutsideFamilyError(expr, "a float is not exact; write a Rational")
        if not expr.is_finite and expr.has(S.Infinity, S.NegativeInfinity, S.NaN, S.ComplexInfinity):
            raise OutsideFamilyError(expr, "not a finite number")
        if expr.has(sympy.I) or expr.is_real is False:
            raise OutsideFamilyError(expr, "not real")
        return Pieces.everywhere(_constant(expr))
    if expr == X:
        return Pieces.everywhere(term(S.One, power=1))
    if isinstance(expr, sympy.Add | sympy.Mul):
        operation = add if isinstance(expr, sympy.Add) else multiply
        result = parse(expr.args[0])
        for argument in expr.args[1:]:
            result = combine(result, parse(argument), operation)
        return result
    if isinstance(expr, sympy.exp):
        return parse(expr.args[0]).map(lambda terms: _exponential(terms, expr))
    if isinstance(expr, sympy.Pow):
        base, exponent = expr.args
        if exponent.is_Integer and exponent >= 0:
            if exponent > HIGHEST_POWER:
                raise OutsideFamilyError(expr, "the power is too high")
            return _power(parse(base), int(exponent))
        if X not in base.free_symbols and sign_of(base) == 1:
            return parse(sympy.exp(sympy.expand(exponent * sympy.log(base)), evaluate=False))
        raise OutsideFamilyError(expr, "only non-negative integer powers are in the family")
    if isinstance(expr, sympy.Max | sympy.Min):
        # min f = −max(−f)
        def turned(f: Function) -> Function:
            return f.map(negative) if isinstance(expr, sympy.Min) else f

        parts = [turned(parse(argument)) for argument in expr.args]
        result = parts[0]
        for part in parts[1:]:
            result = _larger(result, part, expr)
        return turned(result)
    if isinstance(expr, sympy.Piecewise):
        return _piecewise(expr)
    kind = type(expr)
    if kind in _UNARY:
        return _UNARY[kind](parse(expr.args[0]), expr)
    raise OutsideFamilyError(expr, f"unsupported function {getattr(expr.func, '__name__', expr.func)}")


def _half_sum(f: Function, h: Function) -> Function:
    return combine(combine(f, h, add), Pieces.everywhere(_constant(sympy.Rational(1, 2))), multiply)


def _hyperbolic(argument: Function, expr: Expr, *, odd: bool) -> Function:
    rising = argument.map(lambda terms: _exponential(terms, expr))
    falling = argument.map(lambda terms: _exponential(negative(terms), expr))
    return _half_sum(rising, falling.map(negative) if odd else falling)


_UNARY: dict[Any, Callable[[Function, Expr], Function]] = {
    sympy.Abs: _absolute,
    sympy.sign: lambda argument, expr: sign(argument, expr).map(_constant),
    sympy.Heaviside: lambda argument, expr: _half_sum(sign(argument, expr).map(_constant), Pieces.everywhere(_constant(S.One))),
    sympy.sin: lambda argument, expr: argument.map(lambda terms: _trigonometric(terms, expr, sine=True)),
    sympy.cos: lambda argument, expr: argument.map(lambda terms: _trigonometric(terms, expr, sine=False)),
    sympy.sinh: lambda argument, expr: _hyperbolic(argument, expr, odd=True),
    sympy.cosh: lambda argument, expr: _hyperbolic(argument, expr, odd=False),
    sympy.erf: lambda argument, expr: argument.map(lambda terms: _error_function(terms, expr)),
    sympy.erfc: lambda argument, expr: argument.map(lambda terms: add(_constant(S.One), negative(_error_function(terms, expr)))),
}
