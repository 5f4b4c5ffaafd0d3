"""The random-feature equivalent against drawn matrices, its reductions, and its behaviour at the ends of the parameter space."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from given_spectrum import GivenSpectrum
from numpy.typing import NDArray

from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.ridge_equivalent.linear import linear_limit
from hermite_eq.theory.ridge_equivalent.scalar import ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectra.spectrum import Spectrum


def solved(samples: ScaledSamples, spectrum: Any, tau: Array, mu: Array, ridge: Array, dimension: float) -> ErrorArrays:
    return random_head_error(samples, spectrum, tau, mu, fixed_point(samples, spectrum, tau, mu, ridge), dimension, np.ones_like(tau))


EPS = sys.float_info.epsilon
Array = NDArray[np.float64]


def nodes(*, c0: Any, c1: Any, c2: Any, residual2: Any, mean: Any, square: Any, signal: Any, tilt: Any = 0.0) -> ScaledSamples:
    values = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, float)) for x in (c0, c1, c2, residual2, mean, square, signal, tilt)))
    count = values[0].size
    return ScaledSamples(np.full((1, count), 1 / count), *(value[None, :].copy() for value in values))


ONE = {"mean": 0.4, "square": 0.51, "signal": 0.3}
TWO = {"mean": [0.3, 0.5], "square": [0.4, 0.8], "signal": [0.2, 0.4]}
HEADS = {
    "c0, c1, c2": nodes(c0=0.4, c1=0.5, c2=0.4, residual2=0.09, **ONE),
    "odd": nodes(c0=0, c1=0.6, c2=0, residual2=0.03, **ONE),
    "c0 = 0, c2 ≠ 0": nodes(c0=0, c1=0.5, c2=0.4, residual2=0.09, mean=0.6, square=0.6, signal=0.3),
    "two scales": nodes(c0=[0.3, 0.5], c1=[0.4, 0.6], c2=0.4, residual2=[0.05, 0.12], **TWO),
    "two scales, E c0 = 0": nodes(c0=[-0.1, 0.1], c1=[0.4, 0.6], c2=[0.4, 0.5], residual2=[0.1, 0.12], **TWO),
    "two directions": nodes(c0=0.4, c1=[0.4, 0.7], c2=0, residual2=[0.05, 0.12], tilt=[-0.35, 0.35], **TWO),
}
POINTS = ((0.6, 1.2, 1e-3), (1.5, 0.6, 1e-3), (1.1, 1.0, 1e-2))
D_SIDE, RUNS = 16, 60


def given_spectrum(d: int) -> GivenSpectrum:
    rng = np.random.default_rng(0)
    xi = rng.standard_normal((d, d // 2))
    s = np.linalg.eigvalsh(xi @ xi.T)
    s = np.maximum(s / s.mean(), 0)
    return GivenSpectrum(s, 0.4 * s + 0.6, np.ones(d))


def draw(samples: ScaledSamples, spectrum: GivenSpectrum, n: int, m: int, ridge: float, rng: np.random.Generator) -> tuple[float, float]:
    """(ICL, IDG) of one draw: Gaussian h of covariance I ⊗ r/D, the features written out, population errors of the fitted w exact."""
    d = spectrum.s.size
    dimension = d * d
    prob, c0, c1, c2, residual2, mean, square, signal, tilt = (x[0] for x in vars(samples).values())
    theta = rng.choice(prob.size, size=n, p=prob)
    trained = np.array([np.tile(spectrum.r + by * (spectrum.s - 1), d) / dimension for by in tilt])
    fresh = np.broadcast_to(np.tile(spectrum.fresh, d) / dimension, trained.shape)
    # m²⟨s²/(r+k)⟩ = m² Mᵀ(C + k/D)⁻¹M for M = diag(s)/√(dD).
    signals = [np.diag(x).ravel() / math.sqrt(d * dimension) for x in (spectrum.s, np.ones(d))]
    F = rng.standard_normal((dimension, m))
    h = rng.standard_normal((n, dimension)) * np.sqrt(trained[theta])
    degree2 = [(F**2).T @ C - C.sum() for C in (np.tile(spectrum.r, d) / dimension, fresh[0])]
    phi = c0[theta, None] + c1[theta, None] * (h @ F) + c2[theta, None] / 2 * degree2[0]
    phi += np.sqrt(residual2[theta, None]) * rng.standard_normal((n, m))
    beta = signals[0] / trained
    rest = square - mean**2 - signal**2 * (beta @ signals[0])
    y = mean[theta] + signal[theta] * (h * beta[theta]).sum(1) + np.sqrt(rest[theta]) * rng.standard_normal(n)
    w = np.linalg.solve(phi.T @ phi + n * ridge * np.eye(m), phi.T @ y)
    linear, errors = F @ w, []
    for C, M, q in zip((trained, fresh), signals, degree2, strict=True):
        constant = c0 * w.sum() + c2 / 2 * (q @ w)
        quadratic = c1**2 * (C @ linear**2) + residual2 * (w @ w)
        error = square - 2 * mean * constant + constant**2 - 2 * c1 * signal * (linear @ M) + quadratic
        errors.append(float(prob @ error))
    return errors[1], errors[0]


@pytest.fixture(scope="module")
def drawn() -> dict[tuple[str, tuple[float, float, float]], Array]:
    spectrum = given_spectrum(D_SIDE)
    dimension = D_SIDE**2
    return {
        (name, point): np.array(
            [draw(head, spectrum, round(point[0] * dimension), round(point[1] * dimension), point[2], np.random.default_rng((5, i)))
             for i in range(RUNS)]
        )
        for name, head in HEADS.items()
        for point in POINTS
    }  # fmt: skip


def predicted(head: ScaledSamples, point: tuple[float, float, float]) -> Array:
    dimension = D_SIDE**2
    n, m = round(point[0] * dimension), round(point[1] * dimension)
    tau, mu, ridge = np.array([n / dimension]), np.array([m / dimension]), np.array([point[2] * dimension / m])
    base, shift = given_spectrum(D_SIDE), 0.0
    # The spectrum is that of the covariance as the fit weighs it, and tilts are counted from there.
    for _ in range(20):
        spectrum, shifted = base.tilted(shift), replace(head, tilt=head.tilt - shift)
        at = fixed_point(shifted, spectrum, tau, mu, ridge)  # type: ignore[arg-type]
        weights = head.weights * head.c1**2 * at.omega
        previous, shift = shift, float((weights * head.tilt).sum() / weights.sum())
        if abs(shift - previous) < 1e-12:
            break
    error = random_head_error(shifted, spectrum, tau, mu, at, dimension, np.ones(1))  # type: ignore[arg-type]
    return np.array([error.icl[0], error.idg[0]])


def scores(head: ScaledSamples, point: tuple[float, float, float], sample: Array) -> Array:
    """Standard scores of the gap beyond 1.5/D of the value: the remainder is O(1/D), seen as 0.8/D at D = 100, 1.1/D at 256."""
    theory = predicted(head, point)
    gap = sample.mean(0) - theory
    beyond = np.sign(gap) * np.maximum(np.abs(gap) - 1.5 / D_SIDE**2 * theory, 0)
    return np.asarray(beyond / (sample.std(0, ddof=1) / math.sqrt(len(sample))))


def test_every_head_agrees_with_drawn_matrices(drawn: dict[Any, Array]) -> None:
    """36 scores, Student with RUNS − 1 degrees of freedom: |z| < 4.5 fails falsely once in 850 seeds."""
    assert max(np.abs(scores(HEADS[name], point, sample)).max() for (name, point), sample in drawn.items()) < 4.5


def power(drawn: dict[Any, Array], change: Callable[[ScaledSamples], ScaledSamples]) -> tuple[float, float]:
    """The most powerful statistic against a given wrong theory, under the right one and under the wrong one.

    Scores z and predicted shifts Δ of the scores give Σ zΔ/‖Δ‖, of variance at most 2 (ICL and IDG of one draw are correlated),
    of mean 0 under the right theory and ‖Δ‖ more under the wrong one.
    """
    right, wrong = (
        np.array([scores(theory(HEADS[name]), point, sample) for (name, point), sample in drawn.items()])
        for theory in (lambda head: head, change)
    )
    shift = wrong - right
    unit = shift / np.linalg.norm(shift)
    return float((right * unit).sum()), float((wrong * unit).sum())


@pytest.mark.parametrize(("name", "factor"), [("signal", 1.05), ("square", 1.05), ("mean", 1.05), ("c1", 1.1), ("residual2", 1.25)])
def test_drawn_matrices_tell_a_theory_with_a_wrong_coefficient(drawn: dict[Any, Array], name: str, factor: float) -> None:
    """Accepted below 4.5 (√2 × 3.2 standard deviations: once in 1,500 seeds), rejected above.

    The error depends on the head through c_*/c₁ alone once c₀ is fitted, and weakly (c₁ and c_* pull it opposite ways), hence their
    larger factors.
    """
    right, wrong = power(drawn, lambda head: replace(head, **{name: factor * getattr(head, name)}))
    assert abs(right) < 4.5 < wrong


def test_drawn_matrices_reject_a_wrong_sign_and_no_degree_two(drawn: dict[Any, Array]) -> None:
    right, wrong = power(drawn, lambda head: replace(head, signal=head.signal * np.sign(head.signal - 0.25)))
    assert abs(right) < 4.5 < wrong
    right, wrong = power(drawn, lambda head: replace(head, c2=0 * head.c2))
    assert abs(right) < 4.5 < wrong
    right, wrong = power(drawn, lambda head: replace(head, tilt=-head.tilt))
    assert abs(right) < 4.5 < wrong


def limit_spectrum(signal: Array, kappa: Array) -> Spectrum:
    return Spectrum.limit(signal, kappa)


def one_node(shape: tuple[int, ...], **values: Any) -> ScaledSamples:
    columns = {name: np.broadcast_to(np.asarray(x, float), shape)[..., None] for name, x in values.items()}
    return ScaledSamples(np.ones((*shape, 1)), **columns, tilt=np.zeros((*shape, 1)))


def test_without_residual_and_with_infinite_width_it_is_linear() -> None:
    """m = ∞ and c_* = 0 leave ridge regression on h, c₀ ≠ 0 an intercept: linear_limit, which shares no formula with it."""
    rng = np.random.default_rng(4)
    size = 1000
    alpha, kappa = 10 ** rng.uniform(-1, 2, size), 10 ** rng.uniform(-1.3, 2, size)
    kappa[:50] = np.inf
    tau = np.where(np.arange(size) % 2, rng.uniform(0.05, 0.95, size), 1 / rng.uniform(0.05, 0.95, size))
    ridge = np.where(np.arange(size) % 3, 10 ** rng.uniform(-4, 1, size), 0.0)
    a1, mean = rng.uniform(0.2, 2, size), rng.uniform(0, 1, size)
    v = a1**2 + mean**2 + rng.uniform(0.01, 1, size)
    fresh = a1**2 + v / alpha
    for c0, explained in ((0.0, 0.0), (1.0, mean**2)):
        linear = linear_limit(a1, v - a1**2 - explained, v, alpha, kappa, tau, ridge)
        samples = one_node((size,), c0=c0, c1=1.0, c2=0.0, residual2=0.0, mean=mean, square=v, signal=a1**2 / np.sqrt(fresh))
        solution = solved(samples, limit_spectrum(a1**2 / fresh, kappa), tau, np.full(size, np.inf), ridge / fresh, math.inf)
        # The engine forms v − 2β + Q, so rounding is relative to v; the threshold τ = 1 amplifies it by at most 1/|1 − τ| twice.
        allowed = 400 * EPS * v * (1 + 1 / np.abs(1 - tau)) ** 2 * (1 + 1 / tau)
        assert (np.abs(solution.icl - linear.icl) <= allowed * np.maximum(1, linear.icl / v)).all()
        assert (np.abs(solution.idg - linear.idg) <= allowed * np.maximum(1, linear.idg / v)).all()
        assert np.abs(solution.effective_ridge * fresh - linear.effective_ridge).max() <= 1e-9 * (1 + linear.effective_ridge.max())


def test_samples_and_features_enter_symmetrically() -> None:
    """(c₁²k(μ − f₁) − c_*²)(c₁²k(τ − f₁) − c_*²) = λ_sτc₁²k: exchanging τ and μ (with λ_sτ fixed) keeps k."""
    rng = np.random.default_rng(6)
    shape = (200,)
    tau, mu = 10 ** rng.uniform(-1, 1, shape), 10 ** rng.uniform(-1, 1, shape)
    ridge = 10 ** rng.uniform(-4, 1, shape)
    samples = one_node(shape, c0=0.3, c1=0.5, c2=0.1, residual2=0.1, mean=0.3, square=1.0, signal=0.4)
    spectrum = limit_spectrum(np.full(shape, 0.4), 10 ** rng.uniform(-1, 1, shape))
    first = solved(samples, spectrum, tau, mu, ridge / tau / mu, math.inf).effective_ridge
    second = solved(samples, spectrum, mu, tau, ridge / mu / tau, math.inf).effective_ridge
    f1 = spectrum.traces(first).f1
    product = (0.25 * first * (mu - f1) - 0.1) * (0.25 * first * (tau - f1) - 0.1)
    scale = (0.25 * first * (mu + f1) + 0.1) * (0.25 * first * (tau + f1) + 0.1)
    assert (np.abs(first - second) <= 1e3 * EPS * first * (1 + scale / (ridge * 0.25 * first))).all()
    assert (np.abs(product - ridge * 0.25 * first) <= 1e3 * EPS * scale).all()


def extreme(size: int, node_count: int) -> tuple[ScaledSamples, Spectrum, Array, Array, Array]:
    rng = np.random.default_rng(12)
    shape = (size, node_count)
    spread = 1 + 0.2 * rng.standard_normal(shape) * (node_count > 1)
    residual2 = np.where(rng.random(size) < 0.15, 0.0, 10 ** rng.uniform(-10, 4, size))[:, None] * spread**2
    c1 = np.where((rng.random(size) < 0.1) & (residual2[:, 0] > 0), 0.0, 10 ** rng.uniform(-4, 2, size))[:, None] * np.abs(spread)
    c0 = np.where(rng.random(size) < 0.3, 0.0, rng.normal(size=size))[:, None] * spread
    c2 = np.sqrt(residual2) * rng.uniform(0, 1, size)[:, None]
    mean, signal = rng.normal(size=size)[:, None] * spread, rng.uniform(0, 1, size)[:, None] * spread
    kappa = np.where(rng.random(size) < 0.1, np.inf, 10 ** rng.uniform(-5, 5, size))
    p = np.where(rng.random(size) < 0.1, 0.0, rng.uniform(0, 1, size))
    square = mean**2 + signal**2 * (2 + 2 / kappa[:, None]) / (1 - p[:, None]) + 10 ** rng.uniform(-8, 1, size)[:, None]
    samples = ScaledSamples(np.full(shape, 1 / node_count), c0, c1, c2, residual2, mean, square, signal, np.zeros(shape))
    tau, mu = 10 ** rng.uniform(-6, 6, size), 10 ** rng.uniform(-6, 6, size)
    mu[::7] = tau[::7] * (1 + 10 ** rng.uniform(-9, -1, tau[::7].size))
    mu[1::11] = np.inf
    ridge = np.where(rng.random(size) < 0.3, 0.0, 10 ** rng.uniform(-14, 6, size))
    return samples, limit_spectrum(p, kappa), tau, mu, ridge


@pytest.mark.parametrize("node_count", [1, 5])
def test_every_admissible_point_is_solved(node_count: int) -> None:
    samples, spectrum, tau, mu, ridge = extreme(2000, node_count)
    solution = solved(samples, spectrum, tau, mu, ridge, math.inf)
    for name, values in vars(solution).items():
        assert not np.isnan(values).any(), name
    assert (solution.icl > 0).all()
    assert (solution.idg > 0).all()
    assert solution.fixed_point_residual.max() < 64 * EPS


def test_m_equal_to_n_diverges_without_ridge() -> None:
    samples = one_node((3,), c0=0.3, c1=0.5, c2=0.1, residual2=0.1, mean=0.3, square=1.0, signal=0.4)
    spectrum = limit_spectrum(np.full(3, 0.4), np.full(3, 0.5))
    solution = solved(samples, spectrum, np.full(3, 1.5), np.array([1.5 - 1e-7, 1.5, 1.5 + 1e-7]), np.zeros(3), math.inf)
    assert np.isinf(solution.icl[1])
    assert np.isinf(solution.idg[1])
    assert np.isfinite(solution.icl[[0, 2]]).all()
    assert (solution.icl[[0, 2]] > 1e4).all()


def test_n_equal_to_the_directions_diverges_at_every_d() -> None:
    """The ratio n/D at n = D as the theory at finite d computes it; one sample more or less does not interpolate."""
    d = np.arange(8, 61)
    for more in (-1, 0, 1):
        tau = (d * (d + 1) + more) / d**2 * (d / (d + 1))
        samples = one_node(d.shape, c0=0.3, c1=0.5, c2=0.0, residual2=0.0, mean=0.3, square=1.0, signal=0.4)
        spectrum = limit_spectrum(np.full(d.size, 0.4), np.full(d.size, 0.5))
        assert (fixed_point(samples, spectrum, tau, np.full(d.size, np.inf), np.zeros(d.size)).interpolates == (more == 0)).all()


def test_a_head_without_linear_part_leaves_noise_features() -> None:
    """c₁ = 0, λ = 0: regression on m pure noise features. The error is E y² − c₀² (c₀ fitted) over 1 − min(τ, μ)/max(τ, μ)."""
    tau, mu = np.array([0.5, 2.0, 3.0]), np.array([2.0, 0.5, 4.0])
    samples = one_node((3,), c0=0.3, c1=0.0, c2=0.1, residual2=0.1, mean=0.3, square=1.0, signal=0.4)
    solution = solved(samples, limit_spectrum(np.full(3, 0.4), np.full(3, 0.5)), tau, mu, np.zeros(3), math.inf)
    exact = (1 - 0.09) / (1 - np.minimum(tau, mu) / np.maximum(tau, mu))
    # c₁ is set to 1e-10 c_*, and only its square and the product with the signal (1e-10·O(1)) enter.
    assert np.abs(solution.icl / exact - 1).max() < 1e-9
    assert np.abs(solution.idg / exact - 1).max() < 1e-9
