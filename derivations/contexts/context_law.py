r"""The sufficient statistics of a context can be drawn at a cost of O(ℓ + d), exactly.

Route 1 is the argument: orthogonal parts of a Gaussian vector are independent, labels see one of them, and a weighted sum of independent
Gaussians is one Gaussian. Route 2 knows nothing of it: for polynomial targets it expands mixed moments of (Σ y_i x_i, y) in the underlying
standard normals, for the definition and for the representation.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations_with_replacement
from typing import Any

import sympy
from sympy.polys.rings import PolyElement, ring

from derivations import Step

STATEMENT = r"""Let ξ ≠ 0, u = ξ/‖ξ‖, s = ‖ξ‖/√d, x_i ~ N(0, I_d/d), y_i = σ*(ξᵀx_i) + ε_i for i = 1…ℓ, all independent. Then, jointly,
(y_1, …, y_ℓ, Σ y_i x_i) = (y_1, …, y_ℓ, u Σ y_i g_i/√d + ‖y‖ (I − uuᵀ) w) in law, where y_i = σ*(s g_i) + ε_i on the right,
g_1, …, g_ℓ ~ N(0,1) and w ~ N(0, I_d/d) independent. For x_i ~ N(0, Σ): g_i = ξᵀx_i/√(ξᵀΣξ), Σξ/√(ξᵀΣξ) in place of u/√d, and
w ~ N(0, Σ − Σξξᵀ Σ/(ξᵀΣξ)) in place of (I − uuᵀ)w. For x_i ~ N(μ, Σ) the labels are y_i = σ*(ξᵀμ + √(ξᵀΣξ) g_i) + ε_i, and μ Σ y_i is
added."""

ASSUMPTIONS = """x_i Gaussian, independent of each other and of the noise ε; σ* measurable; d, ℓ ≥ 1; ξᵀΣξ > 0. No limit is taken."""

TITLE = "The law of a context's sufficient statistics"

STATEMENT_TEX = r"""Let $\xi\ne0$, $u=\xi/\|\xi\|$, $s=\|\xi\|/\sqrt d$, $x_i\sim\mathcal{N}(0,I_d/d)$ and $y_i=\sigma_*(\xi^\top
x_i)+\epsilon_i$, all independent. Then
in law, jointly with the labels,
\[ \sum_iy_ix_i=\frac u{\sqrt d}\sum_iy_ig_i+\|y\|\,(I-uu^\top)w,\qquad y_i=\sigma_*(sg_i)+\epsilon_i, \]
with $g_1,\dots,g_\ell\sim\mathcal{N}(0,1)$ and $w\sim\mathcal{N}(0,I_d/d)$ independent. For $x_i\sim\mathcal{N}(0,\Sigma)$ replace
$u/\sqrt d$ by
$\Sigma\xi/\sqrt{\xi^\top\Sigma\xi}$, $g_i$ by $\xi^\top x_i/\sqrt{\xi^\top\Sigma\xi}$ and $(I-uu^\top)w$ by
$\mathcal{N}(0,\Sigma-\Sigma\xi\xi^\top\Sigma/(\xi^\top\Sigma\xi))$; for a mean $\mu$ the labels are
$y_i=\sigma_*(\xi^\top\mu+\sqrt{\xi^\top\Sigma\xi}\,g_i)+\epsilon_i$, and $\mu\sum_iy_i$ is added."""

ASSUMPTIONS_TEX = (
    r"$x_i$ Gaussian, independent of each other and of the noise; $\sigma_*$ measurable; $d,\ell\ge1$; $\xi^\top\Sigma\xi>0$. No"
    r" limit is taken."
)


def _projection(d: int) -> tuple[sympy.Matrix, sympy.Expr, sympy.Matrix]:
    """ξ of symbols, ‖ξ‖², and ‖ξ‖²(I − uuᵀ), a polynomial."""
    xi = sympy.Matrix(sympy.symbols(f"xi1:{d + 1}", real=True))
    square = (xi.T * xi)[0]
    return xi, square, square * sympy.eye(d) - xi * xi.T


def _is_zero(matrix: sympy.Matrix) -> bool:
    """Whether all entries, polynomials, vanish identically."""
    return bool(matrix.expand().is_zero_matrix)


def _labels_see_one_part() -> bool:
    for d in (1, 2, 3, 4):
        xi, square, project = _projection(d)
        omega, g, norm = sympy.Matrix(sympy.symbols(f"w1:{d + 1}")), sympy.Symbol("g"), sympy.Symbol("n", positive=True)
        # √d ‖ξ‖² x, and its product with ξ after ‖ξ‖² for the square of the norm.
        x = g * norm * xi + project * omega
        if sympy.expand((xi.T * x)[0] - norm * square * g) != 0:
            return False
    # All d: ξᵀ(I − uuᵀ) = ‖ξ‖ (uᵀ − (uᵀu) uᵀ) = 0, a consequence of uᵀu = 1 alone.
    uu = sympy.Symbol("uu")
    return bool((1 - uu).subs(uu, 1) == 0)


def _parts_are_uncorrelated() -> bool:
    # Cov(uᵀx, (I − uuᵀ)x) = uᵀ (I/d)(I − uuᵀ) = 0, and Cov((I − uuᵀ)x) = (I − uuᵀ)/d by idempotence.
    for d in (1, 2, 3, 4):
        xi, square, project = _projection(d)
        if not (_is_zero(xi.T * project) and _is_zero(project * project - square * project)):
            return False
    return True


def _characteristic_functions_multiply() -> bool:
    # E[exp(i θᵀ Σ y_i P x_i) | y] = Π exp(−q y_i²), q = θᵀPθ/(2d): by induction over ℓ, exp(−q N) exp(−q y²) = exp(−q (N + y²)), which is
    # the characteristic function of √(N + y²) P w at θ. The empty sum is the base.
    q, n, y = sympy.symbols("q n y", real=True)
    induction = sympy.simplify(sympy.exp(-q * n) * sympy.exp(-q * y**2) - sympy.exp(-q * (n + y**2)))
    return bool(induction == 0 and sympy.exp(-q * n).subs(n, 0) == 1)


def _general_covariance() -> bool:
    # Regress x on ξᵀx: the remainder is uncorrelated with it, and has the covariance stated.
    for d in (1, 2, 3):
        xi = sympy.Matrix(sympy.symbols(f"xi1:{d + 1}", real=True))
        sigma = sympy.Matrix(d, d, lambda i, j: sympy.Symbol(f"S{min(i, j)}{max(i, j)}"))
        variance = sympy.expand((xi.T * sigma * xi)[0])
        # Both identities times powers of ξᵀΣξ > 0, as polynomials.
        remainder = (variance * sympy.eye(d) - sigma * xi * xi.T).expand()
        uncorrelated = (remainder * sigma).expand()
        if not (_is_zero(uncorrelated * xi) and _is_zero(uncorrelated * remainder.T - variance * uncorrelated)):
            return False
    return True


def _gaussian_mean(polynomial: PolyElement, variances: list[Fraction]) -> Fraction:
    """E over independent centred normals: x^{2j} becomes (2j − 1)!! Var(x)^j, odd powers vanish."""
    total = Fraction(0)
    for powers, coefficient in polynomial.terms():
        if all(power % 2 == 0 for power in powers):
            term = Fraction(int(coefficient.numerator), int(coefficient.denominator))
            for power, variance in zip(powers, variances, strict=True):
                term *= int(sympy.factorial2(power - 1)) * variance ** (power // 2) if power else 1
            total += term
    return total


IDENTITY = ((1, 0), (0, 1))
#: A factor A of Σ = AAᵀ, a mean, and w with Aᵀw = (3/5, 4/5), so that ω = 1.
SHEAR, MEAN = ((2, 0), (1, 1)), (Fraction(1, 2), Fraction(-1, 3))


def _moments_agree(
    stretch: Fraction = Fraction(1),
    order: int = 4,
    factor: tuple[tuple[int, int], ...] = IDENTITY,
    mean: tuple[Fraction, ...] = (Fraction(0), Fraction(0)),
    represented_mean: tuple[Fraction, ...] | None = None,
) -> bool:
    """Moments of (Σ y_i X_i, y_1, y_2) up to ``order``, d = ℓ = 2, X = μ + Az, for a target of degree two and noise.

    ``stretch`` multiplies the part across w in the representation, and ``represented_mean`` is its mean: any other value than 1 and the
    mean must be found wrong.
    """
    rho = Fraction(1, 3)
    q = (Fraction(3, 5), Fraction(4, 5))
    unit = Fraction(1)

    def rational(c: Fraction | str | int) -> Any:
        return sympy.QQ(Fraction(c).numerator, Fraction(c).denominator)

    # w solves Aᵀw = q for a lower triangular A.
    w2 = q[1] / factor[1][1]
    w = ((q[0] - factor[1][0] * w2) / factor[0][0], w2)
    shift = sum(a * b for a, b in zip(w, mean, strict=True))

    def image(vector: tuple[Fraction, Fraction]) -> list[Fraction]:
        return [row[0] * vector[0] + row[1] * vector[1] for row in factor]

    def label(argument: PolyElement, noise: PolyElement) -> PolyElement:
        return argument**2 / 3 + argument / 2 - sympy.Rational(1, 5) + noise

    literal, *symbols = ring("z11,z12,z21,z22,e1,e2", sympy.QQ)
    z, noise = [symbols[:2], symbols[2:4]], symbols[4:]
    x = [[rational(mean[a]) + rational(factor[a][0]) * zi[0] + rational(factor[a][1]) * zi[1] for a in range(2)] for zi in z]
    y = [label(rational(w[0]) * xi[0] + rational(w[1]) * xi[1], e) for xi, e in zip(x, noise, strict=True)]
    defined = [y[0] * x[0][a] + y[1] * x[1][a] for a in range(2)] + y
    definition_variances = [unit] * 4 + [rho] * 2

    # The part across is one normal here, times A(−q₂, q₁); n stands for ‖y‖.
    represented, *symbols = ring("g1,g2,e1,e2,v,n", sympy.QQ)
    g, noise, (v, norm) = symbols[:2], symbols[2:4], symbols[4:]
    labels = [label(rational(shift) + gi, e) for gi, e in zip(g, noise, strict=True)]
    along = labels[0] * g[0] + labels[1] * g[1]
    across = rational(stretch) * norm * v
    centre = mean if represented_mean is None else represented_mean
    r, side = image(q), image((-q[1], q[0]))
    representation = [
        rational(centre[a]) * (labels[0] + labels[1]) + rational(r[a]) * along + rational(side[a]) * across for a in range(2)
    ] + labels
    square = labels[0] ** 2 + labels[1] ** 2

    def without_norm(polynomial: PolyElement) -> PolyElement:
        # Odd powers of ‖y‖ come with odd powers of v, whose mean is zero.
        total = represented.zero
        for powers, coefficient in polynomial.terms():
            if powers[5] % 2 == 0:
                term = represented({(*powers[:5], 0): coefficient})
                total += term * square ** (powers[5] // 2)
        return total

    for length in range(1, order + 1):
        for which in combinations_with_replacement(range(4), length):
            one_side, other = literal.one, represented.one
            for i in which:
                one_side, other = one_side * defined[i], other * representation[i]
            average = _gaussian_mean(without_norm(other), [unit, unit, rho, rho, unit, unit])
            if _gaussian_mean(one_side, definition_variances) != average:
                return False
    return True


def check() -> list[Step]:
    """The steps of the argument, each verified."""
    return [
        Step(
            "ξᵀx_i = s g_i, g_i = √d uᵀx_i ~ N(0,1): a label sees the part of x_i along u only",
            _labels_see_one_part(),
            "all d",
            tex=r"$\xi^\top x_i=sg_i$ with $g_i=\sqrt d\,u^\top x_i\sim\mathcal{N}(0,1)$: a label sees the part of $x_i$ along $u$"
            r" only.",
        ),
        Step(
            "uᵀx_i and (I − uuᵀ)x_i are uncorrelated, being Gaussian independent; the latter is N(0, (I − uuᵀ)/d)",
            _parts_are_uncorrelated(),
            "d ≤ 4, all ξ; all d since uᵀu = 1",
            tex=r"$u^\top x_i$ and $(I-uu^\top)x_i$ are uncorrelated, hence independent; the latter is $\mathcal{N}(0,(I-uu^\top)/d)$.",
        ),
        Step(
            "given y, Σ y_i (I − uuᵀ)x_i has the characteristic function of ‖y‖ (I − uuᵀ) w, and y is independent of the x_i across u",
            _characteristic_functions_multiply(),
            "all ℓ, d",
            tex=r"Given $y$, $\sum y_i(I-uu^\top)x_i$ has the characteristic function of $\|y\|(I-uu^\top)w$.",
        ),
        Step(
            "x ~ N(0, Σ): x − Σξ ξᵀx/(ξᵀΣξ) is uncorrelated with ξᵀx and has covariance Σ − Σξξᵀ Σ/(ξᵀΣξ)",
            _general_covariance(),
            "d ≤ 3, all Σ and ξ",
            tex=r"$x\sim\mathcal{N}(0,\Sigma)$: $x-\Sigma\xi\,\xi^\top x/(\xi^\top\Sigma\xi)$ is uncorrelated with $\xi^\top x$ and"
            r" has the covariance stated.",
        ),
        Step(
            "definition and representation have the same moments of (Σ y_i x_i, y)",
            _moments_agree(),
            "order ≤ 4, d = ℓ = 2, one quadratic σ*",
            tex=r"Definition and representation have the same moments of $(\sum y_ix_i,y)$.",
        ),
        Step(
            "with a mean μ, Σ y_i X_i = μ Σ y_i + Σ y_i(X_i − μ): the same moments again",
            _moments_agree(order=2, factor=SHEAR, mean=MEAN),
            "order ≤ 2, d = ℓ = 2, one quadratic σ*, one μ and Σ",
            tex=r"With a mean, $\sum y_iX_i=\mu\sum y_i+\sum y_i(X_i-\mu)$: the same moments again.",
        ),
    ]
