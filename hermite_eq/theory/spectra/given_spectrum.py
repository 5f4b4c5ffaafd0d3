"""The traces of given eigenvalues and a given signal, in place of a spectrum that follows from a task."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.spectra.spectrum import Traces

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class GivenSpectrum:
    r"""One population in training and in the test: D eigenvalues r of mean 1, and :math:`DM_i^2` along each.

    Attributes
    ----------
    values : (D,) array
        r.
    signal : (D,) array
        :math:`DM_i^2`, :math:`M=\mathbb E[\hat hy]` in the eigenbasis.
    """

    values: Array
    signal: Array

    def traces(self, k: Array) -> Traces:
        """All traces at ridges k of any shape."""
        r, s, D = self.values, self.signal, len(self.values)
        inverse = 1 / (r + np.asarray(k)[..., None])
        first = inverse @ np.stack([np.full(D, 1 / D), r / D, s], axis=1)
        second = inverse**2 @ np.stack([r / D, r**2 / D, s, s * r], axis=1)
        (g, f1, m1), (j, f2, m2, mr2) = np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0)
        zero = np.zeros_like(g)
        return Traces(g, f1, f2, j, f1, j, m1, m2, m1, mr2, mr2, zero, zero, zero, zero, zero)

    @property
    def second_moment(self) -> Array:
        """⟨r²⟩."""
        return np.array(np.mean(self.values**2))

    @property
    def overlap(self) -> Array:
        """The same."""
        return self.second_moment
