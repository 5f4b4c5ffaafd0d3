r"""[DM]: two sources of data, and heads with and without a gradient step, as a campaign; what is said of it, and what is wrong to say.

The first source is isotropic; the second has one direction of its tasks with variance 1 + d², or one of its inputs
(:class:`verify.campaigns.mixing.Mixing`, in the conventions of [DM]).

Two signs are not among the wrong theories, as no error depends on them: that of c_1 of a source, since ξ and −ξ have the same law; and,
for the rank-one part of the step, that of η, since w and −w have the same law and u is a multiple of w.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from hermite_eq.curve import Setting as Point
from hermite_eq.models import OneStepTransformer, Task
from hermite_eq.models.structures import Identity
from verify.campaigns.campaign import Campaign, Claim, Panel
from verify.campaigns.curves import Curve, Results
from verify.campaigns.mixing import Mixing
from verify.claims import defects
from verify.claims.check import Check, claimed
from verify.claims.mixing import step_helps, structure_helps
from verify.claims.pointwise import changes_as_predicted, errors_as_predicted, sources_average
from verify.main_job.profile import Profile

ERRORS, STEP, NOISE = "[DM] error theory", "[DM] gradient step", "[DM] noise of a source"

#: What all heads start from: π = (1/4, 3/4), n = d², m = d²/2.
BASE = Mixing(spiked=0.75, noises=(0.01, 0.01), ridge=5e-3, samples=1.0, degrees=(), linear=False, rank_one=False)
#: Heads which see h of one length, and as it is.
HEADS = (replace(BASE, name="h normalised", normalise=True), replace(BASE, name="h not normalised"))
SPIKED, INPUTS = tuple(replace(head, task_spike=1.0) for head in HEADS), tuple(replace(head, input_spike=1.0) for head in HEADS)
#: η/d², and Δ₁, of which a tenth is in the other panels.
STEPS, NOISES = (0.0, 1.0), (0.1, 1.0)
PANELS = (
    Panel("step", STEPS, SPIKED),
    Panel("step", STEPS, INPUTS),
    # Under noise no step is of interest.
    Panel("noise", NOISES, (replace(SPIKED[0], step=0.0),), paired=True),
)
#: What is said, in the order of the table.
CLAIMS: Mapping[str, tuple[Claim, ...]] = {
    ERRORS: (partial(errors_as_predicted, 0), partial(sources_average, 0)),
    STEP: (step_helps, partial(changes_as_predicted, 0)),
    NOISE: (structure_helps, partial(changes_as_predicted, 2, ("icl", 0))),
}


def campaign(profile: Profile, d: int) -> Campaign:
    """Under spiked tasks and under spiked inputs with and without the step, and with more or less noise."""
    return Campaign(
        "check-sources",
        "Two sources and a gradient step",
        "The theory knows the errors on two sources of data, and what structure, noise and a gradient step change in them.",
        PANELS,
        d=d,
        runs=dict(zip(profile.mixing_ladder, profile.mixing_runs, strict=True))[d],
        seed=profile.seed + 1,
        claims=tuple(claim for claims in CLAIMS.values() for claim in claims),
    )


def judge(ladder: Sequence[Results]) -> list[Check]:
    """All rows."""
    return [row for name, claims in CLAIMS.items() for claim in claims for row in claimed(name, claim(ladder=ladder))]


def _task(change: Callable[[Task], Task]) -> Callable[[Curve], Curve]:
    """The theory of another task."""

    def changed(point: Point) -> Point:
        assert isinstance(point.task, Task)
        return replace(point, task=change(point.task))

    return lambda curve: curve.believing(changed)


def _half_a_step(point: Point) -> Point:
    model = point.model
    return replace(point, model=replace(model, step_size=model.step_size / 2)) if isinstance(model, OneStepTransformer) else point


def _true(curve: Curve) -> Curve:
    return curve


def _called_isotropic(curve: Curve) -> Curve:
    assert isinstance(curve.family, Mixing)
    return replace(curve, family=replace(curve.family, task_spike=0.0))


_OFF = float(defects.SHARE)
#: Without a step, where the theory is quick.
_ERRORS = partial(errors_as_predicted, 0, STEPS[:1])
#: What is wrong: the claim and its name, the defect, and the curves with it.
WRONG: tuple[tuple[str, Claim, str, Callable[[Curve], Curve]], ...] = (
    (ERRORS, _ERRORS, "the task spike forgotten", _task(lambda task: defects.with_source(task, 1, task_cov=Identity()))),
    (ERRORS, _ERRORS, "training probabilities exchanged", _task(lambda task: replace(task, weights=task.weights[::-1]))),
    (ERRORS, _ERRORS, "target of source 0: c_1 5 % too large", _task(lambda task: defects.steeper(task, number=0))),
    (ERRORS, _ERRORS, "target of source 1: c_1 5 % too large", _task(lambda task: defects.steeper(task, number=1))),
    (ERRORS, partial(sources_average, 0, (1 - BASE.spiked, BASE.spiked)), "sources weighted as in training", _true),
    (STEP, partial(changes_as_predicted, 0), "η half as large", lambda curve: curve.believing(_half_a_step)),
    (STEP, step_helps, "the gain of a task spike called none", _called_isotropic),
    (
        NOISE,
        partial(changes_as_predicted, 2, ("icl", 0)),
        "the noise of source 1 5 % too small",
        _task(lambda task: defects.with_source(task, 1, noise=(1 - _OFF) * task.sources[1].noise)),
    ),
)


def negative_controls(ladder: Sequence[Results]) -> list[dict[str, Any]]:
    """Wrong theories held against the same simulations."""
    return [
        defects.outcome(name, f"two sources: {defect}", claim(ladder=[results.replaced(wrong) for results in ladder]))
        for name, claim, defect, wrong in WRONG
    ]
