"""Timings of the exact engine: degrees 0-20, E σ², the general formula and the dual activation; a minute.

Every repetition starts from empty caches (SymPy's included), so the table shows what the first call in a session costs once the modules are
loaded; medians of the repetitions, in milliseconds.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

import sympy

from benchmarks.clock import empty_caches, median_seconds
from hermite_eq.expansion.exact import exact_coefficients, exact_inner, general_coefficient, tail
from hermite_eq.expansion.kernels.dual import exact_dual
from hermite_eq.hermite import X
from verify.command_line import command_line, positive

DEGREE = 20
#: Arguments of the smallest run.
SMALLEST = ("--repetitions", "1")
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


def milliseconds(call: Callable[[], object], repetitions: int) -> float:
    """Median time of a call from empty caches."""
    return 1e3 * median_seconds(call, repetitions, empty_caches)


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table."""
    parser = command_line("benchmarks.exact", __doc__, SMALLEST)
    parser.add_argument("--repetitions", type=positive, default=7, help="medians of this many (7)")
    repetitions = parser.parse_args(argv).repetitions
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
        row = [milliseconds(lambda call=call, expr=expr: call(expr), repetitions) for call in columns.values()]  # type: ignore[misc]
        slowest = [max(slowest[0], row[0]), max(slowest[1], row[2])]
        print(f"{name:28}" + "".join(f"{value:12.1f}" for value in row))
    for what, value, target in zip(("coefficients", "general formula"), slowest, TARGETS, strict=True):
        print(f"slowest {what}: {value:.0f} ms (target {target:.0f} ms)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
