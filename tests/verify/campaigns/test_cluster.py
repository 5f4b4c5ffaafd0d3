"""The recipes for clusters: shards in folders of their own, merged, and dask workers give what one process gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from campaign_process import InOrder, contents, nothing

from hermite_eq.simulate.training.memory import parse_memory
from verify import __main__ as verify_main
from verify.campaigns.table import CAMPAIGNS
from verify.command import MEMORY
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns, setup_with
from verify.store.lines import read_header
from verify.store.store import Setup, Store

pytestmark = pytest.mark.own_seeds
ROOT = Path(__file__).parents[3]
ARRAY = ROOT / "examples" / "cluster" / "array.sbatch"
RUNS, SHARDS = 4, 2


@pytest.fixture(scope="module")
def setup() -> Setup:
    campaign = CAMPAIGNS["norm-fig"]
    return setup_with(campaign, 8, campaign.seed, parse_memory(MEMORY))


@pytest.fixture(scope="module")
def undisturbed(setup: Setup, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = folder_of_campaigns(tmp_path_factory.mktemp("undisturbed"))
    compute(Store(root, setup), range(RUNS), InOrder(), nothing)
    return root


def test_the_shards_of_the_array_are_merged(setup: Setup, undisturbed: Path, tmp_path: Path) -> None:
    folders = [tmp_path / f"job {number}" for number in range(1, SHARDS + 1)]
    for number, folder in enumerate(folders, 1):
        slurm = {
            "SLURM_SUBMIT_DIR": str(ROOT),
            "SLURM_ARRAY_TASK_ID": f"{number}",
            "SLURM_ARRAY_TASK_COUNT": f"{SHARDS}",
            "SLURM_CPUS_PER_TASK": "1",
            "PYTHON": sys.executable,
            "RESULTS": str(folder),
        }
        job = ["bash", str(ARRAY), "norm-fig", "--d", "8", "--runs", f"{RUNS}"]
        subprocess.run(job, env=os.environ | slurm, check=True, capture_output=True)
        store = Store(folder_of_campaigns(folder), setup)
        assert store.runs() == list(range(number - 1, RUNS, SHARDS))
    assert verify_main.main(["pack", "--merge", *map(str, folders), "--output", str(tmp_path / "merged")]) == 0
    merged = Store(folder_of_campaigns(tmp_path / "merged"), setup)
    assert contents(merged.folder.parent.parent) == contents(undisturbed)
    header = read_header(merged.folder)
    assert header is not None
    assert merged.setup.identity() == header["parameters"]
    assert header["runs"] == RUNS
    # What is there stays as it is: again, and from a folder whose runs are packed, it changes nothing.
    before = merged.file.read_bytes()
    assert verify_main.main(["pack", "--merge", str(folders[0]), str(tmp_path / "merged"), "--output", str(tmp_path / "merged")]) == 0
    assert merged.file.read_bytes() == before
    assert verify_main.main(["pack", "--merge", str(tmp_path / "merged"), "--output", str(folders[0])]) == 0
    assert contents(folder_of_campaigns(folders[0])) == contents(undisturbed)


def test_nothing_to_merge(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert verify_main.main(["pack", "--merge", str(tmp_path / "nowhere"), "--output", str(tmp_path)]) == 2
    assert f"there are results to merge; found no folder {tmp_path / 'nowhere' / 'campaigns'}" in capsys.readouterr().err


@pytest.mark.filterwarnings("default")
def test_two_dask_workers_give_the_same(setup: Setup, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    from examples.cluster import on_dask

    # Theory and figures are no business of the workers.
    monkeypatch.setattr("verify.report.document.write_one", lambda store, console: console.print("reported"))
    assert on_dask.main(["norm-fig", "--d", "8", "--runs", f"{RUNS}", "--workers", "2", "--output", str(tmp_path)]) == 0
    assert contents(folder_of_campaigns(tmp_path)) == contents(undisturbed)


def test_the_array_asks_for_what_a_worker_needs() -> None:
    text = ARRAY.read_text(encoding="utf-8")
    assert "#SBATCH --mem-per-cpu=5G" in text
    assert parse_memory(MEMORY) + 10**9 <= 5 * 2**30
