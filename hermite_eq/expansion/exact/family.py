r"""The family of functions with exact Hermite coefficients, in one normal form.

On each of finitely many intervals a function of the family is

.. math:: \sigma(x) = \operatorname{Re} \sum_t p_t(x)\, e^{(\mu_t + i\omega_t) x + \beta_t x^2} \prod_{i \le
    m_t} \operatorname{erf}(a_{t,i} x + b_{t,i})

with polynomials :math:`p_t` with complex coefficients and real :math:`\mu, \omega, \beta, a, b`, all of
them exact SymPy numbers or expressions in real parameters. Sums, products, integer powers, and the sign of
a polynomial stay in the family; that is all that Max, Min, Abs, Heaviside and Piecewise need.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Generic, TypeVar

import sympy
from sympy import Expr, S
from sympy.simplify.fu import TR8

from hermite_eq.errors import HypothesisError
from hermite_eq.hermite import X

#: Sizes beyond which an expression is declined, so that a decision is always quick.
_MOST_TERMS = 2000
_HIGHEST_POWER = 200
_MOST_ERROR_FUNCTIONS = 6
_HIGHEST_SOLVED = 12

T = TypeVar("T")
U = TypeVar("U")
V = TypeVar("V")


class OutsideFamilyError(Exception):
    """The expression is outside the family; holds the sub-expression responsible and the reason."""

    def __init__(self, culprit: Any, reason: str) -> None:
        super().__init__(f"{reason}: {culprit}")
        self.culprit = culprit
        self.reason = reason


def sign_of(value: Expr) -> int | None:
    """The sign of a real number or expression: −1, 0, 1, or None where the assumptions do not decide it."""
    if value.is_zero:
        return 0
    if value.is_number:
        # A difference of unequal exact numbers of this size is told from zero long before 60 digits.
        approximation = value.evalf(60)
        if abs(approximation) > sympy.Float("1e-40", 60):
            return 1 if approximation > 0 else -1
        return 0 if sympy.simplify(value) == 0 else None
    for form in (lambda v: v, sympy.expand, sympy.factor):
        shaped = form(value)
        if shaped.is_zero:
            return 0
        if shaped.is_positive:
            return 1
        if shaped.is_negative:
            return -1
    return None


def _decided_sign(value: Expr, what: str) -> int:
    sign = sign_of(value)
    if sign is None:
        raise HypothesisError(
            f"the assumptions on the parameters decide {what}",
            f"{value} of unknown sign",
            "declare it, e.g. Symbol('a', positive=True), or substitute a number",
        )
    return sign


def is_before(a: Expr, b: Expr) -> bool:
    """Whether a < b, for breakpoints and ±∞; HypothesisError where the assumptions do not decide it."""
    if a == b:
        return False
    if a is S.NegativeInfinity or b is S.Infinity:
        return True
    if a is S.Infinity or b is S.NegativeInfinity:
        return False
    return _decided_sign(b - a, "the order of the breakpoints") > 0


@dataclass(frozen=True)
class Pieces(Generic[T]):
    """A piecewise constant map of the real line: ``values[i]`` between ``edges[i]`` and ``edges[i + 1]``."""

    edges: tuple[Expr, ...]
    values: tuple[T, ...]

    @classmethod
    def everywhere(cls, value: T) -> Pieces[T]:
        return cls((S.NegativeInfinity, S.Infinity), (value,))

    def __iter__(self) -> Iterator[tuple[Expr, Expr, T]]:
        return iter(zip(self.edges[:-1], self.edges[1:], self.values, strict=True))

    def map(self, function: Callable[[T], U]) -> Pieces[U]:
        return Pieces(self.edges, tuple(function(value) for value in self.values)).merged()

    def merged(self) -> Pieces[T]:
        """Without the edges at which nothing changes."""
        edges, values = [self.edges[0]], [self.values[0]]
        for edge, value in zip(self.edges[1:-1], self.values[1:], strict=True):
            if value != values[-1]:
                edges.append(edge)
                values.append(value)
        return Pieces((*edges, self.edges[-1]), tuple(values))


def combine(first: Pieces[T], second: Pieces[U], function: Callable[[T, U], V]) -> Pieces[V]:
    """The pointwise combination of two piecewise maps on the common refinement of their intervals."""
    edges: list[Expr] = [S.NegativeInfinity]
    values: list[V] = []
    i = j = 0
    while True:
        values.append(function(first.values[i], second.values[j]))
        end1, end2 = first.edges[i + 1], second.edges[j + 1]
        if end1 is S.Infinity and end2 is S.Infinity:
            return Pieces((*edges, S.Infinity), tuple(values)).merged()
        first_ends = is_before(end1, end2)
        second_ends = not first_ends and is_before(end2, end1)
        edges.append(end2 if second_ends else end1)
        i += not second_ends
        j += not first_ends


@dataclass(frozen=True)
class Kernel:
    r"""The factor :math:`e^{(\mu+i\omega)x+\beta x^2}\prod_i\operatorname{erf}(a_ix+b_i)` of a term."""

    mu: Expr = S.Zero
    omega: Expr = S.Zero
    beta: Expr = S.Zero
    erfs: tuple[tuple[Expr, Expr], ...] = ()


#: A polynomial as power -> (real part, imaginary part) of its coefficient.
Polynomial = Mapping[int, tuple[Expr, Expr]]
#: Re Σ polynomial · kernel, canonical: no zero coefficient, ω > 0 as far as the sign shows, erf arguments
#: with a > 0 likewise.
Terms = Mapping[Kernel, Polynomial]

_ONE = Kernel()


def linear_in_trigonometric(value: Expr) -> Expr:
    """Products of sines and cosines as sums, so that equal values look equal."""
    return sympy.expand(TR8(value))


def _shaped(parts: list[Expr]) -> Expr:
    value = sympy.expand(sympy.Add(*parts))
    if value.has(sympy.sign):  # s³ = s, and s² multiplies what vanishes where s = 0
        value = sympy.expand(
            value.replace(
                lambda e: e.is_Pow and isinstance(e.base, sympy.sign) and e.exp.is_Integer,
                lambda e: e.base if e.exp % 2 else S.One,
            )
        )
    return linear_in_trigonometric(value) if value.has(sympy.sin, sympy.cos) else value


def _collect(raw: Iterator[tuple[Kernel, int, Expr, Expr]]) -> Terms:
    sums: dict[Kernel, dict[int, list[list[Expr]]]] = {}
    for kernel, power, re, im in raw:
        if kernel.omega.could_extract_minus_sign():  # Re z = Re conj z
            kernel, im = Kernel(kernel.mu, -kernel.omega, kernel.beta, kernel.erfs), -im
        if kernel.omega == 0:
            im = S.Zero
        parts = sums.setdefault(kernel, {}).setdefault(power, [[], []])
        parts[0].append(re)
        parts[1].append(im)
    if len(sums) > _MOST_TERMS:
        raise OutsideFamilyError(f"{len(sums)} terms", "too many terms")
    terms: dict[Kernel, Polynomial] = {}
    for kernel, polynomial in sums.items():
        kept = {}
        for power, (res, ims) in sorted(polynomial.items()):
            pair = (_shaped(res), _shaped(ims))
            if pair != (0, 0):
                kept[power] = pair
        if kept:
            terms[kernel] = kept
    return terms


def term(re: Expr, im: Expr = S.Zero, *, kernel: Kernel = _ONE, power: int = 0) -> Terms:
    """Re (re + i im) x^power · kernel."""
    return _collect(iter([(kernel, power, sympy.sympify(re), sympy.sympify(im))]))


def add(f: Terms, h: Terms) -> Terms:
    return _collect((k, n, re, im) for part in (f, h) for k, p in part.items() for n, (re, im) in p.items())


def _product(f: Terms, h: Terms) -> Iterator[tuple[Kernel, int, Expr, Expr]]:
    half = sympy.Rational(1, 2)
    for k1, p1 in f.items():
        for k2, p2 in h.items():
            mu, beta = sympy.expand(k1.mu + k2.mu), sympy.expand(k1.beta + k2.beta)
            erfs = tuple(sorted(k1.erfs + k2.erfs, key=str))
            if len(erfs) > _MOST_ERROR_FUNCTIONS:
                raise OutsideFamilyError(f"a product of {len(erfs)} error functions", "too many factors")
            together = Kernel(mu, sympy.expand(k1.omega + k2.omega), beta, erfs)
            apart = Kernel(mu, sympy.expand(k1.omega - k2.omega), beta, erfs)
            both = k1.omega != 0 and k2.omega != 0
            for n1, (a, b) in p1.items():
                for n2, (c, d) in p2.items():
                    # Re z Re w = Re(z w + z conj w)/2; one of the two real: Re z · w.
                    scale = half if both else S.One
                    yield together, n1 + n2, scale * (a * c - b * d), scale * (a * d + b * c)
                    if both:
                        yield apart, n1 + n2, half * (a * c + b * d), half * (b * c - a * d)


def multiply(f: Terms, h: Terms) -> Terms:
    size = sum(map(len, f.values())) * sum(map(len, h.values()))
    if size > _MOST_TERMS:
        raise OutsideFamilyError(f"a product of {size} terms", "too many terms")
    if max((n for p in f.values() for n in p), default=0) + max((n for p in h.values() for n in p), default=0) > _HIGHEST_POWER:
        raise OutsideFamilyError(f"a power of {X} beyond {_HIGHEST_POWER}", "the degree is too high")
    return _collect(_product(f, h))


def negative(f: Terms) -> Terms:
    return {kernel: {n: (-re, -im) for n, (re, im) in p.items()} for kernel, p in f.items()}


def polynomial_part(f: Terms) -> dict[int, Expr] | None:
    """Power -> coefficient where f is a polynomial, else None."""
    if set(f) - {_ONE}:
        return None
    return {n: re for n, (re, _) in f.get(_ONE, {}).items()}


# --- signs


def _polynomial_sign(p: dict[int, Expr], shown: Any) -> Pieces[Expr]:
    """The sign of a polynomial as a piecewise constant, its leading coefficient's sign possibly symbolic."""
    degree = max(p, default=0)
    lead = p.get(degree, S.Zero)
    known = sign_of(lead)
    overall = sympy.sign(lead) if known is None else sympy.Integer(known)
    if degree == 0:
        return Pieces.everywhere(overall)
    if degree == 1 or len(p) == 1:
        root = -p.get(0, S.Zero) / lead if degree == 1 else S.Zero
        roots = {sympy.expand(root): degree}
    elif degree == 2:
        a, b, c = (p.get(n, S.Zero) for n in (2, 1, 0))
        discriminant = sympy.expand(b * b - 4 * a * c)
        d = _decided_sign(discriminant, "whether a quadratic has real roots")
        if d < 0:
            return Pieces.everywhere(overall)
        if _decided_sign(a, "the order of a quadratic's roots") < 0:
            a, b = -a, -b
        root = sympy.sqrt(sympy.factor(discriminant) if discriminant.free_symbols else discriminant)
        roots = {sympy.expand((-b - root) / (2 * a)): 1, sympy.expand((-b + root) / (2 * a)): 1} if d else {-b / (2 * a): 2}
    else:
        polynomial = sympy.Poly({(n,): value for n, value in p.items()}, X)
        if degree > _HIGHEST_SOLVED or polynomial.free_symbols_in_domain or not all(value.is_rational for value in p.values()):
            raise OutsideFamilyError(shown, "beyond degree 2 roots are found for rational coefficients, to degree 12")
        found = sympy.roots(polynomial.as_expr(), X)
        if sum(found.values()) != degree or any(root.is_real is None for root in found):
            raise OutsideFamilyError(shown, "the real roots of this polynomial are not expressible by radicals")
        roots = {root: multiplicity for root, multiplicity in found.items() if root.is_real}
    ordered: list[Expr] = []
    for root in roots:
        position = len([other for other in ordered if is_before(other, root)])
        ordered.insert(position, root)
    current = overall
    values = [current]
    for root in reversed(ordered):
        current = current * (-1) ** roots[root]
        values.insert(0, current)
    return Pieces((S.NegativeInfinity, *ordered, S.Infinity), tuple(values)).merged()


