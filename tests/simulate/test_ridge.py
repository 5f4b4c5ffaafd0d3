"""The ridge solvers against least squares on extended rows, and their care about rounding."""

from __future__ import annotations

import itertools
from typing import Any

import literal
import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import HypothesisError, RandomTransformer, Sizes, Task
from hermite_eq.activations import Activation
from hermite_eq.simulate.arrays.lapack import LapackSystem
from hermite_eq.simulate.arrays.symmetric_system import EPS, ROUNDING_TOLERANCE
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.features import StoredRows
from hermite_eq.simulate.training.paths import Readout, SamplePath, WidthPath
from hermite_eq.simulate.training.ridge import RidgeFit, solve_dual, solve_primal, solve_singular

Array = NDArray[np.float64]


def problem(n: int, p: int, seed: int = 0, mean: float = 0.5) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    return rng.standard_normal((n, p)) + mean, rng.standard_normal(n) + 1.0


def primal(a: Array, y: Array, penalty: float, intercept: bool) -> RidgeFit | None:
    gram = LapackSystem(np.asfortranarray(a.T @ a))
    return solve_primal(gram, a.T @ y, a.sum(axis=0), float(y.sum()), len(y), penalty, [intercept])[0]


def dual(a: Array, y: Array, penalty: float, intercept: bool) -> RidgeFit | None:
    return solve_dual(LapackSystem(np.asfortranarray(a @ a.T)), y, penalty, [intercept], lambda alpha: a.T @ alpha)[0]


def agree(fit: RidgeFit | None, a: Array, y: Array, penalty: float, intercept: bool) -> None:
    """Within rounding: ε times the condition of the system which was squared, times the number of terms."""
    assert fit is not None
    expected = literal.ridge(a, y, penalty, intercept)
    solution = np.append(fit.weights, fit.intercept) if intercept else fit.weights
    bound = 8 * sum(a.shape) * EPS * fit.condition * np.abs(expected).max()
    assert bound < 1e-3 * np.abs(expected).max(), "a bound which any answer would meet"
    np.testing.assert_allclose(solution, expected, rtol=0, atol=bound)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("penalty", [1e-4, 0.7, 50.0])
@pytest.mark.parametrize(("n", "p"), [(60, 20), (20, 60)])
def test_three_solvers_agree_with_extended_least_squares(n: Any, p: Any, penalty: Any, intercept: Any) -> None:
    a, y = problem(n, p)
    agree(solve_singular(a, y, penalty, intercept), a, y, penalty, intercept)
    if n > p or penalty > 0.1:
        agree(primal(a, y, penalty, intercept), a, y, penalty, intercept)
    if n < p or penalty > 0.1:
        agree(dual(a, y, penalty, intercept), a, y, penalty, intercept)


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize(("n", "p"), [(60, 20), (20, 60)])
def test_no_penalty_is_the_solution_of_minimal_norm(n: Any, p: Any, intercept: Any) -> None:
    a, y = problem(n, p)
    fit = (primal if n > p else dual)(a, y, 0.0, intercept)
    assert fit is not None
    if intercept:
        # Minimal norm of w alone: on centred data the constant is eliminated.
        centred = a - a.mean(axis=0)
        expected = np.linalg.lstsq(centred, y - y.mean(), rcond=None)[0]
    else:
        expected = np.linalg.lstsq(a, y, rcond=None)[0]
    bound = 8 * (n + p) * EPS * fit.condition * np.abs(expected).max()
    np.testing.assert_allclose(fit.weights, expected, rtol=0, atol=bound)
    np.testing.assert_allclose(solve_singular(a, y, 0.0, intercept).weights, expected, rtol=0, atol=bound)


def test_condition_is_within_the_estimators_range() -> None:
    a, _ = problem(50, 30)
    s = a.T @ a + 0.3 * np.eye(30)
    _, condition = LapackSystem(np.asfortranarray(a.T @ a)).solve(0.3, np.ones((30, 1)))
    exact = np.linalg.cond(s, 1)
    # Higham's estimator is a lower bound of ‖S⁻¹‖₁, and practically never below a third of it.
    assert exact / 3 <= condition <= exact * (1 + 1e3 * EPS * exact)


@pytest.mark.parametrize("size", [30, 700])
def test_only_the_upper_triangle_is_read_and_it_is_kept(size: Any) -> None:
    a, y = problem(2 * size, size)
    full = np.asfortranarray(a.T @ a)
    upper = np.asfortranarray(np.triu(full))
    system = LapackSystem(upper)
    right = (a.T @ y)[:, None]
    first, _ = system.solve(0.5, right)
    assert first is not None
    np.testing.assert_array_equal(np.triu(upper), np.triu(full))
    again, _ = system.solve(0.5, right)
    np.testing.assert_array_equal(first, again)
    np.testing.assert_allclose(first, np.linalg.solve(full + 0.5 * np.eye(size), right), rtol=1e4 * EPS * size)


