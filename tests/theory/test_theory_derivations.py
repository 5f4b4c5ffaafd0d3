"""Every step of the theory's derivations holds, and says for which cases."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import pytest
import sympy

from derivations import Step, given_covariances, source_norms

NAMES = ["marchenko_pastur", "linear_error", "random_features", "given_covariances", "source_norms", "context_norms"]


@pytest.mark.parametrize("name", NAMES)
def test_every_step_holds(name: str) -> None:
    module = importlib.import_module(f"derivations.{name}")
    assert module.STATEMENT
    assert module.ASSUMPTIONS
    steps = module.check()
    assert len(steps) >= 5
    for step in steps:
        assert step.holds, step.reason
        assert step.reach


@pytest.mark.parametrize(
    "steps",
    [
        lambda: given_covariances._second_order(sympy.Integer(2)),
        lambda: given_covariances._finite_block(sympy.Integer(1)),
        lambda: given_covariances._against_library(1.05),
        lambda: source_norms.check(1.05),
    ],
)
def test_a_wrong_sign_or_factor_fails(steps: Callable[[], list[Step]]) -> None:
    assert not all(step.holds for step in steps())
