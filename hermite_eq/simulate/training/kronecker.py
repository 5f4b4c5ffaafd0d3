r"""Rows :math:`h=x\otimes b` times matrices, without forming h where several of them share their b.

With a row of M as the d × (d+1) matrix :math:`M_i`, :math:`m_i^\top h=x^\top(M_ib)`. The product :math:`M_ib` costs as much as
:math:`m_i^\top h`, but is the same for all q queries x of one context, each of which then costs d products where it cost d(d+1).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.laws import Contexts
from hermite_eq.simulate.laws.contexts import outer_rows

#: An array of features or pre-activations, wherever it lives.
Floats = Any
#: Contexts taken together, and entries of their :math:`M_ib` held at a time: enough for fast products, few enough for the cache.
_CONTEXTS, _ELEMENTS = 64, 2**20


class KroneckerRows:
    """The rows h of some contexts.

    Parameters
    ----------
    contexts : Contexts
    rows : slice
        Whole contexts, with all their queries.
    dtype : type
    arrays : Arrays
        Where h and the matrices live.
    """

    def __init__(self, contexts: Contexts, rows: slice, dtype: Any, arrays: Arrays = HOST) -> None:
        self._contexts, self._rows, self._dtype, self._arrays = contexts, rows, dtype, arrays

    @cached_property
    def dense(self) -> Floats:
        """h by rows, shape (rows, d(d+1))."""
        x, b = (self._arrays.put(part[self._rows], self._dtype) for part in (self._contexts.x, self._contexts.b))
        return outer_rows(self._arrays.xp, x, b)

    def times(self, matrix: Floats) -> Floats:
        """:math:`HM^\\top` for M of shape (m, d(d+1)), or Hv for a vector."""
        if self._contexts.queries == 1:
            return self.dense @ (matrix if matrix.ndim == 1 else matrix.T)
        by_context = self._by_context(matrix[None, :] if matrix.ndim == 1 else matrix)
        return self._arrays.xp.reshape(by_context, (-1, *matrix.shape[:-1]))

    def _by_context(self, matrix: Floats) -> Floats:
        queries, xp = self._contexts.queries, self._arrays.xp
        b = self._arrays.put(self._contexts.b[self._rows][::queries], self._dtype)
        x = self._arrays.put(self._contexts.x[self._rows].reshape(-1, queries, self._contexts.x.shape[1]), self._dtype)
        count, d, m = b.shape[0], x.shape[2], matrix.shape[0]
        rows = self._arrays.empty((count, queries, m), self._dtype)
        step = max(1, _ELEMENTS // (_CONTEXTS * d))
        for first in range(0, m, step):
            part = matrix[first : min(first + step, m), :]
            stacked = xp.reshape(part, (-1, d + 1)).T
            for start in range(0, count, _CONTEXTS):
                some = slice(start, min(start + _CONTEXTS, count))
                images = xp.reshape(b[some, :] @ stacked, (-1, part.shape[0], d))
                rows[some, :, first : first + part.shape[0]] = x[some, :, :] @ xp.permute_dims(images, (0, 2, 1))
        return rows