def test_leading_systems_of_one_factor() -> None:
    a, y = problem(80, 40)
    sizes = [1, 13, 40]
    solved = LapackSystem(np.asfortranarray(a.T @ a)).solve_leading(0.2, (a.T @ y)[:, None], sizes)
    for size, (solution, condition) in zip(sizes, solved, strict=True):
        lone, lone_condition = LapackSystem(np.asfortranarray(a[:, :size].T @ a[:, :size])).solve(0.2, (a[:, :size].T @ y)[:, None])
        assert solution is not None
        assert lone is not None
        np.testing.assert_allclose(solution, lone, rtol=0, atol=64 * EPS * condition * np.abs(lone).max())
        assert condition == pytest.approx(lone_condition, rel=64 * EPS * condition)


def test_leading_systems_before_a_singular_one() -> None:
    # Feature 30 repeats feature 0: the blocks which hold it are singular without a penalty, the smaller ones are as good as ever.
    a, y = problem(80, 40)
    a[:, 30] = a[:, 0]
    sizes = [10, 30, 31, 40]
    solved = LapackSystem(np.asfortranarray(a.T @ a)).solve_leading(0.0, (a.T @ y)[:, None], sizes)
    assert [solution is None for solution, _ in solved] == [False, False, True, True]
    for size, (solution, condition) in zip(sizes[:2], solved[:2], strict=True):
        expected = literal.ridge(a[:, :size], y, 0.0)
        assert solution is not None
        np.testing.assert_allclose(solution[:, 0], expected, rtol=0, atol=8 * 80 * EPS * condition * np.abs(expected).max())


def nearly_dependent(n: int, p: int, gap: float, seed: int = 1) -> tuple[Array, Array]:
    """Features of which one is another plus ``gap`` times noise."""
    a, y = problem(n, p, seed)
    a[:, -1] = a[:, 0] + gap * np.random.default_rng(seed).standard_normal(n)
    return a, y


def test_hopeless_systems_are_refused_or_solved_by_the_svd() -> None:
    a, y = nearly_dependent(60, 20, gap=1e-8)
    assert primal(a, y, 0.0, False) is None
    fit = solve_singular(a, y, 0.0, False)
    assert fit.fallback
    # Minimal residual: the residual is orthogonal to every feature, up to ε times the magnitudes which
    # cancel.
    residual = y - a @ fit.weights
    bound = 64 * EPS * np.linalg.norm(a, 2) * (np.linalg.norm(a, 2) * np.linalg.norm(fit.weights) + np.linalg.norm(y))
    assert np.abs(a.T @ residual).max() <= bound


def test_exactly_dependent_features_without_penalty() -> None:
    a, y = nearly_dependent(60, 20, gap=0.0)
    assert primal(a, y, 0.0, False) is None
    fit = solve_singular(a, y, 0.0, False)
    assert fit.condition == np.inf
    expected = np.linalg.pinv(a) @ y
    np.testing.assert_allclose(fit.weights, expected, rtol=0, atol=1e4 * EPS * np.abs(expected).max())


