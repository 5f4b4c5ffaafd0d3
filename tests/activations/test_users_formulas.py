"""The activations of PyTorch's and JAX's modules, written as their users write them, give the coefficients of what they are."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from scipy import special

from hermite_eq import activation, coefficients
from hermite_eq.errors import HypothesisError, HypothesisWarning

DEGREE = 4
#: 1.0507 and 1.67326 as the libraries write them.
SCALE, ALPHA = 1.0507009873554804934193349852946, 1.6732632423543772848170429916717

# (name, NumPy text as users write it, registered name or expression).
FORMULAS: tuple[tuple[str, Callable[[Any], Any], str], ...] = (
    ("ReLU", lambda x: np.maximum(x, 0), "relu"),
    ("ReLU by a product", lambda x: x * (x > 0), "relu"),
    ("ReLU by clip", lambda x: x.clip(min=0), "relu"),
    ("ReLU by where", lambda x: np.where(x > 0, x, 0), "relu"),
    ("ReLU6", lambda x: np.minimum(np.maximum(x, 0), 6), "relu6"),
    ("LeakyReLU", lambda x: np.where(x > 0, x, 0.01 * x), "leaky_relu"),
    ("PReLU", lambda x: np.maximum(x, 0) + 0.25 * np.minimum(x, 0), "max(x, x/4)"),
    ("RReLU, evaluated", lambda x: np.where(x >= 0, x, x * (1 / 8 + 1 / 3) / 2), "max(x, 11*x/48)"),
    ("Threshold", lambda x: np.where(x > 0.1, x, 20), "x if x > 1/10 else 20"),
    ("ELU", lambda x: np.where(x > 0, x, np.exp(x) - 1), "elu"),
    ("ELU by expm1", lambda x: np.where(x > 0, x, np.expm1(np.minimum(x, 0))), "elu"),
    ("CELU", lambda x: np.maximum(x, 0) + np.minimum(0, np.exp(x) - 1), "celu"),
    ("SELU", lambda x: SCALE * np.where(x > 0, x, ALPHA * (np.exp(x) - 1)), "selu"),
    ("GELU", lambda x: 0.5 * x * (1 + special.erf(x / np.sqrt(2))), "gelu"),
    ("GELU by a loop", lambda x: 0.5 * x * (1 + np.vectorize(math.erf)(x / math.sqrt(2))), "gelu"),
    ("GELU, tanh", lambda x: 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))), "gelu_tanh"),
    ("Sigmoid", lambda x: 1 / (1 + np.exp(-x)), "sigmoid"),
    ("Hardsigmoid", lambda x: np.clip(x / 6 + 0.5, 0, 1), "hardsigmoid"),
    ("LogSigmoid", lambda x: -np.logaddexp(0, -x), "logsigmoid"),
    ("LogSigmoid by log", lambda x: np.log(1 / (1 + np.exp(-x))), "logsigmoid"),
    ("SiLU", lambda x: x / (1 + np.exp(-x)), "silu"),
    ("Hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6, "hardswish"),
    ("Mish", lambda x: x * np.tanh(np.log1p(np.exp(x))), "mish"),
    ("Softplus", lambda x: np.log1p(np.exp(x)), "softplus"),
    ("Softplus, beta = 2, threshold = 20", lambda x: np.where(2 * x > 20, x, np.log1p(np.exp(2 * x)) / 2), "log(1 + exp(2*x))/2"),
    ("Softplus by logaddexp", lambda x: np.logaddexp(x, 0), "softplus"),
    ("Softshrink", lambda x: np.where(x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, 0)), "softshrink"),
    ("Hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), "hardshrink"),
    ("Softsign", lambda x: x / (1 + np.abs(x)), "softsign"),
    ("Tanh", np.tanh, "tanh"),
    ("Tanh by exp", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), "tanh"),
    ("Hardtanh", lambda x: np.clip(x, -1, 1), "hardtanh"),
    ("Tanhshrink", lambda x: x - np.tanh(x), "tanhshrink"),
    ("squareplus", lambda x: 0.5 * (x + np.sqrt(x * x + 4)), "squareplus"),
    (
        "sparse_plus",
        lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
        "0 if x < -1 else (x if x > 1 else (x + 1)^2/4)",
    ),
    ("sparse_sigmoid", lambda x: 0.5 * np.clip(x + 1, 0, 2), "max(0, min(2, x + 1))/2"),
    ("sign", np.sign, "sign"),
    ("step", lambda x: (x >= 0).astype(int), "heaviside"),
    ("identity", lambda x: x, "identity"),
)


# The same as texts: with the further arguments of torch.nn.functional, and as formulas.
TEXTS = {
    "leaky_relu(x, 0.2)": "Max(x, x/5)",
    "prelu(x, 0.25)": "Max(x, x/4)",
    "threshold(x, 0.1, 20)": "x if x > 1/10 else 20",
    "elu(x, 1.0)": "elu",
    "celu(x, 2)": "max(x, 0) + min(0, 2*(exp(x/2) - 1))",
    "softplus(x, 2)": "log(1 + exp(2*x))/2",
    "hardtanh(x, -1, 1)": "hardtanh",
    "relu6(x)": "min(max(x, 0), 6)",
    "hardswish(x)": "x*clip(x + 3, 0, 6)/6",
    "hardsigmoid(x)": "clip(x/6 + 0.5, 0, 1)",
    "softshrink(x, 0.5)": "sign(x)*max(|x| - 0.5, 0)",
    "hardshrink(x, 0.5)": "x*(|x| > 0.5)",
    "tanhshrink(x)": "x - tanh(x)",
    "softsign(x)": "x/(1 + |x|)",
    "silu(x)": "x*sigmoid(x)",
    "mish(x)": "x*tanh(softplus(x))",
    "logsigmoid(x)": "-softplus(-x)",
    "gelu(x)": "x*Phi(x)",
    "gelu_tanh(x)": "x*(1 + tanh(sqrt(2/pi)*(x + 0.044715*x**3)))/2",
    "squareplus(x)": "(x + sqrt(x**2 + 4))/2",
    "sigmoid(x)": "1/(1 + exp(-x))",
    "expit(x)": "(1 + tanh(x/2))/2",
    "where(x > 0, x, expm1(x))": "elu",
    "clamp(x, 0, 6)": "relu6",
    "log1p(exp(x))": "softplus",
    "logaddexp(x, 0)": "softplus",
    "relu(x)**2": "relu_squared",
    "maximum(x, 0)": "relu",
    "selu(x)": f"{SCALE!r}*(x if x > 0 else {ALPHA!r}*(exp(x) - 1))",
}


@pytest.mark.parametrize("text", TEXTS)
def test_formulas_as_texts(text: str) -> None:
    c, other = coefficients(text, DEGREE), coefficients(TEXTS[text], DEGREE)
    # SELU's constants have more digits than their shortest texts.
    slack = 2.0**-51 * np.max(np.abs(np.asarray(other))) * (text == "selu(x)")
    assert np.all(np.abs(np.asarray(c) - np.asarray(other)) <= c.errors + other.errors + slack)


@pytest.mark.parametrize(
    ("function", "finding"),
    [
        (lambda x: np.log1p(-np.exp(-x)), "NaN"),  # jax.nn.log1mexp, for x > 0 only
        (lambda x: np.exp(x) / np.sum(np.exp(x)), "changes with the other entries"),  # softmax
        (lambda x: x[: x.size // 2] / (1 + np.exp(-x[x.size // 2 :])), "shape"),  # glu
        (lambda x: (x - x.mean()) / x.std(), "changes with the other entries"),  # standardize
        (lambda x: np.eye(3)[x.astype(int)], "shape|raises"),  # one_hot
    ],
)
def test_what_is_no_function_of_a_real_number_is_refused(function: Callable[[Any], Any], finding: str) -> None:
    with pytest.raises(HypothesisError, match=finding):
        np.asarray(coefficients(function, DEGREE))


def agrees(function: Callable[[Any], Any], name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", HypothesisWarning)
        c = coefficients(function, DEGREE)
        values, errors = np.asarray(c), c.errors
    reference = coefficients(name, DEGREE)
    assert np.all(np.abs(values - np.asarray(reference)) <= errors + reference.errors)
    # Small as well: 300 units in the last place of the type it computes in.
    precision = 2.0**-52 if c.estimate.trusted else 2.0**-23
    assert np.max(errors) <= 300 * precision * math.sqrt(math.factorial(DEGREE) * reference.estimate.norm2)


@pytest.mark.parametrize(("spelling", "function", "name"), FORMULAS, ids=[row[0] for row in FORMULAS])
def test_formulas_in_numpy(spelling: str, function: Callable[[Any], Any], name: str) -> None:
    agrees(function, name)


TORCH = {
    "ReLU": "relu",
    "ReLU6": "relu6",
    "LeakyReLU": "leaky_relu",
    "ELU": "elu",
    "CELU": "celu",
    "SELU": "selu",
    "GELU": "gelu",
    "Sigmoid": "sigmoid",
    "Hardsigmoid": "hardsigmoid",
    "LogSigmoid": "logsigmoid",
    "SiLU": "silu",
    "Hardswish": "hardswish",
    "Mish": "mish",
    "Softplus": "softplus",
    "Softshrink": "softshrink",
    "Hardshrink": "hardshrink",
    "Softsign": "softsign",
    "Tanh": "tanh",
    "Hardtanh": "hardtanh",
    "Tanhshrink": "tanhshrink",
}
JAX = {
    "relu": "relu",
    "relu6": "relu6",
    "sigmoid": "sigmoid",
    "softplus": "softplus",
    "soft_sign": "softsign",
    "silu": "silu",
    "log_sigmoid": "logsigmoid",
    "leaky_relu": "leaky_relu",
    "hard_sigmoid": "hardsigmoid",
    "hard_silu": "hardswish",
    "hard_tanh": "hardtanh",
    "elu": "elu",
    "celu": "celu",
    "selu": "selu",
    "gelu": "gelu_tanh",
    "squareplus": "squareplus",
    "mish": "mish",
    "identity": "identity",
    "sparse_plus": "0 if x < -1 else (x if x > 1 else (x + 1)^2/4)",
    "sparse_sigmoid": "max(0, min(2, x + 1))/2",
    "swish": "silu",
    "hard_swish": "hardswish",
}


@pytest.mark.parametrize("module", TORCH)
def test_modules_of_torch(module: str) -> None:
    torch = pytest.importorskip("torch")
    layer = getattr(torch.nn, module)()
    agrees(lambda x: layer(torch.from_numpy(x)).numpy(), TORCH[module])
    # A module takes tensors: handed over as it is, it is refused with the reason.
    with pytest.raises(HypothesisError, match=r"takes arrays .* which raises.*pass lambda x: f\(torch.from_numpy"):
        activation(layer)


def test_modules_of_torch_with_arguments() -> None:
    torch = pytest.importorskip("torch")
    nn = torch.nn

    def of_torch(layer: Any, x: Any) -> Any:
        return layer(torch.from_numpy(x)).numpy()

    with torch.no_grad():
        for layer, name in (
            (nn.Softplus(beta=2), "softplus(x, 2)"),
            (nn.GELU(approximate="tanh"), "gelu_tanh"),
            (nn.Threshold(0.1, 20), "threshold(x, 0.1, 20)"),
            (nn.RReLU().eval(), "max(x, 11*x/48)"),
            (nn.PReLU().double(), "max(x, x/4)"),
            (nn.CELU(2.0), "celu(x, 2)"),
        ):
            agrees(partial(of_torch, layer), name)


#: What the lowest version that is declared has not.
NEW_IN_JAX = {"identity"}


@pytest.mark.parametrize("name", JAX)
def test_functions_of_jax(name: str) -> None:
    pytest.importorskip("jax")
    functions = importlib.import_module("jax.nn")
    if name in NEW_IN_JAX and not hasattr(functions, name):
        pytest.skip(f"this version has no jax.nn.{name}")
    function = getattr(functions, name)
    with pytest.warns(HypothesisWarning, match="single precision"):
        activation(function)
    agrees(function, JAX[name])
