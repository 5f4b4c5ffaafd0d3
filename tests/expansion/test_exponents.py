"""Information and generative exponents: against sums over the preimages of a level, with label noise, and where there is none."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisError, activation
from hermite_eq.expansion import generative_exponent, information_exponent

#: Function, information exponent, generative exponent.
TABLE = [
    ("relu", 1, 1),
    ("tanh", 1, 1),
    ("abs", 2, 2),
    ("sign", 1, 1),
    ("x^3 - 3*x", 3, 1),
    ("x^4 - 6*x^2", 4, 2),
    ("x^2*exp(-x^2)", 4, 4),
    ("cos(x)", 2, 2),
    ("relu(x) + relu(-x) - 3", 2, 2),
]


def _by_levels(name: str, k: int, bins: int = 2000) -> float:
    """E[E[He_k/√k! | σ]²] with σ known up to a bin of equal probability: less than it, and not 0 unless it is."""
    u = (np.arange(1_000_000) + 0.5) / 1_000_000
    from scipy.special import ndtri

    g = ndtri(u)
    values = activation(name)(g)
    he = np.polynomial.hermite_e.hermeval(g, [0.0] * k + [1.0]) / math.sqrt(math.factorial(k))
    order = np.argsort(values, kind="stable")
    return float((he[order].reshape(bins, -1).mean(1) ** 2).mean())


@pytest.mark.parametrize(("name", "information", "generative"), TABLE)
def test_the_table(name: str, information: int, generative: int) -> None:
    first, two = information_exponent(name), generative_exponent(name)
    assert (first.value, two.value) == (information, generative)
    assert first.proven
    assert two.proven
    assert max(first.below, two.below) < 1e-11


@pytest.mark.parametrize(("name", "k"), [("x^3 - 3*x", 1), ("x^4 - 6*x^2", 2), ("x^2*exp(-x^2)", 4)])
def test_levels_have_the_same_exponent(name: str, k: int) -> None:
    squares = [_by_levels(name, j) for j in range(1, k + 1)]
    # Of a degree whose mean given the level vanishes, what is left in a bin is the width of its level: 1e-3, squared.
    assert all(square < 1e-4 for square in squares[:-1])
    assert squares[-1] > 1e-2


def test_a_small_coefficient_is_told_from_zero() -> None:
    exponent = information_exponent("x^3 - 3*x + 1e-9*x")
    assert exponent.value == 1
    # It is known to its own error, some ε of the function's size.
    assert abs(exponent.coefficient - 1e-9) <= exponent.error < 1e-11
    # What is typeset is an expression: no text is read.
    assert exponent.transformation == sympy.Symbol("y", real=True)


def test_functions_without_moments_have_a_generative_exponent() -> None:
    assert generative_exponent("1/x").value == 1
    assert generative_exponent("exp(x^2)").value == 2
    with pytest.raises(HypothesisError, match="square integrable"):
        information_exponent("1/x")


def test_a_callable_is_not_proven() -> None:
    exponent = generative_exponent(np.tanh)
    assert (exponent.value, exponent.proven) == (1, False)


@pytest.mark.parametrize("function", [information_exponent, generative_exponent])
@pytest.mark.parametrize("sigma", ["0", "2", lambda x: 0 * x + 1])
def test_constants_have_none(function: object, sigma: object) -> None:
    with pytest.raises(HypothesisError, match="not constant"):
        function(sigma)  # type: ignore[operator]
