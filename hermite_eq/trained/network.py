r"""Parameters and predictions of the architectures, in JAX.

Tokens end with a 1, so that every affine map is a matrix. Only the last token is read, and attention is bilinear in queries and keys, so
that the last attention needs no keys and no values: with :math:`u=K^\top q` the scores are :math:`u^\top h_j`, and the values are taken
of :math:`\sum_ja_jh_j`. This is the same function at a d-th of the work; of linear attention the sum
:math:`S=\sum_it_it_i^\top` is even the same in all steps.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.trained.architectures import Architecture, FullLinearAttention, SoftmaxTransformer

Array = NDArray[np.float32]
#: What is added to a variance before its root is taken.
_EPSILON = 1e-6


def initial(model: Architecture, d: int, rng: np.random.Generator) -> dict[str, Any]:
    """Parameters before training: matrices by the law of LeCun, biases 0 and gains 1."""

    def dense(inputs: int, outputs: int, bias: bool = True) -> Array:
        matrix = _truncated(rng, (inputs, outputs)) / math.sqrt(inputs)
        return (np.concatenate([matrix, np.zeros((1, outputs))]) if bias else matrix).astype(np.float32)

    unit = np.stack([np.ones(d), np.zeros(d)]).astype(np.float32)
    if isinstance(model, FullLinearAttention):
        return {"query": dense(d + 1, d), "key": dense(d + 1, d), "value": dense(d + 1, d), "out": dense(d, 1)}
    parameters: dict[str, Any] = {"embed": dense(d + 1, d), "out": dense(d, 1)}
    for number in range(model.blocks):
        block = {name: dense(d, d, bias=False) for name in ("query", "key", "value")} | {"norm": unit}
        if model.mlp != "none":
            block |= {"mlp": dense(d, d), "last_norm": unit}
        if model.mlp == "gelu":
            block["mlp_out"] = dense(d, d)
        parameters[f"block{number}"] = block
    return parameters


def _truncated(rng: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Normal numbers within two standard deviations, scaled to variance 1.

    >>> drawn = _truncated(np.random.default_rng(0), (500, 500))
    >>> bool(abs(drawn.var() - 1) < 0.01), bool(np.abs(drawn).max() < 2.28)
    (True, True)
    """
    drawn = rng.standard_normal(shape)
    while (out := np.abs(drawn) > 2).any():
        drawn[out] = rng.standard_normal(int(out.sum()))
    # 1 − 4 φ(2)/(2 Φ(2) − 1), with φ the density.
    return np.asarray(drawn / math.sqrt(1 - 4 * math.exp(-2) / math.sqrt(2 * math.pi) / math.erf(math.sqrt(2))))


def prepared(model: Architecture, tokens: Any) -> tuple[Any, ...]:
    """What predictions are computed from, by contexts: the tokens, or for linear attention the query's and S."""
    import jax.numpy as jnp

    if isinstance(model, FullLinearAttention):
        return tokens[:, -1], jnp.einsum("nia,nib->nab", tokens, tokens)
    return (tokens,)


def predict(model: Architecture, parameters: Any, inputs: tuple[Any, ...]) -> Any:
    """Predictions of shape (n,) from what :func:`prepared` gives."""
    import jax.numpy as jnp

    if isinstance(model, FullLinearAttention):
        query, moments = inputs
        d = parameters["query"].shape[1]
        key = (query @ parameters["query"]) @ parameters["key"].T / jnp.sqrt(d)
        out = parameters["out"]
        return jnp.einsum("na,nab,b->n", key, moments, parameters["value"] @ out[:-1, 0]) + out[-1, 0]
    return _softmax(model, parameters, *inputs)


def _softmax(model: SoftmaxTransformer, parameters: Any, tokens: Any) -> Any:
    """Hidden tokens are ``h @ lift``, which need not be formed where there is one block."""
    import jax
    import jax.numpy as jnp

    d, length = parameters["embed"].shape[1], tokens.shape[1]
    h, lift = tokens, parameters["embed"]
    if model.blocks > 1:
        h, lift = tokens @ lift, jnp.eye(d, dtype=tokens.dtype)
        mask = jnp.where(jnp.tril(jnp.ones((length, length), bool)), 0.0, -jnp.inf)
        for number in range(model.blocks - 1):
            block = parameters[f"block{number}"]
            scores = jnp.einsum("nia,nja->nij", h @ (block["query"] @ block["key"].T / jnp.sqrt(d)), h)
            attended = jax.nn.softmax(scores + mask, axis=-1) @ h @ block["value"]
            h = _after_attention(model, block, h + attended)
    block = parameters[f"block{model.blocks - 1}"]
    last = h[:, -1] @ lift
    wanted = last @ (block["query"] @ block["key"].T / jnp.sqrt(d)) @ lift.T
    weights = jax.nn.softmax(jnp.einsum("nja,na->nj", h, wanted), axis=-1)
    pooled = jnp.einsum("nj,nja->na", weights, h) @ lift
    last = _after_attention(model, block, last + pooled @ block["value"])
    return last @ parameters["out"][:-1, 0] + parameters["out"][-1, 0]


def _after_attention(model: SoftmaxTransformer, block: Any, h: Any) -> Any:
    """The rest of a block."""
    import jax

    h = _normalised(h, block["norm"])
    if model.mlp == "none":
        return h
    inner = _affine(h, block["mlp"])
    if model.mlp == "gelu":
        inner = _affine(jax.nn.gelu(inner, approximate=False), block["mlp_out"])
    return _normalised(h + inner, block["last_norm"])


def _affine(h: Any, matrix: Any) -> Any:
    return h @ matrix[:-1] + matrix[-1]


def _normalised(h: Any, scale: Any) -> Any:
    import jax.numpy as jnp

    centred = h - h.mean(axis=-1, keepdims=True)
    return centred / jnp.sqrt((centred**2).mean(axis=-1, keepdims=True) + _EPSILON) * scale[0] + scale[1]
