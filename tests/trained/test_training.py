"""Batches, steps of AdamW, and the errors of trained architectures beside the theory."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import jax
import numpy as np
import pytest
import scipy.stats

import hermite_eq.trained.error as error_module
from hermite_eq import HypothesisError, LinearTransformer, Sizes, Source, Spike, Task
from hermite_eq.theory import icl_error as predicted
from hermite_eq.trained import FullLinearAttention, SoftmaxTransformer, TrainedError, icl_error, network, training
from hermite_eq.trained.error import not_begun

TASK = Task("identity", 0.01)
#: One false alarm in 10^5.
Z_LIMIT = 4.3


def sizes(d: int, samples: int, tasks: float = math.inf) -> Sizes:
    return Sizes(d, d, tasks, samples)


def test_a_batch_is_drawn_without_replacement_and_uniformly() -> None:
    draws, samples, batch = 4000, 30, 3
    keys = jax.random.split(jax.random.key(1), draws)
    rows = np.asarray(jax.vmap(lambda key: training.drawn(key, samples, batch))(keys))
    assert rows.shape == (draws, batch)
    assert all(len(set(row)) == batch for row in rows)
    counts = np.bincount(rows.ravel(), minlength=samples)
    # χ² of a sample without replacement: the variance of a count is that of a binomial with batch/samples, but its n/(n − 1).
    share = batch / samples
    statistic = ((counts - draws * share) ** 2).sum() / (draws * share * (1 - share)) * (samples - 1) / samples
    assert scipy.stats.chi2.sf(statistic, samples - 1) > 1e-5


def test_one_step_is_that_of_adamw() -> None:
    # With n = 1 the batch is the one context, so that a step depends on nothing random. Adam's first step has length rate for each number.
    model, d, rate = FullLinearAttention(), 3, 1e-2
    begin, train, _ = training.trainer(model, d, 1, rate)
    tokens = jax.numpy.asarray(np.random.default_rng(0).standard_normal((1, d + 1, d + 2)), "float32")
    inputs, labels = tuple(array[None] for array in network.prepared(model, tokens)), jax.numpy.ones((1, 1), "float32")
    state = begin([np.random.SeedSequence(3)])
    before = np.asarray(state[0][0], dtype=float)
    _, unravel = jax.flatten_util.ravel_pytree(network.initial(model, d, np.random.default_rng(0)))

    @jax.jit
    @jax.grad
    def slope(flat: Any) -> Any:
        return jax.numpy.mean((network.predict(model, unravel(flat), tuple(array[0] for array in inputs)) - labels[0]) ** 2)

    gradient = np.asarray(slope(state[0][0]), dtype=float)
    # An epoch of one context has two steps; half an epoch is one.
    assert training.steps(1) == (1, 2)
    after = np.asarray(train(state, inputs, labels, 0)[0][0], dtype=float)
    np.testing.assert_array_equal(before, after)
    m, v, flat = np.zeros_like(before), np.zeros_like(before), before
    for step in (1, 2):
        now = np.asarray(slope(jax.numpy.asarray(flat, "float32")), dtype=float)
        m, v = 0.9 * m + 0.1 * now, 0.999 * v + 0.001 * now**2
        flat = flat - rate * (m / (1 - 0.9**step) / (np.sqrt(v / (1 - 0.999**step)) + 1e-8) + 1e-4 * flat)
    state_after = np.asarray(train(state, inputs, labels, 1)[0][0], dtype=float)
    # Where a gradient is zero up to rounding, the length of its step is rounding too.
    # Elsewhere it is off by the rounding of the gradient, 1e-7, over its size: a hundredth of the rate in each of two steps.
    clear = np.abs(gradient) > 1e-5
    assert clear.mean() > 0.5
    np.testing.assert_allclose(state_after[clear], flat[clear], rtol=0, atol=0.02 * rate)
    assert np.abs(state_after - before)[clear].max() > rate


@pytest.fixture(scope="module")
def trained() -> TrainedError:
    """Five times as many contexts as predictions have numbers to depend on."""
    return icl_error(FullLinearAttention(), TASK, sizes(4, 160), runs=6, epochs=[0, 5, 500], rate=3e-3, rng=7, test=4000)


def test_the_errors_have_their_shapes_and_meaning(trained: TrainedError) -> None:
    assert trained.epochs == (0, 5, 500)
    assert trained.training_runs.shape == trained.icl_runs.shape == (6, 3)
    assert (trained.training_runs[:, 2] < trained.training_runs[:, 0]).all()
    # With a fresh task in every context both tests are one; before training nothing has been learnt.
    np.testing.assert_array_equal(trained.icl_runs, trained.idg_runs)
    assert not_begun(trained.training_runs[:, 0], trained.variance_runs).all()
    assert not trained.stuck.any()
    assert trained.icl.mean == pytest.approx(trained.icl_runs[:, -1].mean())
    assert trained.training.runs == trained.idg.runs == 6


def test_a_run_is_the_same_whatever_is_trained_beside_it(trained: TrainedError) -> None:
    alone = icl_error(FullLinearAttention(), TASK, sizes(4, 160), runs=range(2, 3), epochs=5, rate=3e-3, rng=7, test=4000)
    # Single precision through 55 steps, of which Adam magnifies what is off a hundredfold where a gradient is small.
    near = 100 * 55 * float(np.finfo(np.float32).eps)
    for name in ("training_runs", "icl_runs"):
        assert getattr(alone, name)[0, 0] == pytest.approx(getattr(trained, name)[2, 1], rel=near)
        assert getattr(alone, name)[0, 0] != pytest.approx(getattr(trained, name)[1, 1], rel=near)


def test_finitely_many_training_tasks_are_tested_too() -> None:
    error = icl_error(SoftmaxTransformer(1), TASK, sizes(3, 30, tasks=2), runs=2, epochs=0, rng=1, test=500)
    assert error.idg_runs.shape == (2, 1)
    assert (error.icl_runs != error.idg_runs).all()


def z(trained: TrainedError, expected: float) -> float:
    """By Student's t of the runs, as a normal score."""
    return float(scipy.stats.norm.ppf(scipy.stats.t.cdf(-trained.icl.z(expected), len(trained.icl_runs) - 1)))


