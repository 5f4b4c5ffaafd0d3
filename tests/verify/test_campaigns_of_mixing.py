"""The campaigns of [DM]: their parameters, what their sweeps simulate, and that each claim is held against the runs."""

from __future__ import annotations

import dataclasses
import warnings

import numpy as np
import pytest

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, PolynomialActivation
from hermite_eq.simulate import icl_error
from verify.campaigns.campaign import Campaign, Panel, label
from verify.campaigns.curves import Results, results
from verify.campaigns.data_mixing import DATA_MIXING
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.claims.agreement import THEORY, judge
from verify.claims.check import Check, Verdict
from verify.report.figures import constant_errors
from verify.store.run import one_blas_thread, simulate_run

MEMORY = 10**9
NAMES = [campaign.name for campaign in DATA_MIXING]


def small(name: str) -> Campaign:
    """Two values of every axis (three of the step) and at most two families."""
    panels = tuple(
        dataclasses.replace(panel, values=(0.0, 1.0, 4.0) if panel.axis == "step" else (panel.values[0], panel.values[-1]),
                            families=panel.families[:2])
        for panel in CAMPAIGNS[name].panels
    )
    return dataclasses.replace(CAMPAIGNS[name], panels=panels)


def simulated(campaign: Campaign, d: int = 6, seed: int = 5) -> Results:
    return results(campaign, d, [simulate_run(campaign, d, seed, MEMORY, run) for run in range(2)])


def test_the_table_has_the_papers_parameters() -> None:
    for name in NAMES:
        campaign = CAMPAIGNS[name]
        sweeps = campaign.sweeps(campaign.d)
        assert len({sweep.key for sweep in sweeps}) == len(sweeps)
        for sweep in sweeps:
            assert len({label(model) for model in sweep.models}) == len(sweep.models)
            assert sweep.task.unit_inputs
            assert sweep.task.unit_link
            assert sweep.sizes.tasks == np.inf
            if name not in ("dm-scan", "dm-heads"):
                assert campaign.d == 80
                # λ = 5e-5 of [DM]: n k λ for a head of k hidden units, n λ for a linear model.
                for model in sweep.models:
                    factor = 1 if isinstance(model, LinearTransformer) else sweep.sizes.hidden
                    assert model.ridge / 80 == pytest.approx(5e-5 * factor, rel=1e-12)
    first = CAMPAIGNS["dm-fig1"].sweeps(80)[0]
    heads = [model for model in first.models if isinstance(model, OneStepTransformer)]
    assert {model.step_size for model in heads} == {0.0, 6400.0}
    assert {model.head.degree for model in heads if isinstance(model.head, PolynomialActivation)} == {4}
    assert first.task.sources[1].task_cov.strength == 6400.0


def test_curves_are_the_simulations_at_their_points() -> None:
    campaign = small("dm-fig3")
    found = simulated(campaign, 8, 3)
    curve = found.get("relu", 0, 1)
    (sweep,) = [sweep for sweep in campaign.sweeps(8) if sweep.key == (0, 1)]
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", HypothesisWarning)
        direct = icl_error(sweep.models, sweep.task, sweep.sizes, runs=2, rng=np.random.SeedSequence(3, spawn_key=sweep.key), memory=MEMORY)
    heads = {model.step_size: error for model, error in zip(sweep.models, direct, strict=True)
             if isinstance(model, OneStepTransformer) and model.head == model.activation and not model.rank_one}
    for i, value in enumerate(curve.values):
        np.testing.assert_array_equal(curve.icl_runs[:, i], heads[value * 64].icl_runs)
    mixed = found.get("relu")
    np.testing.assert_allclose(mixed.source_runs @ [0.5, 0.5], mixed.icl_runs, rtol=1e-14)


def test_the_constant() -> None:
    # An isotropic source's argument is N(0, 1): the label's variance is 1/2 − 1/(2π) + Δ².
    exact = 0.5 - 1 / (2 * np.pi) + 1e-4
    found = constant_errors(CAMPAIGNS["dm-fig3"], Mixing(spiked=0.5).at("step", 1.0, 10))
    # 40 000 squares (y − ȳ)² with a relative scatter below 2: five standard errors.
    assert found[0] == pytest.approx(exact, rel=5 * 2 / 200)
    # Each source has half of them.
    np.testing.assert_allclose(found[1:], exact, rtol=5 * 2 / np.sqrt(20_000))


@pytest.mark.parametrize("name", NAMES)
def test_every_claim_is_held_against_the_runs(name: str, invented_theory: None) -> None:
    campaign = small(name)
    found = simulated(campaign)
    families = [(panel, family) for panel in campaign.panels for family in panel.families]
    # Beside the head, where it takes a step, it stands without one and with its rank-one part.
    steps = 2 * any(panel.axis == "step" or family.step for panel, family in families)
    assert len(found.curves) == sum(2 * each.linear + (1 + steps + len(each.degrees)) * len(each.activations) for _, each in families)
    # Every curve is held against the theory; and the gain of every step, whole and of rank one.
    rows = judge(campaign, [found])
    assert {row.claim for row in rows} == {campaign.figure, THEORY}
    gains = 2 * sum(panel.axis == "step" for panel, _ in families)
    assert sum(row.claim == THEORY for row in rows) == len(found.curves) + gains
    assert all(row.note for row in rows)
    assert len({row.subject for row in rows}) == len(rows)


def test_a_gap_which_shrinks_agrees_in_the_limit(invented_theory: None) -> None:
    # Of the degrees 5 under an input spike is too high.
    panels = tuple(Panel(panel.axis, panel.values, panel.families) for panel in small("dm-fig2").panels[1:])
    campaign = dataclasses.replace(small("dm-fig2"), panels=panels)
    start, rng = simulated(campaign), np.random.default_rng(0)

    def stored(d: int, gap: float) -> Results:
        found = {}
        for key, curve in start.curves.items():
            noise = 1 + 1e-3 * rng.standard_normal((12, len(curve.values)))
            runs = noise * (1 + gap * ("p =" in key[2]))
            settings, sources = curve.panel.settings(curve.family, d), np.repeat(runs[:, :, None], 2, axis=2)
            found[key] = dataclasses.replace(curve, settings=settings, icl_runs=runs, source_runs=sources)
        return Results(d, 12, found)

    def judged(ladder: list[Results]) -> list[Check]:
        return [row for row in judge(campaign, ladder) if "p = 5" in row.subject and row.claim == campaign.figure]

    ladder = [stored(d, 2 / d) for d in (40, 10, 20)]
    rows = judged(ladder)
    assert rows
    assert {row.verdict for row in rows} == {Verdict.IN_THE_LIMIT}, [(row.subject, row.note) for row in rows]
    # A gap which stays, and one d alone, disagree; two d are shown.
    staying = [stored(d, 0.1) for d in (40, 10, 20)]
    for some in (staying, ladder[:1], ladder[:2]):
        rows = judged(some)
        assert all(row.verdict == Verdict.DISAGREES for row in rows)
        assert all(("at d = 10" in row.note) == (len(some) > 1) for row in rows)
