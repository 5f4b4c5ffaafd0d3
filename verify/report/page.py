"""The parts of a self-contained HTML page: texts, tables, figures and formulas, without a script or a request."""

from __future__ import annotations

import base64
import functools
import html
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
from matplotlib.mathtext import math_to_image

from verify.claims.check import Verdict

_STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 1em auto; padding: 0 1em; color: #1b1b1b; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 2px 10px; text-align: left; border-bottom: 1px solid #e3e3e3; vertical-align: top; min-width: 3em; }
td.n { text-align: right; white-space: nowrap; } th { border-bottom: 2px solid #444; }
td.agrees { color: #14691b; } td.limit { color: #0b5f79; } td.high { color: #8a5a00; } td.disagrees { color: #b00020; font-weight: bold; }
img { max-width: 100%; height: auto; } figure { margin: 1.5em 0; } figcaption { color: #444; } img.formula { vertical-align: middle; }
code { overflow-wrap: anywhere; } details { margin: .5em 0; }
"""
_CLASS = {
    Verdict.AGREES: "agrees",
    Verdict.IN_THE_LIMIT: "limit",
    Verdict.DEGREE_TOO_HIGH: "high",
    Verdict.DISAGREES: "disagrees",
    Verdict.UNDECIDED: "high",
}


@dataclass(frozen=True)
class Table:
    """Cells as texts: ``numeric`` columns are set to the right, and ``verdicts``, if any, colour the second column row by row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: Sequence[int] = ()
    verdicts: Sequence[Verdict] = ()

    def without_empty(self, nothing: str = "") -> Table:
        """The columns in which something stands."""
        kept = [i for i in range(len(self.header)) if any(row[i] != nothing for row in self.rows)]
        return Table(
            [self.header[i] for i in kept],
            [[row[i] for i in kept] for row in self.rows],
            [kept.index(i) for i in self.numeric if i in kept],
            self.verdicts,
        )

    def markdown(self) -> list[str]:
        """In GitHub's Markdown.

        >>> Table(("a", "b"), [("|x|", "1")]).markdown()
        ['| a | b |', '|---|---|', '| \\\\|x\\\\| | 1 |']
        """
        lines = (" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in self.rows)
        return [f"| {' | '.join(self.header)} |", "|" + "---|" * len(self.header), *(f"| {line} |" for line in lines)]

    def html(self) -> str:
        """In a box of its own, which scrolls where the screen is narrow."""
        head = f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in self.header)}</tr>"
        rows = "".join(f"<tr>{''.join(self._cell(i, j, cell) for j, cell in enumerate(row))}</tr>\n" for i, row in enumerate(self.rows))
        return f'<div class="wide"><table>{head}\n{rows}</table></div>'

    def _cell(self, row: int, column: int, text: str) -> str:
        kind = "n" if column in self.numeric else _CLASS[self.verdicts[row]] if self.verdicts and column == 1 else ""
        return f"<td{f' class={kind}' if kind else ''}>{html.escape(text)}</td>"


def page(title: str, body: str) -> str:
    """A self-contained HTML page, as wide as the screen it is read on."""
    name = html.escape(title)
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{name}</title><style>{_STYLE}</style></head><body>\n<h1>{name}</h1>\n{body}\n</body></html>\n"
    )


def paragraphs(texts: Iterable[str]) -> str:
    return "\n".join(f"<p>{html.escape(text)}</p>" for text in texts)


def folded(summary: str, inner: str) -> str:
    """What is shown when it is asked for."""
    return f"<details><summary>{html.escape(summary)}</summary>{inner}</details>"


def figure(file: Path, caption: str) -> str:
    """An SVG or PNG, embedded."""
    kind = {".svg": "svg+xml", ".png": "png"}[file.suffix]
    data = base64.b64encode(file.read_bytes()).decode()
    return (
        f'<figure><img alt="{html.escape(caption)}" src="data:image/{kind};base64,{data}">'
        f"<figcaption>{html.escape(caption)}</figcaption></figure>"
    )


#: What Matplotlib's TeX does not know, in its own words.
_OWN_WORDS = {r"\\tfrac": r"\\frac", r"\\\\": "", "&": "", r"\\le\b": r"\\leq", r"\\[lr]Vert\b|\\\|": r"\\Vert "}


def formula(tex: str) -> str:
    """A formula, or the lines of an ``align*``, drawn here and embedded; its TeX is the alternative text.

    >>> formula(r"\\frac{1}{2}\\, \\mathrm{He}_{1}(x)").startswith('<img class="formula" alt=')
    True
    """
    lines = [line for line in tex.splitlines() if line.strip() and not line.lstrip().startswith(("%", "\\begin", "\\end"))]
    return "<br>\n".join(map(_line, lines))


@functools.lru_cache(maxsize=64)
def _line(tex: str) -> str:
    own = tex.strip()
    for theirs, ours in _OWN_WORDS.items():
        own = re.sub(theirs, ours, own)
    drawn = io.BytesIO()
    math_to_image(f"${own}$", drawn, format="svg")
    data = base64.b64encode(drawn.getvalue()).decode()
    return f'<img class="formula" alt="{html.escape(tex.strip())}" src="data:image/svg+xml;base64,{data}">'
