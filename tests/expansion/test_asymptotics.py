"""Square integrability is decided from the expression; singular points and slow tails keep their digits."""

from __future__ import annotations

import math
import warnings
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from sympy import (
    Abs,
    Heaviside,
    Max,
    Rational,
    acosh,
    asinh,
    atan,
    cos,
    cosh,
    coth,
    erf,
    erfc,
    exp,
    gamma,
    log,
    sign,
    sin,
    sinh,
    sqrt,
    tan,
    tanh,
)

from hermite_eq import coefficients
from hermite_eq.activations.formulas.balls import working_precision
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion import scaled_coefficients, scaled_norm2
from hermite_eq.expansion.asymptotics import check_integrable, singularities
from hermite_eq.expansion.asymptotics.rules import Expander
from hermite_eq.expansion.quadrature import quadrature
from hermite_eq.hermite import X

EPS = float(np.finfo(float).eps)
third, quarter = Rational(1, 3), Rational(1, 4)


@pytest.mark.parametrize(
    ("expression", "finding"),
    [
        (1 / sqrt(Abs(X - 1)), "|x − 1|^(-1/2) as x → 1"),
        (1 / (X - 1), "|x − 1|^(-1) as x → 1"),
        (1 / (X**2 - 1), "|x + 1|^(-1) as x → -1"),
        (1 / (X**2 - 2), "|x + sqrt(2)|^(-1)"),
        (1 / (X - 50), "|x − 50|^(-1) as x → 50"),
        (1 / sin(X), "|x|^(-1) as x → 0"),
        (1 / (1 - cos(X)), "|x|^(-2) as x → 0"),
        (tan(X), "|x + pi/2|^(-1)"),
        (coth(X), "|x|^(-1)"),
        (gamma(X), "|x|^(-1) as x → 0"),
        (1 / (exp(X) - 2), "|x − log(2)|^(-1) as x → log(2)"),
        (1 / log(Abs(X)), "|x + 1|^(-1) as x → -1"),
        (erf(X) / X**2, "|x|^(-1) as x → 0"),
        (sympy.Piecewise((1 / X, X > 0), (X, True)), "|x|^(-1) as x → 0"),
        (exp(1 / X), "grows exponentially in 1/|x| as x → 0"),
        (exp(X**2 / 4), "exp(0.25·x²) as x → −∞"),
        (exp(X**2 / 4 - X), "exp(0.25·x² + 1·|x|) as x → −∞"),
        (exp(X**2 / 4) / sqrt(1 + Abs(X)), "exp(0.25·x²)·|x|^(-1/2) as x → −∞"),
        (cosh(X**2 / 4), "exp(0.25·x²)"),
        (exp(X**2) * erfc(X), "exp(1·x²) as x → −∞"),
        (sinh(X**3), "exp(1·|x|^3)"),
    ],
)
def test_what_is_not_square_integrable_is_refused_with_why(expression: sympy.Expr, finding: str) -> None:
    with pytest.raises(HypothesisError, match="square integrable"):
        np.asarray(coefficients(expression, 2))
    with pytest.raises(HypothesisError) as raised:
        check_integrable(expression)
    assert finding in raised.value.finding


@pytest.mark.parametrize(
    "expression",
    [
        Abs(X - 1) ** Rational(-49, 100),
        log(Abs(X - 2)),
        log(X**2),
        exp(X**2 / 4) / (1 + X**2),
        exp(X**2 / 4 - Abs(X)),
        sin(1 / X),
        atan(1 / X),
        exp(-1 / X**2),
        sin(X) / X,
        (exp(X) - 1) / X,
        X / (exp(X) - 1),
        X / tanh(X),
        (X**3 - 1) / (X - 1),
        log(Abs(sin(X))),
        1 / (2 + sin(X)),
        log(1 + exp(exp(X))),
        asinh(X),
        acosh(1 + X**2),
        sympy.besselj(0, X),
        sympy.Si(X),
        sympy.floor(X),
        Abs(exp(X) - 2) ** (-third),
        sympy.Piecewise((1 / X, X > 1), (X, True)),
        exp(X**2 / 4) / ((X**2 + 1) ** quarter * log(X**2 + 3)),
    ],
)
def test_what_is_square_integrable_is_not_refused(expression: sympy.Expr) -> None:
    assert check_integrable(expression) == ""


