"""In-context errors in the limit d = ∞ at given ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Task
from hermite_eq.theory.arguments import check_magnitude, check_plain
from hermite_eq.theory.dual import value
from hermite_eq.theory.feature_law.given_moments import GivenMoments, Population, explicit_engine, mixture_trace, solved_columns
from hermite_eq.theory.feature_law.head import Head, HeadMoments
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.ridge_equivalent.linear import linear_limit
from hermite_eq.theory.ridge_equivalent.scalar import ScaledSamples, fixed_point, random_head_error, ridge_in_units
from hermite_eq.theory.spectra.spectrum import Spectrum

Array = NDArray[np.float64]

#: D of the engine, where D = ∞ is meant: it enters as 1/D.
_DIRECTIONS = 10**15


@dataclass(frozen=True)
class TargetMoments:
    r"""What the limit sees of the labels.

    Attributes
    ----------
    mean, slope : float
        :math:`c_0` and :math:`a_1=c_1` of the target.
    square : float
        :math:`v=\mathbb E\sigma_*^2+\rho`.
    unexplained : float
        :math:`v-c_0^2-c_1^2`, from the expansion's residual rather than the difference.
    """

    mean: float
    slope: float
    square: float
    unexplained: float

    @classmethod
    def of(cls, task: Task) -> TargetMoments:
        """The moments of a task of one isotropic source; raises if the labels vanish.

        >>> TargetMoments.of(Task("identity", noise=0.25))
        TargetMoments(mean=0.0, slope=1.0, square=1.25, unexplained=0.25)
        """
        check_plain(task)
        check_magnitude(task.target, "target")
        expansion = coefficients(task.target, 1)
        square = float(expansion.norm2) + task.noise
        if not square > 0:
            raise HypothesisError("the labels are not all zero", f"{task}", "pass a nonzero target or noise > 0")
        unexplained = float(expansion.residual(1)) ** 2 + task.noise
        return cls(float(expansion.c[0]), float(expansion.c[1]), square, unexplained)

    def normalised(self) -> TargetMoments:
        r"""Those of :math:`y/\sqrt v`."""
        v, root = self.square, math.sqrt(self.square)
        return TargetMoments(self.mean / root, self.slope / root, 1.0, self.unexplained / v)


def in_units(errors: ErrorArrays, square: float) -> ErrorArrays:
    r"""Errors of normalised labels as errors of labels with :math:`\mathbb Ey^2` = ``square``.

    Raises
    ------
    HypothesisError
        If one of them is above the largest double.
    """
    with np.errstate(over="ignore"):
        scaled = {name: getattr(errors, name) * square for name in ("icl", "idg", "bias", "variance", "effective_ridge")}
    for name in ("icl", "idg", "bias", "variance"):
        beyond = np.isinf(value(scaled[name])) & np.isfinite(value(getattr(errors, name)))
        if beyond.any():
            raise HypothesisError(
                "errors are below the largest double", f"{float(value(getattr(errors, name))[beyond].max()):.3g} E y² with "
                f"E y² = {square:.3g}", "divide the target by a number, the noise by its square, and multiply the error by it",
            )
    return replace(errors, **scaled)


def limit_linear(model: LinearTransformer, task: Task, ratios: Sequence[Ratios], ridge: ArrayLike | None = None) -> ErrorArrays:
    """The linear Transformer at each of the ratios: :func:`linear_limit` with the target's moments, at other ridges if given."""
    square = TargetMoments.of(task).square
    target = TargetMoments.of(task).normalised()
    unexplained = target.unexplained + (0.0 if model.intercept else target.mean**2)
    alpha, kappa, tau = (np.array([getattr(r, name) for r in ratios]) for name in ("alpha", "kappa", "tau"))
    with np.errstate(over="ignore"):
        relative = np.asarray(model.ridge if ridge is None else ridge, float) / square
    return in_units(linear_limit(target.slope, unexplained, 1.0, alpha, kappa, tau, relative), square)


def limit_random(model: RandomTransformer, task: Task, ratios: Sequence[Ratios]) -> ErrorArrays:
    r"""The random Transformer at each of the ratios.

    One node (every norm is 1) with :math:`c_0,c_1,c_2,c_*^2` of the head, :math:`m=a_1^2/\sqrt{R_t}`, ridge per sample λ/d → 0.
    """
    for r in ratios:
        if r.mu is None:
            raise HypothesisError("a random head has hidden units", f"{r}", "pass mu=…")
    alpha, kappa, tau, mu = (np.array([getattr(r, name) for r in ratios], float) for name in ("alpha", "kappa", "tau", "mu"))
    return head_limit(Head.of(model).moments(), TargetMoments.of(task), alpha, kappa, tau, mu, np.zeros_like(tau))


