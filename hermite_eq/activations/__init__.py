"""Activations and targets: the record, the table of names, and the one door from what a user writes."""

from __future__ import annotations

from typing import Any

import sympy

from hermite_eq.activations.activation import Activation as Activation
from hermite_eq.activations.registry import _TABLE
from hermite_eq.hermite import X


def activation(sigma: Any) -> Activation:
    if isinstance(sigma, Activation):
        return sigma
    if isinstance(sigma, str):
        return _TABLE[sigma]
    if isinstance(sigma, sympy.Expr):
        return Activation(str(sigma), sigma, sympy.lambdify(list(sigma.free_symbols), sigma, ["scipy", "numpy"]))
    return Activation(getattr(sigma, "__name__", "callable"), None, sigma)
