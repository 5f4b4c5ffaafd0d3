"""Tables of coefficients in TeX (booktabs)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import localcontext
from fractions import Fraction
from typing import Any

import sympy

from hermite_eq.arguments import exact as read_exact
from hermite_eq.arguments import sequence, text
from hermite_eq.arguments import text as read_text
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.expansions import checked_coefficients, provenance_comment
from hermite_eq.latex.numbers import as_decimal, checked_digits, decimal, evaluated, exact, is_symbolic, number


def coefficient_table(
    c: Sequence[Any],
    *,
    radius: Sequence[Any] | None = None,
    digits: int = 8,
    caption: str = "",
    label: str = "",
    provenance: str = "",
) -> str:
    r"""A booktabs table: exact :math:`c_k` where known, beside rounded :math:`c_k` and :math:`c_k/k!`.

    Parameters
    ----------
    c : sequence
        :math:`c_0, \dots, c_K`. The exact column appears if one of them is a symbol.
    radius : sequence, optional
        Radii of the coefficients which are not exact.
    digits : int
        Significant digits at most.
    caption, label, provenance : str

    Raises
    ------
    HypothesisError
        A coefficient has free parameters (it has no decimal), or ``radius`` is of another length.

    Examples
    --------
    >>> print(coefficient_table([sympy.sqrt(2), 0.5], digits=3))  # doctest: +ELLIPSIS
    % c_k = ...
    \begin{tabular}{rlll}
      \toprule
      $k$ & $c_k$ & $c_k$ (rounded) & $c_k/k!$ (rounded) \\
      \midrule
      0 & $\sqrt{2}$ & $1.41$ & $1.41$ \\
      1 & --- & $0.500$ & $0.500$ \\
      \bottomrule
    \end{tabular}
    """
    digits = checked_digits(digits)
    c, radii = checked_coefficients(c, radius)
    exact_column = any(is_symbolic(ck) for ck in c)
    rows = []
    for k, (ck, spread) in enumerate(zip(c, radii, strict=True)):
        if isinstance(ck, sympy.Basic) and ck.free_symbols:
            names = ", ".join(sorted(map(str, ck.free_symbols)))
            raise HypothesisError(
                "a table of rounded values has numbers only",
                f"the parameters {names} in c_{k}",
                "substitute numbers for them first",
            )
        cells = [str(k)]
        if exact_column:
            cells.append(f"${exact(ck)}$" if is_symbolic(ck) else "---")
        for divisor in (1, math.factorial(k)):
            cells.append(f"${_decimal_of(ck, spread, divisor, digits)}$")
        rows.append("  " + " & ".join(cells) + r" \\")
    head = ["$k$", *(["$c_k$"] if exact_column else []), "$c_k$ (rounded)", "$c_k/k!$ (rounded)"]
    lines = [
        rf"\begin{{tabular}}{{r{'l' * (len(head) - 1)}}}",
        r"  \toprule",
        "  " + " & ".join(head) + r" \\",
        r"  \midrule",
        *rows,
        r"  \bottomrule",
        r"\end{tabular}",
    ]
    return provenance_comment(provenance) + "\n".join(_table(lines, caption, label))


def _decimal_of(value: Any, radius: Any, divisor: int, digits: int) -> str:
    if isinstance(value, int | Fraction | sympy.Basic) and not isinstance(value, sympy.Float):
        exact_value = read_exact(value, "c") / divisor
        if exact_value == 0:
            return "0"
        # It carries digits + 20 correct digits, beyond what is shown.
        return decimal(evaluated(exact_value, digits + 20), digits=digits)
    with localcontext() as context:
        context.prec = 500
        return decimal(as_decimal(value) / divisor, radius=as_decimal(radius) / divisor, digits=digits)


def side_by_side(
    columns: Sequence[tuple[str, Sequence[Any]]],
    *,
    radii: Sequence[Sequence[Any] | None] | None = None,
    digits: int = 6,
    caption: str = "",
    label: str = "",
    provenance: str = "",
) -> str:
    r"""A booktabs table of the coefficients of several activations, one column each: exact where known, else rounded.

    Parameters
    ----------
    columns : sequence of (name, coefficients)
        Names are text; all sequences have one length.
    radii : sequence, optional
        Of every column the radii of the coefficients which are not exact, or None.
    digits : int
        Significant digits of the decimals.
    caption, label, provenance : str

    Examples
    --------
    >>> print(side_by_side([("id", [0, 1]), ("f", [0.25, 1.5])], digits=3))  # doctest: +ELLIPSIS
    % c_k = ...
    \begin{tabular}{rll}
      \toprule
      $c_k$ & id & f \\
      \midrule
      0 & $0$ & $0.250$ \\
      1 & $1$ & $1.50$ \\
      \bottomrule
    \end{tabular}
    """
    named = [sequence(column, "a column") for column in sequence(columns, "columns")]
    if any(len(column) != 2 for column in named):
        raise HypothesisError("a column is a name and coefficients", "another number of entries", 'pass [("relu", [0, 1]), …]')
    given = (None,) * len(named) if radii is None else sequence(radii, "radii")
    if len(given) != len(named):
        raise HypothesisError("every column has its radii, or None", f"{len(given)} of {len(named)} columns", "pass radii=None, say")
    columns = [(text(name, "a column's name"), checked_coefficients(c, spread)) for (name, c), spread in zip(named, given, strict=True)]
    lengths = {len(c) for _, (c, _) in columns}
    if len(lengths) != 1:
        raise HypothesisError(
            "a table side by side has columns of one length", f"lengths {sorted(lengths)}", "ask for the same degree of each"
        )
    rows = []
    for k in range(lengths.pop()):
        cells = [number(c[k], radius=spread[k], digits=digits) for _, (c, spread) in columns]
        rows.append("  " + " & ".join([str(k), *(f"${cell}$" for cell in cells)]) + r" \\")
    lines = [
        rf"\begin{{tabular}}{{r{'l' * len(columns)}}}",
        r"  \toprule",
        "  " + " & ".join(["$c_k$", *(escaped(name) for name, _ in columns)]) + r" \\",
        r"  \midrule",
        *rows,
        r"  \bottomrule",
        r"\end{tabular}",
    ]
    return provenance_comment(provenance) + "\n".join(_table(lines, caption, label))


def _table(lines: list[str], caption: str, label: str) -> list[str]:
    """The lines of a tabular inside a table environment, if there is a caption or a label."""
    if not (text(caption, "caption") or text(label, "label")):
        return lines
    words = [rf"\caption{{{caption}}}"] if caption else []
    words += [rf"\label{{{label}}}"] if label else []
    return [r"\begin{table}", r"\centering", *lines, *words, r"\end{table}"]


def escaped(text: str) -> str:
    r"""Plain text in TeX, its special signs escaped.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> print(escaped("leaky_relu, 5%"))
    leaky\_relu, 5\%
    """
    return "".join("\\" + letter if letter in "_%&#${}" else letter for letter in read_text(text, "text"))
