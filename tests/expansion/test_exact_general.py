"""The closed forms in k against the recurrence, and their TeX."""

from __future__ import annotations

import pytest
import sympy
from exact_cases import CASES, GELU, Case
from sympy import Abs, Max, Piecewise, Rational, cos, erf, exp, pi, sin, sqrt

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient
from hermite_eq.hermite import X

HIGHEST = 11
# Both numbers are evaluated to 40 digits; cancellation inside a coefficient of this table costs less than
# 10 of them.
AGREE = sympy.Float("1e-30", 40)


def ids(case: Case) -> str:
    return case.name


def equal(value: sympy.Expr, other: sympy.Expr) -> bool:
    difference = sympy.expand(value - other)
    return difference == 0 or abs(difference.evalf(40)) <= AGREE * (1 + abs(other.evalf(40)))


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_the_formula_gives_every_coefficient(case):
    general = general_coefficient(case.expr)
    assert (general is not None) == case.general
    if general is None:
        return
    c = exact_coefficients(case.expr, HIGHEST)
    assert general.valid_from <= 4
    for k in range(general.valid_from, HIGHEST + 1):
        assert equal(general(k), c[k]), k
        assert equal(general.expression.subs(general.k, k).doit(), c[k]), k
    if general.valid_from:
        with pytest.raises(HypothesisError, match=f"the general formula holds for k ≥ {general.valid_from}"):
            general(general.valid_from - 1)


def test_validity_is_sharp_for_relu():
    general = general_coefficient(Max(X, 0))
    assert general.valid_from == 2
    # At k = 1 the odd branch would say 0, while c_1 = 1/2.
    assert (general.odd, exact_coefficients(Max(X, 0), 1)[1]) == (0, Rational(1, 2))


def test_relu_is_a_hermite_number():
    general = general_coefficient(Max(X, 0))
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
def test_parameters_survive(expr):
    general = general_coefficient(expr)
    c = exact_coefficients(expr, 7)
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
def test_tex(expr, tex):
    general = general_coefficient(expr)
    assert general.latex() == tex
    assert general._repr_latex_() == f"$\\displaystyle {tex}$"


def test_no_formula_outside_the_family():
    assert general_coefficient(sympy.tanh(X)) is None
    assert general_coefficient(Abs(sin(X))) is None


def test_the_degree_is_no_parameter():
    k = general_coefficient(exp(X)).k
    with pytest.raises(HypothesisError) as raised:
        general_coefficient(k * Max(X, 0))
    assert str(raised.value) == (
        "the integer symbols k and j are the degree and an index of summation; found one of them as a parameter of the "
        "function. Repair: give the parameter another name"
    )
