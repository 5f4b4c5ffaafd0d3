r"""Products with an exponential of large slope, by the shift of the Gaussian that it is: :math:`e^{ag}\phi(g)=e^{a^2/2}\phi(g-a)`.

.. math:: \mathbb E[e^{ag+b}h(g)\,\mathrm{He}_k(g)]=e^{b+a^2/2}\sum_{j\le k}\binom kja^{k-j}\,\mathbb E[h(g+a)\,\mathrm{He}_j(g)],\qquad
    \mathbb E[e^{2ag+2b}h(g)^2]=e^{2b+2a^2}\,\mathbb E\,h(g+2a)^2,

the former by :math:`\mathrm{He}_k(x+a)=\sum_j\binom kja^{k-j}\mathrm{He}_j(x)`. An absolute error of h is then one relative to the
whole, which :math:`e^{20x}\tanh x`, of :math:`\mathbb E\sigma^2=e^{800}`, otherwise pays for with 350 digits.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import sympy
from flint import acb, arb

from hermite_eq.activations import Activation, activation
from hermite_eq.activations.formulas.balls import ball_function
from hermite_eq.expansion.certified.bounds import Moments
from hermite_eq.hermite import X

#: Below, the exponential costs fewer digits than a second set of nodes.
_LEAST_SLOPE = 4


@dataclass(frozen=True, eq=False)
class Tilted:
    """:math:`e^{ax+b}h(x)`."""

    slope: sympy.Expr
    constant: sympy.Expr
    rest: sympy.Expr

    def moments(self, degree: int, of: Callable[[Activation, int], Moments]) -> Moments:
        """The balls, from those ``of`` a shifted h and a degree."""
        a = _ball(self.slope)
        shifted = of(self._shifted(1), degree).c
        scale = _ball(self.constant + self.slope**2 / 2).exp()
        c = tuple(
            scale * sum((arb(sympy.binomial(k, j).p) * a ** (k - j) * shifted[j] for j in range(k + 1)), arb(0)) for k in range(degree + 1)
        )
        return Moments(c, _ball(2 * self.constant + 2 * self.slope**2).exp() * of(self._shifted(2), 0).norm2)

    def _shifted(self, by: int) -> Activation:
        return activation(self.rest.subs(X, X + by * self.slope))


def tilted(expression: sympy.Expr) -> Tilted | None:
    """The factors of a product with an exponential of large slope; None of another expression.

    >>> tilted(sympy.exp(20 * X - 1) * sympy.tanh(X))
    Tilted(slope=20, constant=-1, rest=tanh(x))
    >>> tilted(sympy.exp(X) * sympy.tanh(X)) is None
    True
    """
    exponent = sum((part.exp for part in sympy.Mul.make_args(expression) if _is_tilt(part)), sympy.Integer(0))
    polynomial = sympy.Poly(exponent, X)
    slope, constant = (polynomial.coeff_monomial(X**k) for k in (1, 0))
    if not abs(slope) > _LEAST_SLOPE:
        return None
    return Tilted(slope, constant, sympy.Mul(*(part for part in sympy.Mul.make_args(expression) if not _is_tilt(part))))


def _is_tilt(part: sympy.Expr) -> bool:
    return isinstance(part, sympy.exp) and bool(part.exp.is_polynomial(X)) and sympy.degree(part.exp, X) == 1


def _ball(constant: sympy.Expr) -> arb:
    return ball_function(constant)(acb(0), False).real
