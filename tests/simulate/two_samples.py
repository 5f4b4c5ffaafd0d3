"""Two samples of contexts of one task: do they have the same law?"""

from __future__ import annotations

import itertools

import numpy as np
import scipy.stats


def coordinates(x, b, y, xi):
    """Six scalars: b₁ and x along ξ and across, b₂, y."""
    d = len(xi)
    u = xi / np.linalg.norm(xi)
    across = np.zeros(d)
    across[0] = 1.0
    across -= u * u[0]
    across /= np.linalg.norm(across)
    return np.stack([b[:, :d] @ u, b[:, :d] @ across, b[:, d], x @ u, x @ across, y])


def moment_scores(one, two):
    """z-scores of all monomials of degree ≤ 4 between two samples, standardised by the first."""
    centre, scale = one.mean(axis=1, keepdims=True), one.std(axis=1, keepdims=True)
    one, two = (one - centre) / scale, (two - centre) / scale
    scores = []
    for degree in range(1, 5):
        for which in itertools.combinations_with_replacement(range(len(one)), degree):
            a, c = one[list(which)].prod(axis=0), two[list(which)].prod(axis=0)
            scores.append((a.mean() - c.mean()) / np.sqrt(a.var() / len(a) + c.var() / len(c)))
    return np.array(scores)


def law_p_values(one, two, d, xi):
    def statistics(x, b, y):
        u = xi / np.linalg.norm(xi)
        b1 = b[:, :d]
        return [
            b1 @ u,
            np.linalg.norm(b1 - np.outer(b1 @ u, u), axis=1),
            b[:, d],
            np.einsum("ij,ij->i", x, b1),
            y * np.einsum("ij,ij->i", x, b1),
            (b1 @ u) / np.sqrt(b[:, d]),
            np.linalg.norm(b, axis=1),
            y,
        ]

    return np.array(
        [scipy.stats.ks_2samp(a, c).pvalue for a, c in zip(statistics(*one), statistics(*two), strict=True)]
    )
