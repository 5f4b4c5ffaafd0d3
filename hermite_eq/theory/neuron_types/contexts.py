r"""Contexts of several sources as nodes: what a head whose first layer has a spike sees of them.

Given its task η, a context is, by the exact law of :mod:`hermite_eq.theory.feature_law.sources.contexts`,

.. math:: x=gr+w_0,\quad b_1=\tfrac f\ell(Ar+\sqrt Y\,w),\quad b_2=\tfrac Y\ell,\quad y=\sigma_*(\omega g)+\epsilon,

and a node is one such context, drawn from a fixed sequence of evenly spread points. Of :math:`h=x\otimes b` it keeps

- the coordinates :math:`t_k=\langle e_k,h\rangle` along the directions that hold much of h by themselves, and in an orthonormal basis of
  what else the signals :math:`M_s=\mathbb E_s[hy]` and the means :math:`\mathbb E_sh` span,
- the overlap :math:`\langle\hat g,h\rangle` with :math:`\hat g=\frac1n\sum_j\tilde y_j\tilde h_j`, which is :math:`\langle\bar M,h\rangle`,
  :math:`\bar M=\sum_s\pi_sM_s`, and a noise
  :math:`\langle N,h\rangle\sim\mathcal N(0,\tfrac1n\mathbb E'[y'^2\langle h'_\perp,h_\perp\rangle^2])`,
- and the squared length of the rest in each kind of block (:class:`hermite_eq.theory.spectra.blocks.Side`): along a spike it varies by
  itself.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy.special
from numpy.typing import NDArray

from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sphere, Task
from hermite_eq.theory.feature_law.sources.contexts import Contexts, context_sums, task_directions
from hermite_eq.theory.feature_law.sources.drawn_tasks import task_draws
from hermite_eq.theory.neuron_types.quadratics import QuadraticNodes, quadratic_nodes
from hermite_eq.theory.spectra.blocks import Block, Kronecker, Side, block_diagonal, sides

Array = NDArray[np.float64]

_SEED = 20251122
#: Nodes of each source over which the variance of ⟨N, h⟩ is averaged: the mean of so many squares is within some per cent.
_PARTNERS = 1024
#: Share of E‖h‖² from which a coordinate is a type of the neurons; below, the features are linear in it up to the square of the share.
LARGE = 0.02
#: Relative length below which a signal is in the span of the others.
_SPANNED = 1e-6
#: Rounds of Newton's method, and how near, in standard deviations, means are to their exact values.
_ROUNDS, _MET = 60, 1e-10
#: Relative spread below which a function is constant.
_CONSTANT = 1e-6


@dataclass(frozen=True, eq=False)
class ContextNodes:
    r"""Nodes of all sources; N of them, with q coordinates.

    Attributes
    ----------
    shares : (N,) array
        Weights within each source, nearly alike: such that the means which are known exactly are met.
    training, test : (sources,) array
        The weights of the sources in training and in the test.
    tested : (sources,) array of bool
        Whether a source is one of the test's, and not of training alone.
    weights, test_weights : (N,) array
        Shares with the source's own weight, in training and in the test.
    source : (N,) array of int
    known : (N, k) array
        The functions with these means, and a constant.
    label, label_variance : (N,) array
        :math:`\sigma_*(\omega g)` and ρ.
    coordinates : (N, q) array
        :math:`t_k`, the large ones first.
    large : int
        How many of them hold more than :data:`LARGE` of E‖h‖².
    signal : (N,) array
        :math:`\langle\bar M,h\rangle`.
    noise : (N,) array
        :math:`\sqrt n\,\langle N,h\rangle`, drawn.
    rest : (kinds, N) array
        :math:`\|P_j(h-\sum_kt_ke_k)\|^2`, :math:`P_j` the projection to blocks of kind j.
    trace : float
        t.
    blocks : tuple of Block
        Invariant blocks of the covariances of the sources, those of a kind scaled to trace 1, without the directions of the coordinates
        where these fill a block of their own.
    moments : (2, kinds, sources) array
        :math:`\mathbb E_s[\|P_jh_\perp\|^2y]`, :math:`\mathbb E_s[\|P_jh_\perp\|^2y^2]`.
    quadratics : QuadraticNodes or None
        Quadratic functions of the query, where a direction of b stands alone.
    """

    shares: Array
    training: Array
    test: Array
    tested: NDArray[np.bool_]
    weights: Array
    test_weights: Array
    source: NDArray[np.int64]
    known: Array
    label: Array
    label_variance: Array
    coordinates: Array
    large: int
    signal: Array
    noise: Array
    rest: Array
    trace: float
    blocks: tuple[Block, ...]
    moments: Array
    quadratics: QuadraticNodes | None


def _spread_points(count: int, dimension: int, stream: int) -> Array:
    from scipy.stats import qmc

    rng = np.random.default_rng([_SEED, stream])
    points = qmc.Sobol(dimension, scramble=True, rng=rng).random(count)
    return np.asarray(scipy.special.ndtri(np.clip(points, 2.0**-40, 1 - 2.0**-40)))


def _contexts(task: Task, member: Member, d: int, count: int, stream: int) -> tuple[Contexts, Array]:
    """Contexts of one source, and one more standard normal for each."""
    context, source = member.context, task.sources[member.source]
    place = geometry(task, source, d)
    z = _spread_points(count, 2 + 3 * d + 2 * context, stream)
    g, extra, zeta, u, v, inner, noise = np.split(z, np.cumsum([1, 1, d, d, d, context]), axis=1)
    if member.tasks is not None:
        eta = task_directions(place, count, member.tasks, np.random.default_rng([_SEED, stream]))
    else:
        if isinstance(source.tasks, Sphere):
            zeta = zeta * (math.sqrt(d) / np.linalg.norm(zeta, axis=1, keepdims=True))
        eta = place.directions(source.mean_vectors(d)[1] + source.task_cov.colour(zeta))
    normals = iter((u, v))

    def sums(mean: Array, omega: Array) -> tuple[Array, Array, Array]:
        return context_sums(place, mean, omega, inner, noise)

    return Contexts(place, context, eta, g[:, 0], sums, lambda shape: next(normals)), extra[:, 0]


@dataclass(frozen=True, eq=False)
class Member:
    """A source of contexts of one length: fresh tasks, or given ones, its weights in training and in the test, and whether it is one of the
    test's."""

    source: int
    tasks: Array | None
    context: int
    weight: float
    test_weight: float
    tested: bool


