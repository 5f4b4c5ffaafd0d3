r"""The decay of c_k²/k! from a jump.

The route: central binomial coefficients where the jump sits at 0; elsewhere the classical asymptotics,
tested numerically.
"""

from __future__ import annotations

import math

import sympy

from derivations import Step
from hermite_eq.expansion.exact import tail
from hermite_eq.hermite import X

STATEMENT = r"""
A jump J of σ^{(i)} at a contributes φ(a) J He_{k−1−i}(a) to c_k. As n → ∞
    He_n(a)²/n! = e^{a²/2} √(2/(πn)) cos²(√n a − nπ/2) · (1 + o(1)) (Fejér),
so that c_k²/k! has the mean J² e^{−a²/2} k^{−i−3/2}/(2√2 π^{3/2}) over the phase of the cosine.
"""

ASSUMPTIONS = "σ piecewise of the exact family, i the lowest order of a derivative that jumps."

TITLE = "The decay of the coefficients"

STATEMENT_TEX = r"""A jump $J$ of $\sigma^{(i)}$ at $a$ contributes $\varphi(a)\,J\,\mathrm{He}_{k-1-i}(a)$ to $c_k$, $\varphi$ the normal
density. As $n\to\infty$
\[ \frac{\mathrm{He}_n(a)^2}{n!}=e^{a^2/2}\sqrt{\frac2{\pi n}}\,\cos^2\bigl(\sqrt n\,a-\tfrac{n\pi}2\bigr)\,(1+o(1))\quad\text{(Fej\'er)},
\]
so that $c_k^2/k!$ has the mean $J^2e^{-a^2/2}k^{-i-3/2}/(2\sqrt2\,\pi^{3/2})$ over the phase of the cosine."""

ASSUMPTIONS_TEX = r"$\sigma$ is piecewise of the exact family; $i$ is the lowest order of a derivative that jumps."

_DEGREES = 4000


def _at_zero() -> Step:
    m = sympy.Symbol("m", positive=True)
    # r_m = He_{2m}(0)²/(2m)! = binom(2m, m)/4^m has r_{m+1}/r_m = (2m+1)/(2m+2), so 1/((2m+1) r_m²) grows
    # by the factors 4j²/(4j² − 1), j = m + 1, of Wallis' product, which is π/2. Hence r_m ~ 1/√(πm) =
    # √(2/(πn)) at n = 2m.
    step = (2 * m + 1) / (2 * m + 2)
    factor = (2 * m + 1) / ((2 * m + 3) * step**2)
    wallis = 4 * (m + 1) ** 2 / (4 * (m + 1) ** 2 - 1)
    central = sympy.binomial(2 * m + 2, m + 1) / sympy.binomial(2 * m, m) / 4
    holds = sympy.simplify(factor - wallis) == 0 and sympy.combsimp(central) - sympy.combsimp(step) == 0
    return Step(
        "a = 0: He_n(0)²/n! ~ √(2/(πn)) for even n (Wallis), and 0 for odd n",
        bool(holds),
        "all k",
        tex=r"$a=0$: $\mathrm{He}_n(0)^2/n!\sim\sqrt{2/(\pi n)}$ for even $n$ (Wallis), and $0$ for odd $n$.",
    )


def _elsewhere(a: float) -> Step:
    previous, current = 0.0, 1.0
    values = []
    for n in range(_DEGREES):
        # h_{n+1} = (a h_n − √n h_{n−1})/√(n+1), orthonormal
        previous, current = current, (a * current - math.sqrt(n) * previous) / math.sqrt(n + 1)
        values.append(current**2 * math.sqrt(math.pi * (n + 1) / 2) * math.exp(-a * a / 2))
    used = values[_DEGREES // 4 :]
    # The phase √n a turns |a|(√N − √(N/4))/π times; an incomplete turn is at most one part of those.
    turns = abs(a) * (math.sqrt(_DEGREES) - math.sqrt(_DEGREES / 4)) / math.pi
    holds = abs(math.fsum(used) / len(used) - 0.5) < 1 / (2 * turns)
    return Step(
        f"a = {a}: the mean of cos² over {len(used)} degrees is 1/2 within one turn",
        holds,
        "open",
        tex=r"$a\ne0$: over thousands of degrees the mean of $\cos^2$ is $\frac12$ within one turn of the phase.",
    )


def _constant() -> Step:
    k = sympy.Symbol("k", positive=True)
    # φ(0)² · √(2/(πk)) · k^{−2} · 1/2 for ReLU: J = 1, i = 1, n!/k! ~ k^{−2}
    expected = 1 / (2 * sympy.pi) * sympy.sqrt(2 / (sympy.pi * k)) / k**2 / 2
    term = tail(sympy.Max(X, 0))
    assert term is not None
    return Step(
        "ReLU: the library's leading term",
        sympy.simplify(term.leading.subs(term.k, k) / expected) == 1,
        "all k",
        tex=r"ReLU: this is the library's leading term.",
    )


def check() -> list[Step]:
    """The argument, step by step."""
    return [_at_zero(), _constant(), _elsewhere(1.0), _elsewhere(-2.0)]
