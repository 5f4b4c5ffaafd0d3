"""Vectors and matrices as structures."""

from __future__ import annotations

from typing import Any

from hermite_eq.arguments import array
from hermite_eq.models.structures.abstract import Structure
from hermite_eq.models.structures.dense import Dense
from hermite_eq.models.structures.diagonal import Diagonal


def structure(value: Any) -> Structure:
    """A structure as it is; a vector as :class:`Diagonal`, a matrix as :class:`Dense`.

    >>> structure([1, 2])
    Diagonal(variances=(1.0, 2.0))
    """
    if isinstance(value, Structure):
        return value
    given = array(
        value, "", dimensions=(1, 2), nan=True, empty=True,
        requirement="a covariance is a structure, the vector of a diagonal, or a matrix", repair="pass Spike(3.0) or a (d, d) array, say",
    )
    return Diagonal(tuple(given.tolist())) if given.ndim == 1 else Dense(given)
