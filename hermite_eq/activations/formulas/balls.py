r"""Ball arithmetic for SymPy expressions: from an expression in X to a function of complex balls.

Rationals stay exact until they are rounded, outwards, to the working precision (``sympy.lambdify`` would make 1/3 the double
nearest to it, and a 200-bit ball around that excludes 1/3). With ``analytic=True`` a value is finite only if the expression is
analytic on the whole ball: branch cuts and the switches of Abs, Max, Piecewise … yield NaN when the ball meets them, which is what
the error bounds of quadrature in the complex plane presuppose.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import sympy
from flint import acb, arb, ctx, fmpq
from sympy.core.relational import Equality, GreaterThan, LessThan, Relational, StrictGreaterThan, StrictLessThan, Unequality
from sympy.polys.rootoftools import ComplexRootOf

from hermite_eq.activations.formulas.removable import near_removable, removable_points
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

Ball = Callable[[acb, bool], acb]

_LOCK = threading.RLock()


@contextmanager
def working_precision(bits: int) -> Iterator[None]:
    """Arb's precision is one global number: set within the block, restored after it, one thread at a time."""
    with _LOCK, ctx.workprec(bits):
        yield


def bits_for(digits: int) -> int:
    """Bits that hold ``digits`` decimals."""
    return int(digits * 3.3219280948873626) + 1


_NAN = acb(arb.nan(), arb.nan())


def _meets_imaginary_cuts(z: acb) -> bool:
    """Whether z may touch {iy : |y| ≥ 1}, the cuts of atan."""
    return bool(z.real.contains(0)) and not bool(abs(z.imag) < 1)


def _everywhere(function: Callable[[acb], acb]) -> Ball:
    return lambda z, analytic: function(z)


def _atan(z: acb, analytic: bool) -> acb:
    return _NAN if analytic and _meets_imaginary_cuts(z) else z.atan()


# Meromorphic: at a pole Arb's own result is not finite.
_MEROMORPHIC: dict[Any, Callable[[acb], acb]] = {
    sympy.sin: acb.sin,
    sympy.cos: acb.cos,
    sympy.tan: acb.tan,
    sympy.cot: acb.cot,
    sympy.sec: acb.sec,
    sympy.csc: acb.csc,
    sympy.sinh: acb.sinh,
    sympy.cosh: acb.cosh,
    sympy.coth: acb.coth,
    sympy.sech: acb.sech,
    sympy.csch: acb.csch,
    sympy.erf: acb.erf,
    sympy.erfc: acb.erfc,
    sympy.erfi: acb.erfi,
    sympy.sinc: acb.sinc,
    sympy.gamma: acb.gamma,
    sympy.Si: acb.si,
    sympy.Shi: acb.shi,
    sympy.fresnels: lambda z: z.fresnel_s(),
    sympy.fresnelc: lambda z: z.fresnel_c(),
}


def _tanh(z: acb, analytic: bool) -> acb:
    value = z.tanh()
    if value.is_finite():
        return value
    # On wide balls Arb's tanh gives up before 1 − 2/(1 + e^{2z}) does.
    return 1 - 2 / (1 + (2 * z).exp())


def _asinh(z: acb, analytic: bool) -> acb:
    # log(z + √(1 + z²)), to the right of the imaginary axis, where nothing cancels; Arb's own asinh is not finite on wide balls.
    w = -z if z.real < 0 else z
    value = (w + (1 + w * w).sqrt(analytic=analytic)).log(analytic=analytic)
    return -value if z.real < 0 else value


def _asin(z: acb, analytic: bool) -> acb:
    if not analytic:
        return z.asin()
    # −i log(iw + √(1 − w²)), w = ±z below the real line, where nothing cancels.
    w = -z if z.imag > 0 else z
    value = (acb(0, 1) * w + (1 - w * w).sqrt(analytic=True)).log(analytic=True) * acb(0, -1)
    return -value if z.imag > 0 else value


