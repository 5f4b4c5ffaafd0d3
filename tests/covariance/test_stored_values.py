"""The entries at rational points, and numbers, against stored ones: what was derived and simulated stays what it is.

``stored_values.json`` holds every entry of the isotropic forms and of the forms in Σ_x, Σ_ξ, evaluated to 20 digits at the points below, and
the numbers at d = 9 or 20.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sympy

from hermite_eq import Task
from hermite_eq.covariance import SymbolicTarget, covariance
from hermite_eq.covariance.label import hermite_index

STORED: dict[str, dict[str, dict[str, dict[str, Any]]]] = json.loads(
    (Path(__file__).parent / "stored_values.json").read_text(encoding="utf-8")
)
POINT = {
    "d": "47/2", "ell": "17/3", "rho": "3/10", "s": "7/5", "m": "-2/7", "alpha": "8/5", "kappa": "4/7", "a": "5/9", "v": "13/11",
    "p": "-3/8", "w_3": "9/7", "w_4": "31/9", "e": "2/9", "q": "-4/13", "w_30": "6/11", "t_2": "1/5", "t_3": "1/19", "t_4": "1/77",
    "t_5": "1/201", "t_6": "1/505", "t_11": "2/13", "t_02": "3/17", "x_1": "6/5", "m_21": "11/7",
}  # fmt: skip


def _at(symbol: sympy.Symbol) -> sympy.Rational:
    index = hermite_index(symbol)
    if index is None:
        return sympy.Rational(POINT[symbol.name.replace("{", "").replace("}", "")])
    power, k = index
    return sympy.Rational(3 * power + k + 1, 7 + 2 * k + power)


def _value(entry: sympy.Expr) -> sympy.Float:
    return sympy.N(entry.xreplace({symbol: _at(symbol) for symbol in entry.free_symbols}), 20)


def _label(target: str) -> Task | SymbolicTarget:
    return {"any": SymbolicTarget(), "degree 2": SymbolicTarget(degree=2)}.get(target) or Task(target, noise=0.3)


def _levels(part: str, case: str) -> Iterator[tuple[str, Any]]:
    target, unit, other = case.split("|")
    if part == "isotropic":
        cov = covariance(_label(target), unit_inputs=unit == "1", tasks="sphere" if other == "1" else "gaussian")
    else:
        cov = covariance(_label(target), covariances=True, unit_inputs=unit == "1", unit_link=other == "1")
    for name in STORED[part][case]:
        what, _, order = name.partition(" ")
        if what == "averaged":
            yield name, cov.averaged(int(order))
        else:
            yield name, {"given": lambda: cov, "over": cov.over_tasks, "limit": cov.limit, "norm": getattr(cov, "norm_law", None)}[what]()


@pytest.mark.parametrize(("part", "case"), [(part, case) for part in ("isotropic", "covariances") for case in STORED[part]])
def test_entries_are_the_stored_ones(part: str, case: str) -> None:
    for level, found in _levels(part, case):
        for name, expected in STORED[part][case][level].items():
            value = _value(found.entries[name])
            # Twenty digits were kept; sums cancel a few of them.
            assert abs(value - sympy.Float(expected, 20)) <= 1e-16 * max(abs(value), 1), (level, name)


