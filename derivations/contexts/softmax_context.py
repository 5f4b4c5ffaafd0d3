r"""Second moments of contexts under softmax attention.

Route: the reciprocal of the sum of the weights as a Laplace transform, exactly in a law of two values; the eigenvalues of a covariance
that rotations leave invariant; Gaussian tilts for many examples; and linear attention, whose moments the library has from elsewhere.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from typing import Any

import sympy

from derivations import Step
from hermite_eq.covariance import source_moments
from hermite_eq.models import SoftmaxAttention, Task
from hermite_eq.theory.feature_law.sources.softmax import softmax_moments

TITLE = "Softmax attention over the context"

STATEMENT = r"""x = r n̂, z_i = √d x_i, s_i = n̂ᵀz_i, w = e^{βrs}, p_i = w_i/Σw, B = Σp_iy_is_i, P = Σp_iy_iz_i^⊥, b₁ = √d(B n̂ + P). With
φ(t) = E e^{−tw}: E Σp_if_i = ℓ∫E[wfe^{−tw}]φ^{ℓ−1}dt, E Σp_i²f_i = ℓ∫tE[w²fe^{−tw}]φ^{ℓ−1}dt,
E Σ_{i≠j}p_ip_jf_ig_j = ℓ(ℓ−1)∫tE[wfe^{−tw}]E[wge^{−tw}]φ^{ℓ−2}dt. E hhᵀ has the eigenvalues E r²B² on I/√d,
(d E r²(B² + P²/2) − E r²B²)/(d(d+1)/2 − 1) on symmetric matrices without trace, E r²P²/(d−1) on antisymmetric ones, E r²b₂²/d on x b₂.
For many examples in large d: E rB → c₀*β, √d(E rBy − E rB E y) → a₁²(1+β²), E r²P² → a₁² + e^{β²}v/α; scores have the mean square 1 + 4β²
under p_i²."""

ASSUMPTIONS = "Isotropic Gaussian inputs, a fresh task in every context, E y⁴ < ∞. The last line is the limit ℓe^{−β²} → ∞, d → ∞."

STATEMENT_TEX = r"""Let $x=r\hat n$, $z_i=\sqrt d\,x_i$, $s_i=\hat n^\top z_i$, $w=e^{\beta rs}$, $p_i=w_i/\sum_jw_j$,
$B=\sum_ip_iy_is_i$ and $P=\sum_ip_iy_iz_i^\perp$, so that $b_1=\sqrt d\,(B\hat n+P)$. With $\varphi(t)=\mathbb{E}\,e^{-tw}$,
\begin{align*}
\mathbb{E}\sum_ip_if_i&=\ell\int_0^\infty\mathbb{E}[wfe^{-tw}]\,\varphi^{\ell-1}dt,\qquad
\mathbb{E}\sum_ip_i^2f_i=\ell\int_0^\infty t\,\mathbb{E}[w^2fe^{-tw}]\,\varphi^{\ell-1}dt,\\
\mathbb{E}\sum_{i\ne j}p_ip_jf_ig_j&=\ell(\ell-1)\int_0^\infty t\,\mathbb{E}[wfe^{-tw}]\,\mathbb{E}[wge^{-tw}]\,\varphi^{\ell-2}dt.
\end{align*}
$\mathbb{E}\,hh^\top$ has the eigenvalues $\mathbb{E}\,r^2B^2$ on $I/\sqrt d$,
$\bigl(d\,\mathbb{E}\,r^2(B^2+\frac12\|P\|^2)-\mathbb{E}\,r^2B^2\bigr)/\bigl(\frac{d(d+1)}2-1\bigr)$ on symmetric matrices without trace,
$\mathbb{E}\,r^2\|P\|^2/(d-1)$ on antisymmetric ones, and $\mathbb{E}\,r^2b_2^2/d$ on $xb_2$. For many examples in large $d$,
$\mathbb{E}\,rB\to c_0^*\beta$, $\sqrt d\,\bigl(\mathbb{E}\,rBy-\mathbb{E}\,rB\,\mathbb{E}\,y\bigr)\to a_1^2(1+\beta^2)$,
$\mathbb{E}\,r^2\|P\|^2\to a_1^2+e^{\beta^2}\frac v\alpha$, and scores have the mean square $1+4\beta^2$ under $p_i^2$."""

ASSUMPTIONS_TEX = (
    r"Isotropic Gaussian inputs, a fresh task in every context, $\mathbb{E}\,y^4<\infty$. The last sentence is the limit"
    r" $\ell e^{-\beta^2}\to\infty$, $d\to\infty$."
)

t, s, beta, d, B, P = sympy.symbols("t s beta d B P", positive=True)


def _laplace(powers: int) -> Step:
    """Weights that are 1 or 2 with f = w² and g = 1/w, three examples: all 8 outcomes against the integrals."""
    values, count = (sympy.Integer(1), sympy.Integer(2)), 3

    def f(w: Any) -> Any:
        return w**2

    def g(w: Any) -> Any:
        return 1 / w

    outcomes = list(itertools.product(values, repeat=count))
    totals: tuple[Callable[[tuple[sympy.Integer, ...]], sympy.Expr], ...] = (
        lambda w: sum(x * f(x) for x in w) / sum(w),
        lambda w: sum(x**2 * f(x) for x in w) / sum(w) ** 2,
        lambda w: sum(x * f(x) * y * g(y) for i, x in enumerate(w) for j, y in enumerate(w) if i != j) / sum(w) ** 2,
    )
    means = [sum(total(w) for w in outcomes) / len(outcomes) for total in totals]

    def mean(function: Any) -> Any:
        return sum(function(w) * sympy.exp(-t * w) for w in values) / len(values)

    phi = mean(lambda w: 1)
    integrands = (
        count * mean(lambda w: w * f(w)) * phi ** (count - 1),
        count * t * mean(lambda w: w**powers * f(w)) * phi ** (count - 1),
        count * (count - 1) * t * mean(lambda w: w * f(w)) * mean(lambda w: w * g(w)) * phi ** (count - 2),
    )
    integrals = [sympy.integrate(sympy.expand(term), (t, 0, sympy.oo)) for term in integrands]
    holds = all(sympy.simplify(integral - value) == 0 for integral, value in zip(integrals, means, strict=True))
    return Step(
        "1/S = ∫e^{−tS}dt and 1/S² = ∫te^{−tS}dt for the sum of independent weights: the three integrals",
        holds,
        "three examples of two weights, by all outcomes",
        tex=r"$1/S=\int e^{-tS}dt$ and $1/S^2=\int te^{-tS}dt$ for the sum $S$ of independent weights: the three integrals.",
    )


def _invariant() -> Step:
    # H = n̂(Bn̂ + P e)ᵀ with e ⊥ n̂ a unit vector; in their plane.
    H = sympy.Matrix([[B, P], [0, 0]])
    even, odd = (H + H.T) / 2, (H - H.T) / 2
    parts = [sum(entry**2 for entry in half) for half in (even, odd)]
    sizes = sympy.simplify(parts[0] - B**2 - P**2 / 2) == 0 and sympy.simplify(parts[1] - P**2 / 2) == 0
    counts = sympy.expand(1 + (d * (d + 1) / 2 - 1) + d * (d - 1) / 2 + d - d * (d + 1)) == 0
    return Step(
        "rotations leave I, symmetric matrices without trace, antisymmetric ones and xb₂ invariant; x b₁ᵀ/√d has tr² = r²B², the"
        " symmetric part r²(B² + P²/2), the antisymmetric one r²P²/2",
        bool(sizes and counts),
        "all d",
        tex=r"Rotations leave $I$, symmetric matrices without trace, antisymmetric ones and $xb_2$ invariant;"
        r" $xb_1^\top/\sqrt d$ has the squared trace $r^2B^2$, the symmetric part $r^2(B^2+\frac12\|P\|^2)$ and the"
        r" antisymmetric one $\frac12r^2\|P\|^2$.",
    )


def _tilts() -> Step:
    def tilted(function: Any, power: int) -> Any:
        density = sympy.exp(-(s**2) / 2 + power * beta * s) / sympy.sqrt(2 * sympy.pi)
        z = sympy.Symbol("z", real=True)
        return sympy.simplify(sympy.integrate((function(z) * density.subs(s, z)), (z, -sympy.oo, sympy.oo)))

    first, two = tilted(lambda z: 1, 1), tilted(lambda z: 1, 2)
    holds = (
        sympy.simplify(tilted(lambda z: z, 1) / first - beta) == 0
        and sympy.simplify(tilted(lambda z: z**2, 1) / first - 1 - beta**2) == 0
        and sympy.simplify(two / first**2 - sympy.exp(beta**2)) == 0
        and sympy.simplify(tilted(lambda z: z**2, 2) / two - 1 - 4 * beta**2) == 0
    )
    return Step(
        "E_β s = β, E_β s² = 1 + β², ℓΣp² → e^{β²}, E_{2β}s² = 1 + 4β²",
        bool(holds),
        "all β",
        tex=r"$\mathbb{E}_\beta s=\beta$, $\mathbb{E}_\beta s^2=1+\beta^2$, $\ell\sum p_i^2\to e^{\beta^2}$,"
        r" $\mathbb{E}_{2\beta}s^2=1+4\beta^2$.",
    )


def _linear(factor: float) -> Step:
    """β = 0, where second moments do not depend on the query's direction: E b₁b₁ᵀ is a multiple of the identity."""
    worst = 0.0
    for name, size, context in (("relu", 6, 9), ("tanh", 24, 12), ("x + x**2/3", 10, 40)):
        task = Task(name, 0.1)
        known, computed = source_moments(task, size, context), softmax_moments(SoftmaxAttention(task, 0.0), size, context)
        # Given x, b₁ is turned by the task, uniformly: r²(B² + P²) is E‖x‖²E‖b₁‖²/d, and r²B² a d-th of it.
        b1, b2 = float(known.second_b.diagonal()[:-1].sum()), float(known.second_b[-1, -1])
        signal = float(known.labels[:, :-1].trace()) / math.sqrt(size)
        pairs = [
            (computed.along, b1 / size**2),
            (computed.across, b1 / size * (1 - 1 / size)),
            (factor * computed.signal, signal),
            (computed.column, b2),
            (computed.label, known.mean_y),
            (computed.square, known.square_y),
        ]
        # A mean label that vanishes by symmetry does so up to rounding.
        worst = max(worst, *(abs(value - other) / max(abs(other), 1e-9) for value, other in pairs))
    return Step(
        "β = 0: the library's moments are those of linear attention, which it has from elsewhere",
        worst < 2e-5,
        "three targets and sizes, to 2e-5",
        tex=r"$\beta=0$: the moments are those of linear attention, to $2\cdot10^{-5}$.",
    )


