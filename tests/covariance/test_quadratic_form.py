"""Averages over quadratic forms and directions: against closed forms, products of one-dimensional rules, and each other."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import scipy.integrate
import sympy

from derivations.contexts import effective_dimension, quadratic_form_law, structured_covariance
from hermite_eq.covariance import ENTRIES
from hermite_eq.covariance.task_laws.direction import direction_nodes
from hermite_eq.covariance.task_laws.quadratic_form import FormNodes, group_nodes, groups

EPS = np.finfo(float).eps
#: Eigenvalues, shifts, and a level from which the sums are at rounding.
FORMS = {
    "one": ([1.0], [0.0], 2),
    "isotropic": ([1.0] * 12, [0.0] * 12, 1),
    "power law": ((np.arange(1.0, 13) ** -2).tolist(), [0.0] * 12, 3),
    "spread over eight decades": ((10.0 ** -np.arange(9)).tolist(), [0.0] * 9, 4),
    "noncentral": ([0.3, 1.0, 2.5], [1.5, -0.4, 2.0], 2),
    "far from central": ([1.0, 2.0], [20.0, 20.0], 2),
    "a mild spike": ([15.0] + [1.0] * 10, [0.3] * 11, 3),
}


def _second(nodes: FormNodes, weights: np.ndarray) -> np.ndarray:
    diagonal = np.diag(weights @ nodes.spread)
    return diagonal if nodes.outer is None else diagonal + np.tensordot(weights, nodes.outer, axes=1)


@pytest.mark.parametrize("name", FORMS)
def test_polynomials_have_their_exact_moments(name: str) -> None:
    values, shifts, level = (np.array(part) for part in FORMS[name])
    nodes = group_nodes(values, shifts, int(level))
    n, mean = len(values), float(np.sum(values * (1 + shifts**2)))
    variance = float(np.sum(2 * values**2 * (1 + 2 * shifts**2)))
    ones = np.ones_like(nodes.q)
    # E Q z = 2λδ, E Q zzᵀ = E[Q] I + 2 diag λ.
    pairs = [
        (nodes.mass.sum(), 1.0),
        (nodes.q @ nodes.mass, mean),
        (nodes.q**2 @ nodes.mass, mean**2 + variance),
        (ones @ nodes.first, np.zeros(n)),
        (nodes.q @ nodes.first / mean, 2 * values * shifts / mean),
        (_second(nodes, ones), np.eye(n)),
        (_second(nodes, nodes.q) / mean, np.eye(n) + 2 * np.diag(values) / mean),
    ]
    for computed, expected in pairs:
        size = max(1.0, float(np.abs(expected).max()))
        # Sums of some hundred terms whose exponents are rounded at their own size: e^{K − sq} with K, sq up to 20² for far shifts.
        tolerance = 1000 * EPS * (1 + float((shifts**2).max()))
        assert np.abs(computed - expected).max() < tolerance * size


def test_gamma_laws_have_closed_forms() -> None:
    # E e^{−Q} = (1 + 2λ)^{−n/2}, E Q^{−1} = 1/(λ(n − 2)); with z_i²: n + 2 in place of n, over n λ for the size bias.
    n, lam = 7, 1.3
    nodes = group_nodes(np.full(n, lam), np.zeros(n), 2)
    assert np.exp(-nodes.q) @ nodes.mass == pytest.approx((1 + 2 * lam) ** (-n / 2), rel=200 * EPS)
    assert (1 / nodes.q) @ nodes.mass == pytest.approx(1 / (lam * (n - 2)), rel=200 * EPS)
    assert (np.exp(-nodes.q) @ nodes.spread)[3] == pytest.approx((1 + 2 * lam) ** (-n / 2 - 1), rel=200 * EPS)
    # Forgetting the size bias would give the first in place of the last, three times as much.
    assert abs(np.exp(-nodes.q) @ nodes.mass / (np.exp(-nodes.q) @ nodes.spread)[3] - 1) > 0.05


def test_a_spike_far_above_the_rest_is_a_group_of_its_own() -> None:
    values = np.array([6400.0] + [1.0] * 79)
    split = groups(values, np.zeros(80))
    assert [len(group) for group in split] == [1, 79]
    # Levels without a narrow rest stay together: they would be as many groups as levels.
    assert [len(group) for group in groups(np.asarray(10.0 ** -np.arange(9), dtype=float), np.zeros(9))] == [9]
    spike, rest = (group_nodes(values[group], np.zeros(len(group)), 3) for group in split)

    def given(z: float) -> float:
        """E 1/√(1 + Q) given the spike's z, times the density of z."""
        return float(rest.mass @ (1 / np.sqrt(1 + 6400 * z * z + rest.q))) * 2 * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)

    reference = scipy.integrate.quad(given, 0, 9, points=[0.05, 0.2, 1, 3], epsabs=0, epsrel=1e-12, limit=200)[0]
    product = spike.mass @ (1 / np.sqrt(1 + np.add.outer(spike.q, rest.q))) @ rest.mass
    assert product == pytest.approx(reference, rel=1e-10)


