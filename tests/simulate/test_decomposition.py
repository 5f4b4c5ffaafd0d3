"""The gradient as a rank-one matrix and a rest: norms by another route, and what is refused."""

from __future__ import annotations

import math

import numpy as np
import pytest

from hermite_eq import HypothesisError, OneStepTransformer, RandomTransformer, Sizes, Task
from hermite_eq.simulate import gradient_step
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run

EPS = float(np.finfo(float).eps)
SIZES = Sizes(d=5, context=6, tasks=12, samples=60, hidden=30)
TASK = Task("relu", noise=0.1)


def test_norms_are_those_of_the_matrices_in_full() -> None:
    found = gradient_step(OneStepTransformer("tanh", 3.0, 0.1), TASK, SIZES, runs=2, rng=4)
    for run, seed in enumerate(child_seeds(4, range(2))):
        draw = draw_run(TASK, SIZES, 1, True, np.float64, seed, True)
        h, y, w = draw.step.h(), draw.step.y, draw.start / math.sqrt(30)
        pre = h @ draw.layer.T
        residual = y - np.tanh(pre) @ w / math.sqrt(30)
        g = (residual[:, None] * (1 - np.tanh(pre) ** 2) * w).T @ h / (60 * math.sqrt(30))
        # E tanh'(g) = 1 − E tanh², by a Gauss-Hermite sum of 100 terms: poles at distance π/2 leave e^{−π√100}.
        x, weight = np.polynomial.hermite_e.hermegauss(100)
        slope = float(weight @ (1 - np.tanh(x) ** 2) / weight.sum())
        u, v = slope * w, y @ h / (60 * math.sqrt(30))
        accuracy = 1e4 * EPS + math.exp(-math.pi * 10)
        assert found.rank_one_runs[run] == pytest.approx(np.linalg.norm(np.outer(u, v), 2), rel=accuracy)
        assert found.remainder_runs[run] == pytest.approx(np.linalg.norm(g - np.outer(u, v), 2), rel=accuracy)
        assert found.spike_runs[run] == pytest.approx(3 * found.rank_one_runs[run] / np.linalg.norm(draw.layer, 2), rel=1e4 * EPS)
        direction = np.linalg.svd(g)[2][0]
        assert found.alignment_runs[run] == pytest.approx(abs(direction @ v) / np.linalg.norm(v), rel=1e6 * EPS)
    assert found.ratio.mean == pytest.approx(np.mean(found.remainder_runs / found.rank_one_runs), rel=4 * EPS)
    assert str(found).startswith("tanh, η = 3, d = 5: ‖uvᵀ‖ ")


def test_errors() -> None:
    with pytest.raises(HypothesisError) as error:
        gradient_step(RandomTransformer("tanh", 0.1), TASK, SIZES, runs=1)
    assert str(error.value).startswith("a gradient step is that of a OneStepTransformer; found RandomTransformer(")
    with pytest.raises(HypothesisError) as error:
        gradient_step(OneStepTransformer("tanh", 3.0, 0.1), TASK, Sizes(5, 6, 12, 60), runs=1)
    assert str(error.value) == (
        "a random head has a number m of hidden units; found sizes.hidden=None. Repair: pass Sizes(…, hidden=…) or from_ratios(…, mu=…)"
    )
