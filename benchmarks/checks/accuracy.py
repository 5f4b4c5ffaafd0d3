r"""How far the theory of finite d is from simulated Transformers, at settings drawn at random.

Heads, targets, noise, ridge and all sizes vary; a third of the settings has few training tasks, half of them have covariances, means,
several sources or inputs of unit length, and a sixth a gradient step. Each line is one setting with its number: the relative gap of ICL
and IDG between theory and simulation, its size z in standard errors of both, and how long the theory took. The end counts the settings
within :data:`CLOSE` or :data:`NEAR` standard errors, and says which c/d explains the gaps of ICL beyond their standard errors:
:data:`hermite_eq.theory.prediction.REMAINDER`. Refused are a step with large means, and labels without a fourth moment. A setting of
d = 14 to 24 with 60 runs takes some 15 seconds on one core.
"""

from __future__ import annotations

import math
import sys
import time
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np

from hermite_eq import LinearTransformer, OneStepTransformer, RandomTransformer, Sizes, Task, simulate, theory
from hermite_eq.errors import HypothesisError, HypothesisWarning
from hermite_eq.models import Identity, PowerLaw, Source, Spike, Toeplitz, TrainedModel
from hermite_eq.theory import TheoryError
from verify.command_line import command_line, positive

SMALLEST = ("--first", "4", "--settings", "1", "--runs", "2", "--d", "6")
#: Relative gap, and gap in standard errors, either of which is agreement.
CLOSE, NEAR = 0.02, 3.0
TARGETS = ("x", "relu(x)", "tanh(x)", "gelu(x)", "x^2-1", "x+x^2/2", "sign(x)")
HEADS = ("", "1", "relu(x)", "relu(x)", "tanh(x)", "gelu(x)", "x^2-1", "erf(x)")
STRUCTURES = (Identity(), Identity(), Spike(4.0), Spike(24.0), Toeplitz(0.4), Toeplitz(0.8), PowerLaw(0.5), PowerLaw(1.0), PowerLaw(2.0))


def setting(rng: np.random.Generator, d: int) -> tuple[TrainedModel, Task, Sizes]:
    """One setting, drawn."""

    def drawn_of(values: Sequence[Any]) -> Any:
        return values[int(rng.integers(len(values)))]

    def happens(share: float) -> bool:
        return bool(rng.random() < share)

    def source(structured: bool) -> Source:
        plain = {"input_cov": Identity(), "task_cov": Identity()}
        drawn = {name: drawn_of(STRUCTURES) for name in plain} | {"input_mean": drawn_of((0.0, 0.0, 0.0, 0.3, 1.0))}
        return Source(drawn_of(TARGETS), drawn_of((0.0, 0.01, 0.1)), **(drawn if structured else plain))

    structured = happens(0.5)
    sources = [source(structured) for _ in range(1 + (structured and happens(0.4)))]
    shares = rng.dirichlet(np.full(len(sources), 4.0))
    task = Task(sources=sources, weights=shares.tolist(), unit_inputs=structured and happens(0.2))
    n, m = (int(d * d * math.exp(rng.uniform(math.log(0.3), math.log(4.0)))) for _ in range(2))
    tasks = drawn_of((1, 2, 4, d // 2, 2 * d, 10 * d)) if happens(1 / 3) else math.inf
    sizes = Sizes(d, max(1, round(drawn_of((0.25, 0.5, 1.0, 2.0, 5.0)) * d)), min(tasks, n) if tasks < math.inf else tasks, n, m)
    head, ridge, normalise = drawn_of(HEADS), 10.0 ** rng.uniform(-3, 0), happens(0.5)
    if head in ("", "1"):
        return LinearTransformer(ridge, intercept=bool(head)), task, sizes
    if happens(0.2):
        return (
            OneStepTransformer(drawn_of(("relu(x)", "tanh(x)", "gelu(x)")), drawn_of((1.0, d, d * d / 4)), ridge, normalise=normalise),
            task,
            sizes,
        )
    return RandomTransformer(head, ridge, normalise), task, sizes


def gaps(predicted: TheoryError, model: TrainedModel, task: Task, sizes: Sizes, runs: int) -> list[tuple[float, float]]:
    """The relative gap of ICL and of IDG, each with its standard error."""
    simulated = simulate.icl_error(model, task, sizes, runs=runs, rng=11)
    pairs = ((predicted.icl, predicted.icl_stderr, simulated.icl), (predicted.idg, predicted.idg_stderr, simulated.idg))
    return [(value / s.mean - 1, math.hypot(error, s.stderr) / s.mean) for value, error, s in pairs]


def remainder(gaps: Sequence[float], errors: Sequence[float], d: Sequence[int]) -> float:
    r"""c ≥ 0 with :math:`\sum g^2/(s^2+(c/d)^2)` = the number of gaps g of standard errors s.

    >>> round(remainder([0.05] * 9, [0.03] * 9, [20] * 9), 6)
    0.8
    """
    g, s, d2 = (np.asarray(x, float) ** 2 for x in (gaps, errors, d))
    low, high = 0.0, float(np.sqrt((g * d2).max()))
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if (g / (s + middle**2 / d2)).mean() > 1 else (low, middle)
    return low


def main(argv: Sequence[str] | None = None) -> int:
    parser = command_line("benchmarks.checks.accuracy", __doc__, SMALLEST)
    parser.add_argument("--settings", type=positive, default=100)
    parser.add_argument("--first", type=int, default=0, help="number of the first")
    parser.add_argument("--runs", type=positive, default=60, help="simulated Transformers for each")
    parser.add_argument("--d", type=positive, nargs="+", default=[14, 16, 20, 24])
    arguments = parser.parse_args(argv)
    warnings.simplefilter("ignore", HypothesisWarning)
    agreed = refused = 0
    kept: list[tuple[float, float, int]] = []
    for number in range(arguments.first, arguments.first + arguments.settings):
        rng = np.random.default_rng([20261129, number])
        model, task, sizes = setting(rng, arguments.d[number % len(arguments.d)])
        start = time.process_time()
        try:
            predicted = theory.icl_error(model, task, sizes)
            seconds = time.process_time() - start
            deviations = gaps(predicted, model, task, sizes, arguments.runs)
        except HypothesisError as error:
            refused += 1
            print(f"{number:4} refused: {error.hypothesis}; {model}; {task}; {sizes}", flush=True)
            continue
        close = all(abs(gap) < max(CLOSE, NEAR * stderr) for gap, stderr in deviations)
        agreed += close
        kept.append((*deviations[0], sizes.d))
        errors = "  ".join(
            f"{name} {gap:+7.1%} ({gap / stderr:+5.1f})" for name, (gap, stderr) in zip(("ICL", "IDG"), deviations, strict=True)
        )
        print(f"{number:4} {' ' if close else '*'} {errors}  {seconds:5.1f} s  {model}; {task}; {sizes}", flush=True)
    print(f"{agreed} of {arguments.settings - refused} settings within {CLOSE:.0%} or {NEAR:g} standard errors; {refused} refused")
    if kept:
        print(f"gaps beyond standard errors: {remainder(*zip(*kept, strict=True)):.2f}/d")
    return 0


if __name__ == "__main__":
    sys.exit(main())
