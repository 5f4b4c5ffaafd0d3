r"""The rates at which the errors fall where spectrum and alignment are power laws."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hermite_eq.arguments import number, positive
from hermite_eq.errors import HypothesisError


@dataclass(frozen=True)
class PowerLawRates:
    r"""Exponents γ of :math:`n^{-\gamma}`.

    Attributes
    ----------
    effective_ridge, bias, variance : float
    excess : float
        That of the test error less the noise: the lesser of the two with noise.
    """

    effective_ridge: float
    bias: float
    variance: float

    @property
    def excess(self) -> float:
        """The exponent of the excess error: the smaller of those of bias and variance."""
        return min(self.bias, self.variance)


def power_law_rates(capacity: float, source: float, *, ridge: float = math.inf, width: float = math.inf) -> PowerLawRates:
    r"""Rates for eigenvalues :math:`k^{-a}`, alignments :math:`\beta_k^2=k^{-1-2ar}`, the ridge :math:`\lambda=n^{1-\ell}` and
    :math:`p=n^q` random features.

    The effective ridge falls as :math:`n^{-am}`, :math:`m=\min(\ell/a,q,1)`, and

    .. math:: \gamma_V=1-m,\qquad
        \gamma_B=\min\bigl(2am\min(r,1),\;2am\min(r,\tfrac12)+q-m\bigr) .

    Parameters
    ----------
    capacity : float
        a > 1.
    source : float
        r > 0.
    ridge : float
        ℓ; ``inf`` is no ridge.
    width : float
        q; ``inf`` is kernel ridge regression, where the second rate of the bias is none.

    Raises
    ------
    HypothesisError
        For a ≤ 1, r ≤ 0, ℓ ≤ 0 (no ridge vanishes fast enough for anything to be learnt) or q ≤ 0.

    References
    ----------
    ``derivations/heads/given_features.py``; Defilippis, Loureiro and Misiakiewicz, arXiv 2405.15699.

    Examples
    --------
    >>> power_law_rates(1.5, 0.5, ridge=1.0)
    PowerLawRates(effective_ridge=1.0, bias=1.0, variance=0.33333333333333337)
    >>> power_law_rates(2.0, 1.0, width=0.5).bias
    1.0
    """
    a = positive(capacity, "capacity", requirement="the eigenvalues fall as k^-a", repair="pass capacity=1.5, say")
    if a <= 1:
        raise HypothesisError("the eigenvalues have a sum: a > 1", f"capacity={a:g}", "pass capacity=1.5, say")
    r = positive(source, "source", requirement="the alignments have a sum: r > 0", repair="pass source=0.5, say")
    ell, q = number(ridge, "ridge", "ℓ of λ = n^(1−ℓ)"), number(width, "width", "q of p = n^q")
    for name, value in (("ridge", ell), ("width", q)):
        if not value > 0:
            raise HypothesisError(f"the exponent {name} is > 0", f"{name}={value:g}", f"pass {name}=1.0, or leave it out")
    m = min(ell / a, q, 1.0)
    return PowerLawRates(a * m, min(2 * a * m * min(r, 1), 2 * a * m * min(r, 0.5) + q - m), 1 - m)
