r"""First and second moments of a context with Gaussian inputs of any mean and covariance, given its task.

Route 1 is algebra with the moments of one label as symbols. Route 2 expands the definition in the underlying standard normals, for
polynomial targets, exactly.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy
from sympy.polys.rings import PolyElement, ring

from derivations import Step

TITLE = "Moments of a context with Gaussian inputs"

STATEMENT = r"""X_i ~ N(μ, Σ), y_i = σ*(wᵀX_i) + ε_i, m = wᵀμ, ω² = wᵀΣw, r = Σw/ω, g_i = (wᵀX_i − m)/ω, q = E[yX]; b₁ = (B/ℓ) Σ y_i X_i,
b₂ = (1/ℓ) Σ y_i². Then q = μ E[y] + r E[yg],
E[y²XXᵀ] = E[y²](Σ + μμᵀ) + E[y²(g² − 1)] rrᵀ + E[y²g](μrᵀ + rμᵀ), E[y³X] = μ E[y³] + r E[y³g],
E[b₁b₁ᵀ] = (B²/ℓ) E[y²XXᵀ] + B²(1 − 1/ℓ) qqᵀ, E[b₁b₂] = (B/ℓ) E[y³X] + B(1 − 1/ℓ) E[y²] q, E[b₂²] = E[y⁴]/ℓ + (1 − 1/ℓ) E[y²]²;
and for the query x = cX, H = x bᵀ: E(y − ⟨Γ,H⟩ − γ)² = E[y²] − 2⟨Γ, c q E[b]ᵀ⟩ − 2γE[y] + 2γ⟨Γ, cμE[b]ᵀ⟩ + γ² + tr(Γᵀ E[xxᵀ] Γ E[bbᵀ])."""

ASSUMPTIONS = """Given w; the pairs (X_i, y_i), the query's included, independent and identically distributed; E[y⁴] < ∞; ω > 0."""

STATEMENT_TEX = r"""Let $X_i\sim\mathcal{N}(\mu,\Sigma)$, $y_i=\sigma_*(w^\top X_i)+\epsilon_i$, $m=w^\top\mu$, $\omega^2=w^\top\Sigma w$,
$r=\Sigma w/\omega$, $g_i=(w^\top X_i-m)/\omega$, $b_1=\frac B\ell\sum_{i\le\ell}y_iX_i$, $b_2=\frac1\ell\sum_{i\le\ell}y_i^2$ and
$q=\mathbb{E}[yX]$. Then $q=\mu\,\mathbb{E}[y]+r\,\mathbb{E}[yg]$ and
\begin{align*}
\mathbb{E}[b_1b_1^\top]&=\tfrac{B^2}\ell\bigl(\mathbb{E}[y^2](\Sigma+\mu\mu^\top)+\mathbb{E}[y^2(g^2-1)]\,rr^\top
+\mathbb{E}[y^2g](\mu r^\top+r\mu^\top)\bigr)+B^2(1-\tfrac1\ell)\,qq^\top,\\
\mathbb{E}[b_1b_2]&=\tfrac B\ell\bigl(\mathbb{E}[y^3]\mu+\mathbb{E}[y^3g]r\bigr)+B(1-\tfrac1\ell)\,\mathbb{E}[y^2]\,q,\qquad
\mathbb{E}[b_2^2]=\tfrac1\ell\mathbb{E}[y^4]+(1-\tfrac1\ell)\,\mathbb{E}[y^2]^2.
\end{align*}
With the query $x=cX_{\ell+1}$, its label $y$ and $H=x\,b^\top$,
\begin{multline*}
\mathbb{E}(y-\langle\Gamma,H\rangle-\gamma)^2=\mathbb{E}[y^2]-2\langle\Gamma,c\,q\,\mathbb{E}[b]^\top\rangle-2\gamma\,\mathbb{E}[y]\\
+2\gamma\langle\Gamma,c\mu\,\mathbb{E}[b]^\top\rangle+\gamma^2+\operatorname{tr}(\Gamma^\top\mathbb{E}[xx^\top]\,\Gamma\,\mathbb{E}[bb^\top]).
\end{multline*}"""

ASSUMPTIONS_TEX = (
    r"Given $w$; the pairs $(X_i,y_i)$, the query's included, are independent and identically distributed; $\mathbb{E}[y^4]<\infty$;"
    r" $\omega>0$."
)


