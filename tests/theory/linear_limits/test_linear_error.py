"""The linear Transformer's error against published closed forms, and against its definition in multiple precision."""

from __future__ import annotations

import sys

import mpmath
import numpy as np
import pytest

from hermite_eq.theory.prediction import ErrorArrays
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

EPS = sys.float_info.epsilon
# One relative rounding of τ moves the ridgeless errors by 1/|1 − τ| of it; the rest is a few dozen operations.
ROUNDINGS = 200


def _allowed(tau: float) -> float:
    return ROUNDINGS * EPS * (1 + 1 / abs(1 - tau))


def published_icl(alpha: float, kappa: float, tau: float, rho: float) -> mpmath.mpf:
    """Ridgeless ICL error for a linear target, arXiv 2405.11751: q* = (1+ρ)/α, m* = M_κ(q*), μ* = q* M_{κ/τ}(q*)."""
    alpha, kappa, tau, rho = (mpmath.mpf(x) for x in (alpha, kappa, tau, rho))

    def m(x: mpmath.mpf, ratio: mpmath.mpf) -> mpmath.mpf:
        b = x + 1 - 1 / ratio
        return 2 / (b + mpmath.sqrt(b * b + 4 * x / ratio))

    q = (1 + rho) / alpha
    if tau < 1:
        mu = q * m(q, kappa / tau)
        return tau * (1 + q) / (1 - tau) * (1 - tau * (1 - mu) ** 2 + mu * (rho / q - 1)) - 2 * tau * (1 - mu) + 1 + rho
    star, slope = m(q, kappa), mpmath.diff(lambda x: m(x, kappa), q)
    bracket = 1 - 2 * q * star - q * q * slope + (rho + q - q * q * star) * star / (tau - 1)
    return (q + 1) * bracket - 2 * (1 - q * star) + 1 + rho


def by_definition(
    a1: float, v: float, fitted: float, alpha: float, kappa: float, tau: float, ridge: float, guess: float
) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """(q, e_ICL, e_IDG) from v − 2⟨a₁⁴s²/(R+q)⟩ + … with R = a₁²s + v/α, in 60 digits; q by secant steps from ``guess``."""
    with mpmath.workdps(60):
        a2, v, fitted, alpha, kappa, tau, ridge = (mpmath.mpf(x) for x in (a1 * a1, v, fitted, alpha, kappa, tau, ridge))
        a2 = mpmath.mpf(a1) ** 2
        gamma, w = 1 / kappa, v / alpha / a2

        def inverse(z: mpmath.mpf) -> mpmath.mpf:
            b = z + 1 - gamma
            return 2 / (b + mpmath.sqrt(b * b + 4 * gamma * z)) if gamma else 1 / (1 + z)

        def fixed_point(q: mpmath.mpf) -> mpmath.mpf:
            z = (v / alpha + q) / a2
            return q - ridge - q / tau * (1 - q / a2 * inverse(z))

        if ridge == 0 and tau > 1:
            q = mpmath.mpf(0)
        else:
            q = mpmath.findroot(fixed_point, (mpmath.mpf(guess), mpmath.mpf(guess) * (1 + mpmath.mpf(10) ** -12)), tol=1e-80)
        z = (v / alpha + q) / a2
        g, g2 = inverse(z), -mpmath.diff(inverse, z)
        # ⟨sⁱ/(s+z)ʲ⟩ by polynomial division.
        s1, s2_1 = 1 - z * g, 1 - z + z * z * g
        s1_2, s2_2 = g - z * g2, 1 - 2 * z * g + z * z * g2
        s3_2 = 1 - 2 * z + 3 * z * z * g - z**3 * g2
        r_inverse2 = (s1_2 + w * g2) / a2
        e0 = v - fitted - 2 * a2 * s2_1 + a2 * (s3_2 + w * s2_2)
        idg = e0 / (1 - (s2_2 + 2 * w * s1_2 + w * w * g2) / tau)
        icl = v - fitted - 2 * a2 * s1 + a2 * (1 + w) * s2_2 + a2 * (1 + w) * r_inverse2 * idg / tau
        return q, icl, idg


