"""Which law describes a setting, and what every law is."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from hermite_eq.models import LinearTransformer, OneStepTransformer, RandomTransformer, Ratios, Sizes, Source, Spike, Task
from hermite_eq.theory import Population, TaskPopulation, given_moments
from hermite_eq.theory.feature_law.choice import feature_law
from hermite_eq.theory.feature_law.finite_size import FiniteLaw
from hermite_eq.theory.feature_law.gradient_step import StepLaw
from hermite_eq.theory.feature_law.law import FeatureLaw, LawOverDraws
from hermite_eq.theory.feature_law.limit import HeadLimit, LinearLimit, SourcesLimit
from hermite_eq.theory.feature_law.moment_law import MomentLaw
from hermite_eq.theory.linear_limits.structured_tasks import StructuredLaw
from hermite_eq.theory.neuron_types.features import TypedLaw

LINEAR, RELU, STEP = LinearTransformer(0.1), RandomTransformer("relu", 0.1, normalise=True), OneStepTransformer("relu", 8.0, 0.1)
ONE, TWO = Task("relu", 0.01), Task(sources=[Source("relu", 0.01), Source("tanh", 0.1)])
SIZES, FEW, RATIOS = Sizes(8, 8, math.inf, 96, 64), Sizes(8, 8, 3, 96, 64), Ratios(alpha=1, kappa=math.inf, tau=1.5, mu=1)
SETTINGS: list[tuple[Any, Any, Any, type[FeatureLaw]]] = [
    (LINEAR, ONE, RATIOS, LinearLimit),
    (RELU, ONE, RATIOS, HeadLimit),
    (RELU, TWO, RATIOS, SourcesLimit),
    (LINEAR, TaskPopulation.from_covariances(ONE, np.ones(3)), RATIOS, StructuredLaw),
    (RELU, ONE, SIZES, FiniteLaw),
    (RELU, ONE, FEW, LawOverDraws),
    (RELU, TWO, SIZES, MomentLaw),
    (RELU, TWO, FEW, LawOverDraws),
    # At d = 8 the law of ‖h‖² is too wide for few moments, unless h is normalised.
    (RandomTransformer("relu", 0.1), ONE, SIZES, LawOverDraws),
    (RELU, Task(sources=[Source("relu", 0.01, input_cov=Spike(24.0))]), SIZES, TypedLaw),
    (STEP, ONE, SIZES, StepLaw),
    (OneStepTransformer("relu", 0.0, 0.1, normalise=True), ONE, SIZES, FiniteLaw),
    (RELU, given_moments([Population(np.eye(6), np.ones(6) / 6, square=0.3)]), SIZES, MomentLaw),
]


@pytest.mark.parametrize(("model", "task", "where", "law"), SETTINGS)
def test_what_is_known_of_a_setting_decides_its_law(
    model: Any, task: Any, where: Any, law: type[FeatureLaw], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 128)
    assert type(feature_law(model, task, [where])) is law


def _below(law: Any) -> Iterator[Any]:
    yield law
    for subclass in law.__subclasses__():
        yield from _below(subclass)


@pytest.mark.parametrize("law", [*_below(FeatureLaw)])
def test_a_law_is_abstract_or_final_and_frozen(law: Any) -> None:
    assert law.__dataclass_params__.frozen
    assert inspect.isabstract(law) == bool(law.__subclasses__())
