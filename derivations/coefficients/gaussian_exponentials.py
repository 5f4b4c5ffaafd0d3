r"""Hermite coefficients of exponentials of quadratics, sines and cosines.

The route: the smoothed function S(t) = E[σ(g + t)] by completing the square; the library runs a recurrence
in k.
"""

from __future__ import annotations

import sympy

from derivations import Step
from hermite_eq.expansion.exact import exact_coefficients
from hermite_eq.hermite import X

STATEMENT = r"""
For σ = exp(μx + βx²), β < 1/2, γ = 1 − 2β and δ = 1/γ − 1:
    Σ_k c_k t^k/k! = E[σ(g + t)] = γ^{−1/2} exp(μ²/(2γ) + tμ/γ + δt²/2),
hence c_0 = γ^{−1/2} e^{μ²/(2γ)} and c_{k+1} = (μ/γ) c_k + kδ c_{k−1} for all k. β = 0 gives c_k = μ^k
e^{μ²/2}, and μ = iω the coefficients of cos(ωx) and sin(ωx): c_k = ω^k e^{−ω²/2} cos(kπ/2), ω^k e^{−ω²/2}
sin(kπ/2).
"""

ASSUMPTIONS = "β < 1/2 (β < 1/4 for square integrability), μ real, or imaginary for β = 0."

TITLE = "Coefficients of exponentials and waves"

STATEMENT_TEX = r"""For $\sigma=\exp(\mu x+\beta x^2)$, $\beta<\frac12$, $\gamma=1-2\beta$ and $\delta=1/\gamma-1$,
\[ \sum_kc_k\frac{t^k}{k!}=\mathbb{E}\,\sigma(g+t)=\gamma^{-1/2}\exp\Bigl(\frac{\mu^2}{2\gamma}+\frac{t\mu}\gamma+\frac{\delta t^2}2\Bigr),
\]
hence $c_0=\gamma^{-1/2}e^{\mu^2/(2\gamma)}$ and $c_{k+1}=\frac\mu\gamma c_k+k\delta c_{k-1}$ for all $k$. $\beta=0$ gives
$c_k=\mu^ke^{\mu^2/2}$, and $\mu=i\omega$ gives $c_k=\omega^ke^{-\omega^2/2}\cos\frac{k\pi}2$ for $\cos(\omega x)$ and
$c_k=\omega^ke^{-\omega^2/2}\sin\frac{k\pi}2$ for $\sin(\omega x)$."""

ASSUMPTIONS_TEX = r"$\beta<\frac12$ ($\beta<\frac14$ for square integrability); $\mu$ real, or imaginary for $\beta=0$."

_REACH = 8


def derivative_factors(first: sympy.Expr, delta: sympy.Expr, order: int) -> list[sympy.Expr]:
    """S⁽ᵏ⁾(0)/S(0) for (log S)' = first + δt: S⁽ᵏ⁾ = p_k S for polynomials p_0 = 1, p_{k+1} = p_k' + (log S)' p_k."""
    t, r, s = sympy.symbols("t r s")
    factors = [sympy.Integer(1)]
    for _ in range(order):
        factors.append(sympy.expand(sympy.diff(factors[-1], t) + (r + s * t) * factors[-1]))
    return [factor.subs({t: 0, r: first, s: delta}) for factor in factors]


def _generating_function() -> Step:
    t, mu = sympy.symbols("t mu", real=True)
    gamma = sympy.Symbol("gamma", positive=True)
    beta = (1 - gamma) / 2
    # Σ_k c_k t^k/k! = E[σ(g) e^{tg − t²/2}], and the exponent with the density's is a quadratic of width γ.
    exponent = mu * X + beta * X**2 + t * X - t**2 / 2 - X**2 / 2
    centre = (mu + t) / gamma
    squared = -gamma * (X - centre) ** 2 / 2
    rest = sympy.expand(sympy.simplify(exponent - squared))
    claimed = mu**2 / (2 * gamma) + t * mu / gamma + (1 / gamma - 1) * t**2 / 2
    holds = X not in rest.free_symbols and sympy.simplify(rest - claimed) == 0
    mass = sympy.integrate(sympy.exp(-gamma * X**2 / 2) / sympy.sqrt(2 * sympy.pi), (X, -sympy.oo, sympy.oo))
    holds = holds and sympy.simplify(mass - 1 / sympy.sqrt(gamma)) == 0
    return Step(
        "completing the square in E[σ(g) e^{tg − t²/2}] leaves γ^{−1/2} e^{…}",
        bool(holds),
        "all k",
        tex=r"Completing the square in $\mathbb{E}[\sigma(g)e^{tg-t^2/2}]$.",
    )


