"""Spectrum, alignment and noise of features from a matrix of them and labels."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, flag
from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class EstimatedSpectrum:
    r"""What :func:`hermite_eq.theory.ridge` needs to know of features.

    Attributes
    ----------
    spectrum : (D,) array
        Eigenvalues of the covariance, the largest first.
    alignment : (D,) array
        The squared part of the target along each eigenvector.
    noise : float
        The variance of the labels about the best linear function.
    rows : int
        From how many rows.
    """

    spectrum: Array
    alignment: Array
    noise: float
    rows: int


def estimated_spectrum(features: ArrayLike, labels: ArrayLike, *, centred: bool = True) -> EstimatedSpectrum:
    r"""Eigenvalues and alignments from N rows of features and their labels, N well above D.

    With :math:`\lambda_k,u_k` of :math:`\frac1NX^\top X`, :math:`z_k=u_k^\top X^\top y/(N\sqrt{\lambda_k})` and
    :math:`\hat\sigma^2=\bigl(\frac1N\|y\|^2-\sum_kz_k^2\bigr)/(1-\frac DN)`, the estimates are :math:`\sigma^2=\hat\sigma^2` and
    :math:`\beta_k^2=\max(z_k^2-\hat\sigma^2/N,0)`: the labels' noise raises :math:`z_k^2` by σ²/N on average.

    Parameters
    ----------
    features : (N, D) array_like
    labels : (N,) array_like
    centred : bool
        Whether means are subtracted, as for a fit with an intercept.

    Raises
    ------
    HypothesisError
        If the shapes do not match, something is not finite, the labels are constant, or N ≤ D + 1.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = rng.standard_normal((40000, 2)) * [2.0, 1.0]
    >>> found = estimated_spectrum(x, x @ [0.5, 0.0] + 0.3 * rng.standard_normal(40000))
    >>> found.spectrum.round(1), found.alignment.round(1), round(found.noise, 2)
    (array([4., 1.]), array([1., 0.]), 0.09)
    """
    X = array(features, "features", shape="(N, D)", dimensions=2)
    y = array(labels, "labels", "one for each row of features", dimensions=1)
    if len(X) != len(y):
        raise HypothesisError("there is a label for every row", f"{len(X)} rows and {len(y)} labels", "pass shapes (N, D) and (N,)")
    mean = flag(centred, "centred")
    N, D = len(y) - mean, X.shape[1]
    if N <= D:
        raise HypothesisError(
            "there are more rows than features, of which the covariance is estimated",
            f"{len(y)} rows of {D}",
            "pass more rows, or the leading principal components",
        )
    if mean:
        X, y = X - X.mean(0), y - y.mean()
    total = float(y @ y) / N
    if not total > 0:
        raise HypothesisError("the labels vary", "a variance of 0", "pass labels that are not constant")
    left, singular, _ = np.linalg.svd(X / math.sqrt(N), full_matrices=False)
    inside = singular > max(X.shape) * np.finfo(float).eps * singular[0]
    z = np.where(inside, left.T @ y / math.sqrt(N), 0.0)
    rest = max(total - float(z @ z), 0.0) / (1 - int(inside.sum()) / N)
    return EstimatedSpectrum(np.where(inside, singular**2, 0.0), np.where(inside, np.maximum(z**2 - rest / N, 0.0), 0.0), rest, len(y))
