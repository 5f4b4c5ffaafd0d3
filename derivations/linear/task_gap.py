"""The limits of the task-generalisation gap g_task = e_ICL − e_IDG of the linear Transformer, for every target and every κ.

Route: §5's formulas at λ = 0, τ → ∞ in two Marchenko-Pastur means; the quadratic of the resolvent at vanishing argument.
"""

from __future__ import annotations

from functools import cache

import sympy

from derivations import Step
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

TITLE = "The task-generalisation gap"

STATEMENT = r"""λ = 0, τ → ∞: e_IDG = v − ⟨a₁⁴s²/R⟩ and e_ICL = v − 2⟨a₁⁴s/R⟩ + R_t⟨a₁⁴s²/R²⟩. With w = v/(α a₁²), M = w⟨1/(s + w)⟩ and
γ = 1/κ: e_IDG = v − a₁²(1 − w + wM), e_ICL = v − a₁²(2(1 − M) − (1 + w)(1 − M − wM')), and γM² + (w + 1 − γ)M − w = 0.
As α → ∞, e_IDG → v − a₁², e_ICL → v − a₁² min(1, κ): g_task → a₁² max(0, 1 − κ), with a phase transition at κ = 1."""

ASSUMPTIONS = "The limiting formulas of the linear Transformer; a₁ ≠ 0; the order of the limits: τ → ∞, then α → ∞."

STATEMENT_TEX = r"""At $\lambda=0$, $\tau\to\infty$, $e_{\mathrm{IDG}}=v-\langle a_1^4s^2/R\rangle$ and
$e_{\mathrm{ICL}}=v-2\langle a_1^4s/R\rangle+R_t\langle a_1^4s^2/R^2\rangle$. With $w=v/(\alpha a_1^2)$,
$M=w\langle\frac1{s+w}\rangle$ and $\gamma=1/\kappa$
\[ e_{\mathrm{IDG}}=v-a_1^2(1-w+wM),\qquad e_{\mathrm{ICL}}=v-a_1^2\bigl(2(1-M)-(1+w)(1-M-wM')\bigr),\]
\[ \gamma M^2+(w+1-\gamma)M-w=0. \]
As $\alpha\to\infty$, $e_{\mathrm{IDG}}\to v-a_1^2$ and $e_{\mathrm{ICL}}\to v-a_1^2\min(1,\kappa)$, so that
\[ g_{\mathrm{task}}\to a_1^2\max(0,1-\kappa). \]"""

ASSUMPTIONS_TEX = (
    r"The limiting formulas of the linear Transformer; $a_1\ne0$; the limits in this order: $\tau\to\infty$, then"
    r" $\alpha\to\infty$."
)

w, s, gamma, kappa, M = sympy.symbols("w s gamma kappa M", positive=True)


@cache
def _limit_of_formulas() -> Step:
    # q → 0 at λ = 0, τ > 1; with q = 0, e₀ = v − 2A + A and the factors of 1/τ vanish.
    A, v, tau = sympy.symbols("A v tau", positive=True)
    e0 = v - 2 * A + A
    idg = sympy.limit(e0 / (1 - 1 / tau), tau, sympy.oo)
    return Step(
        "at q = 0: e₀ = v − 2⟨a₁⁴s²/R⟩ + ⟨a₁⁴s²/R⟩, and the terms in 1/τ vanish",
        sympy.expand(idg - (v - A)) == 0,
        "all targets",
        tex=r"At $q=0$, $e_0=v-2\langle a_1^4s^2/R\rangle+\langle a_1^4s^2/R\rangle$, and the terms in $1/\tau$ vanish.",
    )


@cache
def _in_resolvent() -> Step:
    # R = a₁²(s + w), R_t = a₁²(1 + w): integrands per a₁², ⟨1⟩ = ⟨s⟩ = 1; m = ⟨1/(s+w)⟩, −m' = ⟨1/(s+w)²⟩.
    first = sympy.simplify(s**2 / (s + w) - (s - w + w**2 / (s + w)))
    second = sympy.simplify(s / (s + w) - (1 - w / (s + w)))
    third = sympy.simplify(s**2 / (s + w) ** 2 - (1 - 2 * w / (s + w) + w**2 / (s + w) ** 2))
    function = sympy.Function("M")(w)
    m2 = -sympy.diff(function / w, w)
    with_m2 = sympy.simplify(1 - 2 * function + w**2 * m2 - (1 - function - w * sympy.diff(function, w)))
    return Step(
        "s²/(s+w) = s − w + w²/(s+w), s/(s+w) = 1 − w/(s+w), s²/(s+w)² = 1 − 2w/(s+w) + w²/(s+w)², w²⟨1/(s+w)²⟩ = M − wM'",
        first == second == third == with_m2 == 0,
        "all s, w",
        tex=r"$\frac{s^2}{s+w}=s-w+\frac{w^2}{s+w}$, $\frac s{s+w}=1-\frac w{s+w}$,"
        r" $\frac{s^2}{(s+w)^2}=1-\frac{2w}{s+w}+\frac{w^2}{(s+w)^2}$ and $w^2\langle(s+w)^{-2}\rangle=M-wM'$.",
    )


