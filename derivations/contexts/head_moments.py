r"""Which heads have second moments at finite d: the growth of σ against the tail of ‖h‖.

Route: a lower bound of ‖h‖² by a product of two independent χ² variables, the moment generating function of one of them given the other,
and Laplace's method for a Gaussian mean of :math:`e^{|sg|^\beta}`.
"""

from __future__ import annotations

import math

import numpy as np
import sympy

from derivations import Step
from hermite_eq.activations import activation, grows_exponentially

TITLE = "Heads whose second moments do not exist at finite $d$"

STATEMENT = r"""Given h the pre-activations are N(0, s²), s² = ‖h‖²/t = ‖x‖²‖b‖²/t ≥ κ U V with U = d‖x‖² ~ χ²_d, V ~ χ²_{d−1} independent
of it, and κ > 0 given the labels of the context. So P(s² > v) ≥ e^{−√(v/κ)(1+o(1))} for every target and noise, and E e^{c s²} = ∞
for every c > 0.
If σ grows like e^{q|x|} on a half-line, E σ(sg)² ≥ const e^{2q²s²}, whose mean over ‖h‖ is infinite at every d and ℓ; if it grows like
e^{|x|^β}, log E σ(sg)² ≍ s^{2β/(2−β)}, of higher order than s beyond β = 2/3. If |σ(x)| ≤ A(1+|x|)^p the mean exists wherever
E s^{2p} does.
A mean of M(s) = E σ(sg)² over n contexts has the squared relative standard deviation 1/N − 1/n, N = n (E M)²/E M²."""

ASSUMPTIONS = "x_i ~ N(0, I_d/d), d ≥ 2, labels that do not vanish; h is not normalised (with normalise=True s = 1)."

STATEMENT_TEX = r"""Given $h$ the pre-activations are $\mathcal{N}(0,s^2)$ with $s^2=\|x\|^2\|b\|^2/t\ge\kappa UV$, where
$U=d\|x\|^2\sim\chi^2_d$ and $V\sim\chi^2_{d-1}$ are independent and $\kappa>0$ depends on the labels.
Hence $\mathbb{E}\,e^{cs^2}=\infty$ for every $c>0$ and
$\mathbb{P}(s^2>v)\ge e^{-\sqrt{v/\kappa}(1+o(1))}$. If $\sigma$ grows like $e^{q|x|}$ on a half-line, $\mathbb{E}\,\sigma(sg)^2\ge
\mathrm{const}\cdot e^{2q^2s^2}$ has an infinite mean over $\|h\|$; if it grows like $e^{|x|^\beta}$,
$\log\mathbb{E}\,\sigma(sg)^2\asymp s^{2\beta/(2-\beta)}$, of higher order than $s$ for $\beta>2/3$. A mean of
$M(s)=\mathbb{E}\,\sigma(sg)^2$ over $n$ contexts has the squared relative standard deviation $1/N-1/n$,
$N=n(\mathbb{E}M)^2/\mathbb{E}M^2$."""

ASSUMPTIONS_TEX = r"$x_i\sim\mathcal{N}(0,I_d/d)$, $d\ge2$; labels that do not vanish; $h$ is not normalised."


def _square_exponential() -> Step:
    # E e^{cUV} given V = w: ∫ e^{cuw} u^{d/2−1} e^{−u/2} du converges only for cw < 1/2, and V > 1/(2c) has positive probability.
    u, c, w, nu, y = sympy.symbols("u c w nu y", positive=True)
    density = u ** (nu / 2 - 1) / (2 ** (nu / 2) * sympy.gamma(nu / 2))
    generating = sympy.integrate(density * sympy.exp(-y * u), (u, 0, sympy.oo))
    finite = sympy.powsimp(sympy.simplify(generating - (2 * y) ** (-nu / 2)), force=True) == 0
    rate = sympy.expand(2 * (sympy.Rational(1, 2) - c * w)) == 1 - 2 * c * w
    divergent = sympy.limit((density * sympy.exp(u / 2)).subs(nu, 7), u, sympy.oo) == sympy.oo
    return Step(
        "E[e^{cUV} | V = w] = (1 − 2cw)^{−d/2} for 2cw < 1, and infinite from there on",
        bool(finite and rate and divergent),
        "all c, w, d",
        tex=r"$\mathbb{E}[e^{cUV}\mid V=w]=(1-2cw)^{-d/2}$ for $2cw<1$, and infinite from there on; $V>1/(2c)$ has positive probability.",
    )


def _tail() -> Step:
    # P(UV > v) ≥ P(U > √v) P(V > √v), each e^{−√v/2} up to powers; −(u + w)/2 on uw = v is largest there.
    u, v = sympy.symbols("u v", positive=True)
    exponent = -(u + v / u) / 2
    place = sympy.solve(sympy.diff(exponent, u), u)
    best = [sympy.simplify(exponent.subs(u, p)) for p in place]
    return Step(
        "the largest of −(u + w)/2 on uw = v is −√v, at u = w = √v",
        place == [sympy.sqrt(v)] and best == [-sympy.sqrt(v)],
        "all v",
        tex=r"The largest of $-\frac12(u+w)$ on $uw=v$ is $-\sqrt v$, at $u=w=\sqrt v$.",
    )


