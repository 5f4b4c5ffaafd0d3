"""Vectors and matrices as structures."""

from __future__ import annotations

from typing import Any

import numpy as np

from hermite_eq.errors import HypothesisError
from hermite_eq.models.structures.dense import Dense
from hermite_eq.models.structures.diagonal import Diagonal
from hermite_eq.models.structures.structure import Structure


def structure(value: Any) -> Structure:
    """A structure as it is; a vector as :class:`Diagonal`, a matrix as :class:`Dense`.

    >>> structure([1, 2])
    Diagonal(variances=(1.0, 2.0))
    """
    if isinstance(value, Structure):
        return value
    try:
        dimensions = np.ndim(np.array(value, dtype=float))
    except (TypeError, ValueError):
        dimensions = 0
    if dimensions not in (1, 2):
        raise HypothesisError(
            "a covariance is a structure, the vector of a diagonal, or a matrix", f"{value!r}", "pass Spike(3.0) or a (d, d) array, say"
        )
    return Diagonal(value) if dimensions == 1 else Dense(value)
