r"""The Hermite coefficients and residuals, measured on the features of a Transformer.

With the head's input rescaled to ‖h‖² = t every pre-activation (Fᵀh)_i is exactly N(0, 1) over F, at every d, so that
E[σ(z) He_k(z)] = c_k without any finite-d deviation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.hermite import orthonormal_values
from hermite_eq.simulate import context_law
from verify.claims.check import Check, by_runs, claimed
from verify.claims.defects import outcome
from verify.main_job.profile import Profile

CLAIM = "coefficients"
DEGREE = 4

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Values:
    """E[σ(z) He_k(z)/√k!] for k ≤ 4, which is c_k/√k!, and E σ(z)²: predicted, or measured, of shapes (runs, 5) and (runs,)."""

    orthonormal: Array
    norm2: Array

    @classmethod
    def of(cls, sigma: str) -> Values:
        expansion = hermite_eq.coefficients(sigma, DEGREE)
        scale = np.sqrt([math.factorial(k) for k in range(DEGREE + 1)])
        return cls(np.array([float(c) for c in expansion]) / scale, np.array(float(expansion.norm2)))


def measure(heads: tuple[str, ...], task: hermite_eq.Task, profile: Profile) -> dict[str, Values]:
    """Simulate normalised pre-activations of Transformers with fresh F, and average σ(z) He_k(z)/√k! over each."""
    d, side = profile.feature_d, profile.feature_side
    sizes = hermite_eq.Sizes(d, d, math.inf, side)
    law = context_law(task, sizes)
    sums: dict[str, list[tuple[Array, float]]] = {head: [] for head in heads}
    for seed in np.random.SeedSequence(profile.seed, spawn_key=(0,)).spawn(profile.feature_runs):
        draw_seed, layer_seed = seed.spawn(2)
        rng = np.random.default_rng(layer_seed)
        h = law.draw(law.tasks(side, rng), np.arange(side), draw_seed).h()
        h /= np.linalg.norm(h, axis=1, keepdims=True)
        z = h @ rng.standard_normal((d * (d + 1), side))
        basis = orthonormal_values(z, DEGREE)
        for head in heads:
            values = hermite_eq.activations.activation(head)(z)
            sums[head].append((np.einsum("kij,ij->k", basis, values) / z.size, float(np.mean(values**2))))
    return {head: Values(np.array([p for p, _ in rows]), np.array([q for _, q in rows])) for head, rows in sums.items()}


def judge(measured: Mapping[str, Values], predictions: Mapping[str, Values]) -> list[Check]:
    """c_k/√k! and E σ² against their predictions, and c_r*² as the mean square of what degree r leaves over."""
    checks = []
    for head, moments in measured.items():
        values = predictions[head]
        checks += [by_runs(f"{head}: c_{k}/√{k}!", float(value), moments.orthonormal[:, k]) for k, value in enumerate(values.orthonormal)]
        checks.append(by_runs(f"{head}: E σ²", float(values.norm2), moments.norm2))
        for r in range(1, DEGREE + 1):
            # E(σ − Σ_{k≤r} p_k h_k)² = E σ² − 2 Σ p_k E[σ h_k] + Σ p_k², linear in what was measured.
            p = values.orthonormal[: r + 1]
            left_over = moments.norm2 - 2 * moments.orthonormal[:, : r + 1] @ p + p @ p
            checks.append(by_runs(f"{head}: c_{r}*²", float(values.norm2 - p @ p), left_over))
    return claimed(CLAIM, checks)


def negative_controls(measured: Mapping[str, Values], predictions: Mapping[str, Values]) -> list[dict[str, Any]]:
    """Each non-zero coefficient 5 % too large, and with its sign flipped, must be caught."""
    caught = []
    for head, values in predictions.items():
        for k in np.flatnonzero(np.abs(values.orthonormal) > 1e-12):
            for defect, factor in (("5 % too large", 1.05), ("sign flipped", -1.0)):
                wrong = values.orthonormal.copy()
                wrong[k] *= factor
                checks = judge({head: measured[head]}, {head: replace(values, orthonormal=wrong)})
                caught.append(outcome(CLAIM, f"{head}: c_{k} {defect}", checks))
    return caught
