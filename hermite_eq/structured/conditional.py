r"""Hermite coefficients given a spike component of the pre-activation.

A pre-activation with a structured part is :math:`z=m+sg`: the mean m is what a few directions contribute (a spike of the covariance,
or what a gradient step has put into the first layer), and g, standard normal, is the rest. Given m, everything that is said of σ
holds of :math:`x\mapsto\sigma(m+sx)`, and its coefficients are those of an ordinary activation,

.. math:: c_k(m,s)=\mathbb E[\sigma(m+sg)\,\mathrm{He}_k(g)]=s^k\,\partial_m^k\,\mathbb E\,\sigma(m+sg),

so that the one engine serves. ``derivations/features/conditional_coefficients.py`` proves what is used here.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import array, exact, finite, inside, shown
from hermite_eq.equivalence import equivalent_model
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients, scaled_coefficients
from hermite_eq.hermite import X, check_degree, orthonormal_values
from hermite_eq.models import PolynomialActivation

Array = NDArray[np.float64]
#: Beyond, what σ is near zero does not count in any precision that is asked for.
_LARGEST = 1e6


def affine(sigma: Any, shift: Any = 0, scale: Any = 1) -> Activation:
    r"""The activation :math:`x\mapsto\sigma(m+sx)`, m = ``shift``, s = ``scale``.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    shift, scale : number or sympy.Expr
        A float is the decimal that was written: 0.3 is 3/10, and what is exact for σ stays so. Symbols (real; the scale positive) are
        kept as parameters, for closed forms in them.

    Raises
    ------
    HypothesisError
        If the scale is not positive, either is not a finite real number, or a bare callable is given symbols.

    Examples
    --------
    >>> print(affine("relu", 0.3, 0.8))
    Max(0, 4*x/5 + 3/10)
    >>> kappa = sympy.Symbol("kappa", real=True)
    >>> coefficients(affine("erf", kappa), 1).c
    (erf(sqrt(3)*kappa/3), 2*sqrt(3)*exp(-kappa**2/3)/(3*sqrt(pi)))
    """
    sigma = activation(sigma)
    m, s = _exact(shift, "shift"), _exact(scale, "scale")
    if s.is_positive is not True:
        raise HypothesisError("the scale of a pre-activation is positive", f"scale={scale!r}", "pass scale=1, or a positive symbol")
    if sigma.expression is not None:
        return activation(sigma.expression.xreplace({X: m + s * X}))
    if m.free_symbols | s.free_symbols:
        raise HypothesisError(
            "a formula of σ is needed for coefficients in a symbol", f"the bare callable {sigma}", "pass numbers, or an expression of σ"
        )
    mean, deviation, function = float(m), float(s), sigma.function
    kinks = tuple((kink - m) / s for kink in sigma.kinks)
    strip = None if sigma.strip is None else sigma.strip / deviation
    lipschitz = None if sigma.lipschitz is None else sigma.lipschitz * deviation
    return Activation(f"{sigma}({mean:g} + {deviation:g}x)", None, lambda x: function(mean + deviation * x), kinks, None, lipschitz, strip)


def _exact(value: Any, name: str) -> sympy.Expr:
    requirement, repair = f"the {name} is a finite real number or a real symbol", f"pass {name}=0.5, say"
    number = exact(value, name, requirement=requirement, repair=repair)
    if isinstance(value, float | np.floating) and math.isfinite(value):
        # The decimal that was written, not its binary neighbour.
        number = sympy.Rational(str(value))
    if number.is_real is not True or number.is_finite is False:
        raise HypothesisError(requirement, f"{name}={shown(value)}", repair)
    if number.is_number and abs(finite(number, name)) > _LARGEST:
        raise HypothesisError(f"the {name} is of moderate size", f"{name}={shown(value)}", f"pass at most {_LARGEST:.0e}")
    return number


def conditional_coefficients(sigma: Any, shifts: ArrayLike, scales: ArrayLike = 1.0, *, degree: int = 8) -> Array:
    r"""All :math:`c_k(m,s)=\mathbb E[\sigma(m+sg)\,\mathrm{He}_k(g)]`, k ≤ ``degree``, for many m and s, in double precision.

    For one (m, s), exact or enclosed, ask ``coefficients(affine(sigma, m, s), degree)``.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    shifts, scales : array_like, broadcast against each other to shape (S,)
    degree : int

    Returns
    -------
    ndarray, shape (S, degree + 1)

    Raises
    ------
    HypothesisError
        For scales which are not positive, or shifts which are not finite.

    Examples
    --------
    >>> conditional_coefficients("square", [1.0, 2.0], 0.5, degree=2).round(12)
    array([[1.25, 1.  , 0.5 ],
           [4.25, 2.  , 0.5 ]])
    """
    return scaled_coefficients(sigma, np.atleast_1d(array(scales, "scales", dimensions=(0, 1))), degree, shifts=shifts)


def conditional_model(sigma: Any, shift: Any, scale: Any = 1, *, degree: int = 1) -> PolynomialActivation:
    r"""The equivalent polynomial activation given the spike component, in the standardised rest g:

    .. math:: \hat\sigma_p(g\mid m)=\sum_{k\le p}\frac{c_k(m,s)}{k!}\mathrm{He}_k(g)+c_p^*(m,s)\,z,\qquad
        c_p^{*2}(m,s)=\mathbb E\,\sigma(m+sg)^2-\sum_{k\le p}\frac{c_k(m,s)^2}{k!}.

    With p = 1 it is the Gaussian equivalent of the head *conditionally on the spike*: c_0(m, s), a nonlinear function of m, is kept
    whole, where :math:`\hat\sigma_p` of the total pre-activation keeps its part of degree ≤ p (:func:`truncated_conditional`).

    Parameters
    ----------
    sigma, shift, scale
        As for :func:`affine`.
    degree : int
        p.

    Examples
    --------
    >>> kappa = sympy.Symbol("kappa", real=True)
    >>> conditional_model("sin", kappa, degree=1).c
    (exp(-1/2)*sin(kappa), exp(-1/2)*cos(kappa))
    """
    return equivalent_model(affine(sigma, shift, scale), degree)


class GaussianEquivalent(NamedTuple):
    r"""The constants of :math:`\sigma(m+x)\simeq\mu_0+\mu_1x+\mu_2z`, x ~ N(0, s²), z ~ N(0, 1) independent of it.

    Attributes
    ----------
    mu_0, mu_1, mu_2
        :math:`\mathbb E\,\sigma(m+x)`, :math:`\mathbb E\,\sigma'(m+x)=\mathbb E[x\,\sigma(m+x)]/s^2`, and the root of
        :math:`\mathbb E\,\sigma(m+x)^2-\mu_0^2-s^2\mu_1^2`: exact where a closed form exists, else floats.
    """

    mu_0: Any
    mu_1: Any
    mu_2: Any


def gaussian_equivalent(sigma: Any, shift: Any = 0, scale: Any = 1) -> GaussianEquivalent:
    r"""The constants by which the literature on random features names the Gaussian equivalent, given a spike component m = ``shift``.

    In terms of the conditional coefficients :math:`\mu_0=c_0(m,s)`, :math:`\mu_1=c_1(m,s)/s` and :math:`\mu_2=c_1^*(m,s)`; at m = 0 and
    s = 1 they are the constants of the Gaussian equivalence of random features.

    Parameters
    ----------
    sigma, shift, scale
        As for :func:`affine`; symbols give the functions of m.

    Returns
    -------
    GaussianEquivalent

    References
    ----------
    Hu and Lu, arXiv 2009.07669, (5), at m = 0; given a spike: Cui et al., arXiv 2402.04980. Derivation:
    ``derivations/features/conditional_coefficients.py``.

    Examples
    --------
    >>> gaussian_equivalent("sign").mu_1, gaussian_equivalent("relu").mu_2
    (sqrt(2)/sqrt(pi), sqrt(1/4 - 1/(2*pi)))
    >>> kappa = sympy.Symbol("kappa", real=True)
    >>> gaussian_equivalent("sin", kappa).mu_1
    exp(-1/2)*cos(kappa)
    """
    expansion = coefficients(affine(sigma, shift, scale), 1)
    return GaussianEquivalent(expansion.c[0], expansion.c[1] / _exact(scale, "scale"), expansion.residual(1))


def truncated_conditional(sigma: Any, shifts: ArrayLike, coupling: float, *, degree: int) -> Array:
    r"""The coefficients given κ of the *unconditional* polynomial :math:`\sum_{k\le p}\frac{c_k}{k!}\mathrm{He}_k(\kappa+sg)`,
    :math:`\kappa\sim\mathcal N(0,\rho^2)`, :math:`s^2=1-\rho^2`,

    .. math:: c^{(p)}_j(\kappa)=s^j\sum_{k=j}^{p}\frac{c_k\,\rho^{k-j}}{(k-j)!}\,\mathrm{He}_{k-j}(\kappa/\rho),

    by the addition formula of Hermite polynomials; p → ∞ gives :math:`c_j(\kappa,s)`.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    shifts : array_like, shape (S,)
        Values of κ.
    coupling : float
        ρ, the standard deviation of the spike component, 0 < ρ < 1, in a pre-activation of variance one.
    degree : int
        p.

    Returns
    -------
    ndarray, shape (S, p + 1)

    Examples
    --------
    >>> truncated_conditional("square", [1.0], 0.6, degree=2).round(12)
    array([[1.64, 1.6 , 1.28]])
    >>> conditional_coefficients("square", [1.0], 0.8, degree=2).round(12)
    array([[1.64, 1.6 , 1.28]])
    """
    p, rho = check_degree(degree), check_coupling(coupling)
    kappa = np.atleast_1d(array(shifts, "shifts", dimensions=(0, 1)))
    c = np.asarray(coefficients(sigma, p))
    # He_i/√i! from the stable recurrence: ρ^i He_i/i! = (ρ^i/√i!) (He_i/√i!).
    values = orthonormal_values(kappa / rho, p)
    values *= np.array([rho**i / math.sqrt(math.factorial(i)) for i in range(p + 1)])[:, None]
    s = math.sqrt(1 - rho**2)
    return np.stack([s**j * (c[j:] @ values[: p + 1 - j]) for j in range(p + 1)], axis=1)


def check_coupling(coupling: Any) -> float:
    """ρ as a float, or an error."""
    return inside(
        coupling,
        0,
        1,
        "coupling",
        requirement="a coupling is the standard deviation of one component of a pre-activation of variance one, 0 < ρ < 1",
        repair="divide by the standard deviation of the pre-activation",
    )
