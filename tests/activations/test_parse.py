"""Text to expressions: exact numbers, a closed list of functions, and nothing ever executed."""

from __future__ import annotations

import pytest
import sympy
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st
from sympy import Abs, Heaviside, Max, Min, Piecewise, Rational, erf, exp, log, pi, sqrt, tanh

from hermite_eq.activations import activation, parse_expression, registered_names
from hermite_eq.activations.names.vocabulary import FUNCTIONS
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
        ("swish(x) + LeakyReLU(x)", X / (1 + exp(-X)) + Max(X / 100, X)),
        ("leaky_relu(x, 0.2)", Piecewise((X, X > 0), (X / 5, True))),
        ("ELU(x, 2)", Piecewise((X, X > 0), (2 * exp(X) - 2, True))),
        ("celu(x, 2)", Piecewise((X, X > 0), (2 * exp(X / 2) - 2, True))),
        ("step(x - 1)", Heaviside(X - 1)),
        ("ln(1 + x^2)", log(1 + X**2)),
        ("clip(x, -1, 1)", Min(1, Max(-1, X))),
        ("ceil(x) - floor(x)", sympy.ceiling(X) - sympy.floor(X)),
        ("|x|", Abs(X)),
        ("log|x|", sympy.log(Abs(X))),
        ("log|sin|x||/2", sympy.log(Abs(sympy.sin(Abs(X)))) / 2),
        ("exp |x|*sqrt||x| - 1|", sympy.exp(Abs(X)) * sympy.sqrt(Abs(Abs(X) - 1))),
        ("||x| - 1|*|x|^2", Abs(Abs(X) - 1) * Abs(X) ** 2),
        ("exp(-|x - 1|/2)", exp(-Abs(X - 1) / 2)),
        ("x − 2·x", -X),
        ("x > 0", Piecewise((1, X > 0), (0, True))),
        ("(x > 0)*x", X * Piecewise((1, X > 0), (0, True))),
        ("-1 < x <= 1", Piecewise((1, (X > -1) & (X <= 1)), (0, True))),
        ("(x < -1) | (x > 1)", Piecewise((1, (X < -1) | (X > 1)), (0, True))),
        ("x*((|x| > 1) & ~(x > 2))", X * Piecewise((1, (Abs(X) > 1) & (X <= 2)), (0, True))),
        ("logical_or(x < -1, x > 1)", Piecewise((1, (X < -1) | (X > 1)), (0, True))),
        ("where(x == 0, 1, 2)", Piecewise((1, sympy.Eq(X, 0)), (2, True))),
        ("Max(x - Rational(1, 3), 0)", Max(X - Rational(1, 3), 0)),
        ("floor", sympy.floor(X)),
        ("x", X),
        ("+".join(f"max(x - {k}/7, 0)" for k in range(16)), sum(Max(X - Rational(k, 7), 0) for k in range(16))),
        ("(x + 1)**12", (X + 1) ** 12),
        ("gelu(tanh(x))", tanh(X) * (1 + erf(tanh(X) / sqrt(2))) / 2),
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
    ("text", "finding"),
    [
        ("__import__('os').system('true')", "found an attribute: __import__('os').system."),
        ("x.__class__", "found an attribute: x.__class__."),
        ("(lambda: 1)()", "found a lambda: lambda: 1."),
        ("[x][0]", "found a subscript: [x][0]."),
        ("'text'", "found a constant that is no real number: 'text'."),
        ("True", "found a constant that is no real number: True."),
        ("1j*x", "found a constant that is no real number: 1j."),
        ("f'{x}'", "found a string: "),
        ("x is 0", "found a comparison: x is 0."),
        ("x and x", "a condition compares with <, <=, >, >=, == or !=, each comparison in parentheses beside & and |; found x."),
        ("x > 0 & x < 1", "each comparison in parentheses beside & and |; found 0."),
        ("x % 2", "found an operator: x % 2."),
        ("x // 2", "found an operator: x // 2."),
        ("~x", "a condition compares with"),
        ("x << 2", "found an operator: x << 2."),
        ("x |x|", "an expression follows Python's syntax; found"),
        ("log|x|^2", "the power of f|…| is one of the value or of the argument; found 'log|x|^2'. Repair: write (f(|x|))^2 or f(|x|^2)"),
        ("2|x|", "an expression follows Python's syntax; found invalid syntax in '2|x|'. Repair: write 2*abs(x) in place of 2|x|"),
        ("|x", "every bar |…| closes within its brackets; found '|x'. Repair: write abs(x) in place of |x|"),
        ("(|x)|", "every bar |…| closes within its brackets"),
        ("Piecewise(x)", "a branch of Piecewise is a pair (value, condition); found x."),
        ("Rational(1, 0)*x", "every number in an expression is finite"),
        ("relu + x", "found the name 'relu'. Repair: write relu(x)"),
        ("np.maximum(x, 0)", "functions are named without their module; found np.maximum. Repair: write maximum alone"),
        ("torch.nn.functional.relu(x)", "found torch.nn.functional.relu. Repair: write relu alone"),
        ("tan^-1(x)", "found the name 'tan'. Repair: write tan(x)"),
        ("b*x + a", "found the names 'a', 'b'. Repair: write x, or pass parameters=['a', 'b']"),
        ("(x := x)", "found the construct NamedExpr: x := x."),
        ("max(*x)", "found a starred argument: *x."),
        ("exp(x, evaluate=False)", "functions take positional arguments only; found exp(x, evaluate=False)."),
        ("tahn(x)", "found the function 'tahn'. Repair: did you mean tanh or "),
        ("eval(x)", "an expression uses known functions only; found the function 'eval'."),
        ("y + 1", "found the name 'y'. Repair: write x, or pass parameters=['y']"),
        ("tanh(x, x)", "tanh takes 1 argument(s); found tanh(x, x)."),
        ("where(x, 1, 2)", "a condition compares with"),
        ("x +", "an expression follows Python's syntax; found invalid syntax in 'x +'."),
        ("x; x", "an expression follows Python's syntax; found"),
        ("", "an expression follows Python's syntax; found"),
        ("1/0", "no quotient has the denominator 0; found 1/0."),
        ("9**9**9", "exponents are at most 1000; found 9**9**9."),
        ("(10**900)**900*x", "numbers have at most 1330 bits; found 10**900."),
        ("((x + 1)**900)**900", "exponents are at most 1000; found ((x + 1)**900)**900."),
        ("1e999999999", "exponents are at most 1000; found 1e999999999."),
        ("x*" * 1500 + "x", "an expression is a text of at most 2000 characters; found str of length 3001."),
        ("-" * 1900 + "x", "an expression is nested at most 40 deep"),
        ("x" + "**x" * 300, "an expression is nested at most 40 deep"),
        ("exp(" * 60 + "x" + ")" * 60, "an expression is nested at most 40 deep"),
        ("exp(exp(exp(9)))", "numbers under exp are at most 2302 in size; found exp(exp(9))."),
        ("10**10**10", "exponents are at most 1000; found 10**10**10."),
        ("9**9**9**9", "exponents are at most 1000"),
        ("factorial(10**5)*x", "numbers under factorial are at most 100 in size"),
        ("sqrt(10**300*10**300 + 7)", "numbers have at most 1330 bits"),
        ("7" * 1900, "numbers have at most 1330 bits"),
        ("gelu(" * 10 + "x" + ")" * 10, "an expression has at most 500 operands and operators"),
        ("max(" + ",".join(f"x**{k}" for k in range(40)) + ")", "max and min compare their arguments at most 400 times"),
        ("max(" * 20 + "x" + "".join(f", {k}*x - {k})" for k in range(20)), "max and min compare their arguments at most 400 times"),
        ("(" * 900 + "x" + ")" * 900, "found "),
        ("x\0", "found "),
    ],
)
def test_refuses_and_names_what_is_not_allowed(text: str, finding: str) -> None:
    with pytest.raises(HypothesisError) as raised:
        parse_expression(text)
    assert finding in str(raised.value)
    assert "Repair: " in str(raised.value)


