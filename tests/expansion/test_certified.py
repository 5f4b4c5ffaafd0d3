"""Enclosures: they contain the truth, they are as narrow as asked, and they cannot be talked into lying."""

from __future__ import annotations

import itertools
import math
import re
import time
from functools import cache
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from exact_cases import closed
from flint import acb, acb_poly, arb, fmpq
from mpmath.calculus.quadrature import GaussLegendre
from sympy import Max, Rational, tanh

from hermite_eq.activations import activation, registered_names
from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.expansion.certified import gauss_panels, trapezoid
from hermite_eq.expansion.enclosure import Enclosure, enclose_number, to_enclosure
from hermite_eq.expansion.exact import exact_coefficients, exact_inner
from hermite_eq.hermite import X

DEGREE = 20
RULE = GaussLegendre(mpmath.mp)
WITH_CLOSED_FORM = [name for name in registered_names() if activation(name).closed_form]
WITHOUT = [name for name in registered_names() if not activation(name).closed_form]


def disjoint(a: Enclosure, b: Enclosure) -> bool:
    return a.upper < b.lower or b.upper < a.lower


@cache
def by_arb_integral(name: str) -> dict[int, Enclosure]:
    """Some of c_0 … c_20 by Arb's own adaptive integration, each degree by itself, on the half lines and |x| ≤ 27 (tail below 1e-130)."""
    entry = activation(name)
    enclosures = {}
    with working_precision(280):
        f = ball_function(entry.expression)
        edges = [acb(-27), *(ball_function(kink)(acb(0), False) for kink in entry.kinks), acb(27)]
        # One evaluation at every node serves all degrees: these are two of each parity that are low, and the last ones.
        for k in (0, 1, 2, 3, 11, 12, DEGREE - 1, DEGREE):
            polynomial = acb_poly([int(weight) for weight in reversed(sympy.Poly(sympy.hermite_prob(k, X), X).all_coeffs())])

            def integrand(z: acb, analytic: bool, polynomial: acb_poly = polynomial) -> acb:
                return f(z, analytic) * (-z * z / 2).exp() * polynomial(z)

            tolerance = arb(10) ** -62 * arb.fac_ui(k).sqrt()
            total = sum((acb.integral(integrand, a, b, abs_tol=tolerance) for a, b in itertools.pairwise(edges)), acb(0))
            # |σ(x) He_k(x)| φ(x) beyond 27, for |σ| ≤ 1e3 x³ and k ≤ 20, is below 27^23 e^{-364}·1e3 < 1e-120.
            ball = total.real / (2 * arb.pi()).sqrt() + arb(0, 1e-120)
            enclosures[k] = to_enclosure(ball, 62)
    return enclosures


@pytest.mark.parametrize("name", WITHOUT)
def test_no_miss_against_independent_integration(name: str) -> None:
    """Issue 3's measure: every enclosure meets a 60-digit value found by another algorithm."""
    c = coefficients(name, DEGREE)
    for k, reference in by_arb_integral(name).items():
        for digits in (15, 30, 50):
            enclosure = c.enclosure(k, digits)
            assert not disjoint(enclosure, reference), (k, digits)
            assert enclosure.digits >= digits or enclosure.contains(0)


@pytest.mark.parametrize("name", WITH_CLOSED_FORM)
def test_no_miss_against_closed_forms(name: str) -> None:
    c = coefficients(name, DEGREE)
    for k, exact in enumerate(closed(exact_coefficients(activation(name).expression, DEGREE))):
        reference = enclose_number(exact, 60)
        for digits in (15, 30, 50):
            enclosure = c.enclosure(k, digits)
            assert not disjoint(enclosure, reference), (k, digits)
            assert enclosure.digits >= digits or exact == 0


@pytest.mark.parametrize("name", WITH_CLOSED_FORM)
def test_norm_against_closed_forms(name: str) -> None:
    expression = activation(name).expression
    enclosure = coefficients(name, 1).norm2_enclosure(40)
    assert enclosure.contains(closed(exact_inner(expression, expression)))
    assert enclosure.digits >= 40


