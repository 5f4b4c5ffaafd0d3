"""Campaigns: what is stored survives anything, does not depend on who computed it, and is refused where it does not belong."""

from __future__ import annotations

import dataclasses
import io
import itertools
import json
import math
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from campaign_process import MEMORY, InOrder, campaign, killed_at, on_a_full_disk, store
from rich.console import Console

import hermite_eq
from hermite_eq import HypothesisError, simulate
from hermite_eq.models import Ratios, Task
from hermite_eq.theory import icl_error
from verify import __main__ as verify_main
from verify.campaigns import claims, command, curves
from verify.campaigns import store as storage
from verify.campaigns.campaign import Panel, label
from verify.campaigns.driver import compute
from verify.campaigns.run import one_blas_thread
from verify.campaigns.store import Setup, Store
from verify.campaigns.table import CAMPAIGNS
from verify.check import Verdict
from verify.workers import workers

ROOT = Path(__file__).parents[2]


def nothing(run: int, seconds: float) -> None:
    pass


def contents(root: Path) -> dict[str, bytes]:
    """All stored runs, byte by byte."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.glob("*/*/run-*.json")}


@pytest.fixture(scope="module")
def forkserver() -> object:
    """Processes that start in milliseconds, with everything imported and one BLAS thread."""
    before = os.environ.get("OPENBLAS_NUM_THREADS")
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["verify.campaigns.driver", "verify.campaigns.table"])
    yield context
    if before is None:
        del os.environ["OPENBLAS_NUM_THREADS"]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    root = tmp_path_factory.mktemp("undisturbed")
    campaign(root, 40)
    return contents(root)


# What must not be lost.


def test_killed_twenty_times_at_random_moments_nothing_is_lost(forkserver, undisturbed, tmp_path: Path) -> None:
    rng = np.random.default_rng(9)
    before: dict[str, bytes] = {}
    alive, longest = 0, 0.2
    for _ in range(20):
        process = forkserver.Process(target=campaign, args=(tmp_path, 40))
        process.start()
        # Some hundredths of a second for the start of the process, then up to three runs; longer where nothing is stored in that time.
        time.sleep(rng.uniform(0.02, longest))
        alive += process.is_alive()
        process.kill()
        process.join()
        after = contents(tmp_path)
        assert before.items() <= after.items()
        for text in after.values():
            json.loads(text)
        longest *= 1.0 if len(after) > len(before) else 1.3
        before = after
    # The test has killed something: processes were at work, and some had stored runs.
    assert alive
    assert before
    campaign(tmp_path, 40)
    assert contents(tmp_path) == undisturbed


def test_killed_at_every_step_of_writing_nothing_is_lost(forkserver, undisturbed, tmp_path: Path) -> None:
    # Each of manifest, origin and run takes two calls with a moment before and after: 12 steps lead through the first run, 8 through the
    # next. A process which outlives its step has none left to be killed at.
    steps = 0
    for step in itertools.count():
        root = tmp_path / str(step)
        process = forkserver.Process(target=killed_at, args=(root, 2, step))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL
        steps += 1
        assert contents(root).items() <= undisturbed.items()
        campaign(root, 2)
        assert contents(root).items() <= undisturbed.items()
        assert len(contents(root)) == 2
    assert steps == 20


def test_the_command_killed_leaves_no_process_and_is_continued(tmp_path: Path) -> None:
    call = [sys.executable, "-m", "verify", "rt-fig1b", "--d", "12", "--workers", "2", "--output", str(tmp_path)]
    process = subprocess.Popen([*call, "--runs", "1000"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    stored_in = command.root(tmp_path)
    while len(contents(stored_in)) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    stored = len(contents(stored_in))
    assert 2 <= stored < 1000

    # The workers are in the session of the command, and follow it.
    def alive() -> bool:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            return False
        return True

    while alive() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not alive()
    # With --resume, d and the seed come from what was stored; a smaller number of runs is enough here.
    again = [*call[:4], "--resume", "--runs", str(stored), "--output", str(tmp_path)]
    done = subprocess.run(again, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "d = 12" in done.stdout
    assert (next(stored_in.glob("rt-fig1b/*")) / "report.html").exists()
    direct = Store(tmp_path / "direct", Setup(CAMPAIGNS["rt-fig1b"], 12, CAMPAIGNS["rt-fig1b"].seed, 4 * 10**9))
    compute(direct, range(2), InOrder(), nothing)
    for run in range(2):
        name = f"run-{run:04d}.json"
        assert (direct.folder / name).read_bytes() == next(stored_in.glob(f"rt-fig1b/*/{name}")).read_bytes()


# What results must not depend on.


def test_results_do_not_depend_on_workers_shards_or_order(undisturbed, tmp_path: Path) -> None:
    wanted = {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 8}
    for count in (1, 2):
        with workers(count) as pool:
            compute(store(tmp_path / str(count)), range(8), pool, nothing)
        assert contents(tmp_path / str(count)) == wanted
    for part in ("3/3", "1/3", "2/3"):
        compute(store(tmp_path / "shards"), command.shard(part, 8), InOrder(), nothing)
    assert contents(tmp_path / "shards") == wanted
    with ThreadPoolExecutor(3) as pool:
        compute(store(tmp_path / "threads"), range(7, -1, -1), pool, nothing)
    assert contents(tmp_path / "threads") == wanted


def test_two_processes_may_share_a_folder(forkserver, undisturbed, tmp_path: Path) -> None:
    both = [forkserver.Process(target=campaign, args=(tmp_path, 12)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
        assert process.exitcode == 0
    assert contents(tmp_path) == {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 12}
    assert not list(tmp_path.glob("*/*/.*"))


@pytest.mark.filterwarnings("default")
def test_on_a_dask_cluster(undisturbed, tmp_path: Path) -> None:
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
    ):
        compute(store(tmp_path), range(6), client.get_executor(), nothing)
    assert contents(tmp_path) == {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 6}


@pytest.mark.filterwarnings("default")
def test_with_loky(undisturbed, tmp_path: Path) -> None:
    loky = pytest.importorskip("loky")
    pool = loky.get_reusable_executor(max_workers=2)
    try:
        compute(store(tmp_path), range(6), pool, nothing)
    finally:
        pool.shutdown()
    assert contents(tmp_path) == {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 6}


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("cluster", ["debug", "local"])
def test_with_submitit(cluster: str, undisturbed, tmp_path: Path) -> None:
    submitit = pytest.importorskip("submitit")
    executor = submitit.AutoExecutor(folder=tmp_path / "logs", cluster=cluster)
    compute(store(tmp_path / "results"), range(3), executor, nothing)
    assert contents(tmp_path / "results") == {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 3}


def test_a_stored_run_is_that_of_the_engine(tmp_path: Path) -> None:
    opened = store(tmp_path, d=10)
    compute(opened, [3], InOrder(), nothing)
    panel, sweep = CAMPAIGNS["rt-fig1a"].sweeps(10)[0]
    model = panel.models[2]
    seed = np.random.SeedSequence(1, spawn_key=sweep.key)
    with one_blas_thread():
        curve = simulate.icl_curve(model, panel.task, sweep.sizes, samples=sweep.values, runs=range(3, 4), rng=seed)
    loaded = curves.load(opened, [3]).get(label(model))
    # Alone or in company a head has the same blocks.
    np.testing.assert_allclose(loaded.icl_runs, curve.icl_runs, rtol=1e6 * np.finfo(float).eps)
    assert loaded.values.tolist() == [n / 100 for n in curve.values]


def test_what_has_finished_is_stored_when_a_run_fails(tmp_path: Path) -> None:
    class SecondFails(InOrder):
        def submit(self, function, /, *arguments):
            future: Future = Future()
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


def test_a_full_disk_loses_nothing(forkserver, undisturbed, tmp_path: Path) -> None:
    campaign(tmp_path, 2)
    here, there = multiprocessing.Pipe()
    process = forkserver.Process(target=on_a_full_disk, args=(tmp_path, 4, 2000, there))
    process.start()
    process.join()
    folder = store(tmp_path).folder
    assert here.recv() == (
        f"results can be written; found File too large at {folder}/run-0002.json. "
        "Repair: make room or choose another --output, and repeat the command: the 2 runs stored are kept"
    )
    assert contents(tmp_path) == {name: text for name, text in undisturbed.items() if int(name[-9:-5]) < 2}
    assert not list(folder.glob(".*"))


def run(*arguments: object) -> int:
    return verify_main.main([str(argument) for argument in arguments])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["rt-fig1"], "the campaign is one of those in --list; found 'rt-fig1'. Repair: python -m verify rt-fig1b, say"),
        (["rt-fig1a", "--d", 8, "--shard", "4/3"],
         "a shard is i/n with 1 ≤ i ≤ n; found --shard 4/3. Repair: pass --shard 1/4 … --shard 4/4, say"),
        (["rt-fig1a", "--d", 0], "--d is a positive integer; found --d 0. Repair: pass --d 8, say"),
        (["rt-fig1a", "--runs", -1], "--runs is a positive integer; found --runs -1. Repair: pass --runs 8, say"),
        (["rt-fig1a", "--resume", "--d", 9],
         "there is a campaign to continue: rt-fig1a with d = 9; found none in {root}/campaigns/rt-fig1a. "
         "Repair: start it without --resume"),
        (["rt-fig1a", "--d", 8, "--memory", "10kB", "--runs", 1],
         "the memory budget holds the contexts, F, the system of one head and a block of features; "
         "found a budget of 10.0kB where 1.09MB are needed. Repair: pass memory=\"1.09MB\" or more, or smaller sizes"),
        (["la-fig4", "--d", 8], "every training task appears in training, so k ≤ n; found tasks=32 > samples=26. "
         "Repair: raise samples, or pass tasks=math.inf for a fresh task in every context"),
    ],
)
def test_errors_of_the_command(arguments: list, message: str, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert run(*arguments, "--workers", 1, "--output", tmp_path) == 2
    assert capsys.readouterr().err == f"python -m verify: {message.format(root=tmp_path)}\n"


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    (tmp_path / "file").write_text("")
    assert run("rt-fig1a", "--d", 8, "--runs", 2, "--output", tmp_path / "file") == 2
    assert "results can be written; found Not a directory at" in capsys.readouterr().err


def changed_manifest(folder: Path, **parameters: object) -> None:
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["parameters"] |= parameters
    (folder / "manifest.json").write_text(json.dumps(manifest))


def test_a_folder_of_another_campaign_or_simulation_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version, number = hermite_eq.__version__, storage.SIMULATION
    tmp_path = command.root(tmp_path)
    campaign(tmp_path, 1)
    folder = store(tmp_path).folder
    changed_manifest(folder, campaign="rt-fig1b", d=9)
    with pytest.raises(HypothesisError) as refusal:
        store(tmp_path)
    assert str(refusal.value) == (
        "a campaign goes on with the parameters and the simulation with which it was begun; "
        f"found campaign rt-fig1b instead of rt-fig1a, d 9 instead of 8 in {folder}. "
        "Repair: start it anew without --resume (it gets a folder of its own), or go back to those parameters or that release"
    )
    changed_manifest(folder, campaign="rt-fig1a", d=8)
    assert store(tmp_path).runs() == [0]
    # Another release that simulates the same goes on; another simulation begins a folder of its own, and does not continue this one.
    monkeypatch.setattr(hermite_eq, "__version__", "99.0")
    campaign(tmp_path, 2)
    assert [origin.hermite_eq for origin in store(tmp_path).origins()] == [version, "99.0"]
    monkeypatch.setattr(storage, "SIMULATION", 99)
    assert store(tmp_path).runs() == []
    arguments = verify_main.parser().parse_args(["rt-fig1a", "--resume", "--output", str(tmp_path.parent)])
    with pytest.raises(HypothesisError, match=rf"found simulation {number} instead of 99 in"):
        command.setup_of(CAMPAIGNS["rt-fig1a"], arguments)


def test_runs_that_do_not_belong_are_refused(tmp_path: Path) -> None:
    campaign(tmp_path, 2)
    opened = store(tmp_path)
    (opened.folder / "run-0001.json").rename(opened.folder / "run-0002.json")
    with pytest.raises(HypothesisError) as refusal:
        opened.read(2)
    assert str(refusal.value) == (
        f"run-0002.json belongs to rt-fig1a, manifest {opened.setup.hash}; "
        f"found rt-fig1a, manifest {opened.setup.hash}, run 1 in {opened.folder}/run-0002.json. "
        "Repair: move it back to where it was, and repeat the command: the run will be computed again"
    )
    (opened.folder / "run-0002.json").write_text('{"campaign": ')
    with pytest.raises(HypothesisError) as refusal:
        opened.read(2)
    assert str(refusal.value) == (
        f"a stored file is whole; found {opened.folder}/run-0002.json damaged. "
        "Repair: delete it and repeat the command: what is missing will be computed again"
    )
    (opened.folder / "manifest.json").unlink()
    with pytest.raises(HypothesisError, match=r"a folder of results has a manifest; found runs but no manifest\.json in"):
        store(tmp_path)


def test_temporary_files_left_behind_are_cleared(tmp_path: Path) -> None:
    campaign(tmp_path, 1)
    folder = store(tmp_path).folder
    old, new = folder / ".run-0003.json.host.1", folder / ".run-0004.json.host.2"
    for path in (old, new):
        path.write_text("{")
    os.utime(old, (0, 0))
    assert store(tmp_path).runs() == [0]
    assert not old.exists()
    assert new.exists()


def test_resuming_takes_the_parameters_and_the_number_of_runs(tmp_path: Path) -> None:
    campaign(command.root(tmp_path), 3)
    arguments = verify_main.parser().parse_args(["rt-fig1a", "--resume", "--output", str(tmp_path)])
    setup, runs = command.setup_of(CAMPAIGNS["rt-fig1a"], arguments)
    assert (setup, runs) == (store(command.root(tmp_path)).setup, 3)
    arguments.runs = 5
    assert command.setup_of(CAMPAIGNS["rt-fig1a"], arguments)[1] == 5


def test_resuming_one_of_several_asks_which(tmp_path: Path) -> None:
    campaign(command.root(tmp_path), 1)
    store(command.root(tmp_path), 9).request(2)
    # What was begun last does not decide: in a clone all files are of one time.
    arguments = verify_main.parser().parse_args(["rt-fig1a", "--resume", "--output", str(tmp_path)])
    with pytest.raises(HypothesisError) as refusal:
        command.setup_of(CAMPAIGNS["rt-fig1a"], arguments)
    assert str(refusal.value) == (
        f"one folder of rt-fig1a is to be continued; found d = 8, seed = 1, memory = {MEMORY}; d = 9, seed = 1, memory = {MEMORY}. "
        "Repair: pass --d 8, say (--seed or --memory where the d agree), or give all and leave out --resume"
    )
    for arguments.d in (8, 9):
        assert command.setup_of(CAMPAIGNS["rt-fig1a"], arguments)[0].d == arguments.d


# The table, the claims and the figures.


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
    assert claims.paired(one, other, "icl", near).row("", "").verdict == Verdict.DISAGREES
    assert claims.falls("", "", other, "icl").verdict == Verdict.AGREES
    assert claims.falls("", "", linear_results.get("linear, λ = 0"), "icl").verdict == Verdict.DISAGREES
    curve = linear_results.get("linear, λ = 0")
    assert claims.peaks("", "", curve, "idg", 1.0, present=False).verdict == Verdict.DISAGREES
    assert claims.peaks("", "", other, "icl", 1.0, present=False).verdict == Verdict.AGREES


def test_the_theory_is_right_and_a_wrong_one_is_caught(linear_results: curves.Results) -> None:
    # Some points of 24 runs at d = 20 cannot tell; their curves are not said to agree.
    right = claims.theory_rows(linear_results)
    assert {row.verdict for row in right} == {Verdict.AGREES, Verdict.UNDECIDED}
    assert all(("cannot tell at" in row.note) == (row.verdict == Verdict.UNDECIDED) for row in right)
    # Five curves, each judged at the level of one check.
    five, twenty = claims.sabotaged(linear_results)
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
    rows = claims.theory_rows(largest, others)
    assert {row.verdict for row in rows} == {verdict}
    if verdict == Verdict.IN_THE_LIMIT:
        assert all(abs(row.value - order) < 5 * row.value_error for row in rows)
        (alone, _) = claims.theory_rows(largest)
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
    # One curve is 10 % off, so that the right theory is rejected there.
    off = {key: dataclasses.replace(curve, icl_runs=1.1 * curve.icl_runs, idg_runs=1.1 * curve.idg_runs) if i == 0 else curve
           for i, (key, curve) in enumerate(linear_results.curves.items())}
    errors = len(next(iter(off.values())).panel.errors)
    (five, _) = claims.sabotaged(dataclasses.replace(linear_results, curves=off))
    assert five["checks"] == 5 - errors


def test_comparisons_have_the_sign_of_the_theory(linear_results: curves.Results) -> None:
    one, other = (linear_results.get(f"linear, λ = {ridge}", panel=1) for ridge in ("1e-05", "0.1"))
    compared = claims.paired(one, other, "icl")
    direct = [icl_error(one.model, one.panel.task, point).icl - icl_error(other.model, other.panel.task, point).icl for point in one.points]
    np.testing.assert_allclose(compared.predicted, direct, rtol=1e-10)


@pytest.mark.parametrize("name", CAMPAIGNS)
def test_every_campaign_ends_in_a_report(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # For time: fewer points where each is a draw of its own, theory lines through the simulated points alone, wrong theories elsewhere.
    monkeypatch.setattr(Panel, "fine", lambda panel, family, d: [panel.at(family, value, d) for value in panel.values])
    if name != "la-fig1":
        monkeypatch.setattr(claims, "sabotaged", lambda results, others: [])
    panels = tuple(
        dataclasses.replace(panel, values=panel.values[:: 3 if panel.axis in ("context", "tasks") else 1], families=panel.families[:2])
        for panel in CAMPAIGNS[name].panels
    )
    small = dataclasses.replace(CAMPAIGNS[name], panels=panels)
    opened = Store(tmp_path, Setup(small, 12, 5, MEMORY))
    compute(opened, range(2), InOrder(), nothing)
    console = Console(width=180, record=True, file=io.StringIO())
    rows = command.write_report(opened, 2, console)
    assert {row.claim for row in rows} == {CAMPAIGNS[name].figure, claims.THEORY}
    assert all(row.note for row in rows)
    summary = json.loads((opened.folder / "summary.json").read_text())
    assert len(summary["curves"]) == sum(len(panel.families) * len(panel.models) for panel in panels)
    assert summary["manifest"]["runs"] == 2
    names = {path.name for path in opened.folder.iterdir()} - {path.name for path in opened.folder.glob("run-*")}
    assert names == {"manifest.json", "summary.json", "report.html", "figure.svg", "figure.png"}


def test_plain_lines_tell_the_time_left(tmp_path: Path) -> None:
    console = Console(width=180, record=True, file=io.StringIO())
    setup = store(tmp_path).setup
    assert not command.perform(setup, 5, tmp_path, console, part="2/2", executor=InOrder())
    text = console.export_text()
    assert "run 1 stored, 1 of 2" in text
    assert "0 s left" in text
    assert "2 of 5 runs are stored; the report follows when all are." in text


def test_other_dimensions_in_store_are_found(tmp_path: Path) -> None:
    for d in (8, 9, 10):
        compute(store(tmp_path, d), range(2 if d > 8 else 1), InOrder(), nothing)
    # One run has no standard error.
    assert [other.setup.d for other in command.siblings(store(tmp_path, 9))] == [10]


def test_on_a_terminal_there_is_a_bar(tmp_path: Path) -> None:
    console = Console(width=180, record=True, file=io.StringIO(), force_terminal=True)
    assert not command.perform(store(tmp_path).setup, 5, tmp_path, console, part="2/2", executor=InOrder())
    text = console.export_text()
    assert "2/2" in text
    assert "run 1 stored" not in text


def test_the_list(capsys: pytest.CaptureFixture) -> None:
    assert run("--list") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in CAMPAIGNS)
