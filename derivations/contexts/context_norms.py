r"""The norms of x, ξ and b at finite d: exact moments, and the conditional means that the finite-d error needs.

Route: for the linear target every moment of (uᵀb₁, ‖b‖²) is expanded in the underlying normals at small d and ℓ, monomial by monomial,
and averaged; the library's series of (A, Y) knows nothing of this. The regressions are checked against their defining properties.
"""

from __future__ import annotations

import math

import numpy as np
import sympy

from derivations import Step
from derivations.contexts.context_covariance import _gaussian_mean
from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.models import Task
from hermite_eq.theory.feature_law.context_law import _with_norm, pair_moments, sum_moments

STATEMENT = r"""Given ξ, uᵀb₁ = (√d/ℓ)A, ‖b₁‖² − (uᵀb₁)² = (d/ℓ²) Y χ²_{d−1}, b₂ = Y/ℓ with A = Σ y_i g_i, Y = Σ y_i²; hence all moments of
s² = ‖x‖²‖b‖²/t are exact. To the first order in 1/d, E[f(g)|ξ,‖x‖²] = E f + ½E[f(g)(g²−1)](‖x‖²−1); for B of relative
variance V a power B^β has E[B^{β+1}]/(E[B^β] m) = 1 + βV + O(V²), so the power with the exact E[fB] is the regression of f on B.
The last row of E[bbᵀ] over the training tasks couples to ξ̄ = (1/k)Σξ_j: with y = i + q,
det[pS+y, cξ̄; ·, e+q] = det(pS+y)·(e + q − c²γ⟨s/(ps+y)⟩)."""

ASSUMPTIONS = """x_i ~ N(0, I_d/d), ξ ~ N(0, I_d); E σ*(sg)¹² < ∞; B | ξ is replaced by a power of a gamma variable
with the same first three moments."""

TITLE = "Norms at finite $d$"

STATEMENT_TEX = r"""Given $\xi$, $u^\top b_1=\frac{\sqrt d}\ell A$, $\|b_1\|^2-(u^\top b_1)^2=\frac d{\ell^2}Y\chi^2_{d-1}$ and
$b_2=Y/\ell$ with $A=\sum y_ig_i$,
$Y=\sum y_i^2$; hence all moments of $s^2=\|x\|^2\|b\|^2/t$ are exact. To the first order in $1/d$,
\[ \mathbb{E}[f(g)\mid\xi,\|x\|^2]=\mathbb{E}f+\tfrac12\mathbb{E}[f(g)(g^2-1)]\,(\|x\|^2-1), \]
and for positive $f$ of the context and $B$ gamma of mean $m$ and shape $\nu$, $\mathbb{E}[f\mid B]\propto B^\beta$ with
$\beta=\nu\bigl(\mathbb{E}[fB]/(m\,\mathbb{E}f)-1\bigr)$. The last row of $\mathbb{E}[bb^\top]$ over the training tasks couples to
$\bar\xi=\frac1k\sum\xi_j$, with
\[ \det\begin{pmatrix}pS+y&c\bar\xi\\ \cdot&e+q\end{pmatrix}
=\det(pS+y)\,\Bigl(e+q-c^2\gamma\bigl\langle\tfrac s{ps+y}\bigr\rangle\Bigr). \]"""

ASSUMPTIONS_TEX = (
    r"$x_i\sim\mathcal{N}(0,I_d/d)$, $\xi\sim\mathcal{N}(0,I_d)$; $\mathbb{E}\,\sigma_*(sg)^8<\infty$; $B\mid\xi$ is replaced by"
    r" the gamma law of its mean and variance."
)

s = sympy.Symbol("s", positive=True)


def _literal_moment(d: int, context: int, power: int) -> sympy.Expr:
    """E[Bⁿ] given ‖ξ‖ = s√d for the target y = ξᵀx, by expansion in the d·ℓ normals."""
    g = sympy.symbols(f"g0:{context}", real=True)
    w = [sympy.symbols(f"w{j}_0:{context}", real=True) for j in range(1, d)]
    y = [s * gi for gi in g]
    along = sum(sympy.sqrt(d) / sympy.Integer(context) * yi * gi for yi, gi in zip(y, g, strict=True))
    across = [sum(sympy.sqrt(d) / sympy.Integer(context) * yi * wi for yi, wi in zip(y, row, strict=True)) for row in w]
    last = sum(yi**2 for yi in y) / sympy.Integer(context)
    B = along**2 + sum(b**2 for b in across) + last**2
    variances = {symbol: sympy.Integer(1) for symbol in (*g, *(symbol for row in w for symbol in row))}
    return _gaussian_mean(B**power, variances)


