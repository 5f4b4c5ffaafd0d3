r"""[DM] Lemma 4.11: of the gradient at the start, :math:`G=uv^\top+\Delta`, the rest vanishes beside the rank-one part."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from concurrent.futures import Executor, as_completed
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import OneStepTransformer, Task
from hermite_eq.simulate.decomposition import gradient_step
from verify.claims import defects
from verify.claims.check import Check, claimed, rate_of_runs
from verify.main_job.profile import Profile
from verify.main_job.two_sources import INPUTS, SPIKED

Array = NDArray[np.float64]

CLAIM = "[DM] Lemma 4.11"
#: Of ‖Δ‖/‖uvᵀ‖ under a task spike, in the conventions of [DM] (``derivations/features/gradient_step.py``).
ORDER = -0.5
#: The data whose gradients are taken apart.
DATA = {family.structure: family for family in (SPIKED[0], INPUTS[0])}
#: ‖Δ‖/‖uvᵀ‖ of each run, by the structure of the second source and d.
Ratios = Mapping[tuple[str, int], Array]


def ratios(structure: str, d: int, seed: np.random.SeedSequence, runs: int) -> Array:
    """‖Δ‖/‖uvᵀ‖ run by run, with h normalised."""
    there = DATA[structure].at("step", 1.0, d)
    model = there.models["relu"]
    assert isinstance(model, OneStepTransformer)
    assert isinstance(there.task, Task)
    with warnings.catch_warnings():
        # η = d² is what is looked at.
        warnings.simplefilter("ignore", HypothesisWarning)
        step = gradient_step(model, there.task, there.sizes, runs=runs, rng=seed)
    return np.asarray(step.remainder_runs / step.rank_one_runs)


def measure(profile: Profile, pool: Executor, advance: Callable[[], None]) -> Ratios:
    """Gradients under both structures over the ladder of d, on common draws."""
    seeds = {d: np.random.SeedSequence(profile.seed, spawn_key=(6, level)) for level, d in enumerate(profile.mixing_ladder)}
    jobs = {
        (structure, d): pool.submit(ratios, structure, d, seed, profile.gradient_runs) for d, seed in seeds.items() for structure in DATA
    }
    for _ in as_completed(jobs.values()):
        advance()
    return {key: job.result() for key, job in jobs.items()}


def steps(profile: Profile) -> int:
    """How often :func:`measure` calls ``advance``."""
    return len(DATA) * len(profile.mixing_ladder)


def judge(measured: Ratios, structure: str = "task spike") -> list[Check]:
    """The ratio of the norms vanishes at the derived rate."""
    ladder = [(d, runs) for (name, d), runs in measured.items() if name == structure]
    return claimed(CLAIM, [rate_of_runs(f"{structure}: ‖Δ‖/‖uvᵀ‖ → 0 as d^{ORDER:g}", ladder, order=ORDER)])


def negative_controls(measured: Ratios) -> list[dict[str, Any]]:
    """The rate supposed of spiked inputs must be refused."""
    return [defects.outcome(CLAIM, "two sources: supposed of spiked inputs", judge(measured, "input spike"))]
