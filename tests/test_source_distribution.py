"""The source distribution: all that the wheel is built from, no stored runs, and below a megabyte."""

from __future__ import annotations

import io
import tarfile
import tomllib
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
TARGETS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["hatch"]["build"]["targets"]


def packed(names: Sequence[str]) -> int:
    """Bytes of an archive of these files and folders."""
    memory = io.BytesIO()
    with tarfile.open(fileobj=memory, mode="w:gz") as archive:
        for name in names:
            archive.add(ROOT / name, name, filter=lambda member: None if "__pycache__" in member.name else member)
    return len(memory.getvalue())


def test_the_source_distribution_is_small_and_holds_no_results() -> None:
    names = TARGETS["sdist"]["only-include"]
    assert set(TARGETS["wheel"]["only-include"]) <= set(names)
    assert not any(name.startswith(("results", ".")) for name in names)
    # The builder adds the README, the license and pyproject.toml.
    names = [*names, "README.md", "LICENSE", "pyproject.toml"]
    assert packed(names) < 10**6
    # With the runs it would not be.
    assert packed([*names, "results"]) > 10**6
