"""Training as in the published code of [LA]: AdamW on random batches, compiled as one loop, for several runs at once."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from hermite_eq.trained import network
from hermite_eq.trained.architectures import Architecture


def steps(samples: int) -> tuple[int, int]:
    """The contexts b = ⌊n/10⌋ of a batch, and the steps of an epoch, 1 + ⌊n/b⌋.

    >>> steps(500), steps(36)
    ((50, 11), (3, 13))
    """
    batch = max(1, samples // 10)
    return batch, 1 + samples // batch


def drawn(key: Any, samples: int, batch: int) -> Any:
    """A batch without replacement: the contexts with the smallest of n random numbers.

    Each number has the context's own in its last bits, so that one array of integers is sorted, several times as fast as pairs. The other
    bits, 20 of them at n = 4096, are random; where two contexts have them in common, the first goes before.
    """
    import jax
    import jax.numpy as jnp

    low = jnp.uint32(2 ** max(1, (samples - 1).bit_length()) - 1)
    bits = jax.random.bits(key, (samples,), jnp.uint32)
    return (jnp.sort((bits & ~low) | jnp.arange(samples, dtype=jnp.uint32))[:batch] & low).astype(jnp.int32)


@functools.lru_cache(maxsize=8)
def trainer(model: Architecture, d: int, samples: int, rate: float) -> tuple[Any, Any, Any]:
    """Three functions, the last two of arrays whose first axis is that of the runs: ``begin(seeds)`` gives a state, ``train(state, inputs,
    labels, epochs)`` that after so many more epochs, and ``error(state, inputs, labels)`` the mean squared error.

    A batch is drawn without replacement, and independently of those before it. All parameters are one vector, on which AdamW is one
    operation.
    """
    import jax
    import jax.numpy as jnp
    import optax
    from jax.flatten_util import ravel_pytree

    # With the weight decay of 1e-4 that is its default.
    optimiser = optax.adamw(rate)
    batch, number = steps(samples)
    unravel = ravel_pytree(network.initial(model, d, np.random.default_rng(0)))[1]

    def loss(flat: Any, inputs: Any, labels: Any) -> Any:
        return jnp.mean((network.predict(model, unravel(flat), inputs) - labels) ** 2)

    def begin(seeds: Sequence[np.random.SeedSequence]) -> Any:
        generators = [np.random.default_rng(seed) for seed in seeds]
        starts = [jax.tree.leaves(network.initial(model, d, rng)) for rng in generators]
        flat = jnp.stack([np.concatenate([leaf.ravel() for leaf in leaves]) for leaves in starts])
        keys = jnp.stack([jax.random.key(int(rng.integers(2**32))) for rng in generators])
        return flat, jax.vmap(optimiser.init)(flat), keys

    def train(state: Any, inputs: Any, labels: Any, epochs: Any) -> Any:
        def step(_: Any, state: Any) -> Any:
            flat, moments, key = state
            key, use = jax.random.split(key)
            chosen = drawn(use, samples, batch)
            gradient = jax.grad(loss)(flat, tuple(rows[chosen] for rows in inputs), labels[chosen])
            update, moments = optimiser.update(gradient, moments, flat)
            return optax.apply_updates(flat, update), moments, key

        return jax.lax.fori_loop(0, number * epochs, step, state)

    def error(state: Any, inputs: Any, labels: Any) -> Any:
        return loss(state[0], inputs, labels)

    return begin, jax.jit(jax.vmap(train, in_axes=(0, 0, 0, None))), jax.jit(jax.vmap(error))