def _terms_sign(f: Terms, shown: Any) -> Pieces[Expr]:
    polynomial = polynomial_part(f)
    if polynomial is not None:
        return _polynomial_sign(polynomial, shown)
    if any(kernel.omega != 0 or kernel.erfs for kernel in f):
        raise OutsideFamilyError(shown, "the sign is found for polynomials and single exponentials only")
    if len(f) == 1:
        ((_, p),) = f.items()
        return _polynomial_sign({n: re for n, (re, _) in p.items()}, shown)
    others = [kernel for kernel in f if kernel != _ONE]
    if len(f) == 2 and len(others) == 1 and others[0].beta == 0 and all(set(p) == {0} for p in f.values()):
        # A e^{μx} + B vanishes at log(−B/A)/μ, and only for A, B of opposite signs.
        mu = others[0].mu
        a, b = f[others[0]][0][0], f[_ONE][0][0]
        sign_a = _decided_sign(a, f"the sign of {shown}")
        if _decided_sign(b, f"the sign of {shown}") == sign_a:
            return Pieces.everywhere(sympy.Integer(sign_a))
        rising = sign_a * _decided_sign(mu, f"the sign of {shown}")
        root = sympy.log(-b / a) / mu
        return Pieces((S.NegativeInfinity, root, S.Infinity), (sympy.Integer(-rising), sympy.Integer(rising)))
    raise OutsideFamilyError(shown, "the sign is found for polynomials and single exponentials only")


