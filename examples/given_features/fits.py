"""Fits to rows of a data set, tested on the others, and what theory says of them from the data's own covariance."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory import EstimatedSpectrum, RidgeError, estimated_spectrum, random_features, ridge

Array = NDArray[np.float64]
#: Training rows, λ on pixels scaled to E‖x‖² = 1, and random features.
COUNTS, RIDGE, FEATURES = (25, 50, 100, 200, 400, 800), 0.02, 300
_SEED = 20261201


@functools.cache
def digits() -> tuple[Array, Array]:
    """Centred pixels with E‖x‖² = 1, and whether the digit is odd, ±1."""
    from sklearn.datasets import load_digits

    data = load_digits()
    x = data.data - data.data.mean(0)
    return x / math.sqrt((x**2).sum(1).mean()), np.where(data.target % 2, 1.0, -1.0)


def first_layer(number: int = 0) -> Array:
    """W with entries N(0, 1): pre-activations of a pixel image have a variance of 1 on average."""
    return np.random.default_rng([_SEED, number]).standard_normal((digits()[0].shape[1], FEATURES))


def relu_features(layer: Array) -> Array:
    """Random ReLU features of all images."""
    return np.maximum(digits()[0] @ layer, 0.0) / math.sqrt(FEATURES)


@dataclass(frozen=True)
class Measured:
    """Mean errors over draws of the rows, with their standard errors; arrays over :data:`COUNTS`."""

    test: Array
    test_error: Array
    training: Array
    left_out: Array


def fit(features: Callable[[int], Array], draws: int, *, intercept: bool) -> Measured:
    """Ridge regression on rows drawn at random; ``features`` may depend on the draw."""
    y = digits()[1]
    test, training, left_out = (np.empty((draws, len(COUNTS))) for _ in range(3))
    for draw in range(draws):
        X, order = features(draw), np.random.default_rng([_SEED, draw]).permutation(len(y))
        for i, n in enumerate(COUNTS):
            rows, others = order[:n], order[n:]
            middle, mean = (X[rows].mean(0), y[rows].mean()) if intercept else (np.zeros(X.shape[1]), 0.0)
            A, b = X[rows] - middle, y[rows] - mean
            factor = np.linalg.solve(A.T @ A + RIDGE * np.eye(X.shape[1]), A.T)
            w, leverage = factor @ b, np.einsum("ij,ji->i", A, factor) + (1 / n if intercept else 0.0)
            residual = b - A @ w
            test[draw, i] = np.mean((y[others] - mean - (X[others] - middle) @ w) ** 2)
            training[draw, i], left_out[draw, i] = np.mean(residual**2), np.mean((residual / (1 - leverage)) ** 2)
    return Measured(test.mean(0), test.std(0, ddof=1) / math.sqrt(draws), training.mean(0), left_out.mean(0))


def population(features: Array) -> EstimatedSpectrum:
    """What all rows say of features."""
    return estimated_spectrum(features, digits()[1])


def theory(spectrum: EstimatedSpectrum) -> RidgeError:
    """Of fits with an intercept at every count."""
    return ridge(spectrum.spectrum, spectrum.alignment, COUNTS, RIDGE, noise=spectrum.noise, intercept=True)


def kernel() -> Array:
    """E_w ReLU(wᵀx)ReLU(wᵀx′) over all images."""
    x = digits()[0]
    length = np.linalg.norm(x, axis=1)
    angle = np.arccos(np.clip(x @ x.T / np.outer(length, length), -1.0, 1.0))
    return np.asarray(np.outer(length, length) / (2 * math.pi) * (np.sin(angle) + (math.pi - angle) * np.cos(angle)))


def theory_of_kernel() -> RidgeError:
    """Of fits on random features of any first layer, from the kernel alone: its functions are those of the N images there are, of which n
    are trained on, so that :math:`e=\\frac nNe_{train}+(1-\\frac nN)e_{held\\,out}`."""
    N = len(digits()[1])
    values, vectors = np.linalg.eigh(kernel() / N)
    error = random_features(np.maximum(values, 0.0), (vectors.T @ digits()[1]) ** 2 / N, COUNTS, FEATURES, None, RIDGE)
    share = np.array(COUNTS) / N
    return replace(error, test=(error.test - share * error.training) / (1 - share))


def theory_of_random_features(spectrum: EstimatedSpectrum) -> RidgeError:
    """The same as if pixels were Gaussian: what is not linear in them is noise."""
    return random_features(spectrum.spectrum, spectrum.alignment, COUNTS, FEATURES, "relu", RIDGE, noise=spectrum.noise,
                           mean=float(digits()[1].mean()))  # fmt: skip
