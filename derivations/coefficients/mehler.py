"""Mehler's formula, and the kernel of an activation as a power series in the correlation.

Route: generating functions, compared coefficient by coefficient; the library's dual activations only at the end.
"""

from __future__ import annotations

from functools import cache

import sympy

from derivations import Step
from hermite_eq.expansion import coefficients
from hermite_eq.expansion.kernels.dual import exact_dual
from hermite_eq.hermite import X, he

TITLE = "Mehler's formula and the kernel of an activation"

STATEMENT = r"""For (u, v) standard normal with correlation ρ, E[He_j(u) He_k(v)] = δ_jk k! ρ^k. Hence for E σ² < ∞
E[σ(u)σ(v)] = Σ_k c_k² ρ^k/k!, and the part beyond degree r is at most |ρ|^{r+1} c_r*²."""

ASSUMPTIONS = "(u, v) Gaussian, Var u = Var v = 1, |ρ| ≤ 1; E σ(g)² < ∞."

STATEMENT_TEX = r"""For $(u,v)$ standard normal with correlation $\rho$,
$\mathbb{E}[\mathrm{He}_j(u)\,\mathrm{He}_k(v)]=\delta_{jk}\,k!\,\rho^k$. Hence, if $\mathbb{E}\,\sigma(g)^2<\infty$,
\[ \mathbb{E}[\sigma(u)\sigma(v)]=\sum_{k\ge 0}\frac{c_k^2}{k!}\,\rho^k, \qquad
\Bigl|\sum_{k>r}\frac{c_k^2}{k!}\,\rho^k\Bigr|\le|\rho|^{r+1}\,c_r^{*2}. \]"""

ASSUMPTIONS_TEX = r"$(u,v)$ Gaussian with $\operatorname{Var}u=\operatorname{Var}v=1$, $|\rho|\le 1$; $\mathbb{E}\,\sigma(g)^2<\infty$."

_REACH = 6
s, t, rho = sympy.symbols("s t rho", real=True)


def _joint_transform() -> sympy.Expr:
    """E e^{su + tv − s²/2 − t²/2}, by completing the square in the covariance [[1, ρ], [ρ, 1]]."""
    covariance = sympy.Matrix([[1, rho], [rho, 1]])
    vector = sympy.Matrix([s, t])
    return sympy.exp(sympy.expand((vector.T * covariance * vector)[0] / 2 - s**2 / 2 - t**2 / 2))


@cache
def _orthogonality() -> Step:
    holds = sympy.simplify(_joint_transform() - sympy.exp(rho * s * t)) == 0
    return Step(
        "Σ_jk E[He_j(u)He_k(v)] s^j t^k/(j! k!) = E e^{su − s²/2} e^{tv − t²/2} = e^{ρst}: only j = k survives, with ρ^k/k!",
        bool(holds),
        "all j, k",
        tex=r"$\sum_{j,k}\mathbb{E}[\mathrm{He}_j(u)\mathrm{He}_k(v)]\frac{s^jt^k}{j!\,k!}=\mathbb{E}\,e^{su-s^2/2}e^{tv-t^2/2}=e^{\rho"
        r" st}$:"
        r" only $j=k$ survives, with $\rho^k/k!$.",
    )


def _density(exponent: sympy.Expr | None = None) -> Step:
    y = sympy.Symbol("y", real=True)
    if exponent is None:
        exponent = (2 * rho * X * y - rho**2 * (X**2 + y**2)) / (2 * (1 - rho**2))
    # The ratio K of densities solves (1−ρ²)²K′ = P K, P = (1−ρ²)² (log K)′ a polynomial in ρ, and K(0) = 1: one series, by recursion.
    logarithm = exponent - sympy.log(1 - rho**2) / 2
    slope = sympy.cancel((1 - rho**2) ** 2 * sympy.diff(logarithm, rho))
    factor = [sympy.Poly(slope, rho).coeff_monomial(rho**j) for j in range(4)]
    term = [sympy.expand(he(k) * he(k, y) / sympy.factorial(k)) for k in range(_REACH + 2)]

    def vanishes(k: int) -> bool:
        derivative = sum(c * (k + 1 - 2 * i) * term[k + 1 - 2 * i] for i, c in enumerate((1, -2, 1)) if k + 1 >= 2 * i)
        return bool(sympy.expand(derivative - sum(factor[j] * term[k - j] for j in range(min(k, 3) + 1))) == 0)

    degree = sympy.Poly(slope, rho).degree()
    holds = degree <= 3 and logarithm.subs(rho, 0) == 0 and all(vanishes(k) for k in range(_REACH))
    return Step(
        "Σ_k ρ^k He_k(x)He_k(y)/k! = (1−ρ²)^{−1/2} exp((2ρxy − ρ²(x²+y²))/(2(1−ρ²))), the ratio of the densities",
        holds,
        f"k ≤ {_REACH}",
        tex=r"$\sum_k\frac{\rho^k}{k!}\mathrm{He}_k(x)\mathrm{He}_k(y)=(1-\rho^2)^{-1/2}"
        r"\exp\frac{2\rho xy-\rho^2(x^2+y^2)}{2(1-\rho^2)}$, the ratio of the joint density to the product.",
    )


@cache
def _remainder() -> Step:
    # |Σ_{k>r} w_k ρ^k| ≤ |ρ|^{r+1} Σ_{k>r} w_k for w_k ≥ 0, |ρ| ≤ 1: term by term |ρ|^k ≤ |ρ|^{r+1}.
    size, extra = sympy.Symbol("size", positive=True), sympy.Symbol("extra", nonnegative=True, integer=True)
    ratio = sympy.simplify(size ** (extra + 1) / size)
    return Step(
        "|ρ|^k ≤ |ρ|^{r+1} for k > r, and Σ_{k>r} c_k²/k! = c_r*² (Parseval)",
        bool(sympy.simplify(ratio - size**extra) == 0),
        "all r",
        tex=r"$|\rho|^k\le|\rho|^{r+1}$ for $k>r$, and $\sum_{k>r}c_k^2/k!=c_r^{*2}$ (Parseval).",
    )


@cache
def _kernels() -> list[Step]:
    steps = []
    symbol = sympy.Symbol("rho", real=True)
    for name in ("relu", "erf", "sin"):
        c = coefficients(name, 12)
        dual = exact_dual(c.activation.expression)
        at = sympy.Rational(2, 5)
        assert dual is not None
        value = float(dual.subs({free: at for free in dual.free_symbols} if symbol not in dual.free_symbols else {symbol: at}))
        partial = float(sum(ck**2 * at**k / sympy.factorial(k) for k, ck in enumerate(c.c)))
        bound = float(at) ** 13 * float(c.residual(12)) ** 2
        # Rounding of a dozen terms of size at most 1.
        holds = -1e-15 <= value - partial <= bound + 1e-15
        steps.append(
            Step(
                f"{name}: the library's closed kernel lies within |ρ|^13 c_12*² of the partial sum",
                holds,
                "degree 12, ρ = 2/5",
                tex=rf"{name}: the closed kernel of the library lies within $|\rho|^{{13}}c_{{12}}^{{*2}}$ of the partial sum.",
            )
        )
    return steps


def check(exponent: sympy.Expr | None = None) -> list[Step]:
    """The argument, step by step; ``exponent`` replaces the exponent of Mehler's kernel."""
    return [_orthogonality(), _density(exponent), _remainder(), *_kernels()]
