"""The derivative of an activation, which a gradient step needs."""

from __future__ import annotations

from functools import lru_cache

import sympy

from hermite_eq.activations.activation import Activation
from hermite_eq.activations.coercion import activation
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


@lru_cache(maxsize=64)
def derivative(sigma: Activation) -> Activation:
    r""":math:`\sigma'` as an activation; at a kink the mean of the two slopes.

    Raises
    ------
    HypothesisError
        For a bare callable, whose derivative is not known, and for a function that jumps.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> derivative(activation("relu"))([-1.0, 0.0, 2.0])
    array([0. , 0.5, 1. ])
    """
    if sigma.expression is None:
        raise HypothesisError(
            "a gradient step differentiates σ, which needs a formula", f"the bare callable {sigma}", "pass a name or a SymPy expression"
        )
    found = sympy.diff(sigma.expression, X)
    if found.has(sympy.DiracDelta):
        raise HypothesisError("a gradient step differentiates σ, which is continuous", f"{sigma}, which jumps", "pass 'relu', say")
    return activation(found, name=f"{sigma}'")
