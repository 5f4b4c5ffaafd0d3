"""Random members of the family: the closed form, the enclosure, double precision and Monte Carlo are one number."""

from __future__ import annotations

import math
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from exact_cases import members
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.checks.honesty import KINDS, Draw, compare, draws, main, reference
from hermite_eq import activation, coefficients
from hermite_eq.expansion import scaled_coefficients, scaled_norm2
from hermite_eq.hermite import X, orthonormal_values

DEGREE = 6
ROOTS = np.sqrt([float(math.factorial(k)) for k in range(DEGREE + 1)])
SAMPLE = np.random.default_rng(12).standard_normal(100_000)
HERMITE = orthonormal_values(SAMPLE, DEGREE)
#: Two-sided false-alarm rate 6e-7 per coefficient.
Z = 5.0

few = settings(max_examples=12, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


@few
@given(members)
def test_four_routes_to_random_expressions_are_one_number(f: sympy.Expr) -> None:
    expansion = coefficients(f, DEGREE)
    assert expansion.exact is not None
    values, errors = np.asarray(expansion), expansion.errors
    for k, exact in enumerate(expansion.exact):
        enclosure = expansion.enclosure(k, digits=30)
        # Its value to 60 digits stands for the closed form, whose complex error functions have no ball arithmetic.
        assert enclosure.contains(sympy.re(exact.evalf(60)))
        assert abs(float(enclosure.mid) - values[k]) <= errors[k] + float(enclosure.radius) + np.spacing(abs(values[k]))
        # The radius is small as well as right: 30 digits of the coefficient or of the unit √k!, whichever is larger.
        assert float(enclosure.radius) <= 1e-29 * max(abs(values[k]), ROOTS[k])
    norm = expansion.norm2_enclosure(30)
    assert abs(float(norm.mid) - expansion.estimate.norm2) <= expansion.estimate.norm2_error + float(norm.radius)

    products = HERMITE * activation(f)(SAMPLE)
    # A constant has no sampling error, and that of a nearly constant product is below rounding. NumPy adds n terms with an error of at most
    # (16 + log₂ n) units in the last place of the sum of their sizes; the values have a few of their own.
    rounding = (24 + math.log2(SAMPLE.size)) * np.finfo(float).eps * np.abs(products).mean(axis=1)
    gaps = np.abs(products.mean(axis=1) - values / ROOTS)
    assert np.all(gaps <= Z * products.std(axis=1) / math.sqrt(SAMPLE.size) + rounding + errors / ROOTS)

    # Parseval: a difference of numbers of size E σ² keeps their absolute error.
    left_over = expansion.estimate.norm2 - np.cumsum((values / ROOTS) ** 2)
    residuals = np.array([float(expansion.residual(r)) for r in range(DEGREE + 1)])
    assert np.all(np.abs(residuals**2 - left_over) <= 1e-12 * expansion.estimate.norm2)
    assert np.all(np.diff(residuals) <= 1e-12 * math.sqrt(expansion.estimate.norm2))


@few
@given(members, st.sampled_from([sympy.Rational(1, 2), sympy.Rational(3, 4)]))
def test_the_scaled_function_and_the_scaled_coefficients_agree(f: sympy.Expr, scale: sympy.Rational) -> None:
    scaled = coefficients(f.subs(X, scale * X), DEGREE)
    direct = scaled_coefficients(f, [float(scale)], DEGREE)[0]
    # Both are estimates with errors of a few units in the last place of (E σ²)^{1/2}, in units of √k!.
    slack = 2 * scaled.errors / ROOTS + 64 * np.finfo(float).eps * math.sqrt(scaled.estimate.norm2)
    assert np.all(np.abs(direct - np.asarray(scaled)) / ROOTS <= slack)
    norm2, norm2_error = scaled.estimate.norm2, scaled.estimate.norm2_error
    assert abs(scaled_norm2(f, [float(scale)])[0] - norm2) <= 2 * norm2_error + 512 * np.finfo(float).eps * norm2


# Random expressions by every route: nothing is beyond its stated error. ``python -m benchmarks.checks.honesty`` draws as many as one likes.


COUNT = 18


@pytest.mark.parametrize("draw", list(draws(COUNT, seed=7)), ids=lambda draw: draw.kind)
def test_nothing_is_beyond_its_stated_error(draw: Any) -> None:
    # Enclosures around singular points take seconds each: they are left to the benchmark.
    notes = compare(draw, enclosures=draw.kind in ("piecewise", "exponential", "trigonometric"))
    assert [note for note in notes if not note.startswith("+")] == []


def test_every_kind_is_drawn() -> None:
    assert {draw.kind for draw in draws(COUNT, seed=7)} == set(KINDS)


def test_the_command_prints_a_tally(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--draws", "2", "--first", "1", "--no-enclosures"]) == 0
    assert "beyond its stated error, refused or crashed: 0" in capsys.readouterr().out


def test_the_reference_of_a_square_that_is_zero_at_a_node() -> None:
    with mpmath.workdps(40):
        integral = reference(Draw("exponential", (X / 3 + sympy.Rational(1, 12)) ** 2, ()))
        assert integral is not None
        # E(g/3 + 1/12)⁴ = 3/3⁴ + 6/(3·12)² + 1/12⁴.
        assert abs(integral[-1] - (mpmath.mpf(1) / 27 + mpmath.mpf(1) / 216 + mpmath.mpf(1) / 20736)) < 1e-24
