"""Refused formulas and functions, the words of the repair, and the repair as a call."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import sympy
from expansions import double, enclosed
from problems import MIXED, TASK, Row, silent

import hermite_eq as h
from hermite_eq.activations import Activation, activation, parse_expression, pieces, register
from hermite_eq.activations.derivative import derivative
from hermite_eq.activations.regularity import grows_exponentially, lipschitz_violation
from hermite_eq.activations.rescaled import rescaled
from hermite_eq.expansion.enclosure import enclose_number
from hermite_eq.hermite import X

t, a, b = sympy.symbols("t a b")
positive = sympy.Symbol("x", positive=True)
F = sympy.Function("F")
PARSED = "write it in x with + - * / ** and functions such as max, exp, tanh"

TABLE: dict[str, Row] = {
    "unknown name": (lambda: activation("rellu"), "did you mean 'relu'", lambda: activation("relu")),
    "unknown name, expression": (lambda: activation("rellu"), "'max(x, x/3)'", lambda: activation("max(x, x/3)")),
    "unknown name, list": (lambda: activation("qqq"), "hermite_eq.registered_names()", lambda: h.registered_names()),
    "undeclared symbol": (
        lambda: h.coefficients("relu(s*x)"), "pass parameters=['s']", lambda: h.coefficients("relu(s*x)", parameters=["s"]).c,
    ),
    "undeclared symbols": (
        lambda: h.equivalent_model("q*x + p"), "pass parameters=['p', 'q']", lambda: h.equivalent_model("q*x + p", parameters=["p", "q"]).c,
    ),
    "function without argument": (lambda: parse_expression("relu + x"), "write relu(x)", lambda: parse_expression("relu(x) + x")),
    "misspelt function": (lambda: parse_expression("sofplus(x)"), "did you mean softplus", lambda: parse_expression("softplus(x)")),
    "open bar": (lambda: parse_expression("|x"), "write abs(x)", lambda: parse_expression("abs(x)")),
    "power of bars": (lambda: parse_expression("log|x|^2"), "write (f(|x|))^2", lambda: parse_expression("(log(|x|))^2")),
    "bars after a number": (lambda: parse_expression("2|x|"), "write 2*abs(x)", lambda: parse_expression("2*abs(x)")),
    "parameters": (lambda: activation("a*x", parameters=["x"]), "parameters=['a', 'b']", lambda: activation("a*x", parameters=["a", "b"])),
    "no variable": (lambda: activation(a * t), "parameters=[…]", lambda: activation(a * t, parameters=["a"])),
    "no variable, rename": (lambda: activation(a * t), "rename the variable to x", lambda: activation(a * X)),
    "parameters of a callable": (lambda: activation(np.tanh, parameters=["a"]), "drop parameters", lambda: activation(np.tanh)),
    "variance": (lambda: h.coefficients("relu", variance=-1), "pass variance=2", lambda: h.coefficients("relu", variance=2).c),
    "symbolic variance": (
        lambda: h.coefficients(np.tanh, variance=sympy.Symbol("v", positive=True)), "pass a number as variance",
        lambda: np.asarray(h.coefficients(np.tanh, variance=2)),
    ),
    "too large": (
        lambda: activation("gelu(" * 10 + "x" + ")" * 10), "pass a function of NumPy", lambda: np.asarray(h.coefficients(np.tanh, 2)),
    ),
    "too many kinks": (
        lambda: activation(sum(sympy.Abs(X - k) for k in range(50))), "pass a function of NumPy with kinks=[…]",
        lambda: np.asarray(h.coefficients(lambda x: sum(np.abs(x - k) for k in range(3)), 2, kinks=[0, 1, 2])),
    ),
    "registered twice": (
        lambda: register(activation(X + 2, name="relu")), "pass replace=True",
        lambda: register(activation("relu"), replace=True),
    ),
    "not an identifier": (
        lambda: register(activation(X + 2, name="a b")), "pass activation(…, name='my_activation')",
        lambda: register(activation(X + 2, name="my_activation"), replace=True),
    ),
    "kinks out of order": (
        lambda: Activation("n", None, np.abs, kinks=(1, 0)), "pass kinks=(0.0, 1.0)",
        lambda: Activation("n", None, np.abs, kinks=(0.0, 1.0)),
    ),
    "parity": (lambda: Activation("n", None, np.abs, parity="o"), "drop it", lambda: Activation("n", None, np.abs)),  # type: ignore[arg-type]
    "lipschitz": (
        lambda: Activation("n", None, np.abs, lipschitz=-1.0), "pass lipschitz=None", lambda: Activation("n", None, np.abs, lipschitz=None),
    ),
    "facts twice": (
        lambda: activation("relu", parity="odd"), "dataclasses.replace", lambda: dataclasses.replace(activation("relu"), lipschitz=1.0),
    ),
    "values with a parameter": (
        lambda: activation("a*x", parameters=["a"])(1.0), "expression.subs({a: sympy.Rational(1, 2)})",
        lambda: activation(activation(a * X).expression.subs({a: sympy.Rational(1, 2)}))(1.0),  # type: ignore[union-attr]
    ),
    "type": (lambda: activation(3), "pass 'relu', sympy.tanh(x) or numpy.tanh", lambda: (activation(sympy.tanh(X)), activation(np.tanh))),
    "equivalent of an equivalent": (
        lambda: h.equivalent_transformer(h.RandomTransformer(h.equivalent_model("relu"), 0.1), TASK),
        "pass hermite_eq.RandomTransformer('relu', ridge=1e-8)",
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", ridge=1e-8), TASK),
    ),
    "task of an equivalent": (
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), "relu"), 'pass hermite_eq.Task("relu", noise=0.01)',  # type: ignore[arg-type]
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), h.Task("relu", noise=0.01)),
    ),
    "regime": (
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), TASK, 3), "pass hermite_eq.Ratios(alpha=1, kappa=1, tau=1)",  # type: ignore[arg-type]
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), TASK, h.Ratios(alpha=1, kappa=1, tau=1)),
    ),
    "kinks that are no numbers": (
        lambda: Activation("n", None, np.abs, kinks=("a",)), "pass kinks=(0, 1)",
        lambda: Activation("n", None, np.abs, kinks=(0.0, 1.0)),
    ),
    "strip and kinks": (
        lambda: Activation("n", None, np.abs, kinks=(0,), strip=1.0), "declare one of the two",
        lambda: Activation("n", None, np.abs, kinks=(0,)),
    ),
    "assumptions on the variable": (
        lambda: activation(sympy.Max(positive, 0) + sympy.sqrt(positive)), "real=True",
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
        lambda: activation(sympy.Symbol("a b", real=True) * X, parameters=["a b"]), "pass parameters=['a', 'b'], say",
        lambda: activation((sympy.Symbol("a b", real=True) * X).xreplace({sympy.Symbol("a b", real=True): a}), parameters=["a"]),
    ),
    "enclosed with a parameter": (
        lambda: enclosed(a * sympy.tanh(X), parameters=["a"]), "substitute them first", lambda: enclosed((a * sympy.tanh(X)).subs(a, 2)),
    ),
    "no balls": (
        lambda: enclosed(sympy.loggamma(X**2 + 1)), "np.asarray(coefficients(…))", silent(lambda: double(sympy.loggamma(X**2 + 1))),
    ),
    # texts
    "a long text": (lambda: parse_expression("x" * 3000), PARSED, lambda: parse_expression("x")),
    "deep powers": (lambda: parse_expression("x" + "**x" * 60), "fewer brackets", lambda: parse_expression("x**x")),
    "no text": (lambda: parse_expression("x\ud800"), PARSED, lambda: parse_expression("x")),
    "a truth value": (lambda: parse_expression("x + True"), PARSED, lambda: parse_expression("x + 1")),
    "many digits": (lambda: parse_expression("9" * 500 + "*x"), PARSED, lambda: parse_expression("9*x")),
    "no condition": (lambda: parse_expression("x if x else 1"), PARSED, lambda: parse_expression("x if x > 0 else 1")),
    "a lambda": (lambda: parse_expression("lambda: x"), PARSED, lambda: parse_expression("x")),
    "a string": (lambda: parse_expression("'a'"), PARSED, lambda: parse_expression("x")),
    "a large exponent of ten": (lambda: parse_expression("1e5000*x"), PARSED, lambda: parse_expression("1e50*x")),
    "another operator": (lambda: parse_expression("x // 2"), PARSED, lambda: parse_expression("floor(x / 2)")),
    "division by zero": (lambda: parse_expression("x/0"), PARSED, lambda: parse_expression("x/2")),
    "a large exponent": (lambda: parse_expression("x**2000"), PARSED, lambda: parse_expression("x**20")),
    "a large power": (lambda: parse_expression("99**999*x"), PARSED, lambda: parse_expression("99**9*x")),
    "a power of zero": (lambda: parse_expression("0**-1"), PARSED, lambda: parse_expression("2**-1")),
    "a method": (lambda: parse_expression("x.tanh()"), PARSED, lambda: parse_expression("tanh(x)")),
    "a keyword": (lambda: parse_expression("tanh(x=x)"), PARSED, lambda: parse_expression("tanh(x)")),
    "number of arguments": (lambda: parse_expression("tanh(x, x)"), PARSED, lambda: parse_expression("tanh(x)")),
    "many comparisons": (
        lambda: parse_expression("max(" + ", ".join(f"x - {i}" for i in range(30)) + ")"), PARSED,
        lambda: parse_expression("max(x, x - 1)"),
    ),
    "an infinite number": (lambda: parse_expression("log(0)*x"), PARSED, lambda: parse_expression("log(2)*x")),
    "no branch": (lambda: parse_expression("Piecewise(x, x)"), PARSED, lambda: parse_expression("Piecewise((x, x > 0), (0, True))")),
    "a large factorial": (lambda: parse_expression("gamma(1000)*x"), PARSED, lambda: parse_expression("gamma(10)*x")),
    # values
    "complex constants": (
        lambda: activation(sympy.sqrt(sympy.cos(3)) * X), "take the real part", lambda: activation(sympy.re(sympy.sqrt(sympy.cos(3))) + X),
    ),
    "complex on the left": (lambda: activation("log(x)"), "|x| inside", lambda: activation("log(|x|)")),
    "other values in SciPy": (
        lambda: activation(sympy.Abs(sympy.loggamma(X))), "pass a vectorised NumPy function", lambda: activation(np.tanh),
    ),
    "no values in NumPy": (
        lambda: activation(sympy.Piecewise((X, sympy.Contains(X, sympy.Interval(0, 1))), (0, True))), "pass a vectorised NumPy function",
        lambda: activation(lambda x: np.where((x >= 0) & (x <= 1), x, 0.0)),
    ),
    "name of a function": (
        lambda: activation(sympy.Function("a b")(X)), "with xreplace",
        lambda: activation(sympy.Function("a b")(X).xreplace({sympy.Function("a b")(X): sympy.tanh(X)})),
    ),
    "another shape for many": (
        lambda: activation(lambda x: x if x.size < 100 else x[:3])(np.ones(1000)), "return one value per entry",
        lambda: activation(lambda x: x + 0.0)(np.ones(1000)),
    ),
    "texts as objects": (
        lambda: activation(lambda x: np.full(np.shape(x), "a", dtype=object)), "return floats", lambda: activation(lambda x: 0.0 * x),
    ),
    "dicts as values": (
        lambda: activation(lambda x: np.full(np.shape(x), {}, dtype=object)), "return floats", lambda: activation(lambda x: 0.0 * x),
    ),
    "dates as values": (
        lambda: activation(lambda x: np.zeros(np.shape(x), "datetime64[s]")), "return floats", lambda: activation(lambda x: 0.0 * x),
    ),
    "name that is no text": (
        lambda: Activation(3, None, np.abs), 'pass name="", say', lambda: Activation("", None, np.abs),  # type: ignore[arg-type]
    ),
    "no function": (
        lambda: Activation("n", None, 3), "pass function=numpy.tanh", lambda: Activation("n", None, function=np.tanh),  # type: ignore[arg-type]
    ),
    "bits of a kink": (
        lambda: Activation("n", None, np.abs, kinks=(2**20000,)), "pass a float", lambda: Activation("n", None, np.abs, kinks=(2.0,)),
    ),
    # balls
    "balls with a parameter": (lambda: enclose_number(a, 10), "substitute a first", lambda: enclose_number(a.subs(a, 2), 10)),
    "balls of a real part": (
        lambda: enclosed(sympy.re(sympy.loggamma(sympy.I)) * X), "rewrite it in elementary functions",
        lambda: enclosed(sympy.log(sympy.pi / sympy.sinh(sympy.pi)) / 2 * X),
    ),
    "balls of a connective": (
        lambda: enclosed(sympy.Piecewise((X, sympy.Xor(X > 0, X > 1)), (0, True))), "np.asarray(coefficients(…))",
        silent(lambda: double(sympy.Piecewise((X, sympy.Xor(X > 0, X > 1)), (0, True)))),
    ),
    "labels of two sources": (
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), MIXED), 'pass hermite_eq.Task("relu", noise=0.01)',
        lambda: h.equivalent_transformer(h.RandomTransformer("relu", 0.1), h.Task("relu", noise=0.01)),
    ),
    "balls of a complex constant": (
        lambda: enclose_number(sympy.sqrt(sympy.cos(3)), 10), "take the real part",
        lambda: enclose_number(sympy.re(sympy.sqrt(sympy.cos(3))), 10),
    ),
    # arguments
    "kinks that are no sequence": (
        lambda: Activation("n", None, np.abs, kinks=0), "pass kinks=(0, 1)", lambda: Activation("n", None, np.abs, kinks=(0, 1)),  # type: ignore[arg-type]
    ),
    "what is registered": (
        lambda: register(np.tanh), "pass hermite_eq.activation(function, name='my_activation')",  # type: ignore[arg-type]
        lambda: register(activation(np.tanh, name="my_activation"), replace=True),
    ),
    "jumps of a name": (lambda: lipschitz_violation("relu"), "activation('relu')", lambda: lipschitz_violation(activation("relu")) is None),  # type: ignore[arg-type]
    "growth of a name": (lambda: grows_exponentially("exp"), "activation('exp')", lambda: grows_exponentially(activation("exp"))),  # type: ignore[arg-type]
    "a rescaled name": (lambda: rescaled("relu", 2), "activation('relu')", lambda: rescaled(activation("relu"), 2)),  # type: ignore[arg-type]
    "a variance that is no number": (
        lambda: rescaled(activation("relu"), "2"), "pass variance=2", lambda: rescaled(activation("relu"), variance=2),
    ),
}  # fmt: skip
