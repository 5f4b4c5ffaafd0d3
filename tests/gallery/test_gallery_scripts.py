"""Every script of the gallery runs as a user would run it, keeps what it says, and draws what can be read."""

from __future__ import annotations

import os
import runpy
import time
from collections.abc import Iterator
from pathlib import Path

import matplotlib
import pytest

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

# What the pages say of simulations is said of their own seeds.
pytestmark = [pytest.mark.statistical, pytest.mark.own_seeds]

GALLERY = Path(__file__).parents[2] / "examples" / "gallery"
SCRIPTS = sorted(GALLERY.glob("*/plot_*.py"))
#: Seconds of processor time for one script, on a machine several times slower than one on which the longest takes seven.
LONGEST = 40


@pytest.fixture(autouse=True)
def _headless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(plt, "show", lambda: None)
    yield
    plt.close("all")


def named(axes: Axes) -> bool:
    """Whether both axes are labelled, by their own labels or those of the panels that they share them with."""
    panels = axes.figure.axes

    def labelled(kind: str) -> bool:
        shared = getattr(axes, f"get_shared_{kind}_axes")()
        return any(getattr(other, f"get_{kind}label")() for other in panels if other is axes or shared.joined(axes, other))

    return labelled("x") and labelled("y")


@pytest.mark.parametrize("script", SCRIPTS, ids=[path.relative_to(GALLERY).as_posix() for path in SCRIPTS])
def test_a_script_runs_and_its_picture_is_labelled(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(GALLERY)
    begun = time.process_time()
    runpy.run_path(str(script), run_name="__main__")
    assert time.process_time() - begun < LONGEST
    figures = [plt.figure(number) for number in plt.get_fignums()]
    assert figures
    for figure in figures:
        figure.canvas.draw()
        panels = [axes for axes in figure.axes if axes.get_label() != "<colorbar>"]
        assert panels
        titled = figure.get_suptitle() or all(axes.get_title() for axes in panels)
        assert titled, "a title over the figure, or over each of its panels"
        for axes in panels:
            assert named(axes), axes.get_title()


def test_there_are_sixteen_questions_and_a_header_over_each_folder() -> None:
    assert len(SCRIPTS) >= 16
    folders = {path.parent for path in SCRIPTS} | {GALLERY}
    assert all((folder / "GALLERY_HEADER.rst").is_file() for folder in folders)
    assert all(len(os.listdir(folder)) <= 12 for folder in folders)
    for script in SCRIPTS:
        title, underline = script.read_text(encoding="utf-8").splitlines()[1:3]
        assert title.endswith("?"), script.name
        assert underline == "=" * len(title), script.name


def test_nothing_is_added_to_a_figure_in_a_later_block() -> None:
    """The pages show each figure as it is at the end of the block that makes it."""
    for script in SCRIPTS:
        blocks = script.read_text(encoding="utf-8").split("\n# %%\n")
        made = [number for number, block in enumerate(blocks) if "plt.subplots(" in block or "plot_curve(" in block]
        later = "\n".join(blocks[made[0] + 1 :])
        assert len(made) == 1, script.name
        assert not any(word in later for word in ("axes.", "figure.", "left.", "right.", "panels")), script.name
