"""Claims of campaigns: they hold and their opposites fail, a wrong theory is caught, and every campaign ends in a report."""

from __future__ import annotations

import dataclasses
import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from campaign_process import MEMORY, InOrder, nothing
from rich.console import Console

from hermite_eq.models import Ratios, Task
from hermite_eq.theory import error as theory_error
from hermite_eq.theory import icl_error
from verify.campaigns import agreement, claims, command, comparison, curves
from verify.campaigns.campaign import Panel, label
from verify.campaigns.driver import compute
from verify.campaigns.store import Setup, Store
from verify.campaigns.table import CAMPAIGNS
from verify.check import Verdict


def test_the_table_has_the_papers_parameters() -> None:
    assert set(CAMPAIGNS) == set(claims.CLAIMS)
    for name, campaign_ in CAMPAIGNS.items():
        assert (name, campaign_.d) == (campaign_.name, 100 if name.startswith("la") else 80)
        sweeps = campaign_.sweeps(campaign_.d)
        assert len({sweep.key for _, sweep in sweeps}) == len(sweeps)
        for panel, sweep in sweeps:
            assert panel.task.noise == 0.01 or name == "la-fig2"
            assert len({label(model) for model in panel.models}) == len(panel.models)
            if name.startswith("rt"):
                assert sweep.sizes.ratios.kappa == 0.5
            if name == "la-fig4":
                assert sweep.sizes.ratios.tau == pytest.approx(0.2 * sweep.sizes.ratios.alpha, rel=1e-12)
    assert len({campaign_.seed for campaign_ in CAMPAIGNS.values()}) == len(CAMPAIGNS)


def test_the_ridges_of_the_intercept_figure_are_near_the_best() -> None:
    panel = CAMPAIGNS["honest-fig"].panels[1]
    sizes = panel.at(panel.families[0], 1.5, 40)
    for model in panel.models:
        here, *others = (icl_error(dataclasses.replace(model, ridge=factor * model.ridge), panel.task, sizes).icl for factor in (1, 0.5, 2))
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
    small = dataclasses.replace(CAMPAIGNS["la-fig1"], panels=(
        dataclasses.replace(CAMPAIGNS["la-fig1"].panels[0], families=(Ratios(alpha=1, kappa=0.5, tau=1.0),)),
        CAMPAIGNS["la-fig1"].panels[1],
    ))
    opened = Store(tmp_path_factory.mktemp("linear"), Setup(small, 20, 5, MEMORY))
    compute(opened, range(24), InOrder(), nothing)
    return curves.load(opened, range(24))


def test_claims_hold_and_their_opposites_fail(linear_results: curves.Results) -> None:
    rows = {row.subject: row for row in claims.judge(CAMPAIGNS["la-fig1"], linear_results)}
    assert rows["α = 1, κ = 0.5: IDG peaks at n ≈ d²"].verdict == Verdict.AGREES
    assert rows["beside n = d², λ = 0.1 beats λ = 1e-05"].verdict == Verdict.AGREES
    one, other = (linear_results.get(f"linear, λ = {ridge}", panel=1) for ridge in ("1e-05", "0.1"))
    near = np.abs(one.values - 1) < 0.2
    assert comparison.paired(one, other, "icl", near).row("", "").verdict == Verdict.DISAGREES
    assert comparison.falls("", "", other, "icl").verdict == Verdict.AGREES
    assert comparison.falls("", "", linear_results.get("linear, λ = 0"), "icl").verdict == Verdict.DISAGREES
    curve = linear_results.get("linear, λ = 0")
    assert comparison.peaks("", "", curve, "idg", 1.0, present=False).verdict == Verdict.DISAGREES
    assert comparison.peaks("", "", other, "icl", 1.0, present=False).verdict == Verdict.AGREES


def test_the_theory_is_right_and_a_wrong_one_is_caught(linear_results: curves.Results) -> None:
    # Some points of 24 runs at d = 20 cannot tell; their curves are not said to agree.
    right = agreement.theory_rows(linear_results)
    assert {row.verdict for row in right} == {Verdict.AGREES, Verdict.UNDECIDED}
    assert all(("cannot tell at" in row.note) == (row.verdict == Verdict.UNDECIDED) for row in right)
    # Five curves, each judged at the level of one check.
    five, twenty = agreement.sabotaged(linear_results)
    assert five["checks"] == twenty["checks"] == 5
    assert five["caught"] >= 3
    assert twenty["caught"] == 5


def ladder(results: curves.Results, gap: float, order: int) -> list[curves.Results]:
    """Curves at three d with the relative gap ``gap`` (d/16)^order to the theory and a scatter of 0.4 % for each run."""
    rng = np.random.default_rng(3)
    found = []
    for d in (16, 32, 64):
        (key, curve), *_ = results.curves.items()
        points = tuple(curve.panel.at(curve.family, value, d) for value in curve.panel.values)
        shape = (curve.runs, len(points))
        runs = {}
        for error in ("icl", "idg"):
            theory = curves.predicted(curve.model, curve.panel.task, points, error)
            runs[f"{error}_runs"] = theory * (1 + gap * (d / 16) ** order + 0.004 * rng.standard_normal(shape))
        found.append(curves.Results(d, curve.runs, {key: dataclasses.replace(curve, points=points, **runs)}))
    return found


