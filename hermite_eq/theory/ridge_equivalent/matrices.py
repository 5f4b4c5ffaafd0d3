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
from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.memory import available_memory
from hermite_eq.theory.ridge_equivalent.eigenblocks import Eigenblock
from hermite_eq.theory.ridge_equivalent.scalar import FeatureSamples, FixedPoint, Guess, effective_ridge
from hermite_eq.theory.roots import PositiveIteration
from hermite_eq.theory.spectra.blocks import Block, memory

Array = NDArray[np.float64]

_ROUNDS = 500
#: Entries of arrays over nodes and unknowns that are held at a time.
_ENTRIES = 2**22


@dataclass(frozen=True)
class SourceNodes:
    r"""The law of (features, label) given θ, with the source of every node: of one engine, or of P along a first axis.

    Attributes
    ----------
    samples : FeatureSamples
        Arrays of shape (…, N).
    source : (…, N) array of int
        Index of the source in the blocks.
    energies, signals, centers : (…, K, N) arrays
        :math:`u_\kappa`, :math:`m_\kappa` and :math:`e_\kappa` of each kind κ of degree 1.
    count : int
        How many sources there are in the blocks.
    """

    samples: FeatureSamples
    source: NDArray[np.int64]
    energies: Array
    signals: Array
    centers: Array
    count: int

    @classmethod
    def stacked(cls, nodes: Sequence[SourceNodes]) -> SourceNodes:
        """The nodes of several engines, equal in number."""
        samples = FeatureSamples(*(np.array(x) for x in zip(*(vars(node.samples).values() for node in nodes), strict=True)))
        rest = {name: np.array([getattr(node, name) for node in nodes]) for name in ("source", "energies", "signals", "centers")}
        return cls(samples, count=nodes[0].count, **rest)

    def power(self, key: tuple[int, int]) -> Array:
        r""":math:`c_\kappa^2u_\kappa`, what multiplies the second moments of blocks of that degree and kind."""
        degree, kind = key
        return np.asarray(self.samples.c1**2 * self.energies[..., kind, :] if degree == 1 else self.samples.c2**2)

    def aligned(self, key: tuple[int, int]) -> Array:
        r""":math:`c_\kappa m_\kappa`, what multiplies the signals."""
        degree, kind = key
        return np.asarray(self.samples.c1 * self.signals[..., kind, :] if degree == 1 else self.samples.c2)

    @cached_property
    def own(self) -> Array:
        """1 where a node is of a source, else 0; shape (…, sources, N)."""
        return np.asarray(self.source[..., None, :] == np.arange(self.count)[:, None], float)

    def by_source(self, values: Array) -> Array:
        """Sums of ``values`` over the nodes of each source, in the last axis."""
        own = self.own.swapaxes(-1, -2)
        return np.asarray(values @ own if values.ndim >= own.ndim else (values[..., None, :] @ own)[..., 0, :])

    def at(self, values: Array) -> Array:
        """What is known of every source, or of the first ones, whose the nodes then are, at the nodes; of shape (P, …, sources)."""
        own = self.own[..., : values.shape[-1], :]
        return np.asarray(values @ own if values.ndim > 2 else (values[:, None] @ own)[:, 0])

    def means(self) -> Array:
        """ψ: the constant, then the means of degree 2 of each kind and source; shape (…, 1 + K sources, N)."""
        curved = (self.samples.c2[..., None, :] * self.energies)[..., :, None, :] * self.own[..., None, :, :]
        return np.concatenate([self.samples.c0[..., None, :], curved.reshape(*self.own.shape[:-2], -1, self.own.shape[-1])], axis=-2)


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
    tests : sequence of SourceNodes
        Of each test source.
    dimension : float
        D.
    free_constant : bool
        A constant without penalty: the intercept of a linear head.
    """

    blocks: Sequence[Block]
    trained: int
    nodes: SourceNodes
    tests: Sequence[SourceNodes]
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
        matrix = np.zeros((kinds, sources, kinds, sources))
        for block in self.blocks:
            if block.degree == 1:
                matrix[block.kind, :, block.kind] += block.copies * np.einsum("spq,tpq->st", block.matrices, block.matrices, optimize=True)
        return matrix.reshape(kinds * sources, kinds * sources) / (2 * self.dimension**2)

    def weights(self, omega: Array) -> Array:
        """Σ p c_κ² u_κ ω over the nodes of each source, one row for each κ: the weights of the sources in the effective covariance."""
        p = self.nodes.samples.weights
        return np.array([self.nodes.by_source(p * self.nodes.power(key) * omega)[: self.trained] for key in self.keys])

    def decompose(self, weights: Array) -> list[Eigenblock]:
        """Eigenblocks of the effective covariance at several :meth:`weights`."""
        return [Eigenblock.of(block, weights[:, self.row(block)]) for block in self.blocks]

    @cached_property
    def shape(self) -> Hashable:
        """What engines have in common that are solved in step."""
        sizes = {key: sum(block.matrices.shape[1] for block in self.blocks if block.key == key) for key in self.keys}
        nodes = tuple(nodes.source.size for nodes in (self.nodes, *self.tests))
        return self.trained, nodes, self.dimension, self.free_constant, len(self.blocks[0].matrices), tuple(sizes.items())

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


@dataclass(frozen=True, eq=False)
class Solved:
    """P engines of one shape and layout at their fixed points.

    Attributes
    ----------
    engines : sequence of ExplicitEngine
    point : FixedPoint
        Arrays of shape (P,), and ω of shape (P, N).
    eigenblocks : sequence of Eigenblock
    tau, mu : (P,) array
    """

    engines: Sequence[ExplicitEngine]
    point: FixedPoint
    eigenblocks: Sequence[Eigenblock]
    tau: Array
    mu: Array

    def part(self, rows: slice) -> Solved:
        """Some of them."""
        numbers = range(len(self.tau))[rows]
        blocks = [Eigenblock.joined([block.row(i) for i in numbers]) for block in self.eigenblocks]
        return Solved(self.engines[rows], _rows(self.point, rows), blocks, self.tau[rows], self.mu[rows])

    def errors(self) -> tuple[Any, Any]:
        """Error, and error of the mean predictor, of the training mixture, then of each test source; shape (P, 1 + tests)."""
        first, many = self.engines[0], len(self.tau)
        entries = first.nodes.source.size * (len(first.keys) * len(first.blocks[0].matrices) + 1)
        together = max(1, _ENTRIES // entries)
        if many <= together:
            return self._errors()
        parts = [self.part(slice(start, start + together))._errors() for start in range(0, many, together)]
        error, mean_error = (np.concatenate(x) for x in zip(*parts, strict=True))
        return error, mean_error

    def _errors(self) -> tuple[Any, Any]:
        """:meth:`errors`, analytic in all that they depend on."""
        engine = self.engines[0]
        D, keys, trained, free = engine.dimension, engine.keys, engine.trained, engine.free_constant
        k, omega, many = self.point.k, self.point.omega, len(self.tau)
        nodes = SourceNodes.stacked([part.nodes for part in self.engines])
        samples = nodes.samples
        leave = samples.weights * omega
        both = [(part, part.resolvent(k)) for part in self.eigenblocks]
        of = {key: [(part, r) for part, r in both if part.key == key] for key in keys}
        gram = np.array([part.gram for part in self.engines])

        def flat(vectors: Array) -> Array:
            """Vectors of shape (P, J, p, q) as (P, J, pq)."""
            return vectors.reshape(many, vectors.shape[1], -1)

        def combined(weights: Array, vectors: Array) -> Array:
            """Σ_j weights_j vectors_j, of shapes (P, I, J) and (P, J, p, q)."""
            return np.asarray((weights @ flat(vectors)).reshape(many, weights.shape[1], *vectors.shape[2:]))

        # V = E[c m ω]M: what h and label have in common.
        shared = {key: nodes.by_source(leave * nodes.aligned(key)) for key in keys}
        common = [part.turned(combined(shared[part.key][:, None], part.signals))[:, 0] for part, _ in both]

        # The finite block: α₀ of the constant, and t, the weighted residuals along the means of degree 2, whose coefficients are DΓt/k.
        psi = nodes.means()
        weighed = psi * leave[:, None]
        P, b = weighed @ psi.swapaxes(1, 2), (weighed @ samples.mean[..., None])[..., 0]
        # Where h has a mean, B = Σ E[ψ c e ω]E_s[h]ᵀ couples the two: elimination of h's coefficients leaves P − BR̃Bᵀ and b − BR̃V.
        coupled: list[Array | None] = []
        for (part, r), V in zip(both, common, strict=True):
            B = None
            if part.means is not None:
                centers = nodes.centers[:, part.key[1]]
                B = combined(nodes.by_source(weighed * (samples.c1 * centers)[:, None]), part.means)
                applied = flat(part.apply(r, B))
                P = P - flat(B) @ applied.swapaxes(1, 2)
                b = b - (applied @ V.reshape(many, -1, 1))[..., 0]
            coupled.append(B)
        scaled = gram * (D / k)[:, None, None]
        system = np.concatenate([P[:, :, :1], P[:, :, 1:] @ scaled], axis=2)
        system[:, 1:, 1:] += np.eye(gram.shape[1])
        system[:, 0, 0] += 0.0 if free else k / D
        scale = np.abs(system).max(axis=2)
        rest = np.linalg.solve(system / scale[..., None], (b / scale)[..., None])[..., 0]
        coefficients = np.concatenate([rest[:, :1], (scaled @ rest[:, 1:, None])[..., 0]], axis=1)
        penalty = (0.0 if free else rest[:, 0] ** 2 / D) + (rest[:, 1:] * coefficients[:, 1:]).sum(1) / k

        # R̃(V − Bᵀ coefficients), and the size of the weights.
        fitted = [
            part.apply(r, V if B is None else V - combined(coefficients[:, None], B)[:, 0])
            for (part, r), V, B in zip(both, common, coupled, strict=True)
        ]
        norm = sum((v**2).sum((1, 2)) for v in fitted) + penalty

        # m − df₂ = (m − D') + Σ(1 − λ²/(λ+k)²), D' the rank of the training covariances: no cancellation where they are nearly equal.
        # In floating point: where a C long has 32 bits, as in a browser, the copies are beyond it.
        directions = sum(part.copies * part.inside.sum(1, dtype=float) for part, _ in both) / D
        lost = sum(part.lost(k, r) / D for part, r in both)
        gain = 1 / (self.mu - directions + lost)

        second = {key: np.sum([part.squares(r) for part, r in of[key]], axis=0) / D for key in keys}
        pairs = {key: np.sum([part.pairs(trained, r) for part, r in of[key]], axis=0) / D for key in keys}
        cross, through = {}, {}
        for key in keys:
            own = [(part, v) for (part, _), v in zip(both, fitted, strict=True) if part.key == key]
            cross[key] = np.sum([(flat(part.signals) @ part.original(v).reshape(many, -1, 1))[..., 0] for part, v in own], axis=0)
            through[key] = np.sum([part.quadratics(v) for part, v in own], axis=0) + (k**2 * gain * norm)[:, None] * second[key]

        # E_s[h]ᵀ of the fit.
        offset: dict[int, Any] = {}
        for (part, _), v in zip(both, fitted, strict=True):
            if part.means is not None:
                offset[part.key[1]] = offset.get(part.key[1], 0.0) + (flat(part.means) @ v.reshape(many, -1, 1))[..., 0]

        def bias(nodes: SourceNodes) -> Array:
            law = nodes.samples
            value = (coefficients[:, None] @ nodes.means())[:, 0]
            error = law.square - 2 * law.mean * value + value**2 + law.residual2 * (gain * norm)[:, None]
            for kind, offsets in offset.items():
                error = error + 2 * value * law.c1 * nodes.centers[:, kind] * nodes.at(offsets)
            for key in keys:
                error = error - 2 * nodes.aligned(key) * nodes.at(cross[key]) + nodes.power(key) * nodes.at(through[key])
            return np.asarray(error)

        weight = (samples.weights * omega**2 / self.tau[:, None])[:, None]
        spread = sum(nodes.power(key) * nodes.at(second[key]) for key in keys)
        noise = gain[:, None] * ((k**2)[:, None] * spread + samples.residual2)
        rows = [weight * (nodes.power(key)[:, None] * nodes.at(pairs[key]) + second[key][..., None] * noise[:, None]) for key in keys]
        rows.append(weight * (gain[:, None] * (spread + samples.residual2 / (k**2)[:, None]))[:, None])
        response = np.concatenate(rows, axis=1)

        def held(values: Array, nodes: SourceNodes) -> Array:
            """Σ over the nodes of values, shape (P, R, N), times what multiplies each of the traces and 1/k; shape (P, R, rows)."""
            by_trace = [nodes.by_source(values * nodes.power(key)[:, None]) for key in keys]
            return np.concatenate([*by_trace, values @ nodes.samples.residual2[..., None]], axis=2)

        # The rows are the derivatives of the traces g_κs = tr r_s R̃/D and of 1/k in the load. In units of these, which differ by all
        # powers of k, no row sum of the response is above 1, for the load is a multiple of them.
        unit = np.concatenate([*(sum(part.traces(nodes.count, r) / D for part, r in of[key]) for key in keys), (1 / k)[:, None]], axis=1)
        unit = np.where(unit == 0, 1.0, unit)
        matrix = np.eye(unit.shape[1]) - held(response, nodes) * (unit[:, None, :] / unit[:, :, None])
        laws = (nodes, *(SourceNodes.stacked(part) for part in zip(*(engine.tests for engine in self.engines), strict=True)))
        biases = [bias(nodes) for nodes in laws]
        means = np.stack([(law.samples.weights * errors).sum(1) for law, errors in zip(laws, biases, strict=True)], axis=1)
        diverges = self.point.interpolates | (np.linalg.det(matrix).real <= 0)
        matrix = np.where(diverges[:, None, None], np.eye(unit.shape[1]), matrix)
        u = unit * np.linalg.solve(matrix, response @ biases[0][..., None] / unit[..., None])[..., 0]
        more = [(held(law.samples.weights[:, None], law)[:, 0] * u).sum(1) for law in laws]
        return np.where(diverges[:, None], np.inf, means + np.stack(more, axis=1)), means


def loads(residual2: Array, parts: Iterable[tuple[Array, NDArray[Any]]], k: Any) -> NDArray[Any]:
    r""":math:`w(\theta)=\sum_\kappa c_\kappa^2u_\kappa\frac1D\operatorname{tr}r_{\kappa,s}\tilde R+c_*^2/k` at nodes along the last axis,
    from :math:`c_\kappa^2u_\kappa` and the traces over D for every block, or for all of one κ."""
    return np.asarray(sum((power * trace for power, trace in parts), residual2 / k))


def solve_together(engines: Sequence[ExplicitEngine], tau: Array, mu: Array, ridge: Array) -> Iterator[tuple[Sequence[int], Solved]]:
    """Engines at their τ, μ and λ, with their numbers: those of one shape in step, as many as memory holds."""
    alike: dict[Hashable, list[int]] = {}
    for i, engine in enumerate(engines):
        alike.setdefault(engine.shape, []).append(i)
    for numbers in alike.values():
        together = max(1, int(available_memory() / 2 / engines[numbers[0]].memory))
        for start in range(0, len(numbers), together):
            part = numbers[start : start + together]
            rows = _in_step([engines[i] for i in part], tau[part], mu[part], ridge[part])
            layouts: dict[Hashable, list[int]] = {}
            for row, (_, blocks) in enumerate(rows):
                layouts.setdefault(tuple(block.layout for block in blocks), []).append(row)
            for own in layouts.values():
                at = [part[row] for row in own]
                blocks = [Eigenblock.joined(block) for block in zip(*(rows[row][1] for row in own), strict=True)]
                point = FixedPoint(*(np.array([getattr(rows[row][0], f.name) for row in own]) for f in fields(FixedPoint)))
                yield at, Solved([engines[i] for i in at], point, blocks, tau[at], mu[at])


def _in_step(engines: Sequence[ExplicitEngine], tau: Array, mu: Array, ridge: Array) -> list[tuple[FixedPoint, list[Eigenblock]]]:
    """Fixed point and eigenblocks of engines of one shape.

    Where the effective covariance is known, one decomposition serves every point of an engine. Otherwise it weighs the sources as the fit
    weighs them, by ω, which depends on it: Anderson's extrapolation of the plain iteration in the logarithms of the weights.
    """
    if all(engine.steady for engine in engines):
        decomposed = {engine: engine.decompose(engine.start[None]) for engine in set(engines)}
        eigenblocks = [decomposed[engine] for engine in engines]
        points = _inner(engines, eigenblocks, tau, mu, ridge)
        return [(_rows(points, row), blocks) for row, blocks in enumerate(eigenblocks)]
    open_points: dict[int, tuple[FixedPoint, list[Eigenblock]]] = {}
    rounds = [PositiveIteration(engine.start, engine.trained + 1) for engine in engines]
    open_, guess = list(range(tau.size)), None
    for _ in range(_ROUNDS):
        same = [list(own) for _, own in itertools.groupby(open_, engines.__getitem__)]
        eigenblocks = [engines[own[0]].decompose(np.array([rounds[i].values for i in own])) for own in same]
        points = _inner([engines[i] for i in open_], eigenblocks, tau[open_], mu[open_], ridge[open_], guess)
        place = [(blocks, row) for own, blocks in zip(same, eigenblocks, strict=True) for row in range(len(own))]
        settled = [rounds[i].settled(engines[i].weights(omega)) for i, omega in zip(open_, points.omega, strict=True)]
        for row in np.flatnonzero(settled):
            blocks, at = place[row]
            open_points[open_[row]] = _rows(points, int(row)), [block.row(at) for block in blocks]
        changes = np.array([rounds[i].residual for i in open_])
        guess = points.k[np.logical_not(settled)], changes[np.logical_not(settled)]
        open_ = [i for i, at_rest in zip(open_, settled, strict=True) if not at_rest]
        if not open_:
            return [open_points[i] for i in range(len(engines))]
    raise HypothesisError(
        "the sources' weights in the fit settle", f"no agreement after {_ROUNDS} rounds", "raise the ridge, or move n away from m"
    )


def _inner(
    engines: Sequence[ExplicitEngine],
    eigenblocks: Sequence[Sequence[Eigenblock]],
    tau: Array,
    mu: Array,
    ridge: Array,
    guess: Guess | None = None,
) -> FixedPoint:
    """The fixed points at given weights, of the eigenblocks of one engine after another."""
    nodes = SourceNodes.stacked([engine.nodes for engine in engines])
    samples, trained, D = nodes.samples, engines[0].trained, engines[0].dimension
    parts = []
    for key in engines[0].keys:
        rows = [[block for block in some if block.key == key] for some in eigenblocks]
        values = np.concatenate([np.hstack([block.values for block in row]) for row in rows])
        diagonals = np.concatenate([np.dstack([block.copies * block.diagonals[:, :trained] for block in row]) for row in rows]) / D
        parts.append((nodes.power(key), values, diagonals))

    def load(k: Array) -> Array:
        traces = ((power, (diagonals @ (1 / (values + k[:, None]))[..., None])[..., 0]) for power, values, diagonals in parts)
        return loads(samples.residual2, ((power, nodes.at(trace)) for power, trace in traces), k[:, None])

    return effective_ridge(load, samples, tau, mu, ridge, guess)


def _rows(point: FixedPoint, rows: int | slice) -> FixedPoint:
    return FixedPoint(*(getattr(point, f.name)[rows] for f in fields(FixedPoint)))
