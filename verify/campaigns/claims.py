"""What is said of each figure, held against the stored runs: a row of the verdict table for each claim, in plain words."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

import hermite_eq
from hermite_eq.models import LinearTransformer, RandomTransformer, Sizes, Task
from hermite_eq.simulate import DiscreteMMSE, context_law
from verify.campaigns.agreement import theory_rows
from verify.campaigns.campaign import Campaign, label
from verify.campaigns.comparison import SLIGHT, Comparison, beats, falls, gain, on_average, paired, peaks, within
from verify.campaigns.curves import Curve, Results, constant_error, limit
from verify.check import RESOLUTION, Check, Verdict, at_every_point, by_z, z_score
from verify.equivalence import INFLATION_LIMIT, inflation
from verify.transformers import DEGREES, HEADS, RIDGE, distinct_degree

Array = NDArray[np.float64]

#: What is promised of the theory at d for the plain heads: this relative gap, or that many standard errors.
NEAR = 0.02, 3.0

_LINEAR = label(LinearTransformer(RIDGE))
_INTERCEPT = label(LinearTransformer(RIDGE, intercept=True))


def _head(sigma: str, ridge: float = RIDGE) -> str:
    return label(RandomTransformer(sigma, ridge))


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


def _against_intercept(claim: str, results: Results) -> list[Check]:
    rows = []
    level = constant_error(next(iter(results.curves.values())).panel.task, results.d)
    for panel, ridges in ((0, "λ = 1e-8"), (1, "each near its best λ")):
        linear, intercept, relu = (curve for (index, _, _), curve in results.curves.items() if index == panel)
        rows += [
            beats(claim, f"{ridges}: the ReLU head beats the linear Transformer at every n", relu, linear, intercept),
            on_average(claim, f"{ridges}: linear + intercept beats the ReLU head, on average over n", intercept, relu),
        ]
    return [
        *rows,
        on_average(claim, "near its best λ linear + intercept beats the best constant, on average over n", intercept, level),
        on_average(claim, "near its best λ the ReLU head beats the best constant, on average over n", relu, level),
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
