"""Moments of one source: against the literal definition, between routes, series against numbers, and errors."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

from hermite_eq import HypothesisError, Task
from hermite_eq.activations import activation
from hermite_eq.covariance import Covariance, SourceMoments, SymbolicTarget, covariance, source_moments, symbols
from hermite_eq.covariance.averages import TaskAverages
from hermite_eq.covariance.moments.geometry import geometry
from hermite_eq.covariance.moments.source_moments import _distance, _sizes, averaged_moments
from hermite_eq.covariance.task_laws.laws import SampledTasks
from hermite_eq.expansion.argument_moments import argument_moments
from hermite_eq.hermite import X
from hermite_eq.models import Dense, Diagonal, PowerLaw, Source, Spike, StudentT, Toeplitz

SHIFTED = sympy.Max(X - sympy.Rational(1, 3), 0)
CUBIC = X**3 / 3 - X / 2
TARGETS = ["relu", "tanh", SHIFTED, "gelu", CUBIC]
D, CONTEXT = 12, 7


def _source(target: object, **more: object) -> Source:
    return Source(target, 0.3, input_cov=Toeplitz(0.5), task_cov=PowerLaw(0.7), **more)  # type: ignore[arg-type]


#: Covariances of inputs and tasks that do not commute, in every convention; with means where there is a one-dimensional integral.
SETTINGS: dict[str, tuple[dict[str, Any], dict[str, Any], Any]] = {
    # Products of a polynomial of tasks that vary in length and mean have no standard error to speak of: its fourth moments are those of
    # ‖ξ‖^24. With a unit link they have one. Kinks elsewhere than at 0 are against the literal definition in test_covariance_given.py.
    "inner link, means": ({"input_mean": 0.4, "task_mean": 0.3}, {}, ["relu"]),
    "unit link": ({}, {"unit_inputs": True, "unit_link": True}, ["gelu", CUBIC]),
    "sphere": ({"tasks": "sphere"}, {"unit_inputs": True}, ["tanh"]),
}
COUNT = 75_000


class _Literal:
    """Contexts by the definition, full arrays of inputs, shared by all targets: sums of products of projections and of their squares."""

    def __init__(self, task: Task, chosen: list[object], seed: int) -> None:
        source, rng = task.sources[0], np.random.default_rng(seed)
        root = np.linalg.cholesky(source.input_cov.matrix(D))
        task_root = np.linalg.cholesky(source.task_cov.matrix(D))
        means = source.mean_vectors(D)
        self.projection = np.random.default_rng(0).standard_normal((D + 1, 3)) / math.sqrt(D)
        targets = [activation(target) for target in chosen]
        self.sums, n = np.zeros((len(targets), 2, 9 + 9 + 9 + 3)), 25_000
        for _ in range(COUNT // n):
            z = rng.standard_normal((n, D))
            if str(source.tasks) == "sphere":
                z *= math.sqrt(D) / np.linalg.norm(z, axis=1)[:, None]
            xi = means[1] + z @ task_root.T
            inputs = means[0] + rng.standard_normal((n, CONTEXT + 1, D)) @ root.T
            argument = np.einsum("nid,nd->ni", inputs, xi)
            if task.unit_link:
                argument /= np.linalg.norm(xi, axis=1)[:, None] * math.sqrt(np.linalg.eigvalsh(source.input_cov.matrix(D))[-1])
            else:
                argument /= math.sqrt(D)
            noise = math.sqrt(source.noise) * rng.standard_normal((n, CONTEXT + 1))
            x = inputs if task.unit_inputs else inputs / math.sqrt(D)
            factor = 1 if task.unit_inputs else D
            for i, target in enumerate(targets):
                y = target(argument) + noise
                b1 = factor * np.einsum("ni,nid->nd", y[:, :-1], x[:, :-1]) / CONTEXT
                b = np.column_stack([b1, (y[:, :-1] ** 2).mean(axis=1)]) @ self.projection
                query = x[:, -1] @ self.projection[:-1]
                products = np.concatenate(
                    [
                        np.einsum("ni,nj->nij", b, b).reshape(n, -1),
                        np.einsum("ni,n,nj->nij", query, y[:, -1], b).reshape(n, -1),
                        np.einsum("ni,n,nj->nij", query, argument[:, -1], b).reshape(n, -1),
                        b,
                    ],
                    axis=1,
                )
                self.sums[i] += products.sum(axis=0), (products**2).sum(axis=0)

    def z(self, i: int, moments: SourceMoments, factor: float = 1.0) -> np.ndarray:
        """z scores of every entry, the stated E[bbᵀ] multiplied by ``factor``."""
        p = self.projection
        expected = np.concatenate(
            [
                (factor * p.T @ moments.second_b @ p).ravel(),
                (p[:-1].T @ moments.labels @ p).ravel(),
                (p[:-1].T @ moments.coupling @ p).ravel(),
                moments.mean_b @ p,
            ]
        )
        mean, square = self.sums[i] / COUNT
        return np.asarray((mean - expected) / np.sqrt((square - mean**2) / COUNT))


@pytest.mark.parametrize("name", SETTINGS)
def test_every_moment_agrees_with_the_literal_definition(name: str) -> None:
    more, conventions, chosen = SETTINGS[name]
    literal = _Literal(Task(sources=[_source("relu", **more)], **conventions), chosen, 7)
    for i, target in enumerate(chosen):
        moments = source_moments(Task(sources=[_source(target, **more)], **conventions), D, CONTEXT)
        # 27 different entries × 4 cases at |z| < 5: one false alarm in 16,000 seeds.
        assert np.abs(literal.z(i, moments)).max() < 5, target
        # 5 % off is 5 standard errors where a product's relative spread is below √count/100 = 2.7.
        assert np.abs(literal.z(i, moments, 1.05)).max() > 5, target


@pytest.mark.parametrize("conventions", [{}, {"unit_link": True}], ids=str)
def test_integrals_agree_with_quasi_monte_carlo(conventions: dict[str, Any]) -> None:
    task = Task(sources=[_source("tanh")], **conventions)
    exact = source_moments(task, D, CONTEXT)
    assert exact.error < 1e-9
    assert not exact.random
    place, source = geometry(task, task.sources[0], D), task.sources[0]
    root = np.asarray(np.linalg.cholesky(source.task_cov.matrix(D)), dtype=float)
    law = SampledTasks(np.zeros(D), root, False, task.unit_link, place.scale, place.mean, place.covariance)
    sampled = averaged_moments(place, law, CONTEXT)
    assert sampled.random
    # The distance of eight replicas' mean, in units of the largest standard error of an entry: |t| < 8 with 7 degrees of freedom, per
    # entry one false alarm in 10⁴ draws; two cases of a few hundred entries, the largest of which sets the unit.
    assert _distance(sampled, exact) < 8 * sampled.error
    # An error of 5 % would be seen where the nets are that good: in the scale of b.
    assert 0.05 * np.abs(exact.second_b).max() / _sizes(exact)["second_b"] > sampled.error


def test_isotropic_sources_have_the_isotropic_moments() -> None:
    for target in ("relu", "tanh"):
        joint = covariance(Task(target, noise=0.3)).averaged().joint(D, CONTEXT)
        moments = source_moments(Task(target, noise=0.3), D, CONTEXT)
        # Gauss rule of χ² against the contour sums: rounding of some hundred terms, in units of the largest entry.
        np.testing.assert_allclose(moments.second_b, joint.second_b, rtol=0, atol=1e-12 * np.abs(joint.second_b).max())
        np.testing.assert_allclose(moments.coupling, joint.coupling, rtol=0, atol=1e-12)
        assert moments.trace == pytest.approx(joint.trace, rel=1e-12)
        given = covariance(Task(target, noise=0.3)).given(np.ones(D), context=CONTEXT)
        same = source_moments(Task(target, noise=0.3), D, CONTEXT, tasks=np.ones((2, D)))
        np.testing.assert_allclose(same.second_b, given.second_b, rtol=1e-14)


def test_the_sphere_with_a_unit_link_is_the_gaussian_law() -> None:
    pair = [
        source_moments(Task(sources=[Source("tanh", 0.1, task_cov=Spike(4.0), tasks=law)], unit_link=True), D, CONTEXT)
        for law in ("gaussian", "sphere")
    ]
    assert _distance(*pair) == 0


@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_shifted_moments_are_integrals(target: object) -> None:
    """Closed forms in m and s, and the panels' numbers, against mpmath."""
    sigma = activation(target)
    f = {"relu": lambda x: max(x, mpmath.mpf(0)), "tanh": mpmath.tanh, "gelu": lambda x: x * mpmath.ncdf(x)}.get(str(target))
    if f is None:
        f = (lambda x: x**3 / 3 - x / 2) if target is CUBIC else (lambda x: max(x - mpmath.mpf(1) / 3, mpmath.mpf(0)))
    m, s = 0.7, 1.6
    kinks = sorted((float(kink) - m) / s for kink in sigma.kinks)
    table = argument_moments(sigma, [m], [s])[:, :, 0]
    cov = covariance(Task(sources=[Source(target, 0.3, input_mean=0.5)]))
    numbers = {"e": (1, 0, 0.0), "a": (1, 1, 0.0), "v": (2, 0, 0.3), "q": (2, 1, 0.0), "p": (2, 2, 0.0)}
    for name, (power, k, noise) in numbers.items():
        weight = (lambda g: 1, lambda g: g, lambda g: g * g - 1)[k]
        cuts = sorted([-12, -4, 0, *kinks, 4, 12])
        exact = float(mpmath.quad(lambda g, j=power, w=weight: f(m + s * g) ** j * w(g) * mpmath.npdf(g), cuts))
        size = float(table[power - 1, 0]) if power == 2 else math.sqrt(table[1, 0])
        assert table[power - 1, k] == pytest.approx(exact, abs=1e-12 * size), name
        form = cov.moments[name]
        if form is not None:
            assert float(form.subs({"m": m, "s": s})) == pytest.approx(exact + noise, abs=1e-12 * size), name
    closed = [name for name, form in cov.moments.items() if form is not None]
    assert closed == (["e", "a"] if target == "gelu" else [] if target == "tanh" else list(cov.moments))