def random_points(count: int, seed: int) -> list[dict[str, float]]:
    rng = np.random.default_rng(seed)
    points = []
    for n in range(count):
        tau = float(rng.uniform(0.02, 0.98) if n % 2 else 1 / rng.uniform(0.02, 0.98))
        points.append(
            {
                "alpha": float(10 ** rng.uniform(-1, 2)),
                "kappa": np.inf if n % 10 == 0 else float(0.05 * 10 ** rng.uniform(0, 3)),
                "tau": tau,
                "rho": float(10 ** rng.uniform(-3, 0)),
            }
        )
    return points


def test_ridgeless_icl_is_published_closed_form_at_1000_points() -> None:
    points = random_points(1000, 0)
    columns = {name: np.array([point[name] for point in points]) for name in points[0]}
    error = linear_limit(1.0, columns["rho"], 1 + columns["rho"], columns["alpha"], columns["kappa"], columns["tau"], 0.0).icl
    with mpmath.workdps(40):
        for point, value in zip(points, error, strict=True):
            if np.isfinite(point["kappa"]):
                exact = published_icl(**point)
                assert abs(value - exact) <= min(1e-10, _allowed(point["tau"])) * exact, point


def test_ridgeless_idg_is_the_published_closed_form() -> None:
    """τ/(τ−1)·(ρ + q*(1 − q*m*)), arXiv 2405.11751."""
    for point in random_points(400, 1):
        if point["tau"] > 1 and np.isfinite(point["kappa"]):
            alpha, kappa, tau, rho = (mpmath.mpf(point[name]) for name in ("alpha", "kappa", "tau", "rho"))
            q = (1 + rho) / alpha
            b = q + 1 - 1 / kappa
            exact = tau / (tau - 1) * (rho + q * (1 - 2 * q / (b + mpmath.sqrt(b * b + 4 * q / kappa))))
            error = linear_limit(1.0, rho, 1 + rho, alpha, kappa, tau, 0.0).idg
            assert abs(error - exact) <= _allowed(point["tau"]) * exact, point


