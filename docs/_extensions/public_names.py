"""What is public: the names that the parts of hermite_eq and its first level export, and the pages of the reference that describe them."""

from __future__ import annotations

import argparse
import enum
import importlib
import inspect
import os
import re
import types
from pathlib import Path
from typing import Any
from unittest import mock

import hermite_eq
from hermite_eq import _HOME, _PARTS, cli


def of_part(part: str) -> dict[str, Any]:
    """Names and values that a part exports: of a package what it imports from itself, of a module what it defines."""
    module = importlib.import_module(f"hermite_eq.{part}")
    package = hasattr(module, "__path__")
    names = {}
    for name in sorted({*dir(module), *getattr(module, "STRATEGIES", ())}):
        value = getattr(module, name)
        home = str(getattr(value, "__module__", ""))
        if name.startswith("_") or isinstance(value, types.ModuleType):
            continue
        if inspect.isclass(value) or inspect.isfunction(value):
            if home.startswith("hermite_eq.") if package else home == module.__name__:
                names[name] = value
        elif _assigned_here_or_below(module, name):
            names[name] = value
    return names


def comment(part: str, name: str) -> str:
    """What stands in ``#:`` above a constant where it is assigned."""
    source = _source(importlib.import_module(f"hermite_eq.{part}"))
    if imported := re.search(rf"^from (\S+) import {name} as {name}$", source, re.MULTILINE):
        source = _source(importlib.import_module(imported[1]))
    above = re.search(rf"((?:^#:.*\n)+){name}\b", source, re.MULTILINE)
    return " ".join(line.removeprefix("#:").strip() for line in above[1].splitlines()) if above else ""


def modules_of_part(part: str) -> list[str]:
    """Modules that a part exports by name."""
    module = importlib.import_module(f"hermite_eq.{part}")
    named = (name for name in dir(module) if isinstance(getattr(module, name), types.ModuleType))
    return [name for name in named if f"from hermite_eq.{part} import {name} as {name}" in _source(module)]


def _source(module: types.ModuleType) -> str:
    # inspect.getsource of the module that answers to a call is the source of what it calls.
    return Path(str(module.__file__)).read_text(encoding="utf-8")


def _assigned_here_or_below(module: types.ModuleType, name: str) -> bool:
    source = _source(module)
    exported = f"import {name} as {name}" in source
    return exported or any(line.startswith((f"{name} =", f"{name}:")) for line in source.splitlines())


def home(name: str) -> str:
    """The part that describes a name of the first level."""
    return _HOME.get(name, "covariance")


def first_level() -> list[str]:
    """Names that hermite_eq itself has, but for its parts."""
    return [*sorted(set(hermite_eq.__all__) - set(_PARTS)), "covariance"]


def parts() -> tuple[str, ...]:
    """The public parts."""
    return _PARTS


def pages() -> dict[str, str]:
    """File name and text of each page."""
    return {f"{part}.rst": page(part) for part in parts()} | {"first_level.rst": _first_level(), "command_line.rst": command_line()}


def page(part: str) -> str:
    """A title, what the module says of itself, a table of the names, and each of them."""
    names = of_part(part)
    title = f"hermite_eq.{part}"
    lines = [f".. _part-{part}:", "", title, "=" * len(title), "", f".. automodule:: {title}", ""]
    groups = {
        "Functions": [name for name, value in names.items() if inspect.isfunction(value)],
        "Classes": [name for name, value in names.items() if inspect.isclass(value)],
    }
    for heading, members in groups.items():
        if members:
            lines += [f".. rubric:: {heading}", "", *_table(title, members)]
    order = [*groups["Functions"], *groups["Classes"]]
    for name in (*order, *(name for name in names if name not in order)):
        lines += [*_directive(part, name, names[name]), ""]
    for name in modules_of_part(part):
        lines += [name, "-" * len(name), "", f".. automodule:: {title}.{name}", "   :members:", ""]
    return "\n".join(lines)


def _table(module: str, entries: list[str]) -> list[str]:
    return [f".. currentmodule:: {module}", "", ".. autosummary::", "   :nosignatures:", "", *(f"   {entry}" for entry in entries), ""]


def _directive(part: str, name: str, value: Any) -> list[str]:
    path = f"hermite_eq.{part}.{name}"
    if inspect.isclass(value):
        options = [] if issubclass(value, Exception) else ["   :members:"]
        if issubclass(value, enum.Enum):
            options.append("   :undoc-members:")
        return [f".. autoclass:: {path}", *options]
    if inspect.isfunction(value):
        return [f".. autofunction:: {path}"]
    return [f".. py:data:: {path}", "", f"   {comment(part, name)}"]


def _first_level() -> str:
    title = "Names at the first level"
    entries = [f"{home(name)}.{name}" for name in first_level()]
    text = "``import hermite_eq as he`` has these; each is described with the part it belongs to."
    return "\n".join([title, "=" * len(title), "", text, "", *_table("hermite_eq", entries)])


def command_line() -> str:
    """What ``hermite-eq --help`` says, and each of its commands."""
    parser = cli._parser()
    title = "The command line"
    lines = [title, "=" * len(title), "", "``python -m hermite_eq`` is the same command.", ""]
    (subparsers,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
    for name, command in {"": parser, **subparsers.choices}.items():
        heading = f"hermite-eq {name}".strip()
        with mock.patch.dict(os.environ, COLUMNS="88"):
            helped = [f"   {line}".rstrip() for line in command.format_help().splitlines()]
        lines += [heading, "-" * len(heading), "", ".. code-block:: text", "", *helped, ""]
    return "\n".join(lines)
