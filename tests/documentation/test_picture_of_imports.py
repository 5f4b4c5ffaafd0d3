"""The picture of the architecture shows the table that the test of imports enforces."""

from __future__ import annotations

import sys
from pathlib import Path
from xml.etree import ElementTree

sys.path.insert(0, str(Path(__file__).parents[2] / "docs" / "_extensions"))

import picture_of_imports

LIBRARY, PACKAGES = picture_of_imports.tables()


def below(direct: dict[str, set[str]], part: str) -> set[str]:
    return direct[part].union(*(below(direct, other) for other in direct[part]))


def test_every_part_has_a_box() -> None:
    picture = ElementTree.fromstring(picture_of_imports.svg())
    assert sorted(text.text or "" for text in picture.iter("text")) == sorted([*LIBRARY, *PACKAGES])
    assert {"hermite", "theory", "simulate", "cli"} <= LIBRARY.keys()


def test_the_arrows_say_what_the_table_says() -> None:
    for direct in (LIBRARY, PACKAGES):
        drawn = picture_of_imports.arrows(direct)
        reduced = {part: {upper for upper, lower in drawn if lower == part} for part in direct}
        assert {part: below(reduced, part) for part in direct} == {part: below(direct, part) for part in direct}
        assert len(drawn) <= sum(map(len, direct.values()))


def test_theory_and_simulation_are_not_joined() -> None:
    assert not {("theory", "simulate"), ("simulate", "theory")} & set(picture_of_imports.arrows(LIBRARY))


def test_arrows_point_down() -> None:
    rank = picture_of_imports.ranks(LIBRARY)
    assert all(rank[upper] < rank[lower] for upper, lower in picture_of_imports.arrows(LIBRARY))
