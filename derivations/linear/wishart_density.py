r"""The exact mean spectrum of a real Wishart matrix.

Route: de Bruijn's Pfaffian of an antisymmetric matrix of double integrals, differentiated; against the exact integral for N = 2, and
against Wishart moments obtained by summing over pairings, which know nothing of densities.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import sympy

from derivations import Step
from derivations.linear.marchenko_pastur import wishart_trace_moment
from hermite_eq.theory.spectra.wishart import wishart_density

TITLE = "The mean spectrum of a real Wishart matrix"

STATEMENT = r"""The positive eigenvalues of ΞΞᵀ, Ξ of shape (d, k) with standard normal entries, N = min(d, k), a = |d − k|, have the
density ∝ |Δ(x)| Π x_i^{(a−1)/2} e^{−x_i/2}. For any φ_0, …, φ_{N−1} which span its weight times the polynomials of degree < N,
h_j(x) = ∫ sgn(y − x) φ_j(y) dy and A_{jl} = ∫ φ_j h_l (for odd N bordered by ∫ φ_j, with h_N = 1, φ_N = 0), their mean number per unit
length is ρ(x) = h(x)ᵀ A⁻¹ φ(x)."""

ASSUMPTIONS = """The joint density of the eigenvalues of a real Wishart matrix (Fisher, Hsu and Roy 1939)."""

STATEMENT_TEX = r"""The positive eigenvalues of $\Xi\Xi^\top$, $\Xi\in\mathbb{R}^{d\times k}$ with standard normal entries, $N=\min(d,k)$,
$a=|d-k|$, have the density $\propto|\Delta(x)|\prod x_i^{(a-1)/2}e^{-x_i/2}$. For any $\phi_0,\dots,\phi_{N-1}$ which span its weight
times the polynomials of degree $<N$, $h_j(x)=\int\operatorname{sgn}(y-x)\phi_j(y)\,dy$ and $A_{jl}=\int\phi_jh_l$ (for odd $N$ bordered
by $\int\phi_j$, with $h_N=1$, $\phi_N=0$), their mean number per unit length is
\[ \rho(x)=h(x)^\top A^{-1}\phi(x). \]"""

ASSUMPTIONS_TEX = r"The joint density of the eigenvalues of a real Wishart matrix (Fisher, Hsu and Roy 1939)."

x, y = sympy.symbols("x y", positive=True)


def _bordered(weight: sympy.Expr, size: int) -> tuple[sympy.Matrix, sympy.Matrix, sympy.Matrix]:
    """(A, h, φ) for φ_j = x^j w(x), exactly; even size."""
    phi = [x**j * weight for j in range(size)]
    h = [sympy.integrate(f.subs(x, y), (y, x, sympy.oo)) - sympy.integrate(f.subs(x, y), (y, 0, x)) for f in phi]
    A = sympy.Matrix(size, size, lambda j, m: sympy.integrate(sympy.expand(phi[j] * h[m]), (x, 0, sympy.oo)))
    return A, sympy.Matrix(h), sympy.Matrix(phi)


def _exact_density() -> tuple[sympy.Expr, sympy.Expr]:
    """(ρ by integration over the other eigenvalue, ρ by the formula) for N = 2, a = 1, where the weight is e^{−x/2}."""
    weight = sympy.exp(-x / 2)
    joint = weight * weight.subs(x, y)
    inside = sympy.integrate((x - y) * joint, (y, 0, x)) + sympy.integrate((y - x) * joint, (y, x, sympy.oo))
    inside = sympy.simplify(inside)
    A, h, phi = _bordered(weight, 2)
    return 2 * inside / sympy.integrate(sympy.expand(inside), (x, 0, sympy.oo)), (h.T * A.inv() * phi)[0, 0]


@cache
def _pfaffian_derivative() -> bool:
    """d log Pf A = ½ tr A⁻¹ dA for a general antisymmetric 4 × 4 matrix; with A' = ∫f(φhᵀ − hφᵀ) this is ∫ f hᵀA⁻¹φ."""
    entries = sympy.symbols("a01 a02 a03 a12 a13 a23")
    a01, a02, a03, a12, a13, a23 = entries
    A = sympy.Matrix([[0, a01, a02, a03], [-a01, 0, a12, a13], [-a02, -a12, 0, a23], [-a03, -a13, -a23, 0]])
    pfaffian = a01 * a23 - a02 * a13 + a03 * a12
    inverse = A.inv()
    same = all(sympy.simplify(sympy.diff(pfaffian, s) / pfaffian - (inverse * A.diff(s)).trace() / 2) == 0 for s in entries)
    phi, h = (sympy.Matrix(sympy.symbols(f"{name}0:4")) for name in ("p", "h"))
    change = phi * h.T - h * phi.T
    return bool(same and sympy.simplify((inverse * change).trace() / 2 - (h.T * inverse * phi)[0, 0]) == 0)


