"""A test for the mean of variables of which only the variance is bounded (Catoni's influence function), and its power.

Route: the two inequalities of the influence function, exponential moments, Markov; then two-point laws, where everything is a finite sum.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import scipy.stats
import sympy

from derivations import Step
from hermite_eq.testing.statistics.null_laws import MISS, influence, robust_detects, robust_p_values

TITLE = "A test for means under a bound on the variance alone"

STATEMENT = r"""Let ψ(x) = sign(x) log(1 + |x| + x²/2), w_1…w_n independent with mean μ and variance at most v, s > 0 and
θ − 2/s ≤ μ ≤ θ. Then E exp(Σ_i ψ(s(w_i − θ)) − n s² v/2) ≤ 1, so exp(n s² v/2 − Σψ) is a p-value. s² = 2 log(1/α)/(nv) makes the
test sharpest at level α. Where the mean is θ + Δ and the variance v₁, p ≤ α with probability at least 1 − β as soon as
sΔ − s²Δ²/2 ≥ s²(v + v₁)/2 + log(1/(αβ))/n."""

ASSUMPTIONS = "Independent variables; a common bound on mean and variance; s fixed before the data are seen."

STATEMENT_TEX = r"""Let $\psi(x)=\operatorname{sign}(x)\log(1+|x|+x^2/2)$, $w_1,\dots,w_n$ independent with mean $\mu$
and variance at most $v$,
$s>0$ and $\theta-\frac2s\le\mu\le\theta$. Then
\[ \mathbb{E}\exp\Bigl(\sum_i\psi(s(w_i-\theta))-\tfrac12ns^2v\Bigr)\le1, \]
so that $\exp(\frac12ns^2v-\sum_i\psi)$ is a $p$-value; $s^2=2\log(1/\alpha)/(nv)$ makes the test sharpest at level $\alpha$. Where the mean
is $\theta+\Delta$ and the variance $v_1$, the test rejects at level $\alpha$ with probability at least $1-\beta$ as soon as
$s\Delta-\frac12s^2\Delta^2\ge\frac12s^2(v+v_1)+\frac1n\log\frac1{\alpha\beta}$."""

ASSUMPTIONS_TEX = "Independent variables; a common bound on mean and variance; $s$ is fixed before the data are seen."

x, s, v, v1, n, D, a, b = sympy.symbols("x s v v_1 n Delta alpha beta", positive=True)
w = sympy.Symbol("w", real=True)


@cache
def _influence() -> Step:
    # e^{ψ(x)} is 1 + x + x²/2 for x ≥ 0 and 1/(1 − x + x²/2) for x ≤ 0; the product of the two quadratics is 1 + x⁴/4.
    product = sympy.expand((1 + x + x**2 / 2) * (1 - x + x**2 / 2))
    grid = np.linspace(-30, 30, 601)
    agrees = np.all(np.exp(influence(grid)) <= (1 + grid + grid**2 / 2) * (1 + 8 * np.finfo(float).eps))
    return Step(
        "e^{ψ(x)} ≤ 1 + x + x²/2, and with −x: e^{−ψ(x)} ≤ 1 − x + x²/2, since (1 + x + x²/2)(1 − x + x²/2) = 1 + x⁴/4 ≥ 1",
        bool(product == 1 + x**4 / 4) and bool(agrees),
        "all x",
        tex=r"$e^{\psi(x)}\le1+x+\frac{x^2}2$, and with $-x$: $e^{-\psi(x)}\le1-x+\frac{x^2}2$, since the product of the two quadratics is"
        r" $1+\frac{x^4}4\ge1$.",
    )


def _mean(bound: sympy.Expr, mean: sympy.Expr, variance: sympy.Expr) -> sympy.Expr:
    """E of a polynomial of degree 2 in w of this mean and variance."""
    return sympy.expand(bound).subs(w**2, variance + mean**2).subs(w, mean)


@cache
def _exponential_moment() -> Step:
    # With Δ = θ − μ: E e^ψ ≤ 1 − sΔ + s²(v + Δ²)/2, and that minus (1 + s²v/2) is −sΔ(1 − sΔ/2).
    bound = _mean(1 + s * w + (s * w) ** 2 / 2, -D, v)
    rest = sympy.factor(bound - (1 + s**2 * v / 2))
    holds = sympy.simplify(rest + s * D * (1 - s * D / 2)) == 0
    return Step(
        "E e^{ψ(s(w−θ))} ≤ 1 − sΔ + s²(v + Δ²)/2 ≤ 1 + s²v/2 ≤ e^{s²v/2} for 0 ≤ sΔ ≤ 2, Δ = θ − μ",
        bool(holds),
        "all n",
        tex=r"$\mathbb{E}e^{\psi(s(w-\theta))}\le1-s\Delta+\frac{s^2}2(v+\Delta^2)\le1+\frac{s^2v}2\le e^{s^2v/2}$ for $0\le s\Delta\le2$,"
        r" $\Delta=\theta-\mu$.",
    )


@cache
def _scale() -> Step:
    # To reject at level α means Σψ ≥ ns²v/2 + log(1/α); for small s, Σψ ≈ nsΔ: the least Δ is sv/2 + log(1/α)/(ns).
    least = s * v / 2 + sympy.log(1 / a) / (n * s)
    best = sympy.sqrt(2 * sympy.log(1 / a) / (n * v))
    slope = sympy.simplify(sympy.diff(least, s).subs(s, best))
    return Step(
        "sv/2 + log(1/α)/(ns) is least at s² = 2 log(1/α)/(nv)",
        bool(slope == 0),
        "all n",
        tex=r"$\frac{sv}2+\frac1{ns}\log\frac1\alpha$ is least at $s^2=2\log(1/\alpha)/(nv)$.",
    )


def _power(square: int) -> Step:
    # E e^{−ψ(sw)} ≤ E(1 − sw + s²w²/2) ≤ e^{bound} for w of mean Δ, variance v₁; to miss is e^{−Σψ} ≥ α e^{−ns²v/2}: Markov.
    bound = _mean(1 - s * w + (s * w) ** 2 / 2, D, v1) - 1
    missed = n * bound + n * s**2 * v / 2 + sympy.log(1 / a)
    stated = s * D - square * s**2 * D**2 / 2 - s**2 * (v + v1) / 2 - sympy.log(1 / (a * b)) / n
    symbolic = sympy.simplify(sympy.expand_log(sympy.expand(missed - sympy.log(b) + n * stated))) == 0
    # The library's Δ solves sΔ − s²Δ²/2 = s²v(1 + (1 + Δ)²)/2 + log(2/(αβ))/n, the variance growing as (1 + Δ)².
    holds = bool(symbolic)
    for rate, variance, count in ((1e-6, 2.0, 5000), (1e-8, 5.0, 20_000), (1e-2, 2.3, 400)):
        scale = math.sqrt(2 * math.log(1 / rate) / (count * variance))
        shift = robust_detects(rate, variance, count)
        left = scale * shift - (scale * shift) ** 2 / 2
        right = scale**2 * variance * (1 + (1 + shift) ** 2) / 2 + math.log(2 / (rate * MISS)) / count
        # A root of a quadratic, to its rounding.
        holds &= abs(left - right) < 1e-12
    return Step(
        "E e^{−ψ(s(w−θ))} ≤ e^{−sΔ + s²(v₁ + Δ²)/2}, so by Markov the test misses with probability at most β where stated;"
        " the library's root is the case of equality for v₁ = v(1 + Δ)² and α/2",
        holds,
        "all n; the root: three levels and sizes",
        tex=r"$\mathbb{E}e^{-\psi(s(w-\theta))}\le e^{-s\Delta+s^2(v_1+\Delta^2)/2}$, so that by Markov's inequality the test"
        r" misses with probability at most $\beta$ where stated; the library's root is the case of equality for"
        r" $v_1=v(1+\Delta)^2$ and $\alpha/2$.",
    )


def _two_points(half: float) -> Step:
    """For w = A with probability q, else B, mean 0 and variance v, Σψ takes n + 1 values of known probability: the level is a sum."""
    holds = True
    for count, q, rate in ((60, 0.5, 1e-2), (60, 0.05, 1e-2), (400, 0.01, 1e-3), (400, 0.5, 1e-6), (30, 0.2, 0.1)):
        scale = math.sqrt(2 * math.log(1 / rate) / count)
        values = np.array([math.sqrt((1 - q) / q), -math.sqrt(q / (1 - q))])
        number = np.arange(count + 1)
        total = number * influence(scale * values)[0] + (count - number) * influence(scale * values)[1]
        mean = float(np.sum(scipy.stats.binom.pmf(number, count, q) * np.exp(total - count * scale**2 * half)))
        holds &= mean <= 1 + 1e-12
    return Step(
        "for two-point laws of variance v the mean, a finite sum, is at most 1",
        holds,
        "five laws",
        tex=r"For two-point laws of variance $v$ the mean, a finite sum, is at most $1$.",
    )


@cache
def _library() -> Step:
    rng = np.random.default_rng(0)
    w = rng.exponential(size=(500, 1)) - 1
    weights = np.ones(1)
    p_value = float(robust_p_values(w, 0 * weights, 0 * weights, weights, 1e-3)[0])
    scale = math.sqrt(2 * math.log(1e3) / 500)
    sides = [float(influence(scale * sign * w).sum()) - 250 * scale**2 for sign in (1, -1)]
    return Step(
        "the library's p-value is min(1, 2 exp(ns²v/2 − max Σψ))",
        abs(p_value - min(1.0, 2 * math.exp(-max(sides)))) < 1e-12,
        "one sample",
        tex=r"The library's $p$-value is $\min(1,2\exp(\frac12ns^2v-\max\sum\psi))$, the two signs together.",
    )


def check(half: float = 0.5, square: int = 1) -> list[Step]:
    """The argument, step by step; ``half`` replaces the 1/2 of n s² v/2, ``square`` multiplies s²Δ²/2 in the power."""
    return [_influence(), _exponential_moment(), _scale(), _power(square), _two_points(half), _library()]
