r"""Time of the simulation engine beside the speed of matrix products and factorisations of the same shapes, measured in the same run.

    python -m benchmarks.simulate            # d = 40, about a minute
    python -m benchmarks.simulate --d 80     # the papers' size, a quarter of an hour
    python -m benchmarks.simulate --large    # one run at d = 160, m = n = d², and its peak memory: half an hour of one core

Every line gives a time, what it is compared with, and their ratio: a loaded machine slows both.
"""

from __future__ import annotations

import math
import resource
import sys
from collections.abc import Sequence
from typing import Any

import numpy as np

from hermite_eq import LinearTransformer, RandomTransformer, Sizes, Task
from hermite_eq import icl_error as theory_error
from hermite_eq.simulate import contexts, icl_curve, icl_error
from verify.command_line import command_line, positive
from verify.cost.operations import Operations
from verify.cost.rates import measured, seconds

TASK = Task("relu", noise=0.01)
RIDGE = 1e-8
#: Arguments of the smallest run.
SMALLEST = ("--d", "8")


def show(what: str, measured: float, against: str, reference: float) -> None:
    print(f"{what:<58} {measured:8.2f} s   {against:<44} {reference:8.2f} s   ratio {measured / reference:6.2f}", flush=True)


def sample_curve(d: int, rates: Operations) -> None:
    """[RT] Fig. 1: seven values of n up to 3d², m = d²."""
    sizes = Sizes.from_ratios(d, alpha=1, kappa=0.5, tau=3, mu=1)
    samples = [round(tau * d * d) for tau in (0.25, 0.5, 0.75, 1.25, 1.5, 2, 3)]
    m, n, width, test = d * d, 3 * d * d, d * (d + 1), 2 * max(2000, 2 * d * d)
    dual = max(value for value in samples if value < m)
    features = Operations(products=2 * (n + test) * width * m).seconds(rates)
    systems = Operations(sums=n * m**2 + dual**2 * m, factors=sum(min(value, m) ** 3 / 3 for value in samples)).seconds(rates)
    head = RandomTransformer("relu", RIDGE)
    two = [head, RandomTransformer("tanh", RIDGE)]
    first = seconds(lambda: icl_curve(head, TASK, sizes, samples=samples, runs=1, rng=0))
    show(f"curve of 7 n ≤ 3d², m = d², d = {d}, one head", first, "its flops at measured speeds", features + systems)
    both = seconds(lambda: icl_curve(two, TASK, sizes, samples=samples, runs=1, rng=0))
    show("  a second head on the same draw costs", both - first, "its Gram matrix and solves", systems)


