"""Code and pictures as they are read: no empty line after the last output of an example, and a picture leads to itself at its full size."""

from typing import Any

from docutils import nodes


def _strip(app: Any, doctree: nodes.document) -> None:
    for block in doctree.findall(nodes.literal_block):
        text = block.astext().rstrip()
        if block.rawsource:
            block.rawsource = text
        block[:] = [nodes.Text(text)]


def _enlarge(app: Any, doctree: nodes.document, page: str) -> None:
    for image in [*doctree.findall(nodes.image)]:
        if image["uri"] in app.env.images and not isinstance(image.parent, nodes.reference):
            _, name = app.env.images[image["uri"]]
            address = "../" * page.count("/") + f"_images/{name}"
            image.replace_self(nodes.reference("", "", image.copy(), refuri=address, classes=["image-reference"]))


def setup(app: Any) -> dict[str, bool]:
    """After a page is read, and before it is written."""
    app.connect("doctree-read", _strip)
    app.connect("doctree-resolved", _enlarge)
    return {"parallel_read_safe": True}
