"""ICL and in-distribution error against n across the interpolation threshold: theory beside simulation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Task
from hermite_eq.simulate import SimulatedCurve
from verify.campaigns.heads import HEADS, RIDGE
from verify.claims.check import Check, Verdict, by_rate, by_z, z_score
from verify.claims.defects import steeper
from verify.main_job.profile import Profile
from verify.main_job.transformers import Ladder, theory

CLAIM = "error theory"
ERRORS = ("icl", "idg")


def shown() -> list[Model]:
    """The models whose curves are predicted, in the order of the table."""
    models: list[Model] = [LinearTransformer(RIDGE), LinearTransformer(RIDGE, intercept=True)]
    for head in HEADS:
        models += [RandomTransformer(head, RIDGE, normalise=True), RandomTransformer(head, RIDGE)]
    return models


def predicted(model: Model, task: Task, curve: SimulatedCurve, error: str) -> np.ndarray:
    """The theory at the sizes of a simulated curve."""
    return np.asarray(getattr(theory(model, task, tuple(point.sizes for point in curve.points)), error))


def judge(target: str, ladder: Ladder, profile: Profile) -> list[Check]:
    """The point of each curve with the largest |z| at the largest d; where it disagrees, the gap there over the ladder."""
    runs = dict(zip(profile.ladder, profile.runs, strict=True))
    top = ladder.dimensions[-1]
    checks = []
    for model in shown():
        label = str(model)
        for error in ERRORS:
            foretold = {d: predicted(model, ladder.task, curves[label], error) for d, curves in ladder.curves.items()}
            simulated = {d: getattr(curves[label], error) for d, curves in ladder.curves.items()}
            z = [z_score(t, m, s, runs[top]) for t, m, s in zip(foretold[top], simulated[top].mean, simulated[top].stderr, strict=True)]
            worst = int(np.argmax(np.abs(z)))
            subject = f"target {target}, {label}: {error.upper()} at n = {profile.taus[worst]:g} d², d = {top} (worst of {len(z)})"
            check = by_z(CLAIM, subject, float(foretold[top][worst]), float(simulated[top].mean[worst]),
                         float(simulated[top].stderr[worst]), runs=runs[top], scale=float(foretold[top][worst]))
            if check.verdict == Verdict.DISAGREES:
                gaps = [simulated[d].mean[worst] / foretold[d][worst] - 1 for d in ladder.dimensions]
                stderrs = [simulated[d].stderr[worst] / foretold[d][worst] for d in ladder.dimensions]
                rate = by_rate(CLAIM, subject, ladder.dimensions, gaps, stderrs, order=-1, runs=[runs[d] for d in ladder.dimensions])
                check = check.with_verdict(rate.verdict, f"simulation/theory − 1 = {gaps[-1]:+.1%}; {rate.note}",
                                           slope=(rate.value, rate.value_error))
            checks.append(check)
    return checks


def negative_controls(ladders: Mapping[str, Ladder], profile: Profile) -> list[dict[str, Any]]:
    """The theory of a target whose c_1 is 5 % too large, held against the same simulations, must be caught."""
    outcome = []
    for target, ladder in ladders.items():
        checks = judge(target, replace(ladder, task=steeper(ladder.task)), profile)
        outcome.append({"claim": CLAIM, "defect": f"target {target}: c_1 5 % too large", "checks": len(checks),
                        "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
    return outcome
