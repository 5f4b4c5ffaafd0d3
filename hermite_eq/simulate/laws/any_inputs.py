"""Draws of contexts by their definition, for inputs of any law and softmax attention, at a cost of O(ℓ d) each and in bounded memory."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array

#: Entries of inputs held at a time.
_ELEMENTS = 2**20


@dataclass(frozen=True)
class AnyInputs(SourceLaw):
    """A source whose inputs are μ + Az with z of any standardised law; with a sharpness, under softmax attention."""

    sharpness: float = 0.0

    def draw(
        self, xi: Array, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int
    ) -> tuple[Array, Array, Array]:
        if self.sharpness and queries > 1:
            raise HypothesisError(
                "the statistic b of a context is the same for all its queries, as under linear attention", f"queries={queries} and "
                f"softmax attention of sharpness {self.sharpness:g}", "pass queries=1",
            )
        inputs, noise, query, query_noise = (np.random.default_rng(s) for s in seed.spawn(4))
        n, d, length = len(which), self.d, self.context
        w = self.link(xi).w
        query_x = self._inputs(query, n * queries).reshape(n, queries, d)
        b = np.empty((n, d + 1))
        block = max(1, _ELEMENTS // (length * d))
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            x = self._inputs(inputs, (rows.stop - rows.start) * length).reshape(-1, length, d)
            y = self.labels(np.einsum("nid,nd->ni", x, w[which[rows]]), noise)
            weight = self._attention(x, query_x[rows, 0])
            b[rows, :d] = self.statistic_scale * np.einsum("ni,nid->nd", weight * y, x)
            b[rows, d] = np.einsum("ni,ni->n", weight * y, y)
        label = self.labels(np.einsum("ij,iqj->iq", w[which], query_x), query_noise)
        return self.input_scale * query_x, b, label

    def _attention(self, x: Array, query: Array) -> Array:
        """The weight of each input of each context, shape (rows, ℓ)."""
        if not self.sharpness:
            return np.full(x.shape[:2], 1 / self.context)
        logits = self.sharpness / math.sqrt(self.d) * np.einsum("nid,nd->ni", x, query)
        weight = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(weight / weight.sum(axis=1, keepdims=True))

    def _inputs(self, rng: np.random.Generator, count: int) -> Array:
        source = self.source
        return source.mean_vectors(self.d)[0] + source.input_cov.colour(source.inputs.draw(rng, (count, self.d)))
