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
from hermite_eq.simulate.sampler import Array, ContextLaw, Contexts

Axis = Literal["samples", "hidden"]


def edges_of(total: int, block: int, points: Sequence[int] = ()) -> list[int]:
    """Edges of blocks of at most ``block`` rows, as few and as equal as the ``points`` allow, which are edges too."""
    edges = [0]
    for stop in sorted({*points, total}):
        start = edges[-1]
        pieces = math.ceil((stop - start) / block)
        edges += [start + (stop - start) * i // pieces for i in range(1, pieces + 1)]
    return edges


class Squares:
    """Squared errors of several heads, summed over the contexts of each source."""

    def __init__(self, law: ContextLaw, contexts: Contexts, heads: int) -> None:
        self.y, self.source = contexts.y, contexts.source
        self.total = np.zeros((len(law.sources), heads))

    def add(self, rows: slice, predicted: Array) -> None:
        """Add the squared errors of predictions, shape (rows, heads)."""
        squares = (self.y[rows, None] - predicted) ** 2
        for s in range(len(self.total)):
            self.total[s] += (squares if len(self.total) == 1 else squares[self.source[rows] == s]).sum(axis=0)

    @property
    def by_source(self) -> Array:
        """Means over the contexts of each source, shape (sources, heads)."""
        return self.total / np.bincount(self.source, minlength=len(self.total))[:, None]

    @property
    def mean(self) -> Array:
        """Means over all contexts, shape (heads,)."""
        return self.total.sum(axis=0) / len(self.y)


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
    ) -> dict[HeadKind, Squares]:
        """Squared errors of random heads, for every column of weights, on common test contexts."""
        total = {kind: Squares(self.draw.law, contexts, w.shape[1]) for kind, w in weights.items()}
        edges = edges_of(len(contexts), self.plan.block)
        for block in self._blocks(contexts, edges, weights, noise):
            for kind, w in weights.items():
                total[kind].add(block.rows, kind.apply(block).astype(float) @ w)
        return total

    def linear_errors(self, fits: list[RidgeFit]) -> tuple[Array, Array]:
        """ICL errors on each source, and in-distribution errors, of linear heads: exact where they close."""
        weights = np.stack([fit.weights for fit in fits], axis=1)
        intercepts = np.array([fit.intercept for fit in fits])
        law, again = self.draw.law, self.draw.again
        if law.closes:
            icl = law.fresh_linear_errors(weights, intercepts)
            return icl, law.weights @ icl if again is None else law.linear_errors(weights, intercepts, self.draw.training.tasks)

        def squares(contexts: Contexts) -> Squares:
            total = Squares(law, contexts, len(intercepts))
            for start, stop in itertools.pairwise(edges_of(len(contexts), self.plan.block)):
                rows = slice(start, stop)
                total.add(rows, contexts.h(rows) @ weights + intercepts)
            return total

        icl = squares(self.draw.fresh).by_source
        return icl, law.weights @ icl if again is None else squares(again).mean

    def errors(self) -> dict[tuple[HeadKind, int, Readout], tuple[Array, float, float, float, bool]]:
        """ICL error on each source and in the test's mixture, in-distribution error, condition, fallback: every head, every point."""
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
            fresh = {kind: squares.by_source for kind, squares in self.test(weights, self.draw.fresh, self.draw.noise[1]).items()}
            if self.draw.again is None:
                seen = {kind: self.draw.law.weights @ icl for kind, icl in fresh.items()}
            else:
                seen = {kind: squares.mean for kind, squares in self.test(weights, self.draw.again, self.draw.noise[2]).items()}
            errors |= {kind: (fresh[kind], seen[kind]) for kind in weights}
        return {
            (kind, *key): (
                errors[kind][0][:, i],
                float(self.draw.law.test_weights @ errors[kind][0][:, i]),
                float(errors[kind][1][i]),
                fits[kind][key].condition,
                fits[kind][key].fallback,
            )
            for kind in fits
            for i, key in enumerate(keys[kind])
        }
