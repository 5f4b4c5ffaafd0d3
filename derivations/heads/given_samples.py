r"""Ridge regression on random features of given samples: the mean over the first layer, whatever the samples are.

Route: the first-order equivalent for independent columns, and its derivative in the weight of one more sample, by SymPy, since
:math:`\hat y_h^2=-\frac d{d\epsilon}y^\top\Phi(\Phi^\top\Phi+\epsilon\phi_h\phi_h^\top+\Lambda)^{-1}\Phi^\top y`; then drawn first layers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import scipy.special
import sympy
from numpy.typing import NDArray
from sympy.polys.rings import ring

from derivations import Step
from hermite_eq.theory.ridge_equivalent.given_samples import fitted

TITLE = "Random features of given samples"

STATEMENT = r"""The m columns of Φ (n × m) are independent vectors of second moment K; a further point h has features φ_h with
E φ_{h,j}Φ_{·j} = k, E φ_{h,j}² = k_hh. Let ŷ = φ_hᵀΦᵀ(ΦΦᵀ+Λ)⁻¹y and R = (K+γ)⁻¹, γ(m − tr KR) = Λ. Then
(1) Λ(ΦΦᵀ+Λ)⁻¹ ≃ γR and E ŷ ≃ kᵀRy;
(2) E(y_h − ŷ)² ≃ (y_h − kᵀRy)² + yᵀRKRy (k_hh − 2kᵀRk + kᵀRKRk)/(m − tr(KR)²)."""

ASSUMPTIONS = """Quadratic forms of a column with matrices that do not depend on it concentrate about their means as m and n grow in
proportion (for Lipschitz σ and a Gaussian first layer: the concentration lemma of Louart, Liao and Couillet, arXiv 1702.05419); nothing of
the samples."""

STATEMENT_TEX = r"""The $m$ columns of $\Phi$ ($n\times m$) are independent vectors of second moment $K$; a further point $h$ has features
$\phi_h$ with $\mathbb{E}\phi_{h,j}\Phi_{\cdot j}=k$ and $\mathbb{E}\phi_{h,j}^2=k_{hh}$. Let
$\hat y=\phi_h^\top\Phi^\top(\Phi\Phi^\top+\Lambda)^{-1}y$ and $R=(K+\gamma)^{-1}$, $\gamma(m-\operatorname{tr}KR)=\Lambda$. Then
\begin{enumerate}
\item $\Lambda(\Phi\Phi^\top+\Lambda)^{-1}\simeq\gamma R$ and $\mathbb{E}\hat y\simeq k^\top Ry$;
\item $\mathbb{E}(y_h-\hat y)^2\simeq(y_h-k^\top Ry)^2
+\dfrac{y^\top RKRy}{m-\operatorname{tr}(KR)^2}\bigl(k_{hh}-2k^\top Rk+k^\top RKRk\bigr)$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"Quadratic forms of a column with matrices that do not depend on it concentrate about their means as $m$ and $n$ grow in proportion"
    r" (for Lipschitz $\sigma$ and a Gaussian first layer: the concentration lemma of Louart, Liao and Couillet, arXiv 1702.05419);"
    r" nothing is assumed of the samples."
)

Array = NDArray[np.float64]

#: Samples of a fit, and its ridge.
_POINTS, _PENALTY = 80, 2.0


def _first_order() -> Step:
    """Λ(ΦΦᵀ+Λ)⁻¹ ≃ (mK/(Λ(1+δ)) + 1)⁻¹ = γ(K+γ)⁻¹, γ = Λ(1+δ)/m, and δ = φᵀG₋φ ≃ tr KG = tr KR γ/Λ."""
    penalty, m, dof, gamma = sympy.symbols("Lambda m df gamma", positive=True)
    delta = dof * gamma / penalty
    equation = gamma - penalty * (1 + delta) / m
    return Step(
        "γ = Λ(1+δ)/m with δ = γ tr KR/Λ is γ(m − tr KR) = Λ",
        sympy.expand(m * equation - (gamma * (m - dof) - penalty)) == 0,
        "all",
        tex=r"$\gamma=\Lambda(1+\delta)/m$ with $\delta=\gamma\operatorname{tr}KR/\Lambda$ is"
        r" $\gamma(m-\operatorname{tr}KR)=\Lambda$.",
    )