def test_moments_of_wide_arguments() -> None:
    # E exp(4·2g) = e^{32}, far from the origin; ReLU at a million standard deviations; a sine of 100.
    assert argument_moments(activation("exp"), [0.0], [2.0])[3, 0, 0] == pytest.approx(math.exp(32), rel=1e-12)
    assert argument_moments(activation("relu"), [0.0], [1e6])[0, 1, 0] == pytest.approx(5e5, rel=1e-14)
    assert argument_moments(activation("sin"), [0.3], [100.0])[1, 0, 0] == pytest.approx(0.5, abs=1e-12)
    with pytest.raises(HypothesisError, match=r"an argument of standard deviation ≤ 128; found sin at the standard deviation"):
        argument_moments(activation("sin"), [0.0], [200.0])
    with pytest.raises(HypothesisError, match=r"a finite mean and a positive standard deviation"):
        argument_moments(activation("relu"), [0.0], [0.0])
    with pytest.raises(HypothesisError, match=r"a finite fourth moment under its argument's normal law; found exp at a standard"):
        argument_moments(activation("exp"), [0.0], [9.0])


def test_symbolic_entries_at_level_a_are_the_numbers() -> None:
    task = Task(sources=[_source("relu", input_mean=0.4)])
    cov, xi = covariance(task), np.arange(1.0, D + 1)
    place = geometry(task, task.sources[0], D)
    m, s = float(xi @ place.mean), math.sqrt(float(xi @ place.covariance @ xi))
    r = place.covariance @ xi / s
    joint = cov.given(xi, context=CONTEXT)
    for entries in (cov.lambdify()(D, CONTEXT, m, s), cov.numeric(s, D, CONTEXT, m=m)):
        mu = place.mean
        second = np.empty((D + 1, D + 1))
        second[:D, :D] = (
            entries["second_P"] * place.covariance
            + entries["second_rr"] * np.outer(r, r)
            + entries["second_mumu"] * np.outer(mu, mu)
            + entries["second_mur"] * (np.outer(mu, r) + np.outer(r, mu))
        )
        second[:D, D] = second[D, :D] = entries["second_mu2"] * mu + entries["second_r2"] * r
        second[D, D] = entries["second_22"]
        np.testing.assert_allclose(joint.second_b, second, rtol=0, atol=1e-12 * np.abs(second).max())
        mean = np.append(entries["mean_mu"] * mu + entries["mean_r"] * r, entries["mean_b2"])
        np.testing.assert_allclose(joint.mean_b, mean, rtol=0, atol=1e-12 * np.abs(mean).max())


