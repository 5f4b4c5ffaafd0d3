"""The fluctuations of ‖h‖² to order 1/d.

Route: ‖h‖² as a smooth function of averages, the delta method, and the covariances of those averages from single summands; then the
exact second moment of ‖b‖² at finite d for the identity, term by term.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import sympy

from derivations import Step
from hermite_eq.covariance import SymbolicTarget, covariance, hermite_symbol, symbols
from hermite_eq.models import Task

TITLE = r"The law of $\|h\|^2$ to order $1/d$"

STATEMENT = r"""‖h‖² = ‖x‖²‖b‖² with ‖b‖²/d = Ā² + ȲX/α + O(1/d), Ā = (1/ℓ)Σ y_i g_i, Ȳ = (1/ℓ)Σ y_i², X = χ²_{d−1}/d. To order 1/d,
Var(‖h‖²/t) = C/d with C = 2 + T^{−2}[2(a₁θa + βp/2)² + (4a₁²(p+v−a₁²) + 4a₁β(w₃−a₁v) + β²(w₄−v²))/α + 2v²/α²], T = a₁² + v/α,
β = 1/α, θa = c₁* + c₃*. With inputs of O(1) entries Ȳ² is added to ‖b‖²/d, T gains v² and β gains 2v."""

ASSUMPTIONS = "E σ*(sg)⁸ < ∞ near s = 1; d → ∞ with ℓ/d = α fixed; ξ ~ N(0, I_d) (on the sphere ‖ξ‖² = d the term of the task is absent)."

STATEMENT_TEX = r"""With $\bar A=\frac1\ell\sum y_ig_i$, $\bar Y=\frac1\ell\sum y_i^2$ and $X=\chi^2_{d-1}/d$ one has
$\|h\|^2=\|x\|^2\|b\|^2$,
$\|b\|^2/d=\bar A^2+\bar YX/\alpha+O(1/d)$, and $\operatorname{Var}(\|h\|^2/t)=C/d+O(d^{-2})$ with
\[ C=2+\frac1{T^2}\Bigl[2\bigl(a_1\theta a+\tfrac{\beta p}2\bigr)^2+\frac{4a_1^2(p+v-a_1^2)+4a_1\beta(w_3-a_1v)+\beta^2(w_4-v^2)}\alpha
+\frac{2v^2}{\alpha^2}\Bigr], \]
$T=a_1^2+v/\alpha$, $\beta=1/\alpha$, $\theta a=c_1^*+c_3^*$. With inputs of $O(1)$ entries $\bar Y^2$ is added to $\|b\|^2/d$, so that $T$
gains
$v^2$ and $\beta$ gains $2v$."""

ASSUMPTIONS_TEX = (
    r"$\mathbb{E}\,\sigma_*(sg)^8<\infty$ near $s=1$; $d\to\infty$ with $\ell/d=\alpha$; $\xi\sim\mathcal{N}(0,I_d)$ (on the sphere"
    r" $\|\xi\|^2=d$ the first term in the bracket is absent)."
)

a, v, p, w3, w4, theta, alpha = sympy.symbols("a v p w_3 w_4 theta_a alpha", positive=True)


def _delta_method(unit: bool) -> sympy.Expr:
    """d Var(‖h‖²)/T² from the gradient at the means and the covariances (times d) of S, Ā | s, Ȳ | s, X and ‖x‖²."""
    A, Y, X, N = sympy.symbols("A Y X N")
    norm = N * (A**2 + Y * X / alpha + (Y**2 if unit else 0))
    means = {A: a, Y: v, X: 1, N: 1}
    total = norm.subs(means)
    # s moves the conditional means: dĀ/dS = θa/2, dȲ/dS = θv/2 = p/2 at S = 1; d Var S = 2.
    by_task = (sympy.diff(norm, A) * theta / 2 + sympy.diff(norm, Y) * p / 2).subs(means)
    gradient = sympy.Matrix([sympy.diff(norm, A), sympy.diff(norm, Y)]).subs(means)
    # d/ℓ times the covariance of one summand (y g, y²): Var(yg) = p + v − a², Cov = w₃ − av, Var(y²) = w₄ − v².
    labels = sympy.Matrix([[p + v - a**2, w3 - a * v], [w3 - a * v, w4 - v**2]]) / alpha
    by_labels = (gradient.T * labels * gradient)[0]
    by_inputs = 2 * (sympy.diff(norm, X).subs(means)) ** 2
    by_query = 2 * (sympy.diff(norm, N).subs(means)) ** 2
    return (2 * by_task**2 + by_labels + by_inputs + by_query) / total**2


def _stated(unit: bool) -> sympy.Expr:
    beta = 1 / alpha + (2 * v if unit else 0)
    T = a**2 + v / alpha + (v**2 if unit else 0)
    labels = (4 * a**2 * (p + v - a**2) + 4 * a * beta * (w3 - a * v) + beta**2 * (w4 - v**2)) / alpha
    return 2 + (2 * (a * theta + beta * p / 2) ** 2 + labels + 2 * v**2 / alpha**2) / T**2


@cache
def _one_summand() -> Step:
    # E[(yg)²] = E[y²(g² − 1)] + E[y²] = p + v.
    g, y = sympy.symbols("g y")
    square = sympy.expand((y * g) ** 2 - (y**2 * (g**2 - 1) + y**2))
    product = sympy.expand((y * g) * y**2 - y**3 * g)
    return Step(
        "Var(yg) = p + v − a², Cov(yg, y²) = w₃ − av, Var(y²) = w₄ − v²",
        square == 0 and product == 0,
        "all σ*",
        tex=r"$\operatorname{Var}(yg)=p+v-a^2$, $\operatorname{Cov}(yg,y^2)=w_3-av$ and $\operatorname{Var}(y^2)=w_4-v^2$.",
    )


@cache
def _exact_identity() -> Step:
    """σ* = id, ρ = 0, ξ on the sphere: E‖b‖² and E‖b‖⁴ given ‖ξ‖² = d exactly; d Var(‖b‖²)/E² → C − 2."""
    # A = Y = Q ~ χ²_ℓ for y = g: ‖b₁‖² = (d/ℓ²)(Q² + Q χ²_{d−1}), b₂² = Q²/ℓ².
    d = sympy.Symbol("d", positive=True)
    ell = alpha * d
    chi = [sympy.prod(d - 1 + 2 * i for i in range(n)) for n in range(3)]
    Q = [sympy.prod(ell + 2 * i for i in range(n)) for n in range(5)]
    first = (d * (Q[2] + Q[1] * chi[1]) + Q[2]) / ell**2
    second = (d**2 * (Q[4] + 2 * Q[3] * chi[1] + Q[2] * chi[2]) + 2 * d * (Q[4] + Q[3] * chi[1]) + Q[4]) / ell**4
    limit = sympy.limit(sympy.cancel(d * (second / first**2 - 1)), d, sympy.oo)
    stated = (_stated(False) - 2).subs({a: 1, v: 1, p: 2, w3: 3, w4: 3, theta: 1})
    task = 2 * (1 + 1 / alpha) ** 2 / (1 + 1 / alpha) ** 2
    return Step(
        "σ* = id on the sphere: the limit of d Var‖b‖²/(E‖b‖²)² from exact moments of χ² is C − 2 less the task's term",
        sympy.simplify(limit - (stated - task)) == 0,
        "σ* = id, all α",
        tex=r"$\sigma_*=\mathrm{id}$ on the sphere: $\lim d\operatorname{Var}\|b\|^2/(\mathbb{E}\|b\|^2)^2$, from exact moments of"
        r" $\chi^2$,"
        r" is $C-2$ less the term of the task.",
    )


@cache
def _library(unit: bool, variance: sympy.Expr | None = None) -> bool:
    m = hermite_symbol
    values = {
        a: m(1, 1),
        v: m(2, 0) + symbols.rho,
        p: m(2, 2),
        w3: m(3, 1) + 3 * symbols.rho * m(1, 1),
        w4: m(4, 0) + 6 * symbols.rho * m(2, 0) + 3 * symbols.rho**2,
        theta: m(1, 1) + m(1, 3),
        alpha: symbols.alpha,
    }
    law = variance or covariance(SymbolicTarget(), unit_inputs=unit).norm_law().entries["variance"]
    return bool(sympy.simplify(law - _stated(unit).subs(values, simultaneous=True)) == 0)


@cache
def _norm_expansion() -> Step:
    # ‖b₁‖² = (uᵀb₁)² + rest, uᵀb₁ = (√d/ℓ)A, rest = (d/ℓ²) Y χ²_{d−1}, ℓ = αd: divided by d it is Ā² + ȲX/α, X = χ²/d.
    d, A, Y, chi = sympy.symbols("d A Y chi", positive=True)
    ell = alpha * d
    literal = ((sympy.sqrt(d) / ell * (ell * A)) ** 2 + d / ell**2 * (ell * Y) * chi) / d
    return Step(
        "‖b₁‖²/d = Ā² + (Ȳ/α) χ²_{d−1}/d",
        sympy.simplify(literal - (A**2 + Y / alpha * chi / d)) == 0,
        "all d, ℓ",
        tex=r"$\|b_1\|^2/d=\bar A^2+\frac{\bar Y}\alpha\,\frac{\chi^2_{d-1}}d$, from $u^\top b_1=\frac{\sqrt d}\ell A$ and"
        r" $\|b_1\|^2-(u^\top b_1)^2=\frac d{\ell^2}Y\chi^2_{d-1}$.",
    )


@cache
def _displaced(unit: bool) -> bool:
    return bool(sympy.simplify(_delta_method(unit) - _stated(unit)) == 0)


@cache
def _by_hand() -> bool:
    relu = covariance(Task("relu", noise=0.0)).norm_law().entries["variance"].subs({symbols.alpha: 1})
    return bool(sympy.simplify(relu - _relu()) == 0)


def check(entries: Mapping[str, sympy.Expr] | None = None) -> list[Step]:
    """The argument, step by step; ``entries`` replaces the library's."""
    return [
        _norm_expansion(),
        _one_summand(),
        Step(
            "S enters through dĀ/dS = θa/2, dȲ/dS = p/2, as θv = p; the delta method gives C",
            _displaced(False),
            "all σ*, α",
            tex=r"$S=s^2$ moves the means by $d\bar A/dS=\frac12\theta a$ and $d\bar Y/dS=\frac12\theta v=\frac p2$; the delta method"
            r" gives $C$.",
        ),
        Step(
            "the same with Ȳ² added: inputs of O(1) entries",
            _displaced(True),
            "all σ*, α",
            tex=r"The same with $\bar Y^2$ added, for inputs of $O(1)$ entries.",
        ),
        _exact_identity(),
        Step(
            "the library's variance is this one, in both normalisations",
            _library(False, entries["variance"] if entries else None) and _library(True),
            "all σ*, α",
            tex="The variance of the library is this one, in both normalisations.",
        ),
        Step(
            "ReLU at α = 1, ρ = 0, by hand",
            _by_hand(),
            "α = 1",
            tex=rf"ReLU at $\alpha=1$, $\rho=0$: $C={sympy.latex(_relu())}$.",
        ),
    ]


def _relu() -> sympy.Expr:
    half = sympy.Rational(1, 2)
    # a = 1/2 = θa, v = 1/2, p = 1, w₃ = 3/2, w₄ = 3/2, T = 3/4.
    values = {a: half, theta: half, v: half, p: 1, w3: 3 * half, w4: 3 * half, alpha: 1}
    return _stated(False).subs(values)
