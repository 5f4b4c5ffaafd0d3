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

from hermite_eq.plotting import COLOURS
from hermite_eq.simulate import MonteCarlo
from verify.campaigns.campaign import label
from verify.campaigns.curves import Results
from verify.campaigns.heads import HEADS, RIDGE, distinct_degrees, equivalent
from verify.claims.mixing import NO_GAIN
from verify.claims.statements import mean_gaps, theory_gap
from verify.main_job.data_mixing import TRUE, foretold
from verify.main_job.pre_activations import LawMoments
from verify.main_job.transformers import TARGETS
from verify.main_job.two_sources import HEADS as MIXING_HEADS
from verify.main_job.two_sources import INPUTS, SPIKED, STEPS, Mixture, gains, runs_by_source
from verify.report.figures import save

Array = NDArray[np.float64]

COLOUR = {"relu": COLOURS[0], "tanh": COLOURS[1]}
MARKER = {1: "^", 2: "s", 3: "D", 4: "v"}


def equivalence_gaps(ladder: Sequence[Results], path: Path) -> Path:
    """|e(σ̂_r)/e(σ) − 1| against d, for every target, head and r: simulated (markers) and from the theory (lines)."""
    figure, panels = plt.subplots(1, len(TARGETS), figsize=(10.5, 4.2), layout="constrained", sharey=True)
    sizes = sorted(results.d for results in ladder)
    fine = np.unique(np.geomspace(sizes[0], 8 * sizes[-1], 6).astype(int))
    for panel, (axes, target) in enumerate(zip(panels, TARGETS, strict=True)):
        for head in HEADS:
            for degree in distinct_degrees(head):
                names = f"{head}, λ = {RIDGE:g}", label(equivalent(head, degree))
                pairs = [[results.get(name, panel) for name in names] for results in ladder]
                place = np.array([results.d for results in ladder]) * (1 + 0.02 * (degree - 2))
                gaps = [MonteCarlo.from_runs(mean_gaps(*pair)) for pair in pairs]
                axes.errorbar(place, [abs(gap.mean) for gap in gaps], [gap.stderr for gap in gaps], fmt=MARKER[degree], color=COLOUR[head],
                              mfc="none", capsize=2, label=f"{head} head, r = {degree}")
                axes.plot(fine, [abs(theory_gap(pairs[0][0], pairs[0][1], int(d))) for d in fine], lw=0.9, color=COLOUR[head])
        axes.set(xscale="log", yscale="log", xlabel="d", title=f"target {target}")
        ticks = [*sizes, *(sizes[-1] * 2**i for i in (1, 2, 3))]
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
    panels[0].set_ylabel("|e(σ̂$_r$)/e(σ) − 1|, mean over n")
    handles, labels = panels[-1].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside right center", fontsize=8, frameon=False, title="markers: simulated\nlines: theory")
    return save(figure, path)


def gaussianity(laws: Mapping[str, LawMoments], path: Path) -> Path:
    """Excess kurtoses of the pre-activations against d, with the slope −1."""
    figure, panels = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")
    titles = ("(Fᵀh)$_i$ (Lemma 1)", "(Fᵀh, ξᵀx) given ξ, F (Corollary 2)")
    for axes, title, pick in zip(panels, titles, ("kurtosis", "joint"), strict=True):
        for target, law in laws.items():
            values: tuple[MonteCarlo, ...] = getattr(law, pick)
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
