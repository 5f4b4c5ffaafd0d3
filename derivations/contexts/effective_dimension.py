"""Averages over tasks with covariances, as series in the inverse effective dimension.

Route: cumulants of a quadratic form from its transform, Stein's identity iterated, and exact Gaussian moments (Isserlis) of polynomials
in two dimensions; the library's coefficients at the end.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import sympy

from derivations import Step
from hermite_eq.covariance import SymbolicTarget, hermite_symbol, symbols
from hermite_eq.covariance.averages import TaskAverages, form_moments
from hermite_eq.covariance.symbols import trace_symbol

TITLE = "Tasks with covariances: series in the inverse effective dimension"

STATEMENT = r"""η ~ N(0, W), Q = ηᵀPη, s² = tr PW, t_n = tr(PW)^n/s^{2n}. The cumulants of Q/s² are 2^{n−1}(n−1)! t_n;
P E[G(Q)ηηᵀ] P = Σ_n 2^n E[G^{(n)}(Q)] P(WP)^{n+1}. For η = ξ/‖ξ‖, ξ ~ N(0, Ω), τ = tr PΩ, ν = tr Ω, D₁ = RG', D₂ = R²G'' at R = τ/ν, to
first order E G = G + D₂t₂ − 2(D₁+D₂)t₁₁ + (2D₁+D₂)t₀₂ and ν E[Gηηᵀ] = Ω(G + D₂t₂ − 2(2D₁+D₂)t₁₁ + (2G+4D₁+D₂)t₀₂) + 2D₁ΩPΩ/τ − 2(G+D₁)Ω²/ν,
t₁₁ = tr(PΩ²)/(τν), t₀₂ = tr Ω²/ν²."""

ASSUMPTIONS = "G smooth of polynomial growth; the series is asymptotic where ‖PW‖/tr PW → 0 (no spike that carries the trace)."

STATEMENT_TEX = r"""Let $\eta\sim\mathcal{N}(0,W)$,
$Q=\eta^\top P\eta$, $s^2=\operatorname{tr}PW$, $t_n=\operatorname{tr}(PW)^n/s^{2n}$. The cumulants of
$Q/s^2$ are $2^{n-1}(n-1)!\,t_n$, and
\[ P\,\mathbb{E}[G(Q)\eta\eta^\top]P=\sum_n2^n\,\mathbb{E}[G^{(n)}(Q)]\,P(WP)^{n+1}. \]
For $\eta=\xi/\|\xi\|$,
$\xi\sim\mathcal{N}(0,\Omega)$, $\tau=\operatorname{tr}P\Omega$, $\nu=\operatorname{tr}\Omega$, $D_1=RG'$ and $D_2=R^2G''$ at
$R=\tau/\nu$, to first order in $t_2=\operatorname{tr}(P\Omega)^2/\tau^2$, $t_{11}=\operatorname{tr}(P\Omega^2)/(\tau\nu)$,
$t_{02}=\operatorname{tr}\Omega^2/\nu^2$,
\begin{align*}
\mathbb{E}\,G&=G+D_2t_2-2(D_1+D_2)t_{11}+(2D_1+D_2)t_{02},\\
\nu\,\mathbb{E}[G\eta\eta^\top]&=\Omega\bigl(G+D_2t_2-2(2D_1+D_2)t_{11}+(2G+4D_1+D_2)t_{02}\bigr)
+\tfrac{2D_1}\tau\,\Omega P\Omega-\tfrac{2(G+D_1)}\nu\,\Omega^2.
\end{align*}"""

ASSUMPTIONS_TEX = (
    r"$G$ is smooth and of polynomial growth; the series is asymptotic where $\|PW\|/\operatorname{tr}PW\to0$, that is, no spike carries"
    r" the trace."
)

x, y, lam = sympy.symbols("x y lambda", real=True)
p1, p2 = sympy.symbols("p_1 p_2", positive=True)


def gaussian_mean(polynomial: sympy.Expr) -> sympy.Expr:
    """E of a polynomial in independent standard normals x, y."""
    total = sympy.Integer(0)
    for (i, j), c in sympy.Poly(sympy.expand(polynomial), x, y).terms():
        if i % 2 == 0 and j % 2 == 0:
            total += c * math.prod(range(1, i, 2)) * math.prod(range(1, j, 2))
    return sympy.expand(total)


def _cumulants() -> Step:
    # log E e^{tQ} = −½ Σ log(1 − 2λt) = Σ 2^{n−1} Σλ^n t^n/n.
    t = sympy.Symbol("t")
    series = sympy.series(-sympy.log(1 - 2 * lam * t) / 2, t, 0, 7).removeO()
    holds = all(
        sympy.simplify(series.coeff(t, n) * sympy.factorial(n) - 2 ** (n - 1) * sympy.factorial(n - 1) * lam**n) == 0 for n in range(1, 7)
    )
    raw = [gaussian_mean((p1 * x**2 + p2 * y**2) ** n) for n in range(5)]
    mean = raw[1]
    known = {trace_symbol(n): (p1**n + p2**n) / (p1 + p2) ** n for n in range(2, 6)}
    central = [sum(sympy.binomial(j, n) * (-1) ** (j - n) * raw[n] * mean ** (j - n) for n in range(j + 1)) for j in range(5)]
    library = all(
        sympy.simplify(mu.subs(known) - value / mean**j) == 0 for j, (mu, value) in enumerate(zip(form_moments(4, 4), central, strict=True))
    )
    return Step(
        "κ_n(Q) = 2^{n−1}(n−1)! tr(PW)^n; the library's central moments are those of two eigenvalues, by Isserlis",
        holds and library,
        "n ≤ 6; j ≤ 4",
        tex=r"$\kappa_n(Q)=2^{n-1}(n-1)!\operatorname{tr}(PW)^n$; the central moments of the library are those of two eigenvalues by"
        r" Isserlis' theorem.",
    )


def _stein(factor: sympy.Expr) -> Step:
    # W = I, P = diag(p₁, p₂), G = Q³: E[G x²] against Σ 2^n E[G^{(n)}] p₁^n.
    form = p1 * x**2 + p2 * y**2
    q = sympy.Symbol("q")
    G = q**3
    series = sum((factor * 2) ** n * gaussian_mean(sympy.diff(G, q, n).subs(q, form)) * p1**n for n in range(4))
    return Step(
        "E[Gηηᵀ] = W E G + 2WP E[G'ηηᵀ], iterated; on G = Q³ it ends and is exact",
        sympy.expand(series - gaussian_mean(form**3 * x**2)) == 0,
        "two eigenvalues, all P",
        tex=r"Stein's identity $\mathbb{E}[G\eta\eta^\top]=W\,\mathbb{E}G+2WP\,\mathbb{E}[G'\eta\eta^\top]$, iterated; on $G=Q^3$ it ends"
        r" and is exact.",
    )


Words = Callable[[dict[str, sympy.Expr]], dict[str, sympy.Expr]]


def _ratio(unit_words: Words) -> list[Step]:
    """The delta method for H(Q, N) = G(Q/N) and G(Q/N)/N, with the covariances of (Q, N)."""
    Q, N = sympy.symbols("Q N", positive=True)
    R = sympy.Symbol("R", positive=True)
    G = sympy.Function("G")
    t2 = trace_symbol(2)
    # Var Q = 2 tr(PΩ)², Cov(Q, N) = 2 tr PΩ², Var N = 2 tr Ω².
    covariances = {(2, 0): 2 * t2 * Q**2, (1, 1): 2 * symbols.t_1_1 * Q * N, (0, 2): 2 * symbols.t_0_2 * N**2}
    forms = []
    for H in (G(Q / N), G(Q / N) / N):
        second = (
            sympy.diff(H, Q, 2) * covariances[2, 0] + 2 * sympy.diff(H, Q, N) * covariances[1, 1] + sympy.diff(H, N, 2) * covariances[0, 2]
        ) / 2
        forms.append(sympy.expand((second.doit() * (1 if G(Q / N) == H else N)).subs(Q, R * N).doit()))
    g, d1, d2 = sympy.symbols("g d_1 d_2")
    shown = []
    for form in forms:
        # On G = R^a, D₁ = aG and D₂ = a(a−1)G: powers span.
        a = sympy.Symbol("a")
        shown.append(sympy.simplify(form.subs(G, sympy.Lambda(R, R**a)).doit() / R**a))
    a = sympy.Symbol("a")
    alone = d2 * t2 - 2 * (d1 + d2) * symbols.t_1_1 + (2 * d1 + d2) * symbols.t_0_2
    within = d2 * t2 - 2 * (2 * d1 + d2) * symbols.t_1_1 + (2 * g + 4 * d1 + d2) * symbols.t_0_2
    powers = {g: 1, d1: a, d2: a * (a - 1)}
    delta = all(sympy.simplify(left - right.subs(powers)) == 0 for left, right in zip(shown, (alone, within), strict=True))
    # Stein for H = G/N: 2(H_Q ΩPΩ + H_N Ω²), H_Q = G'/N², H_N = −(RG' + G)/N².
    H = (Q / N) ** a / N
    words = (
        sympy.simplify(sympy.diff(H, Q) * Q * N / (Q / N) ** a - a) == 0
        and sympy.simplify(sympy.diff(H, N) * N**2 / (Q / N) ** a + (1 + a)) == 0
    )
    averages = TaskAverages(SymbolicTarget(), 1, "unit link")
    m0, m2, m4 = (hermite_symbol(2, k) for k in (0, 2, 4))
    # v = m₀ + ρ: D₁ = m₂/2, D₂ = ½(½(2m₂ + m₄) − m₂) = m₄/4.
    v = {g: m0 + symbols.rho, d1: m2 / 2, d2: m4 / 4}
    library = sympy.expand(averages.mean(symbols.v) - (g + alone).subs(v)) == 0
    # With W = c²Ω/ν: PΩPΩP/(τν) is s^{-2}P(WP)²/c², and PΩ²P/ν² is PW²P/(c² tr W).
    expected = {"0": g + within, "1": 2 * d1, "t": -2 * (g + d1)}
    average = unit_words(averages.words(symbols.v))
    library = (
        library
        and average.keys() == expected.keys()
        and all(sympy.expand(average[name] - value.subs(v)) == 0 for name, value in expected.items())
    )
    return [
        Step(
            "Var Q = 2τ²t₂, Cov(Q,N) = 2τν t₁₁, Var N = 2ν²t₀₂; the delta method for G(Q/N) and G(Q/N)/N, on powers of R",
            delta,
            "all powers of R",
            tex=r"$\operatorname{Var}Q=2\tau^2t_2$, $\operatorname{Cov}(Q,N)=2\tau\nu t_{11}$, $\operatorname{Var}N=2\nu^2t_{02}$, and the"
            r" delta method for $G(Q/N)$ and $G(Q/N)/N$, on powers of $R$.",
        ),
        Step(
            "Stein for H = G/N adds 2H_Q ΩPΩ + 2H_N Ω², H_Q = D₁/(τν), H_N = −(G + D₁)/ν²; the library's mean and words are these",
            bool(words) and library,
            "all targets",
            tex=r"Stein's identity for $H=G/N$ adds $2H_Q\,\Omega P\Omega+2H_N\,\Omega^2$ with $H_Q=\frac{D_1}{\tau\nu}$,"
            r" $H_N=-\frac{G+D_1}{\nu^2}$. The mean and the words of the library are these.",
        ),
    ]


def _library(words: Words) -> Step:
    """Polynomial target x + cx³/6-like: E[(a²/s²)ηηᵀ] in two dimensions, exactly."""
    averages = TaskAverages(SymbolicTarget(degree=3), 1, "covariances")
    values = words(averages.words(symbols.a**2 / symbols.s**2))
    form = p1 * x**2 + p2 * y**2
    c1, c3 = hermite_symbol(1, 1), hermite_symbol(1, 3)
    # σ* = c₁x + c₃(x³ − 3x)/6: a(s) = c₁s + c₃(3s³ − 3s)/6, a²/s² = (c₁ + c₃(Q − 1)/2)².
    exact = gaussian_mean((c1 + c3 * (form - 1) / 2) ** 2 * x**2)
    total = sum(
        (
            value.subs({trace_symbol(2): (p1**2 + p2**2) / (p1 + p2) ** 2, symbols.s: sympy.sqrt(p1 + p2)}) * (p1 / (p1 + p2)) ** int(n)
            for n, value in values.items()
        ),
        sympy.Integer(0),
    )
    return Step(
        "σ* of degree 3 in two dimensions: the library's words sum to the Isserlis moment E[(a²/s²) η₁²]",
        sympy.simplify(sympy.expand(total - exact)) == 0,
        "two eigenvalues, degree 3, all c₁*, c₃*",
        tex=r"For $\sigma_*$ of degree 3 in two dimensions the words of the library sum to Isserlis' $\mathbb{E}[(a^2/s^2)\eta_1^2]$.",
    )


def check(factor: sympy.Expr = sympy.S.One, words: Words = lambda values: values, unit_words: Words = lambda values: values) -> list[Step]:
    """The argument, step by step; a factor of 2 in Stein's identity and the library's words, of either link, may be replaced."""
    return [_cumulants(), _stein(factor), *_ratio(unit_words), _library(words)]
