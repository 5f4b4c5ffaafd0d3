r"""In-context error of the linear Transformer for any target, in the limit.

Route: deterministic equivalent of ridge regression on Gaussian h, then algebra by SymPy: the sums of non-negative terms which the
library evaluates, the ridgeless root, and the published closed forms for a linear target.
"""

from __future__ import annotations

import sympy

from derivations import Step
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

STATEMENT = r"""Let a₁ = c₁(σ*), v = E σ*² + ρ, R = a₁² s + v/α, R_t = a₁² + v/α, ⟨·⟩ the Marchenko-Pastur mean of ratio 1/κ. Ridge
regression of y on H_Z with penalty λ(n/d)‖Γ‖² has, with q = λ + (q/τ)⟨R/(R+q)⟩ and e₀ = v − 2⟨a₁⁴s²/(R+q)⟩ + ⟨R a₁⁴s²/(R+q)²⟩,
e_IDG = e₀/(1 − ⟨R²/(R+q)²⟩/τ), e_ICL = v − 2⟨a₁⁴s/(R+q)⟩ + ⟨R_t a₁⁴s²/(R+q)²⟩ + ⟨R_t R/(R+q)²⟩ e_IDG/τ.
An intercept takes c₀(σ*)² off the first v of each. λ = 0 is the limit λ → 0+."""

ASSUMPTIONS = """d → ∞ with ℓ/d, k/d, n/d² fixed; ridge regression on h has the error it has for Gaussian h of the same covariance and the
same E[hy] (proved for σ* = id by Lu et al.; used, not proved, for other targets); Var(b₂)-terms and the y² column are O(1/d)."""

TITLE = "The error of the linear Transformer"

STATEMENT_TEX = r"""Let $a_1=c_1(\sigma_*)$, $v=\mathbb{E}\,\sigma_*^2+\rho$, $R=a_1^2s+v/\alpha$, $R_t=a_1^2+v/\alpha$ and
$\langle\cdot\rangle$ the Marchenko-Pastur
mean of ratio $1/\kappa$. Ridge regression of $y$ on $H_Z$ with penalty $\lambda\frac nd\|\Gamma\|^2$ has, with
$q=\lambda+\frac q\tau\langle\frac R{R+q}\rangle$,
\begin{align*}
e_0&=v-2\Bigl\langle\frac{a_1^4s^2}{R+q}\Bigr\rangle+\Bigl\langle\frac{Ra_1^4s^2}{(R+q)^2}\Bigr\rangle,\qquad
e_{\mathrm{IDG}}=\frac{e_0}{1-\frac1\tau\langle\frac{R^2}{(R+q)^2}\rangle},\\
e_{\mathrm{ICL}}&=v-2\Bigl\langle\frac{a_1^4s}{R+q}\Bigr\rangle+\Bigl\langle\frac{R_ta_1^4s^2}{(R+q)^2}\Bigr\rangle
+\Bigl\langle\frac{R_tR}{(R+q)^2}\Bigr\rangle\frac{e_{\mathrm{IDG}}}\tau.
\end{align*}
An intercept takes $c_0(\sigma_*)^2$ off the first $v$ of each. $\lambda=0$ is the limit $\lambda\to0+$."""

ASSUMPTIONS_TEX = (
    r"$d\to\infty$ with $\ell/d$, $k/d$, $n/d^2$ fixed; ridge regression on $h$ has the error it has for Gaussian $h$ of the same"
    r" covariance and the same $\mathbb{E}[hy]$ (proved for $\sigma_*=\mathrm{id}$ by Lu et al.; used, not proved, for other"
    r" targets); the terms of $\operatorname{Var}(b_2)$ and the column of $y^2$ are $O(1/d)$."
)

s, p, q, a2, u = sympy.symbols("s p q a_1^2 u", positive=True)
tau, lam, gamma, rho, alpha = sympy.symbols("tau lambda gamma rho alpha", positive=True)


