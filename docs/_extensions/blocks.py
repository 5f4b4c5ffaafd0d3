"""Code as it is read: without the empty line that ends the last output of an example."""

from typing import Any

from docutils import nodes


def _strip(app: Any, doctree: nodes.document) -> None:
    for block in doctree.findall(nodes.literal_block):
        text = block.astext().rstrip()
        if block.rawsource:
            block.rawsource = text
        block[:] = [nodes.Text(text)]


def setup(app: Any) -> dict[str, bool]:
    """After a page is read."""
    app.connect("doctree-read", _strip)
    return {"parallel_read_safe": True}
