"""[RT] Theorem 3: the Transformer against its equivalent polynomial model, on common draws."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq.models import PolynomialActivation, RandomTransformer
from hermite_eq.simulate import SimulatedCurve
from verify.check import Check, Verdict, by_rate
from verify.transformers import DEGREES, HEADS, RIDGE, Ladder, distinct_degree, equivalent, without_residual

CLAIM = "Theorem 3"
#: The second moment of the polynomial features may exceed the activation's by this share before r is called too high for d.
INFLATION_LIMIT = 0.1


def relative_gap(transformer: SimulatedCurve, model: SimulatedCurve) -> tuple[float, float]:
    """Mean over the curve of (e_model − e_σ)/e_σ, paired run by run, and its standard error."""
    per_run = (model.minus(transformer).icl_runs / transformer.icl_runs.mean(axis=0)).mean(axis=1)
    return float(per_run.mean()), float(per_run.std(ddof=1) / np.sqrt(len(per_run)))


def inflation(head: str, model: PolynomialActivation, scales: np.ndarray) -> float:
    r"""(E σ̂_r(sg)² − E σ(sg)²)/E σ(sg)² over g and over ``scales``, samples of s = ‖h‖/√t.

    High degrees see the tail of s through s^{2r}, which the activation itself, being Lipschitz, does not.
    """
    sigma2 = hermite_eq.expansion.scaled_norm2(hermite_eq.activations.activation(head), scales).mean()
    nodes, weights = np.polynomial.hermite_e.hermegauss(2 * model.degree + 1)
    weights = weights / weights.sum()
    polynomial = np.polynomial.hermite_e.HermiteE(hermite_eq.hermite.polynomial_weights([float(c) for c in model.c]))
    model2 = (polynomial(scales[:, None] * nodes) ** 2 @ weights).mean() + float(model.residual) ** 2
    return float(model2 / sigma2 - 1)


def judge(target: str, ladder: Ladder, scales: np.ndarray) -> list[Check]:
    """r = 1 … 4 for each head; the gap must vanish as 1/d. ``scales``: samples of ‖h‖/√t at the largest d."""
    checks = []
    for head in HEADS:
        for degree in DEGREES:
            same = distinct_degree(head, degree)
            name = f"r = {degree}" if same == degree else f"r = {degree} (c_{degree} = 0: as r = {same})"
            check = _rate(ladder, f"target {target}, {head} head, {name}", RandomTransformer(head, RIDGE), equivalent(head, degree))
            excess = inflation(head, hermite_eq.equivalent_model(head, degree), scales)
            if check.verdict == Verdict.DISAGREES and excess > INFLATION_LIMIT:
                check = check.with_verdict(
                    Verdict.DEGREE_TOO_HIGH, f"E σ̂_r(Fᵀh)² is {excess:.0%} above E σ(Fᵀh)² at d = {ladder.dimensions[-1]}"
                )
            checks.append(check)
        checks.append(_rate(ladder, f"target {target}, {head} head, r = 1, h normalised",
                            RandomTransformer(head, RIDGE, normalise=True), equivalent(head, 1, normalise=True)))
    return checks


def _rate(ladder: Ladder, subject: str, transformer: RandomTransformer, model: RandomTransformer) -> Check:
    exact, approximate = ladder.at(transformer), ladder.at(model)
    gaps = [relative_gap(exact[d], approximate[d]) for d in approximate]
    return by_rate(CLAIM, f"{subject}: e(σ̂_r)/e(σ) − 1 at d = {max(approximate)}", list(approximate), [gap for gap, _ in gaps],
                   [stderr for _, stderr in gaps], order=-1, runs=[len(curve.icl_runs) for curve in approximate.values()])


def sabotaged(ladders: Mapping[str, Ladder]) -> list[dict[str, Any]]:
    """The degree-1 equivalent without its residual, simulated on the same draws, must be caught."""
    outcome = []
    for head in HEADS:
        checks = [
            _rate(ladder, f"target {target}", RandomTransformer(head, RIDGE, normalise=True), without_residual(head))
            for target, ladder in ladders.items()
        ]
        outcome.append({"claim": CLAIM, "defect": f"{head}: σ̂_1 without its residual c_1*", "checks": len(checks),
                        "caught": sum(check.verdict == Verdict.DISAGREES for check in checks)})
    return outcome
