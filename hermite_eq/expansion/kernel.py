r"""The dual activation (kernel map) of one activation, and the cross-kernel of two: closed form where known, series with a bound."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import array
from hermite_eq.expansion.dual import RHO, DualSeries, dual_series, exact_dual
from hermite_eq.expansion.expansion import HermiteExpansion
from hermite_eq.hermite import check_degree
from hermite_eq.latex import exact as exact_tex

#: Digits of the enclosures from which a certified series is made: beyond double precision, to which it is rounded.
_DIGITS = 20


@dataclass(frozen=True)
class DualActivation:
    r"""The kernel :math:`\kappa(\rho)=\mathbb E[\sigma(u)\sigma_*(v)]`, u, v standard normal of correlation ρ. Made by
    :func:`dual_activation`.

    Attributes
    ----------
    first, second : Activation
    degree : int
        Of the series.
    """

    first: Activation
    second: Activation
    degree: int

    @cached_property
    def exact(self) -> sympy.Expr | None:
        """κ in closed form, in the real symbol ``rho``; None where none is known."""
        if self.first.expression is None or self.second.expression is None:
            return None
        return exact_dual(self.first.expression, self.second.expression)

    @property
    def certified(self) -> bool:
        """Whether the bounds of :attr:`series` are proven: both functions are expressions, and so have enclosures."""
        return self.first.expression is not None and self.second.expression is not None

    @cached_property
    def series(self) -> DualSeries:
        r""":math:`\sum_{k\le K}c_kc_k^*\rho^k/k!` with a bound on tail, coefficients and rounding; of a bare callable, an estimate."""
        c1, norm1, error1 = self._data(self.first)
        if self.second == self.first:
            return dual_series(c1, norm1, error=error1)
        c2, norm2, error2 = self._data(self.second)
        return dual_series(c1, norm1, c2, norm2, error=max(error1, error2))

    def _data(self, sigma: Activation) -> tuple[list[Any], Any, float]:
        expansion = HermiteExpansion(sigma, self.degree)
        if sigma.expression is None:
            estimate = expansion.estimate
            roots = [math.sqrt(math.factorial(k)) for k in range(self.degree + 1)]
            error = max(float(np.max(estimate.errors)), estimate.norm2_error)
            return [float(a) * root for a, root in zip(estimate.values, roots, strict=True)], estimate.norm2, error
        enclosures = [expansion.enclosure(k, _DIGITS) for k in range(self.degree + 1)]
        norm = expansion.norm2_enclosure(_DIGITS)
        error = max(float(item.radius) / math.sqrt(math.factorial(k)) for k, item in enumerate(enclosures))
        # float() rounds the midpoint by half a unit, which the series allows for.
        return [float(item.mid) for item in enclosures], float(norm.mid), max(error, float(norm.radius))

    def __call__(self, rho: ArrayLike) -> NDArray[np.float64]:
        """κ(ρ) in double precision: from the closed form where there is one, else the series (see ``series(rho)`` for its bound)."""
        rho = array(rho, "rho", nan=True, empty=True)
        value, _ = self.series(rho)
        if self.exact is None or self.exact.free_symbols - {RHO}:
            return value
        closed = np.asarray(sympy.lambdify(RHO, self.exact, ["scipy", "numpy"])(rho), dtype=float)
        return np.broadcast_to(closed, rho.shape).copy()

    def latex(self) -> str:
        r"""TeX of :math:`\kappa(\rho)`: the closed form, or the first terms of the series."""
        if self.exact is not None:
            return rf"\kappa(\rho) = {exact_tex(self.exact)}"
        return r"\kappa(\rho) = \sum_{k \ge 0} \frac{c_k c_k^*}{k!}\, \rho^k"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def dual_activation(sigma: Any, other: Any = None, *, degree: int = 30) -> DualActivation:
    r"""The dual activation :math:`\kappa(\rho)=\mathbb E[\sigma(u)\sigma(v)]=\sum_kc_k^2\rho^k/k!`, or the cross-kernel of two functions.

    Parameters
    ----------
    sigma, other : str, sympy.Expr, callable or Activation
        ``other`` defaults to ``sigma``.
    degree : int
        K, the last degree of the series; its tail is at most :math:`|\rho|^{K+1}c_K^*c^{**}_K`, the product of the two residuals.

    Returns
    -------
    DualActivation

    References
    ----------
    Mehler's formula; derived in ``derivations/dual_kernels.py``.

    Examples
    --------
    >>> dual_activation("relu").exact
    rho*asin(rho)/(2*pi) + rho/4 + sqrt(1 - rho**2)/(2*pi)
    >>> kernel = dual_activation("tanh")
    >>> value, bound = kernel.series(0.5)
    >>> round(float(value), 9), bool(bound < 1e-9), kernel.certified
    (0.186324413, True, True)
    """
    first = activation(sigma)
    return DualActivation(first, first if other is None else activation(other), check_degree(degree))
