"""Nothing beats the posterior mean, and its limits are known."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_error, optimal_ridge
from hermite_eq.theory.bayes.error import bayes_error, bayes_error_with_covariance, context_ridge_error, exact_bayes_error

EPS = sys.float_info.epsilon
NOISY = Task("identity", noise=0.1)


def test_no_linear_transformer_beats_it() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        alpha, noise = float(10 ** rng.uniform(-1, 1.5)), float(10 ** rng.uniform(-3, 0.5))
        tau = float(10 ** rng.uniform(-0.5, 3))
        task = Task("identity", noise=noise)
        error = icl_error(LinearTransformer(0.01), task, Ratios(alpha, math.inf, tau))
        assert bayes_error(task, alpha) < error.icl
    best = optimal_ridge(LinearTransformer(0.0), Task("identity", noise=0.5), Ratios(1, math.inf, 1))
    assert bayes_error(Task("identity", noise=0.5), 1) < best.error.icl


def test_known_limits() -> None:
    task = Task("identity", noise=0.3)
    # α → 0: nothing known; α → ∞: ρ + ρ/α; ρ = 0: the directions not seen.
    assert abs(float(bayes_error(task, 1e-9)) - 1.3) < 1e-8
    assert abs((float(bayes_error(task, 1e6)) - 0.3) * 1e6 / 0.3 - 1) < 1e-5
    assert np.array_equal(bayes_error(Task("identity"), [0.25, 1.0, 3.0]), [0.75, 0, 0])
    assert exact_bayes_error(Task("identity"), Sizes(8, 6, 1, 1)) == 0.25


def test_any_covariance() -> None:
    """C = I twice; a projection of rank d/2 is a problem with twice the α; and C → sC, ρ → sρ scales the error."""
    task, alpha = Task("identity", noise=0.2), np.array([0.3, 1.0, 5.0])
    assert np.abs(bayes_error_with_covariance(task, alpha, np.eye(3)) / bayes_error(task, alpha) - 1).max() < 32 * EPS
    # tr C/d = ½ of the variance is left: with d' = d/2, x ~ N(0, I/d) has half the variance of N(0, I/d').
    half = bayes_error_with_covariance(task, alpha, [1.0, 0.0]) - 0.2
    scaled = (bayes_error(Task("identity", noise=0.4), 2 * alpha) - 0.4) / 2
    assert np.abs(half / scaled - 1).max() < 64 * EPS
    C = np.array([2.0, 0.5, 0.1])
    first, two = (bayes_error_with_covariance(Task("identity", noise=0.2 * s), alpha, s * C) for s in (1, 7))
    assert np.abs(two / first / 7 - 1).max() < 64 * EPS


def test_posterior_means_of_drawn_contexts_with_a_covariance() -> None:
    """d = 60, 60 draws, |z| < 5 plus the bias, at most 1/d of the value; 5 % off is seen."""
    rng, d = np.random.default_rng(3), 60
    C = np.geomspace(0.05, 3, d)
    exact = float(bayes_error_with_covariance(Task("identity", noise=0.3), 0.7, C))
    values = []
    for _ in range(60):
        X = rng.standard_normal((42, d)) / math.sqrt(d)
        values.append(0.3 + 0.3 / d * np.trace(np.linalg.inv(X.T @ X + 0.3 * np.diag(1 / C))))
    allowed = 5 * np.std(values, ddof=1) / math.sqrt(60) + exact / d
    assert abs(np.mean(values) - exact) < allowed
    assert abs(np.mean(values) - 1.05 * exact) > allowed


def test_the_default_penalty_is_the_best_for_every_target() -> None:
    for target in ("identity", "relu", "tanh", "sin"):
        task = Task(target, noise=0.1)
        best = context_ridge_error(task, 0.8)
        for penalty in (0.0, 1e-3, 0.05, 0.3, 1.0, 10.0):
            assert context_ridge_error(task, 0.8, penalty) >= best * (1 - 4 * EPS)
    assert context_ridge_error(Task("abs", noise=0.1), 2.0) == 1.1


def test_a_vanishing_penalty_is_the_limit() -> None:
    task = Task("tanh", noise=0.1)
    for alpha in (0.4, 2.5):
        plain = float(context_ridge_error(task, alpha, 0.0))
        assert abs(float(context_ridge_error(task, alpha, 1e-9)) / plain - 1) < 1e-7
    assert context_ridge_error(task, 1.0, 0.0) == math.inf


def test_the_exact_error_approaches_the_limit_as_one_over_d() -> None:
    task, sizes = Task("identity", noise=0.25), [20, 40, 80]
    gaps = [exact_bayes_error(task, Sizes(d, 2 * d, 1, 1)) - float(bayes_error(task, 2.0)) for d in sizes]
    slopes = np.diff(np.log(np.abs(gaps))) / math.log(2)
    assert (np.abs(slopes + 1) < 2 / np.array(sizes[:-1])).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: bayes_error(Task("relu", noise=0.1), 1),
            "the posterior mean is a ridge regression for the identity as target; found target relu, noise variance 0.1. "
            "Repair: use context_ridge_error for the best linear fit",
        ),
        (lambda: context_ridge_error(Task("relu"), 0.0), "the ratio alpha is > 0 and finite; found alpha=0.0. Repair: pass alpha=1.0, say"),
        (
            lambda: context_ridge_error(Task("relu"), 1.0, -1.0),
            "the penalty is finite and ≥ 0; found penalty=-1.0. Repair: pass penalty=0.1, say",
        ),
        (
            lambda: bayes_error_with_covariance(Task("identity"), 1.0, np.ones(2)),
            'the posterior has a width: ρ > 0; found target identity, noise variance 0. Repair: pass Task("identity", noise=0.01), say',
        ),
        (
            lambda: bayes_error_with_covariance(NOISY, 1.0, [1.0, -1.0]),
            "covariance is positive semidefinite; found eigenvalues from -1 to 1. Repair: pass a covariance matrix, as A @ A.T",
        ),
        (
            lambda: bayes_error_with_covariance(NOISY, 1.0, [[1.0, 2.0], [2.0, 1.0]]),
            "covariance is positive semidefinite; found eigenvalues from -1 to 3. Repair: pass a covariance matrix, as A @ A.T",
        ),
        (
            lambda: bayes_error_with_covariance(NOISY, 1.0, [[1.0, 5.0], [0.0, 1.0]]),
            "covariance is symmetric; found |A − Aᵀ| up to 5. Repair: pass (A + A.T) / 2",
        ),
        (
            lambda: bayes_error_with_covariance(NOISY, 1.0, [math.nan, 1.0]),
            "covariance is finite; found NaN or infinity in it. Repair: find where they come from",
        ),
        (
            lambda: bayes_error_with_covariance(NOISY, 1.0, 2.0),
            "covariance is a finite matrix of shape (d, d); found shape (). Repair: pass numpy.eye(d), say",
        ),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
