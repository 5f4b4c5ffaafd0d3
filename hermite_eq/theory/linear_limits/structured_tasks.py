r"""In-context error of the linear Transformer for pretraining and test tasks of any covariance, and for given training tasks.

Tasks :math:`\xi\sim\mathcal N(0,C)` have :math:`\|\xi\|^2/d\to s^2=\operatorname{tr}C/d`, so that the labels have
:math:`a=a(s)`, :math:`v=v(s)` and :math:`\mathbb E[b_1|\xi]=\frac as\xi`: in every formula of the isotropic theory
:math:`a_1^2S` becomes :math:`\frac{a^2}{s^2}\frac1k\sum\xi_j\xi_j^\top`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count, instance
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import scaled_moments
from hermite_eq.models import Ratios, Task
from hermite_eq.models.structures import Identity
from hermite_eq.theory.arguments import check_plain, check_points
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import FeatureLaw, Place, Solution
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.ridge_equivalent.linear import regression_errors
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectra.task_spectrum import Resolvent, TaskSpectrum, task_covariance
from hermite_eq.theory.spectra.wishart import mean_spectrum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LabelLaw:
    r"""Labels over a population of tasks: :math:`\mathbb Ey`, :math:`\mathbb Ey^2`."""

    mean: float
    square: float


@dataclass(frozen=True, eq=False)
class TaskPopulation:
    r"""The training tasks and the test tasks of a linear Transformer, as far as its error depends on them.

    It goes to :func:`hermite_eq.theory.icl_curve` in place of a task. Made by :meth:`from_covariances` or :meth:`from_tasks`; one
    eigendecomposition, after which a point costs O(d).

    Attributes
    ----------
    task : Task
    spectrum : TaskSpectrum
        Eigenvalues of the training tasks' :math:`\mathbb E[\frac{a^2}{s^2}\xi\xi^\top]` and the diagonal of the test tasks' in the
        same basis.
    train, test : LabelLaw
    kappa : float or None
        k/d of given tasks; None where the tasks are drawn anew.
    fresh_square : float
        The sum of the squared eigenvalues of the test tasks' matrix.

    Examples
    --------
    Half of the directions never occur in training:

    >>> from hermite_eq.models import LinearTransformer, Ratios
    >>> from hermite_eq.theory import icl_error
    >>> population = TaskPopulation.from_covariances(Task("identity", noise=0.1), [2.0, 0.0], [1.0, 1.0])
    >>> print(icl_error(LinearTransformer(0.0), population, Ratios(alpha=10, kappa=float("inf"), tau=2)))
    ICL 1.45837, IDG 0.304265
    """

    task: Task
    spectrum: TaskSpectrum
    train: LabelLaw
    test: LabelLaw
    kappa: float | None = None
    fresh_square: float = math.nan

    #: Its spectrum is not that of one isotropic source.
    isotropic: ClassVar[bool] = False

    def __str__(self) -> str:
        return f"{self.task}, tasks of a given covariance"

    @classmethod
    def from_covariances(cls, task: Task, train: ArrayLike, test: ArrayLike | None = None) -> TaskPopulation:
        r"""Training tasks :math:`\mathcal N(0,C_{train})`, test tasks :math:`\mathcal N(0,C_{test})` (the same where not given).

        Parameters
        ----------
        task : Task
        train, test : array_like
            Symmetric non-negative matrices (d, d), or vectors (d,): their diagonals, or spectra of matrices which commute.

        Raises
        ------
        HypothesisError
            If a matrix is not symmetric, has a negative eigenvalue or vanishes, or if the shapes differ.

        Examples
        --------
        >>> population = TaskPopulation.from_covariances(Task("identity", noise=0.1), np.diag([2.0, 1.0, 3.0]), np.eye(3))
        >>> population.spectrum.eigenvalues.round(12), round(population.train.square, 12)
        (array([1., 2., 3.]), 2.1)
        """
        train = task_covariance(train, "train")
        test = train if test is None else task_covariance(test, "test")
        if len(train) != len(test):
            raise HypothesisError("both covariances have the same d", f"{len(train)} and {len(test)}", "pass matrices of one shape")
        square = float((test**2).sum())
        if train.ndim == test.ndim == 1:
            eigenvalues, fresh = train, test
        else:
            train, test = (np.diag(x) if x.ndim == 1 else x for x in (train, test))
            eigenvalues, basis = np.linalg.eigh(train)
            fresh = np.einsum("ij,ij->j", basis, test @ basis)
        weights = np.full(len(train), 1 / len(train))
        # In exact arithmetic none is below 0.
        eigenvalues, fresh = (np.maximum(x, 0.0) for x in (eigenvalues, fresh))
        (gain, law), (fresh_gain, fresh_law) = (_labels(task, np.array([math.sqrt(weights @ x)])) for x in (eigenvalues, fresh))
        return cls(
            task, TaskSpectrum(gain[0] * eigenvalues, fresh_gain[0] * fresh, weights), law, fresh_law,
            fresh_square=float(fresh_gain[0] ** 2) * square,
        )  # fmt: skip

    @classmethod
    def from_sources(cls, task: Task, d: int) -> TaskPopulation:
        r"""The source of training tasks, and the mixture of those of the test, of a task of several sources at dimension d.

        Sources differ in the covariance of their tasks, :math:`\mathcal N(0,C_s)`, and may in nothing else: the test has tasks of the
        sources in the proportions ``test_weights``, whose mean squares and signals enter. In finite d, with several sources of training,
        and for random heads it is :func:`hermite_eq.icl_error` of the task itself.

        Parameters
        ----------
        task : Task
            With one source of training weight 1.
        d : int

        Raises
        ------
        HypothesisError
            If several sources are trained on, or they differ in more, or inputs are not standard.

        Examples
        --------
        >>> import warnings
        >>> from hermite_eq.models import PowerLaw, Source
        >>> with warnings.catch_warnings():
        ...     warnings.simplefilter("ignore")
        ...     sources = [Source("identity", 0.1, task_cov=PowerLaw(1.0)), Source("identity", 0.1)]
        ...     shifted = Task(sources=sources, weights=[1, 0], test_weights=[0, 1])
        >>> TaskPopulation.from_sources(shifted, 4).spectrum.fresh.round(2)
        array([1., 1., 1., 1.])
        """
        d = count(d, "d", least=1)
        instance(task, Task, "the task is a hermite_eq.Task", "pass Task(sources=[…], weights=[1, 0])")
        trained = [s for s, weight in enumerate(task.weights) if weight]
        if len(trained) != 1:
            raise HypothesisError(
                "one source is trained on, as sample covariances of several are no function of one",
                f"weights={task.weights}",
                "pass weights=[1, 0, …], or Sizes and icl_error(model, task, sizes)",
            )
        plain = [replace(source, task_cov=Identity()) for source in task.sources]
        if (
            not Task(sources=plain[:1]).isotropic
            or any(other_source != plain[0] for other_source in plain[1:])
            or task.unit_inputs
            or task.unit_link
        ):
            raise HypothesisError(
                "sources differ in the covariance of their tasks alone, in the conventions of [RT]",
                f"{task}",
                "give them one target and noise, isotropic inputs and centred Gaussian tasks; or pass Sizes to icl_error",
            )
        plain_task = Task(plain[0].target, plain[0].noise)
        matrices = [source.task_cov.matrix(d) for source in task.sources]
        parts = [cls.from_covariances(plain_task, matrices[trained[0]], C) for C in matrices]
        shares = np.array(task.test_weights)
        scale = [math.sqrt(np.trace(C) / d) for C in matrices]
        gains = _labels(plain_task, np.array(scale))[0]
        mixed = np.tensordot(shares * gains, matrices, 1)
        first = parts[0].spectrum
        fresh = np.tensordot(shares, [part.spectrum.fresh for part in parts], 1)
        labels = LabelLaw(*(float(shares @ [getattr(part.test, name) for part in parts]) for name in ("mean", "square")))
        return cls(plain_task, TaskSpectrum(first.eigenvalues, fresh, first.weights), parts[0].train, labels, None, float((mixed**2).sum()))

    @classmethod
    def from_tasks(cls, task: Task, tasks: ArrayLike, test: ArrayLike | None = None) -> TaskPopulation:
        r"""Given training tasks :math:`\xi_1,\dots,\xi_k`; nothing is averaged over them. Their own norms enter, not a limit of them.

        Parameters
        ----------
        task : Task
        tasks : array_like
            Shape (k, d).
        test : array_like, optional
            The covariance of the test tasks, (d, d) or its diagonal (d,); the identity where not given.

        Examples
        --------
        >>> xi = np.random.default_rng(0).standard_normal((20, 40))
        >>> TaskPopulation.from_tasks(Task("relu"), xi).kappa
        0.5
        """
        xi = array(tasks, "tasks", nan=True, empty=True)
        if xi.ndim != 2 or not xi.size or not np.isfinite(xi).all() or not (np.abs(xi).max(1) > 0).all():
            raise HypothesisError("tasks are finite nonzero vectors, the rows of an array (k, d)", f"shape {xi.shape}", "pass shape (k, d)")
        k, d = xi.shape
        fresh = task_covariance(np.ones(d) if test is None else test, "test")
        if len(fresh) != d:
            raise HypothesisError("both covariances have the same d", f"{d} and {len(fresh)}", "pass matrices of one shape")
        gain, law = _labels(task, np.linalg.norm(xi, axis=1) / math.sqrt(d))
        values, basis = np.linalg.eigh((xi.T * (gain / k)) @ xi)
        turned = basis.T**2 @ fresh if fresh.ndim == 1 else np.einsum("ij,ij->j", basis, fresh @ basis)
        # Beyond the rank k eigenvalues are zero, up to the rounding of the largest.
        values[: max(0, d - k)] = 0.0
        turned = np.maximum(turned, 0.0)
        weights = np.full(d, 1 / d)
        fresh_gain, fresh_law = _labels(task, np.array([math.sqrt(weights @ turned)]))
        square = float(fresh_gain[0] ** 2 * (fresh**2).sum())
        return cls(task, TaskSpectrum(np.maximum(values, 0.0), fresh_gain[0] * turned, weights), law, fresh_law, k / d, square)

    @classmethod
    def from_mean_spectrum(cls, task: Task, d: int, tasks: int) -> TaskPopulation:
        r"""k training tasks from :math:`\mathcal N(0,I_d)` at finite d and k, averaged: the exact mean spectrum of :math:`S_k`.

        Marchenko-Pastur is its limit. The error is that of one matrix with the mean spectrum: its fluctuations, like all else that is
        O(1/d) in contexts, are left to :func:`hermite_eq.icl_error` at finite ``Sizes``.

        Examples
        --------
        >>> population = TaskPopulation.from_mean_spectrum(Task("identity"), d=8, tasks=4)
        >>> print(f"{population.spectrum.weights @ population.spectrum.eigenvalues**2:.9f}")  # 1 + (d + 1)/k
        3.250000000
        """
        check_plain(task)
        d, tasks = count(d, "d", least=1), count(tasks, "tasks", least=1)
        values, weights = mean_spectrum(d, tasks)
        gain, law = _labels(task, np.ones(1))
        spectrum = TaskSpectrum(gain[0] * values, np.full(values.size, gain[0]), weights)
        return cls(task, spectrum, law, law, tasks / d, float(gain[0] ** 2 * d))


def _labels(task: Task, scales: Array) -> tuple[Array, LabelLaw]:
    r""":math:`a(s)^2/s^2` at each scale, and the labels' law at equally likely scales."""
    check_plain(task)
    c, norm2 = scaled_moments(task.target, scales, 1)
    square = float(np.mean(norm2)) + task.noise
    if not square > 0:
        raise HypothesisError("the labels are not all zero", f"{task}", "pass a nonzero target or noise > 0")
    return (c[:, 1] / scales) ** 2, LabelLaw(float(np.mean(c[:, 0])), square)