def test_a_five_percent_error_would_be_seen() -> None:
    wrong = enclose_number(closed(exact_coefficients(Max(X, 0), 1))[1] * Rational(105, 100), 60)
    assert disjoint(coefficients("relu").enclosure(1, 15), wrong)


def test_tanh_against_mpmath() -> None:
    with mpmath.workdps(60):
        points = [0, 1, 2, 4, 8, 16, 24]
        reference = 2 * mpmath.quad(lambda x: mpmath.tanh(x) * x * mpmath.npdf(x), points)
        enclosure = coefficients("tanh").enclosure(1, 50)
        # mpmath's tanh-sinh rule at 60 digits agrees with itself at 80 to 1e-58.
        assert abs(mpmath.mpf(str(enclosure.mid)) - reference) < mpmath.mpf(str(enclosure.radius)) + mpmath.mpf(10) ** -57


@pytest.mark.parametrize("name", ["tanh", "gelu", "log1p_square", "sin", "arctan"])
def test_two_rules_agree(name: str) -> None:
    """The trapezoidal rule in a strip and Gauss panels with Bernstein ellipses share nothing but the tails."""
    entry = activation(name)
    with working_precision(200):
        plan = trapezoid.trapezoid_plan(entry, 8, 30)
        assert plan is not None
        first = trapezoid.by_trapezoids(entry, 8, 30, plan)
        second = gauss_panels.by_panels(entry, 8, 30)
        for a, b in zip([*first.c, first.norm2], [*second.c, second.norm2], strict=True):
            assert a.overlaps(b)
            assert float(a.rad()) < 1e-27 > float(b.rad())


def test_results_do_not_depend_on_what_was_asked_before() -> None:
    first = coefficients("tanh", 1).enclosure(1, 25)
    coefficients("tanh", 30).enclosure(7, 60)
    again = coefficients("tanh", 12).enclosure(1, 25)
    assert first.mid == again.mid
    assert str(first) == str(again) == "0.60570550960215882558354023 ± 3e-27"


def test_the_number_of_digits_is_the_number_asked_for() -> None:
    for digits in (1, 15, 120, 300):
        assert coefficients("tanh", 3).enclosure(3, digits).digits >= digits
    assert coefficients("shifted_relu", 3).enclosure(3, 200).digits >= 200


# --- compositions nobody registered ---

COMPOSITIONS = [
    "log(1 + exp(2*x))*tanh(x)",
    "cos(x)^3/(2 + sin(x))",
    "exp(-x^4)",
    "sqrt(1 + exp(x))",
    "1/(1 + 25*x^2)",
    "exp(x^2/5)",
    "max(tanh(x), x^2/5 - 1/3)",
    "sqrt(abs(x))",
    "max(x, 0)^(7/3)*exp(-x)",
    "where(sin(x) > 0.1 and x < 2, x, 1)",
    "abs(x - sqrt(2))*atan(x)",
    "x^3*asinh(x)",
    # Doubly exponential in a wide strip: only a narrow one will do.
    "exp(sin(5*x))",
    # Its kink is a root of a cubic, an algebraic number without radicals worth writing.
    "where(x^3 - x - 1 > 0, x, tanh(x))",
    # The kink is far from the bulk, and the coefficient is 1e-17.
    "max(x - 8, 0)",
]


@pytest.mark.parametrize("text", COMPOSITIONS)
def test_any_composition(text: str) -> None:
    c = coefficients(text, 4)
    for k in range(5):
        enclosure = c.enclosure(k, 20)
        assert enclosure.digits >= 20 or enclosure.contains(0)
        # Two independent routes; the double's error is its own estimate.
        assert abs(float(enclosure) - np.asarray(c)[k]) <= c.errors[k] + 1e-15 * abs(float(enclosure))


