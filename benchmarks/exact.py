"""Timings of the exact engine: degrees 0-20, E σ², the general formula and the dual activation.

Run ``python -m benchmarks.exact``. Every repetition starts from empty caches (SymPy's included), so the
table shows what the first call in a session costs once the modules are loaded; medians of the repetitions,
in milliseconds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import sympy
from sympy.core.cache import clear_cache

from hermite_eq.expansion import dual
from hermite_eq.expansion.dual import exact_dual
from hermite_eq.expansion.exact import exact_coefficients, exact_inner, family, general_coefficient, tail
from hermite_eq.hermite import X

DEGREE = 20
REPETITIONS = 7
#: The targets in milliseconds: coefficients and general formula.
TARGETS = (300.0, 1000.0)

SUBJECTS = {
    "relu": sympy.Max(X, 0),
    "leaky relu": sympy.Max(X, 0) + sympy.Rational(1, 100) * sympy.Min(X, 0),
    "leaky relu, symbolic slope": sympy.Max(X, 0) + sympy.Symbol("a") * sympy.Min(X, 0),
    "abs": sympy.Abs(X),
    "hardtanh": sympy.Max(-1, sympy.Min(1, X)),
    "elu": sympy.Piecewise((X, X > 0), (sympy.exp(X) - 1, True)),
    "gelu": X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2,
    "erf": sympy.erf(X),
    "erf(ax + 1), symbolic a": sympy.erf(sympy.Symbol("a", positive=True) * X + 1),
    "sin": sympy.sin(X),
    "exp": sympy.exp(X),
}


def milliseconds(call: Callable[[], object]) -> float:
    """Median time of a call from empty caches."""
    times = []
    for _ in range(REPETITIONS):
        clear_cache()
        family.parse.cache_clear()
        dual._moment.cache_clear()
        start = time.perf_counter()
        call()
        times.append(1e3 * (time.perf_counter() - start))
    return statistics.median(times)


def main() -> None:
    """Print the table."""
    columns: dict[str, Callable[[sympy.Expr], object]] = {
        f"c_0..c_{DEGREE}": lambda expr: exact_coefficients(expr, DEGREE),
        "E σ²": lambda expr: exact_inner(expr, expr),
        "general k": general_coefficient,
        "tail": tail,
        "dual": exact_dual,
    }
    print(f"{'':28}" + "".join(f"{name:>12}" for name in columns))
    slowest = [0.0, 0.0]
    for name, expr in SUBJECTS.items():
        row = [milliseconds(lambda call=call, expr=expr: call(expr)) for call in columns.values()]  # type: ignore[misc]
        slowest = [max(slowest[0], row[0]), max(slowest[1], row[2])]
        print(f"{name:28}" + "".join(f"{value:12.1f}" for value in row))
    for what, value, target in zip(("coefficients", "general formula"), slowest, TARGETS, strict=True):
        print(f"slowest {what}: {value:.0f} ms (target {target:.0f} ms)")


if __name__ == "__main__":
    main()
