"""Verdicts on two sources and the gradient step: of planted errors, and of Transformers at d = 12."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np
import planted_sources as planted
import pytest

import hermite_eq
from hermite_eq.models.structures import Identity
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.curves import Curve, Results
from verify.campaigns.theory import Theory
from verify.claims.check import RESOLUTION, Verdict
from verify.claims.pointwise import errors_as_predicted, sources_average
from verify.main_job import gradient, two_sources
from verify.main_job.job import measure
from verify.main_job.profile import FULL, QUICK
from verify.store.run import simulate_run

GOOD = {Verdict.AGREES, Verdict.IN_THE_LIMIT}
CLAIMS = {*two_sources.CLAIMS, gradient.CLAIM}
#: Two runs are enough for what is not a comparison, and 80 to refuse a theory without the spike.
SMALL = dataclasses.replace(QUICK, mixing_ladder=(12,), mixing_runs=(80,), gradient_runs=2)
WRONG = {defect: wrong for _, _, defect, wrong in two_sources.WRONG}
WITHOUT_STEP = partial(errors_as_predicted, 0, (0.0,))


#: Before a step, and under spiked inputs of one head.
_TASKS, _INPUTS, _NOISE = (dataclasses.replace(panel, values=(0.0,)) if panel.axis == "step" else panel for panel in two_sources.PANELS)
CAMPAIGN = dataclasses.replace(
    two_sources.campaign(SMALL, 12), panels=(_TASKS, dataclasses.replace(_INPUTS, families=_INPUTS.families[:1]), _NOISE)
)


@pytest.fixture(scope="module")
def small() -> list[Results]:
    with ThreadPoolExecutor(1) as pool:
        counted: list[int] = []
        measured = measure([CAMPAIGN], pool, lambda: counted.append(1))
    assert len(counted) == 80
    return measured


def test_planted_errors_agree_and_every_wrong_theory_is_caught() -> None:
    measured, ratios = planted.measured(), planted.ratios()
    rows = [*two_sources.judge(measured), *gradient.judge(ratios)]
    assert {row.verdict for row in rows} == GOOD
    assert {row.claim for row in rows} == CLAIMS
    assert [row.claim for row in rows if row.verdict == Verdict.IN_THE_LIMIT] == [gradient.CLAIM]
    power = [*two_sources.negative_controls(measured), *gradient.negative_controls(ratios)]
    assert {item["claim"] for item in power} == CLAIMS
    assert [item["defect"] for item in power if not item["caught"]] == []


def test_every_head_has_a_row_for_each_step_and_source() -> None:
    rows = errors_as_predicted(0, ladder=planted.measured())
    assert len({row.subject for row in rows}) == len(rows) == 2 * 2 * 3


def test_a_gap_on_one_source_disagrees_unless_it_vanishes() -> None:
    def verdicts(source: int, **gap: float) -> set[Verdict]:
        rows = errors_as_predicted(0, ladder=planted.measured(**gap))
        return {row.verdict for row in rows if f"on source {source}" in row.subject}

    assert verdicts(1, off=0.05) == {Verdict.DISAGREES}
    assert verdicts(1, off=0.1, rate=-1) == {Verdict.IN_THE_LIMIT}
    assert verdicts(1, off=0.05, rate=-0.1) == {Verdict.DISAGREES}
    assert verdicts(0, off=0.05) == {Verdict.AGREES}


def test_the_lemma_needs_a_ratio_that_vanishes() -> None:
    for power, verdict in ((-0.5, Verdict.IN_THE_LIMIT), (-1.0, Verdict.IN_THE_LIMIT), (0.0, Verdict.DISAGREES), (0.3, Verdict.DISAGREES)):
        (row,) = gradient.judge(planted.ratios(power))
        assert row.verdict == verdict
        # Five standard errors: one false alarm in 1.7 million seeds.
        assert abs(row.value - power) < 5 * row.value_error


def test_the_average_over_sources_is_exact_up_to_rounding() -> None:
    measured = planted.measured()
    assert {row.verdict for row in sources_average(0, ladder=measured)} == {Verdict.AGREES}

    def nudged(curve: Curve) -> Curve:
        """A tenth of a billionth off in one run."""
        return dataclasses.replace(curve, icl_runs=curve.icl_runs * np.where(np.arange(curve.runs) == 3, 1 + 1e-10, 1.0)[:, None])

    rows = sources_average(0, ladder=[results.replaced(nudged) for results in measured])
    assert [row.verdict for row in rows] == [Verdict.DISAGREES, Verdict.AGREES]


def test_a_theory_is_wrong_in_what_it_says() -> None:
    curve = planted.measured()[0].get("relu")
    asked: list[hermite_eq.curve.Setting] = []
    numbers = curve.predict(curve.points)

    def predict(points: tuple[hermite_eq.curve.Setting, ...]) -> Theory:
        asked.extend(points)
        return numbers

    def corrupted(defect: str) -> hermite_eq.curve.Setting:
        wrong = WRONG[defect](dataclasses.replace(curve, predict=predict))
        wrong.predict(curve.points)
        return asked[-1]

    truth = curve.points[-1]
    (plain, spiked), task = truth.task.sources, truth.task
    assert corrupted("the task spike forgotten").task.sources == (plain, dataclasses.replace(spiked, task_cov=Identity()))
    assert corrupted("training probabilities exchanged").task == dataclasses.replace(task, weights=task.weights[::-1])
    assert corrupted("the noise of source 1 5 % too small").task.sources[1].noise == 0.95 * spiked.noise
    assert corrupted("η half as large").model == dataclasses.replace(truth.model, step_size=truth.model.step_size / 2)
    steeper = corrupted("target of source 1: c_1 5 % too large").task
    assert steeper.sources[0] == plain
    before, after = (np.asarray(hermite_eq.coefficients(setting.sources[1].target, 3)) for setting in (task, steeper))
    # Of the coefficients the first alone; each is a sum with error of some eps.
    assert np.abs(after - before * np.array([1, 1.05, 1, 1])).max() < 8 * np.finfo(float).eps


def test_noise_is_varied_on_common_draws(small: list[Results]) -> None:
    (curve,) = small[0].of_panel(2)
    assert curve.source_runs.shape == (80, 2, 2)
    # With common draws the difference on source 0 scatters less than without.
    assert np.asarray(np.corrcoef(curve.source_runs[:, :, 0].T))[0, 1] > 0.5
    for profile in (QUICK, FULL):
        assert len(profile.mixing_ladder) == len(profile.mixing_runs) >= 3


def test_a_run_does_not_depend_on_the_others(small: list[Results]) -> None:
    alone = simulate_run(CAMPAIGN, 12, CAMPAIGN.seed, 4 * 10**9, 33)
    for (panel, family, name), curve in small[0].curves.items():
        if panel < 2:
            model = curve.settings[0].models[name]
            assert not isinstance(model, DiscreteMMSE)
            cell = alone[2 * panel + family][f"{model}, λ = {model.ridge:g}"]["icl"][0]
            assert curve.icl_runs[33, 0] == cell


def test_transformers_agree_and_a_forgotten_spike_does_not(small: list[Results]) -> None:
    right = WITHOUT_STEP(ladder=small)
    # A false alarm in 1e-5 of rows (verify.claims.check.LEVEL).
    assert {row.verdict for row in right} == {Verdict.AGREES}
    assert all(row.stderr < RESOLUTION * row.predicted for row in right)
    wrong = WITHOUT_STEP(ladder=[results.replaced(WRONG["the task spike forgotten"]) for results in small])
    assert sum(row.verdict == Verdict.DISAGREES for row in wrong) >= 2
    assert {row.verdict for row in sources_average(0, ladder=small)} == {Verdict.AGREES}
