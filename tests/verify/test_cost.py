"""What is said of costs: operations beside literal counts, the estimate beside stored seconds, and the plan of a cluster."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hermite_eq import LinearTransformer, OneStepTransformer, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.simulate import icl_curve
from hermite_eq.simulate.arrays import HOST
from hermite_eq.simulate.arrays.host import HostArrays
from hermite_eq.simulate.arrays.lapack import LapackSystem
from hermite_eq.simulate.training import features, kronecker
from verify import __main__ as verify_main
from verify.campaigns.campaign import Sweep
from verify.campaigns.table import CAMPAIGNS
from verify.cost.cluster import cost, makespan
from verify.cost.operations import Operations, of_run, of_sweep
from verify.cost.rates import measured

TASK = Task("relu", noise=0.1)
HEADS = (RandomTransformer("relu", 0.1), RandomTransformer(equivalent_model("tanh", 3), 0.1), RandomTransformer("relu", 1.0))
LINEAR = (LinearTransformer(0.1), LinearTransformer(0.1, intercept=True))
STEPS = (
    OneStepTransformer("relu", 3.0, 0.1),
    OneStepTransformer("relu", 3.0, 0.1, head=equivalent_model("relu", 2)),
    OneStepTransformer("relu", 3.0, 0.1, rank_one=True),
)
SIZES = Sizes(d=6, context=6, tasks=3, samples=90, hidden=36)
TEST = 40


class Counted:
    """Operations of the kernels that a simulation calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.products = self.sums = self.factors = 0.0
        times, squares, factorise = kronecker.KroneckerRows.times, HostArrays.add_squares, LapackSystem.factorise
        stored, linear = features.StoredRows.products, features.LinearRows.products

        def counted_times(rows: Any, matrix: Any) -> Any:
            count = times(rows, matrix)
            if matrix.ndim == 2:
                self.products += 2 * len(count) * matrix.size
            return count

        def counted_squares(arrays: Any, triangle: Any, rows: Any) -> Any:
            self.sums += rows.shape[0] * rows.shape[1] ** 2
            return squares(arrays, triangle, rows)

        def counted_factorise(system: Any, penalty: Any, sizes: Any) -> Any:
            self.factors += system.size**3 / 3
            return factorise(system, penalty, sizes)

        def of_tiles(products: Callable[..., Any], width: Callable[[Any], int]) -> Callable[..., Any]:
            def counted(path_rows: Any, rows: slice, others: slice) -> Any:
                # A tile on the diagonal has two triangles, of which one is formed.
                size = (rows.stop - rows.start) * (others.stop - others.start)
                self.sums += size * width(path_rows) * (1 if rows == others else 2)
                return products(path_rows, rows, others)

            return counted

        monkeypatch.setattr(kronecker.KroneckerRows, "times", counted_times)
        monkeypatch.setattr(HostArrays, "add_squares", counted_squares)
        monkeypatch.setattr(LapackSystem, "factorise", counted_factorise)
        monkeypatch.setattr(features.StoredRows, "products", of_tiles(stored, lambda rows: rows.values.shape[1]))
        monkeypatch.setattr(features.LinearRows, "products", of_tiles(linear, lambda rows: SIZES.d * (SIZES.d + 1)))


@pytest.mark.filterwarnings("ignore:the second moment:hermite_eq.HypothesisWarning")
@pytest.mark.parametrize("axis", ["samples", "hidden"])
@pytest.mark.parametrize(
    "models", [HEADS, LINEAR, (*HEADS, *LINEAR), STEPS[2:], (*HEADS, *STEPS)], ids=["heads", "linear", "both", "rank one", "steps"]
)
def test_operations_are_those_of_the_kernels_that_are_called(models: Any, axis: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    values = [20, 30, 50, 90] if axis == "samples" else [10, 36, 60, 100, 120]
    points = tuple(dataclasses.replace(SIZES, **{axis: value}) for value in values)
    counted, expected = Counted(monkeypatch), of_sweep(Sweep((0,), TASK, models, points, axis), TEST)
    along: dict[str, Any] = {axis: values}
    icl_curve(models, TASK, SIZES, runs=1, rng=0, test=TEST, **along)
    # The gradient's own product is no product of rows with a matrix of ours.
    steps = 0
    assert SIZES.hidden is not None
    if any(isinstance(model, OneStepTransformer) for model in models):
        n = max(values) if axis == "samples" else SIZES.samples
        steps = sum(2 * 42 * n * m for m in ([SIZES.hidden] if axis == "samples" else values))
    assert counted.products + steps == pytest.approx(expected.products, rel=1e-12)
    assert counted.sums == pytest.approx(expected.sums, rel=1e-12)
    assert counted.factors == pytest.approx(expected.factors, rel=1e-12)


def test_several_queries_cost_products_with_x_alone() -> None:
    sweep = Sweep((0,), TASK, HEADS[:1], (SIZES,), "samples")
    single, four = of_sweep(sweep, TEST), of_sweep(sweep, TEST, 4)
    m, d = SIZES.hidden, SIZES.d
    assert m is not None
    assert four.products - single.products == pytest.approx(2 * 2 * TEST * m * 4 * d)


def test_the_runs_of_a_figure_are_counted_whole() -> None:
    campaign = CAMPAIGNS["rt-fig1a"]
    small, large = of_run(campaign, 40), of_run(campaign, 80)
    # Products, sums and factors are all of order d⁶; d + 1 and the least number of test contexts are of less.
    for name in ("products", "sums", "factors"):
        assert 60 < getattr(large, name) / getattr(small, name) < 66


def test_estimates_go_through_what_is_stored() -> None:
    campaign, rates = CAMPAIGNS["rt-fig1a"], Operations(1e11, 5e10, 4e10)
    counted = of_run(campaign, 80).seconds(rates)
    alone = cost(campaign, 80, {}, rates)
    assert (alone.source, alone.stored, alone.seconds) == (None, None, counted)
    # What was quicker than its operations tells nothing of the rest.
    assert cost(campaign, 80, {20: 1e-9, 160: 1e9}, rates).seconds == counted
    stored = cost(campaign, 80, {40: 100.0, 80: 7.0}, rates)
    assert (stored.source, stored.seconds) == (40, 7.0)
    assert stored.estimate > counted


def test_no_plan_is_shorter_than_its_longest_run_or_its_share() -> None:
    rng = np.random.default_rng(0)
    for tasks, workers in itertools.product((1, 7, 60), (1, 4, 80)):
        durations = rng.exponential(size=tasks)
        least = max(durations.max(), durations.sum() / workers)
        # Graham's bound of the rule.
        assert least <= makespan(durations, workers) * (1 + 1e-12) <= (4 / 3) * least + durations.max()
    assert makespan([5.0], 3) == 5.0


def test_rates_are_finite_and_the_command_reports(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = measured(HOST, 64, 42, 36)
    assert all(0 < rate < math.inf for rate in vars(rates).values())
    monkeypatch.setattr("verify.cost.cluster.measured", lambda **_: rates)
    assert verify_main.main(["cost", "rt-fig1a", "norm-fig", "--d", "40", "--nodes", "2", "--cores", "3"]) == 0
    shown = capsys.readouterr().out
    assert "stored runs" in shown
    assert "on 2 × 3 cores" in shown
    assert verify_main.main(["cost", "rt-fig1a", "--output", str(tmp_path)]) == 0
    assert "operations" in capsys.readouterr().out
