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
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.hermite import check_degree, orthonormal_values

Array = NDArray[np.float64]

#: Relative step of a difference quotient: beyond it rounding, below it curvature, spoils one digit in eight.
_STEP = 2.0**-27

#: Nodes on a panel. A function analytic within the distance of 3/2 of a panel of length 1 is resolved: 6^-24 < 1e-18.
_NODES = 24
#: e^{-x²/4} at 14 is 5e-22: what lies beyond is lost in rounding, whatever the degree, for functions of moderate growth. Others
#: are followed further; φ underflows beyond 38, and what has not decayed by 36 is not square integrable as far as doubles can see.
_HALF_WIDTHS = (14, 20, 28, 36)
_MOST_PANELS = 4096
#: Bisections of one panel: 2^-60 of a unit is below the spacing of doubles there.
_MOST_BISECTIONS = 60
#: Points of a panel of length one at which the interpolant is held against the function before the panel is believed.
_PROBES = 64
_EPS = float(np.finfo(float).eps)
#: Size of the last Legendre coefficients of a resolved function, relative to its values: the sum of 24 rounded products.
_ROUNDING = 32 * _EPS
#: |x f'|/|f| is taken for a condition number up to here (7e-5 of the values may then be rounding); beyond, for a jump's slope.
_STEEPEST = 1e10
_CRAMER = 1.0866 / math.sqrt(2 * math.pi)


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


@dataclass(frozen=True, eq=False)
class Panels:
    r"""Panels on which a function is resolved for Gaussian means of any scale up to ``reach``.

    Attributes
    ----------
    edges : ndarray, shape (panels + 1,)
    reach : float
        The largest standard deviation s of the argument; the panels end at ``half_width`` standard deviations.
    half_width : int
    unresolved, unresolved_square : float
        Estimated discretisation errors: of :math:`\mathbb E[\sigma\,\mathrm{He}_k/\sqrt{k!}]` for every k, and of
        :math:`\mathbb E\,\sigma^2`.
    trusted, resolution, caveat
        As in :class:`QuadratureEstimate`.
    """

    edges: Array
    reach: float
    half_width: int
    unresolved: float
    unresolved_square: float
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


@lru_cache(maxsize=1)
def _rule() -> tuple[NDArray[Any], ...]:
    """Nodes, weights, node values -> Legendre coefficients, probe points, Legendre coefficients -> probe values."""
    nodes, _ = np.polynomial.legendre.leggauss(_NODES)
    # NumPy's own weights are off by 1e-13 (relative). The interpolatory ones of these very nodes, first row of the inverse
    # Vandermonde matrix times ∫P_0 = 2, integrate polynomials to rounding.
    to_series = np.linalg.inv(np.polynomial.legendre.legvander(nodes, _NODES - 1))
    probes = (2 * np.arange(_PROBES) + 1) / _PROBES - 1
    # The two ends are looked at as well (from just inside): no node lies in the outer 1/400 of a panel.
    at_probes = np.polynomial.legendre.legvander(np.concatenate([probes, [-1, 1]]), _NODES - 1)
    return nodes, 2 * to_series[0], to_series, probes, at_probes


def _values(function: Callable[[Array], Any], x: Array) -> Array:
    with np.errstate(all="ignore"):
        values = np.asarray(function(x), dtype=float)
    if not np.all(np.isfinite(values)):
        bad = np.flatnonzero(~np.isfinite(values))[0]
        place, value = float(x.flat[bad]), float(values.flat[bad])
        if math.isnan(value):
            raise HypothesisError(
                "the function has a value at every real number", f"NaN at x = {place:.6g}", "define it there"
            )
        if abs(place) < _HALF_WIDTHS[0] / 2:
            raise HypothesisError(
                "the function is finite between its kinks",
                f"the value {value} at x = {place:.6g}",
                f"declare the singularity, kinks=({place:.6g},), or bound the function",
            )
        raise _not_integrable(f"the value {value} at x = {place:.6g}")
    return values


def _not_integrable(found: str) -> HypothesisError:
    return HypothesisError(
        "the function is square integrable against the normal density (E σ(g)² < ∞)",
        found,
        "use a function without poles that grows more slowly than exp(x²/4)",
    )


