"""Theorem 3's coefficients: why the equivalent activation has these c_k and this residual, and which of them the limit sees.

Route: the Gram matrices of features over neurons as kernels in the correlation of two inputs; degree by degree.
"""

from __future__ import annotations

import math
from functools import cache

import sympy

from derivations import Step
from hermite_eq import Task, coefficients, equivalent_model
from hermite_eq.covariance import covariance, symbols
from hermite_eq.hermite import X, he

TITLE = "Theorem 3: the coefficients of the equivalent model"

STATEMENT = r"""σ̂_r = Σ_{k≤r} (c_k/k!) He_k + c* z with z ~ N(0,1) fresh has E[σ̂_r(g)He_k(g)] = c_k for k ≤ r and E σ̂_r(g)² = E σ(g)² if
and
only if c*² = E σ² − Σ_{k≤r} c_k²/k!. Over a random column f of F, E_f[σ(fᵀh)σ(fᵀh')] = Σ_k (c_k²/k!) ω^k for ‖h‖² = ‖h'‖² = t, with
ω = hᵀh'/t, and σ̂_r has the same on the diagonal and up to ω^r off it. For two contexts with fresh tasks E ω² = tr Cov(h)²/t² = 1/d² +
O(d^{-3}):
the n² ≍ d⁴ entries of degree k ≥ 3 sum in square to O(d^{4−2k}) → 0, degree 2 leaves its mean (c₂²/2) E ω², and the diagonal keeps
c_r*²."""

ASSUMPTIONS = "E σ(g)² < ∞; normalised h; n ≍ d². That equal feature kernels imply equal ridge errors is [RT] Theorem 3, used, not proved."

STATEMENT_TEX = r"""The activation $\hat\sigma_r=\sum_{k\le r}\frac{c_k}{k!}\mathrm{He}_k+c^*z$, $z\sim\mathcal{N}(0,1)$ fresh, has
$\mathbb{E}[\hat\sigma_r(g)\mathrm{He}_k(g)]=c_k$ for $k\le r$ and $\mathbb{E}\,\hat\sigma_r(g)^2=\mathbb{E}\,\sigma(g)^2$ if and only if
$c^{*2}=\mathbb{E}\,\sigma^2-\sum_{k\le r}c_k^2/k!$. Over a random column $f$ of $F$, for $\|h\|^2=\|h'\|^2=t$ and $\omega=h^\top h'/t$,
\[ \mathbb{E}_f[\sigma(f^\top h)\sigma(f^\top h')]=\sum_k\frac{c_k^2}{k!}\,\omega^k, \]
and $\hat\sigma_r$ has the same kernel on the diagonal, and up to $\omega^r$ off it. For contexts with fresh tasks
$\mathbb{E}\,\omega^2=\operatorname{tr}\operatorname{Cov}(h)^2/t^2=d^{-2}+O(d^{-3})$. Of the $n^2\asymp d^4$ entries those of degree
$k\ge3$ have a sum of
squares of order $d^{4-2k}\to0$; degree $2$ leaves its mean $\frac{c_2^2}2\mathbb{E}\,\omega^2$; the diagonal keeps $c_r^{*2}$."""

ASSUMPTIONS_TEX = (
    r"$\mathbb{E}\,\sigma(g)^2<\infty$; normalised $h$; $n\asymp d^2$. That equal feature kernels imply equal ridge errors is Theorem 3"
    r" itself, used and not proved."
)


def _matching(residual_factor: int | sympy.Expr) -> Step:
    # E over g by the moments (n − 1)!! of the normal law; z independent adds c*² to the second moment and nothing to the first.
    holds = True
    for r in range(7):
        c = sympy.symbols(f"c0:{r + 1}")
        norm2, z2 = sympy.symbols("N z2")
        polynomial = sympy.Poly(sum(ck * he(k) / sympy.factorial(k) for k, ck in enumerate(c)), X)

        def mean(f: sympy.Poly) -> sympy.Expr:
            return sum(a * (math.prod(range(1, n, 2)) if n % 2 == 0 else 0) for (n,), a in f.terms())

        holds &= all(sympy.expand(mean(polynomial * sympy.Poly(he(k), X)) - c[k]) == 0 for k in range(r + 1))
        residual2 = residual_factor * (norm2 - sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c)))
        holds &= sympy.expand(mean(polynomial**2) + z2 - norm2).subs(z2, residual2).expand() == 0
    return Step(
        "E[σ̂_r He_k] = c_k by orthogonality, E σ̂_r² = Σ_{k≤r} c_k²/k! + c*²: the second moment fixes c*²",
        bool(holds),
        "r ≤ 6, all c_k",
        tex=r"$\mathbb{E}[\hat\sigma_r\mathrm{He}_k]=c_k$ by orthogonality, $\mathbb{E}\,\hat\sigma_r^2=\sum_{k\le r}c_k^2/k!+c^{*2}$:"
        r" the second"
        r" moment fixes $c^{*2}$.",
    )


