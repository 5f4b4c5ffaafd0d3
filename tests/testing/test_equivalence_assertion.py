"""assert_equivalent: its three verdicts, on numbers whose law is known and on Transformers."""

from __future__ import annotations

import dataclasses
import math
import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray

from hermite_eq import HypothesisError, LinearTransformer, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.simulate import icl_error
from hermite_eq.testing import Deviation, UniversalityError, Verdict, assert_equivalent
from hermite_eq.testing.equivalence import Simulator
from hermite_eq.testing.statistics.sequential import Sides, critical_t, log_mixture, runs_needed

Array = NDArray[np.float64]

TASK = Task("relu", noise=0.1)
SIZES = Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=1)


def normal_errors(gap: float, spread: float = 0.02, calls: list[int] | None = None) -> Simulator:
    """A simulator whose models differ by ``gap`` relatively, on average."""

    def simulate(model_a: Any, model_b: Any, task: Task, sizes: Sizes, runs: range, rng: int) -> tuple[Array, Array]:
        if calls is not None:
            calls.extend(runs)
        draws = np.array([np.random.default_rng((rng, run)).standard_normal(2) for run in runs])
        a = 1 + 0.1 * draws[:, 0]
        return a, (1 + gap) * a + spread * draws[:, 1]

    return simulate


def test_equal_models_are_found_equal_after_few_runs() -> None:
    calls: list[int] = []
    check = assert_equivalent("a", "b", TASK, SIZES, simulator=normal_errors(0.0, calls=calls))
    assert check.verdict == Verdict.AGREES
    assert calls == list(range(len(calls)))
    assert len(calls) < 40


def test_different_models_are_found_different_after_few_runs() -> None:
    calls: list[int] = []
    with pytest.raises(UniversalityError) as error:
        assert_equivalent("a", "b", TASK, SIZES, simulator=normal_errors(0.15, calls=calls))
    p_value = error.value.check.p_value
    assert p_value is not None
    assert p_value <= 1e-6
    assert len(calls) < 60
    text = str(error.value)
    assert text.startswith(
        "assert_equivalent: the data contradict the claim that a and b have the same ICL error (target relu, noise variance 0.1). At Sizes("
    )
    assert "the margin 0.05" in text
    with pytest.raises(UniversalityError):
        assert_equivalent("a", "b", TASK, SIZES, simulator=normal_errors(-0.15))


def test_at_the_margin_it_is_inconclusive_and_says_the_runs() -> None:
    with pytest.raises(HypothesisError) as error:
        assert_equivalent("a", "b", TASK, SIZES, simulator=normal_errors(0.0, spread=0.3), runs=20)
    assert error.value.hypothesis.startswith("assert_equivalent has data that resolve whether a and b have the same ICL error")
    needed = int(error.value.repair.removeprefix("pass runs="))
    assert assert_equivalent("a", "b", TASK, SIZES, simulator=normal_errors(0.0, spread=0.3), runs=4 * needed).verdict == Verdict.AGREES
    with pytest.raises(HypothesisError, match=r"too near the margin of 0\.05 to tell: raise the margin, or d"):
        assert_equivalent(
            "a",
            "b",
            TASK,
            SIZES,
            simulator=lambda a, b, t, s, runs, rng: (
                np.ones(len(runs)),
                1.05 + 1e-6 * np.where(np.arange(runs.start, runs.stop) % 2, 1.0, -1.0),
            ),
            runs=8,
        )


@pytest.mark.parametrize("gap", [0.01, 0.2])
def test_the_runs_needed_are_those_of_the_combinations_watched(gap: Any) -> None:
    # b − a scatters little, b − (1 ± m)a as a does.
    def simulate(model_a: Any, model_b: Any, task: Task, sizes: Sizes, runs: range, rng: int) -> tuple[Array, Array]:
        a = np.asarray(1 + 0.9 * (-1.0) ** np.arange(runs.start, runs.stop), dtype=float)
        return a, np.asarray((1 + gap) * a)

    with pytest.raises(HypothesisError) as error:
        assert_equivalent("a", "b", TASK, SIZES, simulator=simulate, runs=8)
    needed = int(error.value.repair.removeprefix("pass runs="))
    assert needed > 8
    if gap < 0.05:
        assert assert_equivalent("a", "b", TASK, SIZES, simulator=simulate, runs=needed).verdict == Verdict.AGREES
    else:
        with pytest.raises(UniversalityError):
            assert_equivalent("a", "b", TASK, SIZES, simulator=simulate, runs=needed)


def test_models_of_one_name_are_paired_with_themselves() -> None:
    head = RandomTransformer("tanh", 0.1)
    assert assert_equivalent(head, head, TASK, SIZES, test=100).verdict == Verdict.AGREES


