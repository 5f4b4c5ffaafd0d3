"""Averages over the law of a quadratic form, and of the ratio of two.

Route: the Gaussian tilt and Fourier inversion as identities of elementary functions, the substitution by its differential, and direct
double integrals in the plane by mpmath; the library's nodes at the end.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import mpmath
import numpy as np
import sympy

from derivations import Step
from hermite_eq.covariance.task_laws.direction import direction_nodes
from hermite_eq.covariance.task_laws.quadratic_form import curvature, group_nodes

TITLE = "The law of a quadratic form and of a ratio of two"

STATEMENT = r"""Q = Σλ_i(z_i + δ_i)², z ~ N(0, I): E[G(Q)T(z)] = ∫ G(q) (2πi)⁻¹ ∫ e^{K(s)−sq} E_s[T] ds dq for T = 1, z, zzᵀ, where
K(s) = Σ(−½ log(1−2λ_i s) + λ_iδ_i²s/(1−2λ_i s)) and under E_s the z_i are independent N(2sλ_iδ_i/(1−2sλ_i), 1/(1−2sλ_i)). With
½r² = sq − K(s) at the saddle K'(s) = q one has dq = (r/s) dr. For centred ξ, R = uᵀΣu, u = ξ/‖ξ‖:
E[G(R)uuᵀ] = ∫ G(ρ) E[ξξᵀ δ(Q − ρN)] dρ, N = ‖ξ‖²: the length cancels."""

ASSUMPTIONS = "λ_i > 0; G of moderate growth; Cov ξ of full rank, or u restricted to its range."

STATEMENT_TEX = r"""Let $Q=\sum\lambda_i(z_i+\delta_i)^2$ with $z\sim\mathcal{N}(0,I)$. For $T=1,z,zz^\top$
\[ \mathbb{E}[G(Q)T(z)]=\int G(q)\,\frac1{2\pi i}\int e^{K(s)-sq}\,\mathbb{E}_s[T]\,ds\,dq,\quad
K(s)=\sum_i\Bigl(-\tfrac12\log(1-2\lambda_is)+\frac{\lambda_i\delta_i^2s}{1-2\lambda_is}\Bigr), \]
where under $\mathbb{E}_s$ the $z_i$ are independent,
$\mathcal{N}\bigl(\frac{2s\lambda_i\delta_i}{1-2s\lambda_i},\frac1{1-2s\lambda_i}\bigr)$. With
$\frac12r^2=sq-K(s)$ at the saddle $K'(s)=q$ one has $dq=\frac rs\,dr$. For centred $\xi$ with direction $u=\xi/\|\xi\|$,
$Q=\xi^\top\Sigma\xi$ and $N=\|\xi\|^2$,
\[ \mathbb{E}[G(Q/N)\,uu^\top]=\int G(\rho)\,\mathbb{E}\bigl[\xi\xi^\top\delta(Q-\rho N)\bigr]\,d\rho. \]"""

ASSUMPTIONS_TEX = r"$\lambda_i>0$; $G$ is of moderate growth; $\operatorname{Cov}\xi$ has full rank, or $u$ is restricted to its range."

z, s, lam, delta, q, r = sympy.symbols("z s lambda delta q r", real=True)


def _tilt(mean: Callable[[sympy.Expr], sympy.Expr]) -> list[Step]:
    # −z²/2 + sλ(z + δ)² = −½(1 − 2sλ)(z − m)² + log-constant.
    w = 1 - 2 * s * lam
    m = mean(2 * s * lam * delta / w)
    exponent = -(z**2) / 2 + s * lam * (z + delta) ** 2
    constant = lam * delta**2 * s / w
    square = sympy.simplify(exponent - (-w * (z - m) ** 2 / 2 + constant)) == 0
    # The Gaussian integral supplies (1 − 2sλ)^{−1/2}.
    cumulant = -sympy.log(w) / 2 + constant
    first, second = (sympy.simplify(sympy.diff(cumulant, s, n).subs(s, 0)) for n in (1, 2))
    # E λ(z+δ)² = λ(1 + δ²), Var = 2λ²(1 + 2δ²).
    moments = sympy.simplify(first - lam * (1 + delta**2)) == 0 and sympy.simplify(second - 2 * lam**2 * (1 + 2 * delta**2)) == 0
    return [
        Step(
            "e^{sλ(z+δ)²} times the normal density is e^{K} times a normal density of mean 2sλδ/(1−2sλ), variance 1/(1−2sλ)",
            square,
            "all s < 1/(2λ)",
            tex=r"Completing squares, $e^{s\lambda(z+\delta)^2}$ times the normal density is $e^{K(s)}$ times the normal density stated.",
        ),
        Step(
            "K' and K'' at 0 are mean and variance of λ(z+δ)²",
            moments,
            "all λ, δ",
            tex=r"$K'(0)=\lambda(1+\delta^2)$ and $K''(0)=2\lambda^2(1+2\delta^2)$, mean and variance of $\lambda(z+\delta)^2$.",
        ),
    ]


def _size_bias(bias: float) -> Step:
    # v = 1 − 2sλ: ∫ z² e^{(1−v)z²/2} φ(z) dz, and the same transform of the density √q e^{−q/2}/√(2π) of χ²_3.
    v, square = sympy.symbols("v q", positive=True)
    root = sympy.sqrt(2 * sympy.pi)
    weighted = 2 * sympy.integrate(z**2 * sympy.exp(-v * z**2 / 2), (z, 0, sympy.oo)) / root
    chi = sympy.integrate(sympy.sqrt(square) * sympy.exp(-v * square / 2), (square, 0, sympy.oo)) / root
    # s = −1: E[e^{−Q} z_i²] = (1 + 2λ_i)^{−1} Π_j (1 + 2λ_j)^{−1/2}, by the library's nodes.
    levels = np.array([0.7, 2.0])
    nodes = group_nodes(levels, np.zeros(2), 4)
    averages = bias * (np.exp(-nodes.q) @ nodes.spread)
    expected = 1 / (1 + 2 * levels) / np.sqrt(np.prod(1 + 2 * levels))
    # Sums of some hundred terms, to their rounding.
    library = np.all(np.abs(averages - expected) <= 1000 * np.finfo(float).eps * expected)
    return Step(
        "for δ = 0 the weight z_i² replaces the factor (1−2sλ_i)^{−1/2} by (1−2sλ_i)^{−3/2}: z_i² becomes χ²_3",
        sympy.simplify(weighted - v ** sympy.Rational(-3, 2)) == 0 and sympy.simplify(weighted - chi) == 0 and bool(library),
        "all s < 1/(2λ); the library: n = 2",
        tex=r"For $\delta=0$ the weight $z_i^2$ turns the factor $(1-2s\lambda_i)^{-1/2}$ into $(1-2s\lambda_i)^{-3/2}$: $z_i^2$ becomes a"
        r" $\chi^2_3$ variable.",
    )


@cache
def _substitution() -> Step:
    # Along q = K'(s): d(sK' − K)/ds = s K'' = s dq/ds.
    K = sympy.Function("K")
    stationary = sympy.diff(s * sympy.diff(K(s), s) - K(s), s) - s * sympy.diff(K(s), s, 2)
    log_mass = -sympy.log(1 - 2 * s * lam) / 2
    half = s * sympy.diff(log_mass, s) - log_mass
    library = [float(curvature(np.array([x]))[0]) for x in (-3.0, -0.01, 0.02, 0.4)]
    with mpmath.workdps(40):
        exact = [float(mpmath.mpf(x) / (1 - mpmath.mpf(x)) + mpmath.log1p(-mpmath.mpf(x))) for x in (-3.0, -0.01, 0.02, 0.4)]
    x = sympy.Symbol("x")
    form = sympy.simplify(half.subs(s, x / (2 * lam)) - (x / (1 - x) + sympy.log(1 - x)) / 2) == 0
    close = all(abs(a - b) <= 8 * np.finfo(float).eps * abs(b) for a, b in zip(library, exact, strict=True))
    return Step(
        "d(sq − K)/dq = s at the saddle, so r dr = s dq; and sK' − K = ½(x/(1−x) + log(1−x)), x = 2λs, for a central term",
        sympy.expand(stationary) == 0 and form and close,
        "all K",
        tex=r"$\frac d{dq}(sq-K(s))=s$ at the saddle, so that $r\,dr=s\,dq$; for a central term"
        r" $sK'-K=\frac12\bigl(\frac x{1-x}+\log(1-x)\bigr)$ with $x=2\lambda s$.",
    )


def _plane(bias: float) -> list[Step]:
    """E[G(Q)zzᵀ] and E[G(R)uuᵀ] in the plane, in polar coordinates by mpmath, against the library's nodes."""
    levels, shifts = np.array([0.7, 2.0]), np.array([0.4, -0.3])

    # Polar coordinates: the trapezoid rule in the angle, Gauss-Legendre in the radius up to 10, where e^{−t²/2} is 2e-22.
    angle = 2 * np.pi * np.arange(160) / 160
    radius, weight = np.polynomial.legendre.leggauss(160)
    radius, weight = 5 * (radius + 1), 5 * weight
    x, y = np.outer(radius, np.cos(angle)), np.outer(radius, np.sin(angle))
    measure = (weight * radius * np.exp(-(radius**2) / 2))[:, None] / len(angle)
    value = measure / (1 + levels[0] * (x + shifts[0]) ** 2 + levels[1] * (y + shifts[1]) ** 2)
    exact = [float(np.sum(value * f)) for f in (1.0, x, y, x * x, x * y, y * y)]
    nodes = group_nodes(levels, shifts, 4)
    assert nodes.outer is not None
    weights = 1 / (1 + nodes.q)
    second = bias * (np.diag(weights @ nodes.spread) + np.tensordot(weights, nodes.outer, axes=1))
    moments = [weights @ nodes.mass, *(weights @ nodes.first), second[0, 0], second[0, 1], second[1, 1]]
    # The poles of 1/(1 + Q) are a distance of order one off the real radius and angle: 160 nodes of each are at rounding.
    plane_holds = bool(np.allclose(moments, exact, rtol=0, atol=1e-12))

    sigma, root = np.array([[2.0, 0.3], [0.3, 0.5]]), np.array([[1.0, 0.0], [0.6, 1.5]])
    inverse = np.linalg.inv(root @ root.T)
    ratio = direction_nodes(sigma, root, 4)
    count = 400
    u = np.stack([np.cos(2 * np.pi * np.arange(count) / count), np.sin(2 * np.pi * np.arange(count) / count)], axis=1)
    # The density of the direction of N(0, LLᵀ) in the plane is proportional to 1/(uᵀ(LLᵀ)⁻¹u).
    density = 1 / np.einsum("ni,ij,nj->n", u, inverse, u)
    values = density / density.sum() / (1 + np.einsum("ni,ij,nj->n", u, sigma, u))
    direct = np.einsum("n,ni,nj->ij", values, u, u)
    # In the plane the law of R ends in inverse square roots, where r resolves it to 1e-9.
    ratio_holds = bool(np.allclose(bias * np.tensordot(1 / (1 + ratio.rho), ratio.second, axes=1), direct, rtol=0, atol=1e-8))
    return [
        Step(
            "G = 1/(1+Q) in the plane: 1, z, zzᵀ by polar coordinates and by the library's contour sums",
            plane_holds,
            "n = 2, noncentral",
            tex=r"$G=1/(1+Q)$ in the plane: the averages with $1$, $z$, $zz^\top$ in polar coordinates are those of the contour sums.",
        ),
        Step(
            "N δ(Q − ρN) = δ(R − ρ) whatever the length; G = 1/(1+R) in the plane: E[G uuᵀ] from the density of the angle and by"
            " the library's sums",
            ratio_holds,
            "n = 2",
            tex=r"$N\,\delta(Q-\rho N)=\delta(R-\rho)$ whatever the length, so that $\xi\xi^\top\delta(Q-\rho N)=uu^\top\delta(R-\rho)$;"
            r" $G=1/(1+R)$ in the plane: $\mathbb{E}[G\,uu^\top]$ from the density of the angle is that of the contour sums.",
        ),
    ]


def check(mean: Callable[[sympy.Expr], sympy.Expr] = lambda m: m, bias: float = 1.0) -> list[Step]:
    """The argument, step by step; the tilted mean, and a factor of the library's second moments, may be replaced."""
    return [*_tilt(mean), _size_bias(bias), _substitution(), *_plane(bias)]
