"""Averages over the task's length: closed forms by independent integration, series by their order, both against the Gauss rule."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
import sympy

from hermite_eq import Source, Task
from hermite_eq.covariance import SymbolicTarget, covariance, hermite_symbol, symbols, task_norm_nodes
from hermite_eq.covariance import averages as averages_module
from hermite_eq.covariance.averages import TaskAverages, exact_average, form_moments, gamma_nodes, isotropic_traces
from hermite_eq.covariance.label import hermite_value
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X, he
from hermite_eq.models import Spike

CLOSING = ["relu", "identity", "abs", "sin", "cos", "square", X**3 / 3 - X / 2]
D, ELL, RHO, S = symbols.d, symbols.ell, symbols.rho, symbols.s
SERIES = ["tanh", "gelu", sympy.Max(X - sympy.Rational(1, 3), 0)]


def test_central_moments_are_those_of_chi_square() -> None:
    # E S^n = Π_{i<n} (1 + 2i/d), expanded about 1.
    raw = [sympy.prod(1 + sympy.Integer(2 * i) / D for i in range(n)) for n in range(9)]
    for j, mu in enumerate(form_moments(8, 8)):
        central = sum(sympy.binomial(j, n) * (-1) ** (j - n) * raw[n] for n in range(j + 1))
        assert sympy.expand(central - isotropic_traces(mu)) == 0


@pytest.mark.parametrize("f", [S, S**3, S**6, sympy.exp(-(S**2) / 2), S**2 * sympy.exp(-2 * S**2), S * sympy.exp(S**2 / 4)], ids=str)
@pytest.mark.parametrize("d", [3, 4])
def test_closed_averages_are_integrals_over_the_density(f: sympy.Expr, d: int) -> None:
    # The density of s is 2 (d/2)^{d/2}/Γ(d/2) s^{d−1} e^{−d s²/2}.
    half = sympy.Rational(d, 2)
    density = 2 * half**half / sympy.gamma(half) * S ** (d - 1) * sympy.exp(-half * S**2)
    s = sympy.Symbol("s", positive=True)
    integral = sympy.integrate(sympy.powsimp((f * density).subs(S, s)), (s, 0, sympy.oo))
    closed = exact_average(f)
    assert closed is not None
    assert sympy.simplify(closed.subs(D, d) - integral) == 0


def test_averages_outside_the_closed_family_are_declined() -> None:
    assert exact_average(sympy.erf(S)) is None
    assert exact_average(sympy.exp(S)) is None
    assert exact_average(1 / (1 + S**2)) is None


@pytest.mark.parametrize("target", CLOSING, ids=str)
def test_exact_averages_equal_the_gauss_rule(target: object) -> None:
    averaged = covariance(Task(target, noise=0.3)).averaged()
    assert averaged.exact
    assert averaged.order is None
    for d, context in ((20, 3), (60, 40)):
        symbolic, numeric = averaged.lambdify()(d, context), averaged.numeric(d, context)
        for name, value in numeric.items():
            # From d = 20 on the Gauss nodes integrate these entire functions to rounding; the quadrature of each moment is good to 1e-12.
            assert float(symbolic[name]) == pytest.approx(value, rel=1e-11, abs=1e-12), name


def _slopes(target: object, order: int, *names: str) -> dict[str, float]:
    averaged = covariance(Task(target, noise=0.3)).averaged(order)
    evaluate = averaged.lambdify()
    sizes = (800, 1600) if order == 1 else (60, 120)
    series, exact = [evaluate(d, d) for d in sizes], [averaged.numeric(d, d) for d in sizes]
    gaps = {name: [abs(float(first[name]) / two[name] - 1) for first, two in zip(series, exact, strict=True)] for name in names}
    return {name: math.log2(large / small) for name, (small, large) in gaps.items()}


# Order 2 for moments without closed forms: it takes the derivatives of the others, which are to order 1, once more.
@pytest.mark.parametrize(("target", "order"), [*((target, 1) for target in SERIES), ("tanh", 2)], ids=str)
def test_the_remainder_of_the_series_is_of_the_stated_order(target: object, order: int) -> None:
    assert covariance(Task(target, noise=0.3)).averaged(order).order == order
    # The next term of the expansion moves the slope between d and 2d by O(1/d), with constants below 40 for these targets.
    for name, slope in _slopes(target, order, "mean_b2", "second_identity", "trace").items():
        assert slope == pytest.approx(-(order + 1), abs=40 / (800 if order == 1 else 120)), name


def test_a_wrong_ladder_is_seen_in_the_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    true = averages_module.scale_derivative
    monkeypatch.setattr(averages_module, "scale_derivative", lambda f: sympy.Rational(21, 20) * true(f))
    # The same next order is allowed as for the right one.
    assert _slopes("tanh", 1, "mean_b2")["mean_b2"] == pytest.approx(-1, abs=40 / 800)


def test_the_ladder_of_hermite_moments() -> None:
    # s d/ds E[σ(sg) He_k(g)] = k m_k + m_{k+2}, on a polynomial with free coefficients, at s = 1.
    c = sympy.symbols("q0:5", real=True)
    f = sum(ck * X**k for k, ck in enumerate(c))
    g_moment = [math.prod(range(1, n, 2)) if n % 2 == 0 else 0 for n in range(12)]

    def mean(polynomial: sympy.Expr) -> sympy.Expr:
        return sum(coefficient * g_moment[n] for (n,), coefficient in sympy.Poly(polynomial, X).terms())

    for k in range(4):
        left = sympy.diff(mean(sympy.expand(f.subs(X, S * X) * he(k))), S).subs(S, 1)
        assert sympy.expand(left - k * mean(sympy.expand(f * he(k))) - mean(sympy.expand(f * he(k + 2)))) == 0


def test_series_in_symbols_are_closed_averages_of_polynomials() -> None:
    # For the target x² all derivatives beyond the second vanish: E s⁴·3 = 3 + 6/d.
    generic = TaskAverages(SymbolicTarget(), 1, "isotropic").mean(symbols.v).subs(RHO, 0)
    values = {hermite_symbol(2, k): hermite_value(Task("square"), 2, k) for k in (0, 2, 4)}
    assert abs(sympy.expand(generic.subs(values)) - (3 + 6 / D)).subs(D, 7) < 1e-10


@cache
def _integral(x: sympy.Symbol, n: int, density: sympy.Expr, least: sympy.Expr) -> sympy.Expr:
    return sympy.integrate(x**n * density, (x, least, sympy.oo))


@pytest.mark.parametrize("target", ["relu", X**3 / 3 - X / 2], ids=str)
def test_level_b_by_independent_integration(target: object) -> None:
    """Moments by SymPy's own integrals over the normal density, averages by its integral over the density of s, at d = 4."""
    d, g = 4, sympy.Symbol("g", real=True)
    density = sympy.exp(-(g**2) / 2) / sympy.sqrt(2 * sympy.pi)
    value, low = (S * g, 0) if target == "relu" else ((S * g) ** 3 / 3 - S * g / 2, -sympy.oo)

    def integrated(f: sympy.Expr, x: sympy.Symbol, over: sympy.Expr, least: sympy.Expr) -> sympy.Expr:
        """Power by power, each integrated once."""
        terms = sympy.Poly(sympy.expand(f), x).terms()
        return sympy.expand(sum(c * _integral(x, n, over, least) for (n,), c in terms))

    def mean(f: sympy.Expr) -> sympy.Expr:
        return integrated(f, g, density, low)

    y2, y4 = mean(value**2), mean(value**4)
    a, p = mean(value * g), mean(value**2 * (g**2 - 1))
    v, w4 = y2 + RHO, y4 + 6 * RHO * y2 + 3 * RHO**2
    s = sympy.Symbol("s", positive=True)
    law = 8 * s**3 * sympy.exp(-2 * s**2)  # 2·2²/Γ(2) s³ e^{−2s²}

    def over_s(f: sympy.Expr) -> sympy.Expr:
        return integrated(f.subs(S, s), s, law, 0)

    assert over_s(sympy.Integer(1)) == 1
    expected = {
        "mean_b2": over_s(v),
        "second_identity": over_s(d / ELL * v + a**2 + (p - a**2) / ELL),
        "second_22": over_s(v**2 + (w4 - v**2) / ELL),
        "coupling": over_s(S * a) / d,
    }
    entries = covariance(Task(target, noise=0.5), symbolic_noise=True).averaged().entries
    for name, form in expected.items():
        assert sympy.simplify(entries[name].subs(D, d) - form) == 0, name


