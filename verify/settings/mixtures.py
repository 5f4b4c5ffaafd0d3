"""Two sources, isotropic and spiked, simulated and held against the theory.

    python -m verify.settings.mixtures --d 40 --runs 20

Every pair in both conventions, with ReLU and tanh heads that normalise h and that do not, on common draws; whatever is stored is not
computed again. Five minutes at d = 40 on two cores.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from hermite_eq.models import MixtureTask, RandomTransformer, Ratios, Source, Spike
from hermite_eq.simulate import MonteCarlo
from hermite_eq.theory import icl_error
from verify.campaigns.campaign import Campaign, Panel
from verify.campaigns.curves import load
from verify.campaigns.driver import compute
from verify.campaigns.store import Setup, Store
from verify.check import can_tell, z_score
from verify.command_line import command_line, positive
from verify.report import write_text
from verify.settings.measure import MEMORY
from verify.workers import workers

RIDGE, D = 0.1, 40
#: Relative gap allowed, or standard errors.
ALLOWED, SIGMAS = 0.03, 3.0

#: Arguments of the smallest run.
SMALLEST = ("--only", "one isotropic source", "--d", "8", "--runs", "2", "--workers", "1")

_CLEAN = Source("relu", 0.01)
#: What stands beside an isotropic source; spikes of order 1, and of order d for tasks.
SECOND: dict[str, Source | None] = {
    "one isotropic source": None,
    "task spike 4": Source("relu", 0.01, task_cov=Spike(4.0)),
    "task spike 40": Source("relu", 0.01, task_cov=Spike(40.0)),
    "input spike 4, noise .05": Source("relu", 0.05, input_cov=Spike(4.0)),
    "input spike 4, task spike 40, noise .05": Source("relu", 0.05, input_cov=Spike(4.0), task_cov=Spike(40.0)),
}
HEADS = tuple(RandomTransformer(head, RIDGE, normalise=normalise) for head in ("relu", "tanh") for normalise in (True, False))


def _task(second: Source | None, unit: bool) -> MixtureTask:
    return MixtureTask([_CLEAN] if second is None else [_CLEAN, second], unit_inputs=unit, unit_link=unit)


#: Name and convention of each panel.
ROWS = [(name, unit) for name in SECOND for unit in (False, True)]
CAMPAIGN = Campaign(
    "mixtures", "Two sources", "The theory holds for spiked sources.",
    tuple(
        Panel(_task(SECOND[name], unit), HEADS, "samples", (1.2,), (Ratios(alpha=1, kappa=math.inf, tau=1.2, mu=0.5),))  # type: ignore[arg-type]
        for name, unit in ROWS
    ),
    d=D, runs=20, seed=2027,
)  # fmt: skip


def outcomes(stored: Store, only: str | None = None) -> list[dict[str, Any]]:
    """Every row, or those of one second source, and every head: ICL error, theory, their gap, and the notes of the theory."""
    results = load(stored, stored.runs())
    found = []
    for (index, _, _), curve in results.curves.items():
        name, unit = ROWS[index]
        if only not in (None, name):
            continue
        theory = icl_error(curve.model, curve.panel.task, curve.points[0])  # type: ignore[arg-type]
        runs = MonteCarlo.from_runs(np.asarray(curve.each("icl"))[:, 0])
        gap, z = float(runs.mean / theory.icl - 1), z_score(theory.icl, runs.mean, runs.stderr, runs.runs)
        found.append({
            "sources": name, "convention": "unit inputs and link" if unit else "inputs and link of [RT]", "head": str(curve.model),
            "d": results.d, "runs": runs.runs, "mean": runs.mean, "stderr": runs.stderr, "theory": theory.icl,
            "icl_by_source": list(theory.icl_by_source), "gap": gap, "z": z, "notes": list(theory.notes),
            "holds": (abs(gap) <= ALLOWED or abs(z) <= SIGMAS) and can_tell(runs.stderr, theory.icl, runs.runs, SIGMAS),
        })  # fmt: skip
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; the exit status says whether every outcome holds."""
    parser = command_line("verify.settings.mixtures", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=CAMPAIGN.d, help=f"dimension ({CAMPAIGN.d})")
    parser.add_argument("--runs", type=int, default=CAMPAIGN.runs, help=f"runs ({CAMPAIGN.runs}); 0: report what is stored")
    parser.add_argument("--only", choices=SECOND, help="report on one second source (all)")
    parser.add_argument("--workers", type=positive, help="processes (default: one for each core)")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    arguments = parser.parse_args(argv)
    console = Console() if Console().is_terminal else Console(width=180)
    store = Store(arguments.output, Setup(CAMPAIGN, arguments.d, CAMPAIGN.seed, MEMORY))
    if arguments.runs:
        with workers(arguments.workers) as pool:
            compute(store, range(arguments.runs), pool, lambda run, seconds: console.print(f"run {run} stored, {seconds:.1f} s"))
    if len(store.runs()) < 2:
        print(f"{parser.prog}: fewer than two runs are stored at d = {arguments.d}; pass --runs 20, say", file=sys.stderr)
        return 2
    found = outcomes(store, arguments.only)
    table = Table(title=f"d = {arguments.d}, {found[0]['runs']} runs", header_style="bold")
    for column in ("sources beside an isotropic one", "convention", "head", "simulated", "theory", "gap", "z", ""):
        table.add_column(column)
    for row in found:
        simulated = f"{row['mean']:.4f} ± {row['stderr']:.4f}"
        word = "" if row["holds"] else "FAILS"
        table.add_row(row["sources"], row["convention"], row["head"], simulated, f"{row['theory']:.4f}", f"{row['gap']:+.1%}",
                      f"{row['z']:+.1f}", word)
    console.print(table)
    console.print(f"{sum(row['holds'] for row in found)} of {len(found)} within {ALLOWED:.0%} or {SIGMAS:g} standard errors "
                  f"(which see a quarter)")
    write_text(arguments.output / CAMPAIGN.name / f"summary-{arguments.d}.json", json.dumps(found, indent=1, ensure_ascii=False) + "\n")
    return 0 if all(row["holds"] for row in found) else 1


if __name__ == "__main__":
    sys.exit(main())