def test_what_was_not_decided_is_reported() -> None:
    expression = sympy.loggamma(X**2 + 1)
    assert check_integrable(expression).startswith("the growth at infinity: loggamma")
    with pytest.warns(HypothesisWarning, match="whether it is square integrable was not decided from its expression"):
        assert not quadrature(expression, 2).trusted


# (expression, centre, E σ² in closed form or None, E σ). With a = 1 + 2p and g ~ N(0, 1), E|g|^p = 2^{p/2} Γ((1 + p)/2)/√π.
def absolute_moment(p: Any) -> float:
    return float(2 ** (mpmath.mpf(p) / 2) * mpmath.gamma((1 + mpmath.mpf(p)) / 2) / mpmath.sqrt(mpmath.pi))


@pytest.mark.parametrize("p", [-0.3, -0.49, -0.25, 1 / 3, 0.5])
def test_powers_have_their_moments(p: float) -> None:
    estimate = quadrature(Abs(X) ** sympy.nsimplify(p), 2)
    assert abs(estimate.norm2 / absolute_moment(2 * p) - 1) <= estimate.norm2_error / estimate.norm2 + 4 * EPS
    assert abs(estimate.values[0] / absolute_moment(p) - 1) <= 1e-14
    assert estimate.norm2_error <= 1e-12 * estimate.norm2


def test_logarithms_have_their_moments() -> None:
    # log g² has mean −γ − log 2 and variance π²/2.
    estimate = quadrature(log(Abs(X)), 2)
    mean = -(float(mpmath.euler) + math.log(2)) / 2
    assert abs(estimate.values[0] - mean) <= estimate.errors[0]
    assert abs(estimate.norm2 - mean**2 - math.pi**2 / 8) <= estimate.norm2_error + 4 * EPS


def in_the_distance(expression: sympy.Expr, centre: sympy.Expr) -> list[float]:
    """E σ(g) g^k, k = 0, 1, and E σ(g)² by mpmath in u = log t, t the distance from ``centre``: not the variable under test."""
    t, totals = sympy.Symbol("t", positive=True), [mpmath.mpf(0)] * 3
    c = mpmath.mpf(str(sympy.N(centre, 30)))
    for side in (-1, 1):
        local = sympy.lambdify(t, expression.subs(X, centre + side * t), "mpmath")

        # All weights have the same nodes.
        @cache
        def at(u: Any, local: Any = local, side: int = side) -> tuple[Any, Any, Any]:
            d = mpmath.exp(u)
            return local(d), c + side * d, mpmath.npdf(c + side * d) * d

        for i, weight in enumerate((lambda s, x: s, lambda s, x: s * x, lambda s, x: s * s)):
            totals[i] += mpmath.quad(
                lambda u, at=at, weight=weight: weight(*at(u)[:2]) * at(u)[2],
                [-2500, -1000, -300, -100, -40, -20, -10, -5, -2, 0, 1, 1.7, 2.5, 4],
            )
    return [float(total) for total in totals]


