"""Coefficients and second moments of σ(m + s g), for many means m and standard deviations s at once."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import array, broadcast
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.node_table import affine_values, double_degree, slowly_decaying, sqrt_factorial, vanishing
from hermite_eq.expansion.panels import HALF_WIDTHS, Array, nodes_and_roots, panels
from hermite_eq.hermite import orthonormal_values

#: Panels are as many as the widest argument is long, some 28 for a unit, and take 10 KB each while they are looked at: 1 GB.
_WIDEST = 1e3
#: Pairs (s, m) at a time: their tables, of some 600 nodes a row, are in the cache.
_ROWS = 32


def _affine_nodes(sigma: Activation, scales: ArrayLike, shifts: ArrayLike) -> Iterator[tuple[Array, Array, Array]]:
    """Values of σ(m + s g) times the root of w φ, nodes g and those roots, a row for every pair (s, m), :data:`_ROWS` at a time."""
    s, m = broadcast("scales and shifts", array(scales, "scales", finite=False), array(shifts, "shifts", nan=True))
    if s.ndim != 1 or not np.all((s > 0) & (s < math.inf)):
        raise HypothesisError(
            "scales are positive numbers in one dimension", f"scales of shape {s.shape}: {s!r}", "pass scales=[0.5, 1.0], say"
        )
    if not np.isfinite(m).all():
        raise HypothesisError("shifts are finite numbers", f"shifts={m!r}", "pass shifts=[-1.0, 0.0], say")
    largest = float(np.max(s + np.abs(m) / HALF_WIDTHS[0], initial=1.0))
    if not largest <= _WIDEST:
        raise HypothesisError("the argument of σ is of moderate size", f"{largest:.3g} standard deviations", f"pass at most {_WIDEST:g}")
    plan = panels(sigma, 2.0 ** (math.ceil(2 * math.log2(largest)) / 2))
    if slowly_decaying(sigma, plan):
        raise HypothesisError(
            f"σ falls off against exp(−x²/4) within {plan.half_width} standard deviations of its argument",
            f"{sigma.name} for arguments of standard deviation {largest:.3g}",
            f"use {'smaller scales, or ' if largest > 1 else ''}a function that grows more slowly",
        )
    end = float(plan.half_width)
    # Panels of the argument s·g may be longer than 2 in g, on which φ He_k would not be resolved.
    grid = np.linspace(-end, end, 2 * plan.half_width + 1 if np.min(s, initial=1.0) < 0.5 else 0)
    for start in range(0, max(s.size, 1), _ROWS):
        scale, shift = s[start : start + _ROWS, None], m[start : start + _ROWS, None]
        edges = np.clip((plan.edges - shift) / scale, -end, end)
        edges = np.sort(np.concatenate([edges, np.broadcast_to(grid, (len(edges), grid.size))], axis=1), axis=1)
        x, root = nodes_and_roots(edges)
        f, x, root = affine_values(sigma, plan.local, shift, scale, x, root)
        yield f * root, x, root


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
    return scaled_moments(sigma, scales, degree, shifts=shifts)[0]


def scaled_norm2(sigma: Any, scales: ArrayLike, *, shifts: ArrayLike = 0.0, degree: int = 0) -> Array:
    r""":math:`\mathbb E[\sigma(m+sg)^2\,\mathrm{He}_k(g)]`, k = ``degree``, for every s in ``scales`` and m in ``shifts``, in double
    precision; of degree 0 it is :math:`\mathbb E\,\sigma^2`.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    scales, shifts : array_like
        s and m, broadcast against each other.
    degree : int

    Examples
    --------
    >>> scaled_norm2("relu", [1.0, 2.0])
    array([0.5, 2. ])
    >>> scaled_norm2("relu", [1.0, 2.0], degree=2)          # E g²(g² − 1)/2 over g > 0
    array([1., 4.])
    """
    return scaled_moments(sigma, scales, 0, shifts=shifts, squared=degree)[1]


def scaled_moments(sigma: Any, scales: ArrayLike, degree: int, *, shifts: ArrayLike = 0.0, squared: int = 0) -> tuple[Array, Array]:
    """:func:`scaled_coefficients`, and :func:`scaled_norm2` of degree ``squared``, from the same values of σ.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    scales, shifts : array_like
        s and m.
    degree : int
        Of the coefficients, 0 … ``degree``.
    squared : int

    Examples
    --------
    >>> c, norm2 = scaled_moments("square", [1.0, 2.0], 2)
    >>> norm2
    array([ 3., 48.])
    """
    sigma, degree, squared = activation(sigma), double_degree(degree), double_degree(squared)
    parts = []
    for f, x, root in _affine_nodes(sigma, scales, shifts):
        he, square = orthonormal_values(x, max(degree, squared)), np.square(f)
        norm2 = np.sum(square * he[squared] * sqrt_factorial(squared) if squared else square, axis=1)
        parts.append((np.einsum("ksj,sj->sk", he[: degree + 1], f * root), norm2))
    c, norms = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    if not np.any(shifts):
        c[:, vanishing(sigma, degree)] = 0.0
    return c * [sqrt_factorial(k) for k in range(degree + 1)], norms


def scaled_powers(sigma: Any, scales: ArrayLike, *, shifts: ArrayLike = 0.0) -> Array:
    r"""The means of σ, σg, σ², :math:`\sigma^2(g^2-1)` and :math:`\sigma^4` at :math:`m+sg`, for every s in ``scales`` and m in
    ``shifts``, in double precision: shape (5, S).

    >>> scaled_powers("relu", [1.0]).ravel()[1:]
    array([0.5, 0.5, 1. , 1.5])
    """
    sums = []
    for f, x, root in _affine_nodes(activation(sigma), scales, shifts):
        square, values = np.square(f), np.divide(f, root, out=np.zeros_like(f), where=root > 0)
        sums.append([np.sum(piece, axis=1) for piece in (f * root, f * root * x, square, square * (x**2 - 1), square * values**2)])
    return np.concatenate([np.array(piece) for piece in sums], axis=1)
