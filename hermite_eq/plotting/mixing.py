"""Errors against the share of one of two sources."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from hermite_eq.arguments import flag, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.plotting.style import COLOURS, ERROR_LABEL, LINE, entitle, figure_axes
from hermite_eq.theory import MixingCurve

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def plot_mixing(curves: MixingCurve | Sequence[MixingCurve], *, by_source: bool = False, axes: Axes | None = None) -> Axes:
    """Draw the ICL error against the share of the second of two sources, the best share as a dot.

    Parameters
    ----------
    curves : MixingCurve, or a sequence of them
        What :func:`hermite_eq.theory.mixing_curve` returns; the legend names the models, or their λ where they are of one kind.
    by_source : bool
        Whether to draw the error on each test source too, dashed and dotted.
    axes : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    HypothesisError
        If a curve is of other than two sources.

    Examples
    --------
    >>> import math
    >>> from hermite_eq.models import LinearTransformer, Sizes, Source, Task
    >>> from hermite_eq.theory import mixing_curve
    >>> task = Task(sources=[Source("relu", noise=0.01), Source("tanh", noise=0.1)])
    >>> sizes = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=1.5)
    >>> plot_mixing(mixing_curve(LinearTransformer(ridge=1.0), task, sizes)).get_xlabel()
    'training share of source 1'
    """
    listed = [curves] if isinstance(curves, MixingCurve) else sequence(curves, "curves")
    if not listed or any(not isinstance(curve, MixingCurve) or curve.weights.shape[1] != 2 for curve in listed):
        raise HypothesisError("what is drawn are curves over two sources", f"{len(listed)} curves", "pass what mixing_curve returns")
    by_source = flag(by_source, "by_source")
    axes = figure_axes(axes, 4.4)
    names = [str(curve.model) for curve in listed]
    for i, (curve, name) in enumerate(zip(listed, names, strict=True)):
        order = np.argsort(curve.weights[:, 1])
        share, colour = curve.weights[order, 1], COLOURS[i % len(COLOURS)]
        label = name if len(set(names)) == len(names) else f"{name}, λ = {curve.model.ridge:g}"
        axes.plot(share, curve.icl[order], color=colour, label=label, **LINE)
        axes.plot(curve.weights[curve.least, 1], curve.icl[curve.least], color=colour, marker="o", markersize=5, linestyle="none")
        if by_source:
            for s, dashes in enumerate(("--", ":")):
                column = curve.icl_by_source[order, s]
                axes.plot(share, column, color=colour, linewidth=1, linestyle=dashes, label=f"{label}, on source {s}")
    axes.set(xlabel="training share of source 1", ylabel=ERROR_LABEL["icl"], xlim=(0, 1))
    entitle(axes, _facts(listed))
    axes.legend(fontsize=8, frameon=False)
    return axes


def _facts(curves: Sequence[MixingCurve]) -> list[str]:
    """What is the same along all curves: the sources, sizes, and λ where it is one."""
    facts = []
    for curve in curves:
        ratios = curve.sizes.ratios
        sizes = {"α": ratios.alpha, "κ": ratios.kappa, "τ": ratios.tau, "μ": ratios.mu, "λ": curve.ridge[0]}
        kept = {name: value for name, value in sizes.items() if value is not None and (name != "λ" or len(set(curve.ridge)) == 1)}
        sources = [f"source {s}: {source}" for s, source in enumerate(curve.task.sources)]
        shown = [f"{name} = {value:.3g}".replace("inf", "∞") for name, value in kept.items()]
        facts.append([*sources, f"d = {curve.sizes.d}", *shown])
    return [fact for fact in facts[0] if all(fact in other for other in facts)]
