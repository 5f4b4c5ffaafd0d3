"""Pre-activations of another variance, and symbols that stay symbolic."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
import sympy
from scipy import integrate

from hermite_eq import coefficients, equivalent_model
from hermite_eq.activations import activation, registered_names, rescaled
from hermite_eq.errors import HypothesisError

s = sympy.Symbol("s", positive=True)


@pytest.mark.parametrize("name", ["tanh", "hardtanh", "softshrink", "gelu", "exp", "silu"])
def test_the_coefficients_are_those_of_the_scaled_argument(name: str) -> None:
    variance = 0.3
    sigma = activation(name)
    values = np.asarray(coefficients(name, 2, variance=variance))
    edges = [-12.0, *(float(kink) / math.sqrt(variance) for kink in sigma.kinks), 12.0]
    for k, he in enumerate((lambda g: 1.0, lambda g: g, lambda g: g * g - 1)):

        def integrand(g: float, he: Any = he) -> float:
            return float(sigma(math.sqrt(variance) * g)) * float(he(g)) * math.exp(-g * g / 2) / math.sqrt(2 * math.pi)

        pieces = [integrate.quad(integrand, a, b, epsabs=1e-13, epsrel=1e-12) for a, b in itertools.pairwise(edges)]
        # The quadrature states its own error.
        assert values[k] == pytest.approx(sum(value for value, _ in pieces), abs=sum(error for _, error in pieces) + 1e-13)


def test_relu_is_homogeneous() -> None:
    assert coefficients("relu", 2, variance=s**2).c == tuple(s * c for c in coefficients("relu", 2).c)
    assert coefficients("relu", 2, variance=sympy.Rational(9, 4)).norm2 == sympy.Rational(9, 8)


@pytest.mark.parametrize("name", registered_names())
def test_every_registered_activation_is_rescaled_with_its_facts(name: str) -> None:
    sigma, wide = activation(name), rescaled(activation(name), 4)
    x = np.linspace(-3.1, 3.2, 64)
    assert np.array_equal(wide(x), sigma(2 * x))
    assert [2 * kink for kink in wide.kinks] == list(sigma.kinks)
    assert wide.lipschitz == (None if sigma.lipschitz is None else 2 * sigma.lipschitz)


def test_a_callable_is_rescaled_with_its_kinks() -> None:
    values = np.asarray(coefficients(lambda x: np.maximum(x - 1, 0), 3, kinks=[1], variance=2))
    assert values == pytest.approx(np.asarray(coefficients("max(sqrt(2)*x - 1, 0)", 3)), abs=1e-13)


def test_variance_1_changes_nothing() -> None:
    assert rescaled(activation("relu"), 1.0) is activation("relu")


def test_declared_symbols_stay_symbolic() -> None:
    c = coefficients("a*x^2 + b*x", 2, parameters=["b", "a"])
    a, b = sympy.symbols("a b", real=True)
    assert c.c == (a, b, 2 * a)
    assert equivalent_model("relu(s*x)", 1, parameters=["s"]).c[1] == sympy.Symbol("s", real=True) / 2
    assert activation("max(x, beta*x)", parameters={"beta"}).parameters == (sympy.Symbol("beta", real=True),)
    t, u = sympy.symbols("t u")
    assert activation(t * sympy.tanh(u), parameters=["t"]).parameters == (t,)


def test_an_undeclared_symbol_names_a_repair_that_works() -> None:
    with pytest.raises(HypothesisError, match=r"pass parameters=\['s'\] to hermite_eq.coefficients"):
        coefficients("relu(s*x)")
    assert coefficients("relu(s*x)", parameters=["s"]).exact is not None


@pytest.mark.parametrize("variance", [0, -1, math.inf, math.nan, True, "2", None, 1j, sympy.Symbol("v"), sympy.Symbol("v", negative=True)])
def test_refuses_what_is_no_variance(variance: object) -> None:
    with pytest.raises(HypothesisError, match="the variance of the pre-activations is positive and finite; found variance="):
        coefficients("relu", variance=variance)


@pytest.mark.parametrize("parameters", [["x"], ["a b"], 3, [1], None])
def test_refuses_what_is_no_list_of_names(parameters: object) -> None:
    with pytest.raises(HypothesisError, match="parameters are names other than x"):
        coefficients("relu", parameters=parameters)  # type: ignore[arg-type]


def test_refuses_parameters_of_what_has_none() -> None:
    with pytest.raises(HypothesisError, match="parameters are symbols of an expression"):
        coefficients(np.tanh, parameters=["a"])
    with pytest.raises(HypothesisError, match="a symbolic variance needs a formula"):
        coefficients(np.tanh, variance=s)
