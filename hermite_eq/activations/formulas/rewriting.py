"""Equal forms of an expression whose values in floating point neither cancel nor overflow on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy.codegen.cfunctions import expm1, log1p
from sympy.codegen.numpy_nodes import logaddexp

from hermite_eq.hermite import X

#: Functions of SymPy whose namesakes in SciPy are other functions (its factorial is 0 on the negative half-line), or which have none.
_WRITTEN_OUT: dict[Any, Callable[..., sympy.Expr]] = {
    sympy.factorial: lambda u: sympy.gamma(u + 1),
    sympy.frac: lambda u: u - sympy.floor(u),
    sympy.Mod: lambda u, m: u - m * sympy.floor(u / m),
    sympy.erf2: lambda a, b: sympy.erf(b) - sympy.erf(a),
    sympy.jn: lambda n, u: sympy.jn(n, u).expand(func=True),
    sympy.yn: lambda n, u: sympy.yn(n, u).expand(func=True),
}


def written_out(expression: sympy.Expr) -> sympy.Expr:
    """``expression``, equal on the line, in functions of which the rest of the library knows values, balls and singular points.

    >>> written_out(sympy.factorial(X))
    gamma(x + 1)
    """
    for function, form in _WRITTEN_OUT.items():
        if expression.has(function):
            expression = expression.replace(function, form)
    return expression


def stable_form(expression: sympy.Expr) -> sympy.Expr:
    r"""``expression``, equal on the line, in the forms that floating point evaluates well.

    - :math:`a e^u-a=a\operatorname{expm1}u`, :math:`a-a\cos u=2a\sin^2(u/2)`;
    - :math:`\log\sum_ic_ie^{u_i}` by pairs, ``logaddexp``, for positive :math:`c_i`; else :math:`\log(1+t)=\operatorname{log1p}t`;
    - :math:`e^a(\sum_ic_ie^{u_i})^{-n}=(\sum_ic_ie^{u_i-a/n})^{-n}`, in which an overflow is a value of 0, and not ∞/∞.

    >>> stable_form(sympy.log(1 + sympy.exp(100 * X)))
    logaddexp(0, 100*x)
    >>> stable_form((sympy.exp(X) - 1) / X)
    expm1(x)/x
    """
    if not expression.args or not expression.has(X):
        return expression
    if isinstance(expression, sympy.Piecewise):
        return sympy.Piecewise(*((stable_form(value), condition) for value, condition in expression.args), evaluate=False)
    node = expression.func(*(stable_form(argument) if isinstance(argument, sympy.Expr) else argument for argument in expression.args))
    if isinstance(node, sympy.Add):
        return _sum(node)
    if isinstance(node, sympy.Mul):
        return _quotient(node)
    if isinstance(node, sympy.log):
        return _logarithm(node)
    return node


def cancelled_exponentials(expression: sympy.Expr) -> sympy.Expr:
    r"""The last of these forms alone; of :math:`e^{a-nv}(\sum_ic_ie^{u_i-v})^{-n}` the v nearest to a/n for which what is below is bounded.

    >>> cancelled_exponentials(X * sympy.exp(X) / (1 + sympy.exp(X)))
    x/(1 + exp(-x))
    >>> cancelled_exponentials(sympy.exp(9 * X) / (1 + sympy.exp(X)))
    exp(8*x)/(1 + exp(-x))
    """
    return expression.replace(lambda part: isinstance(part, sympy.Mul), lambda part: _quotient(part, _within))


def _within(wanted: sympy.Expr, exponents: list[sympy.Expr]) -> sympy.Expr:
    """``wanted``, or the exponent at whose end of all slopes it is beyond them."""
    slopes = [sympy.diff(u, X) for u in (wanted, *exponents)]
    if not all(slope.is_Rational for slope in slopes):
        return wanted
    first, *others = slopes
    if min(others) <= first <= max(others):
        return wanted
    return min(zip(others, exponents, strict=True), key=lambda pair: abs(pair[0] - first))[1]


def _sum(node: sympy.Add) -> sympy.Expr:
    constant, rest = node.as_coeff_Add()
    if constant == 0:
        return node
    for term in sympy.Add.make_args(rest):
        factor, function = term.as_coeff_Mul()
        if factor == -constant and isinstance(function, sympy.exp):
            return rest - term + factor * expm1(function.exp)
        if factor == -constant and isinstance(function, sympy.cos):
            return rest - term + 2 * constant * sympy.sin(function.args[0] / 2) ** 2
    return node


def _exponentials(node: sympy.Expr) -> list[tuple[sympy.Expr, sympy.Expr]] | None:
    """(c, u) of every term c e^u, c > 0, of a sum of such; None where it is none."""
    factors = []
    for term in sympy.Add.make_args(node):
        factor, function = term.as_independent(X, as_Add=False)
        argument = sympy.Integer(0) if function == 1 else function.exp if isinstance(function, sympy.exp) else None
        if argument is None or not factor.is_positive:
            return None
        factors.append((factor, argument))
    return factors


def _logarithm(node: sympy.log) -> sympy.Expr:
    inner = node.args[0].replace(
        lambda part: isinstance(part, sympy.cosh), lambda part: (sympy.exp(part.args[0]) + sympy.exp(-part.args[0])) / 2
    )
    terms = _exponentials(sympy.expand_mul(inner))
    if terms is not None and len(terms) > 1:
        # log c only where it is none of all: log(cosh u) is logaddexp(u, −u) − log 2.
        common = terms[0][0] if len({factor for factor, _ in terms}) == 1 else sympy.Integer(1)
        value = terms[0][1] + sympy.log(terms[0][0] / common)
        for factor, argument in terms[1:]:
            value = logaddexp(value, argument + sympy.log(factor / common))
        return value + sympy.log(common)
    constant, rest = node.args[0].as_coeff_Add()
    return log1p(rest) if constant == 1 else node


def _quotient(
    node: sympy.Mul, common: Callable[[sympy.Expr, list[sympy.Expr]], sympy.Expr] = lambda wanted, exponents: wanted
) -> sympy.Expr:
    exponent = sympy.Add(*(factor.exp for factor in node.args if isinstance(factor, sympy.exp)))
    if exponent == 0:
        return node
    for factor in node.args:
        if isinstance(factor, sympy.Pow) and factor.exp.is_Integer and factor.exp < 0:
            terms = _exponentials(factor.base)
            if terms is not None and len(terms) > 1:
                others = [other for other in node.args if other != factor and not isinstance(other, sympy.exp)]
                v = common(-exponent / factor.exp, [u for _, u in terms])
                shifted = sympy.Add(*(c * sympy.exp(u - v) for c, u in terms))
                return sympy.Mul(*others, sympy.exp(exponent + factor.exp * v), shifted**factor.exp)
    return node
