"""Sources and tasks of several sources: what they say, what they refuse."""

from __future__ import annotations

import copy
import dataclasses
import pickle
from typing import Any

import numpy as np
import pytest

from hermite_eq import Diagonal, HypothesisError, Identity, Source, Spike, StudentT, Task, Toeplitz
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import Gaussian, Rademacher, Sphere, Uniform

ONE = Source("relu", 0.01)
OTHER = Source("tanh", 0.1, task_cov=Spike(9.0), input_mean=[1, 0, 0], tasks="sphere")


def test_one_source_is_the_same_task_by_any_call() -> None:
    assert Task(sources=[ONE]) == Task("relu", 0.01) == Task("relu").with_noise(0.01) == Task(sources=[ONE, OTHER]).only(0)
    assert Task("relu", 0.01, unit_link=True) == Task(sources=[ONE], unit_link=True) != Task("relu", 0.01)
    assert Task("relu", 0.01).isotropic
    for other in (Task("relu", unit_inputs=True), Task(sources=[OTHER]), Task(sources=[ONE, ONE])):
        assert not other.isotropic


def test_target_and_noise_are_those_of_one_source() -> None:
    task = Task(sources=[OTHER])
    assert (task.source, task.target, task.noise) == (OTHER, OTHER.target, 0.1)
    for name in ("source", "target", "noise"):
        with pytest.raises(HypothesisError, match=r"one source; found 2 sources. Repair: ask one of them: task\.sources\[0\]"):
            getattr(Task(sources=[ONE, OTHER]), name)


def test_they_are_data() -> None:
    task = Task(sources=[ONE, OTHER], test_weights="training", weights=[0.25, 0.75])
    for again in (pickle.loads(pickle.dumps(task)), copy.deepcopy(task), dataclasses.replace(task)):
        assert again == task
        assert hash(again) == hash(task)
    with pytest.raises(dataclasses.FrozenInstanceError):
        task.weights = (1.0, 0.0)  # type: ignore[misc]
    assert task.with_noise(0.2) == dataclasses.replace(
        task, sources=tuple(dataclasses.replace(source, noise=0.2) for source in (ONE, OTHER))
    )


def test_they_print_their_departures_from_the_default() -> None:
    assert str(ONE) == "target relu, noise variance 0.01"
    assert str(OTHER) == "target tanh, noise variance 0.1, task covariance spike 9, input mean of norm 1, tasks sphere"
    assert str(Task(sources=[ONE], unit_inputs=True)) == "target relu, noise variance 0.01; unit inputs"
    assert str(Task(sources=[ONE, ONE], test_weights=[1, 0], unit_link=True)) == (
        "0.5 × (target relu, noise variance 0.01) + 0.5 × (target relu, noise variance 0.01); unit link; test weights 1, 0"
    )


def test_weights() -> None:
    assert Task(sources=[ONE, OTHER]).weights == Task(sources=[ONE, OTHER]).test_weights == (0.5, 0.5)
    task = Task(sources=[ONE, OTHER], weights=[0.9, 0.1], test_weights="training", unit_inputs=True)
    assert task.test_weights == (0.9, 0.1)
    assert task.tested_on(1) == Task(sources=[ONE, OTHER], weights=[0.9, 0.1], test_weights=[0, 1], unit_inputs=True)
    assert task.only(1) == Task(sources=[OTHER], unit_inputs=True)
    # 0.1 + 0.2 + 0.7 is not 1 in binary.
    assert Task(sources=[ONE] * 3, weights=[0.1, 0.2, 0.7]).weights == (0.1, 0.2, 0.7)


def test_a_source_of_the_test_alone_is_named() -> None:
    with pytest.warns(HypothesisWarning, match=r"source 1 \(target tanh, .*\) is never sampled in training"):
        task = Task(sources=[ONE, OTHER], weights=[1, 0])
    assert task.weights == (1.0, 0.0)
    # Tested where it is trained: nothing is missing, and a warning would be an error here.
    assert task.tested_on(0) == Task(sources=[ONE, OTHER], weights=[1, 0], test_weights="training")


def test_unequal_traces_are_named() -> None:
    task = Task(sources=[ONE, Source("relu", input_cov=Spike(2.0))])
    with pytest.warns(HypothesisWarning, match=r"unequal traces \(source 0: 4, source 1: 6\)"):
        task.check(4)
    # Task covariances may differ, and so may normalised spikes; a warning would be an error here.
    Task(sources=[OTHER, Source("relu", input_cov=Spike(2.0, normalised=True)), Source("relu", input_cov=Toeplitz(0.5))]).check(3)


