"""Refused formulas, functions and expansions, the words of the repair, and the repair as a call."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

import numpy as np
import sympy

import hermite_eq as h
from hermite_eq import cli, expansion, hermite, latex
from hermite_eq.activations import Activation, activation, pieces
from hermite_eq.activations.derivative import derivative
from hermite_eq.errors import HypothesisWarning
from hermite_eq.expansion.enclosure import Enclosure, to_enclosure
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient, tail
from hermite_eq.expansion.kernels.dual import dual_series, exact_dual
from hermite_eq.hermite import X

Row = tuple[Callable[[], Any], str, Callable[[], Any]]

a, b, k = sympy.symbols("a b k")
t = sympy.Symbol("x", positive=True)
F = sympy.Function("F")


def double(sigma: Any, degree: int = 2, **given: Any) -> Any:
    return np.asarray(h.coefficients(activation(sigma, **given), degree))


def enclosed(sigma: Any, degree: int = 2, digits: int = 15, **given: Any) -> Any:
    return h.coefficients(activation(sigma, **given), degree).enclosure(degree, digits)


def silent(call: Callable[[], Any]) -> Callable[[], Any]:
    """The repair of a function may be another one of which little is known, and which says so."""
    def quiet() -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", HypothesisWarning)
            return call()
    return quiet


def command(*words: str) -> Callable[[], Any]:
    """One command of the command line, its refusal as it is raised."""
    def run() -> str:
        arguments = cli._parser().parse_args(cli._words(words))
        with redirect_stdout(io.StringIO()) as printed:
            arguments.run(arguments)
        return printed.getvalue()
    return run


TABLE: dict[str, Row] = {
    # activations
    "kinks that are no numbers": (
        lambda: Activation("n", None, np.abs, kinks=("a",)), "pass kinks=(0, 1)",  # type: ignore[arg-type]
        lambda: Activation("n", None, np.abs, kinks=(0.0, 1.0)),
    ),
    "strip and kinks": (
        lambda: Activation("n", None, np.abs, kinks=(0,), strip=1.0), "declare one of the two",
        lambda: Activation("n", None, np.abs, kinks=(0,)),
    ),
    "assumptions on the variable": (
        lambda: activation(sympy.Max(t, 0) + sympy.sqrt(t)), "real=True",
        lambda: activation(sympy.sqrt(sympy.Abs(sympy.Symbol("x", real=True)))),
    ),
    "no counterpart": (lambda: activation(F(X)), "pass a vectorised NumPy function", lambda: activation(np.tanh)),
    "parity declared": (lambda: activation(np.exp, parity="odd"), "drop the declaration parity=…", lambda: activation(np.exp)),
    "derivative of a callable": (
        lambda: derivative(activation(np.tanh)), "pass a name or a SymPy expression", lambda: derivative(activation("tanh")),
    ),
    "derivative of a jump": (lambda: derivative(activation("sign")), "pass 'relu', say", lambda: derivative(activation("relu"))),
    "another shape": (
        lambda: activation(lambda x: 1.0), "numpy.full_like(x, 1.0)", lambda: activation(lambda x: np.full_like(x, 1.0)),
    ),
    "complex values": (lambda: activation(lambda x: x + 1j), "take the real part", lambda: activation(lambda x: np.real(x + 1j))),
    "raises": (
        lambda: activation(lambda x: {}[x]), "write it with numpy.where", lambda: activation(lambda x: np.where(x > 0, x, 0.0)),
    ),
    "NaN of a callable": (
        lambda: activation(lambda x: np.where(x > 0, x, np.nan)), "numpy.where", lambda: activation(lambda x: np.where(x > 0, x, 0.0)),
    ),
    "not entry by entry": (
        lambda: activation(lambda x: x / np.max(np.abs(x))), "deterministic function of one real number",
        lambda: activation(lambda x: x / 3.0),
    ),
    "a module's name": (lambda: activation("np.tanh(x)"), "write tanh alone", lambda: activation("tanh(x)")),
    "pieces with a parameter": (lambda: pieces(sympy.Max(a * X, 0)), "give the parameters numbers", lambda: pieces(sympy.Max(3 * X, 0))),
    "branches of high degree": (
        lambda: activation(sympy.Max(X**33 + X - 1, 0)), "kinks=[…]", lambda: activation(lambda x: np.maximum(x - 1, 0), kinks=[1.0]),
    ),
    "numbers beyond doubles": (lambda: activation("1e309*x"), "another unit", lambda: activation("x")),
    "too many terms": (
        lambda: activation((X + 1) ** 20 * sum(X**j for j in range(9)) ** 20 * (X + 2) ** 60), "pass a function of NumPy",
        lambda: activation(lambda x: (x + 1.0) ** 2),
    ),
    "kinks of a callable": (
        lambda: Activation("n", None, np.abs, kinks=(math.nan,)), "pass kinks=", lambda: Activation("n", None, np.abs, kinks=(0.0,)),
    ),
    "name of a parameter": (
        lambda: activation(sympy.Symbol("a b", real=True) * X, parameters=["a b"]), "",
        lambda: activation((sympy.Symbol("a b", real=True) * X).xreplace({sympy.Symbol("a b", real=True): a}), parameters=["a"]),
    ),
    # expansion
    "enclosed with a parameter": (
        lambda: enclosed(a * sympy.tanh(X), parameters=["a"]), "substitute", lambda: enclosed((a * sympy.tanh(X)).subs(a, 2)),
    ),
    "growth of a scaled argument": (
        lambda: expansion.scaled_coefficients("exp(x**2/16)/(1 + x**2)", [2.0], 2), "use smaller scales",
        lambda: expansion.scaled_coefficients("exp(x**2/16)/(1 + x**2)", [1.0], 2),
    ),
    "slow growth of a scaled argument": (
        lambda: expansion.scaled_coefficients("exp(x**2/4)/(1 + x**2)", [1.0], 2), "a function that grows more slowly",
        lambda: expansion.scaled_coefficients("exp(x**2/8)/(1 + x**2)", [1.0], 2),
    ),
    "callable enclosed": (lambda: enclosed(np.tanh), "pass a SymPy expression", lambda: enclosed(sympy.tanh(X))),
    "callable enclosed, doubles": (
        lambda: enclosed(np.tanh), "np.asarray(coefficients(…)) serves callables", lambda: np.asarray(h.coefficients(np.tanh)),
    ),
    "no growth bound": (
        lambda: enclosed("erfinv(tanh(x))"), "np.asarray(coefficients(…))", silent(lambda: double("erfinv(tanh(x))")),
    ),
    "no balls": (
        lambda: enclosed(sympy.loggamma(X**2 + 1)), "np.asarray(coefficients(…))", silent(lambda: double(sympy.loggamma(X**2 + 1))),
    ),
    "digits of an enclosure": (lambda: enclosed("tanh", digits=10**6), "ask for digits=50", lambda: enclosed("tanh", digits=50)),
    "declared Lipschitz constant": (
        lambda: enclosed(sympy.sin(3 * X), lipschitz=1.0), "lipschitz=None", lambda: enclosed(sympy.sin(3 * X), lipschitz=None),
    ),
    "declared Lipschitz constant, larger": (
        lambda: enclosed(sympy.sin(3 * X), lipschitz=1.0), "declare a larger one", lambda: enclosed(sympy.sin(3 * X), lipschitz=3.0),
    ),
    "declared strip": (lambda: enclosed(sympy.tanh(X), strip=3.0), "strip=None", lambda: enclosed(sympy.tanh(X), strip=None)),
    "declared strip, narrower": (
        lambda: enclosed(sympy.tanh(X), strip=3.0), "declare a narrower strip", lambda: enclosed(sympy.tanh(X), strip=1.5),
    ),
    "mass out of reach": (
        lambda: double("exp(60*x - 3600)*tanh(x)"), "c.enclosure(k)", lambda: enclosed("exp(60*x - 3600)*tanh(x)"),
    ),
    "mass out of reach, norm": (
        lambda: double("exp(60*x - 3600)*tanh(x)"), "c.norm2_enclosure()",
        lambda: h.coefficients("exp(60*x - 3600)*tanh(x)").norm2_enclosure(),
    ),
    "mass out of reach, exact": (
        lambda: h.coefficients("exp(60*x - 3600)", 2).estimate, "c.exact", lambda: h.coefficients("exp(60*x - 3600)", 2).exact,
    ),
    "too large for squares": (
        lambda: double(lambda x: 1e200 * np.tanh(x)), "divide the function by 6e+199", lambda: double(lambda x: 1e200 * np.tanh(x) / 6e199),
    ),
    "degree of doubles": (lambda: double("tanh", 301), "ask for exact coefficients", lambda: h.coefficients("relu", 301).exact),
    "degree of doubles, enclosed": (
        lambda: double("tanh", 301), "enclosures one degree at a time", lambda: enclosed("tanh", 301),
    ),
    "shifts": (
        lambda: expansion.scaled_coefficients("relu", [1.0], 2, shifts=[math.inf]), "pass shifts=[-1.0, 0.0]",
        lambda: expansion.scaled_coefficients("relu", [1.0], 2, shifts=[-1.0, 0.0]),
    ),
    "wide arguments": (
        lambda: expansion.scaled_coefficients("relu", [1e9], 2), "pass at most 1000",
        lambda: expansion.scaled_coefficients("relu", [50.0], 2),
    ),
    "coefficient by a name": (lambda: h.coefficients("relu")["a"], "pass c[1]", lambda: h.coefficients("relu")[1]),  # type: ignore[index]
    "correlation as a parameter": (
        lambda: exact_dual(sympy.Symbol("rho", real=True) * X), "another name", lambda: exact_dual(sympy.Symbol("r", real=True) * X),
    ),
    "norm of one": (
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0, 1.0]), "pass both",
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0, 1.0], other_norm2=3.0),
    ),
    "Bessel": (lambda: dual_series([2.0, 2.0], 3.0), "the norm belongs to these", lambda: dual_series([1.0, 1.0], 3.0)),
    "lengths of two series": (
        lambda: dual_series([1.0, 1.0], 3.0, other=[1.0], other_norm2=3.0), "truncate the longer sequence",
        lambda: dual_series([1.0], 3.0, other=[1.0], other_norm2=3.0),
    ),
    "enclosure of NaN": (lambda: Enclosure(math.nan, 0), "enclose it anew", lambda: to_enclosure(expansion_ball(), 10)),  # type: ignore[arg-type]
    "symbol in an enclosure": (
        lambda: enclosed("tanh", 1).contains(a), "substitute the symbols first", lambda: enclosed("tanh", 1).contains(sympy.pi),
    ),
    "another x": (
        lambda: exact_coefficients(sympy.Symbol("x"), 2), "hermite_eq.hermite.X", lambda: exact_coefficients(hermite.X, 2),
    ),
    "average over the phase": (
        lambda: tail(sympy.erf(X)).residual2, "sum the first terms c_k²/k!",  # type: ignore[union-attr]
        lambda: sum(c**2 / math.factorial(j) for j, c in enumerate(double("erf", 9))),
    ),
    "general formula, small k": (
        lambda: general_coefficient(sympy.Max(X, 0))(0), "take this coefficient from exact_coefficients",  # type: ignore[misc]
        lambda: exact_coefficients(sympy.Max(X, 0), 0),
    ),
    "k as a parameter": (
        lambda: general_coefficient(sympy.Symbol("k", integer=True, nonnegative=True) * sympy.Max(X, 0)), "another name",
        lambda: general_coefficient(sympy.Symbol("s", real=True) * sympy.Max(X, 0)),
    ),
    "decay with a parameter": (
        lambda: exact_coefficients(sympy.exp(b * X**2), 2), "Symbol('b', positive=True)",
        lambda: exact_coefficients(sympy.exp(-sympy.Symbol("b", positive=True) * X**2), 2),
    ),
    "growth beyond the density": (
        lambda: exact_coefficients(sympy.exp(X**2), 2), "keep exp(b*x**2) to b < 1/4", lambda: exact_coefficients(sympy.exp(X**2 / 5), 2),
    ),
    "growth on an interval": (
        lambda: exact_coefficients(sympy.exp(X**2), 2), "restrict it to a bounded interval",
        lambda: double(sympy.Piecewise((sympy.exp(X**2), sympy.Abs(X) < 1), (0, True))),
    ),
    "no last branch": (
        lambda: exact_coefficients(sympy.Piecewise((X, X > 0)), 2), "add a last branch (value, True)",
        lambda: exact_coefficients(sympy.Piecewise((X, X > 0), (0, True)), 2),
    ),
    "sign of a parameter": (
        lambda: exact_coefficients(sympy.Max(a * X**2 - 1, 0), 2), "Symbol('a', positive=True)",
        lambda: exact_coefficients(sympy.Max(sympy.Symbol("a", positive=True) * X**2 - 1, 0), 2),
    ),
    "factorials of doubles": (
        lambda: hermite.orthonormal(np.ones(200)), "pass 171 of them, or exact ones",
        lambda: (hermite.orthonormal(np.ones(171)), hermite.orthonormal([sympy.Integer(1)] * 200)),
    ),
    # latex
    "radii": (
        lambda: latex.hermite_sum([1.0, 2.0], radius=[0.1]), "pass sequences of equal length",
        lambda: latex.hermite_sum([1.0, 2.0], radius=[0.1, 0.1]),
    ),
    "table with a parameter": (
        lambda: latex.coefficient_table([a, 1.5]), "substitute numbers for them first", lambda: latex.coefficient_table([2, 1.5]),
    ),
    "columns": (lambda: latex.side_by_side([("relu",)]), '[("relu", [0, 1]), …]', lambda: latex.side_by_side([("relu", [0, 1])])),  # type: ignore[list-item]
    "radii of columns": (
        lambda: latex.side_by_side([("relu", [0, 1])], radii=[None, None]), "pass radii=None",
        lambda: latex.side_by_side([("relu", [0, 1])], radii=None),
    ),
    "columns of one length": (
        lambda: latex.side_by_side([("relu", [0, 1]), ("tanh", [0])]), "ask for the same degree of each",
        lambda: latex.side_by_side([("relu", [0, 1]), ("tanh", [0, 1])]),
    ),
    # command line
    "numbers in a list": (
        command("theory", "--target", "relu", "--tau", "a"), "pass 0.25,0.5,1.5",
        command("theory", "--target", "relu", "--tau", "0.25,0.5,1.5"),
    ),
    "degree of the command": (
        command("coefficients", "relu", "--degree", "200"), "pass --degree 170", command("coefficients", "relu", "--degree", "170"),
    ),
    "degree of the command, TeX": (
        command("coefficients", "relu", "--degree", "172"), "or --latex", command("coefficients", "relu", "--degree", "172", "--latex"),
    ),
    "runs of the command": (
        command("compare", "--target", "relu", "--activation", "relu", "--runs", "0"), "pass --runs 4",
        silent(command("compare", "--target", "relu", "--activation", "relu", "--runs", "4", "-d", "4")),
    ),
}  # fmt: skip


def expansion_ball() -> Any:
    from flint import arb

    return arb(1) / 3
