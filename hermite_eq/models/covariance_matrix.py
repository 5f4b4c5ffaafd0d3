"""What a matrix must be to be a covariance: square, finite, symmetric and without negative eigenvalues."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array
from hermite_eq.errors import ArgumentTypeError, HypothesisError

Array = NDArray[np.float64]

_EPS = float(np.finfo(float).eps)


def covariance_matrix(given: ArrayLike, name: str, *, d: int | None = None, definite: bool = False, rounding: float | None = None) -> Array:
    r"""The matrix as an array, exactly symmetric.

    Parameters
    ----------
    given : (d, d) array_like
    name : str
        What it is called in errors.
    d : int, optional
        The number of rows asked for.
    definite : bool
        Whether the eigenvalue 0 is refused too: the least must be above the rounding dε of the largest.
    rounding : float, optional
        The share of the largest entry by which the matrix and its transpose may differ, and of the norm :math:`\max_i\sum_j|A_{ij}|` by
        which an eigenvalue may be negative. By default 64dε: a sum of d products, each known to a few ε.

    Raises
    ------
    HypothesisError
        If it is not square and finite, not symmetric, or not positive (semi)definite.

    Examples
    --------
    >>> covariance_matrix([[1, 2], [0, 1]], "Σ")
    Traceback (most recent call last):
        ...
    hermite_eq.errors.HypothesisError: Σ is symmetric; found |A − Aᵀ| up to 2. Repair: pass (A + A.T) / 2
    """
    try:
        matrix: Array = array(given, name, nan=True, empty=True)
    except ArgumentTypeError:
        matrix = np.empty(0)
    n = len(matrix) if matrix.ndim else 0
    if not n or matrix.shape != (n, n) or n != (n if d is None else d):
        at = "" if d is None else f" at d = {d}"
        raise HypothesisError(f"{name} is a finite matrix of shape (d, d)", f"shape {matrix.shape}{at}", "pass numpy.eye(d), say")
    _check_finite(matrix, name)
    share = 64 * n * _EPS if rounding is None else rounding
    skew = float(np.abs(matrix - matrix.T).max())
    if skew > share * float(np.abs(matrix).max()):
        raise HypothesisError(f"{name} is symmetric", f"|A − Aᵀ| up to {skew:.3g}", "pass (A + A.T) / 2")
    matrix = np.asarray((matrix + matrix.T) / 2, dtype=float)
    if definite:
        values = np.asarray(np.linalg.eigvalsh(matrix), dtype=float)
        if not values[0] > n * _EPS * abs(values[-1]):
            raise HypothesisError(f"{name} is positive definite", _between(values), "add a multiple of the identity, or drop a variable")
        return matrix
    try:
        # A factorisation costs a small part of what the eigenvalues do.
        np.linalg.cholesky(matrix + share * (float(np.abs(matrix).sum(axis=1).max()) or 1.0) * np.eye(n))
    except np.linalg.LinAlgError:
        raise _indefinite(name, np.asarray(np.linalg.eigvalsh(matrix), dtype=float)) from None
    return matrix


def covariance_spectrum(given: ArrayLike, name: str) -> Array:
    """Eigenvalues (d,) of a covariance, none below 0: what is so by rounding is 0.

    Raises
    ------
    HypothesisError
        If one is negative beyond the rounding of the largest, or not finite.

    >>> covariance_spectrum([2.0, -1e-17], "the spectrum")
    array([2., 0.])
    """
    values = array(given, name, shape="(d,)", nan=True, empty=True)
    if values.ndim != 1 or not values.size:
        raise HypothesisError(f"{name} has the shape (d,)", f"shape {values.shape}", "pass numpy.ones(d), say")
    _check_finite(values, name)
    if values.min() < -64 * values.size * _EPS * float(np.abs(values).max()):
        raise _indefinite(name, np.sort(values))
    return np.maximum(values, 0.0)


def _check_finite(matrix: Array, name: str) -> None:
    if not np.isfinite(matrix).all():
        raise HypothesisError(f"{name} is finite", "NaN or infinity in it", "find where they come from")


def _indefinite(name: str, values: Array) -> HypothesisError:
    return HypothesisError(f"{name} is positive semidefinite", _between(values), "pass a covariance matrix, as A @ A.T")


def _between(values: Array) -> str:
    return f"eigenvalues from {values[0]:.3g} to {values[-1]:.3g}"
