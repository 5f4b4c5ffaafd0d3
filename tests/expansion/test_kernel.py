"""The dual activation: closed form = series within its bound = Monte Carlo, for one function and for two."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import activation, dual_activation
from hermite_eq.activations import registered_names

RHO = np.array([-0.9, -0.3, 0.0, 0.4, 0.8])
#: Two-sided false-alarm rate 6e-7 for each comparison.
Z = 5.0


@pytest.mark.parametrize("name", registered_names())
def test_the_closed_form_lies_within_the_bound_of_the_series(name: str) -> None:
    kernel = dual_activation(name)
    value, bound = kernel.series(RHO)
    assert kernel.certified
    assert np.all(bound >= 0)
    # Rounding of the closed form's own evaluation: some units in the last place of E σ², which dominates |κ|.
    norm2 = float(kernel.series(1.0)[0] + kernel.series(1.0)[1])
    assert np.all(np.abs(kernel(RHO) - value) <= bound + 64 * np.finfo(float).eps * norm2)


@pytest.mark.parametrize(("first", "second"), [("relu", None), ("tanh", None), ("relu", "tanh"), ("gelu", "abs")])
def test_monte_carlo_agrees_and_sees_five_per_cent(first: str, second: str | None) -> None:
    rng = np.random.default_rng(8)
    u, w = rng.standard_normal((2, 400_000))
    rho = 0.6
    v = rho * u + math.sqrt(1 - rho**2) * w
    products = activation(first)(u) * activation(second or first)(v)
    stderr = products.std() / math.sqrt(u.size)
    predicted = float(dual_activation(first, second)(rho))
    assert abs(products.mean() - predicted) < Z * stderr
    assert abs(products.mean() - 1.05 * predicted) > Z * stderr


def test_parity_makes_a_cross_kernel_vanish() -> None:
    value, bound = dual_activation("tanh", "abs").series(RHO)
    np.testing.assert_allclose(value, 0.0, atol=1e-300)
    assert np.all(bound[np.abs(RHO) < 0.5] < 1e-12)


def test_a_callable_has_an_estimate_which_agrees() -> None:
    kernel = dual_activation(np.tanh)
    assert not kernel.certified
    assert kernel.exact is None
    value, bound = kernel.series(RHO)
    assert np.all(np.abs(value - dual_activation("tanh")(RHO)) <= bound + dual_activation("tanh").series(RHO)[1])


def test_a_series_of_high_degree_has_a_bound() -> None:
    """Degree 80 of GELU: to κ(1) = E σ² there is hardly anything left, and the bound is rounding."""
    kernel = dual_activation("gelu", "gelu", degree=80)
    rho = np.array([-0.9, 0.4, 1.0])
    value, bound = kernel.series(rho)
    assert np.all(np.abs(kernel(rho) - value) <= bound + 64 * np.finfo(float).eps * value[-1])
    assert bound.max() < 1e-13
