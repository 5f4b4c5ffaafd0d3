r"""How the norm of h varies within a source, and what it says about the label and about the bulk of h.

Given η (the target's argument is :math:`\eta^\top x`) and inputs :math:`\mathcal N(\mu,\Sigma)`, in the notation of
:mod:`hermite_eq.theory.context_forms`, for the query :math:`x=\mu+gr+w_0` and its label

.. math::
    \mathbb E[y\,x\|x\|^2]&=\mathbb E[y\|x\|^2]\,\mu+\mathbb E[yg\|x\|^2]\,r+2\,\Sigma_w(\mathbb E[y]\mu+\mathbb E[yg]r),\\
    \mathbb E[S\|S\|^2]&=\mathbb E\big[q(\|q\|^2+Y\operatorname{tr}\Sigma_w)+2Y\,\Sigma_wq\big],

and what is expected of :math:`\|b\|^2` and of the *bulk* of h. Of the D directions of h nearly all hold a share of order 1/D, and those
decide how much a sample weighs in a fit, while ‖h‖ may owe its size to a few; in

.. math:: N_b=\tfrac1D\,h^\top\mathbb E[hh^\top]^{-1}h=\tfrac1d\,x^\top\mathbb E[xx^\top]^{-1}x\cdot\tfrac1{d+1}\,b^\top\mathbb E[bb^\top]^{-1}b

every direction counts alike. All is exact given η, and is then averaged over tasks.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.covariance.source_moments import SourceMoments
from hermite_eq.covariance.sources import Geometry, geometry, source_moments
from hermite_eq.models import MixtureTask, Sphere
from hermite_eq.theory.context_forms import ContextForms

Array = NDArray[np.float64]

#: Task vectors over which norms are averaged: these are corrections of order 1/d, wanted to some per cent.
_TASKS = 512
_SEED = 20251122
#: Relative size below which an eigenvalue of E[bbᵀ] or E[xxᵀ] is rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class NormMoments:
    r"""Arguments of :class:`hermite_eq.theory.Population` for one source.

    Attributes
    ----------
    norm_variance : float
        Relative variance of :math:`\|h\|^2=\|x\|^2\|b\|^2`.
    mean_slope, square_slope, signal_slope, center_slope : float
        Regression coefficients of y, :math:`y^2/\mathbb Ey^2`, :math:`(M^\top h)y/\|M\|^2` and
        :math:`\bar h^\top h/\|\bar h\|^2` on :math:`\|h\|^2/\mathbb E\|h\|^2`.
    bulk_slope, bulk_variance : float
        That of :math:`N_b`, and its relative variance.
    """

    norm_variance: float
    mean_slope: float
    square_slope: float
    signal_slope: float
    center_slope: float
    bulk_slope: float
    bulk_variance: float


def _directions(d: int) -> Array:
    """Standard normal vectors, evenly spread: fixed scrambled Sobol points through the normal quantile."""
    points = scipy.stats.qmc.Sobol(d, scramble=True, rng=np.random.default_rng(_SEED)).random(_TASKS)
    return np.asarray(scipy.special.ndtri(np.clip(points, 2.0**-40, 1 - 2.0**-40)))


def _inverse(matrix: Array) -> Array:
    """The inverse over the dimension, on the range of a positive semidefinite matrix."""
    values, vectors = np.linalg.eigh(matrix)
    inside = values > _ROUNDING * values[-1]
    return np.asarray((vectors[:, inside] / values[inside]) @ vectors[:, inside].T / inside.sum())


@dataclass(frozen=True, eq=False)
class GivenNorms:
    r"""What is expected given η, one row for each η; X = ‖x‖²/E‖x‖².

    Attributes
    ----------
    b2, b4 : (N,) array
        :math:`\mathbb E\|b\|^2`, :math:`\mathbb E\|b\|^4`.
    mean, mean_x, square, square_x : (N,) array
        E[y], E[yX], E[y²], E[y²X].
    query, query_x : (N, d) array
        E[yx], E[yxX].
    context, context_b : (N, d + 1) array
        :math:`\mathbb E[b]`, :math:`\mathbb E[b\|b\|^2]`.
    bulk, bulk_b, bulk2 : (N,) array
        :math:`\mathbb E[\beta]`, :math:`\mathbb E[\beta\|b\|^2]`, :math:`\mathbb E[\beta^2]`, :math:`\beta=b^\top Wb`.
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
    bulk: Array
    bulk_b: Array
    bulk2: Array
    direction: Array
    curvature: Array

    @classmethod
    def of(cls, place: Geometry, eta: Array, context: int, weight: Array) -> GivenNorms:
        """From the geometry of a source, vectors η of shape (N, d), and the matrix W of shape (d + 1, d + 1)."""
        f, ell, covariance, mu = place.factor, context, place.covariance, place.mean
        forms = ContextForms(place, eta, context)
        r, label, M, one = forms.direction, forms.label, forms.sums, np.eye(len(mu) + 1)
        trace, mm, mr, rr = float(np.trace(covariance)), float(mu @ mu), r @ mu, (r * r).sum(1)
        trace_w = trace - rr
        centre = np.broadcast_to(mu, r.shape)
        both = np.stack([centre, r])
        across_m, across_r = forms.across(centre), forms.across(r)

        square = forms.bilinear(both, both)
        cube_m = forms.expected(square, 1, 0, 0) + trace_w * M[1, 0, 1]
        cube_r = forms.expected(square, 0, 1, 0) + trace_w * M[0, 1, 1]
        cube = cube_m[:, None] * mu + cube_r[:, None] * r + 2 * (M[1, 0, 1][:, None] * across_m + M[0, 1, 1][:, None] * across_r)
        context_b = f**3 / ell**3 * cube + f / ell**3 * (M[1, 0, 2][:, None] * mu + M[0, 1, 2][:, None] * r)
        column_b = (f**2 * (forms.expected(square, 0, 0, 1) + trace_w * M[0, 0, 2]) + M[0, 0, 3]) / ell**3

        def with_x(moment: Array) -> Array:
            """E[F‖x‖²] from the E[Fgʲ], j ≤ 2, for a function F of the label and g."""
            return np.asarray(moment[0] * (mm + trace_w) + 2 * moment[1] * mr + moment[2] * rr)

        e, a = label[1, 0], label[1, 1]
        whole = mm + trace
        query_x = with_x(label[1])[:, None] * mu + with_x(label[1, 1:])[:, None] * r + 2 * (e[:, None] * across_m + a[:, None] * across_r)
        return cls(
            b2=forms.mean(one),
            b4=forms.product(one, one),
            mean=e,
            mean_x=with_x(label[1]) / whole,
            square=label[2, 0],
            square_x=with_x(label[2]) / whole,
            query=e[:, None] * mu + a[:, None] * r,
            query_x=query_x / whole,
            context=np.column_stack([f / ell * (M[1, 0, 0][:, None] * mu + M[0, 1, 0][:, None] * r), M[0, 0, 1] / ell]),
            context_b=np.column_stack([context_b, column_b]),
            bulk=forms.mean(weight),
            bulk_b=forms.product(weight, one),
            bulk2=forms.product(weight, weight),
            direction=r,
            curvature=label[1, 2] - e,
        )


