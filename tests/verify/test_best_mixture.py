"""A best mixture in simulation, at a small d: the theory holds there and nearby, and defects are seen."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hermite_eq.models import LinearTransformer, MixtureTask, Sizes, Source, Spike
from hermite_eq.theory import best_mixture
from verify.best_mixture import Confirmation, compared, confirm, main

SIZES = Sizes.from_ratios(14, alpha=1, kappa=math.inf, tau=2)
RUNS = 24


@pytest.fixture(scope="module")
def outcome() -> Confirmation:
    task = MixtureTask([Source("relu", 0.05), Source("tanh", 0.3, task_cov=Spike(6.0))], unit_inputs=True, unit_link=True)
    best = best_mixture(LinearTransformer(2.0, intercept=True), task, SIZES)
    return confirm(best, runs=RUNS, seed=7, away=0.5)


def test_the_best_mixture_is_best_in_simulation(outcome: Confirmation) -> None:
    """Each of at most twelve scores is beyond 3 in one of 370 cases; the seed is fixed."""
    assert 0.05 < outcome.best.weights[1] < 0.95
    assert outcome.holds
    # The neighbours, half of the way to either end, are seen to be worse.
    others = outcome.weights[1:]
    far = np.abs(others - outcome.best.weights).max(axis=1) > 0.2
    assert far.any()
    assert outcome.seen[far].all()


def test_common_draws_resolve_differences(outcome: Confirmation) -> None:
    """Pairing pays: the standard error of a difference is below that of two independent errors."""
    apart = np.hypot(outcome.icl.stderr[1:], outcome.icl.stderr[0])
    assert (outcome.above.stderr < 0.9 * apart).all()


def test_a_theory_five_per_cent_off_is_seen(outcome: Confirmation) -> None:
    for factor in (0.95, 1.05):
        assert not replace(outcome, theory=factor * outcome.theory).theory_holds.any()


def test_a_mixture_that_is_not_best_is_beaten(outcome: Confirmation) -> None:
    worst = int(np.argmax(outcome.theory))
    order = [worst, *(i for i in range(len(outcome.theory)) if i != worst)]
    wrong = replace(outcome, weights=outcome.weights[order], theory=outcome.theory[order], icl_runs=outcome.icl_runs[:, order])
    assert not wrong.not_beaten.all()
    assert not wrong.holds


def test_a_corner_has_neighbours_inside() -> None:
    task = MixtureTask([Source("relu", 0.05), Source("relu", 0.5)], unit_inputs=True, unit_link=True)
    best = best_mixture(LinearTransformer(2.0, intercept=True), task, SIZES)
    assert best.unused == (1,)
    assert compared(best).tolist() == [[1.0, 0.0], [0.5, 0.5], [0.75, 0.25]]
    assert confirm(best, runs=4, seed=1).icl_runs.shape == (4, 3)


def test_the_command_asks_for_two_runs(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--runs", "1"])
    assert "at least 2" in capsys.readouterr().err
