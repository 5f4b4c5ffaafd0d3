"""The main job: measure, judge, hold wrong theories against the same data, and report."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, as_completed
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

import hermite_eq
from verify.campaigns.campaign import Campaign
from verify.campaigns.curves import Results, results
from verify.campaigns.heads import HEADS, NOISE, RIDGE
from verify.claims.agreement import THEORY
from verify.claims.check import Check, Verdict
from verify.main_job import coefficients, figures, gradient, pre_activations, transformers, two_sources
from verify.main_job.profile import Profile
from verify.report import document, page, verdicts
from verify.report.figures import figure
from verify.report.sections import plain
from verify.store.files import write_text
from verify.store.run import Origin, simulate_run
from verify.store.workers import workers

#: What is asked, in the report's first sentence.
ASKED = (
    "It is asked whether coefficients, laws of the pre-activations, equivalent models and errors, of one source and of two and after "
    "a gradient step, are what the theory says, on freshly simulated data."
)
#: Bytes for the arrays of one run.
_MEMORY = 4 * 10**9


def measure(planned: Sequence[Campaign], pool: Executor, advance: Callable[[], None]) -> list[Results]:
    """Simulate a campaign at several d, the largest first, so that no process is left alone with it; one step for each run."""
    ordered = sorted(planned, key=lambda campaign: -campaign.d)
    jobs = {
        (pending.d, run): pool.submit(simulate_run, pending, pending.d, pending.seed, _MEMORY, run)
        for pending in ordered
        for run in range(pending.runs)
    }
    for _ in as_completed(jobs.values()):
        advance()
    return [results(pending, pending.d, [jobs[pending.d, run].result() for run in range(pending.runs)]) for pending in ordered]


def run(profile: Profile, folder: Path, console: Console) -> int:
    """Measure, judge, hold against wrong theories, report; the exit status says whether every claim agreed and every defect was caught."""
    start = time.perf_counter()
    tasks = {target: hermite_eq.Task(target, NOISE) for target in transformers.TARGETS}
    steps = 1 + pre_activations.steps(profile, len(tasks)) + sum(profile.runs) + sum(profile.mixing_runs) + gradient.steps(profile)
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
            ladder = measure([transformers.campaign(profile, d) for d in profile.ladder], pool, advance)
            stage("two sources, gradient steps")
            mixture = measure([two_sources.campaign(profile, d) for d in profile.mixing_ladder], pool, advance)
            gradients = gradient.measure(profile, pool, advance)
        stage("theory and verdicts")
        predictions = {head: coefficients.Values.of(head) for head in HEADS}
        checks: list[Check] = coefficients.judge(features, predictions)
        for name, task in tasks.items():
            checks += pre_activations.judge(task, laws[name])
        checks += [*transformers.judge(profile, ladder), *two_sources.judge(mixture), *gradient.judge(gradients)]
        checks.sort(
            key=lambda check: [
                coefficients.CLAIM,
                pre_activations.LEMMA,
                pre_activations.COROLLARY,
                transformers.CLAIM,
                THEORY,
                *two_sources.CLAIMS,
                gradient.CLAIM,
            ].index(check.claim)
        )
        power: list[dict[str, Any]] = [
            *coefficients.negative_controls(features, predictions),
            *pre_activations.negative_controls(tasks, laws),
            *transformers.negative_controls(ladder),
            *two_sources.negative_controls(mixture),
            *gradient.negative_controls(gradients),
        ]
        stage("figures")
        pictures = [
            (
                figure(transformers.campaign(profile, ladder[0].d), ladder[0], folder / "learning_curves"),
                "Errors against n/d²: theory (lines) beside simulated Transformers (one standard error), "
                "and equivalents beside their head.",
            ),
            (
                figures.equivalence_gaps(ladder, folder / "equivalence_gaps"),
                "Theorem 3: relative gap between a Transformer and its equivalent of degree r, on common draws, and its theory, ∝ 1/d.",
            ),
            (figures.gaussianity(laws, folder / "gaussianity"), "Lemma 1 and Corollary 2: what is not Gaussian vanishes as 1/d."),
            (
                figure(two_sources.campaign(profile, mixture[0].d), mixture[0], folder / "two_sources"),
                "An isotropic source and one with spiked tasks, spiked inputs or noise: errors in the test and on each source, and what a "
                "gradient step changes; theory (lines) beside simulation (one standard error).",
            ),
        ]
    verdicts.print_table(checks, console)
    missed = [item for item in power if not item["caught"]]
    lines = verdicts.summary(ASKED, [(check.claim, check) for check in checks], power)
    for sentence in (*lines, *(f"Not caught: {item['claim']}: {item['defect']}." for item in missed)):
        console.print(sentence)
    manifest = _manifest(profile, time.perf_counter() - start)
    curves = [row for held in (ladder, mixture) for results in held for row in plain(results, theory=results is held[0])]
    verdicts.write_json(folder / "verify.json", checks, power, curves, manifest)
    tex = {f"{head} head, r = 2": hermite_eq.equivalent_model(head, 2).latex() for head in HEADS}
    tex |= {f"covariance, target {name}": hermite_eq.covariance(task).latex() for name, task in tasks.items()}
    tables = {
        "Verdicts": verdicts.table(checks, "subject"),
        "Theories that are wrong on purpose, held against the same measurements": page.Table(
            ("defect", "claim", "rows that reject it"),
            [(item["defect"], item["claim"], f"{item['caught']} of {item['checks']}") for item in power],
            (2,),
        ),
        "This run": page.Table(("", ""), [(str(key), str(value)) for key, value in manifest.items()]),
    }
    body = document.body(
        lines,
        [page.figure(file, caption) for file, caption in pictures],
        [f"<h3>{name}</h3>{table.html()}" for name, table in tables.items()],
        tex,
    )
    write_text(folder / "report.html", page.page("hermite_eq: verification report", body))
    console.print(f"{manifest['seconds']} s; figures, verify.json and report.html in {folder}/")
    return 1 if missed or any(check.verdict == Verdict.DISAGREES for check in checks) else 0


def _manifest(profile: Profile, seconds: float) -> dict[str, Any]:
    return {
        "profile": profile.name,
        "seed": profile.seed,
        "ladder": list(profile.ladder),
        "runs": list(profile.runs),
        "mixing_ladder": list(profile.mixing_ladder),
        "mixing_runs": list(profile.mixing_runs),
        "gradient_runs": profile.gradient_runs,
        "ratios": asdict(transformers.RATIOS),
        "noise": NOISE,
        "ridge": RIDGE,
        **asdict(Origin.here(seconds)),
    }
