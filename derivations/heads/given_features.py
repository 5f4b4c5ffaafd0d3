r"""Ridge regression on features of a given spectrum, and on random features of inputs of a given spectrum.

Route: the two equations of the engine reduce to the published ones by SymPy; errors against the published expressions, coded here for an
operator that holds the constant and all small eigenvalues, against exact and drawn least squares, and against exponents of power laws.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import scipy.optimize
import sympy
from numpy.typing import NDArray

from derivations import Step
from hermite_eq.expansion import coefficients
from hermite_eq.theory.regression.data import estimated_spectrum
from hermite_eq.theory.regression.power_laws import power_law_rates
from hermite_eq.theory.regression.ridge import random_features, ridge

TITLE = "Ridge regression on given features"

STATEMENT = r"""Features have the covariance Σ, f = βᵀΣ^{-1/2}x and the labels the noise σ²; the fit is min Σ(y−wᵀx)² + λ‖w‖².
(1) n − λ/ν = tr Σ(Σ+ν)⁻¹, Υ = tr Σ²(Σ+ν)⁻²/n: e = (ν²βᵀ(Σ+ν)⁻²β + σ²)/(1−Υ), e_train = (λ/nν)²e.
(2) p random features σ(w_jᵀx/√t)/√p, Σ the kernel's eigenvalues c₁²λ_k/t, c₀² + (c₂²/2)Σλ_k²/t², and the small ones:
n − λ/ν₁ = p − pν₁/ν₂ = tr Σ(Σ+ν₂)⁻¹, Υ = (p/n)[(1−ν₁/ν₂)² + (ν₁/ν₂)² tr Σ²(Σ+ν₂)⁻²/(p − tr Σ²(Σ+ν₂)⁻²)],
e = (ν₂²βᵀ(Σ+ν₂)⁻²β + χν₂²βᵀΣ(Σ+ν₂)⁻²β + σ²)/(1−Υ), χ = tr Σ(Σ+ν₂)⁻²/(p − tr Σ²(Σ+ν₂)⁻²).
(3) An intercept: n − 1 samples, and the error times 1 + 1/n.
(4) λ_k = k^{-a}, β_k² = k^{-1-2ar}, λ = n^{1-ℓ}, p = n^q, m = min(ℓ/a, q, 1): ν ~ n^{-am}, variance ~ n^{m-1}, bias ~ n^{-γ} with
γ = min(2am min(r,1), 2am min(r,1/2) + q − m)."""

ASSUMPTIONS = """Quadratic forms of a sample's features concentrate, as for Gaussian x and independent entries; of random features what is
quadratic in x and beyond acts as independent noise."""

STATEMENT_TEX = r"""Features have the covariance $\Sigma$, $f=\beta^\top\Sigma^{-1/2}x$ and the labels the noise $\sigma^2$; the fit is
$\min_w\sum(y-w^\top x)^2+\lambda\|w\|^2$.
\begin{enumerate}
\item $n-\frac\lambda\nu=\operatorname{tr}\Sigma(\Sigma+\nu)^{-1}$, $\Upsilon=\frac1n\operatorname{tr}\Sigma^2(\Sigma+\nu)^{-2}$:
$e=\frac{\nu^2\beta^\top(\Sigma+\nu)^{-2}\beta+\sigma^2}{1-\Upsilon}$, $e_{\mathrm{train}}=(\frac\lambda{n\nu})^2e$.
\item For $p$ random features $\sigma(w_j^\top x/\sqrt t)/\sqrt p$, with $\Sigma$ the kernel's eigenvalues $c_1^2\lambda_k/t$,
$c_0^2+\frac{c_2^2}2\sum\lambda_k^2/t^2$ and the small ones:
$n-\frac\lambda{\nu_1}=p-\frac{p\nu_1}{\nu_2}=\operatorname{tr}\Sigma(\Sigma+\nu_2)^{-1}$,
\begin{align*}
\Upsilon&=\frac pn\Bigl[\Bigl(1-\frac{\nu_1}{\nu_2}\Bigr)^2+\Bigl(\frac{\nu_1}{\nu_2}\Bigr)^2
\frac{\operatorname{tr}\Sigma^2(\Sigma+\nu_2)^{-2}}{p-\operatorname{tr}\Sigma^2(\Sigma+\nu_2)^{-2}}\Bigr],\quad
\chi=\frac{\operatorname{tr}\Sigma(\Sigma+\nu_2)^{-2}}{p-\operatorname{tr}\Sigma^2(\Sigma+\nu_2)^{-2}},\\
e&=\frac1{1-\Upsilon}\bigl[\nu_2^2\beta^\top(\Sigma+\nu_2)^{-2}\beta+\chi\nu_2^2\beta^\top\Sigma(\Sigma+\nu_2)^{-2}\beta
+\sigma^2\bigr].
\end{align*}
\item An intercept takes one sample, and multiplies the error by $1+\frac1n$.
\item $\lambda_k=k^{-a}$, $\beta_k^2=k^{-1-2ar}$, $\lambda=n^{1-\ell}$, $p=n^q$, $m=\min(\ell/a,q,1)$: $\nu\sim n^{-am}$, the variance
$\sim n^{m-1}$, the bias $\sim n^{-\gamma}$ with $\gamma=\min(2am\min(r,1),\,2am\min(r,\frac12)+q-m)$.
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"Quadratic forms of a sample's features concentrate, as for Gaussian $x$ and independent entries; of random features what is"
    r" quadratic in $x$ and beyond acts as independent noise."
)

