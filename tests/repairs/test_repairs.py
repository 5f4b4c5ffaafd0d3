"""Every error names the hypothesis, the finding and a repair; and the repair, typed in, works."""

from __future__ import annotations

import ast
import dataclasses
import math
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import experiments
import formulas
import numpy as np
import pytest
import settings
import sympy

import hermite_eq as h
from hermite_eq import errors, simulate
from hermite_eq.activations import Activation, activation, parse_expression, register
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X, he

Call = Callable[[], Any]

LIBRARY = Path(h.__file__).parent

SIZES = h.Sizes.from_ratios(12, alpha=1, kappa=1, tau=2, mu=1)
RATIOS = h.Ratios(alpha=1, kappa=1, tau=2, mu=1)
TASK = h.Task("relu", noise=0.1)
HEAD = h.RandomTransformer("exp", ridge=0.1)
t, a, b = sympy.symbols("t a b")
linear = h.LinearTransformer(0.1)


def softmax() -> h.SoftmaxAttention:
    return h.SoftmaxAttention(h.Task(sources=[h.Source("relu", noise=0.1)]), sharpness=1.0)


# The call that is refused, words of the repair that it is offered, and the repair as a call.
OWN: dict[str, tuple[Call, str, Call]] = {
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
        lambda: activation(activation(a * X).expression.subs({a: sympy.Rational(1, 2)}))(1.0),
    ),
    "type": (lambda: activation(3), "pass 'relu', sympy.tanh(x) or numpy.tanh", lambda: (activation(sympy.tanh(X)), activation(np.tanh))),
    "degree": (lambda: h.coefficients("relu", -1), "pass degree=0", lambda: h.coefficients("relu", 0)),
    "degree of He": (lambda: he(10**5), "pass k=1000", lambda: he(1000)),
    "degree of a kernel": (
        lambda: h.dual_activation("tanh", degree=10**6), "pass degree=2000", lambda: h.dual_activation("tanh", degree=40)(0.5),
    ),
    "beyond the degree": (
        lambda: h.coefficients("relu", 2).residual(5), "ask for coefficients(…, degree=5)", lambda: h.coefficients("relu", 5).residual(5),
    ),
    "form of TeX": (
        lambda: h.coefficients("relu", 2).latex("tabel"), 'pass form="table"', lambda: h.coefficients("relu", 2).latex("table"),  # type: ignore[arg-type]
    ),
    "no general form": (
        lambda: h.coefficients("tanh", 2).latex("general"), 'pass form="table"', lambda: h.coefficients("tanh", 2).latex("table"),
    ),
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
    "exponential head, normalised": (
        lambda: h.icl_error(HEAD, TASK, SIZES), "normalise=True",
        lambda: h.icl_error(h.RandomTransformer("exp", ridge=0.1, normalise=True), TASK, SIZES),
    ),
    "exponential head, limit": (lambda: h.icl_error(HEAD, TASK, SIZES), "Ratios(…)", lambda: h.icl_error(HEAD, TASK, RATIOS)),
    "softmax attention, simulated": (
        lambda: h.icl_error(linear, softmax(), SIZES), "hermite_eq.simulate.icl_error(model, task, sizes, runs=8)",  # type: ignore[arg-type]
        lambda: simulate.icl_error(linear, softmax(), h.Sizes(4, 4, 4, 16), runs=1, rng=0, test=20),
    ),
    "softmax attention, linear": (
        lambda: h.icl_error(linear, softmax(), SIZES), "task.task", lambda: h.icl_error(linear, softmax().task, SIZES),  # type: ignore[arg-type]
    ),
    "noise": (lambda: h.Task("relu", noise=-1), "pass noise=0.01", lambda: h.Task("relu", noise=0.01)),
    "ratio": (lambda: h.Ratios(alpha=-1, kappa=1, tau=1), "pass alpha=1.0", lambda: h.Ratios(alpha=1.0, kappa=1, tau=1)),
    "size": (lambda: h.Sizes(0, 4, 4, 16), "pass d=1 or more", lambda: h.Sizes(1, 4, 4, 16)),
    "degrees of freedom": (lambda: h.StudentT(1.0), "pass dof=3 or more", lambda: h.StudentT(3)),
    "sources": (lambda: h.Task(sources=[1]), 'Source("relu", noise=0.01)', lambda: h.Task(sources=[h.Source("relu", noise=0.01)])),  # type: ignore[list-item]
    "place": (
        lambda: h.icl_error(linear, TASK, 3), "pass Ratios(alpha=…, kappa=…, tau=…, mu=…) or Sizes.from_ratios(d, …)",  # type: ignore[arg-type]
        lambda: (h.icl_error(linear, TASK, RATIOS), h.icl_error(linear, TASK, SIZES)),
    ),
    "model": (lambda: h.icl_error("relu", TASK, RATIOS), "LinearTransformer(ridge=…)", lambda: h.icl_error(linear, TASK, RATIOS)),  # type: ignore[arg-type]
}  # fmt: skip
TABLE = OWN | experiments.TABLE | formulas.TABLE | settings.TABLE
assert len(TABLE) == sum(map(len, (OWN, experiments.TABLE, formulas.TABLE, settings.TABLE)))


