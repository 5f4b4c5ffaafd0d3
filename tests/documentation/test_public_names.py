"""Every public name is described: by a docstring that names its parameters, and in the reference."""

from __future__ import annotations

import enum
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import public_names
import pytest

ROOT = Path(__file__).parents[2]

NAMES = {f"{part}.{name}": value for part in public_names.parts() for name, value in public_names.of_part(part).items()}
CALLABLES = {name: value for name, value in NAMES.items() if inspect.isclass(value) or inspect.isfunction(value)}
every_callable = pytest.mark.parametrize("name", CALLABLES)


def own_docstring(value: Any) -> str:
    """What is written in the source: of a dataclass without a docstring Python makes up its signature."""
    text = (vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__) or ""
    return "" if text.startswith(f"{value.__name__}(") else inspect.cleandoc(text)


def documented(docstring: str) -> set[str]:
    """Names that head an entry of a section, ``alpha, kappa : float``, and those between double backticks."""
    names = set()
    for line in docstring.splitlines():
        if entry := re.fullmatch(r"(\*{0,2}\w+(?:, \*{0,2}\w+)*)(?: : .*|, .*)?", line):
            names |= set(re.findall(r"\w+", entry[1]))
    for literal in re.findall(r"``(.+?)``", docstring):
        names |= set(re.findall(r"\w+", literal))
    return names


def parameters(value: Any) -> set[str]:
    accepted = inspect.signature(value).parameters.values()
    return {parameter.name for parameter in accepted if parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)}


def methods(value: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties that the class itself defines."""
    for name, member in vars(value).items():
        inner = member.fget if isinstance(member, property) else getattr(member, "func", getattr(member, "__func__", member))
        if not name.startswith("_") and inspect.isfunction(inner):
            yield name, inner


def test_the_parts_export_what_their_modules_say() -> None:
    assert {"coefficients", "HermiteExpansion"} <= public_names.of_part("expansion").keys()
    assert {"he", "X"} <= public_names.of_part("hermite").keys()
    assert "sympy" not in public_names.of_part("hermite")
    assert "activations" in public_names.of_part("testing")
    assert len(NAMES) > 200


@every_callable
def test_a_public_name_has_a_docstring(name: str) -> None:
    assert own_docstring(CALLABLES[name])


@pytest.mark.parametrize("name", sorted(NAMES.keys() - CALLABLES.keys()))
def test_a_public_constant_has_a_comment(name: str) -> None:
    assert public_names.comment(*name.split("."))


@every_callable
def test_the_docstring_has_the_parameters(name: str) -> None:
    value = CALLABLES[name]
    if inspect.isclass(value) and (issubclass(value, BaseException | enum.Enum) or getattr(value, "_is_protocol", False)):
        return
    assert parameters(value) - documented(own_docstring(value)) == set()


@every_callable
def test_methods_have_docstrings(name: str) -> None:
    value = CALLABLES[name]
    if inspect.isclass(value):
        inherited = {other for base in value.__mro__[1:] for other, inner in vars(base).items() if getattr(inner, "__doc__", None)}
        assert [other for other, inner in methods(value) if not inner.__doc__ and other not in inherited] == []


def test_a_parameter_that_is_missing_is_found() -> None:
    def scaled(values: list[float], factor: float) -> None:
        """Multiply.

        Parameters
        ----------
        values : list of float
        """

    assert parameters(scaled) - documented(own_docstring(scaled)) == {"factor"}


def test_every_name_of_the_first_level_has_its_home_in_the_reference() -> None:
    for name in public_names.first_level():
        assert name in public_names.of_part(public_names.home(name))


def test_every_public_name_stands_on_the_page_of_its_part() -> None:
    for part in public_names.parts():
        page = public_names.page(part)
        for name in public_names.of_part(part):
            assert re.search(rf"^\.\. (?:autoclass|autofunction|py:data):: hermite_eq\.{part}\.{name}$", page, re.MULTILINE), name
        assert len(page.splitlines()) > 10


def test_the_pytest_plugin_is_described() -> None:
    page = (ROOT / "docs" / "reference" / "pytest.md").read_text(encoding="utf-8")
    source = (ROOT / "pytest_hermite_eq.py").read_text(encoding="utf-8")
    named = set(re.findall(r'"(--universality[\w-]*)"', source)) | set(re.findall(r"@pytest.fixture\ndef (\w+)", source))
    assert len(named) == 5
    assert {name for name in named if f"`{name}`" not in page} == set()


def test_every_command_is_on_the_page_of_the_command_line() -> None:
    page = public_names.command_line()
    assert all(f"hermite-eq {name}\n---" in page for name in ("activations", "coefficients", "model", "theory", "compare"))


def test_every_page_of_the_reference_is_in_its_index() -> None:
    index = (ROOT / "docs" / "reference" / "index.md").read_text(encoding="utf-8")
    pages = {f"parts/{name.removesuffix('.rst')}" for name in public_names.pages()}
    assert set(re.findall(r"^parts/\w+$", index, re.MULTILINE)) == pages
    assert set(re.findall(r"\((parts/\w+)\.rst\)", index)) == pages
