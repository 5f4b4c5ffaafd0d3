"""Claims of campaigns: they hold and their opposites fail, a wrong theory is caught, and every campaign ends in a report."""

from __future__ import annotations

import dataclasses
import io
import json
import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_process import MEMORY, InOrder, nothing
from matplotlib.figure import Figure
from rich.console import Console

from hermite_eq.models import LinearTransformer, RandomTransformer, Task
from hermite_eq.plotting.style import PAGE_WIDTH
from hermite_eq.theory import icl_error
from verify.campaigns import curves
from verify.campaigns.campaign import Panel, label
from verify.campaigns.ridge_trained import RIDGE_TRAINED
from verify.campaigns.table import CAMPAIGNS
from verify.campaigns.theory import Predictions
from verify.claims import comparison, defects, statements
from verify.claims.agreement import THEORY, judge, theory_rows
from verify.claims.check import Verdict
from verify.claims.statements import best_value
from verify.report import document
from verify.store.driver import compute
from verify.store.store import Setup, Store

NAMES = [campaign.name for campaign in RIDGE_TRAINED if campaign.name != "linear-fig"]

pytestmark = pytest.mark.usefixtures("one_spectrum")


def test_the_table_has_the_papers_parameters() -> None:
    for name in NAMES:
        campaign_ = CAMPAIGNS[name]
        assert (name, campaign_.d) == (campaign_.name, 100 if name.startswith("la") else 80)
        sweeps = campaign_.sweeps(campaign_.d)
        assert len({sweep.key for sweep in sweeps}) == len(sweeps)
        for sweep in sweeps:
            assert isinstance(sweep.task, Task)
            assert sweep.task.noise == 0.01 or name == "la-fig2"
            assert len({label(model) for model in sweep.models}) == len(sweep.models)
            if name.startswith("rt"):
                assert sweep.sizes.ratios.kappa == 0.5
            if name == "la-fig4":
                assert sweep.sizes.ratios.tau == pytest.approx(0.2 * sweep.sizes.ratios.alpha, rel=1e-12)
    assert all(campaign_.claims for campaign_ in CAMPAIGNS.values())
    assert len({campaign_.seed for campaign_ in CAMPAIGNS.values()}) == len(CAMPAIGNS)


def test_the_ridges_of_the_intercept_figure_are_near_the_best() -> None:
    panel = CAMPAIGNS["honest-fig"].panels[1]
    setting = panel.families[0].at("samples", 1.5, 40)
    for model in setting.models.values():
        assert isinstance(model, RandomTransformer | LinearTransformer)
        here, *others = (
            icl_error(dataclasses.replace(model, ridge=factor * model.ridge), setting.task, setting.sizes).icl for factor in (1, 0.5, 2)
        )
        assert here < min(others)


def test_the_constant_predictor() -> None:
    # σ* = identity: y = ξᵀx + ε has variance E‖ξ‖²/d + ρ = 1 + ρ.
    assert curves.constant_error(Task("identity", 0.25), 7) == pytest.approx(1.25, rel=1e-13)
    # A ReLU of N(0, s²) has second moment s²/2 and mean s/√(2π), with E s² = 1 and E s = √(2/d) Γ((d+1)/2)/Γ(d/2).
    d = 10
    mean_s = math.sqrt(2 / d) * math.gamma((d + 1) / 2) / math.gamma(d / 2)
    assert curves.constant_error(Task("relu", 0.01), d) == pytest.approx(0.51 - mean_s**2 / (2 * np.pi), rel=1e-12)


@pytest.fixture(scope="module")
def linear_results(tmp_path_factory: pytest.TempPathFactory) -> curves.Results:
    small = dataclasses.replace(
        CAMPAIGNS["la-fig1"],
        panels=(
            dataclasses.replace(CAMPAIGNS["la-fig1"].panels[0], families=CAMPAIGNS["la-fig1"].panels[0].families[:1]),
            CAMPAIGNS["la-fig1"].panels[1],
        ),
    )
    opened = Store(tmp_path_factory.mktemp("linear"), Setup(small, 20, 5, MEMORY))
    compute(opened, range(24), InOrder(), nothing)
    return curves.load(opened)


