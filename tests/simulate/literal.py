"""The definitions of [RT] (1)-(8) written out, every array in full: what the engine must agree with."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.stats
from numpy.typing import NDArray

from hermite_eq.models import Sizes, Source, Task

Array = NDArray[np.float64]
Contexts = tuple[Array, Array, Array]


def draw_contexts(task: Task, d: int, context: int, xi: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """One context for each row of ``xi``, query last: x of shape (n, ℓ+1, d), y of shape (n, ℓ+1)."""
    n = len(xi)
    x = rng.standard_normal((n, context + 1, d)) / np.sqrt(d)
    argument = np.einsum("nd,nid->ni", xi, x)
    y = np.asarray(task.target(argument)) + np.sqrt(task.noise) * rng.standard_normal((n, context + 1))
    return x, y


def draw_source(
    source: Source, d: int, context: int, xi: Array, rng: np.random.Generator, unit_inputs: bool = False, unit_link: bool = False
) -> tuple[Array, Array]:
    """One context of a source for each row of ``xi``, query last: x of shape (n, ℓ+1, d) in the scale asked for, y of shape (n, ℓ+1)."""
    n = len(xi)
    sigma = source.input_cov.matrix(d)
    z = source.inputs.draw(rng, (n, context + 1, d))
    x = source.mean_vectors(d)[0] + z @ np.linalg.cholesky(sigma).T
    scale = np.linalg.norm(xi, axis=1) * np.sqrt(np.linalg.norm(sigma, 2)) if unit_link else np.full(n, np.sqrt(d))
    argument = np.einsum("nd,nid->ni", xi, x) / scale[:, None]
    y = np.asarray(source.target(argument)) + np.sqrt(source.noise) * rng.standard_normal((n, context + 1))
    return x if unit_inputs else x / np.sqrt(d), y


def embedding(x: Array, y: Array) -> Array:
    """Z of (3) for one context, the query's label replaced by zero."""
    labels = y.copy()
    labels[-1] = 0.0
    return np.vstack([x.T, labels])


def attention_output(z: Array, key: Array, query: Array, value: Array) -> float:
    """The entry (d+1, ℓ+1) of A = Z + V Z (K Z)ᵀ (Q Z)/ℓ, (4)-(5)."""
    context = z.shape[1] - 1
    a = z + value @ z @ (key @ z).T @ (query @ z) / context
    return float(a[-1, -1])


def h_z(x: Array, y: Array) -> Array:
    """H_Z for one context."""
    context, d = len(x) - 1, x.shape[1]
    first = d / context * sum(y[i] * x[i] for i in range(context))
    last = sum(y[i] ** 2 for i in range(context)) / context
    return np.outer(x[-1], np.append(first, last))


def statistics(x: Array, y: Array, unit_inputs: bool = False) -> Contexts:
    """Queries, b and query labels of many contexts."""
    context, d = x.shape[1] - 1, 1 if unit_inputs else x.shape[2]
    b = np.concatenate(
        [d / context * np.einsum("ni,nid->nd", y[:, :-1], x[:, :-1]), (y[:, :-1] ** 2).mean(axis=1)[:, None]],
        axis=1,
    )
    return x[:, -1], b, y[:, -1]


def softmax_statistics(x: Array, y: Array, sharpness: float, unit_inputs: bool = False) -> Contexts:
    """Queries, b and query labels of many contexts under softmax attention."""
    d = x.shape[2]
    logits = sharpness * np.einsum("nid,nd->ni", x[:, :-1], x[:, -1]) * (1 / np.sqrt(d) if unit_inputs else np.sqrt(d))
    p = np.exp(logits) / np.exp(logits).sum(axis=1)[:, None]
    first = (1 if unit_inputs else d) * np.einsum("ni,ni,nid->nd", p, y[:, :-1], x[:, :-1])
    return x[:, -1], np.column_stack([first, np.einsum("ni,ni->n", p, y[:, :-1] ** 2)]), y[:, -1]


