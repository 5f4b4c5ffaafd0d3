"""``python -m verify``: the main job, from activations and targets to verdicts; and the campaigns, the papers' figures, by name.

Both hold the theory against simulated Transformers. The main job takes ten minutes on two cores; a campaign takes from minutes at d = 20
to days at the papers' size.
"""

from __future__ import annotations

import argparse
import platform
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sympy
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import hermite_eq
from hermite_eq.errors import HypothesisError
from verify import coefficients, data_mixing, equivalence, figures, learning_curve, pre_activations, report, transformers, two_sources
from verify.campaigns import command, joint
from verify.check import Check, Verdict
from verify.command_line import command_line
from verify.profile import FULL, QUICK, Profile
from verify.workers import interrupted_once, workers

#: Columns of the verdict table where the output is no terminal.
_WIDTH = 180
#: Arguments of the smallest run.
SMALLEST = ("rt-fig1a", "--d", "26", "--runs", "1", "--workers", "1")


def run(profile: Profile, folder: Path, console: Console) -> int:
    """Measure, judge, sabotage, report; the exit status says whether every claim agreed and every defect was caught."""
    start = time.perf_counter()
    tasks = {target: hermite_eq.Task(target, transformers.NOISE) for target in transformers.TARGETS}
    steps = 1 + pre_activations.steps(profile, len(tasks)) + len(tasks) * sum(profile.runs) + two_sources.steps(profile)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        job = progress.add_task("", total=steps)

        def stage(text: str) -> None:
            progress.update(job, description=text)
            if not console.is_terminal:
                console.print(f"{time.perf_counter() - start:6.1f} s  {text}")

        def advance() -> None:
            progress.advance(job)

        stage("coefficients")
        features = coefficients.measure(transformers.HEADS, tasks[transformers.TARGETS[0]], profile)
        advance()
        with workers() as pool:
            stage("laws of the pre-activations")
            laws = pre_activations.measure(tasks, profile, pool, advance)
            stage("Transformers")
            ladders = transformers.measure(profile, pool, advance)
            stage("several sources, gradient steps")
            mixture = two_sources.measure(profile, pool, advance)
        stage("theory and verdicts")
        predictions = {head: coefficients.Values.of(head) for head in transformers.HEADS}
        checks: list[Check] = coefficients.judge(features, predictions)
        for name, task in tasks.items():
            checks += pre_activations.judge(task, laws[name])
        for target, ladder in ladders.items():
            checks += equivalence.judge(target, ladder, profile, laws[target].scales)
        for target, ladder in ladders.items():
            checks += learning_curve.judge(target, ladder, profile)
        checks += data_mixing.judge(mixture)
        checks.sort(key=lambda check: [coefficients.CLAIM, pre_activations.LEMMA, pre_activations.COROLLARY, equivalence.CLAIM,
                                       learning_curve.CLAIM, *data_mixing.CLAIMS].index(check.claim))
        power = [*coefficients.sabotaged(features, predictions), *pre_activations.sabotaged(tasks, laws),
                 *equivalence.sabotaged(ladders), *learning_curve.sabotaged(ladders, profile), *data_mixing.sabotaged(mixture)]
        stage("figures")
        pictures = [
            (figures.learning_curves(ladders, folder / "learning_curves"),
             "ICL error against n/d²: theory (lines) beside simulated Transformers (dots, one standard error) and their "
             "equivalents (hollow)."),
            (figures.equivalence_gaps(ladders, profile.taus, folder / "equivalence_gaps"),
             "Theorem 3: relative gap between a Transformer and its equivalent of degree r, on common draws, and its theory, ∝ 1/d."),
            (figures.gaussianity(laws, folder / "gaussianity"), "Lemma 1 and Corollary 2: what is not Gaussian vanishes as 1/d."),
            (figures.data_mixing(mixture, folder / "data_mixing"),
             "An isotropic source and one with a task spike of d²: ICL errors, and what a gradient step changes; theory (lines) beside "
             "simulation (dots, one standard error)."),
        ]
    report.print_table(checks, console)
    missed = [item for item in power if not item["caught"]]
    console.print(f"{report.summary(checks)}.")
    console.print(f"Deliberately wrong theories: {len(power) - len(missed)} of {len(power)} caught on the same data.")
    for item in missed:
        console.print(f"[red]not caught:[/] {item['claim']}: {item['defect']}")
    manifest = _manifest(profile, time.perf_counter() - start)
    report.write_json(folder / "verify.json", checks, power, [*_curves(ladders), *two_sources.numbers(mixture)], manifest)
    tex = {f"{head} head, r = 2": hermite_eq.equivalent_model(head, 2).latex() for head in transformers.HEADS}
    tex |= {f"covariance, target {name}": hermite_eq.covariance(task).latex() for name, task in tasks.items()}
    report.write_html(folder / "report.html", checks, power, tex, pictures, manifest)
    console.print(f"{manifest['seconds']} s; figures, verify.json and report.html in {folder}/")
    return 1 if missed or any(check.verdict == Verdict.DISAGREES for check in checks) else 0


