"""Exact derivatives against five-point differences, and dual numbers against what they stand for."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_error, icl_gradient
from hermite_eq.theory.dual import Dual, value

EPS = sys.float_info.epsilon
RELU = Task("relu", noise=0.01)
MODELS: list[Model] = [
    LinearTransformer(0.1), LinearTransformer(0.0, intercept=True), RandomTransformer("relu", 0.1), RandomTransformer("centred_relu", 0.1),
]  # fmt: skip
POINTS = [Ratios(1, 0.5, 1.5, 3), Ratios(2, 2, 0.6, 0.3)]


def difference(f: Callable[[float], float], x: float, h: float) -> tuple[float, float]:
    """The five-point derivative of f at x, and a bound of its error: truncation by the three-point one, rounding by the size of f."""
    a, b, c, d = (f(x + i * h) for i in (-2, -1, 1, 2))
    near, far = (c - b) / (2 * h), (d - a) / (4 * h)
    # far − near is h²/2 times the third derivative; what is left of the combination is smaller by (h/x)² up to a factor.
    # Rounding: the predictions are good to some hundred ε, and the stencil adds them with weights of sum 1.5/h.
    return (4 * near - far) / 3, 100 * (h / x) ** 2 * abs(near - far) + 500 * EPS * abs(c) * 1.5 / h


@pytest.mark.parametrize("error", ["icl", "idg"])
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_every_derivative_in_the_limit_is_a_difference_quotient(model: Model, error: str) -> None:
    for point in POINTS if error == "icl" else POINTS[:1]:
        gradient = icl_gradient(model, RELU, point, error)  # type: ignore[arg-type]
        for name in ("alpha", "kappa", "tau", "mu"):
            x = getattr(point, name)
            if name == "mu" and isinstance(model, LinearTransformer):
                assert gradient.d_mu == 0
                continue

            def along(y: float, name: str = name, point: Ratios = point) -> float:
                return float(getattr(icl_error(model, RELU, replace(point, **{name: y})), error))

            expected, bound = difference(along, x, 1e-3 * x)
            slope = getattr(gradient, f"d_{name}")
            # 1e-6 relative, as promised, wherever the difference quotient resolves it.
            assert abs(slope - expected) <= 1e-6 * abs(expected) + bound
            assert abs(1.01 * slope - expected) > 1e-6 * abs(expected) + bound, "a derivative 1 % off is not seen"


@pytest.mark.parametrize("model", [LinearTransformer(0.1), LinearTransformer(0.05, intercept=True)], ids=str)
def test_the_derivative_in_the_ridge(model: LinearTransformer) -> None:
    for point in POINTS:
        gradient = icl_gradient(model, RELU, point)

        def along(ridge: float, point: Ratios = point) -> float:
            return icl_error(replace(model, ridge=ridge), RELU, point).icl

        expected, bound = difference(along, model.ridge, 1e-3 * model.ridge)
        assert abs(gradient.d_ridge - expected) <= 1e-6 * abs(expected) + bound


@pytest.mark.parametrize("tau", [0.5, 1.5])
def test_the_slope_in_the_ridge_at_zero_is_one_sided(tau: float) -> None:
    model, point = LinearTransformer(0.0), Ratios(1, 0.5, tau)
    values = [icl_error(replace(model, ridge=h), RELU, point).icl for h in (0.0, 1e-6, 2e-6)]
    # Three-point forward difference: truncation h²/3 f''' with f''' of the order f'³/f².
    slope = (-1.5 * values[0] + 2 * values[1] - 0.5 * values[2]) / 1e-6
    assert abs(icl_gradient(model, RELU, point).d_ridge / slope - 1) < 1e-7


@pytest.mark.parametrize("model", [RandomTransformer("relu", 0.1), LinearTransformer(0.1, True)], ids=str)
def test_derivatives_at_finite_size(model: Model) -> None:
    """n and m are large enough for difference quotients over integers."""
    sizes = Sizes.from_ratios(40, alpha=1, kappa=2, tau=1.5, mu=0.7)
    gradient = icl_gradient(model, RELU, sizes)
    units = {"samples": ("tau", 1600), "hidden": ("mu", 1600), "tasks": ("kappa", 40)}
    for name, (ratio, unit) in units.items():
        if name == "hidden" and isinstance(model, LinearTransformer):
            continue
        at = [icl_error(model, RELU, replace(sizes, **{name: getattr(sizes, name) + step})).icl for step in (-4, -2, 2, 4)]
        expected = (at[0] - 8 * at[1] + 8 * at[2] - at[3]) / 24 * unit
        # Truncation: the fifth derivative times step⁴, (2/n)⁴ or (2/80)⁴ relative; the weights of the nodes settle to 1e-10.
        truncation = {"samples": 1e-8, "hidden": 1e-7, "tasks": 2e-5}[name]
        slope = getattr(gradient, f"d_{ratio}")
        assert abs(slope - expected) < truncation * abs(expected) + 1e-9 * unit * gradient.error.icl
    quotient = [icl_error(model, RELU, replace(sizes, context=40 + step)).icl for step in (-1, 1)]
    assert gradient.d_alpha == pytest.approx((quotient[1] - quotient[0]) / 2 * 40, rel=1e-12)
    assert gradient.error.icl == pytest.approx(icl_error(model, RELU, sizes).icl, rel=1e-12)


def test_a_single_example_has_a_one_sided_derivative() -> None:
    model, sizes = LinearTransformer(0.1), Sizes(16, 1, 20, 600)
    first, two = (icl_error(model, RELU, replace(sizes, context=context)).idg for context in (1, 2))
    assert icl_gradient(model, RELU, sizes, "idg").d_alpha == pytest.approx((two - first) * 16, rel=1e-12)


def test_what_is_infinite_does_not_move() -> None:
    gradient = icl_gradient(RandomTransformer("relu", 0.1), RELU, Ratios(1, math.inf, 1.5, math.inf))
    assert (gradient.d_kappa, gradient.d_mu, gradient.d_ridge) == (0, 0, 0)
    assert gradient.d_tau < 0


def test_dual_numbers_carry_the_derivatives_of_functions() -> None:
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.5, 2, (2, 3, 2))

    def f(x: Any, y: Any) -> Any:
        matrix = np.stack([np.stack([x + 3, y], -1), np.stack([x * y, 4 + np.square(y)], -1)], -2)
        solved = np.linalg.solve(matrix, np.stack([x, -y], -1)[..., None])[..., 0]
        bent = np.where(x > 1, np.hypot(x, y), np.maximum(x, y) ** 3)
        return (solved.sum(-1) * bent - 1 / (x + 1)) * np.sqrt(y) + np.abs(x - y)

    seeds = [Dual(z, np.stack([np.ones_like(z) * (i == j) for j in range(2)])) for i, z in enumerate((x, y))]
    derivative = f(*seeds)
    assert isinstance(derivative, Dual)
    assert np.array_equal(value(derivative), f(x, y))
    h = 1e-6
    for i, (dx, dy) in enumerate(((h, 0), (0, h))):
        quotient = (f(x + dx, y + dy) - f(x - dx, y - dy)) / (2 * h)
        # Truncation h² times third derivatives up to some hundred, rounding ε/h.
        assert np.abs(derivative.partials[i] - quotient).max() < 1e-8
    with pytest.raises(TypeError):
        np.exp(seeds[0])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: icl_gradient(RandomTransformer("relu", 0), RELU, Ratios(1, 1, 2, 2)),
            "the error is finite where its gradient is asked for; found icl = inf at Ratios(alpha=1.0, kappa=1.0, tau=2.0, mu=2.0). "
            "Repair: move n away from m",
        ),
    ],
)
def test_messages(call: object, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()  # type: ignore[operator]
    assert str(caught.value) == message
