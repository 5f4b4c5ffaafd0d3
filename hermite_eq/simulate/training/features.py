r"""The feature matrices of the heads: rows :math:`a_j=h_j` (linear) or :math:`a_j=\sigma(F^\top h_j)`
(random), never formed as a whole."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hermite_eq.simulate.sampler import Array, Contexts
from hermite_eq.simulate.training.kronecker import Floats, KroneckerRows


def first_layer(
    seed: np.random.SeedSequence, d: int, hidden: int, trace: float, dtype: type[np.floating[Any]]
) -> Floats:
    r""":math:`F^\top`, shape ``(hidden, d(d+1))``, entries N(0, 1/t); a row does not depend on the next."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((hidden, d * (d + 1)), dtype=dtype)
    rows /= dtype(math.sqrt(trace))
    return rows


@dataclass(frozen=True, eq=False)
class Block:
    r"""What heads need to form their features for some rows.

    Attributes
    ----------
    rows : slice
    preactivation : (rows, m) array
        :math:`F^\top h`.
    noise : (rows, m) array or None
        The standard normal z of equivalent activations, one for all of them; None where there is none.
    norm : (rows,) array
        :math:`\|h\|/\sqrt t`.
    h : KroneckerRows
    """

    rows: slice
    preactivation: Floats
    noise: Floats | None
    norm: Array
    h: KroneckerRows


def norms(contexts: Contexts, rows: slice, trace: float) -> Array:
    r""":math:`\|h\|/\sqrt t` of some rows."""
    x, b = contexts.x[rows], contexts.b[rows]
    # ‖h‖ = ‖x‖ ‖b‖.
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", b, b) / trace))


def feature_blocks(
    contexts: Contexts, layer: Floats, trace: float, edges: list[int], noise: np.random.Generator | None
) -> Iterator[Block]:
    """The blocks of rows between consecutive ``edges``, in the precision of ``layer``."""
    dtype = layer.dtype.type
    for start, stop in itertools.pairwise(edges):
        rows = slice(start, stop)
        norm = norms(contexts, rows, trace)
        h = KroneckerRows(contexts, rows, dtype)
        preactivation = h.times(layer)
        z = None if noise is None else noise.standard_normal(preactivation.shape, dtype=dtype)
        yield Block(rows, preactivation, z, norm, h)


class FeatureRows(ABC):
    """The first rows of a feature matrix A, as the dual system needs them."""

    @abstractmethod
    def dense(self, rows: slice) -> Array:
        """Rows of A, in double precision."""

    @abstractmethod
    def products(self, rows: slice, others: slice) -> Array:
        """A block of :math:`AA^\\top`."""

    @abstractmethod
    def combine(self, alpha: Array) -> Array:
        """:math:`A^\\top\\alpha` over the first ``len(alpha)`` rows."""


class LinearRows(FeatureRows):
    r"""Rows :math:`h_j=x_j\otimes b_j`, so that :math:`AA^\top=(XX^\top)\circ(BB^\top)` and
    :math:`A^\top\alpha=X^\top\mathrm{diag}(\alpha)B`."""

    def __init__(self, contexts: Contexts) -> None:
        self.contexts = contexts

    def dense(self, rows: slice) -> Array:
        return np.asarray(self.contexts.h(rows), dtype=float)

    def products(self, rows: slice, others: slice) -> Array:
        x, b = self.contexts.x, self.contexts.b
        return np.asarray((x[rows] @ x[others].T) * (b[rows] @ b[others].T))

    def combine(self, alpha: Array) -> Array:
        x, b = self.contexts.x[: len(alpha)], self.contexts.b[: len(alpha)]
        return np.asarray(x.T @ (alpha[:, None] * b)).ravel()


class StoredRows(FeatureRows):
    """Rows kept in the precision in which they were computed."""

    def __init__(self, values: Floats) -> None:
        self.values = values

    def dense(self, rows: slice) -> Array:
        return self.values[rows].astype(float)

    def products(self, rows: slice, others: slice) -> Array:
        return np.asarray(self.dense(rows) @ self.dense(others).T)

    def combine(self, alpha: Array) -> Array:
        total = np.zeros(self.values.shape[1])
        for start in range(0, len(alpha), 1024):
            rows = slice(start, min(start + 1024, len(alpha)))
            total += alpha[rows] @ self.dense(rows)
        return total
