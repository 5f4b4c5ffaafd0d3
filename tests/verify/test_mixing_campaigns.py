"""The campaigns of [DM]: their parameters, what their sweeps simulate, and that each ends in a report."""

from __future__ import annotations

import dataclasses
import io
import json
import warnings
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, OneStepTransformer, PolynomialActivation
from hermite_eq.simulate import icl_error
from verify.campaigns import command, joint, mixing_report
from verify.campaigns.agreement import THEORY
from verify.campaigns.campaign import label
from verify.campaigns.driver import compute
from verify.campaigns.mixing import Mixing
from verify.campaigns.mixing_claims import CLAIMS, judge
from verify.campaigns.mixing_curves import curves
from verify.campaigns.mixing_figure import constant_errors
from verify.campaigns.mixing_table import MIXING
from verify.campaigns.mixing_theory import MixingTheory
from verify.campaigns.run import one_blas_thread, simulate_run
from verify.campaigns.store import Setup, Store
from verify.campaigns.table import CAMPAIGNS
from verify.check import Check, Verdict

MEMORY = 10**9


class InOrder:
    def submit(self, function, /, *arguments):
        future: Future = Future()
        future.set_result(function(*arguments))
        return future


def small(name: str):
    """Two values of every axis (three of the step) and at most two families."""
    panels = tuple(
        dataclasses.replace(panel, values=(0.0, 1.0, 4.0) if panel.axis == "step" else (panel.values[0], panel.values[-1]),
                            families=panel.families[:2])
        for panel in MIXING[name].panels
    )
    return dataclasses.replace(MIXING[name], panels=panels)


def invented(campaign, d: int, *others: object) -> dict[tuple[int, int, str], MixingTheory]:
    """Numbers in place of a theory, which takes seconds: a curve of another height for every family and model."""
    found = {}
    for index, panel in enumerate(campaign.panels):
        for number, (_, family) in enumerate(panel.families):
            count = len(family.task(d).sources)
            for name in panel.series(family, d):
                slope = np.linspace(1, 0.8, len(panel.values))[:, None]
                by_source = 0.3 + 0.01 * len(name) + 0.1 * number + np.arange(1.0, count + 1) * slope
                one = MixingTheory(by_source.mean(axis=1), by_source, (("η is large", "so is d"),) * len(panel.values))
                other = dataclasses.replace(one, icl=1.01 * one.icl)
                found[index, number, name] = dataclasses.replace(one, at_rest=other if "no step" in name else None)
    return found


def test_the_table_has_the_papers_parameters() -> None:
    assert set(MIXING) == set(CLAIMS)
    assert not set(MIXING) & set(CAMPAIGNS)
    seeds = [campaign.seed for campaign in (*MIXING.values(), *CAMPAIGNS.values())]
    assert len(set(seeds)) == len(seeds)
    for name, campaign in MIXING.items():
        assert command.find(name) is campaign
        cells = campaign.sweeps(campaign.d)
        assert len({sweep.key for _, sweep in cells}) == len(cells)
        for cell, sweep in cells:
            assert len({label(model) for model in cell.models}) == len(cell.models)
            assert cell.task.unit_inputs
            assert cell.task.unit_link
            assert sweep.sizes.tasks == np.inf
            if name not in ("dm-scan", "dm-heads"):
                assert campaign.d == 80
                # λ = 5e-5 of [DM]: n k λ for a head of k hidden units, n λ for a linear model.
                for model in cell.models:
                    factor = 1 if isinstance(model, LinearTransformer) else sweep.sizes.hidden
                    assert model.ridge / 80 == pytest.approx(5e-5 * factor, rel=1e-12)
    first, _ = MIXING["dm-fig1"].sweeps(80)[0]
    heads = [model for model in first.models if isinstance(model, OneStepTransformer)]
    assert {model.step_size for model in heads} == {0.0, 6400.0}
    assert {model.head.degree for model in heads if isinstance(model.head, PolynomialActivation)} == {4}
    assert first.task.sources[1].task_cov.strength == 6400.0


def test_curves_are_the_simulations_at_their_points() -> None:
    campaign = small("dm-fig3")
    records = [simulate_run(campaign, 8, 3, MEMORY, run) for run in range(2)]
    found = curves(campaign, 8, records)
    curve = found[0, 1, "relu"]
    (cell, sweep), = [(cell, sweep) for cell, sweep in campaign.sweeps(8) if sweep.key == (0, 1)]
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", HypothesisWarning)
        direct = icl_error(cell.models, cell.task, sweep.sizes, runs=2, rng=np.random.SeedSequence(3, spawn_key=sweep.key), memory=MEMORY)
    heads = {model.step_size: error for model, error in zip(cell.models, direct, strict=True)
             if isinstance(model, OneStepTransformer) and model.head == model.activation and not model.rank_one}
    for i, value in enumerate(curve.values):
        np.testing.assert_array_equal(curve.icl_runs[:, i], heads[value * 64].icl_runs)
    mixed = found[0, 0, "relu"]
    np.testing.assert_allclose(mixed.source_runs @ [0.5, 0.5], mixed.icl_runs, rtol=1e-14)


def test_the_constant() -> None:
    # An isotropic source's argument is N(0, 1): the label's variance is 1/2 − 1/(2π) + Δ².
    campaign = dataclasses.replace(MIXING["dm-fig3"], panels=(
        dataclasses.replace(MIXING["dm-fig3"].panels[0], families=(("", Mixing(spiked=0.5)),)),
    ))
    exact = 0.5 - 1 / (2 * np.pi) + 1e-4
    # 40 000 squares (y − ȳ)² with a relative scatter below 2: five standard errors.
    assert constant_errors(campaign, 10, 0, 0)[0] == pytest.approx(exact, rel=5 * 2 / 200)
    # Each source has half of them.
    np.testing.assert_allclose(constant_errors(campaign, 10, 0, 0)[1:], exact, rtol=5 * 2 / np.sqrt(20_000))


