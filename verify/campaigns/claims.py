"""What is said of each figure, held against the stored runs: a row of the verdict table for each claim, in plain words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.models import LinearTransformer, RandomTransformer, Sizes, Task
from hermite_eq.simulate import DiscreteMMSE, context_law
from verify.campaigns.campaign import Campaign, Error, label
from verify.campaigns.curves import Curve, Results, constant_error, limit
from verify.check import RESOLUTION, Z_LIMIT, Check, Verdict, at_every_point, by_rate, by_z, z_score
from verify.equivalence import INFLATION_LIMIT, inflation
from verify.learning_curve import DEFECT
from verify.transformers import DEGREES, HEADS, RIDGE, distinct_degree

Array = NDArray[np.float64]

THEORY = "error theory"
#: What "slight" and "limited" are taken to mean: less than this share of the error.
SLIGHT = 0.25
#: What is promised of the theory at d for the plain heads: this relative gap, or that many standard errors.
NEAR = 0.02, 3.0

_LINEAR = label(LinearTransformer(RIDGE))
_INTERCEPT = label(LinearTransformer(RIDGE, intercept=True))


def _head(sigma: str, ridge: float = RIDGE) -> str:
    return label(RandomTransformer(sigma, ridge))


@dataclass(frozen=True)
class Comparison:
    """Differences at several points: means, standard errors, the theory's values, and the z of each against 0."""

    values: Array
    mean: Array
    stderr: Array
    predicted: Array
    z: Array

    @classmethod
    def of(cls, values: Array, runs: Array, predicted: Array) -> Comparison:
        """From one difference for each run and point."""
        mean, stderr = runs.mean(axis=0), runs.std(axis=0, ddof=1) / np.sqrt(len(runs))
        z = np.array([z_score(0.0, m, s, len(runs)) for m, s in zip(mean, stderr, strict=True)])
        return cls(values, mean, stderr, predicted, z)

    def row(self, claim: str, subject: str, note: str = "", also: bool = True) -> Check:
        """The claim that every difference is negative, shown where it is least so.

        It holds if all are, beyond the sampling error, fails if one is positive, and is undecided otherwise; ``also`` is a further
        condition without which it fails.
        """
        i = int(np.argmax(self.z))
        verdict = Verdict.DISAGREES if self.z[i] > Z_LIMIT or not also else Verdict.UNDECIDED
        if also and self.z[i] < -Z_LIMIT:
            verdict = Verdict.AGREES
        yes, no = int((self.z < -Z_LIMIT).sum()), int((self.z > Z_LIMIT).sum())
        word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(verdict, "not decided")
        count = f", at {yes} of {len(self.z)} values (the opposite at {no})" if len(self.z) > 1 else ""
        return Check(claim, subject, float(self.predicted[i]), float(self.mean[i]), float(self.stderr[i]), "z", float(self.z[i]), verdict,
                     note=f"{word}{count}{note}")


def _minus(one: Array, other: Array) -> Array:
    """The difference of two predictions, NaN where both diverge."""
    with np.errstate(invalid="ignore"):
        return one - other


def paired(one: Curve, other: Curve, error: Error, where: NDArray[np.bool_] | None = None) -> Comparison:
    """Error of ``one`` minus that of ``other`` on common draws, point by point."""
    chosen = np.ones(len(one.values), bool) if where is None else where
    predicted = _minus(one.theory(error), other.theory(error))
    return Comparison.of(one.values[chosen], (one.each(error) - other.each(error))[:, chosen], predicted[chosen])


def within(curve: Curve, error: Error, pairs: Sequence[tuple[int, int]]) -> Comparison:
    """Error at the first minus that at the second point of each pair, run by run.

    Where the points of a run are independent draws, this pairs what has no common noise, and loses nothing by it but degrees of freedom.
    """
    first, second = (np.array(column) for column in zip(*pairs, strict=True))
    runs, theory = curve.each(error), curve.theory(error)
    return Comparison.of(curve.values[first], runs[:, first] - runs[:, second], _minus(theory[first], theory[second]))


def beats(claim: str, subject: str, one: Curve, other: Curve, rival: Curve | None = None,
          where: NDArray[np.bool_] | None = None) -> Check:
    """``one`` has the lower ICL error at every point; ``rival`` is a third curve which may be below both."""
    compared, note = paired(one, other, "icl", where), ""
    if rival is not None:
        both = np.minimum(-paired(rival, one, "icl", where).z, -paired(rival, other, "icl", where).z)
        note = f"; {rival.model} is below both at {int((both > Z_LIMIT).sum())} of {len(both)}"
    return compared.row(claim, subject, note)


