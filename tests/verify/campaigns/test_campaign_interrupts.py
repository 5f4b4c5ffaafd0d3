"""Ctrl-C, once or twice, and workers that are killed: the command ends soon, no process is left, and what was finished is stored."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from campaign_process import InOrder, contents, nothing, store
from matplotlib.figure import Figure
from worker_tasks import asleep, failing, interrupts_blocked, killed, unanswerable

from hermite_eq import HypothesisError
from hermite_eq.errors import StorageError
from verify.drawing import save
from verify.store.driver import compute
from verify.store.folders import folder_of_campaigns
from verify.store.workers import interrupted_once, workers

ROOT = Path(__file__).parents[3]
#: Between two interrupts; seconds.
GAPS = (0.0, 0.02, 0.3, 1.2)
#: Within which a command ends that is told to: less than what it was told to stop takes, and more than it needs on a busy machine.
SOON = 120.0

#: Where these tests run in the background, as under a shell that is not interactive, their processes begin with Ctrl-C ignored.
COMMAND = """import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
from verify.__main__ import main
sys.exit(main(sys.argv[1:]))"""


def interrupted_twice(root: Path, gap: float, wait: int) -> tuple[int, str]:
    """The exit status and the last lines of a command interrupted once ``wait`` runs are stored, and again after ``gap`` seconds."""
    call = [sys.executable, "-c", COMMAND, "run", "rt-fig1b", "--d", "8", "--workers", "2", "--runs", "1000", "--output", str(root)]
    process = subprocess.Popen(call, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)
    assert process.stdout is not None
    lines = [process.stdout.readline()]
    while "run" not in lines[-1] or sum("stored" in line for line in lines) < wait:
        lines.append(process.stdout.readline())
    # To all of the session, as a terminal does.
    os.killpg(process.pid, signal.SIGINT)
    time.sleep(gap)
    try:
        os.killpg(process.pid, signal.SIGINT)
    except ProcessLookupError:
        assert gap
    try:
        rest, _ = process.communicate(timeout=SOON)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    deadline = time.monotonic() + SOON
    while time.monotonic() < deadline:
        try:
            os.killpg(process.pid, 0)
        except ProcessLookupError:
            break
        time.sleep(0.01)
    else:
        raise AssertionError(f"processes are left {SOON} s after the command has ended")
    return process.returncode, rest


def test_interrupted_twice_the_command_has_lost_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    quick = request.config.getoption("universality") == "default"
    for number in range(2 if quick else 20):
        # While the processes start, and in the middle of the runs.
        status, rest = interrupted_twice(tmp_path, GAPS[(2 * number + 1) % len(GAPS)] if quick else GAPS[number % len(GAPS)], number % 3)
        # A shell shows both as 130: the second may come when there is nothing left to do but to exit.
        assert status in (130, -signal.SIGINT), rest
        assert "Traceback" not in rest
        assert "Interrupted; " in rest
        stored = contents(folder_of_campaigns(tmp_path))
        assert f"{len(stored)} of 1000 runs are stored" in rest
        assert not list(tmp_path.rglob(".*"))


def test_what_has_finished_is_stored_when_the_user_interrupts(tmp_path: Path) -> None:
    class Interrupting(InOrder):
        """All runs are finished when the second result is asked for."""

        def submit(self, function: Any, /, *arguments: Any) -> Any:
            now = super().submit(function, *arguments)
            value, run = now.result(), arguments[1]
            asked = []

            class Done:
                def done(self) -> bool:
                    return True

                def cancel(self) -> bool:
                    return False

                def result(self) -> Any:
                    asked.append(run)
                    if run == 1 and len(asked) == 1:
                        raise KeyboardInterrupt
                    return value

            return Done()

    with pytest.raises(KeyboardInterrupt):
        compute(store(tmp_path), range(4), Interrupting(), nothing)
    assert store(tmp_path).runs() == [0, 1, 2, 3]


@pytest.fixture
def signalled() -> Iterator[None]:
    """Ctrl-C as it is outside of tests, whatever started them."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("signalled")
def test_the_second_interrupt_does_not_interrupt_what_cleans_up() -> None:
    cleaned = []

    def interrupted() -> None:
        with interrupted_once(), interrupted_once():
            try:
                signal.raise_signal(signal.SIGINT)
            finally:
                signal.raise_signal(signal.SIGINT)
                cleaned.append(True)

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert cleaned == [True]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


@pytest.mark.usefixtures("signalled")
def test_in_another_thread_there_is_nothing_to_interrupt() -> None:
    finished = []

    def block() -> None:
        with interrupted_once():
            finished.append(True)

    thread = threading.Thread(target=block)
    thread.start()
    thread.join()
    assert finished == [True]


# Workers.


def test_a_killed_worker_is_named_and_the_others_go_on() -> None:
    with workers(1) as pool:
        assert pool.submit(interrupts_blocked).result()
        before, lost, after = [pool.submit(killed, number) for number in range(3)]
        assert before.result() == 0
        with pytest.raises(HypothesisError) as refusal:
            lost.result()
        assert str(refusal.value) == (
            "a worker process lives until it has answered; found one ended with exit code -9 in the middle of a task. "
            "Repair: pass --workers 1 if memory ran out, and repeat the command: what is stored is kept"
        )
        # In a new process.
        assert after.result() == 2
        with pytest.raises(HypothesisError, match="it is even; found 3"):
            pool.submit(failing, 3).result()
        with pytest.raises(TypeError, match="generator"):
            pool.submit(unanswerable, 3).result()
        assert pool.submit(killed, 4).result() == 4


def test_an_exception_ends_the_workers_amid_their_tasks() -> None:
    start = time.monotonic()
    with pytest.raises(ZeroDivisionError), workers(2) as pool:  # noqa: PT012
        futures = [pool.submit(asleep) for _ in range(4)]
        time.sleep(0.1)
        raise ZeroDivisionError
    assert time.monotonic() - start < SOON
    assert all(future.done() for future in futures)


# Figures.


def test_there_is_no_half_of_a_figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def drawn(points: int) -> Figure:
        figure, axes = plt.subplots()
        axes.plot(np.arange(points))
        return figure

    path = save(drawn(3), tmp_path / "figure")
    names = {"figure.svg", "figure.png"}
    before = {name: (tmp_path / name).read_bytes() for name in names}
    assert path == tmp_path / "figure.svg"

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"results can be written; found No space left on device at .*figure\.svg\. Repair: make room"):
        save(drawn(5), tmp_path / "figure")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    monkeypatch.undo()
    save(drawn(5), tmp_path / "figure")
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (tmp_path / "figure.svg").read_bytes() != before["figure.svg"]
