r"""Exact Hermite coefficients by Gaussian smoothing and jumps.

The family: piecewise sums of polynomial × exp(quadratic) × sin, cos, sinh, cosh (affine) × erf, erfc
(affine), with breakpoints from Max, Min, Abs, sign, Heaviside and Piecewise; parameters may be symbols,
taken as real. Functions return None outside the family, and
:func:`supported` says why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy

from hermite_eq.arguments import count, exact
from hermite_eq.errors import HypothesisError
from hermite_eq.expansion.exact.asymptotic_tail import Tail as Tail
from hermite_eq.expansion.exact.asymptotic_tail import leading_tail
from hermite_eq.expansion.exact.family import OutsideFamilyError, multiply
from hermite_eq.expansion.exact.general_form import GeneralCoefficient as GeneralCoefficient
from hermite_eq.expansion.exact.general_form import general
from hermite_eq.expansion.exact.moments import gaussian_moments, require_square_integrable
from hermite_eq.expansion.exact.normal_form import parse
from hermite_eq.expansion.exact.piecewise import combine
from hermite_eq.hermite import X

#: c_k has some k log k digits, and the recurrence reaches it through all before: two seconds to this degree, hours to 10⁵.
LARGEST_DEGREE = 2000


def _expression(expr: Any) -> sympy.Expr:
    expr = exact(expr, "σ")
    other = [symbol for symbol in expr.free_symbols if symbol.name == X.name and symbol != X]
    if other:
        raise HypothesisError(
            "the variable of an activation is the real symbol hermite_eq.hermite.X",
            f"another symbol of the same name in {expr}",
            "build the expression from hermite_eq.hermite.X",
        )
    return expr


@dataclass(frozen=True)
class Support:
    """Whether an expression has exact coefficients; if not, the sub-expression responsible and the reason.

    >>> bool(Support(True)), bool(Support(False, sympy.tanh(X), "unsupported function tanh"))
    (True, False)
    """

    holds: bool
    culprit: Any = None
    reason: str = ""

    def __bool__(self) -> bool:
        return self.holds


def supported(expr: sympy.Expr) -> Support:
    r"""Whether :func:`exact_coefficients` has an answer for ``expr``, and if not, why.

    Raises
    ------
    HypothesisError
        Where the question is undecided or void: a parameter of unknown sign decides the order of
        breakpoints, or the function is not square integrable.

    Examples
    --------
    >>> supported(sympy.Max(X, 0) + sympy.exp(-X**2))
    Support(holds=True, culprit=None, reason='')
    >>> supported(X * sympy.tanh(X)).reason
    'unsupported function tanh'
    """
    try:
        function = parse(_expression(expr))
        require_square_integrable(function)
        gaussian_moments(function, 0)
    except OutsideFamilyError as outside:
        return Support(False, outside.culprit, outside.reason)
    return Support(True)


def exact_coefficients(expr: sympy.Expr, degree: int) -> tuple[sympy.Expr, ...] | None:
    r""":math:`c_k = \mathbb E[\sigma(g)\,\mathrm{He}_k(g)]`, :math:`k = 0, \dots, K`, in closed form.

    All degrees come from one recurrence (:mod:`hermite_eq.expansion.exact.moments`).

    Parameters
    ----------
    expr : sympy.Expr
        σ in the symbol ``hermite_eq.hermite.X``; other symbols are real parameters.
    degree : int
        K.

    Returns
    -------
    tuple of sympy.Expr, length K + 1, or None
        None outside the family.

    Raises
    ------
    HypothesisError
        σ is not square integrable, or a parameter of unknown sign decides a breakpoint's place.

    Examples
    --------
    >>> exact_coefficients(sympy.Max(X, 0), 4)
    (sqrt(2)/(2*sqrt(pi)), 1/2, sqrt(2)/(2*sqrt(pi)), 0, -sqrt(2)/(2*sqrt(pi)))
    >>> exact_coefficients(sympy.tanh(X), 4) is None
    True
    """
    degree = count(degree, "degree", most=LARGEST_DEGREE)
    try:
        function = parse(_expression(expr))
        require_square_integrable(function)
        return gaussian_moments(function, degree)
    except OutsideFamilyError:
        return None


def exact_inner(expr1: sympy.Expr, expr2: sympy.Expr) -> sympy.Expr | None:
    r""":math:`\mathbb E[f(g)\,h(g)]` in closed form; None where there is none.

    Examples
    --------
    >>> exact_inner(sympy.Max(X, 0), sympy.Max(X, 0))
    1/2
    >>> exact_inner(sympy.erf(X), sympy.erf(X))
    2*asin(2/3)/pi
    """
    try:
        first, second = parse(_expression(expr1)), parse(_expression(expr2))
        return gaussian_moments(combine(first, second, multiply), 0)[0]
    except OutsideFamilyError:
        return None


def general_coefficient(expr: sympy.Expr) -> GeneralCoefficient | None:
    r""":math:`c_k` in a symbolic integer k, with its range of validity; None where there is no closed form.

    Piecewise sums of polynomial × exp(linear) × sin, cos have one; on the whole line also polynomial ×
    exp(quadratic) and polynomial × erf(affine) (:mod:`hermite_eq.expansion.exact.general_form` has the
    formulas).

    Raises
    ------
    HypothesisError
        As :func:`exact_coefficients`.

    Examples
    --------
    >>> general = general_coefficient(sympy.Max(X, 0))
    >>> general.even
    (-1)**(k/2 - 1)*sqrt(2)*factorial2(k - 3)/(2*sqrt(pi))
    >>> general.odd, general.valid_from
    (0, 2)
    """
    try:
        function = parse(_expression(expr))
        require_square_integrable(function)
        return general(function)
    except OutsideFamilyError:
        return None


def tail(expr: sympy.Expr) -> Tail | None:
    r"""Leading asymptotics of :math:`c_k^2/k!`, so how fast the residual falls; None where it is not known.

    Raises
    ------
    HypothesisError
        As :func:`exact_coefficients`.

    Examples
    --------
    >>> tail(sympy.erf(X)).kind, tail(sympy.erf(X)).ratio
    ('geometric', 2/3)
    """
    try:
        function = parse(_expression(expr))
        require_square_integrable(function)
        return leading_tail(function)
    except OutsideFamilyError:
        return None
