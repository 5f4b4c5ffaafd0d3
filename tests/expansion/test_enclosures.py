"""Enclosures: the type that carries a proof, and those of functions that are not elementary, not analytic or not bounded, against integrals
to 40 digits by another rule.
"""

from __future__ import annotations

import itertools
import time
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from flint import arb
from hypothesis import given
from hypothesis import strategies as st
from sympy import Abs, Max, Min, Piecewise, Rational, Si, besselj, cos, coth, erfinv, exp, floor, log, sign, sin, sinh, tanh

from hermite_eq import HypothesisError, activation, coefficients
from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.activations.formulas.removable import removable_points
from hermite_eq.expansion.enclosure import Enclosure, enclose_number, to_enclosure
from hermite_eq.hermite import X

decimals = st.decimals(-(10**6), 10**6, allow_nan=False, places=20)
radii = st.decimals(Decimal("1e-30"), 1, allow_nan=False, places=30)


@given(decimals, radii)
def test_what_is_printed_contains_the_interval(mid: Decimal, radius: Decimal) -> None:
    if radius == 0:
        radius = Decimal("1e-30")
    enclosure = Enclosure(mid, radius)
    shown, spread = (Fraction(part) for part in str(enclosure).split(" ± "))
    assert shown - spread <= enclosure.lower
    assert enclosure.upper <= shown + spread


@given(st.integers(-(10**40), 10**40), st.integers(1, 10**20), st.integers(10, 300))
def test_the_decimal_interval_contains_the_ball(mantissa: int, radius: int, bits: int) -> None:
    with working_precision(bits):
        ball = arb(mantissa, radius) / 7
        enclosure = to_enclosure(ball, 30)
    with working_precision(400):
        low, high = ball.lower().man_exp(), ball.upper().man_exp()
    assert enclosure.lower <= Fraction(int(low[0])) * Fraction(2) ** int(low[1])
    assert Fraction(int(high[0])) * Fraction(2) ** int(high[1]) <= enclosure.upper


def test_membership_of_exact_numbers() -> None:
    half = Enclosure(Decimal("0.5"), Decimal(0))
    assert all(half.contains(number) for number in (0.5, Fraction(1, 2), Decimal("0.5"), sympy.Rational(1, 2), sympy.Float(0.5)))
    assert not half.contains(0.5 + 2**-53)
    root = enclose_number(sympy.sqrt(2), 40)
    assert root.contains(sympy.sqrt(2))
    assert not root.contains(sympy.sqrt(2) + sympy.Rational(1, 10**39))
    assert not root.contains(1.4142135623730951)


def test_membership_needs_a_number() -> None:
    with pytest.raises(HypothesisError) as raised:
        enclose_number(sympy.pi, 10).contains(sympy.Symbol("a"))
    assert str(raised.value) == "an enclosure contains numbers; found a. Repair: substitute the symbols first"


def test_an_end_that_cannot_be_told_is_said() -> None:
    # 1/4 given as an expression whose value no finite precision tells from 1/4.
    quarter = sympy.sqrt(2) * sympy.sqrt(3, evaluate=False) / sympy.sqrt(96, evaluate=False)
    with pytest.raises(HypothesisError, match="a number is inside or outside an interval by more than 1e-1000"):
        Enclosure(Decimal("0.5"), Decimal("0.25")).contains(sympy.Add(quarter, sympy.sin(1) ** 2 + sympy.cos(1) ** 2 - 1, evaluate=False))


@pytest.mark.parametrize(
    ("mid", "radius", "text", "digits"),
    [
        ("0.6057055096021588", "3e-12", "0.60570550960 ± 6e-12", 11),
        ("123456.789", "4e1", "123500 ± 9e+1", 3),
        ("0", "2e-30", "0 ± 2e-30", 0),
        ("-1E-7", "1E-9", "-1.0E-7 ± 1e-9", 2),
        ("0.25", "0", "0.25", 2),
    ],
)
def test_print(mid: str, radius: str, text: str, digits: int) -> None:
    enclosure = Enclosure(Decimal(mid), Decimal(radius))
    assert enclosure.digits == digits
    shown, _, spread = str(enclosure).partition(" ± ")
    expected_shown, _, expected_spread = text.partition(" ± ")
    assert Decimal(shown) == Decimal(expected_shown)
    assert Decimal(spread or 0) == Decimal(expected_spread or 0)


