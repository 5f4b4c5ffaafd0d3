r"""How the norm of h varies within a source, and what it says about the label.

Given η (the target's argument is :math:`\eta^\top x`) and inputs :math:`\mathcal N(\mu,\Sigma)`, with :math:`\omega^2=\eta^\top\Sigma\eta`,
:math:`r=\Sigma\eta/\omega`, :math:`x=\mu+gr+w_0`, :math:`T=\sum y_i`, :math:`A=\sum y_ig_i`, :math:`Y=\sum y_i^2`,
:math:`S=\sum y_ix_i=q+\sqrt Y\,w`, :math:`q=T\mu+Ar`, w and :math:`w_0` independent :math:`\mathcal N(0,\Sigma_w)`,
:math:`\Sigma_w=\Sigma-rr^\top`:

.. math::
    \|b\|^2&=\tfrac{f^2}{\ell^2}\|S\|^2+\tfrac{Y^2}{\ell^2},\qquad \|S\|^2=\|q\|^2+2\sqrt Y\,q^\top w+Y\|w\|^2,\\
    \mathbb E\|S\|^4&=\mathbb E\big[\|q\|^4+2\|q\|^2Y\operatorname{tr}\Sigma_w+Y^2(\operatorname{tr}^2\Sigma_w+2\operatorname{tr}\Sigma_w^2)
        +4Y\,q^\top\Sigma_wq\big],\\
    \mathbb E[S\|S\|^2]&=\mathbb E\big[q(\|q\|^2+Y\operatorname{tr}\Sigma_w)+2Y\,\Sigma_wq\big],\\
    \mathbb E[y\,x\|x\|^2]&=\mathbb E[y\|x\|^2]\,\mu+\mathbb E[yg\|x\|^2]\,r+2\,\Sigma_w(\mathbb E[y]\mu+\mathbb E[yg]r),

so that with moments of (T, A, Y) up to order four everything is exact given η, and is then averaged over tasks.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import scipy.special
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.activations import Activation
from hermite_eq.covariance.source_moments import SourceMoments
from hermite_eq.covariance.sources import Geometry, geometry, source_moments
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.models import MixtureTask, Sphere

Array = NDArray[np.float64]

#: Task vectors over which norms are averaged: these are corrections of order 1/d, wanted to some per cent.
_TASKS = 512
_SEED = 20251122
#: Order of the joint moments of (T, A, Y): ‖b‖⁴ is of degree four in them.
_ORDER = 4
_INDICES = [index for index in itertools.product(range(_ORDER + 1), repeat=3) if sum(index) <= _ORDER]


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
    """

    norm_variance: float
    mean_slope: float
    square_slope: float
    signal_slope: float
    center_slope: float


def _directions(d: int) -> Array:
    """Standard normal vectors, evenly spread: fixed scrambled Sobol points through the normal quantile."""
    points = scipy.stats.qmc.Sobol(d, scramble=True, rng=np.random.default_rng(_SEED)).random(_TASKS)
    return np.asarray(scipy.special.ndtri(np.clip(points, 2.0**-40, 1 - 2.0**-40)))


