"""assert_gaussian: marginals, projections, radius, tails and second moments of samples against a Gaussian law."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from hermite_eq.testing.check import Check, detects, percent
from hermite_eq.testing.deviation import below_one
from hermite_eq.testing.rates import checked_resolution, declared_rate
from hermite_eq.testing.second_moments import direction_blocks, settle_moments, within
from hermite_eq.testing.statistics.null_laws import (
    chi2_detects,
    chi2_p_values,
    exceedance_p_value,
    kolmogorov_detects,
    kolmogorov_p_value,
    normal_p_values,
    robust_detects,
    robust_p_values,
)
from hermite_eq.testing.statistics.samples import StandardSamples, standard_samples

Array = NDArray[np.float64]
#: Random directions, beside the coordinates, whose marginal law is looked at; the same ones on every call.
PROJECTIONS = 8
#: Numbers of standard deviations beyond which samples are counted.
THRESHOLDS = (3.0, 4.0, 5.0)


@dataclass(frozen=True)
class _Statistic:
    p_value: float
    finding: str


def _distances(samples: StandardSamples, delta: float) -> list[_Statistic]:
    """Kolmogorov distances and exceedances of the coordinates, of random projections, and of the radius."""
    white = samples.white()
    count, width = white.shape
    chosen = np.random.default_rng(0).standard_normal((width, PROJECTIONS if width > 1 else 0))
    chosen /= np.linalg.norm(chosen, axis=0)
    lines = [(f"variable {j}", samples.z[:, j]) for j in range(width)]
    lines += [(f"random projection {j}", column) for j, column in enumerate((white @ chosen).T)]
    distances = []
    for name, values in lines:
        distances.append(_distance(f"the distribution function of {name}", np.sort(scipy.stats.norm.cdf(values)), delta))
        for threshold in THRESHOLDS:
            exceeding = int((np.abs(values) > threshold).sum())
            probability = 2 * float(scipy.stats.norm.sf(threshold))
            distances.append(
                _Statistic(
                    exceedance_p_value(exceeding, count, probability, delta),
                    f"{exceeding} values of {name} lie beyond {threshold:g} standard deviations, "
                    f"where {count * probability:.2g} are expected",
                )
            )
    radius = np.einsum("ij,ij->i", white, white)
    if width > 1:
        distances.append(
            _distance("the distribution function of the Mahalanobis norm", np.sort(scipy.stats.chi2.cdf(radius, width)), delta)
        )
    return distances


def _distance(name: str, uniform: Array, delta: float) -> _Statistic:
    """Kolmogorov's statistic of sorted values which are uniform under the claim."""
    steps = np.arange(len(uniform) + 1) / len(uniform)
    distance = float(max((steps[1:] - uniform).max(), (uniform - steps[:-1]).max()))
    return _Statistic(kolmogorov_p_value(distance, len(uniform), delta), f"{name} is {distance:.3g} off in places")


def _moments(samples: StandardSamples, delta: float, share: float, centred: bool) -> list[_Statistic]:
    """Means (if one is claimed) and variances in every direction; exact laws for δ = 0, bounded variances beyond."""
    n = samples.count
    deviations = []
    for columns, names in direction_blocks(samples):
        means, squares, q = columns.mean(axis=0), columns**2, len(names)
        if delta == 0:
            of_mean = normal_p_values(means * math.sqrt(n))
            of_square = chi2_p_values(squares.sum(axis=0), n)
        else:
            of_mean = robust_p_values(columns, np.full(q, -delta), np.full(q, delta), np.full(q, 1 + delta), share)
            of_square = robust_p_values(squares, np.full(q, 1 - delta), np.full(q, 1 + delta), np.full(q, square_variance(delta)), share)
        second = squares.mean(axis=0)
        deviations += [
            _Statistic(float(p), f"the variance of {name} is {value:.4g} times what is claimed")
            for p, name, value in zip(of_square, names, second, strict=True)
        ]
        if centred:
            deviations += [
                _Statistic(float(p), f"the mean of {name} is {value:.3g} standard deviations off")
                for p, name, value in zip(of_mean, names, means, strict=True)
            ]
    return deviations


