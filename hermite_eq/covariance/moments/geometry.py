"""One source at dimension d in the conventions of its task, and the laws of its tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.task_laws.laws import TaskLaw, inner_tasks, unit_tasks
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory
from hermite_eq.models import Gaussian, Source, Sphere, Task

Array = NDArray[np.float64]


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

    def task_covariance(self) -> Array:
        r"""W: Cov(η), or with ``unit_link`` its leading order :math:`c^2\Sigma_\xi/\operatorname{tr}\Sigma_\xi`."""
        omega = self.source.task_cov.matrix(len(self.mean))
        return np.asarray(self.scale**2 * (omega / np.trace(omega) if self.unit_link else omega))

    def fresh(self) -> TaskLaw:
        """The law of η over fresh tasks."""
        source, d = self.source, len(self.mean)
        if not isinstance(source.tasks, Gaussian | Sphere):
            raise HypothesisError(
                "averages over tasks are known for Gaussian tasks and for the sphere",
                f"tasks of the law {source.tasks}",
                "pass tasks=…, drawn vectors of shape (k, d)",
            )
        law = unit_tasks if self.unit_link else inner_tasks
        root, centre = source.task_cov.colour(np.eye(d)).T, source.mean_vectors(d)[1]
        return law(centre, root, isinstance(source.tasks, Sphere), self.scale, self.mean, self.covariance)


def geometry(task: Task, source: Source, d: int) -> Geometry:
    """A source at dimension d in the conventions of its task."""
    source.check(d)
    require_memory(64 * d**2, "matrices of shape (d, d)", "pass a smaller d")
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


def covariance_root(matrix: Array) -> Array:
    """A matrix L with L Lᵀ = ``matrix``, symmetric positive semi-definite up to rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return np.asarray(vectors * np.sqrt(np.maximum(values, 0)))
