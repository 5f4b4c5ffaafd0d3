"""The dMMSE estimator's limits: their two ends, monotonicity, and drawn contexts."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy.special import softmax

from hermite_eq.errors import HypothesisError
from hermite_eq.models import Task
from hermite_eq.theory.bayes.discrete_prior import dmmse_limit
from hermite_eq.theory.bayes.error import bayes_error

TASK = Task("identity", noise=0.25)


def test_the_two_ends_and_what_is_between() -> None:
    alpha = np.array([0.2, 1.0, 5.0])[:, None]
    rates = np.linspace(0, 2.5, 60)
    limit = dmmse_limit(TASK, alpha, rates)
    best = bayes_error(TASK, alpha)
    assert (limit.icl[:, 0] == 2.25).all()
    dense = rates >= limit.information
    assert dense.any()
    assert np.array_equal(limit.icl[dense], np.broadcast_to(best, dense.shape)[dense])
    assert np.array_equal(limit.idg, np.where(dense, best, 0.25))
    # Continuous and decreasing in the rate, never below the Bayes error.
    assert (np.diff(limit.icl, axis=1) <= 0).all()
    assert (limit.icl >= best).all()
    just_below = dmmse_limit(TASK, alpha[:, 0], limit.information[:, 0] * (1 - 1e-9))
    assert np.abs(just_below.icl - best[:, 0]).max() < 1e-7


def test_a_small_rate_enters_by_its_square_root() -> None:
    """β² Var(energy)/2d = c as c → 0, and the error falls in proportion to β: halving √c halves the fall, up to O(√c)."""
    falls = [2.25 - float(dmmse_limit(TASK, 1.0, c).icl) for c in (4e-8, 1e-8)]
    assert abs(falls[0] / falls[1] - 2) < 1e-3


def drawn(d: int, tasks: int, contexts: int, seed: int) -> tuple[float, float, float]:
    """(ICL, its standard error, IDG) of the posterior mean by its definition at ℓ = d."""
    rng = np.random.default_rng(seed)
    errors: tuple[list[float], list[float]] = ([], [])
    for _ in range(contexts):
        known = rng.standard_normal((tasks, d))
        for kind, xi in enumerate((rng.standard_normal(d), known[0])):
            X = rng.standard_normal((d, d)) / math.sqrt(d)
            left = X @ (xi - known).T + 0.5 * rng.standard_normal((d, 1))
            w = softmax(-(left**2).sum(0) / 0.5) @ known
            errors[kind].append(0.25 + float((xi - w) @ (xi - w)) / d)
    return float(np.mean(errors[0])), float(np.std(errors[0], ddof=1) / math.sqrt(contexts)), float(np.mean(errors[1]))


@pytest.mark.parametrize("d", [20, 40])
def test_drawn_contexts_come_closer_with_d(d: int) -> None:
    """c = 0.15 < I = .64: within log(d)/d of the value and 5 standard errors; the other phases are farther away."""
    tasks = round(math.exp(0.15 * d))
    icl, stderr, idg = drawn(d, tasks, 200, d)
    limit = dmmse_limit(TASK, 1.0, math.log(tasks) / d)
    allowed = 5 * stderr + math.log(d) / d * float(limit.icl)
    assert abs(icl - float(limit.icl)) < allowed
    assert abs(icl - 2.25) > allowed
    assert abs(icl - float(bayes_error(TASK, 1.0))) > allowed
    assert 0.25 <= idg < 0.25 + math.log(d) / d


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: dmmse_limit(Task("identity"), 1.0),
            'the posterior has a width: ρ > 0; found target identity, noise variance 0. Repair: pass Task("identity", noise=0.01), say',
        ),
        (lambda: dmmse_limit(TASK, 1.0, -0.1), "the rate log(k)/d is finite and ≥ 0; found rate=-0.1. Repair: pass rate=np.log(tasks) / d"),
        (lambda: dmmse_limit(TASK, 0.0), "the ratio alpha is > 0 and finite; found alpha=0.0. Repair: pass alpha=1.0, say"),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
