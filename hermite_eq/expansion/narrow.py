r"""Where an expression varies on a short scale, read off from it: no finite sample would find :math:`e^{-10^{12}(x-c)^2}`.

A function of a polynomial p varies most near the zeros of p and p′. There :math:`p(c+t)` differs from p(c) by 1 (in a power, by p(c)
itself) at :math:`|t|=s=\min_k|p^{(k)}(c)/k!|^{-1/k}`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import sympy

from hermite_eq.hermite import X

#: Scales that the points looked at on every panel resolve anyway.
_RESOLVED = 1 / 16
_HIGHEST_DEGREE = 12


def narrow_edges(expression: sympy.Expr) -> list[float]:
    """Places of short scale, and points around each at distances that double from the scale to a unit.

    >>> edges = narrow_edges(sympy.exp(-(X - 1) ** 2 * 10**12))
    >>> 1.0 in edges, min(abs(edge - 1) for edge in edges if edge != 1) < 1e-5
    (True, True)
    >>> narrow_edges(sympy.tanh(X))
    []
    """
    edges: set[float] = set()
    for part in sympy.preorder_traversal(expression):
        for centre, scale in _short_scales(part):
            edges.add(centre)
            reach = scale / 4
            while reach < 1:
                edges |= {centre - reach, centre + reach}
                reach *= 2
    return sorted(edges)


def _short_scales(part: sympy.Basic) -> Iterator[tuple[float, float]]:
    if isinstance(part, sympy.Pow) and part.base != sympy.E:
        argument, relative = part.base, True
        if part.exp.is_Integer and part.exp > 0:
            return
    elif isinstance(part, sympy.Function | sympy.exp | sympy.Pow) and not isinstance(part, sympy.Piecewise | sympy.Max | sympy.Min):
        argument, relative = part.args[-1], False
    else:
        return
    if not argument.has(X) or not argument.is_polynomial(X):
        return
    coefficients = np.array([float(c) for c in sympy.Poly(argument, X).all_coeffs()])
    if not 1 <= coefficients.size - 1 <= _HIGHEST_DEGREE or not np.isfinite(coefficients).all():
        return
    for centre in {float(root.real) for p in (coefficients, np.polyder(coefficients)) for root in np.roots(p)}:
        taylor = [float(np.polyval(np.polyder(coefficients, k), centre)) / math.factorial(k) for k in range(coefficients.size)]
        unit = abs(taylor[0]) if relative and taylor[0] else 1.0
        scale = min(((unit / abs(c)) ** (1 / k) for k, c in enumerate(taylor) if k and c), default=math.inf)
        if 0 < scale < _RESOLVED:
            yield centre, scale