def _members(task: Task, d: int, context: int, test_context: int | None, draw: tuple[int, int] | None) -> list[Member]:
    """The sources of a task, each once for training and test; where the test has other contexts, or training tasks are drawn, those of
    training, and then those of the test."""
    sources = range(len(task.sources))
    if draw is None and test_context is None:
        return [Member(s, None, context, task.weights[s], task.test_weights[s], True) for s in sources]
    if draw is None:
        trained = [Member(s, None, context, task.weights[s], 0.0, False) for s in sources]
    else:
        tasks, number = draw
        given = enumerate(task_draws(task, d, tasks)[number])
        trained = [Member(s, xi, context, len(xi) / tasks, 0.0, False) for s, xi in given if len(xi)]
    return trained + [Member(s, None, test_context or context, 0.0, task.test_weights[s], True) for s in sources]


@lru_cache(maxsize=16)
def context_nodes(
    task: Task, d: int, context: int, normalise: bool, count: int, draw: tuple[int, int] | None = None, test_context: int | None = None
) -> ContextNodes:
    r"""Nodes of every source, ``count`` each.

    Parameters
    ----------
    task : Task
        Gaussian inputs, tasks Gaussian or on the sphere.
    d, context : int
    normalise : bool
        Whether h is rescaled to :math:`\|h\|^2=t`. The signals are rescaled with it, by one factor for each source.
    count : int
        A power of two.
    draw : (int, int), optional
        The number of training tasks and of their draw. Each source is then two: with these tasks, and with the fresh ones of the test.
    test_context : int, optional
        ℓ in the test, where it is another; each source is then two likewise.

    Raises
    ------
    HypothesisError
        Where h is rescaled, and vanishes.
    """
    members = _members(task, d, context, test_context, draw)
    moments = [source_moments(task, d, member.context, source=member.source, tasks=member.tasks) for member in members]
    training, test = (np.array([getattr(member, name) for member in members]) for name in ("weight", "test_weight"))
    # t is that of fresh tasks at the training ℓ.
    trace = float(task.weights @ np.array([source_moments(task, d, context, source=s).trace for s in range(len(task.sources))]))
    variance = np.array([task.sources[member.source].noise for member in members])
    drawn = [_contexts(task, member, d, count, i) for i, member in enumerate(members)]
    x, b, label, extra = (np.concatenate(parts) for parts in zip(*((c.x, c.b, c.y, more) for c, more in drawn), strict=True))
    source = np.repeat(np.arange(len(moments)), count)
    square = (x * x).sum(1) * (b * b).sum(1)
    if normalise and not square.all():
        raise HypothesisError(
            "no context has labels that all vanish, as h = 0 has no direction", f"{np.mean(square == 0):.2g} of the contexts have",
            "pass noise=1e-6, say, or normalise=False",
        )  # fmt: skip
    factor = np.sqrt(trace / square) if normalise else np.ones(len(x))
    signals = np.stack([m.labels for m in moments])
    # E[hy] is at most this long, and its rounding is no signal.
    floor = math.sqrt(np.finfo(float).eps * trace * max(m.square_y for m in moments))
    both = sides([Kronecker(m.second_x / np.trace(m.second_x), m.second_b / np.trace(m.second_b)) for m in moments])
    assert both is not None
    left, right = x @ both[0].basis, b @ both[1].basis
    turned = both[0].basis.T @ signals @ both[1].basis
    # E[h], where it is not 0: what is left of h has the mean 0.
    centers = both[0].basis.T @ np.array([np.outer(m.mean_x, m.mean_b) for m in moments]) @ both[1].basis
    centers = centers[[bool(m.mean_x.any()) for m in moments]]
    known, shares = [], np.empty(len(x))
    for s, m in enumerate(moments):
        at = source == s
        known.append(known_functions(both, left[at], right[at], label[at], turned[s]))
        exact = exact_means(both, m.second_x, m.second_b, m.square_y - variance[s], float((m.labels**2).sum()))
        shares[at] = calibrated(known[s], exact)
    weights, right = training[source] * shares, right * factor[:, None]

    def inner(matrices: Array) -> Array:
        return np.asarray(np.einsum("ni,sij,nj->ns", x, matrices, b, optimize=True)) * factor[:, None]

    projected = inner(signals)
    if normalise:
        # E[hy] of the rescaled h has, source by source, the direction of M and the length E⟨M,h⟩y/‖M‖.
        lengths = (signals**2).sum((1, 2))
        means = np.array([projected[source == s, s] @ (shares * label)[source == s] for s in range(len(members))])
        projected = projected * np.where(lengths > floor**2, means / np.where(lengths > floor**2, lengths, 1.0), 0.0)
    basis = _basis(np.concatenate([turned, centers]), _alone(both, left, right, weights, LARGE * trace), floor)
    coordinates = np.einsum("ni,kij,nj->nk", left, basis, right, optimize=True)
    large = weights @ coordinates**2 > LARGE * trace
    order = np.argsort(~large, kind="stable")
    coordinates, basis = coordinates[:, order], basis[order]
    rest = _rest(both, left, right, coordinates, basis)

    variances = variance[source]
    squares = weights * (label**2 + variances)
    return ContextNodes(
        shares=shares,
        training=training,
        test=test,
        tested=np.array([member.tested for member in members]),
        weights=weights,
        test_weights=test[source] * shares,
        source=source,
        known=np.concatenate(known),
        label=label,
        label_variance=variances,
        coordinates=coordinates,
        large=int(large.sum()),
        signal=projected @ training,
        noise=extra * np.sqrt(_overlap_variance(x, b, factor, coordinates, squares, source, count)),
        rest=rest,
        trace=trace,
        blocks=_blocks([Kronecker(m.second_x, m.second_b) for m in moments], both[0].basis @ basis @ both[1].basis.T),
        moments=np.array([[np.bincount(source, row * f * shares) for row in rest] for f in (label, label**2 + variances)]),
        quadratics=quadratic_nodes(both, left, right, [m.second_x for m in moments], turned, basis[large[order]]),
    )


