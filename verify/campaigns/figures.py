"""A campaign's figure as in the paper: simulated points with error bars on theory lines."""

from __future__ import annotations

import itertools
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator

from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import AXIS_LABEL, Campaign, Error, Panel, label
from verify.campaigns.curves import Curve, Results, constant_error, theory_line
from verify.figures import COLOUR, MARKER, save

#: Okabe and Ito's palette again, for families of curves and for ridges.
_FAMILY = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_ERROR_LABEL: dict[Error, str] = {"icl": "ICL error", "idg": "in-distribution error", "g_task": "g$_{task}$ = ICL − IDG"}


def _style(panel: Panel, curve: Curve, family: int) -> tuple[str, str, bool]:
    """Colour, marker, and whether the curve has a theory line of its own (an equivalent has that of its head, but for O(1/d))."""
    model = curve.model
    sigma = model.activation if isinstance(model, RandomTransformer) else None
    if isinstance(model, DiscreteMMSE):
        return _FAMILY[family % len(_FAMILY)], "s", False
    ridges = sorted({other.ridge for other in panel.models if not isinstance(other, DiscreteMMSE)})
    if len(panel.families) > 1:
        colour = _FAMILY[family % len(_FAMILY)]
    elif len(ridges) > 1:
        colour = _FAMILY[ridges.index(model.ridge) % len(_FAMILY)]
    else:
        colour = COLOUR[sigma.source if isinstance(sigma, PolynomialActivation) else str(model)]
    if isinstance(sigma, PolynomialActivation):
        return colour, MARKER[sigma.degree], False
    if isinstance(model, LinearTransformer) and any(isinstance(other, RandomTransformer) for other in panel.models):
        return colour, "+" if model.intercept else "x", True
    return colour, "o", True


def _draw(axes: Axes, panel: Panel, error: Error, index: int, results: Results) -> None:
    low, high = np.inf, 0.0
    for (number, family, _), curve in results.curves.items():
        if number != index:
            continue
        colour, marker, line = _style(panel, curve, family)
        name = label(curve.model) if len(panel.families) == 1 else panel.caption(curve.family)
        if len(panel.families) > 1 and len(panel.models) > 1:
            name = f"{curve.model}, {name}"
        found = curve.simulated(error)
        shift = 1.0 if line else 1.02
        axes.errorbar(curve.values * shift, found.mean, found.stderr, fmt=marker, color=colour, mfc=colour if line else "none", ms=5,
                      capsize=2, lw=1, label=name)
        positive = found.mean[found.mean > 0]
        if len(positive):
            low, high = min(low, positive.min()), max(high, positive.max())
        if line:
            axes.plot(*theory_line(curve, error), "--" if marker == "x" else "-", color=colour, lw=1.2)
    if error == "icl":
        level = constant_error(panel.task, results.d)
        if level < 2 * high:
            axes.axhline(level, color="#999999", ls="-.", lw=0.9, label="best constant")
            low, high = min(low, level), max(high, level)
    axes.set(xscale="log", yscale="log", xlabel=AXIS_LABEL[panel.axis], ylabel=_ERROR_LABEL[error], title=str(panel.task))
    if high > 0:
        axes.set_ylim(0.85 * low, 1.4 * high)
    ticks = [panel.values[0]]
    ticks += [value for i, value in enumerate(panel.values[1:]) if value > 1.19 * panel.values[i]]
    axes.set_xticks(ticks, [f"{value:g}" for value in ticks], fontsize=8)
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
    if panel.axis in ("samples", "hidden"):
        axes.axvline(1.0, color="#bbbbbb", lw=0.8, zorder=0)
    if len(panel.models) > 6:
        axes.legend(fontsize=7, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
    else:
        axes.legend(fontsize=7, frameon=False)


def figure(campaign: Campaign, results: Results, path: Path) -> Path:
    """All subplots side by side; lines are the theory at this d, error bars one standard error."""
    shown = [(index, panel, error) for index, panel in enumerate(campaign.panels) for error in panel.errors]
    drawing, panels = plt.subplots(1, len(shown), figsize=(3 + 5 * len(shown), 4.8), layout="constrained", squeeze=False)
    for axes, (index, panel, error) in zip(itertools.chain(*panels), shown, strict=True):
        _draw(axes, panel, error, index, results)
    drawing.suptitle(f"{campaign.figure}, d = {results.d}, {results.runs} runs")
    return save(drawing, path)
