"""Double-precision coefficients: small errors on the table, honest error estimates everywhere."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from exact_cases import closed

from hermite_eq.activations import Activation, activation, registered_names
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion import coefficients, gaussian_mean, scaled_coefficients, scaled_norm2
from hermite_eq.expansion.exact import exact_coefficients
from hermite_eq.expansion.node_table import sqrt_factorial
from hermite_eq.expansion.panels import NODES, panels, placed_nodes_and_roots
from hermite_eq.expansion.quadrature import quadrature, remainders
from hermite_eq.hermite import X

EPS = float(np.finfo(float).eps)
DEGREE = 20

every_name = pytest.mark.parametrize("name", registered_names())


def certified(sigma: Activation, degree: int) -> np.ndarray:
    """c_k/√k! by enclosures of 25 digits: an independent route, whose own error is below one unit of double precision."""
    expansion = coefficients(sigma, degree)
    return np.array([float(expansion.enclosure(k, 25)) / sqrt_factorial(k) for k in range(degree + 1)])


@every_name
def test_the_promise_on_the_table(name: str) -> None:
    """Errors ≤ 1e-14 in c_k/√k!, k ≤ 20, and below the estimate; nothing left unresolved."""
    estimate = quadrature(name, DEGREE)
    error = np.abs(estimate.values - certified(activation(name), DEGREE))
    assert np.max(error) <= 1e-14
    # The reference is rounded once.
    assert np.all(error <= estimate.errors + EPS * np.abs(estimate.values))
    assert np.max(estimate.errors) <= 1e-14
    assert estimate.trusted
    norm2 = float(coefficients(name).norm2_enclosure(25))
    assert abs(estimate.norm2 - norm2) <= estimate.norm2_error
    # 2ε E|σ|(6|σ| + 2|x σ'|), and E|σ||xσ'| ≤ 5 E σ² for every entry.
    assert estimate.norm2_error <= 32 * EPS * norm2


def piecewise_reference(function: Callable[[Any], Any], points: list[Any], degree: int) -> np.ndarray:
    """c_k/√k! by mpmath at 25 digits, cut at the given points."""
    with mpmath.workdps(25):
        edges = [mpmath.mpf(-15), *map(mpmath.mpf, points), mpmath.mpf(15)]
        c = []
        for k in range(degree + 1):
            he = [int(v) for v in reversed(sympy.Poly(sympy.hermite_prob(k, X), X).all_coeffs())][::-1]

            def integrand(x: Any, he: list[int] = he) -> Any:
                return function(x) * mpmath.polyval(he, x) * mpmath.npdf(x)

            c.append(float(mpmath.quad(integrand, edges)) / sqrt_factorial(k))
        return np.array(c)


THIRD = 0.3712345

# What a black box can hide: (function, its mpmath twin, where to cut the reference).
DIFFICULT: dict[str, tuple[Callable[[Any], Any], Callable[[Any], Any], list[float]]] = {
    "undeclared kink": (lambda x: np.maximum(x - THIRD, 0), lambda x: max(x - THIRD, 0), [THIRD]),
    "kink just inside a dyadic point": (lambda x: np.abs(x - (0.5 - 1e-7)), lambda x: abs(x - (0.5 - 1e-7)), [0.5 - 1e-7]),
    "jump": (lambda x: np.where(x > THIRD, 1.0, 0.0), lambda x: 1 if x > THIRD else 0, [THIRD]),
    "narrow box": (lambda x: np.where(np.abs(x) < 0.1, 1.0, 0.0), lambda x: 1 if abs(x) < 0.1 else 0, [-0.1, 0, 0.1]),
    "narrow bump": (
        lambda x: np.exp(-(((x - 0.3) / 0.02) ** 2)),
        lambda x: mpmath.exp(-(((x - 0.3) / 0.02) ** 2)),
        [0, 0.2, 0.3, 0.4, 0.6],
    ),
    "steep": (lambda x: np.tanh(50 * (x - 0.11)), lambda x: mpmath.tanh(50 * (x - 0.11)), [-0.5, -0.05, 0.11, 0.25, 0.7]),
    "root": (lambda x: np.sqrt(np.abs(x - 0.3)), lambda x: mpmath.sqrt(abs(x - 0.3)), [0.3]),
    "logarithm": (lambda x: np.log(np.abs(x)), lambda x: mpmath.log(abs(x)), [0]),
    "single precision inside": (lambda x: np.tanh(x.astype(np.float32)), mpmath.tanh, [0]),
}


@pytest.mark.parametrize("case", DIFFICULT)
def test_the_estimate_is_honest_on_difficult_callables(case: str) -> None:
    function, twin, points = DIFFICULT[case]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        estimate = quadrature(function, 6)
    error = np.abs(estimate.values - piecewise_reference(twin, points, 6))
    # mpmath's own quadrature is good to 1e-15 on these.
    assert np.all(error <= estimate.errors + 1e-15)
    assert "features narrower than" in estimate.caveat


@pytest.mark.parametrize("frequency", [3.0, 100.0, 1000.0])
def test_the_estimate_is_honest_on_oscillation(frequency: float) -> None:
    # E sin(ωg)He_k(g) = ω^k e^{-ω²/2}(−1)^{(k−1)/2}, odd k; E sin² = (1 − e^{-2ω²})/2.
    estimate = quadrature(lambda x: np.sin(frequency * x), 5)
    exact = [0 if k % 2 == 0 else frequency**k * math.exp(-(frequency**2) / 2) * (-1) ** (k // 2) / sqrt_factorial(k) for k in range(6)]
    assert np.all(np.abs(estimate.values - exact) <= estimate.errors)
    assert abs(estimate.norm2 - (1 - math.exp(-2 * frequency**2)) / 2) <= estimate.norm2_error
    # The argument ωx is off by eps ωx when it is rounded: no rule can do better than ω eps.
    assert np.max(estimate.errors) <= 64 * EPS * (1 + frequency)


def test_what_cannot_be_seen_is_said() -> None:
    """A bump between the nodes is missed by any finite sample: the resolution says how narrow it had to be."""
    estimate = quadrature(lambda x: np.exp(-(((x - 0.3) / 1e-5) ** 2)), 2)
    assert estimate.norm2 == 0.0
    assert 1e-5 < estimate.resolution < 0.001
    assert estimate.caveat == "features narrower than 0.00098 between the points looked at would have been missed"


def test_single_precision_is_said_and_counted() -> None:
    with pytest.warns(HypothesisWarning, match=r"single has values in single precision \(float32\): relative errors of 1e-07"):
        sigma = activation(lambda x: np.tanh(x.astype(np.float32)), name="single")
    with pytest.warns(HypothesisWarning, match=r"single: values in single precision \(float32\); features narrower than"):
        estimate = quadrature(sigma, 2)
    assert not estimate.trusted
    # Rounding to float32: one unit of 2^-24 or so for every value, not smoothed away by the estimate.
    assert 2.0**-26 < np.max(estimate.errors) < 2.0**-19


def test_declared_kinks_cost_no_bisection() -> None:
    declared = panels(activation(lambda x: np.maximum(x - THIRD, 0), kinks=(THIRD,)))
    undeclared = panels(activation(lambda x: np.maximum(x - THIRD, 0)))
    assert declared.edges.size == 30
    assert undeclared.edges.size > 40


REFUSED = "the function is square integrable against the normal density (E σ(g)² < ∞); found"


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        ("exp(x^2)", f"{REFUSED} the factor exp(x**2) on (-oo, oo)"),
        ("exp(x^2/4)", f"{REFUSED} the factor exp(x**2/4) on (-oo, oo)"),
        ("exp(exp(x))", f"{REFUSED} the value inf at x = "),
        ("exp(exp(-2*x)) - x", f"{REFUSED} the value inf at x = -"),
        ("1/x", f"{REFUSED} 1/x, which grows like |x|^(-1) as x → 0"),
        ("tan(x)", f"{REFUSED} tan(x), which grows like |x + pi/2|^(-1) as x → -pi/2"),
        (lambda x: np.exp(0.3 * x**2), "the function is square integrable against the normal density (E σ(g)² < ∞); found"),
        (lambda x: np.where(np.abs(x) > 6, np.nan, x), "the function has a value at every real number; found NaN at x = "),
        (lambda x: np.where(np.abs(x) < 1e-3, np.inf, 1 / x), "the function is finite between its kinks; found the value inf at x ="),
    ],
)
def test_functions_without_coefficients(sigma: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        np.asarray(coefficients(sigma, 4))
    assert str(raised.value).startswith(message)


def test_slowly_decaying_but_integrable_functions_are_followed() -> None:
    # E exp(0.4 g²) = 1/√(1 − 0.8): the integrand of E σ² reaches to 28 standard deviations.
    estimate = quadrature("exp(x^2/5)", 2)
    assert abs(estimate.norm2 - 1 / math.sqrt(0.2)) <= estimate.norm2_error
    # c_2 of exp(x²/5): E exp(g²/5)(g² − 1) with E exp(sg²) = (1 − 2s)^{-1/2} and its derivative.
    c2 = 0.6**-1.5 - 0.6**-0.5
    assert abs(estimate.values[2] - c2 / math.sqrt(2)) <= estimate.errors[2]


@pytest.mark.parametrize("name", ["relu", "cos", "hermite3", "gelu", "hardtanh"])
def test_remainder_is_the_residual_without_cancellation(name: str) -> None:
    residuals = remainders(name, DEGREE)
    for r in (0, 1, 5, DEGREE):
        exact = float(coefficients(name, DEGREE).residual_enclosure(r, 20))
        # Each of up to 21 subtracted terms leaves a rounding error of the size of σ.
        assert abs(residuals[r] - exact) <= 64 * EPS * float(coefficients(name).norm2_enclosure(20)) ** 0.5


@pytest.mark.parametrize("name", ["relu", "tanh", "hardtanh", "shifted_relu", "elu", "hermite3", "log1p_square", "exp"])
def test_scaled_coefficients_are_those_of_the_scaled_function(name: str) -> None:
    scales = np.array([0.05, 0.31, 0.5, 1.0, 1.7, 2.6])
    values = scaled_coefficients(name, scales, 6)
    norms = scaled_norm2(name, scales)
    root = np.array([sqrt_factorial(k) for k in range(7)])
    expression = closed(activation(name).expression)
    assert values.shape == (6, 7)
    for s, c, norm2 in zip(scales, values, norms, strict=True):
        scaled = coefficients(expression.subs(X, sympy.Rational(str(s)) * X), 6)
        reference = np.array([float(scaled.enclosure(k, 20)) for k in range(7)])
        size = math.sqrt(norm2)
        # The panel sums of the table's own bound, and the rounding of s·x in σ.
        assert np.all(np.abs(c - reference) / root <= 64 * EPS * size)
        assert abs(norm2 - float(scaled.norm2_enclosure(20))) <= 64 * EPS * norm2


def test_scaled_relu_is_homogeneous() -> None:
    scales = np.linspace(0.2, 3, 40)
    c = np.array([float(value) for value in closed(exact_coefficients(sympy.Max(X, 0), 4))])
    assert np.allclose(scaled_coefficients("relu", scales, 4), scales[:, None] * c, rtol=32 * EPS, atol=32 * EPS)


@pytest.mark.parametrize("scales", [[0.0, 1.0], [-1.0], [math.inf], [[1.0]], 1.0])
def test_scales_are_positive_and_one_dimensional(scales: Any) -> None:
    with pytest.raises(HypothesisError, match="scales are positive numbers in one dimension; found scales of shape"):
        scaled_coefficients("relu", scales, 2)


def test_gaussian_mean() -> None:
    assert abs(gaussian_mean(lambda x: x**6) - 15) <= 64 * EPS * 15
    assert abs(gaussian_mean(lambda x: np.maximum(x, 0) ** 2 * (x**2 - 1)) - 1) <= 64 * EPS
    assert abs(gaussian_mean(lambda x: (x > 1 / 3) * 1.0, kinks=(1 / 3,)) - math.erfc(1 / 3 / math.sqrt(2)) / 2) <= 16 * EPS
    with pytest.warns(HypothesisWarning, match="Gaussian mean: values in single precision"):
        gaussian_mean(lambda x: np.sin(x).astype(np.float32))


def test_a_degree_beyond_double_precision_is_refused() -> None:
    with pytest.raises(HypothesisError) as raised:
        np.asarray(coefficients("tanh", 301))
    assert str(raised.value) == (
        "double precision holds c_k up to degree 300, where √k! overflows; found degree=301. "
        "Repair: ask for exact coefficients, or for enclosures one degree at a time"
    )
    assert np.all(np.isfinite(np.asarray(coefficients("tanh", 300))))


def test_high_degrees_keep_their_accuracy() -> None:
    # exp(x/2): c_k = 2^-k e^{1/8}; φ h_k oscillates 120 times over the line, and is still resolved.
    estimate = quadrature("exp(x/2)", 300)
    k = np.arange(301)
    exact = np.exp(1 / 8 - k * math.log(2) - np.array([math.lgamma(j + 1) / 2 for j in k]))
    assert np.all(np.abs(estimate.values - exact) <= estimate.errors)
    # relu: ±(k − 3)!!/√(2π)/√k!, the slowest decay.
    relu = quadrature("relu", 300)
    expected = [
        float(sympy.N(c / sympy.sqrt(sympy.factorial(j)), 20)) for j, c in enumerate(closed(exact_coefficients(sympy.Max(X, 0), 300)))
    ]
    assert np.all(np.abs(relu.values - expected) <= relu.errors + EPS)
    assert np.max(relu.errors) <= 1e-14


def test_parseval() -> None:
    # E σ² − Σ c_k²/k! of an entire function is zero to rounding at degree 60.
    estimate = quadrature("sin", 60)
    assert abs(estimate.norm2 - float(np.sum(estimate.values**2))) <= estimate.norm2_error + 2 * float(np.sum(estimate.errors))


def test_nodes_and_roots_are_those_of_the_rule_to_rounding() -> None:
    """Against Gauss's rule in 40 digits: each node with what rounding took from it, and w φ, at x = 1/3 … 30."""
    edges = np.array([1 / 3, 0.4, 1.0, 10.0, 11.0, 29.9, 30.0])
    x, rest, root = placed_nodes_and_roots(edges)
    with mpmath.workdps(40):
        for i in range(x.size):
            left, right = (mpmath.mpf(float(edges[i // NODES + k])) for k in (0, 1))
            t = (2 * (mpmath.mpf(float(x[i])) + mpmath.mpf(float(rest[i]))) - left - right) / (right - left)
            node = mpmath.findroot(lambda z: mpmath.legendre(NODES, z), t)
            weight = 2 / ((1 - node**2) * mpmath.diff(lambda z: mpmath.legendre(NODES, z), node) ** 2)
            truth = mpmath.sqrt((right - left) / 2 * weight * mpmath.npdf((left + right + (right - left) * node) / 2))
            assert abs(t - node) < 1e-28
            assert abs(mpmath.mpf(float(root[i])) - truth) <= 4 * EPS * truth


@pytest.mark.parametrize("slope", [5, 12, 17])
def test_mass_as_far_out_as_doubles_reach(slope: int) -> None:
    """E e^{2ax − 2a²} = 1, its mass at x = 2a."""
    estimate = quadrature(sympy.exp(slope * X - slope**2), 0)
    assert abs(estimate.norm2 - 1) <= min(estimate.norm2_error, 1e-11)


# E σ² is 1 or so, mostly from |x| > 52, where doubles see nothing, infinity, or the smaller of two terms.
FAR_OUT = [
    "exp(20*x - 400)*tanh(x)",
    "exp(30*x - 900)*sin(x)",
    "exp(60*x)*tanh(x)",
    "exp(60*x - 3600)*tanh(x)",
    "exp(-60*x - 3600)*erf(x)",
    "exp(40*x - 1600)*relu(x)",
    "exp(60*x - 3600)*cos(x)",
    "exp(-50*x - 1250)*erf(x)",
    "x**5*exp(30*x - 450)",
    "exp(60*x - 3600)*floor(x)",
    "sigmoid(x)*exp(60*x - 3600)",
    "sigmoid(-x)*exp(-60*x - 1800)",
    "exp(60*x - 3600) + tanh(x)",
    "exp(60*x*tanh(x) - 3600)",
    "max(exp(60*x - 3600), 1)",
    "(exp(30*x - 1800)*tanh(x))**2",
    "exp(60*abs(x) - 3600)*tanh(x)",
    "exp(60*x - 3600)*besselj(0, x)",
]


@pytest.mark.parametrize("formula", FAR_OUT)
def test_mass_beyond_doubles_is_refused_as_such(formula: str) -> None:
    with pytest.raises(HypothesisError, match=r"σ and its mass under σ²φ are within doubles"):
        quadrature(formula, 2)


def test_a_callable_still_growing_where_doubles_end() -> None:
    with pytest.raises(HypothesisError, match=r"exp\(-\d+\) at 52 standard deviations, growing"):
        quadrature(lambda x: np.exp(60 * x - 3500) * np.tanh(x), 2)


# Of which a growth bound made of their factors says e^{60|x|}, and which are bounded, or as good as zero out there.
@pytest.mark.parametrize("formula", [
    "x*exp(60*x)/(1 + exp(60*x))", "exp(60*x)/(1 + exp(120*x))", "(exp(100*x) - 1)/(exp(100*x) + 1)", "exp(40*x)*erfc(40*x)*(x > 0)",
    "x*(exp(100*x) - exp(-100*x))/(exp(100*x) + exp(-100*x))", "exp(60*x - 3600)*(x < 3)", "tanh(exp(60*x - 3600))", "relu(x - 40)",
    "x*exp(1000000*x)/(1 + exp(1000000*x))",
])  # fmt: skip
def test_mass_seen_by_a_loose_bound_only(formula: str) -> None:
    assert math.isfinite(quadrature(formula, 2).norm2)


def test_a_callable_that_begins_far_out_is_no_refusal() -> None:
    c0 = quadrature(lambda x: (x > 36) * 1.0, 0)
    with mpmath.workdps(30):
        assert abs(c0.values[0] - float(mpmath.erfc(36 / mpmath.sqrt(2)) / 2)) <= c0.errors[0]
    assert quadrature("Heaviside(x - 40)", 0).norm2_error > 0
