"""[LA] Fig. 3, of theory alone: the context length of least error over task diversity and label noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hermite_eq.models import LinearTransformer, Task
from hermite_eq.plotting import plot_phase
from hermite_eq.theory import phase_diagram
from verify.campaigns.campaign import Fixed
from verify.campaigns.table import CAMPAIGNS
from verify.drawing import panels, save

CAPTION = (
    "[LA] Fig. 3, theory: the context length α* of least error of the ridgeless linear Transformer, grey where the error falls for "
    "all α. Points: the curves of [LA] Fig. 2. Dashed: κ = min(τ, 1), left of which the ICL error of long contexts grows without "
    "bound if τ < 1."
)
#: Points along each axis, and one scale of colours for all subplots; α* is infinite at the border of the grey region.
GRID, LIMITS = 120, (0.5, 500.0)


def figure(path: Path) -> Path:
    """A subplot for each panel of [LA] Fig. 2, with its τ and its error; the panel's curves are the points."""
    shown = CAMPAIGNS["la-fig2"].panels
    drawing, grid = panels(1, len(shown), height=3.6)
    for axis, panel in zip(grid[0], shown, strict=True):
        families = [family for family in panel.families if isinstance(family, Fixed)]
        (error,), (model,), task, tau = panel.errors, families[0].models, families[0].task, families[0].ratios.tau
        assert isinstance(model, LinearTransformer)
        assert isinstance(task, Task)
        assert error in ("icl", "idg")
        kappas = [family.ratios.kappa for family in families]
        diagram = phase_diagram(
            model,
            task.target,
            kappa=np.linspace(0.02, 1.1 * max(kappas), GRID),
            noise=np.linspace(0.005, max(1.0, 1.5 * task.noise), GRID),
            tau=tau,
            error=error,
        )
        plot_phase(diagram, limits=LIMITS, axes=axis)
        axis.axvline(min(tau, 1.0), color="white", linestyle="--", linewidth=1)
        axis.plot(kappas, [task.noise] * len(kappas), "o", color="white", markeredgecolor="black", markersize=6, clip_on=False)
    return save(drawing, path)
