"""The tests with other versions, interpreters and BLAS kernels, as far as this machine has them, and a table of what passed.

    python3 .ci/matrix.py                            every row with all tests: as long as make test for each
    python3 .ci/matrix.py lowest -- -m 'not statistical'

A row is an environment in .matrix/: the lowest versions that pyproject.toml declares, with the oldest Python and with the others it names;
the newest that the package index has, with every Python found; the kernels of OpenBLAS, which differ in the last digits; and one process,
without pytest-xdist.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
KERNELS = ("Haswell", "SkylakeX", "Zen", "Prescott")
NAMED = {minor[1] for line in PROJECT["classifiers"] if (minor := re.search(r":: (3\.\d+)$", line))}
MINORS = range(int(PROJECT["requires-python"].removeprefix(">=3.")), 30)
PARALLEL = ("--numprocesses", "auto", "--dist", "loadfile")


@dataclass(frozen=True)
class Row:
    """One line of the table: an interpreter, versions ("lowest", "newest"), and how the tests are run."""

    name: str
    python: str
    versions: str = "newest"
    variables: dict[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = PARALLEL


def interpreters() -> dict[str, str]:
    """Path by version, from the oldest: what is on PATH and in pyenv, where it starts, and this one."""
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    executables: dict[str, str] = {}
    for minor in MINORS:
        this = sys.executable if sys.version_info[1] == minor else None
        for path in (*sorted(pyenv.glob(f"3.{minor}.*/bin/python3")), shutil.which(f"python3.{minor}"), this):
            code = "import ensurepip, venv, platform; print(platform.python_version())"
            run = subprocess.run([path, "-c", code], capture_output=True, text=True) if path else None
            if run and run.returncode == 0:
                executables.setdefault(f"3.{minor}", str(path))
    return executables


def rows(pythons: dict[str, str]) -> Iterator[Row]:
    oldest, newest = (list(pythons.values())[i] for i in (0, -1))
    yield Row("lowest", oldest, "lowest")
    for version, path in pythons.items():
        # A Python that is not named may be too new for the lowest versions to have wheels.
        if path != oldest and version in NAMED:
            yield Row(f"lowest{version}", path, "lowest")
        yield Row(f"python{version}", path)
    for kernel in KERNELS:
        yield Row(kernel, newest, variables={"OPENBLAS_CORETYPE": kernel})
    yield Row("one-process", newest, options=("-p", "no:xdist"))


def lowest() -> Iterator[str]:
    """The declared lower bounds as constraints: ``numpy>=2; python_version < '3.13'`` becomes ``numpy==2; python_version < '3.13'``."""
    for requirement in (*PROJECT["dependencies"], *(package for extra in PROJECT["optional-dependencies"].values() for package in extra)):
        if match := re.fullmatch(r"([\w-]+)>=([\d.]+)(;.*)?", requirement):
            yield f"{match[1]}=={match[2]}{match[3] or ''}"


def environment(row: Row) -> Path:
    """The interpreter of an environment for the row, made if pyproject.toml has changed since."""
    version = subprocess.run([row.python, "-V"], capture_output=True, text=True, check=True).stdout.split()[1]
    folder = ROOT / ".matrix" / f"{version}-{row.versions}"
    python, stamp = folder / "bin" / "python", folder / "installed"
    if not stamp.exists() or stamp.stat().st_mtime < (ROOT / "pyproject.toml").stat().st_mtime:
        subprocess.run([row.python, "-m", "venv", "--clear", folder], check=True)
        constraints = folder / "constraints.txt"
        constraints.write_text("\n".join(lowest() if row.versions == "lowest" else ()), encoding="utf-8")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "--constraint", constraints, "--editable", f"{ROOT}[dev]"], check=True)
        stamp.touch()
    return python


def run(row: Row, options: list[str]) -> tuple[str, str]:
    """The verdict, and the last line of the tests or of what went wrong."""
    try:
        python = environment(row)
    except subprocess.CalledProcessError as error:
        return "no environment", str(error)
    variables = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **row.variables}
    log = ROOT / ".matrix" / f"{row.name}.log"
    with log.open("w", encoding="utf-8") as output:
        command = [str(python), "-m", "pytest", "-p", "no:cacheprovider", *row.options, *options]
        status = subprocess.run(command, cwd=ROOT, env=variables, stdout=output, stderr=subprocess.STDOUT).returncode
    lines = log.read_text(encoding="utf-8").strip().splitlines()
    for line in lines:
        if line.startswith(("FAILED", "ERROR")):
            print(line)
    return ("passed" if status == 0 else f"FAILED, see {log.relative_to(ROOT)}"), lines[-1]


def main() -> int:
    pythons = interpreters()
    table = {row.name: row for row in rows(pythons)}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="row", help=f"of {', '.join(table)} (all)")
    arguments, options = sys.argv[1:], []
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, options = arguments[:cut], arguments[cut + 1 :]
    chosen = parser.parse_args(arguments).rows or list(table)
    if unknown := set(chosen) - set(table):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    results = []
    for name in chosen:
        start = time.perf_counter()
        verdict, last = run(table[name], options)
        results.append((name, verdict, f"{time.perf_counter() - start:.0f} s", last))
        print(*results[-1], sep="   ", flush=True)
    print()
    widths = [max(len(row[i]) for row in results) for i in range(4)]
    for row in results:
        print("   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    return 0 if all(verdict == "passed" for _, verdict, _, _ in results) else 1


if __name__ == "__main__":
    sys.exit(main())
