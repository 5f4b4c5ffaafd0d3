r"""Values of an expression in double precision, each with a bound on what rounding did to it, and where that is much: from balls.

Every part u of the expression is computed as û together with a running bound e ≥ |û − u| to first order in ε:

.. math:: e_{u+v}=e_u+e_v+\varepsilon|u+v|,\quad e_{uv}=|v|e_u+|u|e_v+\varepsilon|uv|,\quad e_{f(u)}=|f'(u)|e_u+\varepsilon|f(u)|.

Where e exceeds some ε times the function's own size (its parts cancel), or a part overflows, the value is computed anew by ball
arithmetic, whose exponents have no limit, with as many bits as it takes. Where the expression has no value, as sin(x)/x at 0, its
limit is the value, if there is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np
import sympy
from flint import acb, arb
from numpy.typing import NDArray
from sympy.codegen.cfunctions import expm1, log1p
from sympy.codegen.numpy_nodes import logaddexp
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanFunction

from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.activations.formulas.rewriting import stable_form
from hermite_eq.arguments import shown
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

Array = NDArray[Any]
#: A part's values and the bounds of their errors.
_Tracked = tuple[Any, Any]
_EPS = float(np.finfo(float).eps)
#: Values whose bound is below so many ε of their size, or of the function's, stand. The bound is a worst case: errors are a third of it.
_ENOUGH = 16 * _EPS
_LEAST = float(np.finfo(float).smallest_normal)
#: Numbers treated at a time, so that the parts stay in the cache.
_BLOCK = 1 << 14
_PROBES = np.linspace(-5.03, 5.11, 41)
#: Working precisions, and what is rounded to 0 without asking whether it is 0.
_BITS = (128, 512, 2048, 8192)
_NEGLIGIBLE = arb(2) ** -1080


@lru_cache(maxsize=512)
def evaluator(expression: sympy.Expr) -> Callable[[Array], Array]:
    """``expression`` (no symbol but X) as a function of double-precision arrays."""
    # lambdify writes Python out of the expression, and the names in it as they are: a name that is an expression would be executed.
    for part in sympy.preorder_traversal(expression):
        name = getattr(part, "name", type(part).__name__)
        if not str(name).isidentifier():
            raise HypothesisError(
                "the names in an expression are identifiers",
                f"the name {shown(name)}",
                "put a function that SymPy knows in its place, with xreplace",
            )
    form = stable_form(expression)
    with np.errstate(all="ignore"):
        values = np.abs(np.broadcast_to(_tracked(form, _PROBES, {})[0], _PROBES.shape)) * np.exp(-np.square(_PROBES) / 4)
    finite = values[np.isfinite(values)]
    # What is far below the function's typical size need not be accurate relative to itself.
    size = float(finite.mean()) if finite.size else 0.0

    def block(x: Array) -> Array:
        value, error = _tracked(form, x, {})
        value = np.array(np.broadcast_to(value, x.shape))
        if np.iscomplexobj(value):
            return value
        poor = ~(error <= _ENOUGH * np.maximum(np.abs(value), size) + _LEAST) | ~np.isfinite(value)
        if np.any(poor):
            value[poor] = _by_balls(expression, x[poor], value[poor])
        return value

    def function(x: Array) -> Array:
        flat = np.asarray(x, dtype=float).ravel()
        with np.errstate(all="ignore"):
            parts = [block(flat[start : start + _BLOCK]) for start in range(0, max(flat.size, 1), _BLOCK)]
        return np.concatenate(parts).reshape(x.shape)

    return function


def _tracked(node: sympy.Expr, x: Array, memory: dict[sympy.Basic, _Tracked]) -> _Tracked:
    if node not in memory:
        memory[node] = _value(node, x, memory)
    return memory[node]


def _value(node: sympy.Expr, x: Array, memory: dict[sympy.Basic, _Tracked]) -> _Tracked:
    if node == X:
        return x, 0.0
    if not node.has(X):
        return _constant(node), 0.0
    affine = _affine(node)
    if affine is not None:
        # A rounded slope is a rounded x, whose effect belongs to the function and not to its evaluation. Near the zero the first sum
        # is exact, and what rounding takes from the constant comes to bear.
        slope, constant, rest = affine
        linear = slope * x
        if not constant:
            return linear, 0.0
        affine_value = linear + constant + rest if rest else linear + constant
        return affine_value, _EPS * np.minimum(np.abs(affine_value), abs(constant))
    if isinstance(node, sympy.Add):
        return _sum([part for summand in node.args for part in _summands(summand, x, memory)])
    if isinstance(node, sympy.Mul):
        return _product([_tracked(part, x, memory) for part in node.args])
    if isinstance(node, sympy.Piecewise):
        return _piecewise(node, x, memory)
    if isinstance(node, sympy.Max | sympy.Min):
        value, error = _tracked(node.args[0], x, memory)
        for part in node.args[1:]:
            other, bound = _tracked(part, x, memory)
            chosen = (other > value) if isinstance(node, sympy.Max) else (other < value)
            value, error = np.where(chosen, other, value), np.where(chosen, bound, error)
        return value, error
    if isinstance(node, sympy.Pow | sympy.exp):
        base, exponent = node.as_base_exp()
        if base == sympy.E:
            u, error = _tracked(exponent, x, memory)
            value = np.exp(u)
            return value, _propagated(u, value, value, 0.0 if exponent.is_Pow or (exponent.is_Mul and _monomial(exponent)) else error)
        return _power(base, exponent, x, memory)
    if isinstance(node, Relational | BooleanFunction):
        return _condition(node, x), 0.0
    arguments = [_tracked(part, x, memory) for part in node.args]
    values = [value for value, _ in arguments]
    call, slopes = _numpy_function(node.func, len(values))
    value = call(*values)
    error = 0.0
    if node.func in _EXACT:
        return value, arguments[0][1] if node.func is sympy.Abs else error
    for (u, bound), derivative in zip(arguments, slopes, strict=True):
        error = error + _propagated(u, value, derivative(*values, value) if np.any(bound) else 0.0, bound)
    return value, error


@lru_cache(maxsize=4096)
def _constant(node: sympy.Expr) -> Any:
    """The double nearest to a number: log(626/625) is rounded once, from its exact value."""
    number = node.evalf(20)
    return complex(number) if number.is_real is False else float(number)


@lru_cache(maxsize=4096)
def _affine(node: sympy.Expr) -> tuple[float, float, float] | None:
    """(a, b, b′) of a x + b + b′, b′ what rounding takes from the constant."""
    constant, rest = node.as_independent(X, as_Add=True) if isinstance(node, sympy.Add) else (sympy.Integer(0), node)
    factor, variable = rest.as_independent(X, as_Add=False) if isinstance(rest, sympy.Mul) else (sympy.Integer(1), rest)
    if variable != X or not (factor.is_real and constant.is_real):
        return None
    double = _constant(constant)
    return _constant(factor), double, _constant(constant - sympy.Rational(double)) if math.isfinite(double) else 0.0


@lru_cache(maxsize=4096)
def _monomial(node: sympy.Expr) -> bool:
    """Whether a node is a x^n, n > 0: its rounding is one of x, too."""
    variable = node.as_independent(X, as_Add=False)[1]
    return variable == X or (isinstance(variable, sympy.Pow) and variable.base == X and bool(variable.exp.is_positive))


def _propagated(u: Any, value: Any, slope: Any, bound: Any) -> Any:
    error = _EPS * np.abs(value)
    if not np.any(bound):
        return error
    share = np.where(bound == 0, 0.0, np.abs(slope) * bound)
    # At an overflow û = ±∞ a finite value is the limit, which u has reached.
    return error + np.where(np.isinf(u) & np.isfinite(value), 0.0, share)


def _summands(node: sympy.Expr, x: Array, memory: dict[sympy.Basic, _Tracked]) -> list[_Tracked]:
    """A summand; a multiple of whole numbers in two, that of the factor's leading 24 bits being exact: x − ⌊3x⌋/3 keeps its digits."""
    factor, whole = node.as_independent(X, as_Add=False)
    if whole.func not in (sympy.floor, sympy.ceiling) or not factor.is_real:
        return [_tracked(node, x, memory)]
    # Not by way of single precision, whose range is smaller.
    mantissa, exponent = math.frexp(_constant(factor))
    n, leading = _tracked(whole, x, memory)[0], math.ldexp(round(math.ldexp(mantissa, 24)), exponent - 24)
    parts = n * leading, n * _constant(factor - sympy.Rational(leading))
    return [(parts[0], np.where(np.abs(n) < 2.0**29, 0.0, _EPS * np.abs(parts[0]))), (parts[1], _EPS * np.abs(parts[1]))]


