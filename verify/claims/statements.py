"""What is said of the figures of [RT] and [LA]: a function for each kind of statement, which makes rows of the verdict table."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from hermite_eq.models import LinearTransformer, Task
from hermite_eq.simulate import DiscreteMMSE
from verify.campaigns.campaign import Error, label
from verify.campaigns.curves import Curve, Key, Results, constant_error
from verify.campaigns.heads import RIDGE, distinct_degree, distinct_degrees, equivalent
from verify.claims.agreement import Ladder
from verify.claims.check import RESOLUTION, Z_LIMIT, Check, Verdict, at_every_point, by_runs, rate_of_runs, z_score, z_scores
from verify.claims.comparison import Comparison, paired, relative_gaps, within, within_band
from verify.claims.inflation import LIMIT, excess

Array = NDArray[np.float64]
#: What "slight" and "limited" are taken to mean: less than this share of the error.
SLIGHT = 0.25
#: Dimensions between which the theory's exponent is taken, and how far it may be from the declared one by the next order, O(1/d), there.
FAR, NEXT_ORDER = (512, 1024), 0.15


def beats(
    subject: str,
    name: str,
    other: str,
    rival: str | None = None,
    *,
    panel: int = 0,
    low: float = 0.0,
    high: float = math.inf,
    ladder: Ladder,
) -> list[Check]:
    """One model has the lower ICL error at every value in [low, high); ``rival`` may be below both."""
    better, beaten = (ladder[0].get(label, panel) for label in (name, other))
    where, note = (better.values >= low) & (better.values < high), ""
    if rival is not None:
        third = ladder[0].get(rival, panel)
        both = np.minimum(-paired(third, better, "icl", where).z, -paired(third, beaten, "icl", where).z)
        note = f"; {third.model} is below both at {int((both > Z_LIMIT).sum())} of {len(both)}"
    return [paired(better, beaten, "icl", where).row(subject, note)]


def gains_little(subject: str, name: str, other: str, *, ladder: Ladder) -> list[Check]:
    """One model changes the error of another by less than :data:`SLIGHT`, on average over the curve."""
    curve, plain = ladder[0].get(name), ladder[0].get(other)
    runs, predicted = mean_gaps(plain, curve), float((curve.theory("icl") / plain.theory("icl") - 1).mean())
    note = f"{curve.model} changes the error of {plain.model} by {float(runs.mean()):+.1%} on average"
    return [within_band(f"{subject} (< {SLIGHT:.0%})", runs, predicted, SLIGHT, note)]


def lower_on_average(subject: str, name: str, other: str | None, *, panel: int = 0, ladder: Ladder) -> list[Check]:
    """One model has the lower ICL error on average over the curve, of another or, of none, of the best constant."""
    curve = ladder[0].get(name, panel)
    assert isinstance(curve.task, Task)
    if other is None:
        constant = constant_error(curve.task, ladder[0].d)
        relative, theory = (curve.icl_runs / constant - 1).mean(axis=1), curve.theory("icl") / constant
    else:
        beaten = ladder[0].get(other, panel)
        relative, theory = mean_gaps(beaten, curve), curve.theory("icl") / beaten.theory("icl")
    predicted = float((theory - 1).mean())
    note = f": {float(relative.mean()):+.1%}; theory {predicted:+.1%}"
    return [Comparison.single(relative, predicted).row(subject, note)]


def peak(subject: str, curve: Curve, error: Error, present: bool = True) -> Check:
    """Towards 1 the error rises, and beyond it falls: two points further away it is lower, on both sides; or there is no such peak."""
    last = len(curve.values) - 1
    below, above = int(np.flatnonzero(curve.values < 1)[-1]), int(np.flatnonzero(curve.values > 1)[0])
    largest = curve.values[int(np.argmax(curve.simulated(error).mean))]
    compared = within(curve, error, [(max(0, below - 2), below), (min(last, above + 2), above)])
    row = compared.row(subject, f"; the error is largest at {largest:.3g}")
    if present:
        return row
    opposite = {Verdict.AGREES: Verdict.DISAGREES, Verdict.DISAGREES: Verdict.AGREES}.get(row.verdict, row.verdict)
    word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(opposite, "not decided")
    return row.with_verdict(opposite, f"{word}; the error is largest at {largest:.3g}")


def peaks(subject: str, name: str, *, present: bool = True, ladder: Ladder) -> list[Check]:
    """The ICL error of a model peaks at 1, or does not."""
    return [peak(subject, ladder[0].get(name), "icl", present)]


def every_curve_peaks(where: str, *, panel: int, ladder: Ladder) -> list[Check]:
    """Every error of a panel peaks at 1, which is called ``where``."""
    return [
        peak(f"{curve.family.legend(curve.panel.axis)}: {str(error).upper()} peaks at {where}", curve, error)
        for curve in ladder[0].of_panel(panel)
        for error in curve.panel.errors
    ]


def fall(subject: str, curve: Curve, error: Error) -> Check:
    """The error falls from the first to the last point, and from no point to a later one does it rise."""
    last = len(curve.values) - 1
    steps = within(curve, error, [(i + 1, i) for i in range(last)])
    pairs = list(itertools.combinations(range(last + 1), 2))
    rises = within(curve, error, [(j, i) for i, j in pairs])
    worst = int(np.argmax(rises.z))
    note = f"; {int((steps.z < -Z_LIMIT).sum())} of {last} steps fall beyond the sampling error"
    if rises.z[worst] > Z_LIMIT:
        first, then = curve.values[list(pairs[worst])]
        note = f": it rises from {first:.3g} to {then:.3g} by {rises.mean[worst]:.2g} ± {rises.stderr[worst]:.1g}"
    return within(curve, error, [(last, 0)]).row(subject, note, also=bool(rises.z[worst] <= Z_LIMIT))


def falls(subject: str, name: str, *, ladder: Ladder) -> list[Check]:
    """The ICL error of a model falls along the axis."""
    return [fall(subject, ladder[0].get(name), "icl")]


def wide_is_best(subject: str, name: str, *, ladder: Ladder) -> list[Check]:
    """The best of the widths above 1 beats the best of those below."""
    curve = ladder[0].get(name)
    mean = curve.simulated("icl").mean
    narrow, wide = (min(np.flatnonzero(where), key=lambda i: mean[i]) for where in (curve.values < 1, curve.values > 1))
    note = f"; the best m simulated are {curve.values[wide]:.3g} n and {curve.values[narrow]:.3g} n"
    return [within(curve, "icl", [(int(wide), int(narrow))]).row(subject, note)]


def ridge_helps(where: str, model: str, *, panel: int = 0, than_the_smallest: bool = False, ladder: Ladder) -> list[Check]:
    """Beside the interpolation threshold a larger λ has the lower error: than the next smaller one, or than the smallest."""
    curves = {
        curve.model.ridge: curve
        for curve in ladder[0].of_panel(panel)
        if str(curve.model) == model and not isinstance(curve.model, DiscreteMMSE)
    }
    smallest, *larger = sorted(curves)
    pairs = [(smallest, more) for more in larger] if than_the_smallest else itertools.pairwise([smallest, *larger])
    distance = np.abs(curves[smallest].values - 1)
    near = distance <= 2 * distance.min()
    return [paired(curves[more], curves[less], "icl", near).row(f"beside {where}, λ = {more:g} beats λ = {less:g}") for less, more in pairs]


def mean_gaps(exact: Curve, other: Curve) -> Array:
    """e(σ̂_r)/e(σ) − 1 on average over the curve, a value for each run."""
    return np.asarray(relative_gaps(other, exact).mean(axis=1))


def theory_gap(exact: Curve, other: Curve, d: int) -> float:
    """The theory of :func:`mean_gaps` at another d."""
    return float((other.at(d).icl / exact.at(d).icl - 1).mean())


def gaps_as_predicted(
    activations: tuple[str, ...], *, panel: int = 0, degrees: tuple[int, ...] = (), order: float | None = None, ladder: Ladder
) -> list[Check]:
    """Each σ̂_r against σ: the measured mean relative gap beside the theory's.

    By default of those degrees whose equivalents differ. With ``order``, that with which the gap vanishes in d, the theory of it is looked
    at far out, where the next order is :data:`NEXT_ORDER` at most.
    """
    return [_gap(ladder[0], panel, sigma, r, order) for sigma in activations for r in degrees or distinct_degrees(sigma)]


def _gap(results: Results, panel: int, sigma: str, r: int, order: float | None) -> Check:
    exact, other = (results.get(name, panel) for name in (f"{sigma}, λ = {RIDGE:g}", label(equivalent(sigma, r))))
    runs = mean_gaps(exact, other)
    predicted = float((other.theory("icl") / exact.theory("icl") - 1).mean())
    same, where = distinct_degree(sigma, r), results.where((panel, 0, exact.name))
    name = f"r = {r}" if same == r else f"r = {r} (c_{r} = 0: as r = {same})"
    note = f"the equivalent is off by {float(runs.mean()):+.1%}; theory at this d: {predicted:+.1%}"
    row = by_runs(
        f"{where}{', ' * bool(where)}{sigma} head, {name}: e(σ̂_r)/e(σ) − 1 at d = {results.d}", predicted, runs, scale=1.0, note=note
    )
    inflated = excess(other.points[len(other.points) // 2])
    if inflated > LIMIT and (abs(row.measured) > RESOLUTION or row.verdict != Verdict.AGREES):
        return row.with_verdict(Verdict.DEGREE_TOO_HIGH, f"{note}; E σ̂_r(Fᵀh)² is {inflated:.0%} above E σ(Fᵀh)²")
    if order is None:
        return row
    near, far = (theory_gap(exact, other, d) for d in FAR)
    slope = float(np.log(abs(far / near)) / np.log(FAR[1] / FAR[0]))
    note = f"{note}, vanishing as d^{slope:.2f}"
    if abs(slope - order) > NEXT_ORDER:
        return row.with_verdict(Verdict.DISAGREES, note)
    resolved = row.verdict == Verdict.AGREES and abs(z_score(0.0, row.measured, row.stderr, exact.runs)) > Z_LIMIT
    return row.with_verdict(Verdict.IN_THE_LIMIT if resolved else row.verdict, note)


def gap_vanishes(subject: str, name: str, other: str, *, panel: int = 0, ladder: Ladder) -> list[Check]:
    """The mean relative gap of one model to another vanishes as 1/d, over all d at which both are there."""
    both = sorted((rung for rung in ladder if (panel, 0, name) in rung.curves), key=lambda rung: rung.d)
    gaps = [(rung.d, mean_gaps(rung.get(other, panel), rung.get(name, panel))) for rung in both]
    return [rate_of_runs(f"{subject}: mean relative gap → 0 as 1/d", gaps)]


def best_value(symbol: str, *, ladder: Ladder) -> list[Check]:
    """The best value of the theory is as good as that of the simulation, and where it lies inside, better than both ends."""
    return [
        row
        for curve in ladder[0].curves.values()
        if np.isfinite(curve.theory(curve.panel.errors[0])).any()
        for row in _best_of(symbol, curve, curve.panel.errors[0])
    ]


def _best_of(symbol: str, curve: Curve, error: Error) -> list[Check]:
    theory, mean = curve.theory(error), curve.simulated(error).mean
    expected, best = int(np.nanargmin(theory)), int(np.argmin(mean))
    last, name = len(curve.values) - 1, str(error).upper()
    where = ", ".join(filter(None, reversed(curve.family.where(curve.panel.axis, curve.name))))
    note = f"smallest at {symbol} = {curve.values[best]:g}, in theory at {curve.values[expected]:g}"
    rows = [
        by_runs(
            f"{where}: {name} at the theory's best {symbol} above the smallest",
            float(theory[expected] - theory[best]),
            curve.runs_of(error)[:, expected] - curve.runs_of(error)[:, best],
            scale=float(theory[expected]),
            note=note,
        )
    ]
    if 0 < expected < last:
        ends = within(curve, error, [(expected, 0), (expected, last)])
        rows.append(ends.row(f"{where}: {name} falls to the theory's best {symbol} and rises again", f"; {note}"))
    return rows


def diversity_helps(*, ladder: Ladder) -> list[Check]:
    """g_task falls with κ; beyond κ = 1 it is smaller for longer contexts, and below that of dMMSE."""
    curves = {
        curve.points[0].sizes.ratios.alpha: curve for curve in ladder[0].curves.values() if isinstance(curve.model, LinearTransformer)
    }
    best = {curve.family: curve for curve in ladder[0].curves.values() if isinstance(curve.model, DiscreteMMSE)}
    named = {alpha: (curves[alpha], curves[alpha].family.legend(curves[alpha].panel.axis)) for alpha in sorted(curves)}
    return [
        *(fall(f"{name}: g_task falls with κ", curve, "g_task") for curve, name in named.values()),
        *(
            paired(curves[more], curves[less], "g_task", curves[less].values > 1).row(
                f"beyond κ = 1, g_task is smaller at α = {more:g} than at {less:g}"
            )
            for less, more in itertools.pairwise(named)
        ),
        *(
            paired(curve, best[curve.family], "g_task", curve.values > 1).row(
                f"{name}: beyond κ = 1, g_task of the Transformer is below dMMSE's"
            )
            for curve, name in named.values()
        ),
    ]


def nearer_to_the_limit(*, ladder: Ladder) -> list[Check]:
    """How far a plain and a normalised head are above their limits, as predicted, and the second nearer than the first."""
    rows, gaps = [], []
    for curve in ladder[0].curves.values():
        far = curve.limit("icl")
        runs = (curve.icl_runs / far - 1).mean(axis=1)
        predicted = float((curve.theory("icl") / far - 1).mean())
        note = f"{float(runs.mean()):+.1%} above the limit on average over n; theory at this d: {predicted:+.1%}"
        rows.append(by_runs(f"{curve.model}: e_ICL/limit − 1 at d = {ladder[0].d}", predicted, runs, scale=1.0, note=note))
        gaps.append((predicted, runs))
    (own_gaps, own), (other_gaps, others) = gaps
    return [
        *rows,
        Comparison.single(others - own, other_gaps - own_gaps).row("the normalised head is nearer to its limit than the plain one"),
    ]


def _every(ladder: Ladder) -> Iterator[tuple[str, Key, Curve, Error]]:
    """Every error of every curve, with the name of the curve."""
    for key, curve in ladder[0].curves.items():
        yield from ((ladder[0].subject(key), key, curve, error) for error in curve.panel.errors)


def near_theory(shares: tuple[tuple[Error, float], ...], sigmas: float, *, ladder: Ladder) -> list[Check]:
    """Every point is within a share of the theory, by error, or that many standard errors; of each curve the point that is furthest."""
    rows = []
    for name, _, curve, error in _every(ladder):
        share, theory, simulated, stderr = dict(shares)[error], curve.theory(error), curve.simulated(error), curve.stderr(error)
        z = z_scores(theory, simulated.mean, stderr, curve.runs)
        gap = simulated.mean / theory - 1
        used = np.minimum(np.abs(gap) / share, np.abs(z) / sigmas)
        i, near = int(np.argmax(used)), used <= 1
        note = f"{near.sum()} of {len(near)} points; the furthest is off by {gap[i]:+.1%}"
        subject = f"{name}: {str(error).upper()} along {curve.panel.axis}, within {share:.0%} or {sigmas:g} standard errors"
        verdict = Verdict.AGREES if near.all() else Verdict.DISAGREES
        row = Check(subject, float(theory[i]), float(simulated.mean[i]), float(stderr[i]), "z", float(z[i]), verdict, note=note)
        rows.append(at_every_point(row, stderr, theory, runs=curve.runs))
    return rows


def limit_follows(*, ladder: Ladder) -> list[Check]:
    """The gap of the limit d = ∞ vanishes as 1/d, where one is seen."""
    ordered = sorted(ladder, key=lambda results: results.d)
    return [
        rate_of_runs(
            f"{ordered[0].subject(key)}: {str(error).upper()}/limit − 1 → 0 as 1/d",
            [(rung.d, (rung.curves[key].runs_of(error) / rung.curves[key].limit(error) - 1).mean(axis=1)) for rung in ordered],
        )
        for _, key, _, error in _every(ladder)
    ]