@pytest.mark.parametrize("name", TABLE)
def test_the_repair_that_is_offered_works(name: str) -> None:
    refused, words, repaired = TABLE[name]
    with pytest.raises(HypothesisError) as raised:
        refused()
    error = raised.value
    assert words in error.repair
    assert re.fullmatch(r"(?s).+; found .+\. Repair: .+", str(error))
    assert min(map(len, (error.hypothesis, error.found, error.repair))) > 0
    assert repaired() is not None


def raises() -> dict[tuple[str, int], int]:
    """The lines of all statements that raise an own error: file and line, and the first line of the statement."""
    own = {name for name, value in vars(errors).items() if isinstance(value, type) and issubclass(value, HypothesisError)}
    found = {}
    for path in sorted(LIBRARY.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            call = node.exc if isinstance(node, ast.Raise) else None
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in own:
                lines = range(call.lineno, (call.end_lineno or call.lineno) + 1)
                found |= {(str(path.relative_to(LIBRARY)), line): call.lineno for line in lines}
    return found


#: Statements that raise an own error, and calls of a reader of arguments, which the table reaches; raise them with the table.
REACHED, READERS = 255, 22


def test_the_table_reaches_as_many_statements_as_it_did() -> None:
    statements, reached, readers = raises(), set(), set()
    for refused, _, _ in TABLE.values():
        with pytest.raises(HypothesisError) as raised:
            refused()
        places = [(str(Path(str(frame.path)).relative_to(LIBRARY)), frame.lineno + 1)
                  for frame in raised.traceback if LIBRARY in Path(str(frame.path)).parents]
        if places[-1] in statements:
            reached.add((places[-1][0], statements[places[-1]]))
        if places[-1][0] == "arguments.py":
            readers.add([place for place in places if place[0] != "arguments.py"][-1])
    total = len({(name, first) for (name, _), first in statements.items()})
    assert len(reached) >= REACHED, f"{len(reached)} of {total}"
    assert len(readers) >= READERS, len(readers)


@pytest.mark.parametrize("text", ["relu(s*x)", "q*x + p", "x**k", "exp(-beta*x^2)"])
def test_the_names_in_the_repair_are_all_that_is_missing(text: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        activation(text)
    found = re.search(r"parameters=\[(.*?)\]", raised.value.repair)
    assert found is not None
    names = re.findall(r"'(\w+)'", found[1])
    assert {str(symbol) for symbol in activation(text, parameters=names).parameters} == set(names)


@pytest.mark.parametrize("name", ["relo", "tnah", "sigmiod", "lekay_relu", "sofmax", "Swsih", "hartanh", "gleu", "stpe"])
def test_every_suggested_name_is_known(name: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        activation(name)
    suggested = re.findall(r"'(\w+)'", raised.value.repair.partition("? Otherwise")[0]) if "did you mean" in raised.value.repair else []
    assert all(math.isfinite(float(activation(other)(0.5))) for other in suggested)
