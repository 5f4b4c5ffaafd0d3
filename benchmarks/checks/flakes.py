"""Whether statistical tests flake: the example project's tests with many random seeds. Five seconds for each.

The exit status says whether every run passed; the output of those that did not is printed, with their seeds.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import entry_points
from pathlib import Path

from verify.command_line import command_line, positive

ROOT = Path(__file__).parents[2]
#: Arguments of the smallest run.
SMALLEST = ("--runs", "1", "--only", "table")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run."""
    parser = command_line("benchmarks.checks.flakes", __doc__, SMALLEST)
    parser.add_argument("--runs", type=positive, default=200, help="seeds (200)")
    parser.add_argument("--only", default="", metavar="text", help="tests whose names hold this text (all)")
    arguments = parser.parse_args(argv)
    runs = arguments.runs
    load = [] if any(point.name == "hermite_eq" for point in entry_points(group="pytest11")) else ["-p", "pytest_hermite_eq"]
    failed = []
    start = time.perf_counter()
    for _ in range(runs):
        seed = random.SystemRandom().randrange(2**32)
        tests = subprocess.run(
            [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *load, f"--universality-seed={seed}", "-k", arguments.only, "."],
            cwd=ROOT / "examples" / "universality-project",
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
        )
        if tests.returncode != 0:
            failed.append(seed)
            print(tests.stdout)
    listed = f" (seeds {failed})" if failed else ""
    print(f"{len(failed)} of {runs} runs with random seeds failed{listed}; {time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
