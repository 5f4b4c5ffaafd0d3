"""What all figures share, those of ``verify`` included: labels, colours, titles, legends, ticks, and axes of their own."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from hermite_eq.arguments import instance

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.container import Container
    from matplotlib.figure import Figure
    from matplotlib.legend import Legend

Array = NDArray[np.float64]
#: Which error is drawn.
Error = Literal["icl", "idg", "g_task"]
#: What a curve may be drawn along.
Abscissa = Literal["alpha", "test_alpha", "kappa", "tau", "mu", "mu/tau", "d", "ridge", "noise", "weights", "test_weights"]
#: Okabe and Ito's palette, told apart by every kind of colour vision.
COLOURS = ("#D55E00", "#0072B2", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
#: Of what is beside the matter: thresholds, zero, the best constant.
GREY, PALE = "#555555", "#999999"
#: A line of theory, and dots of a simulation with one standard error.
LINE: Mapping[str, Any] = {"linewidth": 1.4}
DOTS: Mapping[str, Any] = {"linestyle": "none", "markersize": 5, "capsize": 2, "elinewidth": 1}
#: What a legend says where it has both.
KINDS = "lines: theory, markers: simulation"
#: The width of a figure in inches, at which letters of 8 points can be read where it is shown 800 pixels wide.
PAGE_WIDTH = 9.0
ERROR_LABEL: dict[str, str] = {"icl": "ICL error", "idg": "in-distribution error", "g_task": r"$g_\mathrm{task}$ = ICL − IDG"}
AXIS_LABEL: dict[Abscissa, str] = {
    "alpha": "context length α = ℓ/d",
    "test_alpha": "context length in the test, ℓ/d",
    "kappa": "task diversity κ = k/d",
    "tau": "training contexts τ = n/d²",
    "mu": "hidden units μ = m/d²",
    "mu/tau": "hidden units m/n",
    "d": "dimension d",
    "ridge": "ridge λ",
    "noise": "label noise ρ",
    "weights": "share of the first source in training",
    "test_weights": "share of the first source in the test",
}


def figure_axes(axes: Axes | None, height: float) -> Axes:
    """The axes given, or those of a new figure of this height."""
    import matplotlib.pyplot as plt
    from matplotlib.axes import Axes

    if axes is not None:
        return instance(axes, Axes, "axes are Matplotlib's", "pass matplotlib.pyplot.subplots()[1], or leave axes out")

    return plt.subplots(figsize=(6.2, height), layout="constrained")[1]


def entitle(axes: Axes, facts: Iterable[str]) -> None:
    """Write what is the same along all curves over the axes, in as many lines as it takes."""
    # A letter of 9 points is some 5 points wide; a fact is not broken where it fits into a line.
    letters = max(24, int(72 * axes.bbox.width / axes.figure.dpi / 5))
    text = ", ".join(fact.replace(" ", "\N{NO-BREAK SPACE}") if len(fact) < letters else fact for fact in facts)
    lines = textwrap.fill(text, letters, break_long_words=False, break_on_hyphens=False)
    axes.set_title(lines.replace("\N{NO-BREAK SPACE}", " "), fontsize=9)


def paired_legend(owner: Axes | Figure, handles: Sequence[Artist | Container], labels: Sequence[str], **keywords: Any) -> Legend | None:
    """A legend with one entry for each label: the line of a theory, and over it the marker of its simulation."""
    entries: dict[str, list[Any]] = {}
    for handle, label in zip(handles, labels, strict=True):
        if not label.startswith("_"):
            entries.setdefault(label, []).append(handle)
    if not entries:
        return None
    shown: Any = [drawn[0] if len(drawn) == 1 else tuple(drawn) for drawn in entries.values()]
    return owner.legend(shown, [*entries], **{"fontsize": 8, "title_fontsize": 8, "frameon": False} | keywords)


def plain_ticks(axis: Axis, places: Iterable[float] | None = None) -> None:
    """Ticks written as numbers, and none between them; at these places where some are given."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    if places is not None:
        axis.set_major_locator(FixedLocator(list(places)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