def test_tex_shows_certain_digits_only() -> None:
    enclosure = Enclosure(Decimal("0.60570550960"), Decimal("3e-5"))
    assert enclosure.latex(12) == "0.6057"
    assert enclosure._repr_latex_() == "$0.6057$"


def test_a_ball_without_end_is_no_enclosure() -> None:
    with pytest.raises(HypothesisError, match="an enclosure has a finite middle and a finite radius ≥ 0; found NaN ± 1"):
        Enclosure(Decimal("NaN"), Decimal(1))


LINE = (-12, -8, -5, -3, -2, -1, 0, 1, 2, 3, 5, 8, 12)


def _steep(*steep: float) -> tuple[float, ...]:
    """Panels that shrink towards points where the function bends within a hundredth."""
    return tuple(sorted({*LINE, *(s + side * 4.0**-j for s in steep for j in range(5) for side in (-1, 1))}))


CASES = {
    "sin(x)/x": (sin(X) / X, LINE),
    "(exp(x) - 1)/x": ((exp(X) - 1) / X, LINE),
    "x/(exp(x) - 1)": (X / (exp(X) - 1), LINE),
    "(1 - cos(x))/x^2": ((1 - cos(X)) / X**2, LINE),
    "tanh(x)/x": (tanh(X) / X, LINE),
    "x/sinh(x)": (X / sinh(X), LINE),
    "log(1 + x^2)/x": (log(1 + X**2) / X, LINE),
    "Langevin": (coth(X) - 1 / X, LINE),
    "shifted": ((exp(X - 1) - 1) / (X - 1), LINE),
    "softplus(100x)/100": (log(1 + exp(100 * X)) / 100, _steep(0)),
    "x logistic(60x)": (X * exp(60 * X) / (1 + exp(60 * X)), _steep(0)),
    "Si": (Si(X), LINE),
    "J0": (besselj(0, X), LINE),
    "J1(x)/x": (besselj(1, X) / X, LINE),
    "erfinv": (erfinv(tanh(X) / 2), LINE),
    "floor": (floor(X), tuple(range(-12, 13))),
    "log|x|": (log(Abs(X)), LINE),
    "log|x - 1|": (log(Abs(X - 1)), LINE),
    "x log|x|": (X * log(Abs(X)), LINE),
    "|x|^-0.3": (Abs(X) ** Rational(-3, 10), LINE),
    "|x - 1|^-1/4": (Abs(X - 1) ** Rational(-1, 4), LINE),
    "bump": (Piecewise((exp(-1 / (1 - X**2)), Abs(X) < 1), (0, True)), LINE),
    "kinks 1e20 apart": (Max(Min((X - Rational(8, 7)) / 10**20, 1), 0), (mpmath.mpf(8) / 7, 2, 3, 5, 8, 12)),
    "|cos(3x + 1)|": (Abs(cos(3 * X + 1)), tuple(sorted({*LINE, *((k * np.pi + np.pi / 2 - 1) / 3 for k in range(-11, 12))}))),
}


def _integral(expression: sympy.Expr, k: int, edges: tuple[object, ...]) -> mpmath.mpf:
    """Tanh-sinh quadrature, which shares nothing with the library's rules, and bears singularities at the ends of its panels."""
    function = sympy.lambdify(X, expression, "mpmath")

    def integrand(x: mpmath.mpf) -> mpmath.mpf:
        with mpmath.workdps(50):
            return mpmath.re(function(x)) * x**k * mpmath.npdf(x)

    with mpmath.workdps(25):
        return mpmath.quad(integrand, list(edges))


