"""What is visibly not Lipschitz is said, and everything in the table is judged as it declares."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisWarning, activation, equivalent_model
from hermite_eq.activations import lipschitz_violation, registered_names
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
        (np.tanh, None),
    ],
    ids=str,
)
def test_expressions_and_callables(sigma: object, violation: str | None) -> None:
    found = lipschitz_violation(activation(sigma))
    assert found is None if violation is None else violation in str(found)


def test_the_equivalent_model_warns() -> None:
    with pytest.warns(HypothesisWarning, match=r"Theorem 3 supposes a Lipschitz activation; found no finite Lipschitz constant for square"):
        assert equivalent_model("square", 2).residual == 0
