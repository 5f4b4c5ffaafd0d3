r"""The mean of a normal sample of unknown variance, watched as it grows: a confidence sequence by mixture over effect sizes.

For :math:`x_i\sim\mathcal N(\mu,\varsigma^2)` and the claim μ = m, with :math:`t_n=\sqrt n(\bar x-m)/s_n`, :math:`\nu=n-1` and
:math:`A=1+nw^2`,

.. math:: M_n(m)=A^{-1/2}\Bigl(\frac{1+t_n^2/\nu}{1+t_n^2/(\nu A)}\Bigr)^{n/2}

is the likelihood ratio, under the right Haar prior dς/ς, of an effect size :math:`(\mu-m)/\varsigma\sim\mathcal N(0,w^2)` against 0: a
martingale of mean 1 in the filtration of the scale-free statistics. By Ville's inequality
:math:`\mathbb P(\exists n:M_n\ge1/\alpha)\le\alpha`, so that one may look after every run and stop at will. Derived in
``derivations/statistics/sequential_t_test.py``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: w: the standard deviation of the effect sizes for which the sequence is tuned.
EFFECT = 1.0


def log_mixture(t: float, count: int) -> float:
    r"""The logarithm of :math:`M_n` at the t statistic of n = ``count`` values.

    >>> round(log_mixture(0.0, 3), 4), log_mixture(10.0, 20) > math.log(1e6)
    (-0.6931, True)
    """
    freedom, a = count - 1, 1 + count * EFFECT**2
    return -math.log(a) / 2 + count / 2 * (math.log1p(t * t / freedom) - math.log1p(t * t / (freedom * a)))


def critical_t(rate: float, count: int) -> float:
    r"""The t beyond which :math:`M_n\ge1/\text{rate}`: with :math:`B=(A/\text{rate}^2)^{1/n}`, :math:`t^2=\nu(B-1)/(1-B/A)`;
    ``inf`` where no t is enough.

    >>> round(critical_t(1e-6, 100), 2), critical_t(1e-6, 5)
    (6.18, inf)
    """
    if count < 2:
        return math.inf
    a = 1 + count * EFFECT**2
    b = math.exp((math.log(a) - 2 * math.log(rate)) / count)
    return math.sqrt((count - 1) * (b - 1) / (1 - b / a)) if b < a else math.inf


@dataclass(frozen=True)
class Sides:
    r"""The extreme evidence so far about the sign of a mean: logarithms of :math:`\max_nM_n` over the n with a positive, a negative t.

    ``above`` ≥ log 1/α contradicts μ ≤ 0, ``below`` contradicts μ ≥ 0, each with a false-alarm rate of α over all n together.
    """

    above: float = 0.0
    below: float = 0.0

    def then(self, values: Array, start: int) -> Sides:
        """With the values of index ``start`` and later, which had not been seen."""
        above, below = self.above, self.below
        for count in range(max(2, start + 1), len(values) + 1):
            part = values[:count]
            mean, spread = float(part.mean()), float(part.std(ddof=1))
            if mean == 0:
                continue
            log = log_mixture(math.sqrt(count) * mean / spread, count) if spread > 0 else 0.0
            above, below = (max(above, log), below) if mean > 0 else (above, max(below, log))
        return Sides(above, below)


def runs_needed(mean: float, spread: float, rate: float, start: int, most: int = 10**7) -> int | None:
    """How many values of this mean and standard deviation contradict the sign 0 at ``rate``; None beyond ``most``."""
    count = max(start, 2)
    while count <= most:
        if math.sqrt(count) * abs(mean) >= critical_t(rate, count) * spread:
            return count
        count = math.ceil(1.05 * count)
    return None
