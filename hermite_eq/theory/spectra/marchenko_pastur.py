r"""Marchenko-Pastur functionals in closed form.

:math:`S_k=\frac1k\sum_{j\le k}\xi_j\xi_j^\top` with :math:`\xi_j\sim\mathcal N(0,I_d)`, :math:`\kappa=k/d`, :math:`\gamma=1/\kappa`. As
:math:`d\to\infty` its spectrum has the Marchenko-Pastur law of ratio γ; :math:`\langle f\rangle` is the mean of f under that law
(κ = ∞: s = 1; κ < 1: an atom of mass 1 − κ at zero).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.dual import floats

Array = NDArray[np.float64]


@dataclass(frozen=True)
class ResolventMoments:
    r"""The means :math:`\langle s^i/(ps+y)^j\rangle` which the error formulas use.

    Attributes
    ----------
    g, g2 : ndarray
        :math:`\langle 1/(ps+y)\rangle` (for p = 1 the Stieltjes transform at −y) and :math:`\langle 1/(ps+y)^2\rangle`.
    s_1, s_2, s_3 : ndarray
        :math:`\langle s/(ps+y)^j\rangle` for j = 1, 2, 3.
    s2_1, s2_2 : ndarray
        :math:`\langle s^2/(ps+y)\rangle` and :math:`\langle s^2/(ps+y)^2\rangle`.
    s3_2 : ndarray
        :math:`\langle s^3/(ps+y)^2\rangle`.
    """

    g: Array
    g2: Array
    s_1: Array
    s_2: Array
    s_3: Array
    s2_1: Array
    s2_2: Array
    s3_2: Array


def resolvent_moments(y: Any, kappa: Any, p: Any = 1.0) -> ResolventMoments:
    r"""All means of :class:`ResolventMoments` under the Marchenko-Pastur law of κ = k/d, elementwise.

    With :math:`\gamma=1/\kappa` and :math:`\Delta=\sqrt{(y+p(1-\gamma))^2+4\gamma py}`,

    .. math:: g=\frac{2}{y+p(1-\gamma)+\Delta},\qquad
        A=\Big\langle\frac{s}{ps+y}\Big\rangle=\frac{2}{y+p(1+\gamma)+\Delta},\qquad
        \Big\langle\frac{s}{(ps+y)^2}\Big\rangle=\frac A\Delta,\qquad
        \Big\langle\frac{s^2}{ps+y}\Big\rangle=A(1+\gamma y g),

    and the others by differentiation in y. Every expression used is a sum, product or quotient of non-negative terms, so each value has
    a relative error of a few units of rounding for all y, κ and p. p = 0 is allowed.

    Parameters
    ----------
    y : array_like
        Positive.
    kappa : array_like
        Positive, ``inf`` allowed.
    p : array_like
        Non-negative.

    Raises
    ------
    HypothesisError
        If some y or κ is not positive, or some p is negative.

    References
    ----------
    Marchenko and Pastur, Math. USSR-Sbornik 1 (1967) 457; the derivation is in ``derivations/linear/marchenko_pastur.py``.

    Examples
    --------
    >>> moments = resolvent_moments(1.0, 0.5)
    >>> print(f"{moments.g:.12f} {moments.s_1:.12f}")
    0.707106781187 0.292893218813
    """
    y, kappa, p = floats(y), floats(kappa), floats(p)
    if not np.all(y > 0):
        raise HypothesisError("the Stieltjes transform is taken at a negative real point −y", f"y={y}", "pass y > 0")
    if not np.all(kappa > 0):
        raise HypothesisError("the ratio kappa is > 0 (inf allowed)", f"kappa={kappa}", "pass kappa=1.0, say")
    if not np.all(p >= 0):
        raise HypothesisError("the scale p of the law is ≥ 0", f"p={p}", "pass p=1.0, say")
    gamma = 1 / kappa
    shifted = y + p * (1 - gamma)
    delta = np.hypot(shifted, 2 * np.sqrt(gamma * p * y))
    # g solves γpy g² + (y + p(1 − γ)) g − 1 = 0; of its two algebraic forms the one without cancellation.
    plus = shifted >= 0
    g = np.where(plus, 2.0, delta - shifted) / np.where(plus, shifted + delta, 2 * gamma * p * y)
    s_1 = 2 / (y + p * (1 + gamma) + delta)
    s_2 = s_1 / delta
    s_3 = s_2 * (1 + (y + p * (1 + gamma)) / delta) / (2 * delta)
    g2 = g * (1 + gamma * p * g) / delta
    factor = 1 + gamma * y * g
    s2_1 = s_1 * factor
    # (Δ − y)/p = (p(1 − γ)² + 2y(1 + γ))/(Δ + y).
    s2_2 = s_2 * (p * (1 - gamma) ** 2 + 2 * y * (1 + gamma)) / (delta + y)
    s3_2 = s2_2 * factor + gamma * s_2 * y * s_1
    return ResolventMoments(g, g2, s_1, s_2, s_3, s2_1, s2_2, s3_2)


def _check_ratio(kappa: float) -> None:
    if not 0 < kappa < np.inf:
        raise HypothesisError("the law has a density for 0 < kappa < inf", f"kappa={kappa!r}", "at kappa=inf all mass is at 1")


def support(kappa: float) -> tuple[float, float]:
    r"""Edges :math:`(1\mp\kappa^{-1/2})^2` of the continuous part.

    >>> support(4.0)
    (0.25, 2.25)
    """
    _check_ratio(kappa)
    root = kappa**-0.5
    return (1 - root) ** 2, (1 + root) ** 2


def density(s: ArrayLike, kappa: float) -> Array:
    r"""Density of the continuous part, :math:`\frac{\kappa}{2\pi s}\sqrt{(s_+-s)(s-s_-)}`; its mass is min(1, κ).

    >>> print(f"{density(1.0, 1.0):.6f}")
    0.275664
    """
    _check_ratio(kappa)
    s = np.asarray(s, float)
    if np.isnan(s).any():
        raise HypothesisError("a density is taken at numbers", f"s={s}", "leave NaN out")
    lower, upper = support(kappa)
    inside = (s > lower) & (s < upper)
    root = np.sqrt(np.where(inside, (upper - s) * (s - lower), 0.0))
    return kappa * root / (2 * np.pi * np.where(inside, s, 1.0))
