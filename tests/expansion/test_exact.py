"""Exact coefficients against quadrature, identities and pinned messages; closed forms in k against the recurrence."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mpmath
import pytest
import sympy
from exact_cases import CASES, GELU, Case, closed, continuous, gauss_nodes, members, small
from hypothesis import given, settings
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, S, cos, erf, exp, pi, sin, sqrt

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact import exact_coefficients, exact_inner, general_coefficient, supported
from hermite_eq.hermite import X, he

DIGITS = 30
DEGREES = (0, 1, 5)
# Of 30 working digits some hundred roundings of sums and of values lose at most a few.
LOST = 4


def ids(case: Case) -> str:
    return case.name


def number(value: sympy.Expr) -> mpmath.mpf:
    """An exact real number as mpmath, to more than DIGITS."""
    return mpmath.mpf(sympy.re(value.evalf(DIGITS + 15)))


def quadrature(case: Case) -> tuple[list[tuple[mpmath.mpf, mpmath.mpf]], mpmath.mpf]:
    """E f(g) He_k(g) for k in DEGREES, each with E |f(g) He_k(g)|, which scales its rounding error, and E f(g)².

    By 48 nodes on panels of length 2 split at the kinks: nothing here grows faster than e^{5 (Im x)²}, which on the ellipse of ρ = 8,
    |Im x| < 4, is below e^{80}, and 8^−96 e^{80} = 1e-52.
    """
    # Beyond the ends φ · f · weight < e^{−L²/2 + 2L²/8 + …} is below 1e-40.
    length = 36 if case.wide else 20
    nodes = gauss_nodes(sorted({*map(mpmath.mpf, range(-length, length + 1, 2)), *exact_kinks(case)}))
    f = sympy.lambdify(X, case.expr, "mpmath")
    values = [(x, f(x), weight) for x, weight in nodes]
    integrals = []
    for k in DEGREES:
        h = sympy.lambdify(X, he(k), "mpmath")
        terms = [value * h(x) * weight for x, value, weight in values]
        integrals.append((mpmath.fsum(terms), mpmath.fsum(map(abs, terms))))
    return integrals, mpmath.fsum(value**2 * weight for _, value, weight in values)


def exact_kinks(case: Case) -> list[mpmath.mpf]:
    """The declared kinks, refined from the double precision in which the table writes them."""
    golden = (1 + mpmath.sqrt(5)) / 2
    known = [mpmath.mpf(n) for n in range(-3, 4)] + [mpmath.sqrt(2), golden, -golden]
    return [next(value for value in known if abs(value - kink) < 1e-12) for kink in case.kinks]


def agrees(value: sympy.Expr, integral: mpmath.mpf, scale: mpmath.mpf) -> bool:
    return bool(abs(number(value) - integral) <= mpmath.mpf(10) ** (LOST - DIGITS) * (scale + abs(integral)))


@pytest.fixture(autouse=True)
def _precision() -> Iterator[None]:
    with mpmath.workdps(DIGITS):
        yield


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_coefficients_and_norms_are_the_integrals(case: Case) -> None:
    c, norm2 = closed(exact_coefficients(case.expr, DEGREES[-1])), exact_inner(case.expr, case.expr)
    integrals, square = quadrature(case)
    for k, (integral, scale) in zip(DEGREES, integrals, strict=True):
        assert agrees(c[k], integral, scale), (k, c[k])
        assert integral == 0 or not agrees(c[k] * (1 + Rational(1, 10**20)) + Rational(1, 10**20), integral, scale)
    assert (norm2 is not None) == case.norm
    assert norm2 is None or agrees(norm2, square, square)


@pytest.mark.parametrize("case", [case for case in CASES if case.norm], ids=ids)
def test_bessel(case: Case) -> None:
    partial = sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(closed(exact_coefficients(case.expr, 20))))
    norm2 = number(closed(exact_inner(case.expr, case.expr)))
    assert number(partial) <= norm2 * (1 + mpmath.mpf(10) ** (LOST - DIGITS))


@pytest.mark.parametrize("expr", [X**3 - 2 * X, (X**2 - 1) ** 2, X**6 + X], ids=str)
def test_parseval_is_an_identity_for_polynomials(expr: sympy.Expr) -> None:
    c = closed(exact_coefficients(expr, 6))
    assert closed(exact_inner(expr, expr)) == sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c))


@pytest.mark.parametrize("expr", [exp(X), sin(2 * X), cos(X) + X**2], ids=str)
def test_parseval_for_entire_functions(expr: sympy.Expr) -> None:
    # c_k² ≤ C 4^k with C = sup_k c_k²/4^k, here attained below 30; the rest Σ_{k>30} 4^k/k! is below twice
    # its first term.
    c = closed(exact_coefficients(expr, 30))
    constant = max(number(ck) ** 2 / 4**k for k, ck in enumerate(c))
    rest = number(closed(exact_inner(expr, expr)) - sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c)))
    assert abs(rest) <= 2 * constant * mpmath.mpf(4) ** 31 / mpmath.factorial(31)


@pytest.mark.parametrize("case", [case for case in CASES if case.parity], ids=ids)
def test_parity_is_exact(case: Case) -> None:
    vanishing = 1 if case.parity == "even" else 0
    assert set(closed(exact_coefficients(case.expr, 12))[vanishing::2]) == {S.Zero}


def test_anchors() -> None:
    relu = Max(X, 0)
    root = 1 / sqrt(2 * pi)
    assert closed(exact_coefficients(relu, 4)) == (root, Rational(1, 2), root, 0, -root)
    assert closed(exact_inner(relu, relu)) == Rational(1, 2)
    c0, c1 = closed(exact_coefficients(relu, 1))
    assert sympy.simplify(closed(exact_inner(relu, relu)) - c0**2 - c1**2 - (Rational(1, 4) - 1 / (2 * pi))) == 0
    assert closed(exact_inner(erf(X), erf(X))) == 2 * sympy.asin(Rational(2, 3)) / pi
    assert sympy.expand(closed(exact_inner(GELU, GELU)) - Rational(1, 3) - sqrt(3) / (6 * pi)) == 0
    assert closed(exact_inner(erf(X) ** 2, S.One)) == closed(exact_inner(erf(X), erf(X)))
    assert closed(exact_coefficients(S.Zero, 3)) == (0, 0, 0, 0)


a = sympy.Symbol("a", positive=True)
b, lam, omega, phase = sympy.symbols("b lambda omega phi")
n = sympy.Symbol("n", negative=True)


@pytest.mark.parametrize(
    ("expr", "point"),
    [
        (Max(X, 0) + b * Min(X, 0), {b: Rational(1, 7)}),
        (Max(X, b * X), {b: Rational(1, 7)}),
        (Max(X, b * X), {b: Rational(9, 7)}),
        (lam * Piecewise((X, X > 0), (a * (exp(X) - 1), True)), {lam: Rational(21, 20), a: Rational(5, 3)}),
        (sin(omega * X + phase), {omega: Rational(6, 5), phase: Rational(1, 3)}),
        (Max(a * X, 0), {a: Rational(3, 2)}),
        (GELU.subs(X, a * X), {a: Rational(3, 2)}),
        (Max(X - a, 0), {a: Rational(1, 2)}),
        (Max(X, n), {n: -Rational(1, 2)}),
        (Max(a**2 - X**2, 0), {a: Rational(4, 3)}),
        (erf(b * X + 1), {b: -Rational(2, 3)}),
        (exp(-a * X**2 + b * X), {a: Rational(1, 3), b: Rational(1, 2)}),
        (Piecewise((exp(b * X), a > X), (0, True)), {a: Rational(1, 2), b: -Rational(1, 3)}),
    ],
    ids=str,
)
def test_parameters_survive(expr: sympy.Expr, point: Any) -> None:
    symbolic = closed(exact_coefficients(expr, 6))
    numeric = closed(exact_coefficients(expr.subs(point), 6))
    for ck, value in zip(symbolic, numeric, strict=True):
        # 45 digits are evaluated, of numbers below 1e3.
        assert abs(number(ck.subs(point)) - number(value)) < mpmath.mpf(10) ** (LOST - DIGITS)


@pytest.mark.parametrize(
    ("condition", "indicator"),
    [
        ((X > -1) & (X < 2), Heaviside(X + 1) * Heaviside(2 - X)),
        ((X < -1) | (X >= 2), Heaviside(-1 - X) + Heaviside(X - 2)),
        (~((X > -1) & (X**2 < 4)), 1 - Heaviside(X + 1) * Heaviside(2 - X)),
        (sympy.Ne(X, 0), S.One),
    ],
    ids=str,
)
def test_conditions(condition: sympy.Basic, indicator: sympy.Expr) -> None:
    assert closed(exact_coefficients(Piecewise((X, condition), (0, True)), 5)) == closed(exact_coefficients(X * indicator, 5))


def test_a_value_at_single_points_does_not_matter() -> None:
    assert closed(exact_coefficients(Piecewise((7, sympy.Eq(X, 0)), (X, True)), 2)) == (0, 1, 0)


def test_the_scale_of_the_pre_activation() -> None:
    # ReLU is homogeneous, so c_k(s) = s c_k.
    scaled = closed(exact_coefficients(Max(a * X, 0), 6))
    assert scaled == tuple(sympy.expand(a * ck) for ck in closed(exact_coefficients(Max(X, 0), 6)))


# --- identities on random members of the family

identities = settings(max_examples=20, deadline=None, derandomize=True)


def same(value: sympy.Expr, other: sympy.Expr) -> bool:
    difference = sympy.expand(value - other)
    if difference == 0:
        return True
    # Terms cancel to zero at the working precision: compare with the largest of them.
    terms = [abs(number(part)) for part in sympy.Add.make_args(difference)]
    return bool(abs(number(difference)) <= mpmath.mpf(10) ** (LOST - DIGITS) * max(terms))


def test_same_rejects_a_difference_in_the_20th_digit() -> None:
    assert not same(exp(1), exp(1) + Rational(1, 10**20))


@identities
@given(members, members, small)
def test_linearity(f: Any, h: Any, factor: Any) -> None:
    together = closed(exact_coefficients(f + factor * h, 5))
    parts = zip(closed(exact_coefficients(f, 5)), closed(exact_coefficients(h, 5)), strict=True)
    assert all(same(ck, x + factor * y) for ck, (x, y) in zip(together, parts, strict=True))


@identities
@given(members)
def test_multiplication_by_x(f: Any) -> None:
    c = closed(exact_coefficients(f, 6))
    raised = closed(exact_coefficients(sympy.expand(X * f), 5))
    assert all(same(raised[k], c[k + 1] + (k * c[k - 1] if k else 0)) for k in range(6))


@identities
@given(continuous)
def test_the_derivative_shifts_the_coefficients(f: Any) -> None:
    c = closed(exact_coefficients(f, 6))
    derivative = closed(exact_coefficients(sympy.diff(f, X), 5))
    assert all(same(derivative[k], c[k + 1]) for k in range(6))


@identities
@given(members)
def test_reflection(f: Any) -> None:
    mirrored = closed(exact_coefficients(f.subs(X, -X), 5))
    assert all(same(m, (-1) ** k * ck) for k, (m, ck) in enumerate(zip(mirrored, closed(exact_coefficients(f, 5)), strict=True)))


@identities
@given(members)
def test_inner_products_with_hermite_polynomials(f: Any) -> None:
    c = closed(exact_coefficients(f, 4))
    assert all(same(closed(exact_inner(f, he(k))), c[k]) for k in (0, 3, 4))


@settings(max_examples=8, deadline=None, derandomize=True)
@given(members, st.integers(0, 6))
def test_random_members_against_quadrature(f: Any, k: Any) -> None:
    kinks = {Rational(p, q) for p in range(-7, 8) for q in (1, 2, 3)}
    g = sympy.lambdify(X, f * he(k), "mpmath")
    terms = [g(x) * weight for x, weight in gauss_nodes([-20, -16, -12, -8, *map(number, sorted(kinks)), 8, 12, 16, 20])]
    assert agrees(closed(exact_coefficients(f, k))[k], mpmath.fsum(terms), mpmath.fsum(map(abs, terms)) + 1)


# --- what is outside, and what is wrong


@pytest.mark.parametrize(
    ("expr", "culprit", "reason"),
    [
        (X * sympy.tanh(X), sympy.tanh(X), "unsupported function tanh"),
        (sympy.log(1 + exp(X)), sympy.log(1 + exp(X)), "unsupported function log"),
        (sqrt(Abs(X)), sqrt(Abs(X)), "only non-negative integer powers are in the family"),
        (1 / (1 + X**2), 1 / (1 + X**2), "only non-negative integer powers are in the family"),
        (Max(X, sin(X)), Max(X, sin(X)), "the sign is found for polynomials and single exponentials only"),
        (exp(exp(X)), exp(exp(X)), "the argument is not a polynomial of degree ≤ 2 on every piece"),
        (sympy.Float("0.01") * X, sympy.Float("0.01"), "a float is not exact; write a Rational"),
        (sympy.I * X, sympy.I, "not real"),
        (
            Max(X**5 - X - 1, 0),
            Max(X**5 - X - 1, 0),
            "the real roots of this polynomial are not expressible by radicals",
        ),
        (X**500, X**500, "the power is too high"),
        (sympy.Function("f")(X), sympy.Function("f")(X), "unsupported function f"),
        (
            exp(X**2) * sympy.erfc(X) * Heaviside(X),
            exp(X**2),
            "the growth of this factor is balanced by another one",
        ),
    ],
    ids=str,
)
def test_outside_the_family(expr: sympy.Expr, culprit: sympy.Expr, reason: str) -> None:
    verdict = supported(expr)
    assert not verdict
    assert (verdict.culprit, verdict.reason) == (culprit, reason)
    assert exact_coefficients(expr, 3) is None
    assert exact_inner(expr, expr) is None
    assert exact_inner(expr, S.One) is None


def test_large_expressions_are_declined_at_once() -> None:
    assert exact_coefficients((exp(X) + sin(X) + Max(X, 0)) ** 40, 2) is None
    assert exact_coefficients(erf(X) ** 9, 2) is None
    assert supported(erf(X + 1) ** 2).reason == "no elementary closed form of a bivariate normal probability"


@pytest.mark.parametrize(
    ("expr", "message"),
    [
        (
            exp(X**2),
            "the function is square integrable against the normal density (E σ(g)² < ∞); found the factor exp(x**2) on (-oo, oo). "
            "Repair: keep exp(b*x**2) to b < 1/4, or restrict it to a bounded interval",
        ),
        (
            exp(b * X**2),
            "the assumptions on the parameters decide whether the function is square integrable against the normal density "
            "(E σ(g)² < ∞); found the factor exp(b*x**2). Repair: declare signs, e.g. exp(-b*x**2) with "
            "Symbol('b', positive=True)",
        ),
        (
            Abs(X - b) + Abs(X - omega),
            "the assumptions on the parameters decide the order of the breakpoints; found -b + omega of "
            "unknown sign. "
            "Repair: declare it, e.g. Symbol('a', positive=True), or substitute a number",
        ),
        (
            Piecewise((X, X < 1)),
            "the function is defined almost everywhere; found no branch of Piecewise((x, x < 1)) on (1, "
            "oo). Repair: add a "
            "last branch (value, True)",
        ),
        (
            Max(sympy.Symbol("x"), 0),
            "the variable of an activation is the real symbol hermite_eq.hermite.X; found another "
            "symbol of the same name "
            "in Max(0, x). Repair: build the expression from hermite_eq.hermite.X",
        ),
    ],
    ids=str,
)
def test_messages(expr: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as raised:
        exact_coefficients(expr, 3)
    assert str(raised.value) == message


def test_square_integrability_is_sharper_than_integrability() -> None:
    # E e^{g²/3} exists, E e^{2g²/3} does not.
    assert closed(exact_inner(exp(X**2 / 3), S.One)) == sqrt(3)
    with pytest.raises(HypothesisError, match="integrable against"):
        exact_inner(exp(X**2 / 3), exp(X**2 / 3))
    with pytest.raises(HypothesisError, match="square integrable"):
        exact_coefficients(exp(X**2 / 3), 2)


def test_the_degree_is_checked() -> None:
    with pytest.raises(HypothesisError, match="degree is a non-negative integer"):
        exact_coefficients(X, -1)


# The closed forms in k against the recurrence, and their TeX.


HIGHEST = 11
# Both numbers are evaluated to 40 digits; cancellation inside a coefficient of this table costs less than
# 10 of them.
AGREE = sympy.Float("1e-30", 40)


def equal(value: sympy.Expr, other: sympy.Expr) -> bool:
    difference = sympy.expand(value - other)
    return bool(difference == 0 or abs(difference.evalf(40)) <= AGREE * (1 + abs(other.evalf(40))))


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_formula_gives_every_coefficient(case: Any) -> None:
    general = general_coefficient(case.expr)
    assert (general is not None) == case.general
    if general is None:
        return
    c = closed(exact_coefficients(case.expr, HIGHEST))
    assert general.valid_from <= 4
    for k in range(general.valid_from, HIGHEST + 1):
        assert equal(general(k), c[k]), k
        assert equal(general.expression.subs(general.k, k).doit(), c[k]), k
    if general.valid_from:
        with pytest.raises(HypothesisError, match=f"the general formula holds for k ≥ {general.valid_from}"):
            general(general.valid_from - 1)


def test_validity_is_sharp_for_relu() -> None:
    general = closed(general_coefficient(Max(X, 0)))
    assert general.valid_from == 2
    # At k = 1 the odd branch would say 0, while c_1 = 1/2.
    assert (general.odd, closed(exact_coefficients(Max(X, 0), 1))[1]) == (0, Rational(1, 2))


def test_relu_is_a_hermite_number() -> None:
    general = closed(general_coefficient(Max(X, 0)))
    for k in range(2, 16):
        assert general(k) == sympy.expand(sympy.hermite_prob(k - 2, 0) / sqrt(2 * pi))


a = sympy.Symbol("a", positive=True)
lam, omega, phase = sympy.symbols("lambda omega phi")


@pytest.mark.parametrize(
    "expr",
    [
        lam * Piecewise((X, X > 0), (a * (exp(X) - 1), True)),
        sin(omega * X + phase),
        Max(X - a, 0),
        Max(a**2 - X**2, 0),
        erf(X / a),
        erf(a * X + 1),
        X * exp(-a * X**2),
        cos(a * X) * X**2,
    ],
    ids=str,
)
def test_parameters_survive_in_the_formula(expr: Any) -> None:
    general = closed(general_coefficient(expr))
    c = closed(exact_coefficients(expr, 7))
    point = {a: Rational(2, 3), lam: Rational(7, 5), omega: Rational(5, 4), phase: Rational(1, 3)}
    for k in range(general.valid_from, 8):
        assert equal(general(k).subs(point), c[k].subs(point)), k


@pytest.mark.parametrize(
    ("expr", "tex"),
    [
        (
            Max(X, 0),
            r"c_k = \begin{cases} \frac{\left(-1\right)^{\frac{k - 2}{2}} \left(k - 3\right)!!}{\sqrt{2 "
            r"\pi}}, & k \text{ even}, \\ "
            r"0, & k \text{ odd}, \end{cases} \qquad k \ge 2",
        ),
        (
            GELU,
            r"c_k = \begin{cases} \frac{\left(- \frac{1}{2}\right)^{\frac{k - 2}{2}} \left(k + 1\right) "
            r"\left(k - 3\right)!!}"
            r"{4 \sqrt{\pi}}, & k \text{ even}, \\ 0, & k \text{ odd}, \end{cases} \qquad k \ge 2",
        ),
        (
            Max(X - a, 0),
            r"c_k = \frac{e^{- \frac{a^{2}}{2}} \mathrm{He}_{k - 2}\left(a\right)}{\sqrt{2 \pi}} \qquad "
            r"k \ge 2",
        ),
        (
            sin(omega * X),
            r"c_k = \begin{cases} 0, & k \text{ even}, \\ \left(-1\right)^{\frac{k - 1}{2}} \omega^{k} "
            r"e^{- \frac{\omega^{2}}{2}}, "
            r"& k \text{ odd}, \end{cases}",
        ),
        (exp(X), r"c_k = e^{\frac{1}{2}}"),
        (X**3, r"c_k = 0 \qquad k \ge 4"),
    ],
    ids=str,
)
def test_tex(expr: Any, tex: Any) -> None:
    general = closed(general_coefficient(expr))
    assert general.latex() == tex
    assert general._repr_latex_() == f"$\\displaystyle {tex}$"


def test_no_formula_outside_the_family() -> None:
    assert general_coefficient(sympy.tanh(X)) is None
    assert general_coefficient(Abs(sin(X))) is None


def test_the_degree_is_no_parameter() -> None:
    k = closed(general_coefficient(exp(X))).k
    with pytest.raises(HypothesisError) as raised:
        general_coefficient(k * Max(X, 0))
    assert str(raised.value) == (
        "the integer symbols k and j are the degree and an index of summation; found one of them as a parameter of the "
        "function. Repair: give the parameter another name"
    )