def in_the_stieltjes_transform(
    alpha: float, kappa: float, tau: float, rho: float, ridge: float
) -> tuple[mpmath.mpf, mpmath.mpf, mpmath.mpf]:
    """(ξ, e_ICL, e_IDG) for the identity in the variables of arXiv 2405.11751, at any τ, κ and λ.

    ξM_κ(q*+ξ) − τλ/ξ = 1 − τ, q* = (1+ρ)/α: with m = M_κ(q*+ξ) = ((1−τ)ξ + τλ)/ξ² in the quadratic of m, γzm² + (z+1−γ)m − 1 = 0,
    z = q*+ξ, ξ is a positive root of a quartic with m > 0, which is the one root. Both errors are then rational in (ξ, m), as
    m' = −(γm² + m)/(2γzm + z + 1 − γ). For λ = 0 < τ − 1, ξ = 0 and m = M_κ(q*).
    """
    alpha, kappa, tau, rho, ridge = (mpmath.mpf(x) for x in (alpha, kappa, tau, rho, ridge))
    star, gamma = (1 + rho) / alpha, 1 / kappa
    if ridge == 0 and tau > 1:
        xi, b = mpmath.mpf(0), star + 1 - gamma
        m = 2 / (b + mpmath.sqrt(b * b + 4 * gamma * star))
    else:
        line = [1 - tau, tau * ridge]
        square = [line[0] ** 2, 2 * line[0] * line[1], line[1] ** 2]
        quartic = [mpmath.mpf(0)] * 5
        # γ(ξ + q*)·line² + (ξ + q* + 1 − γ)·ξ²·line − ξ⁴, highest power first.
        for i, c in enumerate(square):
            quartic[i + 1] += gamma * c
            quartic[i + 2] += gamma * star * c
        for i, c in enumerate(line):
            quartic[i] += c
            quartic[i + 1] += (star + 1 - gamma) * c
        quartic[0] -= 1
        start = [float(r.real) for r in np.roots([float(c) for c in quartic]) if r.real > 0 and abs(r.imag) < 1e-3 * abs(r)]
        roots = []
        for guess in start:
            root = mpmath.mpf(guess)
            for _ in range(60):
                value, slope = mpmath.polyval(quartic, root, derivative=True)
                step = value / slope
                root -= step
                if abs(step) < mpmath.mpf(10) ** -35 * abs(root):
                    break
            if root > 0 and line[0] * root + line[1] > 0:
                roots.append(root)
        xi = roots[0]
        assert all(abs(root / xi - 1) < 1e-25 for root in roots)
        m = (line[0] * xi + line[1]) / xi**2
    z = star + xi
    slope = -(gamma * m**2 + m) / (2 * gamma * z * m + z + 1 - gamma)
    # ⟨R²/(R+ξ)²⟩ = 1 − 2ξm − ξ²m'; e₀ = ρ + z²⟨s/(s+z)²⟩ + q*⟨s²/(s+z)²⟩.
    idg = (rho + z**2 * (m + z * slope) + star * (1 - 2 * z * m - z**2 * slope)) * tau / (tau - 1 + 2 * xi * m + xi**2 * slope)
    bias = rho - z**2 * slope + star * (1 - 2 * z * m - z**2 * slope)
    return xi, bias + (1 + star) * (m + xi * slope) * idg / tau, idg


@pytest.mark.parametrize("ridgeless", [True, False])
def test_a_second_formula_for_both_errors_at_1000_points(ridgeless: bool) -> None:
    """ICL and IDG, τ on both sides of 1, κ from 0.05 to ∞, with and without ridge: 1e-10 relative or better."""
    points = random_points(1000, 5)
    ridges = np.zeros(1000) if ridgeless else 10 ** np.random.default_rng(6).uniform(-6, 1, 1000)
    columns = {name: np.array([point[name] for point in points]) for name in points[0]}
    error = linear_limit(1.0, columns["rho"], 1 + columns["rho"], columns["alpha"], columns["kappa"], columns["tau"], ridges)
    with mpmath.workdps(50):
        for n, point in enumerate(points):
            xi, icl, idg = in_the_stieltjes_transform(**point, ridge=ridges[n])
            allowed = min(1e-10, _allowed(point["tau"]))
            assert abs(error.icl[n] - icl) <= allowed * icl, (point, ridges[n])
            assert abs(error.idg[n] - idg) <= allowed * idg, (point, ridges[n])
            assert abs(error.effective_ridge[n] - xi) <= allowed * xi, (point, ridges[n])


@pytest.mark.parametrize("ridgeless", [True, False])
def test_any_target_and_ridge_is_the_definition_in_60_digits(ridgeless: bool) -> None:
    rng = np.random.default_rng(7)
    for point in random_points(150, 2):
        a1, beyond, mean = rng.uniform(0.1, 2), rng.uniform(0, 1) + point["rho"], rng.uniform(0, 1)
        v = a1**2 + beyond + mean**2
        ridge = 0.0 if ridgeless else float(10 ** rng.uniform(-6, 1))
        for intercept in (False, True):
            unexplained = beyond if intercept else v - a1**2
            error = linear_limit(a1, unexplained, v, point["alpha"], point["kappa"], point["tau"], ridge)
            q, icl, idg = by_definition(
                a1,
                v,
                v - a1**2 - unexplained,
                point["alpha"],
                point["kappa"],
                point["tau"],
                ridge,
                float(error.effective_ridge),
            )
            # v − a₁² and v − c₀² are rounded once by the caller, hence v/e in the allowance.
            for value, exact in ((error.icl, icl), (error.idg, idg)):
                assert abs(value - exact) <= min(1e-10, _allowed(point["tau"])) * max(exact, v), (point, ridge)
            assert abs(error.effective_ridge - q) <= _allowed(point["tau"]) * q


