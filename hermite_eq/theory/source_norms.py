r"""How the norm of h varies within a source, and what it says about the label.

Given η (the target's argument is :math:`\eta^\top x`), with :math:`\omega^2=\eta^\top\Sigma\eta`, :math:`r=\Sigma\eta/\omega`,
:math:`x=gr+w_0`, :math:`\sum y_ix_i=Ar+\sqrt Y\,w`, :math:`A=\sum y_ig_i`, :math:`Y=\sum y_i^2`, w and :math:`w_0` independent
:math:`\mathcal N(0,\Sigma_w)`, :math:`\Sigma_w=\Sigma-rr^\top`:

.. math::
    \|b\|^2&=\tfrac{f^2}{\ell^2}\big(A^2\|r\|^2+2A\sqrt Y\,r^\top w+Y\|w\|^2\big)+\tfrac{Y^2}{\ell^2},\\
    \mathbb E[y\,x\|x\|^2]&=r\big(\mathbb E[yg]\operatorname{tr}\Sigma_w+\mathbb E[yg^3]\|r\|^2\big)+2\,\mathbb E[yg]\,\Sigma_wr,\\
    \mathbb E[b_1\|b\|^2]&=\tfrac{f^3}{\ell^3}\big(r(\mathbb E[A^3]\|r\|^2+\mathbb E[AY]\operatorname{tr}\Sigma_w)
        +2\,\mathbb E[AY]\,\Sigma_wr\big)+\tfrac f{\ell^3}\mathbb E[AY^2]\,r,

so that with moments of (A, Y) up to order four everything is exact given η, and is then averaged over tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.covariance.sources import Geometry, geometry, source_moments
from hermite_eq.expansion import scaled_coefficients
from hermite_eq.models import MixtureTask, Sphere
from hermite_eq.theory.context_law import pair_moments, sum_moments

Array = NDArray[np.float64]

#: Task vectors over which norms are averaged: these are corrections of order 1/d, wanted to some per cent.
_TASKS = 512
_SEED = 20251122
#: Scales ω at which the label's moments are computed, and between which they are interpolated.
_SCALES = 9


@dataclass(frozen=True)
class NormMoments:
    r"""Arguments of :class:`hermite_eq.theory.Population` for one source.

    Attributes
    ----------
    norm_variance : float
        Relative variance of :math:`\|h\|^2=\|x\|^2\|b\|^2`.
    mean_slope, square_slope, signal_slope : float
        Regression coefficients of y, :math:`y^2/\mathbb Ey^2` and :math:`(M^\top h)y/\|M\|^2` on :math:`\|h\|^2/\mathbb E\|h\|^2`.
    """

    norm_variance: float
    mean_slope: float
    square_slope: float
    signal_slope: float


def _directions(d: int) -> Array:
    """Standard normal vectors, evenly spread: fixed scrambled Sobol points through the normal quantile."""
    points = scipy.stats.qmc.Sobol(d, scramble=True, rng=np.random.default_rng(_SEED)).random(_TASKS)
    return np.asarray(scipy.special.ndtri(np.clip(points, 2.0**-40, 1 - 2.0**-40)))


def _interpolated(omega: Array, function: Callable[[float], Array]) -> Array:
    """A smooth function of ω, shape (…), at all ω: Chebyshev interpolation between the extremes."""
    low, high = float(omega.min()), float(omega.max())
    if high - low <= 1e-9 * high:
        value = function(low)
        return np.broadcast_to(value, (omega.size, *value.shape))
    nodes = (low + high) / 2 + (high - low) / 2 * np.cos(np.pi * (np.arange(_SCALES) + 0.5) / _SCALES)
    values = np.stack([function(float(node)) for node in nodes])
    middle, half = (low + high) / 2, (high - low) / 2
    basis = np.polynomial.chebyshev.chebvander((nodes - middle) / half, _SCALES - 1)
    at = np.polynomial.chebyshev.chebvander((omega - middle) / half, _SCALES - 1)
    return np.tensordot(at @ np.linalg.inv(basis), values, 1)


@dataclass(frozen=True, eq=False)
class GivenNorms:
    r"""What is expected given η, one row for each η; X = ‖x‖²/tr Σ.

    Attributes
    ----------
    b2, b4 : (N,) array
        :math:`\mathbb E\|b\|^2`, :math:`\mathbb E\|b\|^4`.
    mean, mean_x, square, square_x : (N,) array
        E[y], E[yX], E[y²], E[y²X].
    query, query_x : (N, d) array
        E[yx], E[yxX].
    context, context_b : (N, d) array
        :math:`\mathbb E[b_1]`, :math:`\mathbb E[b_1\|b\|^2]`.
    direction : (N, d) array
        r.
    curvature : (N,) array
        :math:`\mathbb E[y(g^2-1)]`.
    """

    b2: Array
    b4: Array
    mean: Array
    mean_x: Array
    square: Array
    square_x: Array
    query: Array
    query_x: Array
    context: Array
    context_b: Array
    direction: Array
    curvature: Array

    @classmethod
    def of(cls, place: Geometry, eta: Array, context: int) -> GivenNorms:
        """From the geometry of a source, and vectors η of shape (N, d)."""
        f, covariance, source = place.factor, place.covariance, place.source
        image = eta @ covariance
        omega = np.sqrt((eta * image).sum(1))
        r = image / omega[:, None]
        r2 = (r * r).sum(1)
        trace, square = float(np.trace(covariance)), float(np.vdot(covariance, covariance))
        sigma_r = r @ covariance - r2[:, None] * r
        rwr = (r * sigma_r).sum(1)
        # tr Σ_w² = tr Σ² − 2rᵀΣr + ‖r‖⁴, and rᵀΣr = rᵀΣ_wr + ‖r‖⁴.
        trace_w, square_w = trace - r2, square - 2 * rwr - r2**2

        def label(s: float) -> Array:
            pair = pair_moments(source, s)
            return np.stack([pair, sum_moments(pair, context)])

        c = _interpolated(omega, lambda s: scaled_coefficients(source.target, np.array([s]), 3)[0])
        pair, M = _interpolated(omega, label).transpose(1, 2, 3, 0)
        p1, p2 = f**2 / context**2, 1 / context**2
        # ‖b₁‖⁴ = p₁²(A²‖r‖² + Y‖w‖²)² + 4p₁²A²Y(rᵀw)² + odd terms; then the cross term with b₂², and b₂⁴.
        b4 = p1**2 * (M[4, 0] * r2**2 + 2 * M[2, 1] * r2 * trace_w + M[0, 2] * (trace_w**2 + 2 * square_w) + 4 * M[2, 1] * rwr)
        share, v = r2 / trace, pair[0, 1]
        # E[yg³] = c₃ + 3c₁.
        query_x = r * (c[:, 1] * trace_w + (c[:, 3] + 3 * c[:, 1]) * r2)[:, None] + 2 * c[:, 1, None] * sigma_r
        context_b = f**3 / context**3 * (r * (M[3, 0] * r2 + M[1, 1] * trace_w)[:, None] + 2 * M[1, 1][:, None] * sigma_r)
        return cls(
            b2=p1 * (M[2, 0] * r2 + M[0, 1] * trace_w) + p2 * M[0, 2],
            b4=b4 + 2 * p1 * p2 * (M[2, 2] * r2 + M[0, 3] * trace_w) + p2**2 * M[0, 4],
            mean=c[:, 0],
            mean_x=c[:, 0] + c[:, 2] * share,
            square=v,
            square_x=v + (pair[2, 0] - v) * share,
            query=c[:, 1, None] * r,
            query_x=query_x / trace,
            context=f / context * M[1, 0][:, None] * r,
            context_b=context_b + f / context**3 * M[1, 2][:, None] * r,
            direction=r,
            curvature=c[:, 2],
        )


@lru_cache(maxsize=64)
def given_norms(task: MixtureTask, source: int, d: int, context: int) -> GivenNorms:
    """At a fixed set of evenly spread tasks of one source."""
    place = geometry(task, task.sources[source], d)
    z = _directions(d)
    if isinstance(place.source.tasks, Sphere):
        z = z * np.sqrt(d) / np.linalg.norm(z, axis=1, keepdims=True)
    xi = place.source.mean_vectors(d)[1] + place.source.task_cov.colour(z)
    return GivenNorms.of(place, place.directions(xi), context)


def curvature(task: MixtureTask, source: int, d: int, context: int) -> Array:
    r""":math:`\mathbb E[y\,(xx^\top-\Sigma)]=\mathbb E_\eta[\mathbb E[y(g^2-1)|\eta]\,rr^\top]`, over the tasks of :func:`given_norms`."""
    given = given_norms(task, source, d, context)
    return np.asarray((given.direction * given.curvature[:, None]).T @ given.direction / len(given.curvature))


@lru_cache(maxsize=64)
def norm_moments(task: MixtureTask, source: int, d: int, context: int) -> NormMoments:
    """The norm's moments for one source: exact given the tasks, and averaged over a fixed set of evenly spread ones.

    References
    ----------
    Derivation: ``derivations/source_norms.py``.
    """
    place, given = geometry(task, task.sources[source], d), given_norms(task, source, d, context)
    signal = source_moments(task, d, context, source=source).labels[:, :d]
    trace, squares = float(np.trace(place.covariance)), float(np.vdot(place.covariance, place.covariance))
    mean_b = float(given.b2.mean())
    variance = (1 + 2 * squares / trace**2) * float(given.b4.mean()) / mean_b**2 - 1

    def slope(with_norm: Array, without: Array) -> float:
        return float((with_norm.mean() - without.mean()) / variance)

    def along(query: Array, context_part: Array) -> Array:
        return np.asarray(np.einsum("ni,ij,nj->n", query, signal, context_part, optimize=True))

    beta, v = given.b2 / mean_b, float(given.square.mean())
    plain = along(given.query, given.context)
    found = float(plain.mean())
    return NormMoments(
        norm_variance=variance,
        mean_slope=slope(given.mean_x * beta, given.mean),
        square_slope=slope(given.square_x * beta, given.square) / v,
        # Labels without signal: any slope will do.
        signal_slope=slope(along(given.query_x, given.context_b) / mean_b, plain) / found if found > 0 else 0.5,
    )
