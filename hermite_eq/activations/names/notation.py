"""Mathematical notation that is not Python's: x^2, |x|, and the signs of print."""

from __future__ import annotations

import re

from hermite_eq.errors import HypothesisError

_TOKEN = re.compile(r"(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:[eE][+-]?\d+)?|[^\W\d]\w*|\s+|.", re.DOTALL)
_PRINT = str.maketrans({"−": "-", "·": "*", "×": "*", "≤": "<=", "≥": ">=", "≠": "!=", "^": "**"})
# After these an operand follows, as it does after an operator.
_WORDS = {"and", "or", "not", "if", "else", "in", "is", "lambda", "for"}


def python_notation(text: str) -> str:
    """``text`` in Python's syntax: ``^`` is a power, and bars are absolute values where an operand may begin.

    A bar after an operand closes the innermost bar that is open in the same brackets; where none is, it is Python's *or*.

    Raises
    ------
    HypothesisError
        Where a bar is not closed.

    Examples
    --------
    >>> python_notation("||x| - 1|^2 + (x < 0 | x > 1)")
    'abs(abs(x) - 1)**2 + (x < 0 | x > 1)'
    """
    written: list[str] = []
    brackets: list[str] = []
    operand = False
    for token in _TOKEN.findall(text.strip().translate(_PRINT)):
        if token == "|" and not operand:
            brackets.append(token)
            token = "abs("
        elif token == "|" and brackets[-1:] == ["|"]:
            brackets.pop()
            token = ")"
        elif token in ("(", "["):
            brackets.append(token)
        elif token in (")", "]") and brackets and brackets.pop() == "|":
            break
        if not token.isspace():
            operand = token in (")", "]") or ((token[0].isalnum() or token[0] in "_.") and token not in _WORDS and token != "abs(")
        written.append(token)
    else:
        if "|" not in brackets:
            return "".join(written)
    raise HypothesisError("every bar |…| closes within its brackets", repr(text[:60]), "write abs(x) in place of |x|")
