"""Tasks of several sources: their moments as the populations of the theory with given covariances."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from hermite_eq.covariance.sources import source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, MixtureTask, Model, RandomTransformer, Sizes
from hermite_eq.theory.blocks import Kronecker
from hermite_eq.theory.explicit import GivenMoments, Population, given_moments
from hermite_eq.theory.source_norms import curvature, norm_moments
from hermite_eq.theory.source_quadratics import quadratic_blocks

#: Relative variance of ‖h‖² within a source above which the theory has been seen to fail: by 6-12 % at 3.2, by less than 3 % below 1.1.
_WIDE = 1.5


def population(task: MixtureTask, source: int, d: int, context: int, *, norms: bool = True, weight: float = 1.0) -> Population:
    r"""One source over fresh tasks: :math:`\mathbb E[hh^\top]=\Sigma_x\otimes\mathbb E[bb^\top]` and :math:`\mathbb E[hy]`, exact.

    Parameters
    ----------
    task : MixtureTask
    source : int
    d, context : int
    norms : bool
        Whether ‖h‖ varies, as it does for heads which do not normalise h.
    weight : float

    Raises
    ------
    HypothesisError
        For inputs with a mean: h then has one, which the theory does not know.

    Examples
    --------
    >>> from hermite_eq.models import Source, Spike
    >>> task = MixtureTask([Source("relu", 0.01), Source("relu", 0.01, task_cov=Spike(9.0))])
    >>> found = population(task, 1, d=10, context=10)
    >>> found.covariance.inputs.shape, found.covariance.context.shape
    ((10, 10), (11, 11))
    """
    if task.sources[source].mean_vectors(d)[0].any():
        raise HypothesisError(
            "h has mean zero, as it has for inputs of mean zero", f"source {source} with input_mean={task.sources[source].input_mean}",
            "leave out input_mean, or simulate: hermite_eq.simulate.icl_error",
        )  # fmt: skip
    moments = source_moments(task, d, context, source=source)
    slopes = vars(norm_moments(task, source, d, context)) if norms else {}
    return Population(
        covariance=Kronecker(moments.inputs, moments.second_b),
        signal=moments.labels,
        square=moments.square_y,
        mean=moments.mean_y,
        weight=weight,
        **slopes,
    )


def mixture_moments(task: MixtureTask, sizes: Sizes, *, norms: bool = True) -> GivenMoments:
    """Every source in training and in the test, as :func:`hermite_eq.icl_error` uses them.

    The sources with test weight 0 are among the test populations too: ``icl_by_source`` has an entry for each.

    Raises
    ------
    HypothesisError
        As :func:`population`, and for finitely many training tasks, whose covariance depends on which they are.
    """
    if sizes.tasks != math.inf:
        raise HypothesisError(
            "every training context has a task of its own", f"tasks={sizes.tasks}",
            "pass tasks=math.inf, or given_moments of covariance.source_moments(…, tasks=xi)",
        )  # fmt: skip
    task.check(sizes.d)
    everyone = [population(task, s, sizes.d, sizes.context, norms=norms) for s in range(len(task.sources))]

    def weighted(weights: tuple[float, ...], keep: bool) -> list[Population]:
        return [replace(p, weight=weight) for p, weight in zip(everyone, weights, strict=True) if keep or weight]

    training = weighted(task.weights, False)
    trace = float(np.dot([p.weight for p in training], [p.trace for p in training]))
    kept = [*(s for s, weight in enumerate(task.weights) if weight), *range(len(task.sources))]
    curvatures = [curvature(task, s, sizes.d, sizes.context) for s in range(len(task.sources))]
    blocks = quadratic_blocks([everyone[s].covariance for s in kept], [curvatures[s] for s in kept])
    return given_moments(training, weighted(task.test_weights, True), trace=trace, quadratic_blocks=blocks)


def heterogeneity(task: MixtureTask, sizes: Sizes) -> tuple[str, ...]:
    """A note for every source within which ‖h‖² varies so much that one covariance does not describe it."""
    found = []
    for s in range(len(task.sources)):
        variance = norm_moments(task, s, sizes.d, sizes.context).norm_variance
        if variance > _WIDE:
            found.append(
                f"‖h‖² has the relative variance {variance:.2g} within source {s} at d = {sizes.d}: its contexts differ too much for one "
                "covariance, and the error may be off by more than 10 %"
            )
    return tuple(found)


def norms_matter(model: Model) -> bool:
    """Whether the norm of h reaches the features."""
    return isinstance(model, LinearTransformer) or (isinstance(model, RandomTransformer) and not model.normalise)
