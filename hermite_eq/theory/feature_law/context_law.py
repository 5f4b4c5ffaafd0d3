r"""Exact low moments of the context statistic :math:`b` and of the label given norms, at finite d and ℓ.

Given ξ, with u = ξ/‖ξ‖, s = ‖ξ‖/√d, :math:`A=\sum_iy_ig_i` and :math:`Y=\sum_iy_i^2`,

.. math:: u^\top b_1=\frac{\sqrt d}\ell A,\qquad \|b_1\|^2-(u^\top b_1)^2=\frac d{\ell^2}Y\,\chi^2_{d-1},\qquad b_2=\frac Y\ell,

so every moment of :math:`(u^\top b_1,\|b\|^2)` is a moment of (A, Y), a sum of ℓ independent pairs :math:`(y_ig_i,y_i^2)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance import task_norm_nodes
from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import scaled_coefficients
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.models import Source, Task

Array = NDArray[np.float64]

#: Order of the joint moments of (A, Y): the third moment of B, quadratic in both, needs six.
_ORDER = 6
#: Bound on the power of B by which a conditional mean is tilted, to keep Newton's method in range; the powers met for ReLU, tanh,
#: identity, |x|, GELU and softplus at d = 10 … 80, ℓ/d = ½ … 4 are below 2.7.
_STEEPEST = 4.0


def pair_moments(task: Task | Source, scale: float) -> Array:
    r""":math:`\mathbb E[(yg)^i(y^2)^j]`, shape (7, 7), zero where i + j > 6."""
    noise = [task.noise ** (n // 2) * math.prod(range(1, n, 2)) if n % 2 == 0 else 0.0 for n in range(2 * _ORDER + 1)]
    try:
        hermite = argument_moments(task.target, [0.0], [scale], powers=2 * _ORDER, degree=_ORDER)[:, :, 0]
    except HypothesisError as error:
        raise HypothesisError(
            "at finite d the target has moments up to order 12, which the law of ‖b‖² needs",
            f"target {task.target} at scale {scale:.3g}",
            "use a target of polynomial growth, or the limit: Ratios(…) in place of Sizes",
        ) from error
    # E[σ*ᵖ gⁱ], from E[σ*ᵖ He_k] and E He_k = 0 but for k = 0.
    monomials = [np.polynomial.hermite_e.poly2herme([0.0] * i + [1.0]) for i in range(_ORDER + 1)]
    expected = np.vstack([np.eye(1, _ORDER + 1), hermite])
    targets = np.stack([expected[:, : i + 1] @ monomial for i, monomial in enumerate(monomials)])
    moments = np.zeros((_ORDER + 1, _ORDER + 1))
    for i in range(_ORDER + 1):
        for j in range(_ORDER + 1 - i):
            n = i + 2 * j
            moments[i, j] = sum(math.comb(n, e) * noise[e] * targets[i, n - e] for e in range(0, n + 1, 2))
    return moments


def sum_moments(pair: Array, count: int) -> Array:
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


def _with_norm(M: Array, d: int, context: int, i: int = 0, j: int = 0, power: int = 1) -> float:
    r""":math:`\mathbb E[A^iY^jB^n]` for :math:`B=\frac d{\ell^2}A^2+\frac d{\ell^2}Y\chi^2_{d-1}+\frac{Y^2}{\ell^2}`, n = ``power``."""
    r, q = d / context**2, 1 / context**2
    total = 0.0
    for a in range(power + 1):
        for b in range(power + 1 - a):
            c = power - a - b
            chi = math.prod(d - 1 + 2 * e for e in range(b))
            ways = math.factorial(power) // (math.factorial(a) * math.factorial(b) * math.factorial(c))
            total += ways * r ** (a + b) * q**c * chi * M[i + 2 * a, j + b + 2 * c]
    return total


def three_moment_nodes(mean: float, square: float, cube: float, count: int) -> tuple[Array, Array]:
    r"""Nodes and weights of a positive variable with given first three moments: a power of a gamma variable, :math:`\propto\Gamma_\nu^h`.

    h = 1 is the gamma law, h → ∞ the lognormal one; h is limited to [1, 16]. Below a relative variance of 10⁻³ the third moment has
    no visible effect and h = 1.

    >>> x, w = three_moment_nodes(1.0, 1.2, 1.7, 9)
    >>> [round(float(w @ x**n), 3) for n in (1, 2, 3)]
    [1.0, 1.2, 1.7]
    """
    import scipy.optimize

    # A relative variance below the rounding of the moments is not seen in them.
    second, third = max(math.log(square / mean**2), float(np.finfo(float).eps)), math.log(cube / mean**3)
    if second < 1e-3:
        x, weights = gamma_nodes(1 / math.expm1(second), count)
        return mean * x, weights

    def log_moment(nu: float, h: float, n: int) -> float:
        return math.lgamma(nu + n * h) - n * math.lgamma(nu + h) + (n - 1) * math.lgamma(nu)

    def zero(f: Callable[[float], float], lower: float, upper: float) -> float:
        # Of a decreasing f, in log x; an end where it has none.
        if f(lower) <= 0 or f(upper) >= 0:
            return lower if f(lower) <= 0 else upper
        ends = math.log(lower), math.log(upper)
        return math.exp(scipy.optimize.brentq(lambda log: f(math.exp(log)), *ends, xtol=1e-15, rtol=1e-15, maxiter=1000))

    def shape(h: float) -> float:
        return zero(lambda nu: log_moment(nu, h, 2) - second, 1e-3, 1e7)

    h = zero(lambda h: third - log_moment(shape(h), h, 3), 1.0, 16.0)
    x, weights = gamma_nodes(shape(h), count)
    x = x**h
    return mean * x / (weights @ x), weights


def _tilted(B: Array, weights: Array, mean: float) -> Array:
    r"""The multiple of a power of B which has mean 1 and :math:`\mathbb E[fB]` = ``mean``, by Newton's method in the exponent."""
    log = np.log(B)
    beta = 0.0
    for _ in range(50):
        f = weights * np.exp(beta * log)
        f = f / f.sum()
        tilted = f @ B
        # d(E_f B)/dβ = Cov_f(B, log B) > 0, but for rounding where f is concentrated on one node.
        slope = f @ (B * log) - tilted * (f @ log)
        if slope <= 0:
            break
        step = (mean - tilted) / slope
        beta = min(max(beta + step, -_STEEPEST), _STEEPEST)
        if abs(step) < 1e-12 * (1 + abs(beta)):
            break
    return np.exp(beta * log) / (weights @ np.exp(beta * log))


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


