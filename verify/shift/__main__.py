"""Tests whose contexts or tasks are not those of training: docs/topics/data/test_contexts.md and docs/topics/data/task_alignment.md.

    python -m verify.shift              # what is not stored yet, then the pages: from nothing ten minutes of one core
    python -m verify.shift --quick      # d = 4 and two runs, into a folder of its own: seconds

Runs are stored one by one beside the campaigns; a command that was killed continues.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from verify.command_line import command_line, positive
from verify.shift import task_alignment, test_contexts
from verify.store.folders import folder_of_campaigns

SMALLEST = ("--quick",)
D = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("verify.shift", __doc__, SMALLEST)
    parser.add_argument("--runs", type=positive, help="runs (as many as each page has)")
    parser.add_argument("--quick", action="store_true", help="the smallest run")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (results)")
    parser.add_argument("--documents", type=Path, default=Path("docs/topics/data"), help="folder of the pages (docs/topics/data)")
    options, console = parser.parse_args(argv), Console(width=180)
    output, documents, d = options.output, options.documents, D
    if options.quick:
        output = documents = Path(tempfile.mkdtemp(prefix="shift-"))
        d = 10
    root = folder_of_campaigns(output)
    for page in (test_contexts, task_alignment):
        stored = page.experiments(d)
        stored.compute(root, 2 if options.quick else options.runs or page.RUNS, console)
        page.write(stored.load(root), documents)
        console.print(f"written: {documents / page.NAME}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
