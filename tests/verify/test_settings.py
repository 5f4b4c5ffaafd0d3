"""The drawn settings are those of their seed; what is said of single points, and of departures from the hypotheses, is what is planted."""

from __future__ import annotations

import dataclasses
import json
import math
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hermite_eq.models import LinearTransformer, RandomTransformer, Task
from hermite_eq.theory import icl_error
from verify.campaigns.campaign import Campaign, label
from verify.campaigns.curves import Curve, Key, Results
from verify.campaigns.settings import CASES, COUNT, HEADS, RANGES, SECOND, TARGETS, draw
from verify.campaigns.table import CAMPAIGNS
from verify.campaigns.theory import Points, Theory
from verify.claims.check import Verdict
from verify.claims.departures import equivalence_survives
from verify.claims.statements import limit_follows, near_theory
from verify.store.run import simulate_run
from verify.store.store import Setup

ROOT = Path(__file__).parents[2]
SHARE = 0.003


def test_the_drawn_settings_are_those_of_the_stored_runs() -> None:
    rows = draw()
    assert len({str(row) for row in rows}) == COUNT == len(CAMPAIGNS["settings"].panels)
    for row in rows:
        assert row["head"] in HEADS
        assert row["target"] in TARGETS
        assert all(low <= row[name] <= high for name, (low, high) in RANGES.items() if row[name] != math.inf)


def test_every_pair_of_sources_is_simulated_in_both_conventions() -> None:
    panels = CAMPAIGNS["mixtures"].panels
    assert len(panels) == 2 * len(SECOND)
    for i, (panel, second) in enumerate(zip(panels, [source for source in SECOND.values() for _ in range(2)], strict=True)):
        (setting,) = panel.settings(panel.families[0], 8)
        assert isinstance(setting.task, Task)
        assert setting.task.unit_inputs == setting.task.unit_link == bool(i % 2)
        assert len(setting.task.sources) == 1 + len(second)
        assert [isinstance(head, RandomTransformer) and head.normalise for head in setting.models.values()] == [True, False, True, False]


def planted(mean: float, share: float = SHARE, limit: float = 1.0, d: int = 40, runs: int = 20) -> Results:
    """One setting whose theory is 1, and whose runs have this mean and relative standard error."""
    panel = CAMPAIGNS["settings"].panels[0]
    settings = panel.settings(panel.families[0], d)
    noise = np.random.default_rng(d).standard_normal(runs)
    errors = mean * (1 + share * (noise - noise.mean()) / noise.std(ddof=1) * math.sqrt(runs))[:, None]

    def predict(points: Points) -> Theory:
        value = np.ones(1) if hasattr(points[0].sizes, "ratios") else np.array([limit])
        return Theory(value, value, np.empty((1, 0)), ((),))

    (name,) = settings[0].models
    curve = Curve(panel, panel.families[0], name, settings, errors, errors, np.empty((runs, 1, 0)), np.zeros(1, int), predict)
    return Results(d, runs, {(0, 0, name): curve})


def test_an_outcome_holds_within_per_cent_or_standard_errors() -> None:
    def verdicts(mean: float, share: float) -> list[Verdict]:
        return [row.verdict for row in near_theory((("icl", 0.03), ("idg", 0.06)), 4.0, ladder=[planted(mean, share)])]

    assert verdicts(1.02, 0.001) == [Verdict.AGREES] * 2
    assert verdicts(1.05, 0.001) == [Verdict.DISAGREES, Verdict.AGREES]
    assert verdicts(1.04, 0.02) == [Verdict.AGREES] * 2
    # A gap of 1 %, or of 4 %, with a standard error of 40 % says nothing.
    assert verdicts(1.01, 0.4) == verdicts(1.04, 0.4) == [Verdict.UNDECIDED] * 2


@pytest.mark.parametrize("share", [0.003, 0.015])
@pytest.mark.parametrize(("power", "good"), [(-1, True), (-0.5, False), (0, False), (-3, True)])
def test_the_gap_of_a_limit_must_vanish_at_the_rate_or_faster(power: float, good: bool, share: float) -> None:
    ladder = [planted(1 + 0.3 * (d / 20) ** power, share, d=d) for d in (60, 20, 40)]
    for row in limit_follows(ladder=ladder):
        assert (row.verdict == Verdict.IN_THE_LIMIT) == good
        assert abs(row.value - power) < 5 * row.value_error


