r"""The coefficients in double precision: composite Gauss-Legendre panels, all degrees in one pass.

The line is cut at the declared kinks and then bisected until the function is, on every panel, a polynomial of degree n − 1 to
rounding; the coefficients are then one product of a cached matrix :math:`w_j\phi(x_j)\mathrm{He}_k(x_j)/\sqrt{k!}` with the
values :math:`\sigma(x_j)`.

The error of a coefficient is *estimated*, not bounded: the unresolved end of every panel's Legendre series, weighted by
:math:`|\mathrm{He}_k|/\sqrt{k!}\,\phi\le 1.0866\,e^{-x^2/4}/\sqrt{2\pi}` (Cramér), plus rounding. No finite sample of a function
excludes a feature between the samples: :attr:`QuadratureEstimate.resolution` says how narrow one would have to be.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from hermite_eq.activations import activation
from hermite_eq.arguments import array, function, outcome
from hermite_eq.errors import HypothesisWarning
from hermite_eq.expansion.asymptotics import far_norm2, not_square_integrable
from hermite_eq.expansion.node_table import double_degree, function_values, node_table, slowly_decaying, vanishing
from hermite_eq.expansion.panels import NODES, Array, finite_values, nodes_and_roots, panels, resolve

#: Relative step of a difference quotient: beyond it rounding, below it curvature, spoils one digit in eight.
_STEP = 2.0**-27
#: Rounding of one term of a sum, relative to ε. Some twenty roundings enter it, each of at most ε/2 and of either sign: seven in the root
#: of w φ, which enters twice, and those of σ, of h_k and of the products. Their root mean square is below √(20/12) ε = 1.3 ε, of which 6 ε
#: are 4.6 where a single term makes up the sum, and 4.6 √n where n equal terms do. Nothing of this grows with x: what rounding takes from
#: the nodes, (3/4) x² ε of φ, is put back (:func:`placed_nodes_and_roots`).
_ROUNDING = 6


@dataclass(frozen=True, eq=False)
class QuadratureEstimate:
    r"""Numbers from panel quadrature with the *estimated* sizes of their errors (not bounds; for bounds see Enclosure).

    Attributes
    ----------
    values : ndarray, shape (degree + 1,)
        :math:`c_k/\sqrt{k!}`.
    errors : ndarray, shape (degree + 1,)
        Estimated absolute errors of ``values``.
    norm2, norm2_error : float
        :math:`\mathbb E\,\sigma(g)^2` and its estimated error.
    trusted : bool
        False when the bisection ran out of panels with something still unresolved: then ``caveat`` says where.
    resolution : float
        Largest distance, for ``|x| ≤ 6``, between neighbouring points at which the function was looked at. Features narrower than
        this may have been missed, whatever ``errors`` says.
    caveat : str
        What the errors do not cover.
    """

    values: Array
    errors: Array
    norm2: float
    norm2_error: float
    trusted: bool
    resolution: float
    caveat: str


def quadrature(sigma: Any, degree: int) -> QuadratureEstimate:
    r"""All :math:`c_k/\sqrt{k!}`, k ≤ ``degree``, and :math:`\mathbb E\,\sigma(g)^2`, in double precision with estimated errors.

    Warns
    -----
    HypothesisWarning
        When something stayed unresolved (``trusted`` is False).

    Examples
    --------
    >>> estimate = quadrature("tanh", 3)
    >>> bool(np.all(estimate.errors < 1e-14)), estimate.trusted
    (True, True)
    """
    sigma = activation(sigma)
    degree = double_degree(degree)
    plan = panels(sigma)
    table = node_table(plan, degree)
    f = function_values(sigma, plan, table.x)
    g = f * table.root
    values = table.weighted @ g
    # Rounding: of every term, and of σ's argument, where a relative error of one costs x σ'(x), with a margin of two. The last is what
    # max(0, x − 7) loses near its kink.
    absolute = np.abs(f)
    with np.errstate(over="ignore"):
        rounding = _ROUNDING * absolute + 2 * np.abs(function_values(sigma, plan, table.x * (1 + _STEP)) - f) / _STEP
    panel_nodes = NODES * plan.off.size
    off = np.zeros(f.size)
    off[:panel_nodes] = np.repeat(plan.off, NODES)
    of_nodes = table.root * (plan.eps * rounding + off)
    errors = np.abs(table.weighted) @ of_nodes
    # Beyond the ends: what goes on falling as it does there leaves at most its last value times one unit of length.
    far_error = 0.0
    for last in (0, panel_nodes - 1):
        tail = absolute[last] * math.exp(-(table.x[last] ** 2) / 4) / (2 * math.pi) ** 0.25
        errors += tail * np.abs(table.values[:, last]) * math.exp(-(table.x[last] ** 2) / 4)
        far_error += tail**2
    # Where doubles underflow, something may be left.
    smallest = 0.0 if sigma.expression == 0 else float(np.finfo(float).smallest_subnormal)
    errors += smallest
    zero = vanishing(sigma, degree)
    values[zero] = 0.0
    errors[zero] = 0.0
    norm2 = float(g @ g)
    norm2_error = float(2 * np.abs(g) @ of_nodes + np.square(table.root * off).sum()) + smallest
    if slowly_decaying(sigma, plan):
        far, far_error = far_norm2(sigma.expression, plan.half_width)
        norm2 += far
    norm2_error += far_error
    if norm2_error >= norm2 > 0 and plan.trusted is False:
        place = float(table.x[np.argmax(absolute)])
        raise not_square_integrable(f"E σ² = {norm2:.2g} ± {norm2_error:.2g} for {sigma.name}, singular near x = {place:.3g}")
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"{sigma.name}: {plan.caveat}"), stacklevel=2)
    return QuadratureEstimate(values, errors, norm2, norm2_error, plan.trusted, plan.resolution, plan.caveat)


def remainders(sigma: Any, degree: int) -> Array:
    r""":math:`c_r^*` for r = 0 … ``degree``, as the norm of the remainder :math:`\sigma-\sum_{k\le r}(c_k/k!)\mathrm{He}_k`.

    The norm of the difference, not the difference of the norms: :math:`\mathbb E\sigma^2-\sum c_k^2/k!` loses all digits of a
    small :math:`c_r^*` (error √ε), the norm of the remainder only those below ε.

    >>> remainders("hermite2", 2).round(12)
    array([1.41421356, 1.41421356, 0.        ])
    """
    sigma = activation(sigma)
    degree = double_degree(degree)
    c = quadrature(sigma, degree).values
    plan = panels(sigma)
    table = node_table(plan, degree)
    remainder = function_values(sigma, plan, table.x)
    far = far_norm2(sigma.expression, plan.half_width)[0] if slowly_decaying(sigma, plan) else 0.0
    norms = np.empty(degree + 1)
    for r in range(degree + 1):
        remainder = remainder - c[r] * table.values[r]
        norms[r] = math.sqrt(float(np.square(table.root * remainder).sum()) + far)
    return norms


def gaussian_mean(f: Callable[[Array], Any], kinks: Sequence[float] = ()) -> float:
    r""":math:`\mathbb E f(g)`, g ~ N(0, 1), for a vectorised real function, in double precision.

    Parameters
    ----------
    f : callable
        Values of an array of shape (N,), as one of shape (N,).
    kinks : sequence of float
        Where f or a derivative jumps; undeclared ones are closed in upon by bisection, which costs time, not accuracy.

    Warns
    -----
    HypothesisWarning
        When f could not be resolved.

    Examples
    --------
    >>> round(gaussian_mean(lambda x: x**4), 12)
    3.0
    """
    function(f, "f")
    plan = resolve(lambda x: outcome(f, "f", x), array(kinks, "kinks", dimensions=1, empty=True).tolist())
    if not plan.trusted:
        warnings.warn(HypothesisWarning(f"Gaussian mean: {plan.caveat}"), stacklevel=2)
    x, root = nodes_and_roots(plan.edges)
    return float(root @ (root * finite_values(f, x)))
