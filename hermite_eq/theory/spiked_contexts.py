r"""Contexts of several sources as nodes: what a head whose first layer has a spike sees of them.

Given its task η, a context is, by the exact law of :mod:`hermite_eq.theory.source_contexts`,

.. math:: x=gr+w_0,\quad b_1=\tfrac f\ell(Ar+\sqrt Y\,w),\quad b_2=\tfrac Y\ell,\quad y=\sigma_*(\omega g)+\epsilon,

and a node is one such context, drawn from a fixed sequence of evenly spread points. Of :math:`h=x\otimes b` it keeps

- the coordinates :math:`t_k=\langle e_k,h\rangle` in an orthonormal basis of the span of the signals :math:`M_s=\mathbb E_s[hy]`,
- the overlap :math:`\langle\hat g,h\rangle` with :math:`\hat g=\frac1n\sum_j\tilde y_j\tilde h_j`, which is :math:`\langle\bar M,h\rangle`,
  :math:`\bar M=\sum_s\pi_sM_s`, and a noise
  :math:`\langle N,h\rangle\sim\mathcal N(0,\tfrac1n\mathbb E'[y'^2\langle h'_\perp,h_\perp\rangle^2])`,
- and the squared length of the rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.covariance.sources import geometry, source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Gaussian, MixtureTask, Sphere
from hermite_eq.theory.blocks import Block, Kronecker, block_diagonal

Array = NDArray[np.float64]

_SEED = 20251122
#: Nodes of each source over which the variance of ⟨N, h⟩ is averaged: the mean of so many squares is within some per cent.
_PARTNERS = 1024
#: Relative length below which a signal is in the span of the others.
_SPANNED = 1e-6


@dataclass(frozen=True, eq=False)
class ContextNodes:
    r"""Nodes of all sources; N of them, with q coordinates.

    Attributes
    ----------
    weights, test_weights : (N,) array
    source : (N,) array of int
    label, label_variance : (N,) array
        :math:`\sigma_*(\omega g)` and ρ.
    coordinates : (N, q) array
        :math:`t_k`, in the order of falling variance.
    signal : (N,) array
        :math:`\langle\bar M,h\rangle`.
    noise : (N,) array
        :math:`\sqrt n\,\langle N,h\rangle`, drawn.
    rest : (N,) array
        :math:`\|h\|^2-\sum_kt_k^2`.
    trace : float
        t.
    blocks : tuple of Block
        Invariant blocks of the covariances of the sources, each scaled to trace 1, without the directions of the coordinates where
        these fill a block of their own.
    moments : (2, sources) array
        :math:`\mathbb E_s[\|h_\perp\|^2y]`, :math:`\mathbb E_s[\|h_\perp\|^2y^2]`.
    """

    weights: Array
    test_weights: Array
    source: NDArray[np.int64]
    label: Array
    label_variance: Array
    coordinates: Array
    signal: Array
    noise: Array
    rest: Array
    trace: float
    blocks: tuple[Block, ...]
    moments: Array


def _spread_points(count: int, dimension: int, stream: int) -> Array:
    rng = np.random.default_rng([_SEED, stream])
    points = scipy.stats.qmc.Sobol(dimension, scramble=True, rng=rng).random(count)
    return np.asarray(scipy.special.ndtri(np.clip(points, 2.0**-40, 1 - 2.0**-40)))


def _contexts(task: MixtureTask, index: int, d: int, context: int, count: int) -> tuple[Array, Array, Array, Array]:
    """x, b, the label without its noise, and one more standard normal for each node."""
    source = task.sources[index]
    place = geometry(task, source, d)
    z = _spread_points(count, 2 + 3 * d + 2 * context, index)
    g, extra, zeta, u, v, inner, noise = np.split(z, np.cumsum([1, 1, d, d, d, context]), axis=1)
    if isinstance(source.tasks, Sphere):
        zeta = zeta * (math.sqrt(d) / np.linalg.norm(zeta, axis=1, keepdims=True))
    eta = place.directions(source.mean_vectors(d)[1] + source.task_cov.colour(zeta))
    image = eta @ place.covariance
    omega = np.sqrt((eta * image).sum(1, keepdims=True))
    r = image / omega
    root = np.linalg.cholesky(place.covariance)

    def across(normal: Array) -> Array:
        found = normal @ root.T
        return np.asarray(found - r * ((found * eta).sum(1, keepdims=True) / omega))

    y = np.asarray(source.target(omega * inner), float) + math.sqrt(source.noise) * noise
    square = (y**2).sum(1, keepdims=True)
    first = place.factor / context * ((y * inner).sum(1, keepdims=True) * r + np.sqrt(square) * across(v))
    b = np.concatenate([first, square / context], axis=1)
    return g * r + across(u), b, np.asarray(source.target(omega * g), float)[:, 0], extra[:, 0]


@lru_cache(maxsize=16)
def context_nodes(task: MixtureTask, d: int, context: int, normalise: bool, count: int) -> ContextNodes:
    r"""Nodes of every source, ``count`` each.

    Parameters
    ----------
    task : MixtureTask
        Gaussian inputs of mean zero, tasks Gaussian or on the sphere.
    d, context : int
    normalise : bool
        Whether h is rescaled to :math:`\|h\|^2=t`. The signals are rescaled with it, by one factor for each source.
    count : int
        A power of two.

    Raises
    ------
    HypothesisError
        For inputs with a mean, other laws, or labels without any linear signal in h.
    """
    sources = range(len(task.sources))
    for s, each in enumerate(task.sources):
        if not (each.centred and isinstance(each.tasks, Gaussian | Sphere)):
            raise HypothesisError(
                "inputs have mean zero, and tasks are Gaussian or on the sphere", f"source {s}: {each}",
                "simulate: hermite_eq.simulate.icl_error",
            )  # fmt: skip
    moments = [source_moments(task, d, context, source=s) for s in sources]
    training = np.array(task.weights)
    trace = float(training @ [m.trace for m in moments])
    x, b, label, extra = (np.concatenate(parts) for parts in zip(*(_contexts(task, s, d, context, count) for s in sources), strict=True))
    source = np.repeat(np.arange(len(moments)), count)
    square = (x * x).sum(1) * (b * b).sum(1)
    factor = np.sqrt(trace / square) if normalise else np.ones(len(x))
    square = square * factor**2
    signals = np.stack([m.labels for m in moments])
    # E[hy] is at most this long, and its rounding is no signal.
    floor = math.sqrt(np.finfo(float).eps * trace * max(m.square_y for m in moments))
    basis = _basis(signals, floor)
    if not len(basis):
        raise HypothesisError("the labels have a part linear in h: E[hy] ≠ 0", f"{task}", "use a target with c_1 ≠ 0")
    weights = (training / count)[source]

    def inner(matrices: Array) -> Array:
        return np.asarray(np.einsum("ni,sij,nj->ns", x, matrices, b, optimize=True)) * factor[:, None]

    projected = inner(signals)
    if normalise:
        # E[hy] of the rescaled h has, source by source, the direction of M and the length E⟨M,h⟩y/‖M‖.
        lengths = (signals**2).sum((1, 2))
        means = np.array([projected[source == s, s] @ label[source == s] / count for s in sources])
        projected = projected * np.where(lengths > floor**2, means / np.where(lengths > floor**2, lengths, 1.0), 0.0)
    coordinates = inner(basis.reshape(len(basis), *signals.shape[1:]))
    _, turn = np.linalg.eigh(-(coordinates * weights[:, None]).T @ coordinates)
    coordinates, basis = coordinates @ turn, turn.T @ basis
    rest = np.maximum(square - (coordinates**2).sum(1), np.finfo(float).eps * square)

    variances = np.array([s.noise for s in task.sources])[source]
    seen = weights * (label**2 + variances)
    return ContextNodes(
        weights=weights,
        test_weights=(np.array(task.test_weights) / count)[source],
        source=source,
        label=label,
        label_variance=variances,
        coordinates=coordinates,
        signal=projected @ training,
        noise=extra * np.sqrt(_overlap_variance(x, b, factor, coordinates, seen, source, count)),
        rest=rest,
        trace=trace,
        blocks=_blocks([Kronecker(m.inputs, m.second_b) for m in moments], basis),
        moments=np.array([np.bincount(source, rest * f) / count for f in (label, label**2 + variances)]),
    )


def _basis(signals: Array, floor: float) -> Array:
    """An orthonormal basis of the span of the signals, shape (q, D), those shorter than ``floor`` left out."""
    flat = signals.reshape(len(signals), -1)
    _, lengths, basis = np.linalg.svd(flat, full_matrices=False)
    return np.asarray(basis[lengths > max(_SPANNED * lengths[0], floor)])


def _overlap_variance(
    x: Array, b: Array, factor: Array, coordinates: Array, seen: Array, source: NDArray[np.int64], count: int
) -> Array:
    r""":math:`\mathbb E'[y'^2\langle h'_\perp,h_\perp\rangle^2]` for every h, h' over the first nodes of each source, h itself left out."""
    few = min(_PARTNERS, count)
    partners = np.flatnonzero(np.arange(len(x)) % count < few)
    found = np.empty(len(x))
    scaled_x, scaled_b = x * factor[:, None], b
    for start in range(0, len(x), 4096):
        rows = slice(start, start + 4096)
        inner = (scaled_x[rows] @ scaled_x[partners].T) * (scaled_b[rows] @ scaled_b[partners].T)
        inner -= coordinates[rows] @ coordinates[partners].T
        own = np.arange(start, start + len(inner))[:, None] == partners
        found[rows] = np.where(own, 0.0, inner**2) @ seen[partners] * (count / few)
    return found


def _blocks(covariances: list[Kronecker], basis: Array) -> tuple[Block, ...]:
    """Blocks of the covariances, scaled to trace 1; a direction of the basis leaves the block that it lies in with all its length."""
    scaled = [Kronecker(c.inputs / np.trace(c.inputs), c.context / np.trace(c.context)) for c in covariances]
    found = []
    # There are no more directions than sources.
    vectors = np.zeros((len(scaled), basis.shape[1]))
    vectors[: len(basis)] = basis
    for block in block_diagonal(scaled, list(vectors)):
        matrices = block.matrices
        if block.copies == 1:
            inside = block.signals[(block.signals**2).sum((1, 2)) > 0.5, :, 0]
            project = np.eye(matrices.shape[1]) - inside.T @ np.linalg.pinv(inside).T
            matrices = project @ matrices @ project
        found.append(replace(block, matrices=matrices))
    traces = np.sum([block.traces for block in found], axis=0)
    return tuple(replace(block, matrices=block.matrices / traces[:, None, None]) for block in found)
