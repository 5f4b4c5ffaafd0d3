"""Laws in the limit d = ∞, at any ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import Ratios, Task
from hermite_eq.theory.arguments import check_magnitude, check_plain
from hermite_eq.theory.dual import value
from hermite_eq.theory.feature_law.given_moments import GivenMoments, Population, mixture_trace
from hermite_eq.theory.feature_law.head import Head, HeadMoments
from hermite_eq.theory.feature_law.law import Columns, FeatureLaw, IsotropicLaw, Place, Solution
from hermite_eq.theory.feature_law.moment_law import MomentLaw
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
                "errors are below the largest double",
                f"{float(value(getattr(errors, name))[beyond].max()):.3g} E y² with E y² = {square:.3g}",
                "divide the target by a number, the noise by its square, and multiply the error by it",
            )
    return replace(errors, **scaled)


@dataclass(frozen=True, eq=False, kw_only=True)
class LinearLimit(IsotropicLaw):
    """The linear Transformer in the limit, whose errors are closed forms in its effective ridge."""

    target: TargetMoments

    def errors(self, at: Place) -> ErrorArrays:
        square, target = self.target.square, self.target.normalised()
        unexplained = target.unexplained + (0.0 if self.head.free_constant else target.mean**2)
        with np.errstate(over="ignore"):
            relative = at.ridge / square
        return in_units(linear_limit(target.slope, unexplained, 1.0, at.alpha, at.kappa, at.tau, relative, at.test_alpha), square)


@dataclass(frozen=True, eq=False, kw_only=True)
class HeadLimit(IsotropicLaw):
    r"""A random head in the limit: one node, as every norm is 1, and no ridge, as that per sample, λ/d, vanishes.

    In units of :math:`\sqrt{R_t}\hat h`, with :math:`m=a_1^2/\sqrt{R_t}`. The linear Transformer is the head :math:`c_1=1,c_*=0` at
    μ = ∞ with the ridge :math:`\lambda/R_t`. In the test :math:`R'_t=a_1^2+v/\alpha_t`, so that pre-activations have the variance
    :math:`R'_t/R_t`, as F has the scale of training (``derivations/heads/test_contexts.py``).

    Attributes
    ----------
    target : TargetMoments
    moments : HeadMoments
        One head for all places, arrays of shape (1,), or one for each, (P, 1).
    """

    target: TargetMoments
    moments: HeadMoments

    def errors(self, at: Place) -> ErrorArrays:
        square, target = self.target.square, self.target.normalised()
        fresh, tested = (target.slope**2 + 1 / alpha for alpha in (at.alpha, at.test_alpha))
        spectrum = Spectrum.limit(target.slope**2 / fresh, at.kappa)
        column = np.ones_like(at.tau)[:, None]

        def samples(head: HeadMoments, length: Any) -> ScaledSamples:
            return ScaledSamples(
                weights=column,
                c0=column * head.c0,
                c1=column * head.c1,
                c2=column * head.c2,
                residual2=column * head.residual2,
                mean=column * target.mean,
                square=column * target.square,
                signal=(target.slope**2 / np.sqrt(length))[:, None],
                tilt=0 * column,
            )

        training, tests = samples(self.moments, fresh), None
        if np.any(value(tested) != value(fresh)):
            tests = samples(self.head.rescaled(np.sqrt(tested / fresh)[:, None]), tested)
        ridge = at.ridge / (square * fresh) if self.head.linear else np.zeros_like(at.tau)
        point = fixed_point(training, spectrum, at.tau, at.mu, ridge)
        return in_units(random_head_error(training, spectrum, at.tau, at.mu, point, math.inf, fresh, tests), square)


@dataclass(frozen=True, eq=False, kw_only=True)
class SourcesLimit(FeatureLaw):
    r"""Several sources of isotropic data in the limit, every context with a task of its own.

    In source s, h has covariance :math:`R_s/d\,I`, :math:`R_s=a_s^2+v_s/\alpha`, and a norm that does not fluctuate, and
    :math:`\mathbb E[hy]=\frac{a_s^2}d\operatorname{vec}I`: one direction in D, of which the engine of given moments need not know more
    than that there are D = ∞. F has the scale of the training mixture, so that pre-activations of source s have variance
    :math:`R_s/\sum_r\pi_rR_r`.

    Derivations: R of one source in ``derivations/linear/linear_error.py``, errors for given covariances in
    ``derivations/heads/given_covariances.py``.
    """

    targets: tuple[TargetMoments, ...]
    weights: tuple[float, ...]
    test_weights: tuple[float, ...]

    @classmethod
    def of(cls, head: Head, task: Task, ratios: Sequence[Ratios]) -> SourcesLimit:
        """The law of a task at these ratios.

        Raises
        ------
        HypothesisError
            If a source is not isotropic, or there are finitely many tasks.
        """
        odd = [source for source in task.sources if not source.isotropic]
        if odd or task.unit_inputs or task.unit_link:
            raise HypothesisError(
                "in the limit several sources have isotropic Gaussian inputs and tasks, in the conventions of [RT]",
                f"{task}",
                "pass Sizes(…)",
            )
        for r in ratios:
            if r.kappa < math.inf:
                raise HypothesisError(
                    "in the limit several sources have a fresh task in every context", f"{r}", "pass kappa=math.inf, or Sizes(…)"
                )
        targets = tuple(TargetMoments.of(Task(source.target, source.noise)) for source in task.sources)
        return cls(head=head, targets=targets, weights=task.weights, test_weights=task.test_weights)

    def at(self, alpha: float, test_alpha: float) -> MomentLaw:
        """The moments at one α in training and one in the test, of :data:`_DIRECTIONS` in place of infinitely many directions."""

        def populations(alpha: float, weights: tuple[float, ...]) -> list[Population]:
            return [
                Population(np.array([[t.slope**2 + t.square / alpha]]), np.array([t.slope**2]), t.square, t.mean, weight)
                for t, weight in zip(self.targets, weights, strict=True)
            ]

        training, test = tuple(p for p in populations(alpha, self.weights) if p.weight), tuple(populations(test_alpha, self.test_weights))
        given = GivenMoments(training, test, mixture_trace(training))
        vars(given)["blocks"] = tuple(replace(block, more=_DIRECTIONS - 1) for block in given.blocks)
        law = MomentLaw.of(self.head, given)
        return replace(law, engine=replace(law.engine, dimension=_DIRECTIONS))

    def solution(self, points: Sequence[Any]) -> Solution:
        place, columns = Place.of(self.head, points), Columns()
        both = list(zip(place.alpha.tolist(), place.test_alpha.tolist(), strict=True))
        for alphas in dict.fromkeys(both):
            at, law = np.array([i for i, pair in enumerate(both) if pair == alphas]), self.at(*alphas)
            traces = np.full(at.size, law.given.trace)
            ridge = ridge_in_units(place.ridge[at] if self.head.linear else 0 * traces, law.given.trace)
            for name, part in law.errors(place.tau[at], place.mu[at], ridge, traces).items():
                columns.setdefault(name, np.zeros((len(points), *part.shape[1:])))[at] = part
        return columns, ()
