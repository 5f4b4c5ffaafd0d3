"""One gradient step on the first layer: the gradient, its rank-one part, the order of what is left, and the two papers' ridges.

Route: the loss differentiated symbolically for an arbitrary σ; exponents of d for the norms; a Gaussian regression for the mean of the
rest; the library's gradient in between.
"""

from __future__ import annotations

import itertools
import math
from functools import cache
from typing import Any

import numpy as np
import sympy

from derivations import Step
from hermite_eq import Sizes, Task
from hermite_eq.models import OneStepTransformer, rt_ridge
from hermite_eq.simulate.training.draw import draw_run
from hermite_eq.simulate.training.heads import StepSource
from hermite_eq.simulate.training.onestep import gradients

TITLE = "Lemma 4.11: one gradient step is of rank one, up to what the label column adds"

STATEMENT = r"""With ŷ_j = w^Tσ(Fh_j)/√m, G = −∂_F (1/2n)Σ(y_j − ŷ_j)² = (1/(n√m)) Σ_j (y_j − ŷ_j)(w∘σ'(Fh_j))h_j^T
= u v^T + Δ, u = c₁ w, v = Σ y_j h_j/(n√m), Δ = (1/(n√m)) Σ_j y_j (w∘(σ'(Fh_j) − c₁))h_j^T − (1/(n√m)) Σ_j ŷ_j (w∘σ'(Fh_j))h_j^T. For
n, m ≍ d², t ≍ d, Cov(h) ≍ 1/d: ‖uv^T‖ ≍ d^{−3/2} and ‖Δ‖ = O(d^{−5/2}) up to logarithms. Where inputs have entries of O(1), Cov(h) has d
eigenvalues of O(1), from the column of b₂: there ‖Δ‖ ≍ d^{−2} from fluctuations, and its mean over contexts contains
(c₂E[y b₂²]/√m) diag(w)F on these d columns, of order d^{−3/2} as uv^T, if c₂E y ≠ 0. If there tasks have one direction γ of variance ≍ d²,
then E[yh] = a₁²γγ^T to leading order, ‖uv^T‖ ≍ d^{−1}, and ‖Δ‖/‖uv^T‖ = O(d^{−1/2})."""

ASSUMPTIONS = (
    "Isotropic tasks but in the last sentence, so that E[y h] is of norm O(d^{−1/2}); "
    "w independent of the data, its entries of random sign; "
    "norms of random matrices by their orders, logarithms dropped; "
    "the mean of Δ to first order in the Hermite expansion of σ'."
)

STATEMENT_TEX = r"""With $\hat y_j=m^{-1/2}w^\top\sigma(Fh_j)$,
\[ G=-\partial_F\frac1{2n}\sum_j(y_j-\hat y_j)^2=\frac1{n\sqrt m}\sum_j(y_j-\hat y_j)\bigl(w\circ\sigma'(Fh_j)\bigr)h_j^\top
=uv^\top+\Delta, \]
\[ u=c_1w,\quad v=\frac1{n\sqrt m}\sum_jy_jh_j. \]
For $n,m\asymp d^2$, $t\asymp d$ and $\operatorname{Cov}(h)\asymp1/d$: $\|uv^\top\|\asymp d^{-3/2}$ and $\|\Delta\|=O(d^{-5/2})$ up to
logarithms. Where inputs have entries of $O(1)$, $\operatorname{Cov}(h)$ has $d$ eigenvalues of $O(1)$, from the column of $b_2$: there
$\|\Delta\|\asymp d^{-2}$ from fluctuations, and its mean over contexts contains
$\frac{c_2\mathbb{E}[yb_2^2]}{\sqrt m}\operatorname{diag}(w)F$
on these $d$ columns, of order $d^{-3/2}$ as $uv^\top$, if $c_2\mathbb{E}\,y\ne0$. If there tasks have one direction $\gamma$ of variance
$\asymp d^2$, then $\mathbb{E}[yh]=a_1^2\gamma\gamma^\top$ to leading order, $\|uv^\top\|\asymp d^{-1}$, and
$\|\Delta\|/\|uv^\top\|=O(d^{-1/2})$."""

