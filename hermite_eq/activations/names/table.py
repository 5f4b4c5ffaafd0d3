r"""The table of named activations.

Each row states the function twice, as an exact SymPy expression and as a NumPy function, with its kinks, its parity, its Lipschitz
constant and the half-width of its strip of analyticity; the tests hold every row against itself.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy import special
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, atan, cos, erf, exp, log, pi, sign, sin, sqrt, tanh

from hermite_eq.activations.activation import Activation
from hermite_eq.hermite import X

Array = NDArray[Any]

# The NumPy functions. They keep float32, meet no overflow on the way, and are accurate in both tails, which a literal translation
# of the expression often is not (log(1 + e^x), 1/(1 + e^-x), e^x − 1).


def _identity(x: Array) -> Array:
    return x.copy()


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _leaky_relu(x: Array) -> Array:
    return np.maximum(x, x * 0.01)


def _elu(x: Array) -> Array:
    return np.where(x > 0, x, np.expm1(np.minimum(x, 0)))


_SELU_ALPHA = Rational("1.6732632423543772848170429916717")
_SELU_SCALE = Rational("1.0507009873554804934193349852946")


def _selu(x: Array, scale: float = float(_SELU_SCALE), negative: float = float(_SELU_SCALE * _SELU_ALPHA)) -> Array:
    return np.where(x > 0, scale * x, negative * np.expm1(np.minimum(x, 0)))


def _gelu(x: Array) -> Array:
    return np.asarray(x * special.ndtr(x))


def _gelu_tanh(x: Array) -> Array:
    return np.asarray(x * special.expit(2 * math.sqrt(2 / math.pi) * (x + 0.044715 * x * x * x)))


def _silu(x: Array) -> Array:
    return np.asarray(x * special.expit(x))


def _quick_gelu(x: Array) -> Array:
    return np.asarray(x * special.expit(1.702 * x))


def _softplus(x: Array) -> Array:
    return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))


def _logsigmoid(x: Array) -> Array:
    return -_softplus(-x)


def _mish(x: Array) -> Array:
    return x * np.tanh(_softplus(x))


def _exp(x: Array) -> Array:
    with np.errstate(over="ignore"):
        return np.exp(x)


def _heaviside(x: Array) -> Array:
    return np.asarray(np.heaviside(x, x.dtype.type(0.5)))


def _hardtanh(x: Array) -> Array:
    return np.clip(x, -1, 1)


def _relu6(x: Array) -> Array:
    return np.clip(x, 0, 6)


def _hardsigmoid(x: Array) -> Array:
    return np.asarray(np.clip(x + 3, 0, 6) / 6)


def _hardswish(x: Array) -> Array:
    return x * _hardsigmoid(x)


def _softsign(x: Array) -> Array:
    return np.asarray(x / (1 + np.abs(x)))


def _log1p_square(x: Array) -> Array:
    return np.asarray(np.log1p(x * x))


def _sinc(x: Array) -> Array:
    return np.sinc(x / math.pi)


def _gaussian(x: Array) -> Array:
    return np.exp(-x * x / 2)


def _squareplus(x: Array) -> Array:
    return np.asarray((x + np.sqrt(x * x + 4)) / 2)


def _tanhshrink(x: Array) -> Array:
    return x - np.tanh(x)


def _softshrink(x: Array) -> Array:
    return np.asarray(x - np.clip(x, -0.5, 0.5))


def _hardshrink(x: Array) -> Array:
    return np.where(np.abs(x) > 0.5, x, x.dtype.type(0))


def _centred_relu(x: Array, mean: float = 1 / math.sqrt(2 * math.pi)) -> Array:
    return np.maximum(x, 0) - mean


def _shifted_relu(x: Array) -> Array:
    return np.maximum(x - 0.5, 0)


def _relu_squared(x: Array) -> Array:
    return np.square(np.maximum(x, 0))


def _hermite2(x: Array) -> Array:
    return x * x - 1


def _cubic(x: Array) -> Array:
    return x * x * x


def _hermite3(x: Array) -> Array:
    return np.asarray(x * (x * x - 3))


def _scaled_tanh(x: Array) -> Array:
    return 1.7159 * np.tanh(x * (2 / 3))


def _snake(x: Array) -> Array:
    return x + np.square(np.sin(x))


def _bent_identity(x: Array) -> Array:
    return np.asarray(x + (np.sqrt(x * x + 1) - 1) / 2)


def _steepest(slope: Callable[[float], float], low: float, high: float) -> float:
    """The maximum of ``slope`` on a bracket where it rises, then falls: golden sections, whose error is of second order in the place."""
    ratio = (math.sqrt(5) - 1) / 2
    while high - low > 1e-9:
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        low, high = (left, high) if slope(left) < slope(right) else (low, right)
    return slope((low + high) / 2)


def _silu_slope(x: float) -> float:
    s = 1 / (1 + math.exp(-x))
    return s + x * s * (1 - s)


def _mish_slope(x: float) -> float:
    t = math.tanh(math.log1p(math.exp(x)))
    return t + x * (1 - t * t) / (1 + math.exp(-x))


def _gelu_tanh_slope(x: float) -> float:
    u = math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)
    t = math.tanh(u)
    return (1 + t) / 2 + x * (1 - t * t) / 2 * math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x * x)


# |sinc'| = |x cos x − sin x|/x² is largest at its first stationary point, near 2.08.
_SINC_SLOPE = _steepest(lambda x: (math.sin(x) - x * math.cos(x)) / x**2, 1, 3)
# GELU' = Φ + xφ is stationary where φ(2 − x²) = 0; SiLU' where x tanh(x/2) = 2.
_GELU_SLOPE = (1 + math.erf(1)) / 2 + 1 / (math.sqrt(math.pi) * math.e)
_SILU_SLOPE = _steepest(_silu_slope, 1, 5)


def _gelu_tanh_strip() -> float:
    """tanh-GELU has its poles where sqrt(2/π)(z + 0.044715 z³) = ±iπ(n + 1/2); those of n = 0 are nearest to the real axis."""
    roots = np.roots([0.044715, 0, 1, -0.5j * math.pi / math.sqrt(2 / math.pi)])
    return float(np.min(np.abs(roots.imag)))


_HENDRYCKS = "Hendrycks & Gimpel 2016, arXiv 1606.08415"
_HOWARD = "Howard et al. 2019, arXiv 1905.02244"
_INF = math.inf


_ROWS: tuple[tuple[str, Any, Callable[[Array], Array], dict[str, Any]], ...] = (
    ("identity", X, _identity, {"parity": "odd", "lipschitz": 1.0, "strip": _INF, "reference": "linear head"}),
    ("relu", Max(X, 0), _relu, {"kinks": (0,), "lipschitz": 1.0, "reference": "Nair & Hinton 2010, ICML"}),
    ("leaky_relu", Max(X, X / 100), _leaky_relu, {"kinks": (0,), "lipschitz": 1.0, "reference": "Maas et al. 2013, ICML; slope 1/100"}),
    ("abs", Abs(X), np.abs, {"kinks": (0,), "parity": "even", "lipschitz": 1.0, "reference": "absolute value"}),
    (
        "elu",
        Piecewise((X, X > 0), (exp(X) - 1, True)),
        _elu,
        {"kinks": (0,), "lipschitz": 1.0, "reference": "Clevert et al. 2015, arXiv 1511.07289; α = 1"},
    ),
    (
        "selu",
        _SELU_SCALE * Piecewise((X, X > 0), (_SELU_ALPHA * (exp(X) - 1), True)),
        _selu,
        {"kinks": (0,), "lipschitz": float(_SELU_SCALE * _SELU_ALPHA), "reference": "Klambauer et al. 2017, arXiv 1706.02515"},
    ),
    (
        "celu",
        Piecewise((X, X > 0), (exp(X) - 1, True)),
        _elu,
        {"kinks": (0,), "lipschitz": 1.0, "reference": "Barron 2017, arXiv 1704.07483; α = 1, where it equals elu"},
    ),
    (
        "gelu",
        X * (1 + erf(X / sqrt(2))) / 2,
        _gelu,
        {"lipschitz": _GELU_SLOPE, "strip": _INF, "reference": _HENDRYCKS + "; jax.nn.gelu is gelu_tanh unless approximate=False"},
    ),
    (
        "gelu_tanh",
        X * (1 + tanh(sqrt(2 / pi) * (X + Rational(44715, 10**6) * X**3))) / 2,
        _gelu_tanh,
        {
            "lipschitz": _steepest(_gelu_tanh_slope, 0.5, 3),
            "strip": _gelu_tanh_strip(),
            "reference": _HENDRYCKS + "; the tanh approximation, another function than gelu",
        },
    ),
    (
        "quick_gelu",
        X / (1 + exp(-Rational(1702, 1000) * X)),
        _quick_gelu,
        {"lipschitz": _SILU_SLOPE, "strip": math.pi / 1.702, "reference": _HENDRYCKS + "; x·logistic(1.702x), another function than gelu"},
    ),
    ("tanh", tanh(X), np.tanh, {"parity": "odd", "lipschitz": 1.0, "strip": math.pi / 2, "reference": "hyperbolic tangent"}),
    (
        "scaled_tanh",
        Rational(17159, 10**4) * tanh(2 * X / 3),
        _scaled_tanh,
        {"parity": "odd", "lipschitz": 1.7159 * 2 / 3, "strip": 3 * math.pi / 4, "reference": "LeCun et al. 1998, Efficient BackProp"},
    ),
    ("sigmoid", 1 / (1 + exp(-X)), special.expit, {"lipschitz": 0.25, "strip": math.pi, "reference": "logistic function"}),
    (
        "silu",
        X / (1 + exp(-X)),
        _silu,
        {"lipschitz": _SILU_SLOPE, "strip": math.pi, "reference": "Elfwing et al. 2017, arXiv 1702.03118; also called swish"},
    ),
    ("softplus", log(1 + exp(X)), _softplus, {"lipschitz": 1.0, "strip": math.pi, "reference": "Dugas et al. 2000, NIPS"}),
    (
        "mish",
        X * tanh(log(1 + exp(X))),
        _mish,
        # 1 + (1 + e^z)² = 0 where e^z = −1 ± i, so Im z = ±3π/4.
        {"lipschitz": _steepest(_mish_slope, 0.5, 3), "strip": 3 * math.pi / 4, "reference": "Misra 2019, arXiv 1908.08681"},
    ),
    ("erf", erf(X), special.erf, {"parity": "odd", "lipschitz": 2 / math.sqrt(math.pi), "strip": _INF, "reference": "Williams 1997, NIPS"}),
    (
        "normal_cdf",
        (1 + erf(X / sqrt(2))) / 2,
        special.ndtr,
        {"lipschitz": 1 / math.sqrt(2 * math.pi), "strip": _INF, "reference": "probit; the normal distribution function"},
    ),
    ("sin", sin(X), np.sin, {"parity": "odd", "lipschitz": 1.0, "strip": _INF, "reference": "Sitzmann et al. 2020, arXiv 2006.09661"}),
    ("cos", cos(X), np.cos, {"parity": "even", "lipschitz": 1.0, "strip": _INF, "reference": "Rahimi & Recht 2007, NIPS"}),
    ("snake", X + sin(X) ** 2, _snake, {"lipschitz": 2.0, "strip": _INF, "reference": "Ziyin et al. 2020, arXiv 2006.08195"}),
    ("exp", exp(X), _exp, {"lipschitz": _INF, "strip": _INF, "reference": "exponential; not Lipschitz"}),
    ("gaussian", exp(-(X**2) / 2), _gaussian, {"parity": "even", "lipschitz": math.exp(-0.5), "strip": _INF, "reference": "Gaussian bump"}),
    ("heaviside", Heaviside(X), _heaviside, {"kinks": (0,), "lipschitz": _INF, "reference": "step; not Lipschitz"}),
    ("sign", sign(X), np.sign, {"kinks": (0,), "parity": "odd", "lipschitz": _INF, "reference": "perceptron; not Lipschitz"}),
    (
        "hardtanh",
        Max(-1, Min(1, X)),
        _hardtanh,
        {"kinks": (-1, 1), "parity": "odd", "lipschitz": 1.0, "reference": "Collobert 2004, PhD thesis"},
    ),
    ("relu6", Min(Max(X, 0), 6), _relu6, {"kinks": (0, 6), "lipschitz": 1.0, "reference": "Krizhevsky 2010"}),
    ("hardsigmoid", Min(Max(X + 3, 0), 6) / 6, _hardsigmoid, {"kinks": (-3, 3), "lipschitz": 1 / 6, "reference": _HOWARD}),
    ("hardswish", X * Min(Max(X + 3, 0), 6) / 6, _hardswish, {"kinks": (-3, 3), "lipschitz": 1.5, "reference": _HOWARD}),
    ("softsign", X / (1 + Abs(X)), _softsign, {"kinks": (0,), "parity": "odd", "lipschitz": 1.0, "reference": "Turian et al. 2009, NAACL"}),
    ("arctan", atan(X), np.arctan, {"parity": "odd", "lipschitz": 1.0, "strip": 1.0, "reference": "inverse tangent"}),
    ("arcsinh", sympy.asinh(X), np.arcsinh, {"parity": "odd", "lipschitz": 1.0, "strip": 1.0, "reference": "inverse hyperbolic sine"}),
    ("log1p_square", log(1 + X**2), _log1p_square, {"parity": "even", "lipschitz": 1.0, "strip": 1.0, "reference": "log(1 + x²)"}),
    ("sinc", sympy.sinc(X), _sinc, {"parity": "even", "lipschitz": _SINC_SLOPE, "strip": _INF, "reference": "sin(x)/x"}),
    ("squareplus", (X + sqrt(X**2 + 4)) / 2, _squareplus, {"lipschitz": 1.0, "strip": 2.0, "reference": "Barron 2021, arXiv 2112.11687"}),
    ("bent_identity", X + (sqrt(X**2 + 1) - 1) / 2, _bent_identity, {"lipschitz": 1.5, "strip": 1.0, "reference": "x + (√(x²+1) − 1)/2"}),
    ("tanhshrink", X - tanh(X), _tanhshrink, {"parity": "odd", "lipschitz": 1.0, "strip": math.pi / 2, "reference": "x − tanh(x)"}),
    (
        "softshrink",
        Max(X - Rational(1, 2), 0) + Min(X + Rational(1, 2), 0),
        _softshrink,
        {"kinks": (-Rational(1, 2), Rational(1, 2)), "parity": "odd", "lipschitz": 1.0, "reference": "Donoho 1995; threshold 1/2"},
    ),
    (
        "hardshrink",
        Piecewise((X, Abs(X) > Rational(1, 2)), (0, True)),
        _hardshrink,
        {
            "kinks": (-Rational(1, 2), Rational(1, 2)),
            "parity": "odd",
            "lipschitz": _INF,
            "reference": "Donoho & Johnstone 1994; threshold 1/2; not Lipschitz",
        },
    ),
    ("logsigmoid", -log(1 + exp(-X)), _logsigmoid, {"lipschitz": 1.0, "strip": math.pi, "reference": "logarithm of the logistic function"}),
    (
        "centred_relu",
        Max(X, 0) - 1 / sqrt(2 * pi),
        _centred_relu,
        {"kinks": (0,), "lipschitz": 1.0, "reference": "relu less its mean: c_0 = 0, c_2 ≠ 0"},
    ),
    (
        "shifted_relu",
        Max(X - Rational(1, 2), 0),
        _shifted_relu,
        {"kinks": (Rational(1, 2),), "lipschitz": 1.0, "reference": "relu(x − 1/2)"},
    ),
    (
        "relu_squared",
        Max(X, 0) ** 2,
        _relu_squared,
        {"kinks": (0,), "lipschitz": _INF, "reference": "So et al. 2021, arXiv 2109.08668; not Lipschitz"},
    ),
    ("square", X**2, np.square, {"parity": "even", "lipschitz": _INF, "strip": _INF, "reference": "not Lipschitz"}),
    ("cubic", X**3, _cubic, {"parity": "odd", "lipschitz": _INF, "strip": _INF, "reference": "not Lipschitz"}),
    ("hermite2", X**2 - 1, _hermite2, {"parity": "even", "lipschitz": _INF, "strip": _INF, "reference": "He_2; not Lipschitz"}),
    ("hermite3", X**3 - 3 * X, _hermite3, {"parity": "odd", "lipschitz": _INF, "strip": _INF, "reference": "He_3; not Lipschitz"}),
)

# Outside the family of hermite_eq.expansion.exact; their coefficients are enclosed instead.
_WITHOUT_CLOSED_FORM = frozenset(
    (
        "gelu_tanh",
        "quick_gelu",
        "tanh",
        "scaled_tanh",
        "sigmoid",
        "silu",
        "softplus",
        "mish",
        "softsign",
        "arctan",
        "arcsinh",
        "log1p_square",
        "sinc",
        "squareplus",
        "bent_identity",
        "tanhshrink",
        "logsigmoid",
    )
)


def table() -> dict[str, Activation]:
    """Name and activation of every row."""
    return {
        name: Activation(name, sympy.sympify(expression), function, closed_form=name not in _WITHOUT_CLOSED_FORM, **facts)
        for name, expression, function, facts in _ROWS
    }
