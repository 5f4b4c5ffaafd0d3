r"""The figures of [DM] as campaigns: two sources, a gradient step, and axes which are sizes, spikes, noises or step sizes.

What the paper does not give is a constant here, named and scanned: η and θ are multiples of d², in Fig. 1 both 1; π, λ and the values
along the axes likewise.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

import hermite_eq
from hermite_eq.models import (
    LinearTransformer,
    MixtureTask,
    OneStepTransformer,
    PolynomialActivation,
    Sizes,
    Source,
    Spike,
    TrainedModel,
    rt_ridge,
)
from verify.campaigns.campaign import Campaign, Sweep, label

MixingAxis = Literal["samples", "context", "hidden", "input spike", "task spike", "noise", "step"]

#: [DM]: λ in its own convention, and Δ = 0.01 as a variance.
RIDGE, NOISE = 5e-5, 0.01**2
#: What is on the axes: n/d², ℓ/d, k/d² (hidden units), ‖Σ_x‖ − 1 over d, ‖Σ_ξ‖ − 1 over d², Δ, η/d².
AXIS_LABEL: dict[MixingAxis, str] = {
    "samples": "n/d²", "context": "ℓ/d", "hidden": "m/d²", "input spike": "θ_x/d", "task spike": "θ_ξ/d²", "noise": "Δ₁", "step": "η/d²",
}


@dataclass(frozen=True)
class Mixing:
    """One setting: two sources, the first isotropic, and the sizes as ratios to d.

    Attributes
    ----------
    spiked : float
        π₁, the training probability of the second source; the test weighs both equally, but for π₁ = 1, where it is the only one.
    task_spike, input_spike : float
        θ_ξ/d² and θ_x/d of the second source; the input spike keeps the trace.
    noises : (float, float)
        Variances of the two sources.
    step : float
        η/d².
    ridge : float
        λ of [DM].
    samples, context, hidden : float
        n/d², ℓ/d, m/d².
    """

    spiked: float = 0.5
    task_spike: float = 0.0
    input_spike: float = 0.0
    noises: tuple[float, float] = (NOISE, NOISE)
    step: float = 1.0
    ridge: float = RIDGE
    samples: float = 0.5
    context: float = 1.0
    hidden: float = 0.5

    @property
    def structure(self) -> str:
        """What the second source has more than the first."""
        return "task spike" if self.task_spike else "input spike" if self.input_spike else "isotropic"

    def task(self, d: int) -> MixtureTask:
        """In the conventions of [DM]: inputs with entries of O(1), the link's argument of unit variance."""
        first = Source("relu", self.noises[0])
        spikes: dict[str, Any] = {}
        if self.task_spike:
            spikes["task_cov"] = Spike(self.task_spike * d**2)
        if self.input_spike:
            spikes["input_cov"] = Spike(self.input_spike * d, normalised=True)
        second = Source("relu", self.noises[1], **spikes)
        if self.spiked == 1:
            return MixtureTask([second], unit_inputs=True, unit_link=True)
        return MixtureTask([first, second], [1 - self.spiked, self.spiked], unit_inputs=True, unit_link=True)

    def sizes(self, d: int) -> Sizes:
        """A fresh task for every context, as in [DM]."""
        return Sizes.from_ratios(d, alpha=self.context, kappa=float("inf"), tau=self.samples, mu=self.hidden)


