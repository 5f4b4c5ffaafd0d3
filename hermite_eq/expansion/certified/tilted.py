r"""Sums of products with an exponential of large slope, by the shift of the Gaussian that it is: :math:`e^{ag}\phi(g)=e^{a^2/2}\phi(g-a)`.

.. math:: \mathbb E[e^{ag+b}h(g)\,\mathrm{He}_k(g)]=e^{b+a^2/2}\sum_{j\le k}\binom kja^{k-j}\,\mathbb E[h(g+a)\,\mathrm{He}_j(g)]

by :math:`\mathrm{He}_k(x+a)=\sum_j\binom kja^{k-j}\mathrm{He}_j(x)`, and :math:`\mathbb E\sigma^2` term by term, the product of two such
terms being a third. An absolute error of h is then one relative to the whole, which :math:`e^{20x}\tanh x`, of
:math:`\mathbb E\sigma^2=e^{800}`, otherwise pays for with 350 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import sympy
from flint import acb, arb

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.formulas.balls import ball_function
from hermite_eq.expansion.certified.bounds import Moments
from hermite_eq.hermite import X

#: Below, the exponential costs fewer digits than a second set of nodes.
_LEAST_SLOPE = 4
#: Every two of them are integrated.
_MOST_TERMS = 6


@dataclass(frozen=True, eq=False)
class Tilted:
    """:math:`e^{ax+b}h(x)`."""

    slope: sympy.Expr
    constant: sympy.Expr
    rest: sympy.Expr

    def coefficients(self, degree: int, of: Callable[[Activation, int], Moments]) -> list[arb]:
        """The balls, from those ``of`` a shifted h and a degree."""
        a, scale = _ball(self.slope), _ball(self.constant + self.slope**2 / 2).exp()
        shifted = of(activation(self.rest.subs(X, X + self.slope)), degree).c
        return [
            scale * sum((arb(sympy.binomial(k, j).p) * a ** (k - j) * shifted[j] for j in range(k + 1)), arb(0)) for k in range(degree + 1)
        ]

    def times(self, other: Tilted) -> Tilted:
        return Tilted(self.slope + other.slope, self.constant + other.constant, self.rest * other.rest)


def tilted_moments(terms: tuple[Tilted, ...], degree: int, of: Callable[[Activation, int], Moments]) -> Moments:
    coefficients = [term.coefficients(degree, of) for term in terms]
    products = [left.times(right) for left in terms for right in terms]
    alike: dict[tuple[sympy.Expr, sympy.Expr], sympy.Expr] = {}
    for product in products:
        alike[product.slope, product.constant] = alike.get((product.slope, product.constant), sympy.Integer(0)) + product.rest
    norm2 = sum((Tilted(*key, rest).coefficients(0, of)[0] for key, rest in alike.items()), arb(0))
    return Moments(tuple(sum(column, arb(0)) for column in zip(*coefficients, strict=True)), norm2)


def tilted(expression: sympy.Expr) -> tuple[Tilted, ...]:
    """The terms of a sum of products with exponentials, sinh and cosh of large slope; none of another expression.

    >>> tilted(sympy.exp(20 * X - 1) * sympy.tanh(X))
    (Tilted(slope=20, constant=-1, rest=tanh(x)),)
    >>> [term.slope for term in tilted(sympy.cosh(9 * X) * sympy.tanh(X) + X)]
    [0, 9, -9]
    >>> tilted(sympy.exp(X) * sympy.tanh(X))
    ()
    """
    terms: list[Tilted] = []
    for summand in sympy.Add.make_args(expression):
        products = [Tilted(sympy.Integer(0), sympy.Integer(0), sympy.Integer(1))]
        for factor in sympy.Mul.make_args(summand):
            products = [product.times(term) for product in products for term in _summands(factor)]
            if len(products) > _MOST_TERMS:
                return ()
        terms += products
    if max(abs(term.slope) for term in terms) <= _LEAST_SLOPE or len(terms) > _MOST_TERMS:
        return ()
    return tuple(terms)


def _summands(factor: sympy.Expr) -> list[Tilted]:
    """A factor as such a sum: of sinh, cosh, sums and their squares the exponentials."""
    zero, unit = sympy.Integer(0), sympy.Integer(1)
    if _is_affine(factor, sympy.exp):
        constant = factor.args[0].subs(X, 0)
        return [Tilted(sympy.expand(factor.args[0] - constant) / X, constant, unit)]
    if _is_affine(factor, sympy.sinh | sympy.cosh):
        (u,) = factor.args
        sign = -unit if isinstance(factor, sympy.sinh) else unit
        return [term.times(Tilted(zero, zero, scale / 2)) for v, scale in ((u, unit), (-u, sign)) for term in _summands(sympy.exp(v))]
    if isinstance(factor, sympy.Add) and any(map(tilted, factor.args)):
        return [term for summand in factor.args for term in tilted(summand) or (Tilted(zero, zero, summand),)]
    if isinstance(factor, sympy.Pow) and factor.exp == 2 and len(parts := _summands(factor.base)) > 1:
        return [first.times(second) for first in parts for second in parts]
    return [Tilted(zero, zero, factor)]


def _is_affine(part: sympy.Expr, kind: Any) -> bool:
    return isinstance(part, kind) and bool(part.args[0].is_polynomial(X)) and sympy.degree(part.args[0], X) == 1


def _ball(constant: sympy.Expr) -> arb:
    return ball_function(constant)(acb(0), False).real
