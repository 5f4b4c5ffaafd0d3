"""The pages on kernels and on depth are those of their command, and their rows hold what they say."""

from __future__ import annotations

import re
from pathlib import Path

from verify.layers import depth, kernels

DOCS = Path(__file__).parent.parent.parent / "docs" / "topics" / "heads"


def test_the_pages_have_the_words_of_the_command() -> None:
    page = (DOCS / "kernels.md").read_text(encoding="utf-8")
    assert all(part in page for part in (kernels.TEXT, kernels.SPHERE, kernels.EXPONENTS, kernels.END))
    page = (DOCS / "depth.md").read_text(encoding="utf-8")
    assert all(part in page for part in (depth.TEXT, depth.MIDDLE.format(runs=depth.RUNS), depth.END))


def test_theory_is_within_two_per_cent_or_three_standard_errors() -> None:
    page = (DOCS / "depth.md").read_text(encoding="utf-8")
    gaps = re.findall(r"\| ([+-][\d.]+)% \| ([+-][\d.]+) \|", page)
    assert len(gaps) == 11
    assert all(abs(float(gap)) <= 2 or abs(float(errors)) <= 3 for gap, errors in gaps)


def test_at_the_best_ridge_depth_does_not_help() -> None:
    page = (DOCS / "depth.md").read_text(encoding="utf-8")
    rows = [[float(cell) for cell in re.findall(r"; (0\.\d+)", line)] for line in page.splitlines() if line.count(";") == 5]
    assert len(rows) == 2 * len(depth.TAUS)
    for first, two, three, smooth, smoother in rows:
        assert first <= min(two, three)
        assert smooth <= smoother


def test_networks_are_within_four_standard_errors_of_their_kernels() -> None:
    page = (DOCS / "kernels.md").read_text(encoding="utf-8")
    numbers = re.findall(r"(\d\.\d{4}) \| (\d\.\d{4}) ± (\d\.\d{4})", page)
    assert len(numbers) == 2 * len(kernels.NETS)
    # The bias of a width.
    assert all(abs(float(mean) - float(value)) <= 4 * float(stderr) + 2 * float(value) / kernels.WIDTH for value, mean, stderr in numbers)