def square_variance(delta: float) -> float:
    """The largest variance of z² within the deviation: variance 1 + δ and excess kurtosis 3δ."""
    return (2 + 3 * delta) * (1 + delta) ** 2


def assert_gaussian(
    samples: ArrayLike,
    cov: ArrayLike,
    *,
    mean: Any = 0.0,
    deviation: Any = 0.0,
    resolution: float = 0.25,
    rate: float | None = None,
) -> Check:
    r"""Assert that independent rows are Gaussian with the given mean and covariance, each variable and all of them jointly.

    The claim, with δ the allowed deviation: the distribution functions of every variable, of 8 random projections of the whitened rows
    and of the Mahalanobis norm are within δ of the Gaussian ones; in every direction of :mod:`hermite_eq.testing.second_moments` the
    mean is within δ of its value (in standard deviations) and the variance, relatively, within δ; the excess kurtosis is at most 3δ.
    The last is what a scale mixture of normals has whose variance :math:`s^2` has the mean 1 and the variance δ, as pre-activations have
    with :math:`\delta=C/d` ([RT] Lemma 1; ``covariance(task).norm_law()`` gives C). With δ = 0 the laws of the statistics are exact
    (Kolmogorov, binomial, normal, χ²); with δ > 0 the p-values are valid for every law within the deviation.

    Parameters
    ----------
    samples : (n, p) array
        Independent rows (or n numbers).
    cov : (p, p) array or number
        The exact or limiting covariance.
    mean : number, (p,) array or None
        The mean, 0 by default; None where it is unknown, at the price of half the rows and of the sight of skewness.
    deviation : float or Deviation
        δ; ``Deviation(C, order=-1, d=d)`` declares it as a rate with its constant.
    resolution : float
        The assertion has to be able to see a variance too large by this (relative, beyond δ) with probability 99 %.
    rate : float, optional
        False-alarm rate of this call (all its statistics together).

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If the samples contradict the claim.
    HypothesisError
        For NaNs, shapes that do not match, a singular covariance, rows drawn twice, or too few rows to conclude.

    References
    ----------
    [RT] Lemma 1, Corollary 2; ``derivations/statistics/deviation_nulls.py``.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> check = assert_gaussian(rng.standard_normal((4000, 2)), np.eye(2))
    >>> print(check.verdict)
    agrees
    >>> assert_gaussian(rng.standard_t(3, size=4000) / 3**0.5, 1.0)
    Traceback (most recent call last):
        ...
    hermite_eq.testing.check.UniversalityError: assert_gaussian: the data contradict the claim that ...
    """
    level, delta, resolution = declared_rate(rate), below_one(deviation), checked_resolution(resolution)
    standard = standard_samples(samples, mean, cov, "cov")
    count, width = standard.count, standard.width
    centred = mean is not None
    distances = _distances(standard, delta)
    statistics = len(distances) + width**2 * (2 if centred else 1)
    share = level / statistics
    worst = min(distances + _moments(standard, delta, share, centred), key=lambda statistic: statistic.p_value)
    finding = worst.finding[0].upper() + worst.finding[1:]

    def detected(n: int) -> float:
        return chi2_detects(share, n) if delta == 0 else robust_detects(share, square_variance(delta), n)

    distance = kolmogorov_detects(share, count, delta)
    if distance < 1:
        finding += f". {detects(f'a distribution function off by {percent(distance)}')}"
    claim = f"{standard.rows} rows of {width} variable{'s' if width > 1 else ''} are Gaussian with the given covariance{within(delta)}"
    return settle_moments(
        "assert_gaussian", claim, min(1.0, worst.p_value * statistics), level, finding, detected, standard, delta, resolution
    )
