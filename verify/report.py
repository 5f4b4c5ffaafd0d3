"""The verdict table on the terminal, the JSON of all numbers, and the self-contained HTML report."""

from __future__ import annotations

import base64
import html
import json
import math
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from hermite_eq.errors import StorageError
from verify.check import LEVEL, Z_LIMIT, Check, Verdict

_COLOURS = {
    Verdict.AGREES: "green",
    Verdict.IN_THE_LIMIT: "cyan",
    Verdict.DEGREE_TOO_HIGH: "yellow",
    Verdict.DISAGREES: "red",
    Verdict.UNDECIDED: "magenta",
}


def write_bytes(path: Path, contents: bytes) -> None:
    """Write through a temporary file in the same folder, so that a reader never sees half a file, not even after a power failure.

    Raises
    ------
    StorageError
        If there is no room, or no permission.
    """
    # The host too: processes of several machines may share a folder.
    temporary = path.with_name(f".{path.name}.{platform.node()}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(contents)
                file.flush()
                # A rename that reaches the disk before the contents would leave an empty file.
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise StorageError(
            "results can be written", f"{error.strerror} at {path}",
            "make room or choose another --output, and repeat the command: what is stored is kept",
        ) from error


def write_text(path: Path, text: str) -> None:
    """The same for a text."""
    write_bytes(path, text.encode())


def cells(check: Check) -> tuple[str, str, str]:
    """Prediction, measurement with its error, and z or slope, as texts."""
    digits = 4 if not check.stderr else max(1, min(6, 1 - math.floor(math.log10(check.stderr)) if check.stderr else 4))
    measured = f"{check.measured:.{digits}f} ± {check.stderr:.{digits}f}" if check.stderr else f"{check.measured:.6g}"
    statistic = f"z = {check.value:+.1f}"
    if check.statistic == "slope":
        statistic = f"slope {check.value:.2f} ± {check.value_error:.2f}"
    # Of some statements no theory predicts a number.
    return "" if math.isnan(check.predicted) else f"{check.predicted:.{digits}f}", measured, statistic


def print_table(checks: Iterable[Check], console: Console) -> None:
    """One verdict table, a line per check."""
    table = Table(title="Verdicts", show_lines=False, header_style="bold")
    for column, justify in (("claim", "left"), ("subject", "left"), ("predicted", "right"), ("measured ± error", "right"),
                            ("z or slope", "right"), ("verdict", "left")):
        table.add_column(column, justify=justify, no_wrap=column not in ("subject", "verdict"))  # type: ignore[arg-type]
    claim = None
    for check in checks:
        if claim not in (None, check.claim):
            table.add_section()
        shown = check.claim if check.claim != claim else ""
        claim = check.claim
        table.add_row(shown, check.subject, *cells(check), f"[{_COLOURS[check.verdict]}]{check.verdict}[/]")
    console.print(table)


def summary(checks: Sequence[Check]) -> str:
    """Counts of each verdict, in one line."""
    counts = Counter(check.verdict for check in checks)
    return "; ".join(f"{counts[verdict]} {verdict}" for verdict in Verdict if counts[verdict])


def finite(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON, None for those which are not finite."""
    return [float(value) if math.isfinite(value) else None for value in values]


def write_json(path: Path, checks: Sequence[Check], power: Sequence[Mapping[str, Any]], curves: Any,
               manifest: Mapping[str, Any]) -> None:
    """All numbers behind the table and the figures."""
    data = {"manifest": manifest, "level_per_check": LEVEL, "z_limit": Z_LIMIT, "checks": [check.to_json() for check in checks],
            "power": list(power), "curves": curves}
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; max-width: 1150px; margin: 2em auto; padding: 0 1em; color: #1b1b1b; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: 2px 10px; text-align: left; border-bottom: 1px solid #e3e3e3; vertical-align: top; }
td.n { text-align: right; white-space: nowrap; } th { border-bottom: 2px solid #444; }
td.agrees { color: #14691b; } td.limit { color: #0b5f79; } td.high { color: #8a5a00; } td.disagrees { color: #b00020; font-weight: bold; }
img { max-width: 100%; } figure { margin: 1.5em 0; } figcaption { color: #444; }
"""
_CLASS = {Verdict.AGREES: "agrees", Verdict.IN_THE_LIMIT: "limit", Verdict.DEGREE_TOO_HIGH: "high",
          Verdict.DISAGREES: "disagrees", Verdict.UNDECIDED: "high"}


def page(title: str, body: str) -> str:
    """A self-contained HTML page."""
    name = html.escape(title)
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{name}</title><style>{_STYLE}</style></head>'
            f"<body>\n<h1>{name}</h1>\n{body}\n</body></html>\n")


def html_table(header: Sequence[str], rows: Iterable[Sequence[str]], numeric: Sequence[int] = ()) -> str:
    """A table of plain texts; columns in ``numeric`` are set to the right."""
    cells = ("".join(f"<td class=n>{html.escape(cell)}</td>" if i in numeric else f"<td>{html.escape(cell)}</td>"
                     for i, cell in enumerate(row)) for row in rows)
    head = f"<tr>{''.join(f'<th>{html.escape(name)}</th>' for name in header)}</tr>" if header else ""
    return f"<table>{head}\n" + "".join(f"<tr>{row}</tr>\n" for row in cells) + "</table>"


def html_verdicts(checks: Iterable[Check]) -> str:
    """The verdict table."""

    def row(check: Check) -> str:
        predicted, measured, statistic = map(html.escape, cells(check))
        return (f"<tr><td>{html.escape(check.claim)}</td><td>{html.escape(check.subject)}</td><td class=n>{predicted}</td>"
                f"<td class=n>{measured}</td><td class=n>{statistic}</td>"
                f"<td class={_CLASS[check.verdict]}>{html.escape(check.verdict)}</td><td>{html.escape(check.note)}</td></tr>\n")

    header = "".join(f"<th>{name}</th>" for name in
                     ("claim", "subject", "predicted", "measured ± error", "z or slope", "verdict", "note"))
    return f"<table><tr>{header}</tr>\n{''.join(map(row, checks))}</table>"


def html_figure(file: Path, caption: str) -> str:
    """An SVG or PNG, embedded."""
    kind = {".svg": "svg+xml", ".png": "png"}[file.suffix]
    data = base64.b64encode(file.read_bytes()).decode()
    return (f'<figure><img alt="{html.escape(caption)}" src="data:image/{kind};base64,{data}">'
            f"<figcaption>{html.escape(caption)}</figcaption></figure>")


def write_html(path: Path, checks: Sequence[Check], power: Sequence[Mapping[str, Any]], models_tex: Mapping[str, str],
               figures: Sequence[tuple[Path, str]], manifest: Mapping[str, Any]) -> None:
    """One file with everything in it: tables, figures (embedded), equivalent models and their TeX."""
    sabotage = html_table(("defect", "claim", "checks that disagree"),
                          [(item["defect"], item["claim"], f"{item['caught']} of {item['checks']}") for item in power], numeric=(2,))
    tex = "".join(f"<dt>{html.escape(name)}</dt><dd><code>{html.escape(source)}</code></dd>" for name, source in models_tex.items())
    facts = html_table((), [(str(key), str(value)) for key, value in manifest.items()])
    write_text(path, page("hermite_eq: verification report", f"""\
<p>{html.escape(summary(checks))}. A check disagrees beyond |z| = {Z_LIMIT:.2f}, a false-alarm rate of {LEVEL:g} each.</p>
<h2>Verdicts</h2>
{html_verdicts(checks)}
<h2>Would a wrong theory have been caught?</h2>
<p>The same measurements, judged against deliberately wrong predictions.</p>
{sabotage}
<h2>Figures</h2>
{"".join(html_figure(file, caption) for file, caption in figures)}
<h2>Equivalent models and covariance (TeX)</h2>
<dl>{tex}</dl>
<h2>This run</h2>
{facts}"""))
