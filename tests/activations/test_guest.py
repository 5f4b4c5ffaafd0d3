"""Callables are guests: they change nothing of ours or the caller's, and are believed only after many orders of the points."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from hermite_eq import coefficients
from hermite_eq.activations import Activation, activation
from hermite_eq.activations.guest import Guest, epsilon
from hermite_eq.errors import HypothesisError, HypothesisWarning

EPS = float(np.finfo(float).eps)
RELU = np.array([1 / math.sqrt(2 * math.pi), 0.5, 1 / math.sqrt(2 * math.pi), 0.0])


def masking(x: np.ndarray) -> np.ndarray:
    x[x < 0] = 0
    return x


def out(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.maximum(x, 0, out=x))


def halving(x: np.ndarray) -> np.ndarray:
    x /= 2
    return np.asarray(np.maximum(2 * x, 0))


def sorting(x: np.ndarray) -> np.ndarray:
    values = np.maximum(x, 0)
    x.sort()
    return np.asarray(values)


def first_point_decides(x: np.ndarray) -> np.ndarray:
    return np.asarray(np.vectorize(lambda t: max(t, 0))(x))


WRITTEN_AS: dict[str, Callable[..., Any]] = {
    "masking": masking,
    "out=": out,
    "in place": halving,
    "sorting": sorting,
    "numpy.vectorize": np.vectorize(lambda t: max(t, 0)),
    "numpy.vectorize inside": first_point_decides,
    "a boolean first": np.vectorize(lambda t: False if t < 0 else t),
    "a list": lambda x: [max(t, 0) for t in x],
    "objects": np.frompyfunc(lambda t: max(t, 0), 1, 1),
    "longdouble": lambda x: np.maximum(x, 0).astype(np.longdouble),
    "one dimension only": lambda x: np.array([t * (t > 0) for t in x]),
}


@pytest.mark.parametrize("spelling", WRITTEN_AS)
def test_relu_however_it_is_written(spelling: str) -> None:
    function = WRITTEN_AS[spelling]
    x = np.linspace(-2, 3, 12).reshape(3, 4)
    before = x.copy()
    assert np.array_equal(activation(function)(x), np.maximum(before, 0))
    assert np.array_equal(x, before)
    c = coefficients(function, 3)
    assert np.all(np.abs(np.asarray(c) - RELU) <= c.errors)
    assert np.max(c.errors) < 1e-14
    # Nothing that other activations share has changed.
    sigmoid = coefficients("sigmoid", 3)
    truth = [float(sigmoid.enclosure(k, 20)) for k in range(4)]
    assert np.all(np.abs(np.asarray(sigmoid) - truth) <= sigmoid.errors)


@pytest.mark.parametrize("function", [lambda t: t if t > 0 else 0, lambda t: max(t, 0.0), lambda t: math.fabs(t) / 2 + t / 2])
def test_functions_of_numbers_are_vectorised_with_a_note(function: Callable[[float], float]) -> None:
    with pytest.warns(HypothesisWarning, match="takes numbers, not arrays .* called point by point"):
        sigma = activation(function)
    c = coefficients(sigma, 3)
    assert np.all(np.abs(np.asarray(c) - RELU) <= c.errors)
    assert sigma(np.ones((2, 0))).shape == (2, 0)


@pytest.mark.parametrize(
    ("function", "name"),
    [(lambda x: x > 0, "heaviside"), (lambda x: np.sign(x).astype(int), "sign"), (lambda x: 1 - np.signbit(x), "heaviside")],
)
def test_booleans_and_integers_are_numbers(function: Callable[..., Any], name: str) -> None:
    c, reference = coefficients(function, 5), coefficients(name, 5)
    assert activation(function)(np.array([-1.0, 2.0])).dtype == float
    assert np.all(np.abs(np.asarray(c) - np.asarray(reference)) <= c.errors + reference.errors)


@pytest.mark.parametrize(("kind", "name"), [(np.float32, "single precision"), (np.float16, "half precision")])
@pytest.mark.parametrize("hidden", [False, True])
def test_narrow_floats_are_named_and_their_errors_are_honest(kind: type, name: str, hidden: bool) -> None:
    def function(x: np.ndarray) -> np.ndarray:
        values = np.tanh(x.astype(kind))
        return values.astype(float) if hidden else values

    with pytest.warns(HypothesisWarning, match=name):
        c = coefficients(function, 4)
    with pytest.warns(HypothesisWarning, match=name):
        errors = c.errors
    truth = np.asarray(coefficients("tanh", 4))
    assert np.all(np.abs(np.asarray(c) - truth) <= errors)
    # Thirty units in the last place, for every value and its argument alike.
    assert np.max(errors / [math.sqrt(math.factorial(k)) for k in range(5)]) <= 32 * float(np.finfo(kind).eps)


def test_the_spacing_of_values_is_that_of_their_own_type() -> None:
    x = np.linspace(-5, 5, 41)
    assert epsilon(np.floor(4 * x) / 4) == epsilon(x > 0) == epsilon(np.zeros(41)) == epsilon(np.exp(x)) == EPS
    assert epsilon(np.exp(x).astype(np.float16)) == 2.0**-10
    # A staircase of many steps has integers that half precision holds; 1.5 + tanh(x)/10 in single precision has one binade only.
    assert epsilon(np.floor(40 * np.linspace(-14, 14, 700))) == EPS
    assert epsilon((1.5 + np.tanh(x) / 10).astype(np.float32)) == 2.0**-23


stateful_calls = [0]


def stateful(x: np.ndarray) -> np.ndarray:
    stateful_calls[0] += 1
    return x + 1e-9 * stateful_calls[0]


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (stateful, "acts entry by entry; found stateful"),
        (lambda x: x + np.random.default_rng().random(x.size), "acts entry by entry"),
        (np.cumsum, "acts entry by entry; found cumsum"),
        (np.sort, "acts entry by entry; found sort"),
        (lambda x: x - x.mean(), "acts entry by entry"),
        (lambda x: np.ma.log(x), "has a value at every real number; found <lambda> = NaN at x = -5.03"),
        (math.log, "has a value at every real number; found log = NaN at x = -5.03"),
        (lambda x: x[:-1], "one value per entry"),
        (lambda x: x[:, None], "one value per entry"),
        (lambda x: None, "one value per entry"),
        (lambda x: x.astype(str), "an activation is real-valued; found <lambda> with values of type <U32"),
        (np.frompyfunc(lambda t: complex(t), 1, 1), "an activation is real-valued"),
        (lambda x, y: x, "takes arrays .* which raises TypeError"),
    ],
)
def test_what_is_no_function_of_one_real_number(function: Callable[..., Any], message: str) -> None:
    with pytest.raises(HypothesisError, match=message):
        activation(function)


def test_a_record_made_by_hand_is_a_guest_too() -> None:
    x = np.array([-1.0, 2.0])
    assert np.array_equal(Activation("relu by hand", None, masking)(x), [0.0, 2.0])
    assert x[0] == -1.0
    assert Guest(np.tanh, "tanh") == Guest(np.tanh, "tanh")


def test_complex_values_far_out_are_refused_where_they_are_met() -> None:
    sigma = activation(lambda x: np.exp(1j * x) if np.max(np.abs(x)) > 10 else np.cos(x))
    with pytest.raises(HypothesisError, match="real-valued on the real line; found complex values"):
        np.asarray(coefficients(sigma, 2))


def test_narrow_features_are_found_down_to_the_resolution() -> None:
    c = coefficients(lambda z: z + 100 * (np.abs(z - 1.234) < 0.005), 3)
    # 100 (Φ(1.239) − Φ(1.229)).
    mass = 50 * (math.erf(1.239 / math.sqrt(2)) - math.erf(1.229 / math.sqrt(2)))
    assert abs(np.asarray(c)[0] - mass) <= c.errors[0] + 100 * EPS
    assert f"if <lambda> has no feature narrower than {c.resolution:.2g}" in repr(c)
    assert c.resolution < 0.001
    assert coefficients("tanh", 2).resolution == 0
    assert "narrower" not in repr(coefficients("tanh", 2))


def test_declared_kinks_settle_what_no_probing_finds() -> None:
    def narrow(z: np.ndarray) -> np.ndarray:
        return 1.0 * (np.abs(z - 1.2341) < 2e-5)

    ends = (1.2341 - 2e-5, 1.2341 + 2e-5)
    assert np.asarray(coefficients(narrow, 2))[0] == 0
    c = coefficients(narrow, 2, kinks=ends)
    mass = (math.erf(ends[1] / math.sqrt(2)) - math.erf(ends[0] / math.sqrt(2))) / 2
    assert abs(np.asarray(c)[0] - mass) <= c.errors[0] + EPS


def test_slow_functions_are_looked_at_less_often() -> None:
    import time

    def slow(x: np.ndarray) -> np.ndarray:
        # The time of this thread counts, which does not depend on what else the machine does.
        end = time.thread_time() + 2e-5 * x.size
        while time.thread_time() < end:
            pass
        return np.asarray(np.tanh(x))

    assert coefficients(slow, 2).resolution > 10 * coefficients(lambda x: np.tanh(x), 2).resolution


def test_no_warning_where_all_is_well() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.asarray(coefficients(lambda x: np.tanh(x), 3))
