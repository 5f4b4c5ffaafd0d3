"""One-way imports, read from the sources; the failing file is named."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hermite_eq

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
    "trained": {"simulate"},
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
    offending = []
    for name in imported(path):
        top, *rest = name.split(".")
        if top in {"tests", *PACKAGES} and top != parts[0] and top not in PACKAGES[parts[0]]:
            offending.append(f"{path.relative_to(ROOT)} imports {name}, but {parts[0]} stands before {top}")
        if parts[0] == top == "hermite_eq" and rest and len(parts) > 1 and parts[1] != "__init__":
            target = rest[0]
            if target in DIRECT and target not in allowed(parts[1]):
                offending.append(f"{path.relative_to(ROOT)} imports {name}, but {parts[1]} stands before {target}")
    return offending


SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_order(path: Path) -> None:
    assert violations(path) == []


def test_every_part_has_its_place() -> None:
    parts = {
        path.stem if path.parent.name == "hermite_eq" else path.relative_to(ROOT).parts[1]
        for path in SOURCES
        if path.relative_to(ROOT).parts[0] == "hermite_eq"
    } - {"__init__"}
    assert parts == set(DIRECT)


def test_a_forbidden_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hermite_eq" / "theory").mkdir(parents=True)
    offender = tmp_path / "hermite_eq" / "theory" / "linear.py"
    offender.write_text("from hermite_eq.simulate import icl_error\nimport verify\n")
    monkeypatch.setattr(sys.modules[__name__], "ROOT", tmp_path)
    assert len(violations(offender)) == 2


# What an import loads, each in a process of its own: what is loaded, never how long it took.


SUBPACKAGES = {module.name for module in pkgutil.iter_modules(hermite_eq.__path__) if module.ispkg}


#: Programs, read until the input ends; each runs in a copy of a process that has loaded NumPy, SymPy, parts of SciPy for time, and nothing
#: of the package.
PROGRAMS = """import ast, os, sys, traceback, numpy, sympy
before = set(sys.modules)
import flint, scipy.integrate, scipy.linalg, scipy.optimize, scipy.special
for line in sys.stdin:
    if not os.fork():
        try:
            exec(ast.literal_eval(line), {"sys": sys})
            print(*set(sys.modules) - before, flush=True)
        except BaseException:
            print("failed:", repr(traceback.format_exc()), flush=True)
        os._exit(0)
    os.wait()
"""


@pytest.fixture(scope="module")
def loaded() -> Iterator[Callable[[str], set[str]]]:
    """The modules that a program loads beyond NumPy and SymPy."""
    call = [sys.executable, "-c", PROGRAMS]
    with subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1, cwd=ROOT) as process:

        def modules(code: str) -> set[str]:
            assert process.stdin is not None
            assert process.stdout is not None
            print(repr(code), file=process.stdin, flush=True)
            answer = process.stdout.readline()
            assert answer
            assert not answer.startswith("failed:"), answer
            return set(answer.split())

        yield modules


def test_a_program_that_fails_is_seen(loaded: Callable[[str], set[str]]) -> None:
    with pytest.raises(AssertionError, match="ZeroDivisionError"):
        loaded("1 / 0")
    assert not HEAVY & loaded("")


def test_the_package_loads_none_of_its_parts() -> None:
    code = "import sys, typing; before = set(sys.modules); import hermite_eq; print(*set(sys.modules) - before - sys.stdlib_module_names)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT).stdout == "hermite_eq\n"


HEAVY = {
    "scipy.stats",
    "matplotlib",
    "pandas",
    "rich",
    "hypothesis",
    "pytest",
    "distributed",
    "threadpoolctl",
    "jax",
    "optax",
    "hermite_eq.activations.names.table",
}


def test_public_names_load_nothing_heavy_and_build_no_table(loaded: Callable[[str], set[str]]) -> None:
    modules = loaded("from hermite_eq import *")
    assert "hermite_eq.theory.error" in modules
    assert not HEAVY & modules


def test_what_is_heavy_is_seen_when_it_is_loaded(loaded: Callable[[str], set[str]]) -> None:
    assert HEAVY & loaded("import hermite_eq; hermite_eq.Task('relu')") == {"hermite_eq.activations.names.table"}


@pytest.mark.parametrize(
    "first",
    [
        "",
        "import hermite_eq.theory",
        "from hermite_eq import covariance",
        "from hermite_eq.covariance import covariance",
    ],
)
def test_the_covariance_is_a_module_that_answers_a_call(first: str, loaded: Callable[[str], set[str]]) -> None:
    loaded(
        f"{first}\nimport hermite_eq, hermite_eq.covariance as module\n"
        "assert module is sys.modules['hermite_eq.covariance'] is hermite_eq.covariance\n"
        "try:\n    hermite_eq.covariance('relu')\nexcept hermite_eq.HypothesisError:\n    answered = True\nassert answered"
    )
    module = importlib.import_module("hermite_eq.covariance")
    assert hermite_eq.covariance(hermite_eq.Task("relu")) == module.covariance(hermite_eq.Task("relu"))


def test_its_signature_is_the_function_s() -> None:
    assert inspect.signature(hermite_eq.covariance) == inspect.signature(importlib.import_module("hermite_eq.covariance").covariance)


def test_a_part_is_its_module_however_it_is_reached(loaded: Callable[[str], set[str]]) -> None:
    assert set(hermite_eq._PARTS) >= SUBPACKAGES
    loaded("\n".join(["import hermite_eq", *(f"assert hermite_eq.{part}.__name__ == 'hermite_eq.{part}'" for part in hermite_eq._PARTS)]))
    imports = (f"import hermite_eq.{part} as module\nassert module is sys.modules['hermite_eq.{part}']" for part in hermite_eq._PARTS)
    loaded("\n".join(imports))


def test_type_checkers_read_what_is_there() -> None:
    tree = ast.parse(Path(hermite_eq.__file__).read_text(encoding="utf-8"))
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    declared = {(node.module, alias.name, alias.asname) for node in block.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    modules = set(hermite_eq._PARTS) - {"covariance"}
    assert declared == {
        *(("hermite_eq", part, part) for part in modules),
        *((f"hermite_eq.{part}", name, name) for name, part in hermite_eq._HOME.items()),
        ("hermite_eq.covariance", "covariance", "covariance"),
    }
    assert set(hermite_eq.__all__) == {*hermite_eq._HOME, "covariance", "simulate"} <= set(dir(hermite_eq))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'icl_eror'"):
        hermite_eq.icl_eror  # type: ignore[attr-defined]  # noqa: B018
