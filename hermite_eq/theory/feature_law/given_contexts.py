r"""Contexts of any task as given samples: where no description by a few moments holds, the theory is averaged over drawn contexts.

Where few directions hold much of h, or its length varies by more than its mean, functions of h of every degree are learnt, and no Gaussian
features of finitely many moments stand for them. Given the training contexts the error is
deterministic in the first layer all the same (:mod:`hermite_eq.theory.ridge_equivalent.given_samples`), with the kernel

.. math:: K(h,h')=\sum_k\frac{c_k(s)c_k(s')}{k!}\rho^k,\qquad s=\|h\|/\sqrt t,\quad\rho=\frac{x^\top x'\,b^\top b'}{\|h\|\|h'\|},

and what is left is a mean over contexts, whose standard error is stated. Contexts are drawn from their exact law,
:mod:`hermite_eq.theory.feature_law.sources.contexts`; errors of linear predictors, whose means are known, are control variates. The linear
Transformer has no first layer: given the training contexts its error is a quadratic form in the exact moments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.source_moments import SourceMoments
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.memory import require_memory
from hermite_eq.models import Sizes, Task
from hermite_eq.theory.feature_law.given_moments import mixture_trace
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import FIRST, FeatureLaw, LawOverDraws, Solution, controlled_mean
from hermite_eq.theory.feature_law.sources.contexts import Contexts, drawn_sums, task_directions
from hermite_eq.theory.feature_law.sources.drawn_tasks import DRAWS, task_draws
from hermite_eq.theory.feature_law.sources.mixture import population, square_control
from hermite_eq.theory.prediction import TheoryError, columns
from hermite_eq.theory.ridge_equivalent.given_samples import SampleFit, fitted
from hermite_eq.theory.ridge_equivalent.scalar import ridge_in_units

Array = NDArray[np.float64]

#: Contexts on which the fit is tested in each draw, of each source, and of the training tasks together, with the least of one task.
TESTS, _LEAST = 2048, 256
#: Contexts in all draws together on which the variance over the first layer is found, which differs little between contexts and takes
#: n² operations at each of them.
_VARIANCES = 4096
#: Training contexts of a set in all draws together, where there may be fewer draws.
_CONTEXTS = 20_000
#: Least length of h in units of the largest.
_SHORTEST = 1e-8
#: Training contexts drawn at a time.
_BLOCK = 256
#: Ridges of the linear predictors that are control variates, in units of the mean eigenvalue of E[hhᵀ].
_CONTROLS = (0.3, 3.0)
_SEED = 20251129


@dataclass(frozen=True, eq=False)
class _Contexts:
    """Contexts with their queries: arrays of shapes (N, d), (N, d + 1), (N,); labels without their noise, and its variances."""

    x: Array
    b: Array
    y: Array
    noise: Array

    def part(self, rows: Any) -> _Contexts:
        return _Contexts(self.x[rows], self.b[rows], self.y[rows], self.noise[rows])

    def noisy(self, seed: Sequence[int]) -> _Contexts:
        """With labels as they are seen."""
        noise = np.sqrt(self.noise) * np.random.default_rng(seed).standard_normal(self.noise.size)
        return _Contexts(self.x, self.b, self.y + noise, np.zeros_like(noise))

    @cached_property
    def lengths(self) -> Array:
        """‖h‖; where it vanishes, as where a noiseless ReLU's labels all do, a share of the longest that no feature sees."""
        norms = np.linalg.norm(self.x, axis=1) * np.linalg.norm(self.b, axis=1)
        return np.asarray(np.maximum(norms, _SHORTEST * norms.max()))

    def cosines(self, other: _Contexts) -> Array:
        products = self.x @ other.x.T
        products *= (self.b / self.lengths[:, None]) @ (other.b / other.lengths[:, None]).T
        return np.asarray(np.clip(products, -1.0, 1.0, out=products))


@dataclass(frozen=True, eq=False)
class _Group:
    """Contexts of one source and one length ℓ, of fresh tasks or of given ones in equal numbers, with their moments."""

    source: int
    tasks: Array | None
    context: int
    moments: SourceMoments


def _joined(parts: Sequence[_Contexts]) -> _Contexts:
    return _Contexts(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("x", "b", "y", "noise")))


