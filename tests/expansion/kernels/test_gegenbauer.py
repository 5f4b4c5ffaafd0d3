"""Gegenbauer coefficients: on the sphere by simulation, on the circle by Fourier, and towards their Hermite limit."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest

from hermite_eq import HypothesisError, HypothesisWarning, activation, coefficients
from hermite_eq.errors import ConvergenceError
from hermite_eq.expansion import gegenbauer_coefficients

#: Two-sided false-alarm rate 6e-5 for each comparison.
Z = 4.0


@pytest.mark.parametrize("d", [3, 24])
def test_the_kernel_on_the_sphere_is_the_sum_over_harmonics(d: int) -> None:
    """E σ(wᵀx)σ(w'ᵀx) over the sphere against Σ (c_k²/k!) P_k(wᵀw'), and against Hermite coefficients, which are refuted."""
    rng, rho, degree = np.random.default_rng(5), 0.6, 30
    x = rng.standard_normal((400_000, d))
    x *= math.sqrt(d) / np.linalg.norm(x, axis=1, keepdims=True)
    sigma = activation("exp")
    products = sigma(x[:, 0]) * sigma(rho * x[:, 0] + math.sqrt(1 - rho**2) * x[:, 1])
    expansion = gegenbauer_coefficients("exp", d, degree)
    half = d / 2 - 1
    legendre = [float(mpmath.gegenbauer(k, half, rho) / mpmath.gegenbauer(k, half, 1)) for k in range(degree + 1)]
    predicted = sum(c * c / math.factorial(k) * p for k, (c, p) in enumerate(zip(expansion.c, legendre, strict=True)))
    stderr = products.std() / math.sqrt(len(products))
    assert abs(products.mean() - predicted) < Z * stderr
    wrong = sum(c * c / math.factorial(k) * rho**k for k, c in enumerate(np.asarray(coefficients("exp", degree))))
    assert abs(products.mean() - wrong) > Z * stderr


def test_eigenvalues_are_those_of_the_operator() -> None:
    """E_y σ(xᵀy/√d)f(y) = λ_k f(x), f(y) = y_1y_2 of degree 2."""
    rng, d = np.random.default_rng(6), 5
    y = rng.standard_normal((400_000, d))
    y *= math.sqrt(d) / np.linalg.norm(y, axis=1, keepdims=True)
    x = np.array([2.0, 1.0, 0.0, 0.0, 0.0])
    values = activation("softplus")(y @ x / math.sqrt(d)) * y[:, 0] * y[:, 1]
    expansion = gegenbauer_coefficients("softplus", d, 2)
    assert abs(values.mean() - expansion.eigenvalues[2] * x[0] * x[1]) < Z * values.std() / math.sqrt(len(values))


@pytest.mark.parametrize("name", ["relu", "tanh", "max(x - 1/3, 0)", "gelu"])
def test_the_hermite_limit_is_approached_as_one_over_d(name: str) -> None:
    limit = np.asarray(coefficients(name, 4))
    gaps = [np.array(gegenbauer_coefficients(name, d, 4).c) - limit for d in (1000, 2000)]
    moves = np.abs(gaps[0]) > 1e-10
    # The next order is c/d of the first, so that the ratio is off by 2c/2000: |c| < 20.
    np.testing.assert_allclose(gaps[0][moves] / gaps[1][moves], 2.0, rtol=2e-2)


def test_on_the_circle_they_are_fourier_coefficients() -> None:
    expansion = gegenbauer_coefficients("exp", 2, 5)
    # exp(√2 cos θ) = I_0 + 2 Σ I_k cos kθ, and q_k = √2 cos kθ.
    expected = [float(mpmath.besseli(k, math.sqrt(2))) * math.sqrt((1 if k == 0 else 2) * math.factorial(k)) for k in range(6)]
    assert np.all(np.abs(np.array(expansion.c) - expected) <= expansion.errors)


def test_on_two_points() -> None:
    expansion = gegenbauer_coefficients("relu", 1, 1)
    np.testing.assert_allclose(expansion.c, [0.5, 0.5], rtol=1e-15)
    with pytest.raises(HypothesisError, match="two points of d = 1"):
        gegenbauer_coefficients("relu", 1, 2)


def test_hostile_functions() -> None:
    assert gegenbauer_coefficients("0", 7, 3).c == (0.0, 0.0, 0.0, 0.0)
    # A pole that is square integrable is within the stated error: E|u|^{-1/4} of a coordinate in d = 3, uniform on [−√3, √3].
    rough = gegenbauer_coefficients("abs(x)**(-1/4)", 3, 0)
    assert abs(rough.c[0] - 3 ** (-1 / 8) * 4 / 3) <= rough.errors[0] < 1e-6
    with pytest.raises(HypothesisError, match="square integrable"):
        gegenbauer_coefficients("1/x", 5)
    with pytest.warns(HypothesisWarning, match="unresolved"), pytest.raises(ConvergenceError, match="smooth between its kinks"):
        gegenbauer_coefficients(lambda x: np.sign(np.sin(40 * x)), 5)
    for d in (0, -1, 2.5, "3"):
        with pytest.raises(HypothesisError):
            gegenbauer_coefficients("relu", d)  # type: ignore[arg-type]


def test_parseval_and_tex() -> None:
    expansion = gegenbauer_coefficients("x^3 + x", 4, 3)
    assert sum(c * c / math.factorial(k) for k, c in enumerate(expansion.c)) == pytest.approx(expansion.norm2, rel=1e-12)
    assert r"$c_k^{(4)}$ & $c_k$" in expansion.latex()
