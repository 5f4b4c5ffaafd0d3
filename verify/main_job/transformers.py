"""The finite-d Transformers of the main job: every head, its equivalents and the linear baselines on common draws, as a campaign.

Its rows are [RT] Theorem 3, the Transformer against its equivalent polynomial models, and the error theory across the interpolation
threshold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import hermite_eq
from hermite_eq.models import Model, RandomTransformer, Ratios, Task
from verify.campaigns.campaign import Campaign, Claim, curves_panel, label
from verify.campaigns.curves import Key, Results
from verify.campaigns.heads import DEGREES, HEADS, NOISE, RIDGE, equivalent, heads
from verify.claims import defects
from verify.claims.agreement import THEORY, theory_rows
from verify.claims.check import Check, claimed
from verify.claims.statements import gap_vanishes, gaps_as_predicted
from verify.main_job.profile import Profile

CLAIM = "Theorem 3"
TARGETS = ("relu", "tanh")
#: [RT] Fig. 1: ℓ = d, k = d/2, m = d².
RATIOS = Ratios(alpha=1.0, kappa=0.5, tau=1.0, mu=1.0)


def without_residual(head: str) -> RandomTransformer:
    """The degree-1 equivalent with c_1* forgotten, a wrong theorem."""
    model = hermite_eq.equivalent_model(head, 1)
    return RandomTransformer(replace(model, source=f"{head} without residual", residual=0), RIDGE, normalise=True)


def normalised(head: str) -> RandomTransformer:
    return RandomTransformer(head, RIDGE, normalise=True)


def vanishing(head: str, panel: int, other: RandomTransformer) -> Claim:
    """What is said of another model beside the head that sees h of one length."""
    return partial(
        gap_vanishes,
        f"target {TARGETS[panel]}, {other} and the {head} head, h normalised",
        label(other),
        label(normalised(head)),
        panel=panel,
    )


def campaign(profile: Profile, d: int) -> Campaign:
    """A panel for each target; the equivalents with normalised input only below the largest d, where they suffice."""
    models: list[Model] = [*heads(), *map(normalised, HEADS)]
    if d < max(profile.ladder):
        models += [model for head in HEADS for model in (equivalent(head, 1, normalise=True), without_residual(head))]
    panels = range(len(TARGETS))
    drawn = [(profile.taus, Task(target, NOISE), tuple(models), RATIOS) for target in TARGETS]
    return Campaign(
        "check",
        CLAIM,
        "A Transformer has the error of its equivalents, and both have that of the theory.",
        tuple(curves_panel("samples", *drawn_panel, errors=("icl", "idg")) for drawn_panel in drawn),
        d=d,
        runs=dict(zip(profile.ladder, profile.runs, strict=True))[d],
        seed=profile.seed,
        # The norm of h fluctuates by O(1/d), and σ and σ̂_r answer to that differently.
        claims=(
            *(partial(gaps_as_predicted, HEADS, panel=panel, degrees=DEGREES, order=-1) for panel in panels),
            *(vanishing(head, panel, equivalent(head, 1, normalise=True)) for panel in panels for head in HEADS),
        ),
    )


def foretold(ladder: Sequence[Results], panel: int | None = None) -> list[Results]:
    """What is held against the theory of errors: all but equivalents, of one panel or all."""

    def wanted(results: Results, key: Key) -> bool:
        return results.curves[key].degree is None and panel in (None, key[0])

    return [replace(rung, curves={key: curve for key, curve in rung.curves.items() if wanted(rung, key)}) for rung in ladder]


def judge(profile: Profile, ladder: Sequence[Results]) -> list[Check]:
    """All rows."""
    checks = [row for statement in campaign(profile, ladder[0].d).claims for row in statement(ladder=ladder)]
    return [*claimed(CLAIM, checks), *claimed(THEORY, theory_rows(foretold(ladder)).values())]


def negative_controls(ladder: Sequence[Results]) -> list[dict[str, Any]]:
    """The degree-1 equivalent without its residual, and the theory of a target whose c_1 is 5 % too large, must be caught."""
    checks = []
    for head in HEADS:
        rows = [row for panel in range(len(TARGETS)) for row in vanishing(head, panel, without_residual(head))(ladder=ladder)]
        checks.append(defects.outcome(CLAIM, f"{head}: σ̂_1 without its residual c_1*", rows))
    return checks + [
        item | {"defect": f"target {target}: {item['defect']}"}
        for panel, target in enumerate(TARGETS)
        for item in defects.controls(foretold(ladder, panel), defects.DEFECTS[:1])
    ]
