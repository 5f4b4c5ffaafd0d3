"""The main job: measure, judge, hold wrong theories against the same data, and report."""

from __future__ import annotations

import platform
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sympy
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import hermite_eq
from verify.campaigns.heads import HEADS, NOISE, RIDGE
from verify.claims.check import Check, Verdict
from verify.main_job import coefficients, data_mixing, equivalence, figures, learning_curve, pre_activations, transformers, two_sources
from verify.main_job.profile import Profile
from verify.report import document, page, verdicts
from verify.store.files import write_text
from verify.store.workers import workers

#: What is asked, in the report's first sentence.
ASKED = ("It is asked whether coefficients, laws of the pre-activations, equivalent models and errors, of one source and of two and after "
         "a gradient step, are what the theory says, on freshly simulated data.")


def run(profile: Profile, folder: Path, console: Console) -> int:
    """Measure, judge, hold against wrong theories, report; the exit status says whether every claim agreed and every defect was caught."""
    start = time.perf_counter()
    tasks = {target: hermite_eq.Task(target, NOISE) for target in transformers.TARGETS}
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
        features = coefficients.measure(HEADS, tasks[transformers.TARGETS[0]], profile)
        advance()
        with workers() as pool:
            stage("laws of the pre-activations")
            laws = pre_activations.measure(tasks, profile, pool, advance)
            stage("Transformers")
            ladders = transformers.measure(profile, pool, advance)
            stage("several sources, gradient steps")
            mixture = two_sources.measure(profile, pool, advance)
        stage("theory and verdicts")
        predictions = {head: coefficients.Values.of(head) for head in HEADS}
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
        power: list[dict[str, Any]] = [
            *coefficients.negative_controls(features, predictions), *pre_activations.negative_controls(tasks, laws),
            *equivalence.negative_controls(ladders), *learning_curve.negative_controls(ladders, profile),
            *data_mixing.negative_controls(mixture),
        ]
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
    verdicts.print_table(checks, console)
    missed = [item for item in power if not item["caught"]]
    said = verdicts.summary(ASKED, [(check.claim, check) for check in checks], power)
    for sentence in (*said, *(f"Not caught: {item['claim']}: {item['defect']}." for item in missed)):
        console.print(sentence)
    manifest = _manifest(profile, time.perf_counter() - start)
    verdicts.write_json(folder / "verify.json", checks, power, [*_curves(ladders), *two_sources.numbers(mixture)], manifest)
    tex = {f"{head} head, r = 2": hermite_eq.equivalent_model(head, 2).latex() for head in HEADS}
    tex |= {f"covariance, target {name}": hermite_eq.covariance(task).latex() for name, task in tasks.items()}
    tables = {
        "Verdicts": verdicts.table(checks, "subject"),
        "Theories that are wrong on purpose, held against the same measurements":
            page.Table(("defect", "claim", "rows that reject it"),
                       [(item["defect"], item["claim"], f"{item['caught']} of {item['checks']}") for item in power], (2,)),
        "This run": page.Table(("", ""), [(str(key), str(value)) for key, value in manifest.items()]),
    }
    body = document.body(said, [page.figure(file, caption) for file, caption in pictures],
                         [f"<h3>{name}</h3>{table.html()}" for name, table in tables.items()], tex)
    write_text(folder / "report.html", page.page("hermite_eq: verification report", body))
    console.print(f"{manifest['seconds']} s; figures, verify.json and report.html in {folder}/")
    return 1 if missed or any(check.verdict == Verdict.DISAGREES for check in checks) else 0


def _manifest(profile: Profile, seconds: float) -> dict[str, Any]:
    return {
        "profile": profile.name, "seed": profile.seed, "ladder": list(profile.ladder), "runs": list(profile.runs),
        "mixing_ladder": list(profile.mixing_ladder), "mixing_runs": list(profile.mixing_runs), "gradient_runs": profile.gradient_runs,
        "sources": {name: asdict(mixing) for name, mixing in two_sources.SETTINGS.items()},
        "ratios": transformers.RATIOS, "noise": NOISE, "ridge": RIDGE, "hermite_eq": hermite_eq.__version__,
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
