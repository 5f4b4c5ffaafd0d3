r"""Ridge regression on random features when every source of samples has a covariance of its own.

Route: the first-order equivalent for a mixture, its elimination, and its second-order form by perturbation with matrices that do not
commute, all by SymPy; then the fixed point solved by plain iteration on dense inverses, and the errors written out unscaled, against
the library, which scales, block-diagonalises and extrapolates.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.models import PolynomialActivation, RandomTransformer, Sizes
from hermite_eq.theory import Population, given_moments, icl_error

STATEMENT = r"""Samples of source s, drawn with probability π_s, have features φ = ψ_sᵀq + c_{1,s}Fᵀĥ + c_{*,s}z, Cov ĥ = C_s, and labels
with E y = y_{0,s}, E ĥy = M_s; q are directions whose entries on one neuron have the Gram matrix Γ. With Q = (FᵀĈF + g)⁻¹ and
1/(1+δ_s) the weight of a sample, δ_s = (c_{1,s}² tr FᵀC_sFQ + c_{*,s}² tr Q)/n:
(1) Ĉ = Σπ_s c_{1,s}² C_s/(1+δ_s), g = λ_s + Σπ_s c_{*,s}²/(1+δ_s), g = κ(m − tr ĈR), R = (Ĉ+κ)⁻¹, FQFᵀ ≃ R, tr Q ≃ 1/κ, and
    δ_s = (c_{1,s}² tr C_sR + c_{*,s}²/κ)/n has one positive solution;
(2) tr T₁FQFᵀT₂FQFᵀ ≃ tr T₁RT₂R + κ²κ' tr T₁R² tr T₂R², FQ²Fᵀ ≃ κ'R², tr Q² ≃ κ'/κ², κ' = 1/(m − tr(ĈR)²), for any T₁, T₂;
(3) the coefficients of the directions are a = (κI + ΓP)⁻¹Γb, P = Σπ_sψ_sψ_sᵀ/(1+δ_s), b = Σπ_sψ_sy_{0,s}/(1+δ_s); the means of degree 2 of
    sources s, s' have Γ = ½ tr C_sC_s';
(4) a pair i ≤ j of directions of h of shares C_ii, C_jj adds one orthonormal function of eigenvalue c_2²C_iiC_jj."""

ASSUMPTIONS = """D, n, m → ∞ in proportion; (ĥ, z) of each source may be replaced by Gaussians of the same covariance, the functions of (4)
by further Gaussian coordinates, and f_i ⊗ f_i on them by independent entries (assumed, and tested by simulation); traces concentrate."""

TITLE = "Several sources with given covariances"

STATEMENT_TEX = r"""Samples of source $s$, drawn with probability $\pi_s$, have features
$\phi=\psi_s^\top q+c_{1,s}F^\top\hat h+c_{*,s}z$, $\operatorname{Cov}\hat h=C_s$, and labels with $\mathbb{E}y=y_{0,s}$,
$\mathbb{E}\hat hy=M_s$; $q$ are directions whose entries on one neuron have the Gram matrix $\Gamma$. With $Q=(F^\top\hat CF+g)^{-1}$ and
$\delta_s=(c_{1,s}^2\operatorname{tr}F^\top C_sFQ+c_{*,s}^2\operatorname{tr}Q)/n$:
\begin{enumerate}
\item $\hat C=\sum_s\pi_sc_{1,s}^2C_s/(1+\delta_s)$, $g=\lambda_s+\sum_s\pi_sc_{*,s}^2/(1+\delta_s)=\kappa(m-\operatorname{tr}\hat CR)$,
$R=(\hat C+\kappa)^{-1}$, $FQF^\top\simeq R$, $\operatorname{tr}Q\simeq1/\kappa$, and
$\delta_s=(c_{1,s}^2\operatorname{tr}C_sR+c_{*,s}^2/\kappa)/n$ has one positive solution;
\item
$\operatorname{tr}T_1FQF^\top T_2FQF^\top\simeq\operatorname{tr}T_1RT_2R+\kappa^2\kappa'\operatorname{tr}T_1R^2\operatorname{tr}T_2R^2$,
$FQ^2F^\top\simeq\kappa'R^2$, $\operatorname{tr}Q^2\simeq\kappa'/\kappa^2$, $\kappa'=1/(m-\operatorname{tr}(\hat CR)^2)$, for any $T_1,T_2$;
\item the coefficients of the directions are $a=(\kappa I+\Gamma P)^{-1}\Gamma b$, $P=\sum_s\pi_s\psi_s\psi_s^\top/(1+\delta_s)$,
$b=\sum_s\pi_s\psi_sy_{0,s}/(1+\delta_s)$; the means of degree 2 of sources $s,s'$ have $\Gamma=\frac12\operatorname{tr}C_sC_{s'}$;
\item a pair $i\le j$ of directions of $h$ adds one orthonormal function of eigenvalue $c_2^2C_{ii}C_{jj}$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"$D,n,m\to\infty$ in proportion; $(\hat h,z)$ of each source may be replaced by Gaussians of the same covariance, the functions of (4)"
    r" by further Gaussian coordinates (assumed, and tested by simulation); traces concentrate."
)

