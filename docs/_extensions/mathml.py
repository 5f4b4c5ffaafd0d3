"""Formulas as MathML, which browsers show without a script or a download."""

import html
import re
from typing import Any
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

# What XML does not know, as the space &nbsp;.
_ENTITY = re.compile(r"&(?!lt;|gt;|amp;|#)\w+;")
_KNOWN = {"dots": "ldots", "dotsc": "ldots", "dotsb": "cdots", "big": "bigl", "Big": "Bigl", "bigg": "biggl"}
_ACCENTS = frozenset("ˆ~˜¯‾^")


def mathml(tex: str, *, display: bool) -> str:
    """The formula; the index of a letter with an accent stands beside it, where docutils puts it below."""
    for unknown, known in _KNOWN.items():
        tex = re.sub(rf"\\{unknown}(?![a-zA-Z])", lambda m, known=known: rf"\{known}", tex)
    # TeX takes one digit, docutils the whole number.
    tex = re.sub(r"(\\[td]?frac)\s*(\d)(\d)", r"\1{\2}{\3}", tex)
    tex = re.sub(r"([_^])(\d)(?=\d)", r"\1{\2}", tex)
    made = _ENTITY.sub(lambda m: html.unescape(m[0]), tex2mathml(tex, as_block=display))
    tree = ElementTree.fromstring(re.sub(r' xmlns="[^"]*"', "", made))
    for element in [*tree.iter("munderover")]:
        base, index, accent = element
        if (accent.text or "").strip() in _ACCENTS:
            element.tag = "msub"
            element[:] = [ElementTree.Element("mover", accent="true"), index]
            element[0][:] = [base, accent]
    return ElementTree.tostring(tree, encoding="unicode")


def _shown(node: nodes.Element, *, display: bool) -> str:
    try:
        return mathml(node.astext(), display=display)
    except (MathError, ElementTree.ParseError) as error:
        logging.getLogger(__name__).warning("%s: %s", node.astext(), error, location=node)
        return html.escape(node.astext())


def _inline(writer: Any, node: nodes.math) -> None:
    writer.body.append(f'<span class="math">{_shown(node, display=False)}</span>')
    raise nodes.SkipNode


def _display(writer: Any, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="math">{_shown(node, display=True)}</div>')
    raise nodes.SkipNode


def setup(app: Any) -> dict[str, bool]:
    """Name the renderer and choose it."""
    app.add_html_math_renderer("mathml", inline_renderers=(_inline, None), block_renderers=(_display, None))
    app.connect("config-inited", lambda app, config: setattr(config, "html_math_renderer", "mathml"))
    return {"parallel_read_safe": True}
