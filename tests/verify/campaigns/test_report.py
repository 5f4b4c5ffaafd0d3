"""The report over all campaigns says what is stored, and no more: its numbers are read back from the page."""

from __future__ import annotations

import dataclasses
import html
import io
import math
import re
from pathlib import Path

import pytest
from campaign_process import InOrder
from rich.console import Console

import hermite_eq
from hermite_eq import HypothesisError, Task
from verify import __main__ as verify_main
from verify.campaigns.campaign import Panel
from verify.campaigns.heads import HEADS
from verify.campaigns.table import CAMPAIGNS
from verify.claims.check import Check, Kind, Verdict
from verify.report import document, page, phase, verdicts
from verify.report.sections import ENOUGH, Section, by_weight, reported
from verify.store import store as storage
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns
from verify.store.store import Setup, Store

STORED = {"norm-fig": (8, 12)}
RUNS = 3
# Theory lines at fewer d, for time.
TABLE = {"norm-fig": dataclasses.replace(CAMPAIGNS["norm-fig"], theory_at=(12, math.inf))}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = folder_of_campaigns(tmp_path_factory.mktemp("results"))
    for name, dimensions in STORED.items():
        for d in dimensions:
            compute(Store(folder, Setup(TABLE[name], d, 3, 10**9)), range(RUNS), InOrder(), lambda run, seconds: None)
    # One run has no standard error, and another simulation is another campaign: neither is shown.
    compute(Store(folder, Setup(CAMPAIGNS["norm-fig"], 9, 3, 10**9)), range(1), InOrder(), lambda run, seconds: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(storage, "SIMULATION", 0)
        compute(Store(folder, Setup(CAMPAIGNS["norm-fig"], 11, 3, 10**9)), range(2), InOrder(), lambda run, seconds: None)
    return folder


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch, invented_theory: None) -> None:
    monkeypatch.setattr(document, "CAMPAIGNS", TABLE)
    monkeypatch.setattr(document, "PHASE_AFTER", "norm-fig")
    monkeypatch.setattr(phase, "GRID", 8)
    monkeypatch.setattr(Panel, "fine", Panel.settings)


def test_everything_stored_is_shown(root: Path, tmp_path: Path) -> None:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "of-another-time.png").write_bytes(b"")
    assert verify_main.main(["report", "--output", str(root.parent), "--documents", str(tmp_path)]) == 0
    page, document = (root / "report.html").read_text(), (tmp_path / "campaigns.md").read_text()
    for text in (page, document):
        for name, dimensions in STORED.items():
            assert CAMPAIGNS[name].claim in html.unescape(text)
            for d in dimensions:
                assert f"d = {d}, {RUNS} runs" in text
        assert "d = 9, 1 run" not in text
        assert "d = 11, 2 runs" not in text
    # The page is self-contained; what the document refers to is there.
    assert not re.findall(r'src="(?!data:)', page)
    pictures = re.findall(r"\]\((.*?)\)", document)
    # A figure of several d is drawn once.
    assert pictures == ["campaigns/norm-fig-d12.png", "campaigns/la-fig3.png"]
    assert {path.name for path in (tmp_path / "campaigns").iterdir()} == {Path(name).name for name in pictures}
    # The summary and the figures come first.
    order = ["It is asked whether", "<figure>", "<h2>Tables</h2>", "All numbers"]
    assert [page.index(text) for text in order] == sorted(page.index(text) for text in order)
    assert document.index("It is asked whether") < document.index("| figure |") < document.index("![")
    # A phone shows it at its own width, and wide tables scroll in their boxes.
    assert '<meta name="viewport" content="width=device-width' in page
    assert page.count('<div class="wide"><table>') == page.count("<table>")
    # Every stored point stands in the page with its standard error and its theory.
    (section,) = (part for part in reported(root, TABLE["norm-fig"], Console(quiet=True)) if part.d == 12)
    for curve in section.results.curves.values():
        simulated, theory = curve.simulated("icl"), curve.theory("icl")
        for mean, stderr, predicted in zip(simulated.mean, simulated.stderr, theory, strict=True):
            assert f"<td class=n>{mean:.5g} ± {stderr:.2g}</td><td class=n>{predicted:.5g}</td>" in page


