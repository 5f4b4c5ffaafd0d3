"""What a gradient step changes, by three theories beside simulated Transformers: by types of neurons alone; by types after a step and the
best description without one; and by icl_error, which takes the change from the first and the error without a step from the best.

For each theory the errors and their changes relative to that without a step, each less its simulated mean, in standard errors and in per
cent, at η of 0, ¼, 1 and 4 d²; ReLU and tanh heads, h normalised or not, α = τ = 1, m = ¾ d², λ = 0.1; a quarter of an hour. With
campaigns, of their stored runs along η instead: some minutes for dm-scan.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import OneStepTransformer, Sizes, Source, Spike, Task, Toeplitz
from hermite_eq.theory import icl_error, spiked_icl_error
from verify.campaigns.curves import Curve, results
from verify.campaigns.table import CAMPAIGNS
from verify.command_line import command_line, positive
from verify.store.folders import folder_of_campaigns, headers
from verify.store.store import Setup, Store

#: Arguments of the smallest run.
SMALLEST = ("--d", "12", "--runs", "2", "--tasks", "1", "--heads", "tanh", "--steps", "0.25")
CAMPAIGNS_STORED = folder_of_campaigns(Path("results"))


def compare(points: Sequence[tuple[Any, Any, Any]], runs: np.ndarray) -> None:
    """The lines of a model, a task and sizes at each η, the first 0; ``runs`` of shape (runs, points)."""
    mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=1) / math.sqrt(len(runs))
    changes = (runs - runs[:, :1])[:, 1:] / mean[0]
    change, spread = changes.mean(axis=0), changes.std(axis=0, ddof=1) / math.sqrt(len(runs))
    by_law, types = (np.array([error(*point).icl for point in points]) for error in (icl_error, spiked_icl_error))
    mixed = np.concatenate([by_law[:1], types[1:]])
    for name, theory in (("types", types), ("types and best", mixed), ("icl_error", by_law)):
        gain = theory[1:] / theory[0] - 1
        cells = zip((theory - mean) / stderr, 100 * (theory / mean - 1), strict=True)
        gains = zip((gain - change) / spread, 100 * (gain - change), strict=True)
        print(f"   {name:<15} errors {_row(cells)}   changes {_row(gains)}", flush=True)


def _row(cells: zip[tuple[float, float]]) -> str:
    return "  ".join(f"{z:+5.1f} ({share:+.1f}%)" for z, share in cells)


def _stored(name: str) -> list[tuple[str, Curve]]:
    """The stored curves of a campaign along η, of heads with a step."""
    errors = []
    for header in headers(CAMPAIGNS_STORED, CAMPAIGNS[name]):
        setup = Setup(CAMPAIGNS[name], **{key: header["parameters"][key] for key in ("d", "seed", "memory")})
        runs = results(setup.campaign, setup.d, [run.record for run in Store(CAMPAIGNS_STORED, setup).read().values()])
        errors += [
            (f"{name}, d = {setup.d}, {runs.subject(key)}", curve)
            for key, curve in runs.curves.items()
            if curve.panel.axis == "step" and curve.degree is None and "no step" not in curve.name and "linear" not in curve.name
        ]
    return errors


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, simulate or read, and print."""
    parser = command_line("benchmarks.checks.step_change", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=16, help="dimension (16)")
    parser.add_argument("--runs", type=positive, default=250, help="simulated runs (250)")
    parser.add_argument("--tasks", type=positive, default=3, help="how many of the tasks (3)")
    parser.add_argument("--heads", nargs="+", default=["relu", "tanh"], metavar="NAME", help="activations of the heads (relu tanh)")
    parser.add_argument("--steps", type=float, nargs="+", default=[0.25, 1.0, 4.0], metavar="SHARE", help="η/d² beside 0 (0.25 1 4)")
    parser.add_argument("--campaigns", nargs="+", default=[], metavar="NAME", help="their stored runs, as dm-fig3 dm-scan")
    given = parser.parse_args(argv)
    warnings.simplefilter("ignore", HypothesisWarning)
    for name in given.campaigns:
        for subject, curve in _stored(name):
            print(subject)
            compare([(point.model, point.task, point.sizes) for point in curve.points], curve.icl_runs)
    d, sizes = given.d, Sizes.from_ratios(given.d, alpha=1, kappa=math.inf, tau=1, mu=0.75)
    isotropic = Source("relu", 1e-4)
    tasks = [
        Task(sources=[Source("relu", 0.01, input_cov=Toeplitz(0.3))]), Task(sources=[Source("relu", 0.01, input_cov=Spike(4.0))]),
        Task(sources=[isotropic, replace(isotropic, task_cov=Spike(float(d * d)))], unit_inputs=True, unit_link=True),
    ]  # fmt: skip
    for task in [] if given.campaigns else tasks[: given.tasks]:
        for head in given.heads:
            for normalise in (False, True):
                models = [OneStepTransformer(head, step * d**2, 0.1, normalise=normalise) for step in (0.0, *given.steps)]
                simulated = simulate.icl_error(models, task, sizes, runs=given.runs, rng=7)
                print(f"{task}; {head}{', h normalised' * normalise}: ±{simulated[0].icl.stderr / simulated[0].icl.mean:.1%}")
                compare([(model, task, sizes) for model in models], np.stack([error.icl_runs for error in simulated], axis=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
