"""Inputs that users pass, one of each kind: the right number, or an own error."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import hermite_eq
import hermite_eq as h
from hermite_eq.errors import HypothesisError

TASK, SIZES = h.Task("relu", 0.1), h.Sizes(4, 4, 3, 20)


def writes(x: Any) -> Any:
    x[x < 0] = 0
    return x


def divides(x: Any) -> Any:
    x /= 2
    return x


def second_moment(power: float) -> Any:
    """E|g − 1|^(2a): with the centre at 1, by the integral in the distance's logarithm."""
    with mpmath.workdps(25):

        def f(s: Any) -> Any:
            t = mpmath.exp(s)
            return t ** (1 + 2 * power) * (mpmath.npdf(1 + t) + mpmath.npdf(1 - t))

        return mpmath.quad(f, [-6000, -600, -100, -20, *range(-10, 4)])


# (what is passed, (E σ², c_0, c_1) where each is asked for).
RIGHT: dict[str, tuple[Any, dict[str, Any]]] = {
    "writes to its argument": (writes, {"norm2": 0.5, "c": (1 / np.sqrt(2 * np.pi), 0.5)}),
    "divides its argument": (divides, {"norm2": 0.25, "c": (0, 0.5)}),
    "out=": (lambda x: np.maximum(x, 0, out=x), {"norm2": 0.5, "c": (1 / np.sqrt(2 * np.pi), 0.5)}),
    "np.vectorize": (np.vectorize(lambda t: max(t, 0)), {"norm2": 0.5, "c": (1 / np.sqrt(2 * np.pi), 0.5)}),
    "|x − 1|^-0.49": ("abs(x - 1)^(-0.49)", {"norm2": second_moment(-0.49)}),
    "|x|^-0.3": ("abs(x)^(-0.3)", {"norm2": mpmath.mpf(2) ** -0.3 * mpmath.gamma(0.2) / mpmath.sqrt(mpmath.pi)}),
    "slowly decaying": ("exp(x^2/4)/(1 + x^2)", {"norm2": mpmath.sqrt(mpmath.pi / 2) / 2}),
    "narrow, declared by nothing": (
        lambda z: z + 100 * (np.abs(z - 1.234) < 0.005), {"c": (100 * (mpmath.ncdf(1.239) - mpmath.ncdf(1.229)),)},
    ),
    "overflows inside": ("x*exp(60*x)/(1 + exp(60*x))", {"c": (mpmath.quad(
        lambda x: (x / (1 + mpmath.exp(-60 * x)) - max(x, 0)) * mpmath.npdf(x), [-2, -0.2, 0, 0.2, 2]) + 1 / mpmath.sqrt(2 * mpmath.pi),)}),
    "booleans": (lambda x: x > 0, {"norm2": 0.5, "c": (0.5, 1 / np.sqrt(2 * np.pi))}),
    "np.signbit": (np.signbit, {"norm2": 0.5, "c": (0.5, -1 / np.sqrt(2 * np.pi))}),
    "Rational in a text": ("Max(x - Rational(1, 3), 0)", {"c": (mpmath.npdf(1 / 3) - mpmath.ncdf(-1 / 3) / 3, mpmath.ncdf(-1 / 3))}),
    "str of a Piecewise": (str(sympy.Piecewise((h.hermite.X, h.hermite.X > 0), (0, True))), {"c": (1 / np.sqrt(2 * np.pi), 0.5)}),
    "bars": ("|x|", {"norm2": 1, "c": (np.sqrt(2 / np.pi), 0)}),
    "a condition": ("x > 0", {"norm2": 0.5, "c": (0.5, 1 / np.sqrt(2 * np.pi))}),
    "ln": ("ln(exp(x))", {"c": (0, 1)}),
    "clip": ("clip(x, -1, 1)", {"c": (0, mpmath.erf(1 / mpmath.sqrt(2)))}),
    "a shadowed branch": (
        "Piecewise((x, x<2), (x**2, x<1), (3, True))", {"c": (3 * mpmath.ncdf(-2) - mpmath.npdf(2),)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_the_number_is_right(name: str) -> None:
    sigma, truth = RIGHT[name]
    c = h.coefficients(sigma, 2)
    values, errors = np.asarray(c), c.errors
    for k, true in enumerate(truth.get("c", ())):
        assert abs(values[k] - float(true)) <= errors[k] + 2e-15 * max(1.0, abs(float(true)))
    if "norm2" in truth:
        true = float(truth["norm2"])
        assert abs(float(c.norm2) - true) <= c.estimate.norm2_error + 2e-15 * true


OWN_ERROR: dict[str, Callable[[], Any]] = {
    "1/sqrt|x − 1|": lambda: h.coefficients("1/sqrt(abs(x-1))", 2).norm2,
    "1/(x − 1)": lambda: h.coefficients("1/(x-1)", 2).norm2,
    "1/(x² − 1)": lambda: h.coefficients("1/(x^2-1)", 2).norm2,
    "a positive symbol": lambda: h.coefficients(sympy.Max(sympy.Symbol("x", positive=True), 0), 3),
    "exp at finite d": lambda: h.icl_error(h.RandomTransformer("exp", 0.1), TASK, h.Sizes.from_ratios(8, alpha=1, kappa=1, tau=2, mu=1)),
    "complex ξ": lambda: h.covariance(TASK).given(1j * np.ones(4), context=4),
    "complex F": lambda: h.covariance(TASK).given(np.ones(4), context=4).matrix(1j * np.ones((20, 2))),
    "complex tasks": lambda: h.covariance(TASK).over_tasks().given(1j * np.ones((2, 4)), context=4),
    "complex ξ, simulated": lambda: h.simulate.contexts(TASK, SIZES, 1j * np.ones(4), 3),
    "complex F, simulated": lambda: h.simulate.preactivations(TASK, SIZES, units=2, count=3, rng=0, F=1j * np.ones((20, 2))),
    "complex samples": lambda: h.testing.assert_gaussian(1j * np.ones((100, 2)), np.eye(2)),
    "1e309": lambda: h.coefficients("1e309*x", 2),
    "beyond the degree": lambda: h.coefficients("relu", 4)[7],
    "a number as kinks": lambda: h.coefficients(np.abs, 2, kinks=0.3),  # type: ignore[arg-type]
    "a text as rng": lambda: h.simulate.icl_error(h.LinearTransformer(0.1), TASK, SIZES, runs=1, rng="a"),  # type: ignore[call-overload]
    "ratios to simulate at": lambda: h.simulate.icl_error(h.LinearTransformer(0.1), TASK, h.Ratios(1, 1, 1, 1), runs=1),  # type: ignore[call-overload]
    "an undeclared name": lambda: h.coefficients("relu(s*x)"),
}


@pytest.mark.parametrize("name", OWN_ERROR)
def test_an_own_error(name: str) -> None:
    with pytest.raises(HypothesisError):
        OWN_ERROR[name]()


# What had no enclosure, and so neither LaTeX nor kernel; K(1) = E σ².
@pytest.mark.parametrize("text", ["sin(x)/x", "(exp(x)-1)/x", "x/(exp(x)-1)", "log(|x|)", "floor(x)", "Si(x)", "besselj(0,x)"])
def test_enclosure_latex_and_kernel(text: str) -> None:
    c = h.coefficients(text, 2)
    enclosure = c.norm2_enclosure(15)
    assert abs(float(enclosure) - float(h.dual_activation(text)(1.0))) <= 1e-10 * float(enclosure)
    assert r"\mathrm{He}_" in c.latex()


def test_correlations_that_exceed_one_by_rounding() -> None:
    matrix = np.array([[1 + 2**-52, 0.5], [0.5, 1 + 2**-52]])
    for name in ("relu", "tanh", "sign"):
        assert np.allclose(np.diag(h.dual_activation(name)(matrix)), float(h.coefficients(name, 1).norm2), rtol=1e-10)


def test_a_function_that_writes_changes_nothing() -> None:
    before = np.asarray(h.coefficients("sigmoid", 3))
    np.asarray(h.coefficients(writes, 3))
    assert np.array_equal(before, np.asarray(h.coefficients("sigmoid", 3)))
    assert np.allclose(before, [0.5, 0.2066209, 0, -0.0623962], atol=5e-8)


# Own errors have one base, the built-in class that a reader expects beside it, and survive a process boundary.


KINDS = {
    hermite_eq.HypothesisError: ValueError,
    hermite_eq.ArgumentTypeError: TypeError,
    hermite_eq.ConvergenceError: ValueError,
    hermite_eq.StorageError: ValueError,
    hermite_eq.OutOfMemoryError: MemoryError,
}


@pytest.mark.parametrize(("kind", "builtin"), KINDS.items(), ids=lambda kind: kind.__name__)
def test_every_kind_is_caught_as_itself_builtin_and_base(kind: type[hermite_eq.HypothesisError], builtin: type) -> None:
    error = kind("the degree is a non-negative integer", "degree=-1", "pass degree=0")
    assert isinstance(error, builtin)
    assert isinstance(error, hermite_eq.HypothesisError)
    assert str(error) == "the degree is a non-negative integer; found degree=-1. Repair: pass degree=0"
    again = pickle.loads(pickle.dumps(error))
    assert type(again) is kind
    assert (again.hypothesis, again.finding, again.repair) == (error.hypothesis, error.finding, error.repair)
