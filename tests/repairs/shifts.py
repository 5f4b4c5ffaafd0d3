"""Refused ridge regressions, and tests that are not as training: the words of the repair, and the repair as a call."""

from __future__ import annotations

import math

import numpy as np
from problems import RATIOS, SOFTMAX, TASK, Row, head, linear

import hermite_eq as h
from hermite_eq import theory
from hermite_eq.trained import SoftmaxTransformer
from hermite_eq.trained import icl_error as trained_error

_LINE = h.Task("identity", 0.1)
_PLAIN = theory.TaskPopulation.from_covariances(_LINE, np.eye(4))
_DEEP = h.RandomTransformer(activations=["relu", "tanh"], hidden=[9], ridge=0.1)
_LONG, _SAME = h.Sizes(8, 8, math.inf, 64, 20, 16), h.Sizes(8, 8, math.inf, 64, 20)
_ROWS = np.random.default_rng(0).standard_normal((9, 2))
_MOMENTS = theory.given_moments([theory.Population(np.eye(6), np.zeros(6), 1.0)])
_TESTED, _UNTESTED = h.Sizes(2, 2, 1, 40, 9, 4), h.Sizes(2, 2, 1, 40, 9)

TABLE: dict[str, Row] = {
    "lengths of a spectrum": (lambda: theory.ridge([1.0, 2.0], [1.0], 9, 0.1), "one length", lambda: theory.ridge([1.0], [1.0], 9, 0.1)),
    "a negative spectrum": (lambda: theory.ridge([-1.0], [1.0], 9, 0.1), "numpy.maximum", lambda: theory.ridge([1.0], [1.0], 9, 0.1)),
    "a spectrum of nothing, shifted": (lambda: theory.ridge([0.0], [1.0], 9, 0.1), "that vary", lambda: theory.ridge([1.0], [1.0], 9, 0.1)),
    "no samples of features": (lambda: theory.ridge([1.0], [1.0], 0, 0.1), "pass n=100", lambda: theory.ridge([1.0], [1.0], 100, 0.1)),
    "an intercept of one sample": (
        lambda: theory.ridge([1.0], [1.0], 1, 0.1, intercept=True), "pass n=2", lambda: theory.ridge([1.0], [1.0], 2, 0.1, intercept=True),
    ),
    "labels of features": (
        lambda: theory.estimated_spectrum(_ROWS, np.arange(3.0)), "pass shapes (N, D) and (N,)",
        lambda: theory.estimated_spectrum(_ROWS, np.arange(9.0)),
    ),
    "too few rows": (
        lambda: theory.estimated_spectrum(_ROWS[:2], np.arange(2.0)), "pass more rows",
        lambda: theory.estimated_spectrum(_ROWS, np.arange(9.0)),
    ),
    "labels that do not vary": (
        lambda: theory.estimated_spectrum(_ROWS, np.ones(9)), "labels that are not constant",
        lambda: theory.estimated_spectrum(_ROWS, np.arange(9.0)),
    ),
    "no decay": (lambda: theory.power_law_rates(-1.0, 0.5), "capacity=1.5", lambda: theory.power_law_rates(1.5, 0.5)),
    "a decay without a sum": (lambda: theory.power_law_rates(1.0, 0.5), "capacity=1.5", lambda: theory.power_law_rates(1.5, 0.5)),
    "no source": (lambda: theory.power_law_rates(1.5, 0.0), "source=0.5", lambda: theory.power_law_rates(1.5, 0.5)),
    "a width that shrinks": (
        lambda: theory.power_law_rates(1.5, 0.5, width=-1.0), "width=1.0", lambda: theory.power_law_rates(1.5, 0.5, width=1.0),
    ),
    "directions of an alignment": (
        lambda: theory.task_alignment(linear, _PLAIN, RATIOS).of([1.0]), "pass d of them",
        lambda: theory.task_alignment(linear, _PLAIN, RATIOS).of(np.ones(4)),
    ),
    "tasks of an alignment": (
        lambda: theory.task_alignment(linear, TASK, RATIOS), "TaskPopulation.from_covariances",  # type: ignore[arg-type]
        lambda: theory.task_alignment(linear, _PLAIN, RATIOS),
    ),
    "alignment at the peak": (
        lambda: theory.task_alignment(h.LinearTransformer(0.0), _PLAIN, h.Ratios(1, 1, 1)), "pass a ridge",
        lambda: theory.task_alignment(h.LinearTransformer(0.1), _PLAIN, h.Ratios(1, 1, 1)),
    ),
    "population of no task": (
        lambda: theory.TaskPopulation.from_sources(3, 4), "pass Task(sources=", lambda: theory.TaskPopulation.from_sources(TASK, 4),  # type: ignore[arg-type]
    ),
    "population of two sources": (
        lambda: theory.TaskPopulation.from_sources(h.Task(sources=[h.Source("relu"), h.Source("tanh")]), 4),
        "icl_error(model, task, sizes)", lambda: theory.TaskPopulation.from_sources(TASK, 4),
    ),
    "population of inputs with a mean": (
        lambda: theory.TaskPopulation.from_sources(h.Task(sources=[h.Source("relu", input_mean=0.5)]), 4), "isotropic inputs",
        lambda: theory.TaskPopulation.from_sources(TASK, 4),
    ),
    "phase diagram of a head": (
        lambda: theory.phase_diagram(head, "relu", kappa=[1], noise=[1], tau=2), "pass LinearTransformer(ridge=…)",  # type: ignore[arg-type]
        lambda: theory.phase_diagram(linear, "relu", kappa=[1], noise=[1], tau=2),
    ),
    "best context at the peak of a head": (
        lambda: theory.optimal_context(head, TASK, kappa=1, tau=2, mu=2), "move n away from m",
        lambda: theory.optimal_context(head, TASK, kappa=1, tau=2, mu=1),
    ),
    "best head at another length": (
        lambda: theory.best_head(TASK, h.Ratios(1, 1, 2, 1, 3)), "leave test_alpha out",
        lambda: theory.best_head(TASK, h.Ratios(1, 1, 2, 1)),
    ),
    "given moments at another length": (
        lambda: h.icl_error(linear, _MOMENTS, _TESTED), "no test_context", lambda: h.icl_error(linear, _MOMENTS, _UNTESTED),
    ),
    "layers at another length": (lambda: h.icl_error(_DEEP, TASK, _LONG), "or take one layer", lambda: h.icl_error(head, TASK, _LONG)),
    "softmax at another length": (
        lambda: h.icl_error(linear, SOFTMAX, _LONG), "simulate it", lambda: h.simulate.icl_error(linear, SOFTMAX, _LONG, runs=2, rng=0),
    ),
    "training at another length": (
        lambda: trained_error(SoftmaxTransformer(blocks=1), _LINE, h.Sizes(3, 3, 2, 9, test_context=5), runs=1, epochs=1),
        "leave test_context out", lambda: SoftmaxTransformer(blocks=1),
    ),
}  # fmt: skip
