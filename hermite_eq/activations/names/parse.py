"""Expressions given as text, read by a whitelist over Python's own syntax tree; decimals and quotients stay exact rationals."""

from __future__ import annotations

import ast
from collections.abc import Collection, Sequence, Sized
from typing import Any, TypeAlias

import sympy
from sympy.core.relational import Relational
from sympy.logic.boolalg import BooleanAtom, BooleanFunction

from hermite_eq.activations.formulas.symbolic import check_size
from hermite_eq.activations.names.notation import python_notation
from hermite_eq.activations.names.registry import nearest, stands_for
from hermite_eq.activations.names.vocabulary import FUNCTIONS, PARAMETRIC, Entry
from hermite_eq.arguments import shown
from hermite_eq.errors import ArgumentTypeError, HypothesisError
from hermite_eq.hermite import X

_LONGEST = 2000
_REPAIR = "write it in x with + - * / ** and functions such as max, exp, tanh"
# SymPy recurses several times per level, and asks every level for the signs of those below.
_DEEPEST = 40
# 9^9^9 would fill the memory before anybody looked at it.
_LARGEST_EXPONENT = 1000
# 10^400 and more is no double, and SymPy looks for its factors.
_MOST_BITS = 1330
_MOST_COMPARISONS = 400
_Condition: TypeAlias = Relational | BooleanFunction | BooleanAtom
# e^2302 has a thousand digits.
_LARGEST_ARGUMENT = 2302
# Of numbers as large, these are no larger; of numbers below 100 the special functions of two arguments have few digits.
_TAME = {
    "Max", "max", "maximum", "fmax", "Min", "min", "minimum", "fmin", "clip", "clamp", "abs", "Abs", "absolute", "fabs", "sign",
    "sqrt", "cbrt", "log", "ln", "log2", "log10", "log1p", "Rational", "relu", "Eq", "Ne", "Lt", "Le", "Gt", "Ge", "Heaviside",
    "heaviside", "floor", "ceil", "ceiling",
}  # fmt: skip
_LARGEST_ORDER = 100
_SPECIAL = {
    "gamma", "loggamma", "digamma", "trigamma", "factorial", "zeta", "beta", "binomial", "polygamma", "lowergamma", "uppergamma",
    "besselj", "bessely", "besseli", "besselk", "jn", "yn",
}  # fmt: skip

_CONSTANTS: dict[str, sympy.Expr] = {"pi": sympy.pi, "π": sympy.pi, "e": sympy.E, "E": sympy.E}

_COMPARISONS: dict[type[ast.cmpop], Any] = {
    ast.Lt: sympy.Lt, ast.LtE: sympy.Le, ast.Gt: sympy.Gt, ast.GtE: sympy.Ge, ast.Eq: sympy.Eq, ast.NotEq: sympy.Ne,
}  # fmt: skip
_CONNECTIVES: dict[type[ast.AST], Any] = {ast.And: sympy.And, ast.BitAnd: sympy.And, ast.Or: sympy.Or, ast.BitOr: sympy.Or}
_SUM = (ast.Add, ast.Sub)
_PRODUCT = (ast.Mult, ast.Div)

_KINDS: dict[type[ast.AST], str] = {
    ast.Attribute: "an attribute", ast.Subscript: "a subscript", ast.Lambda: "a lambda", ast.Starred: "a starred argument",
    ast.Constant: "a constant that is no real number", ast.JoinedStr: "a string", ast.Tuple: "a tuple", ast.List: "a list",
    ast.BinOp: "an operator", ast.UnaryOp: "an operator", ast.Compare: "a comparison", ast.ListComp: "a comprehension",
    ast.GeneratorExp: "a comprehension",
}  # fmt: skip


