r"""Quadratic functions of the query that a head learns one by one, context by context.

Where b has directions e_a of an energy of its own (the column :math:`b_2=\frac1\ell\sum y^2` of unit inputs, or a task spike), the
pre-activation contains :math:`\sum_ab_a\,f_a^\top x`, and its part of degree 2 is

.. math:: \Big(\sum_ab_a\,f_a^\top x\Big)^2-\mathbb E_f=\sum_{a\le b}(2-\delta_{ab})\,b_ab_b\;x^\top\big(f_af_b^\top-\delta_{ab}r_a\big)x,
    \qquad f_a\sim\mathcal N(0,r_aI).

In an orthonormal basis B of symmetric matrices the functions :math:`b_ab_b\,x^\top Bx` have uncorrelated weights of mean zero, of
variance :math:`2r_a^2` for a = b, :math:`4r_ar_b` for a < b (``derivations/heads/spiked_quadratics.py``); as functions of the query, of the
bulk of x, they have eigenvalues of the order of those of h. They are taken for Gaussian (tested by simulation). Along the signals, which
only these matrices see, they are *coordinates*; the rest of each pair has its energy in all other matrices.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.ridge_equivalent.typed import Channel, Subspace
from hermite_eq.theory.spectra.blocks import Side

Array = NDArray[np.float64]

#: Relative length below which a matrix is in the span of the others.
_SPANNED = 1e-6


@dataclass(frozen=True, eq=False)
class QuadraticNodes:
    r"""Quadratic functions at the nodes, for T pairs of directions of b.

    Attributes
    ----------
    pairs : tuple of (int, int)
        The kinds of the blocks :math:`x\,b_a` and :math:`x\,b_b`.
    coordinates : (T, N, k) array
        :math:`b_ab_b\,x^\top B_kx`.
    rest : (T, N) array
        :math:`b_a^2b_b^2\|x\|^4` less the squares of the coordinates.
    spectra : sequence of ((sources, B) array, int)
        Shares of the products :math:`x_ix_j` in the rest, with the number of copies of each.
    """

    pairs: tuple[tuple[int, int], ...]
    coordinates: Array
    rest: Array
    spectra: Sequence[tuple[Array, int]]

    def channel(self, alpha: Array, beta: Array, variances: Array) -> Channel:
        """The channel of features with the factors ``alpha`` and ``beta``, for neurons of given :meth:`weights`, shape (S, T)."""
        T, N, k = self.coordinates.shape
        S, sources = len(alpha), len(self.spectra[0][0])
        spaces = []
        for t, (values, copies) in itertools.product(range(T), self.spectra):
            B = values.shape[1]
            neurons = np.broadcast_to(variances[:, t, None, None, None], (S, B, 1, 1))
            spaces.append(Subspace(values[:, :, None, None], neurons, np.zeros((T * k, T * k, B, 1, 1)), copies, t))
        own = np.arange(T * k)
        directions = np.zeros((T * k, T * k, T * k, 1, 1))
        directions[own, own, own] = 1.0
        spaces.append(Subspace(np.zeros((sources, T * k, 1, 1)), np.repeat(variances, k, axis=1)[:, :, None, None], directions, 1))
        coordinates = self.coordinates.transpose(1, 0, 2).reshape(N, T * k)
        return Channel(alpha, beta, self.rest, coordinates, np.zeros_like(coordinates), spaces)

    def weights(self, entries: Array) -> Array:
        """Variances of the weights of unit matrices, shape (S, T), for first layers of ``entries`` r in each kind, shape (S, kinds)."""
        return np.stack([(2 if a == b else 4) * entries[:, a] * entries[:, b] for a, b in self.pairs], axis=1)

    def variance(self, variances: Array) -> Array:
        """Of the sum of all functions over neurons of a type, shape (S, N)."""
        return np.asarray(variances @ (self.rest + (self.coordinates**2).sum(2)))


def quadratic_nodes(
    both: tuple[Side, Side], x: Array, b: Array, inputs: Sequence[Array], signals: Array, typed: Array
) -> QuadraticNodes | None:
    r"""The functions at nodes x and b, in the bases of ``both`` sides; None where no direction of b stands alone.

    Parameters
    ----------
    inputs : sequence of (d, d) array
        :math:`\Sigma_s`.
    signals : (sources, d, d + 1) array
        :math:`M_s` in the bases: what is quadratic in the query has signals along the same directions.
    typed : (k, d, d + 1) array
        Directions of h that are types of the neurons, likewise. The query's part in them is left out: all of σ is known of it.
    """
    left, right = both
    bulk = left.classes[-1]
    pieces = [members for members, equal in left.pieces if equal and np.isin(members, bulk).all()]
    single = [i for i, members in enumerate(right.classes) if members.size == 1]
    if bulk.size < 2 or sum(map(len, pieces)) < bulk.size or not single:
        return None
    square, apart = np.ix_(bulk, bulk), _apart(typed[:, bulk][:, :, [right.classes[i][0] for i in single]])
    values = np.stack([(left.basis.T @ m @ left.basis)[square].diagonal() for m in inputs])
    # M_s without the column b₂, in the basis of x: the basis of b need not be that of x.
    traces = [m @ right.basis.T[:, : len(left.basis)] @ left.basis for m in signals]
    matrices = np.array([np.diag(v / np.linalg.norm(v)) for v in values] + [((m + m.T) / 2)[square] for m in traces])
    within = np.eye(bulk.size) - apart.T @ apart
    matrices = within @ matrices @ within
    lengths = np.linalg.norm(matrices, axis=(1, 2))
    matrices = matrices[lengths > _SPANNED * lengths.max()] / lengths[lengths > _SPANNED * lengths.max()][:, None, None]
    _, sizes, right_vectors = np.linalg.svd(matrices.reshape(len(matrices), -1), full_matrices=False)
    directions = right_vectors[sizes > _SPANNED * sizes[0]].reshape(-1, bulk.size, bulk.size)
    query = x[:, bulk] @ within
    forms = np.einsum("ni,kij,nj->nk", query, directions, query, optimize=True)
    energy = (query**2).sum(1) ** 2
    products = {(i, j): b[:, right.classes[i][0]] * b[:, right.classes[j][0]] for i in single for j in single if i <= j}
    offset = (len(left.classes) - 1) * len(right.classes)
    rest = np.array([p**2 * np.maximum(energy - (forms**2).sum(1), 0.0) for p in products.values()])
    return QuadraticNodes(
        tuple((offset + i, offset + j) for i, j in products), np.array([p[:, None] * forms for p in products.values()]), rest,
        _spectra([np.searchsorted(bulk, members) for members in pieces], values, apart),
    )  # fmt: skip


def _apart(typed: Array) -> Array:
    """Orthonormal directions u of the bulk with u ⊗ e_a typed for some a, shape (k, bulk)."""
    columns = typed.transpose(0, 2, 1).reshape(-1, typed.shape[1])
    kept_columns = columns[(columns**2).sum(1) > 0.5]
    _, lengths, basis = np.linalg.svd(kept_columns, full_matrices=False)
    return np.asarray(basis[lengths > 0.5])


def _spectra(pieces: Sequence[NDArray[np.int64]], values: Array, apart: Array) -> list[tuple[Array, int]]:
    """Products of eigenvalues over pairs of pieces without the directions ``apart``, those of equal multiplicity together, scaled to a sum
    of 1 over all copies."""
    spectra: dict[int, list[Array]] = {}
    # A direction apart is counted in the piece which it lies in.
    left = [(members, members.size - round(float((apart[:, members] ** 2).sum()))) for members in pieces]
    left = [(members, size) for members, size in left if size]
    for i, (first, size) in enumerate(left):
        for second, other in left[i:]:
            copies = size * (size + 1) // 2 if first is second else size * other
            spectra.setdefault(copies, []).append(values[:, first[0]] * values[:, second[0]])
    total = sum(copies * np.sum(stacked, axis=0) for copies, stacked in spectra.items())
    return [(np.stack(stacked, axis=1) / total[:, None], copies) for copies, stacked in spectra.items()]
