r"""Ridge regression on features whose rows and columns both have types: the deterministic equivalent.

Sample θ and neuron s have the feature

.. math:: \phi=\psi(s)^\top\chi(\theta)+\sum_p\alpha_p(s)\beta_p(\theta)\,f^\top h+a_*(s,\theta)z,\qquad
    f\sim\mathcal N(0,R_s),\quad h=\textstyle\sum_kt_k(\theta)e_k+h_0,\quad h_0\sim\mathcal N(0,\nu_\theta C_\theta),

with :math:`C_\theta` one matrix for each source. Put :math:`A=\sum_\theta w_\theta\nu_\theta\beta\beta^\top\otimes C_\theta`,
:math:`K=\sum_s\kappa_s\alpha\alpha^\top\otimes R_s`, :math:`E=I\otimes(e_1\dots e_q)`, :math:`Z=(K^{-1}+A)^{-1}`, and for the finite block
:math:`\zeta=(\chi,\beta\otimes t)`, :math:`A_0=\sum_\theta w_\theta\zeta\zeta^\top`,
:math:`K_0=\sum_s\kappa_s\psi\psi^\top\oplus E^\top ZE`. The weights w of the samples and κ of the neurons make

.. math:: \Omega=\lambda\sum_s\kappa_s+\sum_{s,\theta}\kappa_sa_*^2w_\theta+\log\det(1+AK)+\log\det(1+A_0K_0)
    +n\sum_\theta(w_\theta-p_\theta\log w_\theta)-m\sum_sp_s\log\kappa_s

stationary: :math:`w_\theta=p_\theta/(1+\delta_\theta)`, :math:`\kappa_s=mp_s/G_s`. All errors are first and second derivatives of Ω
(``derivations/spiked_features.py``).
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse.linalg
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]

#: Rounds of the fixed point, the change of a logarithm at which it ends, its longest step, and how many steps are extrapolated.
_ROUNDS, _SETTLED, _LONGEST, _MEMORY = 400, 1e-10, 2.0, 8
#: Relative residual of the leave-one-out errors.
_SOLVED = 1e-8


@dataclass(frozen=True, eq=False)
class Subspace:
    r"""Invariant subspaces of all :math:`C_\theta` and :math:`R_s`: B of them, of dimension p, each occurring ``copies`` times.

    Attributes
    ----------
    samples : (sources, B, p, p) array
        :math:`C_\theta` of each source.
    neurons : (S, B, p, p) array
        :math:`R_s`.
    directions : (q, q, B, p, p) array
        :math:`\sum e_ke_l^\top` over the copies.
    copies : int
    """

    samples: Array
    neurons: Array
    directions: Array
    copies: int


@dataclass(frozen=True, eq=False)
class TypedFeatures:
    r"""The law of features and labels; N nodes of samples, S of neurons.

    Attributes
    ----------
    weights : (N,) array
        p_θ, summing to 1.
    source : (N,) array of int
    scale : (N,) array
        ν.
    coordinates : (N, q) array
        t.
    taken : (N, q) array
        :math:`\tau_k`: where a coordinate is a linear function of the diffuse part, as ⟨N, h⟩ is, :math:`C_\theta` contains its variance
        and :math:`\nu_\theta(C_\theta-\tau_ke_ke_k^\top)` is what is left given it.
    label, label_variance : (N,) array
        The mean of y at the node and what varies about it.
    shares : (S,) array
        p_s, summing to 1.
    psi, chi, alpha, beta : arrays of shape (S, ·), (N, ·), (S, P), (N, P)
    residual2 : (S, N) array
        a_*².
    subspaces : sequence of Subspace
    """

    weights: Array
    source: NDArray[np.int64]
    scale: Array
    coordinates: Array
    taken: Array
    label: Array
    label_variance: Array
    shares: Array
    psi: Array
    chi: Array
    alpha: Array
    beta: Array
    residual2: Array
    subspaces: Sequence[Subspace]


@dataclass(frozen=True, eq=False)
class TypedErrors:
    r"""At every node: squared error, and that of the mean predictor.

    Attributes
    ----------
    error, mean_error : (N,) array
    dof : float
        Degrees of freedom per sample.
    gain : float
        :math:`\sum_{s,\theta}\kappa_sw_\theta\nu_\theta(\alpha\cdot\beta)^2\operatorname{tr}R_s/D`, the gain of the linear part.
    residual : float
        Of the fixed point.
    """

    error: Array
    mean_error: Array
    dof: float
    gain: float
    residual: float


@dataclass(frozen=True, eq=False)
class _State:
    """What first derivatives need, at given w and κ; L = (1 + KA)⁻¹."""

    K0: Array
    left0: Array
    Z0: Array
    Y0: Array
    Z: tuple[Array, ...]
    Y: tuple[Array, ...]
    L: tuple[Array, ...]


class TypedRidge:
    """Ridge regression with λ per sample ``ridge`` on ``samples`` samples and ``hidden`` features."""

    def __init__(self, law: TypedFeatures, samples: int, hidden: int, ridge: float) -> None:
        self.law, self.n, self.m, self.ridge = law, samples, hidden, ridge
        self.P, self.q, self.split = law.beta.shape[1], law.coordinates.shape[1], law.chi.shape[1]
        self.sources = len(law.subspaces[0].samples)

        def finite(chi: Array, coordinates: Array) -> Array:
            return np.concatenate([chi, (law.beta[:, :, None] * coordinates[:, None, :]).reshape(len(law.beta), -1)], axis=1)

        self.zeta = finite(law.chi, law.coordinates)
        self.taken = finite(np.zeros_like(law.chi), np.sqrt(law.scale[:, None] * law.taken))
        self.squares = law.scale[:, None] * (law.beta[:, :, None] * law.beta[:, None, :]).reshape(len(law.beta), -1)
        self.outer = np.einsum("sp,sq->spq", law.alpha, law.alpha)

    def state(self, kappa: Array, w: Array) -> _State:
        law, P, q = self.law, self.P, self.q
        W = self.by_source(w[:, None] * self.squares).reshape(-1, P, P)
        K0 = np.zeros((self.zeta.shape[1],) * 2)
        K0[: self.split, : self.split] = (law.psi * kappa[:, None]).T @ law.psi
        every = []
        for part in law.subspaces:
            B, p = part.samples.shape[1:3]
            A = np.einsum("spq,sbij->bpiqj", W, part.samples, optimize=True).reshape(B, P * p, P * p)
            K = np.einsum("s,spq,sbij->bpiqj", kappa, self.outer, part.neurons, optimize=True).reshape(B, P * p, P * p)
            L = np.linalg.inv(np.eye(P * p) + K @ A)
            found = [x.reshape(B, P, p, P, p) for x in (L @ K, A @ L, L)]
            every.append(found)
            K0[self.split :, self.split :] += np.einsum("bpiqj,klbij->pkql", found[0], part.directions, optimize=True).reshape(P * q, P * q)
        A0: Array = self.moment(w)
        left0: Array = np.asarray(np.linalg.inv(np.eye(len(K0)) + K0 @ A0), float)
        Z, Y, Ls = zip(*every, strict=True)
        return _State(K0, left0, left0 @ K0, A0 @ left0, Z, Y, Ls)

    def moment(self, w: Array) -> Array:
        """Σ w of the second moments of the finite block."""
        return np.asarray((self.zeta * w[:, None]).T @ self.zeta - (self.taken * w[:, None]).T @ self.taken)

    def form(self, matrix: Array) -> Array:
        """The trace of the second moment at every node with ``matrix``."""
        return np.asarray(((self.zeta @ matrix) * self.zeta).sum(1) - ((self.taken @ matrix) * self.taken).sum(1))

    def by_source(self, values: Array) -> Array:
        """Sums over the nodes of each source, shape (sources, …)."""
        return np.stack([values[self.law.source == s].sum(axis=0) for s in range(self.sources)])

    def spread(self, part: Subspace, block: Array) -> Array:
        """E X Eᵀ on a subspace, X on the finite block's linear part."""
        found = np.einsum("pkql,klbij->bpiqj", block.reshape(self.P, self.q, self.P, self.q), part.directions, optimize=True)
        return np.asarray(found)

    def loads(self, state: _State, kappa: Array, w: Array) -> tuple[Array, Array]:
        """G_s and δ_θ: the first derivatives of Ω."""
        law, s0 = self.law, self.split
        G = self.ridge + law.residual2 @ w + ((law.psi @ state.Y0[:s0, :s0]) * law.psi).sum(1)
        H = np.zeros((self.sources, self.P, self.P))
        for part, Z, Y, L in zip(law.subspaces, state.Z, state.Y, state.L, strict=True):
            theta = self.spread(part, state.Y0[s0:, s0:])
            inner = part.copies * Y + _congruent(L, theta)
            G = G + np.einsum("spq,bpiqj,sbij->s", self.outer, inner, part.neurons, optimize=True)
            inner = part.copies * Z - _congruent(Z, theta)
            H += np.einsum("bpiqj,sbij->spq", inner, part.samples, optimize=True)
        delta = kappa @ law.residual2 + self.form(state.Z0)
        delta = delta + (self.squares * H.reshape(self.sources, -1)[law.source]).sum(1)
        return G, delta / self.n

    def settle(self) -> tuple[Array, Array, _State, float]:
        """κ, w, the state and the residual of the fixed point, by Anderson's extrapolation of the plain iteration in logarithms."""
        law, S = self.law, len(self.law.shares)
        x = np.zeros(S + len(law.weights))
        steps: list[tuple[Array, Array]] = []
        for _ in range(_ROUNDS):
            kappa, w = self.m * law.shares * np.exp(x[:S]), law.weights * np.exp(-x[S:])
            state = self.state(kappa, w)
            G, delta = self.loads(state, kappa, w)
            change = np.concatenate([-np.log(G), np.log1p(delta)]) - x
            size = float(np.abs(change).max())
            if size <= _SETTLED:
                return kappa, w, state, size
            steps = [*steps[1 - _MEMORY :], (x, change)]
            dx = np.array([b[0] - a[0] for a, b in itertools.pairwise(steps)]).reshape(-1, x.size).T
            df = np.array([b[1] - a[1] for a, b in itertools.pairwise(steps)]).reshape(-1, x.size).T
            mixed = (dx + df) @ np.linalg.lstsq(df, change, rcond=1e-12)[0]
            x = x + np.clip(change - mixed, -_LONGEST, _LONGEST)
        raise HypothesisError("the weights of samples and neurons settle", f"no agreement after {_ROUNDS} rounds", "raise the ridge")

    def errors(self) -> TypedErrors:
        """The errors at every node."""
        law, s0, S, P = self.law, self.split, len(self.law.shares), self.P
        kappa, w, state, residual = self.settle()
        zeta = self.zeta
        b = (w * law.label) @ zeta
        fitted, inner = state.Z0 @ b, state.left0.T @ b
        value = zeta @ fitted

        # Second derivatives of the diffuse part: in κκ, κw, ww; and of the size of the mean predictor in κ and w.
        curvature = np.diag(self.m * law.shares / kappa**2)
        mixed = law.residual2.copy()
        pairs = np.zeros((self.sources, self.sources, P * P, P * P))
        noise = np.zeros((self.sources, P, P))
        slopes = np.zeros((S, *state.K0.shape))
        slopes[:, :s0, :s0] = np.einsum("sp,sq->spq", law.psi, law.psi)
        for part, Z, Y, L in zip(law.subspaces, state.Z, state.Y, state.L, strict=True):
            half = np.einsum("bpiqj,tq->tbpij", L, law.alpha, optimize=True)
            moved = np.einsum("tbpic,tbcd,tbqjd->tbpiqj", half, part.neurons, half, optimize=True)
            slope = np.einsum("tbpiqj,klbij->tpkql", moved, part.directions, optimize=True)
            slopes[:, s0:, s0:] += slope.reshape(S, P * self.q, P * self.q)
            through = np.einsum("tbpiqj,sbij->tspq", moved, part.samples, optimize=True).reshape(S, self.sources, -1)
            for s in range(self.sources):
                rows = law.source == s
                mixed[:, rows] += part.copies * through[:, s] @ self.squares[rows].T
            turned = np.einsum("tp,bpiqj,uq->tubij", law.alpha, Y, law.alpha, optimize=True)
            curvature -= part.copies * np.einsum("tubij,ubjk,utbkl,tbli->tu", turned, part.neurons, turned, part.neurons, optimize=True)
            own = np.einsum("bpiqj,sbjk->sbpiqk", Z, part.samples, optimize=True)
            pairs += part.copies * np.einsum("sbpiqk,tbrkui->tspuqr", own, own, optimize=True).reshape(pairs.shape)
            seen = _congruent(Z, self.spread(part, np.outer(inner[s0:], inner[s0:])))
            noise += np.einsum("bpiqj,sbij->spq", seen, part.samples, optimize=True)
        bent = np.einsum("tij,jk->tik", slopes, state.Y0)
        curvature -= np.einsum("tij,uji->tu", bent, bent, optimize=True)
        mixed += np.stack([self.form(state.left0 @ slope @ state.left0.T) for slope in slopes])
        size = np.einsum("i,tij,j->t", inner, slopes, inner)

        response = np.linalg.solve(curvature, mixed)
        mean_error = law.label_variance + (law.label - value) ** 2 - (self.taken @ fitted) ** 2 + size @ response
        mean_error = mean_error + (self.squares * noise.reshape(self.sources, -1)[law.source]).sum(1)
        positive = law.weights > 0
        leave = np.where(positive, w**2 / np.where(positive, law.weights, 1.0), 0.0) / self.n

        def received(error: Array) -> Array:
            """What leave-one-out errors on the samples add to the error at every node."""
            weighted = leave * error
            finite = state.Z0 @ self.moment(weighted) @ state.Z0
            sums = self.by_source(weighted[:, None] * self.squares)
            diffuse = np.einsum("tsxy,sy->tx", pairs, sums)
            found = self.form(finite) + (self.squares * diffuse[law.source]).sum(1)
            return np.asarray(found + (mixed @ weighted) @ response)

        count = len(w)
        operator = scipy.sparse.linalg.LinearOperator((count, count), matvec=lambda r: r - received(r), dtype=float)
        error, failed = scipy.sparse.linalg.gmres(operator, mean_error, rtol=_SOLVED, atol=0.0, restart=60, maxiter=4)
        if failed or error.min() < 0:
            raise HypothesisError("the leave-one-out errors have a solution", "an error that diverges", "raise the ridge")
        directions = sum(part.copies * part.samples.shape[1] * part.samples.shape[2] for part in law.subspaces)
        lengths = np.sum([part.copies * np.einsum("sbii->s", part.neurons) for part in law.subspaces], axis=0) / directions
        gain = float((kappa * lengths) @ (law.alpha @ law.beta.T) ** 2 @ (w * law.scale))
        return TypedErrors(error, mean_error, float(law.weights.sum() - w.sum()), gain, residual)


def _congruent(X: Array, inner: Array) -> Array:
    """X M Xᵀ and Xᵀ M X agree for symmetric X; L, which is not, stands on the left transposed: LᵀML."""
    B, P, p = X.shape[:3]
    flat, middle = X.reshape(B, P * p, P * p), inner.reshape(B, P * p, P * p)
    return np.asarray((flat.transpose(0, 2, 1) @ middle @ flat).reshape(inner.shape))