def test_a_mean_enters_the_covariance_of_h() -> None:
    rng = np.random.default_rng(2)
    moments = source_moments(Task(sources=[Source("relu", 0.1, input_mean=0.7, task_mean=0.2)]), 3, 4)
    F = rng.standard_normal((12, 5))
    mean_h = np.outer(moments.mean_x, moments.mean_b).ravel()
    literal = np.kron(moments.second_x, moments.second_b) - np.outer(mean_h, mean_h)
    np.testing.assert_allclose(moments.features(F), F.T @ literal @ F, rtol=0, atol=1e-13 * np.abs(F.T @ literal @ F).max())
    np.testing.assert_allclose(moments.cross(F), F.T @ (moments.coupling.ravel() - moments.mean_z * mean_h), rtol=1e-13)
    assert moments.trace == pytest.approx(np.trace(literal), rel=1e-13)
    assert covariance(Task(sources=[Source("relu", 0.1, input_mean=0.7, task_mean=0.2)])).trace(3, 4) == moments.trace
    assert moments.matrix(F)[5, 5] == pytest.approx(moments.square_z - moments.mean_z**2, rel=1e-13)


def _gaps(target: object, order: int, d: int, **conventions: Any) -> dict[str, float]:
    # Two levels of variances, so that ‖PW‖/tr PW = O(1/d): slopes are those of t_n.
    variances = Diagonal(np.where(np.arange(d) % 2, 1.5, 0.5).tolist())
    tilted = Dense(np.eye(d) + 0.4 * (np.eye(d, k=1) + np.eye(d, k=-1)))
    # Covariances that commute make the unit link's pencil diagonal, and the test fast.
    inputs = Diagonal(np.where(np.arange(d) % 3, 1.3, 0.6).tolist()) if conventions.get("unit_link") else tilted
    averaged = covariance(Task(sources=[Source(target, 0.3, input_cov=inputs, task_cov=variances)], **conventions)).averaged(order)
    exact, series = averaged.numeric(d, d), averaged.series(d, d)

    def gap(left: np.ndarray | float, right: np.ndarray | float) -> float:
        return float(np.linalg.norm(left - right) / np.linalg.norm(right))

    return {name: gap(series[name], exact[name]) for name in ("second", "signal", "coupling", "mean_b2", "second_22")}


