"""α* is where the error is least, and ∞ exactly where the curve comes down to its limit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import sympy

from hermite_eq.errors import HypothesisError
from hermite_eq.models import LinearTransformer, RandomTransformer, Ratios, Task
from hermite_eq.theory import icl_curve
from hermite_eq.theory.design.context_length import optimal_context, phase_diagram
from hermite_eq.theory.linear_limits.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless

RIDGELESS = LinearTransformer(0.0)
FIGURE_2 = [(0.5, 0.5, 0.3, "idg"), (0.5, 0.1, 0.4, "icl"), (0.5, 0.1, 0.6, "icl"), (20, 0.5, 0.25, "icl"), (20, 0.5, 1.1, "icl")]


@pytest.mark.parametrize(("tau", "noise", "kappa", "error"), FIGURE_2)
@pytest.mark.parametrize("model", [RIDGELESS, LinearTransformer(0.02)])
def test_no_context_length_is_better(model: LinearTransformer, tau: float, noise: float, kappa: float, error: Any) -> None:
    task = Task("identity", noise=noise)
    best = optimal_context(model, task, kappa=kappa, tau=tau, error=error)
    others = getattr(icl_curve(model, task, [Ratios(float(a), kappa, tau) for a in np.geomspace(1e-4, 1e6, 4000)]), error)
    least = getattr(best.error, error)
    assert least <= others.min() * (1 + 1e-14)
    if math.isfinite(best.alpha):
        assert not best.monotone
        # α* is known to 1e-7: one per cent to either side is higher, by (0.01)² times a curvature of order one.
        for factor in (0.9, 0.99, 1.01, 1.1):
            beside = icl_curve(model, task, [Ratios(factor * best.alpha, kappa, tau)])
            assert getattr(beside, error)[0] > least * (1 + 1e-8)


def test_the_curves_of_figure_2_without_minimum() -> None:
    for tau, noise, kappa, error in ((0.5, 0.5, 0.1, "idg"), (0.5, 0.5, 2, "idg"), (0.5, 0.1, 1.5, "icl"), (20, 0.5, 2, "icl")):
        best = optimal_context(RIDGELESS, Task("identity", noise=noise), kappa=kappa, tau=tau, error=error)  # type: ignore[arg-type]
        assert (best.alpha, best.monotone) == (math.inf, True)
        assert str(best).startswith("longer contexts are always better (alpha* = inf), monotone: ICL ")


def test_few_tasks_always_have_a_best_context_length() -> None:
    """Below κ = min(τ, 1) the ridgeless ICL error diverges with α, [LA] Fig. 3, so that α* is finite at every noise."""
    for tau, kappas in ((0.5, [0.05, 0.3, 0.48]), (20.0, [0.05, 0.5, 0.95])):
        diagram = phase_diagram(RIDGELESS, "identity", kappa=kappas, noise=[1e-4, 0.1, 1, 10], tau=tau)
        assert np.isfinite(diagram.alpha).all()
        assert not diagram.monotone.any()


def test_at_the_phase_boundary_the_last_slope_changes_sign() -> None:
    """κ > 1 > … < τ: e(α) = e(∞) + A/α + O(α^{-2}); a minimum at finite α needs A < 0 and gets one from it. A by SymPy."""
    u = sympy.Symbol("x", positive=True)
    tau, rho = sympy.Integer(20), sympy.Symbol("rho", positive=True)
    curve = ridgeless("overdetermined").icl.subs({TAU: tau, SLOPE: 1, SECOND_MOMENT: 1 + rho, UNEXPLAINED: rho, ALPHA: 1 / u})
    slope = sympy.lambdify((KAPPA, rho), sympy.diff(curve, u).subs(u, 0), "numpy")
    kappas, noises = np.linspace(1.02, 1.6, 16), np.linspace(0.02, 1, 12)
    diagram = phase_diagram(RIDGELESS, "identity", kappa=kappas, noise=noises, tau=20)
    A = slope(kappas[:, None], noises[None, :])
    assert 20 < (A < 0).sum() < A.size - 20
    assert (np.isfinite(diagram.alpha) == (A < 0)).all()
    assert (diagram.monotone == (A >= 0)).all()


def test_a_phase_diagram_is_its_points() -> None:
    for model in (LinearTransformer(0.0, intercept=True), LinearTransformer(0.01)):
        diagram = phase_diagram(model, "relu", kappa=[0.3, math.inf], noise=[0.1, 1], tau=2, error="idg")
        for i, kappa in enumerate(diagram.kappa):
            for j, noise in enumerate(diagram.noise):
                optimum = optimal_context(model, Task("relu", noise=noise), kappa=kappa, tau=2, error="idg")
                assert optimum.alpha == diagram.alpha[i, j]
                assert abs(optimum.error.idg / diagram.least[i, j] - 1) < 1e-14


def test_pure_noise_has_no_use_for_contexts() -> None:
    """An even target: b carries nothing, and with a ridge the error falls towards v as b shrinks, that is as α grows."""
    best = optimal_context(LinearTransformer(0.1), Task("abs", noise=0.1), kappa=1, tau=2)
    assert best.alpha == math.inf
    assert abs(best.error.icl / 1.1 - 1) < 1e-6


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: optimal_context(RIDGELESS, Task("relu"), kappa=1, tau=1),
            "the error is finite at some α; found ridge=0 and tau=1, where it diverges at every α. Repair: pass ridge=1e-6, say",
        ),
        (
            lambda: phase_diagram(RandomTransformer("relu", 0.1), "relu", kappa=[1], noise=[1], tau=2),  # type: ignore[arg-type]
            "the phase diagram is of the linear Transformer; found relu. Repair: pass LinearTransformer(ridge=…)",
        ),
        (
            lambda: optimal_context(RandomTransformer("relu", 0.1), Task("relu"), kappa=1, tau=2),
            "a random head has hidden units; found Ratios(alpha=1.0, kappa=1.0, tau=2.0, mu=None). Repair: pass mu=…",
        ),
        (
            lambda: phase_diagram(RIDGELESS, "relu", kappa=[0], noise=[1], tau=2),
            "the ratio kappa is > 0 (inf allowed); found kappa=0.0. Repair: pass kappa=1.0, say",
        ),
    ],
)
def test_messages(call: Any, message: str) -> None:
    with pytest.raises(HypothesisError) as caught:
        call()
    assert str(caught.value) == message
