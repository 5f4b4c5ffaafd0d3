"""The line cut into panels on which a function is a polynomial to rounding: at the declared kinks, then by bisection."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from typing import Any

import numpy as np
from flint import arb
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.activations.formulas.balls import working_precision
from hermite_eq.activations.guest import epsilon, precision_name
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.asymptotics import check_integrable, decays_slowly, far_mass, local_nodes, not_square_integrable
from hermite_eq.expansion.asymptotics.nodes import LocalNodes
from hermite_eq.expansion.narrow import narrow_edges

Array = NDArray[np.float64]
#: Nodes on a panel. A function analytic within the distance of 3/2 of a panel of length 1 is resolved: 6^-24 < 1e-18.
NODES = 24
#: e^{-x²/4} at 14 is 5e-22: what lies beyond is lost in rounding, whatever the degree, for functions of moderate growth. Others
#: are followed further, to where e^{x²/4} = 1e293 is still a double: what has not decayed there is not square integrable as far as
#: doubles can see.
HALF_WIDTHS = (14, 20, 28, 36, 52)
_MOST_PANELS = 4096
#: Whose square, times slopes and the number of nodes, is still a double.
_LARGEST = 1e150
#: Whose square is not a double.
_SMALLEST = 1e-163
_CRAMER = 1.0866 / math.sqrt(2 * math.pi)
#: Bisections of one panel: 2^-60 of a unit is below the spacing of doubles there.
_MOST_BISECTIONS = 60
#: Points of a panel of length one at which the interpolant is held against the function before the panel is believed; of a function
#: which takes longer than so many seconds for each point, and of the parts of a panel, that many for the whole.
_PROBES, _FEWEST_PROBES, _SLOW = 1024, 64, 5e-6
#: The clock of this thread, which other processes do not advance; WebAssembly has none.
_seconds = getattr(time, "thread_time", time.perf_counter)
EPS = float(np.finfo(float).eps)
#: Size of the last Legendre coefficients of a resolved function, relative to its values and the spacing of its floating type: the
#: sum of 24 rounded products.
_ROUNDING = 32
#: |x f'|/|f| is taken for a condition number up to here (7e-5 of the values may then be rounding); beyond, for a jump's slope.
_STEEPEST = 1e10
_FINITE = "the function is finite between its kinks"
#: The least 1 + 2a for which the square of |x − c|^a, seen through doubles, is believed to be integrable.
_LEAST_RATE = 0.05


@dataclass(frozen=True, eq=False)
class Panels:
    r"""Panels on which a function is resolved for Gaussian means of any scale up to ``reach``.

    Attributes
    ----------
    edges : ndarray, shape (panels + 1,)
    reach : float
        The largest standard deviation s of the argument; the panels end at ``half_width`` standard deviations.
    half_width : int
    peak : float
        The largest value of :math:`|f(x)|e^{-x^2/4s^2}`, s = ``reach``, that was seen.
    off : ndarray, shape (panels,)
        How far the function may be, on each panel, from the polynomial through its nodes.
    eps : float
        The spacing of the floating type in which the function computes.
    trusted, resolution, caveat
        As in :class:`hermite_eq.expansion.QuadratureEstimate`.
    local : tuple of LocalNodes
        Nodes around singular points, in place of the panels there.
    """

    edges: Array
    reach: float
    half_width: int
    peak: float
    off: Array
    eps: float
    trusted: bool
    resolution: float
    caveat: str
    local: tuple[LocalNodes, ...] = ()


def outside(local: tuple[LocalNodes, ...], x: Array) -> NDArray[np.bool_]:
    """Where panels are used and not the nodes around a singular point."""
    result = np.ones(x.shape, dtype=bool)
    for nodes in local:
        result &= np.abs(x - nodes.centre) > nodes.radius
    return result


@lru_cache(maxsize=1)
def _rule() -> tuple[NDArray[Any], ...]:
    """Nodes, what rounding took from them, weights (of sum 2), node values -> Legendre coefficients.

    Weights made of rounded nodes, NumPy's or by an inverse of the Vandermonde matrix, are off by 50 ε where they are small.
    """
    with working_precision(128):
        roots, weights = zip(*(arb.legendre_p_root(NODES, k, weight=True) for k in range(NODES - 1, -1, -1)), strict=True)
        nodes = [float(root.mid()) for root in roots]
        rest = [float((root - node).mid()) for root, node in zip(roots, nodes, strict=True)]
    to_series = np.linalg.inv(np.polynomial.legendre.legvander(np.array(nodes), NODES - 1))
    return np.array(nodes), np.array(rest), np.array([float(weight.mid()) for weight in weights]), to_series


@lru_cache(maxsize=8)
def _probe(count: int) -> tuple[Array, Array]:
    """Probe points, and Legendre coefficients -> values there. The two ends are looked at as well (from just inside)."""
    points = np.concatenate([(2 * np.arange(count) + 1) / count - 1, [-1, 1]])
    return points, np.polynomial.legendre.legvander(points, NODES - 1)


def finite_values(function: Callable[[Array], Any], x: Array, refusal: Callable[[str], HypothesisError] = not_square_integrable) -> Array:
    with np.errstate(all="ignore"):
        # Its own copy: the function may write to its argument.
        values = np.asarray(function(x.copy()), dtype=float)
    if not np.all(np.isfinite(values)):
        bad = np.flatnonzero(~np.isfinite(values))[0]
        place, value = float(x.flat[bad]), float(values.flat[bad])
        if math.isnan(value):
            raise HypothesisError("the function has a value at every real number", f"NaN at x = {place:.6g}", "define it there")
        if abs(place) < HALF_WIDTHS[0] / 2:
            raise HypothesisError(
                _FINITE,
                f"the value {value} at x = {place:.6g}",
                f"declare the singularity, kinks=({place:.6g},), or bound the function",
            )
        raise refusal(f"the value {value} at x = {place:.6g}")
    return values


class OutOfReachError(HypothesisError):
    """Of a function that is square integrable, but not within doubles."""


def out_of_reach(finding: str) -> OutOfReachError:
    """What is said of a function that is square integrable, but not within doubles."""
    return OutOfReachError(
        f"σ and its mass under σ²φ are within doubles: |σ| < 1e308, and all but 1e-16 of it at |x| < {HALF_WIDTHS[-1]}",
        finding,
        "ask for its exact coefficients or enclosures: c.exact, c.enclosure(k) or c.norm2_enclosure() of c = coefficients(…)",
    )


def resolve(
    function: Callable[[Array], Any],
    kinks: Iterable[float] = (),
    reach: float = 1.0,
    local: tuple[LocalNodes, ...] = (),
    slow: bool = False,
    refusal: Callable[[str], HypothesisError] | None = None,
) -> Panels:
    r"""Bisect the line until ``function`` is a polynomial of degree 23 on every panel, to rounding.

    A panel is accepted when the last four of its 24 Legendre coefficients are at rounding level (of its own values, or of the
    whole mean), *and* its Legendre series meets the function at further points, 1024 on a unit of length (64 if the function is
    slow). A kink or a jump that was not declared is closed in upon by bisection. Panels around the centres of ``local`` are left out.

    Raises
    ------
    HypothesisError
        Where values are NaN, or do not decay against :math:`e^{-x^2/4}` (unless known to be ``slow``; with ``refusal``), or grow towards
        a point so fast that the square may not be integrable.
    """
    nodes, _, weights, to_series = _rule()
    known = refusal is not None
    refusal = refusal or partial(not_square_integrable, reach=reach)
    # What decays slowly is followed by its expansion.
    for half_width in HALF_WIDTHS[:-1] if slow else HALF_WIDTHS:
        left, right = _starting_panels(math.ceil(half_width * reach), list(map(float, kinks)), local)
        x = (left + right)[:, None] / 2 + (right - left)[:, None] / 2 * nodes
        start = _seconds()
        f = finite_values(function, x, refusal)
        costly = _seconds() - start > _SLOW * x.size
        size = np.abs(f) * np.exp(-np.square(x / reach) / 4)
        last = max(np.max(size[0]), np.max(size[-1]))
        if np.max(size) > 0 and last <= EPS * np.max(size):
            break
    if last > EPS * np.max(size) and not slow:
        raise refusal(f"|f(x)|·exp(−x²/4) = {last:.2g} still at {half_width} standard deviations")
    if np.max(size) == 0 and not known:
        # Nothing is known of it beyond: e^{60x − 3600} is no double before x = 47, and less against e^{−x²/4}, but grows faster.
        with np.errstate(divide="ignore"):
            depth = np.log(np.abs(f)) - np.square(x / reach) / 4
        for outer, inner in ((depth[0, 0], depth[0, -1]), (depth[-1, -1], depth[-1, 0])):
            if outer > inner:
                raise refusal(f"|f(x)|·exp(−x²/4) = exp({outer:.4g}) at {half_width} standard deviations, growing")
    eps = epsilon(f)
    # (E f²)^{1/2}, up to a constant: what a negligible share is measured by.
    peak = float(np.max(size)) or 1.0
    if peak > _LARGEST:
        raise HypothesisError(
            f"values times exp(−x²/4) are below {_LARGEST:g}, so that their squares are numbers", f"{peak:.3g}",
            f"divide the function by {peak:.0e}: coefficients go with its scale, E σ² with the square",
        )  # fmt: skip
    scale = peak * math.sqrt(float((right - left) / reach @ np.square(size / peak) @ weights))

    done = [np.empty((3, 0))]
    accepted = 0
    caveat = f"values in {precision_name(eps)}; " if eps > EPS else ""
    fewest = _FEWEST_PROBES if costly else _PROBES
    trusted = eps == EPS
    for depth in range(_MOST_BISECTIONS + 1):
        middle, half = (left + right) / 2, (right - left) / 2
        spacing = np.spacing(np.maximum(np.abs(left), np.abs(right))) * (eps / EPS)
        inside = np.maximum(4 * spacing, 2.0**-54 * half)[:, None]
        probes, at_probes = _probe(max(_FEWEST_PROBES, fewest >> depth))
        points = middle[:, None] + half[:, None] * np.concatenate([nodes, probes])
        both = finite_values(function, np.clip(points, left[:, None] + inside, right[:, None] - inside))
        values, checks = both[:, :NODES], both[:, NODES:]
        series = values @ to_series.T
        tail = np.max(np.abs(series[:, -4:]), axis=1)
        largest = np.max(np.abs(both), axis=1)
        missed = np.max(np.abs(checks - series @ at_probes.T), axis=1)
        nearest = np.where(left * right < 0, 0.0, np.minimum(np.abs(left), np.abs(right))) / reach
        weight = np.exp(-np.square(nearest) / 4)
        off = np.maximum(2 * tail, missed)
        # The panel's share in the error of any coefficient, were the function that far off throughout the panel (Cramér).
        share = off * weight * (2 * half / reach) * _CRAMER
        # Values at a rounded x are off by eps |x f'|, besides their own rounding; at a jump the slope is no derivative: capped.
        slope = np.max(np.abs(np.diff(checks[:, :-2], axis=1)), axis=1) * ((probes.size - 2) / 2) / half
        amplified = np.minimum(slope * np.maximum(np.abs(left), np.abs(right)), _STEEPEST * largest)
        exact = (tail <= _ROUNDING * eps * largest) & (missed <= 4 * _ROUNDING * eps * largest)
        rounded = largest + amplified
        smooth = (tail <= _ROUNDING * eps * rounded) & (missed <= 4 * _ROUNDING * eps * rounded)
        keep = smooth | (off * weight <= 2 * eps * scale) | (share <= eps / 256 * scale) | (half <= 8 * spacing)
        last = depth == _MOST_BISECTIONS or accepted + keep.sum() + 2 * (~keep).sum() > _MOST_PANELS
        if last and not np.all(keep):
            worst = int(np.argmax(np.where(keep, 0, share)))
            trusted = False
            caveat += f"unresolved after {accepted + keep.size} panels and {depth} bisections, worst at x = {middle[worst]:.6g}; "
        off[exact & keep] = 0.0
        # Panels that end at a point where f grows without bound: what lies between it and the last node.
        for i in np.flatnonzero((half <= 64 * spacing) & (largest * weight > 16 * scale) & (off > 0)):
            off[i] *= 2 / _rate(function, middle[i], eps)
        done.append(np.stack([left, right, off])[:, keep | last])
        accepted += int(np.count_nonzero(keep))
        if last or np.all(keep):
            break
        left, middle, right = left[~keep], middle[~keep], right[~keep]
        left, right = np.concatenate([left, middle]), np.concatenate([middle, right])
    lefts, rights, offs = np.concatenate(done, axis=1)
    edges = np.union1d(lefts, rights)
    off = np.zeros(edges.size - 1)
    off[np.searchsorted(edges, lefts)] = offs
    near = np.abs(lefts) <= 6 * reach
    # Every accepted panel was looked at with the points of its own length.
    lengths = rights[near] - lefts[near]
    counts = np.maximum(_FEWEST_PROBES, fewest * np.minimum(lengths, 1.0))
    resolution = float(np.max(lengths / counts, initial=0.0))
    return Panels(
        edges,
        reach,
        half_width,
        float(np.max(size)),
        off,
        eps,
        trusted,
        resolution,
        caveat + f"features narrower than {resolution:.2g} between the points looked at would have been missed",
        local,
    )


def _rate(function: Callable[[Array], Any], place: float, eps: float) -> float:
    """1 + 2a for a function that grows like |x − place|^a, from values at distances 2^-10 … 2^-36.

    Raises
    ------
    HypothesisError
        Where it is so small that the square is not integrable, or cannot be told from one that is not.
    """
    t = 2.0 ** -np.arange(10.0, 37.0 if eps == EPS else 18.0)
    with np.errstate(all="ignore"):
        size = np.maximum(*(np.abs(np.asarray(function(place + side * t), dtype=float)) for side in (-1, 1)))
        rates = 1 - 2 * np.diff(np.log2(size))[-8:]
    rate = float(np.median(rates[np.isfinite(rates)])) if np.isfinite(rates).any() else 1.0
    if not rate > _LEAST_RATE:
        raise not_square_integrable(
            f"values like |x − a|^({(rate - 1) / 2:.3g}) as x → a = {place:.6g}, as far as double precision resolves them"
        )
    return min(rate, 1.0)


def _starting_panels(end: int, kinks: list[float], local: tuple[LocalNodes, ...]) -> tuple[Array, Array]:
    grid = np.linspace(-end, end, 2 * end + 1)
    rims = [nodes.centre + sign * nodes.radius for nodes in local for sign in (-1, 1)]
    inside = [kink for kink in (*kinks, *rims) if -end < kink < end]
    edges = np.union1d(grid, inside)
    left, right = edges[:-1], edges[1:]
    for nodes in local:
        outside = np.abs((left + right) / 2 - nodes.centre) > nodes.radius
        left, right = left[outside], right[outside]
    return left, right


def nodes_and_roots(edges: Array) -> tuple[Array, Array]:
    r"""Gauss-Legendre nodes of all panels in one row, and :math:`(w\phi)^{1/2}`.

    The root of φ is a double to \|x\| = 53, φ itself to 38: :math:`\sigma^2\phi` is the square of a number of moderate size.
    """
    nodes, _, weights, _ = _rule()
    left, right = edges[..., :-1, None], edges[..., 1:, None]
    x = _inside((left + right) / 2 + (right - left) / 2 * nodes, left, right)
    return _in_a_row(edges, x), _in_a_row(edges, _roots(right - left, weights, x))


def placed_nodes_and_roots(edges: Array) -> tuple[Array, Array, Array]:
    r"""Nodes; what rounding took from them; and the roots :math:`(w\phi)^{1/2}` where the nodes were before.

    A node is (a + b)/2 + t(b − a)/2. Rounded, it is off by up to ε\|x\|/2, and its square by ε x²/2 again, which would be an error of
    (3/4) x² ε in φ: 1e-13 at x = 30. So both remainders are computed, by error-free transformations (Dekker), and enter φ to first order.

    >>> x, rest, root = placed_nodes_and_roots(np.array([0.1, 0.3, 1.0]))
    >>> bool(np.all(np.abs(rest) <= EPS / 2 * x)), round(float(root @ root), 12)
    (True, 0.301516908792)
    """
    nodes, of_nodes, weights, _ = _rule()
    left, right = edges[..., :-1, None], edges[..., 1:, None]
    (twice, of_middle), (length, of_length) = _two_sum(left, right), _two_sum(right, -left)
    x, rest = _two_sum(twice / 2, length / 2 * nodes)
    rest = rest + _product_rest(length / 2, nodes) + (of_middle + of_length * nodes + length * of_nodes) / 2
    x, rest = _two_sum(x, rest)
    inside = _inside(x, left, right)
    rest += x - inside
    root = _roots(length, weights, inside) * (1 - _product_rest(inside, inside) / 4 - inside * rest / 2)
    return _in_a_row(edges, inside), _in_a_row(edges, rest), _in_a_row(edges, root)


def _inside(x: Array, left: Array, right: Array) -> Array:
    """On the shortest panels a node would round to the edge, where the function may jump or have no value."""
    return np.clip(x, np.nextafter(left, math.inf), np.nextafter(right, -math.inf))


def _roots(length: Array, weights: Array, x: Array) -> Array:
    density = np.square(x)
    density *= -0.25
    np.exp(density, out=density)
    density *= np.sqrt(length / 2) * np.sqrt(weights / math.sqrt(2 * math.pi))
    return density


def _in_a_row(edges: Array, part: Array) -> Array:
    return part.reshape(*edges.shape[:-1], -1)


def _two_sum(a: Array, b: Array) -> tuple[Array, Array]:
    """a + b, rounded, and exactly what rounding took from it."""
    total = a + b
    other = total - a
    return total, (a - (total - other)) + (b - other)


def _product_rest(a: Array, b: Array) -> Array:
    """Exactly what rounding takes from a·b."""
    (high, low), (top, bottom) = _halves(a), _halves(b)
    return low * bottom - (((a * b - high * top) - low * top) - high * bottom)


def _halves(a: Array) -> tuple[Array, Array]:
    """Two doubles of 26 bits whose sum is a."""
    high = (2.0**27 + 1) * a
    high = high - (high - a)
    return high, a - high


@lru_cache(maxsize=256)
def panels(sigma: Activation, reach: float = 1.0, radius: float = 0.5) -> Panels:
    """The panels of an activation, found once, with nodes within ``radius`` of its singular points. Kinks without a number (parameters)
    cannot be placed.

    Raises
    ------
    HypothesisError
        If σ is not square integrable for arguments of standard deviation ``reach``: decided from its expression where it has one.
    """
    if sigma.parameters:
        sigma(0.0)  # raises: values need numbers for every parameter
    kinks = [float(kink) for kink in sigma.kinks]
    if sigma.expression is None:
        return resolve(sigma, kinks, reach)
    undecided = check_integrable(sigma.expression, reach)
    kinks += narrow_edges(sigma.expression)
    try:
        if undecided:
            plan = resolve(sigma, kinks, reach, local_nodes(sigma.expression, radius))
        else:
            local, slow = local_nodes(sigma.expression, radius), decays_slowly(sigma.expression, reach)
            plan = resolve(sigma, kinks, reach, local, slow, out_of_reach)
    except HypothesisError as refusal:
        if not undecided or refusal.hypothesis != _FINITE:
            raise
        # The kinks of an expression are known: it is its growth that makes values infinite.
        raise not_square_integrable(f"{refusal.finding} for {sigma.name}, {undecided}", reach) from None
    if undecided:
        caveat = f"whether it is square integrable was not decided from its expression ({undecided}): the numbers hold if it is; "
        return replace(plan, trusted=False, caveat=caveat + plan.caveat)
    if not slow:
        beyond = far_mass(sigma.expression, round(plan.edges[-1]), reach, max(EPS * plan.peak, _SMALLEST))
        if beyond is not None:
            raise out_of_reach(f"|σ(x)|·exp(−x²/4) above {EPS:.2g} of its value nearer 0, {plan.peak:.2g}, by x = {beyond:.4g}")
    return plan
