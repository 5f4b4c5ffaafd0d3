"""The convention against independent definitions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from hermite_eq import HypothesisError
from hermite_eq.hermite import X, check_degree, he, orthonormal, orthonormal_values, polynomial_weights


@pytest.mark.parametrize("k", range(9))
def test_he_is_rodrigues_formula(k: int) -> None:
    density = sympy.exp(-(X**2) / 2)
    assert sympy.expand(he(k) - sympy.simplify((-1) ** k * sympy.diff(density, X, k) / density)) == 0


def test_orthonormal_values_are_the_scaled_polynomials() -> None:
    x = np.linspace(-4, 4, 9)
    values = orthonormal_values(x, 12)
    for k in range(13):
        expected = np.polynomial.hermite_e.hermeval(x, [0] * k + [1]) / math.sqrt(math.factorial(k))
        # Both recurrences lose a few units per step, relative to Cramér's bound on |h_k|.
        np.testing.assert_allclose(values[k], expected, atol=64 * k * np.finfo(float).eps * np.exp(4.0))


@given(st.floats(-40, 40), st.integers(0, 300))
def test_cramers_bound_holds_so_that_nothing_overflows(x: float, degree: int) -> None:
    bound = 1.0866 * math.exp(x * x / 4)
    # One unit of rounding per step of the recurrence.
    assert np.abs(orthonormal_values(x, degree)).max() <= bound * (1 + 4 * (degree + 1) * np.finfo(float).eps)


def test_the_named_views_keep_exactness() -> None:
    c = (sympy.Integer(3), sympy.Rational(1, 2), sympy.Integer(2), 6.0)
    assert polynomial_weights(c) == (3, sympy.Rational(1, 2), 1, 1.0)
    assert orthonormal(c)[:3] == (3, sympy.Rational(1, 2), sympy.sqrt(2))


@pytest.mark.parametrize("degree", [-1, 1.0, "2", None, True])
def test_a_degree_is_a_non_negative_integer(degree: object) -> None:
    with pytest.raises(HypothesisError, match="degree is a non-negative integer"):
        check_degree(degree)


def test_numpy_integers_are_integers() -> None:
    assert check_degree(np.int64(4)) == 4
