"""The equivalent polynomial activation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.arguments import exact, finite, floats, generator, non_negative, sequence, text


@dataclass(frozen=True)
class PolynomialActivation:
    r"""The equivalent polynomial activation of [RT] (12),

    .. math:: \hat\sigma_r(x) = \sum_{k\le r}\frac{c_k}{k!}\,\mathrm{He}_k(x) + c_r^*\,z,\qquad z\sim\mathcal N(0,1)
        \text{ fresh for every sample and neuron, in training and in test.}

    Made by :func:`hermite_eq.equivalent_model`.

    Attributes
    ----------
    source : str
        Name of the activation it stands for.
    c : tuple
        :math:`c_0,\dots,c_r`, exact SymPy numbers or floats.
    residual : sympy.Expr or float
        :math:`c_r^* \ge 0`.
    """

    source: str
    c: tuple[Any, ...]
    residual: Any

    def __post_init__(self) -> None:
        text(self.source, "source", "the activation it stands for")
        c = tuple(_number(value, "c") for value in sequence(self.c, "c", "the coefficients c_0 … c_r", empty=False))
        object.__setattr__(self, "c", c)
        object.__setattr__(self, "residual", _number(self.residual, "residual"))
        if not exact(self.residual, "residual").free_symbols:
            non_negative(self.residual, "residual", "c_r* of the equivalent activation")

    @property
    def degree(self) -> int:
        """The degree r."""
        return len(self.c) - 1

    @property
    def name(self) -> str:
        """As a legend shows it: the source and r."""
        return f"{self.source}, r = {self.degree}"

    @cached_property
    def _weights(self) -> tuple[float, ...]:
        """c_k/k! and c_r* in double."""
        return *(float(c) / math.factorial(k) for k, c in enumerate(self.c)), float(self.residual)

    def __str__(self) -> str:
        return self.name

    def __call__(self, x: ArrayLike, *, rng: np.random.Generator | np.random.SeedSequence | int | None) -> NDArray[np.floating[Any]]:
        r"""Draw :math:`\hat\sigma_r(x)`: the polynomial part at ``x`` plus :math:`c_r^*` times fresh standard normals from ``rng``.

        The result has the shape of ``x``, and its floating dtype.
        """
        x = floats(x, "x")
        dtype = x.dtype
        values: NDArray[np.floating[Any]] = polynomial_part(self, x)
        residual = self._weights[-1]
        if residual:
            values = values + dtype.type(residual) * generator(rng).standard_normal(x.shape, dtype=dtype.type)
        return values.astype(dtype, copy=False)

    def latex(self) -> str:
        r"""TeX of :math:`\hat\sigma_r(x) = \dots`, exact where the coefficients are."""
        from hermite_eq.latex import hermite_sum, number

        residual = number(self.residual)
        noise = "" if not self.residual else rf" + {residual}\, z"
        return rf"\hat\sigma_{{{self.degree}}}(x) = {hermite_sum(self.c)}{noise}"

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex()}$"


def polynomial_part(sigma: PolynomialActivation, x: Any, xp: Any = np) -> Any:
    r""":math:`\sum_{k\le r}\frac{c_k}{k!}\,\mathrm{He}_k(x)` on an array of the namespace ``xp`` of the array API, in its floating type.

    >>> polynomial_part(PolynomialActivation("tanh", (0.0, 0.5, 1.0), 0.0), np.array([0.0, 2.0]))
    array([-0.5,  2.5])
    """
    *weights, _ = sigma._weights
    # Clenshaw for He_{k+1} = x He_k − k He_{k−1}: b_k = w_k + x b_{k+1} − (k+1) b_{k+2}, and the value is b_0.
    b1, b2 = xp.full_like(x, weights[-1]), None
    for k in range(sigma.degree - 1, -1, -1):
        value = weights[k] + x * b1
        b1, b2 = value if b2 is None else value - (k + 1) * b2, b1
    return b1


def _number(value: Any, name: str) -> Any:
    """``value`` as it is: a float, or an exact number, which may hold the parameters of an activation."""
    number = exact(value, name)
    if not number.free_symbols:
        finite(number, name)
    return value if isinstance(value, float | sympy.Expr) else number


def head_activation(sigma: Any) -> Activation | PolynomialActivation:
    """What a head applies: an equivalent activation as it is, anything else as :func:`activation` reads it."""
    return sigma if isinstance(sigma, PolynomialActivation) else activation(sigma)
