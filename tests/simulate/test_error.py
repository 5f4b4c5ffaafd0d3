"""Simulated errors: in law against the literal script, and what must not change them."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import literal
import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import (
    HypothesisError,
    LinearTransformer,
    PolynomialActivation,
    RandomTransformer,
    Sizes,
    Task,
    equivalent_model,
)
from hermite_eq.models import Model
from hermite_eq.simulate import MonteCarlo, SimulationOptions, icl_curve, icl_error, join
from hermite_eq.simulate.arrays.symmetric_system import ROUNDING_TOLERANCE
from hermite_eq.simulate.sampler import child_seeds, context_law
from hermite_eq.simulate.simulation import NestedFits
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.memory import LARGEST_BLOCK, parse_memory

Array = NDArray[np.float64]

TASK = Task("relu", noise=0.1)
SMALL = Sizes(d=5, context=6, tasks=12, samples=60, hidden=30)
# Two-sample z of 16 errors: |z| < 5 is a false alarm with probability 16 · 5.7e-7 = 9e-6. At these sizes the two errors scatter by at most
# 16 % together from run to run, so that five per cent in 600 runs are z = 8 in the least precise of them.
Z = 5.0
LAW = Sizes(d=5, context=6, tasks=100, samples=200, hidden=30)
RIDGE, TEST, RUNS = 0.3, 1000, 600
MODELS = (
    RandomTransformer("relu", RIDGE),
    RandomTransformer("tanh", RIDGE),
    RandomTransformer("relu", RIDGE, normalise=True),
    RandomTransformer(equivalent_model("relu", degree=1), RIDGE),
    RandomTransformer(equivalent_model("tanh", degree=2), RIDGE),
    RandomTransformer("relu", 10 * RIDGE),
    LinearTransformer(RIDGE),
    LinearTransformer(RIDGE, intercept=True),
)


#: Errors of every run, head and kind by the literal script: (runs, models, 2). ``python tests/simulate/test_error.py`` writes them anew.
SCRIPTED = Path(__file__).with_name("literal_runs.json")


def scripted_runs(runs: int) -> Array:
    trace = context_law(TASK, LAW).trace()
    heads = [
        literal.Head(
            model.ridge,
            getattr(model, "activation", None),
            getattr(model, "intercept", False),
            getattr(model, "normalise", False),
        )
        for model in MODELS
    ]
    return np.array([literal.icl_errors(heads, TASK, LAW, trace, TEST, np.random.default_rng([20, run])) for run in range(runs)])


@pytest.fixture(scope="module")
def scripted() -> Array:
    """Means and standard errors by the literal script, shape (2, models, 2); of stored runs the first ten are computed here."""
    if "HERMITE_EQ_SEED_SHIFT" in os.environ:
        runs = scripted_runs(RUNS)
    else:
        runs = np.array(json.loads(SCRIPTED.read_text(encoding="utf-8")))
        assert runs.shape == (RUNS, len(MODELS), 2)
        # Stored with seven digits; QR of a matrix of condition 10³ rounds far below them.
        np.testing.assert_allclose(runs[:10], scripted_runs(10), rtol=1e-6)
    return np.stack([runs.mean(axis=0), runs.std(axis=0, ddof=1) / math.sqrt(RUNS)])


@pytest.fixture(scope="module")
def simulated() -> Array:
    """The same by the engine."""
    errors = icl_error(MODELS, TASK, LAW, runs=RUNS, rng=3, test=TEST)
    return np.array([[(e.icl.mean, e.icl.stderr), (e.idg.mean, e.idg.stderr)] for e in errors]).transpose(2, 0, 1)


def test_same_law_as_the_literal_script(scripted: Array, simulated: Array) -> None:
    z = (scripted[0] - simulated[0]) / np.hypot(scripted[1], simulated[1])
    assert np.abs(z).max() < Z
    # Five per cent would be seen in every one of them.
    z = (1.05 * scripted[0] - simulated[0]) / np.hypot(1.05 * scripted[1], simulated[1])
    assert np.abs(z).min() > Z


def test_exact_test_errors_of_the_linear_heads_scatter_less(scripted: Array, simulated: Array) -> None:
    assert (simulated[1][-2:] < scripted[1][-2:]).all()


def test_a_head_does_not_depend_on_its_company() -> None:
    heads: list[Model] = [
        RandomTransformer(equivalent_model("relu", degree=2), 0.1),
        RandomTransformer("tanh", 0.1),
        LinearTransformer(0.1),
    ]
    together = icl_error(heads, TASK, SMALL, runs=3, rng=5, test=50)
    for head, error in zip(heads, together, strict=True):
        alone = icl_error(head, TASK, SMALL, runs=3, rng=5, test=50)
        np.testing.assert_array_equal(alone.icl_runs, error.icl_runs)
        np.testing.assert_array_equal(alone.idg_runs, error.idg_runs)
        assert alone.model is head


def test_one_readout_for_each_ridge_on_shared_features() -> None:
    ridges = [1e-3, 0.1, 10.0]
    together = icl_error([RandomTransformer("tanh", ridge) for ridge in ridges], TASK, SMALL, runs=2, rng=5, test=50)
    for ridge, error in zip(ridges, together, strict=True):
        alone = icl_error(RandomTransformer("tanh", ridge), TASK, SMALL, runs=2, rng=5, test=50)
        # One column of a product or three: the order of its sums may differ.
        np.testing.assert_allclose(alone.icl_runs, error.icl_runs, rtol=64 * np.finfo(float).eps * np.float64(SMALL.hidden or 0))


def test_bare_callables_of_one_name_are_two_heads() -> None:
    heads = [RandomTransformer(lambda z, c=c: np.tanh(c * z), 0.1) for c in (1.0, 3.0)]
    first, two = icl_error(heads, TASK, SMALL, runs=2, rng=5, test=50)
    assert (first.icl_runs != two.icl_runs).all()


def test_run_i_does_not_depend_on_the_others() -> None:
    all_runs = icl_error(RandomTransformer("relu", 0.1), TASK, SMALL, runs=4, rng=5, test=50)
    some = icl_error(RandomTransformer("relu", 0.1), TASK, SMALL, runs=range(2, 4), rng=5, test=50)
    np.testing.assert_array_equal(all_runs.icl_runs[2:], some.icl_runs)
    assert all_runs.draws[2:] == some.draws


def test_a_generator_gives_new_runs_each_time() -> None:
    rng = np.random.default_rng(5)
    first, second = (icl_error(LinearTransformer(0.1), TASK, SMALL, runs=2, rng=rng) for _ in range(2))
    assert not set(first.icl_runs) & set(second.icl_runs)
    same = icl_error(LinearTransformer(0.1), TASK, SMALL, runs=2, rng=np.random.SeedSequence(5))
    np.testing.assert_array_equal(first.icl_runs, same.icl_runs)


@pytest.fixture
def conditioned() -> list[Model]:
    """Heads and sizes for which rounding can be bounded: a ridge which keeps conditions below 1e6."""
    return [
        RandomTransformer("relu", 0.1),
        RandomTransformer(equivalent_model("relu", 2), 0.1),
        LinearTransformer(0.1, intercept=True),
    ]


def rounding(errors: Sequence[Any]) -> float:
    """ε times condition, for p ≈ 60 terms, with a margin of 8: what another order of sums may change."""
    return float(8 * 60 * np.finfo(float).eps * max(error.condition_runs.max() for error in errors))


def test_blocks_and_batches_do_not_matter(conditioned: list[Model], monkeypatch: pytest.MonkeyPatch) -> None:
    keep: dict[str, Any] = {"runs": 2, "rng": 5, "test": 130, "precision": "double"}
    sizes = Sizes(d=5, context=6, tasks=12, samples=300, hidden=60)
    whole = icl_error(conditioned, TASK, sizes, **keep)
    # A budget which just holds one head and the smallest block.
    monkeypatch.setattr("hermite_eq.simulate.training.memory.SMALLEST_BLOCK", 7)
    with pytest.raises(HypothesisError) as refusal:
        icl_error(conditioned, TASK, sizes, memory=1000, **keep)
    least = refusal.value.repair.split('"')[1]
    pieces = icl_error(conditioned, TASK, sizes, memory=least, **keep)
    for first, second in zip(whole, pieces, strict=True):
        np.testing.assert_allclose(first.icl_runs, second.icl_runs, rtol=rounding(whole))
        np.testing.assert_allclose(first.idg_runs, second.idg_runs, rtol=rounding(whole))


@pytest.mark.filterwarnings("ignore:the second moment of relu:hermite_eq.HypothesisWarning")
def test_curve_in_samples_is_the_error_at_every_point(conditioned: list[Model]) -> None:
    keep: dict[str, Any] = {"runs": 2, "rng": 5, "test": 50, "precision": "double"}
    curves = icl_curve(conditioned, TASK, SMALL, samples=[100, 15, 29, 30, 31], **keep)
    for model, curve in zip(conditioned, curves, strict=True):
        assert curve.values == (100, 15, 29, 30, 31)
        for value, point in zip(curve.values, curve.points, strict=True):
            alone = icl_error(model, TASK, Sizes(5, 6, 12, value, 30), **keep)
            assert point.sizes == alone.sizes
            np.testing.assert_allclose(point.icl_runs, alone.icl_runs, rtol=rounding([point]))
            np.testing.assert_allclose(point.idg_runs, alone.idg_runs, rtol=rounding([point]))


def test_curve_in_hidden_units_is_the_error_at_every_point(conditioned: list[Model]) -> None:
    keep: dict[str, Any] = {"runs": 2, "rng": 5, "test": 50, "precision": "double"}
    heads = [conditioned[0], conditioned[2]]
    curves = icl_curve(heads, TASK, SMALL, hidden=[10, 100, 59, 60, 61], **keep)
    for model, curve in zip(heads, curves, strict=True):
        for value, point in zip(curve.values, curve.points, strict=True):
            alone = icl_error(model, TASK, Sizes(5, 6, 12, 60, value), **keep)
            np.testing.assert_allclose(point.icl_runs, alone.icl_runs, rtol=rounding([point]))
    # The linear head has no hidden units: one fit serves every point.
    assert (curves[1].icl_runs == curves[1].icl_runs[:, :1]).all()


def test_infinitely_many_tasks_make_the_two_errors_one() -> None:
    error = icl_error(RandomTransformer("relu", 0.1), TASK, Sizes(5, 6, math.inf, 60, 30), runs=2, rng=0, test=50)
    np.testing.assert_array_equal(error.icl_runs, error.idg_runs)


def test_contexts_get_their_tasks_uniformly() -> None:
    sizes = Sizes(d=3, context=2, tasks=7, samples=70_000)
    draw = draw_run(TASK, sizes, 1, False, np.float32, np.random.SeedSequence(1))
    counts = np.bincount(draw.training.task, minlength=7)
    # χ²_6 > 60 has probability 4e-11.
    assert ((counts - 10_000) ** 2 / 10_000).sum() < 60
    assert draw.training.xi.shape == (7, 3)
    fresh = draw_run(TASK, Sizes(3, 2, math.inf, 50), 1, False, np.float32, np.random.SeedSequence(1))
    assert len(set(fresh.training.task)) == 50


def test_paired_differences() -> None:
    relu, shifted = icl_error(
        [RandomTransformer("relu", 0.1), RandomTransformer("relu", 0.11)],
        TASK,
        SMALL,
        runs=20,
        rng=0,
        test=100,
    )
    difference = relu.minus(shifted)
    np.testing.assert_array_equal(difference.icl_runs, relu.icl_runs - shifted.icl_runs)
    assert difference.icl.mean == pytest.approx(relu.icl.mean - shifted.icl.mean, abs=1e-14)
    # That is what common draws are for: the ridges differ little, and so do the errors of every run.
    assert difference.icl.stderr < 0.1 * np.hypot(relu.icl.stderr, shifted.icl.stderr)
    assert (difference.idg.mean, difference.idg.runs) == (np.mean(relu.idg_runs - shifted.idg_runs), 20)


@pytest.mark.parametrize("samples", [15, 60])
def test_fallbacks_are_counted_and_right(samples: Any) -> None:
    # All features are one constant: without penalty both the primal and the dual system are singular, of rank one, and the
    # solution of minimal norm predicts the mean of the training labels.
    sizes = dataclasses.replace(SMALL, samples=samples)
    error = icl_error(RandomTransformer(lambda z: 2.0 + 0.0 * z, 0.0), TASK, sizes, runs=3, rng=0, test=50, precision="double")
    assert error.fallbacks == 3
    assert np.isinf(error.condition_runs).all()
    for seed, icl, idg in zip(child_seeds(0, range(3)), error.icl_runs, error.idg_runs, strict=True):
        draw = draw_run(TASK, sizes, 50, True, np.float64, seed)
        for tested, errors in ((draw.fresh, icl), (draw.again, idg)):
            assert tested is not None
            expected = np.mean((tested.y - draw.training.y.mean()) ** 2)
            assert errors == pytest.approx(expected, rel=64 * samples * np.finfo(float).eps)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"models": "relu"},
            "a model is a LinearTransformer, a RandomTransformer or a OneStepTransformer; "
            "found models='relu'."
            " Repair: pass RandomTransformer(activation, ridge=…)",
        ),
        (
            {"models": 3},
            "a model is a LinearTransformer, a RandomTransformer or a OneStepTransformer; "
            "found models=3."
            " Repair: pass RandomTransformer(activation, ridge=…)",
        ),
        (
            {"models": []},
            "there is a model to simulate; found an empty sequence. Repair: pass LinearTransformer(ridge=1e-3), say",
        ),
        (
            {"sizes": Sizes(5, 6, 12, 60)},
            "a random head has a number m of hidden units; found sizes.hidden=None. "
            "Repair: pass Sizes(…, hidden=…) or from_ratios(…, mu=…)",
        ),
        ({"runs": 0}, "runs is a positive integer; found runs=0. Repair: pass runs=1 or more"),
        (
            {"runs": range(0)},
            "runs are numbered from 0; found runs=range(0, 0). Repair: pass runs=20, or runs=range(5, 10)",
        ),
        ({"test": 0.5}, "test is a positive integer; found test=0.5. Repair: pass test=1 or more"),
        (
            {"precision": "half"},
            "precision is single or double; found precision='half'. Repair: pass precision=\"double\"",
        ),
        (
            {"memory": "much"},
            "memory is a number of bytes, or a number with a unit; found memory='much'. Repair: pass memory=\"4GB\", say",
        ),
        (
            {"memory": "10kB"},
            "the memory budget holds the contexts, F, the system of one head and a block of features; "
            "found a budget of 10.0kB where 86.4kB are needed. "
            'Repair: pass memory="86.4kB" or more, or smaller sizes',
        ),
    ],
)
def test_errors(change: Any, message: Any) -> None:
    given = {
        "models": RandomTransformer("relu", 0.1),
        "task": TASK,
        "sizes": SMALL,
        "runs": 2,
        "rng": 0,
        "test": 50,
    } | change
    with pytest.raises(HypothesisError) as error:
        icl_error(**given)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {},
            "from one point a curve is along one axis; found none. Repair: pass samples=[100, 200], say, or a list of points",
        ),
        (
            {"samples": [10], "hidden": [10]},
            "from one point a curve is along one axis; found samples, hidden. Repair: pass samples=[100, 200], say, or a list of points",
        ),
        (
            {"samples": []},
            "a curve has at least one point; found samples=[]. Repair: pass samples=[100, 200], say",
        ),
        (
            {"hidden": [5, 9, 5]},
            "the points of a curve differ; found hidden=[5, 9, 5]. Repair: drop the repeated values",
        ),
        (
            {"samples": [2, 10]},
            "every training task appears in training, so k ≤ n; found tasks=12 > samples=2. "
            "Repair: raise samples, or pass tasks=math.inf for a fresh task in every context",
        ),
        (
            {"hidden": [0]},
            "the size hidden is a positive integer; found hidden=0. Repair: pass hidden=1 or more",
        ),
    ],
)
def test_errors_of_curves(change: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        icl_curve(RandomTransformer("relu", 0.1), TASK, SMALL, runs=2, rng=0, test=50, **change)
    assert str(error.value) == message


@pytest.mark.filterwarnings("ignore:the second moment of steep:hermite_eq.HypothesisWarning")
def test_features_which_overflow() -> None:
    steep = PolynomialActivation("steep", (0.0, 1e38, 1e38), 0.0)
    with (
        pytest.raises(HypothesisError, match="the features and labels are finite"),
        np.errstate(over="ignore", invalid="ignore"),
    ):
        icl_error(RandomTransformer(steep, 0.1), TASK, SMALL, runs=1, rng=0, test=50)


def test_differences_need_common_draws() -> None:
    left, right = (icl_error(LinearTransformer(0.1), TASK, SMALL, runs=2, rng=seed) for seed in (0, 1))
    with pytest.raises(HypothesisError) as error:
        left.minus(right)
    assert str(error.value) == (
        "a paired difference is of errors on common draws; found different seeds. "
        "Repair: compute both by one icl_error([a, b], …), or pass the same integer as rng"
    )
    first, second = (icl_curve(LinearTransformer(0.1), TASK, SMALL, samples=[20, n], runs=2, rng=0) for n in (30, 40))
    with pytest.raises(
        HypothesisError,
        match=r"the two curves have the same points; found samples=\(20, 30\) and samples=\(20, 40\)",
    ):
        first.minus(second)


def test_results_print_and_summarise() -> None:
    single = icl_error(LinearTransformer(0.1), TASK, SMALL, runs=1, rng=0)
    assert single.icl.stderr == math.inf
    assert str(single.icl).endswith("± inf (1 run)")
    curve = icl_curve(LinearTransformer(0.1), TASK, SMALL, samples=[20, 30], runs=3, rng=0)
    assert str(curve).startswith("linear against samples (20, 30): ICL ")
    assert curve.icl.mean.shape == curve.idg.stderr.shape == (2,)
    assert curve.fallbacks == (0, 0)
    difference = curve.minus(curve)
    assert (difference.icl.mean == 0).all()
    assert (difference.idg.stderr == 0).all()
    np.testing.assert_allclose(curve.icl.z(curve.icl.mean - curve.icl.stderr), 1.0, rtol=1e-12)


def test_runs_computed_apart_join_to_one_curve() -> None:
    head = RandomTransformer("relu", 0.1)
    keep: dict[str, Any] = {"samples": [20, 60], "test": 50}
    whole = icl_curve(head, TASK, SMALL, runs=3, rng=7, **keep)
    parts = [icl_curve(head, TASK, SMALL, runs=range(i, i + 1), rng=7, **keep) for i in range(3)]
    joined = join(parts)
    np.testing.assert_array_equal(joined.icl_runs, whole.icl_runs)
    np.testing.assert_array_equal(joined.idg_runs, whole.idg_runs)
    assert joined.points[0].draws == whole.points[0].draws
    assert joined.minus(whole).icl.stderr.max() == 0


@pytest.mark.parametrize(
    ("choose", "message"),
    [
        (lambda c, other: [], "there is a curve to join; found none. Repair: pass the curves of at least one run"),
        (lambda c, other: [c, c], "every run is counted once; found a run that occurs twice. Repair: drop the repeated curve"),
        (
            lambda c, other: [c, other],
            "joined curves are of the same model, task and sizes; found linear and others. Repair: join each model by itself",
        ),
    ],
)
def test_errors_of_joining(choose: Any, message: Any) -> None:
    first, second = icl_curve([LinearTransformer(0.1), LinearTransformer(0.1, intercept=True)], TASK, SMALL, samples=[20], runs=1, rng=7)
    with pytest.raises(HypothesisError) as error:
        join(choose(first, second))
    assert str(error.value) == message


@pytest.mark.parametrize("ridge", [0.0, 1e-8])
def test_at_the_peak_normal_equations_match_singular_values(ridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = Sizes(d=10, context=10, tasks=5, samples=100, hidden=100)
    heads: list[Model] = [RandomTransformer("relu", ridge), RandomTransformer("tanh", ridge), LinearTransformer(ridge, intercept=True)]
    keep: dict[str, Any] = {"samples": [90, 99, 100, 101, 110, 111], "runs": 10, "rng": 1, "test": 50}
    direct = icl_curve(heads, TASK, sizes, **keep)
    monkeypatch.setattr("hermite_eq.simulate.arrays.symmetric_system.ROUNDING_TOLERANCE", -1.0)
    singular = icl_curve(heads, TASK, sizes, **keep)
    for first, second in zip(direct, singular, strict=True):
        assert second.fallbacks == (10,) * 6
        # Weights within the tolerance make predictions within it, and squares within twice that.
        change = np.abs(first.icl_runs / second.icl_runs - 1)
        assert change.max() <= 2 * ROUNDING_TOLERANCE
        assert first.points[2].condition_runs.max() > 1e4


def test_memory_stays_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    heads: list[Model] = [RandomTransformer("relu", 0.1), RandomTransformer(equivalent_model("relu", 2), 0.1), LinearTransformer(0.1)]
    sizes = Sizes(d=20, context=20, tasks=10, samples=900, hidden=500)
    keep: dict[str, Any] = {"samples": [300, 480, 900], "runs": 1, "rng": 0, "test": 300}
    icl_curve(heads, TASK, sizes, **keep)
    with pytest.raises(HypothesisError) as refusal:
        icl_curve(heads, TASK, sizes, memory=1000, **keep)
    for budget in (parse_memory(refusal.value.repair.split('"')[1]), 20_000_000, 200_000_000):
        tracemalloc.start()
        icl_curve(heads, TASK, sizes, memory=budget, **keep)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        # Beyond the budget: quadrature tables and the interpreter's own objects, a fixed size.
        assert peak < budget + 4_000_000


def test_the_heads_of_a_figure_are_one_batch_at_the_papers_size() -> None:
    # Another batch is another pass over the pre-activations, an eighth of the operations of [RT] Fig. 1a.
    heads = [RandomTransformer(sigma, 1e-8) for sigma in ("relu", "tanh")]
    heads += [
        RandomTransformer(equivalent_model(sigma, degree), 1e-8)
        for sigma, degree in (("relu", 1), ("relu", 2), ("relu", 4), ("tanh", 1), ("tanh", 3))
    ]
    sizes = [Sizes.from_ratios(80, alpha=1, kappa=0.5, tau=tau, mu=1) for tau in (0.25, 0.5, 0.75, 1.25, 1.5, 2, 3)]
    fits = NestedFits([*heads, LinearTransformer(1e-8)], TASK, "samples", sizes, SimulationOptions(runs=1))
    assert len(fits.plan.batches) == 1
    assert fits.plan.block == LARGEST_BLOCK


# Monte Carlo means and their standard errors.


def test_standard_error_is_that_of_the_mean() -> None:
    # Two values: deviations ±1, unbiased variance 2, variance of the mean 1.
    assert MonteCarlo.from_runs(np.array([1.0, 3.0])) == MonteCarlo(2.0, 1.0, 2)


def test_arrays_are_means_over_the_first_axis() -> None:
    values = np.array([[1.0, 10.0], [3.0, 10.0], [2.0, 10.0]])
    mean = MonteCarlo.from_runs(values)
    np.testing.assert_array_equal(mean.mean, [2.0, 10.0])
    np.testing.assert_allclose(mean.stderr, [1 / math.sqrt(3), 0.0], rtol=1e-15)
    assert mean.runs == 3


def test_one_run_says_nothing_of_its_error() -> None:
    single = MonteCarlo.from_runs(np.array([2.0]))
    assert (single.mean, single.stderr, single.runs) == (2.0, math.inf, 1)
    assert single.z(7.0) == 0.0


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (MonteCarlo(0.51234, 0.0081, 8), "0.5123 ± 0.0081 (8 runs)"),
        (MonteCarlo(478.2, 143.0, 4), "478 ± 143 (4 runs)"),
        (MonteCarlo(0.5, math.inf, 1), "0.5000 ± inf (1 run)"),
        (MonteCarlo(np.array([1.0, 2.0]), np.array([0.1, 0.02]), 3), "1.00 ± 0.10, 2.000 ± 0.020 (3 runs)"),
    ],
)
def test_printing(value: Any, text: Any) -> None:
    assert str(value) == text


if __name__ == "__main__":
    rows = [[[float(f"{value:.7g}") for value in pair] for pair in run] for run in scripted_runs(RUNS).tolist()]
    SCRIPTED.write_text("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n", encoding="utf-8")
