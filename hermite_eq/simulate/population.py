r"""One-dimensional expectations over labels, and the law of a Gaussian task's norm, by quadrature."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import gammaln

from hermite_eq.expansion.argument_moments import check_powers, local_expansions
from hermite_eq.expansion.node_table import affine_values
from hermite_eq.models import Source, Task

Array = NDArray[np.float64]


#: Scales from which a target is resolved on panels of its own argument, and their edges.
_STEEP = 3.0
_TURNS = np.array([sign * 2.0**j for sign in (-1, 1) for j in range(-1, 6)])
#: Edges around a singular point, in radii of its nodes: as far as 2^12 times the least radius, a unit.
_RIMS = np.array([sign * 2.0**j for sign in (-1, 1) for j in range(13)])


@dataclass(frozen=True, eq=False)
class LabelMoments:
    r"""Moments of a label :math:`y=\sigma_*(m+sg)+\epsilon`, one entry for each s: :math:`\mathbb E[y]`, :math:`\mathbb E[yg]`,
    :math:`\mathbb E[y^2]`, :math:`\mathbb E[y^2g]`, :math:`\mathbb E[y^2g^2]`, :math:`\mathbb E[y^3]`, :math:`\mathbb E[y^3g]`,
    :math:`\mathbb E[y^4]`."""

    y: Array
    yg: Array
    y2: Array
    y2g: Array
    y2g2: Array
    y3: Array
    y3g: Array
    y4: Array


_legendre = cache(np.polynomial.legendre.leggauss)


def _panels(edges: Array, order: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on consecutive panels along the last axis of ``edges``."""
    node, weight = _legendre(order)
    half = np.diff(edges) / 2
    middle = (edges[..., 1:] + edges[..., :-1]) / 2
    x = middle[..., None] + half[..., None] * node
    w = half[..., None] * weight
    return x.reshape(*edges.shape[:-1], -1), w.reshape(*edges.shape[:-1], -1)


def label_moments(task: Task | Source, s: ArrayLike, shift: ArrayLike = 0.0, *, reach: float = 16.0, order: int = 20) -> LabelMoments:
    r"""Moments of :math:`y=\sigma_*(m+sg)+\epsilon` for every scale s > 0 and shift m; panels split at the kinks (a − m)/s.

    Where some s is large, so that σ* turns within a panel of g, panels are split at arguments of σ* of ±1/2, ±1, ±2, … too. Around
    singular points of σ* there are the nodes of its expansion, and panels whose lengths double from there.

    Raises
    ------
    HypothesisError
        If :math:`\mathbb E y^4` is not finite at a singular point of σ*.
    """
    s = np.atleast_1d(np.asarray(s, dtype=float))
    m = np.broadcast_to(np.asarray(shift, dtype=float), s.shape)
    grid = np.linspace(-reach, reach, 1 + 2 * math.ceil(reach))
    check_powers(task.target, 4)
    local = local_expansions(task.target)
    kinks = np.array([float(a) for a in task.target.kinks] + [nodes.centre + nodes.radius * turn for nodes in local for turn in _RIMS])
    if s.max() > _STEEP:
        kinks = np.concatenate([kinks, _TURNS])
    edges = np.concatenate([np.broadcast_to(grid, (len(s), len(grid))), np.clip((kinks - m[:, None]) / s[:, None], -reach, reach)], axis=1)
    g, weight = _panels(np.sort(edges, axis=1), order)
    weight *= np.exp(-g * g / 2) / math.sqrt(2 * math.pi)
    # An overflow becomes an infinite moment, which the callers refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        if local:
            f, g, root = affine_values(task.target, local, m[:, None], s[:, None], g, np.sqrt(weight))
            weight = root * root
        else:
            f = np.asarray(task.target(m[:, None] + s[:, None] * g), dtype=float)
        rho = task.noise

        def mean(values: Array) -> Array:
            return np.asarray(np.einsum("ij,ij->i", weight, values))

        # ε is independent of g, symmetric, with E ε² = ρ and E ε⁴ = 3ρ².
        f1, f2, fg, cube = mean(f), mean(f * f), mean(f * g), f**3
        return LabelMoments(
            y=f1,
            yg=fg,
            y2=f2 + rho,
            y2g=mean(f * f * g),
            y2g2=mean((f * g) ** 2) + rho,
            y3=mean(cube) + 3 * rho * f1,
            y3g=mean(cube * g) + 3 * rho * fg,
            y4=mean(f**4) + 6 * rho * f2 + 3 * rho**2,
        )


def task_norms(d: int, *, reach: float = 9.0, order: int = 20) -> tuple[Array, Array]:
    r"""Nodes s and weights for :math:`\mathbb E f(\|\xi\|/\sqrt d)`, :math:`\|\xi\|^2\sim\chi^2_d`.

    The density of :math:`r=\|\xi\|` is :math:`r^{d-1}e^{-r^2/2}/(2^{d/2-1}\Gamma(d/2))`, within 9 of √d but
    for 1e-30 of its mass.
    """
    low, high = max(0.0, math.sqrt(d) - reach), math.sqrt(d) + reach
    r, weight = _panels(np.linspace(low, high, 1 + math.ceil(high - low)), order)
    log_density = (d - 1) * np.log(r) - r * r / 2 - (d / 2 - 1) * math.log(2) - float(gammaln(d / 2))
    return r / math.sqrt(d), weight * np.exp(log_density)
