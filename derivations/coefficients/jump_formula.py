r"""Hermite coefficients of piecewise polynomials from their jumps.

The route: only the product rule and the generating function; the library integrates a different recurrence.
"""

from __future__ import annotations

import sympy

from derivations import Step
from hermite_eq.expansion.exact import exact_coefficients, general_coefficient
from hermite_eq.hermite import X, he

STATEMENT = r"""
Let σ be piecewise C^∞ with finitely many breakpoints a_j, all derivatives of polynomial growth, and J_{j,i}
the jump of σ^{(i)} at a_j. For every k and every n ≤ k,
    c_k = E[σ^{(n)}(g) He_{k−n}(g)] + Σ_j φ(a_j) Σ_{i<n} J_{j,i} He_{k−1−i}(a_j),
σ^{(n)} meaning the derivative inside the pieces. For a piecewise polynomial of degree p and k > p, n = p +
1 leaves the sum.
"""

ASSUMPTIONS = "σ piecewise smooth with finitely many pieces and polynomially bounded derivatives; g ~ N(0, 1)."

TITLE = "Coefficients of piecewise functions"

STATEMENT_TEX = r"""Let $\sigma$ be piecewise $C^\infty$ with finitely many breakpoints $a_j$, all derivatives of polynomial growth, and
$J_{j,i}$ the jump of
$\sigma^{(i)}$ at $a_j$. For every $k$ and every $n\le k$,
\[ c_k=\mathbb{E}[\sigma^{(n)}(g)\,\mathrm{He}_{k-n}(g)]+\sum_j\varphi(a_j)\sum_{i<n}J_{j,i}\,\mathrm{He}_{k-1-i}(a_j), \]
$\sigma^{(n)}$ meaning the derivative inside the pieces. For a piecewise polynomial of degree $p$ and $k>p$, $n=p+1$ leaves the sum."""

ASSUMPTIONS_TEX = r"$\sigma$ is piecewise smooth with finitely many pieces and polynomially bounded derivatives; $g\sim\mathcal{N}(0,1)$."

_REACH = 12


def _generating_function() -> Step:
    t = sympy.Symbol("t")
    g = sympy.exp(X * t - t**2 / 2)
    lowers = sympy.simplify(sympy.diff(g, X) - t * g) == 0
    raises = sympy.simplify(sympy.diff(g, t) - (X * g - sympy.diff(g, X))) == 0
    return Step(
        "G = e^{xt − t²/2} satisfies ∂_x G = tG and ∂_t G = xG − ∂_x G; with G = Σ He_k t^k/k! this "
        "reads He_k' = k He_{k−1} "
        "and He_{k+1} = x He_k − He_k', which together are the recurrence that defines He_k",
        bool(lowers and raises),
        "all k",
        tex=r"$G=e^{xt-t^2/2}=\sum\mathrm{He}_kt^k/k!$ satisfies $\partial_xG=tG$ and $\partial_tG=xG-\partial_xG$, that is"
        r" $\mathrm{He}_k'=k\,\mathrm{He}_{k-1}$ and $\mathrm{He}_{k+1}=x\,\mathrm{He}_k-\mathrm{He}_k'$.",
    )


def _primitive() -> Step:
    h = sympy.Function("h")(X)
    phi = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    difference = sympy.diff(-h * phi, X) - (X * h - sympy.diff(h, X)) * phi
    return Step(
        "He_k φ = −(He_{k−1} φ)': for any h, −(hφ)' = (xh − h')φ, and h = He_{k−1} by the previous step",
        sympy.simplify(difference) == 0,
        "all k",
        tex=r"$\mathrm{He}_k\varphi=-(\mathrm{He}_{k-1}\varphi)'$, since $-(h\varphi)'=(xh-h')\varphi$.",
    )


def _one_integration() -> Step:
    s, h = sympy.Function("s")(X), sympy.Function("h")(X)
    phi = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    boundary = sympy.diff(-s * h * phi, X)
    difference = boundary - (s * (X * h - sympy.diff(h, X)) * phi - sympy.diff(s, X) * h * phi)
    return Step(
        "on a piece ∫σ He_k φ = −[σ He_{k−1} φ] + ∫σ' He_{k−1} φ; summed over the pieces, −[·] "
        "collects +J_{j,0} at every a_j and "
        "nothing at ±∞. Repeating it n times on σ', σ'', … gives the statement",
        sympy.simplify(difference) == 0,
        "all k",
        tex=r"On a piece"
        r" $\int\sigma\,\mathrm{He}_k\varphi=-[\sigma\,\mathrm{He}_{k-1}\varphi]+\int\sigma'\,\mathrm{He}_{k-1}\varphi$; summed"
        r" over the pieces the brackets collect $J_{j,0}$ at every $a_j$ and nothing at $\pm\infty$. Repeat $n$ times.",
    )


