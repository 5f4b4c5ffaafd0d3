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
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.feature_law.head import affine_moments

Array = NDArray[np.float64]

#: Gauss-Hermite nodes for the first, second, … type.
_NODES = (14, 7, 5)
#: Nodes of the table in the mean and in the logarithm of the standard deviation, and degree of its splines.
_MEANS, _SCALES, _DEGREE = 161, 16, 5
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
    def of(cls, *, step: bool, entries: int) -> NeuronTypes:
        """Nodes for the types that are there.

        >>> types = NeuronTypes.of(step=True, entries=1)
        >>> types.step.shape, round(float(types.shares @ (types.step * types.entries[:, 0]) ** 2), 12)
        ((98,), 1.0)
        """
        rules = [np.polynomial.hermite_e.hermegauss(count) for count in _NODES[: step + entries]]
        grid = list(itertools.product(*(zip(x, w / w.sum(), strict=True) for x, w in rules)))
        points = np.array([[x for x, _ in node] for node in grid]).reshape(len(grid), len(rules))
        shares = np.array([math.prod(w for _, w in node) for node in grid])
        return cls(points[:, 0] if step else np.zeros(len(points)), points[:, int(step) :], shares)


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
    import scipy.interpolate

    low, high = float(scales.min()), float(scales.max())
    if high - low < 1e-3 * high:
        low, high = low * 0.999, high * 1.001
    edge = math.asinh(max(float(np.abs(means).max()), low) / (2 * low))
    x, s = np.linspace(-edge, edge, _MEANS), np.linspace(math.log(low), math.log(high), _SCALES)
    X, S = (grid.ravel() for grid in np.meshgrid(2 * low * np.sinh(x), np.exp(s), indexing="ij"))
    at = np.arcsinh(means / (2 * low)).ravel(), np.log(scales).ravel()

    def read(table: Array) -> Array:
        spline = scipy.interpolate.RectBivariateSpline(x, s, table.reshape(_MEANS, _SCALES), kx=_DEGREE, ky=_DEGREE, s=0)
        return np.asarray(spline.ev(*at)).reshape(means.shape)

    a0, a1, a2, square = (read(table) for table in affine_moments(head, S, shifts=X))
    return a0, a1, a2, np.maximum(square - a0**2 - a1**2, 0.0)


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
