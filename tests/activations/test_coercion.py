"""What a user may hand in as an activation, and what is refused, with which words."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import sympy

from hermite_eq.activations import Activation, activation
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


def refused(*args: object, **facts: object) -> str:
    with pytest.raises(HypothesisError) as raised:
        activation(*args, **facts)  # type: ignore[arg-type]
    return str(raised.value)


def test_an_activation_is_returned_as_it_is() -> None:
    entry = activation("tanh")
    assert activation(entry) is entry


@pytest.mark.parametrize("symbol", [sympy.Symbol("t"), sympy.Symbol("x"), sympy.Symbol("z", real=True), X])
def test_an_expression_in_one_symbol_of_any_name(symbol: sympy.Symbol) -> None:
    entry = activation(sympy.Max(symbol - sympy.Rational(1, 3), -1))
    assert entry.expression == sympy.Max(X - sympy.Rational(1, 3), -1)
    assert entry.kinks == (-sympy.Rational(2, 3),)
    # The double nearest to 1/3 is not 1/3, and values are those at the doubles.
    below = float(sympy.Rational(1 / 3) - sympy.Rational(1, 3))
    assert np.array_equal(entry([-2.0, 1 / 3, 2.0]), [-1.0, below, 2.0 - 1 / 3])


def test_other_symbols_are_parameters_where_the_variable_is_x() -> None:
    a, x, t = sympy.symbols("a x t")
    entry = activation(sympy.Max(x, a * x))
    assert entry.parameters == (a,)
    with pytest.raises(HypothesisError) as raised:
        entry(1.0)
    assert str(raised.value) == (
        "values need numbers for every parameter; found the free parameters a in Max(x, a*x). "
        "Repair: substitute them first: expression.subs({a: sympy.Rational(1, 2)})"
    )
    assert refused(sympy.Max(t, a * t)) == (
        "an expression in several symbols names its variable x; the others are parameters; found the symbols a, t. "
        "Repair: rename the variable to x, or pass the names of all the others as parameters=[…]"
    )


def test_a_constant_is_an_activation() -> None:
    assert np.array_equal(activation(sympy.Integer(2))(np.zeros((2, 3))), np.full((2, 3), 2.0))


def test_parity_of_an_expression_is_claimed_only_when_shown() -> None:
    assert activation(X * sympy.tanh(X)).parity == "even"
    assert activation(sympy.sin(X) ** 3 + X).parity == "odd"
    assert activation(X + 1).parity is None
    # Odd, but only after cancelling e^x: None is the right answer where nothing is shown.
    assert activation((sympy.exp(X) - 1) / (sympy.exp(X) + 1)).parity in (None, "odd")


def test_text_that_is_no_name_is_an_expression() -> None:
    assert activation("max(x, x/3)").expression == sympy.Max(X, X / 3)


def test_a_callable_keeps_its_declared_facts() -> None:
    entry = activation(lambda x: np.maximum(x - 0.3, 0), name="shift", kinks=(0.3,), lipschitz=1.0)
    assert (entry.name, entry.kinks, entry.lipschitz, entry.expression) == ("shift", (0.3,), 1.0, None)
    assert activation(np.tanh).name == "tanh"


def test_two_callables_of_one_name_are_two_activations() -> None:
    # Equal records would share cached coefficients.
    first, second = activation(lambda x: np.tanh(x)), activation(lambda x: np.tanh(2 * x))
    assert first.name == second.name
    assert first != second
    assert activation(sympy.tanh(3 * X)) == activation(sympy.tanh(3 * X))


def test_float32_in_float32_out_and_integers_become_floats() -> None:
    for sigma in (lambda x: np.sin(np.float64(2) * x), sympy.Piecewise((X, X > 0), (sympy.exp(X) - 1, True))):
        assert activation(sigma)(np.ones(3, np.float32)).dtype == np.float32
    assert activation("square")(np.arange(3)).dtype == float


def test_expressions_survive_pickling() -> None:
    entry = activation("x if x > 0 else exp(x) - 1")
    assert np.array_equal(pickle.loads(pickle.dumps(entry))([-1.0, 1.0]), entry([-1.0, 1.0]))


def test_a_number_or_a_list_is_refused() -> None:
    assert refused([1, 2]) == (
        "an activation is a registered name, an expression in one symbol, a vectorised function, or an Activation; "
        "found list [1, 2]. Repair: pass 'relu', sympy.tanh(x) or numpy.tanh, say"
    )


def test_facts_beside_an_activation_are_refused() -> None:
    assert refused("relu", lipschitz=2.0) == (
        "an Activation already states its own facts; found lipschitz beside relu. Repair: use dataclasses.replace(activation, …)"
    )
    assert dataclasses.replace(activation("relu"), name="ReLU").name == "ReLU"


@pytest.mark.parametrize(
    ("sigma", "message"),
    [
        (
            sympy.sqrt(X),
            "an activation is real-valued on the real line; found complex values of sqrt(x) at x = -5.03. "
            "Repair: take the real part, or |x| inside",
        ),
        (
            sympy.I * X,
            "an activation is real-valued on the real line; found complex values of I*x. Repair: take the real part, or |x| inside",
        ),
        (
            sympy.Piecewise((X, X > 0)),
            "an activation has a value at every real number; found Piecewise((x, x > 0)) = NaN at x = -5.03. "
            "Repair: define it there, with Piecewise or numpy.where",
        ),
        (
            sympy.Function("f")(X) + 1,
            "every function in an expression has a NumPy or SciPy counterpart; found f(x) + 1. "
            "Repair: pass a vectorised NumPy function instead",
        ),
    ],
)
def test_expressions_without_real_values(sigma: sympy.Expr, message: str) -> None:
    assert refused(sigma) == message


def total(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.sum(x))


def softmax(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.exp(x) / np.sum(np.exp(x)))


def with_nan(x: np.ndarray) -> np.ndarray:
    return np.where(x < 0, np.nan, x)


def to_complex(x: np.ndarray) -> np.ndarray:
    return np.exp(1j * x)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            total,
            "a callable activation returns one value per entry (it is vectorised); found total, which turns shape (41,) into (). "
            "Repair: return an array of the argument's shape, as numpy.full_like(x, 1.0) for a constant",
        ),
        (
            softmax,
            "a callable activation acts entry by entry; found softmax, whose value at x = -5.03 changes with the other entries, "
            "or from call to call. Repair: pass a deterministic function of one real number",
        ),
        (
            with_nan,
            "an activation has a value at every real number; found with_nan = NaN at x = -5.03. "
            "Repair: define it there, with Piecewise or numpy.where",
        ),
        (
            to_complex,
            "an activation is real-valued on the real line; found complex values of to_complex. Repair: take the real part, or |x| inside",
        ),
    ],
)
def test_callables_that_are_no_activations(function: object, message: str) -> None:
    assert refused(function).startswith(message)


def test_a_wrong_declared_parity_is_caught() -> None:
    assert refused(np.exp, parity="even").startswith("exp is declared even; found σ(-5.03) = 0.00653881 and σ(5.03) = 152.933.")
    assert refused(X + 1, parity="odd").startswith("x + 1 is declared odd; found σ(-5.03) = -4.03 and σ(5.03) = 6.03.")
    assert activation(np.tanh, parity="odd").parity == "odd"


def test_the_record_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        activation("relu").name = "x"  # type: ignore[misc]
    assert isinstance(activation("relu"), Activation)


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("frac(x)", "x - floor(x)"),
        ("Mod(x, 2)", "x - 2*floor(x/2)"),
        ("factorial(x)", "gamma(x + 1)"),
        ("erf2(x, 1)", "erf(1) - erf(x)"),
        ("jn(1, x)", "sin(x)/x^2 - cos(x)/x"),
    ],
)
def test_functions_with_other_namesakes_in_scipy_are_rewritten(text: str, same: str) -> None:
    assert sympy.simplify(sympy.S(activation(text).expression) - sympy.S(activation(same).expression)) == 0


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("loggamma(x)", "complex values"),
        ("Ci(x)", "complex values"),
        ("jn(1/2, x)", "counterpart with the same values"),
        ("erfinv(x)", "= NaN at x"),
    ],
)
def test_a_function_of_sympy_is_what_sympy_says(text: str, finding: str) -> None:
    with pytest.raises(HypothesisError, match=finding):
        activation(text)
