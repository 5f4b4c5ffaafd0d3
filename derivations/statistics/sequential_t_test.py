"""The mixture of t tests that may be looked at after every run.

Route: the marginal likelihood under a normal effect size and the right Haar scale, by completing squares; its ratio as a martingale,
by integrating the predictive law; the confidence sequence by inverting the ratio.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import scipy.integrate
import scipy.stats
import sympy

from derivations import Step
from hermite_eq.testing.statistics.sequential import EFFECT, critical_t, log_mixture

TITLE = "A sequential t test"

STATEMENT = r"""Let x_1, x_2, … be independent N(μ, ς²). With t = √n x̄/s_n, ν = n − 1, A = 1 + n w²,
M_n = A^{−1/2} ((1 + t²/ν)/(1 + t²/(νA)))^{n/2} is the ratio of the densities of the scale-free data under μ/ς ~ N(0, w²) and under μ = 0.
Under μ = 0 it is a martingale of mean 1, so P(∃n: M_n ≥ 1/α) ≤ α, and under μ ≤ 0, P(∃n: M_n ≥ 1/α and t_n > 0) ≤ α. M_n ≥ 1/α means
t² ≥ ν(B − 1)/(1 − B/A) with B = (A/α²)^{1/n} < A."""

ASSUMPTIONS = "Independent normal values of a common mean and variance."

STATEMENT_TEX = r"""Let $x_1,x_2,\dots$ be independent $\mathcal{N}(\mu,\varsigma^2)$. With $t=\sqrt n\,\bar x/s_n$, $\nu=n-1$, $A=1+nw^2$,
\[ M_n=A^{-1/2}\Bigl(\frac{1+t^2/\nu}{1+t^2/(\nu A)}\Bigr)^{n/2} \]
is the ratio of the densities of the scale-free data under $\mu/\varsigma\sim\mathcal{N}(0,w^2)$ and under $\mu=0$. Under $\mu=0$ it is a
martingale of mean $1$, so that $\mathbb{P}(\exists n:M_n\ge1/\alpha)\le\alpha$, and under $\mu\le0$,
$\mathbb{P}(\exists n:M_n\ge1/\alpha,\,t_n>0)\le\alpha$. $M_n\ge1/\alpha$ means $t^2\ge\nu(B-1)/(1-B/A)$ with $B=(A/\alpha^2)^{1/n}<A$."""

ASSUMPTIONS_TEX = "Independent normal values of a common mean and variance."


@cache
def _quadratic_form() -> Step:
    # Given ς, x ~ N(0, ς²V) with V = I + w²11ᵀ: det V = A, xᵀV⁻¹x = Σ(x − x̄)² + n x̄²/A.
    w = sympy.Symbol("w", positive=True)
    holds = True
    for n in (2, 3, 5):
        x = sympy.Matrix(sympy.symbols(f"x1:{n + 1}", real=True))
        ones = sympy.ones(n, 1)
        V, A = sympy.eye(n) + w**2 * ones * ones.T, 1 + n * w**2
        mean = (ones.T * x)[0] / n
        spread = sum((entry - mean) ** 2 for entry in x)
        # V times the claimed inverse I − w²/A 11ᵀ.
        inverse = sympy.eye(n) - w**2 / A * ones * ones.T
        holds = holds and (V * inverse - sympy.eye(n)).applyfunc(sympy.cancel).is_zero_matrix and sympy.expand(V.det() - A) == 0
        holds = holds and sympy.cancel((x.T * inverse * x)[0] - spread - n * mean**2 / A) == 0
    return Step(
        "given ς the mixture is N(0, ς²(I + w²11ᵀ)): determinant A, quadratic form Σ(x − x̄)² + n x̄²/A",
        bool(holds),
        "n = 2, 3, 5",
        tex=r"Given $\varsigma$ the mixture is $\mathcal{N}(0,\varsigma^2(I+w^211^\top))$: determinant $A$, quadratic form"
        r" $\sum(x_i-\bar x)^2+n\bar x^2/A$.",
    )


@cache
def _scale() -> Step:
    # ∫ ς^{−n} e^{−Q/2ς²} dς/ς is a constant times Q^{−n/2}.
    Q, q = sympy.symbols("Q q", positive=True)
    n = sympy.Symbol("n", positive=True, integer=True)
    integral = sympy.integrate(q ** (n / 2 - 1) * sympy.exp(-Q * q / 2), (q, 0, sympy.oo)) / 2
    ratio = sympy.simplify(integral * Q ** (n / 2) / (2 ** (n / 2 - 1) * sympy.gamma(n / 2)))
    return Step(
        "∫ ς^{−n} e^{−Q/2ς²} dς/ς = 2^{n/2−1} Γ(n/2) Q^{−n/2}",
        bool(ratio == 1),
        "all n",
        tex=r"$\int\varsigma^{-n}e^{-Q/2\varsigma^2}\,\frac{d\varsigma}\varsigma=2^{n/2-1}\Gamma(\frac n2)\,Q^{-n/2}$.",
    )


def _ratio(root: float) -> Step:
    # Ratio of the two: A^{−1/2} ((S + n x̄²)/(S + n x̄²/A))^{n/2}, and n x̄²/S = t²/ν.
    holds = True
    for values in ([1.0, 2.0, -0.5], [0.3, 0.1, 0.5, 0.4, 0.9]):
        x = np.array(values)
        n = len(x)
        A = 1 + n * EFFECT**2
        S, centre = float(((x - x.mean()) ** 2).sum()), n * float(x.mean()) ** 2
        direct = -root * math.log(A) + n / 2 * math.log((S + centre) / (S + centre / A))
        t = math.sqrt(n) * x.mean() / x.std(ddof=1)
        holds &= abs(direct - log_mixture(float(t), n)) < 1e-12
    return Step(
        "the ratio is A^{−1/2}((S + n x̄²)/(S + n x̄²/A))^{n/2}, the library's M_n",
        holds,
        "two samples",
        tex=r"The ratio is $A^{-1/2}\bigl((S+n\bar x^2)/(S+n\bar x^2/A)\bigr)^{n/2}$, the library's $M_n$.",
    )


def _mean_one(root: float) -> Step:
    excess = 0.5 - root
    worst = 0.0
    for n in (2, 3, 7, 30):
        shift = excess * math.log(1 + n * EFFECT**2)
        mean = scipy.integrate.quad(
            lambda t, n=n, shift=shift: math.exp(log_mixture(t, n) + shift + float(scipy.stats.t.logpdf(t, n - 1))), -math.inf, math.inf
        )[0]
        worst = max(worst, abs(mean - 1))
    # The quadrature's own tolerance is 1.5e-8.
    return Step("E M_n = 1 under Student's law of t", worst < 1e-7, "n = 2, 3, 7, 30", tex=r"$\mathbb{E}M_n=1$ under Student's law of $t$.")


@cache
def _martingale() -> Step:
    # Under μ = 0 the next value over the root mean square of the last n is Student's t with n degrees of freedom.
    worst = 0.0
    for past in ([1.0, -0.4], [0.2, 1.1, 0.7], [-0.5, 2.0, 0.1, 0.3]):
        x = np.array(past)
        size = math.sqrt(float((x**2).mean()))

        def log_m(values: np.ndarray) -> float:
            return log_mixture(math.sqrt(len(values)) * float(values.mean() / values.std(ddof=1)), len(values))

        def integrand(u: float, x: np.ndarray = x, size: float = size) -> float:
            return math.exp(log_m(np.append(x, u * size)) + float(scipy.stats.t.logpdf(u, len(x))))

        mean = scipy.integrate.quad(integrand, -math.inf, math.inf, limit=200)[0]
        worst = max(worst, abs(mean / math.exp(log_m(x)) - 1))
    return Step(
        "E[M_{n+1} | the scale-free past] = M_n",
        worst < 1e-6,
        "n = 2, 3, 4, one past each",
        tex=r"$\mathbb{E}[M_{n+1}\mid\text{the scale-free past}]=M_n$.",
    )


@cache
def _one_sided() -> Step:
    # t rises with a common shift of the data, so with the noise fixed a smaller mean crosses later: dt/dμ = √n/s_n > 0.
    m, spread, n = sympy.symbols("m s n", positive=True)
    t = sympy.sqrt(n) * m / spread
    u, A = sympy.symbols("u A", positive=True)
    rising = sympy.factor(sympy.diff(sympy.log((1 + u) / (1 + u / A)), u))
    holds = sympy.diff(t, m).is_positive and sympy.simplify(rising - (A - 1) / ((1 + u) * (A + u))) == 0
    return Step(
        "t rises with the mean and M_n with t² (A > 1): crossing with t > 0 is likeliest at μ = 0",
        bool(holds),
        "all n",
        tex=r"$t$ rises with the mean and $M_n$ with $t^2$ ($A>1$): to cross with $t>0$ is likeliest at $\mu=0$.",
    )


@cache
def _inverse() -> Step:
    A, B, u = sympy.symbols("A B u", positive=True)
    root = sympy.solve((1 + u) - B * (1 + u / A), u)
    holds = len(root) == 1 and sympy.simplify(root[0] - (B - 1) / (1 - B / A)) == 0
    for rate, n in ((1e-6, 40), (1e-2, 8)):
        holds = holds and abs(log_mixture(critical_t(rate, n), n) - math.log(1 / rate)) < 1e-9
    return Step(
        "(1 + u)/(1 + u/A) = B at u = (B − 1)/(1 − B/A), u = t²/ν",
        bool(holds),
        "all n",
        tex=r"$(1+u)/(1+u/A)=B$ at $u=(B-1)/(1-B/A)$, $u=t^2/\nu$.",
    )


def check(root: float = 0.5) -> list[Step]:
    """The argument, step by step; ``root`` replaces the exponent 1/2 of A."""
    return [_quadratic_form(), _scale(), _ratio(root), _mean_one(root), _martingale(), _one_sided(), _inverse()]
