"""The joint law of tasks and contexts of one or several sources: all that the simulation of errors asks of a task."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Gaussian, Source, Sphere, Task
from hermite_eq.simulate.laws.averages import fresh_moments
from hermite_eq.simulate.laws.contexts import Contexts, Tasks
from hermite_eq.simulate.laws.inputs import AnyInputs, GaussianInputs
from hermite_eq.simulate.laws.moments import given_tasks
from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array

#: Contexts on which the trace under softmax attention is measured, with a standard error of about one per cent.
_MEASURED = 2**13


@dataclass(frozen=True)
class ContextLaw:
    """The law of a :class:`~hermite_eq.models.Task` at given d and ℓ.

    Attributes
    ----------
    task : Task
    d, context : int
    sharpness : float
        That of softmax attention; 0 is linear attention.
    """

    task: Task
    d: int
    context: int
    sharpness: float = 0.0

    @cached_property
    def sources(self) -> tuple[SourceLaw, ...]:
        """The law of each source."""

        def law(source: Source) -> SourceLaw:
            fields = (source, self.d, self.context, self.task.unit_inputs, self.task.unit_link)
            if source.inputs == Gaussian() and not self.sharpness:
                return GaussianInputs(*fields)
            return AnyInputs(*fields, self.sharpness)

        return tuple(law(source) for source in self.task.sources)

    @property
    def weights(self) -> Array:
        """Probabilities of the sources in training."""
        return np.array(self.task.weights)

    @property
    def test_weights(self) -> Array:
        """Probabilities of the sources in the ICL error."""
        return np.array(self.task.test_weights)

    @property
    def closes(self) -> bool:
        """Whether expectations over contexts and fresh tasks are computed (:mod:`hermite_eq.simulate.laws.averages` has the errors): linear
        attention, Gaussian inputs, tasks Gaussian or on the sphere."""
        if self.sharpness:
            return False
        return all(source.inputs == Gaussian() and source.tasks in (Gaussian(), Sphere()) for source in self.task.sources)

    def tasks(self, count: int, rng: np.random.Generator) -> Tasks:
        """``count`` tasks of the training mixture; the first do not depend on how many follow."""
        if len(self.sources) == 1:
            return Tasks(self.sources[0].tasks(count, rng), np.zeros(count, np.intp))
        choice, *streams = rng.spawn(1 + len(self.sources))
        last = int(np.flatnonzero(self.weights)[-1])
        # A source of weight zero owns an empty interval.
        source = np.minimum(np.searchsorted(np.cumsum(self.weights), choice.random(count), side="right"), last)
        return self._tasks(source, streams)

    def fresh_tasks(self, count: int, rng: np.random.Generator) -> Tasks:
        """``count`` tasks shared equally among the sources, in turn; the first do not depend on how many follow."""
        if len(self.sources) == 1:
            return self.tasks(count, rng)
        return self._tasks(np.arange(count) % len(self.sources), rng.spawn(len(self.sources)))

    def _tasks(self, source: NDArray[np.intp], streams: list[np.random.Generator]) -> Tasks:
        xi = np.empty((len(source), self.d))
        for s, (law, stream) in enumerate(zip(self.sources, streams, strict=True)):
            rows = np.flatnonzero(source == s)
            xi[rows] = law.tasks(len(rows), stream)
        return Tasks(xi, source)

    def draw(self, tasks: Tasks, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int = 1) -> Contexts:
        """One context for each entry of ``which``, the number of its task; the first do not depend on how many follow."""
        if len(self.sources) == 1:
            x, b, y = self.sources[0].draw(tasks.xi, which, seed, queries)
        else:
            n = len(which)
            x, b, y = np.empty((n, queries, self.d)), np.empty((n, self.d + 1)), np.empty((n, queries))
            source = tasks.source[which]
            for s, (law, child) in enumerate(zip(self.sources, seed.spawn(len(self.sources)), strict=True)):
                rows = np.flatnonzero(source == s)
                x[rows], b[rows], y[rows] = law.draw(tasks.xi, which[rows], child, queries)
        return Contexts(x.reshape(-1, self.d), b.repeat(queries, 0), y.ravel(), tasks, which.repeat(queries), queries)

    def trace(self) -> float:
        r"""t, whose inverse is the variance of F's entries: :math:`\operatorname{tr}\operatorname{Cov}(h)` over fresh tasks of the
        training mixture, :math:`\sum_s\pi_s\mathbb E_s\|h\|^2-\|\sum_s\pi_s\mathbb E_s[h]\|^2`; where inputs or tasks are neither
        Gaussian nor on the sphere, that of Gaussian ones with the same means and covariances. Under softmax attention it is
        measured, on :data:`_MEASURED` contexts that are always the same.

        Raises
        ------
        HypothesisError
            If :math:`\mathbb E y^4` is infinite or not resolved, or all labels are zero.

        Examples
        --------
        For the identity without noise :math:`\mathbb E\|b_1\|^2=\frac d\ell\,\mathbb E[s^2]\,(d+\ell+1)` and
        :math:`\mathbb E\,b_2^2=(1+\frac2\ell)\,\mathbb E[s^4]`, with :math:`\mathbb E[s^2]=1` and :math:`\mathbb E[s^4]=1+2/d`:

        >>> from hermite_eq.models import Source, Task
        >>> d, l = 10, 20
        >>> exact = d / l * (d + l + 1) + (1 + 2 / l) * (1 + 2 / d)
        >>> abs(ContextLaw(Task(sources=[Source("identity")]), d, l).trace() - exact) < 1e-12
        True
        """
        if self.sharpness:
            return _measured_trace(self)
        parts = [(weight, fresh_moments(_counterpart(law))) for weight, law in zip(self.weights, self.sources, strict=True) if weight]
        mean = sum(weight * part.h for weight, part in parts)
        trace = sum(weight * part.square_h for weight, part in parts) - float(np.vdot(mean, mean))
        if trace == 0.0:
            raise HypothesisError("tr Cov(h) > 0", f"the {self.task}, whose labels are all zero", "use a target that is not zero")
        return float(trace)

    def fresh_linear_errors(self, weights: Array, intercepts: Array) -> Array:
        """Mean square errors of linear heads, the columns of ``weights``, over the fresh tasks of each source: shape (sources, heads)."""
        return np.array([fresh_moments(law).linear_errors(weights, intercepts) for law in self.sources])

    def linear_errors(self, weights: Array, intercepts: Array, tasks: Tasks) -> Array:
        """Mean square errors of linear heads, the columns of ``weights``, over the given tasks."""
        total = np.zeros(len(intercepts))
        for s, law in enumerate(self.sources):
            xi = tasks.xi[tasks.source == s]
            if len(xi):
                total += len(xi) * given_tasks(law, xi).linear_errors(weights, intercepts)
        return total / len(tasks)


@functools.lru_cache(maxsize=64)
def _measured_trace(law: ContextLaw) -> float:
    # Σ‖h − h̄‖²/(n − 1), with h = x ⊗ b never formed.
    drawn = law.draw(law.tasks(_MEASURED, np.random.default_rng(0)), np.arange(_MEASURED), np.random.SeedSequence(1))
    square = np.einsum("ij,ij,i->", drawn.x, drawn.x, np.einsum("ij,ij->i", drawn.b, drawn.b))
    mean = drawn.x.T @ drawn.b / _MEASURED
    return float((square - _MEASURED * np.vdot(mean, mean)) / (_MEASURED - 1))


def _counterpart(law: SourceLaw) -> SourceLaw:
    """The law with Gaussian inputs, and with Gaussian tasks unless they are on the sphere."""
    source = law.source
    fields = {name: getattr(source, name) for name in ("input_cov", "task_cov", "input_mean", "task_mean")}
    tasks = source.tasks if source.tasks == Sphere() else Gaussian()
    return GaussianInputs(Source(source.target, source.noise, tasks=tasks, **fields), law.d, law.context, law.unit_inputs, law.unit_link)
