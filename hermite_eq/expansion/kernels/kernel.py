r"""The dual activation (kernel map) of one activation, and the cross-kernel of two: closed form where known, series with a bound."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.activations.evaluation import evaluator
from hermite_eq.arguments import count
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.expansion import HermiteExpansion
from hermite_eq.expansion.kernels.dual import RHO, DualSeries, correlations, dual_series, exact_dual
from hermite_eq.expansion.kernels.near_one import near_one
from hermite_eq.expansion.kernels.portable import array_module, portable
from hermite_eq.expansion.node_table import sqrt_factorial
from hermite_eq.expansion.panels import EPS
from hermite_eq.hermite import X
from hermite_eq.latex import exact as exact_tex

#: Digits of the enclosures from which a certified series is made: beyond double precision, to which it is rounded.
_DIGITS = 20
#: Of a longer series each of the terms takes as long, and none shows in double precision but at |ρ| = 1.
_LARGEST_DEGREE = 2000
#: Degree of the series in double precision, whose (K + 1)-st power of ρ is below 1e-13 up to |ρ| = 0.82, and the error relative
#: to (E σ² E σ*²)^{1/2} up to which it stands.
_LONG_DEGREE, _CONVERGED = 150, 1e-12


@dataclass(frozen=True)
class _Data:
    """Coefficients and E σ² of σ over ``scale``, a power of two, and a bound of the errors of all c_k/√k! and of E σ²."""

    coefficients: list[float]
    norm2: float
    error: float
    scale: float

    @classmethod
    def of(cls, coefficients: list[float], norm2: float, error: float, norm2_error: float) -> _Data:
        """In units in which E σ² is of order 1, as the errors of c_k and of E σ² go with the scale and with its square."""
        scale = 2.0 ** round(math.log2(norm2) / 2) if norm2 > 0 else 1.0
        return cls([c / scale for c in coefficients], norm2 / scale**2, max(error / scale, norm2_error / scale**2), scale)

    @property
    def size(self) -> float:
        """√(E σ²)."""
        return math.sqrt(self.norm2) * self.scale


def _estimated(sigma: Activation, degree: int) -> _Data:
    estimate = HermiteExpansion(sigma, degree).estimate
    roots = [sqrt_factorial(k) for k in range(degree + 1)]
    values = [float(a) * root for a, root in zip(estimate.values, roots, strict=True)]
    return _Data.of(values, estimate.norm2, float(np.max(estimate.errors)), estimate.norm2_error)


def _differentiated(sigma: Activation) -> Activation:
    """σ', with E σ'² < ∞."""
    try:
        slope = derivative(sigma)
        HermiteExpansion(slope, 0).norm2  # noqa: B018
    except HypothesisError as error:
        raise HypothesisError(
            "the slope of a kernel is E[σ'(u)σ'(v)], so that σ has a formula, does not jump, and has E σ'(g)² < ∞",
            f"{sigma}: {error.finding}",
            "pass 'relu', say; the kernel itself needs E σ(g)² < ∞ alone",
        ) from error
    return slope


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

    @cached_property
    def certified(self) -> bool:
        """Whether the bounds of :attr:`series` are proven: both functions have enclosures."""
        return all(self._enclosed(sigma) is not None for sigma in {self.first, self.second})

    @cached_property
    def series(self) -> DualSeries:
        r""":math:`\sum_{k\le K}c_kc_k^*\rho^k/k!` with a bound on tail, coefficients and rounding; of functions without enclosures, an
        estimate.
        """
        return self._series(lambda sigma: self._enclosed(sigma) or _estimated(sigma, self.degree))

    def _series(self, data: Callable[[Activation], _Data]) -> DualSeries:
        left, right = data(self.first), data(self.second)
        second = () if self.second == self.first else (right.coefficients, right.norm2)
        series = dual_series(left.coefficients, left.norm2, *second, error=max(left.error, right.error))
        scale = left.scale * right.scale
        return DualSeries(tuple(weight * scale for weight in series.weights), series.remainder * scale, series.error * scale)

    def _enclosed(self, sigma: Activation) -> _Data | None:
        expansion = HermiteExpansion(sigma, self.degree)
        try:
            enclosures = [expansion.enclosure(k, _DIGITS) for k in range(self.degree + 1)]
            norm = expansion.norm2_enclosure(_DIGITS)
        except HypothesisError:
            return None
        error = max(float(item.radius) / math.sqrt(math.factorial(k)) for k, item in enumerate(enclosures))
        # float() rounds the midpoint by half a unit, which the series allows for.
        return _Data.of([float(item.mid) for item in enclosures], float(norm.mid), error, float(norm.radius))

    def __call__(self, rho: ArrayLike) -> Any:
        r"""κ(ρ) in double precision, ρ = ±1 included; :meth:`errors` estimates how far off.

        The closed form where there is one; else the series to degree 150, and where that has not converged, near \|ρ\| = 1, a
        double integral (:mod:`hermite_eq.expansion.kernels.near_one`). An array of PyTorch or JAX gives one, in its precision and with its
        derivatives (:mod:`hermite_eq.expansion.kernels.portable`).
        """
        module = array_module(rho)
        return self._values(rho)[0] if module is None else self._portable(module, rho)

    @cached_property
    def _portable(self) -> Callable[[Any, Any], Any]:
        return portable(self.exact if self._has_closed_form else None, lambda rho: self._values(rho)[0], 3 if self._has_slope else 1)

    @property
    def _has_slope(self) -> bool:
        try:
            return isinstance(self.slope, DualActivation)
        except HypothesisError:
            return False

    @cached_property
    def slope(self) -> DualActivation:
        r"""The derivative :math:`\kappa'(\rho)=\mathbb E[\sigma'(u)\sigma_*'(v)]`, a kernel itself.

        Raises
        ------
        HypothesisError
            If one of the functions jumps, has a derivative that is not square integrable, or no formula.

        References
        ----------
        Price's theorem; ``derivations/coefficients/dual_kernels.py``.

        Examples
        --------
        >>> dual_activation("relu").slope.exact
        asin(rho)/(2*pi) + 1/4
        """
        return DualActivation(_differentiated(self.first), _differentiated(self.second), self.degree)

    def errors(self, rho: ArrayLike) -> NDArray[np.float64]:
        """Estimated absolute errors of ``kernel(rho)``, in its shape.

        >>> kernel = dual_activation("hardshrink")
        >>> round(float(kernel(1.0)), 5), bool(kernel.errors(1.0) < 1e-10)
        (0.96914, True)
        """
        return self._values(rho)[1]

    def _values(self, rho: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        rho = correlations(rho)
        # One value for equal correlations: a matrix of them has a diagonal of ones.
        places, back = np.unique(rho, return_inverse=True)
        value, error = self._closed(places) if self._has_closed_form else self._double_series(places)
        size = _estimated(self.first, 0).size * _estimated(self.second, 0).size
        left = np.flatnonzero(~(error <= _CONVERGED * size))
        if left.size:
            value[left], error[left] = near_one(self.first, self.second, places[left])
        return value[back].reshape(rho.shape), error[back].reshape(rho.shape)

    @property
    def _has_closed_form(self) -> bool:
        return self.exact is not None and not self.exact.free_symbols - {RHO}

    def _closed(self, rho: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        assert self.exact is not None
        value = evaluator(self.exact.xreplace({RHO: X}))(rho)
        # Where it is not finite, as a quotient by 1 − ρ² at ±1, the integral has to serve.
        return value, np.where(np.isfinite(value), 16 * EPS * np.abs(value), math.inf)

    def _double_series(self, rho: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        return self._series(lambda sigma: _estimated(sigma, _LONG_DEGREE))(rho)

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
    Mehler's formula; derived in ``derivations/coefficients/dual_kernels.py``.

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
    return DualActivation(first, first if other is None else activation(other), count(degree, "degree", most=_LARGEST_DEGREE))