def _rewritten() -> list[Step]:
    """Per eigenvalue: both sides under ⟨·⟩, with ⟨1⟩ = ⟨s⟩ = 1 used where v − a₁² is split off. Units: R_t = 1, so a₁² = p, v/α = 1 − p."""
    r, y = p * s + 1 - p, 1 - p + q
    naive = u + p * s - 2 * p**2 * s**2 / (r + q) + r * p**2 * s**2 / (r + q) ** 2
    stable = u + p * (y**2 * s / (r + q) ** 2 + p * (1 - p) * s**2 / (r + q) ** 2)
    naive_icl = u + p - 2 * p**2 * s / (r + q) + p**2 * s**2 / (r + q) ** 2
    stable_icl = u + p * (y**2 / (r + q) ** 2 + p * (1 - p) * s**2 / (r + q) ** 2)
    f1, f2, j = r / (r + q), r**2 / (r + q) ** 2, r / (r + q) ** 2
    # (τ − f₂) − (τλ/q + q j) = (τ − τλ/q − f₁) + (f₁ − f₂ − q j): the first bracket is the fixed point.
    return [
        Step(
            "e₀ as a sum of non-negative terms",
            sympy.simplify(naive - stable) == 0,
            "all s, p, q",
            tex=r"$e_0$ as a sum of non-negative terms.",
        ),
        Step(
            "bias of e_ICL as a sum of non-negative terms",
            sympy.simplify(naive_icl - stable_icl) == 0,
            "all s, p, q",
            tex=r"The bias of $e_{\mathrm{ICL}}$ as a sum of non-negative terms.",
        ),
        Step(
            "τ − ⟨R²/(R+q)²⟩ = τλ/q + q⟨R/(R+q)²⟩ at the root",
            sympy.simplify(f1 - f2 - q * j) == 0,
            "all s, p, q",
            tex=r"$\tau-\langle R^2/(R+q)^2\rangle=\tau\lambda/q+q\langle R/(R+q)^2\rangle$ at the root.",
        ),
    ]


def _equivalent() -> list[Step]:
    n, x = sympy.symbols("n x", positive=True)
    # One sample left out: residual = leave-one-out residual/(1+δ), δ = hᵀQ₋h/n → tr(CQ)/n; Q = (C/(1+δ) + λ)⁻¹ = (1+δ)(C+q)⁻¹.
    delta = sympy.Symbol("delta", positive=True)
    c = sympy.Symbol("c", positive=True)
    kappa = lam * (1 + delta)
    resolvent = sympy.simplify(1 / (c / (1 + delta) + lam) - (1 + delta) / (c + kappa))
    trace = sympy.Symbol("F", positive=True)  # tr C/(C+q)/n
    solved = sympy.solve(sympy.Eq(delta, (1 + delta) * trace), delta)[0]
    relation = sympy.simplify(kappa.subs(delta, solved) - (lam + kappa.subs(delta, solved) * trace))
    # C = I, λ = 0, pure noise: the exact risk of least squares is 1 + D/(n − D − 1) (inverse Wishart), the equivalent 1/(1 − D/n).
    ratio = sympy.limit((1 + x * n / (n - x * n - 1)) * (1 - x), n, sympy.oo)
    return [
        Step(
            "(C/(1+δ)+λ)⁻¹ = (1+δ)(C+q)⁻¹ with q = λ(1+δ)",
            resolvent == 0,
            "all eigenvalues",
            tex=r"$(C/(1+\delta)+\lambda)^{-1}=(1+\delta)(C+q)^{-1}$ with $q=\lambda(1+\delta)$.",
        ),
        Step(
            "δ = (1+δ) tr[C/(C+q)]/n is q = λ + q tr[C/(C+q)]/n",
            relation == 0,
            "all λ, n",
            tex=r"$\delta=(1+\delta)\operatorname{tr}[C/(C+q)]/n$ is $q=\lambda+q\operatorname{tr}[C/(C+q)]/n$.",
        ),
        Step(
            "e = e₀/(1 − tr[C²/(C+q)²]/n) meets the exact least-squares risk 1 + D/(n−D−1)",
            ratio == 1,
            "C = I, λ = 0, n → ∞",
            tex=r"$e=e_0/(1-\operatorname{tr}[C^2/(C+q)^2]/n)$ meets the exact least-squares risk $1+D/(n-D-1)$.",
        ),
    ]


