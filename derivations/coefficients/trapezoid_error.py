r"""The error bounds of the certified coefficients: the trapezoidal rule, Gauss panels, and the Gaussian tails.

Let F = σ h_k φ with h_k = He_k/√k! and φ the normal density, h > 0, T = (N + 1/2)h, and R the rectangle |Re z| ≤ T, |Im z| ≤ a.
"""

from __future__ import annotations

import math

import numpy as np
import sympy
from sympy import I, Rational, Symbol, binomial, conjugate, cot, exp, factorial, laguerre, log, oo, pi

from derivations import Step

STATEMENT = r"""
|h Σ_{|j| ≤ N} F(jh) − ∫_{−T}^{T} F|  ≤  2 e^{a²/2} √L_k(−a²) (∫_{−T}^{T} |σ(x+ia)|² φ)^{1/2} / (e^{2πa/h} − 1)
                                         + (2 h log 2/π) sup_{|y| ≤ a} |F(±T + iy)|,
with h_k replaced by σ and √L_k(−a²) by the same square root, the same for E σ²;
Gauss-Legendre with n ≥ 2 nodes on a panel of half length H, |F| ≤ M on the ellipse with semi-axes sum ρH:
error ≤ (64/15) H M ρ^{−2n}/(1 − ρ^{−2});
|He_k(x)| ≤ |x|^k for x² ≥ 2k + 1, and ∫_T^∞ e^G ≤ e^{G(T)}/(−G'(T)) for G concave with G'(T) < 0.
"""

ASSUMPTIONS = (
    "σ is analytic in a neighbourhood of the closed rectangle R (of the closed ellipse)",
    "σ(conj z) = conj σ(z)",
)

TITLE = "Error bounds of the certified coefficients"

STATEMENT_TEX = r"""Let $F=\sigma h_k\varphi$ with $h_k=\mathrm{He}_k/\sqrt{k!}$ and $\varphi$ the normal density, $h>0$, $T=(N+\frac12)h$,
and $\sigma$ analytic on
$|\operatorname{Re}z|\le T$, $|\operatorname{Im}z|\le a$. Then
\begin{multline*}
\Bigl|h\sum_{|j|\le N}F(jh)-\int_{-T}^TF\Bigr|\le\frac{2e^{a^2/2}\sqrt{L_k(-a^2)}}{e^{2\pi a/h}-1}
\Bigl(\int_{-T}^T|\sigma(x+ia)|^2\varphi(x)\,dx\Bigr)^{1/2}\\
+\frac{2h\log2}\pi\sup_{|y|\le a}|F(\pm T+iy)|;
\end{multline*}
for $\mathbb{E}\,\sigma^2$ replace $h_k$ by $\sigma$ and $\sqrt{L_k(-a^2)}$ by the same square root. Gauss-Legendre quadrature with $n\ge2$
nodes on a
panel of half length $H$, with $|F|\le M$ on the ellipse whose semi-axes have the sum $\rho H$, errs by at most
$\frac{64}{15}HM\rho^{-2n}/(1-\rho^{-2})$. Finally $|\mathrm{He}_k(x)|\le|x|^k$ for $x^2\ge2k+1$, and $\int_T^\infty e^G\le
e^{G(T)}/(-G'(T))$ for
concave $G$ with $G'(T)<0$."""

ASSUMPTIONS_TEX = (
    r"$\sigma$ is analytic in a neighbourhood of the closed rectangle (of the closed ellipse), and $\sigma(\bar"
    r" z)=\overline{\sigma(z)}$."
)


def check() -> list[Step]:
    """The steps, each verified."""
    return [*_contour(), *_norm_on_the_shifted_line(), *_gauss(), *_tails(), *_measured()]


