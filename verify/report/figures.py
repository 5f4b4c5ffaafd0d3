"""A campaign's figure: simulated points with error bars on theory lines, a column for each panel."""

from __future__ import annotations

import io
import math
import textwrap
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, SoftmaxAttention, Task
from hermite_eq.plotting import COLOURS
from hermite_eq.simulate import DiscreteMMSE, MonteCarlo, context_law
from verify.campaigns.campaign import Campaign, Error, Setting, error_name
from verify.campaigns.curves import Curve, Results, constant_error, is_head
from verify.claims.agreement import gains, is_gain, predicted_gains
from verify.claims.comparison import relative_gaps
from verify.store.files import write_bytes

Array = NDArray[np.float64]
#: Labels from which the error of a constant is estimated: to 1 %, as labels of variance v have (y − ȳ)² of relative scatter ≈ 2.
_LABELS = 40_000
_GREY, _PALE = "#444444", "#999999"
_PLAIN = FuncFormatter(lambda value, _: f"{value:.3g}")
#: Ticks within a decade.
_STEPS = (1, 1.5, 2, 3, 5, 7)
#: Changes beyond this share of equivalents, whose degree may be too high for d, are off the scale.
_FAR = 0.25
_MARKER = {1: "^", 2: "D", 3: "v", 4: "s", 5: "p"}
#: Letters in a line of a label.
_LABEL = 72
#: The line of equivalents, among the changes alone.
_DOTS = (0, (4, 1, 1, 1, 1, 1))


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