def gain(claim: str, subject: str, one: Curve, other: Curve) -> Check:
    """The mean relative excess of ``one`` over ``other`` is within ±:data:`SLIGHT`."""
    scale = other.each("icl").mean(axis=0)
    runs = ((one.each("icl") - other.each("icl")) / scale).mean(axis=1)
    predicted = float((one.theory("icl") / other.theory("icl") - 1).mean())
    mean, stderr = float(runs.mean()), float(runs.std(ddof=1) / np.sqrt(len(runs)))
    # The nearer end of the band decides: |mean| < SLIGHT beyond the sampling error.
    z = z_score(SLIGHT, abs(mean), stderr, len(runs))
    verdict = Verdict.AGREES if z < -Z_LIMIT else Verdict.DISAGREES if z > Z_LIMIT else Verdict.UNDECIDED
    note = f"{one.model} changes the error of {other.model} by {mean:+.1%} on average"
    return Check(claim, subject, predicted, mean, stderr, "z", z, verdict, note=note)


def peaks(claim: str, subject: str, curve: Curve, error: Error, at: float, present: bool = True) -> Check:
    """Towards ``at`` the error rises, and beyond it falls: two points further away it is lower, on both sides.

    With ``present`` false the claim is that there is no such peak.
    """
    last = len(curve.values) - 1
    below, above = int(np.flatnonzero(curve.values < at)[-1]), int(np.flatnonzero(curve.values > at)[0])
    compared = within(curve, error, [(max(0, below - 2), below), (min(last, above + 2), above)])
    largest = curve.values[int(np.argmax(curve.simulated(error).mean))]
    row = compared.row(claim, subject, f"; the error is largest at {largest:.3g}")
    if present:
        return row
    opposite = {Verdict.AGREES: Verdict.DISAGREES, Verdict.DISAGREES: Verdict.AGREES}.get(row.verdict, row.verdict)
    word = {Verdict.AGREES: "yes", Verdict.DISAGREES: "no"}.get(opposite, "not decided")
    return row.with_verdict(opposite, f"{word}; the error is largest at {largest:.3g}")


def falls(claim: str, subject: str, curve: Curve, error: Error) -> Check:
    """The error falls from the first to the last point, and from no point to a later one does it rise."""
    last = len(curve.values) - 1
    steps = within(curve, error, [(i + 1, i) for i in range(last)])
    rises = within(curve, error, [(j, i) for i, j in itertools.combinations(range(last + 1), 2)])
    worst = int(np.argmax(rises.z))
    note = f"; {int((steps.z < -Z_LIMIT).sum())} of {last} steps fall beyond the sampling error"
    if rises.z[worst] > Z_LIMIT:
        first, then = list(itertools.combinations(curve.values, 2))[worst]
        note = f": it rises from {first:.3g} to {then:.3g} by {rises.mean[worst]:.2g} ± {rises.stderr[worst]:.1g}"
    return within(curve, error, [(last, 0)]).row(claim, subject, note, also=bool(rises.z[worst] <= Z_LIMIT))


