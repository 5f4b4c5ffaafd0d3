"""``python -m derivations``: every derivation checked, a status table; ``--tex DIR`` writes them as one document."""

from __future__ import annotations

import argparse
import importlib
import pkgutil
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import derivations
from derivations import Result


def modules() -> list[ModuleType]:
    """All derivations, by name."""
    names = [info.name for info in pkgutil.walk_packages(derivations.__path__, "derivations.") if info.name.count(".") == 2]
    return [importlib.import_module(name) for name in sorted(names, key=lambda name: name.rpartition(".")[2])]


def checked(module: ModuleType) -> Result:
    """The steps of one derivation; an exception in a step is a failure, not an end."""
    start = time.perf_counter()
    try:
        steps, failure = tuple(module.check()), ""
    except Exception:
        steps, failure = (), traceback.format_exc(limit=3)
    return Result(module, steps, time.perf_counter() - start, failure)


def table(results: Sequence[Result]) -> str:
    """The status table: for each derivation how many steps are proved for all cases, checked in cases, open, or failed."""
    lines = [f"{'derivation':<26} {'all':>4} {'cases':>6} {'open':>5} {'failed':>7} {'seconds':>8}"]
    for result in results:
        failed = sum(not step.holds for step in result.steps)
        counts = f"{result.count('all'):>4} {result.count('cases'):>6} {result.count('open'):>5}"
        lines.append(f"{result.name:<26} {counts} {'error' if result.failure else failed:>7} {result.seconds:>8.1f}")
    steps = [step for result in results for step in result.steps]
    total = [sum(step.status == status for step in steps) for status in ("all", "cases", "open")]
    lines.append(
        f"{'total':<26} {total[0]:>4} {total[1]:>6} {total[2]:>5} {sum(not step.holds for step in steps):>7}"
        f" {sum(result.seconds for result in results):>8.1f}"
    )
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> int:
    """Check everything; exit status 1 if a step fails."""
    parser = argparse.ArgumentParser(prog="python -m derivations", description="Check every derivation.")
    parser.add_argument("names", nargs="*", help="derivations to check (default: all)")
    parser.add_argument("--tex", type=Path, metavar="DIR", help="write the document derivations.tex into DIR")
    parser.add_argument("--steps", action="store_true", help="list every step with its reach")
    arguments = parser.parse_args(argv)
    chosen = modules()
    known = {module.__name__.rpartition(".")[2]: module for module in chosen}
    unknown = sorted(set(arguments.names) - known.keys())
    if unknown:
        parser.error(f"no derivation named {', '.join(unknown)}; there are {', '.join(known)}")
    if arguments.names:
        chosen = [known[name] for name in arguments.names]
    results = [checked(module) for module in chosen]
    print(table(results))
    for result in results:
        if arguments.steps:
            print(f"\n{result.name}\n{result.module.STATEMENT.strip()}")
            for step in result.steps:
                print(f"  [{step.reach}] {step.reason}")
        for step in result.steps:
            if not step.holds:
                print(f"FAILED {result.name}: {step.reason}", file=sys.stderr)
        if result.failure:
            print(f"FAILED {result.name}:\n{result.failure}", file=sys.stderr)
    if arguments.tex is not None:
        from derivations.document import write

        print(f"written: {write(arguments.tex, results)}")
    return 0 if all(result.holds for result in results) else 1


if __name__ == "__main__":
    sys.exit(main())