def _exponential_head() -> Step:
    # On g > 0 alone the mean is at least half of e^{2q²s²}.
    q, s, g = sympy.symbols("q s g", positive=True)
    square = sympy.expand(2 * q * s * g - g**2 / 2 - (2 * q**2 * s**2 - (g - 2 * q * s) ** 2 / 2))
    return Step(
        "2qsg − g²/2 = 2q²s² − (g − 2qs)²/2, so E[e^{2qsg}; g > 0] = e^{2q²s²} Φ(2qs)",
        square == 0,
        "all q, s",
        tex=r"$\mathbb{E}[e^{2qsg};\,g>0]=e^{2q^2s^2}\,\Phi(2qs)$.",
    )


def _stretched() -> Step:
    # Laplace: 2(sg)^β − g²/2 is stationary at g^{2−β} = 2β s^β, where it is (2 − β) s^β g^β, of order s^{β + β²/(2−β)}.
    beta, s, g = sympy.symbols("beta s g", positive=True)
    exponent = 2 * (s * g) ** beta - g**2 / 2
    place = (2 * beta * s**beta) ** (1 / (2 - beta))
    stationary = sympy.N(sympy.diff(exponent, g).subs(g, place).subs({beta: sympy.Rational(3, 5), s: 7}), 30)
    order = sympy.simplify(beta + beta * beta / (2 - beta) - 2 * beta / (2 - beta))
    threshold = sympy.solve(2 * beta / (2 - beta) - 1, beta)
    return Step(
        "2(sg)^β − g²/2 is largest at g^{2−β} = 2βs^β, of order s^{2β/(2−β)}; this is s at β = 2/3",
        bool(abs(stationary) < 1e-25 and order == 0 and threshold == [sympy.Rational(2, 3)]),
        "all β < 2",
        tex=r"$2(sg)^\beta-\frac12g^2$ is largest at $g^{2-\beta}=2\beta s^\beta$, of order $s^{2\beta/(2-\beta)}$; this is $s$"
        r" at $\beta=2/3$.",
    )


def _truncated(beta: float, cutoff: float) -> float:
    """log of the mean of exp(s^{2β/(2−β)}) over UV < cutoff, on a grid in (log u, log w), d = 6: by a route that knows no exponents."""
    u = np.geomspace(1e-3, cutoff, 500)
    log_density = [(nu / 2) * np.log(u) - u / 2 - (nu / 2) * math.log(2) - math.lgamma(nu / 2) for nu in (6, 5)]
    product = np.multiply.outer(u, u)
    total = np.add.outer(*log_density) + np.sqrt(product) ** (2 * beta / (2 - beta))
    total = total[product < cutoff**2]
    return float(np.logaddexp.reduce(total.ravel()) + 2 * math.log(math.log(u[1] / u[0])))


def _grid() -> Step:
    # From cutoff to cutoff the mean settles for β = 1/2 and grows without end for β = 1.
    settled = [_truncated(0.5, cutoff) for cutoff in (400.0, 1600.0)]
    growing = [_truncated(1.0, cutoff) for cutoff in (400.0, 1600.0)]
    return Step(
        "on a grid: the mean over UV < c² settles with c for β = 1/2 and does not for β = 1",
        bool(abs(settled[1] - settled[0]) < 0.05 and growing[1] > 2 * growing[0] > 100),
        "d = 6",
        tex=r"On a grid the mean over $UV<c^2$ settles with $c$ for $\beta=1/2$, and does not for $\beta=1$.",
    )


def _effective() -> Step:
    m1, m2, n = sympy.symbols("m_1 m_2 n", positive=True)
    relative = (m2 - m1**2) / (n * m1**2)
    return Step(
        "Var(mean of M)/(E M)² = 1/N − 1/n with N = n(E M)²/E M²",
        sympy.simplify(relative - (m2 / (n * m1**2) - 1 / n)) == 0,
        "all laws",
        tex=r"$\operatorname{Var}\bigl(\overline M\bigr)/(\mathbb{E}M)^2=1/N-1/n$.",
    )


def _library() -> Step:
    beyond = ("exp", "sinh(x)", "x*exp(x)", "exp(x/1000)", "exp(abs(x)^(7/10))", "cosh(x)/(1 + exp(x))", "exp(-x) + x^9")
    within = ("relu", "tanh", "gelu", "cubic", "x^12 + 10^6*x", "exp(abs(x)^(3/5))", "x*log(1 + x^2)", "exp(-x^2)", "x*sin(x)", "softplus")
    return Step(
        "the library's test of growth separates heads on either side of exp(|x|^{2/3})",
        all(grows_exponentially(activation(text)) for text in beyond) and not any(grows_exponentially(activation(text)) for text in within),
        "17 heads",
        tex=r"The library's test of growth separates heads on either side of $e^{|x|^{2/3}}$.",
    )


def check() -> list[Step]:
    """The argument, step by step."""
    return [_square_exponential(), _tail(), _exponential_head(), _stretched(), _grid(), _effective(), _library()]