def equivalents(claim: str, results: Results, activations: Sequence[str] = HEADS) -> list[Check]:
    """Each σ̂_r against σ: the measured mean relative gap beside the theory's, which is of order 1/d."""
    checks = []
    for sigma in activations:
        exact = results.get(_head(sigma))
        scales = _input_scales(exact.panel.task, exact.points[len(exact.points) // 2])
        for r in (r for r in DEGREES if distinct_degree(sigma, r) == r):
            model = hermite_eq.equivalent_model(sigma, r)
            other = results.get(label(RandomTransformer(model, RIDGE)))
            runs = ((other.icl_runs - exact.icl_runs) / exact.icl_runs.mean(axis=0)).mean(axis=1)
            predicted = float((other.theory("icl") / exact.theory("icl") - 1).mean())
            mean, stderr = float(runs.mean()), float(runs.std(ddof=1) / np.sqrt(len(runs)))
            subject = f"{sigma} head, r = {r}: e(σ̂_r)/e(σ) − 1 at d = {results.d}"
            note = f"the equivalent is off by {mean:+.1%}; theory at this d: {predicted:+.1%}"
            row = by_z(claim, subject, predicted, mean, stderr, runs=len(runs), scale=1.0, note=note)
            excess = inflation(sigma, model, scales)
            if excess > INFLATION_LIMIT and (abs(mean) > RESOLUTION or row.verdict != Verdict.AGREES):
                row = row.with_verdict(Verdict.DEGREE_TOO_HIGH, f"{note}; E σ̂_r(Fᵀh)² is {excess:.0%} above E σ(Fᵀh)²")
            checks.append(row)
    return checks


def _input_scales(task: Task, sizes: Sizes) -> Array:
    """Some hundred draws of ‖h‖/√t."""
    law = context_law(task, sizes)
    xi = law.tasks(400, np.random.default_rng(0))
    drawn = law.draw(xi, np.arange(len(xi)), np.random.SeedSequence(0))
    return np.asarray(np.linalg.norm(drawn.x, axis=1) * np.linalg.norm(drawn.b, axis=1) / np.sqrt(law.trace()))


def _against_n(claim: str, results: Results, target: str) -> list[Check]:
    relu, tanh = results.get(_head("relu")), results.get(_head("tanh"))
    linear, intercept = results.get(_LINEAR), results.get(_INTERCEPT)
    rows = []
    if target == "relu":
        rows += [
            beats(claim, "the ReLU head beats the linear Transformer at every n", relu, linear, intercept),
            beats(claim, "the ReLU head beats linear + intercept at every n (not compared in the paper)", relu, intercept),
            gain(claim, f"the tanh head gains little over linear (< {SLIGHT:.0%})", tanh, linear),
        ]
    else:
        rows += [
            beats(claim, "the tanh head beats the linear Transformer at every n", tanh, linear, intercept),
            gain(claim, f"and it gains little (< {SLIGHT:.0%})", tanh, linear),
        ]
    rows += [peaks(claim, f"{sigma} head: the error peaks at n ≈ m", results.get(_head(sigma)), "icl", 1.0) for sigma in HEADS]
    return [*rows, *equivalents(claim, results)]


def _against_context(claim: str, results: Results) -> list[Check]:
    linear, intercept = results.get(_LINEAR), results.get(_INTERCEPT)
    relu = results.get(_head("relu"))
    long = relu.values >= 1
    curves = [linear, *(results.get(_head(sigma)) for sigma in HEADS)]
    return [
        *(falls(claim, f"{curve.model}: the error falls with ℓ", curve, "icl") for curve in curves),
        beats(claim, "for ℓ ≥ d the ReLU head beats the linear Transformer", relu, linear, intercept, long),
        beats(claim, "and it already does for ℓ < d (paper: only beyond a threshold ℓ ≈ d)", relu, linear, intercept, ~long),
        beats(claim, "for ℓ ≥ d the ReLU head beats linear + intercept (not compared in the paper)", relu, intercept, None, long),
        *equivalents(claim, results),
    ]


def _against_width(claim: str, results: Results) -> list[Check]:
    rows = []
    for sigma in HEADS:
        curve = results.get(_head(sigma))
        rows.append(peaks(claim, f"{sigma} head: the error peaks at m ≈ n", curve, "icl", 1.0))
        mean = curve.simulated("icl").mean
        narrow, wide = np.flatnonzero(curve.values < 1), np.flatnonzero(curve.values > 1)
        best_narrow, best_wide = narrow[np.argmin(mean[narrow])], wide[np.argmin(mean[wide])]
        rows.append(within(curve, "icl", [(int(best_wide), int(best_narrow))]).row(
            claim, f"{sigma} head: the best m > n beats the best m < n",
            f"; the best m simulated are {curve.values[best_wide]:.3g} n and {curve.values[best_narrow]:.3g} n",
        ))
    return [*rows, *equivalents(claim, results)]


def _by_ridge(curves: Iterable[Curve]) -> dict[float, Curve]:
    """Curves of trained models by their λ, the smallest first."""
    found = {curve.model.ridge: curve for curve in curves if not isinstance(curve.model, DiscreteMMSE)}
    return dict(sorted(found.items()))


def _against_ridge(claim: str, results: Results) -> list[Check]:
    heads = _by_ridge(curve for curve in results.curves.values() if str(curve.model) == "relu")
    smallest, largest = min(heads), max(heads)
    distance = np.abs(heads[smallest].values - 1)
    near = distance <= 2 * distance.min()
    return [
        peaks(claim, f"λ = {smallest:g}: the error peaks at m ≈ n", heads[smallest], "icl", 1.0),
        *(
            paired(heads[more], heads[less], "icl", near).row(claim, f"beside m = n, λ = {more:g} beats λ = {less:g}")
            for less, more in itertools.pairwise(heads)
        ),
        peaks(claim, f"λ = {largest:g}: no peak is left at m ≈ n", heads[largest], "icl", 1.0, present=False),
        *equivalents(claim, results, ("relu",)),
    ]


def _double_descent(claim: str, results: Results) -> list[Check]:
    rows = []
    for (index, _, _), curve in results.curves.items():
        if index == 0:
            where = curve.panel.caption(curve.family)
            rows += [peaks(claim, f"{where}: {error.upper()} peaks at n ≈ d²", curve, error, 1.0) for error in curve.panel.errors]
    ridges = _by_ridge(curve for (index, _, _), curve in results.curves.items() if index == 1)
    smallest = min(ridges)
    distance = np.abs(ridges[smallest].values - 1)
    rows += [
        paired(ridges[more], ridges[smallest], "icl", distance <= 2 * distance.min()).row(
            claim, f"beside n = d², λ = {more:g} beats λ = {smallest:g}")
        for more in ridges if more > smallest
    ]
    return rows


def _best_context(claim: str, results: Results) -> list[Check]:
    """The best α of the theory is as good as that of the simulation, and where it lies inside, better than both ends."""
    rows = []
    for curve in results.curves.values():
        (error,) = curve.panel.errors
        theory, mean = curve.theory(error), curve.simulated(error).mean
        if np.isnan(theory).all():
            continue
        expected, found = int(np.nanargmin(theory)), int(np.argmin(mean))
        runs = curve.each(error)[:, expected] - curve.each(error)[:, found]
        last = len(curve.values) - 1
        where = f"{curve.panel.caption(curve.family)}, {curve.panel.task}"
        note = f"smallest at α = {curve.values[found]:g}, in theory at {curve.values[expected]:g}"
        stderr = float(runs.std(ddof=1) / np.sqrt(len(runs)))
        subject = f"{where}: {error.upper()} at the theory's best α above the smallest"
        rows.append(by_z(claim, subject, float(theory[expected] - theory[found]), float(runs.mean()), stderr, runs=len(runs),
                         scale=float(theory[expected]), note=note))
        if 0 < expected < last:
            ends = within(curve, error, [(expected, 0), (expected, last)])
            rows.append(ends.row(claim, f"{where}: {error.upper()} falls to the theory's best α and rises again", f"; {note}"))
    return rows


def _task_diversity(claim: str, results: Results) -> list[Check]:
    curves = sorted((curve for curve in results.curves.values() if isinstance(curve.model, LinearTransformer)),
                    key=lambda curve: curve.family.alpha)
    best = {curve.family: curve for curve in results.curves.values() if isinstance(curve.model, DiscreteMMSE)}
    rows = [falls(claim, f"{curve.panel.caption(curve.family)}: g_task falls with κ", curve, "g_task") for curve in curves]
    for less, more in itertools.pairwise(curves):
        compared = paired(more, less, "g_task", less.values > 1)
        rows.append(compared.row(claim, f"beyond κ = 1, g_task is smaller at α = {more.family.alpha:g} than at {less.family.alpha:g}"))
    for curve in curves:
        compared = paired(curve, best[curve.family], "g_task", curve.values > 1)
        rows.append(compared.row(claim, f"{curve.panel.caption(curve.family)}: beyond κ = 1, g_task of the Transformer is below dMMSE's"))
    return rows


def _against_dimension(claim: str, results: Results) -> list[Check]:
    plain, normalised = results.curves.values()
    rows, gaps = [], []
    for curve in (plain, normalised):
        far = limit(curve, "icl")
        runs = (curve.each("icl") / far - 1).mean(axis=1)
        predicted = float((curve.theory("icl") / far - 1).mean())
        mean, stderr = float(runs.mean()), float(runs.std(ddof=1) / np.sqrt(len(runs)))
        note = f"{mean:+.1%} above the limit on average over n; theory at this d: {predicted:+.1%}"
        rows.append(by_z(claim, f"{curve.model}: e_ICL/limit − 1 at d = {results.d}", predicted, mean, stderr, runs=len(runs), scale=1.0,
                         note=note))
        gaps.append((predicted, runs))
    (one, own), (other, others) = gaps
    compared = Comparison.of(np.array([results.d]), (others - own)[:, None], np.array([other - one]))
    return [*rows, compared.row(claim, "the normalised head is nearer to its limit than the plain one")]


def _near_theory(claim: str, results: Results) -> list[Check]:
    """For each curve and error the point which is furthest from the theory, as the smaller of the shares used of the two allowances."""
    share, sigmas = NEAR
    rows = []
    for (_, _, name), curve in results.curves.items():
        for error in curve.panel.errors:
            theory, found = curve.theory(error), curve.simulated(error)
            z = np.array([z_score(*point, curve.runs) for point in zip(theory, found.mean, found.stderr, strict=True)])
            gap = found.mean / theory - 1
            used = np.minimum(np.abs(gap) / share, np.abs(z) / sigmas)
            i, near = int(np.argmax(used)), used <= 1
            verdict = Verdict.AGREES if near.all() else Verdict.DISAGREES
            note = f"{near.sum()} of {len(near)} points; the furthest is off by {gap[i]:+.1%}"
            subject = f"{curve.panel.task}, {name}: {error.upper()} along {curve.panel.axis}"
            measured = float(found.mean[i]), float(found.stderr[i])
            row = Check(claim, subject, float(theory[i]), *measured, "z", float(z[i]), verdict, note=note)
            rows.append(at_every_point(row, found.stderr, theory, runs=curve.runs))
    return rows


def _on_average(claim: str, subject: str, one: Curve, other: Curve | float) -> Check:
    """The ICL error of ``one`` is below that of ``other``, or below a number, on average over the curve and relative to it."""
    runs, theory = (other, other) if isinstance(other, float) else (other.each("icl"), other.theory("icl"))
    scale = runs if isinstance(runs, float) else runs.mean(axis=0)
    relative = ((one.each("icl") - runs) / scale).mean(axis=1)
    predicted = float((one.theory("icl") / theory - 1).mean())
    compared = Comparison.of(np.array([np.nan]), relative[:, None], np.array([predicted]))
    return compared.row(claim, subject, f": {float(compared.mean[0]):+.1%}; theory {predicted:+.1%}")


def _against_intercept(claim: str, results: Results) -> list[Check]:
    rows = []
    level = constant_error(next(iter(results.curves.values())).panel.task, results.d)
    for panel, ridges in ((0, "λ = 1e-8"), (1, "each near its best λ")):
        linear, intercept, relu = (curve for (index, _, _), curve in results.curves.items() if index == panel)
        rows += [
            beats(claim, f"{ridges}: the ReLU head beats the linear Transformer at every n", relu, linear, intercept),
            _on_average(claim, f"{ridges}: linear + intercept beats the ReLU head, on average over n", intercept, relu),
        ]
    return [
        *rows,
        _on_average(claim, "near its best λ linear + intercept beats the best constant, on average over n", intercept, level),
        _on_average(claim, "near its best λ the ReLU head beats the best constant, on average over n", relu, level),
    ]


#: What is said of each figure.
CLAIMS: dict[str, Callable[[str, Results], list[Check]]] = {
    "rt-fig1a": lambda claim, results: _against_n(claim, results, "relu"),
    "rt-fig1b": lambda claim, results: _against_n(claim, results, "tanh"),
    "rt-fig2a": _against_context,
    "rt-fig2b": _against_width,
    "rt-fig2c": _against_ridge,
    "la-fig1": _double_descent,
    "la-fig2": _best_context,
    "la-fig4": _task_diversity,
    "norm-fig": _against_dimension,
    "heads-fig": _near_theory,
    "honest-fig": _against_intercept,
}


def judge(campaign: Campaign, results: Results, others: Sequence[Results] = ()) -> list[Check]:
    """All rows: the paper's claims, then theory beside simulation for every curve.

    Parameters
    ----------
    campaign : Campaign
    results : Results
    others : sequence of Results
        The same campaign at other d, from which the exponent of a gap is fitted.
    """
    return [*CLAIMS[campaign.name](campaign.figure, results), *theory_rows(results, others)]


def theory_rows(results: Results, others: Sequence[Results] = (), change: Callable[[Task], Task] = lambda task: task) -> list[Check]:
    """For every curve the point with the largest |z| between simulation and theory, the latter for ``change`` of the task.

    They agree if they do at every point, and every point can tell. Where they disagree, the mean relative gap must shrink as 1/d over all
    d in store.
    """
    judged = (_theory_row(results, others, key, error, change) for key, curve in results.curves.items() for error in curve.panel.errors)
    return [row for row in judged if row is not None]


def _theory_row(results: Results, others: Sequence[Results], key: tuple[int, int, str], error: Error,
                change: Callable[[Task], Task]) -> Check | None:
    curve = results.curves[key]
    theory = curve.theory(error, change(curve.panel.task))
    known = np.isfinite(theory)
    if not known.any():
        return None
    found = curve.simulated(error)
    z = np.array([z_score(t, m, s, curve.runs) if k else 0.0 for t, m, s, k in zip(theory, found.mean, found.stderr, known, strict=True)])
    i = int(np.argmax(np.abs(z)))
    many = "" if len(results.curves) == len({name for _, _, name in results.curves}) else f"{curve.panel.caption(curve.family)}, "
    if len({str(other.panel.task) for other in results.curves.values()}) > 1:
        many = f"{curve.panel.task}, {many}"
    subject = f"{many}{key[2]}: {error.upper()} at {curve.values[i]:.3g} (worst of {int(known.sum())})"
    scales = theory if error != "g_task" else curve.theory("icl")
    row = by_z(THEORY, subject, float(theory[i]), float(found.mean[i]), float(found.stderr[i]), runs=curve.runs, scale=float(scales[i]),
               note=f"simulation/theory − 1 = {found.mean[i] / theory[i] - 1:+.1%}" if theory[i] else "")
    if row.verdict == Verdict.DISAGREES:
        ladder = sorted([results, *others], key=lambda each: each.d)
        return _rate(row, [(each.d, each.curves[key]) for each in ladder], error, change)
    return at_every_point(row, found.stderr[known], scales[known], runs=curve.runs)


def _rate(row: Check, ladder: Sequence[tuple[int, Curve]], error: Error, change: Callable[[Task], Task]) -> Check:
    theories = [curve.theory(error, change(curve.panel.task)) for _, curve in ladder]
    known = np.isfinite(theories).all(axis=0)
    if len(ladder) < 3 or not known.any():
        return row.with_verdict(row.verdict, f"{row.note}; with the campaign at three d in store the exponent of the gap is fitted")
    gaps, stderrs = [], []
    for (_, curve), theory in zip(ladder, theories, strict=True):
        # Relative to the ICL error, since g_task passes through zero; the mean over the curve, which has the least noise.
        scale = curve.theory("icl") if error == "g_task" else theory
        runs = ((curve.each(error)[:, known] - theory[known]) / scale[known]).mean(axis=1)
        gaps.append(float(runs.mean()))
        stderrs.append(float(runs.std(ddof=1) / np.sqrt(len(runs))))
    rate = by_rate(THEORY, row.subject, [d for d, _ in ladder], gaps, stderrs, order=-1, runs=[curve.runs for _, curve in ladder])
    return row.with_verdict(rate.verdict, f"{row.note}; mean gap {rate.note}",
                            slope=(rate.value, rate.value_error) if rate.statistic == "slope" else None)


def sabotaged(results: Results, others: Sequence[Results] = ()) -> list[dict[str, Any]]:
    """The theory of a target whose c_1 is 5 % or 20 % too large, held against the same runs, where the right theory is not rejected."""
    outcome = []
    pairs = [(key, error) for key, curve in results.curves.items() for error in curve.panel.errors]
    right = [_theory_row(results, others, key, error, lambda task: task) for key, error in pairs]
    pairs = [pair for pair, row in zip(pairs, right, strict=True) if row is not None and row.verdict != Verdict.DISAGREES]
    for defect in (DEFECT, 4 * DEFECT):

        def steeper(task: Task, defect: Any = defect) -> Task:
            slope = hermite_eq.coefficients(task.target, 1)[1]
            return Task(task.target.expression + defect * slope * hermite_eq.hermite.X, task.noise)

        wrong = [_theory_row(results, others, key, error, steeper) for key, error in pairs]
        rows = [row for row in wrong if row is not None]
        outcome.append({"claim": THEORY, "defect": f"c_1 of the target {float(defect):.0%} too large", "checks": len(rows),
                        "caught": sum(row.verdict == Verdict.DISAGREES for row in rows)})
    return outcome


def power_sentence(item: dict[str, Any]) -> str:
    """An item of :func:`sabotaged` in words."""
    return f"With the {item['defect']} the theory disagrees in {item['caught']} of {item['checks']} curves on which the right one does not."