Array = NDArray[np.float64]


def symmetric(name: str) -> sympy.Matrix:
    a, b, c = sympy.symbols(f"{name}_1:4", real=True)
    return sympy.Matrix([[a, b], [b, c]])


def vanishes(expression: sympy.Expr) -> bool:
    """Whether a rational function is zero."""
    return bool(sympy.expand(sympy.fraction(sympy.together(expression))[0]) == 0)


def _second_order(factor: sympy.Expr) -> list[Step]:
    """Ĉ = diag(r₁, r₂), T₁ and T₂ any symmetric matrices: −d/dε tr T₁(Ĉ + εT₂ + κ(ε))⁻¹ at fixed g."""
    r1, r2, kappa, m, epsilon = sympy.symbols("r_1 r_2 kappa m epsilon", positive=True)
    T1, T2, C, unit = symmetric("s"), symmetric("t"), sympy.diag(r1, r2), sympy.eye(2)
    R = (C + kappa * unit).inv()
    # g = κ(m − tr ĈR) = κ(m − 2 + κ tr R): its derivatives in ε and κ, with dR = −R(T₂ + dκ)R.
    g_epsilon = -(kappa**2) * (R * T2 * R).trace()
    g_kappa = m - 2 + 2 * kappa * R.trace() - kappa**2 * (R * R).trace()
    slope = -g_epsilon / g_kappa
    total = (T1 * R * (T2 + slope * unit) * R).trace()
    prime = 1 / (m - ((C * R) ** 2).trace())
    claimed = (T1 * R * T2 * R).trace() + factor * kappa**2 * prime * (T1 * R * R).trace() * (T2 * R * R).trace()
    exact = sympy.diff((T1 * (C + epsilon * T2 + kappa * unit).inv()).trace(), epsilon).subs(epsilon, 0) + (T1 * R * T2 * R).trace()
    return [
        Step("d tr T₁(Ĉ+εT₂+κ)⁻¹/dε = −tr T₁RT₂R", vanishes(exact), "2 × 2, all symmetric T₁, T₂",
            tex=r"$\frac{d}{d\epsilon}\operatorname{tr}T_1(\hat C+\epsilon T_2+\kappa)^{-1}=-\operatorname{tr}T_1RT_2R$."),
        Step("dκ/dg = 1/(m − tr(ĈR)²)", vanishes(1 / g_kappa - prime), "2 × 2; any size by the same trace",
            tex=r"$d\kappa/dg=1/(m-\operatorname{tr}(\hat CR)^2)$."),
        Step("the second-order form of (2), T₁ and T₂ not commuting", vanishes(total - claimed), "2 × 2, all symmetric T₁, T₂",
            tex=r"The second-order form of (2), also where $T_1$, $T_2$ and $\hat C$ do not commute."),
        # tr Q² = −d tr Q/dg with tr Q = 1/κ.
        Step("tr Q² = κ'/κ²", sympy.simplify(-sympy.diff(1 / kappa, kappa) * prime - prime / kappa**2) == 0, "all",
            tex=r"$\operatorname{tr}Q^2=\kappa'/\kappa^2$."),
    ]  # fmt: skip


