"""The activations of PyTorch's and JAX's modules, written as their users write them, give the coefficients of what they are."""

from __future__ import annotations

import importlib
import math
import warnings
from collections.abc import Callable
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
    ("Softplus by logaddexp", lambda x: np.logaddexp(x, 0), "softplus"),
    ("Softshrink", lambda x: np.where(x > 0.5, x - 0.5, np.where(x < -0.5, x + 0.5, 0)), "softshrink"),
    ("Hardshrink", lambda x: np.where(np.abs(x) > 0.5, x, 0), "hardshrink"),
    ("Softsign", lambda x: x / (1 + np.abs(x)), "softsign"),
    ("Tanh", np.tanh, "tanh"),
    ("Tanh by exp", lambda x: (np.exp(x) - np.exp(-x)) / (np.exp(x) + np.exp(-x)), "tanh"),
    ("Hardtanh", lambda x: np.clip(x, -1, 1), "hardtanh"),
    ("Tanhshrink", lambda x: x - np.tanh(x), "tanhshrink"),
    ("squareplus", lambda x: 0.5 * (x + np.sqrt(x * x + 4)), "squareplus"),
    ("sparse_plus", lambda x: np.where(x <= -1, 0, np.where(x >= 1, x, (x + 1) ** 2 / 4)),
     "0 if x < -1 else (x if x > 1 else (x + 1)^2/4)"),
    ("sparse_sigmoid", lambda x: 0.5 * np.clip(x + 1, 0, 2), "max(0, min(2, x + 1))/2"),
    ("sign", np.sign, "sign"),
    ("step", lambda x: (x >= 0).astype(int), "heaviside"),
    ("identity", lambda x: x, "identity"),
)


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
    "ReLU": "relu", "ReLU6": "relu6", "LeakyReLU": "leaky_relu", "ELU": "elu", "CELU": "celu", "SELU": "selu", "GELU": "gelu",
    "Sigmoid": "sigmoid", "Hardsigmoid": "hardsigmoid", "LogSigmoid": "logsigmoid", "SiLU": "silu", "Hardswish": "hardswish",
    "Mish": "mish", "Softplus": "softplus", "Softshrink": "softshrink", "Hardshrink": "hardshrink", "Softsign": "softsign", "Tanh": "tanh",
    "Hardtanh": "hardtanh", "Tanhshrink": "tanhshrink",
}
JAX = {
    "relu": "relu", "relu6": "relu6", "sigmoid": "sigmoid", "softplus": "softplus", "soft_sign": "softsign", "silu": "silu",
    "log_sigmoid": "logsigmoid", "leaky_relu": "leaky_relu", "hard_sigmoid": "hardsigmoid", "hard_silu": "hardswish",
    "hard_tanh": "hardtanh", "elu": "elu", "celu": "celu", "selu": "selu", "gelu": "gelu_tanh", "squareplus": "squareplus", "mish": "mish",
}


@pytest.mark.parametrize("module", TORCH)
def test_modules_of_torch(module: str) -> None:
    torch = pytest.importorskip("torch")
    layer = getattr(torch.nn, module)()
    agrees(lambda x: layer(torch.from_numpy(x)).numpy(), TORCH[module])
    # A module takes tensors: handed over as it is, it is refused with the reason.
    with pytest.raises(HypothesisError, match=r"takes arrays .* which raises"):
        activation(layer)


@pytest.mark.parametrize("name", JAX)
def test_functions_of_jax(name: str) -> None:
    pytest.importorskip("jax")
    function = getattr(importlib.import_module("jax.nn"), name)
    with pytest.warns(HypothesisWarning, match="single precision"):
        activation(function)
    agrees(function, JAX[name])
