"""What is said of Transformers trained by gradient descent, as rows of the verdict table."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import LinearTransformer, Sizes
from hermite_eq.theory import icl_curve
from hermite_eq.trained import FullLinearAttention
from verify.campaigns.trained import EXPONENTS, FAST, SLOW, TASK
from verify.campaigns.trained_curves import Found, Results
from verify.claims.check import Check, by_z, claimed
from verify.claims.comparison import Comparison, within_band
from verify.claims.thresholds import Threshold, exponent, threshold

Array = NDArray[np.float64]
#: On how many numbers the predictions of full linear attention depend.
dimension = FullLinearAttention().dimension
Stored = Mapping[str, Sequence[Results]]
#: What is said of every architecture.
PEAK = "the ICL error is larger at n* than at the smallest and at the largest n"
#: Points this near to the threshold of the theory, in log n, are left out where theory and training are compared: the error diverges there.
NEAR = math.log(1.25)
#: The theory is of another model, whose features are counted anew: it is asked to be right within this share, on average over a curve.
BAND = 0.25


def effective(sizes: Sizes) -> Sizes:
    """The n at which the linear Transformer of theory, with d(d + 1) features, has as many contexts for each as full linear attention."""
    return replace(sizes, samples=max(1, round(sizes.samples * sizes.d * (sizes.d + 1) / dimension(sizes.d))))


#: The theory beside full linear attention, by its name: the sizes at which it is asked, and a factor.
Line = tuple[Callable[[Sizes], Sizes], float]
RIGHT: Line = (effective, 1.0)
PLAIN: Line = (lambda sizes: sizes, 1.0)


def theory(points: Sequence[Sizes], line: Line = RIGHT) -> Array:
    """The ICL error of the ridgeless linear Transformer."""
    change, factor = line
    return factor * np.asarray(icl_curve(LinearTransformer(0.0), TASK, [change(sizes) for sizes in points]).icl)


def gaps(curve: Found, line: Line = RIGHT) -> Array:
    """log(e/theory) of the runs that are not stuck, at the points that are not near the threshold of either line; flat."""
    points = curve.curve.sizes(curve.d)
    thresholds = dimension(curve.d), curve.d * (curve.d + 1)
    near = np.array([min(abs(math.log(sizes.samples / at)) for at in thresholds) < NEAR for sizes in points])
    if near.all():
        return np.empty(0)
    kept = ~near
    expected = theory([sizes for sizes, keep in zip(points, kept, strict=True) if keep], line)
    ratio = np.log(curve.last("icl")[:, kept] / expected)
    return np.asarray(ratio[~curve.stuck[:, kept]])


def theory_row(label: str, ladder: Sequence[Found]) -> Check:
    """Whether the theory is right within :data:`BAND` on average over the curves."""
    values = np.concatenate([np.abs(gaps(curve)) for curve in ladder])
    shown = ", ".join(f"{gaps(curve).mean():+.2f} at d = {curve.d}" for curve in ladder)
    note = f"mean of log(e/theory): {shown}; {len(values)} runs and points away from n*"
    return within_band(f"{label}: mean of |log(e/theory)| below log {1 + BAND:g}", values, 0.0, math.log1p(BAND), note)


@dataclass(frozen=True)
class Wrong:
    """A theory line that is wrong on purpose, or that of another model."""

    name: str
    line: Line


WRONG = (
    Wrong("n as it is, for d(d + 1) features", PLAIN),
    Wrong("n half as large", (lambda sizes: replace(effective(sizes), samples=max(1, effective(sizes).samples // 2)), 1.0)),
    Wrong("n twice as large", (lambda sizes: replace(effective(sizes), samples=2 * effective(sizes).samples), 1.0)),
    Wrong("errors half as large", (effective, 0.5)),
    Wrong("errors twice as large", (effective, 2.0)),
)


def control_rows(label: str, ladder: Sequence[Found]) -> list[Check]:
    """The theory is nearer to the simulation than lines that are wrong: |log(e/theory)| minus the same of each, by runs and points."""
    right, rows = [np.abs(gaps(curve)) for curve in ladder], []
    for wrong in WRONG:
        other = [np.abs(gaps(curve, wrong.line)) for curve in ladder]
        note = f": {np.concatenate(right).mean():.2f} beside {np.concatenate(other).mean():.2f} on average"
        compared = Comparison.single(np.concatenate(right) - np.concatenate(other), math.nan)
        rows.append(compared.row(f"{label}: the theory is nearer than with {wrong.name}", note))
    return rows


def peak_row(name: str, ladder: Sequence[Found]) -> Check | None:
    """The error is larger at the point nearest to n* than at both ends of the curve: log ratios of all runs at all d."""
    rows = []
    for curve in ladder:
        at = threshold(curve)
        if at is None:
            continue
        i = int(np.argmin(np.abs(np.log(curve.samples / at.median))))
        if not 0 < i < len(curve.samples) - 1:
            continue
        logs = _logs(curve, "icl")
        rows.append(np.stack([logs[:, 0] - logs[:, i], logs[:, -1] - logs[:, i]], axis=1))
    runs = np.concatenate(rows) if rows else np.empty((0, 2))
    runs = runs[np.isfinite(runs).all(axis=1)]
    if len(runs) < 2:
        return None
    compared = Comparison.of(np.array([0.0, 1.0]), runs, np.full(2, np.nan))
    factor = np.exp(-runs.mean(axis=0))
    return compared.row(f"{name}: {PEAK}", f"; {factor[0]:.2f} and {factor[1]:.2f} times as large, {len(runs)} runs at all d")


def counts(thresholds: Sequence[Threshold]) -> list[Threshold]:
    """What d² + 4d + 2 would be found in their place."""
    return [replace(threshold, runs=(float(dimension(threshold.d)),) * len(threshold.runs), width=0.0) for threshold in thresholds]


def exponent_rows(name: str, figure: str, thresholds: Sequence[Threshold]) -> list[Check]:
    """The fitted exponent of n* beside the paper's, and of full linear attention beside that of its number of parameters."""
    fitted = exponent(thresholds)
    if fitted is None:
        return []
    low, high = fitted.interval
    where = ", ".join(str(threshold.d) for threshold in thresholds)
    note = f"95 % interval {low:.2f} to {high:.2f}, from {fitted.freedom + 2} runs at d = {where}"
    rows = [
        by_z(
            f"{figure}: exponent of n* against d, beside the paper's",
            EXPONENTS[name],
            fitted.value,
            fitted.stderr,
            runs=fitted.freedom + 1,
            scale=EXPONENTS[name],
            note=f"{note}, the paper's {'in' if low < EXPONENTS[name] < high else 'out'}side; the paper has d = 20, 40, 80",
        ),
        by_z(
            f"{figure}: exponent of n* against d, beside 2", 2.0, fitted.value, fitted.stderr, runs=fitted.freedom + 1, scale=2.0, note=note
        ),
    ]
    if name == "la-fig5a":
        counted = exponent(counts(thresholds))
        assert counted is not None
        rows.append(
            by_z(
                f"{figure}: exponent of n* against d, beside that of d² + 4d + 2",
                counted.value,
                fitted.value,
                fitted.stderr,
                runs=fitted.freedom + 1,
                scale=counted.value,
                note=f"{note}; at the paper's d = 20, 40, 80 the count gives {paper_exponent():.2f}",
            )
        )
    return rows