def test_a_coefficient_five_per_cent_off_or_negated_is_seen() -> None:
    """The comparison above has the power to reject: each of these differs from the closed form by far more than is allowed."""
    for point in random_points(40, 3):
        exact = float(published_icl(**{**point, "kappa": min(point["kappa"], 1e6)}))
        rho, alpha, kappa, tau = point["rho"], point["alpha"], min(point["kappa"], 1e6), point["tau"]
        wrong = {
            "slope": linear_limit(1.05, rho, 1 + rho, alpha, kappa, tau, 0.0),
            "noise": linear_limit(1.0, 1.05 * rho, 1 + rho, alpha, kappa, tau, 0.0),
            "second moment": linear_limit(1.0, rho, 1.05 * (1 + rho), alpha, kappa, tau, 0.0),
            "sign of the unexplained part": linear_limit(1.0, -rho, 1 + rho, alpha, kappa, tau, 0.0),
        }
        for name, error in wrong.items():
            assert abs(error.icl - exact) > 1e-6 * exact, (name, point)


def test_the_task_gap_has_the_published_phase_transition() -> None:
    """τ → ∞, then α → ∞: e_ICL − e_IDG → 1 − κ for κ < 1 and 0 for κ > 1, with a remainder of order 1/α or smaller."""
    for kappa in (0.2, 0.7, 1.5, 4.0):
        remainders = []
        for alpha in (1e2, 1e3, 1e4):
            error = linear_limit(1.0, 0.1, 1.1, alpha, kappa, 1e14, 0.0)
            remainders.append(abs(float(error.icl - error.idg) - max(0.0, 1 - kappa)))
        assert remainders[1] < remainders[0] / 9
        assert remainders[2] < remainders[1] / 9


def extreme_points(count: int) -> ErrorArrays:
    rng = np.random.default_rng(11)
    a1 = np.where(rng.random(count) < 0.1, 0.0, 10 ** rng.uniform(-6, 3, count))
    rest = 10 ** rng.uniform(-12, 3, count)
    kappa = np.where(rng.random(count) < 0.1, np.inf, 10 ** rng.uniform(-6, 6, count))
    tau = 10 ** rng.uniform(-8, 8, count)
    tau[: count // 4] = 1 + 10 ** rng.uniform(-12, -1, count // 4) * rng.choice([-1, 1], count // 4)
    ridge = np.where(rng.random(count) < 0.3, 0.0, 10 ** rng.uniform(-14, 6, count))
    return linear_limit(a1, rest, a1**2 + rest, 10 ** rng.uniform(-6, 6, count), kappa, tau, ridge)


def test_every_point_has_a_positive_error_and_a_fixed_point() -> None:
    error = extreme_points(4000)
    assert np.isfinite(error.icl).all()
    assert (error.icl > 0).all()
    assert (error.idg > 0).all()
    assert (error.variance >= 0).all()
    assert (error.effective_ridge >= 0).all()
    assert ((error.dof >= 0) & (error.dof <= 1 + 16 * EPS)).all()
    # The last step of the root finder is 2 units of rounding of q, times the slope of the equation, at most 1 + τ.
    assert error.fixed_point_residual.max() <= 16 * EPS


def test_interpolation_is_infinite_and_its_neighbourhood_is_not() -> None:
    error = linear_limit(1.0, 0.01, 1.01, 1.0, 0.5, [1 - 1e-9, 1.0, 1 + 1e-9], 0.0)
    assert np.isinf(error.icl[1])
    assert np.isinf(error.idg[1])
    assert np.isfinite(error.icl[[0, 2]]).all()
    assert (error.icl[[0, 2]] > 1e8).all()