@cache
def _quadratic() -> Step:
    # The resolvent at p = 1, y = w: γ w g² + (w + 1 − γ) g − 1 = 0; times w, M = w g.
    g = sympy.Symbol("g")
    holds = sympy.expand(w * (gamma * w * g**2 + (w + 1 - gamma) * g - 1) - (gamma * (w * g) ** 2 + (w + 1 - gamma) * (w * g) - w)) == 0
    return Step("the Marchenko-Pastur quadratic times w", holds, "all γ, w", tex=r"This is the Marchenko-Pastur quadratic times $w$.")


def _roots(limit_below: sympy.Expr) -> list[Step]:
    # At w = 0: M(γM + 1 − γ) = 0. ∂M/∂w = (1 − M)/(2γM + w + 1 − γ) is finite at either root unless γ = 1.
    at_zero = gamma * M**2 + (1 - gamma) * M
    below = limit_below.subs(kappa, 1 / gamma)
    root_below = sympy.simplify(at_zero.subs(M, below)) == 0
    root_above = at_zero.subs(M, 0) == 0
    implicit = gamma * M**2 + (w + 1 - gamma) * M - w
    slope = sympy.simplify(-sympy.diff(implicit, w) / sympy.diff(implicit, M))
    below_slope = sympy.simplify(slope.subs({M: 1 - 1 / gamma, w: 0}) - (1 / gamma) / (gamma - 1))
    above_slope = sympy.simplify(slope.subs({M: 0, w: 0}) - 1 / (1 - gamma))
    # κ = 1: M = (−w + √(w² + 4w))/2 → 0 and wM' → 0.
    critical = (-w + sympy.sqrt(w**2 + 4 * w)) / 2
    at_one = sympy.limit(critical, w, 0, "+") == 0 and sympy.limit(w * sympy.diff(critical, w), w, 0, "+") == 0
    return [
        Step(
            "κ < 1: M → 1 − κ, the mass of S at 0; κ > 1: M → 0; M' stays finite, so wM' → 0",
            bool(root_below and root_above and below_slope == 0 and above_slope == 0),
            "all κ ≠ 1",
            tex=r"$\kappa<1$: $M\to1-\kappa$, the mass of $S$ at $0$; $\kappa>1$: $M\to0$. $M'$ stays finite, so that $wM'\to0$.",
        ),
        Step(
            "κ = 1: M = (√(w² + 4w) − w)/2 → 0 and wM' → 0",
            bool(at_one),
            "κ = 1",
            tex=r"$\kappa=1$: $M=\frac12(\sqrt{w^2+4w}-w)\to0$ and $wM'\to0$.",
        ),
    ]


@cache
def _gap() -> Step:
    a2, v = sympy.symbols("a_1^2 v", positive=True)
    M0 = sympy.Symbol("M_0")
    idg, icl = v - a2 * 1, v - a2 * (2 * (1 - M0) - (1 - M0))
    below = sympy.expand((icl - idg).subs(M0, 1 - kappa) - a2 * (1 - kappa))
    above = sympy.expand((icl - idg).subs(M0, 0))
    return Step(
        "g_task → a₁² M(0): a₁²(1 − κ) for κ < 1, 0 for κ ≥ 1",
        below == 0 and above == 0,
        "all κ, all targets",
        tex=r"$g_{\mathrm{task}}\to a_1^2M(0)$, which is $a_1^2(1-\kappa)$ for $\kappa<1$ and $0$ for $\kappa\ge1$.",
    )


@cache
def _library() -> Step:
    # The corrections are w = v/α (√w at κ = 1) and, below κ = 1, α/τ: the order of the limits matters.
    holds = True
    for slope, value in ((1.0, 1.01), (0.6, 0.7)):
        for k in (0.25, 0.75, 1.0, 1.5, 4.0):
            error = linear_limit(slope, value - slope**2, value, 1e6, k, 1e15, 0.0)
            expected = slope**2 * max(0.0, 1 - k)
            bound = 10 * (1e-6) ** (0.5 if k == 1.0 else 1.0)
            holds &= bool(abs(float(error.icl - error.idg) - expected) < bound)
    return Step(
        "the library's formulas at α = 10⁶, τ = 10¹⁵",
        holds,
        "10 points",
        tex=r"The library's formulas at $\alpha=10^6$, $\tau=10^{15}$ (for $\kappa<1$ the next correction is of order"
        r" $\alpha/\tau$).",
    )


def check(limit_below: sympy.Expr = 1 - kappa) -> list[Step]:
    """The argument, step by step; ``limit_below`` replaces the limit of M for κ < 1."""
    return [_limit_of_formulas(), _in_resolvent(), _quadratic(), *_roots(limit_below), _gap(), _library()]
