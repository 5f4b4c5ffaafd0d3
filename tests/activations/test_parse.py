"""Text to expressions: exact numbers, a closed list of functions, and nothing ever executed."""

from __future__ import annotations

import pytest
import sympy
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, erf, exp, log, pi, sqrt, tanh

from hermite_eq.activations import activation, parse_expression, registered_names
from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/3", Rational(1, 3)),
        ("0.3", Rational(3, 10)),
        ("0.12345678901234567890123", Rational("0.12345678901234567890123")),
        ("2.5e-3*x", X / 400),
        ("1_000*x", 1000 * X),
        ("x^2 + 1", X**2 + 1),
        ("-x^2", -(X**2)),
        ("2^-1", Rational(1, 2)),
        ("x**3 - 3*x", X**3 - 3 * X),
        ("max(x - 1/3, 0)", Max(X - Rational(1, 3), 0)),
        ("Min(Max(x, -1), 1)", Min(Max(X, -1), 1)),
        ("abs(x) + sign(x)", Abs(X) + sympy.sign(X)),
        ("Heaviside(x)", Heaviside(X)),
        ("x*(1 + erf(x/sqrt(2)))/2", X * (1 + erf(X / sqrt(2))) / 2),
        ("log1p(x^2) + expm1(x) + e*pi", log(1 + X**2) + exp(X) - 1 + sympy.E * pi),
        ("x if x > 0 else exp(x) - 1", Piecewise((X, X > 0), (exp(X) - 1, True))),
        ("where(-1 <= x < 1, x, 0)", Piecewise((X, (X >= -1) & (X < 1)), (0, True))),
        ("1 if x < -1 or not x < 1 else 0", Piecewise((1, (X < -1) | (X >= 1)), (0, True))),
        ("tanh(2*x)", tanh(2 * X)),
        ("relu(x - 1/2)", Max(X - Rational(1, 2), 0)),
        ("  gelu(x)  ", X * (1 + erf(X / sqrt(2))) / 2),
    ],
)
def test_reads(text: str, expected: sympy.Expr) -> None:
    parsed = parse_expression(text)
    assert parsed == expected
    assert not parsed.has(sympy.Float)


def test_declared_parameters_become_real_symbols() -> None:
    a = sympy.Symbol("a", real=True)
    assert parse_expression("max(x, a*x)", parameters=["a"]) == Max(X, a * X)


@pytest.mark.parametrize("name", registered_names())
def test_every_registered_activation_is_a_function(name: str) -> None:
    assert parse_expression(f"{name}(x)") == activation(name).expression


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("__import__('os').system('true')", "found an attribute: __import__('os').system."),
        ("x.__class__", "found an attribute: x.__class__."),
        ("(lambda: 1)()", "found a lambda: lambda: 1."),
        ("[x][0]", "found a subscript: [x][0]."),
        ("'text'", "found a constant that is no real number: 'text'."),
        ("True", "found a constant that is no real number: True."),
        ("1j*x", "found a constant that is no real number: 1j."),
        ("f'{x}'", "found a string: "),
        ("x > 0", "found a comparison: x > 0."),
        ("x and x", "found a logical operation: x and x."),
        ("x % 2", "found an operator: x % 2."),
        ("x // 2", "found an operator: x // 2."),
        ("~x", "found an operator: ~x."),
        ("(y := x)", "found the construct NamedExpr: (y := x)."),
        ("max(*x)", "found a starred argument: *x."),
        ("exp(x, evaluate=False)", "functions take positional arguments only; found exp(x, evaluate=False)."),
        ("tahn(x)", "found the function 'tahn'. Repair: did you mean tan or tanh or atan?"),
        ("eval(x)", "an expression uses known functions only; found the function 'eval'."),
        ("y + 1", "found the name 'y'. Repair: write x, or pass parameters=['y']"),
        ("tanh(x, x)", "tanh takes 1 argument(s); found tanh(x, x)."),
        ("where(x, 1, 2)", "a condition compares with <, <=, >, >=; found x."),
        ("1 if x == 0 else 2", "found a comparison: x == 0."),
        ("x +", "an expression follows Python's syntax; found invalid syntax in 'x +'."),
        ("x; x", "an expression follows Python's syntax; found"),
        ("", "an expression follows Python's syntax; found"),
        ("1/0", "no quotient has the denominator 0; found 1 / 0."),
        ("9**9**9", "exponents are at most 1000; found 9 ** 9 ** 9."),
        ("(10**900)**900*x", "powers of numbers have at most 10000 bits; found (10 ** 900) ** 900."),
        ("((x + 1)**900)**900", "exponents are at most 1000; found ((x + 1) ** 900) ** 900."),
        ("1e999999999", "exponents are at most 1000; found 1e999999999."),
        ("x*" * 1500 + "x", "an expression is a text of at most 2000 characters; found str of length 3001."),
        ("-" * 1900 + "x", "an expression is not nested beyond Python's own limit"),
        ("(" * 900 + "x" + ")" * 900, "found "),
        ("x\0", "found "),
    ],
)
def test_refuses_and_names_what_is_not_allowed(text: str, found: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        parse_expression(text)
    assert found in str(raised.value)
    assert "Repair: " in str(raised.value)


def test_refuses_what_is_no_text() -> None:
    with pytest.raises(HypothesisError, match="an expression is a text of at most 2000 characters; found bytes of length 1"):
        parse_expression(b"x")  # type: ignore[arg-type]
