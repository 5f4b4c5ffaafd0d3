"""The conditional covariance against the literal definition, its derivation, and its errors."""

from __future__ import annotations

import math

import numpy as np
import pytest
import sympy

import hermite_eq
from derivations.contexts import context_covariance
from derivations.contexts.context_covariance import ENTRIES
from hermite_eq import HypothesisError, Task
from hermite_eq.activations import Activation
from hermite_eq.covariance import covariance, target_moments, task_norm_nodes
from hermite_eq.hermite import X

TARGETS = ["relu", "tanh", sympy.Max(X - sympy.Rational(1, 3), 0), "gelu", X**3 / 3 - X / 2]
#: Two-sided; 28 entries × 5 targets at 5 standard errors: one false alarm in 12,000 seeds. 5 % off a cross-covariance are 6 of them.
Z = 5.0


def literal_moments(
    target: Activation, noise: float, xi: np.ndarray, layer: np.ndarray, context: int, count: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Second moments of (Fᵀh, ξᵀx) from full arrays of x_i, and their standard errors."""
    d = xi.size
    x = rng.standard_normal((count, context + 1, d)) / math.sqrt(d)
    y = target(x[:, :-1] @ xi) + math.sqrt(noise) * rng.standard_normal((count, context))
    b = np.concatenate([d / context * np.einsum("ni,nij->nj", y, x[:, :-1]), np.mean(y**2, axis=1, keepdims=True)], axis=1)
    query = x[:, -1]
    h = np.einsum("ni,nj->nij", query, b).reshape(count, -1)
    sample = np.column_stack([h @ layer, query @ xi])
    products = np.einsum("ni,nj->nij", sample, sample)
    return products.mean(axis=0), products.std(axis=0, ddof=1) / math.sqrt(count)


def z_scores(task: Task, factor: float = 1.0) -> np.ndarray:
    d, context, units = 5, 4, 6
    rng = np.random.default_rng(11)
    xi = rng.standard_normal(d)
    layer = rng.standard_normal((d * (d + 1), units)) / math.sqrt(covariance(task).trace(d, context))
    exact = covariance(task).given(xi, context=context).matrix(layer)
    exact[:units, units] *= factor
    exact[units, :units] *= factor
    measured, stderr = literal_moments(task.target, task.noise, xi, layer, context, 160_000, rng)
    return np.asarray((measured - exact) / stderr)


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_every_entry_agrees_with_the_literal_definition(target: object) -> None:
    assert np.abs(z_scores(Task(target, noise=0.3))).max() < Z


def test_a_cross_covariance_five_per_cent_off_is_seen() -> None:
    assert np.abs(z_scores(Task("relu", noise=0.3), factor=1.05)).max() > Z


@pytest.mark.parametrize("target", ["relu", "identity", "gelu", X**3 / 3 - X / 2, sympy.sin(X)], ids=str)
def test_symbolic_moments_equal_the_numeric_ones(target: object) -> None:
    task, s, rho = Task(target, noise=0.2), 0.8, 0.2
    numeric = target_moments(task, s)
    for name, form in covariance(task, symbolic_noise=True).moments.items():
        if form is not None:
            value = float(form.subs({"s": s, "rho": rho}))
            # The quadrature is good to 1e-13 in units of the moment.
            assert value == pytest.approx(numeric[name], rel=1e-12, abs=1e-13)


def test_relu_moments_are_the_closed_forms() -> None:
    s, rho = sympy.symbols("s rho")
    moments = covariance(Task("relu", noise=0.01), symbolic_noise=True).moments
    assert moments["a"] == s / 2
    assert sympy.simplify(moments["v"] - (s**2 / 2 + rho)) == 0
    assert sympy.simplify(moments["p"] - s**2) == 0
    assert sympy.simplify(moments["w_4"] - (sympy.Rational(3, 2) * s**4 + 3 * rho * s**2 + 3 * rho**2)) == 0


def test_the_trace_is_that_of_the_average_covariance() -> None:
    task, d, context = Task("tanh", noise=0.1), 7, 9
    rng = np.random.default_rng(5)
    draws = rng.standard_normal((4000, d))
    values = np.array([covariance(task).given(xi, context=context).trace for xi in draws[:400]])
    z = (values.mean() - covariance(task).trace(d, context)) / (values.std(ddof=1) / 20)
    assert abs(z) < Z
    given = covariance(task).given(draws[0], context=context)
    assert given.trace == pytest.approx(np.trace(given.second_b), rel=1e-13)


def test_norm_nodes_integrate_the_moments_of_chi_square() -> None:
    for d in (1, 2, 7, 400):
        s, weights = task_norm_nodes(d)
        exact = [math.prod((d + 2 * j) / d for j in range(power)) for power in range(5)]
        np.testing.assert_allclose([weights @ s ** (2 * power) for power in range(5)], exact, rtol=1e-12)


def test_the_derivation_sees_every_mutation() -> None:
    for name in ENTRIES:
        for mutated in (-ENTRIES[name], sympy.Rational(21, 20) * ENTRIES[name]):
            assert not all(step.holds for step in context_covariance.check({**ENTRIES, name: mutated})), name


def test_latex_shows_closed_forms_where_there_are_any() -> None:
    shown = covariance(Task("relu", noise=0.01)).latex()
    assert r"a = \mathbb{E}[y g] &= \frac{s}{2} \\" in shown
    assert r"a &= \mathbb{E}[y g] \\" in covariance(Task("tanh", noise=0.01)).latex()


def test_errors_name_the_hypothesis() -> None:
    task = Task("relu", noise=0.01)
    with pytest.raises(HypothesisError, match=r"a covariance belongs to a Task; found 'relu'"):
        hermite_eq.covariance("relu")  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"the labels depend on x: ξ ≠ 0; found a task vector of zeros"):
        covariance(task).given(np.zeros(3), context=5)
    with pytest.raises(HypothesisError, match=r"context is a non-negative integer; found context=1.5"):
        covariance(task).given(np.ones(3), context=1.5)  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"shape \(d\(d\+1\), m\).* found shape \(4, 2\) at d = 3"):
        covariance(task).given(np.ones(3), context=5).matrix(np.ones((4, 2)))
