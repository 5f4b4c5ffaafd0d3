"""From a SymPy expression in one symbol to what an Activation record holds."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sympy
from numpy.typing import NDArray

from hermite_eq.activations.activation import Parity
from hermite_eq.activations.evaluation import evaluator
from hermite_eq.activations.formulas.piecewise import pieces
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

#: Operands and operators of the largest expression that is examined: SymPy's time grows faster than they do.
_MOST_NODES = 500
_MOST_TERMS = 5000
_HUGE = sympy.Integer(10) ** 300


def check_size(expression: sympy.Expr, inner: sympy.Expr = X, shown: str = "") -> None:
    """Refuse what SymPy would not finish with: ``expression``, with ``inner`` in place of X, is bounded in size.

    >>> check_size(X / (1 + sympy.exp(-X)), inner=X**2)
    """
    # A tree, counted no further than the bound: shared subexpressions count as often as they occur.
    outer, inside = (list(itertools.islice(sympy.preorder_traversal(e), _MOST_NODES + 1)) for e in (expression, inner))
    # Beyond the range of doubles a constant has no value at which the function could be looked at.
    if not all(1 / _HUGE < abs(number) < _HUGE for number in outer if number.is_Rational and number):
        raise HypothesisError(
            "every number in an expression is within the range of double precision",
            f"a number beyond 10^±300{f' in {shown}' if shown else ''}",
            "measure the argument in another unit",
        )
    count = len(outer) + outer.count(X) * (len(inside) - 1)
    if count > _MOST_NODES:
        raise HypothesisError(
            f"an expression has at most {_MOST_NODES} operands and operators, each counted as often as it occurs",
            f"{count if len(outer) <= _MOST_NODES else f'more than {_MOST_NODES}'}" + (f" in {shown}" if shown else ""),
            "pass a function of NumPy in place of the formula",
        )
    if len(inside) == 1 and _terms(expression) > _MOST_TERMS:
        raise HypothesisError(
            f"an expression has at most {_MOST_TERMS} terms when it is multiplied out",
            f"more than that{f' in {shown}' if shown else ''}",
            "pass a function of NumPy in place of the formula",
        )


def _terms(expression: sympy.Basic) -> int:
    r"""The most terms of a sum, anywhere in ``expression``, after expanding: :math:`\binom{n+t-1}{n}` of the n-th power of t terms.

    Counted no further than one beyond the bound.
    """
    counts = [_terms(part) for part in expression.args]
    if isinstance(expression, sympy.Add):
        total = sum(counts)
    elif isinstance(expression, sympy.Mul):
        total = math.prod(counts)
    elif isinstance(expression, sympy.Pow) and expression.exp.is_Integer and expression.exp > 0:
        total = math.comb(min(int(expression.exp), _MOST_TERMS) + counts[0] - 1, counts[0] - 1)
    else:
        # The sums inside a function are multiplied out apart.
        total = 1 if max(counts, default=1) <= _MOST_TERMS else max(counts)
    return min(total, _MOST_TERMS + 1)


def in_standard_variable(expression: sympy.Expr, parameters: Sequence[str] = ()) -> sympy.Expr:
    r"""``expression`` with its variable replaced by the real symbol ``hermite_eq.hermite.X``.

    With one symbol, that one is the variable, whatever its name; with several, the one named ``x`` is, and the others are
    parameters. ``parameters`` are the names of symbols that are not the variable.

    >>> t = sympy.Symbol("t")
    >>> in_standard_variable(sympy.Abs(t) ** 2) == X**2
    True
    """
    symbols = {symbol for symbol in expression.free_symbols if symbol.name not in parameters}
    if not symbols or X in symbols:
        return expression
    named = symbols if len(symbols) == 1 else {symbol for symbol in symbols if symbol.name == "x"}
    if len(named) != 1:
        raise HypothesisError(
            "an expression in several symbols names its variable x; the others are parameters",
            f"the symbols {', '.join(sorted(map(str, symbols)))}",
            "rename the variable to x, or pass the names of all the others as parameters=[…]",
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
    parities = {
        _smooth_parity(part.expression, other.expression)
        for part, other in zip(parts, mirrored, strict=True)
        if part.expression != 0 or other.expression != 0
    }
    return "even" if not parities else parities.pop() if len(parities) == 1 else None


def _smooth_parity(right: sympy.Expr, left: sympy.Expr) -> Parity:
    """'even' if right(−x) = left(x), 'odd' if right(−x) = −left(x), as far as expanding shows it."""
    reflected = right.xreplace({X: -X})
    if reflected == left:
        return "even"
    if reflected == -left:
        return "odd"
    if any(power.exp.is_Integer and power.exp > _LARGEST_EXPANDED for power in right.atoms(sympy.Pow)):
        return None
    # Sums of products are multiplied out, and their number multiplies.
    if sum(1 for _ in sympy.preorder_traversal(reflected)) > _LARGEST_EXPANDED_SIZE:
        return None
    if sympy.expand(reflected - left) == 0:
        return "even"
    return "odd" if sympy.expand(reflected + left) == 0 else None


# (1 + x)^1000 is not multiplied out for the sake of a symmetry.
_LARGEST_EXPANDED = 24
_LARGEST_EXPANDED_SIZE = 60


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
