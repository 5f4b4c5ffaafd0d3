r"""The family of functions with exact Hermite coefficients, in one normal form.

On each of finitely many intervals a function of the family is

.. math:: \sigma(x) = \operatorname{Re} \sum_t p_t(x)\, e^{(\mu_t + i\omega_t) x + \beta_t x^2} \prod_{i \le
    m_t} \operatorname{erf}(a_{t,i} x + b_{t,i})

with polynomials :math:`p_t` with complex coefficients and real :math:`\mu, \omega, \beta, a, b`, all of
them exact SymPy numbers or expressions in real parameters. Sums, products, integer powers, and the sign of
a polynomial stay in the family; that is all that Max, Min, Abs, Heaviside and Piecewise need.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import sympy
from sympy import Expr, S
from sympy.simplify.fu import TR8

from hermite_eq.expansion.exact.piecewise import Pieces
from hermite_eq.hermite import X

#: Sizes beyond which an expression is declined, so that a decision is always quick.
_MOST_TERMS = 2000
HIGHEST_POWER = 200
_MOST_ERROR_FUNCTIONS = 6


class OutsideFamilyError(Exception):
    """The expression is outside the family; holds the sub-expression responsible and the reason."""

    def __init__(self, culprit: Any, reason: str) -> None:
        super().__init__(f"{reason}: {culprit}")
        self.culprit = culprit
        self.reason = reason


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
Function = Pieces[Terms]
ONE = Kernel()


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


def term(re: Expr, im: Expr = S.Zero, *, kernel: Kernel = ONE, power: int = 0) -> Terms:
    """Re (re + i im) x^power · kernel."""
    return _collect(iter([(kernel, power, re, im)]))


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
    if max((n for p in f.values() for n in p), default=0) + max((n for p in h.values() for n in p), default=0) > HIGHEST_POWER:
        raise OutsideFamilyError(f"a power of {X} beyond {HIGHEST_POWER}", "the degree is too high")
    return _collect(_product(f, h))


def negative(f: Terms) -> Terms:
    return {kernel: {n: (-re, -im) for n, (re, im) in p.items()} for kernel, p in f.items()}


def polynomial_part(f: Terms) -> dict[int, Expr] | None:
    """Power -> coefficient where f is a polynomial, else None."""
    if set(f) - {ONE}:
        return None
    return {n: re for n, (re, _) in f.get(ONE, {}).items()}


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
