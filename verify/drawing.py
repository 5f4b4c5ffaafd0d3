"""What all figures of the evidence share: files with the same bytes for the same numbers, and panels that can be read at page width."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from hermite_eq.plotting.style import PAGE_WIDTH, plain_ticks
from verify.store.files import write_bytes


def panels(rows: int, columns: int, height: float = 3.0, **keywords: Any) -> tuple[Figure, NDArray[Any]]:
    """A figure of page width at most, of panels of this height below a title; one of few columns is narrower."""
    size = (min(PAGE_WIDTH, 1.2 + 4.4 * columns), 0.6 + height * rows)
    drawing, grid = plt.subplots(rows, columns, figsize=size, layout="constrained", squeeze=False, **keywords)
    return drawing, np.asarray(grid)


def ticked(axes: Axes, x: Iterable[float], y: Iterable[float]) -> None:
    """Ticks at these places, written as numbers."""
    plain_ticks(axes.xaxis, x)
    plain_ticks(axes.yaxis, y)


def headline(figure: Figure, *lines: str) -> None:
    """A title over all panels, each line broken at the width of the figure."""
    letters = int(72 * figure.get_figwidth() / 5.6)
    figure.suptitle("\n".join(part for line in lines if line for part in textwrap.wrap(line, letters)), fontsize=10)


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as SVG and PNG, and close it; returns the path of the SVG."""
    vector, pixels = io.BytesIO(), io.BytesIO()
    # No date in the file: the same numbers give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "hermite_eq"}):
        figure.savefig(vector, format="svg", metadata={"Date": None})
    # Both have one layout.
    figure.set_layout_engine("none")
    figure.savefig(pixels, format="png", dpi=130)
    plt.close(figure)
    write_bytes(path.with_suffix(".svg"), vector.getvalue())
    write_bytes(path.with_suffix(".png"), pixels.getvalue())
    return path.with_suffix(".svg")


def png(figure: Figure) -> bytes:
    """The picture alone, closed."""
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=130, metadata={"Software": None})
    plt.close(figure)
    return out.getvalue()
