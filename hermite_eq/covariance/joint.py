"""The joint covariance of (Fᵀh, ξᵀx) as numbers: Kronecker factors instead of a D × D matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array
from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]


def check_mean(vector: ArrayLike | None, d: int, name: str) -> Array:
    """A finite vector of shape (d,); zero for None."""
    values = np.zeros(d) if vector is None else array(vector, name, nan=True, empty=True)
    if values.shape != (d,) or not np.isfinite(values).all():
        raise HypothesisError(f"{name} is a finite vector of shape (d,)", f"shape {values.shape} at d = {d}", f"pass numpy.zeros({d}), say")
    return values


def covariance_root(matrix: Array) -> Array:
    """A matrix L with L Lᵀ = ``matrix``, symmetric positive semi-definite up to rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))


@dataclass(frozen=True)
class JointCovariance:
    r"""The covariance of :math:`(F^\top h,z)`, :math:`h=x\otimes b`, for given numbers; z is the target's argument at the query.

    :math:`\operatorname{Cov}(h)=\Sigma_x\otimes\mathbb E[bb^\top]+\mathbb Ex\,\mathbb Ex^\top\otimes\operatorname{Cov}(b)`
    and :math:`\operatorname{Cov}(h,z)=\mathbb E[xz\otimes b]-\mathbb E[z]\,\mathbb Ex\otimes\mathbb Eb`, since x is independent of b.

    Attributes
    ----------
    inputs : ndarray, shape (d, d)
        :math:`\Sigma_x`.
    mean_b : ndarray, shape (d + 1,)
        E[b].
    second_b : ndarray, shape (d + 1, d + 1)
        E[bbᵀ].
    coupling : ndarray, shape (d, d + 1)
        :math:`\mathbb E[(xz)b^\top]`.
    signal : float
        :math:`\mathbb Ez^2`.
    mean_x : ndarray, shape (d,), optional
        :math:`\mathbb Ex`, zero by default.
    mean_z : float
        :math:`\mathbb Ez`.
    error : float
        As in :class:`hermite_eq.covariance.SourceMoments`, where an average over tasks is a converging sum or a quasi-Monte Carlo mean.
    random : bool
        Whether it is the latter.
    """

    inputs: Array
    mean_b: Array
    second_b: Array
    coupling: Array
    signal: float
    mean_x: Array | None = None
    mean_z: float = 0.0
    error: float = 0.0
    random: bool = False

    @property
    def trace(self) -> float:
        r""":math:`\operatorname{tr}\operatorname{Cov}(h)=\operatorname{tr}\Sigma_x\,\mathbb E\|b\|^2
        +\|\mathbb Ex\|^2\operatorname{tr}\operatorname{Cov}(b)`.
        """
        trace = float(np.trace(self.inputs) * np.trace(self.second_b))
        if self.mean_x is not None:
            trace += float(self.mean_x @ self.mean_x) * float(np.trace(self.second_b) - self.mean_b @ self.mean_b)
        return trace

    def _weights(self, F: ArrayLike) -> Array:
        d = self.inputs.shape[0]
        F = np.asarray(F, dtype=float)
        if F.ndim != 2 or F.shape[0] != d * (d + 1):
            raise HypothesisError(
                "F has shape (d(d+1), m), its rows in the row-major order h = (x_i b_j)",
                f"shape {F.shape} at d = {d}",
                f"pass an array of shape ({d * (d + 1)}, m)",
            )
        if not np.isfinite(F).all():
            raise HypothesisError("F is finite", "NaN or infinity in it", "leave its columns out")
        return F

    def features(self, F: ArrayLike) -> Array:
        r""":math:`F^\top\operatorname{Cov}(h)F`, shape (m, m), at O(D m²) operations and the memory of F.

        With :math:`\Sigma_x=KK^\top`, :math:`\mathbb E[bb^\top]=LL^\top` it is :math:`G^\top G`,
        :math:`G=(K^\top\otimes L^\top)F`, symmetric and positive semi-definite as it stands; where x has a mean,
        :math:`F^\top(\mathbb Ex\,\mathbb Ex^\top\otimes\operatorname{Cov}b)F` is added, a Gram matrix of d + 1 rows.
        """
        F = self._weights(F)
        d, m = self.inputs.shape[0], F.shape[1]
        shift = 0.0 if self.mean_x is None or not self.mean_x.any() else self._shifted(F)
        blocks = np.matmul(covariance_root(self.second_b).T, F.reshape(d, d + 1, m))
        if np.array_equal(self.inputs, self.inputs[0, 0] * np.eye(d)):
            blocks *= np.sqrt(self.inputs[0, 0])
        else:
            blocks = (covariance_root(self.inputs).T @ blocks.reshape(d, -1)).reshape(blocks.shape)
        G = blocks.reshape(F.shape)
        return np.asarray(G.T @ G + shift)

    def _shifted(self, F: Array) -> Array:
        assert self.mean_x is not None
        d = len(self.mean_x)
        rows = np.tensordot(self.mean_x, F.reshape(d, d + 1, -1), axes=1)
        scaled = covariance_root(self.second_b - np.outer(self.mean_b, self.mean_b)).T @ rows
        return np.asarray(scaled.T @ scaled)

    def cross(self, F: ArrayLike) -> Array:
        r""":math:`F^\top\operatorname{vec}\operatorname{Cov}(xb^\top,z)`, shape (m,)."""
        coupling = self.coupling
        if self.mean_x is not None:
            coupling = coupling - self.mean_z * np.outer(self.mean_x, self.mean_b)
        return np.asarray(coupling.ravel() @ self._weights(F))

    def matrix(self, F: ArrayLike) -> Array:
        r"""The joint covariance of :math:`(F^\top h,z)`, shape (m + 1, m + 1)."""
        cross = self.cross(F)
        return np.block([[self.features(F), cross[:, None]], [cross[None, :], np.array([[self.signal - self.mean_z**2]])]])
