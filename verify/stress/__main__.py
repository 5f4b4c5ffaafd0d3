"""``python -m verify.stress``: the table of where the equivalence holds, breaks, or cannot be told, in ``results/stress``.

    python -m verify.stress --d 12 24 --runs 24 12

Runs are stored one by one, and those that are stored are not computed again: the command may be killed and repeated, and runs added. Other
cases, heads or ratios have a folder of their own. Two minutes at these sizes on two cores.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from verify.campaigns.driver import compute
from verify.campaigns.joint import markdown_table
from verify.command_line import command_line, positive
from verify.report import write_text
from verify.stress import measure, page
from verify.workers import workers

#: Arguments of the smallest run.
SMALLEST = ("--d", "6", "8", "--runs", "2", "2", "--workers", "1")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, run, print."""
    parser = command_line("verify.stress", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, nargs=2, default=[12, 24], help="the two dimensions (12 24)")
    parser.add_argument("--runs", type=positive, nargs=2, default=[24, 12], help="runs at each of them (24 12)")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    parser.add_argument("--documents", type=Path, help=f"write {page.NAME} into this folder")
    arguments = parser.parse_args(argv)
    console = Console() if Console().is_terminal else Console(width=150)
    ladder = dict(sorted(zip(arguments.d, arguments.runs, strict=True)))
    if len(ladder) < 2 or min(ladder.values()) < 2:
        parser.error("two dimensions that differ, each with two runs or more")
    measurements: dict[tuple[str, int], measure.Gaps] = {}
    stores = [measure.store(arguments.output, d) for d in ladder]
    with workers(arguments.workers) as pool:
        for stored, (d, runs) in zip(stores, ladder.items(), strict=True):
            compute(stored, range(runs), pool, lambda run, seconds: console.print(f"run {run} stored, {seconds:.1f} s"))
            measurements |= {(name, d): gaps for name, gaps in measure.gaps(stored, range(runs)).items()}
    found = measure.findings(measurements)
    heading, *rows = page.table(found, list(ladder))
    shown = Table(title="log(e of the equivalent / e), ReLU head and target", header_style="bold")
    for column in heading:
        shown.add_column(column)
    for row in rows:
        shown.add_row(*row)
    console.print(shown)
    write_text(arguments.output / "stress" / "table.md", "\n".join(markdown_table(heading, rows)) + "\n")
    if arguments.documents is not None:
        console.print(f"written: {page.write(arguments.documents, found, stores, ladder)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
