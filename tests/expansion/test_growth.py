"""Growth bounds: above the function wherever one looks, and the tails they give above the true tails."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given, settings
from hypothesis import strategies as st

from hermite_eq.activations import activation, parse_expression, pieces, registered_names
from hermite_eq.activations.formulas.balls import working_precision
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