def _truncated_moment(n: int, lo: sympy.Expr, hi: sympy.Expr) -> sympy.Expr:
    """∫_lo^hi x^n φ: m_n = (n − 1) m_{n−2} − [x^{n−1} φ]."""

    def boundary(power: int) -> sympy.Expr:
        return sympy.Add(
            *(side * end**power * sympy.exp(-(end**2) / 2) / sympy.sqrt(2 * sympy.pi) for side, end in ((1, hi), (-1, lo)) if end.is_finite)
        )

    def cumulative(end: sympy.Expr) -> sympy.Expr:
        return (1 + sympy.erf(end / sympy.sqrt(2))) / 2 if end.is_finite else sympy.Integer(end is sympy.S.Infinity)

    if n == 0:
        return cumulative(hi) - cumulative(lo)
    lower = (n - 1) * _truncated_moment(n - 2, lo, hi) if n > 1 else sympy.Integer(0)
    return lower - boundary(n - 1)


def _cases() -> list[tuple[str, sympy.Expr, list[tuple[sympy.Expr, sympy.Expr, sympy.Expr]]]]:
    a = sympy.Symbol("a", positive=True)
    infinity = sympy.S.Infinity
    unit = sympy.Integer(1)
    return [
        ("ReLU", sympy.Max(X, 0), [(sympy.S.Zero, infinity, X)]),
        ("|x|", sympy.Abs(X), [(-infinity, sympy.S.Zero, -X), (sympy.S.Zero, infinity, X)]),
        ("max(x − a, 0)", sympy.Max(X - a, 0), [(a, infinity, X - a)]),
        (
            "clip(x, −1, 1)",
            sympy.Max(-1, sympy.Min(1, X)),
            [(-infinity, -unit, -unit), (-unit, unit, X), (unit, infinity, unit)],
        ),
        ("x² for x > √2", X**2 * sympy.Heaviside(X - sympy.sqrt(2)), [(sympy.sqrt(2), infinity, X**2)]),
    ]


def _by_truncated_moments() -> list[Step]:
    steps = []
    for name, sigma, pieces in _cases():
        library = exact_coefficients(sigma, _REACH)
        assert library is not None
        agree = True
        for k in range(_REACH + 1):
            direct = sympy.S.Zero
            for lo, hi, value in pieces:
                polynomial = sympy.Poly(sympy.expand(value * he(k)), X)
                direct += sum(c * _truncated_moment(n, lo, hi) for (n,), c in polynomial.terms())
            agree = agree and sympy.expand(direct - library[k]) == 0
        steps.append(
            Step(
                f"{name}: monomial moments give the library's c_k",
                agree,
                f"k ≤ {_REACH}",
                tex=r"Monomial moments give the library's $c_k$, for five piecewise functions.",
            )
        )
    return steps


def _relu_for_all_k() -> Step:
    general = general_coefficient(sympy.Max(X, 0))
    assert general is not None
    j = sympy.Symbol("j", integer=True, positive=True)
    # One jump, J_1 = 1 at 0: c_{2j} = φ(0) He_{2j−2}(0), and He_{2n}(0) = (2n)! [t^{2n}] e^{−t²/2} = (2n)!
    # (−1/2)^n/n!.
    n = j - 1
    jump = sympy.factorial(2 * n) * sympy.Rational(-1, 2) ** n / sympy.factorial(n) / sympy.sqrt(2 * sympy.pi)
    even = general.even.subs(general.k, 2 * j)
    ratio = sympy.gammasimp((jump / even).rewrite(sympy.gamma))
    holds = sympy.simplify(ratio) == 1 and general.odd == 0 and general.valid_from == 2
    return Step(
        "ReLU: c_k = He_{k−2}(0)/√(2π) for k ≥ 2 is the library's closed form, odd k vanishing",
        bool(holds),
        "all k",
        tex=r"ReLU: $c_k=\mathrm{He}_{k-2}(0)/\sqrt{2\pi}$ for $k\ge2$ is the library's closed form; odd $k$ vanish.",
    )


def check() -> list[Step]:
    """The argument, step by step."""
    return [
        _generating_function(),
        _primitive(),
        _one_integration(),
        _relu_for_all_k(),
        *_by_truncated_moments(),
    ]
