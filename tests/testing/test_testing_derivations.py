"""The derivations behind the null laws hold, and see a wrong factor."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from derivations import Step, deviation_nulls, robust_mean_test, sequential_t_test

MUTATIONS: list[tuple[str, Callable[[], list[Step]]]] = [
    ("0.45 n s² v", lambda: robust_mean_test.check(0.45)),
    ("no n s² v", lambda: robust_mean_test.check(0.0)),
    ("power without s²Δ²/2", lambda: robust_mean_test.check(square=0)),
    ("A^(−0.525)", lambda: sequential_t_test.check(0.525)),
    ("A^(−0.475)", lambda: sequential_t_test.check(0.475)),
    ("D · 1.05", lambda: deviation_nulls.check(factor=1.05)),
    ("E g⁴ = 2", lambda: deviation_nulls.check(three=2)),
]


@pytest.mark.parametrize(("what", "run"), MUTATIONS, ids=[what for what, _ in MUTATIONS])
def test_a_wrong_factor_fails(what, run):
    assert not all(step.holds for step in run()), what
