r"""Finitely many training tasks of several sources: typical draws, at each of which the theory is deterministic.

Given the tasks :math:`\xi_1,\dots,\xi_k` the training population of source s is a mean over its :math:`k_s` tasks,
:math:`\mathbb E[xx^\top]\otimes\frac1{k_s}\sum_j\mathbb E[bb^\top|\xi_j]`, of share :math:`k_s/k`; the fresh ones of the test are as ever.
Errors given the tasks differ by O(1/d) from draw to draw, and by :math:`O(k^{-1/2})` where the sources' shares matter, so that a mean over
a few draws has a small standard error, which is stated.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Source, Task

Array = NDArray[np.float64]

#: Draws of the training tasks that are averaged over.
DRAWS = 16
#: Groups of the training tasks of one source.
GROUPS = 8
#: The largest number of them, each of which takes a millisecond; their mean differs from that over all tasks by O(d/k).
MOST = 20_000
_SEED = 20251130


def task_draws(task: Task, d: int, tasks: int) -> list[tuple[Array, ...]]:
    r""":data:`DRAWS` draws of k training tasks, always the same: for each source an array (k_s, d).

    :math:`(k_s)` is multinomial, as in simulations: its law is cut into as many parts of equal probability as there are draws.

    Examples
    --------
    >>> from hermite_eq.models import Source
    >>> draws = task_draws(Task(sources=[Source("relu"), Source("tanh")]), d=5, tasks=10)
    >>> len(draws), sum(len(xi) for xi in draws[0]), draws[0][0].shape[1]
    (16, 10, 5)

    Raises
    ------
    HypothesisError
        For more than :data:`MOST` tasks.
    """
    if tasks > MOST:
        raise HypothesisError(
            f"at most {MOST} training tasks of several sources are described one by one",
            f"tasks={tasks}",
            "pass tasks=math.inf, from which so many differ by O(d/k)",
        )
    children = np.random.SeedSequence(_SEED).spawn(DRAWS + 1)
    draws = []
    for shares, child in zip(_counts(task.weights, tasks, np.random.default_rng(children[0])), children[1:], strict=True):
        draw = []
        for source, count, seed in zip(task.sources, shares, child.spawn(len(task.sources)), strict=True):
            z = source.tasks.draw(np.random.default_rng(seed), (int(count), d))
            draw.append(source.mean_vectors(d)[1] + source.task_cov.colour(z))
        draws.append(tuple(draw))
    return draws


def alike(source: Source, tasks: Array) -> list[Array]:
    r"""The training tasks of a source in groups of alike :math:`\xi^\top\mathbb E[xx^\top]\xi`, of which the covariance of h given the
    task is made: at most :data:`GROUPS`, and one where inputs and tasks are isotropic, so that it varies by :math:`d^{-1/2}` alone.

    >>> from hermite_eq.models import Source, Spike
    >>> [len(group) for group in alike(Source("relu", input_cov=Spike(9.0)), np.eye(12))]
    [2, 2, 2, 2, 1, 1, 1, 1]
    """
    if source.isotropic or not len(tasks):
        return [tasks] * bool(len(tasks))
    d = tasks.shape[1]
    size = np.einsum("ki,ki->k", source.input_cov.times(tasks), tasks) + (tasks @ source.mean_vectors(d)[0]) ** 2
    return [tasks[part] for part in np.array_split(np.argsort(size, kind="stable"), min(GROUPS, len(tasks)))]


def _counts(weights: tuple[float, ...], tasks: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Multinomial counts, shape (draws, sources), from evenly spread points through conditional binomial quantiles."""
    import scipy.stats

    sources = len(weights)
    counts = np.zeros((DRAWS, sources), dtype=np.intp)
    left, rest = np.full(DRAWS, tasks), 1.0
    if sources > 1:
        points = scipy.stats.qmc.LatinHypercube(sources - 1, rng=rng).random(DRAWS)
    for s in range(sources - 1):
        share = min(weights[s] / rest, 1.0) if rest > 0 else 0.0
        counts[:, s] = scipy.stats.binom.ppf(points[:, s], left, share)
        left, rest = left - counts[:, s], rest - weights[s]
    counts[:, -1] = left
    return counts
