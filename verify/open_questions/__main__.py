"""``python -m verify.open_questions``: run what is missing, or write the page."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from rich.console import Console

from hermite_eq.errors import HypothesisError
from verify.command_line import positive
from verify.open_questions import page
from verify.open_questions.runs import DIMENSIONS, RUNS, compute
from verify.store.folders import folder_of_campaigns


def main() -> int:
    """Parse and run."""
    parser = argparse.ArgumentParser(prog="python -m verify.open_questions", description=__doc__)
    parser.add_argument("command", choices=("run", "page"), 
                        help="simulate what is missing: half a minute a run; or write the page: seconds")
    parser.add_argument("--d", type=positive, nargs="+", default=list(DIMENSIONS))
    parser.add_argument("--runs", type=positive, default=RUNS)
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    parser.add_argument("--documents", type=Path, default=Path("docs"), help="folder of the page (default: docs)")
    arguments, console = parser.parse_args(), Console(width=180)
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
