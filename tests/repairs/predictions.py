"""Refused predictions of the theory, the words of the repair, and the repair as a call."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import sympy
from problems import (
    BARE,
    FLAT,
    FRESH,
    HEAD,
    LINE,
    MIXED,
    RATIOS,
    SIZES,
    SOFTMAX,
    SOURCES,
    TASK,
    Row,
    head,
    linear,
    normal,
)  # fmt: skip

import hermite_eq as h
from hermite_eq import simulate, theory
from hermite_eq.hermite import X
from hermite_eq.theory.design.optimum import head_error
from hermite_eq.theory.feature_law.given_moments import Population, Quadratics
from hermite_eq.theory.ridge_equivalent.given_samples import fitted
from hermite_eq.theory.spectra.blocks import Kronecker, block_diagonal
from hermite_eq.theory.spectra.marchenko_pastur import density, resolvent_moments
from hermite_eq.theory.spectra.wishart import wishart_density

ISOTROPIC = h.Task(sources=[h.Source("relu", 0.1), h.Source("tanh", 0.2)])
DEEP = h.RandomTransformer(activations=["relu", "tanh"], hidden=[9], ridge=0.1)
PEAK = h.Sizes(4, 4, math.inf, 10, 10)
WIDE = h.Sizes(20, 20, math.inf, 400, 200)
TURNING = Population(theory.RotationInvariant(2, 1.0, 1.0, 1.0, 1.0), np.hstack([np.eye(2), np.zeros((2, 1))]) / 2, 4.0)


def population(**given: Any) -> Population:
    arguments: dict[str, Any] = {"covariance": np.eye(20), "signal": np.ones(20) / 40, "square": 1.0}
    return Population(**(arguments | given))


def moments(**given: Any) -> theory.GivenMoments:
    return theory.given_moments([population(**given)])


#: With a ridge contexts would be drawn where few moments do not hold.
RIDGELESS = h.LinearTransformer(0)

TABLE: dict[str, Row] = {
    "exponential head, normalised": (
        lambda: h.icl_error(HEAD, TASK, SIZES), "normalise=True",
        lambda: h.icl_error(h.RandomTransformer("exp", ridge=0.1, normalise=True), TASK, SIZES),
    ),
    "exponential head, limit": (lambda: h.icl_error(HEAD, TASK, SIZES), "Ratios(…)", lambda: h.icl_error(HEAD, TASK, RATIOS)),
    "softmax attention, given tasks": (
        lambda: h.icl_error(linear, SOFTMAX, SIZES), "tasks=math.inf, or simulate",
        lambda: (h.icl_error(linear, SOFTMAX, h.Sizes(4, 4, math.inf, 16)),
                 simulate.icl_error(linear, SOFTMAX, h.Sizes(4, 4, 4, 16), runs=1, rng=0, test=20)),
    ),
    "softmax attention, limit": (
        lambda: h.icl_error(linear, SOFTMAX, RATIOS), "pass Sizes(…)", lambda: h.icl_error(linear, SOFTMAX, h.Sizes(4, 4, math.inf, 16)),
    ),
    "softmax attention, after a step": (
        lambda: h.icl_error(h.OneStepTransformer("relu", 4.0, ridge=0.1), SOFTMAX, h.Sizes(4, 4, math.inf, 16, 16)),
        "RandomTransformer(…), or simulate", lambda: h.icl_error(head, SOFTMAX, h.Sizes(4, 4, math.inf, 16, 16)),
    ),
    "softmax attention in two dimensions": (
        lambda: h.icl_error(linear, SOFTMAX, h.Sizes(2, 4, math.inf, 16)), "pass a larger d",
        lambda: h.icl_error(linear, SOFTMAX, h.Sizes(4, 4, math.inf, 16)),
    ),
    "softmax attention of one example": (
        lambda: h.icl_error(linear, h.SoftmaxAttention(TASK, 12.0), h.Sizes(4, 4, math.inf, 16)), "pass a smaller sharpness",
        lambda: h.icl_error(linear, h.SoftmaxAttention(TASK, 1.0), h.Sizes(4, 4, math.inf, 16)),
    ),
    "softmax attention, several layers": (
        lambda: h.icl_error(h.RandomTransformer(activations=["relu", "tanh"], hidden=[8], ridge=0.1), SOFTMAX,
                            h.Sizes(4, 4, math.inf, 16, 16)),
        "pass task.task", lambda: h.icl_error(h.RandomTransformer(activations=["relu", "tanh"], hidden=[8], ridge=0.1), SOFTMAX.task,
                                              h.Sizes(4, 4, math.inf, 16, 16)),
    ),
    "softmax attention, mixture": (
        lambda: h.icl_error(linear, h.SoftmaxAttention(MIXED, 1.0), h.Sizes(4, 4, math.inf, 16)), "task.task",
        lambda: h.icl_error(linear, MIXED, h.Sizes(4, 4, math.inf, 16)),
    ),
    "place": (
        lambda: h.icl_error(linear, TASK, 3), "pass Ratios(alpha=…, kappa=…, tau=…, mu=…) or Sizes.from_ratios(d, …)",  # type: ignore[arg-type]
        lambda: (h.icl_error(linear, TASK, RATIOS), h.icl_error(linear, TASK, SIZES)),
    ),
    "model": (lambda: h.icl_error("relu", TASK, RATIOS), "LinearTransformer(ridge=…)", lambda: h.icl_error(linear, TASK, RATIOS)),  # type: ignore[arg-type]
    "labels all zero": (
        lambda: h.icl_error(linear, h.Task(0 * X, 0), FLAT), "noise > 0",
        lambda: h.icl_error(linear, h.Task(0 * X, 0.1), FLAT),
    ),
    "head in the limit": (lambda: h.icl_error(head, TASK, FLAT), "pass mu=…", lambda: h.icl_error(head, TASK, RATIOS)),
    "alpha of Bayes": (lambda: theory.bayes_error(LINE, 0), "pass alpha=1.0", lambda: theory.bayes_error(LINE, alpha=1.0)),
    "Bayes beyond lines": (
        lambda: theory.bayes_error(TASK, 1), "use context_ridge_error", lambda: theory.context_ridge_error(TASK, 1, 0.1),
    ),
    "penalty": (
        lambda: theory.context_ridge_error(TASK, 1, -1), "pass penalty=0.1",
        lambda: theory.context_ridge_error(TASK, 1, penalty=0.1),
    ),
    "penalty at α = 1": (
        lambda: theory.context_ridge_error(TASK, 1, 5e-324), "pass penalty=1e-",
        lambda: theory.context_ridge_error(TASK, 1, 1e-12),
    ),
    "width of the posterior": (
        lambda: theory.bayes_error_with_covariance(h.Task("identity", 0), 1, np.eye(4)), 'pass Task("identity", noise=0.01)',
        lambda: theory.bayes_error_with_covariance(h.Task("identity", noise=0.01), 1, np.eye(4)),
    ),
    "points of two d": (
        lambda: theory.optimal_ridge_curve(linear, TASK, [SIZES, h.Sizes(5, 4, 3, 20)]), "pass points of one d",
        lambda: theory.optimal_ridge_curve(linear, TASK, [SIZES, h.Sizes(4, 4, 3, 30)]),
    ),
    "one source": (
        lambda: theory.mixing_curve(linear, TASK, FRESH, [[0.5, 0.5]]), "weights=[…]",
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.5, 0.5]]),
    ),
    "rows of proportions": (
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.5, 0.2, 0.3]]), "pass [[0.2, 0.8], …]",
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.2, 0.8]]),
    ),
    "proportions": (
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[1, 1]]), "divide them by their sum",
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.5, 0.5]]),
    ),
    "which mixtures": (
        lambda: theory.mixing_curve(linear, h.Task(sources=[*SOURCES, SOURCES[0]]), FRESH), "pass weights=[[0.2, 0.3, 0.5], …]",
        lambda: theory.mixing_curve(linear, h.Task(sources=[*SOURCES, SOURCES[0]]), FRESH, weights=[[0.2, 0.3, 0.5]]),
    ),
    "rate": (
        lambda: theory.interpolation_peak(linear, TASK, RATIOS, "n"), 'pass along="tau"',  # type: ignore[arg-type]
        lambda: theory.interpolation_peak(linear, TASK, RATIOS, "tau"),
    ),
    "listed points": (
        lambda: theory.icl_curve(linear, TASK, [RATIOS], tau=[1.5]), "pass one of the two",
        lambda: theory.icl_curve(linear, TASK, RATIOS, tau=[1.5]),
    ),
    "samples in the limit": (
        lambda: theory.icl_curve(linear, TASK, RATIOS, samples=[40]), "vary one of d, context,",
        lambda: theory.icl_curve(linear, TASK, RATIOS, noise=[0.1]),
    ),
    "curve of no points": (lambda: theory.icl_curve(linear, TASK, []), "[Ratios(…), …]", lambda: theory.icl_curve(linear, TASK, [RATIOS])),
    "ridgeless side": (
        lambda: theory.ridgeless("left"), 'pass "overdetermined"',  # type: ignore[arg-type]
        lambda: theory.ridgeless("overdetermined"),
    ),
    "axis of a curve": (
        lambda: theory.icl_curve(linear, TASK, SIZES, width=[1]), "pass samples=[100, 200]",  # type: ignore[call-overload]
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[100, 200]),
    ),
    "two axes of a curve": (
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[10, 20], tasks=[1, 2]), "pass samples=[100, 200], say",
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[10, 20]),
    ),
    "model of a gradient": (
        lambda: theory.icl_gradient("relu", TASK, RATIOS), "pass LinearTransformer(ridge=…)",  # type: ignore[arg-type]
        lambda: theory.icl_gradient(h.LinearTransformer(ridge=0.1), TASK, RATIOS),
    ),
    "task of a best context": (
        lambda: theory.optimal_context(linear, MIXED, kappa=1, tau=2), "pass hermite_eq.Task(target, noise=0.01)",
        lambda: theory.optimal_context(linear, h.Task("relu", noise=0.01), kappa=1, tau=2),
    ),
    "best ridge in the limit": (
        lambda: theory.optimal_ridge(normal, TASK, RATIOS), "pass Sizes.from_ratios(d, …)",
        lambda: theory.optimal_ridge(normal, TASK, h.Sizes.from_ratios(4, alpha=1, kappa=1, tau=2, mu=1)),
    ),
    "a head that explodes": (
        lambda: h.icl_error(h.RandomTransformer(lambda x: 1e80 * np.tanh(x), 0.1), TASK, RATIOS), "divide the head by 1e+80",
        lambda: h.icl_error(h.RandomTransformer(lambda x: 1e80 * np.tanh(x) / 1e80, 0.1), TASK, RATIOS),
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
        lambda: h.icl_error(normal, moments(), BARE), "pass hidden=…", lambda: h.icl_error(normal, moments(), FRESH),
    ),
    "test tasks of another size": (
        lambda: theory.TaskPopulation.from_tasks(TASK, np.eye(4), np.eye(3)), "pass matrices of one shape",
        lambda: theory.TaskPopulation.from_tasks(TASK, np.eye(4), np.eye(4)),
    ),
    "step of given moments": (
        lambda: h.icl_error(h.OneStepTransformer("tanh", 1.0, 0.1), moments(), FRESH), "pass Task(…), with its sources",
        lambda: theory.spiked_icl_error(head, h.Task(sources=[h.Source("relu", 0.1)]), WIDE, nodes=64),
    ),
    "types of neurons of given moments": (
        lambda: theory.spiked_icl_error(head, moments(), FRESH), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: theory.spiked_icl_error(head, h.Task("relu", noise=0.01), WIDE, nodes=64),
    ),
    "a step in the limit": (
        lambda: h.icl_error(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, RATIOS), "pass Sizes(…)",
        lambda: theory.spiked_icl_error(h.OneStepTransformer("tanh", 1.0, 0.1), TASK, WIDE, nodes=64),
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
        lambda: theory.optimal_context(head, TASK, kappa=1, tau=2), "pass mu=…",
        lambda: theory.optimal_context(head, TASK, kappa=1, tau=2, mu=1),
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
        lambda: h.icl_error(linear, moments(), RATIOS), "pass Sizes(…)", lambda: h.icl_error(linear, moments(), FRESH),
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
        lambda: theory.icl_curve(head, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), [RATIOS]),
        "pass LinearTransformer(ridge=…)",
        lambda: theory.icl_curve(linear, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), [RATIOS]),
    ),
    "given tasks at another κ": (
        lambda: theory.icl_curve(linear, theory.TaskPopulation.from_tasks(TASK, np.eye(4)[:2]), [RATIOS]), "pass kappa=0.5",
        lambda: theory.icl_curve(
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
        lambda: theory.spiked_icl_error(head, h.Task(sources=[h.Source("relu", 0.1)]), WIDE, nodes=64),
    ),
    "argument of a resolvent": (lambda: resolvent_moments(-1.0, 1.0), "pass y > 0", lambda: resolvent_moments(1.0, 1.0)),
    "ratio of a resolvent": (lambda: resolvent_moments(1.0, -1.0), "pass kappa=1.0", lambda: resolvent_moments(1.0, kappa=1.0)),
    "scale of a resolvent": (lambda: resolvent_moments(1.0, 1.0, p=-1.0), "pass p=1.0", lambda: resolvent_moments(1.0, 1.0, p=1.0)),
    "ratio of a density": (lambda: density(1.0, math.inf), "at kappa=inf all mass is at 1", lambda: density(1.0, 2.0)),
    "density at NaN": (lambda: density(math.nan, 1.0), "leave NaN out", lambda: density(1.0, 1.0)),
    "Wishart of no size": (lambda: wishart_density(0, 1), "pass positive integers", lambda: wishart_density(2, 3)),
    # arguments
    "no task of Bayes": (
        lambda: theory.bayes_error("relu", 1), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: theory.bayes_error(h.Task("identity", noise=0.01), 1),
    ),
    "no point": (
        lambda: theory.interpolation_peak(linear, TASK, 3, "tau"), "pass Sizes.from_ratios(d, …)",  # type: ignore[arg-type]
        lambda: theory.interpolation_peak(linear, TASK, h.Sizes.from_ratios(4, alpha=1, kappa=1, tau=2), "tau"),
    ),
    "no list of values": (
        lambda: theory.icl_curve(linear, TASK, RATIOS, tau=3), "pass tau as a list",  # type: ignore[call-overload]
        lambda: theory.icl_curve(linear, TASK, RATIOS, tau=[3]),
    ),
    "shapes of ratios": (
        lambda: theory.context_ridge_error(LINE, [1.0, 2.0], [0.1, 0.2, 0.3]), "pass as many of each",
        lambda: theory.context_ridge_error(LINE, [1.0, 2.0], [0.1, 0.2]),
    ),
    "values of None": (
        lambda: theory.icl_curve(linear, TASK, SIZES, hidden=[None]), "pass samples=[100, 200]",  # type: ignore[list-item]
        lambda: theory.icl_curve(linear, TASK, SIZES, samples=[100, 200]),
    ),
    "a spectrum of nothing": (
        lambda: theory.TaskPopulation.from_covariances(TASK, np.ones(0)), "pass numpy.ones(d), say",
        lambda: theory.TaskPopulation.from_covariances(TASK, np.ones(4)),
    ),
    "a negative eigenvalue": (
        lambda: theory.TaskPopulation.from_covariances(TASK, [1.0, -1.0]), "A @ A.T",
        lambda: theory.TaskPopulation.from_covariances(TASK, np.diag([1.0, -1.0]) @ np.diag([1.0, -1.0]).T),
    ),
    "an indefinite covariance": (
        lambda: theory.TaskPopulation.from_covariances(TASK, [[1, 2], [2, 1]]), "A @ A.T",
        lambda: theory.TaskPopulation.from_covariances(TASK, np.array([[1, 2], [2, 1]]) @ np.array([[1, 2], [2, 1]]).T),
    ),
    # finite d
    "d of two": (
        lambda: h.icl_error(RIDGELESS, TASK, h.Sizes(2, 4, 3, 20)), "raise d", lambda: h.icl_error(RIDGELESS, TASK, h.Sizes(4, 4, 3, 20)),
    ),
    "steep targets": (
        lambda: h.icl_error(RIDGELESS, h.Task("x**2", 0.1), h.Sizes(10, 10, math.inf, 40)), "raise d",
        lambda: h.icl_error(RIDGELESS, h.Task("x**2", 0.1), h.Sizes(60, 60, math.inf, 3600)),
    ),
    "long contexts": (
        lambda: h.icl_error(RIDGELESS, h.Task("identity", 0), h.Sizes(6, 600, math.inf, 80)), "take shorter contexts",
        lambda: h.icl_error(RIDGELESS, h.Task("identity", 0), h.Sizes(6, 6, math.inf, 80)),
    ),
    "long contexts, limit": (
        lambda: h.icl_error(RIDGELESS, h.Task("identity", 0), h.Sizes(6, 600, math.inf, 80)), "Ratios(…) in place of Sizes",
        lambda: h.icl_error(RIDGELESS, h.Task("identity", 0), h.Sizes(6, 600, math.inf, 80).ratios),
    ),
    # heads and ridges
    "residual of a head": (
        lambda: h.icl_error(h.RandomTransformer("exp(12*x)", 0.1), TASK, RATIOS), "grows more slowly",
        lambda: h.icl_error(h.RandomTransformer("exp(x)", 0.1), TASK, RATIOS),
    ),
    "errors beyond doubles": (
        lambda: h.icl_error(h.LinearTransformer(0), h.Task(X, 1e303), h.Ratios(alpha=1, kappa=1, tau=1 + 1e-12)),
        "divide the target by a number, the noise by its square",
        lambda: h.icl_error(h.LinearTransformer(0), h.Task(X / 10**8, 1e287), h.Ratios(alpha=1, kappa=1, tau=1 + 1e-12)),
    ),
    "a small ridge": (
        lambda: h.icl_error(h.LinearTransformer(1e-310), TASK, RATIOS), "pass ridge=0, or ridge=1e-30",
        lambda: (h.icl_error(h.LinearTransformer(0), TASK, RATIOS), h.icl_error(h.LinearTransformer(ridge=1e-30), TASK, RATIOS)),
    ),
    "a small ridge at the peak": (
        lambda: h.icl_error(h.LinearTransformer(1e-40), TASK, FRESH), "pass ridge=0, or one 9e+24 times as large",
        lambda: (h.icl_error(h.LinearTransformer(0), TASK, FRESH), h.icl_error(h.LinearTransformer(9e24 * 1e-40), TASK, FRESH)),
    ),
    "a small ridge of given samples": (
        lambda: fitted(np.ones((40, 40)), np.ones(40), np.zeros(40), hidden=100.0, penalty=1e-14), "1e+04 times as large",
        lambda: fitted(np.ones((40, 40)), np.ones(40), np.zeros(40), hidden=100.0, penalty=1e-10),
    ),
    "a ridge that underflows": (
        lambda: fitted(np.eye(8), np.ones(8), np.zeros(8), hidden=8.0, penalty=1e-300), "raise the ridge",
        lambda: fitted(np.eye(8), np.ones(8), np.zeros(8), hidden=8.0, penalty=1e-3),
    ),
    # several sources
    "tasks of several sources": (
        lambda: h.icl_error(linear, ISOTROPIC, RATIOS), "pass kappa=math.inf",
        lambda: h.icl_error(linear, ISOTROPIC, h.Ratios(alpha=1, kappa=math.inf, tau=2)),
    ),
    "hidden units of several sources": (
        lambda: h.icl_error(head, ISOTROPIC, h.Ratios(alpha=1, kappa=math.inf, tau=2)), "pass mu=…",
        lambda: h.icl_error(head, ISOTROPIC, h.Ratios(alpha=1, kappa=math.inf, tau=2, mu=1)),
    ),
    "gradient at the peak of a mixture": (
        lambda: theory.mixing_gradient(h.LinearTransformer(0), MIXED, FRESH), "move n away from m",
        lambda: theory.mixing_gradient(h.LinearTransformer(0), MIXED, h.Sizes(4, 4, math.inf, 30, 12)),
    ),
    # given moments
    "eigenvalues of quadratic functions": (
        lambda: moments(quadratics=(Quadratics(-1.0, np.zeros(3)),)), "C_ii C_jj",
        lambda: moments(quadratics=(Quadratics(1 / 20 * 1 / 20, np.zeros(3)),)),
    ),
    "groups of quadratic functions": (
        lambda: theory.given_moments([population(quadratics=(Quadratics(0.1, np.zeros(3)),))], [population()]), "zero signal",
        lambda: theory.given_moments(2 * [population(quadratics=(Quadratics(0.1, np.zeros(3)),), weight=0.5)]),
    ),
    "a factor that is not square": (
        lambda: Kronecker(np.ones((2, 3)), np.eye(2)), "pass inputs=numpy.eye(d)", lambda: Kronecker(inputs=np.eye(2), context=np.eye(2)),
    ),
    "dimensions of two sources": (
        lambda: block_diagonal([np.eye(2), np.eye(3)], [np.ones(2), np.ones(3)]), "pass (D, D) and (D,)",
        lambda: block_diagonal([np.eye(2), np.eye(2)], [np.ones(2), np.ones(2)]),
    ),
    "sources of which one is invariant": (
        lambda: theory.given_moments([TURNING], [Population(np.eye(6), TURNING.signal, 4.0)]), "for all of them",
        lambda: theory.given_moments([TURNING], [TURNING]),
    ),
    "signal of an invariant covariance": (
        lambda: theory.given_moments([Population(TURNING.covariance, np.ones((2, 3)), 4.0)]), "Kronecker products or matrices",
        lambda: theory.given_moments([Population(np.eye(6), np.ones((2, 3)) / 2, 4.0)]),
    ),
    # neurons of several types
    "tasks of a spike": (
        lambda: theory.spiked_icl_error(normal, TASK, h.Sizes(20, 20, 3, 400, 200)), "pass tasks=math.inf",
        lambda: theory.spiked_icl_error(normal, TASK, WIDE, nodes=16),
    ),
    "contexts of nothing": (
        lambda: theory.spiked_icl_error(normal, h.Task("relu", 0), h.Sizes(4, 2, math.inf, 400, 200)), "pass noise=1e-6",
        lambda: theory.spiked_icl_error(normal, h.Task("relu", noise=1e-6), h.Sizes(4, 2, math.inf, 400, 200), nodes=256),
    ),
    "few nodes": (
        lambda: theory.spiked_icl_error(normal, TASK, WIDE, nodes=2), "raise the number of nodes",
        lambda: theory.spiked_icl_error(normal, TASK, WIDE, nodes=16),
    ),
    "one input": (
        lambda: theory.spiked_icl_error(normal, LINE, h.Sizes(1, 4, math.inf, 20, 20)), "raise d",
        lambda: theory.spiked_icl_error(normal, LINE, h.Sizes(8, 4, math.inf, 20, 20), nodes=16),
    ),
    "an error of neurons that diverges": (
        lambda: theory.spiked_icl_error(h.OneStepTransformer("tanh", 1.0, 1e-30), TASK, PEAK, nodes=16), "raise the ridge",
        lambda: theory.spiked_icl_error(h.OneStepTransformer("tanh", 1.0, 1e-3), TASK, PEAK, nodes=16),
    ),
    "populations of given moments": (
        lambda: theory.GivenMoments((), (), 1.0), "pass training as a list with an entry",
        lambda: theory.GivenMoments([population()], [population()], 1.0),  # type: ignore[arg-type]
    ),
    "weights of neurons": (
        lambda: theory.spiked_icl_error(h.RandomTransformer("relu", 1e-12, normalise=True), TASK, PEAK, nodes=128), "raise the ridge",
        lambda: theory.spiked_icl_error(h.RandomTransformer("relu", 1e-3, normalise=True), TASK, PEAK, nodes=128),
    ),
    # arguments
    "ridge of a mixture": (
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.5, 0.5]], ridge=-1), 'pass ridge="optimal"',
        lambda: theory.mixing_curve(linear, MIXED, FRESH, [[0.5, 0.5]], ridge="optimal"),
    ),
    "ratio of a head": (
        lambda: head_error(-1.0, TASK, RATIOS), "pass residual_ratio=0.5", lambda: head_error(0.5, TASK, RATIOS),
    ),
    "a group of quadratic functions": (
        lambda: population(quadratics=(1,)), "pass quadratics=(Quadratics(…),)",
        lambda: population(quadratics=(Quadratics(0.1, np.zeros(3)),)),
    ),
    "contexts of a population": (lambda: population(contexts=3), "leave contexts out", lambda: population()),
    "members of given moments": (
        lambda: theory.GivenMoments((3,), (3,), 1.0), "pass training=(Population(…),)",  # type: ignore[arg-type]
        lambda: theory.GivenMoments((population(),), (population(),), 1.0),
    ),
    "members of populations": (
        lambda: theory.given_moments([3]), "pass training=[Population(…), …]", lambda: theory.given_moments([population()]),  # type: ignore[list-item]
    ),
    "trace of given moments": (
        lambda: theory.given_moments([population()], trace=-1.0), "pass tr Cov(h)",
        lambda: theory.given_moments([population()], trace=20.0),
    ),
    "blocks of given moments": (
        lambda: theory.given_moments([population()], quadratic_blocks=(3,)), "leave quadratic_blocks out",  # type: ignore[arg-type]
        lambda: theory.given_moments([population()]),
    ),
    "no activation": (
        lambda: h.RandomTransformer(ridge=0.1), 'pass RandomTransformer("relu", ridge=0.1)', lambda: h.RandomTransformer("relu", ridge=0.1),
    ),
    "widths of layers": (
        lambda: h.RandomTransformer(activations=["relu", "relu"], ridge=0.1), "pass 1 entries of hidden", lambda: DEEP,
    ),
    "equivalent activation among layers": (
        lambda: h.RandomTransformer(activations=[h.equivalent_model("relu"), "relu"], hidden=[9], ridge=0.1), "pass activations",
        lambda: DEEP,
    ),
    "several layers where there is one": (
        lambda: h.equivalent_transformer(DEEP, TASK), "pass RandomTransformer(activation", lambda: h.equivalent_transformer(head, TASK),
    ),
    "layers in the limit": (lambda: h.icl_error(DEEP, TASK, RATIOS), "pass Sizes(…, hidden=…)", lambda: h.icl_error(DEEP, TASK, FRESH)),
    "layers and populations of tasks": (
        lambda: h.icl_error(DEEP, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), RATIOS), "pass LinearTransformer",
        lambda: h.icl_error(linear, theory.TaskPopulation.from_covariances(TASK, np.eye(4)), RATIOS),
    ),
    "layers of spiked inputs": (
        lambda: h.icl_error(DEEP, h.Task(sources=[h.Source("relu", 0.1, input_cov=h.Spike(9.0))]), FRESH), "or take one layer",
        lambda: h.icl_error(head, h.Task(sources=[h.Source("relu", 0.1, input_cov=h.Spike(9.0))]), FRESH),
    ),
    "moments of the input of layers": (
        lambda: theory.given_features([np.eye(20)], ["relu"], TASK), "pass given_moments",  # type: ignore[arg-type]
        lambda: theory.given_features([np.eye(20)], ["relu"], theory.given_moments([population()])),
    ),
    "weights of layers": (
        lambda: theory.given_features([np.eye(20)], ["relu", "relu"], theory.given_moments([population()])), "W_2 of shape (m_1, m_2)",
        lambda: theory.given_features([np.eye(20)] * 2, ["relu"] * 2, theory.given_moments([population()])),
    ),
}  # fmt: skip
