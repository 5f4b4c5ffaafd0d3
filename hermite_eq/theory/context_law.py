r"""Exact low moments of the context statistic :math:`b` and of the label given norms, at finite d and ℓ.

Given ξ, with u = ξ/‖ξ‖, s = ‖ξ‖/√d, :math:`A=\sum_iy_ig_i` and :math:`Y=\sum_iy_i^2`,

.. math:: u^\top b_1=\frac{\sqrt d}\ell A,\qquad \|b_1\|^2-(u^\top b_1)^2=\frac d{\ell^2}Y\,\chi^2_{d-1},\qquad b_2=\frac Y\ell,

so every moment of :math:`(u^\top b_1,\|b\|^2)` is a moment of (A, Y), a sum of ℓ independent pairs :math:`(y_ig_i,y_i^2)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.linalg
from numpy.typing import NDArray

from hermite_eq.covariance import task_norm_nodes
from hermite_eq.expansion import gaussian_mean, scaled_coefficients
from hermite_eq.models import Task

Array = NDArray[np.float64]

_ORDER = 4
_STEEPEST = 4.0


def gamma_nodes(shape: float, count: int) -> tuple[Array, Array]:
    """Gauss nodes and weights for the gamma law of mean 1 and variance 1/shape (Golub-Welsch).

    >>> x, w = gamma_nodes(7.5, 6)
    >>> bool(abs(w @ x**2 - (1 + 1 / 7.5)) < 1e-13)
    True
    """
    i = np.arange(count)
    nodes, vectors = scipy.linalg.eigh_tridiagonal(2 * i + shape, np.sqrt(i[1:] * (i[1:] + shape - 1)))
    return nodes / shape, vectors[0] ** 2


def _pair_moments(task: Task, scale: float) -> Array:
    r""":math:`\mathbb E[(yg)^i(y^2)^j]`, shape (5, 5), zero where i + j > 4."""
    kinks = tuple(float(kink) / scale for kink in task.target.kinks)
    noise = [task.noise ** (n // 2) * math.prod(range(1, n, 2)) if n % 2 == 0 else 0.0 for n in range(2 * _ORDER + 1)]

    def noiseless(power: int, i: int) -> float:
        return gaussian_mean(lambda g: np.asarray(task.target(scale * g), float) ** power * g**i, kinks=kinks)

    moments = np.zeros((_ORDER + 1, _ORDER + 1))
    for i in range(_ORDER + 1):
        targets = [noiseless(power, i) for power in range(2 * _ORDER - i + 1)]
        for j in range(_ORDER + 1 - i):
            n = i + 2 * j
            moments[i, j] = sum(math.comb(n, e) * noise[e] * targets[n - e] for e in range(0, n + 1, 2))
    return moments


def _sum_moments(pair: Array, count: int) -> Array:
    r""":math:`\mathbb E[A^iY^j]` of a sum of ``count`` independent pairs: the ``count``-th power of the truncated moment series."""
    factorial = np.array([math.factorial(i) for i in range(_ORDER + 1)], float)
    scale = np.outer(factorial, factorial)

    def product(f: Array, h: Array) -> Array:
        out = np.zeros_like(f)
        for i in range(_ORDER + 1):
            for j in range(_ORDER + 1 - i):
                out[i:, j:] += f[i, j] * h[: _ORDER + 1 - i, : _ORDER + 1 - j]
        return out

    power, base = np.zeros_like(pair), pair / scale
    power[0, 0] = 1.0
    while count:
        if count & 1:
            power = product(power, base)
        base, count = product(base, base), count >> 1
    orders = np.add.outer(np.arange(_ORDER + 1), np.arange(_ORDER + 1))
    return np.where(orders <= _ORDER, power * scale, 0.0)


@dataclass(frozen=True)
class ContextLaw:
    r"""Nodes of (‖ξ‖², ‖x‖², ‖b‖²) and what is expected of label and directions at each: arrays of shape (N,).

    Attributes
    ----------
    weights : ndarray
    scale2 : ndarray
        :math:`s^2=\|x\|^2\|b\|^2/t`, of mean 1.
    mean, square : ndarray
        :math:`\mathbb E[y|\cdot]`, :math:`\mathbb E[y^2|\cdot]`.
    alignment : ndarray
        n with :math:`\mathbb E[\hat hy|\cdot,u]=n\,uu^\top`, :math:`\hat h=xb^\top/(\|x\|\|b\|)`.
    signal_share, column_share, cross_share : ndarray
        :math:`\mathbb E[\hat b\hat b^\top|\cdot]`, of trace 1, is the first times uuᵀ, the second at b₂, the third between u and b₂,
        and isotropic for the rest.
    length_variance : float
        d times the relative variance of :math:`\mathbb E[yg|\xi]^2`, the squared length of the signal in b.
    trace : float
        :math:`t=\mathbb E\|x\|^2\,\mathbb E\|b\|^2=\operatorname{tr}\operatorname{Cov}h` over fresh tasks.
    """

    weights: Array
    scale2: Array
    mean: Array
    square: Array
    alignment: Array
    signal_share: Array
    column_share: Array
    cross_share: Array
    length_variance: float
    trace: float


@lru_cache(maxsize=256)
def context_law(task: Task, d: int, context: int, count: int = 5) -> ContextLaw:
    r"""The law of the norms at ``count``³ Gauss nodes.

    ‖ξ‖² and ‖x‖² have their exact laws, :math:`B=\|b\|^2` given ‖ξ‖ the gamma law with its exact mean :math:`m_B` and variance
    :math:`m_B^2/\nu`. Conditional means are regressions with exact coefficients. For functions of the query's g, with
    :math:`X=\|x\|^2`, :math:`\operatorname{Var}X=2/d`, :math:`\operatorname{Cov}(f(g),X)=\mathbb E[f(g)(g^2-1)]/d`:

    .. math:: \mathbb E[f|\xi,X]\approx\mathbb Ef+\tfrac12\mathbb E[f(g)(g^2-1)](X-1) .

    For a positive f of the context, the power of B with the exact :math:`\mathbb Ef` and :math:`\mathbb E[fB]` (for the gamma law
    :math:`\mathbb E[B^{\beta+1}]/\mathbb E[B^\beta]=m_B(1+\beta/\nu)`), and likewise for :math:`f=y^2` and X:

    .. math:: \mathbb E[f|\xi,B]\approx\mathbb Ef\,\frac{B^\beta}{\mathbb EB^\beta},\qquad
        \beta=\nu\Big(\frac{\mathbb E[fB]}{\mathbb Ef\,m_B}-1\Big).

    Both are exact to the first order in 1/d.
    """
    xi, xi_weights = task_norm_nodes(d, count)
    x, x_weights = task_norm_nodes(d, count)
    X = x**2
    c = scaled_coefficients(task.target, xi, 3)
    columns: dict[str, list[Array]] = {name: [] for name in ("weights", "XB", "mean", "square", "alignment", "signal", "column", "cross")}
    trace = 0.0
    for s, w, (c0, c1, c2, c3) in zip(xi, xi_weights, c, strict=True):
        pair = _pair_moments(task, float(s))
        M = _sum_moments(pair, context)
        r, q = d / context**2, 1 / context**2
        mean_B = r * M[2, 0] + r * (d - 1) * M[0, 1] + q * M[0, 2]
        square_B = (
            r**2 * (M[4, 0] + 2 * (d - 1) * M[2, 1] + (d**2 - 1) * M[0, 2]) + 2 * r * q * (M[2, 2] + (d - 1) * M[0, 3]) + q**2 * M[0, 4]
        )
        along_B = math.sqrt(r) * (r * M[3, 0] + r * (d - 1) * M[1, 1] + q * M[1, 2])
        along2_B = r * (r * M[4, 0] + r * (d - 1) * M[2, 1] + q * M[2, 2])
        both_B = math.sqrt(r * q) * (r * M[3, 1] + r * (d - 1) * M[1, 2] + q * M[1, 3])
        across_B = r * (r * M[2, 1] + r * (d + 1) * M[0, 2] + q * M[0, 3])
        column2_B = q * (r * M[2, 2] + r * (d - 1) * M[0, 3] + q * M[0, 4])
        variance_B = square_B - mean_B**2
        B, B_weights = gamma_nodes(mean_B**2 / variance_B, count)
        B = B * mean_B
        shape = mean_B**2 / variance_B

        def power(mean: float, with_B: float, B: Array = B, W: Array = B_weights, m: float = mean_B, k: float = shape) -> Array:
            # A mean at rounding level (an even target has E[yg] = 0) has no exponent; those met in practice are within (−1, 3).
            if abs(mean) < 1e-12 * m:
                return np.zeros_like(B)
            values = (B / m) ** min(max(k * (with_B / (mean * m) - 1), -_STEEPEST), _STEEPEST)
            return mean * values / (W @ values)

        along = power(math.sqrt(r) * M[1, 0], along_B)
        trace += w * mean_B
        p = pair[2, 0] - pair[0, 1]
        grid = np.ones((count, count))
        columns["weights"].append(w * np.outer(x_weights, B_weights))
        columns["XB"].append(np.outer(X, B))
        columns["mean"].append((c0 + c2 / 2 * (X - 1))[:, None] * grid)
        square = X ** (p / (2 * pair[0, 1]))
        columns["square"].append((pair[0, 1] * square / (x_weights @ square))[:, None] * grid)
        # E[gy|X] = c₁ + ½E[gy(g² − 1)](X − 1), and g³ − g = He₃ + 2g.
        query = (c1 + (c3 + 2 * c1) / 2 * (X - 1)) / np.sqrt(d * X)
        columns["alignment"].append(np.outer(query, along / np.sqrt(B)))
        along2, across = power(r * M[2, 0], along2_B), power(r * M[0, 1], across_B)
        column = power(q * M[0, 2], column2_B)
        columns["signal"].append(grid * np.maximum(along2 - across, 0) / B)
        columns["column"].append(grid * column / B)
        columns["cross"].append(grid * power(math.sqrt(r * q) * M[1, 1], both_B) / B)
    mean_square = float(xi_weights @ c[:, 1] ** 2)
    flat = {name: np.concatenate([part.ravel() for part in parts]) for name, parts in columns.items()}
    return ContextLaw(
        flat["weights"],
        flat["XB"] / trace,
        flat["mean"],
        flat["square"],
        flat["alignment"],
        flat["signal"],
        flat["column"],
        flat["cross"],
        float(d * (xi_weights @ c[:, 1] ** 4 / mean_square**2 - 1)) if mean_square else 2.0,
        trace,
    )
