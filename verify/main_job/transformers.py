"""The finite-d Transformers of the main job: every head, its equivalents and the linear baselines, on common draws."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

import hermite_eq
from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Sizes, Task, TrainedModel
from hermite_eq.simulate import SimulatedCurve
from hermite_eq.theory import icl_curve
from hermite_eq.theory.error import TheoryCurve
from verify.campaigns.heads import HEADS, NOISE, RIDGE, distinct_degrees, equivalent
from verify.main_job.profile import Profile

#: [RT] Fig. 1: ℓ = d, k = d/2, m = d².
RATIOS = {"alpha": 1.0, "kappa": 0.5, "mu": 1.0}
TARGETS = ("relu", "tanh")


def without_residual(head: str) -> RandomTransformer:
    """The degree-1 equivalent with c_1* forgotten, a wrong theorem."""
    model = hermite_eq.equivalent_model(head, 1)
    return RandomTransformer(replace(model, source=f"{head} without residual", residual=0), RIDGE, normalise=True)


def models(*, largest: bool) -> list[Model]:
    """What is simulated for each target; the equivalents with normalised input only below the largest d, where they suffice."""
    listed: list[Model] = [LinearTransformer(RIDGE), LinearTransformer(RIDGE, intercept=True)]
    for head in HEADS:
        listed += [RandomTransformer(head, RIDGE), RandomTransformer(head, RIDGE, normalise=True)]
        listed += [equivalent(head, r) for r in distinct_degrees(head)]
        if not largest:
            listed += [equivalent(head, 1, normalise=True), without_residual(head)]
    return listed


@dataclass(frozen=True)
class Ladder:
    """The curves of one target: ``curves[d][str(model)]``."""

    task: Task
    curves: Mapping[int, Mapping[str, SimulatedCurve]]

    @property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(self.curves)

    def at(self, model: Model) -> dict[int, SimulatedCurve]:
        """The curves of one model by d, wherever it was simulated."""
        return {d: curves[str(model)] for d, curves in self.curves.items() if str(model) in curves}


@cache
def theory(model: TrainedModel, task: Task, sizes: tuple[Sizes, ...]) -> TheoryCurve:
    """The predictions at these sizes, computed once for verdicts, wrong theories and figures."""
    return icl_curve(model, task, sizes)


def one_run(target: str, d: int, taus: tuple[float, ...], largest: bool, seed: np.random.SeedSequence, run: int) -> tuple[
    SimulatedCurve, ...
]:
    """Run number ``run`` of all models; a function of its arguments alone, computed by any process."""
    samples = [Sizes.from_ratios(d, tau=tau, **RATIOS).samples for tau in taus]
    sizes = Sizes.from_ratios(d, tau=max(taus), **RATIOS)
    with warnings.catch_warnings():
        # That a degree is too high for this d is among the verdicts.
        warnings.simplefilter("ignore", HypothesisWarning)
        return simulate.icl_curve(models(largest=largest), Task(target, NOISE), sizes, samples=samples, runs=range(run, run + 1), rng=seed)


def measure(profile: Profile, pool: Executor, advance: Callable[[], None]) -> dict[str, Ladder]:
    """Simulate :func:`models` for every target over the ladder of d; one step of ``advance`` for each run."""
    jobs = {}
    # The largest first, so that no process is left alone with it in the end.
    for level, (d, runs) in reversed(list(enumerate(zip(profile.ladder, profile.runs, strict=True)))):
        for key, target in enumerate(TARGETS):
            for run in range(runs):
                seed = np.random.SeedSequence(profile.seed, spawn_key=(3, key, level))
                largest = d == max(profile.ladder)
                jobs[target, d, run] = pool.submit(one_run, target, d, profile.taus, largest, seed, run)
    for _ in as_completed(jobs.values()):
        advance()
    ladders = {}
    for target in TARGETS:
        curves = {}
        for d, runs in zip(profile.ladder, profile.runs, strict=True):
            listed = models(largest=d == max(profile.ladder))
            each = zip(*(jobs[target, d, run].result() for run in range(runs)), strict=True)
            curves[d] = {str(model): simulate.join(parts) for model, parts in zip(listed, each, strict=True)}
        ladders[target] = Ladder(Task(target, NOISE), curves)
    return ladders
