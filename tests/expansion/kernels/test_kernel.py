"""The dual activation: closed form = series within its bound = Monte Carlo, for one function and for two."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisError, activation, coefficients, dual_activation
from hermite_eq.activations import registered_names
from hermite_eq.expansion import gaussian_mean
from hermite_eq.expansion.kernels import near_one
from hermite_eq.hermite import X

RHO = np.array([-0.9, -0.3, 0.0, 0.4, 0.8])
#: Two-sided false-alarm rate 6e-7 for each comparison.
Z = 5.0


@pytest.mark.parametrize("name", registered_names())
def test_the_closed_form_lies_within_the_bound_of_the_series(name: str) -> None:
    kernel = dual_activation(name)
    value, bound = kernel.series(RHO)
    assert kernel.certified
    assert np.all(bound >= 0)
    # Rounding of the closed form's own evaluation: some units in the last place of E σ², which dominates |κ|.
    norm2 = float(kernel.series(1.0)[0] + kernel.series(1.0)[1])
    assert np.all(np.abs(kernel(RHO) - value) <= bound + 64 * np.finfo(float).eps * norm2)


@pytest.mark.parametrize(("first", "second"), [("relu", None), ("tanh", None), ("relu", "tanh"), ("gelu", "abs")])
def test_monte_carlo_agrees_and_sees_five_per_cent(first: str, second: str | None) -> None:
    rng = np.random.default_rng(8)
    u, w = rng.standard_normal((2, 400_000))
    rho = 0.6
    v = rho * u + math.sqrt(1 - rho**2) * w
    products = activation(first)(u) * activation(second or first)(v)
    stderr = products.std() / math.sqrt(u.size)
    predicted = float(dual_activation(first, second)(rho))
    assert abs(products.mean() - predicted) < Z * stderr
    assert abs(products.mean() - 1.05 * predicted) > Z * stderr


def test_parity_makes_a_cross_kernel_vanish() -> None:
    value, bound = dual_activation("tanh", "abs").series(RHO)
    np.testing.assert_allclose(value, 0.0, atol=1e-300)
    assert np.all(bound[np.abs(RHO) < 0.5] < 1e-12)


def test_a_callable_has_an_estimate_which_agrees() -> None:
    kernel = dual_activation(np.tanh)
    assert not kernel.certified
    assert kernel.exact is None
    value, bound = kernel.series(RHO)
    assert np.all(np.abs(value - dual_activation("tanh")(RHO)) <= bound + dual_activation("tanh").series(RHO)[1])


def test_a_series_of_high_degree_has_a_bound() -> None:
    """Degree 80 of GELU: to κ(1) = E σ² there is hardly anything left, and the bound is rounding."""
    kernel = dual_activation("gelu", "gelu", degree=80)
    rho = np.array([-0.9, 0.4, 1.0])
    value, bound = kernel.series(rho)
    assert np.all(np.abs(kernel(rho) - value) <= bound + 64 * np.finfo(float).eps * value[-1])
    assert bound.max() < 1e-13


def _hardshrink_smoothed(mean: mpmath.mpf, scale: mpmath.mpf) -> mpmath.mpf:
    """E x 1(|x| > 1/2), x ~ N(mean, scale²)."""
    low, high = (-mpmath.mpf(1) / 2 - mean) / scale, (mpmath.mpf(1) / 2 - mean) / scale
    return mean * (mpmath.ncdf(low) + mpmath.ncdf(-high)) + scale * (mpmath.npdf(high) - mpmath.npdf(low))


@pytest.mark.parametrize("rho", [0.85, 0.99, -0.999, 1 - 1e-8])
def test_a_kernel_without_closed_form_is_right_near_one(rho: float) -> None:
    with mpmath.workdps(25):
        scale = mpmath.sqrt((1 - mpmath.mpf(rho)) * (1 + mpmath.mpf(rho)))
        bends = [abs(mpmath.mpf(1) / 2 / rho) + step * scale for step in (-6, -3, -1, 0, 1, 3, 6)]
        edges = sorted({mpmath.mpf(1) / 2, *(p for p in bends if p > 0.5), mpmath.mpf(2), mpmath.mpf(5), mpmath.mpf(12)})
        expected = 2 * mpmath.quad(lambda g: g * mpmath.npdf(g) * _hardshrink_smoothed(rho * g, scale), edges)
    kernel = dual_activation("hardshrink")
    assert float(kernel.errors(rho)) < 1e-12
    assert abs(float(kernel(rho)) - float(expected)) <= float(kernel.errors(rho))


@pytest.mark.parametrize(
    "sigma",
    [
        "hardshrink",
        "hardswish",
        "relu6",
        "softshrink",
        "shifted_relu",
        "tanh",
        "softsign",
        "max(x - 1/3, 0)",
        sympy.floor(X),
        sympy.Si(X),
        sympy.besselj(0, X),
        sympy.sin(X) / X,
        sympy.erfinv(sympy.tanh(X) / 2),
        sympy.log(1 + X**2) / X,
        sympy.zeta(3 + X**2),
        np.tanh,
    ],
    ids=str,
)
def test_a_kernel_at_one_is_the_norm_of_the_function(sigma: Any) -> None:
    kernel, expansion = dual_activation(sigma), coefficients(sigma, 1)
    estimate = expansion.estimate
    assert abs(float(kernel(1.0)) - estimate.norm2) <= float(kernel.errors(1.0)) + estimate.norm2_error
    mirrored = gaussian_mean(
        lambda x: expansion.activation(x) * expansion.activation(-x),
        [*sorted({side * float(kink) for kink in expansion.activation.kinks for side in (-1, 1)})],
    )
    assert abs(float(kernel(-1.0)) - mirrored) <= float(kernel.errors(-1.0)) + 1e-12 * estimate.norm2
    assert np.all(kernel.errors([-1.0, 0.3, 1.0]) <= 1e-10 * estimate.norm2)
    assert kernel.latex()


def _power_kernel(a: sympy.Rational, rho: float) -> mpmath.mpf:
    """E |u|^a |v|^a: the moments 2^{a/2} Γ((a + 1)/2)/√π of |u|^a and its Hermite coefficients make Mehler's sum hypergeometric."""
    a = mpmath.mpf(a.p) / a.q
    return 2**a * mpmath.gamma((a + 1) / 2) ** 2 / mpmath.pi * mpmath.hyp2f1(-a / 2, -a / 2, mpmath.mpf(1) / 2, mpmath.mpf(rho) ** 2)


