"""How far each description of contexts is from simulated Transformers: what decides between them in the theory.

ReLU target, n = 2d², m = d², λ = 0.1, inputs of many covariances; for ReLU and tanh heads, h normalised or not, the relative error of the
theory of few moments, of types of neurons (where there are any) and of given contexts. At the default sizes a quarter of an hour, at d = 40
an hour or two.
"""

from __future__ import annotations

import math
import sys
import warnings
from collections.abc import Sequence

from hermite_eq import simulate
from hermite_eq.errors import HypothesisWarning
from hermite_eq.models import PowerLaw, RandomTransformer, Sizes, Source, Spike, Task, Toeplitz
from hermite_eq.theory.feature_law.given_contexts import given_context_law
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.feature_law.sources.mixture import concentration, mixture_law
from hermite_eq.theory.neuron_types.features import NODES, TypedLaw, types_of_neurons
from verify.command_line import command_line, positive

#: Arguments of the smallest run.
SMALLEST = ("--d", "6", "--runs", "2", "--covariances", "1", "--heads", "tanh")
COVARIANCES = (
    *map(Spike, (4.0, 8.0, 12.0, 24.0)), *map(Toeplitz, (0.3, 0.4, 0.5, 0.6, 0.7, 0.9)), *map(PowerLaw, (0.25, 0.5, 0.75, 1.0, 2.0)),
)  # fmt: skip


def line(model: RandomTransformer, task: Task, sizes: Sizes, runs: int) -> str:
    """Errors of all descriptions beside one simulation."""
    simulated = simulate.icl_error(model, task, sizes, runs=runs, rng=3).icl
    head = Head.of(model)
    laws = {"few moments": mixture_law(head, task, sizes), "given contexts": given_context_law(head, task, [sizes])}
    if types_of_neurons(head, task, sizes):
        laws["types"] = TypedLaw.of(head, task, [sizes], NODES)
    gaps = "  ".join(f"{name} {float(solve(law, [sizes])[0]['icl'][0]) / simulated.mean - 1:+7.1%}" for name, law in laws.items())
    return f"{model!s:<24} ± {simulated.stderr / simulated.mean:.1%}   {gaps}"


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, simulate and print."""
    parser = command_line("benchmarks.checks.descriptions", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=24, help="dimension (24)")
    parser.add_argument("--runs", type=positive, default=48, help="simulated runs of each line (48)")
    parser.add_argument("--covariances", type=positive, default=len(COVARIANCES), help=f"how many of the {len(COVARIANCES)} (all)")
    parser.add_argument("--heads", nargs="+", default=["relu", "tanh"], metavar="NAME", help="activations of the heads (relu tanh)")
    given = parser.parse_args(argv)
    sizes = Sizes.from_ratios(given.d, alpha=1, kappa=math.inf, tau=2, mu=1)
    for covariance in COVARIANCES[: given.covariances]:
        task = Task(sources=[Source("relu", 0.01, input_cov=covariance)])
        spread = concentration(task, sizes.d, sizes.context)
        print(f"{covariance}: the largest share of E‖h‖² {spread.largest:.3f}, squares of the others {spread.others:.4f}")
        for head in given.heads:
            for normalise in (True, False):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", HypothesisWarning)
                    print(f"   {line(RandomTransformer(head, 0.1, normalise=normalise), task, sizes, given.runs)}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
