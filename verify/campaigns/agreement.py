"""The theory beside the stored runs: a row of the verdict table for each curve, and whether a wrong theory would be seen."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import hermite_eq
from hermite_eq.models import Task
from verify.campaigns.campaign import Error
from verify.campaigns.curves import Curve, Results
from verify.check import Check, Verdict, at_every_point, by_rate, by_z, z_score
from verify.learning_curve import DEFECT

THEORY = "error theory"


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
