"""The gradient in the training proportions against difference quotients, inside the simplex and at its ends."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq.activations import activation
from hermite_eq.errors import HypothesisError
from hermite_eq.models import (
    LinearTransformer,
    Model,
    PolynomialActivation,
    RandomTransformer,
    Ratios,
    Sizes,
    Source,
    Spike,
    Task,
    Toeplitz,
)
from hermite_eq.theory import icl_error, mixing_curve, mixing_gradient
from hermite_eq.theory.feature_law.head import HeadMoments
from hermite_eq.theory.feature_law.sources import contexts as source_contexts
from hermite_eq.theory.feature_law.sources import mixture

EPS = sys.float_info.epsilon
Array = NDArray[np.float64]
SIZES = Sizes.from_ratios(10, alpha=1, kappa=math.inf, tau=1.2, mu=0.7)
CLEAN = Source("relu", 0.01)
#: Sources that differ in noise, trace, task covariance and target; in the inputs of [RT], and in those of [DM] with a third one.
TWO = Task(sources=[CLEAN, Source("relu", 0.3, task_cov=Spike(9.0))], weights=[0.3, 0.7], test_weights=[0.6, 0.4])
THREE = Task(
    sources=[CLEAN, Source("tanh", 0.3, input_cov=Spike(3.0, normalised=True)), Source("gelu", 0.1, task_cov=Toeplitz(0.5))],
    weights=[0.3, 0.5, 0.2], unit_inputs=True, unit_link=True,
)  # fmt: skip
#: h has a mean, which enters t = tr Cov(h) quadratically.
CENTRED = Task(sources=[Source("relu", 0.1, input_mean=0.5), Source("tanh", 0.1)], weights=[0.4, 0.6])
HEADS: list[Model] = [
    RandomTransformer("relu", 0.1, normalise=True),
    RandomTransformer("gelu", 0.1),
    RandomTransformer("tanh", 0.0),
    RandomTransformer(PolynomialActivation("cubic", (0.4, 0.5, 0.3, 0.2), 0.25), 0.1),
    LinearTransformer(0.1, intercept=True),
    LinearTransformer(0.0),
]


@pytest.fixture(autouse=True)
def _few_contexts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A derivative is one whatever the law of the contexts: a few of them will do."""
    monkeypatch.setattr(source_contexts, "CONTEXTS", 2**10)
    monkeypatch.setattr(source_contexts, "_CELLS", (6, 2))
    mixture._fresh_moments.cache_clear()
    yield
    mixture._fresh_moments.cache_clear()


def errors(model: Model, task: Task, weights: Array) -> Array:
    """(ICL, IDG, ICL by source), by the iteration of the fixed point, without derivatives."""
    point = mixing_curve(model, task, SIZES, [weights])[0]
    return np.array([point.icl, point.idg, *point.icl_by_source])


def five_points(f: Callable[[float], Array], h: float) -> tuple[Array, Array]:
    """The derivative at 0, and a bound of its error: truncation by the three-point one, rounding by the size of f."""
    a, b, c, d = (f(i * h) for i in (-2, -1, 1, 2))
    near, far = (c - b) / (2 * h), (d - a) / (4 * h)
    # near − far is h²/2 times the third derivative, and what is left smaller by (h/π)², π ≥ 0.2. The sources' weights settle to 1e-12.
    return (4 * near - far) / 3, 100 * (h / 0.2) ** 2 * np.abs(near - far) + 1.5e-12 * np.abs(c) / h


@pytest.mark.parametrize(
    ("task", "model"),
    [*((TWO, head) for head in HEADS), *((THREE, head) for head in HEADS[1::4]), (CENTRED, HEADS[1])],
    ids=lambda x: {TWO: "two", THREE: "three", CENTRED: "mean"}[x] if isinstance(x, Task) else f"{x}-{x.ridge}",
)
def test_every_derivative_is_a_difference_quotient(task: Task, model: Model) -> None:
    gradient = mixing_gradient(model, task, SIZES)
    weights = np.array(task.weights)
    for s in range(len(weights)):
        towards = np.eye(len(weights))[s] - weights
        expected, bound = five_points(lambda x, v=towards: errors(model, task, weights + x * v), 1e-3)  # type: ignore[misc]
        slopes = np.array([gradient.icl[s], gradient.idg[s], *gradient.icl_by_source[:, s]])
        assert (np.abs(slopes - expected) <= bound).all()
        assert np.abs(1.01 * slopes - expected).max() > bound.max(), "a derivative 1 % off is not seen"
    assert abs(weights @ gradient.icl) < 64 * EPS * np.abs([gradient.icl, gradient.idg]).max()
    at = icl_error(model, mixture.mixture_moments(task, SIZES.d, SIZES.context), SIZES)
    assert gradient.error.icl == pytest.approx(at.icl, rel=1e-12)
    assert gradient.error.idg == pytest.approx(at.idg, rel=1e-12)


