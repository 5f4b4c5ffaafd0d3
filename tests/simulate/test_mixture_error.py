"""Errors of trained heads on several sources: by source and mixed, and against the definitions written out."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import literal
import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import (
    HypothesisError,
    LinearTransformer,
    RandomTransformer,
    Sizes,
    Source,
    Spike,
    StudentT,
    Task,
    Toeplitz,
    equivalent_model,
)
from hermite_eq.models import TrainedModel
from hermite_eq.simulate import contexts, icl_curve, icl_error, join
from hermite_eq.simulate.sampler import context_law
from hermite_eq.simulate.training.draw import draw_run

Array = NDArray[np.float64]

EPS = np.finfo(float).eps
SOURCES = [
    Source("relu", 0.1, task_cov=Spike(4.0), input_mean=0.3),
    Source("tanh", 0.8, input_cov=Toeplitz(0.5), tasks="sphere"),
]
TASK = Task(sources=SOURCES, weights=[0.3, 0.7], test_weights=[0.6, 0.4], unit_inputs=True, unit_link=True)
SIZES = Sizes(d=5, context=6, tasks=4, samples=120, hidden=40)
HEADS: list[TrainedModel] = [
    LinearTransformer(0.1),
    LinearTransformer(0.2, intercept=True),
    RandomTransformer("relu", 0.1),
    RandomTransformer(equivalent_model("relu", 2), 0.1),
]


@pytest.mark.parametrize("sizes", [SIZES, Sizes(5, 6, math.inf, 120, 40)], ids=["k = 4", "k = inf"])
def test_errors_by_source_sum_to_the_mixture(sizes: Any) -> None:
    for error in icl_error(HEADS, TASK, sizes, runs=3, rng=1, test=301):
        assert error.source_runs is not None
        assert error.source_runs.shape == (3, 2)
        mixed = error.source_runs @ TASK.test_weights
        np.testing.assert_allclose(error.icl_runs, mixed, rtol=8 * EPS)
        np.testing.assert_allclose(error.icl.mean, error.icl_by_source.mean @ TASK.test_weights, rtol=8 * EPS)
        if sizes.tasks == math.inf:
            # Every task is a fresh one: the training's mixture in place of the test's.
            np.testing.assert_allclose(error.idg_runs, error.source_runs @ TASK.weights, rtol=8 * EPS)
        # The sources differ by far more than that.
        assert abs(error.icl_by_source.mean[0] / error.icl_by_source.mean[1] - 1) > 0.01


def test_the_test_does_not_change_the_training() -> None:
    first, second = (icl_error(HEADS[2], task, SIZES, runs=2, rng=1, test=300) for task in (TASK, TASK.tested_on(1)))
    assert first.source_runs is not None
    np.testing.assert_array_equal(first.source_runs, second.source_runs)
    np.testing.assert_array_equal(second.icl_runs, first.source_runs[:, 1])
    np.testing.assert_array_equal(first.idg_runs, second.idg_runs)


def test_one_source_is_the_plain_task() -> None:
    # Equal numbers, whatever the way there: the same streams and the same arithmetic.
    tasks = (Task("relu", 0.1), Task(sources=[Source("relu", 0.1)]))
    plain, mixed = (icl_error(HEADS, task, SIZES, runs=2, rng=3, test=200) for task in tasks)
    for error, again in zip(plain, mixed, strict=True):
        np.testing.assert_array_equal(error.icl_runs, again.icl_runs)
        np.testing.assert_array_equal(error.idg_runs, again.idg_runs)
        assert error.source_runs is not None
        np.testing.assert_array_equal(error.source_runs[:, 0], error.icl_runs)


def test_curves_and_joined_runs_keep_the_sources() -> None:
    parts = [icl_curve(HEADS[0], TASK, SIZES, samples=[60, 120], runs=range(i, i + 1), rng=1) for i in range(2)]
    whole = icl_curve(HEADS[0], TASK, SIZES, samples=[60, 120], runs=2, rng=1)
    np.testing.assert_array_equal(join(parts).points[1].source_runs, whole.points[1].source_runs)


def literal_errors(heads: Sequence[literal.Head], task: Task, sizes: Sizes, trace: float, test: int, rng: np.random.Generator) -> Array:
    """ICL error on each source and in-distribution error of every head in one run, from the definition."""
    k = int(sizes.tasks)
    assert sizes.hidden is not None

    def tasks_of(s: int, count: int) -> Array:
        source = task.sources[s]
        z = rng.standard_normal((count, sizes.d))
        if str(source.tasks) == "sphere":
            z *= np.sqrt(sizes.d) / np.linalg.norm(z, axis=1)[:, None]
        return z @ np.linalg.cholesky(source.task_cov.matrix(sizes.d)).T + source.mean_vectors(sizes.d)[1]

    def sample(xi: Array, sources: NDArray[np.intp]) -> tuple[Array, Array]:
        h, label = np.empty((len(xi), sizes.d * (sizes.d + 1))), np.empty(len(xi))
        for s, source in enumerate(task.sources):
            rows = sources == s
            if rows.any():
                drawn = literal.draw_source(source, sizes.d, sizes.context, xi[rows], rng, task.unit_inputs, task.unit_link)
                x, b, label[rows] = literal.statistics(*drawn, task.unit_inputs)
                h[rows] = np.einsum("ni,nj->nij", x, b).reshape(len(x), -1)
        return h, label

    origin = rng.choice(len(task.sources), size=k, p=task.weights)
    tasks = np.stack([tasks_of(s, 1)[0] for s in origin])
    which, again = rng.integers(k, size=sizes.samples), rng.integers(k, size=test)
    h, y = sample(tasks[which], origin[which])
    tests = [sample(tasks_of(s, test), np.full(test, s)) for s in range(len(task.sources))] + [sample(tasks[again], origin[again])]
    f = rng.standard_normal((sizes.d * (sizes.d + 1), sizes.hidden)) / np.sqrt(trace)
    errors = []
    for head in heads:
        plain = literal.Head(head.ridge, head.activation)
        w = literal.ridge(plain.features(h, f, trace, rng), y, head.ridge * sizes.samples / sizes.d, head.intercept)
        errors.append([np.mean((label - head.features(hh, f, trace, rng) @ w) ** 2) for hh, label in tests])
    return np.array(errors)


def test_errors_agree_with_the_definitions_written_out() -> None:
    runs, sizes = 150, Sizes(d=4, context=5, tasks=6, samples=80, hidden=25)
    task = Task(sources=SOURCES, weights=[0.3, 0.7], unit_inputs=True, unit_link=True)
    heads: list[TrainedModel] = [LinearTransformer(0.2, intercept=True), RandomTransformer("relu", 0.2)]
    written = [literal.Head(0.2, None, True), literal.Head(0.2, lambda z, rng: np.maximum(z, 0))]
    errors = icl_error(heads, task, sizes, runs=runs, rng=1, test=400)
    trace = context_law(task, sizes).trace()
    rng = np.random.default_rng(2)
    exact = np.array([literal_errors(written, task, sizes, trace, 200, rng) for _ in range(runs)])
    for i, error in enumerate(errors):
        values = np.column_stack([np.asarray(error.source_runs), error.idg_runs])
        stderr = np.sqrt((values.var(axis=0) + exact[:, i].var(axis=0)) / runs)
        # |z| < 5 on 6 comparisons: a false alarm with probability 4e-6.
        assert (np.abs(values.mean(axis=0) - exact[:, i].mean(axis=0)) < 5 * stderr).all()
        # The sources exchanged are seen.
        assert (np.abs(values.mean(axis=0)[[1, 0]] - exact[:, i].mean(axis=0)[:2]) > 5 * stderr[:2]).any()


def test_linear_errors_without_closed_form_are_of_test_contexts() -> None:
    task = Task(sources=[Source("tanh", 0.1, inputs=StudentT(5)), Source("tanh", 0.1)])
    error = icl_error(HEADS[1], task, SIZES, runs=2, rng=0, test=4000)
    closed = icl_error(HEADS[1], Task(sources=[Source("tanh", 0.1)] * 2), SIZES, runs=2, rng=0, test=4000)
    assert error.source_runs is not None
    assert closed.source_runs is not None
    np.testing.assert_allclose(error.icl_runs, error.source_runs @ [0.5, 0.5], rtol=8 * EPS)
    assert (error.source_runs[:, 0] != error.source_runs[:, 1]).all()
    np.testing.assert_array_equal(closed.source_runs[:, 0], closed.source_runs[:, 1])
    assert draw_run(task, SIZES, 10, False, np.float32, np.random.SeedSequence(0)).law.closes is False


def test_draws_of_several_sources_are_nested() -> None:
    law = context_law(TASK, SIZES)
    few, many = (law.tasks(count, np.random.default_rng(1)) for count in (20, 50))
    np.testing.assert_array_equal(many.xi[:20], few.xi)
    np.testing.assert_array_equal(many.source[:20], few.source)
    which = np.arange(50) % 20
    short, long = (law.draw(many, which[:count], np.random.SeedSequence(3)) for count in (20, 50))
    for name in ("x", "b", "y", "source"):
        np.testing.assert_array_equal(getattr(long, name)[:20], getattr(short, name))
    fresh = law.fresh_tasks(7, np.random.default_rng(1))
    assert fresh.source.tolist() == [0, 1, 0, 1, 0, 1, 0]
    np.testing.assert_array_equal(law.fresh_tasks(30, np.random.default_rng(1)).xi[:7], fresh.xi)


def test_blocks_of_inputs_do_not_change_the_draw(monkeypatch: pytest.MonkeyPatch) -> None:
    task = Task(sources=[Source("relu", 0.1, inputs="uniform", input_cov=Toeplitz(0.4))])
    whole = contexts(task, SIZES, np.arange(1.0, 6.0), 40, rng=2)
    monkeypatch.setattr("hermite_eq.simulate.laws.inputs._ELEMENTS", 7 * 30)
    parts = contexts(task, SIZES, np.arange(1.0, 6.0), 40, rng=2)
    for name in ("x", "b", "y"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name))


def test_what_is_refused() -> None:
    with pytest.raises(HypothesisError, match=r"every source has a test context; found test=1 for 2 sources\. Repair: pass test=2 or more"):
        icl_error(HEADS[2], TASK, SIZES, runs=1, test=1)
    with pytest.raises(HypothesisError, match=r"source is at most 1; found source=2\. Repair: pass source=1 or less"):
        contexts(TASK, SIZES, np.ones(5), 3, rng=0, source=2)
    with pytest.raises(HypothesisError, match=r"the covariance \(diagonal of 2 variances\) has dimension d = 5"):
        icl_error(HEADS[2], Task(sources=[Source("relu", task_cov=[1, 2])]), SIZES, runs=1)
