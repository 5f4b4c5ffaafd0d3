"""Monte Carlo means and their standard errors."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq.simulate import MonteCarlo


def test_standard_error_is_that_of_the_mean():
    # Two values: deviations ±1, unbiased variance 2, variance of the mean 1.
    assert MonteCarlo.from_runs(np.array([1.0, 3.0])) == MonteCarlo(2.0, 1.0, 2)


def test_arrays_are_means_over_the_first_axis():
    values = np.array([[1.0, 10.0], [3.0, 10.0], [2.0, 10.0]])
    found = MonteCarlo.from_runs(values)
    np.testing.assert_array_equal(found.mean, [2.0, 10.0])
    np.testing.assert_allclose(found.stderr, [1 / math.sqrt(3), 0.0], rtol=1e-15)
    assert found.runs == 3


def test_one_run_says_nothing_of_its_error():
    one = MonteCarlo.from_runs(np.array([2.0]))
    assert (one.mean, one.stderr, one.runs) == (2.0, math.inf, 1)
    assert one.z(7.0) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (MonteCarlo(0.51234, 0.0081, 8), "0.5123 ± 0.0081 (8 runs)"),
        (MonteCarlo(478.2, 143.0, 4), "478 ± 143 (4 runs)"),
        (MonteCarlo(0.5, math.inf, 1), "0.5000 ± inf (1 run)"),
        (MonteCarlo(np.array([1.0, 2.0]), np.array([0.1, 0.02]), 3), "1.00 ± 0.10, 2.000 ± 0.020 (3 runs)"),
    ],
)
def test_printing(value, text):
    assert str(value) == text