def _trace_of_resolvent() -> Step:
    """(m − tr ĈR)/g = 1/κ by the definition of κ: m neurons, of which tr ĈR are spent on h."""
    kappa, m, df = sympy.symbols("kappa m df", positive=True)
    return Step(
        "tr Q = (m − tr ĈR)/g = 1/κ",
        sympy.simplify((m - df) / (kappa * (m - df)) - 1 / kappa) == 0,
        "all",
        tex=r"$\operatorname{tr}Q=(m-\operatorname{tr}\hat CR)/g=1/\kappa$.",
    )


def _one_solution() -> list[Step]:
    r"""The map x ↦ 1 + δ(x), x_s = 1 + δ_s, is a standard interference function: positive, monotone, and f(tx) < t f(x) for t > 1.

    Such a map has at most one fixed point, to which its iteration converges from anywhere. On one eigenvalue of each of two sources:
    raising x lowers Ĉ and g; κ solves g = κ(m − tr ĈR). Scaling x → tx scales Ĉ and g − λ_s by 1/t, and with λ_s = 0 κ by 1/t, δ by t:
    then f(tx) = 1 + tδ < t(1 + δ); λ_s > 0 lowers δ(tx) further, since κ rises with g.
    """
    t, r, kappa, m, noise, x, lam = sympy.symbols("t r kappa m nu x lambda", positive=True)
    delta = r / (r / x + kappa) + noise / kappa
    equation = kappa * (m - (r / x) / (r / x + kappa)) - lam - noise / x
    scaled = sympy.simplify(equation.subs({x: t * x, kappa: kappa / t, lam: lam / t}, simultaneous=True) * t - equation)
    homogeneous = sympy.simplify(delta.subs({x: t * x, kappa: kappa / t}, simultaneous=True) - t * delta)
    # δ falls with κ, κ rises with λ_s (dκ/dg > 0, m > 1 here): δ(tx) at λ_s is below tδ(x), which belongs to λ_s/t.
    falls = sympy.together(sympy.diff(delta, kappa))
    negative = all(c < 0 for c in sympy.Poly(sympy.expand(sympy.fraction(falls)[0]), r, kappa, noise, x).coeffs())
    # Monotone: with u = 1/x, dκ/du ≤ κ/u, so that δ, a decreasing function of (u, κ), rises with x.
    u = sympy.Symbol("u", positive=True)
    in_u = equation.subs(x, 1 / u)
    slope = -sympy.diff(in_u, u) / sympy.diff(in_u, kappa)
    rises = sympy.diff(delta.subs(x, 1 / u), u) + sympy.diff(delta.subs(x, 1 / u), kappa) * slope
    bound = sympy.simplify(rises.subs({r: 2, m: 3, noise: sympy.Rational(1, 3), u: sympy.Rational(1, 2)}))
    points = [bound.subs(kappa, sympy.Rational(p, q)) for p, q in ((1, 100), (1, 3), (1, 1), (7, 2), (100, 1))]
    return [
        Step("x → tx, κ → κ/t, λ_s → λ_s/t leaves the equation of κ and scales δ by t", scaled == 0 and homogeneous == 0,
             "one eigenvalue; sums of such terms",
            tex=r"$x\to tx$, $\kappa\to\kappa/t$, $\lambda_s\to\lambda_s/t$ leaves the equation for $\kappa$ and scales $\delta$ by $t$."),
        Step("δ falls with κ", negative, "one eigenvalue; sums of such terms", tex=r"$\delta$ falls with $\kappa$."),
        Step("δ rises with x", all(point < 0 for point in points), "five values of κ at one point",
            tex=r"$\delta$ rises with $x$: with scaling and positivity the map has at most one fixed point."),
    ]  # fmt: skip


