"""Averages over the task: which close, and the series in 1/d of those that do not.

Route: Stein's identity for the gamma law, the gamma integral, and the heat equation for Gaussian smoothing; the library's averages at
the end.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy

from derivations import Step
from hermite_eq.covariance import SymbolicTarget, hermite_symbol, symbols
from hermite_eq.covariance.averages import TaskAverages, exact_average, form_moments, isotropic_traces, scale_derivative

TITLE = "Averages over the task and their series in $1/d$"

STATEMENT = r"""For S = s² = ‖ξ‖²/d, ‖ξ‖² ~ χ²_d: E[s^r e^{qs²}] = (2/d)^{r/2} Γ((d+r)/2)/Γ(d/2) (1 − 2q/d)^{−(d+r)/2} for d > 2q; the
central moments of S satisfy μ_{j+1} = (2j/d)(μ_j + μ_{j−1}), so μ_j = O(d^{−⌈j/2⌉}); E f(s) = Σ_j (μ_j/j!) [Π_{i<j}(θ/2 − i) f]_{s=1} with
θ = s d/ds; and θ m_k = k m_k + m_{k+2} for m_k(s) = E[f(sg)He_k(g)]. The direction u of ξ has E u = 0, E uuᵀ = I/d and is independent of
s."""

ASSUMPTIONS = "f(s) smooth at s = 1 with polynomial growth; targets whose moments exist at every s that occurs."

STATEMENT_TEX = r"""Let $s^2=\|\xi\|^2/d$, $\|\xi\|^2\sim\chi^2_d$, $\theta=s\frac{d}{ds}$ and $\mu_j=\mathbb{E}(s^2-1)^j$. Then for $d>2q$
\[ \mathbb{E}\bigl[s^re^{qs^2}\bigr]=\Bigl(\frac2d\Bigr)^{r/2}\frac{\Gamma((d+r)/2)}{\Gamma(d/2)}\Bigl(1-\frac{2q}d\Bigr)^{-(d+r)/2}, \qquad
\mu_{j+1}=\frac{2j}d(\mu_j+\mu_{j-1}),\quad\mu_j=O\bigl(d^{-\lceil j/2\rceil}\bigr), \]
\[ \mathbb{E}f(s)\sim\sum_j\frac{\mu_j}{j!}\Bigl[\prod_{i<j}\bigl(\tfrac\theta2-i\bigr)f\Bigr]_{s=1},\qquad
\theta m_k=k\,m_k+m_{k+2}\quad\text{for } m_k(s)=\mathbb{E}[f(sg)\mathrm{He}_k(g)]. \]
The direction $u=\xi/\|\xi\|$ is independent of $s$, with $\mathbb{E}u=0$ and $\mathbb{E}uu^\top=I_d/d$."""

ASSUMPTIONS_TEX = r"$f$ is smooth at $s=1$ and of polynomial growth; the moments of the target exist at every $s$ that occurs."

D, S = symbols.d, symbols.s
d, x, q, lam = sympy.symbols("d x q lambda", positive=True)


def _gamma_integral() -> Step:
    """x = s²: ∫ x^{r/2} e^{qx} x^{d/2−1} e^{−dx/2}, a gamma integral at rate d/2 − q."""
    r, rate = sympy.Symbol("r", positive=True), sympy.Symbol("rate", positive=True)
    integral = sympy.integrate(x ** ((d + r) / 2 - 1) * sympy.exp(-rate * x), (x, 0, sympy.oo), conds="none")
    value = (d / 2) ** (d / 2) / sympy.gamma(d / 2) * integral
    stated = (2 / d) ** (r / 2) * sympy.gamma((d + r) / 2) / sympy.gamma(d / 2) * (2 * rate / d) ** (-(d + r) / 2)
    return Step(
        "E[s^r e^{qs²}] is a gamma integral of rate d/2 − q = (d/2)(1 − 2q/d)",
        sympy.simplify(sympy.expand_log(sympy.log(value / stated), force=True)) == 0,
        "all r, q, d > 2q",
        tex=r"$\mathbb{E}[s^re^{qs^2}]$ is a gamma integral of rate $\frac d2-q=\frac d2(1-\frac{2q}d)$.",
    )


def _moments(recurrence: Callable[[sympy.Expr, sympy.Expr, int], sympy.Expr]) -> list[Step]:
    # Stein for the density ∝ x^{d/2−1}e^{−dx/2}: E[x h'(x)] = E[(dx/2 − d/2) h(x)], tested by parts on h = (x − 1)^j.
    h = sympy.Function("h")
    log_density = (d / 2 - 1) * sympy.log(x) - d * x / 2
    stein = sympy.simplify(x * sympy.diff(log_density, x) + 1 - (d / 2 - d * x / 2))
    by_parts = sympy.simplify(
        sympy.diff(x * h(x) * sympy.exp(log_density), x) / sympy.exp(log_density) - (x * sympy.diff(h(x), x) + (d / 2 - d * x / 2) * h(x))
    )
    raw = [sympy.prod(1 + sympy.Integer(2 * i) / D for i in range(n)) for n in range(13)]
    central = [sum(sympy.binomial(j, n) * (-1) ** (j - n) * raw[n] for n in range(j + 1)) for j in range(13)]
    agree = all(sympy.expand(recurrence(central[j], central[j - 1], j) - central[j + 1]) == 0 for j in range(1, 12))
    library = all(sympy.expand(mu - value) == 0 for mu, value in zip(map(isotropic_traces, form_moments(12, 12)), central, strict=True))
    lowest = [min(power for (power,), _ in sympy.Poly(value.subs(D, 1 / x), x).terms()) for value in central[2:]]
    orders = lowest == [-(-j // 2) for j in range(2, 13)]
    return [
        Step(
            "by parts E[S h'(S)] = (d/2) E[(S − 1) h(S)]; h = (S − 1)^j gives j(μ_j + μ_{j−1}) = (d/2) μ_{j+1}",
            stein == 0 and by_parts == 0,
            "all j, d",
            tex=r"By parts $\mathbb{E}[Sh'(S)]=\frac d2\mathbb{E}[(S-1)h(S)]$; $h=(S-1)^j$ gives $j(\mu_j+\mu_{j-1})=\frac d2\mu_{j+1}$.",
        ),
        Step(
            "the recurrence and the binomial expansion of E S^n = Π_{i<n}(1 + 2i/d) give the same μ_j, which are the library's",
            agree and library,
            "j ≤ 12",
            tex=r"The recurrence and the binomial expansion of $\mathbb{E}S^n=\prod_{i<n}(1+2i/d)$ give the same $\mu_j$.",
        ),
        Step(
            "μ_j = O(d^{−⌈j/2⌉}): by induction, one factor 1/d for every step of the recurrence that skips one index",
            orders,
            "j ≤ 12",
            tex=r"$\mu_j=O(d^{-\lceil j/2\rceil})$: by induction, one factor $1/d$ for each step of the recurrence, which skips one index.",
        ),
    ]


def _operator() -> Step:
    # S^j d^j/dS^j = Π_{i<j}(S d/dS − i) on S^a, with S d/dS = θ/2: both are a(a−1)…(a−j+1).
    a = sympy.Symbol("a")
    holds = all(sympy.expand(sympy.ff(a, j) - sympy.prod(a - i for i in range(j))) == 0 for j in range(8))
    return Step(
        "S^j d^j/dS^j = Π_{i<j}(θ/2 − i), on powers S^a; at s = 1 it is Taylor's coefficient",
        holds,
        "j ≤ 7, all a",
        tex=r"$S^j\frac{d^j}{dS^j}=\prod_{i<j}(\frac\theta2-i)$ on powers $S^a$; at $s=1$ it is Taylor's coefficient.",
    )


def _ladder(ladder: Callable[[sympy.Expr, sympy.Expr, sympy.Expr], sympy.Expr]) -> list[Step]:
    # f = e^{λx}: m_k(s) = (λs)^k e^{λ²s²/2}. Exponentials span: both sides are linear in f.
    k = sympy.Symbol("k", integer=True, nonnegative=True)
    moment = [(lam * S) ** j * sympy.exp(lam**2 * S**2 / 2) for j in (k, k + 2)]
    holds = sympy.simplify((S * sympy.diff(moment[0], S) - ladder(k, *moment)) / moment[0]) == 0
    symbols = [hermite_symbol(2, j) for j in (3, 5)]
    library = sympy.expand(scale_derivative(symbols[0]) - ladder(3, *symbols)) == 0
    return [
        Step(
            "θ m_k = k m_k + m_{k+2}: on f = e^{λx}, m_k = (λs)^k e^{λ²s²/2}, and both sides are linear in f",
            bool(holds),
            "all k, f",
            tex=r"$\theta m_k=k\,m_k+m_{k+2}$: on $f=e^{\lambda x}$, where $m_k=(\lambda s)^ke^{\lambda^2s^2/2}$; both sides are linear"
            r" in $f$.",
        ),
        Step("the library's scale derivative is this one", library, "all k", tex=r"The scale derivative of the library is this one."),
    ]


def _direction() -> Step:
    # Reflections u_i → −u_i give E u_i = 0 and E u_iu_j = 0, exchanges give equal E u_i², and Σ u_i² = 1. Here from polar angles.
    phi, z = sympy.symbols("phi z", real=True)
    circle = [
        sympy.integrate(f, (phi, 0, 2 * sympy.pi)) / (2 * sympy.pi) for f in (sympy.cos(phi), sympy.cos(phi) ** 2, sympy.sin(2 * phi))
    ]
    sphere = [sympy.integrate(f, (z, -1, 1)) / 2 for f in (z, z**2)]
    holds = circle == [0, sympy.Rational(1, 2), 0] and sphere == [0, sympy.Rational(1, 3)]
    return Step(
        "E u = 0, E uuᵀ = I/d by symmetry under reflections and exchanges of coordinates, Σ u_i² = 1",
        holds,
        "all d by symmetry, d = 2, 3 by integration",
        tex=r"$\mathbb{E}u=0$ and $\mathbb{E}uu^\top=I_d/d$, by reflections and exchanges of coordinates and $\sum u_i^2=1$.",
    )


def _library() -> list[Step]:
    c1, c3, c5 = (hermite_symbol(1, k) for k in (1, 3, 5))
    first = TaskAverages(SymbolicTarget(), 1, "isotropic").mean(symbols.a**2)
    # ⟨a²⟩ by hand: (2/d)/2 · (θ/2)(θ/2 − 1) a², θa = a + c₃, θc₃ = 3c₃ + c₅.
    by_hand = c1**2 + (c3**2 / 2 + c1 * c5 / 2 + 2 * c1 * c3) / D
    closed = exact_average(S**3)
    gamma_ratio = sympy.sqrt(8) * sympy.gamma((D + 3) / 2) / (sympy.gamma(D / 2) * D ** sympy.Rational(3, 2))
    assert closed is not None
    return [
        Step(
            "⟨a²⟩ = a₁² + (2a₁c₃ + c₃²/2 + a₁c₅/2)/d + O(1/d²), as the library has it",
            sympy.expand(first - by_hand) == 0,
            "all targets",
            tex=r"$\langle a^2\rangle=a_1^2+\frac1d\bigl(2a_1c_3^*+\frac12c_3^{*2}+\frac12a_1c_5^*\bigr)+O(d^{-2})$, as the library has"
            r" it.",
        ),
        Step(
            "E s³ of the library is the ratio of gamma functions",
            sympy.simplify(closed / gamma_ratio) == 1,
            "all d",
            tex=r"$\mathbb{E}s^3$ of the library is the ratio of gamma functions.",
        ),
    ]


def check(
    recurrence: Callable[[sympy.Expr, sympy.Expr, int], sympy.Expr] = lambda mu, before, j: 2 * j / D * (mu + before),
    ladder: Callable[[sympy.Expr, sympy.Expr, sympy.Expr], sympy.Expr] = lambda k, moment, above: k * moment + above,
) -> list[Step]:
    """The argument, step by step; the recurrence of the central moments and the ladder may be replaced."""
    return [_gamma_integral(), *_moments(recurrence), _operator(), *_ladder(ladder), _direction(), *_library()]
