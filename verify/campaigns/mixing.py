r"""Two sources and a gradient step, as in [DM]: curves along sizes, spikes, noises or step sizes.

What the paper does not give is a field here, and scanned: η and θ are multiples of d², in Fig. 1 both 1; π, λ and the values along the axes
likewise.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import Any

import hermite_eq
from hermite_eq.models import (
    LinearTransformer,
    OneStepTransformer,
    PolynomialActivation,
    Sizes,
    Source,
    Spike,
    Task,
    TrainedModel,
    rt_ridge,
)
from verify.campaigns.campaign import Axis, Family, Setting

#: [DM]: λ in its own convention, and Δ = 0.01 as a variance.
RIDGE, NOISE = 5e-5, 0.01**2


@dataclass(frozen=True)
class Mixing(Family):
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
    name : str
        In legends.
    activations : tuple of str
        Of the heads.
    degrees : tuple of int
        p of the equivalent models.
    normalise : bool
        Whether the heads see h of one length.
    linear, rank_one : bool
        Whether linear Transformers stand beside the heads, and heads with the rank-one part of the step.
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
    name: str = ""
    activations: tuple[str, ...] = ("relu",)
    degrees: tuple[int, ...] = (4,)
    normalise: bool = False
    linear: bool = True
    rank_one: bool = True
    # A point takes seconds.
    dense = False
    # The ridge depends on m.
    shared = ("samples", "step")

    @property
    def structure(self) -> str:
        """What the second source has more than the first."""
        return "task spike" if self.task_spike else "input spike" if self.input_spike else "isotropic"

    def task(self, d: int) -> Task:
        """In the conventions of [DM]: inputs with entries of O(1), the link's argument of unit variance."""
        first = Source("relu", self.noises[0])
        spikes: dict[str, Any] = {}
        if self.task_spike:
            spikes["task_cov"] = Spike(self.task_spike * d**2)
        if self.input_spike:
            spikes["input_cov"] = Spike(self.input_spike * d, normalised=True)
        second = Source("relu", self.noises[1], **spikes)
        if self.spiked == 1:
            return Task(sources=[second], unit_inputs=True, unit_link=True)
        return Task(sources=[first, second], weights=[1 - self.spiked, self.spiked], unit_inputs=True, unit_link=True)

    def sizes(self, d: int) -> Sizes:
        """A fresh task for every context, as in [DM]."""
        return Sizes.from_ratios(d, alpha=self.context, kappa=float("inf"), tau=self.samples, mu=self.hidden)

    def models(self, d: int, *, stepped: bool = False) -> dict[str, TrainedModel]:
        """The models by the names of their curves; with a step, or ``stepped``, the head also without it and with ``rank_one``."""
        flat, ridge = rt_ridge(self.ridge, d), rt_ridge(self.ridge, d, self.sizes(d).hidden)
        models: dict[str, TrainedModel] = {}
        if self.linear:
            models = {"linear": LinearTransformer(flat), "linear + intercept": LinearTransformer(flat, intercept=True)}
        for sigma in self.activations:
            models[sigma] = head = OneStepTransformer(sigma, self.step * d**2, ridge, normalise=self.normalise)
            if self.step or stepped:
                models[f"{sigma}, no step"] = replace(head, step_size=0.0)
                if self.rank_one:
                    models[f"{sigma}, rank one"] = replace(head, rank_one=True)
            for p in self.degrees:
                models[f"{sigma}, p = {p}"] = replace(head, head=_equivalent(sigma, p))
        return models

    def at(self, axis: Axis, value: float, d: int) -> Setting:
        field = "noises" if axis == "noise" else axis.replace(" ", "_")
        change: dict[str, Any] = {field: (self.noises[0], value**2) if axis == "noise" else value}
        there = replace(self, **change)
        return Setting(value, there.task(d), there.sizes(d), there.models(d, stepped=axis == "step"))

    def legend(self, axis: Axis) -> str:
        return self.name

    def where(self, axis: Axis, name: str) -> tuple[str, ...]:
        what = self.structure if axis == "step" else axis
        varies = not self.normalise or "h normalised" in self.name or name.partition(",")[0] not in self.activations
        return ("" if varies else "h normalised", "" if self.name.startswith(what) else what, self.name)

    def abscissa(self, axis: Axis) -> str:
        return {
            "samples": "n/d²",
            "context": "ℓ/d",
            "hidden": "m/d²",
            "input spike": "θ_x/d",
            "task spike": "θ_ξ/d²",
            "noise": "Δ₁",
            "step": "η/d²",
        }[axis]


@functools.lru_cache(maxsize=32)
def _equivalent(sigma: str, p: int) -> PolynomialActivation:
    return hermite_eq.equivalent_model(sigma, p)
