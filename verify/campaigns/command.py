"""Campaigns from the command line and from Python: compute what is missing, and report once everything is there."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from hermite_eq.errors import HypothesisError
from hermite_eq.models import PolynomialActivation
from hermite_eq.simulate.memory import parse_memory
from verify import report
from verify.campaigns import agreement, claims, curves, figures, mixing_report
from verify.campaigns.campaign import Campaign, Error, by_name, label
from verify.campaigns.driver import Executor, compute
from verify.campaigns.mixing import MixingCampaign
from verify.campaigns.mixing_table import MIXING
from verify.campaigns.store import Setup, Store, check_continues, manifests, the_one
from verify.campaigns.table import CAMPAIGNS
from verify.check import Check
from verify.workers import workers

#: Budget for the arrays of one run, of which each worker computes one at a time.
MEMORY = "4GB"
#: All campaigns by their names.
EVERY: dict[str, Campaign] = by_name([*CAMPAIGNS.values(), *MIXING.values()])


def root(output: Path) -> Path:
    """The folder of all campaigns in the folder of results."""
    return output / "campaigns"


def find(name: str) -> Campaign:
    """The campaign of that name."""
    if name not in EVERY:
        near = difflib.get_close_matches(name, EVERY, 1, 0.0)
        raise HypothesisError("the campaign is one of those in --list", f"{name!r}", f"python -m verify {near[0]}, say")
    return EVERY[name]


#: Checks beside the campaigns, each a command by itself.
CHECKS = {
    "verify.settings": "24 settings drawn once: σ, σ*, ratios and λ; the theory against heads that normalise h, over d = 20, 40, 60",
    "verify.settings.mixtures": "an isotropic source and a spiked one; the theory of several sources against simulation",
    "verify.finite_size_linear": "the linear Transformer at d = 20, 40, 60: the theory at that d, and how fast its limit is approached",
    "verify.best_mixture": "the best proportions of two sources, and what Transformers trained at them and beside them do",
    "verify.gradient_parts": "a gradient step with the parts of its gradient: which of what is beyond rank one changes the error",
    "verify.stress": "heavy tails, random signs, uniform inputs, softmax attention: where the equivalence of Theorem 3 breaks",
}


def checks() -> Table:
    """The table of checks which are commands by themselves."""
    table = Table(title="Further checks: python -m NAME", header_style="bold")
    table.add_column("name", no_wrap=True)
    table.add_column("what is held against what")
    for name, what in CHECKS.items():
        table.add_row(name, what)
    return table


def listing() -> Table:
    """The table of all campaigns."""
    table = Table(title="Campaigns", header_style="bold")
    for column in ("name", "figure", "d", "runs", "what is said of it"):
        table.add_column(column, justify="right" if column in ("d", "runs") else "left", no_wrap=column == "name")
    for campaign in EVERY.values():
        table.add_row(campaign.name, campaign.figure, str(campaign.d), str(campaign.runs), campaign.claim)
    return table


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


def setup_of(campaign: Campaign, arguments: argparse.Namespace) -> tuple[Setup, int]:
    """The setup asked for, and its number of runs; with ``--resume`` what is not given comes from the stored manifest."""
    chosen: dict[str, Any] = {name: getattr(arguments, name) for name in ("d", "seed") if getattr(arguments, name) is not None}
    if arguments.memory is not None:
        chosen["memory"] = parse_memory(arguments.memory)
    for name, value in (("--d", arguments.d), ("--runs", arguments.runs), ("--workers", arguments.workers)):
        if value is not None and value < 1:
            raise HypothesisError(f"{name} is a positive integer", f"{name} {value}", f"pass {name} 8, say")
    if not arguments.resume:
        given = {"d": campaign.d, "seed": campaign.seed, "memory": parse_memory(MEMORY)} | chosen
        return Setup(campaign, **given), arguments.runs or campaign.runs
    manifest = the_one(root(arguments.output), campaign, chosen)
    setup = Setup(campaign, **{name: manifest["parameters"][name] for name in ("d", "seed", "memory")})
    check_continues(root(arguments.output), setup, manifest)
    return setup, arguments.runs or manifest["runs"]


def perform(setup: Setup, runs: int, folder: Path, console: Console, *, part: str | None = None, count: int | None = None,
            executor: Executor | None = None) -> bool:
    """Compute what is missing of a campaign, and write its report once all of ``runs`` are stored.

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
        Processes; by default one for each core.
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
    console.print(f"{setup.campaign.name} ({setup.campaign.figure}): d = {setup.d}, {runs} runs, {len(todo)} to compute; {store.folder}")
    if todo:
        processes = min(count or os.cpu_count() or 1, len(todo))
        with _progress(console, len(todo), processes if executor is None else None) as advance:
            if executor is None:
                with workers(processes) as pool:
                    compute(store, mine, pool, advance)
            else:
                compute(store, mine, executor, advance)
    absent = store.missing(range(runs))
    if absent:
        console.print(f"{runs - len(absent)} of {runs} runs are stored; the report follows when all are.")
        return False
    write_report(store, runs, console)
    return True