def _sum(parts: list[_Tracked]) -> _Tracked:
    """What rounding takes from the partial sums is computed (Knuth's two-sum) and put back."""
    value, error = parts[0]
    lost: Any = 0.0
    for other, bound in parts[1:]:
        total = value + other
        added = total - value
        if len(parts) > 2:
            lost = lost + ((value - (total - added)) + (other - added))
        value, error = total, error + bound
    value = np.where(np.isfinite(lost), value + lost, value) if len(parts) > 2 else value
    return value, error + _EPS * np.abs(value)


def _product(parts: list[_Tracked]) -> _Tracked:
    value, error = parts[0]
    for other, bound in parts[1:]:
        error = np.abs(other) * error + np.abs(value) * bound
        exact = any(np.ndim(factor) == 0 and abs(math.frexp(abs(factor))[0]) == 0.5 for factor in (value, other))
        value = value * other
        # A product that underflows is 0 up to the least number; one by a power of two is exact.
        error = error if exact else error + _EPS * np.abs(value)
    return value, error


def _power(base: sympy.Expr, exponent: sympy.Expr, x: Array, memory: dict[sympy.Basic, _Tracked]) -> _Tracked:
    b, bound = _tracked(base, x, memory)
    if not exponent.has(X):
        p = int(exponent) if exponent.is_Integer else _constant(exponent)
        value = b * b if p == 2 else np.sqrt(b) if p == 0.5 else np.asarray(b, float) ** p if not np.iscomplexobj(b) else b**p
        return value, _propagated(b, value, p * value / b if np.any(bound) else 0.0, bound)
    p, bound_p = _tracked(exponent, x, memory)
    value = np.asarray(b, float) ** p
    error = _EPS * np.abs(value)
    if np.any(bound):
        error = error + np.abs(p * value / b) * bound
    return value, error + np.abs(np.log(b) * value) * bound_p if np.any(bound_p) else error


