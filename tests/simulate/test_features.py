"""Features of heads, block by block, against the models as they are called."""

from __future__ import annotations

import numpy as np
import pytest

from hermite_eq import HypothesisError, LinearTransformer, RandomTransformer, Sizes, Task, equivalent_model
from hermite_eq.activations import Activation
from hermite_eq.simulate import contexts, icl_error
from hermite_eq.simulate.training.features import LinearRows, StoredRows, feature_blocks, first_layer
from hermite_eq.simulate.training.heads import HeadKind

TASK, TRACE = Task("relu", noise=0.1), 5.0
EPS = np.finfo(float).eps


@pytest.fixture
def drawn():
    return contexts(TASK, Sizes(4, 6, 1, 1), np.ones(4), 30, rng=0)


@pytest.fixture
def layer():
    return first_layer(np.random.SeedSequence(1), 4, 50, TRACE, np.float64)


@pytest.mark.parametrize("normalise", [False, True])
@pytest.mark.parametrize("sigma", ["tanh", equivalent_model("relu", 1), equivalent_model("relu", 4), equivalent_model("tanh", 2)], ids=str)
def test_features_are_the_activation_of_the_pre_activations(drawn, layer, sigma, normalise, monkeypatch):
    monkeypatch.setattr("hermite_eq.simulate.training.heads._ELEMENTS", 170)
    model = RandomTransformer(sigma, 0.1, normalise)
    (block,) = feature_blocks(drawn, layer, TRACE, [0, 30], np.random.default_rng(2))
    h = np.einsum("ni,nj->nij", drawn.x, drawn.b).reshape(30, 20)
    if normalise:
        h *= np.sqrt(TRACE) / np.linalg.norm(h, axis=1, keepdims=True)
    expected = model.activation(h @ layer.T, rng=np.random.default_rng(2))
    # Sums of 20 products; a polynomial of degree 4 magnifies their rounding by its derivative.
    scale = np.abs(expected).max() * max(1.0, np.abs(h @ layer.T).max())
    np.testing.assert_allclose(HeadKind.of(model).apply(block), expected, rtol=0, atol=64 * 20 * EPS * scale)


def test_blocks_of_rows_make_up_the_whole(drawn, layer):
    kind = HeadKind.of(RandomTransformer(equivalent_model("relu", 2), 0.1))
    (whole,) = feature_blocks(drawn, layer, TRACE, [0, 30], np.random.default_rng(2))
    parts = feature_blocks(drawn, layer, TRACE, [0, 7, 8, 30], np.random.default_rng(2))
    found = np.concatenate([kind.apply(part) for part in parts])
    np.testing.assert_allclose(found, kind.apply(whole), rtol=0, atol=1e4 * EPS)


def test_first_units_do_not_depend_on_how_many_follow(layer):
    np.testing.assert_array_equal(first_layer(np.random.SeedSequence(1), 4, 9, TRACE, np.float64), layer[:9])


def test_entries_of_the_first_layer_have_variance_one_over_t():
    values = first_layer(np.random.SeedSequence(3), 20, 500, TRACE, np.float32)
    # The mean square of N normals scatters by √(2/N): |z| < 5 has false-alarm probability 5.7e-7, and 5 % is 72 standard errors.
    z = (TRACE * np.mean(values.astype(float) ** 2) - 1) / np.sqrt(2 / values.size)
    assert abs(z) < 5
    assert values.dtype == np.float32


@pytest.mark.filterwarnings("ignore:the second moment of relu:hermite_eq.HypothesisWarning")
def test_equivalents_share_noise_fresh_in_training_and_tests(monkeypatch):
    seen = []

    def spy(drawn, layer, trace, edges, noise):
        for block in feature_blocks(drawn, layer, trace, edges, noise):
            seen.append(block.noise)
            yield block

    monkeypatch.setattr("hermite_eq.simulate.training.run.feature_blocks", spy)
    heads = [RandomTransformer(equivalent_model("relu", degree), 0.1) for degree in (1, 2)]
    icl_error(heads, TASK, Sizes(3, 4, 2, 20, 5), runs=2, rng=0, test=20)
    assert len(seen) == 6
    values = np.concatenate([noise.ravel() for noise in seen])
    assert len(np.unique(values)) == values.size == 600


def test_heads_share_features_where_they_are_the_same():
    # c_3 of ReLU is 0, and so is c_2 of tanh.
    def kind(sigma, degree, **options):
        return HeadKind.of(RandomTransformer(equivalent_model(sigma, degree), 0.1, **options))

    assert kind("relu", 3) == kind("relu", 2) != kind("relu", 4)
    assert kind("tanh", 2) == kind("tanh", 1)
    assert kind("relu", 2) != kind("relu", 2, normalise=True)
    assert HeadKind.of(LinearTransformer(0.1)) == HeadKind.of(LinearTransformer(0.2, intercept=True))


def test_rows_of_the_linear_head(drawn):
    linear, stored = LinearRows(drawn), StoredRows(drawn.h())
    alpha = np.random.default_rng(0).standard_normal(25)
    size = np.abs(drawn.h()).sum(axis=1).max()
    np.testing.assert_array_equal(linear.dense(slice(3, 9)), stored.dense(slice(3, 9)))
    some, others = slice(0, 10), slice(5, 30)
    np.testing.assert_allclose(linear.products(some, others), stored.products(some, others), rtol=0, atol=64 * EPS * size**2)
    np.testing.assert_allclose(linear.combine(alpha), stored.combine(alpha), rtol=0, atol=64 * EPS * size * np.abs(alpha).sum())


def test_an_activation_which_changes_the_shape(drawn, layer):
    model = RandomTransformer(Activation("mean", None, lambda z: z.mean(axis=-1)), 0.1)
    (block,) = feature_blocks(drawn, layer, TRACE, [0, 30], None)
    with pytest.raises(HypothesisError) as refusal:
        HeadKind.of(model).apply(block)
    assert str(refusal.value) == (
        "an activation acts on every entry of an array; found shape () from shape (1500,) by mean. "
        "Repair: return one value per entry, as numpy.full_like(x, 1.0) for a constant, or pass numpy.vectorize(f)"
    )
