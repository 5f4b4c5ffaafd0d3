"""What a campaign is, as frozen data: a figure with its models, the axis of its curves, and its sizes as ratios to d."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from hermite_eq.models import Model, OneStepTransformer, Ratios, Sizes, Task
from hermite_eq.simulate import DiscreteMMSE

#: What a campaign simulates: trained models, and the estimator that is told the training tasks.
Predictor = Model | DiscreteMMSE
Axis = Literal["samples", "hidden", "context", "tasks"]
Error = Literal["icl", "idg", "g_task"]


def label(model: Predictor | OneStepTransformer) -> str:
    """The name of a model in stored results and legends.

    >>> from hermite_eq import LinearTransformer
    >>> label(LinearTransformer(1e-8, intercept=True))
    'linear + intercept, λ = 1e-08'
    """
    return str(model) if isinstance(model, DiscreteMMSE) else f"{model}, λ = {model.ridge:g}"


@dataclass(frozen=True)
class Sweep:
    """Points which share one draw in every run: one call of :func:`hermite_eq.simulate.icl_curve`.

    Attributes
    ----------
    key : tuple of int
        Panel, family, and point where every point is a draw of its own; the seeds are spawned with it.
    sizes : Sizes
    axis : {"samples", "hidden"}
    values : tuple of int
        The sizes of ``axis``.
    """

    key: tuple[int, ...]
    sizes: Sizes
    axis: Literal["samples", "hidden"]
    values: tuple[int, ...]

    @property
    def points(self) -> tuple[Sizes, ...]:
        return tuple(dataclasses.replace(self.sizes, **{self.axis: value}) for value in self.values)


@dataclass(frozen=True)
class Panel:
    """One simulation of a figure: families of curves along one axis.

    Attributes
    ----------
    task : Task
    models : tuple of models
        Trained on common draws; dMMSE on the same training tasks.
    axis : {"samples", "hidden", "context", "tasks"}
        Along n and m the points of a run share one draw; along ℓ and k every point has its own.
    values : tuple of float
        n/d², m/n, ℓ/d or k/d.
    families : tuple of Ratios
        What stays fixed along each curve; its entry for ``axis`` is ignored.
    errors : tuple of {"icl", "idg", "g_task"}
        What the figure shows, a subplot for each.
    """

    task: Task
    models: tuple[Predictor, ...]
    axis: Axis
    values: tuple[float, ...]
    families: tuple[Ratios, ...]
    errors: tuple[Error, ...] = ("icl",)

    def at(self, family: Ratios, value: float, d: int) -> Sizes:
        """The sizes of one point."""
        if self.axis == "hidden":
            n = Sizes.from_ratios(d, alpha=family.alpha, kappa=family.kappa, tau=family.tau).samples
            return Sizes.from_ratios(d, alpha=family.alpha, kappa=family.kappa, tau=family.tau, mu=value * n / d**2)
        name = {"samples": "tau", "context": "alpha", "tasks": "kappa"}[self.axis]
        ratios = dataclasses.replace(family, **{name: value})
        return Sizes.from_ratios(d, alpha=ratios.alpha, kappa=ratios.kappa, tau=ratios.tau, mu=ratios.mu)

    def sweeps(self, index: int, d: int) -> Iterator[Sweep]:
        """The simulations of this panel, number ``index`` of its campaign."""
        for number, family in enumerate(self.families):
            sizes = [self.at(family, value, d) for value in self.values]
            if self.axis == "samples" or self.axis == "hidden":
                values = tuple(getattr(point, self.axis) for point in sizes)
                yield Sweep((index, number), sizes[int(np.argmax(values))], self.axis, values)
            else:
                for j, point in enumerate(sizes):
                    yield Sweep((index, number, j), point, "samples", (point.samples,))

    def fine(self, family: Ratios, d: int) -> list[Sizes]:
        """Sizes for a theory line, denser about the interpolation threshold."""
        low, high = min(self.values), max(self.values)
        # Along ℓ and k the law of the contexts and the spectrum are new at every point.
        grid = np.geomspace(low, high, 60 if self.axis in ("samples", "hidden") else 24)
        if self.axis in ("samples", "hidden"):
            grid = np.concatenate([grid, np.linspace(max(low, 0.8), min(high, 1.25), 30)])
        return list(dict.fromkeys(self.at(family, float(value), d) for value in np.sort(grid)))

    def caption(self, family: Ratios) -> str:
        """What is fixed along a curve."""
        names = {"samples": "ακ", "hidden": "ακτ", "context": "κτ", "tasks": "ατ"}[self.axis]
        values = {"α": family.alpha, "κ": family.kappa, "τ": family.tau}
        return ", ".join(f"{name} = {'∞' if values[name] == math.inf else format(values[name], 'g')}" for name in names)


@dataclass(frozen=True)
class Campaign:
    """A figure: of a paper, or one of ours.

    Attributes
    ----------
    name : str
        As given on the command line.
    figure : str
        The figure of the paper, or the title of ours.
    claim : str
        What the paper says of it, or we do.
    panels : tuple of Panel
    d, runs : int
        The paper's.
    seed : int
    theory_at : tuple of int or inf
        Where there is such, the figure has a subplot for each model, with theory lines at these d and the simulations at all d stored;
        otherwise it shows the simulations at one d, and the theory there.
    queries : int
        Labels predicted from each test context, 2d² in all.
    """

    name: str
    figure: str
    claim: str
    panels: tuple[Panel, ...]
    d: int
    runs: int
    seed: int
    theory_at: tuple[float, ...] = ()
    queries: int = 1

    def sweeps(self, d: int) -> list[tuple[Panel, Sweep]]:
        """All simulations of one run, in the order in which they are stored."""
        return [(panel, sweep) for index, panel in enumerate(self.panels) for sweep in panel.sweeps(index, d)]


_C = TypeVar("_C", bound=Campaign)


def by_name(campaigns: Sequence[_C]) -> dict[str, _C]:
    """The campaigns by their names, which differ."""
    table = {campaign.name: campaign for campaign in campaigns}
    if len(table) < len(campaigns):
        raise ValueError("two campaigns have one name")
    return table
