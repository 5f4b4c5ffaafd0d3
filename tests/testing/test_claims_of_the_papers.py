"""[RT] Lemma 1, Corollary 2 and Theorem 3 at finite d, asserted as any project would assert them."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import RandomTransformer, Sizes, Task, covariance, equivalent_model
from hermite_eq.simulate import context_law, preactivations
from hermite_eq.testing import Deviation, UniversalityError, assert_covariance, assert_equivalent, assert_gaussian, assert_rate

Array = NDArray[np.float64]

TASK = Task("relu", noise=0.1)


def square_norms(d: int, count: int, rng: np.random.Generator) -> Array:
    """‖h‖² of contexts with fresh tasks."""
    law = context_law(TASK, Sizes(d, d, 1, 1))
    drawn = law.draw(law.tasks(count, rng), np.arange(count), np.random.SeedSequence(int(rng.integers(2**60))))
    return np.asarray(np.einsum("ij,ij->i", drawn.x, drawn.x) * np.einsum("ij,ij->i", drawn.b, drawn.b))


@pytest.mark.universality
def test_lemma_1_pre_activations_are_gaussian_up_to_one_over_d() -> None:
    d = 20
    constant = covariance(TASK).norm_law().numeric(alpha=1)["variance"]
    z = preactivations(TASK, Sizes(d, d, 1, 1), units=1, count=6000, rng=0).z
    assert_gaussian(z, 1.0, deviation=Deviation(constant, order=-1, d=d), resolution=0.6)
    with pytest.raises(UniversalityError):
        assert_gaussian(z, 1.0)


@pytest.mark.universality
def test_lemma_1_the_excess_kurtosis_vanishes_as_one_over_d(universality_rng: np.random.Generator) -> None:
    ladder = (12, 24, 48)
    gaps = [[3 * (q.var() / q.mean() ** 2) for q in (square_norms(d, 600, universality_rng) for _ in range(32))] for d in ladder]
    assert_rate(ladder, gaps, order=-1, tolerance=0.4)
    with pytest.raises(UniversalityError):
        assert_rate(ladder, gaps, order=-2, tolerance=0.4)


@pytest.mark.universality
def test_corollary_2_the_joint_law_given_task_and_layer() -> None:
    d, units = 24, 3
    xi = np.random.default_rng(1).standard_normal(d)
    drawn = preactivations(TASK, Sizes(d, d, 1, 1), units=units, count=40_000, rng=2, xi=xi)
    rows = np.column_stack([drawn.z, drawn.signal])
    exact = covariance(TASK).given(xi, context=d).matrix(drawn.F)
    # Given ξ, ‖x‖² and the context fluctuate: C < 10.
    assert_gaussian(rows, exact, deviation=Deviation(10, order=-1, d=d), resolution=0.5)
    assert_covariance(rows, exact, excess_kurtosis=3.0)
    signs = np.diag([1.0] * units + [-1.0])
    with pytest.raises(UniversalityError):
        assert_covariance(rows, signs @ exact @ signs, excess_kurtosis=3.0)


@pytest.mark.universality
@pytest.mark.parametrize("sigma", ["relu", "tanh"])
def test_theorem_3_the_equivalent_model_has_the_same_error(sigma: Any) -> None:
    sizes = Sizes.from_ratios(7, alpha=1, kappa=1, tau=2, mu=2)
    model = equivalent_model(sigma, 1)

    def head(activation: Any) -> RandomTransformer:
        return RandomTransformer(activation, ridge=0.1, normalise=True)

    assert_equivalent(head(sigma), head(model), TASK, sizes, margin=0.15, test=300)
    without = dataclasses.replace(model, c=(model.c[0], 0)) if sigma == "tanh" else dataclasses.replace(model, c=(0, model.c[1]))
    with pytest.raises(UniversalityError):
        assert_equivalent(head(sigma), head(without), TASK, sizes, margin=0.05, test=300)
