"""Moments of contexts of any source, and errors of linear heads, against samples and against exact cases."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from hermite_eq import Dense, Diagonal, HypothesisError, PowerLaw, Sizes, Source, Spike, StudentT, Task, Toeplitz
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.hermite import X
from hermite_eq.simulate.laws.averages import NET_TOLERANCE, NETS, fresh_moments, net_moments, task_nets, widths
from hermite_eq.simulate.laws.moments import given_tasks
from hermite_eq.simulate.sampler import context_law

Array = NDArray[np.float64]

# |z| < 5: a false alarm with probability 5.7e-7 for each comparison.
Z = 5.0
D, CONTEXT, COUNT = 4, 6, 100_000
SIZES = Sizes(D, CONTEXT, 1, 1)
ROTATED = Dense([[2.0, 1.0, 0.0, 0.0], [1.0, 2.0, 0.5, 0.0], [0.0, 0.5, 1.0, 0.0], [0.0, 0.0, 0.0, 3.0]])

TASKS = [
    Task(sources=[Source("relu", 0.1, input_cov=Spike(3.0), task_cov=Spike(8.0))], unit_inputs=True, unit_link=True),
    Task(sources=[Source("tanh", 0.1, input_mean=[0.5, 0, -1, 0.3], input_cov=Toeplitz(0.5), tasks="sphere", task_cov=PowerLaw(1.0))]),
    Task(sources=[Source("softplus", 0.1, input_mean=0.4, task_mean=[0.5, 1.0, 0, 0], task_cov=ROTATED)], unit_inputs=True),
    Task(
        sources=[Source("relu", 0.2, input_mean=0.3), Source("tanh", 0.1, input_cov=Spike(2.0, normalised=True), task_mean=0.5)],
        weights=[0.3, 0.7],
        test_weights=[0.8, 0.2],
    ),
]


def near(samples: Array, exact: Array | float) -> Array:
    """z-scores of means over the first axis."""
    return np.asarray((samples.mean(axis=0) - exact) / (samples.std(axis=0) / np.sqrt(len(samples))))


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_trace_and_linear_errors_are_those_of_the_contexts(task: Any) -> None:
    # With contexts of so few entries ‖h‖² has heavy tails; 10 % off is seen on one of the heads at least.
    law = context_law(task, SIZES)
    rng = np.random.default_rng(3)
    tasks = law.tasks(COUNT, np.random.default_rng(1))
    drawn = law.draw(tasks, np.arange(COUNT), np.random.SeedSequence(2))
    h = drawn.h()
    # tr Cov(h) = E‖h − E h‖²; the sample mean in place of E h is an error of order 1/count.
    squares = ((h - h.mean(axis=0)) ** 2).sum(axis=1)
    assert abs(near(squares, law.trace())) < Z
    assert abs(near(squares, 1.1 * law.trace())) > Z

    weights, intercepts = rng.standard_normal((D * (D + 1), 3)) / D, np.array([0.0, 0.4, -0.2])
    moments = law.fresh_linear_errors(weights, intercepts)
    assert moments.shape == (len(law.sources), 3)
    errors = (drawn.y[:, None] - h @ weights - intercepts) ** 2
    for s in range(len(law.sources)):
        part = errors[drawn.source == s]
        assert np.abs(near(part, moments[s])).max() < Z
        assert np.abs(near(part, 1.1 * moments[s])).max() > Z
    # The training mixture's tasks, one by one and together.
    few = law.tasks(7, rng)
    again = law.draw(few, rng.integers(7, size=COUNT), np.random.SeedSequence(5))
    errors = (again.y[:, None] - again.h() @ weights - intercepts) ** 2
    exact = law.linear_errors(weights, intercepts, few)
    assert np.abs(near(errors, exact)).max() < Z
    assert np.abs(near(errors, 1.1 * exact)).max() > Z


@pytest.mark.parametrize("task", [TASKS[2], TASKS[1]], ids=str)
def test_moments_given_the_task(task: Any) -> None:
    law = context_law(task, SIZES)
    xi = law.tasks(1, np.random.default_rng(7))
    drawn = law.draw(xi, np.zeros(COUNT, int), np.random.SeedSequence(2))
    exact = given_tasks(law.sources[0], xi.xi)
    for samples, value in (
        (drawn.y, exact.label),
        (drawn.y**2, exact.square),
        (drawn.b, exact.b),
        (drawn.b[:, :, None] * drawn.b[:, None, :], exact.second),
        (drawn.y[:, None, None] * drawn.x[:, :, None] * drawn.b[:, None, :], exact.signal),
        (drawn.x, exact.x),
        (drawn.x[:, :, None] * drawn.x[:, None, :], exact.query),
    ):
        assert np.abs(near(samples, value)).max() < Z
        # Off by 5 % of the root mean square.
        assert np.abs(near(samples, value + 0.05 * np.sqrt((samples**2).mean(axis=0)))).min() > Z


def test_nets_agree_with_the_exact_average() -> None:
    # An isotropic source by the nets instead of by rotation: the error of the mean is within 5 of the nets' own standard errors.
    law = context_law(Task("relu", noise=0.1), Sizes(20, 20, 1, 1)).sources[0]
    exact = fresh_moments(law)
    errors = [net_moments(law, *net) for net in task_nets(law)]
    # Student's t with 7 degrees of freedom beyond 15 has probability 1.4e-6.
    for samples, value in (
        (np.array([part.square_h for part in errors]), exact.square_h),
        (np.array([part.second[0, 0] for part in errors]), exact.second[0, 0]),
        (np.array([part.signal[1, 1] for part in errors]), exact.signal[1, 1]),
    ):
        stderr = samples.std(ddof=1) / np.sqrt(NETS)
        # Where the nets are exact, rounding of a hundred terms is what is left.
        assert abs(samples.mean() - value) < 15 * stderr + 100 * np.finfo(float).eps * abs(value)
    traces = np.array([part.square_h for part in errors])
    # The nets' error is 20 times below the one per cent which is refused, and a trace 1 % off is seen.
    assert traces.std(ddof=1) / np.sqrt(NETS) < 5e-4 * exact.square_h
    assert abs(traces.mean() - 1.01 * exact.square_h) > 15 * traces.std(ddof=1) / np.sqrt(NETS)


def test_a_linear_target_closes() -> None:
    # y = ξᵀX/√d: E[y²] = tr(Σ_xΣ_ξ)/d, which the nets' weights make exact.
    d, sigma, omega = 6, Diagonal([1, 2, 3, 1, 2, 3]), Spike(4.0, [1, 1, 0, 0, 0, 1])
    source = Source("identity", 0.25, input_cov=sigma, task_cov=omega)
    exact = np.trace(sigma.matrix(d) @ omega.matrix(d)) / d + 0.25
    # Quadratures of order 10 reach ten standard deviations; least squares keep ten digits.
    assert fresh_moments(context_law(Task(sources=[source]), Sizes(d, 5, 1, 1)).sources[0]).square == pytest.approx(exact, rel=1e-10)


def test_unit_inputs_are_a_change_of_scale() -> None:
    # b₁ is smaller by √d and x larger by √d: E‖h‖² = d (E‖b₁‖²/d + E b₂²) against E‖b₁‖² + E b₂².
    field, unit = (context_law(Task(sources=[Source("relu", 0.1)], unit_inputs=unit), SIZES) for unit in (False, True))
    first, second = fresh_moments(field.sources[0]), fresh_moments(unit.sources[0])
    b1, b2 = np.trace(first.second[:D, :D]), first.second[D, D]
    assert unit.trace() == pytest.approx(b1 + D * b2, rel=64 * np.finfo(float).eps)
    # The linear part of H_Z is the same in both.
    np.testing.assert_allclose(second.signal[:, :D], first.signal[:, :D], rtol=64 * np.finfo(float).eps)


def test_other_laws_of_inputs_are_scaled_like_gaussian_ones() -> None:
    plain, heavy = (context_law(Task(sources=[Source("relu", 0.1, inputs=law)]), SIZES) for law in ("gaussian", StudentT(3)))
    assert heavy.trace() == plain.trace()
    assert plain.closes
    assert not heavy.closes
    assert not context_law(Task(sources=[Source("relu", tasks="uniform")]), SIZES).closes


def test_labels_without_a_fourth_moment_over_structured_tasks() -> None:
    source = Source(sympy.exp(X**2 / 4), task_cov=Spike(3.0))
    with pytest.raises(HypothesisError, match=r"finite fourth moment E σ\*\(ξᵀx\)⁴ at this d, .* by 8 quadratures"):
        context_law(Task(sources=[source]), Sizes(6, 6, 1, 1)).trace()


@pytest.mark.parametrize("tasks", ["gaussian", "sphere"])
def test_nets_have_the_means_they_are_matched_to(tasks: Any) -> None:
    covariances: dict[str, Any] = {"input_cov": Toeplitz(0.5), "task_cov": Spike(4.0, [1, 2, 0, 0])}
    source = Source("relu", 0.1, input_mean=[1, 0, 2, 0.3], task_mean=[0.5, 1, 0, 0.2], tasks=tasks, **covariances)
    law = context_law(Task(sources=[source]), SIZES).sources[0]

    def controls(xi: Array) -> Array:
        along = xi @ source.mean_vectors(D)[0]
        form = ((xi @ source.input_cov.matrix(D)) * xi).sum(axis=1)
        return np.column_stack([along, along**2, form, form**2])

    sampled = controls(law.tasks(COUNT, np.random.default_rng(0)))
    for xi, weights in task_nets(law):
        means = weights @ controls(xi)
        assert weights.sum() == pytest.approx(1, rel=1e-12)
        assert np.abs(near(sampled, means)).max() < Z
        assert np.abs(near(sampled, 1.1 * means)).min() > Z


def test_a_strong_spike_is_no_harder() -> None:
    # y = (wᵀX)₊ with θ = d²: E y⁴ is 3/2 E ω⁴, which the weights make exact.
    d = 20
    law = context_law(Task(sources=[Source("relu", task_cov=Spike(d**2))]), Sizes(d, d, 1, 1)).sources[0]
    variances = np.append(np.ones(d - 1), 1 + d**2) / d
    fourth = 1.5 * (variances.sum() ** 2 + 2 * (variances**2).sum())
    square = 0.25 * (variances.sum() ** 2 + 2 * (variances**2).sum())
    entry = fresh_moments(law).second[d, d]
    # Ten digits are left by quadratures of order 10 and least squares.
    assert entry == pytest.approx(fourth / d + (1 - 1 / d) * square, rel=1e-9)


@pytest.mark.parametrize(
    ("source", "conventions", "wrong"),
    [
        (Source("tanh", 0.1, input_cov=Spike(3.0), task_cov=Spike(5.0)), {"unit_inputs": True, "unit_link": True}, 1.05),
        (Source("tanh", 0.1, input_cov=Toeplitz(0.5), task_cov=PowerLaw(1.0)), {}, 1.05),
        (Source("softplus", 0.1, input_mean=0.3, task_mean=0.4, task_cov=Toeplitz(0.5)), {}, 1.05),
        # E y⁴ has eighth powers of ξᵀμ_x, which is Gaussian at every d.
        (Source("x^2-1", 0.1, input_mean=1.0), {}, 1.2),
    ],
    ids=["spikes", "structures", "means", "a square of a mean"],
)
def test_nets_agree_with_the_averages_of_the_theory(source: Any, conventions: Any, wrong: Any) -> None:
    # Two routes which share the model alone: points of nets here, integrals over quadratic forms there.
    d, context = 12, 9
    task = Task(sources=[source], **conventions)
    exact = source_moments(task, d, context)
    law = context_law(task, Sizes(d, context, 1, 1)).sources[0]
    # It is resolved well enough not to be refused.
    assert fresh_moments(law).square == pytest.approx(exact.square_y, rel=NET_TOLERANCE)
    nets = [net_moments(law, *net) for net in task_nets(law, widths(law)[-1])]
    for samples, value in (
        (np.array([part.square_h - np.vdot(part.h, part.h) for part in nets]), exact.trace),
        (np.array([np.diag(part.second) for part in nets]), np.diag(exact.second_b)),
        (np.array([np.diag(part.signal) for part in nets]), np.diag(exact.labels)),
        (np.array([part.square for part in nets]), exact.square_y),
    ):
        stderr = samples.std(axis=0, ddof=1) / np.sqrt(NETS) + 1e-9 * np.abs(value)
        # Student's t with 7 degrees of freedom beyond 15 has probability 1.4e-6, for each of 26.
        assert (np.abs(samples.mean(axis=0) - value) < 15 * stderr).all()
        assert (np.abs(samples.mean(axis=0) - wrong * value) > 15 * stderr).any()


def test_a_target_that_grows_along_strong_tasks_is_not_refused() -> None:
    # E y² and its like are resolved with weighted points where plain ones do not.
    task = Task(sources=[Source("x^2-1", 0.1, task_cov=Toeplitz(0.9))])
    law = context_law(task, Sizes(12, 9, 1, 1)).sources[0]
    exact = source_moments(task, 12, 9)
    plain, wide = (np.array([net_moments(law, *net).square_h for net in task_nets(law, width)]) for width in (1.0, 2.0))
    assert wide.std() < plain.std() / 3
    # Student's t with 7 degrees of freedom beyond 15 has probability 1.4e-6.
    assert abs(wide.mean() - exact.trace) < 15 * wide.std(ddof=1) / np.sqrt(NETS)
    assert fresh_moments(law).square_h == pytest.approx(wide.mean(), rel=1e-12)