def test_claims_hold_and_their_opposites_fail(linear_results: curves.Results) -> None:
    rows = {row.subject: row for row in judge(CAMPAIGNS["la-fig1"], [linear_results])}
    assert rows["α = 1, κ = 0.5: IDG peaks at n ≈ d²"].verdict == Verdict.AGREES
    assert rows["beside n = d², λ = 0.1 beats λ = 1e-05"].verdict == Verdict.AGREES
    first, second = (linear_results.get(f"linear, λ = {ridge}", panel=1) for ridge in ("1e-05", "0.1"))
    near = np.abs(first.values - 1) < 0.2
    assert comparison.paired(first, second, "icl", near).row("").verdict == Verdict.DISAGREES
    assert statements.fall("", second, "icl").verdict == Verdict.AGREES
    assert statements.fall("", linear_results.get("linear, λ = 0"), "icl").verdict == Verdict.DISAGREES
    curve = linear_results.get("linear, λ = 0")
    assert statements.peak("", curve, "idg", present=False).verdict == Verdict.DISAGREES
    assert statements.peak("", second, "icl", present=False).verdict == Verdict.AGREES


def test_the_theory_is_right_and_a_wrong_one_is_caught(linear_results: curves.Results) -> None:
    # Some points of 24 runs at d = 20 are inconclusive; their curves are not said to agree.
    right = list(theory_rows([linear_results]).values())
    assert {row.verdict for row in right} >= {Verdict.AGREES, Verdict.UNDECIDED}
    # Where an error is small its remainder, of the order 1/d, is seen with some seeds.
    assert all(abs(row.measured / row.predicted - 1) < 1 / 20 for row in right if row.verdict == Verdict.DISAGREES)
    assert all(("inconclusive at" in row.note) == (row.verdict == Verdict.UNDECIDED) for row in right)
    # Five curves, each judged at the level of one check.
    five, twenty = defects.controls([linear_results])
    assert five["checks"] == twenty["checks"] == 5
    assert five["caught"] >= 3
    assert twenty["caught"] == 5


def ladder(results: curves.Results, gap: float, order: int) -> list[curves.Results]:
    """The largest d first: curves with the relative gap ``gap`` (d/16)^order to the theory and a scatter of 0.4 % for each run."""
    rng = np.random.default_rng(3)
    rungs = []
    for d in (16, 32, 64):
        (key, curve), *_ = results.curves.items()
        there = dataclasses.replace(curve, settings=curve.panel.settings(curve.family, d))
        shape = (curve.runs, len(there.settings))
        runs: dict[str, Any] = {
            f"{error}_runs": there.theory(error) * (1 + gap * (d / 16) ** order + 0.004 * rng.standard_normal(shape))
            for error in ("icl", "idg")
        }
        rungs.append(curves.Results(d, curve.runs, {key: dataclasses.replace(there, **runs)}))
    return rungs[::-1]


@pytest.mark.parametrize(
    ("gap", "order", "verdict"), [(0.2, -1, Verdict.IN_THE_LIMIT), (0.05, 0, Verdict.DISAGREES), (0.0, 0, Verdict.AGREES)]
)
def test_a_gap_must_vanish_over_the_dimensions_in_store(linear_results: curves.Results, gap: float, order: int, verdict: Verdict) -> None:
    largest, *others = ladder(linear_results, gap, order)
    rows = theory_rows([largest, *others]).values()
    assert {row.verdict for row in rows} == {verdict}
    if verdict == Verdict.IN_THE_LIMIT:
        assert all(abs(row.value - order) < 5 * row.value_error for row in rows)
        (alone, _) = theory_rows([largest]).values()
        assert alone.verdict == Verdict.DISAGREES
        assert "with three d in store its exponent is fitted" in alone.note


def test_beyond_a_best_context_length_the_error_rises() -> None:
    panel = CAMPAIGNS["la-fig2"].panels[0]
    settings = panel.settings(panel.families[2], 40)
    (name,), none = settings[0].models, np.empty((0, len(settings)))
    curve = curves.Curve(
        panel, panel.families[2], name, settings, none, none, none[:, :, None], np.zeros(len(settings), int), Predictions()
    )
    right = curve.theory("idg")
    best = int(np.argmin(right))
    assert 0 < best < len(settings) - 1
    for flat in (False, True):
        # Twenty runs about the theory, which beyond its smallest error stays there if it is flat, with a scatter of 0.4 % for each.
        mean = np.where(np.arange(len(right)) >= best, right[best], right) if flat else right
        runs = mean * (1 + 0.004 * np.random.default_rng(5).standard_normal((20, len(right))))
        results = curves.Results(40, 20, {(0, 0, name): dataclasses.replace(curve, icl_runs=runs, idg_runs=runs)})
        # One of the statements is that the error rises beyond the best value.
        assert all(row.verdict == Verdict.AGREES for row in best_value("α", ladder=[results])) == (not flat)


