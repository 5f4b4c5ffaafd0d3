"""The theory beside the simulations of [DM]: of the very models, tasks and sizes that are simulated."""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models import MixtureTask, OneStepTransformer, RandomTransformer, Sizes, TrainedModel
from verify.campaigns.mixing import Mixing, MixingPanel

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class MixingTheory:
    """Errors along a panel's axis; NaN where the theory declines.

    Attributes
    ----------
    icl : (points,) array
    by_source : (points, sources) array
    notes : tuple of tuple of str
        For each point what the theory says of its own reach there, or why it declines.
    at_rest : MixingTheory or None
        For a first layer without a step the theory of the same model as a RandomTransformer, which takes another route where no direction
        of h is large.
    """

    icl: Array
    by_source: Array
    notes: tuple[tuple[str, ...], ...]
    at_rest: MixingTheory | None = None


def theory(panel: MixingPanel, family: Mixing, name: str, d: int) -> MixingTheory:
    """The theory at ``d`` of the curve ``name``: of the models that are simulated.

    >>> from verify.campaigns.mixing_table import MIXING
    >>> panel = MIXING["dm-fig1"].panels[0]
    >>> found = theory(panel, panel.families[0][1], "linear", 8)
    >>> found.by_source.shape, bool((abs(found.by_source @ [0.5, 0.5] - found.icl) < 1e-12).all())
    ((7, 2), True)
    """
    points = [panel.point(family, name, value, d) for value in panel.values]
    still = [(_at_rest(model), task, sizes) for model, task, sizes in points]
    other = None if any(model is None for model, _, _ in still) else _along(still)  # type: ignore[arg-type]
    return replace(_along(points), at_rest=other)


def _at_rest(model: TrainedModel) -> RandomTransformer | None:
    """The same model as one that knows no step."""
    if isinstance(model, OneStepTransformer) and model.step_size == 0:
        return RandomTransformer(model.head, model.ridge, normalise=model.normalise)
    return None


def _along(points: Sequence[tuple[TrainedModel, MixtureTask, Sizes]]) -> MixingTheory:
    # Some models do not know the axis: a head without a step that of η.
    known = {point: _errors(*point) for point in dict.fromkeys(points)}
    values, notes = zip(*(known[point] for point in points), strict=True)
    columns = np.array(values)
    return MixingTheory(columns[:, 0], columns[:, 1:], notes)


def _errors(model: TrainedModel, task: MixtureTask, sizes: Sizes) -> tuple[list[float], tuple[str, ...]]:
    """The error, in the test and on each source, and the theory's notes."""
    try:
        with warnings.catch_warnings():
            # Unequal traces, and steps beyond o(d²), are what some figures are about.
            warnings.simplefilter("ignore", HypothesisWarning)
            error = hermite_eq.icl_error(model, task, sizes)
    except HypothesisError as declined:
        return [math.nan] * (1 + len(task.sources)), (f"no value: {declined.hypothesis}; found {declined.found}",)
    return [error.icl, *error.icl_by_source], error.notes