def _one_pair() -> bool:
    # X = μ + r g + e, where e is independent of (g, y), centred, with covariance Σ − rrᵀ: two coordinates, which may be the same.
    mi, mj, ri, rj, sij, g, y, ei, ej = sympy.symbols("mu_i mu_j r_i r_j S_ij g y e_i e_j")

    def mean(expression: sympy.Expr) -> sympy.Expr:
        total = sympy.Integer(0)
        for (a, b, k, p), coefficient in sympy.Poly(expression, ei, ej, g, y).terms():
            across = {(0, 0): sympy.Integer(1), (1, 1): sij - ri * rj}.get((a, b), sympy.Integer(0))
            total += coefficient * across * sympy.Symbol(f"E_y{p}g{k}")
        return sympy.expand(total)

    e = {(p, k): sympy.Symbol(f"E_y{p}g{k}") for p in range(4) for k in range(3)}
    xi, xj = mi + ri * g + ei, mj + rj * g + ej
    square = e[2, 0] * (sij + mi * mj) + (e[2, 2] - e[2, 0]) * ri * rj + e[2, 1] * (mi * rj + ri * mj)
    return bool(
        sympy.expand(mean(y * xi) - (mi * e[1, 0] + ri * e[1, 1])) == 0
        and sympy.expand(mean(y**2 * xi * xj) - square) == 0
        and sympy.expand(mean(y**3 * xi) - (mi * e[3, 0] + ri * e[3, 1])) == 0
    )


def _sums_over_pairs() -> bool:
    # Σ_i Σ_j E[f_i g_j] = ℓ E[fg] + ℓ(ℓ − 1) E[f]E[g] by independence, and the products of averages have a factor 1/ℓ².
    ell, both, f, h = sympy.symbols("ell E_fg E_f E_g", positive=True)
    counted = (ell * both + ell * (ell - 1) * f * h) / ell**2
    symbolic = sympy.simplify(counted - (both / ell + (1 - 1 / ell) * f * h)) == 0
    # The number of equal pairs of indices is ℓ of ℓ².
    return bool(symbolic and all(sum(i == j for i in range(n) for j in range(n)) == n for n in range(1, 6)))


def _uniform_directions() -> bool:
    # The law of u is invariant under reflections and exchanges of axes, so that M = E[uuᵀ] commutes with them; and tr M = 1.
    for d in (1, 2, 3, 4):
        entries = sympy.Matrix(d, d, lambda i, j: sympy.Symbol(f"M{i}{j}"))
        symmetries = [sympy.diag(*(-1 if j == i else 1 for j in range(d))) for i in range(d)]
        symmetries += [sympy.eye(d).elementary_row_op("n<->m", row1=i, row2=i + 1) for i in range(d - 1)]
        equations = [entry for s in symmetries for entry in s * entries * s.T - entries] + [entries.trace() - 1]
        if sympy.solve(equations, list(entries), dict=True) != [
            {entries[i, j]: sympy.Rational(int(i == j), d) for i in range(d) for j in range(d)}
        ]:
            return False
    return True


