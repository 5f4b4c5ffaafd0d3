"""What doubles show of exact coefficients: correctly rounded, however far out the mass and however much cancels."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy
from exact_cases import closed
from numpy.polynomial import hermite as physicists
from sympy import Heaviside, Max, Piecewise, Rational, exp

from hermite_eq import HypothesisError, coefficients, equivalent_transformer
from hermite_eq.errors import DegreeError
from hermite_eq.expansion import HermiteExpansion
from hermite_eq.hermite import X, physicists_weights
from hermite_eq.models import RandomTransformer, Task

EPS = np.finfo(float).eps


def _integral(function: Callable[[Any], Any], k: int, place: int) -> mpmath.mpf:
    """∫ f He_k φ from ``place`` on, the factor φ(place) kept out of the rule, whose tolerance is absolute."""

    def integrand(t: mpmath.mpf) -> mpmath.mpf:
        x = place + t
        return function(x) * mpmath.hermite(k, x / mpmath.sqrt(2)) / mpmath.sqrt(2) ** k * mpmath.exp(-place * t - t * t / 2)

    with mpmath.workdps(30):
        return mpmath.quad(integrand, [0, 0.25, 1, 3, 8]) * mpmath.npdf(place)


def test_zeros_are_zeros() -> None:
    c = coefficients("x**7", 50)
    assert np.asarray(c)[8:].tolist() == [0.0] * 43
    assert c.errors[8:].tolist() == [0.0] * 43
    assert np.asarray(c)[7] == 5040
    assert np.asarray(coefficients("relu", 9))[3::2].tolist() == [0.0] * 4
    frame = coefficients("relu", 4).to_dataframe()
    assert frame["c"].tolist() == np.asarray(coefficients("relu", 4)).tolist()
    assert frame["c"][3] == frame["error"][3] == 0


@pytest.mark.parametrize("sigma", ["relu", "gelu", "elu", "selu", "hardswish", "erf", "snake", "exp(x/3)*sin(2*x)"])
def test_doubles_are_the_nearest_ones_and_quadrature_agrees(sigma: str) -> None:
    c = coefficients(sigma, 12)
    for value, error, exact in zip(np.asarray(c), c.errors, closed(c.exact), strict=True):
        digits = sympy.N(exact, 60, maxn=2000)
        assert abs(sympy.Rational(float(value)) - digits) <= sympy.Rational(float(error)) + sympy.Float("1e-50")
        assert error <= EPS / 2 * abs(value)
    roots = np.array([math.sqrt(math.factorial(k)) for k in range(13)])
    assert np.all(np.abs(c.estimate.values - np.asarray(c) / roots) <= c.estimate.errors + EPS * np.abs(c.estimate.values))


@pytest.mark.parametrize("place", [7, 15, 30])
def test_mass_far_out_keeps_its_relative_accuracy(place: int) -> None:
    step, ramp = coefficients(Heaviside(X - place), 4), coefficients(Max(X - place, 0), 4)
    for k in range(5):
        assert np.asarray(step)[k] == pytest.approx(float(_integral(lambda x: 1, k, place)), rel=1e-14, abs=0)
        assert np.asarray(ramp)[k] == pytest.approx(float(_integral(lambda x: x - place, k, place)), rel=1e-14, abs=0)
    # c_1*² = E σ² − c_0² − c_1², which is E σ² but for 1e-12 and less of it.
    norm2 = float(_integral(lambda x: (x - place) ** 2, 0, place))
    assert float(ramp.to_dataframe()["residual"][1]) == pytest.approx(
        math.sqrt(norm2 - np.asarray(ramp)[0] ** 2 - np.asarray(ramp)[1] ** 2), rel=1e-13, abs=0
    )


def test_extreme_sizes_are_enclosed_and_printed_within_seconds() -> None:
    start = time.process_time()
    large, small = coefficients(exp(20 * X), 4), coefficients(Max(X - 40, 0), 4)
    assert large.enclosure(3, 20).contains(8000 * exp(200))
    assert large.norm2_enclosure(20).contains(exp(800))
    with mpmath.workdps(30):
        expected = _integral(lambda x: 1, 0, 40)
        assert abs(mpmath.mpf(str(small.enclosure(1, 20).mid)) - expected) < 1e-20 * expected
    assert r"\times 10^{-350}" in equivalent_transformer(RandomTransformer(small.activation, 0.1), Task("relu")).latex()
    assert np.asarray(small).tolist() == [0.0] * 5
    # It took more than a minute while zero was decided by evaluating error functions to ever more digits.
    assert time.process_time() - start < 20


def test_a_kept_rounding_is_as_fast_as_quadrature() -> None:
    np.asarray(coefficients("gelu", 30))
    start = time.process_time()
    for _ in range(20):
        np.asarray(coefficients("gelu", 30))
    assert (time.process_time() - start) / 20 < 0.01


def test_shadowed_branches_never_hold() -> None:
    shadowed = coefficients(Piecewise((X, X < 2), (X**2, X < 1), (3, True)), 4)
    plain = coefficients(Piecewise((X, X < 2), (3, True)), 4)
    assert shadowed.exact == plain.exact
    assert shadowed.latex() == plain.latex()


def test_indices_are_those_of_a_sequence_and_end_in_an_error() -> None:
    c = coefficients("relu", 4)
    assert c[-1] == c[4]
    assert c[1:3] == (c[1], c[2])
    assert c[np.int64(1)] == Rational(1, 2)
    for k, degree in ((7, 7), (-6, 5)):
        with pytest.raises(DegreeError, match=rf"up to degree 4, k = -5 … 4; found k = {k} for relu.*degree={degree}\)"):
            c[k]
    with pytest.raises(IndexError):
        c[5]
    with pytest.raises(HypothesisError, match="chosen by its degree"):
        c["1"]  # type: ignore[index]


def test_the_physicists_view_is_numpys() -> None:
    x = np.linspace(-3, 3, 13)
    cubic = coefficients("2*x**3 - x**2 + 5", 3)
    weights = np.array(cubic.physicists, dtype=float)
    np.testing.assert_allclose(physicists.hermval(x / math.sqrt(2), weights), 2 * x**3 - x**2 + 5, rtol=64 * EPS, atol=256 * EPS)
    # a_k = ∫ σ(√2 t) H_k(t) e^{−t²} dt / (√π 2^k k!), by NumPy's own rule for that weight.
    t, w = physicists.hermgauss(60)
    sums = [np.sum(w * np.exp(math.sqrt(2) * t / 2) * physicists.hermval(t, np.eye(6)[k])) for k in range(6)]
    values = [total / (math.sqrt(math.pi) * 2**k * math.factorial(k)) for k, total in enumerate(sums)]
    np.testing.assert_allclose([float(a) for a in coefficients("exp(x/2)", 5).physicists], values, rtol=1e-12)
    assert physicists_weights((1.0, 2.0)) == (1.0, 2.0 / math.sqrt(2.0))


def test_unknown_functions_have_doubles_and_tex_of_estimates() -> None:
    expansion: HermiteExpansion = coefficients(sympy.zeta(3 + X**2), 2)
    shown = expansion.latex()
    assert r"\text{(digits by the estimated error)}" in shown
    assert "0." in shown or "1." in shown
    table = expansion.latex("table")
    assert "% no enclosure: " in table
    assert "estimated error" in table
    assert "estimated" not in coefficients("tanh", 2).latex("table")


def test_long_fractions_are_decimals() -> None:
    shown = coefficients("selu", 4).latex("table")
    assert "closed forms, rounded where their integers have more than 30 digits" in shown
    assert max(map(len, shown.splitlines()[2:])) < 80
    assert r"0.985231\, \mathrm{He}_{1}(x)" in coefficients("selu", 4).latex()


def test_parts_of_complex_error_functions_have_doubles() -> None:
    """An oscillation cut off far out: SymPy would evaluate e^(-9e11) beside 1e-12 to 10^11 digits."""
    cut = sympy.Piecewise((sympy.sin(X / 10**6), sympy.Rational(4 * 10**6, 3) < X), (X**2 / 10**12, True))
    expansion = coefficients(cut, 2)
    np.testing.assert_allclose(np.asarray(expansion), [1e-12, 0.0, 2e-12], rtol=1e-15)
    assert expansion.enclosure(2).contains(sympy.Rational(2, 10**12))