def _recurrence() -> Step:
    t, mu, gamma = sympy.symbols("t mu gamma", positive=True)
    delta = 1 / gamma - 1
    s = sympy.exp(t * mu / gamma + delta * t**2 / 2)
    holds = sympy.simplify(sympy.diff(s, t) - (mu / gamma + delta * t) * s) == 0
    return Step(
        "S' = (μ/γ + δt)S, and the coefficient of t^k/k! is c_{k+1} = (μ/γ)c_k + kδ c_{k−1}",
        holds,
        "all k",
        tex=r"$S'=(\mu/\gamma+\delta t)S$, and the coefficient of $t^k/k!$ is $c_{k+1}=\frac\mu\gamma c_k+k\delta c_{k-1}$.",
    )


def _taylor() -> list[Step]:
    mu = sympy.Symbol("mu", real=True)
    b = sympy.Symbol("b", positive=True)
    steps = []
    for name, sigma, m, gamma in (
        ("e^{μx}", sympy.exp(mu * X), mu, sympy.Integer(1)),
        ("e^{μx − bx²}", sympy.exp(mu * X - b * X**2), mu, 1 + 2 * b),
        ("e^{x/3 + x²/8}", sympy.exp(X / 3 + X**2 / 8), sympy.Rational(1, 3), sympy.Rational(3, 4)),
    ):
        at_zero = sympy.exp(m**2 / (2 * gamma)) / sympy.sqrt(gamma)
        library = exact_coefficients(sigma, _REACH)
        assert library is not None
        factors = derivative_factors(m / gamma, 1 / gamma - 1, _REACH)
        agree = all(sympy.cancel(factor - c / at_zero) == 0 for factor, c in zip(factors, library, strict=True))
        steps.append(
            Step(
                f"{name}: the derivatives of S at 0 are the library's c_k",
                agree,
                f"k ≤ {_REACH}",
                tex=r"The derivatives of $S$ at $0$ are the library's $c_k$, for three exponentials.",
            )
        )
    return steps


def _waves() -> Step:
    t, omega, phase = sympy.symbols("t omega varphi", real=True)
    # E sin(ω(g + t) + φ): the odd part in g drops out, and E cos(ωg) = e^{−ω²/2}.
    density = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    w = sympy.Symbol("w", positive=True)
    mean = sympy.integrate(sympy.cos(w * X) * density, (X, -sympy.oo, sympy.oo))
    holds = sympy.simplify(mean - sympy.exp(-(w**2) / 2)) == 0
    s = sympy.exp(-(omega**2) / 2) * sympy.sin(omega * t + phase)
    library = exact_coefficients(sympy.sin(omega * X + phase), _REACH)
    assert library is not None
    for k in range(_REACH + 1):
        holds = holds and sympy.expand(sympy.diff(s, t, k).subs(t, 0) - library[k]) == 0
    return Step(
        "sin(ωx + φ): S(t) = e^{−ω²/2} sin(ωt + φ)",
        bool(holds),
        f"k ≤ {_REACH}",
        tex=r"$\sin(\omega x+\phi)$: $S(t)=e^{-\omega^2/2}\sin(\omega t+\phi)$.",
    )


def check() -> list[Step]:
    """The argument, step by step."""
    return [_generating_function(), _recurrence(), *_taylor(), _waves()]
