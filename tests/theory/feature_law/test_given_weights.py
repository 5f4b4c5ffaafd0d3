"""Several random layers, and layers of given weights: theory = simulation, one layer by either route, and refusals."""

from __future__ import annotations

import math

import numpy as np
import pytest
from simulated import simulated

from hermite_eq import HypothesisError, RandomTransformer, Sizes, Source, Spike, Task, activation, equivalent_model, icl_curve, icl_error
from hermite_eq.equivalence import equivalent_transformer
from hermite_eq.expansion import scaled_coefficients
from hermite_eq.models import LinearTransformer, Ratios
from hermite_eq.theory import Population, given_features, given_moments, interpolation_peak

TASK = Task("relu", noise=0.01)
#: Two-sided false-alarm rate 2.7e-3 for each comparison, of seeds that are fixed.
SIGMAS = 3.0


def _model(*activations: str, width: int, normalise: bool = True) -> RandomTransformer:
    return RandomTransformer(activations=activations, hidden=[width] * (len(activations) - 1), ridge=0.1, normalise=normalise)


def _close(simulated: float, stderr: float, predicted: float, error: float, allowed: float = 0.02) -> bool:
    return abs(simulated - predicted) <= max(allowed * predicted, SIGMAS * math.hypot(stderr, error))


D24 = [
    _model("relu", "relu", width=576), _model("tanh", "tanh", width=576), _model("relu", "relu", width=288, normalise=False),
    _model("relu", "tanh", "relu", width=576),
]  # fmt: skip


@pytest.mark.parametrize(("kappa", "tau", "models"), [(math.inf, 1.5, D24), (1.0, 2.0, D24[:2])])
def test_at_24_and_the_theory_of_one_layer_is_refuted(kappa: float, tau: float, models: list[RandomTransformer]) -> None:
    sizes = Sizes.from_ratios(24, alpha=1, kappa=kappa, tau=tau, mu=1)
    runs = simulated(models, TASK, sizes, runs=60, rng=31)
    for model, run in zip(models, runs, strict=True):
        error = icl_error(model, TASK, sizes)
        assert _close(run.icl.mean, run.icl.stderr, error.icl, error.icl_stderr), str(model)
        assert _close(run.idg.mean, run.idg.stderr, error.idg, error.idg_stderr), str(model)
        # The wrong theories: the same with ten per cent more, and the last activation alone, which of tanh is only three per cent off.
        assert abs(run.icl.mean - 1.1 * error.icl) > SIGMAS * run.icl.stderr
        single_layer = icl_error(RandomTransformer(model.activations[-1], model.ridge, model.normalise), TASK, sizes)
        if kappa == math.inf and model.activations[0].name == "relu":
            assert abs(run.icl.mean - single_layer.icl) > SIGMAS * run.icl.stderr


def test_at_40() -> None:
    sizes = Sizes.from_ratios(40, alpha=1, kappa=math.inf, tau=1.0, mu=0.5)
    model = _model("relu", "tanh", width=800)
    run, error = simulated(model, TASK, sizes, runs=20, rng=32), icl_error(model, TASK, sizes)
    assert _close(run.icl.mean, run.icl.stderr, error.icl, error.icl_stderr)
    assert abs(run.icl.mean - 1.1 * error.icl) > SIGMAS * run.icl.stderr


def test_one_layer_given_its_weights_is_the_random_head() -> None:
    """Two routes: the features' moments for drawn weights, and the equivalent averaged over them."""
    rng, D, sizes = np.random.default_rng(4), 300, Sizes(4, 4, math.inf, samples=500, hidden=400)
    signal = np.linspace(0.2, 1.0, D) / math.sqrt(D)
    moments = given_moments([Population(np.diag(np.linspace(0.5, 1.5, D)), signal, square=1.0)])
    averaged = icl_error(RandomTransformer("tanh", ridge=0.05), moments, sizes).icl
    W = rng.standard_normal((D, 400)) / math.sqrt(moments.trace)
    given = icl_error(LinearTransformer(ridge=0.05), given_features([W], ["tanh"], moments), sizes).icl
    # What the layer's draw moves is O(1/D).
    assert given == pytest.approx(averaged, rel=0.01)


