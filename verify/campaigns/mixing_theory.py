"""The theory beside the simulations of [DM]: linear Transformers, and heads whose first layer has taken no step."""

from __future__ import annotations

import functools
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, RandomTransformer, TrainedModel
from verify.campaigns.mixing import Mixing, MixingPanel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixingTheory:
    """Errors along a panel's axis.

    Attributes
    ----------
    icl : (points,) array
    by_source : (points, sources) array
    notes : tuple of str
        What the theory says of its own reach at one of the points.
    """

    icl: Array
    by_source: Array
    notes: tuple[str, ...]


def _random(model: TrainedModel) -> LinearTransformer | RandomTransformer | None:
    """The model of the theory, where the first layer is as it was drawn."""
    if isinstance(model, LinearTransformer | RandomTransformer):
        return model
    if isinstance(model, OneStepTransformer) and model.step_size == 0:
        return RandomTransformer(model.head, model.ridge, normalise=model.normalise)
    return None


@functools.lru_cache(maxsize=512)
def theory(panel: MixingPanel, family: Mixing, name: str, d: int) -> MixingTheory | None:
    """The theory at ``d`` of the curve ``name``, or None where there is none: after a gradient step.

    >>> from verify.campaigns.mixing_table import MIXING
    >>> panel = MIXING["dm-fig1"].panels[0]
    >>> theory(panel, panel.families[0][1], "relu, rank one", 8) is None
    True
    >>> theory(panel, panel.families[0][1], "relu, no step", 8).by_source.shape
    (7, 2)
    """
    settings = [panel.at(family, value) for value in panel.values]
    models = [model for mixing in settings if (model := _random(panel.series(mixing, d)[name])) is not None]
    if len(models) < len(settings):
        return None
    found: list[list[float]] = []
    notes: list[str] = []
    for mixing, model in zip(settings, models, strict=True):
        with warnings.catch_warnings():
            # Unequal traces are what some figures are about.
            warnings.simplefilter("ignore", HypothesisWarning)
            error = hermite_eq.icl_error(model, mixing.task(d), mixing.sizes(d))
        found.append([error.icl, *error.icl_by_source])
        notes += error.notes
    columns = np.array(found)
    return MixingTheory(columns[:, 0], columns[:, 1:], tuple(dict.fromkeys(notes)))
