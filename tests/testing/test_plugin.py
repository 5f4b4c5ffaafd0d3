"""The pytest plugin, in processes of its own: what it loads, its options, the seed, families, and the table."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import entry_points
from pathlib import Path

import pytest_hermite_eq

ROOT = Path(__file__).parent.parent.parent
# Where the package is installed with its metadata, pytest finds the plugin by itself.
LOAD = [] if any(point.name == "hermite_eq" for point in entry_points(group="pytest11")) else ["-p", "pytest_hermite_eq"]


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(ROOT), "COLUMNS": "200"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:hypothesispytest", *LOAD, *arguments, "."]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=environment)


def test_loading_it_imports_neither_the_package_nor_numpy() -> None:
    code = (
        "import sys, pytest; before = set(sys.modules); import pytest_hermite_eq; "
        "print(*sorted({'numpy', 'sympy', 'scipy', 'hermite_eq', 'hypothesis'} & (set(sys.modules) - before)))"
    )
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert process.stdout.split() == []


LIGHT = """
import os
import pytest
import pytest_hermite_eq

ROW = {"assertion": "assert_gaussian", "claim": "c", "verdict": "agrees", "p_value": 0.25, "rate": 1e-6, "power": "w"}

def test_green():
    pytest_hermite_eq.CHECKS.append(ROW)

def test_red():
    pytest_hermite_eq.CHECKS.append(ROW | {"p_value": 1e-9, "verdict": "different", "assertion": "assert_covariance"})
    raise AssertionError

def test_none(universality_seed):
    print("profile", os.environ["HERMITE_EQ_UNIVERSALITY"], "seed", universality_seed)
"""


def test_options_header_and_table(tmp_path: Path) -> None:
    (tmp_path / "test_light.py").write_text(LIGHT)
    out = run(tmp_path, "-s", "--universality=thorough", "--universality-seed=7").stdout
    assert "universality: thorough profile, seed 7" in out
    assert "profile thorough seed" in out
    table = out[out.index("statistical checks") :].splitlines()
    assert table[1] == "2 checks; false alarms expected in one run of the suite: 2.0e-06"
    assert table[3].split() == ["1e-09", "1.0e-06", "different", "assert_covariance", "in", "test_light.py::test_red"]
    assert table[4].split() == ["0.25", "1.0e-06", "agrees", "assert_gaussian", "in", "test_light.py::test_green"]
    in_a_worker = run(tmp_path, "-rA", "--universality-table=failed", "--universality-seed=7", "-n", "1").stdout
    table = in_a_worker[in_a_worker.index("statistical checks") :].splitlines()
    assert table[3].split()[0] == "1e-09"
    assert "agrees" not in table[4]
    another = run(tmp_path, "-rA", "--universality-seed=random", "--universality-table=none").stdout
    assert "statistical checks" not in another
    # Equal seeds give equal generators, in workers too; 'random' another.
    seeds = [
        next(
            line.split("seed ")[1].rstrip(".")
            for line in shown.splitlines()
            if "profile thorough seed" in line or "profile default seed" in line
        )
        for shown in (out, in_a_worker, another)
    ]
    assert seeds[0] == seeds[1] != seeds[2]


def test_a_seed_that_is_none(tmp_path: Path) -> None:
    process = run(tmp_path, "--universality-seed=often")
    assert "--universality-seed is a non-negative integer or 'random'; found 'often'" in process.stderr
    assert process.returncode != 0


FULL = """
import numpy as np
import pytest
from hermite_eq.testing import assert_gaussian
from hermite_eq.testing.rates import declared_rate

@pytest.mark.universality(rate=1e-3)
def test_family(universality_rng):
    assert_gaussian(universality_rng.standard_normal(2000), 1.0)
    assert declared_rate(None) < 2e-4
"""


def test_marker_generator_and_records(tmp_path: Path) -> None:
    (tmp_path / "test_full.py").write_text(FULL)
    process = run(tmp_path, "--strict-markers", "-W", "error")
    assert process.returncode == 0, process.stdout
    assert "6.1e-04  agrees       assert_gaussian in test_full.py::test_family" in process.stdout


def test_records_reach_the_module() -> None:
    from hermite_eq.testing import assert_hermite_coefficients

    before = len(pytest_hermite_eq.CHECKS)
    assert_hermite_coefficients("relu", [0.3989422804014327, 0.5])
    record = pytest_hermite_eq.CHECKS[before]
    assert (record["assertion"], record["p_value"]) == ("assert_hermite_coefficients", None)
