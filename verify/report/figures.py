"""A campaign's figure: simulated points with error bars on theory lines, a column for each panel."""

from __future__ import annotations

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
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, NullLocator, PercentFormatter
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, SoftmaxAttention, Task
from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.facts import facts, in_words
from hermite_eq.plotting.style import GREY, KINDS, PAGE_WIDTH, PALE, Abscissa, entitle, paired_legend
from hermite_eq.simulate import DiscreteMMSE, MonteCarlo, context_law
from verify.campaigns.campaign import Campaign, Error, Setting, error_name
from verify.campaigns.curves import Curve, Results, constant_error, is_head
from verify.claims.agreement import gains, is_gain, predicted_gains
from verify.claims.comparison import relative_gaps
from verify.drawing import headline, panels, save

Array = NDArray[np.float64]
#: Labels from which the error of a constant is estimated: to 1 %, as labels of variance v have (y − ȳ)² of relative scatter ≈ 2.
_LABELS = 40_000
_PLAIN = FuncFormatter(lambda value, _: f"{value:.3g}")
#: Ticks within a decade.
_STEPS = (1, 1.5, 2, 3, 5, 7)
#: Changes beyond this share of equivalents, whose degree may be too high for d, are off the scale.
_FAR = 0.25
_MARKER = {1: "^", 2: "D", 3: "v", 4: "s", 5: "p"}
#: Letters in a line of a label.
_LABEL = 66
#: Panels beside each other.
_BESIDE = 3
#: What varies along an axis of a campaign, in the words of the library.
_ABSCISSA: dict[str, Abscissa] = {
    "samples": "tau", "context": "alpha", "tasks": "kappa", "hidden": "mu/tau", "noise": "noise", "share": "weights"
}  # fmt: skip
#: The line of equivalents, among the changes alone.
_DOTS = (0, (4, 1, 1, 1, 1, 1))


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
        parts = {id(family): family.legend(panel.axis).split(", ") for family in panel.families}
        # What all of them have is in the title.
        own = {name: [part for part in listed if not all(part in other for other in parts.values())] for name, listed in parts.items()}
        return [(curve, ", ".join(own[id(curve.family)]) or curve.family.legend(panel.axis)) for curve in heads or curves]
    if _ridges(curves):
        return [(curve, f"λ = {curve.model.ridge:g}") for curve in curves if not isinstance(curve.model, DiscreteMMSE)]
    return [(curve, curve.head) for curve in curves]


def _colours(curves: Sequence[Curve]) -> list[tuple[Curve, str, str]]:
    """Curve, colour and what it says."""
    names = _names(curves)
    table = dict(zip(dict.fromkeys(name for _, name in names), [*COLOURS, *COLOURS], strict=False))
    return [(curve, table[name], name) for curve, name in names]


def _points(axes: Axes, curve: Curve, runs: Array, colour: str, look: dict[str, Any]) -> ErrorbarContainer:
    stderr = runs.std(axis=0, ddof=min(1, len(runs) - 1)) / np.sqrt(len(runs))
    style = {name: value for name, value in look.items() if name != "ls"}
    return axes.errorbar(curve.values, runs.mean(axis=0), stderr, color=colour, ms=4.5, capsize=2, elinewidth=1.1, ls="none", **style)


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
        axes.axhline(constant, color=PALE, ls="-.", lw=0.9)
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


def _apart(values: Sequence[float]) -> list[float]:
    """Those of which the numbers do not overlap under a logarithmic axis."""
    kept = [min(values)]
    room = 0.085 * math.log(max(values) / min(values))
    for value in sorted(values):
        if math.log(value / kept[-1]) > room:
            kept.append(value)
    return kept


