"""assert_equivalent: the errors of two models on common draws, run by run until the answer is clear."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import scipy.stats
from numpy.typing import ArrayLike, NDArray

from hermite_eq.arguments import array, count, function, one_of, outcome, seed, sequence
from hermite_eq.errors import HypothesisError
from hermite_eq.models import Sizes, Task, TrainedModel
from hermite_eq.models.sizes import checked_sizes
from hermite_eq.simulate import icl_error
from hermite_eq.testing.check import Check, Verdict, conclude, detects, percent
from hermite_eq.testing.deviation import Deviation, allowed
from hermite_eq.testing.rates import POWER, budget, declared_rate
from hermite_eq.testing.statistics.sequential import Sides, critical_t, runs_needed

Array = NDArray[np.float64]
#: Runs between two looks.
STEP = 4
#: The ratios n/d², m/d², ℓ/d, k/d that count as proportional.
PROPORTIONAL = (0.05, 50.0)
#: Rate at which models that differ by more than the margin are called equal.
MISS = 1 - POWER

Simulator = Callable[[Any, Any, Task, Sizes, range, int], tuple[ArrayLike, ArrayLike]]


@dataclass(frozen=True)
class _Point:
    """What was found at one size; ``spread`` is the larger standard deviation of the combinations watched, relative to the mean of a."""

    sizes: Sizes
    verdict: Verdict
    evidence: float
    gap: float
    stderr: float
    spread: float
    runs: int
    margin: float
    needed: int | None
    skewed: bool


def assert_equivalent(
    model_a: TrainedModel | Any,
    model_b: TrainedModel | Any,
    task: Task,
    sizes: Sizes | Sequence[Sizes],
    *,
    margin: float | Deviation = 0.05,
    error: Literal["icl", "idg"] = "icl",
    runs: int = 200,
    rng: int = 0,
    rate: float | None = None,
    test: int | None = None,
    simulator: Simulator | None = None,
) -> Check:
    r"""Assert that two models have the same in-context error, up to a margin, by simulation on common draws.

    Run i gives the errors :math:`a_i` and :math:`b_i` of both models on one draw of tasks, contexts and F. The models are *equal* if
    :math:`|\mathbb E b-\mathbb E a|\le m\,\mathbb E a`, m the margin, and *different* otherwise; that is decided by the signs of the means
    of :math:`b_i-(1+m)a_i` and :math:`b_i-(1-m)a_i`, each watched by the confidence sequence of
    :mod:`hermite_eq.testing.statistics.sequential`. Runs are added until the answer is clear: models within the margin are called different
    with probability at most ``rate``, models beyond it are called equal with probability at most 1 %, both at whatever number of runs the
    simulation stops.

    *Assumption*: over runs these combinations are normal. They are means over thousands of test contexts; where the models are called
    different and a test of the skewness (D'Agostino, level 0.01) contradicts it, the message says so. ``docs/how_to/testing.md``
    has the false alarms measured on skewed differences.

    Parameters
    ----------
    model_a, model_b : LinearTransformer, RandomTransformer or OneStepTransformer
        With a ``simulator``, whatever it takes.
    task : Task
    sizes : Sizes or sequence of Sizes
        With several sizes the models have to be equal at each; they share the rate.
    margin : float or Deviation
        m; a :class:`Deviation` is taken at the d of each size.
    error : {"icl", "idg"}
        ICL error, or in-distribution error.
    runs : int
        The budget at each size (eight times as many in the thorough profile).
    rng : int
        Seed.
    rate : float, optional
        False-alarm rate of this call.
    test : int, optional
        Test contexts, as for :func:`hermite_eq.simulate.icl_error`.
    simulator : callable, optional
        ``simulator(model_a, model_b, task, sizes, runs, rng)`` returns the errors of both models for the runs of a ``range``, on common
        draws; by default :func:`hermite_eq.simulate.icl_error`. With one of your own, models may be anything.

    Returns
    -------
    Check

    Raises
    ------
    UniversalityError
        If the models differ.
    HypothesisError
        If the budget does not suffice to tell (the message says how many runs would), if sizes are not in the proportional regime, or
        if an error is not finite.

    References
    ----------
    [RT] Theorem 3.

    Examples
    --------
    >>> from hermite_eq import RandomTransformer, Sizes, Task, equivalent_model
    >>> sizes = Sizes.from_ratios(6, alpha=1, kappa=1, tau=2, mu=1)
    >>> relu = RandomTransformer("relu", ridge=0.1, normalise=True)
    >>> same = RandomTransformer(equivalent_model("relu", degree=1), ridge=0.1, normalise=True)
    >>> check = assert_equivalent(relu, same, Task("relu", noise=0.1), sizes, margin=0.2, test=300)
    >>> print(check.verdict)
    agrees
    """
    level, rng = declared_rate(rate), seed(rng, "rng")
    points = [sizes] if isinstance(sizes, Sizes) else sequence(sizes, "sizes")
    if not points:
        raise HypothesisError("there is a size to simulate at", "an empty sequence", "pass Sizes.from_ratios(20, …)")
    one_of(error, ("icl", "idg"), "error", requirement="the error is 'icl' or 'idg'", repair="pass error='icl'")
    runs = count(runs, "runs", least=STEP, requirement=f"the budget is at least {STEP} runs", repair="pass runs=200")
    for point in points:
        _check_proportional(checked_sizes(point))
    draw = _library(error, test) if simulator is None else function(simulator, "simulator")
    compared = []
    for point in points:
        m = allowed(margin, point.d)
        if not 0 < m < 1:
            raise HypothesisError(
                "the margin lies between 0 and 1: no simulation shows two numbers to be the same",
                f"margin={m:g}",
                "pass margin=0.05, or Deviation(1, order=-1)",
            )
        compared.append(_decide(model_a, model_b, task, point, m, budget(runs), rng, level / len(points), draw))
        if compared[-1].verdict == Verdict.DIFFERENT:
            break
    claim = f"{model_a} and {model_b} have the same {error.upper()} error ({task})"
    return _conclude(claim, compared, len(points), level)


def _library(error: str, test: int | None) -> Simulator:
    def simulate(model_a: Any, model_b: Any, task: Task, sizes: Sizes, runs: range, rng: int) -> tuple[Array, Array]:
        first, two = icl_error([model_a, model_b], task, sizes, runs=runs, rng=rng, test=test)
        return (first.icl_runs, two.icl_runs) if error == "icl" else (first.idg_runs, two.idg_runs)

    return simulate


def _check_proportional(sizes: Sizes) -> None:
    ratios = sizes.ratios
    low, high = PROPORTIONAL
    shown = {
        "n/d²": (ratios.tau, "samples", sizes.d**2),
        "m/d²": (ratios.mu, "hidden", sizes.d**2),
        "ℓ/d": (ratios.alpha, "context", sizes.d),
        "k/d": (ratios.kappa, "tasks", sizes.d),
    }
    for name, (value, field, unit) in shown.items():
        if value is None or (math.isinf(value) and field == "tasks"):
            continue
        if not low <= value <= high:
            raise HypothesisError(
                "the theorem supposes ℓ, k ≍ d and n, m ≍ d²",
                f"{name} = {value:.2g} at d = {sizes.d}",
                f"pass {field}={max(1, round(unit))}, say (ratios between {low:g} and {high:g} count as proportional)",
            )


def _decide(
    model_a: Any, model_b: Any, task: Task, sizes: Sizes, margin: float, runs: int, rng: int, rate: float, draw: Simulator
) -> _Point:
    a, b = np.empty(0), np.empty(0)
    upper, lower = Sides(), Sides()
    # "Different" has two sides, which share the rate; "equal" needs both bounds, and no share.
    alarm, content = math.log(2 / rate), math.log(1 / MISS)
    verdict = Verdict.INCONCLUSIVE
    while len(a) < runs:
        start = len(a)
        arguments = model_a, model_b, task, sizes, range(start, min(start + STEP, runs)), rng
        more = sequence(outcome(draw, "the simulator", *arguments), "what the simulator returns")
        new_a, new_b = (array(values, "errors", nan=True, empty=True) for values in (more if len(more) == 2 else ((), ())))
        if new_a.shape != new_b.shape or new_a.shape != (min(STEP, runs - start),):
            raise HypothesisError(
                "a simulator returns one error for each run and model",
                f"shapes {new_a.shape} and {new_b.shape}",
                f"return two arrays of length {min(STEP, runs - start)}",
            )
        if not (np.isfinite(new_a).all() and np.isfinite(new_b).all()):
            raise HypothesisError("errors are finite", f"{new_a} and {new_b}", "raise the ridge, or find where features overflow")
        a, b = np.concatenate([a, new_a]), np.concatenate([b, new_b])
        upper, lower = upper.then(b - (1 + margin) * a, start), lower.then(b - (1 - margin) * a, start)
        if max(upper.above, lower.below) >= alarm:
            verdict = Verdict.DIFFERENT
            break
        if min(upper.below, lower.above) >= content:
            verdict = Verdict.AGREES
            break
    relative = (b - a) / a.mean()
    gap, scatter = float(relative.mean()), float(relative.std(ddof=1))
    watched = [(b - (1 + side * margin) * a) / a.mean() for side in (1, -1)]
    needed = _needed(watched, gap, margin, rate, len(a)) if verdict == Verdict.INCONCLUSIVE else None
    skewed = verdict == Verdict.DIFFERENT and len(a) >= 8 and scatter > 0 and float(scipy.stats.skewtest(relative).pvalue) < MISS
    spread = max(float(values.std(ddof=1)) for values in watched)
    return _Point(sizes, verdict, max(upper.above, lower.below), gap, scatter / math.sqrt(len(a)), spread, len(a), margin, needed, skewed)


def _needed(watched: list[Array], gap: float, margin: float, rate: float, runs: int) -> int | None:
    """The budget with which both bounds of "equal", or the bound of "different" on the gap's side, would be crossed; None if none is."""
    if abs(gap) > margin:
        watched, level = [watched[0 if gap > 0 else 1]], rate / 2
    else:
        level = MISS
    counts = [runs_needed(float(values.mean()), float(values.std(ddof=1)), level, runs) for values in watched]
    larger = [count for count in counts if count is not None and count > runs]
    # One of them may have been crossed already.
    return math.ceil(max(larger) / budget(1)) if larger and None not in counts else None


def _conclude(claim: str, points: list[_Point], shares: int, level: float) -> Check:
    order = {Verdict.DIFFERENT: 0, Verdict.INCONCLUSIVE: 1, Verdict.AGREES: 2}
    worst = min(points, key=lambda point: (order[point.verdict], -point.evidence))
    p_value = min(1.0, 2 * shares * math.exp(-max(point.evidence for point in points)))
    finding = (
        f"At {worst.sizes} their relative difference is {worst.gap:+.4f} ± {worst.stderr:.4f} after {worst.runs} runs, the margin "
        f"{worst.margin:.3g}"
    )
    if worst.skewed:
        finding += " (the differences are skewed over the runs, where the false-alarm rate supposes normal ones)"
    reach = critical_t(level / (2 * shares), max(worst.runs, 2)) + float(scipy.stats.norm.isf(1 - POWER))
    detectable = worst.margin + reach * worst.spread / math.sqrt(worst.runs)
    power = detects(f"a relative difference of {percent(detectable)}")
    repair = ""
    if worst.verdict == Verdict.INCONCLUSIVE:
        repair = (
            f"pass runs={worst.needed}"
            if worst.needed
            else (f"the difference is too near the margin of {worst.margin:.3g} to tell: raise the margin, or d")
        )
    return conclude(Check("assert_equivalent", claim, worst.verdict, p_value, level, finding, power, repair))
