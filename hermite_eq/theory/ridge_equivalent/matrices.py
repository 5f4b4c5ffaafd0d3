r"""Ridge regression on random features of samples from several sources, each with a covariance matrix of its own.

The engine of :mod:`hermite_eq.theory.ridge_equivalent.scalar` with matrices in place of a spectrum: given θ the features and the label are

.. math:: \phi=\sum_j\psi_j(\theta)q_j+\sum_\kappa c_\kappa(\theta)F_\kappa^\top\hat h_\kappa+c_*(\theta)z,\qquad
    \mathbb E[y|\theta]=y_0,\quad\mathbb E[y^2|\theta]=y_2,\quad\mathbb E[\hat h_\kappa y|\theta]=m_\kappa(\theta)M_{\kappa,s},

with :math:`\mathbb E[\hat h_\kappa\hat h_\kappa^\top|\theta]=u_\kappa(\theta)r_{\kappa,s}/D`, s = s(θ) the source. The κ of degree 1
are parts of h whose energies :math:`u_\kappa` differ from sample to sample; those of degree 2 are quadratic functions of h whose
eigenvalues are as large as those of h, if any. The directions :math:`q_j` are the constant and, for each source and each part of h, the
mean of degree 2, :math:`\frac12(f_i^\top C_{\kappa,s}f_i-\operatorname{tr}C_{\kappa,s})` on neuron i, with Gram matrix
:math:`1\oplus\frac12\operatorname{tr}C_{\kappa,s}C_{\kappa,s'}`. Derivations: ``derivations/heads/given_covariances.py`` and
``derivations/heads/context_types.py``.

h may have a mean, :math:`\mathbb E[\hat h_\kappa|\theta]=e_\kappa(\theta)\,\mathbb E_sh_\kappa`; r is then the second moment, and the
constant and the means of degree 2 are correlated with h:

.. math:: v=\tilde R(V-B^\top a),\quad V=\mathbb E[c\,m\,\omega]M,\quad B=\mathbb E[\psi\,c\,e\,\omega\,\mathbb E_sh^\top],

for the coefficients v of h and a of the finite block, derived in ``derivations/heads/given_means.py``.
"""

from __future__ import annotations

import itertools
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.memory import available_memory
from hermite_eq.theory.ridge_equivalent.iteration import PositiveIteration
from hermite_eq.theory.ridge_equivalent.scalar import FeatureSamples, FixedPoint, Guess, effective_ridge
from hermite_eq.theory.spectra.blocks import Block, memory

Array = NDArray[np.float64]

_ROUNDS = 500


@dataclass(frozen=True)
class SourceNodes:
    r"""The law of (features, label) given θ, with the source of every node.

    Attributes
    ----------
    samples : FeatureSamples
        Arrays of shape (N,).
    source : (N,) array of int
        Index of the source in the blocks.
    energies, signals, centers : (K, N) arrays
        :math:`u_\kappa`, :math:`m_\kappa` and :math:`e_\kappa` of each kind κ of degree 1.
    """

    samples: FeatureSamples
    source: NDArray[np.int64]
    energies: Array
    signals: Array
    centers: Array

    def power(self, key: tuple[int, int]) -> Array:
        r""":math:`c_\kappa^2u_\kappa`, what multiplies the second moments of blocks of that degree and kind."""
        degree, kind = key
        return np.asarray(self.samples.c1**2 * self.energies[kind] if degree == 1 else self.samples.c2**2)

    def aligned(self, key: tuple[int, int]) -> Array:
        r""":math:`c_\kappa m_\kappa`, what multiplies the signals."""
        degree, kind = key
        return np.asarray(self.samples.c1 * self.signals[kind] if degree == 1 else self.samples.c2)

    def by_source(self, values: Array, count: int) -> Array:
        """Sums of ``values`` over the nodes of each of ``count`` sources, in the last axis."""
        return np.asarray(values @ (self.source[:, None] == np.arange(count)))

    def means(self, count: int) -> Array:
        """ψ: the constant, then the means of degree 2 of each kind and source; shape (1 + K count, N)."""
        own = self.source == np.arange(count)[:, None]
        return np.vstack([self.samples.c0, *(self.samples.c2 * energy * own for energy in self.energies)])


