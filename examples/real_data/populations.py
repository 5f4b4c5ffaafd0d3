r"""Finite populations of inputs with labels, as the simulator and the theory of hermite_eq take them.

A context is ℓ examples and a query of one source, drawn from a :class:`Population` (a list of real inputs) or a :class:`Twin` of it
(Gaussian inputs with the same moments). In the convention of [DM], inputs of O(1) entries,

.. math:: h=x_{\ell+1}\otimes b,\qquad b=\Bigl[\frac1\ell\sum_{i\le\ell}y_ix_i;\ \frac1\ell\sum_{i\le\ell}y_i^2\Bigr].

:class:`RealTask` goes to ``hermite_eq.simulate.icl_error`` in place of a ``Task``, for which it is registered in ``context_law``;
:func:`given` makes of it what ``hermite_eq.icl_error`` takes.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq import Sizes
from hermite_eq.activations import activation
from hermite_eq.errors import HypothesisError
from hermite_eq.simulate import Contexts, Tasks, context_law
from hermite_eq.theory import GivenMoments, Kronecker, given_moments
from hermite_eq.theory import Population as Moments
from hermite_eq.theory.feature_law.given_moments import ContextSample, mixture_trace
from hermite_eq.theory.spectra.blocks import Side, sides

Array = NDArray[np.float64]

#: Contexts drawn at a time; contexts which the theory knows one by one, and tasks over which moments are averaged.
_BLOCK, _DRAWN, _TASKS = 1024, 2**12, 2**11
#: Classes of directions of x, and of b, with energies of their own; relative square length below which a signal or a mean is zero.
_CLASSES, _NONE = 4, 1e-12


@dataclass(frozen=True)
class Signs:
    """The task of a context is a sign, which multiplies the labels that the inputs have: only the examples tell it."""

    noise = 0.0

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return rng.choice([-1.0, 1.0], (count, 1))

    def labels(self, tasks: Array, x: Array, own: Array) -> Array:
        """Labels without noise, (n, p), of inputs x with labels of their own, (n, p, d) and (n, p), for n tasks."""
        return tasks * own

    def all(self) -> Array:
        """Tasks over which moments are averaged."""
        return np.array([[-1.0], [1.0]])


@dataclass(frozen=True)
class Links:
    """Labels y = σ*(ξᵀx/√d) + ε with ξ ~ N(0, I) and ε ~ N(0, ρ): labels that inputs have of their own play no role."""

    d: int
    target: str
    noise: float

    def draw(self, rng: np.random.Generator, count: int) -> Array:
        return rng.standard_normal((count, self.d))

    def labels(self, tasks: Array, x: Array, own: Array) -> Array:
        return np.asarray(activation(self.target)((x @ tasks[:, :, None])[..., 0] / np.sqrt(self.d)), float)

    def all(self) -> Array:
        return self.draw(np.random.default_rng(0), _TASKS)


Labels = Signs | Links


@dataclass(frozen=True, eq=False)
class Population:
    """Inputs (W, d) with labels (W,) of their own; the examples and the query of a context are different ones of them."""

    x: Array
    y: Array

    def draw(self, rng: np.random.Generator, contexts: int, examples: int) -> tuple[Array, Array]:
        """Inputs (n, p, d) and their own labels (n, p)."""
        which = rng.random((contexts, len(self.y))).argpartition(examples, axis=1)[:, :examples]
        which = rng.permuted(which, axis=1)
        return self.x[which], self.y[which]


@dataclass(frozen=True, eq=False)
class Twin:
    """Gaussian inputs with own labels, jointly Gaussian, of the means and covariances of a population."""

    of: Population

    @cached_property
    def _law(self) -> tuple[Array, Array]:
        both = np.column_stack([self.of.x, self.of.y])
        values, basis = np.linalg.eigh(np.cov(both, rowvar=False, bias=True))
        return both.mean(axis=0), basis * np.sqrt(np.maximum(values, 0.0))

    def draw(self, rng: np.random.Generator, contexts: int, examples: int) -> tuple[Array, Array]:
        mean, root = self._law
        both = mean + rng.standard_normal((contexts, examples, len(mean))) @ root.T
        return both[..., :-1], both[..., -1]


Source = Population | Twin


def drawn(
    source: Source, labels: Labels, tasks: Array, length: int, rng: np.random.Generator, queries: int = 1
) -> tuple[Array, Array, Array]:
    """x, b and y of one context for each task, with q queries: shapes (n, q, d), (n, d + 1), (n, q)."""
    parts = []
    for start in range(0, len(tasks), _BLOCK):
        own = tasks[start : start + _BLOCK]
        inputs, given_labels = source.draw(rng, len(own), length + queries)
        y = labels.labels(own, inputs, given_labels)
        if labels.noise:
            y = y + np.sqrt(labels.noise) * rng.standard_normal(y.shape)
        tested = y[:, :length]
        b = np.einsum("np,npd->nd", tested, inputs[:, :length]) / length
        parts.append((inputs[:, length:], np.column_stack([b, (tested**2).mean(axis=1)]), y[:, length:]))
    x, b, y = (np.concatenate(part) for part in zip(*parts, strict=True))
    return x, b, y


@dataclass(frozen=True, eq=False)
class RealTask:
    """Sources to train on and to test on, the latter weighted equally, with one law of tasks.

    Attributes
    ----------
    training, test : tuple of Population or Twin
        As many of each.
    labels : Signs or Links
    weights : tuple of float
        Probabilities of the sources in training.
    """

    training: tuple[Source, ...]
    test: tuple[Source, ...]
    labels: Labels
    weights: tuple[float, ...]


@dataclass(frozen=True, eq=False)
class RealLaw:
    """What the simulator asks of a task. A drawn task is ξ, with a last entry that says whether it is one of the test."""

    task: RealTask
    d: int
    context: int
    closes = False

    @property
    def sources(self) -> tuple[Source, ...]:
        return self.task.test

    @property
    def weights(self) -> Array:
        return np.array(self.task.weights)

    @property
    def test_weights(self) -> Array:
        return np.full(len(self.sources), 1 / len(self.sources))

    def tasks(self, count: int, rng: np.random.Generator) -> Tasks:
        """``count`` training tasks."""
        return self._tasks(rng.choice(len(self.weights), count, p=self.weights), rng, 0.0)

    def fresh_tasks(self, count: int, rng: np.random.Generator) -> Tasks:
        """``count`` tasks of the test, shared equally among the sources, in turn."""
        return self._tasks(np.arange(count) % len(self.sources), rng, 1.0)

    def _tasks(self, source: NDArray[np.intp], rng: np.random.Generator, test: float) -> Tasks:
        return Tasks(np.column_stack([self.task.labels.draw(rng, len(source)), np.full(len(source), test)]), source)

    def draw(self, tasks: Tasks, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int = 1) -> Contexts:
        """One context for each entry of ``which``, the number of its task."""
        n, source = len(which), tasks.source[which]
        x, b, y = np.empty((n, queries, self.d)), np.empty((n, self.d + 1)), np.empty((n, queries))
        for s, child in enumerate(seed.spawn(len(self.sources))):
            for test, places in enumerate((self.task.training, self.task.test)):
                rows = np.flatnonzero((source == s) & (tasks.xi[which, -1] == test))
                if rows.size:
                    rng = np.random.default_rng([test, *child.generate_state(4)])
                    x[rows], b[rows], y[rows] = drawn(places[s], self.task.labels, tasks.xi[which[rows], :-1], self.context, rng, queries)
        return Contexts(x.reshape(-1, self.d), b.repeat(queries, 0), y.ravel(), tasks, which.repeat(queries), queries)

    def trace(self) -> float:
        """t, from the moments of the training mixture."""
        used = [(w, moments(s, self.task.labels, self.context)) for w, s in zip(self.weights, self.task.training, strict=True) if w]
        return mixture_trace([replace(population, weight=float(w)) for w, population in used])


@context_law.register
def _(task: RealTask, sizes: Sizes) -> Any:
    return RealLaw(task, sizes.d, sizes.context)


def given(task: RealTask, length: int) -> GivenMoments:
    """Training and test sources by the moments of (h, y), and by drawn contexts: how the energies of h vary, and the label with them."""
    used = [(s, w) for s, w in zip(task.training, task.weights, strict=True) if w]
    everyone = used + [(s, 1 / len(task.test)) for s in task.test]
    populations = [moments(s, task.labels, length) for s, _ in everyone]
    both = sides([m.covariance for m in populations], _CLASSES)
    assert both is not None
    drawn_ones = [
        replace(m, weight=w, contexts=_energies(s, task.labels, length, m, both)) for m, (s, w) in zip(populations, everyone, strict=True)
    ]
    return given_moments(drawn_ones[: len(used)], drawn_ones[len(used) :], classes=_CLASSES)


def _energies(source: Source, labels: Labels, length: int, m: Moments, both: tuple[Side, Side]) -> ContextSample:
    """Drawn contexts by the energies, signals and means of h in each pair of classes of x and of b; their means are moved to exact ones."""
    rng = np.random.default_rng(1)
    x, b, y = drawn(source, labels, labels.draw(rng, _DRAWN), length, rng)
    x, b, y = x[:, 0] @ both[0].basis, b @ both[1].basis, y[:, 0]
    in_x, in_b = (
        np.stack([np.isin(np.arange(len(side.basis)), members) for members in side.classes], axis=1).astype(float) for side in both
    )
    held = np.einsum("na,nb->abn", x**2 @ in_x, b**2 @ in_b).reshape(-1, _DRAWN)
    share = held.mean(axis=1)
    energies = held / share[:, None]

    def along(matrix: Array, factor: Array | float) -> Array:
        """⟨matrix, h⟩ in each kind, in units of the square length of the matrix there."""
        turned = both[0].basis.T @ matrix @ both[1].basis
        size = (in_x.T @ turned**2 @ in_b).ravel()[:, None]
        values = np.einsum("ni,ia,ij,nj,jb->abn", x, in_x, turned, b, in_b, optimize=True).reshape(-1, _DRAWN) * factor
        has = size > _NONE * size.sum()
        values = values / np.where(has, size, 1.0)
        return np.asarray(np.where(has, values + (1 - values.mean(axis=1, keepdims=True)) * energies, energies))

    signals, centers = along(np.asarray(m.signal), y), along(np.asarray(m.center), 1.0)
    mean, square = y + (m.mean - y.mean()), y**2 * (m.square / np.mean(y**2))
    return ContextSample(energies, signals, centers, mean, square, share / share.sum(), np.full(_DRAWN, 1 / _DRAWN))


def norm_variance(source: Source, labels: Labels, length: int) -> float:
    """The relative variance of ‖h‖², measured."""
    rng = np.random.default_rng(1)
    x, b, _ = drawn(source, labels, labels.draw(rng, _DRAWN), length, rng)
    norm = (x[:, 0] ** 2).sum(axis=1) * (b**2).sum(axis=1)
    return float(norm.var() / norm.mean() ** 2)


@functools.cache
def moments(source: Source, labels: Labels, length: int) -> Moments:
    r"""First and second moments of (h, y). With i ≠ j for two inputs of one context,

    .. math:: \mathbb E[b_1b_1^\top]=\tfrac1\ell\mathbb E[y^2xx^\top]+(1-\tfrac1\ell)\mathbb E[y_ix_iy_jx_j^\top],\qquad
        \mathbb E[xy\,b_1^\top]=\mathbb E[y_ix_iy_jx_j^\top]

    and likewise for b₂, averaged over tasks. Different ones of W inputs have :math:`\mathbb E[f_ig_j]=(W\bar f\bar g-\overline{fg})/(W-1)`.
    :math:`\mathbb E[hh^\top]` is taken to be :math:`\mathbb E[xx^\top]\otimes\mathbb E[bb^\top]`, which leaves out O(1/W).
    """
    if isinstance(source, Population):
        return _population_moments(source, labels, length)
    if not isinstance(labels, Signs):
        raise HypothesisError("Gaussian inputs have labels of their own", f"{labels}", "pass a hermite_eq.Task with the covariance of x")
    return _twin_moments(source, length)


def _population_moments(source: Population, labels: Labels, length: int) -> Moments:
    x, count, noise = source.x, len(source.y), labels.noise
    tasks = labels.all()
    y = labels.labels(tasks, x[None], source.y[None])
    # Of each input the powers of its label without noise, averaged over tasks; of each task the mean example (yx, y²) over inputs.
    power_1, two, three, four = ((y**k).mean(axis=0) for k in (1, 2, 3, 4))
    means = np.column_stack([y @ x / count, (y**2).mean(axis=1) + noise])

    def weighted(first: Array, second: Array, third: Array) -> Array:
        """E[f (yx, y²)ᵀ] over inputs, f the vector (yx, y²): with these weights of xxᵀ, of x and of 1."""
        inner, edge = x.T @ (first[:, None] * x) / count, x.T @ second / count
        return np.block([[inner, edge[:, None]], [edge[None], np.array([[third.mean()]])]])

    # One input with itself: with the noise of one label, and with the noises of two.
    same = weighted(two + noise, three + 3 * noise * power_1, four + 6 * noise * two + 3 * noise**2)
    other = weighted(two, three + noise * power_1, four + 2 * noise * two + noise**2)
    apart = (count * means.T @ means / len(tasks) - other) / (count - 1)
    query = np.column_stack([x.T @ (power_1[:, None] * x), x.T @ (two + noise)]) / count
    center = (count * np.outer(x.mean(axis=0), means.mean(axis=0)) - query) / (count - 1)
    covariance = Kronecker(x.T @ x / count, same / length + (1 - 1 / length) * apart)
    return Moments(covariance, apart[:-1], float(two.mean()) + noise, float(power_1.mean()), center=center)


def _twin_moments(source: Twin, length: int) -> Moments:
    r"""Of signs as tasks. With second moments S and means μ

    .. math:: \mathbb E[abcd]=S_{ab}S_{cd}+S_{ac}S_{bd}+S_{ad}S_{bc}-2\mu_a\mu_b\mu_c\mu_d.
    """
    x, y = source.of.x, source.of.y
    d, both = x.shape[1], np.column_stack([x, y])
    S, mean = both.T @ both / len(both), both.mean(axis=0)
    # E[y² (x, y)(x, y)ᵀ], even in the sign, but for its last row and column, which are odd and vanish, as E[b₁] does.
    same = S[d, d] * S + 2 * np.outer(S[d], S[d]) - 2 * mean[d] ** 2 * np.outer(mean, mean)
    even = np.zeros((d + 1, d + 1))
    even[:d, :d], even[d, d] = np.outer(S[d, :d], S[d, :d]), S[d, d] ** 2
    same[d, :d] = same[:d, d] = 0.0
    center = np.outer(mean[:d], np.append(np.zeros(d), S[d, d]))
    return Moments(Kronecker(S[:d, :d], same / length + (1 - 1 / length) * even), even[:d], float(S[d, d]), 0.0, center=center)
