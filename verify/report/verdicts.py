"""Rows of the verdict table as texts, counts and sentences: the same on a terminal, on a page and in the documentation."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import rich.table
from rich.console import Console

from verify.claims.check import LEVEL, Z_LIMIT, Check, Kind, Verdict
from verify.report.page import Table
from verify.store.files import write_text

_COLOURS = {
    Verdict.AGREES: "green",
    Verdict.IN_THE_LIMIT: "cyan",
    Verdict.DEGREE_TOO_HIGH: "yellow",
    Verdict.DISAGREES: "red",
    Verdict.UNDECIDED: "magenta",
}
#: The word for a one-sided statement, and for an identity, in place of that for a number that is compared.
_WORDS: dict[Kind, dict[Verdict, str]] = {
    "two-sided": {verdict: str(verdict).partition(" (")[0] for verdict in Verdict},
    "one-sided": {
        Verdict.AGREES: "holds",
        Verdict.IN_THE_LIMIT: "holds in the limit",
        Verdict.DISAGREES: "does not hold",
        Verdict.DEGREE_TOO_HIGH: "r too high for this d",
        Verdict.UNDECIDED: "not decided",
    },
    "identity": {Verdict.AGREES: "holds up to rounding", Verdict.DISAGREES: "is violated"},
}
KINDS: tuple[Kind, ...] = ("two-sided", "one-sided", "identity")
TEST = (
    "A two-sided comparison agrees within the sampling error, and if a deviation of a quarter would have been seen; it disagrees beyond "
    f"|z| = {Z_LIMIT:.2f}. A one-sided statement holds, or does not, beyond that z; else it is not decided. Each has a false-alarm rate of "
    f"{LEVEL:g}; z is the normal score of Student's t, whose heavy tails let few runs decide little. An identity holds up to rounding or "
    "is violated: that it holds is no statistical agreement."
)


def word(check: Check) -> str:
    """The verdict in the words of its kind of test."""
    return _WORDS[check.kind][check.verdict]


def cells(check: Check) -> tuple[str, str, str]:
    """Prediction, measurement with its error, and z or slope, as texts."""
    digits = 4 if not check.stderr else max(1, min(6, 1 - math.floor(math.log10(check.stderr)) if check.stderr else 4))
    if check.kind == "identity":
        return f"{check.predicted:g}", f"{check.measured:.1e}", f"{abs(check.value) / Z_LIMIT:.2f} of the bound"
    measured = f"{check.measured:.{digits}f} ± {check.stderr:.{digits}f}" if check.stderr else f"{check.measured:.6g}"
    statistic = f"{check.value:+.1f}"
    if check.statistic == "slope":
        statistic = f"slope {check.value:.2f} ± {check.value_error:.2f}"
    # Of some statements no theory predicts a number.
    return "" if math.isnan(check.predicted) else f"{check.predicted:.{digits}f}", measured, statistic


def table(checks: Sequence[Check], first: str = "statement") -> Table:
    """A row for each check, with a column for each kind of test that there is."""
    rows = []
    for check in checks:
        predicted, measured, statistic = cells(check)
        tests = [statistic if check.kind == kind else "" for kind in KINDS]
        rows.append((check.subject, word(check), predicted, measured, *tests, check.note))
    header = (first, "verdict", "theory", "simulation", "z, two-sided", "z, one-sided", "identity", "details")
    return Table(header, rows, (2, 3, 4, 5, 6), [check.verdict for check in checks]).without_empty()


def counts(checks: Iterable[Check], kind: Kind) -> str:
    """How many of each verdict among the tests of a kind."""
    counted = Counter(check.verdict for check in checks if check.kind == kind)
    return ", ".join(f"{_WORDS[kind][verdict]}: {counted[verdict]}" for verdict in Verdict if counted[verdict]) or "–"


def summary(asked: str, checks: Sequence[tuple[str, Check]], power: Sequence[Mapping[str, Any]]) -> list[str]:
    """At most ten sentences: what was ``asked``, what agreed, what did not, of rows with the names of their figures or claims, and of the
    outcomes of negative controls.
    """
    lines = [asked]
    rows = [check for _, check in checks]
    for kind, what in (("two-sided", "comparisons of a prediction with a measurement"), ("one-sided", "statements of a sign")):
        number = sum(check.kind == kind for check in rows)
        if number:
            lines.append(f"Of {number} {kind} {what}: {counts(rows, kind)}.")  # type: ignore[arg-type]
    close = [
        abs(check.measured / check.predicted - 1)
        for check in rows
        if check.kind == "two-sided" and check.verdict == Verdict.AGREES and check.statistic == "z" and check.predicted
    ]
    close = [gap for gap in close if math.isfinite(gap)]
    if close:
        lines.append(
            f"Where a comparison agrees, the point of it that is furthest in standard errors is off by {np.median(close):.1%} in "
            "the median."
        )
    for kind, what in (("two-sided", "The comparisons that disagree"), ("one-sided", "The statements that do not hold")):
        failed = [(name, check) for name, check in checks if check.kind == kind and check.verdict == Verdict.DISAGREES]
        lines.append(f"{what}: {_listed(failed)}." if failed else f"No {kind} test is contradicted.")
    limit = [check for check in rows if check.verdict == Verdict.IN_THE_LIMIT]
    if limit:
        lines.append(f"{len(limit)} gaps are seen at these d and vanish at the declared rate.")
    identities = counts(rows, "identity")
    if identities != "–":
        lines.append(f"Of the identities, which are no statistical agreement: {identities}.")
    if power:
        caught, tried = (sum(int(item[name]) for item in power) for name in ("caught", "checks"))
        lines.append(
            f"Of {tried} rows held against theories that are wrong on purpose {caught} reject them "
            f"({sum(item['caught'] > 0 for item in power)} of {len(power)} wrong theories are caught by a row or more)."
        )
    tests = sum(check.kind != "identity" for check in rows)
    lines.append(f"With a false-alarm rate of {LEVEL:g} for each of {tests} tests, {LEVEL * tests:.1g} false alarms are expected.")
    return lines


def _listed(failed: Sequence[tuple[str, Check]], most: int = 4) -> str:
    """The first few by name, and how many more there are."""
    shown = "; ".join(f"{name}, {check.subject} ({_gap(check)})" for name, check in failed[:most])
    more = f"; and {len(failed) - most} more" if len(failed) > most else ""
    return f"{shown}{more}"


def _gap(check: Check) -> str:
    if check.kind == "two-sided" and check.predicted and math.isfinite(check.measured / check.predicted):
        return f"{check.measured / check.predicted - 1:+.1%}"
    return f"{check.measured:+.3g} ± {check.stderr:.1g}"


def print_table(checks: Sequence[Check], console: Console) -> None:
    """The verdict table on the terminal."""
    shown = rich.table.Table(title="Verdicts", header_style="bold")
    for name in ("claim", "subject", "predicted", "measured ± error", "z or slope", "verdict"):
        shown.add_column(name, justify="right" if name in ("predicted", "measured ± error", "z or slope") else "left")
    for check in checks:
        shown.add_row(check.claim, check.subject, *cells(check), f"[{_COLOURS[check.verdict]}]{word(check)}[/]")
    console.print(shown)


def finite(values: Iterable[float]) -> list[float | None]:
    """Numbers for JSON, None for those which are not finite."""
    return [float(value) if math.isfinite(value) else None for value in values]


def write_json(path: Path, checks: Sequence[Check], power: Sequence[Mapping[str, Any]], curves: Any, manifest: Mapping[str, Any]) -> None:
    """All numbers behind the table and the figures."""
    data = {
        "manifest": manifest,
        "level_per_check": LEVEL,
        "z_limit": Z_LIMIT,
        "checks": [check.to_json() for check in checks],
        "power": list(power),
        "curves": curves,
    }
    write_text(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
