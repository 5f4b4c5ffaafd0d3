r"""How the norm of h varies within a source, and with it the label.

Route: the literal definition, x₁ … x_{ℓ+1} and the noises drawn, integrated by tensor Gauss-Hermite quadrature which is exact for a
polynomial target; against the library, which knows only sums (T, A, Y) of ℓ independent triples and products of μ, r and Σ.
"""

from __future__ import annotations

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.covariance.sources import geometry, source_moments
from hermite_eq.hermite import X
from hermite_eq.models import MixtureTask, Source
from hermite_eq.theory.source_norms import GivenNorms, norm_moments

STATEMENT = r"""Given η, inputs x_i ~ N(μ, Σ), labels y_i = σ*(ηᵀx_i) + ε_i, ω² = ηᵀΣη, r = Ση/ω, Σ_w = Σ − rrᵀ, T = Σy_i, A = Σy_ig_i,
Y = Σy_i², q = Tμ + Ar, S = Σy_ix_i:
E‖b‖² = p(E‖q‖² + E[Y] tr Σ_w) + E[Y²]/ℓ², E‖b‖⁴ = p²E‖S‖⁴ + (2p/ℓ²)E[Y²‖S‖²] + E[Y⁴]/ℓ⁴, p = f²/ℓ²,
E‖S‖⁴ = E[‖q‖⁴ + 2‖q‖²Y tr Σ_w + Y²(tr²Σ_w + 2 tr Σ_w²) + 4Y qᵀΣ_wq], E[S‖S‖²] = E[q(‖q‖² + Y tr Σ_w) + 2YΣ_wq];
E[SᵀWS SᵀVS] = E[(a + Yt)(a' + Yt') + 2Y² tr WΣ_wVΣ_w + 4Y qᵀWΣ_wVq], a = qᵀWq, t = tr WΣ_w, a' and t' with V;
E[F‖x‖²] = E[F](‖μ‖² + tr Σ_w) + 2E[Fg]μᵀr + E[Fg²]‖r‖² for F of (y, g), E[yx‖x‖²] = E[y‖x‖²]μ + E[yg‖x‖²]r + 2Σ_w(E[y]μ + E[yg]r).
Over tasks: the regression coefficients of y, y², (Mᵀh)y, E[h]ᵀh and hᵀE[hhᵀ]⁻¹h on ‖h‖² = ‖x‖²‖b‖²."""

ASSUMPTIONS = """Inputs Gaussian; the target has moments of order 8. No limit is taken."""

TITLE = "The norm of $h$ within a source"

STATEMENT_TEX = r"""Given $\eta$, inputs $x_i\sim\mathcal{N}(\mu,\Sigma)$, labels $y_i=\sigma_*(\eta^\top x_i)+\epsilon_i$,
$\omega^2=\eta^\top\Sigma\eta$, $r=\Sigma\eta/\omega$, $\Sigma_w=\Sigma-rr^\top$, $T=\sum y_i$, $A=\sum y_ig_i$, $Y=\sum y_i^2$,
$q=T\mu+Ar$, $S=\sum y_ix_i$, $p=f^2/\ell^2$:
\begin{align*}
\mathbb{E}\|b\|^2&=p(\mathbb{E}\|q\|^2+\mathbb{E}[Y]\operatorname{tr}\Sigma_w)+\mathbb{E}[Y^2]/\ell^2,\\
\mathbb{E}\|b\|^4&=p^2\,\mathbb{E}\|S\|^4+\tfrac{2p}{\ell^2}\mathbb{E}[Y^2\|S\|^2]+\mathbb{E}[Y^4]/\ell^4,\\
\mathbb{E}\|S\|^4&=\mathbb{E}\bigl[\|q\|^4+2\|q\|^2Y\operatorname{tr}\Sigma_w+Y^2(\operatorname{tr}^2\Sigma_w+2\operatorname{tr}\Sigma_w^2)
+4Y\,q^\top\Sigma_wq\bigr],\\
\mathbb{E}[S\|S\|^2]&=\mathbb{E}\bigl[q(\|q\|^2+Y\operatorname{tr}\Sigma_w)+2Y\Sigma_wq\bigr],\\
\mathbb{E}[S^\top WS\,S^\top VS]&=\mathbb{E}\bigl[(a+Yt)(a'+Yt')+2Y^2\operatorname{tr}W\Sigma_wV\Sigma_w
+4Y\,q^\top W\Sigma_wVq\bigr],\\
\mathbb{E}[F\|x\|^2]&=\mathbb{E}[F](\|\mu\|^2+\operatorname{tr}\Sigma_w)+2\,\mathbb{E}[Fg]\,\mu^\top r+\mathbb{E}[Fg^2]\|r\|^2,\\
\mathbb{E}[yx\|x\|^2]&=\mathbb{E}[y\|x\|^2]\mu+\mathbb{E}[yg\|x\|^2]r+2\Sigma_w(\mathbb{E}[y]\mu+\mathbb{E}[yg]r)
\end{align*}
with $a=q^\top Wq$, $t=\operatorname{tr}W\Sigma_w$ (and $a'$, $t'$ with $V$), for functions $F$ of $(y,g)$; over tasks, the regression
coefficients of $y$, $y^2$, $(M^\top h)y$, $\mathbb{E}[h]^\top h$ and $h^\top\mathbb{E}[hh^\top]^{-1}h$ on $\|h\|^2=\|x\|^2\|b\|^2$."""

