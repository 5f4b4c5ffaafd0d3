r"""The posterior mean over e^{cd} training tasks.

Route: Gaussian integrals for one direction of the context, a stationary functional for the mean logarithm, and the first two moments of
the number of tasks at a level of energy; the freezing itself is the known law of the random energy model, used and not proved.
"""

from __future__ import annotations

import math

import numpy as np
import sympy

from derivations import Step
from hermite_eq.models import Task
from hermite_eq.theory.bayes.discrete_prior import dmmse_limit, tilted_divergence
from hermite_eq.theory.bayes.error import bayes_error
from hermite_eq.theory.spectra.marchenko_pastur import density, resolvent_moments, support

TITLE = "The posterior mean over the training tasks"

STATEMENT = r"""k = e^{cd} training tasks ξ_j ~ N(0, I_d), contexts y = Xξ + ε, ℓ = αd, weights p_j ∝ e^{−‖y−Xξ_j‖²/2ρ},
I = ½⟨log(1+αs/ρ)⟩.
c ≥ I: e_IDG = e_ICL = ρ + ρ⟨1/(αs+ρ)⟩. c < I: e_IDG = ρ; with η = ρ/β ≥ ρ such that the tilted posterior N(ŵ_η, η(XᵀX+η)⁻¹) has the
divergence cd from the prior, e_ICL = ρ + η²g₂ + ρ(g₁ − ηg₂) + (1−β)ηg₁, g_j = ⟨(αs+η)⁻ʲ⟩. c = 0 (k a power of d): e_ICL = 2 + ρ."""

ASSUMPTIONS = """d → ∞; the energies of the training tasks freeze as in the random energy model (Poisson-Dirichlet weights of
parameter β, each frozen task a draw of the tilted posterior): used, not proved."""

STATEMENT_TEX = r"""For $k=e^{cd}$ training tasks $\xi_j\sim\mathcal{N}(0,I_d)$, contexts $y=X\xi+\epsilon$ with $\ell=\alpha d$ and
weights $p_j\propto e^{-\|y-X\xi_j\|^2/2\rho}$ let $I=\frac12\langle\log(1+\alpha s/\rho)\rangle$. If $c\ge I$,
$e_{\mathrm{IDG}}=e_{\mathrm{ICL}}=\rho+\rho\langle\frac1{\alpha s+\rho}\rangle$. If $c<I$, $e_{\mathrm{IDG}}=\rho$, and with
$\eta=\rho/\beta\ge\rho$ such that the tilted posterior $\mathcal{N}(\hat w_\eta,\eta(X^\top X+\eta)^{-1})$ has the divergence $cd$ from
the prior,
\[ e_{\mathrm{ICL}}=\rho+\eta^2g_2+\rho\,(g_1-\eta g_2)+(1-\beta)\,\eta g_1,\qquad g_j=\langle(\alpha s+\eta)^{-j}\rangle. \]
At $c=0$ ($k$ a power of $d$) $e_{\mathrm{ICL}}=2+\rho$."""

ASSUMPTIONS_TEX = (
    r"$d\to\infty$; the energies of the training tasks freeze as in the random energy model (Poisson-Dirichlet weights of parameter"
    r" $\beta$, each frozen task a draw of the tilted posterior): used, not proved."
)

s, rho, eta, alpha, g, beta = sympy.symbols("s rho eta alpha g beta", positive=True)


