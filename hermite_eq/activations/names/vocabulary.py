"""The functions that a text may name: SymPy's own names, so that ``str(expression)`` reads back, and those of NumPy, PyTorch and JAX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy
from sympy import Abs, Heaviside, Max, Min, Piecewise, exp, log, sqrt

#: The function, and the fewest and the most arguments; None: any number.
Entry = tuple[Callable[..., Any], int, int | None]

_SYMPY = {
    1: """sin cos tan cot sec csc sinc asin acos atan acot asec acsc sinh cosh tanh coth sech csch asinh acosh atanh acoth acsch
          exp erf erfc erfi erfinv Abs sign floor ceiling frac arg re im gamma loggamma digamma trigamma factorial zeta Si Ci Ei
          fresnels fresnelc airyai airyaiprime airybi airybiprime sqrt cbrt""",
    2: "Mod atan2 besselj bessely besseli besselk jn yn erf2 beta binomial polygamma lowergamma uppergamma Eq Ne Lt Le Gt Ge",
}

_normal_law = (lambda z: (1 + sympy.erf(z / sqrt(2))) / 2, 1, 1)
_clip = (lambda z, low, high: Min(high, Max(low, z)), 3, 3)

FUNCTIONS: dict[str, Entry] = {
    **{name: (getattr(sympy, name), count, count) for count, names in _SYMPY.items() for name in names.split()},
    **dict.fromkeys(("abs", "absolute", "fabs"), (Abs, 1, 1)),
    **dict.fromkeys(("Max", "max", "maximum", "fmax"), (Max, 1, None)),
    **dict.fromkeys(("Min", "min", "minimum", "fmin"), (Min, 1, None)),
    **dict.fromkeys(("clip", "clamp"), _clip),
    **dict.fromkeys(("Phi", "ndtr"), _normal_law),
    **dict.fromkeys(("Heaviside", "heaviside"), (Heaviside, 1, 2)),
    **dict.fromkeys(("And", "logical_and"), (sympy.And, 1, None)),
    **dict.fromkeys(("Or", "logical_or"), (sympy.Or, 1, None)),
    **dict.fromkeys(("Not", "logical_not"), (sympy.Not, 1, 1)),
    "ITE": (sympy.ITE, 3, 3),
    "log": (log, 1, 2),
    "ln": (log, 1, 1),
    "log1p": (lambda z: log(1 + z), 1, 1),
    "log2": (lambda z: log(z, 2), 1, 1),
    "log10": (lambda z: log(z, 10), 1, 1),
    "logaddexp": (lambda a, b: log(exp(a) + exp(b)), 2, 2),
    "expm1": (lambda z: exp(z) - 1, 1, 1),
    "exp2": (lambda z: 2**z, 1, 1),
    "rsqrt": (lambda z: 1 / sqrt(z), 1, 1),
    "ceil": (sympy.ceiling, 1, 1),
    **{f"arc{name}": (getattr(sympy, f"a{name}"), 1, 1) for name in ("sin", "cos", "tan", "sinh", "cosh", "tanh")},
    "arctan2": (sympy.atan2, 2, 2),
    "where": (lambda condition, yes, no: Piecewise((yes, condition), (no, True)), 3, 3),
    "Piecewise": (Piecewise, 1, None),
    "Rational": (lambda p, q=sympy.S.One: p / q, 1, 2),
    **dict.fromkeys(("Pow", "pow", "power"), (sympy.Pow, 2, 2)),
}

# After torch.nn.functional, whose further arguments follow x in this order.
PARAMETRIC: dict[str, Entry] = {
    "leaky_relu": (lambda z, slope: Piecewise((z, z > 0), (slope * z, True)), 2, 2),
    "prelu": (lambda z, slope: Piecewise((z, z > 0), (slope * z, True)), 2, 2),
    "elu": (lambda z, alpha: Piecewise((z, z > 0), (alpha * (exp(z) - 1), True)), 2, 2),
    "celu": (lambda z, alpha: Piecewise((z, z > 0), (alpha * (exp(z / alpha) - 1), True)), 2, 2),
    "softplus": (lambda z, beta: log(1 + exp(beta * z)) / beta, 2, 2),
    "hardtanh": (_clip[0], 3, 3),
    "softshrink": (lambda z, threshold: Max(z - threshold, 0) + Min(z + threshold, 0), 2, 2),
    "hardshrink": (lambda z, threshold: Piecewise((z, Abs(z) > threshold), (0, True)), 2, 2),
    "threshold": (lambda z, threshold, value: Piecewise((z, z > threshold), (value, True)), 3, 3),
}