ASSUMPTIONS_TEX = (
    r"Isotropic tasks but in the last sentence, so that $\mathbb{E}[yh]$ is of norm $O(d^{-1/2})$;"
    r" $w$ is independent of the data, its entries of random sign;"
    r" norms of random matrices by their orders, logarithms dropped;"
    r" the mean of $\Delta$ to first order in the Hermite expansion of $\sigma'$."
)

_HALF = sympy.Rational(1, 2)
_ORDERS = "orders of magnitude, not a proof"


def _gradient(sign: int) -> list[Step]:
    m = n = width = 2
    c1, p, z = sympy.symbols("c_1 p z")
    # Exponentials, whose span is dense; c₁ stays free.
    sigma, slope = sympy.Lambda(z, sympy.exp(p * z)), sympy.Lambda(z, p * sympy.exp(p * z))
    f = sympy.Matrix(m, width, sympy.symbols("f:4"))
    h = sympy.Matrix(n, width, sympy.symbols("h:4"))
    w, y = sympy.Matrix(sympy.symbols("w:2")), sympy.Matrix(sympy.symbols("y:2"))
    pre = h * f.T
    root = sympy.sqrt(m)
    predicted = [sum(w[i] * sigma(pre[j, i]) for i in range(m)) / root for j in range(n)]
    loss = sum((y[j] - predicted[j]) ** 2 for j in range(n)) / (2 * n)
    by_formula, by_parts = True, True
    for i, a in itertools.product(range(m), range(width)):
        exact = -sympy.diff(loss, f[i, a])
        formula = sum((y[j] + sign * predicted[j]) * w[i] * slope(pre[j, i]) * h[j, a] for j in range(n)) / (n * root)
        by_formula &= sympy.expand(exact - formula) == 0
        spike = c1 * w[i] * sum(y[j] * h[j, a] for j in range(n)) / (n * root)
        rest = sum(y[j] * w[i] * (slope(pre[j, i]) - c1) * h[j, a] for j in range(n)) / (n * root)
        rest -= sum(predicted[j] * w[i] * slope(pre[j, i]) * h[j, a] for j in range(n)) / (n * root)
        by_parts &= sympy.expand(exact - spike - rest) == 0
    t = sympy.Symbol("t")
    stein = sympy.diff(sympy.exp(t**2 / 2), t) - t * sympy.exp(t**2 / 2)
    return [
        Step(
            "G is minus the derivative of (1/2n)Σ(y − ŷ)²",
            bool(by_formula),
            "all exponentials, m = n = 2, two entries of h",
            tex=r"$G$ is minus the derivative of $\frac1{2n}\sum(y-\hat y)^2$.",
        ),
        Step(
            "G = uvᵀ + Δ with u = c₁w",
            bool(by_parts),
            "all exponentials, m = n = 2, two entries of h",
            tex=r"$G=uv^\top+\Delta$ with $u=c_1w$.",
        ),
        Step(
            "E σ'(g) = E[g σ(g)] = c₁, on e^{tx}",
            sympy.simplify(stein) == 0,
            "all t",
            tex=r"$\mathbb{E}\,\sigma'(g)=\mathbb{E}[g\,\sigma(g)]=c_1$, on $e^{tx}$.",
        ),
    ]