def _many() -> Step:
    """Differences from the limit at d and 2d: in the ratio 2, but √2 where r and y vary together, √d c₀*β Cov(r, y) ~ d^{−1/2}."""
    sharp, alpha, noise, ratios = 0.7, 3, 0.2, []
    task = Task("exp(x/2)", noise)
    c0 = a1 = math.exp(1 / 8)
    a1 /= 2
    v = math.exp(1 / 2) + noise
    limits = (c0 * sharp, a1**2 * (1 + sharp**2), a1**2 + math.exp(sharp**2) * v / alpha)
    gaps = []
    for size in (200, 400):
        m = softmax_moments(SoftmaxAttention(task, sharp), size, alpha * size)
        computed = (m.mean, math.sqrt(size) * (m.signal - m.mean * m.label), m.across)
        gaps.append([value - limit for value, limit in zip(computed, limits, strict=True)])
    ratios = [value / other for value, other in zip(*gaps, strict=True)]
    return Step(
        "E rB → c₀*β, √d Cov(rB, y) → a₁²(1+β²), E r²P² → a₁² + e^{β²}v/α, with remainders of order 1/d, d^{−1/2}, 1/d",
        all(abs(ratio / order - 1) < 0.05 for ratio, order in zip(ratios, (2, math.sqrt(2), 2), strict=True)),
        "d = 200 and 400",
        tex=r"$\mathbb{E}\,rB\to c_0^*\beta$, $\sqrt d\operatorname{Cov}(rB,y)\to a_1^2(1+\beta^2)$ and"
        r" $\mathbb{E}\,r^2\|P\|^2\to a_1^2+e^{\beta^2}v/\alpha$, with remainders of order $1/d$, $d^{-1/2}$ and $1/d$.",
    )


def check(powers: int = 2, factor: float = 1.0) -> list[Step]:
    """The argument; ``powers`` replaces w² in the second integral, ``factor`` multiplies the library's signal."""
    return [_laplace(powers), _invariant(), _tilts(), _linear(factor), _many()]
