"""A small sample of the calibration and of the planted defects; the whole of both are commands under benchmarks/."""

from __future__ import annotations

import sys
from functools import partial
from typing import Any, NoReturn

import pytest
import scipy.stats

from benchmarks.checks.calibration import Experiment, calibrate, experiments, red, upper_band
from benchmarks.checks.planted_defects import FAMILIES, outcome
from hermite_eq import HypothesisError

CALLS, RATE = 60, 0.1
SLOW = ("Transformers", "sampled", "universal", "unknown")
QUICK = [experiment for experiment in experiments(1) if experiment.covered and not any(word in experiment.name for word in SLOW)]


@pytest.fixture(autouse=True)
def unrecorded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hundreds of calls at a rate of 0.1 are no part of the suite's table."""
    monkeypatch.delitem(sys.modules, "pytest_hermite_eq", raising=False)


@pytest.mark.parametrize("experiment", QUICK, ids=lambda experiment: experiment.name)
def test_false_alarms_are_as_rare_as_declared_with_power(experiment: Any) -> None:
    # More than isf alarms: probability 1e-6 for each experiment, at the declared rate exactly.
    assert red(experiment.call, range(CALLS), 0.0, RATE)[0] <= scipy.stats.binom.isf(1e-6, CALLS, RATE)
    assert red(experiment.call, range(8), experiment.values[-1], RATE)[0] >= 7


def test_an_assertion_that_alarms_too_often_is_beyond_its_band(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    alarms = Experiment("too often", lambda seed, deviation, rate: FAMILIES[0].run(change=lambda c: 2 * c), "", (0.0,))
    monkeypatch.setattr("benchmarks.checks.calibration.experiments", lambda repetitions: (alarms,))
    assert not calibrate(20)
    assert "20 = 100.00 %  BEYOND" in capsys.readouterr().out
    assert upper_band(2000) == 36


def test_forty_planted_defects_and_the_quickest_are_detected() -> None:
    assert sum(len(family.defects) for family in FAMILIES) == 40
    for family in FAMILIES:
        if family.name in ("coefficients of an activation", "the rate of a gap", "Gaussianity over F"):
            assert outcome(family.run).word == "green"
            for name, planted in family.defects.items():
                assert outcome(partial(family.run, **planted)).word == "red", name


def test_outcomes_have_names() -> None:
    def refuse() -> NoReturn:
        raise HypothesisError("the rows are independent draws", "others", "draw again")

    assert outcome(refuse).word == "refused"


def test_only_cannot_tell_counts_as_not_red() -> None:
    def refused(seed: int, deviation: float, rate: float) -> NoReturn:
        hypothesis = "assert_gaussian has data that resolve" if seed else "x is finite"
        raise HypothesisError(hypothesis, "…", "…")

    assert red(refused, range(1, 4), 0.0) == (0, 3)
    with pytest.raises(HypothesisError, match="x is finite"):
        red(refused, range(4), 0.0)
