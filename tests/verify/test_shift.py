"""The pages on tests that are not as training: what they say is what the stored runs give."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rich.console import Console

from verify.report.page import Table
from verify.shift import task_alignment, test_contexts
from verify.shift.__main__ import D

ROOT = Path(__file__).parents[2]


def test_the_stored_runs_make_the_table() -> None:
    found = test_contexts.experiments(D).load(ROOT / "results" / "campaigns")
    assert all(len(each.icl) == test_contexts.RUNS for each in found.values())
    page = (ROOT / "docs" / "topics" / "data" / test_contexts.NAME).read_text(encoding="utf-8")
    # The smallest, and the first row of another.
    for row in (*test_contexts.rows(found["softplus"])[1:2], *test_contexts.rows(found["tanh"])[:1]):
        assert Table(("",) * len(row), [row]).markdown()[-1] in page


def test_the_stored_runs_make_the_tables_of_other_tasks() -> None:
    found = task_alignment.experiments(D).load(ROOT / "results" / "campaigns")
    assert all(len(each.icl) == task_alignment.RUNS for each in found.values())
    page = (ROOT / "docs" / "topics" / "data" / task_alignment.NAME).read_text(encoding="utf-8")
    # Of the theory one κ, for its time.
    scarce = found["scarce"]
    one = replace(scarce, experiment=replace(scarce.experiment, sizes=scarce.experiment.sizes[1:2]), icl=scarce.icl[:, :, 1:2])
    cells = task_alignment.rows(one)[0][1:]
    assert f"| 0.5 | {' | '.join(cells)} |" in page


def test_a_run_is_the_same_again(tmp_path: Path) -> None:
    small = test_contexts.experiments(10)
    small.compute(tmp_path, 1, Console(quiet=True))
    found = small.load(tmp_path)["tanh"]
    small.compute(tmp_path, 2, Console(quiet=True))
    again = small.load(tmp_path)["tanh"]
    assert (again.icl[:1] == found.icl).all()
    assert again.icl.shape[0] == 2
