r"""In-context error of the linear Transformer for pretraining and test tasks of any covariance, and for given training tasks.

Tasks :math:`\xi\sim\mathcal N(0,C)` have :math:`\|\xi\|^2/d\to s^2=\operatorname{tr}C/d`, so that the labels have
:math:`a=a(s)`, :math:`v=v(s)` and :math:`\mathbb E[b_1|\xi]=\frac as\xi`: in every formula of the isotropic theory
:math:`a_1^2S` becomes :math:`\frac{a^2}{s^2}\frac1k\sum\xi_j\xi_j^\top`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count, instance
from hermite_eq.curve import settings_along
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import scaled_coefficients, scaled_norm2
from hermite_eq.models import LinearTransformer, Ratios, Task
from hermite_eq.theory.arguments import check_plain, check_points
from hermite_eq.theory.error import TheoryCurve
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectra.task_spectrum import TaskSpectrum, task_covariance
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

    Made by :meth:`from_covariances` or :meth:`from_tasks`; one eigendecomposition, after which a point costs O(d).

    Attributes
    ----------
    task : Task
    spectrum : TaskSpectrum
        Eigenvalues of the training tasks' :math:`\mathbb E[\frac{a^2}{s^2}\xi\xi^\top]` and the diagonal of the test tasks' in the
        same basis.
    train, test : LabelLaw
    kappa : float or None
        k/d of given tasks; None where the tasks are drawn anew.
    """

    task: Task
    spectrum: TaskSpectrum
    train: LabelLaw
    test: LabelLaw
    kappa: float | None = None

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
        return cls(task, TaskSpectrum(gain[0] * eigenvalues, fresh_gain[0] * fresh, weights), law, fresh_law)

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
        return cls(task, TaskSpectrum(np.maximum(values, 0.0), fresh_gain[0] * turned, weights), law, fresh_law, k / d)

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
        return cls(task, TaskSpectrum(gain[0] * values, np.full(values.size, gain[0]), weights), law, law, tasks / d)


def _labels(task: Task, scales: Array) -> tuple[Array, LabelLaw]:
    r""":math:`a(s)^2/s^2` at each scale, and the labels' law at equally likely scales."""
    check_plain(task)
    c = scaled_coefficients(task.target, scales, 1)
    square = float(np.mean(scaled_norm2(task.target, scales))) + task.noise
    if not square > 0:
        raise HypothesisError("the labels are not all zero", f"{task}", "pass a nonzero target or noise > 0")
    return (c[:, 1] / scales) ** 2, LabelLaw(float(np.mean(c[:, 0])), square)


