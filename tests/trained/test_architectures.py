"""Predictions against the definitions written out token by token, and what the architectures refuse."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from numpy.typing import NDArray

from hermite_eq import HypothesisError
from hermite_eq.trained import Architecture, FullLinearAttention, SoftmaxTransformer, network

D, CONTEXT = 4, 6
MODELS = (FullLinearAttention(), SoftmaxTransformer(1), SoftmaxTransformer(2, "gelu"), SoftmaxTransformer(3, "none"), SoftmaxTransformer(3))


@pytest.fixture
def double() -> Iterator[None]:
    """Double precision in JAX."""
    configuration: Any = jax.config
    configuration.update("jax_enable_x64", True)
    yield
    configuration.update("jax_enable_x64", False)


def parameters(model: Architecture, rng: np.random.Generator) -> dict[str, Any]:
    """In double precision, none of them at the 0 or 1 with which training begins."""
    start = network.initial(model, D, rng)
    displaced: dict[str, Any] = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float) + 0.3 * rng.standard_normal(leaf.shape), start)
    return displaced


def normalised(h: np.ndarray, scale: np.ndarray) -> np.ndarray:
    return np.asarray((h - h.mean()) / np.sqrt(h.var() + 1e-6) * scale[0] + scale[1])


def affine(h: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    return np.asarray(matrix[:-1].T @ h + matrix[-1])


def gelu(x: float) -> float:
    return x * (1 + math.erf(x / math.sqrt(2))) / 2


def literal(model: Architecture, p: dict[str, Any], tokens: np.ndarray) -> float:
    """One context, query last: every token's query, key and value, one after the other."""
    if isinstance(model, FullLinearAttention):
        query = affine(tokens[-1], p["query"])
        attended = sum(query @ affine(t, p["key"]) / math.sqrt(D) * affine(t, p["value"]) for t in tokens)
        return float(affine(attended, p["out"])[0])
    h = [affine(t, p["embed"]) for t in tokens]
    for number in range(model.blocks):
        block, before = p[f"block{number}"], h
        h = []
        for i, token in enumerate(before):
            scores = [(block["query"].T @ token) @ (block["key"].T @ other) / math.sqrt(D) for other in before[: i + 1]]
            weights = np.exp(scores) / np.exp(scores).sum()
            attended = sum(w * (block["value"].T @ other) for w, other in zip(weights, before, strict=False))
            hidden = normalised(token + attended, block["norm"])
            if model.mlp != "none":
                inner = affine(hidden, block["mlp"])
                if model.mlp == "gelu":
                    inner = affine(np.array([gelu(x) for x in inner]), block["mlp_out"])
                hidden = normalised(hidden + inner, block["last_norm"])
            h.append(hidden)
    return float(affine(h[-1], p["out"])[0])


def double_prediction(model: Architecture, p: dict[str, Any], tokens: NDArray[np.float64]) -> Any:
    """That of the library, in double precision."""
    ones = np.concatenate([tokens, np.ones((*tokens.shape[:2], 1))], axis=2)
    return network.predict(model, jax.tree.map(jax.numpy.asarray, p), network.prepared(model, jax.numpy.asarray(ones)))


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("model", MODELS, ids=str)
def test_predictions_are_those_of_the_definition(model: Architecture) -> None:
    rng = np.random.default_rng(1)
    p, tokens = parameters(model, rng), rng.standard_normal((3, CONTEXT + 1, D + 1))
    expected = [literal(model, p, context) for context in tokens]
    # Rounding of sums of some hundred products, of order 1, through three normalisations.
    atol = 1e4 * np.finfo(float).eps * max(1, np.abs(expected).max())
    np.testing.assert_allclose(np.asarray(double_prediction(model, p, tokens)), expected, rtol=0, atol=atol)


@pytest.mark.usefixtures("double")
@pytest.mark.parametrize("d", [3, 4])
def test_linear_attention_has_the_dimension_that_is_derived(d: int) -> None:
    model, rng = FullLinearAttention(), np.random.default_rng(3)
    dimension = model.dimension(d)
    p = jax.tree.map(lambda leaf: np.asarray(leaf, dtype=float), network.initial(model, d, rng))
    tokens = rng.standard_normal((2 * dimension, d + 1, d + 1))
    # The query's label is 0.
    tokens[:, -1, -1] = 0
    flat, unravel = ravel_pytree(jax.tree.map(lambda leaf: leaf + 0.3 * rng.standard_normal(leaf.shape), p))
    jacobian = np.asarray(jax.jacobian(lambda vector: double_prediction(model, unravel(vector), tokens))(flat))
    values = np.linalg.svd(jacobian, compute_uv=False)
    # A gap of many orders of magnitude between what moves predictions and what does not.
    assert values[dimension - 1] > 1e-8 * values[0]
    assert values[dimension] < 1e-12 * values[0]
    assert model.parameters(d) > dimension


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_the_number_of_parameters_is_that_of_the_arrays(model: Architecture) -> None:
    leaves = jax.tree.leaves(network.initial(model, D, np.random.default_rng(0)))
    assert sum(leaf.size for leaf in leaves) == model.parameters(D)
    assert {str(leaf.dtype) for leaf in leaves} == {"float32"}


def test_the_affine_mlp_is_affine_and_the_other_is_not() -> None:
    rng = np.random.default_rng(2)
    for model, straight in ((SoftmaxTransformer(1, "affine"), True), (SoftmaxTransformer(1, "gelu"), False)):
        block = parameters(model, rng)["block0"]

        def inner(h: np.ndarray, block: dict[str, Any] = block, mlp: str = model.mlp) -> np.ndarray:
            first = affine(h, block["mlp"])
            return first if mlp == "affine" else affine(np.array([gelu(x) for x in first]), block["mlp_out"])

        left, right = rng.standard_normal((2, D))
        middle = inner((left + right) / 2) - (inner(left) + inner(right)) / 2
        assert (np.abs(middle).max() < 1e-12) == straight


def test_they_are_frozen_data_that_compare_and_print() -> None:
    assert SoftmaxTransformer(2) == SoftmaxTransformer(2, "affine") != SoftmaxTransformer(2, "gelu")
    assert len({*MODELS, *MODELS}) == len(MODELS) == len({str(model) for model in MODELS})
    with pytest.raises(dataclasses.FrozenInstanceError):
        SoftmaxTransformer(2).blocks = 3  # type: ignore[misc]


def test_what_is_no_architecture_is_refused() -> None:
    with pytest.raises(HypothesisError, match="blocks is a positive integer; found blocks=0"):
        SoftmaxTransformer(0)
    with pytest.raises(HypothesisError, match="the MLP is affine, gelu or none; found mlp='relu'"):
        SoftmaxTransformer(1, "relu")  # type: ignore[arg-type]
