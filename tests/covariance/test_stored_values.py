"""The entries at rational points, and numbers, against stored ones: what was derived and simulated stays what it is.

``stored_values.json`` holds every entry of the isotropic forms and of the forms in Σ_x, Σ_ξ, evaluated to 20 digits at the points below,
and the numbers at d = 9 or 20. Conventions of inputs and link enter every target's entries alike: all of them are there for symbols.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sympy

from hermite_eq import Task
from hermite_eq.covariance import Covariance, SourceMoments, SymbolicTarget, covariance, source_moments
from hermite_eq.covariance.symbols import hermite_index
from hermite_eq.models import PowerLaw, Source, Spike, Toeplitz

STORED: dict[str, dict[str, dict[str, dict[str, Any]]]] = json.loads(
    (Path(__file__).parent / "stored_values.json").read_text(encoding="utf-8")
)
POINT = {
    "d": "47/2", "ell": "17/3", "rho": "3/10", "s": "7/5", "m": "-2/7", "alpha": "8/5", "kappa": "4/7", "a": "5/9", "v": "13/11",
    "p": "-3/8", "w_3": "9/7", "w_4": "31/9", "e": "2/9", "q": "-4/13", "w_30": "6/11", "t_2": "1/5", "t_3": "1/19", "t_4": "1/77",
    "t_5": "1/201", "t_6": "1/505", "t_1_1": "2/13", "t_0_2": "3/17", "m_10": "6/5", "m_21": "11/7",
}  # fmt: skip


def _at(symbol: sympy.Symbol) -> sympy.Rational:
    index = hermite_index(symbol)
    if index is None:
        return sympy.Rational(POINT[symbol.name])
    power, k = index
    return sympy.Rational(3 * power + k + 1, 7 + 2 * k + power)


def _value(entry: sympy.Expr) -> sympy.Float:
    return sympy.N(entry.xreplace({symbol: _at(symbol) for symbol in entry.free_symbols}), 20)


def _covariance(target: str, law: str = "gaussian", unit_link: bool = False, unit_inputs: bool = False, **more: Any) -> Covariance:
    symbolic = {"any": SymbolicTarget(), "degree 2": SymbolicTarget(degree=2)}
    if target in symbolic:
        return covariance(symbolic[target], unit_inputs=unit_inputs, unit_link=unit_link, tasks=law, **more)  # type: ignore[arg-type]
    return covariance(Task(sources=[Source(target, 0.3, tasks=law)], unit_inputs=unit_inputs, unit_link=unit_link), **more)


def _levels(part: str, case: str) -> Iterator[tuple[str, Any]]:
    target, unit, other = case.split("|")
    if part == "isotropic":
        law = "sphere" if other == "1" else "gaussian"
        cov = _covariance(target, law, unit_inputs=unit == "1", symbolic_noise=True)
    else:
        cov = _covariance(target, covariances=True, unit_inputs=unit == "1", unit_link=other == "1", symbolic_noise=True)
    for name in STORED[part][case]:
        what, _, order = name.partition(" ")
        if what == "averaged":
            yield name, cov.averaged(int(order))
        else:
            level: dict[str, Callable[[], Any]] = {"given": lambda: cov, "over": cov.over_tasks, "limit": cov.limit, "norm": cov.norm_law}
            yield name, level[what]()


@pytest.mark.parametrize(("part", "case"), [(part, case) for part in ("isotropic", "covariances") for case in STORED[part]])
def test_entries_are_the_stored_ones(part: str, case: str) -> None:
    for level, entries in _levels(part, case):
        for name, expected in STORED[part][case][level].items():
            value = _value(entries.entries[name])
            # Twenty digits were kept; sums cancel a few of them.
            assert abs(value - sympy.Float(expected, 20)) <= 1e-16 * max(abs(value), 1), (level, name)


D, CONTEXT = 9, 5
XI, TASKS = np.sin(np.arange(1, D + 1)) * 1.5, np.sin(np.arange(1, 3 * D + 1)).reshape(3, D)
F = np.cos(0.1 * np.arange(D * (D + 1) * 2)).reshape(D * (D + 1), 2)
SIGMA, OMEGA = np.eye(D) + 0.3 * np.eye(D, k=1) + 0.3 * np.eye(D, k=-1), np.diag(np.linspace(0.5, 2, D))
MEAN, WEIGHTS = np.linspace(-0.5, 0.5, D), np.cos(np.arange(1, D + 2))
#: Integrals over tasks are refined until two levels agree to 1e-9; all else are sums of a few hundred rounded terms.
INTEGRAL, ROUNDED = 1e-9, 1e-11


def _probe(moments: SourceMoments) -> dict[str, float]:
    x, b = WEIGHTS[:D], WEIGHTS
    names = ("mean_y", "square_y", "mean_z", "square_z", "trace")
    return {
        "inputs": x @ moments.inputs @ x,
        "mean_b": moments.mean_b @ b,
        "second_b": b @ moments.second_b @ b,
        "labels": x @ moments.labels @ b,
        "coupling": x @ moments.coupling @ b,
        "signal": moments.square_z,
        "matrix": float(moments.matrix(F).sum()),
        "cross": float(moments.cross(F).sum()),
        **{name: getattr(moments, name) for name in names},
    }


def _assert_stored(values: Mapping[str, Any], stored: Mapping[str, float], tolerance: float) -> None:
    size = max(abs(value) for value in stored.values())
    for name, value in stored.items():
        assert float(values[name]) == pytest.approx(value, rel=tolerance, abs=tolerance * size), name


@pytest.mark.parametrize("case", STORED["numeric"])
def test_isotropic_numbers_are_the_stored_ones(case: str) -> None:
    target, unit, sphere = case.split("|")
    law, size = "sphere" if sphere == "1" else "gaussian", 1 if unit == "1" else D
    cov = _covariance(target, law, unit_inputs=unit == "1")
    d = 20 if target == "exp" else D
    averaged = cov.averaged()

    def own(**fields: Any) -> Covariance:
        """Inputs of covariance SIGMA."""
        source = Source(target, 0.3, tasks=law, input_cov=size * SIGMA, **fields)
        return covariance(Task(sources=[source], unit_inputs=unit == "1"))

    values: dict[str, Callable[[], Any]] = {
        "given": lambda: cov.numeric(1.4, d, CONTEXT), "averaged": lambda: averaged.numeric(d, CONTEXT),
        "over tasks": lambda: cov.over_tasks().numeric(d, CONTEXT, 4), "limit": lambda: cov.limit().numeric(1.5, 0.5),
        "norm law": lambda: cov.norm_law().numeric(1.5), "trace": lambda: {"trace": cov.trace(d, CONTEXT)},
        "given xi": lambda: _probe(cov.given(XI, context=CONTEXT)),
        "given xi, own": lambda: _probe(own(input_mean=math.sqrt(size) * MEAN).given(XI, context=CONTEXT)),
        "given tasks": lambda: _probe(cov.over_tasks().given(TASKS, context=CONTEXT)), "joint": lambda: _probe(averaged.joint(D, CONTEXT)),
        "joint, covariances": lambda: _probe(own(task_cov=OMEGA).averaged().joint(D, CONTEXT)),
        "joint, mean": lambda: _probe(own(task_mean=MEAN).averaged().joint(D, CONTEXT)),
    }  # fmt: skip
    for name, stored in STORED["numeric"][case].items():
        _assert_stored(values[name](), stored, INTEGRAL if "," in name else ROUNDED)


SOURCES: dict[str, dict[str, Any]] = {
    "identity": {},
    "dense": {"input_cov": SIGMA, "task_cov": OMEGA},
    "spike": {"task_cov": Spike(7.0)},
    "toeplitz": {"input_cov": Toeplitz(0.5), "task_cov": PowerLaw(0.7)},
    "task mean": {"task_mean": 0.3, "input_cov": Spike(2.0)},
    "input mean": {"input_mean": 0.4},
}


@pytest.mark.parametrize("case", STORED["moments"])
def test_numbers_of_one_of_several_sources_are_the_stored_ones(case: str) -> None:
    target, name, unit = case.split("|")
    both = [Source("identity", 0.1), Source(target, 0.3, **SOURCES[name])]
    task, stored = Task(sources=both, unit_inputs=unit == "1", unit_link=unit == "1"), STORED["moments"][case]
    cov = covariance(task, source=1, covariances=True)
    fresh = source_moments(task, D, CONTEXT, source=1)
    _assert_stored(_probe(fresh), stored["fresh"], INTEGRAL)
    assert cov.trace(D, CONTEXT) == fresh.trace == pytest.approx(stored["trace"]["trace"], rel=INTEGRAL)
    _assert_stored(_probe(source_moments(task, D, CONTEXT, source=1, tasks=TASKS)), stored["given"], ROUNDED)
    _assert_stored(_probe(cov.given(XI, context=CONTEXT)), stored["given xi"], ROUNDED)
    _assert_stored(cov.numeric(1.4, D, CONTEXT, m=0.2), stored["numeric"], ROUNDED)
    if "limit" in stored:
        _assert_stored(cov.limit().numeric(1.5, d=D), stored["limit"], ROUNDED)
    if "series" in stored:
        series = cov.averaged(1).series(D, CONTEXT)
        x = WEIGHTS[:D]
        numbers = {key: x @ value @ x if np.ndim(value) else value for key, value in series.items()}
        _assert_stored(numbers, {key: value for key, value in stored["series"].items() if key != "second_P"}, ROUNDED)
