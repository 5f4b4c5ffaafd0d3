"""What is measured of networks trained beyond the read-out: gradients, equivalents, and verdicts, at small d."""

from __future__ import annotations

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq.activations import activation
from hermite_eq.errors import StorageError
from hermite_eq.expansion import coefficients
from hermite_eq.expansion.scaled import scaled_moments
from verify.open_questions import page
from verify.open_questions.equivalents import GIVEN, ITSELF, Equivalent, directions, moments, replaced
from verify.open_questions.experiments import QUESTIONS
from verify.open_questions.network import DIVERGED, Architecture, Data, Exact, Stop, Weights, hidden, sample, scale_below, start, train
from verify.store.folders import setup_with

Array = NDArray[np.float64]

SIGMA = activation("tanh")
TINY = replace(
    QUESTIONS,
    test=60,
    heads=("relu",),
    experiments=tuple(replace(experiment, steps=experiment.steps[:2], stop=None) for experiment in QUESTIONS.experiments),
)


def loss(weights: Weights, w: NDArray[Any], data: Data) -> float:
    z = hidden(data, weights.attention).astype(float) @ weights.layers[0].T
    for layer in weights.layers[1:]:
        z = scale_below(SIGMA, len(w)) * np.tanh(z) @ layer.T
    return 0.5 * float(np.mean((data.y - np.tanh(z) @ w / math.sqrt(len(w))) ** 2))


@pytest.mark.parametrize("architecture", [Architecture(), Architecture(layers=2), Architecture(attention=True)], ids=str)
def test_a_step_descends_along_the_gradient(architecture: Any) -> None:
    """Against central differences along random directions."""
    d, m, size = 4, 12, 0.02
    data = sample(architecture, "tanh", d, 40, np.random.SeedSequence(1))
    rng = np.random.default_rng(2)
    weights, w = start(architecture, d, m, rng)
    *_, (_, stepped, _) = train(Exact(SIGMA), data, weights, w, size, (0, 1), None)
    parts: list[tuple[Any, Any, float, int | None]] = [(weights.layers[0], stepped.layers[0], size * m * d * (d + 1), 0)]
    if architecture.layers == 2:
        parts.append((weights.layers[1], stepped.layers[1], size * m, 1))
    if architecture.attention:
        parts.append((weights.attention, stepped.attention, size * d**2, None))
    for before, after, step, place in parts:
        gradient = (before.astype(float) - after) / step
        along, h = rng.standard_normal(before.shape), 1e-4

        def at(shift: float, before: Any = before, along: Array = along, place: int | None = place) -> float:
            changed = before.astype(float) + shift * along
            if place is None:
                return loss(replace(weights, attention=changed), w, data)
            layers = [changed if i == place else layer for i, layer in enumerate(weights.layers)]
            return loss(replace(weights, layers=tuple(layers)), w, data)

        # Steps and weights are in single precision, of which 1e-5 is a hundred units: of the gradient, and of weights over the step.
        tolerance = 1e-5 * np.linalg.norm(along) * max(np.linalg.norm(gradient), np.abs(before).max() / step)
        assert abs((at(h) - at(-h)) / (2 * h) - np.sum(gradient * along)) < tolerance


def test_the_loss_falls_until_it_stops() -> None:
    data = sample(Architecture(), "relu", 6, 72, np.random.SeedSequence(3))
    weights, w = start(Architecture(), 6, 36, np.random.default_rng(4))
    epochs = list(train(Exact(activation("relu")), data, weights, w, 0.3, (0, 5, 20), Stop(every=20, most=60)))
    assert [step for step, *_ in epochs][:3] == [0, 5, 20]
    assert len(epochs) == 4
    assert epochs[-1][0] in (20, 40, 60)
    losses = [loss for _, _, loss in epochs]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_the_table_has_the_moments_of_the_engine(name: Any) -> None:
    """Linear interpolation: at most h²/8 of second derivatives in κ/s and log s; of (κ + sg)², the largest, by at most 4 s² each."""
    sigma, rng = activation(name), np.random.default_rng(5)
    s, kappa = rng.uniform(0.7, 1.6, 7), rng.standard_normal((40, 7)) * 1.5
    values = moments(sigma, kappa, s, 2)
    c, norm2 = scaled_moments(sigma, np.tile(s, 40), 2, shifts=kappa.ravel())
    exact = [*(c[:, k] / math.sqrt(math.factorial(k)) for k in range(3)), norm2]
    for table, column in zip(values, exact, strict=True):
        bound = ((1 / 8) ** 2 + (1 / 6) ** 2) / 8 * 4 * 1.6**2
        assert np.abs(table.ravel() - column).max() < bound
    # Of the plain equivalent there is no table.
    plain = moments(sigma, np.zeros((1, 3)), np.ones(3), 2)
    np.testing.assert_allclose(plain[1], float(scaled_moments(sigma, [1.0], 1)[0][0, 1]), rtol=1e-12)


