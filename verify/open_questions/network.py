r"""Heads of one or two layers on normalised attention outputs, trained by gradient descent.

With :math:`\hat h=\mathrm{vec}(\hat x\hat b^\top)` of length 1, D = d(d + 1), rows of F and G of :math:`\mathcal N(0,I)` and
:math:`w\sim\mathcal N(0,I_m/m)`,

.. math:: \hat y=\tfrac1{\sqrt m}w^\top\sigma(F\hat h)\quad\text{or}\quad
    \hat y=\tfrac1{\sqrt m}w^\top\sigma\Bigl(\tfrac1{\sqrt{m\,\mathbb E\sigma(g)^2}}\,G\,\sigma(F\hat h)\Bigr),

which is the head of [RT] that normalises its input: F here is √t times F there, and a step η here is η/t there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from hermite_eq.activations import Activation, activation
from hermite_eq.expansion import coefficients
from hermite_eq.models import Sizes, SoftmaxAttention, Task
from hermite_eq.simulate.sampler import context_law

Array = NDArray[np.floating[Any]]
NOISE = 0.01
#: σ′, in the precision of its argument.
SLOPES: dict[str, Callable[[Array], Array]] = {"relu": lambda z: (z > 0).astype(z.dtype), "tanh": lambda z: 1 - np.tanh(z) ** 2}
#: A step to a loss above this is not taken, and ends the training: it diverges. Labels have a variance below 1.
DIVERGED = 1e6
#: Hidden units of the first block's MLP for each of its d + 1 inputs, and the weight of its output beside the residual stream.
WIDTH, SHARE = 4, 0.5


@dataclass(frozen=True)
class Architecture:
    """What is between the context and the read-out.

    Attributes
    ----------
    sharpness : float
        β of softmax attention; 0 is linear attention.
    attention : bool
        Whether a matrix A, by which the query's x is multiplied, is trained too (query and key of the attention; at first A = I).
    layers : int
        1 or 2 layers of the head; all of them are trained.
    blocks : int
        With 2, a block of linear attention and a random MLP, both with residuals, changes all tokens first.
    """

    sharpness: float = 0.0
    attention: bool = False
    layers: int = 1
    blocks: int = 1


@dataclass(frozen=True, eq=False)
class Data:
    """Directions of the query and of what attention has read, and the labels."""

    x: Array
    b: Array
    y: Array

    def __getitem__(self, rows: slice) -> Data:
        return Data(self.x[rows], self.b[rows], self.y[rows])


@dataclass(frozen=True, eq=False)
class Weights:
    """What gradient descent changes: F, G if there is a second layer, and A if attention is trained."""

    layers: tuple[Array, ...]
    attention: Array | None


def sample(architecture: Architecture, target: str, d: int, count: int, seed: np.random.SeedSequence, mlp: Any = None) -> Data:
    """Contexts with a fresh task each, ℓ = d, of which the query and the averages are normalised; ``mlp`` for two blocks."""
    task, streams = Task(target, NOISE), seed.spawn(2)
    if architecture.blocks > 1:
        return _two_blocks(activation(target), d, count, np.random.default_rng(streams[0]), mlp)
    law = context_law(SoftmaxAttention(task, architecture.sharpness) if architecture.sharpness else task, Sizes(d, d, math.inf, count))
    drawn = law.draw(law.fresh_tasks(count, np.random.default_rng(streams[0])), np.arange(count), streams[1])
    return Data(_unit(drawn.x), _unit(drawn.b), drawn.y)


def _two_blocks(target: Activation, d: int, count: int, rng: np.random.Generator, mlp: Any) -> Data:
    """Tokens (x, y), of which the query's y is 0, after one block, in the averages of the next."""
    xi, x = rng.standard_normal((count, d)), rng.standard_normal((count, d + 1, d)) / math.sqrt(d)
    y = target(np.einsum("nd,nld->nl", xi, x)) + math.sqrt(NOISE) * rng.standard_normal((count, d + 1))
    label, y[:, -1] = y[:, -1].copy(), 0.0
    for rows in np.array_split(np.arange(count), max(1, count * d * d // 1_000_000)):
        token = np.concatenate([math.sqrt(d) * x[rows], y[rows, :, None]], axis=2)
        read = np.einsum("nlt,nld->ntd", token[:, :-1], x[rows, :-1])
        token = token + SHARE * mlp(math.sqrt(d + 1) * _unit(np.einsum("ntd,nld->nlt", read, x[rows])))
        x[rows], y[rows] = token[:, :, :-1] / math.sqrt(d), token[:, :, -1]
    pairs = np.concatenate([np.einsum("nl,nld->nd", y[:, :-1], x[:, :-1]), np.mean(y[:, :-1] ** 2, axis=1, keepdims=True)], axis=1)
    return Data(_unit(x[:, -1]), _unit(pairs), label)


def random_mlp(d: int, rng: np.random.Generator) -> tuple[Array, Array]:
    """Weights of the first block's MLP, so that inputs of length √(d + 1) have standard normal pre-activations."""
    width = WIDTH * (d + 1)
    return rng.standard_normal((width, d + 1)) / math.sqrt(d + 1), rng.standard_normal((d + 1, width)) / math.sqrt(width)


def _unit(vectors: Array) -> Array:
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))


