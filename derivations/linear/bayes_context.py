r"""The posterior mean of a linear task, and ridge regression on a context for any target.

Route: completing the square; the trace of the posterior covariance; a resolvent mean; drawn contexts.
"""

from __future__ import annotations

import numpy as np
import sympy

from derivations import Step
from hermite_eq.models import Sizes, Task
from hermite_eq.theory.bayes.error import bayes_error, bayes_error_with_covariance, context_ridge_error, exact_bayes_error

TITLE = "What no in-context learner can beat"

STATEMENT = r"""y_i = ξᵀx_i + ε_i, ξ ~ N(0, C), x_i ~ N(0, I_d/d), ε_i ~ N(0, ρ): the posterior mean is ŵ = (XᵀX + ρC⁻¹)⁻¹Xᵀy, its error
ρ + (ρ/d) E tr (XᵀX + ρC⁻¹)⁻¹ → ρ + ψ⟨c/(c+ψ)⟩, ψ(1 − α⁻¹⟨c/(c+ψ)⟩) = ρ/α; for C = I: ρ + ρ⟨1/(αs+ρ)⟩, s Marchenko-Pastur of ratio 1/α.
For any target, u = v − a₁²: ridge regression with penalty η has the limit u + a₁²η²⟨(αs+η)⁻²⟩ + uα⟨s(αs+η)⁻²⟩, least at η = u/a₁²."""

ASSUMPTIONS = """ℓ/d → α; for nonlinear targets the part of y which is not linear in ξᵀx acts on the fit as independent noise of variance u
(it is a function of ξᵀx alone and uncorrelated with it, so that it moves the fit along ξ by O(d^{-1/2}) only)."""

STATEMENT_TEX = r"""For $y_i=\xi^\top x_i+\epsilon_i$, $\xi\sim\mathcal{N}(0,C)$, $x_i\sim\mathcal{N}(0,I_d/d)$,
$\epsilon_i\sim\mathcal{N}(0,\rho)$, the posterior mean is $\hat w=(X^\top X+\rho C^{-1})^{-1}X^\top y$, with the error
\[ \rho+\frac\rho d\,\mathbb{E}\operatorname{tr}(X^\top X+\rho C^{-1})^{-1}\to\rho+\psi\Bigl\langle\frac c{c+\psi}\Bigr\rangle,\qquad
\psi\Bigl(1-\frac1\alpha\Bigl\langle\frac c{c+\psi}\Bigr\rangle\Bigr)=\frac\rho\alpha; \]
for $C=I$ this is $\rho+\rho\langle\frac1{\alpha s+\rho}\rangle$. For any target, with $u=v-a_1^2$, ridge regression with the penalty
$\eta$ has the limit
$u+a_1^2\eta^2\langle(\alpha s+\eta)^{-2}\rangle+u\alpha\langle s(\alpha s+\eta)^{-2}\rangle$, least at $\eta=u/a_1^2$."""

ASSUMPTIONS_TEX = (
    r"$\ell/d\to\alpha$; for nonlinear targets the part of $y$ which is not linear in $\xi^\top x$ acts on the fit as independent noise"
    r" of variance $u$ (it is a function of $\xi^\top x$ alone and uncorrelated with it, so that it moves the fit along $\xi$ by"
    r" $O(d^{-1/2})$ only)."
)

s, rho, eta, a2, u, alpha, c, psi = sympy.symbols("s rho eta a_1^2 u alpha c psi", positive=True)


