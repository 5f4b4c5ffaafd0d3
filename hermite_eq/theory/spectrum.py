r"""The spectrum of the covariance of :math:`h=\operatorname{vec}H_Z`, and the traces that the errors are made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.marchenko_pastur import resolvent_moments

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Traces:
    r"""Traces at one ridge k; every trace is divided by the dimension D of h.

    With r the eigenvalues over the training tasks and T those over fresh tasks (each of mean 1), s the spectrum of S_k:

    Attributes
    ----------
    inverse : ndarray
        :math:`\langle 1/(r+k)\rangle`.
    f1, f2 : ndarray
        :math:`\langle r/(r+k)\rangle`, :math:`\langle r^2/(r+k)^2\rangle`.
    j : ndarray
        :math:`\langle r/(r+k)^2\rangle`.
    t1, t2 : ndarray
        :math:`\langle T/(r+k)\rangle`, :math:`\langle T/(r+k)^2\rangle`.
    m1, m2 : ndarray
        :math:`\langle s^2/(r+k)\rangle`, :math:`\langle s^2/(r+k)^2\rangle` (signal, training tasks twice).
    mt1 : ndarray
        :math:`\langle s/(r+k)\rangle` (signal, training and fresh tasks).
    mr2, mt2 : ndarray
        :math:`\langle s^2r/(r+k)^2\rangle`, :math:`\langle s^2T/(r+k)^2\rangle`.
    """

    inverse: Array
    f1: Array
    f2: Array
    j: Array
    t1: Array
    t2: Array
    m1: Array
    m2: Array
    mt1: Array
    mr2: Array
    mt2: Array


@dataclass(frozen=True)
class Spectrum:
    r"""Eigenvalues :math:`r = ps + i` of multiplicity d² (S_k ⊗ I, Marchenko-Pastur) and one of multiplicity d for the column of
    :math:`b_2=\frac1\ell\sum y_i^2`.

    Attributes
    ----------
    signal, noise : ndarray
        p and i.
    kappa : ndarray
    bulk : ndarray
        d²/D, which is 1 in the limit.
    column : ndarray
        The eigenvalue of the b₂ column; its weight is 1 − bulk.
    """

    signal: Array
    noise: Array
    kappa: Array
    bulk: Array
    column: Array

    def traces(self, k: Array) -> Traces:
        """All traces at ridge k ≥ 0."""
        p, i, w, e = self.signal, self.noise, self.bulk, self.column
        mp = resolvent_moments(i + k, self.kappa, p)
        fresh = p + i
        rest, denominator = 1 - w, np.where(w < 1, e + k, 1.0)
        block = rest * e / denominator
        j = w * (p * mp.s_2 + i * mp.g2) + block / denominator
        return Traces(
            inverse=w * mp.g + rest / denominator,
            f1=w * (p * mp.s_1 + i * mp.g) + block,
            f2=w * (p * p * mp.s2_2 + 2 * p * i * mp.s_2 + i * i * mp.g2) + block * e / denominator,
            j=j,
            t1=w * fresh * mp.g + block,
            t2=w * fresh * mp.g2 + block / denominator,
            m1=mp.s2_1,
            m2=mp.s2_2,
            mt1=mp.s_1,
            mr2=p * mp.s3_2 + i * mp.s2_2,
            mt2=fresh * mp.s2_2,
        )

    @property
    def second_moment(self) -> Array:
        r""":math:`\langle r^2\rangle`."""
        p, i, w, e = self.signal, self.noise, self.bulk, self.column
        return w * (p * p * (1 + 1 / self.kappa) + 2 * p * i + i * i) + (1 - w) * e * e

    @property
    def overlap(self) -> Array:
        r""":math:`\langle rT\rangle`."""
        return self.bulk * (self.signal + self.noise) ** 2 + (1 - self.bulk) * self.column**2