def hidden(data: Data, attention: Array | None) -> Array:
    """ĥ by rows."""
    x = data.x if attention is None else _unit(data.x @ attention.T)
    return np.asarray((x[:, :, None] * data.b[:, None, :]).reshape(len(x), -1), np.float32)


def start(architecture: Architecture, d: int, m: int, rng: np.random.Generator) -> tuple[Weights, Array]:
    """Random weights and w."""
    shapes = [(m, d * (d + 1)), (m, m)][: architecture.layers]
    layers = tuple(rng.standard_normal(shape, dtype=np.float32) for shape in shapes)
    w = rng.standard_normal(m, dtype=np.float32) / math.sqrt(m)
    return Weights(layers, np.eye(d) if architecture.attention else None), w


def scale_below(sigma: Activation, m: int) -> float:
    """What multiplies G: 1/√(m Eσ(g)²)."""
    return 1 / math.sqrt(m * float(coefficients(sigma, 0).norm2))


@dataclass(frozen=True)
class Stop:
    """When training counts as converged: the loss is below ``enough``, or falls by less than ``tolerance`` of itself in ``every`` steps; or
    after ``most`` steps.
    """

    tolerance: float = 0.1
    enough: float = 1e-4
    every: int = 100
    most: int = 500


class Units(Protocol):
    """The hidden units that are trained: their values at pre-activations z of shape (n, m), and the derivatives of these."""

    @property
    def sigma(self) -> Activation:
        """σ, whose size the scale below a second layer is for."""

    def values(self, z: Array, layer: int) -> Array: ...

    def slopes(self, z: Array) -> Array: ...


@dataclass(frozen=True)
class Exact:
    """σ itself."""

    sigma: Activation

    def values(self, z: Array, layer: int) -> Array:
        return np.asarray(self.sigma(z))

    def slopes(self, z: Array) -> Array:
        return SLOPES[str(self.sigma)](z)


@dataclass(frozen=True, eq=False)
class _Pass:
    """What the training contexts give at some weights: ĥ, pre-activations and values of every layer, residuals, and the loss."""

    weights: Weights
    h: Array
    z: list[Array]
    values: list[Array]
    residual: Array
    loss: float


def train(
    units: Units, data: Data, weights: Weights, w: Array, size: float, steps: Sequence[int], stop: Stop | None
) -> Iterator[tuple[int, Weights, float]]:
    r"""Weights after so many steps of gradient descent on :math:`\frac1{2n}\sum(y-\hat y)^2`, and then after the last if ``stop`` is given.

    The step is ``size`` times mD for F, ``size`` times m for G, and ``size`` times d² for A. With each come the number of steps and the
    loss. Where a step leads to a loss above :data:`DIVERGED`, the weights stay what they are.
    """
    at, last = _forward(units, data, weights, w), math.inf
    for step in range(max(*steps, stop.most if stop else 0) + 1):
        if step in steps:
            yield step, at.weights, at.loss
        if stop and step % stop.every == 0:
            if step >= max(steps) and (at.loss < stop.enough or at.loss > (1 - stop.tolerance) * last or step == stop.most):
                yield step, at.weights, at.loss
                return
            last = at.loss
        if stop is None and step >= max(steps):
            return
        following = _forward(units, data, _descended(units, data, at, w, size), w)
        if following.loss <= DIVERGED:
            at = following


@np.errstate(over="ignore", invalid="ignore")
def _forward(units: Units, data: Data, weights: Weights, w: Array) -> _Pass:
    h = hidden(data, weights.attention)
    z: list[Array] = [h @ weights.layers[0].T]
    values: list[Array] = []
    for number in range(len(weights.layers)):
        if number:
            z.append(np.float32(scale_below(units.sigma, len(w))) * (values[-1] @ weights.layers[number].T))
        if not np.isfinite(z[-1]).all():
            return _Pass(weights, h, z, values, np.zeros(0), math.inf)
        values.append(units.values(z[-1], number))
    residual = values[-1] @ w / math.sqrt(len(w)) - data.y.astype(np.float32)
    return _Pass(weights, h, z, values, residual, float(np.mean(residual**2)))


def _descended(units: Units, data: Data, at: _Pass, w: Array, size: float) -> Weights:
    """The weights after a step."""
    n, m, d = len(data.y), len(w), data.x.shape[1]
    layers, attention = list(at.weights.layers), at.weights.attention
    delta: Array = (((at.residual / n)[:, None] * (w / math.sqrt(m))) * units.slopes(at.z[-1])).astype(np.float32)
    if len(layers) > 1:
        below = np.float32(scale_below(units.sigma, m))
        gradient = below * (delta.T @ at.values[0])
        delta = below * (delta @ layers[1]) * units.slopes(at.z[0])
        layers[1] = layers[1] - np.float32(size * m) * gradient
    if attention is not None:
        back = (delta @ layers[0]).reshape(n, d, -1)
        attended = data.x @ attention.T
        length = np.linalg.norm(attended, axis=1, keepdims=True)
        to_x, unit = np.einsum("nab,nb->na", back, data.b), attended / length
        to_x = (to_x - unit * np.sum(to_x * unit, axis=1, keepdims=True)) / length
        attention = attention - size * d**2 * to_x.T @ data.x
    layers[0] = layers[0] - np.float32(size * m * at.h.shape[1]) * (delta.T @ at.h)
    return Weights(tuple(layers), attention)
