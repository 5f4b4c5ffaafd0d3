"""The coefficient engine against the clock: `python benchmarks/engine.py`. Medians of one run, beside what was promised.

Everything that is "cold" is measured with the engine's caches emptied before each repetition; SymPy's own caches stay warm.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import mpmath
import numpy as np

from hermite_eq.activations import activation, registered_names
from hermite_eq.expansion import certified, coefficients, panels, quadrature, scaled_coefficients, scaled_norm2
from hermite_eq.expansion.certified import gauss_panels, trapezoid
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient

DEGREE = 20


def median(
    run: Callable[[], object],
    repetitions: int = 7,
    before: Callable[[], None] = lambda: None,
    clock: Callable[[], float] = time.perf_counter,
) -> float:
    """Seconds by ``clock``, the median over repetitions, each after ``before``."""
    times = []
    for _ in range(repetitions):
        before()
        start = clock()
        run()
        times.append(clock() - start)
    return statistics.median(times)


def forget() -> None:
    """Empty the certified engine's caches."""
    for cached in (
        certified._moments, trapezoid._rectangle, trapezoid._trapezoid_table, gauss_panels._legendre, certified._check_declarations,
    ):
        cached.cache_clear()


def forget_panels() -> None:
    panels.panels.cache_clear()
    quadrature._cached_table.cache_clear()


def line(what: str, seconds: float, promise: float | None = None) -> None:
    verdict = "" if promise is None else f"   ≤ {promise * 1e3:8.2f} ms  {'ok' if seconds <= promise else 'MISSED'}"
    print(f"{what:66s} {seconds * 1e3:10.3f} ms{verdict}", flush=True)


def double_precision() -> None:
    warm = {name: median(lambda name=name: np.asarray(coefficients(name, DEGREE)), 21) for name in registered_names()}
    slowest = max(warm, key=warm.__getitem__)
    line(f"double, degrees 0-20, warm, slowest of {len(warm)} ({slowest})", warm[slowest], 0.5e-3)
    line("double, degrees 0-20, warm, median activation", statistics.median(warm.values()), 0.5e-3)
    line("double, degrees 0-20, cold, tanh", median(lambda: np.asarray(coefficients("tanh", DEGREE)), before=forget_panels))
    callables = {
        "smooth": lambda x: np.tanh(x) + x / 3,
        "undeclared kink": lambda x: np.maximum(x - 0.3712345, 0),
        "undeclared jump": lambda x: np.where(x > 0.3712345, 1.0, 0.0),
        "steep (tanh 50x)": lambda x: np.tanh(50 * x),
    }
    for name, function in callables.items():
        line(f"bare callable, {name}", median(lambda f=function: np.asarray(coefficients(lambda x: f(x), DEGREE))), 5e-3)
    scales = np.linspace(0.3, 2.5, 40)
    for name in ("relu", "tanh", "gelu"):
        line(f"scaled coefficients and norms, 40 scales, degree 4, {name}",
             median(lambda name=name: (scaled_coefficients(name, scales, 4), scaled_norm2(name, scales))), 5e-3)


def closed_forms() -> None:
    for name in ("relu", "leaky_relu", "abs", "hardtanh", "elu", "gelu", "erf", "sin", "exp"):
        expression = activation(name).expression
        line(f"exact, degrees 0-20, {name}", median(lambda e=expression: exact_coefficients(e, DEGREE), 3), 0.3)
        line(f"general k, {name}", median(lambda e=expression: general_coefficient(e), 3), 1.0)


def enclosures() -> None:
    ours = 0.0
    for digits, promise in ((15, None), (50, 20e-3), (200, 250e-3)):
        seconds = median(lambda d=digits: [coefficients("tanh", DEGREE).enclosure(k, d) for k in range(DEGREE + 1)], 7, forget)
        line(f"certified, degrees 0-20, tanh, {digits} digits, cold", seconds, promise)
        ours = seconds if digits == 50 else ours

    def by_mpmath() -> None:
        with mpmath.workdps(50):
            for k in range(DEGREE + 1):
                mpmath.quad(
                    lambda x, k=k: mpmath.tanh(x) * mpmath.hermite(k, x / mpmath.sqrt(2)) * mpmath.npdf(x), [-mpmath.inf, 0, mpmath.inf]
                )

    theirs = median(by_mpmath, 1)
    print(f"{'mpmath.quad at 50 digits, 21 calls':66s} {theirs * 1e3:10.1f} ms   ratio {theirs / ours:.0f} (promised: 300)", flush=True)
    for text in ("elu", "softsign", "max(x - 1/3, 0)*tanh(x)", "abs(x - sqrt(2))*exp(x/3)", "max(tanh(x), x^2/5 - 1/3)", "sqrt(abs(x))"):
        line(f"certified, degrees 0-20, 50 digits, {text}",
             median(lambda t=text: [coefficients(t, DEGREE).enclosure(k, 50) for k in range(DEGREE + 1)], 3, forget), 2.0)


if __name__ == "__main__":
    double_precision()
    closed_forms()
    enclosures()