@pytest.mark.parametrize("name", CASES)
def test_the_enclosure_contains_the_integral(name: str) -> None:
    expression, edges = CASES[name]
    sigma = activation(expression)
    k = 1 if sigma(0.7) == -sigma(-0.7) else 0
    enclosure = coefficients(expression, 2).enclosure(k, 16)
    with mpmath.workdps(34):
        off = abs(mpmath.mpf(str(enclosure.mid)) - _integral(expression, k, edges))
        # mpmath's 25 digits, less what |x − s|^s loses of them within 10^-25 of s; what is beyond |x| = 12 is below 12² φ(12) < 1e-29.
        assert off <= mpmath.mpf(str(enclosure.radius)) + mpmath.mpf(10) ** -16
    assert enclosure.digits >= 16


def test_log_has_the_known_mean() -> None:
    """E log|g| = −(γ + log 2)/2."""
    known = -(sympy.EulerGamma + sympy.log(2)) / 2
    assert coefficients(log(Abs(X)), 2).enclosure(0, 30).contains(known)
    assert not coefficients(log(Abs(X)), 2).enclosure(0, 30).contains(known + Rational(1, 10**28))


def test_a_singularity_that_is_not_square_integrable_is_refused() -> None:
    for expression in (1 / sympy.sqrt(Abs(X - 1)), 1 / (X - 1), 1 / (X**2 - 1), Abs(X) ** Rational(-3, 4)):
        with pytest.raises(HypothesisError, match=r"square integrable|bounded near its singularities"):
            coefficients(expression, 1).enclosure(0, 10)


def test_close_kinks_are_told_apart_as_exact_numbers() -> None:
    width = Rational(1, 10**20)
    narrow = coefficients(Max(Min((X - Rational(8, 7)) / width, 1), 0), 1)
    assert narrow.activation.kinks == (Rational(8, 7), Rational(8, 7) + width)
    # c_0 lies between the probabilities of the two half-lines.
    step = [coefficients(sympy.Heaviside(X - place), 0).enclosure(0, 40) for place in narrow.activation.kinks]
    ball = narrow.enclosure(0, 40)
    assert step[1].lower < ball.lower < ball.upper < step[0].upper


def test_zeros_of_sines_are_kinks_and_signs_between_them_exact() -> None:
    expansion = coefficients(sign(sin(20 * X)), 3)
    assert sympy.pi / 20 in expansion.activation.kinks
    assert np.all(np.abs(np.asarray(expansion)) <= expansion.errors)  # |c_k| ≤ e^{-200}(2·20)^k: nothing in double precision
    assert expansion.estimate.trusted
    assert expansion.estimate.norm2 == pytest.approx(1, abs=4 * expansion.estimate.norm2_error)
    assert [piece.expression for piece in pieces(Max(sin(X), 0)) if 0 <= piece.left < 6] == [sin(X), 0]


@pytest.mark.parametrize(
    "expression",
    [sin(X) / X, X / (exp(X) - 1), (1 - cos(X)) / X**2, tanh(X) / X, coth(X) - 1 / X, X / sinh(X), (exp(X - 1) - 1) / (X - 1)],
    ids=str,
)
def test_balls_across_a_removable_singularity_hold_its_values(expression: sympy.Expr) -> None:
    rng = np.random.default_rng(5)
    function = sympy.lambdify(X, expression, "mpmath")
    from flint import acb, arb

    finite = 0
    with working_precision(128):
        f = ball_function(expression)
        for radius, analytic in itertools.product((1e-20, 1e-6, 0.05, 0.2, 0.3), (True, False)):
            center = complex(*rng.uniform(-radius / 2, radius / 2, 2)) + (1 if expression.has(X - 1) else 0)
            ball = f(acb(arb(center.real, radius), arb(center.imag, radius)), analytic)
            finite += ball.is_finite()
            for _ in range(12):
                z = center + complex(*rng.uniform(-radius, radius, 2))
                with mpmath.workdps(60):
                    value = function(mpmath.mpmathify(z))
                    assert not ball.is_finite() or ball.overlaps(acb(arb(str(value.real), 1e-25), arb(str(value.imag), 1e-25)))
    assert finite == 10


