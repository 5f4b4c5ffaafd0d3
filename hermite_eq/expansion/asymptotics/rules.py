"""From an expression to its asymptotic expansion at one side of a point, or at one end of the line."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import sympy
from flint import acb, arb, arb_series, ctx
from sympy.core.relational import Equality, GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan, Unequality

from hermite_eq.activations.formulas.balls import ball_function
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.asymptotics.series import (
    ORDERS,
    Asymptotic,
    Series,
    UndecidedError,
    add,
    composed,
    exponential,
    logarithm,
    multiply,
    number,
    power,
    power_of_t,
)
from hermite_eq.hermite import X

# Analytic wherever their argument is finite.
_ENTIRE: dict[Any, Callable[[arb_series], arb_series]] = {
    sympy.sin: lambda z: z.sin(),
    sympy.cos: lambda z: z.cos(),
    sympy.atan: lambda z: z.atan(),
    sympy.erf: lambda z: z.erf(),
    sympy.erfc: lambda z: z.erfc(),
    sympy.erfi: lambda z: z.erfi(),
    sympy.Si: lambda z: z.si(),
    sympy.Shi: lambda z: z.shi(),
    # The reciprocal, which is entire.
    sympy.gamma: lambda z: z.rgamma(),
}
_BOUNDED = (sympy.sin, sympy.cos, sympy.Si, sympy.besselj, sympy.fresnels, sympy.fresnelc)
# In exponentials, logarithms and powers, whose expansions are known.
_ELEMENTARY: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.tanh: lambda y: (1 - sympy.exp(-2 * y)) / (1 + sympy.exp(-2 * y)),
    sympy.coth: lambda y: (1 + sympy.exp(-2 * y)) / (1 - sympy.exp(-2 * y)),
    sympy.sinh: lambda y: (sympy.exp(y) - sympy.exp(-y)) / 2,
    sympy.cosh: lambda y: (sympy.exp(y) + sympy.exp(-y)) / 2,
    sympy.sech: lambda y: 2 / (sympy.exp(y) + sympy.exp(-y)),
    sympy.csch: lambda y: 2 / (sympy.exp(y) - sympy.exp(-y)),
    sympy.tan: lambda y: sympy.sin(y) / sympy.cos(y),
    sympy.cot: lambda y: sympy.cos(y) / sympy.sin(y),
    sympy.sec: lambda y: 1 / sympy.cos(y),
    sympy.csc: lambda y: 1 / sympy.sin(y),
    sympy.sinc: lambda y: sympy.sin(y) / y,
    sympy.acosh: lambda y: sympy.log(y + sympy.sqrt(y - 1) * sympy.sqrt(y + 1)),
    sympy.atanh: lambda y: (sympy.log(1 + y) - sympy.log(1 - y)) / 2,
}
_OUTCOMES: dict[Any, tuple[bool, bool, bool]] = {
    StrictGreaterThan: (False, False, True),
    GreaterThan: (False, True, True),
    StrictLessThan: (True, False, False),
    LessThan: (True, True, False),
    Equality: (False, True, False),
    Unequality: (True, False, True),
}


@dataclass(eq=False)
class Expander:
    """Expansions at x = centre + side·t, or at x = side/t where ``centre`` is None; t → 0⁺."""

    centre: arb | None
    side: int
    memory: dict[sympy.Basic, Asymptotic] = field(default_factory=dict)

    def of(self, f: sympy.Expr) -> Asymptotic:
        """The expansion of an expression in X.

        Raises
        ------
        UndecidedError
            Where none is found.
        """
        if f not in self.memory:
            self.memory[f] = self._of(f)
        return self.memory[f]

    def _of(self, f: sympy.Expr) -> Asymptotic:
        if not f.has(X):
            return number(_value(f))
        if f == X:
            return power_of_t(-1, self.side) if self.centre is None else add(number(self.centre), power_of_t(1, self.side))
        if isinstance(f, sympy.Add):
            return add(*map(self.of, f.args))
        if isinstance(f, sympy.Mul):
            total = number(1)
            for factor in f.args:
                total = multiply(total, self.of(factor))
            return total
        if isinstance(f, sympy.Pow | sympy.exp):
            return self._power(*f.as_base_exp())
        if isinstance(f, sympy.Max | sympy.Min):
            return self._extreme(f)
        if isinstance(f, sympy.Piecewise):
            return self._branch(f)
        if isinstance(f, sympy.log):
            return self._logarithm(f.args[0])
        if f.func in _ELEMENTARY:
            return self._elementary(f)
        return self._function(f)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Asymptotic:
        if base == sympy.E:
            return exponential(self.of(exponent))
        if exponent.has(X):
            return exponential(multiply(self.of(exponent), logarithm(self.of(base))))
        if exponent.is_Integer:
            return power(self.of(base), int(exponent))
        return power(self.of(base), _value(exponent))

    def _logarithm(self, f: sympy.Expr) -> Asymptotic:
        try:
            return logarithm(self.of(f))
        except UndecidedError:
            # log(a + e^h) = h + log(1 + a e^{−h}) where e^h has no expansion, h itself growing like an exponential.
            for term in f.args if isinstance(f, sympy.Add) else ():
                h = term.args[0] if isinstance(term, sympy.exp) else None
                if h is not None and self.of(h).tendency() > 0 and self.of(h).sign() > 0:
                    return add(self.of(h), logarithm(self.of(1 + (f - term) * sympy.exp(-h))))
            raise

    def _extreme(self, f: sympy.Expr) -> Asymptotic:
        wanted = 1 if isinstance(f, sympy.Max) else -1
        best = f.args[0]
        for other in f.args[1:]:
            if self.of(other - best).sign() == wanted:
                best = other
        return self.of(best)

    def _branch(self, f: sympy.Piecewise) -> Asymptotic:
        for value, condition in f.args:
            if self._holds(condition):
                return self.of(value)
        raise UndecidedError(f"{f}, which has no value there")

    def _holds(self, condition: Any) -> bool:
        if condition in (True, False, sympy.true, sympy.false):
            return bool(condition)
        if isinstance(condition, Relational) and condition.func in _OUTCOMES:
            return _OUTCOMES[condition.func][1 + self.of(condition.lhs - condition.rhs).sign()]
        if isinstance(condition, sympy.And | sympy.Or | sympy.Not):
            parts = [self._holds(part) for part in condition.args]
            return not parts[0] if isinstance(condition, sympy.Not) else all(parts) if isinstance(condition, sympy.And) else any(parts)
        raise UndecidedError(str(condition))

    def _elementary(self, f: sympy.Expr) -> Asymptotic:
        argument = f.args[0]
        # e^{-2y} where y → ∞, e^{2y} where y → −∞: both sides of a sign agree.
        odd = {sympy.tanh: -1, sympy.coth: -1, sympy.sinh: -1, sympy.csch: -1, sympy.cosh: 1, sympy.sech: 1}.get(f.func)
        if odd is not None and not self.of(argument).zero and self.of(argument).sign() < 0:
            return multiply(number(odd), self.of(_ELEMENTARY[f.func](-argument)))
        return self.of(_ELEMENTARY[f.func](argument))

    def _function(self, f: sympy.Expr) -> Asymptotic:
        kind, inner = f.func, self.of(f.args[-1] if f.func == sympy.besselj else f.args[0])
        if kind == sympy.Abs:
            return inner if inner.zero or inner.sign() > 0 else multiply(number(-1), inner)
        if kind == sympy.sign:
            return number(inner.sign())
        if kind == sympy.Heaviside:
            return number((1 + inner.sign()) / 2)
        if kind == sympy.gamma and inner.tendency() <= 0:
            return power(composed(_taylor(kind, f, _limit(inner)), add(inner, number(-_limit(inner)))), -1)
        if kind == sympy.asinh:
            y = f.args[0]
            sign = 1 if inner.zero else inner.sign()
            return multiply(number(sign), self.of(sympy.log(sign * y + sympy.sqrt(y**2 + 1))))
        if kind in (sympy.floor, sympy.ceiling):
            return _rounded(inner, kind)
        if inner.tendency() > 0:
            return self._at_infinity(f, inner)
        limit = _limit(inner)
        if kind in (sympy.asin, sympy.acos) and not abs(limit) < 1:
            if not abs(limit) > 0:
                # Of an argument that oscillates: bounded.
                return number(arb(0, 4))
            # acos y = 2 asin √((1 − y)/2), of a vanishing argument.
            sign = 1 if limit > 0 else -1
            rest = self.of(2 * sympy.asin(sympy.sqrt((1 - sign * f.args[0]) / 2)))
            arc = rest if sign > 0 else add(number(arb.pi()), multiply(number(-1), rest))
            return arc if kind == sympy.acos else add(number(arb.pi() / 2), multiply(number(-1), arc))
        if kind == sympy.erfinv and not abs(limit) < 1:
            return self._erfinv_at_one(f.args[0], limit)
        try:
            small = add(inner, number(-limit))
            return composed(_taylor(kind, f, limit), small)
        except (ValueError, TypeError, ZeroDivisionError, NotImplementedError, AttributeError):
            raise UndecidedError(f"{f}") from None

    def _erfinv_at_one(self, argument: sympy.Expr, limit: arb) -> Asymptotic:
        r"""erf⁻¹(1 − u) = √log(1/u) (1 + O(log log(1/u)/log(1/u))), from erfc w ~ e^{−w²}/(w√π) = u: its first term alone."""
        if not abs(limit) > 0:
            raise UndecidedError(f"erfinv({argument})")
        sign = 1 if limit > 0 else -1
        root = power(logarithm(power(self.of(1 - sign * argument), -1)), Fraction(1, 2))
        _, first, coefficient = root.leading()
        return Asymptotic((({}, Series({first: sign * coefficient}, first[0] + Fraction(1, 2), exact=False)),))

    def _at_infinity(self, f: sympy.Expr, inner: Asymptotic) -> Asymptotic:
        kind = f.func
        if kind in _BOUNDED:
            # Somewhere in a bounded interval, as large as that infinitely often.
            return number(arb(0, 2))
        sign = inner.sign()
        size = multiply(number(sign), inner)
        if kind == sympy.atan:
            # π/2 − arctan(1/y), y → ∞.
            small = composed(_taylor(kind, f, arb(0)), power(size, -1))
            return multiply(number(sign), add(number(arb.pi() / 2), multiply(number(-1), small)))
        if kind == sympy.erf:
            return add(number(sign), multiply(number(-sign), _erfc(size)))
        if kind == sympy.erfc:
            return _erfc(size) if sign > 0 else add(number(2), multiply(number(-1), _erfc(size)))
        raise UndecidedError(f"{f} where its argument grows without bound")


def _erfc(y: Asymptotic) -> Asymptotic:
    """e^{-y²}/(y√π) Σ (−1)^n (2n − 1)!!/(2y²)^n, y → ∞."""
    series = composed(lambda n: arb(math.prod(range(1, 2 * n, 2))) / (-2) ** n, power(y, -2))
    front = multiply(exponential(multiply(number(-1), power(y, 2))), power(y, -1))
    return multiply(multiply(front, number(1 / arb.pi().sqrt())), series)


def _value(constant: sympy.Expr) -> arb:
    try:
        value = ball_function(constant)(acb(0), False)
    except HypothesisError:
        near = sympy.N(constant, 80)
        if not near.is_real:
            raise UndecidedError(f"the constant {constant}") from None
        return arb(str(near))
    if not value.is_finite() or not value.imag.contains(0):
        raise UndecidedError(f"the constant {constant}")
    return value.real


def _limit(f: Asymptotic) -> arb:
    if f.zero or f.tendency() < 0:
        return arb(0)
    return f.leading()[2]


def _taylor(kind: Any, f: sympy.Expr, limit: arb) -> Callable[[int], arb]:
    """The Taylor coefficients of a function at a finite argument."""
    if kind in _ENTIRE:
        saved, ctx.cap = ctx.cap, ORDERS + 1
        try:
            coefficients = list(_ENTIRE[kind](arb_series([limit, 1], ORDERS + 1)))
        finally:
            ctx.cap = saved
        coefficients += [arb(0)] * (ORDERS + 1 - len(coefficients))
        if not all(c.is_finite() for c in coefficients):
            raise UndecidedError(f"{f}")
        return lambda k: coefficients[k]
    if kind not in _DIFFERENTIABLE:
        raise UndecidedError(f"{f}")
    derivative = f.func(*f.args[:-1], X)
    values: list[arb] = []
    for k in range(ORDERS + 1):
        if derivative.has(sympy.Derivative, sympy.Subs):
            raise UndecidedError(f"{f}")
        near = sympy.N(derivative.subs(X, sympy.Float(str(limit.mid().str(70, radius=False)), 75)), 60)
        if not near.is_real or not near.is_finite:
            raise UndecidedError(f"{f}")
        values.append(arb(str(near)) / sympy.factorial(k).p)
        derivative = sympy.diff(derivative, X)
    return lambda k: values[k]


# Smooth where their argument is inside their domain; SymPy knows the derivatives.
_DIFFERENTIABLE = (
    sympy.besselj,
    sympy.besseli,
    sympy.fresnels,
    sympy.fresnelc,
    sympy.asin,
    sympy.acos,
    sympy.erfinv,
    sympy.airyai,
    sympy.airybi,
    sympy.LambertW,
    sympy.Ci,
    sympy.Ei,
)


def _rounded(inner: Asymptotic, kind: Any) -> Asymptotic:
    if inner.tendency() > 0:
        return add(inner, number(arb(0, 1)))
    limit = _limit(inner)
    middle = limit.mid() + arb(0.5) if limit.contains_integer() else limit.mid()
    floor = middle.floor().unique_fmpz()
    assert floor is not None  # a midpoint is exact
    nearest = int(floor)
    if not limit.contains_integer():
        return number(nearest + (kind == sympy.ceiling))
    whole = add(inner, number(-nearest))
    below = not whole.zero and whole.sign() < 0
    up = not whole.zero and whole.sign() > 0
    return number(nearest - (1 if below and kind == sympy.floor else 0) + (1 if up and kind == sympy.ceiling else 0))
