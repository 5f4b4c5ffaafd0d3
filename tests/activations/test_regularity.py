"""What is visibly not Lipschitz is said, and everything in the table is judged as it declares."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisError, HypothesisWarning, activation, equivalent_model
from hermite_eq.activations import grows_exponentially, lipschitz_violation, registered_names
from hermite_eq.activations.derivative import derivative
from hermite_eq.hermite import X


@pytest.mark.parametrize("name", registered_names())
def test_looking_finds_what_the_table_declares(name: str) -> None:
    entry = activation(name)
    looked_at = lipschitz_violation(dataclasses.replace(entry, lipschitz=None))
    assert (looked_at is not None) == (entry.lipschitz == math.inf)
    assert (lipschitz_violation(entry) is not None) == (entry.lipschitz == math.inf)


@pytest.mark.parametrize(
    ("sigma", "violation"),
    [
        (X**2, "grows without bound"),
        (sympy.Heaviside(X - 1), "a jump at x = 1"),
        (np.exp, "grows without bound"),
        (sympy.Max(X, 2 * X), None),
        (sympy.Max(X - 200, 0), None),
        (sympy.Abs(X) ** sympy.Rational(3, 2), "grows without bound"),
        # A jump of one on a slope of a million, and that slope without the jump.
        (10**6 * X + sympy.Heaviside(X - 1), "a jump at x = 1"),
        (10**6 * sympy.Max(X - 1, 0), None),
        (np.tanh, None),
    ],
    ids=str,
)
def test_expressions_and_callables(sigma: object, violation: str | None) -> None:
    bound = lipschitz_violation(activation(sigma))
    assert bound is None if violation is None else violation in str(bound)


def test_the_equivalent_model_warns() -> None:
    with pytest.warns(HypothesisWarning, match=r"Theorem 3 supposes a Lipschitz activation; found no finite Lipschitz constant for square"):
        assert equivalent_model("square", 2).residual == 0


@pytest.mark.parametrize(
    ("sigma", "where"),
    [
        (sympy.Piecewise((0, X < 0), (1, True)), "at x = 0"),
        (X + sympy.Heaviside(X - 2), "at x = 2"),
        ("hardshrink", "at x = -0.5"),
        (sympy.sign(sympy.sin(X)), f"at x = {-5 * math.pi:.6g}"),
        (sympy.sign(sympy.sin(X**2)), "or may jump, where no polynomial vanishes"),
        (sympy.Piecewise((0, sympy.sin(X**2) < 1), (1, True)), "or may jump, where no polynomial vanishes"),
    ],
    ids=str,
)
def test_a_function_that_jumps_has_no_derivative_here(sigma: object, where: str) -> None:
    entry = activation(sigma)
    with pytest.raises(HypothesisError) as error:
        derivative(entry)
    assert str(error.value) == (
        f"a gradient step differentiates σ, which is continuous; found {entry}, which jumps {where}. Repair: pass 'relu', say"
    )


@pytest.mark.parametrize(
    "sigma",
    ["relu", "hardtanh", X * sympy.sign(X), X * sympy.Heaviside(X), sympy.Piecewise((0, X < 0), (X, True)), sympy.Abs(sympy.sin(X))],
    ids=str,
)
def test_derivatives_are_difference_quotients(sigma: object) -> None:
    entry = activation(sigma)
    x, width = np.linspace(-3.03, 2.97, 41), 1e-5
    # The third derivative is at most 1 off the kinks, where a difference is taken; two values of size at most 4 are rounded.
    bound = width**2 + 4 * 4 * np.finfo(float).eps / width
    assert np.abs(derivative(entry)(x) - (entry(x + width) - entry(x - width)) / (2 * width)).max() < bound


@pytest.mark.parametrize(
    ("formula", "grows"),
    [
        ("exp(3*x)", True),
        ("exp(100*x)", True),
        ("exp(x^2/8)", True),
        ("log(1 + exp(100*x))", False),
        ("relu(x)^9", False),
        ("exp(abs(x)^(1/2))", False),
    ],
)
def test_growth_is_seen_where_doubles_overflow(formula: str, grows: bool) -> None:
    assert grows_exponentially(activation(formula)) == grows
