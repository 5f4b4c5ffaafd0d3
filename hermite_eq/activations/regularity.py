"""Whether a function is visibly not Lipschitz, the hypothesis of the equivalence theorems."""

from __future__ import annotations

import math

import numpy as np

from hermite_eq.activations.activation import Activation


def lipschitz_violation(sigma: Activation) -> str | None:
    r"""What shows that ``sigma`` is not Lipschitz, or None where nothing does.

    A declared constant is believed. Without one the function is looked at: a jump at a kink, or a mean slope
    :math:`|\sigma(\pm x)|/x` which grows tenfold from x = 10² to 10⁴, is a violation. None is no proof.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> from hermite_eq.hermite import X
    >>> print(lipschitz_violation(activation("tanh")))
    None
    >>> lipschitz_violation(activation(X**3))
    '|σ(x)|/|x| grows without bound'
    """
    if sigma.lipschitz is not None:
        return "no finite Lipschitz constant" if sigma.lipschitz == math.inf else None
    if sigma.parameters:
        return None
    for kink in map(float, sigma.kinks):
        width = 1e-9 * max(1.0, abs(kink))
        left, right = (float(sigma(kink + side * width)) for side in (-1, 1))
        if abs(right - left) > 1e6 * width:
            return f"a jump at x = {kink:.6g}"
    with np.errstate(all="ignore"):
        near, far = (np.max(np.abs(np.asarray(sigma(np.array([-x, x])), dtype=float))) / x for x in (1e2, 1e4))
    return "|σ(x)|/|x| grows without bound" if not far <= 10 * max(near, 1e-12) else None
