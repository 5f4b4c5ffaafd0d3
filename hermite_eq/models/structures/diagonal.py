"""Independent entries of unequal variances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import flag, non_negative, vector
from hermite_eq.errors import HypothesisError
from hermite_eq.models.structures.abstract import Array, Structure, dimension, rows


@dataclass(frozen=True)
class Diagonal(Structure):
    """A diagonal Σ.

    >>> Diagonal([2, 1, 1]).norm(3)
    2.0
    """

    variances: tuple[float, ...]

    def __post_init__(self) -> None:
        entries = vector(self.variances, "variances")
        if not (entries > 0).all():
            raise HypothesisError(
                "Σ is positive definite: every variance is > 0", f"smallest variance {entries.min():g}", "pass positive variances"
            )
        object.__setattr__(self, "variances", tuple(entries.tolist()))

    def _variances(self, d: int) -> Array:
        self.check(d)
        return np.array(self.variances)

    def colour(self, z: ArrayLike) -> Array:
        given = rows(z)
        return given * np.sqrt(self._variances(given.shape[1]))

    def times(self, v: ArrayLike) -> Array:
        given = rows(v)
        return given * self._variances(given.shape[1])

    def eigenvalues(self, d: int) -> Array:
        return np.sort(self._variances(d))[::-1]

    @property
    def dimension(self) -> int:
        return len(self.variances)

    def __str__(self) -> str:
        return f"diagonal of {len(self.variances)} variances"


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
