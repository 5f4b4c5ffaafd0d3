"""Every limit is approached by the ridgeless closed forms, in the order it names, at the rate of its next term."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from functools import cache
from typing import Any, Literal

import mpmath
import numpy as np
import pytest
import sympy
from sympy import oo

from hermite_eq import LinearTransformer, RandomTransformer, Ratios, Sizes, Source, Task, icl_error
from hermite_eq.errors import HypothesisError
from hermite_eq.theory import icl_curve
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.law import solve
from hermite_eq.theory.feature_law.limit import SourcesLimit
from hermite_eq.theory.linear_limits.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless
from hermite_eq.theory.linear_limits.limits import ridgeless_limit, ridgeless_peak
from hermite_eq.theory.ridge_equivalent.linear import linear_limit

NAMES = {"alpha": ALPHA, "kappa": KAPPA, "tau": TAU, "slope": SLOPE, "v": SECOND_MOMENT, "u": UNEXPLAINED}
ONE = [{"tau": 0}, {"alpha": 0}, {"alpha": oo}, {"kappa": oo}, {"kappa": 0}, {"tau": oo}]
TWO = [
    {"tau": oo, "alpha": oo},
    {"alpha": oo, "tau": oo},
    {"tau": oo, "alpha": 0},
    {"alpha": 0, "tau": oo},
    {"tau": oo, "kappa": oo},
    {"kappa": oo, "tau": oo},
    {"tau": oo, "kappa": 0},
    {"kappa": 0, "tau": oo},
    {"alpha": oo, "kappa": oo},
    {"kappa": oo, "alpha": oo},
    {"alpha": oo, "kappa": 0},
    {"kappa": 0, "alpha": oo},
]


@cache
def closed_form(side: Literal["interpolating", "overdetermined"]) -> Callable[..., Any]:
    function: Callable[..., Any] = sympy.lambdify(list(NAMES.values()), [ridgeless(side).icl, ridgeless(side).idg], "mpmath")
    return function


def near(to: dict[str, Any], point: dict[str, Any]) -> tuple[mpmath.mpf, mpmath.mpf]:
    """(ICL, IDG) with the last ratio 1e12 from its end, the first 1e40: the order of the limits."""
    far = [mpmath.mpf(10) ** 40, mpmath.mpf(10) ** 12][-len(to) :]
    scaled = {**point, **{name: 1 / size if end == 0 else size for (name, end), size in zip(to.items(), far, strict=True)}}
    icl, idg = closed_form("overdetermined" if scaled["tau"] > 1 else "interpolating")(*(scaled[name] for name in NAMES))
    return icl, idg


@pytest.mark.parametrize("to", ONE + TWO, ids=lambda to: ", ".join(f"{name}={end}" for name, end in to.items()))
def test_every_limit_is_approached(to: dict[str, Any]) -> None:
    """The next term is 1e-12 of the value times ratios of order one; an infinite limit grows like one of the large ratios."""
    limit = ridgeless_limit(**to)
    assert limit.order == tuple(f"{name}={end}" for name, end in to.items())
    with mpmath.workdps(120):
        for alpha, kappa, tau in itertools.product((0.7, 3.0), (0.3, 0.6, 1.4, 5.0), (0.45, 0.8, 2.5)):
            point = {"alpha": alpha, "kappa": kappa, "tau": tau, "slope": 0.8, "v": 1.1, "u": 0.3}
            point = {name: mpmath.mpf(str(x)) for name, x in point.items()}
            values = {
                NAMES[name]: sympy.Rational(str(x))
                for name, x in {"alpha": alpha, "kappa": kappa, "tau": tau, "slope": 0.8, "v": 1.1, "u": 0.3}.items()
                if name not in to
            }
            for value, expected in zip(near(to, point), (limit.icl, limit.idg), strict=True):
                exact = expected.subs(values)
                if exact == oo:
                    assert value > 1e9, point
                else:
                    assert abs(value / mpmath.mpf(exact.evalf(50)) - 1) < 1e-9, (point, value, exact)


def test_the_order_matters_below_one_task_per_dimension() -> None:
    assert ridgeless_limit(tau=oo, alpha=oo).icl.subs({KAPPA: sympy.Rational(1, 4), SLOPE: 2, UNEXPLAINED: 1}) == 4
    assert ridgeless_limit(alpha=oo, tau=oo).icl.subs({KAPPA: sympy.Rational(1, 4)}) == oo
    assert ridgeless_limit(tau=oo, alpha=oo).g_task.subs(KAPPA, 3) == 0
    assert ridgeless_limit(alpha=oo, tau=oo).g_task.subs(KAPPA, 3) == 0


def test_the_price_is_undefined_where_both_errors_diverge() -> None:
    half, at_one = {KAPPA: sympy.Rational(1, 2)}, {TAU: 1, KAPPA: 2}
    for to in ({"alpha": oo}, {"kappa": oo}, {"kappa": 0}, {"alpha": 0}):
        limit = ridgeless_limit(**to)
        assert limit.icl.subs(at_one) == limit.idg.subs(at_one) == oo, to
        assert limit.g_task.subs(at_one) is sympy.nan, to
    # ICL alone diverges below κ = min(τ, 1).
    assert ridgeless_limit(alpha=oo).g_task.subs(half).subs(TAU, 3) == oo
    assert ridgeless_limit(alpha=oo).g_task.subs(half).subs(TAU, sympy.Rational(3, 4)) == oo
    assert ridgeless_limit(kappa=0, alpha=oo).g_task.subs(TAU, 3) == oo
    assert ridgeless_limit(kappa=oo).g_task.subs(TAU, 3) == 0
    assert ridgeless_limit(alpha=0).g_task.subs(TAU, 3) == 0


@pytest.mark.parametrize("to", ONE + TWO, ids=lambda to: ", ".join(f"{name}={end}" for name, end in to.items()))
def test_the_price_is_the_difference_of_finite_errors(to: dict[str, Any]) -> None:
    limit = ridgeless_limit(**to)
    for kappa, tau in itertools.product((0.3, 1.5), (0.4, 2.5)):
        values = {name: sympy.Rational(str(x)) for name, x in zip(NAMES.values(), (0.7, kappa, tau, 0.8, 1.1, 0.3), strict=True)}
        icl, idg, price = (x.subs(values) for x in (limit.icl, limit.idg, limit.g_task))
        assert price == oo if icl == oo else abs((price - icl + idg).evalf(30)) < 1e-25


@pytest.mark.parametrize("tau", [0.3, 0.97, 1.03, 4.0])
@pytest.mark.parametrize("kappa", [0.05, 0.8, 2.0, np.inf])
def test_the_ridge_goes_to_zero_on_both_sides_of_the_threshold(tau: float, kappa: float) -> None:
    """e(λ) − e(0) is O(λ): a tenth of λ leaves a tenth of it (to O(λ(1 + (1−τ)^{-2})))."""
    plain = linear_limit(0.8, 0.3, 1.1, 1.5, kappa, tau, 0.0)
    steps = [linear_limit(0.8, 0.3, 1.1, 1.5, kappa, tau, ridge) for ridge in (1e-6, 1e-7)]
    for name in ("icl", "idg"):
        change = [float(getattr(step, name) - getattr(plain, name)) for step in steps]
        near = 1e-5 * (1 + 1 / (1 - tau) ** 2)
        assert abs(change[0]) < near * float(getattr(plain, name))
        assert abs(change[0] / change[1] / 10 - 1) < near + 1e-13 / abs(change[1])


def test_the_peak_at_the_threshold() -> None:
    """√λ e(λ) at τ = 1, to O(√λ)."""
    peak = [sympy.lambdify([ALPHA, KAPPA, SLOPE, SECOND_MOMENT, UNEXPLAINED], x) for x in ridgeless_peak()]
    for kappa in (0.4, 3.0):
        expected = [f(1.5, kappa, 0.8, 1.1, 0.3) for f in peak]
        gaps = []
        for ridge in (1e-8, 1e-10):
            error = linear_limit(0.8, 0.3, 1.1, 1.5, kappa, 1.0, ridge)
            gaps.append([float(x) * ridge**0.5 / e - 1 for x, e in zip((error.icl, error.idg), expected, strict=True)])
        assert np.abs(gaps[0]).max() < 1e-2
        assert np.abs(np.array(gaps[0]) / gaps[1] - 10).max() < 0.1


@pytest.mark.parametrize(
    ("to", "finding"),
    [({}, "nothing"), ({"tau": 1}, "tau=1"), ({"alpha": oo, "kappa": oo, "tau": oo}, "alpha=oo, kappa=oo, tau=oo"), ({"mu": oo}, "mu=oo")],
)
def test_other_limits_are_refused(to: dict[str, Any], finding: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        ridgeless_limit(**to)
    assert str(caught.value) == (
        f"one or two of alpha, kappa, tau go to 0 or oo, in an order that was worked out; found {finding}. "
        "Repair: pass tau=sympy.oo, alpha=sympy.oo, say; or substitute in ridgeless(…)"
    )


HEADS = [
    RandomTransformer("relu", 0.1), RandomTransformer("abs", 0.1, normalise=True), RandomTransformer("x^2-1", 0.1),
    LinearTransformer(0.3), LinearTransformer(0.3, intercept=True),
]  # fmt: skip
SOURCES = [Source("relu", 0.1), Source("tanh", 0.3)]


@pytest.mark.parametrize("model", HEADS, ids=lambda model: f"{model}, {model.ridge}")
def test_the_engine_of_several_sources_has_the_digits_of_one(model: Any) -> None:
    """Matrices of one block in place of a spectrum: sums of some hundred terms, each rounded, and a root to 1e-14."""
    for alpha, tau, mu in ((1, 1.5, 0.7), (3, 0.6, 1.3), (2, 1, 0.5), (1, 2, math.inf)):
        ratios = Ratios(alpha, math.inf, tau, mu)
        task = Task("relu", 0.1)
        (columns, _), expected = solve(SourcesLimit.of(Head.of(model), task, [ratios]), [ratios]), icl_error(model, task, ratios)
        for name in ("icl", "idg", "bias", "effective_ridge", "dof"):
            assert columns[name][0] == pytest.approx(getattr(expected, name), rel=1e-13), (name, ratios)


@pytest.mark.parametrize("model", [RandomTransformer("relu", 0.0), HEADS[1]], ids=str)
def test_sizes_approach_the_limit_of_several_sources(model: Any) -> None:
    """The gap halves from d to 2d, up to its next order: relative to it O(1/d), 2/d is allowed. From a limit 2 % off it does not."""
    task, ratios = Task(sources=SOURCES, weights=[0.3, 0.7]), {"alpha": 1, "kappa": math.inf, "tau": 1.5, "mu": 0.7}
    limit = icl_error(model, task, Ratios(**ratios))
    assert limit.icl == pytest.approx(np.mean(limit.icl_by_source), rel=1e-14)
    assert limit.idg == pytest.approx(np.array([0.3, 0.7]) @ limit.icl_by_source, rel=1e-14)
    points = [Ratios(**ratios | {"alpha": alpha, "tau": tau}) for alpha, tau in ((2, 1.5), (1, 1.5), (2, 3), (1, 0.4))]
    curve = icl_curve(model, task, points)
    np.testing.assert_allclose(curve.icl, [icl_error(model, task, point).icl for point in points], rtol=1e-13)
    small, large = (icl_error(model, task, Sizes.from_ratios(d, **ratios)) for d in (24, 48))
    for name in ("icl", "idg"):
        near, far, end = (getattr(result, name) for result in (large, small, limit))
        assert (near - end) / (far - end) == pytest.approx(0.5, rel=2 / 24)
        assert (near - 1.02 * end) / (far - 1.02 * end) != pytest.approx(0.5, rel=2 / 24)
