"""Refused calls of models, theory, covariance, simulation, assertions and figures, the words of the repair, and the repair as a call."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import sympy

import hermite_eq as h
from hermite_eq import covariance, expansion, latex, models, plotting, simulate, structured, testing, theory
from hermite_eq.hermite import X, orthonormal_values

Row = tuple[Callable[[], Any], str, Callable[[], Any]]

RATIOS = h.Ratios(alpha=1, kappa=1, tau=2, mu=1)
FLAT = h.Ratios(alpha=1, kappa=1, tau=2)
SIZES = h.Sizes(4, 4, 3, 20, 12)
FRESH = h.Sizes(4, 4, math.inf, 20, 12)
TASK = h.Task("relu", noise=0.1)
LINE = h.Task("identity", noise=0.1)
SOURCES = [h.Source("relu", 0.1), h.Source("relu", 0.2, task_cov=h.Spike(1.0))]
MIXED = h.Task(sources=SOURCES)
linear, head, normal = h.LinearTransformer(0.1), h.RandomTransformer("relu", 0.1), h.RandomTransformer("relu", 0.1, normalise=True)
SAMPLES = np.random.default_rng(0).standard_normal((4000, 2))
GAPS = np.array([10, 20, 40, 80]) ** -0.5 * (1 + 0.01 * np.random.default_rng(0).standard_normal((40, 4)))
LADDER = [10, 20, 40, 80]


def curve(**given: Any) -> simulate.SimulatedCurve:
    found: simulate.SimulatedCurve = simulate.icl_curve(linear, TASK, SIZES, **({"samples": [10, 20], "runs": 2, "rng": 0} | given))
    return found


def drawn(call: Callable[[], Any]) -> Callable[[], Any]:
    """The figure, closed again."""
    def closed() -> Any:
        figure = call()
        plt.close("all")
        return figure
    return closed


TABLE: dict[str, Row] = {
    # models
    "tasks above samples": (lambda: h.Sizes(4, 4, 30, 20), "pass tasks=math.inf", lambda: h.Sizes(4, 4, math.inf, 20)),
    "tasks above samples, raised": (lambda: h.Sizes(4, 4, 30, 20), "raise samples", lambda: h.Sizes(4, 4, 30, 30)),
    "ratios beyond numbers": (
        lambda: h.Sizes.from_ratios(10**6, alpha=1e308, kappa=1, tau=1), "pass smaller ratios",
        lambda: h.Sizes.from_ratios(9, alpha=1, kappa=1, tau=1),
    ),
    "ridge": (lambda: h.LinearTransformer(-1), "pass ridge=0.01", lambda: h.LinearTransformer(ridge=0.01)),
    "Toeplitz": (lambda: h.Toeplitz(1), "pass correlation=0.5", lambda: h.Toeplitz(0.5)),
    "asymmetric": (
        lambda: h.Dense([[1, 1], [0, 1]]), "pass (A + A.T) / 2",
        lambda: h.Dense((np.array([[1, 1], [0, 1]]) + np.array([[1, 1], [0, 1]]).T) / 2),
    ),
    "indefinite": (lambda: h.Dense(np.diag([1, -1])), "drop a variable", lambda: h.Dense(np.diag([1, 1]))),
    "negative variance": (lambda: h.Diagonal([1, -1]), "pass positive variances", lambda: h.Diagonal([1, 1])),
    "another d": (lambda: h.Diagonal([1, 1]).matrix(3), "take d = 2", lambda: h.Diagonal([1, 1]).matrix(2)),
    "direction of zeros": (lambda: h.Spike(1.0, direction=[0, 0]), "pass a unit vector", lambda: h.Spike(1.0, direction=[1, 0])),
    "weights": (
        lambda: h.Task(sources=SOURCES, weights=[1, 1]), "divide the weights by their sum",
        lambda: h.Task(sources=SOURCES, weights=[0.5, 0.5]),
    ),
    "no sources": (
        lambda: h.Task(sources=[]), 'pass sources=[Source("relu", noise=0.01)]',
        lambda: h.Task(sources=[h.Source("relu", noise=0.01)]),
    ),
    # theory
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
        lambda: theory.interpolation_peak(linear, TASK, RATIOS, "n"), 'pass along="tau"',
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
    # covariance
    "ξ": (
        lambda: h.covariance(TASK).given(np.ones((2, 4)), context=4), "pass one task vector",
        lambda: h.covariance(TASK).given(np.ones(4), context=4),
    ),
    "ξ zero": (
        lambda: h.covariance(TASK).given(np.zeros(4), context=4), "pass task vectors that are not zero",
        lambda: h.covariance(TASK).given(np.ones(4), context=4),
    ),
    "task vectors": (
        lambda: h.covariance(TASK).over_tasks().given(np.ones(4), context=4), "pass xi[None, :]",
        lambda: h.covariance(TASK).over_tasks().given(np.ones(4)[None, :], context=4),
    ),
    "source asked for": (
        lambda: covariance.source_moments(MIXED, 4, 4), "pass source=0", lambda: covariance.source_moments(MIXED, 4, 4, source=0),
    ),
    "number of the source": (
        lambda: covariance.source_moments(MIXED, 4, 4, source=5), "pass source=1", lambda: covariance.source_moments(MIXED, 4, 4, source=1),
    ),
    "moments of a task": (
        lambda: covariance.source_moments("relu", 4, 4), 'hermite_eq.Task("relu", noise=0.01)',  # type: ignore[arg-type]
        lambda: covariance.source_moments(h.Task("relu", noise=0.01), 4, 4),
    ),
    "tasks of zeros": (
        lambda: covariance.source_moments(TASK, 4, 4, tasks=np.zeros((1, 4))), "pass task vectors that are not zero",
        lambda: covariance.source_moments(TASK, 4, 4, tasks=np.ones((1, 4))),
    ),
    "tasks of another d": (
        lambda: covariance.source_moments(TASK, 4, 4, tasks=np.ones(4)), "pass xi[None, :]",
        lambda: covariance.source_moments(TASK, 4, 4, tasks=np.ones(4)[None, :]),
    ),
    # simulate
    "no points": (lambda: curve(samples=[]), "pass samples=[100, 200]", lambda: curve(samples=[100, 200])),
    "repeated points": (lambda: curve(samples=[10, 10]), "drop the repeated values", lambda: curve(samples=[10])),
    "precision": (lambda: curve(precision="half"), 'pass precision="double"', lambda: curve(precision="double")),
    "a test context for each source": (
        lambda: simulate.icl_error(linear, MIXED, FRESH, runs=1, test=1), "pass test=2",
        lambda: simulate.icl_error(linear, MIXED, FRESH, runs=1, test=2),
    ),
    "no model": (
        lambda: simulate.icl_error([], TASK, SIZES, runs=1), "pass LinearTransformer(ridge=1e-3)",
        lambda: simulate.icl_error([h.LinearTransformer(ridge=1e-3)], TASK, SIZES, runs=1),
    ),
    "kind of model": (
        lambda: simulate.icl_error("relu", TASK, SIZES, runs=1), "pass RandomTransformer(activation, ridge=…)",  # type: ignore[call-overload]
        lambda: simulate.icl_error(h.RandomTransformer("relu", ridge=0.1, normalise=True), TASK, SIZES, runs=1),
    ),
    "hidden units, simulated": (
        lambda: simulate.icl_error(head, TASK, h.Sizes(4, 4, 3, 20), runs=1), "pass Sizes(…, hidden=…)",
        lambda: simulate.icl_error(normal, TASK, h.Sizes(4, 4, 3, 20, hidden=8), runs=1),
    ),
    "no task": (
        lambda: simulate.contexts("relu", SIZES, np.ones(4), 3), "pass hermite_eq.Task(target, noise=0.01)",  # type: ignore[arg-type]
        lambda: simulate.contexts(h.Task("relu", noise=0.01), SIZES, np.ones(4), 3),
    ),
    "length of ξ": (
        lambda: simulate.contexts(TASK, SIZES, np.ones(5), 3), "pass shape (4,)",
        lambda: simulate.contexts(TASK, SIZES, np.ones(4), 3),
    ),
    "vector of zeros": (
        lambda: simulate.contexts(TASK, SIZES, np.zeros(4), 3), "draw ξ from N(0, I_d)",
        lambda: simulate.contexts(TASK, SIZES, np.random.default_rng(0).standard_normal(4), 3),
    ),
    "numbers of runs": (
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=range(-1, 2)), "runs=range(5, 10)",
        lambda: simulate.icl_error(linear, TASK, SIZES, runs=range(5, 10)),
    ),
    "other points": (lambda: curve().minus(curve(samples=[10, 30])), "icl_curve([a, b], …)", lambda: curve().minus(curve())),
    "other seeds": (lambda: curve().minus(curve(rng=1)), "pass the same integer as rng", lambda: curve(rng=1).minus(curve(rng=1))),
    "nothing to join": (lambda: simulate.join([]), "at least one run", lambda: simulate.join([curve(runs=1)])),
    "run twice": (lambda: simulate.join([curve(), curve()]), "drop the repeated curve", lambda: simulate.join([curve()])),
    "joined points": (
        lambda: simulate.join([curve(), curve(samples=[10])]), "same values",
        lambda: simulate.join([curve(), curve(runs=range(2, 4))]),
    ),
    "memory": (lambda: curve(memory="3 apples"), 'pass memory="4GB"', lambda: curve(memory="4GB")),
    # testing
    "one dimension": (
        lambda: testing.assert_rate([10], GAPS[:, :1], order=-0.5), "pass gaps of shape (runs, sizes)",
        lambda: testing.assert_rate(LADDER, GAPS, order=-0.5),
    ),
    "samples": (
        lambda: testing.assert_gaussian(SAMPLES[0], np.eye(2)), "one column for each variable",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2)),
    ),
    "NaN in samples": (
        lambda: testing.assert_gaussian(SAMPLES * math.nan, np.eye(2)), "find where the features overflow",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2)),
    ),
    "few samples": (
        lambda: testing.assert_gaussian(SAMPLES[:3], np.eye(2)), "draw 2525 rows",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2)),
    ),
    "shape of a covariance": (
        lambda: testing.assert_covariance(SAMPLES, np.eye(3)), "pass a matrix of shape (2, 2)",
        lambda: testing.assert_covariance(SAMPLES, np.eye(2), resolution=0.5),
    ),
    "level": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), rate=2), "pass rate=1e-6",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), rate=1e-6),
    ),
    "deviation": (lambda: testing.Deviation(-1.0, order=-0.5), "pass constant=1.0", lambda: testing.Deviation(1.0, order=-0.5)),
    # plotting
    "no curve": (lambda: plotting.plot_curve([]), "at least one curve", drawn(lambda: plotting.plot_curve([curve()]))),
    "no such curve": (
        lambda: plotting.plot_curve([3]), "simulate.icl_curve",  # type: ignore[list-item]
        drawn(lambda: plotting.plot_curve([curve()])),
    ),
    "a table": (
        lambda: plotting.plot_phase([1, 2]), "plot_phase(x, y, values)",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)))),
    ),
    "limits": (
        lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)), limits=(2, 1)), "pass limits=(0.1, 10)",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)), limits=(0.1, 10))),
    ),
    "shape of a table": (
        lambda: plotting.plot_phase([1, 2], [1, 2, 3], np.ones((2, 3))), "pass values[i, j] at (x[j], y[i])",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2, 3], np.ones((3, 2)))),
    ),
    "axes that fall": (
        lambda: plotting.plot_phase([2, 1], [1, 2], np.ones((2, 2))), "sort them",
        drawn(lambda: plotting.plot_phase([1, 2], [1, 2], np.ones((2, 2)))),
    ),
    # expansion, structured, latex
    "correlation": (lambda: h.dual_activation("relu")(2.0), "divide the covariance", lambda: h.dual_activation("relu")(2.0 / 2.0)),
    "ragged correlations": (
        lambda: h.dual_activation("relu")([[1], [1, 0]]), "pass an array of numbers",
        lambda: h.dual_activation("relu")([1, 0]),
    ),
    "scales": (
        lambda: expansion.scaled_coefficients("relu", [-1.0], 2), "pass scales=[0.5, 1.0]",
        lambda: expansion.scaled_coefficients("relu", [0.5, 1.0], 2),
    ),
    "square integrability": (lambda: h.coefficients("1/x", 2).c, "use a function whose poles are weaker", lambda: h.coefficients("x", 2).c),
    "beyond doubles": (lambda: h.coefficients("relu", 2)[5], "degree=5", lambda: h.coefficients("relu", degree=5)[5]),
    "values of polynomials": (lambda: orthonormal_values([0.5], -1), "pass degree=0", lambda: orthonormal_values([0.5], 1)),
    "shift": (lambda: structured.affine("relu", math.nan, 1), "pass shift=0.5", lambda: structured.affine("relu", 0.5, 1)),
    "number in TeX": (lambda: latex.decimal(math.nan), "find out why", lambda: latex.decimal(0.5)),
    "digits": (lambda: latex.decimal(0.5, digits=0), "pass digits=1 or more", lambda: latex.decimal(0.5, digits=1)),
    "infinite number": (lambda: latex.number(sympy.zoo), "find out why", lambda: latex.number(sympy.Integer(1))),
    "TeX of": (lambda: latex.latex(3), "pass hermite_eq.coefficients('relu')", lambda: latex.latex(h.coefficients('relu'))),
    "rows of hypotheses": (
        lambda: latex.equivalence_display("x", [("a", "1")], [("b", True)]), "pass tuples of 3",  # type: ignore[list-item]
        lambda: latex.equivalence_display("x", [("a", "1")], [("b", True, "1")]),
    ),
    "penalty of the papers": (lambda: models.rt_ridge(-1, 4, 12), "pass ridge=0.01", lambda: models.rt_ridge(0.01, 4, 12)),
}