def _finite_block(gram: sympy.Expr) -> list[Step]:
    """t = b − Pa and a = Γt/κ; on one neuron, f ~ N(0, I): Cov(½(fᵀCf − tr C), ½(fᵀC'f − tr C')) = ½ tr CC'."""
    kappa, p11, p12, p22, b1, b2, g1, g2, g12 = sympy.symbols("kappa p_11 p_12 p_22 b_1 b_2 g_1 g_2 g_12", positive=True)
    P, b, G = sympy.Matrix([[p11, p12], [p12, p22]]), sympy.Matrix([b1, b2]), sympy.Matrix([[g1, g12], [g12, g2]])
    a = (kappa * sympy.eye(2) + G * P).inv() * G * b
    fixed = all(vanishes(entry) for entry in G * (b - P * a) / kappa - a)
    C, D_ = symmetric("c"), symmetric("d")
    f = sympy.Matrix(sympy.symbols("f_1:3", real=True))
    moments = {0: 1, 1: 0, 2: 1, 3: 0, 4: 3}

    def mean(expression: sympy.Expr) -> sympy.Expr:
        poly = sympy.Poly(sympy.expand(expression), *f)
        return sum(coefficient * moments[i] * moments[j] for (i, j), coefficient in poly.terms())

    forms = [((f.T * X * f)[0] - X.trace()) / 2 for X in (C, D_)]
    covariance = sympy.expand(mean(forms[0] * forms[1]) - gram * (C * D_).trace())
    return [
        Step("a = (κI + ΓP)⁻¹Γb solves a = Γ(b − Pa)/κ", fixed, "two directions, all values",
            tex=r"$a=(\kappa I+\Gamma P)^{-1}\Gamma b$ solves $a=\Gamma(b-Pa)/\kappa$."),
        Step("the Gram matrix of the means of degree 2 is ½ tr CC'", covariance == 0, "2 × 2, all symmetric C, C'",
            tex=r"The Gram matrix of the means of degree 2 is $\frac12\operatorname{tr}CC'$."),
    ]  # fmt: skip


def _quadratics() -> list[Step]:
    """(c₂²/2)(⟨h,h'⟩² − …) = Σ_{i≤j} c₂²C_iiC_jj f_ij(h)f_ij(h') + means: compare coefficients of h_ih_j h'_ih'_j in two dimensions."""
    c, C1, C2 = sympy.symbols("c C_1 C_2", positive=True)
    h, k = sympy.symbols("h_1:3", real=True), sympy.symbols("k_1:3", real=True)
    C = (C1, C2)

    def function(i: int, j: int, x: tuple[sympy.Symbol, ...]) -> sympy.Expr:
        delta = 1 if i == j else 0
        return (x[i] * x[j] - delta * C[i]) / sympy.sqrt((1 + delta) * C[i] * C[j])

    total = sum(c**2 * C[i] * C[j] * function(i, j, h) * function(i, j, k) for i, j in ((0, 0), (0, 1), (1, 1)))
    # ⟨h,h'⟩² less its conditional means: Σ_ij (h_ih_j − C_ij)(h'_ih'_j − C_ij).
    direct = (
        c**2
        / 2
        * sum(
            (h[i] * h[j] - (C[i] if i == j else 0)) * (k[i] * k[j] - (C[i] if i == j else 0))
            for i, j in itertools.product(range(2), repeat=2)
        )
    )
    return [
        Step(
            "the kernel of degree 2 has the eigenvalues c₂²C_iiC_jj on orthonormal functions",
            sympy.expand(total - direct) == 0,
            "two directions; all pairs alike",
            tex=r"The kernel of degree 2 has the eigenvalues $c_2^2C_{ii}C_{jj}$.",
        ),
        _projection(),
    ]