def _contour() -> list[Step]:
    z, w = sympy.symbols("z w")
    h, y = Symbol("h", positive=True), Symbol("y", positive=True)
    n = Symbol("n", integer=True)
    kernel = cot(pi * z / h) / (2 * I)
    # (1/2i)cot(πz/h) in w = e^{2πiz/h}: cot θ = i(e^{2iθ} + 1)/(e^{2iθ} − 1).
    in_w = (w + 1) / (w - 1) / 2
    residue = sympy.limit((z - n * h) * kernel, z, n * h)
    on_side = sympy.simplify((w / (w - 1)).subs(w, -exp(-2 * pi * y / h)))
    integral = sympy.integrate(1 / (1 + exp(2 * pi * y / h)), (y, 0, oo))
    return [
        Step(
            "(1/2i) cot(πz/h) has residue h/(2πi) at z = jh, so that ∮_{∂R} F (1/2i) cot(πz/h) dz = h Σ_{|j| ≤ N} F(jh)",
            sympy.simplify(residue - h / (2 * pi * I)) == 0,
            "all j",
            tex=r"$\frac1{2i}\cot(\pi z/h)$ has residue $\frac h{2\pi i}$ at $z=jh$, so that $\oint F\frac1{2i}\cot(\pi"
            r" z/h)\,dz=h\sum_{|j|\le N}F(jh)$.",
        ),
        Step(
            "∫_{−T}^T F = ½(∫_lower F − ∫_upper F), the two halves of ∂R run through counterclockwise; on the upper half the difference to"
            " the sum has the kernel ½ + (1/2i)cot(πz/h) = w/(w − 1), w = e^{2πiz/h}; on the lower half its reflection",
            sympy.simplify(Rational(1, 2) + in_w - w / (w - 1)) == 0
            and sympy.simplify((kernel.rewrite(exp) - in_w.subs(w, exp(2 * pi * I * z / h))).rewrite(exp)) == 0,
            "all z",
            tex=r"$\int_{-T}^TF$ is half the difference of the integrals over the two halves of the boundary; on the upper half the"
            r" difference to the sum has the kernel $w/(w-1)$, $w=e^{2\pi iz/h}$; on the lower half its reflection.",
        ),
        Step(
            "on the top |w| = e^{−2πa/h} < 1, and |w/(w − 1)| ≤ |w|/(1 − |w|) = 1/(e^{2πa/h} − 1)",
            sympy.simplify((exp(-2 * pi * y / h) / (1 - exp(-2 * pi * y / h))) - 1 / (exp(2 * pi * y / h) - 1)) == 0,
            "all a, h",
            tex=r"On the top $|w|=e^{-2\pi a/h}<1$ and $|w/(w-1)|\le1/(e^{2\pi a/h}-1)$.",
        ),
        Step(
            "on the sides e^{2πi(±T)/h} = e^{±iπ(2N+1)} = −1, so w = −e^{−2πy/h} and w/(w − 1) = 1/(1 + e^{2πy/h}) > 0",
            sympy.simplify(on_side - 1 / (1 + exp(2 * pi * y / h))) == 0 and exp(I * pi * (2 * n + 1)).simplify() == -1,
            "all N, y",
            tex=r"On the sides $e^{2\pi i(\pm T)/h}=-1$, so that $w/(w-1)=1/(1+e^{2\pi y/h})>0$.",
        ),
        Step(
            "∫_0^∞ dy/(1 + e^{2πy/h}) = h log 2/(2π); four such half sides give (2h log 2/π) sup|F|",
            sympy.simplify(integral - h * log(2) / (2 * pi)) == 0,
            "all h",
            tex=r"$\int_0^\infty dy/(1+e^{2\pi y/h})=\frac{h\log2}{2\pi}$; four such half sides give $\frac{2h\log2}\pi\sup|F|$.",
        ),
    ]


def _norm_on_the_shifted_line() -> list[Step]:
    a, t = Symbol("a", positive=True), Symbol("t")
    x = Symbol("x", real=True)
    k, i = Symbol("k", integer=True, nonnegative=True), Symbol("i", integer=True, nonnegative=True)
    density = exp(-((x + I * a) ** 2) / 2)
    size = sympy.simplify(sympy.expand(density * conjugate(density)) - exp(a**2) * exp(-(x**2)))
    # Appell: He_k(x + ia) = Σ_j C(k,j) (ia)^{k−j} He_j(x), from the generating function e^{xt − t²/2}.
    generating = sympy.simplify(exp((x + I * a) * t - t**2 / 2) - exp(I * a * t) * exp(x * t - t**2 / 2))
    # The weight of a^{2i} in E|h_k(g + ia)|²: C(k,i)² (k−i)!/k! = C(k,i)/i!, which is the coefficient of L_k(−a²).
    weight = sympy.gammasimp((binomial(k, i) ** 2 * factorial(k - i) / factorial(k) - binomial(k, i) / factorial(i)).rewrite(sympy.gamma))
    by_hand = all(
        sympy.expand(sum(binomial(j, m) * a ** (2 * m) / factorial(m) for m in range(j + 1)) - laguerre(j, -(a**2))) == 0 for j in range(13)
    )
    return [
        Step("|φ(x + ia)| = e^{a²/2} φ(x)", size == 0, "all x, a", tex=r"$|\varphi(x+ia)|=e^{a^2/2}\varphi(x)$."),
        Step(
            "He_k(x + ia) = Σ_j C(k, j)(ia)^{k−j} He_j(x): both sides have the generating function e^{iat} e^{xt − t²/2}",
            generating == 0,
            "all k",
            tex=r"$\mathrm{He}_k(x+ia)=\sum_j\binom kj(ia)^{k-j}\mathrm{He}_j(x)$, by the generating function.",
        ),
        Step(
            "by orthogonality E|He_k(g + ia)|²/k! = Σ_i [C(k,i)² (k−i)!/k!] a^{2i} = Σ_i C(k,i) a^{2i}/i!",
            sympy.simplify(weight) == 0,
            "all k",
            tex=r"By orthogonality $\mathbb{E}|\mathrm{He}_k(g+ia)|^2/k!=\sum_i\binom ki\frac{a^{2i}}{i!}$.",
        ),
        Step("and that sum is L_k(−a²)", by_hand, "k ≤ 12", tex=r"That sum is $L_k(-a^2)$."),
        Step(
            "Cauchy-Schwarz: ∫|F(x + ia)| dx ≤ e^{a²/2} ‖σ(· + ia)‖_φ √L_k(−a²); the bottom has the same value by reflection",
            _cauchy_schwarz_holds(),
            "seven σ, k ≤ 8, by quadrature",
            tex=r"Cauchy-Schwarz: $\int|F(x+ia)|\,dx\le e^{a^2/2}\|\sigma(\cdot+ia)\|_\varphi\sqrt{L_k(-a^2)}$; the bottom by"
            r" reflection.",
        ),
    ]


