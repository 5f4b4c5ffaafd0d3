"""The dMMSE estimator against what Bayes' rule gives where it can be written down."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import HypothesisError, LinearTransformer, Sizes, Task
from hermite_eq.simulate import dmmse_error, icl_error
from hermite_eq.simulate.posterior import _run_error

TASK = Task("identity", noise=0.3)
#: False-alarm rate 6e-7 for each score.
Z = 5.0


def test_with_one_training_task_it_always_answers_with_that() -> None:
    sizes = Sizes(d=6, context=4, tasks=1, samples=10)
    error = dmmse_error(TASK, sizes, runs=1500, rng=0, test=10)
    np.testing.assert_allclose(error.idg_runs, TASK.noise, rtol=1e-15)
    # E‖ξ − ξ₁‖²/d + ρ = 2 + ρ.
    assert abs(error.icl.z(2 + TASK.noise)) < Z
    assert abs(error.icl.z(1.05 * (2 + TASK.noise))) > Z


def test_with_very_many_training_tasks_it_is_ridge_regression() -> None:
    d, context = 2, 5
    error = dmmse_error(TASK, Sizes(d, context, 4000, 4000), runs=60, rng=1, test=100)
    # Gaussian prior: the posterior covariance is ρ(XᵀX + ρI)⁻¹, and the error its trace over d, plus ρ.
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200_000, context, d)) / math.sqrt(d)
    gram = np.einsum("nij,nik->njk", x, x) + TASK.noise * np.eye(d)
    posterior = TASK.noise * np.trace(np.linalg.inv(gram), axis1=1, axis2=2) / d + TASK.noise
    # Around a typical task, |ξ|² = 2, there are k e⁻¹ w tasks within a posterior of variance w in each direction, and to know them instead
    # of their density changes an error of w by about w/(k e⁻¹ w); three times that is allowed.
    allowed = 3 * math.e / 4000
    assert abs(error.idg.mean - posterior.mean()) < Z * error.idg.stderr + allowed
    assert abs(error.idg.mean - 1.05 * posterior.mean()) > Z * error.idg.stderr + allowed


def test_posterior_weights_by_the_definition() -> None:
    rng = np.random.default_rng(5)
    known, xi = rng.standard_normal((7, 3)), rng.standard_normal(3)
    weights = _run_error(0.3, 4, known, xi, np.random.default_rng(8))
    again = np.random.default_rng(8)
    x = again.standard_normal((4, 3)) / math.sqrt(3)
    y = x @ xi + math.sqrt(0.3) * again.standard_normal(4)
    likelihood = np.array([math.prod(math.exp(-((y[i] - x[i] @ task) ** 2) / 0.6) for i in range(4)) for task in known])
    estimate = (likelihood[:, None] * known).sum(axis=0) / likelihood.sum()
    assert weights == pytest.approx(((xi - estimate) ** 2).sum() / 3 + 0.3, rel=1e-12)


def test_no_trained_model_beats_it_in_distribution() -> None:
    sizes = Sizes(d=8, context=16, tasks=6, samples=640)
    best = dmmse_error(TASK, sizes, runs=30, rng=2)
    linear = icl_error(LinearTransformer(0.01), TASK, sizes, runs=30, rng=2)
    assert best.draws == linear.draws
    assert best.minus(linear).idg.z(0.0) < -Z


@pytest.mark.parametrize(
    ("task", "tasks", "message"),
    [
        (
            Task("identity", 0.1, unit_link=True),
            3,
            "dMMSE is computed for one isotropic source; found target identity, noise variance 0.1; "
            'unit link. Repair: pass Task("identity", noise=0.01), say',
        ),
        (
            Task("relu", 0.1),
            3,
            "dMMSE is the posterior mean of a linear task; found target relu, noise variance 0.1. "
            'Repair: pass Task("identity", noise=0.01), say',
        ),
        (
            Task("identity"),
            3,
            'the likelihood has a width: ρ > 0; found target identity, noise variance 0. Repair: pass Task("identity", noise=0.01), say',
        ),
        (TASK, math.inf, "dMMSE knows finitely many training tasks; found tasks=inf. Repair: pass a finite number of tasks"),
    ],
)
def test_errors(task: Task, tasks: float, message: str) -> None:
    with pytest.raises(HypothesisError) as error:
        dmmse_error(task, Sizes(4, 4, tasks, 10), runs=1, rng=0)
    assert str(error.value) == message
