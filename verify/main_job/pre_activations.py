"""[RT] Lemma 1 and Corollary 2: the law of the pre-activations Fᵀh and of (Fᵀh, ξᵀx)."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.simulate import MonteCarlo, context_law, preactivations
from verify.claims.check import Check, by_rate, by_z, claimed
from verify.claims.defects import outcome
from verify.main_job.profile import Profile

LEMMA = "Lemma 1"
COROLLARY = "Corollary 2"
#: Hidden units whose joint law with ξᵀx is looked at.
UNITS = 3
#: Hidden units over which the cross-covariance with ξᵀx is averaged.
CROSS_UNITS = 24
#: Draws of (ξ, F) over which the joint kurtosis is averaged.
DRAWS = 20

Array = NDArray[np.float64]


@dataclass(frozen=True)
class LawMoments:
    """What was measured for one target."""

    ladder: tuple[int, ...]
    #: For each d E‖h‖², the excess kurtosis of (Fᵀh)_i (relative to 3), and the excess Mardia kurtosis of (Fᵀh, ξᵀx) given (ξ, F).
    norm: tuple[MonteCarlo, ...]
    kurtosis: tuple[MonteCarlo, ...]
    joint: tuple[MonteCarlo, ...]
    #: One (ξ, F), and the second moments of (Fᵀh, ξᵀx) given them, shape (CROSS_UNITS + 1, CROSS_UNITS + 1).
    xi: Array
    layer: Array
    second: Array
    second_stderr: Array
    #: The mean of ξᵀx · pᵀFᵀh/‖p‖² for the predicted cross-covariance p, which is 1.
    cross: MonteCarlo


def _sample(task: hermite_eq.Task, d: int, units: int, count: int, rng: np.random.Generator) -> tuple[Array, Array, Array]:
    """ξ, F, and samples of (Fᵀh, ξᵀx) given them, shape (count, units + 1)."""
    xi = rng.standard_normal(d)
    layer = rng.standard_normal((d * (d + 1), units)) / math.sqrt(hermite_eq.covariance(task).trace(d, d))
    drawn = preactivations(task, _sizes(d), units=units, count=count, rng=rng, xi=xi, F=layer)
    return xi, layer, np.column_stack([drawn.z, drawn.signal])


def _sizes(d: int) -> hermite_eq.Sizes:
    return hermite_eq.Sizes(d, d, math.inf, 1)


def _norms(task: hermite_eq.Task, d: int, count: int, seed: np.random.SeedSequence) -> Array:
    """‖h‖² = ‖x‖²‖b‖² of contexts with fresh tasks, in blocks of bounded memory."""
    blocks = []
    for child in seed.spawn(max(1, count // 20_000)):
        draw_seed, task_seed = child.spawn(2)
        law = context_law(task, _sizes(d))
        size = min(count, 20_000)
        drawn = law.draw(law.tasks(size, np.random.default_rng(task_seed)), np.arange(size), draw_seed)
        blocks.append(np.einsum("ni,ni->n", drawn.x, drawn.x) * np.einsum("ni,ni->n", drawn.b, drawn.b))
    return np.concatenate(blocks)


def _moments_at(task: hermite_eq.Task, d: int, count: int, seed: np.random.SeedSequence) -> tuple[MonteCarlo, MonteCarlo, MonteCarlo]:
    """E‖h‖², the excess kurtosis of (Fᵀh)_i, and that of (Fᵀh, ξᵀx) given (ξ, F), at one d."""
    covariance = hermite_eq.covariance(task)
    norm_seed, *draw_seeds = seed.spawn(1 + DRAWS)
    square = _norms(task, d, count, norm_seed)
    excess = []
    for draw_seed in draw_seeds:
        xi, layer, sample = _sample(task, d, UNITS, count // DRAWS, np.random.default_rng(draw_seed))
        exact = covariance.given(xi, context=d).matrix(layer)
        distance = np.einsum("ni,ni->n", sample, np.linalg.solve(exact, sample.T).T)
        # E (wᵀ Σ⁻¹ w)² = p(p + 2) for a Gaussian vector of length p with covariance Σ (Mardia).
        excess.append(float(np.mean(distance**2)) / ((UNITS + 1) * (UNITS + 3)) - 1)
    # Given h, (Fᵀh)_i ~ N(0, ‖h‖²/t): its fourth moment over F is 3(‖h‖²/t)².
    kurtosis, joint = (square / covariance.trace(d, d)) ** 2 - 1, np.array(excess)
    return MonteCarlo.from_runs(square), MonteCarlo.from_runs(kurtosis), MonteCarlo.from_runs(joint)


def _second_moments(
    task: hermite_eq.Task, d: int, count: int, seed: np.random.SeedSequence
) -> tuple[Array, Array, Array, Array, MonteCarlo]:
    """ξ, F, the second moments of (Fᵀh, ξᵀx) given them with standard errors, and the strength of the cross-covariance."""
    xi, layer, sample = _sample(task, d, CROSS_UNITS, count, np.random.default_rng(seed))
    second = sample.T @ sample / count
    fourth = (sample**2).T @ sample**2 / count
    p = hermite_eq.covariance(task).given(xi, context=d).cross(layer)
    cross = MonteCarlo.from_runs(sample[:, -1] * (sample[:, :-1] @ p) / (p @ p))
    return xi, layer, second, np.sqrt((fourth - second**2) / count), cross


def measure(tasks: Mapping[str, hermite_eq.Task], profile: Profile, pool: Executor, advance: Callable[[], None]) -> dict[str, LawMoments]:
    """Simulate the moments of every target; one step of ``advance`` for each job."""
    jobs: dict[str, list[Future[Any]]] = {}
    for key, (name, task) in enumerate(tasks.items()):
        seeds = [np.random.SeedSequence(profile.seed, spawn_key=(1, level, key)) for level in range(len(profile.law_ladder))]
        jobs[name] = [
            pool.submit(_moments_at, task, d, profile.law_contexts, seed) for d, seed in zip(profile.law_ladder, seeds, strict=True)
        ]
        jobs[name].append(
            pool.submit(
                _second_moments,
                task,
                profile.covariance_d,
                profile.covariance_contexts,
                np.random.SeedSequence(profile.seed, spawn_key=(2, key)),
            )
        )
    for _ in as_completed(itertools.chain(*jobs.values())):
        advance()
    laws = {}
    for name, submitted in jobs.items():
        *at, moments = (job.result() for job in submitted)
        norm, kurtosis, joint = zip(*at, strict=True)
        laws[name] = LawMoments(profile.law_ladder, norm, kurtosis, joint, *moments)
    return laws


def steps(profile: Profile, targets: int) -> int:
    """How often :func:`measure` calls ``advance``."""
    return targets * (len(profile.law_ladder) + 1)


def judge(task: hermite_eq.Task, measured: LawMoments, *, trace_factor: float = 1.0, cross_factor: float = 1.0) -> list[Check]:
    """The trace t, Gaussianity at rate 1/d, and the exact covariance; the factors make its predictions wrong on purpose."""
    covariance = hermite_eq.covariance(task)
    d = measured.ladder[-1]
    name = f"target {task.target}"

    def vanishes(what: str, values: Sequence[MonteCarlo]) -> Check:
        gaps, stderrs = zip(*((mean.mean, mean.stderr) for mean in values), strict=True)
        return by_rate(f"{name}: {what} as 1/d", measured.ladder, gaps, stderrs, order=-1)

    norm, cross = measured.norm[-1], measured.cross
    lemma = [
        by_z(f"{name}: E‖h‖² = t at d = {d}", trace_factor * covariance.trace(d, d), norm.mean, norm.stderr),
        vanishes("excess kurtosis of (Fᵀh)_i → 0", measured.kurtosis),
    ]
    predicted = covariance.given(measured.xi, context=measured.xi.size).matrix(measured.layer)
    predicted[:-1, -1] *= cross_factor
    shown = [*range(UNITS), CROSS_UNITS]
    labels = {i: f"f_{i + 1}ᵀh" if i < CROSS_UNITS else "ξᵀx" for i in shown}
    corollary = [
        by_z(
            f"{name}: Cov({labels[i]}, {labels[j]}) at d = {measured.xi.size}",
            float(predicted[i, j]),
            float(measured.second[i, j]),
            float(measured.second_stderr[i, j]),
        )
        for i in shown
        for j in shown
        if i <= j
    ]
    corollary += [
        by_z(f"{name}: Cov(Fᵀh, ξᵀx) over its prediction, {CROSS_UNITS} units", cross_factor, cross.mean, cross.stderr),
        vanishes("joint kurtosis of (Fᵀh, ξᵀx) → Gaussian", measured.joint),
    ]
    return [*claimed(LEMMA, lemma), *claimed(COROLLARY, corollary)]


def negative_controls(tasks: Mapping[str, hermite_eq.Task], measured: Mapping[str, LawMoments]) -> list[dict[str, Any]]:
    """The cross-covariance 5 % too large or of the wrong sign, and t 5 % too large, must be caught."""
    caught = []
    for name, task in tasks.items():
        for claim, what, factors in (
            (COROLLARY, "Cov(Fᵀh, ξᵀx) 5 % too large", {"cross_factor": 1.05}),
            (COROLLARY, "Cov(Fᵀh, ξᵀx) of the wrong sign", {"cross_factor": -1.0}),
            (LEMMA, "t 5 % too large", {"trace_factor": 1.05}),
        ):
            checks = [check for check in judge(task, measured[name], **factors) if check.claim == claim]
            caught.append(outcome(claim, f"target {name}: {what}", checks))
    return caught
