r"""Neurons by type, and the head's Hermite coefficients given the types of neuron and context.

After one gradient step neuron j has the row :math:`\hat f_j\approx f_j+a_j\frac\eta m(c_1\hat g+c_2\,\mathbb E[yhh^\top]f_j+\nu_j)`,
:math:`a_j\sim\mathcal N(0,1)`. The step's share of its pre-activation, and the entries of :math:`f_j` where coordinates of h are large,
are *types*: given them and the context, :math:`z=\mu+\rho g` and

.. math:: \sigma(z)\simeq a_0+\frac{a_1}\rho(z-\mu)+a_*\zeta,\qquad a_k=\mathbb E[\sigma(\mu+\rho g)\mathrm{He}_k(g)],\quad
    a_*^2=\mathbb E\,\sigma(\mu+\rho g)^2-a_0^2-a_1^2 .
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.feature_law.head import affine_moments

Array = NDArray[np.float64]

#: Gauss-Hermite nodes for the first, second, … type.
MOST = 14
_NODES = (MOST, 7, 5)
#: Spacings of the table in the mean, in units of twice the smallest standard deviation about 0, and in the logarithm of the standard
#: deviation; the multiples of this that the means reach; fewest nodes in either, and most; and degree of its splines.
_MEAN, _SCALE, _REACH, _FEWEST, _MOST, _DEGREE = 0.05, 0.05, 0.25, 12, (161, 32), 5
#: Singular values of a coefficient, as a matrix between types, which are kept relative to the largest. Their squares, relative to the
#: share of the noise, are what is lost.
_KEPT = 1e-3


@dataclass(frozen=True, eq=False)
class NeuronTypes:
    r"""Gauss nodes for the types of a neuron.

    Attributes
    ----------
    step : (S,) array
        a, the entry of the read-out at the start, times √m.
    entries : (S, L) array
        Entries of the first layer in their standard deviations.
    shares : (S,) array
        Probabilities.
    """

    step: Array
    entries: Array
    shares: Array

    @classmethod
    def of(cls, *, step: int, entries: int) -> NeuronTypes:
        """``step`` nodes of a step's share, and those for ``entries`` entries: a step that tends to 0 has the node 0.

        >>> types = NeuronTypes.of(step=14, entries=1)
        >>> types.step.shape, round(float(types.shares @ (types.step * types.entries[:, 0]) ** 2), 12)
        ((98,), 1.0)
        """
        counts = (step, *_NODES[1 : 1 + entries]) if step else _NODES[:entries]
        rules = [np.polynomial.hermite_e.hermegauss(count) for count in counts]
        grid = list(itertools.product(*(zip(x, w / w.sum(), strict=True) for x, w in rules)))
        points = np.array([[x for x, _ in node] for node in grid]).reshape(len(grid), len(rules))
        shares = np.array([math.prod(w for _, w in node) for node in grid])
        return cls(points[:, 0] if step else np.zeros(len(points)), points[:, bool(step) :], shares)


def conditional_moments(head: Any, means: Array, scales: Array) -> tuple[Array, Array, Array, Array]:
    r""":math:`a_0,a_1,a_2,a_*^2` for many means and standard deviations, from a table and quintic splines.

    The functions are analytic in both: the table is in :math:`\operatorname{arsinh}\mu` and :math:`\log\rho`.

    Examples
    --------
    >>> mean, scale = np.linspace(-2, 2, 5), np.linspace(0.8, 1.2, 5)
    >>> a0, a1, a2, rest = conditional_moments("square", mean, scale)
    >>> bool(np.abs(a0 - mean**2 - scale**2).max() < 1e-7), bool(np.abs(a1 - 2 * mean * scale).max() < 1e-7)
    (True, True)
    """
    logs = np.log(scales)
    first, last = math.floor(logs.min() / _SCALE), math.ceil(logs.max() / _SCALE)
    units = np.arcsinh(means / (2 * math.exp(first * _SCALE)))
    reach = max(math.ceil(float(np.abs(units).max()) / _REACH), 1)
    table = _table(head, first, max(last, first + _FEWEST - 1), reach)
    a0, a1, a2, square = np.moveaxis(table(np.stack([units, logs], axis=-1)), -1, 0)
    return a0, a1, a2, np.maximum(square - a0**2 - a1**2, 0.0)


@lru_cache(maxsize=64)
def _table(head: Any, first: int, last: int, reach: int) -> Any:
    r"""Splines of :math:`a_0,a_1,a_2,\mathbb E\sigma^2` in :math:`\operatorname{arsinh}(\mu/2\rho_0)` and :math:`\log\rho`, up to multiples
    of the spacings: points of other n, m or η have the same table, or one of few."""
    from scipy.interpolate import NdBSpline, make_interp_spline

    edge = reach * _REACH
    x = np.linspace(-edge, edge, min(max(_FEWEST, math.ceil(2 * edge / _MEAN) + 1), _MOST[0]))
    s = _SCALE * np.linspace(first, last, min(last - first + 1, _MOST[1]))
    X, S = (grid.ravel() for grid in np.meshgrid(2 * math.exp(s[0]) * np.sinh(x), np.exp(s), indexing="ij"))
    values = affine_moments(head, S, shifts=X).T.reshape(x.size, s.size, -1)
    means = make_interp_spline(x, values, _DEGREE)
    both = make_interp_spline(s, means.c.swapaxes(0, 1), _DEGREE)
    return NdBSpline((means.t, both.t), both.c.swapaxes(0, 1), (_DEGREE, _DEGREE))


def factors(values: Array, shares: Array, weights: Array) -> tuple[Array, Array]:
    r"""Functions of the neuron and of the context with :math:`\sum_pu_p(s)v_p(\theta)` = ``values``, as few as describe it.

    >>> u, v = factors(np.outer([1.0, 2.0], [3.0, 4.0, 5.0]), np.full(2, 0.5), np.full(3, 1 / 3))
    >>> u.shape, np.allclose(u @ v.T, np.outer([1, 2], [3, 4, 5]))
    ((2, 1), True)
    """
    root = np.sqrt(shares)[:, None]
    left, size, _ = np.linalg.svd(root * values * np.sqrt(weights), full_matrices=False)
    kept = left[:, size > _KEPT * size[0]] if size[0] > 0 else left[:, :1]
    # Orthonormal in the shares, so that the other factor is a projection, for contexts of weight zero too.
    return kept / root, (root * values).T @ kept
