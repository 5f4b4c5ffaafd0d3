"""Ridge regression on handwritten digits, on pixels and on random features of them, beside theory: docs/topics/data/given_features.md.

    python -m examples.given_features              # half a minute of one core
    python -m examples.given_features --quick      # two draws, into a folder of its own: seconds

Nothing is downloaded; the digits are those scikit-learn ships (the extra ``benchmarks``).
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from examples.given_features.page import write
from verify.command_line import command_line, positive

SMALLEST = ("--quick",)
DRAWS = 40


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("examples.given_features", __doc__, SMALLEST)
    parser.add_argument("--draws", type=positive, default=DRAWS, help="draws of the training rows")
    parser.add_argument("--quick", action="store_true", help="the smallest run")
    documents = Path(__file__).parents[2] / "docs" / "topics" / "data"
    parser.add_argument("--documents", type=Path, default=documents, help="where the page and its figure are written")
    options = parser.parse_args(argv)
    documents = Path(tempfile.mkdtemp(prefix="given_features-")) if options.quick else options.documents
    print(f"written: {write(documents, 2 if options.quick else options.draws)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
