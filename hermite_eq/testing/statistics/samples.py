"""Samples of a random vector as a user hands them over, standardised by the law they are claimed to have."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array
from hermite_eq.errors import HypothesisError
from hermite_eq.models.covariance_matrix import covariance_matrix

Array = NDArray[np.float64]
#: Share of repeated rows beyond which they are no independent draws of a law without atoms.
_REPEATED = 0.01


@dataclass(frozen=True, eq=False)
class StandardSamples:
    r"""Rows :math:`x_i` with claimed mean 0 and covariance Σ.

    Attributes
    ----------
    z : (n, p) array
        :math:`x_{ij}/\sqrt{\Sigma_{jj}}`.
    correlation : (p, p) array
    rows_each : int
        How many of the rows handed over each row of z is made of: two where the mean is unknown.
    """

    z: Array
    correlation: Array
    rows_each: int

    @property
    def count(self) -> int:
        return len(self.z)

    @property
    def rows(self) -> int:
        """How many of the rows handed over are used."""
        return self.rows_each * self.count

    @property
    def width(self) -> int:
        return int(self.z.shape[1])

    def white(self) -> Array:
        r""":math:`L^{-1}z` with :math:`LL^\top` the correlation: uncorrelated entries of variance 1 under the claim."""
        return np.asarray(np.linalg.solve(np.linalg.cholesky(self.correlation), self.z.T).T)


def standard_samples(samples: ArrayLike, mean: Any, cov: ArrayLike, name: str) -> StandardSamples:
    r"""Check shapes and numbers, subtract the mean, and divide by the standard deviations claimed.

    Without a mean (``None``) the rows are replaced by :math:`(x_{2i-1}-x_{2i})/\sqrt2`: half as many, independent, of mean 0 and the
    same covariance, and Gaussian if and only if the rows are (Cramér).
    """
    x = array(samples, "samples", finite=False, empty=True, nan=True)
    x = x[:, None] if x.ndim == 1 else x
    if x.ndim != 2 or 0 in x.shape:
        raise HypothesisError("samples have shape (n, p), one row for each draw", f"shape {x.shape}", "pass one row for each draw")
    bad = ~np.isfinite(x)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise HypothesisError(
            "samples are finite",
            f"{int(bad.sum())} entries NaN or infinite, the first in row {row}, column {column}",
            "find where the features overflow, or draw in double precision",
        )
    n, p = x.shape
    sigma = array(cov, name, nan=True)
    sigma = sigma.reshape((1, 1)) if sigma.ndim == 0 else sigma
    if sigma.shape != (p, p):
        raise HypothesisError(
            f"{name} has shape (p, p) for samples of shape (n, p)",
            f"shapes {sigma.shape} and {x.shape}",
            f"pass a matrix of shape ({p}, {p}), or samples with one column for each variable",
        )
    sigma = covariance_matrix(sigma, name, definite=True)
    repeated = 1 - len(np.unique(x, axis=0)) / n
    if n > 1 and repeated > _REPEATED:
        raise HypothesisError(
            "the rows are independent draws",
            f"{100 * repeated:.0f} % of {n} rows repeated",
            "draw every row afresh; do not reuse or resample rows",
        )
    if mean is None:
        x = (x[: n // 2 * 2 : 2] - x[1::2]) / math.sqrt(2)
    else:
        centre = array(mean, "mean")
        if centre.shape not in ((), (p,)):
            raise HypothesisError(
                f"a mean is a number or a vector of length {p}", f"shape {centre.shape}", f"pass shape ({p},), or None if unknown"
            )
        x = x - centre
    if len(x) < 2:
        raise HypothesisError("there are samples to judge by", f"{n} rows", "pass some thousand rows: how many, the check says")
    scale = np.sqrt(np.diag(sigma))
    return StandardSamples(x / scale, sigma / np.outer(scale, scale), 2 if mean is None else 1)
