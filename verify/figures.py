"""The figures of the main job, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes
from hermite_eq.theory import icl_curve
from verify.equivalence import predicted_gap, relative_gap
from verify.pre_activations import Estimate, LawMoments
from verify.transformers import DEGREES, HEADS, RATIOS, RIDGE, Ladder, distinct_degree, equivalent

#: Okabe and Ito's palette: told apart by every kind of colour vision.
COLOUR = {"relu": "#D55E00", "tanh": "#0072B2", "linear": "#555555", "linear + intercept": "#009E73"}
MARKER = {1: "^", 2: "s", 3: "D", 4: "v"}


def save(figure: Figure, path: Path) -> Path:
    """Write the figure as SVG and PNG, and close it; returns the path of the SVG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # No date in the file: the same numbers give the same bytes.
    with matplotlib.rc_context({"svg.hashsalt": "hermite_eq"}):
        figure.savefig(path.with_suffix(".svg"), metadata={"Date": None})
    figure.savefig(path.with_suffix(".png"), dpi=150)
    plt.close(figure)
    return path.with_suffix(".svg")


def _theory_line(axes: Axes, model: LinearTransformer | RandomTransformer, ladder: Ladder, d: int, colour: str, style: str,
                 taus: np.ndarray, label: str | None) -> None:
    points = [Sizes.from_ratios(d, tau=float(tau), **RATIOS) for tau in taus]
    axes.plot(taus, icl_curve(model, ladder.task, points).icl, style, color=colour, lw=1.4, label=label)


def learning_curves(ladders: Mapping[str, Ladder], path: Path) -> Path:
    """ICL error against n/d², one panel for each target: theory lines, simulated dots with error bars."""
    figure, panels = plt.subplots(1, len(ladders), figsize=(11, 4.8), layout="constrained", sharey=False)
    for axes, (target, ladder) in zip(np.atleast_1d(panels), ladders.items(), strict=True):
        d = ladder.dimensions[-1]
        curves = ladder.curves[d]
        some = next(iter(curves.values()))
        tau = np.array([n / d**2 for n in some.values])
        fine = np.unique(np.concatenate([np.geomspace(tau[0], tau[-1], 60), np.linspace(0.8, 1.2, 25)]))
        for head in HEADS:
            model = RandomTransformer(head, RIDGE)
            _theory_line(axes, model, ladder, d, COLOUR[head], "-", fine, f"{head} head, theory at d = {d}")
            limit = icl_curve(model, ladder.task, [Ratios(tau=float(value), **RATIOS) for value in fine])
            axes.plot(fine, limit.icl, ":", color=COLOUR[head], lw=1.2, label=f"{head} head, limit d = ∞")
            shown = curves[str(model)].icl
            axes.errorbar(tau, shown.mean, shown.stderr, fmt="o", color=COLOUR[head], ms=5, capsize=2, label=f"{head} head, simulated")
            for degree in (r for r in DEGREES if distinct_degree(head, r) == r):
                other = curves[str(equivalent(head, degree))].icl
                axes.plot(tau * 1.03, other.mean, MARKER[degree], mfc="none", color=COLOUR[head], ms=5, alpha=0.8,
                          label=f"{head}, r = {degree} simulated")
        for intercept in (False, True):
            linear = LinearTransformer(RIDGE, intercept)
            colour = COLOUR[str(linear)]
            _theory_line(axes, linear, ladder, d, colour, "-", fine, f"{linear}, theory")
            shown = curves[str(linear)].icl
            axes.errorbar(tau, shown.mean, shown.stderr, fmt="x", color=colour, ms=5, capsize=2, label=f"{linear}, simulated")
        axes.axvline(RATIOS["mu"], color="#bbbbbb", lw=0.8, zorder=0)
        axes.text(RATIOS["mu"], 0.02, " n = m", transform=axes.get_xaxis_transform(), fontsize=8, color="#666666")
        shown_means = np.concatenate([curve.icl.mean for curve in curves.values()])
        axes.set(xscale="log", yscale="log", xlabel="n / d²", title=f"target {target}",
                 ylim=(0.85 * shown_means.min(), 1.6 * shown_means.max()))
        axes.set_xticks(tau, [f"{value:g}" for value in tau], fontsize=8)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.minorticks_off()
    np.atleast_1d(panels)[0].set_ylabel("ICL error")
    handles, labels = np.atleast_1d(panels)[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=7.5, frameon=False)
    return save(figure, path)


def equivalence_gaps(ladders: Mapping[str, Ladder], taus: Sequence[float], path: Path) -> Path:
    """|e(σ̂_r)/e(σ) − 1| against d, for every target, head and r: simulated (markers) and from the theory (lines)."""
    figure, panels = plt.subplots(1, len(ladders), figsize=(10.5, 4.2), layout="constrained", sharey=True)
    for axes, (target, ladder) in zip(np.atleast_1d(panels), ladders.items(), strict=True):
        sizes = ladder.dimensions
        fine = np.unique(np.geomspace(sizes[0], 8 * sizes[-1], 8).astype(int))
        for head in HEADS:
            exact = RandomTransformer(head, RIDGE)
            for degree in (r for r in DEGREES if distinct_degree(head, r) == r):
                model = equivalent(head, degree)
                gaps = np.array([relative_gap(ladder.at(exact)[d], ladder.at(model)[d]) for d in sizes])
                place = np.array(sizes) * (1 + 0.02 * (degree - 2))
                axes.errorbar(place, np.abs(gaps[:, 0]), gaps[:, 1], fmt=MARKER[degree], color=COLOUR[head], mfc="none", capsize=2,
                              label=f"{head} head, r = {degree}")
                theory = [abs(predicted_gap(ladder.task, exact, model, int(d), taus)) for d in fine]
                axes.plot(fine, theory, lw=0.9, color=COLOUR[head])
        axes.set(xscale="log", yscale="log", xlabel="d", title=f"target {target}")
        ticks = [*sizes, *(sizes[-1] * 2**i for i in (1, 2, 3))]
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
    np.atleast_1d(panels)[0].set_ylabel("|e(σ̂$_r$)/e(σ) − 1|, mean over n")
    handles, labels = np.atleast_1d(panels)[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False, title="markers: simulated\nlines: theory")
    return save(figure, path)


def gaussianity(laws: Mapping[str, LawMoments], path: Path) -> Path:
    """Excess kurtoses of the pre-activations against d, with the slope −1."""
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    titles = ("(Fᵀh)$_i$ (Lemma 1)", "(Fᵀh, ξᵀx) given ξ, F (Corollary 2)")
    for axes, title, pick in zip(panels, titles, ("kurtosis", "joint"), strict=True):
        for target, law in laws.items():
            values: tuple[Estimate, ...] = getattr(law, pick)
            axes.errorbar(law.ladder, [value.mean for value in values], [value.stderr for value in values], fmt="o-", lw=0.8,
                          color=COLOUR[target], capsize=2, label=f"target {target}")
        d = np.array(law.ladder, dtype=float)
        axes.plot(d, values[0].mean * d[0] / d, "k--", lw=0.8, label="slope −1")
        axes.set(xscale="log", yscale="log", xlabel="d", ylabel="excess kurtosis (relative)", title=title)
        axes.set_xticks(d, [f"{value:g}" for value in d])
        axes.minorticks_off()
        axes.legend(fontsize=8, frameon=False)
    return save(figure, path)