def test_means_and_laws() -> None:
    assert Source("relu", input_mean=0.5).mean_vectors(2)[0].tolist() == [0.5, 0.5]
    assert OTHER.mean_vectors(3)[0].tolist() == [1, 0, 0]
    assert not OTHER.centred
    assert ONE.centred
    assert ONE.isotropic
    assert not OTHER.isotropic
    assert Source("relu", input_cov=[1, 2]).input_cov == Diagonal([1, 2])
    assert ONE.input_cov == Identity()


@pytest.mark.parametrize("law", [Gaussian(), Sphere(), StudentT(5), Rademacher(), Uniform()], ids=str)
def test_distributions_are_standardised_and_nested(law: Any) -> None:
    z = law.draw(np.random.default_rng(0), (60_000, 3))
    products = z[:, :, None] * z[:, None, :]
    # |z| < 6 on 9 means of finite variance (Student's with ν = 5 has fourth moments): a false alarm with probability 2e-8; exact where
    # the variance is zero.
    stderr = products.std(axis=0) / np.sqrt(len(z))
    assert (np.abs(products.mean(axis=0) - np.eye(3)) <= 6 * stderr + 1e-12).all()
    assert (np.abs(products.mean(axis=0) - 1.1 * np.eye(3)) > 6 * stderr + 1e-12).any()
    assert (np.abs(z.mean(axis=0)) < 6 / np.sqrt(len(z))).all()
    np.testing.assert_array_equal(law.draw(np.random.default_rng(0), (10, 3)), z[:10])


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Task(sources=[ONE, OTHER], weights=[0.5, 0.6]), "weights sum to one; found the sum 1.1. Repair: divide the weights by"),
        (lambda: Task(sources=[ONE, OTHER], weights=[1.5, -0.5]), "weights are 2 probabilities, one for each source; found weights=[1.5"),
        (lambda: Task(sources=[ONE, OTHER], weights=[1.0]), "weights are 2 probabilities, one for each source; found weights=[1.0]"),
        (lambda: Task(sources=[ONE], test_weights=[0.5]), "test_weights sum to one; found the sum 0.5"),
        (
            lambda: Task(sources=[ONE], test_weights="equal"),
            "the test's sources are 'uniform', those of 'training', or have weights; found test_weights='equal'",
        ),
        (lambda: Task(sources=[]), "sources are a sequence of Source; found []"),
        (lambda: Task(sources=["relu"]), "sources are a sequence of Source; found ['relu']"),  # type: ignore[list-item]
        (lambda: Task("relu", sources=[ONE]), "every source has its target and its noise; found target or noise beside sources"),
        (lambda: Task(noise=0.1), "a task has a target, or sources; found neither"),
        (lambda: Task("relu", weights=[0.5, 0.5]), "weights are 1 probabilities, one for each source; found weights=[0.5, 0.5]"),
        (lambda: StudentT(2), "the variance is finite: ν > 2; found dof=2. Repair: pass dof=3 or more"),
        (lambda: Source("relu", inputs="cauchy"), "inputs follow a distribution: 'gaussian', 'sphere', 'rademacher', 'uniform', or"),
        (lambda: Source("relu", input_mean=[[1]]), "input_mean is a finite number or a vector of d; found input_mean=[[1]]"),
        (lambda: Source("relu", task_mean=np.inf), "task_mean is a finite number or a vector of d; found task_mean=inf"),
        (lambda: Source("relu", -1), "noise (the variance ρ of the label noise) is a finite number ≥ 0; found noise=-1"),
        (lambda: Task(sources=[OTHER]).check(4), "input_mean has dimension d = 4; found dimension 3. Repair: pass one of dimension 4"),
        (lambda: Task(sources=[Source("relu", task_cov=[1, 2])]).check(3), "the covariance (diagonal of 2 variances) has dimension d = 3"),
    ],
)
def test_what_is_refused(build: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as raised:
        build()
    assert str(raised.value).startswith(message)


def test_unknown_arguments_are_type_errors() -> None:
    with pytest.raises(TypeError, match="unit_input"):
        Task(sources=[ONE], unit_input=True)  # type: ignore[call-arg]
