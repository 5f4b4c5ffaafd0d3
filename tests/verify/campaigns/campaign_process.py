"""Campaigns run in child processes which tests kill; small enough that a child has little to import."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import resource
import signal
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from hermite_eq.errors import HypothesisError
from verify.campaigns.campaign import Fixed
from verify.campaigns.table import CAMPAIGNS
from verify.store.checksum import parsed
from verify.store.driver import compute
from verify.store.store import Setup, Store

MEMORY = 10**9
(_PANEL,) = CAMPAIGNS["rt-fig1a"].panels
_FAMILY = _PANEL.families[0]
assert isinstance(_FAMILY, Fixed)
#: Of [RT] Fig. 1a the two linear Transformers and the ReLU head, at a point on either side of the threshold.
SMALL = dataclasses.replace(
    CAMPAIGNS["rt-fig1a"],
    panels=(dataclasses.replace(_PANEL, values=(0.5, 1.5), families=(dataclasses.replace(_FAMILY, models=_FAMILY.models[:3]),)),),
)


class Now:
    """A future which is there at once, and has nothing but a result."""

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self.function, self.arguments = function, arguments

    def result(self) -> Any:
        return self.function(*self.arguments)


class InOrder:
    """An executor of the least kind: every run when its result is asked for."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any) -> Now:
        return Now(function, arguments)


def store(root: Path, d: int = 8) -> Store:
    return Store(root, Setup(SMALL, d=d, seed=1, memory=MEMORY))


def nothing(run: int, seconds: float) -> None:
    pass


def contents(root: Path, below: float = math.inf) -> dict[tuple[str, int], str]:
    """The numbers of all stored runs ``below`` a number, by their setup and number; every line is there once, and has its checksum."""
    by_run: dict[tuple[str, int], str] = {}
    # In the order in which packing moves them.
    for name in ("*/*/run-*.json", "*/*.jsonl"):
        for path in root.glob(name):
            # Unless it has been packed since it was listed.
            with suppress(FileNotFoundError):
                lines = [parsed(line, str(path), "") for line in path.read_bytes().splitlines()]
                lines = lines[path.suffix == ".jsonl" :]
                numbers = [line["run"] for line in lines]
                assert len(set(numbers)) == len(numbers)
                by_run |= {(line["manifest"], line["run"]): json.dumps(line["simulations"]) for line in lines if line["run"] < below}
    return by_run


def campaign(root: Path, runs: int) -> None:
    """Computed one after another; they are packed when all are there."""
    compute(store(root), range(runs), InOrder(), nothing)
    store(root).pack()


def killed_at(root: Path, runs: int, step: int) -> None:
    """The same, killed before or after the step-th system call which makes a file durable or visible, or deletes one."""
    count = 0

    def counted(call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapper(*arguments: Any, **named: Any) -> Any:
            nonlocal count
            for now in (True, False):
                if count == step:
                    os.kill(os.getpid(), signal.SIGKILL)
                count += 1
                if now:
                    value = call(*arguments, **named)
            return value

        return wrapper

    os.fsync = counted(os.fsync)
    os.replace = counted(os.replace)
    os.unlink = counted(os.unlink)
    campaign(root, runs)


def on_a_full_disk(root: Path, runs: int, size: int, answer: Connection) -> None:
    """The same where no file can grow beyond ``size`` bytes; the error is sent back."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        campaign(root, runs)
    except HypothesisError as error:
        answer.send(str(error))
