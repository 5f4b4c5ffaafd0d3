"""In-context errors in the limit d = ∞ at given ratios."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Task
from hermite_eq.theory.arguments import check_plain
from hermite_eq.theory.head import HeadMoments
from hermite_eq.theory.linear import linear_limit
from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.random_head import ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectrum import Spectrum

Array = NDArray[np.float64]


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
        expansion = coefficients(task.target, 1)
        square = float(expansion.norm2) + task.noise
        if not square > 0:
            raise HypothesisError("the labels are not all zero", f"{task}", "pass a nonzero target or noise > 0")
        unexplained = float(expansion.residual(1)) ** 2 + task.noise
        return cls(float(expansion.c[0]), float(expansion.c[1]), square, unexplained)


def limit_linear(model: LinearTransformer, task: Task, ratios: Sequence[Ratios], ridge: ArrayLike | None = None) -> ErrorArrays:
    """The linear Transformer at each of the ratios: :func:`linear_limit` with the target's moments, at other ridges if given."""
    target = TargetMoments.of(task)
    unexplained = target.unexplained + (0.0 if model.intercept else target.mean**2)
    alpha, kappa, tau = (np.array([getattr(r, name) for r in ratios]) for name in ("alpha", "kappa", "tau"))
    return linear_limit(target.slope, unexplained, target.square, alpha, kappa, tau, model.ridge if ridge is None else ridge)


def limit_random(model: RandomTransformer, task: Task, ratios: Sequence[Ratios]) -> ErrorArrays:
    r"""The random Transformer at each of the ratios.

    One node (every norm is 1) with :math:`c_0,c_1,c_2,c_*^2` of the head, :math:`m=a_1^2/\sqrt{R_t}`, ridge per sample λ/d → 0.
    """
    for r in ratios:
        if r.mu is None:
            raise HypothesisError("a random head has hidden units", f"{r}", "pass mu=…")
    alpha, kappa, tau, mu = (np.array([getattr(r, name) for r in ratios], float) for name in ("alpha", "kappa", "tau", "mu"))
    return head_limit(HeadMoments.of(model.activation), TargetMoments.of(task), alpha, kappa, tau, mu, np.zeros_like(tau))


def head_limit(
    head: HeadMoments, target: TargetMoments, alpha: Array, kappa: Array, tau: Array, mu: Array, ridge: Array
) -> ErrorArrays:
    r"""A head with given Hermite data, in units of :math:`\sqrt{R_t}\hat h`; arrays, or dual numbers, of shape (P,).

    ``ridge`` is that of :func:`fixed_point`. The linear Transformer is the head :math:`c_1=1,c_*=0` at μ = ∞, ridge :math:`\lambda/R_t`.
    """
    fresh = target.slope**2 + target.square / alpha
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
    return random_head_error(samples, spectrum, tau, mu, point, math.inf, fresh)
