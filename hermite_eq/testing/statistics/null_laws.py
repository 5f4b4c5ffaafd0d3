r"""p-values of single statistics, valid for every law within a declared deviation, and the deviations they detect.

Derived in ``derivations/statistics/deviation_nulls.py`` (Kolmogorov distance, exceedances) and
``derivations/statistics/robust_mean_test.py`` (means of variables of which only the variance is bounded).
"""

from __future__ import annotations

import math

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.testing.rates import POWER

Array = NDArray[np.float64]
MISS = 1 - POWER


def kolmogorov_p_value(distance: float, count: int, deviation: float = 0.0) -> float:
    r"""P-value of :math:`D=\sup|F_n-F_0|` under :math:`\sup|F-F_0|\le\delta`, whatever F:
    :math:`\mathbb P(\sup|F_n-F|\ge D-\delta)`, the exact law of Kolmogorov.

    >>> kolmogorov_p_value(0.03, 1000) < kolmogorov_p_value(0.03, 1000, deviation=0.01)
    True
    """
    return float(scipy.stats.kstwo.sf(distance - deviation, count)) if distance > deviation else 1.0


def kolmogorov_detects(rate: float, count: int, deviation: float = 0.0) -> float:
    r"""The distance :math:`\sup|F-F_0|` seen with probability 99 %, whatever F: the critical distance, and by the inequality of
    Dvoretzky, Kiefer, Wolfowitz and Massart :math:`\sqrt{\log(2/0.01)/2n}` for the fluctuation of :math:`F_n` about F.
    """
    return deviation + float(scipy.stats.kstwo.isf(rate, count)) + math.sqrt(math.log(2 / MISS) / (2 * count))


def exceedance_p_value(exceeding: int, count: int, probability: float, deviation: float = 0.0) -> float:
    r"""P-value of the number of samples beyond a threshold: binomial with a probability of at most ``probability`` + 2δ.

    With :math:`\sup|F-F_0|\le\delta` the two tails together have at most 2δ more than :math:`F_0`'s.

    >>> exceedance_p_value(3, 1000, probability=6.3e-5) < 1e-4
    True
    """
    return float(scipy.stats.binom.sf(exceeding - 1, count, min(1.0, probability + 2 * deviation)))


def chi2_p_values(squares: Array, freedom: int) -> Array:
    r"""Two-sided p-values of sums of ``freedom`` squares of independent N(0, 1), one for each entry."""
    upper = scipy.stats.chi2.sf(squares, freedom)
    return np.asarray(np.minimum(1.0, 2 * np.minimum(upper, scipy.stats.chi2.cdf(squares, freedom))))


def chi2_detects(rate: float, freedom: int) -> float:
    """The relative excess of a variance that the two-sided test at ``rate`` sees with probability 99 %."""
    return float(scipy.stats.chi2.isf(rate / 2, freedom) / scipy.stats.chi2.ppf(MISS, freedom)) - 1


def normal_p_values(scores: Array) -> Array:
    """Two-sided p-values of standard normal scores."""
    return np.asarray(np.minimum(1.0, 2 * scipy.stats.norm.sf(np.abs(scores))))


def influence(x: Array) -> Array:
    r"""Catoni's :math:`\psi(x)=\operatorname{sign}(x)\log(1+|x|+x^2/2)`, for which
    :math:`-\log(1-x+\tfrac{x^2}2)\le\psi(x)\le\log(1+x+\tfrac{x^2}2)`.
    """
    size = np.abs(x)
    return np.asarray(np.sign(x) * np.log1p(size + x * x / 2))


def robust_p_values(values: Array, low: Array, high: Array, variance: Array, rate: float) -> Array:
    r"""P-values of the claims :math:`\text{low}\le\mathbb E w\le\text{high}`, for every law with :math:`\operatorname{Var}w\le v`.

    For :math:`\theta-\tfrac2s\le\mathbb Ew\le\theta` the mean of :math:`\exp\bigl(\sum_i\psi(s(w_i-\theta))-ns^2v/2\bigr)` is at most
    1, so that by Markov's inequality its reciprocal is a p-value, at any n and for any tails. The claims bound the mean on both sides
    (w ≥ 0, or low is finite), so that a scale s of at most 2/(high − min(low, 0)) will do.

    Parameters
    ----------
    values : (n, q) array
        Independent rows.
    low, high, variance : (q,) arrays
    rate : float
        The level at which the test is to be sharp; the p-values hold at every level.
    """
    count = len(values)
    span = high - np.minimum(low, 0)
    scale = np.minimum(np.sqrt(2 * math.log(1 / rate) / (count * variance)), 2 / np.maximum(span, np.finfo(float).tiny))
    above = influence(scale * (values - high)).sum(axis=0)
    below = influence(scale * (low - values)).sum(axis=0)
    # Twice: two one-sided claims.
    exponent = count * scale**2 * variance / 2 - np.maximum(above, below)
    return np.asarray(np.minimum(1.0, 2 * np.exp(np.minimum(0.0, exponent))))


def robust_detects(rate: float, variance: float, count: int) -> float:
    r"""The relative excess Δ of the mean of squares that :func:`robust_p_values` sees with probability 99 %; ``inf`` where none is.

    The alternative has the mean 1 + Δ and the variance :math:`v(1+\Delta)^2`; Δ is the smaller root of
    :math:`s\Delta-\tfrac{s^2\Delta^2}2=\tfrac{s^2v}2\bigl(1+(1+\Delta)^2\bigr)+\tfrac1n\log\tfrac{2}{0.01\,\text{rate}}`.
    """
    s = math.sqrt(2 * math.log(1 / rate) / (count * variance))
    a, b = s**2 * (1 + variance) / 2, s**2 * variance - s
    c = s**2 * variance + math.log(2 / (MISS * rate)) / count
    root = b * b - 4 * a * c
    return (-b - math.sqrt(root)) / (2 * a) if b < 0 <= root else math.inf