@pytest.mark.parametrize(("order", "conventions"), [(0, {}), (1, {}), (2, {}), (1, {"unit_inputs": True, "unit_link": True})], ids=str)
def test_the_series_has_the_stated_order(order: int, conventions: dict[str, Any]) -> None:
    sizes = (30, 60) if order == 2 else (20, 40)
    small, large = (_gaps("tanh", order, d, **conventions) for d in sizes)
    for name in small:
        # The next term moves the slope between d and 2d by O(1/d), constants below 10 (order 2: 15) for tanh.
        assert math.log2(large[name] / small[name]) == pytest.approx(-(order + 1), abs=0.5), name


@pytest.mark.parametrize("target", ["relu", CUBIC], ids=str)
def test_series_that_end_are_exact(target: object) -> None:
    task = Task(sources=[_source(target)])
    assert covariance(task).averaged(1).exact
    exact, series = covariance(task).averaged(1).numeric(D, CONTEXT), covariance(task).averaged(1).series(D, CONTEXT)
    for name in ("second", "signal"):
        np.testing.assert_allclose(series[name], exact[name], rtol=0, atol=1e-11 * np.abs(exact[name]).max())
    assert not covariance(Task(sources=[_source("tanh")])).averaged(1).exact
    assert not covariance(Task(sources=[_source("relu")], unit_link=True)).averaged(1).exact


