r"""Moments of a layer's features, given its weights: first order in the correlations of its pre-activations.

The route: Isserlis' theorem for cubics with free coefficients, the arcsine law of the error function, and averages over neurons against
the kernel of composed layers; the library has coefficients at every neuron's own mean and variance.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import sympy

from derivations import Step
from hermite_eq.activations import activation
from hermite_eq.expansion import dual_activation
from hermite_eq.hermite import X
from hermite_eq.models import LinearTransformer, Sizes
from hermite_eq.theory import Population, given_features, given_moments, icl_error
from hermite_eq.theory.feature_law.head import affine_moments

STATEMENT = r"""
z jointly Gaussian, z_j = m_j + s_j g_j, correlations ω_ij of g, and y jointly Gaussian with z. With c_kj = E[σ(m_j + s_j g)He_k(g)]:
E σ(z_j) = c_0j, Cov(σ(z_i), σ(z_j)) = Σ_{k≥1} c_ki c_kj ω_ij^k/k! = c_1i c_1j ω_ij + O(ω²) for i ≠ j, Var σ(z_j) = E σ² − c_0j²,
Cov(σ(z_j), y) = (c_1j/s_j) Cov(z_j, y).
"""

ASSUMPTIONS = "Gaussian pre-activations given θ, Lipschitz σ; Σ ω_ij² over the neurons j of one i stays bounded (it is m/D)."

TITLE = "Moments of features given the weights"

STATEMENT_TEX = r"""Let $z$ be jointly Gaussian, $z_j=m_j+s_jg_j$, with correlations $\omega_{ij}$ of $g$, and $y$ jointly Gaussian with
$z$. With $c_{kj}=\mathbb{E}[\sigma(m_j+s_jg)\mathrm{He}_k(g)]$,
\[
\mathbb{E}\,\sigma(z_j)=c_{0j},\qquad
\operatorname{Cov}(\sigma(z_i),\sigma(z_j))=\sum_{k\ge1}\frac{c_{ki}c_{kj}}{k!}\omega_{ij}^k
=c_{1i}c_{1j}\omega_{ij}+O(\omega^2)\quad(i\ne j),
\]
$\operatorname{Var}\sigma(z_j)=\mathbb{E}\sigma^2-c_{0j}^2$ and
$\operatorname{Cov}(\sigma(z_j),y)=(c_{1j}/s_j)\operatorname{Cov}(z_j,y)$."""

ASSUMPTIONS_TEX = (
    r"Gaussian pre-activations given $\theta$, Lipschitz $\sigma$; $\sum_j\omega_{ij}^2$ over the neurons stays bounded (it is $m/D$)."
)

_A, _B, _C = sympy.symbols("a b c", real=True)
_CUBIC = _A * X + _B * X**2 + _C * X**3
_OMEGA = sympy.Symbol("omega", real=True)


def _mean(polynomial: sympy.Expr, u: sympy.Symbol, v: sympy.Symbol) -> sympy.Expr:
    """E in standard normal u, v of correlation ω, by v = ωu + √(1 − ω²)z."""
    z, s = sympy.symbols("z s")
    total = sympy.Integer(0)
    for (i, j), weight in sympy.Poly(sympy.expand(polynomial.subs(v, _OMEGA * u + s * z)), u, z).terms():
        if i % 2 == 0 and j % 2 == 0:
            total += weight * sympy.factorial2(i - 1) * sympy.factorial2(j - 1)
    return sympy.expand(total.subs(s, sympy.sqrt(1 - _OMEGA**2)))


def _isserlis(slope: Callable[[sympy.Expr, sympy.Expr], sympy.Expr]) -> list[Step]:
    u, v = sympy.symbols("u v")
    m, n = sympy.symbols("m n", real=True)
    s, t = sympy.symbols("s_i s_j", positive=True)
    left, right = _CUBIC.subs(X, m + s * u), _CUBIC.subs(X, n + t * v)
    c0 = [_mean(left, u, v), _mean(right.subs(v, u), u, v)]
    c1 = [_mean(left * u, u, v), _mean(right.subs(v, u) * u, u, v)]
    covariance = sympy.expand(_mean(left * right, u, v) - c0[0] * c0[1])
    first = sympy.expand(covariance.coeff(_OMEGA, 0)), sympy.expand(covariance.coeff(_OMEGA, 1) - c1[0] * c1[1])
    # y = βs u + e: Cov(z, y) = βs², Cov(σ(z), y) = βs c_1.
    beta = sympy.Symbol("beta", real=True)
    label = sympy.expand(_mean(left * beta * s * u, u, v) - slope(c1[0], s) * beta * s**2)
    return [
        Step("Cov(σ(z_i), σ(z_j)) of cubics has no term of degree 0 in ω, and c_1i c_1j of degree 1", first == (0, 0), "all a, b, c, m, s",
             tex=r"$\operatorname{Cov}(\sigma(z_i),\sigma(z_j))$ of cubics has no term of degree $0$ in $\omega$, and $c_{1i}c_{1j}$ of"
             r" degree $1$."),
        Step("Cov(σ(z), y) = (c_1/s) Cov(z, y)", bool(sympy.simplify(label) == 0), "all a, b, c, m, s",
             tex=r"$\operatorname{Cov}(\sigma(z),y)=(c_1/s)\operatorname{Cov}(z,y)$."),
    ]  # fmt: skip


def _neurons() -> Step:
    """Means m = √a g of neurons, variance 1 − a about them: E c_0² = κ(a), E(c_1/s)² = κ'(a), E(E σ²) = κ(1)."""
    g, w = np.polynomial.hermite_e.hermegauss(120)
    w = w / w.sum()
    worst = 0.0
    for name, a in (("tanh", 0.3), ("gelu", 0.4), ("softplus", 0.6)):
        kernel, s = dual_activation(name), math.sqrt(1 - a)
        c0, c1, norm2 = affine_moments(activation(name), np.full(g.size, s), 1, shifts=math.sqrt(a) * g)
        moments = np.array([w @ c0**2, w @ (c1 / s) ** 2, w @ norm2])
        worst = max(worst, float(np.abs(moments - [kernel(a), kernel.slope(a), kernel(1.0)]).max()))
    return Step(
        "over neurons whose means are Gaussian of variance a, E c_0² = κ(a), E(c_1/s)² = κ'(a): the kernel of composed layers about a",
        worst < 1e-10, "tanh, GELU, softplus",
        tex=r"Over neurons whose means are Gaussian of variance $a$, $\mathbb{E}\,c_0^2=\kappa(a)$ and"
        r" $\mathbb{E}(c_1/s)^2=\kappa'(a)$: the kernel of composed layers about $a$.",
    )  # fmt: skip


