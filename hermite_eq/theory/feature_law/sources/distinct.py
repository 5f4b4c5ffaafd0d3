"""The sources of a task that differ: the same data, however they are described, are one source."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np

from hermite_eq.models import Source, Task
from hermite_eq.models.structures import Identity, Structure

#: Entries of covariances which differ by less than so many roundings of the largest are equal.
_ROUNDINGS = 64
#: Where a structure that holds for every d is compared with another.
_ANY = 3


def _simplified(covariance: Structure, d: int) -> Structure:
    """The identity, where the structure is that."""
    return Identity() if _equal(covariance, Identity(), d) else covariance


def _equal(first: Structure, second: Structure, d: int) -> bool:
    if first == second:
        return True
    one, other = first.matrix(d), second.matrix(d)
    return bool(np.abs(one - other).max() <= _ROUNDINGS * np.finfo(float).eps * np.abs(one).max())


def _same(first: Source, second: Source, d: int) -> bool:
    """Whether two sources have one law."""
    if not (_equal(first.input_cov, second.input_cov, d) and _equal(first.task_cov, second.task_cov, d)):
        return False
    means = zip(first.mean_vectors(d), second.mean_vectors(d), strict=True)
    plain = [
        replace(source, input_cov=Identity(), task_cov=Identity(), input_mean=0.0, task_mean=0.0) for source in (first, second)
    ]
    return plain[0] == plain[1] and all(np.array_equal(one, other) for one, other in means)


def distinct_sources(task: Task, d: int | None = None) -> tuple[Task, tuple[int, ...]]:
    r"""The task with equal sources put together, their weights added, at dimension d (``None`` in the limit); and the place of every
    source that was given among them. It is isotropic where all data are those of one isotropic source.

    Examples
    --------
    >>> from hermite_eq.models import Spike
    >>> twice = Task(sources=[Source("relu", 0.01), Source("tanh"), Source("relu", 0.01, task_cov=Spike(0.0))], weights=[0.5, 0.25, 0.25])
    >>> print(*distinct_sources(twice, d=8))
    0.75 × (target relu, noise variance 0.01) + 0.25 × (target tanh, noise variance 0); test weights 0.666667, 0.333333 (0, 1, 0)
    >>> distinct_sources(Task(sources=[Source("relu", 0.01), Source("relu", 0.01)]))[0]
    Task(...)
    """
    dimensions = [c.dimension for source in task.sources for c in (source.input_cov, source.task_cov)]
    at = next((n for n in dimensions if n is not None), _ANY) if d is None else d
    for source in task.sources:
        source.check(at)
    sources = [
        replace(source, input_cov=_simplified(source.input_cov, at), task_cov=_simplified(source.task_cov, at)) for source in task.sources
    ]
    kept: list[Source] = []
    places = []
    for source in sources:
        place = next((i for i, other in enumerate(kept) if _same(source, other, at)), len(kept))
        kept += [source] * (place == len(kept))
        places.append(place)
    if len(kept) == len(sources) and tuple(kept) == task.sources:
        return task, tuple(places)
    weights = [np.bincount(places, values, len(kept)) for values in (task.weights, task.test_weights)]
    with warnings.catch_warnings():
        # What is to be said of the weights was said of the task.
        warnings.simplefilter("ignore")
        merged = Task(
            sources=kept, weights=(weights[0] / weights[0].sum()).tolist(), test_weights=(weights[1] / weights[1].sum()).tolist(),
            unit_inputs=task.unit_inputs, unit_link=task.unit_link,
        )  # fmt: skip
    return merged, tuple(places)
