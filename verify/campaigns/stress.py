"""The data whose equivalence is tried, one departure from Gaussian data and linear attention at a time."""

from __future__ import annotations

from typing import Any

from hermite_eq.models import AnyTask, RandomTransformer, Ratios, SoftmaxAttention, Source, StudentT, Task
from verify.campaigns.campaign import Campaign, curves_panel
from verify.campaigns.heads import equivalent
from verify.claims.departures import EquivalenceSurvives

HEAD, TARGET, NOISE, RIDGE, DEGREES = "relu", "relu", 0.01, 0.1, (1, 2)
RATIOS = Ratios(alpha=1.0, kappa=0.5, tau=2.0, mu=1.0)


def _one(**fields: Any) -> Task:
    return Task(sources=[Source(TARGET, NOISE, **fields)])


#: The first is what all others are compared with.
CASES: dict[str, AnyTask] = {
    "Gaussian": _one(),
    "inputs Rademacher": _one(inputs="rademacher"),
    "inputs uniform": _one(inputs="uniform"),
    "inputs Student t, 10": _one(inputs=StudentT(10)),
    "inputs Student t, 5": _one(inputs=StudentT(5)),
    "inputs Student t, 3": _one(inputs=StudentT(3)),
    "tasks on the sphere": _one(tasks="sphere"),
    "tasks Rademacher": _one(tasks="rademacher"),
    "tasks Student t, 5": _one(tasks=StudentT(5)),
    "tasks Student t, 3": _one(tasks=StudentT(3)),
    "softmax, β = 1/2": SoftmaxAttention(_one(), 0.5),
    "softmax, β = 1": SoftmaxAttention(_one(), 1.0),
    "softmax, β = 2": SoftmaxAttention(_one(), 2.0),
}
#: σ and its equivalents, without and with normalised input: on common draws.
_HEADS = tuple(
    model for normalise in (False, True)
    for model in (RandomTransformer(HEAD, RIDGE, normalise), *(equivalent(HEAD, r, RIDGE, normalise=normalise) for r in DEGREES))
)

STRESS = Campaign(
    "stress", "Where the equivalence breaks", "Theorem 3 holds for Gaussian data and linear attention; where else?",
    tuple(curves_panel("samples", (RATIOS.tau,), task, _HEADS, RATIOS, errors=()) for task in CASES.values()),
    d=24, runs=12, seed=20251030, claims=(EquivalenceSurvives(tuple(CASES)),),
)
