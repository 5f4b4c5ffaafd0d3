"""The claims of the project, as tests."""

import math
from typing import Any

import numpy as np
import pytest
from bent_heads import COEFFICIENTS, RESIDUAL, bent, features, pre_activations, square_norms
from hypothesis import given, settings

from hermite_eq import RandomTransformer, Sizes, Task, coefficients, covariance, equivalent_model
from hermite_eq.testing import (
    Deviation,
    activations,
    assert_equivalent,
    assert_gaussian,
    assert_hermite_coefficients,
    assert_rate,
    assert_universal,
    family,
)

TASK = Task("relu", noise=0.01)


def test_the_table_of_coefficients() -> None:
    # Three decimals.
    assert_hermite_coefficients(bent, COEFFICIENTS, accuracy=5e-4)
    assert coefficients(bent, 1).residual(1) == pytest.approx(RESIDUAL, abs=5e-4)


@pytest.mark.universality
def test_pre_activations_are_gaussian_up_to_one_over_d(universality_rng: np.random.Generator) -> None:
    d = 24
    # C/d is the variance of ‖h‖²/t for Gaussian inputs; signs, whose ‖x‖ is fixed, have less.
    constant = covariance(TASK).norm_law().numeric(alpha=1)["variance"]
    samples = pre_activations(d, d, 10_000, universality_rng)
    assert_gaussian(samples, 1.0, deviation=Deviation(constant, order=-1, d=d), resolution=0.5)


@pytest.mark.universality
def test_their_excess_kurtosis_vanishes_as_one_over_d(universality_rng: np.random.Generator) -> None:
    ladder = (12, 24, 48)

    def excess(d: int) -> float:
        # Given h a pre-activation is normal: its excess kurtosis is 3 Var(‖h‖²)/t².
        squares = square_norms(d, d, 600, universality_rng)
        return float(3 * squares.var() / squares.mean() ** 2)

    # The next order in 1/d steepens the descent; the claim is 1/d or faster.
    assert_rate(ladder, [[excess(d) for _ in range(24)] for d in ladder], order=-1, tolerance=0.4)


@pytest.mark.universality
def test_ridge_regression_sees_the_equivalent(universality_seed: int) -> None:
    assert_universal(
        features(surrogate=False),
        features(surrogate=True),
        dimensions=(10, 30),
        samples=lambda d: 4 * d,
        ridge=0.01,
        runs=120,
        test=300,
        rng=universality_seed,
    )


@pytest.mark.universality
def test_a_bent_transformer_is_equivalent_to_a_line_with_noise(universality_seed: int) -> None:
    sizes = Sizes.from_ratios(8, alpha=1, kappa=1, tau=2, mu=1)
    head = RandomTransformer(bent, ridge=0.1, normalise=True)
    line = RandomTransformer(equivalent_model(bent, degree=1), ridge=0.1, normalise=True)
    assert_equivalent(head, line, TASK, sizes, margin=0.2, test=400, rng=universality_seed)


@settings(max_examples=10, deadline=None)
@given(activations())
def test_parseval_for_whatever_activation(sigma: Any) -> None:
    c = coefficients(sigma, 4)
    squares = sum(float(value) ** 2 / math.factorial(k) for k, value in enumerate(np.asarray(c)))
    assert float(c.residual(4)) ** 2 == pytest.approx(float(c.estimate.norm2) - squares, abs=1e-9 * float(c.estimate.norm2))


def test_two_claims_with_one_rate() -> None:
    rng = np.random.default_rng(0)
    with family(rate=1e-6):
        for _ in range(2):
            assert_gaussian(rng.standard_normal((4000, 2)), np.eye(2))
