"""Campaigns: what is stored survives anything, does not depend on who computed it, and is refused where it does not belong; and it may be
continued by another release only if that simulates the same: the numbers of small runs, pinned.
"""

from __future__ import annotations

import dataclasses
import itertools
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import nullcontext
from multiprocessing.context import ForkServerContext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from campaign_process import SMALL, InOrder, campaign, contents, killed_at, nothing, on_a_full_disk, store

import hermite_eq
from hermite_eq import HypothesisError, simulate
from hermite_eq.simulate import DiscreteMMSE
from verify import __main__ as verify_main
from verify import command
from verify.campaigns import curves
from verify.campaigns.campaign import Campaign, Family, Fixed, label
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.store import lines
from verify.store import store as storage
from verify.store.driver import compute
from verify.store.files import write_bytes
from verify.store.folders import folder_of_campaigns
from verify.store.run import one_blas_thread, simulate_run
from verify.store.store import SIMULATION
from verify.store.workers import workers

pytestmark = pytest.mark.own_seeds


@pytest.fixture(scope="module")
def forkserver() -> Iterator[ForkServerContext]:
    """Processes that start in milliseconds, with everything imported and one BLAS thread."""
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["verify.store.driver", "verify.campaigns.table"])
    yield context
    if before is None:
        del os.environ["OPENBLAS_NUM_THREADS"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("undisturbed")
    campaign(root, 40)
    return root


# What must not be lost.


def test_killed_twenty_times_at_random_moments_nothing_is_lost(forkserver: ForkServerContext, undisturbed: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    before: dict[tuple[str, int], str] = {}
    alive, longest = 0, 0.05
    for _ in range(20):
        process = forkserver.Process(target=campaign, args=(tmp_path, 40))
        process.start()
        # Some hundredths of a second for the start of the process, then a run or two; longer where nothing is stored in that time.
        time.sleep(rng.uniform(0.02, longest))
        alive += process.is_alive()
        process.kill()
        process.join()
        after = contents(tmp_path)
        assert before.items() <= after.items()
        longest *= {0: 1.3, 1: 1.0, 2: 1.0}.get(len(after) - len(before), 0.8)
        before = after
    # The test has killed something: processes were at work, and some had stored runs.
    assert alive
    assert before
    campaign(tmp_path, 40)
    assert contents(tmp_path) == contents(undisturbed)


def test_killed_at_every_step_of_writing_nothing_is_lost(forkserver: ForkServerContext, undisturbed: Path, tmp_path: Path) -> None:
    # A moment before and after each call: the first line and two runs take two calls each, packing them two, one for the folder, and one
    # for each file it deletes. A process which outlives its step has none left to be killed at.
    steps, wanted = 0, contents(undisturbed, 2)
    for step in itertools.count():
        root = tmp_path / str(step)
        process = forkserver.Process(target=killed_at, args=(root, 2, step))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        steps += 1
        assert contents(root).items() <= wanted.items()
        campaign(root, 2)
        assert contents(root) == wanted
        assert [path for path in root.glob("*/**/[!.]*") if path.is_file()] == [store(root).file]
    assert steps == 2 * (2 + 4 + 2 + 1 + 2)


# What results must not depend on.


# Threads share the filters of warnings, which a run sets for itself.
@pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
def test_results_do_not_depend_on_workers_shards_or_order(undisturbed: Path, tmp_path: Path) -> None:
    wanted = contents(undisturbed, 8)
    with workers(2) as pool:
        compute(store(tmp_path / "workers"), range(8), pool, nothing)
    assert contents(tmp_path / "workers") == wanted
    for part in ("3/3", "1/3", "2/3"):
        compute(store(tmp_path / "shards"), command.shard(part, 8), InOrder(), nothing)
    assert contents(tmp_path / "shards") == wanted
    with ThreadPoolExecutor(3) as pool:
        compute(store(tmp_path / "threads"), range(7, -1, -1), pool, nothing)
    assert contents(tmp_path / "threads") == wanted


def test_two_processes_may_share_a_folder(forkserver: ForkServerContext, undisturbed: Path, tmp_path: Path) -> None:
    both = [forkserver.Process(target=campaign, args=(tmp_path, 12)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert contents(tmp_path) == contents(undisturbed, 12)
    assert not list(tmp_path.rglob(".*"))


@pytest.mark.parametrize("alone", [True, False], ids=["with the lock", "without"])
def test_who_packs_does_not_lose_what_another_packs(
    alone: bool, undisturbed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = store(tmp_path)
    opened.request(3)
    compute(opened, range(2), InOrder(), nothing)
    other = threading.Thread(target=opened.pack)
    write = write_bytes

    def late(path: Path, text: bytes) -> None:
        """Between reading and writing of the one, a third run is stored, and the other begins to pack."""
        monkeypatch.setattr(lines, "write_bytes", write)
        compute(opened, [2], InOrder(), nothing)
        other.start()
        # Without the lock it has finished in that time.
        other.join(0.5)
        assert other.is_alive() == alone
        write(path, text)

    monkeypatch.setattr(lines, "write_bytes", late)
    if not alone:
        monkeypatch.setattr(lines, "locked", lambda path: nullcontext())
    opened.pack()
    other.join()
    assert (contents(tmp_path) == contents(undisturbed, 3)) == alone


def test_on_another_device(undisturbed: Path, tmp_path: Path) -> None:
    pytest.importorskip("array_api_strict")
    there = storage.Store(tmp_path, dataclasses.replace(store(tmp_path).setup, device="array_api_strict"))
    compute(there, range(2), InOrder(), nothing)
    # The same file, into which others may write from their devices; the origin of a run says which.
    assert there.file == store(tmp_path).file
    stored, expected = there.read(), store(undisturbed).read()
    assert {stored[run].origin.device for run in range(2)} == {"array_api_strict"}
    assert {run.origin.device for run in expected.values()} == {"cpu"}
    for run, sweep, name in itertools.product(range(2), range(len(there.setup.shape)), ("icl", "idg")):
        for model, columns in stored[run].record[sweep].items():
            # Single-precision features, in other orders of sums, at points without a peak between them.
            np.testing.assert_allclose(columns[name], expected[run].record[sweep][model][name], rtol=1e-5)


@pytest.mark.filterwarnings("default")
def test_with_loky(undisturbed: Path, tmp_path: Path) -> None:
    loky = pytest.importorskip("loky")
    pool = loky.get_reusable_executor(max_workers=2)
    try:
        compute(store(tmp_path), range(6), pool, nothing)
    finally:
        pool.shutdown()
    assert contents(tmp_path) == contents(undisturbed, 6)


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_with_submitit(cluster: str, undisturbed: Path, tmp_path: Path) -> None:
    submitit = pytest.importorskip("submitit")
    executor = submitit.AutoExecutor(folder=tmp_path / "logs", cluster=cluster)
    compute(store(tmp_path / "results"), range(3), executor, nothing)
    assert contents(tmp_path / "results") == contents(undisturbed, 3)


def test_a_stored_run_is_that_of_the_engine(tmp_path: Path) -> None:
    opened = store(tmp_path, d=10)
    compute(opened, [3], InOrder(), nothing)
    sweep = SMALL.sweeps(10)[0]
    model = sweep.models[2]
    seed = np.random.SeedSequence(1, spawn_key=sweep.key)
    with one_blas_thread():
        assert not isinstance(model, DiscreteMMSE)
        curve = simulate.icl_curve(model, sweep.task, sweep.sizes, samples=sweep.values, runs=range(3, 4), rng=seed)
    loaded = curves.load(opened).get(label(model))
    # Alone or in company a head has the same blocks.
    np.testing.assert_allclose(loaded.icl_runs, curve.icl_runs, rtol=1e6 * np.finfo(float).eps)
    assert loaded.values.tolist() == [n / 100 for n in curve.values]


def test_what_has_finished_is_stored_when_a_run_fails(tmp_path: Path) -> None:
    class SecondFails(InOrder):
        def submit(self, function: Any, /, *arguments: Any) -> Any:
            future: Future[Any] = Future()
            if arguments[1] == 1:
                future.set_exception(MemoryError("too little"))
            else:
                future.set_result(function(*arguments))
            return future

    with pytest.raises(MemoryError, match="too little"):
        compute(store(tmp_path), range(4), SecondFails(), nothing)
    assert store(tmp_path).runs() == [0, 2, 3]
    compute(store(tmp_path), range(4), InOrder(), nothing)
    assert store(tmp_path).runs() == [0, 1, 2, 3]


# What is refused, and in which words.


@pytest.mark.parametrize("asked", [2, 4], ids=["before it says how many", "at the first run"])
def test_a_full_disk_loses_nothing(asked: int, forkserver: ForkServerContext, undisturbed: Path, tmp_path: Path) -> None:
    campaign(tmp_path, 2)
    store(tmp_path).request(asked)
    here, there = multiprocessing.Pipe()
    process = forkserver.Process(target=on_a_full_disk, args=(tmp_path, 4, 500, there))
    process.start()
    process.join()
    path = store(tmp_path).file if asked == 2 else store(tmp_path).folder / "run-0002.json"
    assert here.recv() == (
        f"results can be written; found File too large at {path}. "
        "Repair: make room or choose another --output, and repeat the command: what is stored is kept"
    )
    assert contents(tmp_path) == contents(undisturbed, 2)
    assert not list(tmp_path.rglob(".*"))


def test_another_simulation_is_not_continued(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version, number = hermite_eq.__version__, storage.SIMULATION
    tmp_path = folder_of_campaigns(tmp_path)
    campaign(tmp_path, 1)
    # Another release that simulates the same goes on; another simulation begins a file of its own, and does not continue this one.
    monkeypatch.setattr(hermite_eq, "__version__", "99.0")
    campaign(tmp_path, 2)
    assert [origin.hermite_eq for origin in store(tmp_path).origins()] == [version, "99.0"]
    path = store(tmp_path).file
    monkeypatch.setattr(storage, "SIMULATION", 99)
    assert store(tmp_path).runs() == []
    arguments = verify_main.parser().parse_args(["run", "rt-fig1a", "--resume", "--output", str(tmp_path.parent)])
    with pytest.raises(HypothesisError) as refusal:
        command.setup_of(SMALL, arguments)
    assert str(refusal.value) == (
        "a campaign goes on with the parameters and the simulation with which it was begun; "
        f"found simulation {number} instead of 99 in {path}. "
        "Repair: start it anew without --resume (it gets a file of its own), or go back to those parameters or that release"
    )


def test_temporary_files_left_behind_are_cleared(tmp_path: Path) -> None:
    campaign(tmp_path, 1)
    folder, file = store(tmp_path).folder, store(tmp_path).file
    old, new = [folder / ".run-0003.json.host.1", file.with_name(f".{file.name}.host.1")], folder / ".run-0004.json.host.2"
    for path in (*old, new):
        path.write_text("{")
    for path in old:
        os.utime(path, (0, 0))
    assert store(tmp_path).runs() == [0]
    assert [path for path in tmp_path.rglob(".*")] == [new]


def test_how_many_queries_a_test_context_has_is_a_parameter() -> None:
    """One query is what parameters mean that do not say."""
    plain = SMALL
    single, eight = (storage.Setup(dataclasses.replace(plain, queries=queries), 6, 1, 10**9) for queries in (1, 8))
    assert "queries" not in single.identity()
    assert eight.identity()["queries"] == 8
    assert single.hash == storage.Setup(plain, 6, 1, 10**9).hash != eight.hash
    (first_run, _), (second_run, _) = single.simulate(0), eight.simulate(0)
    for sweep, again in zip(first_run, second_run, strict=True):
        # Errors of linear heads are computed, not measured.
        assert {name for name in sweep if sweep[name]["icl"] != again[name]["icl"]} == {name for name in sweep if "linear" not in name}


#: Mean of log e_ICL + log e_IDG over all models and points of a small run.
PINNED = {
    "rt-fig1a": -1.766178,
    "rt-fig1b": -2.182707,
    "rt-fig2a": -1.341430,
    "rt-fig2b": -1.805982,
    "rt-fig2c": -1.968948,
    "la-fig1": -0.415321,
    "la-fig2": 0.141514,
    "la-fig4": -2.350913,
    "norm-fig": -2.161411,
    "heads-fig": -1.762756,
    "honest-fig": -1.848526,
    "dm-fig1": -1.750257,
    "dm-fig2": -1.932474,
    "dm-fig3": -1.627901,
    "dm-scan": -2.020581,
    "dm-heads": -1.551833,
    "dm-degree": -2.263947,
}


def small(campaign: Campaign) -> Campaign:
    """Fewer points, and λ = 10 for every trained model, or λ = 0.1 of [DM], so that rounding is not amplified."""
    panels = []
    for panel in campaign.panels:
        family = panel.families[0]
        if isinstance(family, Mixing):
            kept: Family = dataclasses.replace(family, ridge=0.1, activations=family.activations[:1])
            panels.append(dataclasses.replace(panel, values=panel.values[1::4], families=(kept,)))
        else:
            assert isinstance(family, Fixed)
            models = {model if isinstance(model, DiscreteMMSE) else dataclasses.replace(model, ridge=10.0) for model in family.models}
            kept = dataclasses.replace(family, models=tuple(sorted(models, key=str)))
            panels.append(dataclasses.replace(panel, values=panel.values[::4], families=(kept,)))
    return dataclasses.replace(campaign, panels=tuple(panels))


def value(name: str) -> float:
    record = simulate_run(small(CAMPAIGNS[name]), 12, 1, 10**9, 0)
    logs = [np.log(columns["icl"]) + np.log(columns["idg"]) for sweep in record for columns in sweep.values()]
    return float(np.mean(np.concatenate(logs)))


@pytest.mark.parametrize("name", PINNED)
def test_a_seed_gives_the_numbers_it_gave(name: str) -> None:
    # Sums in another order (another memory budget) move this mean by less than 1e-8; other draws, or a law that differs by 1 % in
    # one error of a hundred, by more than 1e-4.
    assert SIMULATION == 1
    assert value(name) == pytest.approx(PINNED[name], abs=1e-4), "other numbers than before: raise SIMULATION, and pin these anew"