@pytest.mark.statistical
def test_nothing_beats_what_infinitely_many_contexts_teach(trained: TrainedError) -> None:
    best = predicted(LinearTransformer(0.0), TASK, sizes(4, 10**6)).icl
    assert z(trained, best) < Z_LIMIT
    assert trained.icl.mean > best


@pytest.mark.statistical
def test_a_wrong_limit_is_seen_to_be_beaten(trained: TrainedError) -> None:
    wrong = predicted(LinearTransformer(0.0), TASK.with_noise(2.0), sizes(4, 10**6)).icl
    assert z(trained, wrong) > Z_LIMIT


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "softmax"}, "the model is a FullLinearAttention or a SoftmaxTransformer; found str"),
        ({"task": Task(sources=[Source("relu", 0.1, task_cov=Spike(4.0))])}, "trained architectures see one isotropic source"),
        ({"task": "identity"}, "the task is a hermite_eq.Task"),
        ({"epochs": [3, 3]}, "errors are measured after increasing numbers of epochs"),
        ({"epochs": []}, "errors are measured after increasing numbers of epochs"),
        ({"epochs": 1.5}, "epochs is a non-negative integer"),
        ({"rate": 0.0}, "the learning rate is positive"),
        ({"runs": 0}, "runs is a positive integer"),
        ({"test": 10**12}, "fit into memory"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_cannot_be_trained_is_refused(changes: dict[str, Any], message: str) -> None:
    arguments: dict[str, Any] = {"model": FullLinearAttention(), "task": TASK, "sizes": sizes(3, 30), "runs": 1, "epochs": 1} | changes
    with pytest.raises(HypothesisError, match=message):
        icl_error(arguments.pop("model"), arguments.pop("task"), arguments.pop("sizes"), **arguments)


def test_without_jax_an_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(error_module, "find_spec", lambda name: None if name == "optax" else object())
    with pytest.raises(HypothesisError, match=r'needs JAX and Optax; found no optax. Repair: pip install "hermite-eq\[trained\]"'):
        icl_error(FullLinearAttention(), TASK, sizes(3, 30), runs=1, epochs=1)


def test_jax_is_loaded_when_something_is_trained() -> None:
    code = "import sys, hermite_eq.trained as t; t.SoftmaxTransformer(2).parameters(6); assert not {'jax', 'optax'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