def parse_expression(text: str, *, parameters: Sequence[str] = ()) -> sympy.Expr:
    r"""The SymPy expression written in ``text``, in the variable ``x``; nothing in ``text`` is executed.

    Numbers, ``pi``, ``e``, ``+ - * /``, powers as ``**`` or ``^``, bars ``|x|``, ``log|x|``, the functions of SymPy and NumPy,
    every registered activation as a function, ``a if x < 0 else b``, ``where(x < 0, a, b)`` and ``Piecewise((a, x < 0), (b, True))``.
    Conditions are joined by ``and``, ``or``, ``not`` or, each in parentheses, by ``& | ~``; where a number is meant, a condition is 1
    where it holds and 0 elsewhere. Decimals and quotients are exact: ``0.3`` is 3/10. What ``str`` writes of a SymPy expression reads back.

    Parameters
    ----------
    text : str
        At most 2000 characters, nested at most 40 deep.
    parameters : sequence of str
        Names allowed beside x; they become real symbols.

    Raises
    ------
    HypothesisError
        Naming what is not allowed, and where; also for what would be too large to build.

    Examples
    --------
    >>> parse_expression("max(x - 1/3, 0) + 0.3 x^2".replace("0.3 x", "0.3*x"))
    3*x**2/10 + Max(0, x - 1/3)
    >>> parse_expression("x if x > 0 else a*x", parameters=["a"])
    Piecewise((x, x > 0), (a*x, True))
    >>> parse_expression("(x > 0)*x + |x - 1|")
    x*Piecewise((1, x > 0), (0, True)) + Abs(x - 1)
    """
    if not isinstance(text, str) or len(text) > _LONGEST:
        what = type(text).__name__ + (f" of length {len(text)}" if isinstance(text, Sized) else "")
        kind = HypothesisError if isinstance(text, str) else ArgumentTypeError
        raise kind("an expression is a text of at most 2000 characters", what, _REPAIR)
    symbols = {name: sympy.Symbol(name, real=True) for name in parameter_names(parameters)}
    source = python_notation(text, lambda name: name not in {"x", *symbols, *_CONSTANTS} and _is_function(name))
    try:
        tree = ast.parse(source, mode="eval").body
    except SyntaxError as error:
        repair = "write 2*abs(x) in place of 2|x|" if "|" in text else _REPAIR
        raise HypothesisError("an expression follows Python's syntax", f"{error.msg} in {_short(text)!r}", repair) from None
    except (RecursionError, MemoryError):
        raise _too_deep(text) from None
    except ValueError as error:
        raise _refused("an expression follows Python's syntax", f"{error} in {_short(text)!r}") from None
    _check_depth(tree, text)
    if isinstance(tree, ast.Name) and FUNCTIONS.get(tree.id, (None, 0, 0))[1] == 1:
        tree = ast.parse(source := f"{tree.id}(x)", mode="eval").body
    reader = _Reader(source, symbols)
    reader.check_names(tree)
    return reader.number(tree)


def parameter_names(parameters: Collection[Any]) -> list[str]:
    """The names in ``parameters``: identifiers other than x.

    >>> parameter_names(["a", sympy.Symbol("b")])
    ['a', 'b']
    """
    names = [parameters] if isinstance(parameters, str) else parameters
    if not isinstance(names, Sequence | set | frozenset) or not all(
        isinstance(name, str | sympy.Symbol) and str(name).isidentifier() and str(name) != "x" for name in names
    ):
        raise HypothesisError("parameters are names other than x", f"parameters={shown(parameters)}", "pass parameters=['a', 'b'], say")
    return [str(name) for name in names]


def is_registered_name(text: str, parameters: Sequence[str]) -> bool:
    """Whether ``text`` is read as the name of an activation, rather than as an expression that is a single word."""
    single = text == "x" or text in _CONSTANTS or text in parameters or FUNCTIONS.get(text, (None, 0, 0))[1] == 1
    return text.isidentifier() and (stands_for(text) is not None or not single)


def _is_function(name: str) -> bool:
    return name in FUNCTIONS or name in PARAMETRIC or stands_for(name) is not None


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


def _refused(hypothesis: str, finding: str) -> HypothesisError:
    return HypothesisError(hypothesis, finding, _REPAIR)


def _too_deep(text: str) -> HypothesisError:
    return HypothesisError(
        f"an expression is nested at most {_DEEPEST} deep", repr(_short(text)), "write it with fewer brackets and powers of powers"
    )


def _operands(node: ast.BinOp) -> list[tuple[ast.operator | None, ast.expr]]:
    """The operands of a chain of + and −, or of * and /, from the left, each with the operator before it."""
    family = _SUM if isinstance(node.op, _SUM) else _PRODUCT
    chain: list[tuple[ast.operator | None, ast.expr]] = []
    first: ast.expr = node
    while isinstance(first, ast.BinOp) and isinstance(first.op, family):
        chain.append((first.op, first.right))
        first = first.left
    return [(None, first), *reversed(chain)]


def _check_depth(tree: ast.expr, text: str) -> None:
    level: list[ast.AST] = [tree]
    for _ in range(_DEEPEST):
        below: list[ast.AST] = []
        for node in level:
            if isinstance(node, ast.BinOp) and isinstance(node.op, _SUM + _PRODUCT):
                below += [operand for _, operand in _operands(node)]
            else:
                below += ast.iter_child_nodes(node)
        if not below:
            return
        level = below
    raise _too_deep(text)


