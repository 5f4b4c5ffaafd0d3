r"""Ridge regression from its normal equations, with a check of what rounding did to the solution and a slower
way out.

.. math:: \min_{w,c}\ \sum_{j\le n}(y_j-w^\top a_j-c)^2+\pi\|w\|^2,\qquad c=0\ \text{or not penalised},

by the p × p system :math:`A^\top A+\pi I` or the n × n system :math:`AA^\top+\pi I`. π = 0 is the limit π → 0: the
solution of minimal norm.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import scipy.linalg
from numpy.typing import NDArray
from scipy.linalg import blas, lapack

from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]
EPS = float(np.finfo(float).eps)
#: Largest relative change of a solution by rounding which is accepted: a hundredth of the smallest relative
#: standard error (1 %) that a simulation of tens of runs reaches.
ROUNDING_TOLERANCE = 1e-4
#: Width of the square tiles in which triangles are copied.
_TILE = 512


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


class SymmetricSystem:
    """A symmetric matrix kept in its upper triangle: the factors of ``matrix + penalty I`` find room in the lower one.

    Parameters
    ----------
    matrix : (p, p) array, Fortran order
        Only its upper triangle is read; the lower one is overwritten.
    """

    def __init__(self, matrix: Array) -> None:
        if not matrix.flags.f_contiguous:
            raise ValueError("the matrix is in Fortran order")
        self.matrix = matrix

    def solve(self, penalty: float, right: Array) -> tuple[Array | None, float]:
        """Solution for the columns of ``right`` and condition number; see :meth:`solve_leading`."""
        return self.solve_leading(penalty, right, [len(self.matrix)])[0]

    def solve_leading(
        self, penalty: float, right: Array, sizes: list[int]
    ) -> list[tuple[Array | None, float]]:
        r"""Solve the leading systems of the given ``sizes`` by one Cholesky factorisation.

        The factor of a leading block is the leading block of the factor. A solution is None where rounding may have spoilt it.

        Rounding perturbs entry ij of S by a few :math:`\varepsilon\sqrt{S_{ii}S_{jj}}`, in forming it as in factorising it. Were these
        errors E independent, every entry of :math:`Ew` would be of size :math:`\varepsilon\max_iS_{ii}\|w\|`, and the change
        :math:`S^{-1}Ew` of the solution, relatively, of size :math:`\varepsilon\max_iS_{ii}\|S^{-1}\|`. That is the estimate used; on
        features of random heads at their interpolation peak the change is found to be smaller than it. (The condition number itself
        is pessimistic: a nonzero mean of the features gives one eigenvalue of order np, which no entry of S is as large as.)
        """
        s = self.matrix
        every = np.arange(len(s))
        self._mirror()
        original = s.diagonal().copy()
        diagonal = original + penalty
        if not np.isfinite(diagonal).all():
            raise HypothesisError(
                "the features and labels are finite",
                "infinite or undefined sums of products",
                "use an activation and a target which are finite on the real line, or a lower degree r",
            )
        s[every, every] = diagonal
        norms = [_norm(s[:size, :size]) for size in sizes]
        _, failed = lapack.dpotrf(s, lower=1, overwrite_a=1, clean=0)
        factor_diagonal = s.diagonal().copy()
        if failed:
            s[every, every] = original
            if sizes == [len(s)]:
                return [(None, math.inf)]
            # A larger block is not positive definite in double precision; smaller ones may be.
            blocks = (np.array(s[:size, :size], order="F") for size in sizes)
            return [SymmetricSystem(block).solve(penalty, right[: len(block)]) for block in blocks]
        solutions: list[tuple[Array | None, float]] = []
        for size, norm in zip(sizes, norms, strict=True):
            block = s if size == len(s) else np.asfortranarray(s[:size, :size])
            reciprocal = float(lapack.dpocon(block, norm, uplo="L")[0])
            condition = 1 / reciprocal if reciprocal > 0 else math.inf
            solution, _ = lapack.dpotrs(block, right[:size], lower=1)
            block[every[:size], every[:size]] = diagonal[:size]
            residual = right[:size] - blas.dsymm(1.0, block, solution, lower=0)
            block[every[:size], every[:size]] = factor_diagonal[:size]
            scale = norm * np.abs(solution).max() + np.abs(right[:size]).max()
            change = EPS * float(diagonal[:size].max()) * condition / norm
            # Cholesky is backward stable: a residual beyond p ε means that the factors were not those of the
            # matrix.
            good = change <= ROUNDING_TOLERANCE and np.abs(residual).max() <= size * EPS * scale
            solutions.append((solution if good else None, condition))
        s[every, every] = original
        return solutions

    def _mirror(self) -> None:
        s = self.matrix
        for start in range(0, len(s), _TILE):
            stop = min(start + _TILE, len(s))
            s[start:stop, :start] = s[:start, start:stop].T
            tile = s[start:stop, start:stop]
            tile[:] = np.triu(tile) + np.triu(tile, 1).T


def _norm(matrix: Array) -> float:
    """The 1-norm, without a second matrix."""
    return float(
        max(np.abs(matrix[:, j : j + _TILE]).sum(axis=0).max() for j in range(0, len(matrix), _TILE))
    )


def solve_primal(
    gram: SymmetricSystem,
    moment: Array,
    sums: Array,
    total: float,
    samples: int,
    penalty: float,
    intercept: bool,
) -> RidgeFit | None:
    r"""Weights from :math:`A^\top A` (``gram``), :math:`A^\top y` (``moment``), :math:`A^\top1` (``sums``),
    :math:`1^\top y` (``total``).

    With an intercept, stationarity in c is :math:`nc=1^\top y-(A^\top1)^\top w` and in w
    :math:`(A^\top A+\pi I)w=A^\top y-cA^\top1`, whence
    :math:`c=(1^\top y-s^\top w_y)/(n-s^\top w_1)`, :math:`w=w_y-cw_1` for the solutions :math:`w_y,w_1` of
    the two right sides.
    """
    right = np.stack([moment, sums], axis=1) if intercept else moment[:, None]
    solution, condition = gram.solve(penalty, right)
    if solution is None:
        return None
    if not intercept:
        return RidgeFit(solution[:, 0], 0.0, condition, False)
    fitted, constant = solution.T
    remainder = samples - float(sums @ constant)
    # The part of 1 which the features do not explain, a difference: the change E of S changes sᵀS⁻¹s by w₁ᵀEw₁.
    rounding = EPS * (samples + float(gram.matrix.diagonal().max() + penalty) * float(constant @ constant))
    if remainder <= rounding / ROUNDING_TOLERANCE:
        return None
    c = (total - float(sums @ fitted)) / remainder
    return RidgeFit(fitted - c * constant, c, condition, False)


def solve_dual(
    kernel: SymmetricSystem, y: Array, penalty: float, intercept: bool, combine: Callable[[Array], Array]
) -> RidgeFit | None:
    r"""Weights from :math:`AA^\top` (``kernel``): :math:`w=A^\top\alpha`, :math:`(AA^\top+\pi I)\alpha=y-c1`,
    ``combine`` being :math:`A^\top`.

    Stationarity in c is :math:`1^\top\alpha=0`, whence :math:`c=1^\top\alpha_y/1^\top\alpha_1`.
    """
    right = np.stack([y, np.ones_like(y)], axis=1) if intercept else y[:, None]
    solution, condition = kernel.solve(penalty, right)
    if solution is None:
        return None
    if not intercept:
        return RidgeFit(combine(solution[:, 0]), 0.0, condition, False)
    fitted, constant = solution.T
    c = float(fitted.sum() / constant.sum())
    return RidgeFit(combine(fitted - c * constant), c, condition, False)


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
