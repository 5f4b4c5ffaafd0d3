"""One run of the n-curve of [DM] Fig. 1 with one activation: wall time, processor time and memory; and of a cell of Fig. 2, tested on
2d² labels of as many contexts and of an eighth as many. A minute at d = 40.
"""

from __future__ import annotations

import resource
import sys
import time
import warnings
from collections.abc import Sequence

from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import TrainedModel
from hermite_eq.simulate import DiscreteMMSE, icl_curve
from hermite_eq.simulate.options import default_test
from verify.campaigns.campaign import Panel, Sweep
from verify.campaigns.mixing import Mixing
from verify.campaigns.table import CAMPAIGNS
from verify.command_line import command_line, positive

#: Arguments of the smallest run.
SMALLEST = ("--d", "8")


def _simulated(sweep: Sweep) -> list[TrainedModel]:
    return [model for model in sweep.models if not isinstance(model, DiscreteMMSE)]


def measure(d: int) -> str:
    """Seven n up to 1.5 d², six models: linear, linear + intercept, the head with and without step, of rank one, and p = 4."""
    panel = Panel("samples", CAMPAIGNS["dm-fig1"].panels[0].values, (Mixing(task_spike=1.0),))
    (sweep,) = panel.sweeps(0, d)
    wall, processor = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        icl_curve(_simulated(sweep), sweep.task, sweep.sizes, samples=sweep.values, runs=1, rng=1, memory="5GB")
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return f"d = {d}: {wall:.1f} s, {processor:.1f} s of processors, {peak:.1f} GB at most"


def testing(d: int) -> str:
    """Seconds of one cell by the number of queries of a test context."""
    sweep = CAMPAIGNS["dm-fig2"].sweeps(d)[0]
    seconds = []
    for queries in (1, CAMPAIGNS["dm-fig2"].queries):
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            icl_curve(
                _simulated(sweep),
                sweep.task,
                sweep.sizes,
                samples=sweep.values,
                runs=1,
                rng=1,
                memory="5GB",
                test=default_test(d) // queries,
                queries=queries,
            )
        seconds.append(time.perf_counter() - start)
    single, several = seconds
    return (
        f"d = {d}, a cell of Fig. 2, {default_test(d)} test labels: a context each {single:.1f} s, "
        f"{CAMPAIGNS['dm-fig2'].queries} of each context {several:.1f} s, ratio {several / single:.2f}"
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.onestep", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=40, help="dimension (40)")
    d = parser.parse_args(argv).d
    print(measure(d))
    print(testing(d))
    return 0


if __name__ == "__main__":
    sys.exit(main())