@pytest.mark.parametrize("rho", [1.0, -1.0, 0.9, 1 - 1e-8])
@pytest.mark.parametrize("a", [sympy.Rational(1, 2), sympy.Rational(-3, 10), sympy.Rational(-49, 100)])
def test_kernels_of_powers_of_the_distance_are_right_near_one(a: sympy.Rational, rho: float) -> None:
    kernel = dual_activation(sympy.Abs(X) ** a)
    with mpmath.workdps(40):
        expected = _power_kernel(a, rho)
    assert abs(float(kernel(rho)) - float(expected)) <= float(kernel.errors(rho)) <= 1e-12 * float(expected)


@pytest.mark.parametrize("rho", [1.0, -0.999])
def test_the_kernel_of_a_logarithm_is_an_arc_sine(rho: float) -> None:
    # c_{2k} = (−1)^{k−1} 2^{k−1} (k−1)!, so that Σ c_{2k}² ρ^{2k}/(2k)! = asin(ρ)²/2; E log|u| = −(γ + log 2)/2.
    kernel = dual_activation(sympy.log(sympy.Abs(X)))
    expected = (float(sympy.EulerGamma) + math.log(2)) ** 2 / 4 + math.asin(rho) ** 2 / 2
    # asin amplifies the rounding of ρ by (1 − ρ²)^{-1/2}; at ρ = ±1 it is exact.
    assert abs(float(kernel(rho)) - expected) <= float(kernel.errors(rho)) + 64 * np.finfo(float).eps


@pytest.mark.parametrize("rho", [1.0, -1.0])
def test_cross_kernels_of_callable_and_singular_are_the_formula(rho: float) -> None:
    singular = sympy.log(sympy.Abs(X - 1))
    for first, second in ((np.tanh, singular), (singular, np.tanh)):
        kernel, expected = dual_activation(first, second), dual_activation("tanh", singular)
        assert abs(float(kernel(rho)) - float(expected(rho))) <= float(kernel.errors(rho)) + float(expected.errors(rho)) <= 1e-13


@pytest.mark.parametrize("rho", [1.0, -1.0, 0.9])
def test_cross_kernels_of_singular_functions_are_symmetric(rho: float) -> None:
    first, second = sympy.log(sympy.Abs(X)), sympy.Abs(X - 1) ** sympy.Rational(-3, 10)
    first_kernel, second_kernel = dual_activation(first, second), dual_activation(second, first)
    assert (
        abs(float(first_kernel(rho)) - float(second_kernel(rho)))
        <= float(first_kernel.errors(rho)) + float(second_kernel.errors(rho))
        <= 1e-11
    )


