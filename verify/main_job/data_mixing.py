r"""[DM]: two sources of data and one gradient step on the first layer: theory beside simulation, and what is said of both.

Two signs are not among the wrong theories, as no error depends on them: that of c_1 of a source, since ξ and −ξ have the same law; and,
for the rank-one part of the step, that of η, since w and −w have the same law and u is a multiple of w.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.activations import Activation
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import OneStepTransformer, RandomTransformer, Task
from hermite_eq.simulate import MonteCarlo
from hermite_eq.theory import TheoryError, spiked_icl_error
from hermite_eq.theory.feature_law.sources.contexts import CONTEXTS
from verify.campaigns.mixing import Mixing
from verify.claims import defects
from verify.claims.check import Z_LIMIT, Check, Verdict, by_runs, by_z, rate_of_runs
from verify.claims.comparison import Comparison, within_band
from verify.claims.mixing import NO_GAIN
from verify.main_job.two_sources import BASE, HEADS, INPUTS, NOISY, SETTINGS, SPIKED, STEPS, Mixture, gains, heads, runs_by_source

Array = NDArray[np.float64]

ERRORS, STEP, NOISE, LEMMA = "[DM] error theory", "[DM] gradient step", "[DM] noise of a source", "[DM] Lemma 4.11"
#: In the order of the table.
CLAIMS = (ERRORS, STEP, NOISE, LEMMA)
#: Of ‖Δ‖/‖uvᵀ‖ under a task spike, in the conventions of [DM] (``derivations/gradient_step.py``).
LEMMA_ORDER = -0.5


@dataclass(frozen=True)
class Theory:
    """What the theory is told of a setting; by default the truth.

    Attributes
    ----------
    spike : bool
        That the tasks of the second source are spiked.
    swapped : bool
        The training probabilities of the two sources, exchanged.
    slope : (float, float)
        Factors of c_1 of the two targets.
    step : float
        Factor of η.
    noise : float
        Factor of Δ₁².
    """

    spike: bool = True
    swapped: bool = False
    slope: tuple[float, float] = (1.0, 1.0)
    step: float = 1.0
    noise: float = 1.0

    def task(self, mixing: Mixing, d: int) -> Task:
        """The data as the theory has them."""
        if not self.spike:
            mixing = replace(mixing, task_spike=0.0)
        if self.swapped:
            mixing = replace(mixing, spiked=1 - mixing.spiked)
        task = replace(mixing, noises=(mixing.noises[0], self.noise * mixing.noises[1])).task(d)
        sources = [replace(source, target=_tilted(source.target, factor)) for source, factor in zip(task.sources, self.slope, strict=True)]
        return Task(sources=sources, weights=task.weights, unit_inputs=task.unit_inputs, unit_link=task.unit_link)

    def error(self, setting: str, d: int, normalise: bool, step: float) -> TheoryError:
        """The error of a head which takes this step, by the theory with typed neurons."""
        head = heads(SPIKED, d)[normalise, step]
        return _error(self.task(SETTINGS[setting], d), replace(head, step_size=self.step * head.step_size), d)

    def without_step(self, setting: str, d: int, normalise: bool) -> TheoryError:
        """The error of the head without a step, by the theory of several sources."""
        ridge = heads(SPIKED, d)[normalise, 0.0].ridge
        return _error(self.task(SETTINGS[setting], d), RandomTransformer("relu", ridge, normalise=normalise), d)

    def gain(self, setting: str, d: int, normalise: bool) -> float:
        """What the step η = d² adds to the error of the test mixture, both from the same nodes."""
        return self.error(setting, d, normalise, 1.0).icl - self.error(setting, d, normalise, 0.0).icl


#: Nothing wrong.
TRUE = Theory()


def _tilted(target: Activation, factor: float) -> Activation:
    if factor == 1:
        return target
    slope = hermite_eq.coefficients(target, 1)[1]
    return hermite_eq.activation(target.expression + (factor - 1) * slope * hermite_eq.hermite.X)


@functools.lru_cache(maxsize=256)
def _error(task: Task, model: OneStepTransformer | RandomTransformer, d: int) -> TheoryError:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        # With a step or with one of size 0, by the theory of typed neurons: the two share their nodes, and differ by less noise.
        theory = spiked_icl_error if isinstance(model, OneStepTransformer) else hermite_eq.icl_error
        return theory(model, task, BASE.sizes(d))


def _compared(claim: str, subject: str, predicted: Mapping[int, float], runs: Mapping[int, Array], note: str = "") -> Check:
    """Means over runs at the largest d beside the theory; where that disagrees, the relative gap over the ladder, at rate 1/d."""
    top = max(runs)
    note = "; ".join(filter(None, (f"simulation/theory − 1 = {runs[top].mean() / predicted[top] - 1:+.1%}", note)))
    check = by_runs(claim, f"{subject}, d = {top}", predicted[top], runs[top], scale=abs(predicted[top]), note=note)
    if check.verdict != Verdict.DISAGREES or len(runs) < 3:
        return check
    rate = rate_of_runs(claim, subject, [(d, values / predicted[d] - 1) for d, values in runs.items()])
    return check.with_verdict(rate.verdict, f"{note}; {rate.note}", slope=(rate.value, rate.value_error))


def foretold(error: TheoryError) -> dict[str, float]:
    return {"test mixture": error.icl} | {f"source {s}": value for s, value in enumerate(error.icl_by_source)}


def error_rows(measured: Mixture, theory: Theory, *, stepped: bool = True) -> list[Check]:
    """Errors of the test mixture and of each source, with a step and without."""
    rows = []
    for normalise, name in HEADS.items():
        for step in STEPS if stepped else STEPS[:1]:
            drawn = {d: measured.errors[SPIKED, d][normalise, step] for d in measured.dimensions}
            made = {d: theory.error(SPIKED, d, normalise, step) if step else theory.without_step(SPIKED, d, normalise) for d in drawn}
            note = made[max(made)].notes[0] if made[max(made)].notes else ""
            what = f"{name}, {'η = d²' if step else 'no step'}"
            for where in runs_by_source(drawn[max(drawn)]):
                predicted = {d: foretold(error)[where] for d, error in made.items()}
                found = {d: runs_by_source(error)[where] for d, error in drawn.items()}
                rows.append(_compared(ERRORS, f"{what}: {where}", predicted, found, note))
    return rows


def _averages(subject: str, whole: Array, parts: Array, weights: Sequence[float], terms: float) -> Check:
    """That ``whole`` is the weighted mean of ``parts`` in every run, up to a rounding of eps times ``terms`` of their size."""
    rounding = terms * float(np.finfo(np.float64).eps) * float(np.max(parts))
    off = whole - parts @ np.asarray(weights)
    worst = float(off[np.argmax(np.abs(off))])
    # The bound itself is where a check disagrees.
    row = by_z(ERRORS, f"{subject}: the errors on the sources average to that of the mixture", 0.0, worst, rounding / Z_LIMIT)
    return replace(row, kind="identity")


def identity_rows(measured: Mixture, weights: Sequence[float] | None = None) -> list[Check]:
    """The error of the test mixture is the mean over the sources, with the test's weights: in simulation and theory."""
    top = max(measured.dimensions)
    simulated, made = measured.errors[SPIKED, top][True, 0.0], TRUE.without_step(SPIKED, top, True)
    used = BASE.task(top).test_weights if weights is None else weights
    return [
        _averages(f"simulation, {len(simulated.icl_runs)} runs", simulated.icl_runs, np.asarray(simulated.source_runs), used,
                  len(used)),
        # Each of the theory's errors is a mean over contexts by itself: so many roundings, of random sign.
        _averages("theory", np.array([made.icl]), np.array([made.icl_by_source]), used, math.sqrt(CONTEXTS)),
    ]


