r"""Sources whose contexts differ: the energies of h in invariant blocks as types.

Route: every context as a source of its own, with the second moments of its type, through the equations for given covariances; against the
library, which knows each source's blocks and the energies in them.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer, Sizes
from hermite_eq.theory import Kronecker, Population, given_moments, icl_error
from hermite_eq.theory.feature_law.given_moments import ContextSample
from hermite_eq.theory.spectra.blocks import Side, sides

STATEMENT = r"""Let h = Σ_κh_κ in orthogonal invariant subspaces. A context of type θ has E[hhᵀ|θ] = Σ_κf_κ(θ)C_κ, E[hy|θ] = Σ_κm_κ(θ)M_κ.
(1) A source of such contexts is a mixture of its types as sources. In the equations for given covariances C_θ enters through
    Ĉ = Σ_κW_κC_κ, W_κ = E[c_1²f_κω], δ(θ) = Σ_κf_κ(θ)c_1² tr C_κR + …, and tr C_θRC_θ'R = Σ_κf_κ(θ)f_κ(θ') tr C_κRC_κR;
    the means of degree 2 are f_κ(θ) times one function of the neuron for each κ.
(2) ω and the head's coefficients depend on θ through (f_κ), and the error is linear in E[y|θ], E[y²|θ] and m_κ(θ): they may be
    replaced by values whose conditional means given (f_κ) they are, such as y, y² and (M_κᵀh)y/‖M_κ‖² of the context itself.
(3) For inputs x_i = μ + g_ir + w_i, given (y_i, g_i): Σy_ix_i = Tμ + Ar + √Y w, w ~ N(0, Cov w_i)."""

ASSUMPTIONS = """That the law of h given θ may be replaced by a Gaussian one with these moments: no direction of h with a share of order one
reaches the features nonlinearly. For linear heads nothing is asked of large directions."""

TITLE = "Contexts of different energies"

STATEMENT_TEX = r"""Let $h=\sum_\kappa h_\kappa$ in orthogonal invariant subspaces, and let a context of type $\theta$ have
$\mathbb{E}[hh^\top|\theta]=\sum_\kappa f_\kappa(\theta)C_\kappa$ and $\mathbb{E}[hy|\theta]=\sum_\kappa m_\kappa(\theta)M_\kappa$.
\begin{enumerate}
\item A source of such contexts is a mixture of its types as sources. In the equations for given covariances $C_\theta$ enters through
$\hat C=\sum_\kappa W_\kappa C_\kappa$, $W_\kappa=\mathbb{E}[c_1^2f_\kappa\omega]$,
$\delta(\theta)=\sum_\kappa f_\kappa(\theta)c_1^2\operatorname{tr}C_\kappa R+\dots$, and
$\operatorname{tr}C_\theta RC_{\theta'}R=\sum_\kappa f_\kappa(\theta)f_\kappa(\theta')\operatorname{tr}C_\kappa RC_\kappa R$; the means of
degree 2 are $f_\kappa(\theta)$ times one function of the neuron for each $\kappa$.
\item $\omega$ and the head's coefficients depend on $\theta$ through $(f_\kappa)$, and the error is linear in $\mathbb{E}[y|\theta]$,
$\mathbb{E}[y^2|\theta]$ and $m_\kappa(\theta)$: these may be replaced by values of which they are the conditional means given $(f_\kappa)$,
such as $y$, $y^2$ and $(M_\kappa^\top h)y/\|M_\kappa\|^2$ of the context itself.
\item For inputs $x_i=\mu+g_ir+w_i$, given $(y_i,g_i)$: $\sum y_ix_i=T\mu+Ar+\sqrt Y\,w$, $w\sim\mathcal{N}(0,\operatorname{Cov}w_i)$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"That the law of $h$ given $\theta$ may be replaced by a Gaussian one with these moments: no direction of $h$ with a share of order"
    r" one reaches the features nonlinearly. For linear heads nothing is asked of large directions."
)

Array = NDArray[np.float64]


@cache
def _blocks() -> list[Step]:
    """Two subspaces, two types, symbols."""
    f = sympy.symbols("f_1:5", positive=True)
    C = [sympy.diag(*sympy.symbols("a_1:3", positive=True), 0), sympy.diag(0, 0, sympy.Symbol("b", positive=True))]
    R = sympy.diag(*sympy.symbols("r_1:4", positive=True))
    first, second = (f[0] * C[0] + f[1] * C[1], f[2] * C[0] + f[3] * C[1])
    pair = (first * R * second * R).trace() - sum(x * y * (P * R * P * R).trace() for x, y, P in zip(f[:2], f[2:], C, strict=True))
    e2 = sympy.Symbol("e_2")
    y, m, value, cross, through = sympy.symbols("y m v c t")
    error = e2 - 2 * y * value + value**2 - 2 * m * cross + f[0] * through
    linear = all(sympy.diff(error, a, b) == 0 for a in (y, e2, m) for b in (y, e2, m))
    return [
        Step("tr C_θRC_θ'R = Σf_κ(θ)f_κ(θ') tr C_κRC_κR", sympy.expand(pair) == 0, "two subspaces, two types; others alike",
             tex=r"$\operatorname{tr}C_\theta RC_{\theta'}R$ over orthogonal subspaces."),
        Step("the error of the mean weights is linear in E[y|θ], E[y²|θ] and m(θ)", linear, "one subspace; a sum for several",
             tex=r"The error of the mean weights is linear in $\mathbb{E}[y|\theta]$, $\mathbb{E}[y^2|\theta]$ and $m(\theta)$."),
    ]  # fmt: skip


