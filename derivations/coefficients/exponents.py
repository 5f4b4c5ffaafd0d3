r"""The generative exponent: transformed labels, noise, and a function whose exponent is 4.

The route: preimages of a level, with the weights of the change of variables; the library integrates transformed labels.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import sympy

from derivations import Step
from hermite_eq.expansion import generative_exponent, information_exponent

STATEMENT = r"""
For y = σ(g) let ζ_k(y) = E[He_k(g) | y]. E[T(y) He_k(g)] = E[T(y) ζ_k(y)], so that ζ_k = 0 if and only if this vanishes for every
bounded T. Independent noise does not change for which k that is so. For σ = x² e^{−x²} the preimages ±x_1, ±x_2 of a level have the weights
1/|1 − x_i²|, so that ζ_2 = 0, ζ_4 ≠ 0: both exponents are 4.
"""

ASSUMPTIONS = "ζ_k(y) of finite mean square; noise whose characteristic function has no zero, as the Gaussian one."

TITLE = "Exponents of a single-index model"

STATEMENT_TEX = r"""For $y=\sigma(g)$ let $\zeta_k(y)=\mathbb{E}[\mathrm{He}_k(g)\mid y]$. Then
$\mathbb{E}[T(y)\mathrm{He}_k(g)]=\mathbb{E}[T(y)\zeta_k(y)]$, so that $\zeta_k=0$ if and only if this vanishes for every bounded $T$, and
independent noise does not change for which $k$ that is so. For $\sigma=x^2e^{-x^2}$ the preimages $\pm x_1,\pm x_2$ of a level have the
weights $1/|1-x_i^2|$, so that $\zeta_2=0$, $\zeta_4\ne0$: both exponents are $4$."""

ASSUMPTIONS_TEX = r"$\zeta_k(y)$ of finite mean square; noise whose characteristic function has no zero, as the Gaussian one."


def _noise() -> Step:
    """E[e^{is(y + ε)}He_k] = e^{−s²ρ/2}E[e^{isy}He_k], for all s."""
    s, rho = sympy.symbols("s rho", positive=True)
    e = sympy.Symbol("e", real=True)
    density = sympy.exp(-(e**2) / (2 * rho)) / sympy.sqrt(2 * sympy.pi * rho)
    factor = sympy.integrate(density * sympy.cos(s * e), (e, -sympy.oo, sympy.oo))
    return Step(
        "with noise every E[e^{isy}He_k(g)] is multiplied by e^{−s²ρ/2} ≠ 0",
        bool(sympy.simplify(factor - sympy.exp(-(s**2) * rho / 2)) == 0),
        "all s, ρ", tex=r"With noise every $\mathbb{E}[e^{isy}\mathrm{He}_k(g)]$ is multiplied by $e^{-s^2\rho/2}\ne0$.",
    )  # fmt: skip


def _weights(weight: Callable[[sympy.Expr], sympy.Expr]) -> Step:
    """φ(x)/|σ'(x)| over that at the same level: |x|e^{−x²/2} = √y is common, 1/|1 − x²| is left."""
    x = sympy.Symbol("x", positive=True)
    slope = sympy.diff(x**2 * sympy.exp(-(x**2)), x)
    left = sympy.simplify(sympy.exp(-(x**2) / 2) / slope * (1 - x**2) * (x * sympy.exp(-(x**2) / 2)))
    constant = sympy.simplify(sympy.diff(left, x)) == 0
    inner, outer = sympy.symbols("x_1 x_2", positive=True)
    # x_1 < 1 < x_2.
    second = (inner**2 - 1) * weight(1 - inner**2) + (outer**2 - 1) * weight(outer**2 - 1)
    return Step(
        "the weights of the preimages are 1/|1 − x²| up to a common factor, and Σ (x² − 1)/|1 − x²| = −1 + 1",
        bool(constant and sympy.simplify(second) == 0), "all levels",
        tex=r"The weights of the preimages are $1/|1-x^2|$ up to a common factor, and $\sum(x^2-1)/|1-x^2|=-1+1$.",
    )  # fmt: skip


def _library() -> list[Step]:
    four = generative_exponent("x^2*exp(-x^2)")
    # λ_4 by preimages, at one level: x e^{−x²/2} = 1/2.
    low, high = (mpmath.findroot(lambda x: x * mpmath.exp(-x * x / 2) - 0.5, start) for start in (0.6, 1.6))
    fourth = sum((x**4 - 6 * x**2 + 3) / abs(1 - x * x) for x in (low, high))
    steps = [
        (
            "the library's exponent of x²e^{−x²} is 4, with nothing below to 1e-12, and ζ_4 is not 0 at the level 1/4",
            four.value == 4 and four.proven and four.below < 1e-12 and abs(fourth) > 0.1,
            "x²e^{-x²}",
            r"The library's exponent of $x^2e^{-x^2}$ is $4$, with nothing below to $10^{-12}$, and $\zeta_4\ne0$ at the level $1/4$.",
        ),
        (
            "He_3 has exponents 3 and 1, He_4 4 and 2",
            [(information_exponent(f).value, generative_exponent(f).value) for f in ("x^3 - 3*x", "x^4 - 6*x^2 + 3")] == [(3, 1), (4, 2)],
            "He_3, He_4",
            r"$\mathrm{He}_3$ has exponents $3$ and $1$, $\mathrm{He}_4$ $4$ and $2$.",
        ),
    ]
    return [Step(reason, bool(holds), reach, tex=tex) for reason, holds, reach, tex in steps]


def check(weight: Callable[[sympy.Expr], sympy.Expr] = lambda x: 1 / x) -> list[Step]:
    """The argument, step by step; ``weight`` replaces 1/|1 − x²|."""
    return [_noise(), _weights(weight), *_library()]