@pytest.mark.parametrize(
    ("expression", "centre"),
    [
        (Abs(X - 1) ** Rational(-49, 100), sympy.Integer(1)),
        (log(Abs(X - 2)), sympy.Integer(2)),
        (log(Abs(X)) ** 2 / Abs(X) ** quarter, sympy.Integer(0)),
        (sin(X) * Abs(X + 2) ** (-third), sympy.Integer(-2)),
        (sign(X - sqrt(2)) * Abs(X - sqrt(2)) ** third, sqrt(2)),
    ],
)
def test_singular_points_anywhere_keep_twelve_digits(expression: sympy.Expr, centre: sympy.Expr) -> None:
    estimate = quadrature(expression, 1)
    with mpmath.workdps(20):
        *c, norm2 = in_the_distance(expression, centre)
    assert abs(estimate.norm2 - norm2) <= estimate.norm2_error + 8 * EPS * norm2
    assert np.all(np.abs(estimate.values - c) <= estimate.errors + EPS * np.abs(c))
    assert estimate.norm2_error <= 1e-12 * norm2
    # The same through the functions of many scales: σ(m + sg) with another centre.
    shifted = expression.subs(X, Rational(1, 2) + Rational(3, 2) * X)
    other = quadrature(shifted, 2)
    values = scaled_coefficients(expression, [1.5], 2, shifts=[0.5])[0] / [1, 1, math.sqrt(2)]
    assert np.all(np.abs(values - other.values) <= 2 * other.errors + 1e-13 * math.sqrt(norm2))
    assert abs(scaled_norm2(expression, [1.5], shifts=[0.5])[0] / other.norm2 - 1) <= 1e-12


def test_the_figure_of_the_strongest_singularity() -> None:
    assert round(coefficients("abs(x-1)^(-0.49)", 1).estimate.norm2, 3) == 24.516


def test_slowly_decaying_tails() -> None:
    # E e^{g²/2}/(1 + g²)² = ∫ (1 + x²)^{-2} dx/√(2π) = √(π/8), of which 1e-5 is beyond 36 standard deviations.
    estimate = quadrature(exp(X**2 / 4) / (1 + X**2), 2)
    assert abs(estimate.norm2 - math.sqrt(math.pi / 8)) <= estimate.norm2_error
    assert estimate.norm2_error <= 1e-12
    # E e^{2rg²} = (1 − 4r)^{-1/2}, to 224 standard deviations at r = 0.249999.
    r = Rational(249999, 10**6)
    estimate = quadrature(exp(r * X**2), 0)
    assert abs(estimate.norm2 - float((1 - 4 * r) ** Rational(-1, 2))) <= estimate.norm2_error + 1e-10 * estimate.norm2
    with pytest.raises(HypothesisError, match="for arguments of standard deviation"):
        scaled_norm2(exp(X**2 / 5), [1.5])


@pytest.mark.parametrize("place", [10, 15, 25, 30, 35])
def test_mass_far_out_keeps_its_relative_accuracy(place: int) -> None:
    with mpmath.workdps(30):
        density, tail = mpmath.npdf(place), mpmath.erfc(place / mpmath.sqrt(2)) / 2
        # E 1{g > a} He_k: Φ̄, φ, aφ. E (g − a)⁺: φ − aΦ̄; then Φ̄, φ.
        step = [float(tail), float(density), float(place * density / mpmath.sqrt(2))]
        ramp = [float(density - place * tail), float(tail), float(density / mpmath.sqrt(2))]
    for expression, truth in ((Heaviside(X - place), step), (Max(X - place, 0), ramp)):
        estimate = quadrature(expression, 2)
        assert np.all(np.abs(estimate.values - truth) <= estimate.errors + EPS * np.abs(truth))
        # φ(x) at x = 35 costs x² eps = 3e-13.
        assert np.all(estimate.errors <= 1e-11 * np.abs(truth))


def test_zero_is_not_claimed_where_doubles_underflow() -> None:
    estimate = quadrature(Max(X - 37, 0), 1)
    with mpmath.workdps(30):
        truth = float(mpmath.npdf(37) - 37 * mpmath.erfc(37 / mpmath.sqrt(2)) / 2)
    assert abs(estimate.values[0] - truth) <= estimate.errors[0]
    assert estimate.errors[0] > 0