def _alone(both: tuple[Side, Side], x: Array, b: Array, weights: Array, least: float) -> list[tuple[int, int]]:
    """Products of a direction of x and one of b, each a class by itself, with E⟨e, h⟩² above ``least``."""
    singles = itertools.product(*([int(c[0]) for c in side.classes if c.size == 1] for side in both))
    return [(i, j) for i, j in singles if weights @ (x[:, i] * b[:, j]) ** 2 > least]


def _basis(signals: Array, alone: list[tuple[int, int]], floor: float) -> Array:
    """Orthonormal: the products of directions that stand alone, then what else signals and means span; those shorter than ``floor`` left
    out."""
    first = np.zeros((len(alone), *signals.shape[1:]))
    for k, (i, j) in enumerate(alone):
        first[k, i, j] = 1.0
    rest = np.where(first.any(axis=0) if alone else False, 0.0, signals)
    _, lengths, directions = np.linalg.svd(rest.reshape(len(rest), -1), full_matrices=False)
    kept = lengths > max(_SPANNED * float(np.linalg.norm(signals, axis=(1, 2)).max()), floor)
    return np.concatenate([first, directions[kept].reshape(-1, *signals.shape[1:])])


def _rest(both: tuple[Side, Side], x: Array, b: Array, coordinates: Array, basis: Array) -> Array:
    """‖P_j(h − Σ t_k e_k)‖² for every kind j of blocks, shape (kinds, N)."""
    remainders = []
    for rows, columns in itertools.product(both[0].classes, both[1].classes):
        square = (x[:, rows] ** 2).sum(1) * (b[:, columns] ** 2).sum(1)
        own = basis[np.ix_(np.arange(len(basis)), rows, columns)]
        overlaps = np.einsum("ni,kij,nj->nk", x[:, rows], own, b[:, columns], optimize=True)
        gram = np.einsum("kij,lij->kl", own, own)
        left = square + ((coordinates @ gram - 2 * overlaps) * coordinates).sum(1)
        remainders.append(np.maximum(left, np.finfo(float).eps * square))
    return np.array(remainders)


