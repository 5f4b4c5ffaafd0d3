"""Whether a function visibly jumps, is visibly not Lipschitz (the hypothesis of the equivalence theorems), or grows exponentially."""

from __future__ import annotations

import itertools
import math

import numpy as np
from flint import acb, arb
from numpy.typing import NDArray

from hermite_eq.activations.activation import Activation
from hermite_eq.activations.formulas.balls import ball_function, working_precision
from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.arguments import instance
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

_TINY = np.finfo(float).tiny


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
        above = sigma(kink + widths)
        wide, narrow = np.abs(above - sigma(kink - widths))
        # Half the digits of σ beside κ: less than that is taken for rounding, of values or of κ.
        if narrow > wide / 4 and narrow > math.sqrt(np.finfo(float).eps) * np.abs(above).max():
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


def grows_exponentially(sigma: Activation) -> bool:
    r"""Whether ``sigma`` visibly grows at least like :math:`e^{|x|^{2/3}}`: beyond what the tail of ‖h‖ allows at finite d.

    The order of growth at b, :math:`\log_2\max_{[2b,4b]}|\sigma|-\log_2\max_{[b,2b]}|\sigma|` on either side, is constant for a power and
    grows as :math:`b^\beta` for :math:`e^{|x|^\beta}`. It is compared at b, ten times the largest kink or 10, 8b, 64b, …: two fourfold
    increases in succession are β ≥ 2/3, where one may be a lower power that gives way, or an inner overflow of a callable's formula.
    Expressions do not overflow: balls have the logarithms of their values.

    References
    ----------
    Why 2/3: ``derivations/contexts/head_moments.py``.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> grows_exponentially(activation("exp")), grows_exponentially(activation("cubic")), grows_exponentially(activation("softplus"))
    (True, False, False)
    >>> grows_exponentially(activation("exp(100*x)"))
    True
    """
    instance(sigma, Activation, "what is looked at is an Activation", "pass hermite_eq.activation('exp')")
    if sigma.expression is not None and not sigma.parameters:
        ends = pieces(sigma.expression)
        if ends[0].expression.is_polynomial(X) and ends[-1].expression.is_polynomial(X):
            return False
    base = 10 * max([1.0, *(abs(float(kink)) for kink in sigma.kinks)])
    for side in (-1, 1):
        orders = [max(1.0, _order(sigma, side * base * 8**j)) for j in range(5)]
        # 8^β, β = 2/3, less the rounding of differences of logarithms.
        rises = [after > 4 * before * (1 - 1e-6) for before, after in itertools.pairwise(orders)]
        if any(first and second for first, second in itertools.pairwise(rises)):
            return True
    return False


def _order(sigma: Activation, start: float) -> float:
    below, above = (_log2_largest(sigma, k * start * np.linspace(1, 2, 65)) for k in (1, 2))
    # What overflows has every order; a function that vanishes, or falls, has none.
    return math.inf if not above < math.inf else max(0.0, above - below)


def _log2_largest(sigma: Activation, points: NDArray[np.float64]) -> float:
    with np.errstate(all="ignore"):
        largest = np.max(np.abs(np.asarray(sigma(points), dtype=float)))
    if largest < math.inf:
        return math.log2(max(largest, _TINY))
    if sigma.expression is None:
        return math.inf
    try:
        with working_precision(64):
            function = ball_function(sigma.expression)
            return max(float((abs(function(acb(point), False)).log() / arb(2).log()).mid()) for point in points[::16].tolist())
    except (HypothesisError, OverflowError):
        return math.inf
