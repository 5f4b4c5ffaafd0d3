r"""Ridge regression on random features of samples from several sources, each with a covariance matrix of its own.

The engine of :mod:`hermite_eq.theory.random_head` with matrices in place of a spectrum: given θ the features and the label are

.. math:: \phi=\sum_j\psi_j(\theta)q_j+\sum_{\kappa=1,2}c_\kappa(\theta)F_\kappa^\top\hat h_\kappa+c_*(\theta)z,\qquad
    \mathbb E[y|\theta]=y_0,\quad\mathbb E[y^2|\theta]=y_2,\quad\mathbb E[\hat h_\kappa y|\theta]=m_\kappa(\theta)M_{\kappa,s},

with :math:`\operatorname{Cov}(\hat h_\kappa|\theta)=r_{\kappa,s}/D`, s = s(θ) the source. κ = 1 is h itself; κ = 2 are those quadratic
functions of h whose eigenvalues are as large as those of h, if any. The directions :math:`q_j` are the constant and, for each source, the
mean of degree 2, :math:`\frac12(f_i^\top C_sf_i-1)` on neuron i, with Gram matrix :math:`1\oplus\frac12\operatorname{tr}C_sC_{s'}`.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.blocks import Block
from hermite_eq.theory.random_head import FixedPoint, ScaledSamples, effective_ridge

Array = NDArray[np.float64]

#: Stands for k = 0+ here; its square is still a number.
_ZERO = 1e-100
_ROUNDS = 500
#: Relative change of the sources' weights at which the iteration ends, and the largest at which it may end without further progress.
_SETTLED, _ROUGH = 1e-12, 1e-8
#: Rounds without progress after which it has stalled, and the longest step of a logarithm.
_STALLED, _LONGEST = 8, 3.0


@dataclass(frozen=True)
class SourceNodes:
    r"""The law of (features, label) given θ, with the source of every node; arrays of shape (N,).

    Attributes
    ----------
    samples : ScaledSamples
        ``signal`` is :math:`m_1`; ``tilt`` is not used.
    quadratic_signal : ndarray
        :math:`m_2`.
    source : ndarray of int
        Index of the source in the blocks.
    """

    samples: ScaledSamples
    quadratic_signal: Array
    source: NDArray[np.int64]

    def coefficient(self, degree: int) -> Array:
        r""":math:`c_\kappa`."""
        return self.samples.c1 if degree == 1 else self.samples.c2

    def signal(self, degree: int) -> Array:
        r""":math:`m_\kappa`."""
        return self.samples.signal if degree == 1 else self.quadratic_signal

    def by_source(self, values: Array, count: int) -> Array:
        """Sums of ``values`` over the nodes of each of ``count`` sources."""
        return np.asarray(values @ (self.source[:, None] == np.arange(count)))


@dataclass(frozen=True, eq=False)
class Eigenblock:
    """A block in the eigenbasis of the effective covariance.

    Attributes
    ----------
    block : Block
    values : (p,) array
        Eigenvalues of Σ_s weights_s r_s, zero where they are rounding.
    basis : (p, p) array
    diagonals : (S, p) array
        Diagonal entries of every r_s in the basis.
    rotated : tuple of (p, p) arrays
        Every r_s in the basis; empty with one training source, whose matrix is diagonal: then the diagonals suffice.
    signals : (S, p, q) array
    """

    block: Block
    values: Array
    basis: Array
    diagonals: Array
    rotated: tuple[Array, ...]
    signals: Array

    @classmethod
    def of(cls, block: Block, weights: Array) -> Eigenblock:
        """Diagonalise the mixture of the training sources, as many as there are ``weights``."""
        values, basis = np.linalg.eigh(np.tensordot(weights, block.matrices[: weights.size], 1))
        # Outside the range of the training covariance nothing is learnt, and rounding must look neither like signal nor like variance.
        inside = values > values.size * np.finfo(float).eps * values[-1]
        values = np.where(inside, values, 0.0)
        signals = np.einsum("pi,spq->siq", basis, block.signals, optimize=True)
        signals = np.where(inside[:, None], signals, 0.0)
        rotated: tuple[Array, ...] = ()
        if weights.size > 1:
            seen = np.outer(inside, inside)
            rotated = tuple(
                np.where(seen, matrix, 0.0) if s < weights.size else matrix
                for s, matrix in enumerate(basis.T @ matrix @ basis for matrix in block.matrices)
            )
            diagonals = np.array([matrix.diagonal() for matrix in rotated])
        else:
            own = values / weights[0] if weights[0] > 0 else np.zeros_like(values)
            others = [np.einsum("pi,pi->i", basis, matrix @ basis) for matrix in block.matrices[1:]]
            diagonals = np.array([own, *others])
        return cls(block, values, basis, np.maximum(diagonals, 0.0), rotated, signals)

    def resolvent(self, k: Any) -> Array:
        """R̃ = (Σ_s weights_s r_s + k)⁻¹ by its diagonal, shape (…, p) for k of shape (…)."""
        return np.asarray(1 / (self.values + np.asarray(k)[..., None]))

    def traces(self, sources: int, resolvent: Array) -> Array:
        """q tr(r_s R̃) of the first ``sources``, in the last axis."""
        return np.asarray(self.block.copies * resolvent @ self.diagonals[:sources].T)

    def lost(self, k: Any, resolvent: Array) -> Any:
        """q(p − tr(ΣR̃)²) = q Σ(1 − λ²/(λ+k)²), without cancellation where k is small."""
        return self.block.copies * (k * resolvent * (1 + self.values * resolvent)).sum()

    def square(self, s: int, resolvent: Array) -> Any:
        """q tr(r_s R̃²)."""
        return self.block.copies * (self.diagonals[s] @ resolvent**2)

    def pair(self, first: int, second: int, resolvent: Array) -> Any:
        """q tr(r_a R̃ r_b R̃), b a training source."""
        if self.rotated:
            return self.block.copies * (resolvent @ (self.rotated[first] * self.rotated[second]) @ resolvent)
        return self.block.copies * ((self.diagonals[first] * self.diagonals[second]) @ resolvent**2)

    def fit(self, loads: Array, resolvent: Array) -> Array:
        """R̃ Σ_s loads_s M_s, shape (p, q)."""
        return np.asarray(np.tensordot(loads, self.signals, 1) * resolvent[:, None])

    def quadratic(self, s: int, vector: Array) -> Any:
        """vᵀ r_s v summed over the copies, v of shape (p, q) in the basis."""
        if self.rotated:
            return (vector * (self.rotated[s] @ vector)).sum()
        if s == 0:
            return self.diagonals[0] @ (vector**2).sum(1)
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

    def gram(self) -> Array:
        """½ tr C_sC_s' over all sources, from the blocks of degree 1."""
        total = sum(
            block.copies * np.einsum("spq,tpq->st", block.matrices, block.matrices, optimize=True)
            for block in self.blocks
            if block.degree == 1
        )
        return np.asarray(total) / (2 * self.dimension**2)

    def weights(self, omega: Array) -> Array:
        """Σ p c_κ² ω over the nodes of each source, one row for each κ: the weights of the sources in the effective covariance."""
        p = self.nodes.samples.weights
        return np.array([self.nodes.by_source(p * self.nodes.coefficient(degree) ** 2 * omega, self.trained) for degree in (1, 2)])

    def decompose(self, weights: Array) -> list[Eigenblock]:
        """Eigenblocks of the effective covariance."""
        return [Eigenblock.of(block, weights[block.degree - 1]) for block in self.blocks]

    def load(self, eigenblocks: Sequence[Eigenblock], k: Array) -> Array:
        r""":math:`w(\theta)=\sum_\kappa c_\kappa^2\frac1D\operatorname{tr}r_{\kappa,s}\tilde R+c_*^2/k`: shape (P, N), k of (P,)."""
        found = self.nodes.samples.residual2 / k[:, None]
        for each in eigenblocks:
            traces = each.traces(self.trained, each.resolvent(k)) / self.dimension
            found = found + self.nodes.coefficient(each.block.degree) ** 2 * traces[:, self.nodes.source]
        return np.asarray(found)

    def solve(self, tau: Array, mu: Array, ridge: Array) -> list[tuple[FixedPoint, list[Eigenblock]]]:
        """Fixed point and eigenblocks at each point.

        With one source and one scale :math:`\\mathbb E[c_1^2\\omega]=1` fixes the effective covariance, and one decomposition serves
        every point. Otherwise it weighs the sources as the fit weighs them, by ω, which depends on it.
        """
        samples = self.nodes.samples
        start = self.weights(np.full(samples.weights.shape, 1 / (samples.weights * samples.c1**2).sum()))
        if samples.weights.size == 1 or (self.trained == 1 and all(block.degree == 1 for block in self.blocks)):
            eigenblocks = self.decompose(start)
            point = self._inner(eigenblocks, tau, mu, ridge)
            return [(_row(point, i), eigenblocks) for i in range(tau.size)]
        found = []
        for i in range(tau.size):
            point, eigenblocks, start = self._settled(start, tau[i : i + 1], mu[i : i + 1], ridge[i : i + 1])
            found.append((point, eigenblocks))
        return found

    def _inner(self, eigenblocks: Sequence[Eigenblock], tau: Array, mu: Array, ridge: Array) -> FixedPoint:
        samples = ScaledSamples(*(np.broadcast_to(x, (tau.size, x.size)) for x in vars(self.nodes.samples).values()))
        return effective_ridge(lambda k: self.load(eigenblocks, k), samples, tau, mu, ridge)

    def _settled(self, weights: Array, tau: Array, mu: Array, ridge: Array) -> tuple[FixedPoint, list[Eigenblock], Array]:
        """The fixed point of the weights, by Anderson's extrapolation of the plain iteration in their logarithms."""
        silent = weights == 0
        x = np.log(np.where(silent, 1.0, weights)).ravel()
        steps: list[tuple[Array, Array]] = []
        least, since = math.inf, 0
        for _ in range(_ROUNDS):
            weights = np.where(silent, 0.0, np.exp(x).reshape(silent.shape))
            eigenblocks = self.decompose(weights)
            point = self._inner(eigenblocks, tau, mu, ridge)
            change = np.log(np.where(silent, 1.0, self.weights(point.omega[0]))).ravel() - x
            size = float(np.abs(change).max())
            least, since = (size, 0) if size < least / 2 else (least, since + 1)
            # Rounding of the eigenvalues ends the progress before 1e-12 where the covariance is badly conditioned.
            if size <= _SETTLED or (since > _STALLED and size <= _ROUGH):
                return _row(point, 0), eigenblocks, weights
            steps = [*steps[-self.trained - 1 :], (x, change)]
            dx = np.array([b[0] - a[0] for a, b in itertools.pairwise(steps)]).reshape(-1, x.size).T
            df = np.array([b[1] - a[1] for a, b in itertools.pairwise(steps)]).reshape(-1, x.size).T
            # Where extrapolation has not helped for long, the plain iteration goes on: it is a contraction.
            mixed = (dx + df) @ np.linalg.lstsq(df, change, rcond=1e-10)[0] if since < _STALLED else 0.0
            x = x + np.clip(change - mixed, -_LONGEST, _LONGEST)
        raise HypothesisError(
            "the sources' weights in the fit settle", f"no agreement after {_ROUNDS} rounds", "raise the ridge, or move n away from m"
        )

    def errors(
        self, point: FixedPoint, eigenblocks: Sequence[Eigenblock], tau: float, mu: float, tests: Sequence[SourceNodes]
    ) -> list[tuple[Any, Any]]:
        """(error, error of the mean predictor) of the training mixture, then of each of ``tests``: analytic in all that it is given."""
        D, k, omega = self.dimension, np.maximum(point.k, _ZERO), point.omega
        samples, source = self.nodes.samples, self.nodes.source
        leave = samples.weights * omega
        resolvents = [each.resolvent(k) for each in eigenblocks]
        degrees = sorted({each.block.degree for each in eigenblocks})
        both = list(zip(eigenblocks, resolvents, strict=True))
        of = {degree: [(each, r) for each, r in both if each.block.degree == degree] for degree in degrees}
        gram = self.gram()
        everyone = range(len(gram))

        # The finite block: α₀ of the constant, and t, the weighted residuals along the means of degree 2, whose coefficients are DΓt/k.
        psi = np.vstack([samples.c0, samples.c2 * (source == np.arange(len(gram))[:, None])])
        P, b = (psi * leave) @ psi.T, (psi * leave) @ samples.mean
        system = np.eye(len(gram) + 1, dtype=P.dtype)
        system[:, 1:] += P[:, 1:] @ gram * (D / k)
        system[:, 0] = P[:, 0]
        system[0, 0] += 0.0 if self.free_constant else k / D
        scale = np.abs(system).max(axis=1)
        rest = np.linalg.solve(system / scale[:, None], b / scale)
        coefficients = np.concatenate([rest[:1], gram @ rest[1:] * (D / k)])
        penalty = (0.0 if self.free_constant else rest[0] ** 2 / D) + rest[1:] @ coefficients[1:] / k

        # R̃V, V = E[c m ω]M, and the size of the weights.
        fitted = []
        for each, r in both:
            degree = each.block.degree
            fitted.append(each.fit(self.nodes.by_source(leave * self.nodes.coefficient(degree) * self.nodes.signal(degree), len(gram)), r))
        norm = sum((v**2).sum() for v in fitted) + penalty

        # m − df₂ = (m − D') + Σ(1 − λ²/(λ+k)²), D' the number of directions: no cancellation where they are nearly equal.
        directions = sum(each.block.copies * each.values.size for each in eigenblocks) / D
        lost = sum(each.lost(k, r) / D for each, r in both)
        gain = 1 / (mu - directions + lost)

        second = {
            degree: np.array([sum(each.square(s, r) for each, r in of[degree]) / D for s in everyone])
            for degree in degrees
        }
        pairs = {
            degree: np.array([[sum(each.pair(t, s, r) for each, r in of[degree]) / D for s in range(self.trained)] for t in everyone])
            for degree in degrees
        }
        cross, through = {}, {}
        for degree in degrees:
            own = [(each, v) for each, v in zip(eigenblocks, fitted, strict=True) if each.block.degree == degree]
            cross[degree] = np.array([sum((each.signals[s] * v).sum() for each, v in own) for s in everyone])
            through[degree] = np.array([sum(each.quadratic(s, v) for each, v in own) for s in everyone])
            through[degree] += k**2 * gain * norm * second[degree]

        def bias(nodes: SourceNodes) -> Array:
            law, at = nodes.samples, nodes.source
            value = coefficients[0] * law.c0 + coefficients[1 + at] * law.c2
            error = law.square - 2 * law.mean * value + value**2 + law.residual2 * gain * norm
            for degree in degrees:
                c = nodes.coefficient(degree)
                error = error - 2 * c * nodes.signal(degree) * cross[degree][at] + c**2 * through[degree][at]
            return np.asarray(error)

        weight = samples.weights * omega**2 / tau
        along = sum(self.nodes.coefficient(degree) ** 2 * second[degree][source] for degree in degrees)
        common = gain * (k**2 * along + samples.residual2)
        rows = [
            weight * (self.nodes.coefficient(degree) ** 2 * pairs[degree][t][source] + second[degree][t] * common)
            for degree in degrees
            for t in everyone
        ]
        rows.append(weight * gain * (along + samples.residual2 / k**2))
        response = np.array(rows)

        def held(nodes: SourceNodes) -> Array:
            by_source = [nodes.coefficient(degree) ** 2 * (nodes.source == t) for degree in degrees for t in everyone]
            return np.array([*by_source, nodes.samples.residual2])

        matrix = np.eye(len(rows)) - response @ held(self.nodes).T
        laws = (self.nodes, *tests)
        means = [nodes.samples.weights @ bias(nodes) for nodes in laws]
        if bool(point.interpolates) or np.linalg.det(matrix).real <= 0:
            return [(np.inf, mean) for mean in means]
        u = np.linalg.solve(matrix, response @ bias(self.nodes))
        return [(mean + nodes.samples.weights @ (u @ held(nodes)), mean) for nodes, mean in zip(laws, means, strict=True)]


def _row(point: FixedPoint, i: int) -> FixedPoint:
    return FixedPoint(*(getattr(point, f.name)[i] for f in fields(FixedPoint)))