def _restricted(whole: Pieces[U], lo: Expr, hi: Expr) -> tuple[list[Expr], list[U]]:
    """The values of ``whole`` inside (lo, hi) and the right ends of their intervals."""
    ends, values = [], []
    for start, end, value in whole:
        if is_before(start, hi) and is_before(lo, end):
            ends.append(end if is_before(end, hi) else hi)
            values.append(value)
    return ends, values


def _flat_map(f: Pieces[T], function: Callable[[T], Pieces[U]]) -> Pieces[U]:
    edges: list[Expr] = [S.NegativeInfinity]
    values: list[U] = []
    for lo, hi, value in f:
        ends, parts = _restricted(function(value), lo, hi)
        edges += ends
        values += parts
    return Pieces(tuple(edges), tuple(values)).merged()


def sign(f: Pieces[Terms], shown: Any) -> Pieces[Expr]:
    return _flat_map(f, lambda terms: _terms_sign(terms, shown))


# --- from SymPy to the normal form

Function = Pieces[Terms]


def _constant(value: Expr) -> Terms:
    return term(value)


def _affine(terms: Terms, shown: Any, highest: int = 1) -> dict[int, Expr]:
    polynomial = polynomial_part(terms)
    if polynomial is None or max(polynomial, default=0) > highest:
        kind = "affine" if highest == 1 else "a polynomial of degree ≤ 2"
        raise OutsideFamilyError(shown, f"the argument is not {kind} on every piece")
    return polynomial


