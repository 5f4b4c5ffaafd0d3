"""One run: heads trained in one pass over the training contexts, and tested."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import numpy as np

from hermite_eq.models import Sizes
from hermite_eq.simulate.draw import Draw
from hermite_eq.simulate.features import Block, HeadKind, LinearRows, StoredRows, feature_blocks
from hermite_eq.simulate.memory import Schedule
from hermite_eq.simulate.paths import Readout, RidgePath, SamplePath, WidthPath
from hermite_eq.simulate.ridge import RidgeFit
from hermite_eq.simulate.sampler import Array, Contexts

Axis = Literal["samples", "hidden"]


def edges_of(total: int, block: int, points: Sequence[int] = ()) -> list[int]:
    """Edges of blocks of at most ``block`` rows, as few and as equal as the ``points`` allow, which are edges too."""
    edges = [0]
    for stop in sorted({*points, total}):
        start = edges[-1]
        pieces = math.ceil((stop - start) / block)
        edges += [start + (stop - start) * i // pieces for i in range(1, pieces + 1)]
    return edges


class Run:
    """One run: a draw, and the heads trained and tested on it."""

    def __init__(
        self,
        readouts: dict[HeadKind, list[Readout]],
        sizes: Sizes,
        axis: Axis,
        values: list[int],
        plan: Schedule,
        draw: Draw,
    ) -> None:
        self.readouts, self.sizes, self.axis, self.values = readouts, sizes, axis, values
        self.plan, self.draw = plan, draw

    def fit(self, kinds: list[HeadKind]) -> dict[HeadKind, dict[tuple[int, Readout], RidgeFit]]:
        """Train the heads of one batch in one pass over the training contexts."""
        training = self.draw.training
        paths = {kind: self._path(kind) for kind in kinds}
        edges = edges_of(len(training), self.plan.block, self.values if self.axis == "samples" else [])
        if all(kind.linear for kind in kinds):
            for start, stop in itertools.pairwise(edges):
                for path in paths.values():
                    path.append(slice(start, stop), None)
        else:
            for block in self._blocks(training, edges, kinds, self.draw.noise[0]):
                for kind, path in paths.items():
                    path.append(block.rows, None if kind.linear else kind.apply(block))
        return {kind: path.fits for kind, path in paths.items()}

    def _blocks(
        self, contexts: Contexts, edges: list[int], kinds: Iterable[HeadKind], noise: np.random.SeedSequence
    ) -> Iterator[Block]:
        rng = np.random.default_rng(noise) if any(kind.residual for kind in kinds) else None
        return feature_blocks(contexts, self.draw.layer, self.draw.trace, edges, rng)

    def _path(self, kind: HeadKind) -> RidgePath:
        draw, sizes = self.draw, self.sizes
        y, dtype = draw.training.y, draw.layer.dtype
        readouts = self.readouts[kind]
        points = self.values if self.axis == "samples" else [sizes.samples]
        if kind.linear:
            linear = LinearRows(draw.training)
            width = sizes.d * (sizes.d + 1)
            return SamplePath(
                readouts, y, sizes.d, width, points, linear, lambda n: linear.dense(slice(0, n))
            )
        width = len(draw.layer)
        if self.axis == "hidden":
            return WidthPath(readouts, y, sizes.d, self.values, StoredRows(np.empty((len(y), width), dtype)))
        stored = max((n for n in points if n < width), default=0)
        rows = StoredRows(np.empty((stored, width), dtype))
        return SamplePath(readouts, y, sizes.d, width, points, rows, lambda n: self._features(kind, n))

    def _features(self, kind: HeadKind, n: int) -> Array:
        """The first n rows of the features once more, in double precision."""
        values = np.empty((n, len(self.draw.layer)))
        edges = edges_of(n, self.plan.block)
        for block in self._blocks(self.draw.training, edges, [kind], self.draw.noise[0]):
            values[block.rows] = kind.apply(block)
        return values

    def test(
        self, weights: dict[HeadKind, Array], contexts: Contexts, noise: np.random.SeedSequence
    ) -> dict[HeadKind, Array]:
        """Mean squared errors of random heads, for every column of weights, on common test contexts."""
        total = {kind: np.zeros(w.shape[1]) for kind, w in weights.items()}
        edges = edges_of(len(contexts), self.plan.block)
        for block in self._blocks(contexts, edges, weights, noise):
            for kind, w in weights.items():
                predicted = kind.apply(block).astype(float) @ w
                total[kind] += ((contexts.y[block.rows, None] - predicted) ** 2).sum(axis=0)
        return {kind: squares / len(contexts) for kind, squares in total.items()}

    def linear_errors(self, fits: list[RidgeFit]) -> tuple[Array, Array]:
        """Exact ICL and in-distribution errors of linear heads."""
        weights = np.stack([fit.weights for fit in fits], axis=1)
        intercepts = np.array([fit.intercept for fit in fits])
        icl = self.draw.law.linear_errors(weights, intercepts, None)
        return icl, icl if self.draw.again is None else self.draw.law.linear_errors(weights, intercepts, self.draw.training.xi)

    def errors(self) -> dict[tuple[HeadKind, int, Readout], tuple[float, float, float, bool]]:
        """ICL error, in-distribution error, condition and fallback of every head at every point."""
        fits: dict[HeadKind, dict[tuple[int, Readout], RidgeFit]] = {}
        for batch in self.plan.batches:
            fits |= self.fit(batch)
        keys = {kind: list(solved) for kind, solved in fits.items()}
        errors: dict[HeadKind, tuple[Array, Array]] = {}
        weights = {}
        for kind, solved in fits.items():
            if kind.linear:
                errors[kind] = self.linear_errors(list(solved.values()))
            else:
                weights[kind] = np.zeros((len(self.draw.layer), len(solved)))
                for column, fit in enumerate(solved.values()):
                    weights[kind][: len(fit.weights), column] = fit.weights
        if weights:
            icl = self.test(weights, self.draw.fresh, self.draw.noise[1])
            idg = icl if self.draw.again is None else self.test(weights, self.draw.again, self.draw.noise[2])
            errors |= {kind: (icl[kind], idg[kind]) for kind in weights}
        return {
            (kind, *key): (
                float(errors[kind][0][i]),
                float(errors[kind][1][i]),
                fits[kind][key].condition,
                fits[kind][key].fallback,
            )
            for kind in fits
            for i, key in enumerate(keys[kind])
        }