def _abscissa(axes: Axes, curve: Curve) -> None:
    if curve.panel.axis in ("samples", "context", "hidden", "tasks"):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(_apart(curve.panel.values)))
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
    axes.axhline(0.0, color=PALE, lw=0.6)
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
    # More than three panels are half as many beside each other, in two blocks.
    beside = len(columns) if len(columns) <= _BESIDE else -(-len(columns) // 2)
    blocks = -(-len(columns) // beside)
    drawing, grid = panels(blocks * rows, beside, height=2.7 if blocks * rows > 1 else 3.4)
    statements = [same_along(curves) for curves in columns]
    same = [fact for fact in statements[0] if all(fact in panel for panel in statements)]
    best_drawn = False
    for index, (curves, errors, change) in enumerate(zip(columns, shown, changed, strict=True)):
        block, column = divmod(index, beside)
        axes, panel, used = grid[block * rows : (block + 1) * rows, column], curves[0].panel, len(errors) + change
        # The settings of one panel have the same labels but for what varies: the best constant is drawn where nothing does.
        plain = len(panel.families) == 1 and panel.axis != "noise" and not isinstance(curves[0].task, SoftmaxAttention)
        constants = constant_errors(campaign, curves[0].settings[0]) if plain else None
        for place, error in zip(axes, errors, strict=False):
            level = None
            if constants is not None and error in ("icl", 0, 1):
                level, best_drawn = float(constants[1 + error if isinstance(error, int) else 0]), True
            _draw(place, curves, error, results.d, level)
            place.set_ylabel(f"{error_name(error)} error" if error in ("icl", "idg") else error_name(error))
        if change:
            _draw_changes(axes[used - 1], curves)
            axes[used - 1].set_ylabel("e(η)/e(0) − 1" if panel.axis == "step" else "e/e(head) − 1")
        axes[used - 1].set_xlabel(curves[0].family.abscissa(panel.axis))
        for unused in axes[used:]:
            unused.set_axis_off()
        entitle(axes[0], [fact for fact in statements[index] if fact not in same])
        colours = {name: colour for _, colour, name in _colours(curves)}
        handles = [Line2D([], [], color=colour, marker="o", ms=4.5, label=name) for name, colour in colours.items()]
        axes[0].legend(handles=handles, fontsize=8, frameon=False)
    for unused in grid[-rows:, len(columns) - (blocks - 1) * beside :].flat:
        unused.set_axis_off()
    kinds = dict(_look(curve) for curves in columns for curve, _, _ in _colours(curves))
    handles = [Line2D([], [], color=GREY, ms=4.5, lw=1.1, label=kind, **look) for kind, look in kinds.items()]
    if best_drawn:
        handles.append(Line2D([], [], color=PALE, ls="-.", lw=0.9, label="best constant"))
    drawing.legend(handles=handles, loc="outside lower center", ncols=min(len(handles), 3 if beside > 1 else 2), fontsize=8, frameon=False)
    headline(drawing, f"{campaign.figure}: {results.runs} runs at d = {results.d} (markers), theory at this d (lines)", ", ".join(same))
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
    drawing, axes = plt.subplots(figsize=(PAGE_WIDTH, 1.2 + 0.15 * float(lines.sum())), layout=ConstrainedLayoutEngine(w_pad=0.15))
    means = [MonteCarlo.from_runs(runs[:, 0]) for runs in gaps.values()]
    axes.errorbar([mean.mean for mean in means], rows, xerr=[mean.stderr for mean in means], fmt="o", ms=4, capsize=2, color=COLOURS[0])
    axes.axvline(0.0, color=PALE, lw=0.6)
    axes.set_yticks(rows, labels, fontsize=7.5)
    axes.set_ylim(-lines.sum() - 0.5, 0.5)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=None))
    axes.set_xlabel("simulation/theory − 1" if any(panel.errors for panel in campaign.panels) else "e/e(head) − 1")
    constants = [same_along(results.of_panel(index)) for index in range(len(campaign.panels))]
    same = [fact for fact in constants[0] if all(fact in panel for panel in constants)]
    headline(drawing, f"{campaign.figure}: {results.runs} runs at d = {results.d}", ", ".join(same))
    return drawing


def same_along(curves: Sequence[Curve]) -> list[str]:
    """What structure the sources have, and what is the same for all curves of a panel: λ, ratios, target and noise."""
    axis = curves[0].panel.axis
    described = [facts([setting.point(curve.name) for setting in curve.settings], _ABSCISSA.get(axis)) for curve in curves]
    values = {name: {words[name] for words in described if name in words} - {""} for name in ("λ", "α", "κ", "τ", "μ")}
    if axis == "hidden" or not any(hasattr(curve.model, "normalise") for curve in curves):
        del values["μ"]
    # A curve along which something varies has no number of it.
    ridged = [words for curve, words in zip(curves, described, strict=True) if hasattr(curve.model, "ridge")]
    for name in list(values):
        if not all(words.get(name, "-") for words in (ridged if name == "λ" else described)):
            del values[name]
    places = [setting.task for curve in curves for setting in curve.settings]
    sources = [source for task in places if isinstance(task, Task) for source in task.sources]
    values["target"] = {str(source.target) for source in sources}
    values["ρ"] = {f"{source.noise:g}" for source in sources}
    common = {name: numbers.pop() for name, numbers in values.items() if len(numbers) == 1}
    parts = [curve.family.where(axis, curve.name) for curve in curves]
    structure = [part[1] for part in parts if len(part) > 2 and part[1] not in ("", axis)]
    if len({part[-1] for part in parts}) == 1 and len(parts[0]) > 2:
        structure.append(parts[0][-1])
    if any(not isinstance(task, Task) for task in places):
        structure = [str(places[0])]
    return [*dict.fromkeys(filter(None, structure)), *in_words(common)]


def _across(campaign: Campaign, stored: Sequence[Results]) -> Figure:
    """A subplot for each model: theory at several d, and simulations at those of them which are stored."""
    curves = list(stored[0].curves.values())
    drawing, grid = panels(1, len(curves), height=4.4, sharey=True)
    simulated = {results.d: results for results in stored}
    for axes, (key, curve) in zip(grid[0], stored[0].curves.items(), strict=True):
        handles: list[Any] = []
        labels = []
        for i, d in enumerate(campaign.theory_at):
            colour = "#000000" if d == math.inf else COLOURS[i % len(COLOURS)]
            values, points = curve.line(d)
            handles += axes.plot(values, curve.predict(points).icl, color=colour, ls=":" if d == math.inf else "-", lw=1.2)
            label = "d = ∞" if d == math.inf else f"d = {d:g}"
            if d in simulated:
                drawn = simulated[int(d)].curves[key]
                label = f"{label}, {drawn.runs} runs"
                labels.append(label)
                handles.append(_points(axes, drawn, drawn.icl_runs, colour, {"marker": "o"}))
            labels.append(label)
        _abscissa(axes, curve)
        axes.set(title=str(curve.model), xlabel=curve.family.abscissa(curve.panel.axis), ylabel="ICL error", yscale="log")
        axes.yaxis.set_major_formatter(_PLAIN)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_locator(LogLocator(subs=_STEPS))
        axes.label_outer()
    paired_legend(grid[0][0], handles, labels, title=KINDS)
    headline(drawing, campaign.figure, ", ".join(same_along(curves)))
    return drawing