def resolve(function: Callable[[Array], Any], kinks: Sequence[float] = (), reach: float = 1.0) -> Panels:
    r"""Bisect the line until ``function`` is a polynomial of degree 23 on every panel, to rounding.

    A panel is accepted when the last four of its 24 Legendre coefficients are at rounding level (of its own values, or of the
    whole mean), *and* its Legendre series meets the function at 64 further points. A kink or a jump that was not declared is closed
    in upon by bisection.

    Raises
    ------
    HypothesisError
        Where values are NaN, or do not decay against :math:`e^{-x^2/4}`.
    """
    nodes, weights, to_series, probes, at_probes = _rule()
    for half_width in _HALF_WIDTHS:
        left, right = _starting_panels(math.ceil(half_width * reach), kinks)
        x = (left + right)[:, None] / 2 + (right - left)[:, None] / 2 * nodes
        size = np.abs(_values(function, x)) * np.exp(-np.square(x / reach) / 4)
        if max(np.max(size[0]), np.max(size[-1])) <= _EPS * np.max(size):
            break
    else:
        raise _not_integrable(
            f"|f(x)|·exp(−x²/4) = {max(np.max(size[0]), np.max(size[-1])):.2g} still at {half_width} standard deviations"
        )
    # (E f²)^{1/2}, up to a constant: what a negligible share is measured by.
    scale = math.sqrt(float((right - left) / reach @ np.square(size) @ weights))

    done = [np.empty((2, 0))]
    # Beyond the ends: what has fallen to `size` there, and goes on falling, leaves at most its value times one unit of length.
    ends = np.array([np.max(size[0]), np.max(size[-1])])
    unresolved, unresolved_square = _CRAMER * float(np.sum(ends)), float(np.sum(np.square(ends)))
    accepted = 0
    caveat = ""
    for depth in range(_MOST_BISECTIONS + 1):
        middle, half = (left + right) / 2, (right - left) / 2
        spacing = np.spacing(np.maximum(np.abs(left), np.abs(right)))
        inside = np.maximum(4 * spacing, 2.0**-54 * half)[:, None]
        points = middle[:, None] + half[:, None] * np.concatenate([nodes, probes, [-1, 1]])
        both = _values(function, np.clip(points, left[:, None] + inside, right[:, None] - inside))
        values, checks = both[:, :_NODES], both[:, _NODES:]
        series = values @ to_series.T
        tail = np.max(np.abs(series[:, -4:]), axis=1)
        largest = np.max(np.abs(both), axis=1)
        missed = np.max(np.abs(checks - series @ at_probes.T), axis=1)
        nearest = np.where(left * right < 0, 0.0, np.minimum(np.abs(left), np.abs(right))) / reach
        weight = np.exp(-np.square(nearest) / 4)
        off = np.maximum(2 * tail, missed) * weight
        # The panel's share in the error of any coefficient, were the function that far off throughout the panel.
        share = off * (2 * half / reach) * _CRAMER
        # Values at a rounded x are off by eps |x f'|, besides their own rounding; at a jump the slope is no derivative: capped.
        slope = np.max(np.abs(np.diff(checks[:, :_PROBES], axis=1)), axis=1) * (_PROBES / 2) / half
        amplified = np.minimum(slope * np.maximum(np.abs(left), np.abs(right)), _STEEPEST * largest)
        exact = (tail <= _ROUNDING * largest) & (missed <= 4 * _ROUNDING * largest)
        smooth = (tail <= _ROUNDING * (largest + amplified)) & (missed <= 4 * _ROUNDING * (largest + amplified))
        keep = smooth | (off <= 2 * _EPS * scale) | (share <= _EPS / 256 * scale) | (half <= 8 * spacing)
        last = depth == _MOST_BISECTIONS or accepted + keep.sum() + 2 * (~keep).sum() > _MOST_PANELS
        if last and not np.all(keep):
            worst = int(np.argmax(np.where(keep, 0, share)))
            caveat = f"unresolved after {accepted + keep.size} panels and {depth} bisections, worst at x = {middle[worst]:.6g}; "
        counted = ~exact if last else keep & ~exact
        unresolved += float(np.sum(share[counted]))
        unresolved_square += float(np.sum((2 * largest * weight * share)[counted]))
        done.append(np.stack([left[keep | last], right[keep | last]]))
        accepted += int(np.count_nonzero(keep))
        if last or np.all(keep):
            break
        left, middle, right = left[~keep], middle[~keep], right[~keep]
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    lefts, rights = np.concatenate(done, axis=1)
    order = np.argsort(lefts)
    edges = np.append(lefts[order], np.max(rights))
    near = edges[np.abs(edges) <= 6 * reach]
    resolution = 2 * float(np.max(np.diff(near))) / _PROBES
    return Panels(
        edges, reach, half_width, unresolved, unresolved_square, not caveat, resolution,
        caveat + f"features narrower than {resolution:.2g} between the points looked at would have been missed",
    )


def _starting_panels(end: int, kinks: Sequence[float]) -> tuple[Array, Array]:
    grid = np.linspace(-end, end, 2 * end + 1)
    inside = [kink for kink in map(float, kinks) if -end < kink < end]
    edges = np.union1d(grid, inside)
    return edges[:-1], edges[1:]


def _nodes_and_weights(edges: Array) -> tuple[Array, Array]:
    """Gauss-Legendre nodes of all panels in one row, and their weights times the normal density."""
    nodes, weights, *_ = _rule()
    middle, half = (edges[..., 1:] + edges[..., :-1]) / 2, (edges[..., 1:] - edges[..., :-1]) / 2
    # On the shortest panels a node would round to the edge, where the function may jump or have no value.
    inner = np.nextafter(edges[..., :-1], math.inf)[..., None], np.nextafter(edges[..., 1:], -math.inf)[..., None]
    x = np.clip(middle[..., None] + half[..., None] * nodes, *inner).reshape(*edges.shape[:-1], -1)
    w = (half[..., None] * weights).reshape(x.shape)
    return x, w * np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