@pytest.mark.parametrize("gap", 10.0 ** np.arange(-7, 0))
def test_accepted_solutions_are_as_good_as_promised(gap: Any) -> None:
    # Where Cholesky's solution is accepted, it differs from that of the singular values (which err by ε
    # √condition only) by less than the tolerance which it was accepted under.
    accepted = 0
    for seed in range(20):
        a, y = nearly_dependent(120, 40, gap, seed)
        fit = primal(a, y, 1e-12, False)
        if fit is None:
            continue
        accepted += 1
        right = solve_singular(a, y, 1e-12, False).weights
        assert np.linalg.norm(fit.weights - right) <= ROUNDING_TOLERANCE * np.linalg.norm(right)
    assert accepted == 20 or gap < 1e-4


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_estimate_of_rounding_holds_at_the_interpolation_peak(activation: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    # n = m: the smallest eigenvalue of AᵀA is of order 1/m and scatters without bound. The estimate, read off as the tolerance at
    # which Cholesky's solution is refused, is above the change which occurs and not a thousand times above it.
    head, ridge = RandomTransformer(activation, 0.0).activation, 1e-8
    assert isinstance(head, Activation)
    sizes = Sizes(d=14, context=14, tasks=7, samples=196, hidden=196)
    ratios = []
    for seed in child_seeds(0, range(12)):
        draw = draw_run(Task("relu", noise=0.01), sizes, 1, True, np.float64, seed)
        a, y = np.asarray(head(draw.training.h() @ draw.layer.T), dtype=float), draw.training.y
        s = a.T @ a + ridge * np.eye(len(a))
        fit, right = primal(a, y, ridge, False), solve_singular(a, y, ridge, False).weights
        assert fit is not None
        estimate = EPS * s.diagonal().max() * fit.condition / np.abs(s).sum(axis=0).max()
        for tolerance, refused in ((0.999 * estimate, True), (1.001 * estimate, False)):
            monkeypatch.setattr("hermite_eq.simulate.arrays.symmetric_system.ROUNDING_TOLERANCE", tolerance)
            assert (primal(a, y, ridge, False) is None) == refused
        monkeypatch.undo()
        ratios.append(np.linalg.norm(fit.weights - right) / np.linalg.norm(right) / estimate)
    assert 1e-3 < max(ratios) < 1


def test_constant_in_the_span_of_the_features() -> None:
    # The constant is one of the features: an intercept without penalty takes it over.
    a, y = problem(50, 10)
    a[:, 3] = 1.0
    fit = primal(a, y, 1e-16, True) or solve_singular(a, y, 1e-16, True)
    assert fit.fallback
    prediction = a @ fit.weights + fit.intercept
    expected = a @ np.linalg.lstsq(a, y, rcond=None)[0]
    np.testing.assert_allclose(prediction, expected, rtol=0, atol=1e4 * EPS * np.abs(expected).max())


def test_features_which_are_all_zero() -> None:
    fit = primal(np.zeros((9, 4)), np.ones(9), 0.0, False) or solve_singular(np.zeros((9, 4)), np.ones(9), 0.0, False)
    assert (fit.weights == 0).all()
    assert fit.fallback


def test_features_which_are_not_finite() -> None:
    a, y = problem(9, 4)
    a[2, 1] = np.inf
    with pytest.raises(HypothesisError) as error, np.errstate(invalid="ignore"):
        primal(a, y, 1.0, False)
    assert str(error.value) == (
        "the features and labels are finite; found infinite or undefined sums of products. "
        "Repair: use an activation and a target which are finite on the real line, or a lower degree r"
    )


@pytest.mark.parametrize("intercept", [False, True])
@pytest.mark.parametrize("block", [7, 64])
def test_path_in_samples_is_a_fit_at_every_point(block: Any, intercept: Any) -> None:
    a, y = problem(90, 40)
    points, readouts = [10, 25, 39, 40, 70, 90], [Readout(0.01, intercept), Readout(3.0, intercept)]
    d = 5
    path = SamplePath(readouts, y, d, 40, points, StoredRows(np.empty((39, 40))), lambda n: a[:n])
    edges = sorted({*range(0, 90, block), *points, 90})
    for start, stop in itertools.pairwise(edges):
        path.append(slice(start, stop), a[start:stop])
    for n in points:
        for readout in readouts:
            fit = path.fits[n, readout]
            assert not fit.fallback
            agree(fit, a[:n], y[:n], readout.ridge * n / d, intercept)


def test_kernel_grows_across_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.simulate.training.paths._TILE", 8)
    test_path_in_samples_is_a_fit_at_every_point(7, False)


@pytest.mark.parametrize("block", [7, 60])
def test_path_in_hidden_units_is_a_fit_at_every_point(block: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.simulate.training.paths._TILE", 16)
    a, y = problem(60, 100)
    points, readouts, d = [10, 30, 59, 60, 61, 80, 100], [Readout(0.01, False), Readout(3.0, False)], 5
    path = WidthPath(readouts, y, d, points, StoredRows(np.empty((60, 100))))
    edges = sorted({*range(0, 60, block), 60})
    for start, stop in itertools.pairwise(edges):
        path.append(slice(start, stop), a[start:stop])
    for m in points:
        for readout in readouts:
            fit = path.fits[m, readout]
            assert not fit.fallback
            agree(fit, a[:, :m], y, readout.ridge * 60 / d, False)


def test_an_intercept_that_the_features_explain_is_noticed() -> None:
    """As many features as samples: 1 is explained, and what is left of it is rounding, of whatever size the inverse has."""
    rng = np.random.default_rng(11)
    for _ in range(100):
        features, y = rng.standard_normal((60, 60)), rng.standard_normal(60)
        gram = LapackSystem(np.asfortranarray(features.T @ features))
        assert solve_primal(gram, features.T @ y, features.sum(axis=0), float(y.sum()), 60, 0.0, [True]) == [None]
