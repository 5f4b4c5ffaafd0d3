r"""The task matrix S under any pretraining covariance, seen through its resolvent.

:math:`S=\frac1k\sum_{j\le k}\zeta_j\zeta_j^\top` with :math:`\zeta_j\sim\mathcal N(0,C)` in dimension d and γ = d/k, or a fixed matrix
C = S (γ = 0). T is another symmetric matrix, :math:`\langle\cdot\rangle=\frac1d\operatorname{tr}`. In the eigenbasis of C only its
eigenvalues c and the diagonal t of T matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array
from hermite_eq.errors import HypothesisError
from hermite_eq.models.covariance_matrix import covariance_matrix, covariance_spectrum
from hermite_eq.theory.roots import increasing_root

Array = NDArray[np.float64]


@dataclass(frozen=True)
class TaskSpectrum:
    r"""Eigenvalues of the population and the diagonal of T.

    With ψ > 0 as parameter,

    .. math:: \varphi=1-\gamma\Big\langle\frac C{C+\psi}\Big\rangle,\qquad y=\psi\varphi,\qquad
        (S+y)^{-1}\simeq\frac1\varphi(C+\psi)^{-1},

    and the other functions of S are derivatives of this in y; y increases with ψ and is convex. γ = 0 is exact: ψ = y.

    Attributes
    ----------
    eigenvalues, fresh, weights : ndarray
        c ≥ 0, t ≥ 0 and the share of each (of sum 1), shape (N,).
    """

    eigenvalues: Array
    fresh: Array
    weights: Array

    @property
    def mean(self) -> float:
        """⟨S⟩ = ⟨C⟩."""
        return float(self.weights @ self.eigenvalues)

    @property
    def fresh_mean(self) -> float:
        """⟨T⟩."""
        return float(self.weights @ self.fresh)

    def origin(self, y: Array, gamma: Array) -> Array:
        r"""The ψ of a given y > 0: :math:`y\le\psi\le y+\gamma\langle C\rangle`.

        >>> one = TaskSpectrum(np.ones(1), np.ones(1), np.ones(1))
        >>> psi = one.origin(np.array([0.5]), np.array([0.5]))
        >>> (psi * (1 - 0.5 / (1 + psi))).round(12)
        array([0.5])
        """
        y, gamma = (np.array(x, float) for x in np.broadcast_arrays(y, gamma))
        # y − ψ + γψ⟨c/(c+ψ)⟩ divided by ψ: near the lower end of ψ the quotient y/ψ keeps its digits.
        # At twice the upper end it is at least 1/2, whatever the rounding.
        return increasing_root(lambda psi: 1 - gamma * self._mean(self.eigenvalues, psi, 1) - y / psi, y, 2 * (y + gamma * self.mean))

    def _mean(self, numerator: Array, psi: Array, power: int) -> Array:
        inverse = 1 / (self.eigenvalues + psi[..., None])
        return np.asarray(inverse**power @ (self.weights * numerator))

    def resolvent(self, y: Array, psi: Array, excess: Array, gamma: Array) -> Resolvent:
        r"""The functionals at ψ + δ, where ``psi`` is the ψ of ``y`` and δ = ``excess`` ≥ 0.

        :math:`\varphi(\psi+\delta)=\frac y\psi+\gamma\delta\langle C/((C+\psi)(C+\psi+\delta))\rangle` and
        :math:`y(\psi+\delta)-y=\delta\varphi(\psi+\delta)+\gamma\psi\delta\langle C/((C+\psi)(C+\psi+\delta))\rangle` are sums of positive
        terms: the difference keeps its digits however small δ is.
        """
        c, t = self.eigenvalues, self.fresh
        far = psi + excess
        first = 1 / (c + far[..., None])
        second = first**2

        def mean(values: Array, numerator: Array | float) -> Array:
            return np.asarray(values @ (self.weights * numerator))

        rise = gamma * mean(first / (c + psi[..., None]), c)
        phi = y / psi + excess * rise
        slope = gamma * mean(second, c)
        dy = phi + far * slope
        inverse, t_inverse = mean(first, 1.0), mean(first, t)
        return Resolvent(
            ridge=excess * (phi + psi * rise),
            trace=inverse / phi,
            s_1=mean(first, c),
            inverse2=(mean(second, 1.0) / phi + inverse * slope / phi**2) / dy,
            s_2=mean(second, c) / dy,
            s2_2=(phi * mean(second, c**2) + far * slope * mean(first, c)) / dy,
            t_2=(mean(second, t) / phi + t_inverse * slope / phi**2) / dy,
            ts_2=mean(second, c * t) / dy,
        )

    def directions(self, y: Array, psi: Array, excess: Array, gamma: Array) -> tuple[Array, Array]:
        r""":math:`T(S+y)^{-2}` and :math:`TS(S+y)^{-2}` along every eigenvector, T = 1: what ``t_2`` and ``ts_2`` of :meth:`resolvent` are
        means of, shape (P, N).

        >>> one = TaskSpectrum(np.array([1.0, 2.0]), np.ones(2), np.full(2, 0.5))
        >>> at = np.array([0.5]), one.origin(np.array([0.5]), np.ones(1)), np.zeros(1), np.ones(1)
        >>> both = zip(one.directions(*at), (one.resolvent(*at).t_2, one.resolvent(*at).ts_2))
        >>> [bool(abs(found.mean() - mean[0]) < 1e-15) for found, mean in both]
        [True, True]
        """
        far = psi + excess
        first = 1 / (self.eigenvalues + far[..., None])
        rise = gamma * (first / (self.eigenvalues + psi[..., None]) @ (self.weights * self.eigenvalues))
        phi, slope = y / psi + excess * rise, gamma * (first**2 @ (self.weights * self.eigenvalues))
        dy = (phi + far * slope)[..., None]
        return (first**2 / phi[..., None] + first * (slope / phi**2)[..., None]) / dy, self.eigenvalues * first**2 / dy


@dataclass(frozen=True)
class Resolvent:
    r"""Functionals at one y = y₀ + q.

    Attributes
    ----------
    ridge : ndarray
        q.
    trace, inverse2 : ndarray
        :math:`\langle(S+y)^{-1}\rangle`, :math:`\langle(S+y)^{-2}\rangle`.
    s_1, s_2, s2_2 : ndarray
        :math:`\langle S(S+y)^{-1}\rangle`, :math:`\langle S(S+y)^{-2}\rangle`, :math:`\langle S^2(S+y)^{-2}\rangle`.
    t_2, ts_2 : ndarray
        :math:`\langle T(S+y)^{-2}\rangle`, :math:`\langle TS(S+y)^{-2}\rangle`.
    """

    ridge: Array
    trace: Array
    s_1: Array
    inverse2: Array
    s_2: Array
    s2_2: Array
    t_2: Array
    ts_2: Array


def task_covariance(given: ArrayLike, name: str) -> Array:
    """A covariance of tasks (d, d), or its diagonal (d,), not zero."""
    matrix = array(given, name, nan=True, empty=True)
    spectrum = covariance_spectrum(matrix, name) if matrix.ndim == 1 else covariance_matrix(matrix, name)
    if not spectrum.any():
        raise HypothesisError(f"{name} is not zero", "no entry other than 0", "pass numpy.eye(d), say")
    return spectrum
