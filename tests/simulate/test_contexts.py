"""The sampler against the literal definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import literal
import numpy as np
import pytest
from literal import coordinates, law_p_values, moment_scores
from numpy.typing import NDArray

from hermite_eq import Diagonal, HypothesisError, PowerLaw, Sizes, SoftmaxAttention, Source, Spike, StudentT, Task, Toeplitz
from hermite_eq.errors import HypothesisWarning
from hermite_eq.simulate import contexts
from hermite_eq.simulate.laws import Contexts, Tasks
from hermite_eq.simulate.sampler import context_law

Array = NDArray[np.float64]
Samples = tuple[Task, Array, literal.Contexts, Contexts]

EPS = np.finfo(float).eps
D, CONTEXT, COUNT = 5, 8, 50_000
TASKS = [
    Task("relu", noise=0.3),
    Task("tanh", noise=0.01),
    Task("identity"),
    Task(sources=[Source("relu", 0.3, input_cov=Spike(8.0, [2, 1, 0, 0, 1]))], unit_inputs=True, unit_link=True),
    Task(sources=[Source("tanh", 0.1, input_cov=Toeplitz(-0.6), input_mean=[0.5, 0, -1, 0.3, 0])]),
    Task(sources=[Source("relu", 0.1, input_cov=PowerLaw(1.0), input_mean=0.4)], unit_inputs=True),
    Task(sources=[Source("softplus", 0.1, inputs="rademacher", input_mean=0.2)]),
    Task(sources=[Source("tanh", 0.1, inputs="uniform", input_cov=Diagonal([1, 2, 3, 2, 1]))], unit_link=True),
]
# Two-sample z-scores: |z| < 5 on 209 monomials is a false alarm with probability 209 · 5.7e-7 = 1.2e-4 for
# each task.
Z = 5.0
# Kolmogorov-Smirnov: p > 1e-6 on 8 statistics is a false alarm with probability 8e-6 for each task.
P = 1e-6


def test_attention_is_linear_in_h_z() -> None:
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
        output = literal.attention_output(literal.embedding(x, y), key, query, value)
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
        assert abs(output - (gamma * h).sum()) <= 4 * (d + context + 2) * EPS * scale
        # The hypothesis is needed: with another last row of V, Σ x_i x_iᵀ enters, which H_Z does not hold.
        value[-1, :-1] = rng.standard_normal(d)
        other = literal.attention_output(literal.embedding(x, y), key, query, value)
        assert abs(other - (gamma * h).sum()) > 1e6 * EPS * scale


@pytest.fixture(scope="module", params=TASKS, ids=str)
def samples(request: pytest.FixtureRequest) -> Samples:
    task = request.param
    rng = np.random.default_rng(7)
    xi = rng.standard_normal(D) * 1.3
    return task, xi, by_definition(task, xi, rng), contexts(task, Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)


def by_definition(task: Task, xi: Array, rng: np.random.Generator) -> literal.Contexts:
    rows = np.tile(xi, (COUNT, 1))
    if task.isotropic:
        return literal.statistics(*literal.draw_contexts(task, D, CONTEXT, rows, rng))
    drawn = literal.draw_source(task.sources[0], D, CONTEXT, rows, rng, task.unit_inputs, task.unit_link)
    return literal.statistics(*drawn, task.unit_inputs)


def test_moments_to_order_four(samples: Samples) -> None:
    _, xi, exact, fast = samples
    scores = moment_scores(coordinates(*exact, xi), coordinates(fast.x, fast.b, fast.y, xi))
    assert np.abs(scores).max() < Z


def test_two_sample_laws(samples: Samples) -> None:
    _, xi, exact, fast = samples
    assert law_p_values(exact, (fast.x, fast.b, fast.y), D, xi).min() > P


def five_per_cent_off(fast: Contexts, xi: Array, what: str) -> literal.Contexts:
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
        extra = np.random.default_rng(0).standard_normal(len(b)) * np.sqrt(b[:, d] * CONTEXT / d) * d / CONTEXT
        b[:, :d] += np.outer(extra, u)
    else:
        b[:, d] *= 1.05
    return fast.x, b, fast.y


@pytest.mark.parametrize("what", ["across", "along", "square", "unprojected"])
@pytest.mark.parametrize("samples", [*TASKS[:3], TASKS[4]], indirect=True, ids=str)
def test_both_tests_see_five_per_cent(samples: Samples, what: Any) -> None:
    _, xi, exact, fast = samples
    wrong = five_per_cent_off(fast, xi, what)
    assert np.abs(moment_scores(coordinates(*exact, xi), coordinates(*wrong, xi))).max() > Z
    assert law_p_values(exact, wrong, D, xi).min() < P


def wrong(task: Task, what: str) -> Task:
    """The contexts of a sampler with one mistake; all but the last are another task's."""
    source = task.sources[0]
    fields: dict[str, Any] = {name: getattr(source, name) for name in ("input_cov", "input_mean", "inputs")}
    if what == "mean":
        fields["input_mean"] = 0.0
    elif what == "spike":
        fields["input_cov"] = replace(fields["input_cov"], strength=1.1 * fields["input_cov"].strength)
    elif what == "law":
        fields["inputs"] = "gaussian"
    elif what == "link":
        task = replace(task, unit_link=not task.unit_link)
    return replace(task, sources=(Source(source.target, source.noise, **fields),))