def _piecewise(node: sympy.Piecewise, x: Array, memory: dict[sympy.Basic, _Tracked]) -> _Tracked:
    value, error = np.full(x.shape, np.nan), np.zeros(x.shape)
    open_ = np.ones(x.shape, bool)
    for branch, condition in node.args:
        holds = open_ & np.broadcast_to(_condition(condition, x), x.shape)
        open_ &= ~holds
        if np.any(holds):
            # Not where the branch does not hold: it may overflow there.
            part, bound = _tracked(branch, x[holds], {})
            if np.iscomplexobj(part):
                value = value.astype(complex)
            value[holds], error[holds] = part, bound
    return value, error


def _condition(condition: Any, x: Array) -> Array:
    if condition in (True, False, sympy.true, sympy.false):
        return np.full(x.shape, bool(condition))
    if isinstance(condition, Relational):
        left, right = (np.broadcast_to(_tracked(side, x, {})[0], x.shape) for side in (condition.lhs, condition.rhs))
        return np.asarray(_RELATIONS[condition.rel_op](left, right))
    parts = [_condition(part, x) for part in condition.args]
    if isinstance(condition, sympy.Not):
        return ~parts[0]
    if isinstance(condition, sympy.And):
        return np.asarray(np.logical_and.reduce(parts))
    return np.asarray(np.logical_or.reduce(parts))


_RELATIONS: dict[str, Callable[[Array, Array], Array]] = {
    ">": np.greater,
    ">=": np.greater_equal,
    "<": np.less,
    "<=": np.less_equal,
    "==": np.equal,
    "!=": np.not_equal,
}

#: Functions of one argument with their slopes, in terms of the argument and of the value.
_KNOWN: dict[Any, tuple[Callable[..., Any], Callable[[Any, Any], Any]]] = {
    sympy.log: (np.log, lambda u, v: 1 / u),
    log1p: (np.log1p, lambda u, v: 1 / (1 + u)),
    expm1: (np.expm1, lambda u, v: v + 1),
    sympy.sin: (np.sin, lambda u, v: np.cos(u)),
    sympy.cos: (np.cos, lambda u, v: np.sin(u)),
    sympy.tanh: (np.tanh, lambda u, v: 1 - v * v),
    sympy.sinh: (np.sinh, lambda u, v: np.cosh(u)),
    sympy.cosh: (np.cosh, lambda u, v: np.sinh(u)),
    sympy.atan: (np.arctan, lambda u, v: 1 / (1 + u * u)),
    sympy.asinh: (np.arcsinh, lambda u, v: 1 / np.hypot(1, u)),
    sympy.Abs: (np.abs, lambda u, v: 1.0),
    sympy.sign: (np.sign, lambda u, v: 0.0),
    sympy.floor: (np.floor, lambda u, v: 0.0),
    sympy.ceiling: (np.ceil, lambda u, v: 0.0),
    # |sinc'| < 1/2.
    sympy.sinc: (lambda u: np.sinc(u / math.pi), lambda u, v: 0.5),
}

