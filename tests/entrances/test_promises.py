"""Messages of the readers, checks that could not fail, and memory that is not asked for."""

from __future__ import annotations

import math
import os
import re
from decimal import Decimal
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import hermite_eq
from hermite_eq import models, simulate, testing, theory
from hermite_eq.arguments import exact
from hermite_eq.errors import ArgumentTypeError, HypothesisError, OutOfMemoryError
from hermite_eq.hermite import X, he, orthonormal_values
from hermite_eq.memory import available_memory

SIZES = models.Sizes(100, 100, 10, 100, 50)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (3, sympy.Integer(3)),
        (np.int64(3), sympy.Integer(3)),
        (Fraction(1, 3), sympy.Rational(1, 3)),
        (Decimal("0.3"), sympy.Rational(3, 10)),
        (0.5, sympy.Float(0.5)),
        (np.float32(0.5), sympy.Float(0.5)),
        (mpmath.mpf("0.5"), sympy.Float(0.5)),
        (sympy.sqrt(2) * X, sympy.sqrt(2) * X),
    ],
    ids=str,
)
def test_numbers_of_every_library_are_read(value: Any, expected: sympy.Expr) -> None:
    assert sympy.simplify(exact(value, "value") - expected) == 0


@pytest.mark.parametrize(
    "value", ["1/3", b"1", True, None, ["1"], ("1",), {"1": "1"}, {"1"}, np.array(["1"]), object()], ids=lambda value: type(value).__name__
)
def test_what_is_no_number_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="value is a number or a SymPy expression"):
        exact(value, "value")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: hermite_eq.activation(np.abs, kinks=0.3), "kinks is a sequence; found kinks=0.3. Repair: pass kinks as a list"),  # type: ignore[arg-type]
        (
            lambda: hermite_eq.activation(np.abs, kinks=["0"]),
            "kinks are finite real numbers; found kinks='0'. Repair: pass kinks=(0, 1), say",
        ),
        (
            lambda: he(2, "x"),
            "x is a number or a SymPy expression; found x='x'. Repair: pass sympy.Rational(1, 3) or 0.5, say",
        ),
        (
            lambda: simulate.contexts(models.Task("relu"), SIZES, np.ones(100), 3, rng="a"),  # type: ignore[arg-type]
            "rng is a seed or a numpy.random.Generator; found rng='a'. Repair: pass rng=0 or numpy.random.default_rng(0)",
        ),
        (
            lambda: simulate.icl_error(models.LinearTransformer(0.1), models.Task("relu"), models.Ratios(1, 1, 1), runs=2),  # type: ignore[call-overload]
            "this is computed at finite d: at Sizes; found Ratios. Repair: pass Sizes.from_ratios(d, …)",
        ),
        (
            lambda: models.LinearTransformer("0.1"),  # type: ignore[arg-type]
            "ridge (the paper's λ) is a finite number ≥ 0; found ridge='0.1'. Repair: pass ridge=0.01, say",
        ),
    ],
)
def test_wrong_types_are_type_errors(call: Any, message: str) -> None:
    with pytest.raises(ArgumentTypeError) as error:
        call()
    assert str(error.value) == message
    assert isinstance(error.value, TypeError)


def test_an_equivalent_activation_takes_a_seed() -> None:
    model = hermite_eq.equivalent_model("relu", 1)
    x = np.linspace(-1, 1, 5)
    np.testing.assert_array_equal(model(x, rng=0), model(x, rng=np.random.default_rng(0)))


@pytest.mark.parametrize("residual", [-1, -1e-9, math.nan, math.inf, 1j, "1", None, sympy.I, sympy.zoo])
def test_an_equivalent_activation_has_a_residual(residual: Any) -> None:
    with pytest.raises(HypothesisError, match="residual"):
        models.PolynomialActivation("relu", (0.0, 1.0), residual)


@pytest.mark.parametrize("matrix", [np.ones(3), np.ones((2, 3)), [[np.nan, 0], [0, 1]], "a", None])
def test_kronecker_factors_are_square_and_finite(matrix: Any) -> None:
    with pytest.raises(HypothesisError):
        theory.Kronecker(matrix, np.eye(2))
    with pytest.raises(HypothesisError):
        theory.Kronecker(np.eye(2), matrix)


_SAMPLES = np.random.default_rng(0).standard_normal((4000, 2))


@pytest.mark.parametrize("wrong", [math.nan, math.inf, -1, 1e9, 0, "1", None, 1j])
@pytest.mark.parametrize(
    "check",
    [
        lambda wrong: testing.assert_gaussian(_SAMPLES, np.eye(2), resolution=wrong),
        lambda wrong: testing.assert_covariance(_SAMPLES, np.eye(2), resolution=wrong),
        lambda wrong: testing.assert_hermite_coefficients(hermite_eq.equivalent_model("relu", 1), [9, 9], resolution=wrong),
        lambda wrong: testing.assert_gaussian(_SAMPLES, np.eye(2), rate=wrong if wrong is not None else 1),
        lambda wrong: testing.assert_gaussian(_SAMPLES, np.eye(2), deviation=wrong if wrong != 0 else 1),
        lambda wrong: testing.assert_hermite_coefficients("relu", [9, 9], accuracy=wrong if wrong != 0 else 1),
    ],
    ids=["resolution", "resolution of a covariance", "resolution of coefficients", "rate", "deviation", "accuracy"],
)
def test_checks_that_nothing_contradicts_are_refused(check: Any, wrong: Any) -> None:
    with pytest.raises(HypothesisError):
        check(wrong)


@pytest.mark.parametrize("samples", [_SAMPLES + 0j, [], np.zeros((0, 2)), _SAMPLES[:10], _SAMPLES * math.nan, [["1", "2"]] * 100])
def test_samples_that_say_nothing_are_refused(samples: Any) -> None:
    with pytest.raises(HypothesisError):
        testing.assert_gaussian(samples, np.eye(2))


@pytest.mark.parametrize(
    "call",
    [
        lambda many: orthonormal_values(np.zeros(10**4), many // 10**4),
        lambda many: simulate.contexts(models.Task("relu"), SIZES, np.ones(100), many // 100),
        lambda many: simulate.preactivations(models.Task("relu"), SIZES, units=3, count=many // 10),
        lambda many: simulate.dmmse_error(models.Task("identity", 0.1), models.Sizes(10, 10, many // 10, many), runs=1),
        lambda many: models.Toeplitz(0.5).eigenvalues(math.isqrt(many)),
        lambda many: models.Gaussian().draw(np.random.default_rng(0), (many,)),
        lambda many: theory.Kronecker(np.eye(math.isqrt(math.isqrt(many))), np.eye(math.isqrt(math.isqrt(many)))).dense(),
    ],
    ids=["values of polynomials", "contexts", "pre-activations", "dMMSE", "matrix", "draws", "Kronecker product"],
)
def test_memory_is_refused_before_it_is_asked_for(call: Any) -> None:
    with pytest.raises(OutOfMemoryError, match="needed") as error:
        call(int(available_memory()))
    assert isinstance(error.value, MemoryError)


def test_available_memory_is_at_most_what_the_machine_has() -> None:
    assert 0 < available_memory() <= os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def test_a_shape_beyond_every_machine_is_named() -> None:
    with pytest.raises(OutOfMemoryError, match=re.escape("pass a smaller d")):
        models.Spike(1.0).matrix(10**9)
