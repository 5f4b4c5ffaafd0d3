r"""Quadratic functions of the query that a head learns: the functions :math:`x_ix_j` that do not depend on b.

For h = x ⊗ b normalised to trace 1 the kernel of degree 2 is :math:`\frac{c_2^2}2(x^\top x')^2(b^\top b')^2/(\operatorname{tr}\Sigma
\operatorname{tr}R)^2`. Its projection on functions of x alone has :math:`(b^\top b')^2` replaced by its mean
:math:`\operatorname{tr}R_sR_{s'}`, for queries of the sources s and s'. Where R has a direction of weight p = O(1) (the column
:math:`b_2=\frac1\ell\sum y^2` of unit inputs, or a task spike), the eigenvalue of :math:`x_ix_j` is of the order
:math:`c_2^2\sigma_i\sigma_jp^2/(\operatorname{tr}\Sigma)^2\sim d^{-2}`, that of the entries of h: these functions are learnt one by
one, and :math:`\mathbb E[y\,(x_ix_j-\sigma_i\delta_{ij})]\ne0` wherever the mean label depends on x.

That they may be replaced by independent Gaussian coordinates is a conjecture, tested by simulation. Directions i which hold a share
of more than :math:`d^{-1/2}` of tr Σ are left out: what depends on them is seen through all degrees.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from hermite_eq.theory.spectra.blocks import Block, Kronecker, common_basis, equal_columns

Array = NDArray[np.float64]


def quadratic_blocks(covariances: Sequence[Kronecker], labels: Sequence[Array], shares: Sequence[float] | None = None) -> list[Block]:
    r"""Blocks of degree 2, one for each pair of distinct eigenvalues of the input covariances; none where these do not commute.

    Parameters
    ----------
    covariances : sequence of Kronecker
        :math:`\Sigma_s\otimes R_s` of every source, :math:`\Sigma_s` centred.
    labels : sequence of (d, d) arrays
        :math:`\mathbb E[y\,(xx^\top-\Sigma_s)]`, x less its mean.
    shares : sequence of float, optional
        :math:`\operatorname{tr}\Sigma_s/\mathbb E\|x\|^2`, less than 1 for inputs with a mean.

    Examples
    --------
    >>> blocks = quadratic_blocks([Kronecker(np.eye(3), np.diag([1.0, 1.0, 2.0]))], [np.zeros((3, 3))])
    >>> [(block.copies, round(float(block.matrices[0, 0, 0]), 6)) for block in blocks]
    [(6, 0.041667)]
    """
    inputs = [c.inputs for c in covariances]
    basis = common_basis(inputs)
    if basis is None:
        return []
    sizes_x = [float(np.trace(m)) / share for m, share in zip(inputs, shares or [1.0] * len(inputs), strict=True)]
    values = np.stack([np.einsum("ai,ab,bi->i", basis, m / size, basis, optimize=True) for m, size in zip(inputs, sizes_x, strict=True)])
    contexts = [c.context / np.trace(c.context) for c in covariances]
    gram = np.array([[float(np.vdot(R, S)) for S in contexts] for R in contexts])
    # u_s with ⟨u_s, u_s'⟩ = tr R_sR_s': the rows of a square root, which exists where sources coincide too.
    weights, vectors = np.linalg.eigh(gram)
    u = vectors * np.sqrt(np.maximum(weights, 0.0))
    rotated = [basis.T @ (Q / size) @ basis for Q, size in zip(labels, sizes_x, strict=True)]
    # A direction with a finite share of ‖x‖² is seen through functions of every degree, which no Gaussian stands for.
    light = [group for group in equal_columns(values) if values[:, group[0]].max() <= len(basis) ** -0.5]
    found = []
    for i, first in enumerate(light):
        for second in light[i:]:
            pairs = [(a, b) for a in first for b in second if first is not second or a <= b]
            rows, columns = (np.array(index) for index in zip(*pairs, strict=True))
            # φ_ij = x_ix_j for i < j and x_i²/√2: all of variance σ_iσ_j.
            scale = np.where(rows == columns, np.sqrt(0.5), 1.0)
            sizes = values[:, first].mean(1) * values[:, second].mean(1)
            matrices = sizes[:, None, None] * u[:, :, None] * u[:, None, :]
            signals = np.stack([np.outer(v, Q[rows, columns] * scale) for v, Q in zip(u, rotated, strict=True)])
            found.append(Block(matrices, signals, degree=2))
    return found
