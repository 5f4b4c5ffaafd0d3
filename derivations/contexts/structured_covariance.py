"""First and second moments of a context with covariances and means, given ξ.

Route: Isserlis' theorem for polynomial labels in two dimensions, every entry expanded from the definitions; the library's coefficients at
the end.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import cache

import sympy

from derivations import Step
from hermite_eq.covariance import ENTRIES
from hermite_eq.covariance import symbols as sym

TITLE = "A context with covariances and means"

STATEMENT = r"""x ~ N(μ, P), z = ηᵀx ~ N(m, s²), g = (z − m)/s, r = Pη/s, y = σ*(z) + ε: x = μ + g r + x_⊥, x_⊥ ~ N(0, P − rrᵀ) independent
of g, so E[yx] = eμ + ar, E[y²xxᵀ] = v(P + μμᵀ) + p rrᵀ + q(μrᵀ + rμᵀ), E[y³x] = w₃₀μ + w₃r, and b₁ = (f/ℓ)Σy_ix_i, b₂ = (1/ℓ)Σy_i² have
E[b₁b₁ᵀ] = f²(E[y²xxᵀ]/ℓ + (1 − 1/ℓ)ββᵀ), E[b₁b₂] = f(E[y³x]/ℓ + (1 − 1/ℓ)vβ), β = E[yx]; Cov(x⊗b) = P⊗E[bbᵀ] + μμᵀ⊗Cov(b)."""

ASSUMPTIONS = "E y⁴ < ∞ given ξ; inputs Gaussian; s > 0."

STATEMENT_TEX = r"""Let $x\sim\mathcal{N}(\mu,P)$, $z=\eta^\top x\sim\mathcal{N}(m,s^2)$, $g=(z-m)/s$, $r=P\eta/s$ and
$y=\sigma_*(z)+\epsilon$. Then $x=\mu+gr+x_\perp$ with $x_\perp\sim\mathcal{N}(0,P-rr^\top)$ independent of $g$, and
with $e=\mathbb{E}y$, $a=\mathbb{E}yg$, $v=\mathbb{E}y^2$,
$q=\mathbb{E}y^2g$, $p=\mathbb{E}y^2(g^2-1)$, $w_{30}=\mathbb{E}y^3$, $w_3=\mathbb{E}y^3g$, $w_4=\mathbb{E}y^4$,
$\beta=\mathbb{E}[yx]=e\mu+ar$,
\[ \mathbb{E}[y^2xx^\top]=v(P+\mu\mu^\top)+p\,rr^\top+q(\mu r^\top+r\mu^\top),\qquad\mathbb{E}[y^3x]=w_{30}\mu+w_3r. \]
For $b_1=\frac f\ell\sum y_ix_i$ and $b_2=\frac1\ell\sum y_i^2$
\[ \mathbb{E}[b_1b_1^\top]=f^2\bigl(\tfrac1\ell\mathbb{E}[y^2xx^\top]+(1-\tfrac1\ell)\beta\beta^\top\bigr), \]
\[ \mathbb{E}[b_1b_2]=f\bigl(\tfrac1\ell\mathbb{E}[y^3x]+(1-\tfrac1\ell)v\beta\bigr),\qquad
\mathbb{E}[b_2^2]=\tfrac{w_4}\ell+(1-\tfrac1\ell)v^2, \]
and $\operatorname{Cov}(x_{\ell+1}\otimes b)=P\otimes\mathbb{E}[bb^\top]+\mu\mu^\top\otimes\operatorname{Cov}(b)$."""

ASSUMPTIONS_TEX = r"$\mathbb{E}y^4<\infty$ given $\xi$; Gaussian inputs; $s>0$."

u, w, eps = sympy.symbols("u w epsilon", real=True)
A, E1, ELL, P, Q1, RHO, V = sym.a, sym.e, sym.ell, sym.p, sym.q, sym.rho, sym.v
W3, W30, W4, f = sym.w_3, sym.w_30, sym.w_4, sym.f
mu1, mu2, k11, k21, k22, eta1, eta2 = sympy.symbols("mu_1 mu_2 k_11 k_21 k_22 eta_1 eta_2", real=True)


def _mean(polynomial: sympy.Expr) -> sympy.Expr:
    """E of a polynomial in the standard normals u, w and ε ~ N(0, ρ)."""
    total = sympy.Integer(0)
    for (i, j, k), c in sympy.Poly(sympy.expand(polynomial), u, w, eps).terms():
        if i % 2 == j % 2 == k % 2 == 0:
            total += c * math.prod(math.prod(range(1, n, 2)) for n in (i, j, k)) * RHO ** (k // 2)
    return total


def _setting() -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix, sympy.Expr]:
    """μ, P, η at rational numbers that are in no special position."""
    root = sympy.Matrix([[1, 0], [sympy.Rational(1, 2), sympy.Rational(3, 2)]])
    return sympy.Matrix([sympy.Rational(1, 3), sympy.Rational(-2, 5)]), root, sympy.Matrix([2, sympy.Rational(-1, 3)]), root * root.T


@cache
def _decomposition() -> Step:
    # Cov(x − gr, g) = Pη/s − r = 0, and Cov(x − gr) = P − rrᵀ.
    root = sympy.Matrix([[k11, 0], [k21, k22]])
    cov, eta = root * root.T, sympy.Matrix([eta1, eta2])
    scale = sympy.sqrt((eta.T * cov * eta)[0])
    r = cov * eta / scale
    crossed = cov * eta / scale - r
    # Cov(x) − r Cov(g, x) − Cov(x, g) rᵀ + rrᵀ.
    rest = cov - r * (cov * eta / scale).T - (cov * eta / scale) * r.T + r * r.T - (cov - r * r.T)
    return Step(
        "Cov(x − gr, g) = 0 and Cov(x − gr) = P − rrᵀ",
        crossed == sympy.zeros(2, 1) and rest.applyfunc(sympy.simplify) == sympy.zeros(2, 2),
        "d = 2, all P, η",
        tex=r"$\operatorname{Cov}(x-gr,g)=0$ and $\operatorname{Cov}(x-gr)=P-rr^\top$, so that the two parts are independent.",
    )


def _any_target(entries: Mapping[str, sympy.Expr]) -> Step:
    """E[yx], E[y²xxᵀ], E[y³x] entry by entry: powers of g against y, y², y³ are moments, and x_⊥ adds E[y²](P − rrᵀ)."""
    mi, mj, ri, rj, pij, g = sympy.symbols("mu_i mu_j r_i r_j P_ij g")
    # E[y g⁰], E[y g]; E[y²], E[y²g], E[y²g²] = p + v; E[y³], E[y³g].
    label = {1: (E1, A), 2: (V, Q1, P + V), 3: (W30, W3)}

    def mean(power: int, polynomial: sympy.Expr) -> sympy.Expr:
        return sum((c * label[power][n] for (n,), c in sympy.Poly(sympy.expand(polynomial), g).terms()), sympy.Integer(0))

    first, second = mi + g * ri, mj + g * rj
    beta_i, beta_j = mean(1, first), mean(1, second)
    pairs = mean(2, first * second) + V * (pij - ri * rj)
    b1b1 = f**2 * (pairs / ELL + (1 - 1 / ELL) * beta_i * beta_j)
    b1b2 = f * (mean(3, first) / ELL + (1 - 1 / ELL) * V * beta_i)
    computed = (
        entries["second_P"] * pij
        + entries["second_rr"] * ri * rj
        + entries["second_mumu"] * mi * mj
        + entries["second_mur"] * (mi * rj + ri * mj)
    )
    holds = [
        sympy.expand(computed - b1b1),
        sympy.expand(entries["second_mu2"] * mi + entries["second_r2"] * ri - b1b2),
        sympy.expand(entries["mean_mu"] * mi + entries["mean_r"] * ri - f * beta_i),
        sympy.expand(entries["mean_b2"] - V),
        sympy.expand(entries["second_22"] - W4 / ELL - (1 - 1 / ELL) * V**2),
    ]
    return Step(
        "x = μ + gr + x_⊥ put into E[yx], E[y²xxᵀ], E[y³x]: every entry of the library, with y's moments as symbols",
        all(value == 0 for value in holds),
        "all targets, d, ℓ",
        tex=r"$x=\mu+gr+x_\perp$ put into $\mathbb{E}[yx]$, $\mathbb{E}[y^2xx^\top]$ and $\mathbb{E}[y^3x]$ gives every entry of the"
        r" library, the moments of $y$ being symbols: $x_\perp$ adds $v(P-rr^\top)$.",
    )


def _label_moments(y: sympy.Expr, g: sympy.Expr) -> dict[sympy.Symbol, sympy.Expr]:
    forms = {E1: y, A: y * g, V: y**2, Q1: y**2 * g, P: y**2 * (g**2 - 1), W30: y**3, W3: y**3 * g, W4: y**4}
    return {symbol: _mean(form) for symbol, form in forms.items()}


def _entries(entries: Mapping[str, sympy.Expr]) -> list[Step]:
    """Every entry of E[b], E[bbᵀ] from the definition, the label σ*(z) = z² + z/2 − 1/3."""
    mu, root, eta, cov = _setting()
    x = mu + root * sympy.Matrix([u, w])
    z = (eta.T * x)[0]
    label = z**2 + z / 2 - sympy.Rational(1, 3) + eps
    scale = sympy.sqrt((eta.T * cov * eta)[0])
    g = (z - (eta.T * mu)[0]) / scale
    r = cov * eta / scale
    known = _label_moments(label, g)
    values = {name: entry.subs(known) for name, entry in entries.items()}
    # E[b₁b₁ᵀ]: ℓ equal terms and ℓ(ℓ−1) products of independent ones.
    beta = (label * x).applyfunc(_mean)
    first = f**2 * ((label**2 * x * x.T).applyfunc(_mean) / ELL + (1 - 1 / ELL) * beta * beta.T)
    mixed = f * ((label**3 * x).applyfunc(_mean) / ELL + (1 - 1 / ELL) * _mean(label**2) * beta)
    square = _mean(label**4) / ELL + (1 - 1 / ELL) * _mean(label**2) ** 2

    def zero(matrix: sympy.Matrix) -> bool:
        return all(sympy.simplify(sympy.expand(entry)) == 0 for entry in matrix)

    pairs = {
        "E[b₁] = f(eμ + ar)": (values["mean_mu"] * mu + values["mean_r"] * r - f * beta, r"\mathbb{E}[b_1]=f(e\mu+ar)"),
        "E[b₁b₁ᵀ], all four words": (
            values["second_P"] * cov
            + values["second_rr"] * r * r.T
            + values["second_mumu"] * mu * mu.T
            + values["second_mur"] * (mu * r.T + r * mu.T)
            - first,
            r"\mathbb{E}[b_1b_1^\top]",
        ),
        "E[b₁b₂]": (values["second_mu2"] * mu + values["second_r2"] * r - mixed, r"\mathbb{E}[b_1b_2]"),
        "E[b₂²], E[b₂]": (
            sympy.Matrix([values["second_22"] - square, values["mean_b2"] - _mean(label**2)]),
            r"\mathbb{E}[b_2^2],\ \mathbb{E}[b_2]",
        ),
    }
    return [
        Step(
            f"{name} of the library, from the definition with a quadratic target by Isserlis",
            zero(matrix),
            "d = 2, quadratic target, all ℓ, ρ, f",
            tex=rf"${tex}$ of the library is what the definition gives for a quadratic target, by Isserlis' theorem.",
        )
        for name, (matrix, tex) in pairs.items()
    ]


@cache
def _product() -> Step:
    # E[xxᵀ⊗bbᵀ] − E[x]E[x]ᵀ⊗E[b]E[b]ᵀ with E[xxᵀ] = P + μμᵀ, E[bbᵀ] = C + ββᵀ, entry by entry.
    pij, mi, mj, ckl, bk, bl = sympy.symbols("P_ij mu_i mu_j C_kl b_k b_l")
    holds = sympy.expand((pij + mi * mj) * (ckl + bk * bl) - mi * mj * bk * bl - (pij * (ckl + bk * bl) + mi * mj * ckl)) == 0
    return Step(
        "Cov(x⊗b) = E[xxᵀ]⊗E[bbᵀ] − μμᵀ⊗E[b]E[b]ᵀ = P⊗E[bbᵀ] + μμᵀ⊗Cov(b), x and b being independent given ξ and x of ξ",
        holds,
        "all d",
        tex=r"$\operatorname{Cov}(x\otimes b)=\mathbb{E}[xx^\top]\otimes\mathbb{E}[bb^\top]-\mu\mu^\top\otimes\mathbb{E}b\,\mathbb{E}b^\top"
        r"=P\otimes\mathbb{E}[bb^\top]+\mu\mu^\top\otimes\operatorname{Cov}(b)$, the query being independent of $(\xi,b)$.",
    )


def check(entries: Mapping[str, sympy.Expr] = ENTRIES) -> list[Step]:
    """The argument, step by step; ``entries`` replaces the library's coefficients."""
    return [_decomposition(), _any_target(entries), *_entries(entries), _product()]
