"""Numbers in TeX: exact ones as symbols, others as correctly rounded decimals which show certified digits only."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from hermite_eq.arguments import count, finite, non_negative, shown, text
from hermite_eq.arguments import exact as read_exact
from hermite_eq.errors import HypothesisError

_MOST_DIGITS = 1000
_ROOT_TWO_PI = sympy.Symbol(r"\sqrt{2 \pi}", positive=True)
_RATIO = sympy.sqrt(2) / sympy.sqrt(sympy.pi)


class _Printer(LatexPrinter):  # type: ignore[misc]  # SymPy is untyped
    def _print_hermite_prob(self, expr: Any, exp: str | None = None) -> str:
        order, argument = expr.args
        tex = rf"\mathrm{{He}}_{{{self._print(order)}}}\left({self._print(argument)}\right)"
        return tex if exp is None else rf"\left[{tex}\right]^{{{exp}}}"

    def _print_Add(self, expr: Any, order: Any = None) -> str:
        # k/2 − 1/2 as (k − 1)/2, which SymPy itself cannot hold.
        numerator, denominator = sympy.fraction(sympy.together(expr))
        linear = all(part.as_coeff_Mul()[1] in (1, *expr.atoms(sympy.Symbol)) for part in expr.args)
        if linear and denominator.is_Integer and denominator != 1 and expr.is_rational:
            return rf"\frac{{{super()._print_Add(sympy.expand(numerator), order)}}}{{{denominator}}}"
        return str(super()._print_Add(expr, order))


def _standard_radicals(expr: sympy.Expr) -> sympy.Expr:
    """√2/√π written 2/√(2π), the constant of the normal density, term by term."""
    terms = []
    for part in sympy.Add.make_args(expr):
        factors = sympy.Mul.make_args(part)
        if sympy.sqrt(2) in factors and 1 / sympy.sqrt(sympy.pi) in factors:
            part = part / _RATIO * 2 / _ROOT_TWO_PI
        terms.append(part)
    return sympy.Add(*terms)


#: Fractions of longer integers than this are no symbols any more, and are written as decimals.
_LONGEST = 10**30
#: Digits that may cancel within a number before it is printed: Gaussian masses beyond |x| = 40 lose 350.
_MOST_CANCELLED = 5000


def is_symbolic(value: Any) -> bool:
    """Whether a number is written as a symbol: it is exact, and its integers are of readable length.

    Parameters
    ----------
    value : number or sympy.Expr

    Examples
    --------
    >>> is_symbolic(sympy.sqrt(2) / 3), is_symbolic(sympy.Rational(1, 3) ** 80), is_symbolic(0.5)
    (True, False, False)
    """
    if isinstance(value, sympy.Basic):
        return not value.has(sympy.Float) and all(_readable(int(part.p), int(part.q)) for part in value.atoms(sympy.Rational))
    return isinstance(value, int | Fraction) and not isinstance(value, bool) and _readable(*value.as_integer_ratio())


def _readable(p: int, q: int) -> bool:
    return max(abs(p), q) <= _LONGEST


def evaluated(value: sympy.Expr, digits: int) -> sympy.Expr:
    """An exact number as a decimal of ``digits`` digits, however much of it cancels.

    Parameters
    ----------
    value : sympy.Expr
    digits : int
    """
    return read_exact(value, "value").evalf(checked_digits(digits), maxn=_MOST_CANCELLED)


def exact(value: Any) -> str:
    r"""TeX of an exact SymPy expression, an int or a Fraction.

    Parameters
    ----------
    value : sympy.Expr, int or Fraction

    Examples
    --------
    >>> print(exact(1 / sympy.sqrt(2 * sympy.pi)))
    \frac{1}{\sqrt{2 \pi}}
    """
    return str(_Printer({"fold_frac_powers": True}).doprint(_standard_radicals(read_exact(value, "value"))))


def printable(value: Any, name: str) -> Any:
    """``value`` if TeX of it can be written: a finite real number, or an expression with symbols."""
    number = read_exact(value, name)
    if not number.free_symbols and (number is sympy.nan or number.is_finite is False or number.is_extended_real is False):
        raise HypothesisError("a number to be printed is finite", f"{name}={shown(value)}", "find out why it is not")
    return value


def checked_digits(digits: Any) -> int:
    """A number of significant digits."""
    return count(digits, "digits", least=1, most=_MOST_DIGITS, requirement="at least one digit is printed", repair="pass digits=1 or more")


def check_radius(value: Any) -> None:
    """Raise unless ``value`` is a finite number ≥ 0; a decimal may be beyond doubles."""
    if not (_is_large(value) and value >= 0):
        non_negative(value, "radius")


def _is_large(value: Any) -> bool:
    """Whether ``value`` is of a type whose finite numbers are not all doubles, and finite."""
    return value.is_finite() if isinstance(value, Decimal) else isinstance(value, sympy.Float) and bool(value.is_finite)


def as_decimal(value: Any) -> Decimal:
    """The value of a binary number as an exact decimal."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, sympy.Float):
        value = sympy.Rational(value)
    if isinstance(value, sympy.Rational):
        value = Fraction(int(value.p), int(value.q))
    if isinstance(value, Fraction):
        with localcontext() as context:
            context.prec = 400
            return Decimal(value.numerator) / Decimal(value.denominator)
    if hasattr(value, "man_exp"):  # mpmath
        mantissa, exponent = value.man_exp
        return as_decimal(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))
    return Decimal(float(value))


