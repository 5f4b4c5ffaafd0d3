"""The figures of the main job, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Sizes
from hermite_eq.plotting import COLOURS, Curve, Style, plot_curve
from hermite_eq.theory import icl_curve
from verify.campaigns.heads import HEADS, RIDGE, distinct_degrees, equivalent
from verify.claims.mixing import NO_GAIN
from verify.main_job.data_mixing import TRUE, foretold
from verify.main_job.equivalence import predicted_gap, relative_gap
from verify.main_job.pre_activations import Estimate, LawMoments
from verify.main_job.transformers import RATIOS, Ladder
from verify.main_job.two_sources import HEADS as MIXING_HEADS
from verify.main_job.two_sources import INPUTS, SPIKED, STEPS, Mixture, gains, runs_by_source
from verify.report.figures import save

Array = NDArray[np.float64]

COLOUR = {"relu": COLOURS[0], "tanh": COLOURS[1], "linear": "#555555", "linear + intercept": COLOURS[2]}
MARKER = {1: "^", 2: "s", 3: "D", 4: "v"}


def by_identity(styles: Mapping[int, Mapping[str, Any]]) -> Style:
    """The style of each curve, by its ``id``: curves are not compared."""
    return lambda curve: styles[id(curve)]


def learning_curves(ladders: Mapping[str, Ladder], path: Path) -> Path:
    """ICL error against n/d², one panel for each target: theory lines, simulated dots with error bars."""
    figure, panels = plt.subplots(1, len(ladders), figsize=(11, 4.8), layout="constrained", sharey=False)
    for axes, (target, ladder) in zip(np.atleast_1d(panels), ladders.items(), strict=True):
        drawn, styles = _lines_and_dots(ladder)
        plot_curve(drawn, axes=axes, style=by_identity(styles), legend=False)
        axes.set_title(f"target {target}")
    np.atleast_1d(panels)[-1].set_ylabel("")
    handles, labels = np.atleast_1d(panels)[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=7.5, frameon=False)
    return save(figure, path)


def _lines_and_dots(ladder: Ladder) -> tuple[list[Curve], dict[int, dict[str, Any]]]:
    """The theory at the largest d and its limit, and what was simulated there, each with its style."""
    d = ladder.dimensions[-1]
    simulated = ladder.curves[d]
    some = next(iter(simulated.values())).values
    lowest, highest = some[0] / d**2, some[-1] / d**2
    fine = np.unique(np.concatenate([np.geomspace(lowest, highest, 60), np.linspace(0.8, 1.2, 25)]))
    sizes = [Sizes.from_ratios(d, tau=float(value), **RATIOS) for value in fine]
    ratios = [Ratios(tau=float(value), **RATIOS) for value in fine]
    drawn: list[Curve] = []
    styles: dict[int, dict[str, Any]] = {}

    def add(curve: Curve, **style: Any) -> None:
        drawn.append(curve)
        styles[id(curve)] = style

    for head in HEADS:
        model, colour = RandomTransformer(head, RIDGE), COLOUR[head]
        add(icl_curve(model, ladder.task, sizes), color=colour, linestyle="-", label=f"{head} head, theory at d = {d}")
        add(icl_curve(model, ladder.task, ratios), color=colour, linestyle=":", linewidth=1.2, label=f"{head} head, limit d = ∞")
        add(simulated[str(model)], color=colour, marker="o", label=f"{head} head, simulated")
        for degree in distinct_degrees(head):
            add(simulated[str(equivalent(head, degree))], color=colour, marker=MARKER[degree], markerfacecolor="none", shift=1.03,
                label=f"{head}, r = {degree} simulated")
    for intercept in (False, True):
        linear = LinearTransformer(RIDGE, intercept)
        colour = COLOUR[str(linear)]
        add(icl_curve(linear, ladder.task, sizes), color=colour, label=f"{linear}, theory")
        add(simulated[str(linear)], color=colour, marker="x", label=f"{linear}, simulated")
    return drawn, styles


def equivalence_gaps(ladders: Mapping[str, Ladder], taus: Sequence[float], path: Path) -> Path:
    """|e(σ̂_r)/e(σ) − 1| against d, for every target, head and r: simulated (markers) and from the theory (lines)."""
    figure, panels = plt.subplots(1, len(ladders), figsize=(10.5, 4.2), layout="constrained", sharey=True)
    for axes, (target, ladder) in zip(np.atleast_1d(panels), ladders.items(), strict=True):
        sizes = ladder.dimensions
        fine = np.unique(np.geomspace(sizes[0], 8 * sizes[-1], 6).astype(int))
        for head in HEADS:
            exact = RandomTransformer(head, RIDGE)
            for degree in distinct_degrees(head):
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


def data_mixing(measured: Mixture, path: Path) -> Path:
    """Two sources: errors of the head that normalises h against d, by source, and what the step η = d² changes."""
    figure, (errors, changes) = plt.subplots(1, 2, figsize=(11, 4.8), layout="constrained")
    d = np.array(measured.dimensions, dtype=float)
    for step, line, marker in zip(STEPS, ("-", "--"), ("o", "s"), strict=True):
        drawn = [runs_by_source(measured.errors[SPIKED, size][True, step]) for size in measured.dimensions]
        theory = [TRUE.error(SPIKED, size, True, step) if step else TRUE.without_step(SPIKED, size, True) for size in measured.dimensions]
        made = [foretold(error) for error in theory]
        for where, colour in zip(made[0], ("#000000", *COLOURS), strict=False):
            errors.plot(d, [each[where] for each in made], color=colour, ls=line, lw=1.1)
            name = f"{where}, {'η = d²' if step else 'no step'}"
            _dots(errors, d, [each[where] for each in drawn], color=colour, marker=marker, label=name)
    errors.set(xlabel="d", ylabel="ICL error", title="relu head, h normalised")
    changes.axhspan(-NO_GAIN, NO_GAIN, color="#eeeeee", zorder=0)
    for normalise, head in MIXING_HEADS.items():
        for setting, colour in ((SPIKED, COLOURS[0]), (INPUTS, COLOURS[1])):
            levels = [measured.errors[setting, size][normalise, 0.0].icl.mean for size in measured.dimensions]
            runs = [gains(measured, setting, size, normalise) / level for size, level in zip(measured.dimensions, levels, strict=True)]
            look = {"color": colour, "marker": "o" if normalise else "^", "markerfacecolor": colour if normalise else "none"}
            _dots(changes, d, runs, label=f"{setting}, {head}", **look)
        shares = [TRUE.gain(SPIKED, size, normalise) / TRUE.error(SPIKED, size, normalise, 0.0).icl for size in measured.dimensions]
        changes.plot(d, shares, color=COLOURS[0], ls="-" if normalise else "--", lw=1.1)
    changes.set(xlabel="d", ylabel="relative change of the ICL error", title="the step η = d²")
    for axes in (errors, changes):
        axes.set_xticks(d, [f"{value:g}" for value in d])
        axes.legend(fontsize=7.5, frameon=False, ncols=2, loc="upper center", bbox_to_anchor=(0.5, -0.14))
    return save(figure, path)


def _dots(axes: Axes, d: Array, runs: Sequence[Array], **look: Any) -> None:
    """Means over runs with one standard error."""
    stderr = [each.std(ddof=1) / np.sqrt(len(each)) for each in runs]
    axes.errorbar(d, [each.mean() for each in runs], stderr, ls="none", ms=4.5, capsize=2, **look)
