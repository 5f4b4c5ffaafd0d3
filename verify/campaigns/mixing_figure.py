"""The picture of a campaign of [DM]: a column for each panel, and below the test mixture each source by itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator
from numpy.typing import NDArray

from hermite_eq.plotting import COLOURS
from hermite_eq.simulate import context_law
from verify.campaigns.mixing import AXIS_LABEL, MixingCampaign, MixingCurve, MixingPanel
from verify.campaigns.mixing_theory import theory
from verify.figures import save

Array = NDArray[np.float64]
Curves = Mapping[tuple[int, int, str], MixingCurve]
#: Labels from which the error of a constant is estimated: to 1 %, as labels of variance v have (y − ȳ)² of relative scatter ≈ 2.
_LABELS = 40_000
_GREY = "#444444"


def constant_errors(campaign: MixingCampaign, d: int, panel: int, family: int) -> Array:
    """Errors of the best constant, E y over the training mixture: in the test, then on each source, at the setting of a family."""
    mixing = campaign.panels[panel].families[family][1]
    law = context_law(mixing.task(d), mixing.sizes(d))
    streams = np.random.SeedSequence(campaign.seed).spawn(4)
    each = np.arange(_LABELS)
    seen = law.draw(law.tasks(_LABELS, np.random.default_rng(streams[0])), each, streams[1])
    tested = law.draw(law.fresh_tasks(_LABELS, np.random.default_rng(streams[2])), each, streams[3])
    squares = (tested.y - seen.y.mean()) ** 2
    means = np.array([squares[tested.source == s].mean() for s in range(len(law.sources))])
    return np.array([np.dot(law.test_weights, means), *means])


def _look(name: str) -> dict[str, Any]:
    """Line and marker, which say what is trained: with the step, without, its rank-one part, or the equivalent."""
    if "p =" in name:
        return {"ls": "none", "marker": "s", "mfc": "none"}
    if "no step" in name:
        return {"ls": "--", "marker": "."}
    return {"ls": ":", "marker": "x"} if "rank one" in name else {"ls": "-", "marker": "o"}


def _what(name: str) -> str:
    kind = name.partition(", ")[2]
    if "p =" in kind:
        return f"equivalent, {kind}"
    return {"": "with the gradient step", "rank one": "F + ηuvᵀ in place of the step", "no step": "no step (line: theory)"}[kind]


def _colours(panel: MixingPanel) -> dict[str, str]:
    """A colour for each model of a single family; of several families one for each, which show the heads alone."""
    names = [legend for legend, _ in panel.families] if len(panel.families) > 1 else [*panel.activations, "linear", "linear + intercept"]
    return dict(zip(names, COLOURS, strict=False))


def _colour(panel: MixingPanel, curve: MixingCurve) -> str | None:
    head = curve.name.split(",")[0]
    if len(panel.families) == 1:
        return _colours(panel)[head]
    return _colours(panel)[curve.family] if head in panel.activations else None


def _scale(axes: Axes, panel: MixingPanel, shown: Array) -> None:
    """Errors of several sizes on a logarithmic axis; marks at the values simulated where sizes are on the other axis."""
    ratio = shown.max() / shown.min()
    if ratio > 4:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3) if ratio > 10 else (1, 1.5, 2, 3, 5, 7)))
    axes.set_ylim(0.85 * shown.min(), 1.2 * shown.max())
    if panel.axis in ("samples", "context", "hidden"):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(panel.values)))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    axes.tick_params(axis="x", labelsize=8)


def _errors(curve: MixingCurve, row: int) -> Array:
    return curve.icl_runs if row == 0 else curve.source_runs[:, :, row - 1]


def _draw(axes: Axes, panel: MixingPanel, curves: list[MixingCurve], row: int, d: int, constant: float | None) -> None:
    drawn = [(curve, colour) for curve in curves if (colour := _colour(panel, curve)) is not None]
    for curve, colour in drawn:
        runs, look = _errors(curve, row), _look(curve.name)
        expected = theory(panel, dict(panel.families)[curve.family], curve.name, d)
        if expected is not None:
            line = expected.icl if row == 0 else expected.by_source[:, row - 1]
            axes.plot(curve.values, line, color=colour, lw=1.1, ls=look["ls"])
            look["ls"] = "none"
        stderr = runs.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
        axes.errorbar(curve.values, runs.mean(axis=0), stderr, color=colour, ms=4.5, capsize=2, elinewidth=1.1, lw=0.7, **look)
    # Equivalents may explode where d is too small for their degree: what is trained sets the scale.
    shown = np.concatenate([_errors(curve, row).mean(axis=0) for curve, _ in drawn if "p =" not in curve.name])
    if constant is not None:
        axes.axhline(constant, color="#999999", ls="-.", lw=0.9)
        shown = np.append(shown, constant)
    _scale(axes, panel, shown)


def figure(campaign: MixingCampaign, found: Curves, d: int, path: Path) -> Path:
    """Errors against each panel's axis; error bars are one standard error. Sources have rows where every family has two.

    Lines of linear Transformers, and of heads without a step, are the theory at this d; other lines join the simulations.
    """
    panels = campaign.panels
    by_source = all(curve.source_runs.shape[2] == 2 for curve in found.values())
    rows = ["ICL error", "on source 0", "on source 1"] if by_source else ["ICL error"]
    size = (1.5 + 4.2 * len(panels), 0.9 + 3.2 * len(rows))
    drawing, grid = plt.subplots(len(rows), len(panels), figsize=size, layout="constrained", squeeze=False)
    for index, panel in enumerate(panels):
        curves = [curve for (i, _, _), curve in found.items() if i == index]
        # The settings of one panel have the same labels but for what varies: its best constant is drawn where nothing does.
        constants = constant_errors(campaign, d, index, 0) if len(panel.families) == 1 else None
        for row, title in enumerate(rows):
            axes = grid[row, index]
            _draw(axes, panel, curves, row, d, None if constants is None else float(constants[row]))
            axes.set_xlabel(AXIS_LABEL[panel.axis] if row == len(rows) - 1 else "")
            axes.set_ylabel(title if index == 0 else "")
        if panel.axis == "step":
            grid[0, index].set_title(", ".join(dict.fromkeys(mixing.structure for _, mixing in panel.families)), fontsize=10)
        colours = [Line2D([], [], color=colour, marker="o", ms=4.5, label=name) for name, colour in _colours(panel).items()]
        grid[0, index].legend(handles=colours, fontsize=7.5, frameon=False)
    kinds = {_what(name): _look(name) for _, _, name in found if name.split(",")[0] in panels[0].activations}
    handles = [Line2D([], [], color=_GREY, ms=4.5, lw=1.1, label=what, **look) for what, look in kinds.items()]
    if any(len(panel.families) == 1 for panel in panels):
        handles.append(Line2D([], [], color="#999999", ls="-.", lw=0.9, label="best constant"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    drawing.suptitle(f"{campaign.figure}, d = {d}", fontsize=11)
    return save(drawing, path)
