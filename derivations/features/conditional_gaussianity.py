"""Corollary 2: given ξ and F, (Fᵀh, ξᵀx) is a mixture over b of Gaussians whose covariances concentrate.

Route: h is linear in the query; the law of total covariance; Isserlis' theorem for the size of the fluctuations.
"""

from __future__ import annotations

from functools import cache
from itertools import product

import numpy as np
import sympy

from derivations import Step
from derivations.contexts.context_covariance import _gaussian_mean
from hermite_eq import Task
from hermite_eq.covariance import covariance

TITLE = "Corollary 2: joint Gaussianity given the task"

STATEMENT = r"""Given (ξ, F, b), (Fᵀh, ξᵀx) is exactly Gaussian: it is the image of x ~ N(0, I_d/d) under (Fᵀ(I_d ⊗ b), ξᵀ), with the
covariance
[Fᵀ(I ⊗ bbᵀ)F, Fᵀ(ξ ⊗ b); ·, ‖ξ‖²]/d. Over b its mean is the covariance of (Fᵀh, ξᵀx) given (ξ, F). An entry (i, i) is ‖b‖²/t up to
O(d^{−1/2}), an entry (i, j) has mean square ‖b‖⁴/(d t²) over F, an entry with ξᵀx mean square s²‖b‖²/(d t), all of them after averaging
over F;
the fourth cumulant of the mixture is three times the variance of its variance."""

ASSUMPTIONS = "x independent of (b, ξ, F); F_ij ~ N(0, 1/t) independent; E‖b‖⁴ < ∞."

STATEMENT_TEX = r"""Given $(\xi,F,b)$, the vector $(F^\top h,\xi^\top x)$ is exactly Gaussian, the image of $x\sim\mathcal{N}(0,I_d/d)$
under
$\bigl(F^\top(I_d\otimes b),\,\xi^\top\bigr)$:
\[ \operatorname{Cov}(F^\top h,\xi^\top x\mid\xi,F,b)=\frac1d\begin{pmatrix}F^\top(I_d\otimes bb^\top)F&F^\top(\xi\otimes b)\\
\cdot&\|\xi\|^2\end{pmatrix}, \]
whose mean over $b$ is the covariance of $(F^\top h,\xi^\top x)$ given $(\xi,F)$. Over $F$ an entry $(i,i)$ has mean $\|b\|^2/t$ and
variance
$2\|b\|^4/(dt^2)$, an entry $(i,j)$ mean $0$ and variance $\|b\|^4/(dt^2)$, an entry with $\xi^\top x$ variance $s^2\|b\|^2/(dt)$. A
Gaussian
mixture over variances has the fourth cumulant $3\operatorname{Var}(\text{variance})$, which here is $O(1/d)$."""

ASSUMPTIONS_TEX = r"$x$ is independent of $(b,\xi,F)$; $F_{ij}\sim\mathcal{N}(0,1/t)$ independent; $\mathbb{E}\|b\|^4<\infty$."


@cache
def _linear() -> Step:
    for d, m in ((1, 2), (2, 2), (3, 1)):
        x, xi = sympy.Matrix(sympy.symbols(f"x0:{d}")), sympy.Matrix(sympy.symbols(f"xi0:{d}"))
        b = sympy.Matrix(sympy.symbols(f"b0:{d + 1}"))
        F = sympy.Matrix(d * (d + 1), m, lambda i, j: sympy.Symbol(f"F{i}_{j}"))
        h = sympy.kronecker_product(x, b)
        lifted = F.T * sympy.kronecker_product(sympy.eye(d), b)
        covariance_ = lifted * lifted.T - F.T * sympy.kronecker_product(sympy.eye(d), b * b.T) * F
        cross = lifted * xi - F.T * sympy.kronecker_product(xi, b)
        zero = [*(F.T * h - lifted * x), *covariance_, *cross]
        if any(sympy.expand(entry) != 0 for entry in zero):
            return _linear_step(False)
    return _linear_step(True)


def _linear_step(holds: bool) -> Step:
    return Step(
        "Fᵀ(x ⊗ b) = [Fᵀ(I ⊗ b)]x; (I ⊗ b)(I ⊗ b)ᵀ = I ⊗ bbᵀ and (I ⊗ b)ξ = ξ ⊗ b",
        holds,
        "d ≤ 3; all d by the mixed product rule",
        tex=r"$F^\top(x\otimes b)=[F^\top(I\otimes b)]\,x$, $(I\otimes b)(I\otimes b)^\top=I\otimes bb^\top$ and $(I\otimes"
        r" b)\xi=\xi\otimes b$.",
    )


