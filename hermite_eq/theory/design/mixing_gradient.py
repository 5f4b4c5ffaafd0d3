"""The gradient of the predicted error in the training proportions of the sources."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Model, Sizes, Task
from hermite_eq.theory.arguments import check_mixture
from hermite_eq.theory.design.mixing_response import Response
from hermite_eq.theory.feature_law.choice import moment_notes
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.moment_law import MomentLaw, source_nodes
from hermite_eq.theory.feature_law.sources.mixture import mixture_moments
from hermite_eq.theory.prediction import TheoryError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class MixingGradient:
    r"""Derivatives of predicted errors in the training proportions.

    What belongs to source s is the derivative *towards* it, :math:`\frac d{d\epsilon}e\big((1-\epsilon)\pi+\epsilon\delta_s\big)` at
    ε = 0+: the gain or loss where every source gives up a little of its share to s. At an interior minimum all are 0; where
    :math:`\pi_s=0` it is the derivative into the simplex. :math:`\sum_s\pi_s` times them is 0.

    Attributes
    ----------
    weights : (S,) array
        π.
    icl, idg : (S,) array
        Derivatives of the ICL error and of the error on the training mixture.
    icl_by_source : (T, S) array
        Of the error on each test source.
    d_ridge : float
        :math:`\partial e_{\mathrm{ICL}}/\partial\lambda`, the proportions held.
    error : TheoryError
        The prediction itself.
    """

    weights: Array
    icl: Array
    idg: Array
    icl_by_source: Array
    d_ridge: float
    error: TheoryError

    def along(self, direction: Sequence[float]) -> float:
        r"""The derivative of the ICL error along a direction v with :math:`\sum_sv_s=0`.

        Raises
        ------
        HypothesisError
            If the direction leaves the plane :math:`\sum_s\pi_s=1`.
        """
        v = np.asarray(direction, float)
        # Sums of S numbers, each rounded.
        if v.shape != self.icl.shape or abs(v.sum()) > 64 * np.finfo(float).eps * np.abs(v).sum():
            raise HypothesisError(
                "a direction on the simplex has entries of sum 0, one for each source", f"{direction!r}", "pass [1, -1], say"
            )
        return float(v @ self.icl)


def law_of_all(model: Model, task: Task, sizes: Sizes) -> MomentLaw:
    """The law of few moments with every source in training, whatever its weight.

    Raises
    ------
    HypothesisError
        For a task which is no mixture, and as :func:`hermite_eq.icl_error`.
    """
    check_mixture(task)
    if not isinstance(sizes, Sizes):
        raise HypothesisError("several sources are studied at a finite d", f"{sizes!r}", "pass Sizes(…)")
    if sizes.tasks != math.inf:
        raise HypothesisError(
            "every training context has a task of its own, where proportions move", f"tasks={sizes.tasks}", "pass tasks=math.inf"
        )
    head = Head.of(model)
    # With equal weights: what is known of the sources is computed once for all weights.
    evenly = replace(task, weights=(1 / len(task.sources),) * len(task.sources))
    given = mixture_moments(evenly, sizes.d, sizes.context, test_context=sizes.test_context).reweighted(task.weights)
    return MomentLaw.of(head, given, moment_notes(head, task, sizes))


def gradient_at(solved: Response) -> MixingGradient:
    """All derivatives at one solution."""
    law, given, nodes = solved.law, solved.law.given, solved.engine.nodes
    unit = source_nodes(given.training, 0, law.head, given, mixed=False).samples.weights
    free = []
    for s in range(len(given.training)):
        # The scale of every node is ∝ t^{-1/2}, and the ridge of a linear head ∝ 1/t.
        growth = given.growth(s)
        by_ridge = -solved.ridge * growth if law.head.linear else 0.0
        free.append(solved.directional_derivative(np.where(nodes.source == s, unit, 0.0), -growth / 2, by_ridge))
    weights = np.array([p.weight for p in given.training])
    derivatives = np.array(free).T
    derivatives = derivatives - (derivatives @ weights)[:, None]
    return MixingGradient(weights, law.share @ derivatives[1:], derivatives[0], derivatives[1:], solved.ridge_slope, solved.error)


def mixing_gradient(model: Model, task: Task, sizes: Sizes) -> MixingGradient:
    r"""The derivatives of :func:`hermite_eq.icl_error` in the training proportions π, by the implicit function theorem.

    Exact to rounding (amplified by the condition of the fixed point), also where a source has weight 0.

    Parameters
    ----------
    model : LinearTransformer or RandomTransformer
    task : Task
        Its ``weights`` are π; ``test_weights`` are held.
    sizes : Sizes
        With ``tasks=math.inf``.

    Returns
    -------
    MixingGradient

    Raises
    ------
    HypothesisError
        For a single source, where the error diverges, and as :func:`hermite_eq.icl_error`.

    References
    ----------
    Derivation: ``derivations/heads/mixing_gradient.py``.

    Examples
    --------
    A clean and a noisy source of the same tasks: more of the clean one is better.

    >>> from hermite_eq.models import RandomTransformer, Source
    >>> task = Task(sources=[Source("relu", noise=0.01), Source("relu", noise=0.5)])
    >>> sizes = Sizes.from_ratios(12, alpha=1, kappa=float("inf"), tau=1.5, mu=0.5)
    >>> found = mixing_gradient(RandomTransformer("relu", ridge=0.1, normalise=True), task, sizes)
    >>> found.icl.round(1)
    array([-0.1,  0.1])
    >>> found.along([1, -1]) < 0
    True
    """
    return gradient_at(Response(law_of_all(model, task, sizes), sizes))
