"""The picture of a campaign of [DM]: a column for each panel, and below the test mixture each source by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from hermite_eq.plotting import COLOURS
from hermite_eq.simulate import context_law
from verify.campaigns.mixing import AXIS_LABEL, MixingCampaign, MixingPanel
from verify.campaigns.mixing_agreement import gains, is_gain, predicted_gains, relative_gaps
from verify.campaigns.mixing_curves import Curves, MixingCurve
from verify.figures import save

Array = NDArray[np.float64]
#: Labels from which the error of a constant is estimated: to 1 %, as labels of variance v have (y − ȳ)² of relative scatter ≈ 2.
_LABELS = 40_000
_GREY = "#444444"
_PLAIN = FuncFormatter(lambda value, _: f"{value:.3g}")
#: Changes beyond this share of equivalents, whose degree may be too high for d, are off the scale.
_FAR = 0.25
#: The line of equivalents, in the last row alone.
_DOTS = (0, (4, 1, 1, 1, 1, 1))


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
        return {"ls": _DOTS, "marker": {"1": "^", "2": "D"}.get(name[-1], "s"), "mfc": "none"}
    if "no step" in name:
        return {"ls": "--", "marker": "."}
    return {"ls": ":", "marker": "x"} if "rank one" in name else {"ls": "-", "marker": "o"}


def _what(name: str, stepped: bool) -> str:
    kind = name.partition(", ")[2]
    if "p =" in kind:
        return f"equivalent, {kind}"
    head = "with the gradient step" if stepped else "the head, at rest"
    return {"": head, "rank one": "F + ηuvᵀ in place of the step", "no step": "no step"}[kind]


def _colours(panel: MixingPanel) -> dict[str, str]:
    """A colour for each model of a single family; of several families one for each, which show the heads alone."""
    names = [legend for legend, _ in panel.families] if len(panel.families) > 1 else [*panel.activations, "linear", "linear + intercept"]
    return dict(zip(names, COLOURS, strict=False))


def _colour(panel: MixingPanel, curve: MixingCurve) -> str | None:
    if len(panel.families) == 1:
        return _colours(panel)[curve.head]
    return _colours(panel)[curve.legend] if curve.head in panel.activations else None


def _scale(axes: Axes, panel: MixingPanel, shown: Array) -> None:
    """Errors of several sizes on a logarithmic axis."""
    ratio = shown.max() / shown.min()
    if ratio > 4:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 3) if ratio > 10 else (1, 1.5, 2, 3, 5, 7)))
    axes.set_ylim(0.85 * shown.min(), 1.25 * shown.max())
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(_PLAIN)
    _abscissa(axes, panel)


def _abscissa(axes: Axes, panel: MixingPanel) -> None:
    if panel.axis in ("samples", "context", "hidden"):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(panel.values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.tick_params(axis="x", labelsize=8)


def _draw(axes: Axes, panel: MixingPanel, curves: list[MixingCurve], source: int | None, constant: float | None) -> None:
    drawn = [(curve, colour) for curve in curves if (colour := _colour(panel, curve)) is not None]
    for curve, colour in drawn:
        runs, look = curve.runs(source), _look(curve.name)
        line = look.pop("ls")
        if line != _DOTS:
            axes.plot(curve.values, curve.predicted(source), color=colour, lw=1.1, ls=line)
        if panel.axis == "step" and "no step" in curve.name:
            # Its simulation is that of the head at η = 0.
            continue
        stderr = runs.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
        axes.errorbar(curve.values, runs.mean(axis=0), stderr, color=colour, ms=4.5, capsize=2, elinewidth=1.1, ls="none", **look)
    # Equivalents may explode where d is too small for their degree: what is trained sets the scale.
    shown = np.concatenate([curve.runs(source).mean(axis=0) for curve, _ in drawn if "p =" not in curve.name])
    if constant is not None:
        axes.axhline(constant, color="#999999", ls="-.", lw=0.9)
        shown = np.append(shown, constant)
    _scale(axes, panel, shown)


def _changes(panel: MixingPanel, curves: list[MixingCurve]) -> list[tuple[MixingCurve, Array, Array]]:
    """What the bottom row shows of curves, run by run and in theory: along η the gain by the step, else what is not the head beside it."""
    found = []
    for curve in curves:
        if is_gain(curve):
            found.append((curve, gains(curve), predicted_gains(curve)))
        elif panel.axis != "step" and curve.head in panel.activations and curve.name != curve.head:
            (head,) = (other for other in curves if (other.name, other.legend) == (curve.head, curve.legend))
            found.append((curve, relative_gaps(curve, head), curve.predicted() / head.predicted() - 1))
    return found


def _draw_changes(axes: Axes, panel: MixingPanel, curves: list[MixingCurve]) -> None:
    extent = [0.0]
    for curve, runs, expected in _changes(panel, curves):
        look, colour = _look(curve.name), _colour(panel, curve)
        mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
        axes.plot(curve.values, expected, color=colour, lw=1.1, ls=look.pop("ls"))
        axes.errorbar(curve.values, mean, stderr, color=colour, ms=4.5, capsize=2, elinewidth=1.1, ls="none", **look)
        extent += [value for value in (*mean, *expected) if abs(value) <= _FAR or "p =" not in curve.name]
    axes.axhline(0.0, color="#999999", lw=0.6)
    room = 0.15 * (max(extent) - min(extent)) + 0.005
    axes.set_ylim(min(extent) - room, max(extent) + room)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    _abscissa(axes, panel)


def _title(campaign: MixingCampaign, panel: MixingPanel) -> str:
    """The structure of the second source, and of several kinds of heads which they are; of a family by itself its name."""
    if panel.axis != "step":
        return panel.families[0][0] if len(panel.families) == 1 else ""
    structures = ", ".join(dict.fromkeys(mixing.structure for _, mixing in panel.families))
    if len({(each.activations, each.normalise) for each in campaign.panels}) == 1:
        return structures
    return ", ".join(panel.activations) + (", h normalised" if panel.normalise else "")


def figure(campaign: MixingCampaign, found: Curves, d: int, path: Path) -> Path:
    """Errors against each panel's axis, in the test and on each source where every family has two, and below what is compared.

    Lines are the theory at this d, error bars one standard error. Along η the last row is the gain by the step; elsewhere it holds the
    head without the step, that with F + ηuvᵀ, and the equivalent beside the head.
    """
    panels = campaign.panels
    by_source = all(curve.source_runs.shape[2] == 2 for curve in found.values())
    rows = ["ICL error", "on source 0", "on source 1"] if by_source else ["ICL error"]
    size = (1.5 + 4.2 * len(panels), 0.9 + 3.2 * (len(rows) + 1))
    drawing, grid = plt.subplots(len(rows) + 1, len(panels), figsize=size, layout="constrained", squeeze=False)
    for index, panel in enumerate(panels):
        curves = [curve for (i, _, _), curve in found.items() if i == index]
        # The settings of one panel have the same labels but for what varies: its best constant is drawn where nothing does.
        constants = constant_errors(campaign, d, index, 0) if len(panel.families) == 1 else None
        for row, title in enumerate(rows):
            axes = grid[row, index]
            _draw(axes, panel, curves, row - 1 if row else None, None if constants is None else float(constants[row]))
            axes.set_ylabel(title if index == 0 else "")
        _draw_changes(grid[-1, index], panel, curves)
        grid[-1, index].set_xlabel(AXIS_LABEL[panel.axis])
        if index == 0 or (panel.axis == "step") != (panels[index - 1].axis == "step"):
            grid[-1, index].set_ylabel("e(η)/e(0) − 1" if panel.axis == "step" else "e/e(head) − 1")
        grid[0, index].set_title(_title(campaign, panel), fontsize=10)
        colours = [Line2D([], [], color=colour, marker="o", ms=4.5, label=name) for name, colour in _colours(panel).items()]
        grid[0, index].legend(handles=colours, fontsize=7.5, frameon=False)
    stepped = any("no step" in name for _, _, name in found)
    kinds = {_what(name, stepped): _look(name) for _, _, name in found if name.split(",")[0] in panels[0].activations}
    handles = [Line2D([], [], color=_GREY, ms=4.5, lw=1.1, label=what, **look) for what, look in kinds.items()]
    if any(len(panel.families) == 1 for panel in panels):
        handles.append(Line2D([], [], color="#999999", ls="-.", lw=0.9, label="best constant"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=len(handles), fontsize=8, frameon=False)
    drawing.suptitle(f"{campaign.figure}, d = {d}", fontsize=11)
    return save(drawing, path)
