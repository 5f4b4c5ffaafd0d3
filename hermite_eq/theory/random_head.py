r"""Ridge regression on random features of scales that vary from sample to sample: the deterministic equivalent.

A sample has a scale variable θ (in the limit: none; at finite d: the norms of x, ξ and b). Given θ the features and the label are

.. math:: \phi=\sum_j\psi_j(\theta)\,q_j+c_1(\theta)F^\top\hat h+c_*(\theta)z,\qquad
    \mathbb E[y|\theta]=y_0(\theta),\quad\mathbb E[y^2|\theta]=y_2(\theta),\quad\mathbb E[\hat hy|\theta]=m(\theta)\,M,

with :math:`\operatorname{Cov}\hat h=C=r/D`, :math:`F_{ij}\sim\mathcal N(0,1)` and directions :math:`q_j\in\mathbb R^m` of independent standard
normal entries: :math:`\psi_1=c_0(\theta)` (the all-ones direction), :math:`\psi_2=c_2(\theta)\sqrt{\operatorname{Tr}C^2/2}` (the mean of
the degree-2 part, :math:`\frac{c_2}2(f_i^\top Cf_i-1)` on neuron i).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.linear import ErrorArrays
from hermite_eq.theory.roots import increasing_root
from hermite_eq.theory.spectrum import Spectrum

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ScaledSamples:
    r"""The law of (features, label) given the scale variable, at nodes along the last axis.

    Attributes
    ----------
    weights : ndarray
        Probabilities of the nodes.
    c0, c1, c2 : ndarray
        Hermite coefficients of the head at each node.
    residual2 : ndarray
        :math:`c_*^2=\mathbb E\sigma^2-c_0^2-c_1^2` at each node.
    mean, square : ndarray
        :math:`y_0` and :math:`y_2`.
    signal : ndarray
        m, in the scaling where :math:`m^2\langle s^2/(r+k)\rangle` is :math:`m^2M^\top(C+\kappa_2)^{-1}M`.
    """

    weights: Array
    c0: Array
    c1: Array
    c2: Array
    residual2: Array
    mean: Array
    square: Array
    signal: Array


def _column(x: Array) -> Array:
    return np.asarray(x)[..., None]


def _slope(samples: ScaledSamples, tau: Array, f1: Array, noise: Array) -> tuple[Array, Array, Array, Array]:
    r"""(a, ω(θ), u, f): a ≥ 0 with :math:`\mathbb E[c_1^2\omega]=1`, :math:`\omega=\tau/(\tau a+w)`, :math:`w=c_1^2f_1+c_*^2/k`,
    :math:`u=\mathbb E[w/(\tau a+w)]` the degrees of freedom per sample, and f the excess of :math:`\mathbb E[c_1^2\omega]` over 1 at a = 0.

    f < 0 where even a = 0 is too large. :math:`1/\mathbb E[c_1^2\omega]` is increasing and concave in a (linear for one node), so Newton's
    iteration from a = 0 rises to the root without passing it.
    """
    load = samples.c1**2 * _column(f1) + noise
    strength = samples.weights * samples.c1**2
    at_zero = (strength * _column(tau) / load).sum(-1)
    a = np.zeros_like(f1)
    feasible = at_zero > 1
    for _ in range(60):
        omega = _column(tau) / (_column(tau * a) + load)
        total = (strength * omega).sum(-1)
        # d(1/E)/da = E[c₁²ω²]/E[c₁²ω]².
        change = np.where(feasible, total * (total - 1) / (strength * omega**2).sum(-1), 0.0)
        a = a + np.maximum(change, 0.0)
        if np.all(change <= 4 * np.finfo(float).eps * a):
            break
    total = _column(tau * a) + load
    return a, _column(tau) / total, (samples.weights * load / total).sum(-1), at_zero - 1


def random_head_error(
    samples: ScaledSamples, spectrum: Spectrum, tau: Array, mu: Array, ridge: Array, dimension: float
) -> ErrorArrays:
    r"""Errors of ridge regression on the features of this module.

    Everything is in units of the dimension D: τ = n/D, μ = m/D (``inf`` allowed), :math:`k=D\kappa_2`. With
    :math:`w(\theta)=c_1^2f_1+c_*^2/k`, :math:`\omega(\theta)=\tau/(\tau a+w)` and ``ridge`` = λ_s/μ, λ_s the ridge per sample,

    .. math:: \mathbb E[c_1^2\,\omega]=1,\qquad a\,k\,\Big(1-\frac\tau\mu\big(1-a\,\mathbb E\,\omega\big)\Big)=\frac{\lambda_s}\mu ,

    and :math:`a\omega=1/(1+\delta)` are the weights of the leave-one-out residuals. For given k the first equation has one root a(k),
    which increases with k, and so does :math:`a\,\mathbb E\omega`; the left side of the second is then increasing wherever it is not
    negative: the pair (k, a) is unique, and λ_s = 0 selects the largest k at which a factor vanishes.

    Parameters
    ----------
    samples : ScaledSamples
        Arrays of shape (..., N).
    spectrum : Spectrum
        Arrays of shape (...).
    tau, mu, ridge : ndarray
        Shape (...).
    dimension : float
        D, or ``inf``: then a c_0 ≠ 0 is fitted at no cost.

    Returns
    -------
    ErrorArrays
        ``inf`` where the model interpolates exactly; ``effective_ridge`` is k.

    References
    ----------
    Derivation: ``derivations/random_features.py``.
    """
    # c₁ → 0: at c₁ = 1e-10 c_* the linear part contributes less than rounding, and the limit needs no formulas of its own.
    faint = 1e-20 * (samples.weights * samples.residual2).sum(-1)
    samples = replace(samples, c1=np.where(_column((samples.weights * samples.c1**2).sum(-1) < faint), _column(np.sqrt(faint)), samples.c1))
    strength = (samples.weights * samples.c1**2).sum(-1)

    def equations(k: Array) -> tuple[Array, Array, Array, Array]:
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            a, omega, dof, excess = _slope(samples, tau, spectrum.traces(k).f1, samples.residual2 / _column(k))
            value = a * (1 - tau / mu * dof) - ridge / k
        return np.where(excess < 0, excess * strength, value), a, omega, dof

    lower = np.full_like(tau, 1e-200)
    upper = 1 + ridge / strength
    while np.any(short := equations(upper)[0] < 0):
        upper = np.where(short, 64 * upper, upper)
    k = increasing_root(lambda k: equations(k)[0], lower, upper)
    value, a, omega, dof = equations(k)
    residual = np.where(k > lower, np.abs(value) / (strength + ridge / k), 0.0)

    t = spectrum.traces(k)
    c1, noise = samples.c1, samples.residual2 / _column(k)
    # κ₂' = 1/(m − df₂), and m − df₂ = (m − D) + k(⟨1/(r+k)⟩ + ⟨r/(r+k)²⟩) D keeps its digits near m = D.
    feature_gain = 1 / np.where(mu > 0.5, mu - 1 + k * (t.inverse + t.j), mu - t.f2)
    share = k * t.j * feature_gain
    leave = samples.weights * omega

    def mean(x: Array) -> Array:
        return (samples.weights * x).sum(-1)

    # Coefficients of the finite block: (k diag(p) + E[ψψᵀω]) ã = E[ψ y₀ ω]; ψ₂ in units of D^{-1/2}, whence p = (1/D, 1).
    psi1, psi2 = samples.c0, samples.c2 * _column(np.sqrt(spectrum.second_moment / 2))
    p11 = k / dimension + (leave * psi1**2).sum(-1)
    p12 = (leave * psi1 * psi2).sum(-1)
    p22 = k + (leave * psi2**2).sum(-1)
    b1, b2 = (leave * psi1 * samples.mean).sum(-1), (leave * psi2 * samples.mean).sum(-1)
    p11 = np.where(p11 > 0, p11, 1.0)
    a2 = (b2 - p12 * b1 / p11) / (p22 - p12**2 / p11)
    a1 = (b1 - p12 * a2) / p11
    constant = _column(a1) * psi1 + _column(a2) * psi2
    constant_fresh = _column(a1) * psi1 + _column(a2 * spectrum.overlap / spectrum.second_moment) * psi2

    theta = (leave * c1 * samples.signal).sum(-1)
    size = theta**2 * t.m2 + a1**2 / dimension + a2**2

    def mean_error(fitted: Array, cross: Array, square: Array, spread: Array) -> Array:
        first = samples.square - 2 * samples.mean * fitted + fitted**2
        linear = c1**2 * _column(theta**2 * square + k**2 * feature_gain * spread * size)
        return first - 2 * c1 * samples.signal * _column(theta * cross) + linear + noise * _column(k * feature_gain * size)

    bias = mean_error(constant, t.m1, t.mr2, t.j)
    bias_fresh = mean_error(constant_fresh, t.mt1, t.mt2, t.t2)

    # r = r⁰ + c₁²U + (c_*²/k)V with U, V linear in r through the leave-one-out covariance of w.
    weight = samples.weights * omega**2 / _column(tau)
    to_u = weight * (c1**2 * _column(t.f2 + share * k * t.j) + noise * _column(share))
    to_v = weight * (c1**2 * _column(share) + noise * _column(feature_gain))
    uu, uv = 1 - (to_u * c1**2).sum(-1), -(to_u * noise).sum(-1)
    vu, vv = -(to_v * c1**2).sum(-1), 1 - (to_v * noise).sum(-1)
    u0, v0 = (to_u * bias).sum(-1), (to_v * bias).sum(-1)
    determinant = uu * vv - uv * vu
    capacity = np.where((samples.residual2 > 0).any(-1), mu, np.minimum(mu, 1.0))
    interpolates = ((ridge == 0) & (capacity == tau)) | (determinant <= 0)
    safe = np.where(interpolates, 1.0, determinant)
    u, v = (vv * u0 - uv * v0) / safe, (uu * v0 - vu * u0) / safe
    error = bias + c1**2 * _column(u) + noise * _column(v)
    to_fresh = weight * (
        c1**2 * _column(t.t1 - k * (1 - share) * t.t2) + noise * _column(k * feature_gain * t.t2)
    )
    u_fresh = (to_fresh * error).sum(-1)
    variance = mean(c1**2 * _column(u_fresh) + noise * _column(v))
    return ErrorArrays(
        np.where(interpolates, np.inf, mean(bias_fresh) + variance),
        np.where(interpolates, np.inf, mean(error)),
        mean(bias_fresh),
        np.where(interpolates, np.inf, variance),
        k,
        dof,
        residual,
    )
