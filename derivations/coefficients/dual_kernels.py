r"""Dual activations κ(ρ) = E[σ(u)σ(v)] by differentiating in the correlation.

The route: Price's theorem reduces a kernel to a Gaussian integral and two initial values; the library
integrates by parts.
"""

from __future__ import annotations

import sympy

from derivations import Step
from hermite_eq.expansion.exact import exact_coefficients
from hermite_eq.expansion.kernels.dual import RHO, exact_dual
from hermite_eq.hermite import X

STATEMENT = r"""
dⁿκ/dρⁿ = E[σ^{(n)}(u) σ^{(n)}(v)] (Price), since Mehler's series is Σ c_k² ρ^k/k! and c_k(σ') = c_{k+1}(σ).
Hence
    ReLU:  κ'' = E[δ(u)δ(v)] = 1/(2π√(1−ρ²)),  κ(0) = c_0² = 1/(2π),  κ'(0) = c_1² = 1/4;
    sign:  κ' = 4 E[δδ];      erf(sx):  κ' = (4s²/π) E e^{−s²(u²+v²)};
    GELU:  κ'' = E[(2−u²)(2−v²)φ(u)φ(v)].
"""

ASSUMPTIONS = "(u, v) standard normal with correlation ρ, |ρ| < 1; derivatives in the sense of distributions."

TITLE = "Closed forms of kernels"

STATEMENT_TEX = r"""For $\kappa(\rho)=\mathbb{E}[\sigma(u)\sigma(v)]$, $d^n\kappa/d\rho^n=\mathbb{E}[\sigma^{(n)}(u)\sigma^{(n)}(v)]$
(Price), since Mehler's series is
$\sum c_k^2\rho^k/k!$ and $c_k(\sigma')=c_{k+1}(\sigma)$. Hence, for the Dirac mass $\delta$,
\begin{align*}
\text{ReLU:}\quad&\kappa''=\mathbb{E}[\delta(u)\delta(v)]=\frac1{2\pi\sqrt{1-\rho^2}},\quad\kappa(0)=\frac1{2\pi},\quad\kappa'(0)=\frac14;\\
\text{sign:}\quad&\kappa'=4\,\mathbb{E}[\delta(u)\delta(v)];\qquad
\operatorname{erf}(sx):\quad\kappa'=\frac{4s^2}\pi\,\mathbb{E}\,e^{-s^2(u^2+v^2)};\\
\text{GELU:}\quad&\kappa''=\mathbb{E}[(2-u^2)(2-v^2)\varphi(u)\varphi(v)].
\end{align*}"""

ASSUMPTIONS_TEX = r"$(u,v)$ standard normal with correlation $\rho$, $|\rho|<1$; derivatives in the sense of distributions."


def _gaussian_mass(p: sympy.Expr) -> sympy.Expr:
    """E e^{−p(u²+v²)/2}: det(I + pΣ)^{−1/2}."""
    sigma = sympy.Matrix([[1, RHO], [RHO, 1]])
    return 1 / sympy.sqrt(sympy.factor((sympy.eye(2) + p * sigma).det()))


def _price() -> Step:
    k = sympy.Symbol("k", integer=True, positive=True)
    c = sympy.Symbol("c")
    termwise = sympy.diff(c**2 * RHO**k / sympy.factorial(k), RHO) - c**2 * RHO ** (k - 1) / sympy.factorial(k - 1)
    return Step(
        "Σ c_k² ρ^k/k! differentiated term by term is the same series of c_{k+1} = c_k(σ')",
        bool(sympy.simplify(sympy.gammasimp(termwise.rewrite(sympy.gamma))) == 0),
        "all k",
        tex=r"$\sum c_k^2\rho^k/k!$ differentiated term by term is the same series of $c_{k+1}=c_k(\sigma')$.",
    )


