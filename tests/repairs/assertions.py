"""Refused assertions of the tests, the words of the repair, and the repair as a call."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
from problems import TASK, Row

import hermite_eq as h
from hermite_eq import testing
from hermite_eq.testing import rates, strategies

SAMPLES = np.random.default_rng(0).standard_normal((4000, 2))
MANY = np.random.default_rng(0).standard_normal((100_000, 2))
GAPS = np.array([10, 20, 40, 80]) ** -0.5 * (1 + 0.01 * np.random.default_rng(0).standard_normal((40, 4)))
LADDER = [10, 20, 40, 80]


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


def universal(first: Any = None, second: Any = None, **given: Any) -> Any:
    arguments: dict[str, Any] = {
        "dimensions": (20, 40),
        "samples": lambda d: 2 * d,
        "ridge": 0.5,
        "deviation": testing.Deviation(5.0, order=-0.5),
    } | given
    return testing.assert_universal(first or rows(), second or rows(), resolution=2.0, test=200, **arguments)


def equal(**given: Any) -> Any:
    sizes = h.Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=1)
    arguments: dict[str, Any] = {
        "model_a": "a",
        "model_b": "b",
        "task": TASK,
        "sizes": sizes,
        "margin": 0.2,
        "simulator": errors_of_two,
    } | given
    return testing.assert_equivalent(**arguments)


def errors_of_two(a: Any, b: Any, task: Any, sizes: Any, runs: range, rng: Any) -> Any:
    values = 1 + 0.01 * np.random.default_rng([runs.start, 0]).standard_normal((2, len(runs)))
    return values[0], values[1]


TABLE: dict[str, Row] = {
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
    "samples of a random function": (
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=3, resolution=0.1), "pass samples=",
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=2**18, resolution=0.1),
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
        lambda: testing.assert_gaussian(SAMPLES + 1j, np.eye(2)), "as an array of floats",
        lambda: testing.assert_gaussian((SAMPLES + 1j).real, np.eye(2)),
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
        lambda: universal(second=rows(width=2), runs=8), "one column for each feature",
        lambda: universal(second=rows(), runs=16),
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
    # functions and samples
    "a function that raises": (
        lambda: testing.assert_hermite_coefficients(lambda g, rng: {}[0], [0.0, 1.0], residual=1.0, samples=2**14, resolution=0.5),  # type: ignore[index]
        "call f alone to see why",
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=2**18, resolution=0.1),
    ),
    "values of a random function": (
        lambda: testing.assert_hermite_coefficients(lambda g, rng: g[:3], [0.0, 1.0], residual=1.0, samples=2**14, resolution=0.5),
        "vectorise it",
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=2**18, resolution=0.1),
    ),
    "a random function of NaN": (
        lambda: testing.assert_hermite_coefficients(lambda g, rng: g * math.nan, [0.0, 1.0], residual=1.0, samples=2**14, resolution=0.5),
        "find where it overflows",
        lambda: testing.assert_hermite_coefficients(noisy, [0.0, 1.0], residual=1.0, samples=2**18, resolution=0.1),
    ),
    "axes of samples": (
        lambda: testing.assert_gaussian(np.ones((2, 2, 2)), np.eye(2)), "one row for each draw",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2)),
    ),
    "one sample": (
        lambda: testing.assert_covariance(SAMPLES[:1], np.eye(2), mean=[0, 0]), "pass some thousand rows",
        lambda: testing.assert_covariance(SAMPLES, np.eye(2), mean=[0, 0], resolution=0.5),
    ),
    "a profile": (
        lambda: mock.patch.dict(os.environ, {rates.PROFILE_VARIABLE: "fast"})(rates.profile)(), "set it to thorough",
        lambda: mock.patch.dict(os.environ, {rates.PROFILE_VARIABLE: "thorough"})(rates.profile)(),
    ),
    # arguments
    "coefficients that are no numbers": (
        lambda: testing.assert_hermite_coefficients("relu", ["a"]), "pass [c_0, c_1, …]",
        lambda: testing.assert_hermite_coefficients("relu", [0.39894228, 0.5], accuracy=1e-7),
    ),
    "residual of coefficients": (
        lambda: testing.assert_hermite_coefficients("relu", [0.39894228, 0.5], residual=-1.0), "coefficients(…).residual(K)",
        lambda: testing.assert_hermite_coefficients(
            "relu", [0.39894228, 0.5], residual=float(h.coefficients("relu", 1).residual(1)), accuracy=1e-7
        ),
    ),
    "order of a deviation": (
        lambda: testing.Deviation(1.0, order=1.0), "pass order=-1 or order=-1/2",
        lambda: (testing.Deviation(1.0, order=-1), testing.Deviation(1.0, order=-1 / 2)),
    ),
    "a negative deviation": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), deviation=-1.0), "pass 0.05, or Deviation(2, order=-1, d=40)",
        lambda: (
            testing.assert_gaussian(MANY, np.eye(2), deviation=0.05),
            testing.assert_gaussian(MANY, np.eye(2), deviation=testing.Deviation(2, order=-1, d=40)),
        ),
    ),
    "error that is compared": (lambda: equal(error="bias"), "pass error='icl'", lambda: equal(error="icl")),
    "budget of runs": (lambda: equal(runs=1), "pass runs=200", lambda: equal(runs=200)),
    "resolution": (
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), resolution=-1.0), "pass resolution=0.25",
        lambda: testing.assert_gaussian(SAMPLES, np.eye(2), resolution=0.25),
    ),
    "kurtosis": (
        lambda: testing.assert_covariance(SAMPLES, np.eye(2), excess_kurtosis=-1.0), "pass excess_kurtosis=3.0",
        lambda: testing.assert_covariance(MANY, np.eye(2), excess_kurtosis=3.0),
    ),
    "parity of a strategy": (
        lambda: strategies.activations(parity="o"), "pass parity='odd'", lambda: strategies.activations(parity="odd"),  # type: ignore[arg-type]
    ),
    "ridge of a ladder": (lambda: universal(ridge=0.0), "pass ridge=1e-3", lambda: universal(ridge=1e-3, runs=64)),
}  # fmt: skip
