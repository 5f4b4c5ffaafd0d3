"""In-context errors at finite d: the norms of x, ξ and b vary, and h has d(d+1) entries."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from hermite_eq.expansion import scaled_coefficients, scaled_norm2
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer, Sizes, Task
from hermite_eq.theory.context_law import ContextLaw, context_law
from hermite_eq.theory.head import HeadMoments
from hermite_eq.theory.linear import ErrorArrays
from hermite_eq.theory.random_head import ScaledSamples, random_head_error
from hermite_eq.theory.spectrum import Spectrum

Array = NDArray[np.float64]


def _spectrum(law: ContextLaw, sizes: Sizes) -> Spectrum:
    d = sizes.d
    # E[ĥĥᵀ] = (I/d) ⊗ (f_u S/d + f_i I/d ⊕ f_2); r = D times its eigenvalues.
    f_i = 1 - law.signal_share - law.column_share
    one = np.ones(1)
    return Spectrum(
        one * (d + 1) / d * law.signal_share, one * (d + 1) / d * f_i, one * sizes.tasks / d, one * d / (d + 1), one * (d + 1) * law.column_share
    )


def _signal(law: ContextLaw, d: int) -> Array:
    # M = S/d, so Mᵀ(C + k/D)⁻¹M = d⟨(s/d)²D/(r+k)⟩ = (D/d)⟨s²/(r+k)⟩.
    return law.alignment * math.sqrt(d + 1)


def finite_linear(model: LinearTransformer, task: Task, sizes: Sizes) -> tuple[ErrorArrays, float]:
    law = context_law(task, sizes.d, sizes.context)
    d = sizes.d
    scale = np.sqrt(law.scale2)
    zero = np.zeros_like(scale)
    samples = ScaledSamples(
        *(x[None] for x in (law.weights, zero + model.intercept, scale, zero, zero, law.mean, law.square, _signal(law, d)))
    )
    dimension = d * (d + 1)
    ridge = np.array([dimension * model.ridge / (d * law.trace)])
    arrays = random_head_error(
        samples, _spectrum(law, sizes), np.array([sizes.samples / dimension]), np.array([math.inf]), ridge, math.inf
    )
    return arrays, law.trace / (d + 1)


def finite_random(model: RandomTransformer, task: Task, sizes: Sizes) -> tuple[ErrorArrays, float]:
    law = context_law(task, sizes.d, sizes.context)
    d = sizes.d
    dimension = d * (d + 1)
    if model.normalise:
        head = HeadMoments.of(model.activation)
        w = law.weights
        one = np.ones((1, 1))
        samples = ScaledSamples(one, one * head.c0, one * head.c1, one * head.c2, one * head.residual2,
           one * (w @ law.mean), one * (w @ law.square), one * (w @ _signal(law, d)))
    else:
        scale = np.sqrt(law.scale2)
        c = scaled_coefficients(model.activation, scale, 2)
        norm2 = scaled_norm2(model.activation, scale)
        residual2 = np.maximum(norm2 - c[:, 0]**2 - c[:, 1]**2, 0)
        samples = ScaledSamples(*(x[None] for x in (law.weights, c[:, 0], c[:, 1], c[:, 2], residual2, law.mean, law.square, _signal(law, d))))
    mu = sizes.hidden / dimension
    arrays = random_head_error(samples, _spectrum(law, sizes), np.array([sizes.samples / dimension]), np.array([mu]),
        np.array([model.ridge / d / mu]), dimension)
    return arrays, law.trace / (d + 1)
