"""In-context errors at finite d: the norms of x, ξ and b vary, and h has d(d+1) entries."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.expansion import scaled_coefficients, scaled_norm2
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer, Sizes, Task
from hermite_eq.theory.context_law import ContextLaw, context_law
from hermite_eq.theory.head import HeadMoments
from hermite_eq.theory.linear import ErrorArrays
from hermite_eq.theory.random_head import FixedPoint, ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectrum import Spectrum

Array = NDArray[np.float64]


def _spectrum(law: ContextLaw, sizes: Sizes, weights: Array) -> tuple[Spectrum, Array]:
    """The spectrum of the mean of E[ĥĥᵀ|θ] with the given weights, and the tilt of each node against it."""
    # E[ĥĥᵀ] = (I/d) ⊗ [f_u S/d + f_i I/d, f_c ξ̄/√d; ·, f_2]; r = D times its eigenvalues, D = d(d+1).
    d = sizes.d
    f_u, f_2, f_c = weights @ law.signal_share, weights @ law.column_share, weights @ law.cross_share
    unit = (d + 1) / d
    one = np.ones(1)
    spectrum = Spectrum(
        one * unit * f_u,
        one * unit * (1 - f_u - f_2),
        one * sizes.tasks / d,
        one / unit,
        one * unit * d * f_2,
        one * unit**2 * min(d * f_c**2, d * f_u * f_2),
        one * law.length_variance,
    )
    return spectrum, unit * (law.signal_share - f_u)


def _solve(
    law: ContextLaw, sizes: Sizes, samples: ScaledSamples, mu: float, ridge: float, dimension: float
) -> tuple[ErrorArrays, float]:
    d = sizes.d
    tau, mu_, ridge_ = np.full(1, sizes.samples / (d * (d + 1))), np.full(1, mu), np.full(1, ridge)
    weights = law.weights
    for _ in range(50):
        spectrum, tilt = _spectrum(law, sizes, weights)
        samples = replace(samples, tilt=tilt[None])
        point = fixed_point(samples, spectrum, tau, mu_, ridge_)
        update = (samples.weights * samples.c1**2 * point.omega)[0]
        update = update / update.sum()
        change = np.abs(update - weights).sum()
        weights = update
        if change < 1e-12:
            break
    arrays = random_head_error(samples, spectrum, tau, mu_, point, dimension)
    return arrays, law.trace / (d + 1)


def _samples(law: ContextLaw, d: int, c0: Array, c1: Array, c2: Array, residual2: Array) -> ScaledSamples:
    # M = S/d, so Mᵀ(C + k/D)⁻¹M = d⟨(s/d)²D/(r+k)⟩ = (D/d)⟨s²/(r+k)⟩.
    signal = law.alignment * math.sqrt(d + 1)
    columns = (law.weights, c0, c1, c2, residual2, law.mean, law.square, signal, 0 * signal)
    return ScaledSamples(*(x[None] for x in columns))


def finite_linear(model: LinearTransformer, task: Task, sizes: Sizes) -> tuple[ErrorArrays, float]:
    law = context_law(task, sizes.d, sizes.context)
    zero = np.zeros_like(law.weights)
    samples = _samples(law, sizes.d, zero + model.intercept, np.sqrt(law.scale2), zero, zero)
    return _solve(law, sizes, samples, math.inf, (sizes.d + 1) * model.ridge / law.trace, math.inf)


def finite_random(model: RandomTransformer, task: Task, sizes: Sizes) -> tuple[ErrorArrays, float]:
    law = context_law(task, sizes.d, sizes.context)
    d = sizes.d
    dimension = d * (d + 1)
    if model.normalise:
        head = HeadMoments.of(model.activation)
        one = np.ones_like(law.weights)
        samples = _samples(law, d, one * head.c0, one * head.c1, one * head.c2, one * head.residual2)
    else:
        scale = np.sqrt(law.scale2)
        c = scaled_coefficients(model.activation, scale, 2)
        norm2 = scaled_norm2(model.activation, scale)
        residual2 = np.maximum(norm2 - c[:, 0]**2 - c[:, 1]**2, 0)
        samples = _samples(law, d, c[:, 0], c[:, 1], c[:, 2], residual2)
    mu = sizes.hidden / dimension
    return _solve(law, sizes, samples, mu, model.ridge / d / mu, dimension)