def _exponential(terms: Terms, shown: Any) -> Terms:
    p = _affine(terms, shown, highest=2)
    return term(sympy.exp(p.get(0, S.Zero)), kernel=Kernel(mu=p.get(1, S.Zero), beta=p.get(2, S.Zero)))


def _trigonometric(terms: Terms, shown: Any, *, sine: bool) -> Terms:
    p = _affine(terms, shown)
    phase, omega = p.get(0, S.Zero), p.get(1, S.Zero)
    # cos(ωx + φ) = Re e^{iφ} e^{iωx},  sin(ωx + φ) = Re (−i) e^{iφ} e^{iωx}
    cosine, sine_of_phase = sympy.cos(phase), sympy.sin(phase)
    if sine:
        return term(sine_of_phase, -cosine, kernel=Kernel(omega=omega))
    return term(cosine, sine_of_phase, kernel=Kernel(omega=omega))


def _error_function(terms: Terms, shown: Any) -> Terms:
    p = _affine(terms, shown)
    a, b = p.get(1, S.Zero), p.get(0, S.Zero)
    if a == 0:
        return term(sympy.erf(b))
    if a.could_extract_minus_sign():
        return term(-S.One, kernel=Kernel(erfs=((-a, -b),)))
    return term(S.One, kernel=Kernel(erfs=((a, b),)))


