"""Arguments that nobody means: wrong types, numbers that are none, shapes that do not fit, sizes beyond every machine."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import sympy

from hermite_eq import models

#: Made anew for every call, as a function may write to what it is given.
WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "True": lambda: True,
    "a letter": lambda: "a",
    "no letter": lambda: "",
    "a digit as text": lambda: "1",
    "bytes": lambda: b"1",
    "an empty list": lambda: [],
    "an empty dict": lambda: {},
    "a dict": lambda: {"a": 1.0},
    "an empty set": lambda: set(),
    "an object": object,
    "a type": lambda: int,
    "a function of nothing": lambda: lambda: None,
    "a function of anything": lambda: lambda *_, **__: None,
    "an iterator": lambda: iter([1.0]),
    "NaN": lambda: float("nan"),
    "inf": lambda: float("inf"),
    "-inf": lambda: -float("inf"),
    "-1": lambda: -1,
    "0": lambda: 0,
    "-0.5": lambda: -0.5,
    "2.5": lambda: 2.5,
    "10^400": lambda: 10**400,
    "-10^400": lambda: -(10**400),
    "10^18": lambda: 10**18,
    "1e308": lambda: 1e308,
    "5e-324": lambda: 5e-324,
    "1+2i": lambda: 1 + 2j,
    "Decimal NaN": lambda: Decimal("NaN"),
    "Decimal 1e999999": lambda: Decimal("1e999999"),
    "1/3": lambda: Fraction(1, 3),
    "a symbol": lambda: sympy.Symbol("s"),
    "I": lambda: sympy.I,
    "zoo": lambda: sympy.zoo,
    "nan": lambda: sympy.nan,
    "no numbers": lambda: np.array([]),
    "NaN in an array": lambda: np.array([np.nan, 1.0]),
    "complex array": lambda: np.array([1j, 1.0]),
    "objects": lambda: np.array([None, "a"], dtype=object),
    "texts": lambda: ["a", "b"],
    "mixed": lambda: [0.5, "a", None],
    "ragged": lambda: [[1.0, 2.0], [3.0]],
    "three axes": lambda: np.ones((2, 2, 2)),
    "a long vector": lambda: np.ones(7),
    "a wide matrix": lambda: np.ones((2, 3)),
    "an asymmetric matrix": lambda: np.array([[1.0, 2.0], [0.0, 1.0]]),
    "an indefinite matrix": lambda: np.diag([1.0, -1.0]),
    "huge integers": lambda: [10**400, 1],
    "Ratios": lambda: models.Ratios(1.0, 0.5, 1.5),
    "a task": lambda: models.Task("relu"),
}