def _overlap_variance(
    x: Array, b: Array, factor: Array, coordinates: Array, resolved: Array, source: NDArray[np.int64], count: int
) -> Array:
    r""":math:`\mathbb E'[y'^2\langle h'_\perp,h_\perp\rangle^2]` for every h, h' over the first nodes of each source, h itself left out."""
    few = min(_PARTNERS, count)
    partners = np.flatnonzero(np.arange(len(x)) % count < few)
    variances = np.empty(len(x))
    scaled_x = x * factor[:, None]
    # As many rows as a cache holds.
    for start in range(0, len(x), 128):
        rows = slice(start, start + 128)
        inner = (scaled_x[rows] @ scaled_x[partners].T) * (b[rows] @ b[partners].T)
        inner -= coordinates[rows] @ coordinates[partners].T
        own = np.flatnonzero((partners >= start) & (partners < start + len(inner)))
        inner[partners[own] - start, own] = 0.0
        variances[rows] = np.square(inner, out=inner) @ resolved[partners] * (count / few)
    return variances


def _blocks(covariances: list[Kronecker], basis: Array) -> tuple[Block, ...]:
    """Blocks of the covariances, those of a kind scaled to trace 1; a direction of the basis leaves the block that it lies in with all its
    length."""
    scaled = [Kronecker(c.inputs / np.trace(c.inputs), c.context / np.trace(c.context)) for c in covariances]
    # A direction for each source at a time: the blocks, and so their kinds, are those of the covariances alone.
    count = len(scaled)
    vectors = np.concatenate([basis, np.zeros((-len(basis) % count if len(basis) else count, *basis.shape[1:]))])
    parts = [block_diagonal(scaled, list(vectors[i : i + count])) for i in range(0, len(vectors), count)]
    blocks = []
    for same in zip(*parts, strict=True):
        block, matrices = same[0], same[0].matrices
        if block.copies == 1:
            inside = np.concatenate([part.signals for part in same])
            inside = inside[(inside**2).sum((1, 2)) > 0.5, :, 0]
            project = np.eye(matrices.shape[1]) - inside.T @ np.linalg.pinv(inside).T
            matrices = project @ matrices @ project
        blocks.append(replace(block, matrices=matrices))
    traces = np.zeros((1 + max(block.kind for block in blocks), len(scaled)))
    for block in blocks:
        traces[block.kind] += block.traces
    # What coordinates have taken whole has no covariance left.
    share = np.where(traces > _SPANNED, traces, np.inf)
    return tuple(replace(block, matrices=block.matrices / share[block.kind][:, None, None]) for block in blocks)


