"""The drawn settings are those of their seed, and the statistics of their gaps are what they say."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from hermite_eq.simulate import MonteCarlo
from hermite_eq.theory import icl_error
from verify.settings import __main__ as command
from verify.settings import measure, mixtures
from verify.settings.table import COUNT, HEADS, RANGES, SETTINGS, TARGETS, draw

ROOT = Path(__file__).parents[2]


def test_the_table_is_drawn_once_and_kept() -> None:
    assert draw() == SETTINGS
    assert len(set(SETTINGS)) == COUNT == 24
    for row in SETTINGS:
        assert row.head in HEADS
        assert row.target in TARGETS
        for name, (low, high) in RANGES.items():
            assert low <= getattr(row, name) <= high or (name == "kappa" and row.kappa == math.inf)
    sizes = measure.CAMPAIGN.sweeps(40)
    assert [sweep.points for _, sweep in sizes] == [(row.sizes(40),) for row in SETTINGS]


def synthetic(exponent: float) -> dict[int, list[measure.Outcome]]:
    """Settings whose gap to the limit is ±5 % at d = 20 and falls with the exponent, with noise of 0.3 %."""
    rng = np.random.default_rng(0)
    ladder = {}
    for d in (20, 40, 60):
        means = 1 + 0.05 * (d / 20) ** exponent * rng.choice([-1, 1], COUNT) + 0.003 * rng.standard_normal(COUNT)
        both = zip(SETTINGS, means, strict=True)
        ladder[d] = [measure.Outcome(row, "icl", d, MonteCarlo(mean, 0.003, 20), mean, 1.0) for row, mean in both]
    return ladder


def test_the_exponent_of_a_gap_is_found_and_told_from_another() -> None:
    for exponent in (-1.0, -2.0):
        found, stderr, gaps = measure.slope(synthetic(exponent), "icl", against="limit")
        # Five standard errors: a false-alarm rate of 6e-7.
        assert abs(found - exponent) < 5 * stderr
        assert stderr < 0.1
        assert abs(gaps[20][0] - 0.05) < 5 * gaps[20][1]


def test_an_outcome_holds_within_per_cent_or_standard_errors() -> None:
    row = SETTINGS[0]
    one = measure.Outcome(row, "icl", 40, MonteCarlo(1.02, 0.001, 20), 1.0, 1.0)
    assert one.holds
    assert not replace(one, simulated=MonteCarlo(1.04, 0.001, 20)).holds
    assert replace(one, simulated=MonteCarlo(1.04, 0.02, 20)).holds
    assert replace(one, error="idg", simulated=MonteCarlo(1.05, 0.001, 20)).holds


def test_noise_that_hides_a_quarter_does_not_hold() -> None:
    # A gap of 1 %, or of 4 %, with a standard error of 40 % says nothing.
    for mean in (1.01, 1.04):
        one = measure.Outcome(SETTINGS[0], "icl", 40, MonteCarlo(mean, 0.4, 20), 1.0, 1.0)
        assert not one.holds
        assert not one.fails


@pytest.mark.parametrize("main", [command.main, mixtures.main])
def test_nothing_stored_is_no_success(main, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert main(["--runs", "0", "--output", str(tmp_path)]) == 2
    assert "fewer than two runs are stored at d = 40; pass --runs 20, say" in capsys.readouterr().err


def test_the_stored_summary_is_of_this_theory_and_sees_a_wrong_one() -> None:
    """The theory of today at every other stored setting, and the same 5 % higher."""
    stored = json.loads((ROOT / "results" / "settings" / "summary.json").read_text(encoding="utf-8"))["outcomes"]
    at = [row for row in stored if row["d"] == 40 and row["error"] == "icl"]
    assert len(at) == COUNT
    assert not any(row["fails"] for row in stored)
    assert all(row["holds"] for row in stored if row["d"] <= 40)
    scores: dict[float, list[float]] = {1.0: [], 1.05: []}
    for row in at[::2]:
        setting = SETTINGS[row["setting"]]
        found = icl_error(setting.model(), setting.task, setting.sizes(40)).icl
        # The weights of the nodes settle to 1e-10, amplified beside the peak.
        assert abs(found / row["predicted"] - 1) < 1e-5
        for factor, z in scores.items():
            z.append((row["mean"] - factor * found) / row["stderr"])
    # χ² of 12 scores (of Student's t with 19 degrees of freedom, variance 19/17): below 50 but for a chance of 1e-5.
    assert np.square(scores[1.0]).sum() < 50 < np.square(scores[1.05]).sum()


def test_every_pair_of_sources_is_simulated_in_both_conventions() -> None:
    assert len(mixtures.ROWS) == 2 * len(mixtures.SECOND)
    for (name, unit), panel in zip(mixtures.ROWS, mixtures.CAMPAIGN.panels, strict=True):
        assert panel.task.unit_inputs == panel.task.unit_link == unit  # type: ignore[attr-defined]
        assert len(panel.task.sources) == 1 + (mixtures.SECOND[name] is not None)  # type: ignore[attr-defined]
        assert [head.normalise for head in panel.models] == [True, False, True, False]  # type: ignore[union-attr]
