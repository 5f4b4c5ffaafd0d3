r"""The degree p which an equivalent polynomial model needs: sufficient criteria, and what a given p leaves out.

Two neurons whose pre-activations have correlation ω have features with covariance :math:`\sum_k c_k^2\omega^k/k!`. What
:math:`\hat\sigma_p` leaves out is :math:`O(|\omega|^{p+1})` in every entry, at most n times that in operator norm: it vanishes if
:math:`n\max|\omega|^{p+1}\to0`. Where a spike of strength :math:`\asymp k^\beta` is in the covariance times the step, on k neurons,
:math:`\omega\asymp k^{\beta-1}`, and p suffices if :math:`(p+1)(1-\beta)>1`, that is :math:`p>\beta/(1-\beta)`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import positive
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import HermiteExpansion, coefficients, gaussian_mean
from hermite_eq.hermite import check_degree
from hermite_eq.models import Sizes
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.structured.conditional import check_coupling, conditional_coefficients

#: Degrees up to which series are summed.
_TERMS = 120


@dataclass(frozen=True)
class SufficientDegree:
    r"""Sufficient degrees by the criteria which could be evaluated; None where a criterion was not, or cannot be met.

    Attributes
    ----------
    coupling : float or None
        :math:`\max_{i\ne j}|\omega_{ij}|`, as given.
    by_coupling : int or None
        The least r ≥ 1 with max coupling :math:`\le Cn^{-1/r}`.
    exponent : float or None
        :math:`\beta=\log(\|\mathrm{Cov}\|\,\eta)/\log k`, from one size: it leaves open what constant is in front.
    by_exponent : int or None
        The least p ≥ 0 with :math:`p>\beta/(1-\beta)`, for β < 1.
    measured : int or None
        The degree found sufficient by simulation, as given.
    """

    coupling: float | None
    by_coupling: int | None
    exponent: float | None
    by_exponent: int | None
    measured: int | None

    @property
    def degree(self) -> int | None:
        """The largest of the criteria which could be evaluated, at least 1; None if one of them cannot be met by any degree.

        Each is sufficient by itself; the largest is safe whichever of them the constants belong to.
        """
        given = [(self.coupling, self.by_coupling), (self.exponent, self.by_exponent)]
        degrees = [value for asked, value in given if asked is not None]
        if not degrees or None in degrees:
            return None
        return max(1, *(value for value in degrees if value is not None))

    def __str__(self) -> str:
        parts = []
        if self.coupling is not None:
            parts.append(f"max coupling {self.coupling:.3g}: {'no r suffices' if self.by_coupling is None else f'r = {self.by_coupling}'}")
        if self.exponent is not None:
            parts.append(f"β = {self.exponent:.3g}: {'β ≥ 1, none given' if self.by_exponent is None else f'p = {self.by_exponent}'}")
        if self.measured is not None:
            parts.append(f"measured: {self.measured}")
        return "; ".join(parts)


def degree_needed(
    sizes: Sizes,
    *,
    coupling: float | None = None,
    constant: float = 1.0,
    strength: float | None = None,
    measured: int | None = None,
) -> SufficientDegree:
    r"""The papers' sufficient criteria for the degree of the equivalent model, evaluated at given sizes.

    Parameters
    ----------
    sizes : Sizes
        With ``hidden`` where ``strength`` is given.
    coupling : float, optional
        The largest correlation :math:`\max_{i\ne j}|f_i^\top\mathrm{Cov}(h)f_j|` of two pre-activations of variance one. The
        criterion is :math:`\max\le Cn^{-1/r}`.
    constant : float
        C. A proof leaves it open, and r depends on it through :math:`\log n/\log(C/\max)`.
    strength : float, optional
        :math:`\|\mathrm{Cov}\|\,\eta\asymp k^\beta`, k the hidden width: β is read off as :math:`\log\|\mathrm{Cov}\|\eta/\log k`.
    measured : int, optional
        The degree found sufficient by simulation, to stand beside.

    Returns
    -------
    SufficientDegree

    Raises
    ------
    HypothesisError
        If there is no criterion to evaluate, a number is not positive, or the hidden width is missing.

    References
    ----------
    [RT] Theorem 3 (r finite, no rule); [DM] Theorem 4.12 (p finite, no rule); ⌈β/(1−β)⌉ is the rule of the latter's authors for
    two-layer networks after one step: where the quotient is an integer it is one short of ``by_exponent``, for there the remainder is
    O(1). ``derivations/features/conditional_coefficients.py`` derives both from one remainder.

    Examples
    --------
    >>> sizes = Sizes(d=80, context=80, tasks=40, samples=3200, hidden=3200)
    >>> print(degree_needed(sizes, coupling=0.1, strength=3200**0.75, measured=3))
    max coupling 0.1: r = 4; β = 0.75: p = 4; measured: 3
    >>> degree_needed(sizes, strength=1e4).by_exponent is None
    True
    """
    if coupling is None and strength is None:
        raise HypothesisError(
            "there is a criterion to evaluate", "neither coupling nor strength", "pass coupling=0.1 or strength=10.0, say"
        )
    checked_sizes(sizes)
    largest = None if coupling is None else check_coupling(coupling)
    by_coupling = None if largest is None else _by_coupling(largest, _positive(constant, "constant"), sizes.samples)
    exponent, by_exponent = (None, None) if strength is None else _by_exponent(_positive(strength, "strength"), sizes)
    return SufficientDegree(
        largest, by_coupling, exponent, by_exponent, None if measured is None else check_degree(measured, name="measured")
    )


def _by_coupling(coupling: float, constant: float, samples: int) -> int | None:
    # coupling ≤ C n^{-1/r}  ⟺  r log(C/coupling) ≥ log n.
    if coupling >= constant:
        return None
    # A quotient that is an integer up to rounding is that integer.
    quotient = math.log(samples) / math.log(constant / coupling)
    return max(1, math.ceil(quotient * (1 - 8 * np.finfo(float).eps)))


def _by_exponent(strength: float, sizes: Sizes) -> tuple[float, int | None]:
    if sizes.hidden is None or sizes.hidden < 2:
        raise HypothesisError(
            "β is the exponent of the strength in the hidden width", f"sizes.hidden={sizes.hidden}", "pass Sizes(…, hidden=…)"
        )
    beta = math.log(strength) / math.log(sizes.hidden)
    if beta >= 1:
        return beta, None
    # A quotient that is an integer up to rounding is that integer, and does not exceed itself.
    return beta, max(0, math.floor(beta / (1 - beta) + 64 * np.finfo(float).eps / (1 - beta) ** 2) + 1)


def _positive(value: Any, name: str) -> float:
    return positive(value, name, requirement=f"the {name} is a positive number")


def missed_share(sigma: Any, coupling: float, degree: int) -> NDArray[np.float64]:
    r"""What :math:`\hat\sigma_p`, p = 0 … ``degree``, misses of the mean feature given the spike, as a share of :math:`\mathbb E\sigma^2`:

    .. math:: \frac{1}{\mathbb E\,\sigma^2}\,\mathbb E_\kappa\Bigl(c_0(\kappa,s)-c^{(p)}_0(\kappa)\Bigr)^2
        =\frac{1}{\mathbb E\,\sigma^2}\sum_{k>p}\frac{c_k^2\,\rho^{2k}}{k!},\qquad\kappa\sim\mathcal N(0,\rho^2).

    A spike of coupling ρ of order one has no finite sufficient degree: this is not zero for any p unless σ is a polynomial, and
    falls like :math:`\rho^{2p}`.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    coupling : float
        ρ.
    degree : int

    Returns
    -------
    ndarray, shape (degree + 1,)

    Examples
    --------
    >>> missed_share("relu", 0.5, 4).round(6)
    array([1.35e-01, 1.00e-02, 5.30e-05, 5.30e-05, 1.00e-06])
    """
    p, rho = check_degree(degree), check_coupling(coupling)
    expansion: HermiteExpansion = coefficients(sigma, max(_TERMS, p + 1))
    orthonormal = expansion.estimate.values
    terms = np.square(orthonormal) * rho ** (2 * np.arange(len(orthonormal)))
    tails, norm2 = np.cumsum(terms[::-1])[::-1], expansion.estimate.norm2
    # The rest of the series is at most ρ^{2(K+1)} c_K*².
    if rho ** (2 * len(orthonormal)) * max(0.0, norm2 - float(np.sum(np.square(orthonormal)))) > np.finfo(float).eps * norm2:
        # E_κ c_0(κ, s)² is the whole series.
        s = math.sqrt((1 - rho) * (1 + rho))
        whole = gaussian_mean(lambda g: np.square(conditional_coefficients(sigma, rho * g.ravel(), s, degree=0)).reshape(g.shape))
        rest = whole - float(terms.sum())
    else:
        rest = 0.0
    return np.asarray((tails[1 : p + 2] + rest) / norm2)
