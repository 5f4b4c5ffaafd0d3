r"""Kernels in the arithmetic of PyTorch and of JAX: arrays in, arrays of the same library out, differentiable and compiled by it.

A closed form is evaluated as it is. Without one the kernel is the sum :math:`A(\rho)+(1-\rho^2)^{p/2}B(\rho)` of two polynomials, fitted to
its values: a kink of σ leaves odd powers of :math:`\sqrt{1-\rho^2}` from the third on, p = 3, a jump from the first on, p = 1.
Either is taken at ρ(1 − ε), ε eight times the machine precision of the array, where the derivatives of :math:`\sqrt{1-\rho^2}` are numbers;
that changes κ by at most :math:`\kappa(1)-\kappa(1-\varepsilon)`. Polynomials are off by 2e-9 of the largest value at most, in double
precision.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray

from hermite_eq.errors import ConvergenceError
from hermite_eq.expansion.kernels.dual import RHO

Array = NDArray[np.float64]

#: Degrees of the polynomials, and the error between the nodes, relative to the largest value, at which they stand.
_DEGREES, _ENOUGH = (16, 32, 64, 128), 2e-9
#: Roundings by which a correlation computed from others exceeds 1.
_ROUNDINGS = 8
#: Functions of closed forms, as both libraries call them.
_FUNCTIONS = {"asin": "arcsin", "acos": "arccos", "exp": "exp", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "cosh": "cosh", "sinh": "sinh"}


def array_module(rho: Any) -> Any:
    """``torch``, ``jax.numpy``, or None for what is neither's.

    >>> array_module([0.5]) is None
    True
    """
    name = type(rho).__module__.partition(".")[0]
    return {"torch": "torch", "jax": "jax.numpy", "jaxlib": "jax.numpy"}.get(name) and importlib.import_module(
        "torch" if name == "torch" else "jax.numpy"
    )


def portable(exact: sympy.Expr | None, values: Callable[[Array], Array], power: int) -> Callable[[Any, Any], Any]:
    """From an array library and ρ to κ(ρ): by the closed form, or by polynomials fitted to ``values``, with p = ``power``."""

    @cache
    def closed(module: Any) -> Callable[[Any], Any]:
        assert exact is not None
        functions = {name: getattr(module, other) for name, other in _FUNCTIONS.items()}
        if exact.has(sympy.erf):
            functions["erf"] = module.erf if module.__name__ == "torch" else importlib.import_module("jax.scipy.special").erf
        function: Callable[[Any], Any] = sympy.lambdify(RHO, exact.evalf(17), [functions])
        return function

    @cache
    def coefficients() -> tuple[tuple[float, ...], ...]:
        return _fitted(values, power)

    def kernel(module: Any, rho: Any) -> Any:
        inner = rho * (1 - _ROUNDINGS * float(module.finfo(rho.dtype).eps))
        if exact is not None:
            # A constant kernel is one for every ρ.
            return closed(module)(inner) + 0 * rho
        smooth, singular = coefficients()
        return _clenshaw(smooth, inner) + (1 - inner * inner) ** (power / 2) * _clenshaw(singular, inner)

    return kernel


def _fitted(values: Callable[[Array], Array], power: int) -> tuple[tuple[float, ...], ...]:
    """Chebyshev coefficients of A and B, by least squares; the error is seen at the nodes and half way between them."""
    for degree in _DEGREES:
        angle = np.pi * np.arange(8 * degree + 1) / (8 * degree)
        y, terms = values(np.cos(angle)), np.cos(np.outer(angle, np.arange(degree + 1)))
        design = np.hstack([terms, np.sin(angle)[:, None] ** power * terms])
        fitted = np.linalg.lstsq(design[::2], y[::2], rcond=1e-14)[0]
        size, error = np.abs(y).max(), np.abs(design @ fitted - y).max()
        if error <= _ENOUGH * size:
            return tuple(fitted[: degree + 1].tolist()), tuple(fitted[degree + 1 :].tolist())
    raise ConvergenceError(
        "near ρ = ±1 the kernel is a power series in √(1 − ρ²)",
        f"an error of {error / size:.2g} of its size at degree {degree}",
        "pass a NumPy array, for which it is integrated",
    )


def _clenshaw(coefficients: tuple[float, ...], x: Any) -> Any:
    """Σ c_j T_j(x)."""
    newer = two = 0 * x
    for c in reversed(coefficients[1:]):
        newer, two = 2 * x * newer - two + c, newer
    return x * newer - two + coefficients[0]
