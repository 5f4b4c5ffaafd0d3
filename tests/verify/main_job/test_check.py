"""The verdicts themselves: what agrees, what shrinks, what is too uncertain to say."""

from __future__ import annotations

import dataclasses
import functools
import io
import json
import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import planted_sources
import pytest
import scipy.stats
from rich.console import Console

from hermite_eq import Task
from verify.campaigns.campaign import Panel
from verify.campaigns.curves import Curve, Results
from verify.campaigns.heads import HEADS
from verify.claims import statements
from verify.claims.agreement import theory_rows
from verify.claims.check import LEVEL, RESOLUTION, Z_LIMIT, Verdict, at_every_point, by_rate, by_z, claimed, fit_slope, z_score
from verify.claims.comparison import within_band
from verify.main_job import coefficients, gradient, job, pre_activations, transformers
from verify.main_job.job import measure
from verify.main_job.profile import QUICK
from verify.report import document, page, verdicts
from verify.store.files import write_text
from verify.store.run import simulate_run
from verify.store.workers import workers


def test_the_limit_is_the_declared_false_alarm_rate() -> None:
    assert 2 * scipy.stats.norm.sf(Z_LIMIT) == pytest.approx(LEVEL, rel=1e-9)


@pytest.mark.parametrize("runs", [3, 8, 20])
def test_few_runs_are_judged_by_students_law(runs: int) -> None:
    rng = np.random.default_rng(4)
    samples = rng.standard_normal((20_000, runs))
    stderr = samples.std(axis=1, ddof=1) / math.sqrt(runs)
    level = 0.01
    z = np.array([z_score(0.0, m, s, runs) for m, s in zip(samples.mean(axis=1), stderr, strict=True)])
    alarms = int((np.abs(z) > scipy.stats.norm.isf(level / 2)).sum())
    # Binomial band at five standard deviations: a false alarm of this test in 1.7 million seeds.
    assert abs(alarms - level * z.size) < 5 * math.sqrt(level * z.size)


def test_agreement_disagreement_and_too_little_data() -> None:
    assert by_z("s", 1.0, 1.01, 0.01).verdict == Verdict.AGREES
    assert by_z("s", 1.0, 1.06, 0.01).verdict == Verdict.DISAGREES
    assert by_z("s", 1.0, 1.06, 1.1 * RESOLUTION / Z_LIMIT, scale=1.0).verdict == Verdict.UNDECIDED
    assert by_z("s", math.inf, 7.0, 0.1).verdict == Verdict.DISAGREES
    assert by_z("s", 0.0, 0.0, 0.0).verdict == Verdict.AGREES


@pytest.mark.parametrize(
    ("gaps", "verdict"),
    [
        ((0.0, 0.001, -0.002), Verdict.AGREES),
        ((0.4, 0.2, 0.1), Verdict.IN_THE_LIMIT),
        ((0.5, 0.2, 0.08), Verdict.IN_THE_LIMIT),
        ((0.1, 0.1, 0.1), Verdict.DISAGREES),
        ((0.1, 0.2, 0.4), Verdict.DISAGREES),
        ((0.40, 0.32, 0.27), Verdict.DISAGREES),
    ],
)
def test_a_gap_must_vanish_at_the_declared_rate(gaps: tuple[float, ...], verdict: Verdict) -> None:
    check = by_rate("s", [10, 20, 40], gaps, [0.002] * 3, order=-1)
    assert check.verdict == verdict


def test_the_slope_is_estimated_with_an_honest_error() -> None:
    rng = np.random.default_rng(7)
    d = np.array([10.0, 20.0, 40.0])
    stderr = np.array([0.004, 0.003, 0.002])
    estimates = np.array([fit_slope(d, 2 / d + stderr * rng.standard_normal(3), stderr) for _ in range(2000)])
    z = (estimates[:, 0] + 1) / estimates[:, 1]
    # The errors are the larger of two estimates, so that z has at most unit variance (5 standard deviations of a variance).
    assert z.std() < 1 + 5 / math.sqrt(2 * z.size)
    assert abs(z.mean()) < 5 / math.sqrt(z.size) + 0.05


