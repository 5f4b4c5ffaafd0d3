r"""In-context error of the random Transformer: ridge regression on random features whose scale varies from sample to sample.

Route: two deterministic equivalents in turn (samples, then features), perturbed to second order by SymPy; then a literal
transcription of the one-scale equations, solved in multiple precision, against the library.
"""

from __future__ import annotations

from collections.abc import Callable

import mpmath
import numpy as np
import sympy

from derivations import Step
from derivations.heads.given_covariances import vanishes
from hermite_eq.theory.ridge_equivalent.scalar import ScaledSamples, fixed_point, random_head_error
from hermite_eq.theory.spectra.spectrum import Spectrum

STATEMENT = r"""Samples θ have features φ = Σ_j ψ_j(θ) q_j + c₁(θ) Fᵀĥ + c_*(θ) z and labels with E[y|θ] = y₀, E[y²|θ] = y₂, E[ĥy|θ] = mM,
Cov ĥ = C, F_ij ~ N(0,1), F of size D × m, ridge λ_s per sample, n samples. With A = FᵀCF, Q = (aA + g)⁻¹, δ_θ = (c₁² tr AQ + c_*² tr Q)/n,
a = E[c₁²/(1+δ)], g = λ_s + E[c_*²/(1+δ)], z = g/a, κ₂ = z/m + (κ₂/m) tr C/(C+κ₂):
(1) in units of D (τ = n/D, μ = m/D, k = Dκ₂, r = DC, f₁ = ⟨r/(r+k)⟩, ω = τ/(τa + c₁²f₁ + c_*²/k)): E[c₁²ω] = 1 and
    a k (1 − (τ/μ)(1 − a E ω)) = λ_s/μ, with one solution (k, a);
(2) tr T₁R̃T₂R̃ ≃ D·(T₁:T₂), R̃ = F(A+z)⁻¹Fᵀ, T₁:T₂ = ⟨T₁T₂/(r+k)²⟩ + k²⟨T₁/(r+k)²⟩⟨T₂/(r+k)²⟩/(μ − f₂);
(3) the errors are E r_θ with r = r⁰ + c₁² U + c_*² V, U and V linear in r (hermite_eq.theory.ridge_equivalent.scalar)."""

ASSUMPTIONS = """D, n, m → ∞ in proportion; (ĥ, z) given θ may be replaced by Gaussians of the same covariances (Gaussian equivalence of
[RT] Theorem 3; used, not proved); traces of products concentrate (deterministic equivalents of sample covariances)."""

TITLE = "The error of the random Transformer"

