r"""Which part of the gradient beyond rank one changes the error after a step?

A neuron's gradient is, up to its read-out weight and 1/√m,

    (1/n) Σ y h σ'(f·h) = c₁ ĝ + c₂ (1/n) Σ y hhᵀ f + ν,     ĝ = (1/n) Σ y h,

with ν what σ' has beyond degree one. Transformers of [DM] Fig. 3 (one source with a task spike of d², h not normalised) take the step with
all of it and with parts of it, on common draws. The theory takes the second term as c₂ E[y hhᵀ] f and a noise that is independent for every
neuron; the sum over the contexts is one matrix for all neurons, made of the contexts that ĝ is made of.

    python -m benchmarks.checks.gradient_parts --d 40

A minute at d = 40 with 20 runs.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from hermite_eq.activations import Activation
from hermite_eq.activations.derivative import derivative
from hermite_eq.covariance.moments.sources import source_moments
from hermite_eq.expansion import coefficients, scaled_norm2
from hermite_eq.models import OneStepTransformer, Sizes, Task
from hermite_eq.simulate import MonteCarlo
from hermite_eq.simulate.decomposition import drawn_gradient
from hermite_eq.simulate.sampler import context_law
from hermite_eq.simulate.training.draw import Draw, draw_run
from verify.campaigns.mixing import Mixing
from verify.command_line import command_line, positive

Array = NDArray[np.float64]

SMALLEST = ("--d", "6", "--runs", "2")
SEED = 20261122
#: Contexts over which expectations are means, in multiples of the step's n, and how many are held at a time.
MANY, _BATCH = 60, 4096
#: Labels predicted from each of d²/4 test contexts.
_QUERIES = 8
PARTS = {
    "whole": "the whole gradient",
    "rank one": "c₁ĝ",
    "mean": "c₁ĝ, and c₂ E[y hhᵀ] f",
    "independent": "the same, and noise of the covariance of the rest, independent for every neuron",
    "sample": "c₁ĝ, and c₂ (1/n) Σ y hhᵀ f",
    "apart": "the same, its fluctuation without the directions of E[yh] and of ĝ − E[yh]",
}


@dataclass(frozen=True, eq=False)
class Expectations:
    """E[yh] and E[hhᵀ], exact; means over contexts: E[y hhᵀ], and a matrix S with SᵀS = E[y² hhᵀ]."""

    signal: Array
    second: Array
    labelled: Array
    root: Array


def expectations(task: Task, sizes: Sizes, seed: np.random.SeedSequence) -> Expectations:
    """Of the one source; means are over :data:`MANY` times as many contexts as the step has."""
    exact = source_moments(task, sizes.d, sizes.context, source=0)
    law, size, count = context_law(task, sizes), sizes.d * (sizes.d + 1), MANY * sizes.samples
    labelled, squared = np.zeros((2, size, size))
    for start in range(0, count, _BATCH):
        tasks, contexts = seed.spawn(2)
        number = min(_BATCH, count - start)
        drawn = law.draw(law.tasks(number, np.random.default_rng(tasks)), np.arange(number), contexts)
        h, y = drawn.h(), drawn.y
        for power, matrix in ((1, labelled), (2, squared)):
            matrix += (h * y[:, None] ** power).T @ h / count
    values, vectors = np.linalg.eigh(squared)
    second: Array = np.asarray(np.kron(exact.inputs, exact.second_b), float)
    return Expectations(exact.labels.ravel(), second, labelled, np.sqrt(np.maximum(values, 0.0))[:, None] * vectors.T)


def directions(model: OneStepTransformer, draw: Draw, law: Expectations, seed: np.random.SeedSequence) -> dict[str, Array]:
    """The change of the first layer by a step with each of :data:`PARTS`, shape (m, d(d+1))."""
    assert draw.step is not None
    n, m, sigma = len(draw.step), len(draw.layer), model.activation
    gradient = drawn_gradient(model, draw)
    rank_one = np.outer(gradient.u, gradient.v)
    h, y, rate = draw.step.h(), draw.step.y, draw.start[:, None] / m
    tilt = float(np.asarray(coefficients(sigma, 2))[2]) * rate
    mean = rank_one + tilt * (draw.layer @ law.labelled)
    noise = np.random.default_rng(seed).standard_normal(draw.layer.shape) @ law.root
    fluctuation = (h * y[:, None]).T @ h / n - law.labelled
    gap = y @ h / n - law.signal
    # Heads see ⟨gap, h⟩ along E[hhᵀ] gap too.
    basis = np.linalg.qr(np.column_stack([law.signal, gap, law.second @ gap]))[0]
    apart = fluctuation - basis @ (basis.T @ fluctuation)
    apart -= (apart @ basis) @ basis.T
    parts = {
        "whole": np.asarray(gradient.matrix, float),
        "rank one": rank_one,
        "mean": mean,
        "independent": mean + math.sqrt(_rest(sigma) / n) * rate * noise,
        "sample": mean + tilt * (draw.layer @ fluctuation),
        "apart": mean + tilt * (draw.layer @ apart),
    }
    return {part: model.step_size * parts[part] for part in PARTS}


def _rest(sigma: Activation) -> float:
    """Var σ'(g): of what the gradient has beyond c₁ĝ."""
    slope = float(scaled_norm2(derivative(sigma), [1.0])[0])
    return slope - float(np.asarray(coefficients(sigma, 1))[1]) ** 2


