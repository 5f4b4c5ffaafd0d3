"""The figures of [LA] with Transformers trained by gradient descent, as data.

The paper's sizes are d = 20, 40 and 80, its learning rate 1e-4. Here the rate is ten times that, for as many epochs as make the same
progress, which ``la-fig5-rate`` holds against the paper's.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from hermite_eq.models import Sizes, Task
from hermite_eq.trained import Architecture, FullLinearAttention, SoftmaxTransformer

TASK = Task("identity", 0.01)
#: The paper's learning rate, and ours.
SLOW, FAST = 1e-4, 1e-3
#: When errors are measured at our rate; at the paper's ten times as late.
EPOCHS = (0, 1000, 3000, 10_000)
#: Of more than one block, whose epochs take several times as long.
FEWER = (0, 300, 1000, 3000)


@dataclass(frozen=True)
class Curve:
    """One architecture along τ = n/d² with a fresh task in every context, or along k/d with a fixed τ; ℓ = d."""

    model: Architecture
    axis: Literal["samples", "tasks"]
    values: tuple[float, ...]
    tau: float = math.nan
    rate: float = FAST
    epochs: tuple[int, ...] = EPOCHS

    @property
    def label(self) -> str:
        """The name in stored results."""
        return f"{self.model}, rate {self.rate:g}"

    def sizes(self, d: int) -> tuple[Sizes, ...]:
        """At every value."""
        ratios = [(math.inf, value) if self.axis == "samples" else (value, self.tau) for value in self.values]
        return tuple(Sizes.from_ratios(d, alpha=1, kappa=kappa, tau=tau) for kappa, tau in ratios)


@dataclass(frozen=True)
class TrainedCampaign:
    """Curves of trained Transformers; ``together`` runs are trained at once.

    The other fields are those of :class:`verify.campaigns.campaign.Campaign`; d is the smallest at which it is asked for.
    """

    name: str
    figure: str
    claim: str
    curves: tuple[Curve, ...]
    d: int
    runs: int
    seed: int
    together: int = 3


#: The exponents of n* ~ d^a that the paper fits.
EXPONENTS = {"la-fig5a": 1.87, "la-fig5b": 1.66, "la-fig5c": 2.13, "la-fig5d": 2.08}
_LINEAR = (0.5, 0.7, 0.9, 1.0, 1.1, 1.2, 1.3, 1.45, 1.6, 1.8, 2.0, 2.5, 3.0, 5.0)
_SOFTMAX = (0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 6.0, 10.0)
_BLOCKS = (1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 12.0)
_KAPPAS = (1 / 3, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


def _figure(letter: str, figure: str, claim: str, model: Architecture, values: tuple[float, ...], seed: int) -> TrainedCampaign:
    epochs = FEWER if values == _BLOCKS else EPOCHS
    return TrainedCampaign(f"la-fig5{letter}", figure, claim, (Curve(model, "samples", values, epochs=epochs),), 6, 3, seed)


_ALL = (
    _figure(
        "a",
        "[LA] Fig. 5a, full linear attention",
        "The error has a peak at the interpolation threshold, n* ~ d^1.87.",
        FullLinearAttention(),
        _LINEAR,
        2024_51,
    ),
    _figure(
        "b",
        "[LA] Fig. 5b, one block of softmax attention",
        "The error has a peak at the interpolation threshold, n* ~ d^1.66.",
        SoftmaxTransformer(1),
        _SOFTMAX,
        2024_52,
    ),
    _figure(
        "c",
        "[LA] Fig. 5c, two blocks",
        "The error has a peak at the interpolation threshold, n* ~ d^2.13.",
        SoftmaxTransformer(2),
        _BLOCKS,
        2024_53,
    ),
    _figure("d", "[LA] Fig. 5d, three blocks", "The interpolation threshold is at n* ~ d^2.08.", SoftmaxTransformer(3), _BLOCKS, 2024_54),
    TrainedCampaign(
        "la-fig5-rate",
        "The learning rate",
        "1e-3 gives after a tenth of the epochs what the paper's 1e-4 gives.",
        tuple(
            Curve(FullLinearAttention(), "samples", (0.5, 1.0, 3.0), rate=rate, epochs=tuple(round(e * FAST / rate) for e in EPOCHS))
            for rate in (SLOW, FAST)
        ),
        6,
        3,
        2024_55,
    ),
    TrainedCampaign(
        "la-fig5-mlp",
        "The MLP",
        "An MLP with a nonlinearity beside the affine map that [LA] call one.",
        (Curve(SoftmaxTransformer(2, "gelu"), "samples", _BLOCKS, epochs=FEWER),),
        6,
        3,
        2024_56,
    ),
    TrainedCampaign(
        "la-fig6",
        "[LA] Fig. 6",
        "The price of unseen tasks falls with their diversity, also for two blocks of softmax attention.",
        (Curve(SoftmaxTransformer(2), "tasks", _KAPPAS, tau=10.0, epochs=FEWER),),
        6,
        3,
        2024_57,
    ),
)
TRAINED: dict[str, TrainedCampaign] = {campaign.name: campaign for campaign in _ALL}
