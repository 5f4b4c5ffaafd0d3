r"""The one place that writes TeX, from plain data.

Exact numbers are written as symbols, other numbers as decimals which are correctly rounded and show
certified digits only. The output depends on the arguments alone, so that it can be kept under version
control. It needs amsmath; tables need booktabs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from fractions import Fraction
from typing import Any

import sympy
from sympy.printing.latex import LatexPrinter

from hermite_eq.errors import HypothesisError

#: The normalisation in words, put as a comment into everything that shows coefficients.
NORMALISATION = (
    r"c_k = \mathbb{E}[\sigma(g)\,\mathrm{He}_k(g)], g \sim \mathcal{N}(0,1), "
    r"\mathrm{He}_k monic (probabilists') Hermite polynomials, \sigma = \sum_k (c_k/k!)\,\mathrm{He}_k"
)

_ROOT_TWO_PI = sympy.Symbol(r"\sqrt{2 \pi}", positive=True)
_RATIO = sympy.sqrt(2) / sympy.sqrt(sympy.pi)


class _Printer(LatexPrinter):
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


def _is_exact(value: Any) -> bool:
    if isinstance(value, sympy.Basic):
        return not value.has(sympy.Float)
    return isinstance(value, int | Fraction) and not isinstance(value, bool)


def exact(value: Any) -> str:
    r"""TeX of an exact SymPy expression, an int or a Fraction.

    >>> print(exact(1 / sympy.sqrt(2 * sympy.pi)))
    \frac{1}{\sqrt{2 \pi}}
    """
    if isinstance(value, Fraction):
        value = sympy.Rational(value.numerator, value.denominator)
    return str(_Printer({"fold_frac_powers": True}).doprint(_standard_radicals(sympy.sympify(value))))


def _decimal(value: Any) -> Decimal:
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
        return _decimal(Fraction(int(mantissa)) * Fraction(2) ** int(exponent))
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
    if not math.isfinite(float(value)) or not 0 <= float(radius) < math.inf:
        raise HypothesisError("a number to be printed is finite", f"{value!r} ± {radius!r}", "find out why it is not")
    if digits < 1:
        raise HypothesisError("at least one digit is printed", f"digits={digits}", "pass digits=1 or more")
    middle, spread = _decimal(value), _decimal(radius)
    if middle == 0 and spread == 0:
        return "0"
    with localcontext() as context:
        context.prec = 500
        low, high = middle - spread, middle + spread
    if low > 0 or high < 0:
        for shown in range(digits, 0, -1):
            text = _rounded(low, shown)
            if text == _rounded(high, shown):
                return text
    # Half a unit of the one digit shown is added to the radius by rounding both outwards.
    return rf"{_rounded(middle, 1) if middle else 0} \pm {_outward(middle, spread)}"


def _outward(middle: Decimal, spread: Decimal) -> str:
    with localcontext() as context:
        context.prec = 1
        context.rounding = ROUND_HALF_EVEN
        shown = +middle
    with localcontext() as context:
        context.prec = 500
        needed = spread + abs(middle - shown)
    with localcontext() as context:
        context.prec = 1
        context.rounding = "ROUND_UP"
        return _rounded(+needed, 1)


def number(value: Any, *, radius: Any = 0, digits: int = 6) -> str:
    r"""TeX of a number: the symbol if it is exact (SymPy, int, Fraction), else :func:`decimal`.

    >>> print(number(sympy.sqrt(2) / 3), number(2 / 3))
    \frac{\sqrt{2}}{3} 0.666667
    """
    if _is_exact(value):
        return exact(value)
    if isinstance(value, sympy.Basic) and value.free_symbols:
        return exact(value)
    if isinstance(value, sympy.Basic) and not isinstance(value, sympy.Float):
        value = value.evalf(digits + 10)
    return decimal(value, radius=radius, digits=digits)


def _weighted(weight: Any, basis: str, digits: int) -> tuple[str, str]:
    """(sign, TeX without sign) of weight · basis."""
    if _is_exact(weight) or (isinstance(weight, sympy.Basic) and weight.free_symbols):
        weight = sympy.sympify(weight)
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
        tex = number(abs(weight), digits=digits)
        tex = rf"{tex}\, {basis}" if basis else tex
    return ("-" if negative else "+"), tex


def _hermite_terms(c: Sequence[Any], digits: int, variable: str) -> list[tuple[str, str]]:
    terms = []
    for k, ck in enumerate(c):
        if ck == 0:
            continue
        factorial = math.factorial(k)
        if isinstance(ck, int):
            ck = sympy.Integer(ck)
        # A binary float divided in exact arithmetic, so that only the printed decimal is rounded.
        weight = ck / sympy.Integer(factorial) if isinstance(ck, sympy.Basic) else Fraction(ck) / factorial
        if isinstance(weight, Fraction) and not isinstance(ck, Fraction):
            weight = sympy.Float(sympy.Rational(weight.numerator, weight.denominator), digits + 20)
        elif isinstance(weight, Fraction):
            weight = sympy.Rational(weight.numerator, weight.denominator)
        basis = rf"\mathrm{{He}}_{{{k}}}({variable})" if k else ""
        terms.append(_weighted(weight, basis, digits))
    return terms


def _joined(terms: Sequence[tuple[str, str]]) -> str:
    if not terms:
        return "0"
    (sign, first), *rest = terms
    return ("-" if sign == "-" else "") + first + "".join(f" {sign} {tex}" for sign, tex in rest)


def hermite_sum(c: Sequence[Any], *, digits: int = 6, variable: str = "x") -> str:
    r"""TeX of :math:`\sum_k (c_k/k!)\,\mathrm{He}_k(x)`, zero terms dropped.

    Parameters
    ----------
    c : sequence of SymPy numbers, ints, Fractions or floats
        :math:`c_0, \dots, c_K`; exact ones are written as symbols, floats as decimals.
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
    return _joined(_hermite_terms(c, digits, variable))


