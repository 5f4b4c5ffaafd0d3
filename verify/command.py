"""Campaigns from the command line and from Python: compute what is missing, and report once everything is there."""

from __future__ import annotations

import argparse
import importlib
import itertools
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from hermite_eq.errors import HypothesisError
from hermite_eq.simulate.arrays import arrays_on
from hermite_eq.simulate.training.memory import parse_memory
from verify.campaigns.campaign import Campaign
from verify.campaigns.table import CAMPAIGNS, EVERY, AnyCampaign
from verify.campaigns.trained import TRAINED, TrainedCampaign
from verify.open_questions.experiments import OpenQuestions
from verify.store.driver import Executor, compute
from verify.store.folders import check_continues, folder_of_campaigns, setup_with, the_one
from verify.store.store import Setup, Store
from verify.store.workers import workers

#: Budget for the arrays of one run, of which each worker computes one at a time.
MEMORY = "4GB"
#: The modules that report on the kinds of campaigns.
REPORTS: dict[type, str] = {
    Campaign: "verify.report.document",
    TrainedCampaign: "verify.report.trained",
    OpenQuestions: "verify.open_questions.page",
}


def shard(text: str | None, runs: int) -> range:
    """The runs of shard i/n of ``runs``: every n-th from the i-th.

    >>> list(shard("2/3", 8)), list(shard(None, 3))
    ([1, 4, 7], [0, 1, 2])
    """
    if text is None:
        return range(runs)
    match = re.fullmatch(r"(\d+)/(\d+)", text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise HypothesisError("a shard is i/n with 1 ≤ i ≤ n", f"--shard {text}", "pass --shard 1/4 … --shard 4/4, say")
    return range(int(match[1]) - 1, runs, int(match[2]))


def named(names: Sequence[str]) -> list[AnyCampaign]:
    """The campaigns of these names: "all" are those of ridge-trained models, and "la-fig5" all whose names begin so.

    >>> [campaign.name for campaign in named(["la-fig5"])][:2]
    ['la-fig5a', 'la-fig5b']
    """
    chosen = [
        CAMPAIGNS if name == "all" else [name] if name in EVERY else [campaign for campaign in TRAINED if campaign.startswith(name)]
        for name in names
    ]
    return [EVERY[name] for name in dict.fromkeys(itertools.chain.from_iterable(chosen))]


def setup_of(campaign: AnyCampaign, arguments: argparse.Namespace) -> tuple[Setup, int]:
    """The setup asked for, and its number of runs; with ``--resume`` what is not given comes from what is stored."""
    # Before anything is stored.
    arrays_on(arguments.device)
    chosen: dict[str, Any] = {name: getattr(arguments, name) for name in ("d", "seed") if getattr(arguments, name) is not None}
    if arguments.memory is not None:
        chosen["memory"] = parse_memory(arguments.memory)
    if not arguments.resume:
        given = {"d": campaign.d, "seed": campaign.seed, "memory": parse_memory(MEMORY)} | chosen
        return setup_with(campaign, **given, device=arguments.device), arguments.runs or campaign.runs
    header = the_one(folder_of_campaigns(arguments.output), campaign, chosen)
    setup = setup_with(campaign, **{name: header["parameters"][name] for name in ("d", "seed", "memory")}, device=arguments.device)
    check_continues(folder_of_campaigns(arguments.output), setup, header)
    return setup, arguments.runs or header["runs"]


def perform(
    setup: Setup,
    runs: int,
    folder: Path,
    console: Console,
    *,
    part: str | None = None,
    count: int | None = None,
    executor: Executor | None = None,
) -> bool:
    """Compute what is missing of a campaign, and pack it and write its report once all of ``runs`` are stored.

    Parameters
    ----------
    setup : Setup
    runs : int
        Of the whole campaign.
    folder : Path
        Of all campaigns.
    console : rich.console.Console
    part : str, optional
        ``"i/n"``: compute only this shard.
    count : int, optional
        Processes; by default one for each core, and one alone on a device other than the CPU.
    executor : Executor, optional
        Anything whose ``submit`` gives something with a ``result``, in place of processes of this machine. Its workers must be able to
        import ``verify``.

    Returns
    -------
    bool
        Whether all runs are stored and the report is written.
    """
    store = Store(folder, setup)
    mine = shard(part, runs)
    store.request(runs)
    todo = store.missing(mine)
    console.print(f"{setup.campaign.name} ({setup.campaign.figure}): d = {setup.d}, {runs} runs, {len(todo)} to compute; {store.file}")
    if todo:
        default = (os.cpu_count() or 1) if setup.device == "cpu" else 1
        pool = workers(min(count or default, len(todo))) if executor is None else nullcontext(executor)
        with _progress(console, len(todo)) as advance, pool as at_work:
            compute(store, mine, at_work, advance)
    absent = store.missing(range(runs))
    if absent:
        console.print(f"{runs - len(absent)} of {runs} runs are stored; the report follows when all are.")
        return False
    store.pack()
    # With it comes what draws figures, for which a command that ends before need not wait.
    importlib.import_module(REPORTS[type(setup.campaign)]).write_one(store, console)
    return True


@contextmanager
def _progress(console: Console, total: int) -> Iterator[Callable[[int, float], None]]:
    """A bar on a terminal, else a line for each run with the time that is left."""
    start, done = time.perf_counter(), 0
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        job = progress.add_task("", total=total)

        def advance(run: int, seconds: float) -> None:
            nonlocal done
            done += 1
            progress.advance(job)
            if not console.is_terminal:
                left = timedelta(seconds=round((time.perf_counter() - start) / done * (total - done)))
                console.print(f"run {run} stored, {done} of {total}, {seconds:.1f} s; {left} left")

        yield advance


def run(arguments: argparse.Namespace, console: Console) -> int:
    """The campaigns one after another; the exit status says whether all of them are complete."""
    root = folder_of_campaigns(arguments.output)
    asked = [setup_of(campaign, arguments) for campaign in named(arguments.campaigns)]
    complete = True
    for setup, runs in asked:
        try:
            whole = perform(setup, runs, root, console, part=arguments.shard, count=arguments.workers)
        except KeyboardInterrupt:
            again = f"python -m verify run {setup.campaign.name} --resume --d {setup.d} --seed {setup.seed} --output {arguments.output}"
            console.print(f"Interrupted; {len(Store(root, setup).runs())} of {runs} runs are stored. Continue with: {again}")
            return 130
        complete &= whole or arguments.shard is not None
    return 0 if complete else 1
