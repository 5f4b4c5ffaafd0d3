"""Numbers as parameters of a model, or an error which says what they are."""

from __future__ import annotations

import math
from typing import Any

from hermite_eq.errors import HypothesisError


def non_negative(value: Any, name: str, meaning: str) -> float:
    """``value`` as a finite float ≥ 0, or an error which says what it means."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (0 <= number < math.inf):
        raise HypothesisError(f"{name} ({meaning}) is a finite number ≥ 0", f"{name}={value!r}", f"pass {name}=0.01, say")
    return number


def finite(value: Any, name: str, meaning: str) -> float:
    """``value`` as a finite float, or an error which says what it means."""
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not math.isfinite(number):
        raise HypothesisError(f"{name} ({meaning}) is a finite number", f"{name}={value!r}", f"pass {name}=1.0, say")
    return number