@pytest.mark.parametrize("name", MIXING)
def test_every_claim_is_held_against_the_runs(name: str) -> None:
    campaign = small(name)
    found = curves(campaign, 6, [simulate_run(campaign, 6, 5, MEMORY, run) for run in range(2)])
    # Beside the head, where it takes a step, it stands without one and with its rank-one part.
    steps = 2 * any(p.axis == "step" or family.step for p in campaign.panels for _, family in p.families)
    assert len(found) == sum(len(p.families) * (2 * p.linear + (1 + steps + len(p.degrees)) * len(p.activations)) for p in campaign.panels)
    rows = judge(campaign, [(6, found)])
    assert {row.claim for row in rows} == {campaign.figure}
    # With a theory every curve is held against it, those without a step against two; and the gain of every step, whole and of rank one.
    found = curves(campaign, 6, [simulate_run(campaign, 6, 5, MEMORY, run) for run in range(2)], invented(campaign, 6))
    more = judge(campaign, [(6, found)])
    assert {row.claim for row in more} == {campaign.figure, THEORY}
    gains = 2 * sum(len(p.families) for p in campaign.panels if p.axis == "step")
    assert sum(row.claim == THEORY for row in more) == len(found) + sum("no step" in name for _, _, name in found) + gains
    assert all(row.note for row in more)
    assert len({row.subject for row in more}) == len(more)


def test_a_campaign_ends_in_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixing_report, "predictions", invented)
    campaign = dataclasses.replace(small("dm-fig2"), panels=small("dm-fig2").panels[:1])
    opened = Store(tmp_path, Setup(campaign, 6, 5, MEMORY))
    compute(opened, range(2), InOrder(), lambda run, seconds: None)
    rows = command.write_report(opened, 2, Console(width=180, record=True, file=io.StringIO()))
    summary = json.loads((opened.folder / "summary.json").read_text())
    assert len(summary["checks"]) == len(rows)
    assert summary["manifest"]["campaign"] == "dm-fig2"
    names = {path.name for path in opened.folder.iterdir()} - {path.name for path in opened.folder.glob("run-*")}
    assert names == {"manifest.json", "summary.json", "report.html", "figure.svg", "figure.png"}
    first = summary["curves"][0]
    expected = invented(campaign, 6)[0, 0, first["model"]]
    assert first["icl"]["theory"] == expected.icl.tolist()
    assert first["source 1"]["theory"] == expected.by_source[:, 1].tolist()


def test_several_d_stand_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    campaign = dataclasses.replace(small("dm-fig3"), panels=small("dm-fig3").panels[:1])
    monkeypatch.setattr(mixing_report, "predictions", invented)
    monkeypatch.setitem(joint.EVERY, "dm-fig3", campaign)
    for d in (6, 8):
        compute(Store(tmp_path, Setup(campaign, d, 5, MEMORY)), range(2), InOrder(), lambda run, seconds: None)
    group = joint.sections(tmp_path, campaign)
    assert [section.d for section in group] == [8, 6]
    drawn = joint.pictures([group], tmp_path / "pictures")
    assert set(drawn) == {"dm-fig3-d8", "dm-fig3-d6"}
    assert "Lines: the theory at d = 6." in joint.caption(group[1])
    for section in group:
        assert {item["defect"] for item in section.power} >= {"predicted errors 5% too large", "gain of the step half as large"}
        # Every number of the theory stands beside its simulation, source by source.
        shown = {(row[0], row[1], row[2]): row[4] for row in joint.number_rows(section.results)}
        for (_, number, name), expected in invented(campaign, section.d).items():
            legend = campaign.panels[0].families[number][0]
            columns = {"ICL": expected.icl}
            if expected.by_source.shape[1] > 1:
                columns |= {f"on source {s}": expected.by_source[:, s] for s in range(2)}
            for error, column in columns.items():
                for value, number_shown in zip(campaign.panels[0].values, column, strict=True):
                    assert shown[f"{name}, task spike, {legend}", error, f"{value:.4g}"] == f"{number_shown:.5g}"


def test_a_gap_which_shrinks_agrees_in_the_limit() -> None:
    campaign = small("dm-fig2")
    simulated = curves(campaign, 6, [simulate_run(campaign, 6, 5, MEMORY, run) for run in range(2)])
    rng = np.random.default_rng(0)

    def stored(d: int, gap: float):
        found = {}
        for key, curve in simulated.items():
            noise = 1 + 1e-3 * rng.standard_normal((12, len(curve.values)))
            runs = noise * (1 + gap * ("p =" in key[2]))
            found[key] = dataclasses.replace(curve, icl_runs=runs, source_runs=np.repeat(runs[:, :, None], 2, axis=2))
        return found

    ladder = [(d, stored(d, 2 / d)) for d in (40, 10, 20)]
    def judged(some) -> list[Check]:
        """Rows on equivalents, but for those under an input spike, where the degree is too high."""
        return [row for row in judge(campaign, some) if "p = 5" in row.subject and "input spike" not in row.subject]

    rows = judged(ladder)
    assert rows
    assert all(row.verdict == Verdict.IN_THE_LIMIT for row in rows)
    # A gap which stays, and one d alone, disagree; two d are shown.
    staying = [(d, stored(d, 0.1)) for d in (40, 10, 20)]
    for some in (staying, ladder[:1], ladder[:2]):
        rows = judged(some)
        assert all(row.verdict == Verdict.DISAGREES for row in rows)
        assert all(("at d = 10" in row.note) == (len(some) > 1) for row in rows)