Array = NDArray[np.float64]


def _equations() -> list[Step]:
    """The engine has E c₁²ω = 1, ω = τ/(τa+w), and ak(1 − (τ/μ)w/(τa+w)) = λ_s/μ with λ_s = λp/n, w = c₁²f₁ + c_*²/k, units of D."""
    n, p, D, lam, c2, f1, k, star = sympy.symbols("n p D lambda c_1^2 f_1 k c_*^2", positive=True)
    tau, mu, w = n / D, p / D, c2 * f1 + star / k
    a = sympy.solve(c2 * tau / (tau * sympy.Symbol("a") + w) - 1, sympy.Symbol("a"))[0]
    # tr Σ(Σ+ν₂)⁻¹ with Σ ⊃ c₁²r/D and small eigenvalues of sum c_*², ν₂ = c₁²k/D.
    nu2 = c2 * k / D
    df = D * f1 + star / nu2
    nu1 = nu2 * (1 - df / p)
    second = a * k * (1 - tau / mu * w / (tau * a + w)) - lam * D / n
    published = nu1 * (n - df) - lam
    same = sympy.simplify(second * n / D - published)
    kernel = sympy.simplify(sympy.limit(published, p, sympy.oo) - (nu2 * (n - df) - lam))
    share = sympy.simplify(1 - a * tau / (tau * a + w) - df / n)
    return [
        Step(
            "the engine's equations are n − λ/ν₁ = p − pν₁/ν₂ = tr Σ(Σ+ν₂)⁻¹",
            same == 0,
            "all n, p, λ, c₁",
            tex=r"The engine's equations are $n-\frac\lambda{\nu_1}=p-\frac{p\nu_1}{\nu_2}=\operatorname{tr}\Sigma(\Sigma+\nu_2)^{-1}$.",
        ),
        Step(
            "p → ∞: n − λ/ν = tr Σ(Σ+ν)⁻¹",
            kernel == 0,
            "all n, λ",
            tex=r"$p\to\infty$: $n-\frac\lambda\nu=\operatorname{tr}\Sigma(\Sigma+\nu)^{-1}$.",
        ),
        Step(
            "1/(1+δ) = 1 − tr Σ(Σ+ν₂)⁻¹/n, and training residuals are 1/(1+δ) of those left out",
            share == 0,
            "all n",
            tex=r"$\frac1{1+\delta}=1-\frac1n\operatorname{tr}\Sigma(\Sigma+\nu_2)^{-1}$, and training residuals are"
            r" $\frac1{1+\delta}$ of those left out.",
        ),
    ]


def published(values: Array, shares: Array, n: float, p: float, lam: float, small: float = 0.0) -> tuple[float, float, float]:
    """(bias, variance per unit of noise, ν₂) by Defilippis, Loureiro and Misiakiewicz; the sum of the small eigenvalues is ``small``."""

    def traces(nu: float) -> tuple[float, float, float]:
        g = 1 / (values + nu)
        return float(values @ g) + small / nu, float((values * g) @ (values * g)), float(values @ g**2) + small / nu**2

    def gap(log: float) -> float:
        nu2 = math.exp(log)
        df = traces(nu2)[0]
        return (n - df) * (nu2 * (1 - df / p) if math.isfinite(p) else nu2) - lam

    least = math.log(1e-14 * values.max())
    for limit in (n, p):
        if traces(math.exp(least))[0] > limit:
            least = scipy.optimize.brentq(lambda log, limit=limit: traces(math.exp(log))[0] - limit, least, 50.0, xtol=1e-13)
    nu2 = math.exp(scipy.optimize.brentq(gap, least, 50.0, xtol=1e-14))
    df, df2, inverse = traces(nu2)
    ratio = 1 - df / p if math.isfinite(p) else 1.0
    chi = inverse / (p - df2) if math.isfinite(p) else 0.0
    upsilon = p / n * ((df / p) ** 2 + ratio**2 * df2 / (p - df2)) if math.isfinite(p) else df2 / n
    g2 = (nu2 / (values + nu2)) ** 2
    return float(shares @ g2 + chi * (values * shares) @ g2) / (1 - upsilon), upsilon / (1 - upsilon), nu2