@pytest.mark.parametrize(("unit_inputs", "unit_link"), [(False, False), (True, True)])
def test_the_limit_is_approached(unit_inputs: bool, unit_link: bool) -> None:
    gaps = []
    for d in (20, 40):
        source = Source(
            "tanh",
            0.3,
            input_cov=Diagonal(np.where(np.arange(d) % 3, 1.5, 0.4).tolist()),
            task_cov=Diagonal(np.where(np.arange(d) % 2, 1.2, 0.8).tolist()),
        )
        cov = covariance(Task(sources=[source], unit_inputs=unit_inputs, unit_link=unit_link))
        limit = cov.limit().numeric(1.0, d=d)
        gaps.append(cov.trace(d, d) / d / limit["trace"] - 1)
    # First order in 1/d, the next term moving the slope by O(1/d), constants below 8.
    assert math.log2(gaps[1] / gaps[0]) == pytest.approx(-1, abs=8 / 20)


def test_given_training_tasks() -> None:
    rng = np.random.default_rng(3)
    task = Task(sources=[_source("tanh", input_mean=0.2)], unit_link=True)
    tasks = rng.standard_normal((3, D))
    cov = covariance(task)
    over = cov.over_tasks().given(tasks, context=CONTEXT)
    parts = [cov.given(xi, context=CONTEXT) for xi in tasks]
    for name in ("second_b", "labels", "coupling", "mean_b"):
        np.testing.assert_allclose(getattr(over, name), np.mean([getattr(part, name) for part in parts], axis=0), rtol=1e-12, atol=1e-15)
    # R_k ≃ φ P S_k P + η P: relative gap O(d^{-1/2}) from the lengths of k tasks; here for a homogeneous target φ is exact.
    task = Task(sources=[_source("relu")])
    place = geometry(task, task.sources[0], D)
    entries = covariance(task).over_tasks().lambdify()(D, CONTEXT, 1.0)
    exact = covariance(task).over_tasks().given(tasks, context=CONTEXT)
    image = tasks @ place.covariance
    s2 = np.einsum("kd,kd->k", image, tasks).mean()
    noise = float(covariance(task).over_tasks().lambdify()(D, CONTEXT, math.sqrt(s2))["noise"])
    expected = entries["slope"] * image.T @ image / 3 + noise * place.covariance
    np.testing.assert_allclose(exact.second_b[:D, :D], expected, rtol=0, atol=1e-12 * np.abs(expected).max())
    np.testing.assert_allclose(exact.labels[:, :D], entries["signal"] * image.T @ image / 3, rtol=0, atol=1e-12 * np.abs(expected).max())


def test_symbols_alone() -> None:
    cov = covariance(SymbolicTarget(), covariances=True, unit_inputs=True, unit_link=True)
    for level in (cov, cov.averaged(1), cov.over_tasks(), cov.limit()):
        shown = level.latex()
        assert shown.isascii()
        assert shown.count(r"\begin{align*}") == shown.count(r"\end{align*}") == 1
        assert level._repr_latex_() == f"$$\n{shown}\n$$"
        assert callable(level.lambdify())
        assert len(level.arguments) >= 4
    # A polynomial target closes in its own coefficients.
    c1, d, ell = symbols.hermite_symbol(1, 1), symbols.d, symbols.ell
    linear = covariance(SymbolicTarget(degree=1), covariances=True).averaged().entries
    assert sympy.expand(linear["signal_w0"] - d * c1**2) == 0
    assert sympy.expand(linear["second_w0"] - d**2 * c1**2 * (1 + 1 / ell)) == 0


