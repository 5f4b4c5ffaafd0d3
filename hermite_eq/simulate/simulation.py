"""Runs of a simulation gathered into curves, one for each model."""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from hermite_eq.activations import Activation, grows_exponentially
from hermite_eq.arguments import count as checked_count
from hermite_eq.arguments import one_of, sequence, shown
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models import AnyTask, LinearTransformer, OneStepTransformer, Sizes, TrainedModel
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate.draw import Draw, draw_run
from hermite_eq.simulate.features import norms
from hermite_eq.simulate.heads import HeadKind
from hermite_eq.simulate.memory import parse_memory, schedule
from hermite_eq.simulate.paths import Readout
from hermite_eq.simulate.results import SimulatedCurve, SimulatedError
from hermite_eq.simulate.run import Axis, Run
from hermite_eq.simulate.sampler import child_seeds, context_law, run_numbers

#: Contexts that must count for a mean of squared features to settle to half its size.
_FEWEST_EFFECTIVE = 4.0

Seed = int | np.random.SeedSequence | np.random.Generator | None


def simulate_curves(
    models: TrainedModel | Sequence[TrainedModel],
    task: AnyTask,
    sizes: Sizes,
    axis: Axis,
    values: Sequence[int] | None,
    runs: int | range,
    rng: Seed,
    test: int | None,
    memory: str | float,
    precision: str,
    queries: int,
) -> tuple[SimulatedCurve, ...]:
    """One curve for each model, from common draws; ``values`` None is the one point of ``sizes``."""
    heads = _check_models(models, checked_sizes(sizes), axis)
    points = [getattr(sizes, axis)] if values is None else list(sequence(values, axis))
    if not points:
        raise HypothesisError("a curve has at least one point", f"{axis}=[]", f"pass {axis}=[100, 200], say")
    at = [dataclasses.replace(sizes, **{axis: value}) for value in points]
    points = [getattr(where, axis) for where in at]
    if None in points:
        raise HypothesisError("a curve is along numbers", f"{axis}={points}", f"pass {axis}=[100, 200], say")
    if len(set(points)) < len(points):
        raise HypothesisError("the points of a curve differ", f"{axis}={points}", "drop the repeated values")
    largest = dataclasses.replace(sizes, **{axis: max(points)})
    one_of(precision, ("single", "double"), "precision", requirement="precision is single or double", repair='pass precision="double"')
    dtype = np.float32 if precision == "single" else np.float64
    which = run_numbers(runs)
    sources = len(context_law(task, sizes).sources)
    queries = checked_count(queries, "queries", least=1)
    count = default_test(sizes.d) if test is None else checked_count(test, "test", least=1)
    if count < sources:
        raise HypothesisError("every source has a test context", f"test={count} for {sources} sources", f"pass test={sources} or more")

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
        queries,
    )

    seeds = child_seeds(rng, which)
    outcomes: list[dict[tuple[HeadKind, int, Readout], tuple[Any, ...]]] = []
    for seed in seeds:
        draw = draw_run(
            task,
            largest,
            count,
            random,
            dtype,
            seed,
            any(kind.step is not None for kind in readouts),
            queries,
        )
        if not outcomes:
            _warn_unsettled(list(readouts), draw, max(increasing) if axis == "samples" else largest.samples)
        outcomes.append(Run(readouts, largest, axis, increasing, plan, draw).errors())
    draws = tuple((seed.entropy, seed.spawn_key) for seed in seeds)

    def point(model: TrainedModel, kind: HeadKind, readout: Readout, value: int, where: Sizes) -> SimulatedError:
        # A linear head has no hidden units: along m there is one fit.
        key = largest.samples if kind.linear and axis == "hidden" else value
        by_source, icl, idg, condition, fallback = (
            np.array(column) for column in zip(*(o[kind, key, readout] for o in outcomes), strict=True)
        )
        return SimulatedError(model, task, where, icl, idg, condition, fallback, draws, by_source)

    return tuple(
        SimulatedCurve(
            axis,
            tuple(point(model, kind, readout, value, where) for value, where in zip(points, at, strict=True)),
        )
        for model, (kind, readout) in zip(heads, keys, strict=True)
    )


def _warn_unsettled(kinds: list[HeadKind], draw: Draw, samples: int) -> None:
    """Warn of heads whose squared features have no mean over ‖h‖, or one to which few contexts contribute nearly all."""
    norm = norms(draw.fresh, slice(0, len(draw.fresh)), draw.trace)
    for kind in kinds:
        if kind.linear or kind.normalise or kind.step is not None:
            continue
        if isinstance(kind.activation, Activation) and grows_exponentially(kind.activation):
            found = "has no mean over ‖h‖, as the head grows exponentially; neither have the errors, which no number of runs estimates"
        elif (effective := samples * kind.effective_share(norm)) < _FEWEST_EFFECTIVE:
            found = f"grows so fast with ‖h‖ that n = {samples} contexts count as {effective:.2g} in its mean, which does not settle"
        else:
            continue
        warnings.warn(f"the second moment of {kind.activation} {found}; normalise=True fixes ‖h‖", HypothesisWarning, stacklevel=4)


def default_test(d: int) -> int:
    """How many test contexts each error of a random head is measured on, unless ``test`` says."""
    return max(2000, 2 * d**2)


def _check_models(models: Any, sizes: Sizes, axis: Axis) -> list[TrainedModel]:
    found = list(models) if isinstance(models, Sequence) else [models]
    if not found:
        raise HypothesisError(
            "there is a model to simulate", "an empty sequence", "pass LinearTransformer(ridge=1e-3), say"
        )
    for model in found:
        if not isinstance(model, TrainedModel):
            raise HypothesisError(
                "a model is a LinearTransformer, a RandomTransformer or a OneStepTransformer",
                shown(model),
                "pass RandomTransformer(activation, ridge=…)",
            )
        if not isinstance(model, LinearTransformer) and sizes.hidden is None and axis == "samples":
            raise HypothesisError(
                "a random head has a number m of hidden units",
                "sizes.hidden=None",
                "pass Sizes(…, hidden=…) or from_ratios(…, mu=…)",
            )
        if isinstance(model, OneStepTransformer) and model.beyond_theorem(sizes.d):
            warnings.warn(
                f"the equivalence after a gradient step supposes η = o(d²); found η = {model.step_size:g} at d² = {sizes.d**2}: the "
                "simulation is as asked, the theorem need not hold",
                HypothesisWarning,
                stacklevel=4,
            )
    return found