@pytest.mark.parametrize("model", [HEADS[0], HEADS[1], HEADS[4]], ids=str)
def test_the_derivative_in_the_ridge(model: Model) -> None:
    def along(x: float) -> Array:
        ridge = model.ridge * (1 + x)
        return np.array([mixing_curve(model, TWO, SIZES, [TWO.weights], ridge=ridge)[0].icl])

    expected, bound = five_points(along, 1e-3)
    slope = mixing_gradient(model, TWO, SIZES).d_ridge * model.ridge
    assert abs(slope - expected[0]) <= bound[0]
    assert abs(1.01 * slope - expected[0]) > bound[0]


@pytest.mark.filterwarnings("ignore:source . .* is never sampled")
@pytest.mark.parametrize(("s", "model"), [(0, HEADS[0]), (1, HEADS[1]), (0, HEADS[4])], ids=str)
def test_at_an_end_the_derivative_points_inside(model: Model, s: int) -> None:
    """One-sided differences."""
    corner = np.eye(2)[s]
    gradient = mixing_gradient(model, replace(TWO, weights=tuple(corner)), SIZES)
    inside, h = np.eye(2)[1 - s] - corner, 1e-3
    f = np.array([errors(model, TWO, corner + i * h * inside) for i in range(7)])
    five = (-25 * f[0] + 48 * f[1] - 36 * f[2] + 16 * f[3] - 3 * f[4]) / (12 * h)
    seven = (-147 * f[0] + 360 * f[1] - 450 * f[2] + 400 * f[3] - 225 * f[4] + 72 * f[5] - 10 * f[6]) / (60 * h)
    # The rule of order 6 is nearer to the derivative than to that of order 4; its weights add up to 28/h.
    bound = np.abs(seven - five) + 28e-12 * np.abs(f[0]) / h
    slopes = np.array([gradient.icl[1 - s], gradient.idg[1 - s], *gradient.icl_by_source[:, 1 - s]])
    assert (np.abs(slopes - seven) <= bound).all()
    assert np.abs(1.01 * slopes - seven).max() > bound.max(), "a derivative 1 % off is not seen"
    assert gradient.icl[s] == 0


def test_along_a_direction() -> None:
    gradient = mixing_gradient(HEADS[4], THREE, SIZES)
    weights, v = np.array(THREE.weights), np.array([0.5, -0.2, -0.3])
    expected, bound = five_points(lambda x: errors(HEADS[4], THREE, weights + x * v), 1e-3)
    assert abs(gradient.along([0.5, -0.2, -0.3]) - expected[0]) <= bound[0]


@pytest.mark.parametrize("head", [activation("relu"), activation("tanh"), activation("gelu"), HEADS[3].activation], ids=str)  # type: ignore[union-attr]
def test_slopes_of_coefficients_in_the_scale(head: object) -> None:
    scales, h = np.array([0.3, 1.0, 2.2]), 1e-3
    slopes = HeadMoments.log_slopes(head, scales)  # type: ignore[arg-type]
    for name in ("c0", "c1", "c2", "residual2"):

        def at(x: float, name: str = name) -> Array:
            return np.asarray(getattr(HeadMoments.scaled(head, scales * math.exp(x)), name))  # type: ignore[arg-type]

        a, b, c, d = (at(i * h) for i in (-2, -1, 1, 2))
        expected = (8 * (c - b) - (d - a)) / (12 * h)
        # Truncation h⁴ p⁵/30 with |p| ≤ 6, the degree of the square of a cubic; rounding of a sum over some hundred nodes.
        size = float(np.abs(at(0.0)).max() + np.abs(expected).max())
        assert np.abs(getattr(slopes, name) - expected).max() <= (h**4 * 6**5 / 30 + 100 * EPS * 1.5 / h) * size


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: mixing_gradient(LinearTransformer(0.1), Task(sources=[CLEAN]), SIZES),
            "there are several sources to mix; found target relu, noise variance 0.01. "
            "Repair: pass Task(sources=[Source(…), Source(…)], weights=[…])",
        ),
        (
            lambda: mixing_gradient(LinearTransformer(0.1), Task("relu", 0.01), SIZES),
            "there are several sources to mix; found target relu, noise variance 0.01. "
            "Repair: pass Task(sources=[Source(…), Source(…)], weights=[…])",
        ),
        (
            lambda: mixing_gradient(LinearTransformer(0.1), TWO, Ratios(1, 1, 1)),  # type: ignore[arg-type]
            "several sources are studied at a finite d; found Ratios(alpha=1.0, kappa=1.0, tau=1.0, mu=None). Repair: pass Sizes(…)",
        ),
        (
            lambda: mixing_gradient("linear", TWO, SIZES),  # type: ignore[arg-type]
            "the model is a LinearTransformer or a RandomTransformer; found str. "
            "Repair: pass LinearTransformer(ridge=…) or RandomTransformer(activation, ridge=…)",
        ),
        (
            lambda: mixing_gradient(RandomTransformer("relu", 0.0), TWO, Sizes(10, 10, math.inf, 100, 100)),
            "the error is finite where its gradient is asked for; found icl = inf at Sizes(d=10, context=10, tasks=inf, samples=100, "
            "hidden=100). Repair: move n away from m",
        ),
        (
            lambda: mixing_gradient(LinearTransformer(0.1), TWO, SIZES).along([1, 0]),
            "a direction on the simplex has entries of sum 0, one for each source; found [1, 0]. Repair: pass [1, -1], say",
        ),
    ],
)
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