@pytest.mark.parametrize(
    ("expression", "area"),
    [
        # Of a bump of width w at c: φ(c) times its area, to a relative w².
        (exp(-((X - Rational(12345, 10**4)) ** 2) * 10**8), math.sqrt(math.pi) * 1e-4),
        (exp(-((X - Rational(12345, 10**4)) ** 2) * 10**14), math.sqrt(math.pi) * 1e-7),
        (sympy.sech(10**7 * (X - Rational(12345, 10**4))), math.pi * 1e-7),
    ],
)
def test_narrow_bumps_are_read_off_the_expression(expression: sympy.Expr, area: float) -> None:
    c0 = quadrature(expression, 1).values[0]
    assert abs(c0 / (area * math.exp(-(1.2345**2) / 2) / math.sqrt(2 * math.pi)) - 1) < 1e-7


@pytest.mark.parametrize("p", [-0.3, 0.4, -0.45])
def test_a_callable_with_a_singular_point_has_an_honest_error(p: float) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        estimate = quadrature(lambda x: np.abs(x - 1.0) ** p, 2)
    exact = quadrature(Abs(X - 1) ** sympy.nsimplify(p), 2)
    assert abs(estimate.norm2 - exact.norm2) <= estimate.norm2_error + exact.norm2_error
    assert np.all(np.abs(estimate.values - exact.values) <= estimate.errors + exact.errors)


@pytest.mark.parametrize("function", [lambda x: 1 / (x - 1.1), lambda x: abs(x - 0.7) ** -0.5, np.tan, lambda x: 1 / np.sin(x)])
def test_a_callable_not_square_integrable_is_refused(function: Any) -> None:
    with pytest.raises(HypothesisError, match=r"square integrable|finite between its kinks; found the value inf"):
        np.asarray(coefficients(function, 2))


@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize(
    ("expression", "centre"),
    [
        (sin(X) / X, 0),
        (X / (exp(X) - 1), 0),
        (log(Abs(X)) * Abs(X) ** third + X, 0),
        (sqrt(Abs(tanh(X))), 0),
        (1 / (X**2 - 1), 1),
        (atan(1 / X), None),
        (log(cosh(60 * X)), None),
        (sqrt(X**2 + 1) - X, None),
        (X / (1 + exp(-X)), None),
    ],
)
def test_an_expansion_is_the_function_nearby(expression: sympy.Expr, centre: int | None, side: int) -> None:
    with working_precision(300):
        expansion = Expander(None if centre is None else arb(centre), side).of(expression)
        exponent, series = expansion.dominant
        terms = [(float(a), float(b), float(c)) for (a, b), c in series.terms.items()]
        D = [(float(a), float(b), float(c)) for (a, b), c in exponent.items()]
    t = 2.0**-5 if centre is not None else 2.0**-7
    logarithm = -math.log(t)
    value = sum(c * t**a * logarithm**b for a, b, c in terms) * math.exp(sum(c * t**a * logarithm**b for a, b, c in D))
    with mpmath.workdps(60):
        place = centre + side * mpmath.mpf(t) if centre is not None else side / mpmath.mpf(t)
        truth = float(sympy.lambdify(X, expression, "mpmath")(place))
    assert abs(value - truth) <= 1e-13 * abs(truth)


def test_singular_points_are_listed_and_removable_ones_marked() -> None:
    points = singularities(sin(X) / X + log(Abs(X**2 - 3)))
    assert [(item.place, item.removable) for item in points] == [(-sqrt(3), False), (0, True), (sqrt(3), False)]


def test_one_expansion_for_each_phase_of_a_periodic_function() -> None:
    expression = log(Abs(sin(3 * X))) + 1 / sqrt(2 + sin(3 * X))
    points = singularities(expression)
    # nπ/3 as far as the density reaches, on both sides of 0.
    assert len(points) == 2 * math.floor(3 * 40 / math.pi) + 1
    for item in (points[0], points[38], points[-1]):
        assert sin(3 * item.place) == 0
        assert item.left is not None
        assert item.right is not None
        for side, expansion in ((-1, item.left), (1, item.right)):
            t = 2.0**-20
            value = sum(float(c) * t ** float(a) * (-math.log(t)) ** float(b) for (a, b), c in expansion.parts[0][1].terms.items())
            # A sum of some twenty products in doubles.
            assert value == pytest.approx(float(expression.subs(X, item.place + side * t).evalf(30)), rel=64 * np.finfo(float).eps)


