"""coefficients(sigma): the views of one expansion agree with one another, for the table and for random expressions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from exact_cases import closed
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Rational, pi, sqrt

from hermite_eq.activations import activation
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import HermiteExpansion, coefficients
from hermite_eq.expansion.exact import general_coefficient, tail
from hermite_eq.hermite import X

EPS = float(np.finfo(float).eps)


def test_relu_exactly() -> None:
    c = coefficients("relu", 4)
    assert c.c == (1 / sqrt(2 * pi), Rational(1, 2), 1 / sqrt(2 * pi), 0, -1 / sqrt(2 * pi))
    assert c.norm2 == Rational(1, 2)
    assert sympy.expand(c.residual(1) ** 2 - (Rational(1, 4) - 1 / (2 * pi))) == 0
    assert c.method == "exact"


def test_the_sequence_protocol() -> None:
    c = coefficients("relu", 4)
    assert len(c) == 5
    assert tuple(c) == c.c == c.exact
    assert c[-1] == c[4]
    with pytest.raises(IndexError):
        c[5]
    assert str(c) == "relu: c_0 … c_4 (exact)"
    assert str(coefficients("tanh", 2)) == "tanh: c_0 … c_2 (quadrature)"


def test_views_in_other_conventions() -> None:
    exact = coefficients("square", 2)
    assert exact.orthonormal == (1, 0, sqrt(2))
    assert exact.weights == (1, 0, 1)
    c = coefficients("tanh", 5)
    k = np.arange(6)
    factorial = np.array([math.factorial(j) for j in k])
    assert np.allclose(c.orthonormal, c.estimate.values, rtol=8 * EPS, atol=0)
    assert np.allclose(c.weights, np.asarray(c) / factorial, rtol=8 * EPS, atol=0)


def test_arrays_are_new_and_of_the_type_asked_for() -> None:
    c = coefficients("relu", 3)
    first = np.asarray(c)
    first[0] = 7
    assert np.asarray(c)[0] != 7
    assert np.asarray(c, dtype=np.float32).dtype == np.float32
    with pytest.raises(ValueError, match="the array of an expansion is always a new one"):
        np.array(c, copy=False)


def test_expansions_of_equal_activations_are_equal() -> None:
    assert coefficients("relu", 3) == coefficients("relu", 3)
    assert coefficients("relu", 3) != coefficients("relu", 4)
    assert hash(coefficients(sympy.tanh(X), 3)) == hash(coefficients(sympy.tanh(X), 3))


@pytest.mark.parametrize("degree", [-1, 1.5, "3", True, None])
def test_a_degree_is_a_non_negative_integer(degree: object) -> None:
    with pytest.raises(HypothesisError, match=r"degree is a non-negative integer; found degree="):
        coefficients("relu", degree)  # type: ignore[arg-type]


def test_beyond_the_degree_is_refused() -> None:
    c = coefficients("relu", 3)
    for ask, name in ((c.residual, "r"), (c.enclosure, "k"), (c.residual_enclosure, "r")):
        with pytest.raises(HypothesisError) as raised:
            ask(4)
        assert str(raised.value) == (
            f"{name} is at most the degree of the expansion; found {name}=4 > degree=3. Repair: ask for coefficients(…, degree=4)"
        )


def test_parameters_have_an_exact_view_and_no_numeric_one() -> None:
    a = sympy.Symbol("a", positive=True)
    c = coefficients(X * sympy.exp(-a * X), 2)
    assert sympy.simplify(c[1] - (1 + a**2) * sympy.exp(a**2 / 2)) == 0
    with pytest.raises(HypothesisError, match="values need numbers for every parameter; found the free parameters a"):
        np.asarray(c)
    with pytest.raises(HypothesisError, match="values need numbers for every parameter; found the free parameters a"):
        c.enclosure(1)
    assert float(coefficients(closed(c.activation.expression).subs(a, Rational(1, 2)), 2).enclosure(1, 15)) == pytest.approx(
        float(c[1].subs(a, Rational(1, 2))), rel=4 * EPS
    )


def test_kinks_of_a_callable_are_declared() -> None:
    c = coefficients(lambda x: np.maximum(x - 0.3, 0), 8, kinks=[0.3])
    reference = coefficients("max(x - 0.3, 0)", 8)
    assert c.method == "quadrature"
    assert c.exact is c.general is c.tail is None
    # The double 0.3 is 1e-17 from 3/10: the function itself moves by as much.
    assert np.all(np.abs(np.asarray(c) - np.asarray(reference)) <= c.errors + reference.errors)
    with pytest.raises(HypothesisError, match="kinks are in increasing order"):
        coefficients(np.abs, kinks=[1, 0])


def test_general_and_tail_are_the_exact_engines() -> None:
    c = coefficients("relu", 6)
    assert c.general == general_coefficient(c.activation.expression)
    assert c.tail == tail(c.activation.expression)
    assert coefficients("tanh").general is coefficients("tanh").tail is None


def test_tex_and_table() -> None:
    c = coefficients("relu", 2)
    assert c.latex().startswith(r"\sigma(x) = ")
    assert r"\mathrm{He}_{2}" in c.latex()
    assert c.latex().endswith(r" + \cdots")
    assert c._repr_latex_() == f"$\\displaystyle {c.latex()}$"
    table = c.to_dataframe()
    assert list(table.columns) == ["exact", "c", "error", "orthonormal", "weight", "residual"]
    assert list(table["exact"]) == list(c.c)
    assert np.array_equal(table["c"], np.asarray(c))
    assert list(coefficients("tanh", 1).to_dataframe()["exact"]) == [None, None]


def test_residual_of_a_polynomial_ends_at_zero() -> None:
    c = coefficients("hermite3", 4)
    assert [c.residual(r) for r in (2, 3, 4)] == [sqrt(6), 0, 0]


def test_a_small_residual_keeps_its_digits_in_double_precision() -> None:
    # The difference of squares would leave √eps = 1e-8; the norm of the remainder leaves eps.
    c = coefficients("sqrt(x^2 + 9)", 12)
    assert c.method == "quadrature"
    assert abs(c.residual(12) - float(c.residual_enclosure(12, 15))) <= 64 * EPS * math.sqrt(float(c.norm2))


# --- random expressions of the exact family; that three routes to them agree is in test_routes_agree.py ---

quarters = st.integers(-8, 8).map(lambda n: Rational(n, 4))
positive_quarters = st.integers(1, 6).map(lambda n: Rational(n, 4))
affine = st.builds(lambda a, b: a * X + b, positive_quarters, quarters)
smooth = st.one_of(
    st.builds(lambda n: X**n, st.integers(0, 3)),
    affine.map(lambda u: sympy.exp(u / 2)),
    affine.map(sympy.sin),
    affine.map(sympy.erf),
    affine.map(lambda u: u * sympy.cos(u)),
)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(smooth, smooth, quarters)
def test_linearity_and_the_derivative_relation(f: sympy.Expr, g: sympy.Expr, a: sympy.Rational) -> None:
    together = coefficients(f + a * g, 5)
    parts = coefficients(f, 5), coefficients(g, 5)
    sum_of = np.asarray(parts[0]) + float(a) * np.asarray(parts[1])
    slack = together.errors + parts[0].errors + abs(float(a)) * parts[1].errors
    # The product and the sum of this very test are rounded, too.
    slack += EPS * (np.abs(sum_of) + np.abs(float(a) * np.asarray(parts[1])))
    assert np.all(np.abs(np.asarray(together) - sum_of) <= slack)
    # Integration by parts: c_{k+1}(σ) = c_k(σ').
    derivative = coefficients(sympy.diff(f, X), 4)
    assert np.all(np.abs(np.asarray(parts[0])[1:] - np.asarray(derivative)) <= parts[0].errors[1:] + derivative.errors + 1e-300)


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "hardtanh", "heaviside"])
def test_monte_carlo(name: str) -> None:
    """Means over 10^6 normals, |z| < 5 for each of 5 × 5 numbers: a false alarm once in 7·10^4 runs; 5 % off is seen."""
    g = np.random.default_rng(20260101).standard_normal(10**6)
    c = coefficients(name, 4)
    values = activation(name)(g)
    for k in range(5):
        terms = values * np.polynomial.hermite_e.hermeval(g, [0] * k + [1])
        error = np.std(terms) / math.sqrt(g.size)
        assert abs(np.mean(terms) - np.asarray(c)[k]) < 5 * error
        if k == 1:
            assert abs(np.mean(terms) - 1.05 * np.asarray(c)[k]) > 5 * error


def test_the_class_is_frozen() -> None:
    with pytest.raises(AttributeError):
        coefficients("relu").degree = 3  # type: ignore[misc]
    assert isinstance(coefficients("relu"), HermiteExpansion)


def test_tex_shows_certain_digits_only() -> None:
    table = coefficients("tanh", 3).latex("table", digits=12)
    assert "0.605705509602$" in table
    assert "proven enclosures" in table
    # A bare callable has estimates of about 15 digits: no more than those are shown, whatever is asked for.
    assert "0.605705509602158825" not in coefficients(np.tanh, 1).latex("table", digits=20)
    assert coefficients("hermite2", 4).latex() == r"\sigma(x) = \mathrm{He}_{2}(x)"
    assert coefficients("relu", 4).latex("align").count(r"\begin{align*}") == 1


def test_forms_of_tex_that_do_not_exist() -> None:
    with pytest.raises(HypothesisError, match=r'"sum", "align", "table" or "general"; found form=\'row\''):
        coefficients("relu", 2).latex("row")  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"c_k has a known closed form in k; found none for tanh: unsupported function tanh"):
        coefficients("tanh", 2).latex("general")


@pytest.mark.parametrize("sigma", ["relu", "tanh", "x^2"])
def test_a_degree_out_of_reach_is_refused_at_once(sigma: str) -> None:
    with pytest.raises(HypothesisError, match=r"degree is at most 2000; found degree=1000000\. Repair: pass degree=2000"):
        coefficients(sigma, 10**6)


@pytest.mark.parametrize(
    "sigma",
    ["1e200*tanh(x)", "1e299*tanh(x)", sympy.Float("1e200"), lambda x: 1e160 * np.cos(x)],
    ids=["1e200", "1e299", "constant", "callable"],
)
def test_values_whose_squares_are_no_doubles_are_refused(sigma: object) -> None:
    with pytest.raises(HypothesisError, match=r"so that their squares are numbers; .* Repair: divide the function by"):
        np.asarray(coefficients(sigma, 2))


@pytest.mark.parametrize("scale", ["1e140", "1e-140", "1e-200"])
def test_coefficients_go_with_the_scale_of_the_function(scale: str) -> None:
    first, second = (np.asarray(coefficients(f"{factor}*tanh(x)", 3)) for factor in ("1", scale))
    # Two roundings of each value, and those of a sum of some hundred terms.
    assert second == pytest.approx(first * float(scale), rel=1e2 * np.finfo(float).eps, abs=0)
