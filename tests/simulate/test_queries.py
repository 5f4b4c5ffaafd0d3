"""Several queries of one test context: the same mean for less work."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import (
    HypothesisError,
    LinearTransformer,
    OneStepTransformer,
    RandomTransformer,
    Sizes,
    Source,
    Spike,
    Task,
    equivalent_model,
)
from hermite_eq.models import Rademacher, SoftmaxAttention
from hermite_eq.simulate import Contexts, icl_curve, icl_error
from hermite_eq.simulate.sampler import context_law
from hermite_eq.simulate.training import kronecker
from hermite_eq.simulate.training.kronecker import KroneckerRows

Array = NDArray[np.float64]

SIZES = Sizes(d=5, context=6, tasks=12, samples=60, hidden=30)
MIXTURE = Task(sources=[Source("relu", 0.1), Source("tanh", 0.02, task_cov=Spike(9.0), input_mean=0.3)], weights=[0.3, 0.7])
SIGNS = Task(sources=[Source("relu", 0.1, inputs=Rademacher())])
HEADS = (
    RandomTransformer("relu", 0.3),
    RandomTransformer(equivalent_model("tanh", degree=2), 0.3, normalise=True),
    OneStepTransformer("relu", 2.0, 0.3),
    OneStepTransformer("tanh", 2.0, 0.3, normalise=True, rank_one=True),
    OneStepTransformer("relu", 2.0, 0.3, head=equivalent_model("relu", 4), normalise=True),
)
EPS = np.finfo(float).eps


def draw(task: Task, count: int, queries: int) -> Contexts:
    law = context_law(task, SIZES)
    return law.draw(law.fresh_tasks(count, np.random.default_rng(0)), np.arange(count), np.random.SeedSequence(1), queries)


@pytest.mark.parametrize("task", [Task("relu", noise=0.1), MIXTURE, SIGNS], ids=["one source", "mixture", "random signs"])
def test_queries_of_one_context_share_all_but_x(task: Any) -> None:
    single, several = draw(task, 7, 1), draw(task, 7, 3)
    assert (len(single), len(several), several.queries) == (7, 21, 3)
    for name in ("b", "task", "source"):
        np.testing.assert_array_equal(getattr(several, name), getattr(single, name).repeat(3, 0))
    if task is not SIGNS:
        assert len(np.unique(several.x)) == several.x.size
    np.testing.assert_array_equal(draw(task, 4, 3).x, several.x[:12])


def test_queries_have_the_law_of_the_single_query() -> None:
    """x, y and their products with the task, of the last query of four: 2·5 + 2 means by a z test each, |z| < 5 (7e-6)."""

    def scores(queries: int, shift: int = 0) -> Array:
        drawn = draw(MIXTURE, 40_000, queries)
        last = slice(queries - 1, None, queries)
        x, y, xi = drawn.x[last], drawn.y[last], np.roll(drawn.xi[drawn.task[last]], shift, 0)
        along = np.einsum("ij,ij->i", x, xi) / np.linalg.norm(xi, axis=1)
        return np.column_stack([x, y[:, None] * x, y, y * along])

    def z(first: Array, second: Array) -> Array:
        spread = np.hypot(first.std(axis=0), second.std(axis=0)) / np.sqrt(len(first))
        return np.asarray(np.abs(first.mean(axis=0) - second.mean(axis=0)) / spread)

    assert z(scores(1), scores(4)).max() < 5
    # The label of another task, of the same source.
    assert z(scores(1), scores(4, shift=2))[-1] > 5


@pytest.mark.parametrize("elements", [1, 2**20])
def test_products_by_context_are_those_of_h(elements: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kronecker, "_ELEMENTS", elements)
    monkeypatch.setattr(kronecker, "_CONTEXTS", 2)
    drawn = draw(MIXTURE, 5, 3)
    matrix = np.random.default_rng(2).standard_normal((7, 30))
    for rows in (slice(0, 15), slice(6, 12)):
        h = drawn.h(rows)
        products = KroneckerRows(drawn, rows, np.float64)
        size = np.abs(h) @ np.abs(matrix).T
        assert (np.abs(products.times(matrix) - h @ matrix.T) <= 60 * EPS * size).all()
        assert (np.abs(products.times(matrix[0]) - h @ matrix[0]) <= 60 * EPS * size[:, 0]).all()
        np.testing.assert_array_equal(products.dense, h)


def test_the_error_has_the_same_mean() -> None:
    """Heads trained alike and tested on single queries and on four of each context: paired differences, twenty of 40 runs and fifteen of
    24, |t| < 5 with 39 and 23 degrees of freedom (1e-3). Ten per cent are t = 6 in the least precise of them."""
    for task, runs in (MIXTURE, 40), (SIGNS, 24):
        options: dict[str, Any] = {"runs": runs, "rng": 4, "test": 1600}
        single = icl_error(HEADS, task, SIZES, **options)
        several = icl_error(HEADS, task, SIZES, queries=4, **options)
        for one_query, four in zip(single, several, strict=True):
            a, b = (np.column_stack([error.icl_runs, error.idg_runs, np.asarray(error.source_runs)]) for error in (one_query, four))
            spread = (a - b).std(axis=0, ddof=1) / np.sqrt(len(a))
            assert (np.abs((a - b).mean(axis=0)) < 5 * spread).all()
            assert (np.abs((a - 1.1 * b).mean(axis=0)) > 5 * spread).all()


def test_several_queries_scatter_less() -> None:
    """After long training on 48 test contexts: the standard deviation is 0.6 of that with one query, known to a tenth in 100 runs."""
    sizes = Sizes(d=5, context=6, tasks=40, samples=400, hidden=10)
    options: dict[str, Any] = {"runs": 100, "rng": 4, "test": 48}
    first, four = (icl_error(HEADS[0], SIGNS, sizes, queries=queries, **options) for queries in (1, 4))
    assert four.icl_runs.std() < first.icl_runs.std()


def test_blocks_keep_contexts_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    # Rounding of 1e-16 in sums of 60 products, by systems whose condition is below 1e5.
    models = HEADS[:1] + HEADS[2:4]
    options: dict[str, Any] = {"samples": [30, 60], "runs": 1, "rng": 5, "test": 50, "queries": 3, "precision": "double"}
    whole = icl_curve(models, MIXTURE, SIZES, **options)
    monkeypatch.setattr("hermite_eq.simulate.training.memory.LARGEST_BLOCK", 10)
    monkeypatch.setattr("hermite_eq.simulate.training.memory.SMALLEST_BLOCK", 1)
    for first, second in zip(whole, icl_curve(models, MIXTURE, SIZES, **options), strict=True):
        np.testing.assert_allclose(first.icl_runs, second.icl_runs, rtol=1e-9)
    # Fewer rows than one context has.
    monkeypatch.setattr("hermite_eq.simulate.training.memory.LARGEST_BLOCK", 2)
    for first, second in zip(whole, icl_curve(models, MIXTURE, SIZES, **options), strict=True):
        np.testing.assert_allclose(first.icl_runs, second.icl_runs, rtol=1e-9)


def test_linear_heads_whose_error_is_computed_do_not_change() -> None:
    first, two = (icl_error(LinearTransformer(0.1), MIXTURE, SIZES, runs=2, rng=0, queries=queries) for queries in (1, 4))
    np.testing.assert_array_equal(first.icl_runs, two.icl_runs)


def test_errors() -> None:
    with pytest.raises(HypothesisError, match="queries is a positive integer; found queries=0"):
        icl_error(HEADS[0], MIXTURE, SIZES, runs=1, queries=0)
    with pytest.raises(HypothesisError, match="the same for all its queries, as under linear attention; found queries=2 and softmax"):
        icl_error(HEADS[0], SoftmaxAttention(Task(sources=[Source("relu")]), 1.0), SIZES, runs=1, rng=0, queries=2)
