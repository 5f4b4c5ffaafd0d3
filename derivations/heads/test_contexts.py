r"""Contexts of another length in the test: what changes, and which length is the best.

Route: the error of a fixed fit as a quadratic form of the test's moments, so that the test enters linearly; its dependence on the length
by SymPy for linear and homogeneous heads; and the library against both, and against fits to drawn features.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import sympy

from derivations import Step
from hermite_eq.expansion import coefficients
from hermite_eq.models import LinearTransformer, PolynomialActivation, RandomTransformer, Ratios, Task
from hermite_eq.theory import icl_curve, icl_error
from hermite_eq.theory.design.context_length import optimal_test_context

TITLE = "Contexts of another length in the test"

STATEMENT = r"""Training has contexts of length αd, the test α_t d, with fresh tasks; R_t = a₁² + v/α, R'_t = a₁² + v/α_t, F has the scale
of training.
(1) E[hy] is the same, tr Cov h is dR'_t and pre-activations have the variance s² = R'_t/R_t: the error is that of the fit of training
on features c₀(s)1 + c₁(s)Fᵀĥ + c_*(s)z with E[ĥy] = a₁²/√R'_t.
(2) Linear head: e_ICL = A + B/α_t, B = v(⟨S²/(S+y)²⟩ + ⟨R/(S+y)²⟩e_IDG/τ) > 0.
(3) σ(cx) = cσ(x) for c > 0, the constant fitted: e_ICL = A + Bs² + y₀²(1−s)², y₀ = E y. On s² > a₁²/R_t it is least at s = y₀²/(B+y₀²),
or at that end, which is α_t = ∞."""

ASSUMPTIONS = """d → ∞ with ℓ/d, k/d, n/d², m/d² fixed; Gaussian equivalence on the test's contexts as on those of training."""