@dataclass(frozen=True, eq=False)
class _Table:
    """What depends on the panels and the degree alone: nodes x, w φ(x), He_k(x)/√k!, and the last two multiplied."""

    x: Array
    density: Array
    values: Array
    weighted: Array


_MOST_CACHED_PANELS = 256


def _table(edges: Array, degree: int) -> _Table:
    if edges.size > _MOST_CACHED_PANELS:
        return _make_table(edges, degree)
    return _cached_table(edges.tobytes(), degree)


@lru_cache(maxsize=64)
def _cached_table(edges: bytes, degree: int) -> _Table:
    return _make_table(np.frombuffer(edges), degree)


def _make_table(edges: Array, degree: int) -> _Table:
    x, density = _nodes_and_weights(edges)
    values = orthonormal_values(x, degree)
    return _Table(x, density, values, values * density)


@lru_cache(maxsize=256)
def panels(sigma: Activation, reach: float = 1.0) -> Panels:
    """The panels of an activation, found once. Kinks without a number (parameters) cannot be placed."""
    if sigma.parameters:
        sigma(0.0)  # raises: values need numbers for every parameter
    return resolve(sigma, [float(kink) for kink in sigma.kinks], reach)


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
    table = _table(plan.edges, degree)
    f = _values(sigma, table.x)
    values = table.weighted @ f
    # Rounding: of every product in the sum and of the function's own values, with a margin of four; and of its argument, where a
    # relative error of one costs x σ'(x), with a margin of two. The last is what max(0, x − 7) loses near its kink.
    absolute = np.abs(f)
    rounding = 6 * absolute + 2 * np.abs(_values(sigma, table.x * (1 + _STEP)) - f) / _STEP
    errors = _EPS * (np.abs(table.weighted) @ rounding) + plan.unresolved
    vanishing = _vanishing(sigma, degree)
    values[vanishing] = 0.0
    errors[vanishing] = 0.0
    square = absolute * table.density
    norm2 = float(square @ absolute)
    norm2_error = 2 * _EPS * float(square @ rounding) + plan.unresolved_square
    if norm2_error >= norm2 > 0:
        place = float(table.x[np.argmax(absolute)])
        raise _not_integrable(f"E σ² = {norm2:.2g} ± {norm2_error:.2g} for {sigma.name}, singular near x = {place:.3g}")
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"{sigma.name}: {plan.caveat}"), stacklevel=2)
    return QuadratureEstimate(
        values, errors, norm2, norm2_error, plan.trusted, plan.resolution, plan.caveat
    )


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
    table = _table(panels(sigma).edges, degree)
    remainder = _values(sigma, table.x)
    norms = np.empty(degree + 1)
    for r in range(degree + 1):
        remainder = remainder - c[r] * table.values[r]
        norms[r] = math.sqrt(float(table.density @ np.square(remainder)))
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
    plan = resolve(f, kinks)
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"Gaussian mean: {plan.caveat}"), stacklevel=2)
    x, density = _nodes_and_weights(plan.edges)
    return float(density @ _values(f, x))


def _affine_nodes(sigma: Activation, scales: ArrayLike, shifts: ArrayLike) -> tuple[Array, Array, Array]:
    """Values of σ(m + s g), nodes g and their weights, a row for every pair (s, m)."""
    s, m = np.broadcast_arrays(np.asarray(scales, dtype=float), np.asarray(shifts, dtype=float))
    if s.ndim != 1 or not np.all((s > 0) & (s < math.inf)):
        raise HypothesisError(
            "scales are positive numbers in one dimension", f"scales of shape {s.shape}: {s!r}", "pass scales=[0.5, 1.0], say"
        )
    if not np.isfinite(m).all():
        raise HypothesisError("shifts are finite numbers", f"shifts={m!r}", "pass shifts=[-1.0, 0.0], say")
    largest = float(np.max(s + np.abs(m) / _HALF_WIDTHS[0], initial=1.0))
    plan = panels(sigma, 2.0 ** (math.ceil(2 * math.log2(largest)) / 2))
    end = float(plan.half_width)
    edges = np.clip((plan.edges - m[:, None]) / s[:, None], -end, end)
    if np.min(s, initial=1.0) < 0.5:
        # Panels of the argument s·g are then longer than 2 in g, on which φ He_k would not be resolved.
        grid = np.linspace(-end, end, 2 * plan.half_width + 1)
        edges = np.sort(np.concatenate([edges, np.broadcast_to(grid, (s.size, grid.size))], axis=1), axis=1)
    x, density = _nodes_and_weights(edges)
    return _values(sigma, m[:, None] + s[:, None] * x), x, density


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
    f, x, density = _affine_nodes(activation(sigma), scales, shifts)
    weights = density * orthonormal_values(x, degree)[degree] * sqrt_factorial(degree) if degree else density
    return np.einsum("sj,sj->s", weights, np.square(f))
