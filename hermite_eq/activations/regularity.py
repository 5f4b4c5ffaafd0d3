"""Whether a function visibly jumps, or is visibly not Lipschitz, the hypothesis of the equivalence theorems."""

from __future__ import annotations

import math

import numpy as np

from hermite_eq.activations.activation import Activation
from hermite_eq.arguments import instance


def jump(sigma: Activation) -> float | None:
    r"""The first kink at which ``sigma`` visibly jumps, or None where it does at none.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> jump(activation("heaviside")), jump(activation("relu"))
    (0.0, None)
    """
    for kink in map(float, sigma.kinks):
        # The gap σ(κ + w) − σ(κ − w) falls a thousandfold from the wider w to the narrower where σ is Lipschitz, more than fivefold where
        # it is Hölder of exponent 1/4, and not at all where it jumps. The narrower w is seven digits above the rounding of κ.
        widths = max(1.0, abs(kink)) * np.array([1e-6, 1e-9])
        wide, narrow = np.abs(sigma(kink + widths) - sigma(kink - widths))
        # Half the digits of σ(κ): less than that is taken for rounding.
        if narrow > wide / 4 and narrow > math.sqrt(np.finfo(float).eps) * abs(float(sigma(kink + widths[1]))):
            return kink
    return None


def lipschitz_violation(sigma: Activation) -> str | None:
    r"""What shows that ``sigma`` is not Lipschitz, or None where nothing does.

    A declared constant is believed. Without one the function is looked at: a jump at a kink, or a mean slope
    :math:`|\sigma(\pm x)|/x` which grows tenfold from x = b to 100b, b a hundred times the largest kink or 1, is a violation.
    Tenfold is what :math:`|x|^{3/2}` does. None is no proof.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> from hermite_eq.hermite import X
    >>> print(lipschitz_violation(activation("tanh")))
    None
    >>> lipschitz_violation(activation(X**3))
    '|σ(x)|/|x| grows without bound'
    """
    instance(sigma, Activation, "what is looked at is an Activation", "pass hermite_eq.activation('relu')")
    if sigma.lipschitz is not None:
        return "no finite Lipschitz constant" if sigma.lipschitz == math.inf else None
    if sigma.parameters:
        return None
    place = jump(sigma)
    if place is not None:
        return f"a jump at x = {place:.6g}"
    base = 100 * max([1.0, *(abs(float(kink)) for kink in sigma.kinks)])
    with np.errstate(all="ignore"):
        near, far = (np.max(np.abs(np.asarray(sigma(np.array([-x, x])), dtype=float))) / x for x in (base, 100 * base))
    # Up to the rounding of values and quotients; NaN, from an overflow, is growth.
    return None if far == 0 or far < 10 * near * (1 - 64 * np.finfo(float).eps) else "|σ(x)|/|x| grows without bound"
