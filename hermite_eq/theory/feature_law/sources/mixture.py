"""Tasks of several sources: their moments and contexts as the populations of the theory with given covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.models import Sizes, Task
from hermite_eq.theory.arguments import check_labels
from hermite_eq.theory.feature_law.given_moments import (
    ContextSample,
    GivenMoments,
    Population,
    given_moments,
    mixture_trace,
    quadratic_blocks,
)
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import FeatureLaw, LawOverDraws
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.feature_law.sources import contexts as contexts_law
from hermite_eq.theory.feature_law.sources.contexts import context_sample, curvature
from hermite_eq.theory.feature_law.sources.drawn_tasks import alike, task_draws
from hermite_eq.theory.spectra.blocks import Kronecker, check_memory, sides

Array = NDArray[np.float64]

#: Classes of directions of x, and of b, that are not large; and fewer for given tasks, of which there are up to eight groups in each of
#: several draws: the unknowns are pairs of classes for each group.
CLASSES, FEWER_CLASSES = 8, 3


def population(moments: SourceMoments, weight: float, contexts: ContextSample | None = None) -> Population:
    """A source by its exact moments."""
    return Population(
        covariance=Kronecker(moments.second_x, moments.second_b),
        signal=moments.labels,
        square=moments.square_y,
        mean=moments.mean_y,
        weight=weight,
        center=np.outer(moments.mean_x, moments.mean_b) if moments.mean_x.any() else None,
        contexts=contexts,
    )


def mixture_moments(
    task: Task, d: int, context: int, *, tasks: Sequence[Array] | None = None, test_context: int | None = None
) -> GivenMoments:
    r"""Every source in training and in the test, as :func:`hermite_eq.icl_error` uses them.

    The second moments :math:`\mathbb E[xx^\top]\otimes\mathbb E[bb^\top]`, signals :math:`\mathbb E[hy]` and means
    :math:`\mathbb E[x]\,\mathbb E[b]^\top` of each source are exact; how the energies of h vary within it is known from drawn contexts,
    :mod:`hermite_eq.theory.feature_law.sources.contexts`. The sources with test weight 0 are among the test populations too:
    ``icl_by_source`` has an entry for each.

    Parameters
    ----------
    task : Task
    d, context : int
        d and ℓ.
    tasks : sequence of (k_s, d) arrays, optional
        The training tasks of each source, whose shares are then the :math:`k_s/k`. By default every training context has a task of its
        own.
    test_context : int, optional
        ℓ in the test, where it is another.

    Examples
    --------
    >>> from hermite_eq.models import Source, Spike
    >>> task = Task(sources=[Source("relu", 0.01), Source("relu", 0.01, task_cov=Spike(9.0), input_mean=0.5)])
    >>> found = mixture_moments(task, d=10, context=10)
    >>> found.training[1].covariance.context.shape, found.training[1].center.shape
    ((11, 11), (10, 11))
    """
    tested = test_context or context
    if tasks is None:
        return _fresh_moments(task, d, context, tested)
    return _moments(task, d, context, tested, [np.asarray(xi, float) for xi in tasks])


@lru_cache(maxsize=32)
def _fresh_moments(task: Task, d: int, context: int, tested: int) -> GivenMoments:
    return _moments(task, d, context, tested, None)


def _moments(task: Task, d: int, context: int, tested: int, tasks: list[Array] | None) -> GivenMoments:
    task.check(d)
    check_labels(task.sources)
    sources = range(len(task.sources))
    weights = task.weights
    # Training sources, of given tasks in groups, then test sources: (source, its tasks, ℓ, weight).
    members: list[tuple[int, Array | None, int, float]] = [(s, None, context, weights[s]) for s in sources if tasks is None and weights[s]]
    for s, given in enumerate(tasks or []):
        members += [(s, group, context, len(group) / sum(map(len, tasks or []))) for group in alike(task.sources[s], given)]
    members += [(s, None, tested, task.test_weights[s]) for s in sources]
    moments = [source_moments(task, d, length, source=s, tasks=xi) for s, xi, length, _ in members]
    classes = CLASSES if tasks is None else FEWER_CLASSES
    both = sides([Kronecker(m.second_x, m.second_b) for m in moments], classes)
    assert both is not None
    check_memory(len(moments), both, d * (d + 1))
    # One of several draws of the tasks may have a larger sampling error of its own.
    count = contexts_law.CONTEXTS if tasks is None else contexts_law.FEWER
    contexts: dict[tuple[int, int], ContextSample] = {}
    populations = []
    for (s, xi, length, weight), m in zip(members, moments, strict=True):
        sample = contexts.get((s, length)) if xi is None else None
        if sample is None:
            sample = context_sample(task, s, d, length, m, both, xi, count=count)
        if xi is None:
            contexts[s, length] = sample
        populations.append(population(m, weight, sample))
    blocks = quadratic_blocks(
        [Kronecker(m.inputs, m.second_b) for m in moments],
        [curvature(task, s, d, xi) for s, xi, _, _ in members],
        [float(np.trace(m.inputs) / np.trace(m.second_x)) for m in moments],
    )
    trained = len(populations) - len(sources)
    # t is that of fresh tasks of the training mixture, at the training ℓ.
    trace = mixture_trace([population(source_moments(task, d, context, source=s), weights[s]) for s in sources])
    return given_moments(populations[:trained], populations[trained:], trace=trace, quadratic_blocks=blocks, classes=classes)


def mixture_law(head: Head, task: Task, sizes: Sizes) -> FeatureLaw:
    """The law of few moments; for finitely many training tasks over the draws of
    :func:`hermite_eq.theory.feature_law.sources.drawn_tasks.task_draws`."""
    if sizes.tasks == math.inf:
        return MomentLaw.of(head, mixture_moments(task, sizes.d, sizes.context, test_context=sizes.test_context))
    draws = task_draws(task, sizes.d, int(sizes.tasks))

    def given(i: int) -> MomentLaw:
        return MomentLaw.of(head, mixture_moments(task, sizes.d, sizes.context, tasks=draws[i], test_context=sizes.test_context))

    return LawOverDraws(head=head, given=given, controls=square_control(task, sizes, draws), precise=0.01)


def square_control(task: Task, sizes: Sizes, draws: Sequence[Sequence[Array]]) -> Array:
    """E[y²] over the training tasks of every draw, with which the errors vary most, less its known mean; shape (draws, 1)."""
    squares = [
        [
            source_moments(task, sizes.d, sizes.context, source=s, tasks=xi).square_y * len(xi) / sizes.tasks
            for s, xi in enumerate(draw)
            if len(xi)
        ]
        for draw in draws
    ]
    fresh = [source_moments(task, sizes.d, sizes.context, source=s).square_y for s in range(len(task.sources))]
    return np.array([[sum(entries)] for entries in squares]) - np.array(task.weights) @ fresh


@dataclass(frozen=True)
class Concentration:
    r"""How unevenly E‖h‖² is spread over the directions of h, in the source where it is most uneven.

    Attributes
    ----------
    largest : float
        The largest share of one direction.
    others : float
        :math:`\sum p_i^2` over the shares of all others: the reciprocal of a number of directions.
    """

    largest: float
    others: float


@lru_cache(maxsize=64)
def concentration(task: Task, d: int, context: int) -> Concentration:
    r"""Over the eigenvalues of :math:`\mathbb E[xx^\top]\otimes\mathbb E[b_1b_1^\top]` of every source.

    The column :math:`b_2`, which holds much of b for unit inputs, hardly fluctuates: what it adds to quadratic functions of h are those of
    x, which are described one by one (:mod:`hermite_eq.theory.feature_law.given_moments`).

    >>> found = concentration(Task("identity"), d=8, context=8)
    >>> round(found.largest, 3), round(found.others, 3)
    (0.014, 0.013)
    """
    check_labels(task.sources)
    largest = others = 0.0
    for s in range(len(task.sources)):
        moments = source_moments(task, d, context, source=s)
        x = np.linalg.eigvalsh(moments.second_x) / np.trace(moments.second_x)
        b = np.linalg.eigvalsh(moments.second_b[:-1, :-1]) / np.trace(moments.second_b)
        top = float(x[-1] * b[-1])
        largest, others = max(largest, top), max(others, float((x**2).sum() * (b**2).sum()) - top**2)
    return Concentration(largest, others)


@lru_cache(maxsize=64)
def class_spread(task: Task, d: int, context: int) -> float:
    """The largest difference of logarithms of shares within a class of directions of x, or of b: beyond :data:`ALIKE` where sources do
    not commute, or directions differ by more than :data:`CLASSES` classes hold.

    >>> from hermite_eq.models import PowerLaw, Source, Toeplitz
    >>> one, other = (Source("relu", input_cov=cov) for cov in (PowerLaw(1.0), Toeplitz(0.8)))
    >>> class_spread(Task(sources=[one]), 12, 12) < 0.5 < 1.5 < class_spread(Task(sources=[one, other]), 12, 12)
    True
    """
    moments = [source_moments(task, d, context, source=s) for s in range(len(task.sources))]
    both = sides([Kronecker(m.second_x, m.second_b) for m in moments], CLASSES)
    return max(side.spread for side in both or ())


def mean_share(task: Task, d: int, context: int) -> float:
    """The largest share of E‖x‖² in the mean of the inputs."""
    moments = [source_moments(task, d, context, source=s) for s in range(len(task.sources))]
    return max(float(m.mean_x @ m.mean_x / np.trace(m.second_x)) for m in moments)
