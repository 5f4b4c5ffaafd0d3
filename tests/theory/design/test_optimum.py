"""Optima are optima, and the ends of the search are named."""

from __future__ import annotations

import math
from typing import Any

import pytest
import sympy

from hermite_eq.activations import activation
from hermite_eq.activations.names.registry import register
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X
from hermite_eq.models import LinearTransformer, Model, OneStepTransformer, RandomTransformer, Ratios, Sizes, Source, Task, TrainedModel
from hermite_eq.theory import best_head, head_error, icl_error, icl_gradient, optimal_ridge, optimal_ridge_curve

RELU = Task("relu", noise=0.01)
MODERATE = Ratios(alpha=1, kappa=0.5, tau=1.5, mu=3)


def with_ridge(model: TrainedModel, ridge: float) -> TrainedModel:
    return LinearTransformer(ridge, model.intercept) if isinstance(model, LinearTransformer) else RandomTransformer(model.activation, ridge)


@pytest.mark.parametrize(
    ("model", "where"),
    [
        (LinearTransformer(0.0), Ratios(2, 0.5, 0.8)),
        (LinearTransformer(0.0, intercept=True), Ratios(1, 3, 2)),
        (RandomTransformer("relu", 0.0), Sizes.from_ratios(40, alpha=1, kappa=0.5, tau=1.5, mu=1)),
        # Its tasks are drawn one by one.
        (LinearTransformer(0.0), Sizes(16, 16, 4, 200)),
    ],
)
@pytest.mark.parametrize("error", ["icl", "idg"])
def test_the_optimal_ridge_is_a_minimum(model: Model, where: Any, error: Any) -> None:
    best = optimal_ridge(model, RELU, where, error)
    least = getattr(best.error, error)
    assert 0 < best.ridge < math.inf
    # λ is known to 1e-5 decades; steps of 10 % and of decades all lead up.
    for factor in (0.01, 0.1, 0.9, 1.1, 10, 100):
        assert getattr(icl_error(with_ridge(model, factor * best.ridge), RELU, where), error) > least


def test_pure_noise_asks_for_an_infinite_ridge() -> None:
    noise = optimal_ridge(LinearTransformer(0.0), Task("abs", noise=0.1), Ratios(1, 1, 2))
    assert noise.ridge == math.inf
    # All that is left is the constant predictor 0, up to 1e-6 (1/λ at the end of the search) of E y².
    assert abs(noise.error.icl / 1.1 - 1) < 1e-5


def test_the_limit_of_a_random_head_has_no_ridge() -> None:
    with pytest.raises(HypothesisError) as caught:
        optimal_ridge(RandomTransformer("relu", 0.0), RELU, MODERATE)
    assert str(caught.value) == (
        "the ridge has an effect on the error; found relu at Ratios(alpha=1.0, kappa=0.5, tau=1.5, mu=3.0), "
        "where the ridge per sample λ/d is 0. Repair: pass Sizes.from_ratios(d, …) for a d"
    )


def test_no_named_head_beats_the_best_one() -> None:
    best = best_head(RELU, MODERATE)
    for name in ("relu", "leaky_relu", "softplus", "elu", "gelu", "sigmoid", "silu", "exp"):
        assert icl_error(RandomTransformer(name, 0.0), RELU, MODERATE).icl >= best.error.icl * (1 - 1e-12), name
    for factor in (0.5, 0.9, 1.1, 2):
        assert head_error(factor * best.residual_ratio, RELU, MODERATE).icl > best.error.icl


def test_the_best_head_is_stationary_in_its_ratio() -> None:
    """Half a per cent to either side the error rises by equal amounts, up to the third derivative's δ³ beside the second's δ²."""
    best = best_head(RELU, MODERATE)
    below, above = (head_error(best.residual_ratio * math.exp(sign * 5e-3), RELU, MODERATE).icl - best.error.icl for sign in (-1, 1))
    assert abs(below - above) < 0.05 * (below + above)


def test_messages_of_the_head() -> None:
    with pytest.raises(HypothesisError) as caught:
        head_error(-0.1, RELU, MODERATE)
    assert str(caught.value) == "c_*²/c_1² is finite and ≥ 0; found residual_ratio=-0.1. Repair: pass residual_ratio=0.5, say"
    with pytest.raises(HypothesisError, match="a random head has hidden units"):
        best_head(RELU, Ratios(1, 0.5, 1.5))


def test_with_few_units_the_linear_head_is_best() -> None:
    """μ < τ: noise in the features does not regularise (κ₁ = 0), it only costs."""
    assert best_head(RELU, Ratios(1, 0.5, 1.5, 1.0)).residual_ratio == 0.0


def test_the_best_head_is_between_all_others_and_the_best_ratio() -> None:
    best = best_head(RELU, MODERATE)
    assert best.error.icl < best.activation_error.icl
    heads = ("relu", "gelu", "softplus", "shifted_relu", "silu")
    named = {name: icl_error(RandomTransformer(name, 0.0), RELU, MODERATE).icl for name in heads}
    assert min(named.values()) == pytest.approx(best.activation_error.icl, rel=1e-12)
    assert named[best.activation] == min(named.values())


