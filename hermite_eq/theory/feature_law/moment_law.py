r"""Populations known by their moments, as a head sees them: the law of features and label in the engine's units."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.models import Sizes
from hermite_eq.theory.feature_law.given_moments import ContextSample, GivenMoments, Population
from hermite_eq.theory.feature_law.head import Head, effective_share, unsettled
from hermite_eq.theory.feature_law.law import Columns, FeatureLaw, Solution
from hermite_eq.theory.ridge_equivalent.matrices import ExplicitEngine, Solved, SourceNodes, solve_together
from hermite_eq.theory.ridge_equivalent.scalar import FeatureSamples, replace_zero_slope, ridge_in_units, without_ridge

Array = NDArray[np.float64]

#: Gauss nodes for the norm of h within a source.
_NODES = 7


def drawn_contexts(p: Population, kinds: int = 1) -> ContextSample:
    """The contexts of a population, or nodes of the law of its norm, on which every kind of block depends alike."""
    if p.contexts is not None:
        return p.contexts
    x, w = gamma_nodes(1 / p.norm_variance, _NODES) if p.norm_variance > 0 else (np.ones(1), np.ones(1))
    # Positive quantities as powers of the norm with the given slope, of the given mean.
    square, signal = x**p.square_slope, x**p.signal_slope
    every = np.ones((kinds, 1))
    return ContextSample(
        every * x, every * signal / (w @ signal), every * np.ones_like(x), p.mean + p.mean_slope * (x - 1),
        p.square * square / (w @ square), np.full(kinds, 1 / kinds), w,
    )  # fmt: skip


def source_nodes(populations: Sequence[Population], first: int, head: Head, given: GivenMoments, *, mixed: bool) -> SourceNodes:
    """The nodes of the populations, whose sources are numbered from ``first``; ``mixed`` by their weights, else each of weight 1."""
    kinds = 1 + max(block.kind for block in given.blocks)
    drawn = [drawn_contexts(p, kinds) for p in populations]
    norms = [sample.norm for sample in drawn]
    weights = np.concatenate([sample.weights * (p.weight if mixed else 1.0) for p, sample in zip(populations, drawn, strict=True)])
    source = np.repeat(np.arange(first, first + len(drawn)), [x.size for x in norms])
    scale2 = np.concatenate([x * p.trace / given.trace for p, x in zip(populations, norms, strict=True)])
    # What is known of h, for ĥ = h/‖h‖.
    energies = np.hstack([sample.energies / x for sample, x in zip(drawn, norms, strict=True)])
    signals, centers = (
        np.hstack([getattr(sample, name) / np.sqrt(x) for sample, x in zip(drawn, norms, strict=True)]) for name in ("signals", "centers")
    )
    moments = head.moments(np.sqrt(scale2))
    c0, c1, c2, residual2 = (np.broadcast_to(x, weights.shape) for x in (moments.c0, moments.c1, moments.c2, moments.residual2))
    mean, square = (np.concatenate([getattr(sample, name) for sample in drawn]) for name in ("mean", "square"))
    # A c₁ of 0 is judged against all that is not linear, before what is fitted through degree 2 leaves the residual.
    samples = replace_zero_slope(FeatureSamples(weights, c0, c1, c2, residual2, mean, square))
    samples = replace(samples, residual2=np.maximum(residual2 - c2**2 * given.resolved_share[source], 0.0))
    return SourceNodes(samples, source, energies, signals, centers, len(given.populations))


def unsettled_moments(head: Head, given: GivenMoments, sizes: Sizes) -> tuple[str, ...]:
    """A note where the training contexts are too few for the mean of the squared features."""
    if head.settles:
        return ()
    nodes = source_nodes(given.training, 0, head, given, mixed=True)
    s = nodes.samples
    # What is fitted through degree 2 is no part of the residual, and of the second moment still.
    return unsettled(
        head, sizes, effective_share(s.weights, s.c0**2 + s.c1**2 + s.residual2 + s.c2**2 * given.resolved_share[nodes.source])
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class MomentLaw(FeatureLaw):
    """Training and test populations by their moments, seen through a head.

    Attributes
    ----------
    given : GivenMoments
    engine : ExplicitEngine
        What the errors depend on but n, m and the ridge.
    """

    given: GivenMoments
    engine: ExplicitEngine

    @classmethod
    def of(cls, head: Head, given: GivenMoments, notes: tuple[str, ...] = ()) -> MomentLaw:
        """The law of given populations, with every test population in its own place."""
        nodes = source_nodes(given.training, 0, head, given, mixed=True)
        tests = tuple(source_nodes([p], i, head, given, mixed=False) for i, p in enumerate(given.test, len(given.training)))
        engine = ExplicitEngine(given.blocks, len(given.training), nodes, tests, given.dimension, head.free_constant)
        return cls(head=head, given=given, engine=engine, notes=notes, places=tuple(range(len(given.test))))

    def with_ridge(self, ridge: float) -> MomentLaw:
        """The law with another λ, of which nothing but the units depends."""
        return replace(self, head=replace(self.head, ridge=ridge))

    @property
    def share(self) -> Array:
        """The weights of the test populations."""
        return np.array([p.weight for p in self.given.test])

    def units(self, points: Sequence[Sizes]) -> tuple[Array, Array, Array]:
        """n/D, m/D and the ridge in the engine's units."""
        given, D = self.given, self.given.dimension
        tau, mu = np.array([point.samples / D for point in points]), self.head.units(points) / D
        d = np.array([point.d for point in points], float)
        # The weights of h/√t of a linear Transformer are √t Γ, with the penalty λ/(dt) on their square.
        return tau, mu, ridge_in_units(np.full_like(tau, self.head.ridge), d * (given.trace / D if self.head.linear else mu))

    def solution(self, points: Sequence[Sizes]) -> Solution:
        return self.solutions([self], points)[0], ()

    @classmethod
    def solutions(cls, laws: Sequence[MomentLaw], points: Sequence[Sizes]) -> list[Columns]:
        d = np.array([point.d for point in points], float)
        units = np.concatenate([(*law.units(points), law.given.trace / law.given.dimension * d) for law in laws], axis=1)
        together = _columns([law for law in laws for _ in points], *units)
        rows = [slice(start, start + len(points)) for start in range(0, len(laws) * len(points), len(points))]
        return [{name: column[own] for name, column in together.items()} for own in rows]

    def errors(self, tau: Array, mu: Array, ridge: Array, scale: Array) -> Columns:
        """The columns at points in the engine's units, with the effective ridge in units of ``scale``."""
        return _columns([self] * tau.size, tau, mu, ridge, scale)


