r"""The part of degree 2 of a head whose pre-activation is a sum over directions of b.

Route: expectations over Gaussian entries, monomial by monomial (SymPy), on queries of two or three entries; the counting of products; then
the library's weights, shares and variances.
"""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import sympy

from derivations import Step
from hermite_eq.theory.neuron_types.quadratics import QuadraticNodes, quadratic_nodes
from hermite_eq.theory.spectra.blocks import joint_side

TITLE = "Quadratic functions of the query, context by context"

STATEMENT = r"""Let z = Σ_a b_a f_aᵀx + w, f_a ~ N(0, r_aI), w of variance ρ² − Σ_a r_ab_a²‖x‖². Then σ(z) has in degree 2 the part
(c₂/2ρ²)(z² − ρ²), c₂ = E σ(ρg)He_2(g), and of it on functions of x alone (c₂/2ρ²)Q, Q = (Σ_a b_af_aᵀx)² − E_f:
(1) Q = Σ_{a≤b}(2−δ_ab) b_ab_b xᵀ(f_af_bᵀ − δ_ab r_a)x, and in an orthonormal basis B of the symmetric matrices the weights of
b_ab_b xᵀBx are uncorrelated, of mean zero and of variance 2r_a² for a = b, 4r_ar_b for a < b;
(2) E_f QQ' = 2(Σ_a r_ab_ab'_a)²(xᵀx')²; in particular E_f Q² = 2(Σ_a r_ab_a²)²‖x‖⁴, and ‖xxᵀ‖² = ‖x‖⁴;
(3) for x ~ N(0, diag σ) the off-diagonal functions √2 x_ix_j and the diagonal ones x_i² − σ_i have variances 2σ_iσ_j and 2σ_i²: each pair
i ≤ j counts with the product σ_iσ_j."""

ASSUMPTIONS = """The entries of a neuron are independent and Gaussian. That the functions act as Gaussian coordinates, each with its own
energy, and the remaining part of degree 2 as noise, is not proved: simulations test it."""

