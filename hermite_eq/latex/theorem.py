"""The equivalence theorem in TeX, with its constants and hypotheses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hermite_eq.arguments import count, one_of, sequence, shown, text
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.numbers import ascii_name

_RELEVANT = {
    "c_0": r"whether $c_0 = 0$",
    "c_1": "$c_1$",
    "c_1*": "$c_1^*$",
    "c_2": "$c_2$ (as $c_0 = 0$)",
    "target c_0*": r"$\mathbb{E}\,\sigma_*(g)$",
    "target c_1*": "$a_1$",
    "target E sigma*^2": r"$\mathbb{E}\,\sigma_*(g)^2$",
}
_STATUS = {True: "holds", False: r"\textbf{fails}", None: "not known"}


def equivalence_theorem(
    *,
    head: str,
    target: str,
    polynomial: str,
    degree: int,
    relevant: Sequence[str],
    constants: Sequence[tuple[str, str]],
    hypotheses: Sequence[tuple[str, bool | None, str]],
    comment: str,
) -> str:
    r"""A theorem environment (amsthm, amsmath, amssymb) with its constants and hypotheses as booktabs tables.

    Parameters
    ----------
    head, target, polynomial : str
        TeX of σ, σ* and of the equation for the equivalent activation.
    degree : int
    relevant : sequence of str
        Keys of what the limiting error depends on.
    constants : sequence of (symbol, value)
        TeX.
    hypotheses : sequence of (statement, holds, finding)
        TeX; ``holds`` is None where it is not known.
    comment : str
    """
    parts = {"head": head, "target": target, "polynomial": polynomial, "comment": comment}
    for name, part in parts.items():
        text(part, name)
    count(degree, "degree")
    relevant = [one_of(name, tuple(_RELEVANT), "relevant") for name in sequence(relevant, "relevant", empty=False)]
    constants, hypotheses = _rows(constants, 2, "constants"), _judged(hypotheses)
    table = [rf"  ${symbol}$ & ${value}$ \\" for symbol, value in constants]
    checks = [rf"  ${statement}$ & {_STATUS[holds]} & ${finding}$ \\" for statement, holds, finding in hypotheses]
    lines = [
        f"% {ascii_name(comment)}",
        r"\begin{theorem}[Equivalent model]",
        rf"Let $\sigma = {head}$ and $\sigma_* = {target}$. As $d \to \infty$ with $\ell/d$, $k/d$, $n/d^2$ and $m/d^2$ tending to",
        r"positive limits, the Transformer $\hat y = w^\top \sigma(F^\top h)$ and the one with",
        rf"\[ {polynomial}, \]",
        r"$z \sim \mathcal{N}(0, 1)$ fresh for every sample and neuron, each with its own ridge solution $w$, have the same"
        r" in-context error.",
        rf"It depends on the activation and the target through {_listed([_RELEVANT[name] for name in relevant])} only.",
        r"\end{theorem}",
        r"\begin{center}",
        r"\begin{tabular}{ll}",
        r"  \toprule",
        r"  constant & value \\",
        r"  \midrule",
        *table,
        r"  \bottomrule",
        r"\end{tabular}",
        r"\end{center}",
        r"\begin{center}",
        r"\begin{tabular}{lll}",
        r"  \toprule",
        r"  hypothesis & & found \\",
        r"  \midrule",
        *checks,
        r"  \bottomrule",
        r"\end{tabular}",
        r"\end{center}",
    ]
    return "\n".join(lines)


def _rows(value: Any, width: int, name: str) -> list[tuple[Any, ...]]:
    """Rows of a table, each of ``width`` entries."""
    rows = [sequence(row, name) for row in sequence(value, name)]
    if any(len(row) != width for row in rows):
        raise HypothesisError(f"{name} are rows of {width} entries", f"{name}={shown(value)}", f"pass tuples of {width}")
    return rows


def _judged(hypotheses: Any) -> list[tuple[Any, ...]]:
    """Rows of statement, status and finding."""
    rows = _rows(hypotheses, 3, "hypotheses")
    for _, holds, _ in rows:
        one_of(holds, tuple(_STATUS), "holds")
    return rows


def equivalence_display(polynomial: str, constants: Sequence[tuple[str, str]], hypotheses: Sequence[tuple[str, bool | None, str]]) -> str:
    r"""The equivalent model, its constants and the hypotheses as one display for MathJax, which has no theorems and no tables.

    Parameters
    ----------
    polynomial : str
        TeX of the equation for the equivalent activation.
    constants : sequence of (symbol, value)
        TeX.
    hypotheses : sequence of (statement, holds, finding)
        TeX; ``holds`` is None where it is not known.

    Examples
    --------
    >>> print(equivalence_display("\\hat\\sigma_1(x) = x", [("c_1", "1")], [("a_1 \\ne 0", True, "a_1 = 1")]))
    $$\begin{array}{ll}
      \hat\sigma_1(x) = x & \\
      c_1 = 1 & \\
      a_1 \ne 0 \text{: holds} & a_1 = 1
    \end{array}$$
    """
    rows = [f"{text(polynomial, 'polynomial')} &", *(f"{symbol} = {value} &" for symbol, value in _rows(constants, 2, "constants"))]
    rows += [rf"{statement} \text{{: {_STATUS[holds]}}} & {finding}" for statement, holds, finding in _judged(hypotheses)]
    body = " \\\\\n  ".join(rows)
    return f"$$\\begin{{array}}{{ll}}\n  {body}\n\\end{{array}}$$"


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]
