"""``python -m verify.settings``: simulate the settings at one d, as far as they are not stored, and report over every d in store.

    python -m verify.settings --d 40 --runs 20

A run of all settings takes about half a minute at d = 40 and eleven times that at d = 60; whatever is stored is not computed again, so
that the command may be killed and repeated.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import hermite_eq
from verify.campaigns.driver import compute
from verify.check import RESOLUTION
from verify.command_line import command_line, positive
from verify.report import write_text
from verify.settings import measure
from verify.settings.table import SETTINGS
from verify.workers import workers

LADDER = (20, 40, 60)
#: Arguments of the smallest run.
SMALLEST = ("--d", "20", "--runs", "2", "--workers", "1")


def report(root: Path, console: Console) -> dict[str, Any]:
    """Print the table at the largest d with runs, and write ``summary.json`` over all d in store."""
    stores = {d: store for d in LADDER if len((store := measure.store(root, d)).runs()) > 1}
    ladder = {d: measure.outcomes(store) for d, store in stores.items()}
    for d, outcomes in ladder.items():
        table = Table(title=f"d = {d}, {outcomes[0].simulated.runs} runs", header_style="bold")
        for column in ("", "setting", "error", "simulated", "theory at d", "gap", "z", "limit", ""):
            table.add_column(column)
        for outcome in outcomes:
            simulated = f"{outcome.simulated.mean:.4f} ± {outcome.simulated.stderr:.4f}"
            word = "" if outcome.holds else "FAILS" if outcome.fails else "cannot tell"
            table.add_row(str(SETTINGS.index(outcome.setting)), str(outcome.setting), outcome.error, simulated, f"{outcome.predicted:.4f}",
                          f"{outcome.gap:+.1%}", f"{outcome.z:+.1f}", f"{outcome.limit:.4f}", word)
        console.print(table)
    summary: dict[str, Any] = {"hermite_eq": hermite_eq.__version__, "seed": measure.CAMPAIGN.seed, "outcomes": [], "slopes": []}
    for d, outcomes in ladder.items():
        failing, holding = (sum(getattr(outcome, word) for outcome in outcomes) for word in ("fails", "holds"))
        console.print(f"d = {d}: {len(outcomes) - failing} of {len(outcomes)} within {measure.ALLOWED['icl']:.0%} (ICL), "
                      f"{measure.ALLOWED['idg']:.0%} (IDG) or {measure.SIGMAS:g} standard errors; {holding} of them are such that a gap "
                      f"of {RESOLUTION:.0%} would have been seen")
        summary["outcomes"] += [
            {"setting": SETTINGS.index(each.setting), "error": each.error, "d": d, "runs": each.simulated.runs,
             "mean": each.simulated.mean, "stderr": each.simulated.stderr, "predicted": each.predicted, "limit": each.limit,
             "gap": each.gap, "z": each.z, "holds": each.holds, "fails": each.fails}
            for each in outcomes
        ]
    for error in measure.ERRORS:
        for against in ("limit", "predicted"):
            exponent, stderr, gaps = measure.slope(ladder, error, against=against)
            shown = ", ".join(f"{gap:.4f} ± {noise:.4f} at d = {d}" for d, (gap, noise) in gaps.items())
            where = "of the limit" if against == "limit" else "at d"
            console.print(f"{error.upper()}, root mean square gap to the theory {where}: {shown}; "
                          f"exponent {exponent:.2f} ± {stderr:.2f}")
            summary["slopes"].append({"error": error, "against": against, "gaps": {str(d): gap for d, gap in gaps.items()},
                                      "exponent": exponent, "stderr": stderr})
    write_text(root / measure.CAMPAIGN.name / "summary.json", json.dumps(summary, indent=1) + "\n")
    return summary


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; the exit status says whether every outcome at this d holds, and none in store fails."""
    parser = command_line("verify.settings", __doc__, SMALLEST)
    parser.add_argument("--d", type=int, default=measure.CAMPAIGN.d, choices=LADDER, help=f"dimension ({measure.CAMPAIGN.d})")
    parser.add_argument("--runs", type=int, default=measure.CAMPAIGN.runs, help=f"runs ({measure.CAMPAIGN.runs}); 0: report what is stored")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    arguments = parser.parse_args(argv)
    console = Console() if Console().is_terminal else Console(width=180)
    store = measure.store(arguments.output, arguments.d)
    if arguments.runs:
        with workers(arguments.workers) as pool:
            compute(store, range(arguments.runs), pool, lambda run, seconds: console.print(f"run {run} stored, {seconds:.1f} s"))
    if len(store.runs()) < 2:
        print(f"python -m verify.settings: fewer than two runs are stored at d = {arguments.d}; pass --runs 20, say", file=sys.stderr)
        return 2
    outcomes = report(arguments.output, console)["outcomes"]
    return 0 if all(each["holds"] or (each["d"] != arguments.d and not each["fails"]) for each in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
