r"""Quadrature nodes where panels of doubles do not reach: in the distance t from a singular point, and far out on the line.

Doubles near c = 1 are 2^-53 apart, and :math:`|x-1|^{-0.49}` has half of its :math:`\mathbb E\sigma^2` closer to 1 than 10^-15. So the
values near a singular point come from its expansion in t, at nodes spread evenly in :math:`s=\log(1/t)`, in which
:math:`t^aL^b\,dt=e^{-(1+a)s}s^b\,ds` is smooth; the rest below the last node from the leading term.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import mpmath
import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.expansion.asymptotics.integrability import End, ends, singularities
from hermite_eq.expansion.asymptotics.series import Asymptotic
from hermite_eq.hermite import X

Array = NDArray[np.float64]

#: What is cut off an expansion, and what is left below the last node, relative to the whole.
_CUT = 1e-18
#: The last node: t = e^-640 = 1e-278.
_DEEPEST = 640.0
_LEAST_RADIUS = 2.0**-12


@dataclass(frozen=True, eq=False)
class LocalNodes:
    """Nodes in the distance from ``centre``, which is ``lost`` short of the singular point, up to ``radius`` on one side, their weights
    dt, and the values there."""

    centre: float
    lost: float
    side: int
    radius: float
    t: Array
    weights: Array
    values: Array

    @property
    def x(self) -> Array:
        return self.centre + self.side * self.t

    @property
    def rest(self) -> Array:
        """What rounding took from ``x``: the larger of c and t less x is exact, and what remains is, too."""
        step = self.side * self.t
        larger = np.abs(step) > abs(self.centre)
        return np.where(larger, self.centre, step) - (self.x - np.where(larger, step, self.centre)) + self.lost


@lru_cache(maxsize=1)
def _legendre() -> tuple[Array, Array]:
    nodes, weights = np.polynomial.legendre.leggauss(24)
    return nodes, weights


def _panel_nodes(edges: Array) -> tuple[Array, Array]:
    nodes, weights = _legendre()
    middle, half = (edges[1:] + edges[:-1]) / 2, np.diff(edges) / 2
    return (middle[:, None] + half[:, None] * nodes).ravel(), (half[:, None] * weights).ravel()


@lru_cache(maxsize=256)
def local_nodes(expression: sympy.Expr, radius: float = 0.5, others: tuple[float, ...] = ()) -> tuple[LocalNodes, ...]:
    """The nodes around every singular point at which the function is unbounded or has unbounded derivatives, and around those where it
    is smooth but a quotient of zeros: within ``radius``, and half the way to the nearest kink, singular point, or one of ``others``."""
    points = singularities(expression)
    edges = [float(part.left) for part in pieces(expression)[1:]]
    places = {*edges, *others, *(float(item.place) for item in points)}
    nodes = []
    for item in points:
        centre = float(item.place)
        lost = float(sympy.N(item.place - sympy.Rational(centre), 20))
        room = min((abs(other - centre) for other in places if other != centre), default=1.0) / 2
        sides = [_around(centre, lost, side, expansion, min(radius, room)) for side, expansion in ((-1, item.left), (1, item.right))]
        # Both sides or none: panels are laid from end to end outside one interval.
        if all(side is not None for side in sides):
            common = min(side.radius for side in sides if side is not None)
            both = [_around(centre, lost, side, expansion, common) for side, expansion in ((-1, item.left), (1, item.right))]
            nodes += [side for side in both if side is not None]
    return tuple(nodes)


def _terms(expansion: Asymptotic) -> tuple[Array, Array, Array, float]:
    """a, b, C of the dominant part, and the exponent from which it is cut."""
    if expansion.zero:
        return np.zeros(1), np.zeros(1), np.zeros(1), math.inf
    series = expansion.dominant[1]
    rows = np.array([[float(a), float(b), float(c)] for (a, b), c in series.terms.items()])
    return rows[:, 0], rows[:, 1], rows[:, 2], float(series.limit)


def _around(centre: float, lost: float, side: int, expansion: Asymptotic | None, radius: float) -> LocalNodes | None:
    if expansion is None or any(not series.exact for _, series in expansion.parts) or len(expansion.parts) > 1:
        return None
    if not expansion.zero and expansion.parts[0][0]:
        return None
    if any(c.rad() > _CUT * abs(c.mid()) for _, series in expansion.parts for c in series.terms.values()):
        # A bound of what oscillates is no value.
        return None
    a, b, C, limit = _terms(expansion)
    radius = 2.0 ** math.floor(math.log2(radius))

    def at(t: Array) -> Array:
        t = t[:, None]
        return np.asarray(np.sum(C * t**a * (-np.log(t)) ** b, axis=1))

    # The last four orders stand for what was cut.
    last = a >= limit - 4
    while math.isfinite(limit):
        size = np.abs(C) * radius**a * np.maximum(1.0, -math.log(radius)) ** b
        if np.sum(size[last]) * radius**2 + np.max(size) * radius ** (limit - a.min()) <= _CUT * np.max(size):
            break
        radius /= 2
        if radius < _LEAST_RADIUS:
            return None
    leading, power = float(a.min()), float(max(b[a == a.min()]))
    rate = 1 + 2 * min(leading, 0.0)
    # Deep enough for the moments of order 4 and 8 as well, where they are finite.
    slowest = min((1 + j * min(leading, 0.0) for j in (2, 4, 8) if 1 + j * min(leading, 0.0) > 0), default=0.0)
    start = -math.log(radius)
    deepest = min(_DEEPEST, start + 45 / slowest if slowest > 0 else _DEEPEST)
    near = np.arange(start, min(start + 20, deepest), 2.0)
    deepest = max(deepest, near[-1] + 2)
    s, ds = _panel_nodes(np.concatenate([near, np.arange(near[-1] + 2, deepest, 8.0), [deepest]]))
    t = np.exp(-s)
    weights, values = ds * t, at(t)
    if deepest >= _DEEPEST and C.any():
        constant = float(C[(a == leading) & (b == power)][0])
        first = constant * _rest(1 + leading, power, deepest)
        second = constant**2 * _rest(rate, 2 * power, deepest)
        if second > 0:
            # One node with both of the leading term's integrals, of σ and of σ².
            t, weights, values = np.append(t, 0.0), np.append(weights, first**2 / second), np.append(values, second / first)
    return LocalNodes(centre, lost, side, radius, t, weights, values)


def _rest(rate: float, power: float, start: float) -> float:
    r""":math:`\int_{start}^\infty e^{-rate\,s}s^{power}\,ds`."""
    if rate == 0:
        return float(start ** (power + 1)) / -(power + 1)
    return float(mpmath.gammainc(power + 1, rate * start) / mpmath.mpf(rate) ** (power + 1))


def far_norm2(expression: sympy.Expr, from_: float) -> tuple[float, float]:
    r""":math:`\int_{|x|>T}\sigma^2\phi\,dx` where σ decays slowly against :math:`e^{-x^2/4}`, and its error; T = ``from_``."""
    total = 0.0
    for end in ends(expression, 1):
        if end is not None:
            total += _beyond(expression, end, from_)
    # The expansion and the sum over a thousand nodes are good to 1e-15 of each other.
    return total, 1e-14 * total


def _beyond(expression: sympy.Expr, end: End, from_: float) -> float:
    exponent, _ = end.expansion.dominant
    D = [(float(a), float(b), float(c)) for (a, b), c in exponent.items()]
    a, b, C, limit = _terms(end.expansion)
    part = pieces(expression)[0 if end.side < 0 else -1].expression
    exact = sympy.lambdify(X, part, "mpmath")
    # Beyond e^300 the leading term is all.
    u, du = _panel_nodes(np.arange(math.log(from_), 300.5, 0.5))
    x = np.exp(u)
    with np.errstate(all="ignore"):
        depth = sum((c * x**-p * u**q for p, q, c in D), np.zeros(x.size))
    keep = depth > -400
    x, u, du, depth = x[keep], u[keep], du[keep], depth[keep]
    t = 1 / x[:, None]
    values = np.exp(depth) * np.sum(C * t**a * u[:, None] ** b, axis=1)
    tail = np.max(np.abs(C) * t**a, axis=1)
    cut = np.zeros(x.size) if not math.isfinite(limit) else np.max(np.abs(C)) * t[:, 0] ** (limit - 2) / np.maximum(tail, 1e-300)
    with mpmath.workdps(30):
        for i in np.flatnonzero((cut > _CUT) | (x < 1e4)):
            place = mpmath.mpf(float(x[i]))
            values[i] = float(mpmath.re(exact(end.side * place) * mpmath.exp(-(place**2) / 4)))
    inside = float(np.sum(np.square(values) * x * du)) / math.sqrt(2 * math.pi)
    if D:
        return inside
    leading = float(a.min())
    power = float(max(b[a == leading]))
    constant = float(C[(a == leading) & (b == power)][0])
    # x = e^u: the integral of C² e^{−(2a − 1)u} u^{2b}.
    return inside + constant**2 * _rest(2 * leading - 1, 2 * power, 300.0) / math.sqrt(2 * math.pi)
