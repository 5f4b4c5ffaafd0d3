"""One-way imports, read from the sources; the failing file is named."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# What each part of the library may import: the arrows of the design, transitively closed by construction below.
DIRECT = {
    "errors": set(),
    "arguments": {"errors"},
    "memory": {"errors"},
    "hermite": {"arguments", "memory"},
    "latex": {"hermite"},
    "activations": {"latex"},
    "expansion": {"activations"},
    "models": {"expansion"},
    "curve": {"models"},
    "progress": set(),
    "equivalence": {"covariance"},
    "covariance": {"models"},
    "structured": {"equivalence"},
    "theory": {"equivalence", "covariance", "curve"},
    "simulate": {"curve", "progress"},
    "testing": {"simulate"},
    "plotting": {"theory", "simulate"},
    "cli": {"theory", "simulate"},
    "__main__": {"cli"},
}
PACKAGES = {"hermite_eq": set(), "derivations": {"hermite_eq"}, "verify": {"hermite_eq"}}


def allowed(part: str) -> set[str]:
    return {part}.union(*(allowed(below) for below in DIRECT[part]))


def imported(path: Path) -> Iterator[str]:
    package = list(path.relative_to(ROOT).with_suffix("").parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield module
            if module in PACKAGES:
                yield from (f"{module}.{alias.name}" for alias in node.names)


def violations(path: Path) -> list[str]:
    parts = path.relative_to(ROOT).with_suffix("").parts
    found = []
    for name in imported(path):
        top, *rest = name.split(".")
        if top in {"tests", *PACKAGES} and top != parts[0] and top not in PACKAGES[parts[0]]:
            found.append(f"{path.relative_to(ROOT)} imports {name}, but {parts[0]} stands before {top}")
        if parts[0] == top == "hermite_eq" and rest and len(parts) > 1 and parts[1] != "__init__":
            target = rest[0]
            if target in DIRECT and target not in allowed(parts[1]):
                found.append(f"{path.relative_to(ROOT)} imports {name}, but {parts[1]} stands before {target}")
    return found


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_order(path: Path) -> None:
    assert violations(path) == []


def test_every_part_has_its_place() -> None:
    parts = {path.stem if path.parent.name == "hermite_eq" else path.relative_to(ROOT).parts[1]
             for path in SOURCES if path.relative_to(ROOT).parts[0] == "hermite_eq"} - {"__init__"}
    assert parts == set(DIRECT)


def test_a_forbidden_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hermite_eq" / "theory").mkdir(parents=True)
    offender = tmp_path / "hermite_eq" / "theory" / "linear.py"
    offender.write_text("from hermite_eq.simulate import icl_error\nimport verify\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert len(violations(offender)) == 2
