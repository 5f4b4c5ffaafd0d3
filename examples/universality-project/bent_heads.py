"""Random heads with the bent identity as activation, on contexts whose inputs are random signs."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Draw = Callable[[int, np.random.Generator], tuple[Array, Array]]


def bent(x: Array) -> Array:
    """The bent identity, x + (√(x² + 1) − 1)/2."""
    return x + (np.sqrt(x * x + 1) - 1) / 2


#: c_0 … c_3 and c_1*, as they stand in the project's paper.
COEFFICIENTS = (0.177, 1.0, 0.282, 0.0)
RESIDUAL = 0.203


def signs(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    """Random signs."""
    return np.asarray(2.0 * rng.integers(0, 2, size=shape, dtype=np.int8) - 1, dtype=float)


def sample_contexts(d: int, length: int, count: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Queries x, statistics b and the tasks' arguments ξᵀx: inputs are signs over √d, tasks normal, labels max(ξᵀx, 0) plus noise."""
    xi = rng.standard_normal((count, d))
    x = signs((count, length + 1, d), rng) / np.sqrt(d)
    y = np.maximum(np.einsum("nd,nid->ni", xi, x), 0) + 0.1 * rng.standard_normal((count, length + 1))
    first = d / length * np.einsum("ni,nid->nd", y[:, :-1], x[:, :-1])
    return x[:, -1], np.column_stack([first, (y[:, :-1] ** 2).mean(axis=1)])


def square_norms(d: int, length: int, count: int, rng: np.random.Generator) -> Array:
    """‖h‖² = ‖x‖²‖b‖² of as many contexts."""
    x, b = sample_contexts(d, length, count, rng)
    return np.asarray((x * x).sum(axis=1) * (b * b).sum(axis=1))


def pre_activations(d: int, length: int, count: int, rng: np.random.Generator) -> Array:
    """One pre-activation f·h for each context, every f fresh with variance 1/t, t the mean of ‖h‖²: given h it is N(0, ‖h‖²/t)."""
    squares = square_norms(d, length, count, rng)
    return np.asarray(np.sqrt(squares / squares.mean()) * rng.standard_normal(count))


def features(surrogate: bool) -> Callable[[int, np.random.Generator], Draw]:
    """Random features of sign inputs for a linear teacher: bent(Wᵀx), or c_0 + c_1 Wᵀx + c_1* z on normal inputs."""

    def at(d: int, rng: np.random.Generator) -> Draw:
        weights, teacher = rng.standard_normal((d, 2 * d)) / np.sqrt(d), rng.standard_normal(d) / np.sqrt(d)

        def draw(count: int, rng: np.random.Generator) -> tuple[Array, Array]:
            x = rng.standard_normal((count, d)) if surrogate else signs((count, d), rng)
            u = x @ weights
            values = COEFFICIENTS[0] + COEFFICIENTS[1] * u + RESIDUAL * rng.standard_normal(u.shape) if surrogate else bent(u)
            return values / np.sqrt(d), x @ teacher + 0.3 * rng.standard_normal(count)

        return draw

    return at
