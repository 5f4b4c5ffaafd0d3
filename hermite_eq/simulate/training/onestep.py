r"""One gradient step on the first layer, in blocks of contexts.

.. math:: G=\frac1{n\sqrt m}\sum_{j\le n}(\tilde y_j-\hat y_j)\,(w\circ\sigma'(F\tilde h_j))\,\tilde h_j^\top,\qquad
    \hat y_j=\tfrac1{\sqrt m}w^\top\sigma(F\tilde h_j),

with :math:`w_i=w^0_i/\sqrt m`, :math:`w^0\sim\mathcal N(0,I)`, of which the first entries do not depend on m.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hermite_eq.activations import Activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.expansion import coefficients
from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.laws import Contexts
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.training.features import Block, feature_blocks
from hermite_eq.simulate.training.heads import Step, StepSource, Unit
from hermite_eq.simulate.training.kronecker import Floats


@dataclass(frozen=True, eq=False)
class Gradient:
    r"""The direction of one step, and its rank-one part.

    Attributes
    ----------
    matrix : (m, d(d+1)) array
        G.
    u : (m,) array
        :math:`\mathbb E[\sigma'(g)]\,w`.
    v : (d(d+1),) array
        :math:`\frac1{n\sqrt m}\sum_j\tilde y_j\tilde h_j`.
    """

    matrix: Floats
    u: Array
    v: Array


def gradients(
    source: StepSource,
    contexts: Contexts,
    layer: Floats,
    start: Array,
    trace: float,
    points: Sequence[tuple[int, int]],
    edges: list[int],
    arrays: Arrays = HOST,
) -> dict[tuple[int, int], Gradient]:
    r"""The gradients for the first n contexts and the first m hidden units, for every (n, m) in ``points``.

    Parameters
    ----------
    layer : (m, d(d+1)) array
        F by rows, where the arrays live; its precision is that of the products, sums over blocks included.
    start : (m,) array
        :math:`w^0`, standard normal.
    edges : list of int
        Edges of the blocks; every n among them.
    """
    widths = sorted({m for _, m in points})
    wanted = {m: sorted(n for n, width in points if width == m) for m in widths}
    sums: dict[int, Floats] = {m: arrays.xp.zeros_like(layer[:m, :]) for m in widths}
    moment = np.zeros(layer.shape[1])
    slope = mean_slope(source.activation)
    by_source = {}
    for block in feature_blocks(contexts, layer, trace, [edge for edge in edges if edge <= max(n for n, _ in points)], None, arrays):
        h, z, y = _scaled(block, source.normalise), block.preactivation, arrays.put(contexts.y[block.rows])
        if source.normalise:
            z = z / block.norm
        moment += arrays.get(y @ arrays.double(h))
        value, steep = arrays.apply(source.activation, z), arrays.apply(derivative(source.activation), z)
        for m in widths:
            w = start[:m] / math.sqrt(m)
            residual = y - arrays.double(value[:, :m]) @ arrays.put(w) / math.sqrt(m)
            weighted = steep[:, :m] * arrays.xp.asarray(residual[:, None], dtype=z.dtype)
            weighted *= arrays.put(w, arrays.precision(z))
            sums[m] += weighted.T @ h
            if block.rows.stop in wanted[m]:
                n = block.rows.stop
                total = sums[m] if n == wanted[m][-1] else arrays.xp.asarray(sums[m], copy=True)
                total /= n * math.sqrt(m)
                by_source[n, m] = Gradient(total, slope * w, moment / (n * math.sqrt(m)))
    return by_source


def _scaled(block: Block, normalise: bool) -> Floats:
    return block.h.dense / block.norm if normalise else block.h.dense


@functools.lru_cache(maxsize=64)
def mean_slope(sigma: Activation) -> float:
    r""":math:`\mathbb E\,\sigma'(g)=\mathbb E[g\,\sigma(g)]=c_1` (Stein)."""
    return float(np.asarray(coefficients(sigma, 1))[1])


class MovedBlock:
    """A block of contexts as seen by heads with and without a gradient step; what several of them need is computed once."""

    def __init__(self, block: Block, steps: Mapping[tuple[StepSource, tuple[int, int]], Gradient]) -> None:
        self.block, self.steps = block, steps
        self._key: object = None
        self._product: Floats | None = None

    @property
    def rows(self) -> slice:
        return self.block.rows

    def features(self, unit: Unit) -> Floats:
        r""":math:`\sigma(\hat Fh)` by rows."""
        step = unit.head.step
        return unit.head.apply(self.block if step is None else self._after_step(unit, step))

    def _after_step(self, unit: Unit, step: Step) -> Block:
        block, key = self.block, unit.gradient
        assert key is not None
        gradient, arrays, dtype = self.steps[key], block.arrays, block.arrays.precision(block.preactivation)
        m = len(gradient.u)
        if step.rank_one:
            change = block.h.times(arrays.put(gradient.v, dtype))[:, None] * arrays.put(gradient.u, dtype)
        else:
            # Units of one gradient follow each other.
            if self._key != key:
                self._key, self._product = key, block.h.times(gradient.matrix)
            assert self._product is not None
            change = self._product
        noise = None if block.noise is None else block.noise[:, :m]
        return Block(block.rows, block.preactivation[:, :m] + step.size * change, noise, block.norm, block.h, arrays)
