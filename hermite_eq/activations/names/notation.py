"""Mathematical notation that is not Python's: x^2, |x|, and the signs of print."""

from __future__ import annotations

import re
from collections.abc import Callable

from hermite_eq.errors import HypothesisError

_TOKEN = re.compile(r"(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|[^\W\d]\w*|\s+|\*\*|.", re.DOTALL)
_PRINT = str.maketrans({"−": "-", "·": "*", "×": "*", "≤": "<=", "≥": ">=", "≠": "!=", "^": "**"})
# After these an operand follows, as it does after an operator.
_WORDS = {"and", "or", "not", "if", "else", "in", "is", "lambda", "for"}


def python_notation(text: str, is_function: Callable[[str], bool] = lambda name: False) -> str:
    """``text`` in Python's syntax: ``^`` is a power, and bars are absolute values where an operand may begin.

    A bar after an operand closes the innermost bar that is open in the same brackets; where none is, it is Python's *or*. After the
    name of a function it opens its argument.

    Raises
    ------
    HypothesisError
        Where a bar is not closed, and for a power of such a function's argument, or of its value.

    Examples
    --------
    >>> python_notation("||x| - 1|^2 + (x < 0 | x > 1)")
    'abs(abs(x) - 1)**2 + (x < 0 | x > 1)'
    >>> python_notation("log|x - 1|/2", lambda name: name == "log")
    'log(abs(x - 1))/2'
    """
    written: list[str] = []
    # A bar after a function's name closes its bracket as well.
    brackets: list[str] = []
    operand = called = applied = False
    for token in _TOKEN.findall(text.strip().translate(_PRINT)):
        if applied and token == "**":
            raise HypothesisError(
                "the power of f|…| is one of the value or of the argument",
                repr(text[:60]),
                "write (f(|x|))^2 or f(|x|^2) in place of f|x|^2",
            )
        closes = token == "|" and not called and brackets[-1:] in (["|"], ["f|"])
        applied = applied and token.isspace()
        if token == "|" and called:
            brackets.append("f|")
            token = "(abs("
        elif token == "|" and not operand:
            brackets.append(token)
            token = "abs("
        elif closes:
            applied = brackets.pop() == "f|"
            token = "))" if applied else ")"
        elif token in ("(", "["):
            brackets.append(token)
        elif token in (")", "]") and brackets and brackets.pop() in ("|", "f|"):
            break
        if not token.isspace():
            name = (token[0].isalpha() or token[0] == "_") and token not in _WORDS and token != "abs("
            called = name and is_function(token)
            operand = token[-1] in ")]" or name or token[0].isdigit() or token[0] == "."
        written.append(token)
    else:
        if not {"|", "f|"} & set(brackets):
            return "".join(written)
    raise HypothesisError("every bar |…| closes within its brackets", repr(text[:60]), "write abs(x) in place of |x|")
