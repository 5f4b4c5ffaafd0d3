"""Pretraining and test tasks of any covariance: against the isotropic theory, against trained matrices, and at the edges."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.expansion import scaled_coefficients
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Task
from hermite_eq.theory import icl_curve
from hermite_eq.theory.linear_limits.structured_tasks import TaskPopulation

EPS = sys.float_info.epsilon
Array = NDArray[np.float64]


def random_ratios(count: int, seed: int) -> list[Ratios]:
    rng = np.random.default_rng(seed)
    return [
        Ratios(
            alpha=float(10 ** rng.uniform(-3, 3)),
            kappa=math.inf if n % 5 == 0 else float(10 ** rng.uniform(-1.3, 3)),
            tau=float(rng.uniform(0.02, 0.98) if n % 2 else 1 / rng.uniform(0.02, 0.98)),
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("target", ["identity", "relu", "tanh"])
@pytest.mark.parametrize("model", [LinearTransformer(0.0), LinearTransformer(1e-9, True), LinearTransformer(0.1)])
def test_equal_covariances_one_are_the_isotropic_theory(target: str, model: LinearTransformer) -> None:
    task, points = Task(target, noise=0.1), random_ratios(200, 4)
    errors = icl_curve(model, TaskPopulation.from_covariances(task, np.ones(3)), points)
    plain = icl_curve(model, task, points)
    for i, point in enumerate(points):
        # As for the isotropic formulas: a few hundred roundings, one relative rounding of τ moving the error by 1/|1−τ|;
        # v − ⟨S⟩ is a difference here and a residual there.
        allowed = 200 * EPS * (1 + 1 / abs(1 - point.tau)) * (1 + 1 / plain.idg[i])
        for name in ("icl", "idg", "dof"):
            assert abs(getattr(errors, name)[i] / getattr(plain, name)[i] - 1) <= allowed, (name, point)
    assert errors.fixed_point_residual.max() <= 16 * EPS


def test_given_tasks_are_a_population_of_their_own() -> None:
    rng = np.random.default_rng(1)
    xi, rotation = rng.standard_normal((5, 12)), np.linalg.qr(rng.standard_normal((12, 12)))[0]
    task, S, C = Task("identity", noise=0.2), xi.T @ xi / 5, np.diag(rng.uniform(0.5, 2, 12))
    given = icl_curve(LinearTransformer(0.01), TaskPopulation.from_tasks(task, xi, C), [Ratios(1, 5 / 12, 1.5)])
    drawn = icl_curve(LinearTransformer(0.01), TaskPopulation.from_covariances(task, S, C), [Ratios(1, math.inf, 1.5)])
    rotated = TaskPopulation.from_tasks(task, xi @ rotation, rotation.T @ C @ rotation)
    turned = icl_curve(LinearTransformer(0.01), rotated, [Ratios(1, 5 / 12, 1.5)])
    for name in ("icl", "idg", "bias", "variance", "dof"):
        value = getattr(given, name)[0]
        assert abs(getattr(drawn, name)[0] - value) < 1e3 * EPS * value
        # ‖ξ‖ and the spectrum do not see a rotation.
        assert abs(getattr(turned, name)[0] - value) < 1e3 * EPS * value


def trained(
    S: Array, T: Array, i: float, i_fresh: float, v: float, v_fresh: float, tau: float, ridge: float, rng: Any
) -> tuple[float, float]:
    """Test errors (ICL, IDG) of ridge regression on n = τd² draws of a Gaussian h with the covariance I ⊗ R and E[yh] = vec S."""
    d = len(S)
    n, R = round(tau * d * d), S + i * np.eye(d)
    features = rng.standard_normal((n, d, d)) @ np.linalg.cholesky(R).T
    best = np.linalg.solve(R, S) / math.sqrt(d)
    y = np.einsum("nij,ji->n", features, best) + math.sqrt(v - np.trace(S @ best) / math.sqrt(d)) * rng.standard_normal(n)
    flat = features.reshape(n, -1)
    if n > d * d:
        W = np.linalg.solve(flat.T @ flat + ridge * n * np.eye(d * d), flat.T @ y)
    else:
        W = flat.T @ np.linalg.solve(flat @ flat.T + ridge * n * np.eye(n), y)
    W = W.reshape(d, d)

    def error(v: float, M: Array, R: Array) -> float:
        return float(v - 2 * np.trace(W @ M) / math.sqrt(d) + np.trace(W @ R @ W.T))

    return error(v_fresh, T, T + i_fresh * np.eye(d)), error(v, S, R)


@pytest.mark.parametrize(("tau", "ridge", "k"), [(0.5, 0.3, 6), (1.7, 0.3, 6), (3.0, 0.0, 30)])
def test_trained_on_gaussian_inputs_of_the_same_covariance(tau: float, ridge: float, k: int) -> None:
    """100 trainings at d = 12: 5 standard errors (6 scores: a false alarm once in 10⁵ seeds) plus the next order, 1/n of the value."""
    d, rng = 12, np.random.default_rng(k)
    task = Task("tanh", noise=0.05)
    xi = rng.standard_normal((k, d)) * np.linspace(0.3, 1.7, d)
    A = rng.standard_normal((d, d))
    C = A @ A.T / d
    population = TaskPopulation.from_tasks(task, xi, C)
    ratios = Ratios(alpha=1.5, kappa=k / d, tau=round(tau * d * d) / d**2)
    theory = icl_curve(LinearTransformer(ridge), population, [ratios])[0]
    # tanh at scale s: E[b|ξ] = c₁(s)/s ξ with each task's own s; the matrix itself is rebuilt from its definition.
    scales = np.linalg.norm(xi, axis=1) / math.sqrt(d)
    a = scaled_coefficients(task.target, scales, 1)[:, 1] / scales
    S = (xi.T * (a**2 / k)) @ xi
    s_fresh = math.sqrt(np.trace(C) / d)
    T = C * (scaled_coefficients(task.target, np.array([s_fresh]), 1)[0, 1] / s_fresh) ** 2
    v, v_fresh = population.train.square, population.test.square
    runs = np.array([trained(S, T, v / 1.5, v_fresh / 1.5, v, v_fresh, ratios.tau, ridge, rng) for _ in range(100)])
    for values, exact in zip(runs.T, (theory.icl, theory.idg), strict=True):
        allowed = 5 * values.std(ddof=1) / 10 + exact / (tau * d * d)
        assert abs(values.mean() - exact) <= allowed
        assert abs(values.mean() - 1.05 * exact) > allowed


def test_drawn_tasks_average_to_the_limit() -> None:
    """10 draws at d = 150; the equivalent is off by O(1/d)."""
    task, d, rng = Task("relu", noise=0.1), 150, np.random.default_rng(0)
    train, test = np.repeat([2.0, 0.2], d // 2), np.linspace(0.1, 2, d)
    points = [Ratios(3, 0.5, 2.0), Ratios(3, 0.5, 0.5)]
    model = LinearTransformer(1e-3)
    limit = icl_curve(model, TaskPopulation.from_covariances(task, train, test), points)
    draws = [
        icl_curve(model, TaskPopulation.from_tasks(task, rng.standard_normal((d // 2, d)) * np.sqrt(train), test), points)
        for _ in range(10)
    ]
    for name in ("icl", "idg"):
        values, exact = np.array([getattr(draw, name) for draw in draws]), getattr(limit, name)
        allowed = 5 * values.std(0, ddof=1) / math.sqrt(10) + exact / d
        assert (np.abs(values.mean(0) - exact) <= allowed).all()
        assert (np.abs(values.mean(0) - 1.05 * exact) > allowed).all()


def test_drawn_tasks_average_to_the_mean_spectrum() -> None:
    """Drawn tasks average to it up to the curvature in their fluctuations, O(1/d²), where the limit is O(1/d) away."""
    task, d, k, rng = Task("identity", noise=0.1), 40, 20, np.random.default_rng(6)
    model, points = LinearTransformer(0.05), [Ratios(2.0, 0.5, 2.0)]
    mean = icl_curve(model, TaskPopulation.from_mean_spectrum(task, d, k), points).idg[0]
    limit = icl_curve(model, TaskPopulation.from_covariances(task, np.ones(2)), points).idg[0]
    # Scaled to tr S = d, so that v and ⟨S⟩ do not fluctuate; this changes ⟨S²⟩ by a relative 2/(dk), and the error by less.
    xi = rng.standard_normal((400, d, k))
    values = np.linalg.eigvalsh(xi @ xi.transpose(0, 2, 1))
    values = np.maximum(values / values.mean(1, keepdims=True), 0.0)
    errors = [icl_curve(model, TaskPopulation.from_covariances(task, s), [Ratios(2.0, math.inf, 2.0)]).idg[0] for s in values]
    allowed = 5 * np.std(errors, ddof=1) / 20 + mean / (d * k)
    assert abs(np.mean(errors) - mean) < allowed
    assert abs(np.mean(errors) - limit) > allowed


def test_extreme_points_have_values() -> None:
    """α 1e-3 … 1e3, κ 0.05 … ∞, λ 0 … 100, covariances with zeros and a spread of 10⁶: finite, at least the noise, root solved."""
    task = Task("identity", noise=1e-3)
    population = TaskPopulation.from_covariances(task, np.append(np.geomspace(1e-6, 1, 9), 0.0), np.append(0.0, np.geomspace(1, 1e-3, 9)))
    for ridge in (0.0, 1e-14, 1e-6, 100.0):
        errors = icl_curve(LinearTransformer(ridge), population, random_ratios(300, 9))
        assert np.isfinite(errors.icl).all()
        assert (errors.icl >= task.noise).all()
        assert (errors.idg >= task.noise).all()
        assert errors.fixed_point_residual.max() <= 16 * EPS


def test_interpolation_diverges() -> None:
    population = TaskPopulation.from_covariances(Task("relu"), np.ones(2))
    errors = icl_curve(LinearTransformer(0.0), population, [Ratios(1, 0.5, 1)])
    assert math.isinf(errors.icl[0])
    assert errors[0].notes == ("exact interpolation without ridge: the error diverges",)


IDENTITY = Task("identity")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.ones((2, 3))),
            "train is a finite matrix of shape (d, d); found shape (2, 3). Repair: pass numpy.eye(d), say",
        ),
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.array([[1.0, 0.5], [0.0, 1.0]])),
            "train is symmetric; found |A − Aᵀ| up to 0.5. Repair: pass (A + A.T) / 2",
        ),
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.diag([1.0, -1.0])),
            "train is positive semidefinite; found eigenvalues from -1 to 1. Repair: pass a covariance matrix, as A @ A.T",
        ),
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.ones(2), np.zeros(2)),
            "test is not zero; found no entry other than 0. Repair: pass numpy.eye(d), say",
        ),
        # Its diagonal in the eigenbasis of the other is positive.
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.eye(2), [[1.0, 2.0], [2.0, 1.0]]),
            "test is positive semidefinite; found eigenvalues from -1 to 3. Repair: pass a covariance matrix, as A @ A.T",
        ),
        (
            lambda: TaskPopulation.from_covariances(IDENTITY, np.ones(2), np.ones(3)),
            "both covariances have the same d; found 2 and 3. Repair: pass matrices of one shape",
        ),
        (
            lambda: TaskPopulation.from_tasks(IDENTITY, np.ones(3)),
            "tasks are finite nonzero vectors, the rows of an array (k, d); found shape (3,). Repair: pass shape (k, d)",
        ),
        (
            lambda: TaskPopulation.from_tasks(IDENTITY, np.ones((2, 3)), np.ones(2)),
            "both covariances have the same d; found 3 and 2. Repair: pass matrices of one shape",
        ),
        (
            lambda: icl_curve(LinearTransformer(0), TaskPopulation.from_tasks(IDENTITY, np.eye(4)[:2]), [Ratios(1, 1, 2)]),
            "the 0.5 d given tasks are the training tasks; found kappa=1. Repair: pass kappa=0.5",
        ),
        (
            lambda: icl_curve(RandomTransformer("relu", 0), TaskPopulation.from_covariances(IDENTITY, np.ones(2)), [Ratios(1, 1, 2, 1)]),
            "structured tasks are worked out for the linear Transformer; found relu. Repair: pass LinearTransformer(ridge=…)",
        ),
        (
            lambda: TaskPopulation.from_covariances(Task("0"), np.ones(2)),
            "the labels are not all zero; found target 0, noise variance 0. Repair: pass a nonzero target or noise > 0",
        ),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message


def contexts(rng: np.random.Generator, xi: Array, length: int, task: Task) -> tuple[Array, Array, Array]:
    """(x, b, y) of one context for each row of ``xi``, exactly: given the labels, Σyx is u Σyg/√d and ‖y‖ times a normal across u."""
    n, d = xi.shape
    norm = np.linalg.norm(xi, axis=1, keepdims=True)
    g, sigma = rng.standard_normal((n, length)), math.sqrt(task.noise)
    y = task.target(norm / math.sqrt(d) * g) + sigma * rng.standard_normal((n, length))
    across, u = rng.standard_normal((n, d)) / math.sqrt(d), xi / norm
    across -= u * (u * across).sum(1, keepdims=True)
    sums = u * ((y * g).sum(1, keepdims=True) / math.sqrt(d)) + np.linalg.norm(y, axis=1, keepdims=True) * across
    x = rng.standard_normal((n, d)) / math.sqrt(d)
    b = np.hstack([d / length * sums, (y**2).mean(1, keepdims=True)])
    return x, np.asarray(b, dtype=float), np.asarray(task.target((xi * x).sum(1)) + sigma * rng.standard_normal(n), dtype=float)


def test_transformers_trained_on_structured_tasks() -> None:
    """60 linear Transformers at d = 20, tanh target: 5 standard errors plus 1/d of the value; a theory without the covariances fails.

    And the theory for each run's own tasks follows the runs: it takes a good part of the variance off their IDG errors.
    """
    d, k, length, n, ridge = 20, 10, 30, 200, 0.02
    task, model, ratios = Task("tanh", noise=0.1), LinearTransformer(ridge), Ratios(1.5, 0.5, 0.5)
    train, test, rng = np.repeat([3.8, 0.2 / 3], [d // 4, d - d // 4]), np.linspace(0.5, 1.5, d), np.random.default_rng(0)
    runs, own = [], []
    for _ in range(60):
        known = rng.standard_normal((k, d)) * np.sqrt(train)
        x, b, y = contexts(rng, known[np.arange(n) % k], length, task)
        dual = np.linalg.solve((x @ x.T) * (b @ b.T) + ridge * n / d * np.eye(n), y)
        weights = (x * dual[:, None]).T @ b
        errors = []
        for xi in (rng.standard_normal((2000, d)) * np.sqrt(test), known[rng.integers(0, k, 2000)]):
            x, b, y = contexts(rng, xi, length, task)
            errors.append(float(np.mean((y - ((x @ weights) * b).sum(1)) ** 2)))
        runs.append(errors)
        own.append(icl_curve(model, TaskPopulation.from_tasks(task, known, test), [ratios]).idg[0])
    simulated = np.array(runs)
    theory = icl_curve(model, TaskPopulation.from_covariances(task, train, test), [ratios])
    plain = icl_curve(model, task, [ratios])
    for i, name in enumerate(("icl", "idg")):
        mean, allowed = simulated[:, i].mean(), 5 * simulated[:, i].std(ddof=1) / math.sqrt(60) + getattr(theory, name)[0] / d
        assert abs(mean - getattr(theory, name)[0]) < allowed
    assert abs(mean - plain.idg[0]) > allowed
    # Correlation r over 60 runs: 5 standard errors above none is r > 0.5 (a false alarm in 10⁶ if the two had nothing in common).
    assert np.corrcoef(simulated[:, 1], own)[0, 1] > 0.5