def test_the_conditional_equivalent_knows_a_planted_direction() -> None:
    """σ(F h) with F = F₀ + 2 u vᵀ: the residual given v·h is no larger than that of the plain equivalent, and v is found."""
    rng = np.random.default_rng(6)
    first, h = rng.standard_normal((200, 50)), rng.standard_normal((2, 400, 50)) / math.sqrt(50)
    v = rng.standard_normal(50) / math.sqrt(50)
    layer = first + 10 * np.outer(rng.standard_normal(200), v)
    basis, share = directions(layer, first, 1)
    assert abs(abs(basis[:, 0] @ v) / np.linalg.norm(v) - 1) < 1e-9
    assert abs(share - 1) < 1e-9
    sigma = activation("relu")
    true = np.maximum(h[1] @ layer.T, 0)
    apart = {}
    for kind, given in GIVEN.items():
        pair = replaced(sigma, given, (1,), layer, first, {1: (h[0], h[1])}, lambda which: np.zeros((400, 200)))[1]
        apart[kind] = float(np.mean((pair[1] - true) ** 2))
    # Given the direction, what is left is the part of degree ≥ 2 in the rest alone.
    assert apart["conditional"] < 0.5 * min(apart["rescaled"], apart["plain"])


def test_an_equivalent_that_is_trained_has_its_own_derivative() -> None:
    """Against differences quotients of degree 3, exact but for h² σ̂‴/6 and rounding of its values."""
    units = Equivalent(SIGMA, 3, 5, 7, 1, np.random.default_rng(1))
    z, h = np.random.default_rng(2).standard_normal((5, 7)), 1e-2
    slopes = (units.values(z + h, 0) - units.values(z - h, 0)) / (2 * h)
    third = abs(coefficients(SIGMA, 3).c[3])
    assert np.abs(slopes - units.slopes(z)).max() < h**2 / 6 * float(third) + 4 * np.finfo(np.float32).eps / h


def test_a_training_that_diverges_keeps_its_last_weights() -> None:
    """A polynomial of degree 3 in steps that are a hundred times too long."""
    data = sample(Architecture(), "tanh", 6, 72, np.random.SeedSequence(3))
    weights, w = start(Architecture(), 6, 36, np.random.default_rng(4))
    units = Equivalent(SIGMA, 3, 72, 36, 1, np.random.default_rng(5))
    *_, (step, kept, reached) = train(units, data, weights, w, 30.0, (0, 40), None)
    assert step == 40
    assert np.isfinite(kept.layers[0]).all()
    assert reached <= DIVERGED


@pytest.fixture(scope="module")
def setup() -> Any:
    return setup_with(TINY, 3, 5, 10**9)


@pytest.fixture(scope="module")
def record(setup: Any) -> Any:
    return setup.simulate(0)[0]


def test_a_small_run_has_every_row(setup: Any, record: Any) -> None:
    setup.check(record, "run 0", "")
    assert len(record["relu"]) == 2 * len(TINY.experiments)
    results: Any = setup_with(replace(TINY, experiments=TINY.experiments[:1]), 3, 5, 10**9).simulate(0)[0]
    for row, values in results["relu"].items():
        assert values == record["relu"][row]
    for row, values in record["relu"].items():
        # With nothing trained, the weights to which an equivalent was trained are those of σ.
        assert (values["errors"][ITSELF] == values["errors"]["plain"]) == row.endswith("T = 0"), row


@pytest.mark.parametrize(
    "spoil",
    [
        lambda row: row.pop("loss"),
        lambda row: row["errors"].pop(ITSELF),
        lambda row: row["errors"]["plain"].update({"2": math.nan}),
        lambda row: row["loss"].update({"1": -1.0}),
        lambda row: row.update(shares=None),
        lambda row: row["errors"].update(plain=[1.0]),
    ],
)
def test_a_stored_run_that_was_changed_is_an_error(setup: Any, record: Any, spoil: Any) -> None:
    changed = copy.deepcopy(record)
    spoil(changed["relu"]["two layers, T = 20"])
    with pytest.raises(StorageError, match="two layers, T = 20"):
        setup.check(changed, "run 0", "delete it")
    with pytest.raises(StorageError, match="every head has the rows"):
        setup.check({"relu": {}}, "run 0", "delete it")


def test_verdicts_tell_a_gap_that_stays_from_one_that_vanishes() -> None:
    rng = np.random.default_rng(7)
    d = (8, 12, 16)

    def runs_at(limit: float, slope: float, spread: float, count: int = 20) -> list[Array]:
        return [limit + slope / size + spread * rng.standard_normal(count) for size in d]

    # |z| > 4 by chance, in either direction: 6e-5.
    assert page.limit(d, runs_at(0.0, 2.0, 0.02)).vanishes
    assert page.limit(d, runs_at(0.3, 2.0, 0.02)).remains
    assert page.limit(d, runs_at(0.0, 2.0, 1.0)).verdict == "inconclusive"


def test_the_stored_runs_make_the_page() -> None:
    root = Path(__file__).parents[2]
    stored = page.load(root / "results" / "campaigns")
    assert [run.d for run in stored] == list(QUESTIONS.dimensions)
    assert page.page(page.Found(stored), "open_questions.png") == (root / "docs" / "figures" / "open_questions.md").read_text(
        encoding="utf-8"
    )
