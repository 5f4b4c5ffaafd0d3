"""Inputs of many unlike directions: the error beside simulated Transformers, and beside a neighbour's."""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from simulated import simulated

from hermite_eq import simulate
from hermite_eq.models import LinearTransformer, PowerLaw, RandomTransformer, Sizes, Source, Spike, Task, Toeplitz
from hermite_eq.models.structures import Structure
from hermite_eq.theory import TheoryError, icl_error
from hermite_eq.theory.feature_law.choice import MANY_OF_ALL
from hermite_eq.theory.feature_law.given_contexts import given_context_law
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.feature_law.sources import mixture
from hermite_eq.theory.feature_law.sources.mixture import concentration, mixture_law
from hermite_eq.theory.prediction import REMAINDER
from hermite_eq.theory.spectra.blocks import ALIKE

pytestmark = pytest.mark.statistical

SIZES = Sizes.from_ratios(16, alpha=1, kappa=math.inf, tau=2, mu=1)
#: Head, h normalised, input covariance; those of few moments first.
SETTINGS = {
    "Toeplitz .3": (RandomTransformer("relu", 0.1), Toeplitz(0.3)),
    "power law .5, h normalised": (RandomTransformer("tanh", 0.1, normalise=True), PowerLaw(0.5)),
    "Toeplitz .7": (RandomTransformer("relu", 0.1), Toeplitz(0.7)),
    "Toeplitz .9, h normalised": (RandomTransformer("tanh", 0.1, normalise=True), Toeplitz(0.9)),
}


def _task(covariance: Structure) -> Task:
    return Task(sources=[Source("relu", 0.01, input_cov=covariance)])


@cache
def _theory(name: str) -> TheoryError:
    model, covariance = SETTINGS[name]
    return icl_error(model, _task(covariance), SIZES)


@pytest.mark.parametrize("name", SETTINGS)
def test_the_theory_agrees_with_simulation(name: str) -> None:
    """2 % and 3.5 standard errors: of four right theories one is refused in 500 seeds or less often; a fifth more is refuted."""
    model, covariance = SETTINGS[name]
    predicted, measured = _theory(name), simulated(model, _task(covariance), SIZES, runs=48, rng=4).icl
    allowed = 3.5 * math.hypot(predicted.icl_stderr, measured.stderr)
    assert abs(predicted.icl - measured.mean) < 0.02 * measured.mean + allowed
    assert abs(1.2 * predicted.icl - measured.mean) > 0.02 * measured.mean + allowed


