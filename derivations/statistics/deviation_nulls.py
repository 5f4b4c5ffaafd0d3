"""What an allowed deviation from Gaussianity means for each statistic, and why the p-values hold throughout it.

Route: triangle inequality and the distribution-free law of Kolmogorov; second moments of scale mixtures; polarisation; signs of products.
"""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import scipy.stats
import sympy

from derivations import Step
from hermite_eq.testing.gaussianity import square_variance
from hermite_eq.testing.statistics.null_laws import exceedance_p_value, kolmogorov_p_value

TITLE = "Tests of Gaussianity up to a declared deviation"

STATEMENT = r"""If sup|F − F₀| ≤ δ and F_n is the empirical distribution function of n independent values from F, then
P(sup|F_n − F₀| ≥ δ + x) ≤ P(K_n ≥ x), K_n Kolmogorov's statistic of n uniform values; and the number of values beyond ±q is
stochastically at most Bin(n, p₀ + 2δ), p₀ the mass of F₀ there. For z = sg, g ~ N(0,1) independent of s, E s² = 1, Var s² = δ:
Var z² = 2 + 3δ.
The variances of z_j and of (z_j ± z_k)/√(2(1 ± r)) determine the covariance. |a| > ϱ|b| if and only if a − ϱb and a + ϱb have the
same sign. With shares 6/(π²j²) of a rate, infinitely many tests keep it."""

ASSUMPTIONS = "Independent values. F₀ continuous."

STATEMENT_TEX = r"""If $\sup|F-F_0|\le\delta$ and $F_n$ is the empirical distribution function of $n$ independent values from $F$, then
$\mathbb{P}(\sup|F_n-F_0|\ge\delta+x)\le\mathbb{P}(K_n\ge x)$, $K_n$ being Kolmogorov's statistic of $n$ uniform values; and the number of
values beyond $\pm q$ is stochastically at most $\mathrm{Bin}(n,p_0+2\delta)$, $p_0$ the mass of $F_0$ there. For $z=sg$,
$g\sim\mathcal{N}(0,1)$ independent of $s$, $\mathbb{E}s^2=1$, $\operatorname{Var}s^2=\delta$: $\operatorname{Var}z^2=2+3\delta$. The
variances of $z_j$ and of $(z_j\pm z_k)/\sqrt{2(1\pm r)}$ determine the covariance. $|a|>\varrho|b|$ if and only if $a-\varrho b$ and
$a+\varrho b$ have the same sign. With shares $6/(\pi^2j^2)$ of a rate, infinitely many tests keep it."""

ASSUMPTIONS_TEX = r"Independent values. $F_0$ is continuous."


def _kolmogorov(factor: float) -> Step:
    """n = 2: for uniform values P(K_2 ≤ x) = (2x − ½)² for ¼ ≤ x ≤ ½ (twice the area of a square), and 1 − 2(1 − x)² beyond."""
    holds = True
    for at in (0.3, 0.45, 0.6, 0.9):
        below = 2 * (2 * at - 0.5) ** 2 if at <= 0.5 else 1 - 2 * (1 - at) ** 2
        holds &= abs(kolmogorov_p_value(factor * at + 0.05, 2, 0.05) - (1 - below)) < 1e-12
    return Step(
        "sup|F_n − F₀| ≤ sup|F_n − F| + δ, and sup|F_n − F| is at most K_n in law; its law for n = 2 is elementary",
        bool(holds),
        "all n; the law: n = 2",
        tex=r"$\sup|F_n-F_0|\le\sup|F_n-F|+\delta$, and $\sup|F_n-F|$ is at most $K_n$ in law; its law for $n=2$ is elementary.",
    )


@cache
def _tails() -> Step:
    # Two tails: each distribution function is off by at most δ. P(Bin(n, p) ≥ k) rises with p: its derivative is a positive density.
    n, p = 6, sympy.Symbol("p", positive=True)
    holds = True
    for k in range(1, n + 1):
        tail = sum(sympy.binomial(n, j) * p**j * (1 - p) ** (n - j) for j in range(k, n + 1))
        density = k * sympy.binomial(n, k) * p ** (k - 1) * (1 - p) ** (n - k)
        holds = holds and sympy.expand(sympy.diff(tail, p) - density) == 0
        exceedance = exceedance_p_value(k, n, 0.1, 0.05)
        holds = holds and abs(exceedance - float(tail.subs(p, sympy.Rational(1, 5)))) < 1e-12
    return Step(
        "the mass beyond ±q is at most p₀ + 2δ, and the binomial tail rises with p",
        bool(holds),
        "n = 6",
        tex=r"The mass beyond $\pm q$ is at most $p_0+2\delta$, and the binomial tail rises with $p$.",
    )


