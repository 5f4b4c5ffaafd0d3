"""The head's Hermite data that the error depends on."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import coefficients
from hermite_eq.models import PolynomialActivation

#: Relative size below which a coefficient of a double-precision expansion counts as zero.
_ZERO = 64 * np.finfo(float).eps


@dataclass(frozen=True)
class HeadMoments:
    r""":math:`c_0,c_1,c_2` and :math:`c_{1*}^2=\mathbb E\sigma^2-c_0^2-c_1^2` of a head.

    The equivalent polynomial model has the same four numbers when its degree is at least 2: by Parseval
    :math:`c_{1*}^2=c_r^{*2}+\sum_{2\le k\le r}c_k^2/k!`. At degree 1 its c₂ is 0.
    """

    c0: float
    c1: float
    c2: float
    residual2: float

    @classmethod
    def of(cls, head: Activation | PolynomialActivation) -> HeadMoments:
        """The moments of an activation or of an equivalent polynomial activation.

        >>> from hermite_eq.activations import activation
        >>> moments = HeadMoments.of(activation("relu"))
        >>> round(moments.c1, 12), round(moments.residual2, 12)
        (0.5, 0.090845056908)
        """
        if isinstance(head, PolynomialActivation):
            c = [float(x) for x in head.c]
            residual2 = float(head.residual) ** 2 + sum(x**2 / math.factorial(k) for k, x in enumerate(c) if k >= 2)
            c += [0.0] * (3 - len(c))
        else:
            expansion = coefficients(head, 2)
            c = [float(x) for x in expansion.c]
            residual2 = float(expansion.residual(1)) ** 2
        norm2 = c[0] ** 2 + c[1] ** 2 + residual2
        c0, c1, c2 = (x if abs(x) > _ZERO * math.sqrt(norm2) else 0.0 for x in c[:3])
        residual2 = residual2 if residual2 > _ZERO * norm2 else 0.0
        if c1 == 0 and residual2 == 0:
            raise HypothesisError("the head is not constant", f"{head}", "use a head with some c_k ≠ 0, k ≥ 1")
        return cls(c0, c1, c2, residual2)