@pytest.mark.parametrize(
    ("task", "what"),
    [(3, "spike"), (3, "link"), (4, "mean"), (5, "mean"), (6, "mean"), (6, "law"), (7, "law"), (4, "sizes"), (6, "sizes")],
)
def test_both_tests_see_a_wrong_sampler(task: Any, what: Any) -> None:
    task = TASKS[task]
    xi = np.array([2.0, 1.0, 0.3, -0.2, 1.0])
    exact = by_definition(task, xi, np.random.default_rng(3))
    drawn = contexts(wrong(task, what), Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)
    b = drawn.b.copy()
    if what == "sizes":
        # ℓ and d exchanged in the factor of b₁.
        b[:, :D] *= (CONTEXT / D) ** 2
    assert np.abs(moment_scores(coordinates(*exact, xi), coordinates(drawn.x, b, drawn.y, xi))).max() > Z
    assert law_p_values(exact, (drawn.x, b, drawn.y), D, xi).min() < P


def test_heavy_tails() -> None:
    # Three degrees of freedom: no fourth moments, but laws all the same. 5 % off in the scale is seen.
    task = Task(sources=[Source("tanh", 0.1, inputs=StudentT(3), input_cov=Spike(1.0))])
    xi = np.array([2.0, 1.0, 0.3, -0.2, 1.0])
    exact = by_definition(task, xi, np.random.default_rng(3))
    drawn = contexts(task, Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)
    assert law_p_values(exact, (drawn.x, drawn.b, drawn.y), D, xi).min() > P
    assert law_p_values(exact, (drawn.x, 1.05 * drawn.b, drawn.y), D, xi).min() < P


@pytest.mark.parametrize("tasks", ["gaussian", "sphere", "rademacher"])
def test_law_over_tasks_of_several_sources(tasks: Any) -> None:
    sources = [
        Source("relu", 0.1, tasks=tasks, task_cov=Spike(5.0), task_mean=0.3),
        Source("tanh", 0.2, tasks=tasks, input_cov=Spike(2.0, normalised=True), input_mean=0.5),
    ]
    with pytest.warns(HypothesisWarning, match="unequal traces"):
        Task(sources=[*sources, Source("relu", input_cov=Spike(1.0))]).check(D)
    law = context_law(Task(sources=sources, weights=[0.3, 0.7], unit_inputs=True, unit_link=True), Sizes(D, CONTEXT, 1, 1))
    count = 3 * COUNT
    drawn_tasks = law.tasks(count, np.random.default_rng(1))
    # A binomial count is within 5 of its standard deviations.
    assert abs((drawn_tasks.source == 0).sum() - 0.3 * count) < Z * np.sqrt(0.21 * count)
    drawn = law.draw(drawn_tasks, np.arange(count), np.random.SeedSequence(2))
    rng = np.random.default_rng(5)
    for s, source in enumerate(sources):
        number = int((drawn.source == s).sum())
        root = np.linalg.cholesky(source.task_cov.matrix(D))
        z = rng.standard_normal((number, D))
        z = {"gaussian": z, "sphere": z * np.sqrt(D) / np.linalg.norm(z, axis=1)[:, None], "rademacher": np.sign(z)}[tasks]
        xi = z @ root.T + source.mean_vectors(D)[1]
        x, b, y = literal.statistics(*literal.draw_source(source, D, CONTEXT, xi, rng, True, True), True)
        rows = drawn.source == s
        scores = moment_scores(scalars(x, b, y, xi), scalars(drawn.x[rows], drawn.b[rows], drawn.y[rows], drawn.xi[drawn.task[rows]]))
        assert np.abs(scores).max() < Z
        other = drawn.source != s
        swapped = scalars(drawn.x[other], drawn.b[other], drawn.y[other], drawn.xi[drawn.task[other]])
        assert np.abs(moment_scores(scalars(x, b, y, xi), swapped)).max() > Z


def scalars(x: Array, b: Array, y: Array, xi: Array) -> Array:
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


