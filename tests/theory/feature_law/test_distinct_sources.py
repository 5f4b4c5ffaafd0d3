"""Equal data give equal errors, however they are described."""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermite_eq.errors import HypothesisError
from hermite_eq.models import (
    Dense,
    Diagonal,
    LinearTransformer,
    OneStepTransformer,
    PowerLaw,
    RandomTransformer,
    Ratios,
    Sizes,
    Source,
    Spike,
    Task,
    Toeplitz,
    TrainedModel,
)
from hermite_eq.theory import TheoryError, icl_error
from hermite_eq.theory.feature_law.choice import distinct_sources

D = 8
IDENTITIES = [Spike(0.0), Dense(np.eye(D)), Diagonal([1.0] * D), Toeplitz(0.0), PowerLaw(0.0)]
MODELS: list[TrainedModel] = [LinearTransformer(0.1), LinearTransformer(0.1, intercept=True), RandomTransformer("relu", 0.1)]
POINTS: list[Sizes | Ratios] = [
    Sizes(D, 8, math.inf, samples=96, hidden=64), Sizes(D, 16, 2, samples=96, hidden=64), Ratios(alpha=1, kappa=0.5, tau=1.5, mu=1),
]  # fmt: skip


@st.composite
def descriptions(draw: st.DrawFn) -> Task:
    """One isotropic source, as one or more sources with covariances that are the identity."""
    covariances = st.sampled_from(IDENTITIES)
    count = draw(st.integers(1, 3))
    sources = [Source("relu", 0.01, input_cov=draw(covariances), task_cov=draw(covariances)) for _ in range(count)]
    parts = np.array([draw(st.integers(1, 4)) for _ in range(count)], float)
    return Task(sources=sources, weights=(parts / parts.sum()).tolist())


@cache
def one_source(model: Any, point: Any) -> TheoryError:
    return icl_error(model, Task("relu", 0.01), point)


@settings(max_examples=12, deadline=None)
@given(descriptions(), st.sampled_from(MODELS), st.sampled_from(POINTS))
def test_one_isotropic_source_by_any_description(task: Task, model: Any, point: Any) -> None:
    first, second = one_source(model, point), icl_error(model, task, point)
    assert (second.icl, second.idg, second.effective_ridge, second.icl_stderr) == (
        first.icl,
        first.idg,
        first.effective_ridge,
        first.icl_stderr,
    )
    assert second.icl_by_source == (first.icl,) * len(task.sources)


def test_two_equal_sources_beside_another() -> None:
    """A source told twice is told once: the same numbers on every source, and on the test mixture."""
    first, second = Source("relu", 0.01, task_cov=Spike(4.0)), Source("tanh", 0.1)
    twice = Task(sources=[first, second, first], weights=[0.25, 0.5, 0.25], test_weights=[0.5, 0.25, 0.25])
    once = Task(sources=[first, second], weights=[0.5, 0.5], test_weights=[0.75, 0.25])
    sizes = POINTS[0]
    twice_error, expected = icl_error(MODELS[2], twice, sizes), icl_error(MODELS[2], once, sizes)
    # The same law: sums of weights that are exact binary fractions.
    assert (twice_error.icl, twice_error.idg) == (expected.icl, expected.idg)
    a, b = expected.icl_by_source
    assert twice_error.icl_by_source == (a, b, a)


def test_equal_sources_are_one_after_a_gradient_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 256)
    step, source = OneStepTransformer("relu", 8.0, 0.1), Source("relu", 0.01)
    first, two = (icl_error(step, Task(sources=[source] * count), POINTS[0]) for count in (1, 2))
    assert (two.icl, two.idg, two.icl_by_source) == (first.icl, first.idg, (first.icl, first.icl))


def test_a_step_of_size_zero_is_no_step() -> None:
    for task in (Task("relu", 0.01), Task(sources=[Source("relu", 0.01, task_cov=Spike(3.0))])):
        models: tuple[TrainedModel, ...] = (OneStepTransformer("relu", 0.0, 0.1), RandomTransformer("relu", 0.1))
        step, none = (icl_error(model, task, POINTS[0]) for model in models)
        assert (step.icl, step.idg) == (none.icl, none.idg)


def test_sources_that_differ_are_kept() -> None:
    base = Source("relu", 0.01)
    others = [
        Source("tanh", 0.01), Source("relu", 0.02), Source("relu", 0.01, input_cov=Spike(1e-6)), Source("relu", 0.01, input_mean=0.1),
        Source("relu", 0.01, task_mean=1e-9), Source("relu", 0.01, tasks="sphere"),
    ]  # fmt: skip
    for other in others:
        assert distinct_sources(Task(sources=[base, other]), D)[1] == (0, 1)
    # The conventions of another paper are another law of h.
    assert not distinct_sources(Task(sources=[base], unit_inputs=True), D)[0].isotropic


def test_the_limit_is_that_of_one_isotropic_source() -> None:
    with pytest.raises(HypothesisError, match="a random head has hidden units"):
        icl_error(RandomTransformer("relu", 0.1), Task(sources=[Source("relu"), Source("tanh")]), Ratios(1, math.inf, 1))
    with pytest.raises(HypothesisError, match="dimension d = 8"):
        icl_error(MODELS[0], Task(sources=[Source("relu", input_cov=Dense(np.eye(5)))]), POINTS[0])
