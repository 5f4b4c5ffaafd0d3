r"""One source at given d and ℓ, in the conventions of its task.

In inputs X of O(1) entries let w be ξ divided by √d, or by :math:`\|\xi\|\,\|\Sigma_x\|_2^{1/2}`. With

.. math:: m=w^\top\mu_x,\qquad \omega^2=w^\top\Sigma_xw,\qquad r=\Sigma_xw/\omega

a label is :math:`y=\sigma_*(w^\top X)+\epsilon` and, for Gaussian inputs, :math:`w^\top X=m+\omega g`, :math:`g\sim\mathcal N(0,1)`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import Source
from hermite_eq.simulate.population import Array


@dataclass(frozen=True, eq=False)
class Link:
    r"""The link of k tasks: w and r of shape ``(k, d)``, m and ω of shape ``(k,)``."""

    w: Array
    m: Array
    omega: Array
    r: Array


@dataclass(frozen=True)
class SourceLaw(ABC):
    """The joint law of a source's tasks and contexts; the subclasses know how to draw from it."""

    source: Source
    d: int
    context: int
    unit_inputs: bool = False
    unit_link: bool = False

    @property
    def input_scale(self) -> float:
        """x/X."""
        return 1.0 if self.unit_inputs else 1 / math.sqrt(self.d)

    @property
    def statistic_scale(self) -> float:
        """The factor of (1/ℓ) Σ y_i X_i in b₁."""
        return 1.0 if self.unit_inputs else math.sqrt(self.d)

    def tasks(self, count: int, rng: np.random.Generator) -> Array:
        """``count`` tasks, shape ``(count, d)``; the first do not depend on how many follow."""
        source = self.source
        return source.task_cov.colour(source.tasks.draw(rng, (count, self.d))) + source.mean_vectors(self.d)[1]

    def link(self, xi: Array) -> Link:
        """The link of the tasks ``xi``."""
        source = self.source
        if self.unit_link:
            w = xi / (np.linalg.norm(xi, axis=1)[:, None] * math.sqrt(source.input_cov.norm(self.d)))
        else:
            w = xi / math.sqrt(self.d)
        image = source.input_cov.times(w)
        omega = np.sqrt(np.einsum("ij,ij->i", w, image))
        return Link(w, w @ source.mean_vectors(self.d)[0], omega, image / omega[:, None])

    def labels(self, argument: Array, rng: np.random.Generator) -> Array:
        """Labels with their noise."""
        # A copy: the identity may return its argument, and noise is added in place.
        y = np.array(self.source.target(argument), dtype=float)
        if self.source.noise:
            y += math.sqrt(self.source.noise) * rng.standard_normal(y.shape)
        return y

    @abstractmethod
    def draw(self, xi: Array, which: NDArray[np.intp], seed: np.random.SeedSequence, queries: int) -> tuple[Array, Array, Array]:
        """x, b, y of one context for each entry of ``which``, whose task is that row of ``xi``: shapes (n, queries, d), (n, d + 1),
        (n, queries)."""