@dataclass(frozen=True, eq=False)
class GivenLength:
    r"""What is expected of contexts whose task has a given length: nodes X of :math:`\|x\|^2` and B of :math:`\|b\|^2`, independent.

    Attributes
    ----------
    X, X_weights, B, B_weights : ndarray
    mean, square, query : ndarray
        :math:`\mathbb E[y|X]`, :math:`\mathbb E[y^2|X]` and :math:`\mathbb E[u^\top x\,y|X]`, u the direction of the task.
    along, label : ndarray
        :math:`\mathbb E[u^\top b_1|B]` and :math:`\mathbb E[b_2|B]`.
    signal, isotropic, column, cross : ndarray
        :math:`\mathbb E[b_1b_1^\top|B]` is the first times :math:`uu^\top` and the second times I, :math:`\mathbb E[b_2^2|B]` the third,
        :math:`\mathbb E[b_2\,u^\top b_1|B]` the fourth.
    c : ndarray
        :math:`c_0,\dots,c_3` of the target at this length.
    pair : ndarray
        :func:`pair_moments`.
    """

    X: Array
    X_weights: Array
    B: Array
    B_weights: Array
    mean: Array
    square: Array
    query: Array
    along: Array
    label: Array
    signal: Array
    isotropic: Array
    column: Array
    cross: Array
    c: Array
    pair: Array


def _linear_square(pair: Array, x: Array, weights: Array) -> Array:
    r""":math:`\mathbb E[y^2|X]` of mean v and slope p/2, p = E[y²(g² − 1)]: linear in X, as for a linear target, and where that is not
    positive for every X the power of X with that slope."""
    v = pair[0, 1]
    slope = (pair[2, 0] - v) / (2 * v)
    if 0 <= slope <= 1:
        return np.asarray(v * (1 + slope * (x - 1)))
    power = x**slope
    return np.asarray(v * power / (weights @ power))


