"""Pages of the API reference, one for each public part, written before the build from the names that the part exports.

A name that is written as it is imported is resolved to the page of its part: ``hermite_eq.icl_error``, ``icl_error`` and
``hermite_eq.theory.error.icl_error`` are ``hermite_eq.theory.icl_error``.
"""

from __future__ import annotations

import pydoc
from pathlib import Path
from typing import Any

import public_names
from sphinx.util.typing import ExtensionMetadata

FOLDER = Path("reference/parts")


def _write(app: Any) -> None:
    folder = Path(app.srcdir) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in public_names.pages().items():
        path = folder / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")


def _candidates(before: list[str], last: str) -> list[str]:
    """The parts that may be meant, the likeliest first: the one in the path, that of the first level, any."""
    parts = public_names.parts()
    named = [part for part in before[1:2] if part in parts]
    return named or [*([public_names.home(last)] if last in public_names.first_level() else []), *parts]


def _resolve(app: Any, environment: Any, node: Any, content: Any) -> Any:
    if node.get("refdomain") != "py":
        return None
    *before, last = node["reftarget"].split(".")
    home = next((part for part in _candidates(before, last) if last in public_names.of_part(part)), None)
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
