"""Couplings: against the covariance of pre-activations for a drawn layer, and what a spike and a step do to them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import HypothesisError, LinearTransformer, OneStepTransformer, RandomTransformer, Sizes, Task
from hermite_eq.models import Source, Spike
from hermite_eq.simulate import coupling
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.structured import degree_needed

SIZES = Sizes.from_ratios(12, alpha=1, kappa=math.inf, tau=0.5, mu=0.5)


def test_the_spread_without_structure_is_that_of_directions() -> None:
    # Cov(h)/t ≈ I/D: ω_ij = f_iᵀf_j has mean square tr Cov²/t² = 1/D up to O(1/d), D = d(d+1); one draw of 2556 pairs: 10 %.
    found = coupling(RandomTransformer("relu", 0.1), Task("relu", 0.01), SIZES, contexts=40_000, rng=0)
    assert found.spread**2 * 156 == pytest.approx(1, rel=0.1 + 4 / 12)
    assert found.noise < found.spread < found.largest < 6 * found.spread


def test_a_spike_couples_and_the_step_couples_more() -> None:
    # Along γγᵀ every unit has a share of order d^{-1/2}, which the step along E[y h] multiplies.
    spiked = Task(sources=[Source("relu", 1e-4, task_cov=Spike(144.0))], unit_inputs=True, unit_link=True)
    plain = coupling(OneStepTransformer("relu", 0.0, 0.1), spiked, SIZES, rng=0)
    moved = coupling(OneStepTransformer("relu", 576.0, 0.1), spiked, SIZES, rng=0)
    rank_one = coupling(OneStepTransformer("relu", 576.0, 0.1, rank_one=True), spiked, SIZES, rng=0)
    assert moved.spread > plain.spread
    assert rank_one.spread > plain.spread
    rules = [degree_needed(SIZES, coupling=found.largest).by_coupling for found in (plain, moved)]
    assert None not in rules
    assert rules[1] > rules[0] > 1


def test_normalised_input_and_literal_correlations() -> None:
    sizes = Sizes(d=3, context=4, tasks=math.inf, samples=9, hidden=5)
    found = coupling(RandomTransformer("relu", 0.1, normalise=True), Task("relu", 0.01), sizes, contexts=300, rng=4)
    draw = draw_run(Task("relu", 0.01), sizes, 300, True, np.float64, child_seeds(4, range(1))[0])
    h = draw.fresh.h()
    omega = np.corrcoef((h / np.linalg.norm(h, axis=1)[:, None] @ draw.layer.T).T)
    expected = np.abs(omega - np.diag(omega.diagonal())).max()
    assert found.largest == pytest.approx(expected, rel=1e4 * np.finfo(float).eps)


def test_errors() -> None:
    with pytest.raises(HypothesisError) as error:
        coupling(LinearTransformer(0.1), Task("relu"), SIZES)
    assert str(error.value) == (
        "a coupling is that of a random head; found LinearTransformer(ridge=0.1, intercept=False). "
        "Repair: pass RandomTransformer(activation, ridge=…)"
    )
    with pytest.raises(HypothesisError) as error:
        coupling(RandomTransformer("relu", 0.1), Task("relu"), Sizes(3, 4, 2, 9))
    assert str(error.value) == (
        "a coupling is that of two hidden units; found sizes.hidden=None. Repair: pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
    )