# --- the two known ways to lie ---


def test_the_analytic_flag_is_honoured() -> None:
    """Without the flag Arb's integration of relu(x − 0.3) returns a tiny ball that is wrong; with it, a right one."""
    f = ball_function
    with working_precision(100):
        relu = f(Max(X - Rational(3, 10), 0))
        straddling = acb(arb(0.3, 0.1), arb(0, 0.1))
        assert not relu(straddling, True).is_finite()
        assert relu(straddling, False).is_finite()

        def integral(forward: bool) -> arb:
            return acb.integral(lambda z, a: relu(z, a and forward) * (-z * z / 2).exp(), -8, 8).real / (2 * arb.pi()).sqrt()

        truth = coefficients("max(x - 3/10, 0)").enclosure(0, 20)
        wrong, right = integral(False), integral(True)
        assert float(wrong.rad()) < 1e-10 < abs(float(wrong) - float(truth))
        assert abs(float(right) - float(truth)) < 1e-14


@pytest.mark.parametrize(
    ("expression", "ball"),
    [
        (sympy.sqrt(X), acb(arb(-1, 0.1), arb(0, 0.1))),
        (sympy.log(X), acb(arb(-1, 0.1), arb(0, 0.1))),
        (sympy.atan(X), acb(arb(0, 0.1), arb(1.5, 0.1))),
        (sympy.asinh(X), acb(arb(0, 0.1), arb(1.5, 0.1))),
        (sympy.acos(X), acb(arb(2, 0.1), arb(0, 0.1))),
        (X ** Rational(1, 3), acb(arb(-1, 0.1), arb(0, 0.1))),
        (sympy.Abs(X), acb(arb(0, 0.1), arb(0, 0.1))),
        (sympy.sign(X), acb(arb(0, 0.1), arb(0, 0.1))),
        (sympy.Heaviside(X), acb(arb(0, 0.1), arb(0, 0.1))),
        (sympy.Min(X, 0), acb(arb(0, 0.1), arb(0, 0.1))),
        (sympy.Piecewise((X, X > 0), (0, True)), acb(arb(0, 0.1), arb(0, 0.1))),
        (1 / X, acb(arb(0, 0.1), arb(0, 0.1))),
        (tanh(X), acb(arb(0, 0.1), arb(1.57, 0.1))),
    ],
)
def test_balls_over_a_cut_a_switch_or_a_pole_are_not_finite(expression: sympy.Expr, ball: acb) -> None:
    with working_precision(64):
        f = ball_function(expression)
        assert not f(ball, True).is_finite()
        assert f(ball + 3 + acb(0, 3), True).is_finite()


def test_a_rational_is_not_turned_into_a_float() -> None:
    """A 200-bit ball around the double nearest to 1/3 excludes 1/3."""
    with working_precision(200):
        third = ball_function(X + Rational(1, 3))(acb(0), False).real
        assert third.contains(fmpq(1, 3))
        assert not arb(1 / 3).contains(fmpq(1, 3))
    # c_0 of relu(x − 1/3) = φ(1/3) − (1 − Φ(1/3))/3, against the same with the double nearest to 1/3.
    enclosure = coefficients("max(x - 1/3, 0)").enclosure(0, 40)

    def c0(a: sympy.Expr) -> sympy.Expr:
        return sympy.exp(-(a**2) / 2) / sympy.sqrt(2 * sympy.pi) - a * sympy.erfc(a / sympy.sqrt(2)) / 2

    assert enclosure.contains(c0(Rational(1, 3)))
    assert not enclosure.contains(c0(Rational(1 / 3)))


# --- declarations ---


