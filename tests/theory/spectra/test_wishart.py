"""The exact mean spectrum against exact moments, a known density, drawn matrices, and its limit."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
import scipy.stats

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments
from hermite_eq.theory.spectra.wishart import mean_spectrum, wishart_density

EPS = sys.float_info.epsilon
SHAPES = [(1, 1), (1, 7), (2, 2), (5, 3), (4, 9), (40, 40), (41, 40), (30, 600), (90, 45)]


@pytest.mark.parametrize(("d", "k"), SHAPES)
def test_moments_are_exact(d: int, k: int) -> None:
    """E tr Wʲ of a real Wishart matrix, j ≤ 3, and E tr W⁻¹ = N/(|d−k|−1); the sums have positive terms and a solve with A."""
    x, w = wishart_density(d, k)
    exact: dict[int, float] = {0: min(d, k), 1: d * k, 2: d * k * (d + k + 1), 3: d * k * (d * d + k * k + 3 * d * k + 3 * d + 3 * k + 4)}
    if abs(d - k) > 1:
        exact[-1] = min(d, k) / (abs(d - k) - 1)
    for power, value in exact.items():
        assert abs(w @ x**power / value - 1) < 64 * EPS, power
    # Density times weight: non-negative where it is above the rounding of the whole.
    assert w.min() > -64 * EPS * w.max()


def test_one_row_is_a_chi_square() -> None:
    x, w = wishart_density(1, 5)
    for scale in (0.01, 1.0, 30.0):
        exact = (1 + 2 / scale) ** -2.5
        assert abs(w @ np.exp(-x / scale) / exact - 1) < 64 * EPS
    # The distribution function at the ends of the panels is no smooth f: its quadrature is exact there only.
    assert abs(w[x < 1e-6].sum() - scipy.stats.chi2.cdf(1e-6, 5)) < 1e-12


@pytest.mark.parametrize(("d", "k", "y"), [(5, 5, 0.01), (6, 3, 0.2), (12, 24, 3.0)])
def test_resolvent_of_drawn_matrices(d: int, k: int, y: float) -> None:
    """20,000 draws, |z| < 5 (a false alarm in 10⁶); a value 5 % off is farther away."""
    rng = np.random.default_rng(d)
    X = rng.standard_normal((20_000, d, k))
    gram = X @ X.transpose(0, 2, 1) if d <= k else X.transpose(0, 2, 1) @ X
    values = np.trace(np.linalg.inv(gram + y * np.eye(min(d, k))), axis1=1, axis2=2)
    x, w = wishart_density(d, k)
    exact, stderr = float(w @ (1 / (x + y))), values.std(ddof=1) / math.sqrt(len(values))
    assert abs(values.mean() - exact) < 5 * stderr
    assert abs(values.mean() - 1.05 * exact) > 5 * stderr


def test_poles_close_to_zero_are_integrated() -> None:
    """The density's 1/√x at zero (d = k) meets 1/(x + y): E tr (W+y)⁻¹ ≈ πρ₀/√y as y → 0, the same ρ₀ at all y, up to O(√y)."""
    x, w = wishart_density(20, 20)
    values = [math.sqrt(y) * float(w @ (1 / (x + y))) for y in (1e-6, 1e-8, 1e-10)]
    assert abs(values[1] / values[0] - 1) < 2e-2
    assert abs(values[2] / values[1] - 1) < 2e-3


def test_the_mean_spectrum_approaches_its_limit_as_one_over_d() -> None:
    """Slope of the gap in ⟨1/(s+y)⟩ over d = 10 … 80, κ = ½: −1 with corrections of relative order 1/d."""
    limit = float(resolvent_moments(0.5, 0.5).g)
    sizes = np.array([10, 20, 40, 80])
    gaps = []
    for d in sizes:
        s, w = mean_spectrum(int(d), int(d) // 2)
        gaps.append(abs(w @ (1 / (s + 0.5)) - limit))
    slopes = np.diff(np.log(gaps)) / math.log(2)
    assert (np.abs(slopes + 1) < 2 / sizes[:-1]).all()


def test_large_matrices_are_refused() -> None:
    with pytest.raises(HypothesisError) as caught:
        wishart_density(1001, 2000)
    assert str(caught.value) == "the exact spectrum is for small matrices; found min(d, k)=1001. Repair: use the limit beyond 1000"