def width_curve(d: int) -> None:
    """[RT] Fig. 2b: twelve values of m from 0.1 n to 2 n."""
    n = round(1.5 * d * d)
    sizes = Sizes(d, d, d // 2, n, 2 * n)
    hidden = [round(n * ratio) for ratio in (0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 1.1, 1.25, 1.5, 1.75, 2)]
    head = RandomTransformer("relu", RIDGE)
    curve = seconds(lambda: icl_curve(head, TASK, sizes, hidden=hidden, runs=1, rng=0))
    largest = seconds(lambda: icl_error(head, TASK, sizes, runs=1, rng=0))
    show(f"curve of 12 m from 0.1 n to 2 n, n = 1.5d², d = {d}", curve, "its largest single fit", largest)


def linear(d: int) -> None:
    n, width = 2 * d * d, d * (d + 1)
    rates = measured(rows=1024, width=8, hidden=width)
    sizes = Sizes(d, d, d // 2, n)
    duration = seconds(lambda: icl_error(LinearTransformer(RIDGE), TASK, sizes, runs=1, rng=0), 3)
    flops = Operations(sums=n * width**2, factors=width**3 / 3)
    show(f"linear Transformer, n = 2d², d = {d}", duration, "its Gram matrix and factorisation", flops.seconds(rates))


def sampler(d: int) -> None:
    """Contexts of length 100 d beside the definition."""
    length, count = 100 * d, 400
    sizes, xi = Sizes(d, length, 1, 1), np.random.default_rng(0).standard_normal(d)

    def literal() -> None:
        rng = np.random.default_rng(0)
        for _ in range(count):
            x = rng.standard_normal((length, d)) / math.sqrt(d)
            y = TASK.target(x @ xi) + math.sqrt(TASK.noise) * rng.standard_normal(length)
            np.append(d / length * (y @ x), y @ y / length)

    measured = seconds(lambda: contexts(TASK, sizes, xi, count, rng=0))
    show(f"{count} contexts of length 100 d, d = {d}", measured, "the literal definition", seconds(literal))


def precision(d: int, runs: int = 3) -> None:
    """What single-precision features change, on the same F."""
    from unittest import mock

    from hermite_eq.simulate.training import draw
    from hermite_eq.simulate.training.features import first_layer

    sizes = Sizes.from_ratios(d, alpha=1, kappa=0.5, tau=3, mu=1)
    samples = [round(tau * d * d) for tau in (0.25, 0.75, 1, 1.25, 3)]

    def rounded(seed: np.random.SeedSequence, d: int, hidden: int, trace: float, dtype: type[np.floating[Any]]) -> Any:
        return first_layer(seed, d, hidden, trace, np.float64).astype(dtype)

    with mock.patch.object(draw, "first_layer", rounded):
        for name in ("relu", "tanh"):
            head = RandomTransformer(name, RIDGE)
            double, single = (icl_curve(head, TASK, sizes, samples=samples, runs=runs, rng=0, precision=p) for p in ("double", "single"))
            worst = np.abs(single.icl_runs / double.icl_runs - 1).max(axis=0)
            scatter = double.icl_runs.std(axis=0, ddof=1) / double.icl.mean
            for n, change, spread in zip(samples, worst, scatter, strict=True):
                print(
                    f"{name}, n = {n / d**2:.2f} d², d = {d}: single precision changes the ICL error of a run by ≤ {change:.1e}; "
                    f"the runs scatter by {spread:.1e}"
                )


def large(d: int, memory: str) -> None:
    """One run with m = n = d², the largest systems for their d: its time and the peak memory of the process.

    At this width λ = 1e-8 is at the interpolation threshold; λ = 1e-2 keeps the condition within what normal equations bear.
    """
    head, sizes = RandomTransformer("relu", 1e-2), Sizes.from_ratios(d, alpha=1, kappa=0.5, tau=1, mu=1)
    n, width, test = d * d, d * (d + 1), 2000
    print(f"d = {d}, m = n = {n}, D = {width}, {test} test contexts for each error, budget {memory}", flush=True)
    measured: list[Any] = []
    time_of_run = seconds(lambda: measured.append(icl_error(head, TASK, sizes, runs=1, rng=0, test=test, memory=memory)))
    (error,) = measured
    flops = 2 * (n + 2 * test) * width * n, n**3, n**3 / 3
    # Of Linux in units of 1024 bytes.
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(
        f"{time_of_run:.0f} s for {flops[0]:.2g} single and {flops[1] + flops[2]:.2g} double operations; "
        f"peak memory {peak / 1e9:.2f} GB; condition {error.condition_runs[0]:.1e}, slower solver needed in {error.fallbacks} fits"
    )
    print(
        f"ICL {error.icl.mean:.4f}, theory {theory_error(head, TASK, sizes).icl:.4f}; "
        f"IDG {error.idg.mean:.4f}, theory {theory_error(head, TASK, sizes).idg:.4f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.simulate", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, help="dimension (40, with --large 160)")
    parser.add_argument("--large", action="store_true", help="only one run with m = n = d², and its peak memory")
    parser.add_argument("--memory", default="11GB", help="with --large: budget for the arrays (default: 11GB)")
    arguments = parser.parse_args(argv)
    if arguments.large:
        large(arguments.d or 160, arguments.memory)
        return 0
    d = arguments.d or 40
    rates = measured(rows=1024, width=d * (d + 1), hidden=d * d)
    print(f"single product {rates.products / 1e9:.0f}, Gram matrix {rates.sums / 1e9:.0f}, Cholesky {rates.factors / 1e9:.0f} GFlop/s")
    sampler(d)
    linear(d)
    sample_curve(d, rates)
    width_curve(d)
    precision(min(d, 40))
    return 0


if __name__ == "__main__":
    sys.exit(main())
