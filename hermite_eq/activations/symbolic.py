"""From a SymPy expression in one symbol to what an Activation record holds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import sympy
from numpy.typing import NDArray

from hermite_eq.activations.activation import Parity
from hermite_eq.activations.evaluation import evaluator
from hermite_eq.activations.pieces import pieces
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


def in_standard_variable(expression: sympy.Expr) -> sympy.Expr:
    r"""``expression`` with its variable replaced by the real symbol ``hermite_eq.hermite.X``.

    With one symbol, that one is the variable, whatever its name; with several, the one named ``x`` is, and the others are
    parameters.

    >>> t = sympy.Symbol("t")
    >>> in_standard_variable(sympy.Abs(t) ** 2) == X**2
    True
    """
    symbols = expression.free_symbols
    if not symbols or X in symbols:
        return expression
    named = symbols if len(symbols) == 1 else {symbol for symbol in symbols if symbol.name == "x"}
    if len(named) != 1:
        raise HypothesisError(
            "an expression in several symbols names its variable x; the others are parameters",
            f"the symbols {', '.join(sorted(map(str, symbols)))}",
            "rename the variable to x, or give the parameters numbers",
        )
    return expression.xreplace({named.pop(): X})


def proved_parity(expression: sympy.Expr) -> Parity:
    """The parity where SymPy's own rewriting shows it, piece by piece: a proof, or None.

    >>> proved_parity(sympy.tanh(X) * X), proved_parity(sympy.Max(-1, sympy.Min(1, X)))
    ('even', 'odd')
    """
    if expression.free_symbols - {X}:
        return _smooth_parity(expression, expression)
    parts = pieces(expression)
    mirrored = parts[::-1]
    if any(part.left != -other.right for part, other in zip(parts, mirrored, strict=True)):
        return None
    # A zero opposite a zero is even and odd: it decides nothing.
    found = {
        _smooth_parity(part.expression, other.expression)
        for part, other in zip(parts, mirrored, strict=True)
        if part.expression != 0 or other.expression != 0
    }
    return "even" if not found else found.pop() if len(found) == 1 else None


def _smooth_parity(right: sympy.Expr, left: sympy.Expr) -> Parity:
    """'even' if right(−x) = left(x), 'odd' if right(−x) = −left(x), as far as expanding shows it."""
    reflected = right.xreplace({X: -X})
    if reflected == left:
        return "even"
    if reflected == -left:
        return "odd"
    if any(power.exp.is_Integer and power.exp > _LARGEST_EXPANDED for power in right.atoms(sympy.Pow)):
        return None
    if sympy.expand(reflected - left) == 0:
        return "even"
    return "odd" if sympy.expand(reflected + left) == 0 else None


# (1 + x)^1000 is not multiplied out for the sake of a symmetry.
_LARGEST_EXPANDED = 24


@dataclass(frozen=True)
class ExpressionFunction:
    """The function of an expression in X on arrays, in double precision (:mod:`hermite_eq.activations.evaluation`); equal where the
    expressions are, and picklable.

    >>> import numpy as np
    >>> ExpressionFunction(X**2 + 1)(np.array([0.0, 2.0]))
    array([1., 5.])
    """

    expression: sympy.Expr

    def __call__(self, x: NDArray[Any]) -> NDArray[Any]:
        return evaluator(self.expression)(x)
