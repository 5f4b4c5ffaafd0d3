"""The four levels against each other, against simulation, and their errors."""

from __future__ import annotations

import math
import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
import sympy
from scipy.interpolate import CubicSpline

from hermite_eq import HypothesisError, Sizes, Source, Task
from hermite_eq.covariance import SourceMoments, SymbolicTarget, covariance, symbols
from hermite_eq.covariance.averaged import AveragedCovariance
from hermite_eq.simulate import context_law, contexts

#: A closed form and integrals; others against the literal definition in test_covariance_given.py, their averages in test_averages.py.
TARGETS = ["relu", "tanh"]
#: d = 6, ℓ = 4, 4·10⁵ contexts. 21 entries × 4 cases at |z| < 5: one false alarm in 20,000 seeds; 5 % off are 7 standard errors and more.
DIM, CONTEXT, COUNT, UNITS, Z = 6, 4, 400_000, 5, 5.0
SIZES = Sizes(DIM, CONTEXT, math.inf, 1)


def _second_moments(x: np.ndarray, b: np.ndarray, z: np.ndarray, layer: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    tensor = layer.reshape(DIM, DIM + 1, -1)
    count = len(x)
    total = squares = np.zeros((UNITS + 1, UNITS + 1))
    for part in np.array_split(np.arange(count), 20):
        features = np.stack([np.einsum("nj,nj->n", x[part] @ tensor[:, :, m], b[part]) for m in range(UNITS)], axis=1)
        sample = np.column_stack([features, z[part]])
        total, squares = total + sample.T @ sample, squares + (sample**2).T @ sample**2
    mean = total / count
    return mean, np.sqrt((squares / count - mean**2) / count)


def _z_scores(measured: tuple[np.ndarray, np.ndarray], joint: SourceMoments, layer: np.ndarray) -> np.ndarray:
    mean, stderr = measured
    return np.asarray((mean - joint.matrix(layer)) / stderr)


@pytest.mark.parametrize("target", TARGETS)
def test_given_and_averaged_against_contexts(target: str) -> None:
    task, rng = Task(target, noise=0.3), np.random.default_rng(3)
    cov = covariance(task)
    layer = rng.standard_normal((DIM * (DIM + 1), UNITS)) / math.sqrt(cov.trace(DIM, CONTEXT))

    xi = rng.standard_normal(DIM)
    drawn = contexts(task, SIZES, xi, COUNT, rng)
    given = _second_moments(drawn.x, drawn.b, drawn.x @ xi, layer)
    exact = cov.given(xi, context=CONTEXT)
    assert np.abs(_z_scores(given, exact, layer)).max() < Z
    wrong = replace(exact, coupling=1.05 * exact.coupling)
    assert np.abs(_z_scores(given, wrong, layer)).max() > Z

    law = context_law(task, SIZES)
    # The spread over tasks is part of E[bbᵀ]: a quarter of the contexts sees 5 % at 7 standard errors.
    count = COUNT // 4
    tasks = law.tasks(count, np.random.default_rng(4))
    drawn = law.draw(tasks, np.arange(count), np.random.SeedSequence(5))
    over = _second_moments(drawn.x, drawn.b, np.einsum("ni,ni->n", drawn.x, drawn.xi[drawn.task]), layer)
    joint = cov.averaged().joint(DIM, CONTEXT)
    assert np.abs(_z_scores(over, joint, layer)).max() < Z
    wrong = replace(joint, second_b=1.05 * joint.second_b)
    assert np.abs(_z_scores(over, wrong, layer)).max() > Z


@pytest.mark.parametrize("unit", [False, True])
def test_symbolic_entries_at_level_a_are_the_numbers(unit: bool) -> None:
    cov = covariance(Task("relu", 0.2, unit_inputs=unit))
    d, context, xi = 6, 9, np.arange(1.0, 7.0)
    s = float(np.linalg.norm(xi)) / math.sqrt(d)
    u = xi / np.linalg.norm(xi)
    entries = cov.lambdify()(d, context, s)
    joint = cov.given(xi, context=context)
    numeric = cov.numeric(s, d, context)
    second = np.empty((d + 1, d + 1))
    second[:d, :d] = entries["second_identity"] * np.eye(d) + entries["second_uu"] * np.outer(u, u)
    second[:d, d] = second[d, :d] = entries["second_u2"] * u
    second[d, d] = entries["second_22"]
    # Quadrature of the moments: 1e-12 relative to each.
    np.testing.assert_allclose(joint.second_b, second, rtol=1e-11)
    np.testing.assert_allclose(joint.mean_b, np.append(entries["mean_b1"] * u, entries["mean_b2"]), rtol=1e-11)
    assert joint.trace == pytest.approx(entries["trace"], rel=1e-11)
    for name, value in numeric.items():
        assert value == pytest.approx(float(entries[name]), rel=1e-11), name


def test_unit_inputs_rescale_the_last_column_of_h_alone() -> None:
    task, rng = Task("tanh", noise=0.2), np.random.default_rng(2)
    d, context, xi = 5, 4, rng.standard_normal(5)
    F = rng.standard_normal((d * (d + 1), 3))
    scaled = covariance(task).given(xi, context=context)
    scales = covariance(replace(task, unit_inputs=True))
    unit = scales.given(xi, context=context)
    column = np.where(np.arange(d * (d + 1)) % (d + 1) == d, math.sqrt(d), 1.0)[:, None]
    expected = scaled.matrix(column * F)
    # z = ξᵀx is the same variable in both.
    np.testing.assert_allclose(unit.matrix(F), expected, rtol=1e-12, atol=1e-12 * np.abs(expected).max())
    averaged = scales.averaged().joint(d, context).matrix(F)
    np.testing.assert_allclose(averaged, covariance(task).averaged().joint(d, context).matrix(column * F), rtol=1e-12, atol=1e-13)


def test_features_are_the_kronecker_product() -> None:
    rng = np.random.default_rng(0)
    d, m = 4, 7
    root = rng.standard_normal((d, d))
    joint = covariance(Task(sources=[Source("gelu", 0.1, input_cov=d * root @ root.T)])).given(rng.standard_normal(d), context=3)
    F = rng.standard_normal((d * (d + 1), m))
    literal = F.T @ np.kron(joint.inputs, joint.second_b) @ F
    np.testing.assert_allclose(joint.features(F), literal, rtol=0, atol=1e-13 * np.abs(literal).max())


def test_no_matrix_of_the_size_of_h_squared() -> None:
    d, m = 40, 60
    joint = covariance(Task("relu", noise=0.1)).averaged().joint(d, d)
    F = np.random.default_rng(0).standard_normal((d * (d + 1), m))
    tracemalloc.start()
    joint.matrix(F)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    square = 8 * (d * (d + 1)) ** 2
    assert peak < square / 5


def test_rk_is_the_mean_conditional_covariance_and_its_spread() -> None:
    d, context, k, draws = 10, 8, 4, 1200
    rng = np.random.default_rng(8)
    for target in ("relu", "tanh"):
        over = covariance(Task(target, noise=0.3)).over_tasks(2)
        numbers = over.numeric(d, context, k)
        # E[b₁b₁ᵀ | ξ] = f I + e uuᵀ, with e and f interpolated over the few scales that occur: exact for ReLU, 1e-6 for tanh.
        grid, cov = np.linspace(0.15, 2.4, 40), covariance(Task(target, noise=0.3))
        entries = [cov.numeric(float(s), d, context) for s in grid]
        e, f = (CubicSpline(grid, [row[name] for row in entries]) for name in ("second_uu", "second_identity"))
        xi = rng.standard_normal((draws, k, d))
        norm = np.linalg.norm(xi, axis=2)
        s, u = norm / math.sqrt(d), xi / norm[:, :, None]
        r = np.einsum("nki,nk,nkj->nij", u, e(s), u) / k + (f(s).mean(axis=1) - numbers["fresh"])[:, None, None] * np.eye(d)
        values = np.sum(r**2, axis=(1, 2)) / d
        stderr = values.std(ddof=1) / math.sqrt(draws)
        assert abs(values.mean() - numbers["spread"]) < Z * stderr
        assert abs(values.mean() - 1.15 * numbers["spread"]) > Z * stderr
        given = over.given(rng.standard_normal((1, d)), context=context)
        assert given.second_b.shape == (d + 1, d + 1)
        symbolic = over.lambdify()(d, context, k / d)
        # ReLU closes; tanh is a series with remainder d^{-3}, constants below 10.
        bound = 1e-11 if target == "relu" else 10 / d**3
        for name, value in numbers.items():
            assert float(symbolic[name]) == pytest.approx(value, rel=bound), name


def test_rk_of_homogeneous_targets_is_affine_in_wishart() -> None:
    rng = np.random.default_rng(1)
    d, context, rho = 7, 5, 0.2
    tasks = rng.standard_normal((3, d))
    over = covariance(Task("relu", noise=rho)).over_tasks()
    assert over.proportional
    assert not covariance(Task("tanh", noise=rho)).over_tasks().proportional
    wishart = tasks.T @ tasks / 3
    slope = over.numeric(d, context, 3)["slope"]
    # v(s) = s²/2 + ρ, so ⟨v⟩_k = tr S_k/(2d) + ρ.
    expected = slope * wishart + d / context * (np.trace(wishart) / (2 * d) + rho) * np.eye(d)
    measured = over.given(tasks, context=context).second_b[:d, :d]
    np.testing.assert_allclose(measured, expected, rtol=0, atol=1e-11 * np.abs(expected).max())


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("target", ["relu", "tanh", "gelu"])
def test_the_limit_is_approached_at_rate_one_over_d(target: str, unit: bool) -> None:
    cov = covariance(Task(target, 0.3, unit_inputs=unit))
    limit = cov.limit().numeric(alpha=1.5, kappa=0.5)
    gaps = {}
    for d in (400, 800):
        entries = cov.averaged().numeric(d, 3 * d // 2)
        gaps[d] = {"trace": entries["trace"] / d - limit["trace"], "signal": entries["coupling"] * d - limit["signal"]}
        spread = cov.over_tasks().numeric(d, 3 * d // 2, d // 2)["spread"]
        gaps[d]["mean_square"] = spread * (d**2 if unit else 1) + limit["fresh"] ** 2 - limit["mean_square"]
    for name in gaps[400]:
        if abs(gaps[400][name]) < 1e-11:  # homogeneous targets have ⟨sa⟩ = a₁ at every d
            continue
        # Next-order terms move the slope between d and 2d by O(1/d), constants below 40.
        assert math.log2(gaps[800][name] / gaps[400][name]) == pytest.approx(-1, abs=40 / 400), name


def test_limit_in_symbols() -> None:
    c1, alpha = covariance(SymbolicTarget()).limit().entries["signal"], symbols.alpha
    entries = covariance(SymbolicTarget()).limit().entries
    v = entries["second"]
    assert sympy.simplify(entries["q"] - c1**2 / (c1**2 + v / alpha)) == 0
    unit = covariance(SymbolicTarget(), unit_inputs=True).limit().entries
    assert sympy.simplify(unit["trace"] - (c1**2 + v / alpha + v**2)) == 0
    assert sympy.simplify(unit["column"] - v**2 / (c1**2 + v / alpha + v**2)) == 0


@pytest.mark.parametrize("unit", [False, True])
def test_the_strength_of_the_cross_covariance(unit: bool) -> None:
    """d · mean square of the cross-covariance of independent neurons → q."""
    task, d, m = Task("relu", noise=0.1), 60, 4000
    cov = covariance(replace(task, unit_inputs=unit))
    rng = np.random.default_rng(6)
    xi = rng.standard_normal(d)
    xi *= math.sqrt(d) / np.linalg.norm(xi)
    joint = cov.given(xi, context=d)
    F = rng.standard_normal((d * (d + 1), m)) / math.sqrt(cov.trace(d, d))
    squares = d * joint.cross(F) ** 2
    limit = cov.limit().numeric(alpha=1, kappa=1)["q"]
    exact = d * np.sum(joint.coupling**2) / cov.trace(d, d)
    # The neurons' entries are i.i.d. N(0, exact/d): standard error √(2/m). The limit differs by O(1/d) with a constant below 10.
    assert abs(squares.mean() / exact - 1) < Z * math.sqrt(2 / m)
    assert abs(exact / limit - 1) < 10 / d


def _sampled(
    xi: np.ndarray, root: np.ndarray, task: Task, context: int, factor: float, rng: np.random.Generator, count: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """b, x and z of literal contexts with inputs N(0, root rootᵀ)."""
    d = len(root)
    x = rng.standard_normal((count, context + 1, d)) @ root.T
    argument = np.einsum("nid,nd->ni", x, np.broadcast_to(xi, (count, d)))
    y = task.target(argument[:, :-1]) + math.sqrt(task.noise) * rng.standard_normal((count, context))
    b = np.column_stack([factor / context * np.einsum("ni,nid->nd", y, x[:, :-1]), np.mean(y**2, axis=1)])
    return b, x[:, -1], argument[:, -1]


@pytest.mark.parametrize("fresh", [False, True])
def test_gaussian_data_with_covariances_against_simulation(fresh: bool) -> None:
    d, context, count, rng = 3, 4, 300_000, np.random.default_rng(12)
    root, root_xi = rng.standard_normal((d, d)) / 2, rng.standard_normal((d, d))
    task = Task(sources=[Source("relu", 0.2, input_cov=d * root @ root.T, task_cov=root_xi @ root_xi.T)])
    cov = covariance(task)
    if fresh:
        joint = cov.averaged().joint(d, context)
        xi = rng.standard_normal((count, d)) @ root_xi.T
    else:
        xi = rng.standard_normal(d)
        joint = cov.given(xi, context=context)
    b, x, z = _sampled(xi, root, task, context, d, rng, count)
    pairs = [
        (np.einsum("ni,nj->nij", b, b), joint.second_b),
        (np.einsum("ni,n,nj->nij", x, z, b), joint.coupling),
        (b, joint.mean_b),
    ]
    for products, expected in pairs:
        # 32 entries, two cases, |z| < 5: one false alarm in 27,000 seeds.
        stderr = products.std(axis=0) / math.sqrt(count)
        assert (np.abs(products.mean(axis=0) - expected) < Z * stderr).all()
    products, expected = pairs[0]
    stderr = products.std(axis=0) / math.sqrt(count)
    assert (np.abs(products.mean(axis=0) - 1.05 * expected) > Z * stderr).any()


@pytest.mark.parametrize("unit", [False, True])
def test_isotropic_covariances_give_the_isotropic_answer(unit: bool) -> None:
    task, d, context = Task("relu", 0.2, unit_inputs=unit), 4, 6
    default, passed = (covariance(task, covariances=general).averaged().joint(d, context) for general in (False, True))
    np.testing.assert_allclose(passed.second_b, default.second_b, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(passed.coupling, default.coupling, rtol=1e-11, atol=1e-13)
    assert passed.square_z == pytest.approx(default.square_z, rel=1e-12)


def test_symbolic_latex_is_deterministic_and_names_the_target() -> None:
    for task in (Task("relu", noise=0.01), SymbolicTarget()):
        cov = covariance(task)
        for level in (cov, cov.averaged(), cov.over_tasks(), cov.limit(), cov.norm_law()):
            shown = level.latex()
            assert shown == level.latex()
            assert shown.isascii()
            assert shown.count(r"\begin{align*}") == shown.count(r"\end{align*}") == 1
            assert ("relu" in shown) == isinstance(task, Task)
            assert level._repr_latex_() == f"$$\n{shown}\n$$"


def test_errors_name_the_hypothesis() -> None:
    cov = covariance(Task("relu", noise=0.1))
    with pytest.raises(HypothesisError, match=r"numbers need a task whose target is a function; found σ\*, known by symbols only"):
        covariance(SymbolicTarget()).averaged().numeric(5, 5)
    with pytest.raises(HypothesisError, match=r"the fourth moment of a label over tasks is finite, here for d > 16; found d=16"):
        covariance(Task("exp", noise=0.1)).averaged().numeric(16, 5)
    assert covariance(Task("exp", noise=0.1)).averaged().numeric(40, 5)["trace"] > 0
    with pytest.raises(HypothesisError, match=r"the labels depend on x: ξᵀΣξ > 0; found ξᵀΣξ = 0"):
        cov.given([1e-200, 0.0], context=3)
    with pytest.raises(HypothesisError, match=r"a finite array of shape \(k, d\); found shape \(3,\)"):
        cov.over_tasks().given(np.ones(3), context=2)
    with pytest.raises(HypothesisError, match=r"tasks are 'gaussian' or on the 'sphere'; found tasks='uniform'"):
        covariance(Task("relu"), tasks="uniform")  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"degree is a non-negative integer"):
        SymbolicTarget(degree=-1)
    with pytest.raises(HypothesisError, match=r"d ≥ 1 and ℓ ≥ 1; found d=0, context=3"):
        cov.averaged().numeric(0, 3)


def test_order_zero_is_the_leading_term() -> None:
    averaged = covariance(Task("tanh", noise=0.1)).averaged(0)
    assert isinstance(averaged, AveragedCovariance)
    assert not averaged.entries["mean_b2"].has(symbols.d)
