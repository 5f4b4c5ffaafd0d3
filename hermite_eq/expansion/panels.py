"""The line cut into panels on which a function is a polynomial to rounding: at the declared kinks, then by bisection."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]
#: Nodes on a panel. A function analytic within the distance of 3/2 of a panel of length 1 is resolved: 6^-24 < 1e-18.
_NODES = 24
#: e^{-x²/4} at 14 is 5e-22: what lies beyond is lost in rounding, whatever the degree, for functions of moderate growth. Others
#: are followed further; φ underflows beyond 38, and what has not decayed by 36 is not square integrable as far as doubles can see.
HALF_WIDTHS = (14, 20, 28, 36)
_MOST_PANELS = 4096
#: Bisections of one panel: 2^-60 of a unit is below the spacing of doubles there.
_MOST_BISECTIONS = 60
#: Points of a panel of length one at which the interpolant is held against the function before the panel is believed.
_PROBES = 64
EPS = float(np.finfo(float).eps)
#: Size of the last Legendre coefficients of a resolved function, relative to its values: the sum of 24 rounded products.
_ROUNDING = 32 * EPS
#: |x f'|/|f| is taken for a condition number up to here (7e-5 of the values may then be rounding); beyond, for a jump's slope.
_STEEPEST = 1e10
_CRAMER = 1.0866 / math.sqrt(2 * math.pi)


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
        As in :class:`hermite_eq.expansion.QuadratureEstimate`.
    """

    edges: Array
    reach: float
    half_width: int
    unresolved: float
    unresolved_square: float
    trusted: bool
    resolution: float
    caveat: str


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


def finite_values(function: Callable[[Array], Any], x: Array) -> Array:
    with np.errstate(all="ignore"):
        values = np.asarray(function(x), dtype=float)
    if not np.all(np.isfinite(values)):
        bad = np.flatnonzero(~np.isfinite(values))[0]
        place, value = float(x.flat[bad]), float(values.flat[bad])
        if math.isnan(value):
            raise HypothesisError(
                "the function has a value at every real number", f"NaN at x = {place:.6g}", "define it there"
            )
        if abs(place) < HALF_WIDTHS[0] / 2:
            raise HypothesisError(
                "the function is finite between its kinks",
                f"the value {value} at x = {place:.6g}",
                f"declare the singularity, kinks=({place:.6g},), or bound the function",
            )
        raise not_integrable(f"the value {value} at x = {place:.6g}")
    return values


def not_integrable(found: str) -> HypothesisError:
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
    for half_width in HALF_WIDTHS:
        left, right = _starting_panels(math.ceil(half_width * reach), kinks)
        x = (left + right)[:, None] / 2 + (right - left)[:, None] / 2 * nodes
        size = np.abs(finite_values(function, x)) * np.exp(-np.square(x / reach) / 4)
        if max(np.max(size[0]), np.max(size[-1])) <= EPS * np.max(size):
            break
    else:
        raise not_integrable(
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
        both = finite_values(function, np.clip(points, left[:, None] + inside, right[:, None] - inside))
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
        keep = smooth | (off <= 2 * EPS * scale) | (share <= EPS / 256 * scale) | (half <= 8 * spacing)
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


def nodes_and_weights(edges: Array) -> tuple[Array, Array]:
    """Gauss-Legendre nodes of all panels in one row, and their weights times the normal density."""
    nodes, weights, *_ = _rule()
    middle, half = (edges[..., 1:] + edges[..., :-1]) / 2, (edges[..., 1:] - edges[..., :-1]) / 2
    # On the shortest panels a node would round to the edge, where the function may jump or have no value.
    inner = np.nextafter(edges[..., :-1], math.inf)[..., None], np.nextafter(edges[..., 1:], -math.inf)[..., None]
    x = np.clip(middle[..., None] + half[..., None] * nodes, *inner).reshape(*edges.shape[:-1], -1)
    w = (half[..., None] * weights).reshape(x.shape)
    return x, w * np.exp(-np.square(x) / 2) / math.sqrt(2 * math.pi)


@lru_cache(maxsize=256)
def panels(sigma: Activation, reach: float = 1.0) -> Panels:
    """The panels of an activation, found once. Kinks without a number (parameters) cannot be placed."""
    if sigma.parameters:
        sigma(0.0)  # raises: values need numbers for every parameter
    return resolve(sigma, [float(kink) for kink in sigma.kinks], reach)
