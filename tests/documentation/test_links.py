"""Every link from a page leads somewhere: to a file of the repository, or to a page that the build writes, and to a heading in it."""

from __future__ import annotations

import re
from pathlib import Path

import public_names
import pytest

ROOT = Path(__file__).parents[2]

LISTED = (path for name in ("docs", "examples") for path in sorted((ROOT / name).rglob("*.md")))
PAGES = [*sorted(ROOT.glob("*.md")), *(path for path in LISTED if path.relative_to(ROOT).parts[:2] != ("docs", "gallery"))]
WRITTEN = {ROOT / "docs" / "reference" / "parts" / name for name in public_names.pages()} | {ROOT / "docs" / "gallery" / "index.rst"}
LINK = re.compile(r"\]\(([^()\s]+(?:\([^()\s]*\))?[^()\s]*)\)")


def prose(text: str) -> str:
    """Without code, in which brackets mean other things."""
    return re.sub(r"`[^`\n]+`", "", re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL))


def slugs(text: str) -> set[str]:
    """Anchors of the headings, as GitHub and MyST make them."""
    titles = re.findall(r"^#{1,6} (.+?)\s*$", re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.MULTILINE | re.DOTALL), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def broken(page: Path) -> list[str]:
    missing = []
    for target in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if path in WRITTEN:
            continue
        if not path.exists() or (anchor and (path.suffix != ".md" or anchor not in slugs(path.read_text(encoding="utf-8")))):
            missing.append(target)
    return missing


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_of_a_page(page: Path) -> None:
    assert broken(page) == []


def test_there_are_links_to_check() -> None:
    assert sum(len(LINK.findall(prose(page.read_text(encoding="utf-8")))) for page in PAGES) > 100


def test_links_that_lead_nowhere_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "# A title, with *signs*\n[a](#a-title-with-signs) [b](#b) [c](missing.md) [d](https://example.org) `[e](f)`\n", encoding="utf-8"
    )
    assert broken(page) == ["#b", "missing.md"]


def listed(index: Path) -> set[Path]:
    """The pages in the trees of contents of an index, and in those of the indices among them."""
    trees = re.findall(r"^```\{toctree\}\n(.*?)^```", index.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    pages = {(index.parent / f"{line}.md").resolve() for tree in trees for line in tree.splitlines() if line and not line.startswith(":")}
    return pages.union(*(listed(page) for page in pages if page.name == "index.md" and page.exists()))


def test_every_page_is_in_a_tree_of_contents() -> None:
    site = {path for path in PAGES if path.is_relative_to(ROOT / "docs") and path.relative_to(ROOT / "docs").parts[0] != "explorer"}
    assert site - listed(ROOT / "docs" / "index.md") == {ROOT / "docs" / "index.md"}
