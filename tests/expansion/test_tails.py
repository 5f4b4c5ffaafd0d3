"""Tails: growth bounds above the function wherever one looks, and the tails they give above the true ones; the leading asymptotics of
c_k²/k! against the coefficients themselves.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from exact_cases import GELU, closed
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, cos, cosh, erf, exp, sin, sinh

from hermite_eq.activations import activation, parse_expression, pieces, registered_names
from hermite_eq.activations.formulas.balls import working_precision
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact import exact_coefficients, exact_inner, tail
from hermite_eq.expansion.growth import Growth, growth
from hermite_eq.hermite import X

FAR = np.array([1.0, 1.5, 2.0, 3.7, 6.0, 10.0, 20.0, 35.0])


def holds(bound: Growth, expression: sympy.Expr, side: int) -> bool:
    """|f| ≤ A|x|^p exp(q|x| + r x²), in logarithms so that nothing overflows, at points of the ray."""
    function = sympy.lambdify(X, expression, "mpmath")
    A, p, q, r = (float(part.upper()) for part in (bound.A, bound.p, bound.q, bound.r))
    for x in FAR[bound.start <= FAR]:
        value = abs(function(mpmath.mpf(side * x)))
        limit = mpmath.log(A) + p * mpmath.log(x) + q * x + r * x * x
        # mpmath's and the bound's own rounding.
        if value and mpmath.log(value) > limit + 1e-9:
            return False
    return True


EXPRESSIONS = [
    "x^3*exp(-x^2)",
    "exp(x/2 - x^2/8)*cosh(x)",
    "log(1 + x^2)*sqrt(1 + x^2)",
    "(1 + abs(x))^(3/2)",
    "1/(1 + exp(-x)) - tanh(x)/(2 + sin(x))",
    "asinh(x)*erfc(x)",
    "max(x, exp(x))*min(x, 1)",
    "log(2 + exp(x^2))",
    "sinh(x)/cosh(2)",
    "x^2*exp(-abs(x))",
    "sech(x)*x - sinc(x)",
    "(x^2 + 1)^(-1/2)",
    "asin(sin(5*x)) + x*acos(cos(x))",
    "exp(6*x*tanh(x) - 36)",
    "exp(-x^2/2 + x*tanh(x))",
]


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_the_bound_is_above_the_function(text: str, side: int) -> None:
    expression = parse_expression(text)
    with working_precision(64):
        assert holds(growth(expression, side, 1), expression, side)


@pytest.mark.parametrize("name", registered_names())
def test_every_activation_has_a_bound_without_its_constant(name: str) -> None:
    parts = pieces(activation(name).expression)
    with working_precision(64):
        for side, part in ((-1, parts[0]), (1, parts[-1])):
            bound = growth(part.expression, side, 6)
            assert holds(bound, part.expression, side)
            # Nothing in the table but exp grows faster than a cubic.
            assert bool(bound.q <= (1 if name == "exp" else 0)) or bool(bound.r < 0)
            assert bool(bound.p <= 3)


atoms = st.sampled_from([X, -X, X**2 - 1, 2 * X + 1, sympy.exp(X / 3), sympy.exp(-(X**2) / 4 + X), sympy.sin(X), 1 / (1 + sympy.exp(-X))])
compound = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.builds(lambda f, g: f + g, inner, inner),
        st.builds(lambda f, g: f * g, inner, inner),
        inner.map(sympy.Abs),
        inner.map(sympy.tanh),
        inner.map(lambda f: sympy.log(1 + f**2)),
        inner.map(lambda f: sympy.sqrt(1 + f**2)),
        inner.map(lambda f: 1 / (1 + f**2)),
        st.builds(sympy.Max, inner, inner),
    ),
    max_leaves=4,
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(compound, st.sampled_from([-1, 1]))
def test_the_rules_compose(expression: sympy.Expr, side: int) -> None:
    with working_precision(64):
        assert holds(growth(expression, side, 1), expression, side)


@pytest.mark.parametrize(("degree", "T"), [(0, 2.0), (1, 3.0), (5, 4.0), (12, 6.0), (20, 7.0)])
def test_the_tail_bound_is_above_the_tail_and_close_to_it(degree: int, T: float) -> None:
    """f = 3 x e^{x/2}: the bound against mpmath's integral of |f He_k| φ beyond T."""
    with working_precision(80):
        bound = float(growth(3 * X * sympy.exp(X / 2), 1, 1).tail(degree, arb(T)))
    he = sympy.lambdify(X, abs(sympy.hermite_prob(degree, X)), "mpmath")
    true = float(mpmath.quad(lambda x: 3 * x * mpmath.exp(x / 2) * he(x) * mpmath.npdf(x), [T, T + 2, T + 5, T + 15]))
    assert true <= bound
    # x^k for He_k loses at most e^{k²/T²}; the linear bound of the concave exponent a factor 3 where −G' ≥ 1/2.
    assert bound <= 3 * true * np.exp(degree**2 / T**2)