def _rounded(value: Decimal, digits: int) -> str:
    """``value`` to ``digits`` significant decimals, half to even."""
    with localcontext() as context:
        context.prec = digits
        context.rounding = ROUND_HALF_EVEN
        rounded = +value
    exponent = rounded.adjusted()
    # Trailing zeros are digits too.
    with localcontext() as context:
        context.prec = 2 * digits + 10
        rounded = rounded.quantize(Decimal(1).scaleb(exponent - digits + 1))
    if -4 <= exponent < digits:
        return format(rounded, "f")
    with localcontext() as context:
        context.prec = 2 * digits + 10
        return rf"{rounded.scaleb(-exponent):f} \times 10^{{{exponent}}}"


def decimal(value: Any, *, radius: Any = 0, digits: int = 6) -> str:
    r"""TeX of a decimal: correctly rounded to ``digits`` significant digits, fewer where ``radius`` says so.

    Parameters
    ----------
    value : float, numpy or mpmath number, sympy.Float
    radius : number
        The truth lies within ``value ± radius``. A digit is shown only if all numbers of that interval
        round to it; if not even one digit is certain the interval itself is shown.
    digits : int

    Examples
    --------
    >>> decimal(0.3989422804014327), decimal(0.3989422804014327, radius=1e-4)
    ('0.398942', '0.399')
    >>> print(decimal(3e-8, radius=4.5e-8))
    3 \times 10^{-8} \pm 5 \times 10^{-8}
    """
    try:
        if not _is_large(value):
            finite(value, "value")
        check_radius(radius)
    except HypothesisError as error:
        text = f"{shown(value)} ± {shown(radius)}"
        raise type(error)("a number to be printed is finite", text, "find out why it is not") from None
    digits = checked_digits(digits)
    middle, spread = as_decimal(value), as_decimal(radius)
    if middle == 0 and spread == 0:
        return "0"
    with localcontext() as context:
        context.prec = 500
        low, high = middle - spread, middle + spread
    if low > 0 or high < 0:
        for places in range(digits, 0, -1):
            rounded = _rounded(low, places)
            if rounded == _rounded(high, places):
                return rounded
    # Half a unit of the one digit shown is added to the radius by rounding both outwards.
    return rf"{_rounded(middle, 1) if middle else 0} \pm {_outward(middle, spread)}"


def _outward(middle: Decimal, spread: Decimal) -> str:
    with localcontext() as context:
        context.prec = 1
        context.rounding = ROUND_HALF_EVEN
        nearest = +middle
    with localcontext() as context:
        context.prec = 500
        needed = spread + abs(middle - nearest)
    with localcontext() as context:
        context.prec = 1
        context.rounding = "ROUND_UP"
        return _rounded(+needed, 1)


def number(value: Any, *, radius: Any = 0, digits: int = 6) -> str:
    r"""TeX of a number: the symbol if it is exact (SymPy, int, Fraction), else :func:`decimal`.

    Parameters
    ----------
    value : number or sympy.Expr
    radius : number
        What the decimal may be off by.
    digits : int
        Significant digits at most.

    Examples
    --------
    >>> print(number(sympy.sqrt(2) / 3), number(2 / 3))
    \frac{\sqrt{2}}{3} 0.666667
    """
    printable(value, "value")
    if is_symbolic(value):
        return exact(value)
    if isinstance(value, sympy.Basic) and value.free_symbols:
        return exact(value)
    if isinstance(value, sympy.Basic) and not isinstance(value, sympy.Float):
        value = evaluated(value, checked_digits(digits) + 10)
    if isinstance(value, int):
        value = Fraction(value)
    return decimal(value, radius=radius, digits=digits)


def ascii_name(name: str) -> str:
    """A name for a TeX comment, in ASCII.

    Parameters
    ----------
    name : str

    Examples
    --------
    >>> ascii_name("σ*, ρ")
    'sigma*, rho'
    """
    text(name, "name")
    greek = {"σ": "sigma", "ρ": "rho", "ξ": "xi", "α": "alpha", "κ": "kappa", "τ": "tau", "μ": "mu", "λ": "lambda"}
    return "".join(greek.get(letter, letter if letter.isascii() else "?") for letter in name)
