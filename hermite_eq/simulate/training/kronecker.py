r"""Rows :math:`h=x\otimes b` times matrices, without forming h where several of them share their b.

With a row of M as the d × (d+1) matrix :math:`M_i`, :math:`m_i^\top h=x^\top(M_ib)`. The product :math:`M_ib` costs as much as
:math:`m_i^\top h`, but is the same for all q queries x of one context, each of which then costs d products where it cost d(d+1).
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.simulate.sampler import Contexts

Floats = NDArray[np.floating[Any]]
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
    """

    def __init__(self, contexts: Contexts, rows: slice, dtype: type[np.floating[Any]]) -> None:
        self._contexts, self._rows, self._dtype = contexts, rows, dtype

    @cached_property
    def dense(self) -> Floats:
        """h by rows, shape (rows, d(d+1))."""
        return self._contexts.h(self._rows, self._dtype)

    def times(self, matrix: Floats) -> Floats:
        """:math:`HM^\\top` for M of shape (m, d(d+1)), or Hv for a vector."""
        if self._contexts.queries == 1:
            return np.asarray(self.dense @ matrix.T)
        return self._by_context(np.atleast_2d(matrix)).reshape(-1, *matrix.shape[:-1])

    def _by_context(self, matrix: Floats) -> Floats:
        queries = self._contexts.queries
        b = self._contexts.b[self._rows][::queries].astype(self._dtype)
        x = self._contexts.x[self._rows].astype(self._dtype).reshape(len(b), queries, -1)
        d, m = x.shape[2], len(matrix)
        found = np.empty((len(b), queries, m), self._dtype)
        step = max(1, _ELEMENTS // (_CONTEXTS * d))
        for first in range(0, m, step):
            part = matrix[first : first + step]
            stacked = part.reshape(-1, d + 1).T
            for start in range(0, len(b), _CONTEXTS):
                some = slice(start, start + _CONTEXTS)
                images = (b[some] @ stacked).reshape(-1, len(part), d)
                np.matmul(x[some], images.transpose(0, 2, 1), out=found[some, :, first : first + len(part)])
        return found
