"""Refused tasks, covariances and conditional laws, the words of the repair, and the repair as a call."""

from __future__ import annotations

import math

import numpy as np
import sympy
from problems import FRESH, MIXED, SIZES, SOURCES, TASK, UNIFORM, F, Row, linear

import hermite_eq as h
from hermite_eq import models, simulate, structured
from hermite_eq.covariance import SymbolicTarget, source_moments
from hermite_eq.covariance.task_laws.laws import inner_tasks

SYMBOLS = SymbolicTarget()
LINKED = h.covariance(h.Task(sources=SOURCES[1:], unit_link=True))

TABLE: dict[str, Row] = {
    "noise": (lambda: h.Task("relu", noise=-1), "pass noise=0.01", lambda: h.Task("relu", noise=0.01)),
    "ratio": (lambda: h.Ratios(alpha=-1, kappa=1, tau=1), "pass alpha=1.0", lambda: h.Ratios(alpha=1.0, kappa=1, tau=1)),
    "a ratio far from 1": (
        lambda: h.Ratios(alpha=1e100, kappa=1, tau=1), "pass alpha=1e+12", lambda: h.Ratios(alpha=1e12, kappa=1, tau=1),
    ),
    "size": (lambda: h.Sizes(0, 4, 4, 16), "pass d=1 or more", lambda: h.Sizes(1, 4, 4, 16)),
    "degrees of freedom": (lambda: h.StudentT(1.0), "pass dof=3 or more", lambda: h.StudentT(3)),
    "sources": (lambda: h.Task(sources=[1]), 'Source("relu", noise=0.01)', lambda: h.Task(sources=[h.Source("relu", noise=0.01)])),  # type: ignore[list-item]
    "tasks above samples": (lambda: h.Sizes(4, 4, 30, 20), "pass tasks=math.inf", lambda: h.Sizes(4, 4, math.inf, 20)),
    "tasks above samples, raised": (lambda: h.Sizes(4, 4, 30, 20), "raise samples", lambda: h.Sizes(4, 4, 30, 30)),
    "ratios beyond numbers": (
        lambda: h.Sizes.from_ratios(10**6, alpha=1e12, kappa=1, tau=1), "pass smaller ratios",
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
        lambda: source_moments(MIXED, 4, 4), "pass source=0", lambda: source_moments(MIXED, 4, 4, source=0),
    ),
    "number of the source": (
        lambda: source_moments(MIXED, 4, 4, source=5), "pass source=1", lambda: source_moments(MIXED, 4, 4, source=1),
    ),
    "moments of a task": (
        lambda: source_moments("relu", 4, 4), 'hermite_eq.Task("relu", noise=0.01)',  # type: ignore[arg-type]
        lambda: source_moments(h.Task("relu", noise=0.01), 4, 4),
    ),
    "tasks of zeros": (
        lambda: source_moments(TASK, 4, 4, tasks=np.zeros((1, 4))), "pass task vectors that are not zero",
        lambda: source_moments(TASK, 4, 4, tasks=np.ones((1, 4))),
    ),
    "tasks of another d": (
        lambda: source_moments(TASK, 4, 4, tasks=np.ones(4)), "pass xi[None, :]",
        lambda: source_moments(TASK, 4, 4, tasks=np.ones(4)[None, :]),
    ),
    "shift": (lambda: structured.affine("relu", math.nan, 1), "pass shift=0.5", lambda: structured.affine("relu", 0.5, 1)),
    "penalty of the papers": (lambda: models.rt_ridge(-1, 4, 12), "pass ridge=0.01", lambda: models.rt_ridge(0.01, 4, 12)),
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
    "conventions of a mixture": (
        lambda: h.covariance(MIXED, unit_inputs=True, source=0), "pass Task(…, unit_inputs=True)",
        lambda: h.covariance(h.Task(sources=SOURCES, unit_inputs=True), source=0),
    ),
    "covariance of a name": (
        lambda: h.covariance("relu"), 'pass hermite_eq.Task("relu", noise=0.01)',  # type: ignore[arg-type]
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
    "complex ξ": (
        lambda: h.covariance(TASK).given(1j * np.ones(4), context=4), "pass ξ as an array of floats",
        lambda: h.covariance(TASK).given(np.ones(4), context=4),
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
        lambda: source_moments(TASK, 0, 4), "pass positive sizes", lambda: source_moments(TASK, 4, 4),
    ),
    "averages over other tasks": (
        lambda: source_moments(h.Task(sources=[h.Source("relu", 0.1, tasks="uniform")]), 4, 4), "pass tasks=…",
        lambda: source_moments(h.Task(sources=[h.Source("relu", 0.1, tasks="uniform")]), 4, 4, tasks=np.ones((2, 4))),
    ),
    "moments of other inputs": (
        lambda: source_moments(UNIFORM, 4, 4), "simulate: hermite_eq.simulate.icl_error",
        lambda: simulate.icl_error(linear, UNIFORM, FRESH, runs=1, rng=0),
    ),
    "series with means": (
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=1.0)])).limit().numeric(1.0, d=4),
        "use .averaged().joint(d, context)",
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1, input_mean=1.0)])).averaged().joint(4, 4),
    ),
    "dimension of traces": (
        lambda: h.covariance(h.Task(sources=[SOURCES[1]])).limit().numeric(1.0), "pass d=80",
        lambda: h.covariance(h.Task(sources=[SOURCES[1]])).limit().numeric(1.0, d=80),
    ),
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
    # arguments of models
    "ridge that is no number": (lambda: h.LinearTransformer("a"), "pass ridge=0.01", lambda: h.LinearTransformer(ridge=0.01)),  # type: ignore[arg-type]
    "a flag": (
        lambda: h.LinearTransformer(0.1, intercept="no"), "pass intercept=True or intercept=False",  # type: ignore[arg-type]
        lambda: (h.LinearTransformer(0.1, intercept=True), h.LinearTransformer(0.1, intercept=False)),
    ),
    "variances that are no numbers": (lambda: h.Diagonal(["a"]), "as a vector of floats", lambda: h.Diagonal([1.0])),  # type: ignore[list-item]
    "shape of variances": (lambda: h.Diagonal([]), "as a vector of floats", lambda: h.Diagonal([1.0, 2.0])),
    "shape of Σ": (lambda: h.Dense(np.ones((2, 3))), "pass numpy.eye(d), say", lambda: h.Dense(np.eye(2))),
    "Σ of NaN": (lambda: h.Dense(np.eye(2) * math.nan), "find where they come from", lambda: h.Dense(np.eye(2))),
    "a task of nothing": (lambda: h.Task(), 'pass Task("relu", noise=0.01)', lambda: h.Task("relu", noise=0.01)),
    "the source of a mixture": (lambda: MIXED.source, "task.sources[0]", lambda: MIXED.sources[0]),
    "number of weights": (
        lambda: h.Task(sources=SOURCES, weights=[1.0, 2.0, 3.0]), "pass 2 numbers ≥ 0", lambda: h.Task(sources=SOURCES, weights=[0.5, 0.5]),
    ),
    "a large matrix": (lambda: h.Identity().matrix(10**7), "pass a smaller d", lambda: h.Identity().matrix(10)),
    # covariances of symbols
    "source of a symbol": (lambda: h.covariance(SYMBOLS, source=1), "leave source out", lambda: h.covariance(SYMBOLS)),
    "covariances of a sphere": (
        lambda: h.covariance(SYMBOLS, covariances=True, tasks="sphere"), "leave tasks out", lambda: h.covariance(SYMBOLS, covariances=True),
    ),
    "a link of isotropic data": (
        lambda: h.covariance(SYMBOLS, unit_link=True), "pass covariances=True",
        lambda: h.covariance(SYMBOLS, unit_link=True, covariances=True),
    ),
    "a link of isotropic data, sphere": (
        lambda: h.covariance(SYMBOLS, unit_link=True), 'tasks="sphere"', lambda: h.covariance(SYMBOLS, tasks="sphere"),
    ),
    "numbers of a symbol": (
        lambda: h.covariance(SYMBOLS).averaged().numeric(4, 4), "covariance(Task('relu', noise=0.01))",
        lambda: h.covariance(h.Task("relu", noise=0.01)).averaged().numeric(4, 4),
    ),
    "numbers of a symbol, function": (
        lambda: h.covariance(SYMBOLS).limit().numeric(1.0), "use .lambdify()", lambda: h.covariance(SYMBOLS).limit().lambdify(),
    ),
    "numbers of symbolic covariances": (
        lambda: h.covariance(SYMBOLS, covariances=True).given(np.ones(4), context=4), "pass covariance(Task(sources=[Source(…)]))",
        lambda: h.covariance(h.Task(sources=[h.Source("relu", 0.1)])).given(np.ones(4), context=4),
    ),
    "arguments of a level": (
        lambda: h.covariance(TASK).limit().lambdify()(1.0), "pass alpha, kappa", lambda: h.covariance(TASK).limit().lambdify()(1.0, 2.0),
    ),
    "order of a link": (
        lambda: LINKED.averaged(2), "pass order=1", lambda: LINKED.averaged(order=1),
    ),
    "ξ that vanishes when it is squared": (
        lambda: h.covariance(TASK).given([1e-200, 0, 0, 0], context=4), "pass larger task vectors",
        lambda: h.covariance(TASK).given([1e-100, 0, 0, 0], context=4),
    ),
    "fourth moments of a steep target": (
        lambda: h.covariance(h.Task("exp(x)", 0.1)).averaged().numeric(8, 8), "pass d=17 or more",
        lambda: h.covariance(h.Task("exp(x)", 0.1)).averaged().numeric(17, 8),
    ),
    "moments at every scale": (
        lambda: h.covariance(h.Task("exp(x**2/16)", 0.1)).averaged().numeric(4, 4), "exp(b*|x|)",
        lambda: h.covariance(h.Task("exp(|x|/4)", 0.1)).averaged().numeric(4, 4),
    ),
    "moments at every scale, one task": (
        lambda: h.covariance(h.Task("exp(x**2/16)", 0.1)).averaged().numeric(4, 4), ".given(xi, context=…)",
        lambda: h.covariance(h.Task("exp(x**2/16)", 0.1)).given(np.ones(4) / 4, context=4),
    ),
    "many quasi-random dimensions": (
        lambda: next(inner_tasks(np.ones(1), np.ones((1, 30_000)), True, 1.0, np.ones(1), np.eye(1)).parts(0)), "use a smaller d",
        lambda: next(inner_tasks(np.ones(1), np.ones((1, 2)), True, 1.0, np.ones(1), np.eye(1)).parts(0)),
    ),
    # structured
    "size of a shift": (lambda: structured.affine("relu", 1e30, 1), "pass at most 1e+06", lambda: structured.affine("relu", 1e6, 1)),
    # arguments
    "law of symbolic tasks": (
        lambda: h.covariance(SYMBOLS, tasks="uniform"), "pass tasks='gaussian'", lambda: h.covariance(SYMBOLS, tasks="gaussian"),  # type: ignore[arg-type]
    ),
    "number of tasks": (
        lambda: h.covariance(TASK).over_tasks().numeric(4, 4, 0), "pass tasks=1, say, or math.inf",
        lambda: (h.covariance(TASK).over_tasks().numeric(4, 4, tasks=1), h.covariance(TASK).over_tasks().numeric(4, 4, tasks=math.inf)),
    ),
    "task of softmax attention": (
        lambda: h.SoftmaxAttention("relu", 1.0), 'pass Task("relu", noise=0.01)',  # type: ignore[arg-type]
        lambda: h.SoftmaxAttention(h.Task("relu", noise=0.01), 1.0),
    ),
    "mean of a source": (
        lambda: h.Source("relu", 0.1, input_mean=[[1.0]]), "pass input_mean=0.0 or a (d,) array",
        lambda: (h.Source("relu", 0.1, input_mean=0.0), h.Source("relu", 0.1, input_mean=[1.0])),
    ),
    "covariance of a source": (
        lambda: h.Source("relu", 0.1, input_cov=2.0), "pass Spike(3.0) or a (d, d) array",
        lambda: (h.Source("relu", 0.1, input_cov=h.Spike(3.0)), h.Source("relu", 0.1, input_cov=np.eye(4))),
    ),
    "weights that are no numbers": (
        lambda: h.Task(sources=SOURCES, weights="ab"), "pass 2 numbers ≥ 0", lambda: h.Task(sources=SOURCES, weights=[0.5, 0.5]),  # type: ignore[arg-type]
    ),
    "a shift that is no number": (
        lambda: structured.affine("relu", "a", 1), "pass shift=0.5", lambda: structured.affine("relu", shift=0.5, scale=1),
    ),
    "a large coupling": (
        lambda: structured.degree_needed(SIZES, coupling=2.0), "divide by the standard deviation",
        lambda: structured.degree_needed(SIZES, coupling=0.5 / 2.0),
    ),
}  # fmt: skip
