"""How often every assertion of hermite_eq.testing is wrong, and what it sees: half an hour.

Each assertion is called under its null hypothesis, at the boundary where there is one, at a declared rate of 1e-2; the false alarms are
held against the binomial band of that rate. Then the deviation grows, and the share of red verdicts is drawn (`--figure`).
"""

from __future__ import annotations

import dataclasses
import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

import numpy as np
import scipy.stats

from hermite_eq import HypothesisError, RandomTransformer, Sizes, Task, coefficients, equivalent_model
from hermite_eq.expansion import HermiteExpansion
from hermite_eq.models import PolynomialActivation
from hermite_eq.simulate import icl_error
from hermite_eq.testing import (
    Deviation,
    UniversalityError,
    assert_covariance,
    assert_equivalent,
    assert_gaussian,
    assert_hermite_coefficients,
    assert_rate,
    assert_universal,
)
from verify.command_line import command_line, positive

RATE = 1e-2
#: Two-sided probability of the binomial band.
BAND = 1e-3
#: Arguments of the smallest run.
SMALLEST = ("--repetitions", "1", "--power", "0")

#: (seed, deviation, rate): call the assertion on fresh data; deviation 0 is the null.
Call = Callable[[int, float, float], object]


@dataclass(frozen=True)
class Experiment:
    """One assertion with its null and a family of alternatives."""

    name: str
    call: Call
    #: What the deviation measures, and its values for the power curve.
    deviation: str
    values: tuple[float, ...]
    #: Whether the assumptions hold under which the rate is proved.
    covered: bool = True


def gaussian(seed: int, deviation: float, rate: float) -> object:
    x = np.random.default_rng(seed).standard_normal((400, 3)) * [math.sqrt(1 + deviation), 1, 1]
    return assert_gaussian(x, np.eye(3), rate=rate, resolution=1)


def gaussian_unknown_mean(seed: int, deviation: float, rate: float) -> object:
    x = np.random.default_rng(seed).standard_normal((800, 2)) * [math.sqrt(1 + deviation), 1] + 3
    return assert_gaussian(x, np.eye(2), mean=None, rate=rate, resolution=1)


def gaussian_deviation(seed: int, deviation: float, rate: float) -> object:
    """The scale mixture of Lemma 1 with the variance declared, δ = 0.1."""
    rng, delta = np.random.default_rng(seed), 0.1
    s2 = rng.gamma(1 / delta, delta, size=(2000, 1))
    x = np.sqrt(s2 * (1 + deviation)) * rng.standard_normal((2000, 2))
    return assert_gaussian(x, np.eye(2), deviation=delta, rate=rate, resolution=1)


def covariance_laplace(seed: int, deviation: float, rate: float) -> object:
    x = np.random.default_rng(seed).laplace(scale=math.sqrt(0.5), size=(2000, 3))
    x[:, 1] = deviation * x[:, 0] + math.sqrt(1 - deviation**2) * x[:, 1]
    return assert_covariance(x, np.eye(3), rate=rate, resolution=1)


@lru_cache(maxsize=1)
def _model() -> tuple[PolynomialActivation, HermiteExpansion]:
    return equivalent_model("relu", 2), coefficients("relu", 2)


def sampled_coefficients(seed: int, deviation: float, rate: float) -> object:
    model, c = _model()
    changed = dataclasses.replace(model, c=(model.c[0], (1 + deviation) * float(model.c[1]), model.c[2]))
    return assert_hermite_coefficients(changed, c, residual=c.residual(2), samples=2**13, rng=seed, rate=rate, resolution=0.99)


def _numbers(noise: Callable[[np.random.Generator], float], gap: float) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    def simulate(model_a: object, model_b: object, task: object, sizes: object, runs: range, rng: int) -> tuple[np.ndarray, np.ndarray]:
        draws = [np.random.default_rng((rng, run)) for run in runs]
        a = np.array([1 + 0.1 * draw.standard_normal() for draw in draws])
        return a, gap * a + 0.03 * np.array([noise(draw) for draw in draws])

    return simulate


_TASK, _SIZES = Task("relu", 0.1), Sizes(10, 10, 10, 100, 100)
MARGIN = 0.05


def equivalent_normal(seed: int, deviation: float, rate: float) -> object:
    simulator = _numbers(lambda draw: float(draw.standard_normal()), 1 + MARGIN + deviation)
    return assert_equivalent("a", "b", _TASK, _SIZES, margin=MARGIN, runs=60, rng=seed, rate=rate, simulator=simulator)