def _power(base: Function, exponent: int) -> Function:
    result = Pieces.everywhere(_constant(S.One))
    while exponent:
        if exponent & 1:
            result = combine(result, base, multiply)
        exponent >>= 1
        if exponent:
            base = combine(base, base, multiply)
    return result


def _absolute(f: Function, shown: Any) -> Function:
    return combine(f, sign(f, shown).map(_constant), multiply)


def _larger(f: Function, h: Function, shown: Any) -> Function:
    # max(f, h) = f where f − h > 0; where the sign of f − h is symbolic, (f + h + |f − h|)/2.
    difference = combine(f, h.map(negative), add)
    signs = sign(difference, shown)
    half = _constant(sympy.Rational(1, 2))

    def chosen(both: tuple[Terms, Terms], s: Expr) -> Terms:
        one, other = both
        if s.is_number:
            return one if s >= 0 else other
        spread = multiply(_constant(s), add(one, negative(other)))
        return multiply(half, add(add(one, other), spread))

    return combine(combine(f, h, lambda one, other: (one, other)), signs, chosen)


def _condition(condition: Any) -> Pieces[bool]:
    if condition in (True, False, S.true, S.false):
        return Pieces.everywhere(bool(condition))
    if isinstance(condition, sympy.And | sympy.Or):
        parts = [_condition(argument) for argument in condition.args]
        result = parts[0]
        for part in parts[1:]:
            result = combine(
                result,
                part,
                (lambda a, b: a and b) if isinstance(condition, sympy.And) else (lambda a, b: a or b),
            )
        return result
    if isinstance(condition, sympy.Not):
        return _condition(condition.args[0]).map(lambda value: not value)
    if isinstance(condition, sympy.core.relational.Relational):
        difference = combine(parse(condition.lhs), parse(condition.rhs).map(negative), add)
        wanted = {">": {1}, ">=": {0, 1}, "<": {-1}, "<=": {-1, 0}, "==": {0}, "!=": {-1, 1}}[condition.rel_op]
        decided = sign(difference, condition).map(lambda s: _decided_sign(s, f"the condition {condition}"))
        return decided.map(lambda s: s in wanted)
    raise OutsideFamilyError(condition, "the condition is not a comparison")


def _piecewise(expr: sympy.Piecewise) -> Function:
    result: Pieces[Terms | None] = Pieces.everywhere(None)
    for branch, condition in expr.args:
        where = _condition(condition)
        free = combine(result, where, lambda value, inside: value is None and inside)
        if not any(where.values):  # a condition that holds at most at single points
            continue
        if not any(free.values):
            if condition in (True, S.true):
                continue
            raise HypothesisError(
                "every branch of a Piecewise is reached",
                f"the branch ({branch}, {condition}), which earlier branches cover",
                "order the breakpoints, the first true condition wins",
            )
        function = combine(free, parse(branch), lambda inside, terms: terms if inside else None)
        result = combine(result, function, lambda old, new: new if old is None else old)
    complete = []
    for lo, hi, value in result:
        if value is None:
            raise HypothesisError(
                "the function is defined almost everywhere",
                f"no branch of {expr} on ({lo}, {hi})",
                "add a last branch (value, True)",
            )
        complete.append(value)
    return Pieces(result.edges, tuple(complete))


