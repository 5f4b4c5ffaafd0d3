"""The moments of context, query and label for one source of a task: what the error theory with explicit matrices is made of."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, shown
from hermite_eq.covariance.moments.geometry import Geometry, geometry
from hermite_eq.covariance.moments.source_moments import SourceMoments, averaged_moments
from hermite_eq.covariance.task_laws.laws import GivenTasks
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.hermite import check_degree
from hermite_eq.models import Task

Array = NDArray[np.float64]


def check_sizes(d: int, context: int) -> tuple[int, int]:
    """d and ℓ as positive integers."""
    d, context = check_degree(d, name="d"), check_degree(context, name="context")
    if d == 0 or context == 0:
        raise HypothesisError("d ≥ 1 and ℓ ≥ 1", f"d={d}, context={context}", "pass positive sizes")
    return d, context


def source_moments(task: Task, d: int, context: int, *, source: int | None = None, tasks: ArrayLike | None = None) -> SourceMoments:
    r"""First and second moments of (x, b, y) of one source at finite d and ℓ, over fresh tasks or over given ones.

    With these, :math:`\operatorname{Cov}(h)=\Sigma_x\otimes\mathbb E[bb^\top]+\mu_x\mu_x^\top\otimes\operatorname{Cov}(b)`, and the signal
    is :math:`\mathbb E[y_{\ell+1}H_Z]=\mathbb E[xy\,b^\top]`.

    Parameters
    ----------
    task : Task
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
    [RT] Corollary 2 and [DM] §2 suppose these moments; derived in ``derivations/contexts/structured_covariance.py`` and
    ``derivations/contexts/quadratic_form_law.py``.

    Examples
    --------
    >>> from hermite_eq.models import Source, Spike, Task
    >>> task = Task(sources=[Source("tanh", noise=0.1, input_cov=Spike(3.0), task_cov=Spike(5.0))])
    >>> moments = source_moments(task, d=10, context=8)
    >>> moments.second_b.shape, moments.labels.shape, bool(moments.error < 1e-9)
    ((11, 11), (10, 11), True)
    >>> given = source_moments(task, d=10, context=8, tasks=np.ones((3, 10)))
    >>> round(given.square_y, 6)
    0.542194
    """
    if not isinstance(task, Task):
        raise ArgumentTypeError("moments belong to a Task", shown(task), 'pass hermite_eq.Task("relu", noise=0.01)')
    d, context = check_sizes(d, context)
    index = source_index(task, source)
    if tasks is None:
        return _fresh(task, index, d, context)
    return _given(geometry(task, task.sources[index], d), array(tasks, "tasks", empty=True), context)


def source_index(task: Task, source: int | None) -> int:
    """Which source is asked for; of one it need not be said."""
    count = len(task.sources)
    if source is None and count > 1:
        raise HypothesisError("one source is asked for", f"{count} sources", "pass source=0, say")
    index = 0 if source is None else check_degree(source, name="source")
    if index >= count:
        raise HypothesisError(f"the sources are numbered 0 … {count - 1}", f"source={source}", f"pass source={count - 1}")
    return index


@lru_cache(maxsize=64)
def _fresh(task: Task, index: int, d: int, context: int) -> SourceMoments:
    place = geometry(task, task.sources[index], d)
    moments = averaged_moments(place, place.fresh(), context)
    # The same arrays are handed out again.
    for value in vars(moments).values():
        if isinstance(value, np.ndarray):
            value.setflags(write=False)
    return moments


def _given(place: Geometry, tasks: Array, context: int) -> SourceMoments:
    d = len(place.mean)
    if tasks.ndim != 2 or tasks.shape[1:] != (d,) or not len(tasks):
        raise HypothesisError(
            "tasks are a finite array of shape (k, d)", f"shape {tasks.shape} at d = {d}", "pass xi[None, :] for one task"
        )
    if not tasks.any(axis=1).all():
        raise HypothesisError("the labels depend on x: ξ ≠ 0", "a task vector of zeros", "pass task vectors that are not zero")
    eta = place.directions(tasks)
    least = float(np.einsum("ki,ki->k", eta @ place.covariance, eta).min())
    if not least > 0:
        raise HypothesisError("the labels depend on x: ξᵀΣξ > 0", f"ξᵀΣξ = {least:.3g}", "pass larger task vectors")
    return averaged_moments(place, GivenTasks(eta, place.mean, place.covariance), context)