def _mixture(three: int) -> Step:
    # E z⁴ = 3 E s⁴ = 3(1 + δ), E z² = 1.
    delta = sympy.Symbol("delta", positive=True)
    variance = sympy.expand(three * (1 + delta) - 1)
    holds = sympy.expand(variance - (2 + 3 * delta)) == 0
    holds = holds and all(abs(square_variance(value) / (1 + value) ** 2 - 2 - 3 * value) < 1e-12 for value in (0.0, 0.1, 1.0))
    return Step(
        "Var z² = 3(1 + δ) − 1 = 2 + 3δ, the excess kurtosis 3δ",
        bool(holds),
        "all d",
        tex=r"$\operatorname{Var}z^2=3(1+\delta)-1=2+3\delta$, the excess kurtosis $3\delta$.",
    )


@cache
def _polarisation() -> Step:
    r, c, v, w = sympy.symbols("r c v w", real=True)
    plus, minus = (v + w + 2 * c) / (2 * (1 + r)), (v + w - 2 * c) / (2 * (1 - r))
    holds = sympy.simplify(2 * (1 + r) * plus - 2 * (1 - r) * minus - 4 * c) == 0
    at_claim = [sympy.simplify(value.subs({c: r, v: 1, w: 1})) for value in (plus, minus)]
    return Step(
        "2(1+r) Var z₊ − 2(1−r) Var z₋ = 4 Cov(z_j, z_k), and both variances are 1 under the claim",
        bool(holds) and at_claim == [1, 1],
        "all r",
        tex=r"$2(1+r)\operatorname{Var}z_+-2(1-r)\operatorname{Var}z_-=4\operatorname{Cov}(z_j,z_k)$; both variances are $1$ under"
        r" the claim.",
    )


@cache
def _signs() -> Step:
    a, b, power = sympy.symbols("a b rho", real=True)
    product = sympy.expand((a - power * b) * (a + power * b))
    grid = [-2.0, -0.5, 0.0, 0.4, 1.5]
    same = all(
        (abs(first) > 0.7 * abs(two)) == ((first - 0.7 * two) * (first + 0.7 * two) > 0) for first, two in itertools.product(grid, grid)
    )
    return Step(
        "(a − ϱb)(a + ϱb) = a² − ϱ²b²",
        bool(product == a**2 - power**2 * b**2) and same,
        "all a, b",
        tex=r"$(a-\varrho b)(a+\varrho b)=a^2-\varrho^2b^2$.",
    )


@cache
def _shares() -> Step:
    j = sympy.Symbol("j", positive=True, integer=True)
    total = sympy.summation(6 / (sympy.pi**2 * j**2), (j, 1, sympy.oo))
    return Step("Σ_j 6/(π²j²) = 1", bool(sympy.simplify(total - 1) == 0), "all j", tex=r"$\sum_j6/(\pi^2j^2)=1$.")


@cache
def _level() -> Step:
    """A law at distance δ from Φ, a mixture with a point on the far right: the exact level is below the declared one."""
    delta, rate, count = 0.05, 0.02, 40
    rng = np.random.default_rng(3)
    alarms, tries = 0, 1500
    for _ in range(tries):
        values = np.where(rng.uniform(size=count) < delta, 3.0, rng.standard_normal(count))
        uniform = np.sort(scipy.stats.norm.cdf(values))
        distance = max((np.arange(1, count + 1) / count - uniform).max(), (uniform - np.arange(count) / count).max())
        alarms += int(kolmogorov_p_value(float(distance), count, delta) <= rate)
    # At the declared level the number of alarms is binomial, and beyond this bound with probability at most 1e-6.
    return Step(
        "a contaminated normal law at distance δ exceeds the level no more often than declared",
        bool(alarms <= scipy.stats.binom.isf(1e-6, tries, rate)),
        "1500 samples of 40",
        tex=r"A contaminated normal law at distance $\delta$ exceeds the level no more often than declared.",
    )


def check(factor: float = 1.0, three: int = 3) -> list[Step]:
    """The argument, step by step; ``factor`` stretches Kolmogorov's distance, ``three`` replaces E g⁴."""
    return [_kolmogorov(factor), _tails(), _mixture(three), _polarisation(), _signs(), _shares(), _level()]
