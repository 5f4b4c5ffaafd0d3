"""Structures of every dimension: a direction of another variance, correlations that decay geometrically, variances by a power law."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import finite, flag, non_negative, vector
from hermite_eq.errors import HypothesisError
from hermite_eq.models.structures.abstract import Array, Structure, dimension, rows


@dataclass(frozen=True)
class Spike(Structure):
    r""":math:`\Sigma=c\,(I+\theta\gamma\gamma^\top)`, :math:`\|\gamma\|=1`.

    Parameters
    ----------
    strength : float
        θ > −1.
    direction : sequence of d floats, optional
        γ, rescaled to unit length; by default the first axis, in every dimension.
    normalised : bool
        c = d/(d + θ), so that tr Σ = d; otherwise c = 1.

    Examples
    --------
    >>> Spike(3.0).matrix(2)
    array([[4., 0.],
           [0., 1.]])
    >>> Spike(2.0, direction=[3, 4], normalised=True).trace(2)
    2.0
    """

    strength: float
    direction: Sequence[float] | None = None
    normalised: bool = False

    def __post_init__(self) -> None:
        strength = finite(self.strength, "strength", "θ of I + θγγᵀ")
        if not strength > -1:
            raise HypothesisError("I + θγγᵀ is positive definite: θ > −1", f"strength={self.strength!r}", "pass strength=1.0, say")
        object.__setattr__(self, "strength", strength)
        if self.direction is not None:
            gamma = vector(self.direction, "direction")
            size = float(np.linalg.norm(gamma))
            if not size > 0:
                raise HypothesisError("the direction γ is not zero", f"direction={self.direction!r}", "pass a unit vector")
            object.__setattr__(self, "direction", tuple((gamma / size).tolist()))
        object.__setattr__(self, "normalised", flag(self.normalised, "normalised"))

    def gamma(self, d: int) -> Array:
        """The unit vector γ."""
        self.check(d)
        return np.eye(1, d)[0] if self.direction is None else np.array(self.direction)

    def _scale(self, d: int) -> float:
        return d / (d + self.strength) if self.normalised else 1.0

    def _along(self, rows: Array, factor: float, scale: float) -> Array:
        gamma = self.gamma(rows.shape[1])
        return scale * (rows + factor * np.outer(rows @ gamma, gamma))

    def colour(self, z: ArrayLike) -> Array:
        # The symmetric root: I + (√(1+θ) − 1) γγᵀ; the difference without cancellation is θ/(√(1+θ) + 1).
        given = rows(z)
        return self._along(given, self.strength / (math.sqrt(1 + self.strength) + 1), math.sqrt(self._scale(given.shape[1])))

    def times(self, v: ArrayLike) -> Array:
        given = rows(v)
        return self._along(given, self.strength, self._scale(given.shape[1]))

    def eigenvalues(self, d: int) -> Array:
        values = np.ones(dimension(d))
        values[0 if self.strength >= 0 else -1] = 1 + self.strength
        return self._scale(d) * values

    @property
    def dimension(self) -> int | None:
        return None if self.direction is None else len(self.direction)

    def __str__(self) -> str:
        return f"spike {self.strength:g}{', trace d' if self.normalised else ''}"


@dataclass(frozen=True)
class Toeplitz(Structure):
    r""":math:`\Sigma_{ij}=\rho^{|i-j|}`, :math:`|\rho|<1`: the stationary autoregression of order one.

    Parameters
    ----------
    correlation : float
        ρ.

    Examples
    --------
    >>> Toeplitz(0.5).matrix(3)
    array([[1.  , 0.5 , 0.25],
           [0.5 , 1.  , 0.5 ],
           [0.25, 0.5 , 1.  ]])
    """

    correlation: float

    def __post_init__(self) -> None:
        value = finite(self.correlation, "correlation", "ρ of ρ^|i−j|")
        if not abs(value) < 1:
            raise HypothesisError("ρ^|i−j| is positive definite: |ρ| < 1", f"correlation={self.correlation!r}", "pass correlation=0.5, say")
        object.__setattr__(self, "correlation", value)

    def colour(self, z: ArrayLike) -> Array:
        # x_1 = z_1, x_i = ρ x_{i−1} + √(1 − ρ²) z_i: the Cholesky factor, in O(d).
        columns = rows(z).T.copy()
        rho = self.correlation
        columns[1:] *= math.sqrt((1 - rho) * (1 + rho))
        for i in range(1, len(columns)):
            columns[i] += rho * columns[i - 1]
        return np.ascontiguousarray(columns.T)

    def times(self, v: ArrayLike) -> Array:
        # Σ_j ρ^{|i−j|} v_j: the sums over j ≤ i and over j ≥ i each obey a recursion; j = i is in both.
        columns = rows(v).T.copy()
        rho = self.correlation
        before, after = columns.copy(), columns.copy()
        for i in range(1, len(columns)):
            before[i] += rho * before[i - 1]
            after[-1 - i] += rho * after[-i]
        return np.ascontiguousarray((before + after - columns).T)

    def eigenvalues(self, d: int) -> Array:
        return _toeplitz_spectrum(self, dimension(d)).copy()

    def trace(self, d: int) -> float:
        return float(dimension(d))

    def __str__(self) -> str:
        return f"Toeplitz {self.correlation:g}"


@functools.lru_cache(maxsize=64)
def _toeplitz_spectrum(structure: Toeplitz, d: int) -> Array:
    return np.asarray(np.linalg.eigvalsh(structure.matrix(d))[::-1])


@dataclass(frozen=True)
class PowerLaw(Structure):
    r"""A diagonal Σ with entries :math:`c\,i^{-a}`, :math:`i=1,\dots,d`.

    Parameters
    ----------
    exponent : float
        a ≥ 0.
    normalised : bool
        c such that tr Σ = d (the default); otherwise c = 1.

    Examples
    --------
    >>> PowerLaw(1.0).eigenvalues(2)
    array([1.33333333, 0.66666667])
    """

    exponent: float
    normalised: bool = True

    def __post_init__(self) -> None:
        object.__setattr__(self, "exponent", non_negative(self.exponent, "exponent", "a of the power law i^(−a)"))
        object.__setattr__(self, "normalised", flag(self.normalised, "normalised"))

    def eigenvalues(self, d: int) -> Array:
        values = np.arange(1.0, dimension(d) + 1) ** -self.exponent
        return values * (d / values.sum()) if self.normalised else values

    def colour(self, z: ArrayLike) -> Array:
        given = rows(z)
        return given * np.sqrt(self.eigenvalues(given.shape[1]))

    def times(self, v: ArrayLike) -> Array:
        given = rows(v)
        return given * self.eigenvalues(given.shape[1])

    def __str__(self) -> str:
        return f"power law {self.exponent:g}{'' if self.normalised else ', largest variance 1'}"
