"""How long campaigns take on a cluster, from the seconds of stored runs and the operations of those that are not stored."""

from __future__ import annotations

import argparse
import heapq
import math
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean

from rich.console import Console
from rich.table import Table

from hermite_eq.simulate.training.memory import parse_memory
from verify import command
from verify.campaigns.campaign import Campaign
from verify.cost.operations import Operations, of_run
from verify.cost.rates import measured
from verify.store.folders import folder_of_campaigns, headers, setup_with
from verify.store.run import one_blas_thread
from verify.store.store import Store

#: What is no operation that is counted: draws, activations, solutions with a factor. Of rows times features, or features squared, it is of
#: order d⁴.
_ORDER = 4
#: Memory of a process beyond the budget of a run: the library, and what it is made of.
_PROCESS = 10**9


@dataclass(frozen=True)
class Cost:
    """Seconds that one run of a campaign takes on one core.

    Attributes
    ----------
    campaign : Campaign
    d : int
    stored : float or None
        The mean of the stored runs at d, where there are such.
    source : int or None
        The largest smaller d with stored runs.
    estimate : float
        By operations, and what the runs at ``source`` took beyond theirs, times the fourth power of the ratio of the d.
    """

    campaign: Campaign
    d: int
    stored: float | None
    source: int | None
    estimate: float

    @property
    def seconds(self) -> float:
        """As stored, or else estimated."""
        return self.estimate if self.stored is None else self.stored


def stored_seconds(root: Path, campaign: Campaign) -> dict[int, float]:
    """Mean seconds of the stored runs of a campaign at each d."""
    durations: dict[int, list[float]] = {}
    for header in headers(root, campaign):
        parameters = header["parameters"]
        setup = setup_with(campaign, parameters["d"], parameters["seed"], parameters["memory"])
        # Of the campaign as it is now, on the CPU.
        if parameters == setup.identity():
            origins = [origin for origin in Store(root, setup).origins() if origin.device == "cpu"]
            durations.setdefault(setup.d, []).extend(origin.seconds for origin in origins)
    return {d: fmean(seconds) for d, seconds in durations.items() if seconds}


def cost(campaign: Campaign, d: int, stored: dict[int, float], rates: Operations) -> Cost:
    """What one run takes.

    Examples
    --------
    >>> from verify.campaigns.table import CAMPAIGNS
    >>> campaign, rates = CAMPAIGNS["norm-fig"], Operations(1e11, 5e10, 4e10)
    >>> beyond = 1.0
    >>> found = cost(campaign, 80, {40: of_run(campaign, 40).seconds(rates) + beyond}, rates)
    >>> round(found.estimate - of_run(campaign, 80).seconds(rates), 6)
    16.0
    """
    source = max((known for known in stored if known < d), default=None)
    beyond = 0.0
    if source is not None:
        beyond = max(0.0, stored[source] - of_run(campaign, source).seconds(rates)) * (d / source) ** _ORDER
    return Cost(campaign, d, stored.get(d), source, of_run(campaign, d).seconds(rates) + beyond)


def makespan(durations: Iterable[float], workers: int) -> float:
    """When the last of ``workers`` has finished, if the longest task that is left goes to the first that is free.

    >>> makespan([3, 3, 2, 2, 2], 2), makespan([], 4)
    (7.0, 0.0)
    """
    free = [0.0] * workers
    for duration in sorted(durations, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)


def report(costs: Sequence[Cost], nodes: int, cores: int, memory: int, console: Console) -> None:
    """A table, and what the cluster takes for all of it."""
    table = Table(title="What campaigns cost on one core", header_style="bold")
    for column in ("campaign", "d", "runs", "seconds a run", "from", "estimated", "core hours"):
        table.add_column(column, justify="left" if column in ("campaign", "from") else "right")
    for cost in costs:
        beyond = "" if cost.source is None else f", and d = {cost.source}"
        source = f"operations{beyond}" if cost.stored is None else "stored runs"
        hours = cost.seconds * cost.campaign.runs / 3600
        table.add_row(
            cost.campaign.name, str(cost.d), str(cost.campaign.runs), f"{cost.seconds:.0f}", source, f"{cost.estimate:.0f}", f"{hours:.1f}"
        )
    console.print(table)
    durations = [cost.seconds for cost in costs for _ in range(cost.campaign.runs)]
    total, last = sum(durations) / 3600, makespan(durations, nodes * cores) / 3600
    share, node = total / (last * nodes * cores), math.ceil(cores * (memory + _PROCESS) / 1e9)
    console.print(
        f"{total:.0f} core hours; on {nodes} × {cores} cores {last:.1f} hours, {share:.0%} of them at work; longest run "
        f"{max(durations) / 3600:.1f} hours; memory of a node {node} GB"
    )


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Estimate the campaigns that are named."""
    root = folder_of_campaigns(arguments.output)
    with one_blas_thread():
        # Of the processor, which others may use too.
        rates = measured(clock=time.process_time)
    console.print(
        f"one core of this machine: single-precision products {rates.products / 1e9:.0f}, sums of products "
        f"{rates.sums / 1e9:.0f}, Cholesky {rates.factors / 1e9:.0f} GFlop/s"
    )
    campaigns = [campaign for campaign in command.named(arguments.campaigns or ["all"]) if isinstance(campaign, Campaign)]
    costs = [cost(campaign, arguments.d or campaign.d, stored_seconds(root, campaign), rates) for campaign in campaigns]
    report(costs, arguments.nodes, arguments.cores, parse_memory(command.MEMORY), console)
    return 0