class _Reader:
    def __init__(self, source: str, parameters: dict[str, sympy.Symbol]) -> None:
        self.source = source
        self.symbols = {"x": X, **parameters}
        self.comparisons = 0

    def check_names(self, tree: ast.expr) -> None:
        """Every name is known; all that are not are reported at once."""
        called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and id(node) not in called}
        unknown = sorted(names - self.symbols.keys() - _CONSTANTS.keys())
        if not unknown:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and self.shown(node).partition(".")[0] in unknown:
                raise HypothesisError("functions are named without their module", self.shown(node), f"write {node.attr} alone")
        functions = [name for name in unknown if FUNCTIONS.get(name, (None, 0, 0))[1] == 1 or stands_for(name)]
        raise HypothesisError(
            "the variable is x; other names are declared parameters, pi or e",
            f"the name{'s' if len(unknown) > 1 else ''} {', '.join(map(repr, unknown))}",
            f"write {functions[0]}(x)"
            if functions
            else f"write x, or pass parameters={unknown} to hermite_eq.coefficients, activation or equivalent_model to keep it symbolic",
        )

    def shown(self, node: ast.AST) -> str:
        return _short(ast.get_source_segment(self.source, node) or ast.dump(node))

    def number(self, node: ast.expr) -> sympy.Expr:
        """The expression of ``node``; a condition is 1 where it holds and 0 elsewhere."""
        if isinstance(node, ast.Constant) and isinstance(node.value, bool):
            raise self._disallowed(node)
        value = self.read(node)
        if isinstance(value, _Condition):
            return sympy.Piecewise((1, value), (0, True))
        if value.is_Rational and max(abs(value.p), value.q).bit_length() > _MOST_BITS:
            raise _refused(f"numbers have at most {_MOST_BITS} bits", self.shown(node))
        return value

    def condition(self, node: ast.expr) -> _Condition:
        value = self.read(node)
        if not isinstance(value, _Condition):
            raise _refused(
                "a condition compares with <, <=, >, >=, == or !=, each comparison in parentheses beside & and |", self.shown(node)
            )
        return value

    def read(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return self._constant(node)
        if isinstance(node, ast.Name):
            return self.symbols.get(node.id, _CONSTANTS.get(node.id))
        if isinstance(node, ast.UnaryOp):
            return self._unary(node)
        if isinstance(node, ast.BinOp):
            return self._binary(node)
        if isinstance(node, ast.BoolOp):
            return _CONNECTIVES[type(node.op)](*map(self.condition, node.values))
        if isinstance(node, ast.Compare) and all(type(operator) in _COMPARISONS for operator in node.ops):
            terms = [self.number(term) for term in (node.left, *node.comparators)]
            return sympy.And(*(_COMPARISONS[type(op)](a, b) for op, a, b in zip(node.ops, terms, terms[1:], strict=False)))
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, ast.IfExp):
            return sympy.Piecewise((self.number(node.body), self.condition(node.test)), (self.number(node.orelse), True))
        raise self._disallowed(node)

    def _constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool):
            return sympy.true if node.value else sympy.false
        if not isinstance(node.value, int | float):
            raise self._disallowed(node)
        # The digits as written: the float has already forgotten those beyond the seventeenth.
        digits = (ast.get_source_segment(self.source, node) or "").replace("_", "")
        exponent = digits.lower().partition("e")[2] if isinstance(node.value, float) else ""
        if exponent and abs(int(exponent)) > _LARGEST_EXPONENT:
            raise _refused(f"exponents are at most {_LARGEST_EXPONENT}", _short(digits))
        return sympy.Rational(digits) if isinstance(node.value, float) else sympy.Integer(node.value)

    def _unary(self, node: ast.UnaryOp) -> Any:
        if isinstance(node.op, ast.USub):
            return -self.number(node.operand)
        if isinstance(node.op, ast.UAdd):
            return self.number(node.operand)
        return sympy.Not(self.condition(node.operand))

    def _binary(self, node: ast.BinOp) -> Any:
        if isinstance(node.op, ast.BitAnd | ast.BitOr):
            return _CONNECTIVES[type(node.op)](self.condition(node.left), self.condition(node.right))
        if isinstance(node.op, ast.Pow):
            return self._power(self.number(node.left), self.number(node.right), node)
        if isinstance(node.op, _SUM):
            return sympy.Add(*(-self.number(term) if isinstance(sign, ast.Sub) else self.number(term) for sign, term in _operands(node)))
        if isinstance(node.op, _PRODUCT):
            return sympy.Mul(
                *(self._inverse(factor, node) if isinstance(sign, ast.Div) else self.number(factor) for sign, factor in _operands(node))
            )
        raise self._disallowed(node)

    def _inverse(self, node: ast.expr, whole: ast.expr) -> sympy.Expr:
        divisor = self.number(node)
        if divisor.is_zero:
            raise _refused("no quotient has the denominator 0", self.shown(whole))
        return 1 / divisor

    def _power(self, base: sympy.Expr, exponent: sympy.Expr, node: ast.expr) -> sympy.Expr:
        if exponent.is_number:
            # Powers of powers multiply their exponents; x^1 is x.
            whole = exponent * base.as_base_exp()[1]
            if whole.is_number and not self._magnitude(whole) <= _LARGEST_EXPONENT:
                raise _refused(f"exponents are at most {_LARGEST_EXPONENT}", self.shown(node))
            if base.is_Rational and base and max(abs(base.p), base.q).bit_length() * self._magnitude(exponent) > _MOST_BITS:
                raise _refused(f"numbers have at most {_MOST_BITS} bits", self.shown(node))
            if base.is_zero and not exponent.is_nonnegative:
                raise _refused("no quotient has the denominator 0", self.shown(node))
        return base**exponent

    @staticmethod
    def _magnitude(value: sympy.Expr) -> sympy.Expr:
        return abs(sympy.N(value, 15))

    def _function(self, node: ast.Call) -> tuple[str, Entry]:
        if not isinstance(node.func, ast.Name):
            raise self._disallowed(node.func)
        if node.keywords:
            raise _refused("functions take positional arguments only", self.shown(node))
        name, count = node.func.id, len(node.args)
        entry = stands_for(name)
        known = name if name in PARAMETRIC or entry is None else entry.name
        if known in PARAMETRIC and count >= PARAMETRIC[known][1]:
            return name, PARAMETRIC[known]
        if name in FUNCTIONS:
            return name, FUNCTIONS[name]
        if entry is not None and entry.expression is not None and not entry.parameters:
            return name, (lambda z: self._composed(entry.expression, z, node), 1, 1)
        if known in PARAMETRIC:
            return name, PARAMETRIC[known]
        near = nearest(name, (*FUNCTIONS, *PARAMETRIC))
        raise HypothesisError(
            "an expression uses known functions only",
            f"the function {name!r}",
            f"did you mean {' or '.join(near)}?" if near else "use exp, tanh, max, … or a registered activation",
        )

    def _composed(self, outer: sympy.Expr, inner: sympy.Expr, node: ast.expr) -> sympy.Expr:
        check_size(outer, inner, shown=self.shown(node))
        return outer.subs(X, inner)

    def _call(self, node: ast.Call) -> Any:
        name, (function, fewest, most) = self._function(node)
        count = len(node.args)
        if not fewest <= count <= (count if most is None else most):
            raise _refused(f"{name} takes {fewest}{'' if most == fewest else ' or more'} argument(s)", self.shown(node))
        if function in (sympy.And, sympy.Or, sympy.Not, sympy.ITE):
            return function(*map(self.condition, node.args))
        if name == "where":
            return function(self.condition(node.args[0]), *map(self.number, node.args[1:]))
        if name == "Piecewise":
            return function(*map(self._branch, node.args))
        arguments = [self.number(argument) for argument in node.args]
        if name in ("Pow", "pow", "power"):
            base, exponent = arguments
            return self._power(base, exponent, node)
        self._check_arguments(name, arguments, node)
        if function in (sympy.Max, sympy.Min):
            # SymPy compares each argument with each other, those of nested ones included.
            self.comparisons += sum(len(argument.args) if argument.func == function else 1 for argument in arguments) ** 2
            if self.comparisons > _MOST_COMPARISONS:
                raise _refused(f"max and min compare their arguments at most {_MOST_COMPARISONS} times", self.shown(node))
        value = function(*arguments)
        if value.has(sympy.nan, sympy.zoo, sympy.oo, -sympy.oo):
            raise _refused("every number in an expression is finite", self.shown(node))
        return value

    def _branch(self, node: ast.expr) -> tuple[sympy.Expr, _Condition]:
        if not isinstance(node, ast.Tuple) or len(node.elts) != 2:
            raise _refused("a branch of Piecewise is a pair (value, condition)", self.shown(node))
        return self.number(node.elts[0]), self.condition(node.elts[1])

    def _check_arguments(self, name: str, arguments: Sequence[sympy.Expr], node: ast.expr) -> None:
        if name in _TAME:
            return
        largest = _LARGEST_ORDER if name in _SPECIAL else _LARGEST_ARGUMENT
        if not all(bool(self._magnitude(argument) <= largest) for argument in arguments if argument.is_number):
            raise _refused(f"numbers under {name} are at most {largest} in size", self.shown(node))

    def _disallowed(self, node: ast.AST) -> HypothesisError:
        kind = _KINDS.get(type(node), f"the construct {type(node).__name__}")
        return _refused("an expression has numbers, x, operators and known functions only", f"{kind}: {self.shown(node)}")
