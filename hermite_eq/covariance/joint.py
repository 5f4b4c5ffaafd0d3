"""The joint covariance of (Fᵀh, ξᵀx) as numbers: Kronecker factors instead of a D × D matrix."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]


def check_covariance(matrix: ArrayLike, d: int, name: str) -> Array:
    """A symmetric positive semi-definite matrix of shape (d, d), or an error that says which of the three fails."""
    values = np.array(matrix, dtype=float)
    if values.shape != (d, d) or not np.isfinite(values).all():
        raise HypothesisError(f"{name} is a finite matrix of shape (d, d)", f"shape {values.shape} at d = {d}", f"pass numpy.eye({d}), say")
    size = np.abs(values).max()
    skew = float(np.abs(values - values.T).max())
    if skew > 4 * np.finfo(float).eps * size:
        raise HypothesisError(f"{name} is symmetric", f"{name} − {name}ᵀ up to {skew:.3g}", f"pass ({name} + {name}.T) / 2")
    # Rounding moves eigenvalues by at most d eps times the largest.
    least = float(np.linalg.eigvalsh(values)[0])
    if least < -d * np.finfo(float).eps * d * size:
        raise HypothesisError(f"{name} is positive semi-definite", f"the eigenvalue {least:.3g}", "pass a covariance matrix, as A @ A.T")
    return values


def _root(matrix: Array) -> Array:
    """A matrix L with L Lᵀ = ``matrix``, symmetric positive semi-definite up to rounding."""
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(np.maximum(values, 0))


@dataclass(frozen=True)
class JointCovariance:
    r"""The covariance of :math:`(F^\top h,z)`, :math:`h=x\otimes b`, for given numbers; z is the target's argument at the query.

    :math:`\operatorname{Cov}(h)=\Sigma_x\otimes\mathbb E[bb^\top]` and :math:`\operatorname{Cov}(h,z)=\mathbb E[xz\otimes b]`, since x
    is independent of b.

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
    """

    inputs: Array
    mean_b: Array
    second_b: Array
    coupling: Array
    signal: float

    @property
    def trace(self) -> float:
        r""":math:`\operatorname{tr}\operatorname{Cov}(h)=\operatorname{tr}\Sigma_x\;\mathbb E\|b\|^2`."""
        return float(np.trace(self.inputs) * np.trace(self.second_b))

    def _weights(self, F: ArrayLike) -> Array:
        d = self.inputs.shape[0]
        F = np.asarray(F, dtype=float)
        if F.ndim != 2 or F.shape[0] != d * (d + 1):
            raise HypothesisError(
                "F has shape (d(d+1), m), its rows in the row-major order h = (x_i b_j)",
                f"shape {F.shape} at d = {d}",
                f"pass an array of shape ({d * (d + 1)}, m)",
            )
        return F

    def features(self, F: ArrayLike) -> Array:
        r""":math:`F^\top(\Sigma_x\otimes\mathbb E[bb^\top])F`, shape (m, m), at O(D m²) operations and the memory of F.

        With :math:`\Sigma_x=KK^\top`, :math:`\mathbb E[bb^\top]=LL^\top` it is :math:`G^\top G`,
        :math:`G=(K^\top\otimes L^\top)F`: symmetric and positive semi-definite as it stands.
        """
        F = self._weights(F)
        d, m = self.inputs.shape[0], F.shape[1]
        blocks = np.matmul(_root(self.second_b).T, F.reshape(d, d + 1, m))
        if np.array_equal(self.inputs, self.inputs[0, 0] * np.eye(d)):
            blocks *= np.sqrt(self.inputs[0, 0])
        else:
            blocks = (_root(self.inputs).T @ blocks.reshape(d, -1)).reshape(blocks.shape)
        G = blocks.reshape(F.shape)
        return np.asarray(G.T @ G)

    def cross(self, F: ArrayLike) -> Array:
        r""":math:`F^\top\operatorname{vec}\mathbb E[(xz)b^\top]`, shape (m,)."""
        return self.coupling.ravel() @ self._weights(F)

    def matrix(self, F: ArrayLike) -> Array:
        r"""The joint covariance of :math:`(F^\top h,z)`, shape (m + 1, m + 1)."""
        cross = self.cross(F)
        return np.block([[self.features(F), cross[:, None]], [cross[None, :], np.array([[self.signal]])]])