ASSUMPTIONS_TEX = r"Inputs Gaussian; the target has moments of order 8. No limit is taken."

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


def _literal(root: Array, mu: Array, eta: Array, factor: float, weight: Array) -> dict[str, Array]:
    """Every mean of :class:`GivenNorms` from the definition: d = 2 and ℓ = 2; y is of degree 2 in x and 1 in ε."""
    d = len(eta)
    z, weights = _nodes([9] * (d * _CONTEXT) + [5] * _CONTEXT)
    x = mu + z[:, : d * _CONTEXT].reshape(-1, _CONTEXT, d) @ root.T
    t = x @ eta
    y = 0.3 + 0.7 * t + t**2 / 5 + np.sqrt(_NOISE) * z[:, d * _CONTEXT :]
    b = np.column_stack([factor / _CONTEXT * (y[:, :, None] * x).sum(1), (y**2).mean(1)])
    norm, bulk = (b**2).sum(1), ((b @ weight) * b).sum(1)
    q, w = _nodes([5] * d)
    q = mu + q @ root.T
    label = 0.3 + 0.7 * (q @ eta) + (q @ eta) ** 2 / 5
    X2 = (q**2).sum(1) / float(np.trace(root @ root.T) + mu @ mu)
    square = label**2 + _NOISE
    bulk_q = ((q @ np.linalg.inv(root @ root.T + np.outer(mu, mu))) * q).sum(1) / d
    return {
        "b2": weights @ norm, "b4": weights @ norm**2, "mean": w @ label, "mean_x": w @ (label * X2), "square": w @ square,
        "square_x": w @ (square * X2), "query": (w * label) @ q, "query_x": (w * label * X2) @ q,
        "bulk": weights @ bulk, "bulk_b": weights @ (bulk * norm), "bulk2": weights @ bulk**2, "bulk_x": w @ (bulk_q * X2),
        "bulk_xx": w @ bulk_q**2, "context": weights @ b, "context_b": (weights * norm) @ b, "x": w @ q, "x_x": (w * X2) @ q, "x4": w @ X2**2,
    }  # fmt: skip