def known_functions(both: tuple[Side, Side], x: Array, b: Array, label: Array, signal: Array) -> Array:
    """The energies of h in every kind of block, y², y⟨M, h⟩ for ``signal`` M, and 1."""
    squares_x, squares_b = (
        np.stack([(values[:, c] ** 2).sum(1) for c in side.classes], axis=1) for side, values in zip(both, (x, b), strict=True)
    )
    energies = (squares_x[:, :, None] * squares_b[:, None, :]).reshape(len(x), -1)
    return np.column_stack([energies, label**2, label * ((x @ signal) * b).sum(1), np.ones(len(x))])


def exact_means(both: tuple[Side, Side], inputs: Array, context: Array, square: float, signal: float) -> Array:
    """Those of :func:`known_functions`: x and b are independent of each other."""
    traces = [
        np.array([np.einsum("ai,ab,bi->", side.basis[:, c], m, side.basis[:, c], optimize=True) for c in side.classes])
        for side, m in zip(both, (inputs, context), strict=True)
    ]
    return np.concatenate([np.outer(*traces).ravel(), [square, signal, 1.0]])


def calibrated(known: Array, exact: Array) -> Array:
    r"""Weights :math:`\propto e^{\lambda^\top g}` with which the means of g = ``known`` are ``exact``; λ minimises a convex function.

    >>> g = np.column_stack([np.arange(10.0), np.ones(10)])
    >>> weights = calibrated(g, np.array([5.0, 1.0]))
    >>> bool(weights.min() > 0), weights @ g
    (True, array([5., 1.]))
    """
    spread = known.std(axis=0)
    varying = spread > _CONSTANT * np.abs(known).max(axis=0)
    g = (known[:, varying] - exact[varying]) / spread[varying]

    def tilted(lam: Array) -> tuple[float, Array]:
        exponent = g @ lam
        top = float(exponent.max())
        weights = np.exp(exponent - top)
        return top + math.log(weights.sum()), weights / weights.sum()

    lam = np.zeros(g.shape[1])
    value, weights = tilted(lam)
    for _ in range(_ROUNDS):
        slope = weights @ g
        if np.abs(slope).max(initial=0.0) < _MET:
            return weights
        centred = g - slope
        step = np.linalg.lstsq((centred * weights[:, None]).T @ centred, slope, rcond=None)[0]
        # Newton's step, halved until the convex function falls, but for rounding.
        for _ in range(_ROUNDS):
            next_value, next_weights = tilted(lam - step)
            if next_value <= value + 8 * np.finfo(float).eps * abs(value):
                break
            step = step / 2
        lam, value, weights = lam - step, next_value, next_weights
    raise HypothesisError("the nodes surround the exact means of the contexts", f"{len(known)} nodes", "raise the number of nodes")
