r"""Exact draws of contexts at a cost of O(ℓ + d) each.

Given the task ξ, write :math:`u=\xi/\|\xi\|`, :math:`s=\|\xi\|/\sqrt d` and
:math:`x_i=u\,g_i/\sqrt d+x_i^\perp` with :math:`g_i\sim\mathcal N(0,1)` independent of
:math:`x_i^\perp\sim\mathcal N(0,(I-uu^\top)/d)`. The labels :math:`y_i=\sigma_*(s g_i)+\epsilon_i` see only
the :math:`g_i`, so that given the labels

.. math:: \sum_{i\le\ell}y_ix_i=\frac{u}{\sqrt d}\sum_{i\le\ell}y_ig_i+\|y\|\,(I-uu^\top)\,w,\qquad
    w\sim\mathcal N(0,I/d),

in law, exactly: a sum of independent Gaussians with weights :math:`y_i` is one Gaussian with weight
:math:`\|y\|`. No ℓ × d array is formed. ``derivations/context_law.py`` holds the proof.
"""

from __future__ import annotations

import functools
import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sizes, Task
from hermite_eq.simulate.population import Array, covariance_trace, label_moments, linear_error, task_norms

#: Labels drawn at a time, so that their arrays stay in the cache.
_LABELS = 2**15
#: Tasks over which the errors of linear heads are averaged at a time.
_TASKS = 256


@dataclass(frozen=True, eq=False)
class Contexts:
    r"""Contexts with the sufficient statistics of a Transformer's attention, :math:`H_Z=x\,b^\top` ([RT],
    after (6)).

    Attributes
    ----------
    x : (n, d) array
        The query :math:`x_{\ell+1}`.
    b : (n, d + 1) array
        :math:`b=\bigl[\frac d\ell\sum_{i\le\ell}y_ix_i;\ \frac1\ell\sum_{i\le\ell}y_i^2\bigr]`.
    y : (n,) array
        The query's label :math:`y_{\ell+1}`, noise included.
    xi : (k, d) array
        The tasks.
    task : (n,) array of int
        Row of ``xi`` which is the task of each context.
    """

    x: Array
    b: Array
    y: Array
    xi: Array
    task: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.y)

    def h(
        self, rows: slice = slice(None), dtype: type[np.floating[Any]] = np.float64
    ) -> NDArray[np.floating[Any]]:
        r""":math:`h=\mathrm{vec}\,H_Z`, by rows: entry :math:`i(d+1)+j` is :math:`x_ib_j`; shape ``(n, d(d+1))``.

        >>> import numpy as np
        >>> x, b = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0, 7.0]])
        >>> Contexts(x, b, np.ones(1), np.ones((1, 2)), np.zeros(1, int)).h()
        array([[ 3.,  5.,  7.,  6., 10., 14.]])
        """
        x, b = self.x[rows].astype(dtype), self.b[rows].astype(dtype)
        return (x[:, :, None] * b[:, None, :]).reshape(len(x), -1)


class ContextLaw(ABC):
    """The joint law of tasks and contexts: all that the simulation of errors asks of a task."""

    @abstractmethod
    def tasks(self, count: int, rng: np.random.Generator) -> Array:
        """``count`` tasks, shape ``(count, d)``; the first do not depend on how many follow."""

    @abstractmethod
    def draw(self, xi: Array, which: NDArray[np.int64], seed: np.random.SeedSequence) -> Contexts:
        """One context for each entry of ``which``, whose task is that row of ``xi``; the first do not depend on how many follow."""

    @abstractmethod
    def trace(self) -> float:
        """tr Cov(h) over fresh tasks."""

    @abstractmethod
    def linear_errors(self, weights: Array, intercepts: Array, xi: Array | None) -> Array:
        """Mean square errors of linear heads, the columns of ``weights``, over the tasks ``xi``, or over all tasks where it is None."""


