"""One check of covariance matrices, used wherever one is passed."""

from __future__ import annotations

import math

import numpy as np
import pytest

import hermite_eq
from hermite_eq import HypothesisError, Task
from hermite_eq.models import Dense
from hermite_eq.models.covariance_matrix import covariance_matrix, covariance_spectrum
from hermite_eq.testing import assert_gaussian
from hermite_eq.theory import Population, TaskPopulation, bayes_error_with_covariance, given_moments

EPS = float(np.finfo(float).eps)
ROWS = np.random.default_rng(3).standard_normal((8, 3))

#: Where matrices come in, by what they are called there.
DOORS = {
    "Σ": Dense,
    "input_covariance": lambda A: hermite_eq.covariance(Task("relu")).given(np.ones(len(A)), context=3, input_covariance=A),
    "task_covariance": lambda A: hermite_eq.covariance(Task("relu")).averaged().joint(
        len(A), 3, input_covariance=np.eye(len(A)), task_covariance=A),
    "covariance": lambda A: bayes_error_with_covariance(Task("identity", noise=0.1), 1.0, A),
    "train": lambda A: TaskPopulation.from_covariances(Task("identity"), A),
    "test": lambda A: TaskPopulation.from_covariances(Task("identity"), np.eye(len(A)), A),
    "cov": lambda A: assert_gaussian(ROWS[:, : len(A)], A),
    "the covariance": lambda A: given_moments([Population(A, np.zeros(len(A)), 1.0)]),
}  # fmt: skip


@pytest.mark.parametrize("name", DOORS)
@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        ([[1.0, 0.5], [0.0, 1.0]], "symmetric; found |A − Aᵀ| up to 0.5. Repair: pass (A + A.T) / 2"),
        ([[1.0, math.nan], [math.nan, 1.0]], "finite; found NaN or infinity in it. Repair: find where they come from"),
        ([[1.0, 2.0], [2.0, 1.0]], "definite; found eigenvalues from -1 to 3. Repair: "),
    ],
)
def test_one_message_everywhere(name: str, matrix: list, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        DOORS[name](np.array(matrix))
    semi = "" if name in ("Σ", "cov") else "semi"
    assert str(caught.value).startswith(f"{name} is {message.replace('definite;', f'positive {semi}definite;')}")


def test_rounding_is_no_asymmetry_and_no_negative_eigenvalue() -> None:
    # A product of three factors that is symmetric and singular in exact arithmetic.
    A = np.random.default_rng(0).standard_normal((30, 5))
    product = (A * np.geomspace(1, 1e6, 5)) @ A.T
    assert np.linalg.eigvalsh(product)[0] < 0
    found = covariance_matrix(product, "Σ")
    assert (found == found.T).all()
    assert np.abs(found - product).max() <= EPS * np.abs(product).max()
    with pytest.raises(HypothesisError, match="Σ is positive definite"):
        covariance_matrix(product, "Σ", definite=True)
    off = 1e-9 * np.abs(product).sum(axis=1).max()
    with pytest.raises(HypothesisError, match="Σ is positive semidefinite"):
        covariance_matrix(product - off * np.eye(30), "Σ")
    assert covariance_matrix(product - off * np.eye(30), "Σ", rounding=2e-9) is not None


def test_a_spectrum() -> None:
    assert covariance_spectrum([1.0, -EPS], "values").tolist() == [1.0, 0.0]
    for given, message in (
        ([[1.0]], r"values has the shape \(d,\); found shape \(1, 1\)"),
        ([1.0, math.inf], "values is finite; found NaN or infinity"),
        ([1.0, -1e-9], "values is positive semidefinite; found eigenvalues from -1e-09 to 1"),
    ):
        with pytest.raises(HypothesisError, match=message):
            covariance_spectrum(given, "values")