def _cauchy_schwarz_holds() -> bool:
    x = np.linspace(-14, 14, 4001)
    step, a = x[1] - x[0], 0.7
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    z = x + 1j * a
    for sigma in (np.tanh, np.sin, np.exp, lambda u: u**3, lambda u: 1 / (1 + u * u), lambda u: u / (1 + np.exp(-u)), np.arctan):
        norm = math.sqrt(step * np.sum(np.abs(sigma(z)) ** 2 * density))
        for k in range(9):
            h = np.polynomial.hermite_e.hermeval(z, [0] * k + [1]) / math.sqrt(math.factorial(k))
            left = step * np.sum(np.abs(sigma(z) * h * np.exp(-(z**2) / 2))) / math.sqrt(2 * math.pi)
            right = math.exp(a * a / 2) * norm * math.sqrt(float(laguerre(k, -(a**2))))
            # The trapezoidal sums of these smooth positive integrands are exact to rounding.
            if left > right * (1 + 1e-12):
                return False
    return True


def _gauss() -> list[Step]:
    M, r = Symbol("M", positive=True), Symbol("r", positive=True)
    j = Symbol("j", integer=True, nonnegative=True)
    # Chebyshev coefficients |a_j| ≤ 2Mρ^{−j}; the rule is exact below degree 2n; odd j vanish by symmetry.
    series = sympy.summation(r ** (2 * j), (j, 0, oo)).args[0][0]
    weights_positive = all(np.all(np.polynomial.legendre.leggauss(m)[1] > 0) for m in range(1, 65))
    moments = all(
        abs(sympy.integrate(sympy.chebyshevt(m, Symbol("s")), (Symbol("s"), -1, 1))) == Rational(2, m * m - 1) for m in range(2, 13, 2)
    )
    worst = sympy.simplify((2 + Rational(2, 15)) * 2 * M - Rational(64, 15) * M)
    return [
        Step(
            "∫_{−1}^{1} T_j = −2/(j² − 1) for even j, 0 for odd j",
            moments,
            "j ≤ 12; all j by substituting the cosine",
            tex=r"$\int_{-1}^1T_j=-2/(j^2-1)$ for even $j$, $0$ for odd $j$.",
        ),
        Step(
            "|Q_n(T_j)| ≤ Q_n(1) = 2, the weights being positive and |T_j| ≤ 1",
            weights_positive,
            "n ≤ 64",
            tex=r"$|Q_n(T_j)|\le Q_n(1)=2$, the weights being positive and $|T_j|\le1$.",
        ),
        Step(
            "Σ_{j ≥ 2n, even} 2Mρ^{−j}(2 + 2/(j² − 1)) ≤ 2M(2 + 2/15) ρ^{−2n}/(1 − ρ^{−2}) = (64/15) M ρ^{−2n}/(1 − ρ^{−2}) for n ≥ 2",
            worst == 0 and sympy.simplify(series - 1 / (1 - r**2)) == 0,
            "all n ≥ 2, ρ > 1",
            tex=r"$\sum_{j\ge2n\text{ even}}2M\rho^{-j}\bigl(2+\frac2{j^2-1}\bigr)\le\frac{64}{15}M\rho^{-2n}/(1-\rho^{-2})$ for"
            r" $n\ge2$.",
        ),
    ]


