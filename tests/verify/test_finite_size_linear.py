"""The check of the linear Transformer at finite d passes for the theory itself and fails for a wrong one."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

import hermite_eq
from verify.finite_size_linear import LADDER, SETTINGS, Array, one, rejected, rows

SETTING = SETTINGS[0]


def drawn(value: Callable[[str, int], float]) -> dict[int, Array]:
    """Runs with exactly the mean ``value(error, d)`` and a standard error of 0.3 % at each d."""
    rng, found = np.random.default_rng(0), {}
    for d, runs in LADDER.items():
        noise = rng.standard_normal((2, runs))
        noise = (noise - noise.mean(1, keepdims=True)) / noise.std(1, ddof=1, keepdims=True) * np.sqrt(runs)
        found[d] = np.array([value(name, d) * (1 + 0.003 * row) for name, row in zip(("icl", "idg"), noise, strict=True)])
    return found


def theory(name: str, d: int) -> float:
    return float(getattr(hermite_eq.icl_error(SETTING.model, SETTING.task, SETTING.sizes(d)), name))


def limit(name: str, d: int) -> float:
    return float(getattr(hermite_eq.icl_error(SETTING.model, SETTING.task, SETTING.sizes(d).ratios), name))


def test_the_theory_itself_passes_and_five_per_cent_are_seen() -> None:
    for row in rows(SETTING, drawn(theory)):
        assert row.holds
        assert max(map(abs, row.z.values())) < 1e-6
        assert rejected(SETTING, row)
    assert not any(row.holds for row in rows(SETTING, drawn(lambda name, d: 1.05 * theory(name, d))))


def test_a_gap_that_stays_or_falls_too_fast_fails() -> None:
    for power in (0, -3):
        for row in rows(SETTING, drawn(lambda name, d, power=power: limit(name, d) * (1 + 0.3 * (d / 20.0) ** power))):
            assert not row.holds
    for row in rows(SETTING, drawn(lambda name, d: limit(name, d) * (1 + 0.3 * 20 / d))):
        assert abs(row.slope[0] + 1) < 1e-3


def test_runs_do_not_depend_on_their_grouping() -> None:
    whole = one(SETTING, 20, range(3))
    assert np.array_equal(np.concatenate([one(SETTING, 20, range(1)), one(SETTING, 20, range(1, 3))], axis=1), whole)
    assert len({(setting.target, setting.tau, setting.alpha) for setting in SETTINGS}) == len(SETTINGS)
