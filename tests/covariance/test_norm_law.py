"""The law of ‖h‖²/t: its variance against the exact moments at finite d and against simulation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

from hermite_eq import Sizes, Source, Task
from hermite_eq.covariance import SymbolicTarget, covariance, hermite_symbol
from hermite_eq.hermite import X
from hermite_eq.simulate import context_law as simulated_law
from hermite_eq.simulate.laws import Tasks
from hermite_eq.theory.feature_law.context_law import context_law

TARGETS = ["relu", "tanh", sympy.Max(X - sympy.Rational(1, 3), 0), "gelu"]
ALPHA = 1.5


def _exact(task: Task, d: int) -> float:
    """d Var(‖h‖²/t) from the exact moments of (Σ y_i g_i, Σ y_i²)."""
    law = context_law(task, d, round(ALPHA * d))
    return d * float(law.weights @ law.scale2**2 - 1)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_variance_against_exact_moments_at_rate_one_over_d(target: object) -> None:
    task = Task(target, noise=0.1)
    predicted = covariance(task).norm_law().numeric(ALPHA)["variance"]
    gaps = [_exact(task, d) - predicted for d in (400, 800, 1600)]
    # d Var = C + O(1/d): the gap halves, up to the next term.
    slopes = [math.log2(gaps[i + 1] / gaps[i]) for i in (0, 1)]
    assert slopes[1] == pytest.approx(-1, abs=0.02)
    assert abs(slopes[1] + 1) < abs(slopes[0] + 1)
    # Five per cent off in C leaves a gap that does not fall.
    wrong = [_exact(task, d) - 1.05 * predicted for d in (800, 1600)]
    assert abs(math.log2(abs(wrong[1] / wrong[0])) + 1) > 0.5


def _norms(task: Task, d: int, count: int, seed: int, unit: bool, sphere: bool) -> np.ndarray:
    law = simulated_law(task, Sizes(d, round(ALPHA * d), math.inf, 1))
    blocks = []
    for block in np.random.SeedSequence(seed).spawn(count // 20_000):
        draw, tasks = block.spawn(2)
        xi = law.tasks(20_000, np.random.default_rng(tasks))
        if sphere:
            xi = Tasks(xi.xi * (math.sqrt(d) / np.linalg.norm(xi.xi, axis=1))[:, None], xi.source)
        drawn = law.draw(xi, np.arange(20_000), draw)
        weight = np.append(np.full(d, 1 / d if unit else 1.0), 1.0)
        blocks.append((d if unit else 1) * np.einsum("ni,ni->n", drawn.x, drawn.x) * (drawn.b**2 @ weight))
    return np.concatenate(blocks)


def _fit(task: Task, *, unit: bool, sphere: bool) -> tuple[float, float]:
    """C and its standard error from d Var = C + c/d + e/d² at d = 20, 40, 80 and 160."""
    ladder, rows, values, errors = (20, 40, 80, 160), [], [], []
    for d in ladder:
        s2 = _norms(task, d, 80_000, d, unit, sphere)
        s2 = s2 / s2.mean()
        square = (s2 - 1) ** 2
        values.append(d * square.mean())
        errors.append(d * square.std() / math.sqrt(len(s2)))
        rows.append([1, 1 / d, 1 / d**2])
    A = np.array(rows) / np.array(errors)[:, None]
    inverse = np.linalg.inv(A.T @ A)
    return float((inverse @ A.T @ (np.array(values) / np.array(errors)))[0]), math.sqrt(inverse[0, 0])


@pytest.mark.parametrize(
    ("target", "unit", "sphere"),
    [
        ("relu", False, False),
        ("tanh", True, True),
    ],
)
def test_variance_against_simulation(target: str, unit: bool, sphere: bool) -> None:
    law = covariance(Task(sources=[Source(target, 0.1, tasks="sphere" if sphere else "gaussian")], unit_inputs=unit)).norm_law()
    predicted = law.numeric(ALPHA)["variance"]
    fitted, stderr = _fit(Task(target, noise=0.1), unit=unit, sphere=sphere)
    # Two cases at |z| < 4: one false alarm in 7,000 seeds.
    assert abs(fitted - predicted) < 4 * stderr
    assert stderr < predicted / 6


def test_variance_in_symbols() -> None:
    """The formula in the target's coefficients, literally."""
    alpha = sympy.Symbol("alpha")
    law = covariance(SymbolicTarget()).norm_law()
    rho = sympy.Symbol("rho")
    a, c3 = hermite_symbol(1, 1), hermite_symbol(1, 3)
    second, p = hermite_symbol(2, 0), hermite_symbol(2, 2)
    v = second + rho
    w3 = hermite_symbol(3, 1) + 3 * rho * a
    w4 = hermite_symbol(4, 0) + 6 * rho * second + 3 * rho**2
    T = a**2 + v / alpha
    expected = (
        2
        + (
            2 * (a * (a + c3) + p / (2 * alpha)) ** 2
            + 4 * a**2 * (p + v - a**2) / alpha
            + 4 * a * (w3 - a * v) / alpha**2
            + (w4 - v**2) / alpha**3
            + 2 * v**2 / alpha**2
        )
        / T**2
    )
    assert sympy.simplify(law.entries["variance"] - expected) == 0
    assert law.arguments[:2] == (alpha, rho)
    parts = law.entries
    assert sympy.simplify(parts["query"] + parts["task"] + parts["labels"] + parts["inputs"] - parts["variance"]) == 0


def test_tasks_on_the_sphere_lose_the_term_of_the_task() -> None:
    free = covariance(Task("relu", noise=0.1)).norm_law().numeric(ALPHA)
    fixed = covariance(Task(sources=[Source("relu", 0.1, tasks="sphere")])).norm_law().numeric(ALPHA)
    assert fixed["task"] == 0
    assert free["variance"] - free["task"] == pytest.approx(fixed["variance"], rel=1e-14)