def _orders(block: sympy.Expr | int, answer: int, aligned: sympy.Expr | int) -> list[Step]:
    # Exponents of d. n, m = d², so 1/(n√m) = −3; max|w_i| = −1; an m × n matrix of centred O(1) entries: 1, and not centred: 2.
    prefactor, largest_w, centred, full = sympy.Integer(-3), sympy.Integer(-1), sympy.Integer(1), sympy.Integer(2)
    # ‖H‖ over n contexts: √n times the root of the largest eigenvalue of Cov(h), which has at most n ≍ d² large ones.
    bulk, wide = 1 - _HALF, 1 + sympy.Rational(block) / 2
    # v = (1/√m)(E[yh] + noise), noise² = t E y²/n: −1 + max(−1/2, (1 − 2)/2).
    spike = -1 + sympy.Max(-_HALF, (sympy.Integer(1) - 2) / 2)
    # The two sums of Δ: diag(w)(σ' − c₁)diag(y)H with entries centred, and diag(w)σ' diag(ŷ)H; ŷ = wᵀσ/√m with random signs in w: −1.
    entries = sympy.Max(centred, full + answer)
    fluctuation, with_block = prefactor + largest_w + entries + bulk, prefactor + largest_w + entries + wide
    # diag(w) F Cov/√m on the d columns: F there is m × d with entries t^{−1/2}, norm √m t^{−1/2} = 1 − 1/2.
    mean_part = -1 + largest_w + (1 - _HALF) + block
    # Given u = ξ/‖ξ‖, E[yh] = a₁² uuᵀ with unit inputs; averaged, a₁²I/d or, where u = ±γ but with probability O(d^{−1/2}), a₁²γγᵀ.
    # Where b is along γ, it is of O(1) in one direction, as b₂ is: d eigenvalues of O(1) more, with the same orders.
    d, a = sympy.symbols("d a_1", positive=True)
    exponents = [sympy.limit(sympy.log(norm) / sympy.log(d), d, sympy.oo) for norm in (sympy.sqrt(d * (a**2 / d) ** 2), a**2)]
    strong = -1 + sympy.Max(aligned, (sympy.Integer(1) - 2) / 2)
    return [
        Step(
            "‖uvᵀ‖ ≍ d^{−3/2}, from E[yh] and from noise alike",
            spike == -sympy.Rational(3, 2),
            _ORDERS,
            tex=r"$\|uv^\top\|\asymp d^{-3/2}$, from $\mathbb{E}[yh]$ and from noise alike.",
        ),
        Step(
            "fluctuations: ‖Δ‖ = O(d^{−5/2}), a factor 1/d below",
            fluctuation == spike - 1,
            _ORDERS,
            tex=r"Fluctuations: $\|\Delta\|=O(d^{-5/2})$, a factor $1/d$ below.",
        ),
        Step(
            "with d eigenvalues of O(1): d^{−2} from fluctuations, d^{−3/2} from the mean, as uvᵀ",
            bool(with_block == -2 and mean_part == spike),
            _ORDERS,
            tex=r"With $d$ eigenvalues of $O(1)$: $d^{-2}$ from fluctuations, $d^{-3/2}$ from the mean, as $uv^\top$.",
        ),
        Step(
            "E[yh] is of norm d^{−1/2}; with one task direction of variance ≍ d², of norm 1: ‖Δ‖/‖uvᵀ‖ = O(d^{−1/2})",
            bool(exponents == [-_HALF, aligned] and sympy.Max(with_block, mean_part) - strong == -_HALF),
            _ORDERS,
            tex=r"$\mathbb{E}[yh]$ is of norm $d^{-1/2}$; with one task direction of variance $\asymp d^2$, of norm $1$:"
            r" $\|\Delta\|/\|uv^\top\|=O(d^{-1/2})$.",
        ),
    ]


