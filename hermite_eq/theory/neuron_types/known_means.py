"""Weights of drawn contexts with which the means that are known exactly are met."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.spectra.blocks import Side

Array = NDArray[np.float64]

#: Rounds of Newton's method, and how near, in standard deviations, means are to their exact values.
_ROUNDS, _MET = 60, 1e-10
#: Relative spread below which a function is constant.
_CONSTANT = 1e-6


def known_functions(both: tuple[Side, Side], x: Array, b: Array, label: Array, signal: Array) -> Array:
    """The energies of h in every kind of block, y², y⟨M, h⟩ for ``signal`` M, and 1."""
    squares_x, squares_b = (
        np.stack([(values[:, c] ** 2).sum(1) for c in side.classes], axis=1) for side, values in zip(both, (x, b), strict=True)
    )
    energies = (squares_x[:, :, None] * squares_b[:, None, :]).reshape(len(x), -1)
    return np.column_stack([energies, label**2, label * ((x @ signal) * b).sum(1), np.ones(len(x))])


def exact_means(both: tuple[Side, Side], inputs: Array, context: Array, square: float, signal: float) -> Array:
    """Those of :func:`known_functions`: x and b are independent of each other."""
    traces = [
        np.array([np.einsum("ai,ab,bi->", side.basis[:, c], m, side.basis[:, c], optimize=True) for c in side.classes])
        for side, m in zip(both, (inputs, context), strict=True)
    ]
    return np.concatenate([np.outer(*traces).ravel(), [square, signal, 1.0]])


def calibrated(known: Array, exact: Array) -> Array:
    r"""Weights :math:`\propto e^{\lambda^\top g}` with which the means of g = ``known`` are ``exact``; λ minimises a convex function.

    >>> g = np.column_stack([np.arange(10.0), np.ones(10)])
    >>> weights = calibrated(g, np.array([5.0, 1.0]))
    >>> bool(weights.min() > 0), weights @ g
    (True, array([5., 1.]))
    """
    spread = known.std(axis=0)
    varying = spread > _CONSTANT * np.abs(known).max(axis=0)
    g = (known[:, varying] - exact[varying]) / spread[varying]

    def tilted(lam: Array) -> tuple[float, Array]:
        exponent = g @ lam
        top = float(exponent.max())
        weights = np.exp(exponent - top)
        return top + math.log(weights.sum()), weights / weights.sum()

    lam = np.zeros(g.shape[1])
    value, weights = tilted(lam)
    for _ in range(_ROUNDS):
        slope = weights @ g
        if np.abs(slope).max(initial=0.0) < _MET:
            return weights
        centred = g - slope
        step = np.linalg.lstsq((centred * weights[:, None]).T @ centred, slope, rcond=None)[0]
        # Newton's step, halved until the convex function falls, but for rounding.
        for _ in range(_ROUNDS):
            next_value, next_weights = tilted(lam - step)
            if next_value <= value + 8 * np.finfo(float).eps * abs(value):
                break
            step = step / 2
        lam, value, weights = lam - step, next_value, next_weights
    raise HypothesisError("the nodes surround the exact means of the contexts", f"{len(known)} nodes", "raise the number of nodes")
