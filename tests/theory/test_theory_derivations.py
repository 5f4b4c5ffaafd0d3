"""Every step of the theory's derivations holds, and says for which cases."""

from __future__ import annotations

import importlib

import pytest


@pytest.mark.parametrize("name", ["marchenko_pastur", "linear_error", "random_features", "context_norms"])
def test_every_step_holds(name: str) -> None:
    module = importlib.import_module(f"derivations.{name}")
    assert module.STATEMENT
    assert module.ASSUMPTIONS
    steps = module.check()
    assert len(steps) >= 5
    for step in steps:
        assert step.holds, step.reason
        assert step.reach