@pytest.mark.parametrize(
    ("gap", "order", "verdict"), [(0.2, -1, Verdict.IN_THE_LIMIT), (0.05, 0, Verdict.DISAGREES), (0.0, 0, Verdict.AGREES)]
)
def test_a_gap_must_vanish_over_the_dimensions_in_store(linear_results, gap: float, order: int, verdict: Verdict) -> None:
    *others, largest = ladder(linear_results, gap, order)
    rows = agreement.theory_rows(largest, others)
    assert {row.verdict for row in rows} == {verdict}
    if verdict == Verdict.IN_THE_LIMIT:
        assert all(abs(row.value - order) < 5 * row.value_error for row in rows)
        (alone, _) = agreement.theory_rows(largest)
        assert alone.verdict == Verdict.DISAGREES
        assert "with the campaign at three d in store" in alone.note


def flat_from_the_best(curve: curves.Curve, flat: bool) -> curves.Curve:
    """Twenty runs about the theory, which beyond its smallest error stays there if ``flat``, with a scatter of 0.4 % for each."""
    runs = {}
    for error in ("icl", "idg"):
        theory = curve.theory(error).copy()
        best = int(np.argmin(theory))
        theory[best:] = theory[best] if flat else theory[best:]
        runs[f"{error}_runs"] = theory * (1 + 0.004 * np.random.default_rng(5).standard_normal((20, len(theory))))
    return dataclasses.replace(curve, **runs)


def test_a_best_context_length_is_one_beyond_which_the_error_rises() -> None:
    panel = CAMPAIGNS["la-fig2"].panels[0]
    family, (model,) = panel.families[2], panel.models
    points = tuple(panel.at(family, value, 40) for value in panel.values)
    empty = np.empty((0, len(points)))
    curve = curves.Curve(panel, family, model, np.array(panel.values), points, empty, empty, np.zeros(len(points), int))
    assert 0 < int(np.argmin(curve.theory("idg"))) < len(points) - 1
    for flat, verdicts in ((False, {Verdict.AGREES}), (True, {Verdict.AGREES, Verdict.UNDECIDED})):
        results = curves.Results(40, 20, {(0, 0, label(model)): flat_from_the_best(curve, flat)})
        assert {row.verdict for row in claims.CLAIMS["la-fig2"]("", results)} == verdicts


def test_a_wrong_theory_is_held_against_what_the_right_one_does_not_contradict(linear_results: curves.Results) -> None:
    # One curve is half as high again, so that the right theory is rejected there, whatever the runs scatter.
    off = {key: dataclasses.replace(curve, icl_runs=1.5 * curve.icl_runs, idg_runs=1.5 * curve.idg_runs) if i == 0 else curve
           for i, (key, curve) in enumerate(linear_results.curves.items())}
    errors = len(next(iter(off.values())).panel.errors)
    (five, _) = agreement.sabotaged(dataclasses.replace(linear_results, curves=off))
    assert five["checks"] == 5 - errors


def test_comparisons_have_the_sign_of_the_theory(linear_results: curves.Results) -> None:
    one, other = (linear_results.get(f"linear, λ = {ridge}", panel=1) for ridge in ("1e-05", "0.1"))
    compared = comparison.paired(one, other, "icl")
    direct = [icl_error(one.model, one.panel.task, point).icl - icl_error(other.model, other.panel.task, point).icl for point in one.points]
    np.testing.assert_allclose(compared.predicted, direct, rtol=1e-10)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_every_campaign_ends_in_a_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # For time: fewer points where each is a draw of its own, theory lines through the simulated points alone, wrong theories elsewhere,
    # one spectrum for few tasks too.
    monkeypatch.setattr(theory_error, "FEW", 0)
    monkeypatch.setattr(Panel, "fine", lambda panel, family, d: [panel.at(family, value, d) for value in panel.values])
    if name != "la-fig1":
        monkeypatch.setattr(agreement, "sabotaged", lambda results, others: [])
    panels = tuple(
        dataclasses.replace(panel, values=panel.values[:: 3 if panel.axis in ("context", "tasks") else 1], families=panel.families[:2])
        for panel in CAMPAIGNS[name].panels
    )
    small = dataclasses.replace(CAMPAIGNS[name], panels=panels)
    opened = Store(tmp_path, Setup(small, 12, 5, MEMORY))
    compute(opened, range(2), InOrder(), nothing)
    console = Console(width=180, record=True, file=io.StringIO())
    rows = command.write_report(opened, 2, console)
    assert {row.claim for row in rows} == {CAMPAIGNS[name].figure, agreement.THEORY}
    assert all(row.note for row in rows)
    summary = json.loads((opened.folder / "summary.json").read_text())
    assert len(summary["curves"]) == sum(len(panel.families) * len(panel.models) for panel in panels)
    assert summary["manifest"]["runs"] == 2
    names = {path.name for path in opened.folder.iterdir()} - {path.name for path in opened.folder.glob("run-*")}
    assert names == {"manifest.json", "summary.json", "report.html", "figure.svg", "figure.png"}
