"""The data whose equivalence is tried, one departure from Gaussian data and linear attention at a time."""

from __future__ import annotations

from typing import Any

from hermite_eq.models import AnyTask, MixtureTask, SoftmaxAttention, Source, StudentT

TARGET, NOISE = "relu", 0.01


def _one(**fields: Any) -> MixtureTask:
    return MixtureTask([Source(TARGET, NOISE, **fields)])


#: What all others are compared with.
REFERENCE = "Gaussian"

CASES: dict[str, AnyTask] = {
    REFERENCE: _one(),
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