def _ends(sigma: sympy.Expr, order: int, derivative: sympy.Expr, claim: str) -> Step:
    """κ^{(order)} is ``derivative`` and the lower derivatives at 0 are c_k²."""
    kernel = exact_dual(sigma)
    c = exact_coefficients(sigma, order)
    assert kernel is not None
    assert c is not None
    holds = sympy.simplify(sympy.diff(kernel, RHO, order) - derivative) == 0
    for k in range(order):
        holds = holds and sympy.simplify(sympy.diff(kernel, RHO, k).subs(RHO, 0) - c[k] ** 2) == 0
    return Step(
        claim,
        bool(holds),
        "all ρ",
        tex=r"The derivative of the library's kernel is as stated, and its lower derivatives at $0$ are $c_k^2$: ReLU, sign, $|x|$,"
        r" $\operatorname{erf}(sx)$, GELU.",
    )


def _joint_density() -> list[Step]:
    """φ_ρ/(√φ√φ) as the library sums it, and Schur's test: ∫ of it over y, where |x| ≥ T at most √(2/(1 + ρ²)) e^{−s²T²/(4(1 + ρ²))}."""
    x, y = sympy.symbols("x y", real=True)
    rho = sympy.Symbol("rho", real=True)
    square, both = 1 - rho**2, 1 + rho**2
    # −log of the densities without their constants.
    joint = (x**2 - 2 * rho * x * y + y**2) / (2 * square) - (x**2 + y**2) / 4
    claimed = both / (4 * square) * (y - 2 * rho / both * x) ** 2 + square * x**2 / (4 * both)
    # A Gaussian integral over y of that width, over the constant √(2π)s.
    row = sympy.sqrt(4 * sympy.pi * square / both) / sympy.sqrt(2 * sympy.pi * square)
    bound = sympy.simplify(row**2 - 2 / both)
    return [
        Step("φ_ρ(x, y)/√(φ(x)φ(y)) is a Gaussian in y − 2ρx/(1 + ρ²) times one in x", sympy.simplify(joint - claimed) == 0, "all ρ, x, y",
             tex=r"$\varphi_\rho(x,y)/\sqrt{\varphi(x)\varphi(y)}$ is a Gaussian in $y-2\rho x/(1+\rho^2)$ times one in $x$."),
        Step("its integral over y is √(2/(1 + ρ²)) e^{−s²x²/(4(1 + ρ²))} < 2e^{…}: on |x| ≥ T a bound of its norm (Schur)", bound == 0,
             "all ρ", tex=r"Its integral over $y$ is $\sqrt{2/(1+\rho^2)}\,e^{-s^2x^2/(4(1+\rho^2))}$, $s^2=1-\rho^2$: on $|x|\ge T$ a"
             r" bound of its norm (Schur's test)."),
    ]  # fmt: skip


def check() -> list[Step]:
    """The argument, step by step."""
    s = sympy.Symbol("s", positive=True)
    density = 1 / (2 * sympy.pi * sympy.sqrt(1 - RHO**2))
    # Under φ(u)φ(v) the precision of (u, v) grows by I: covariance C = (Σ^{−1} + I)^{−1}.
    sigma = sympy.Matrix([[1, RHO], [RHO, 1]])
    c = (sigma.inv() + sympy.eye(2)).inv().applyfunc(sympy.simplify)
    # E[(2−u²)(2−v²)] = 4 − 2(C₁₁ + C₂₂) + C₁₁C₂₂ + 2C₁₂² (Isserlis)
    fourth = 4 - 2 * (c[0, 0] + c[1, 1]) + c[0, 0] * c[1, 1] + 2 * c[0, 1] ** 2
    gelu = X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2
    unit = sympy.Integer(1)
    return [
        _price(),
        *_joint_density(),
        _ends(sympy.Max(X, 0), 2, density, "ReLU: κ'' is the joint density at the origin"),
        _ends(sympy.sign(X), 1, 4 * density, "sign: κ' is four times the joint density at the origin"),
        _ends(sympy.Abs(X), 2, 4 * density, "|x|: κ'' is four times the joint density at the origin"),
        _ends(
            sympy.erf(s * X),
            1,
            4 * s**2 / sympy.pi * _gaussian_mass(2 * s**2),
            "erf(sx): κ' is a Gaussian integral",
        ),
        _ends(
            gelu,
            2,
            fourth * _gaussian_mass(unit) / (2 * sympy.pi),
            "GELU: κ'' is a Gaussian moment of order four (Isserlis)",
        ),
    ]
