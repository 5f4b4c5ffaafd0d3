r"""How the error moves with the training proportions of the sources: exact derivatives, on and at the ends of the simplex.

The engine of :mod:`hermite_eq.theory.ridge_equivalent.matrices` has unknowns u: the weights :math:`W_{\kappa,s}` of the sources in the
effective covariance, k and a, with

.. math:: W_{\kappa,s}=\mathbb E[c_\kappa^2\omega;s],\qquad\mathbb E[c_1^2\omega]=1,\qquad
    ak\Big(1-\frac\tau\mu\mathbb E\frac w{\tau a+w}\Big)=\frac{\lambda_s}\mu,\qquad\omega=\frac\tau{\tau a+w}.

The proportions π enter as probabilities of the nodes, and through :math:`t=\sum_s\pi_st_s`, the scale of the first layer, on which the
head's coefficients at every node depend. With G(u, π) = 0 these equations and e(u, π) an error,

.. math:: \frac{de}{d\pi}=\partial_\pi e-\partial_ue\,(\partial_uG)^{-1}\partial_\pi G .

All maps are analytic, so that a partial derivative is the imaginary part at an imaginary step, exact to rounding; only the resolvent, whose
eigenvectors are not analytic where eigenvalues meet, is moved by hand: :math:`d\tilde R=-\tilde R(\sum_sdW_sr_s+dk)\tilde R`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sizes
from hermite_eq.theory.feature_law.head import Head, HeadMoments
from hermite_eq.theory.feature_law.moment_law import MomentLaw, solved_columns, source_nodes
from hermite_eq.theory.prediction import TheoryError
from hermite_eq.theory.ridge_equivalent.eigenblocks import Eigenblock
from hermite_eq.theory.ridge_equivalent.matrices import ExplicitEngine, SourceNodes, loads, solve_together
from hermite_eq.theory.spectra.blocks import Block

Array = NDArray[np.float64]

#: Length of the imaginary step: its square is far below rounding, and it is far above the smallest numbers.
_STEP = 1e-50


@dataclass(frozen=True, eq=False)
class _PerturbedBlock(Eigenblock):
    """An eigenblock whose resolvent is a matrix, moved to first order in ``change``, the imaginary part of Σ_s W_s r_s."""

    change: Array

    @classmethod
    def at(cls, block: Block, weights: Array) -> _PerturbedBlock:
        """The eigenbasis of Σ_s W_s r_s within the joint range of the training sources, those of weight zero included."""
        trained = weights.size
        scales = np.einsum("sii->s", block.matrices[:trained])
        scales = np.where(scales > 0, scales, 1.0)
        values, basis = np.linalg.eigh(np.tensordot(1 / scales, block.matrices[:trained], 1))
        outside = int((values <= values.size * np.finfo(float).eps * values[-1]).sum())
        inner = basis[:, outside:]
        eigenvalues, turn = np.linalg.eigh(inner.T @ np.tensordot(weights, block.matrices[:trained], 1) @ inner)
        basis = np.hstack([basis[:, :outside], inner @ turn])
        explained = np.arange(len(basis)) >= outside
        values = np.concatenate([np.zeros(outside), np.maximum(eigenvalues, 0.0)])
        rotated = basis.T @ block.matrices @ basis
        rotated[:trained, ~explained] = 0.0
        rotated[:trained, :, ~explained] = 0.0
        diagonals = np.einsum("sii->si", rotated)
        return cls([block], values[None], basis[None], diagonals[None], rotated[None], explained[None], np.zeros_like(basis))

    def perturbed(self, weights: NDArray[Any]) -> _PerturbedBlock:
        """In the direction of the imaginary parts of the weights."""
        return replace(self, change=np.tensordot(np.imag(weights), self.rotated[0, : weights.size], 1))

    def resolvent(self, k: Any) -> Array:
        r = 1 / (self.values[0] + np.real(k))
        return np.asarray((np.diag(r) - 1j * r[:, None] * (self.change + np.imag(k) * np.eye(r.size)) * r)[None])

    def traces(self, sources: int, resolvent: Array) -> Array:
        return np.asarray(self.copies * (self.rotated[:, :sources] * resolvent[:, None]).sum((2, 3)))

    def lost(self, k: Any, resolvent: Array) -> Any:
        # ΣR̃ = 1 − kR̃.
        inner = resolvent[0][np.ix_(self.inside[0], self.inside[0])]
        return self.copies * (2 * k * np.trace(inner) - k**2 * (inner * inner.T).sum())

    def squares(self, resolvent: Array) -> Array:
        return self.traces(self.rotated.shape[1], resolvent @ resolvent)

    def pairs(self, trained: int, resolvent: Array) -> Array:
        applied = (self.rotated @ resolvent[:, None])[0]
        flat = applied.transpose(0, 2, 1)[:trained].reshape(trained, -1)
        return np.asarray(self.copies * applied.reshape(len(applied), -1) @ flat.T)[None]

    def apply(self, resolvent: Array, vectors: Array) -> Array:
        return np.asarray(resolvent[0] @ vectors)


def _shift(nodes: SourceNodes, weights: Array, slopes: HeadMoments | None, by: float) -> SourceNodes:
    """The nodes with probabilities moved by ``weights``, and scales by the factor 1 + ``by``, in imaginary steps."""
    s, step = nodes.samples, 1j * _STEP
    displaced: dict[str, Any] = {"weights": s.weights + step * weights}
    if slopes is not None:
        displaced |= {name: getattr(s, name) + step * by * getattr(slopes, name) for name in ("c0", "c1", "c2", "residual2")}
    return replace(nodes, samples=replace(s, **displaced))


def _slopes(law: MomentLaw, nodes: SourceNodes) -> HeadMoments | None:
    """Derivatives of the head's coefficients at the nodes in the logarithm of the scale; None where the scale is fixed."""
    given, s = law.given, nodes.samples
    populations = [given.populations[s] for s in np.unique(nodes.source)]
    # ‖h‖/√t at the nodes: c₁ of a linear head.
    linear = source_nodes(populations, int(nodes.source[0]), Head(None, ridge=0.0), given, mixed=False)
    slopes = law.head.log_slopes(linear.samples.c1)
    if slopes is None:
        return None
    residual2 = slopes.residual2 - 2 * s.c2 * slopes.c2 * given.resolved_share[nodes.source]
    return HeadMoments(slopes.c0, slopes.c1, slopes.c2, np.where(s.residual2 > 0, residual2, 0.0))


