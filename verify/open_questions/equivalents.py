r"""σ and what replaces it, layer by layer, at given weights.

The pre-activation of unit i is :math:`z_i=\kappa_i+s_ig_i`: κ_i is what is given, s_i the standard deviation of the rest over the contexts
to which the read-out is fitted. With :math:`c_k(\kappa,s)=\mathbb E[\sigma(\kappa+sg)\mathrm{He}_k(g)]`, the equivalent of degree r is

.. math:: \hat\sigma_r=\sum_{k\le r}\frac{c_k(\kappa_i,s_i)}{k!}\mathrm{He}_k(g_i)+c_r^*(\kappa_i,s_i)\,\zeta,\qquad
    c_r^{*2}=\mathbb E\,\sigma(\kappa_i+s_ig)^2-\sum_{k\le r}\frac{c_k^2}{k!}.

The plain one, with κ = 0 and s = 1, can be trained in the place of σ too, with noise ζ of its own for each context and unit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates

from hermite_eq.activations import Activation
from hermite_eq.expansion.scaled import scaled_moments
from hermite_eq.hermite import orthonormal_values
from verify.open_questions.network import scale_below

Array = NDArray[np.floating[Any]]
#: By degree, rows for the contexts of the read-out and of the test.
Pairs = dict[int, tuple[Array, Array]]
#: What is given of the pre-activation, from nothing to the components of the input along the leading directions of W_T − W_0.
GIVEN: dict[str, int | None] = {"plain": None, "rescaled": 0, "conditional": 2}
#: The plain equivalent without its residual: an equivalent that is wrong.
WRONG = "plain without c_r*"
#: The plain equivalent with the weights to which it was trained itself.
ITSELF = "trained itself"
#: Steps of the tables of c_k(κ, s), in κ/s and in log s, between which they are linear, and the most shifts.
_STEP, _LOG, _MOST = 1 / 8, 1 / 6, 300


def moments(sigma: Activation, kappa: Array, s: Array, degree: int) -> list[Array]:
    r""":math:`c_k(\kappa,s)/\sqrt{k!}` for k ≤ degree, and :math:`\mathbb E\,\sigma(\kappa+sg)^2`: κ is (N, m) and s (m,).

    From a table, but for κ that do not depend on the context.
    """
    if len(kappa) == 1:
        c, norm2 = scaled_moments(sigma, s.astype(float), degree, shifts=kappa[0].astype(float))
        return [*(c[:, k] / math.sqrt(math.factorial(k)) for k in range(degree + 1)), norm2]
    logs, smallest = np.log(s), float(s.min())
    low, high = float(logs.min()), float(logs.max())
    scales = np.linspace(low, high, 2 + math.ceil((high - low) / _LOG))
    end = float(np.abs(kappa).max())
    shifts = np.linspace(-end, end, 3 + min(_MOST, math.ceil(2 * end / (_STEP * smallest))))
    c, norm2 = scaled_moments(sigma, np.repeat(np.exp(scales), len(shifts)), degree, shifts=np.tile(shifts, len(scales)))
    columns = [c[:, k] / math.sqrt(math.factorial(k)) for k in range(degree + 1)]
    tables = [column.reshape(len(scales), len(shifts)) for column in (*columns, norm2)]
    row = (logs - low) / (scales[1] - scales[0]) if high > low else np.zeros_like(logs)
    at = np.stack([np.broadcast_to(row, kappa.shape), (kappa + end) / (shifts[1] - shifts[0])])
    return [map_coordinates(table, at, order=1, mode="nearest", output=np.float32) for table in tables]


class Equivalent:
    """The plain equivalent of degree r with its noise for the ``count`` contexts of a training, as what is trained."""

    def __init__(self, sigma: Activation, degree: int, count: int, m: int, layers: int, rng: np.random.Generator) -> None:
        *c, norm2 = moments(sigma, np.zeros((1, 1)), np.ones(1), degree)
        self.sigma, self._c = sigma, np.array(c)[:, 0]
        residual = math.sqrt(max(0.0, float(norm2[0] - self._c @ self._c)))
        self._noise = [residual * rng.standard_normal((count, m), np.float32) for _ in range(layers)]

    def values(self, z: Array, layer: int) -> Array:
        return self._sum(z, self._c) + self._noise[layer]

    def slopes(self, z: Array) -> Array:
        r""":math:`(\mathrm{He}_k/\sqrt{k!})'=\sqrt k\,\mathrm{He}_{k-1}/\sqrt{(k-1)!}`."""
        return self._sum(z, self._c[1:] * np.sqrt(np.arange(1, len(self._c))))

    @staticmethod
    def _sum(z: Array, c: Array) -> Array:
        return np.asarray(np.tensordot(c, orthonormal_values(z.astype(float), len(c) - 1), 1), np.float32)


def directions(trained: Array, start: Array, count: int) -> tuple[Array, float]:
    """The leading right singular vectors of W_T − W_0 as columns, and their share of its energy; none if nothing moved."""
    change = (trained - start).astype(float)
    energy = float(np.sum(change**2))
    if energy == 0 or count == 0:
        return np.zeros((start.shape[1], 0)), 0.0
    values, vectors = np.linalg.eigh(change.T @ change if change.shape[1] <= change.shape[0] else change @ change.T)
    if change.shape[1] > change.shape[0]:
        vectors = change.T @ vectors[:, -count:] / np.sqrt(np.maximum(values[-count:], 1e-300))
    return vectors[:, -count:], float(values[-count:].sum()) / energy


def replaced(
    sigma: Activation,
    given: int | None,
    degrees: Sequence[int],
    layer: Array,
    start: Array,
    inputs: Pairs,
    noise: Callable[[int], Array],
    residual: bool = True,
) -> Pairs:
    """Features of every degree r, on the contexts of the read-out and of the test; ``inputs`` are those of every r.

    ``noise(0)`` and ``noise(1)`` draw ζ for the two.
    """
    if given is not None:
        basis, _ = directions(layer, start, given)
    pairs: Pairs = {}
    # Below the second layer the inputs are those of every degree, and so is what follows but for the last sum.
    shared = all(inputs[r] is inputs[degrees[0]] for r in degrees)
    for group in [tuple(degrees)] if shared else [(r,) for r in degrees]:
        pair, most = inputs[group[0]], max(group)
        z = [side @ layer.T for side in pair]
        if given is None:
            kappa, s = [np.zeros((1, len(layer)))] * 2, np.ones(len(layer))
        else:
            mean = z[0].mean(axis=0)
            kappa = [np.asarray(mean[None])] * 2
            if basis.shape[1]:
                inner = [side @ basis for side in pair]
                kappa = [mean + (part - inner[0].mean(axis=0)) @ (layer @ basis).T for part in inner]
            s = np.std(z[0] - kappa[0], axis=0)
        features: list[list[Array]] = [[] for _ in group]
        for which in (0, 1):
            *c, norm2 = moments(sigma, kappa[which], s, most)
            values = orthonormal_values(((z[which] - kappa[which]) / s).astype(float), most)
            phi, left, known = np.zeros_like(z[which]), norm2, 0
            for place, r in enumerate(group):
                for k in range(known, r + 1):
                    phi, left, known = phi + c[k] * values[k], left - c[k] ** 2, r + 1
                features[place].append(phi + np.sqrt(np.maximum(left, 0)) * noise(which) if residual else phi)
        pairs |= {r: (features[place][0], features[place][1]) for place, r in enumerate(group)}
    return pairs


def all_features(
    sigma: Activation,
    kinds: Sequence[str],
    degrees: Sequence[int],
    layers: Sequence[Array],
    own: Mapping[int, Sequence[Array]],
    starts: Sequence[Array],
    inputs: dict[str, Pairs],
    seed: np.random.SeedSequence,
) -> dict[str, Pairs]:
    """Features of σ (degree 0) and of every equivalent, layer after layer; ζ is the same for all of them.

    ``layers`` are σ's, and ``own`` those of the equivalents which were trained themselves.
    """
    pairs = dict(inputs)
    for number, (layer, start) in enumerate(zip(layers, starts, strict=True)):
        factor = scale_below(sigma, len(start)) if number else 1.0
        rows = [len(side) for side in pairs["σ"][0]]
        drawn = [
            np.random.default_rng([*seed.generate_state(4), number, which]).standard_normal((rows[which], len(layer)), np.float32)
            for which in (0, 1)
        ]
        given = (
            pairs if factor == 1 else {kind: {r: (factor * a, factor * b) for r, (a, b) in first.items()} for kind, first in pairs.items()}
        )
        exact = [np.asarray(sigma(side @ layer.T)) for side in given["σ"][0]]
        pairs = {"σ": {0: (exact[0], exact[1])}}
        for kind in kinds:
            below = GIVEN.get(kind)
            if kind == ITSELF:
                pairs[kind] = {r: replaced(sigma, below, [r], own[r][number], start, given[kind], drawn.__getitem__)[r] for r in degrees}
            else:
                pairs[kind] = replaced(sigma, below, degrees, layer, start, given[kind], drawn.__getitem__, kind != WRONG)
    return pairs
