r"""The Marchenko-Pastur law, its resolvent moments in closed form, and the first correction at finite d.

Route: the self-consistent equation (one column left out), solved and differentiated by SymPy; the 1/d correction against the exact
moments of Wishart matrices, obtained by summing over all pairings.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from itertools import product

import sympy

from derivations import Step
from hermite_eq.theory.spectra.marchenko_pastur import resolvent_moments

STATEMENT = r"""Let S = (1/k) Σ_{j≤k} ξ_j ξ_jᵀ, ξ_j ~ N(0, I_d), γ = d/k. As d → ∞, g = ⟨1/(ps+y)⟩ = lim (1/d) tr (pS+y)⁻¹ is the positive
root of γpy g² + (y + p(1−γ)) g − 1 = 0, and the moments ⟨sⁱ/(ps+y)ʲ⟩ have the closed forms of hermite_eq.theory.spectra.marchenko_pastur.
At finite d, E log det(pS+y) = d⟨log(ps+y)⟩ + ½ log(1−γX²) + O(1/d), X = ⟨ps/(ps+y)⟩; if the squared lengths ‖ξ_j‖²/d have relative
variance V in place of 2/d (directions still uniform), (1 − dV/2) γX² is added."""

ASSUMPTIONS = (
    """ξ_j independent with uniform directions and squared lengths of mean d and variance V d², V = O(1/d); p, y > 0; 0 < γ < ∞."""
)

TITLE = "The Marchenko-Pastur law and its first correction"

STATEMENT_TEX = r"""Let $S=\frac1k\sum_{j\le k}\xi_j\xi_j^\top$, $\xi_j\sim\mathcal{N}(0,I_d)$, $\gamma=d/k$. As $d\to\infty$,
$g=\langle\frac1{ps+y}\rangle=\lim\frac1d\operatorname{tr}(pS+y)^{-1}$ is the positive root of
\[ \gamma py\,g^2+(y+p(1-\gamma))\,g-1=0, \]
and the moments $\langle s^i/(ps+y)^j\rangle$ have closed forms. At finite $d$, with $X=\langle\frac{ps}{ps+y}\rangle$,
\[ \mathbb{E}\log\det(pS+y)=d\,\langle\log(ps+y)\rangle+\tfrac12\log(1-\gamma X^2)+O(1/d); \]
if the squared lengths $\|\xi_j\|^2/d$ have relative variance $V$ in place of $2/d$, $(1-\frac{dV}2)\gamma X^2$ is added."""

ASSUMPTIONS_TEX = (
    r"$\xi_j$ independent with uniform directions and squared lengths of mean $d$ and variance $Vd^2$, $V=O(1/d)$; $p,y>0$;"
    r" $0<\gamma<\infty$."
)

p, y, gamma, g = sympy.symbols("p y gamma g", positive=True)
d, k, V = sympy.symbols("d k V", positive=True)


def pairings(items: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], ...]]:
    """All ways to pair up an even number of items."""
    if not items:
        yield ()
        return
    first, *rest = items
    for i, other in enumerate(rest):
        for tail in pairings(tuple(rest[:i] + rest[i + 1 :])):
            yield ((first, other), *tail)


def set_partitions(n: int) -> Iterator[tuple[int, ...]]:
    """Restricted growth strings: the block of each of n positions."""
    for labels in product(range(n), repeat=n):
        if all(label <= max(labels[:i], default=-1) + 1 for i, label in enumerate(labels)):
            yield labels


def wishart_trace_moment(j: int, lengths: bool) -> sympy.Expr:
    r"""E tr S^j exactly, as a polynomial in d and 1/k.

    tr (ΞΞᵀ)^j = Σ ξ_{i₁a₁}ξ_{i₂a₁}ξ_{i₂a₂}ξ_{i₃a₂}…: for each pattern of equal columns a, sum over pairings within the columns; each
    cycle of row indices gives a factor d. With ``lengths`` every column that occurs b times is rescaled from the Gaussian
    E‖ξ‖^{2b}/d^b = Π(1 + 2i/d) to 1 + (b choose 2) V.
    """
    total = sympy.Integer(0)
    for labels in set_partitions(j):
        blocks = [[i for i in range(j) if labels[i] == block] for block in range(max(labels) + 1)]
        count = sympy.prod([k - i for i in range(len(blocks))])
        if lengths:
            for block in blocks:
                b = len(block)
                count *= (1 + sympy.binomial(b, 2) * V) / sympy.prod([1 + 2 * sympy.Integer(i) / d for i in range(b)])
        # Entry 2i is ξ_{row i, column a_i}, entry 2i + 1 is ξ_{row i+1, column a_i}.
        choices = [list(pairings(tuple(entry for i in block for entry in (2 * i, 2 * i + 1)))) for block in blocks]
        for choice in product(*choices):
            parent = list(range(j))

            def find(x: int, parent: list[int] = parent) -> int:
                while parent[x] != x:
                    x = parent[x]
                return x

            for a, b in (pair for block in choice for pair in block):
                parent[find((a + 1) // 2 % j)] = find((b + 1) // 2 % j)
            total += count * d ** len({find(i) for i in range(j)})
    return sympy.expand(sympy.cancel(total / k**j))


def constant_order(j: int, lengths: bool) -> sympy.Expr:
    """The d⁰ term of E tr S^j at k = d/γ, V = W/d."""
    W = sympy.Symbol("W")
    epsilon = sympy.Symbol("epsilon", positive=True)
    moment = wishart_trace_moment(j, lengths).subs({k: d / gamma, V: W / d}).subs(d, 1 / epsilon)
    return sympy.expand(sympy.diff(sympy.cancel(moment * epsilon), epsilon).subs(epsilon, 0))


def corrections(order: int, lengths: bool) -> sympy.Expr:
    """Σ_j (−1)^{j+1} t^j/j × (d⁰ term of E tr S^j): the d⁰ term of E log det(1 + tS), t = p/y."""
    t = sympy.Symbol("t")
    return sum(((-1) ** (j + 1) * t**j / sympy.Integer(j) * constant_order(j, lengths) for j in range(1, order + 1)), sympy.Integer(0))


def claimed_corrections(order: int, lengths: bool) -> sympy.Expr:
    """½ log(1 − γX²) + (1 − W/2)γX² in powers of t = p/y; X = tA, A = 2/(1 + t(1+γ) + Δ)."""
    W = sympy.Symbol("W")
    logarithm, square = _claimed_parts(order)
    return sympy.expand(logarithm + ((1 - W / 2) * square if lengths else 0))


@cache
def _claimed_parts(order: int) -> tuple[sympy.Expr, sympy.Expr]:
    """½ log(1 − γX²) and γX²."""
    t = sympy.Symbol("t")
    delta = sympy.sqrt((1 + t * (1 - gamma)) ** 2 + 4 * gamma * t)
    X = 2 * t / (1 + t * (1 + gamma) + delta)
    square = sympy.series(gamma * X**2, t, 0, order + 1).removeO()
    # γX² is of order t²: so many terms of the logarithm.
    logarithm = -sum(square**n / n for n in range(1, order // 2 + 1)) / 2
    return sympy.series(sympy.expand(logarithm), t, 0, order + 1).removeO(), square


def check() -> list[Step]:
    steps = []
    # One column out: ξᵀ(pS₋+y)⁻¹ξ/k → γg, Sherman-Morrison, Σ_j: 1 = y g + p g/(1 + γ p g).
    u = sympy.Symbol("u")
    sherman = sympy.simplify(u / (1 + p * u) - (1 - 1 / (1 + p * u)) / p)
    steps.append(
        Step(
            "ξᵀGξ = ξᵀG₋ξ/(1 + p ξᵀG₋ξ/k) (Sherman-Morrison with one column left out)",
            sherman == 0,
            "all u",
            tex=r"$\xi^\top G\xi=\xi^\top G_-\xi/(1+\frac pk\xi^\top G_-\xi)$ (Sherman-Morrison, one column left out).",
        )
    )
    equation = sympy.together(y * g + p * g / (1 + gamma * p * g) - 1)
    quadratic = gamma * p * y * g**2 + (y + p * (1 - gamma)) * g - 1
    same = sympy.simplify(sympy.numer(equation) - quadratic) == 0
    steps.append(
        Step(
            "1 = yg + pg/(1+γpg) is γpy g² + (y+p(1−γ)) g − 1 = 0",
            same,
            "all γ, p, y (limit: Marchenko and Pastur)",
            tex=r"$1=yg+\frac{pg}{1+\gamma pg}$ is the quadratic.",
        )
    )

    delta = sympy.sqrt((y + p * (1 - gamma)) ** 2 + 4 * gamma * p * y)
    root = 2 / (y + p * (1 - gamma) + delta)
    steps.append(
        Step(
            "g = 2/(y+p(1−γ)+Δ) solves it",
            sympy.simplify(quadratic.subs(g, root)) == 0,
            "all γ, p, y",
            tex=r"$g=2/(y+p(1-\gamma)+\Delta)$ solves it, $\Delta^2=(y+p(1-\gamma))^2+4\gamma py$.",
        )
    )
    A = (1 - y * root) / p
    closed = 2 / (y + p * (1 + gamma) + delta)
    steps.append(
        Step(
            "⟨s/(ps+y)⟩ = (1 − yg)/p = 2/(y+p(1+γ)+Δ)",
            sympy.simplify(A - closed) == 0,
            "all γ, p, y",
            tex=r"$\langle\frac s{ps+y}\rangle=\frac{1-yg}p=2/(y+p(1+\gamma)+\Delta)$.",
        )
    )

    exact = {"g": root, "s_1": closed, "s2_1": (1 - y * closed) / p}
    exact["g2"], exact["s_2"], exact["s2_2"] = (-sympy.diff(exact[name], y) for name in ("g", "s_1", "s2_1"))
    exact["s_3"] = -sympy.diff(exact["s_2"], y) / 2
    exact["s3_2"] = -sympy.diff(((1 + gamma) - y * exact["s2_1"]) / p, y)
    worst = 0.0
    for values in ({p: 1, y: sympy.Rational(3, 10), gamma: 2}, {p: sympy.Rational(1, 7), y: 5, gamma: sympy.Rational(1, 3)}):
        moments = resolvent_moments(float(values[y]), 1 / float(values[gamma]), float(values[p]))
        for name, expression in exact.items():
            reference = expression.subs(values).evalf(40)
            worst = max(worst, float(abs(getattr(moments, name) / reference - 1)))
    steps.append(
        Step(
            "the library's closed forms are these derivatives, to rounding",
            worst < 2e-14,
            "8 moments at 2 points",
            tex=r"The library's closed forms are the derivatives of these, to rounding.",
        )
    )

    order = 4
    for lengths, reason in ((False, "½ log(1−γX²)"), (True, "½ log(1−γX²) + (1−dV/2) γX²")):
        difference = sympy.simplify(corrections(order, lengths) - claimed_corrections(order, lengths))
        steps.append(
            Step(
                f"d⁰ term of E log det(1+tS) = {reason}",
                difference == 0,
                f"orders t^j, j ≤ {order}; all orders: open",
                tex=r"The $d^0$ term of $\mathbb{E}\log\det(1+tS)$, from exact Wishart moments by pairings, for Gaussian and for other"
                r" lengths.",
            )
        )
    return steps
