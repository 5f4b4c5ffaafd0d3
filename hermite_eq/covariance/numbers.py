"""From expressions to numbers."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sympy

from hermite_eq.covariance.label import LabelSource, hermite_index, hermite_value
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import check_degree
from hermite_eq.models import Task


def check_sizes(d: int, context: int) -> tuple[int, int]:
    """d and ℓ as positive integers."""
    d, context = check_degree(d, name="d"), check_degree(context, name="context")
    if d == 0 or context == 0:
        raise HypothesisError("d ≥ 1 and ℓ ≥ 1", f"d={d}, context={context}", "pass positive sizes")
    return d, context


def hermite_numbers(
    source: LabelSource, expressions: Mapping[str, sympy.Expr], scale: float = 1.0
) -> dict[sympy.Symbol, float]:
    """The values of the Hermite symbols in the expressions at s = ``scale``, where the source is a task."""
    if not isinstance(source, Task):
        return {}
    symbols = set().union(*(expression.free_symbols for expression in expressions.values()))
    found = {symbol: hermite_index(symbol) for symbol in sorted(symbols, key=str)}
    return {symbol: hermite_value(source, *index, scale=scale) for symbol, index in found.items() if index is not None}


def evaluator(arguments: Sequence[sympy.Symbol], expressions: Mapping[str, sympy.Expr]) -> Callable[..., dict[str, Any]]:
    """A function of ``arguments`` (numbers or arrays) that returns the values of the expressions by name."""
    function = sympy.lambdify(tuple(arguments), list(expressions.values()), ["scipy", "numpy"])

    def evaluate(*values: Any) -> dict[str, Any]:
        return dict(zip(expressions, function(*values), strict=True))

    return evaluate