def ridge(features: Array, y: Array, penalty: float, intercept: bool = False) -> Array:
    """Least squares on rows extended by √penalty I, which leave the column of the intercept alone."""
    n, p = features.shape
    top = np.hstack([features, np.ones((n, 1))]) if intercept else features
    bottom = np.sqrt(penalty) * np.eye(p, top.shape[1])
    q, r = np.linalg.qr(np.vstack([top, bottom]))
    return np.linalg.solve(r, q[:n].T @ y)


@dataclass
class Head:
    """A head as a function from h to features: the activation and F, or neither for the linear head."""

    ridge: float
    activation: Any = None
    intercept: bool = False
    normalise: bool = False

    def features(self, h: Array, f: Array, trace: float, rng: np.random.Generator) -> Array:
        if self.normalise:
            h = h * np.sqrt(trace) / np.linalg.norm(h, axis=1)[:, None]
        values = h if self.activation is None else self.activation(h @ f, rng=rng)
        return np.hstack([values, np.ones((len(h), 1))]) if self.intercept else values


def icl_errors(heads: Sequence[Head], task: Task, sizes: Sizes, trace: float, test: int, rng: np.random.Generator) -> Array:
    """ICL and in-distribution error of every head in one run."""
    d, context, k, n = sizes.d, sizes.context, int(sizes.tasks), sizes.samples
    assert sizes.hidden is not None

    def sample(xi: Array) -> tuple[Array, Array]:
        x, y = draw_contexts(task, d, context, xi, rng)
        query, b, label = statistics(x, y)
        return np.einsum("ni,nj->nij", query, b).reshape(len(xi), -1), label

    tasks = rng.standard_normal((k, d))
    h, y = sample(tasks[rng.integers(k, size=n)])
    fresh = sample(rng.standard_normal((test, d)))
    again = sample(tasks[rng.integers(k, size=test)])
    f = rng.standard_normal((d * (d + 1), sizes.hidden)) / np.sqrt(trace)
    errors = []
    for head in heads:
        plain = Head(head.ridge, head.activation, False, head.normalise)
        w = ridge(plain.features(h, f, trace, rng), y, head.ridge * n / d, head.intercept)
        errors.append([np.mean((label - head.features(hh, f, trace, rng) @ w) ** 2) for hh, label in (fresh, again)])
    return np.array(errors)


# Two samples of contexts of one task: do they have the same law?


def coordinates(x: Array, b: Array, y: Array, xi: Array) -> Array:
    """Six scalars: b₁ and x along ξ and across, b₂, y."""
    d = len(xi)
    u = xi / np.linalg.norm(xi)
    across = np.zeros(d)
    across[0] = 1.0
    across -= u * u[0]
    across /= np.linalg.norm(across)
    return np.stack([b[:, :d] @ u, b[:, :d] @ across, b[:, d], x @ u, x @ across, y])


def moment_scores(first: Array, second: Array) -> Array:
    """z-scores of all monomials of degree ≤ 4 between two samples, standardised by the first."""
    centre, scale = first.mean(axis=1, keepdims=True), first.std(axis=1, keepdims=True)
    means, errors = zip(*(moments((sample - centre) / scale) for sample in (first, second)), strict=True)
    return np.asarray((means[0] - means[1]) / np.sqrt(errors[0] + errors[1]))


def moments(rows: Array) -> Array:
    """Means of all monomials of degree ≤ 4, and the squares of their standard errors; each monomial is a row times one of lower degree."""
    products: dict[tuple[int, ...], Array] = {(): np.ones(rows.shape[1])}
    names, count = [], rows.shape[1]
    for degree in range(1, 5):
        for which in itertools.combinations_with_replacement(range(len(rows)), degree):
            value = rows[which[-1]] * products[which[:-1]]
            if degree < 4:
                products[which] = value
            mean = value.mean()
            names.append((mean, (value @ value / count - mean**2) / count))
    return np.array(names).T


def law_p_values(first: Contexts, second: Contexts, d: int, xi: Array) -> Array:
    def statistics(x: Array, b: Array, y: Array) -> list[Array]:
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

    return np.array([scipy.stats.ks_2samp(a, c).pvalue for a, c in zip(statistics(*first), statistics(*second), strict=True)])
