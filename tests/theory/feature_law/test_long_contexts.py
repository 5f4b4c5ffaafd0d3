"""At finite d and long contexts, where the noise in b is the smallest of its parts: a value, or a reason; never an undefined number."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import pytest
from simulated import simulated

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, RandomTransformer, Sizes, Task, TrainedModel
from hermite_eq.theory import icl_curve, icl_error
from hermite_eq.theory.feature_law.choice import isotropic_law

HYPOTHESES = (
    "the noise in b exceeds its fluctuations over contexts, about whose mean the theory at finite d expands",
    "d, ℓ and k are large enough for the theory, whose remainder is of the next order in 1/d",
)


@pytest.mark.parametrize(("target", "d"), [("identity", 8), ("relu", 10)])
def test_every_size_has_a_value_or_a_reason(target: str, d: int) -> None:
    values, reasons = 0, set()
    for alpha, kappa, ridge in itertools.product((4, 100), (0.125, 2), (0.0, 0.01)):
        try:
            predicted = icl_error(LinearTransformer(ridge), Task(target, 0.01), Sizes.from_ratios(d, alpha=alpha, kappa=kappa, tau=2))
        except HypothesisError as error:
            reasons.add(error.hypothesis)
            continue
        assert math.isfinite(predicted.icl)
        assert math.isfinite(predicted.idg)
        values += 1
    assert values >= 3
    assert reasons <= set(HYPOTHESES)


#: Beyond an expansion in 1/d: noise in b below its fluctuations, and norms of h of a relative variance above 16.
BEYOND: dict[str, tuple[TrainedModel, Task, Sizes]] = {
    "linear, long contexts": (LinearTransformer(0.01), Task("identity", 0.01), Sizes.from_ratios(8, alpha=50, kappa=2, tau=2)),
    "tanh, wide norms": (RandomTransformer("tanh", 0.1, normalise=True), Task("square", 0.01), Sizes(8, 4, math.inf, 96, 48)),
}  # fmt: skip


@pytest.mark.parametrize("name", BEYOND)
def test_beyond_an_expansion_contexts_are_drawn(name: str) -> None:
    """Within five standard errors of 60 simulated runs; that of half the samples is not."""
    model, task, sizes = BEYOND[name]
    with pytest.raises(HypothesisError):
        isotropic_law(model, task, sizes).solution([sizes])
    predicted, measured = icl_error(model, task, sizes), simulated(model, task, sizes, runs=60, rng=0)
    wrong = icl_error(model, task, replace(sizes, samples=sizes.samples // 2))
    for error in ("icl", "idg"):
        mean = getattr(measured, error)
        slack = 5 * math.hypot(mean.stderr, getattr(predicted, f"{error}_stderr"))
        assert abs(getattr(predicted, error) - mean.mean) < slack
        assert abs(getattr(wrong, error) - mean.mean) > slack


def test_a_curve_beyond_the_expansion_is_its_points() -> None:
    """With many samples of long contexts it does not hold, with few it does."""
    task, model = Task("identity", 0.01), LinearTransformer(0.01)
    points = [Sizes(12, 240, 24, samples) for samples in (100, 400)]
    curve = icl_curve(model, task, points)
    for i, point in enumerate(points):
        assert curve[i].icl == pytest.approx(icl_error(model, task, point).icl, rel=1e-12)


def test_one_hidden_unit_at_a_tiny_ridge_is_solved() -> None:
    """m − df, by which the equation of γ is divided, is of the order of rounding there; γ itself is known to 1e-7."""
    model, task = RandomTransformer("abs", 1e-8, normalise=True), Task("relu", 0.0004)
    error = icl_error(model, task, Sizes(4, 58, 42, samples=300, hidden=1))
    assert error.icl_stderr > 0
    assert error.fixed_point_residual < 1e-7


def test_without_a_ridge_no_contexts_are_drawn() -> None:
    with pytest.raises(HypothesisError) as caught:
        icl_error(LinearTransformer(0), Task("identity", 0.01), Sizes.from_ratios(12, alpha=50, kappa=2, tau=2))
    assert caught.value.hypothesis == HYPOTHESES[0]


def test_few_tasks_one_by_one_need_no_noise_in_b() -> None:
    """d = 12, ℓ = 50 d, k = 6: where many tasks are refused, tasks one by one are what is simulated; the limit is not."""
    task, model, sizes = Task("identity", 0.01), LinearTransformer(0.01), Sizes.from_ratios(12, alpha=50, kappa=0.5, tau=2)
    error, limit = icl_error(model, task, sizes), icl_error(model, task, sizes.ratios)
    measured = simulated(model, task, sizes, runs=40, rng=0)
    # Five standard errors: a false alarm in 10⁵ with 40 runs.
    assert abs(error.icl - measured.icl.mean) < 5 * math.hypot(measured.icl.stderr, error.icl_stderr)
    assert abs(error.idg - measured.idg.mean) < 5 * math.hypot(measured.idg.stderr, error.idg_stderr)
    assert abs(limit.icl - measured.icl.mean) > 5 * math.hypot(measured.icl.stderr, error.icl_stderr)
