r"""Covariances given as matrices: block-diagonalised once, whatever the number of sources.

Sources s = 1…S have second moments :math:`C_s=\mathbb E[hh^\top]`, signals :math:`M_s=\mathbb E[hy]` and means of :math:`h`. In an orthonormal basis in which every
:math:`C_s` is block-diagonal with the same blocks, a block of shape (p, p) that occurs q times is stored once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse.csgraph import connected_components
from numpy.typing import ArrayLike, NDArray

from hermite_eq.errors import HypothesisError

Array = NDArray[np.float64]

#: Relative size below which commutators, asymmetries and negative eigenvalues are rounding: D ε for the largest D in reach.
_ROUNDING = 1e-10


@dataclass(frozen=True, eq=False)
class Kronecker:
    r"""The covariance :math:`\Sigma\otimes R` of :math:`h=x\otimes b` (row-major: entry :math:`i(d+1)+j` is :math:`x_ib_j`).

    Attributes
    ----------
    inputs : (d, d) array
        :math:`\Sigma=\mathbb E[xx^\top]` of the query.
    context : (p, p) array
        :math:`R=\mathbb E[bb^\top]`; p = d + 1 for the statistic b of this package.
    """

    inputs: Array
    context: Array

    @property
    def trace(self) -> float:
        return float(np.trace(self.inputs) * np.trace(self.context))

    def dense(self) -> Array:
        """The matrix itself.

        >>> Kronecker(np.eye(2), np.diag([1.0, 3.0])).dense().diagonal()
        array([1., 3., 1., 3.])
        """
        return np.asarray(np.kron(self.inputs, self.context), float)


Covariance = Kronecker | Array


@dataclass(frozen=True, eq=False)
class Block:
    r"""One invariant subspace and its copies.

    Attributes
    ----------
    matrices : (S, p, p) array
        The :math:`C_s` on it.
    signals : (S, p, q) array
        The components of the :math:`M_s` on each of the q copies.
    degree : {1, 2}
        Degree in h of the functions whose covariance this is: the head's :math:`c_1^2` or :math:`c_2^2` multiplies it.
    means : (S, p, q) array or None
        Those of :math:`\mathbb E_sh`; None where it is zero.
    """

    matrices: Array
    signals: Array
    degree: int = 1
    means: Array | None = None

    @property
    def copies(self) -> int:
        return int(self.signals.shape[2])

    @property
    def traces(self) -> Array:
        """:math:`q\\operatorname{tr}C_s`, shape (S,)."""
        return self.copies * np.einsum("sii->s", self.matrices)


def _symmetric(matrix: ArrayLike, name: str) -> Array:
    found = np.asarray(matrix, float)
    if found.ndim != 2 or found.shape[0] != found.shape[1] or not np.isfinite(found).all():
        raise HypothesisError(f"{name} is a finite square matrix", f"shape {found.shape}", "pass an array of shape (D, D)")
    scale = float(np.abs(found).max(initial=0.0))
    if float(np.abs(found - found.T).max(initial=0.0)) > _ROUNDING * scale:
        raise HypothesisError(f"{name} is symmetric", f"asymmetry {np.abs(found - found.T).max():.3g}", "pass (A + A.T) / 2")
    return (found + found.T) / 2


def positive(matrix: ArrayLike, name: str) -> Array:
    """A symmetric positive semidefinite matrix, or an error which says what is wrong with it."""
    found = _symmetric(matrix, name)
    shift = _ROUNDING * (float(np.abs(found).sum(axis=1).max(initial=0.0)) or 1.0)
    try:
        np.linalg.cholesky(found + shift * np.eye(len(found)))
    except np.linalg.LinAlgError:
        least = float(np.linalg.eigvalsh(found)[0])
        raise HypothesisError(f"{name} is positive semidefinite", f"the eigenvalue {least:.3g}", "pass a covariance matrix") from None
    return found


def joint_components(matrices: Sequence[Array]) -> tuple[Array, list[Array]]:
    """An orthonormal basis, and the sets of its vectors whose spans all of the matrices leave invariant.

    The eigenbasis of one generic combination, in which the others are block-diagonal: where they commute, with one vector in each set.

    >>> basis, components = joint_components([np.diag([1.0, 2.0, 2.0]), np.eye(3) + np.ones((3, 3))])
    >>> [len(one) for one in components]
    [2, 1]
    """
    scales = [float(np.abs(m).max()) or 1.0 for m in matrices]
    # A combination with incommensurable weights separates the joint eigenspaces.
    weights = np.sqrt(np.arange(2, len(matrices) + 2)) % 1 + 0.5
    _, basis = np.linalg.eigh(sum(w * m / scale for w, m, scale in zip(weights, matrices, scales, strict=True)))
    size = len(basis)
    joined = np.zeros((size, size), dtype=bool)
    for m, scale in zip(matrices, scales, strict=True):
        joined |= np.abs(basis.T @ m @ basis) > _ROUNDING * scale * size
    count, labels = connected_components(joined, directed=False)
    return np.asarray(basis), [np.flatnonzero(labels == label) for label in range(count)]


def common_basis(matrices: Sequence[Array]) -> Array | None:
    """An orthonormal basis that diagonalises all of them, or None where they do not commute."""
    basis, components = joint_components(matrices)
    return basis if len(components) == len(basis) else None


def equal_columns(values: Array) -> list[Array]:
    """Indices of equal columns of ``values``, shape (S, d), up to rounding."""
    scale = np.abs(values).max(axis=1, keepdims=True)
    rounded = np.round(values / np.where(scale > 0, scale, 1.0) / _ROUNDING / 100).astype(np.int64)
    order = np.lexsort(rounded)
    jumps = np.flatnonzero((np.diff(rounded[:, order], axis=1) != 0).any(axis=0)) + 1
    return np.split(order, jumps)


def block_diagonal(
    covariances: Sequence[Covariance], signals: Sequence[ArrayLike], means: Sequence[ArrayLike | None] | None = None
) -> list[Block]:
    r"""The blocks of several covariances, signals and means.

    Where every covariance is a :class:`Kronecker` product and the input covariances commute, with joint eigenvalues
    :math:`\sigma_{s,i}`, the blocks are :math:`\sigma_{s,i}R_s`, one for each distinct i: d + 1 rows instead of d(d+1). A subspace of q
    inputs in which they do not commute is one block of q(d+1) rows. A mixture within one source, :math:`\sum_j\pi_j\Sigma_j\otimes R_j`,
    is a dense matrix.

    Parameters
    ----------
    covariances : sequence of Kronecker or (D, D) array
    signals : sequence of (D,) or (d, d + 1) array
        :math:`M_s`, for each covariance.
    means : sequence of (D,) or (d, d + 1) array or None
        :math:`\mathbb E_sh`, likewise; None for zero.

    Raises
    ------
    HypothesisError
        If a matrix is not square, symmetric, finite and positive semidefinite, or shapes differ.

    Examples
    --------
    Identity and spike: two blocks, however large d is.

    >>> d = 20
    >>> spike = np.diag([5.0] + [1.0] * (d - 1))
    >>> R = np.diag(np.arange(1.0, d + 2))
    >>> blocks = block_diagonal([Kronecker(np.eye(d), R), Kronecker(spike, R)], [np.zeros(d * (d + 1))] * 2)
    >>> sorted((block.copies, block.matrices.shape) for block in blocks)
    [(1, (2, 21, 21)), (19, (2, 21, 21))]
    """
    vectors = [np.asarray(m, float).ravel() for m in signals]
    moving = means is not None and any(m is not None for m in means)
    centres = [np.zeros_like(v) if m is None else np.asarray(m, float).ravel() for v, m in zip(vectors, means or [None] * len(vectors), strict=True)]
    lengths = {len(c.inputs) * len(c.context) if isinstance(c, Kronecker) else len(c) for c in covariances}
    lengths |= {v.size for v in vectors + centres}
    if len(lengths) != 1:
        raise HypothesisError(
            "all covariances and signals have one dimension D", f"{sorted(lengths)}", "pass (D, D) and (D,) for every source"
        )
    factored = [c for c in covariances if isinstance(c, Kronecker)]
    if len(factored) == len(covariances) and len({c.inputs.shape[0] for c in factored}) == 1:
        inputs = [positive(c.inputs, "the input covariance") for c in factored]
        contexts = [positive(c.context, "E[bbᵀ]") for c in factored]
        basis, components = joint_components(inputs)
        turned = [basis.T @ m @ basis for m in inputs]
        rotated, centred = ([basis.T @ v.reshape(len(basis), -1) for v in each] for each in (vectors, centres))
        alone = np.array([one[0] for one in components if len(one) == 1], dtype=np.int64)
        found = []
        if alone.size:
            values = np.stack([m[alone, alone] for m in turned])
            for group in equal_columns(values):
                matrices = np.stack([value[group].mean() * R for value, R in zip(values, contexts, strict=True)])
                parts = (np.stack([m[alone[group]].T for m in each]) for each in (rotated, centred))
                found.append(_block(matrices, *parts, moving))
        for one in components:
            if len(one) > 1:
                matrices = np.stack([np.kron(m[np.ix_(one, one)], R) for m, R in zip(turned, contexts, strict=True)])
                parts = (np.stack([m[one].reshape(-1, 1) for m in each]) for each in (rotated, centred))
                found.append(_block(matrices, *parts, moving))
        return found
    dense = [positive(c.dense() if isinstance(c, Kronecker) else c, "the covariance") for c in covariances]
    return [_block(np.stack(dense), np.stack(vectors)[..., None], np.stack(centres)[..., None], moving)]


def _block(matrices: Array, signals: Array, means: Array, moving: bool) -> Block:
    return Block(matrices, signals, means=means if moving else None)
