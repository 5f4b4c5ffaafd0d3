"""Tasks of several sources: their moments as the populations of the theory with given covariances."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.source_moments import SourceMoments
from hermite_eq.covariance.sources import source_moments
from hermite_eq.models import LinearTransformer, MixtureTask, Model, RandomTransformer, Sizes
from hermite_eq.theory.blocks import Kronecker
from hermite_eq.theory.explicit import GivenMoments, Population, explicit_errors, given_moments, mixture_trace
from hermite_eq.theory.source_norms import curvature, fresh_norms, given_norms, norm_moments
from hermite_eq.theory.source_quadratics import quadratic_blocks
from hermite_eq.theory.source_tasks import controlled_mean, task_draws

Array = NDArray[np.float64]

#: Relative variance of ‖h‖² within a source above which the theory has been seen to fail: by 6-12 % at 3.2, by less than 3 % below 1.1.
_WIDE = 1.5


def population(
    task: MixtureTask, source: int, d: int, context: int, *, norms: bool = True, weight: float = 1.0, tasks: Array | None = None
) -> Population:
    r"""One source: :math:`\mathbb E[hh^\top]=\mathbb E[xx^\top]\otimes\mathbb E[bb^\top]`, :math:`\mathbb E[hy]` and
    :math:`\mathbb E[h]=\mathbb E[x]\,\mathbb E[b]^\top`, exact.

    Parameters
    ----------
    task : MixtureTask
    source : int
    d, context : int
    norms : bool
        Whether ‖h‖ and the bulk of h vary, which linear heads do not see.
    weight : float
    tasks : (k, d) array, optional
        Over these tasks; by default over fresh ones.

    Examples
    --------
    >>> from hermite_eq.models import Source, Spike
    >>> task = MixtureTask([Source("relu", 0.01), Source("relu", 0.01, task_cov=Spike(9.0), input_mean=0.5)])
    >>> found = population(task, 1, d=10, context=10)
    >>> found.covariance.inputs.shape, found.covariance.context.shape, found.center.shape
    ((10, 10), (11, 11), (10, 11))
    """
    moments = source_moments(task, d, context, source=source, tasks=tasks)
    slopes = {}
    if norms:
        law = fresh_norms(task, source, d, context) if tasks is None else norm_moments(given_norms(task, source, d, context, tasks), moments)
        slopes = vars(law)
    return Population(
        covariance=Kronecker(moments.second_x, moments.second_b),
        signal=moments.labels,
        square=moments.square_y,
        mean=moments.mean_y,
        weight=weight,
        center=np.outer(moments.mean_x, moments.mean_b) if moments.mean_x.any() else None,
        **slopes,
    )


def _quadratic(task: MixtureTask, source: int, d: int, context: int, tasks: Array | None) -> tuple[Kronecker, Array, float]:
    """What :func:`quadratic_blocks` asks of one source."""
    moments: SourceMoments = source_moments(task, d, context, source=source, tasks=tasks)
    share = float(np.trace(moments.inputs) / np.trace(moments.second_x))
    return Kronecker(moments.inputs, moments.second_b), curvature(given_norms(task, source, d, context, tasks)), share


def mixture_moments(
    task: MixtureTask, sizes: Sizes, *, norms: bool = True, tasks: Sequence[Array] | None = None
) -> GivenMoments:
    """Every source in training and in the test, as :func:`hermite_eq.icl_error` uses them.

    The sources with test weight 0 are among the test populations too: ``icl_by_source`` has an entry for each.

    Parameters
    ----------
    task : MixtureTask
    sizes : Sizes
    norms : bool
        As in :func:`population`.
    tasks : sequence of (k_s, d) arrays, optional
        The training tasks of each source, whose shares are then the :math:`k_s/k`. By default every training context has a task of its
        own.
    """
    d, context, sources = sizes.d, sizes.context, range(len(task.sources))
    task.check(d)
    fresh = [population(task, s, d, context, norms=norms) for s in sources]
    # t is that of fresh tasks of the training mixture.
    trace = mixture_trace([replace(p, weight=weight) for p, weight in zip(fresh, task.weights, strict=True)])
    given: list[Array | None] = [None] * len(fresh) if tasks is None else [np.asarray(xi, float) for xi in tasks]
    total = sum(len(xi) for xi in given if xi is not None)
    weights = task.weights if tasks is None else tuple(len(xi) / total for xi in given if xi is not None)
    kept = [s for s, weight in zip(sources, weights, strict=True) if weight]
    training = [
        replace(fresh[s], weight=weights[s])
        if given[s] is None
        else population(task, s, d, context, norms=norms, weight=weights[s], tasks=given[s])
        for s in kept
    ]
    covariances, labels, shares = zip(
        *(_quadratic(task, s, d, context, given[s]) for s in kept), *(_quadratic(task, s, d, context, None) for s in sources), strict=True
    )
    blocks = quadratic_blocks(covariances, labels, shares)
    tests = [replace(p, weight=weight) for p, weight in zip(fresh, task.test_weights, strict=True)]
    return given_moments(training, tests, trace=trace, quadratic_blocks=blocks)


def mixture_errors(
    model: RandomTransformer | LinearTransformer, task: MixtureTask, points: Sequence[Sizes]
) -> dict[str, Array]:
    """The columns of a theory curve at points of equal d, context and tasks.

    For finitely many training tasks they are means over the draws of :func:`hermite_eq.theory.source_tasks.task_draws`, and
    ``icl_stderr`` and ``idg_stderr`` are the standard errors of these means.
    """
    sizes, norms = points[0], norms_matter(model)
    if sizes.tasks == math.inf:
        return explicit_errors(model, mixture_moments(task, sizes, norms=norms), points)
    given = [mixture_moments(task, sizes, norms=norms, tasks=tasks) for tasks in task_draws(task, sizes.d, int(sizes.tasks))]
    draws = [explicit_errors(model, moments, points) for moments in given]
    # E[y²] over the training tasks, with which the errors vary most, has a known mean.
    mean = sum(p.square * weight for p, weight in zip(given[0].test, task.weights, strict=True))
    control = np.array([sum(p.weight * p.square for p in moments.training) for moments in given]) - mean
    columns = {}
    for name in draws[0]:
        columns[name], stderr = controlled_mean(np.array([draw[name] for draw in draws]), control)
        if name in ("icl", "idg"):
            columns[f"{name}_stderr"] = stderr
    return columns


def heterogeneity(task: MixtureTask, sizes: Sizes) -> tuple[str, ...]:
    """A note for every source within which ‖h‖² varies so much that one covariance does not describe it."""
    found = []
    for s in range(len(task.sources)):
        variance = fresh_norms(task, s, sizes.d, sizes.context).norm_variance
        if variance > _WIDE:
            found.append(
                f"‖h‖² has the relative variance {variance:.2g} within source {s} at d = {sizes.d}: its contexts differ too much for one "
                "covariance, and the error may be off by more than 10 %"
            )
    return tuple(found)


def norms_matter(model: Model) -> bool:
    """Whether the norm of h reaches the features otherwise than linearly: second moments are all that a linear head sees."""
    return isinstance(model, RandomTransformer)
