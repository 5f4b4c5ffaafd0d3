r"""Features in single precision: what it changes, bounded from what was computed.

Write u = 2⁻²⁴, and A for the features in double precision. A feature is σ of a sum of D = d(d+1) products, whose factors
were rounded to u relatively (h as a product of two rounded numbers; F once more by its scale), so that in the worst case

    |δz_ij| ≤ (D + 8) u Σ_k |h_ik| |F_kj|,      |δA_ij| ≤ L |δz_ij| + u |A_ij|,       L = 1 the Lipschitz constant.     (1)

With S = AᵀA + πI, r = y − Aw and to first order δw = S⁻¹(δAᵀr − AᵀδA w), the prediction for a test row a changes by
δa·w + a·δw, and the mean square e of the test residuals by at most

    2 √e q + q²,      q = ‖δA_test w‖/√n + ‖A_test S⁻¹‖ ‖δAᵀr‖/√n + ‖A_test S⁻¹Aᵀ‖ ‖δA w‖/√n,                          (2)

n test contexts. (1) is checked for the δA which occurs, (2) with it; doubled for what is of second order.
"""

from __future__ import annotations

import numpy as np
import pytest

from hermite_eq import RandomTransformer, Sizes, Task
from hermite_eq.simulate import icl_error
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.features import first_layer

TASK = Task("relu", noise=0.05)
SIZES = Sizes.from_ratios(12, alpha=1, kappa=0.5, tau=2, mu=1)
RIDGE, TEST = 0.1, 500


def rounded_layer(seed, d, hidden, trace, dtype):
    """F of double precision, rounded: the streams of the two precisions differ."""
    return first_layer(seed, d, hidden, trace, np.float64).astype(dtype)


def features(activation, layer, contexts):
    return activation(contexts.h(dtype=layer.dtype.type) @ layer.T)


@pytest.fixture(params=["relu", "tanh"])
def head(request):
    return RandomTransformer(request.param, RIDGE)


def test_features_are_within_the_worst_case(head):
    draw = draw_run(TASK, SIZES, TEST, True, np.float64, child_seeds(3, range(1))[0])
    exact = features(head.activation, draw.layer, draw.training)
    found = features(head.activation, draw.layer.astype(np.float32), draw.training)
    u, width = 2.0**-24, SIZES.d * (SIZES.d + 1)
    limit = (width + 8) * u * (np.abs(draw.training.h()) @ np.abs(draw.layer.T)) + u * np.abs(exact)
    assert found.dtype == np.float32
    assert (np.abs(found - exact) <= limit).all()
    # The root mean square is smaller by about √D, rounding errors being of both signs; above u it is, since F and h are rounded.
    assert u * np.abs(exact).mean() / 10 < np.sqrt(np.mean((found - exact) ** 2)) < 3 * u * np.sqrt(width)


def test_change_of_the_errors_is_within_the_bound(head, monkeypatch):
    monkeypatch.setattr("hermite_eq.simulate.training.draw.first_layer", rounded_layer)
    double, single = (icl_error(head, TASK, SIZES, runs=2, rng=3, test=TEST, precision=p) for p in ("double", "single"))
    for run, seed in enumerate(child_seeds(3, range(2))):
        draw = draw_run(TASK, SIZES, TEST, True, np.float64, seed)
        rounded = draw.layer.astype(np.float32)
        a = features(head.activation, draw.layer, draw.training)
        da = features(head.activation, rounded, draw.training) - a
        inverse = np.linalg.inv(a.T @ a + RIDGE * SIZES.samples / SIZES.d * np.eye(SIZES.hidden))
        w = inverse @ (a.T @ draw.training.y)
        residual = draw.training.y - a @ w
        for contexts, one, other in (
            (draw.fresh, double.icl_runs[run], single.icl_runs[run]),
            (draw.again, double.idg_runs[run], single.idg_runs[run]),
        ):
            tested = features(head.activation, draw.layer, contexts)
            change = features(head.activation, rounded, contexts) - tested
            assert one == pytest.approx(np.mean((contexts.y - tested @ w) ** 2), rel=1e-9)
            q = np.linalg.norm(change @ w)
            q += np.linalg.norm(tested @ inverse, 2) * np.linalg.norm(da.T @ residual)
            q += np.linalg.norm(tested @ inverse @ a.T, 2) * np.linalg.norm(da @ w)
            q /= np.sqrt(TEST)
            limit = 2 * (2 * np.sqrt(one) * q + q**2)
            assert limit < 1e-4 * one, "a bound which says little"
            assert 0 < abs(one - other) <= limit


def test_the_law_does_not_depend_on_the_precision(head):
    # Different draws of F: two-sample z, |z| < 5 is a false alarm with probability 5.7e-7 for each of the two errors.
    single, double = (icl_error(head, TASK, SIZES, runs=40, rng=3, test=TEST, precision=p) for p in ("single", "double"))
    for one, other in ((single.icl, double.icl), (single.idg, double.idg)):
        assert abs(one.mean - other.mean) < 5 * np.hypot(one.stderr, other.stderr)
