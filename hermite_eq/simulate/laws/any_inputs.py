"""Draws of contexts by their definition, for inputs of any law, at a cost of O(ℓ d) each and in bounded memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array

#: Entries of inputs held at a time.
_ELEMENTS = 2**20


class AnyInputs(SourceLaw):
    """A source whose inputs are μ + Az with z of any standardised law."""

    def draw(self, xi: Array, which: NDArray[np.int64], seed: np.random.SeedSequence) -> tuple[Array, Array, Array]:
        inputs, noise, query, query_noise = (np.random.default_rng(s) for s in seed.spawn(4))
        n, d, length = len(which), self.d, self.context
        w = self.link(xi).w
        b = np.empty((n, d + 1))
        block = max(1, _ELEMENTS // (length * d))
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            x = self._inputs(inputs, (rows.stop - rows.start) * length).reshape(-1, length, d)
            y = self.labels(np.einsum("nid,nd->ni", x, w[which[rows]]), noise)
            b[rows, :d] = np.einsum("ni,nid->nd", y, x) * (self.statistic_scale / length)
            b[rows, d] = np.einsum("ni,ni->n", y, y) / length
        x = self._inputs(query, n)
        label = self.labels(np.einsum("ij,ij->i", w[which], x), query_noise)
        return self.input_scale * x, b, label

    def _inputs(self, rng: np.random.Generator, count: int) -> Array:
        source = self.source
        return source.mean_vectors(self.d)[0] + source.input_cov.colour(source.inputs.draw(rng, (count, self.d)))
