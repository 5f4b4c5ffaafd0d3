"""The covariance against the clock: medians, beside what was promised or a reference. Two minutes.

Symbolic levels start from empty caches (SymPy's included), as the first call of a session does once the modules are loaded. The numbers at
d = 80, m = 6400 are one product G = (K ⊗ L)ᵀF and one Gram matrix GᵀG; the reference is that Gram matrix alone, and the matrix
Σ ⊗ E[bbᵀ] that is not formed would take 336 MB.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from benchmarks.clock import empty_caches, median_seconds
from hermite_eq import Task
from hermite_eq.covariance import SymbolicTarget, covariance, source_moments
from hermite_eq.models import PowerLaw, Source, Spike, Toeplitz
from verify.command_line import command_line, positive

#: The promises in seconds: a named target, a generic one.
NAMED, GENERIC = 2.0, 1.0


TARGETS = ("relu", "tanh", "gelu", "max(x - 1/3, 0)", "x^3/3 - x/2")
#: Arguments of the smallest run.
SMALLEST = ("--repetitions", "1", "--targets", "x", "--d", "2", "--hidden", "20")


def median(run: Callable[[], object], repetitions: int) -> float:
    """Processor seconds without what was computed before; other work on the machine does not lengthen them."""
    return median_seconds(run, repetitions, empty_caches, time.process_time)


def line(what: str, seconds: float, promise: float | None = None) -> None:
    verdict = "" if promise is None else f"   ≤ {promise:4.1f} s  {'ok' if seconds <= promise else 'MISSED'}"
    print(f"{what:74s} {seconds:8.3f} s{verdict}", flush=True)


def symbolic(targets: Sequence[str], repetitions: int) -> None:
    """All levels with their entries and TeX."""

    def isotropic(target: Task | SymbolicTarget) -> None:
        cov = covariance(target)
        for level in (cov, cov.averaged(1), cov.over_tasks(1), cov.limit(), cov.norm_law()):
            level.latex()

    def with_covariances(target: Task | SymbolicTarget, **conventions: Any) -> None:
        cov = covariance(target, covariances=True, **conventions)
        for level in (cov, cov.averaged(1), cov.over_tasks(), cov.limit()):
            level.latex()

    for name in targets:
        task = Task(name, noise=0.01)
        line(f"symbolic, isotropic, five levels, {name}", median(partial(isotropic, task), repetitions), NAMED)
        line(f"symbolic, Σ_x and Σ_ξ and means, four levels, {name}", median(partial(with_covariances, task), repetitions), NAMED)
    line("symbolic, isotropic, five levels, any target", median(lambda: isotropic(SymbolicTarget()), repetitions), GENERIC)
    for unit_link in (False, True):
        line(
            f"symbolic, Σ_x and Σ_ξ, four levels, any target{', unit link' if unit_link else ''}",
            median(partial(with_covariances, SymbolicTarget(), unit_link=unit_link, unit_inputs=unit_link), repetitions),
            GENERIC,
        )


def sources(d: int, repetitions: int) -> None:
    """Moments of one source at d = ℓ = 80, over fresh tasks, with the size of their error."""
    mixed = {"input_cov": Toeplitz(0.5), "task_cov": PowerLaw(1.0)}
    settings = {
        "isotropic": ({}, {}),
        "task spike d², unit link": ({"task_cov": Spike(float(d * d))}, {"unit_inputs": True, "unit_link": True}),
        "task spike d²": ({"task_cov": Spike(float(d * d))}, {}),
        "input spike d, unit link": ({"input_cov": Spike(float(d))}, {"unit_inputs": True, "unit_link": True}),
        "Toeplitz × power law, unit link": (mixed, {"unit_inputs": True, "unit_link": True}),
        "Toeplitz × power law": (mixed, {}),
        "task mean": ({"task_mean": 0.3}, {}),
    }
    for name, (more, conventions) in settings.items():
        task = Task(sources=[Source("tanh", 0.1, **more)], **conventions)  # type: ignore[arg-type]
        seconds = median(partial(source_moments, task, d, d), 1)
        # Kept from the run that was timed.
        error = source_moments(task, d, d).error
        line(f"moments of one source, d = {d}, tanh, {name} (error {error:.0e})", seconds)
    tasks = np.random.default_rng(0).standard_normal((40, d))
    line(f"moments given 40 training tasks, d = {d}", median(lambda: source_moments(Task("tanh", 0.1), d, d, tasks=tasks), repetitions))


def numbers(d: int, hidden: int) -> None:
    """The covariance of (Fᵀh, z) at the size of the papers."""
    joint = covariance(Task("relu", noise=0.01)).averaged().joint(d, d)
    F = np.random.default_rng(0).standard_normal((d * (d + 1), hidden))
    start = time.perf_counter()
    gram = F.T @ F
    reference = time.perf_counter() - start
    del gram
    tracemalloc.start()
    start = time.perf_counter()
    matrix = joint.matrix(F)
    seconds = time.perf_counter() - start
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    line(f"reference: FᵀF, d = {d}, m = {hidden}", reference)
    line(f"covariance of (Fᵀh, z), d = {d}, m = {hidden}: {seconds / reference:.2f} × the reference", seconds)
    print(f"{'memory beyond F and the result':74s} {(peak - matrix.nbytes) / F.nbytes:8.2f} × F")


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.covariance", __doc__, SMALLEST)
    parser.add_argument("--repetitions", type=positive, default=5, help="medians of this many (5)")
    parser.add_argument("--targets", nargs="+", default=TARGETS, help=f"symbolic levels of these ({', '.join(TARGETS)})")
    parser.add_argument("--d", type=positive, default=80, help="dimension of the numbers (80)")
    parser.add_argument("--hidden", type=positive, default=6400, help="columns of F (6400)")
    arguments = parser.parse_args(argv)
    symbolic(arguments.targets, arguments.repetitions)
    sources(arguments.d, arguments.repetitions)
    numbers(arguments.d, arguments.hidden)
    return 0


if __name__ == "__main__":
    sys.exit(main())
