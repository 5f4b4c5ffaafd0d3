"""The sufficient degrees, and what a degree leaves out."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from hermite_eq import HypothesisError, Sizes, coefficients
from hermite_eq.expansion import gaussian_mean
from hermite_eq.structured import conditional_coefficients, degree_needed, missed_share

SIZES = Sizes(d=16, context=16, tasks=8, samples=4096, hidden=1024)


@pytest.mark.parametrize("r", range(1, 8))
def test_the_coupling_criterion_is_its_definition(r: int) -> None:
    for coupling in (0.999 * 4096 ** (-1 / r), 1.001 * 4096 ** (-1 / r)):
        degree = degree_needed(SIZES, coupling=coupling).by_coupling
        holds = [coupling <= 4096 ** (-1 / q) for q in range(1, 20)]
        assert degree == 1 + holds.index(True)


def test_the_constant_and_where_no_degree_suffices() -> None:
    assert degree_needed(SIZES, coupling=0.5, constant=1.0).by_coupling == 12
    assert degree_needed(SIZES, coupling=0.5, constant=4.0).by_coupling == 4
    none = degree_needed(SIZES, coupling=0.5, constant=0.5, strength=2.0)
    assert none.by_coupling is None
    assert none.degree is None
    assert degree_needed(SIZES, strength=1024.0).by_exponent is None


def test_the_exponent() -> None:
    degree = degree_needed(SIZES, strength=1024**0.6, coupling=0.01, measured=1)
    assert degree.exponent == pytest.approx(0.6, rel=1e-14)
    assert (degree.by_exponent, degree.by_coupling, degree.degree, degree.measured) == (2, 2, 2, 1)
    assert degree_needed(SIZES, strength=0.1).by_exponent == 0
    assert degree_needed(SIZES, strength=0.1).degree == 1
    assert str(degree) == "max coupling 0.01: r = 2; β = 0.6: p = 2; measured: 1"


@pytest.mark.parametrize(("beta", "degree"), [(0.0, 1), (0.25, 1), (0.5, 2), (2 / 3, 3), (0.75, 4), (0.8, 5), (0.79, 4), (-0.5, 0)])
def test_the_remainder_vanishes_at_the_degree_and_not_below(beta: float, degree: int) -> None:
    assert degree_needed(SIZES, strength=1024**beta).by_exponent == degree
    # The exponent of n ω^{p+1}, whose terms are rounded where it is zero.
    exponents = [1 + (p + 1) * (beta - 1) for p in (degree - 1, degree)]
    assert exponents[1] < -1e-12
    assert exponents[0] > -1e-12 or degree == 0


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("rho", [0.3, 0.8])
def test_missed_shares_are_mean_squares_of_the_remainder(name: str, rho: float) -> None:
    # E over κ of c_0(κ, s)², by quadrature in κ.
    share, s = missed_share(name, rho, 6), math.sqrt(1 - rho**2)
    total = gaussian_mean(lambda x: np.square(conditional_coefficients(name, rho * x.ravel(), s, degree=0)[:, 0]).reshape(x.shape))
    norm2 = float(coefficients(name, 0).norm2)
    c = np.asarray(coefficients(name, 6))
    terms = c**2 * rho ** (2 * np.arange(7)) / [math.factorial(k) for k in range(7)]
    # Differences of numbers of size E σ².
    assert np.abs(share - (total - np.cumsum(terms)) / norm2).max() < 64 * np.finfo(float).eps
    assert (np.diff(share) <= 0).all()


@pytest.mark.parametrize("rho", [0.99, 0.9999])
def test_near_one_missed_shares_are_those_of_the_closed_kernel(rho: float) -> None:
    # The whole series is the arc-cosine kernel at ρ², over E σ² = 1/2; E c_0(κ)² less its terms of degree ≤ p.
    omega = rho**2
    whole = (math.sqrt(1 - omega**2) + omega * (math.pi - math.acos(omega))) / (2 * math.pi)
    c = np.asarray(coefficients("relu", 6))
    terms = c**2 * omega ** np.arange(7) / [math.factorial(k) for k in range(7)]
    assert np.abs(missed_share("relu", rho, 6) - 2 * (whole - np.cumsum(terms))).max() < 64 * np.finfo(float).eps


def test_a_polynomial_misses_nothing_from_its_degree_on() -> None:
    share = missed_share("hermite2", 0.9, 4)
    assert share[0] == share[1] == pytest.approx(0.9**4, rel=1e-13)
    assert np.abs(share[2:]).max() < 64 * np.finfo(float).eps


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "there is a criterion to evaluate; found neither coupling nor strength. Repair: pass coupling=0.1 or strength=10.0, say"),
        (
            {"coupling": 2.0},
            "a coupling is the standard deviation of one component of a pre-activation of variance one, 0 < ρ < 1; "
            "found coupling=2.0. Repair: divide by the standard deviation of the pre-activation",
        ),
        ({"strength": 0.0}, "the strength is a positive number; found strength=0.0. Repair: pass strength=1.0, say"),
    ],
)
def test_errors(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(HypothesisError) as error:
        degree_needed(SIZES, **arguments)
    assert str(error.value) == message


def test_the_exponent_needs_the_hidden_width() -> None:
    with pytest.raises(HypothesisError, match=r"sizes\.hidden=None"):
        degree_needed(Sizes(4, 4, 2, 16), strength=2.0)
