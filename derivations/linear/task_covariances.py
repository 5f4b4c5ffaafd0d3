r"""The linear Transformer with pretraining and test tasks of any covariance.

Route: one column left out for the resolvent of a sample covariance matrix, its derivative in y atom by atom, and ridge regression whose
training and test populations differ, eigenvalue by eigenvalue; checked against drawn matrices and against the isotropic case.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import sympy

from derivations import Step
from hermite_eq.models import LinearTransformer, Ratios, Task
from hermite_eq.theory import icl_curve
from hermite_eq.theory.linear_limits.structured_tasks import TaskPopulation
from hermite_eq.theory.ridge_equivalent.linear import linear_limit
from hermite_eq.theory.spectra.task_spectrum import TaskSpectrum

TITLE = "Pretraining and test tasks of any covariance"

STATEMENT = r"""Training tasks ξ ~ N(0, C), test tasks ~ N(0, C_t), s² = tr C/d, S = (a(s)²/s²)(1/k)Σξ_jξ_jᵀ, T = (a(s_t)²/s_t²)C_t,
i = v(s)/α, i_t = v(s_t)/α, R = S + i. With q = λ + (q/τ)⟨R/(R+q)⟩ and y = i + q:
e₀ = v − ⟨S⟩ + y²⟨S/(S+y)²⟩ + i⟨S²/(S+y)²⟩, e_IDG = e₀/(1 − ⟨R²/(R+q)²⟩/τ),
e_ICL = v_t − ⟨T⟩ + y²⟨T/(S+y)²⟩ + i_t⟨S²/(S+y)²⟩ + ⟨(T+i_t)(S+i)/(S+y)²⟩ e_IDG/τ.
With c the eigenvalues of (a²/s²)C and γ = d/k: (S+y)⁻¹ ≃ (C+ψ)⁻¹/φ, φ = 1 − γ⟨c/(c+ψ)⟩, y = ψφ, increasing and convex in ψ."""

ASSUMPTIONS = """d → ∞ with ℓ/d, k/d, n/d² fixed; the covariances have bounded eigenvalues and trace of order d, so that ‖ξ‖²/d → tr C/d;
ridge regression on h has the error it has for Gaussian h of the same covariance and the same E[hy]."""

STATEMENT_TEX = r"""Training tasks are $\xi\sim\mathcal{N}(0,C)$, test tasks $\sim\mathcal{N}(0,C_t)$; $s^2=\operatorname{tr}C/d$,
$S=\frac{a(s)^2}{s^2}\frac1k\sum\xi_j\xi_j^\top$, $T=\frac{a(s_t)^2}{s_t^2}C_t$, $i=v(s)/\alpha$, $i_t=v(s_t)/\alpha$, $R=S+i$. With
$q=\lambda+\frac q\tau\langle\frac R{R+q}\rangle$ and $y=i+q$,
\begin{align*}
e_0&=v-\langle S\rangle+y^2\Bigl\langle\frac S{(S+y)^2}\Bigr\rangle+i\Bigl\langle\frac{S^2}{(S+y)^2}\Bigr\rangle,\qquad
e_{\mathrm{IDG}}=\frac{e_0}{1-\frac1\tau\langle\frac{R^2}{(R+q)^2}\rangle},\\
e_{\mathrm{ICL}}&=v_t-\langle T\rangle+y^2\Bigl\langle\frac T{(S+y)^2}\Bigr\rangle+i_t\Bigl\langle\frac{S^2}{(S+y)^2}\Bigr\rangle
+\Bigl\langle\frac{(T+i_t)(S+i)}{(S+y)^2}\Bigr\rangle\frac{e_{\mathrm{IDG}}}\tau.
\end{align*}
With $c$ the eigenvalues of $\frac{a^2}{s^2}C$ and $\gamma=d/k$, $(S+y)^{-1}\simeq\frac1\varphi(C+\psi)^{-1}$, where
$\varphi=1-\gamma\langle\frac c{c+\psi}\rangle$ and $y=\psi\varphi$ increases with $\psi$ and is convex."""

ASSUMPTIONS_TEX = (
    r"$d\to\infty$ with $\ell/d$, $k/d$, $n/d^2$ fixed; the covariances have bounded eigenvalues and traces of order $d$, so that"
    r" $\|\xi\|^2/d\to\operatorname{tr}C/d$; ridge regression on $h$ has the error it has for Gaussian $h$ of the same covariance"
    r" and the same $\mathbb{E}[hy]$."
)

c, c2, t, psi, gamma, s, y, i, i_t, q, tau, lam = sympy.symbols("c c_2 t psi gamma s y i i_t q tau lambda", positive=True)


def _resolvent(phi: sympy.Expr) -> list[Step]:
    """One atom c of weight 1 stands for the mean: every statement is linear in ⟨·⟩ or a product of two of them."""
    # (S+y)⁻¹ ≃ (y + C/(1+δ))⁻¹ with δ = γ⟨c (S+y)⁻¹⟩; φ = 1/(1+δ).
    delta = gamma * c / (y + c * sympy.Symbol("phi"))
    fixed = sympy.Symbol("phi") * (1 + delta) - 1
    holds = sympy.simplify(fixed.subs(y, psi * sympy.Symbol("phi")).subs(sympy.Symbol("phi"), phi)) == 0
    two = 1 - gamma * (c / (c + psi) + c2 / (c2 + psi)) / 2
    both = sympy.simplify(two * (1 + gamma * (c / (psi * two + c * two) + c2 / (psi * two + c2 * two)) / 2) - 1) == 0
    y_of = psi * phi
    first = sympy.simplify(sympy.diff(y_of, psi) - (phi + psi * gamma * c / (c + psi) ** 2))
    convex = sympy.simplify(sympy.diff(y_of, psi, 2) - 2 * gamma * c**2 / (c + psi) ** 3)
    eta = sympy.Symbol("eta", positive=True)
    share = gamma * c / ((c + psi) * (c + psi + eta))
    difference = sympy.simplify(phi.subs(psi, psi + eta) - phi - eta * share)
    rise = sympy.simplify(y_of.subs(psi, psi + eta) - y_of - eta * (phi.subs(psi, psi + eta) + psi * share))
    return [
        Step(
            "φ(1 + γ⟨c/(y+cφ)⟩) = 1 at y = ψφ, φ = 1 − γ⟨c/(c+ψ)⟩",
            holds and both,
            "all arguments",
            tex=r"$\varphi(1+\gamma\langle\frac c{y+c\varphi}\rangle)=1$ at $y=\psi\varphi$,"
            r" $\varphi=1-\gamma\langle\frac c{c+\psi}\rangle$.",
        ),
        Step(
            "dy/dψ = φ + γψ⟨c/(c+ψ)²⟩ > 0, d²y/dψ² = 2γ⟨c²/(c+ψ)³⟩ ≥ 0",
            first == 0 and convex == 0,
            "all arguments",
            tex=r"$\frac{dy}{d\psi}=\varphi+\gamma\psi\langle\frac c{(c+\psi)^2}\rangle>0$,"
            r" $\frac{d^2y}{d\psi^2}=2\gamma\langle\frac{c^2}{(c+\psi)^3}\rangle\ge0$.",
        ),
        Step(
            "φ(ψ+η) − φ(ψ) and y(ψ+η) − y(ψ) as sums of positive terms",
            difference == 0 and rise == 0,
            "all arguments",
            tex=r"$\varphi(\psi+\eta)-\varphi(\psi)$ and $y(\psi+\eta)-y(\psi)$ as sums of positive terms.",
        ),
    ]


def _derivatives(phi: sympy.Expr) -> Step:
    """−d/dy of ⟨T(S+y)⁻¹⟩ = ⟨t/(c+ψ)⟩/φ and of ⟨TS(S+y)⁻¹⟩ = ⟨tc/(c+ψ)⟩, against the library at one atom and at two."""
    dy = sympy.diff(psi * phi, psi)
    t_1, ts_1 = t / (c + psi) / phi, t * c / (c + psi)
    t_2, ts_2 = -sympy.diff(t_1, psi) / dy, -sympy.diff(ts_1, psi) / dy
    s_2 = ts_2.subs(t, 1)
    s2_2 = (ts_1 - psi * phi * ts_2).subs(t, 1)
    worst = 0.0
    for values in ({c: 1, psi: 2, gamma: sympy.Rational(1, 2), t: 3}, {c: 4, psi: 7, gamma: sympy.Rational(5, 4), t: sympy.Rational(1, 3)}):
        # The same atom twice, with unequal weights, must be the atom.
        spectrum = TaskSpectrum(np.full(2, float(values[c])), np.full(2, float(values[t])), np.array([0.25, 0.75]))
        at = np.array([float((psi * phi).subs(values))])
        derivatives = spectrum.resolvent(at, np.array([float(values[psi])]), np.zeros(1), np.array([float(values[gamma])]))
        for name, expression in (
            ("trace", t_1 / t),
            ("s_1", ts_1 / t),
            ("inverse2", t_2 / t),
            ("s_2", s_2),
            ("s2_2", s2_2),
            ("t_2", t_2),
            ("ts_2", ts_2),
        ):
            worst = max(worst, abs(float(getattr(derivatives, name)[0] / expression.subs(values)) - 1))
    return Step(
        "the library's functionals are ⟨t/(c+ψ)⟩/φ, ⟨tc/(c+ψ)⟩ and their derivatives in y",
        worst < 2e-14,
        "2 points",
        tex=r"The library's functionals are $\frac1\varphi\langle\frac t{c+\psi}\rangle$, $\langle\frac{tc}{c+\psi}\rangle$ and their"
        r" derivatives in $y$.",
    )


@cache
def _errors() -> list[Step]:
    """Per eigenvalue s of S with T's diagonal t: the mean fit is Γ = S(S+y)⁻¹, the error E(y − ⟨Γ, h⟩)² on either population."""
    fit = s / (s + y)
    train = -2 * s * fit + (s + i) * fit**2
    stable = -s + y**2 * s / (s + y) ** 2 + i * s**2 / (s + y) ** 2
    test = -2 * t * fit + (t + i_t) * fit**2
    stable_test = -t + y**2 * t / (s + y) ** 2 + i_t * s**2 / (s + y) ** 2
    # A test matrix that does not commute with S enters linearly, next to functions of S alone: only its diagonal counts.
    rng = np.random.default_rng(0)
    A, B = rng.standard_normal((2, 6, 6))
    S, T = A @ A.T, B @ B.T
    values, basis = np.linalg.eigh(S)
    G = np.linalg.inv(S + np.eye(6))
    diagonal = np.diag(basis.T @ T @ basis)
    cyclic = abs(np.trace(S @ G @ T @ G @ S) / (diagonal @ (values / (values + 1)) ** 2) - 1)
    f1, f2, j = (s + i) / (s + y), (s + i) ** 2 / (s + y) ** 2, (s + i) / (s + y) ** 2
    identity = sympy.simplify((f1 - f2 - q * j).subs(y, i + q))
    return [
        Step(
            "v − 2⟨SG S⟩ + ⟨S G R G S⟩ is e₀",
            sympy.simplify(train - stable) == 0,
            "all s, y, i",
            tex=r"$v-2\langle SGS\rangle+\langle SGRGS\rangle=e_0$, $G=(S+y)^{-1}$.",
        ),
        Step(
            "v_t − 2⟨T G S⟩ + ⟨S G (T+i_t) G S⟩ is the first part of e_ICL",
            sympy.simplify(test - stable_test) == 0,
            "all s, t, y, i_t",
            tex=r"$v_t-2\langle TGS\rangle+\langle SG(T+i_t)GS\rangle$ is the first part of $e_{\mathrm{ICL}}$.",
        ),
        Step(
            "tr SGTGS needs only the diagonal of T in the eigenbasis of S",
            cyclic < 1e-12,
            "one pair of 6 × 6 matrices",
            tex=r"$\operatorname{tr}SGTGS$ needs only the diagonal of $T$ in the eigenbasis of $S$.",
        ),
        Step(
            "τ − ⟨R²/(R+q)²⟩ = τλ/q + q⟨R/(R+q)²⟩ at the root",
            identity == 0,
            "all s, q, i",
            tex=r"$\tau-\langle R^2/(R+q)^2\rangle=\tau\lambda/q+q\langle R/(R+q)^2\rangle$ at the root.",
        ),
    ]


