"""The sampler against the literal definition."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import scipy.stats

from hermite_eq import HypothesisError, Sizes, Task
from hermite_eq.simulate import contexts
from hermite_eq.simulate.laws import Contexts, Tasks
from hermite_eq.simulate.sampler import context_law

from . import literal

EPS = np.finfo(float).eps
D, CONTEXT, COUNT = 5, 8, 30_000
TASKS = [Task("relu", noise=0.3), Task("tanh", noise=0.01), Task("identity")]
# Two-sample z-scores: |z| < 5 on 209 monomials is a false alarm with probability 209 · 5.7e-7 = 1.2e-4 for
# each task.
Z = 5.0
# Kolmogorov-Smirnov: p > 1e-6 on 8 statistics is a false alarm with probability 8e-6 for each task.
P = 1e-6


def test_attention_is_linear_in_h_z():
    # A = Z + V Z (KZ)ᵀ(QZ)/ℓ with the last row of V equal to (0, …, 0, v): ŷ = ⟨Γ, H_Z⟩ with Γ = v [
    # (KᵀQ)₁₁ᵀ/d, (KᵀQ)₂₁ᵀ ].
    rng = np.random.default_rng(1)
    d, context = 6, 11
    for _ in range(5):
        x = rng.standard_normal((context + 1, d)) / np.sqrt(d)
        y = rng.standard_normal(context + 1)
        key, query = rng.standard_normal((2, d + 1, d + 1))
        value = rng.standard_normal((d + 1, d + 1))
        value[-1, :-1] = 0.0
        m = key.T @ query
        gamma = value[-1, -1] * np.hstack([m[:d, :d].T / d, m[d:, :d].T])
        h = literal.h_z(x, y)
        found = literal.attention_output(literal.embedding(x, y), key, query, value)
        # Rounding: products of at most d + 1 or ℓ + 1 terms, three deep; magnitudes by absolute values.
        scale = (
            np.abs(value[-1, -1])
            * (
                np.abs(literal.h_z(np.abs(x), np.abs(y)))
                * np.abs(
                    np.hstack(
                        [
                            (np.abs(key).T @ np.abs(query))[:d, :d].T / d,
                            (np.abs(key).T @ np.abs(query))[d:, :d].T,
                        ]
                    )
                )
            ).sum()
        )
        assert abs(found - (gamma * h).sum()) <= 4 * (d + context + 2) * EPS * scale
        # The hypothesis is needed: with another last row of V, Σ x_i x_iᵀ enters, which H_Z does not hold.
        value[-1, :-1] = rng.standard_normal(d)
        other = literal.attention_output(literal.embedding(x, y), key, query, value)
        assert abs(other - (gamma * h).sum()) > 1e6 * EPS * scale


def coordinates(x, b, y, xi):
    """Six scalars: b₁ and x along ξ and across, b₂, y."""
    d = len(xi)
    u = xi / np.linalg.norm(xi)
    across = np.zeros(d)
    across[0] = 1.0
    across -= u * u[0]
    across /= np.linalg.norm(across)
    return np.stack([b[:, :d] @ u, b[:, :d] @ across, b[:, d], x @ u, x @ across, y])


def moment_scores(one, two):
    """z-scores of all monomials of degree ≤ 4 between two samples, standardised by the first."""
    centre, scale = one.mean(axis=1, keepdims=True), one.std(axis=1, keepdims=True)
    one, two = (one - centre) / scale, (two - centre) / scale
    scores = []
    for degree in range(1, 5):
        for which in itertools.combinations_with_replacement(range(len(one)), degree):
            a, c = one[list(which)].prod(axis=0), two[list(which)].prod(axis=0)
            scores.append((a.mean() - c.mean()) / np.sqrt(a.var() / len(a) + c.var() / len(c)))
    return np.array(scores)


def law_p_values(one, two, d, xi):
    def statistics(x, b, y):
        u = xi / np.linalg.norm(xi)
        b1 = b[:, :d]
        return [
            b1 @ u,
            np.linalg.norm(b1 - np.outer(b1 @ u, u), axis=1),
            b[:, d],
            np.einsum("ij,ij->i", x, b1),
            y * np.einsum("ij,ij->i", x, b1),
            (b1 @ u) / np.sqrt(b[:, d]),
            np.linalg.norm(b, axis=1),
            y,
        ]

    return np.array(
        [scipy.stats.ks_2samp(a, c).pvalue for a, c in zip(statistics(*one), statistics(*two), strict=True)]
    )


@pytest.fixture(scope="module", params=TASKS, ids=str)
def samples(request):
    task = request.param
    rng = np.random.default_rng(7)
    xi = rng.standard_normal(D) * 1.3
    exact = literal.statistics(*literal.draw_contexts(task, D, CONTEXT, np.tile(xi, (COUNT, 1)), rng))
    fast = contexts(task, Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)
    return task, xi, exact, fast


def test_moments_to_order_four(samples):
    _, xi, exact, fast = samples
    scores = moment_scores(coordinates(*exact, xi), coordinates(fast.x, fast.b, fast.y, xi))
    assert np.abs(scores).max() < Z


def test_two_sample_laws(samples):
    _, xi, exact, fast = samples
    assert law_p_values(exact, (fast.x, fast.b, fast.y), D, xi).min() > P


def five_per_cent_off(fast, xi, what):
    """The sample as it would come from a wrong sampler."""
    u = xi / np.linalg.norm(xi)
    d = len(xi)
    along = np.outer(fast.b[:, :d] @ u, u)
    b = fast.b.copy()
    if what == "across":
        b[:, :d] = along + 1.05 * (b[:, :d] - along)
    elif what == "along":
        b[:, :d] += 0.05 * along
    elif what == "unprojected":
        # The fresh vector not projected off u, which adds ‖y‖ N(0, 1/d) along u.
        extra = (
            np.random.default_rng(0).standard_normal(len(b)) * np.sqrt(b[:, d] * CONTEXT / d) * d / CONTEXT
        )
        b[:, :d] += np.outer(extra, u)
    else:
        b[:, d] *= 1.05
    return fast.x, b, fast.y


@pytest.mark.parametrize("what", ["across", "along", "square", "unprojected"])
def test_both_tests_see_five_per_cent(samples, what):
    _, xi, exact, fast = samples
    wrong = five_per_cent_off(fast, xi, what)
    assert np.abs(moment_scores(coordinates(*exact, xi), coordinates(*wrong, xi))).max() > Z
    assert law_p_values(exact, wrong, D, xi).min() < P


def test_law_over_random_tasks():
    task = Task("relu", noise=0.1)
    rng = np.random.default_rng(5)
    count = 4 * COUNT
    xi = rng.standard_normal((count, D))
    x, b, y = literal.statistics(*literal.draw_contexts(task, D, CONTEXT, xi, rng))
    fast_xi = rng.standard_normal((count, D))
    tasks = Tasks(fast_xi, np.zeros(count, int))
    fast = context_law(task, Sizes(D, CONTEXT, 1, 1)).draw(tasks, np.arange(count), np.random.SeedSequence(9))

    def scalars(x, b, y, xi):
        b1 = b[:, :D]
        return np.stack(
            [
                np.einsum("ij,ij->i", b1, xi),
                np.einsum("ij,ij->i", b1, b1),
                b[:, D],
                np.einsum("ij,ij->i", x, b1),
                y,
                np.einsum("ij,ij->i", xi, x),
            ]
        )

    scores = moment_scores(scalars(x, b, y, xi), scalars(fast.x, fast.b, fast.y, fast_xi))
    assert np.abs(scores).max() < Z
    # 5 % off in the query's label:
    wrong = moment_scores(scalars(x, b, y, xi), scalars(fast.x, fast.b, 1.05 * fast.y, fast_xi))
    assert np.abs(wrong).max() > Z


def test_first_contexts_do_not_depend_on_how_many_follow(monkeypatch):
    task, sizes, xi = Task("relu", noise=0.1), Sizes(4, 7, 1, 1), np.arange(1.0, 5.0)
    many = contexts(task, sizes, xi, 50, rng=2)
    few = contexts(task, sizes, xi, 20, rng=2)
    for name in ("x", "b", "y"):
        np.testing.assert_array_equal(getattr(many, name)[:20], getattr(few, name))
    monkeypatch.setattr("hermite_eq.simulate.laws.gaussian_inputs._LABELS", 21)
    blocked = contexts(task, sizes, xi, 50, rng=2)
    for name in ("x", "b", "y"):
        np.testing.assert_array_equal(getattr(many, name), getattr(blocked, name))


def test_a_generator_gives_new_contexts_each_time():
    task, sizes, xi = Task("relu"), Sizes(4, 7, 1, 1), np.ones(4)
    rng = np.random.default_rng(2)
    first, second = (contexts(task, sizes, xi, 3, rng=rng) for _ in range(2))
    assert not np.array_equal(first.x, second.x)


def test_h_is_the_outer_product_by_rows():
    rng = np.random.default_rng(0)
    c = Contexts(
        rng.standard_normal((6, 3)),
        rng.standard_normal((6, 4)),
        np.zeros(6),
        Tasks(np.zeros((1, 3)), np.zeros(1, int)),
        np.zeros(6, int),
    )
    assert len(c) == 6
    np.testing.assert_array_equal(
        c.h(slice(2, 5)), [np.outer(x, b).ravel() for x, b in zip(c.x[2:5], c.b[2:5], strict=True)]
    )


def test_one_dimension():
    # d = 1: nothing lies across ξ, so that b₁ = Σ y x / ℓ has no part from the fresh vector: its mean is s
    # E[y g] = 1 for y = x.
    fast = contexts(Task("identity"), Sizes(1, 4, 1, 1), [1.0], 4000, rng=0)
    np.testing.assert_allclose(fast.b[:, 0], fast.b[:, 1], rtol=8 * EPS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"xi": np.ones(3)}, "ξ is a vector of length d = 4; found shape (3,). Repair: pass shape (4,)"),
        (
            {"xi": np.zeros(4)},
            "ξ is finite and not zero; found ξ = [0. 0. 0. 0.]. Repair: draw ξ from N(0, I_d)",
        ),
        ({"count": 0}, "count is a positive integer; found count=0. Repair: pass count=1 or more"),
        ({"count": True}, "count is a positive integer; found count=True. Repair: pass count=1 or more"),
        (
            {"task": "relu"},
            "the task is a hermite_eq.Task; found 'relu'. "
            "Repair: pass hermite_eq.Task(target, noise=0.01), say",
        ),
    ],
)
def test_errors(arguments, message):
    given = {
        "task": Task("relu"),
        "sizes": Sizes(4, 7, 1, 1),
        "xi": np.ones(4),
        "count": 3,
        "rng": 0,
    } | arguments
    with pytest.raises(HypothesisError) as error:
        contexts(**given)
    assert str(error.value) == message
