"""Predicted errors over a representative set of settings, kept from one version to the next.

``python tests/theory/stored_predictions.py`` writes them anew, where a number is meant to change.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

from hermite_eq import icl_error
from hermite_eq.models import (
    LinearTransformer,
    OneStepTransformer,
    RandomTransformer,
    Ratios,
    Sizes,
    Source,
    Spike,
    Task,
    TrainedModel,
)

TABLE = Path(__file__).with_name("stored_predictions.json")

_RELU, _TANH = Task("relu", 0.01), Task("tanh", 0.1)
_TWO = Task(sources=[Source("relu", 0.01), Source("relu", 0.04, task_cov=Spike(9.0))], weights=[0.25, 0.75])
_SCALED = Task(
    sources=[Source("tanh", 0.01), Source("relu", 0.01, input_cov=Spike(4.0, normalised=True))], unit_inputs=True, unit_link=True
)

#: Model, task and sizes by the name of the row.
SETTINGS: dict[str, tuple[TrainedModel, Task, Sizes | Ratios]] = {
    "linear, limit": (LinearTransformer(0.1), _RELU, Ratios(1, 0.5, 1.5)),
    "linear with intercept, limit, ridgeless": (LinearTransformer(0.0, intercept=True), _TANH, Ratios(2, math.inf, 0.5)),
    "relu, limit": (RandomTransformer("relu", 0.1), _RELU, Ratios(1, 0.5, 1.5, 3)),
    "tanh, limit": (RandomTransformer("tanh", 0.1), _RELU, Ratios(2, 2, 0.5, 1)),
    "linear, d = 40": (LinearTransformer(0.1), _RELU, Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=2)),
    "relu, d = 40, k = 20": (RandomTransformer("relu", 0.1), _RELU, Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=0.75)),
    "relu normalised, d = 24": (
        RandomTransformer("relu", 0.1, normalise=True), _RELU, Sizes.from_ratios(24, alpha=1, kappa=math.inf, tau=2, mu=1),
    ),
    "tanh, ridgeless, d = 40": (RandomTransformer("tanh", 0.0), _TANH, Sizes.from_ratios(40, alpha=1, kappa=math.inf, tau=0.5, mu=1.5)),
    "linear, two sources": (LinearTransformer(0.1, intercept=True), _TWO, Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=2)),
    "relu, two sources": (RandomTransformer("relu", 0.1), _TWO, Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=2, mu=1)),
    "tanh, input spike": (RandomTransformer("tanh", 0.1), _SCALED, Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=2, mu=0.5)),
    "linear, three tasks": (LinearTransformer(1e-3), Task("identity", 0.1), Sizes(16, 160, 3, samples=1280)),
    "relu, one step": (OneStepTransformer("relu", 128.0, 1.0), _RELU, Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=1, mu=0.5)),
}  # fmt: skip


def measured() -> dict[str, dict[str, float]]:
    """ICL and IDG of every row."""
    errors = {name: icl_error(*setting) for name, setting in SETTINGS.items()}
    return {name: {"icl": error.icl, "idg": error.idg} for name, error in errors.items()}


if __name__ == "__main__":
    TABLE.write_text(json.dumps(measured(), indent=1) + "\n")