@dataclass(frozen=True, eq=False)
class SolvedTasks:
    r"""The resolvent at the solution, :math:`i=v/\alpha`, the ψ of i, what is added to it, γ, and :math:`v_t-\langle T\rangle`."""

    resolvent: Resolvent
    noise: Array
    origin: Array
    excess: Array
    gamma: Array
    beyond_fresh: float


@dataclass(frozen=True, eq=False, kw_only=True)
class StructuredLaw(FeatureLaw):
    r"""The linear Transformer on a :class:`TaskPopulation` in the limit.

    The errors are :func:`hermite_eq.theory.ridge_equivalent.linear.regression_errors` with :math:`i=v/\alpha`, :math:`i_t=v_t/\alpha_t`.

    An intercept takes :math:`c_0^2` off v, and makes of :math:`v_t` the mean of :math:`(y-c_0)^2` over the test tasks.

    References
    ----------
    ``derivations/linear/task_covariances.py``.
    """

    population: TaskPopulation

    @classmethod
    def of(cls, head: Head, population: TaskPopulation, ratios: Sequence[Ratios]) -> StructuredLaw:
        """The law at ratios where κ is that of given tasks, or else any; κ = ``inf`` makes S the training covariance itself.

        Raises
        ------
        HypothesisError
            If κ is not that of the given tasks, or the model is not linear.
        """
        if not head.linear:
            raise HypothesisError(
                "structured tasks are worked out for the linear Transformer", f"{head.function}", "pass LinearTransformer(ridge=…)"
            )
        check_points(ratios, Ratios)
        own = population.kappa
        for r in ratios:
            if own is not None and abs(r.kappa - own) > 64 * np.finfo(float).eps * own:
                raise HypothesisError(f"the {own:g} d given tasks are the training tasks", f"kappa={r.kappa:g}", f"pass kappa={own!r}")
        return cls(head=head, population=population)

    def solved(self, place: Place) -> tuple[ErrorArrays, SolvedTasks]:
        """The errors at places, and what they are made of."""
        train, test, spectrum = self.population.train, self.population.test, self.population.spectrum
        tau, lam, gamma = place.tau, place.ridge, (0.0 if self.population.kappa else 1.0) / place.kappa
        i, i_fresh = train.square / place.alpha, test.square / place.test_alpha
        origin = spectrum.origin(i, gamma)

        def gap(excess: Array) -> Array:
            # 1 − ⟨R/(R+q)⟩/τ − λ/q with 1 − ⟨R/(R+q)⟩ = q⟨1/(S+y)⟩; below τ = ½ from ⟨R/(R+q)⟩ itself.
            at = spectrum.resolvent(i, origin, excess, gamma)
            free = np.where(tau > 0.5, (tau - 1) + at.ridge * at.trace, tau - (at.s_1 + i * at.trace))
            return np.asarray(free / tau - lam / np.where(at.ridge > 0, at.ridge, 1.0))

        # λ ≤ q ≤ λ + ⟨R⟩/τ, and y′(ψ) δ ≤ q ≤ δ.
        slope = np.where(gamma > 0, i / origin, 1.0)
        excess = increasing_root(gap, lam, 2 * (lam + (spectrum.mean + i) / tau) / slope)
        mean = train.mean if self.head.free_constant else 0.0
        # E(y − mean)² less ⟨S⟩; over the test tasks the mean is that of training.
        beyond = train.square - mean**2 - spectrum.mean
        beyond_fresh = test.square - 2 * mean * test.mean + mean**2 - spectrum.fresh_mean
        at = SolvedTasks(spectrum.resolvent(i, origin, excess, gamma), i, origin, excess, gamma, beyond_fresh)
        errors = regression_errors(at.resolvent, tau, lam, i, i_fresh, beyond, beyond_fresh)
        return replace(errors, fixed_point_residual=np.where(excess > 0, np.abs(gap(excess)), 0.0)), at

    def solution(self, points: Sequence[Ratios]) -> Solution:
        return self.solved(Place.of(self.head, points))[0].columns, ()
