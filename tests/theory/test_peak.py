"""Peaks are stationary, at the threshold where they are infinite, and absent where they are absent."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_error, icl_gradient, interpolation_peak

RELU = Task("relu", noise=0.01)
WHERE = Ratios(1, 0.5, 1.5, 1.2)


@pytest.mark.parametrize("along", ["tau", "mu"])
def test_without_ridge_the_peak_is_at_n_equal_to_m(along: str) -> None:
    peak = interpolation_peak(RandomTransformer("tanh", 0.1), RELU, WHERE, along)  # type: ignore[arg-type]
    assert peak.position == pytest.approx(WHERE.mu if along == "tau" else WHERE.tau, rel=1e-14)
    assert (peak.height, peak.prominence) == (math.inf, math.inf)


@pytest.mark.parametrize("error", ["icl", "idg"])
def test_a_peak_of_the_linear_transformer_is_a_stationary_maximum(error: str) -> None:
    model = LinearTransformer(0.1)
    peak = interpolation_peak(model, RELU, WHERE, "tau", error)  # type: ignore[arg-type]
    at = replace(WHERE, tau=peak.position)
    gradient = icl_gradient(model, RELU, at, error)  # type: ignore[arg-type]
    # Brent's position is good to √ε relative (the error is flat there): the slope to √ε times the curvature, here of order height/τ².
    assert abs(gradient.d_tau) < 1e-6 * peak.height / peak.position
    assert getattr(gradient.error, error) == pytest.approx(peak.height, rel=1e-12)
    for factor in (0.9, 1.1):
        assert getattr(icl_error(model, RELU, replace(at, tau=factor * peak.position)), error) < peak.height
    assert 0 < peak.position < peak.threshold == 1
    assert peak.prominence > 1


def test_at_finite_size_the_peak_is_finite_and_beside_the_threshold() -> None:
    sizes = Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.0, mu=1.5)
    heights = []
    for ridge in (1e-3, 1e-1):
        peak = interpolation_peak(RandomTransformer("relu", ridge), RELU, sizes)
        assert 0.9 * 1.5 < peak.position < 1.5 == peak.threshold
        heights.append(peak.height)
        below, beyond = (icl_error(RandomTransformer("relu", ridge), RELU, replace(sizes, samples=round(factor * peak.position * 1600))).icl
                         for factor in (0.8, 1.25))  # fmt: skip
        assert max(below, beyond) < peak.height
    # e ~ λ^{-1/2} at the threshold: a factor √10 for each decade in the limit of small λ, less above.
    assert 10 * heights[1] > heights[0] > 3 * heights[1]


def test_a_large_ridge_takes_the_peak_in_m_away() -> None:
    sizes = Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1.5)
    peak = interpolation_peak(RandomTransformer("relu", 10.0), RELU, sizes, "mu")
    assert math.isnan(peak.position)
    assert math.isnan(peak.height)
    assert peak.prominence == 1


@pytest.mark.parametrize(
    ("model", "where", "along", "message"),
    [
        (
            LinearTransformer(0.1), WHERE, "mu",
            'the number of hidden units can be varied; found linear. Repair: pass along="tau", or a RandomTransformer',
        ),
        (
            RandomTransformer("relu", 0.1), Ratios(1, 1, 1), "tau",
            "a random head has hidden units; found Ratios(alpha=1.0, kappa=1.0, tau=1.0, mu=None). Repair: pass mu=…",
        ),
    ],
)  # fmt: skip
def test_messages(model: Model, where: Ratios, along: str, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        interpolation_peak(model, RELU, where, along)  # type: ignore[arg-type]
    assert str(caught.value) == message
