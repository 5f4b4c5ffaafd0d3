"""The moments of context, query and label for one source of a task: what the error theory with explicit matrices is made of."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, shown
from hermite_eq.covariance.label import LabelSource
from hermite_eq.covariance.numbers import check_sizes
from hermite_eq.covariance.source_moments import SourceMoments, averaged_moments
from hermite_eq.covariance.task_law import GivenTasks, TaskLaw, inner_tasks, unit_tasks
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.hermite import check_degree
from hermite_eq.memory import require_memory
from hermite_eq.models import Gaussian, MixtureTask, Source, Sphere, Task

Array = NDArray[np.float64]


class ConditionalSource(Protocol):
    """The covariance given ξ for one source, as far as averages over tasks are made from it."""

    @property
    def label(self) -> LabelSource: ...

    @property
    def unit_inputs(self) -> bool: ...

    @property
    def unit_link(self) -> bool: ...

    @property
    def task(self) -> MixtureTask | None: ...

    def with_matrices(self) -> MixtureTask: ...


@dataclass(frozen=True, eq=False)
class Geometry:
    r"""One source in the conventions of its task: inputs :math:`x\sim\mathcal N(\text{mean},\text{covariance})`, argument
    :math:`z=\eta^\top x`, :math:`b_1=\frac f\ell\sum y_ix_i` with f = ``factor``.

    Attributes
    ----------
    scale : float
        η = scale · ξ, or scale · ξ/‖ξ‖ with ``unit_link``.
    """

    mean: Array
    covariance: Array
    factor: float
    scale: float
    unit_link: bool
    source: Source

    def directions(self, tasks: Array) -> Array:
        """η of task vectors ξ, shape (k, d)."""
        lengths = np.linalg.norm(tasks, axis=1, keepdims=True) if self.unit_link else 1.0
        return np.asarray(self.scale * tasks / lengths)

    def fresh(self) -> TaskLaw:
        """The law of η over fresh tasks."""
        source, d = self.source, len(self.mean)
        if not isinstance(source.tasks, Gaussian | Sphere):
            raise HypothesisError(
                "averages over tasks are known for Gaussian tasks and for the sphere",
                f"tasks of the law {source.tasks}",
                "pass tasks=…, drawn vectors of shape (k, d)",
            )
        root = source.task_cov.colour(np.eye(d)).T
        law = unit_tasks if self.unit_link else inner_tasks
        return law(source.mean_vectors(d)[1], root, isinstance(source.tasks, Sphere), self.scale, self.mean, self.covariance)


def geometry(task: MixtureTask, source: Source, d: int) -> Geometry:
    """A source at dimension d in the conventions of its task."""
    source.check(d)
    if not isinstance(source.inputs, Gaussian):
        raise HypothesisError(
            "these moments are those of Gaussian inputs", f"inputs of the law {source.inputs}", "simulate: hermite_eq.simulate.icl_error"
        )
    shrink = 1.0 if task.unit_inputs else 1 / math.sqrt(d)
    scale = 1 / (shrink * math.sqrt(source.input_cov.norm(d) if task.unit_link else d))
    return Geometry(
        shrink * source.mean_vectors(d)[0],
        shrink**2 * source.input_cov.matrix(d),
        1.0 if task.unit_inputs else float(d),
        scale,
        task.unit_link,
        source,
    )


def source_moments(
    task: Task | MixtureTask, d: int, context: int, *, source: int | None = None, tasks: ArrayLike | None = None
) -> SourceMoments:
    r"""First and second moments of (x, b, y) of one source at finite d and ℓ, over fresh tasks or over given ones.

    With these, :math:`\operatorname{Cov}(h)=\Sigma_x\otimes\mathbb E[bb^\top]+\mu_x\mu_x^\top\otimes\operatorname{Cov}(b)`, and the signal
    is :math:`\mathbb E[y_{\ell+1}H_Z]=\mathbb E[xy\,b^\top]`.

    Parameters
    ----------
    task : Task or MixtureTask
        ``Task(target, noise)`` is one isotropic source.
    d, context : int
        d and ℓ.
    source : int, optional
        Which source; may be left out where there is one.
    tasks : array_like, shape (k, d), optional
        Training tasks ξ; the moments are then means over these k. By default over fresh tasks.

    Returns
    -------
    SourceMoments
        ``second_b`` of shape (d + 1, d + 1), ``mean_b``, ``labels`` = :math:`\mathbb E[xy\,b^\top]` of shape (d, d + 1), ``mean_y``,
        ``square_y``, ``inputs``, ``mean_x``, ``trace``, and ``error``, the size of the numerical error. Averages over tasks are
        converging sums, and quasi-Monte Carlo means (``random``) where a link or tasks on the sphere meet a mean.

    Raises
    ------
    HypothesisError
        For inputs that are not Gaussian, fresh tasks that are neither Gaussian nor on the sphere, shapes that do not fit, or labels
        without a fourth moment.

    References
    ----------
    [RT] Corollary 2 and [DM] §2 suppose these moments; derived in ``derivations/structured_covariance.py`` and
    ``derivations/quadratic_form_law.py``.

    Examples
    --------
    >>> from hermite_eq.models import MixtureTask, Source, Spike
    >>> task = MixtureTask([Source("tanh", noise=0.1, input_cov=Spike(3.0), task_cov=Spike(5.0))])
    >>> moments = source_moments(task, d=10, context=8)
    >>> moments.second_b.shape, moments.labels.shape, bool(moments.error < 1e-9)
    ((11, 11), (10, 11), True)
    >>> given = source_moments(task, d=10, context=8, tasks=np.ones((3, 10)))
    >>> round(given.square_y, 6)
    0.542194
    """
    if isinstance(task, Task):
        task = MixtureTask([Source(task.target, task.noise)])
    if not isinstance(task, MixtureTask):
        raise ArgumentTypeError("moments belong to a Task", shown(task), 'pass hermite_eq.Task("relu", noise=0.01)')
    d, context = check_sizes(d, context)
    require_memory(64 * d**2, "matrices of shape (d, d)", "pass a smaller d")
    count = len(task.sources)
    if source is None and count > 1:
        raise HypothesisError("one source is asked for", f"{count} sources", "pass source=0, say")
    index = 0 if source is None else check_degree(source, name="source")
    if index >= count:
        raise HypothesisError(f"the sources are numbered 0 … {count - 1}", f"source={source}", f"pass source={count - 1}")
    if tasks is None:
        return _fresh(task, index, d, context)
    vectors = array(tasks, "tasks", nan=True, empty=True)
    if vectors.ndim != 2 or vectors.shape[1:] != (d,) or not len(vectors) or not np.isfinite(vectors).all():
        raise HypothesisError(
            "tasks are a finite array of shape (k, d)", f"shape {vectors.shape} at d = {d}", "pass xi[None, :] for one task"
        )
    if not vectors.any(axis=1).all():
        raise HypothesisError("the labels depend on x: ξ ≠ 0", "a task vector of zeros", "leave it out")
    place = geometry(task, task.sources[index], d)
    law = GivenTasks(place.directions(vectors), place.mean, place.covariance)
    return _moments(place, law, context)


@lru_cache(maxsize=64)
def _fresh(task: MixtureTask, index: int, d: int, context: int) -> SourceMoments:
    place = geometry(task, task.sources[index], d)
    moments = _moments(place, place.fresh(), context)
    # The same arrays are handed out again.
    for value in vars(moments).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return moments


def _moments(place: Geometry, law: TaskLaw, context: int) -> SourceMoments:
    return averaged_moments(place.source.target, place.source.noise, law, place.mean, place.covariance, place.factor, context)