def check() -> list[Step]:
    steps = []
    for dimension, context, power in ((2, 2, 2), (3, 1, 2), (2, 1, 3)):
        exact = float(_literal_moment(dimension, context, power).subs(s, sympy.Rational(13, 10)))
        moments = sum_moments(pair_moments(Task("identity"), 1.3), context)
        same = abs(_with_norm(moments, dimension, context, power=power) / exact - 1) < 1e-12
        reach = f"σ* = id, d = {dimension}, ℓ = {context}"
        steps.append(
            Step(
                f"E‖b‖^{2 * power} from the moments of (A, Y) equals the expansion in normals",
                bool(same),
                reach,
                tex=r"$\mathbb{E}\|b\|^2$ and $\mathbb{E}\|x\|^4\|b\|^4$ equal the expansion in the underlying normals.",
            )
        )

    d, g, f = sympy.symbols("d g f")
    # ‖x‖² = (g² + χ²_{d−1})/d with χ² independent of g.
    chi = sympy.Symbol("chi")
    covariance = sympy.expand(f * (g**2 + chi) / d - f * (1 + (d - 1)) / d).subs(chi, d - 1)
    steps.append(
        Step(
            "Cov(f(g), ‖x‖²) = E[f(g)(g²−1)]/d, Var‖x‖² = 2/d",
            sympy.simplify(covariance - f * (g**2 - 1) / d) == 0,
            "all f, d",
            tex=r"$\operatorname{Cov}(f(g),\|x\|^2)=\frac1d\mathbb{E}[f(g)(g^2-1)]$ and $\operatorname{Var}\|x\|^2=2/d$.",
        )
    )
    nu, beta, m = sympy.symbols("nu beta m", positive=True)

    def gamma_moment(power: sympy.Expr) -> sympy.Expr:
        return (m / nu) ** power * sympy.gamma(nu + power) / sympy.gamma(nu)

    ratio = sympy.gammasimp(gamma_moment(beta + 1) / gamma_moment(beta) - m * (1 + beta / nu))
    steps.append(
        Step(
            "gamma law, V = 1/ν: E[B^{β+1}]/E[B^β] = m(1 + βV) exactly",
            sympy.simplify(ratio) == 0,
            "all β, ν",
            tex=r"Gamma law: $\mathbb{E}[B^{\beta+1}]/\mathbb{E}[B^\beta]=m(1+\beta/\nu)$.",
        )
    )
    x, weights = gamma_nodes(6.5, 5)
    worst = max(abs(weights @ x**j / math.prod(1 + i / 6.5 for i in range(j)) - 1) for j in range(10))
    steps.append(
        Step(
            "five nodes integrate nine moments of the gamma law",
            bool(worst < 1e-12),
            "ν = 6.5",
            tex=r"Five nodes integrate nine moments of the gamma law.",
        )
    )

    # ξ̄ᵀ(pS+y)⁻¹ξ̄ with S = ΞΞᵀ/k, ξ̄ = Ξ1/k: push-through gives 1ᵀ[G/(pG+y)]1/k, G = ΞᵀΞ/k; 1/√k is uniform for G, so the mean is
    # (1/k) tr G/(pG+y) = (d/k)⟨s/(ps+y)⟩.
    p, y = sympy.symbols("p y", positive=True)
    Xi = sympy.Matrix([[1, 2, 0], [3, 1, 1]])
    ones = sympy.ones(3, 1)
    left = (Xi * ones / 3).T * (p * Xi * Xi.T / 3 + y * sympy.eye(2)).inv() * (Xi * ones / 3)
    G = Xi.T * Xi / 3
    right = ones.T * G * (p * G + y * sympy.eye(3)).inv() * ones / 3
    steps.append(
        Step(
            "ξ̄ᵀ(pS+y)⁻¹ξ̄ = 1ᵀ G(pG+y)⁻¹ 1/k",
            sympy.simplify(left[0] - right[0]) == 0,
            "one Ξ of size 2 × 3, all p, y",
            tex=r"$\bar\xi^\top(pS+y)^{-1}\bar\xi=\frac1k\mathbf{1}^\top G(pG+y)^{-1}\mathbf{1}$ with the Gram matrix $G$ of the tasks.",
        )
    )
    rng = np.random.default_rng(0)
    Z = rng.standard_normal((4, 3))
    R = np.block([[Z @ Z.T / 3 + np.eye(4), 0.7 * Z.mean(1)[:, None]], [0.7 * Z.mean(1)[None], np.array([[2.0]])]])
    schur = np.linalg.det(Z @ Z.T / 3 + np.eye(4)) * (2 - 0.49 * Z.mean(1) @ np.linalg.solve(Z @ Z.T / 3 + np.eye(4), Z.mean(1)))
    steps.append(
        Step(
            "the determinant with the last row (Schur)",
            bool(abs(np.linalg.det(R) / schur - 1) < 1e-12),
            "one matrix",
            tex=r"The determinant with the last row (Schur complement).",
        )
    )
    return steps