def _erfinv(z: acb, analytic: bool) -> acb:
    """By Newton's method in balls: if w₀ − (erf w₀ − Z)/erf'(W) lies within W, every ζ in Z has exactly one w in W with erf w = ζ.

    Z is centred on the real line, so that these w continue the real branch.
    """
    if z.imag == 0:
        return acb(z.real.erfinv())
    around = acb(z.real, arb(0, abs(z.imag).upper()))
    start = acb(z.real.mid().erfinv().mid())
    slope = 2 / arb.pi().sqrt()
    reach = abs((start.erf() - around) / (slope * (-start * start).exp())).upper()
    for widening in (1.25, 2.0, 4.0):
        box = start + acb(arb(0, reach * widening), arb(0, reach * widening))
        image = start - (start.erf() - around) / (slope * (-box * box).exp())
        if image.is_finite() and box.contains_interior(image):
            return image
    return _NAN


_FUNCTIONS: dict[Any, Ball] = {
    **{name: _everywhere(function) for name, function in _MEROMORPHIC.items()},
    sympy.tanh: _tanh,
    sympy.log: lambda z, analytic: z.log(analytic=analytic),
    sympy.atan: _atan,
    sympy.asinh: _asinh,
    sympy.asin: _asin,
    sympy.acos: lambda z, analytic: arb.pi() / 2 - _asin(z, analytic),
    sympy.Abs: lambda z, analytic: z.real_abs(analytic=analytic),
    sympy.sign: lambda z, analytic: z.real_sgn(analytic=analytic),
    # Heaviside(x) and Heaviside(x, 1/2) differ at one point, a null set.
    sympy.floor: lambda z, analytic: z.real_floor(analytic=analytic),
    sympy.ceiling: lambda z, analytic: z.real_ceil(analytic=analytic),
    sympy.erfinv: _erfinv,
    sympy.Heaviside: lambda z, analytic: z.real_heaviside(analytic=analytic),
}

_CONSTANTS: dict[Any, Callable[[], acb]] = {
    sympy.pi: lambda: acb(arb.pi()),
    sympy.E: lambda: acb(arb.const_e()),
    sympy.EulerGamma: lambda: acb(arb.const_euler()),
    sympy.Catalan: lambda: acb(arb.const_catalan()),
    sympy.GoldenRatio: lambda: acb((1 + arb(5).sqrt()) / 2),
}


_SWITCHES = (sympy.Abs, sympy.sign, sympy.Heaviside, sympy.Max, sympy.Min, sympy.Piecewise, sympy.floor, sympy.ceiling)
#: Functions with poles as quotients of entire ones.
_QUOTIENTS: dict[Any, Callable[[sympy.Expr], sympy.Expr]] = {
    sympy.cot: lambda u: sympy.cos(u) / sympy.sin(u),
    sympy.csc: lambda u: 1 / sympy.sin(u),
    sympy.coth: lambda u: sympy.cosh(u) / sympy.sinh(u),
    sympy.csch: lambda u: 1 / sympy.sinh(u),
}


def ball_function(expression: sympy.Expr) -> Ball:
    """``expression`` as a function (z, analytic) of complex balls, for the working precision of this moment.

    Raises
    ------
    HypothesisError
        Naming the function for which there is no ball arithmetic here.
    """
    return _compiled(expression, ctx.prec)


@lru_cache(maxsize=1024)
def _compiled(expression: sympy.Expr, precision: int) -> Ball:
    if isinstance(expression, sympy.Symbol):
        if expression == X:
            return lambda z, analytic: z
        raise HypothesisError(
            "an enclosure needs numbers for every parameter", f"the free parameter {expression}", f"substitute {expression} first"
        )
    function = _built(expression, precision)
    if expression.has(X):
        return function
    value = function(acb(0), False)
    if not value.imag.contains(0):
        raise HypothesisError("an activation is real-valued on the real line", f"the constant {expression}", "take the real part")
    # The imaginary unit is not among the constants: every function built here obeys f(conj z) = conj f(z) off its cuts.
    return lambda z, analytic: value