STATEMENT_TEX = r"""Samples $\theta$ have features $\phi=\sum_j\psi_j(\theta)q_j+c_1(\theta)F^\top\hat h+c_*(\theta)z$ and labels with
$\mathbb{E}[y\mid\theta]=y_0$,
$\mathbb{E}[y^2\mid\theta]=y_2$, $\mathbb{E}[\hat hy\mid\theta]=m(\theta)M$, $\operatorname{Cov}\hat h=C$, $F_{ij}\sim\mathcal{N}(0,1)$ of
size
$D\times m$, ridge $\lambda_s$ per sample. With $A=F^\top CF$, $Q=(aA+g)^{-1}$,
$\delta_\theta=(c_1^2\operatorname{tr}AQ+c_*^2\operatorname{tr}Q)/n$, $a=\mathbb{E}\frac{c_1^2}{1+\delta}$,
$g=\lambda_s+\mathbb{E}\frac{c_*^2}{1+\delta}$, $z=g/a$ and $\kappa_2=\frac zm+\frac{\kappa_2}m\operatorname{tr}\frac C{C+\kappa_2}$:
\begin{enumerate}
\item in units of $D$ ($\tau=n/D$, $\mu=m/D$, $k=D\kappa_2$, $r=DC$, $f_1=\langle\frac r{r+k}\rangle$,
$\omega=\tau/(\tau a+c_1^2f_1+c_*^2/k)$), $\mathbb{E}[c_1^2\omega]=1$ and
$ak\bigl(1-\frac\tau\mu(1-a\,\mathbb{E}\omega)\bigr)=\lambda_s/\mu$, with one
solution $(k,a)$;
\item $\operatorname{tr}T_1\tilde RT_2\tilde R\simeq D\,(T_1:T_2)$, $\tilde R=F(A+z)^{-1}F^\top$, with
$T_1:T_2=\langle\frac{T_1T_2}{(r+k)^2}\rangle+\frac{k^2}{\mu-f_2}\langle\frac{T_1}{(r+k)^2}\rangle\langle\frac{T_2}{(r+k)^2}\rangle$;
\item the errors are $\mathbb{E}\,r_\theta$ with $r=r^0+c_1^2U+c_*^2V$, where $U$ and $V$ are linear in $r$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"$D,n,m\to\infty$ in proportion; $(\hat h,z)$ given $\theta$ may be replaced by Gaussians of the same covariances (Theorem 3;"
    r" used, not proved); traces of products concentrate (deterministic equivalents of sample covariances)."
)

k, a, tau, mu, lam, z = sympy.symbols("k a tau mu lambda z", positive=True)


def _elimination() -> list[Step]:
    c, e, f1, w = sympy.symbols("c_1^2 c_*^2 f_1 omega", positive=True)
    z_of_k = k * (mu - f1)  # κ₂ = z/m + κ₂ df₁/m
    trace_A, trace_Q = f1 / (tau * a), z_of_k / (k * tau * z_of_k * a)  # tr AQ/n = df₁/(na), tr Q/n = (m − df₁)/(ng)
    delta = c * trace_A + e * trace_Q
    weight = sympy.simplify(1 / (1 + delta) - a * tau / (tau * a + c * f1 + e / k))
    # Σ over nodes of τ(c f₁ + e/k + τa)/(…) = τ, with E[cω] = 1: E[eω] = k(τ − f₁ − τaEω).
    residual = k * (tau - f1 - tau * a * w)
    second = a * z_of_k - (lam + a * residual)  # g = za and g = λ_s + E[c_*²/(1+δ)], 1/(1+δ) = aω
    claimed = a * k * (mu - tau * (1 - a * w)) - lam
    one_scale = (c * k * (mu - f1) - e) * (c * k * (tau - f1) - e) - tau * lam * c * k
    slope = sympy.solve(sympy.Eq(c * tau / (tau * a + c * f1 + e / k), 1), a)[0]
    combined = claimed.subs(w, 1 / c).subs(a, slope)
    return [
        Step("1/(1+δ) = aω", weight == 0, "all values", tex=r"$1/(1+\delta)=a\omega$."),
        Step(
            "the two equations for (a, g) are those of (1)",
            sympy.simplify(second - claimed) == 0,
            "all values",
            tex=r"The two equations for $(a,g)$ are those of (1).",
        ),
        Step(
            "one scale: (c₁²k(μ−f₁) − c_*²)(c₁²k(τ−f₁) − c_*²) = τλ_s c₁²k, symmetric in samples and features",
            sympy.simplify(combined * tau * c * k - one_scale) == 0,
            "all values",
            tex=r"One scale: $(c_1^2k(\mu-f_1)-c_*^2)(c_1^2k(\tau-f_1)-c_*^2)=\tau\lambda_sc_1^2k$, symmetric in samples and features.",
        ),
    ]


def _uniqueness() -> list[Step]:
    """Two scales: a(k) from E[c₁²ω] = 1 has da/dk > 0 when the loads w_i decrease in k, and so has E[τa/(τa+w)]."""
    c1, c2, w1, w2, d1, d2, p = sympy.symbols("c_1 c_2 w_1 w_2 d_1 d_2 p", positive=True)
    weights = (p, 1)
    mean = sum(q * c / (tau * a + w) for q, c, w in zip(weights, (c1, c2), (w1, w2), strict=True))
    # w_i' = −d_i: 0 = ∂mean/∂a a' − Σ d_i ∂mean/∂w_i.
    a_slope = (d1 * sympy.diff(mean, w1) + d2 * sympy.diff(mean, w2)) / sympy.diff(mean, a)
    numerator, denominator = sympy.fraction(sympy.together(sympy.simplify(a_slope)))
    positive = all(coefficient > 0 for part in (numerator, denominator) for coefficient in sympy.Poly(sympy.expand(part)).coeffs())
    share = sympy.diff(tau * a / (tau * a + w1), a), sympy.diff(tau * a / (tau * a + w1), w1)
    monotone = share[0].simplify().is_positive and share[1].simplify().is_negative
    return [
        Step(
            "a(k) increases where it exists",
            bool(positive),
            "two scales; any number by the same sum",
            tex=r"$a(k)$ increases where it exists.",
        ),
        Step(
            "E[τa/(τa+w)] increases with a and decreases with w, so the left side of (1) increases once positive",
            bool(monotone),
            "all",
            tex=r"$\mathbb{E}\frac{\tau a}{\tau a+w}$ increases with $a$ and decreases with $w$, so the left side of (1) increases"
            r" once it is positive.",
        ),
    ]


def _second_order() -> list[Step]:
    r"""tr T₁R̃T₂R̃ = −d/dε tr T₁R̃(C + εT₂), the exact derivative; of the first-order equivalent D⟨T₁/(r+k)⟩ it gives (2).

    Commuting case on two eigenvalues of weights p, 1 − p; k(ε) by implicit differentiation of z = k(μ − f₁).
    """
    r1, r2, s1, s2, t1, t2, p, epsilon = sympy.symbols("r_1 r_2 s_1 s_2 t_1 t_2 p epsilon", positive=True)

    def mean(f1: sympy.Expr, f2: sympy.Expr) -> sympy.Expr:
        return p * f1 + (1 - p) * f2

    R1, R2 = r1 + epsilon * t1, r2 + epsilon * t2
    equation = k * (mu - mean(R1 / (R1 + k), R2 / (R2 + k))) - z
    k_slope = -sympy.diff(equation, epsilon) / sympy.diff(equation, k)
    first = mean(s1 / (R1 + k), s2 / (R2 + k))
    total = -(sympy.diff(first, epsilon) + sympy.diff(first, k) * k_slope).subs(epsilon, 0)
    f2 = mean(r1**2 / (r1 + k) ** 2, r2**2 / (r2 + k) ** 2)
    claimed = mean(s1 * t1 / (r1 + k) ** 2, s2 * t2 / (r2 + k) ** 2) + k**2 / (mu - f2) * mean(
        s1 / (r1 + k) ** 2, s2 / (r2 + k) ** 2
    ) * mean(t1 / (r1 + k) ** 2, t2 / (r2 + k) ** 2)
    in_z = vanishes(1 / sympy.diff(equation, k).subs(epsilon, 0) - 1 / (mu - f2))
    j = mean(s1 / (r1 + k) ** 2, s2 / (r2 + k) ** 2)
    # T₂ = C: T:C must be G + z dG/dz with G = ⟨T/(r+k)⟩, dk/dz = 1/(μ − f₂).
    with_C = claimed.subs({t1: r1, t2: r2})
    f1 = mean(r1 / (r1 + k), r2 / (r2 + k))
    by_ridge = mean(s1 / (r1 + k), s2 / (r2 + k)) - k * (mu - f1) * j / (mu - f2)
    return [
        Step("dk/dz = 1/(μ − f₂)", in_z, "two eigenvalues, all values", tex=r"$dk/dz=1/(\mu-f_2)$."),
        Step("the bilinear form of (2)", vanishes(total - claimed), "two eigenvalues, all values", tex=r"The bilinear form of (2)."),
        Step(
            "T:C = G_T + z dG_T/dz, the derivative in the ridge",
            vanishes(with_C - by_ridge),
            "two eigenvalues, all values",
            tex=r"$T:C=G_T+z\,dG_T/dz$, the derivative in the ridge.",
        ),
    ]


def _finite_block() -> list[Step]:
    """w = Q Σ_j q_j t_j with t_j = E[ψ_j (y₀ − Σ a_lψ_l)/(1+δ)], a_j = q_jᵀw ≃ tr(Q) t_j: a = (I/tr Q + P)⁻¹ b."""
    trace, P11, P12, P22, b1, b2 = sympy.symbols("t P_11 P_12 P_22 b_1 b_2", positive=True)
    P, b = sympy.Matrix([[P11, P12], [P12, P22]]), sympy.Matrix([b1, b2])
    solution = (sympy.eye(2) / trace + P).inv() * b
    fixed = sympy.simplify(trace * (b - P * solution) - solution)
    # The degree-2 mean on neuron i, (c₂/2)(fᵀCf − 1): its variance over f is (c₂²/4)·2 tr C² for f ~ N(0, I), tr C = 1.
    x, y_, c = sympy.symbols("x y c", positive=True)
    variance = sum(v**2 * 2 for v in (x, y_))  # Var Σ x_i(f_i² − 1) = 2Σx_i²
    return [
        Step(
            "coefficients of the constant and of degree 2: a = (I/tr Q + P)⁻¹b",
            fixed == sympy.zeros(2, 1),
            "two directions, all values",
            tex=r"Coefficients of the constant and of degree 2: $a=(I/\operatorname{tr}Q+P)^{-1}b$.",
        ),
        Step(
            "mean of degree 2 has variance (c₂²/2) tr C² per neuron",
            sympy.simplify(c**2 / 4 * variance - c**2 / 2 * (x**2 + y_**2)) == 0,
            "all C",
            tex=r"The mean of degree 2 has variance $\frac{c_2^2}2\operatorname{tr}C^2$ per neuron.",
        ),
    ]


def _law(kappa: int, count: int = 120) -> list[tuple[mpmath.mpf, mpmath.mpf]]:
    """Weights and nodes for the Marchenko-Pastur law of κ > 1: Chebyshev nodes of the second kind between the edges."""
    gamma = mpmath.mpf(1) / kappa
    middle, half = 1 + gamma, 2 * mpmath.sqrt(gamma)
    angles = [mpmath.pi * i / (count + 1) for i in range(1, count + 1)]
    nodes = [middle + half * mpmath.cos(t) for t in angles]
    return [(half**2 * mpmath.sin(t) ** 2 / (2 * gamma * s * (count + 1)), s) for t, s in zip(angles, nodes, strict=True)]


def _literal(values: dict[str, float], kappa: int, start: float) -> tuple[mpmath.mpf, mpmath.mpf]:
    """(e_ICL, e_IDG) of one scale: the equations in κ₁, κ₂, Q(T) and W(T) written out, by quadrature in 30 digits."""
    with mpmath.workdps(30):
        v = {name: mpmath.mpf(x) for name, x in values.items()}
        spectrum = _law(kappa)
        r = [v["p"] * s_ + 1 - v["p"] for _, s_ in spectrum]

        def mean(f: Callable[..., mpmath.mpf]) -> mpmath.mpf:
            return mpmath.fsum(w * f(s_, r_) for (w, s_), r_ in zip(spectrum, r, strict=True))

        c2, e, tau_, mu_, lam_ = v["c1"] ** 2, v["residual2"], v["tau"], v["mu"], v["ridge"]

        def kappa1(k_: mpmath.mpf) -> mpmath.mpf:
            return c2 * k_ * (mu_ - mean(lambda _s, r_: r_ / (r_ + k_))) - e

        def equation(log_k: mpmath.mpf) -> mpmath.mpf:
            k_ = mpmath.exp(log_k)
            zeta = (e + kappa1(k_)) / c2
            f1 = mean(lambda _s, r_: r_ / (r_ + k_))
            return kappa1(k_) - lam_ - kappa1(k_) / tau_ * (mu_ - kappa1(k_) / c2 * (mu_ - f1) / zeta)

        k_ = mpmath.exp(mpmath.findroot(equation, (mpmath.log(start) - 1e-3, mpmath.log(start) + 1e-3), tol=1e-50))
        first = kappa1(k_)
        zeta, f1 = (e + first) / c2, mean(lambda _s, r_: r_ / (r_ + k_))
        slope = 1 / (mu_ - mean(lambda _s, r_: (r_ / (r_ + k_)) ** 2))

        def W(T: Callable[..., mpmath.mpf]) -> mpmath.mpf:
            t1, t2 = (mean(lambda s_, r_, b=b: T(s_, r_) / (r_ + k_) ** b) for b in (1, 2))
            G = t1 + e / c2 * (mu_ - f1) / zeta
            dG = -slope * t2 + e / c2 * (-(mu_ - f1) / zeta**2 + slope * mean(lambda _s, r_: r_ / (r_ + k_) ** 2) / zeta)
            return G + first / c2 * dG

        def Q(T: Callable[..., mpmath.mpf]) -> mpmath.mpf:
            trace = mean(lambda s_, r_: T(s_, r_) / (r_ + k_) ** 2)
            quadratic = mean(
                lambda s_, r_: (
                    s_**2
                    / r_
                    * (
                        (K := T(s_, r_) / r_)
                        - 2 * K * k_ / (r_ + k_)
                        + k_**2 * K / (r_ + k_) ** 2
                        + k_**2 * r_ / (r_ + k_) ** 2 * trace * slope
                    )
                )
            )
            return quadratic + e / c2 * slope * mean(lambda s_, r_: s_**2 / (r_ + k_) ** 2)

        m2 = v["signal"] ** 2
        square = v["square"]
        idg = (square - 2 * m2 * mean(lambda s_, r_: s_**2 / (r_ + k_)) + m2 * Q(lambda _s, r_: r_)) / (1 - W(lambda _s, r_: r_) / tau_)
        fresh = W(lambda _s, _r: 1)
        icl = square - 2 * m2 * mean(lambda s_, r_: s_ / (r_ + k_)) + m2 * Q(lambda _s, _r: 1) + fresh * idg / tau_
        return icl, idg


def _against_library() -> list[Step]:
    worst = 0.0
    points = [
        {"p": 0.4, "c1": 0.5, "residual2": 0.09, "tau": 1.5, "mu": 3.0, "ridge": 0.01, "signal": 0.3, "square": 0.5},
        {"p": 0.7, "c1": 0.6, "residual2": 0.03, "tau": 2.0, "mu": 0.5, "ridge": 0.001, "signal": 0.5, "square": 0.9},
        {"p": 0.2, "c1": 1.2, "residual2": 0.5, "tau": 0.3, "mu": 0.8, "ridge": 0.5, "signal": 0.2, "square": 0.4},
    ]
    for kappa, v in zip((2, 3, 5), points, strict=True):
        column = np.ones((1, 1))
        samples = ScaledSamples(
            weights=column,
            c0=0 * column,
            c1=v["c1"] * column,
            c2=0 * column,
            residual2=v["residual2"] * column,
            mean=0 * column,
            square=v["square"] * column,
            signal=v["signal"] * column,
            tilt=0 * column,
        )
        tau_, mu_ = np.array([v["tau"]]), np.array([v["mu"]])
        spectrum = Spectrum.limit(np.array([v["p"]]), np.array([float(kappa)]))
        point = fixed_point(samples, spectrum, tau_, mu_, np.array([v["ridge"] / v["mu"]]))
        error = random_head_error(samples, spectrum, tau_, mu_, point, np.inf, np.ones(1))
        icl, idg = _literal(v, kappa, float(point.k[0]))
        worst = max(worst, abs(float(error.icl[0] / icl) - 1), abs(float(error.idg[0] / idg) - 1))
    return [
        Step(
            "the library equals the one-scale equations written out",
            worst < 1e-12,
            f"{len(points)} points in 30 digits",
            tex=r"The library equals the one-scale equations written out and solved in 30 digits.",
        )
    ]


def check() -> list[Step]:
    return [*_elimination(), *_uniqueness(), *_second_order(), *_finite_block(), *_against_library()]