class _Law:
    """A task at given d, ℓ and k, of which contexts are drawn."""

    def __init__(self, task: Task, sizes: Sizes) -> None:
        self.task, self.d, self.context = task, sizes.d, sizes.context
        self.fresh = self._fresh(sizes.context)
        #: Of the test.
        self.tests = self.fresh if sizes.test_context is None else self._fresh(sizes.test_context)
        self.trace = mixture_trace([population(group.moments, w) for group, w in zip(self.fresh, task.weights, strict=True)])

    def _fresh(self, context: int) -> list[_Group]:
        sources = range(len(self.task.sources))
        return [_Group(s, None, context, source_moments(self.task, self.d, context, source=s)) for s in sources]

    def groups(self, tasks: Sequence[Array] | None) -> tuple[list[_Group], Array]:
        """Groups of the given tasks of each source, or of fresh ones, and their shares."""
        if tasks is None:
            return self.fresh, np.array(self.task.weights)
        divided = [
            _Group(s, xi, self.context, source_moments(self.task, self.d, self.context, source=s, tasks=xi))
            for s, xi in enumerate(tasks)
            if len(xi)
        ]
        counts = np.array([len(xi) for xi in tasks if len(xi)], float)
        return divided, counts / counts.sum()

    def draw(self, group: _Group, count: int, rng: np.random.Generator, *, evenly: bool) -> _Contexts:
        """Contexts of a group; of given tasks ``evenly``, or each of a task at random."""
        source, given = self.task.sources[group.source], group.tasks
        place = geometry(self.task, source, self.d)
        if given is not None and not evenly:
            given = given[rng.integers(len(given), size=count).astype(np.intp)]
        eta, g = task_directions(place, count, given, rng), rng.standard_normal(count)
        drawn = Contexts(place, group.context, eta, g, partial(drawn_sums, place, group.context, rng), rng.standard_normal)
        return _Contexts(drawn.x, drawn.b, drawn.y, np.full(count, source.noise))

    def training(self, groups: Sequence[_Group], shares: Array, count: int, seed: Sequence[int]) -> _Contexts:
        """Training contexts, each of a group at random; fewer of them are the first of more."""
        parts = []
        for block in range(math.ceil(count / _BLOCK)):
            rng = np.random.default_rng([*seed, block])
            which = rng.choice(len(groups), size=_BLOCK, p=shares)
            contexts = _joined([self.draw(group, int((which == i).sum()), rng, evenly=False) for i, group in enumerate(groups)])
            parts.append(contexts.part(np.argsort(np.argsort(which, kind="stable"))))
        return _joined(parts).part(slice(count))


def _controls(moments: SourceMoments, noise: float, contexts: _Contexts) -> Array:
    """Squared errors of linear predictors, and of 0, less their known means; shape (N, controls)."""
    x, left = np.linalg.eigh(moments.second_x)
    b, right = np.linalg.eigh(moments.second_b)
    signal, second = left.T @ moments.labels @ right, np.maximum(np.outer(x, b), 0.0)
    columns = [contexts.y**2 - (moments.square_y - noise)]
    for ridge in _CONTROLS:
        fit = signal / (second + ridge * second.mean())
        known = moments.square_y - noise - 2 * float((fit * signal).sum()) + float((second * fit**2).sum())
        fitted_y = ((contexts.x @ (left @ fit @ right.T)) * contexts.b).sum(1)
        columns.append((contexts.y - fitted_y) ** 2 - known)
    return np.stack(columns, axis=1)


