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

from hermite_eq import HypothesisError
from verify import __main__ as verify_main
from verify.campaigns import agreement, command, curves, joint, phase
from verify.campaigns import store as storage
from verify.campaigns.campaign import Panel
from verify.campaigns.driver import compute
from verify.campaigns.store import Setup, Store
from verify.campaigns.table import CAMPAIGNS

STORED = {"norm-fig": (8, 12)}
RUNS = 3
# Theory lines at fewer d, for time.
TABLE = {"norm-fig": dataclasses.replace(CAMPAIGNS["norm-fig"], theory_at=(12, math.inf))}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = command.root(tmp_path_factory.mktemp("results"))
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
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joint, "EVERY", TABLE)
    monkeypatch.setattr(joint, "PHASE_AFTER", "norm-fig")
    monkeypatch.setattr(agreement, "sabotaged", lambda results, others: [])
    monkeypatch.setattr(phase, "GRID", 8)
    monkeypatch.setattr(Panel, "fine", lambda panel, family, d: [panel.at(family, value, d) for value in panel.values])


def test_everything_stored_is_shown(root: Path, tmp_path: Path) -> None:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "of-another-time.png").write_bytes(b"")
    assert verify_main.main(["--report", "--output", str(root.parent), "--documents", str(tmp_path)]) == 0
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
    # Every stored point stands in the page with its standard error and its theory.
    results = curves.load(Store(root, Setup(CAMPAIGNS["norm-fig"], 12, 3, 10**9)), range(RUNS))
    for curve in results.curves.values():
        found, theory = curve.simulated("icl"), curve.theory("icl")
        for mean, stderr, predicted in zip(found.mean, found.stderr, theory, strict=True):
            assert f"<td class=n>{mean:.5g} ± {stderr:.2g}</td><td class=n>{predicted:.5g}</td>" in page


def test_the_largest_dimension_with_enough_runs_comes_first(root: Path) -> None:
    shown = joint.sections(root, CAMPAIGNS["norm-fig"])
    assert [section.d for section in shown] == [12, 8]
    few, many = dataclasses.replace(shown[0], runs=2), dataclasses.replace(shown[1], runs=joint.ENOUGH)
    assert joint.by_weight([few, many]) == [many, few]
    assert joint.by_weight([dataclasses.replace(few, runs=joint.ENOUGH), many])[0].d == 12


def test_nothing_to_report_on(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "campaigns").mkdir()
    (tmp_path / "campaigns" / "of-another-time.png").write_bytes(b"")
    assert verify_main.main(["--report", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err == (
        f"python -m verify: there are stored runs to report on; found none in {tmp_path}/campaigns. "
        "Repair: python -m verify rt-fig1a --d 20 --runs 4, say\n"
    )
    with pytest.raises(HypothesisError):
        joint.write(tmp_path, None, Console(file=io.StringIO()))


def test_numbers_stand_under_their_picture(root: Path, tmp_path: Path) -> None:
    large, small = joint.sections(root, CAMPAIGNS["norm-fig"])
    picture = tmp_path / "drawn.png"
    picture.write_bytes(b"")
    names = {name: picture for name in ("norm-fig-d8", "norm-fig-d12", joint.PHASE)}
    joint.write_document(tmp_path, [[small, large]], names)
    document = (tmp_path / "campaigns.md").read_text()
    texts = ["norm-fig-d8.png", *(row[0] for row in joint.comparison_rows(small)), joint.origin(small), "norm-fig-d12.png",
             joint.origin(large)]
    places = [document.index(text) for text in texts]
    assert places == sorted(places)


def test_the_preface_names_the_papers_that_are_shown(root: Path) -> None:
    group = joint.sections(root, CAMPAIGNS["norm-fig"])
    assert joint.preface([group])[0].startswith("Simulated Transformers, for figures that no paper has (1). ")
    of_a_paper = dataclasses.replace(group[0].campaign, figure="[LA] Fig. 1")
    store = Store(root, dataclasses.replace(group[0].store.setup, campaign=of_a_paper))
    both = joint.preface([group, [dataclasses.replace(group[0], store=store)]])[0]
    assert both.startswith("Simulated Transformers, for figures of [LA] arXiv 2405.11751 and figures that no paper has (1). ")
