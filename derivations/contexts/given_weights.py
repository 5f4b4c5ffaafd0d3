r"""Error of a linear head with given weights, on contexts with Gaussian inputs of any mean and covariance, given the task.

Route: the definition is expanded in the underlying standard normals, for polynomial targets, exactly, and stands against the library's
numbers. The moments of b are those of ``structured_covariance``.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import sympy
from sympy.polys.rings import PolyElement, ring

from derivations import Step

TITLE = "The error of a linear head with given weights"

STATEMENT = r"""X_i ~ N(μ, Σ), y_i = σ*(wᵀX_i) + ε_i, q = E[yX], b as in "A context with covariances and means"; for the query x = cX,
its label y and H = x bᵀ: E(y − ⟨Γ,H⟩ − γ)² = E[y²] − 2⟨Γ, c q E[b]ᵀ⟩ − 2γE[y] + 2γ⟨Γ, cμE[b]ᵀ⟩ + γ² + tr(Γᵀ E[xxᵀ] Γ E[bbᵀ]).
Over uniform directions u of the task E[uuᵀ] = I/d and odd moments vanish."""

ASSUMPTIONS = """Given w; the pairs (X_i, y_i), the query's included, are independent and identically distributed; E[y⁴] < ∞."""

STATEMENT_TEX = r"""Let $X_i\sim\mathcal{N}(\mu,\Sigma)$, $y_i=\sigma_*(w^\top X_i)+\epsilon_i$, $q=\mathbb{E}[yX]$, and
$b$ as for contexts with covariances and means. With the query $x=cX_{\ell+1}$, its label $y$ and $H=x\,b^\top$,
\begin{multline*}
\mathbb{E}(y-\langle\Gamma,H\rangle-\gamma)^2=\mathbb{E}[y^2]-2\langle\Gamma,c\,q\,\mathbb{E}[b]^\top\rangle-2\gamma\,\mathbb{E}[y]\\
+2\gamma\langle\Gamma,c\mu\,\mathbb{E}[b]^\top\rangle+\gamma^2+\operatorname{tr}(\Gamma^\top\mathbb{E}[xx^\top]\,\Gamma\,\mathbb{E}[bb^\top]).
\end{multline*}
Over uniform directions $u$ of the task $\mathbb{E}[uu^\top]=I/d$, and odd moments vanish."""

ASSUMPTIONS_TEX = (
    r"Given $w$; the pairs $(X_i,y_i)$, the query's included, are independent and identically distributed; $\mathbb{E}[y^4]<\infty$."
)


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
    from hermite_eq.simulate.laws.inputs import GaussianInputs
    from hermite_eq.simulate.laws.moments import given_tasks

    rho, factor, mu = Fraction(1, 4), ((2, 0), (1, 1)), (Fraction(1, 2), Fraction(-1, 4))
    # √d = √2 is irrational: the definition is expanded in inputs X and w = ξ/√d, and scaled by the powers of √2 afterwards.
    w = (Fraction(3, 4), Fraction(-1, 2))

    def rational(c: Fraction | str | int) -> Any:
        return sympy.QQ(Fraction(c).numerator, Fraction(c).denominator)

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
    second = np.array([[mean(row_entry * two) for two in b] for row_entry in b])
    signal = np.array([[mean(y[2] * x[2][a]) * first[j] for j in range(3)] for a in range(2)])
    scale_x, scale_b = (1.0, 1.0) if unit_inputs else (1 / np.sqrt(2), np.sqrt(2))
    scales = np.array([scale_b, scale_b, 1.0])

    covariance = np.array(factor) @ np.array(factor).T
    target = X**2 / 3 + X / 2 - sympy.Rational(1, 5)
    source = Source(target, float(rho), input_cov=covariance, input_mean=np.array(mu, dtype=float))
    law = GaussianInputs(source, 2, 2, unit_inputs)
    given = given_tasks(law, np.sqrt(2) * np.array([w], dtype=float))
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
        (given.b, first * scales * change),
        (given.second, second * np.outer(scales, scales)),
        (given.signal, scale_x * signal * scales),
        (given.linear_errors(gamma.reshape(6, 1), np.array([float(intercept)]))[0], error),
        (given.label, mean(y[2])),
        (given.square_h, scale_x**2 * query.sum() * np.sum(np.diag(second) * scales**2)),
    ]
    return all(bool(np.abs(np.asarray(row_entry) - two).max() <= tolerance) for row_entry, two in pairs)


def check() -> list[Step]:
    """The steps of the argument, each verified."""
    return [
        Step(
            "over uniform directions E[uuᵀ] = I/d, and odd moments vanish, as u and −u have one law",
            _uniform_directions(),
            "d ≤ 4",
            tex=r"Over uniform directions $\mathbb{E}[uu^\top]=I/d$, and odd moments vanish, as $u$ and $-u$ have one law.",
        ),
        Step(
            "the library's moments and its error of a linear head are those of the definition, in the inputs of [RT]",
            _library(unit_inputs=False),
            "d = ℓ = 2, one quadratic σ*, one μ, Σ and head",
            tex=r"The library's moments and its error of a linear head are those of the definition, in inputs of variance $1/d$.",
        ),
        Step(
            "and in those of [DM]",
            _library(unit_inputs=True),
            "d = ℓ = 2, one quadratic σ*, one μ, Σ and head",
            tex=r"And in inputs of variance $1$.",
        ),
    ]
