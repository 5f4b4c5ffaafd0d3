"""Exact derivatives of the predicted error in the ratios and the ridge; roots move by the implicit function theorem."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np

from hermite_eq.arguments import one_of
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, Ratios, Sizes, Task
from hermite_eq.theory.dual import UNKNOWNS, Dual, partials
from hermite_eq.theory.error import icl_error
from hermite_eq.theory.feature_law.choice import isotropic_law
from hermite_eq.theory.feature_law.law import Place
from hermite_eq.theory.prediction import TheoryError

Which = Literal["icl", "idg", "bias", "variance"]


@dataclass(frozen=True)
class ErrorGradient:
    r"""Partial derivatives of a predicted error, the other ratios held.

    Attributes
    ----------
    d_alpha, d_kappa, d_tau, d_mu : float
        In α = ℓ/d, κ = k/d, τ = n/d², μ = m/d²; 0 in a ratio that is infinite or that the model does not have.
    d_ridge : float
        In λ; 0 for a random head in the limit, where λ plays no role.
    error : TheoryError
        The prediction itself.
    d_test_alpha : float
        In α of the test, where that is given; else 0, and ``d_alpha`` moves both.
    """

    d_alpha: float
    d_kappa: float
    d_tau: float
    d_mu: float
    d_ridge: float
    error: TheoryError
    d_test_alpha: float = 0.0


def icl_gradient(model: Model, task: Task, where: Ratios | Sizes, error: Which = "icl") -> ErrorGradient:
    r"""The gradient of :func:`hermite_eq.icl_error` in the ratios and λ.

    At given Ratios every derivative is exact to rounding. At Sizes those in κ, τ, μ and λ are, of the prediction continued to real k, n
    and m; the law of the context is one for each integer ℓ, so that ``d_alpha`` and ``d_test_alpha`` are difference quotients between
    ℓ − 1 and ℓ + 1, at ℓ = 1 between 1 and 2.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
    where : Ratios or Sizes
    error : {"icl", "idg", "bias", "variance"}

    Raises
    ------
    HypothesisError
        Where the error diverges; for several sources, whose derivatives are :func:`mixing_gradient`; as :func:`hermite_eq.icl_error`.

    Examples
    --------
    Between n and m more samples make it worse (the peak is at n = m), more hidden units better:

    >>> from hermite_eq.models import RandomTransformer
    >>> found = icl_gradient(RandomTransformer("relu", ridge=0), Task("relu", noise=0.01), Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3))
    >>> print(f"{found.d_tau:.4f} {found.d_mu:.4f}")
    0.3075 -0.1690
    """
    one_of(error, ("icl", "idg", "bias", "variance"), "error")
    law, at = isotropic_law(model, task, where), icl_error(model, task, where)
    if not math.isfinite(getattr(at, error)):
        raise HypothesisError("the error is finite where its gradient is asked for", f"{error} = inf at {where}", "move n away from m")
    place = Place.of(law.head, [where])
    names = [field.name for field in fields(Place)]
    seeds = np.eye(len(names) + UNKNOWNS)[: len(names), :, None]
    # What is infinite does not move.
    moving = (Dual(x, seed * np.isfinite(x)) for x, seed in zip(vars(place).values(), seeds, strict=True))
    derivative = getattr(law.errors(Place(*moving)), error)
    slopes = dict(zip(names, partials(derivative, len(names))[:, 0].tolist(), strict=False))
    given = where.tested is not where
    if isinstance(where, Sizes):
        slopes["alpha"] = _by_difference(model, task, where, error, "context")
        slopes["test_alpha"] = _by_difference(model, task, where, error, "test_context") if given else 0.0
    elif not given:
        slopes["alpha"], slopes["test_alpha"] = slopes["alpha"] + slopes["test_alpha"], 0.0
    return ErrorGradient(**{f"d_{name}": slope for name, slope in slopes.items()}, error=at)


def _by_difference(model: Model, task: Task, sizes: Sizes, error: Which, name: str) -> float:
    at = getattr(sizes, name)
    ends = (max(at - 1, 1), at + 1)
    below, above = (getattr(icl_error(model, task, replace(sizes, **{name: context})), error) for context in ends)
    return float((above - below) / (ends[1] - ends[0]) * sizes.d)
