"""Claims that are false and must turn red, and beside them claims that are true and must stay green.

Each false claim is asserted as a project would assert it; the test is that the assertion fails.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import HypothesisError, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.models import PolynomialActivation, Rademacher, Source, Spike, StudentT, Uniform
from hermite_eq.simulate import context_law
from hermite_eq.testing import Deviation, UniversalityError, assert_equivalent, assert_gaussian, assert_universal
from hermite_eq.testing.universality import Draw, FeatureMap

Array = NDArray[np.float64]

TASK = Task("relu", noise=0.1)
SIZES = Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=2)
RELU = RandomTransformer("relu", ridge=0.1, normalise=True)
MODEL = equivalent_model("relu", degree=1)


def instead(sigma: str | PolynomialActivation) -> RandomTransformer:
    """The same Transformer with another activation."""
    return RandomTransformer(sigma, RELU.ridge, RELU.normalise)


def test_green_the_equivalent_model_of_degree_one() -> None:
    # The gap at d = 6 is within 15 %.
    assert_equivalent(RELU, instead(MODEL), TASK, SIZES, margin=0.15, test=300)


def test_red_a_surrogate_of_right_covariance_and_wrong_c_1() -> None:
    # Every feature has its second moment, but less of it is linear.
    c1, total = 0.2 * float(MODEL.c[1]), float(MODEL.c[1]) ** 2 + float(MODEL.residual) ** 2
    surrogate = dataclasses.replace(MODEL, c=(MODEL.c[0], c1), residual=math.sqrt(total - c1**2))
    with pytest.raises(UniversalityError):
        assert_equivalent(RELU, instead(surrogate), TASK, SIZES, margin=0.15, test=300)


def test_red_an_even_activation_whose_odd_part_was_dropped() -> None:
    with pytest.raises(UniversalityError):
        assert_equivalent(instead("abs(x)/2 + 2*x"), instead(equivalent_model("abs(x)/2", 1)), TASK, SIZES, margin=0.15, test=300)


def test_red_the_residual_forgotten() -> None:
    with pytest.raises(UniversalityError):
        assert_equivalent(RELU, instead(dataclasses.replace(MODEL, residual=0.0)), TASK, SIZES, margin=0.1, test=300)


SPIKED = Task(sources=[Source("abs", 0.01, task_cov=Spike(360.0))], unit_inputs=True, unit_link=True)
SPIKED_SIZES = Sizes(6, 6, math.inf, 216, 72)


def test_red_a_spiked_task_with_degree_one() -> None:
    # All tasks lie along one direction γ, and the labels are |γᵀx|: squares of the pre-activations carry them, and r = 1 has no squares.
    with pytest.raises(UniversalityError):
        assert_equivalent(RELU, instead(MODEL), SPIKED, SPIKED_SIZES, margin=0.05, test=300)


def test_green_a_spiked_task_with_degree_two() -> None:
    assert_equivalent(RELU, instead(equivalent_model("relu", 2)), SPIKED, SPIKED_SIZES, margin=0.05, test=300)


def test_red_sizes_far_from_the_proportional_regime() -> None:
    # n ≪ d²: the theorem says nothing, and no verdict is given.
    few = Sizes(d=40, context=40, tasks=20, samples=60, hidden=1600)
    with pytest.raises(HypothesisError, match=r"n/d² = 0\.037"):
        assert_equivalent(RELU, instead(MODEL), TASK, few)


# Inputs that are not Gaussian. Pre-activations over f, with one context each.


def pre_activations(inputs: Any, rng: np.random.Generator, d: int = 24, count: int = 20_000) -> Array:
    law = context_law(Task(sources=[Source("relu", 0.1, inputs=inputs)]), Sizes(d, d, math.inf, 1))
    drawn = law.draw(law.tasks(count, rng), np.arange(count), np.random.SeedSequence(int(rng.integers(2**60))))
    h = drawn.h()
    return np.asarray(np.einsum("ij,ij->i", h, rng.standard_normal(h.shape)) / math.sqrt(law.trace()))


def regression(entries: Callable[[np.random.Generator, tuple[int, int]], Array]) -> FeatureMap:
    """Linear features of the given inputs, and a teacher."""

    def at(d: int, rng: np.random.Generator) -> Draw:
        teacher = rng.standard_normal(d) / math.sqrt(d)

        def draw(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = entries(rng, (count, d))
            return x, x @ teacher + 0.5 * rng.standard_normal(count)

        return draw

    return at


def gaussian(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
    return rng.standard_normal(shape)


ENTRIES = {
    "rademacher": lambda rng, shape: rng.choice([-1.0, 1.0], size=shape),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), size=shape),
}
LADDER: dict[str, Any] = {"dimensions": (12, 36), "samples": lambda d: 2 * d, "ridge": 0.1, "runs": 160, "test": 300}


@pytest.mark.parametrize("entries", ENTRIES)
def test_green_regression_on_inputs_beyond_gaussian(entries: Any) -> None:
    assert_universal(regression(ENTRIES[entries]), regression(gaussian), **LADDER)


def test_red_regression_on_rows_of_random_size() -> None:
    def sized(rng: np.random.Generator, shape: tuple[int, int]) -> Array:
        return rng.standard_normal(shape) * np.sqrt(rng.exponential(size=(shape[0], 1)))

    with pytest.raises(UniversalityError):
        assert_universal(regression(sized), regression(gaussian), **(LADDER | {"ridge": 0.01, "deviation": Deviation(0.1, order=-0.5)}))


@pytest.mark.parametrize("inputs", [Rademacher(), Uniform()], ids=str)
def test_green_pre_activations_of_inputs_beyond_gaussian(inputs: Any) -> None:
    # Lemma 1's deviation C/d; C ≤ 10 for these.
    assert_gaussian(pre_activations(inputs, np.random.default_rng(0)), 1.0, deviation=Deviation(10, order=-1, d=24), resolution=0.5)


def test_red_pre_activations_of_heavy_tailed_inputs() -> None:
    # Student's t with 3 degrees of freedom has no fourth moment, and neither has h.
    with pytest.raises(UniversalityError):
        assert_gaussian(pre_activations(StudentT(3), np.random.default_rng(0)), 1.0, deviation=Deviation(10, order=-1, d=24))