@lru_cache(maxsize=64)
def _fresh(task: MixtureTask, source: int, d: int, context: int) -> GivenNorms:
    place = geometry(task, task.sources[source], d)
    z = _directions(d)
    if isinstance(place.source.tasks, Sphere):
        z = z * np.sqrt(d) / np.linalg.norm(z, axis=1, keepdims=True)
    xi = place.source.mean_vectors(d)[1] + place.source.task_cov.colour(z)
    return GivenNorms.of(place, place.directions(xi), context, _inverse(source_moments(task, d, context, source=source).second_b))


def given_norms(task: MixtureTask, source: int, d: int, context: int, tasks: Array | None = None) -> GivenNorms:
    """At given tasks of one source, shape (k, d), or at a fixed set of evenly spread ones."""
    if tasks is None:
        return _fresh(task, source, d, context)
    place = geometry(task, task.sources[source], d)
    moments = source_moments(task, d, context, source=source, tasks=tasks)
    return GivenNorms.of(place, place.directions(tasks), context, _inverse(moments.second_b))


def curvature(given: GivenNorms) -> Array:
    r""":math:`\mathbb E[y\,((x-\mu)(x-\mu)^\top-\Sigma)]=\mathbb E_\eta[\mathbb E[y(g^2-1)|\eta]\,rr^\top]`, over the tasks."""
    return np.asarray((given.direction * given.curvature[:, None]).T @ given.direction / len(given.curvature))


