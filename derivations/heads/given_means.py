r"""Ridge regression on random features of sources in which h has a mean.

Route: the finite block (the constant, the means of degree 2) as further entries of h, whose second moments with h itself are then part
of one matrix; the error from that matrix, inverted as a whole, against the library, which eliminates h and never forms it. The trace of
the covariance of a mixture, and a training population of finitely many tasks, from their definitions.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from derivations.heads.given_covariances import WrittenOut
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.models import PolynomialActivation, RandomTransformer, Sizes, Source, Task
from hermite_eq.theory import Population, given_moments, icl_error
from hermite_eq.theory.feature_law.given_moments import mixture_trace
from hermite_eq.theory.feature_law.sources.mixture import population

STATEMENT = r"""Let E_s[ĥ] = e_s, C_s = E_s[ĥĥᵀ] not centred, M_s = E_s[ĥy], and ψ_s, q, Γ, Ĉ, κ, R as for given covariances.
(1) Directions q with Gram matrix Γ are further entries Γ^{1/2}ψ_s of h, with second moments Γ^{1/2}ψ_sψ_sᵀΓ^{1/2} of their own and
    c_{1,s}Γ^{1/2}ψ_se_sᵀ with h: their coefficients a and those v of h solve (P + κΓ⁻¹)a + Bv = b, (Ĉ + κ)v + Bᵀa = V with
    B = Σπ_sc_{1,s}ψ_se_sᵀ/(1+δ_s), V = Σπ_sc_{1,s}M_s/(1+δ_s), so that v = R(V − Bᵀa) and a = (κΓ⁻¹ + P − BRBᵀ)⁻¹(b − BRV).
(2) The error at s of the mean weights gains 2c_{1,s}(aᵀψ_s)(e_sᵀv); δ and the variance do not see the finite block, up to O(1/D).
(3) For h = x ⊗ b, x independent of b: C_s = E[xxᵀ] ⊗ E[bbᵀ] and e_s = E[x] ⊗ E[b], whichever tasks are averaged over;
    tr Cov(h) = Σπ_sE_s‖h‖² − ‖Σπ_sE_s[h]‖²."""

ASSUMPTIONS = """As for given covariances. The mean holds a small share of E‖h‖², so that neurons do not differ by fᵀE[h]: at a share p the
degrees 2, 3, … add c_2²p, … to c_1², and the head's coefficients vary from neuron to neuron."""

TITLE = "Sources in which $h$ has a mean"