STATEMENT_TEX = r"""Let $z=\sum_ab_af_a^\top x+w$ with $f_a\sim\mathcal{N}(0,r_aI)$ and $w$ of variance
$\rho^2-\sum_ar_ab_a^2\|x\|^2$. Then $\sigma(z)$ has in degree 2 the part $\frac{c_2}{2\rho^2}(z^2-\rho^2)$,
$c_2=\mathbb{E}\,\sigma(\rho g)\mathrm{He}_2(g)$, and of it on functions of $x$ alone $\frac{c_2}{2\rho^2}Q$,
$Q=(\sum_ab_af_a^\top x)^2-\mathbb{E}_f$:
\begin{enumerate}
\item $Q=\sum_{a\le b}(2-\delta_{ab})\,b_ab_b\,x^\top(f_af_b^\top-\delta_{ab}r_a)x$, and in an orthonormal basis $B$ of the symmetric
matrices the weights of $b_ab_b\,x^\top Bx$ are uncorrelated, of mean zero and of variance $2r_a^2$ for $a=b$, $4r_ar_b$ for $a<b$;
\item $\mathbb{E}_fQQ'=2(\sum_ar_ab_ab_a')^2(x^\top x')^2$, in particular $\mathbb{E}_fQ^2=2(\sum_ar_ab_a^2)^2\|x\|^4$;
\item for $x\sim\mathcal{N}(0,\operatorname{diag}\sigma)$ the functions $\sqrt2x_ix_j$ and $x_i^2-\sigma_i$ have variances
$2\sigma_i\sigma_j$ and $2\sigma_i^2$, so that each pair $i\le j$ counts with the product $\sigma_i\sigma_j$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"The entries of a neuron are independent and Gaussian. That the functions act as Gaussian coordinates, each with its own energy, and"
    r" the remaining part of degree 2 as noise, is not proved: simulations test it."
)


def _mean(expression: sympy.Expr, variances: dict[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """E over independent centred Gaussians, monomial by monomial."""
    total = sympy.Integer(0)
    symbols = list(variances)
    for powers, coefficient in sympy.Poly(sympy.expand(expression), *symbols).terms():
        if all(power % 2 == 0 for power in powers):
            moments = [sympy.factorial2(p - 1) * variances[s] ** (p // 2) for s, p in zip(symbols, powers, strict=True)]
            total += coefficient * sympy.prod(moments)
    return sympy.expand(total)


def _basis(d: int) -> list[sympy.Matrix]:
    """Orthonormal symmetric matrices."""
    basis = []
    for i, j in itertools.combinations_with_replacement(range(d), 2):
        matrix = sympy.zeros(d, d)
        matrix[i, j] = matrix[j, i] = 1 if i == j else 1 / sympy.sqrt(2)
        basis.append(matrix)
    return basis


def _weights(factor: int) -> list[Step]:
    """(1) and (2) with two directions of b and queries of two entries."""
    d = 2
    r = sympy.symbols("r_1:3", positive=True)
    f = [sympy.Matrix(sympy.symbols(f"f_{a}_1:{d + 1}", real=True)) for a in range(2)]
    b, c = sympy.symbols("b_1:3", real=True), sympy.symbols("c_1:3", real=True)
    x, y = sympy.Matrix(sympy.symbols(f"x_1:{d + 1}", real=True)), sympy.Matrix(sympy.symbols(f"y_1:{d + 1}", real=True))
    variances = {entry: r[a] for a in range(2) for entry in f[a]}

    def quadratic(at: sympy.Matrix, by: tuple[sympy.Symbol, ...]) -> sympy.Expr:
        form = sum(by[a] * (f[a].T * at)[0] for a in range(2)) ** 2
        return sympy.expand(form - _mean(form, variances))

    pairs = [(0, 0), (0, 1), (1, 1)]
    matrices = {(p, q): f[p] * f[q].T - (r[p] * sympy.eye(d) if p == q else sympy.zeros(d, d)) for p, q in pairs}
    parts = sum((1 if p == q else 2) * b[p] * b[q] * (x.T * matrices[p, q] * x)[0] for p, q in pairs)
    decomposed = sympy.expand(quadratic(x, b) - parts) == 0
    # The weight of b_ab_b xᵀBx is (2 − δ) tr(B sym(f_af_bᵀ − …)).
    weights = {
        (pair, k): (1 if pair[0] == pair[1] else 2) * (B * (matrices[pair] + matrices[pair].T) / 2).trace()
        for pair in pairs for k, B in enumerate(_basis(d))
    }  # fmt: skip
    expected = {(p, q): (2 if p == q else 2 * factor) * r[p] * r[q] for p, q in pairs}
    uncorrelated = all(
        sympy.expand(_mean(weight * other, variances) - (expected[key[0]] if key == second else 0)) == 0
        for (key, weight), (second, other) in itertools.combinations_with_replacement(weights.items(), 2)
    )
    kernel = _mean(quadratic(x, b) * quadratic(y, c), variances)
    closed = 2 * sum(r[a] * b[a] * c[a] for a in range(2)) ** 2 * (x.T * y)[0] ** 2
    return [
        Step("Q = Σ (2−δ_ab) b_ab_b xᵀ(f_af_bᵀ − δ_ab r_a)x", bool(decomposed), "two directions, d = 2",
             tex=r"$Q=\sum_{a\le b}(2-\delta_{ab})b_ab_bx^\top(f_af_b^\top-\delta_{ab}r_a)x$."),
        Step("the weights are uncorrelated, of variance 2r_a² and 4r_ar_b", bool(uncorrelated), "two directions, d = 2",
             tex=r"The weights are uncorrelated, of variance $2r_a^2$ and $4r_ar_b$."),
        Step("E QQ' = 2(Σ r_ab_ab'_a)²(xᵀx')²", sympy.expand(kernel - closed) == 0, "two directions, d = 2",
             tex=r"$\mathbb{E}QQ'=2(\sum_ar_ab_ab_a')^2(x^\top x')^2$."),
    ]  # fmt: skip


@cache
def _shares() -> Step:
    sigma = sympy.symbols("sigma_1:4", positive=True)
    x = sympy.symbols("x_1:4", real=True)
    variances = dict(zip(x, sigma, strict=True))
    holds = True
    for B in _basis(3):
        form = (sympy.Matrix(x).T * B * sympy.Matrix(x))[0]
        variance = _mean(form**2, variances) - _mean(form, variances) ** 2
        i, j = (max(k for k in range(3) if B[k, :].norm() > 0), min(k for k in range(3) if B[k, :].norm() > 0))
        holds &= sympy.expand(variance - 2 * sigma[i] * sigma[j]) == 0
    return Step("Var xᵀBx = 2σ_iσ_j", bool(holds), "d = 3", tex=r"$\operatorname{Var}x^\top Bx=2\sigma_i\sigma_j$.")


def _against_library(change: float) -> Step:
    """Variance (2) and shares (3) on drawn nodes; b has two directions of their own and x one besides its bulk."""
    rng = np.random.default_rng(3)
    d, count = 8, 50
    inputs, context = np.diag([30.0, 2.0, 2.0, *[1.0] * (d - 3)]), np.diag([40.0, 30.0, *[1.0] * (d - 1)])
    both = joint_side([inputs]), joint_side([context])
    x, b = rng.standard_normal((count, d)), rng.standard_normal((count, d + 1))
    nodes = quadratic_nodes(both, x, b, [inputs], rng.standard_normal((1, d, d + 1)), np.zeros((0, d, d + 1)))
    assert isinstance(nodes, QuadraticNodes)
    r = rng.uniform(0.5, 1.5, (3, 6))
    first, second = (b[:, both[1].classes[i][0]] ** 2 for i in range(2))
    kinds = sorted({kind for pair in nodes.pairs for kind in pair})
    bulk = (x[:, both[0].classes[-1]] ** 2).sum(1)
    expected = 2 * (np.outer(r[:, kinds[0]], first) + np.outer(r[:, kinds[1]], second)) ** 2 * bulk**2
    variance = change * nodes.variance(nodes.weights(r))
    values = both[0].basis.T @ inputs @ both[0].basis
    eigenvalues = values.diagonal()[both[0].classes[-1]]
    products = sorted(p * q for p, q in itertools.combinations_with_replacement(eigenvalues, 2))
    listed = sorted(np.concatenate([np.repeat(v[0], copies) for v, copies in nodes.spectra]))
    # Sums of d² products of rounded numbers.
    close = 64 * d**2 * np.finfo(float).eps
    same = np.allclose(variance, expected, rtol=close, atol=0) and np.allclose(
        np.array(listed) * math.fsum(products), products, rtol=close, atol=0
    )
    return Step("the library's variances and shares are these", bool(same), "d = 8, a spike in x and two in b",
                tex=r"The library's variances and shares are these, for $d=8$, a spike in $x$ and two in $b$.")  # fmt: skip


def check(factor: int = 2, change: float = 1.0) -> list[Step]:
    """The argument; ``factor`` of the mixed pairs' variance, ``change`` of the library's variance."""
    return [*_weights(factor), _shares(), _against_library(change)]