def test_transformers_and_their_equivalents() -> None:
    sizes = Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=2)
    relu = RandomTransformer("relu", 0.1, normalise=True)
    model = equivalent_model("relu", 1)
    same = RandomTransformer(model, 0.1, normalise=True)
    # At d = 6 the gap is a few per cent; without c_1* it is -20 %, without c_0 +35 %.
    assert assert_equivalent(relu, same, TASK, sizes, margin=0.15, test=300).verdict == Verdict.AGREES
    for other in (dataclasses.replace(model, residual=0.0), dataclasses.replace(model, c=(0, model.c[1]))):
        with pytest.raises(UniversalityError):
            assert_equivalent(relu, RandomTransformer(other, 0.1, normalise=True), TASK, sizes, margin=0.05, test=300)


@pytest.mark.parametrize("error", ["icl", "idg"])
def test_which_error_is_compared(error: Any) -> None:
    sizes, models = Sizes(6, 6, 1, 72), [LinearTransformer(1e-3), LinearTransformer(1.0)]
    with pytest.raises(UniversalityError) as raised:
        assert_equivalent(models[0], models[1], TASK, sizes, error=error)
    stopped = re.search(r"after (\d+) runs", str(raised.value))
    assert stopped is not None
    runs = int(stopped[1])
    first, two = (getattr(e, f"{error}_runs") for e in icl_error(models, TASK, sizes, runs=runs, rng=0))
    assert f"relative difference is {((two - first) / first.mean()).mean():+.4f}" in str(raised.value)


def test_a_margin_may_vanish_with_d_and_sizes_may_be_several() -> None:
    ladder = [Sizes.from_ratios(d, alpha=1, kappa=1, tau=2) for d in (10, 40)]

    def shrinking(model_a: Any, model_b: Any, task: Task, sizes: Sizes, runs: range, rng: int) -> tuple[ArrayLike, ArrayLike]:
        return normal_errors(0.5 / sizes.d)(model_a, model_b, task, sizes, runs, rng)

    assert assert_equivalent("a", "b", TASK, ladder, margin=Deviation(2, order=-1), simulator=shrinking).verdict == Verdict.AGREES
    with pytest.raises(UniversalityError, match="At Sizes\\(d=40"):
        assert_equivalent("a", "b", TASK, ladder, margin=Deviation(2, order=-1), simulator=normal_errors(0.15, spread=0.01))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"sizes": Sizes(40, 40, 20, 60, 1600)},
            "the theorem supposes ℓ, k ≍ d and n, m ≍ d²; found n/d² = 0.037 at d = 40. Repair: pass samples=1600, say "
            "(ratios between 0.05 and 50 count as proportional)",
        ),
        ({"sizes": []}, "there is a size to simulate at; found an empty sequence. Repair: pass Sizes.from_ratios(20, …)"),
        (
            {"margin": 0.0},
            "the margin lies between 0 and 1: no simulation shows two numbers to be the same; found margin=0. Repair: pass "
            "margin=0.05, or Deviation(1, order=-1)",
        ),
        ({"error": "test"}, "the error is 'icl' or 'idg'; found error='test'. Repair: pass error='icl'"),
        ({"runs": 2}, "the budget is at least 4 runs; found runs=2. Repair: pass runs=200"),
        ({"simulator": lambda a, b, t, s, runs, rng: (np.full(4, np.nan), np.ones(4))}, "errors are finite; found"),
        (
            {"simulator": lambda a, b, t, s, runs, rng: (np.ones(3), np.ones(4))},
            "a simulator returns one error for each run and model; found shapes (3,) and (4,). Repair: return two arrays of length 4",
        ),
    ],
)
def test_errors(change: Any, message: Any) -> None:
    arguments = {"model_a": "a", "model_b": "b", "task": TASK, "sizes": SIZES, "simulator": normal_errors(0.0)} | change
    with pytest.raises(HypothesisError) as error:
        assert_equivalent(**arguments)
    assert str(error.value).startswith(message)


def test_critical_t_inverts_the_mixture() -> None:
    for rate in (1e-6, 1e-2):
        for n in (15, 40, 500):
            assert log_mixture(critical_t(rate, n), n) == pytest.approx(math.log(1 / rate), rel=1e-10)
    assert critical_t(1e-6, 1) == math.inf


def test_evidence_keeps_its_maximum_and_its_side() -> None:
    values = np.array([1.0, 1.1, 0.9, 1.0, 1.05, 0.95, -8.0, -9.0])
    sides = Sides().then(values[:6], 0).then(values, 6)
    assert sides == Sides().then(values, 0)
    assert sides.above > 4 > 1 > sides.below
    assert Sides().then(np.zeros(5), 0) == Sides()


def test_runs_needed_are_those_at_which_the_sequence_crosses() -> None:
    n = runs_needed(1.0, 1.0, 1e-6, 2)
    assert n is not None
    assert math.sqrt(n) >= critical_t(1e-6, n)
    assert runs_needed(1e-9, 1.0, 1e-6, 2) is None
