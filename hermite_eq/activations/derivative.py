"""The derivative of an activation, which a gradient step needs."""

from __future__ import annotations

from functools import lru_cache

import sympy

from hermite_eq.activations.activation import Activation
from hermite_eq.activations.coercion import activation
from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.activations.regularity import jump
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

# What can jump; where the switching functions are polynomials, ``pieces`` resolves it.
_JUMPING = (sympy.sign, sympy.Heaviside, sympy.Piecewise, sympy.floor, sympy.ceiling, sympy.frac)


@lru_cache(maxsize=64)
def derivative(sigma: Activation) -> Activation:
    r""":math:`\sigma'` as an activation, off the kinks: a Gaussian argument is at one with probability zero.

    Raises
    ------
    HypothesisError
        For a bare callable, whose derivative is not known, for a function that jumps, and for one with branches that may jump at
        places which are not known, because no polynomial vanishes there.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> derivative(activation("relu"))([-1.0, 2.0])
    array([0., 1.])
    """
    if sigma.expression is None:
        raise HypothesisError(
            "a gradient step differentiates σ, which needs a formula", f"the bare callable {sigma}", "pass a name or a SymPy expression"
        )
    place = jump(sigma)
    unknown = not sigma.parameters and any(piece.expression.has(*_JUMPING) for piece in pieces(sigma.expression))
    if place is not None or unknown:
        where = "or may jump, where no polynomial vanishes" if place is None else f"at x = {place:.6g}"
        raise HypothesisError("a gradient step differentiates σ, which is continuous", f"{sigma}, which jumps {where}", "pass 'relu', say")
    # The Dirac terms of a continuous function are zero: (x sign x)' = sign x + 2xδ(x).
    slope = sympy.diff(sigma.expression, X).replace(sympy.DiracDelta, lambda *_: sympy.S.Zero)
    return activation(slope, name=f"{sigma}'")