@contextmanager
def _progress(console: Console, total: int, processes: int | None) -> Iterator[Callable[[int, float], None]]:
    """A bar on a terminal, else a line for each run with the time that is left."""
    start, spent, done = time.perf_counter(), 0.0, 0
    columns = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn("left"), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        job = progress.add_task("", total=total)

        def advance(run: int, seconds: float) -> None:
            nonlocal spent, done
            spent, done = spent + seconds, done + 1
            progress.advance(job)
            if not console.is_terminal:
                elapsed = time.perf_counter() - start
                # Runs of a foreign executor are known to overlap only by the time they took together.
                busy = processes or max(1.0, spent / elapsed)
                left = _duration(spent / done * (total - done) / busy)
                console.print(f"run {run} stored, {done} of {total}, {seconds:.1f} s; {left} left")

        yield advance


def _duration(seconds: float) -> str:
    """
    >>> _duration(42.0), _duration(4000.0)
    ('42 s', '1 h 7 min')
    """
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def write_report(store: Store, runs: int, console: Console) -> list[Check]:
    """Figure, verdict table, ``summary.json`` and ``report.html`` in the campaign's folder."""
    setup, campaign = store.setup, store.setup.campaign
    if isinstance(campaign, MixingCampaign):
        plain = {name: value for name, value in setup.identity().items() if name != "simulations"}
        plain |= {"manifest": setup.hash, "runs": runs, **computed(store)}
        return mixing_report.write(store, runs, plain, console, siblings(store))
    results = curves.load(store, range(runs))
    others = [curves.load(other, other.runs()) for other in siblings(store)]
    # One run has no standard error.
    checks = claims.judge(campaign, results, others) if runs > 1 else []
    power = agreement.sabotaged(results, others) if runs > 1 else []
    picture = figures.figure(campaign, results, store.folder / "figure", others)
    identity = setup.identity()
    manifest = {name: value for name, value in identity.items() if name != "simulations"} | {
        "manifest": setup.hash, "runs": runs, **computed(store),
        "fallbacks": sum(int(curve.fallbacks.sum()) for curve in results.curves.values()),
    }
    shown = [_points(key, curve) for key, curve in results.curves.items()]
    report.write_json(store.folder / "summary.json", checks, power, shown, manifest)
    heads = [getattr(model, "activation", None) for panel in campaign.panels for model in panel.models]
    tex = {head.name: head.latex() for head in heads if isinstance(head, PolynomialActivation)}
    report.write_html(store.folder / "report.html", checks, power, tex, [(picture, f"{campaign.figure}. {campaign.claim}")], manifest)
    if checks:
        report.print_table(checks, console)
        console.print(f"{report.summary(checks)}.")
        for check in checks:
            if check.claim == campaign.figure:
                console.print(f"{check.subject}: {check.note}")
        for item in power:
            console.print(agreement.power_sentence(item))
    console.print(f"{manifest['seconds']} s of computing, the slower solver in {manifest['fallbacks']} fits; figure, summary.json and "
                  f"report.html in {store.folder}/")
    return checks


def computed(store: Store) -> dict[str, Any]:
    """What computed the stored runs: seconds, revisions and versions."""
    origins = store.origins()
    names = ("revision", "hermite_eq", "python", "numpy", "scipy")
    return {"seconds": round(sum(origin.seconds for origin in origins), 1)} | {
        name: ", ".join(sorted({str(getattr(origin, name)) for origin in origins})) for name in names}


def siblings(store: Store) -> list[Store]:
    """Folders of the same campaign, seed, budget and simulation at other d, with more than one run."""
    setup = store.setup
    return [other for other in stored(store.folder.parent.parent, setup.campaign)
            if other.setup.d != setup.d and (other.setup.seed, other.setup.memory) == (setup.seed, setup.memory)]


def stored(root: Path, campaign: Campaign) -> list[Store]:
    """The folders of a campaign as it is in the table now, with two runs at least."""
    found = []
    for manifest in manifests(root, campaign):
        parameters = manifest["parameters"]
        setup = Setup(campaign, parameters["d"], parameters["seed"], parameters["memory"])
        if parameters == setup.identity():
            store = Store(root, setup)
            if len(store.runs()) > 1:
                found.append(store)
    return found


def _points(key: tuple[int, int, str], curve: curves.Curve) -> dict[str, Any]:
    """A curve as plain data."""
    shown: dict[str, Any] = {
        "panel": key[0], "family": curve.panel.caption(curve.family), "model": label(curve.model), "task": str(curve.panel.task),
        "axis": curve.panel.axis, "values": curve.values.tolist(), "fallbacks": curve.fallbacks.tolist(),
    }
    errors: tuple[Error, ...] = ("icl", "idg", "g_task")
    for error in errors:
        found, theory = curve.simulated(error), curve.theory(error)
        shown[error] = {name: report.finite(column) for name, column in
                        (("mean", found.mean), ("stderr", found.stderr), ("theory", theory))}
    return shown


def run(names: Sequence[str], arguments: argparse.Namespace, console: Console) -> int:
    """The campaigns one after another; the exit status says whether all of them are complete."""
    asked = [(campaign, *setup_of(campaign, arguments)) for campaign in map(find, names)]
    complete = True
    for campaign, setup, runs in asked:
        try:
            whole = perform(setup, runs, root(arguments.output), console, part=arguments.shard, count=arguments.workers)
        except KeyboardInterrupt:
            stored = len(Store(root(arguments.output), setup).runs())
            again = f"python -m verify {campaign.name} --resume --d {setup.d} --seed {setup.seed} --output {arguments.output}"
            console.print(f"Interrupted; {stored} of {runs} runs are stored. Continue with: {again}")
            return 130
        complete &= whole or arguments.shard is not None
    return 0 if complete else 1
