"""An activation's formula in the functions of the array API, for arrays of any library."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import sympy
from sympy.codegen.cfunctions import expm1, log1p
from sympy.codegen.numpy_nodes import logaddexp
from sympy.core.relational import Relational
from sympy.logic.boolalg import And, Not, Or

from hermite_eq.activations.activation import Activation
from hermite_eq.activations.formulas.rewriting import stable_form
from hermite_eq.activations.guest import PROBE
from hermite_eq.hermite import X

#: Where a formula is held against the activation's own values: with points at which kinks and removable singularities often are.
_POINTS = np.concatenate([PROBE, np.arange(-2.0, 3.0)])
#: Values of two evaluations agree to so many ε of their size: terms of a formula may cancel to a hundredth of theirs.
_SLACK = 1e3

#: Functions of SymPy by their names in the array API.
_NAMES: dict[Any, str] = {
    sympy.exp: "exp",
    expm1: "expm1",
    sympy.log: "log",
    log1p: "log1p",
    logaddexp: "logaddexp",
    sympy.sin: "sin",
    sympy.cos: "cos",
    sympy.tan: "tan",
    sympy.sinh: "sinh",
    sympy.cosh: "cosh",
    sympy.tanh: "tanh",
    sympy.asin: "asin",
    sympy.acos: "acos",
    sympy.atan: "atan",
    sympy.asinh: "asinh",
    sympy.acosh: "acosh",
    sympy.atanh: "atanh",
    sympy.Abs: "abs",
    sympy.sign: "sign",
    sympy.floor: "floor",
    sympy.ceiling: "ceil",
}
_RELATIONS: dict[str, Callable[[Any, Any], Any]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
}


class _NoCounterpart(Exception):
    """A function of the formula is none of the namespace."""


def array_function(sigma: Activation, xp: Any, functions: Mapping[str, Callable[[Any], Any]]) -> Callable[[Any], Any] | None:
    """σ on arrays of the namespace ``xp``, in their precision; None where its formula has functions beyond it, or there is no formula.

    Parameters
    ----------
    sigma : Activation
    xp : namespace
        Of the array API.
    functions : dict
        Functions which the library has beyond it, by their names in SymPy (``"erf"``).

    Returns
    -------
    callable or None
        In double precision it agrees with σ to :data:`_SLACK` ε, as has been tried.

    Examples
    --------
    >>> from hermite_eq.activations import activation
    >>> array_function(activation("leaky_relu"), np, {})(np.array([-1.0, 2.0]))
    array([-0.01,  2.  ])
    >>> array_function(activation("gelu"), np, {}) is None
    True
    """
    if sigma.expression is None or sigma.parameters:
        return None
    form, table = stable_form(sigma.expression), dict(functions)
    with np.errstate(all="ignore"):
        if not _agrees(sigma, form):
            return None
    try:
        _Evaluation(xp, table, xp.asarray([0.5, 1.5], dtype=xp.float64)).value(form)
    except _NoCounterpart:
        return None
    return lambda x: _Evaluation(xp, table, x).filled(form)


def _agrees(sigma: Activation, form: sympy.Expr) -> bool:
    """Whether the formula has by NumPy the values of σ, which may be limits where the formula has none."""
    from scipy import special

    try:
        values = _Evaluation(np, {"erf": special.erf, "erfc": special.erfc}, _POINTS).filled(form)
    except _NoCounterpart:
        return False
    expected = sigma(_POINTS)
    return bool(np.all(np.abs(values - expected) <= _SLACK * np.finfo(float).eps * (1 + np.abs(expected))))


class _Evaluation:
    """The parts of an expression at the entries of one array, each computed once."""

    def __init__(self, xp: Any, functions: Mapping[str, Callable[[Any], Any]], x: Any) -> None:
        self._xp, self._functions, self._x = xp, functions, x
        self._memory: dict[sympy.Basic, Any] = {}

    def filled(self, form: sympy.Expr) -> Any:
        """The values in the shape of the array: those of a constant too."""
        value = self.value(form)
        return value if value.shape == self._x.shape else value + self._xp.zeros_like(self._x)

    def value(self, node: sympy.Basic) -> Any:
        if node not in self._memory:
            self._memory[node] = self._computed(node)
        return self._memory[node]

    def _computed(self, node: sympy.Basic) -> Any:
        xp = self._xp
        if node == X:
            return self._x
        if not node.has(X):
            return self._constant(node)
        if isinstance(node, Relational):
            return _RELATIONS[node.rel_op](self.value(node.lhs), self.value(node.rhs))
        if isinstance(node, Not):
            return ~self.value(node.args[0])
        for kind, operation in self._folded().items():
            if isinstance(node, kind):
                return functools.reduce(operation, [self.value(part) for part in node.args])
        if isinstance(node, sympy.Pow):
            return self._power(*node.args)
        if isinstance(node, sympy.Piecewise):
            return self._piecewise(node)
        if isinstance(node, sympy.Heaviside):
            u, at_zero = (self.value(part) for part in node.args)
            return xp.where(u > 0, self._constant(sympy.S.One), xp.where(u < 0, self._constant(sympy.S.Zero), at_zero))
        name = node.func.__name__
        function = getattr(xp, _NAMES[node.func]) if node.func in _NAMES else self._functions.get(name)
        if function is None:
            raise _NoCounterpart(name)
        return function(*(self.value(part) for part in node.args))

    def _folded(self) -> dict[Any, Callable[[Any, Any], Any]]:
        where = self._xp.where
        return {
            sympy.Add: operator.add,
            sympy.Mul: operator.mul,
            And: operator.and_,
            Or: operator.or_,
            sympy.Max: lambda u, v: where(v > u, v, u),
            sympy.Min: lambda u, v: where(v < u, v, u),
        }

    def _constant(self, node: sympy.Basic) -> Any:
        if node in (sympy.true, sympy.false):
            return self._xp.asarray(bool(node), device=self._x.device)
        return self._xp.asarray(float(node), dtype=self._x.dtype, device=self._x.device)

    def _power(self, base: sympy.Expr, exponent: sympy.Expr) -> Any:
        if base == sympy.E:
            return self._xp.exp(self.value(exponent))
        b = self.value(base)
        if exponent == sympy.Rational(1, 2):
            return self._xp.sqrt(b)
        if exponent.is_Integer and 0 < abs(exponent) <= 8:
            power = functools.reduce(operator.mul, [b] * abs(int(exponent)))
            return power if exponent > 0 else 1 / power
        return self._xp.pow(b, self.value(exponent))

    def _piecewise(self, node: sympy.Piecewise) -> Any:
        # A branch may overflow where it does not hold: its values there are not taken.
        value = self._constant(sympy.nan)
        for branch, condition in reversed(node.args):
            value = self._xp.where(self.value(condition), self.value(branch), value)
        return value
