"""A quantity over a plane of two parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, overload

import numpy as np
from numpy.typing import ArrayLike

from hermite_eq.arguments import array, flag, text
from hermite_eq.errors import HypothesisError
from hermite_eq.plotting.style import AXIS_LABEL, ERROR_LABEL, entitle, figure_axes
from hermite_eq.theory import PhaseDiagram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_GREY = "#c8c8c8"


@overload
def plot_phase(x: PhaseDiagram, *, limits: tuple[float, float] | None = None, axes: Axes | None = None) -> Axes: ...
@overload
def plot_phase(
    x: ArrayLike,
    y: ArrayLike,
    values: ArrayLike,
    *,
    xlabel: str = "",
    ylabel: str = "",
    label: str = "",
    grey: str = "monotone",
    logarithmic: bool = True,
    limits: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes: ...
def plot_phase(
    x: PhaseDiagram | ArrayLike,
    y: ArrayLike | None = None,
    values: ArrayLike | None = None,
    *,
    xlabel: str = "",
    ylabel: str = "",
    label: str = "",
    grey: str = "monotone",
    logarithmic: bool = True,
    limits: tuple[float, float] | None = None,
    axes: Axes | None = None,
) -> Axes:
    """Draw a quantity over a plane of two parameters, grey where it does not exist.

    ``plot_phase(diagram)`` draws what :func:`hermite_eq.theory.phase_diagram` returns, grey where no finite context length is the best;
    ``plot_phase(x, y, values)`` any table.

    Parameters
    ----------
    x : PhaseDiagram or (columns,) array_like
    y : (rows,) array_like
        Like x increasing parameters, at the centres of the cells.
    values : (rows, columns) array_like
        As the minimiser α* of the ICL error; not finite where there is none, since the error is monotone.
    xlabel, ylabel, label : str
        What the axes and the colours stand for.
    grey : str
        What the grey region is, written into it.
    logarithmic : bool
        The scale of the colours; numbers that are not positive are then grey.
    limits : (float, float), optional
        Numbers beyond have the colour of the nearer end; by default there are none.
    axes : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    HypothesisError
        If the shapes do not fit, or the parameters do not increase.

    Examples
    --------
    >>> from hermite_eq.models import LinearTransformer
    >>> from hermite_eq.theory import phase_diagram
    >>> diagram = phase_diagram(LinearTransformer(0.0), "identity", kappa=[0.4, 0.8, 1.5], noise=[0.1, 0.5], tau=0.5)
    >>> plot_phase(diagram).get_ylabel()
    'label noise ρ'
    >>> axes = plot_phase([0.5, 1, 2], [0.1, 0.2], [[1, 2, np.inf], [2, 4, np.inf]], xlabel="κ", ylabel="ρ", label="α*")
    """
    if isinstance(x, PhaseDiagram):
        axes = plot_phase(
            x.kappa,
            x.noise,
            np.where(x.monotone, np.inf, x.alpha).T,
            xlabel=AXIS_LABEL["kappa"],
            ylabel="label noise ρ",
            label=f"α* of the {ERROR_LABEL[x.error]}",
            grey="no finite α*",
            limits=limits,
            axes=axes,
        )
        tested = "" if x.test_alpha is None else f"{x.test_alpha:g}"
        facts = {"λ": f"{x.model.ridge:g}", "τ": f"{x.tau:g}", "α in the test": tested, "target": str(x.target), "d": "∞"}
        entitle(axes, [str(x.model), *(f"{name} = {value}" for name, value in facts.items() if value)])
        return axes
    if y is None or values is None:
        raise HypothesisError("a table has x, y and values", "one of them missing", "pass plot_phase(x, y, values), or a PhaseDiagram")
    across, up, table = array(x, "x"), array(y, "y"), array(values, "values", nan=True)
    logarithmic = flag(logarithmic, "logarithmic")
    for name, words in (("xlabel", xlabel), ("ylabel", ylabel), ("label", label), ("grey", grey)):
        text(words, name)
    if limits is not None:
        ends = array(limits, "limits", dimensions=1)
        if len(ends) != 2 or not ends[0] < ends[1] or (logarithmic and ends[0] <= 0):
            raise HypothesisError(
                "limits are two increasing numbers, positive on a logarithmic scale", f"limits={limits!r}", "pass limits=(0.1, 10), say"
            )
        limits = float(ends[0]), float(ends[1])
    if across.ndim != 1 or up.ndim != 1 or table.shape != (up.size, across.size):
        raise HypothesisError(
            "values has a row for each y and a column for each x",
            f"shapes {table.shape}, y {up.shape}, x {across.shape}",
            "pass values[i, j] at (x[j], y[i])",
        )
    if np.any(np.diff(across) <= 0) or np.any(np.diff(up) <= 0):
        raise HypothesisError("x and y increase", "values that do not", "sort them, and the rows and columns with them")
    import matplotlib.pyplot as plt
    from matplotlib.colors import LogNorm, Normalize
    from matplotlib.patheffects import withStroke
    from scipy.ndimage import distance_transform_edt

    axes = figure_axes(axes, 4.6)
    shown = np.ma.masked_where(~np.isfinite(table) | ((table <= 0) & logarithmic), table)
    colours = plt.get_cmap("viridis").with_extremes(bad=_GREY)
    span = (float(shown.min()), float(shown.max())) if shown.count() else (1.0, 10.0)
    low, high = limits or span
    scale = (LogNorm if logarithmic else Normalize)(low, high)
    beyond = {(False, False): "neither", (True, False): "min", (False, True): "max", (True, True): "both"}[span[0] < low, span[1] > high]
    mesh = axes.pcolormesh(across, up, shown, cmap=colours, norm=scale, shading="nearest", rasterized=True)
    axes.set(xlabel=xlabel, ylabel=ylabel)
    axes.figure.colorbar(mesh, ax=axes, label=label, extend=beyond)
    absent = np.ma.getmaskarray(shown)
    if absent.any():
        # Where the region is widest: the cell that is farthest from every other, and from the border.
        row, column = np.unravel_index(np.argmax(distance_transform_edt(np.pad(absent, 1))[1:-1, 1:-1]), absent.shape)
        axes.text(
            across[column],
            up[row],
            grey,
            ha="center",
            va="center",
            fontsize=9,
            color="#333333",
            path_effects=[withStroke(linewidth=3, foreground=_GREY)],
        )
    return axes
