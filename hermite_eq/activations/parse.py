"""Expressions given as text, read by a whitelist over Python's own syntax tree; decimals and quotients stay exact rationals."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Callable, Sequence, Sized
from typing import Any

import sympy

from hermite_eq.activations.registry import registered, registered_names
from hermite_eq.arguments import sequence, shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.hermite import X

_LONGEST = 2000
_REPAIR = "write it in x with + - * / ** and functions such as max, exp, tanh"
# 9^9^9 would fill the memory before anybody looked at it.
_LARGEST_EXPONENT = 1000
_MOST_BITS = 10_000

_CONSTANTS: dict[str, sympy.Expr] = {"pi": sympy.pi, "e": sympy.E, "E": sympy.E}


# name -> (SymPy function, fewest arguments, most arguments); None: any number
_FUNCTIONS: dict[str, tuple[Callable[..., sympy.Expr], int, int | None]] = {
    **{
        name: (getattr(sympy, name), 1, 1)
        for name in (
            "exp", "log", "sin", "cos", "tan", "sinh", "cosh", "tanh", "coth", "sech", "asin", "acos", "atan", "asinh", "erf", "erfc",
            "sinc", "Abs", "sign", "Heaviside",
        )
    },
    "sqrt": (lambda z: sympy.sqrt(z), 1, 1),
    "abs": (sympy.Abs, 1, 1),
    "arctan": (sympy.atan, 1, 1),
    "arcsinh": (sympy.asinh, 1, 1),
    "log1p": (lambda z: sympy.log(1 + z), 1, 1),
    "expm1": (lambda z: sympy.exp(z) - 1, 1, 1),
    "Max": (sympy.Max, 1, None),
    "max": (sympy.Max, 1, None),
    "maximum": (sympy.Max, 2, 2),
    "Min": (sympy.Min, 1, None),
    "min": (sympy.Min, 1, None),
    "minimum": (sympy.Min, 2, 2),
    "where": (lambda condition, yes, no: sympy.Piecewise((yes, condition), (no, True)), 3, 3),
}

_OPERATORS: dict[type[ast.operator], tuple[str, Callable[[sympy.Expr, sympy.Expr], sympy.Expr]]] = {
    ast.Add: ("+", lambda a, b: a + b),
    ast.Sub: ("-", lambda a, b: a - b),
    ast.Mult: ("*", lambda a, b: a * b),
    ast.Div: ("/", lambda a, b: a / b),
    ast.Pow: ("**", lambda a, b: a**b),
}

_COMPARISONS: dict[type[ast.cmpop], Callable[[sympy.Expr, sympy.Expr], Any]] = {
    ast.Lt: sympy.Lt,
    ast.LtE: sympy.Le,
    ast.Gt: sympy.Gt,
    ast.GtE: sympy.Ge,
}


def parse_expression(text: str, *, parameters: Sequence[str] = ()) -> sympy.Expr:
    r"""The SymPy expression written in ``text``, in the variable ``x``; nothing in ``text`` is executed.

    Numbers, ``pi``, ``e``, ``+ - * /``, powers as ``**`` or ``^``, the elementary functions, ``max``, ``min``, ``abs``, ``sign``,
    ``Heaviside``, every registered activation as a function, ``a if x < 0 else b`` and ``where(x < 0, a, b)``. Decimals and
    quotients are exact: ``0.3`` is 3/10.

    Parameters
    ----------
    text : str
    parameters : sequence of str
        Names allowed beside x; they become real symbols.

    Raises
    ------
    HypothesisError
        Naming what is not allowed, and where.

    Examples
    --------
    >>> parse_expression("max(x - 1/3, 0) + 0.3 x^2".replace("0.3 x", "0.3*x"))
    3*x**2/10 + Max(0, x - 1/3)
    >>> parse_expression("x if x > 0 else a*x", parameters=["a"])
    Piecewise((x, x > 0), (a*x, True))
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        what = type(text).__name__ + (f" of length {len(text)}" if isinstance(text, Sized) else "")
        kind = HypothesisError if isinstance(text, str) else ArgumentTypeError
        raise kind("an expression is a text of at most 2000 characters", what, _REPAIR)
    for name in sequence(parameters, "parameters"):
        if not isinstance(name, str) or not name.isidentifier():
            raise HypothesisError("a parameter is named by an identifier", shown(name), "pass parameters=['a']")
    # In Python ^ binds weaker than +; as a power it has to be rewritten before parsing.
    source = text.strip().replace("^", "**")
    try:
        tree = ast.parse(source, mode="eval")
        return _Reader(source, parameters).read(tree.body)
    except SyntaxError as error:
        raise _refused("an expression follows Python's syntax", f"{error.msg} in {text!r}") from None
    except (RecursionError, MemoryError):
        raise _refused("an expression is not nested beyond Python's own limit", f"{text[:40]!r}…") from None
    except ValueError as error:
        if isinstance(error, HypothesisError):
            raise
        raise _refused("an expression follows Python's syntax", f"{error} in {text[:40]!r}") from None


def _refused(hypothesis: str, found: str) -> HypothesisError:
    return HypothesisError(hypothesis, found, _REPAIR)


