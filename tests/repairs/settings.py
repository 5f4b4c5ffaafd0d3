"""Refused settings: models, covariances, theory, simulation and assertions; the words of the repair, and the repair as a call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy

import hermite_eq as h
from hermite_eq import covariance, simulate, structured, testing, theory
from hermite_eq.hermite import X
from hermite_eq.testing import strategies
from hermite_eq.theory.feature_law.given_moments import Population
from hermite_eq.theory.spectra.marchenko_pastur import density, resolvent_moments
from hermite_eq.theory.spectra.wishart import wishart_density

Row = tuple[Callable[[], Any], str, Callable[[], Any]]

RATIOS = h.Ratios(alpha=1, kappa=1, tau=2, mu=1)
SIZES = h.Sizes(4, 4, 3, 20, 12)
FRESH = h.Sizes(4, 4, math.inf, 20, 12)
BARE = h.Sizes(4, 4, math.inf, 20)
TASK, LINE = h.Task("relu", noise=0.1), h.Task("identity", noise=0.1)
SOURCES = [h.Source("relu", 0.1), h.Source("relu", 0.2, task_cov=h.Spike(1.0))]
MIXED = h.Task(sources=SOURCES)
linear, head, normal = h.LinearTransformer(0.1), h.RandomTransformer("relu", 0.1), h.RandomTransformer("relu", 0.1, normalise=True)
SAMPLES = np.random.default_rng(0).standard_normal((4000, 2))
MANY = np.random.default_rng(0).standard_normal((100_000, 2))
GAPS = np.array([10, 20, 40, 80]) ** -0.5 * (1 + 0.01 * np.random.default_rng(0).standard_normal((40, 4)))
LADDER = [10, 20, 40, 80]
UNIFORM = h.Task(sources=[h.Source("relu", 0.1, inputs="uniform")])
F = np.random.default_rng(0).standard_normal((20, 3))


def population(**given: Any) -> Population:
    return Population(**({"covariance": np.eye(20), "signal": np.ones(20) / 40, "square": 1.0} | given))


def moments(**given: Any) -> theory.GivenMoments:
    return theory.given_moments([population(**given)])


def noisy(x: Any, rng: np.random.Generator) -> Any:
    return x + rng.standard_normal(x.shape)


def rows(scale: float = 1.0, width: int = 0, labels: int = 0) -> Callable[..., Any]:
    """Features x_1 … x_d and a linear label with noise."""
    def at(d: int, rng: np.random.Generator) -> Any:
        teacher = rng.standard_normal(d)
        def draw(count: int, rng: np.random.Generator) -> tuple[Any, Any]:
            x = rng.standard_normal((count, d))
            y = x @ teacher / math.sqrt(d) + rng.standard_normal(count)
            return scale * x[:, : d - width], y[: count - labels]
        return draw
    return at


def universal(one: Any = None, other: Any = None, **given: Any) -> Any:
    arguments = {"dimensions": (20, 40), "samples": lambda d: 2 * d, "ridge": 0.5, "deviation": testing.Deviation(5.0, order=-0.5)} | given
    return testing.assert_universal(one or rows(), other or rows(), resolution=2.0, test=200, **arguments)


def equal(**given: Any) -> Any:
    sizes = h.Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=1)
    arguments = {"model_a": "a", "model_b": "b", "task": TASK, "sizes": sizes, "margin": 0.2, "simulator": errors_of_two} | given
    return testing.assert_equivalent(**arguments)


def errors_of_two(a: Any, b: Any, task: Any, sizes: Any, runs: range, rng: Any) -> Any:
    values = 1 + 0.01 * np.random.default_rng([runs.start, 0]).standard_normal((2, len(runs)))
    return values[0], values[1]


TABLE: dict[str, Row] = {
    # models
    "matrix of a source": (
        lambda: h.Source("relu", 0.1, input_cov=[1.0, math.nan]), "find where",
        lambda: h.Source("relu", 0.1, input_cov=[1.0, 2.0]),
    ),
    "law of inputs": (
        lambda: h.Source("relu", 0.1, inputs="cauchy"), 'pass inputs="gaussian"',
        lambda: h.Source("relu", 0.1, inputs="gaussian"),
    ),
    "test weights": (
        lambda: h.Task(sources=SOURCES, test_weights="a"), 'pass test_weights="uniform"',
        lambda: h.Task(sources=SOURCES, test_weights="uniform"),
    ),
    "target beside sources": (
        lambda: h.Task("relu", sources=SOURCES), "pass Source(target, noise)",
        lambda: h.Task(sources=[h.Source("relu", 0.1)]),
    ),
    "strength of a spike": (lambda: h.Spike(-2.0), "pass strength=1.0", lambda: h.Spike(strength=1.0)),
    "step of an equivalent": (
        lambda: h.OneStepTransformer(h.equivalent_model("relu"), 1.0, 0.1), "pass σ, and the equivalent activation as head=…",
        lambda: h.OneStepTransformer("relu", 1.0, 0.1, head=h.equivalent_model("relu")),
    ),
    "dimension of a mean": (
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=[1.0, 0.0])])).given(np.ones(4), context=4),
        "pass one of dimension 4",
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=[1.0, 0, 0, 0])])).given(np.ones(4), context=4),
    ),
    "proportions of sources": (
        lambda: h.Task(sources=SOURCES, weights=[0.5, 0.6]), "", lambda: h.Task(sources=SOURCES, weights=[0.5, 0.5]),
    ),
    # covariance
    "conventions of a mixture": (
        lambda: h.covariance(MIXED, unit_inputs=True, source=0), "pass Task(…, unit_inputs=True)",
        lambda: h.covariance(h.Task(sources=SOURCES, unit_inputs=True), source=0),
    ),
    "covariance of a name": (
        lambda: h.covariance("relu"), 'pass hermite_eq.Task("relu", noise=0.01)',
        lambda: h.covariance(h.Task("relu", noise=0.01)),
    ),
    "source of a task": (lambda: h.covariance(TASK, source=1), "pass source=0", lambda: h.covariance(TASK, source=0)),
    "law of a task": (
        lambda: h.covariance(TASK, tasks="sphere", covariances=True), "sources=[Source(…, tasks='sphere')]",
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, tasks="sphere")])),
    ),
    "inputs of another law": (
        lambda: h.covariance(UNIFORM, source=0), "simulate: hermite_eq.simulate.icl_error",
        lambda: simulate.icl_error(linear, UNIFORM, FRESH, runs=1, rng=0),
    ),
    "norm of structured data": (
        lambda: h.covariance(TASK, covariances=True).norm_law(), "pass covariance(Task(…))", lambda: h.covariance(TASK).norm_law(),
    ),
    "mean of x": (
        lambda: h.covariance(TASK).given(np.ones(4), context=4, input_mean=[1.0]), "pass numpy.zeros(4)",
        lambda: h.covariance(TASK).given(np.ones(4), context=4, input_mean=np.zeros(4)),
    ),
    "complex ξ": (
        lambda: h.covariance(TASK).given(1j * np.ones(4), context=4), "pass", lambda: h.covariance(TASK).given(np.ones(4), context=4),
    ),
    "complex F": (
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(1j * F), "pass F as an array of floats",
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix((1j * F).imag),
    ),
    "shape of F": (
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(F[:7]), "pass an array of shape (20, m)",
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(F),
    ),
    "F of NaN": (
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(F * math.nan), "leave its columns out",
        lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(F),
    ),
    "sizes of a covariance": (
        lambda: covariance.source_moments(TASK, 0, 4), "pass", lambda: covariance.source_moments(TASK, 4, 4),
    ),
    "averages over other tasks": (
        lambda: covariance.source_moments(h.Task(sources=[h.Source("relu", 0.1, tasks="uniform")]), 4, 4), "pass tasks=…",
        lambda: covariance.source_moments(h.Task(sources=[h.Source("relu", 0.1, tasks="uniform")]), 4, 4, tasks=np.ones((2, 4))),
    ),
    "moments of other inputs": (
        lambda: covariance.source_moments(UNIFORM, 4, 4), "simulate: hermite_eq.simulate.icl_error",
        lambda: simulate.icl_error(linear, UNIFORM, FRESH, runs=1, rng=0),
    ),
    "series with means": (
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=1.0)])).limit().numeric(1.0, d=4), "",
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=1.0)])).averaged().joint(4, 4),
    ),
    "dimension of traces": (
        lambda: h.covariance(h.Task(sources=[SOURCES[1]])).limit().numeric(1.0), "pass d=80",
        lambda: h.covariance(h.Task(sources=[SOURCES[1]])).limit().numeric(1.0, d=80),
    ),
    # theory
    "axis of a curve": (
        lambda: theory.icl_curve(linear, TASK, SIZES, width=[1]), "pass samples=[100, 200]",
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[100, 200]),
    ),
    "two axes of a curve": (
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[10, 20], tasks=[1, 2]), "",
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[10, 20]),
    ),
    "model of a gradient": (
        lambda: theory.icl_gradient("relu", TASK, RATIOS), "pass LinearTransformer(ridge=…)",  # type: ignore[arg-type]
        lambda: theory.icl_gradient(h.LinearTransformer(ridge=0.1), TASK, RATIOS),
    ),
    "task of a best context": (
        lambda: theory.optimal_context(linear, MIXED, kappa=1, tau=2), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: theory.optimal_context(linear, h.Task("relu", noise=0.01), kappa=1, tau=2),
    ),
    "best ridge in the limit": (
        lambda: theory.optimal_ridge(normal, TASK, RATIOS), "pass Sizes.from_ratios(d, …)",
        lambda: theory.optimal_ridge(normal, TASK, h.Sizes.from_ratios(4, alpha=1, kappa=1, tau=2, mu=1)),
    ),
    "a head that explodes": (
        lambda: h.icl_error(h.RandomTransformer(lambda x: 1e80 * np.tanh(x), 0.1), TASK, RATIOS), "",
        lambda: h.icl_error(h.RandomTransformer("tanh", 0.1), TASK, RATIOS),
    ),
    "labels at finite d": (
        lambda: h.icl_error(linear, h.Task(sympy.Integer(10) ** 50 * X, 0.1), SIZES), "pass a target and noise of order 1",
        lambda: h.icl_error(linear, h.Task(X, 0.1), SIZES),
    ),
    "target without moments": (
        lambda: h.icl_error(linear, h.Task("exp(x**2/16)", 0.1), SIZES), "use a target of polynomial growth",
        lambda: h.icl_error(linear, h.Task("x**2", 0.1), SIZES),
    ),
    "target without moments, limit": (
        lambda: h.icl_error(linear, h.Task("exp(x**2/16)", 0.1), SIZES), "Ratios(…) in place of Sizes",
        lambda: h.icl_error(linear, h.Task("exp(x**2/16)", 0.1), RATIOS),
    ),
    "tasks one by one": (
        lambda: h.icl_error(linear, MIXED, h.Sizes(4, 4, 10**5, 10**6)), "pass tasks=math.inf",
        lambda: h.icl_error(linear, MIXED, h.Sizes(4, 4, math.inf, 10**6)),
    ),
    "signal of NaN": (
        lambda: moments(signal=np.full(20, math.nan)), "pass the moments of one law",
        lambda: moments(signal=np.zeros(20) + 0.01),
    ),
    "given moments without hidden units": (
        lambda: h.icl_error(normal, moments(), BARE), "pass hidden=…", lambda: h.icl_error(normal, moments(), FRESH),  # type: ignore[call-overload]
    ),
    "test tasks of another size": (
        lambda: theory.TaskPopulation.from_tasks(TASK, np.eye(4), np.eye(3)), "pass matrices of one shape",
        lambda: theory.TaskPopulation.from_tasks(TASK, np.eye(4), np.eye(4)),
    ),
    "step of given moments": (
        lambda: theory.spiked_icl_error(h.OneStepTransformer("tanh", 1.0, 0.1), moments(), FRESH), "",  # type: ignore[arg-type]
        lambda: theory.spiked_icl_error(head, h.Task(sources=[h.Source("relu", 0.1)]), h.Sizes(20, 20, math.inf, 400, 200)),
    ),
    "a large Wishart matrix": (lambda: wishart_density(10**4, 10**4), "use the limit beyond", lambda: density(1.0, 1.0)),
    "several sources in the limit": (
        lambda: h.icl_error(linear, MIXED, RATIOS), "pass Sizes(…)",
        lambda: h.icl_error(linear, MIXED, FRESH),
    ),
    "hidden units": (lambda: h.icl_error(normal, TASK, BARE), "pass hidden=…", lambda: h.icl_error(normal, TASK, FRESH)),
    "a head of a constant": (
        lambda: h.icl_error(h.RandomTransformer(1 + 0 * X, 0.1), TASK, RATIOS), "some c_k ≠ 0",
        lambda: h.icl_error(h.RandomTransformer(1 + X, 0.1), TASK, RATIOS),
    ),
    "no task in theory": (
        lambda: h.icl_error(linear, "relu", RATIOS), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: h.icl_error(linear, h.Task("relu", noise=0.01), RATIOS),
    ),
    "magnitude of a target": (
        lambda: h.icl_error(linear, h.Task(sympy.Integer(10) ** 200 * X, 0.1), RATIOS), "divide the target by 2e+200",
        lambda: h.icl_error(linear, h.Task(X / 2, 0.1), RATIOS),
    ),
    "Bayes without a width": (
        lambda: theory.dmmse_limit(h.Task("identity", 0), 1.0), 'pass Task("identity", noise=0.01)',
        lambda: theory.dmmse_limit(h.Task("identity", noise=0.01), 1.0),
    ),
    "rate of tasks": (
        lambda: theory.dmmse_limit(LINE, 1.0, rate=-1.0), "pass rate=np.log(tasks) / d",
        lambda: theory.dmmse_limit(LINE, 1.0, rate=np.log(8) / 4),
    ),
    "best context of a head": (
        lambda: theory.optimal_context(head, TASK, kappa=1, tau=2), "pass LinearTransformer(ridge=…)",  # type: ignore[arg-type]
        lambda: theory.optimal_context(h.LinearTransformer(ridge=0.1), TASK, kappa=1, tau=2),
    ),
    "best context at the peak": (
        lambda: theory.optimal_context(h.LinearTransformer(0), TASK, kappa=1, tau=1), "pass ridge=1e-6",
        lambda: theory.optimal_context(h.LinearTransformer(ridge=1e-6), TASK, kappa=1, tau=1),
    ),
    "gradient of an infinite error": (
        lambda: theory.icl_gradient(h.LinearTransformer(0), TASK, h.Ratios(alpha=1, kappa=1, tau=1)), "move n away from m",
        lambda: theory.icl_gradient(h.LinearTransformer(0), TASK, h.Ratios(alpha=1, kappa=1, tau=2)),
    ),
    "mixtures of known tasks": (
        lambda: theory.mixing_gradient(linear, MIXED, SIZES), "pass tasks=math.inf", lambda: theory.mixing_gradient(linear, MIXED, FRESH),
    ),
    "mixtures in the limit": (
        lambda: theory.mixing_gradient(linear, MIXED, RATIOS), "pass Sizes(…)",  # type: ignore[arg-type]
        lambda: theory.mixing_gradient(linear, MIXED, FRESH),
    ),
    "direction of proportions": (
        lambda: theory.mixing_gradient(linear, MIXED, FRESH).along([1, 1]), "pass [1, -1]",
        lambda: theory.mixing_gradient(linear, MIXED, FRESH).along([1, -1]),
    ),
    "best ridge without hidden units": (
        lambda: theory.optimal_ridge_curve(normal, TASK, [BARE]), "pass hidden=…",
        lambda: theory.optimal_ridge_curve(normal, TASK, [SIZES]),
    ),
    "peak along a width": (
        lambda: theory.interpolation_peak(linear, TASK, RATIOS, "mu"), 'pass along="tau"',
        lambda: theory.interpolation_peak(linear, TASK, RATIOS, along="tau"),
    ),
    "peak of a head without a width": (
        lambda: theory.interpolation_peak(head, TASK, h.Ratios(alpha=1, kappa=1, tau=2)), "pass mu=…",
        lambda: theory.interpolation_peak(head, TASK, RATIOS),
    ),
    "limits of the ridgeless error": (
        lambda: theory.ridgeless_limit(alpha=2), "pass tau=sympy.oo, alpha=sympy.oo",
        lambda: theory.ridgeless_limit(tau=sympy.oo, alpha=sympy.oo),
    ),
    "given moments in the limit": (
        lambda: h.icl_error(linear, moments(), RATIOS), "pass Sizes(…)", lambda: h.icl_error(linear, moments(), FRESH),  # type: ignore[call-overload]
    ),
    "no population": (
        lambda: theory.given_moments([]), "pass training=[Population(…), …]",
        lambda: theory.given_moments(training=[population()]),
    ),
    "weights of populations": (
        lambda: theory.given_moments([population(weight=0.5)]), "divide them by their sum",
        lambda: theory.given_moments([population(weight=0.5 / 0.5)]),
    ),
    "moments of two laws": (lambda: moments(square=0.5, mean=1.0), "pass the moments of one law", lambda: moments(square=1.5, mean=1.0)),
    "a covariance of zeros": (
        lambda: moments(covariance=np.zeros((20, 20))), "pass a covariance of positive trace", lambda: moments(covariance=np.eye(20)),
    ),
    "variance of a norm": (lambda: moments(norm_variance=-1.0), "pass 0.0", lambda: moments(norm_variance=0.0)),
    "slopes": (lambda: moments(mean_slope=math.nan), "pass 0.0 for one that is not known", lambda: moments(mean_slope=0.0)),
    "center of another length": (lambda: moments(center=np.zeros(3)), "pass one entry for each", lambda: moments(center=np.zeros(20))),
    "structured tasks of a head": (
        lambda: theory.structured_curve(head, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), [RATIOS]),  # type: ignore[arg-type]
        "pass LinearTransformer(ridge=…)",
        lambda: theory.structured_curve(linear, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), [RATIOS]),
    ),
    "given tasks at another κ": (
        lambda: theory.structured_curve(linear, theory.TaskPopulation.from_tasks(TASK, np.eye(4)[:2]), [RATIOS]), "pass kappa=0.5",
        lambda: theory.structured_curve(
            linear, theory.TaskPopulation.from_tasks(TASK, np.eye(4)[:2]), [h.Ratios(alpha=1, kappa=0.5, tau=2)]
        ),
    ),
    "covariances of two sizes": (
        lambda: theory.TaskPopulation.from_covariances(TASK, np.eye(4), np.eye(3)), "pass matrices of one shape",
        lambda: theory.TaskPopulation.from_covariances(TASK, np.eye(4), np.eye(4)),
    ),
    "tasks of a population": (
        lambda: theory.TaskPopulation.from_tasks(TASK, np.ones(4)), "pass shape (k, d)",
        lambda: theory.TaskPopulation.from_tasks(TASK, np.ones((1, 4))),
    ),
    "labels of a population": (
        lambda: theory.TaskPopulation.from_covariances(h.Task(0 * X, 0), np.eye(4)), "noise > 0",
        lambda: theory.TaskPopulation.from_covariances(h.Task(0 * X, 0.1), np.eye(4)),
    ),
    "covariance of no tasks": (
        lambda: theory.TaskPopulation.from_covariances(TASK, np.zeros((4, 4))), "pass numpy.eye(d)",
        lambda: theory.TaskPopulation.from_covariances(TASK, np.eye(4)),
    ),
    "one structured source": (
        lambda: theory.spiked_icl_error(linear, TASK, SIZES), "pass RandomTransformer(…)",  # type: ignore[arg-type]
        lambda: theory.spiked_icl_error(head, h.Task(sources=[h.Source("relu", 0.1)]), h.Sizes(20, 20, math.inf, 400, 200)),
    ),
    "argument of a resolvent": (lambda: resolvent_moments(-1.0, 1.0), "pass y > 0", lambda: resolvent_moments(1.0, 1.0)),
    "ratio of a resolvent": (lambda: resolvent_moments(1.0, -1.0), "pass kappa=1.0", lambda: resolvent_moments(1.0, kappa=1.0)),
    "scale of a resolvent": (lambda: resolvent_moments(1.0, 1.0, p=-1.0), "pass p=1.0", lambda: resolvent_moments(1.0, 1.0, p=1.0)),
    "ratio of a density": (lambda: density(1.0, math.inf), "at kappa=inf all mass is at 1", lambda: density(1.0, 2.0)),
    "density at NaN": (lambda: density(math.nan, 1.0), "leave NaN out", lambda: density(1.0, 1.0)),
    "Wishart of no size": (lambda: wishart_density(0, 1), "pass positive integers", lambda: wishart_density(2, 3)),
    # simulate
    "coupling of no head": (
        lambda: simulate.coupling(linear, TASK, SIZES), "pass RandomTransformer(activation, ridge=…)",  # type: ignore[arg-type]
        lambda: simulate.coupling(h.RandomTransformer("relu", ridge=0.1), TASK, SIZES, contexts=100, rng=0),
    ),
    "coupling of one unit": (
        lambda: simulate.coupling(head, TASK, h.Sizes(4, 4, 3, 20)), "pass Sizes(…, hidden=…)",
        lambda: simulate.coupling(head, TASK, h.Sizes(4, 4, 3, 20, hidden=12), contexts=100, rng=0),
    ),
    "step of no step": (
        lambda: simulate.gradient_step(head, TASK, SIZES, runs=1, rng=0), "pass OneStepTransformer(σ, η, λ)",  # type: ignore[arg-type]
        lambda: simulate.gradient_step(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, SIZES, runs=1, rng=0),
    ),
    "dMMSE of two sources": (
        lambda: simulate.dmmse_error(MIXED, SIZES, runs=1), 'pass Task("identity", noise=0.01)',  # type: ignore[arg-type]
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE beyond lines": (
        lambda: simulate.dmmse_error(TASK, SIZES, runs=1), 'pass Task("identity", noise=0.01)',
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE without a width": (
        lambda: simulate.dmmse_error(h.Task("identity", 0), SIZES, runs=1), 'pass Task("identity", noise=0.01)',
        lambda: simulate.dmmse_error(h.Task("identity", noise=0.01), SIZES, runs=1, rng=0),
    ),
    "dMMSE of fresh tasks": (
        lambda: simulate.dmmse_error(LINE, FRESH, runs=1), "pass a finite number of tasks",
        lambda: simulate.dmmse_error(LINE, SIZES, runs=1, rng=0),
    ),
    "shape of a first layer": (
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng=0, F=F.T), "transpose or redraw F",
        lambda: simulate.preactivations(TASK, SIZES, units=3, count=5, rng=0, F=F.T.T),
    ),
    "curves of two models": (
        lambda: simulate.join([
            simulate.icl_curve(model, TASK, SIZES, samples=[10], runs=range(i, i + 1), rng=0) for i, model in enumerate([linear, normal])
        ]),
        "join each model by itself",
        lambda: simulate.join([simulate.icl_curve(linear, TASK, SIZES, samples=[10], runs=range(i, i + 1), rng=0) for i in range(2)]),
    ),
    "budget of memory": (
        lambda: simulate.icl_error(linear, TASK, h.Sizes(40, 40, 40, 4000), runs=1, memory="1kB"), "or more, or smaller sizes",
        lambda: simulate.icl_error(linear, TASK, h.Sizes(4, 4, 4, 20), runs=1, rng=0, memory="1MB"),
    ),
    # structured
    "scale of a pre-activation": (lambda: structured.affine("relu", 0, -1), "pass scale=1", lambda: structured.affine("relu", 0, scale=1)),
    "scale in a symbol": (
        lambda: structured.affine(np.tanh, 0, sympy.Symbol("s", positive=True)), "an expression of σ",
        lambda: structured.affine("tanh", 0, sympy.Symbol("s", positive=True)),
    ),
    "scale in a symbol, numbers": (
        lambda: structured.affine(np.tanh, 0, sympy.Symbol("s", positive=True)), "pass numbers", lambda: structured.affine(np.tanh, 0, 2.0),
    ),
    "no criterion": (lambda: structured.degree_needed(SIZES), "pass coupling=0.1", lambda: structured.degree_needed(SIZES, coupling=0.1)),
    "no criterion, strength": (
        lambda: structured.degree_needed(SIZES), "strength=10.0",
        lambda: structured.degree_needed(h.Sizes(4, 4, 3, 20, 400), strength=10.0),
    ),
    "strength without hidden units": (
        lambda: structured.degree_needed(h.Sizes(4, 4, 3, 20), strength=2.0), "pass Sizes(…, hidden=…)",
        lambda: structured.degree_needed(h.Sizes(4, 4, 3, 20, hidden=12), strength=2.0),
    ),
    # testing
    "samples of a random function": (
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=3, resolution=0.1), "pass samples=",
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=2**18, resolution=0.1),
    ),
    "one sample of four": (
        lambda: testing.assert_gaussian(SAMPLES[:2], np.eye(2), mean=[0, 0]), "",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), mean=[0, 0]),
    ),
    "no coefficients": (
        lambda: testing.assert_hermite_coefficients("relu", []), "pass [c_0, c_1, …]",
        lambda: testing.assert_hermite_coefficients("relu", [0.39894228, 0.5], accuracy=1e-7),
    ),
    "accuracy": (
        lambda: testing.assert_hermite_coefficients("relu", [0.4, 0.5], accuracy=9.0), "pass accuracy=5e-4",
        lambda: testing.assert_hermite_coefficients("relu", [0.399, 0.5], accuracy=5e-4),
    ),
    "sizes that differ": (
        lambda: testing.assert_rate([10, 10, 40, 80], GAPS, order=-0.5), "put the runs of equal sizes into one column",
        lambda: testing.assert_rate([10, 40, 80], [np.concatenate([GAPS[:, 0], GAPS[:, 0]]), GAPS[:, 2], GAPS[:, 3]], order=-0.5),
    ),
    "runs at a size": (
        lambda: testing.assert_rate(LADDER, GAPS[:2], order=-0.5), "run more", lambda: testing.assert_rate(LADDER, GAPS, order=-0.5),
    ),
    "gaps of NaN": (
        lambda: testing.assert_rate(LADDER, GAPS * math.nan, order=-0.5), "find the run whose error is not finite",
        lambda: testing.assert_rate(LADDER, GAPS, order=-0.5),
    ),
    "an order that does not vanish": (
        lambda: testing.assert_rate(LADDER, GAPS, order=0.5), "pass order=-1/2, tolerance=0.25",
        lambda: testing.assert_rate(LADDER, GAPS, order=-1 / 2, tolerance=0.25),
    ),
    "deviation without d": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), deviation=testing.Deviation(1.0, order=-1)), "pass Deviation(…, d=…)",
        lambda: testing.assert_gaussian(MANY, np.eye(2), deviation=testing.Deviation(1.0, order=-1, d=4)),
    ),
    "deviation of everything": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), deviation=2.0), "pass deviation=0.05",
        lambda: testing.assert_gaussian(MANY, np.eye(2), deviation=0.05),
    ),
    "repeated rows": (
        lambda: testing.assert_gaussian(np.repeat(SAMPLES[:1000], 4, axis=0), np.eye(2)), "draw every row afresh",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2)),
    ),
    "mean of samples": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), mean=[0.0, 0.0, 0.0]), "pass shape (2,)",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), mean=[0.0, 0.0]),
    ),
    "complex samples": (
        lambda: testing.assert_gaussian(SAMPLES + 1j, np.eye(2)), "pass", lambda: testing.assert_gaussian((SAMPLES + 1j).real, np.eye(2)),
    ),
    "no size to simulate at": (
        lambda: equal(sizes=[]), "pass Sizes.from_ratios(20, …)",
        lambda: equal(sizes=[h.Sizes.from_ratios(20, alpha=1, kappa=1, tau=2, mu=1)]),
    ),
    "margin": (lambda: equal(margin=0.0), "pass margin=0.05", lambda: equal(margin=0.05)),
    "sizes out of proportion": (
        lambda: equal(sizes=h.Sizes(20, 20, math.inf, 4, 400)), "pass samples=",
        lambda: equal(sizes=h.Sizes(20, 20, math.inf, 400, 400)),
    ),
    "errors of a simulator": (
        lambda: equal(simulator=lambda *_: (np.ones(1), np.ones(1))), "return two arrays of length", lambda: equal(simulator=errors_of_two),
    ),
    "errors of NaN": (
        lambda: equal(simulator=lambda a, b, task, sizes, runs, rng: np.full((2, len(runs)), math.nan)), "raise the ridge",
        lambda: equal(simulator=errors_of_two),
    ),
    "rate of alarms": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), rate=1e-300), "pass rate=",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), rate=1e-6),
    ),
    "a ladder of one": (
        lambda: universal(dimensions=(20,)), "pass dimensions=(20, 40, 80)",
        lambda: universal(dimensions=(20, 40, 80), runs=16),
    ),
    "a ladder without order": (
        lambda: universal(deviation=0.1), "pass Deviation(1.0, order=-0.5)",
        lambda: universal(deviation=testing.Deviation(1.0, order=-0.5), runs=64),
    ),
    "a ladder that does not vanish": (
        lambda: universal(tolerance=0.5), "tolerance=0.25",
        lambda: universal(deviation=testing.Deviation(1.0, order=-0.5), tolerance=0.25, runs=64),
    ),
    "runs of a ladder": (lambda: universal(runs=2), "pass runs=64", lambda: universal(runs=64)),
    "widths of two maps": (
        lambda: universal(other=rows(width=2), runs=8), "one column for each feature",
        lambda: universal(other=rows(), runs=16),
    ),
    "rows of a map": (lambda: universal(rows(labels=1), runs=8), "one row and one label for each draw", lambda: universal(rows(), runs=16)),
    "features of NaN": (
        lambda: universal(rows(math.nan), runs=8), "find where the features overflow",
        lambda: universal(rows(1.0), runs=16),
    ),
    "strategies that exclude all": (
        lambda: strategies.activations(lipschitz=True, parity="odd", kinks=9, closed_form=True), "ask for fewer kinks",
        lambda: strategies.activations(kinks=1),
    ),
    "budget of a strategy": (lambda: strategies.sizes(max_cost=1.0), "pass max_cost=", lambda: strategies.sizes(max_cost=1e12)),
}  # fmt: skip