def test_a_wrong_strip_is_caught() -> None:
    entry = activation(tanh(X), strip=2.0)
    with pytest.raises(HypothesisError) as raised:
        coefficients(entry).enclosure(1, 15)
    message = str(raised.value)
    assert message.startswith("tanh(x) is analytic in the declared strip |Im z| < 2; found no finite ball around it near z = ")
    assert message.endswith("i. Repair: declare a narrower strip, or strip=None: then one is searched for")
    # Right declarations, and none at all, give the same number.
    values = [coefficients(activation(tanh(X), strip=strip)).enclosure(1, 30) for strip in (1.0, 1.5, None)]
    assert all(not disjoint(a, b) for a, b in itertools.combinations(values, 2))


def test_a_wrong_lipschitz_constant_is_caught() -> None:
    with pytest.raises(HypothesisError) as raised:
        coefficients(activation(2 * tanh(X), lipschitz=1.5)).enclosure(1, 15)
    assert str(raised.value) == (
        "2*tanh(x) has the declared Lipschitz constant 1.5; found |σ(-0.5) − σ(-0.5625)| = 0.0954256 > 0.09375. "
        "Repair: declare a larger one, lipschitz=math.inf, or lipschitz=None"
    )


def test_a_declared_lipschitz_constant_bounds_the_tail() -> None:
    # erfi(x) e^{-x²} is bounded, but no rule here knows: Dawson's function, with slope at most 2/√π in size.
    dawson = sympy.exp(-(X**2)) * sympy.erfi(X)
    with pytest.raises(HypothesisError) as raised:
        coefficients(dawson).enclosure(1, 10)
    assert str(raised.value) == (
        "the tail of the integral is bounded by the growth of the function; found no bound for erfi(x) as x → −∞. "
        "Repair: declare a Lipschitz constant if it has one, activation(expression, lipschitz=…), or use the double-precision "
        "coefficients np.asarray(coefficients(…))"
    )
    enclosure = coefficients(activation(dawson, lipschitz=2 / math.sqrt(math.pi) + 1e-9)).enclosure(1, 20)
    # E[σ(g) g] = E σ'(g), and by the Fourier form σ(x) = ∫_0^∞ e^{-t²/4} sin(xt) dt/√π·: E σ'(g) = ∫ t e^{-3t²/4} dt/√π = 2/(3√π).
    assert enclosure.contains(2 / (3 * sympy.sqrt(sympy.pi)))