@dataclass(frozen=True)
class MixingPanel:
    """Curves along one axis, a family for each setting.

    Attributes
    ----------
    axis : str
    values : tuple of float
        In the units of :data:`AXIS_LABEL`.
    families : tuple of (str, Mixing)
        Legend and setting; the entry for ``axis`` is replaced.
    activations : tuple of str
    degrees : tuple of int
        p of the equivalent models, with and without the step.
    normalise : bool
        Whether the heads see h of one length.
    linear : bool
        Whether linear Transformers stand beside the heads.
    """

    axis: MixingAxis
    values: tuple[float, ...]
    families: tuple[tuple[str, Mixing], ...]
    activations: tuple[str, ...] = ("relu",)
    degrees: tuple[int, ...] = (4,)
    normalise: bool = False
    linear: bool = True

    def at(self, family: Mixing, value: float) -> Mixing:
        """The setting at one point."""
        if self.axis == "noise":
            return replace(family, noises=(family.noises[0], value**2))
        change: dict[str, Any] = {self.axis.replace(" ", "_"): value}
        return replace(family, **change)

    def point(self, family: Mixing, name: str, value: float, d: int) -> tuple[TrainedModel, MixtureTask, Sizes]:
        """Model, task and sizes of the curve ``name`` at one point."""
        mixing = self.at(family, float(value))
        return self.series(mixing, d)[name], mixing.task(d), mixing.sizes(d)

    def series(self, mixing: Mixing, d: int) -> dict[str, TrainedModel]:
        """The models at one point, by the names of their curves."""
        sizes = mixing.sizes(d)
        flat, ridge, eta = rt_ridge(mixing.ridge, d), rt_ridge(mixing.ridge, d, sizes.hidden), mixing.step * d**2
        models: dict[str, TrainedModel] = {}
        if self.linear:
            models = {"linear": LinearTransformer(flat), "linear + intercept": LinearTransformer(flat, intercept=True)}
        for sigma in self.activations:
            models[sigma] = head = OneStepTransformer(sigma, eta, ridge, normalise=self.normalise)
            if mixing.step or self.axis == "step":
                models[f"{sigma}, no step"] = replace(head, step_size=0.0)
                models[f"{sigma}, rank one"] = replace(head, rank_one=True)
            for p in self.degrees:
                models[f"{sigma}, p = {p}"] = replace(head, head=_equivalent(sigma, p))
        return models


@functools.lru_cache(maxsize=32)
def _equivalent(sigma: str, p: int) -> PolynomialActivation:
    return hermite_eq.equivalent_model(sigma, p)


@dataclass(frozen=True)
class Cell:
    """What one sweep simulates, and what its points are.

    Attributes
    ----------
    task, models
        The models are trained on common draws.
    places : tuple of (int, dict)
        For every value of the axis in this sweep: its position among the sweep's sizes, and the label of the model of each curve.
    """

    task: MixtureTask
    models: tuple[TrainedModel, ...]
    places: tuple[tuple[int, dict[str, str]], ...]


@dataclass(frozen=True)
class MixingCampaign(Campaign):
    """A figure of [DM]: its panels are not curves in a size alone, and its claims and figures are its own."""

    panels: tuple[MixingPanel, ...]  # type: ignore[assignment]

    def sweeps(self, d: int) -> list[tuple[Cell, Sweep]]:  # type: ignore[override]
        """All simulations of one run, in the order in which they are stored."""
        return [
            sweep
            for index, panel in enumerate(self.panels)
            for number, (_, family) in enumerate(panel.families)
            for sweep in _sweeps(panel, family, (index, number), d)
        ]


def _sweeps(panel: MixingPanel, family: Mixing, key: tuple[int, int], d: int) -> Iterator[tuple[Cell, Sweep]]:
    points = [panel.at(family, value) for value in panel.values]
    series = [panel.series(point, d) for point in points]
    names = [{name: label(model) for name, model in each.items()} for each in series]
    sizes = [point.sizes(d) for point in points]
    if panel.axis == "samples":
        values = tuple(size.samples for size in sizes)
        cell = Cell(family.task(d), tuple(series[0].values()), tuple((i, name) for i, name in enumerate(names)))
        yield cell, Sweep(key, sizes[int(np.argmax(values))], "samples", values)
    elif panel.axis == "step":
        models = tuple(dict.fromkeys(model for each in series for model in each.values()))
        yield Cell(family.task(d), models, tuple((0, name) for name in names)), Sweep(key, sizes[0], "samples", (sizes[0].samples,))
    else:
        for j, point in enumerate(points):
            cell = Cell(point.task(d), tuple(series[j].values()), ((0, names[j]),))
            yield cell, Sweep((*key, j), sizes[j], "samples", (sizes[j].samples,))