@lru_cache(maxsize=256)
def parse(expr: Expr) -> Function:
    """The normal form of an expression in ``X``; OutsideFamilyError names a sub-expression without one."""
    if X not in expr.free_symbols:
        if expr.has(sympy.Float):
            raise OutsideFamilyError(expr, "a float is not exact; write a Rational")
        if not expr.is_finite and expr.has(S.Infinity, S.NegativeInfinity, S.NaN, S.ComplexInfinity):
            raise OutsideFamilyError(expr, "not a finite number")
        if expr.has(sympy.I) or expr.is_real is False:
            raise OutsideFamilyError(expr, "not real")
        return Pieces.everywhere(_constant(expr))
    if expr == X:
        return Pieces.everywhere(term(S.One, power=1))
    if isinstance(expr, sympy.Add | sympy.Mul):
        operation = add if isinstance(expr, sympy.Add) else multiply
        result = parse(expr.args[0])
        for argument in expr.args[1:]:
            result = combine(result, parse(argument), operation)
        return result
    if isinstance(expr, sympy.exp):
        return parse(expr.args[0]).map(lambda terms: _exponential(terms, expr))
    if isinstance(expr, sympy.Pow):
        base, exponent = expr.args
        if exponent.is_Integer and exponent >= 0:
            if exponent > _HIGHEST_POWER:
                raise OutsideFamilyError(expr, "the power is too high")
            return _power(parse(base), int(exponent))
        if X not in base.free_symbols and sign_of(base) == 1:
            return parse(sympy.exp(sympy.expand(exponent * sympy.log(base)), evaluate=False))
        raise OutsideFamilyError(expr, "only non-negative integer powers are in the family")
    if isinstance(expr, sympy.Max | sympy.Min):
        # min f = −max(−f)
        turned = (lambda f: f.map(negative)) if isinstance(expr, sympy.Min) else (lambda f: f)
        parts = [turned(parse(argument)) for argument in expr.args]
        result = parts[0]
        for part in parts[1:]:
            result = _larger(result, part, expr)
        return turned(result)
    if isinstance(expr, sympy.Piecewise):
        return _piecewise(expr)
    kind = type(expr)
    if kind in _UNARY:
        return _UNARY[kind](parse(expr.args[0]), expr)
    raise OutsideFamilyError(expr, f"unsupported function {getattr(expr.func, '__name__', expr.func)}")


def _half_sum(f: Function, h: Function) -> Function:
    return combine(combine(f, h, add), Pieces.everywhere(_constant(sympy.Rational(1, 2))), multiply)


def _hyperbolic(argument: Function, expr: Expr, *, odd: bool) -> Function:
    rising = argument.map(lambda terms: _exponential(terms, expr))
    falling = argument.map(lambda terms: _exponential(negative(terms), expr))
    return _half_sum(rising, falling.map(negative) if odd else falling)


_UNARY: dict[Any, Callable[[Function, Expr], Function]] = {
    sympy.Abs: _absolute,
    sympy.sign: lambda argument, expr: sign(argument, expr).map(_constant),
    sympy.Heaviside: lambda argument, expr: _half_sum(sign(argument, expr).map(_constant), Pieces.everywhere(_constant(S.One))),
    sympy.sin: lambda argument, expr: argument.map(lambda terms: _trigonometric(terms, expr, sine=True)),
    sympy.cos: lambda argument, expr: argument.map(lambda terms: _trigonometric(terms, expr, sine=False)),
    sympy.sinh: lambda argument, expr: _hyperbolic(argument, expr, odd=True),
    sympy.cosh: lambda argument, expr: _hyperbolic(argument, expr, odd=False),
    sympy.erf: lambda argument, expr: argument.map(lambda terms: _error_function(terms, expr)),
    sympy.erfc: lambda argument, expr: argument.map(lambda terms: add(_constant(S.One), negative(_error_function(terms, expr)))),
}


# --- and back


def expression(terms: Terms) -> Expr:
    """The SymPy expression of a sum of terms."""
    parts = []
    for kernel, polynomial in terms.items():
        wave, shifted = sympy.cos(kernel.omega * X), -sympy.sin(kernel.omega * X)
        factor = sympy.exp(kernel.mu * X + kernel.beta * X**2) * sympy.Mul(*(sympy.erf(a * X + b) for a, b in kernel.erfs))
        parts += [X**n * factor * (re * wave + im * shifted) for n, (re, im) in polynomial.items()]
    return sympy.Add(*parts)


def by_kernel(function: Function) -> dict[Kernel, Pieces[Polynomial]]:
    """For each kernel, the polynomial that multiplies it on every piece; one piece where it never changes."""
    kernels = {kernel for terms in function.values for kernel in terms}
    ordered = sorted(kernels, key=lambda kernel: str((kernel.erfs, kernel.beta, kernel.mu, kernel.omega)))

    def polynomials(kernel: Kernel) -> Pieces[Polynomial]:
        return function.map(lambda terms: terms.get(kernel, {}))

    return {kernel: polynomials(kernel) for kernel in ordered}
