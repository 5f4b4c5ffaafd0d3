"""The symbolic ridgeless errors are the numeric ones, and have the known limits."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import sympy

from hermite_eq.errors import HypothesisError
from hermite_eq.theory.linear_limits.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

SYMBOLS = (ALPHA, KAPPA, TAU, SLOPE, SECOND_MOMENT, UNEXPLAINED)


@pytest.mark.parametrize("side", ["interpolating", "overdetermined"])
def test_closed_forms_equal_the_solved_fixed_point(side: str) -> None:
    """30 digits against double precision: a few hundred roundings, amplified by 1/|1 − τ| ≤ 10."""
    rng = np.random.default_rng(8)
    error = ridgeless(side)  # type: ignore[arg-type]
    exact = sympy.lambdify(SYMBOLS, [error.icl, error.idg, error.effective_ridge], "mpmath")
    for _ in range(40):
        alpha, kappa, slope, rest = (float(x) for x in 10 ** rng.uniform(-1, 1, 4))
        tau = float(rng.uniform(0.1, 0.9) if side == "interpolating" else 1 / rng.uniform(0.1, 0.9))
        v = slope**2 + 1.5 * rest
        errors = linear_limit(slope, rest, v, alpha, kappa, tau, 0.0)
        with mpmath.workdps(30):
            values = exact(*(mpmath.mpf(x) for x in (alpha, kappa, tau, slope, v, rest)))
        for name, value in zip(("icl", "idg", "effective_ridge"), values, strict=True):
            assert abs(float(getattr(errors, name)) - value) <= 1e-12 * abs(value), name


def test_many_samples_is_the_limit_of_tau() -> None:
    """The remainder is e₀/τ: at τ = 1e30, beyond 25 digits."""
    error = ridgeless("overdetermined")
    assert error.many_samples is not None
    both = sympy.lambdify(SYMBOLS, [error.icl - error.many_samples[0], error.idg - error.many_samples[1]], "mpmath")
    with mpmath.workdps(40):
        for difference in both(2, 0.5, mpmath.mpf(10) ** 30, 1, 1.5, 0.5):
            assert 0 < difference < mpmath.mpf(10) ** -28
    assert ridgeless("interpolating").many_samples is None


def test_both_sides_diverge_as_one_over_the_distance() -> None:
    for side, sign in (("overdetermined", 1), ("interpolating", -1)):
        icl = sympy.lambdify(SYMBOLS, ridgeless(side).icl, "mpmath")  # type: ignore[arg-type]
        with mpmath.workdps(40):
            residues = [h * icl(1, 2, 1 + sign * h, 1, 1, 0) for h in (mpmath.mpf(10) ** -8, mpmath.mpf(10) ** -12)]
        assert residues[0] > 0.1
        assert abs(residues[0] - residues[1]) < 1e-6


def test_a_wrong_side_is_refused() -> None:
    with pytest.raises(
        HypothesisError, match=r"^the side of τ = 1 is interpolating \(τ < 1\) or overdetermined \(τ > 1\); found side='left'"
    ):
        ridgeless("left")  # type: ignore[arg-type]