# Arc functions at ±1, where they have roots: the text, the same in mpmath, the kinks within reach of the density.
ARCS: dict[str, tuple[Any, list[Any]]] = {
    "asin(sin(x))": (lambda x: mpmath.asin(mpmath.sin(x)), [(k + 0.5) * mpmath.pi for k in range(-4, 4)]),
    "acos(cos(3*x))": (lambda x: mpmath.acos(mpmath.cos(3 * x)), [k * mpmath.pi / 3 for k in range(-12, 13)]),
    "acos(1/(1 + x^2))": (lambda x: mpmath.acos(1 / (1 + x * x)), [0]),
    "acos(-exp(-x^2))": (lambda x: mpmath.acos(-mpmath.exp(-x * x)), [0]),
    "asin(2*x/(1 + x^2))": (lambda x: mpmath.asin(min(max(2 * x / (1 + x * x), -1), 1)), [-1, 1]),
    "asin(clip(x, -1, 1))": (lambda x: mpmath.asin(min(max(x, -1), 1)), [-1, 1]),
}


@pytest.mark.parametrize("text", ARCS)
def test_arc_functions_at_the_ends_of_their_domain(text: str) -> None:
    formula, kinks = ARCS[text]
    # All degrees have the same nodes.
    f, density = cache(formula), cache(mpmath.npdf)
    estimate = coefficients(text, 3).estimate
    with mpmath.workdps(20):
        edges = sorted({*kinks, -12, -3, 3, 12})
        polynomials = [lambda x: 1, lambda x: x, lambda x: (x * x - 1) / mpmath.sqrt(2), lambda x: (x**3 - 3 * x) / mpmath.sqrt(6)]
        for k, he in enumerate(polynomials):
            expected = mpmath.quad(lambda x, he=he: f(x) * he(x) * density(x), edges)
            assert abs(estimate.values[k] - float(expected)) <= estimate.errors[k] + 1e-16 <= 1e-13
        expected = mpmath.quad(lambda x: f(x) ** 2 * density(x), edges)
    assert abs(estimate.norm2 - float(expected)) <= estimate.norm2_error <= 1e-13


def test_the_inverse_error_function_of_a_sine() -> None:
    """Infinite at zeros of the cosine: integrated over w = σ(x), x = nπ + (−1)^n asin(erf w), dx = ±(2/√π) e^{−w²} dw/√(1 − erf² w)."""
    estimate = coefficients("erfinv(sin(x))", 3).estimate

    @cache
    def at(w: Any) -> tuple[Any, list[Any]]:
        places = [n * mpmath.pi + (-1) ** n * mpmath.asin(mpmath.erf(w)) for n in range(-4, 5)]
        slope = 2 * mpmath.exp(-w * w) / mpmath.sqrt(mpmath.pi * mpmath.erfc(w) * mpmath.erfc(-w))
        return slope, [(x, mpmath.npdf(x)) for x in places]

    def mean(power: int, he: Any) -> float:
        def integrand(w: Any) -> Any:
            slope, places = at(w)
            return w**power * slope * sum(he(x) * density for x, density in places)

        # The slope is e^{−w²/2} up to a power of w.
        return float(mpmath.quad(integrand, [-14, -7, -3, 0, 3, 7, 14], method="gauss-legendre"))

    with mpmath.workdps(20):
        c = [
            mean(1, lambda x: 1),
            mean(1, lambda x: x),
            mean(1, lambda x: (x * x - 1) / mpmath.sqrt(2)),
            mean(1, lambda x: (x**3 - 3 * x) / mpmath.sqrt(6)),
        ]
        norm2 = mean(2, lambda x: 1)
    assert np.all(np.abs(estimate.values - c) <= estimate.errors + 1e-16)
    assert np.all(estimate.errors <= 1e-13)
    assert abs(estimate.norm2 - norm2) <= estimate.norm2_error <= 1e-13