def equivalent_skewed(seed: int, deviation: float, rate: float) -> object:
    simulator = _numbers(lambda draw: 1 - float(draw.exponential()), 1 + MARGIN + deviation)
    return assert_equivalent("a", "b", _TASK, _SIZES, margin=MARGIN, runs=60, rng=seed, rate=rate, simulator=simulator)


#: Runs that one call may use, of a pool simulated once.
_RUNS = 24


@cache
def _pool(count: int) -> np.ndarray:
    """ICL errors of a ReLU head and of its equivalent without c_1*, on common draws, shape (2, count)."""
    model = equivalent_model("relu", 1)
    heads = [RandomTransformer(sigma, 0.1, normalise=True) for sigma in ("relu", dataclasses.replace(model, residual=0.0))]
    sizes = Sizes.from_ratios(4, alpha=1, kappa=1, tau=2, mu=2)
    return np.array([error.icl_runs for error in icl_error(heads, _TASK, sizes, runs=count, rng=0, test=200)])


def equivalent_transformers(repetitions: int) -> Call:
    """Errors of Transformers; the margin is their true gap, taken from the pool."""

    def call(seed: int, deviation: float, rate: float) -> object:
        a, b = _pool(repetitions * _RUNS)
        gap = abs(float((b - a).mean() / a.mean()))

        def simulate(model_a: object, model_b: object, task: object, sizes: object, runs: range, rng: int) -> tuple[np.ndarray, np.ndarray]:
            rows = slice(rng * _RUNS + runs.start, rng * _RUNS + runs.stop)
            return a[rows], b[rows]

        return assert_equivalent("a", "b", _TASK, _SIZES, margin=gap * (1 - deviation), runs=_RUNS, rng=seed, rate=rate, simulator=simulate)

    return call


def rate_paired(seed: int, deviation: float, rate: float) -> object:
    d = np.array([16.0, 32.0, 64.0])
    gaps = (d / 16) ** (-0.5 + deviation) + 0.1 * np.random.default_rng(seed).standard_normal((10, 3))
    return assert_rate(d, gaps, tolerance=0.0, rate=rate)


def rate_unpaired(seed: int, deviation: float, rate: float) -> object:
    d, rng = np.array([16.0, 32.0, 64.0]), np.random.default_rng(seed)
    columns = [
        (size / 16) ** (-0.5 + deviation) + scale * rng.standard_normal(runs)
        for size, scale, runs in zip(d, (0.05, 0.1, 0.15), (6, 10, 14), strict=True)
    ]
    return assert_rate(d, columns, tolerance=0.0, rate=rate)