def test_a_generic_target_stands_for_every_one() -> None:
    generic = covariance(SymbolicTarget()).averaged(1)
    assert not generic.exact
    task = Task("tanh", noise=0.3)
    indices = [symbols.hermite_index(symbol) for symbol in generic.arguments[3:]]
    data = [hermite_value(task, *index) for index in indices if index is not None]
    from_generic = generic.lambdify()(30, 20, 0.3, *data)
    direct = covariance(task).averaged(1).lambdify()(30, 20)
    for name, value in direct.items():
        assert float(from_generic[name]) == pytest.approx(float(value), rel=1e-12), name


def test_a_polynomial_target_closes_in_its_coefficients() -> None:
    cov = covariance(SymbolicTarget(degree=2))
    c0, c1, c2 = (hermite_symbol(1, k) for k in range(3))
    assert cov.averaged().exact
    # E[σ*²] = c0² + c1²s² + c2²(3s⁴ − 2s² + 1)/4 + c0c2(s² − 1) at scale s, with E s² = 1, E s⁴ = 1 + 2/d.
    expected = RHO + c0**2 + c1**2 + c2**2 / 2 * (1 + 3 / D)
    assert sympy.expand(cov.averaged().entries["mean_b2"] - expected) == 0


def test_tasks_on_the_sphere_have_scale_one() -> None:
    on_sphere = covariance(Task(sources=[Source("tanh", 0.1, tasks="sphere")]))
    assert on_sphere.averaged().exact
    entries = on_sphere.averaged().numeric(9, 5)
    given = on_sphere.given(np.ones(9), context=5)
    assert entries["trace"] == pytest.approx(given.trace, rel=1e-12)
    assert on_sphere.trace(9, 5) == pytest.approx(given.trace, rel=1e-12)
    symbolic = on_sphere.averaged().lambdify()(9, 5)
    assert float(symbolic["second_identity"]) == pytest.approx(entries["second_identity"], rel=1e-12)