def _built(expression: sympy.Expr, precision: int) -> Ball:
    if isinstance(expression, sympy.Rational | sympy.Float):
        exact = sympy.Rational(expression)
        number = acb(arb(fmpq(int(exact.p), int(exact.q))))
        return lambda z, analytic: number
    if isinstance(expression, ComplexRootOf) and expression.is_real:
        width = sympy.Rational(1, 2**precision)
        near = expression.eval_rational(width)
        root = acb(arb(fmpq(int(near.p), int(near.q))) + arb(0, arb(2) ** -precision))
        return lambda z, analytic: root
    if expression in _CONSTANTS:
        constant = _CONSTANTS[expression]()
        return lambda z, analytic: constant
    if isinstance(expression, sympy.Add | sympy.Mul):
        return _chain(expression, precision)
    if isinstance(expression, sympy.Pow | sympy.exp):
        return _power(expression, precision)
    if isinstance(expression, sympy.Max | sympy.Min):
        return _extreme(expression, precision)
    if isinstance(expression, sympy.Piecewise):
        return _piecewise(expression, precision)
    if isinstance(expression, sympy.besselj | sympy.besseli) and expression.order.is_Integer:
        return _bessel(expression, precision)
    if isinstance(expression, sympy.re | sympy.im) and not expression.has(X):
        return _complex_part(expression, precision)
    function = _FUNCTIONS.get(expression.func)
    if function is None:
        raise _unsupported(expression)
    argument = _compiled(expression.args[0], precision)
    return lambda z, analytic: function(argument(z, analytic), analytic)


def _bessel(expression: sympy.Expr, precision: int) -> Ball:
    """J_n and I_n of integer order, which are entire."""
    order, argument = acb(int(expression.order)), _compiled(expression.argument, precision)
    if isinstance(expression, sympy.besselj):
        return lambda z, analytic: argument(z, analytic).bessel_j(order)
    return lambda z, analytic: argument(z, analytic).bessel_i(order)


def _complex_part(expression: sympy.Expr, precision: int) -> Ball:
    """The real or imaginary part of a function at a complex number, as an error function at the end of an oscillation leaves it."""
    (inner,) = expression.args
    function = _FUNCTIONS.get(inner.func)
    if function is None:
        raise _unsupported(expression)
    parts = inner.args[0].as_real_imag()
    whole = function(acb(*(_compiled(part, precision)(acb(0), False).real for part in parts)), False)
    value = acb(whole.real if isinstance(expression, sympy.re) else whole.imag)
    return lambda z, analytic: value


def _unsupported(expression: sympy.Basic) -> HypothesisError:
    return HypothesisError(
        "an enclosure needs ball arithmetic for every function of the expression",
        f"{expression.func.__name__} in {expression}",
        "rewrite it in elementary functions, or use the double-precision coefficients np.asarray(coefficients(…))",
    )


def _chain(expression: sympy.Expr, precision: int) -> Ball:
    """A sum or a product, its constants gathered first."""
    is_sum = isinstance(expression, sympy.Add)
    constant, dependent = expression.as_independent(X, as_Add=is_sum)
    if not expression.has(X):
        constant, dependent = sympy.Integer(0 if is_sum else 1), expression
    terms = [_compiled(term, precision) for term in (dependent.args if dependent.func == expression.func else (dependent,))]
    first, rest = terms[0], terms[1:]
    trivial = constant == (0 if is_sum else 1)
    start = None if trivial else _compiled(constant, precision)(acb(0), False)

    def total(z: acb, analytic: bool) -> acb:
        value = first(z, analytic)
        for term in rest:
            value = value + term(z, analytic)
        return value if start is None else value + start

    def product(z: acb, analytic: bool) -> acb:
        value = first(z, analytic)
        for term in rest:
            value = value * term(z, analytic)
        return value if start is None else value * start

    plain = total if is_sum else product
    return _across_removable(plain, expression, precision) if expression.has(X) else plain


def _across_removable(plain: Ball, expression: sympy.Expr, precision: int) -> Ball:
    """``plain``, and across the removable singularities of ``expression`` its analytic continuation."""
    whole = expression.replace(lambda part: part.func in _QUOTIENTS, lambda part: _QUOTIENTS[part.func](part.args[0]))
    numerator, denominator = sympy.fraction(sympy.together(whole) if isinstance(expression, sympy.Add) else whole, exact=True)
    if not denominator.has(X) or denominator.has(*_SWITCHES) or numerator.has(*_SWITCHES):
        return plain
    removable = removable_points(numerator, denominator)
    if not removable:
        return plain
    points = [
        (_compiled(point.place, precision)(acb(0), False), point.order, _compiled(point.limit, precision)(acb(0), False))
        for point in removable
    ]
    top, bottom = _compiled(numerator, precision), _compiled(denominator, precision)

    def value(z: acb, analytic: bool) -> acb:
        direct = plain(z, analytic)
        if direct.is_finite():
            return direct
        for point in points:
            # A neighbour of x₀ is within reach of its disc, too.
            if abs(z - point[0]) < 4 or z.contains(point[0]):
                ball = near_removable(top, bottom, point, z)
                if ball is not None:
                    return ball
        return direct

    return value