def universal(seed: int, deviation: float, rate: float) -> object:
    """Both maps alike, on independent rows; a deviation scales the features, which is another ridge."""

    def at(scale: float, spawn: int) -> Callable[..., Callable[..., tuple[np.ndarray, np.ndarray]]]:
        def build(d: int, rng: np.random.Generator) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
            teacher = rng.standard_normal(d)

            def draw(count: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
                own = np.random.default_rng((int(rng.integers(2**60)), spawn))
                x = own.standard_normal((count, d))
                return scale * x, x @ teacher / math.sqrt(d) + 0.5 * own.standard_normal(count)

            return draw

        return build

    tiny = Deviation(1e-9, order=-0.5)
    return assert_universal(
        at(1 / (1 + deviation), 0),
        at(1.0, 1),
        dimensions=(6, 12),
        samples=lambda d: 2 * d,
        ridge=0.5,
        deviation=tiny,
        resolution=9,
        runs=16,
        test=60,
        rng=seed,
        rate=rate,
    )


def experiments(repetitions: int) -> tuple[Experiment, ...]:
    """All of them."""
    variance = (0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.7)
    return (
        Experiment("assert_gaussian, n = 400, p = 3", gaussian, "relative excess of one variance", variance),
        Experiment("assert_gaussian, mean unknown, n = 800", gaussian_unknown_mean, "relative excess of one variance", variance),
        Experiment("assert_gaussian, deviation 0.1, n = 2000", gaussian_deviation, "relative excess of all variances", variance),
        Experiment(
            "assert_covariance, Laplace rows, n = 2000",
            covariance_laplace,
            "correlation of two variables",
            (0.0, 0.05, 0.1, 0.15, 0.2, 0.3),
        ),
        Experiment(
            "assert_hermite_coefficients, sampled, 8192", sampled_coefficients, "relative error of c_1", (0.0, 0.01, 0.02, 0.03, 0.04, 0.06)
        ),
        Experiment("assert_equivalent, normal errors", equivalent_normal, "relative gap beyond the margin", (0.0, 0.005, 0.01, 0.02, 0.03)),
        Experiment(
            "assert_equivalent, Transformers",
            equivalent_transformers(repetitions),
            "share of the gap beyond the margin",
            (0.0, 0.25, 0.5, 0.75, 0.9),
        ),
        Experiment(
            "assert_equivalent, exponential errors",
            equivalent_skewed,
            "relative gap beyond the margin",
            (0.0, 0.005, 0.01, 0.02, 0.03),
            covered=False,
        ),
        Experiment("assert_rate, paired, 10 runs", rate_paired, "exponent less the claimed one", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        Experiment("assert_rate, unpaired, 6-14 runs", rate_unpaired, "exponent less the claimed one", (0.0, 0.1, 0.2, 0.3, 0.4, 0.5)),
        Experiment("assert_universal, d = 6, 12, 16 runs", universal, "relative scale of the features, less 1", (0.0, 0.2, 0.4, 0.7, 1.0)),
    )


def red(call: Call, seeds: range, deviation: float, rate: float = RATE) -> tuple[int, int]:
    """How many of the calls are red, and how many are inconclusive; any other refusal is an error of the experiment, and raised."""
    alarms = undecided = 0
    for seed in seeds:
        try:
            call(seed, deviation, rate)
        except UniversalityError:
            alarms += 1
        except HypothesisError as error:
            if "has data that resolve" not in error.hypothesis:
                raise
            undecided += 1
    return alarms, undecided


def upper_band(repetitions: int, rate: float = RATE) -> int:
    """The largest number of false alarms within the band."""
    return int(scipy.stats.binom.isf(BAND / 2, repetitions, rate))


def calibrate(repetitions: int) -> bool:
    """Print the table; whether every covered assertion is within its band."""
    limit = upper_band(repetitions)
    print(f"{repetitions} calls at a declared rate of {RATE:g}: at most {repetitions * RATE:g} false alarms expected, band up to {limit}")
    good = True
    for experiment in experiments(repetitions):
        start = time.perf_counter()
        alarms, undecided = red(experiment.call, range(repetitions), 0.0)
        within = alarms <= limit
        word = "within" if within else "BEYOND"
        note = "" if experiment.covered else "  (the assumption of normal differences does not hold)"
        duration = (time.perf_counter() - start) / repetitions
        share = f"{100 * alarms / repetitions:4.2f} %"
        print(
            f"{experiment.name:45s} {alarms:4d} = {share}  {word}  {undecided:4d} inconclusive  {1e3 * duration:6.1f} ms each{note}",
            flush=True,
        )
        good &= within or not experiment.covered
    return good


def power(repetitions: int) -> dict[str, tuple[str, list[tuple[float, float]]]]:
    """The share of red verdicts at each deviation."""
    curves = {}
    for experiment in experiments(repetitions):
        counts = [(value, *red(experiment.call, range(repetitions), value)) for value in experiment.values]
        curves[experiment.name] = experiment.deviation, [(value, alarms / repetitions) for value, alarms, _ in counts]
        shown = "  ".join(
            f"{value:g}: {alarms / repetitions:.2f}" + f" ({undecided} inconclusive)" * bool(undecided)
            for value, alarms, undecided in counts
        )
        print(experiment.name, experiment.deviation, shown, flush=True)
    return curves


def draw(curves: dict[str, tuple[str, list[tuple[float, float]]]], path: str) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    columns = 3
    rows = math.ceil(len(curves) / columns)
    figure, axes = plt.subplots(rows, columns, figsize=(4 * columns, 2.6 * rows), squeeze=False, layout="constrained")
    for axis in axes.flat[len(curves) :]:
        axis.axis("off")
    for axis, (name, (deviation, shares)) in zip(axes.flat, curves.items(), strict=False):
        axis.plot(*zip(*shares, strict=True), "o-", markersize=3)
        axis.axhline(RATE, color="grey", linewidth=0.8, linestyle=":")
        axis.set(title=name, xlabel=deviation, ylabel="share of red", ylim=(-0.03, 1.03))
        axis.title.set_fontsize(9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure; the exit status says whether every covered assertion is within its band."""
    parser = command_line("benchmarks.checks.calibration", __doc__, SMALLEST)
    parser.add_argument("--repetitions", type=positive, default=2000, help="calls of every assertion (2000)")
    parser.add_argument("--power", type=int, default=200, metavar="N", help="calls for each point of the power curves (200); 0: none")
    parser.add_argument("--figure", metavar="PNG", help="where to draw the power curves")
    given = parser.parse_args(argv)
    good = calibrate(given.repetitions)
    if given.power:
        curves = power(given.power)
        if given.figure:
            draw(curves, given.figure)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
