r"""Hermite sums in TeX: :math:`\sum_k (c_k/k!)\,\mathrm{He}_k`, and :math:`c_k` for general k."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import sympy

from hermite_eq.arguments import count, flag, mapping, sequence, text
from hermite_eq.arguments import exact as read_exact
from hermite_eq.errors import HypothesisError
from hermite_eq.latex.numbers import as_decimal, check_radius, checked_digits, exact, is_symbolic, number, printable

#: The normalisation in words, put as a comment into everything that shows coefficients.
NORMALISATION = (
    r"c_k = \mathbb{E}[\sigma(g)\,\mathrm{He}_k(g)], g \sim \mathcal{N}(0,1), "
    r"\mathrm{He}_k monic (probabilists') Hermite polynomials, \sigma = \sum_k (c_k/k!)\,\mathrm{He}_k"
)


def _weighted(weight: Any, basis: str, digits: int, radius: Any) -> tuple[str, str]:
    """(sign, TeX without sign) of weight · basis."""
    if is_symbolic(weight) or (isinstance(weight, sympy.Basic) and weight.free_symbols):
        weight = read_exact(weight, "c")
        negative = weight.could_extract_minus_sign()
        size = -weight if negative else weight
        if size == 1 and basis:
            tex = basis
        else:
            tex = exact(size)
            if isinstance(size, sympy.Add) and (basis or negative):
                tex = rf"\left({tex}\right)"
            tex = rf"{tex}\, {basis}" if basis else tex
    else:
        negative = float(weight) < 0
        tex = number(abs(weight), radius=radius, digits=digits)
        if r"\pm" in tex:
            tex = rf"\left({tex}\right)"
        tex = rf"{tex}\, {basis}" if basis else tex
    return ("-" if negative else "+"), tex


def checked_coefficients(c: Any, radius: Any) -> tuple[tuple[Any, ...], tuple[Any, ...]]:
    """Numbers that can be printed, and one radius for each."""
    numbers = tuple(printable(ck, "c") for ck in sequence(c, "c"))
    radii = (0,) * len(numbers) if radius is None else sequence(radius, "radius")
    if len(radii) != len(numbers):
        raise HypothesisError(
            "every coefficient has one radius",
            f"{len(radii)} radii of {len(numbers)} coefficients",
            "pass sequences of equal length",
        )
    for spread in radii:
        check_radius(spread)
    return numbers, radii


def _hermite_terms(c: Sequence[Any], digits: int, variable: str, radius: Sequence[Any] | None) -> list[tuple[str, str]]:
    digits = checked_digits(digits)
    c, radii = checked_coefficients(c, radius)
    terms = []
    for k, (ck, spread) in enumerate(zip(c, radii, strict=True)):
        if ck == 0 and spread == 0:
            continue
        factorial = math.factorial(k)
        if isinstance(ck, int):
            ck = sympy.Integer(ck)
        # A binary float divided in exact arithmetic, so that only the printed decimal is rounded.
        number_as_written = ck if isinstance(ck, sympy.Basic | Fraction | float) else as_decimal(ck)
        weight = ck / sympy.Integer(factorial) if isinstance(ck, sympy.Basic) else Fraction(number_as_written) / factorial
        if isinstance(weight, Fraction) and not isinstance(ck, Fraction):
            weight = sympy.Float(sympy.Rational(weight.numerator, weight.denominator), digits + 20)
        elif isinstance(weight, Fraction):
            weight = sympy.Rational(weight.numerator, weight.denominator)
        basis = rf"\mathrm{{He}}_{{{k}}}({variable})" if k else ""
        terms.append(_weighted(weight, basis, digits, as_decimal(spread) / factorial))
    return terms


def _joined(terms: Sequence[tuple[str, str]]) -> str:
    if not terms:
        return "0"
    (sign, first), *rest = terms
    return ("-" if sign == "-" else "") + first + "".join(f" {sign} {tex}" for sign, tex in rest)


def hermite_sum(c: Sequence[Any], *, radius: Sequence[Any] | None = None, digits: int = 6, variable: str = "x") -> str:
    r"""TeX of :math:`\sum_k (c_k/k!)\,\mathrm{He}_k(x)`, zero terms dropped.

    Parameters
    ----------
    c : sequence of SymPy numbers, ints, Fractions or floats
        :math:`c_0, \dots, c_K`; exact ones are written as symbols, floats as decimals.
    radius : sequence, optional
        Radii of the coefficients which are not exact.
    digits : int
        Significant digits of the decimals.
    variable : str

    Examples
    --------
    >>> print(hermite_sum([1 / sympy.sqrt(2 * sympy.pi), sympy.Rational(1, 2), 0, sympy.Integer(-6)]))
    \frac{1}{\sqrt{2 \pi}} + \frac{1}{2}\, \mathrm{He}_{1}(x) - \mathrm{He}_{3}(x)
    >>> print(hermite_sum([0.0, -0.25]))
    -0.250000\, \mathrm{He}_{1}(x)
    """
    return _joined(_hermite_terms(c, digits, text(variable, "variable"), radius))


def provenance_comment(provenance: str) -> str:
    text(provenance, "provenance")
    lines = [f"% {NORMALISATION}"]
    lines += [f"% {line}" for line in provenance.splitlines()]
    return "\n".join(lines) + "\n"


def expansion_align(
    c: Sequence[Any],
    *,
    radius: Sequence[Any] | None = None,
    symbol: str = r"\sigma",
    complete: bool = False,
    per_line: int = 3,
    digits: int = 6,
    provenance: str = "",
) -> str:
    r"""An ``align*`` block of the expansion up to the degree given.

    Parameters
    ----------
    c, radius : sequence
        As in :func:`hermite_sum`.
    symbol : str
        The function's name in TeX.
    complete : bool
        Whether the sum is the whole function; otherwise ``+ \cdots`` follows.
    per_line : int
        Terms per line.
    digits : int
    provenance : str
        Where the numbers come from; it becomes a comment, after the normalisation.

    Examples
    --------
    >>> print(expansion_align([1, 0, 2], symbol="f", complete=True))  # doctest: +ELLIPSIS
    % c_k = ...
    \begin{align*}
      f(x) &= 1 + \mathrm{He}_{2}(x)
    \end{align*}
    """
    per_line = count(per_line, "per_line", least=1, requirement="a line has at least one term")
    text(symbol, "symbol")
    complete = flag(complete, "complete")
    terms = _hermite_terms(c, digits, "x", radius)
    lines = [_joined(terms[:per_line])]
    for start in range(per_line, len(terms), per_line):
        lines.append("".join(f"{sign} {tex} " for sign, tex in terms[start : start + per_line]).rstrip())
    if not complete:
        lines[-1] += r" + \cdots"
    body = " \\\\\n    &\\quad ".join(lines)
    return f"{provenance_comment(provenance)}\\begin{{align*}}\n  {symbol}(x) &= {body}\n\\end{{align*}}"


def general_coefficient(cases: Mapping[str, Any], *, valid_from: int = 0, index: str = "k") -> str:
    r"""TeX of :math:`c_k` for all k from ``valid_from`` on.

    Parameters
    ----------
    cases : mapping of str to sympy.Expr
        Either ``{"": expression}``, or expressions by the words of their case, such as "k even" and "k odd".
    valid_from : int
    index : str

    Examples
    --------
    >>> q = sympy.Symbol("q")
    >>> print(general_coefficient({"": q ** sympy.Symbol("k")}))
    c_k = q^{k}
    >>> print(general_coefficient({"k even": sympy.Integer(0), "k odd": q}, valid_from=2))
    c_k = \begin{cases} 0, & k \text{ even}, \\ q, & k \text{ odd}, \end{cases} \qquad k \ge 2
    """
    cases, index, valid_from = mapping(cases, "cases", printable), text(index, "index"), count(valid_from, "valid_from")
    if set(cases) == {""}:
        body = exact(cases[""])
    else:
        rows = [rf"{exact(value)}, & {index} \text{{{words.removeprefix(index)}}}," for words, value in cases.items()]
        body = r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"
    validity = rf" \qquad {index} \ge {valid_from}" if valid_from else ""
    return f"c_{index} = {body}{validity}"