def _published(factor: float = 1.0) -> Step:
    """At 12 points; ``factor`` multiplies the library's λ."""
    k = np.arange(1, 401.0)
    worst = 0.0
    for values, shares in ((k**-1.5, k**-2.2), (np.ones(120), np.ones(120) / 120)):
        for n, lam in ((60, 0.01), (300, 0.5), (90, 1e-6)):
            result = ridge(values, shares, n, factor * lam, noise=0.2)
            bias, variance, nu = published(values, shares, n, math.inf, lam)
            expected = np.array([bias, 0.2 * variance, nu, 0.2 + bias + 0.2 * variance])
            measured = np.array([result.bias, result.variance, result.effective_ridge, result.test])
            worst = max(worst, float(np.abs(measured / expected - 1).max()))
            for sigma, p in (("relu", 150.0), ("tanh", 700.0)):
                result = random_features(values, shares, n, p, sigma, factor * lam, noise=0.2, mean=0.3)
                c0, c1, c2 = np.asarray(coefficients(sigma, 2))
                t = values.sum()
                quadratic = c2**2 / 2 * float((values**2).sum()) / t**2
                operator, target = np.append(c1**2 / t * values, c0**2 + quadratic), np.append(shares, 0.09)
                small = float(coefficients(sigma, 1).residual(1)) ** 2 - quadratic
                bias, variance, nu = published(operator[operator > 0], target[operator > 0], n, p, lam, small)
                bias += 0.09 * (1 + variance) if operator[-1] == 0 else 0.0
                expected = np.array([bias, 0.2 * variance, nu * t / c1**2])
                if operator[-1] == 0:
                    # A mean that nothing carries is noise to the library.
                    expected[:2] = bias - 0.09 * (1 + variance), (0.2 + 0.09) * variance
                measured = np.array([result.bias, result.variance, result.effective_ridge])
                worst = max(worst, float(np.abs(measured / expected - 1).max()))
    return Step(
        "bias, variance and ν of the library are the published ones",
        worst < 1e-9,
        "18 points",
        tex=r"Bias, variance and $\nu$ of the library are the published ones.",
    )


def _exact() -> list[Step]:
    """Least squares on Gaussian x: E = σ²(1 + D/(n−D−1)); with an intercept σ²(1+1/n)(1 + D/(n−D−2))."""
    x, n = sympy.symbols("x n", positive=True)
    plain = sympy.limit((1 + x * n / (n - x * n - 1)) * (1 - x), n, sympy.oo)
    # With an intercept both are (1 + 1/n) times those of n − 1 samples, 1 + D/(n−D−2) and (n−1)/(n−1−D): apart by D/((n−D−2)(n−1)).
    D, many = 40, 100
    error = ridge(np.ones(D), np.zeros(D), many, 0.0, noise=1.0, intercept=True)
    exact = (1 + 1 / many) * (1 + D / (many - D - 2))
    apart = D / ((many - D - 2) * (many - 1))
    close = abs(exact / error.test - 1 - apart) < 1e-12 and abs(error.dof - D - 1) < 1e-9
    return [
        Step(
            "σ²/(1−Υ) meets the exact risk of least squares",
            plain == 1,
            "C = I, λ = 0, n → ∞",
            tex=r"$\sigma^2/(1-\Upsilon)$ meets the exact risk of least squares.",
        ),
        Step(
            "with an intercept it differs from the exact risk by the factor 1 + D/((n−D−2)(n−1))",
            close,
            "D = 40, n = 100",
            tex=r"With an intercept it differs from the exact risk by the factor $1+\frac D{(n-D-2)(n-1)}$.",
        ),
    ]


