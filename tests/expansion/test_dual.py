"""Dual activations: closed forms against Mehler's series, simulation, and the certified tail."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy
from exact_cases import CASES, GELU, closed
from sympy import Abs, Heaviside, Max, Rational, asin, cos, erf, exp, pi, sign, sin, sqrt

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact import exact_coefficients, exact_inner
from hermite_eq.expansion.kernels.dual import RHO, dual_series, exact_dual
from hermite_eq.hermite import X

RELU = Max(X, 0)
a = sympy.Symbol("a", positive=True)

PAIRS = [
    *((f, f) for f in (RELU, Abs(X), sign(X), Heaviside(X), RELU**2, RELU**3, Max(X, 0) - Abs(X) / 7, GELU, erf(X))),
    *(
        (f, f)
        for f in (
            sin(X),
            cos(2 * X + 1),
            exp(X / 2),
            exp(-(X**2) / 2),
            X**3 - 2 * X,
            X * exp(X / 3 - X**2 / 4),
        )
    ),
    *((f, f) for f in (exp(-X) * sin(2 * X), X**2 * cos(X), Abs(X) * exp(-(X**2)), X**2 * erf(2 * X))),
    (RELU, GELU),
    (RELU, erf(X)),
    (sign(X), erf(3 * X)),
    (RELU, exp(X)),
    (Heaviside(X), RELU**2),
    (GELU, exp(X / 2)),
    (exp(-(X**2)), RELU),
    (cos(X), sin(X + 1)),
    (X**3, RELU),
]


def pair_name(value: sympy.Expr) -> str:
    return str(value)


@pytest.mark.parametrize(("f", "h"), PAIRS, ids=pair_name)
def test_closed_form_is_mehlers_series(f: sympy.Expr, h: sympy.Expr) -> None:
    kernel = closed(exact_dual(f, h))
    degree = 40
    c, other = closed(exact_coefficients(f, degree)), closed(exact_coefficients(h, degree))
    norms = [sympy.re(closed(exact_inner(g, g)).evalf(40)) for g in (f, h)]
    for rho in (Rational(-2, 5), Rational(1, 3), Rational(0)):
        partial = sum(x * y * rho**k / sympy.factorial(k) for k, (x, y) in enumerate(zip(c, other, strict=True)))
        # |Σ_{k>K}| ≤ |ρ|^{K+1} √(E f² E h²); rounding of 40-digit arithmetic is far below.
        bound = abs(rho) ** (degree + 1) * sympy.sqrt(norms[0] * norms[1]) + sympy.Float("1e-30", 40)
        assert abs((kernel.subs(RHO, rho) - partial).evalf(40)) <= bound


@pytest.mark.parametrize(("f", "h"), [pair for pair in PAIRS if pair[0] == pair[1]], ids=pair_name)
def test_perfect_correlation_is_the_norm(f: sympy.Expr, h: sympy.Expr) -> None:
    difference = closed(exact_dual(f)).subs(RHO, 1) - closed(exact_inner(f, h))
    assert abs(difference.evalf(40)) < sympy.Float("1e-30", 40)


@pytest.mark.parametrize(("f", "h"), [pair for pair in PAIRS if pair[0] != pair[1]], ids=pair_name)
def test_symmetry(f: sympy.Expr, h: sympy.Expr) -> None:
    for rho in (Rational(-2, 5), Rational(3, 4)):
        difference = (closed(exact_dual(f, h)) - closed(exact_dual(h, f))).subs(RHO, rho)
        assert abs(difference.evalf(40)) < sympy.Float("1e-30", 40)


def test_classical_kernels() -> None:
    root = sqrt(1 - RHO**2)
    assert sympy.expand(closed(exact_dual(RELU)) - (root + RHO * asin(RHO)) / (2 * pi) - RHO / 4) == 0
    assert closed(exact_dual(sign(X))) == 2 * asin(RHO) / pi
    assert closed(exact_dual(erf(a * X))) == 2 * asin(2 * RHO * a**2 / (2 * a**2 + 1)) / pi
    assert closed(exact_dual(X**2 - 1)) == 2 * RHO**2
    assert closed(exact_dual(exp(X))) == exp(RHO + 1)
    # e^{v − 1/2} shifts the mean of u by ρ.
    assert closed(exact_dual(erf(X + 1), exp(X))) == exp(Rational(1, 2)) * erf(sympy.expand(sqrt(3) * (1 + RHO) / 3))
    assert sympy.simplify(closed(exact_dual(sin(a * X))) - exp(-(a**2)) * sympy.sinh(a**2 * RHO).rewrite(exp)) == 0
    assert sympy.expand(closed(exact_dual(Max(a * X, 0))) - a**2 * closed(exact_dual(RELU))) == 0


def z_score(f: sympy.Expr, h: sympy.Expr, claim: float, rho: float) -> float:
    rng = np.random.default_rng(20240607)
    u, w = rng.standard_normal((2, 400_000))
    v = rho * u + math.sqrt(1 - rho**2) * w
    values = sympy.lambdify(X, f, ["scipy", "numpy"])(u) * sympy.lambdify(X, h, ["scipy", "numpy"])(v)
    return float((values.mean() - claim) / (values.std() / math.sqrt(values.size)))


@pytest.mark.parametrize(("f", "h"), [(RELU, RELU), (GELU, GELU), (RELU, exp(X)), (sign(X), erf(3 * X))], ids=pair_name)
def test_simulation(f: sympy.Expr, h: sympy.Expr) -> None:
    claim = float(closed(exact_dual(f, h)).subs(RHO, Rational(3, 5)))
    # Four tests at |z| < 5: false-alarm rate below 3e-6 (and the seed is fixed).
    assert abs(z_score(f, h, claim, 0.6)) < 5
    assert abs(z_score(f, h, claim * 1.05, 0.6)) > 5


@pytest.mark.parametrize(
    ("f", "h"),
    [
        (sympy.tanh(X), None),
        (Max(X - 1, 0), None),
        (erf(X + 1), None),
        (next(case.expr for case in CASES if case.name == "elu"), None),
        (GELU, sin(X)),
        (erf(X) * Heaviside(X), None),
    ],
    ids=pair_name,
)
def test_no_closed_form(f: sympy.Expr, h: sympy.Expr | None) -> None:
    assert exact_dual(f, h) is None


def test_the_correlation_is_no_parameter() -> None:
    with pytest.raises(HypothesisError, match="the real symbol rho is the correlation"):
        exact_dual(RHO * X)


def test_not_square_integrable() -> None:
    with pytest.raises(HypothesisError, match="the function is square integrable"):
        exact_dual(exp(X**2 / 3), X)


# --- the series


@pytest.mark.parametrize("degree", [0, 1, 4, 15])
@pytest.mark.parametrize(("f", "h"), [*PAIRS[:4], *PAIRS[19:23]], ids=pair_name)
def test_the_bound_contains_the_kernel(f: sympy.Expr, h: sympy.Expr, degree: int) -> None:
    series = dual_series(
        closed(exact_coefficients(f, degree)), closed(exact_inner(f, f)), closed(exact_coefficients(h, degree)), closed(exact_inner(h, h))
    )
    rho = np.linspace(-1, 1, 41)
    value, bound = series(rho)
    kernel = closed(exact_dual(f, h))
    truth = np.array([complex(kernel.subs(RHO, sympy.Rational(x)).evalf(20)).real for x in rho])
    # The truth is correct to half a unit in the last place of a double.
    assert np.all(np.abs(value - truth) <= bound + 2.0**-53 * np.abs(truth))
    # At ρ = 0 only rounding is left: 4 eps for each of two factors, 2 eps for each of K + 2 operations.
    scale = math.sqrt(float(closed(exact_inner(f, f))) * float(closed(exact_inner(h, h))))
    assert bound[20] <= (2 * (degree + 2) + 9) * np.finfo(float).eps * scale


def test_the_bound_is_attained_by_a_single_degree() -> None:
    # σ = He_3: with K = 2 everything is in the tail, κ(ρ) = 6ρ³.
    value, bound = dual_series([0, 0, 0], 6)(0.5)
    assert value == 0
    assert abs(bound - 6 * 0.5**3) <= 6 * 20 * np.finfo(float).eps


def test_float_coefficients_with_a_declared_error() -> None:
    c = [float(ck) for ck in closed(exact_coefficients(GELU, 6))]
    spoilt = [c[0] + 1e-6, *c[1:]]
    norm2 = float(closed(exact_inner(GELU, GELU)))
    truth = float(closed(exact_dual(GELU)).subs(RHO, Rational(1, 10)))
    value, bound = dual_series(spoilt, norm2, error=1e-6)(0.1)
    assert abs(value - truth) <= bound
    value, bound = dual_series(spoilt, norm2)(0.1)
    assert abs(value - truth) > bound


def test_messages() -> None:
    with pytest.raises(HypothesisError) as raised:
        dual_series([1, 0], 0.5)
    assert str(raised.value) == (
        "Σ c_k²/k! ≤ E σ² (Bessel); found an excess of 0.5. Repair: check that the norm belongs to these coefficients"
    )
    with pytest.raises(HypothesisError) as raised:
        dual_series([0, 1], 1)(1.5)
    assert str(raised.value) == "a correlation is a real number in [−1, 1]; found rho=1.5. Repair: divide the covariance by the variances"
    with pytest.raises(HypothesisError, match="both functions have coefficients and a norm"):
        dual_series([0, 1], 1, [0, 1])
    with pytest.raises(HypothesisError, match="expanded to the same degree; found 2 and 3 coefficients"):
        dual_series([0, 1], 1, [0, 1, 0], 1)