def lowers(claim: str, subject: str, change: Array, predicted: float, level: float) -> Check:
    """That a change of the error is negative, with its size relative to ``level``."""
    share, compared = MonteCarlo.from_runs(change / level), Comparison.of(np.zeros(1), change[:, None], np.array([predicted]))
    return compared.row(claim, subject, f"; {share.mean:+.2%} ± {share.stderr:.2%}")


def gain_rows(measured: Mixture, theory: Theory) -> list[Check]:
    """What the step adds to the error under a task spike, beside the theory's difference of the two errors."""
    rows = []
    for normalise, name in HEADS.items():
        change = {d: gains(measured, SPIKED, d, normalise) for d in measured.dimensions}
        predicted = {d: theory.gain(SPIKED, d, normalise) for d in change}
        rows.append(_compared(STEP, f"{name}, task spike: what the step adds to the error", predicted, change))
    return rows


def idle_rows(measured: Mixture, setting: str = INPUTS) -> list[Check]:
    """That on the data of a setting the step changes nothing."""
    top, rows = max(measured.dimensions), []
    for normalise, name in HEADS.items():
        before = measured.errors[setting, top][normalise, 0.0].icl.mean
        share = TRUE.gain(setting, top, normalise) / TRUE.error(setting, top, normalise, 0.0).icl
        subject = f"{name}, {setting}: the step changes the error by less than {NO_GAIN:.0%}, d = {top}"
        change = gains(measured, setting, top, normalise) / before
        rows.append(within_band(STEP, subject, change, share, NO_GAIN, f"z is from ±{NO_GAIN:.0%}"))
    return rows