@cache
def _drawn(change: float = 1.0) -> Step:
    """Least squares on drawn Gaussian x and on ReLU features, 40 draws; ``change`` multiplies the library's n."""
    k = np.arange(1, 101.0)
    values, shares, noise, n, p, lam, draws = k**-0.5, k**-1.5, 0.3, 150, 240, 0.02, 40
    rng, errors = np.random.default_rng(3), []
    weights = np.sqrt(shares / values) * np.where(k % 2, 1, -1)
    for _ in range(draws):
        W = rng.standard_normal((100, p)) / math.sqrt(values.sum())

        def sample(count: int, W: Array = W) -> tuple[Array, Array, Array]:
            x = rng.standard_normal((count, 100)) * np.sqrt(values)
            return x, np.maximum(x @ W, 0.0) / math.sqrt(p), x @ weights + math.sqrt(noise) * rng.standard_normal(count)

        train, test = sample(n), sample(2000)
        row = []
        for i in range(2):
            w = np.linalg.solve(train[i].T @ train[i] + lam * np.eye(train[i].shape[1]), train[i].T @ train[2])
            row += [np.mean((test[2] - test[i] @ w) ** 2), np.mean((train[2] - train[i] @ w) ** 2)]
        errors.append(row)
    simulated = np.array(errors)
    error = ridge(values, shares, change * n, lam, noise=noise)
    other = random_features(values, shares, change * n, p, "relu", lam, noise=noise)
    expected = np.array([error.test, error.training, other.test, other.training])
    gap = np.abs(simulated.mean(0) - expected) / (simulated.std(0, ddof=1) / math.sqrt(draws) + 0.01 * expected)
    return Step(
        "test and training errors of drawn fits are the library's",
        bool((gap < 3).all()),
        "D = 100, n = 150, p = 240, 40 draws",
        tex=r"Test and training errors of drawn fits are the library's.",
    )


@cache
def _power_laws(change: float = 0.0) -> Step:
    """Slopes over the decade from n = 3000, of 200,000 eigenvalues, without ridge from 300, where those left out are few; corrections by
    powers of n are below 0.1 in the slope. ``change`` is added to the rate of the bias."""
    k = np.arange(1, 200_001.0)
    worst = 0.0
    for a, r, ell, q in (
        (1.5, 0.3, 1.0, math.inf),
        (2.0, 1.5, 1.0, math.inf),
        (1.5, 0.5, math.inf, math.inf),
        (2.0, 0.3, 2.0, 0.8),
        (2.0, 1.5, 1.2, 0.7),
    ):
        rates = power_law_rates(a, r, ridge=ell, width=q)
        n = np.array([3e3, 3e4]) if math.isfinite(ell) else np.array([3e2, 3e3])
        lam = n ** (1 - ell) if math.isfinite(ell) else np.zeros(2)
        if math.isinf(q):
            error = ridge(k**-a, k ** (-1 - 2 * a * r), n, lam, noise=1.0)
        else:
            # σ(x) = x: the features are linear, and p/√t their scale.
            error = random_features(k**-a, k ** (-1 - 2 * a * r), n, n**q, "identity", lam, noise=1.0)
        slopes = [-np.diff(np.log(x))[0] / math.log(10) for x in (error.effective_ridge, error.bias, error.variance)]
        expected = [rates.effective_ridge, rates.bias + change, rates.variance]
        worst = max(worst, *(abs(s - e) for s, e in zip(slopes, expected, strict=True)))
    return Step(
        "slopes of ν, bias and variance are the rates",
        worst < 0.1,
        "5 power laws",
        tex=r"Slopes of $\nu$, bias and variance are the rates.",
    )


def _estimates() -> Step:
    """E z_k² = β_k² + σ²/N: without the correction alignments of 0 add up to Dσ²/N."""
    rng, N, D, draws = np.random.default_rng(4), 400, 40, 60
    sums, noises = [], []
    for _ in range(draws):
        x = rng.standard_normal((N, D))
        y = x[:, 0] + rng.standard_normal(N)
        z = np.linalg.svd(x / math.sqrt(N), full_matrices=False)[0].T @ y / math.sqrt(N)
        spectrum = estimated_spectrum(x, y, centred=False)
        sums.append(float(z @ z) - D / N * spectrum.noise)
        noises.append(spectrum.noise)
    ok = abs(np.mean(sums) - 1) < 4 * np.std(sums) / math.sqrt(draws) and abs(np.mean(noises) - 1) < 4 * np.std(noises) / math.sqrt(draws)
    return Step(
        "E z_k² = β_k² + σ²/N, and σ̂² is unbiased",
        ok,
        "N = 400, D = 40, 60 draws",
        tex=r"$\mathbb{E}z_k^2=\beta_k^2+\sigma^2/N$, and the estimate of $\sigma^2$ is unbiased.",
    )


def check() -> list[Step]:
    return [*_equations(), _published(), *_exact(), _drawn(), _power_laws(), _estimates()]