def check(weight: sympy.Expr = 1 - beta, factor: float = 1.0) -> list[Step]:
    """The argument; ``weight`` replaces E Σp_j² = 1 − β, ``factor`` multiplies the library's divergence."""
    steps = []
    # KL(N(m, V) ‖ N(0, 1)) = ½(V − 1 + m² − log V), V = η/(s+η), E m² = (s² + ρs)/(s+η)² with s an eigenvalue of XᵀX.
    divergence = (eta / (s + eta) - 1 + (s**2 + rho * s) / (s + eta) ** 2 - sympy.log(eta / (s + eta))) / 2
    at_rho = sympy.simplify(sympy.expand_log(divergence.subs(eta, rho) - sympy.log((s + rho) / rho) / 2, force=True))
    falls = sympy.simplify(sympy.diff(divergence, eta) + (s**2 + s * rho) * (1 / (s + eta) ** 3) + s**2 / (2 * eta * (s + eta) ** 2))
    steps.append(
        Step(
            "at η = ρ each direction's divergence is ½ log(1+s/ρ): I is the mutual information",
            at_rho == 0,
            "all s, ρ",
            tex=r"At $\eta=\rho$ each direction's divergence is $\frac12\log(1+s/\rho)$: $I$ is the mutual information.",
        )
    )
    steps.append(
        Step(
            "its derivative in η is −(s²+ρs)/(s+η)³ − s²/(2η(s+η)²) < 0: one β for each c < I",
            falls == 0,
            "all s, ρ, η",
            tex=r"Its derivative in $\eta$ is $-\frac{s^2+\rho s}{(s+\eta)^3}-\frac{s^2}{2\eta(s+\eta)^2}<0$: one $\beta$ for each $c<I$.",
        )
    )
    J = -sympy.log(g) + alpha * sympy.log(1 + g) + eta * g - 1
    stationary = sympy.simplify(sympy.diff(J, g) * g * (1 + g) + (1 + g) - alpha * g - eta * g * (1 + g)) == 0
    start = sympy.limit(J.subs(g, 1 / eta) - sympy.log(eta), eta, sympy.oo) == 0
    steps.append(
        Step(
            "⟨log(αs+η)⟩ = −log g + α log(1+g) + ηg − 1: stationary in g at 1/g = η + α/(1+g), with derivative g in η",
            bool(stationary and start and sympy.diff(J, eta) == g),
            "all α, η",
            tex=r"$\langle\log(\alpha s+\eta)\rangle=-\log g+\alpha\log(1+g)+\eta g-1$ is stationary in $g$ at"
            r" $\frac1g=\eta+\frac\alpha{1+g}$ and has the derivative $g$ in $\eta$.",
        )
    )
    worst = 0.0
    for a, e, r in ((0.5, 0.7, 0.2), (1.0, 0.3, 0.3), (4.0, 2.0, 0.5)):
        low, high = support(a)
        x, w = np.polynomial.legendre.leggauss(300)
        t = (x + 1) * math.pi / 2
        nodes = (low + high) / 2 + (high - low) / 2 * np.cos(t)
        mass = w * math.pi / 2 * (high - low) / 2 * np.sin(t) * density(nodes, a)
        by_density = float(mass @ sympy.lambdify(s, divergence.subs({eta: e, rho: r}))(a * nodes))
        worst = max(worst, abs(factor * float(tilted_divergence(r, np.array(a), np.array(e))) / by_density - 1))
    steps.append(
        Step(
            "the library's divergence is its integral over the Marchenko-Pastur density",
            worst < 1e-10,
            "3 points",
            tex=r"The library's divergence is its integral over the Marchenko-Pastur density.",
        )
    )
    # N tasks of k, independent, with probability p = e^{−dS} each: Var N/(E N)² = (1−p)/(kp) ≤ e^{−d(c−S)}.
    k, p = sympy.symbols("k p", positive=True)
    spread = sympy.simplify(k * p * (1 - p) / (k * p) ** 2 - (1 - p) / (k * p)) == 0
    reason = "the number of tasks of divergence S is 0 for S > c and concentrates for S < c; the frozen weights' law"
    steps.append(
        Step(
            reason,
            bool(spread),
            "open; freezing of the random energy model",
            tex=r"The number of tasks of divergence $S$ is $0$ for $S>c$ and concentrates for $S<c$; the law of the frozen weights is that "
            r"of the random energy model.",
        )
    )
    # ŵ = Σp_j w_j with w_j draws of the tilted posterior: bias² + (Σp²) × its variance. β = 1: the posterior mean; η → ∞: one prior draw.
    error = rho + eta**2 / (s + eta) ** 2 + rho * s / (s + eta) ** 2 + weight * eta / (s + eta)
    bayes = sympy.simplify(error.subs(beta, 1).subs(eta, rho) - rho - rho / (s + rho))
    far = sympy.limit(error.subs(beta, rho / eta), eta, sympy.oo) - (2 + rho)
    steps.append(
        Step(
            "e_ICL is continuous: the Bayes error at β = 1, 2 + ρ at β = 0",
            bayes == 0 and far == 0,
            "all s, ρ",
            tex=r"$e_{\mathrm{ICL}}$ is continuous: the Bayes error at $\beta=1$ and $2+\rho$ at $\beta=0$.",
        )
    )
    task = Task("identity", noise=0.4)
    limit = dmmse_limit(task, 1.5, 0.2)
    mp = resolvent_moments(0.4 / float(limit.temperature), 1.5, 1.5)
    e, b = 0.4 / float(limit.temperature), float(limit.temperature)
    by_hand = 0.4 + e**2 * mp.g2 + 0.4 * (mp.g - e * mp.g2) + float(weight.subs(beta, b)) * e * mp.g
    same = abs(float(limit.icl) / by_hand - 1) < 1e-13 and float(bayes_error(task, 1.5)) < float(limit.icl) < 2.4
    steps.append(Step("the library's e_ICL", bool(same), "one point", tex=r"The library's $e_{\mathrm{ICL}}$."))
    return steps
