"""Campaigns of trained Transformers: thresholds and exponents of planted curves, stored and continued runs, and the page."""

from __future__ import annotations

import dataclasses
import io
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_process import InOrder
from rich.console import Console

from hermite_eq import HypothesisError, Sizes, StorageError
from hermite_eq.trained import FullLinearAttention
from verify import __main__ as verify_main
from verify.campaigns.table import CAMPAIGNS
from verify.campaigns.trained import EXPONENTS, TASK, TRAINED, Curve, TrainedCampaign
from verify.campaigns.trained_curves import Found, load, load_all, results
from verify.claims import trained as claims
from verify.claims.check import Verdict
from verify.claims.thresholds import Threshold, crossing, exponent, threshold
from verify.command import named, perform
from verify.report import trained as report
from verify.store.folders import setup_with
from verify.store.run import Origin
from verify.store.store import Setup, Store

MEMORY = 10**9
TINY = TrainedCampaign("la-fig5a", "Tiny", "It is small.", (Curve(FullLinearAttention(), "samples", (2.0,), epochs=(0, 1, 2, 3)),), 4, 3, 5)


def quiet() -> Console:
    return Console(file=io.StringIO(), width=200)


# Thresholds and exponents.


def test_a_threshold_is_the_last_crossing() -> None:
    n = np.array([10.0, 20.0, 40.0, 80.0])
    assert crossing(n, np.array([1e-4, 1e-1, 1e-3, 1e-1]), 1e-2)[0] == pytest.approx(math.sqrt(40 * 80))
    for never in ([1e-4] * 4, [1.0] * 4):
        assert math.isnan(crossing(n, np.array(never), 1e-2)[0])


def planted(d: int, power: float, seed: int, runs: int = 4) -> Found:
    """Training errors that rise as n⁸ through ρ at n* = 2 d^power, up to a scatter of 3 % by runs; the error of the theory beside it."""
    curve = dataclasses.replace(TRAINED["la-fig5a"].curves[0], values=tuple(np.geomspace(0.5, 5, 30)))
    sizes = curve.sizes(d)
    n = np.array([size.samples for size in sizes], dtype=float)
    rng = np.random.default_rng(seed)
    where = 2 * d**power * np.exp(0.03 * rng.standard_normal((runs, 1)))
    training = TASK.noise * (n / where) ** 8
    icl = claims.theory(sizes) * np.exp(0.05 * rng.standard_normal((runs, len(n))))
    blank = np.zeros((runs, len(n), 3))
    return Found(
        curve,
        d,
        np.concatenate([blank, training[:, :, None]], 2),
        np.concatenate([blank, icl[:, :, None]], 2),
        np.concatenate([blank, icl[:, :, None]], 2),
        np.full(n.shape, 1e9) + np.zeros((runs, 1)),
    )


@pytest.mark.parametrize("power", [1.6, 1.9])
def test_the_exponent_that_was_planted_is_found(power: float) -> None:
    thresholds = [crossing for d in (8, 12, 18) if (crossing := threshold(planted(d, power, d)))]
    for at, d in zip(thresholds, (8, 12, 18), strict=True):
        # The median of four numbers that scatter by 3 % has a standard error of 1.9 %: five of them.
        assert at.median == pytest.approx(2 * d**power, rel=5 * 0.03 * math.sqrt(math.pi / 2 / 4))
    fitted = exponent(thresholds)
    assert fitted is not None
    assert fitted.freedom == 10
    assert fitted.interval[0] < power < fitted.interval[1]
    assert not fitted.interval[0] < power + 0.3 < fitted.interval[1]
    rows = claims.exponent_rows("la-fig5a", "planted", thresholds)
    # The paper's 1.87, 2, and the count, which grows as d^1.73 here.
    assert [abs(row.value) > 2.5 for row in rows] == ([True, True, False] if power == 1.6 else [False, False, True])


def test_intervals_cover_as_often_as_they_say() -> None:
    rng, covered, tries = np.random.default_rng(1), 0, 400
    for _ in range(tries):
        runs = [Threshold(d, tuple(d**2 * np.exp(0.1 * rng.standard_normal(3))), 0.0) for d in (6, 10, 14)]
        fitted = exponent(runs)
        assert fitted is not None
        low, high = fitted.interval
        covered += low < 2 < high
    # 95 %, within five standard errors of a binomial.
    assert abs(covered / tries - 0.95) < 5 * math.sqrt(0.95 * 0.05 / tries)


def test_too_few_thresholds_have_no_exponent() -> None:
    assert exponent([Threshold(6, (60.0, 61.0, 62.0), 0.1)]) is None
    assert exponent([Threshold(6, (60.0,), 0.1), Threshold(10, (150.0,), 0.1)]) is None
    assert exponent([]) is None


