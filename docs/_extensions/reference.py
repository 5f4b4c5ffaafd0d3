"""Pages of the API reference, one for each public part, written before the build from the names that the part exports.

A name that is written as it is imported is resolved to the page of its part: ``hermite_eq.icl_error``, ``icl_error`` and
``hermite_eq.theory.error.icl_error`` are ``hermite_eq.theory.icl_error``.
"""

from __future__ import annotations

import enum
import inspect
import pydoc
from pathlib import Path
from typing import Any

import public_names
from sphinx.util.typing import ExtensionMetadata

FOLDER = Path("reference/parts")


def pages() -> dict[str, str]:
    """File name and text of each page."""
    return {f"{part}.rst": page(part) for part in public_names.parts()} | {"first_level.rst": _first_level()}


def page(part: str) -> str:
    """A title, what the module says of itself, a table of the names, and each of them."""
    names = public_names.of_part(part)
    title = f"hermite_eq.{part}"
    lines = [f".. _part-{part}:", "", title, "=" * len(title), "", f".. automodule:: {title}", ""]
    lines += _table(title, [name for name, value in names.items() if inspect.isclass(value) or inspect.isfunction(value)])
    for name, value in names.items():
        lines += [*_directive(part, name, value), ""]
    for name in public_names.modules_of_part(part):
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
    return [f".. py:data:: {path}", "", f"   {public_names.comment(part, name)}"]


def _first_level() -> str:
    title = "Names at the first level"
    entries = [f"{public_names.home(name)}.{name}" for name in public_names.first_level()]
    text = "``import hermite_eq as he`` has these; each is described with the part it belongs to."
    return "\n".join([title, "=" * len(title), "", text, "", *_table("hermite_eq", entries)])


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _resolve(app: Any, environment: Any, node: Any, content: Any) -> Any:
    if node.get("refdomain") != "py":
        return None
    *_, last = node["reftarget"].split(".")
    home = next((part for part in public_names.parts() if last in public_names.of_part(part)), None)
    target = f"hermite_eq.{home}.{last}"
    domain = environment.get_domain("py")
    if home is None or target == node["reftarget"] or target not in domain.objects:
        # What exists and has no page is shown without a link.
        return content if pydoc.locate(node["reftarget"]) is not None else None
    return domain.resolve_xref(environment, node["refdoc"], app.builder, "obj", target, node, content)


def setup(app: Any) -> ExtensionMetadata:
    """Pages before the build, names while it resolves them."""
    app.connect("builder-inited", _write)
    app.connect("missing-reference", _resolve)
    return {"parallel_read_safe": True}
