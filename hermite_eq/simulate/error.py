"""ICL and in-distribution errors of trained Transformers at finite d."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import NDArray

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Sizes, Task
from hermite_eq.simulate.features import (
    Block,
    Floats,
    HeadKind,
    LinearRows,
    StoredRows,
    feature_blocks,
    first_layer,
)
from hermite_eq.simulate.memory import Schedule, parse_memory, schedule
from hermite_eq.simulate.paths import Readout, RidgePath, SamplePath, WidthPath
from hermite_eq.simulate.results import SimulatedCurve, SimulatedError
from hermite_eq.simulate.ridge import RidgeFit
from hermite_eq.simulate.sampler import Array, ContextLaw, Contexts, child_seeds, context_law, positive_count, run_numbers

Axis = Literal["samples", "hidden"]
Seed = int | np.random.SeedSequence | np.random.Generator | None


@overload
def icl_error(
    models: Model,
    task: Task,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> SimulatedError: ...
@overload
def icl_error(
    models: Sequence[Model],
    task: Task,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> tuple[SimulatedError, ...]: ...
def icl_error(
    models: Model | Sequence[Model],
    task: Task,
    sizes: Sizes,
    *,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> SimulatedError | tuple[SimulatedError, ...]:
    r"""Train on n contexts, test on fresh ones: the ICL and in-distribution errors at finite d, run by run.

    Each run draws k training tasks, n training contexts (each with one of the k tasks, uniformly and
    independently; a task of its own where ``sizes.tasks`` is infinite), one first layer F, trains every model
    by its ridge regression, and measures

    .. math:: e_{\mathrm{ICL}}=\mathbb E_{\xi\sim\mathcal N(0,I_d)}\mathbb E\bigl[(y_{\ell+1}-\hat y)^2\mid\xi\bigr],\qquad
        e_{\mathrm{IDG}}=\frac1k\sum_{j\le k}\mathbb E\bigl[(y_{\ell+1}-\hat y)^2\mid\xi_j\bigr].

    For the linear Transformer these expectations are exact, given its weights; for random heads they are
    means over ``test`` fresh contexts each, so that the scatter of the runs, from which the standard error
    comes, includes the test noise.

    Parameters
    ----------
    models : LinearTransformer, RandomTransformer or a sequence of them
        A sequence is trained and tested on common draws: tasks, contexts, F, and the noise z of equivalent
        activations.
    task : Task
    sizes : Sizes
    runs : int or range
        How many independent runs, or which ones: run i is the same whatever the others.
    rng : int, SeedSequence, Generator or None
        As :func:`numpy.random.default_rng` takes it. An integer gives the same runs each time; a SeedSequence or Generator is spawned
        from, and gives new ones.
    test : int, optional
        Test contexts for each of the two errors of a random head; by default 2d² and at least 2000, with which
        the scatter of the runs is within some percent of what it is for infinitely many.
    memory : str or float
        Budget for the arrays of a run, as ``"4GB"`` or in bytes.
    precision : {"single", "double"}
        Precision of the features of random heads. Sums of their products, and solutions, are in double
        precision always.

    Returns
    -------
    SimulatedError, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        For an unknown model, a random head without ``sizes.hidden``, labels without a fourth moment, features
        which are not finite, or a budget of memory which is too small.

    References
    ----------
    [RT] (1)-(8); in-distribution error: [LA].

    Examples
    --------
    >>> from hermite_eq import LinearTransformer, RandomTransformer, Sizes, Task
    >>> sizes = Sizes.from_ratios(8, alpha=1, kappa=0.5, tau=3, mu=1)
    >>> relu, linear = icl_error(
    ...     [RandomTransformer("relu", ridge=0.1), LinearTransformer(ridge=0.1)],
    ...     Task("relu", noise=0.01), sizes, runs=4, rng=0)
    >>> relu.minus(linear).icl.mean < 0
    True
    """
    one = isinstance(models, LinearTransformer | RandomTransformer)
    curves = _simulate(models, task, sizes, "samples", None, runs, rng, test, memory, precision)
    errors = tuple(curve.points[0] for curve in curves)
    return errors[0] if one else errors


@overload
def icl_curve(
    models: Model,
    task: Task,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> SimulatedCurve: ...
@overload
def icl_curve(
    models: Sequence[Model],
    task: Task,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> tuple[SimulatedCurve, ...]: ...
def icl_curve(
    models: Model | Sequence[Model],
    task: Task,
    sizes: Sizes,
    *,
    samples: Sequence[int] | None = None,
    hidden: Sequence[int] | None = None,
    runs: int | range,
    rng: Seed = None,
    test: int | None = None,
    memory: str | float = "4GB",
    precision: Literal["single", "double"] = "single",
) -> SimulatedCurve | tuple[SimulatedCurve, ...]:
    r"""A curve of :func:`icl_error` in the number of samples n or of hidden units m, every point of a run on
    one common draw.

    Samples and hidden units are nested: the point at n (or m) is what :func:`icl_error` gives there with the
    same ``rng``, ``runs`` and ``test``, up to rounding (for equivalent activations along ``hidden``: with
    another draw of z).

    Parameters
    ----------
    models, task, runs, rng, test, memory, precision
        As for :func:`icl_error`. A curve in λ is a sequence of models with different ridges: they share their
        features.
    sizes : Sizes
        Its ``samples`` (or ``hidden``) is replaced by the values asked for.
    samples, hidden : sequence of int
        Exactly one of the two.

    Returns
    -------
    SimulatedCurve, or a tuple of them where ``models`` is a sequence

    Raises
    ------
    HypothesisError
        As :func:`icl_error`; if not exactly one of ``samples`` and ``hidden`` is given; if a value is no
        size.

    Examples
    --------
    >>> from hermite_eq import LinearTransformer, Sizes, Task
    >>> curve = icl_curve(LinearTransformer(ridge=1e-3), Task("identity", noise=0.01), Sizes(8, 8, 4, 64),
    ...                   samples=[32, 64, 128], runs=3, rng=1)
    >>> curve.values, curve.icl_runs.shape
    ((32, 64, 128), (3, 3))
    """
    if (samples is None) == (hidden is None):
        raise HypothesisError(
            "a curve is along samples or along hidden units",
            "both" if samples is not None else "neither",
            "pass either samples=[…] or hidden=[…]",
        )
    one = isinstance(models, LinearTransformer | RandomTransformer)
    axis: Axis = "samples" if hidden is None else "hidden"
    values = samples if hidden is None else hidden
    curves = _simulate(models, task, sizes, axis, values, runs, rng, test, memory, precision)
    return curves[0] if one else curves


@dataclass(frozen=True)
class _Draw:
    """What all heads of one run share."""

    law: ContextLaw
    training: Contexts
    fresh: Contexts
    again: Contexts | None
    layer: Floats
    trace: float
    noise: tuple[np.random.SeedSequence, ...]


def _draw(
    task: Task,
    sizes: Sizes,
    test: int,
    random: bool,
    dtype: type[np.floating[Any]],
    seed: np.random.SeedSequence,
) -> _Draw:
    law = context_law(task, sizes)
    tasks, which, training, fresh_tasks, fresh, again_which, again, layer, *noise = seed.spawn(11)
    n, k = sizes.samples, sizes.tasks
    finite = k != math.inf
    xi = law.tasks(int(k) if finite else n, np.random.default_rng(tasks))

    def uniform(count: int, stream: np.random.SeedSequence) -> NDArray[np.int64]:
        return np.random.default_rng(stream).integers(len(xi), size=count)

    each = uniform(n, which) if finite else np.arange(n)
    trace = law.trace()
    count = test if random else 0
    return _Draw(
        law=law,
        training=law.draw(xi, each, training),
        fresh=law.draw(law.tasks(count, np.random.default_rng(fresh_tasks)), np.arange(count), fresh),
        again=law.draw(xi, uniform(count, again_which), again) if finite else None,
        layer=first_layer(layer, sizes.d, sizes.hidden or 0 if random else 0, trace, dtype),
        trace=trace,
        noise=tuple(noise),
    )


def _edges(total: int, block: int, points: Sequence[int] = ()) -> list[int]:
    """Edges of blocks of at most ``block`` rows, as few and as equal as the ``points`` allow, which are edges too."""
    edges = [0]
    for stop in sorted({*points, total}):
        start = edges[-1]
        pieces = math.ceil((stop - start) / block)
        edges += [start + (stop - start) * i // pieces for i in range(1, pieces + 1)]
    return edges


class _Run:
    """One run: a draw, and the heads trained and tested on it."""

    def __init__(
        self,
        readouts: dict[HeadKind, list[Readout]],
        sizes: Sizes,
        axis: Axis,
        values: list[int],
        plan: Schedule,
        draw: _Draw,
    ) -> None:
        self.readouts, self.sizes, self.axis, self.values = readouts, sizes, axis, values
        self.plan, self.draw = plan, draw

    def fit(self, kinds: list[HeadKind]) -> dict[HeadKind, dict[tuple[int, Readout], RidgeFit]]:
        """Train the heads of one batch in one pass over the training contexts."""
        training = self.draw.training
        paths = {kind: self._path(kind) for kind in kinds}
        edges = _edges(len(training), self.plan.block, self.values if self.axis == "samples" else [])
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
        edges = _edges(n, self.plan.block)
        for block in self._blocks(self.draw.training, edges, [kind], self.draw.noise[0]):
            values[block.rows] = kind.apply(block)
        return values

    def test(
        self, weights: dict[HeadKind, Array], contexts: Contexts, noise: np.random.SeedSequence
    ) -> dict[HeadKind, Array]:
        """Mean squared errors of random heads, for every column of weights, on common test contexts."""
        total = {kind: np.zeros(w.shape[1]) for kind, w in weights.items()}
        edges = _edges(len(contexts), self.plan.block)
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


def _simulate(
    models: Model | Sequence[Model],
    task: Task,
    sizes: Sizes,
    axis: Axis,
    values: Sequence[int] | None,
    runs: int | range,
    rng: Seed,
    test: int | None,
    memory: str | float,
    precision: str,
) -> tuple[SimulatedCurve, ...]:
    heads = _check_models(models, sizes, axis)
    points = [getattr(sizes, axis)] if values is None else list(values)
    if not points:
        raise HypothesisError("a curve has at least one point", f"{axis}=[]", f"pass {axis}=[100, 200], say")
    at = [dataclasses.replace(sizes, **{axis: value}) for value in points]
    if len(set(points)) < len(points):
        raise HypothesisError("the points of a curve differ", f"{axis}={points}", "drop the repeated values")
    largest = dataclasses.replace(sizes, **{axis: max(points)})
    if precision not in ("single", "double"):
        raise HypothesisError(
            "precision is single or double", f"precision={precision!r}", 'pass precision="double"'
        )
    dtype = np.float32 if precision == "single" else np.float64
    which = run_numbers(runs)
    count = max(2000, 2 * sizes.d**2) if test is None else positive_count(test, "test")

    readouts: dict[HeadKind, list[Readout]] = {}
    keys = []
    for model in heads:
        kind = HeadKind.of(model)
        readout = Readout(model.ridge, isinstance(model, LinearTransformer) and model.intercept)
        keys.append((kind, readout))
        if readout not in readouts.setdefault(kind, []):
            readouts[kind].append(readout)
    random = any(not kind.linear for kind in readouts)
    increasing = sorted(points)
    plan = schedule(
        list(readouts),
        largest,
        axis,
        increasing,
        count if random else 0,
        np.dtype(dtype).itemsize,
        parse_memory(memory),
    )

    seeds = child_seeds(rng, which)
    outcomes = []
    for seed in seeds:
        draw = _draw(
            task,
            largest,
            count,
            random,
            dtype,
            np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key),
        )
        outcomes.append(_Run(readouts, largest, axis, increasing, plan, draw).errors())
    draws = tuple((seed.entropy, seed.spawn_key) for seed in seeds)

    def point(model: Model, kind: HeadKind, readout: Readout, value: int, where: Sizes) -> SimulatedError:
        # A linear head has no hidden units: along m there is one fit.
        key = largest.samples if kind.linear and axis == "hidden" else value
        icl, idg, condition, fallback = (
            np.array(column) for column in zip(*(o[kind, key, readout] for o in outcomes), strict=True)
        )
        return SimulatedError(model, task, where, icl, idg, condition, fallback, draws)

    return tuple(
        SimulatedCurve(
            axis,
            tuple(point(model, kind, readout, value, where) for value, where in zip(points, at, strict=True)),
        )
        for model, (kind, readout) in zip(heads, keys, strict=True)
    )


def _check_models(models: Any, sizes: Sizes, axis: Axis) -> list[Model]:
    found = list(models) if isinstance(models, Sequence) else [models]
    if not found:
        raise HypothesisError(
            "there is a model to simulate", "an empty sequence", "pass LinearTransformer(ridge=1e-3), say"
        )
    for model in found:
        if not isinstance(model, LinearTransformer | RandomTransformer):
            raise HypothesisError(
                "a model is a LinearTransformer or a RandomTransformer",
                f"{model!r}",
                "pass RandomTransformer(activation, ridge=…)",
            )
        if isinstance(model, RandomTransformer) and sizes.hidden is None and axis == "samples":
            raise HypothesisError(
                "a random head has a number m of hidden units",
                "sizes.hidden=None",
                "pass Sizes(…, hidden=…) or from_ratios(…, mu=…)",
            )
    return found
