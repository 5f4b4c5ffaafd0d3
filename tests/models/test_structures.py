"""Covariance structures: factor, matrix, spectrum and products agree; what is refused."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hermite_eq import Dense, Diagonal, HypothesisError, Identity, PowerLaw, Spike, Task, Toeplitz
from hermite_eq.models.covariance_matrix import covariance_matrix, covariance_spectrum
from hermite_eq.models.structures import structure
from hermite_eq.testing import assert_gaussian
from hermite_eq.theory import Population, TaskPopulation, bayes_error_with_covariance, given_moments

EPS = float(np.finfo(float).eps)
D = 6
WISHART = np.cov(np.random.default_rng(0).standard_normal((D, 50)))
CASES = {
    Identity(): np.eye(D),
    Spike(3.0): np.eye(D) + 3 * np.outer(np.eye(D)[0], np.eye(D)[0]),
    Spike(1600.0, [1, 2, 0, 0, 0, 2]): np.eye(D) + 1600 * np.outer([1, 2, 0, 0, 0, 2], [1, 2, 0, 0, 0, 2]) / 9,
    Spike(-0.5, [0, 0, 0, 0, 3, 4]): np.eye(D) - 0.5 * np.outer([0, 0, 0, 0, 3, 4], [0, 0, 0, 0, 3, 4]) / 25,
    Spike(2.0, normalised=True): D / (D + 2) * np.diag([3.0, 1, 1, 1, 1, 1]),
    Diagonal([3, 1, 2, 5, 4, 6]): np.diag([3.0, 1, 2, 5, 4, 6]),
    PowerLaw(1.5): np.diag(np.arange(1, D + 1) ** -1.5) * D / (np.arange(1, D + 1) ** -1.5).sum(),
    PowerLaw(2.0, normalised=False): np.diag([1 / i**2 for i in range(1, D + 1)]),
    Toeplitz(0.5): 0.5 ** np.abs(np.subtract.outer(range(D), range(D))),
    Toeplitz(-0.9): (-0.9) ** np.abs(np.subtract.outer(range(D), range(D))),
    Dense(WISHART): WISHART,
}


@pytest.mark.parametrize(("sigma", "matrix"), CASES.items(), ids=[str(sigma) for sigma in CASES])
def test_everything_is_of_one_matrix(sigma: Any, matrix: Any) -> None:
    scale = np.abs(matrix).max()
    # Sums of d products, each with a few roundings.
    tolerance = {"rtol": 0, "atol": 16 * D * EPS * scale}
    np.testing.assert_allclose(sigma.matrix(D), matrix, **tolerance)
    rows = np.random.default_rng(1).standard_normal((4, D))
    np.testing.assert_allclose(sigma.times(rows), rows @ matrix, rtol=0, atol=64 * D * EPS * scale)
    # The rows of colour(I) are the columns of A.
    factor = sigma.colour(np.eye(D))
    np.testing.assert_allclose(factor.T @ factor, matrix, rtol=0, atol=64 * D * EPS * scale)
    np.testing.assert_allclose(sigma.colour(rows), rows @ factor, rtol=0, atol=64 * D * EPS * scale)
    np.testing.assert_allclose(sigma.eigenvalues(D), np.linalg.eigvalsh(matrix)[::-1], **tolerance)
    assert sigma.trace(D) == pytest.approx(np.trace(matrix), rel=16 * D * EPS)
    assert sigma.norm(D) == pytest.approx(np.linalg.norm(matrix, 2), rel=16 * D * EPS)


@pytest.mark.parametrize("sigma", CASES, ids=str)
def test_structures_are_data(sigma: Any) -> None:
    again = pickle.loads(pickle.dumps(sigma))
    assert again == sigma
    assert hash(again) == hash(sigma)
    # What a caller does with an array it was given is its own business.
    sigma.eigenvalues(D)[:] = 0
    sigma.matrix(D)[:] = 0
    np.testing.assert_allclose(sigma.matrix(D), CASES[sigma], rtol=64 * EPS, atol=64 * EPS * np.abs(CASES[sigma]).max())


def test_structures_of_every_dimension_have_the_trace_promised() -> None:
    for d in (1, 5, 80):
        for sigma in (Spike(d**2, normalised=True), PowerLaw(1.0), Toeplitz(0.3), Identity()):
            assert sigma.trace(d) == pytest.approx(d, rel=16 * d * EPS)
    assert Spike(6400.0).trace(80) == 80 + 6400


def test_vectors_and_matrices_are_structures() -> None:
    assert structure([1.0, 2.0]) == Diagonal((1, 2))
    assert structure(WISHART) == Dense(WISHART)
    assert structure(Spike(1.0)) == Spike(1.0)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Spike(-1.0), "I + θγγᵀ is positive definite: θ > −1; found strength=-1.0. Repair: pass strength=1.0, say"),
        (lambda: Spike(np.nan), "strength (θ of I + θγγᵀ) is a finite number; found strength=nan. Repair: pass strength=1.0, say"),
        (lambda: Spike(1.0, [0, 0]), "the direction γ is not zero; found direction=[0, 0]. Repair: pass a unit vector"),
        (
            lambda: Spike(1.0, [1, 0]).matrix(3),
            "the covariance (spike 1) has dimension d = 3; found dimension 2. Repair: pass one of dimension 3, or take d = 2",
        ),
        (
            lambda: Diagonal([1, 0]),
            "Σ is positive definite: every variance is > 0; found smallest variance 0. Repair: pass positive variances",
        ),
        (
            lambda: Diagonal([1, 2]).colour(np.ones((1, 3))),
            "the covariance (diagonal of 2 variances) has dimension d = 3; found dimension 2. "
            "Repair: pass one of dimension 3, or take d = 2",
        ),
        (
            lambda: PowerLaw(-1),
            "exponent (a of the power law i^(−a)) is a finite number ≥ 0; found exponent=-1. Repair: pass exponent=0.01, say",
        ),
        (lambda: Toeplitz(1), "ρ^|i−j| is positive definite: |ρ| < 1; found correlation=1. Repair: pass correlation=0.5, say"),
        (
            lambda: Dense([[1, 2], [2, 1]]),
            "Σ is positive definite; found eigenvalues from -1 to 3. Repair: add a multiple of the identity, or drop a variable",
        ),
        (lambda: Dense([[1, 1], [1, 1]]), "Σ is positive definite; found eigenvalues from"),
        (lambda: Dense([[1, 2], [0, 1]]), "Σ is symmetric; found |A − Aᵀ| up to 2. Repair: pass (A + A.T) / 2"),
        (lambda: Dense([[1, 2]]), "Σ is a finite matrix of shape (d, d); found shape (1, 2). Repair: pass numpy.eye(d), say"),
        (lambda: Dense("spike"), "Σ is a finite matrix of shape (d, d); found shape (0,). Repair: pass numpy.eye(d), say"),
        (
            lambda: structure("spike"),
            "a covariance is a structure, the vector of a diagonal, or a matrix; found 'spike'. "
            "Repair: pass Spike(3.0) or a (d, d) array, say",
        ),
    ],
)
def test_what_is_refused(build: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as raised:
        build()
    assert str(raised.value).startswith(message)


# One check of covariance matrices, used wherever one is passed.


ROWS = np.random.default_rng(3).standard_normal((8, 3))

#: Where matrices come in, by what they are called there.
DOORS: dict[str, Callable[[Any], object]] = {
    "Σ": Dense,
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
def test_one_message_everywhere(name: str, matrix: list[Any], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        DOORS[name](np.array(matrix))
    semi = "" if name in ("Σ", "cov") else "semi"
    assert str(caught.value).startswith(f"{name} is {message.replace('definite;', f'positive {semi}definite;')}")


def test_rounding_is_no_asymmetry_and_no_negative_eigenvalue() -> None:
    # A product of three factors that is symmetric and singular in exact arithmetic.
    A = np.random.default_rng(0).standard_normal((30, 5))
    product = (A * np.geomspace(1, 1e6, 5)) @ A.T
    assert np.linalg.eigvalsh(product)[0] < 0
    matrix = covariance_matrix(product, "Σ")
    assert (matrix == matrix.T).all()
    assert np.abs(matrix - product).max() <= EPS * np.abs(product).max()
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
