"""The best proportions of two sources: every mixture on common draws, so that differences of a per mille are seen."""

from __future__ import annotations

import math
from dataclasses import dataclass

from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Sizes, Source, Spike, Task
from verify.campaigns.campaign import Axis, Campaign, Family, Panel, Setting, label
from verify.claims.statements import BestValue


@dataclass(frozen=True)
class Proportions(Family):
    """Two sources in the inputs and link of [DM], half of the test each; the axis is the share of the second in training.

    A context that two mixtures assign to one source is the same context.
    """

    name: str
    sources: tuple[Source, Source]
    model: Model
    # The theory of a head is that of several sources.
    dense = False
    shared = ()

    def at(self, axis: Axis, value: float, d: int) -> Setting:
        task = Task(sources=self.sources, weights=[1 - value, value], test_weights=[0.5, 0.5], unit_inputs=True, unit_link=True)
        sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=2, mu=0.5)
        return Setting(value, task, sizes, {label(self.model): self.model})

    def legend(self, axis: Axis) -> str:
        return self.name

    def where(self, axis: Axis, name: str) -> tuple[str, ...]:
        return (self.name,)

    def abscissa(self, axis: Axis) -> str:
        return "share of the second source"


#: λ near the best.
_LINEAR, _HEAD = LinearTransformer(3.0, intercept=True), RandomTransformer("relu", 100.0, normalise=True)


_RELU = {noise: Source("relu", noise) for noise in (0.01, 0.05, 0.1, 0.5)}
_SPIKED = {noise: Source("relu", noise, task_cov=Spike(40.0)) for noise in (0.1, 0.3)}
_CASES = (
    Proportions("noise .05 and .5", (_RELU[0.05], _RELU[0.5]), _LINEAR),
    Proportions("task spike 40", (_RELU[0.1], _SPIKED[0.1]), _LINEAR),
    Proportions("task spike 40, noise .01 and .3", (_RELU[0.01], _SPIKED[0.3]), _LINEAR),
    Proportions("input spike 8", (_RELU[0.1], Source("relu", 0.1, input_cov=Spike(8.0, normalised=True))), _LINEAR),
    Proportions("targets relu and tanh", (_RELU[0.1], Source("tanh", 0.1)), _LINEAR),
    Proportions("noise .05 and .5, a head", (_RELU[0.05], _RELU[0.5]), _HEAD),
    Proportions("targets relu and tanh, a head", (_RELU[0.1], Source("tanh", 0.1)), _HEAD),
)
PROPORTIONS = Campaign(
    "proportions", "The best proportions", "The mixture of two sources that the theory calls best is as good as the best of those "
    "simulated, and the theory is right beside it.",
    tuple(Panel("share", (0.02, 0.25, 0.5, 0.75, 0.98), (case,), paired=True) for case in _CASES), d=40, runs=16, seed=2025_10,
    claims=(BestValue("π₁"),),
)