def _label_moments(target: Activation, noise: float, mean: Array, scale: Array) -> Array:
    r""":math:`\mathbb E[y^ng^j]`, n ≤ 8 and j ≤ 4, for each (m, ω): shape (9, 5, N)."""
    powers, degree = 2 * _ORDER, _ORDER
    try:
        table = argument_moments(target, mean, scale, powers, degree)
    except HypothesisError as error:
        raise HypothesisError(
            f"the target has moments up to order {powers}, which the law of ‖b‖ needs",
            f"target {target.name} at scales up to {float(scale.max()):.3g}",
            "use a target of polynomial growth, or simulate: hermite_eq.simulate.icl_error",
        ) from error
    # gʲ in He_k.
    to_he = np.zeros((degree + 1, degree + 1))
    for j in range(degree + 1):
        to_he[j] = np.pad(np.polynomial.hermite_e.poly2herme([0] * j + [1]), (0, degree - j))
    gaussian = np.array([math.prod(range(1, j, 2)) if j % 2 == 0 else 0.0 for j in range(degree + 1)])
    bare = np.concatenate([np.broadcast_to(gaussian[:, None], (1, degree + 1, mean.size)), np.einsum("jk,nkN->njN", to_he, table)])
    errors = [noise ** (e // 2) * math.prod(range(1, e, 2)) if e % 2 == 0 else 0.0 for e in range(powers + 1)]
    return np.stack([sum(math.comb(n, e) * errors[e] * bare[n - e] for e in range(0, n + 1, 2)) for n in range(powers + 1)])


def _sum_moments(label: Array, count: int) -> dict[tuple[int, int, int], Array]:
    r""":math:`\mathbb E[T^iA^jY^k]` of sums over ``count`` samples: the ``count``-th power of the truncated moment series of one."""
    scale = {index: math.prod(math.factorial(n) for n in index) for index in _INDICES}
    base = {(i, j, k): label[i + j + 2 * k, j] / scale[i, j, k] for i, j, k in _INDICES}
    power = {index: np.full(label.shape[-1], float(index == (0, 0, 0))) for index in _INDICES}

    def product(f: dict[tuple[int, int, int], Array], h: dict[tuple[int, int, int], Array]) -> dict[tuple[int, int, int], Array]:
        out = {index: np.zeros(label.shape[-1]) for index in _INDICES}
        for a, b in itertools.product(_INDICES, repeat=2):
            if sum(a) + sum(b) <= _ORDER:
                out[a[0] + b[0], a[1] + b[1], a[2] + b[2]] += f[a] * h[b]
        return out

    while count:
        if count & 1:
            power = product(power, base)
        count >>= 1
        if count:
            base = product(base, base)
    return {index: scale[index] * value for index, value in power.items()}


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
        f, ell, covariance, mu, source = place.factor, context, place.covariance, place.mean, place.source
        image = eta @ covariance
        omega = np.sqrt((eta * image).sum(1))
        r = image / omega[:, None]
        trace, square = float(np.trace(covariance)), float(np.vdot(covariance, covariance))
        mm, mr, rr = float(mu @ mu), r @ mu, (r * r).sum(1)
        sigma_r, sigma_m = r @ covariance - rr[:, None] * r, covariance @ mu - mr[:, None] * r
        msm, msr, rsr = sigma_m @ mu, sigma_r @ mu, (r * sigma_r).sum(1)
        # tr Σ_w² = tr Σ² − 2rᵀΣr + ‖r‖⁴, and rᵀΣr = rᵀΣ_wr + ‖r‖⁴.
        trace_w, square_w = trace - rr, square - 2 * rsr - rr**2

        label = _label_moments(source.target, source.noise, eta @ mu, omega)
        M = _sum_moments(label, ell)
        # What is expected of ‖q‖² = T²μᵀμ + 2TAμᵀr + A²rᵀr, qᵀΣ_wq and ‖q‖⁴ times TⁱAʲYᵏ.
        form, form_w = {(2, 0): mm, (1, 1): 2 * mr, (0, 2): rr}, {(2, 0): msm, (1, 1): 2 * msr, (0, 2): rsr}

        def times(form: dict[tuple[int, int], Array | float], i: int, j: int, k: int) -> Array:
            return np.asarray(sum(value * M[i + a, j + b, k] for (a, b), value in form.items()))

        fourth = sum(value * times(form, a, b, 0) for (a, b), value in form.items())
        fourth = fourth + 2 * trace_w * times(form, 0, 0, 1) + M[0, 0, 2] * (trace_w**2 + 2 * square_w) + 4 * times(form_w, 0, 0, 1)
        p1, p2 = f**2 / ell**2, 1 / ell**2
        cube_m = times(form, 1, 0, 0) + trace_w * M[1, 0, 1]
        cube_r = times(form, 0, 1, 0) + trace_w * M[0, 1, 1]
        cube = cube_m[:, None] * mu + cube_r[:, None] * r + 2 * (M[1, 0, 1][:, None] * sigma_m + M[0, 1, 1][:, None] * sigma_r)
        context_b = f / ell * (p1 * cube + p2 * (M[1, 0, 2][:, None] * mu + M[0, 1, 2][:, None] * r))
        column_b = (p1 * (times(form, 0, 0, 1) + trace_w * M[0, 0, 2]) + p2 * M[0, 0, 3]) / ell

        def with_x(moment: Array) -> Array:
            """E[F‖x‖²] from the E[Fgʲ], j ≤ 2, for a function F of the label and g."""
            return np.asarray(moment[0] * (mm + trace_w) + 2 * moment[1] * mr + moment[2] * rr)

        e, a = label[1, 0], label[1, 1]
        whole = mm + trace
        query_x = with_x(label[1])[:, None] * mu + with_x(label[1, 1:])[:, None] * r + 2 * (e[:, None] * sigma_m + a[:, None] * sigma_r)
        return cls(
            b2=p1 * (times(form, 0, 0, 0) + M[0, 0, 1] * trace_w) + p2 * M[0, 0, 2],
            b4=p1**2 * fourth + 2 * p1 * p2 * (times(form, 0, 0, 2) + M[0, 0, 3] * trace_w) + p2**2 * M[0, 0, 4],
            mean=e,
            mean_x=with_x(label[1]) / whole,
            square=label[2, 0],
            square_x=with_x(label[2]) / whole,
            query=e[:, None] * mu + a[:, None] * r,
            query_x=query_x / whole,
            context=np.column_stack([f / ell * (M[1, 0, 0][:, None] * mu + M[0, 1, 0][:, None] * r), M[0, 0, 1] / ell]),
            context_b=np.column_stack([context_b, column_b]),
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
    return GivenNorms.of(place, place.directions(xi), context)


def given_norms(task: MixtureTask, source: int, d: int, context: int, tasks: Array | None = None) -> GivenNorms:
    """At given tasks of one source, shape (k, d), or at a fixed set of evenly spread ones."""
    if tasks is None:
        return _fresh(task, source, d, context)
    place = geometry(task, task.sources[source], d)
    return GivenNorms.of(place, place.directions(tasks), context)


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
    return NormMoments(
        norm_variance=variance,
        mean_slope=slope(given.mean_x * beta, given.mean),
        square_slope=slope(given.square_x * beta, given.square) / v,
        # Labels without signal: any slope will do.
        signal_slope=slope(along(given.query_x, given.context_b) / mean_b, plain) / found if found > 0 else 0.5,
        center_slope=slope(center_x * center_b, mm * center) / size if size > 0 else 0.0,
    )


@lru_cache(maxsize=64)
def fresh_norms(task: MixtureTask, source: int, d: int, context: int) -> NormMoments:
    """:func:`norm_moments` of one source over fresh tasks."""
    return norm_moments(given_norms(task, source, d, context), source_moments(task, d, context, source=source))