def test_a_wrong_theory_is_held_against_what_the_right_one_fits(linear_results: curves.Results) -> None:
    # One curve is half as high again, so that the right theory is rejected there, whatever the runs scatter.
    off = {
        key: dataclasses.replace(curve, icl_runs=1.5 * curve.icl_runs, idg_runs=1.5 * curve.idg_runs) if i == 0 else curve
        for i, (key, curve) in enumerate(linear_results.curves.items())
    }
    changed = [dataclasses.replace(linear_results, curves=off)]
    rejected = sum(row.verdict == Verdict.DISAGREES for row in theory_rows(changed).values())
    assert rejected >= len(next(iter(off.values())).panel.errors)
    (five, _) = defects.controls(changed)
    assert five["checks"] == 5 - rejected


def test_comparisons_have_the_sign_of_the_theory(linear_results: curves.Results) -> None:
    small, large = (linear_results.get(f"linear, λ = {ridge}", panel=1) for ridge in ("1e-05", "0.1"))
    compared = comparison.paired(small, large, "icl")
    pairs = zip(small.points, large.points, strict=True)
    errors = [[icl_error(at.model, at.task, at.sizes).icl for at in pair] for pair in pairs]
    direct = [first - second for first, second in errors]
    np.testing.assert_allclose(compared.predicted, direct, rtol=1e-10)


REPORTED = [*NAMES, "dm-fig2", "dm-fig3", "mixtures", "stress"]
#: For each axis a campaign whose figure is drawn; those of the others are empty files.
DRAWN = {panel.axis: name for name in reversed(REPORTED) for panel in CAMPAIGNS[name].panels}


@pytest.mark.parametrize("name", REPORTED)
@pytest.mark.usefixtures("invented_theory", "one_picture")
def test_every_campaign_ends_in_a_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # For time: fewer points where each is a draw of its own, and theory lines through the simulated points alone.
    monkeypatch.setattr(Panel, "fine", Panel.settings)
    if name not in DRAWN.values():
        monkeypatch.setattr(Figure, "savefig", lambda *arguments, **named: None)
    panels = tuple(
        dataclasses.replace(
            panel, values=panel.values if panel.axis in ("samples", "hidden", "step") else panel.values[::3], families=panel.families[:2]
        )
        for panel in CAMPAIGNS[name].panels
    )
    small = dataclasses.replace(CAMPAIGNS[name], panels=panels[:2] if name.startswith("dm") else panels)
    for d in {"stress": (6, 8), "la-fig4": (12,)}.get(name, (8,)):
        opened = Store(tmp_path, Setup(small, d, 5, MEMORY))
        compute(opened, range(2), InOrder(), nothing)
    rows = document.write_one(opened, Console(width=180, record=True, file=io.StringIO()))
    assert {row.claim for row in rows} == {small.figure, THEORY} - ({THEORY} if name == "stress" else set())
    assert all(row.note for row in rows)
    summary = json.loads((opened.folder / "summary.json").read_text())
    assert len(summary["curves"]) == sum(
        len(family.at(panel.axis, panel.values[0], 12).models) for panel in small.panels for family in panel.families
    )
    assert summary["manifest"]["runs"] == 2
    assert len(summary["checks"]) == len(rows)
    names = {path.name for path in opened.folder.iterdir()} - {path.name for path in opened.folder.glob("run-*")}
    assert names == {"summary.json", "report.html", "figure.svg", "figure.png"}
    if name in DRAWN.values():
        drawing = (opened.folder / "figure.svg").read_text()
        width = float(re.findall(r'<svg[^>]* width="([\d.]+)pt"', drawing)[0])
        assert width <= 72 * PAGE_WIDTH + 1e-3