def _manifest(profile: Profile, seconds: float) -> dict[str, Any]:
    return {
        "profile": profile.name, "seed": profile.seed, "ladder": list(profile.ladder), "runs": list(profile.runs),
        "mixing_ladder": list(profile.mixing_ladder), "mixing_runs": list(profile.mixing_runs), "gradient_runs": profile.gradient_runs,
        "sources": {name: asdict(mixing) for name, mixing in two_sources.SETTINGS.items()},
        "ratios": transformers.RATIOS, "noise": transformers.NOISE, "ridge": transformers.RIDGE, "hermite_eq": hermite_eq.__version__,
        "python": platform.python_version(), "numpy": np.__version__, "scipy": scipy.__version__, "sympy": sympy.__version__,
        "seconds": round(seconds, 1),
    }


def _curves(ladders: dict[str, transformers.Ladder]) -> list[dict[str, Any]]:
    return [
        {"target": target, "model": model, "d": d, "n": list(curve.values), "fallbacks": list(curve.fallbacks),
         **{error: {"mean": getattr(curve, error).mean.tolist(), "stderr": getattr(curve, error).stderr.tolist()}
            for error in learning_curve.ERRORS}}
        for target, ladder in ladders.items() for d, curves in ladder.curves.items() for model, curve in curves.items()
    ]


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    parser = command_line("verify", __doc__, SMALLEST)
    parser.add_argument("campaigns", nargs="*", metavar="campaign", help="a campaign, as rt-fig1a; without one the main job")
    parser.add_argument("--list", action="store_true", help="show the campaigns")
    parser.add_argument("--full", action="store_true", help="the main job at the paper's size, then all campaigns (days)")
    parser.add_argument("--report", action="store_true", help="only report on all stored campaigns together (after --full by itself)")
    parser.add_argument("--documents", type=Path, help="with the report, write campaigns.md and its pictures into this folder")
    parser.add_argument("--output", type=Path, default=Path("results"), help="folder for results (default: results)")
    group = parser.add_argument_group("campaigns", "Whatever is stored is not computed again. By default the paper's d and number of runs.")
    group.add_argument("--runs", type=int, help="independent runs")
    group.add_argument("--d", type=int, help="dimension")
    group.add_argument("--seed", type=int)
    group.add_argument("--resume", action="store_true", help="continue what was begun, with its parameters (--d where several are stored)")
    group.add_argument("--shard", metavar="i/n", help="compute every n-th run from the i-th, as in a job array")
    group.add_argument("--workers", type=int, help="processes (default: one for each core)")
    group.add_argument("--memory", help=f"budget for one run (default: {command.MEMORY})")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and run; a violated hypothesis is printed and gives exit status 2."""
    arguments = parser().parse_args(argv)
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    if arguments.list:
        console.print(command.listing())
        console.print(command.checks())
        return 0
    status = 0
    try:
        with interrupted_once():
            if not arguments.campaigns and not arguments.report:
                status = run(FULL if arguments.full else QUICK, arguments.output / "verify", console)
            if arguments.campaigns or arguments.full:
                status = max(status, command.run(arguments.campaigns or list(command.EVERY), arguments, console))
            if arguments.report or arguments.full:
                joint.write(command.root(arguments.output), arguments.documents, console)
    except HypothesisError as error:
        print(f"python -m verify: {error}", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
