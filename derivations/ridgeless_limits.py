r"""Limits of the ridgeless errors, in stated orders, and the height of the peak at τ = 1.

Route: the leading orders of the Marchenko-Pastur means at w = v/(αa₁²) → 0 on either side of κ = min(τ, 1), where the roots are rational;
then the general formulas, term by term. The library's table is compared with these expressions.
"""

from __future__ import annotations

import sympy
from sympy import oo

from derivations import Step
from hermite_eq.theory.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless
from hermite_eq.theory.limits import ridgeless_limit, ridgeless_peak

TITLE = "Limits of the ridgeless errors"

STATEMENT = r"""λ = 0, u = v − a₁² > 0. α → ∞: e_IDG → τu/(τ−1) (τ > 1); u(κ−τ²)/((1−τ)(κ−τ)) + a₁²(1−τ)(κ−τ)/κ (τ < 1, κ > τ);
τu(1−κ)/((1−τ)(τ−κ)) (κ < τ < 1). e_ICL → u + uκ/((κ−1)(τ−1)) (τ, κ > 1); u + a₁²(1−τ)²κ/(κ−τ²) + κτ e_IDG/(κ−τ²) (τ < 1, κ > τ);
∞ for κ < min(τ, 1). Hence τ → ∞ after α → ∞ gives g_task = ∞ below κ = 1, and before it a₁²(1 − κ).
τ = 1, λ → 0: √λ e_IDG → e₀/(2√⟨1/R⟩), √λ e_ICL → R_t⟨1/R⟩ times it."""

ASSUMPTIONS = "The limiting formulas of the linear Transformer; a₁ ≠ 0; limits one after the other."

STATEMENT_TEX = r"""Let $\lambda=0$ and $u=v-a_1^2>0$. As $\alpha\to\infty$,
\begin{align*}
e_{\mathrm{IDG}}&\to\frac{\tau u}{\tau-1}\ (\tau>1),\qquad\frac{\tau u(1-\kappa)}{(1-\tau)(\tau-\kappa)}\ (\kappa<\tau<1),\\
e_{\mathrm{IDG}}&\to\frac{u(\kappa-\tau^2)}{(1-\tau)(\kappa-\tau)}+\frac{a_1^2(1-\tau)(\kappa-\tau)}\kappa\quad(\tau<1,\ \kappa>\tau),\\
e_{\mathrm{ICL}}&\to u+\frac{u\kappa}{(\kappa-1)(\tau-1)}\ (\tau,\kappa>1),\qquad\infty\ (\kappa<\min(\tau,1)),\\
e_{\mathrm{ICL}}&\to u+\frac{a_1^2(1-\tau)^2\kappa}{\kappa-\tau^2}+\frac{\kappa\tau}{\kappa-\tau^2}\,e_{\mathrm{IDG}}
\quad(\tau<1,\ \kappa>\tau).
\end{align*}
Hence $\tau\to\infty$ after $\alpha\to\infty$ gives $g_{\mathrm{task}}=\infty$ below $\kappa=1$, and before it $a_1^2(1-\kappa)$.
At $\tau=1$, $\lambda\to0$: $\sqrt\lambda\,e_{\mathrm{IDG}}\to e_0/(2\sqrt{\langle1/R\rangle})$ and $\sqrt\lambda\,e_{\mathrm{ICL}}\to
R_t\langle1/R\rangle$ times it."""

ASSUMPTIONS_TEX = r"The limiting formulas of the linear Transformer; $a_1\ne0$; limits one after the other."

w, z, g, q, r, lam, m = sympy.symbols("w z g q r lambda m", positive=True)
kappa, tau, u, a2 = KAPPA, TAU, UNEXPLAINED, SLOPE**2
gamma = 1 / kappa


def _vanishes(expression: sympy.Expr) -> bool:
    return bool(sympy.cancel(sympy.together(expression)) == 0)


def _means(at: sympy.Expr, root: sympy.Expr) -> tuple[sympy.Expr, sympy.Expr, sympy.Expr]:
    """⟨s/(s+z)²⟩, ⟨1/(s+z)²⟩, ⟨s²/(s+z)²⟩ at z = ``at``, where ⟨1/(s+z)⟩ = ``root``: derivatives of the quadratic."""
    slope = -(gamma * root**2 + root) / (2 * gamma * at * root + at + 1 - gamma)
    return tuple(sympy.cancel(x) for x in (root + at * slope, -slope, 1 - 2 * at * root - at**2 * slope))


