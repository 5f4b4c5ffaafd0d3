"""The finite-d Transformers of the main job: every head, its equivalents and the linear baselines, on common draws."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

import hermite_eq
from hermite_eq import simulate
from hermite_eq.models import LinearTransformer, Model, PolynomialActivation, RandomTransformer, Sizes, Task
from hermite_eq.simulate import SimulatedCurve
from verify.profile import Profile

#: [RT] Fig. 1: ℓ = d, k = d/2, m = d², ρ = 0.01, λ = 1e-8.
RATIOS = {"alpha": 1.0, "kappa": 0.5, "mu": 1.0}
NOISE = 0.01
RIDGE = 1e-8
HEADS = ("relu", "tanh")
TARGETS = ("relu", "tanh")
DEGREES = (1, 2, 3, 4)
#: The defect whose detection is measured.
DEFECT = 1.05


def with_wrong_coefficient(model: PolynomialActivation, k: int, factor: float) -> PolynomialActivation:
    """The same polynomial with c_k multiplied by ``factor``, everything else kept."""
    c = tuple(factor * value if j == k else value for j, value in enumerate(model.c))
    return replace(model, source=f"{model.source}, c_{k} × {factor:g}", c=c)


def equivalent(head: str, degree: int, *, normalise: bool = False) -> RandomTransformer:
    """The equivalent Transformer of Theorem 3."""
    return RandomTransformer(hermite_eq.equivalent_model(head, degree), RIDGE, normalise)


def defective(head: str, *, normalise: bool = True) -> RandomTransformer:
    """The degree-1 equivalent with c_1 off by the factor :data:`DEFECT`."""
    return RandomTransformer(with_wrong_coefficient(hermite_eq.equivalent_model(head, 1), 1, DEFECT), RIDGE, normalise)


def models() -> list[Model]:
    """Everything that is simulated for each target."""
    listed: list[Model] = [LinearTransformer(RIDGE), LinearTransformer(RIDGE, intercept=True)]
    for head in HEADS:
        listed += [RandomTransformer(head, RIDGE), RandomTransformer(head, RIDGE, normalise=True)]
        listed += [equivalent(head, r) for r in DEGREES]
        listed += [equivalent(head, 1, normalise=True), defective(head)]
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
        return {d: curves[str(model)] for d, curves in self.curves.items()}


def measure(target: str, profile: Profile, key: int, advance: Callable[[], None]) -> Ladder:
    """Simulate :func:`models` for one target over the ladder of d; one step of ``advance`` for each run."""
    task = Task(target, NOISE)
    listed = models()
    curves = {}
    for level, (d, runs) in enumerate(zip(profile.ladder, profile.runs, strict=True)):
        samples = [Sizes.from_ratios(d, tau=tau, **RATIOS).samples for tau in profile.taus]
        sizes = Sizes.from_ratios(d, tau=max(profile.taus), **RATIOS)
        seed = np.random.SeedSequence(profile.seed, spawn_key=(3, key, level))
        found = simulate.icl_curve(listed, task, sizes, samples=samples, runs=runs, rng=seed, advance=advance)
        curves[d] = {str(model): curve for model, curve in zip(listed, found, strict=True)}
    return Ladder(task, curves)