@lru_cache(maxsize=512)
def given_length(task: Task, d: int, context: int, scale: float, count: int = 5) -> GivenLength:
    r"""Contexts of a task with :math:`\|\xi\|=s\sqrt d`, s = ``scale``, at ``count`` nodes of each of the two norms.

    ‖x‖² has its exact law, B = ‖b‖² that of :func:`three_moment_nodes` with its exact first three moments. Conditional means are
    regressions with exact coefficients. For functions of the query's g, with :math:`X=\|x\|^2`, :math:`\operatorname{Var}X=2/d` and
    :math:`\operatorname{Cov}(f(g),X)=\mathbb E[f(g)(g^2-1)]/d`:

    .. math:: \mathbb E[f|\xi,X]\approx\mathbb Ef+\tfrac12\mathbb E[f(g)(g^2-1)](X-1),

    which is positive for the positive :math:`f=y^2` wherever that holds; else it is the power of X with that slope. For an f of the
    context, the power of B with the exact :math:`\mathbb Ef` and :math:`\mathbb E[fB]`. All are exact to the first order in 1/d.
    """
    x, X_weights = task_norm_nodes(d, count)
    X = x**2
    c = scaled_coefficients(task.target, np.array([scale]), 3)[0]
    c0, c1, c2, c3 = c
    pair = pair_moments(task, scale)
    M = sum_moments(pair, context)
    first, second, third = (_with_norm(M, d, context, power=n) for n in (1, 2, 3))
    B, B_weights = three_moment_nodes(first, second, third, count)

    def power(i: int, j: int, factor: float, more: float = 0) -> Array:
        mean, with_B = (factor * _with_norm(M, d, context, i, j, n) for n in (0, 1))
        with_B += more
        # A mean at rounding level (an even target has E[yg] = 0) has no exponent; one of a power of even order is never there.
        least = 1e-12 * math.sqrt(M[2, 0] * M[0, 2 * j]) if i == 1 else 0.0
        return mean * _tilted(B, B_weights, with_B / mean) if abs(mean) > factor * least else np.zeros_like(B)

    root_r, root_q = math.sqrt(d) / context, 1 / context
    # (uᵀb₁)² less its isotropic part (d/ℓ²)Yχ²/(d−1), for which E[χ⁴]/(d−1) = d + 1; then b₂², and b₂ uᵀb₁.
    isotropic = power(0, 1, root_r**2, 2 * root_r**4 * float(M[0, 2]))
    return GivenLength(
        X=X,
        X_weights=X_weights,
        B=B,
        B_weights=B_weights,
        mean=c0 + c2 / 2 * (X - 1),
        square=_linear_square(pair, X, X_weights),
        # E[gy|X] = c₁ + ½E[gy(g² − 1)](X − 1), and g³ − g = He₃ + 2g.
        query=(c1 + (c3 + 2 * c1) / 2 * (X - 1)) / math.sqrt(d),
        along=power(1, 0, root_r),
        label=power(0, 1, root_q),
        signal=power(2, 0, root_r**2) - isotropic,
        isotropic=isotropic,
        column=power(0, 2, root_q**2),
        cross=power(1, 1, root_r * root_q),
        c=c,
        pair=pair,
    )


@lru_cache(maxsize=256)
def context_law(task: Task, d: int, context: int, count: int = 5) -> ContextLaw:
    r"""The law of the norms at ``count``³ Gauss nodes: ‖ξ‖² has its exact law, the others given it are those of :func:`given_length`.

    Raises
    ------
    HypothesisError
        If the target has no finite moment of order 12 under N(0, s²).
    """
    xi, xi_weights = task_norm_nodes(d, count)
    columns: dict[str, list[Array]] = {name: [] for name in ("weights", "XB", "mean", "square", "alignment", "signal", "column", "cross")}
    trace, slopes = 0.0, []
    for s, w in zip(xi, xi_weights, strict=True):
        law = given_length(task, d, context, float(s), count)
        trace += w * (law.B_weights @ law.B)
        slopes.append(law.c[1])
        column = np.minimum(law.column / law.B, 1)
        columns["weights"].append(w * np.outer(law.X_weights, law.B_weights))
        columns["XB"].append(np.outer(law.X, law.B))
        every, per_direction = np.ones((count, count)), np.ones(count)
        columns["mean"].append(np.outer(law.mean, per_direction))
        columns["square"].append(np.outer(law.square, per_direction))
        columns["alignment"].append(np.outer(law.query / np.sqrt(law.X), law.along / np.sqrt(law.B)))
        columns["signal"].append(every * np.clip(law.signal / law.B, 0, 1 - column))
        columns["column"].append(every * column)
        columns["cross"].append(every * law.cross / law.B)
    c1 = np.array(slopes)
    mean_square = float(xi_weights @ c1**2)
    flat = {name: np.concatenate([part.ravel() for part in parts]) for name, parts in columns.items()}
    return ContextLaw(
        weights=flat["weights"],
        scale2=flat["XB"] / trace,
        mean=flat["mean"],
        square=flat["square"],
        alignment=flat["alignment"],
        signal_share=flat["signal"],
        column_share=flat["column"],
        cross_share=flat["cross"],
        length_variance=float(d * (xi_weights @ c1**4 / mean_square**2 - 1)) if mean_square else 2.0,
        trace=trace,
    )
