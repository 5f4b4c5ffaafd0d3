r"""Gegenbauer coefficients: what Hermite coefficients are on a sphere of finite dimension.

For x uniform on the sphere of radius √d in :math:`\mathbb R^d` and a unit vector w, :math:`u=w^\top x` has the density
:math:`\propto(1-u^2/d)^{(d-3)/2}`, whose orthonormal polynomials :math:`q_k` are multiples of the Gegenbauer polynomials
:math:`C_k^{(d/2-1)}(u/\sqrt d)`. With

.. math:: c_k^{(d)}=\sqrt{k!}\;\mathbb E[\sigma(u)\,q_k(u)]\to c_k,\qquad
    \mathbb E_x\,\sigma(w^\top x)\sigma(w'^\top x)=\sum_k\frac{(c_k^{(d)})^2}{k!}P_k(w^\top w'),\quad P_k(1)=1,

(Funk and Hecke), and the eigenvalue of the kernel :math:`\sigma(x^\top y/\sqrt d)` on harmonics of degree k, of which there are B(d, k), is
:math:`\lambda_k=c_k^{(d)}/\sqrt{k!\,B(d,k)}`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import count
from hermite_eq.errors import ConvergenceError, HypothesisError
from hermite_eq.expansion.expansion import HermiteExpansion, coefficients
from hermite_eq.expansion.node_table import sqrt_factorial
from hermite_eq.hermite import check_degree
from hermite_eq.latex import decimal

Array = NDArray[np.float64]

#: Beyond, the density is below 1e-300.
_REACH = 40.0
#: Steps of the double-exponential rule, and the least error at which it is halved no further.
_STEPS, _ENOUGH = (0.25, 0.125, 0.0625, 0.03125, 0.015625), 1e-13
#: Error, relative to (E σ²)^{1/2}, above which there is no answer.
_LARGEST_ERROR = 1e-6
_LARGEST_DEGREE, _LARGEST_DIMENSION = 170, 10**12


@dataclass(frozen=True)
class GegenbauerExpansion:
    r"""The coefficients :math:`c_k^{(d)}` of one activation. Made by :func:`gegenbauer_coefficients`.

    Attributes
    ----------
    activation : Activation
    d : int
    c, errors : tuple of float
        :math:`c_0^{(d)},\dots,c_K^{(d)}` with estimated absolute errors.
    norm2 : float
        :math:`\mathbb E\,\sigma(u)^2`.
    """

    activation: Activation
    d: int
    c: tuple[float, ...]
    errors: tuple[float, ...]
    norm2: float

    @property
    def degree(self) -> int:
        """K."""
        return len(self.c) - 1

    @cached_property
    def hermite(self) -> HermiteExpansion:
        r"""The limit d → ∞: :math:`c_k`."""
        return coefficients(self.activation, self.degree)

    @property
    def harmonics(self) -> tuple[int, ...]:
        """B(d, k), the number of harmonics of each degree.

        >>> gegenbauer_coefficients("relu", 3, 3).harmonics
        (1, 3, 5, 7)
        """
        d = self.d
        return tuple(math.comb(k + d - 1, k) - (math.comb(k + d - 3, k - 2) if k > 1 else 0) for k in range(self.degree + 1))

    @property
    def eigenvalues(self) -> Array:
        r""":math:`\lambda_k=c_k^{(d)}/\sqrt{k!\,B(d,k)}`, of the operator :math:`f\mapsto\mathbb E_y\,\sigma(x^\top y/\sqrt d)f(y)`."""
        return np.array([c / sqrt_factorial(k) / math.sqrt(b) for k, (c, b) in enumerate(zip(self.c, self.harmonics, strict=True))])

    def latex(self, digits: int = 6) -> str:
        r"""TeX: a booktabs table of :math:`c_k^{(d)}` beside :math:`c_k`."""
        digits = count(digits, "digits", least=1, most=15)
        rows = [
            rf"  {k} & ${decimal(here, digits=digits)}$ & ${decimal(there, digits=digits)}$ \\"
            for k, (here, there) in enumerate(zip(self.c, np.asarray(self.hermite).tolist(), strict=True))
        ]
        head = [r"\begin{tabular}{rll}", r"  \toprule", rf"  $k$ & $c_k^{{({self.d})}}$ & $c_k$ \\", r"  \midrule"]
        return "\n".join([*head, *rows, r"  \bottomrule", r"\end{tabular}"])


def gegenbauer_coefficients(sigma: Any, d: int, degree: int = 8) -> GegenbauerExpansion:
    r"""The coefficients of σ for inputs on the sphere of radius √d in d dimensions, beside their limit :math:`c_k`.

    Parameters
    ----------
    sigma : str, sympy.Expr, Activation or callable
    d : int
        At least 1. On the "sphere" {−1, 1} of d = 1 there are degrees 0 and 1 alone.
    degree : int
        K, at most 170.

    Returns
    -------
    GegenbauerExpansion

    Raises
    ------
    HypothesisError
        For d = 1 and K > 1, a σ that is not square integrable, or one that the rule does not resolve.

    References
    ----------
    Funk-Hecke formula; derivation of rule and limit: ``derivations/coefficients/gegenbauer_limit.py``.

    Examples
    --------
    >>> found = gegenbauer_coefficients("relu", 100, 4)
    >>> np.round(found.c, 5), np.asarray(found.hermite).round(5)
    (array([ 0.39994,  0.5    ,  0.39792,  0.     , -0.39579]), array([ 0.39894,  0.5    ,  0.39894,  0.     , -0.39894]))
    >>> max(found.errors) < 1e-12
    True
    """
    sigma, d = activation(sigma), count(d, "d", "the dimension", least=1, most=_LARGEST_DIMENSION)
    degree = count(check_degree(degree), "degree", most=_LARGEST_DEGREE)
    if d == 1 and degree > 1:
        raise HypothesisError("on the two points of d = 1 there are polynomials of degree 0 and 1", f"degree={degree}", "pass degree=1")
    # Its own error where σ is not square integrable, has parameters, or is no number somewhere.
    coefficients(sigma, 0).norm2  # noqa: B018
    if sigma.parameters:
        raise HypothesisError("coefficients on a sphere are numbers", f"{sigma}, which has parameters", "put numbers in their place")
    before: Array | None = None
    for step in _STEPS if d > 1 else _STEPS[:2]:
        u, weight = _rule(sigma, d, step)
        with np.errstate(all="ignore"):
            values = np.asarray(sigma(u), float)
        # Points that rounding puts on a singular one hold no mass.
        values = np.where(np.isfinite(values), values, 0.0)
        sums = np.concatenate([_orthonormal(u, d, degree) @ (weight * values), [weight @ values**2]])
        size = math.sqrt(sums[-1])
        if before is not None:
            change = np.abs(sums - before)
            error = np.maximum(change[:-1], change[-1] / (size or 1.0)) + 64 * np.finfo(float).eps * size
            if error.max() <= _ENOUGH * size:
                break
        before = sums
    if not error.max() <= _LARGEST_ERROR * size:
        raise ConvergenceError(
            "σ is smooth between its kinks on a scale that is resolved",
            f"coefficients of {sigma} that differ by {error.max() / size:.2g} of its size between the last two rules",
            "declare its kinks",
        )
    roots = np.array([sqrt_factorial(k) for k in range(degree + 1)])
    return GegenbauerExpansion(sigma, d, tuple((sums[:-1] * roots).tolist()), tuple((error * roots).tolist()), float(sums[-1]))


def _rule(sigma: Activation, d: int, step: float) -> tuple[Array, Array]:
    r"""Nodes u and weights: the double-exponential rule in θ, :math:`u=\sqrt d\cos\theta`, between kinks and even integers.

    In θ the density is :math:`\sin^{d-2}\theta`; the rule does not mind singularities at the ends of its panels.
    """
    root = math.sqrt(d)
    if d == 1:
        return np.array([-1.0, 1.0]), np.array([0.5, 0.5])
    reach = min(root, _REACH)
    grid = np.arange(-2 * math.ceil(reach / 2), reach + 2, 2.0)
    edges = np.unique(np.clip(np.concatenate([grid, [float(kink) for kink in sigma.kinks]]), -reach, reach))
    s = np.arange(-3.2, 3.2 + step / 2, step)
    # (1 + tanh(π/2 sinh s))/2 and its derivative.
    part = 1 / (1 + np.exp(-math.pi * np.sinh(s)))
    mass = step * math.pi * np.cosh(s) * part / (1 + np.exp(math.pi * np.sinh(s)))
    # In large d, where the ends ±√d are beyond reach, in u.
    left, right = edges[:-1, None], edges[1:, None]
    if d > _REACH**2:
        u = left + (right - left) * part
        log_density = (d - 3) / 2 * np.log1p(-u * u / d)
        weight = (right - left) * mass
    else:
        high, low = np.arccos(np.clip(left / root, -1, 1)), np.arccos(np.clip(right / root, -1, 1))
        theta = high + (low - high) * part
        u, weight = root * np.cos(theta), (high - low) * mass
        with np.errstate(divide="ignore"):
            log_density = (d - 2) * np.log(np.sin(theta)) if d > 2 else 0 * u
    weight = weight * np.exp(log_density)
    return u.ravel(), (weight / weight.sum()).ravel()


def _orthonormal(u: Array, d: int, degree: int) -> Array:
    """q_0, …, q_K at u, shape (K + 1, N), by their recurrence."""
    t, rows = u / math.sqrt(d), [np.ones_like(u)]
    before, last = np.zeros_like(u), 0.0
    for k in range(1, degree + 1):
        # ⟨t q_k q_{k-1}⟩; of d = 2 and k = 1 the limit.
        a = math.sqrt(1 / d if k == 1 else k * (k + d - 3) / ((2 * k + d - 2) * (2 * k + d - 4)))
        rows.append((t * rows[-1] - last * before) / a)
        before, last = rows[-2], a
    return np.stack(rows)
