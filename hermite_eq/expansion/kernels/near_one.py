r"""Kernels near |ρ| = 1, where the Hermite series of a function with kinks or jumps converges slowly: as a double integral

.. math:: \kappa(\rho)=\mathbb E\bigl[\sigma(g)\,S(\rho g)\bigr],\qquad S(m)=\mathbb E\,\sigma_*\bigl(m+\sqrt{1-\rho^2}\,h\bigr),

on panels. S is smooth where σ* is not; at ρ = ±1 it is σ* itself, so that κ(1) = E σσ*. Many correlations at once are read off
polynomials in θ = arccos |ρ|, one for each octave: κ(cos θ) is smooth but at θ = 0.
"""

from __future__ import annotations

import math
import warnings
from functools import lru_cache

import numpy as np
import sympy

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisWarning
from hermite_eq.expansion.asymptotics import LocalNodes, local_nodes
from hermite_eq.expansion.node_table import affine_values, function_values, node_table
from hermite_eq.expansion.panels import EPS, NODES, Array, finite_values, nodes_and_roots, panels, resolve
from hermite_eq.expansion.quadrature import quadrature
from hermite_eq.hermite import X

#: Means m at which S is computed at a time, on some hundred nodes each.
_ROWS = 512
#: More correlations than this are interpolated, each octave of θ by a polynomial of degree 16: with the singularity at θ = 0 as far
#: away as the octave [a, 2a] is long, it is resolved to (3 + √8)^-17 = 1e-13.
_MOST_INTEGRALS, _DEGREE = 100, 16
#: Step of a difference quotient of S, relative to its scale.
_SLOPE = 2.0**-10


def near_one(first: Activation, second: Activation, rho: Array) -> tuple[Array, Array]:
    """κ(ρ) and its estimated absolute error, for every ρ in an array of shape (N,)."""
    pairs = np.empty((rho.size, 2))
    # 1 − |ρ| is exact, and so is θ to rounding; |ρ| = 1 is in no octave.
    angle = 2 * np.arcsin(np.sqrt((1 - np.abs(rho)) / 2))
    octave = np.where(angle > 0, np.frexp(angle)[1] - 1, -1100) * np.sign(rho)
    for group in np.unique(octave):
        inside = np.flatnonzero(octave == group)
        if rho.size <= _MOST_INTEGRALS or inside.size <= _DEGREE + 1:
            pairs[inside] = [_integral(first, second, float(place)) for place in rho[inside]]
        else:
            pairs[inside] = _interpolated(first, second, float(np.sign(rho[inside[0]])), angle[inside])
    return pairs[:, 0], pairs[:, 1]


def _interpolated(first: Activation, second: Activation, sign: float, angle: Array) -> Array:
    """Rows (κ, error) for angles of one octave [a, 2a]."""
    middle = 1.5 * 2.0 ** (math.frexp(angle[0])[1] - 1)
    # Chebyshev points of the first kind, on which the polynomials T_j are orthogonal.
    nodes = np.cos(math.pi * (np.arange(_DEGREE + 1) + 0.5) / (_DEGREE + 1))
    half = middle / 3
    pairs = np.array([_integral(first, second, sign * math.cos(middle + half * node)) for node in nodes])
    series = np.linalg.solve(np.polynomial.chebyshev.chebvander(nodes, _DEGREE), pairs[:, 0])
    value = np.polynomial.chebyshev.chebval((angle - middle) / half, series)
    error = float(np.max(pairs[:, 1])) + 2 * float(np.max(np.abs(series[-2:])))
    return np.stack([value, np.full(angle.size, error)], axis=1)


@lru_cache(maxsize=4096)
def _integral(first: Activation, second: Activation, rho: float) -> tuple[float, float]:
    scale = math.sqrt((1 - rho) * (1 + rho))
    if scale == 0 and (_singular(first) or _singular(second)):
        if first.expression is not None and second.expression is not None:
            return _polarised(first, second, rho)
        if _singular(second):
            # Of a callable there are no singular points: nodes are those around the other function's.
            first, second = second, first

    def smoothed(g: Array) -> Array:
        return finite_values(second, rho * g) if scale == 0 else _smoothed(second, rho * g, scale)

    # Where the argument of σ* passes a kink or singular point, S bends within ±√(1 − ρ²).
    bends = {float(place) / rho for place in (*second.kinks, *_singular(second))}
    kinks = {float(kink) for kink in first.kinks} | bends
    plan = resolve(lambda g: finite_values(first, g) * smoothed(g), sorted(kinks), local=_outer_nodes(first, bends, scale))
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"kernel of {first} and {second} at ρ = {rho:.6g}: {plan.caveat}"), stacklevel=6)
    table = node_table(plan, 0)
    x, density = table.x, np.square(table.root)
    f = function_values(first, plan, x)
    inner = smoothed(x)
    y = f * inner
    off = np.zeros(x.size)
    off[: NODES * plan.off.size] = np.repeat(plan.off, NODES)
    rounding = 8 * np.abs(y)
    if scale > 0:
        # A rounded argument m of S, against places of σ*, costs |m S′(m)|; S varies on no shorter scale than √(1 − ρ²).
        step = _SLOPE * scale
        rounding += 2 * np.abs(f * x * (smoothed(x + step) - inner)) / step
    return float(density @ y), float(density @ off) + EPS * float(density @ rounding)