@dataclass(frozen=True, eq=False, kw_only=True)
class ContextDraw(FeatureLaw):
    """One draw: the training tasks, two training sets of them, and contexts to test on.

    The mean over the draw of the samples is met by the product of the residuals of two sets.

    Attributes
    ----------
    law : _Law
    shares : (groups,) array
        Of the groups of training contexts.
    sets : tuple of _Contexts
    tests, seen : sequence of (_Group, _Contexts)
        Contexts of the test, and of the training tasks.
    near : dict
        Ridges of the kernel at points solved before, in this draw or another: where the next search begins.
    varied : int
        On how many contexts of a test the variance over the first layer is found.
    """

    law: _Law
    shares: Array
    sets: tuple[_Contexts, ...]
    tests: Sequence[tuple[_Group, _Contexts]]
    training_tests: Sequence[tuple[_Group, _Contexts]]
    near: dict[Sizes, float]
    varied: int

    @classmethod
    def of(
        cls, head: Head, law: _Law, tasks: Sequence[Array] | None, count: int, seed: Sequence[int], near: dict[Sizes, float], varied: int
    ) -> ContextDraw:
        """The draw of a seed, with ``count`` contexts in each training set."""
        rng, (groups, shares) = np.random.default_rng([*seed, 2]), law.groups(tasks)
        sets = tuple(law.training(groups, shares, count, [*seed, i]) for i in range(2))
        tests = [(group, law.draw(group, TESTS, rng, evenly=True)) for group in law.tests]
        count_each = max(_LEAST, math.ceil(TESTS / len(groups)))
        training_tests = tests if groups is law.tests else [(group, law.draw(group, count_each, rng, evenly=True)) for group in groups]
        return cls(head=head, law=law, shares=shares, sets=sets, tests=tests, training_tests=training_tests, near=near, varied=varied)

    def solution(self, points: Sequence[Sizes]) -> Solution:
        rows, law, head, near = list[TheoryError](), self.law, self.head, self.near
        for sizes, m in zip(points, head.units(points), strict=True):
            n = sizes.samples
            samples = [sample.part(slice(n)) for sample in self.sets]
            penalty = float(ridge_in_units(np.array(head.ridge), sizes.d / n))
            fits = []
            for sample in samples:
                fits.append(fitted(self._kernel(sample, sample), sample.y, sample.noise, float(m), penalty, near.get(sizes, math.inf)))
                near[sizes] = fits[-1].gamma
            by_source, mean_error = self._means(samples, fits, self.tests)
            training_means = by_source if self.training_tests is self.tests else self._means(samples, fits, self.training_tests)[0]
            scales = self._scales(samples[0])
            gain = float(np.mean((head.kernel(scales, law.trace).terms[1] / scales) ** 2))
            effective = float(np.mean([1 / fit.trace for fit in fits])) * sizes.d * law.trace / gain if gain else math.inf
            rows.append(TheoryError.mixed(
                np.array(law.task.test_weights), by_source, mean_error, self.shares @ training_means, effective_ridge=effective,
                dof=float(np.mean([fit.dof for fit in fits])) / n, fixed_point_residual=max(fit.residual for fit in fits),
            ))  # fmt: skip
        return columns(rows), ()

    def _scales(self, contexts: _Contexts) -> Array:
        return contexts.lengths / math.sqrt(self.law.trace)

    def _kernel(self, left: _Contexts, right: _Contexts) -> Array:
        rows, columns = (self.head.kernel(self._scales(contexts), self.law.trace) for contexts in (left, right))
        kernel = rows.with_inputs(columns, left.cosines(right))
        if left is right:
            np.fill_diagonal(kernel, rows.square)
        return kernel

    def _means(
        self, samples: Sequence[_Contexts], fits: Sequence[SampleFit], tests: Sequence[tuple[_Group, _Contexts]]
    ) -> tuple[Array, Array]:
        """Error and error of the mean predictor in every group."""
        averages = []
        for group, contexts in tests:
            noise, square = self.law.task.sources[group.source].noise, self.head.kernel(self._scales(contexts), self.law.trace).square
            kernels = [self._kernel(contexts, sample) for sample in samples]
            residuals = [contexts.y - fit.predictions(kernel) for fit, kernel in zip(fits, kernels, strict=True)]
            controls = _controls(group.moments, noise, contexts)
            squares = (residuals[0] ** 2 + residuals[1] ** 2) / 2
            means = controlled_mean(np.stack([squares, residuals[0] * residuals[1]], axis=1), controls)[0]
            part = slice(self.varied)
            variances = [
                fit.fluctuations(kernel[part], square[part], sample.noise)
                for fit, kernel, sample in zip(fits, kernels, samples, strict=True)
            ]
            over_layers = controlled_mean(np.mean(variances, axis=0), controls[part])[0]
            averages.append(means + noise + np.array([float(over_layers), 0.0]))
        icl, bias = np.array(averages).T
        return icl, bias


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearDraw(FeatureLaw):
    r"""One draw for the linear Transformer: the training tasks and two training sets of them, with their label noise.

    Attributes
    ----------
    law : _Law
    shares : (groups,) array
    sets : tuple of _Contexts
    groups : sequence of _Group
        Of the training contexts.
    """

    law: _Law
    shares: Array
    sets: tuple[_Contexts, ...]
    groups: Sequence[_Group]

    @classmethod
    def of(cls, head: Head, law: _Law, tasks: Sequence[Array] | None, count: int, seed: Sequence[int]) -> LinearDraw:
        """The draw of a seed, with ``count`` contexts in each training set."""
        groups, shares = law.groups(tasks)
        sets = tuple(law.training(groups, shares, count, [*seed, i]).noisy([*seed, i, 1]) for i in range(2))
        return cls(head=head, law=law, shares=shares, sets=sets, groups=groups)

    def solution(self, points: Sequence[Sizes]) -> Solution:
        rows, law = list[TheoryError](), self.law
        for sizes in points:
            n = sizes.samples
            penalty = float(ridge_in_units(np.array(self.head.ridge), sizes.d / n))
            fit, squared = (_LinearFit.to(part.part(slice(n)), penalty, self.head.free_constant) for part in self.sets)
            by_source, mean_error = np.array([fit.errors(squared, group.moments) for group in law.tests]).T
            training_means = np.array([fit.errors(squared, group.moments)[0] for group in self.groups])
            # 1/tr R of the kernel with R = (K + Λ)⁻¹, tr R = (n − df)/Λ, in units of Cov(√d h).
            dof = (fit.dof + squared.dof) / 2
            rows.append(TheoryError.mixed(
                np.array(law.task.test_weights), by_source, mean_error, self.shares @ training_means,
                effective_ridge=sizes.d * penalty / (n - dof) if dof < n else 0.0, dof=dof / n, fixed_point_residual=0.0,
            ))  # fmt: skip
        return columns(rows), ()