def test_directions_in_three_dimensions() -> None:
    # u = (√(1−c²)cos t, √(1−c²)sin t, c) uniform on the sphere; Legendre in c, trapezoid in t.
    # The direction of N(0, Ω) has the density ∝ (uᵀΩ⁻¹u)^{−3/2} there.
    rng = np.random.default_rng(1)
    gamma, root = rng.standard_normal(3), rng.standard_normal((3, 3)) + 2 * np.eye(3)
    sigma = np.eye(3) + np.outer(gamma, gamma)
    c, weight = np.polynomial.legendre.leggauss(100)
    t = 2 * np.pi * np.arange(200) / 200
    ring = np.sqrt(1 - c**2)
    u = np.stack([np.outer(ring, np.cos(t)), np.outer(ring, np.sin(t)), np.outer(c, np.ones_like(t))], axis=-1).reshape(-1, 3)
    w = np.repeat(weight, 200) * np.einsum("ni,ij,nj->n", u, np.linalg.inv(root @ root.T), u) ** -1.5
    values = w / w.sum() / (1 + np.einsum("ni,ij,nj->n", u, sigma, u))
    direct = np.einsum("n,ni,nj->ij", values, u, u)
    nodes = direction_nodes(sigma, root, 5)
    mean = np.tensordot(1 / (1 + nodes.rho), nodes.second, axes=1)
    # 100 × 200 nodes resolve these densities to 1e-10; a tenth of that is rounding of the eigenvectors.
    assert np.abs(mean - direct).max() < 1e-9 * np.abs(direct).max()
    assert np.abs(1.05 * mean - direct).max() > 1e-2 * np.abs(direct).max()


@pytest.mark.parametrize("strength", [3.0, 300.0])
def test_a_spike_of_the_inputs_has_a_beta_law(strength: float) -> None:
    # R = 1 + θB, B ~ Beta(½, (d−1)/2); E (R − 1) = θ/d, E (R − 1)² = 3θ²/(d(d+2)), E[(R − 1)u₁²] = 3θ/(d(d+2)).
    d = 20
    sigma = np.eye(d)
    sigma[0, 0] += strength
    nodes = direction_nodes(sigma, np.eye(d), 5)
    gap = nodes.rho - 1
    tolerance = 1e-11
    assert nodes.mass.sum() == pytest.approx(1, rel=tolerance)
    assert gap @ nodes.mass == pytest.approx(strength / d, rel=tolerance)
    assert gap**2 @ nodes.mass == pytest.approx(3 * strength**2 / (d * (d + 2)), rel=tolerance)
    assert gap @ nodes.second[:, 0, 0] == pytest.approx(3 * strength / (d * (d + 2)), rel=tolerance)
    assert gap @ nodes.second[:, 1, 1] == pytest.approx(strength / (d * (d + 2)), rel=tolerance)


def test_a_graded_pencil_is_diagonalised_to_relative_accuracy() -> None:
    # Spikes of inputs and tasks in different directions: R reaches its lower end by a square root, ρ − 1 down to e^{−80}.
    d = 12
    sigma, omega = np.eye(d), np.eye(d)
    sigma[0, 0] += 6.0
    gamma = np.ones(d) / math.sqrt(d)
    omega += 9.0 * np.outer(gamma, gamma)
    coarse, fine = (direction_nodes(sigma, np.asarray(np.linalg.cholesky(omega), dtype=float), level) for level in (4, 5))
    assert fine.mass.sum() == pytest.approx(1, rel=1e-11)
    # E[R] = tr Σ E[uuᵀ]: two different contractions of the same nodes.
    assert fine.rho @ fine.mass == pytest.approx(float(np.sum(sigma * fine.second.sum(axis=0))), rel=1e-11)
    np.testing.assert_allclose(coarse.second.sum(axis=0), fine.second.sum(axis=0), atol=1e-11)


def _with_a_wrong_sign(name: str) -> Any:
    return structured_covariance.check({**ENTRIES, name: -ENTRIES[name]})


DERIVATIONS: dict[str, Callable[[], Any]] = {
    "tilted mean of the wrong sign": lambda: quadratic_form_law.check(mean=lambda m: -m),
    "second moments 5 % off": lambda: quadratic_form_law.check(bias=1.05),
    "Stein's 2 5 % off": lambda: effective_dimension.check(factor=sympy.Rational(21, 20)),
    "a word of the wrong sign": lambda: effective_dimension.check(words=lambda values: {**values, "1": -values["1"]}),
    "a normalised word of the wrong sign": lambda: effective_dimension.check(unit_words=lambda values: {**values, "t": -values["t"]}),
    "a normalised word 5 % off": lambda: effective_dimension.check(unit_words=lambda values: {**values, "0": 21 * values["0"] / 20}),
    "a word 5 % off": lambda: effective_dimension.check(words=lambda values: {**values, "0": 21 * values["0"] / 20}),
    **{f"{name} of the wrong sign": partial(_with_a_wrong_sign, name) for name in ENTRIES},
}


@pytest.mark.parametrize("what", DERIVATIONS)
def test_a_wrong_sign_or_factor_fails(what: str) -> None:
    assert not all(step.holds for step in DERIVATIONS[what]())