def test_a_head_registered_later_is_considered_if_lipschitz() -> None:
    before = best_head(RELU, MODERATE)
    register(activation(X * sympy.exp(-X), name="ricker_map"))
    assert best_head(RELU, MODERATE).activation == before.activation
    nearer = register(activation(sympy.Max(X - 1, 0), name="shifted_further"))
    after = best_head(RELU, MODERATE)
    assert after.activation == nearer.name
    assert after.activation_error.icl < before.activation_error.icl


def test_the_curve_of_optimal_ridges_is_stationary() -> None:
    """The exact derivative in λ at λ* = e''(δλ), δλ/λ* at most 10⁻⁵ (half of the last spacing, 4·10⁻⁶ decades); e'' from a step of 1 %."""
    points = [Sizes.from_ratios(20, alpha=1, kappa=1, tau=1.5, mu=mu) for mu in (0.5, 4.5)]
    curve = optimal_ridge_curve(RandomTransformer("relu", 0.0, normalise=True), RELU, points)
    for point, ridge, error in zip(points, curve.ridge, curve.error, strict=True):
        at, above = (icl_gradient(RandomTransformer("relu", factor * ridge, normalise=True), RELU, point) for factor in (1.0, 1.01))
        assert abs(at.d_ridge) < 1e-5 * abs(above.d_ridge) / 0.01
        # The fixed point is solved for other neighbours on the grid: rounding.
        assert abs(error / at.error.icl - 1) < 1e-13
    noise = optimal_ridge_curve(LinearTransformer(0.0), Task("abs", noise=0.1), [Sizes(20, 20, 20, 800)])
    assert noise.ridge[0] == math.inf


def test_a_head_after_a_step_has_an_optimal_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    """On six ridges for time: there is no theory at λ = 0, with which the least is compared elsewhere."""
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.NODES", 64)
    monkeypatch.setattr("hermite_eq.theory.design.optimum._DECADES", (-2.0, 3.0))
    monkeypatch.setattr("hermite_eq.theory.design.optimum._STEP", 1.0)
    sizes, head = Sizes.from_ratios(8, alpha=1, kappa=math.inf, tau=1, mu=0.5), OneStepTransformer("relu", 16.0, 1.0, normalise=True)
    best = optimal_ridge(head, RELU, sizes)
    assert 0 < best.ridge < math.inf
    for factor in (0.5, 2.0):
        assert icl_error(with_ridge(head, factor * best.ridge), RELU, sizes).icl > best.error.icl


def test_beyond_an_expansion_there_is_an_optimal_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    """ℓ = 50 d, where contexts are drawn: no ridge of a few is better."""
    monkeypatch.setattr("hermite_eq.theory.design.optimum._DECADES", (-2.0, 3.0))
    monkeypatch.setattr("hermite_eq.theory.design.optimum._STEP", 1.0)
    sizes, task = Sizes(6, 300, 12, samples=20), Task("identity", noise=0.5)
    best = optimal_ridge(LinearTransformer(0.0), task, sizes)
    assert 0 < best.ridge < math.inf
    for factor in (0.1, 10.0):
        assert icl_error(LinearTransformer(factor * best.ridge), task, sizes).icl > best.error.icl


def test_several_sources_have_an_optimal_ridge() -> None:
    """One isotropic source, as a mixture, against the engine of a task: both have the limit; the remainders are O(1/d)."""
    sizes = Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=1.5)
    head = LinearTransformer(0.0, intercept=True)
    mixed = optimal_ridge(head, Task(sources=[Source("relu", noise=0.2)], weights=[1.0]), sizes)
    plain = optimal_ridge(head, Task("relu", noise=0.2), sizes)
    assert abs(mixed.error.icl / plain.error.icl - 1) < 1 / 16
    assert 0 < mixed.ridge < math.inf
    curve = optimal_ridge_curve(head, Task(sources=[Source("relu", noise=0.2)], weights=[1.0]), [sizes])
    assert curve.error[0] == pytest.approx(mixed.error.icl, rel=1e-12)
    # Where the error is flat to rounding, its minimum is known to the square root of that.
    assert curve.ridge[0] == pytest.approx(mixed.ridge, rel=1e-7)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([Sizes(20, 20, 20, 800, 10), Sizes(30, 20, 20, 800, 10)],
         "the points differ in n and m alone; found 2 points. Repair: pass points of one d, context and tasks"),
        ([Sizes(20, 20, 20, 800)],
         "a random head has hidden units; found Sizes(d=20, context=20, tasks=20, samples=800, hidden=None). Repair: pass hidden=…"),
    ],
)  # fmt: skip
def test_messages_of_the_curve(points: list[Sizes], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        optimal_ridge_curve(RandomTransformer("relu", 0.0), RELU, points)
    assert str(caught.value) == message