@cache
def _kernel() -> Step:
    # fᵀh, fᵀh' are standard normal with correlation ω; Mehler. The polynomial part has Σ_{k≤r}, the noise adds c_r*² where h = h' only.
    omega = sympy.Symbol("omega")
    c = sympy.symbols("c0:4")
    r = 2
    full = sum(ck**2 * omega**k / sympy.factorial(k) for k, ck in enumerate(c))
    equivalent = sum(c[k] ** 2 * omega**k / sympy.factorial(k) for k in range(r + 1))
    residual2 = full.subs(omega, 1) - equivalent.subs(omega, 1)
    diagonal = sympy.expand(full.subs(omega, 1) - equivalent.subs(omega, 1) - residual2)
    off = sympy.expand(full - equivalent - c[3] ** 2 * omega**3 / 6)
    return Step(
        "the kernels agree at h = h' and differ elsewhere by Σ_{k>r} c_k² ω^k/k!, at most |ω|^{r+1} c_r*²",
        diagonal == 0 and off == 0,
        "all c_k",
        tex=r"The kernels agree at $h=h'$ and differ elsewhere by $\sum_{k>r}\frac{c_k^2}{k!}\omega^k$, at most $|\omega|^{r+1}c_r^{*2}$"
        r" (Mehler).",
    )


@cache
def _correlation() -> Step:
    """E ω² = tr Cov(h)²/t² with Cov(h) = (I/d) ⊗ diag(r̄ I, r̄₂): d² E ω² → 1."""
    entries = covariance(Task("relu", noise=0.1)).averaged().entries
    D = symbols.d
    r, last = entries["second_identity"], entries["second_22"]
    square = (D * r**2 + last**2) / D
    value = (D**2 * square / (D * r + last) ** 2).subs(symbols.ell, symbols.alpha * D)
    limit = sympy.limit(sympy.cancel(sympy.together(value)), D, sympy.oo)
    return Step(
        "for independent h, h' with the same covariance, E(hᵀh')² = tr Cov(h)²; with the library's covariance d² E ω² → 1",
        limit == 1,
        "σ* = ReLU, all α",
        tex=r"For independent $h,h'$ of equal covariance $\mathbb{E}(h^\top h')^2=\operatorname{tr}\operatorname{Cov}(h)^2$; with the"
        r" library's"
        r" covariance $d^2\,\mathbb{E}\,\omega^2\to1$.",
    )


@cache
def _orders() -> Step:
    # Σ over n² ≍ d⁴ pairs of ω^{2k} ≍ d^{−2k}: exponent 4 − 2k, negative from k = 3 on.
    exponents = [4 - 2 * k for k in range(6)]
    first = next(k for k, exponent in enumerate(exponents) if exponent < 0)
    return Step(
        "n² entries of size d^{−k}: the sum of squares is of order d^{4−2k}, which vanishes from k = 3 on",
        first == 3,
        "all k ≥ 3",
        tex=r"$n^2\asymp d^4$ entries of size $d^{-k}$: their sum of squares is of order $d^{4-2k}$, which vanishes from $k=3$ on.",
    )


@cache
def _mean_of_degree_two() -> Step:
    # E over h' of (c₂²/2) ω² is a rank-one part next to c₀²: per neuron the constant has variance c₀² + (c₂²/2) tr C².
    c0, c2, trace2 = sympy.symbols("c_0 c_2 T", positive=True)
    share = sympy.limit((c2**2 / 2 * trace2) / (c0**2 + c2**2 / 2 * trace2), trace2, 0)
    alone = sympy.simplify(((c2**2 / 2 * trace2) / (c0**2 + c2**2 / 2 * trace2)).subs(c0, 0))
    return Step(
        "the constant direction has weight c₀² + (c₂²/2) tr C², tr C² = 1/d²: c₂ matters for the constant only if c₀ = 0",
        share == 0 and alone == 1,
        "all c_0, c_2",
        tex=r"The constant direction has weight $c_0^2+\frac{c_2^2}2\operatorname{tr}C^2$ with $\operatorname{tr}C^2\simeq d^{-2}$: $c_2$"
        r" matters for"
        r" the constant only if $c_0=0$.",
    )


@cache
def _fluctuation_of_degree_two() -> Step:
    return Step(
        "the fluctuation of degree 2 about its mean adds to the diagonal only (operator norm of He_2-kernels on n ≍ d² samples)",
        True,
        "open",
        tex=r"The fluctuation of degree $2$ about its mean adds to the diagonal only (a bound on the operator norm of the kernel of"
        r" $\mathrm{He}_2$ on $n\asymp d^2$ samples); used, not proved.",
    )


@cache
def _library() -> list[Step]:
    steps = []
    for name in ("relu", "gelu", "erf"):
        c = coefficients(name, 4)
        model = equivalent_model(name, 4)
        same = all(sympy.simplify(model.c[k] - c[k]) == 0 for k in range(5))
        gap = sympy.N(model.residual**2 - c.norm2 + sum(ck**2 / sympy.factorial(k) for k, ck in enumerate(c)), 40)
        steps.append(
            Step(
                f"{name}: the library's σ̂_4 has these coefficients",
                same and abs(gap) < sympy.Float("1e-38", 40),
                "r = 4",
                tex=rf"{name}: the library's $\hat\sigma_4$ has these coefficients.",
            )
        )
    return steps


def check(residual_factor: int | sympy.Expr = 1) -> list[Step]:
    """The argument, step by step; ``residual_factor`` multiplies c*²."""
    return [
        _matching(residual_factor),
        _kernel(),
        _correlation(),
        _orders(),
        _mean_of_degree_two(),
        _fluctuation_of_degree_two(),
        *_library(),
    ]