def test_errors_name_the_hypothesis() -> None:
    task = Task(sources=[_source("relu"), _source("tanh")])
    with pytest.raises(HypothesisError, match=r"one source is asked for; found 2 sources. Repair: pass source=0"):
        covariance(task)
    with pytest.raises(HypothesisError, match=r"one source is asked for; found 2 sources"):
        source_moments(task, D, CONTEXT)
    with pytest.raises(HypothesisError, match=r"the sources are numbered 0 … 1; found source=2"):
        source_moments(task, D, CONTEXT, source=2)
    with pytest.raises(HypothesisError, match=r"tasks are a finite array of shape \(k, d\); found shape \(12,\) at d = 12"):
        source_moments(task, D, CONTEXT, source=0, tasks=np.ones(D))
    with pytest.raises(HypothesisError, match=r"the labels depend on x: ξ ≠ 0"):
        source_moments(task, D, CONTEXT, source=0, tasks=np.zeros((1, D)))
    with pytest.raises(HypothesisError, match=r"d ≥ 1 and ℓ ≥ 1; found d=0, context=7"):
        source_moments(task, 0, CONTEXT, source=0)
    with pytest.raises(HypothesisError, match=r"moments belong to a Task"):
        source_moments("relu", D, CONTEXT)  # type: ignore[arg-type]
    with pytest.raises(HypothesisError, match=r"those of Gaussian inputs; found inputs of the law Student t"):
        source_moments(Task(sources=[_source("relu", inputs=StudentT(5))]), D, CONTEXT)
    heavy = Task(sources=[_source("relu", tasks=StudentT(5))])
    with pytest.raises(HypothesisError, match=r"known for Gaussian tasks and for the sphere; found tasks of the law Student t"):
        source_moments(heavy, D, CONTEXT)
    assert source_moments(heavy, D, CONTEXT, tasks=np.ones((2, D))).square_y > 0
    with pytest.raises(HypothesisError, match=r"the series is for centred inputs and centred Gaussian tasks"):
        covariance(Task(sources=[_source("relu", task_mean=0.1)])).averaged().entries  # noqa: B018
    with pytest.raises(HypothesisError, match=r"normalised by ‖ξ‖ the series is known to order 1; found order=2"):
        covariance(SymbolicTarget(), covariances=True, unit_link=True).averaged(2)
    with pytest.raises(HypothesisError, match=r"numbers need covariances; found Σ_x, Σ_ξ known by symbols only"):
        covariance(SymbolicTarget(), covariances=True).given(np.ones(3), context=2)
    with pytest.raises(HypothesisError, match=r"ξ is one vector of shape \(d,\); found shape \(1, 12\)"):
        covariance(heavy).given(np.ones((1, D)), context=2)
    with pytest.raises(HypothesisError, match=r"a finite array of shape \(k, d\); found shape \(12,\)"):
        covariance(heavy).over_tasks().given(np.ones(D), context=2)
    with pytest.raises(HypothesisError, match=r"a Task has its own conventions"):
        covariance(heavy, unit_inputs=True)
    with pytest.raises(HypothesisError, match=r"unit_link belongs to data with covariances"):
        covariance(SymbolicTarget(), unit_link=True)
    with pytest.raises(HypothesisError, match=r"symbolic covariances are those of Gaussian tasks"):
        covariance(SymbolicTarget(), covariances=True, tasks="sphere")


def _covariance_of(target: object = "relu", **more: object) -> Covariance:
    return covariance(Task(sources=[Source(target, 0.1, **more)]), covariances=True)  # type: ignore[arg-type]


@pytest.mark.parametrize("mean", [0.7, (0.1, 0.0)])
def test_means_of_inputs_are_refused_where_formulas_lack_them(mean: object) -> None:
    cov = _covariance_of(input_mean=mean)
    averaged, limit, tasks = cov.averaged(), cov.limit(), cov.over_tasks()
    find: Callable[[], object]
    for find in (lambda: averaged.entries, lambda: averaged.exact, averaged.latex):
        with pytest.raises(HypothesisError, match=r"centred Gaussian tasks; .* use \.averaged\(\)\.joint\(d, context\), with its \.error"):
            find()
    for find in (lambda: limit.numeric(1.0, d=2), limit.latex, limit.lambdify):
        with pytest.raises(HypothesisError, match=r"centred inputs and centred tasks, Gaussian or on the sphere; .*\.error"):
            find()
    for find in (tasks.latex, tasks.lambdify):
        with pytest.raises(HypothesisError, match=r"is for centred inputs; .* use \.over_tasks\(\)\.given\(tasks, context=…\)"):
            find()
    assert tasks.given(np.ones((1, 2)), context=3).error == 0