def test_a_ball_that_holds_a_pole_too_is_not_finite() -> None:
    """x/(e^x − 1) has poles at ±2πi, and (x² − x)/(x sinh(x)) one at 0, where its numerator's zero is of lower order."""
    from flint import acb, arb

    with working_precision(128):
        assert not ball_function(X / (exp(X) - 1))(acb(arb(0, 1), arb(0, 7)), True).is_finite()
        assert not ball_function((1 + X) / sinh(X))(acb(arb(0, 1)), True).is_finite()
    assert removable_points(X, sinh(X) ** 2) == ()


@pytest.mark.parametrize("formula", ["log(abs(x^3 - 2))", "abs(x^4 - 3)^(-1/4)", "log(abs(x - 20))"])
def test_enclosures_and_doubles_know_the_same_singular_points(formula: str) -> None:
    c = coefficients(formula, 2)
    for k, enclosure in enumerate([c.enclosure(0, 10), c.enclosure(1, 10), c.enclosure(2, 10)]):
        assert abs(float(enclosure.mid) - float(np.asarray(c)[k])) <= float(enclosure.radius) + c.errors[k]
    norm = c.norm2_enclosure(10)
    assert abs(float(norm.mid) - c.norm2) <= float(norm.radius) + c.estimate.norm2_error


def test_constants_beside_a_removable_singularity() -> None:
    """SymPy's simplify writes 10^6 log(a) as log(a^(10^6)), exactly."""
    start = time.process_time()
    enclosure = coefficients("1000000*log((7/3 - x)**2 + 1)/(7/3 - x) + 1200000*(1 - cos(x/3 - 1/6))/(1/6 - x/3)**2", 0).enclosure(0, 15)
    assert time.process_time() - start < 5
    with mpmath.workdps(25):

        def f(x: mpmath.mpf) -> mpmath.mpf:
            u, v = mpmath.mpf(7) / 3 - x, mpmath.mpf(1) / 6 - x / 3
            return (10**6 * mpmath.log1p(u**2) / u + 12 * 10**5 * 2 * mpmath.sin(v / 2) ** 2 / v**2) * mpmath.npdf(x)

        truth = mpmath.quad(f, [-16, -8, -4, -2, 0, mpmath.mpf(1) / 2, 1, mpmath.mpf(7) / 3, 4, 8, 16])
        assert abs(mpmath.mpf(str(enclosure.mid)) - truth) <= mpmath.mpf(str(enclosure.radius)) + mpmath.mpf(10) ** -16 * truth


@pytest.mark.parametrize(("slope", "constant"), [(-6, Rational(-1, 2)), (-3, Rational(-5, 2)), (5, Rational(7, 3))])
def test_zeros_of_an_exponential_less_a_constant(slope: int, constant: Rational) -> None:
    """Found numerically, it was missed, and u/(e^u − 1) had no enclosure, or one after minutes."""
    u = slope * X + constant
    with pytest.raises(HypothesisError, match="square integrable"):
        coefficients(1 / (exp(u) - 1), 2).norm2  # noqa: B018
    ball = coefficients(u / (exp(u) - 1) + sin(X - 2) / (X - 2), 0).enclosure(0, 15)
    with mpmath.workdps(25):

        def f(x: mpmath.mpf) -> mpmath.mpf:
            v = slope * x + mpmath.mpf(constant.p) / constant.q
            return (v / mpmath.expm1(v) + mpmath.sinc(x - 2)) * mpmath.npdf(x)

        truth = mpmath.quad(f, [-16, *range(-6, 0), -0.27, 0.13, *range(1, 7), 16])
    assert abs(float(ball) - truth) <= 1e-14 * truth
