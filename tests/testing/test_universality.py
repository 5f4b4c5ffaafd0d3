"""assert_universal on linear and random features: universal inputs green, others red."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import HypothesisError, coefficients
from hermite_eq.testing import Deviation, UniversalityError, Verdict, assert_universal
from hermite_eq.testing.universality import Draw, FeatureMap

Array = NDArray[np.float64]

LADDER: dict[str, Any] = {"dimensions": (12, 36), "samples": lambda d: 2 * d, "ridge": 0.1, "runs": 160, "test": 300, "resolution": 0.3}
ENTRIES = {
    "gaussian": lambda rng, shape: rng.standard_normal(shape),
    "rademacher": lambda rng, shape: rng.choice([-1.0, 1.0], size=shape),
    "uniform": lambda rng, shape: rng.uniform(-math.sqrt(3), math.sqrt(3), size=shape),
    "a common sign and scale": lambda rng, shape: rng.standard_normal(shape) * np.sqrt(rng.exponential(size=(shape[0], 1))),
}


def linear(entries: str, scale: float = 1.0) -> FeatureMap:
    def at(d: int, rng: np.random.Generator) -> Draw:
        teacher = rng.standard_normal(d)

        def draw(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = ENTRIES[entries](rng, (count, d))
            return scale * x, x @ teacher / math.sqrt(d) + 0.5 * rng.standard_normal(count)

        return draw

    return at


def features(gaussian: bool, c1: float = 1.0, residual: float = 1.0) -> FeatureMap:
    """σ = tanh on random weights, or its equivalent c_1 u + c_1* z; labels linear in the input."""
    c = coefficients("tanh", 1)

    def at(d: int, rng: np.random.Generator) -> Draw:
        weights, teacher = rng.standard_normal((d, 2 * d)) / math.sqrt(d), rng.standard_normal(d)

        def draw(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = rng.standard_normal((count, d))
            u = x @ weights
            noise = rng.standard_normal(u.shape)
            values = c1 * float(c[1]) * u + residual * float(c.residual(1)) * noise if gaussian else np.tanh(u)
            return values / math.sqrt(d), x @ teacher / math.sqrt(d) + 0.1 * rng.standard_normal(count)

        return draw

    return at


@pytest.mark.parametrize("entries", ["rademacher", "uniform"])
def test_universal_inputs_are_green(entries: Any) -> None:
    assert assert_universal(linear(entries), linear("gaussian"), **LADDER).verdict == Verdict.AGREES


def test_a_scale_mixture_of_inputs_is_red() -> None:
    strict = LADDER | {"ridge": 0.01, "deviation": Deviation(0.1, order=-0.5)}
    with pytest.raises(UniversalityError) as error:
        assert_universal(linear("a common sign and scale"), linear("gaussian"), **strict)
    assert str(error.value).startswith("assert_universal: the data contradict the claim that ridge regression has the same errors on the")
    assert "errors" in error.value.check.finding


def test_random_features_and_their_equivalent() -> None:
    ladder = LADDER | {"dimensions": (8, 20), "samples": lambda d: 4 * d, "ridge": 1e-3, "runs": 60, "test": 200, "resolution": 0.8}
    assert assert_universal(features(False), features(True), **ladder).verdict == Verdict.AGREES
    strict = ladder | {"deviation": Deviation(0.2, order=-0.5)}
    for wrong in ({"residual": 0.5}, {"c1": 0.5}):
        with pytest.raises(UniversalityError):
            assert_universal(features(False), features(True, **wrong), **strict)


def test_a_gap_that_does_not_shrink_is_red_within_the_deviation() -> None:
    # Features of half the size see four times the ridge: more than twice the training error at every d, and 40 d^{-1/2} allows that.
    loose = LADDER | {"dimensions": (8, 32), "deviation": Deviation(40.0, order=-0.5), "ridge": 0.5, "runs": 200}
    with pytest.raises(UniversalityError, match=r"an exponent of .* where -0.5 was claimed"):
        assert_universal(linear("gaussian", scale=0.5), linear("gaussian"), **loose)


def test_too_few_runs_cannot_tell() -> None:
    with pytest.raises(HypothesisError) as error:
        assert_universal(linear("rademacher"), linear("gaussian"), **(LADDER | {"runs": 8}))
    assert error.value.repair.startswith("pass runs=")


def test_the_power_is_that_of_the_combinations_watched() -> None:
    # Of one map with itself b − a is zero, and b − (1 ± δ)a scatters as a does.
    with pytest.raises(HypothesisError) as error:
        assert_universal(linear("gaussian"), linear("gaussian"), **(LADDER | {"runs": 8, "resolution": 0.05}))
    assert int(error.value.repair.removeprefix("pass runs=").split()[0]) > 8


def _bad(features: Callable[[int, int], Any], labels: Callable[[int], Any]) -> FeatureMap:
    return lambda d, rng: lambda count, rng: (features(count, d), labels(count))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"feature_map": _bad(lambda n, d: np.full((n, d), np.nan), np.ones)},
            "features and labels are finite; found NaN or infinite values. Repair: find where the features overflow",
        ),
        (
            {"feature_map": _bad(lambda n, d: np.ones((n + 1, d)), np.ones)},
            "draw(count, rng) returns features of shape (count, p) and labels of shape (count,); found shapes (25, 12) and (24,) for "
            "count=24. Repair: return one row and one label for each draw",
        ),
        (
            {"feature_map": _bad(lambda n, d: np.random.default_rng(0).standard_normal((n, d + 1)), np.ones)},
            "both maps have the same number of features; found 13 and 12 at d = 12. Repair: let the surrogate have one column for each "
            "feature",
        ),
        (
            {"dimensions": (12,)},
            "the ladder has two or more different dimensions; found dimensions=(12,). Repair: pass dimensions=(20, 40, 80)",
        ),
        ({"ridge": 0.0}, "the ridge is positive and finite; found ridge=0.0. Repair: pass ridge=1e-3, say"),
        ({"runs": 3}, "a scatter over runs is known from 8 of them; found runs=3. Repair: pass runs=64"),
        ({"deviation": 0.1}, "the deviation of a ladder has an order; found 0.1. Repair: pass Deviation(1.0, order=-0.5)"),
    ],
)
def test_errors(change: Any, message: Any) -> None:
    arguments = {"feature_map": linear("gaussian"), "gaussian_map": linear("gaussian"), **LADDER} | change
    with pytest.raises(HypothesisError) as error:
        assert_universal(**arguments)
    assert str(error.value) == message