# --- refusals ---


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (
            np.tanh,
            "an enclosure needs a formula, of which it can take balls; found the bare callable tanh. "
            "Repair: pass a SymPy expression; np.asarray(coefficients(…)) serves callables",
        ),
        (
            "exp(x^2)",
            "the function is square integrable against the normal density (E σ(g)² < ∞); found the factor exp(x**2) on (-oo, oo). "
            "Repair: keep exp(b*x**2) to b < 1/4, or restrict it to a bounded interval",
        ),
        (
            "exp(x^2)*tanh(x)",
            "the function is square integrable against the normal density (E σ(g)² < ∞); found no better bound for exp(x**2)*tanh(x) "
            "than |σ(x)| ≤ … exp(1 x²). Repair: use a function that provably grows more slowly than exp(x²/4)",
        ),
        (
            "tan(x)",
            "the tail of the integral is bounded by the growth of the function; found no bound for tan(x) as x → −∞. "
            "Repair: declare a Lipschitz constant if it has one, activation(expression, lipschitz=…), or use the double-precision "
            "coefficients np.asarray(coefficients(…))",
        ),
        (
            "abs(x)^(-1/2)",
            "the function is square integrable at its singularities; found no better bound for 1/sqrt(-x) near x = 0 than",
        ),
        (
            tanh(sympy.zeta(X**2 + 2)),
            "an enclosure needs ball arithmetic for every function of the expression; found zeta in zeta(x**2 + 2). Repair: rewrite it "
            "in elementary functions, or use the double-precision coefficients np.asarray(coefficients(…))",
        ),
        (
            sympy.Max(sympy.Symbol("x"), sympy.Symbol("a") * sympy.Symbol("x")),
            "values need numbers for every parameter; found the free parameters a in Max(x, a*x). "
            "Repair: substitute them first: expression.subs({a: sympy.Rational(1, 2)})",
        ),
    ],
)
def test_what_cannot_be_enclosed_is_refused(sigma: object, message: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        coefficients(sigma).enclosure(0, 10)
    assert str(raised.value).startswith(message)


@pytest.mark.parametrize("digits", [0, 1001])
def test_digits_have_a_limit(digits: int) -> None:
    with pytest.raises(HypothesisError) as raised:
        coefficients("tanh").enclosure(1, digits)
    assert str(raised.value) == f"the engine certifies 1 to 1000 digits; found digits={digits}. Repair: ask for digits=50, say"


# --- the residual ---


def test_the_difference_has_the_digits_asked_for() -> None:
    # cos at r = 20: c_r*² is 1e-22 of E σ², so 30 digits of c_r* take more than 50 of the terms.
    c = coefficients("cos", 20)
    enclosure = c.residual_enclosure(20, 30)
    assert enclosure.digits >= 30
    series = sum(sympy.exp(-1) / sympy.factorial(2 * j) for j in range(11))
    exact = sympy.sqrt((1 + sympy.exp(-2)) / 2 - series)
    assert not disjoint(enclosure, enclose_number(exact, 60))
    assert float(enclosure) < 1e-10


def test_a_residual_of_zero_is_enclosed_around_zero() -> None:
    enclosure = coefficients("hermite2", 4).residual_enclosure(2, 20)
    assert enclosure.contains(0)
    assert enclosure.upper < 1e-20


def test_zero_by_parity_is_exactly_zero() -> None:
    enclosure = coefficients("hardtanh").enclosure(4, 30)
    assert enclosure.mid == enclosure.radius == 0


# --- the error bound itself ---


def test_the_bound_has_the_right_exponent_within_six_digits() -> None:
    """True error of coarse rules for tanh, whose poles ±iπ/2 give it the size e^{-π²/h}; the bound has e^{-2πa/h}."""
    entry = activation("tanh")
    excess = []
    with working_precision(160):
        a = fmpq(149, 100)
        strip = trapezoid._rectangle(entry.expression, a, 24)
        fine = arb(str(coefficients("tanh").enclosure(1, 40).mid))
        for n in (2, 3, 4, 5):
            rough = trapezoid.by_trapezoids(entry, 1, 30, trapezoid._TrapezoidPlan(strip, fmpq(1, n), 20 * n)).c[1]
            error, bound = abs(float(rough.mid() - fine)), float(rough.rad())
            assert error <= bound
            excess.append(bound / error / math.exp(2 * math.pi * (math.pi / 2 - 1.49) * n))
    # One constant for all steps. The poles at ±3iπ/2 add e^{-2π²/h} < 3e-9, and 1/(e^{2πa/h} − 1) has as much over e^{-2πa/h}.
    assert max(excess) / min(excess) - 1 < 1e-7
    assert max(excess) < 1e6


def test_the_gauss_bound_holds_and_has_the_right_exponent() -> None:
    """F = 1/(1 + 4z²), ∫_{−1}^{1} F = arctan 2, poles ±i/2: the rule converges as ρ₀^{-2n}, ρ₀ = (1 + √5)/2."""
    rho0, rho = (1 + math.sqrt(5)) / 2, 1.6
    # The largest value on the ellipse is the one nearest to the poles, at z = i(ρ − 1/ρ)/2.
    largest = 1 / (1 - (rho - 1 / rho) ** 2)
    errors = []
    with working_precision(160):
        for n in (2, 4, 8, 16, 32):
            rule = sum((w / (1 + 4 * x * x) for x, w in gauss_panels._legendre(n, 160)), arb(0))
            errors.append(abs(float(rule - arb(2).atan())))
            assert errors[-1] <= largest * float(gauss_panels.gauss_error(arb(rho), n))
    # The pole dominates: what is left of the fitted rate is a factor 1 + O(1/n) in the error.
    assert abs(math.log(errors[-2] / errors[-1]) / 32 - math.log(rho0)) < 1 / 32**2


def test_a_narrower_rectangle_gives_no_bound() -> None:
    entry = activation("tanh")
    with working_precision(64):
        strip = trapezoid._rectangle(entry.expression, fmpq(1), 4)
        assert not all(bound.is_finite() for bound in trapezoid.trapezoid_errors(strip, arb(0.25), arb(5), 2))
        assert all(bound.is_finite() for bound in trapezoid.trapezoid_errors(strip, arb(0.25), arb(3), 2))


def test_a_value_at_zero_which_is_zero_but_for_rounding() -> None:
    # σ(0) = sin 1 − sin 1 is a ball around 0 of positive radius, whose power 2 is not finite in ball arithmetic.
    f = sympy.sin(X + 1) - sympy.sin(X / 2 + 1)
    norm2 = coefficients(f, 2).norm2_enclosure(20)
    # E sin(ag + 1) sin(bg + 1) = (e^{−(a−b)²/2} − e^{−(a+b)²/2} cos 2)/2.
    unit, half = sympy.Integer(1), Rational(1, 2)
    exact = sum(
        sign * (sympy.exp(-((a - b) ** 2) / 2) - sympy.exp(-((a + b) ** 2) / 2) * sympy.cos(2)) / 2
        for a, b, sign in ((unit, unit, 1), (unit, half, -2), (half, half, 1))
    )
    assert norm2.contains(exact)
    assert norm2.digits >= 20


def test_a_ball_that_is_not_finite_is_no_enclosure() -> None:
    with pytest.raises(HypothesisError, match=r"an enclosure is finite; found nan"):
        to_enclosure(arb.nan(), 20)


def test_laguerre_polynomials_of_every_degree_are_enclosed() -> None:
    """Against the exact sum L_k(−y) = Σ_j binom(k, j) y^j/j!, at the 64 bits where arb's own is NaN from degree 64 on."""
    y = fmpq(403, 64) ** 2
    with working_precision(64):
        values = trapezoid._laguerre(arb(y), 120)
    for k in (0, 1, 2, 63, 64, 80, 120):
        exact, term = fmpq(0), fmpq(1)
        for j in range(k + 1):
            exact += term
            term = term * y * fmpq(k - j, (j + 1) ** 2)
        # Four roundings of sums of positive terms for each degree.
        with working_precision(2000):
            assert values[k].contains(arb(exact))
        assert values[k].rad() <= values[k].mid() * arb(2) ** -64 * 8 * (k + 1)


def test_high_degrees_have_enclosures() -> None:
    c = coefficients("gelu", 80)
    for k in (62, 64, 72, 80):
        enclosure = c.enclosure(k, 15)
        assert enclosure.digits >= 15
        assert not disjoint(enclosure, enclose_number(c[k], 30))
    assert coefficients("tanh", 96).enclosure(95, 15).digits >= 15


def integrals(sigma: sympy.Expr, edges: set[Any], edges_of_square: set[Any]) -> list[mpmath.mpf]:
    """E σ(g)He_k(g), k ≤ 3, and E σ(g)² by rules of 96 nodes between neighbouring edges, enough for intervals of length 4."""
    f = sympy.lambdify(X, sigma, "mpmath")

    def nodes(edges: set[Any]) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
        return [pair for ends in itertools.pairwise(sorted(edges)) for pair in RULE.get_nodes(*ends, 6, mpmath.mp.prec)]

    weighed = [(x, w * f(x) * mpmath.npdf(x)) for x, w in nodes(edges)]
    polynomials = [sympy.lambdify(X, sympy.hermite_prob(k, X), "mpmath") for k in range(4)]
    square = mpmath.fsum(w * f(x) ** 2 * mpmath.npdf(x) for x, w in nodes(edges_of_square))
    return [*(mpmath.fsum(w * polynomial(x) for x, w in weighed) for polynomial in polynomials), square]


@pytest.mark.parametrize(("formula", "slopes"), [
    ("sinh(30*x)/(1 + x^2)", (-30, 30)), ("cosh(10*x)^2*tanh(x)", (-20, 20)), ("(exp(40*x) + 1)*erf(x)", (40,)),
    ("cosh(20*x)*(exp(9*x) + tanh(x))", (-20, 20, 29)), ("exp(12*x)*tanh(x) + x^2", (0, 12)),
    ("exp(120*x)/(1 + exp(60*x))", (60,)), ("exp(20*x)/(1 + exp(-x))", (20,)),
    ("exp(-9*x)/(exp(x) + exp(-20*x))", (0, 1, -1)), ("log(1 + exp(x))*exp(30*x)", (30,)),
])  # fmt: skip
def test_sums_of_steep_exponentials(formula: str, slopes: tuple[int, ...]) -> None:
    """Against mpmath's integral around the mass at the slopes, that of the square at their sums; the TeX beyond doubles, too."""
    start = time.process_time()
    expansion = coefficients(formula, 3)
    enclosures = [*(expansion.enclosure(k, 15) for k in range(4)), expansion.norm2_enclosure(15)]
    assert re.search(r"\d \\times 10\^\{\d+\}|He", expansion.latex())
    assert time.process_time() - start < 3
    with mpmath.workdps(25):
        edges = (
            {centre + step for centre in {*centres, 0} for step in range(-12, 13, 4)}
            for centres in (slopes, {left + right for left in slopes for right in slopes})
        )
        for enclosure, expected in zip(enclosures, integrals(expansion.activation.expression, *edges), strict=True):
            if enclosure.mid == 0 == enclosure.radius:  # by parity
                continue
            middle, radius = (mpmath.mpf(str(part)) for part in (enclosure.mid, enclosure.radius))
            assert abs(middle - expected) <= radius + abs(expected) * mpmath.mpf(10) ** -18
            assert radius <= abs(middle) * mpmath.mpf(10) ** -15


def test_what_has_too_many_decades_is_refused_at_once() -> None:
    start = time.process_time()
    with pytest.raises(HypothesisError, match=r"multiply the function by exp\(-895\)"):
        coefficients("sinh(30*x)/x", 2).norm2_enclosure(15)
    assert coefficients("sinh(30*x)/x*exp(-895)", 2).norm2_enclosure(15).digits >= 15
    assert time.process_time() - start < 3


@pytest.mark.parametrize("formula", ["exp(20*x)*tanh(x)", "exp(60*x - 3600)*tanh(x)", "exp(-50*x - 1250)*erf(x)", "x**2*exp(30*x)*gelu(x)",
                                     "exp(6*x)*cos(x)/(1 + x**2)", "exp(10*x - 3)*relu(x - 1/3)"])  # fmt: skip
def test_products_with_a_steep_exponential(formula: str) -> None:
    """Against mpmath's integral around the mass, x = a for c_k and 2a for E σ²."""
    start = time.process_time()
    expansion = coefficients(formula, 3)
    enclosures = [*(expansion.enclosure(k, 20) for k in range(4)), expansion.norm2_enclosure(20)]
    assert time.process_time() - start < 2
    steep = next(part for part in closed(expansion.activation.expression).atoms(sympy.exp) if abs(sympy.degree(part.exp, X)) == 1)
    slope = int(sympy.diff(steep.exp, X))
    with mpmath.workdps(40):
        edges = ({*range(centre - 24, centre + 25, 2), mpmath.mpf(1) / 3, 0} for centre in (slope, 2 * slope))
        for enclosure, expected in zip(enclosures, integrals(expansion.activation.expression, *edges), strict=True):
            middle = mpmath.mpf(str(enclosure.mid))
            assert abs(expected / middle - 1) <= mpmath.mpf(str(enclosure.radius)) / abs(middle) + mpmath.mpf(10) ** -22
            assert enclosure.digits >= 20