def check(best: sympy.Expr = u / a2, factor: float = 1.0) -> list[Step]:
    """The argument; ``best`` replaces the best penalty, ``factor`` multiplies the library's errors."""
    steps = []
    # One direction with Σx² = s: −log p(w|y) = (b − sw)²/(2sρ) + w²/2, b = Σxy = sξ + √(sρ) z.
    w, b = sympy.symbols("w b")
    energy = (b - s * w) ** 2 / (2 * s * rho) + w**2 / 2
    mean = sympy.solve(sympy.diff(energy, w), w)[0]
    variance = 1 / sympy.diff(energy, w, 2)
    steps.append(
        Step(
            "the posterior has mean b/(s+ρ) and variance ρ/(s+ρ)",
            sympy.simplify(mean - b / (s + rho)) == 0 and sympy.simplify(variance - rho / (s + rho)) == 0,
            "all s, ρ",
            tex=r"On an eigenvector of $X^\top X$ with eigenvalue $s$ the posterior has mean $b/(s+\rho)$,"
            r" variance $\rho/(s+\rho)$.",
        )
    )
    error = a2 * (eta / (s + eta)) ** 2 + u * s / (s + eta) ** 2
    same = sympy.simplify(error.subs({a2: 1, u: rho, eta: rho}) - rho / (s + rho)) == 0
    steps.append(
        Step(
            "E(ξ − w)² = a₁²η²/(s+η)² + us/(s+η)²; at a₁ = 1, u = η = ρ it is the posterior variance",
            same,
            "all s, η",
            tex=r"$\mathbb{E}(a_1\xi-w)^2=a_1^2\eta^2/(s+\eta)^2+us/(s+\eta)^2$; at $a_1=1$, $u=\eta=\rho$ it is the posterior variance.",
        )
    )
    derivative = sympy.factor(sympy.diff(error, eta))
    least = sympy.simplify(derivative.subs(eta, best)) == 0 and sympy.simplify(derivative * (s + eta) ** 3 / (2 * s) - (a2 * eta - u)) == 0
    steps.append(
        Step(
            "each direction's error has the derivative 2s(a₁²η − u)/(s+η)³: least at η = u/a₁²",
            least,
            "all s",
            tex=r"Each direction's error has the derivative $2s(a_1^2\eta-u)/(s+\eta)^3$, so that it is least at $\eta=u/a_1^2$.",
        )
    )
    # (ρ/d) tr (XᵀX + ρC⁻¹)⁻¹ = y⟨C(S+y)⁻¹⟩, S = C^{1/2}XᵀXC^{1/2}/α, y = ρ/α; (S+y)⁻¹ ≃ (C+ψ)⁻¹/φ, y = ψφ.
    phi = sympy.Symbol("phi", positive=True)
    same = sympy.simplify(psi * phi * c / (c + psi) / phi - psi * c / (c + psi)) == 0
    steps.append(
        Step(
            "y⟨C(S+y)⁻¹⟩ = ψ⟨c/(c+ψ)⟩",
            same,
            "all arguments",
            tex=r"$y\langle C(S+y)^{-1}\rangle=\psi\langle\frac c{c+\psi}\rangle$ for $S=\frac1\alpha C^{1/2}X^\top XC^{1/2}$,"
            r" $y=\rho/\alpha$.",
        )
    )
    task = Task("identity", noise=0.25)
    three = [float(f) * factor for f in (bayes_error(task, 0.8), bayes_error_with_covariance(task, 0.8, np.ones(2)))]
    three.append(float(context_ridge_error(task, 0.8)))
    steps.append(
        Step(
            "C = I, the best linear fit and the posterior mean agree for the identity",
            bool(np.ptp(three) < 1e-14),
            "one point",
            tex=r"$C=I$, the best linear fit and the posterior mean agree for the identity.",
        )
    )

    rng = np.random.default_rng(2)
    scores = []
    for d, length in ((1, 1), (5, 3), (6, 12)):
        X = rng.standard_normal((4000, length, d)) / np.sqrt(d)
        traces = 0.25 + 0.25 / d * np.trace(np.linalg.inv(X.transpose(0, 2, 1) @ X + 0.25 * np.eye(d)), axis1=1, axis2=2)
        exact = factor * exact_bayes_error(task, Sizes(d, length, 1, 1))
        scores.append((traces.mean() - exact) / (traces.std(ddof=1) / np.sqrt(4000)))
    steps.append(
        Step(
            "the exact finite-d error is the mean over drawn X, |z| < 5",
            bool(max(map(abs, scores)) < 5),
            "3 shapes, 4000 draws",
            tex=r"The exact error at finite $d$ is the mean over drawn $X$, $|z|<5$.",
        )
    )

    d, length, target = 60, 90, Task("relu", noise=0.05)
    checks = []
    for _ in range(400):
        X, xi = rng.standard_normal((length, d)) / np.sqrt(d), rng.standard_normal(d)
        y = np.maximum(X @ xi, 0) + np.sqrt(0.05) * rng.standard_normal(length)
        fit = np.linalg.solve(X.T @ X + 0.7 * np.eye(d), X.T @ y)
        # E(ReLU(ξᵀx) + ε − wᵀx)² over the query: E ReLU² = ‖ξ‖²/(2d), E[ReLU x] = ξ/(2d).
        checks.append(xi @ xi / (2 * d) + 0.05 - xi @ fit / d + fit @ fit / d)
    exact = factor * float(context_ridge_error(target, 1.5, 0.7))
    score = (np.mean(checks) - exact) / (np.std(checks, ddof=1) / 20)
    steps.append(
        Step(
            "ReLU target, ridge regression on drawn contexts, |z| < 5",
            bool(abs(score) < 5),
            "d = 60, ℓ = 90, 400 draws",
            tex=r"Target ReLU, ridge regression on drawn contexts, $|z|<5$.",
        )
    )
    return steps
