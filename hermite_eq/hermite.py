r"""The convention, once: polynomials, measure, coefficients, and named translations to other conventions.

.. math::

    \mathrm{He}_0 = 1,\quad \mathrm{He}_1 = x,\quad \mathrm{He}_{k+1} = x\,\mathrm{He}_k - k\,\mathrm{He}_{k-1},
    \qquad g \sim \mathcal N(0, 1),\qquad c_k = \mathbb E[\sigma(g)\,\mathrm{He}_k(g)],

so that :math:`\sigma = \sum_k (c_k/k!)\,\mathrm{He}_k` in :math:`L^2(\mathcal N(0,1))` and
:math:`\mathbb E\,\sigma(g)^2 = \sum_k c_k^2/k!` (Parseval). Other authors write :math:`c_k/k!` or :math:`c_k/\sqrt{k!}` for the
coefficient, or expand in the physicists' :math:`H_k`; :func:`polynomial_weights`, :func:`orthonormal` and
:func:`physicists_weights` are those views.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count, exact, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.memory import require_memory

#: The one variable of every activation expression.
X = sympy.Symbol("x", real=True)

# He_k has k/2 terms of k log k digits: at 10^3 a page, at 10^5 five gigabytes.
_LARGEST_SYMBOLIC = 1000
# 170! is the last factorial that is a double.
_MOST_FACTORIALS = 171


def check_degree(degree: Any, *, name: str = "degree") -> int:
    """Return ``degree`` as an int, or raise if it is not a non-negative integer.

    Parameters
    ----------
    degree : int
    name : str
        What the message calls it.

    Examples
    --------
    >>> check_degree(3)
    3
    """
    return count(degree, name)


def he(k: int, x: Any = X) -> sympy.Expr:
    r"""The probabilists' Hermite polynomial :math:`\mathrm{He}_k(x)`, monic, as a SymPy expression.

    Parameters
    ----------
    k : int
    x : sympy.Expr or number
        By default the variable ``X``.

    Examples
    --------
    >>> he(2)
    x**2 - 1
    """
    k = count(k, "k", most=_LARGEST_SYMBOLIC)
    x = exact(x, "x")
    if x.is_number:
        previous, current = sympy.Integer(0), sympy.Integer(1)
        for j in range(k):
            previous, current = current, sympy.expand(x * current - j * previous)
        return current
    # He_k = Σ_m (−1)^m k!/(m! (k−2m)! 2^m) x^(k−2m), each weight from the one before; it cancels at floats, where the recurrence does not.
    weight, terms = 1, []
    for m in range(k // 2 + 1):
        terms.append((-1) ** m * weight * x ** (k - 2 * m))
        weight = weight * (k - 2 * m) * (k - 2 * m - 1) // (2 * (m + 1))
    return sympy.expand(sympy.Add(*terms))


def orthonormal_values(x: ArrayLike, degree: int) -> NDArray[np.float64]:
    r"""All :math:`\mathrm{He}_k(x)/\sqrt{k!}`, :math:`k = 0,\dots,K`, shape ``(degree + 1, *x.shape)``.

    The orthonormal recurrence :math:`\sqrt{k+1}\,h_{k+1} = x h_k - \sqrt{k}\,h_{k-1}` neither overflows nor loses relative
    accuracy where the monic one does (:math:`|h_k(x)| \le 1.0866\,e^{x^2/4}`, Cramér).

    >>> orthonormal_values([0.0, 2.0], 2)[2] * 2**0.5
    array([-1.,  3.])
    """
    degree = check_degree(degree)
    x = array(x, "x", empty=True)
    require_memory(8 * (degree + 1) * x.size, "all values of all degrees", "pass a smaller degree, or x in parts")
    values = np.empty((degree + 1, *x.shape))
    values[0] = 1.0
    if degree >= 1:
        values[1] = x
    for k in range(1, degree):
        # In place: large arrays are mostly the time that their memory takes.
        following = np.multiply(x, values[k], out=values[k + 1, ...])
        following -= math.sqrt(k) * values[k - 1]
        following /= math.sqrt(k + 1)
    return values


def orthonormal(c: Sequence[Any]) -> tuple[Any, ...]:
    r""":math:`c_k/\sqrt{k!}`, the coefficients in the orthonormal basis, exact if ``c`` is.

    >>> orthonormal([sympy.Integer(1), sympy.Integer(0), sympy.Integer(2)])
    (1, 0, sqrt(2))
    """
    return tuple(
        ck / (sympy.sqrt(sympy.factorial(k)) if isinstance(ck, sympy.Basic) else math.sqrt(math.factorial(k)))
        for k, ck in enumerate(_numbers(c))
    )


def _numbers(c: Any) -> tuple[Any, ...]:
    """Coefficients: doubles as they are, exact numbers as SymPy's."""
    coefficients = sequence(c, "c", "the coefficients c_0 … c_K")
    if len(coefficients) > _MOST_FACTORIALS and not all(isinstance(ck, sympy.Basic) for ck in coefficients):
        raise HypothesisError("k! is a double", f"{len(coefficients)} coefficients", f"pass {_MOST_FACTORIALS} of them, or exact ones")
    return tuple(ck if isinstance(ck, float) else exact(ck, "c") for ck in coefficients)


def polynomial_weights(c: Sequence[Any]) -> tuple[Any, ...]:
    r""":math:`c_k/k!`, the weights of :math:`\mathrm{He}_k` in the expansion, exact if ``c`` is.

    >>> polynomial_weights([1.0, 0.5, 3.0])
    (1.0, 0.5, 1.5)
    """
    return tuple(ck / (sympy.factorial(k) if isinstance(ck, sympy.Basic) else math.factorial(k)) for k, ck in enumerate(_numbers(c)))


def physicists_weights(c: Sequence[Any]) -> tuple[Any, ...]:
    r""":math:`a_k=2^{-k/2}c_k/k!`, the weights of the physicists' :math:`H_k`, exact if ``c`` is.

    From :math:`\mathrm{He}_k(x)=2^{-k/2}H_k(x/\sqrt2)`: :math:`\sigma(x)=\sum_ka_kH_k(x/\sqrt2)`, and with t = x/√2

    .. math:: a_k=\frac{1}{\sqrt\pi\,2^kk!}\int\sigma(\sqrt2\,t)\,H_k(t)\,e^{-t^2}\,dt,

    so that ``numpy.polynomial.hermite.hermval(x / 2**0.5, a)`` is the partial sum at x.

    >>> physicists_weights([sympy.Integer(1), sympy.Integer(0), sympy.Integer(2)])          # x² = 1 + He_2 = 1 + H_2(x/√2)/2
    (1, 0, 1/2)
    """
    return tuple(
        weight / (sympy.sqrt(2) ** k if isinstance(weight, sympy.Basic) else math.sqrt(2.0) ** k)
        for k, weight in enumerate(polynomial_weights(c))
    )
