"""ICL and in-distribution error against n across the interpolation threshold: theory beside simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Task
from hermite_eq.simulate import SimulatedCurve
from verify.check import Check, Verdict, by_rate, by_z, z_score
from verify.profile import Profile
from verify.transformers import DEFECT, HEADS, RIDGE, Ladder, defective

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
    return np.array([getattr(hermite_eq.icl_error(model, task, point.sizes), error) for point in curve.points])


def judge(target: str, ladder: Ladder, profile: Profile, models: Mapping[str, Model] | None = None) -> list[Check]:
    """The point of each curve with the largest |z| at the largest d; where it disagrees, the gap there over the ladder.

    ``models`` maps the label of a simulated curve to the model whose theory is held against it: itself, unless sabotaged.
    """
    if models is None:
        models = {str(model): model for model in shown()}
    runs = dict(zip(profile.ladder, profile.runs, strict=True))
    top = ladder.dimensions[-1]
    checks = []
    for label, model in models.items():
        for error in ERRORS:
            theory = {d: predicted(model, ladder.task, curves[label], error) for d, curves in ladder.curves.items()}
            simulated = {d: getattr(curves[label], error) for d, curves in ladder.curves.items()}
            z = [z_score(t, m, s, runs[top]) for t, m, s in zip(theory[top], simulated[top].mean, simulated[top].stderr, strict=True)]
            worst = int(np.argmax(np.abs(z)))
            subject = f"target {target}, {label}: {error.upper()} at n = {profile.taus[worst]:g} d², d = {top} (worst of {len(z)})"
            check = by_z(CLAIM, subject, float(theory[top][worst]), float(simulated[top].mean[worst]),
                         float(simulated[top].stderr[worst]), runs=runs[top])
            if check.verdict == Verdict.DISAGREES:
                gaps = [simulated[d].mean[worst] / theory[d][worst] - 1 for d in ladder.dimensions]
                stderrs = [simulated[d].stderr[worst] / theory[d][worst] for d in ladder.dimensions]
                rate = by_rate(CLAIM, subject, ladder.dimensions, gaps, stderrs, order=-1, runs=min(runs.values()))
                check = check.with_verdict(rate.verdict, f"simulation/theory − 1 = {gaps[-1]:+.1%}; {rate.note}",
                                           slope=(rate.value, rate.value_error))
            checks.append(check)
    return checks


def sabotaged(ladders: Mapping[str, Ladder], profile: Profile) -> list[dict[str, Any]]:
    """The theory with the head's c_1 5 % too large, held against the simulated normalised head, must be caught."""
    outcome = []
    for head in HEADS:
        label = str(RandomTransformer(head, RIDGE, normalise=True))
        checks = [check for target, ladder in ladders.items() for check in judge(target, ladder, profile, {label: defective(head)})]
        outcome.append({"claim": CLAIM, "defect": f"{head} head: c_1 × {DEFECT:g} in the theory", "checks": len(checks),
                        "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
    return outcome