def _within_range(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Eigenvalues, zero where they are rounding: outside the range of the training covariance nothing is learnt, and rounding must look
    neither like signal nor like variance."""
    inside = values > values.shape[-1] * np.finfo(float).eps * values.max(axis=-1, keepdims=True)
    return np.where(inside, values, 0.0), inside


@dataclass(frozen=True, eq=False)
class Eigenblock:
    """A block in the eigenbasis of the effective covariance.

    Attributes
    ----------
    block : Block
    values : (p,) array
        Eigenvalues of Σ_s weights_s r_s, zero where they are rounding.
    basis : (p, p) array or None
        None where every r_s is diagonal.
    diagonals : (S, p) array
        Diagonal entries of every r_s in the basis.
    rotated : (S, p, p) array
        Every r_s in the basis; none where the diagonals suffice: with one training source, whose matrix is diagonal, or without a basis.
    inside : (p,) array of bool
        The range of the training covariance.
    """

    block: Block
    values: Array
    basis: Array | None
    diagonals: Array
    rotated: Array
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, block: Block, weights: Array) -> list[Eigenblock]:
        """Diagonalise mixtures of the training sources, one for each row of ``weights``, shape (P, trained)."""
        trained, own = weights.shape[1], block.diagonals
        bases: Iterable[Array | None] = itertools.repeat(None, len(weights))
        rotated = np.zeros((len(weights), 0, block.matrices.shape[1], block.matrices.shape[1]))
        if own is not None:
            values, inside = _within_range(weights @ own[:trained])
            diagonals = np.repeat(own[None], len(weights), axis=0)
            diagonals[:, :trained] *= inside[:, None]
        else:
            values, basis = np.linalg.eigh(np.tensordot(weights, block.matrices[:trained], 1))
            (values, inside), bases = _within_range(values), basis
            if trained > 1:
                rotated = basis.swapaxes(1, 2)[:, None] @ block.matrices @ basis[:, None]
                rotated[:, :trained] *= inside[:, None, :, None] * inside[:, None, None, :]
                diagonals = np.einsum("nsii->nsi", rotated)
            else:
                first = np.divide(values, weights, out=np.zeros_like(values), where=weights > 0)
                others = [(basis * (matrix @ basis)).sum(1) for matrix in block.matrices[1:]]
                diagonals = np.stack([first, *others], axis=1)
            diagonals = np.maximum(diagonals, 0.0)
        return [cls(block, *parts) for parts in zip(values, bases, diagonals, rotated, inside, strict=True)]

    @cached_property
    def signals(self) -> Array:
        """M_s in the basis, shape (S, p, q)."""
        return self._turned(self.block.signals)

    @cached_property
    def means(self) -> Array | None:
        """E_s[h] in the basis, where it is not zero."""
        return None if self.block.means is None else self._turned(self.block.means)

    def _turned(self, vectors: Array) -> Array:
        """Vectors of shape (S, p, q) in the basis, without what lies outside the range of the training covariance."""
        return np.where(self.inside[:, None], vectors if self.basis is None else self.basis.T @ vectors, 0.0)

    def resolvent(self, k: Any) -> Array:
        """R̃ = (Σ_s weights_s r_s + k)⁻¹ by its diagonal, shape (…, p) for k of shape (…)."""
        return np.asarray(1 / (self.values + np.asarray(k)[..., None]))

    def lost(self, k: Any, resolvent: Array) -> Any:
        """q Σ(1 − λ²/(λ+k)²) over the range of the training covariance, without cancellation where k is small."""
        return self.block.copies * (k * resolvent * (1 + self.values * resolvent))[self.inside].sum()

    def traces(self, sources: int, resolvent: Array) -> Array:
        """q tr(r_s R̃) of the first ``sources``."""
        return np.asarray(self.block.copies * (self.diagonals[:sources] @ resolvent))

    def square(self, s: int, resolvent: Array) -> Any:
        """q tr(r_s R̃²)."""
        return self.block.copies * (self.diagonals[s] @ resolvent**2)

    def pairs(self, trained: int, resolvent: Array) -> Array:
        """q tr(r_a R̃ r_b R̃) of every source with each of the first ``trained``."""
        if len(self.rotated):
            inner = (self.rotated * np.outer(resolvent, resolvent)).reshape(len(self.rotated), -1)
            return np.asarray(self.block.copies * inner @ self.rotated[:trained].reshape(trained, -1).T)
        return np.asarray(self.block.copies * (self.diagonals * resolvent**2) @ self.diagonals[:trained].T)

    def apply(self, resolvent: Array, vectors: Array) -> Array:
        """R̃ times vectors of shape (…, p, q)."""
        return np.asarray(resolvent[:, None] * vectors)

    def quadratic(self, s: int, vector: Array) -> Any:
        """vᵀ r_s v summed over the copies, v of shape (p, q) in the basis."""
        if len(self.rotated):
            return (vector * (self.rotated[s] @ vector)).sum()
        if s == 0 or self.basis is None:
            return self.diagonals[s] @ (vector**2).sum(1)
        original = self.basis @ vector
        return (original * (self.block.matrices[s] @ original)).sum()


@dataclass(frozen=True, eq=False)
class ExplicitEngine:
    """Everything the errors depend on but n, m and the ridge.

    Attributes
    ----------
    blocks : sequence of Block
        In units where the total trace of each source in degree 1 is D. The first ``trained`` matrices belong to training sources, the
        others to test sources.
    trained : int
    nodes : SourceNodes
        Of training.
    dimension : float
        D.
    free_constant : bool
        A constant without penalty: the intercept of a linear head.
    """

    blocks: Sequence[Block]
    trained: int
    nodes: SourceNodes
    dimension: float
    free_constant: bool = False

    @cached_property
    def keys(self) -> tuple[tuple[int, int], ...]:
        """The degrees and kinds there are."""
        return tuple(sorted({block.key for block in self.blocks}))

    def row(self, block: Block) -> int:
        """The row of a block in :meth:`weights`."""
        return self.keys.index(block.key)

    @cached_property
    def gram(self) -> Array:
        """½ tr C_sC_s' over all kinds and sources, from the blocks of degree 1."""
        kinds, sources = len(self.nodes.energies), len(self.blocks[0].matrices)
        found = np.zeros((kinds, sources, kinds, sources))
        for block in self.blocks:
            if block.degree == 1:
                found[block.kind, :, block.kind] += block.copies * np.einsum("spq,tpq->st", block.matrices, block.matrices, optimize=True)
        return found.reshape(kinds * sources, kinds * sources) / (2 * self.dimension**2)

    def weights(self, omega: Array) -> Array:
        """Σ p c_κ² u_κ ω over the nodes of each source, one row for each κ: the weights of the sources in the effective covariance."""
        p = self.nodes.samples.weights
        return np.array([self.nodes.by_source(p * self.nodes.power(key) * omega, self.trained) for key in self.keys])

    def decompose(self, weights: Array) -> list[tuple[Eigenblock, ...]]:
        """Eigenblocks of the effective covariance, for each of several :meth:`weights`."""
        return list(zip(*(Eigenblock.of(block, weights[:, self.row(block)]) for block in self.blocks), strict=True))

    @cached_property
    def shape(self) -> Hashable:
        """What engines have in common that are solved in step."""
        sizes = {key: sum(block.matrices.shape[1] for block in self.blocks if block.key == key) for key in self.keys}
        return self.trained, self.nodes.source.size, len(self.blocks[0].matrices), tuple(sizes.items())

    @property
    def memory(self) -> int:
        """Bytes of a solution."""
        return memory(len(self.blocks[0].matrices), [block.matrices.shape[1] for block in self.blocks])

    @cached_property
    def start(self) -> Array:
        """The weights at an ω that is the same for all samples."""
        samples = self.nodes.samples
        return self.weights(np.full(samples.weights.shape, 1 / (samples.weights * samples.c1**2).sum()))

    @property
    def steady(self) -> bool:
        r"""Whether :math:`\mathbb E[c_1^2\omega]=1` fixes the effective covariance, as with one source and one scale."""
        return self.nodes.samples.weights.size == 1 or (self.trained == 1 and len(self.keys) == 1)

    def errors(
        self, point: FixedPoint, eigenblocks: Sequence[Eigenblock], tau: float, mu: float, tests: Sequence[SourceNodes]
    ) -> list[tuple[Any, Any]]:
        """(error, error of the mean predictor) of the training mixture, then of each of ``tests``: analytic in all that it is given."""
        D, k, omega = self.dimension, point.k, point.omega
        samples, source = self.nodes.samples, self.nodes.source
        leave = samples.weights * omega
        both = [(each, each.resolvent(k)) for each in eigenblocks]
        of = {key: [(each, r) for each, r in both if each.block.key == key] for key in self.keys}
        gram, count = self.gram, len(self.blocks[0].matrices)
        everyone = range(count)

        # V = E[c m ω]M: what h and label have in common.
        shared = {key: self.nodes.by_source(leave * self.nodes.aligned(key), count) for key in self.keys}
        common = [np.tensordot(shared[each.block.key], each.signals, 1) for each, _ in both]

        # The finite block: α₀ of the constant, and t, the weighted residuals along the means of degree 2, whose coefficients are DΓt/k.
        psi = self.nodes.means(count)
        P, b = (psi * leave) @ psi.T, (psi * leave) @ samples.mean
        # Where h has a mean, B = Σ E[ψ c e ω]E_s[h]ᵀ couples the two: elimination of h's coefficients leaves P − BR̃Bᵀ and b − BR̃V.
        coupled: list[Array | None] = []
        for (each, r), V in zip(both, common, strict=True):
            B = None
            if each.means is not None:
                along = self.nodes.by_source(psi * leave * samples.c1 * self.nodes.centers[each.block.kind], count)
                B = np.tensordot(along, each.means, 1)
                applied = each.apply(r, B)
                P = P - np.einsum("jpq,lpq->jl", B, applied, optimize=True)
                b = b - np.einsum("jpq,pq->j", applied, V, optimize=True)
            coupled.append(B)
        system = np.eye(len(gram) + 1, dtype=P.dtype)
        system[:, 1:] += P[:, 1:] @ gram * (D / k)
        system[:, 0] = P[:, 0]
        system[0, 0] += 0.0 if self.free_constant else k / D
        scale = np.abs(system).max(axis=1)
        rest = np.linalg.solve(system / scale[:, None], b / scale)
        coefficients = np.concatenate([rest[:1], gram @ rest[1:] * (D / k)])
        penalty = (0.0 if self.free_constant else rest[0] ** 2 / D) + rest[1:] @ coefficients[1:] / k

        # R̃(V − Bᵀ coefficients), and the size of the weights.
        fitted = [
            each.apply(r, V if B is None else V - np.tensordot(coefficients, B, 1))
            for (each, r), V, B in zip(both, common, coupled, strict=True)
        ]
        norm = sum((v**2).sum() for v in fitted) + penalty

        # m − df₂ = (m − D') + Σ(1 − λ²/(λ+k)²), D' the rank of the training covariances: no cancellation where they are nearly equal.
        directions = sum(each.block.copies * int(each.inside.sum()) for each in eigenblocks) / D
        lost = sum(each.lost(k, r) / D for each, r in both)
        gain = 1 / (mu - directions + lost)

        second = {key: np.array([sum(each.square(s, r) for each, r in of[key]) / D for s in everyone]) for key in self.keys}
        pairs = {
            key: np.sum([each.pairs(self.trained, r) for each, r in of[key]], axis=0) / D
            for key in self.keys
        }
        cross, through = {}, {}
        for key in self.keys:
            own = [(each, v) for each, v in zip(eigenblocks, fitted, strict=True) if each.block.key == key]
            cross[key] = np.array([sum((each.signals[s] * v).sum() for each, v in own) for s in everyone])
            through[key] = np.array([sum(each.quadratic(s, v) for each, v in own) for s in everyone])
            through[key] = through[key] + k**2 * gain * norm * second[key]

        # E_s[h]ᵀ of the fit.
        offset: dict[int, Any] = {}
        for each, v in zip(eigenblocks, fitted, strict=True):
            if each.means is not None:
                offset[each.block.kind] = offset.get(each.block.kind, 0.0) + np.einsum("spq,pq->s", each.means, v)

        def bias(nodes: SourceNodes) -> Array:
            law, at = nodes.samples, nodes.source
            value = coefficients @ nodes.means(count)
            error = law.square - 2 * law.mean * value + value**2 + law.residual2 * gain * norm
            for kind, moved in offset.items():
                error = error + 2 * value * law.c1 * nodes.centers[kind] * moved[at]
            for key in self.keys:
                error = error - 2 * nodes.aligned(key) * cross[key][at] + nodes.power(key) * through[key][at]
            return np.asarray(error)

        weight = samples.weights * omega**2 / tau
        spread = sum(self.nodes.power(key) * second[key][source] for key in self.keys)
        noise = gain * (k**2 * spread + samples.residual2)
        rows = [
            weight * (self.nodes.power(key) * pairs[key][t][source] + second[key][t] * noise)
            for key in self.keys
            for t in everyone
        ]
        rows.append(weight * gain * (spread + samples.residual2 / k**2))
        response = np.array(rows)

        def held(nodes: SourceNodes) -> Array:
            by_source = [nodes.power(key) * (nodes.source == t) for key in self.keys for t in everyone]
            return np.array([*by_source, nodes.samples.residual2])

        # The rows are the derivatives of the traces g_κs = tr r_s R̃/D and of 1/k in the load. In units of these, which differ by all
        # powers of k, no row sum of the response is above 1, for the load is a multiple of them.
        unit = np.hstack([*(sum(each.traces(count, r) / D for each, r in of[key]) for key in self.keys), 1 / k])
        unit = np.where(unit == 0, 1.0, unit)
        matrix = np.eye(len(rows)) - response @ held(self.nodes).T * (unit / unit[:, None])
        laws = (self.nodes, *tests)
        means = [nodes.samples.weights @ bias(nodes) for nodes in laws]
        if bool(point.interpolates) or np.linalg.det(matrix).real <= 0:
            return [(np.inf, mean) for mean in means]
        u = unit * np.linalg.solve(matrix, response @ bias(self.nodes) / unit)
        return [(mean + nodes.samples.weights @ (u @ held(nodes)), mean) for nodes, mean in zip(laws, means, strict=True)]


def loads(residual2: Array, parts: Iterable[tuple[Array, NDArray[Any]]], k: Any) -> NDArray[Any]:
    r""":math:`w(\theta)=\sum_\kappa c_\kappa^2u_\kappa\frac1D\operatorname{tr}r_{\kappa,s}\tilde R+c_*^2/k` at nodes along the last axis,
    from :math:`c_\kappa^2u_\kappa` and the traces over D for every block, or for all of one κ."""
    return np.asarray(sum((power * trace for power, trace in parts), residual2 / k))


def solve_together(
    engines: Sequence[ExplicitEngine], tau: Array, mu: Array, ridge: Array
) -> Iterator[tuple[int, FixedPoint, Sequence[Eigenblock]]]:
    """The number, fixed point and eigenblocks of each engine at its τ, μ and λ: those of one shape in step, as many as memory holds."""
    alike: dict[Hashable, list[int]] = {}
    for i, engine in enumerate(engines):
        alike.setdefault(engine.shape, []).append(i)
    for numbers in alike.values():
        together = max(1, int(available_memory() / 2 / engines[numbers[0]].memory))
        for start in range(0, len(numbers), together):
            part = numbers[start : start + together]
            yield from _in_step({i: engines[i] for i in part}, tau[part], mu[part], ridge[part])


def _in_step(
    engines: Mapping[int, ExplicitEngine], tau: Array, mu: Array, ridge: Array
) -> Iterator[tuple[int, FixedPoint, Sequence[Eigenblock]]]:
    """Number, fixed point and eigenblocks of engines of one shape.

    Where the effective covariance is known, one decomposition serves every point of an engine. Otherwise it weighs the sources as the fit
    weighs them, by ω, which depends on it: Anderson's extrapolation of the plain iteration in the logarithms of the weights.
    """
    if all(engine.steady for engine in engines.values()):
        decomposed = {engine: engine.decompose(engine.start[None])[0] for engine in set(engines.values())}
        eigenblocks_of = [decomposed[engine] for engine in engines.values()]
        points = _inner(list(engines.values()), eigenblocks_of, tau, mu, ridge)
        yield from ((i, _row(points, row), eigenblocks) for row, (i, eigenblocks) in enumerate(zip(engines, eigenblocks_of, strict=True)))
        return
    rounds = {i: PositiveIteration(engine.start, engine.trained + 1) for i, engine in engines.items()}
    open_, guess = list(range(tau.size)), None
    numbers = list(engines)
    for _ in range(_ROUNDS):
        moving = [numbers[row] for row in open_]
        eigenblocks_of = [
            each for engine, own in itertools.groupby(moving, engines.__getitem__)
            for each in engine.decompose(np.array([rounds[i].values for i in own]))
        ]  # fmt: skip
        points = _inner([engines[i] for i in moving], eigenblocks_of, tau[open_], mu[open_], ridge[open_], guess)
        settled = [rounds[i].settled(engines[i].weights(omega)) for i, omega in zip(moving, points.omega, strict=True)]
        yield from ((moving[row], _row(points, row), eigenblocks_of[row]) for row, at_rest in enumerate(settled) if at_rest)
        changes = np.array([rounds[i].residual for i in moving])
        guess = points.k[np.logical_not(settled)], changes[np.logical_not(settled)]
        open_ = [row for row, at_rest in zip(open_, settled, strict=True) if not at_rest]
        if not open_:
            return
    raise HypothesisError(
        "the sources' weights in the fit settle", f"no agreement after {_ROUNDS} rounds", "raise the ridge, or move n away from m"
    )


def _inner(
    engines: Sequence[ExplicitEngine], eigenblocks: Sequence[Sequence[Eigenblock]], tau: Array, mu: Array, ridge: Array,
    guess: Guess | None = None,
) -> FixedPoint:
    """The fixed points at given weights."""
    samples = FeatureSamples(*(np.array(x) for x in zip(*(vars(e.nodes.samples).values() for e in engines), strict=True)))
    at = np.arange(len(engines))[:, None], np.array([engine.nodes.source for engine in engines])
    parts = []
    for key in engines[0].keys:
        rows = [[each for each in some if each.block.key == key] for some in eigenblocks]
        values = np.array([np.concatenate([each.values for each in row]) for row in rows])
        diagonals = np.array([
            np.hstack([each.block.copies * each.diagonals[: engine.trained] for each in row]) / engine.dimension
            for engine, row in zip(engines, rows, strict=True)
        ])  # fmt: skip
        parts.append((np.array([engine.nodes.power(key) for engine in engines]), values, diagonals))

    def load(k: Array) -> Array:
        traces = ((power, (diagonals @ (1 / (values + k[:, None]))[..., None])[..., 0]) for power, values, diagonals in parts)
        return loads(samples.residual2, ((power, trace[at]) for power, trace in traces), k[:, None])

    return effective_ridge(load, samples, tau, mu, ridge, guess)


def _row(point: FixedPoint, i: int) -> FixedPoint:
    return FixedPoint(*(getattr(point, f.name)[i] for f in fields(FixedPoint)))
