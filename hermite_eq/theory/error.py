"""The front door of the theory: icl_error(model, task, sizes or ratios)."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import singledispatch
from typing import Any

import numpy as np

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory.finite_size import finite_linear, finite_random
from hermite_eq.theory.head import HeadMoments
from hermite_eq.theory.linear import ErrorArrays, linear_limit
from hermite_eq.theory.random_head import ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectrum import Spectrum


@dataclass(frozen=True)
class TheoryError:
    r"""A predicted in-context error. Deterministic: it has no sampling error, and its rounding error is near machine precision.

    Attributes
    ----------
    icl, idg : float
        Expected squared error on a fresh task per test context, and on the training tasks; the label noise ρ is included.
    bias, variance : float
        ``icl`` split into the error of the mean predictor (with the irreducible part) and the fluctuation of the trained weights over
        the draw of the samples.
    effective_ridge : float
        The ridge which, with infinitely many samples and features, would shrink the prediction's mean alike; in the units of
        :math:`\operatorname{Cov}(\sqrt d\,h)`, where λ of the linear Transformer lives.
    dof : float
        Effective degrees of freedom of the fit per training sample, in [0, 1]; 1 means interpolation.
    fixed_point_residual : float
        Relative residual of the fixed-point equation at the solution.
    notes : tuple of str
        Limits which the numbers stand for, said aloud (divergence, c₀ = 0, c₁ = 0).
    """

    icl: float
    idg: float
    bias: float
    variance: float
    effective_ridge: float
    dof: float
    fixed_point_residual: float
    notes: tuple[str, ...] = field(default=(), compare=False)

    @property
    def g_task(self) -> float:
        """icl − idg, the price of tasks not seen in training (nan-free: 0 where both diverge)."""
        return 0.0 if math.isinf(self.icl) and math.isinf(self.idg) else self.icl - self.idg

    def __str__(self) -> str:
        return "; ".join((f"ICL {self.icl:.6g}, IDG {self.idg:.6g}", *self.notes))


@dataclass(frozen=True)
class TargetMoments:
    r"""What the limit sees of the labels: :math:`c_0,c_1` of the target and :math:`\mathbb Ey^2=\mathbb E\sigma_*^2+\rho`."""

    mean: float
    slope: float
    square: float
    unexplained: float

    @classmethod
    def of(cls, task: Task) -> TargetMoments:
        """The moments of a task; raises if the labels vanish."""
        expansion = coefficients(task.target, 1)
        square = float(expansion.norm2) + task.noise
        if not square > 0:
            raise HypothesisError("the labels are not all zero", f"{task}", "pass a nonzero target or noise > 0")
        beyond = float(expansion.residual(1)) ** 2 + task.noise
        return cls(float(expansion.c[0]), float(expansion.c[1]), square, beyond)


def _one(arrays: ErrorArrays, unit: float, notes: tuple[str, ...]) -> TheoryError:
    values = {name: float(np.ravel(getattr(arrays, name))[0]) for name in ErrorArrays.__dataclass_fields__}
    values["effective_ridge"] *= unit
    if math.isinf(values["icl"]):
        notes = (*notes, "exact interpolation without ridge: the error diverges")
    return TheoryError(**values, notes=notes)


def _notes(head: HeadMoments, target: TargetMoments) -> tuple[str, ...]:
    notes = []
    if head.c1 == 0:
        notes.append("c_1 = 0: the head passes nothing linear in h; what remains is the mean label and noise features")
    if head.c0 == 0 and target.mean != 0:
        notes.append(
            "c_0 = 0: the mean label is fitted in part, through degree 2"
            if head.c2
            else "c_0 = c_2 = 0: the mean label is not fitted"
        )
    return tuple(notes)


@singledispatch
def icl_error(model: Any, task: Task, sizes: Sizes | Ratios) -> TheoryError:
    r"""The in-context error of a trained Transformer, from theory.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
        The head of a random Transformer may be an activation or an equivalent polynomial activation.
    task : Task
    sizes : Ratios or Sizes
        Ratios give the limit d = ∞. There the random head's ridge per sample λ/d vanishes, so that its λ plays no role (λ → 0+).

    Returns
    -------
    TheoryError

    Raises
    ------
    HypothesisError
        If the labels vanish, the head is constant, or a random head comes without the number of hidden units.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Task
    >>> ratios = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3)
    >>> print(icl_error(LinearTransformer(ridge=0.1), Task("relu", noise=0.01), ratios))
    ICL 0.748157, IDG 0.616201
    >>> print(icl_error(RandomTransformer("relu", ridge=0.1), Task("relu", noise=0.01), ratios))
    ICL 0.675327, IDG 0.553281
    >>> print(icl_error(RandomTransformer("relu", ridge=0.0), Task("relu"), Ratios(alpha=1, kappa=0.5, tau=2, mu=2)))
    ICL inf, IDG inf; exact interpolation without ridge: the error diverges
    """
    raise HypothesisError(
        "the model is a LinearTransformer or a RandomTransformer", f"{type(model).__name__}", "pass one of these two"
    )


@icl_error.register
def _(model: LinearTransformer, task: Task, sizes: Sizes | Ratios) -> TheoryError:
    target = TargetMoments.of(task)
    if isinstance(sizes, Ratios):
        unexplained = target.unexplained + (0.0 if model.intercept else target.mean**2)
        ratios = sizes
        arrays = linear_limit(
            target.slope, unexplained, target.square, ratios.alpha, ratios.kappa, ratios.tau, model.ridge
        )
        return _one(arrays, 1.0, ())
    return _one(*finite_linear(model, task, sizes), ())


@icl_error.register
def _(model: RandomTransformer, task: Task, sizes: Sizes | Ratios) -> TheoryError:
    target, head = TargetMoments.of(task), HeadMoments.of(model.activation)
    if isinstance(sizes, Sizes):
        if sizes.hidden is None:
            raise HypothesisError("a random head has hidden units", f"{sizes}", "pass hidden=…")
        return _one(*finite_random(model, task, sizes), _notes(head, target))
    if sizes.mu is None:
        raise HypothesisError("a random head has hidden units", f"{sizes}", "pass mu=…")
    fresh = target.slope**2 + target.square / sizes.alpha
    one, row = np.ones(1), np.ones((1, 1))
    p = target.slope**2 / fresh
    spectrum = Spectrum.limit(one * p, one * sizes.kappa)
    samples = ScaledSamples(
        row,
        row * head.c0,
        row * head.c1,
        row * head.c2,
        row * head.residual2,
        row * target.mean,
        row * target.square,
        row * target.slope**2 / math.sqrt(fresh),
        0 * row,
    )
    tau, mu = one * sizes.tau, one * sizes.mu
    point = fixed_point(samples, spectrum, tau, mu, np.zeros(1))
    arrays = random_head_error(samples, spectrum, tau, mu, point, math.inf)
    return _one(arrays, fresh, _notes(head, target))
