r"""The coefficients in double precision: composite Gauss-Legendre panels, all degrees in one pass.

The line is cut at the declared kinks and then bisected until the function is, on every panel, a polynomial of degree n − 1 to
rounding; the coefficients are then one product of a cached matrix :math:`w_j\phi(x_j)\mathrm{He}_k(x_j)/\sqrt{k!}` with the
values :math:`\sigma(x_j)`.

The error of a coefficient is *estimated*, not bounded: the unresolved end of every panel's Legendre series, weighted by
:math:`|\mathrm{He}_k|/\sqrt{k!}\,\phi\le 1.0866\,e^{-x^2/4}/\sqrt{2\pi}` (Cramér), plus rounding. No finite sample of a function
excludes a feature between the samples: :attr:`QuadratureEstimate.resolution` says how narrow one would have to be.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import array, broadcast, function, outcome
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.expansion.asymptotics import ends, far_norm2, not_square_integrable
from hermite_eq.expansion.asymptotics.series import UndecidedError
from hermite_eq.expansion.panels import (
    HALF_WIDTHS,
    NODES,
    Array,
    Panels,
    affine_values,
    finite_values,
    nodes_and_weights,
    outside,
    panels,
    resolve,
)
from hermite_eq.hermite import check_degree, orthonormal_values

#: Relative step of a difference quotient: beyond it rounding, below it curvature, spoils one digit in eight.
_STEP = 2.0**-27


@dataclass(frozen=True, eq=False)
class QuadratureEstimate:
    r"""Numbers from panel quadrature with the *estimated* sizes of their errors (not bounds; for bounds see Enclosure).

    Attributes
    ----------
    values : ndarray, shape (degree + 1,)
        :math:`c_k/\sqrt{k!}`.
    errors : ndarray, shape (degree + 1,)
        Estimated absolute errors of ``values``.
    norm2, norm2_error : float
        :math:`\mathbb E\,\sigma(g)^2` and its estimated error.
    trusted : bool
        False when the bisection ran out of panels with something still unresolved: then ``caveat`` says where.
    resolution : float
        Largest distance, for |x| ≤ 6, between neighbouring points at which the function was looked at. Features narrower than
        this may have been missed, whatever ``errors`` says.
    caveat : str
        What the errors do not cover.
    """

    values: Array
    errors: Array
    norm2: float
    norm2_error: float
    trusted: bool
    resolution: float
    caveat: str


def sqrt_factorial(k: int) -> float:
    """√k! in double precision, without overflow up to k = 300."""
    factorial = math.factorial(k)
    return math.sqrt(factorial) if k <= 170 else float(math.isqrt(factorial))


_MOST_DEGREES = 300


def double_degree(degree: Any) -> int:
    """``degree``, checked against the range of double precision."""
    degree = check_degree(degree)
    if degree > _MOST_DEGREES:
        raise HypothesisError(
            f"double precision holds c_k up to degree {_MOST_DEGREES}, where √k! overflows",
            f"degree={degree}",
            "ask for exact coefficients, or for enclosures one degree at a time",
        )
    return degree


@dataclass(frozen=True, eq=False)
class _Table:
    """What depends on the panels and the degree alone: nodes x, w φ(x), He_k(x)/√k!, and the last two multiplied."""

    x: Array
    density: Array
    values: Array
    weighted: Array


_MOST_CACHED_PANELS = 256


def _table(plan: Panels, degree: int) -> _Table:
    if plan.local or plan.edges.size > _MOST_CACHED_PANELS:
        return _make_table(plan.edges, degree, plan)
    return _cached_table(plan.edges.tobytes(), degree)


@lru_cache(maxsize=64)
def _cached_table(edges: bytes, degree: int) -> _Table:
    return _make_table(np.frombuffer(edges), degree)


def _make_table(edges: Array, degree: int, plan: Panels | None = None) -> _Table:
    x, density = nodes_and_weights(edges)
    if plan is not None and plan.local:
        density = np.where(outside(plan.local, x), density, 0.0)
        far = np.concatenate([nodes.x for nodes in plan.local])
        weights = np.concatenate([nodes.weights for nodes in plan.local])
        x, density = np.append(x, far), np.append(density, weights * np.exp(-np.square(far) / 2) / math.sqrt(2 * math.pi))
    values = orthonormal_values(x, degree)
    table = _Table(x, density, values, values * density)
    for shared in (table.x, table.density, table.values, table.weighted):
        # By every activation with the same panels.
        shared.flags.writeable = False
    return table


def _function_values(sigma: Activation, plan: Panels, x: Array) -> Array:
    """σ at the nodes of a table: by the function on panels, by its expansions around singular points."""
    if not plan.local:
        return finite_values(sigma, x)
    local = np.concatenate([nodes.values for nodes in plan.local])
    on_panels = x[: x.size - local.size]
    there = outside(plan.local, on_panels)
    values = np.zeros(x.size)
    values[: on_panels.size][there] = finite_values(sigma, on_panels[there])
    values[on_panels.size :] = local
    return values


def _vanishing(sigma: Activation, degree: int) -> Array:
    """True where parity makes c_k zero."""
    k = np.arange(degree + 1)
    return (k % 2 == 1) if sigma.parity == "even" else (k % 2 == 0) if sigma.parity == "odd" else np.zeros(degree + 1, bool)


def quadrature(sigma: Any, degree: int) -> QuadratureEstimate:
    r"""All :math:`c_k/\sqrt{k!}`, k ≤ ``degree``, and :math:`\mathbb E\,\sigma(g)^2`, in double precision with estimated errors.

    Warns
    -----
    HypothesisWarning
        When something stayed unresolved (``trusted`` is False).

    Examples
    --------
    >>> estimate = quadrature("tanh", 3)
    >>> bool(np.all(estimate.errors < 1e-14)), estimate.trusted
    (True, True)
    """
    sigma = activation(sigma)
    degree = double_degree(degree)
    plan = panels(sigma)
    table = _table(plan, degree)
    f = _function_values(sigma, plan, table.x)
    values = table.weighted @ f
    # Rounding: of every product in the sum and of the function's own values, with a margin of four; and of its argument, where a
    # relative error of one costs x σ'(x), with a margin of two. The last is what max(0, x − 7) loses near its kink. A rounded
    # x and x²/2 change φ(x) by up to 3x²/4 eps of itself; over the 24 nodes of a panel that averages to 0.15 x².
    absolute = np.abs(f)
    with np.errstate(over="ignore"):
        rounding = (6 + np.square(table.x) / 6) * absolute + 2 * np.abs(_function_values(sigma, plan, table.x * (1 + _STEP)) - f) / _STEP
    panel_nodes = NODES * plan.off.size
    off = np.zeros(f.size)
    off[:panel_nodes] = np.repeat(plan.off, NODES)
    sizes = np.abs(table.weighted)
    # Beyond the ends: what goes on falling as it does there leaves at most its last value times one unit of length.
    ends_off = np.zeros(degree + 1)
    for last in (0, panel_nodes - 1):
        ends_off += absolute[last] * np.abs(table.values[:, last]) * math.exp(-(table.x[last] ** 2) / 2) / math.sqrt(2 * math.pi)
    errors = sizes @ (plan.eps * rounding + off) + ends_off
    # Where doubles underflow, something may be left.
    errors += 0.0 if sigma.expression == 0 else np.finfo(float).smallest_subnormal
    vanishing = _vanishing(sigma, degree)
    values[vanishing] = 0.0
    errors[vanishing] = 0.0
    square = absolute * table.density
    norm2 = float(square @ absolute)
    norm2_error = float(square @ (2 * plan.eps * rounding + 2 * off) + table.density @ np.square(off))
    norm2_error += sum(absolute[last] ** 2 * math.exp(-(table.x[last] ** 2) / 2) for last in (0, panel_nodes - 1))
    if _slowly_decaying(sigma, plan):
        far, far_error = far_norm2(sigma.expression, plan.half_width)
        norm2_error = far_error + float(square @ (2 * plan.eps * rounding + 2 * off) + table.density @ np.square(off))
        norm2 += far
    if norm2_error >= norm2 > 0 and plan.trusted is False:
        place = float(table.x[np.argmax(absolute)])
        raise not_square_integrable(f"E σ² = {norm2:.2g} ± {norm2_error:.2g} for {sigma.name}, singular near x = {place:.3g}")
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"{sigma.name}: {plan.caveat}"), stacklevel=2)
    return QuadratureEstimate(
        values, errors, norm2, norm2_error, plan.trusted, plan.resolution, plan.caveat
    )


def _slowly_decaying(sigma: Activation, plan: Panels) -> bool:
    """Whether the square has mass beyond the panels."""
    if sigma.expression is None or plan.half_width < HALF_WIDTHS[-1]:
        return False
    try:
        return any(end is not None for end in ends(sigma.expression, plan.reach))
    except UndecidedError:
        return False


def remainders(sigma: Any, degree: int) -> Array:
    r""":math:`c_r^*` for r = 0 … ``degree``, as the norm of the remainder :math:`\sigma-\sum_{k\le r}(c_k/k!)\mathrm{He}_k`.

    The norm of the difference, not the difference of the norms: :math:`\mathbb E\sigma^2-\sum c_k^2/k!` loses all digits of a
    small :math:`c_r^*` (error √ε), the norm of the remainder only those below ε.

    >>> remainders("hermite2", 2).round(12)
    array([1.41421356, 1.41421356, 0.        ])
    """
    sigma = activation(sigma)
    degree = double_degree(degree)
    c = quadrature(sigma, degree).values
    plan = panels(sigma)
    table = _table(plan, degree)
    remainder = _function_values(sigma, plan, table.x)
    far = far_norm2(sigma.expression, plan.half_width)[0] if _slowly_decaying(sigma, plan) else 0.0
    norms = np.empty(degree + 1)
    for r in range(degree + 1):
        remainder = remainder - c[r] * table.values[r]
        norms[r] = math.sqrt(float(table.density @ np.square(remainder)) + far)
    return norms


def gaussian_mean(f: Callable[[Array], Any], kinks: Sequence[float] = ()) -> float:
    r""":math:`\mathbb E f(g)`, g ~ N(0, 1), for a vectorised real function, in double precision.

    Parameters
    ----------
    f : callable
        Values of an array of shape (N,), as one of shape (N,).
    kinks : sequence of float
        Where f or a derivative jumps; undeclared ones are closed in upon by bisection, which costs time, not accuracy.

    Warns
    -----
    HypothesisWarning
        When f could not be resolved.

    Examples
    --------
    >>> round(gaussian_mean(lambda x: x**4), 12)
    3.0
    """
    function(f, "f")
    plan = resolve(lambda x: outcome(f, "f", x), array(kinks, "kinks", dimensions=1, empty=True).tolist())
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"Gaussian mean: {plan.caveat}"), stacklevel=2)
    x, density = nodes_and_weights(plan.edges)
    return float(density @ finite_values(f, x))


#: Panels are as many as the widest argument is long.
_WIDEST = 1e6


def _affine_nodes(sigma: Activation, scales: ArrayLike, shifts: ArrayLike) -> tuple[Array, Array, Array]:
    """Values of σ(m + s g), nodes g and their weights, a row for every pair (s, m)."""
    s, m = broadcast("scales and shifts", array(scales, "scales", finite=False), array(shifts, "shifts", nan=True))
    if s.ndim != 1 or not np.all((s > 0) & (s < math.inf)):
        raise HypothesisError(
            "scales are positive numbers in one dimension", f"scales of shape {s.shape}: {s!r}", "pass scales=[0.5, 1.0], say"
        )
    if not np.isfinite(m).all():
        raise HypothesisError("shifts are finite numbers", f"shifts={m!r}", "pass shifts=[-1.0, 0.0], say")
    largest = float(np.max(s + np.abs(m) / HALF_WIDTHS[0], initial=1.0))
    if not largest <= _WIDEST:
        raise HypothesisError("the argument of σ is of moderate size", f"{largest:.3g} standard deviations", f"pass at most {_WIDEST:.0e}")
    plan = panels(sigma, 2.0 ** (math.ceil(2 * math.log2(largest)) / 2))
    if _slowly_decaying(sigma, plan):
        raise HypothesisError(
            f"σ falls off against exp(−x²/4) within {HALF_WIDTHS[-1]} standard deviations of its argument",
            f"{sigma.name} for arguments of standard deviation {largest:.3g}",
            "use smaller scales, or a function that grows more slowly",
        )
    end = float(plan.half_width)
    edges = np.clip((plan.edges - m[:, None]) / s[:, None], -end, end)
    if np.min(s, initial=1.0) < 0.5:
        # Panels of the argument s·g are then longer than 2 in g, on which φ He_k would not be resolved.
        grid = np.linspace(-end, end, 2 * plan.half_width + 1)
        edges = np.sort(np.concatenate([edges, np.broadcast_to(grid, (s.size, grid.size))], axis=1), axis=1)
    x, density = nodes_and_weights(edges)
    return affine_values(sigma, plan.local, m[:, None], s[:, None], x, density)


def scaled_coefficients(sigma: Any, scales: ArrayLike, degree: int, *, shifts: ArrayLike = 0.0) -> Array:
    r""":math:`c_k(m,s)=\mathbb E[\sigma(m+sg)\,\mathrm{He}_k(g)]` for every s in ``scales``, in double precision.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    scales : array_like, shape (S,)
        Standard deviations s > 0 of the pre-activation.
    degree : int
    shifts : array_like, shape (S,), optional
        Its means m; the two are broadcast against each other.

    Returns
    -------
    ndarray, shape (S, degree + 1)

    Examples
    --------
    >>> scaled_coefficients("square", [1.0, 2.0], 2)
    array([[1., 0., 2.],
           [4., 0., 8.]])
    >>> scaled_coefficients("square", [1.0], 2, shifts=[-3.0, 3.0]).round(12)
    array([[10., -6.,  2.],
           [10.,  6.,  2.]])
    """
    sigma = activation(sigma)
    degree = double_degree(degree)
    f, x, density = _affine_nodes(sigma, scales, shifts)
    c = np.einsum("ksj,sj->sk", orthonormal_values(x, degree), f * density)
    if not np.any(shifts):
        c[:, _vanishing(sigma, degree)] = 0.0
    return c * [sqrt_factorial(k) for k in range(degree + 1)]


def scaled_norm2(sigma: Any, scales: ArrayLike, *, shifts: ArrayLike = 0.0, degree: int = 0) -> Array:
    r""":math:`\mathbb E[\sigma(m+sg)^2\,\mathrm{He}_k(g)]`, k = ``degree``, for every s in ``scales`` and m in ``shifts``, in double
    precision; of degree 0 it is :math:`\mathbb E\,\sigma^2`.

    >>> scaled_norm2("relu", [1.0, 2.0])
    array([0.5, 2. ])
    >>> scaled_norm2("relu", [1.0, 2.0], degree=2)          # E g²(g² − 1)/2 over g > 0
    array([1., 4.])
    """
    degree = double_degree(degree)
    f, x, density = _affine_nodes(activation(sigma), scales, shifts)
    weights = density * orthonormal_values(x, degree)[degree] * sqrt_factorial(degree) if degree else density
    return np.einsum("sj,sj->s", weights, np.square(f))