def test_the_largest_dimension_with_enough_runs_comes_first(root: Path) -> None:
    shown = reported(root, TABLE["norm-fig"], Console(quiet=True))
    assert [section.d for section in shown] == [12, 8]

    def of(section: Section, runs: int) -> Section:
        return dataclasses.replace(section, results=dataclasses.replace(section.results, runs=runs))

    few, many = of(shown[0], 2), of(shown[1], ENOUGH)
    assert by_weight([few, many]) == [many, few]
    assert by_weight([of(few, ENOUGH), many])[0].d == 12


def test_nothing_to_report_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "of-another-time.png").write_bytes(b"")
    assert verify_main.main(["report", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"python -m verify: there are stored runs to report on; found none in {tmp_path}/campaigns. "
        "Repair: python -m verify run rt-fig1a --d 20 --runs 4, say\n"
    )
    with pytest.raises(HypothesisError):
        document.write(tmp_path, None, Console(file=io.StringIO()))


def test_numbers_stand_under_their_picture(root: Path, tmp_path: Path) -> None:
    large, small = reported(root, TABLE["norm-fig"], Console(quiet=True))
    picture = tmp_path / "drawn.png"
    picture.write_bytes(b"")
    names = {name: picture for name in ("norm-fig-d8", "norm-fig-d12", document.PHASE)}
    document.write_document(tmp_path, [[small, large]], names)
    text = (tmp_path / "campaigns.md").read_text()
    texts = ["norm-fig-d8.png", *(check.subject for check in small.comparisons), small.origin, "norm-fig-d12.png", large.origin]
    places = [text.index(part) for part in texts]
    assert places == sorted(places)


def test_the_summary_names_the_papers_that_are_shown(root: Path) -> None:
    group = reported(root, TABLE["norm-fig"], Console(quiet=True))
    assert ": of 1 that no paper has, in 6 stored runs at d = 8 to 12." in document.asked([group])
    of_a_paper = dataclasses.replace(group[0].campaign, figure="[LA] Fig. 1")
    store = Store(root, dataclasses.replace(group[0].store.setup, campaign=of_a_paper))
    both = document.asked([group, [dataclasses.replace(group[0], store=store)]])
    assert ": of 1 figures of [LA] (arXiv 2405.11751) and 1 that no paper has, in 9 stored runs" in both


def rows() -> list[Check]:
    def row(kind: Kind, verdict: Verdict, z: float) -> Check:
        return Check(f"{kind} {verdict.name}", 1.0, 1.0 + 0.01 * z, 0.01, "z", z, verdict, note="why", kind=kind)

    return [
        row("two-sided", Verdict.AGREES, 2.0),
        row("two-sided", Verdict.DISAGREES, 9.0),
        row("one-sided", Verdict.AGREES, -9.0),
        row("identity", Verdict.AGREES, 0.5),
    ]


def test_each_kind_of_test_has_a_column_of_its_own() -> None:
    table = verdicts.table(rows())
    columns = dict(zip(table.header, zip(*table.rows, strict=True), strict=True))
    assert columns["z, two-sided"] == ("+2.0", "+9.0", "", "")
    assert columns["z, one-sided"] == ("", "", "-9.0", "")
    assert columns["identity"][:3] == ("", "", "")
    assert columns["identity"][3].endswith("of the bound")
    assert columns["verdict"] == ("agrees", "disagrees", "holds", "holds up to rounding")
    # What no row has is no column.
    assert "z, one-sided" not in verdicts.table(rows()[:2]).header


def test_the_summary_says_what_agreed_and_what_did_not() -> None:
    lines = verdicts.summary("Asked.", [("figure", row) for row in rows()], [{"caught": 3, "checks": 4}, {"caught": 0, "checks": 2}])
    assert len(lines) <= 10
    text = " ".join(lines)
    assert text.startswith("Asked. Of 2 two-sided comparisons of a prediction with a measurement: agrees: 1, disagrees: 1.")
    assert "The comparisons that disagree: figure, two-sided DISAGREES (+9.0%)." in text
    assert "No one-sided test is contradicted." in text
    assert "identities, which are no statistical agreement: holds up to rounding: 1." in text
    assert "Of 6 rows held against theories that are wrong on purpose 3 reject them (1 of 2" in text


def test_formulas_are_drawn_without_a_request() -> None:
    texts = [hermite_eq.equivalent_model(head, 2).latex() for head in HEADS]
    texts.append(hermite_eq.covariance(Task("relu", noise=0.01)).latex())
    for tex in texts:
        drawn = page.formula(tex)
        assert drawn.count("<img") == drawn.count("data:image/svg+xml;base64,") > 0
        assert "<script" not in drawn
        assert not re.findall(r'src="(?!data:)', drawn)