@pytest.mark.own_seeds
def test_the_theory_agrees_with_stored_settings_a_wrong_one_not() -> None:
    """The theory of today at every other setting simulated at d = 40, and the same 5 % higher."""
    stored = json.loads((ROOT / "results" / "settings" / "summary.json").read_text(encoding="utf-8"))["outcomes"]
    at = [row for row in stored if row["d"] == 40 and row["error"] == "icl"]
    assert len(at) == COUNT
    scores: dict[float, list[float]] = {1.0: [], 1.05: []}
    for row in at[::2]:
        panel = CAMPAIGNS["settings"].panels[row["setting"]]
        (setting,) = panel.settings(panel.families[0], 40)
        (model,) = setting.models.values()
        assert isinstance(model, LinearTransformer | RandomTransformer)
        predicted = icl_error(model, setting.task, setting.sizes)
        for factor, z in scores.items():
            z.append((row["mean"] - factor * predicted.icl) / math.hypot(row["stderr"], predicted.icl_stderr))
    # χ² of 12 scores (of Student's t with 19 degrees of freedom, variance 19/17): below 50 but for a chance of 1e-5.
    assert np.square(scores[1.0]).sum() < 50 < np.square(scores[1.05]).sum()


# Where the equivalence breaks.


@pytest.mark.parametrize("name", CASES)
def test_every_case_is_simulated(name: str) -> None:
    panel = CAMPAIGNS["stress"].panels[list(CASES).index(name)]
    (points,) = simulate_run(dataclasses.replace(CAMPAIGNS["stress"], panels=(panel,)), 4, 1, 10**9, 0)
    family: Any = panel.families[0]
    assert set(points) == {label(head) for head in family.models}
    assert all(0 < columns["icl"][0] < np.inf for columns in points.values())


def test_every_case_has_an_identity_of_its_own() -> None:
    """The manifest names the data of every case, so that no numbers are taken for those of another."""
    stress = CAMPAIGNS["stress"]
    tasks = [campaign["task"] for campaign in Setup(stress, 12, 1, 10**9).identity()["simulations"]]
    assert len(set(tasks)) == len(CASES)
    changed: list[Campaign] = [
        dataclasses.replace(stress, panels=panels)
        for panels in (
            stress.panels,
            stress.panels[:-1],
            stress.panels[::-1],
            tuple(dataclasses.replace(panel, values=(1.9,)) for panel in stress.panels),
        )
    ]
    assert len({Setup(campaign, 12, 1, 10**9).hash for campaign in changed}) == len(changed)


def unasked(points: Points) -> Theory:
    raise AssertionError("no theory is asked for")


def gaps(limits: dict[str, float], constants: dict[str, float], noise: float) -> list[Results]:
    """Gaps limit + constant/d + noise of some cases at d = 24 and 12."""
    rng, log_errors = np.random.default_rng(0), []
    for d in (24, 12):
        curves: dict[Key, Curve] = {}
        for index, name in enumerate(limits):
            panel = CAMPAIGNS["stress"].panels[list(CASES).index(name)]
            settings = panel.settings(panel.families[0], d)
            for model in settings[0].models:
                runs = np.exp((limits[name] + constants[name] / d + noise * rng.standard_normal((20, 1))) * ("r =" in model))
                sources = np.empty((20, 1, 0))
                empty = np.zeros(1, int)
                curves[index, 0, model] = Curve(panel, panel.families[0], model, settings, runs, runs, sources, empty, unasked)
        log_errors.append(Results(d, 20, curves))
    return log_errors


def test_verdicts_of_planted_gaps() -> None:
    limits = {"Gaussian": 0.0, "inputs uniform": 0.0, "inputs Student t, 3": 0.25}
    constants = dict.fromkeys(limits, 2.0) | {"inputs uniform": -3.0}
    claim = partial(equivalence_survives, tuple(limits))
    rows = claim(ladder=gaps(limits, constants, 0.02))
    assert len(rows) == 3 * 2 * 2
    verdicts = {name: {row.verdict for row in rows if row.subject.startswith(name)} for name in limits}
    assert verdicts == {name: {Verdict.DISAGREES if limit else Verdict.AGREES} for name, limit in limits.items()}
    for row in rows:
        # Beyond five standard errors with a false-alarm rate of 6e-7 for each of 12; of the first case the difference is from none.
        limit = next(limit for name, limit in limits.items() if row.subject.startswith(name))
        assert abs(row.measured - limit) < 5 * row.stderr
    # With a tenth of a gap as noise, no gap cannot be told from one; with one dimension nothing is said.
    noisy = gaps(dict.fromkeys(limits, 0.0), constants, 0.2)
    assert {row.verdict for row in claim(ladder=noisy)} == {Verdict.UNDECIDED}
    assert claim(ladder=noisy[:1]) == []