STATEMENT_TEX = r"""Training has contexts of length $\alpha d$, the test $\alpha_td$, with fresh tasks;
$R_t=a_1^2+\frac v\alpha$, $R'_t=a_1^2+\frac v{\alpha_t}$, and $F$ has the scale of training.
\begin{enumerate}
\item $\mathbb{E}[hy]$ is the same, $\operatorname{tr}\operatorname{Cov}h$ is $dR'_t$, and pre-activations have the variance
$s^2=R'_t/R_t$: the error is that of the fit of training on features $c_0(s)1+c_1(s)F^\top\hat h+c_*(s)z$ with
$\mathbb{E}[\hat hy]=a_1^2/\sqrt{R'_t}$.
\item Linear head: $e_{\mathrm{ICL}}=A+B/\alpha_t$ with
$B=v\bigl(\langle\frac{S^2}{(S+y)^2}\rangle+\langle\frac R{(S+y)^2}\rangle\frac{e_{\mathrm{IDG}}}\tau\bigr)>0$.
\item $\sigma(cx)=c\,\sigma(x)$ for $c>0$, the constant fitted: $e_{\mathrm{ICL}}=A+Bs^2+y_0^2(1-s)^2$ with $y_0=\mathbb{E}y$. On
$s^2>a_1^2/R_t$ it is least at $s=\frac{y_0^2}{B+y_0^2}$, or at that end, which is $\alpha_t=\infty$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"$d\to\infty$ with $\ell/d$, $k/d$, $n/d^2$, $m/d^2$ fixed; Gaussian equivalence on the test's contexts as on those of training."
)


def _moments() -> list[Step]:
    """E b₁ = a√d u and E‖b₁‖²/d = a² + v/α_t to leading order, from E[b₁] = √d a u, Cov b₁ = (d/ℓ)(vI + …uuᵀ)."""
    a, v, d, ell = sympy.symbols("a v d ell", positive=True)
    mean2 = d * a**2
    spread = d / ell * (d * v)
    ratio = sympy.simplify((mean2 + spread) / d - (a**2 + v * d / ell))
    # The error of ŷ = wᵀφ given the fit, at the features' moments: E[φy] = c₀y₀1 + c₁m FᵀM, E[φφᵀ] = c₀²11ᵀ + c₁²FᵀTF + c_*²I.
    c0, c1, cs, m, y0, y2, w1, wM, wTw, w2 = sympy.symbols("c_0 c_1 c_* m y_0 y_2 w_1 w_M w_T w_2")
    y, z, h = sympy.symbols("y z h")
    total = sympy.expand((y - c0 * w1 - c1 * h - cs * z) ** 2).subs({z * h: 0, z * y: 0})
    total = total.subs({h**2: wTw, z**2: w2, y * h: m * wM, y**2: y2}).subs({h: 0, z: 0, y: y0})
    expected = y2 - 2 * c0 * y0 * w1 + c0**2 * w1**2 - 2 * c1 * m * wM + c1**2 * wTw + cs**2 * w2
    return [
        Step(
            "E‖b₁‖² = d(a² + v/α_t) to leading order, E[hy] without α_t",
            ratio == 0,
            "all a, v, ℓ",
            tex=r"$\mathbb{E}\|b_1\|^2=d(a^2+v/\alpha_t)$ to leading order, and $\mathbb{E}[hy]$ is without $\alpha_t$.",
        ),
        Step(
            "the error of a fit is linear in c₀², c₁², c_*², c₀y₀, c₁m of the test",
            sympy.expand(total - expected) == 0,
            "all fits",
            tex=r"The error of a fit is linear in $c_0^2$, $c_1^2$, $c_*^2$, $c_0y_0$ and $c_1m$ of the test.",
        ),
    ]


def _linear(power: int = 1) -> list[Step]:
    """A + B/α_t; ``power`` replaces the power of 1/α_t in the check of the library."""
    s, i, q, x, ratio = sympy.symbols("s i q x e", positive=True)
    y = i + q
    error = y**2 * s / (s + y) ** 2 + x * s**2 / (s + y) ** 2 + (s + x) * (s + i) / (s + y) ** 2 * ratio
    slope = sympy.diff(error, x)
    linear = sympy.diff(slope, x) == 0 and sympy.simplify(slope - (s**2 + (s + i) * ratio) / (s + y) ** 2) == 0
    worst = 0.0
    heads = ((LinearTransformer(0.0), "identity", (2.0, 0.5, 0.7)), (LinearTransformer(0.1, True), "relu", (1.0, 2.0, 3.0)))
    for model, target, at in heads:
        task = Task(target, 0.1)
        lengths = np.array([0.25, 1.5, 40.0])
        errors = icl_curve(model, task, Ratios(*at), test_alpha=list(lengths)).icl
        u = lengths ** -float(power)
        slopes = np.diff(errors) / np.diff(u)
        worst = max(worst, abs(float(slopes[0] / slopes[1]) - 1))
    return [
        Step(
            "e_ICL is affine in i_t = v/α_t, with a positive slope",
            linear,
            "all s, i, q",
            tex=r"$e_{\mathrm{ICL}}$ is affine in $i_t=v/\alpha_t$, with a positive slope.",
        ),
        Step("so is the library's", worst < 1e-11, "2 heads, 3 lengths", tex=r"So is the library's."),
    ]


def _homogeneous(mean: sympy.Expr | None = None) -> list[Step]:
    """c_k(s) = s c_k: of (1) the part in c₀ is (y₀ − s c₀a)², c₀a = y₀; ``mean`` replaces y₀²(1−s)²."""
    s, y0, A, B = sympy.symbols("s y_0 A B", positive=True)
    c0a = y0
    part = sympy.expand(-2 * s * c0a * y0 + s**2 * c0a**2 + y0**2 - y0**2 * (1 - s) ** 2)
    error = A + B * s**2 + y0**2 * (1 - s) ** 2
    best = sympy.solve(sympy.diff(error, s), s)[0]
    # m = a₁²/√R'_t and c₁(s) = s c₁: c₁(s)m = c₁a₁²/√R_t does not depend on α_t.
    a1, R, Rt = sympy.symbols("a_1 R R_t", positive=True)
    steady = sympy.simplify(sympy.sqrt(R / Rt) * a1**2 / sympy.sqrt(R) - a1**2 / sympy.sqrt(Rt))
    term = (lambda s, y: y**2 * (1 - s) ** 2) if mean is None else sympy.lambdify((sympy.Symbol("s"), sympy.Symbol("y_0")), mean)
    task, ratios, head = Task("softplus", 0.01), Ratios(1.0, 0.5, 4.0, 20.0), RandomTransformer("relu", 0.0)
    v, y0_value, slope2 = _labels(task)
    lengths = np.array([0.5, 1.7, 6.0, 30.0])
    errors = icl_curve(head, task, ratios, test_alpha=list(lengths)).icl
    square = icl_error(head, task, ratios)
    scale = np.sqrt((slope2 + v / lengths) / (slope2 + v))
    rest = errors - term(scale, y0_value)
    b = np.diff(rest) / np.diff(scale**2)
    affine = float(np.abs(b / b[0] - 1).max()) < 1e-5
    star = y0_value**2 / (b[0] + y0_value**2)
    length = v / ((slope2 + v) * star**2 - slope2)
    optimum = optimal_test_context(head, task, ratios)
    met = abs(optimum.alpha / length - 1) < 1e-4 and optimum.error.icl < square.icl
    return [
        Step(
            "(y₀ − s c₀a)² with c₀a = y₀ is y₀²(1−s)², and c₁(s)m does not depend on α_t",
            part == 0 and steady == 0,
            "all s, y₀, R",
            tex=r"$(y_0-s\,c_0a)^2$ with $c_0a=y_0$ is $y_0^2(1-s)^2$, and $c_1(s)m$ does not depend on $\alpha_t$.",
        ),
        Step(
            "A + Bs² + y₀²(1−s)² is least at s = y₀²/(B+y₀²)",
            sympy.simplify(best - y0**2 / (B + y0**2)) == 0,
            "all B, y₀",
            tex=r"$A+Bs^2+y_0^2(1-s)^2$ is least at $s=\frac{y_0^2}{B+y_0^2}$.",
        ),
        Step(
            "the library's error of ReLU is of this form, and its best length is where it is least",
            affine and met,
            "target softplus, 4 lengths",
            tex=r"The library's error of ReLU is of this form, and its best length is where it is least.",
        ),
    ]


def _labels(task: Task) -> tuple[float, float, float]:
    """v, E y and a₁²."""
    expansion = coefficients(task.target, 1)
    return float(expansion.norm2) + task.noise, float(expansion[0]), float(expansion[1]) ** 2


@cache
def _drawn(scaled: bool = True) -> Step:
    """A fit to Gaussian ĥ, tested at another scale: the engine's prediction for a polynomial head against drawn features.

    D = 240 isotropic directions, n = 360, m = 300, 16 draws; the error at the scale of training, ``scaled`` = False, is 30 % higher."""
    D, n, m, draws, alpha, tested = 240, 360, 300, 16, 1.0, 4.0
    head = PolynomialActivation("1 + x + z/2", (1.0, 1.0), 0.5)
    task = Task("relu", noise=0.1)
    v, mean, slope2 = _labels(task)
    fresh, other = slope2 + v / alpha, slope2 + v / tested
    rng = np.random.default_rng(20)
    errors = []
    for _ in range(draws):
        signal = rng.standard_normal(D)
        signal *= np.sqrt(slope2**2 / fresh) / np.linalg.norm(signal)
        F = rng.standard_normal((D, m)) / np.sqrt(D)

        def sample(count: int, length: float, F: np.ndarray = F, signal: np.ndarray = signal) -> tuple[np.ndarray, np.ndarray]:
            # h of covariance (length/fresh) I, E[hy] = signal: y has the mean, the part along h, and the rest of its variance.
            h = rng.standard_normal((count, D)) * np.sqrt(length / fresh)
            along = h @ signal * fresh / length
            rest = v - mean**2 - float(signal @ signal) * fresh / length
            y = mean + along + np.sqrt(rest) * rng.standard_normal(count)
            return 1 + h @ F + 0.5 * rng.standard_normal((count, m)), y

        X, y = sample(n, fresh)
        w = np.linalg.lstsq(X, y, rcond=None)[0]
        X, y = sample(2000, other)
        errors.append(float(np.mean((y - X @ w) ** 2)))
    ratios = Ratios(alpha, np.inf, n / D, m / D, tested if scaled else None)
    expected = icl_error(RandomTransformer(head, 0.0), task, ratios).icl
    simulated, error = float(np.mean(errors)), float(np.std(errors, ddof=1) / np.sqrt(draws))
    return Step(
        "fits to drawn Gaussian features, tested at another scale, have the library's error",
        abs(simulated - expected) < 4 * error,
        "D = 240, 16 draws",
        tex=r"Fits to drawn Gaussian features, tested at another scale, have the library's error.",
    )


def check() -> list[Step]:
    return [*_moments(), *_linear(), *_homogeneous(), _drawn()]