def _tails() -> list[Step]:
    k = Symbol("k", integer=True, positive=True)
    # Gershgorin for the Jacobi matrix of He_k (zero diagonal, √1 … √(k−1) beside it): |zero| ≤ √(k−1) + √(k−2) ≤ 2√(k−1).
    inside = sympy.simplify(2 * (2 * k + 1) - 4 * (k - 1)) == 6
    numeric = all(np.max(np.abs(np.polynomial.hermite_e.hermeroots([0] * m + [1]))) ** 2 <= 4 * (m - 1) + 1e-9 for m in range(2, 41))
    s = Symbol("s", positive=True)
    T, slope = Symbol("T", positive=True), Symbol("m", positive=True)
    envelope = sympy.integrate(exp(-slope * (s - T)), (s, T, oo))
    return [
        Step(
            "every zero has z² ≤ 4(k − 1) (Gershgorin), hence z² < 2x² where x² ≥ 2k + 1, so |x² − z²| ≤ x² for every factor of"
            " He_k(x) = x^{k mod 2} Π (x² − z²): |He_k(x)| ≤ |x|^k",
            inside and numeric,
            "all k ≥ 1; the bound on zeros also numerically for k ≤ 40",
            tex=r"Every zero $z$ of $\mathrm{He}_k$ has $z^2\le4(k-1)$ (Gershgorin), so $|x^2-z^2|\le x^2$ where $x^2\ge2k+1$:"
            r" $|\mathrm{He}_k(x)|\le|x|^k$.",
        ),
        Step(
            "G(x) ≤ G(T) + G'(T)(x − T) for concave G, and ∫_T^∞ e^{−m(x−T)} dx = 1/m",
            sympy.simplify(envelope - 1 / slope) == 0,
            "all T, m > 0",
            tex=r"$G(x)\le G(T)+G'(T)(x-T)$ for concave $G$, and $\int_T^\infty e^{-m(x-T)}dx=1/m$.",
        ),
    ]


def _measured() -> list[Step]:
    """The bound against the true error of the rule, for σ = 1/(b² + z²), whose transform is known in closed form."""
    from flint import arb, fmpq

    from hermite_eq.expansion.certified.trapezoid import Strip, trapezoid_errors

    b, a, h, half = 1.0, 0.9, 0.75, 16
    T = (half + 0.5) * h
    # E 1/(b² + g²) = √(π/2) e^{b²/2} erfc(b/√2)/b; what lies beyond T is below e^{-T²/2}, 1e-33.
    truth = math.sqrt(math.pi / 2) * math.exp(b * b / 2) * math.erfc(b / math.sqrt(2)) / b
    nodes = h * np.arange(-half, half + 1)
    value = h * np.sum(np.exp(-(nodes**2) / 2) / (b * b + nodes**2)) / math.sqrt(2 * math.pi)
    error = abs(value - truth)
    x = np.linspace(-T, T, 20001)
    norm = math.sqrt((x[1] - x[0]) * np.sum(np.abs(1 / (b * b + (x + 1j * a) ** 2)) ** 2 * np.exp(-(x**2) / 2)) / math.sqrt(2 * math.pi))
    bound = 2 * math.exp(a * a / 2) * norm / (math.exp(2 * math.pi * a / h) - 1)
    library = float(trapezoid_errors(Strip(fmpq(9, 10), arb(norm), (arb(0),) * 20), arb(h), arb(T), 0)[0])
    # The pole's residue gives the error's size: (π/b) e^{b²/2}/√(2π) · 2/(e^{2πb/h} − 1).
    by_residue = math.pi / b * math.exp(b * b / 2) / math.sqrt(2 * math.pi) * 2 / (math.exp(2 * math.pi * b / h) - 1)
    return [
        Step(
            "σ = 1/(1 + z²), h = 3/4: the true error lies below the bound",
            bool(error <= bound),
            "one case",
            tex=r"$\sigma=1/(1+z^2)$, $h=\frac34$: the true error lies below the bound,",
        ),
        Step(
            "and is what the residue at the pole predicts: the bound has the right exponent, the strip cannot be widened",
            # Rounding of 33 terms of size below 1, on an error of 1e-3; and the rule's own error for the entire factor φ.
            bool(abs(error - by_residue) <= 64 * np.finfo(float).eps + 2 * math.exp(-2 * math.pi**2 / h**2)),
            "one case",
            tex=r"and is what the residue at the pole predicts: the exponent is right, the strip cannot be widened.",
        ),
        Step(
            "the library's bound is this one",
            bool(abs(library - bound) <= 64 * np.finfo(float).eps * bound),
            "one case",
            tex=r"The library's bound is this one.",
        ),
    ]
