r"""Second moments along directions: every variance, and every sum and difference of two standardised variables.

With :math:`z_j=x_j/\sqrt{\Sigma_{jj}}` and :math:`z_{jk}^\pm=(z_j\pm z_k)/\sqrt{2(1\pm r_{jk})}`, the claim
:math:`\operatorname{Cov}(x)=\Sigma` says that all :math:`p^2` of them have variance 1, and conversely
:math:`2(1+r)\operatorname{Var}z^+-2(1-r)\operatorname{Var}z^-=4\operatorname{Cov}(z_j,z_k)`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import non_negative
from hermite_eq.testing.check import Check, Verdict, conclude, detects, percent
from hermite_eq.testing.deviation import below_one
from hermite_eq.testing.rates import COARSEST, checked_resolution, declared_rate
from hermite_eq.testing.statistics.null_laws import robust_detects, robust_p_values
from hermite_eq.testing.statistics.samples import StandardSamples, standard_samples

Array = NDArray[np.float64]


def direction_blocks(samples: StandardSamples) -> Iterator[tuple[Array, list[str]]]:
    r"""The standardised variables, then their normalised sums and differences: arrays of columns with their names."""
    z, r = samples.z, samples.correlation
    yield z, [f"variable {j}" for j in range(samples.width)]
    for j in range(samples.width - 1):
        rest = slice(j + 1, samples.width)
        for sign, word in ((1, "sum"), (-1, "difference")):
            columns = (z[:, j, None] + sign * z[:, rest]) / np.sqrt(2 * (1 + sign * r[j, rest]))
            yield columns, [f"the {word} of the standardised variables {j} and {k}" for k in range(j + 1, samples.width)]


def least_count(detected: Callable[[int], float], resolution: float, start: int) -> int:
    """The least n (to one part in twenty) at which ``detected(n)`` is at most ``resolution``."""
    n = start
    while detected(n) > resolution and n < 10**12:
        n = math.ceil(1.05 * n)
    return n


def assert_covariance(
    samples: ArrayLike,
    expected: ArrayLike,
    *,
    mean: Any = 0.0,
    deviation: Any = 0.0,
    excess_kurtosis: float = 3.0,
    resolution: float = 0.25,
    rate: float | None = None,
) -> Check:
    r"""Assert that independent rows have the covariance ``expected``; they need not be Gaussian.

    The claim: in each of the :math:`p^2` directions of :mod:`hermite_eq.testing.second_moments`, standardised by ``expected``,
    :math:`|\mathbb Ez^2-1|\le\delta`, and the excess kurtosis is at most ``excess_kurtosis``, so that
    :math:`\operatorname{Var}z^2\le(2+\text{excess kurtosis})(1+\delta)^2`. Under nothing else than that, at every n, the p-value is
    valid (Catoni's exponential inequality, ``derivations/statistics/robust_mean_test.py``).

    Parameters
    ----------
    samples : (n, p) array
        Independent rows (or n numbers).
    expected : (p, p) array
        The covariance claimed.
    mean : number, (p,) array or None
        The mean, 0 by default; None where it is unknown, at the price of half the rows.
    deviation : float or Deviation
        δ, relative to the variance in each direction: the allowed finite-d deviation.
    excess_kurtosis : float
        The bound on the fourth moments: 0 for Gaussian rows, 3 allows tails as heavy as Laplace's.
    resolution : float
        The assertion has to be able to see an excess of this size (relative, beyond δ) with probability 99 %.
    rate : float, optional
        False-alarm rate of this call.

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If the samples contradict the claim.
    HypothesisError
        For NaNs, shapes that do not match, a singular ``expected``, rows drawn twice, or too few rows to conclude.

    Examples
    --------
    >>> import numpy as np
    >>> x = np.random.default_rng(0).standard_normal((10_000, 2)) @ np.array([[1.0, 0.5], [0.0, 1.0]])
    >>> check = assert_covariance(x, [[1, 0.5], [0.5, 1.25]])
    >>> print(check.power)
    With probability 99 % a variance 24 % too large in one of 4 directions would be seen
    """
    level, delta, resolution = declared_rate(rate), below_one(deviation), checked_resolution(resolution)
    excess_kurtosis = non_negative(
        excess_kurtosis,
        "excess_kurtosis",
        requirement="the excess kurtosis has a finite bound ≥ 0",
        repair="pass excess_kurtosis=3.0; test heavier tails through bounded functions of the samples",
    )
    standard = standard_samples(samples, mean, expected, "expected")
    share = level / standard.width**2
    variance = (2 + excess_kurtosis) * (1 + delta) ** 2
    smallest, where, ratio, kurtosis = 1.0, "", 1.0, -math.inf
    for columns, names in direction_blocks(standard):
        squares = columns**2
        q = len(names)
        p_values = robust_p_values(squares, np.full(q, 1 - delta), np.full(q, 1 + delta), np.full(q, variance), share)
        second = squares.mean(axis=0)
        kurtosis = max(kurtosis, float(((squares**2).mean(axis=0) / second**2 - 3).max()))
        worst = int(p_values.argmin()) if p_values.min() < 1 else int(np.abs(second - 1).argmax())
        if not where or p_values[worst] < smallest or (smallest == 1 and abs(second[worst] - 1) > abs(ratio - 1)):
            smallest, where, ratio = float(p_values[worst]), names[worst], float(second[worst])
    finding = f"The variance of {where} is {ratio:.4g} times what is claimed"
    if kurtosis > excess_kurtosis:
        finding += f" (and their excess kurtosis reaches {kurtosis:.2g}, where excess_kurtosis={excess_kurtosis:g} was declared)"

    def detected(n: int) -> float:
        return robust_detects(share, variance, n)

    return settle_moments(
        "assert_covariance",
        f"the covariance of {standard.rows} rows is the expected one{within(delta)}",
        min(1.0, smallest * standard.width**2),
        level,
        finding,
        detected,
        standard,
        delta,
        resolution,
    )


def settle_moments(
    assertion: str,
    claim: str,
    p_value: float,
    rate: float,
    finding: str,
    detected: Callable[[int], float],
    samples: StandardSamples,
    delta: float,
    resolution: float,
) -> Check:
    """The verdict of a test of variances, which must be able to see an excess of ``resolution``."""
    detectable = detected(samples.count)
    verdict, repair = Verdict.AGREES, ""
    if p_value <= rate:
        verdict = Verdict.DIFFERENT
    elif detectable > resolution:
        needed = samples.rows_each * least_count(detected, resolution, samples.count)
        verdict = Verdict.INCONCLUSIVE
        repair = f"draw {needed} rows to see {percent(resolution)} beyond the deviation allowed"
        repair += f", or pass resolution={math.ceil(100 * detectable) / 100:g}" if detectable < COARSEST else ""
    power = detects(f"a variance {percent(delta + detectable)} too large in one of {samples.width**2} directions")
    return conclude(Check(assertion, claim, verdict, p_value, rate, finding, power, repair))


def within(delta: float) -> str:
    """The words for an allowed deviation.

    >>> within(0.05), within(0.0)
    (' within a deviation of 0.05', '')
    """
    return f" within a deviation of {delta:.3g}" if delta else ""
