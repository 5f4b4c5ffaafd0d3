"""The directive ``architecture``: a picture of which part imports which."""

from __future__ import annotations

from typing import Any

from docutils import nodes
from picture_of_imports import TABLE, svg
from sphinx.util.docutils import SphinxDirective


class Architecture(SphinxDirective):
    """Without arguments."""

    def run(self) -> list[nodes.Node]:
        """The picture as it is."""
        self.env.note_dependency(str(TABLE))
        return [nodes.raw("", svg(), format="html")]


def setup(app: Any) -> dict[str, bool]:
    """The directive."""
    app.add_directive("architecture", Architecture)
    return {"parallel_read_safe": True}
