"""Exact expectations over contexts, against closed forms and against samples."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import ArrayLike, NDArray

from hermite_eq import HypothesisError, Sizes, Task
from hermite_eq.hermite import X
from hermite_eq.simulate import contexts
from hermite_eq.simulate.laws import Tasks
from hermite_eq.simulate.population import label_moments, task_norms
from hermite_eq.simulate.sampler import context_law

Array = NDArray[np.float64]

EPS = np.finfo(float).eps


def covariance_trace(task: Task, d: int, length: int) -> float:
    return context_law(task, Sizes(d, length, 1, 1)).trace()


def one_task(xi: ArrayLike) -> Tasks:
    return Tasks(np.asarray(xi)[None], np.zeros(1, int))


# |z| < 5: a false alarm with probability 5.7e-7 for each comparison.
Z = 5.0


@pytest.mark.parametrize("d", [1, 2, 7, 40, 400])
def test_norms_of_tasks_are_chi(d: Any) -> None:
    s, weight = task_norms(d)
    # E s^{2j} = d (d + 2) … (d + 2j − 2)/d^j.
    for power, exact in ((0, 1.0), (1, 1.0), (2, 1 + 2 / d), (3, (1 + 2 / d) * (1 + 4 / d))):
        # The logarithm of the density is a sum of terms as large as d log d, each rounded.
        assert abs(weight @ s ** (2 * power) - exact) <= 16 * EPS * (10 + d * np.log(d + 1)) * exact


@pytest.mark.parametrize("rho", [0.0, 0.3])
def test_label_moments_of_relu(rho: Any) -> None:
    s = np.array([0.2, 1.0, 2.5])
    moments = label_moments(Task("relu", noise=rho), s)
    # E over the half line: E g^{2j}/2 and E g₊ = 1/√(2π), E g₊³ = 2/√(2π).
    exact = {
        "y": s / np.sqrt(2 * np.pi),
        "yg": s / 2,
        "y2": s**2 / 2 + rho,
        "y2g2": 3 * s**2 / 2 + rho,
        "y3g": 3 * s**3 / 2 + 3 * rho * s / 2,
        "y4": 3 * s**4 / 2 + 6 * rho * s**2 / 2 + 3 * rho**2,
    }
    for name, value in exact.items():
        np.testing.assert_allclose(getattr(moments, name), value, rtol=64 * EPS)


def test_kinks_move_with_the_norm_of_the_task() -> None:
    # σ* = (z − 1/3)₊: E[y] = s φ(a) − Φ(−a)/3 at a = 1/(3 s).
    target = sympy.Max(X - sympy.Rational(1, 3), 0)
    from hermite_eq.activations import Activation

    def ramp(z: Array) -> Array:
        return np.maximum(z - 1 / 3, 0)

    s = np.array([0.5, 1.0, 1.7])
    a = 1 / (3 * s)
    from scipy.special import ndtr

    exact = s * np.exp(-a * a / 2) / np.sqrt(2 * np.pi) - ndtr(-a) / 3
    declared = Task(Activation("ramp", target, ramp, kinks=(sympy.Rational(1, 3),)))
    np.testing.assert_allclose(label_moments(declared, s).y, exact, rtol=64 * EPS)


def test_label_moments_of_a_logarithm() -> None:
    # log|g| has the mean −(γ + log 2)/2 and the variance π²/8; log|sg| is shifted by log s.
    s = np.array([0.2, 1.0, 2.5])
    mean = np.log(s) - (np.euler_gamma + np.log(2)) / 2
    moments = label_moments(Task("log(abs(x))"), s)
    np.testing.assert_allclose(moments.y, mean, rtol=64 * EPS)
    np.testing.assert_allclose(moments.y2, mean**2 + np.pi**2 / 8, rtol=64 * EPS)


@pytest.mark.parametrize("power", [-0.12, -0.24])
def test_label_moments_of_a_weak_pole(power: Any) -> None:
    # E |g|^q = 2^{q/2} Γ((q + 1)/2)/√π.
    from scipy.special import gamma

    s = np.array([0.2, 1.0, 2.5])
    moments = label_moments(Task(sympy.Abs(X) ** sympy.Rational(str(power))), s)
    for j, moment in ((1, moments.y), (2, moments.y2), (4, moments.y4)):
        q = j * power
        expected = s**q * 2 ** (q / 2) * gamma((q + 1) / 2) / np.sqrt(np.pi)
        # Closer than t = e^-640, what the last node stands for has the mean and the mean square of the pole: not its fourth power.
        below = np.exp(-640 * (q + 1)) / (q + 1) * 2 / np.sqrt(2 * np.pi) / s * (j > 2)
        # Γ amplifies the rounding of (q + 1)/2 by at most 2/(q + 1), and so do the moments that of the power.
        assert (np.abs(moment - expected) <= 64 * EPS / (q + 1) * expected + 1.01 * below).all()


def test_labels_whose_fourth_moment_is_infinite_at_a_pole() -> None:
    with pytest.raises(HypothesisError, match="finite fourth moment"):
        covariance_trace(Task("abs(x - 1)^(-3/10)"), 10, 10)


def relu_trace(d: int, length: int, rho: float) -> float:
    # t|ξ = (d/ℓ²)(E A² + (d−1) E N) + E N²/ℓ² with the moments above, E s² = 1, E s⁴ = 1 + 2/d.
    s2, s4 = 1.0, 1 + 2 / d
    y4 = 1.5 * s4 + 3 * rho * s2 + 3 * rho**2
    v = s2 / 2 + rho
    v2 = s4 / 4 + rho * s2 + rho**2
    aa = length * (1.5 * s2 + rho) + length * (length - 1) * s2 / 4
    nn = length * y4 + length * (length - 1) * v2
    return (d * (aa + (d - 1) * length * v) + nn) / length**2


@pytest.mark.parametrize(("d", "length", "rho"), [(3, 5, 0.0), (40, 40, 0.01), (80, 20, 0.5)])
def test_trace_for_relu(d: Any, length: Any, rho: Any) -> None:
    trace = covariance_trace(Task("relu", noise=rho), d, length)
    assert trace == pytest.approx(relu_trace(d, length, rho), rel=16 * EPS * (10 + d * np.log(d)))


@pytest.mark.parametrize("task", [Task("tanh", noise=0.2), Task("softplus"), Task("abs", noise=0.01)], ids=str)
def test_trace_is_the_mean_square_of_h(task: Any) -> None:
    d, length, count = 6, 9, 100_000
    rng = np.random.default_rng(11)
    law = context_law(task, Sizes(d, length, 1, 1))
    drawn = law.draw(law.tasks(count, rng), np.arange(count), np.random.SeedSequence(4))
    squares = (drawn.x**2).sum(axis=1) * (drawn.b**2).sum(axis=1)
    stderr = squares.std() / np.sqrt(count)
    trace = covariance_trace(task, d, length)
    assert abs(squares.mean() - trace) < Z * stderr
    assert abs(squares.mean() - 1.05 * trace) > Z * stderr


def test_bare_callables_of_one_name_do_not_share_a_trace() -> None:
    first, two = (Task(lambda z, c=c: c * z) for c in (1.0, 2.0))
    assert covariance_trace(two, 5, 5) > 3.9 * covariance_trace(first, 5, 5)


@pytest.mark.parametrize("task", [Task("relu", noise=0.1), Task("tanh", noise=0.01)], ids=str)
def test_linear_error_given_the_task(task: Any) -> None:
    d, length, count = 5, 7, 200_000
    rng = np.random.default_rng(3)
    xi = rng.standard_normal(d)
    weights, intercepts = rng.standard_normal((d * (d + 1), 3)) / d, np.array([0.0, 0.4, -0.2])
    drawn = contexts(task, Sizes(d, length, 1, 1), xi, count, rng=8)
    squares = (drawn.y[:, None] - drawn.h() @ weights - intercepts) ** 2
    exact = context_law(task, Sizes(d, length, 1, 1)).linear_errors(weights, intercepts, one_task(xi))
    stderr = squares.std(axis=0) / np.sqrt(count)
    assert (np.abs(squares.mean(axis=0) - exact) < Z * stderr).all()
    assert (np.abs(squares.mean(axis=0) - 1.05 * exact) > Z * stderr).all()


@pytest.mark.parametrize("task", [Task("relu", noise=0.1), Task("identity", noise=0.3)], ids=str)
def test_linear_error_over_fresh_tasks(task: Any) -> None:
    d, length, count = 5, 7, 200_000
    rng = np.random.default_rng(4)
    weights, intercepts = rng.standard_normal((d * (d + 1), 3)) / d, np.array([0.0, 0.4, -0.2])
    law = context_law(task, Sizes(d, length, 1, 1))
    drawn = law.draw(law.tasks(count, rng), np.arange(count), np.random.SeedSequence(5))
    squares = (drawn.y[:, None] - drawn.h() @ weights - intercepts) ** 2
    exact = law.fresh_linear_errors(weights, intercepts)[0]
    stderr = squares.std(axis=0) / np.sqrt(count)
    assert (np.abs(squares.mean(axis=0) - exact) < Z * stderr).all()
    assert (np.abs(squares.mean(axis=0) - 1.05 * exact) > Z * stderr).all()


def test_labels_without_a_fourth_moment() -> None:
    with pytest.raises(HypothesisError, match=r"the target has a finite fourth moment E σ\*\(ξᵀx\)⁴ at this d"):
        covariance_trace(Task(sympy.exp(X**2 / 4)), 10, 10)


def test_labels_which_are_all_zero() -> None:
    with pytest.raises(HypothesisError, match=r"tr Cov\(h\) > 0; found the target .* whose labels are all zero"):
        covariance_trace(Task(lambda z: 0 * z), 10, 10)


def test_linear_errors_are_means_over_the_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    law = context_law(Task("relu", noise=0.1), Sizes(4, 6, 1, 1))
    rng = np.random.default_rng(0)
    xi, weights, intercepts = rng.standard_normal((11, 4)), rng.standard_normal((20, 2)), np.array([0.1, 0.0])
    tasks = Tasks(xi, np.zeros(11, int))
    whole = law.linear_errors(weights, intercepts, tasks)
    by_task = np.array([law.linear_errors(weights, intercepts, one_task(xi[i])) for i in range(11)])
    np.testing.assert_allclose(whole, by_task.mean(axis=0), rtol=64 * EPS)
    monkeypatch.setattr("hermite_eq.simulate.laws.moments._TASKS", 3)
    np.testing.assert_allclose(law.linear_errors(weights, intercepts, tasks), whole, rtol=64 * EPS)