_UNIT = Source("identity", 0.01)
#: Tasks whose directions are unlike, with context and samples, for the linear Transformer.
UNLIKE_TASKS = {
    "tasks": (Task(sources=[replace(_UNIT, task_cov=Toeplitz(0.8))]), 16, 400),
    "inputs and tasks": (Task(sources=[replace(_UNIT, input_cov=Spike(24.0), task_cov=Spike(4.0))]), 16, 400),
    "sources that do not commute": (Task(
        sources=[Source("relu", 0.0, input_cov=Spike(24.0), input_mean=0.3), Source("sign", 0.1, task_cov=PowerLaw(0.5))],
        weights=[0.25, 0.75],
    ), 32, 600),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::hermite_eq.HypothesisWarning")
@pytest.mark.parametrize("name", UNLIKE_TASKS)
def test_unlike_directions_have_energies_of_their_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """3 % and 3.5 standard errors: of three right theories one is refused in 700 seeds or less often; one energy for all directions that
    are not large is refuted by as much."""
    task, context, samples = UNLIKE_TASKS[name]
    model, sizes = LinearTransformer(0.01), Sizes(16, context, math.inf, samples, hidden=100)
    predicted, measured = icl_error(model, task, sizes), simulate.icl_error(model, task, sizes, runs=160, rng=4).icl
    assert abs(predicted.icl - measured.mean) < 0.03 * measured.mean + 3.5 * math.hypot(predicted.icl_stderr, measured.stderr)
    monkeypatch.setattr(mixture, "CLASSES", 1)
    mixture._fresh_moments.cache_clear()
    one_class = solve(mixture_law(Head.of(model), task, sizes), [sizes])[0]["icl"][0]
    mixture._fresh_moments.cache_clear()
    assert abs(one_class - measured.mean) > 0.03 * measured.mean + 3.5 * measured.stderr


@pytest.mark.parametrize("source", [
    replace(_UNIT, input_cov=Toeplitz(0.4)), replace(_UNIT, task_cov=Toeplitz(0.8)),
    replace(_UNIT, input_cov=PowerLaw(0.5), task_cov=PowerLaw(0.5)),
])  # fmt: skip
def test_classes_are_fine_enough(source: Source, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as wide and twice as many they move an error by less than its remainder; one class moves it by more."""
    model, task, sizes = LinearTransformer(0.01), Task(sources=[source]), Sizes(16, 16, math.inf, samples=200, hidden=100)
    errors = {}
    for classes, alike in ((mixture.CLASSES, ALIKE), (2 * mixture.CLASSES, ALIKE / 2), (1, ALIKE)):
        monkeypatch.setattr(mixture, "CLASSES", classes)
        monkeypatch.setattr("hermite_eq.theory.spectra.blocks.ALIKE", alike)
        mixture._fresh_moments.cache_clear()
        errors[classes] = solve(mixture_law(Head.of(model), task, sizes), [sizes])[0]["icl"][0]
    mixture._fresh_moments.cache_clear()
    now, finer, single = errors.values()
    assert abs(finer / now - 1) < REMAINDER / sizes.d < abs(single / now - 1)


def test_few_moments_fail_where_given_contexts_hold() -> None:
    model, covariance = SETTINGS["Toeplitz .9, h normalised"]
    error = _theory("Toeplitz .9, h normalised")
    assert solve(mixture_law(Head.of(model), _task(covariance), SIZES), [SIZES])[0]["icl"][0] > error.icl + 10 * error.icl_stderr


def test_two_descriptions_agree_where_one_gives_way() -> None:
    """At the covariance between them they differ by the error of few moments, up to 2 %, and four standard errors of the other."""
    model, D = RandomTransformer("relu", 0.1, normalise=True), SIZES.d * (SIZES.d + 1)
    linear = 0.25 / (0.25 + 1 / (4 * math.pi))
    shares = np.array([concentration(_task(Toeplitz(rho)), SIZES.d, SIZES.context).others for rho in (0.4, 0.5)])
    assert shares[0] * D < linear * MANY_OF_ALL < shares[1] * D
    between = 0.4 + 0.1 * (linear * MANY_OF_ALL / D - shares[0]) / (shares[1] - shares[0])
    head, task = Head.of(model), _task(Toeplitz(between))
    few, given = (solve(law, [SIZES])[0] for law in (mixture_law(head, task, SIZES), given_context_law(head, task, [SIZES])))
    assert abs(few["icl"][0] - given["icl"][0]) < 0.02 * given["icl"][0] + 4 * given["icl_stderr"][0]


def test_with_too_many_samples_the_lesser_of_two_errors_holds(monkeypatch: pytest.MonkeyPatch) -> None:
    """A spike of inputs and of tasks in one direction: within three standard errors of given contexts, which refute few moments."""
    model, d = RandomTransformer("relu", 0.1), 24
    task = Task(sources=[Source("relu", 0.05, input_cov=Spike(4.0), task_cov=Spike(40.0))])
    sizes = Sizes.from_ratios(d, alpha=1, kappa=math.inf, tau=1.2, mu=0.5)
    contexts = icl_error(model, task, sizes)
    monkeypatch.setattr("hermite_eq.theory.feature_law.choice.MOST_SAMPLES", 0)
    assert abs(icl_error(model, task, sizes).icl - contexts.icl) < 3 * contexts.icl_stderr
    moments = mixture_law(Head.of(model), task, sizes)
    assert solve(moments, [sizes])[0]["icl"][0] - contexts.icl > 3 * contexts.icl_stderr