def check(q_limit: sympy.Expr = (1 - tau) * (kappa - tau) / (kappa * tau)) -> list[Step]:
    """The argument; ``q_limit`` replaces the effective ridge at α → ∞, τ < 1, κ > τ."""
    steps = []
    # The ridgeless root: τq² + (1−τ)(τγ − 1 − w)q − (1−τ)²γw = 0.
    equation = tau * q**2 + (1 - tau) * (tau * gamma - 1 - w) * q - (1 - tau) ** 2 * gamma * w
    root = _vanishes(equation.subs({w: 0, q: q_limit}))
    # κ < τ: q = rw + O(w²).
    first = _vanishes(sympy.expand(equation.subs(q, r * w)).coeff(w, 1).subs(r, (1 - tau) / (tau - kappa)))
    steps.append(Step("w → 0, τ < 1: q → (1−τ)(κ−τ)/(κτ) for κ > τ, q/w → (1−τ)/(τ−κ) for κ < τ", bool(root and first), "all κ, τ",
        tex=r"$w\to0$, $\tau<1$: $q\to(1-\tau)(\kappa-\tau)/(\kappa\tau)$ for $\kappa>\tau$ and $q/w\to(1-\tau)/(\tau-\kappa)$ for"
        r" $\kappa<\tau$."))
    # κ > τ: ⟨1/(s+q)⟩ = (1−τ)/q.
    s_2, g2, _ = _means(q_limit, (1 - tau) / q_limit)
    values = _vanishes(s_2 - kappa * tau**2 / (kappa - tau**2))
    values &= _vanishes(g2 - kappa**3 * tau**2 / ((kappa - tau) ** 2 * (kappa - tau**2)))
    steps.append(Step("κ > τ: ⟨s/(s+q)²⟩ = κτ²/(κ−τ²), ⟨1/(s+q)²⟩ = κ³τ²/((κ−τ)²(κ−τ²))", bool(values), "all κ, τ",
        tex=r"$\kappa>\tau$: $\langle\frac s{(s+q)^2}\rangle=\frac{\kappa\tau^2}{\kappa-\tau^2}$,"
        r" $\langle\frac1{(s+q)^2}\rangle=\frac{\kappa^3\tau^2}{(\kappa-\tau)^2(\kappa-\tau^2)}$."))
    idg = tau * (u + a2 * q_limit**2 * s_2) / (q_limit * s_2)
    icl = u + a2 * q_limit**2 * g2 + s_2 * idg / tau
    limit = ridgeless_limit(alpha=oo)
    many, few = {tau: sympy.Rational(2, 5), kappa: sympy.Rational(3, 2)}, {tau: sympy.Rational(3, 5), kappa: sympy.Rational(1, 4)}
    same = all(_vanishes((ours - found).subs(many)) for ours, found in ((idg, limit.idg), (icl, limit.icl)))
    # κ < τ: z = (1+r)w; the mass 1−κ at zero carries ⟨1/(s+z)²⟩ ≈ (1−κ)/z², and s_2, s2_2 stay finite.
    ratio = (1 - tau) / (tau - kappa)
    low = tau * u / sympy.cancel(ratio * w * w * (1 - kappa) / ((1 + ratio) * w) ** 2)
    same &= _vanishes((low - limit.idg).subs(few)) and limit.icl.subs(few) == oo
    steps.append(Step("τ < 1, α → ∞: the library's e_IDG and e_ICL on both sides of κ = τ", bool(same), "two points (κ, τ), all u, a₁",
        tex=r"$\tau<1$, $\alpha\to\infty$: the library's $e_{\mathrm{IDG}}$ and $e_{\mathrm{ICL}}$ on both sides of $\kappa=\tau$."))
    # τ > 1: q = 0; κ > 1: ⟨1/s⟩ solves γ·0·g² + (1−γ)g = 1; κ < 1: (1+w)(s_2 + w g2) ≈ (1−κ)/w.
    inverse = sympy.solve(sympy.Eq((1 - gamma) * g, 1), g)[0]
    above = {tau: 3, kappa: sympy.Rational(5, 2)}
    icl_above = u + inverse * u / (tau - 1)
    same = _vanishes((icl_above - limit.icl).subs(above)) and _vanishes((tau * u / (tau - 1) - limit.idg).subs(above))
    same &= limit.icl.subs({tau: 3, kappa: sympy.Rational(1, 2)}) == oo
    steps.append(Step("τ > 1, α → ∞: e_IDG = τu/(τ−1), e_ICL = u + ⟨1/s⟩u/(τ−1), ⟨1/s⟩ = κ/(κ−1) or ∞", bool(same), "two points (κ, τ)",
        tex=r"$\tau>1$, $\alpha\to\infty$: $e_{\mathrm{IDG}}=\frac{\tau u}{\tau-1}$,"
        r" $e_{\mathrm{ICL}}=u+\langle\frac1s\rangle\frac u{\tau-1}$, $\langle\frac1s\rangle=\frac\kappa{\kappa-1}$ or $\infty$."))
    # γ = 0: s = 1, q = (1−τ)(1+w)/τ for τ < 1, so 1 + z = (1+w)/τ.
    W = SECOND_MOMENT / (ALPHA * a2)
    far = ridgeless_limit(kappa=oo)
    zz = (1 + W) / tau - 1
    below = (u + a2 * (zz**2 + W) / (1 + zz) ** 2) / (1 - tau)
    over = tau * (u + a2 * (W**2 + W) / (1 + W) ** 2) / (tau - 1)
    half, two = {tau: sympy.Rational(1, 2)}, {tau: 2}
    same = _vanishes((below - far.icl).subs(half)) and _vanishes((over - far.icl).subs(two))
    steps.append(Step("κ → ∞: s = 1 and 1 + z = (1+w)/τ for τ < 1", bool(same), "τ = ½ and 2, all α, u, a₁",
        tex=r"$\kappa\to\infty$: $s=1$, and $1+z=(1+w)/\tau$ for $\tau<1$."))
    # κ → 0: a mass κ at s ≈ 1/κ, so ⟨sʲ/(s+z)ʲ⟩ → κ → 0; q → (1−τ)w/τ.
    leading = sympy.limit(sympy.expand(equation.subs(q, (1 - tau) * w / tau)) * kappa, kappa, 0) == 0
    none = ridgeless_limit(kappa=0)
    mass = {True: (1 + W) / W * u / (tau - 1), False: (1 + W) * W / (W / tau) ** 2 * (u / (1 - tau)) / tau}
    same = leading and _vanishes((u + a2 + mass[True] - none.icl).subs(two))
    same &= _vanishes((u + a2 + mass[False] - none.icl).subs(half))
    steps.append(Step("κ → 0: q → (1−τ)w/τ, e_IDG = u/(1−τ) or τu/(τ−1), and the fresh task is fitted as noise", bool(same),
        "τ = ½ and 2, all α, u, a₁",
        tex=r"$\kappa\to0$: $q\to(1-\tau)w/\tau$, $e_{\mathrm{IDG}}=\frac u{1-\tau}$ or $\frac{\tau u}{\tau-1}$; the fresh task is"
        r" fitted as noise."))
    # τ = 1: λ = q²⟨1/(R+q)⟩, and 1 − ⟨R²/(R+q)²⟩ = λ/q + q⟨R/(R+q)²⟩ → 2q⟨1/R⟩.
    x = sympy.Symbol("x", positive=True)
    balance = _vanishes(1 - (1 - q * m) - q * m)
    remaining = sympy.limit((x**2 * m / x + x * m) / (2 * x * m), x, 0) == 1
    idg_peak = ridgeless_peak()[1]
    population = ridgeless("overdetermined").many_samples
    assert population is not None
    point = {SLOPE: 1, SECOND_MOMENT: 2, UNEXPLAINED: 1, ALPHA: 2, KAPPA: 1}
    # ⟨1/(s+1)⟩ at κ = 1 solves g² + g − 1 = 0.
    golden = (sympy.sqrt(5) - 1) / 2
    same = balance and remaining and abs((idg_peak / population[1]).subs(point).evalf(30) * 2 * sympy.sqrt(golden).evalf(30) - 1) < 1e-25
    steps.append(Step("τ = 1: q² ⟨1/(R+q)⟩ = λ and e_IDG ≈ e₀/(2q⟨1/R⟩)", bool(same), "all λ; the library at one point",
        tex=r"$\tau=1$: $q^2\langle1/(R+q)\rangle=\lambda$ and $e_{\mathrm{IDG}}\approx e_0/(2q\langle1/R\rangle)$."))
    before, after = ridgeless_limit(tau=oo, alpha=oo).g_task, ridgeless_limit(alpha=oo, tau=oo).g_task
    quarter = {kappa: sympy.Rational(1, 4)}
    same = before.subs(quarter) == sympy.Rational(3, 4) * a2 and after.subs(quarter) == oo
    same &= before.subs(kappa, 2) == after.subs(kappa, 2) == 0
    steps.append(Step("g_task: τ → ∞ then α → ∞ gives a₁²(1−κ), the other order ∞ (κ < 1); both 0 for κ > 1", bool(same), "κ = 1/4 and 2",
        tex=r"$g_{\mathrm{task}}$: $\tau\to\infty$ then $\alpha\to\infty$ gives $a_1^2(1-\kappa)$, the other order $\infty$"
        r" ($\kappa<1$); both $0$ for $\kappa>1$."))
    return steps