def limit_errors(model: Model, task: Task, ratios: Sequence[Ratios]) -> ErrorArrays:
    """A model of one isotropic source at each of the ratios."""
    return limit_linear(model, task, ratios) if isinstance(model, LinearTransformer) else limit_random(model, task, ratios)


def head_limit(
    head: HeadMoments, target: TargetMoments, alpha: Array, kappa: Array, tau: Array, mu: Array, ridge: Array
) -> ErrorArrays:
    r"""A head with given Hermite data, in units of :math:`\sqrt{R_t}\hat h`; arrays, or dual numbers, of shape (P,).

    ``ridge`` is that of :func:`fixed_point`. The linear Transformer is the head :math:`c_1=1,c_*=0` at μ = ∞, ridge :math:`\lambda/R_t`.
    """
    square, target = target.square, target.normalised()
    fresh = target.slope**2 + 1 / alpha
    spectrum = Spectrum.limit(target.slope**2 / fresh, kappa)
    column = np.ones_like(tau)[:, None]
    samples = ScaledSamples(
        weights=column,
        c0=column * head.c0,
        c1=column * head.c1,
        c2=column * head.c2,
        residual2=column * head.residual2,
        mean=column * target.mean,
        square=column * target.square,
        signal=(target.slope**2 / np.sqrt(fresh))[:, None],
        tilt=0 * column,
    )
    point = fixed_point(samples, spectrum, tau, mu, ridge)
    return in_units(random_head_error(samples, spectrum, tau, mu, point, math.inf, fresh), square)


def limit_sources(model: LinearTransformer | RandomTransformer, task: Task, ratios: Sequence[Ratios]) -> dict[str, Array]:
    r"""Several sources of isotropic data at each of the ratios, every context with a task of its own; the columns of a theory curve.

    In source s, h has covariance :math:`R_s/d\,I`, :math:`R_s=a_s^2+v_s/\alpha`, and a norm that does not fluctuate, and
    :math:`\mathbb E[hy]=\frac{a_s^2}d\operatorname{vec}I`: one direction in D, of which the engine of given moments need not know more
    than that there are D = ∞. F has the scale of the training mixture, so that pre-activations of source s have variance
    :math:`R_s/\sum_r\pi_rR_r`.

    Derivations: R of one source in ``derivations/linear_error.py``, errors for given covariances in ``derivations/given_covariances.py``.
    """
    odd = [source for source in task.sources if not source.isotropic]
    if odd or task.unit_inputs or task.unit_link:
        raise HypothesisError(
            "in the limit several sources have isotropic Gaussian inputs and tasks, in the conventions of [RT]", f"{task}", "pass Sizes(…)"
        )
    for r in ratios:
        if r.kappa < math.inf:
            raise HypothesisError(
                "in the limit several sources have a fresh task in every context", f"{r}", "pass kappa=math.inf, or Sizes(…)"
            )
        if r.mu is None and not Head.of(model).linear:
            raise HypothesisError("a random head has hidden units", f"{r}", "pass mu=…")
    columns: dict[str, Array] = {}
    for alpha in dict.fromkeys(r.alpha for r in ratios):
        at = [i for i, r in enumerate(ratios) if r.alpha == alpha]
        for name, part in _limit_sources(model, task, alpha, [ratios[i] for i in at]).items():
            columns.setdefault(name, np.zeros((len(ratios), *part.shape[1:])))[at] = part
    return columns


def _limit_sources(model: LinearTransformer | RandomTransformer, task: Task, alpha: float, ratios: Sequence[Ratios]) -> dict[str, Array]:
    """The columns at points of equal α."""
    targets = [TargetMoments.of(Task(source.target, source.noise)) for source in task.sources]
    fresh = [
        Population(np.array([[t.slope**2 + t.square / alpha]]), np.array([t.slope**2]), t.square, t.mean, weight)
        for t, weight in zip(targets, task.weights, strict=True)
    ]
    training = tuple(p for p in fresh if p.weight)
    test = tuple(replace(p, weight=weight) for p, weight in zip(fresh, task.test_weights, strict=True))
    given = GivenMoments(training, test, mixture_trace(training))
    vars(given)["blocks"] = tuple(replace(block, more=_DIRECTIONS - 1) for block in given.blocks)
    engine, tests = explicit_engine(model, given)
    linear, one = Head.of(model).linear, np.ones(len(ratios))
    tau, mu = np.array([r.tau for r in ratios]), np.array([math.inf if linear else r.mu for r in ratios], float)
    where = tau, mu, ridge_in_units(one * (model.ridge if linear else 0.0), given.trace)
    return solved_columns(replace(engine, dimension=_DIRECTIONS), tests, task.test_weights, where, one * given.trace)
