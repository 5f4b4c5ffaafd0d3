"""The heads of [RT] Fig. 1 and their equivalents: what several campaigns and the main job study."""

from __future__ import annotations

import numpy as np

import hermite_eq
from hermite_eq.models import LinearTransformer, Model, RandomTransformer

#: [RT] Fig. 1: ρ = 0.01, λ = 1e-8.
NOISE = 0.01
RIDGE = 1e-8
HEADS = ("relu", "tanh")
DEGREES = (1, 2, 3, 4)
#: n/d² of its learning curves.
TAUS = (0.25, 0.5, 0.75, 1.25, 1.5, 2.0, 3.0)


def distinct_degree(head: str, degree: int) -> int:
    """The smallest r with σ̂_r = σ̂_degree: coefficients which vanish add nothing.

    >>> [distinct_degree("relu", r) for r in DEGREES]
    [1, 2, 2, 4]
    """
    expansion = hermite_eq.coefficients(head, degree)
    return max((k for k in range(degree + 1) if abs(np.asarray(expansion)[k]) > expansion.errors[k]), default=0)


def distinct_degrees(head: str) -> list[int]:
    """Those of the degrees whose equivalents differ."""
    return [r for r in DEGREES if distinct_degree(head, r) == r]


def equivalent(head: str, degree: int, ridge: float = RIDGE, *, normalise: bool = False) -> RandomTransformer:
    """The equivalent Transformer of Theorem 3."""
    return RandomTransformer(hermite_eq.equivalent_model(head, distinct_degree(head, degree)), ridge, normalise)


def heads(activations: tuple[str, ...] = HEADS, ridges: tuple[float, ...] = (RIDGE,)) -> tuple[Model, ...]:
    """For each λ the linear Transformer without and with intercept, each head, and its equivalents of the distinct degrees r ≤ 4."""
    models: list[Model] = []
    for ridge in ridges:
        models += [LinearTransformer(ridge), LinearTransformer(ridge, intercept=True)]
        for sigma in activations:
            models += [RandomTransformer(sigma, ridge), *(equivalent(sigma, r, ridge) for r in distinct_degrees(sigma))]
    return tuple(models)
