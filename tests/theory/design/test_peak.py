"""Peaks are stationary, at the threshold where they are infinite, and absent where they are absent."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, PolynomialActivation, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_curve, icl_error, icl_gradient, interpolation_peak

RELU = Task("relu", noise=0.01)
WHERE = Ratios(1, 0.5, 1.5, 1.2)


@pytest.mark.parametrize("along", ["tau", "mu"])
def test_without_ridge_the_peak_is_at_n_equal_to_m(along: str) -> None:
    peak = interpolation_peak(RandomTransformer("tanh", 0.1), RELU, WHERE, along)  # type: ignore[arg-type]
    assert peak.position == pytest.approx(WHERE.mu if along == "tau" else WHERE.tau, rel=1e-14)
    assert (peak.height, peak.prominence) == (math.inf, math.inf)


@pytest.mark.parametrize("error", ["icl", "idg"])
def test_a_peak_of_a_linear_transformer_is_a_local_maximum(error: str) -> None:
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


def test_at_finite_size_the_peak_is_finite_near_the_threshold() -> None:
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


def test_hidden_units_play_no_role_for_a_linear_transformer() -> None:
    sizes = Sizes.from_ratios(20, alpha=1, kappa=0.5, tau=1.5, mu=0.75)
    peaks = [interpolation_peak(LinearTransformer(0.1), RELU, where) for where in (sizes, replace(sizes, hidden=None))]
    assert peaks[0] == peaks[1]


def test_a_large_ridge_takes_the_peak_in_m_away() -> None:
    sizes = Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1.5)
    peak = interpolation_peak(RandomTransformer("relu", 10.0), RELU, sizes, "mu")
    assert math.isnan(peak.position)
    assert math.isnan(peak.height)
    assert peak.prominence == 1


def _affine(ridge: float) -> RandomTransformer:
    return RandomTransformer(PolynomialActivation("affine", (0.5, 1.0), 0.0), ridge)


def test_without_nonlinear_part_the_rank_is_at_most_d() -> None:
    """m > D: the peak is at n = D (a search about n = m would miss it); m < D: at n = m."""
    for mu, threshold in ((1.2, 1.0), (0.7, 0.7), (math.inf, 1.0)):
        peak = interpolation_peak(_affine(0.1), RELU, replace(WHERE, mu=mu))
        assert (peak.position, peak.threshold, peak.height) == (threshold, threshold, math.inf)
    sizes = Sizes.from_ratios(20, alpha=1, kappa=0.5, tau=1.5, mu=1.5)
    peak = interpolation_peak(_affine(0.1), RELU, sizes)
    assert peak.threshold == pytest.approx(21 / 20, rel=1e-15)
    assert 0.8 < peak.position / peak.threshold < 1
    # 420 = D: n = m = D is reached, one sample more is not.
    for samples, reached in ((420, True), (421, False)):
        assert math.isfinite(interpolation_peak(_affine(0.1), RELU, replace(sizes, samples=samples), "mu").threshold) == reached


def test_beyond_every_rank_no_threshold_a_plateau_is_no_peak() -> None:
    """n > D: every m > D makes the same predictions, up to rounding."""
    peak = interpolation_peak(_affine(0.0), RELU, WHERE, "mu")
    assert all(map(math.isnan, (peak.position, peak.height, peak.threshold)))
    assert peak.prominence == 1


def test_the_kernel_limit_of_nonlinear_heads_never_interpolates() -> None:
    peak = interpolation_peak(RandomTransformer("relu", 0.1), RELU, replace(WHERE, mu=math.inf))
    assert peak.threshold == math.inf
    # What is left is the peak of the linear part, near n = D, smoothed by c_*.
    assert 1 < peak.position < 2
    assert 1 < peak.prominence < 2


def test_the_prominence_is_over_the_higher_valley() -> None:
    """The limit at the points of the search: the same numbers, up to the rounding of its grid."""
    model = LinearTransformer(0.1)
    peak = interpolation_peak(model, RELU, WHERE)
    tau = np.geomspace(0.01, 100, 97)
    icl = icl_curve(model, RELU, [replace(WHERE, tau=x) for x in tau]).icl
    before, after = icl[tau < peak.position].min(), icl[tau > peak.position].min()
    assert peak.prominence == pytest.approx(peak.height / max(before, after), rel=1e-12)
    assert peak.prominence < 0.95 * peak.height / min(before, after)


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
