"""Coefficients given a spike component: exact = double = enclosed = Monte Carlo, and the identities between them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisError, coefficients
from hermite_eq.activations import activation
from hermite_eq.expansion import scaled_norm2
from hermite_eq.hermite import X
from hermite_eq.structured import affine, conditional_coefficients, conditional_model, gaussian_equivalent, truncated_conditional

EPS = float(np.finfo(float).eps)
SHIFTS, SCALES = np.array([-2.5, -0.3, 0.0, 0.7, 30.0]), np.array([0.05, 0.8, 1.0, 1.7, 0.6])
DEGREE = 5
ROOTS = np.sqrt([math.factorial(k) for k in range(DEGREE + 1)])


@pytest.mark.parametrize("name", ["relu", "tanh", "gelu", "softplus", "abs", "sin"])
def test_doubles_are_enclosed_coefficients_of_the_affine(name: str) -> None:
    conditional = conditional_coefficients(name, SHIFTS, SCALES, degree=DEGREE)
    norms = np.sqrt(scaled_norm2(name, SCALES, shifts=SHIFTS))
    for row, m, s, norm in zip(conditional, SHIFTS, SCALES, norms, strict=True):
        expansion = coefficients(affine(name, m, s), DEGREE)
        reference = np.array([float(expansion.enclosure(k, 20)) for k in range(DEGREE + 1)])
        # |c_k| ≤ √k! ‖σ‖; rounding of products and of the argument, whose relative error costs |m + sg| σ'.
        assert np.abs(row - reference).max() < 64 * EPS * ROOTS.max() * (norm + abs(m) + s)
        assert abs(norm**2 - float(expansion.norm2_enclosure(20))) < 64 * EPS * (norm + abs(m) + s) ** 2


def test_monte_carlo_and_that_five_per_cent_would_be_seen() -> None:
    g = np.random.default_rng(7).standard_normal(400_000)
    m, s = 0.8, 0.6
    value = conditional_coefficients("relu", m, s, degree=2)[0]
    for k, polynomial in enumerate([np.ones_like(g), g, g**2 - 1]):
        values = np.maximum(m + s * g, 0) * polynomial
        stderr = values.std() / math.sqrt(len(g))
        # |z| < 5: false alarm 3 · 5.7e-7.
        assert abs(values.mean() - value[k]) < 5 * stderr
        assert abs(values.mean() - 1.05 * value[k]) > 5 * stderr or k == 2


def test_closed_forms_in_a_symbol_are_those_at_its_values() -> None:
    kappa, s = sympy.Symbol("kappa", real=True), sympy.Symbol("s", positive=True)
    symbolic = coefficients(affine("relu", kappa, s), 4)
    for m, scale in [(sympy.Rational(-1, 3), sympy.Rational(1, 2)), (sympy.Integer(2), sympy.Integer(1))]:
        exact = coefficients(affine("relu", m, scale), 4)
        for k in range(5):
            assert sympy.simplify(symbolic[k].subs({kappa: m, s: scale}) - exact[k]) == 0


def test_a_float_is_the_decimal_that_was_written() -> None:
    assert affine("relu", 0.3, 0.8).expression == sympy.Max(0, sympy.Rational(3, 10) + sympy.Rational(4, 5) * X)
    assert affine("relu", np.float64(0.25), np.int64(2)).kinks == (sympy.Rational(-1, 8),)


def test_a_bare_callable_keeps_its_declared_facts() -> None:
    sigma = activation(lambda x: np.maximum(x - 0.3, 0), name="hinge", kinks=[0.3], lipschitz=1.0)
    shifted = affine(sigma, 0.5, 0.4)
    assert shifted.name == "hinge(0.5 + 0.4x)"
    assert [float(kink) for kink in shifted.kinks] == [pytest.approx(-0.5, abs=4 * EPS)]
    assert shifted.lipschitz == pytest.approx(0.4)
    reference = conditional_coefficients("max(x - 3/10, 0)", 0.5, 0.4, degree=4)[0]
    assert np.abs(np.asarray(coefficients(shifted, 4)) - reference).max() < 64 * EPS * math.sqrt(24)


@pytest.mark.parametrize("name", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("coupling", [0.2, 0.7])
def test_tower_and_parseval_over_the_spike(name: str, coupling: float) -> None:
    # κ on a Gauss-Hermite grid; the coefficients given κ are analytic in it for s > 0.
    x, weight = np.polynomial.hermite_e.hermegauss(120)
    weight = weight / weight.sum()
    s = math.sqrt(1 - coupling**2)
    c = np.asarray(coefficients(name, 4))
    given = conditional_coefficients(name, coupling * x, s, degree=4)
    # ReLU's coefficients given κ have features of width s/ρ in x ≥ 1, resolved by 120 nodes to about e^{−√120 s/ρ}.
    accuracy = 64 * EPS + math.exp(-math.sqrt(120) * s / coupling)
    assert np.abs(weight @ given - s ** np.arange(5) * c).max() < accuracy * ROOTS.max()
    squares = weight @ (given**2 / [math.factorial(k) for k in range(5)])
    norms = float(weight @ scaled_norm2(name, np.array([s]), shifts=coupling * x))
    assert abs(norms - float(coefficients(name, 0).norm2)) < accuracy
    assert squares.sum() <= norms * (1 + accuracy)


def test_a_truncated_polynomial_is_its_conditional_expansion() -> None:
    # σ̂_p is a polynomial: its coefficients given κ are those of the engine on that polynomial.
    rho, p = 0.6, 3
    c = coefficients("relu", p)
    polynomial = sum(
        sympy.Rational(str(round(float(ck), 12))) * sympy.expand_func(h) / math.factorial(k)
        for k, (ck, h) in enumerate(zip(c, [1, X, X**2 - 1, X**3 - 3 * X], strict=True))
    )
    kappa = np.array([-1.0, 0.1, 2.0])
    reference = conditional_coefficients(polynomial, kappa, math.sqrt(1 - rho**2), degree=p)
    # Coefficients were cut at 12 decimals.
    assert np.abs(truncated_conditional("relu", kappa, rho, degree=p) - reference).max() < 1e-11


def test_the_conditional_model_keeps_mean_and_second_moment() -> None:
    model = conditional_model("relu", 0.5, 0.75, degree=2)
    value = conditional_coefficients("relu", 0.5, 0.75, degree=2)[0]
    assert np.allclose([float(c) for c in model.c], value, rtol=0, atol=64 * EPS)
    second = sum(float(c) ** 2 / math.factorial(k) for k, c in enumerate(model.c)) + float(model.residual) ** 2
    assert second == pytest.approx(float(scaled_norm2("relu", [0.75], shifts=[0.5])[0]), rel=64 * EPS)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: affine("relu", 0, 0),
            "the scale of a pre-activation is positive; found scale=0. Repair: pass scale=1, or a positive symbol",
        ),
        (
            lambda: affine("relu", 0, sympy.Symbol("s", real=True)),
            "the scale of a pre-activation is positive; found scale=s. Repair: pass scale=1, or a positive symbol",
        ),
        (
            lambda: affine("relu", sympy.Symbol("k")),
            "the shift is a finite real number or a real symbol; found shift=k. Repair: pass shift=0.5, say",
        ),
        (
            lambda: affine("relu", math.nan),
            "the shift is a finite real number or a real symbol; found shift=nan. Repair: pass shift=0.5, say",
        ),
        (lambda: affine("relu", "1"), "the shift is a finite real number or a real symbol; found shift='1'. Repair: pass shift=0.5, say"),
        (
            lambda: affine(np.tanh, sympy.Symbol("k", real=True)),
            "a formula of σ is needed for coefficients in a symbol; "
            "found the bare callable tanh. Repair: pass numbers, or an expression of σ",
        ),
        (
            lambda: conditional_coefficients("relu", [math.inf]),
            "shifts are finite numbers; found shifts=array([inf]). Repair: pass shifts=[-1.0, 0.0], say",
        ),
        (
            lambda: truncated_conditional("relu", [0.0], 1.0, degree=2),
            "a coupling is the standard deviation of one component of a "
            "pre-activation of variance one, 0 < ρ < 1; found coupling=1.0. Repair: divide by the standard deviation of the pre-activation",
        ),
    ],
)
def test_errors(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as error:
        call()
    assert str(error.value) == message


@pytest.mark.parametrize("kappa", [-1.3, 0.0, 0.4])
@pytest.mark.parametrize("s", [0.6, 1.0])
def test_constants_of_the_gaussian_equivalent_given_a_spike(kappa: float, s: float) -> None:
    """Closed forms of sign, erf, |x| and ReLU in the spike component, from Gaussian smoothing by hand, and the slope as E σ'."""
    ratio = kappa / s
    density, distribution = math.exp(-(ratio**2) / 2) / math.sqrt(2 * math.pi), (1 + math.erf(ratio / math.sqrt(2))) / 2
    relu = kappa * distribution + s * density
    expected = {
        "sign": (2 * distribution - 1, 2 * density / s, 1.0),
        "relu": (relu, distribution, (kappa**2 + s**2) * distribution + kappa * s * density),
        "abs": (2 * relu - kappa, 2 * distribution - 1, kappa**2 + s**2),
        "erf": (
            math.erf(kappa / math.sqrt(1 + 2 * s**2)),
            2 / math.sqrt(math.pi * (1 + 2 * s**2)) * math.exp(-(kappa**2) / (1 + 2 * s**2)),
            float(coefficients(affine("erf", kappa, s), 0).norm2),
        ),
    }
    for name, (mean, slope, square) in expected.items():
        equivalent = gaussian_equivalent(name, kappa, s)
        np.testing.assert_allclose([float(equivalent.mu_0), float(equivalent.mu_1)], [mean, slope], rtol=1e-12, atol=1e-15)
        # Of a difference of numbers of order 1, a root.
        assert abs(float(equivalent.mu_2) ** 2 - (square - mean**2 - (s * slope) ** 2)) < 1e-13
    # A wrong theory: the constants without the spike.
    assert abs(float(gaussian_equivalent("relu", kappa, s).mu_1) - 0.5) > 1e-3 or not kappa
