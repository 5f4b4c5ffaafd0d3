"""Campaigns on a dask cluster, or on a local one of a few processes; with the same numbers as everywhere else.

    python -m examples.cluster.on_dask rt-fig1a --scheduler tcp://head:8786

Hours at the papers' sizes, seconds at d = 26. A worker computes one run at a time, with one thread of linear algebra, and needs 5 GB; it
must be able to import ``verify``, so it is started in a clone of the repository: ``dask worker --nthreads 1 --nworkers 4``. Only the
process of this command writes results. Needs the extra ``cluster``.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import distributed
from rich.console import Console

from hermite_eq.simulate.training.memory import parse_memory
from verify.campaigns.table import CAMPAIGNS
from verify.command import MEMORY, perform
from verify.command_line import command_line, positive
from verify.store.folders import folder_of_campaigns, setup_with

#: Arguments of the smallest run.
SMALLEST = ("norm-fig", "--d", "26", "--runs", "1", "--workers", "1")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and compute; the exit status says whether the campaign is complete."""
    parser = command_line("examples.cluster.on_dask", __doc__, SMALLEST)
    parser.add_argument("campaign", choices=list(CAMPAIGNS), metavar="campaign", help="as rt-fig1a")
    parser.add_argument("--scheduler", help="the address of the cluster's scheduler (without it: a local cluster)")
    parser.add_argument("--workers", type=positive, default=2, help="processes of a local cluster (2)")
    parser.add_argument("--d", type=positive, help="dimension (the paper's)")
    parser.add_argument("--runs", type=positive, help="independent runs (the paper's number)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    arguments = parser.parse_args(argv)
    campaign = CAMPAIGNS[arguments.campaign]
    setup = setup_with(campaign, arguments.d or campaign.d, campaign.seed, parse_memory(MEMORY))
    here = {"n_workers": arguments.workers, "threads_per_worker": 1, "dashboard_address": None}
    cluster: Any = distributed.Client  # untyped
    with cluster(arguments.scheduler) if arguments.scheduler else cluster(**here) as client:
        complete = perform(
            setup, arguments.runs or campaign.runs, folder_of_campaigns(arguments.output), Console(), executor=client.get_executor()
        )
    return 0 if complete else 1


if __name__ == "__main__":
    sys.exit(main())
