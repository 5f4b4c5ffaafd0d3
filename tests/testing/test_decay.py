"""assert_rate: exponents that must be green, exponents that must be red, and ladders that are inconclusive."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hermite_eq import HypothesisError
from hermite_eq.testing import UniversalityError, Verdict, assert_rate

D = np.array([16, 32, 64, 128])
NOISE = np.random.default_rng(0).standard_normal((30, 4))


@pytest.mark.parametrize("exponent", [-0.5, -0.75, -1, -2])
@pytest.mark.parametrize("sign", [-1, 1])
def test_the_rate_claimed_and_faster_ones_agree(exponent: Any, sign: Any) -> None:
    check = assert_rate(D, sign * (D / 16.0) ** exponent + 0.05 * NOISE)
    assert check.verdict == Verdict.AGREES


@pytest.mark.parametrize("exponent", [0.0, -0.1, 0.5])
@pytest.mark.parametrize("sign", [-1, 1])
def test_slower_rates_are_red(exponent: Any, sign: Any) -> None:
    with pytest.raises(UniversalityError) as error:
        assert_rate(D, sign * (D / 16.0) ** exponent + 0.05 * NOISE)
    assert str(error.value).startswith(
        "assert_rate: the data contradict the claim that the gap vanishes as d^-0.5 or faster. Between d = 16 and"
    )


def test_a_stricter_claim_is_red_where_the_looser_one_is_green() -> None:
    gaps = (D / 16.0) ** -0.5 + 0.02 * NOISE
    assert assert_rate(D, gaps, order=-0.5).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_rate(D, gaps, order=-1)


def test_the_tolerance_covers_the_next_order() -> None:
    # d^{-1/2}(1 − 4/d): between 16 and 128 the local exponents are as slow as −0.29.
    gaps = D**-0.5 * (1 - 4 / D) + 1e-5 * NOISE
    assert assert_rate(D, gaps).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_rate(D, gaps, tolerance=0.0)


def test_a_change_of_sign_is_no_failure_where_the_gap_shrinks() -> None:
    means = np.array([-0.5, -0.1, 0.05, 0.03])
    assert assert_rate(D, means + 0.002 * NOISE).verdict == Verdict.AGREES


def test_runs_of_different_numbers_and_any_order_of_sizes() -> None:
    order = [2, 0, 3, 1]
    columns = [D[i] ** -0.5 + 0.01 * NOISE[: 10 + 5 * i, i] for i in order]
    assert assert_rate(D[order], columns).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_rate(D[order], [0.3 + 0.01 * column for column in NOISE.T])


def test_invisible_gaps_cannot_tell() -> None:
    with pytest.raises(HypothesisError) as error:
        assert_rate(D, D**-0.5 + 0.3 * NOISE)
    assert error.value.hypothesis == "assert_rate has data that resolve whether the gap vanishes as d^-0.5 or faster"
    needed = int(error.value.repair.split()[1])
    more = np.random.default_rng(1).standard_normal((2 * needed, 4))
    assert assert_rate(D, D**-0.5 + 0.3 * more).verdict == Verdict.AGREES
    with pytest.raises(HypothesisError, match="no gap is visible: assert that it is small"):
        assert_rate(D, np.tile([[1.0], [-1.0]], (15, 4)) + 1e-6 * NOISE)


def test_exact_gaps() -> None:
    # Without scatter everything is known.
    assert assert_rate([10, 20], np.tile([[1.0, 0.5]], (5, 1)), order=-1).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError):
        assert_rate([10, 20], np.tile([[1.0, 0.9]], (5, 1)), order=-1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ([10, 20], np.ones((5, 3))),
            "there is a column of gaps for each of two or more different sizes; found 2 sizes, 3 columns. Repair: pass gaps of "
            "shape (runs, sizes), or one array of runs for each size",
        ),
        (
            ([10, 20, 10], np.ones((5, 3))),
            "the sizes differ; found sizes=[10.0, 20.0, 10.0]. Repair: put the runs of equal sizes into one column",
        ),
        (([10, 20], [[1.0, 2.0], [1.0, 2.0, 3.0]]), "each size has three runs or more; found lengths [2, 3]. Repair: run more"),
        (
            ([10, 20], np.full((5, 2), math.nan)),
            "gaps are finite; found NaN or infinite gaps. Repair: find the run whose error is not finite",
        ),
        (
            ([10, 20], np.ones((5, 2)), -0.2),
            "order + tolerance < 0 ≤ tolerance: the gap vanishes; found order=-0.2, tolerance=0.25. "
            "Repair: pass order=-1/2, tolerance=0.25",
        ),
    ],
)
def test_errors(arguments: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        assert_rate(*arguments)
    assert str(error.value) == message
