r"""Information and generative exponent of a function: how many samples a single-index model takes to be learnt.

For :math:`y=\sigma(w^\top x)+\epsilon`, x standard normal in d dimensions, online gradient descent finds w from
:math:`\tilde O(d^{\max(k-1,1)})` samples, k the *information exponent*, the least k ≥ 1 with :math:`c_k\ne0`. Methods that transform the
labels first get along with the *generative exponent*, the least k ≥ 1 with

.. math:: \mathbb E\bigl[\,\mathbb E[\mathrm{He}_k(g)\mid\sigma(g)]^2\,\bigr]\ne0,

which is the least information exponent of any transformed :math:`T\circ\sigma`; label noise does not change it, as the convolution with its
law has an inverse.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import sympy

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.evaluation import vanishes
from hermite_eq.arguments import count
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.expansion import HermiteExpansion

#: In units of the estimated error of a coefficient, and of rounding, what is not 0.
_SIGNIFICANT, _ROUNDING = 64.0, 1e-13
#: Digits to which a coefficient that is not 0 is enclosed.
_DIGITS = 15
#: Centres of the bumps in the labels, over the median of |σ|.
_CENTRES = (0, 1, -1)
_LARGEST_DEGREE = 60
#: The label.
_Y = sympy.Symbol("y", real=True)


@dataclass(frozen=True)
class Exponent:
    r"""An exponent, with what shows it.

    Attributes
    ----------
    value : int
        k.
    transformation : sympy.Expr
        T, in the label y; y itself for the information exponent.
    coefficient, error : float
        :math:`\mathbb E[T(\sigma(g))\mathrm{He}_k(g)]/\sqrt{k!}`, which is not 0, and its error.
    proven : bool
        Whether the coefficient is known in closed form or enclosed, so that the exponent is at most k.
    below : float
        The largest size that a coefficient of degree 1, …, k − 1 may have, with its error, over all transformations tried; 0 where all
        vanish exactly.
    """

    value: int
    transformation: sympy.Expr
    coefficient: float
    error: float
    proven: bool
    below: float

    def __int__(self) -> int:
        return self.value

    __index__ = __int__

    def latex(self) -> str:
        r"""TeX: the exponent and the coefficient that shows it.

        >>> print(information_exponent("square").latex())
        k^* = 2, \qquad \mathbb{E}[\sigma(g)\, \mathrm{He}_{2}(g)] / \sqrt{2!} = 1.41421
        """
        text = r"\sigma(g)" if self.transformation == _Y else r"T(\sigma(g))"
        where = "" if self.transformation == _Y else rf", \quad T(y) = {sympy.latex(self.transformation)}"
        k = self.value
        return rf"k^* = {k}, \qquad \mathbb{{E}}[{text}\, \mathrm{{He}}_{{{k}}}(g)] / \sqrt{{{k}!}} = {self.coefficient:.6g}{where}"


def information_exponent(sigma: Any, *, degree: int = 20) -> Exponent:
    r"""The least k ≥ 1 with :math:`c_k\ne0`.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
        Square integrable against the normal density.
    degree : int
        The largest k that is looked at.

    Returns
    -------
    Exponent

    Raises
    ------
    HypothesisError
        If σ is constant, as 0 is, or no coefficient up to the degree is told from 0.

    References
    ----------
    Ben Arous, Gheissari and Jagannath, arXiv 2003.10409, Definition 1.2.

    Examples
    --------
    >>> [information_exponent(name).value for name in ("relu", "abs", "x^3 - 3*x", "x^4 - 6*x^2")]
    [1, 2, 3, 4]
    """
    return _exponent(activation(sigma), ((_Y, activation(sigma)),), _degree(degree))


def generative_exponent(sigma: Any, *, degree: int = 20) -> Exponent:
    r"""The least k ≥ 1 for which :math:`\mathbb E[\mathrm{He}_k(g)\mid\sigma(g)]` is not 0.

    It is found among the transformed labels :math:`e^{-(y/s-a)^2}`, s a median of \|σ\| and a = 0, 1, −1: that a coefficient is not 0
    shows that the exponent is at most k; that those below are 0 for these T is evidence, whose size is ``below``, unless σ is even, where
    odd k are excluded.

    Parameters
    ----------
    sigma, degree
        As for :func:`information_exponent`; square integrability is not needed.

    Returns
    -------
    Exponent

    Raises
    ------
    HypothesisError
        If σ is constant, or nothing up to the degree is told from 0.

    References
    ----------
    Damian, Pillaud-Vivien, Lee and Bruna, arXiv 2403.05529, Definition 1.4; the third example is theirs.

    Examples
    --------
    >>> [generative_exponent(name).value for name in ("x^3 - 3*x", "x^4 - 6*x^2", "x^2*exp(-x^2)")]
    [1, 2, 4]
    """
    sigma = activation(sigma)
    return _exponent(sigma, tuple(_transformed(sigma)), _degree(degree))


def _degree(degree: Any) -> int:
    return count(degree, "degree", "the largest exponent that is looked at", least=1, most=_LARGEST_DEGREE)


def _transformed(sigma: Activation) -> Iterator[tuple[sympy.Expr, Activation]]:
    """T∘σ for every T."""
    if sigma.parameters:
        raise HypothesisError("the exponent of a function without parameters is asked", f"{sigma}", "put numbers in their place")
    with np.errstate(all="ignore"):
        values = np.abs(np.asarray(sigma(np.linspace(-2.01, 2.03, 200)), float))
    logs = values[np.isfinite(values) & (values > 0)]
    size = float(np.median(logs)) if logs.size else 0.0
    unit = 1 / sympy.Rational(f"{size:.1g}") if size > 0 else sympy.Rational(1)
    for centre in _CENTRES:
        form = sympy.exp(-((unit * _Y - centre) ** 2))
        if sigma.expression is not None:
            yield form, activation(form.xreplace({_Y: sigma.expression}))
        else:
            yield form, Activation(str(form), None, _Bump(sigma, float(unit), centre), sigma.kinks)


@dataclass(frozen=True)
class _Bump:
    sigma: Activation
    unit: float
    centre: int

    def __call__(self, x: Any) -> Any:
        return np.exp(-((self.unit * self.sigma(x) - self.centre) ** 2))


def _exponent(sigma: Activation, candidates: tuple[tuple[sympy.Expr, Activation], ...], degree: int) -> Exponent:
    expansions = [(name, HermiteExpansion(candidate, degree)) for name, candidate in candidates]
    estimates = [(name, candidate, candidate.estimate) for name, candidate in expansions]
    # An even function has no odd coefficient, an odd one no even one: exactly.
    below = 0.0
    for k in range(1, degree + 1):
        best: tuple[float, sympy.Expr, HermiteExpansion, float] | None = None
        largest = 0.0
        for name, candidate, estimate in estimates:
            parity = candidate.activation.parity
            if (parity == "even" and k % 2) or (parity == "odd" and not k % 2):
                continue
            value, size = abs(float(estimate.values[k])), math.sqrt(max(estimate.norm2, 0.0))
            error = float(estimate.errors[k]) + _ROUNDING * size
            if candidate.exact is not None and vanishes(candidate.exact[k]):
                continue
            largest = max(largest, (value + error) / size if size else 0.0)
            if value > _SIGNIFICANT * error and (best is None or value / size > best[0]):
                best = value / size, name, candidate, error
        if best is not None:
            _, name, candidate, error = best
            return Exponent(k, name, float(candidate.estimate.values[k]), error, _proven(candidate, k), below)
        below = max(below, largest)
    raise HypothesisError(
        f"some coefficient of degree 1 to {degree} is told from 0, as that of a function that is not constant",
        f"none of {sigma}, the largest share of E σ² below {below**2:.2g}",
        "pass another function, or degree=40",
    )


def _proven(expansion: HermiteExpansion, k: int) -> bool:
    """Whether c_k ≠ 0 in closed form, or by its enclosure."""
    if expansion.exact is not None:
        return True
    try:
        return not expansion.enclosure(k, _DIGITS).contains(0)
    except HypothesisError:
        return False