_LEAVES = st.sampled_from([X, X, X, sympy.Integer(2), Rational(-1, 3), pi, sympy.E, sqrt(2)])


def _grown(inner: st.SearchStrategy[sympy.Expr]) -> st.SearchStrategy[sympy.Expr]:
    factors = (exp, tanh, sympy.sin, erf, Abs, sympy.sign, Heaviside, sympy.floor, sympy.atan, lambda z: 1 / (1 + z**2), lambda z: z**3)
    two = (
        lambda a, b: a + b, lambda a, b: a * b, Max, Min, lambda a, b: Piecewise((a, b < X), (b, True)), lambda a, b: exp(1) ** (a - b),
        lambda a, b: Piecewise((a, (X > -1) & (X < 2)), (b, (X <= -3) | sympy.Ne(X, 5)), (X, True)),
    )  # fmt: skip
    return st.one_of(
        st.builds(lambda f, a: f(a), st.sampled_from(factors), inner),
        st.builds(lambda f, a, b: f(a, b), st.sampled_from(two), inner, inner),
    )


@given(st.recursive(_LEAVES, _grown, max_leaves=4))
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
def test_what_sympy_prints_reads_back(expression: sympy.Expr) -> None:
    try:
        activation(expression)
    except HypothesisError:
        reject()
    assert parse_expression(str(expression)) == expression


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_name_of_the_vocabulary_is_read(name: str) -> None:
    _, fewest, _ = FUNCTIONS[name]
    conditions = name in {"ITE", "And", "Or", "Not", "logical_and", "logical_or", "logical_not"}
    arguments = ["x > 0"] * fewest if conditions else ["1/2", "3/4"] if name == "Rational" else ["x"] * fewest
    if name in ("where", "Piecewise"):
        arguments = {"where": ["x > 0", "x", "1"], "Piecewise": ["(x, x > 0)", "(1, True)"]}[name]
    assert isinstance(parse_expression(f"{name}({', '.join(arguments)})"), sympy.Expr)


def test_refuses_what_is_no_text() -> None:
    with pytest.raises(HypothesisError, match="an expression is a text of at most 2000 characters; found bytes of length 1"):
        parse_expression(b"x")  # type: ignore[arg-type]