@dataclass(frozen=True)
class IsotropicLaw(ContextLaw):
    r"""The law of [RT] (1)-(2): :math:`\xi\sim\mathcal N(0,I_d)`, :math:`x_i\sim\mathcal N(0,I_d/d)`."""

    task: Task
    d: int
    context: int

    def tasks(self, count: int, rng: np.random.Generator) -> Array:
        return rng.standard_normal((count, self.d))

    def draw(self, xi: Array, which: NDArray[np.int64], seed: np.random.SeedSequence) -> Contexts:
        # Every random variable has a stream of its own, so that a longer draw begins with the shorter one.
        along, noise, across, query, query_noise = (np.random.default_rng(s) for s in seed.spawn(5))
        sigma = math.sqrt(self.task.noise)
        n, d, length = len(which), self.d, self.context
        norm = np.sqrt(np.einsum("ij,ij->i", xi, xi))
        u, s = xi / norm[:, None], norm / math.sqrt(d)

        weight_along, square = np.empty(n), np.empty(n)
        block = max(1, _LABELS // length)
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            g = along.standard_normal((rows.stop - rows.start, length))
            labels = self._labels(s[which[rows], None] * g)
            if sigma:
                labels += sigma * noise.standard_normal(g.shape)
            weight_along[rows] = np.einsum("ij,ij->i", labels, g)
            square[rows] = np.einsum("ij,ij->i", labels, labels)

        direction = u[which]
        w = across.standard_normal((n, d)) / math.sqrt(d)
        w -= np.einsum("ij,ij->i", w, direction)[:, None] * direction
        b = np.empty((n, d + 1))
        b[:, :d] = (d / length) * (
            (weight_along / math.sqrt(d))[:, None] * direction + np.sqrt(square)[:, None] * w
        )
        b[:, d] = square / length

        x = query.standard_normal((n, d)) / math.sqrt(d)
        y = self._labels(np.einsum("ij,ij->i", xi[which], x))
        if sigma:
            y += sigma * query_noise.standard_normal(n)
        return Contexts(x, b, y, xi, which)

    def _labels(self, argument: Array) -> Array:
        # A copy: the identity may return its argument, and noise is added in place.
        return np.array(self.task.target(argument), dtype=float)

    def trace(self) -> float:
        return covariance_trace(self.task, self.d, self.context)

    def linear_errors(self, weights: Array, intercepts: Array, xi: Array | None) -> Array:
        if xi is None:
            s, probability = task_norms(self.d)
            return np.asarray(probability @ linear_error(weights, intercepts, label_moments(self.task, s), self.context))
        total = np.zeros(len(intercepts))
        for start in range(0, len(xi), _TASKS):
            part = xi[start : start + _TASKS]
            norm = np.sqrt(np.einsum("ij,ij->i", part, part))
            moments = label_moments(self.task, norm / math.sqrt(self.d))
            total += linear_error(weights, intercepts, moments, self.context, part / norm[:, None]).sum(axis=0)
        return total / len(xi)


@functools.singledispatch
def context_law(task: Any, sizes: Sizes) -> ContextLaw:
    """The law of tasks and contexts which ``task`` stands for; one entry for each type of task."""
    raise HypothesisError(
        "the task is a hermite_eq.Task", f"{task!r}", "pass hermite_eq.Task(target, noise=0.01), say"
    )


@context_law.register
def _(task: Task, sizes: Sizes) -> ContextLaw:
    return IsotropicLaw(task, sizes.d, sizes.context)


def contexts(
    task: Task,
    sizes: Sizes,
    xi: ArrayLike,
    count: int,
    rng: int | np.random.SeedSequence | np.random.Generator | None = None,
) -> Contexts:
    r"""Draw ``count`` independent contexts of one given task ξ, exactly, at O(ℓ + d) each.

    Parameters
    ----------
    task : Task
    sizes : Sizes
        Only ``d`` and ``context`` are used.
    xi : (d,) array
        The task vector.
    count : int
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it.

    Raises
    ------
    HypothesisError
        If ξ has not shape ``(d,)``, or is zero or not finite, or if ``count`` is not positive.

    References
    ----------
    [RT] (1)-(3); the reduction to O(ℓ + d) is derived in ``derivations/context_law.py``.

    Examples
    --------
    >>> import numpy as np
    >>> from hermite_eq import Sizes, Task
    >>> sizes = Sizes(d=4, context=8, tasks=1, samples=1)
    >>> drawn = contexts(Task("relu", noise=0.01), sizes, np.ones(4), 1000, rng=0)
    >>> drawn.x.shape, drawn.b.shape
    ((1000, 4), (1000, 5))
    """
    law = context_law(task, sizes)
    vector = check_task_vector(xi, sizes.d)
    number = positive_count(count, "count")
    seed = child_seeds(rng, range(1))[0]
    return law.draw(vector[None], np.zeros(number, np.int64), seed)


def check_task_vector(xi: ArrayLike, d: int) -> Array:
    """ξ as an array, or an error which says what is wrong with it."""
    vector = np.asarray(xi, dtype=float)
    if vector.shape != (d,):
        raise HypothesisError(
            f"ξ is a vector of length d = {d}", f"shape {vector.shape}", f"pass shape ({d},)"
        )
    if not np.isfinite(vector).all() or not vector.any():
        raise HypothesisError("ξ is finite and not zero", f"ξ = {vector}", "draw ξ from N(0, I_d)")
    return vector


def positive_count(value: Any, name: str) -> int:
    """``value`` as an int ≥ 1, or an error which names it."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise HypothesisError(f"{name} is a positive integer", f"{name}={value!r}", f"pass {name}=1 or more")
    return int(value)


def child_seeds(rng: Any, which: range) -> list[np.random.SeedSequence]:
    """The children number ``which`` of ``rng``'s seed: child i is the same however many are asked for."""
    parent = np.random.default_rng(rng).bit_generator.seed_seq
    children = parent.spawn(max(which) + 1)  # type: ignore[attr-defined]
    return [children[i] for i in which]


def run_numbers(runs: Any) -> range:
    """``runs`` as the numbers of the runs, or an error."""
    which = runs if isinstance(runs, range) else range(positive_count(runs, "runs"))
    if not which or min(which) < 0:
        raise HypothesisError("runs are numbered from 0", f"runs={which}", "pass runs=20, or runs=range(5, 10)")
    return which