def _slopes(each: list[dict[str, Array]]) -> dict[str, float]:
    """The regressions of :class:`NormMoments` over the tasks, X and the sums of ‖b‖² as in :func:`_literal`."""

    def mean(value: str, *more: str) -> Array:
        return np.mean([np.prod([one[name] for name in (value, *more)], axis=0) for one in each], axis=0)

    size = float(mean("b2"))
    variance = float(mean("x4", "b4")) / size**2 - 1
    signal = np.mean([np.outer(one["query"], one["context"]) for one in each], axis=0)
    centre = np.outer(each[0]["x"], mean("context"))

    def along(matrix: Array, query: str, context: str) -> float:
        return float(np.mean([one[query] @ matrix @ one[context] for one in each]))

    def slope(with_norm: float, without: float) -> float:
        return (with_norm / size - without) / variance

    v = float(mean("square"))
    return {
        "norm_variance": variance,
        "mean_slope": slope(float(mean("mean_x", "b2")), float(mean("mean"))),
        "square_slope": slope(float(mean("square_x", "b2")), v) / v,
        "signal_slope": slope(along(signal, "query_x", "context_b"), along(signal, "query", "context")) / float((signal**2).sum()),
        "center_slope": slope(along(centre, "x_x", "context_b"), along(centre, "x", "context")) / float((centre**2).sum()),
        "bulk_slope": (float(mean("bulk_x", "bulk_b")) / (size * float(mean("bulk"))) - 1) / variance,
        "bulk_variance": float(mean("bulk_xx", "bulk2")) / float(mean("bulk")) ** 2 - 1,
    }


def check(change: float = 1.0) -> list[Step]:
    """The steps; ``change`` multiplies the covariance the library is given, and anything but 1 must fail."""
    root = np.array([[1.1, 0.0], [0.5, 0.7]])
    xi = np.array([[0.8, -1.3], [2.0, 0.4]])
    steps = []
    names = {
        "b2": r"$\mathbb{E}\|b\|^2$", "b4": r"$\mathbb{E}\|b\|^4$", "mean": r"$\mathbb{E}y$", "mean_x": r"$\mathbb{E}[y\|x\|^2]$",
        "square": r"$\mathbb{E}y^2$", "square_x": r"$\mathbb{E}[y^2\|x\|^2]$", "query": r"$\mathbb{E}[yx]$",
        "query_x": r"$\mathbb{E}[yx\|x\|^2]$", "context": r"$\mathbb{E}b$", "context_b": r"$\mathbb{E}[b\|b\|^2]$",
        "bulk": r"$\mathbb{E}[b^\top Wb]$", "bulk_b": r"$\mathbb{E}[b^\top Wb\,\|b\|^2]$", "bulk2": r"$\mathbb{E}[(b^\top Wb)^2]$",
    }  # fmt: skip
    found: dict[str, list[bool]] = {name: [] for name in names}
    regressions = []
    for unit, mean in ((False, (0.0, 0.0)), (True, (0.4, -0.7))):
        source = Source(_TARGET, _NOISE, input_cov=change * root @ root.T, input_mean=mean)
        task = MixtureTask([source], unit_inputs=unit)
        place = geometry(task, task.sources[0], 2)
        moments = source_moments(task, 2, _CONTEXT, tasks=xi)
        # The W of the library: E[bbᵀ]⁻¹ over the dimension.
        weight = np.linalg.inv(moments.second_b) / 3
        given = GivenNorms.of(place, place.directions(xi), _CONTEXT, weight)
        shrink = 1.0 if unit else np.sqrt(2)
        literal = [_literal(root / shrink, np.array(mean) / shrink, eta, place.factor, weight) for eta in place.directions(xi)]
        for name in names:
            for j, one in enumerate(literal):
                # Quadratures of a few hundred terms on either side.
                close = np.abs(getattr(given, name)[j] - one[name]) <= 1e-11 * (np.abs(one[name]).max() + 1)
                found[name].append(bool(np.all(close)))
        law = vars(norm_moments(given, moments))
        expected = _slopes(literal) | ({} if any(mean) else {"center_slope": 0.0})
        # Differences of such means over the variance, which is about 10.
        regressions.append(all(abs(law[name] - value) <= 1e-9 * (abs(value) + 1) for name, value in expected.items()))
    for name, tex in names.items():
        steps.append(Step(f"GivenNorms.{name} is that of the definition", all(found[name]),
                          "d = ℓ = 2, two η, both scales of x, with and without a mean, one quadratic σ* with noise",
                          tex=f"{tex} is that of the definition."))
    steps.append(Step("the regressions on ‖h‖² are those of the definition", all(regressions), "the same, over the two η",
                      tex=r"The regressions on $\|h\|^2$ are those of the definition."))
    return steps
