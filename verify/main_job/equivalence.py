"""[RT] Theorem 3: the Transformer against its equivalent polynomial model, on common draws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq.models import RandomTransformer, Sizes, Task
from hermite_eq.simulate import SimulatedCurve
from verify.campaigns.heads import DEGREES, HEADS, RIDGE, distinct_degree, equivalent
from verify.claims.check import RESOLUTION, Z_LIMIT, Check, Verdict, by_rate, by_z, z_score
from verify.claims.inflation import LIMIT, inflation
from verify.main_job.profile import Profile
from verify.main_job.transformers import RATIOS, Ladder, theory, without_residual

CLAIM = "Theorem 3"
#: The gap vanishes as d^ORDER: the norm of h fluctuates by O(1/d), and σ and σ̂_r answer to that differently.
ORDER = -1
#: Dimensions between which the theory's exponent is taken, and how far it may be from ORDER by the next order, O(1/d), there.
FAR = (512, 1024)
SLOPE_TOLERANCE = 0.15


def relative_gap(transformer: SimulatedCurve, model: SimulatedCurve) -> tuple[float, float]:
    """Mean over the curve of (e_model − e_σ)/e_σ, paired run by run, and its standard error."""
    per_run = (model.minus(transformer).icl_runs / transformer.icl_runs.mean(axis=0)).mean(axis=1)
    return float(per_run.mean()), float(per_run.std(ddof=1) / np.sqrt(len(per_run)))


def predicted_gap(task: Task, transformer: RandomTransformer, model: RandomTransformer, d: int, taus: Sequence[float]) -> float:
    """The same mean relative gap, from the theory at this d."""
    points = tuple(Sizes.from_ratios(d, tau=tau, **RATIOS) for tau in taus)
    return float(np.mean(theory(model, task, points).icl / theory(transformer, task, points).icl - 1))


def judge(target: str, ladder: Ladder, profile: Profile, scales: np.ndarray) -> list[Check]:
    """r = 1 … 4 for each head: the measured gap at the largest d against the predicted one, and the exponent with which that vanishes.

    ``scales``: quantiles of ‖h‖/√t at the largest d.
    """
    checks = []
    for head in HEADS:
        exact = RandomTransformer(head, RIDGE)
        for degree in DEGREES:
            same = distinct_degree(head, degree)
            name = f"r = {degree}" if same == degree else f"r = {degree} (c_{degree} = 0: as r = {same})"
            excess = inflation(head, hermite_eq.equivalent_model(head, degree), scales)
            subject = f"target {target}, {head} head, {name}"
            checks.append(_against_theory(subject, ladder, profile, exact, equivalent(head, degree), excess))
        normalised = RandomTransformer(head, RIDGE, normalise=True)
        checks.append(_without_gap(f"target {target}, {head} head, r = 1, h normalised", ladder, normalised,
                                   equivalent(head, 1, normalise=True)))
    return checks


def _against_theory(subject: str, ladder: Ladder, profile: Profile, exact: RandomTransformer, model: RandomTransformer,
                    excess: float) -> Check:
    d = ladder.dimensions[-1]
    gap, stderr = relative_gap(ladder.at(exact)[d], ladder.at(model)[d])
    runs = profile.runs[-1]
    gaps = {size: predicted_gap(ladder.task, exact, model, size, profile.taus) for size in (d, *FAR)}
    near, far = FAR
    slope = float(np.log(abs(gaps[far] / gaps[near])) / np.log(far / near))
    note = f"theory: {gaps[d]:+.4f} at d = {d}, vanishing as d^{slope:.2f}"
    check = by_z(CLAIM, f"{subject}: e(σ̂_r)/e(σ) − 1 at d = {d}", gaps[d], gap, stderr, runs=runs, scale=1.0, note=note)
    too_high = excess > LIMIT and (abs(gap) > RESOLUTION or check.verdict == Verdict.DISAGREES)
    if too_high:
        return check.with_verdict(Verdict.DEGREE_TOO_HIGH, f"E σ̂_r(Fᵀh)² is {excess:.0%} above E σ(Fᵀh)² at d = {d}; {note}")
    if abs(slope - ORDER) > SLOPE_TOLERANCE:
        return check.with_verdict(Verdict.DISAGREES, note)
    if check.verdict == Verdict.AGREES and abs(z_score(0.0, gap, stderr, runs)) > Z_LIMIT:
        return check.with_verdict(Verdict.IN_THE_LIMIT, note)
    return check


def _without_gap(subject: str, ladder: Ladder, exact: RandomTransformer, model: RandomTransformer) -> Check:
    curves, others = ladder.at(exact), ladder.at(model)
    gaps = [relative_gap(curves[d], others[d]) for d in others]
    return by_rate(CLAIM, f"{subject}: e(σ̂_r)/e(σ) − 1 at d = {max(others)}", list(others), [gap for gap, _ in gaps],
                   [stderr for _, stderr in gaps], order=ORDER, runs=[len(curve.icl_runs) for curve in others.values()])


def negative_controls(ladders: Mapping[str, Ladder]) -> list[dict[str, Any]]:
    """The degree-1 equivalent without its residual, simulated on the same draws, must be caught."""
    outcome = []
    for head in HEADS:
        exact, wrong = RandomTransformer(head, RIDGE, normalise=True), without_residual(head)
        checks = [_without_gap(f"target {target}", ladder, exact, wrong) for target, ladder in ladders.items()]
        outcome.append({"claim": CLAIM, "defect": f"{head}: σ̂_1 without its residual c_1*", "checks": len(checks),
                        "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
    return outcome
