r"""How the norm of h varies within a source, and with it the label.

Route: the literal definition, x₁ … x_{ℓ+1} and the noises drawn, integrated by tensor Gauss-Hermite quadrature which is exact for a
polynomial target; against the library, which knows only sums (A, Y) of ℓ independent pairs and norms of r and Σ.
"""

from __future__ import annotations

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.covariance.sources import geometry
from hermite_eq.hermite import X
from hermite_eq.models import MixtureTask, Source
from hermite_eq.theory.source_norms import GivenNorms

STATEMENT = r"""Given η, inputs x_i ~ N(0, Σ), labels y_i = σ*(ηᵀx_i) + ε_i, ω² = ηᵀΣη, r = Ση/ω, Σ_w = Σ − rrᵀ, A = Σy_ig_i, Y = Σy_i²:
E‖b‖² = p(E[A²]‖r‖² + E[Y] tr Σ_w) + E[Y²]/ℓ²,
E‖b‖⁴ = p²(E[A⁴]‖r‖⁴ + 2E[A²Y]‖r‖² tr Σ_w + E[Y²](tr²Σ_w + 2 tr Σ_w²) + 4E[A²Y] rᵀΣ_wr) + (2p/ℓ²)(E[A²Y²]‖r‖² + E[Y³] tr Σ_w) + E[Y⁴]/ℓ⁴,
p = f²/ℓ²; E[yx‖x‖²] = r(E[yg] tr Σ_w + E[yg³]‖r‖²) + 2E[yg]Σ_wr; E[b₁‖b‖²] likewise; E[f(y)‖x‖²] = tr Σ E f + E[f(y)(g² − 1)]‖r‖²."""

ASSUMPTIONS = """Inputs Gaussian of mean zero; the target has moments of order 12. No limit is taken; averages over η are another step."""

TITLE = "The norm of $h$ within a source"

STATEMENT_TEX = r"""Given $\eta$, inputs $x_i\sim\mathcal{N}(0,\Sigma)$, labels $y_i=\sigma_*(\eta^\top x_i)+\epsilon_i$,
$\omega^2=\eta^\top\Sigma\eta$, $r=\Sigma\eta/\omega$, $\Sigma_w=\Sigma-rr^\top$, $A=\sum y_ig_i$, $Y=\sum y_i^2$, $p=f^2/\ell^2$:
\begin{align*}
\mathbb{E}\|b\|^2&=p(\mathbb{E}[A^2]\|r\|^2+\mathbb{E}[Y]\operatorname{tr}\Sigma_w)+\mathbb{E}[Y^2]/\ell^2,\\
\mathbb{E}\|b\|^4&=p^2\bigl(\mathbb{E}[A^4]\|r\|^4+2\mathbb{E}[A^2Y]\|r\|^2\operatorname{tr}\Sigma_w
+\mathbb{E}[Y^2](\operatorname{tr}^2\Sigma_w+2\operatorname{tr}\Sigma_w^2)+4\mathbb{E}[A^2Y]r^\top\Sigma_wr\bigr)\\
&\quad+\tfrac{2p}{\ell^2}(\mathbb{E}[A^2Y^2]\|r\|^2+\mathbb{E}[Y^3]\operatorname{tr}\Sigma_w)+\mathbb{E}[Y^4]/\ell^4,\\
\mathbb{E}[yx\|x\|^2]&=r(\mathbb{E}[yg]\operatorname{tr}\Sigma_w+\mathbb{E}[yg^3]\|r\|^2)+2\mathbb{E}[yg]\Sigma_wr,\\
\mathbb{E}[f(y)\|x\|^2]&=\operatorname{tr}\Sigma\,\mathbb{E}f+\mathbb{E}[f(y)(g^2-1)]\|r\|^2,
\end{align*}
and $\mathbb{E}[b_1\|b\|^2]$ likewise."""

ASSUMPTIONS_TEX = (
    r"Inputs Gaussian of mean zero; the target has moments of order 12. No limit is taken; averages over $\eta$ are another step."
)

Array = NDArray[np.float64]

