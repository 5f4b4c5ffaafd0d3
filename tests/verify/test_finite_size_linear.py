"""The check of the linear Transformer at finite d passes for the theory itself and fails for a wrong one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from verify.finite_size_linear import LADDER, SETTINGS, Row, one, rejected, rows

SETTING = SETTINGS[0]
SHARE = 0.003


@pytest.fixture(scope="module")
def table() -> list[Row]:
    """The rows of one setting, from runs which are all 1 but for a relative standard error of 0.3 %."""
    found = {}
    for d, runs in LADDER.items():
        noise = np.random.default_rng(d).standard_normal((2, runs))
        noise = (noise - noise.mean(1, keepdims=True)) / noise.std(1, ddof=1, keepdims=True) * np.sqrt(runs)
        found[d] = 1 + SHARE * noise
    return rows(SETTING, found)


def simulated(row: Row, value: Callable[[int], float]) -> Row:
    """The row with another mean at each d, and a standard error of 0.3 % of it."""
    means = {d: value(d) for d in LADDER}
    return replace(row, simulated=means, stderr={d: SHARE * mean for d, mean in means.items()})


def test_means_and_standard_errors_are_those_of_the_runs(table: list[Row]) -> None:
    for row in table:
        assert all(abs(mean - 1) < 1e-12 for mean in row.simulated.values())
        assert all(abs(stderr / SHARE - 1) < 1e-12 for stderr in row.stderr.values())


def test_the_theory_itself_passes_and_five_per_cent_are_seen(table: list[Row]) -> None:
    for row in table:
        exact = simulated(row, lambda d, row=row: row.predicted[d])
        assert exact.holds
        assert max(map(abs, exact.z.values())) < 1e-6
        assert not simulated(row, lambda d, row=row: 1.05 * row.predicted[d]).holds
    assert rejected(SETTING, simulated(table[0], lambda d: table[0].predicted[d]))


def test_a_gap_that_stays_or_falls_too_fast_fails(table: list[Row]) -> None:
    for row in table:
        for power in (0, -3):
            assert not simulated(row, lambda d, row=row, power=power: row.limit[d] * (1 + 0.3 * (d / 20.0) ** power)).holds
        assert abs(simulated(row, lambda d, row=row: row.limit[d] * (1 + 0.3 * 20 / d)).slope[0] + 1) < 1e-3


@pytest.mark.parametrize("share", [0.003, 0.015])
def test_a_slower_rate_fails_whatever_the_noise(table: list[Row], share: float) -> None:
    # The theory at d is that of the simulation: the rate alone is judged.
    for row in table:
        for power, good in ((-1, True), (-0.5, False), (0, False)):
            means = {d: row.limit[d] * (1 + 0.3 * (d / 20) ** power) for d in LADDER}
            planted = replace(row, simulated=means, predicted=means, stderr={d: share * mean for d, mean in means.items()})
            assert planted.holds == good


def test_runs_do_not_depend_on_their_grouping() -> None:
    whole = one(SETTING, 20, range(3))
    assert np.array_equal(np.concatenate([one(SETTING, 20, range(1)), one(SETTING, 20, range(1, 3))], axis=1), whole)
    assert len(set(map(str, SETTINGS))) == len(SETTINGS)
