"""Heads of several random layers: features by hand, one result for any blocks of memory and any curve, and common draws."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from hermite_eq import RandomTransformer, Sizes, Task, activation, simulate
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.features import feature_blocks
from hermite_eq.simulate.training.heads import HeadKind

TASK = Task("relu", noise=0.1)
SIZES = Sizes(5, 6, 4, 50, 12)


@pytest.mark.parametrize("normalise", [False, True])
def test_features_by_hand(normalise: bool) -> None:
    model = RandomTransformer(activations=["relu", "tanh", "softplus"], hidden=[40, 9], ridge=0.1, normalise=normalise)
    draw = draw_run(TASK, SIZES, 20, True, np.float64, child_seeds(3, range(1))[0])
    kind = HeadKind.of(model)
    (block,) = feature_blocks(draw.training, draw.layer, draw.trace, [0, 50], None)
    block = replace(block, layers=draw.layers)
    first, second, third = draw.layers(kind.before)
    # The first layer is that of heads with one, as far as that goes.
    np.testing.assert_array_equal(first[:12], draw.layer)
    assert (first.shape, second.shape, third.shape) == ((40, 30), (9, 40), (12, 9))
    h = np.stack([np.outer(x, b).ravel() for x, b in zip(draw.training.x, draw.training.b, strict=True)])
    if normalise:
        h *= math.sqrt(draw.trace) / np.linalg.norm(h, axis=1, keepdims=True)
    by_hand = activation("softplus")(activation("tanh")(activation("relu")(h @ first.T) @ second.T) @ third.T)
    np.testing.assert_allclose(kind.apply(block), by_hand, rtol=1e-12)


def test_later_layers_give_pre_activations_of_variance_one() -> None:
    model = RandomTransformer(activations=["relu", "tanh"], hidden=[300], ridge=0.1, normalise=True)
    sizes = Sizes(12, 12, math.inf, 400, 200)
    draw = draw_run(TASK, sizes, 20, True, np.float64, child_seeds(4, range(1))[0])
    (block,) = feature_blocks(draw.training, draw.layer, draw.trace, [0, 400], None)
    z = HeadKind.of(model)._last_preactivation(replace(block, layers=draw.layers))
    # 200 neurons, whose squares have the relative variance 2: 1/√200 twice over, within five.
    assert abs(float(np.mean(z**2)) - 1) < 5 * math.sqrt(2 / 200)


def test_one_result_for_any_memory_and_any_curve() -> None:
    deep = RandomTransformer(activations=["relu", "tanh"], hidden=[30], ridge=0.1)
    flat = RandomTransformer("relu", 0.1)
    alone = simulate.icl_error(deep, TASK, SIZES, runs=2, rng=0, precision="double")
    small = simulate.icl_error(deep, TASK, SIZES, runs=2, rng=0, precision="double", memory="900kB")
    both = simulate.icl_curve([deep, flat], TASK, SIZES, hidden=[6, 12], runs=2, rng=0, precision="double")
    samples = simulate.icl_curve(deep, TASK, SIZES, samples=[30, 50], runs=2, rng=0, precision="double")
    for result in (small, both[0][1], samples[1]):
        np.testing.assert_allclose(result.icl_runs, alone.icl_runs, rtol=1e-8)
    assert not np.allclose(both[1][1].icl_runs, alone.icl_runs, rtol=1e-3)


def test_a_layer_between_that_changes_nothing() -> None:
    """A wide first layer of x: what is left of its noise is 1/width, and without it the head is that of one layer."""
    wide = RandomTransformer(activations=["identity", "relu"], hidden=[2000], ridge=0.5, normalise=True)
    sizes = Sizes(4, 4, math.inf, 60, 25)
    deep, flat = simulate.icl_error([wide, RandomTransformer("relu", 0.5, True)], TASK, sizes, runs=40, rng=1)
    # Of other draws of the layers: within five standard errors of a mean over runs.
    assert abs(deep.icl.mean - flat.icl.mean) < 5 * math.hypot(deep.icl.stderr, flat.icl.stderr)