#: The target 3/10 + 7/10 x + x²/5: even and odd parts, and polynomials of degree at most 16 in every Gaussian.
_TARGET = sympy.Rational(3, 10) + sympy.Rational(7, 10) * X + X**2 / 5
_NOISE = 0.4
_CONTEXT = 2


def _nodes(counts: list[int]) -> tuple[Array, Array]:
    """Tensor Gauss-Hermite nodes, shape (N, dimensions), and weights."""
    rules = [np.polynomial.hermite_e.hermegauss(count) for count in counts]
    grid = np.meshgrid(*(rule[0] for rule in rules), indexing="ij")
    weights = np.ones(1)
    for _, w in rules:
        weights = np.multiply.outer(weights, w / w.sum()).ravel()
    return np.stack([axis.ravel() for axis in grid], axis=1), weights


def _literal(root: Array, eta: Array, factor: float) -> dict[str, Array]:
    """Every mean of :class:`GivenNorms` from the definition: d = 2 and ℓ = 2; y is of degree 2 in x and 1 in ε."""
    d = len(eta)
    z, weights = _nodes([9] * (d * _CONTEXT) + [5] * _CONTEXT)
    x = z[:, : d * _CONTEXT].reshape(-1, _CONTEXT, d) @ root.T
    t = x @ eta
    y = 0.3 + 0.7 * t + t**2 / 5 + np.sqrt(_NOISE) * z[:, d * _CONTEXT :]
    b1 = factor / _CONTEXT * (y[:, :, None] * x).sum(1)
    norm = (b1**2).sum(1) + ((y**2).sum(1) / _CONTEXT) ** 2
    q, w = _nodes([5] * d)
    q = q @ root.T
    label = 0.3 + 0.7 * (q @ eta) + (q @ eta) ** 2 / 5
    X2 = (q**2).sum(1) / float(np.trace(root @ root.T))
    square = label**2 + _NOISE
    return {
        "b2": weights @ norm, "b4": weights @ norm**2, "mean": w @ label, "mean_x": w @ (label * X2), "square": w @ square,
        "square_x": w @ (square * X2), "query": (w * label) @ q, "query_x": (w * label * X2) @ q,
        "context": weights @ b1, "context_b": (weights * norm) @ b1,
    }  # fmt: skip


def check(change: float = 1.0) -> list[Step]:
    """The steps; ``change`` multiplies the covariance the library is given, and anything but 1 must fail."""
    root = np.array([[1.1, 0.0], [0.5, 0.7]])
    xi = np.array([[0.8, -1.3], [2.0, 0.4]])
    steps = []
    names = {
        "b2": r"$\mathbb{E}\|b\|^2$", "b4": r"$\mathbb{E}\|b\|^4$", "mean": r"$\mathbb{E}y$", "mean_x": r"$\mathbb{E}[y\|x\|^2]$",
        "square": r"$\mathbb{E}y^2$", "square_x": r"$\mathbb{E}[y^2\|x\|^2]$", "query": r"$\mathbb{E}[yx]$",
        "query_x": r"$\mathbb{E}[yx\|x\|^2]$", "context": r"$\mathbb{E}b_1$", "context_b": r"$\mathbb{E}[b_1\|b\|^2]$",
    }  # fmt: skip
    found: dict[str, list[bool]] = {name: [] for name in names}
    for unit in (False, True):
        task = MixtureTask([Source(_TARGET, _NOISE, input_cov=change * root @ root.T)], unit_inputs=unit)
        place = geometry(task, task.sources[0], 2)
        for eta in place.directions(xi):
            given = GivenNorms.of(place, eta[None], _CONTEXT)
            shrink = 1.0 if unit else np.sqrt(2)
            literal = _literal(root / shrink, eta, place.factor)
            for name in names:
                # Quadratures of a few hundred terms on either side.
                close = np.abs(getattr(given, name)[0] - literal[name]) <= 1e-11 * (np.abs(literal[name]).max() + 1)
                found[name].append(bool(np.all(close)))
    for name, tex in names.items():
        steps.append(Step(f"GivenNorms.{name} is that of the definition", all(found[name]),
                          "d = ℓ = 2, two η, both scales of x, one quadratic σ* with noise", tex=f"{tex} is that of the definition."))
    return steps