def norm_moments(given: GivenNorms, moments: SourceMoments) -> NormMoments:
    """The norm's moments for one source, whose other moments over the same tasks are ``moments``: exact given the tasks.

    References
    ----------
    Derivation: ``derivations/source_norms.py``.
    """
    mu, covariance, signal = moments.mean_x, moments.inputs, moments.labels
    mm, trace, squares = float(mu @ mu), float(np.trace(covariance)), float(np.vdot(covariance, covariance))
    image = covariance @ mu
    mean_b = float(given.b2.mean())
    # E‖x‖⁴ = (E‖x‖²)² + 2 tr Σ² + 4μᵀΣμ.
    variance = (1 + (2 * squares + 4 * float(mu @ image)) / (mm + trace) ** 2) * float(given.b4.mean()) / mean_b**2 - 1

    def slope(with_norm: Array, without: Array) -> float:
        return float((with_norm.mean() - without.mean()) / variance)

    def along(query: Array, context_part: Array) -> Array:
        return np.asarray(np.einsum("ni,ij,nj->n", query, signal, context_part, optimize=True))

    beta, v = given.b2 / mean_b, float(given.square.mean())
    plain = along(given.query, given.context)
    found = float(plain.mean())
    # E[xX] = μ + 2Σμ/E‖x‖², and the context's part along E[b].
    center_x = mm + 2 * float(mu @ image) / (mm + trace)
    center, center_b = given.context @ moments.mean_b, given.context_b @ moments.mean_b / mean_b
    size = mm * float(center.mean())
    # With S = E[xxᵀ] = Σ + μμᵀ, W = S⁻¹/d and Isserlis' theorem less its term of means alone, E[xᵀVx xᵀWx] = tr VS tr WS + 2 tr VSWS
    # − 2 μᵀVμ μᵀWμ.
    d, W = len(mu), _inverse(moments.second_x)
    lost = float(mu @ W @ mu)
    bulk_x = 1 + 2 / d - 2 * mm * lost / (mm + trace)
    bulk_xx = 1 + 2 / d - 2 * lost**2
    bulk = float(given.bulk.mean())
    return NormMoments(
        norm_variance=variance,
        mean_slope=slope(given.mean_x * beta, given.mean),
        square_slope=slope(given.square_x * beta, given.square) / v,
        # Labels without signal: any slope will do.
        signal_slope=slope(along(given.query_x, given.context_b) / mean_b, plain) / found if found > 0 else 0.5,
        center_slope=slope(center_x * center_b, mm * center) / size if size > 0 else 0.0,
        bulk_slope=(bulk_x * float(given.bulk_b.mean()) / (bulk * mean_b) - 1) / variance,
        bulk_variance=bulk_xx * float(given.bulk2.mean()) / bulk**2 - 1,
    )


@lru_cache(maxsize=64)
def fresh_norms(task: MixtureTask, source: int, d: int, context: int) -> NormMoments:
    """:func:`norm_moments` of one source over fresh tasks."""
    return norm_moments(given_norms(task, source, d, context), source_moments(task, d, context, source=source))