def test_runs_that_learnt_nothing_are_no_part_of_a_threshold() -> None:
    ladder = planted(8, 1.8, 1)
    training = ladder.training.copy()
    # The first run is stuck at its smallest n, which would be above ρ there and below it later.
    training[0, 0, -1] = 2e9
    stuck = dataclasses.replace(ladder, training=training)
    assert stuck.stuck.sum() == 1
    trained, all_of = threshold(stuck), threshold(ladder)
    assert trained is not None
    assert all_of is not None
    assert trained.runs == pytest.approx(all_of.runs)
    all_stuck = dataclasses.replace(ladder, training=np.full_like(training, 2e9))
    assert threshold(all_stuck) is None


def test_lines_that_are_wrong_are_told_from_the_right_one() -> None:
    ladder = [planted(d, 1.8, d) for d in (8, 12)]
    assert claims.theory_row("planted", ladder).verdict == Verdict.AGREES
    assert {row.verdict for row in claims.control_rows("planted", ladder)} == {Verdict.AGREES}
    # The other way round: runs about a wrong line are not nearer to the right one.
    wrong = [dataclasses.replace(results, icl=2 * results.icl) for results in ladder]
    assert claims.theory_row("planted", wrong).verdict == Verdict.DISAGREES
    assert claims.control_rows("planted", wrong)[-1].verdict == Verdict.DISAGREES


def test_effective_sizes_have_as_many_contexts_for_each_number() -> None:
    sizes = claims.effective(Sizes(20, 20, math.inf, 964))
    assert sizes.samples / (20 * 21) == pytest.approx(964 / claims.dimension(20), rel=1 / sizes.samples)


# What is stored.


def test_the_names_are_those_of_the_figures() -> None:
    assert [campaign.name for campaign in named(["la-fig5"])] == [name for name in TRAINED if name.startswith("la-fig5")]
    assert [campaign.name for campaign in named(["rt-fig1a", "la-fig6"])] == ["rt-fig1a", "la-fig6"]
    assert {campaign.name for campaign in named(["all"])} == set(CAMPAIGNS)
    assert not TRAINED.keys() & CAMPAIGNS.keys()
    assert EXPONENTS.keys() < TRAINED.keys()
    for campaign in TRAINED.values():
        assert len({curve.label for curve in campaign.curves}) == len(campaign.curves)
        assert all(sizes.context == sizes.d for curve in campaign.curves for sizes in curve.sizes(6))


def test_runs_are_stored_continued_and_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TRAINED, "la-fig5a", TINY)
    setup = setup_with(TINY, 4, TINY.seed, MEMORY)
    assert not perform(setup, 3, tmp_path, quiet(), part="1/3", executor=InOrder())
    store = Store(tmp_path, setup)
    assert store.runs() == [0]
    before = store.read()[0].record
    assert perform(setup, 3, tmp_path, quiet(), executor=InOrder())
    assert Store(tmp_path, setup).runs() == [0, 1, 2]
    assert Store(tmp_path, setup).read()[0].record == before
    (results,) = load(tmp_path, TINY)
    assert (results.d, results.runs, results.curves[0].training.shape) == (4, 3, (3, 1, 4))
    assert (tmp_path / "pictures" / "trained.md").read_text(encoding="utf-8").startswith("# Transformers trained by gradient descent")
    # Nothing is left to compute.
    shown = quiet()
    assert perform(setup, 3, tmp_path, shown, executor=InOrder())
    assert "0 to compute" in shown.file.getvalue()  # type: ignore[attr-defined]


def record(campaign: TrainedCampaign, d: int, seed: int) -> list[dict[str, Any]]:
    """Errors of a planted double descent, of every curve."""
    rng, lines = np.random.default_rng(seed), []
    for curve in campaign.curves:
        n = np.array([sizes.samples for sizes in curve.sizes(d)], dtype=float)
        star = math.sqrt(n[0] * n[-1]) * d**-0.1 * math.exp(0.02 * rng.standard_normal())
        training = np.minimum(TASK.noise * (n / star) ** 6, 0.5)
        icl = (1 + 4 / (1 + 20 * np.log(n / star) ** 2)) * np.exp(0.02 * rng.standard_normal(len(n)))
        idg = icl * np.linspace(0.5, 0.98, len(n)) if curve.axis == "tasks" else icl
        epochs = len(curve.epochs)
        columns = {"training": training, "icl": icl, "idg": idg}
        lines.append(
            {
                "jax": "0.4.36",
                "variance": [1.0] * len(n),
                **{name: np.tile(column[:, None], epochs).tolist() for name, column in columns.items()},
            }
        )
    return lines


