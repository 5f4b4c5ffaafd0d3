"""One run: heads trained in one pass over the training contexts, and tested."""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from hermite_eq.models import Sizes
from hermite_eq.simulate.arrays import HOST, Arrays
from hermite_eq.simulate.laws import ContextLaw, Contexts
from hermite_eq.simulate.population import Array
from hermite_eq.simulate.training.draw import Draw
from hermite_eq.simulate.training.features import LinearRows, StoredRows, feature_blocks
from hermite_eq.simulate.training.heads import HeadKind, StepSource, Unit
from hermite_eq.simulate.training.memory import Schedule
from hermite_eq.simulate.training.onestep import Gradient, MovedBlock, gradients
from hermite_eq.simulate.training.paths import Readout, RidgePath, SamplePath, WidthPath
from hermite_eq.simulate.training.ridge import RidgeFit

Axis = Literal["samples", "hidden"]
Fits = dict[Unit, dict[tuple[int, Readout], RidgeFit]]
Gradients = dict[tuple[StepSource, tuple[int, int]], Gradient]


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
        return np.asarray(self.total.sum(axis=0) / len(self.y))


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
        arrays: Arrays = HOST,
    ) -> None:
        self.readouts, self.sizes, self.axis, self.values = readouts, sizes, axis, values
        self.plan, self.draw, self.arrays = plan, draw, arrays
        self.layer = arrays.put(draw.layer)
        self.layers = functools.cache(lambda before: tuple(arrays.put(layer) for layer in draw.layers(before)))

    def gradients(self, units: list[Unit]) -> Gradients:
        """The gradient steps which the units of one batch have taken."""
        draw = self.draw
        wanted = dict.fromkeys(unit.gradient for unit in units if unit.gradient is not None)
        by_source: Gradients = {}
        for source in dict.fromkeys(source for source, _ in wanted):
            points = [point for other, point in wanted if other == source]
            assert draw.step is not None
            edges = self._edges(draw.step)
            steps = gradients(source, draw.step, self.layer, draw.start, draw.trace, points, edges, self.arrays)
            by_source |= {(source, point): gradient for point, gradient in steps.items()}
        return by_source

    def fit(self, units: list[Unit], steps: Gradients) -> Fits:
        """Train the units of one batch in one pass over the training contexts."""
        training = self.draw.training
        paths = {unit: self._path(unit, steps) for unit in units}
        edges = self._edges(training)
        if all(unit.head.linear for unit in units):
            for start, stop in itertools.pairwise(edges):
                for path in paths.values():
                    path.append(slice(start, stop), None)
        else:
            for block in self._blocks(training, edges, units, steps, self.draw.noise[0]):
                for unit, path in paths.items():
                    if unit.point is None or block.rows.stop <= unit.point[0]:
                        path.append(block.rows, None if unit.head.linear else block.features(unit))
        return {unit: path.fits for unit, path in paths.items()}

    def _edges(self, contexts: Contexts) -> list[int]:
        """Blocks of training contexts, which end at every n of the curve."""
        return edges_of(len(contexts), self.plan.block, self.values if self.axis == "samples" else [])

    def _blocks(
        self, contexts: Contexts, edges: list[int], units: Iterable[Unit], steps: Gradients, noise: np.random.SeedSequence
    ) -> Iterator[MovedBlock]:
        rng = np.random.default_rng(noise) if any(unit.head.residual for unit in units) else None
        for block in feature_blocks(contexts, self.layer, self.draw.trace, edges, rng, self.arrays):
            yield MovedBlock(replace(block, layers=self.layers), steps)

    def _path(self, unit: Unit, steps: Gradients) -> RidgePath:
        draw, d, head, arrays = self.draw, self.sizes.d, unit.head, self.arrays
        y, dtype = draw.training.y, draw.layer.dtype
        readouts = self.readouts[head]
        points = self.values if self.axis == "samples" else [self.sizes.samples]
        if head.linear:
            linear = LinearRows(draw.training, arrays)
            return SamplePath(
                readouts, y, d, d * (d + 1), points, linear, lambda n: np.asarray(draw.training.h(slice(0, n)), dtype=float), arrays
            )
        width = len(draw.layer)
        if unit.point is not None:
            points, width = [unit.point[0]], unit.point[1]
        elif self.axis == "hidden":
            return WidthPath(readouts, y, d, self.values, StoredRows(arrays.empty((len(y), width), dtype), arrays), arrays)
        stored = max((n for n in points if n < width), default=0)
        rows = StoredRows(arrays.empty((stored, width), dtype), arrays)
        return SamplePath(readouts, y, d, width, points, rows, lambda n: self._features(unit, steps, n, width), arrays)

    def _features(self, unit: Unit, steps: Gradients, n: int, width: int) -> Array:
        """The first n rows of the features once more, in double precision."""
        values = np.empty((n, width))
        edges = edges_of(n, self.plan.block)
        for block in self._blocks(self.draw.training, edges, [unit], steps, self.draw.noise[0]):
            values[block.rows] = self.arrays.get(block.features(unit))
        return values

    def test(self, weights: dict[Unit, Array], steps: Gradients, contexts: Contexts, noise: np.random.SeedSequence) -> dict[Unit, Squares]:
        """Squared errors of random heads, for every column of weights, on common test contexts."""
        arrays = self.arrays
        total = {unit: Squares(self.draw.law, contexts, w.shape[1]) for unit, w in weights.items()}
        here = {unit: arrays.put(w) for unit, w in weights.items()}
        queries = contexts.queries
        edges = [queries * edge for edge in edges_of(len(contexts) // queries, self.plan.block // queries)]
        for block in self._blocks(contexts, edges, weights, steps, noise):
            for unit, w in here.items():
                total[unit].add(block.rows, arrays.get(arrays.double(block.features(unit)) @ w))
        return total

    def linear_errors(self, fits: list[RidgeFit]) -> tuple[Array, Array]:
        """ICL errors on each source, and in-distribution errors, of linear heads: computed where they close, else measured."""
        weights = np.stack([fit.weights for fit in fits], axis=1)
        intercepts = np.array([fit.intercept for fit in fits])
        law, again, arrays = self.draw.law, self.draw.again, self.arrays
        if law.closes:
            icl = self.draw.tested.fresh_linear_errors(weights, intercepts)
            if self.sizes.tasks != math.inf:
                return icl, law.linear_errors(weights, intercepts, self.draw.training.tasks)
            return icl, law.weights @ (icl if again is None else law.fresh_linear_errors(weights, intercepts))

        here = arrays.put(weights)

        def squares(contexts: Contexts) -> Squares:
            total, linear = Squares(law, contexts, len(intercepts)), LinearRows(contexts, arrays)
            for start, stop in itertools.pairwise(edges_of(len(contexts), self.plan.block)):
                rows = slice(start, stop)
                total.add(rows, arrays.get(linear.dense(rows) @ here) + intercepts)
            return total

        icl = squares(self.draw.fresh).by_source
        return icl, law.weights @ icl if again is None else squares(again).mean

    def _random_errors(self, fits: Fits, steps: Gradients) -> dict[Unit, tuple[Array, Array]]:
        """ICL errors on each source, and in-distribution errors, of random heads, on common test contexts."""
        draw = self.draw
        weights = {}
        for unit, solved in fits.items():
            weights[unit] = np.zeros((len(draw.layer) if unit.point is None else unit.point[1], len(solved)))
            for column, fit in enumerate(solved.values()):
                weights[unit][: len(fit.weights), column] = fit.weights
        if not weights:
            return {}
        icl = {unit: squares.by_source for unit, squares in self.test(weights, steps, draw.fresh, draw.noise[1]).items()}
        if draw.again is None:
            return {unit: (mean, draw.law.weights @ mean) for unit, mean in icl.items()}
        idg = self.test(weights, steps, draw.again, draw.noise[2])
        return {unit: (mean, idg[unit].mean) for unit, mean in icl.items()}

    def errors(self) -> dict[tuple[HeadKind, int, Readout], tuple[Array, float, float, float, bool]]:
        """ICL error on each source and in the test's mixture, in-distribution error, condition, fallback: every head, every point."""
        by_unit = {}
        untested: Fits = {}
        for number, batch in enumerate(self.plan.batches):
            steps = self.gradients(batch)
            fits = self.fit(batch, steps)
            errors = {unit: self.linear_errors(list(fits[unit].values())) for unit in batch if unit.head.linear}
            untested |= {unit: fits[unit] for unit in batch if not unit.head.linear}
            fits |= untested
            # Heads are tested together, but before the gradients of their steps are gone.
            if steps or number == len(self.plan.batches) - 1:
                errors |= self._random_errors(untested, steps)
                untested = {}
            for unit, (icl, idg) in errors.items():
                for i, ((value, readout), fit) in enumerate(fits[unit].items()):
                    place = value if unit.point is None else unit.point[0 if self.axis == "samples" else 1]
                    mixed = float(self.draw.law.test_weights @ icl[:, i])
                    by_unit[unit.head, place, readout] = (icl[:, i], mixed, float(idg[i]), fit.condition, fit.fallback)
        return by_unit
