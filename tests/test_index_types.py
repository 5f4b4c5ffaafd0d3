"""Indices are np.intp: in a 32-bit build (WebAssembly) np.bincount and np.repeat refuse int64, which a 64-bit one cannot show."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent / "hermite_eq"
#: Values, not indices, that need 64 bits wherever they are computed.
VALUES = {"theory/spectra/blocks.py": 1}


def wide_integers(source: str) -> Iterator[int]:
    """Lines where an array of 64-bit integers is made, by name or by the default of Generator.integers."""
    tree = ast.parse(source)
    cast = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Attribute) and node.attr == "astype"}
    for call in ast.walk(tree):
        if isinstance(call, ast.Call):
            given = [*call.args, *(keyword.value for keyword in call.keywords)]
            if any(isinstance(argument, ast.Attribute) and argument.attr == "int64" for argument in given):
                yield call.lineno
            sized = any(keyword.arg == "size" for keyword in call.keywords)
            if isinstance(call.func, ast.Attribute) and call.func.attr == "integers" and sized and id(call) not in cast:
                yield call.lineno


@pytest.mark.parametrize("path", sorted(ROOT.rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT)))
def test_indices_have_the_platform_s_width(path: Path) -> None:
    lines = list(wide_integers(path.read_text(encoding="utf-8")))
    assert len(lines) == VALUES.get(path.relative_to(ROOT).as_posix(), 0), f"64-bit integers in lines {lines}"


@pytest.mark.parametrize(
    "line",
    [
        "np.zeros(3, np.int64)",
        "np.empty(3, dtype=np.int64)",
        "x.astype(np.int64)",
        "rng.integers(4, size=3)",
    ],
)
def test_a_wide_index_is_found(line: str) -> None:
    assert list(wide_integers(line)) == [1]
    assert not list(wide_integers(line.replace("np.int64", "np.intp").replace("size=3)", "size=3).astype(np.intp)")))
