"""A best mixture in simulation, at a small d: the theory holds there and nearby, and defects are seen."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import icl_curve, simulate
from hermite_eq.models import LinearTransformer, Sizes, Source, Spike, Task
from hermite_eq.simulate import MonteCarlo, SimulatedCurve
from hermite_eq.theory import TheoryCurve, best_mixture

SIZES = Sizes.from_ratios(14, alpha=1, kappa=math.inf, tau=2)
MODEL = LinearTransformer(2.0, intercept=True)
TASK = Task(sources=[Source("relu", 0.05), Source("tanh", 0.3, task_cov=Spike(6.0))], unit_inputs=True, unit_link=True)
RUNS = 24


@pytest.fixture(scope="module")
def curves() -> tuple[TheoryCurve, SimulatedCurve]:
    """At the best mixture, then half of the way to either end."""
    best = np.asarray(best_mixture(MODEL, TASK, SIZES).weights)
    assert 0.05 < best[1] < 0.95
    weights = [list(best), *((best + end) / 2 for end in np.eye(2))]
    return icl_curve(MODEL, TASK, SIZES, weights=weights), simulate.icl_curve(MODEL, TASK, SIZES, weights=weights, runs=RUNS, rng=7)


def test_the_best_mixture_is_best_in_simulation(curves: tuple[TheoryCurve, SimulatedCurve]) -> None:
    """Paired differences, |z| < 4.5 with 23 degrees of freedom: a false alarm in 10⁴."""
    theory, simulated = curves
    above = MonteCarlo.from_runs(simulated.icl_runs[:, 1:] - simulated.icl_runs[:, :1])
    assert (above.z(theory.icl[1:] - theory.icl[0]) ** 2 < 4.5**2).all()
    # Either neighbour, were it called the best, is seen to be beaten.
    assert (above.z(0.0) > 4.5).any()
    assert (theory.icl[1:] > theory.icl[0]).all()


def test_common_draws_resolve_differences(curves: tuple[TheoryCurve, SimulatedCurve]) -> None:
    """Pairing pays: the standard error of a difference is below that of two independent errors."""
    _, simulated = curves
    above = MonteCarlo.from_runs(simulated.icl_runs[:, 1:] - simulated.icl_runs[:, :1])
    assert (above.stderr < 0.9 * np.hypot(simulated.icl.stderr[1:], simulated.icl.stderr[0])).all()


def test_a_theory_five_per_cent_off_is_seen(curves: tuple[TheoryCurve, SimulatedCurve]) -> None:
    theory, simulated = curves
    for factor, agrees in ((0.95, False), (1.0, True), (1.05, False)):
        beyond = np.abs(simulated.icl.mean - factor * theory.icl) > 4.5 * simulated.icl.stderr
        assert not beyond.any() if agrees else beyond.any()