def _arcsine() -> Step:
    """erf: Cov = (2/π) arcsin(2Σ_ij/√((1 + 2Σ_ii)(1 + 2Σ_jj))), at D = 200 neurons of 400 inputs."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((400, 200)) / 20
    error = given_features([W], ["erf"], given_moments([Population(np.eye(400), np.ones(400) / 20, square=2.0)])).training[0]
    covariance = W.T @ W
    size = np.sqrt(1 + 2 * covariance.diagonal())
    exact = 2 / np.pi * np.arcsin(2 * covariance / np.outer(size, size))
    signal = 2 / math.sqrt(math.pi) / size * (W.T @ (np.ones(400) / 20))
    # The next term is c_3²ω³/6 < ω³ c_*².
    omega = np.abs(covariance / np.sqrt(np.outer(covariance.diagonal(), covariance.diagonal())))
    allowed = 0.05 * omega**3 + 1e-14
    matrix = np.asarray(error.covariance)
    close = bool((np.abs(matrix - exact) <= allowed).all() and np.abs(error.signal - signal).max() < 1e-14)
    return Step(
        "of erf the library's second moments differ from the arcsine law by O(ω³), and its E[φy] not at all", close, "D = 400, m = 200",
        tex=r"Of erf the library's second moments differ from the arcsine law by $O(\omega^3)$, and its $\mathbb{E}[\phi y]$ not at all.",
    )  # fmt: skip


def _linear() -> Step:
    """Square orthogonal layers of x ↦ x change nothing: ridge regression on h itself."""
    rng = np.random.default_rng(1)
    inputs = given_moments([Population(np.diag(np.linspace(0.5, 1.5, 12)), np.linspace(0.1, 0.3, 12), square=2.0)])
    layers = [np.linalg.qr(rng.standard_normal((12, 12)))[0] for _ in range(3)]
    sizes = Sizes(3, 3, math.inf, samples=40)
    model = LinearTransformer(ridge=0.2)
    by_model, by_features = icl_error(model, inputs, sizes), icl_error(model, given_features(layers, ["identity"] * 3, inputs), sizes)
    return Step(
        "rotations as layers without a nonlinearity leave the error as it is",
        abs(by_model.icl / by_features.icl - 1) < 1e-10,
        "three layers",
        tex="Rotations as layers without a nonlinearity leave the error as it is.",
    )


def check(slope: Callable[[sympy.Expr, sympy.Expr], sympy.Expr] = lambda c1, s: c1 / s) -> list[Step]:
    """The argument, step by step; ``slope`` replaces c_1/s."""
    return [*_isserlis(slope), _neurons(), _arcsine(), _linear()]
