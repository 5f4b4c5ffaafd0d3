"""Time of the theory: curves of 1,000 points, beside one pass over an array at memory speed, and single errors, beside an
eigendecomposition. A minute.

Each line gives the time of a first call (which computes the law of the norms and the head's coefficients) and of a second one.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Any

import numpy as np

from hermite_eq.models import LinearTransformer, Model, OneStepTransformer, RandomTransformer, Ratios, Sizes, Source, Spike, Task, Toeplitz
from hermite_eq.theory import TaskPopulation, icl_curve, icl_error, optimal_ridge, phase_diagram
from hermite_eq.theory.spectra.wishart import wishart_density
from verify.command_line import command_line, positive

TASK = Task("relu", noise=0.01)
#: Arguments of the smallest run.
SMALLEST = ("--points", "2", "--grid", "2", "--d", "26", "--kinds", "1")
RATIOS: dict[str, Any] = {"alpha": 1, "kappa": 0.5, "mu": 1}


def seconds(function: Callable[[], Any]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def line(what: str, model: Model, points: Sequence[Ratios] | Sequence[Sizes]) -> None:
    first, again = (seconds(lambda: icl_curve(model, TASK, points)) for _ in range(2))
    print(f"{what:<48} {len(points):5d} points   first {first:7.3f} s   again {again:7.3f} s   {again / len(points) * 1e6:7.1f} µs each")


def random_points(count: int, dimensions: Sequence[int]) -> None:
    """Curves of the linear Transformer at random ratios, with the largest residual, and at given covariances."""
    rng = np.random.default_rng(0)
    alpha, kappa, tau = 10 ** rng.uniform(-3, 3, count), 0.05 * 10 ** rng.uniform(0, 4, count), 10 ** rng.uniform(-2, 2, count)
    kappa[::10] = np.inf
    points = [Ratios(*point) for point in zip(alpha.tolist(), kappa.tolist(), tau.tolist(), strict=True)]
    for ridge in (0.0, 1e-12, 1e-3):
        spent = min(seconds(partial(icl_curve, LinearTransformer(ridge), TASK, points)) for _ in range(3))
        residual = icl_curve(LinearTransformer(ridge), TASK, points).fixed_point_residual.max()
        print(f"linear, limit, random ratios, λ = {ridge:<6g} {count:5d} points {spent * 1e3:7.1f} ms   residual at most {residual:.1e}")
    for d in dimensions:
        A = rng.standard_normal((d, d))
        start = time.perf_counter()
        population = TaskPopulation.from_covariances(TASK, A @ A.T / d, np.eye(d))
        built = time.perf_counter() - start
        spent = seconds(partial(icl_curve, LinearTransformer(1e-3), population, points))
        print(f"given covariances, d = {d:<6d} eigendecomposition {built:7.3f} s, then {count:5d} points {spent:7.3f} s")


def diagrams(grid: int) -> None:
    """α* on a square grid, and the exact mean spectrum of Wishart matrices."""
    axes: dict[str, Any] = {"kappa": np.linspace(0.02, 2.5, grid), "noise": np.linspace(0.01, 1, grid)}
    for ridge, tau, error in ((0.0, 0.5, "icl"), (0.0, 0.5, "idg"), (0.0, 20.0, "icl"), (1e-2, 0.5, "icl")):
        start = time.perf_counter()
        phase_diagram(LinearTransformer(ridge), "identity", tau=tau, error=error, **axes)  # type: ignore[arg-type]
        spent = time.perf_counter() - start
        print(f"phase diagram of α*, {error.upper()}, τ = {tau:g}, λ = {ridge:g}, {grid} × {grid}: {spent:.2f} s")
    for shape in ((40, 20), (100, 100), (600, 300)):
        print(f"exact mean spectrum, (d, k) = {shape}: {seconds(partial(wishart_density, *shape)) * 1e3:.1f} ms")


def single_errors(d: int, count: int) -> None:
    """One error of each of the first kinds at this d, and one with another ridge, beside an eigendecomposition of a 400 × 400 matrix."""
    matrix = np.random.default_rng(0).standard_normal((400, 400))
    unit = min(seconds(lambda: np.linalg.eigh(matrix + matrix.T)) for _ in range(5))
    print(f"one eigendecomposition of a 400 × 400 matrix: {unit * 1e3:.0f} ms")
    fresh, head = Sizes.from_ratios(d, tau=1.5, mu=1, alpha=1, kappa=np.inf), RandomTransformer("relu", 0.1)
    two = [Source("relu", 0.01), Source("tanh", 0.1, task_cov=Spike(4.0))]
    kinds: dict[str, tuple[Any, Task, Sizes]] = {
        "one isotropic source": (head, TASK, fresh),
        "two sources": (head, Task(sources=two), fresh),
        "a gradient step": (OneStepTransformer("relu", float(d**2), 0.1), TASK, fresh),
        "three sources, d training tasks": (head, Task(sources=[*two, Source("identity", 0.5)]), replace(fresh, tasks=d)),
        "correlated inputs, given contexts": (head, Task(sources=[Source("relu", 0.01, input_cov=Toeplitz(0.8))]), fresh),
    }
    for kind, (model, task, sizes) in islice(kinds.items(), count):
        first, again = (seconds(partial(icl_error, replace(model, ridge=ridge), task, sizes)) / unit for ridge in (0.1, 0.2))
        print(f"{kind:<36} d = {d:<4d} first {first:8.1f}   with another ridge {again:8.1f} eigendecompositions")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.theory", __doc__, SMALLEST)
    parser.add_argument("--points", type=positive, default=1000, help="of a curve (1000)")
    parser.add_argument("--grid", type=positive, default=200, help="points of each axis of a phase diagram (200)")
    parser.add_argument("--d", type=positive, nargs="+", default=[40, 80, 1000], help="dimensions (40 80 1000)")
    parser.add_argument("--kinds", type=positive, default=5, help="of single errors (5)")
    arguments = parser.parse_args(argv)
    taus = np.linspace(0.2, 3, arguments.points)
    x = np.ones(1_000_000)
    print(f"one pass of multiplication over 1e6 doubles: {min(seconds(lambda: x * x) for _ in range(10)) * 1e3:.2f} ms")
    single_errors(min(24, *arguments.d), arguments.kinds)
    random_points(arguments.points, arguments.d)
    diagrams(arguments.grid)
    limit = [Ratios(tau=tau, **RATIOS) for tau in taus]
    line("linear, limit", LinearTransformer(1e-3), limit)
    line("ReLU head, limit", RandomTransformer("relu", 0.0), limit)
    for d in arguments.d:
        sizes = [Sizes.from_ratios(d, tau=tau, **RATIOS) for tau in taus]
        line(f"linear, d = {d}", LinearTransformer(1e-3), sizes)
        line(f"ReLU head, d = {d}", RandomTransformer("relu", 1e-8), sizes)
        line(f"tanh head, h normalised, d = {d}", RandomTransformer("tanh", 1e-8, normalise=True), sizes)
    point = Sizes.from_ratios(40, tau=1.5, **RATIOS)
    for model in (LinearTransformer(0.0), RandomTransformer("relu", 0.0)):
        print(f"optimal ridge at d = 40, {model}: {seconds(partial(optimal_ridge, model, TASK, point)):.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