def step_rows(measured: Mixture) -> list[Check]:
    """The step lowers the error under a task spike, by as much as the theory says, and changes nothing under an input spike."""
    top, rows = max(measured.dimensions), []
    for normalise, name in HEADS.items():
        before, change = measured.errors[SPIKED, top][normalise, 0.0].icl.mean, gains(measured, SPIKED, top, normalise)
        subject = f"{name}, task spike: the step η = d² lowers the error, d = {top}"
        rows.append(lowers(STEP, subject, change, TRUE.gain(SPIKED, top, normalise), before))
    return [*rows, *gain_rows(measured, TRUE), *idle_rows(measured)]


def noise_rows(measured: Mixture, theory: Theory) -> list[Check]:
    """Less noise in source 1 lowers the error, on source 0 too, whose data are the same: by as much as the theory says."""
    top, rows = max(measured.dimensions), []
    dirty, clean = ({d: runs_by_source(measured.errors[name, d][True, 0.0]) for d in measured.dimensions} for name in (NOISY, SPIKED))
    made = [{d: foretold(theory.without_step(name, d, True)) for d in measured.dimensions} for name in (NOISY, SPIKED)]
    for where in ("test mixture", "source 0"):
        change = {d: clean[d][where] - dirty[d][where] for d in clean}
        predicted = {d: made[1][d][where] - made[0][d][where] for d in clean}
        subject = f"{HEADS[True]}: Δ₁² from {SETTINGS[NOISY].noises[1]:g} to {BASE.noises[1]:g}, {where}"
        rows.append(lowers(NOISE, f"{subject}: lower, d = {top}", change[top], predicted[top], float(dirty[top][where].mean())))
        rows.append(_compared(NOISE, f"{subject}: the change", predicted, change))
    return rows


def lemma_rows(measured: Mixture, setting: str = SPIKED) -> list[Check]:
    """G = uvᵀ + Δ: the ratio of the norms vanishes at the derived rate."""
    ratios = [(d, runs) for (name, d), runs in measured.gradients.items() if name == setting]
    return [rate_of_runs(LEMMA, f"{setting}: ‖Δ‖/‖uvᵀ‖ → 0 as d^{LEMMA_ORDER:g}", ratios, order=LEMMA_ORDER)]


def judge(measured: Mixture) -> list[Check]:
    """All rows."""
    return [*error_rows(measured, TRUE), *identity_rows(measured), *step_rows(measured), *noise_rows(measured, TRUE),
            *lemma_rows(measured)]


def negative_controls(measured: Mixture) -> list[dict[str, Any]]:
    """Wrong theories held against the same simulations."""
    off = 1 + float(defects.SHARE)
    without_step = {
        "the task spike forgotten": Theory(spike=False),
        "training probabilities exchanged": Theory(swapped=True),
        "target of source 0: c_1 5 % too large": Theory(slope=(off, 1.0)),
        "target of source 1: c_1 5 % too large": Theory(slope=(1.0, off)),
    }
    training = BASE.task(max(measured.dimensions)).weights
    tried: dict[tuple[str, str], list[Check]] = {
        **{(ERRORS, defect): error_rows(measured, theory, stepped=False) for defect, theory in without_step.items()},
        (ERRORS, "sources weighted as in training"): identity_rows(measured, training),
        (STEP, "η half as large"): gain_rows(measured, Theory(step=0.5)),
        (STEP, "the gain of a task spike called none"): idle_rows(measured, SPIKED),
        (NOISE, "the noise of source 1 5 % too small"): noise_rows(measured, Theory(noise=1 - float(defects.SHARE))),
        (LEMMA, "supposed of spiked inputs"): lemma_rows(measured, INPUTS),
    }
    return [defects.outcome(claim, f"two sources: {defect}", rows) for (claim, defect), rows in tried.items()]
