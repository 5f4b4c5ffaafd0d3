"""The strategies give what they are asked for, and shrink to readable examples."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, find, given, settings

from hermite_eq import HypothesisError, coefficients
from hermite_eq.activations import lipschitz_violation
from hermite_eq.testing import activations, covariances, mixtures, ratios, sizes, targets, tasks
from hermite_eq.testing.strategies import flops

FEW = settings(max_examples=12, suppress_health_check=[HealthCheck.too_slow])
SHRINK = settings(max_examples=300, phases=[Phase.generate, Phase.shrink], database=None, derandomize=True)


@FEW
@given(activations())
def test_activations_are_lipschitz_and_well_scaled(sigma: Any) -> None:
    assert lipschitz_violation(sigma) is None
    assert math.isfinite(sigma.lipschitz)
    x = np.linspace(-6, 6, 1201)
    values = np.asarray(sigma(x))
    # Rounding of a difference of values of this size.
    assert (np.abs(np.diff(values)) <= sigma.lipschitz * 0.01 + 1e-12 * np.abs(values).max()).all()
    c = coefficients(sigma, 0)
    assert 0.05**2 <= c.estimate.norm2 - np.asarray(c)[0] ** 2 <= c.estimate.norm2 <= 400


@FEW
@given(activations(parity="odd", closed_form=True))
def test_parity_and_closed_forms(sigma: Any) -> None:
    assert sigma.parity == "odd"
    assert coefficients(sigma, 3).method == "exact"


@FEW
@given(activations(kinks=2))
def test_number_of_kinks(sigma: Any) -> None:
    assert len(sigma.kinks) == 2


@FEW
@given(activations(lipschitz=False, kinks=0))
def test_activations_that_are_not_lipschitz(sigma: Any) -> None:
    x = np.array([10.0, 20.0, 40.0])
    slopes = np.abs(np.diff(np.asarray(sigma(np.concatenate([-x[::-1], x])))) / np.diff(np.concatenate([-x[::-1], x])))
    assert sigma.lipschitz in (None, math.inf)
    assert slopes.max() > 5


@FEW
@given(activations(lipschitz=None, closed_form=False))
def test_activations_without_closed_form(sigma: Any) -> None:
    assert not sigma.closed_form


@FEW
@given(targets(), tasks(max_noise=0.25), ratios(hidden=False, infinite_tasks=False))
def test_targets_tasks_and_ratios(target: Any, task: Any, ratio: Any) -> None:
    for sigma in (target, task.target):
        c = coefficients(sigma, 1)
        assert abs(np.asarray(c)[1]) >= 0.05 * math.sqrt(c.estimate.norm2)
    assert task.noise <= 0.25
    assert ratio.mu is None
    assert all(0.25 <= value <= 4 for value in (ratio.alpha, ratio.kappa, ratio.tau))


@FEW
@given(sizes(max_cost=3e8))
def test_sizes_stay_within_their_cost(drawn: Any) -> None:
    assert flops(drawn) <= 3e8
    assert drawn.d >= 6


@FEW
@given(covariances(d=5))
def test_covariances_are_positive_definite(structure: Any) -> None:
    assert np.linalg.eigvalsh(structure.matrix(5))[0] > 0


@FEW
@given(covariances())
def test_covariances_of_every_dimension_have_trace_d(structure: Any) -> None:
    for d in (3, 10):
        # A sum of d eigenvalues.
        assert structure.trace(d) == pytest.approx(d, rel=64 * d * np.finfo(float).eps)


@FEW
@given(mixtures(sources=3))
def test_mixtures(task: Any) -> None:
    assert 1 <= len(task.sources) <= 3


def test_failing_examples_shrink_to_readable_ones() -> None:
    # "No activation has a kink beyond 1": the smallest counterexample is a registered one, or one term.
    kinked = find(activations(), lambda sigma: any(kink > 1 for kink in sigma.kinks), settings=SHRINK)
    assert kinked.name == "relu6"
    # "Every odd function of closed form has |c_1| ≤ 1."
    steep = find(activations(parity="odd", closed_form=True), lambda sigma: abs(coefficients(sigma, 1)[1]) > 1, settings=SHRINK)
    assert len(steep.name) <= len("2*Max(-1, Min(1, x))")
    smallest = find(sizes(max_cost=1e8), lambda size: size.samples > 2 * size.hidden, settings=SHRINK)
    assert smallest.context == smallest.tasks == smallest.d <= 8
    task = find(tasks(), lambda task: task.noise > 0.2, settings=SHRINK)
    assert str(task) == "target identity, noise variance 0.25"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (
            lambda: activations(parity="neither"),  # type: ignore[arg-type]
            "a parity is 'even', 'odd' or None; found parity='neither'. Repair: pass parity='odd', say",
        ),
        (
            lambda: activations(kinks=9),
            "a sum of up to three terms is of the kind asked for; found lipschitz=True, parity=None, kinks=9, "
            "closed_form=None. Repair: ask for fewer kinks, or none in particular",
        ),
        (
            lambda: sizes(max_cost=1e3, min_d=10),
            "the budget reaches the smallest d with every ratio; found max_cost=1e+03 where d = 10 takes",
        ),
    ],
)
def test_errors(make: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        make()
    assert str(error.value).startswith(message)


def test_without_hypothesis_assertions_work_strategies_say_so() -> None:
    code = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "import hermite_eq.testing as t; t.assert_hermite_coefficients('identity', [0, 1])\n"
        "try:\n    t.activations()\nexcept ModuleNotFoundError as error:\n    print(error)\n"
    )
    root = Path(__file__).parent.parent.parent
    process = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert process.stdout == (
        "the strategies of hermite_eq.testing need the package hypothesis; install it by: pip install 'hermite-eq[testing]'\n"
    )