def test_nodes_sum_to_one() -> None:
    _, weights = task_norm_nodes(6)
    assert weights.sum() == pytest.approx(1, abs=1e-14)


# Averages over tasks of targets that grow exponentially, and sizes that are none.


EPS = float(np.finfo(float).eps)
EXP, RELU = covariance(Task("exp", noise=0.1)), covariance(Task("relu", noise=0.1))
SPIKED = covariance(Task(sources=[Source("relu", noise=0.1, task_cov=Spike(5.0))]))


@pytest.mark.parametrize("shape", [12.0, 20.0, 50.0])
def test_tiny_weights_have_their_digits(shape: float) -> None:
    """E e^{8x} = (1 − 8/shape)^{-shape}, as E e^{4sg} needs it; the rule is off by (c/(2−c))^128, c = 8/shape, times a power: below ε."""
    x, w = gamma_nodes(shape, 64)
    # Nodes to some ε of the largest; e^{8x} turns that into 8 times as much.
    assert abs((w @ np.exp(8 * x)) * (1 - 8 / shape) ** shape - 1) < 64 * EPS * 8 * x[-1]


@pytest.mark.parametrize("d", [17, 20, 24, 40])
def test_exponential_targets_have_their_exact_averages(d: int) -> None:
    """Down to the dimension, 17, below which the fourth moment of the label does not exist."""
    averaged = EXP.averaged()
    values = averaged.numeric(d, 5)
    for name, entry in averaged.entries.items():
        # (1 − 16/d)^{-d/2} loses d ε/(1 − 16/d) of its digits in doubles.
        exact = float(entry.subs({"d": d, "ell": 5}).evalf(30))
        assert abs(values[name] / exact - 1) < 32 * EPS * d / (1 - 16 / d), name
    assert EXP.trace(d, 5) == values["trace"]


@pytest.mark.parametrize("d", [9, 12, 30])
def test_exponential_targets_given_tasks(d: int) -> None:
    tasks = EXP.over_tasks()
    values = tasks.numeric(d, 5, 3)
    for name, entry in tasks.entries.items():
        exact = float(entry.subs({"d": d, "ell": 5, "kappa": sympy.Rational(3, d)}).evalf(30))
        assert abs(values[name] / exact - 1) < 256 * EPS * d / (1 - 8 / d), name


SIZES = "d ≥ 1 and ℓ ≥ 1; found d={}, context={}. Repair: pass positive sizes"
CALLS: list[tuple[Callable[[], object], str]] = [
    (lambda: RELU.trace(0, 3), SIZES.format(0, 3)),
    (lambda: RELU.trace(3, 0), SIZES.format(3, 0)),
    (lambda: RELU.numeric(1.0, 5, 0), SIZES.format(5, 0)),
    (lambda: RELU.over_tasks().numeric(0, 3, 2), SIZES.format(0, 3)),
    (lambda: SPIKED.numeric(1.0, 5, 0, m=0.3), SIZES.format(5, 0)),
    (lambda: SPIKED.averaged().series(0, 3), SIZES.format(0, 3)),
    (lambda: RELU.over_tasks().numeric(5, 3, 0), "there is a training task: k ≥ 1; found tasks=0. Repair: pass tasks=1, say, or math.inf"),
    (lambda: RELU.limit().numeric(-1, 0.5), "the ratio alpha is > 0 and finite; found alpha=-1. Repair: pass alpha=1.0, say"),
    (lambda: RELU.limit().numeric(1, 0), "the ratio kappa is > 0 (inf allowed); found kappa=0. Repair: pass kappa=1.0, say"),
    (lambda: RELU.norm_law().numeric(math.nan), "the ratio alpha is > 0 and finite; found alpha=nan. Repair: pass alpha=1.0, say"),
    (lambda: SPIKED.limit().numeric(-1.0, d=5), "the ratio alpha is > 0 and finite; found alpha=-1.0. Repair: pass alpha=1.0, say"),
    (lambda: EXP.trace(16, 5), "the fourth moment of a label over tasks is finite, here for d > 16; found d=16. Repair: pass d=17 or more"),
    (lambda: EXP.over_tasks().numeric(8, 5, 3),
     "the fourth moment of a label over tasks is finite, here for d > 8; found d=8. Repair: pass d=9 or more"),
    (lambda: task_norm_nodes(0),
     "d is a positive integer; found d=0. Repair: pass d=1 or more"),
    (lambda: RELU.given(np.ones(2), context=3).matrix(np.full((6, 1), np.nan)),
     "F is finite; found NaN or infinity in it. Repair: leave its columns out"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "message"), CALLS)
def test_messages(call: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
