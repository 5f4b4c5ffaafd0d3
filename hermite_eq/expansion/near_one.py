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

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisWarning
from hermite_eq.expansion.panels import EPS, NODES, Array, finite_values, nodes_and_weights, panels, resolve

#: Means m at which S is computed at a time, on some hundred nodes each.
_ROWS = 512
#: More correlations than this are interpolated, each octave of θ by a polynomial of degree 16: with the singularity at θ = 0 as far
#: away as the octave [a, 2a] is long, it is resolved to (3 + √8)^-17 = 1e-13.
_MOST_INTEGRALS, _DEGREE = 100, 16


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

    def product(g: Array) -> Array:
        smoothed = finite_values(second, rho * g) if scale == 0 else _smoothed(second, rho * g, scale)
        return finite_values(first, g) * smoothed

    # Where the argument of σ* passes a kink, S bends within ±√(1 − ρ²).
    kinks = {float(kink) for kink in first.kinks} | {float(kink) / rho for kink in second.kinks}
    plan = resolve(product, sorted(kinks))
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"kernel of {first} and {second} at ρ = {rho:.6g}: {plan.caveat}"), stacklevel=6)
    x, density = nodes_and_weights(plan.edges)
    y = product(x)
    return float(density @ y), float(density @ np.repeat(plan.off, NODES)) + 8 * EPS * float(density @ np.abs(y))


def _smoothed(sigma: Activation, mean: Array, scale: float) -> Array:
    """E σ(m + s h) for every m in ``mean``, s < 1."""
    plan = panels(sigma)
    # Unit panels in h are shorter than those of σ: of its edges only the others, kinks and what was bisected, cut them further.
    cuts = plan.edges[plan.edges != np.round(plan.edges)]
    cuts = np.union1d(cuts, [float(kink) for kink in sigma.kinks])
    grid = np.arange(-plan.half_width, plan.half_width + 1.0)
    flat, parts = mean.ravel(), []
    for start in range(0, flat.size, _ROWS):
        m = flat[start : start + _ROWS, None]
        edges = np.concatenate([np.broadcast_to(grid, (m.size, grid.size)), np.clip((cuts - m) / scale, grid[0], grid[-1])], axis=1)
        h, density = nodes_and_weights(np.sort(edges, axis=1))
        parts.append(np.einsum("ij,ij->i", density, finite_values(sigma, m + scale * h)))
    return np.concatenate(parts).reshape(mean.shape)