#: Functions whose values are not rounded.
_EXACT = (sympy.Abs, sympy.sign, sympy.floor, sympy.ceiling)

#: Functions whose values are those of NumPy by this module's own tables.
FOLLOWED = frozenset({*_KNOWN, sympy.exp, sympy.Max, sympy.Min, sympy.Piecewise, sympy.Heaviside, sympy.erf, sympy.erfc})


@lru_cache(maxsize=128)
def _numpy_function(kind: Any, count: int) -> tuple[Callable[..., Any], list[Callable[..., Any]]]:
    """A function and the derivatives by its arguments, which are called with the arguments and the value."""
    if kind in _KNOWN:
        function, slope = _KNOWN[kind]
        return function, [slope]
    arguments = sympy.symbols(f"u:{count}", real=True)
    call = kind(*arguments)
    function = sympy.lambdify(arguments, call, ["scipy", "numpy"])
    if kind is logaddexp:
        return function, [lambda u, w, v: np.exp(u - v), lambda u, w, v: np.exp(w - v)]
    slopes = []
    for argument in arguments:
        try:
            derivative = sympy.lambdify((*arguments, "value"), call.diff(argument), ["scipy", "numpy"])
            derivative(*([0.5] * (count + 1)))
        except Exception:
            # SymPy differentiates, or NumPy has, no such function (sign's DiracDelta): the error of the argument is not followed.
            derivative = _flat
        slopes.append(derivative)
    return function, slopes


def _flat(*arguments: Any) -> float:
    return 0.0


def _by_balls(expression: sympy.Expr, x: Array, values: Array) -> Array:
    """The values at x, each the double nearest to it; what balls do not tell stays as it is in ``values``."""
    values = values.copy()
    waiting = [(i, place) for i, place in enumerate(x.tolist()) if math.isfinite(place)]
    singular, zero = [], arb(0)
    for bits in _BITS:
        unresolved = []
        with working_precision(bits):
            try:
                function = ball_function(expression)
            except HypothesisError:  # no ball arithmetic for a function of the expression
                return values
            for i, place in waiting:
                ball = function(acb(place), False)
                if not ball.is_finite():
                    singular.append((i, place))
                elif ball.imag.contains(zero):
                    real = ball.real
                    if real.rel_accuracy_bits() >= 64 or real.abs_upper() < _NEGLIGIBLE or bits == _BITS[-1]:
                        values[i] = float(real)
                    else:
                        unresolved.append((i, place))
        waiting = unresolved
    for i, place in singular:
        value = _limit(expression, place)
        if value is not None:
            values[i] = value
    return values


def _limit(expression: sympy.Expr, place: float) -> float | None:
    """The limit at a double, if values close by on both sides agree to half the digits of a double; else None."""
    with working_precision(2048):
        function, distance = ball_function(expression), arb(2) ** -600
        near = [function(acb(arb(place) + step * distance), False) for step in (-1, -0.5, 0.5, 1)]
        if not all(value.is_finite() and value.imag.contains(0) for value in near):
            return None
        spread = arb(2) ** -50 * arb.max(arb(1), abs(near[0].real))
        if all(bool(abs(value.real - near[0].real) < spread) for value in near):
            return float((near[1].real + near[2].real) / 2)
    return None


def nearest_double(number: Any) -> float:
    """The double nearest to a SymPy number (whose terms may cancel as they like); a float as it is.

    >>> nearest_double(sympy.sqrt(sympy.Integer(10) ** 40 + 1) - 10**20)
    5e-21
    """
    if not isinstance(number, sympy.Basic):
        return float(number)
    value = float(_by_balls(number, np.zeros(1), np.full(1, np.nan))[0])
    return float(number) if math.isnan(value) else value


def vanishes(number: sympy.Expr) -> bool:
    """Whether a SymPy number is zero, or terms of it cancel to 2,400 digits, which no closed form of this library does by chance.

    A proof by SymPy takes minutes where there are error functions.

    >>> vanishes(sympy.sqrt(2) * sympy.sqrt(3) - sympy.sqrt(6)), vanishes(sympy.exp(-1000))
    (True, False)
    """
    if number.is_Rational:
        return bool(number == 0)
    for bits in _BITS:
        with working_precision(bits):
            try:
                ball = ball_function(number)(acb(0), False)
            except HypothesisError:  # no ball arithmetic for a function of the number
                return bool(sympy.expand(number) == 0)
            if ball.is_finite() and not ball.contains(0):
                return False
    return True
