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
    results = test_contexts.experiments(D).load(ROOT / "results" / "campaigns")
    assert all(len(result.icl) == test_contexts.RUNS for result in results.values())
    page = (ROOT / "docs" / "topics" / "data" / test_contexts.NAME).read_text(encoding="utf-8")
    # The smallest, and the first row of another.
    for row in (*test_contexts.rows(results["softplus"])[1:2], *test_contexts.rows(results["tanh"])[:1]):
        assert Table(("",) * len(row), [row]).markdown()[-1] in page


def test_the_stored_runs_make_the_tables_of_other_tasks() -> None:
    results = task_alignment.experiments(D).load(ROOT / "results" / "campaigns")
    assert all(len(result.icl) == task_alignment.RUNS for result in results.values())
    page = (ROOT / "docs" / "topics" / "data" / task_alignment.NAME).read_text(encoding="utf-8")
    # Of the theory one κ, for its time.
    scarce = results["scarce"]
    single = replace(scarce, experiment=replace(scarce.experiment, sizes=scarce.experiment.sizes[1:2]), icl=scarce.icl[:, :, 1:2])
    cells = task_alignment.rows(single)[0][1:]
    assert f"| 0.5 | {' | '.join(cells)} |" in page


def test_a_run_is_the_same_again(tmp_path: Path) -> None:
    small = test_contexts.experiments(10)
    small.compute(tmp_path, 1, Console(quiet=True))
    result = small.load(tmp_path)["tanh"]
    small.compute(tmp_path, 2, Console(quiet=True))
    again = small.load(tmp_path)["tanh"]
    assert (again.icl[:1] == result.icl).all()
    assert again.icl.shape[0] == 2
