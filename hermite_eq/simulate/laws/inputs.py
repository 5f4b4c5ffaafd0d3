r"""Exact draws of contexts: with Gaussian inputs at a cost of O(ℓ + d) each, with inputs of any law and softmax attention by definition, at
O(ℓ d) each and in bounded memory.

Gaussian inputs are, with m, ω, r of :mod:`hermite_eq.simulate.laws.source_law`, :math:`X_i=\mu+r\,g_i+X_i^\perp`, where
:math:`g_i\sim\mathcal N(0,1)` and :math:`X_i^\perp\sim\mathcal N(0,\Sigma-rr^\top)` are independent. The labels
:math:`y_i=\sigma_*(m+\omega g_i)+\epsilon_i` see only the :math:`g_i`, so that given the labels

.. math:: \sum_{i\le\ell}y_iX_i=\mu\sum_{i\le\ell}y_i+r\sum_{i\le\ell}y_ig_i+\|y\|\,(v-r\,w^\top v/\omega),\qquad
    v\sim\mathcal N(0,\Sigma),

in law, exactly: a sum of independent Gaussians with weights :math:`y_i` is one Gaussian with weight :math:`\|y\|`. No ℓ × d array is
formed. ``derivations/contexts/context_law.py`` holds the proof.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.simulate.laws.source_law import SourceLaw
from hermite_eq.simulate.population import Array

#: Labels drawn at a time, so that their arrays stay in the cache.
_LABELS = 2**15


class GaussianInputs(SourceLaw):
    """A source whose inputs are N(μ, Σ)."""

    def draw(self, xi: Array, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int) -> tuple[Array, Array, Array]:
        # Every random variable has a stream of its own, so that a longer draw begins with the shorter one.
        along, noise, across, query, query_noise = (np.random.default_rng(s) for s in seed.spawn(5))
        n, d, length = len(which), self.d, self.context
        link = self.link(xi)
        mean = self.source.mean_vectors(d)[0]

        total, weight_along, square = np.empty(n), np.empty(n), np.empty(n)
        block = max(1, _LABELS // length)
        for start in range(0, n, block):
            rows = slice(start, min(start + block, n))
            g = along.standard_normal((rows.stop - rows.start, length))
            y = self.labels(link.m[which[rows], None] + link.omega[which[rows], None] * g, noise)
            total[rows] = y.sum(axis=1)
            weight_along[rows] = np.einsum("ij,ij->i", y, g)
            square[rows] = np.einsum("ij,ij->i", y, y)

        r = link.r[which]
        v = self.source.input_cov.colour(across.standard_normal((n, d)))
        norm = np.sqrt(square)
        # What v has along the link's argument is replaced by what the labels saw.
        weight_along -= norm * np.einsum("ij,ij->i", link.w[which], v) / link.omega[which]
        b = np.empty((n, d + 1))
        b[:, :d] = norm[:, None] * v + weight_along[:, None] * r
        if not self.source.centred:
            b[:, :d] += np.outer(total, mean)
        b[:, :d] *= self.statistic_scale / length
        b[:, d] = square / length

        x = mean + self.source.input_cov.colour(query.standard_normal((n * queries, d))).reshape(n, queries, d)
        label = self.labels(np.einsum("ij,iqj->iq", link.w[which], x), query_noise)
        return self.input_scale * x, b, label


#: Entries of inputs held at a time.
_ELEMENTS = 2**20


@dataclass(frozen=True)
class AnyInputs(SourceLaw):
    """A source whose inputs are μ + Az with z of any standardised law; with a sharpness, under softmax attention."""

    sharpness: float = 0.0

    def draw(self, xi: Array, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int) -> tuple[Array, Array, Array]:
        if self.sharpness and queries > 1:
            raise HypothesisError(
                "the statistic b of a context is the same for all its queries, as under linear attention",
                f"queries={queries} and softmax attention of sharpness {self.sharpness:g}",
                "pass queries=1",
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
