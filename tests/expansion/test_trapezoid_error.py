"""The derivation of the error bounds: every step confirmed."""

from __future__ import annotations

from derivations import trapezoid_error


def test_every_step_holds() -> None:
    steps = trapezoid_error.check()
    assert len(steps) == 18
    assert [step.reason for step in steps if not step.holds] == []