def _exact(polynomial: PolyElement, variances: list[Fraction]) -> Fraction:
    """E over independent centred normals."""
    total = Fraction(0)
    for powers, coefficient in polynomial.terms():
        if all(power % 2 == 0 for power in powers):
            term = Fraction(int(coefficient.numerator), int(coefficient.denominator))
            for power, variance in zip(powers, variances, strict=True):
                if power:
                    term *= int(sympy.factorial2(power - 1)) * variance ** (power // 2)
            total += term
    return total


def _library(unit_inputs: bool, change: float = 1.0) -> bool:
    """The library's moments and linear error against the definition, expanded at d = ℓ = 2 with σ*(z) = z²/3 + z/2 − 1/5.

    The library's first-order statistic is multiplied by ``change``, which must be found wrong unless it is 1.
    """
    import numpy as np

    from hermite_eq.hermite import X
    from hermite_eq.models import Source
    from hermite_eq.simulate.laws.gaussian_inputs import GaussianInputs
    from hermite_eq.simulate.laws.moments import given_tasks

    rho, factor, mu = Fraction(1, 4), ((2, 0), (1, 1)), (Fraction(1, 2), Fraction(-1, 4))
    # √d = √2 is irrational: the definition is expanded in inputs X and w = ξ/√d, and scaled by the powers of √2 afterwards.
    w = (Fraction(3, 4), Fraction(-1, 2))
    rational = lambda c: sympy.QQ(Fraction(c).numerator, Fraction(c).denominator)  # noqa: E731
    _definition, *symbols = ring("z11,z12,z21,z22,z31,z32,e1,e2,e3", sympy.QQ)
    z, noise = [symbols[:2], symbols[2:4], symbols[4:6]], symbols[6:]
    x = [[rational(mu[a]) + rational(factor[a][0]) * zi[0] + rational(factor[a][1]) * zi[1] for a in range(2)] for zi in z]
    arguments = [rational(w[0]) * xi[0] + rational(w[1]) * xi[1] for xi in x]
    y = [s**2 / 3 + s / 2 - sympy.Rational(1, 5) + e for s, e in zip(arguments, noise, strict=True)]
    b = [(y[0] * x[0][a] + y[1] * x[1][a]) / 2 for a in range(2)] + [(y[0] ** 2 + y[1] ** 2) / 2]
    variances = [Fraction(1)] * 6 + [rho] * 3

    def mean(polynomial: PolyElement) -> float:
        return float(_exact(polynomial, variances))

    first = np.array([mean(part) for part in b])
    second = np.array([[mean(one * two) for two in b] for one in b])
    signal = np.array([[mean(y[2] * x[2][a]) * first[j] for j in range(3)] for a in range(2)])
    scale_x, scale_b = (1.0, 1.0) if unit_inputs else (1 / np.sqrt(2), np.sqrt(2))
    scales = np.array([scale_b, scale_b, 1.0])

    covariance = np.array(factor) @ np.array(factor).T
    target = X**2 / 3 + X / 2 - sympy.Rational(1, 5)
    source = Source(target, float(rho), input_cov=covariance, input_mean=np.array(mu, dtype=float))
    law = GaussianInputs(source, 2, 2, unit_inputs)
    found = given_tasks(law, np.sqrt(2) * np.array([w], dtype=float))
    # y − ⟨Γ, H⟩ − γ by the definition, with Γ in the units of X and of (1/ℓ)Σ y X.
    inner, intercept = [["1/2", "-1", "1/4"], ["3/4", "1/2", "-1/2"]], Fraction(1, 4)
    gamma = np.array([[float(Fraction(entry)) for entry in row] for row in inner]) / (scale_x * scales) * change
    left = y[2] - rational(intercept)
    for a in range(2):
        for j in range(3):
            left -= rational(Fraction(inner[a][j])) * x[2][a] * b[j]
    error = mean(left**2)
    query = np.array([mean(x[2][a] ** 2) for a in range(2)])
    # Rounding: a few hundred nodes, and numbers below 100 here.
    tolerance = 1024 * np.finfo(float).eps * 100
    pairs: list[tuple[Any, Any]] = [
        (found.b, first * scales * change),
        (found.second, second * np.outer(scales, scales)),
        (found.signal, scale_x * signal * scales),
        (found.linear_errors(gamma.reshape(6, 1), np.array([float(intercept)]))[0], error),
        (found.label, mean(y[2])),
        (found.square_h, scale_x**2 * query.sum() * np.sum(np.diag(second) * scales**2)),
    ]
    return all(bool(np.abs(np.asarray(one) - two).max() <= tolerance) for one, two in pairs)


def check() -> list[Step]:
    """The steps of the argument, each verified."""
    return [
        Step(
            "X = μ + r g + e with e independent of (g, y) and Cov(e) = Σ − rrᵀ gives E[yX], E[y²XXᵀ], E[y³X] as stated",
            _one_pair(), "all μ, Σ, σ*",
            tex=r"$X=\mu+rg+e$ with $e$ independent of $(g,y)$ and $\operatorname{Cov}(e)=\Sigma-rr^\top$ gives $\mathbb{E}[yX]$,"
            r" $\mathbb{E}[y^2XX^\top]$ and $\mathbb{E}[y^3X]$ as stated.",
        ),
        Step(
            "of the ℓ² pairs of indices ℓ are equal, so that products of averages have mean E[fg]/ℓ + (1 − 1/ℓ) E[f]E[g]",
            _sums_over_pairs(), "all ℓ",
            tex=r"Of the $\ell^2$ pairs of indices $\ell$ are equal, so that products of averages have mean"
            r" $\frac1\ell\mathbb{E}[fg]+(1-\frac1\ell)\mathbb{E}[f]\mathbb{E}[g]$.",
        ),
        Step(
            "over uniform directions E[uuᵀ] = I/d, and odd moments vanish, as u and −u have one law", _uniform_directions(), "d ≤ 4",
            tex=r"Over uniform directions $\mathbb{E}[uu^\top]=I/d$, and odd moments vanish, as $u$ and $-u$ have one law.",
        ),
        Step(
            "the library's moments and its error of a linear head are those of the definition, in the inputs of [RT]",
            _library(unit_inputs=False), "d = ℓ = 2, one quadratic σ*, one μ, Σ and head",
            tex=r"The library's moments and its error of a linear head are those of the definition, in inputs of variance $1/d$.",
        ),
        Step(
            "and in those of [DM]", _library(unit_inputs=True), "d = ℓ = 2, one quadratic σ*, one μ, Σ and head",
            tex=r"And in inputs of variance $1$.",
        ),
    ]