def _singular(sigma: Activation) -> tuple[float, ...]:
    return tuple(nodes.centre for nodes in panels(sigma).local)


def _polarised(first: Activation, second: Activation, sign: float) -> tuple[float, float]:
    r"""κ(±1) = E σ(g) σ*(±g), where the product of two expansions would have to be summed, as a difference of two norms:
    :math:`4ab\,\mathbb E\sigma\sigma^*=\mathbb E(a\sigma+b\sigma^*)^2-\mathbb E(a\sigma-b\sigma^*)^2`,
    a and b near the inverses of the norms.
    """
    u, v = first.expression, second.expression
    assert u is not None
    assert v is not None
    if sign < 0:
        v = v if second.parity == "even" else -v if second.parity == "odd" else v.xreplace({X: -X})
    a, b = (sympy.Integer(2) ** -(math.frexp(quadrature(sigma, 0).norm2)[1] // 2) for sigma in (first, second))
    value = error = 0.0
    for part, of in ((a * u + b * v, 1), (a * u - b * v, -1)):
        if part != 0:
            norm = quadrature(part, 0)
            value += of * norm.norm2
            error += norm.norm2_error
    return value / float(4 * a * b), error / float(4 * a * b)


def _outer_nodes(sigma: Activation, bends: set[float], scale: float) -> tuple[LocalNodes, ...]:
    """Nodes around the singular points of σ, evenly spread in log t: S is smooth on the scale of t as far as half the way to where it
    bends, and everywhere on the scale √(1 − ρ²)."""
    if not _singular(sigma):
        return ()
    near = {bend for bend in bends for centre in _singular(sigma) if abs(bend - centre) <= scale}
    return local_nodes(sigma.expression, 0.5, tuple(sorted(bends - near)))


def _smoothed(sigma: Activation, mean: Array, scale: float) -> Array:
    """E σ(m + s h) for every m in ``mean``, s < 1."""
    # Nodes around singular points are evenly spread in the logarithm of the distance t, where φ((t − m)/s) is smooth for t ≤ s.
    plan = panels(sigma, 1.0, min(0.5, 2.0 ** math.floor(math.log2(scale))))
    # Panels in h no longer than unit ones of σ: of its edges only the others, kinks and what was bisected, cut them further. On 4 units
    # φ is a polynomial of degree 24 to rounding, e^{-2u²} having the Chebyshev coefficients 2e^{-1}I_j(1), of degree 2j.
    cuts = plan.edges[plan.edges != np.round(plan.edges)]
    cuts = np.union1d(cuts, [float(kink) for kink in sigma.kinks])
    length = min(4.0, max(1.0, math.floor(1 / scale)))
    grid = np.linspace(-plan.half_width, plan.half_width, math.ceil(2 * plan.half_width / length) + 1)
    flat = mean.ravel()
    smoothed = np.empty(flat.size)
    # In order, a block of means has few cuts within reach.
    order = np.argsort(flat)
    for start in range(0, flat.size, _ROWS):
        block = order[start : start + _ROWS]
        m = flat[block, None]
        reached = cuts[(cuts > m[0] - plan.half_width * scale) & (cuts < m[-1] + plan.half_width * scale)]
        edges = np.concatenate([np.broadcast_to(grid, (m.size, grid.size)), np.clip((reached - m) / scale, grid[0], grid[-1])], axis=1)
        h, root = nodes_and_roots(np.sort(edges, axis=1))
        values, _, root = affine_values(sigma, plan.local, m, np.full_like(m, scale), h, root)
        smoothed[block] = np.sum(np.square(root) * values, axis=1)
    return smoothed.reshape(mean.shape)