def paper_exponent() -> float:
    """That of the number of parameters at the paper's d.

    >>> round(paper_exponent(), 2)
    1.9
    """
    fitted = exponent([Threshold(d, (float(dimension(d)),), 0.0) for d in (20, 40, 80)])
    assert fitted is not None
    return fitted.value


def count_row(figure: str, thresholds: Sequence[Threshold]) -> Check:
    """log(n*/(d² + 4d + 2)) of all runs beside 0."""
    values = np.array([math.log(where / dimension(threshold.d)) for threshold in thresholds for where in threshold.runs])
    grid = math.sqrt(sum(threshold.width**2 / 12 * len(threshold.runs) ** 2 for threshold in thresholds)) / len(values)
    stderr = math.hypot(float(values.std(ddof=1)) / math.sqrt(len(values)), grid)
    shown = ", ".join(f"{threshold.median / dimension(threshold.d):.2f} at d = {threshold.d}" for threshold in thresholds)
    return by_z(
        f"{figure}: log of n*/(d² + 4d + 2)",
        0.0,
        float(values.mean()),
        stderr,
        runs=len(values),
        scale=1.0,
        note=f"n*/(d² + 4d + 2) is {shown}",
    )


def difference(subject: str, first: Array, second: Array) -> Check | None:
    """The mean of ``one`` minus that of ``other`` beside 0, of independent runs; the degrees of freedom are Welch's and Satterthwaite's."""
    first, second = first[np.isfinite(first)], second[np.isfinite(second)]
    if min(len(first), len(second)) < 2:
        return None
    parts = first.var(ddof=1) / len(first), second.var(ddof=1) / len(second)
    freedom = sum(parts) ** 2 / (parts[0] ** 2 / (len(first) - 1) + parts[1] ** 2 / (len(second) - 1))
    gap = float(first.mean() - second.mean())
    return by_z(subject, 0.0, gap, math.sqrt(sum(parts)), runs=max(2, int(freedom) + 1), scale=1.0, note=f"a factor of {math.exp(gap):.2f}")


