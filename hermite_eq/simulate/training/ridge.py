r"""Ridge regression from its normal equations, with a check of what rounding did to the solution and a slower
way out.

.. math:: \min_{w,c}\ \sum_{j\le n}(y_j-w^\top a_j-c)^2+\pi\|w\|^2,\qquad c=0\ \text{or not penalised},

by the p × p system :math:`A^\top A+\pi I` or the n × n system :math:`AA^\top+\pi I`. π = 0 is the limit π → 0: the
solution of minimal norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.linalg

from hermite_eq.simulate.arrays.symmetric_system import EPS, ROUNDING_TOLERANCE, Array, SymmetricSystem


@dataclass(frozen=True, eq=False)
class RidgeFit:
    """One solution.

    Attributes
    ----------
    weights : (p,) array
    intercept : float
    condition : float
        Condition number of the system, penalty included; an estimate in the 1-norm unless ``fallback``.
    fallback : bool
        Whether the normal equations were too ill conditioned, and a singular value decomposition was used.
    """

    weights: Array
    intercept: float
    condition: float
    fallback: bool


def solve_primal(
    gram: SymmetricSystem,
    moment: Array,
    sums: Array,
    total: float,
    samples: int,
    penalty: float,
    intercepts: Sequence[bool],
) -> list[RidgeFit | None]:
    r"""Weights without and with an intercept from :math:`A^\top A` (``gram``), :math:`A^\top y` (``moment``), :math:`A^\top1` (``sums``),
    :math:`1^\top y` (``total``).

    With an intercept, stationarity in c is :math:`nc=1^\top y-(A^\top1)^\top w` and in w
    :math:`(A^\top A+\pi I)w=A^\top y-cA^\top1`, whence
    :math:`c=(1^\top y-s^\top w_y)/(n-s^\top w_1)`, :math:`w=w_y-cw_1` for the solutions :math:`w_y,w_1` of
    the two right sides.
    """
    right = np.stack([moment, sums], axis=1) if any(intercepts) else moment[:, None]
    solution, condition = gram.solve(penalty, right)

    def fit(solution: Array, intercept: bool) -> RidgeFit | None:
        if not intercept:
            return RidgeFit(solution[:, 0], 0.0, condition, False)
        fitted, constant = solution.T
        remainder = samples - float(sums @ constant)
        # The part of 1 which the features do not explain, a difference: the change E of S changes sᵀS⁻¹s by w₁ᵀEw₁.
        rounding = EPS * (samples + float(gram.diagonal.max() + penalty) * float(constant @ constant))
        if remainder <= rounding / ROUNDING_TOLERANCE:
            return None
        c = (total - float(sums @ fitted)) / remainder
        return RidgeFit(fitted - c * constant, c, condition, False)

    return [None if solution is None else fit(solution, intercept) for intercept in intercepts]


def solve_dual(
    kernel: SymmetricSystem, y: Array, penalty: float, intercepts: Sequence[bool], combine: Callable[[Array], Array]
) -> list[RidgeFit | None]:
    r"""Weights without and with an intercept from :math:`AA^\top` (``kernel``): :math:`w=A^\top\alpha`, :math:`(AA^\top+\pi I)\alpha=y-c1`,
    ``combine`` being :math:`A^\top`.

    Stationarity in c is :math:`1^\top\alpha=0`, whence :math:`c=1^\top\alpha_y/1^\top\alpha_1`.
    """
    right = np.stack([y, np.ones_like(y)], axis=1) if any(intercepts) else y[:, None]
    solution, condition = kernel.solve(penalty, right)

    def fit(solution: Array, intercept: bool) -> RidgeFit:
        if not intercept:
            return RidgeFit(combine(solution[:, 0]), 0.0, condition, False)
        fitted, constant = solution.T
        c = float(fitted.sum() / constant.sum())
        return RidgeFit(combine(fitted - c * constant), c, condition, False)

    return [None if solution is None else fit(solution, intercept) for intercept in intercepts]


def solve_singular(features: Array, y: Array, penalty: float, intercept: bool) -> RidgeFit:
    r"""The same by a singular value decomposition of A, whose rounding error grows with the condition of A
    and not of its square.

    :math:`w=\sum_i\frac{\sigma_i}{\sigma_i^2+\pi}v_iu_i^\top y`; with an intercept on centred features and
    labels. For π = 0 singular values below :math:`\varepsilon\max(n,p)\sigma_{\max}` count as zero.
    """
    centre = features.mean(axis=0) if intercept else np.zeros(features.shape[1])
    level = float(y.mean()) if intercept else 0.0
    u, sigma, vt = scipy.linalg.svd(features - centre, full_matrices=False, check_finite=False)
    kept = sigma > EPS * max(features.shape) * sigma[0]
    u, sigma, vt = u[:, kept], sigma[kept], vt[kept]
    weights = vt.T @ (sigma / (sigma**2 + penalty) * (u.T @ (y - level)))
    smallest = (0.0 if len(sigma) < min(features.shape) else sigma[-1] ** 2) + penalty
    condition = (sigma[0] ** 2 + penalty) / smallest if len(sigma) and smallest else math.inf
    return RidgeFit(weights, level - float(centre @ weights), float(condition), True)