def _columns(laws: Sequence[MomentLaw], tau: Array, mu: Array, ridge: Array, scale: Array) -> Columns:
    """Each law's at a point in its engine's units, solved together, with the effective ridge in units of ``scale``."""
    columns: Columns = {}
    for numbers, solved in solve_together([law.engine for law in laws], tau, mu, ridge):
        by_law = solved_columns(solved, np.array([laws[i].share for i in numbers]), scale[numbers])
        for name, column in by_law.items():
            columns.setdefault(name, np.zeros((len(laws), *column.shape[1:])))[numbers] = column
    return columns


def solved_columns(solved: Solved, share: Array, scale: Array) -> Columns:
    """The columns of engines at their fixed points, for the weights of the test sources, shape (P, T), and units of the effective ridge."""
    error, mean_error = solved.errors()
    at, (icl, bias) = solved.point, ((share * values[:, 1:]).sum(1) for values in (error, mean_error))
    with np.errstate(invalid="ignore"):
        return {
            "icl": icl, "idg": error[:, 0], "bias": bias, "variance": icl - bias,
            "effective_ridge": np.where(without_ridge(at.k), 0.0, at.k * scale), "dof": at.dof, "fixed_point_residual": at.residual,
            "icl_by_source": error[:, 1:],
        }  # fmt: skip