def _logs(curve: Found, error: str) -> Array:
    """Of the errors after the last epoch, by runs and points; NaN of runs that are stuck."""
    return np.where(curve.stuck, np.nan, np.log(curve.last(error)))


def rate_rows(results: Results) -> list[Check | None]:
    """The paper's learning rate and ours, by the log of the ICL error at each n, and by its mean over all of them."""
    slow, fast = (next(curve for curve in results.curves if curve.curve.rate == rate) for rate in (SLOW, FAST))
    ours, theirs = _logs(fast, "icl"), _logs(slow, "icl")
    subject = f"{fast.curve.model}, d = {results.d}, {{}}: log of the ICL error at rate {FAST:g} minus that at {SLOW:g}"
    checks = [difference(subject.format(f"n/d² = {value:g}"), ours[:, i], theirs[:, i]) for i, value in enumerate(fast.abscissa)]
    return [*checks, difference(subject.format("mean over n"), ours.mean(axis=1), theirs.mean(axis=1))]


def mlp_rows(nonlinear: Found, affine: Found) -> list[Check | None]:
    """An MLP with a nonlinearity beside the affine one: the logs of their errors, on average over the curve."""
    subject = f"{nonlinear.curve.model}, d = {nonlinear.d}: log of the {{}} error minus that of {affine.curve.model}, mean over n"
    return [
        difference(subject.format(name), _logs(nonlinear, error).mean(axis=1), _logs(affine, error).mean(axis=1))
        for error, name in (("training", "training"), ("icl", "ICL"))
    ]


def diversity_rows(name: str, ladder: Sequence[Found]) -> list[Check]:
    """g_task = ICL − IDG is smaller at the largest diversity than at the smallest, and positive at the smallest."""
    runs = []
    for curve in ladder:
        prices = np.where(curve.stuck, np.nan, (curve.last("icl") - curve.last("idg")) / curve.last("icl"))
        runs.append(np.stack([prices[:, -1] - prices[:, 0], -prices[:, 0]], axis=1))
    both = np.concatenate(runs)
    both = both[np.isfinite(both).all(axis=1)]
    if len(both) < 2:
        return []
    means = -both[:, 1].mean(), (both[:, 0] - both[:, 1]).mean()
    note = f": {means[0]:.0%} of the ICL error at the smallest k, {means[1]:.0%} at the largest"
    return [
        Comparison.single(both[:, 0], math.nan).row(f"{name}: the price of unseen tasks, g_task/e_ICL, falls with their diversity", note)
    ]


def judge(stored: Stored) -> list[Check]:
    """All rows of what is stored, each under its figure."""
    rows: list[Check] = []
    for name, ladder in stored.items():
        figure, curves = ladder[0].campaign.figure, [results.curves[0] for results in ladder]
        label = str(curves[0].curve.model)
        checks: list[Check | None] = []
        if name in EXPONENTS:
            thresholds = [at for at in map(threshold, curves) if at is not None]
            checks += [peak_row(label, curves), *exponent_rows(name, label, thresholds)]
            if isinstance(curves[0].curve.model, FullLinearAttention) and thresholds:
                checks += [count_row(label, thresholds), theory_row(label, curves), *control_rows(label, curves)]
        elif name == "la-fig5-rate":
            checks += [row for results in ladder for row in rate_rows(results)]
        elif name == "la-fig5-mlp":
            affine = {results.d: results.curves[0] for results in stored.get("la-fig5c", ())}
            checks += [row for curve in curves if curve.d in affine for row in mlp_rows(curve, affine[curve.d])]
        elif name == "la-fig6":
            checks += diversity_rows(label, curves)
        rows += claimed(figure, [row for row in checks if row is not None])
    return rows
