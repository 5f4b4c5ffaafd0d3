"""Tasks, models, places and samples which the rows are about."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

import hermite_eq as h
from hermite_eq.errors import HypothesisWarning

#: The call that is refused, words of the repair that it is offered, and the repair as a call.
Row = tuple[Callable[[], Any], str, Callable[[], Any]]

RATIOS = h.Ratios(alpha=1, kappa=1, tau=2, mu=1)
FLAT = h.Ratios(alpha=1, kappa=1, tau=2)
SIZES = h.Sizes(4, 4, 3, 20, 12)
FRESH = h.Sizes(4, 4, math.inf, 20, 12)
BARE = h.Sizes(4, 4, math.inf, 20)
TASK, LINE = h.Task("relu", noise=0.1), h.Task("identity", noise=0.1)
SOURCES = [h.Source("relu", 0.1), h.Source("relu", 0.2, task_cov=h.Spike(1.0))]
MIXED = h.Task(sources=SOURCES)
UNIFORM = h.Task(sources=[h.Source("relu", 0.1, inputs="uniform")])
HEAD = h.RandomTransformer("exp", ridge=0.1)
linear, head, normal = h.LinearTransformer(0.1), h.RandomTransformer("relu", 0.1), h.RandomTransformer("relu", 0.1, normalise=True)
SOFTMAX = h.SoftmaxAttention(h.Task(sources=[h.Source("relu", noise=0.1)]), sharpness=1.0)
F = np.random.default_rng(0).standard_normal((20, 3))


def silent(call: Callable[[], Any]) -> Callable[[], Any]:
    """The repair of a function may be another one of which little is known, and which says so."""

    def quiet() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            return call()

    return quiet
