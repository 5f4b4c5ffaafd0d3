"""Tasks and contexts that were drawn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.simulate.population import Array


@dataclass(frozen=True, eq=False)
class Tasks:
    """Task vectors, and the source of each.

    Attributes
    ----------
    xi : (k, d) array
    source : (k,) array of int
    """

    xi: Array
    source: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.source)


@dataclass(frozen=True, eq=False)
class Contexts:
    r"""Contexts with the sufficient statistics of a Transformer's attention, :math:`H_Z=x\,b^\top` ([RT],
    after (6)); a context with several queries has as many rows, which follow each other and have their b in common.

    Attributes
    ----------
    x : (n, d) array
        The query :math:`x_{\ell+1}`.
    b : (n, d + 1) array
        :math:`b=\bigl[\frac d\ell\sum_{i\le\ell}y_ix_i;\ \frac1\ell\sum_{i\le\ell}y_i^2\bigr]`, without the factor d in unit inputs.
    y : (n,) array
        The query's label :math:`y_{\ell+1}`, noise included.
    tasks : Tasks
    task : (n,) array of int
        Number of the task of each context.
    queries : int
        How many rows each context has.
    """

    x: Array
    b: Array
    y: Array
    tasks: Tasks
    task: NDArray[np.intp]
    queries: int = 1

    def __len__(self) -> int:
        return len(self.y)

    @property
    def xi(self) -> Array:
        """The task vectors, shape (k, d)."""
        return self.tasks.xi

    @property
    def source(self) -> NDArray[np.intp]:
        """The source of each context, shape (n,)."""
        return self.tasks.source[self.task]

    def h(self, rows: slice = slice(None), dtype: type[np.floating[Any]] = np.float64) -> NDArray[np.floating[Any]]:
        r""":math:`h=\mathrm{vec}\,H_Z`, by rows: entry :math:`i(d+1)+j` is :math:`x_ib_j`; shape ``(n, d(d+1))``.

        >>> import numpy as np
        >>> x, b = np.array([[1.0, 2.0]]), np.array([[3.0, 5.0, 7.0]])
        >>> Contexts(x, b, np.ones(1), Tasks(np.ones((1, 2)), np.zeros(1, int)), np.zeros(1, int)).h()
        array([[ 3.,  5.,  7.,  6., 10., 14.]])
        """
        return np.asarray(outer_rows(np, self.x[rows].astype(dtype), self.b[rows].astype(dtype)))


def outer_rows(xp: Any, x: Any, b: Any) -> Any:
    """:math:`x\\otimes b` for the rows of two arrays of the namespace ``xp``."""
    return xp.reshape(x[:, :, None] * b[:, None, :], (x.shape[0], -1))