@pytest.mark.parametrize("unit", [False, True])
def test_softmax_attention(unit: Any) -> None:
    task = Task(sources=[Source("relu", 0.1, input_cov=Spike(1.0))], unit_inputs=unit)
    xi = np.array([2.0, 1.0, 0.3, -0.2, 1.0])
    drawn = literal.draw_source(task.sources[0], D, CONTEXT, np.tile(xi, (COUNT, 1)), np.random.default_rng(3), unit)
    exact = literal.softmax_statistics(*drawn, 1.0, unit)
    fast = contexts(SoftmaxAttention(task, 1.0), Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)
    assert np.abs(moment_scores(coordinates(*exact, xi), coordinates(fast.x, fast.b, fast.y, xi))).max() < Z
    assert law_p_values(exact, (fast.x, fast.b, fast.y), D, xi).min() > P
    # Linear attention, and another sharpness, are seen.
    for other in (task, SoftmaxAttention(task, 1.3)):
        fast = contexts(other, Sizes(D, CONTEXT, 1, 1), xi, COUNT, rng=3)
        assert np.abs(moment_scores(coordinates(*exact, xi), coordinates(fast.x, fast.b, fast.y, xi))).max() > Z


def test_the_trace_under_softmax_attention_is_measured() -> None:
    task = Task(sources=[Source("relu", 0.1)])
    law, soft = (context_law(attention, Sizes(20, 20, 1, 1)) for attention in (task, SoftmaxAttention(task, 1e-9)))
    # Without sharpness the exact trace is known; 8192 contexts have a standard error of about 1 % and a seed of their own.
    assert soft.trace() != law.trace()
    assert soft.trace() == pytest.approx(law.trace(), rel=0.05)
    assert not soft.closes
    with pytest.raises(HypothesisError, match="softmax attention is over the contexts of a Task"):
        SoftmaxAttention("relu", 1.0)  # type: ignore[arg-type]


def test_law_over_random_tasks() -> None:
    task = Task("relu", noise=0.1)
    rng = np.random.default_rng(5)
    count = 4 * COUNT
    xi = rng.standard_normal((count, D))
    x, b, y = literal.statistics(*literal.draw_contexts(task, D, CONTEXT, xi, rng))
    fast_xi = rng.standard_normal((count, D))
    tasks = Tasks(fast_xi, np.zeros(count, int))
    fast = context_law(task, Sizes(D, CONTEXT, 1, 1)).draw(tasks, np.arange(count), np.random.SeedSequence(9))

    scores = moment_scores(scalars(x, b, y, xi), scalars(fast.x, fast.b, fast.y, fast_xi))
    assert np.abs(scores).max() < Z
    # 5 % off in the query's label:
    off = moment_scores(scalars(x, b, y, xi), scalars(fast.x, fast.b, 1.05 * fast.y, fast_xi))
    assert np.abs(off).max() > Z


def test_first_contexts_do_not_depend_on_how_many_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    task, sizes, xi = Task("relu", noise=0.1), Sizes(4, 7, 1, 1), np.arange(1.0, 5.0)
    many = contexts(task, sizes, xi, 50, rng=2)
    few = contexts(task, sizes, xi, 20, rng=2)
    for name in ("x", "b", "y"):
        np.testing.assert_array_equal(getattr(many, name)[:20], getattr(few, name))
    monkeypatch.setattr("hermite_eq.simulate.laws.inputs._LABELS", 21)
    blocked = contexts(task, sizes, xi, 50, rng=2)
    for name in ("x", "b", "y"):
        np.testing.assert_array_equal(getattr(many, name), getattr(blocked, name))


def test_a_generator_gives_new_contexts_each_time() -> None:
    task, sizes, xi = Task("relu"), Sizes(4, 7, 1, 1), np.ones(4)
    rng = np.random.default_rng(2)
    first, second = (contexts(task, sizes, xi, 3, rng=rng) for _ in range(2))
    assert not np.array_equal(first.x, second.x)


def test_h_is_the_outer_product_by_rows() -> None:
    rng = np.random.default_rng(0)
    c = Contexts(
        rng.standard_normal((6, 3)),
        rng.standard_normal((6, 4)),
        np.zeros(6),
        Tasks(np.zeros((1, 3)), np.zeros(1, int)),
        np.zeros(6, int),
    )
    assert len(c) == 6
    np.testing.assert_array_equal(c.h(slice(2, 5)), [np.outer(x, b).ravel() for x, b in zip(c.x[2:5], c.b[2:5], strict=True)])


def test_one_dimension() -> None:
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
            "the task is a hermite_eq.Task; found 'relu'. Repair: pass hermite_eq.Task(target, noise=0.01), say",
        ),
    ],
)
def test_errors(arguments: Any, message: Any) -> None:
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
