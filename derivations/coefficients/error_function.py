r"""Hermite coefficients and norms of erf and of GELU.

The route: smoothing by a sum of normals, differentiation in a parameter, and power series of Gaussians.
"""

from __future__ import annotations

import sympy

from derivations import Step
from derivations.coefficients.gaussian_exponentials import derivative_factors
from hermite_eq.expansion.exact import exact_coefficients, exact_inner, general_coefficient
from hermite_eq.hermite import X

STATEMENT = r"""
E erf(a(g + t) + b) = erf((at + b)/√(1 + 2a²)), so that c_k(erf(ax + b)) is its k-th derivative at t = 0.
E erf(sg)² = (2/π) arcsin(2s²/(1 + 2s²)).
GELU, σ(x) = xΦ(x):  S'' = (3/2 − t²/4) e^{−t²/4}/(2√π), hence c_k = (−1/2)^{k/2−1} (k+1) (k−3)!!/(4√π)
for even k ≥ 2, and 0 for odd k ≥ 3;  E σ² = 1/3 + √3/(6π).
"""

ASSUMPTIONS = "a, b real; g ~ N(0, 1); Φ the normal distribution function, so Φ(x) = (1 + erf(x/√2))/2."

TITLE = "Coefficients of the error function and of GELU"

STATEMENT_TEX = r"""$\mathbb{E}\operatorname{erf}(a(g+t)+b)=\operatorname{erf}\bigl((at+b)/\sqrt{1+2a^2}\bigr)$, so that
$c_k(\operatorname{erf}(ax+b))$ is its $k$-th
derivative at $t=0$, and $\mathbb{E}\operatorname{erf}(sg)^2=\frac2\pi\arcsin\frac{2s^2}{1+2s^2}$. For GELU, $\sigma(x)=x\Phi(x)$,
$S(t)=\mathbb{E}\,\sigma(g+t)$ has $S''=\bigl(\frac32-\frac{t^2}4\bigr)\frac{e^{-t^2/4}}{2\sqrt\pi}$, hence
\[ c_k=\frac{(-1/2)^{k/2-1}(k+1)\,(k-3)!!}{4\sqrt\pi}\quad(k\ge2\text{ even}),\qquad c_k=0\quad(k\ge3\text{ odd}),\qquad
\mathbb{E}\,\sigma^2=\frac13+\frac{\sqrt3}{6\pi}. \]"""

ASSUMPTIONS_TEX = r"$a,b$ real; $g\sim\mathcal{N}(0,1)$; $\Phi(x)=(1+\operatorname{erf}(x/\sqrt2))/2$."

_REACH = 10


def _gaussian_mean(width: sympy.Expr, slope: sympy.Expr) -> sympy.Expr:
    """E exp(−width g²/2 − slope g), by completing the square."""
    return sympy.exp(slope**2 / (2 * (1 + width))) / sympy.sqrt(1 + width)


def _smoothing() -> Step:
    a, b = sympy.symbols("a b", real=True)
    # ∂_b E erf(ag + b) = (2/√π) E e^{−(ag+b)²}; both sides of the claim are odd in b, so agree at b = 0.
    left = 2 / sympy.sqrt(sympy.pi) * sympy.exp(-(b**2)) * _gaussian_mean(2 * a**2, 2 * a * b)
    claim = sympy.erf(b / sympy.sqrt(1 + 2 * a**2))
    holds = sympy.simplify(left - sympy.diff(claim, b)) == 0 and claim.subs(b, 0) == 0
    return Step(
        "∂_b E erf(ag + b) is a Gaussian integral: that of erf(b/√(1 + 2a²))",
        bool(holds),
        "all k",
        tex=r"$\partial_b\,\mathbb{E}\operatorname{erf}(ag+b)$ is a Gaussian integral, that of $\operatorname{erf}(b/\sqrt{1+2a^2})$.",
    )


def _coefficients() -> Step:
    a = sympy.Symbol("a", positive=True)
    t = sympy.Symbol("t")
    b = sympy.Rational(2, 5)
    s = sympy.erf((a * t + b) / sympy.sqrt(1 + 2 * a**2))
    library = exact_coefficients(sympy.erf(a * X + b), _REACH)
    assert library is not None
    slope, width = sympy.diff(s, t).subs(t, 0), 1 + 2 * a**2
    # S' is a constant times exp(−(at + b)²/(1 + 2a²)).
    factors = derivative_factors(-2 * a * b / width, -2 * a**2 / width, _REACH - 1)
    holds = sympy.simplify(s.subs(t, 0) - library[0]) == 0
    holds = holds and all(sympy.cancel(factor - c / slope) == 0 for factor, c in zip(factors, library[1:], strict=True))
    return Step(
        "erf(ax + 2/5): the derivatives of S at 0 are the library's c_k",
        holds,
        f"k ≤ {_REACH}",
        tex=r"$\operatorname{erf}(ax+\frac25)$: the derivatives of $S$ at $0$ are the library's $c_k$.",
    )


