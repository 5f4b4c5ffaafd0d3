"""The sign of a function of the family, as a piecewise constant."""

from __future__ import annotations

from typing import Any

import sympy
from sympy import Expr, S

from hermite_eq.expansion.exact.family import ONE, OutsideFamilyError, Terms, polynomial_part
from hermite_eq.expansion.exact.piecewise import Pieces, decided_sign, flat_map, is_before, sign_of
from hermite_eq.hermite import X

_HIGHEST_SOLVED = 12


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
        d = decided_sign(discriminant, "whether a quadratic has real roots")
        if d < 0:
            return Pieces.everywhere(overall)
        if decided_sign(a, "the order of a quadratic's roots") < 0:
            a, b = -a, -b
        root = sympy.sqrt(sympy.factor(discriminant) if discriminant.free_symbols else discriminant)
        roots = {sympy.expand((-b - root) / (2 * a)): 1, sympy.expand((-b + root) / (2 * a)): 1} if d else {-b / (2 * a): 2}
    else:
        polynomial = sympy.Poly({(n,): value for n, value in p.items()}, X)
        if degree > _HIGHEST_SOLVED or polynomial.free_symbols_in_domain or not all(value.is_rational for value in p.values()):
            raise OutsideFamilyError(shown, "beyond degree 2 roots are found for rational coefficients, to degree 12")
        real_roots = sympy.roots(polynomial.as_expr(), X)
        if sum(real_roots.values()) != degree or any(root.is_real is None for root in real_roots):
            raise OutsideFamilyError(shown, "the real roots of this polynomial are not expressible by radicals")
        roots = {root: multiplicity for root, multiplicity in real_roots.items() if root.is_real}
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
    others = [kernel for kernel in f if kernel != ONE]
    if len(f) == 2 and len(others) == 1 and others[0].beta == 0 and all(set(p) == {0} for p in f.values()):
        # A e^{μx} + B vanishes at log(−B/A)/μ, and only for A, B of opposite signs.
        mu = others[0].mu
        a, b = f[others[0]][0][0], f[ONE][0][0]
        sign_a = decided_sign(a, f"the sign of {shown}")
        if decided_sign(b, f"the sign of {shown}") == sign_a:
            return Pieces.everywhere(sympy.Integer(sign_a))
        rising = sign_a * decided_sign(mu, f"the sign of {shown}")
        root = sympy.log(-b / a) / mu
        return Pieces((S.NegativeInfinity, root, S.Infinity), (sympy.Integer(-rising), sympy.Integer(rising)))
    raise OutsideFamilyError(shown, "the sign is found for polynomials and single exponentials only")


def sign(f: Pieces[Terms], shown: Any) -> Pieces[Expr]:
    return flat_map(f, lambda terms: _terms_sign(terms, shown))
