"""Closed forms against integrals of the density, and against drawn matrices."""

from __future__ import annotations

import math
import sys

import mpmath
import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.spectra.marchenko_pastur import density, resolvent_moments, support

POWERS = {"g": (0, 1), "g2": (0, 2), "s_1": (1, 1), "s_2": (1, 2), "s_3": (1, 3), "s2_1": (2, 1), "s2_2": (2, 2), "s3_2": (3, 2)}
EPS = sys.float_info.epsilon


def integral(i: int, j: int, y: float, p: float, kappa: float) -> mpmath.mpf:
    """⟨sⁱ/(ps+y)ʲ⟩ by quadrature of the density: s = (s₊+s₋)/2 + (s₊−s₋)/2 cos t turns both edges into smooth periodic ends."""
    with mpmath.workdps(20):
        y, p, gamma = mpmath.mpf(y), mpmath.mpf(p), 1 / mpmath.mpf(kappa)
        middle, half = 1 + gamma, 2 * mpmath.sqrt(gamma)

        def integrand(t: mpmath.mpf) -> mpmath.mpf:
            s = middle + half * mpmath.cos(t)
            return (half * mpmath.sin(t)) ** 2 / (2 * mpmath.pi * gamma) * s ** (i - 1) / (p * s + y) ** j

        atom = max(mpmath.mpf(0), 1 - 1 / gamma) / y**j if i == 0 else 0
        return mpmath.quad(integrand, mpmath.linspace(0, mpmath.pi, 5)) + atom


@pytest.mark.parametrize("kappa", [0.05, 0.5, 0.98, 1.03, 3.0, 40.0])
@pytest.mark.parametrize(("y", "p"), [(1e-2, 1.0), (0.7, 1.0), (30.0, 1.0), (0.4, 0.05), (0.4, 0.0)])
def test_closed_forms_are_the_integrals(kappa: float, y: float, p: float) -> None:
    moments = resolvent_moments(y, kappa, p)
    for name, (i, j) in POWERS.items():
        exact = integral(i, j, y, p, kappa)
        # About 20 operations on non-negative terms; the quadrature itself has 1e-15 or better at these distances from the spectrum.
        assert abs(getattr(moments, name) - exact) <= 40 * EPS * abs(exact), name


@pytest.mark.parametrize("y", [1e-12, 1e-3, 1.0, 1e9])
@pytest.mark.parametrize("p", [0.0, 1e-9, 1.0, 1e9])
def test_one_task_per_context_is_an_atom(y: float, p: float) -> None:
    moments = resolvent_moments(y, math.inf, p)
    for name, (_, j) in POWERS.items():
        assert abs(getattr(moments, name) * (p + y) ** j - 1) <= 40 * EPS, name


def test_relative_accuracy_at_extreme_arguments() -> None:
    rng = np.random.default_rng(20)
    y, p = 10.0 ** rng.uniform(-12, 12, 150), 10.0 ** rng.uniform(-6, 6, 150)
    kappa = 10.0 ** rng.uniform(-4, 4, 150)
    moments = resolvent_moments(y, kappa, p)
    with mpmath.workdps(200):
        for n in range(y.size):
            z, gamma, scale = mpmath.mpf(y[n]), 1 / mpmath.mpf(kappa[n]), mpmath.mpf(p[n])

            def stieltjes(z: mpmath.mpf, gamma: mpmath.mpf = gamma, scale: mpmath.mpf = scale) -> mpmath.mpf:
                b = z + scale * (1 - gamma)
                return (mpmath.sqrt(b * b + 4 * gamma * scale * z) - b) / (2 * gamma * scale * z)

            g = stieltjes(z)
            g2 = -mpmath.diff(stieltjes, z, h=z * mpmath.mpf(10) ** -90)
            g3 = mpmath.diff(stieltjes, z, 2, h=z * mpmath.mpf(10) ** -60) / 2
            exact = {
                "g": g,
                "g2": g2,
                "s_1": (1 - z * g) / scale,
                "s_2": (g - z * g2) / scale,
                "s_3": (g2 - z * g3) / scale,
                "s2_1": (scale - z + z * z * g) / scale**2,
                "s2_2": (1 - 2 * z * g + z * z * g2) / scale**2,
                "s3_2": (scale - 2 * z + 3 * z * z * g - z**3 * g2) / scale**3,
            }

            for name, value in exact.items():
                assert abs(getattr(moments, name)[n] - value) <= 60 * EPS * abs(value), (name, y[n], kappa[n], p[n])


@pytest.mark.parametrize("kappa", [0.3, 1.0, 2.5])
def test_density_has_the_mass_and_the_moments_of_the_law(kappa: float) -> None:
    lower, upper = support(kappa)
    middle, half = (upper + lower) / 2, (upper - lower) / 2
    # Chebyshev nodes of the second kind: exact for (polynomial) × √((s₊−s)(s−s₋)), so s·density and s²·density are exact.
    t = np.pi * np.arange(1, 40) / 40
    s = middle + half * np.cos(t)
    weights = np.pi / 40 * half * np.sin(t)
    first, second = (weights * s * density(s, kappa)).sum(), (weights * s**2 * density(s, kappa)).sum()
    assert abs(first - 1) <= 200 * EPS
    assert abs(second - (1 + 1 / kappa)) <= 200 * EPS * (1 + 1 / kappa)
    assert density(upper + 1, kappa) == 0


def test_drawn_wishart_matrices_follow_the_law() -> None:
    """Linear statistics fluctuate and are biased by O(1/d); 40 draws at d = 200, so the mean is checked to 5 standard errors + 1/d."""
    rng, d, kappa, y = np.random.default_rng(3), 200, 0.5, 0.4
    draws = []
    for _ in range(40):
        xi = rng.standard_normal((d, int(kappa * d)))
        s = np.linalg.eigvalsh(xi @ xi.T) / int(kappa * d)
        draws.append(np.mean(s / (s + y)))
    exact = float(resolvent_moments(y, kappa).s_1)
    allowed = 5 * np.std(draws, ddof=1) / math.sqrt(40) + exact / d
    assert abs(np.mean(draws) - exact) <= allowed
    assert abs(np.mean(draws) - 1.05 * exact) > allowed


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0.0, 1.0), "the Stieltjes transform is taken at a negative real point −y; found y=0.0. Repair: pass y > 0"),
        ((1.0, 0.0), "the ratio kappa is > 0 (inf allowed); found kappa=0.0. Repair: pass kappa=1.0, say"),
        ((1.0, math.nan), "the ratio kappa is > 0 (inf allowed); found kappa=nan. Repair: pass kappa=1.0, say"),
        ((1.0, 1.0, -1.0), "the scale p of the law is ≥ 0; found p=-1.0. Repair: pass p=1.0, say"),
    ],
)
def test_bad_arguments(arguments: tuple[float, ...], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        resolvent_moments(*arguments)
    assert str(caught.value) == message


def test_the_atom_has_no_density() -> None:
    with pytest.raises(HypothesisError, match=r"^the law has a density for 0 < kappa < inf; found kappa=inf"):
        density(1.0, math.inf)
