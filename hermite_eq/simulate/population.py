r"""Exact expectations over contexts at finite d, from the representation which the sampler draws from.

With :math:`A=\sum_{i\le\ell}y_ig_i`, :math:`N=\sum_{i\le\ell}y_i^2` and :math:`w\perp u` (see
:mod:`hermite_eq.simulate.sampler`),

.. math:: b=\Bigl[\tfrac d\ell\bigl(\tfrac{A}{\sqrt d}u+\sqrt N\,w\bigr);\ \tfrac N\ell\Bigr],\qquad
    \mathbb E[ww^\top]=\tfrac1d(I-uu^\top),

and the pairs :math:`(y_i,g_i)` are independent, so that every second moment of b needs only six
one-dimensional expectations over :math:`g\sim\mathcal N(0,1)` at :math:`y=\sigma_*(sg)+\epsilon`.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import gammaln

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Task

Array = NDArray[np.float64]
#: Largest relative disagreement of two quadratures of different range and step. It shifts the standard
#: deviation of the pre-activations by half as much, far below any Monte Carlo error here; analytic and
#: correctly kinked targets agree to rounding.
QUADRATURE_TOLERANCE = 1e-4


@dataclass(frozen=True, eq=False)
class LabelMoments:
    r"""Moments of a label at :math:`s=\|\xi\|/\sqrt d`, one entry for each s: :math:`\mathbb E[y]`,
    :math:`\mathbb E[yg]`, :math:`\mathbb E[y^2]`, :math:`\mathbb E[y^2g^2]`, :math:`\mathbb E[y^3g]`,
    :math:`\mathbb E[y^4]`."""

    y: Array
    yg: Array
    y2: Array
    y2g2: Array
    y3g: Array
    y4: Array


@dataclass(frozen=True, eq=False)
class ContextMoments:
    r"""Moments of the sums A and N of ℓ labels: :math:`\mathbb E[A^2]`, :math:`\mathbb E[AN]`, :math:`\mathbb E[N]`,
    :math:`\mathbb E[N^2]`."""

    aa: Array
    an: Array
    n: Array
    nn: Array


def _panels(edges: Array, order: int) -> tuple[Array, Array]:
    """Gauss-Legendre nodes and weights on consecutive panels along the last axis of ``edges``."""
    node, weight = np.polynomial.legendre.leggauss(order)
    half = np.diff(edges) / 2
    middle = (edges[..., 1:] + edges[..., :-1]) / 2
    x = middle[..., None] + half[..., None] * node
    w = half[..., None] * weight
    return x.reshape(*edges.shape[:-1], -1), w.reshape(*edges.shape[:-1], -1)


def label_moments(task: Task, s: Array, *, reach: float = 16.0, order: int = 20) -> LabelMoments:
    r"""Moments of :math:`y=\sigma_*(sg)+\epsilon` for every s; panels split at the kinks a/s."""
    s = np.atleast_1d(np.asarray(s, dtype=float))
    grid = np.linspace(-reach, reach, 1 + 2 * math.ceil(reach))
    kinks = np.array([float(a) for a in task.target.kinks])
    edges = np.concatenate(
        [np.broadcast_to(grid, (len(s), len(grid))), np.clip(kinks / s[:, None], -reach, reach)], axis=1
    )
    g, weight = _panels(np.sort(edges, axis=1), order)
    weight *= np.exp(-g * g / 2) / math.sqrt(2 * math.pi)
    # An overflow becomes an infinite moment, which the callers refuse.
    with np.errstate(over="ignore", invalid="ignore"):
        f = np.asarray(task.target(s[:, None] * g), dtype=float)
        rho = task.noise

        def mean(values: Array) -> Array:
            return np.einsum("ij,ij->i", weight, values)

        # ε is independent of g, symmetric, with E ε² = ρ and E ε⁴ = 3ρ².
        f2 = mean(f * f)
        fg = mean(f * g)
        return LabelMoments(
            y=mean(f),
            yg=fg,
            y2=f2 + rho,
            y2g2=mean((f * g) ** 2) + rho,
            y3g=mean(f**3 * g) + 3 * rho * fg,
            y4=mean(f**4) + 6 * rho * f2 + 3 * rho**2,
        )


def context_moments(moments: LabelMoments, context: int) -> ContextMoments:
    """Moments of sums of ``context`` independent pairs: ℓ equal pairs of indices, ℓ(ℓ − 1) different ones."""
    same, different = context, context * (context - 1)
    return ContextMoments(
        aa=same * moments.y2g2 + different * moments.yg**2,
        an=same * moments.y3g + different * moments.yg * moments.y2,
        n=same * moments.y2,
        nn=same * moments.y4 + different * moments.y2**2,
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


def mean_square_b(moments: LabelMoments, d: int, context: int) -> Array:
    r""":math:`\mathbb E[\|b\|^2\mid\xi]=(d\,\mathbb E A^2+d(d-1)\,\mathbb E N+\mathbb E N^2)/\ell^2`."""
    sums = context_moments(moments, context)
    return (d * (sums.aa + (d - 1) * sums.n) + sums.nn) / context**2


@functools.lru_cache(maxsize=256)
def covariance_trace(task: Task, d: int, context: int) -> float:
    r""":math:`t=\operatorname{tr}\operatorname{Cov}(h)=\mathbb E\|x_{\ell+1}\|^2\,\mathbb E\|b\|^2=\mathbb E\|b\|^2` over fresh tasks.

    :math:`\mathbb E[h]=0` because the query has mean zero and is independent of b given the task;
    :math:`\mathbb E\|x_{\ell+1}\|^2=1`.

    Raises
    ------
    HypothesisError
        If quadratures of different range and step disagree: :math:`\mathbb E y^4` is infinite or not
        resolved.

    Examples
    --------
    For the identity without noise :math:`\mathbb E\|b_1\|^2=\frac d\ell\,\mathbb E[s^2]\,(d+\ell+1)` and
    :math:`\mathbb E\,b_2^2=(1+\frac2\ell)\,\mathbb E[s^4]`, with :math:`\mathbb E[s^2]=1` and :math:`\mathbb E[s^4]=1+2/d`:

    >>> from hermite_eq import Task
    >>> d, l = 10, 20
    >>> exact = d / l * (d + l + 1) + (1 + 2 / l) * (1 + 2 / d)
    >>> abs(covariance_trace(Task("identity"), d, l) - exact) < 1e-12
    True
    """
    values = []
    for reach, norm_reach, order in ((16.0, 9.0, 20), (20.0, 12.0, 23)):
        s, weight = task_norms(d, reach=norm_reach)
        with np.errstate(over="ignore", invalid="ignore"):
            values.append(
                float(weight @ mean_square_b(label_moments(task, s, reach=reach, order=order), d, context))
            )
    coarse, fine = values
    if not abs(coarse - fine) <= QUADRATURE_TOLERANCE * abs(fine):
        raise HypothesisError(
            "the target has a finite fourth moment E σ*(ξᵀx)⁴ at this d, and declares its kinks",
            f"tr Cov(h) = {coarse:g} and {fine:g} by two quadratures for the {task}, d={d}",
            "use a Lipschitz target (its kinks declared), or a larger d",
        )
    if fine == 0.0:
        raise HypothesisError(
            "tr Cov(h) > 0", f"the {task}, whose labels are all zero", "use a target that is not zero"
        )
    return fine


def linear_error(
    weights: Array, intercepts: Array, moments: LabelMoments, context: int, directions: Array | None = None
) -> Array:
    r"""Exact :math:`\mathbb E[(y-\langle\Gamma,H_Z\rangle-c)^2\mid\xi]` for every entry of ``moments`` and
    every Γ.

    With :math:`\Gamma=[\Gamma_1\,|\,\gamma]` and the moments above,

    .. math:: \mathbb E y^2-2\Bigl(a^2\,u^\top\Gamma_1u+\tfrac{a v}{\sqrt d}\,u^\top\gamma\Bigr)-2c\,\mathbb E y+c^2
        +\tfrac1{\ell^2}\Bigl(\mathbb E[A^2]\,\|\Gamma_1u\|^2+\mathbb E[N]\,(\|\Gamma_1\|^2-\|\Gamma_1u\|^2)
        +\tfrac2{\sqrt d}\mathbb E[AN]\,\gamma^\top\Gamma_1u+\tfrac1d\mathbb E[N^2]\,\|\gamma\|^2\Bigr),

    :math:`a=\mathbb E[yg]`, :math:`v=\mathbb E[y^2]`. Averages over a uniform direction u are
    :math:`u^\top\Gamma_1u\to\operatorname{tr}\Gamma_1/d`, :math:`\|\Gamma_1u\|^2\to\|\Gamma_1\|^2/d`, and the
    odd terms vanish.

    Parameters
    ----------
    weights : (d(d+1), q) array
        q vectors vec Γ, row-major.
    intercepts : (q,) array
    moments : LabelMoments
        With p entries.
    context : int
    directions : (p, d) array or None
        The unit vector u of each entry; None averages over all directions.

    Returns
    -------
    (p, q) array
    """
    dimension, count = weights.shape
    d = math.isqrt(dimension)
    gamma = weights.reshape(d, d + 1, count)
    first, last = gamma[:, :d], gamma[:, d]
    square, last_square = np.einsum("ijq,ijq->q", first, first), np.einsum("iq,iq->q", last, last)
    if directions is None:
        quadratic, norm = np.einsum("iiq->q", first) / d, square / d
        through = mixed = np.zeros(1)
    else:
        image = np.einsum("ijq,pj->piq", first, directions)
        quadratic = np.einsum("pi,piq->pq", directions, image)
        norm = np.einsum("piq,piq->pq", image, image)
        through = directions @ last
        mixed = np.einsum("iq,piq->pq", last, image)
    sums = context_moments(moments, context)
    a, v = moments.yg[:, None], moments.y2[:, None]
    variance = (
        sums.aa[:, None] * norm
        + sums.n[:, None] * (square - norm)
        + 2 / math.sqrt(d) * sums.an[:, None] * mixed
        + sums.nn[:, None] * last_square / d
    ) / context**2
    signal = a**2 * quadratic + a * v / math.sqrt(d) * through
    return np.asarray(v - 2 * signal - 2 * intercepts * moments.y[:, None] + intercepts**2 + variance)