def test_the_series_know_their_laws() -> None:
    heavy = _covariance_of(tasks=StudentT(5))
    for level in (heavy.averaged(), heavy.limit()):
        with pytest.raises(HypothesisError, match=r"found .*tasks Student t.* use \.over_tasks\(\)\.given\(tasks, context=…\)"):
            level.latex()
    with pytest.raises(HypothesisError, match=r"centred inputs and centred tasks, Gaussian or on the sphere"):
        _covariance_of(task_mean=0.1).limit().numeric(1.0, d=5)
    with pytest.raises(HypothesisError, match=r"covariance is that of Gaussian inputs; found inputs of the law Student t.* simulate"):
        _covariance_of(inputs=StudentT(5))
    # The training tasks being given, their law does not matter; on the sphere the leading order is that of Gaussian tasks.
    assert heavy.over_tasks().latex() == _covariance_of(task_mean=0.1).over_tasks().latex() == _covariance_of().over_tasks().latex()
    assert _covariance_of(tasks="sphere").limit().numeric(1.0, d=5) == _covariance_of().limit().numeric(1.0, d=5)


@pytest.mark.parametrize(("power", "order"), [(6, 1), (5, 0)])
def test_series_of_higher_powers_have_all_their_traces(power: int, order: int) -> None:
    averaged = _covariance_of(X**power, task_cov=Diagonal([0.5, 1.0, 2.0])).averaged(order)
    exact, series = averaged.joint(3, 5), averaged.series(3, 5)
    assert averaged.exact
    # Sums of positive terms, a few hundred of them: their rounding, and the error of the numbers.
    right = exact.second_b[:3, :3]
    np.testing.assert_allclose(series["second"], right, rtol=0, atol=(1e-13 + 10 * exact.error) * np.abs(right).max())


def test_the_name_of_a_word_is_no_other_entry() -> None:
    expected = _covariance_of().averaged().entries["second_22"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TaskAverages, "words", lambda self, f: {"0": X, "22": 2 * X})
        averaged = _covariance_of().averaged()
        # The word P(WP)^23, of targets of degree 23 and more, stands beside E b₂², and each of them is shown.
        assert averaged.entries["second_w22"] == 2 * X
        assert averaged.entries["second_22"] == expected
        assert averaged.latex().count(r"P (W P)^{23}") == 3


def test_moments_handed_out_again_are_read_only() -> None:
    task = Task(sources=[_source("relu")])
    moments = source_moments(task, 3, 4)
    assert source_moments(task, 3, 4) is moments
    for values in (moments.second_b, moments.labels, moments.coupling, moments.mean_b, moments.inputs, moments.mean_x):
        with pytest.raises(ValueError, match="read-only"):
            values[:] = 0


def test_the_joint_covariance_keeps_its_error() -> None:
    moments = source_moments(Task(sources=[_source("tanh")]), 3, 4)
    assert 0 < moments.error == covariance(Task(sources=[_source("tanh")])).averaged().joint(3, 4).error
    assert not moments.random
    sphere, shifted = (
        covariance(Task(sources=[Source("relu", 0.3, tasks="sphere", input_mean=mean)])).averaged().joint(3, 4) for mean in (0.0, 0.5)
    )
    assert shifted.random
    assert shifted.error > 0
    assert sphere.error == 0


def test_panels_are_found_once_for_all_reaches() -> None:
    calls: list[int] = []

    def counted(x: Any) -> Any:
        calls.append(x.size)
        return np.tanh(x)

    sigma = activation(counted)
    argument_moments(sigma, [0.0], [1.0])
    evaluations = len(calls)
    argument_moments(sigma, [0.0], [30.0])
    # The function is looked at again at the nodes alone, once for each end that is tried.
    assert len(calls) - evaluations <= 4 < evaluations
