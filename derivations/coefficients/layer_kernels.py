r"""The NTK of random layers from the gradients of a network, and the kernels of composed layers.

The route: gradients of polynomials in explicit Gaussian weights, averaged by Isserlis' theorem; the library composes dual activations.
"""

from __future__ import annotations

from collections.abc import Callable

import sympy

from derivations import Step
from hermite_eq.activations import activation
from hermite_eq.expansion import dual_activation, layer_kernel
from hermite_eq.expansion.kernels.dual import RHO, exact_dual
from hermite_eq.hermite import X

STATEMENT = r"""
f(x) = m^{-1/2} Σ_j a_j σ(w_jᵀx/√d), all parameters N(0, 1): E ⟨∇f(x), ∇f(x')⟩ = κ(ρ) + ρ κ'(ρ), for inputs of length √d and correlation ρ.
With layer l's pre-activations Gaussian of covariance Σ_l the same step gives Θ_{l+1} = Σ_{l+1} + (σ_w²/q_l) κ_l'(Σ_l/q_l) Θ_l.
"""

ASSUMPTIONS = "σ continuous with E σ'(g)² < ∞; widths to infinity one after another, from the input on."

TITLE = "Kernels of composed layers"

STATEMENT_TEX = r"""For $f(x)=m^{-1/2}\sum_ja_j\sigma(w_j^\top x/\sqrt d)$ with standard normal parameters and inputs of length $\sqrt d$
and correlation $\rho$, $\mathbb{E}\,\langle\nabla f(x),\nabla f(x')\rangle=\kappa(\rho)+\rho\,\kappa'(\rho)$. With layer $l$'s
pre-activations Gaussian of covariance $\Sigma_l$, $\Sigma_l(1)=q_l$, the same step gives
\[
\Theta_{l+1}=\Sigma_{l+1}+\frac{\sigma_w^2}{q_l}\kappa_l'(\Sigma_l/q_l)\,\Theta_l,\qquad
\Sigma_{l+1}=\sigma_w^2\kappa_l(\Sigma_l/q_l)+\sigma_b^2 .
\]"""

ASSUMPTIONS_TEX = (
    r"$\sigma$ continuous with $\mathbb{E}\,\sigma'(g)^2<\infty$; widths tend to infinity one after another, from the input on."
)


def _gaussian(polynomial: sympy.Expr, u: sympy.Symbol, v: sympy.Symbol) -> sympy.Expr:
    """E of a polynomial in standard normal u, v of correlation ρ: v = ρu + √(1 − ρ²)z."""
    z = sympy.Symbol("z")
    s = sympy.Symbol("s")
    expanded = sympy.Poly(sympy.expand(polynomial.subs(v, RHO * u + s * z)), u, z)
    total = sympy.Integer(0)
    for (i, j), weight in expanded.terms():
        if i % 2 == 0 and j % 2 == 0:
            total += weight * sympy.factorial2(i - 1) * sympy.factorial2(j - 1)
    return sympy.expand(total.subs(s, sympy.sqrt(1 - RHO**2)))


def _one_layer(neural: Callable[[sympy.Expr], sympy.Expr]) -> Step:
    """Gradients in a_j and in w_j of a cubic with free coefficients."""
    a, b, c = sympy.symbols("a b c", real=True)
    u, v = sympy.symbols("u v")
    sigma = a * X + b * X**2 + c * X**3
    first, second = sigma.subs(X, u), sigma.subs(X, v)
    # ∂f/∂a_j: E σ(u)σ(v). ∂f/∂w_j: E a² σ'(u)σ'(v) xᵀx'/d.
    gradients = _gaussian(first * second + RHO * sympy.diff(first, u) * sympy.diff(second, v), u, v)
    kernel = exact_dual(sigma)
    assert kernel is not None
    return Step(
        "E⟨∇f, ∇f'⟩ of one hidden layer is κ + ρκ', for ax + bx² + cx³",
        bool(sympy.expand(gradients - neural(kernel)) == 0),
        "all a, b, c, ρ",
        tex=r"$\mathbb{E}\,\langle\nabla f,\nabla f'\rangle$ of one hidden layer is $\kappa+\rho\kappa'$, for $ax+bx^2+cx^3$.",
    )