STATEMENT_TEX = r"""Let $\mathbb{E}_s[\hat h]=e_s$, $C_s=\mathbb{E}_s[\hat h\hat h^\top]$ not centred, $M_s=\mathbb{E}_s[\hat hy]$, and
$\psi_s$, $q$, $\Gamma$, $\hat C$, $\kappa$, $R$ as for given covariances.
\begin{enumerate}
\item Directions $q$ with Gram matrix $\Gamma$ are further entries $\Gamma^{1/2}\psi_s$ of $h$: their coefficients $a$ and those $v$ of $h$
solve $(P+\kappa\Gamma^{-1})a+Bv=b$, $(\hat C+\kappa)v+B^\top a=V$ with $B=\sum_s\pi_sc_{1,s}\psi_se_s^\top/(1+\delta_s)$ and
$V=\sum_s\pi_sc_{1,s}M_s/(1+\delta_s)$, so that $v=R(V-B^\top a)$ and $a=(\kappa\Gamma^{-1}+P-BRB^\top)^{-1}(b-BRV)$.
\item The error at $s$ of the mean weights gains $2c_{1,s}(a^\top\psi_s)(e_s^\top v)$; $\delta$ and the variance do not see the finite
block, up to $O(1/D)$.
\item For $h=x\otimes b$, $x$ independent of $b$: $C_s=\mathbb{E}[xx^\top]\otimes\mathbb{E}[bb^\top]$ and
$e_s=\mathbb{E}[x]\otimes\mathbb{E}[b]$, whichever tasks are averaged over;
$\operatorname{tr}\operatorname{Cov}(h)=\sum_s\pi_s\mathbb{E}_s\|h\|^2-\|\sum_s\pi_s\mathbb{E}_s[h]\|^2$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"As for given covariances. The mean holds a small share of $\mathbb{E}\|h\|^2$, so that neurons do not differ by"
    r" $f^\top\mathbb{E}[h]$: at a share $p$ the degrees $2,3,\dots$ add $c_2^2p,\dots$ to $c_1^2$, and the head's coefficients vary from"
    r" neuron to neuron."
)

Array = NDArray[np.float64]


@cache
def _elimination() -> list[Step]:
    """Two directions and two entries of h: the whole system, in entries Γ^{1/2}ψ, against the eliminated one."""
    kappa = sympy.Symbol("kappa", positive=True)
    root = sympy.Matrix([[2, 1], [1, 3]])
    gram = root * root
    P = sympy.Matrix(2, 2, sympy.symbols("p_1 p_2 p_2 p_3"))
    C = sympy.diag(*sympy.symbols("r_1:3", positive=True))
    B, a, V = sympy.Matrix(2, 2, sympy.symbols("B_1:5")), sympy.Matrix(sympy.symbols("a_1:3")), sympy.Matrix(sympy.symbols("V_1:3"))
    R = (C + kappa * sympy.eye(2)).inv()
    # In the entries Γ^{1/2}ψ weights are u with a = Γ^{1/2}u.
    whole = sympy.Matrix(sympy.BlockMatrix([[root * P * root, root * B], [B.T * root, C]])) + kappa * sympy.eye(4)
    # Any a, with the b that belongs to it.
    b = (kappa * gram.inv() + P - B * R * B.T) * a + B * R * V
    v = R * (V - B.T * a)
    left = whole * sympy.Matrix([root.inv() * a, v]) - sympy.Matrix([root * b, V])
    zero = all(sympy.simplify(entry) == 0 for entry in left)
    size = sympy.simplify((root.inv() * a).dot(root.inv() * a) - (a.T * gram.inv() * a)[0]) == 0
    return [
        Step("v = R(V − Bᵀa), a = (κΓ⁻¹ + P − BRBᵀ)⁻¹(b − BRV) solve the system of h with its further entries", zero,
             "two directions and two entries of h, one Gram matrix",
             tex=r"The eliminated system solves that of $h$ with its further entries."),
        Step("their weights have the square norm aᵀΓ⁻¹a", bool(size), "the same",
             tex=r"Their weights have the square norm $a^\top\Gamma^{-1}a$."),
    ]  # fmt: skip


def _literal(
    head: tuple[float, float, float, float], sources: list[Population], n: int, m: int, ridge: float, share: float
) -> tuple[float, tuple[float, ...]]:
    """(IDG, errors by source) from one matrix for the directions and h; ``share`` multiplies the correlation of the two."""
    c0, c1, c2, residual2 = head
    D, S = len(sources[0].signal), len(sources)
    C = [np.asarray(p.covariance) / p.trace for p in sources]
    pi = np.array([p.weight for p in sources])
    at = WrittenOut.solve(np.full(S, c1), np.full(S, residual2), C, pi, n, m, ridge)
    root = np.linalg.cholesky(at.gram).T
    whole, shared = [], []
    for s, (p, A) in enumerate(zip(sources, C, strict=True)):
        psi = root @ np.array([c0, *(c2 * (s == t) for t in range(S))])
        centre = share * c1 * p.middle / np.sqrt(p.trace)
        whole.append(np.block([[np.outer(psi, psi), np.outer(psi, centre)], [np.outer(centre, psi), c1**2 * A]]))
        shared.append(np.concatenate([psi * p.mean, c1 * np.asarray(p.signal) / np.sqrt(p.trace)]))
    system = sum(p * x * W for p, x, W in zip(pi, at.w, whole, strict=True)) + at.kappa * np.eye(D + S + 1)
    u = np.linalg.solve(system, sum(p * x * V for p, x, V in zip(pi, at.w, shared, strict=True)))
    first = np.array([p.square - 2 * float(u @ V) + float(u @ W @ u) for p, V, W in zip(sources, shared, whole, strict=True)])
    errors = at.errors(first + at.noise(float(u @ u)))
    return float(pi @ errors), tuple(errors)


def _against_library(share: float) -> list[Step]:
    rng = np.random.default_rng(12)
    side, worst = 3, 0.0
    D = side * (side + 1)
    head = PolynomialActivation("head", (0.3, 0.6, 0.4), 0.3)
    for n, m, ridge in ((20, 9, 0.05), (8, 30, 0.3), (40, 12, 0.01)):
        sources = []
        for weight, mean in ((0.3, 0.5), (0.5, -0.2), (0.2, 0.0)):
            A = rng.standard_normal((D, 2 * D))
            C = A @ A.T
            C = C / np.trace(C)
            centre = 0.5 * C @ rng.standard_normal(D)
            centre /= max(1.0, 1.5 * np.sqrt(centre @ np.linalg.solve(C, centre)))
            signal = (C - np.outer(centre, centre)) @ rng.standard_normal(D) + centre * mean
            sources.append(Population(C, signal, 2.0 + mean**2, mean, weight, center=centre))
        idg, errors = _literal((0.3, 0.6, 0.4, 0.3**2 + 0.4**2 / 2), sources, n, m, ridge, share)
        # The head sees every source at scale 1.
        given = given_moments(sources, trace=1.0)
        error = icl_error(RandomTransformer(head, ridge * side), given, Sizes(side, side, 1, samples=n, hidden=m))
        worst = max(worst, abs(error.idg / idg - 1), *(abs(x / e - 1) for x, e in zip(error.icl_by_source, errors, strict=True)))
    return [
        Step(
            "the library equals the equations of one matrix",
            worst < 1e-9,
            "three points with three sources",
            tex=r"The library equals the equations of one matrix, at three points with three sources.",
        )
    ]


def _moments(factor: float) -> list[Step]:
    """h = x ⊗ b of two discrete laws, tasks included; then the library's populations against one another."""
    rng = np.random.default_rng(5)
    tasks = []
    for _ in range(2):
        x, b = rng.standard_normal((3, 2)), rng.standard_normal((4, 3))
        tasks.append((x, b))
    # x has one law for all tasks.
    x = tasks[0][0]
    every = np.array([np.kron(u, v) for _, b in tasks for u in x for v in b])
    bs = np.concatenate([b for _, b in tasks])
    second = np.kron(x.T @ x / len(x), bs.T @ bs / len(bs))
    product = np.abs(second - factor * every.T @ every / len(every)).max() < 1e-12
    centre = np.abs(np.kron(x.mean(0), bs.mean(0)) - every.mean(0)).max() < 1e-12

    task = Task(
        sources=[Source("relu", 0.1, input_mean=0.4, task_mean=-0.3), Source("tanh", 0.2, input_mean=(0.1, 0.5, -0.2))], weights=[0.3, 0.7]
    )
    xi = rng.standard_normal((4, 3))
    sources = [population(source_moments(task, 3, 5, source=s, tasks=xi), w) for s, w in enumerate(task.weights)]
    dense = [p.covariance.dense() for p in sources]  # type: ignore[union-attr]
    mean = sum(p.weight * p.middle for p in sources)
    trace = float(np.trace(sum(p.weight * C for p, C in zip(sources, dense, strict=True)) - np.outer(mean, mean)))
    # k tasks are k tasks of one vector each.
    by_task = [source_moments(task, 3, 5, source=0, tasks=xi[j : j + 1]) for j in range(4)]
    averaged = np.mean([np.kron(m.second_x, m.second_b) for m in by_task], axis=0)
    same = bool(np.abs(averaged - dense[0]).max() < 1e-10 * np.abs(averaged).max())
    return [
        Step("E[hhᵀ] = E[xxᵀ] ⊗ E[bbᵀ] and E[h] = E[x] ⊗ E[b] over any tasks", bool(product and centre), "two tasks, discrete laws",
             tex=r"$\mathbb{E}[hh^\top]=\mathbb{E}[xx^\top]\otimes\mathbb{E}[bb^\top]$ and "
                 r"$\mathbb{E}[h]=\mathbb{E}[x]\otimes\mathbb{E}[b]$."),
        # Traces of a dozen entries.
        Step("the trace of the mixture's covariance", abs(mixture_trace(sources) / trace - 1) < 1e-12, "two sources with means",
             tex=r"$\operatorname{tr}\operatorname{Cov}(h)$ of the mixture."),
        Step("a population of k tasks is the mean of those of each", same,
             "four tasks", tex=r"A population of $k$ tasks is the mean of those of each."),
    ]  # fmt: skip


def check(share: float = 1.0, factor: float = 1.0) -> list[Step]:
    """The steps; anything but 1 for ``share`` or ``factor`` must fail."""
    return [*_elimination(), *_against_library(share), *_moments(factor)]