def _projection() -> Step:
    """h = x ⊗ b: ⟨h,h'⟩² = (xᵀx')²(bᵀb')², whose mean over b and b' of two sources is (xᵀx')² tr R_sR_s'."""
    R, S = symmetric("R"), symmetric("S")
    b, other = sympy.symbols("b_1:3"), sympy.symbols("B_1:3")
    square = sympy.Poly(sympy.expand((b[0] * other[0] + b[1] * other[1]) ** 2), *b, *other)

    def moment(i: int, j: int, matrix: sympy.Matrix) -> sympy.Expr:
        return matrix[0, 0] if i == 2 else matrix[1, 1] if j == 2 else matrix[0, 1]

    mean = sum(coefficient * moment(i, j, R) * moment(k, n, S) for (i, j, k, n), coefficient in square.terms())
    return Step(
        "on functions of x alone the kernel is ½c₂²(xᵀx')² tr R_sR_s'",
        sympy.expand(mean - (R * S).trace()) == 0,
        "d = 1, all second moments R, S of b",
        tex=r"On functions of $x$ alone the kernel of degree 2 is"
        r" $\frac{c_2^2}2(x^\top x')^2\operatorname{tr}R_sR_{s'}$.",
    )


@dataclass(frozen=True, eq=False)
class WrittenOut:
    """The solution of (1), unscaled and with sums over sources written out, and what the errors need of it.

    Every source has coefficients c₁ and c_*² of its own, as a head has that sees it at a scale of its own; ``C`` are of trace 1.
    """

    c1: Array
    rest: Array
    C: list[Array]
    pi: Array
    n: int
    kappa: float
    w: Array
    R: Array
    prime: float

    @classmethod
    def solve(cls, c1: Array, rest: Array, C: list[Array], pi: Array, n: int, m: int, ridge: float) -> WrittenOut:
        """By plain iteration with dense inverses; w are the 1/(1+δ_s)."""
        D, delta, kappa = len(C[0]), np.ones(len(C)), 1.0
        for _ in range(20000):
            C_hat = sum(p * a / (1 + x) * A for p, a, x, A in zip(pi, c1**2, delta, C, strict=True))
            values, basis = np.linalg.eigh(C_hat)
            g = ridge + float(pi @ (rest / (1 + delta)))
            low, high = 0.0, g / max(m - D, 1e-3 * m) + g + float(values.max()) * D + 1.0
            for _ in range(200):
                kappa = (low + high) / 2
                low, high = (kappa, high) if kappa * (m - float((values / (values + kappa)).sum())) < g else (low, kappa)
            R = (basis / (values + kappa)) @ basis.T
            traces = np.array([(a * np.trace(A @ R) + e / kappa) / n for a, e, A in zip(c1**2, rest, C, strict=True)])
            done = np.abs(traces - delta).max() < 1e-14 * delta.max()
            delta = traces
            if done:
                break
        prime = 1 / (m - float(np.trace(C_hat @ R @ C_hat @ R)))
        return cls(c1, rest, C, pi, n, kappa, 1 / (1 + delta), R, prime)

    @property
    def gram(self) -> Array:
        """Γ: the constant, then the means of degree 2."""
        matrix = np.eye(len(self.C) + 1)
        matrix[1:, 1:] = [[np.trace(A @ B) / 2 for B in self.C] for A in self.C]
        return matrix

    @property
    def tr2(self) -> Array:
        """tr C_sR²."""
        return np.array([np.trace(A @ self.R @ self.R) for A in self.C])

    def noise(self, size: float) -> Array:
        """What weights of square norm ``size`` add to the error on every source, by the fluctuations of F and by the rest of the head."""
        return (self.c1**2 * self.kappa**2 * self.tr2 + self.rest) * self.prime * size

    def errors(self, first: Array) -> Array:
        """Leave-one-out errors: one unit of that on source s adds the entry (u, s) of the matrix to that on u; ``first`` is without."""
        power, rest, tr2, kappa, prime = self.c1**2, self.rest, self.tr2, self.kappa, self.prime
        pairs = np.array([[np.trace(A @ self.R @ B @ self.R) for B in self.C] for A in self.C])
        spread = np.outer(power, power) * (pairs + kappa**2 * prime * np.outer(tr2, tr2)) + np.outer(rest, rest) * prime / kappa**2
        spread = spread + prime * (np.outer(power * tr2, rest) + np.outer(rest, power * tr2))
        return np.asarray(np.linalg.solve(np.eye(len(self.C)) - spread * (self.pi * self.w**2 / self.n), first))


