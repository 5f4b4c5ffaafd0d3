"""The coefficient engine against the clock: medians of one run, beside what was promised. Two minutes.

Everything that is "cold" is measured with the engine's caches emptied before each repetition; SymPy's own caches stay warm.
"""

from __future__ import annotations

import math
import statistics
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import mpmath
import numpy as np
from numpy.polynomial import hermite_e

from benchmarks.clock import empty_library_caches, median_seconds
from hermite_eq.activations import activation, registered_names
from hermite_eq.expansion import coefficients, scaled_coefficients, scaled_norm2
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient
from hermite_eq.expansion.node_table import sqrt_factorial
from verify.command_line import command_line, positive

DEGREE = 20
#: Arguments of the smallest run.
SMALLEST = ("--degree", "2", "--repetitions", "1")


def line(what: str, seconds: float, promise: float | None = None) -> None:
    verdict = "" if promise is None else f"   ≤ {promise * 1e3:8.2f} ms  {'ok' if seconds <= promise else 'MISSED'}"
    print(f"{what:66s} {seconds * 1e3:10.3f} ms{verdict}", flush=True)


def double_precision(degree: int, repetitions: int) -> None:
    def evaluate(sigma: str | Callable[[Any], Any]) -> None:
        np.asarray(coefficients(sigma, degree))

    warm = {name: median_seconds(partial(evaluate, name), 3 * repetitions) for name in registered_names()}
    slowest = max(warm, key=warm.__getitem__)
    line(f"double, degrees 0-{degree}, warm, slowest of {len(warm)} ({slowest})", warm[slowest], 0.5e-3)
    line(f"double, degrees 0-{degree}, warm, median activation", statistics.median(warm.values()), 0.5e-3)
    line(
        f"double, degrees 0-{degree}, cold, tanh",
        median_seconds(lambda: np.asarray(coefficients("tanh", degree)), repetitions, empty_library_caches),
    )
    callables = {
        "smooth": lambda x: np.tanh(x) + x / 3,
        "undeclared kink": lambda x: np.maximum(x - 0.3712345, 0),
        "undeclared jump": lambda x: np.where(x > 0.3712345, 1.0, 0.0),
        "steep (tanh 50x)": lambda x: np.tanh(50 * x),
    }

    def another(function: Callable[[Any], Any]) -> None:
        evaluate(lambda x: function(x))

    for name, function in callables.items():
        # Another function each time: nothing is kept from the last one.
        line(f"bare callable, {name}", median_seconds(partial(another, function), repetitions), 5e-3)
    scales = np.linspace(0.3, 2.5, 40)

    def scaled(name: str) -> None:
        scaled_coefficients(name, scales, 4)
        scaled_norm2(name, scales)

    for name in ("relu", "tanh", "gelu"):
        line(
            f"scaled coefficients and norms, 40 scales, degree 4, {name}",
            median_seconds(partial(scaled, name), repetitions),
            5e-3,
        )


def closed_forms(degree: int, repetitions: int) -> None:
    for name in ("relu", "leaky_relu", "abs", "hardtanh", "elu", "gelu", "erf", "sin", "exp"):
        expression = activation(name).expression
        line(f"exact, degrees 0-{degree}, {name}", median_seconds(partial(exact_coefficients, expression, degree), repetitions), 0.3)
        line(f"general k, {name}", median_seconds(partial(general_coefficient, expression), repetitions), 1.0)


def against_gauss_hermite(degree: int, nodes: int = 100) -> None:
    """Largest errors of c_k/√k! in double precision, by a rule of as many nodes as are usual and by the library, against enclosures."""
    x, weights = hermite_e.hermegauss(nodes)
    weights = weights / math.sqrt(2 * math.pi)
    root = np.array([sqrt_factorial(k) for k in range(degree + 1)])
    for name in ("tanh", "gelu", "relu", "heaviside"):
        c = coefficients(name, degree)
        certified = np.array([float(c.enclosure(k, 20)) for k in range(degree + 1)]) / root
        basis = np.array([hermite_e.hermeval(x, np.eye(degree + 1)[k]) for k in range(degree + 1)]) / root[:, None]
        by_route = {f"Gauss-Hermite, {nodes} nodes": basis @ (weights * activation(name)(x)), "coefficients": np.asarray(c) / root}
        gaps = "   ".join(f"{how}: {np.abs(values - certified).max():.1e}" for how, values in by_route.items())
        print(f"largest error of c_k/√k!, k ≤ {degree}, {name:10s} {gaps}", flush=True)


def enclosures(degree: int, repetitions: int) -> None:
    def certify(sigma: str, digits: int) -> None:
        for k in range(degree + 1):
            coefficients(sigma, degree).enclosure(k, digits)

    ours = 0.0
    for digits, promise in ((15, None), (50, 20e-3), (200, 250e-3)):
        seconds = median_seconds(partial(certify, "tanh", digits), repetitions, empty_library_caches)
        line(f"certified, degrees 0-{degree}, tanh, {digits} digits, cold", seconds, promise)
        ours = seconds if digits == 50 else ours

    def by_mpmath() -> None:
        with mpmath.workdps(50):
            for k in range(degree + 1):
                mpmath.quad(
                    lambda x, k=k: mpmath.tanh(x) * mpmath.hermite(k, x / mpmath.sqrt(2)) * mpmath.npdf(x), [-mpmath.inf, 0, mpmath.inf]
                )

    theirs = median_seconds(by_mpmath, 1)
    print(f"{'mpmath.quad at 50 digits':66s} {theirs * 1e3:10.1f} ms   ratio {theirs / ours:.0f} (promised: 300)", flush=True)
    for text in ("elu", "softsign", "max(x - 1/3, 0)*tanh(x)", "abs(x - sqrt(2))*exp(x/3)", "max(tanh(x), x^2/5 - 1/3)", "sqrt(abs(x))"):
        line(
            f"certified, degrees 0-{degree}, 50 digits, {text}",
            median_seconds(partial(certify, text, 50), repetitions, empty_library_caches),
            2.0,
        )


def main(argv: Sequence[str] | None = None) -> int:
    """Parse and measure."""
    parser = command_line("benchmarks.engine", __doc__, SMALLEST)
    parser.add_argument("--degree", type=positive, default=DEGREE, help=f"largest degree ({DEGREE})")
    parser.add_argument("--repetitions", type=positive, default=7, help="medians of this many (7)")
    arguments = parser.parse_args(argv)
    double_precision(arguments.degree, arguments.repetitions)
    closed_forms(arguments.degree, arguments.repetitions)
    against_gauss_hermite(arguments.degree)
    enclosures(arguments.degree, arguments.repetitions)
    return 0


if __name__ == "__main__":
    sys.exit(main())