def _power(expression: sympy.Pow, precision: int) -> Ball:
    power_of, exponent = expression.as_base_exp()
    if power_of == sympy.E:
        argument = _compiled(exponent, precision)
        return lambda z, analytic: argument(z, analytic).exp()
    base = _compiled(power_of, precision)
    if isinstance(exponent, sympy.Integer):
        n = int(exponent)
        if n == -1:
            return lambda z, analytic: 1 / base(z, analytic)
        return lambda z, analytic: base(z, analytic) ** n
    if exponent == sympy.Rational(1, 2):
        return lambda z, analytic: base(z, analytic).sqrt(analytic=analytic)
    if exponent == sympy.Rational(-1, 2):
        return lambda z, analytic: 1 / base(z, analytic).sqrt(analytic=analytic)
    power = _compiled(exponent, precision)
    if exponent.is_Rational and exponent > 0:
        return lambda z, analytic: _root(base(z, analytic), power(z, analytic), analytic)
    return lambda z, analytic: base(z, analytic).pow(power(z, analytic), analytic=analytic)


def _root(z: acb, exponent: acb, analytic: bool) -> acb:
    """z^s, s > 0, also on balls around 0, where the logarithm is not finite: |z^s| = |z|^s."""
    if analytic or not z.contains(0) or z == 0:
        return z.pow(exponent, analytic=analytic)
    size = (z.abs_upper() ** exponent.real).upper()
    return acb(arb(0, size), arb(0, size))


def _extreme(expression: sympy.Expr, precision: int) -> Ball:
    parts = [_compiled(part, precision) for part in expression.args]
    choose = acb.real_max if isinstance(expression, sympy.Max) else acb.real_min

    def value(z: acb, analytic: bool) -> acb:
        best = parts[0](z, analytic)
        for part in parts[1:]:
            best = choose(best, part(z, analytic), analytic=analytic)
        return best

    return value


Decision = Callable[[acb, bool], "bool | None"]


def _piecewise(expression: sympy.Piecewise, precision: int) -> Ball:
    branches = [(_compiled(value, precision), _decision(condition, precision)) for value, condition in expression.args]

    def value(z: acb, analytic: bool) -> acb:
        possible: acb | None = None
        for branch, decide in branches:
            decision = decide(z, analytic)
            if decision is None and analytic:
                return _NAN
            if decision is False:
                continue
            here = branch(z, analytic)
            possible = here if possible is None else possible.union(here)
            if decision:
                return possible
        return _NAN

    return value


def _decision(condition: Any, precision: int) -> Decision:
    """A condition as True, False, or None where the ball does not decide it."""
    if condition in (True, False, sympy.true, sympy.false):
        constant = bool(condition)
        return lambda z, analytic: constant
    if isinstance(condition, Relational):
        return _relation(condition, precision)
    parts = [_decision(part, precision) for part in condition.args]
    if isinstance(condition, sympy.Not):
        return lambda z, analytic: None if (branch := parts[0](z, analytic)) is None else not branch
    if isinstance(condition, sympy.And | sympy.Or):
        absorbing = isinstance(condition, sympy.Or)

        def decide(z: acb, analytic: bool) -> bool | None:
            truths = [part(z, analytic) for part in parts]
            if absorbing in truths:
                return absorbing
            return None if None in truths else not absorbing

        return decide
    raise _unsupported(condition)


def _relation(relation: Relational, precision: int) -> Decision:
    difference = _compiled(relation.lhs - relation.rhs, precision)
    outcomes: dict[Any, tuple[bool, bool]] = {
        StrictGreaterThan: (True, False),
        GreaterThan: (True, False),
        StrictLessThan: (False, True),
        LessThan: (False, True),
        Equality: (False, False),
        Unequality: (True, True),
    }
    positive, negative = outcomes[relation.func]

    def decide(z: acb, analytic: bool) -> bool | None:
        value = difference(z, analytic).real
        if value > 0:
            return positive
        if value < 0:
            return negative
        return None

    return decide
