"""Figures which the main job has beside those of its campaigns, as PNG and SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from hermite_eq.plotting import COLOURS
from hermite_eq.plotting.style import KINDS, paired_legend
from hermite_eq.simulate import MonteCarlo
from verify.campaigns.campaign import label
from verify.campaigns.curves import Results
from verify.campaigns.heads import HEADS, NOISE, RIDGE, distinct_degrees, equivalent
from verify.claims.statements import mean_gaps, theory_gap
from verify.drawing import headline, panels, save
from verify.main_job.pre_activations import LawMoments
from verify.main_job.transformers import TARGETS
from verify.report.figures import same_along

COLOUR = {"relu": COLOURS[0], "tanh": COLOURS[1]}
MARKER = {1: "^", 2: "s", 3: "D", 4: "v"}


def equivalence_gaps(ladder: Sequence[Results], path: Path) -> Path:
    """|e(σ̂_r)/e(σ) − 1| against d, for every target, head and r: simulated (markers) and from the theory (lines)."""
    figure, grid = panels(1, len(TARGETS), height=4.6, sharey=True)
    sizes = sorted(results.d for results in ladder)
    fine = np.unique(np.geomspace(sizes[0], 8 * sizes[-1], 6).astype(int))
    for panel, (axes, target) in enumerate(zip(grid[0], TARGETS, strict=True)):
        handles: list[Any] = []
        labels = []
        for head in HEADS:
            for degree in distinct_degrees(head):
                names = f"{head}, λ = {RIDGE:g}", label(equivalent(head, degree))
                pairs = [[results.get(name, panel) for name in names] for results in ladder]
                place = np.array([results.d for results in ladder]) * (1 + 0.02 * (degree - 2))
                gaps = [MonteCarlo.from_runs(mean_gaps(*pair)) for pair in pairs]
                dots = axes.errorbar(
                    place,
                    [abs(gap.mean) for gap in gaps],
                    [gap.stderr for gap in gaps],
                    fmt=MARKER[degree],
                    color=COLOUR[head],
                    mfc="none",
                    capsize=2,
                )
                line = axes.plot(fine, [abs(theory_gap(pairs[0][0], pairs[0][1], int(d))) for d in fine], lw=0.9, color=COLOUR[head])
                handles += [*line, dots]
                labels += [f"{head} head, r = {degree}"] * 2
        axes.set(xscale="log", yscale="log", xlabel="d", title=f"target {target}")
        ticks = [*sizes, *(sizes[-1] * 2**i for i in (1, 2, 3))]
        axes.set_xticks(ticks, [f"{value:g}" for value in ticks])
        axes.minorticks_off()
    grid[0, 0].set_ylabel("|e(σ̂$_r$)/e(σ) − 1|, mean over n")
    paired_legend(figure, handles, labels, loc="outside lower center", ncols=3, title=KINDS)
    constants = [same_along(ladder[0].of_panel(panel)) for panel in range(len(TARGETS))]
    headline(figure, ", ".join(fact for fact in constants[0] if fact in constants[1]))
    return save(figure, path)


def gaussianity(laws: Mapping[str, LawMoments], path: Path) -> Path:
    """Excess kurtoses of the pre-activations against d, with the slope −1."""
    figure, grid = panels(1, 2, height=3.8)
    titles = ("(Fᵀh)$_i$ (Lemma 1)", "(Fᵀh, ξᵀx) given ξ, F (Corollary 2)")
    for axes, title, pick in zip(grid[0], titles, ("kurtosis", "joint"), strict=True):
        for target, law in laws.items():
            values: tuple[MonteCarlo, ...] = getattr(law, pick)
            axes.errorbar(
                law.ladder,
                [value.mean for value in values],
                [value.stderr for value in values],
                fmt="o-",
                lw=0.8,
                color=COLOUR[target],
                capsize=2,
                label=f"target {target}",
            )
        d = np.array(law.ladder, dtype=float)
        axes.plot(d, values[0].mean * d[0] / d, "k--", lw=0.8, label="slope −1")
        axes.set(xscale="log", yscale="log", xlabel="d", ylabel="excess kurtosis (relative)", title=title)
        axes.set_xticks(d, [f"{value:g}" for value in d])
        axes.minorticks_off()
        axes.legend(fontsize=8, frameon=False)
    headline(figure, f"α = 1, ρ = {NOISE:g}, a fresh task for every context; ± one standard error")
    return save(figure, path)
