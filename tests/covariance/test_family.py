"""One family: the isotropic forms are the general ones at P = pI, whatever describes the data, and all levels share their interface."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import sympy

import hermite_eq
from hermite_eq import HypothesisError, Task
from hermite_eq.covariance import SymbolicTarget, covariance, symbols
from hermite_eq.covariance.averages import isotropic_traces
from hermite_eq.models import Source, Spike, Toeplitz

ANY = SymbolicTarget()
D, ELL = symbols.d, symbols.ell
EPS = float(np.finfo(float).eps)


def _size(unit: bool) -> sympy.Expr:
    """p of P = pI."""
    return sympy.Integer(1) if unit else 1 / D


def _same(left: sympy.Expr, right: sympy.Expr) -> bool:
    return bool(sympy.simplify(sympy.expand(left - right)) == 0)


@pytest.mark.parametrize("unit", [False, True])
def test_given_is_the_general_form_at_multiples_of_identity(unit: bool) -> None:
    general, plain = (covariance(ANY, covariances=flag, unit_inputs=unit).entries for flag in (True, False))
    p, angle = _size(unit), sympy.Symbol("angle", real=True)
    # r = Pη/s with s² = ηᵀPη = p‖η‖² is √p u.
    u = sympy.Matrix([sympy.cos(angle), sympy.sin(angle)])
    P, r = p * sympy.eye(2), p ** sympy.Rational(1, 2) * u if unit else u / sympy.sqrt(D)
    pairs = [
        (general["second_P"] * P + general["second_rr"] * r * r.T, plain["second_identity"] * sympy.eye(2) + plain["second_uu"] * u * u.T),
        (general["mean_r"] * r, plain["mean_b1"] * u), (general["second_r2"] * r, plain["second_u2"] * u),
        (sympy.Matrix([general["mean_b2"], general["second_22"]]), sympy.Matrix([plain["mean_b2"], plain["second_22"]])),
    ]  # fmt: skip
    assert all(_same(entry, 0) for left, right in pairs for entry in left - right)
    # tr Cov(h) = tr P E‖b‖².
    square = general["second_P"] * D * p + general["second_rr"] * p + general["second_22"]
    assert _same(plain["trace"], D * p * square)


@pytest.mark.parametrize("unit", [False, True])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_averages_are_the_general_series_at_isotropic_traces(order: int, unit: bool) -> None:
    general, plain = (covariance(ANY, covariances=flag, unit_inputs=unit).averaged(order).entries for flag in (True, False))
    at = {name: isotropic_traces(entry).subs(symbols.s, 1) for name, entry in general.items()}
    p = _size(unit)
    for name in ("mean_y", "mean_b2", "second_22", "square_z"):
        assert _same(plain[name], at[name]), name
    # W = I/(pd), so that the words s^{-2n} P(WP)^{n+1} are p d^{-(n+1)} I.
    for name, own in (("second_identity", at["second_P"] * p), ("signal", 0), ("coupling", 0)):
        words = sum(at[f"{name.partition('_')[0]}_w{n}"] * p / D ** (n + 1) for n in range(order + 1))
        assert _same(plain[name], own + words), name


@pytest.mark.parametrize("unit", [False, True])
def test_the_unit_link_of_isotropic_data_is_the_sphere(unit: bool) -> None:
    general = covariance(ANY, covariances=True, unit_inputs=unit, unit_link=True).averaged(1).entries
    plain = covariance(ANY, unit_inputs=unit, tasks="sphere").averaged(1).entries
    p = _size(unit)
    at = {name: isotropic_traces(f).subs({symbols.s: 1, symbols.t_1_1: 1 / D, symbols.t_0_2: 1 / D}) for name, f in general.items()}
    assert _same(plain["second_22"], at["second_22"])
    words = (at["second_w0"] + at["second_w1"] / D + at["second_wt"] / D) * p / D
    assert _same(plain["second_identity"], at["second_P"] * p + words)


@pytest.mark.parametrize("unit", [False, True])
def test_tasks_and_limit_are_the_general_ones(unit: bool) -> None:
    general, plain = (covariance(ANY, covariances=flag, unit_inputs=unit) for flag in (True, False))
    over, own = general.over_tasks().entries, plain.over_tasks(0).entries
    # P S_k P of the η_j = c ξ_j is p²c² = p/d times (1/k) Σ ξ_jξ_jᵀ.
    for name in ("slope", "signal"):
        assert _same(own[name], over[name].subs(symbols.s, 1) * _size(unit) / D), name
    assert _same(own["noise"], over["noise"].subs(symbols.s, 1) * _size(unit))
    limit, ones = general.limit().entries, {symbols.s: 1, symbols.m_10: 1, symbols.m_21: 1}
    for name, entry in limit.items():
        assert _same(plain.limit().entries[name], entry.subs(ones)), name


@pytest.mark.parametrize("more", [{}, {"tasks": "sphere"}, {"unit_inputs": True}, {"unit_link": True}], ids=str)
def test_the_same_data_have_the_same_form(more: dict[str, Any]) -> None:
    # A source among others is the source alone; with the unit link tasks may as well be on the sphere.
    conventions = {name: value for name, value in more.items() if name != "tasks"}
    several = [Source("relu"), Source("tanh", 0.1, tasks=more.get("tasks", "gaussian"))]
    mixture = covariance(Task(sources=several, **conventions), source=1)
    law = "sphere" if "unit_link" in more else more.get("tasks", "gaussian")
    plain = covariance(Task(sources=[Source("tanh", 0.1, tasks=law)], unit_inputs="unit_inputs" in more))
    for left, right in zip(
        (mixture, mixture.averaged(), mixture.over_tasks(), mixture.limit(), mixture.norm_law()),
        (plain, plain.averaged(), plain.over_tasks(), plain.limit(), plain.norm_law()),
        strict=True,
    ):
        assert left.entries == right.entries
        assert left.latex() == right.latex()
    mixed, single = (cov.averaged().joint(5, 4) for cov in (mixture, plain))
    np.testing.assert_allclose(mixed.second_b, single.second_b, rtol=64 * EPS)


def test_integrals_with_the_identity_are_the_isotropic_numbers() -> None:
    for task in (Task("relu", noise=0.2), Task("tanh", noise=0.2)):
        plain = covariance(task).averaged()
        general = covariance(task, covariances=True).averaged()
        joint = general.joint(12, 7)
        # The Gauss rule of χ² against contour sums of some hundred terms, each rounded, and their own error, of the largest entry.
        tolerance = (4000 * EPS + joint.error) * np.abs(joint.second_b).max()
        np.testing.assert_allclose(joint.second_b, plain.joint(12, 7).second_b, rtol=0, atol=tolerance)
        numbers, matrices = plain.numeric(12, 7), general.numeric(12, 7)
        assert {name for name in numbers if name != "second_identity"} == {name for name in matrices if name != "second"}
        for name in ("mean_b2", "second_22", "square_z", "trace"):
            assert matrices[name] == pytest.approx(numbers[name], rel=4000 * EPS + 4 * joint.error), name
        tolerance = 4000 * EPS + joint.error
        np.testing.assert_allclose(matrices["signal"], numbers["signal"] * np.eye(12), rtol=0, atol=tolerance)


def test_symbols_have_names_of_their_own() -> None:
    named = {name: value for name, value in vars(symbols).items() if isinstance(value, sympy.Symbol)}
    assert all(value == sympy.Symbol(name) for name, value in named.items())
    # Those made by number, up to twice what any stored target asks for, are none of them and differ from each other.
    made = [symbols.trace_symbol(n) for n in range(2, 25)] + [symbols.hermite_symbol(j, k) for j in range(1, 5) for k in range(25)]
    assert len({*made, *named.values()}) == len(made) + len(named)


def test_strings_name_the_symbols() -> None:
    cov = covariance(Task("relu", noise=0.1), symbolic_noise=True)
    for level in (cov, cov.averaged(), cov.over_tasks(), cov.limit(), cov.norm_law()):
        for entry in level.entries.values():
            number = entry.subs({"d": 20, "ell": 20, "rho": 0.1, "s": 1, "alpha": 1, "kappa": 2})
            assert sympy.sympify(number).is_number
    averaged = cov.averaged()
    for name, value in averaged.numeric(20, 20).items():
        # The Gauss rule, whose moments are good to 1e-13 of each.
        assert float(averaged.entries[name].subs({"d": 20, "ell": 20, "rho": 0.1})) == pytest.approx(value, rel=1e-11), name
    entry = covariance(ANY).averaged().entries["mean_b2"]
    assert entry.subs({"m2_0": 1, "m2_4": 0, "rho": 0}) == 1
    assert {symbol for symbol in entry.free_symbols if symbol.name == "d"} == {symbols.d} == {sympy.Symbol("d")}
    spiked = covariance(Task(sources=[Source("relu", 0.5, input_cov=Spike(3.0))]), covariances=True).limit().entries["trace"]
    assert spiked.subs({"alpha": 1, "s": 1, "m_10": 1, "m_21": 1}) == sympy.Rational(5, 4)


@pytest.mark.parametrize(("noise", "rho"), [(0.0, 0), (0.01, sympy.Rational(1, 100)), (1e-8, sympy.Rational(1, 10**8)), (2, 2)])
def test_the_noise_is_a_number_unless_asked_for(noise: float, rho: sympy.Rational) -> None:
    number, symbol = (covariance(Task("tanh", noise=noise), symbolic_noise=flag) for flag in (False, True))
    for left, right in ((number, symbol), (number.averaged(), symbol.averaged()), (number.limit(), symbol.limit())):
        assert symbols.rho in right.arguments
        assert symbols.rho not in left.arguments
        for name, entry in left.entries.items():
            assert not entry.has(symbols.rho)
            assert _same(entry, right.entries[name].subs(symbols.rho, rho)), name
    assert r"\rho" in symbol.averaged().latex()
    assert r"\rho" not in number.averaged().latex()
    mixture = covariance(Task(sources=[Source("relu", noise, input_cov=Spike(2.0))])).over_tasks().entries["noise"]
    assert _same(mixture, D**2 * (symbols.s**2 / 2 + rho) / ELL)


def test_functions_of_the_entries() -> None:
    cov = covariance(Task("tanh", noise=0.1))
    assert cov.arguments == (D, ELL, symbols.s)
    scales = np.array([0.5, 1.0, 2.0])
    values = cov.lambdify()(20, 10, scales)
    for name, value in values.items():
        single = [cov.numeric(float(s), 20, 10)[name] for s in scales]
        # The same quadrature, its nodes laid out for all scales together or for one.
        np.testing.assert_allclose(value, single, rtol=1e-12)
    assert set(values) == set(cov.entries)
    with pytest.raises(HypothesisError, match=r"takes 3 numbers or arrays; found 2. Repair: pass d, ell, s"):
        cov.lambdify()(20, 10)
    spiked = covariance(Task(sources=[Source("tanh", 0.1, task_cov=Toeplitz(0.3))])).over_tasks()
    assert spiked.arguments == (D, ELL, symbols.s)
    numbers = spiked.numeric(4, 3, 2)
    # tr Σ_x Σ_ξ/d = 1.
    for name, value in spiked.lambdify()(4, 3, 1.0).items():
        assert numbers[name] == pytest.approx(value, rel=1e-12), name


def test_numbers_have_the_names_of_the_entries() -> None:
    cov = covariance(Task("relu", noise=0.1))
    assert set(cov.numeric(1.0, 6, 5)) == set(cov.entries)
    assert set(cov.averaged().numeric(6, 5)) == set(cov.averaged().entries)
    assert set(cov.over_tasks().numeric(6, 5, 3)) == set(cov.over_tasks().entries)
    assert set(cov.limit().numeric(1.5, 0.5)) == set(cov.limit().entries)
    assert cov.limit().numeric(1.5)["mean_square"] == cov.limit().numeric(1.5, math.inf)["mean_square"]
    spiked = covariance(Task(sources=[Source("relu", 0.1, task_cov=Spike(5.0))]))
    assert set(spiked.numeric(1.0, 6, 5)) == set(spiked.entries)
    assert set(spiked.over_tasks().numeric(6, 5, 3)) == set(spiked.over_tasks().entries)
    assert set(spiked.limit().numeric(1.5, d=6)) == set(spiked.limit().entries)
    with pytest.raises(HypothesisError, match=r"belong to a dimension; found d=None. Repair: pass d=80"):
        spiked.limit().numeric(1.5)


def test_one_of_several_sources() -> None:
    task = Task(sources=[Source("relu", 0.1), Source("tanh", 0.2, input_cov=Spike(3.0))], unit_inputs=True)
    assert covariance(task, source=0).entries == covariance(Task("relu", 0.1, unit_inputs=True)).entries
    assert covariance(task, source=1).averaged().entries == covariance(task.only(1)).averaged().entries
    for source, message in ((None, r"one source is asked for; found 2"), (2, r"the sources are numbered 0 … 1; found source=2")):
        with pytest.raises(HypothesisError, match=message):
            covariance(task, source=source)
    with pytest.raises(HypothesisError, match=r"the sources are numbered 0 … 0; found source=1. Repair: pass source=0"):
        hermite_eq.covariance(Task("relu"), source=1)
    with pytest.raises(HypothesisError, match=r"the law of ‖h‖² is known for isotropic data"):
        covariance(task, source=1).norm_law()


def test_what_is_no_real_number() -> None:
    cov = covariance(Task("relu"))
    calls: tuple[Callable[[], object], ...] = (
        lambda: cov.given(np.ones(3) * 1j, context=2),
        lambda: cov.over_tasks().given(np.array([["a", "b"]]), context=2),
    )
    for call in calls:
        with pytest.raises(HypothesisError, match=r"(ξ|tasks) is an array of finite numbers; found"):
            call()
    with pytest.raises(HypothesisError, match="F is an array of finite numbers; found"):
        cov.given(np.ones(3), context=2).matrix(np.ones((12, 2)) * 1j)
