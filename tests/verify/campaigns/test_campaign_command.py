"""Campaigns from the command line: what it refuses and continues, what it shows, and that no process is left when it is killed."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from campaign_process import MEMORY, SMALL, InOrder, campaign, contents, nothing, store
from rich.console import Console

from hermite_eq import HypothesisError
from verify import __main__ as verify_main
from verify import command
from verify.campaigns.table import CAMPAIGNS
from verify.report import document
from verify.store import folders
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns
from verify.store.store import Setup, Store

ROOT = Path(__file__).parents[3]


def run(*arguments: object) -> int:
    return verify_main.main([str(argument) for argument in arguments])


@pytest.fixture
def _in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    """What this process computes, it computes itself."""
    monkeypatch.setattr(command, "workers", lambda count: nullcontext(InOrder()))


@pytest.mark.own_seeds
@pytest.mark.usefixtures("_in_order")
def test_the_command_killed_leaves_no_process_and_is_continued(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call = [sys.executable, "-m", "verify", "run", "rt-fig1b", "--d", "8", "--workers", "2", "--output", str(tmp_path)]
    process = subprocess.Popen([*call, "--runs", "1000"], cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    deadline = time.monotonic() + 60
    stored_in = folder_of_campaigns(tmp_path)
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
    # With --resume, d and the seed come from what was stored; of a shard there is no report.
    assert run("run", "rt-fig1b", "--resume", "--shard", "500/500", "--output", tmp_path) == 0
    assert "d = 8" in capsys.readouterr().out
    assert len(contents(stored_in)) == stored + 2
    direct = Store(tmp_path / "direct", Setup(CAMPAIGNS["rt-fig1b"], 8, CAMPAIGNS["rt-fig1b"].seed, 4 * 10**9))
    # Of two workers the second may finish first.
    compute(direct, sorted(run for _, run in contents(stored_in))[:2], InOrder(), nothing)
    assert len(contents(tmp_path / "direct")) == 2
    assert contents(tmp_path / "direct").items() <= contents(stored_in).items()


@pytest.mark.usefixtures("_in_order")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ["rt-fig1a", "--d", 8, "--shard", "4/3"],
            "a shard is i/n with 1 ≤ i ≤ n; found --shard 4/3. Repair: pass --shard 1/4 … --shard 4/4, say",
        ),
        (
            ["rt-fig1a", "--resume", "--d", 9],
            "there is a campaign to continue: rt-fig1a with d = 9; found none in {root}/campaigns/rt-fig1a. "
            "Repair: start it without --resume",
        ),
        (
            ["rt-fig1a", "--d", 8, "--memory", "10kB", "--runs", 1],
            "the memory budget holds the contexts, F, the system of one head and a block of features; "
            'found a budget of 10.0kB where 1.07MB are needed. Repair: pass memory="1.07MB" or more, or smaller sizes',
        ),
        (
            ["rt-fig1a", "--d", 8, "--device", "gpu"],
            "a device is cpu (NumPy), torch, torch:DEVICE as PyTorch names it, or cupy; "
            'found device=\'gpu\'. Repair: pass device="cpu", or device="torch:cuda"',
        ),
        (
            ["la-fig5a", "--device", "array_api_strict"],
            "the device is that of ridge-trained models; found --device array_api_strict for "
            "la-fig5a. Repair: leave it out: what trains by gradient descent chooses its own",
        ),
        (
            ["la-fig4", "--d", 8],
            "every training task appears in training, so k ≤ n; found tasks=32 > samples=26. "
            "Repair: raise samples, or pass tasks=math.inf for a fresh task in every context",
        ),
    ],
)
def test_errors_of_the_command(arguments: list[Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("run", *arguments, "--workers", 1, "--output", tmp_path) == 2
    assert capsys.readouterr().err == f"python -m verify: {message.format(root=tmp_path)}\n"


@pytest.mark.parametrize(("arguments", "message"), [
    (["rt-fig1"], "campaign: invalid choice: 'rt-fig1' (choose from "),
    (["rt-fig1a", "--d", 0], "--d: a positive integer is required; found '0'"),
    (["rt-fig1a", "--runs", -1], "--runs: a positive integer is required; found '-1'"),
])  # fmt: skip
def test_what_the_parser_refuses(arguments: list[Any], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match=r"^2$"):
        run("run", *arguments, "--output", tmp_path)
    assert message in capsys.readouterr().err


def test_a_folder_that_cannot_be_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    assert run("run", "rt-fig1a", "--d", 8, "--runs", 2, "--output", tmp_path / "file") == 2
    assert "results can be written; found Not a directory at" in capsys.readouterr().err


def test_resuming_takes_the_parameters_and_the_number_of_runs(tmp_path: Path) -> None:
    campaign(folder_of_campaigns(tmp_path), 3)
    arguments = verify_main.parser().parse_args(["run", "rt-fig1a", "--resume", "--output", str(tmp_path)])
    setup, runs = command.setup_of(SMALL, arguments)
    assert (setup, runs) == (store(folder_of_campaigns(tmp_path)).setup, 3)
    arguments.runs = 5
    assert command.setup_of(SMALL, arguments)[1] == 5


def test_resuming_one_of_several_asks_which(tmp_path: Path) -> None:
    campaign(folder_of_campaigns(tmp_path), 1)
    store(folder_of_campaigns(tmp_path), 9).request(2)
    # What was begun last does not decide: in a clone all files are of one time.
    arguments = verify_main.parser().parse_args(["run", "rt-fig1a", "--resume", "--output", str(tmp_path)])
    with pytest.raises(HypothesisError) as refusal:
        command.setup_of(SMALL, arguments)
    assert str(refusal.value) == (
        f"one setup of rt-fig1a is to be continued; found d = 8, seed = 1, memory = {MEMORY}; d = 9, seed = 1, memory = {MEMORY}. "
        "Repair: pass --d 8, say (--seed or --memory where the d agree), or give all and leave out --resume"
    )
    for arguments.d in (8, 9):
        assert command.setup_of(SMALL, arguments)[0].d == arguments.d


def test_plain_lines_tell_the_time_left(tmp_path: Path) -> None:
    console = Console(width=180, record=True, file=io.StringIO())
    setup = store(tmp_path).setup
    assert not command.perform(setup, 5, tmp_path, console, part="2/2", executor=InOrder())
    text = console.export_text()
    assert "run 1 stored, 1 of 2" in text
    assert "0:00:00 left" in text
    assert "2 of 5 runs are stored; the report follows when all are." in text


def test_what_is_complete_is_packed_before_its_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    console, setup, packed = Console(file=io.StringIO()), store(tmp_path).setup, []
    monkeypatch.setattr(document, "write_one", lambda store, console: packed.append(list(store.folder.iterdir())))
    assert not command.perform(setup, 2, tmp_path, console, part="2/2", executor=InOrder())
    assert [path.name for path in store(tmp_path).folder.glob("run*")] == ["run-0001.json"]
    assert command.perform(setup, 2, tmp_path, console, executor=InOrder())
    # More runs than before, and none.
    for runs in (3, 3):
        assert command.perform(setup, runs, tmp_path, console, executor=InOrder())
    assert packed == 3 * [[]]
    assert store(tmp_path).runs() == [0, 1, 2]


def test_other_dimensions_in_store_are_found(tmp_path: Path) -> None:
    for d in (8, 9, 10):
        compute(store(tmp_path, d), range(2 if d > 8 else 1), InOrder(), nothing)
    # One run has no standard error.
    assert [other.setup.d for other in folders.siblings(store(tmp_path, 9))] == [10]


def test_on_a_terminal_there_is_a_bar(tmp_path: Path) -> None:
    console = Console(width=180, record=True, file=io.StringIO(), force_terminal=True)
    assert not command.perform(store(tmp_path).setup, 5, tmp_path, console, part="2/2", executor=InOrder())
    text = console.export_text()
    assert "2/2" in text
    assert "run 1 stored" not in text


def test_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("list") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in CAMPAIGNS)
