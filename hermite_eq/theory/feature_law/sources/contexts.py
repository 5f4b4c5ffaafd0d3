r"""Contexts of one source, drawn from their exact law: what varies from one context to the next.

Given η (the target's argument is :math:`\eta^\top x`) and Gaussian inputs :math:`x=\mu+gr+w`, :math:`r=\Sigma\eta/\omega`,
:math:`\omega^2=\eta^\top\Sigma\eta`, with g standard normal and independent of w, the sums over a context are

.. math:: \sum_iy_ix_i=T\mu+Ar+\sqrt Y\,w,\qquad T=\sum y_i,\ A=\sum y_ig_i,\ Y=\sum y_i^2,

so that a context costs ℓ + d numbers. The theory needs expectations of :math:`h_\kappa h_\kappa^\top`, :math:`h_\kappa y`, y and y² times
functions of the energies :math:`\|h_\kappa\|^2` only; these are means over the draws, which are linear in each of those four.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial

import numpy as np
import scipy.special
from numpy.typing import NDArray

from hermite_eq.covariance.moments.geometry import Geometry, geometry
from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.models import Task
from hermite_eq.theory.feature_law.given_moments import ContextSample
from hermite_eq.theory.spectra.blocks import Side

Array = NDArray[np.float64]

#: Contexts drawn of each source, and how many of them at a time; and for one of several draws of its tasks.
CONTEXTS, _BATCH = 2**16, 2**13
FEWER = 2**12
#: Cells into which they are gathered: by the energy in a typical direction of h, and in each of these by the norm.
_CELLS = 32, 6
#: Tasks over which a curvature is averaged.
_TASKS = 512
_SEED = 20251122
#: Numbers drawn at a time.
_CHUNK = 2**20
#: Relative square length below which a signal or a mean is zero.
_NONE = 1e-14


def task_directions(place: Geometry, count: int, given: Array | None, rng: np.random.Generator) -> Array:
    """η of fresh tasks, or of given ones in turn."""
    if given is not None:
        return place.directions(given[rng.permutation(np.resize(np.arange(len(given)), count))])
    d = len(place.mean)
    z = place.source.tasks.draw(rng, (count, d))
    return place.directions(place.source.mean_vectors(d)[1] + place.source.task_cov.colour(z))


def _normal(rng: np.random.Generator, count: int) -> Array:
    """Standard normal numbers, one in each of ``count`` intervals of equal probability, in random order."""
    return np.asarray(scipy.special.ndtri((rng.permutation(count) + rng.random(count)) / count))


def context_sums(place: Geometry, mean: Array, omega: Array, g: Array, noise: Array) -> tuple[Array, Array, Array]:
    """T, A and Y for each task: arguments ``mean`` + ``omega`` · g, g and the label noise standard normal of shape (tasks, context)."""
    y = np.asarray(place.source.target(mean[:, None] + omega[:, None] * g), float) + np.sqrt(place.source.noise) * noise
    return y.sum(1), (y * g).sum(1), (y**2).sum(1)


def drawn_sums(place: Geometry, context: int, rng: np.random.Generator, mean: Array, omega: Array) -> tuple[Array, Array, Array]:
    """:func:`context_sums` of random contexts."""
    sums = np.empty((3, mean.size))
    step = max(1, _CHUNK // context)
    for start in range(0, mean.size, step):
        part = slice(start, start + step)
        g = rng.standard_normal((mean[part].size, context))
        sums[:, part] = context_sums(place, mean[part], omega[part], g, rng.standard_normal(g.shape))
    return sums[0], sums[1], sums[2]


class Contexts:
    r"""Contexts of one source with their queries, given their tasks: the query x, the statistic b, and what of the label is known.

    Parameters
    ----------
    eta : (N, d) array
        The target's argument is :math:`\eta^\top x`.
    g : (N,) array
        Of the queries.
    sums : callable
        T, A and Y, for the means and deviations of the arguments.
    normal : callable
        Standard normal arrays of a shape: for x, then for b.
    """

    def __init__(
        self, place: Geometry, context: int, eta: Array, g: Array, sums: Callable[[Array, Array], tuple[Array, Array, Array]],
        normal: Callable[[tuple[int, int]], Array],
    ) -> None:  # fmt: skip
        image = eta @ place.covariance
        omega = np.sqrt((image * eta).sum(1))
        r = image / omega[:, None]
        size = image.shape[1]
        root = np.linalg.cholesky(place.covariance + np.finfo(float).eps * np.trace(place.covariance) * np.eye(size))

        def across() -> Array:
            """w ~ N(0, Σ − rrᵀ)."""
            u = normal((len(image), size)) @ root.T
            return np.asarray(u - ((u * eta).sum(1) / omega)[:, None] * r)

        mean = eta @ place.mean
        T, A, Y = sums(mean, omega)
        f = place.factor / context
        #: E[x | g, η] and E[b | T, A, Y, η]: what is left of x and b is even, and independent of the label.
        self.query = place.mean + g[:, None] * r
        self.context = np.column_stack([f * (T[:, None] * place.mean + A[:, None] * r), Y / context])
        self.x = self.query + across()
        self.b = self.context + np.pad(f * np.sqrt(Y)[:, None] * across(), ((0, 0), (0, 1)))
        self.y = np.asarray(place.source.target(mean + omega * g), float)


def context_sample(
    task: Task, source: int, d: int, context: int, moments: SourceMoments, both: tuple[Side, Side], tasks: Array | None = None,
    *, count: int,
) -> ContextSample:  # fmt: skip
    r"""The contexts of one source, by the energies of h in the blocks of two sides.

    Means over them are moved to their exact values: energies, signals and centers by multiples of the energy, labels by a constant and a
    factor. What remains of the sampling error is that of their correlation with functions of the energies.

    Parameters
    ----------
    task, source, d, context
        As for :func:`hermite_eq.covariance.moments.source_moments`.
    moments : SourceMoments
        Of this source, over the same tasks.
    both : (Side, Side)
        Those of x and b.
    tasks : (k, d) array, optional
        Over these tasks in place of fresh ones.
    count : int
        Contexts drawn.
    """
    place = geometry(task, task.sources[source], d)
    left, right = both
    signal = left.basis.T @ moments.labels @ right.basis
    center = left.basis.T @ np.outer(moments.mean_x, moments.mean_b) @ right.basis
    second_x, second_b = ((side.basis * (m @ side.basis)).sum(0) for side, m in ((left, moments.second_x), (right, moments.second_b)))
    rng = np.random.default_rng(_SEED)
    eta, g = task_directions(place, count, tasks, rng), _normal(rng, count)
    in_x, in_b = (_members(side) for side in both)
    share = np.outer(second_x @ in_x, second_b @ in_b).ravel()
    lengths = [(in_x.T @ matrix**2 @ in_b).ravel() for matrix in (signal, center)]
    energies, signals, centers = (np.empty((share.size, count)) for _ in range(3))
    mean = np.empty(count)
    for start in range(0, count, _BATCH):
        part = slice(start, start + _BATCH)
        drawn = Contexts(place, context, eta[part], g[part], partial(drawn_sums, place, context, rng), rng.standard_normal)
        x, b, mean[part] = drawn.x @ left.basis, drawn.b @ right.basis, drawn.y
        energies[:, part] = np.einsum("na,nb->abn", x**2 @ in_x, b**2 @ in_b).reshape(share.size, -1)
        # A direction by itself is correlated with its energy; of many together only the label's direction is, and its part is exact.
        x = np.where(in_x.sum(0)[in_x.argmax(1)] == 1, x, drawn.query @ left.basis)
        b = np.where(in_b.sum(0)[in_b.argmax(1)] == 1, b, drawn.context @ right.basis)
        for values, matrix in ((signals, signal), (centers, center)):
            products = [((x[:, rows] @ matrix[rows]) * b) @ in_b for rows in left.classes]
            values[:, part] = np.concatenate(products, axis=1).T
        signals[:, part] *= drawn.y
    energies /= energies.mean(1, keepdims=True)
    share /= share.sum()
    square = mean**2 + place.source.noise
    signals, centers = (_with_mean(values, size, energies) for values, size in zip((signals, centers), lengths, strict=True))
    return _gathered(
        ContextSample(
            energies, signals, centers, mean + (moments.mean_y - mean.mean()), square * (moments.square_y / square.mean()), share,
            np.full(count, 1 / count),
        ),
        np.outer(in_x.sum(0), in_b.sum(0)).ravel(),
    )  # fmt: skip


def _with_mean(vectors: Array, sizes: Array, energies: Array) -> Array:
    """Products in units of their means ``sizes``, moved to the mean 1 by multiples of the energies, which stand where there are none."""
    has = (sizes > _NONE * sizes.sum())[:, None]
    vectors = vectors / np.where(has, sizes[:, None], 1.0)
    return np.where(has, vectors + (1 - vectors.mean(1, keepdims=True)) * energies, energies)


def _members(side: Side) -> Array:
    """Which direction is in which class, shape (p, classes)."""
    shares = np.zeros((len(side.basis), len(side.classes)))
    for i, members in enumerate(side.classes):
        shares[members, i] = 1.0
    return shares


def _cells(values: Array, count: int) -> NDArray[np.intp]:
    """A cell for each value, in their order: half of a cell's weight is probability, half of it the share of the sum of the values."""
    order = np.argsort(values)
    weight = 0.5 / values.size + 0.5 * values[order] / values.sum()
    cells = np.empty(values.size, dtype=np.intp)
    cells[order] = np.minimum((np.cumsum(weight) - weight / 2) * count, count - 1).astype(np.intp)
    return cells