def _second_order(factor: sympy.Expr) -> list[Step]:
    """One more sample of weight ε and label 0: K gains √ε k and ε k_hh, and yᵀ(1 − γR)y loses ε E ŷ²; K = diag(l₁, l₂)."""
    m, gamma, l1, l2, weight = sympy.symbols("m gamma l_1 l_2 epsilon", positive=True)
    k1, k2, own, y1, y2 = sympy.symbols("k_1 k_2 k_h y_1 y_2", real=True)
    K, k, y = sympy.diag(l1, l2), sympy.Matrix([k1, k2]), sympy.Matrix([y1, y2])
    R = (K + gamma * sympy.eye(2)).inv()
    # Schur complements of the extended K + γ, to first order in ε.
    left = (K + gamma * sympy.eye(2) - weight / (gamma + weight * own) * k * k.T).inv()
    last = 1 / (gamma + weight * own - weight * (k.T * R * k)[0])
    dof = 3 - gamma * (left.trace() + last)
    equation, fit = gamma * (m - dof), gamma * (y.T * left * y)[0]
    slope = -(sympy.diff(equation, weight) / sympy.diff(equation, gamma)).subs(weight, 0)
    mean_square = sympy.diff(fit, weight).subs(weight, 0) + slope * sympy.diff(fit.subs(weight, 0), gamma)
    middle = (k.T * R * y)[0]
    spread = (y.T * R * K * R * y)[0] / (m - ((K * R) ** 2).trace())
    claimed = middle**2 + factor * spread * (own - 2 * (k.T * R * k)[0] + (k.T * R * K * R * k)[0])
    # Of the numerator alone: a rational function is zero where it is. As a polynomial of a ring, without SymPy's expressions.
    polynomials = ring([m, gamma, l1, l2, k1, k2, own, y1, y2], sympy.ZZ)[0]
    difference = polynomials.from_expr(sympy.numer(sympy.together(mean_square - claimed)))
    return [
        Step("d[γ yᵀ(K_ε+γ)⁻¹y]/dε is E ŷ² of (2)", difference == 0, "n = 2, any K in its eigenbasis, all k, y",
             tex=r"$\frac{d}{d\epsilon}\bigl[\gamma y^\top(K_\epsilon+\gamma)^{-1}y\bigr]$ is $\mathbb{E}\hat y^2$ of (2).")
    ]  # fmt: skip


def _samples(n: int) -> tuple[Array, Array]:
    """Samples of unlike lengths, with a fifth of their squared length in one direction, and labels which are not linear in them."""
    rng = np.random.default_rng(29)
    h = rng.standard_normal((n, 80)) * np.array([0.5, *[1 / np.sqrt(80)] * 79]) * rng.gamma(3.0, 1 / 3, size=(n, 1))
    return h, np.abs(h[:, 0]) + h[:, 1:].sum(1) / 4


def _erf_kernel(h: Array) -> Array:
    """E erf(f·h)erf(f·h') = (2/π) arcsin(2h·h'/√((1 + 2‖h‖²)(1 + 2‖h'‖²)))."""
    gram = 2 * h @ h.T
    root = np.sqrt(1 + gram.diagonal())
    return np.asarray(2 / np.pi * np.arcsin(gram / np.outer(root, root)))


@cache
def _mean_square(m: int, draws: int) -> tuple[Array, Array]:
    """The mean square error at each of 40 further points over drawn first layers, and its standard error."""
    n, rng = _POINTS, np.random.default_rng(30)
    h, labels = _samples(n + 40)
    total, square = np.zeros(40), np.zeros(40)
    for _ in range(draws):
        features = scipy.special.erf(h @ rng.standard_normal((h.shape[1], m)))
        dual = np.linalg.solve(features[:n] @ features[:n].T + _PENALTY * np.eye(n), labels[:n])
        error = (labels[n:] - features[n:] @ (features[:n].T @ dual)) ** 2
        total, square = total + error, square + error**2
    mean = total / draws
    return mean, np.sqrt((square / draws - mean**2) / draws)


def drawn(factor: float = 1.0, m: int = 120, draws: int = 4000) -> list[Step]:
    """The mean over drawn first layers, within 4 standard errors and the remainder of order 1/m."""
    n = _POINTS
    h, labels = _samples(n + 40)
    K, y, target = _erf_kernel(h), labels[:n], labels[n:]
    mean, stderr = _mean_square(m, draws)
    fit = fitted(K[:n, :n], y, np.zeros(n), hidden=m, penalty=_PENALTY)
    claimed = (target - fit.predictions(K[n:, :n])) ** 2 + factor * fit.fluctuations(K[n:, :n], np.diag(K)[n:], np.zeros(n))
    holds = (np.abs(claimed - mean) < 4 * stderr + mean / m).all() and abs(claimed.sum() / mean.sum() - 1) < 1 / m
    return [
        Step("the library's fit is the mean over 4000 drawn first layers, erf, m = 120, at each of 40 points", bool(holds),
             "80 samples of unlike lengths; false alarm below 1 %", tex="The library's fit is the mean over 4000 drawn first layers.")
    ]  # fmt: skip


def check() -> list[Step]:
    """All steps."""
    return [_first_order(), *_second_order(sympy.Integer(1)), *drawn()]