def check(change: Callable[[sympy.Expr], sympy.Expr] = lambda rho: rho, scale: float = 1.0) -> list[Step]:
    """The argument; ``change`` replaces the formula's density, ``scale`` the library's weights."""
    steps = [
        Step(
            "d log Pf A = ½ tr A⁻¹dA, and for dA = ∫f(φhᵀ − hφᵀ) this is ∫f hᵀA⁻¹φ",
            _pfaffian_derivative(),
            "all 4 × 4",
            tex=r"$d\log\operatorname{Pf}A=\frac12\operatorname{tr}A^{-1}dA$; for $dA=\int f\,(\phi h^\top-h\phi^\top)$ this is"
            r" $\int f\,h^\top A^{-1}\phi$.",
        )
    ]
    exact, formula = _exact_density()
    same = sympy.simplify(sympy.expand(change(formula) - exact)) == 0
    steps.append(
        Step(
            "ρ is the integral of the joint density over the other eigenvalue",
            same,
            "N = 2, a = 1",
            tex=r"$\rho$ is the integral of the joint density over the other eigenvalue.",
        )
    )
    d, k = sympy.symbols("d k", positive=True)
    worst = 0.0
    for j in (1, 2, 3):
        moment = sympy.lambdify((d, k), wishart_trace_moment(j, lengths=False) * k**j)
        for rows, columns in ((1, 3), (2, 2), (5, 4), (8, 3), (20, 31)):
            nodes, weights = wishart_density(rows, columns)
            worst = max(worst, abs(scale * float(weights @ nodes**j) / moment(rows, columns) - 1))
    steps.append(
        Step(
            "E tr Wʲ from the density equals the sum over pairings",
            worst < 1e-13,
            "j ≤ 3, five shapes, N even and odd",
            tex=r"$\mathbb{E}\operatorname{tr}W^j$ from the density equals the sum over pairings.",
        )
    )
    inverse = 0.0
    for rows, columns in ((3, 6), (4, 7), (30, 12)):
        nodes, weights = wishart_density(rows, columns)
        inverse = max(inverse, abs(scale * float(weights @ (1 / nodes)) * (abs(rows - columns) - 1) / min(rows, columns) - 1))
    steps.append(Step("E tr W⁻¹ = N/(a − 1)", inverse < 1e-13, "three shapes", tex=r"$\mathbb{E}\operatorname{tr}W^{-1}=N/(a-1)$."))
    rng = np.random.default_rng(0)
    draws = np.array([np.trace(np.linalg.inv(X @ X.T + np.eye(6))) for X in rng.standard_normal((4000, 6, 6))])
    nodes, weights = wishart_density(6, 6)
    score = (draws.mean() - scale * float(weights @ (1 / (nodes + 1)))) / (draws.std(ddof=1) / np.sqrt(draws.size))
    steps.append(
        Step(
            "E tr (W + 1)⁻¹ of drawn 6 × 6 matrices, |z| < 5",
            bool(abs(score) < 5),
            "one shape, 4000 draws",
            tex=r"$\mathbb{E}\operatorname{tr}(W+1)^{-1}$ of drawn $6\times6$ matrices, $|z|<5$.",
        )
    )
    return steps
