"""Every link from a page leads somewhere: to a file of the repository, or to a page that the build writes, and to a heading in it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "docs" / "_extensions"))

import public_names  # noqa: E402

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
    found = []
    for target in LINK.findall(prose(page.read_text(encoding="utf-8"))):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if path in WRITTEN:
            continue
        if not path.exists():
            found.append(target)
        elif anchor and (path.suffix != ".md" or anchor not in slugs(path.read_text(encoding="utf-8"))):
            found.append(target)
    return found


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


@pytest.mark.parametrize(
    "folder", sorted({path.parent for path in PAGES if (path.parent / "index.md").exists()}), ids=lambda path: path.name
)
def test_every_page_of_a_folder_is_in_its_index(folder: Path) -> None:
    listed = (folder / "index.md").read_text(encoding="utf-8")
    for page in sorted(folder.rglob("*.md")):
        name = str(page.relative_to(folder).with_suffix(""))
        nested = page.parent != folder and (page.parent / "index.md").exists() and page.name != "index.md"
        assert name == "index" or nested or re.search(rf"^{re.escape(name)}$", listed, re.MULTILINE), f"{name} is in no toctree"
