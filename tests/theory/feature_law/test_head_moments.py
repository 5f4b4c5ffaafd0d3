"""Heads whose second moments over ‖h‖ do not exist at finite d, or do not settle: theory, simulation and equivalent models alike."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from simulated import simulated

from hermite_eq import (
    HypothesisWarning,
    LinearTransformer,
    OneStepTransformer,
    RandomTransformer,
    Ratios,
    Sizes,
    Task,
    equivalent_model,
    icl_error,
    simulate,
)
from hermite_eq.activations import activation, grows_exponentially, registered_names
from hermite_eq.covariance import covariance
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Source
from hermite_eq.theory import spiked_icl_error
from hermite_eq.theory.feature_law.choice import isotropic_law
from hermite_eq.theory.feature_law.finite_size import FiniteLaw
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.feature_law.sources.mixture import mixture_moments

TASK = Task("relu", noise=0.1)


def sizes(d: int) -> Sizes:
    return Sizes.from_ratios(d, alpha=1, kappa=1, tau=2, mu=1)


@pytest.mark.parametrize("head", ["exp", "sinh(x)", "exp(-x/3)", "x*exp(x)", "exp(|x|^(3/4))"])
@pytest.mark.parametrize("d", [8, 16])
def test_an_exponential_head_is_refused_and_its_repairs_work(head: str, d: int) -> None:
    with pytest.raises(HypothesisError, match=r"whose second moment has no mean over ‖h‖. Repair: pass RandomTransformer") as raised:
        icl_error(RandomTransformer(head, ridge=0.1), TASK, sizes(d))
    assert "normalise=True" in raised.value.repair
    assert "Ratios(…)" in raised.value.repair
    assert 0 < icl_error(RandomTransformer(head, ridge=0.1, normalise=True), TASK, sizes(d)).icl < 10
    assert 0 < icl_error(RandomTransformer(head, ridge=0.1), TASK, Ratios(alpha=1, kappa=1, tau=2, mu=1)).icl < 10


def test_a_callable_is_judged_by_its_values() -> None:
    with pytest.raises(HypothesisError, match="no mean over ‖h‖"):
        icl_error(RandomTransformer(np.sinh, ridge=0.1), TASK, sizes(8))


@pytest.mark.parametrize("name", [name for name in registered_names() if name != "exp"])
def test_no_other_registered_activation_grows_exponentially(name: str) -> None:
    assert not grows_exponentially(activation(name))


def unsettled(notes: tuple[str, ...]) -> bool:
    return any("in its mean, which does not settle; normalise=True fixes ‖h‖" in note for note in notes)


@pytest.mark.parametrize("head", ["cubic", equivalent_model("tanh", 7)], ids=str)
def test_what_does_not_settle_at_d_8_has_a_note_or_normalise(head: object) -> None:
    assert unsettled(icl_error(RandomTransformer(head, ridge=0.1), TASK, sizes(8)).notes)
    assert not unsettled(icl_error(RandomTransformer(head, ridge=0.1, normalise=True), TASK, sizes(8)).notes)


@pytest.mark.parametrize("head", ["relu", equivalent_model("relu", 1)], ids=str)
def test_a_lipschitz_head_settles_at_d_8(head: object) -> None:
    assert not unsettled(icl_error(RandomTransformer(head, ridge=0.1), TASK, sizes(8)).notes)


MIXTURE = Task(sources=[Source("relu", noise=0.1), Source("tanh", noise=0.1)], weights=[0.5, 0.5])
FRESH = Sizes(8, 8, math.inf, 128, 64)


def test_the_same_holds_for_mixtures_and_given_moments() -> None:
    for task in (MIXTURE, mixture_moments(MIXTURE, 8, 8)):
        with pytest.raises(HypothesisError, match="no mean over ‖h‖"):
            icl_error(RandomTransformer("exp", ridge=0.1), task, FRESH)
        assert not unsettled(icl_error(RandomTransformer("exp", ridge=0.1, normalise=True), task, FRESH).notes)
        assert unsettled(icl_error(RandomTransformer("cubic", ridge=0.1), task, FRESH).notes)
        assert not unsettled(icl_error(RandomTransformer("relu", ridge=0.1), task, FRESH).notes)


def test_the_same_holds_after_a_gradient_step() -> None:
    with pytest.raises(HypothesisError, match="no mean over ‖h‖"):
        spiked_icl_error(OneStepTransformer("exp", 1.0, 0.1), TASK, FRESH, nodes=64)
    assert unsettled(spiked_icl_error(OneStepTransformer("x^5", 1.0, 0.1), TASK, FRESH, nodes=1024).notes)
    assert not unsettled(spiked_icl_error(OneStepTransformer("tanh", 1.0, 0.1), TASK, FRESH, nodes=64).notes)


def test_a_cubic_head_settles_at_large_d() -> None:
    assert not unsettled(icl_error(RandomTransformer("cubic", ridge=0.1), TASK, sizes(40)).notes)


def test_effective_contexts_of_a_linear_head_are_of_the_norm() -> None:
    # M(s) = s², and Var s² = C/d up to the next order in 1/d: at d and 2d the difference from C/d falls about fourfold.
    C = covariance(TASK).norm_law().numeric(1.0)["variance"]
    gaps = []
    for d in (60, 120):
        law = isotropic_law(RandomTransformer("identity", ridge=0.1), TASK, sizes(d))
        assert isinstance(law, FiniteLaw)
        gaps.append(abs(1 / law.share - 1 - C / d))
    assert gaps[0] < C / 60 / 2
    assert 2.5 < gaps[0] / gaps[1] < 6


def test_simulation_warns_of_a_mean_that_does_not_exist() -> None:
    with pytest.warns(HypothesisWarning, match="exp has no mean over ‖h‖, as the head grows exponentially; neither have the errors"):
        simulate.icl_error(RandomTransformer("exp", ridge=0.1), TASK, sizes(6), runs=1, rng=0, test=200)


@pytest.mark.parametrize("head", ["x^5", equivalent_model("tanh", 7)], ids=str)
def test_simulation_warns_of_a_mean_that_does_not_settle(head: object) -> None:
    with pytest.warns(HypothesisWarning, match="contexts count as .* in its mean, which does not settle"):
        simulate.icl_error(RandomTransformer(head, ridge=0.1), TASK, sizes(8), runs=1, rng=0)


def test_no_warning_with_a_fixed_norm_or_a_lipschitz_head() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        heads = [RandomTransformer("exp", ridge=0.1, normalise=True), RandomTransformer("relu", ridge=0.1)]
        simulate.icl_error(heads, TASK, sizes(8), runs=1, rng=0)


def test_a_wide_law_of_the_norm() -> None:
    """A target without linear part at short contexts: few moments are tens of per cent off, given contexts are not.

    One check at |z| < 3.5: one false alarm in 2,000 seeds.
    """
    ratios = {"alpha": 0.5, "kappa": math.inf, "tau": 1.5, "mu": 2.5}
    head, task, sizes = RandomTransformer("gelu", 0.001), Task("x^2-1", 0.1), Sizes.from_ratios(20, **ratios)
    error, measured = icl_error(head, task, sizes), simulated(head, task, sizes, runs=24, rng=3).icl
    stderr = math.hypot(error.icl_stderr, measured.stderr)
    assert abs(error.icl - measured.mean) < 3.5 * stderr
    assert solve(isotropic_law(head, task, sizes), [sizes])[0]["icl"][0] - measured.mean > 3.5 * stderr


def test_a_wide_law_of_the_norm_has_a_note() -> None:
    """Where its relative variance is between 1.5 and 3."""
    ratios = {"alpha": 1, "kappa": math.inf, "tau": 1.5, "mu": 2.5}
    head, task, where = RandomTransformer("gelu", 0.001), Task("relu", 0.1), Sizes.from_ratios(10, **ratios)
    assert any("‖h‖² has the relative variance" in note for note in icl_error(head, task, where).notes)
    quiet = [
        icl_error(replace(head, normalise=True), task, where),
        icl_error(LinearTransformer(0.1), task, where),
        icl_error(head, task, Sizes.from_ratios(20, **ratios)),
    ]
    assert not any("relative variance" in note for result in quiet for note in result.notes)