@cache
def _mean_of_rest() -> Step:
    # σ' = c₁ + c₂ z: E[y (c₂ fᵀh) h] = c₂ E[y hhᵀ] f; on h = x b₂ with E[y xxᵀ | b₂] = E[y] I + O(1/d): c₂ E[y b₂²] f.
    y, b2, c2 = sympy.symbols("y b_2 c_2")
    x, f = sympy.Matrix(sympy.symbols("x:2")), sympy.Matrix(sympy.symbols("f:2"))
    h = b2 * x
    left = (y * c2 * (f.T * h)[0] * h).applyfunc(sympy.expand)
    averaged = left.applyfunc(lambda entry: sympy.expand(entry).subs({x[0] ** 2: 1, x[1] ** 2: 1}).subs(x[0] * x[1], 0))
    return Step(
        "for σ' = c₁ + c₂z: E[y(σ' − c₁)h] = c₂E[y hhᵀ]f, on h = xb₂ equal to c₂E[y b₂²] f",
        all(sympy.expand(averaged[i] - c2 * y * b2**2 * f[i]) == 0 for i in range(2)),
        "σ of degree 2",
        tex=r"For $\sigma'=c_1+c_2z$: $\mathbb{E}[y(\sigma'-c_1)h]=c_2\mathbb{E}[yhh^\top]f$, on $h=xb_2$ equal to"
        r" $c_2\mathbb{E}[yb_2^2]f$.",
    )


@cache
def _ridges() -> Step:
    # One feature: both problems minimised, and the predictions compared.
    a, y, w, lam, n, k, d = sympy.symbols("a y w lambda n k d", positive=True)
    theirs = sympy.solve(sympy.diff((y - w * a / sympy.sqrt(k)) ** 2 / n + lam * w**2, w), w)[0] * a / sympy.sqrt(k)
    ours = sympy.solve(sympy.diff((y - w * a) ** 2 + sympy.Symbol("l", positive=True) * n / d * w**2, w), w)[0] * a
    same = sympy.simplify(theirs - ours.subs(sympy.Symbol("l", positive=True), lam * d * k)) == 0
    return Step(
        "(1/n)Σ(y − k^{−1/2}wᵀσ)² + λ‖w‖² predicts as Σ(y − wᵀσ)² + (dkλ)(n/d)‖w‖²",
        bool(same and rt_ridge(0.5, 4, 3) == 6.0),
        "all λ, n, k, d",
        tex=r"$\frac1n\sum(y-k^{-1/2}w^\top\sigma)^2+\lambda\|w\|^2$ predicts as $\sum(y-w^\top\sigma)^2+(dk\lambda)\frac nd\|w\|^2$.",
    )


@cache
def _library() -> Step:
    sizes = Sizes(4, 4, math.inf, 9, 7)
    draw: Any = draw_run(Task("relu", 0.1), sizes, 1, True, np.float64, np.random.SeedSequence(1), True)
    model = OneStepTransformer("tanh", 1.0, 0.1)
    computed = gradients(StepSource(model.activation, False), draw.step, draw.layer, draw.start, draw.trace, [(9, 7)], [0, 9])[9, 7]
    h, y, w = draw.step.h(), draw.step.y, draw.start / math.sqrt(7)
    pre = h @ draw.layer.T
    literal = ((np.outer(w, y) - np.outer(w, w) @ np.tanh(pre).T / math.sqrt(7)) * (1 / np.cosh(pre) ** 2).T) @ h / (9 * math.sqrt(7))
    # Sums of 9 and 7 products, each rounded.
    bound = 64 * 9 * float(np.finfo(float).eps) * float(np.abs(literal).max())
    return Step(
        "the library's gradient is the formula with every array in full",
        bool(np.abs(computed.matrix - literal).max() < bound),
        "σ = tanh, d = 4",
        tex="The library's gradient is the formula with every array in full.",
    )


def check(sign: int = -1, block: sympy.Expr | int = 0, answer: int = -1, aligned: sympy.Expr | int = 0) -> list[Step]:
    """The argument, step by step; ``sign`` is that of ŷ in the residual, ``block``, ``answer`` and ``aligned`` are the exponents of the d
    eigenvalues, of ŷ, and of ‖E[yh]‖ under a task spike.
    """
    return [*_gradient(sign), *_orders(block, answer, aligned), _mean_of_rest(), _ridges(), _library()]
