"""Time of the theory: curves of 1,000 points, beside the number of elementary array operations they would be at memory speed.

    python -m benchmarks.theory

Each line gives the time of a first call (which computes the law of the norms and the head's coefficients) and of a second one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from hermite_eq.models import LinearTransformer, Model, RandomTransformer, Ratios, Sizes, Task
from hermite_eq.theory import icl_curve, optimal_ridge

TASK = Task("relu", noise=0.01)
TAUS = np.linspace(0.2, 3, 1000)
RATIOS: dict[str, Any] = {"alpha": 1, "kappa": 0.5, "mu": 1}


def seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def line(what: str, model: Model, points: Sequence[Ratios] | Sequence[Sizes]) -> None:
    first, again = (seconds(lambda: icl_curve(model, TASK, points)) for _ in range(2))
    print(f"{what:<48} {len(points):5d} points   first {first:7.3f} s   again {again:7.3f} s   {again / len(points) * 1e6:7.1f} µs each")


def main() -> None:
    x = np.ones(1_000_000)
    print(f"one pass of multiplication over 1e6 doubles: {min(seconds(lambda: x * x) for _ in range(10)) * 1e3:.2f} ms")
    limit = [Ratios(tau=tau, **RATIOS) for tau in TAUS]
    line("linear, limit", LinearTransformer(1e-3), limit)
    line("ReLU head, limit", RandomTransformer("relu", 0.0), limit)
    for d in (40, 80, 1000):
        sizes = [Sizes.from_ratios(d, tau=tau, **RATIOS) for tau in TAUS]
        line(f"linear, d = {d}", LinearTransformer(1e-3), sizes)
        line(f"ReLU head, d = {d}", RandomTransformer("relu", 1e-8), sizes)
        line(f"tanh head, h normalised, d = {d}", RandomTransformer("tanh", 1e-8, normalise=True), sizes)
    point = Sizes.from_ratios(40, tau=1.5, **RATIOS)
    for model in (LinearTransformer(0.0), RandomTransformer("relu", 0.0)):
        print(f"optimal ridge at d = 40, {model}: {seconds(lambda model=model: optimal_ridge(model, TASK, point)):.3f} s")


if __name__ == "__main__":
    main()
