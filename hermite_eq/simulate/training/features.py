r"""The feature matrices of the heads: rows :math:`a_j=h_j` (linear) or :math:`a_j=\sigma(F^\top h_j)`
(random), never formed as a whole."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.laws import Contexts
from hermite_eq.simulate.laws.contexts import outer_rows
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.training.kronecker import Floats, KroneckerRows


def first_layer(seed: np.random.SeedSequence, d: int, hidden: int, trace: float, dtype: type[np.floating[Any]]) -> Floats:
    r""":math:`F^\top`, shape ``(hidden, d(d+1))``, entries N(0, 1/t); a row does not depend on the next."""
    rng = np.random.default_rng(seed)
    rows = rng.standard_normal((hidden, d * (d + 1)), dtype=dtype)
    rows /= dtype(math.sqrt(trace))
    return rows


def no_layers(before: tuple[tuple[Any, int], ...]) -> tuple[Floats, ...]:
    """Where no head has several layers."""
    return ()


def later_layer(seed: np.random.SeedSequence, inputs: int, outputs: int, square: float, dtype: type[np.floating[Any]]) -> Floats:
    r""":math:`F_l^\top`, shape ``(outputs, inputs)``, entries N(0, 1/t_l), :math:`t_l` = ``inputs`` times ``square``, that of a feature."""
    rows = np.random.default_rng(seed).standard_normal((outputs, inputs), dtype=dtype)
    rows /= dtype(math.sqrt(inputs * square))
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
    norm : (rows, 1) array
        :math:`\|h\|/\sqrt t`, in the precision of the features.
    h : KroneckerRows
    arrays : Arrays
        Where all of these live.
    layers : callable
        From the layers before the last of a head to :math:`F_1^\top,\dots,F_L^\top`.
    """

    rows: slice
    preactivation: Floats
    noise: Floats | None
    norm: Floats
    h: KroneckerRows
    arrays: Arrays = HOST
    layers: Callable[[tuple[tuple[Any, int], ...]], tuple[Floats, ...]] = no_layers


def norms(contexts: Contexts, rows: slice, trace: float) -> Array:
    r""":math:`\|h\|/\sqrt t` of some rows."""
    x, b = contexts.x[rows], contexts.b[rows]
    # ‖h‖ = ‖x‖ ‖b‖.
    return np.asarray(np.sqrt(np.einsum("ij,ij->i", x, x) * np.einsum("ij,ij->i", b, b) / trace))


def feature_blocks(
    contexts: Contexts, layer: Floats, trace: float, edges: list[int], noise: np.random.Generator | None, arrays: Arrays = HOST
) -> Iterator[Block]:
    """The blocks of rows between consecutive ``edges``, in the precision of ``layer`` and where that lives; noise is drawn by NumPy."""
    dtype = arrays.precision(layer)
    for start, stop in itertools.pairwise(edges):
        rows = slice(start, stop)
        norm = arrays.put(norms(contexts, rows, trace)[:, None], dtype)
        h = KroneckerRows(contexts, rows, dtype, arrays)
        preactivation = h.times(layer)
        z = None if noise is None else arrays.put(noise.standard_normal(tuple(preactivation.shape), dtype=dtype))
        yield Block(rows, preactivation, z, norm, h, arrays)


class FeatureRows(ABC):
    """The first rows of a feature matrix A, as the dual system needs them, wherever they live."""

    @abstractmethod
    def dense(self, rows: slice) -> Floats:
        """Rows of A, in double precision."""

    @abstractmethod
    def products(self, rows: slice, others: slice) -> Floats:
        """A block of :math:`AA^\\top`."""

    @abstractmethod
    def combine(self, alpha: Array) -> Array:
        """:math:`A^\\top\\alpha` over the first ``len(alpha)`` rows; both are NumPy's."""

    @abstractmethod
    def forget(self) -> None:
        """No row will be asked for any more: give back the memory that was taken for them."""


class LinearRows(FeatureRows):
    r"""Rows :math:`h_j=x_j\otimes b_j`, so that :math:`AA^\top=(XX^\top)\circ(BB^\top)` and
    :math:`A^\top\alpha=X^\top\mathrm{diag}(\alpha)B`."""

    def __init__(self, contexts: Contexts, arrays: Arrays = HOST) -> None:
        self._arrays, self._x, self._b = arrays, arrays.put(contexts.x), arrays.put(contexts.b)

    def dense(self, rows: slice) -> Floats:
        return outer_rows(self._arrays.xp, self._x[rows, :], self._b[rows, :])

    def products(self, rows: slice, others: slice) -> Floats:
        x, b = self._x, self._b
        return (x[rows, :] @ x[others, :].T) * (b[rows, :] @ b[others, :].T)

    def combine(self, alpha: Array) -> Array:
        x, b = self._x[: len(alpha), :], self._b[: len(alpha), :]
        return self._arrays.get(x.T @ (self._arrays.put(alpha[:, None]) * b)).ravel()

    def forget(self) -> None:
        """They are the contexts'; nothing was taken."""


class StoredRows(FeatureRows):
    """Rows kept in the precision in which they were computed."""

    def __init__(self, values: Floats, arrays: Arrays = HOST) -> None:
        self.values, self._arrays = values, arrays

    def dense(self, rows: slice) -> Floats:
        return self._arrays.double(self.values[rows, :])

    def products(self, rows: slice, others: slice) -> Floats:
        first = self.dense(rows)
        # Of one matrix and its own transpose BLAS forms one triangle.
        return first @ (first if rows == others else self.dense(others)).T

    def combine(self, alpha: Array) -> Array:
        total = np.zeros(self.values.shape[1])
        for start in range(0, len(alpha), 1024):
            rows = slice(start, min(start + 1024, len(alpha)))
            total += self._arrays.get(self._arrays.put(alpha[rows]) @ self.dense(rows))
        return total

    def forget(self) -> None:
        self.values = self.values[:0, :]