def constant_errors(campaign: Campaign, setting: Setting) -> Array:
    """Errors of the best constant, E y over the training mixture: in the test, then on each source."""
    if isinstance(setting.task, Task) and setting.task.isotropic:
        return np.array([constant_error(setting.task, setting.sizes.d)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        law = context_law(setting.task, setting.sizes)
    streams = np.random.SeedSequence(campaign.seed).spawn(4)
    tasks = np.arange(_LABELS)
    contexts = law.draw(law.tasks(_LABELS, np.random.default_rng(streams[0])), tasks, streams[1])
    tested = law.draw(law.fresh_tasks(_LABELS, np.random.default_rng(streams[2])), tasks, streams[3])
    squares = (tested.y - contexts.y.mean()) ** 2
    means = np.array([squares[tested.source == s].mean() for s in range(len(law.sources))])
    return np.array([np.dot(law.test_weights, means), *means])


def _look(curve: Curve) -> tuple[str, dict[str, Any]]:
    """What kind of curve it is, and how that is drawn: line and marker say what is trained, the colour which family, λ or activation."""
    model = curve.model
    if isinstance(model, DiscreteMMSE):
        return str(model), {"ls": "none", "marker": "s", "mfc": "none"}
    if isinstance(model, LinearTransformer):
        return str(model), {"ls": "-", "marker": "+"} if model.intercept else {"ls": "--", "marker": "x"}
    if curve.degree is not None:
        return f"equivalent, degree {curve.degree}", {"ls": _DOTS, "marker": _MARKER[curve.degree], "mfc": "none"}
    if not isinstance(model, OneStepTransformer):
        return ("head, h normalised", {"ls": "--", "marker": "d"}) if model.normalise else ("head", {"ls": "-", "marker": "o"})
    if "no step" in curve.name:
        return "no step", {"ls": "--", "marker": "."}
    if model.rank_one:
        return "F + ηuvᵀ in place of the step", {"ls": ":", "marker": "x"}
    stepped = any("no step" in name for name in curve.settings[0].models)
    return "with the gradient step" if stepped else "head", {"ls": "-", "marker": "o"}


def _ridges(curves: Sequence[Curve]) -> list[float]:
    """Every λ, if a model comes with several."""
    trained = [curve.model for curve in curves if not isinstance(curve.model, DiscreteMMSE)]
    return sorted({model.ridge for model in trained}) if len({str(model) for model in trained}) < len(trained) else []


def _names(curves: Sequence[Curve]) -> list[tuple[Curve, str]]:
    """What is drawn, and what the colour of each says; of several families the heads alone, where there are heads."""
    panel = curves[0].panel
    if len(panel.families) > 1:
        heads = [curve for curve in curves if is_head(curve) or curve.degree is not None]
        return [(curve, curve.family.legend(panel.axis)) for curve in heads or curves]
    if _ridges(curves):
        return [(curve, f"λ = {curve.model.ridge:g}") for curve in curves if not isinstance(curve.model, DiscreteMMSE)]
    return [(curve, curve.head) for curve in curves]


def _colours(curves: Sequence[Curve]) -> list[tuple[Curve, str, str]]:
    """Curve, colour and what it says."""
    names = _names(curves)
    table = dict(zip(dict.fromkeys(name for _, name in names), [*COLOURS, *COLOURS], strict=False))
    return [(curve, table[name], name) for curve, name in names]


def _points(axes: Axes, curve: Curve, runs: Array, colour: str, look: dict[str, Any]) -> None:
    stderr = runs.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
    style = {name: value for name, value in look.items() if name != "ls"}
    axes.errorbar(curve.values, runs.mean(axis=0), stderr, color=colour, ms=4.5, capsize=2, elinewidth=1.1, ls="none", **style)


def _draw(axes: Axes, curves: Sequence[Curve], part: Error, d: int, constant: float | None) -> None:
    """An error of every curve, with the theory at this d."""
    shown: list[float] = []
    for curve, colour, _ in _colours(curves):
        _, look = _look(curve)
        if look["ls"] not in (_DOTS, "none"):
            values, points = curve.line(d)
            axes.plot(values, curve.predict(points).of(part), color=colour, lw=1.1, ls=look["ls"])
        if curve.panel.axis == "step" and "no step" in curve.name:
            # Its simulation is that of the head at η = 0.
            continue
        _points(axes, curve, curve.runs_of(part), colour, look)
        if curve.degree is None:
            # Equivalents may explode where d is too small for their degree: what is trained sets the scale.
            shown += curve.runs_of(part).mean(axis=0).tolist()
    if constant is not None:
        axes.axhline(constant, color=_PALE, ls="-.", lw=0.9)
        shown += [constant] * (constant < 2 * max(shown))
    low, high = min(shown), max(shown)
    if low > 0:
        if high > 4 * low:
            axes.set_yscale("log")
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 3) if high > 10 * low else _STEPS))
        axes.set_ylim(0.85 * low, 1.25 * high)
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(_PLAIN)
    _abscissa(axes, curves[0])


