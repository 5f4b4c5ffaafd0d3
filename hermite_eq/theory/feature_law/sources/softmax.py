r"""Softmax attention over the contexts of one isotropic source of fresh tasks: exact second moments of h and label, and drawn contexts.

Given the query :math:`x=r\hat n` the weights depend on the scores :math:`s_i=\hat n^\top z_i` of :math:`z_i=\sqrt d\,x_i` alone,
:math:`p_i\propto e^{\beta rs_i}`. With :math:`P=\sum_ip_iy_iz_i^\perp` across the query and :math:`B=\sum_ip_iy_is_i` along it,
:math:`h=x\otimes b` has :math:`b_1=\sqrt d\,(B\hat n+P)`. Its law does not change under rotations, so that second moments are four numbers
and :math:`\mathbb E[hy]`, :math:`\mathbb E[h]` one each, along the identity matrix.

Means of the weights are exact at every ℓ, by :math:`1/S=\int_0^\infty e^{-tS}dt` for their sum S: with :math:`w=e^{\beta rs-\beta^2r^2/2}`,

.. math:: \mathbb E\sum_ip_if_i=\ell\int\mathbb E[wfe^{-tw}]\,\varphi^{\ell-1}dt,\quad
    \mathbb E\sum_ip_i^2f_i=\ell\int t\,\mathbb E[w^2fe^{-tw}]\,\varphi^{\ell-1}dt,\quad
    \mathbb E\sum_{i\ne j}p_ip_jf_ig_j=\ell(\ell-1)\int t\,\mathbb E[wfe^{-tw}]\,\mathbb E[wge^{-tw}]\,\varphi^{\ell-2}dt,

:math:`\varphi=\mathbb E e^{-tw}`. Derivation: ``derivations/contexts/softmax_context.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.errors import ConvergenceError, HypothesisError
from hermite_eq.expansion.scaled import scaled_moments, scaled_powers
from hermite_eq.hermite import orthonormal_values
from hermite_eq.models import Gaussian, Sizes, SoftmaxAttention, Source, Sphere
from hermite_eq.theory.feature_law.given_moments import ContextSample, GivenMoments, Population, given_moments
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import LawOverDraws
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.spectra.blocks import RotationInvariant

Array = NDArray[np.float64]

#: Nodes for ‖ξ‖, and for that where nothing but the label is wanted; for the part of ‖x‖ across the task, for √d uᵀx, for scores; and the
#: degree in √d uᵀx.
_NORMS, _LABELS, _ACROSS, _ALONG, _SCORES, _DEGREE = 5, 64, 3, 18, 80, 13
#: Distance of nodes in log tℓ, their ends without attention, and the scores there.
_STEP, _ENDS, _SCORE = 0.19, (-24.0, 6.0), 4.0
#: How far the sum of the weights may be from 1.
_EXACT = 1e-6
#: Draws of contexts that are averaged over, contexts in one, and the relative standard error at which the first few of them suffice.
_DRAWS, _CONTEXTS, _PRECISE = 16, 8192, 0.003
_SEED = 20261130


@dataclass(frozen=True)
class SoftmaxMoments:
    r"""Second moments, the query's length r included.

    Attributes
    ----------
    along, across : float
        :math:`\mathbb E\,r^2B^2` and :math:`\mathbb E\,r^2\|P\|^2`.
    mean, signal : float
        :math:`\mathbb E\,rB` and :math:`\mathbb E\,rBy`.
    column : float
        :math:`\mathbb E\,r^2b_2^2`.
    label, square : float
        :math:`\mathbb E\,y` and :math:`\mathbb E\,y^2`, label noise included.
    """

    along: float
    across: float
    mean: float
    signal: float
    column: float
    label: float
    square: float


@lru_cache(maxsize=64)
def softmax_moments(attention: SoftmaxAttention, d: int, context: int) -> SoftmaxMoments:
    r"""The moments at d and ℓ = ``context``.

    Raises
    ------
    HypothesisError
        If the source is not isotropic, its inputs not Gaussian, or its tasks neither Gaussian nor on the sphere.
    ConvergenceError
        If the attention is so sharp that the quadrature does not resolve the weights.

    Examples
    --------
    >>> from hermite_eq.models import Task
    >>> linear, soft = (softmax_moments(SoftmaxAttention(Task("identity"), beta), 20, 40) for beta in (0.0, 1.0))
    >>> round(linear.signal * 20**0.5, 6), bool(soft.signal > 1.6 * linear.signal)
    (1.0, True)
    """
    task, source, beta, least = attention.task, attention.task.sources[0], attention.sharpness, 3
    target, noise = source.target, source.noise
    if len(task.sources) > 1 or replace(source, tasks=Gaussian()) != Source(target, noise) or source.tasks not in (Gaussian(), Sphere()):
        raise HypothesisError(
            "softmax attention has a theory for one isotropic source with Gaussian inputs",
            f"{task}",
            "simulate it: hermite_eq.simulate.icl_error(model, task, sizes, runs=8), or pass the task under linear attention: task.task",
        )
    if d < least:
        raise HypothesisError(f"softmax attention has a theory for d ≥ {least}", f"d={d}", "simulate it, or pass a larger d")
    fixed = task.unit_link or source.tasks == Sphere()
    sizes, fine = ((np.ones(1), np.ones(1)) if fixed else gamma_nodes(d / 2, count) for count in (_NORMS, _LABELS))
    others = gamma_nodes((d - 1) / 2, _ACROSS)
    g, at_g = np.polynomial.hermite_e.hermegauss(_ALONG)
    at_g = at_g / at_g.sum()
    basis = orthonormal_values(g, _DEGREE)
    factorials = np.sqrt([math.factorial(k) for k in range(_DEGREE + 1)])
    c, square = scaled_moments(target, np.sqrt(fine[0]), 0)
    total = np.array([0.0, 0.0, 0.0, 0.0, 0.0, fine[1] @ c[:, 0], fine[1] @ square + noise])
    for s2, p in zip(*sizes, strict=True):
        s = math.sqrt(s2)
        c = scaled_moments(target, [s], _DEGREE)[0]
        for across2, q in zip(*others, strict=True):
            r2 = (g**2 + (d - 1) * across2) / d
            cosine = g / np.sqrt(d * r2)
            values = np.array([_given(target, noise, d, context, s, *nodes, beta) for nodes in zip(cosine, r2, strict=True)])
            # E[y F(g)] for a smooth F, by the coefficients of both: the label may have kinks.
            signal = (c[0] / factorials) @ (basis @ (at_g * values[:, 2]))
            total[:5] += p * q * np.array([*(at_g @ values)[[0, 1, 2]], signal, at_g @ values[:, 3]])
    # x of unit variance has b₁ smaller by √d, and the same b₂.
    total[4] *= d if task.unit_inputs else 1
    return SoftmaxMoments(*map(float, total))


@np.errstate(over="ignore", divide="ignore", invalid="ignore")
def _given(target: object, noise: float, d: int, context: int, s: float, cosine: float, r2: float, beta: float) -> Array:
    r""":math:`r^2B^2`, :math:`r^2\|P\|^2`, :math:`rB` and :math:`r^2b_2^2` in the mean, given the query and ‖ξ‖ = s√d.

    ``cosine`` is that of x and ξ.
    """
    sharp = beta * math.sqrt(r2)
    end = 8.5 + 2 * sharp
    v, at_v = np.polynomial.legendre.leggauss(_SCORES)
    # p_i² tilts the scores to 2βr.
    v, at_v = (end + 8.5) / 2 * v + (end - 8.5) / 2, (end + 8.5) / 2 * at_v
    at_v = at_v * np.exp(-(v**2) / 2) / math.sqrt(2 * math.pi)
    w = np.exp(sharp * v - sharp**2 / 2)
    # The argument of the target is s(c v + √(1−c²) g), g standard normal.
    scale, shift = np.full_like(v, s * math.sqrt(1 - cosine**2)), s * cosine * v
    mean, slope, square, tilted, fourth = scaled_powers(target, scale, shifts=shift)
    fourth = fourth + 6 * noise * square + 3 * noise**2
    square = square + noise
    # tw is neither small nor large for weights at scores from −4 to 4 + 2βr.
    low, high = _ENDS[0] - _SCORE * sharp - 3 * sharp**2 / 2, _ENDS[1] + _SCORE * sharp + sharp**2 / 2
    log_t, step = np.linspace(low, high, math.ceil((high - low) / _STEP), retstep=True)
    t = np.exp(log_t) / context
    falling = np.exp(-np.outer(w, t))
    log_phi = np.log(at_v @ falling)
    integrand = context * np.exp((context - 1) * log_phi) * t * step
    pair = context * (context - 1) * np.exp((context - 2) * log_phi) * t**2 * step

    def tilt(f: Array, power: int = 1) -> Array:
        return np.asarray((f * at_v * w**power) @ falling)

    weighted = tilt(np.ones_like(v))
    sums = float(weighted @ integrand), float(weighted**2 @ pair + tilt(np.ones_like(v), 2) @ (integrand * t))
    if not all(abs(total - 1) < _EXACT for total in sums):
        raise ConvergenceError(
            "the weights of the attention sum to 1, in the mean and squared",
            f"{sums[0]:.9g} and {sums[1]:.9g} at sharpness {beta:g}, d = {d}",
            "pass a smaller sharpness, or simulate",
        )
    along, slopes, squares = tilt(mean * v), tilt(slope), tilt(square)
    return np.array(
        [
            r2 * (along**2 @ pair + tilt(square * v**2, 2) @ (integrand * t)),
            r2 * (slopes**2 @ pair + tilt(square * (d - 1) + tilted, 2) @ (integrand * t)),
            math.sqrt(r2) * (along @ integrand),
            r2 * (squares**2 @ pair + tilt(fourth, 2) @ (integrand * t)),
        ]
    )


def _drawn(attention: SoftmaxAttention, d: int, context: int, seed: int) -> tuple[Array, Array, Array]:
    """Of drawn contexts the component of h along the identity matrix, ‖h‖², and the label without its noise."""
    from scipy.special import gammaincinv, ndtri
    from scipy.stats import qmc

    task, source = attention.task, attention.task.sources[0]
    u = qmc.Sobol(3, rng=np.random.default_rng([_SEED, seed])).random(_CONTEXTS)
    rng = np.random.default_rng([_SEED, seed, 1])
    g, across2 = ndtri(u[:, 0]), 2 * gammaincinv((d - 1) / 2, u[:, 1])
    fixed = task.unit_link or source.tasks == Sphere()
    s = np.ones(_CONTEXTS) if fixed else np.sqrt(2 / d * gammaincinv(d / 2, u[:, 2]))
    r = np.sqrt((g**2 + across2) / d)
    cosine = (g / (r * math.sqrt(d)))[:, None]
    v, z, noise = rng.standard_normal((3, _CONTEXTS, context))
    y = source.target(s[:, None] * (cosine * v + np.sqrt(1 - cosine**2) * z)) + math.sqrt(source.noise) * noise
    logits = attention.sharpness * r[:, None] * v
    weights = np.exp(logits - logits.max(1, keepdims=True))
    weights /= weights.sum(1, keepdims=True)
    read = weights * y
    B, U, b2 = (read * v).sum(1), (read * z).sum(1), (read * y).sum(1)
    P2 = U**2 + (read**2).sum(1) * rng.chisquare(d - 2, _CONTEXTS)
    return r * B, r**2 * (d * (B**2 + P2) + b2**2 * (d if task.unit_inputs else 1)), np.asarray(source.target(s * g))


@lru_cache(maxsize=32)
def softmax_population(attention: SoftmaxAttention, d: int, context: int, draw: int = 0) -> GivenMoments:
    r"""Moments of h and label, and drawn contexts: how the identity's component and the rest of ‖h‖² vary with the label.

    Examples
    --------
    >>> from hermite_eq.models import Task
    >>> softmax_population(SoftmaxAttention(Task("relu", noise=0.1), sharpness=1.0), d=12, context=24)
    GivenMoments(...)
    """
    moments = softmax_moments(attention, d, context)
    part, whole, label = _drawn(attention, d, context, draw)
    along, across, column = moments.along, moments.across, moments.column
    covariance = RotationInvariant(
        d, along, (d * (along + across / 2) - along) / (d * (d + 1) / 2 - 1), across / (d - 1), column / d,
    )  # fmt: skip
    identity = np.hstack([np.eye(d), np.zeros((d, 1))]) / math.sqrt(d)
    rest, ones = whole - part**2, np.ones_like(part)
    pairs = [np.mean(values) for values in (part * label, part)]
    # Where a mean vanishes by symmetry nothing is multiplied by what stands here.
    signals, centers = (
        values / mean if abs(mean) > 1e-8 * math.sqrt(along) else ones for values, mean in zip((part * label, part), pairs, strict=True)
    )
    share = along / covariance.trace
    contexts = ContextSample(
        np.array([part**2 / np.mean(part**2), rest / np.mean(rest)]), np.array([signals, ones]), np.array([centers, ones]), label,
        label**2 + attention.task.sources[0].noise, np.array([share, 1 - share]), ones / len(ones),
    )  # fmt: skip
    population = Population(
        covariance, moments.signal * identity, moments.square, moments.label, center=moments.mean * identity, contexts=contexts
    )
    return given_moments([population])


def softmax_law(head: Head, attention: SoftmaxAttention, points: Sequence[Sizes]) -> LawOverDraws:
    """The law of features and label under softmax attention, over draws of contexts.

    Raises
    ------
    HypothesisError
        For finitely many tasks, or a head after a gradient step; and as :func:`softmax_moments`.
    """
    sizes = points[0]
    if sizes.tasks < math.inf:
        raise HypothesisError(
            "softmax attention has a theory for a fresh task in every context", f"tasks={sizes.tasks}", "pass tasks=math.inf, or simulate"
        )
    if head.step:
        raise HypothesisError(
            "softmax attention has a theory for heads without a gradient step", "one with a step", "pass RandomTransformer(…), or simulate"
        )

    def given(draw: int) -> MomentLaw:
        return MomentLaw.of(head, softmax_population(attention, sizes.d, sizes.context, draw))

    notes = (f"a mean over {_DRAWS} draws of {_CONTEXTS} contexts at most: icl_stderr is its error",)
    return LawOverDraws(head=head, given=given, controls=np.zeros((_DRAWS, 0)), precise=_PRECISE, notes=notes)
