"""What remains of the equivalence once more is trained: docs/open_questions.md.

    python -m verify.open_questions run         simulate what is missing: half a minute a run, half an hour from nothing
    python -m verify.open_questions page        write the page from the stored runs: seconds
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from hermite_eq.errors import HypothesisError
from verify.command_line import command_line, positive
from verify.open_questions import page
from verify.open_questions.runs import DIMENSIONS, RUNS, compute
from verify.store.folders import folder_of_campaigns

SMALLEST = ("run", "--d", "2", "--runs", "1")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("verify.open_questions", __doc__, SMALLEST)
    parser.add_argument("command", choices=("run", "page"))
    parser.add_argument("--d", type=positive, nargs="+", default=list(DIMENSIONS), help=f"dimensions ({', '.join(map(str, DIMENSIONS))})")
    parser.add_argument("--runs", type=positive, default=RUNS, help=f"runs ({RUNS})")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (results)")
    parser.add_argument("--documents", type=Path, default=Path("docs"), help="folder of the page (docs)")
    arguments, console = parser.parse_args(argv), Console(width=180)
    root = folder_of_campaigns(arguments.output)
    try:
        if arguments.command == "run":
            compute(root, arguments.d, arguments.runs, console)
        else:
            page.write(root, arguments.documents, console)
    except HypothesisError as error:
        print(f"python -m verify.open_questions: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