def _norm() -> Step:
    s = sympy.Symbol("s", positive=True)
    # d/ds E erf(sg)² = (4/√π) E[g erf(sg) e^{−s²g²}]. Under the tilt g has variance v = 1/(1+2s²) and mass
    # √v, and integration by parts makes it (4/√π) √v · v · (2s/√π) E e^{−s²vz²} = (8s/π) v^{3/2} (1 +
    # 2s²v)^{−1/2}.
    v = 1 / (1 + 2 * s**2)
    slope = 8 * s / sympy.pi * v ** sympy.Rational(3, 2) / sympy.sqrt(1 + 2 * s**2 * v)
    claim = 2 / sympy.pi * sympy.asin(2 * s**2 / (1 + 2 * s**2))
    difference = sympy.simplify(slope**2 - sympy.diff(claim, s) ** 2)
    library = exact_inner(sympy.erf(s * X), sympy.erf(s * X))
    holds = difference == 0 and claim.subs(s, 0) == 0 and library is not None and sympy.simplify(library - claim) == 0
    return Step(
        "d/ds E erf(sg)² by parts equals d/ds (2/π) arcsin(2s²/(1+2s²)) (both positive, squares equal), zero at s = 0",
        bool(holds),
        "all s > 0",
        tex=r"$\frac d{ds}\mathbb{E}\operatorname{erf}(sg)^2$ by parts equals $\frac d{ds}\frac2\pi\arcsin\frac{2s^2}{1+2s^2}$; both"
        r" sides vanish at $s=0$.",
    )


def _gelu_second_derivative() -> Step:
    t = sympy.Symbol("t", real=True)
    phi = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    gelu = X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2
    inside = sympy.simplify(sympy.diff(gelu, X, 2) - (2 - X**2) * phi)
    # E[(2 − (g+t)²) φ(g+t)]: the product of the densities of g and of φ(· + t) is e^{−t²/4}/(2√π) times
    # that of N(−t/2, 1/2).
    mean_square = (t / 2) ** 2 + sympy.Rational(1, 2)
    smoothed = (2 - mean_square) * sympy.exp(-(t**2) / 4) / (2 * sympy.sqrt(sympy.pi))
    exponents = sympy.expand(-(X**2) / 2 - (X + t) ** 2 / 2 - (-((X + t / 2) ** 2) - t**2 / 4))
    claim = (sympy.Rational(3, 2) - t**2 / 4) * sympy.exp(-(t**2) / 4) / (2 * sympy.sqrt(sympy.pi))
    holds = inside == 0 and exponents == 0 and sympy.simplify(smoothed - claim) == 0
    return Step(
        "GELU'' = (2 − x²)φ, whose smoothing is (3/2 − t²/4) e^{−t²/4}/(2√π)",
        bool(holds),
        "all k",
        tex=r"$\mathrm{GELU}''=(2-x^2)\varphi$, whose smoothing is $(\frac32-\frac{t^2}4)e^{-t^2/4}/(2\sqrt\pi)$.",
    )


def _gelu_for_all_k() -> Step:
    general = general_coefficient(X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2)
    assert general is not None
    n = sympy.Symbol("n", integer=True, positive=True)

    def power(m: sympy.Expr) -> sympy.Expr:
        """[t^{2m}] e^{−t²/4}."""
        return sympy.Rational(-1, 4) ** m / sympy.factorial(m)

    # c_{2n+2} = (2n)! [t^{2n}] S''
    series = (sympy.Rational(3, 2) * power(n) - power(n - 1) / 4) * sympy.factorial(2 * n) / (2 * sympy.sqrt(sympy.pi))
    even = general.even.subs(general.k, 2 * n + 2)
    ratio = sympy.simplify(sympy.gammasimp((series / even).rewrite(sympy.gamma)))
    first = sympy.Rational(3, 2) / (2 * sympy.sqrt(sympy.pi)) - general(2)
    holds = ratio == 1 and first == 0 and general.odd == 0 and general.valid_from == 2
    return Step(
        "GELU: the power series of S'' is the library's closed form for even k ≥ 2, odd k vanish",
        bool(holds),
        "all k",
        tex=r"GELU: the power series of $S''$ is the library's closed form for even $k\ge2$; odd $k$ vanish.",
    )


def _gelu_norm() -> Step:
    gelu = X * (1 + sympy.erf(X / sympy.sqrt(2))) / 2
    density = sympy.exp(-(X**2) / 2) / sympy.sqrt(2 * sympy.pi)
    mean_density2 = sympy.integrate(density**3, (X, -sympy.oo, sympy.oo))
    # E[g · gΦ²] = E[Φ² + 2gΦφ] by parts; E Φ² = 1/3 since Φ(g) is uniform; and gφ² = −(φ²)'/2, so E[gΦφ] =
    # E[φ²]/2.
    by_parts = sympy.simplify(X * density**2 + sympy.diff(density**2, X) / 2)
    total = sympy.Rational(1, 3) + mean_density2
    library = exact_inner(gelu, gelu)
    return Step(
        "E g²Φ(g)² = E Φ² + 2 E[gΦφ] = 1/3 + E φ(g)² = 1/3 + 1/(2π√3)",
        library is not None and by_parts == 0 and sympy.simplify(library - total) == 0,
        "all k",
        tex=r"$\mathbb{E}\,g^2\Phi(g)^2=\mathbb{E}\,\Phi^2+2\,\mathbb{E}[g\Phi\varphi]=\frac13+\mathbb{E}\,\varphi(g)^2=\frac13+\frac1{2\pi\sqrt3}$.",
    )


def check() -> list[Step]:
    """The argument, step by step."""
    return [
        _smoothing(),
        _coefficients(),
        _norm(),
        _gelu_second_derivative(),
        _gelu_for_all_k(),
        _gelu_norm(),
    ]
