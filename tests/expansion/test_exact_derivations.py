"""Every step of the derivations of the closed forms holds."""

from __future__ import annotations

import importlib

import pytest

from derivations import Step

MODULES = ["jump_formula", "gaussian_exponentials", "error_function", "dual_kernels", "coefficient_decay"]


@pytest.mark.parametrize("name", MODULES)
def test_every_step_holds(name):
    module = importlib.import_module(f"derivations.{name}")
    assert module.STATEMENT.strip()
    assert module.ASSUMPTIONS.strip()
    steps = module.check()
    assert steps
    assert all(isinstance(step, Step) for step in steps)
    assert [step.reason for step in steps if not step.holds] == []
