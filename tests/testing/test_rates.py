"""Rates of single calls, of families, and the profile."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hermite_eq import HypothesisError
from hermite_eq.testing import Deviation, assert_gaussian, family
from hermite_eq.testing.deviation import allowed
from hermite_eq.testing.rates import DEFAULT_RATE, budget, declared_rate, profile


def test_a_family_shares_its_rate_whatever_the_number_of_calls() -> None:
    with family(1e-3):
        shares = [declared_rate(None) for _ in range(2000)]
    # The tail of Σ 1/j² beyond 2000 lies between 1/2001 and 1/2000.
    assert 1e-3 * (1 - 6 / math.pi**2 / 2000) <= sum(shares) < 1e-3
    assert declared_rate(None) == DEFAULT_RATE


def test_an_explicit_rate_is_its_own_within_a_family() -> None:
    with family(1e-3):
        assert declared_rate(0.01) == 0.01
        assert declared_rate(None) == pytest.approx(1e-3 * 6 / math.pi**2, rel=1e-15)


def test_the_shares_reach_the_assertions() -> None:
    x = np.random.default_rng(0).standard_normal(2000)
    with family(1e-2):
        checks = [assert_gaussian(x, 1.0) for _ in range(2)]
    assert [check.rate for check in checks] == pytest.approx([1e-2 * 6 / math.pi**2, 1e-2 * 6 / math.pi**2 / 4], rel=1e-15)


def test_the_thorough_profile_raises_budgets(monkeypatch: pytest.MonkeyPatch) -> None:
    assert (profile(), budget(25)) == ("default", 25)
    monkeypatch.setenv("HERMITE_EQ_UNIVERSALITY", "thorough")
    assert (profile(), budget(25)) == ("thorough", 200)
    monkeypatch.setenv("HERMITE_EQ_UNIVERSALITY", "quick")
    with pytest.raises(HypothesisError, match="a profile is default or thorough; found HERMITE_EQ_UNIVERSALITY=quick"):
        profile()


@pytest.mark.parametrize("rate", [0, 0.5, -1, "often", math.nan])
def test_a_rate_is_a_small_probability(rate: Any) -> None:
    with pytest.raises(HypothesisError, match=r"a false-alarm rate is a probability in \(0, 1/2\)"):
        declared_rate(rate)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: Deviation(-1, order=-1),
            "the constant of a deviation is finite and ≥ 0; found constant=-1. Repair: pass constant=1.0, say",
        ),
        (lambda: Deviation(1, order=0), "a deviation vanishes as d grows: order < 0; found order=0. Repair: pass order=-1 or order=-1/2"),
        (lambda: allowed(Deviation(1, order=-1)), "a deviation is declared at a dimension; found 1 d^-1. Repair: pass Deviation(…, d=…)"),
        (
            lambda: allowed(-0.1),
            "an allowed deviation is a finite number ≥ 0, or a Deviation; found deviation=-0.1. "
            "Repair: pass 0.05, or Deviation(2, order=-1, d=40)",
        ),
    ],
)
def test_deviations(make: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        make()
    assert str(error.value) == message