def _comment(provenance: str) -> str:
    lines = [f"% {NORMALISATION}"]
    lines += [f"% {line}" for line in provenance.splitlines()]
    return "\n".join(lines) + "\n"


def expansion_align(
    c: Sequence[Any],
    *,
    symbol: str = r"\sigma",
    complete: bool = False,
    per_line: int = 3,
    digits: int = 6,
    provenance: str = "",
) -> str:
    r"""An ``align*`` block of the expansion up to the degree given.

    Parameters
    ----------
    c : sequence
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
    if per_line < 1:
        raise HypothesisError("a line has at least one term", f"per_line={per_line}", "pass per_line=1 or more")
    terms = _hermite_terms(c, digits, "x")
    lines = [_joined(terms[:per_line])]
    for start in range(per_line, len(terms), per_line):
        lines.append("".join(f"{sign} {tex} " for sign, tex in terms[start : start + per_line]).rstrip())
    if not complete:
        lines[-1] += r" + \cdots"
    body = " \\\\\n    &\\quad ".join(lines)
    return f"{_comment(provenance)}\\begin{{align*}}\n  {symbol}(x) &= {body}\n\\end{{align*}}"


def coefficient_table(
    c: Sequence[Any],
    *,
    radius: Sequence[Any] | None = None,
    digits: int = 8,
    caption: str = "",
    label: str = "",
    provenance: str = "",
) -> str:
    r"""A booktabs table: exact :math:`c_k` where known, beside rounded :math:`c_k` and :math:`c_k/k!`.

    Parameters
    ----------
    c : sequence
        :math:`c_0, \dots, c_K`. The exact column appears if one of them is a symbol.
    radius : sequence, optional
        Radii of the coefficients which are not exact.
    digits : int
        Significant digits at most.
    caption, label, provenance : str

    Raises
    ------
    HypothesisError
        A coefficient has free parameters (it has no decimal), or ``radius`` is of another length.

    Examples
    --------
    >>> print(coefficient_table([sympy.sqrt(2), 0.5], digits=3))  # doctest: +ELLIPSIS
    % c_k = ...
    \begin{tabular}{rlll}
      \toprule
      $k$ & $c_k$ & $c_k$ (rounded) & $c_k/k!$ (rounded) \\
      \midrule
      0 & $\sqrt{2}$ & $1.41$ & $1.41$ \\
      1 & --- & $0.500$ & $0.500$ \\
      \bottomrule
    \end{tabular}
    """
    radii = [0] * len(c) if radius is None else list(radius)
    if len(radii) != len(c):
        raise HypothesisError(
            "every coefficient has one radius",
            f"{len(radii)} radii of {len(c)} coefficients",
            "pass sequences of equal length",
        )
    exact_column = any(_is_exact(ck) for ck in c)
    rows = []
    for k, (ck, spread) in enumerate(zip(c, radii, strict=True)):
        if isinstance(ck, sympy.Basic) and ck.free_symbols:
            names = ", ".join(sorted(map(str, ck.free_symbols)))
            raise HypothesisError(
                "a table of rounded values has numbers only",
                f"the parameters {names} in c_{k}",
                "substitute numbers for them first",
            )
        cells = [str(k)]
        if exact_column:
            cells.append(f"${exact(ck)}$" if _is_exact(ck) else "---")
        for divisor in (1, math.factorial(k)):
            cells.append(f"${_decimal_of(ck, spread, divisor, digits)}$")
        rows.append("  " + " & ".join(cells) + r" \\")
    head = ["$k$", *(["$c_k$"] if exact_column else []), "$c_k$ (rounded)", "$c_k/k!$ (rounded)"]
    lines = [
        rf"\begin{{tabular}}{{r{'l' * (len(head) - 1)}}}",
        r"  \toprule",
        "  " + " & ".join(head) + r" \\",
        r"  \midrule",
        *rows,
        r"  \bottomrule",
        r"\end{tabular}",
    ]
    return _comment(provenance) + "\n".join(_table(lines, caption, label))


def _decimal_of(value: Any, radius: Any, divisor: int, digits: int) -> str:
    if _is_exact(value):
        exact_value = sympy.sympify(value) / divisor
        if exact_value == 0:
            return "0"
        # evalf carries digits + 20 correct digits, beyond what is shown.
        return decimal(exact_value.evalf(digits + 20), digits=digits)
    with localcontext() as context:
        context.prec = 500
        return decimal(_decimal(value) / divisor, radius=_decimal(radius) / divisor, digits=digits)


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
    if set(cases) == {""}:
        body = exact(cases[""])
    else:
        rows = [rf"{exact(value)}, & {index} \text{{{words.removeprefix(index)}}}," for words, value in cases.items()]
        body = r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"
    validity = rf" \qquad {index} \ge {valid_from}" if valid_from else ""
    return f"c_{index} = {body}{validity}"


#: How each entry of the conditional covariance is written, in the order in which it is shown.
_COVARIANCE_ENTRIES = {
    "mean_b1": r"\mathbb{E}[b_1] &= \left({}\right) u",
    "mean_b2": r"\mathbb{E}[b_2] &= {}",
    "second_b1": r"\mathbb{E}[b_1 b_1^\top] &= {}",
    "second_u2": r"\mathbb{E}[b_1 b_2] &= \left({}\right) u",
    "second_22": r"\mathbb{E}[b_2^2] &= {}",
    "trace": r"t = \operatorname{tr}\operatorname{Cov}(h) &= {}",
}
_MOMENTS = {
    "a": r"a &= \mathbb{E}[y g]",
    "v": r"v &= \mathbb{E}[y^2]",
    "p": r"p &= \mathbb{E}[y^2 (g^2 - 1)]",
    "w_3": r"w_3 &= \mathbb{E}[y^3 g]",
    "w_4": r"w_4 &= \mathbb{E}[y^4]",
}


def block_covariance(
    target: str,
    entries: Mapping[str, sympy.Expr],
    trace: sympy.Expr,
    moments: Mapping[str, sympy.Expr | None],
    *,
    unit_inputs: bool = False,
) -> str:
    r"""The covariance of :math:`(F^\top h, \xi^\top x)` given ξ and F as an ``align*`` block.

    Parameters
    ----------
    target : str
        The target's name, for the comment.
    entries : mapping
        ``mean_b1``, ``mean_b2``, ``second_identity``, ``second_uu``, ``second_u2``, ``second_22`` in the moments.
    trace : sympy.Expr
    moments : mapping
        a, v, p, w_3, w_4 as closed forms in s and ρ, or None where the expectation stays as it is.
    unit_inputs : bool
        x ~ N(0, I_d) instead of N(0, I_d/d).
    """
    inputs, root, argument = ("I_d", r"\tfrac{1}{\sqrt{d}}", r"\xi^\top x_{\ell+1} / \sqrt{d}") if unit_inputs else (
        r"\tfrac{1}{d} I_d", r"\tfrac{1}{d}", r"\xi^\top x_{\ell+1}")
    shown = {name: exact(sympy.expand(entry)) for name, entry in [*entries.items(), ("trace", trace)]}
    shown["second_b1"] = rf"{shown['second_identity']}\, I_d + \left({shown['second_uu']}\right) u u^\top"
    lines = [
        rf"\operatorname{{Cov}}\begin{{pmatrix}} F^\top h \\ {argument} \end{{pmatrix}} &= \begin{{pmatrix}}"
        rf" F^\top \left({inputs} \otimes \mathbb{{E}}[b b^\top]\right) F &"
        rf" F^\top \left({root} \xi \otimes \mathbb{{E}}[b]\right) \\ \cdot & s^2 \end{{pmatrix}}",
        r"y &= \sigma_*(s g) + \epsilon, \quad g \sim \mathcal{N}(0, 1), \quad \epsilon \sim \mathcal{N}(0, \rho),"
        r" \quad s = \|\xi\| / \sqrt{d}, \quad u = \xi / \|\xi\|",
    ]
    lines += [form.replace("{}", shown[name]) for name, form in _COVARIANCE_ENTRIES.items()]
    for name, form in _MOMENTS.items():
        value = moments[name]
        lines.append(form if value is None else f"{form} = {exact(value)}")
    body = " \\\\\n  ".join(lines)
    return _align(f"given xi and F; {_context_comment(unit_inputs)}; target {ascii_name(target)}", body)


def _context_comment(unit_inputs: bool) -> str:
    if unit_inputs:
        return "h = vec(x b^T) row-major, x ~ N(0, I_d), b = ((1/l) sum y_i x_i, (1/l) sum y_i^2)"
    return "h = vec(x b^T) row-major, b = ((d/l) sum y_i x_i, (1/l) sum y_i^2)"


def _align(comment: str, body: str) -> str:
    return f"% {comment}\n\\begin{{align*}}\n  {body}\n\\end{{align*}}"


def _filled(forms: Mapping[str, str], entries: Mapping[str, sympy.Expr]) -> str:
    """The rows of ``forms`` with the entries put in, in the order of the forms."""
    return " \\\\\n  ".join(form.replace("{}", exact(entries[name])) for name, form in forms.items())


_AVERAGED_ENTRIES = {
    "mean_b2": r"\mathbb{E}[b] &= \bigl(0,\ \bar v\bigr), \qquad \bar v = {}",
    "second_identity": r"\mathbb{E}[b b^\top] &= \begin{pmatrix} \bar r\, I_d & 0 \\ 0 & \bar r_2 \end{pmatrix}, \qquad \bar r = {}",
    "second_22": r"\bar r_2 &= {}",
    "coupling": r"\mathbb{E}[(x z) b^\top] &= \bar c\,(I_d \mid 0), \qquad \bar c = {}",
    "trace": r"t = \operatorname{tr}\operatorname{Cov}(h) &= {}",
}


def averaged_covariance(target: str, entries: Mapping[str, sympy.Expr], *, order: int | None, unit_inputs: bool) -> str:
    r"""The covariance over fresh tasks as an ``align*`` block; ``order`` is None where it is exact, else that of the series in 1/d."""
    how = "exact at every d" if order is None else f"averages up to d^-{order}, remainder O(d^-{order + 1})"
    inputs = "I_d" if unit_inputs else r"\tfrac{1}{d} I_d"
    first = (
        rf"\operatorname{{Cov}}(F^\top h) &= F^\top \left({inputs} \otimes \mathbb{{E}}[b b^\top]\right) F, \qquad"
        r" \operatorname{Cov}(F^\top h, z) = F^\top \operatorname{vec} \mathbb{E}[(x z) b^\top], \qquad \operatorname{Var} z = 1"
    )
    body = first + " \\\\\n  " + _filled(_AVERAGED_ENTRIES, entries)
    return _align(f"over fresh tasks, given F; {how}; {_context_comment(unit_inputs)}; target {ascii_name(target)}", body)


_TASK_ENTRIES = {
    "slope": r"\varphi &= {}",
    "noise": r"\mathbb{E}\,\eta_k &= {}",
    "fresh": r"(R_\infty)_{11} &= \left({}\right) I_d",
    "spread_limit": r"\tfrac{1}{d}\, \mathbb{E}\, \| (R_k - R_\infty)_{11} \|_F^2 &= {} + O(d^{-1})",
}


def task_covariance(target: str, entries: Mapping[str, sympy.Expr], *, equal: bool) -> str:
    r"""R_k given the training tasks, as an ``align*`` block; ``equal`` where φ does not depend on ‖ξ‖, so that = stands for ≈."""
    relation = "=" if equal else r"\simeq"
    first = (
        rf"(R_k)_{{11}} &{relation} \varphi\, S_k + \eta_k I_d, \qquad S_k = \tfrac{{1}}{{k}} \sum_{{j \le k}} \xi_j \xi_j^\top,"
        r" \qquad k = \kappa d"
    )
    body = first + " \\\\\n  " + _filled(_TASK_ENTRIES, entries)
    return _align(f"given the k training tasks; target {ascii_name(target)}", body)


_LIMIT_ENTRIES = {
    "signal": r"a_1 &= c_1^* = {}",
    "second": r"v &= \mathbb{E}\,\sigma_*(g)^2 + \rho = {}",
    "fresh": r"R_\infty &= a_1^2 + \frac{v}{\alpha} = {}",
    "trace": r"\lim \frac{t}{d} &= {}",
    "q": r"q &= {}",
}


def limit_covariance(target: str, entries: Mapping[str, sympy.Expr], *, unit_inputs: bool) -> str:
    r"""The limit of the covariance, as an ``align*`` block."""
    first = (
        r"R &= a_1^2\, S_k + \frac{v}{\alpha}\, I, \qquad \alpha = \ell / d, \qquad"
        r" \operatorname{Cov}\bigl((F^\top h)_i, z\bigr) \sim \mathcal{N}(0, q / d)"
    )
    body = first + " \\\\\n  " + _filled(_LIMIT_ENTRIES, entries)
    return _align(f"d -> infinity; {_context_comment(unit_inputs)}; target {ascii_name(target)}", body)


def norm_law(target: str, entries: Mapping[str, sympy.Expr], *, unit_inputs: bool, sphere: bool) -> str:
    r"""The variance of ‖h‖²/t to order 1/d, as an ``align*`` block: the general formula, its four parts, their sum."""
    beta = r"\frac{1}{\alpha} + 2 v" if unit_inputs else r"\frac{1}{\alpha}"
    trace = r"a_1^2 + \frac{v}{\alpha} + v^2" if unit_inputs else r"a_1^2 + \frac{v}{\alpha}"
    task = "" if sphere else r"2 \bigl(a_1 \theta a + \tfrac{\beta p}{2}\bigr)^2 + "
    lines = [
        r"\operatorname{Var} \frac{\|h\|^2}{t} &= \frac{C}{d} + O(d^{-2}), \qquad"
        rf" T = {trace}, \qquad \beta = {beta}, \qquad \theta a = c_1^* + c_3^*",
        rf"C &= 2 + \frac{{1}}{{T^2}} \Bigl[{task}\tfrac{{4 a_1^2 (p + v - a_1^2) + 4 a_1 \beta (w_3 - a_1 v)"
        r" + \beta^2 (w_4 - v^2)}{\alpha} + \tfrac{2 v^2}{\alpha^2}\Bigr]",
        rf"&= {exact(entries['variance'])}",
    ]
    return _align(f"fluctuations of the norm; {_context_comment(unit_inputs)}; target {ascii_name(target)}", " \\\\\n  ".join(lines))


def ascii_name(name: str) -> str:
    """A name for a TeX comment, in ASCII.

    >>> ascii_name("σ*, ρ")
    'sigma*, rho'
    """
    greek = {"σ": "sigma", "ρ": "rho", "ξ": "xi", "α": "alpha", "κ": "kappa", "τ": "tau", "μ": "mu", "λ": "lambda"}
    return "".join(greek.get(letter, letter if letter.isascii() else "?") for letter in name)


_RELEVANT = {
    "c_0": r"whether $c_0 = 0$",
    "c_1": "$c_1$",
    "c_1*": "$c_1^*$",
    "c_2": "$c_2$ (as $c_0 = 0$)",
    "target c_0*": r"$\mathbb{E}\,\sigma_*(g)$",
    "target c_1*": "$a_1$",
    "target E sigma*^2": r"$\mathbb{E}\,\sigma_*(g)^2$",
}
_STATUS = {True: "holds", False: r"\textbf{fails}", None: "not known"}


def equivalence_theorem(
    *,
    head: str,
    target: str,
    polynomial: str,
    degree: int,
    relevant: Sequence[str],
    constants: Sequence[tuple[str, str]],
    hypotheses: Sequence[tuple[str, bool | None, str]],
    comment: str,
) -> str:
    r"""A theorem environment (amsthm) with its constants and hypotheses as booktabs tables.

    Parameters
    ----------
    head, target, polynomial : str
        TeX of σ, σ* and of the equation for the equivalent activation.
    degree : int
    relevant : sequence of str
        Keys of what the limiting error depends on.
    constants : sequence of (symbol, value)
        TeX.
    hypotheses : sequence of (statement, holds, finding)
        TeX; ``holds`` is None where it is not known.
    comment : str
    """
    table = [rf"  ${symbol}$ & ${value}$ \\" for symbol, value in constants]
    checks = [rf"  ${statement}$ & {_STATUS[holds]} & ${finding}$ \\" for statement, holds, finding in hypotheses]
    lines = [
        f"% {ascii_name(comment)}",
        r"\begin{theorem}[Equivalent model]",
        rf"Let $\sigma = {head}$ and $\sigma_* = {target}$. As $d \to \infty$ with $\ell/d$, $k/d$, $n/d^2$ and $m/d^2$ tending to",
        r"positive limits, the Transformer $\hat y = w^\top \sigma(F^\top h)$ and the one with",
        rf"\[ {polynomial}, \]",
        r"$z \sim \mathcal{N}(0, 1)$ fresh for every sample and neuron, each with its own ridge solution $w$, have the same"
        r" in-context error.",
        rf"It depends on the activation and the target through {_listed([_RELEVANT[name] for name in relevant])} only.",
        r"\end{theorem}",
        r"\begin{center}",
        r"\begin{tabular}{ll}",
        r"  \toprule",
        r"  constant & value \\",
        r"  \midrule",
        *table,
        r"  \bottomrule",
        r"\end{tabular}",
        r"\end{center}",
        r"\begin{center}",
        r"\begin{tabular}{lll}",
        r"  \toprule",
        r"  hypothesis & & found \\",
        r"  \midrule",
        *checks,
        r"  \bottomrule",
        r"\end{tabular}",
        r"\end{center}",
    ]
    return "\n".join(lines)


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def side_by_side(
    columns: Sequence[tuple[str, Sequence[Any]]], *, digits: int = 6, caption: str = "", label: str = "", provenance: str = ""
) -> str:
    r"""A booktabs table of the coefficients of several activations, one column each: exact where known, else rounded.

    Parameters
    ----------
    columns : sequence of (name, coefficients)
        Names are text; all sequences have one length.
    digits : int
        Significant digits of the decimals.
    caption, label, provenance : str

    Examples
    --------
    >>> print(side_by_side([("id", [0, 1]), ("f", [0.25, 1.5])], digits=3))  # doctest: +ELLIPSIS
    % c_k = ...
    \begin{tabular}{rll}
      \toprule
      $c_k$ & id & f \\
      \midrule
      0 & $0$ & $0.250$ \\
      1 & $1$ & $1.50$ \\
      \bottomrule
    \end{tabular}
    """
    lengths = {len(c) for _, c in columns}
    if len(lengths) != 1:
        raise HypothesisError(
            "a table side by side has columns of one length", f"lengths {sorted(lengths)}", "ask for the same degree of each"
        )
    rows = []
    for k in range(lengths.pop()):
        cells = [number(c[k], digits=digits) if c[k] else "0" for _, c in columns]
        rows.append("  " + " & ".join([str(k), *(f"${cell}$" for cell in cells)]) + r" \\")
    lines = [
        rf"\begin{{tabular}}{{r{'l' * len(columns)}}}",
        r"  \toprule",
        "  " + " & ".join(["$c_k$", *(escaped(name) for name, _ in columns)]) + r" \\",
        r"  \midrule",
        *rows,
        r"  \bottomrule",
        r"\end{tabular}",
    ]
    return _comment(provenance) + "\n".join(_table(lines, caption, label))


def _table(lines: list[str], caption: str, label: str) -> list[str]:
    """The lines of a tabular inside a table environment, if there is a caption or a label."""
    if not (caption or label):
        return lines
    words = [rf"\caption{{{caption}}}"] if caption else []
    words += [rf"\label{{{label}}}"] if label else []
    return [r"\begin{table}", r"\centering", *lines, *words, r"\end{table}"]


def escaped(text: str) -> str:
    r"""Plain text in TeX, its special signs escaped.

    >>> print(escaped("leaky_relu, 5%"))
    leaky\_relu, 5\%
    """
    return "".join("\\" + letter if letter in "_%&#${}" else letter for letter in text)


def latex(obj: Any) -> str:
    r"""TeX of anything in the package that has a ``.latex()``, or a table of several expansions side by side.

    Parameters
    ----------
    obj : object with ``.latex()``, or a sequence of Hermite expansions

    Raises
    ------
    HypothesisError
        For anything else.

    Examples
    --------
    >>> import hermite_eq
    >>> print(latex(hermite_eq.coefficients("square", 2)))
    \sigma(x) = 1 + \mathrm{He}_{2}(x)
    >>> print(latex([hermite_eq.coefficients(name, 1) for name in ("relu", "tanh")]).splitlines()[-3].strip())
    1 & $\frac{1}{2}$ & $0.605706$ \\
    """
    if hasattr(obj, "latex"):
        return str(obj.latex())
    if isinstance(obj, Sequence) and obj and all(hasattr(item, "activation") and hasattr(item, "c") for item in obj):
        return side_by_side([(str(item.activation), item.c) for item in obj])
    raise HypothesisError(
        "an object to be typeset has a .latex(), or is a sequence of Hermite expansions",
        f"{type(obj).__name__} {obj!r}",
        "pass hermite_eq.coefficients('relu'), or a list of such",
    )
