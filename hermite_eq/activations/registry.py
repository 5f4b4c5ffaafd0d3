"""The table of named activations."""

from __future__ import annotations

import sympy
from sympy import Max, erf, exp, log, oo, sqrt

from hermite_eq.activations.activation import Activation
from hermite_eq.hermite import X

_TABLE: dict[str, Activation] = {}


def register(entry: Activation) -> Activation:
    _TABLE[entry.name] = entry
    return entry


def _named(name, expression, **facts):
    return register(Activation(name, expression, sympy.lambdify(X, expression, ["scipy", "numpy"]), **facts))


_named("identity", X, parity="odd", lipschitz=1.0)
_named("relu", Max(X, 0), kinks=(0,), lipschitz=1.0)
_named("abs", sympy.Abs(X), kinks=(0,), parity="even", lipschitz=1.0)
_named("tanh", sympy.tanh(X), parity="odd", lipschitz=1.0)
_named("erf", erf(X), parity="odd")
_named("gelu", X * (1 + erf(X / sqrt(2))) / 2)
_named("softplus", log(1 + exp(X)))
