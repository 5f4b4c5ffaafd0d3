"""assert_hermite_coefficients: functions by quadrature, random functions by sampling."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
import sympy
from numpy.typing import NDArray

from hermite_eq import HypothesisError, coefficients, equivalent_model
from hermite_eq.hermite import X
from hermite_eq.testing import UniversalityError, Verdict, assert_hermite_coefficients

Array = NDArray[np.float64]


@pytest.mark.parametrize(
    ("f", "options"),
    [
        ("relu", {}),
        (sympy.tanh(X), {}),
        (np.tanh, {}),
        (lambda x: np.maximum(x - 0.3, 0), {"kinks": [0.3]}),
    ],
    ids=["name", "expression", "callable", "kinked callable"],
)
def test_functions(f: Any, options: Any) -> None:
    c = coefficients(f, 5, **options)
    check = assert_hermite_coefficients(f, c, residual=c.residual(5), **options)
    assert (check.verdict, check.p_value) == (Verdict.AGREES, None)
    # One part in 1e9 of the largest coefficient is seen.
    wrong = np.asarray(c).copy()
    k = int(np.abs(wrong).argmax())
    wrong[k] *= 1 + 1e-9
    with pytest.raises(UniversalityError, match=rf"c_{k} is .* was expected\. Nothing here is random"):
        assert_hermite_coefficients(f, wrong, **options)
    with pytest.raises(UniversalityError, match="the residual c_5"):
        assert_hermite_coefficients(f, c, residual=1.05 * float(c.residual(5)), **options)


def test_another_normalisation_is_red() -> None:
    c = np.asarray(coefficients("relu", 4))
    with pytest.raises(UniversalityError, match="c_2"):
        assert_hermite_coefficients("relu", c / [math.factorial(k) for k in range(5)])


def test_rounded_expectations_declare_their_accuracy() -> None:
    rounded = np.asarray(coefficients("gelu", 4)).round(3)
    with pytest.raises(UniversalityError):
        assert_hermite_coefficients("gelu", rounded)
    assert assert_hermite_coefficients("gelu", rounded, accuracy=5e-4).verdict == Verdict.AGREES


MODEL, C = equivalent_model("relu", 2), coefficients("relu", 2)
FEW: dict[str, Any] = {"samples": 2**15, "resolution": 0.05}


def test_random_functions() -> None:
    check = assert_hermite_coefficients(MODEL, C, residual=C.residual(2), **FEW)
    assert check.verdict == Verdict.AGREES
    assert check.p_value is not None
    assert check.p_value > 1e-6

    def layer(x: Array, rng: np.random.Generator) -> Array:
        return np.asarray(MODEL(x, rng=rng), dtype=float)

    assert assert_hermite_coefficients(layer, C, **FEW).verdict == Verdict.AGREES


@pytest.mark.parametrize(
    "wrong",
    [
        dataclasses.replace(MODEL, c=(*MODEL.c[:1], 1.05 * float(MODEL.c[1]), *MODEL.c[2:])),
        dataclasses.replace(MODEL, c=(*MODEL.c[:2], -MODEL.c[2])),
        dataclasses.replace(MODEL, residual=0.0),
        dataclasses.replace(MODEL, residual=1.1 * float(MODEL.residual)),
    ],
    ids=["c_1 5 % off", "sign of c_2", "no residual", "residual 10 % off"],
)
def test_wrong_random_functions_are_red(wrong: Any) -> None:
    with pytest.raises(UniversalityError):
        assert_hermite_coefficients(wrong, C, residual=C.residual(2), **FEW)


def test_noise_reused_in_an_evaluation_has_no_variance() -> None:
    class Frozen:
        name = "frozen noise"

        def __call__(self, x: Array, rng: np.random.Generator) -> Array:
            return np.asarray(MODEL(x, rng=np.random.default_rng(7)), dtype=float)

    with pytest.raises(UniversalityError, match="residual's square is 0"):
        assert_hermite_coefficients(Frozen(), C, residual=C.residual(2), **FEW)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("relu", [[1.0]]), "the expected coefficients are finite numbers c_0 … c_K"),
        (("relu", []), "the expected coefficients are finite numbers c_0 … c_K; found []. Repair: pass [c_0, c_1, …]"),
        (
            (lambda x, rng: np.full_like(x, np.nan), [0.0]),
            "the function is finite; found NaN or infinite values. Repair: find where it overflows",
        ),
        (
            (lambda x, rng: 0.0, [0.0]),
            f"a random function returns one value per entry; found shape () from ({2**18 // 64},). Repair: vectorise it",
        ),
    ],
)
def test_errors(arguments: Any, message: Any) -> None:
    with pytest.raises(HypothesisError) as error:
        assert_hermite_coefficients(*arguments)
    assert str(error.value).startswith(message)


def test_too_few_samples_are_inconclusive_and_as_said_suffice() -> None:
    with pytest.raises(HypothesisError) as error:
        assert_hermite_coefficients(MODEL, C, samples=2**12)
    needed = int(error.value.repair.split("=")[1])
    assert assert_hermite_coefficients(MODEL, C, samples=needed, rng=1).verdict == Verdict.AGREES
    with pytest.raises(HypothesisError, match="a residual is a number ≥ 0; found residual=-1"):
        assert_hermite_coefficients("relu", C, residual=-1)
    with pytest.raises(HypothesisError, match="each of 64 blocks has samples; found samples=64"):
        assert_hermite_coefficients(MODEL, C, samples=64)
