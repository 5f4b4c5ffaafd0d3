r"""Kernels near |ρ| = 1, where the Hermite series of a function with kinks or jumps converges slowly: as a double integral

.. math:: \kappa(\rho)=\mathbb E\bigl[\sigma(g)\,S(\rho g)\bigr],\qquad S(m)=\mathbb E\,\sigma_*(m+s h),\quad s=\sqrt{1-\rho^2},

on panels on which both factors are polynomials of degree 23 to rounding. Within some s of an edge between panels of σ* its nodes y_j serve
for all means: :math:`S(\rho x)=\sum_jw_j\,\sigma_*(y_j)\,\varphi_\rho(x,y_j)/\varphi(x)`. Elsewhere, σ* being one polynomial as far as h
reaches, S is a Gauss-Hermite sum; at ρ = ±1 it is σ* itself, so that κ(1) = E σσ*. Many correlations at once are read off polynomials in
θ = arccos |ρ|, one for each octave: κ(cos θ) is smooth but at θ = 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import sympy

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.asymptotics import far_norm2
from hermite_eq.expansion.node_table import function_values, node_table, slowly_decaying
from hermite_eq.expansion.panels import EPS, NODES, Array, Panels, finite_values, panels
from hermite_eq.expansion.quadrature import quadrature
from hermite_eq.hermite import X

#: More correlations than this are interpolated, each octave of θ by a polynomial of degree 16: with the singularity at θ = 0 as far
#: away as the octave [a, 2a] is long, it is resolved to (3 + √8)^-17 = 1e-13.
_MOST_INTEGRALS, _DEGREE = 100, 16
#: On 4 s the density of s h is a polynomial of degree 24 to rounding, e^{-2u²} having the Chebyshev coefficients 2e^{-1}I_j(1), of degree
#: 2j; beyond 10 s its ratio to the root of a density of variance ≥ 1 is below 1e-17.
_LONGEST, _REACH = 4.0, 10.0
#: Parts 4 s long at either end of a panel: nodes y are needed within _REACH of means in the first _NEAR of them. Panels of fewer parts than
#: these are cut throughout.
_NEAR, _PARTS = 3, 6
#: Nodes x treated at a time; relative step of a difference quotient of S; what a kernel may lose beyond the ends of the panels.
_TOGETHER, _STEP, _NEGLIGIBLE = 64, 2.0**-27, 1e-12


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
    singular = [bool(panels(sigma).local) for sigma in (first, second)]
    far = [_far_norm(sigma, scale) for sigma in (first, second)]
    if scale == 0 and (any(singular) or any(far)):
        if first.expression is not None and second.expression is not None:
            return _polarised(first, second, rho)
        if singular[1]:
            # Of a callable there are no singular points: nodes are those around the other function's.
            first, second = second, first
    beyond = _beyond(first, second, rho, scale, far)
    # Nodes around singular points are evenly spread in the logarithm of the distance t, where φ((t − m)/s) is smooth for t ≤ s.
    left, right = (panels(sigma, 1.0, min(0.5, 2.0 ** math.floor(math.log2(scale))) if scale else 0.5) for sigma in (first, second))
    inner, interiors = _parts(right.edges, scale)
    outer, uncut = _parts(left.edges, scale)
    if uncut.size or interiors.size:
        outer = np.union1d(left.edges, np.clip(inner / rho, left.edges[0], left.edges[-1]))
    nodes = _on_panels(first, left, outer)
    apart = np.searchsorted(interiors, rho * nodes[0]) % 2 == 1
    value = error = 0.0
    if scale > 0:
        integral = _on_panels(second, right, inner)
        near = np.ones(integral[0].size, bool)
        near[: NODES * (inner.size - 1)] = np.repeat(np.diff(inner) < 2 * _LONGEST * scale, NODES)
        value, error = _double_sum([part[~apart] for part in nodes], [part[near] for part in integral], rho, scale)
    x, root, f, off = (part[apart] for part in nodes)
    m, density = rho * x, np.square(root)
    smoothed = _smoothed(second, m, scale)
    # A rounded argument costs |m S′(m)|.
    slopes = np.abs(_smoothed(second, m * (1 + _STEP), scale) - smoothed) / _STEP
    off_other = np.append(right.off, 0.0)[np.searchsorted(right.edges, m) - 1]
    error += float(density @ (np.abs(f) * (EPS * (8 * np.abs(smoothed) + 2 * slopes) + off_other) + off * np.abs(smoothed)))
    return value + float(density @ (f * smoothed)), error + beyond


def _far_norm(sigma: Activation, scale: float) -> float:
    """The square root of what E σ² has beyond the panels, or within reach of what is beyond; 0 where it is less than rounding."""
    plan = panels(sigma)
    return math.sqrt(far_norm2(sigma.expression, plan.half_width - _REACH * scale)[0]) if slowly_decaying(sigma, plan) else 0.0


def _beyond(first: Activation, second: Activation, rho: float, scale: float, far: list[float]) -> float:
    """A bound of the mass of a kernel where x or y is beyond T, the ends of the panels. The other is then beyond T − 10 s, and φ_ρ over
    the roots of both densities, as an operator there, has a norm below 2e^{−s²T²/(4(1 + ρ²))} by Schur's test
    (``derivations/coefficients/dual_kernels.py``).

    Raises
    ------
    HypothesisError
        Where it would show.
    """
    if not all(far):
        return 0.0
    size = math.sqrt(quadrature(first, 0).norm2 * quadrature(second, 0).norm2)
    largest, end = 4 * far[0] * far[1], min(panels(sigma).half_width for sigma in (first, second))
    bound = largest * math.exp(-((scale * end) ** 2) / (4 * (1 + rho**2)))
    if bound > _NEGLIGIBLE * size:
        # s² ≥ 8 log(largest/…)/T², where s reaches no farther than 1.
        largest = 4 * _far_norm(first, 1.0) * _far_norm(second, 1.0)
        most = math.floor(100 * math.sqrt(max(0.0, 1 - 8 * math.log(largest / (_NEGLIGIBLE * size)) / end**2))) / 100
        raise HypothesisError(
            f"a kernel has its mass at |x| < {end}, but at ρ = ±1", f"up to {bound / size:.2g} of it beyond at ρ = {rho:.6g}, where "
            f"{first} decays slowly against exp(−x²/4)", f"pass rho=1, or |rho| at most {most:g}",
        )  # fmt: skip
    return bound


def _parts(edges: Array, scale: float) -> tuple[Array, Array]:
    """Panels cut into parts of at most 4 s, at their ends or, short ones, throughout; and the interiors of the others, where s h reaches
    no end, as (left, right, left, …)."""
    length = _LONGEST * scale
    left, right = edges[:-1], edges[1:]
    long = right - left > 2 * (_PARTS + 1) * length
    steps = np.arange(_PARTS + 1) * length
    ends = np.concatenate([(left[long, None] + steps).ravel(), (right[long, None] - steps).ravel()])
    left, right, last = left[~long], right[~long], edges[-1:]
    count = np.ceil((right - left) / length).astype(int) if scale else np.ones(0, int)
    number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    within = np.repeat(left, count) + number * np.repeat((right - left) / count, count)
    starts, stops = edges[:-1][long] + steps[_NEAR], edges[1:][long] - steps[_NEAR]
    return np.unique(np.concatenate([ends, within, last])), np.stack([starts, stops], axis=1).ravel()


def _on_panels(sigma: Activation, plan: Panels, edges: Array) -> tuple[Array, Array, Array, Array]:
    """x, (w φ)^{1/2}, σ and what it is off: on panels no longer than those of its plan, and around its singular points."""
    table = node_table(replace(plan, edges=edges), 0)
    which = np.searchsorted(plan.edges, (edges[:-1] + edges[1:]) / 2) - 1
    off = np.zeros(table.x.size)
    off[: NODES * which.size] = np.repeat(plan.off[which], NODES)
    return table.x, table.root, function_values(sigma, plan, table.x), off


def _double_sum(left: Sequence[Array], right: Sequence[Array], rho: float, scale: float) -> tuple[float, float]:
    r"""Σ σ(x_i) σ*(y_j) φ_ρ(x_i, y_j) over nodes x, y of both functions, and its error.

    .. math:: \varphi_\rho(x,y)=\frac{\sqrt{\varphi(x)\varphi(y)}}{\sqrt{2\pi}\,s}
        \exp\Bigl(-\frac{1+\rho^2}{4s^2}(y-cx)^2-\frac{s^2x^2}{4(1+\rho^2)}\Bigr),\qquad c=\frac{2\rho}{1+\rho^2},\quad s^2=1-\rho^2.
    """
    (x, f, lost, size, moment), (y, g, lost_other, other_size, other_moment) = map(_weighted, (left, right))
    both = 1 + rho**2
    factor = np.exp(-np.square(scale * x) / (4 * both)) / (math.sqrt(2 * math.pi) * scale)
    rows, columns = np.stack([f, np.abs(f), lost]) * factor, np.stack([g, np.abs(g), lost_other], axis=1)
    total = np.zeros((3, 3))
    for start in range(0, x.size, _TOGETHER):
        centre = 2 * rho / both * x[start : start + _TOGETHER, None]
        near = slice(*np.searchsorted(y, [centre.min() - _REACH * scale, centre.max() + _REACH * scale]))
        density = np.exp(-both / (4 * scale**2) * np.square(y[near] - centre))
        total += rows[:, start : start + _TOGETHER] @ (density @ columns[near])
    # Rounding of every term; that of x and y, by ε each, against one another, by the inequality of Cauchy and Schwarz; and what the
    # functions are off.
    rounding = 8 * total[1, 1] + (moment * other_size + size * other_moment) / scale
    return float(total[0, 0]), float(EPS * rounding + total[1, 2] + total[2, 1] + total[2, 2])


def _weighted(nodes: Sequence[Array]) -> tuple[Any, ...]:
    """Nodes in increasing order; σ and what it is off, times w √φ; (E σ²)^{1/2} and (E x²σ²)^{1/2}."""
    order = np.argsort(nodes[0])
    x, root, f, off = (part[order] for part in nodes)
    weight = root * (root * np.exp(np.square(x) / 4) * (2 * math.pi) ** 0.25)
    return x, f * weight, off * weight, float(np.linalg.norm(root * f)), float(np.linalg.norm(root * x * f))


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


def _smoothed(sigma: Activation, mean: Array, scale: float) -> Array:
    """E σ(m + s h) where σ is a polynomial of degree 23 as far as s h reaches."""
    if scale == 0:
        return finite_values(sigma, mean)
    h, weights = np.polynomial.hermite_e.hermegauss(NODES)
    return finite_values(sigma, mean[:, None] + scale * h) @ (weights / math.sqrt(2 * math.pi))