def test_a_cross_kernel_at_one_is_the_inner_product() -> None:
    kernel = dual_activation("hardshrink", "hardswish")
    first, second = activation("hardshrink"), activation("hardswish")
    expected = gaussian_mean(lambda x: first(x) * second(x), [-3, -0.5, 0.5, 3])
    assert abs(float(kernel(1.0)) - expected) <= float(kernel.errors(1.0)) + 1e-13


def test_many_correlations_are_interpolated_to_the_same_values(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = dual_activation("softshrink", "hardshrink")
    # One octave of angles with more correlations than the polynomial has nodes; ±1, and an octave with fewer.
    rho = np.concatenate([np.cos(np.random.default_rng(2).uniform(0.51, 0.56, 19)), [1.0, -1.0, -0.85]])
    one_by_one = kernel(rho[[0, 5, 19, 20, 21]])
    monkeypatch.setattr(near_one, "_MOST_INTEGRALS", 10)
    values, errors = kernel(rho), kernel.errors(rho)
    assert np.all(errors < 1e-10)
    assert np.all(np.abs(values[[0, 5, 19, 20, 21]] - one_by_one) <= errors[[0, 5, 19, 20, 21]])


@pytest.mark.parametrize("name", ["relu", "tanh", "hardshrink"])
def test_a_correlation_matrix_rounds_beyond_one(name: str) -> None:
    rows = np.random.default_rng(3).normal(size=(6, 40))
    covariance = rows @ rows.T
    root = np.sqrt(np.diag(covariance))
    matrix = covariance / root[:, None] / root[None, :]
    matrix.flat[:: matrix.shape[0] + 1] = 1 + 2**-52
    kernel = dual_activation(name)
    assert np.all(np.diag(kernel(matrix)) == kernel(1.0))
    assert np.all(kernel(-matrix).shape == (6, 6))
    assert np.isfinite(kernel.series(matrix)[0]).all()
    assert kernel(np.float32(1 + 2**-23)) == kernel(1.0)
    for wrong in (1 + 1e-9, -1.5, math.nan, 0.5 + 0j, "a"):
        with pytest.raises(HypothesisError, match="a correlation is a real number"):
            kernel(wrong)


@pytest.mark.parametrize(("first", "second"), [(140, 140), (140, 0), (-140, 140), (-80, -60)])
def test_a_kernel_goes_with_the_scales_of_its_functions(first: int, second: int) -> None:
    """Errors of the c_k go with the scale, that of E σ² with its square: at 1e140 the one is no bound of the other."""
    rho = np.array([-0.9, 0.5, 0.95, 1.0])
    kernel, plain = dual_activation(f"10^({first})*tanh(x)", f"10^({second})*tanh(x)"), dual_activation("tanh")
    scale = 10.0 ** (first + second)
    assert kernel(rho) == pytest.approx(scale * plain(rho), rel=1e-12)
    assert np.all(kernel.errors(rho) < 1e-12 * scale)
    value, bound = kernel.series(0.5)
    assert abs(value - scale * plain(0.5)) <= bound


@pytest.mark.parametrize("rho", [0.9, 0.999])
def test_the_kernel_of_a_staircase_knows_its_steps(rho: float) -> None:
    declared = dual_activation(activation(np.floor, kinks=range(-13, 14)))
    kernel = dual_activation("floor(x)")
    assert abs(kernel(rho) - declared(rho)) <= kernel.errors(rho) + declared.errors(rho)
    assert kernel.errors(rho) < 1e-13


# Functions of period 2π/ω: the weights 2|a_n|² of their Fourier series, constant term apart, and whether they are odd; E e^{iωn(u − v)} is
# e^{−(ωn)²(1 − ρ)}, and of ω ≥ 5 what else there is lies below e^{−25}.
N = np.arange(1.0, 200_001)
PERIODIC: dict[str, tuple[float, float, Callable[[Any], Any], Any]] = {
    "sign(sin(20*x))": (20.0, 0.0, lambda n: 8 / math.pi**2 * (n % 2) / n**2, -1),
    "sign(cos(30*x))": (30.0, 0.0, lambda n: 8 / math.pi**2 * (n % 2) / n**2, 1),
    "abs(Mod(2*x, 1) - 1/2)": (4 * math.pi, 0.25, lambda n: 2 * (n % 2) / (math.pi * n) ** 4, 1),
    "Mod(5*x, 1)": (10 * math.pi, 0.5, lambda n: 1 / (2 * math.pi**2 * n**2), -1),
    "Mod(x, 1/3)": (6 * math.pi, 1 / 6, lambda n: 1 / (18 * math.pi**2 * n**2), -1),
    "max(sin(12*x), 0)": (12.0, 1 / math.pi, lambda n: np.where(n == 1, 1 / 8, (1 - n % 2) * 2 / (math.pi * (n**2 - (n > 1))) ** 2), 0),
}


@pytest.mark.parametrize("text", PERIODIC)
def test_kernels_of_hundreds_of_kinks_take_no_time(text: str) -> None:
    frequency, mean, weights, parity = PERIODIC[text]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        kernel = dual_activation(text)
        for rho in (0.9, 0.999, 1 - 1e-8, *((-0.9999,) if parity else ())):
            waves = float(np.sum(weights(N) * np.exp(-((frequency * N) ** 2) * (1 - abs(rho)))))
            expected = mean**2 + (parity if rho < 0 else 1) * waves
            start = time.process_time()
            assert abs(float(kernel(rho)) - expected) <= float(kernel.errors(rho)) + 1e-12 <= 1e-10 * float(kernel(1.0))
            # Sums of the same length took a hundred seconds by nodes of one function.
            assert time.process_time() - start < 20
        assert float(kernel(1.0)) == pytest.approx(float(coefficients(text).norm2), rel=1e-14)


@pytest.mark.parametrize(("text", "step"), [("floor(10*x)", 10), ("ceiling(15*x) - 1", 15)])
@pytest.mark.parametrize("rho", [0.9, -0.9, 0.999, 1 - 1e-9])
def test_the_kernel_of_a_fine_staircase(text: str, step: int, rho: float) -> None:
    # floor(ax) = ax − 1/2 + Σ sin(2πnax)/(πn).
    wave = np.sum(np.exp(-((2 * math.pi * step * N) ** 2) * (1 - abs(rho))) / (2 * math.pi**2 * N**2))
    expected = step**2 * rho + 0.25 + math.copysign(float(wave), rho)
    kernel = dual_activation(text)
    assert abs(float(kernel(rho)) - expected) <= float(kernel.errors(rho)) + 1e-12 <= 1e-10 * abs(expected)


def test_an_undeclared_jump_of_a_callable_is_found() -> None:
    kernel = dual_activation(lambda x: (x > 0.3) * 1.0, lambda x: np.sign(x - 1e-3))
    declared = dual_activation("heaviside(x - 3/10)", "sign(x - 1/1000)")
    rho = np.array([0.9, -0.9, 0.9999, -1 + 1e-6, 1 - 1e-9, 1.0])
    assert np.all(np.abs(kernel(rho) - declared(rho)) <= kernel.errors(rho) + declared.errors(rho))
    assert np.all(kernel.errors(rho) < 1e-12)


def test_the_kernel_of_what_decays_slowly_is_right_or_refused() -> None:
    """At ρ = ±1 it is E σ², beyond the panels included; in between, what is beyond would have to be known in two variables."""
    kernel = dual_activation("exp(x^2/4)/(1 + x^2)")
    # On a grid of steps 1/32 in u and v/√(1 − ρ²), where the integrand is analytic to |Im| = 0.4 and falls like e^{−u²/40}.
    rho, step = 0.9, 1 / 32
    u, h = np.meshgrid(np.arange(-45, 45, step), np.arange(-20, 20, step), indexing="ij")
    v = rho * u + math.sqrt(1 - rho**2) * h
    expected = step**2 / (2 * math.pi) * np.sum(np.exp((u**2 + v**2) / 4 - (u**2 + h**2) / 2) / ((1 + u**2) * (1 + v**2)))
    assert abs(float(kernel(rho)) - expected) < 1e-12
    assert float(kernel(1.0)) == pytest.approx(math.sqrt(math.pi / 8), rel=1e-13)
    with pytest.raises(HypothesisError, match=r"pass rho=1, or \|rho\| at most 0.94"):
        kernel(0.9999)
    assert float(kernel.errors(0.94)) < 1e-12
    assert float(dual_activation("exp(x^2/8)/(1 + x^2)")(1 - 1e-9)) == pytest.approx(0.5464667434, rel=1e-8)
