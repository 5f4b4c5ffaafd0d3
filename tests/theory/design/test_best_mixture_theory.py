"""Curves over mixtures are the errors at their points, and best mixtures are best: conditions, neighbours, grids and limits."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, OneStepTransformer, RandomTransformer, Sizes, Source, Spike, Task
from hermite_eq.theory import best_mixture, icl_error, mixing_curve, mixing_gradient

SIZES = Sizes.from_ratios(10, alpha=1, kappa=math.inf, tau=1.5, mu=0.7)
RELU, TANH, NOISY = Source("relu", 0.01), Source("tanh", 0.05), Source("relu", 0.5)
TARGETS = Task(sources=[RELU, TANH], weights=[0.2, 0.8])
NOISE = Task(sources=[RELU, NOISY], unit_inputs=True, unit_link=True)
SPIKED = Task(sources=[RELU, Source("relu", 0.3, task_cov=Spike(9.0))], test_weights=[0.6, 0.4])
#: No direction holds 2 % of h, beyond which icl_error takes it as a type of the neurons, for which there are no curves over mixtures.
DIFFUSE = Task(sources=[RELU, Source("relu", 0.3, task_cov=Spike(4.0))], test_weights=[0.6, 0.4])
LINEAR = LinearTransformer(2.0, intercept=True)
HEAD = RandomTransformer("relu", 20.0, normalise=True)
PLAIN = RandomTransformer("relu", 5.0)


@pytest.mark.filterwarnings("ignore:source . .* is never sampled")
@pytest.mark.parametrize(("task", "model", "share"), [(TARGETS, HEAD, 0.3), (DIFFUSE, PLAIN, 0.0)], ids=["targets", "spiked"])
def test_a_curve_is_the_error_at_its_points(task: Task, model: Model, share: float) -> None:
    """At the ends icl_error has one source less in training: the same number by another computation."""
    curve = mixing_curve(model, task, SIZES, [share, 1.0])
    assert len(curve) == 2
    point, at = curve[0], icl_error(model, replace(task, weights=(1 - share, share)), SIZES)
    for name in ("icl", "idg", "bias", "effective_ridge", "dof"):
        # The weights of the sources settle to 1e-12.
        assert getattr(point, name) == pytest.approx(getattr(at, name), rel=1e-10), name
    assert point.icl_by_source == pytest.approx(at.icl_by_source, rel=1e-10)
    assert point.icl == pytest.approx(np.dot(task.test_weights, point.icl_by_source), rel=1e-14)
    assert point.idg == pytest.approx(np.dot((1 - share, share), point.icl_by_source), rel=1e-9)


def test_the_columns_of_a_table() -> None:
    curve = mixing_curve(LINEAR, TARGETS, SIZES, [[0.5, 0.5], [0.25, 0.75]], ridge=1.0)
    frame = curve.to_dataframe()
    assert list(frame.columns[:4]) == ["weight_0", "weight_1", "ridge", "icl"]
    assert list(frame.columns[-2:]) == ["icl_0", "icl_1"]
    assert (frame["ridge"] == 1.0).all()
    assert np.array_equal(frame["weight_1"], [0.5, 0.75])


def test_the_best_ridge_at_each_mixture() -> None:
    curve = mixing_curve(LINEAR, TARGETS, SIZES, [0.3, 0.4], ridge="optimal")
    for weights, ridge, icl in zip(curve.weights, curve.ridge, curve.icl, strict=True):
        task = replace(TARGETS, weights=tuple(weights))
        slope = ridge * mixing_gradient(replace(LINEAR, ridge=ridge), task, SIZES).d_ridge
        # λ is found to 1e-7 decades; the second derivative in log λ is below the error.
        assert abs(slope) < 1e-6 * icl
        for factor in (0.01, 0.9, 1.1, 100.0):
            assert mixing_curve(LINEAR, TARGETS, SIZES, [weights], ridge=factor * ridge).icl[0] > icl


def test_labels_without_signal_ask_for_an_infinite_ridge() -> None:
    """|x| has no linear part: a linear Transformer without intercept can only predict 0."""
    task = Task(sources=[Source("abs", 0.1), Source("abs", 0.5)])
    curve = mixing_curve(LinearTransformer(1.0), task, SIZES, [0.5], ridge="optimal")
    assert curve.ridge[0] == math.inf
    # 1/λ at the end of the search is 1e-6.
    assert curve.icl[0] == pytest.approx(1.3, rel=1e-5)


@pytest.mark.parametrize(("model", "ridge"), [(HEAD, None), (LINEAR, "optimal")], ids=["head", "linear, best ridge"])
def test_an_interior_best_mixture(model: Model, ridge: Literal["optimal"] | None) -> None:
    best = best_mixture(model, TARGETS, SIZES, ridge=ridge)
    assert best.unused == ()
    # The share is a zero of the derivative to 1e-12, λ to 1e-8 decades.
    assert best.residual < 1e-7
    assert np.abs(best.gradient).max() == pytest.approx(best.residual * best.error.icl, rel=1e-12)
    share = best.weights[1]
    near = mixing_curve(best.model, TARGETS, SIZES, [share - 0.1, share - 0.01, share + 0.01, share + 0.1]).icl
    assert (near > best.error.icl).all()
    assert best.curve is not None
    assert (best.curve.icl >= best.error.icl).all()
    (given,) = np.flatnonzero(np.abs(best.curve.weights[:, 1] - 0.8) < 1e-9)
    assert best.given == pytest.approx(best.curve.icl[given], rel=1e-9)
    assert best.error.icl < min(best.alone)
    low, high = best.within[1]
    assert 0 < low < share < high < 1
    if ridge is None:
        # Ends are found to 1e-4, where the slope of the error is of the order of the error.
        assert mixing_curve(model, TARGETS, SIZES, [low, high]).icl == pytest.approx(1.01 * best.error.icl, rel=1e-3)
    assert best.within[0] == pytest.approx(1 - best.within[1][::-1])
    assert best.ridge == best.model.ridge


def test_a_source_that_should_not_be_trained_on() -> None:
    best = best_mixture(LINEAR, NOISE, SIZES)
    assert best.weights.tolist() == [1.0, 0.0]
    assert best.unused == (1,)
    assert best.gradient[1] > 0
    assert best.residual == 0
    assert best.error.icl == best.alone[0] < best.matched == pytest.approx(best.given, rel=1e-12)
    assert "source 1 should not be trained on" in str(best)
    # The other way round, and a test on the clean source alone.
    swapped = Task(sources=[NOISY, RELU], unit_inputs=True, unit_link=True)
    other = best_mixture(LINEAR, swapped, SIZES, test_weights=[0.0, 1.0])
    assert other.unused == (0,)
    assert other.task.test_weights == (0.0, 1.0)
    assert other.error.icl == other.error.icl_by_source[1] == pytest.approx(best.error.icl_by_source[0], rel=1e-10)


def test_three_sources_against_a_grid() -> None:
    task = Task(sources=[RELU, TANH, NOISY])
    best = best_mixture(LINEAR, task, SIZES)
    grid = [(i / 8, j / 8, (8 - i - j) / 8) for i in range(9) for j in range(9 - i)]
    curve = mixing_curve(LINEAR, task, SIZES, grid)
    assert (curve.icl >= best.error.icl).all()
    assert np.abs(curve.weights[curve.least] - best.weights).max() <= 1 / 8
    assert best.unused == (2,)
    assert best.residual < 1e-9
    assert best.curve is None
    assert best.gradient[2] > 0


def test_equal_sources_may_be_mixed_at_will() -> None:
    best = best_mixture(LINEAR, Task(sources=[RELU, RELU], weights=[0.2, 0.8]), SIZES)
    # Differences of equal numbers, which carry the error of the fixed point.
    assert np.abs(best.gradient).max() < 1e-10 * best.error.icl
    assert best.error.icl == pytest.approx(best.alone.max(), rel=1e-10)
    assert best.within == pytest.approx(np.array([[0.0, 1.0], [0.0, 1.0]]))


def test_with_more_and_more_data_the_best_mixture_is_the_test() -> None:
    """As n → ∞ training minimises the error on the training mixture among all linear predictors: no mixture beats the test's."""
    task = Task(sources=[RELU, Source("tanh", 0.05, task_cov=Spike(4.0))], test_weights=[0.3, 0.7])
    off = []
    for tau in (1e3, 1e4):
        sizes = replace(SIZES, samples=round(tau * 100))
        off.append(best_mixture(LinearTransformer(0.0, intercept=True), task, sizes).weights[1] - 0.7)
    # What is left is a bias towards sources that are learnt from less data, of order D/n.
    assert abs(off[1]) < 0.01
    assert off[1] / off[0] == pytest.approx(0.1, rel=0.2)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mixing_curve(LINEAR, TARGETS, SIZES, [[0.5, 0.6]]),
            "training proportions are ≥ 0 and sum to one; found [0.5, 0.6]. Repair: divide them by their sum",
        ),
        (
            lambda: mixing_curve(LINEAR, TARGETS, SIZES, [0.5, 1.5]),
            "training proportions are ≥ 0 and sum to one; found [-0.5, 1.5]. Repair: divide them by their sum",
        ),
        (
            lambda: mixing_curve(LINEAR, TARGETS, SIZES, [math.nan]),
            "training proportions are ≥ 0 and sum to one; found [nan, nan]. Repair: divide them by their sum",
        ),
        (
            lambda: mixing_curve(LINEAR, TARGETS, SIZES, [[0.2, 0.3, 0.5]]),
            "mixtures are rows of 2 proportions, or shares of source 1; found shape (1, 3). Repair: pass [[0.2, 0.8], …]",
        ),
        (
            lambda: mixing_curve(LINEAR, Task(sources=[RELU, TANH, NOISY]), SIZES),
            "which mixtures is said, where there are more than two sources; found 3 sources. Repair: pass weights=[[0.2, 0.3, 0.5], …]",
        ),
        (
            lambda: best_mixture(LINEAR, Task(sources=[RELU]), SIZES),
            "there are several sources to mix; found target relu, noise variance 0.01. "
            "Repair: pass Task(sources=[Source(…), Source(…)], weights=[…])",
        ),
        (
            lambda: best_mixture(LINEAR, Task("relu", 0.01), SIZES, test_weights="uniform"),
            "there are several sources to mix; found target relu, noise variance 0.01. "
            "Repair: pass Task(sources=[Source(…), Source(…)], weights=[…])",
        ),
        (
            lambda: best_mixture(LINEAR, TARGETS, SIZES, ridge="best"),  # type: ignore[arg-type]
            """ridge is a number ≥ 0, "optimal", or None for that of the model; found ridge='best'. Repair: pass ridge="optimal\"""",
        ),
        *(
            (
                lambda ask=ask: ask(LINEAR, TARGETS, replace(SIZES, tasks=5)),
                "every training context has a task of its own, where proportions move; found tasks=5. Repair: pass tasks=math.inf",
            )
            for ask in (mixing_curve, mixing_gradient, best_mixture)
        ),
        (
            lambda: mixing_gradient(OneStepTransformer("relu", 1.0, 1.0), TARGETS, SIZES),  # type: ignore[arg-type]
            "the model is a LinearTransformer or a RandomTransformer; found OneStepTransformer. "
            "Repair: pass LinearTransformer(ridge=…) or RandomTransformer(activation, ridge=…)",
        ),
    ],
)
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
