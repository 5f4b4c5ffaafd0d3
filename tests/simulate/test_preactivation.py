"""Samples of pre-activations: what they are computed from, and their first two moments."""

from __future__ import annotations

import numpy as np
import pytest

from hermite_eq import HypothesisError, Sizes, Task
from hermite_eq.simulate import contexts, preactivations
from hermite_eq.simulate.sampler import context_law

TASK = Task("relu", noise=0.1)
SIZES = Sizes(d=6, context=8, tasks=1, samples=1)
EPS = np.finfo(float).eps
# |z| < 5: a false alarm with probability 5.7e-7 for each comparison.
Z = 5.0


def test_z_and_signal_are_what_they_are_called(monkeypatch):
    monkeypatch.setattr("hermite_eq.simulate.preactivation._ELEMENTS", 100)
    xi = np.arange(1.0, 7.0)
    drawn = preactivations(TASK, SIZES, units=4, count=30, rng=1, xi=xi)
    h = np.einsum("ni,nj->nij", drawn.contexts.x, drawn.contexts.b).reshape(30, 42)
    np.testing.assert_allclose(drawn.z, h @ drawn.F, rtol=0, atol=42 * EPS * (np.abs(h) @ np.abs(drawn.F)).max())
    np.testing.assert_allclose(drawn.signal, drawn.contexts.x @ xi, rtol=0, atol=6 * EPS * np.abs(xi).sum())
    assert drawn.trace == context_law(TASK, Sizes(6, 8, 1, 1)).trace()


def test_given_layer_is_used():
    layer = np.random.default_rng(0).standard_normal((42, 2))
    drawn = preactivations(TASK, SIZES, units=2, count=5, rng=1, F=layer)
    np.testing.assert_array_equal(drawn.F, layer)
    np.testing.assert_array_equal(drawn.z, drawn.contexts.h() @ layer)


def test_variance_of_a_pre_activation_is_one_over_layers():
    # E[(fᵀh)²] = E‖h‖²/t = 1 over F and fresh tasks. Units share the contexts: the scatter is taken over contexts.
    drawn = preactivations(TASK, SIZES, units=500, count=20_000, rng=2)
    square = (drawn.z**2).mean(axis=1)
    over_contexts = square.std() / np.sqrt(len(square))
    # Given the contexts, the mean over units is a quadratic form of 500 Gaussian columns with matrix Σ = mean hhᵀ/t:
    # variance 2 tr Σ²/500.
    h = drawn.contexts.h()
    sigma = h.T @ h / (len(h) * drawn.trace)
    stderr = np.hypot(over_contexts, np.sqrt(2 * np.trace(sigma @ sigma) / 500))
    assert abs(square.mean() - 1) < Z * stderr
    assert abs(1.3 * square.mean() - 1) > Z * stderr


def test_fresh_tasks_without_xi():
    drawn = preactivations(TASK, SIZES, units=1, count=50, rng=0)
    assert drawn.contexts.xi.shape == (50, 6)
    assert len(np.unique(drawn.contexts.xi[:, 0])) == 50
    np.testing.assert_allclose(drawn.signal, (drawn.contexts.xi * drawn.contexts.x).sum(axis=1), rtol=0, atol=32 * EPS * 6)


def test_correlation_with_the_signal_given_task_and_layer():
    # Given ξ and F: E[fᵀh · ξᵀx] = fᵀ(ξ/d ⊗ E[b]); E[b] from an independent sample of contexts.
    xi = np.random.default_rng(4).standard_normal(6)
    # 5 % of the largest of 16 are 8 standard errors.
    count, units = 300_000, 16
    drawn = preactivations(TASK, SIZES, units=units, count=count, rng=5, xi=xi)
    product = drawn.z * drawn.signal[:, None]
    b = contexts(TASK, SIZES, xi, count, rng=6).b
    through = np.einsum("i,ijk->jk", xi / 6, drawn.F.reshape(6, 7, units))
    expected = b.mean(axis=0) @ through
    stderr = np.hypot(product.std(axis=0), (b @ through).std(axis=0)) / np.sqrt(count)
    assert (np.abs(product.mean(axis=0) - expected) < Z * stderr).all()
    assert (np.abs(1.05 * product.mean(axis=0) - expected) / stderr).max() > Z


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"units": 0}, "units is a positive integer; found units=0. Repair: pass units=1 or more"),
        ({"count": 1.5}, "count is a positive integer; found count=1.5. Repair: pass count=1 or more"),
        ({"xi": np.ones(5)}, "ξ is a vector of length d = 6; found shape (5,). Repair: pass shape (6,)"),
        (
            {"F": np.ones((2, 42))},
            "F has shape (d(d+1), units) = (42, 2); found shape (2, 42). Repair: transpose or redraw F",
        ),
    ],
)
def test_errors(change, message):
    with pytest.raises(HypothesisError) as error:
        preactivations(TASK, SIZES, **({"units": 2, "count": 5, "rng": 0} | change))
    assert str(error.value) == message