class _Reader:
    def __init__(self, source: str, parameters: Sequence[str]) -> None:
        self.source = source
        self.symbols = {"x": X, **{name: sympy.Symbol(name, real=True) for name in parameters}}

    def read(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return self._number(node)
        if isinstance(node, ast.Name):
            return self._name(node.id)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
            operand = self.read(node.operand)
            return -operand if isinstance(node.op, ast.USub) else operand
        if isinstance(node, ast.BinOp) and type(node.op) in _OPERATORS:
            return self._operation(node)
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.IfExp):
            return sympy.Piecewise(
                (self.read(node.body), self._condition(node.test)), (self.read(node.orelse), True)
            )
        raise self._disallowed(node)

    def _number(self, node: ast.Constant) -> sympy.Expr:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            raise self._disallowed(node)
        # The digits as written: the float has already forgotten those beyond the seventeenth.
        digits = (ast.get_source_segment(self.source, node) or "").replace("_", "")
        try:
            exponent = int(digits.lower().partition("e")[2] or 0)
        except ValueError:
            exponent = 0
        if abs(exponent) > _LARGEST_EXPONENT:
            raise _refused(f"exponents are at most {_LARGEST_EXPONENT}", digits)
        return sympy.Rational(digits) if isinstance(node.value, float) else sympy.Integer(node.value)

    def _name(self, name: str) -> sympy.Expr:
        if name in self.symbols:
            return self.symbols[name]
        if name in _CONSTANTS:
            return _CONSTANTS[name]
        raise HypothesisError(
            "the variable is x; other names are declared parameters, pi or e",
            f"the name {name!r}",
            f"write x, or pass parameters=[{name!r}]",
        )

    def _operation(self, node: ast.BinOp) -> sympy.Expr:
        left, right = self.read(node.left), self.read(node.right)
        symbol, operation = _OPERATORS[type(node.op)]
        if symbol == "/" and right.is_zero:
            raise _refused("no quotient has the denominator 0", ast.unparse(node))
        if symbol == "**" and right.is_number:
            # Powers of powers multiply their exponents; x^1 is x.
            exponent = right * left.as_base_exp()[1]
            if exponent.is_number and not abs(exponent) <= _LARGEST_EXPONENT:
                raise _refused(f"exponents are at most {_LARGEST_EXPONENT}", ast.unparse(node)[:60])
            if left.is_Rational and left and max(abs(left.p), left.q).bit_length() * abs(right) > _MOST_BITS:
                raise _refused(f"powers of numbers have at most {_MOST_BITS} bits", ast.unparse(node)[:60])
        return operation(left, right)

    def _call(self, node: ast.Call) -> sympy.Expr:
        if not isinstance(node.func, ast.Name):
            raise self._disallowed(node.func)
        name = node.func.id
        if node.keywords:
            raise _refused("functions take positional arguments only", ast.unparse(node))
        if name in _FUNCTIONS:
            function, fewest, most = _FUNCTIONS[name]
        elif name in registered_names() and (expression := registered(name).expression) is not None:
            function, fewest, most = (lambda z: expression.subs(X, z)), 1, 1
        else:
            near = difflib.get_close_matches(name, dict.fromkeys([*_FUNCTIONS, *registered_names()]), n=3)
            raise HypothesisError(
                "an expression uses known functions only",
                f"the function {name!r}",
                f"did you mean {' or '.join(near)}?" if near else "use exp, tanh, max, … or a registered activation",
            )
        if not fewest <= len(node.args) <= (len(node.args) if most is None else most):
            raise _refused(f"{name} takes {fewest}{'' if most == fewest else ' or more'} argument(s)", ast.unparse(node))
        if name == "where":
            return function(self._condition(node.args[0]), *map(self.read, node.args[1:]))
        return function(*map(self.read, node.args))

    def _condition(self, node: ast.expr) -> Any:
        if isinstance(node, ast.BoolOp):
            parts = [self._condition(part) for part in node.values]
            return sympy.And(*parts) if isinstance(node.op, ast.And) else sympy.Or(*parts)
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            return sympy.Not(self._condition(node.operand))
        if isinstance(node, ast.Compare):
            terms = [self.read(term) for term in (node.left, *node.comparators)]
            relations = []
            for operator, left, right in zip(node.ops, terms, terms[1:], strict=False):
                if type(operator) not in _COMPARISONS:
                    raise self._disallowed(node)
                relations.append(_COMPARISONS[type(operator)](left, right))
            return sympy.And(*relations)
        raise _refused("a condition compares with <, <=, >, >=", ast.unparse(node))

    def _disallowed(self, node: ast.AST) -> HypothesisError:
        kind = {
            ast.Attribute: "an attribute", ast.Subscript: "a subscript", ast.Lambda: "a lambda", ast.Compare: "a comparison",
            ast.Constant: "a constant that is no real number", ast.Starred: "a starred argument", ast.JoinedStr: "a string",
            ast.BoolOp: "a logical operation", ast.Tuple: "a tuple", ast.List: "a list", ast.BinOp: "an operator",
            ast.UnaryOp: "an operator", ast.ListComp: "a comprehension", ast.GeneratorExp: "a comprehension",
        }.get(type(node), f"the construct {type(node).__name__}")
        return _refused("an expression has numbers, x, operators and known functions only", f"{kind}: {ast.unparse(node)}")
