r"""A device on [RT] Fig. 1a and on one large run, beside the speed of its own matrix products and factorisations.

    python -m benchmarks.device --device torch:cuda      # d = 80, then m = n = d² at d = 160: sized to take less than eight minutes
    python -m benchmarks.device --d 40 --large 40        # the CPU: ten seconds; at d = 80 five minutes, at 160 half an hour

Figure 1a is one run of the campaign rt-fig1a: two linear Transformers and seven heads, equivalents among them, at seven values of n. Times
stand beside those of the floating-point operations at the measured rates; the ratio is what everything else costs. On the CPU they are
the processor's, with one thread of linear algebra, which others that use the machine disturb less.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Callable, Sequence
from typing import Any

from hermite_eq import HypothesisWarning, RandomTransformer, Sizes, Task
from hermite_eq.simulate import icl_error
from hermite_eq.simulate.arrays import arrays_on
from verify.campaigns.campaign import Sweep
from verify.campaigns.table import CAMPAIGNS
from verify.command_line import command_line, positive
from verify.cost.operations import Operations, of_run, of_sweep
from verify.cost.rates import measured, seconds
from verify.store.run import one_blas_thread, simulate_run

#: Arguments of the smallest run.
SMALLEST = ("--d", "8", "--large", "8")
#: Beyond this size a factorisation gains no speed, and three of them take a CPU minutes.
_LARGEST = 12_800
#: At the width m = n λ = 1e-8 is at the interpolation threshold; this keeps the condition within what normal equations bear.
_HEAD, _TASK, _TESTS = RandomTransformer("relu", 1e-2), Task("relu", noise=0.01), 2000


def show(what: str, measured: float, counted: Operations, rates: Operations) -> None:
    """A time beside that of the operations."""
    expected = counted.seconds(rates)
    print(
        f"{what}: {measured:.2f} s; {counted.products:.2g} operations in single and {counted.sums + counted.factors:.2g} in double "
        f"precision take {expected:.2f} s at these rates; ratio {measured / expected:.2f}",
        flush=True,
    )


def clock_of(device: str) -> Callable[[], float]:
    """The clock by which a device is measured."""
    return time.process_time if device == "cpu" else time.perf_counter


def rates_at(device: str, d: int) -> Operations:
    """The rates at the shapes of d, but for systems no larger than :data:`_LARGEST`."""
    rates = measured(arrays_on(device), 2048 if d >= 40 else 256, d * (d + 1), min(d * d, _LARGEST), clock_of(device))
    print(
        f"{device}, d = {d}: single-precision products {rates.products / 1e9:.0f}, sums of products {rates.sums / 1e9:.0f}, "
        f"Cholesky {rates.factors / 1e9:.0f} GFlop/s",
        flush=True,
    )
    return rates


def figure(device: str, d: int, memory: int) -> None:
    """One run of [RT] Fig. 1a."""
    campaign, rates = CAMPAIGNS["rt-fig1a"], rates_at(device, d)
    # What is loaded and compiled once.
    simulate_run(campaign, 8, 0, memory, 0, device)
    measured = seconds(lambda: simulate_run(campaign, d, campaign.seed, memory, 0, device), clock=clock_of(device))
    show(f"[RT] Fig. 1a, one run, d = {d}", measured, of_run(campaign, d), rates)


def large(device: str, d: int) -> None:
    """One run with m = n = d²."""
    sizes, rates = Sizes.from_ratios(d, alpha=1, kappa=0.5, tau=1, mu=1), rates_at(device, d)
    memory: Any = "11GB" if device == "cpu" else None
    errors: list[Any] = []
    measured = seconds(
        lambda: errors.append(icl_error(_HEAD, _TASK, sizes, runs=1, rng=0, test=_TESTS, memory=memory, device=device)),
        clock=clock_of(device),
    )
    show(f"one run with m = n = d², d = {d}", measured, of_sweep(Sweep((0,), _TASK, (_HEAD,), (sizes,), "samples"), _TESTS), rates)
    (error,) = errors
    print(
        f"ICL {error.icl.mean:.4f}, IDG {error.idg.mean:.4f}, condition {error.condition_runs[0]:.1e}, "
        f"slower solver needed in {error.fallbacks} fits"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.device", __doc__, SMALLEST)
    parser.add_argument("--device", default="cpu", help="cpu (default), torch, torch:cuda, cupy")
    parser.add_argument("--d", type=positive, default=80, help="of Fig. 1a (80)")
    parser.add_argument("--large", type=positive, default=160, help="d of the large run (160)")
    arguments = parser.parse_args(argv)
    with warnings.catch_warnings(), one_blas_thread():
        warnings.simplefilter("ignore", HypothesisWarning)
        figure(arguments.device, arguments.d, 4 * 10**9)
        large(arguments.device, arguments.large)
    # Of Linux in units of 1024 bytes.
    print(f"peak memory of the process {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9:.2f} GB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
