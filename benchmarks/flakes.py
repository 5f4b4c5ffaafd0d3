"""Whether statistical tests flake: the example project's tests with many random seeds, `python -m benchmarks.flakes [runs]`."""

from __future__ import annotations

import contextlib
import io
import os
import random
import sys
import time
from importlib.metadata import entry_points
from pathlib import Path

import pytest

PROJECT = Path(__file__).parent.parent / "examples" / "universality-project"


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    load = [] if any(point.name == "hermite_eq" for point in entry_points(group="pytest11")) else ["-p", "pytest_hermite_eq"]
    os.chdir(PROJECT)
    failed = []
    start = time.perf_counter()
    for _ in range(runs):
        seed = random.SystemRandom().randrange(2**32)
        shown = io.StringIO()
        with contextlib.redirect_stdout(shown):
            code = pytest.main(["-p", "no:cacheprovider", *load, f"--universality-seed={seed}", "."])
        if code != 0:
            failed.append(seed)
            print(shown.getvalue())
    listed = f" (seeds {failed})" if failed else ""
    print(f"{len(failed)} of {runs} runs with random seeds failed{listed}; {time.perf_counter() - start:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
