"""coefficients(sigma) and the expansion it returns."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from hermite_eq.activations import Activation, activation
from hermite_eq.hermite import orthonormal_values


@dataclass(frozen=True)
class HermiteExpansion:
    activation: Activation
    c: tuple[Any, ...]
    norm2: Any

    def __getitem__(self, k):
        return self.c[k]

    def __array__(self, dtype=None, copy=None):
        return np.array([float(x) for x in self.c], dtype=dtype)

    def residual(self, r: int):
        return math.sqrt(max(0.0, self.norm2 - sum(self.c[k] ** 2 / math.factorial(k) for k in range(r + 1))))


def coefficients(sigma: Any, degree: int = 8) -> HermiteExpansion:
    a = activation(sigma)
    edges = sorted({-14.0, 14.0, *map(float, a.kinks), *np.arange(-14.0, 14.1, 1.0)})
    x0, w0 = np.polynomial.legendre.leggauss(24)
    e = np.array(edges)
    h = np.diff(e) / 2
    x = ((e[1:] + e[:-1]) / 2)[:, None] + h[:, None] * x0
    w = h[:, None] * w0 * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    f = a(x)
    values = orthonormal_values(x, degree)
    c = (values * (w * f)).sum((1, 2))
    return HermiteExpansion(a, tuple(c * np.sqrt([float(math.factorial(k)) for k in range(degree + 1)])), float((w * f * f).sum()))