def errors_of(
    c0: Array, c1: Array, c2: Array, rest: Array, sources: list[Population], pi: Array, n: int, m: int, ridge: float
) -> tuple[Array, Array]:
    """(r_s, 1/(1+δ_s)) of every source at proportions of any sum."""
    S = len(sources)
    C = [np.asarray(p.covariance) / p.trace for p in sources]
    M = [np.asarray(p.signal) / np.sqrt(p.trace) for p in sources]
    at = WrittenOut.solve(c1, rest, C, pi, n, m, ridge)
    psi = np.hstack([c0[:, None], np.diag(c2)])
    means, leave = np.array([p.mean for p in sources]), pi * at.w
    P, b = psi.T @ (psi * leave[:, None]), psi.T @ (leave * means)
    a = np.linalg.solve(at.kappa * np.eye(S + 1) + at.gram @ P, at.gram @ b)
    t, fitted = b - P @ a, psi @ a
    v = at.R @ sum(x * c * A for x, c, A in zip(leave, c1, M, strict=True))
    size = float(v @ v + t @ at.gram @ t / at.kappa**2)
    first = np.array([p.square for p in sources]) - 2 * means * fitted + fitted**2
    first = first - 2 * c1 * np.array([A @ v for A in M]) + c1**2 * np.array([v @ A @ v for A in C])
    return at.errors(first + at.noise(size)), at.w


def _against_library(change: float) -> list[Step]:
    rng = np.random.default_rng(11)
    side, worst = 3, 0.0
    D = side * (side + 1)
    head = PolynomialActivation("head", (0.3, 0.6, 0.4), 0.3)
    for n, m, ridge in ((20, 9, 0.05), (8, 30, 0.3), (40, 12, 0.01)):
        sources = []
        for weight, mean in ((0.3, 0.5), (0.5, -0.2), (0.2, 0.0)):
            A = rng.standard_normal((D, 2 * D))
            C = A @ A.T
            # Equal traces: then every source sees the head at scale 1.
            C = C / np.trace(C)
            signal = C @ rng.standard_normal(D)
            sources.append(Population(C, signal, 2.0 + mean**2, mean, weight))
        # 0.4²/2 of degree 2 belongs to c_*.
        c0, c1, c2, rest = np.outer((0.3, 0.6, 0.4 * change, 0.3**2 + 0.4**2 / 2), np.ones(3))
        pi = np.array([p.weight for p in sources])
        errors, _ = errors_of(c0, c1, c2, rest, sources, pi, n, m, ridge)
        idg = float(pi @ errors)
        error = icl_error(RandomTransformer(head, ridge * side), given_moments(sources), Sizes(side, side, 1, samples=n, hidden=m))
        worst = max(worst, abs(error.idg / idg - 1), *(abs(x / e - 1) for x, e in zip(error.icl_by_source, errors, strict=True)))
    return [
        Step(
            "the library equals the equations written out and iterated",
            worst < 1e-9,
            "three points with three sources",
            tex=r"The library equals the equations written out and iterated, at three points with three sources.",
        )
    ]


def check() -> list[Step]:
    return [
        _trace_of_resolvent(),
        *_second_order(sympy.Integer(1)),
        *_one_solution(),
        *_finite_block(sympy.Rational(1, 2)),
        *_quadratics(),
        *_against_library(1.0),
    ]
