"""Sequences of tokens: whole contexts, of which the architectures see every entry."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import Sizes, Task

Array = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Sequences:
    """Contexts in single precision.

    Attributes
    ----------
    tokens : (n, ℓ + 1, d + 2) array
        Of each token x, its label (of the query 0), and 1, by which affine maps are linear ones.
    labels : (n,) array
        Of the queries, noise included.
    """

    tokens: Array
    labels: Array


def task_vectors(sizes: Sizes, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """``count`` tasks ξ ~ N(0, I_d), of shape (count, d)."""
    return rng.standard_normal((count, sizes.d))


def sequences(task: Task, sizes: Sizes, xi: NDArray[np.float64], rng: np.random.Generator) -> Sequences:
    r"""A context for each row of ξ: :math:`x_i\sim\mathcal N(0,I_d/d)` and :math:`y_i=\sigma_*(\xi^\top x_i)+\epsilon_i`, i ≤ ℓ + 1.

    >>> import numpy as np
    >>> drawn = sequences(Task("identity"), Sizes(3, 4, 1, 1), np.ones((5, 3)), np.random.default_rng(0))
    >>> drawn.tokens.shape, bool((drawn.tokens[:, -1, 3] == 0).all())
    ((5, 5, 5), True)
    """
    x = rng.standard_normal((len(xi), sizes.context + 1, sizes.d)) / np.sqrt(sizes.d)
    y = np.asarray(task.target(np.einsum("nid,nd->ni", x, xi))) + np.sqrt(task.noise) * rng.standard_normal(x.shape[:2])
    visible = y.copy()
    visible[:, -1] = 0
    tokens = np.concatenate([x, visible[:, :, None], np.ones_like(visible)[:, :, None]], axis=2)
    return Sequences(tokens.astype(np.float32), y[:, -1].astype(np.float32))
