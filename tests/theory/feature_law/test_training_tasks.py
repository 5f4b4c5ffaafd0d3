"""Few training tasks as populations: their moments against the covariance module, their errors against simulation."""

from __future__ import annotations

import math
import sys

import numpy as np
import pytest
from simulated import simulated

from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.models import LinearTransformer, RandomTransformer, Sizes, Task
from hermite_eq.theory import icl_error
from hermite_eq.theory.feature_law.choice import isotropic_law
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.feature_law.training_tasks import drawn_tasks, given_tasks

EPS = sys.float_info.epsilon


@pytest.mark.parametrize("task", [Task("relu", 0.01), Task("tanh", 0.2), Task("square", 0.0)])
def test_given_tasks_have_the_moments_of_given_tasks(task: Task) -> None:
    d, context = 8, 12
    directions, lengths = drawn_tasks(d, 3)[1]
    moments = given_tasks(task, d, context, directions, lengths)
    for population, u, s in zip(moments.training, directions, lengths, strict=True):
        exact = source_moments(task, d, context, tasks=math.sqrt(d) * s * u[None])
        # Both are quadratures of smooth or piecewise smooth functions to rounding; the sizes are those of the entries.
        assert np.allclose(population.covariance.context, exact.second_b, rtol=0, atol=1e4 * EPS * exact.second_b.max())  # type: ignore[union-attr]
        assert np.allclose(population.signal, exact.labels, rtol=0, atol=1e4 * EPS * math.sqrt(exact.square_y * exact.trace))
        assert population.square == pytest.approx(exact.square_y, rel=1e4 * EPS)
        assert population.mean == pytest.approx(exact.mean_y, rel=1e4 * EPS, abs=EPS)
        contexts = population.contexts
        assert contexts is not None
        assert np.allclose(contexts.energies @ contexts.weights, 1)
        assert contexts.square @ contexts.weights == pytest.approx(exact.square_y, rel=1e4 * EPS)
    fresh = source_moments(task, d, context)
    # Five Gauss nodes for the length of a task: exact for polynomials in s² of degree 9, which the moments of tanh are not.
    assert moments.trace == pytest.approx(fresh.trace, rel=1e-3)
    assert np.allclose(moments.test[0].signal, fresh.labels, rtol=0, atol=1e-3 * math.sqrt(fresh.square_y * fresh.trace))


CASES = [
    (LinearTransformer(1e-3), Task("identity", 0.1), Sizes(16, 16, 1, samples=1280)),
    (LinearTransformer(1e-3), Task("identity", 0.1), Sizes(16, 160, 2, samples=1280)),
    (LinearTransformer(1e-3, intercept=True), Task("relu", 0.1), Sizes(16, 800, 5, samples=1280)),
    (RandomTransformer("relu", 0.1, normalise=True), Task("relu", 0.01), Sizes(16, 160, 2, samples=512, hidden=256)),
    (RandomTransformer("tanh", 0.1), Task("relu", 0.01), Sizes(16, 32, 3, samples=512, hidden=128)),
]


@pytest.mark.parametrize(("model", "task", "sizes"), CASES, ids=str)
def test_few_tasks_against_simulation(model: LinearTransformer | RandomTransformer, task: Task, sizes: Sizes) -> None:
    measured, theory = simulated(model, task, sizes, runs=40, rng=1, test=2000), icl_error(model, task, sizes)
    for name in ("icl", "idg"):
        error, predicted, stderr = getattr(measured, name), getattr(theory, name), getattr(theory, f"{name}_stderr")
        # Four standard errors of both (a false alarm in 1e-4 with 40 runs), and a quarter of the order 1/d: 1.6 %.
        allowed = 4 * math.hypot(error.stderr, stderr) + 0.25 * predicted / sizes.d
        assert abs(error.mean - predicted) < allowed, (name, str(measured), str(theory))


def test_one_spectrum_for_all_of_two_tasks_is_refuted() -> None:
    model, task, sizes = CASES[1]
    assert isinstance(model, LinearTransformer)
    measured = simulated(model, task, sizes, runs=40, rng=1).icl
    assert (
        abs(solve(isotropic_law(model, task, sizes), [sizes])[0]["icl"][0] - measured.mean)
        > 4 * measured.stderr + 0.25 * measured.mean / sizes.d
    )


def test_draws_have_their_lengths_and_a_small_standard_error() -> None:
    drawn = drawn_tasks(20, 4)
    squares = np.concatenate([s**2 for _, s in drawn])
    assert squares.mean() == pytest.approx(1)
    assert squares.var() == pytest.approx(2 / 20)
    error = icl_error(LinearTransformer(0.1), Task("relu", 0.01), Sizes(20, 20, 4, samples=800))
    assert 0 < error.icl_stderr < 0.01 * error.icl
    assert 0 < error.idg_stderr < 0.01 * error.idg