def _slopes() -> Step:
    names = ("relu", "abs", "erf", "gelu", "sin", "exp", "square")
    holds = True
    for name in names:
        kernel = dual_activation(name)
        assert kernel.exact is not None
        slope = kernel.slope.exact
        holds = holds and slope is not None and sympy.simplify(sympy.diff(kernel.exact, RHO) - slope) == 0
    return Step(
        "the library's E σ'(u)σ'(v), by parts, is the derivative of its κ",
        bool(holds), "relu, |x|, erf, GELU, sin, exp, square",
        tex=r"The library's $\mathbb{E}\,\sigma'(u)\sigma'(v)$, by parts, is the derivative of its $\kappa$.",
    )  # fmt: skip


def _depth() -> Step:
    """The network x ↦ a sum of products of L + 1 matrices: each of their gradients has the kernel ρ."""
    holds = all(
        sympy.expand(ntk - (depth + 1) * RHO) == 0
        for depth in range(1, 7)
        if (ntk := layer_kernel(["identity"] * depth).ntk_exact) is not None
    )
    return Step(
        "a linear network of L + 1 matrices has the NTK (L + 1)ρ, one ρ for each",
        bool(holds), "L ≤ 6", tex=r"A linear network of $L+1$ matrices has the NTK $(L+1)\rho$, one $\rho$ for each.",
    )  # fmt: skip


def _two_layers() -> Step:
    """σ₁ = x² and σ₂ = x²: κ of a Gaussian of covariance Σ is 2Σ² + q², by Isserlis at every layer."""
    w, b = sympy.symbols("w b", positive=True)
    numbers = {w: sympy.Rational(3, 2), b: sympy.Rational(1, 3)}
    first = w * RHO + b
    kernel, neural, q = first, first, w + b
    for _ in range(2):
        # E u²v² = q² + 2Σ², E (2u)(2v) = 4Σ.
        following = w * (q**2 + 2 * kernel**2) + b
        neural = following + 4 * w * kernel * neural
        kernel, q = following, w * 3 * q**2 + b
    layered = layer_kernel(["square", "square"], weight_variance=numbers[w], bias_variance=numbers[b])
    assert layered.nngp_exact is not None
    assert layered.ntk_exact is not None
    differences = [layered.nngp_exact - kernel.subs(numbers), layered.ntk_exact - neural.subs(numbers)]
    return Step(
        "two layers of x² with biases: the library's kernels are those by Isserlis' theorem, layer by layer",
        all(sympy.expand(difference) == 0 for difference in differences), "all ρ",
        tex=r"Two layers of $x^2$ with biases: the library's kernels are those by Isserlis' theorem, layer by layer.",
    )  # fmt: skip


def _portable() -> Step:
    """Hermite series of κ(√q x), summed, at the variance of a second layer: tanh, then erf."""
    kernel = layer_kernel(["tanh", "erf"])
    q = float(kernel.layers[1][0])
    inner = float(dual_activation("tanh").series(0.3)[0])
    # E erf(u)erf(v) with variance q: (2/π) arcsin(2Σ/(1 + 2q)).
    direct = 2 / sympy.pi.evalf() * sympy.asin(2 * inner / (1 + 2 * q))
    return Step(
        "tanh, then erf at the variance E tanh²: Williams' arcsine of the first layer's series",
        abs(float(kernel.nngp(0.3)) - float(direct)) < 1e-13, "ρ = 0.3",
        tex=r"Tanh, then erf at the variance $\mathbb{E}\tanh^2$: Williams' arcsine of the first layer's series.",
    )  # fmt: skip


def check(neural: Callable[[sympy.Expr], sympy.Expr] = lambda kernel: kernel + RHO * sympy.diff(kernel, RHO)) -> list[Step]:
    """The argument, step by step; ``neural`` replaces κ + ρκ'."""
    assert activation("square").expression == X**2
    return [_one_layer(neural), _slopes(), _depth(), _two_layers(), _portable()]