def _fluctuations(off_diagonal: sympy.Expr) -> list[Step]:
    """Over F, by Isserlis' theorem, entries written with a common b: q_ij = (1/d) Σ_a (f_{i,a}ᵀb)(f_{j,a}ᵀb)."""
    t, norm2, s2, d_ = sympy.symbols("t B s2 d", positive=True)
    holds = {"diagonal": True, "off": True, "cross": True}
    for d in (1, 2, 3):
        # f_{i,a}ᵀb ~ N(0, ‖b‖²/t), independent over i and a.
        f = sympy.symbols(f"f0:{d}", real=True)
        g = sympy.symbols(f"g0:{d}", real=True)
        variances = dict.fromkeys((*f, *g), norm2 / t)
        off = sum(fi * gi for fi, gi in zip(f, g, strict=True)) / sympy.Integer(d)
        diagonal = sum(fi**2 for fi in f) / sympy.Integer(d)
        mean = _gaussian_mean(diagonal, variances)
        holds["diagonal"] &= sympy.expand(mean - norm2 / t) == 0
        holds["diagonal"] &= sympy.simplify(_gaussian_mean(diagonal**2, variances) - mean**2 - 2 * norm2**2 / (d * t**2)) == 0
        holds["off"] &= (
            sympy.simplify(_gaussian_mean(off**2, variances) - off_diagonal.subs({sympy.Symbol("B", positive=True): norm2, d_: d})) == 0
        )
        # (1/d) Σ_a ξ_a f_aᵀb with Σ ξ_a² = d s²: here ξ_a = √s².
        cross = sum(sympy.sqrt(s2) * fi for fi in f) / sympy.Integer(d)
        holds["cross"] &= sympy.simplify(_gaussian_mean(cross**2, variances) - s2 * norm2 / (d * t)) == 0
    return [
        Step(
            "entry (i, i): mean ‖b‖²/t, variance 2‖b‖⁴/(dt²)",
            bool(holds["diagonal"]),
            "d ≤ 3; all d, a sum of d independent terms",
            tex=r"Entry $(i,i)$, $\frac1d\sum_a(f_{i,a}^\top b)^2$: mean $\|b\|^2/t$, variance $2\|b\|^4/(dt^2)$.",
        ),
        Step(
            "entry (i, j): mean square ‖b‖⁴/(dt²)",
            bool(holds["off"]),
            "d ≤ 3; all d, a sum of d independent terms",
            tex=r"Entry $(i,j)$, $\frac1d\sum_a(f_{i,a}^\top b)(f_{j,a}^\top b)$: mean square $\|b\|^4/(dt^2)$.",
        ),
        Step(
            "entry with ξᵀx: mean square s²‖b‖²/(dt)",
            bool(holds["cross"]),
            "d ≤ 3; all d, a sum of d independent terms",
            tex=r"Entry with $\xi^\top x$, $\frac1d\sum_a\xi_a\,f_{i,a}^\top b$: mean square $s^2\|b\|^2/(dt)$.",
        ),
    ]


@cache
def _mixture() -> Step:
    # x = √V g: E x⁴ − 3(E x²)² = 3E V² − 3(E V)².
    V, W = sympy.symbols("V W")
    fourth = 3 * W - 3 * V**2
    return Step(
        "fourth cumulant of √V g: 3 E V² − 3 (E V)² = 3 Var V",
        sympy.expand(fourth - 3 * (W - V**2)) == 0,
        "all mixtures",
        tex=r"The fourth cumulant of $\sqrt V g$ is $3\,\mathbb{E}V^2-3(\mathbb{E}V)^2=3\operatorname{Var}V$.",
    )


@cache
def _total() -> Step:
    """The mean over b of the conditional covariance is the library's, at d = 3, exactly over 64 sign patterns for b."""
    rng = np.random.default_rng(0)
    d, xi, F = 3, np.array([0.3, -1.2, 0.7]), rng.standard_normal((12, 4))
    joint = covariance(Task("tanh", noise=0.2)).given(xi, context=5)
    root = np.linalg.cholesky(joint.second_b - np.outer(joint.mean_b, joint.mean_b))
    signs = np.array(list(product([-1.0, 1.0], repeat=d + 1)))
    draws = joint.mean_b + signs @ root.T  # mean and second moment those of b
    total = np.zeros((5, 5))
    for b in draws:
        lifted = np.vstack([F.T @ np.kron(np.eye(d), b[:, None]), xi])
        total += lifted @ lifted.T / d / len(draws)
    gap = np.abs(total - joint.matrix(F)).max() / np.abs(total).max()
    # Sixteen products of numbers of size 1.
    return Step(
        "the mean over b is the library's covariance given (ξ, F)",
        bool(gap < 1e-13),
        "one case, d = 3",
        tex=r"The mean over $b$ is the library's covariance given $(\xi,F)$, by the law of total covariance ($\mathbb{E}[h\mid b]=0$).",
    )


def check(off_diagonal: sympy.Expr | None = None) -> list[Step]:
    """The argument, step by step; ``off_diagonal`` replaces ‖b‖⁴/(dt²) (symbols B, d, t)."""
    B, d, t = sympy.symbols("B d t", positive=True)
    return [_linear(), _total(), *_fluctuations(B**2 / (d * t**2) if off_diagonal is None else off_diagonal), _mixture()]
