"""Verdicts on two sources and the gradient step: of planted errors, and of Transformers at d = 12."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import planted_mixture as planted
import pytest

import hermite_eq
from verify.campaigns.mixing import Mixing
from verify.claims.check import RESOLUTION, Verdict
from verify.claims.comparison import within_band
from verify.main_job import data_mixing, two_sources
from verify.main_job.profile import FULL, QUICK

GOOD = {Verdict.AGREES, Verdict.IN_THE_LIMIT}
#: Two runs are enough for what is not a comparison, and 80 to refuse a theory without the spike.
SMALL = dataclasses.replace(QUICK, mixing_ladder=(12,), mixing_runs=(80,), gradient_runs=2)


@pytest.fixture(scope="module")
def small() -> two_sources.Mixture:
    with ThreadPoolExecutor(1) as pool:
        counted: list[int] = []
        found = two_sources.measure(SMALL, pool, lambda: counted.append(1))
    assert len(counted) == two_sources.steps(SMALL)
    return found


def test_planted_errors_agree_and_every_wrong_theory_is_caught(monkeypatch) -> None:
    planted.install(monkeypatch)
    measured = planted.measured()
    rows = data_mixing.judge(measured)
    assert {row.verdict for row in rows} == GOOD
    assert {row.claim for row in rows} == set(data_mixing.CLAIMS)
    assert [row.claim for row in rows if row.verdict == Verdict.IN_THE_LIMIT] == [data_mixing.LEMMA]
    power = data_mixing.negative_controls(measured)
    assert {item["claim"] for item in power} == set(data_mixing.CLAIMS)
    assert [item["defect"] for item in power if not item["caught"]] == []


def test_a_gap_on_one_source_disagrees_unless_it_vanishes(monkeypatch) -> None:
    planted.install(monkeypatch)

    def verdicts(**gap: float) -> dict[str, Verdict]:
        rows = data_mixing.error_rows(planted.measured(**gap), data_mixing.TRUE)
        return {row.subject: row.verdict for row in rows if "source 1" in row.subject}

    assert set(verdicts(off=0.05).values()) == {Verdict.DISAGREES}
    assert set(verdicts(off=0.1, rate=-1).values()) == {Verdict.IN_THE_LIMIT}
    assert set(verdicts(off=0.05, rate=-0.1).values()) == {Verdict.DISAGREES}
    untouched = data_mixing.error_rows(planted.measured(off=0.05), data_mixing.TRUE)
    assert {row.verdict for row in untouched if "source 0" in row.subject} == {Verdict.AGREES}


def test_the_lemma_needs_a_ratio_that_vanishes(monkeypatch) -> None:
    planted.install(monkeypatch)
    for ratio, verdict in ((-0.5, Verdict.IN_THE_LIMIT), (-1.0, Verdict.IN_THE_LIMIT), (0.0, Verdict.DISAGREES), (0.3, Verdict.DISAGREES)):
        (row,) = data_mixing.lemma_rows(planted.measured(ratio=ratio))
        assert row.verdict == verdict
        # Five standard errors: one false alarm in 1.7 million seeds.
        assert abs(row.value - ratio) < 5 * row.value_error


@pytest.mark.parametrize(("mean", "verdict"), [(0.0, Verdict.AGREES), (0.015, Verdict.AGREES), (-0.015, Verdict.AGREES),
                                               (0.0199, Verdict.UNDECIDED), (0.03, Verdict.DISAGREES), (-0.03, Verdict.DISAGREES)])
def test_no_change_means_within_the_band(mean: float, verdict: Verdict) -> None:
    scatter = 0.004 * np.random.default_rng(1).standard_normal(40)
    change = mean + scatter - scatter.mean()
    assert within_band("claim", "s", change, 0.0, 0.02, "").verdict == verdict


@pytest.mark.parametrize(("mean", "verdict"), [(-0.01, Verdict.AGREES), (-1e-4, Verdict.UNDECIDED), (0.01, Verdict.DISAGREES)])
def test_lower_means_beyond_the_sampling_error(mean: float, verdict: Verdict) -> None:
    scatter = 0.004 * np.random.default_rng(1).standard_normal(40)
    row = data_mixing.lowers("c", "s", mean + scatter - scatter.mean(), -0.01, 0.5)
    assert row.verdict == verdict
    assert f"{mean / 0.5:+.2%} ± " in row.note


def test_the_average_over_sources_is_exact_up_to_rounding(monkeypatch) -> None:
    planted.install(monkeypatch)
    measured = planted.measured()
    assert {row.verdict for row in data_mixing.identity_rows(measured)} == {Verdict.AGREES}
    top = max(measured.dimensions)
    error = measured.errors[two_sources.SPIKED, top][True, 0.0]
    # A tenth of a billionth off in one run.
    nudged = dataclasses.replace(error, icl_runs=error.icl_runs * np.where(np.arange(len(error.icl_runs)) == 3, 1 + 1e-10, 1.0))
    changed = {key: dict(each) for key, each in measured.errors.items()}
    changed[two_sources.SPIKED, top][True, 0.0] = nudged
    rows = data_mixing.identity_rows(two_sources.Mixture(changed, measured.gradients))
    assert [row.verdict for row in rows] == [Verdict.DISAGREES, Verdict.AGREES]


def test_a_theory_is_wrong_in_what_it_says() -> None:
    d, truth = 8, two_sources.BASE.task(8)
    assert data_mixing.TRUE.task(two_sources.BASE, d) == truth
    assert data_mixing.Theory(spike=False).task(two_sources.BASE, d) == dataclasses.replace(two_sources.BASE, task_spike=0.0).task(d)
    assert data_mixing.Theory(swapped=True).task(two_sources.BASE, d).weights == truth.weights[::-1]
    assert data_mixing.Theory(noise=0.95).task(two_sources.BASE, d).sources[1].noise == 0.95 * truth.sources[1].noise
    tilted = data_mixing.Theory(slope=(1.0, 1.05)).task(two_sources.BASE, d)
    assert tilted.sources[0] == truth.sources[0]
    before, after = (np.asarray(hermite_eq.coefficients(task.sources[1].target, 3)) for task in (truth, tilted))
    # Of the orthonormal coefficients the first alone; each is a sum with error of some eps.
    assert np.abs(after - before * np.array([1, 1.05, 1, 1])).max() < 8 * np.finfo(float).eps


def test_settings_are_those_of_the_paper_and_share_their_draws(small: two_sources.Mixture) -> None:
    assert all(isinstance(mixing, Mixing) for mixing in two_sources.SETTINGS.values())
    spiked, noisy = (small.errors[name, 12][True, 0.0] for name in (two_sources.SPIKED, two_sources.NOISY))
    assert spiked.draws == noisy.draws
    # With common draws the difference on source 0 scatters less than without.
    pairs = [np.asarray(error.source_runs)[:, 0] for error in (spiked, noisy)]
    assert np.corrcoef(pairs)[0, 1] > 0.5
    assert {d for _, d in small.errors} == {12}
    assert all(len(error.icl_runs) == 80 for each in small.errors.values() for error in each.values())
    for profile in (QUICK, FULL):
        assert len(profile.mixing_ladder) == len(profile.mixing_runs) >= 3


def test_results_do_not_depend_on_how_runs_are_parted(small: two_sources.Mixture) -> None:
    seed = np.random.SeedSequence(SMALL.seed, spawn_key=(5, 0))
    alone = two_sources.one_part(two_sources.INPUTS, 12, seed, range(33, 34))
    for key, curve in zip(two_sources.heads(two_sources.INPUTS, 12), alone, strict=True):
        assert curve.icl_runs[0, 0] == small.errors[two_sources.INPUTS, 12][key].icl_runs[33]


def test_transformers_agree_and_a_forgotten_spike_does_not(small: two_sources.Mixture) -> None:
    right = data_mixing.error_rows(small, data_mixing.TRUE, stepped=False)
    # A false alarm in 1e-5 of rows (verify.claims.check.LEVEL).
    assert {row.verdict for row in right} == {Verdict.AGREES}
    assert all(row.stderr < RESOLUTION * row.predicted for row in right)
    wrong = data_mixing.error_rows(small, data_mixing.Theory(spike=False), stepped=False)
    assert sum(row.verdict == Verdict.DISAGREES for row in wrong) >= 2
    assert {row.verdict for row in data_mixing.identity_rows(small)} == {Verdict.AGREES}


def test_numbers_are_plain_data(small: two_sources.Mixture) -> None:
    rows = two_sources.numbers(small)
    assert len(rows) == sum(map(len, small.errors.values()))
    assert all(set(row) >= {"sources", "model", "step", "d", "runs", "test mixture", "source 0", "source 1"} for row in rows)