def test_no_bound_is_infinite_and_not_wrong() -> None:
    with working_precision(64):
        line = growth(X, 1, 1)
        assert not line.tail(20, arb(6)).is_finite()  # 36 < 2·20 + 1: a zero of He_20 may lie beyond
        assert not line.tail(0, arb(0.5)).is_finite()  # before the ray starts
        assert not growth(sympy.exp(X**2), 1, 1).tail(0, arb(50)).is_finite()


@cache
def _exact(expr: sympy.Expr, degree: int) -> tuple[sympy.Expr, ...]:
    return closed(exact_coefficients(expr, degree))


def ratios(expr: sympy.Expr, leading: sympy.Expr, k: sympy.Symbol, degrees: range, last: int = 0) -> list[float]:
    """c_k²/k! divided by the claimed leading term; the coefficients to the degree ``last`` once for all claims."""
    c = _exact(expr, max(last, degrees[-1]))
    claim = sympy.lambdify(k, leading, "mpmath")
    with mpmath.workdps(30):
        return [float(mpmath.mpf(c[j].evalf(30)) ** 2 / mpmath.factorial(j) / claim(mpmath.mpf(j))) for j in degrees]


def phase_mean(values: list[float], degrees: range) -> float:
    """The mean over the phase θ = √k a: weights dθ ∝ dk/√k, tapered so that incomplete turns at the "
    "ends do not count."""
    first, last = math.sqrt(degrees[0]), math.sqrt(degrees[-1])
    weights = [math.sin(math.pi * (math.sqrt(k) - first) / (last - first)) ** 2 / math.sqrt(k) for k in degrees]
    return math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(weights)


# No phase but the parity of k: the mean over two neighbours is 1 + O(1/k).
PARITY_ONLY = [
    (Max(X, 0), "algebraic", -Rational(5, 2)),
    (Abs(X), "algebraic", -Rational(5, 2)),
    (sympy.sign(X), "algebraic", -Rational(3, 2)),
    (Heaviside(X), "algebraic", -Rational(3, 2)),
    (Max(X, 0) ** 2, "algebraic", -Rational(7, 2)),
    (Piecewise((X, X > 0), (exp(X) - 1, True)), "algebraic", -Rational(7, 2)),
    (exp(-Abs(X)), "algebraic", -Rational(5, 2)),
    (erf(X), "geometric", -Rational(3, 2)),
    (GELU, "geometric", -Rational(1, 2)),
    (exp(-(X**2) / 2), "geometric", -Rational(1, 2)),
    (X * exp(X**2 / 8), "geometric", Rational(1, 2)),
    (sympy.diff(GELU, X), "geometric", Rational(1, 2)),
    (X**2 * erf(X) + 3 * X * exp(-(X**2)), "geometric", Rational(1, 2)),
]


def shrinks(errors: list[float], factor: float) -> bool:
    """Whether a relative error C/k falls by ``factor`` whenever k grows so; 1.2 leaves room for the next order.

    With a wrong constant the error does not fall from some k on; with a wrong exponent it grows.
    """
    return all(later * factor < 1.2 * earlier for earlier, later in itertools.pairwise(errors))


def parity_errors(expr: sympy.Expr, leading: sympy.Expr, k: sympy.Symbol) -> list[float]:
    return [abs(sum(ratios(expr, leading, k, range(first, first + 2), 321)) / 2 - 1) for first in (20, 80, 320)]


@pytest.mark.parametrize(("expr", "kind", "exponent"), PARITY_ONLY, ids=str)
def test_leading_term_and_its_rate(expr: Any, kind: Any, exponent: Any) -> None:
    term = closed(tail(expr))
    assert (term.kind, term.exponent, term.oscillates) == (kind, exponent, True)
    assert shrinks(parity_errors(expr, term.leading, term.k), 4)
    for wrong in (Rational(105, 100), Rational(95, 100), sympy.sqrt(term.k)):
        assert not shrinks(parity_errors(expr, term.leading * wrong, term.k), 4)


