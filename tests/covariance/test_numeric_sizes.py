"""Averages over tasks of targets that grow exponentially, and sizes that are none."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import sympy

from hermite_eq.covariance import covariance, task_norm_nodes
from hermite_eq.covariance.averages import gamma_nodes
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Source, Spike, Task

EPS = float(np.finfo(float).eps)
EXP, RELU = covariance(Task("exp", noise=0.1)), covariance(Task("relu", noise=0.1))
SPIKED = covariance(Task(sources=[Source("relu", noise=0.1, task_cov=Spike(5.0))]))


@pytest.mark.parametrize("shape", [12.0, 20.0, 50.0])
def test_tiny_weights_have_their_digits(shape: float) -> None:
    """E e^{8x} = (1 − 8/shape)^{-shape}, as E e^{4sg} needs it; the rule is off by (c/(2−c))^128, c = 8/shape, times a power: below ε."""
    x, w = gamma_nodes(shape, 64)
    # Nodes to some ε of the largest; e^{8x} turns that into 8 times as much.
    assert abs((w @ np.exp(8 * x)) * (1 - 8 / shape) ** shape - 1) < 64 * EPS * 8 * x[-1]


@pytest.mark.parametrize("d", [17, 20, 24, 40])
def test_exponential_targets_have_their_exact_averages(d: int) -> None:
    """Down to the dimension, 17, below which the fourth moment of the label does not exist."""
    averaged = EXP.averaged()
    found = averaged.numeric(d, 5)
    for name, entry in averaged.entries.items():
        # (1 − 16/d)^{-d/2} loses d ε/(1 − 16/d) of its digits in doubles.
        exact = float(entry.subs({"d": d, "ell": 5}).evalf(30))
        assert abs(found[name] / exact - 1) < 32 * EPS * d / (1 - 16 / d), name
    assert EXP.trace(d, 5) == found["trace"]


@pytest.mark.parametrize("d", [9, 12, 30])
def test_exponential_targets_given_tasks(d: int) -> None:
    tasks = EXP.over_tasks()
    found = tasks.numeric(d, 5, 3)
    for name, entry in tasks.entries.items():
        exact = float(entry.subs({"d": d, "ell": 5, "kappa": sympy.Rational(3, d)}).evalf(30))
        assert abs(found[name] / exact - 1) < 256 * EPS * d / (1 - 8 / d), name


SIZES = "d ≥ 1 and ℓ ≥ 1; found d={}, context={}. Repair: pass positive sizes"
CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: RELU.trace(0, 3), SIZES.format(0, 3)),
    (lambda: RELU.trace(3, 0), SIZES.format(3, 0)),
    (lambda: RELU.numeric(1.0, 5, 0), SIZES.format(5, 0)),
    (lambda: RELU.over_tasks().numeric(0, 3, 2), SIZES.format(0, 3)),
    (lambda: SPIKED.numeric(1.0, 5, 0, m=0.3), SIZES.format(5, 0)),
    (lambda: SPIKED.averaged().series(0, 3), SIZES.format(0, 3)),
    (lambda: RELU.over_tasks().numeric(5, 3, 0), "there is a training task: k ≥ 1; found tasks=0. Repair: pass tasks=1, say, or math.inf"),
    (lambda: RELU.limit().numeric(-1, 0.5), "the ratio alpha is > 0 and finite; found alpha=-1. Repair: pass alpha=1.0, say"),
    (lambda: RELU.limit().numeric(1, 0), "the ratio kappa is > 0 (inf allowed); found kappa=0. Repair: pass kappa=1.0, say"),
    (lambda: RELU.norm_law().numeric(math.nan), "the ratio alpha is > 0 and finite; found alpha=nan. Repair: pass alpha=1.0, say"),
    (lambda: SPIKED.limit().numeric(-1.0, d=5), "the ratio alpha is > 0 and finite; found alpha=-1.0. Repair: pass alpha=1.0, say"),
    (lambda: EXP.trace(16, 5), "the fourth moment of a label over tasks is finite, here for d > 16; found d=16. Repair: pass d=17 or more"),
    (lambda: EXP.over_tasks().numeric(8, 5, 3),
     "the fourth moment of a label over tasks is finite, here for d > 8; found d=8. Repair: pass d=9 or more"),
    (lambda: task_norm_nodes(0),
     "d is a positive integer; found d=0. Repair: pass d=1 or more"),
    (lambda: RELU.given(np.ones(2), context=3).matrix(np.full((6, 1), np.nan)),
     "F is finite; found NaN or infinity in it. Repair: leave its columns out"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
