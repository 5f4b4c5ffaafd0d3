r"""Blocks of covariances in the eigenbases of their mixtures :math:`\sum_sw_sr_s`, and the traces of their resolvents.

Many engines stand along a first axis; of diagonal covariances there is no basis, and of one training source the diagonals suffice.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.spectra.blocks import Block

Array = NDArray[np.float64]


def _within_range(values: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Eigenvalues, zero where they are rounding: outside the range of the training covariance nothing is learnt, and rounding must look
    neither like signal nor like variance."""
    inside = values > values.shape[-1] * np.finfo(float).eps * values.max(axis=-1, keepdims=True)
    return np.where(inside, values, 0.0), inside


@dataclass(frozen=True, eq=False)
class Eigenblock:
    """A block of each of P engines, all of one shape, in the eigenbases of the effective covariances.

    Attributes
    ----------
    blocks : sequence of Block
        One for each.
    values : (P, p) array
        Eigenvalues of Σ_s weights_s r_s, zero where they are rounding.
    basis : (P, p, p) array or None
        None where every r_s is diagonal.
    diagonals : (P, S, p) array
        Diagonal entries of every r_s in the basis.
    rotated : (P, S, p, p) array
        Every r_s in the basis; none where the diagonals suffice: with one training source, whose matrix is diagonal, or without a basis.
    inside : (P, p) array of bool
        The range of the training covariance.
    """

    blocks: Sequence[Block]
    values: Array
    basis: Array | None
    diagonals: Array
    rotated: Array
    inside: NDArray[np.bool_]

    @classmethod
    def of(cls, block: Block, weights: Array) -> Eigenblock:
        """Diagonalise mixtures of the training sources, one for each row of ``weights``, shape (P, trained)."""
        trained, own = weights.shape[1], block.diagonals
        basis = None
        rotated = np.zeros((len(weights), 0, block.matrices.shape[1], block.matrices.shape[1]))
        if own is not None:
            values, inside = _within_range(weights @ own[:trained])
            diagonals = np.repeat(own[None], len(weights), axis=0)
            diagonals[:, :trained] *= inside[:, None]
        else:
            values, basis = np.linalg.eigh(np.tensordot(weights, block.matrices[:trained], 1))
            values, inside = _within_range(values)
            if trained > 1:
                rotated = basis.swapaxes(1, 2)[:, None] @ block.matrices @ basis[:, None]
                rotated[:, :trained] *= inside[:, None, :, None] * inside[:, None, None, :]
                diagonals = np.einsum("nsii->nsi", rotated)
            else:
                first = np.divide(values, weights, out=np.zeros_like(values), where=weights > 0)
                others = [(basis * (matrix @ basis)).sum(1) for matrix in block.matrices[1:]]
                diagonals = np.stack([first, *others], axis=1)
            diagonals = np.maximum(diagonals, 0.0)
        return cls([block] * len(weights), values, basis, diagonals, rotated, inside)

    @property
    def key(self) -> tuple[int, int]:
        """Degree and kind."""
        return self.blocks[0].key

    @property
    def copies(self) -> int:
        """How often the block occurs."""
        return self.blocks[0].copies

    @property
    def layout(self) -> Hashable:
        """What blocks have in common that stand in one array."""
        block = self.blocks[0]
        return block.key, block.signals.shape, block.more, block.means is None, self.basis is None

    def row(self, i: int) -> Eigenblock:
        """That of one engine, with a first axis of length 1."""
        own = slice(i, i + 1)
        basis = None if self.basis is None else self.basis[own]
        return Eigenblock([self.blocks[i]], self.values[own], basis, self.diagonals[own], self.rotated[own], self.inside[own])

    @classmethod
    def joined(cls, rows: Sequence[Eigenblock]) -> Eigenblock:
        """Those of several engines, whose layouts are equal."""

        def together(name: str) -> Any:
            return np.concatenate([getattr(block, name) for block in rows])

        basis = None if rows[0].basis is None else together("basis")
        blocks = [block for row in rows for block in row.blocks]
        return cls(blocks, together("values"), basis, together("diagonals"), together("rotated"), together("inside"))

    @cached_property
    def signals(self) -> Array:
        """M_s, shape (P, S, p, q)."""
        return np.array([block.signals for block in self.blocks])

    @cached_property
    def means(self) -> Array | None:
        """E_s[h] in the basis, where it is not zero."""
        return None if self.blocks[0].means is None else self.turned(np.array([block.means for block in self.blocks]))

    def turned(self, vectors: Array) -> Array:
        """Vectors of shape (P, J, p, q) in the basis, without what lies outside the range of the training covariance."""
        product = vectors if self.basis is None else np.einsum("nij,nsik->nsjk", self.basis, vectors, optimize=True)
        return np.where(self.inside[:, None, :, None], product, 0.0)

    def original(self, vector: Array) -> Array:
        """A vector in the basis, of shape (P, p, q), as it was."""
        return vector if self.basis is None else np.asarray(self.basis @ vector)

    def resolvent(self, k: Any) -> Array:
        """R̃ = (Σ_s weights_s r_s + k)⁻¹ by its diagonal, shape (P, p) for k of shape (P,)."""
        return np.asarray(1 / (self.values + k[:, None]))

    def lost(self, k: Any, resolvent: Array) -> Any:
        """q Σ(1 − λ²/(λ+k)²) over the range of the training covariance, without cancellation where k is small."""
        return self.copies * np.where(self.inside, k[:, None] * resolvent * (1 + self.values * resolvent), 0.0).sum(1)

    def traces(self, sources: int, resolvent: Array) -> Array:
        """q tr(r_s R̃) of the first ``sources``."""
        return np.asarray(self.copies * (self.diagonals[:, :sources] @ resolvent[..., None])[..., 0])

    def squares(self, resolvent: Array) -> Array:
        """q tr(r_s R̃²)."""
        return np.asarray(self.copies * (self.diagonals @ (resolvent**2)[..., None])[..., 0])

    def pairs(self, trained: int, resolvent: Array) -> Array:
        """q tr(r_a R̃ r_b R̃) of every source with each of the first ``trained``."""
        P, S = self.rotated.shape[:2]
        if S:
            inner = (self.rotated * (resolvent[:, :, None] * resolvent[:, None, :])[:, None]).reshape(P, S, -1)
            return np.asarray(self.copies * inner @ self.rotated[:, :trained].reshape(P, trained, -1).swapaxes(1, 2))
        return np.asarray(self.copies * (self.diagonals * (resolvent**2)[:, None]) @ self.diagonals[:, :trained].swapaxes(1, 2))

    def apply(self, resolvent: Array, vectors: Array) -> Array:
        """R̃ times vectors of shape (P, …, p, q)."""
        return np.asarray(resolvent.reshape(len(resolvent), *(1,) * (vectors.ndim - 3), -1, 1) * vectors)

    def quadratics(self, vector: Array) -> Array:
        """vᵀ r_s v summed over the copies, v of shape (P, p, q) in the basis; shape (P, S)."""
        if self.rotated.shape[1]:
            outer = vector @ vector.swapaxes(1, 2)
            return np.asarray((self.rotated.reshape(*self.rotated.shape[:2], -1) @ outer.reshape(len(outer), -1, 1))[..., 0])
        values = (self.diagonals @ (vector**2).sum(2)[..., None])[..., 0]
        if self.basis is not None:
            original = self.original(vector)[:, None]
            others = np.array([block.matrices[1:] for block in self.blocks])
            values[:, 1:] = (original * (others @ original)).sum((2, 3))
        return np.asarray(values)
