"""In-context learning on real inputs, and how far its theory and its equivalents are off: docs/figures/real_data.md.

    python -m examples.real_data              # what is not stored yet, then the page: from nothing ten minutes of one core
    python -m examples.real_data --quick      # d = 4 and two runs, into a folder of its own: seconds

Runs are stored one by one in examples/real_data/runs.jsonl; a command that was killed continues. Nothing is downloaded; the digits need
scikit-learn (the extra ``benchmarks``).
"""

from __future__ import annotations

import dataclasses
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from examples.real_data.experiment import Setup, best_ridges, digits_run, digits_theory, norm_variances, words_run
from examples.real_data.page import write_page
from examples.real_data.stored import Store
from hermite_eq.progress import progress
from verify.command_line import command_line, positive

SMALLEST = ("--quick",)
_HERE = Path(__file__).parent
RUNS = 16
QUICK = Setup(d=4, taus=(1.0,), test=20, queries=2)


def compute(setup: Setup, runs: int, store: Store) -> None:
    """Whatever is missing among the runs of a setup."""
    once: dict[str, Callable[[], dict[str, Any]]] = {
        "best ridges": lambda: best_ridges(setup), "digits theory": lambda: digits_theory(setup), "norms": lambda: norm_variances(setup),
    }  # fmt: skip
    with progress(2 * runs + len(once), "parts") as advance:
        for part, results in once.items():
            store.ensure(part, 0, results)
            advance()
        best = store.parts("best ridges")[0]
        for run in range(runs):
            store.ensure("words", run, partial(words_run, setup, run, best))
            advance()
            store.ensure("digits", run, partial(digits_run, setup, run))
            advance()


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_line("examples.real_data", __doc__, SMALLEST)
    parser.add_argument("--runs", type=positive, default=RUNS, help="splits of the words, and draws of the digits")
    parser.add_argument("--quick", action="store_true", help="the smallest run")
    parser.add_argument(
        "--documents", type=Path, default=_HERE.parent.parent / "docs" / "figures", help="where the page and its figures are written"
    )
    options = parser.parse_args(argv)
    setup, file, documents, runs = Setup(), _HERE / "runs.jsonl", options.documents, options.runs
    if options.quick:
        documents = Path(tempfile.mkdtemp(prefix="real_data-"))
        setup, file, runs = QUICK, documents / "runs.jsonl", 2
    store = Store(file, dataclasses.asdict(setup))
    compute(setup, runs, store)
    print(f"written: {write_page(setup, store, documents)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
