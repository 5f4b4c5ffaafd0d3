"""Every command beside the library has a help that says what it does and costs, and runs at its smallest size."""

from __future__ import annotations

import ast
import importlib
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from hermite_eq import cli
from verify import __main__ as verify_main

ROOT = Path(__file__).parent.parent
#: That of the derivations takes their names, and has tests of its own.
OTHERS = {"derivations.__main__"}


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def is_main(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'"


MAINS = {
    module_name(path): block
    for folder in ("benchmarks", "verify", "derivations", "examples")
    for path in sorted((ROOT / folder).rglob("*.py"))
    for block in ast.parse(path.read_text(encoding="utf-8")).body
    if is_main(block)
}
COMMANDS = sorted(set(MAINS) - OTHERS)


@pytest.fixture
def command(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_every_main_is_a_command() -> None:
    assert set(MAINS) >= OTHERS
    assert len(COMMANDS) > 12
    # What has no main is imported by what has.
    without = {module_name(path) for path in (ROOT / "benchmarks").rglob("*.py")} - set(COMMANDS)
    assert without == {"benchmarks.__init__", "benchmarks.checks.__init__", "benchmarks.clock"}
    for name in COMMANDS:
        block = MAINS[name]
        assert isinstance(block, ast.If)
        (statement,) = block.body
        assert ast.unparse(statement) == "sys.exit(main())", name


@pytest.mark.parametrize("command", COMMANDS, indirect=True)
def test_the_help_says_what_it_does_and_costs(command: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        command.main(["--help"])
    shown = capsys.readouterr().out
    name = command.__name__.removesuffix(".__main__")
    assert shown.startswith(f"usage: python -m {name} ")
    assert command.__doc__ is not None
    assert command.__doc__.strip().splitlines()[0] in shown
    assert re.search(r"seconds|minutes?|hours?", command.__doc__), "the help says what the command costs"
    assert "smallest run" in shown


@pytest.mark.parametrize("subcommand", verify_main.COMMANDS)
def test_the_help_of_a_subcommand_says_what_it_costs(subcommand: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^0$"):
        verify_main.main([subcommand, "--help"])
    assert re.search(r"seconds|minutes?|hours?", capsys.readouterr().out)


@pytest.mark.parametrize("command", COMMANDS, indirect=True)
def test_an_unknown_option_is_refused(command: ModuleType) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        command.main(["--no-such-option"])


@pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
@pytest.mark.parametrize("command", COMMANDS, indirect=True)
def test_the_smallest_run_ends_with_a_verdict(
    command: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    # Of a size at which claims need not hold.
    assert command.main(list(command.SMALLEST)) in (0, 1)
    assert capsys.readouterr().out.strip()


# What the documents tell their readers to type.

DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "examples").rglob("*.md"))]
SOURCES = [path for folder in ("benchmarks", "verify", "derivations") for path in sorted((ROOT / folder).rglob("*.py"))]


def typed(pattern: str, paths: list[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        yield from ((path.name, text) for text in re.findall(pattern, path.read_text(encoding="utf-8")))


def test_every_command_in_the_documents_exists_with_its_options(capsys: pytest.CaptureFixture[str]) -> None:
    lines = set(typed(r"python -m ((?:benchmarks|verify|derivations)\b(?:\.\w+)*(?: [\w./=-]+)*)", DOCUMENTS + SOURCES))
    assert len(lines) > 20
    for where, line in lines:
        name, *arguments = line.split()
        module = importlib.import_module(name if name in MAINS else f"{name}.__main__")
        subcommand = [word for word in arguments[:1] if name == "verify" and word in verify_main.COMMANDS]
        assert name != "verify" or subcommand or not arguments, f"{where}: {line} has a subcommand that verify has not"
        with pytest.raises(SystemExit):
            module.main([*subcommand, "--help"])
        shown = capsys.readouterr().out
        for option in arguments:
            assert not option.startswith("--") or option in shown, f"{where}: {line} has an option that the command has not"


def test_every_make_target_in_the_documents_exists() -> None:
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    named = {target for _, target in typed(r"`make ([\w-]+)`", DOCUMENTS + SOURCES)}
    assert {"verify", "test"} <= named <= set(targets)


# The commands of the library on all pages, in blocks and within a line; the simulation at a smaller size.
SMALLER = {"-d 24 --runs 8": "-d 26 --runs 2"}
COMMAND_LINES = sorted({line.strip("`") for _, line in typed(r"(?m)(?:^|`)hermite-eq ([a-z][^`\n]*)", DOCUMENTS)})


@pytest.mark.parametrize("line", COMMAND_LINES)
def test_the_commands_of_the_library_run(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    for size, smaller in SMALLER.items():
        line = line.replace(size, smaller)
    assert cli.main(shlex.split(line)) == 0
    assert capsys.readouterr().out.strip()
