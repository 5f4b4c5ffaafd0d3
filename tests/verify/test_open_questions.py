"""What is measured of networks trained beyond the read-out: gradients, equivalents, and verdicts, at small d."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hermite_eq.activations import activation
from hermite_eq.expansion.scaled import scaled_moments
from verify.open_questions import page, runs
from verify.open_questions.equivalents import GIVEN, directions, moments, replaced
from verify.open_questions.network import Architecture, Stop, hidden, sample, scale_below, start, train

ROOT = Path(__file__).parents[2]
SIGMA = activation("tanh")
QUICK = tuple(replace(each, steps=each.steps[:2], stop=None) for each in runs.ALL)


def loss(weights, w, data):
    z = hidden(data, weights.attention).astype(float) @ weights.layers[0].T
    for layer in weights.layers[1:]:
        z = scale_below(SIGMA, len(w)) * np.tanh(z) @ layer.T
    return 0.5 * np.mean((data.y - np.tanh(z) @ w / math.sqrt(len(w))) ** 2)


@pytest.mark.parametrize("architecture", [Architecture(), Architecture(layers=2), Architecture(attention=True)], ids=str)
def test_a_step_descends_along_the_gradient(architecture):
    """Against central differences along random directions."""
    d, m, size = 4, 12, 0.02
    data = sample(architecture, "tanh", d, 40, np.random.SeedSequence(1))
    rng = np.random.default_rng(2)
    weights, w = start(architecture, d, m, rng)
    *_, (_, moved, _, _) = train(SIGMA, data, weights, w, size, (0, 1), None)
    parts = [(weights.layers[0], moved.layers[0], size * m * d * (d + 1), 0)]
    if architecture.layers == 2:
        parts.append((weights.layers[1], moved.layers[1], size * m, 1))
    if architecture.attention:
        parts.append((weights.attention, moved.attention, size * d**2, None))
    for before, after, step, place in parts:
        gradient = (before.astype(float) - after) / step
        along, h = rng.standard_normal(before.shape), 1e-4

        def at(shift, before=before, along=along, place=place):
            changed = before.astype(float) + shift * along
            if place is None:
                return loss(replace(weights, attention=changed), w, data)
            layers = [changed if i == place else layer for i, layer in enumerate(weights.layers)]
            return loss(replace(weights, layers=tuple(layers)), w, data)

        # Steps and weights are in single precision, of which 1e-5 is a hundred units: of the gradient, and of weights over the step.
        tolerance = 1e-5 * np.linalg.norm(along) * max(np.linalg.norm(gradient), np.abs(before).max() / step)
        assert abs((at(h) - at(-h)) / (2 * h) - np.sum(gradient * along)) < tolerance


def test_the_loss_falls_until_it_stops():
    data = sample(Architecture(), "relu", 6, 72, np.random.SeedSequence(3))
    weights, w = start(Architecture(), 6, 36, np.random.default_rng(4))
    found = list(train(activation("relu"), data, weights, w, 0.3, (0, 5, 20), Stop(every=20, most=60)))
    assert [step for step, *_ in found][:3] == [0, 5, 20]
    assert found[-1][0] == "end"
    assert found[-1][3] in (40, 60)
    losses = [each for _, _, each, _ in found]
    assert losses == sorted(losses, reverse=True)


@pytest.mark.parametrize("name", ["relu", "tanh"])
def test_the_table_has_the_moments_of_the_engine(name):
    """Linear interpolation: at most h²/8 of second derivatives in κ/s and log s; of (κ + sg)², the largest, by at most 4 s² each."""
    sigma, rng = activation(name), np.random.default_rng(5)
    s, kappa = rng.uniform(0.7, 1.6, 7), rng.standard_normal((40, 7)) * 1.5
    found = moments(sigma, kappa, s, 2)
    c, norm2 = scaled_moments(sigma, np.tile(s, 40), 2, shifts=kappa.ravel())
    exact = [*(c[:, k] / math.sqrt(math.factorial(k)) for k in range(3)), norm2]
    for table, column in zip(found, exact, strict=True):
        bound = ((1 / 8) ** 2 + (1 / 6) ** 2) / 8 * 4 * 1.6**2
        assert np.abs(table.ravel() - column).max() < bound
    # Of the plain equivalent there is no table.
    plain = moments(sigma, np.zeros((1, 3)), np.ones(3), 2)
    np.testing.assert_allclose(plain[1], float(scaled_moments(sigma, [1.0], 1)[0][0, 1]), rtol=1e-12)


def test_the_conditional_equivalent_knows_a_planted_direction():
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


def test_a_small_run_has_every_row():
    found = runs.one_run(3, 0, test=60, experiments=QUICK, sigmas=("relu",))["relu"]
    assert len(found) == 2 * len(QUICK)
    again = runs.one_run(3, 0, test=60, experiments=QUICK[:1], sigmas=("relu",))["relu"]
    for row, values in again.items():
        assert values == found[row]
        assert set(values["errors"]) >= {"σ", *GIVEN}
        assert all(math.isfinite(error) and error > 0 for degrees in values["errors"].values() for error in degrees.values())


def test_verdicts_tell_a_gap_that_stays_from_one_that_vanishes():
    rng = np.random.default_rng(7)
    d = (8, 12, 16)

    def runs_at(limit, slope, spread, count=20):
        return [limit + slope / each + spread * rng.standard_normal(count) for each in d]

    # |z| > 4 by chance, in either direction: 6e-5.
    assert page.limit(d, runs_at(0.0, 2.0, 0.02)).vanishes
    assert page.limit(d, runs_at(0.3, 2.0, 0.02)).remains
    assert page.limit(d, runs_at(0.0, 2.0, 1.0)).verdict == "cannot tell"


def test_the_stored_runs_make_the_page():
    stored = runs.load(ROOT / "results" / "campaigns")
    assert [each.d for each in stored] == list(runs.DIMENSIONS)
    text = page.page(page.Found(stored), "open_questions.png")
    assert text == (ROOT / "docs" / "open_questions.md").read_text(encoding="utf-8")
