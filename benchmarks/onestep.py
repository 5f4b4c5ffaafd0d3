"""One run of the n-curve of [DM] Fig. 1 with one activation: wall time, processor time and memory.

python -m benchmarks.onestep [d]
"""

from __future__ import annotations

import dataclasses
import resource
import sys
import time
import warnings

from hermite_eq.errors import HypothesisWarning
from hermite_eq.simulate import icl_curve
from verify.campaigns.mixing_table import MIXING


def measure(d: int) -> str:
    """Seven n up to 1.5 d², six models: linear, linear + intercept, the head with and without step, of rank one, and p = 4."""
    panel = dataclasses.replace(MIXING["dm-fig1"].panels[0], activations=("relu",))
    ((cell, sweep),) = dataclasses.replace(MIXING["dm-fig1"], panels=(panel,)).sweeps(d)
    wall, processor = time.perf_counter(), time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        icl_curve(cell.models, cell.task, sweep.sizes, samples=sweep.values, runs=1, rng=1, memory="5GB")
    wall, processor = time.perf_counter() - wall, time.process_time() - processor
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    return f"d = {d}: {wall:.1f} s, {processor:.1f} s of processors, {peak:.1f} GB at most"


if __name__ == "__main__":
    print(measure(int(sys.argv[1]) if len(sys.argv) > 1 else 40))
