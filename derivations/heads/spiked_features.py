r"""Ridge regression on random features whose neurons and samples both have types.

Route: the elimination in two types and its second derivatives by SymPy, where they must become those of one type; conditioning and the
finite block by matrix algebra on symbols; then the functional written out on dense matrices and differentiated by differences, against the
library, which factorises it and uses its derivatives in closed form.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.theory.ridge_equivalent.typed import Channel, Subspace, TypedFeatures, TypedRidge

TITLE = "Typed neurons and typed samples"

STATEMENT = r"""Neurons of type s (share p_s of m) and samples of type θ (share p_θ of n) have features
φ = ψ(s)ᵀχ(θ) + Σ_p α_p(s)β_p(θ) fᵀh + a_*(s,θ)z, f ~ N(0, R_s), E h = Σ_k t_k(θ)e_k, Cov h = C_θ = ⊕_jν_jθC_j. Several such
channels, each with vectors f and h of its own, are one with block-diagonal matrices. Ridge regression with λ per sample,
Q = (E φφᵀ/(1+δ) + λ)⁻¹ and δ_θ = tr(E[φφᵀ|θ]Q)/n, has its deterministic equivalent at the stationary point in κ and w of
Ω = λΣκ + Σκ_s a_*² w_θ + log det(1 + AK) + nΣ(w − p log w) − mΣ p_s log κ_s,
A = Σw_θ(x xᵀ + 0 ⊕ ββᵀ⊗C_θ), x = (χ, β⊗Σt_ke_k), K = Σκ_s(ψψᵀ ⊕ ααᵀ⊗R_s):
(1) κ_s = mp_s/G_s and w_θ = p_θ/(1+δ_θ), G_s = λ + Σa_*²w + tr(∂_κK)A(1+KA)⁻¹, nδ_θ = Σκa_*² + tr(∂_wA)K(1+AK)⁻¹;
(2) tr E[φφᵀ|θ]Q E[φφᵀ|θ']Q ≃ −Ω_ww' + Ω_wκΩ_κκ⁻¹Ω_κw', the second derivative of −Ω at stationary κ;
(3) for b = Σ w y x the mean predictor is xᵀ(K⁻¹+A)⁻¹b, and its size on type θ is −∂/∂w_θ of bᵀ(K⁻¹+A)⁻¹b at fixed b;
(4) on the span E of the directions e_k, Eᵀ(K⁻¹+A)⁻¹E = (K_0⁻¹ + A_0)⁻¹ with K_0 that matrix without the directions;
(5) given ⟨N,h⟩, h ~ N(0, C) has mean CN⟨N,h⟩/NᵀCN and covariance C − CNNᵀC/NᵀCN.
With one type this is the theory with given covariances."""

ASSUMPTIONS = """D, n, m → ∞ in proportion with finitely many types; given the types, f and h are Gaussian, and the part of σ of degree
above one in them is independent noise (assumed, and tested by simulation); traces concentrate: the cavity method, not a proof."""

STATEMENT_TEX = r"""Neurons of type $s$ (a share $p_s$ of $m$) and samples of type $\theta$ (a share $p_\theta$ of $n$) have features
$\phi=\psi(s)^\top\chi(\theta)+\sum_p\alpha_p(s)\beta_p(\theta)f^\top h+a_*(s,\theta)z$, $f\sim\mathcal{N}(0,R_s)$,
$\mathbb{E}h=\sum_kt_k(\theta)e_k$, $\operatorname{Cov}h=C_\theta=\bigoplus_j\nu_{j\theta}C_j$. Several such channels, each with vectors
$f$ and $h$ of its own, are one with block-diagonal matrices. Ridge regression with $\lambda$ per sample has its
deterministic equivalent at the stationary point of
\[ \Omega=\lambda\sum_s\kappa_s+\sum_{s,\theta}\kappa_sa_*^2w_\theta+\log\det(1+AK)+n\sum_\theta(w_\theta-p_\theta\log w_\theta)
-m\sum_sp_s\log\kappa_s, \]
\[ A=\sum_\theta w_\theta(xx^\top+0\oplus\beta\beta^\top\otimes C_\theta),\quad x=(\chi,\beta\otimes\textstyle\sum_kt_ke_k),\quad
K=\sum_s\kappa_s(\psi\psi^\top\oplus\alpha\alpha^\top\otimes R_s). \]
\begin{enumerate}
\item $\kappa_s=mp_s/G_s$ and $w_\theta=p_\theta/(1+\delta_\theta)$ with
$G_s=\lambda+\sum_\theta a_*^2w_\theta+\operatorname{tr}(\partial_{\kappa_s}K)A(1+KA)^{-1}$ and
$n\delta_\theta=\sum_s\kappa_sa_*^2+\operatorname{tr}(\partial_{w_\theta}A)K(1+AK)^{-1}$;
\item $\operatorname{tr}\mathbb{E}[\phi\phi^\top|\theta]Q\,\mathbb{E}[\phi\phi^\top|\theta']Q\simeq
-\Omega_{ww'}+\Omega_{w\kappa}\Omega_{\kappa\kappa}^{-1}\Omega_{\kappa w'}$;
\item for $b=\sum_\theta w_\theta yx$ the mean predictor is $x^\top(K^{-1}+A)^{-1}b$, and its mean square on type $\theta$ is
$-\partial_{w_\theta}$ of $b^\top(K^{-1}+A)^{-1}b$ at fixed $b$;
\item on the span $E$ of the directions $E^\top(K^{-1}+A)^{-1}E=(K_0^{-1}+A_0)^{-1}$, $K_0$ that matrix without the directions;
\item given $\langle N,h\rangle$, $h\sim\mathcal{N}(0,C)$ has mean $CN\langle N,h\rangle/N^\top CN$ and covariance
$C-CNN^\top C/N^\top CN$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"$D,n,m\to\infty$ in proportion with finitely many types; given the types, $f$ and $h$ are Gaussian, and the part of $\sigma$ of"
    r" degree above one in them is independent noise (assumed, and tested by simulation); traces concentrate: the cavity method, not a"
    r" proof."
)

Array = NDArray[np.float64]


def _vanishes(expression: sympy.Expr) -> bool:
    """Whether a rational function is zero."""
    return bool(sympy.expand(sympy.fraction(sympy.together(expression))[0]) == 0)


def _elimination(sign: int) -> list[Step]:
    """Two types of neurons, two of samples, one direction of h, no finite block: K and A are numbers."""
    k = sympy.symbols("kappa_1:3", positive=True)
    w = sympy.symbols("w_1:3", positive=True)
    p, q = sympy.symbols("p_1:3", positive=True), sympy.symbols("q_1:3", positive=True)
    a, b = sympy.symbols("a_1:3", positive=True), sympy.symbols("b_1:3", positive=True)
    r = sympy.Matrix(2, 2, sympy.symbols("r_1:5", positive=True))
    n, m, lam = sympy.symbols("n m lambda", positive=True)
    K, A = sum(x * y for x, y in zip(k, a, strict=True)), sum(x * y for x, y in zip(w, b, strict=True))
    cross = sum(k[s] * r[s, t] * w[t] for s in range(2) for t in range(2))
    omega = lam * sum(k) + cross + sign * sympy.log(1 + A * K)
    omega += n * sum(w[t] - p[t] * sympy.log(w[t]) for t in range(2)) - m * sum(q[s] * sympy.log(k[s]) for s in range(2))
    G = [lam + sum(r[s, t] * w[t] for t in range(2)) + a[s] * A / (1 + K * A) for s in range(2)]
    delta = [(sum(k[s] * r[s, t] for s in range(2)) + b[t] * K / (1 + A * K)) / n for t in range(2)]
    neurons = all(_vanishes(sympy.diff(omega, k[s]) - (G[s] - m * q[s] / k[s])) for s in range(2))
    samples = all(_vanishes(sympy.diff(omega, w[t]) - n * (1 + delta[t] - p[t] / w[t])) for t in range(2))
    return [
        Step("∂Ω/∂κ_s = G_s − mp_s/κ_s", neurons, "two types of each, one direction",
             tex=r"$\partial\Omega/\partial\kappa_s=G_s-mp_s/\kappa_s$."),
        Step("∂Ω/∂w_θ = n(1 + δ_θ − p_θ/w_θ)", samples, "two types of each, one direction",
             tex=r"$\partial\Omega/\partial w_\theta=n(1+\delta_\theta-p_\theta/w_\theta)$."),
    ]  # fmt: skip


def _one_type(factor: sympy.Expr | int) -> list[Step]:
    """One type of neurons: κ⁻¹ = k is the effective ridge of the theory with given covariances, and (2) its second-order form."""
    kappa, m, lam, rest = sympy.symbols("kappa m lambda rho", positive=True)
    r = sympy.symbols("r_1:3", positive=True)
    T1, T2 = sympy.symbols("s_1:3", positive=True), sympy.symbols("t_1:3", positive=True)
    x, y = sympy.symbols("x y", real=True)
    # G = λ + ρ + tr A/(1 + κA), κG = m; there g = k(m − tr Ĉ/(Ĉ + k)) with g = λ + ρ.
    k = 1 / kappa
    stationary = kappa * (lam + rest + sum(v / (1 + kappa * v) for v in r)) - m
    theirs = k * (m - sum(v / (v + k) for v in r)) - (lam + rest)
    same = _vanishes(stationary + kappa * theirs)
    # A = Ĉ + xT₁ + yT₂: −d²/dxdy of κg + log det(1 + κA) − m log κ at stationary κ, g a number.
    g = sympy.Symbol("g", positive=True)
    omega = kappa * g + sum(sympy.log(1 + kappa * (v + x * a + y * b)) for v, a, b in zip(r, T1, T2, strict=True)) - m * sympy.log(kappa)
    at = {x: 0, y: 0}
    second = {name: sympy.diff(omega, *name).subs(at) for name in ((x, y), (x, kappa), (kappa, y), (kappa, kappa))}
    fluctuation = -second[x, y] + factor * second[x, kappa] * second[kappa, y] / second[kappa, kappa]
    # m/κ − g − Σ A/(1+κA) = 0 removes nothing: g does not occur in second derivatives.
    R = [1 / (v + k) for v in r]
    prime = 1 / (m - sum((v * z) ** 2 for v, z in zip(r, R, strict=True)))
    known = sum(a * z * b * z for a, b, z in zip(T1, T2, R, strict=True))
    known += k**2 * prime * sum(a * z**2 for a, z in zip(T1, R, strict=True)) * sum(b * z**2 for b, z in zip(T2, R, strict=True))
    return [
        Step("one type: κ⁻¹ is the effective ridge of the theory with given covariances", same, "two eigenvalues; sums of such terms",
             tex=r"One type: $\kappa^{-1}$ is the effective ridge of the theory with given covariances."),
        Step("one type: (2) is tr T₁RT₂R + k²k' tr T₁R² tr T₂R²", _vanishes(fluctuation - known), "two eigenvalues; sums of such terms",
             tex=r"One type: (2) is $\operatorname{tr}T_1RT_2R+k^2k'\operatorname{tr}T_1R^2\operatorname{tr}T_2R^2$."),
    ]  # fmt: skip


def _finite_block_and_conditioning(sign: int) -> list[Step]:
    """(4) for any symmetric Z_b = (K⁻¹ + A_b)⁻¹ and one direction e; (5) by the joint covariance of h and ⟨N,h⟩."""
    z = sympy.symbols("z_1:4", real=True)
    Z = sympy.Matrix([[z[0], z[1]], [z[1], z[2]]])
    e, weight = sympy.Matrix(sympy.symbols("e_1:3", real=True)), sympy.Symbol("a_0", positive=True)
    inside = ((Z.inv() + weight * e * e.T).inv()).applyfunc(sympy.together)
    block = (e.T * inside * e)[0] - 1 / (1 / (e.T * Z * e)[0] + sign * weight)
    N = sympy.Matrix(sympy.symbols("N_1:3", real=True))
    variance = (N.T * Z * N)[0]
    mean = Z * N / variance
    rest = Z - mean * variance * mean.T
    # Uncorrelated with ⟨N,h⟩, which for Gaussians is independent, and blind to N.
    uncorrelated = all(_vanishes(entry) for entry in Z * N - mean * variance)
    blind = all(_vanishes(entry) for entry in rest * N)
    return [
        Step("Eᵀ(Z⁻¹ + EA_0Eᵀ)⁻¹E = ((EᵀZE)⁻¹ + A_0)⁻¹", _vanishes(block), "2 × 2, one direction, all symmetric Z",
             tex=r"$E^\top(Z^{-1}+EA_0E^\top)^{-1}E=((E^\top ZE)^{-1}+A_0)^{-1}$."),
        Step("h − CN⟨N,h⟩/NᵀCN is uncorrelated with ⟨N,h⟩, and its covariance annihilates N", uncorrelated and blind, "2 × 2, all C and N",
             tex=r"$h-CN\langle N,h\rangle/N^\top CN$ is uncorrelated with $\langle N,h\rangle$, and its covariance annihilates $N$."),
    ]  # fmt: skip


def _random_law(seed: int, types: tuple[int, int] = (3, 4)) -> TypedFeatures:
    """Features of a few types: h in dense blocks of two kinds and one coordinate outside them, and a second channel."""
    rng = np.random.default_rng(seed)
    S, N, P, p, B = *types, 2, 3, 2

    def positive(*shape: int) -> Array:
        a = rng.standard_normal((*shape, p, 2 * p))
        return np.asarray(a @ np.swapaxes(a, -1, -2) / (2 * p))

    diffuse = Subspace(positive(2, B), positive(S, B), np.zeros((1, 1, B, p, p)), 2)
    other = Subspace(positive(2, 1), positive(S, 1), np.zeros((1, 1, 1, p, p)), 1, kind=1)
    apart = Subspace(np.zeros((2, 1, 1, 1)), rng.uniform(0.5, 2.0, (S, 1, 1, 1)), np.ones((1, 1, 1, 1, 1)), 1)
    linear = Channel(
        rng.standard_normal((S, P)), rng.standard_normal((N, P)), rng.uniform(0.5, 1.5, (2, N)), rng.standard_normal((N, 1)),
        np.zeros((N, 1)), [diffuse, other, apart],
    )  # fmt: skip
    bent = Subspace(rng.uniform(0.5, 1.0, (2, 1, 1, 1)), rng.uniform(0.5, 1.0, (S, 1, 1, 1)), np.zeros((1, 1, 1, 1, 1)), 3)
    along = replace(apart, neurons=rng.uniform(0.5, 2.0, (S, 1, 1, 1)))
    quadratic = Channel(
        rng.standard_normal((S, 1)), rng.standard_normal((N, 1)), rng.uniform(0.5, 1.5, (1, N)), rng.standard_normal((N, 1)),
        np.zeros((N, 1)), [bent, along],
    )  # fmt: skip
    weights, shares = rng.uniform(0.5, 1.0, N), rng.uniform(0.5, 1.0, S)
    return TypedFeatures(
        weights=weights / weights.sum(), source=np.arange(N) % 2, label=rng.standard_normal(N), label_variance=rng.uniform(0.1, 0.3, N),
        shares=shares / shares.sum(), psi=rng.standard_normal((S, 2)), chi=rng.standard_normal((N, 2)), channels=[linear, quadratic],
        residual2=rng.uniform(0.1, 0.5, (S, N)), square=np.ones(N),
    )  # fmt: skip


class _Literal:
    """The functional on dense matrices, without a finite block of its own."""

    def __init__(self, law: TypedFeatures, n: int, m: int, ridge: float) -> None:
        self.law, self.n, self.m, self.ridge = law, n, m, ridge
        S, N = len(law.shares), len(law.weights)

        def direct(blocks: list[Array]) -> Array:
            size = sum(map(len, blocks))
            matrix, start = np.zeros((size, size)), 0
            for block in blocks:
                matrix[start : start + len(block), start : start + len(block)] = block
                start += len(block)
            return matrix

        def square(parts: list[tuple[Array, int]]) -> Array:
            """Every block in all its copies."""
            return direct([np.kron(np.eye(copies), block) for blocks, copies in parts for block in blocks])

        R, C, x = [[np.outer(u, u)] for u in law.psi], [[np.zeros((law.chi.shape[1],) * 2)] for _ in range(N)], list(law.chi)
        for channel in law.channels:
            for s in range(S):
                own = square([(part.neurons[s], part.copies) for part in channel.subspaces])
                R[s].append(np.asarray(np.kron(np.outer(channel.alpha[s], channel.alpha[s]), own), float))
            for t in range(N):
                beta = channel.beta[t]
                own = square([(channel.scale[part.kind, t] * part.samples[law.source[t]], part.copies) for part in channel.subspaces])
                C[t].append(np.asarray(np.kron(np.outer(beta, beta), own), float))
                # The coordinate is the last entry of each vector.
                apart = channel.coordinates[t, 0] * np.eye(len(own))[-1]
                x[t] = np.asarray(np.concatenate([x[t], np.kron(beta, apart)]))
        self.x = np.array(x)
        self.neurons = np.array([direct(blocks) for blocks in R])
        self.samples = np.array([np.outer(v, v) + direct(blocks) for v, blocks in zip(x, C, strict=True)])

    def stationary(self, w: Array) -> Array:
        """κ by plain iteration."""
        A, identity = np.tensordot(w, self.samples, 1), np.eye(self.samples.shape[1])
        kappa = self.m * self.law.shares
        for _ in range(10000):
            inner = A @ np.linalg.inv(identity + np.tensordot(kappa, self.neurons, 1) @ A)
            values = self.m * self.law.shares / (self.ridge + self.law.residual2 @ w + np.einsum("sij,ji->s", self.neurons, inner))
            done = np.abs(values / kappa - 1).max() < 1e-14
            kappa = values
            if done:
                break
        return kappa

    def value(self, w: Array) -> float:
        """Ω at stationary κ, without the terms in w alone."""
        kappa = self.stationary(w)
        A, K = np.tensordot(w, self.samples, 1), np.tensordot(kappa, self.neurons, 1)
        _, log = np.linalg.slogdet(np.eye(len(A)) + A @ K)
        return float(kappa @ (self.ridge + self.law.residual2 @ w) + log - self.m * self.law.shares @ np.log(kappa))

    def size(self, w: Array, b: Array) -> float:
        A, K = np.tensordot(w, self.samples, 1), np.tensordot(self.stationary(w), self.neurons, 1)
        return float(b @ np.linalg.solve(np.eye(len(A)) + K @ A, K @ b))

    def errors(self, w: Array) -> tuple[Array, Array, float]:
        """Errors and mean errors at given w, by central differences, and how far w is from its own equation."""
        law, N = self.law, len(w)
        step = 2e-3 * w

        def shifted(*moves: tuple[int, float]) -> Array:
            tilted = w.copy()
            for t, direction in moves:
                tilted[t] += direction * step[t]
            return tilted

        slope = np.array([(self.value(shifted((t, 1))) - self.value(shifted((t, -1)))) / (2 * step[t]) for t in range(N)])
        off = float(np.abs(w * (1 + slope / self.n) / law.weights - 1).max())
        signs = (1.0, -1.0)
        pairs = -np.array([[
            sum(a * c * self.value(shifted((t, a), (u, c))) for a in signs for c in signs) / (4 * step[t] * step[u]) for u in range(N)
        ] for t in range(N)])  # fmt: skip
        A, K = np.tensordot(w, self.samples, 1), np.tensordot(self.stationary(w), self.neurons, 1)
        b = (w * law.label) @ self.x
        value = self.x @ np.linalg.solve(np.eye(len(A)) + K @ A, K @ b)
        size = -np.array([(self.size(shifted((t, 1)), b) - self.size(shifted((t, -1)), b)) / (2 * step[t]) for t in range(N)])
        mean = law.label**2 + law.label_variance - 2 * law.label * value + size
        return np.linalg.solve(np.eye(N) - pairs * (w**2 / law.weights / self.n), mean), mean, off


def _against_library(change: float) -> Step:
    worst = 0.0
    for seed, types, n, m, ridge in ((1, (3, 4), 60, 50, 0.1), (2, (2, 3), 40, 90, 0.02)):
        law = _random_law(seed, types)
        solver = TypedRidge(law, n, m, ridge)
        _, w, *_ = solver.settle()
        errors = solver.errors()
        error, mean, off = _Literal(replace(law, residual2=change * law.residual2), n, m, ridge).errors(w)
        worst = max(worst, off, np.abs(errors.error / error - 1).max(), np.abs(errors.mean_error / mean - 1).max())
    # Differences of relative step 2e-3: truncation of order 4e-6 times the ratio of derivatives, rounding 1e-14/4e-6.
    return Step("the library equals the functional differentiated by differences", bool(worst < 1e-4), "two laws with 2 to 4 types",
                tex=r"The library equals the functional differentiated by differences, for two laws with 2 to 4 types.")  # fmt: skip


def check(sign: int = 1, factor: sympy.Expr | int = 1, change: float = 1.0) -> list[Step]:
    """The argument; ``sign`` of the determinant and of A_0, ``factor`` of the implicit term, ``change`` of the noise."""
    return [*_elimination(sign), *_one_type(factor), *_finite_block_and_conditioning(sign), _against_library(change)]
