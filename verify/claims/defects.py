"""Negative controls: the same runs held against theories that are wrong on purpose."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import sympy

import hermite_eq
from hermite_eq.curve import Setting as Point
from hermite_eq.models import AnyTask, Task
from verify.campaigns.curves import Curve
from verify.campaigns.theory import Points, Theory
from verify.claims.agreement import THEORY, Ladder, theory_rows
from verify.claims.check import Check, Verdict

#: A coefficient, or an error, off by this share.
SHARE = sympy.Rational(1, 20)


@dataclass(frozen=True)
class Defect:
    """What is wrong with a theory: of which curves it can be told, the curve beside the theory with the defect, and whether it is the gain
    of the step that is wrong.
    """

    name: str
    applies: Callable[[Curve], bool]
    wrong: Callable[[Curve], Curve]
    gain: bool = False


def steeper(task: AnyTask, share: Any = SHARE, number: int = 0) -> Task:
    """The task with a target of one source whose c_1 is too large by a share."""
    assert isinstance(task, Task)
    target = task.sources[number].target
    slope = hermite_eq.coefficients(target, 1)[1]
    return with_source(task, number, target=hermite_eq.activation(target.expression + share * slope * hermite_eq.hermite.X))


def with_source(task: Task, number: int, **fields: Any) -> Task:
    """The task with other fields of one source."""
    sources = list(task.sources)
    sources[number] = replace(sources[number], **fields)
    return replace(task, sources=tuple(sources))


def _isotropic(task: AnyTask) -> bool:
    return isinstance(task, Task) and task.isotropic


def _slope(share: Any) -> Defect:
    return Defect(
        f"c_1 of the target {float(share):.0%} too large",
        lambda curve: _isotropic(curve.task),
        lambda curve: curve.believing(lambda point: _steeper(point, share)),
    )


def _steeper(point: Point, share: Any) -> Point:
    return replace(point, task=steeper(point.task, share))


def _scaled(name: str, error: float, gain: float = 1.0) -> Defect:
    """Every error, or what a step changes in it, multiplied by a factor."""

    def scaled(right: Theory) -> Theory:
        icl = error * right.icl
        if gain != 1:
            icl = icl[0] + gain * (icl - icl[0])
        return replace(right, icl=icl, by_source=error * right.by_source)

    return Defect(
        name,
        lambda curve: isinstance(curve.task, Task) and not curve.task.isotropic,
        lambda curve: replace(curve, predict=lambda points: scaled(curve.predict(points))),
        gain != 1,
    )


_SHARES = (SHARE, 4 * SHARE)
DEFECTS = (
    *map(_slope, _SHARES),
    _scaled("predicted errors 5% too large", 1.05),
    _scaled("predicted errors 20% too large", 1.2),
    _scaled("gain of the step half as large", 1.0, 0.5),
)


def asked(curve: Curve) -> list[Points]:
    """What the theory is asked of for the defects of a curve."""
    return [tuple(_steeper(point, share) for point in curve.points) for share in _SHARES if _isotropic(curve.task)]


def outcome(claim: str, defect: str, rows: Sequence[Check]) -> dict[str, Any]:
    """How many of the rows reject a theory with a defect."""
    return {"claim": claim, "defect": defect, "checks": len(rows), "caught": sum(row.verdict == Verdict.DISAGREES for row in rows)}


def controls(ladder: Ladder, defects: Sequence[Defect] = DEFECTS) -> list[dict[str, Any]]:
    """How many of the rows on which the right theory is not rejected reject each wrong one."""
    right, caught = theory_rows(ladder), []
    for defect in defects:
        chosen = {
            place
            for place, row in right.items()
            if (place[1] is None) == defect.gain
            and defect.applies(ladder[0].curves[place[0]])
            and row.verdict not in (Verdict.DISAGREES, Verdict.DEGREE_TOO_HIGH)
            and math.isfinite(row.predicted)
        }
        if not chosen:
            continue
        keys = {key for key, _ in chosen}
        rows = theory_rows(
            [
                replace(results, curves={key: defect.wrong(results.curves[key]) for key in results.curves if key in keys})
                for results in ladder
            ]
        )
        caught.append(outcome(THEORY, defect.name, [rows[place] for place in chosen]))
    return caught


def sentence(item: dict[str, Any]) -> str:
    """An outcome in words."""
    return f"With the {item['defect']} the theory disagrees in {item['caught']} of {item['checks']} curves on which the right one does not."