def _published() -> list[Step]:
    """The ridgeless closed forms of arXiv 2405.11751: σ* = id, q* = (1+ρ)/α, m* = M_κ(q*), μ* = q* M_{κ/τ}(q*)."""
    m, star = sympy.symbols("m q_*", positive=True)
    # λ = 0, τ < 1: 1 − τ = q m with m = ⟨1/(s+z)⟩, z = q* + q, and m solves γzm² + (z+1−γ)m − 1 = 0.
    root = (1 - tau) / m
    z = star + root
    quadratic = gamma * z * m**2 + (z + 1 - gamma) * m - 1
    M = m / tau
    target = gamma * tau * star * M**2 + (star + 1 - gamma * tau) * M - 1
    steps = [
        Step(
            "λ = 0, τ < 1: ⟨1/(s+q*+q)⟩ = τ M_{κ/τ}(q*)",
            sympy.simplify(quadratic - tau * target) == 0,
            "all κ, τ < 1",
            tex=r"$\lambda=0$, $\tau<1$: $\langle1/(s+q_*+q)\rangle=\tau M_{\kappa/\tau}(q_*)$.",
        ),
    ]
    closed = tau * q**2 + (tau * gamma * (1 - tau) - (1 - tau) - (1 - tau) * star) * q - gamma * (1 - tau) ** 2 * star
    explicit = gamma * (star + q) * ((1 - tau) / q) ** 2 + (star + q + 1 - gamma) * (1 - tau) / q - 1
    closed = tau * q**2 + (1 - tau) * (tau * gamma - 1 - star) * q - gamma * (1 - tau) ** 2 * star
    steps.append(
        Step(
            "so q solves τq² + (1−τ)(τγ − 1 − q*) q − γ(1−τ)² q* = 0",
            sympy.simplify(explicit * q**2 + closed) == 0,
            "all κ, τ < 1",
            tex=r"So $q$ solves $\tau q^2+(1-\tau)(\tau\gamma-1-q_*)q-\gamma(1-\tau)^2q_*=0$.",
        )
    )
    worst, count = 0.0, 0
    for alpha_, kappa_, rho_ in ((1.3, 0.7, 0.2), (10.0, 0.5, 0.01), (0.4, 3.0, 0.5)):
        for tau_ in (0.3, 0.9, 1.2, 4.0):
            a, b, r, t = (sympy.Rational(str(x)) for x in (alpha_, kappa_, rho_, tau_))
            error = linear_limit(1.0, rho_, 1 + rho_, alpha_, kappa_, tau_, 0.0)
            worst = max(worst, float(abs(float(error.icl) / _published_icl(a, b, r, t).evalf(30) - 1)))
            count += 1
    steps.append(
        Step(
            "the library equals the published ridgeless ICL error",
            worst < 1e-13,
            f"{count} points, both sides of τ = 1",
            tex=r"The library equals the published ridgeless ICL error for $\sigma_*=\mathrm{id}$.",
        )
    )
    return steps


def _stieltjes(x: sympy.Expr, kappa: sympy.Expr) -> sympy.Expr:
    b = x + 1 - 1 / kappa
    return 2 / (b + sympy.sqrt(b**2 + 4 * x / kappa))


def _published_icl(alpha: sympy.Expr, kappa: sympy.Expr, rho: sympy.Expr, tau: sympy.Expr) -> sympy.Expr:
    star = (1 + rho) / alpha
    if tau < 1:
        mu = star * _stieltjes(star, kappa / tau)
        return tau * (1 + star) / (1 - tau) * (1 - tau * (1 - mu) ** 2 + mu * (rho / star - 1)) - 2 * tau * (1 - mu) + 1 + rho
    x = sympy.Symbol("x", positive=True)
    m, slope = _stieltjes(star, kappa), sympy.diff(_stieltjes(x, kappa), x).subs(x, star)
    bracket = 1 - 2 * star * m - star**2 * slope + (rho + star - star**2 * m) * m / (tau - 1)
    return (star + 1) * bracket - 2 * (1 - star * m) + 1 + rho


def _limits() -> list[Step]:
    """σ* = id, τ → ∞ (q = 0, e_IDG = e₀): g_task = ⟨(w/(s+w))²⟩ − ⟨s (w/(s+w))²⟩ at w = (1+ρ)/α → 0."""
    steps = []
    w = sympy.Symbol("w", positive=True)
    for kappa, expected in ((sympy.Rational(1, 2), sympy.Rational(1, 2)), (sympy.Rational(1, 5), sympy.Rational(4, 5)), (3, 0)):
        b = w + 1 - 1 / sympy.sympify(kappa)
        root = sympy.sqrt(b**2 + 4 * w / kappa)
        g = (root - b) * kappa / (2 * w)
        g2 = -sympy.diff(g, w)
        gap = w**2 * (g2 - (g - w * g2))
        steps.append(
            Step(
                f"τ → ∞, α → ∞: g_task → max(0, 1−κ) at κ = {kappa}",
                sympy.limit(gap, w, 0, "+") == expected,
                f"κ = {kappa}",
                tex=r"$\tau\to\infty$, $\alpha\to\infty$: $g_{\mathrm{task}}\to\max(0,1-\kappa)$, at three values of $\kappa$.",
            )
        )
    return steps


def check() -> list[Step]:
    return [*_equivalent(), *_rewritten(), *_published(), *_limits()]