def _inverse(gram: Array, penalty: float) -> Array:
    """(G + Λ)⁻¹; where Λ is lost in the rounding of G, on the range of G."""
    factor, failed = scipy.linalg.lapack.dpotrf(gram + penalty * np.eye(len(gram)), lower=1)
    if not failed:
        lower, _ = scipy.linalg.lapack.dpotri(factor, lower=1)
        return np.asarray(np.tril(lower) + np.tril(lower, -1).T)
    values, basis = np.linalg.eigh(gram)
    inside = values > len(gram) * np.finfo(float).eps * values[-1]
    return np.asarray((basis / np.where(inside, values + penalty, np.inf)) @ basis.T)


@dataclass(frozen=True, eq=False)
class _LinearFit:
    r"""The fit :math:`\hat y=\langle\Gamma,h\rangle+c`, and its degrees of freedom."""

    gamma: Array
    constant: float
    dof: float

    @classmethod
    def to(cls, contexts: _Contexts, penalty: float, free_constant: bool) -> _LinearFit:
        """The fit with a penalty on the squared Γ, and a constant without one or none."""
        h = (contexts.x[:, :, None] * contexts.b[:, None, :]).reshape(len(contexts.y), -1)
        middle, mean = (h.mean(0), float(contexts.y.mean())) if free_constant else (np.zeros(h.shape[1]), 0.0)
        h -= middle
        gram = h.T @ h
        inverse = _inverse(gram, penalty)
        weights = inverse @ (h.T @ (contexts.y - mean))
        dof = min(float((gram * inverse).sum()) + free_constant, float(len(h)))
        return cls(weights.reshape(contexts.x.shape[1], -1), mean - float(middle @ weights), dof)

    def errors(self, other: _LinearFit, moments: SourceMoments) -> tuple[float, float]:
        r"""The mean error of two fits, :math:`\mathbb Ey^2-2\langle\Gamma,\mathbb Ehy\rangle-2c\,\mathbb Ey
        +\mathbb E(\langle\Gamma,h\rangle+c)^2`, and that of their mean over samples, by their product."""
        explained = sum(float((fit.gamma * moments.labels).sum() + fit.constant * moments.mean_y) for fit in (self, other))
        squares = self._product(self, moments) + other._product(other, moments)
        return moments.square_y - explained + squares / 2, moments.square_y - explained + self._product(other, moments)

    def _product(self, other: _LinearFit, moments: SourceMoments) -> float:
        """The mean product of two predictions."""
        middle = np.outer(moments.mean_x, moments.mean_b)
        both = (self.gamma * (moments.second_x @ other.gamma @ moments.second_b)).sum() + self.constant * other.constant
        return float(both + self.constant * (other.gamma * middle).sum() + other.constant * (self.gamma * middle).sum())


def given_context_law(head: Head, task: Task, points: Sequence[Sizes]) -> LawOverDraws:
    """Draws of the contexts at points of equal d, context and tasks."""
    sizes, most = points[0], max(point.samples for point in points)
    require_memory(8 * 6 * most**2, "the kernel of the contexts", "pass fewer samples, or simulate")
    law, near = _Law(task, sizes), dict[Sizes, float]()
    # Of many samples, errors scatter less and take longer.
    count = max(FIRST, min(DRAWS, math.ceil(_CONTEXTS / most)))
    varied = math.ceil(_VARIANCES / count)
    tasks: Sequence[Sequence[Array] | None] = [None] * count
    controls = np.zeros((count, 0))
    if sizes.tasks < math.inf:
        tasks = draws = task_draws(task, sizes.d, int(sizes.tasks))[:count]
        controls = square_control(task, sizes, draws)

    def given(i: int) -> FeatureLaw:
        if head.linear:
            return LinearDraw.of(head, law, tasks[i], most, [_SEED, sizes.d, sizes.context, i])
        return ContextDraw.of(head, law, tasks[i], most, [_SEED, sizes.d, sizes.context, i], near, varied)

    # Errors are skew over draws: a few that agree are no sign that all do.
    notes = ("a mean over drawn training contexts, at each of which the error is deterministic: icl_stderr and idg_stderr are its errors",)
    return LawOverDraws(head=head, given=given, controls=controls, precise=0.0, notes=notes)
