r"""Gegenbauer coefficients: the law of one coordinate on the sphere, its orthonormal polynomials, and their Hermite limit.

The route: moments of Gaussian vectors divided by those of their length; the library integrates numerically.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import sympy

from derivations import Step
from hermite_eq.expansion import gegenbauer_coefficients
from hermite_eq.hermite import X, he

STATEMENT = r"""
x uniform on the sphere of radius √d, u = wᵀx, ‖w‖ = 1: E u^{2j} = d^j (1/2)_j/(d/2)_j, the density is ∝ (1 − u²/d)^{(d−3)/2}, and the
orthonormal polynomials satisfy (u/√d) q_k = a_{k+1} q_{k+1} + a_k q_{k−1} with a_k² = k(k + d − 3)/((2k + d − 2)(2k + d − 4)). As d → ∞
d a_k² → k, so that q_k → He_k/√k!.
"""

ASSUMPTIONS = "d ≥ 2; k ≥ 2 in a_k where d = 2, and a_1² = 1/d."

TITLE = "Gegenbauer coefficients and their Hermite limit"

STATEMENT_TEX = r"""For $x$ uniform on the sphere of radius $\sqrt d$ and $u=w^\top x$, $\|w\|=1$:
$\mathbb{E}\,u^{2j}=d^j(1/2)_j/(d/2)_j$, the density is $\propto(1-u^2/d)^{(d-3)/2}$, and the orthonormal polynomials satisfy
\[
\frac u{\sqrt d}q_k=a_{k+1}q_{k+1}+a_kq_{k-1},\qquad a_k^2=\frac{k(k+d-3)}{(2k+d-2)(2k+d-4)} .
\]
As $d\to\infty$, $d\,a_k^2\to k$, so that $q_k\to\mathrm{He}_k/\sqrt{k!}$."""

ASSUMPTIONS_TEX = r"$d\ge2$; $k\ge2$ in $a_k$ where $d=2$, and $a_1^2=1/d$."

d = sympy.Symbol("d", positive=True)
k = sympy.Symbol("k", positive=True)


def square(degree: sympy.Expr, dimension: sympy.Expr) -> sympy.Expr:
    """a_k²."""
    return degree * (degree + dimension - 3) / ((2 * degree + dimension - 2) * (2 * degree + dimension - 4))


def _moment(j: int) -> sympy.Expr:
    """E u^{2j}: of a Gaussian coordinate (2j−1)!!, over E(‖g‖²/d)^j = d(d + 2)⋯/d^j, as direction and length are independent."""
    length = sympy.Integer(1)
    for i in range(j):
        length *= (d + 2 * i) / d
    return sympy.factorial2(2 * j - 1) / length if j else sympy.Integer(1)


def _density() -> Step:
    """Beta integrals: E t^{2j} = B(j + 1/2, (d−1)/2)/B(1/2, (d−1)/2), as a product."""
    holds = True
    for j in range(1, 6):
        beta = sympy.Integer(1)
        for i in range(j):
            beta *= (sympy.Rational(1, 2) + i) / (d / 2 + i)
        holds = holds and sympy.simplify(beta * d**j - _moment(j)) == 0
    return Step(
        "moments of the density are those of a Gaussian coordinate over its vector's length", bool(holds), "2j ≤ 10, all d",
        tex="Moments of the density are those of a Gaussian coordinate over its vector's length.",
    )  # fmt: skip


def _recurrence(of: Callable[[sympy.Expr, sympy.Expr], sympy.Expr]) -> Step:
    """Monic polynomials p_k = u p_{k−1} − d a_{k−1}² p_{k−2} are orthogonal under these moments."""
    u = sympy.Symbol("u")
    p = [sympy.Integer(1), u]
    for degree in range(2, 6):
        a2 = 1 / d if degree == 2 else of(sympy.Integer(degree - 1), d)
        p.append(sympy.expand(u * p[-1] - d * a2 * p[-2]))

    def mean(polynomial: sympy.Expr) -> sympy.Expr:
        return sum(weight * _moment(power // 2) for (power,), weight in sympy.Poly(polynomial, u).terms() if power % 2 == 0)

    holds = all(sympy.simplify(mean(sympy.expand(p[i] * p[j]))) == 0 for i in range(6) for j in range(i))
    size = [mean(sympy.expand(polynomial**2)) for polynomial in p]
    norms = all(sympy.simplify(size[i] / size[i - 1] / d - (1 / d if i == 1 else of(sympy.Integer(i), d))) == 0 for i in range(1, 6))
    return Step(
        "the recurrence gives polynomials orthogonal under these moments, of norms a_1²⋯a_k² d^k", bool(holds and norms), "k ≤ 5, all d",
        tex=r"The recurrence gives polynomials orthogonal under these moments, of norms $a_1^2\cdots a_k^2d^k$.",
    )  # fmt: skip


def _limit(of: Callable[[sympy.Expr, sympy.Expr], sympy.Expr]) -> Step:
    hermite = all(sympy.expand(he(j + 1) - X * he(j) + j * he(j - 1)) == 0 for j in range(1, 6))
    return Step(
        "d a_k² → k, the recurrence of Hermite polynomials", bool(sympy.limit(d * of(k, d), d, sympy.oo) == k) and hermite, "all k",
        tex=r"$d\,a_k^2\to k$, the recurrence of Hermite polynomials.",
    )  # fmt: skip


def _library(of: Callable[[sympy.Expr, sympy.Expr], sympy.Expr]) -> Step:
    """ReLU by absolute moments E|u|^n = d^{n/2} Γ((n+1)/2)Γ(d/2)/(√π Γ((d+n)/2)), half of them on either side."""
    u, holds = sympy.Symbol("u"), True
    for dimension in (2, 3, 24, 40):
        computed = gegenbauer_coefficients("relu", dimension, 6)
        p, norm = [sympy.Integer(1), u], [sympy.Integer(1)]
        for degree in range(1, 7):
            a2 = sympy.Rational(1, dimension) if degree == 1 else of(sympy.Integer(degree), sympy.Integer(dimension))
            norm.append(norm[-1] * dimension * a2)
            p.append(sympy.expand(u * p[-1] - dimension * a2 * p[-2]))
        for degree, c in enumerate(computed.c):
            value = mpmath.mpf(0)
            for (power,), weight in sympy.Poly(p[degree] * u, u).terms():
                half = mpmath.mpf(dimension) / 2
                absolute = half ** (mpmath.mpf(power) / 2) * 2 ** (mpmath.mpf(power) / 2) * mpmath.gamma(mpmath.mpf(power + 1) / 2)
                absolute *= mpmath.gammaprod([half], [half + mpmath.mpf(power) / 2]) / mpmath.sqrt(mpmath.pi)
                value += mpmath.mpf(weight.p) / weight.q * absolute / 2
            value *= mpmath.sqrt(mpmath.factorial(degree) * norm[degree].q / mpmath.mpf(norm[degree].p))
            holds = holds and abs(float(value) - c) <= computed.errors[degree] + 1e-13
    return Step(
        "the library's coefficients of ReLU are those by absolute moments, within its stated errors",
        bool(holds), "k ≤ 6, d = 2, 3, 24, 40",
        tex="The library's coefficients of ReLU are those by absolute moments, within its stated errors.",
    )  # fmt: skip


def check(of: Callable[[sympy.Expr, sympy.Expr], sympy.Expr] = square) -> list[Step]:
    """The argument, step by step; ``of`` replaces a_k²."""
    return [_density(), _recurrence(of), _limit(of), _library(of)]