def structured_curve(model: LinearTransformer, population: TaskPopulation, ratios: Sequence[Ratios]) -> TheoryCurve:
    r"""The linear Transformer's errors at each of the ratios.

    With S the training tasks' matrix, T the test tasks', :math:`i=v/\alpha`, :math:`i_t=v_t/\alpha`, :math:`R=S+i`, the effective ridge
    q solves :math:`q=\lambda+\frac q\tau\langle R/(R+q)\rangle`, and with :math:`y=i+q`

    .. math::
        e_0&=v-\langle S\rangle+y^2\Big\langle\frac S{(S+y)^2}\Big\rangle+i\Big\langle\frac{S^2}{(S+y)^2}\Big\rangle,\qquad
        e_{IDG}=\frac{e_0}{1-\frac1\tau\langle R^2/(R+q)^2\rangle},\\
        e_{ICL}&=v_t-\langle T\rangle+y^2\Big\langle\frac T{(S+y)^2}\Big\rangle+i_t\Big\langle\frac{S^2}{(S+y)^2}\Big\rangle
            +\Big\langle\frac{(T+i_t)(S+i)}{(S+y)^2}\Big\rangle\frac{e_{IDG}}\tau .

    An intercept takes :math:`c_0^2` off v, and makes of :math:`v_t` the mean of :math:`(y-c_0)^2` over the test tasks.

    Parameters
    ----------
    model : LinearTransformer
    population : TaskPopulation
    ratios : sequence of Ratios
        For given tasks κ must be theirs; otherwise κ = ``inf`` makes S the training covariance itself.

    Returns
    -------
    TheoryCurve
        ``icl`` is the error on the test tasks.

    Raises
    ------
    HypothesisError
        If κ is not that of the given tasks, or the model is not linear.

    References
    ----------
    ``derivations/task_covariances.py``. For C = I: :func:`hermite_eq.icl_error`.

    Examples
    --------
    Half of the directions never occur in training:

    >>> population = TaskPopulation.from_covariances(Task("identity", noise=0.1), [2.0, 0.0], [1.0, 1.0])
    >>> curve = structured_curve(LinearTransformer(0.0), population, [Ratios(alpha=10, kappa=float("inf"), tau=2)])
    >>> curve.icl.round(4), curve.idg.round(4)
    (array([1.4584]), array([0.3043]))
    """
    if not Head.of(model).linear:
        raise HypothesisError("structured tasks are worked out for the linear Transformer", f"{model}", "pass LinearTransformer(ridge=…)")
    instance(population, TaskPopulation, "the tasks are a TaskPopulation", "pass TaskPopulation.from_tasks(task, xi)")
    check_points(ratios, Ratios)
    alpha, kappa, tau = (np.array([getattr(r, name) for r in ratios]) for name in ("alpha", "kappa", "tau"))
    gamma = 1 / kappa
    if population.kappa is not None:
        wrong = np.abs(kappa - population.kappa) > 64 * np.finfo(float).eps * population.kappa
        if wrong.any():
            raise HypothesisError(
                f"the {population.kappa:g} d given tasks are the training tasks",
                f"kappa={kappa[np.argmax(wrong)]:g}",
                f"pass kappa={population.kappa!r}",
            )
        gamma = 0 * gamma
    found = _errors(model, population, alpha, gamma, tau)
    axis, settings = settings_along(model, population.task, ratios, {})
    exact = np.zeros(len(settings))
    return TheoryCurve(settings=settings, axis=axis, icl_stderr=exact, idg_stderr=exact, **found.columns)


def _errors(model: LinearTransformer, population: TaskPopulation, alpha: Array, gamma: Array, tau: Array) -> ErrorArrays:
    spectrum, lam = population.spectrum, np.full_like(tau, model.ridge)
    v, v_fresh = population.train.square, population.test.square
    i, i_fresh = v / alpha, v_fresh / alpha
    origin = spectrum.origin(i, gamma)

    def gap(excess: Array) -> Array:
        # 1 − ⟨R/(R+q)⟩/τ − λ/q with 1 − ⟨R/(R+q)⟩ = q⟨1/(S+y)⟩; below τ = ½ from ⟨R/(R+q)⟩ itself.
        at = spectrum.resolvent(i, origin, excess, gamma)
        free = np.where(tau > 0.5, (tau - 1) + at.ridge * at.trace, tau - (at.s_1 + i * at.trace))
        return np.asarray(free / tau - lam / np.where(at.ridge > 0, at.ridge, 1.0))

    # λ ≤ q ≤ λ + ⟨R⟩/τ, and y′(ψ) δ ≤ q ≤ δ.
    slope = np.where(gamma > 0, i / origin, 1.0)
    excess = increasing_root(gap, lam, 2 * (lam + (spectrum.mean + i) / tau) / slope)
    residual = np.where(excess > 0, np.abs(gap(excess)), 0.0)
    at = spectrum.resolvent(i, origin, excess, gamma)
    q, y = at.ridge, i + at.ridge
    j = at.s_2 + i * at.inverse2
    remaining = np.where(q > 0, tau * lam / np.where(q > 0, q, 1.0) + q * j, tau - 1)
    mean = population.train.mean if model.intercept else 0.0
    # E(y − mean)² less ⟨S⟩; over the test tasks the mean is that of training.
    beyond = v - mean**2 - spectrum.mean
    beyond_fresh = v_fresh - 2 * mean * population.test.mean + mean**2 - spectrum.fresh_mean
    with np.errstate(divide="ignore"):
        idg = tau * (beyond + y**2 * at.s_2 + i * at.s2_2) / remaining
    bias = beyond_fresh + y**2 * at.t_2 + i_fresh * at.s2_2
    variance = (at.ts_2 + i * at.t_2 + i_fresh * j) * idg / tau
    return ErrorArrays(bias + variance, idg, bias, variance, q, (at.s_1 + i * at.trace) / tau, residual)
