"""Hermite coefficients given a spike component of the pre-activation, and the degree which an equivalent polynomial needs.

Route: exponentials, on which every identity is one line and whose span is dense; the addition formula as a polynomial identity; the
criteria as exponents of one remainder.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import sympy

from derivations import Step
from hermite_eq.hermite import X, he
from hermite_eq.structured import conditional_coefficients, degree_needed, missed_share, truncated_conditional

TITLE = "Coefficients given a spike, and the degree needed"

STATEMENT = r"""Let c_k(m,s) = E[σ(m + sg)He_k(g)]. Then c_k(m,s) = s^k ∂_m^k E σ(m + sg), and s∂_s c_k = k c_k + c_{k+2}. If the mean is
itself Gaussian, κ ~ N(0, ρ²), s² = 1 − ρ², then c_j(κ,s) = s^j Σ_{k≥j} c_k ρ^{k−j} He_{k−j}(κ/ρ)/(k−j)!, with E c_j(κ,s) = s^j c_j and
E Σ_j c_j(κ,s)²/j! = E σ². The polynomial of degree p misses Σ_{k>p} c_k²ρ^{2k}/k! of E c_0(κ,s)². Its features' covariance over two
neurons of correlation ω is off by O(ω^{p+1}): with max|ω| ≤ C n^{−1/r}, n times that vanishes for p = r; with ω ≍ k^{β−1}, k ≍ n, for
p > β/(1−β)."""

ASSUMPTIONS = "E σ(m + sg)² < ∞ for m near 0; the criteria bound an operator norm by n times its largest entry."

STATEMENT_TEX = r"""Let $c_k(m,s)=\mathbb{E}[\sigma(m+sg)\mathrm{He}_k(g)]$. Then $c_k(m,s)=s^k\partial_m^k\mathbb{E}\,\sigma(m+sg)$ and
$s\partial_sc_k=kc_k+c_{k+2}$. If the mean is itself Gaussian, $\kappa\sim\mathcal{N}(0,\rho^2)$ and $s^2=1-\rho^2$, then
\[ c_j(\kappa,s)=s^j\sum_{k\ge j}\frac{c_k\,\rho^{k-j}}{(k-j)!}\,\mathrm{He}_{k-j}(\kappa/\rho),\qquad
\mathbb{E}\,c_j(\kappa,s)=s^jc_j,\qquad \mathbb{E}\sum_jc_j(\kappa,s)^2/j!=\mathbb{E}\,\sigma^2. \]
The polynomial of degree $p$ misses $\sum_{k>p}c_k^2\rho^{2k}/k!$ of $\mathbb{E}\,c_0(\kappa,s)^2$. The covariance of its features at
two neurons of correlation $\omega$ is off by $O(\omega^{p+1})$: with $\max|\omega|\le Cn^{-1/r}$, $n$ times that vanishes for $p=r$;
with $\omega\asymp k^{\beta-1}$, $k\asymp n$, for $p>\beta/(1-\beta)$."""

ASSUMPTIONS_TEX = (
    r"$\mathbb{E}\,\sigma(m+sg)^2<\infty$ for $m$ near $0$; the criteria bound an operator norm by $n$ times its largest entry."
)

_M, _T = sympy.symbols("m t", real=True)
_S = sympy.Symbol("s", positive=True)


def _exponential(k: sympy.Expr | int) -> sympy.Expr:
    """E[e^{t(m+sg)} He_k(g)] = (st)^k e^{tm + s²t²/2}."""
    return (_S * _T) ** k * sympy.exp(_T * _M + _S**2 * _T**2 / 2)


def _mean_by_moments(k: int) -> sympy.Expr:
    # E[g^j e^{ag}] = ∂_a^j e^{a²/2}, summed over the coefficients of He_k.
    a = sympy.Symbol("a")
    polynomial = sympy.Poly(he(k), X)
    total = sum(coefficient * sympy.diff(sympy.exp(a**2 / 2), a, power) for (power,), coefficient in polynomial.terms())
    return sympy.exp(_T * _M) * total.subs(a, _S * _T)


@cache
def _shift() -> list[Step]:
    holds = all(
        sympy.expand((_mean_by_moments(k) - _exponential(k)) * sympy.exp(-_T * _M - _S**2 * _T**2 / 2)) == 0
        and sympy.simplify(_S**k * sympy.diff(_exponential(0), _M, k) - _exponential(k)) == 0
        for k in range(8)
    )
    k = sympy.Symbol("k", integer=True, nonnegative=True)
    heat = sympy.simplify((_S * sympy.diff(_exponential(k), _S) - k * _exponential(k) - _exponential(k + 2)) / _exponential(k))
    return [
        Step(
            "on e^{tx}: c_k(m,s) = (st)^k e^{tm+s²t²/2} = s^k ∂_m^k c_0(m,s)",
            holds,
            "k ≤ 7, all t, m, s",
            tex=r"On $e^{tx}$: $c_k(m,s)=(st)^ke^{tm+s^2t^2/2}=s^k\partial_m^kc_0(m,s)$.",
        ),
        Step(
            "on e^{tx}: s∂_s c_k = k c_k + c_{k+2}",
            heat == 0,
            "all k, t, m, s",
            tex=r"On $e^{tx}$: $s\partial_sc_k=kc_k+c_{k+2}$.",
        ),
    ]


def _addition(power: Callable[[int, int], int]) -> Step:
    # He_k(ρx + sy) = Σ_j C(k,j) ρ^{k−j} s^j He_{k−j}(x) He_j(y) for ρ² + s² = 1; the coefficient of He_j(y)/j! is j! C(k,j) = k!/(k−j)!.
    x, y, rho = sympy.symbols("x1 y1 rho")
    s = sympy.sqrt(1 - rho**2)
    holds = True
    for k in range(7):
        right = sum(sympy.binomial(k, j) * rho ** power(k, j) * s**j * he(k - j, x) * he(j, y) for j in range(k + 1))
        holds &= sympy.expand(he(k, rho * x + s * y) - right) == 0
    return Step(
        "He_k(ρx + sy) = Σ_j C(k,j) ρ^{k−j} s^j He_{k−j}(x) He_j(y), ρ² + s² = 1: the coefficient of He_j(y)/j! given κ = ρx",
        bool(holds),
        "k ≤ 6, all ρ",
        tex=r"$\mathrm{He}_k(\rho x+sy)=\sum_j\binom kj\rho^{k-j}s^j\mathrm{He}_{k-j}(x)\mathrm{He}_j(y)$ for $\rho^2+s^2=1$: the"
        r" coefficient of $\mathrm{He}_j(y)/j!$ given $\kappa=\rho x$.",
    )


@cache
def _parseval() -> list[Step]:
    # E He_i He_j = i! δ_ij: E c_j(κ)²/j! = s^{2j}/j! Σ_k c_k² ρ^{2(k−j)}/(k−j)!; over j a binomial sum.
    rho2 = sympy.Symbol("r", positive=True)
    c = sympy.symbols("c0:7")
    total = sum(
        (1 - rho2) ** j / sympy.factorial(j) * sum(c[k] ** 2 * rho2 ** (k - j) / sympy.factorial(k - j) for k in range(j, 7))
        for j in range(7)
    )
    parseval = sympy.expand(total - sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c))) == 0
    k, j = sympy.symbols("k j", integer=True, nonnegative=True)
    binomial = sympy.summation(sympy.binomial(k, j) * (1 - rho2) ** j * rho2 ** (k - j), (j, 0, k))
    return [
        Step(
            "E Σ_j c_j(κ)²/j! = Σ_k c_k²/k! by Σ_j C(k,j) s^{2j} ρ^{2(k−j)} = 1",
            bool(parseval),
            "degree ≤ 6, all c_k, ρ",
            tex=r"$\mathbb{E}\sum_jc_j(\kappa)^2/j!=\sum_kc_k^2/k!$ by $\sum_j\binom kjs^{2j}\rho^{2(k-j)}=1$.",
        ),
        Step(
            "Σ_j C(k,j) s^{2j} ρ^{2(k−j)} = (s² + ρ²)^k",
            all(sympy.expand(binomial.subs(k, value).doit() - 1) == 0 for value in range(1, 9)),
            "k ≤ 8, all ρ",
            tex=r"$\sum_j\binom kjs^{2j}\rho^{2(k-j)}=(s^2+\rho^2)^k$.",
        ),
    ]


def _criteria(remainder_degree: int) -> list[Step]:
    # n ω^{p+1} with ω = n^{−1/r}, p = r: exponent 1 − (r+1)/r = −1/r. With ω = n^{β−1}: 1 + (p+1)(β−1) < 0.
    r, p = sympy.symbols("r p", positive=True)
    beta = sympy.Symbol("beta", positive=True)
    by_coupling = sympy.simplify(1 - (r + remainder_degree) / r + 1 / r) == 0
    threshold = sympy.solve(sympy.Eq(1 + (p + remainder_degree) * (beta - 1), 0), p)[0]
    # It falls in p: its derivative β − 1 is negative.
    falls = sympy.diff(1 + (p + remainder_degree) * (beta - 1), p).subs(beta, 1 - sympy.Symbol("q", positive=True)).is_negative
    by_exponent = sympy.simplify(threshold - beta / (1 - beta)) == 0 and falls
    return [
        Step(
            "n ω^{p+1} at ω = n^{−1/r}, p = r is n^{−1/r} → 0",
            bool(by_coupling),
            "all r",
            tex=r"$n\,\omega^{p+1}$ at $\omega=n^{-1/r}$, $p=r$ is $n^{-1/r}\to0$.",
        ),
        Step(
            "n ω^{p+1} at ω = n^{β−1} has the exponent 1 + (p+1)(β−1), negative if and only if p > β/(1−β); at equality it stays O(1)",
            bool(by_exponent),
            "all β < 1",
            tex=r"$n\,\omega^{p+1}$ at $\omega=n^{\beta-1}$ has the exponent $1+(p+1)(\beta-1)$, negative if and only if"
            r" $p>\beta/(1-\beta)$; at equality it stays $O(1)$.",
        ),
    ]


@cache
def _library() -> list[Step]:
    g, weight = np.polynomial.hermite_e.hermegauss(180)
    weight = weight / weight.sum()
    m, rho, degree = np.array([-0.7, 0.2, 1.1]), 0.6, 5
    s = math.sqrt(1 - rho**2)
    basis = np.polynomial.hermite_e.hermevander(g, degree)
    values = np.sin(m[:, None] + s * g)
    direct = (values * weight) @ basis
    conditional = conditional_coefficients("sin", m, s, degree=degree)
    # Sums of 180 terms of size ≤ √k! ≤ 11, weights of sum one.
    bound = 180 * 11 * float(np.finfo(float).eps)
    # 30 degrees: the rest is below ρ^30/√30! ≈ 1e-23 times He.
    series = truncated_conditional("sin", m, rho, degree=30)[:, : degree + 1]
    # Against the mean square over κ of the difference itself.
    kappa = rho * g
    p = 3
    gap = conditional_coefficients("sin", kappa, s, degree=0)[:, 0] - truncated_conditional("sin", kappa, rho, degree=p)[:, 0]
    norm2 = (1 - math.exp(-2)) / 2
    share = float(weight @ gap**2) / norm2
    missed = float(missed_share("sin", rho, p)[p])
    sizes_rule = _rule()
    return [
        Step(
            "the library's c_k(m,s) of sin are those of a Gauss-Hermite sum",
            bool(np.abs(conditional - direct).max() < bound),
            "k ≤ 5, three m",
            tex=r"The library's $c_k(m,s)$ of $\sin$ are those of a Gauss--Hermite sum.",
        ),
        Step(
            "and those of the addition formula at degree 30",
            bool(np.abs(series - direct).max() < bound),
            "k ≤ 5, three m",
            tex="And those of the addition formula at degree 30.",
        ),
        Step(
            "the library's missed share is E(c_0(κ) − c_0^{(p)}(κ))²/E σ²",
            # The gap is of size 1e-3, and c_0 is rounded at 1e-16.
            abs(share / missed - 1) < 1e-11,
            "sin, p = 3, ρ = 0.6",
            tex=r"The library's missed share is $\mathbb{E}(c_0(\kappa)-c_0^{(p)}(\kappa))^2/\mathbb{E}\,\sigma^2$.",
        ),
        Step(
            "the library's rules are the least integers r ≥ log n/log(C/max) and p > β/(1−β)",
            sizes_rule,
            "coupling n^{-1/r}, r ≤ 6; β = 1/4, 1/2, 3/5, 3/4",
            tex=r"The library's rules are the least integers $r\ge\log n/\log(C/\max)$ and $p>\beta/(1-\beta)$.",
        ),
    ]


@cache
def _rule() -> bool:
    """Both rules where the answer is an integer by construction, and just beyond it."""
    from hermite_eq.models import Sizes

    n = 4096
    sizes = Sizes(10, 10, 5, n, n)
    at = all(degree_needed(sizes, coupling=n ** (-1 / r)).by_coupling == r for r in range(1, 7))
    above = all(degree_needed(sizes, coupling=1.01 * n ** (-1 / r)).by_coupling == r + 1 for r in range(1, 7))
    rates = {0.25: 1, 0.5: 2, 0.6: 2, 0.75: 4}
    return at and above and all(degree_needed(sizes, strength=n**beta).by_exponent == p for beta, p in rates.items())


def check(power: Callable[[int, int], int] = lambda k, j: k - j, remainder_degree: int = 1) -> list[Step]:
    """The argument, step by step; ``power`` replaces the exponent of ρ, ``remainder_degree`` the 1 of ω^{p+1}."""
    return [*_shift(), _addition(power), *_parseval(), *_criteria(remainder_degree), *_library()]