def _sums(count: int, wrong: int) -> Step:
    """Σy_iw_i given y: the covariance, for ``count`` samples; ``wrong`` = 1 adds one to the power of y."""
    y = sympy.symbols(f"y_1:{count + 1}")
    entries = sympy.Matrix(2, 2, sympy.symbols("s_1 s_2 s_2 s_3"))
    total = sum((value ** (2 + wrong) * entries for value in y), sympy.zeros(2, 2))
    Y = sum(value**2 for value in y)
    return Step("Cov(Σy_iw_i | y) = Y Cov(w)", sympy.simplify(total - Y * entries) == sympy.zeros(2, 2), f"ℓ = {count}; terms add",
                tex=r"$\operatorname{Cov}(\sum y_iw_i\mid y)=Y\operatorname{Cov}(w)$.")  # fmt: skip


def _types(rng: np.random.Generator, source: Population, both: tuple[Side, Side], count: int) -> tuple[ContextSample, list[Population]]:
    """A sample of types of one source, and the types as sources."""
    left, right = both
    assert isinstance(source.covariance, Kronecker)
    second = (source.covariance.inputs, source.covariance.context)
    x, b = (np.diag(side.basis.T @ m @ side.basis) for side, m in zip(both, second, strict=True))
    pairs = [(rows, columns) for rows in left.classes for columns in right.classes]
    energies, signals = (rng.gamma(3.0, 1.0, (len(pairs), count)) for _ in range(2))
    energies, signals = (values / values.mean(1, keepdims=True) for values in (energies, signals))
    mean = rng.standard_normal(count)
    square = mean**2 + 1 + rng.random(count)
    share = np.array([x[rows].sum() * b[columns].sum() for rows, columns in pairs])
    sample = ContextSample(energies, signals, np.ones_like(energies), mean, square, share / share.sum(), np.full(count, 1 / count))
    M = left.basis.T @ source.signal @ right.basis
    parts = []
    for i in range(count):
        f, m = np.zeros_like(M), np.zeros_like(M)
        for (rows, columns), energy, signal in zip(pairs, energies[:, i], signals[:, i], strict=True):
            f[np.ix_(rows, columns)], m[np.ix_(rows, columns)] = energy, signal
        turn = np.kron(left.basis, right.basis)
        C = turn @ np.diag((f * np.outer(x, b)).ravel()) @ turn.T
        parts.append(Population(C, turn @ (m * M).ravel(), float(square[i]), float(mean[i]), source.weight / count))
    return sample, parts


def _against_sources(wrong: float) -> list[Step]:
    rng = np.random.default_rng(3)
    d, steps = 6, []
    for model in (LinearTransformer(0.3, intercept=True), RandomTransformer(PolynomialActivation("head", (0.3, 0.6, 0.4), 0.3), 0.2)):
        sources, every = [], []
        covariances = [Kronecker(np.diag([spike] + [1.0] * (d - 1)), np.diag([1.0] * d + [4.0])) for spike in (5.0, 1.0)]
        both = sides(covariances)
        assert both is not None
        for weight, covariance in zip((0.4, 0.6), covariances, strict=True):
            source = Population(covariance, 0.1 * rng.standard_normal((d, d + 1)), 5.0, 0.5, weight)
            sample, parts = _types(rng, source, both, 4)
            sources.append(replace(source, contexts=replace(sample, energies=sample.energies * np.array([[wrong], [1], [1], [1]]))))
            every += parts
        sizes = Sizes(d, d, 1, samples=60, hidden=30)
        # The scale of the head is one number for all, and of each type its own.
        error = icl_error(model, given_moments(sources, trace=60.0), sizes)
        other = icl_error(model, given_moments(every, trace=60.0), sizes)
        gap = abs(error.idg / other.idg - 1)
        steps.append(Step(f"types as sources of their own: {model}", gap < 1e-9, "two sources of four types, four subspaces",
                          tex="The library with energies equals the library with every type as a source."))  # fmt: skip
    return steps


def check(wrong: float = 1.0, power: int = 0) -> list[Step]:
    """The steps; another ``wrong``, or a ``power`` of one, must fail."""
    return [*_blocks(), _sums(3, power), *_against_sources(wrong)]