def error(model: OneStepTransformer, draw: Draw, change: Array) -> float:
    """The ICL error of the head on F + ``change``, its read-out trained by ridge regression with λ n/d."""
    layer = draw.layer + change
    training, tested = (np.asarray(model.activation(contexts.h() @ layer.T)) for contexts in (draw.training, draw.fresh))
    kernel = training @ training.T
    kernel[np.diag_indices_from(kernel)] += model.ridge * len(training) / draw.law.d
    weights = training.T @ np.linalg.solve(kernel, draw.training.y)
    return float(np.mean((draw.fresh.y - tested @ weights) ** 2))


def setting(d: int, step: float) -> tuple[OneStepTransformer, Task, Sizes]:
    """[DM] Fig. 3 with a task spike, π₁ = 1: the ReLU head after a step of ``step`` d²."""
    mixing = Mixing(spiked=1.0, task_spike=1.0, step=step)
    model = mixing.models(d)["relu"]
    assert isinstance(model, OneStepTransformer)
    return model, mixing.task(d), mixing.sizes(d)


def simulated(d: int, step: float, runs: int) -> dict[str, Array]:
    """The ICL errors with each of :data:`PARTS`, run by run."""
    model, task, sizes = setting(d, step)
    root = np.random.SeedSequence(SEED)
    population, *seeds = root.spawn(1 + runs)
    law = expectations(task, sizes, population)
    errors: dict[str, list[float]] = {part: [] for part in PARTS}
    for seed in seeds:
        draw = draw_run(task, sizes, max(1, d * d // 4), True, np.float64, seed, True, _QUERIES)
        for part, change in directions(model, draw, law, seed.spawn(1)[0]).items():
            errors[part].append(error(model, draw, change))
    return {part: np.array(values) for part, values in errors.items()}


def table(d: int, step: float, errors: dict[str, Array]) -> Table:
    """Errors, and differences from the whole gradient's, paired."""
    shown = Table(
        title=f"\\[DM] Fig. 3, task spike, π₁ = 1, ReLU, d = {d}, η = {step:g} d²: the step with parts of the gradient", header_style="bold"
    )
    for column, right in (("the step is along", False), ("ICL error", True), ("relative to the whole gradient's", True)):
        shown.add_column(column, justify="right" if right else "left")
    for part, values in errors.items():
        icl, gap = MonteCarlo.from_runs(values), MonteCarlo.from_runs((values - errors["whole"]) / errors["whole"].mean())
        shown.add_row(escape(PARTS[part]), str(icl), "" if part == "whole" else f"{float(gap.mean):+.1%} ± {float(gap.stderr):.1%}")
    return shown


def main(argv: Sequence[str] | None = None) -> int:
    """Parse, simulate and print."""
    parser = command_line("benchmarks.checks.gradient_parts", __doc__, SMALLEST)
    parser.add_argument("--d", type=positive, default=40, help="dimension (40)")
    parser.add_argument("--runs", type=positive, default=20, help="runs (20)")
    parser.add_argument("--step", type=float, default=8.0, help="η/d² (8)")
    given = parser.parse_args(argv)
    if min(given.d, given.runs) < 2:
        parser.error(f"d and the number of runs are at least 2; found d = {given.d}, {given.runs} runs")
    Console(width=None if sys.stdout.isatty() else 160).print(table(given.d, given.step, simulated(given.d, given.step, given.runs)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
