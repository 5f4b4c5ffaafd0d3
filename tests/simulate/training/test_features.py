"""Features of heads, block by block, against the models as they are called."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from hermite_eq import HypothesisError, LinearTransformer, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.activations import Activation
from hermite_eq.simulate import Contexts, contexts, icl_error
from hermite_eq.simulate.sampler import child_seeds
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.features import LinearRows, StoredRows, feature_blocks, first_layer
from hermite_eq.simulate.training.heads import HeadKind

Array = NDArray[np.float64]

TASK, TRACE = Task("relu", noise=0.1), 5.0
EPS = np.finfo(float).eps


@pytest.fixture
def drawn() -> Contexts:
    return contexts(TASK, Sizes(4, 6, 1, 1), np.ones(4), 30, rng=0)


@pytest.fixture
def layer() -> Array:
    return np.asarray(first_layer(np.random.SeedSequence(1), 4, 50, TRACE, np.float64))


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("sigma", ["tanh", equivalent_model("relu", 1), equivalent_model("relu", 4), equivalent_model("tanh", 2)], ids=str)
def test_features_are_the_activation_of_the_pre_activations(
    drawn: Contexts, layer: Array, sigma: Any, normalise: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hermite_eq.simulate.arrays.host.HostArrays.entries", 170)
    model = RandomTransformer(sigma, 0.1, normalise)
    (block,) = feature_blocks(drawn, layer, TRACE, [0, 30], np.random.default_rng(2))
    h = np.einsum("ni,nj->nij", drawn.x, drawn.b).reshape(30, 20)
    if normalise:
        h *= np.sqrt(TRACE) / np.linalg.norm(h, axis=1, keepdims=True)
    expected = model.activation(h @ layer.T, rng=np.random.default_rng(2))
    # Sums of 20 products; a polynomial of degree 4 magnifies their rounding by its derivative.
    scale = np.abs(expected).max() * max(1.0, np.abs(h @ layer.T).max())
    np.testing.assert_allclose(HeadKind.of(model).apply(block), expected, rtol=0, atol=64 * 20 * EPS * scale)


def test_blocks_of_rows_make_up_the_whole(drawn: Contexts, layer: Array) -> None:
    kind = HeadKind.of(RandomTransformer(equivalent_model("relu", 2), 0.1))
    (whole,) = feature_blocks(drawn, layer, TRACE, [0, 30], np.random.default_rng(2))
    parts = feature_blocks(drawn, layer, TRACE, [0, 7, 8, 30], np.random.default_rng(2))
    joined = np.concatenate([kind.apply(part) for part in parts])
    np.testing.assert_allclose(joined, kind.apply(whole), rtol=0, atol=1e4 * EPS)


def test_first_units_do_not_depend_on_how_many_follow(layer: Array) -> None:
    np.testing.assert_array_equal(first_layer(np.random.SeedSequence(1), 4, 9, TRACE, np.float64), layer[:9])


def test_entries_of_the_first_layer_have_variance_one_over_t() -> None:
    values = first_layer(np.random.SeedSequence(3), 20, 500, TRACE, np.float32)
    # The mean square of N normals scatters by √(2/N): |z| < 5 has false-alarm probability 5.7e-7, and 5 % is 72 standard errors.
    z = (TRACE * np.mean(values.astype(float) ** 2) - 1) / np.sqrt(2 / values.size)
    assert abs(z) < 5
    assert values.dtype == np.float32


@pytest.mark.filterwarnings("ignore:the second moment of relu:hermite_eq.HypothesisWarning")
def test_equivalents_share_noise_fresh_in_training_and_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    applied: list[Any] = []

    def spy(*arguments: Any) -> Iterator[Any]:
        for block in feature_blocks(*arguments):
            applied.append(block.noise)
            yield block

    monkeypatch.setattr("hermite_eq.simulate.training.run.feature_blocks", spy)
    heads = [RandomTransformer(equivalent_model("relu", degree), 0.1) for degree in (1, 2)]
    icl_error(heads, TASK, Sizes(3, 4, 2, 20, 5), runs=2, rng=0, test=20)
    assert len(applied) == 6
    values = np.concatenate([noise.ravel() for noise in applied])
    assert len(np.unique(values)) == values.size == 600


def test_heads_share_features_where_they_are_the_same() -> None:
    # c_3 of ReLU is 0, and so is c_2 of tanh.
    def kind(sigma: str, degree: int, **options: Any) -> HeadKind:
        return HeadKind.of(RandomTransformer(equivalent_model(sigma, degree), 0.1, **options))

    assert kind("relu", 3) == kind("relu", 2) != kind("relu", 4)
    assert kind("tanh", 2) == kind("tanh", 1)
    assert kind("relu", 2) != kind("relu", 2, normalise=True)
    assert HeadKind.of(LinearTransformer(0.1)) == HeadKind.of(LinearTransformer(0.2, intercept=True))


def test_rows_of_the_linear_head(drawn: Contexts) -> None:
    linear, stored = LinearRows(drawn), StoredRows(drawn.h())
    alpha = np.random.default_rng(0).standard_normal(25)
    size = np.abs(drawn.h()).sum(axis=1).max()
    np.testing.assert_array_equal(linear.dense(slice(3, 9)), stored.dense(slice(3, 9)))
    some, others = slice(0, 10), slice(5, 30)
    np.testing.assert_allclose(linear.products(some, others), stored.products(some, others), rtol=0, atol=64 * EPS * size**2)
    np.testing.assert_allclose(linear.combine(alpha), stored.combine(alpha), rtol=0, atol=64 * EPS * size * np.abs(alpha).sum())


def test_an_activation_which_changes_the_shape(drawn: Contexts, layer: Array) -> None:
    model = RandomTransformer(Activation("mean", None, lambda z: z.mean(axis=-1)), 0.1)
    (block,) = feature_blocks(drawn, layer, TRACE, [0, 30], None)
    with pytest.raises(HypothesisError) as refusal:
        HeadKind.of(model).apply(block)
    assert str(refusal.value) == (
        "an activation acts on every entry of an array; found shape () from shape (1500,) by mean. "
        "Repair: return one value per entry, as numpy.full_like(x, 1.0) for a constant, or pass numpy.vectorize(f)"
    )


# Features in single precision: what it changes, bounded from what was computed.
#
# Write u = 2⁻²⁴, and A for the features in double precision. A feature is σ of a sum of D = d(d+1) products, whose factors
# were rounded to u relatively (h as a product of two rounded numbers; F once more by its scale), so that in the worst case
#
#     |δz_ij| ≤ (D + 8) u Σ_k |h_ik| |F_kj|,      |δA_ij| ≤ L |δz_ij| + u |A_ij|,       L = 1 the Lipschitz constant.     (1)
#
# With S = AᵀA + πI, r = y − Aw and to first order δw = S⁻¹(δAᵀr − AᵀδA w), the prediction for a test row a changes by
# δa·w + a·δw, and the mean square e of the test residuals by at most
#
#     2 √e q + q²,      q = ‖δA_test w‖/√n + ‖A_test S⁻¹‖ ‖δAᵀr‖/√n + ‖A_test S⁻¹Aᵀ‖ ‖δA w‖/√n,                          (2)
#
# n test contexts. (1) is checked for the δA which occurs, (2) with it; doubled for what is of second order.


NOISY = Task("relu", noise=0.05)
SIZES = Sizes.from_ratios(12, alpha=1, kappa=0.5, tau=2, mu=1)
RIDGE, TEST = 0.1, 500


def rounded_layer(seed: np.random.SeedSequence, d: int, hidden: int, trace: float, dtype: type[np.floating[Any]]) -> Array:
    """F of double precision, rounded: the streams of the two precisions differ."""
    return np.asarray(first_layer(seed, d, hidden, trace, np.float64).astype(dtype))


def features(activation: Any, layer: Array, contexts: Contexts) -> Array:
    return np.asarray(activation(contexts.h(dtype=layer.dtype.type) @ layer.T))


@pytest.fixture(params=["relu", "tanh"])
def head(request: pytest.FixtureRequest) -> RandomTransformer:
    return RandomTransformer(request.param, RIDGE)


def test_features_are_within_the_worst_case(head: RandomTransformer) -> None:
    draw = draw_run(NOISY, SIZES, TEST, True, np.float64, child_seeds(3, range(1))[0])
    exact = features(head.activation, draw.layer, draw.training)
    computed = features(head.activation, draw.layer.astype(np.float32), draw.training)
    u, width = 2.0**-24, SIZES.d * (SIZES.d + 1)
    limit = (width + 8) * u * (np.abs(draw.training.h()) @ np.abs(draw.layer.T)) + u * np.abs(exact)
    assert computed.dtype == np.float32
    assert (np.abs(computed - exact) <= limit).all()
    # The root mean square is smaller by about √D, rounding errors being of both signs; above u it is, since F and h are rounded.
    assert u * np.abs(exact).mean() / 10 < np.sqrt(np.mean((computed - exact) ** 2)) < 3 * u * np.sqrt(width)


def test_change_of_the_errors_is_within_the_bound(head: RandomTransformer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hermite_eq.simulate.training.draw.first_layer", rounded_layer)
    double, single = (icl_error(head, NOISY, SIZES, runs=2, rng=3, test=TEST, precision=p) for p in ("double", "single"))
    for run, seed in enumerate(child_seeds(3, range(2))):
        draw = draw_run(NOISY, SIZES, TEST, True, np.float64, seed)
        rounded = draw.layer.astype(np.float32)
        a = features(head.activation, draw.layer, draw.training)
        da = features(head.activation, rounded, draw.training) - a
        inverse = np.linalg.inv(a.T @ a + RIDGE * SIZES.samples / SIZES.d * np.eye(len(draw.layer)))
        w = inverse @ (a.T @ draw.training.y)
        residual = draw.training.y - a @ w
        for tested_on, first, second in (
            (draw.fresh, double.icl_runs[run], single.icl_runs[run]),
            (draw.again, double.idg_runs[run], single.idg_runs[run]),
        ):
            assert tested_on is not None
            tested = features(head.activation, draw.layer, tested_on)
            change = features(head.activation, rounded, tested_on) - tested
            assert first == pytest.approx(np.mean((tested_on.y - tested @ w) ** 2), rel=1e-9)
            q = np.linalg.norm(change @ w)
            q += np.linalg.norm(tested @ inverse, 2) * np.linalg.norm(da.T @ residual)
            q += np.linalg.norm(tested @ inverse @ a.T, 2) * np.linalg.norm(da @ w)
            q /= np.sqrt(TEST)
            limit = 2 * (2 * np.sqrt(first) * q + q**2)
            assert limit < 1e-4 * first, "a bound which says little"
            assert 0 < abs(first - second) <= limit


def test_the_law_does_not_depend_on_the_precision(head: RandomTransformer) -> None:
    # Different draws of F: two-sample z, |z| < 5 is a false alarm with probability 5.7e-7 for each of the two errors.
    single, double = (icl_error(head, NOISY, SIZES, runs=40, rng=3, test=TEST, precision=p) for p in ("single", "double"))
    for first, second in ((single.icl, double.icl), (single.idg, double.idg)):
        assert abs(first.mean - second.mean) < 5 * np.hypot(first.stderr, second.stderr)