@pytest.fixture
def stored(tmp_path: Path) -> Path:
    for name in TRAINED:
        for d in (6, 10, 14) if name in EXPONENTS else (6,):
            store = Store(tmp_path / "campaigns", setup_with(TRAINED[name], d, TRAINED[name].seed, MEMORY))
            store.request(4)
            for run in range(4):
                store.write(run, record(TRAINED[name], d, 100 * d + run), Origin.here(1.5))
    return tmp_path


def test_the_page_opens_with_the_answer(stored: Path, tmp_path: Path) -> None:
    assert verify_main.main(["trained", "--output", str(stored), "--documents", str(tmp_path / "docs")]) == 0
    text = (tmp_path / "docs" / "trained.md").read_text(encoding="utf-8")
    opening = text.split("\n\n")[1]
    assert opening.count("(holds)") == 4
    assert "(paper 1.87; the count over these d: 1.66)" in opening
    assert "is one affine map without nonlinearity" in text
    assert "Not stored yet, of what two cores carry: la-fig5a at d = 20;" in text
    # A row for each architecture, in which planted errors cross as late after a tenth of the epochs as after all.
    exponents = [line.split(" | ") for line in text.splitlines() if line.endswith(tuple(f" | {value} |" for value in EXPONENTS.values()))]
    assert len(exponents) == 4
    assert all(row[1] == row[3] != row[4] for row in exponents)
    for picture in ("trained_fig5.png", "trained_fig6.png"):
        assert f"]({picture})" in text
        assert (tmp_path / "docs" / picture).stat().st_size > 10_000


def test_statements_hold_of_runs_of_which_they_are_true(stored: Path) -> None:
    rows = claims.judge(load_all(stored / "campaigns", dict(TRAINED)))
    of = {row.subject: row.verdict for row in rows}
    assert of["softmax, 2 blocks, affine MLP: the ICL error is larger at n* than at the smallest and at the largest n"] == Verdict.AGREES
    assert sum("exponent of n*" in subject for subject in of) == 9
    assert of["softmax, 2 blocks, affine MLP: the price of unseen tasks, g_task/e_ICL, falls with their diversity"] == Verdict.AGREES
    rates = [row for row in rows if "rate 0.001 minus" in row.subject]
    assert len(rates) == 4
    beside = [row for row in rows if "minus that of softmax, 2 blocks, affine MLP" in row.subject]
    assert len(beside) == 2
    assert all(row.verdict != Verdict.DISAGREES for row in (*rates, *beside))


def test_a_difference_of_two_curves_is_seen() -> None:
    rng = np.random.default_rng(4)
    first, second = rng.standard_normal((2, 12))
    same, shifted = claims.difference("same", first, second), claims.difference("shifted", first + 5, second)
    assert same is not None
    assert shifted is not None
    assert same.verdict != Verdict.DISAGREES
    assert shifted.verdict == Verdict.DISAGREES
    assert claims.difference("too few", first[:1], second) is None


def test_a_record_of_another_shape_is_refused(stored: Path) -> None:
    campaign = TRAINED["la-fig6"]
    store = Store(stored / "campaigns", setup_with(campaign, 6, campaign.seed, MEMORY))
    good = record(campaign, 6, 1)
    for bad in (
        good[0],
        [],
        [{**good[0], "icl": good[0]["icl"][1:]}],
        [{**good[0], "idg": [["x"]]}],
        [{"icl": good[0]["icl"]}],
        [{**good[0], "variance": [-1.0, *good[0]["variance"][1:]]}],
        [{**good[0], "training": [[math.nan] * 4] * 7}],
    ):
        with pytest.raises(StorageError):
            store.write(9, bad, Origin.here(1.0))  # type: ignore[arg-type]
    assert 9 not in store.runs()


def test_without_stored_runs_there_is_no_page(tmp_path: Path) -> None:
    with pytest.raises(HypothesisError, match="there are stored runs of trained Transformers; found none"):
        report.write(tmp_path, tmp_path, quiet())


def test_setups_of_ridge_trained_models_are_as_before(tmp_path: Path) -> None:
    plain = setup_with(CAMPAIGNS["rt-fig1a"], 8, 1, MEMORY)
    assert type(plain) is Setup
    assert plain.together == 1
    trained = setup_with(TINY, 4, 5, MEMORY)
    assert trained.together == 3
    assert trained.numbers == 3 * 4 + 1
    assert results(TINY, 4, [record(TINY, 4, 1)]).runs == 1
