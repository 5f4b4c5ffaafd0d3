r"""Ridge regression on features whose rows and columns both have types: the deterministic equivalent.

Sample θ and neuron s have the feature

.. math:: \phi=\psi(s)^\top\chi(\theta)+\sum_{c,p}\alpha_{cp}(s)\beta_{cp}(\theta)\,f_c^\top h_c+a_*(s,\theta)z,\qquad
    f_c\sim\mathcal N(0,R_{cs}),\quad h_c=\textstyle\sum_kt_k(\theta)e_k+h_0,\quad h_0\sim\mathcal N(0,C_\theta),\quad
    C_\theta=\textstyle\bigoplus_j\nu_{j\theta}C_j,

in channels c (the entries of h, and quadratic functions of them), with :math:`C_j` one matrix for each source and kind j of subspace. Put
:math:`A=\sum_\theta w_\theta\beta\beta^\top\otimes C_\theta`, :math:`K=\sum_s\kappa_s\alpha\alpha^\top\otimes R_s` in every channel,
:math:`E=I\otimes(e_1\dots e_q)`, :math:`Z=(K^{-1}+A)^{-1}`, and for the finite block :math:`\zeta=(\chi,\beta\otimes t)`,
:math:`A_0=\sum_\theta w_\theta\zeta\zeta^\top`,
:math:`K_0=\sum_s\kappa_s\psi\psi^\top\oplus E^\top ZE`. The weights w of the samples and κ of the neurons make

.. math:: \Omega=\lambda\sum_s\kappa_s+\sum_{s,\theta}\kappa_sa_*^2w_\theta+\sum_c\log\det(1+AK)+\log\det(1+A_0K_0)
    +n\sum_\theta(w_\theta-p_\theta\log w_\theta)-m\sum_sp_s\log\kappa_s

stationary: :math:`w_\theta=p_\theta/(1+\delta_\theta)`, :math:`\kappa_s=mp_s/G_s`. All errors are first and second derivatives of Ω
(``derivations/heads/spiked_features.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.roots import PositiveIteration

Array = NDArray[np.float64]

#: Rounds of the fixed point, and how many steps are extrapolated.
_ROUNDS, _MEMORY = 400, 7
#: Nodes whose products of coordinates are held at a time.
_NODES = 1024
#: Relative residual of the leave-one-out errors.
_SOLVED = 1e-8


@dataclass(frozen=True, eq=False)
class Subspace:
    r"""Invariant subspaces of all :math:`C_\theta` and :math:`R_s`: B of them, of dimension p, each occurring ``copies`` times.

    Attributes
    ----------
    samples : (sources, B, p, p) array
        :math:`C_j` of each source.
    neurons : (S, B, p, p) array
        :math:`R_s`.
    directions : (q, q, B, p, p) array
        :math:`\sum e_ke_l^\top` over the copies.
    copies : int
    kind : int
        j, whose row of ``scale`` multiplies the samples' covariance.
    """

    samples: Array
    neurons: Array
    directions: Array
    copies: int
    kind: int = 0


@dataclass(frozen=True, eq=False)
class Channel:
    r"""What features say of one vector h; N nodes of samples, S of neurons.

    Attributes
    ----------
    alpha, beta : arrays of shape (S, P), (N, P)
    scale : (kinds, N) array
        ν.
    coordinates : (N, q) array
        t.
    taken : (N, q) array
        τ: where a coordinate is a linear function of the diffuse part, as ⟨N, h⟩ is, :math:`C_\theta` contains its variance, and
        :math:`C_\theta-(\sum\tau_ke_k)(\sum\tau_ke_k)^\top` is what is left given it.
    subspaces : sequence of Subspace
    """

    alpha: Array
    beta: Array
    scale: Array
    coordinates: Array
    explained: Array
    subspaces: Sequence[Subspace]


@dataclass(frozen=True, eq=False)
class TypedFeatures:
    r"""The law of features and labels; N nodes of samples, S of neurons.

    Attributes
    ----------
    weights : (N,) array
        p_θ, summing to 1.
    source : (N,) array of int
    label, label_variance : (N,) array
        The mean of y at the node and what varies about it.
    shares : (S,) array
        p_s, summing to 1.
    psi, chi : arrays of shape (S, ·), (N, ·)
    channels : sequence of Channel
        The first has the entries of h.
    residual2 : (S, N) array
        a_*².
    square : (N,) array
        The mean square of a feature at each node of the samples.
    """

    weights: Array
    source: NDArray[np.int64]
    label: Array
    label_variance: Array
    shares: Array
    psi: Array
    chi: Array
    channels: Sequence[Channel]
    residual2: Array
    square: Array


@dataclass(frozen=True, eq=False)
class TypedErrors:
    r"""At every node: squared error, and that of the mean predictor.

    Attributes
    ----------
    error, mean_error : (N,) array
    dof : float
        Degrees of freedom per sample.
    gain : float
        :math:`\sum_{s,\theta}\kappa_sw_\theta\sum_j\nu_{j\theta}(\alpha\cdot\beta)^2\operatorname{tr}R_s/D`, the gain of the part linear in
        h.
    residual : float
        Of the fixed point.
    """

    error: Array
    mean_error: Array
    dof: float
    gain: float
    residual: float


class _Forms:
    """Quadratic forms of one channel over the nodes; its part of the finite block begins at ``start``."""

    def __init__(self, channel: Channel, rows: list[NDArray[np.int64]], start: int) -> None:
        self.channel, self.rows = channel, rows
        self.P, self.q = channel.beta.shape[1], channel.coordinates.shape[1]
        self.block = slice(start, start + self.P * self.q)
        self.squares = _outer(channel.beta).reshape(len(channel.beta), -1)
        self.outer = _outer(channel.alpha)

    def finite(self, values: Array) -> Array:
        """β ⊗ t for values t of shape (N, q)."""
        return np.asarray((self.channel.beta[:, :, None] * values[:, None, :]).reshape(len(values), -1))

    def by_kind(self, values: Array) -> Array:
        r""":math:`\sum_\theta v_\theta\nu_{j\theta}\beta\beta^\top` over the nodes of each source, shape (sources, kinds, P, P)."""
        per_kind = np.stack([(values[rows] * self.channel.scale[:, rows]) @ self.squares[rows] for rows in self.rows])
        return np.asarray(per_kind.reshape(*per_kind.shape[:2], self.P, self.P))

    def at_nodes(self, forms: Array) -> Array:
        r""":math:`\sum_j\nu_{j\theta}\beta^\top H_{sj}\beta` at every node, for H of shape (sources, kinds, P, P)."""
        values = np.empty(len(self.squares))
        for rows, form in zip(self.rows, forms, strict=True):
            values[rows] = (self.channel.scale[:, rows] * (form.reshape(len(form), -1) @ self.squares[rows].T)).sum(0)
        return values

    def spread(self, part: Subspace, block: Array) -> Array:
        """E X Eᵀ on a subspace, X on the finite block."""
        own = block[self.block, self.block].reshape(self.P, self.q, self.P, self.q).transpose(1, 3, 0, 2)
        return _products(own.reshape(-1, self.P, self.P), part.directions.reshape(-1, *part.directions.shape[2:]))


#: Z = (K⁻¹ + A)⁻¹, Y = (A⁻¹ + K)⁻¹ and L = (1 + KA)⁻¹ on a subspace.
_Triple = tuple[Array, Array, Array]


@dataclass(frozen=True, eq=False)
class _State:
    """What first derivatives need, at given w and κ; for every channel and subspace Z, Y and L."""

    K0: Array
    left0: Array
    Z0: Array
    Y0: Array
    inside: tuple[tuple[_Triple, ...], ...]


class TypedRidge:
    """Ridge regression with λ per sample ``ridge`` on ``samples`` samples and ``hidden`` features."""

    def __init__(self, law: TypedFeatures, samples: int, hidden: int, ridge: float) -> None:
        self.law, self.n, self.m, self.ridge = law, samples, hidden, ridge
        self.split = law.chi.shape[1]
        self.sources = len(law.channels[0].subspaces[0].samples)
        self.rows = [np.flatnonzero(law.source == s) for s in range(self.sources)]
        self.forms: list[_Forms] = []
        start = self.split
        for channel in law.channels:
            self.forms.append(_Forms(channel, self.rows, start))
            start = self.forms[-1].block.stop
        self.zeta = np.concatenate([law.chi, *(forms.finite(forms.channel.coordinates) for forms in self.forms)], axis=1)
        explained = np.concatenate([np.zeros_like(law.chi), *(forms.finite(forms.channel.explained) for forms in self.forms)], axis=1)
        #: Where something is taken at all, and how much there.
        self.columns = np.flatnonzero(explained.any(axis=0))
        self.explained = np.ascontiguousarray(explained[:, self.columns])

    def state(self, kappa: Array, w: Array) -> _State:
        law = self.law
        K0 = np.zeros((self.zeta.shape[1],) * 2)
        K0[: self.split, : self.split] = (law.psi * kappa[:, None]).T @ law.psi
        inside = []
        for forms in self.forms:
            P, W = forms.P, forms.by_kind(w)
            triples: list[_Triple] = []
            for part in forms.channel.subspaces:
                B, p = part.samples.shape[1:3]
                A = _products(W[:, part.kind], part.samples).reshape(B, P * p, P * p)
                K = _products(kappa[:, None, None] * forms.outer, part.neurons).reshape(B, P * p, P * p)
                L: Array = np.asarray(np.linalg.inv(np.eye(P * p) + K @ A), float)
                Z, Y, L = (x.reshape(B, P, p, P, p) for x in (L @ K, A @ L, L))
                triples.append((Z, Y, L))
                own = _traces(Z, part.directions.reshape(-1, *part.directions.shape[2:])).reshape(forms.q, forms.q, P, P)
                K0[forms.block, forms.block] += own.transpose(2, 0, 3, 1).reshape(P * forms.q, P * forms.q)
            inside.append(tuple(triples))
        A0: Array = self.moment(w)
        left0: Array = np.asarray(np.linalg.inv(np.eye(len(K0)) + K0 @ A0), float)
        return _State(K0, left0, left0 @ K0, A0 @ left0, tuple(inside))

    def moment(self, w: Array) -> Array:
        """Σ w of the second moments of the finite block."""
        second = (self.zeta * w[:, None]).T @ self.zeta
        second[np.ix_(self.columns, self.columns)] -= (self.explained * w[:, None]).T @ self.explained
        return np.asarray(second)

    def form(self, matrix: Array) -> Array:
        """The trace of the second moment at every node with ``matrix``."""
        own = matrix[np.ix_(self.columns, self.columns)]
        return np.asarray(((self.zeta @ matrix) * self.zeta).sum(1) - ((self.explained @ own) * self.explained).sum(1))

    def several_forms(self, matrices: Array) -> Array:
        """:meth:`form` of many symmetric matrices, shape (number, N): products of two coordinates, a block of nodes at a time."""
        forms = np.zeros((len(matrices), len(self.zeta)))
        parts = [(self.zeta, matrices, 1.0), (self.explained, matrices[:, self.columns][:, :, self.columns], -1.0)]
        for values, part, sign in parts:
            i, j = np.triu_indices(values.shape[1])
            flat = sign * np.where(i == j, 1.0, 2.0) * part[:, i, j]
            for start in range(0, len(values), _NODES):
                rows = slice(start, start + _NODES)
                forms[:, rows] += flat @ (values[rows][:, i] * values[rows][:, j]).T
        return forms

    def loads(self, state: _State, kappa: Array, w: Array) -> tuple[Array, Array]:
        """G_s and δ_θ: the first derivatives of Ω."""
        law, s0 = self.law, self.split
        G = self.ridge + law.residual2 @ w + ((law.psi @ state.Y0[:s0, :s0]) * law.psi).sum(1)
        delta = kappa @ law.residual2 + self.form(state.Z0)
        for forms, triples in zip(self.forms, state.inside, strict=True):
            H = np.zeros((self.sources, len(forms.channel.scale), forms.P, forms.P))
            for part, (Z, Y, L) in zip(forms.channel.subspaces, triples, strict=True):
                theta = forms.spread(part, state.Y0)
                inner = part.copies * Y + _congruent(L, theta)
                G = G + (forms.outer * _traces(inner, part.neurons)).sum((1, 2))
                H[:, part.kind] += _traces(part.copies * Z - _congruent(Z, theta), part.samples)
            delta = delta + forms.at_nodes(H)
        return G, delta / self.n

    def settle(self) -> tuple[Array, Array, _State, float]:
        """κ, w, the state and the residual of the fixed point."""
        law, S = self.law, len(self.law.shares)
        weights = PositiveIteration(np.ones(S + len(law.weights)), _MEMORY)
        for _ in range(_ROUNDS):
            kappa, w = self.m * law.shares * weights.values[:S], law.weights * weights.values[S:]
            state = self.state(kappa, w)
            G, delta = self.loads(state, kappa, w)
            if weights.settled(1 / np.concatenate([G, 1 + delta])):
                return kappa, w, state, weights.residual
        raise HypothesisError("the weights of samples and neurons settle", f"no agreement after {_ROUNDS} rounds", "raise the ridge")

    def errors(self) -> TypedErrors:
        """The errors at every node."""
        law, s0, S = self.law, self.split, len(self.law.shares)
        kappa, w, state, residual = self.settle()
        zeta = self.zeta
        b = (w * law.label) @ zeta
        fitted, inner = state.Z0 @ b, state.left0.T @ b
        value = zeta @ fitted

        # Second derivatives of the diffuse part: in κκ, κw, ww; and of the size of the mean predictor in κ and w.
        curvature = np.diag(self.m * law.shares / kappa**2)
        mixed = law.residual2.copy()
        slopes = np.zeros((S, *state.K0.shape))
        slopes[:, :s0, :s0] = _outer(law.psi)
        noise, pairs = np.zeros(len(w)), []
        for forms, triples in zip(self.forms, state.inside, strict=True):
            channel, P = forms.channel, forms.P
            shape = len(channel.scale), self.sources, self.sources, P * P, P * P
            between, transported = np.zeros(shape), np.zeros((self.sources, len(channel.scale), P, P))
            for part, (Z, Y, L) in zip(channel.subspaces, triples, strict=True):
                half = np.einsum("bpiqj,tq->tbpij", L, channel.alpha, optimize=True)
                explained_parts = np.einsum("tbpic,tbcd,tbqjd->tbpiqj", half, part.neurons, half, optimize=True)
                slope = np.einsum("tbpiqj,klbij->tpkql", explained_parts, part.directions, optimize=True)
                slopes[:, forms.block, forms.block] += slope.reshape(S, P * forms.q, P * forms.q)
                through = np.einsum("tbpiqj,sbij->tspq", explained_parts, part.samples, optimize=True).reshape(S, self.sources, -1)
                for s, rows in enumerate(self.rows):
                    mixed[:, rows] += part.copies * (through[:, s] @ forms.squares[rows].T) * channel.scale[part.kind, rows]
                turned = np.einsum("tp,bpiqj,uq->tubij", channel.alpha, Y, channel.alpha, optimize=True)
                curvature -= part.copies * np.einsum("tubij,ubjk,utbkl,tbli->tu", turned, part.neurons, turned, part.neurons, optimize=True)
                own = np.einsum("bpiqj,sbjk->sbpiqk", Z, part.samples, optimize=True)
                between[part.kind] += part.copies * np.einsum("sbpiqk,tbrkui->tspuqr", own, own, optimize=True).reshape(shape[1:])
                received = _congruent(Z, forms.spread(part, np.outer(inner, inner)))
                transported[:, part.kind] += _traces(received, part.samples)
            noise += forms.at_nodes(transported)
            pairs.append(between)
        bent = np.einsum("tij,jk->tik", slopes, state.Y0)
        curvature -= np.einsum("tij,uji->tu", bent, bent, optimize=True)
        mixed += self.several_forms(state.left0 @ slopes @ state.left0.T)
        size = np.einsum("i,tij,j->t", inner, slopes, inner)

        response = np.linalg.solve(curvature, mixed)
        mean_error = law.label_variance + (law.label - value) ** 2 - (self.explained @ fitted[self.columns]) ** 2 + size @ response + noise
        positive = law.weights > 0
        leave = np.where(positive, w**2 / np.where(positive, law.weights, 1.0), 0.0) / self.n

        def received_from(error: Array) -> Array:
            """What leave-one-out errors on the samples add to the error at every node."""
            weighted = leave * error
            received = self.form(state.Z0 @ self.moment(weighted) @ state.Z0) + (mixed @ weighted) @ response
            for forms, between in zip(self.forms, pairs, strict=True):
                sums = forms.by_kind(weighted).reshape(self.sources, len(between), -1)
                received = received + forms.at_nodes(np.einsum("jtsxy,sjy->tjx", between, sums, optimize=True))
            return np.asarray(received)

        import scipy.sparse.linalg

        count = len(w)
        operator = scipy.sparse.linalg.LinearOperator((count, count), matvec=lambda r: r - received_from(r), dtype=float)
        error, failed = scipy.sparse.linalg.gmres(operator, mean_error, rtol=_SOLVED, atol=0.0, restart=60, maxiter=4)
        if failed or error.min() < 0:
            raise HypothesisError("the leave-one-out errors have a solution", "an error that diverges", "raise the ridge")
        linear = law.channels[0]
        directions = sum(part.copies * part.samples.shape[1] * part.samples.shape[2] for part in linear.subspaces)
        lengths = np.sum([part.copies * np.einsum("sbii->s", part.neurons) for part in linear.subspaces], axis=0) / directions
        gain = float((kappa * lengths) @ (linear.alpha @ linear.beta.T) ** 2 @ (w * linear.scale.sum(axis=0)))
        # Σ(p − w) as a sum of positive terms.
        dof = float(w @ self.loads(state, kappa, w)[1])
        return TypedErrors(error, mean_error, dof, gain, residual)


def _outer(values: Array) -> Array:
    """x xᵀ for every row x."""
    return np.asarray(values[:, :, None] * values[:, None, :])


def _products(weights: Array, matrices: Array) -> Array:
    """Σ_k w_k ⊗ M_k over matrices w of shape (k, P, P) and M of shape (k, B, p, p), as an array of shape (B, P, p, P, p)."""
    return np.asarray(np.tensordot(weights, matrices, (0, 0)).transpose(2, 0, 3, 1, 4))


def _traces(X: Array, matrices: Array) -> Array:
    """Σ_b over the entries of p × p blocks of X, shape (B, P, p, P, p), times those of every M, shape (k, B, p, p): shape (k, P, P)."""
    return np.asarray(np.tensordot(matrices, X.transpose(0, 2, 4, 1, 3), 3))


def _congruent(X: Array, inner: Array) -> Array:
    """X M Xᵀ and Xᵀ M X agree for symmetric X; L, which is not, stands on the left transposed: LᵀML."""
    B, P, p = X.shape[:3]
    flat, middle = X.reshape(B, P * p, P * p), inner.reshape(B, P * p, P * p)
    return np.asarray((flat.transpose(0, 2, 1) @ middle @ flat).reshape(inner.shape))
