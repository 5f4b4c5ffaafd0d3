"""The finite-d Transformers of [DM]: two sources of data, heads with and without a gradient step, on common draws.

The first source is isotropic; the second has one direction of its tasks with variance 1 + d², or one of its inputs
(:class:`verify.campaigns.mixing.Mixing`, in the conventions of [DM]). Settings have the same seeds, so that they can be compared run by
run.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Executor, as_completed
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import OneStepTransformer, rt_ridge
from hermite_eq.simulate import SimulatedCurve, SimulatedError
from hermite_eq.simulate.decomposition import gradient_step
from verify.campaigns.mixing import Mixing
from verify.main_job.profile import Profile

Array = NDArray[np.float64]

#: What all settings start from: π = (1/4, 3/4), n = d², m = d²/2.
BASE = Mixing(spiked=0.75, task_spike=1.0, noises=(0.01, 0.01), ridge=5e-3, samples=1.0)
SPIKED, NOISY, INPUTS = "task spike", "task spike, noisy", "input spike"
SETTINGS: dict[str, Mixing] = {
    SPIKED: BASE,
    # Δ₁ = 1, and a tenth in the others.
    NOISY: replace(BASE, noises=(0.01, 1.0)),
    INPUTS: replace(BASE, task_spike=0.0, input_spike=1.0),
}
#: η/d².
STEPS = (0.0, 1.0)
#: Whether h is normalised, and how a head is called then.
HEADS = {True: "relu head, h normalised", False: "relu head"}
#: Runs that one process computes at a time.
_CHUNK = 20


def heads(setting: str, d: int) -> dict[tuple[bool, float], OneStepTransformer]:
    """The heads trained on a setting, by whether they normalise h and by η/d²; no step is of interest under noise."""
    ridge = rt_ridge(BASE.ridge, d, BASE.sizes(d).hidden)
    steps = STEPS[:1] if setting == NOISY else STEPS
    return {(normalise, step): OneStepTransformer("relu", step * d**2, ridge, normalise=normalise) for normalise in HEADS for step in steps}


@dataclass(frozen=True)
class Mixture:
    """What was measured.

    Attributes
    ----------
    errors : mapping
        By setting and d, then by whether h is normalised and η/d².
    gradients : mapping
        :math:`\\|\\Delta\\|/\\|uv^\\top\\|` of each run, by setting and d.
    """

    errors: Mapping[tuple[str, int], Mapping[tuple[bool, float], SimulatedError]]
    gradients: Mapping[tuple[str, int], Array]

    @property
    def dimensions(self) -> tuple[int, ...]:
        return tuple(d for setting, d in self.errors if setting == SPIKED)


def one_part(setting: str, d: int, seed: np.random.SeedSequence, runs: range) -> tuple[SimulatedCurve, ...]:
    """These runs of all heads of a setting; a function of its arguments alone, computed by any process."""
    mixing = SETTINGS[setting]
    sizes = mixing.sizes(d)
    with warnings.catch_warnings():
        # η = d², and the traces of the two task covariances differ: both are what is looked at.
        warnings.simplefilter("ignore", HypothesisWarning)
        return simulate.icl_curve(list(heads(setting, d).values()), mixing.task(d), sizes, samples=[sizes.samples], runs=runs, rng=seed)


def one_gradient(setting: str, d: int, seed: np.random.SeedSequence, runs: int) -> Array:
    """‖Δ‖/‖uvᵀ‖ of the gradient at the start, run by run."""
    mixing = SETTINGS[setting]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        found = gradient_step(heads(SPIKED, d)[True, STEPS[-1]], mixing.task(d), mixing.sizes(d), runs=runs, rng=seed)
    return np.asarray(found.remainder_runs / found.rank_one_runs)


def _parts(profile: Profile) -> Iterator[tuple[str, int, int, range]]:
    """Setting, level and d, runs, the largest d first."""
    for level, (d, runs) in reversed(list(enumerate(zip(profile.mixing_ladder, profile.mixing_runs, strict=True)))):
        for setting in SETTINGS:
            for first in range(0, runs, _CHUNK):
                yield setting, level, d, range(first, min(first + _CHUNK, runs))


def steps(profile: Profile) -> int:
    """How often :func:`measure` calls ``advance``."""
    return len(list(_parts(profile))) + 2 * len(profile.mixing_ladder)


def measure(profile: Profile, pool: Executor, advance: Callable[[], None]) -> Mixture:
    """Simulate every setting over the ladder of d; settings have the same seeds, and so common draws."""
    jobs: dict[Any, Any] = {}
    for setting, level, d, runs in _parts(profile):
        seed = np.random.SeedSequence(profile.seed, spawn_key=(5, level))
        jobs[setting, d, runs] = pool.submit(one_part, setting, d, seed, runs)
    for level, d in enumerate(profile.mixing_ladder):
        for setting in (SPIKED, INPUTS):
            seed = np.random.SeedSequence(profile.seed, spawn_key=(6, level))
            jobs[setting, d] = pool.submit(one_gradient, setting, d, seed, profile.gradient_runs)
    for _ in as_completed(jobs.values()):
        advance()
    errors = {}
    for d in profile.mixing_ladder:
        for setting in SETTINGS:
            parts = [jobs[name, size, runs].result() for name, _, size, runs in _parts(profile) if (name, size) == (setting, d)]
            errors[setting, d] = {
                key: simulate.join(columns).points[0] for key, columns in zip(heads(setting, d), zip(*parts, strict=True), strict=True)
            }
    return Mixture(errors, {(setting, d): jobs[setting, d].result() for d in profile.mixing_ladder for setting in (SPIKED, INPUTS)})


def runs_by_source(error: SimulatedError) -> dict[str, Array]:
    """The error on the test mixture and on each source, run by run."""
    by_source = np.asarray(error.source_runs)
    return {"test mixture": error.icl_runs} | {f"source {s}": by_source[:, s] for s in range(by_source.shape[1])}


def gains(measured: Mixture, setting: str, d: int, normalise: bool) -> Array:
    """What the step adds to the error of the test mixture, run by run."""
    with_step, without = (measured.errors[setting, d][normalise, step] for step in reversed(STEPS))
    return with_step.minus(without).icl_runs


def numbers(measured: Mixture) -> list[dict[str, Any]]:
    """All simulated errors as plain data."""
    return [
        {"sources": setting, "model": HEADS[normalise], "step": step, "d": d, "runs": len(error.icl_runs),
         **{where: {"mean": float(runs.mean()), "stderr": float(runs.std(ddof=1) / np.sqrt(len(runs)))}
            for where, runs in runs_by_source(error).items()}}
        for (setting, d), each in measured.errors.items() for (normalise, step), error in each.items()
    ]