class Response:
    """The solution for given populations, every one of them trained on, in proportions that may be 0; and how it moves.

    Raises
    ------
    HypothesisError
        Where the error diverges.
    """

    def __init__(self, law: MomentLaw, sizes: Sizes) -> None:
        self.law, self.sizes, self.engine = law, sizes, law.engine
        self.tau, self.mu, self.ridge = (float(x[0]) for x in law.units([sizes]))
        ((_, self.solved),) = solve_together([self.engine], *(np.array([x]) for x in (self.tau, self.mu, self.ridge)))
        if not np.isfinite(self.solved.errors()[0]).all():
            raise HypothesisError("the error is finite where its gradient is asked for", f"icl = inf at {sizes}", "move n away from m")
        self.k, self.a, self.omega = self.solved.point.k[0], self.solved.point.a[0], self.solved.point.omega[0]

    @property
    def error(self) -> TheoryError:
        """The prediction."""
        given = self.law.given
        columns = solved_columns(self.solved, self.law.share[None], np.array([given.trace / given.dimension * self.sizes.d]))
        by_source = tuple(columns.pop("icl_by_source")[0].tolist())
        return TheoryError(**{name: float(column[0]) for name, column in columns.items()}, icl_by_source=by_source, notes=self.law.notes)

    @property
    def icl(self) -> float:
        """e_ICL."""
        return self.error.icl

    @cached_property
    def u(self) -> Array:
        """The unknowns W, k and a in one vector."""
        return np.concatenate([self.engine.weights(self.omega).ravel(), [self.k, self.a]])

    @cached_property
    def blocks(self) -> list[_PerturbedBlock]:
        """The blocks, ready to be moved."""
        W = self.engine.weights(self.omega)
        return [_PerturbedBlock.at(block, W[self.engine.row(block)]) for block in self.engine.blocks]

    @cached_property
    def jacobian(self) -> Array:
        """∂G/∂u."""
        columns = [self.equations(self.engine, self.u + 1j * _STEP * e, self.ridge).imag / _STEP for e in np.eye(self.u.size)]
        return np.stack(columns, 1)

    @cached_property
    def slopes(self) -> list[HeadMoments | None]:
        """Of the head's coefficients at the nodes of training, and of each test source."""
        return [_slopes(self.law, nodes) for nodes in (self.engine.nodes, *self.engine.tests)]

    def equations(self, engine: ExplicitEngine, u: Array, ridge: complex) -> Array:
        """G(u), u = (W, k, a)."""
        W, k, a = u[:-2].reshape(-1, engine.trained), u[-2], u[-1]
        samples = engine.nodes.samples
        load = _load(engine, [block.perturbed(W[self.engine.keys.index(block.key)]) for block in self.blocks], k)
        total = self.tau * a + load
        first = (samples.weights * samples.c1**2 * self.tau / total).sum() - 1
        second = k * a * (1 - self.tau / self.mu * (samples.weights * load / total).sum()) - ridge
        return np.concatenate([(W - engine.weights(self.tau / total)).ravel(), [first, second]])

    def directional_derivative(self, weights: Array, by: float, d_ridge: float) -> Array:
        """The derivatives of (IDG, error on each test source) where the nodes' probabilities move by ``weights``, the logarithm of all
        scales by ``by``, and the engine's ridge by ``d_ridge``."""
        engine = replace(self.engine, nodes=_shift(self.engine.nodes, weights, self.slopes[0], by))
        right = self.equations(engine, self.u.astype(complex), self.ridge + 1j * _STEP * d_ridge).imag / _STEP
        # k may be tiny, and with it a row and a column.
        scale = np.ones(self.u.size)
        scale[-2] = self.k
        matrix = self.jacobian * scale
        rows = np.abs(matrix).max(axis=1)
        rows = np.where(rows > 0, rows, 1.0)
        v = self.u - 1j * _STEP * scale * np.linalg.solve(matrix / rows[:, None], right / rows)
        W, k, a = v[:-2].reshape(-1, engine.trained), v[-2], v[-1]
        blocks = [block.perturbed(W[self.engine.keys.index(block.key)]) for block in self.blocks]
        omega = self.tau / (self.tau * a + _load(engine, blocks, k))
        tests = zip(self.engine.tests, self.slopes[1:], strict=True)
        perturbed = replace(engine, tests=[_shift(test, np.zeros_like(test.samples.weights), s, by) for test, s in tests])
        point = replace(self.solved.point, k=k[None], a=a[None], omega=omega[None])
        return np.asarray(replace(self.solved, engines=[perturbed], point=point, eigenblocks=blocks).errors()[0][0].imag / _STEP)

    @property
    def ridge_slope(self) -> float:
        """∂e_ICL/∂λ."""
        unit_ridge = float(self.law.with_ridge(1.0).units([self.sizes])[2][0])
        return float(self.law.share @ self.directional_derivative(np.zeros_like(self.engine.nodes.samples.weights), 0.0, unit_ridge)[1:])


def _load(engine: ExplicitEngine, blocks: Sequence[_PerturbedBlock], k: Any) -> NDArray[Any]:
    """The loads w(θ), shape (N,), with moved blocks."""
    nodes = engine.nodes
    traces = ((block.key, block.traces(engine.trained, block.resolvent(k))[0] / engine.dimension) for block in blocks)
    return loads(nodes.samples.residual2, ((nodes.power(key), trace[nodes.source]) for key, trace in traces), k)
