"""Runs of a simulation gathered into curves, one for each model."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from hermite_eq.activations import Activation, grows_exponentially
from hermite_eq.arguments import shown
from hermite_eq.curve import Setting
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models import AnyTask, LinearTransformer, OneStepTransformer, Sizes, TrainedModel
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.progress import progress
from hermite_eq.simulate.options import SimulationOptions
from hermite_eq.simulate.results import SimulatedCurve, SimulatedError
from hermite_eq.simulate.sampler import child_seeds, context_law
from hermite_eq.simulate.training.draw import Draw, draw_run
from hermite_eq.simulate.training.features import norms
from hermite_eq.simulate.training.heads import HeadKind
from hermite_eq.simulate.training.memory import schedule
from hermite_eq.simulate.training.paths import Readout
from hermite_eq.simulate.training.run import Axis, Run

#: Contexts that must count for a mean of squared features to settle to half its size.
_FEWEST_EFFECTIVE = 4.0


class Interrupted(KeyboardInterrupt):
    """Ctrl-C after the first run: ``finished`` holds the curves of the runs before it.

    Attributes
    ----------
    finished : tuple of SimulatedCurve
    runs, of : int
        How many runs are finished, of how many.
    """

    def __init__(self, finished: tuple[SimulatedCurve, ...], runs: int, of: int) -> None:
        super().__init__(f"after {runs} of {of} runs, whose results are in the attribute finished")
        self.finished, self.runs, self.of = finished, runs, of

    def __reduce__(self) -> Any:
        return type(self), (self.finished, self.runs, self.of)


class NestedFits:
    """Models trained on nested samples, or with nested hidden units, of common draws: one pass for all of a run."""

    def __init__(
        self, models: Sequence[TrainedModel], task: AnyTask, axis: Axis, sizes: Sequence[Sizes], options: SimulationOptions
    ) -> None:
        increasing = sorted({getattr(where, axis) for where in sizes})
        self.largest = dataclasses.replace(sizes[0], **{axis: increasing[-1]})
        self.task, self.axis, self.options = task, axis, options
        sources, self.test = len(context_law(task, self.largest).sources), options.test_contexts(self.largest.d)
        if self.test < sources:
            finding = f"test={self.test} for {sources} sources"
            raise HypothesisError("every source has a test context", finding, f"pass test={sources} or more")
        self.readouts: dict[HeadKind, list[Readout]] = {}
        for model in models:
            kind, readout = _key(model)
            if readout not in self.readouts.setdefault(kind, []):
                self.readouts[kind].append(readout)
        self.random = any(not kind.linear for kind in self.readouts)
        self.values = increasing
        self.plan = schedule(
            list(self.readouts), self.largest, axis, increasing, self.test if self.random else 0, np.dtype(options.dtype).itemsize,
            options.bytes, options.queries, options.arrays,
        )  # fmt: skip
        self.outcomes: list[dict[tuple[HeadKind, int, Readout], tuple[Any, ...]]] = []

    def run(self, seed: np.random.SeedSequence) -> None:
        """One more run, the same whatever was drawn from the seed before."""
        seed = np.random.SeedSequence(seed.entropy, spawn_key=seed.spawn_key, pool_size=seed.pool_size)
        stepping = any(kind.step is not None for kind in self.readouts)
        draw = draw_run(self.task, self.largest, self.test, self.random, self.options.dtype, seed, stepping, self.options.queries)
        if not self.outcomes:
            _warn_unsettled(list(self.readouts), draw, self.largest.samples)
        self.outcomes.append(Run(self.readouts, self.largest, self.axis, self.values, self.plan, draw, self.options.arrays).errors())

    def error(self, setting: Setting, draws: tuple[Any, ...]) -> SimulatedError:
        """The runs there are, at one setting."""
        kind, readout = _key(setting.model)
        # A linear head has no hidden units: along m there is one fit.
        value = self.largest.samples if kind.linear and self.axis == "hidden" else getattr(setting.sizes, self.axis)
        by_source, icl, idg, condition, fallback = (
            np.array(column) for column in zip(*(o[kind, value, readout] for o in self.outcomes[: len(draws)]), strict=True)
        )
        return SimulatedError(setting.model, setting.task, setting.sizes, icl, idg, condition, fallback, draws, by_source)


@functools.lru_cache(maxsize=256)
def _key(model: TrainedModel) -> tuple[HeadKind, Readout]:
    return HeadKind.of(model), Readout(model.ridge, isinstance(model, LinearTransformer) and model.intercept)


def _nested(settings: Sequence[Setting], options: SimulationOptions) -> tuple[Axis, dict[Hashable, NestedFits]]:
    """Along n or m, whichever takes fewer: the fits with all settings, by what :func:`_fixed` says of a setting."""
    grouped: dict[Axis, dict[Hashable, list[Setting]]] = {"samples": {}, "hidden": {}}
    for axis, groups in grouped.items():
        for setting in settings:
            groups.setdefault(_fixed(setting, axis), []).append(setting)
    axis = min(grouped, key=lambda axis: len(grouped[axis]))
    return axis, {
        key: NestedFits(list(dict.fromkeys(s.model for s in group)), group[0].task, axis, [s.sizes for s in group], options)
        for key, group in grouped[axis].items()
    }


def _fixed(setting: Setting, axis: Axis) -> Hashable:
    """All but what is nested: equal where settings have draws in common."""
    return setting.task, *(value for name, value in vars(setting.sizes).items() if name != axis)


def simulate_curves(curves: Sequence[Sequence[Setting]], axis: str | None, options: SimulationOptions) -> tuple[SimulatedCurve, ...]:
    """The curves of several models, run by run, on common draws wherever they have tasks and sizes in common."""
    settings = [setting for curve in curves for setting in curve]
    for setting in settings:
        context_law(setting.task, checked_sizes(setting.sizes))
    _check_models([setting.model for setting in settings], [setting.sizes for setting in settings])
    nested, fits = _nested(settings, options)
    seeds = child_seeds(options.rng, options.which)

    def simulated(count: int) -> tuple[SimulatedCurve, ...]:
        draws = tuple((seed.entropy, seed.spawn_key) for seed in seeds[:count])

        return tuple(
            SimulatedCurve(axis, tuple(fits[_fixed(setting, nested)].error(setting, draws) for setting in curve)) for curve in curves
        )

    done = 0
    try:
        with progress(len(seeds), "runs") as advance:
            for seed in seeds:
                for fit in fits.values():
                    fit.run(seed)
                done += 1
                advance()
    except KeyboardInterrupt:
        if done:
            raise Interrupted(simulated(done), done, len(seeds)) from None
        raise
    return simulated(done)


def _warn_unsettled(kinds: list[HeadKind], draw: Draw, samples: int) -> None:
    """Warn of heads whose squared features have no mean over ‖h‖, or one to which few contexts contribute nearly all."""
    contexts = draw.fresh if draw.again is None or draw.tested is draw.law else draw.again
    norm = norms(contexts, slice(0, len(contexts)), draw.trace)
    for kind in kinds:
        if kind.linear or kind.normalise or kind.step is not None:
            continue
        if isinstance(kind.first, Activation) and grows_exponentially(kind.first):
            finding = "has no mean over ‖h‖, as the head grows exponentially; neither have the errors, which no number of runs estimates"
        elif (effective := samples * kind.effective_share(norm)) < _FEWEST_EFFECTIVE:
            finding = f"grows so fast with ‖h‖ that n = {samples} contexts count as {effective:.2g} in its mean, which does not settle"
        else:
            continue
        warnings.warn(f"the second moment of {kind.first} {finding}; normalise=True fixes ‖h‖", HypothesisWarning, stacklevel=4)


def _check_models(models: Sequence[Any], sizes: Sequence[Sizes]) -> None:
    for model, where in zip(models, sizes, strict=True):
        if not isinstance(model, TrainedModel):
            raise HypothesisError(
                "a model is a LinearTransformer, a RandomTransformer or a OneStepTransformer",
                shown(model),
                "pass RandomTransformer(activation, ridge=…)",
            )
        if not isinstance(model, LinearTransformer) and where.hidden is None:
            raise HypothesisError(
                "a random head has a number m of hidden units",
                "sizes.hidden=None",
                "pass Sizes(…, hidden=…) or from_ratios(…, mu=…)",
            )
    for model, d in dict.fromkeys((model, where.d) for model, where in zip(models, sizes, strict=True)):
        if isinstance(model, OneStepTransformer) and model.beyond_theorem(d):
            warnings.warn(
                f"the equivalence after a gradient step supposes η = o(d²); found η = {model.step_size:g} at d² = {d**2}: the "
                "simulation is as asked, the theorem need not hold",
                HypothesisWarning,
                stacklevel=4,
            )
