"""[RT] Lemma 1 and Corollary 2: the law of the pre-activations Fᵀh and of (Fᵀh, ξᵀx)."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.simulate import context_law, contexts
from verify.check import Check, Verdict, by_rate, by_z
from verify.profile import Profile

LEMMA = "Lemma 1"
COROLLARY = "Corollary 2"
#: Hidden units whose joint law with ξᵀx is looked at.
UNITS = 3
#: Draws of (ξ, F) over which the joint kurtosis is averaged.
DRAWS = 20

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    mean: float
    stderr: float


@dataclass(frozen=True)
class LawMoments:
    """What was measured for one target.

    ``norm`` and ``kurtosis`` are E‖h‖² and the excess kurtosis of (Fᵀh)_i (relative to 3) for each d; ``joint`` the excess
    Mardia kurtosis of (Fᵀh, ξᵀx) given (ξ, F) for each d; ``xi``, ``layer``, ``second``, ``second_stderr`` the second moments
    of (Fᵀh, ξᵀx) for one (ξ, F), shape (UNITS + 1, UNITS + 1); ``scales`` samples of ‖h‖/√t at the largest d at which
    Transformers are simulated.
    """

    ladder: tuple[int, ...]
    norm: tuple[Estimate, ...]
    kurtosis: tuple[Estimate, ...]
    joint: tuple[Estimate, ...]
    xi: Array
    layer: Array
    second: Array
    second_stderr: Array
    scales: Array


def _estimate(values: Array) -> Estimate:
    return Estimate(float(values.mean()), float(values.std(ddof=1)) / math.sqrt(len(values)))


def _pre_activations(x: Array, b: Array, layer: Array) -> Array:
    """Fᵀh for h = vec(x bᵀ) without forming h: Σ_ij x_i b_j F_{(ij),m}, shape (n, m)."""
    d = x.shape[1]
    tensor = layer.reshape(d, d + 1, -1)
    return np.stack([np.einsum("ni,ni->n", x @ tensor[:, :, m], b) for m in range(tensor.shape[2])], axis=1)


def _layer(rng: np.random.Generator, d: int, trace: float) -> Array:
    return rng.standard_normal((d * (d + 1), UNITS)) / math.sqrt(trace)


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


def measure(task: hermite_eq.Task, profile: Profile, key: int, advance: Callable[[], None]) -> LawMoments:
    """Simulate the moments of one target; ``key`` separates the streams of random numbers of different targets."""
    covariance = hermite_eq.covariance(task)
    norm, kurtosis, joint = [], [], []
    for level, d in enumerate(profile.law_ladder):
        norm_seed, *draw_seeds = np.random.SeedSequence(profile.seed, spawn_key=(1, key, level)).spawn(1 + DRAWS)
        square = _norms(task, d, profile.law_contexts, norm_seed)
        norm.append(_estimate(square))
        # Given h, (Fᵀh)_i ~ N(0, ‖h‖²/t): its fourth moment over F is 3(‖h‖²/t)².
        kurtosis.append(_estimate((square / covariance.trace(d, d)) ** 2 - 1))
        excess = []
        for seed in draw_seeds:
            rng = np.random.default_rng(seed)
            xi = rng.standard_normal(d)
            layer = _layer(rng, d, covariance.trace(d, d))
            drawn = contexts(task, _sizes(d), xi, profile.law_contexts // DRAWS, rng)
            sample = np.column_stack([_pre_activations(drawn.x, drawn.b, layer), drawn.x @ xi])
            exact = covariance.given(xi, context=d).matrix(layer)
            distance = np.einsum("ni,ni->n", sample, np.linalg.solve(exact, sample.T).T)
            # E (wᵀ Σ⁻¹ w)² = p(p + 2) for a Gaussian vector of length p with covariance Σ (Mardia).
            excess.append(float(np.mean(distance**2)) / ((UNITS + 1) * (UNITS + 3)) - 1)
        joint.append(_estimate(np.array(excess)))
        advance()
    d = profile.covariance_d
    rng = np.random.default_rng(np.random.SeedSequence(profile.seed, spawn_key=(2, key)))
    xi = rng.standard_normal(d)
    layer = _layer(rng, d, covariance.trace(d, d))
    drawn = contexts(task, _sizes(d), xi, profile.covariance_contexts, rng)
    sample = np.column_stack([_pre_activations(drawn.x, drawn.b, layer), drawn.x @ xi])
    products = np.einsum("ni,nj->nij", sample, sample)
    stderr = products.std(axis=0, ddof=1) / math.sqrt(len(sample))
    advance()
    top = profile.ladder[-1]
    scales = np.sqrt(_norms(task, top, 20_000, np.random.SeedSequence(profile.seed, spawn_key=(4, key))) / covariance.trace(top, top))
    return LawMoments(profile.law_ladder, tuple(norm), tuple(kurtosis), tuple(joint), xi, layer, products.mean(axis=0), stderr, scales)


def judge(task: hermite_eq.Task, measured: LawMoments, exact: Array | None = None, trace_factor: float = 1.0) -> list[Check]:
    """The trace t, Gaussianity at rate 1/d, and every entry of the exact covariance (``exact`` replaces it, for sabotage)."""
    covariance = hermite_eq.covariance(task)
    d = measured.ladder[-1]
    name = f"target {task.target}"
    checks = [
        by_z(LEMMA, f"{name}: E‖h‖² = t at d = {d}", trace_factor * covariance.trace(d, d), measured.norm[-1].mean,
             measured.norm[-1].stderr),
        by_rate(LEMMA, f"{name}: excess kurtosis of (Fᵀh)_i → 0 as 1/d", measured.ladder,
                [value.mean for value in measured.kurtosis], [value.stderr for value in measured.kurtosis], order=-1),
    ]
    predicted = covariance.given(measured.xi, context=measured.xi.size).matrix(measured.layer) if exact is None else exact
    labels = [f"f_{i + 1}ᵀh" for i in range(UNITS)] + ["ξᵀx"]
    for i in range(UNITS + 1):
        checks += [
            by_z(COROLLARY, f"{name}: Cov({labels[i]}, {labels[j]}) at d = {measured.xi.size}", float(predicted[i, j]),
                 float(measured.second[i, j]), float(measured.second_stderr[i, j]))
            for j in range(i, UNITS + 1)
        ]
    checks.append(by_rate(COROLLARY, f"{name}: joint kurtosis of (Fᵀh, ξᵀx) → Gaussian as 1/d", measured.ladder,
                          [value.mean for value in measured.joint], [value.stderr for value in measured.joint], order=-1))
    return checks


def sabotaged(tasks: Mapping[str, hermite_eq.Task], measured: Mapping[str, LawMoments]) -> list[dict[str, Any]]:
    """The cross-covariance 5 % too large or of the wrong sign, and t 5 % too large, must be caught."""
    outcome = []
    for name, task in tasks.items():
        data = measured[name]
        exact = hermite_eq.covariance(task).given(data.xi, context=data.xi.size).matrix(data.layer)
        for defect, factor in (("5 % too large", 1.05), ("sign flipped", -1.0)):
            wrong = exact.copy()
            wrong[:UNITS, UNITS] *= factor
            checks = [check for check in judge(task, data, wrong) if check.claim == COROLLARY and "ξᵀx)" in check.subject]
            outcome.append({"claim": COROLLARY, "defect": f"target {name}: Cov(Fᵀh, ξᵀx) {defect}", "checks": len(checks),
                            "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
        checks = [check for check in judge(task, data, trace_factor=1.05) if check.claim == LEMMA]
        outcome.append({"claim": LEMMA, "defect": f"target {name}: t 5 % too large", "checks": len(checks),
                        "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
    return outcome