def test_the_report_is_written_whole_and_holds_everything(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "folder"
    checks = claimed("claim <1>", [by_z("subject & co", 1.0, 1.01, 0.01), by_rate("rate", [10, 20], [0.2, 0.1], [0.001] * 2, order=-1)])
    power = [{"claim": "claim", "defect": "sign", "checks": 3, "caught": 2}]
    verdicts.write_json(folder / "verify.json", checks, power, [], {"seed": 1})
    data = json.loads((folder / "verify.json").read_text())
    assert data["checks"][0]["value_error"] is None
    assert data["checks"][1]["statistic"] == "slope"
    assert {row["kind"] for row in data["checks"]} == {"two-sided"}
    body = document.body(["Said & done."], [], [verdicts.table(checks).html()], {"relu": "x < y"})
    write_text(folder / "report.html", page.page("title <1>", body))
    text = (folder / "report.html").read_text()
    for shown in ("title &lt;1&gt;", "Said &amp; done.", "subject &amp; co", "<code>x &lt; y</code>"):
        assert shown in text
    assert sorted(path.name for path in folder.iterdir()) == ["report.html", "verify.json"]
    console = Console(width=180, record=True, file=io.StringIO())
    verdicts.print_table(checks, console)
    assert "slope -1.00" in console.export_text()
    assert verdicts.counts(checks, "two-sided") == "agrees: 1, agrees in the limit: 1"


def test_several_points_agree_only_where_each_can_tell() -> None:
    good = by_z("", 1.0, 1.01, 0.01, runs=20, scale=1.0, note="n")
    assert good.verdict == Verdict.AGREES
    assert at_every_point(good, [0.01, 0.02], [1.0, 1.0], runs=20) == good
    # At the second point a deviation of all of the scale would be half a standard error.
    mixed = at_every_point(good, [0.01, 2.0], [1.0, 1.0], runs=20)
    assert (mixed.verdict, mixed.note) == (Verdict.UNDECIDED, "n; inconclusive at 1 of 2 points")
    bad = by_z("", 1.0, 2.0, 0.01, runs=20, scale=1.0)
    assert at_every_point(bad, [0.01, 2.0], [1.0, 1.0], runs=20) == bad


@pytest.mark.parametrize(
    ("mean", "verdict"),
    [
        (0.0, Verdict.AGREES),
        (0.015, Verdict.AGREES),
        (-0.015, Verdict.AGREES),
        (0.0199, Verdict.UNDECIDED),
        (0.03, Verdict.DISAGREES),
        (-0.03, Verdict.DISAGREES),
    ],
)
def test_no_change_means_within_the_band(mean: float, verdict: Verdict) -> None:
    scatter = 0.004 * np.random.default_rng(1).standard_normal(40)
    change = mean + scatter - scatter.mean()
    assert within_band("s", change, 0.0, 0.02, "").verdict == verdict


# The main job at a small size: right theories pass, wrong coefficients and signs fail, on the same data.


pytestmark = pytest.mark.usefixtures("one_spectrum")
SMALL = dataclasses.replace(
    QUICK,
    name="small",
    feature_runs=24,
    feature_side=300,
    feature_d=12,
    law_ladder=(8, 16, 32),
    law_contexts=50_000,
    covariance_d=12,
    covariance_contexts=50_000,
    ladder=(10, 12),
    runs=(12, 12),
    taus=(1.5, 3.0),
)


@pytest.fixture(scope="module")
def features() -> dict[str, coefficients.Values]:
    return coefficients.measure(HEADS, Task("relu", 0.01), SMALL)


@pytest.fixture(scope="module")
def laws() -> dict[str, pre_activations.LawMoments]:
    with ThreadPoolExecutor(1) as pool:
        return pre_activations.measure({"relu": Task("relu", 0.01)}, SMALL, pool, lambda: None)


@pytest.fixture(scope="module")
def ladder() -> list[Results]:
    with ThreadPoolExecutor(1) as pool:
        return measure([transformers.campaign(SMALL, d) for d in SMALL.ladder], pool, lambda: None)


def test_coefficients_agree_and_every_wrong_one_is_caught(features: dict[str, coefficients.Values]) -> None:
    predictions = {head: coefficients.Values.of(head) for head in HEADS}
    assert {check.verdict for check in coefficients.judge(features, predictions)} == {Verdict.AGREES}
    outcome = coefficients.negative_controls(features, predictions)
    # c_0, c_1, c_2, c_4 of ReLU and c_1, c_3 of tanh, each 5 % too large and with the wrong sign. This size catches every sign, and
    # 5 % in the large coefficients; ``make verify`` prints the same list for its own size.
    assert len(outcome) == 12
    assert all(item["caught"] for item in outcome if "sign" in item["defect"] or "c_0" in item["defect"] or "c_1" in item["defect"])


def test_the_law_agrees_and_a_wrong_covariance_is_caught(laws: dict[str, pre_activations.LawMoments]) -> None:
    task = Task("relu", 0.01)
    verdicts = {check.verdict for check in pre_activations.judge(task, laws["relu"])}
    assert verdicts == {Verdict.AGREES, Verdict.IN_THE_LIMIT}
    outcome = {item["defect"]: item["caught"] for item in pre_activations.negative_controls({"relu": task}, laws)}
    assert outcome["target relu: Cov(Fᵀh, ξᵀx) of the wrong sign"]
    assert outcome["target relu: t 5 % too large"]


def test_the_theory_is_rejected_for_another_target(ladder: list[Results]) -> None:
    def mistaken(curve: Curve) -> Curve:
        return curve.believing(lambda point: dataclasses.replace(point, task=Task("relu", 0.01)))

    # At these sizes the plain heads are far from the limit; the normalised head and its theory are what can be compared.
    right, wrong = (
        theory_rows(transformers.foretold(held, panel=1)).values() for held in (ladder, [results.replaced(mistaken) for results in ladder])
    )
    assert sum(check.verdict == Verdict.DISAGREES for check in wrong) > sum(check.verdict == Verdict.DISAGREES for check in right)


def test_every_degree_has_a_row_and_one_too_high_is_called_so(ladder: list[Results]) -> None:
    rows = [row for row in transformers.judge(SMALL, ladder) if row.claim == transformers.CLAIM]
    # Two targets and two heads, each with four degrees, and once with h normalised.
    assert len(rows) == 2 * 2 * (4 + 1)
    high = [row for row in rows if row.verdict == Verdict.DEGREE_TOO_HIGH]
    assert high
    assert all("E σ̂_r(Fᵀh)²" in row.note for row in high)
    assert sum("vanishing as d^-" in row.note for row in rows) == 2 * 2 * 4 - len(high)


def test_a_theory_of_another_order_is_refused(ladder: list[Results], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "theory_gap", lambda exact, other, d: d**-0.5)
    monkeypatch.setattr(statements, "excess", lambda *_: 0.0)
    rows = statements.gaps_as_predicted(("tanh",), degrees=(1,), order=-1, ladder=ladder)
    assert [(row.verdict, row.note.rpartition(" ")[2]) for row in rows] == [(Verdict.DISAGREES, "d^-0.50")]


def test_results_do_not_depend_on_the_workers(ladder: list[Results]) -> None:
    small = ladder[-1]
    alone = simulate_run(transformers.campaign(SMALL, small.d), small.d, SMALL.seed, 4 * 10**9, 3)
    for (panel, _, name), curve in small.curves.items():
        np.testing.assert_array_equal(curve.icl_runs[3], alone[panel][name]["icl"])


@pytest.mark.usefixtures("invented_theory", "one_picture")
def test_the_main_job_writes_everything(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ladder: list[Results]) -> None:
    tiny = dataclasses.replace(SMALL, feature_runs=3, law_contexts=4000, covariance_contexts=4000)
    monkeypatch.setattr(job, "measure", lambda planned, *_: ladder if planned[0].name == "check" else planted_sources.measured())
    # Theory lines through the simulated points alone, for time.
    monkeypatch.setattr(Panel, "fine", Panel.settings)
    monkeypatch.setattr(gradient, "measure", lambda *_: planted_sources.ratios())
    monkeypatch.setattr(job, "workers", functools.partial(workers, 1))
    console = Console(width=180, record=True, file=io.StringIO())
    job.run(tiny, tmp_path, console)
    names = {path.name for path in tmp_path.iterdir()}
    stems = ("learning_curves", "equivalence_gaps", "gaussianity", "two_sources")
    assert names == {"verify.json", "report.html", *(f"{stem}.{kind}" for stem in stems for kind in ("png", "svg"))}
    assert "Verdicts" in console.export_text()
