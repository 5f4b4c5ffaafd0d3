"""The traces of a given list of eigenvalues, in place of a limiting spectrum."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.spectra.spectrum import Traces

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GivenSpectrum:
    """The traces of a given list of eigenvalues s (signal), r (training), T (fresh tasks)."""

    s: Array
    r: Array
    fresh: Array

    def traces(self, k: Any) -> Traces:
        k, s, r, fresh = np.asarray(k)[..., None], self.s, self.r, self.fresh
        terms = (1 / (r + k), r / (r + k), r**2 / (r + k) ** 2, r / (r + k) ** 2, fresh / (r + k), fresh / (r + k) ** 2,
                 s**2 / (r + k), s**2 / (r + k) ** 2, s / (r + k), s**2 * r / (r + k) ** 2, s**2 * fresh / (r + k) ** 2,
                 (s - 1) / (r + k), (s - 1) / (r + k) ** 2, (s - 1) ** 2 / (r + k) ** 2, s**2 * (s - 1) / (r + k) ** 2,
                 fresh * (s - 1) / (r + k) ** 2)  # fmt: skip
        return Traces(*(term.mean(-1) for term in terms))

    def tilted(self, by: float) -> GivenSpectrum:
        return replace(self, r=self.r + by * (self.s - 1))

    @property
    def second_moment(self) -> Array:
        return np.array([(self.r**2).mean()])

    @property
    def overlap(self) -> Array:
        return np.array([(self.r * self.fresh).mean()])
