"""Test tasks that are not those of training: the error is linear in their covariance, and more training tasks may hurt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from derivations.linear import task_alignment
from hermite_eq import simulate, theory
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Diagonal, LinearTransformer, RandomTransformer, Ratios, Sizes, Source, Task
from hermite_eq.theory import TaskPopulation, diversity_diagram, icl_curve, icl_error

EPS = np.finfo(float).eps
# That sources of the test are never trained on is the question.
pytestmark = pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
LINEAR = LinearTransformer(0.1)


def kinds(d: int) -> list[np.ndarray]:
    k = np.arange(1, d + 1.0)
    return [c * d / c.sum() for c in (k**-1.0, k**-3.0, np.ones(d), k[::-1] ** -1.0)]


def shifted(d: int, target: str = "identity", count: int = 4) -> Task:
    """Trained on the first kind of tasks, tested on the last ones and on it."""
    sources = kinds(d)[:1] + kinds(d)[5 - count :]
    return Task(sources=[Source(target, 0.1, task_cov=Diagonal(c.tolist())) for c in sources], weights=[1, *[0] * (count - 1)])


@pytest.mark.parametrize("tau", [0.4, 3.0])
@pytest.mark.parametrize("kappa", [0.6, 2.0])
def test_the_published_error_and_misalignment(tau: float, kappa: float) -> None:
    """Letey et al., arXiv 2509.26551, coded by itself: no ridge, linear target, contexts of another length in the test."""
    train = kinds(30)[0]
    for test in kinds(30):
        for ratios in (Ratios(2, kappa, tau), Ratios(2, kappa, tau, test_alpha=0.7)):
            error, misalignment = task_alignment.published(train, test, ratios, 0.3)
            population = TaskPopulation.from_covariances(Task("identity", 0.3), train, test)
            aligned = theory.task_alignment(LinearTransformer(0.0), population, ratios)
            assert aligned.error == pytest.approx(error, rel=1e-9)
            assert aligned.misalignment == pytest.approx(misalignment, rel=1e-9)
            # A length of its own is seen: twice ε more or less in 1/α_t.
            other = task_alignment.published(train, test, Ratios(2, kappa, tau, test_alpha=20), 0.3)[0]
            assert abs(aligned.error / other - 1) > 0.01


def test_the_parts_are_the_error_of_any_target() -> None:
    for target, model in (("relu", LinearTransformer(0.1, intercept=True)), ("tanh", LINEAR)):
        train, *tests = kinds(20)
        for test in tests:
            population = TaskPopulation.from_covariances(Task(target, 0.1), train, test)
            aligned, whole = (
                theory.task_alignment(model, population, Ratios(1, 2, 1.5)),
                icl_error(model, population, Ratios(1, 2, 1.5)).icl,
            )
            assert aligned.error == pytest.approx(whole, rel=16 * EPS)
            assert 0 <= aligned.unresolved <= 1
            assert aligned.misalignment >= aligned.unresolved * population.spectrum.fresh_mean
            assert (np.diff(aligned.cost) > 0).all()


def test_matrices_that_do_not_commute() -> None:
    """Only the diagonal in the eigenbasis of training enters: another basis is another error."""
    rng = np.random.default_rng(0)
    Q = np.linalg.qr(rng.standard_normal((12, 12)))[0]
    train, test = np.diag(np.linspace(0.2, 2, 12)), Q @ np.diag(np.linspace(2, 0.1, 12)) @ Q.T
    population = TaskPopulation.from_covariances(Task("identity", 0.1), train, test)
    aligned = theory.task_alignment(LINEAR, population, Ratios(2, 1, 2))
    assert aligned.of(np.diag(test)) == pytest.approx(aligned.misalignment, rel=1e-12)
    assert aligned.overlap == pytest.approx(np.vdot(train, test) / np.linalg.norm(train) / np.linalg.norm(test))


@pytest.mark.parametrize("d", [24, 40])
def test_sources_at_finite_d(d: int) -> None:
    """A linear head trained on one source and tested on two, within 3.5 standard errors of 24 runs and 1/(2d) of the error; what holds of
    the source of training is refuted for the other. 1 in 2,000 for each of four."""
    task, where = shifted(d, count=2), Sizes.from_ratios(d, alpha=2, kappa=math.inf, tau=1)
    by_source = simulate.icl_error(LINEAR, task, where, runs=24, rng=4).source_runs
    assert by_source is not None
    mean, stderr = by_source.mean(0), by_source.std(0, ddof=1) / math.sqrt(24)
    expected = np.array(icl_error(LINEAR, task, where).icl_by_source)
    allowed = 3.5 * stderr + expected / d / 2
    assert (np.abs(expected - mean) < allowed).all(), (expected / mean - 1, stderr)
    assert (np.abs(expected[0] - mean[1:]) > allowed[1:]).all()
    # The limit is the population of the task.
    limit = [icl_error(LINEAR, TaskPopulation.from_sources(task.tested_on(s), d), Ratios(2, math.inf, 1)).icl for s in range(2)]
    assert np.abs(np.array(limit) / expected - 1).max() < 6 / d


def test_a_mixture_of_tests_is_their_mean() -> None:
    task = shifted(16, "relu")
    weights = np.array([0.1, 0.2, 0.3, 0.4])
    mixed = Task(sources=list(task.sources), weights=task.weights, test_weights=weights.tolist())
    ratios = Ratios(1, 2, 1.5)
    errors = [icl_error(LINEAR, TaskPopulation.from_sources(task.tested_on(s), 16), ratios).icl for s in range(4)]
    population = TaskPopulation.from_sources(mixed, 16)
    assert icl_error(LINEAR, population, ratios).icl == pytest.approx(float(weights @ errors), rel=1e-12)
    assert theory.task_alignment(LINEAR, population, ratios).error == pytest.approx(float(weights @ errors), rel=1e-12)


@pytest.mark.parametrize(("alpha", "tau", "hurt"), [(1, 0.5, [False, False, True, True]), (10, 20, [False, True, False, False])])
def test_where_more_tasks_hurt(alpha: float, tau: float, hurt: list[bool]) -> None:
    """Against errors on a grid of κ: κ* is where they are least, and ∞ where they fall to the end."""
    populations = [TaskPopulation.from_covariances(Task("identity", 0.1), kinds(40)[0], test) for test in kinds(40)]
    diagram = diversity_diagram(LINEAR, populations, alpha=alpha, tau=[tau])
    assert diagram.hurts.tolist() == [hurt]
    for j, population in enumerate(populations):
        grid = icl_curve(LINEAR, population, Ratios(alpha, 1, tau), kappa=np.geomspace(1e-3, 1e4, 300).tolist()).icl
        assert diagram.least[0, j] <= grid.min() * (1 + 1e-6)
        assert diagram.unlimited[0, j] == icl_error(LINEAR, population, Ratios(alpha, math.inf, tau)).icl


GIVEN = TaskPopulation.from_tasks(Task("identity", 0.1), np.eye(4)[:3])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: theory.task_alignment(RandomTransformer("relu", 0.1), GIVEN, Ratios(1, 0.75, 1)),  # type: ignore[arg-type]
            "structured tasks are worked out for the linear Transformer; found relu",
        ),
        (
            lambda: theory.task_alignment(LinearTransformer(0.0), GIVEN, Ratios(1, 0.75, 1)),
            "the error is finite; found exact interpolation",
        ),
        (
            lambda: theory.task_alignment(LINEAR, GIVEN, Ratios(1, 0.75, 2)).of([1.0]),
            "the covariance has an entry for every direction; found 1 of 4",
        ),
        (lambda: diversity_diagram(LINEAR, [GIVEN], alpha=1, tau=[2]), "the 0.75 d given tasks are the training tasks; found kappa=inf"),
        (lambda: TaskPopulation.from_sources(Task(sources=[Source("relu"), Source("tanh")]), 4), "one source is trained on"),
        (lambda: TaskPopulation.from_sources(Task(sources=[Source("relu", input_mean=0.5)]), 4), "sources differ in the covariance of"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value).startswith(message)


def test_wrong_formulas_fail_in_the_derivation() -> None:
    assert not all(step.holds for step in task_alignment._split(-1))
    assert not task_alignment._drawn(0.15).holds
