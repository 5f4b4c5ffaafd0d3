"""The frozen models: what they refuse, what they print, and the equivalent polynomial activation as a random map."""

from __future__ import annotations

import dataclasses
import math
import pickle
from collections.abc import Callable

import numpy as np
import pytest
import sympy

from hermite_eq import (
    HypothesisError,
    LinearTransformer,
    PolynomialActivation,
    RandomTransformer,
    Ratios,
    Sizes,
    Task,
    coefficients,
    equivalent_model,
)
from hermite_eq.hermite import X, orthonormal_values

#: Two-sided false-alarm rate 6e-7 for each comparison.
Z = 5.0


def test_models_are_frozen_hashable_and_compare_by_value() -> None:
    for first, second in [
        (Task("relu", 0.1), Task("relu", noise=0.1)),
        (RandomTransformer("tanh", 1e-3), RandomTransformer("tanh", ridge=1e-3)),
        (LinearTransformer(0.0), LinearTransformer(ridge=0)),
        (equivalent_model("relu", 2), equivalent_model("relu", 2)),
    ]:
        assert first == second
        assert hash(first) == hash(second)
        with pytest.raises(dataclasses.FrozenInstanceError):
            first.ridge = 2.0  # type: ignore[attr-defined]
    assert Task("relu", 0.1) != Task("relu", 0.2)


def test_they_print_as_a_legend_would() -> None:
    assert str(Task(sympy.Max(X - 1, 0), noise=0.25)) == "target Max(0, x - 1), noise variance 0.25"
    assert str(RandomTransformer(equivalent_model("tanh", 3), 0.1, normalise=True)) == "tanh, r = 3, h normalised"
    assert str(LinearTransformer(0.1)) == "linear"


def test_sizes_and_ratios_convert_into_each_other() -> None:
    sizes = Sizes.from_ratios(20, alpha=1.5, kappa=math.inf, tau=0.25, mu=2)
    assert sizes == Sizes(d=20, context=30, tasks=math.inf, samples=100, hidden=800)
    assert sizes.ratios == Ratios(alpha=1.5, kappa=math.inf, tau=0.25, mu=2)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Sizes(0, 1, 1, 1), r"the size d is a positive integer; found d=0\. Repair: pass d=1 or more"),
        (lambda: Sizes(4, 1, 1, 2.5), r"the size samples is a positive integer; found samples=2\.5"),  # type: ignore[arg-type]
        (lambda: Sizes(4, 1, 1, 1, 0), r"the size hidden is a positive integer; found hidden=0"),
        (lambda: Sizes(4, True, 1, 1), r"the size context is a positive integer; found context=True"),
        (lambda: Sizes(4, 4, 10, 9), r"k ≤ n; found tasks=10 > samples=9\. Repair: raise samples, or pass tasks=math\.inf"),
        (lambda: Ratios(0, 1, 1), r"the ratio alpha is > 0 and finite; found alpha=0"),
        (lambda: Ratios(1, 0, 1), r"the ratio kappa is > 0 \(inf allowed\); found kappa=0"),
        (lambda: Ratios(1, 1, math.nan), r"the ratio tau is > 0 and finite; found tau=nan"),
        (lambda: Ratios(1, 1, 1, -1), r"the ratio mu is > 0 \(inf allowed\); found mu=-1"),
        (lambda: Task("relu", noise=-0.1), r"noise \(the variance ρ of the label noise\) .* found noise=-0\.1"),
        (lambda: Task("relu", noise="much"), r"noise .* found noise='much'"),  # type: ignore[arg-type]
        (lambda: Task("rleu"), r"rleu"),
        (lambda: LinearTransformer(-1), r"ridge \(the paper's λ\) .* found ridge=-1"),
        (lambda: RandomTransformer("relu", math.inf), r"ridge \(the paper's λ\) .* found ridge=inf"),
        (lambda: equivalent_model("relu", -1), r"the degree|degree is a non-negative integer; found degree=-1"),
        (lambda: equivalent_model("relu", 1.5), r"degree is a non-negative integer; found degree=1\.5"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_names_hypothesis_finding_and_repair(build: Callable[[], object], message: str) -> None:
    with pytest.raises(HypothesisError, match=message) as raised:
        build()
    assert ". Repair: " in str(raised.value)


def test_an_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(HypothesisError, match="relu"):
        Task("rellu")


@pytest.mark.parametrize("sigma", ["relu", "tanh", "gelu", sympy.Max(X - sympy.Rational(1, 3), 0)], ids=str)
@pytest.mark.parametrize("degree", [0, 1, 4])
def test_an_equivalent_has_the_coefficients_and_the_norm(sigma: object, degree: int) -> None:
    rng = np.random.default_rng(3)
    g = rng.standard_normal(400_000)
    model = equivalent_model(sigma, degree)
    values = model(g, rng=rng)
    expansion = coefficients(sigma, degree)
    scale = np.sqrt([math.factorial(k) for k in range(degree + 1)])
    products = orthonormal_values(g, degree) * values
    z = (products.mean(axis=1) - np.asarray(expansion) / scale) / (products.std(axis=1) / math.sqrt(g.size))
    assert np.abs(z).max() < Z
    squares = values**2
    assert abs(squares.mean() - float(expansion.norm2)) < Z * squares.std() / math.sqrt(g.size)
    # A coefficient 5 % off is seen at this size, where there is one to speak of.
    wrong = np.where(np.abs(np.asarray(expansion) / scale) > 0.2, 1.05, 1.0) * np.asarray(expansion) / scale
    if (wrong != np.asarray(expansion) / scale).any():
        assert (np.abs(products.mean(axis=1) - wrong) / (products.std(axis=1) / math.sqrt(g.size))).max() > Z


def test_the_polynomial_is_the_hermite_sum_with_fresh_noise() -> None:
    x = np.linspace(-3, 3, 11)
    model = PolynomialActivation("by hand", (1.0, -0.5, 3.0, 0.6), 0.0)
    expected = 1.0 - 0.5 * x + 1.5 * (x**2 - 1) + 0.1 * (x**3 - 3 * x)
    # Clenshaw in double precision: a few units in the last place of the largest term.
    np.testing.assert_allclose(model(x, rng=np.random.default_rng(0)), expected, atol=64 * np.finfo(float).eps * 20)
    noisy = dataclasses.replace(model, residual=0.5)
    rng = np.random.default_rng(0)
    first, second = noisy(x, rng=rng), noisy(x, rng=rng)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, noisy(x, rng=np.random.default_rng(0)))
    assert noisy(x.astype(np.float32), rng=rng).dtype == np.float32


def test_the_relu_model_is_exact_and_typeset() -> None:
    model = equivalent_model("relu", 1)
    assert model.c == (1 / sympy.sqrt(2 * sympy.pi), sympy.Rational(1, 2))
    assert sympy.simplify(model.residual**2 - (sympy.Rational(1, 4) - 1 / (2 * sympy.pi))) == 0
    assert model.latex() == (
        r"\hat\sigma_{1}(x) = \frac{1}{\sqrt{2 \pi}} + \frac{1}{2}\, \mathrm{He}_{1}(x) + \sqrt{\frac{1}{4} - \frac{1}{2 \pi}}\, z"
    )
    assert model._repr_latex_() == f"$\\displaystyle {model.latex()}$"


def test_errors_come_back_from_other_processes() -> None:
    error = HypothesisError("the hypothesis", "the finding", "the repair")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.repair) == (HypothesisError, str(error), "the repair")