def _abscissa(axes: Axes, curve: Curve) -> None:
    if curve.panel.axis in ("samples", "context", "hidden", "tasks"):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(list(curve.panel.values)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(_PLAIN)
    axes.tick_params(axis="x", labelsize=8, labelrotation=45 if len(curve.panel.values) > 8 else 0)


def _changes(curves: Sequence[Curve]) -> list[tuple[Curve, Array, Array]]:
    """Along η the gain by the step, else what is not the head beside it: run by run and in theory."""
    changes = []
    for curve in curves:
        if is_gain(curve):
            changes.append((curve, gains(curve), predicted_gains(curve)))
        elif curve.panel.axis != "step" and (curve.degree is not None or curve.name.endswith(("no step", "rank one"))):
            for head in curves:
                alone = is_head(head) and not head.name.endswith(("no step", "rank one"))
                if alone and (head.head, head.family) == (curve.head, curve.family) and _twins(head, curve):
                    changes.append((curve, relative_gaps(curve, head), curve.theory("icl") / head.theory("icl") - 1))
    return changes


def _twins(first: Curve, second: Curve) -> bool:
    """Whether two heads have one λ, and both see h as it is or of one length."""
    return all(getattr(first.model, name, None) == getattr(second.model, name, None) for name in ("ridge", "normalise"))


def _draw_changes(axes: Axes, curves: Sequence[Curve]) -> None:
    colours = {id(curve): colour for curve, colour, _ in _colours(curves)}
    extent = [0.0]
    for curve, runs, expected in _changes(curves):
        (_, look), colour = _look(curve), colours[id(curve)]
        axes.plot(curve.values, expected, color=colour, lw=1.1, ls=look["ls"])
        _points(axes, curve, runs, colour, look)
        shown = [value for value in (*runs.mean(axis=0), *expected) if math.isfinite(value)]
        extent += [value for value in shown if abs(value) <= _FAR or curve.degree is None]
    axes.axhline(0.0, color=_PALE, lw=0.6)
    room = 0.15 * (max(extent) - min(extent)) + 0.005
    axes.set_ylim(min(extent) - room, max(extent) + room)
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    _abscissa(axes, curves[0])


def figure(campaign: Campaign, results: Results, path: Path, others: Sequence[Results] = ()) -> Path:
    """Errors against each panel's axis, on each source where every task has two, and below what is compared.

    Lines are the theory at this d, or at those the campaign says; error bars are one standard error. Along η the last row is the gain by
    the step; elsewhere the head without the step, that with F + ηuvᵀ, and equivalents, each beside the head. The ``others``, at other d,
    are shown where the figure is one of several d. ``path`` has no suffix.
    """
    if campaign.theory_at:
        return save(_across(campaign, [results, *others]), path)
    if all(len(panel.values) == 1 for panel in campaign.panels):
        return save(_one_by_one(campaign, results), path)
    columns = [results.of_panel(index) for index in range(len(campaign.panels))]
    by_source = all(curve.source_runs.shape[2] == 2 for curve in results.curves.values())
    shown: list[list[Error]] = [[*panel.errors, *((0, 1) if by_source else ())] for panel in campaign.panels]
    changed = [bool(_changes(curves)) for curves in columns]
    rows = max(len(errors) + change for errors, change in zip(shown, changed, strict=True))
    size = (1.5 + 4.2 * len(columns), 0.9 + 3.2 * rows)
    drawing, grid = plt.subplots(rows, len(columns), figsize=size, layout="constrained", squeeze=False)
    for curves, errors, change, axes in zip(columns, shown, changed, grid.T, strict=True):
        panel, used = curves[0].panel, len(errors) + change
        # The settings of one panel have the same labels but for what varies: the best constant is drawn where nothing does.
        plain = len(panel.families) == 1 and panel.axis != "noise" and not isinstance(curves[0].task, SoftmaxAttention)
        constants = constant_errors(campaign, curves[0].settings[0]) if plain else None
        for place, error in zip(axes, errors, strict=False):
            level = None
            if constants is not None and error in ("icl", 0, 1):
                level = float(constants[1 + error if isinstance(error, int) else 0])
            _draw(place, curves, error, results.d, level)
            place.set_ylabel(f"{error_name(error)} error" if error in ("icl", "idg") else error_name(error))
        if change:
            _draw_changes(axes[used - 1], curves)
            axes[used - 1].set_ylabel("e(η)/e(0) − 1" if panel.axis == "step" else "e/e(head) − 1")
        axes[used - 1].set_xlabel(curves[0].family.abscissa(panel.axis))
        for unused in axes[used:]:
            unused.set_axis_off()
        axes[0].set_title(_title(curves), fontsize=10)
        colours = {name: colour for _, colour, name in _colours(curves)}
        handles = [Line2D([], [], color=colour, marker="o", ms=4.5, label=name) for name, colour in colours.items()]
        axes[0].legend(handles=handles, fontsize=7.5, frameon=False)
    kinds = dict(_look(curve) for curves in columns for curve, _, _ in _colours(curves))
    handles = [Line2D([], [], color=_GREY, ms=4.5, lw=1.1, label=kind, **look) for kind, look in kinds.items()]
    handles.append(Line2D([], [], color=_PALE, ls="-.", lw=0.9, label="best constant"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 2 * len(columns)), fontsize=8, frameon=False)
    drawing.suptitle(f"{campaign.figure}: simulated at d = {results.d}, {results.runs} runs; lines: theory at this d", fontsize=11)
    return save(drawing, path)


def _one_by_one(campaign: Campaign, results: Results) -> Figure:
    """Panels of one point each, a line for each error: how far it is from the theory, or an equivalent from its head."""
    gaps = {
        f"{results.subject(key)}: {error_name(error)}": curve.runs_of(error) / curve.scale(error) - 1
        for key, curve in results.curves.items()
        for error in curve.panel.errors
    }
    if not gaps:
        places = {id(curve): results.subject(key) for key, curve in results.curves.items()}
        gaps = {places[id(curve)]: runs for index in range(len(campaign.panels)) for curve, runs, _ in _changes(results.of_panel(index))}
    labels = [textwrap.fill(name, _LABEL) for name in gaps]
    lines = np.array([1 + label.count("\n") for label in labels])
    rows = lines / 2 - np.cumsum(lines)
    drawing, axes = plt.subplots(figsize=(10.0, 1.2 + 0.15 * float(lines.sum())), layout=ConstrainedLayoutEngine(w_pad=0.15))
    means = [MonteCarlo.from_runs(runs[:, 0]) for runs in gaps.values()]
    axes.errorbar([mean.mean for mean in means], rows, xerr=[mean.stderr for mean in means], fmt="o", ms=4, capsize=2, color=COLOURS[0])
    axes.axvline(0.0, color=_PALE, lw=0.6)
    axes.set_yticks(rows, labels, fontsize=7)
    axes.set_ylim(-lines.sum() - 0.5, 0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.set_xlabel("simulation/theory − 1" if any(panel.errors for panel in campaign.panels) else "e/e(head) − 1")
    drawing.suptitle(f"{campaign.figure}: simulated at d = {results.d}, {results.runs} runs", fontsize=11)
    return drawing


def _title(curves: Sequence[Curve]) -> str:
    """The task, or what structure the sources have."""
    task = curves[0].task
    if not isinstance(task, Task) or task.isotropic:
        return str(task)
    parts = [curve.family.where(curve.panel.axis, curve.name) for curve in curves]
    return ", ".join(dict.fromkeys(part[1] for part in parts if part[1])) if len(parts[0]) > 2 else ""


def _across(campaign: Campaign, stored: Sequence[Results]) -> Figure:
    """A subplot for each model: theory at several d, and simulations at those of them which are stored."""
    curves = list(stored[0].curves.values())
    drawing, grid = plt.subplots(1, len(curves), figsize=(2.2 + 4.6 * len(curves), 4.4), layout="constrained", squeeze=False, sharey=True)
    simulated = {results.d: results for results in stored}
    for axes, (key, curve) in zip(grid[0], stored[0].curves.items(), strict=True):
        for i, d in enumerate(campaign.theory_at):
            colour = "#000000" if d == math.inf else COLOURS[i % len(COLOURS)]
            values, points = curve.line(d)
            axes.plot(
                values,
                curve.predict(points).icl,
                color=colour,
                ls=":" if d == math.inf else "-",
                lw=1.2,
                label="theory, d = ∞" if d == math.inf else f"theory, d = {d:g}",
            )
            if d in simulated:
                drawn = simulated[int(d)].curves[key]
                _points(axes, drawn, drawn.icl_runs, colour, {"marker": "o", "label": f"simulation, d = {d:g}, {drawn.runs} runs"})
        _abscissa(axes, curve)
        axes.set(title=str(curve.model), xlabel=curve.family.abscissa(curve.panel.axis), ylabel="ICL error", yscale="log")
        axes.yaxis.set_major_formatter(_PLAIN)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=_STEPS))
        axes.label_outer()
    drawing.legend(*grid[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    drawing.suptitle(f"{campaign.figure}: {curves[0].task}", fontsize=11)
    return drawing
