"""Lemma 1 with its rate: a pre-activation is a scale mixture of normals whose scale concentrates at rate d^{-1/2}.

Route: characteristic functions given h, then two orders of Taylor's series in s² = ‖h‖²/t.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import sympy

from derivations import Step
from hermite_eq import RandomTransformer, Task, equivalent_transformer
from hermite_eq.activations import activation
from hermite_eq.covariance.averages import gamma_nodes, scale_derivative
from hermite_eq.covariance.symbols import hermite_symbol
from hermite_eq.expansion import coefficients, scaled_coefficients

TITLE = "Lemma 1: pre-activations are Gaussian up to $1/d$"

STATEMENT = r"""Let F have independent N(0, 1/t) entries, t = E‖h‖², and s² = ‖h‖²/t, so E s² = 1, Var s² = C/d + O(d^{−2}). Given h the
f_iᵀh are independent N(0, s²). Hence for every σ with E|σ(sg)| < ∞ near s = 1,
E σ(f_iᵀh) = c₀ + C c₄/(8d) + O(d^{−2}); the excess kurtosis of f_iᵀh is 3C/d + O(d^{-2}); and for E He_r(f_iᵀh)²/r! the factor is
1 + (3C/4d) r(r−1) + O(d^{−2}). In particular f_iᵀh → N(0, 1) at rate 1/d in every such expectation."""

ASSUMPTIONS = "Finite fourth moment of ‖h‖; σ of polynomial growth; the central moments of s² beyond the second are O(d^{−2})."

STATEMENT_TEX = r"""Let $F$ have independent $\mathcal{N}(0,1/t)$ entries, $t=\mathbb{E}\|h\|^2$, and let $s^2=\|h\|^2/t$, so that
$\mathbb{E}s^2=1$
and $\operatorname{Var}s^2=C/d+O(d^{-2})$. Given $h$, the $f_i^\top h$ are independent $\mathcal{N}(0,s^2)$. Hence
\[ \mathbb{E}\,\sigma(f_i^\top h)=c_0+\frac{C\,c_4}{8d}+O(d^{-2}),\qquad
\frac{\mathbb{E}(f_i^\top h)^4}{(\mathbb{E}(f_i^\top h)^2)^2}=3\Bigl(1+\frac Cd\Bigr)+O(d^{-2}),\]
\[ \mathbb{E}\,\mathrm{He}_r(f_i^\top h)^2/r!=1+\frac{3C}{4d}\,r(r-1)+O(d^{-2}): \]
$f_i^\top h\to\mathcal{N}(0,1)$, at rate $1/d$ in each of these expectations."""

ASSUMPTIONS_TEX = (
    r"$\|h\|$ has a finite fourth moment; $\sigma$ is of polynomial growth; the central moments of $s^2$ beyond the second are $O(d^{-2})$."
)


@cache
def _given_h() -> Step:
    # E e^{iθ Σ f_j h_j} = Π e^{−θ²h_j²/(2t)}: by induction over the entries of h.
    theta, t, total, h = sympy.symbols("theta t N h", positive=True)
    step = sympy.exp(-(theta**2) * total / (2 * t)) * sympy.exp(-(theta**2) * h**2 / (2 * t)) - sympy.exp(
        -(theta**2) * (total + h**2) / (2 * t)
    )
    return Step(
        "given h, the characteristic function of f_iᵀh is Π_j e^{−θ²h_j²/2t} = e^{−θ²s²/2}, and distinct columns of F are independent",
        sympy.simplify(step) == 0,
        "all d",
        tex=r"Given $h$, the characteristic function of $f_i^\top h$ is $\prod_je^{-\theta^2h_j^2/2t}=e^{-\theta^2s^2/2}$; distinct"
        r" columns of"
        r" $F$ are independent.",
    )


def _second_order(eighth: int | sympy.Expr) -> Step:
    # c₀(s) has (θ/2)(θ/2 − 1) c₀ = c₄/4 by θc_k = kc_k + c_{k+2}; E(S − 1) = 0, E(S − 1)²/2 = C/(2d).
    half = sympy.Rational(1, 2)
    c0, c4 = hermite_symbol(1, 0), hermite_symbol(1, 4)
    C, d = sympy.symbols("C d", positive=True)
    first = half * scale_derivative(c0)
    second = half * scale_derivative(first) - first
    return Step(
        "c₀(s) = E σ(sg): d²c₀/dS² = (θ/2)(θ/2 − 1)c₀ = c₄/4 at s = 1, and E(S−1)²/2 = C/(2d)",
        sympy.simplify(C / (2 * d) * second - C * c4 / (eighth * d)) == 0,
        "all σ",
        tex=r"$c_0(s)=\mathbb{E}\,\sigma(sg)$ has $d^2c_0/dS^2=\frac\theta2(\frac\theta2-1)c_0=\frac14c_4$ at $s=1$, and"
        r" $\frac12\mathbb{E}(S-1)^2=\frac C{2d}$.",
    )


@cache
def _kurtosis() -> Step:
    # E (sg)⁴ = 3 E s⁴ = 3(1 + Var s²), E (sg)² = 1.
    variance = sympy.Symbol("V", positive=True)
    S = sympy.Symbol("S")
    fourth = sympy.expand(3 * S**2).subs({S**2: 1 + variance})
    return Step(
        "E(f_iᵀh)⁴ = 3 E s⁴ = 3(1 + Var s²)",
        sympy.expand(fourth - 3 - 3 * variance) == 0,
        "all d",
        tex=r"$\mathbb{E}(f_i^\top h)^4=3\,\mathbb{E}s^4=3(1+\operatorname{Var}s^2)$.",
    )


@cache
def _high_degree() -> Step:
    # He_r(sg) = Σ_j r!/(j!(r−2j)!2^j) (s²−1)^j s^{r−2j} He_{r−2j}(g), so E/r! = Σ_j r!/(j!²(r−2j)!4^j) (S−1)^{2j} S^{r−2j}.
    S, d, C = sympy.symbols("S d C", positive=True)
    agree = True
    for r in range(9):
        g, w = np.polynomial.hermite_e.hermegauss(r + 2)
        mean = sum(
            sympy.Rational(math.factorial(r), math.factorial(j) ** 2 * math.factorial(r - 2 * j) * 4**j)
            * (S - 1) ** (2 * j)
            * S ** (r - 2 * j)
            for j in range(r // 2 + 1)
        )
        literal = float(np.sum(w / w.sum() * np.polynomial.hermite_e.HermiteE.basis(r)(math.sqrt(1.3) * g) ** 2)) / math.factorial(r)
        # The Gauss rule is exact for this degree; terms grow to 1.3^r r.
        agree &= abs(float(mean.subs(S, sympy.Rational(13, 10))) / literal - 1) < 1e-12
        curvature = sympy.diff(mean, S, 2).subs(S, 1) * C / (2 * d)
        agree &= sympy.simplify(curvature - sympy.Rational(3, 4) * C / d * r * (r - 1)) == 0
    return Step(
        "E He_r(sg)²/r! = Σ_j r!/(j!²(r−2j)!4^j) (S−1)^{2j} S^{r−2j}, whose second derivative at 1 is (3/2)r(r−1)",
        bool(agree),
        "r ≤ 8",
        tex=r"$\mathbb{E}\,\mathrm{He}_r(sg)^2/r!=\sum_j\frac{r!}{j!^2(r-2j)!\,4^j}(S-1)^{2j}S^{r-2j}$, whose second derivative at $1$ is"
        r" $\frac32r(r-1)$.",
    )


@cache
def _rate() -> Step:
    """The mean of σ over the gamma law of variance C/d, minus c₀ + C c₄/(8d), falls as d^{−2}."""
    gaps = []
    for d in (200, 400, 800):
        s2, weights = gamma_nodes(d / 10, 12)
        mean = float(weights @ scaled_coefficients(activation("softplus"), np.sqrt(s2), 0)[:, 0])
        c = np.asarray(coefficients("softplus", 4))
        gaps.append(mean - c[0] - 10 * c[4] / (8 * d))
    slopes = [math.log2(gaps[i + 1] / gaps[i]) for i in (0, 1)]
    # The next order moves the slope by O(C/d).
    return Step(
        "σ = softplus, C = 10: what is left after c₄ falls as d^{−2}",
        abs(slopes[1] + 2) < 10 * 10 / 400,
        "d = 200, 400, 800",
        tex=r"$\sigma=$ softplus, $C=10$: what remains beyond the term in $c_4$ falls as $d^{-2}$.",
    )


@cache
def _library() -> Step:
    equivalent = equivalent_transformer(RandomTransformer("relu", 1e-3), Task("relu", 0.01), degree=5)
    C = equivalent.covariance.norm_law().numeric(alpha=1)["variance"]
    return Step(
        "the library's inflation of degree r is (3C/4d) r(r−1)",
        abs(equivalent.inflation(80, 80) - 3 * C / 320 * 20) < 1e-12,
        "r = 5, d = 80",
        tex=r"The library's inflation of degree $r$ is $\frac{3C}{4d}r(r-1)$.",
    )


def check(eighth: int | sympy.Expr = 8) -> list[Step]:
    """The argument, step by step; ``eighth`` replaces the 8 of C c₄/(8d)."""
    return [_given_h(), _second_order(eighth), _kurtosis(), _high_degree(), _rate(), _library()]
