"""An activation of a pre-activation whose variance is not 1."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import sympy
from numpy.typing import NDArray

from hermite_eq.activations.activation import Activation
from hermite_eq.activations.formulas.symbolic import ExpressionFunction
from hermite_eq.arguments import exact, instance, shown
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


@dataclass(frozen=True)
class _OfMultiple:
    function: Callable[[NDArray[Any]], NDArray[Any]]
    scale: float

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        return self.function(x.dtype.type(self.scale) * x)


def rescaled(sigma: Activation, variance: Any) -> Activation:
    r""":math:`x\mapsto\sigma(sx)`, :math:`s^2` = ``variance``: what σ does to a pre-activation :math:`sg\sim\mathcal N(0,s^2)`, g normal.

    Parameters
    ----------
    sigma : Activation
    variance : number or sympy.Expr
        Positive. A float is the decimal that was written: 0.01 is 1/100. A SymPy expression with positive symbols stays symbolic.

    Raises
    ------
    HypothesisError
        If ``variance`` is not positive and finite, or symbolic for a bare callable.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> rescaled(activation("hardtanh"), 4).kinks
    (-1/2, 1/2)
    """
    instance(sigma, Activation, "an Activation is rescaled", "pass hermite_eq.activation('relu')")
    v = _positive(variance)
    if v == 1:
        return sigma
    s = sympy.sqrt(v)
    name = f"{sigma}({sympy.sstr(s)}*x)" if sigma.name.isidentifier() else f"{sigma} at {sympy.sstr(s)}*x"
    expression = None if sigma.expression is None else sigma.expression.xreplace({X: s * X})
    if not v.is_number:
        if expression is None:
            raise HypothesisError("a symbolic variance needs a formula", f"the bare callable {sigma}", "pass a number as variance")
        return Activation(name, expression, ExpressionFunction(expression), parity=sigma.parity)
    return replace(
        sigma,
        name=name,
        expression=expression,
        function=_OfMultiple(sigma.function, float(s)),
        kinks=tuple(kink / s for kink in sigma.kinks),
        lipschitz=None if sigma.lipschitz is None else sigma.lipschitz * float(s),
        strip=None if sigma.strip is None else sigma.strip / float(s),
    )


def _positive(variance: Any) -> sympy.Expr:
    requirement, repair = "the variance of the pre-activations is positive and finite", "pass variance=2, say"
    v = exact(variance, "variance", requirement=requirement, repair=repair)
    if not v.is_positive or not (v.free_symbols or 0 < float(v) < math.inf):
        raise HypothesisError(requirement, f"variance={shown(variance)}", repair)
    return sympy.Rational(str(v)) if v.is_Float else v