@cache
def _isotropic() -> Step:
    worst = 0.0
    points = (("relu", 0.0, 2.0, 0.5, 0.7), ("tanh", 0.01, 0.3, 4.0, 2.0), ("identity", 1e-6, 10.0, math.inf, 1.0))
    for target, ridge, alpha, kappa, tau_ in points:
        population = TaskPopulation.from_covariances(Task(target, noise=0.1), np.ones(4))
        errors = icl_curve(LinearTransformer(ridge), population, [Ratios(alpha, kappa, tau_)])
        slope, v = math.sqrt(population.spectrum.mean), population.train.square
        plain = linear_limit(slope, v - slope**2, v, alpha, kappa, tau_, ridge)
        worst = max(worst, abs(float(errors.icl[0] / plain.icl) - 1), abs(float(errors.idg[0] / plain.idg) - 1))
    return Step("C = C_t = I is the isotropic theory", worst < 1e-12, "3 points", tex=r"$C=C_t=I$ is the isotropic theory.")


@cache
def _drawn() -> Step:
    """S of drawn tasks against its equivalent: 40 draws at d = 80; the bias is O(1/d) and 1.25/d of the value is allowed, 5 % is not."""
    d, k, draws = 80, 40, 40
    rng = np.random.default_rng(5)
    values, fresh = np.linspace(0.1, 3, d), np.linspace(2, 0, d)
    spectrum = TaskSpectrum(values, fresh, np.full(d, 1 / d))
    at, g = np.array([0.3]), np.array([d / k])
    exact = spectrum.resolvent(at, spectrum.origin(at, g), np.zeros(1), g)
    errors = []
    for _ in range(draws):
        xi = rng.standard_normal((k, d)) * np.sqrt(values)
        S = xi.T @ xi / k
        G = np.linalg.inv(S + at * np.eye(d))
        squares = (G * G).sum(1)
        errors.append([np.trace(G) / d, fresh @ squares / d, fresh @ (np.diag(G) - at * squares) / d])
    ratio = np.mean(errors, 0) / np.array([exact.trace[0], exact.t_2[0], exact.ts_2[0]])
    close = bool((np.abs(ratio - 1) < 1.25 / d).all() and (np.abs(ratio * 1.05 - 1) > 1.25 / d).all())
    return Step(
        "⟨(S+y)⁻¹⟩, ⟨T(S+y)⁻²⟩, ⟨TS(S+y)⁻²⟩ of drawn tasks are their equivalents up to O(1/d)",
        close,
        "d = 80, k = 40",
        tex=r"$\langle(S+y)^{-1}\rangle$, $\langle T(S+y)^{-2}\rangle$ and $\langle TS(S+y)^{-2}\rangle$ of drawn tasks are their"
        r" equivalents up to $O(1/d)$.",
    )


def check(phi: sympy.Expr = 1 - gamma * c / (c + psi)) -> list[Step]:
    """The argument; ``phi`` replaces φ(ψ)."""
    return [*_resolvent(phi), _derivatives(phi), *_errors(), _isotropic(), _drawn()]
