"""``python -m verify``: what the theory says, held against simulated Transformers.

Without a subcommand the main job, ``check``: seven minutes on two cores. A campaign takes from minutes at d = 20 to days at the papers'
size; ``list`` shows them all.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from hermite_eq.errors import HypothesisError
from verify import command
from verify.campaigns.table import EVERY
from verify.command_line import command_line, positive
from verify.main_job.profile import FULL, QUICK
from verify.store.folders import folder_of_campaigns
from verify.store.lines import merge, pack_all
from verify.store.workers import interrupted_once

#: Columns of the verdict table where the output is no terminal.
_WIDTH = 180
#: Arguments of the smallest run.
SMALLEST = ("run", "norm-fig", "--d", "26", "--runs", "1", "--workers", "1")


# What draws figures is loaded by the subcommands that do.


def _check(arguments: argparse.Namespace, console: Console) -> int:
    from verify.main_job import job

    status = job.run(FULL if arguments.full else QUICK, arguments.output / "verify", console)
    if arguments.full:
        for words in (["run", "all"], ["report"]):
            again = parser().parse_args([*words, "--output", str(arguments.output)])
            status = max(status, COMMANDS[again.command][0](again, console))
    return status


def _list(arguments: argparse.Namespace, console: Console) -> int:
    table = Table(title="Campaigns", header_style="bold")
    for column in ("name", "figure", "d", "runs", "what is said of it"):
        table.add_column(column, justify="right" if column in ("d", "runs") else "left", no_wrap=column == "name")
    for campaign in EVERY.values():
        table.add_row(campaign.name, campaign.figure, str(campaign.d), str(campaign.runs), campaign.claim)
    console.print(table)
    return 0


def _report(arguments: argparse.Namespace, console: Console) -> int:
    importlib.import_module(PAGES[arguments.command]).write(folder_of_campaigns(arguments.output), arguments.documents, console)
    return 0


def _cost(arguments: argparse.Namespace, console: Console) -> int:
    from verify.cost import cluster

    return cluster.run(arguments, console)


def _pack(arguments: argparse.Namespace, console: Console) -> int:
    for source in arguments.merge:
        for folder, count in merge(folder_of_campaigns(source), folder_of_campaigns(arguments.output)).items():
            console.print(f"{folder}: {count} new runs from {source}")
    for folder, count in pack_all(folder_of_campaigns(arguments.output)).items():
        console.print(f"{folder}: {count} runs packed")
    return 0


#: The modules that write the pages of stored runs.
PAGES = {"report": "verify.report.document", "trained": "verify.report.trained", "open-questions": "verify.open_questions.page"}
#: What each subcommand does and costs.
COMMANDS: dict[str, tuple[Callable[[argparse.Namespace, Console], int], str]] = {
    "check": (
        _check,
        "the main job, from activations and targets to verdicts: seven minutes on two cores, "
        "with --full at the papers' sizes, campaigns included: days",
    ),
    "run": (
        command.run,
        "simulate campaigns, by name or all, and report on each: minutes at d = 20 to 40, hours to days at the papers' "
        "size; of trained Transformers (la-fig5, la-fig6, open-questions) minutes at d = 6, an hour at d = 14",
    ),
    "list": (_list, "the campaigns and what is said of them: seconds"),
    "report": (
        _report,
        "report on all stored campaigns together: minutes where their theory is kept, else hours, most of them for the "
        "theory of gradient steps",
    ),
    "trained": (_report, "the page on Transformers trained by gradient descent, from the runs of la-fig5 and la-fig6: seconds"),
    "open-questions": (
        _report,
        "the page on what remains of the equivalence once more is trained, from the runs of open-questions: seconds",
    ),
    "cost": (_cost, "what campaigns cost, from stored runs and operations, and how long a cluster takes for them: seconds"),
    "pack": (
        _pack,
        "put the runs of every setup into one file, of those which are not complete too, and those of other machines with them: seconds",
    ),
}


def parser() -> argparse.ArgumentParser:
    """The command line."""
    parser = command_line("verify", __doc__, SMALLEST)
    output = argparse.ArgumentParser(add_help=False)
    output.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    commands = parser.add_subparsers(title="subcommands, and what they cost", dest="command", metavar="COMMAND")
    made = {
        name: commands.add_parser(name, parents=[output], help=text, description=f"{text[0].upper()}{text[1:]}.")
        for name, (_, text) in COMMANDS.items()
    }
    made["check"].add_argument("--full", action="store_true", help="at the papers' sizes, then the campaigns: days")
    for name in PAGES:
        made[name].add_argument("--documents", type=Path, help="write the page and its pictures into this folder")
    run = made["run"]
    run.add_argument(
        "campaigns",
        nargs="+",
        metavar="campaign",
        choices=[*EVERY, "la-fig5", "all"],
        help="a campaign, as rt-fig1a, or all that train by ridge regression",
    )
    run.add_argument("--runs", type=positive, help="independent runs (the paper's number)")
    run.add_argument("--d", type=positive, help="dimension (the paper's)")
    run.add_argument("--seed", type=int)
    run.add_argument("--resume", action="store_true", help="continue what was begun, with its parameters (--d where several are stored)")
    run.add_argument("--shard", metavar="i/n", help="compute every n-th run from the i-th, as in a job array")
    run.add_argument("--workers", type=positive, help="processes (default: one for each core, on another device one)")
    run.add_argument("--device", default="cpu", help="what computes: cpu (default), torch:cuda, cupy, …; draws are the same everywhere")
    run.add_argument("--memory", help=f"budget for one run (default: {command.MEMORY}). Whatever is stored is not computed again.")
    made["pack"].add_argument(
        "--merge",
        nargs="+",
        type=Path,
        default=[],
        metavar="FOLDER",
        help="first take the runs of these folders of results, but for those that are there",
    )
    cost = made["cost"]
    cost.add_argument("campaigns", nargs="*", metavar="campaign", help="those which are asked for (default: all)")
    cost.add_argument("--d", type=positive, help="dimension (the paper's)")
    cost.add_argument("--nodes", type=positive, default=20, help="machines of the cluster (20)")
    cost.add_argument("--cores", type=positive, default=4, help="cores of each (4)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; a violated hypothesis is printed and gives exit status 2."""
    words = list(sys.argv[1:] if argv is None else argv)
    named = words and (not words[0].startswith("-") or words[0] in ("-h", "--help"))
    arguments = parser().parse_args(words if named else ["check", *words])
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    try:
        with interrupted_once():
            return COMMANDS[arguments.command][0](arguments, console)
    except HypothesisError as error:
        print(f"python -m verify: {error}", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
