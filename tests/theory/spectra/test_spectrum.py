"""The 1/d corrections of the spectrum against drawn task matrices."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq.theory.spectra.spectrum import Spectrum

Array = NDArray[np.float64]
D, DRAWS = 40, 600
SIGNAL, NOISE, E, CROSS2 = 0.5, 0.4, 1.8, 0.6


def spectrum(kappa: float, gaussian: bool) -> Spectrum:
    ones = np.ones(1)
    return Spectrum(
        SIGNAL * ones, NOISE * ones, kappa * ones, ones * D / (D + 1), E * ones, CROSS2 * ones, ones * (2.0 if gaussian else 0.0)
    )


def literal_traces(xi: Array, k: float) -> dict[str, float]:
    """Every trace by its definition, from the (d+1) × (d+1) matrix of one draw of tasks."""
    d, tasks = xi.shape
    S, mean = xi @ xi.T / tasks, xi.mean(1)
    c = math.sqrt(CROSS2)
    R = np.block([[SIGNAL * S + NOISE * np.eye(d), c * mean[:, None]], [c * mean[None], np.array([[E]])]])
    T = np.diag(np.append(np.full(d, SIGNAL + NOISE), E))
    L, fresh = np.hstack([S, c / SIGNAL * mean[:, None]]), np.hstack([np.eye(d), np.zeros((d, 1))])
    G = np.linalg.inv(R + k * np.eye(d + 1))
    GRG, GTG = G @ R @ G, G @ T @ G
    return {
        "inverse": np.trace(G) / (d + 1),
        "f1": np.trace(R @ G) / (d + 1),
        "f2": np.trace(R @ GRG) / (d + 1),
        "j": np.trace(GRG) / (d + 1),
        "t1": np.trace(T @ G) / (d + 1),
        "t2": np.trace(GTG) / (d + 1),
        "m1": np.trace(L @ G @ L.T) / d,
        "m2": np.trace(L @ G @ G @ L.T) / d,
        "mt1": np.trace(L @ G @ fresh.T) / d,
        "mr2": np.trace(L @ GRG @ L.T) / d,
        "mt2": np.trace(L @ GTG @ L.T) / d,
    }


@pytest.mark.parametrize("gaussian", [True, False])
@pytest.mark.parametrize(("kappa", "k"), [(0.5, 0.3), (2.0, 0.1), (0.25, 2.0)])
def test_traces_agree_with_drawn_tasks_to_the_next_order(kappa: float, k: float, gaussian: bool) -> None:
    """600 draws at d = 40: 4.5 standard errors (66 scores: a false alarm once in 2,000 seeds) plus the next order, 2γ/d² of the value.

    The same comparison rejects most of the limit's traces, which miss terms of order 1/d.
    """
    rng = np.random.default_rng(int(100 * kappa))
    draws: dict[str, list[float]] = {}
    for _ in range(DRAWS):
        xi = rng.standard_normal((D, round(kappa * D)))
        if not gaussian:
            xi *= math.sqrt(D) / np.linalg.norm(xi, axis=0)
        for name, value in literal_traces(xi, k).items():
            draws.setdefault(name, []).append(value)
    corrected = spectrum(kappa, gaussian).traces(np.array([k]))
    limit = replace(spectrum(kappa, gaussian), bulk=np.ones(1)).traces(np.array([k]))
    rejected = 0
    for name, values in draws.items():
        exact, stderr = float(getattr(corrected, name)[0]), np.std(values, ddof=1) / math.sqrt(DRAWS)
        allowed = 4.5 * stderr + 2 / kappa / D**2 * exact
        assert abs(np.mean(values) - exact) < allowed, name
        rejected += abs(np.mean(values) - float(getattr(limit, name)[0])) > allowed
    assert rejected >= 6


def test_second_moments_are_exact() -> None:
    """E tr R² and tr RT by hand: E tr S² = d(1 + γ) + γ for Gaussian tasks, d(1 + γ) − γ on the sphere; E‖ξ̄‖² = γ."""
    for kappa in (0.5, 3.0):
        gamma = 1 / kappa
        for gaussian, extra in ((True, gamma), (False, -gamma)):
            traces = spectrum(kappa, gaussian)
            trace = SIGNAL**2 * (D * (1 + gamma) + extra) + 2 * SIGNAL * NOISE * D + NOISE**2 * D + 2 * CROSS2 * gamma + E**2
            assert abs(traces.second_moment[0] - trace / (D + 1)) < 1e-13
            assert abs(traces.overlap[0] - (D * (SIGNAL + NOISE) ** 2 + E**2) / (D + 1)) < 1e-13


@pytest.mark.parametrize("gaussian", [True, False])
def test_traces_at_large_ridge_are_the_moments(gaussian: bool) -> None:
    """k → ∞: kf₁ → ⟨r⟩, k²f₂ → ⟨r²⟩, k²t₂ → ⟨T⟩, with relative remainders of order 1/k."""
    traces, k = spectrum(0.5, gaussian), 1e9
    t = traces.traces(np.array([k]))
    mean = (D * (SIGNAL + NOISE) + E) / (D + 1)
    for value, limit in ((k * t.f1, mean), (k**2 * t.f2, traces.second_moment), (k * t.t1, mean), (k**2 * t.t2, mean)):
        assert abs(value / limit - 1) < 20 / k
