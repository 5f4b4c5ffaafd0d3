"""A campaign's figure: simulated points with error bars on theory lines."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer
from hermite_eq.plotting import COLOURS, Abscissa, plot_curve
from hermite_eq.simulate import DiscreteMMSE
from hermite_eq.theory import TheoryCurve
from verify.campaigns.campaign import Axis, Campaign, Error, Panel, Predictor, label
from verify.campaigns.curves import Curve, Results, constant_error, theory_curve
from verify.figures import COLOUR, MARKER, by_identity, save

#: Inches of one subplot, alone and among others.
_WIDTH = (7.0, 5.0)
_ABSCISSA: dict[Axis, Abscissa] = {"samples": "tau", "hidden": "mu/tau", "context": "alpha", "tasks": "kappa"}


def _ridges(panel: Panel) -> list[float]:
    """Every λ, if a model comes with several."""
    trained = [model for model in panel.models if not isinstance(model, DiscreteMMSE)]
    return sorted({model.ridge for model in trained}) if len({str(model) for model in trained}) < len(trained) else []


def _marker(panel: Panel, model: Predictor) -> str:
    sigma = getattr(model, "activation", None)
    if isinstance(sigma, PolynomialActivation):
        return MARKER[sigma.degree]
    if isinstance(model, LinearTransformer) and any(isinstance(other, RandomTransformer) for other in panel.models):
        return "+" if model.intercept else "x"
    return "s" if isinstance(model, DiscreteMMSE) else "o"


def _colour(panel: Panel, model: Predictor, family: int) -> str:
    """That of the family, of λ, or of the model, whichever there are several of."""
    if len(panel.families) > 1 or isinstance(model, DiscreteMMSE):
        return COLOURS[family % len(COLOURS)]
    ridges = _ridges(panel)
    if ridges:
        return COLOURS[ridges.index(model.ridge) % len(COLOURS)]
    sigma = getattr(model, "activation", None)
    return COLOUR[sigma.source if isinstance(sigma, PolynomialActivation) else str(model)]


def _name(panel: Panel, curve: Curve) -> str:
    """What tells a curve from the others of its panel, and λ where it is not the same for all."""
    trained = {other.ridge for other in panel.models if not isinstance(other, DiscreteMMSE)}
    model = label(curve.model) if len(trained) > 1 else str(curve.model)
    if len(panel.families) == 1:
        return model
    return f"{model}, {panel.caption(curve.family)}" if len(panel.models) > 1 else panel.caption(curve.family)


def _legend(axes: Axes, panel: Panel) -> None:
    """In the picture, or beside it where it is long; for many models at many λ colours and markers by themselves."""
    handles, names = axes.get_legend_handles_labels()
    if len(names) > 12:
        handles = [handle for handle, name in zip(handles, names, strict=True) if isinstance(handle, Line2D)]
        handles += [Line2D([], [], color=COLOURS[i % len(COLOURS)], label=f"λ = {ridge:g}") for i, ridge in enumerate(_ridges(panel))]
        for name in dict.fromkeys(str(model) for model in panel.models):
            model = next(model for model in panel.models if str(model) == name)
            hollow = isinstance(getattr(model, "activation", None), PolynomialActivation)
            marker = _marker(panel, model)
            handles.append(Line2D([], [], color="#444444", linestyle="none", marker=marker, markersize=5,
                                  markerfacecolor="none" if hollow else "#444444", label=name))
    beside = {"loc": "center left", "bbox_to_anchor": (1.0, 0.5)} if len(names) > 6 else {}
    axes.legend(handles=handles, fontsize=8, frameon=False, **beside)


def _draw(axes: Axes, panel: Panel, error: Error, index: int, results: Results) -> None:
    styles: dict[int, dict[str, Any]] = {}
    drawn: list[Curve | TheoryCurve] = []
    for (number, family, _), curve in results.curves.items():
        if number != index:
            continue
        colour, marker = _colour(panel, curve.model, family), _marker(panel, curve.model)
        # An equivalent has the line of its head, but for O(1/d); of dMMSE there is no theory.
        line = marker in ("o", "x", "+")
        # Markers of equivalents stand a little to the right of those of their heads.
        styles[id(curve)] = {"color": colour, "marker": marker, "markerfacecolor": colour if line else "none", "label": _name(panel, curve),
                             "shift": 1.0 if line else 1.02}
        drawn.append(curve)
        theory = theory_curve(curve, results.d) if line else None
        if theory is not None:
            styles[id(theory)] = {"color": colour, "linestyle": "--" if marker == "x" else "-", "label": None, "linewidth": 1.2}
            drawn.append(theory)
    plot_curve(drawn, error, x=_ABSCISSA[panel.axis], axes=axes, style=by_identity(styles), legend=False)
    if error == "icl":
        level = constant_error(panel.task, results.d)
        if axes.get_ylim()[0] < level < axes.get_ylim()[1]:
            axes.axhline(level, color="#999999", ls="-.", lw=0.9, label="best constant")
    ridges = {model.ridge for model in panel.models if not isinstance(model, DiscreteMMSE)}
    axes.set_title(f"{panel.task}" + (f", λ = {ridges.pop():g}" if len(ridges) == 1 else ""), fontsize=10)
    _legend(axes, panel)


def figure(campaign: Campaign, results: Results, path: Path, others: Sequence[Results] = ()) -> Path:
    """All subplots side by side; error bars are one standard error, lines the theory at this d, or at those the campaign says.

    Parameters
    ----------
    campaign : Campaign
    results : Results
    path : Path
        Without its suffix.
    others : sequence of Results
        The same campaign at other d, shown where the figure is one of several d.
    """
    if campaign.theory_at:
        return save(_across(campaign, [results, *others]), path)
    shown = [(index, panel, error) for index, panel in enumerate(campaign.panels) for error in panel.errors]
    width = _WIDTH[len(shown) > 1] * len(shown) + 1
    drawing, panels = plt.subplots(1, len(shown), figsize=(width, 4.6), layout="constrained", squeeze=False)
    for axes, (index, panel, error) in zip(itertools.chain(*panels), shown, strict=True):
        _draw(axes, panel, error, index, results)
    drawing.suptitle(f"{campaign.figure}: simulated at d = {results.d}, {results.runs} runs; lines: theory at this d", fontsize=11)
    return save(drawing, path)


def _across(campaign: Campaign, stored: Sequence[Results]) -> Figure:
    """A subplot for each model: theory at several d, and simulations at those of them which are stored."""
    (panel,) = campaign.panels
    drawing, grid = plt.subplots(1, len(panel.models), figsize=(2.2 + 4.6 * len(panel.models), 4.4), layout="constrained", squeeze=False,
                                 sharey=True)
    colours = {d: "#000000" if d == math.inf else COLOURS[i % len(COLOURS)] for i, d in enumerate(campaign.theory_at)}
    for axes, model in zip(grid[0], panel.models, strict=True):
        styles: dict[int, dict[str, Any]] = {}
        drawn: list[Curve | TheoryCurve] = []
        simulated = {results.d: results for results in stored}
        for d, colour in colours.items():
            theory = theory_curve(next(iter(stored)).get(label(model)), d)
            if theory is not None:
                name = "theory, d = ∞" if d == math.inf else f"theory, d = {d:g}"
                styles[id(theory)] = {"color": colour, "linestyle": ":" if d == math.inf else "-", "label": name}
                drawn.append(theory)
            if d in simulated:
                curve = simulated[int(d)].get(label(model))
                styles[id(curve)] = {"color": colour, "marker": "o", "label": f"simulation, d = {d:g}, {curve.runs} runs"}
                drawn.append(curve)
        plot_curve(drawn, x=_ABSCISSA[panel.axis], axes=axes, style=by_identity(styles), legend=False)
        axes.set_title(str(model), fontsize=10)
        axes.label_outer()
    drawing.legend(*grid[0][0].get_legend_handles_labels(), loc="outside right center", fontsize=8, frameon=False)
    drawing.suptitle(f"{campaign.figure}: {panel.task}", fontsize=11)
    return drawing