def test_layers_of_any_origin() -> None:
    """A first layer after five steps of gradient descent and a random second one, by ridge regression on Gaussian inputs."""
    rng, D, m, n = np.random.default_rng(0), 80, 120, 240
    scale = np.sqrt(np.linspace(0.3, 1.7, D))
    beta = rng.standard_normal(D) / math.sqrt(D)

    def data(count: int) -> tuple[np.ndarray, np.ndarray]:
        x = rng.standard_normal((count, D)) * scale
        return x, np.tanh(1.5 * (x @ beta)) + 0.3 * rng.standard_normal(count)

    first, a = rng.standard_normal((D, 160)) / math.sqrt(D), rng.standard_normal(160) / math.sqrt(160)
    x, y = data(400)
    for _ in range(5):
        hidden = np.tanh(x @ first)
        first = first + x.T @ ((y - hidden @ a)[:, None] * a * (1 - hidden**2)) / 400
    layers = [first, rng.standard_normal((160, m)) / math.sqrt(160)]
    s = math.sqrt(beta**2 @ scale**2)
    slope = scaled_coefficients("tanh", np.array([1.5 * s]), 1)[0, 1] / s
    square = float(np.mean(np.tanh(1.5 * s * rng.standard_normal(400_000)) ** 2)) + 0.09
    moments = given_moments([Population(np.diag(scale**2), slope * scale**2 * beta, square=square)])
    sizes = Sizes(4, 4, math.inf, samples=n)
    predicted = icl_error(LinearTransformer(ridge=0.3), given_features(layers, ["relu", "tanh"], moments), sizes).icl

    def features(x: np.ndarray) -> np.ndarray:
        return activation("tanh")(activation("relu")(x @ layers[0]) @ layers[1])

    x, y = data(8000)
    test, errors = features(x), []
    for _ in range(40):
        inputs, label = data(n)
        phi = features(inputs)
        w = np.linalg.solve(phi.T @ phi + 0.3 * n / 4 * np.eye(m), phi.T @ label)
        errors.append(float(np.mean((y - test @ w) ** 2)))
    stderr = np.std(errors, ddof=1) / math.sqrt(len(errors))
    # The test's own labels scatter by another per cent.
    assert _close(float(np.mean(errors)), float(stderr), predicted, 0.01 * predicted)
    # The wrong theory: features that forget the mean of the first layer.
    wrong = icl_error(LinearTransformer(ridge=0.3), given_features(layers, ["relu(x) - 0.4", "tanh"], moments), sizes).icl
    assert abs(wrong / predicted - 1) > 0.02


def test_a_list_of_one_is_the_scalar() -> None:
    assert RandomTransformer(activations=["relu"], ridge=0.1) == RandomTransformer("relu", 0.1)
    assert repr(RandomTransformer(activations=["relu"], ridge=0.1)) == repr(RandomTransformer("relu", 0.1))


def test_a_curve_is_its_points() -> None:
    sizes, model = Sizes(8, 8, math.inf, 80, 40), _model("relu", "tanh", width=30)
    curve = icl_curve(model, TASK, sizes, hidden=[20, 40, 30])
    assert curve.icl[1] == pytest.approx(icl_error(model, TASK, sizes).icl, rel=1e-10)
    many = icl_curve(model, TASK, sizes, samples=[60, 80])
    assert many.icl[1] == pytest.approx(curve.icl[1], rel=1e-10)


def test_equal_sources_are_one() -> None:
    sizes, model = Sizes(8, 8, math.inf, 80, 40), _model("relu", "tanh", width=30)
    twice = Task(sources=[Source("relu", 0.01), Source("relu", 0.01)])
    assert icl_error(model, twice, sizes).icl == pytest.approx(icl_error(model, TASK, sizes).icl, rel=1e-10)


def test_what_is_of_one_layer_refuses_several() -> None:
    deep, where = _model("relu", "tanh", width=30), Ratios(1, 0.5, 1.5, 1)
    for ask in (
        lambda: equivalent_transformer(deep, TASK),
        lambda: interpolation_peak(deep, TASK, where),
        lambda: deep.activation,
    ):
        with pytest.raises(HypothesisError, match="one random layer"):
            ask()
    with pytest.raises(HypothesisError, match="so that d is finite"):
        icl_error(deep, TASK, where)
    with pytest.raises(HypothesisError, match="few moments of h"):
        icl_error(deep, Task(sources=[Source("relu", 0.1, input_cov=Spike(20.0))]), Sizes(6, 6, math.inf, 60, 30))
    with pytest.raises(HypothesisError, match="hidden units"):
        icl_error(deep, TASK, Sizes(6, 6, math.inf, 60))
    with pytest.raises(HypothesisError, match="slower than"):
        icl_error(RandomTransformer(activations=["exp", "relu"], hidden=[30], ridge=0.1), TASK, Sizes(6, 6, math.inf, 60, 30))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"ridge": 0.1}, "found neither"),
        ({"activation": "relu", "activations": ["relu"], "ridge": 0.1}, "found both"),
        ({"activations": ["relu", "relu"], "ridge": 0.1}, "has a width"),
        ({"activations": ["relu", "relu"], "hidden": [0], "ridge": 0.1}, "positive integer"),
        ({"activations": [], "ridge": 0.1}, "non-empty"),
        ({"activations": [equivalent_model("relu"), "relu"], "hidden": [3], "ridge": 0.1}, "the one random layer"),
    ],
)
def test_layers_that_do_not_fit(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(HypothesisError, match=message):
        RandomTransformer(**arguments)  # type: ignore[arg-type]


def test_weights_that_do_not_fit() -> None:
    moments = given_moments([Population(np.eye(6), np.ones(6) / 6, square=1.0)])
    for weights, activations in (([np.eye(5)], ["relu"]), ([np.eye(6)], ["relu", "relu"]), ([np.eye(6), np.eye(5)], ["relu", "relu"])):
        with pytest.raises(HypothesisError, match="as many rows as the one before"):
            given_features(weights, activations, moments)
    with pytest.raises(HypothesisError, match="NaN"):
        given_features([np.full((6, 3), np.nan)], ["relu"], moments)
    with pytest.raises(HypothesisError, match="moments of the layers' input"):
        given_features([np.eye(6)], ["relu"], TASK)  # type: ignore[arg-type]