# Kinks away from 0 turn the phase; a breakpoint a turns it |a|(√K₂ − √K₁)/π times.
TURNING = [
    Max(-3, Min(3, X)),
    X * Min(Max(X + 3, 0), 6) / 6,
    Max(X - 2, 0),
    Heaviside(X - 2) - 2 * Heaviside(X + 3),
    erf(X + 2),
]


@pytest.mark.parametrize("expr", TURNING, ids=str)
def test_mean_over_the_phase(expr: Any) -> None:
    term = closed(tail(expr))
    # The windows are centred, in √k, at √100 and √225.
    windows = (range(25, 226), range(100, 401))
    values = [ratios(expr, term.leading, term.k, window, 400) for window in windows]
    means = [phase_mean(value, window) for value, window in zip(values, windows, strict=True)]
    assert shrinks([abs(mean - 1) for mean in means], 2.25)
    for wrong in (1.06, 0.94):
        assert not shrinks([abs(mean / wrong - 1) for mean in means], 2.25)


@pytest.mark.parametrize(
    ("expr", "oscillates"),
    [(exp(X), False), (sin(2 * X), True), (cosh(X) + sin(X), True), (exp(-X / 2), False)],
    ids=str,
)
def test_exponentials_are_their_own_tail(expr: Any, oscillates: Any) -> None:
    term = closed(tail(expr))
    assert (term.kind, term.ratio, term.oscillates) == ("factorial", 0, oscillates)
    values = ratios(expr, term.leading, term.k, range(20, 24))
    # An exact formula in 30-digit arithmetic, converted to a float.
    assert abs(sum(values) / 4 - 1) < 4 * 2.0**-52


def test_polynomial_factor_of_an_exponential() -> None:
    expr = X**2 * exp(2 * X)
    term = closed(tail(expr))
    assert (term.kind, term.exponent) == ("factorial", 4)
    errors = [abs(ratios(expr, term.leading, term.k, range(k, k + 1))[0] - 1) for k in (60, 240)]
    assert shrinks(errors, 4)


def test_polynomials_end() -> None:
    term = closed(tail(X**3 + 1))
    assert (term.kind, term.leading) == ("finite", 0)
    assert set(closed(exact_coefficients(X**3 + 1, 8))[4:]) == {0}


@pytest.mark.parametrize("expr", [Max(X, 0), sympy.sign(X), Abs(X) + X], ids=str)
def test_residual(expr: Any) -> None:
    term = closed(tail(expr))
    errors = []
    for r in (40, 160):
        c = closed(exact_coefficients(expr, r))
        rest = closed(exact_inner(expr, expr)) - sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c))
        errors.append(abs(float(rest.evalf(30) / term.residual2.subs(term.k, r).evalf(30)) - 1))
    # Sum against integral, half a step of an alternating-parity sum: relative order 1/r.
    assert shrinks(errors, 4)


def test_residual_of_an_entire_function_is_refused() -> None:
    with pytest.raises(HypothesisError) as raised:
        _ = closed(tail(sin(X))).residual2
    assert str(raised.value) == (
        "the residual averages over the phase; found a factorial tail. Repair: sum the first terms c_k²/k! beyond r"
    )


def test_parameters_survive() -> None:
    a = sympy.Symbol("a", positive=True)
    term = closed(tail(Max(X - a, 0)))
    assert term.leading.subs(a, 2) == closed(tail(Max(X - 2, 0))).leading
    assert closed(tail(erf(a * X))).ratio == 2 * a**2 / (2 * a**2 + 1)


def test_a_kink_at_an_algebraic_point_is_no_jump() -> None:
    # The breakpoints are radicals at which the function is continuous only after simplification.
    assert closed(tail(Max(X**4 - 3 * X**2 + 1, 0))).exponent == -Rational(5, 2)
    assert closed(tail(Max(X**3 - 2, 0))).exponent == -Rational(5, 2)


def test_unknown_tails_are_none() -> None:
    assert tail(sympy.tanh(X)) is None
    assert tail(cos(5 * X) * exp(-(X**2))) is None
    assert tail(GELU**2) is None
    omega, nu = sympy.symbols("omega nu", positive=True)
    # Which of two waves is faster is not decided.
    assert tail(sin(omega * X) + sin(nu * X)) is None
    assert closed(tail(sinh(X))).kind == "factorial"
