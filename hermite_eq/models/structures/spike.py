"""One direction of another variance."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import finite, flag, vector
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
    direction: tuple[float, ...] | None = None
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