def _gathered(sample: ContextSample, sizes: Array) -> ContextSample:
    """Means over cells: what a fit makes of a context depends on its energies chiefly through h's energy in a typical direction, in which
    every direction counts alike, and through its norm."""
    norm = sample.norm
    first = _cells(sizes @ sample.energies, _CELLS[0])
    cells = np.empty_like(first)
    for cell in np.unique(first):
        members = np.flatnonzero(first == cell)
        cells[members] = cell * _CELLS[1] + _cells(norm[members], _CELLS[1])
    _, cells = np.unique(cells, return_inverse=True)
    weights = np.asarray(np.bincount(cells, sample.weights), float)

    def mean(values: Array) -> Array:
        return np.asarray(np.bincount(cells, values * sample.weights) / weights)

    energies, signals, centers = (np.array([mean(row) for row in table]) for table in (sample.energies, sample.signals, sample.centers))
    return ContextSample(energies, signals, centers, mean(sample.mean), mean(sample.square), sample.shares, weights)


@lru_cache(maxsize=64)
def _fresh_curvature(task: Task, source: int, d: int) -> Array:
    return _curvature(geometry(task, task.sources[source], d), None)


def _curvature(place: Geometry, tasks: Array | None) -> Array:
    eta = task_directions(place, _TASKS, tasks, np.random.default_rng(_SEED))
    image = eta @ place.covariance
    omega = np.sqrt((image * eta).sum(1))
    # E[y(g² − 1)] = c₂ of the label as a function of g.
    second = argument_moments(place.source.target, eta @ place.mean, omega, 2, 2)[0, 2]
    r = image / omega[:, None]
    return np.asarray((r * second[:, None]).T @ r / len(r))


def curvature(task: Task, source: int, d: int, tasks: Array | None = None) -> Array:
    r""":math:`\mathbb E[y\,((x-\mu)(x-\mu)^\top-\Sigma)]=\mathbb E_\eta[\mathbb E[y(g^2-1)|\eta]\,rr^\top]`, a mean over 512 tasks."""
    return _fresh_curvature(task, source, d) if tasks is None else _curvature(geometry(task, task.sources[source], d), tasks)
