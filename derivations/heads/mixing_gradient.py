r"""How the error of several sources moves with their training proportions.

Route: the parts of the chain rule by SymPy; then the equations of "Several sources with given covariances" written out unscaled and solved
by plain iteration on dense inverses, at proportions next to each other: their difference quotients against the library, which steps
through its own scaled and block-diagonal equations in the complex plane. A symmetry of second derivatives, which follows from what the
errors mean and from nothing in their formulas, checks the formulas themselves.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import sympy
from numpy.typing import NDArray

from derivations import Step
from derivations.heads.given_covariances import errors_of, symmetric, vanishes
from hermite_eq.hermite import he
from hermite_eq.models import PolynomialActivation, RandomTransformer, Sizes
from hermite_eq.theory import Population, given_moments
from hermite_eq.theory.design.mixing_gradient import gradient_at
from hermite_eq.theory.design.mixing_response import Response
from hermite_eq.theory.feature_law.head import Head
from hermite_eq.theory.feature_law.moment_law import MomentLaw

TITLE = "The gradient in the training proportions"

STATEMENT = r"""Let the unknowns u = (W, k, a) solve G(u, π) = 0 and let e(u, π) be an error. Then
(1) de/dπ = ∂_π e − ∂_u e (∂_u G)⁻¹ ∂_π G, where the resolvent moves as dR̃ = −R̃(Σ_s dW_s r_s + dk)R̃;
(2) π enters through the probabilities of the samples and through t = Σ_s π_s t_s: every pre-activation has the scale s ∝ t^{-1/2}, and
    s dc_k/ds = k c_k + c_{k+2}, s d E σ(sg)²/ds = E σ(sg)²(g² − 1);
(3) towards source s, d/dε e((1−ε)π + εδ_s) = g_s = ∂_s e − Σ_u π_u ∂_u e; Σ_s π_s g_s = 0; a minimum on the simplex has g_s = 0 where
    π_s > 0 and g_s ≥ 0 where π_s = 0;
(4) with N_s = nπ_s samples of source s, the penalised training loss L(N) has ∂L/∂N_s = r_s/(1+δ_s), r_s the leave-one-out error: the
    matrix ∂(r_s/(1+δ_s))/∂N_u is symmetric (t and the penalty held)."""

ASSUMPTIONS = """Those of "Several sources with given covariances"; G is differentiable with ∂_u G invertible, as it is away from
interpolation; δ_s of a single sample is replaced by its mean (concentration)."""

STATEMENT_TEX = r"""Let the unknowns $u=(W,k,a)$ solve $G(u,\pi)=0$ and let $e(u,\pi)$ be an error. Then
\begin{enumerate}
\item $\frac{de}{d\pi}=\partial_\pi e-\partial_ue\,(\partial_uG)^{-1}\partial_\pi G$, where the resolvent moves as
$d\tilde R=-\tilde R(\sum_sdW_sr_s+dk)\tilde R$;
\item $\pi$ enters through the probabilities of the samples and through $t=\sum_s\pi_st_s$: every pre-activation has the scale
$s\propto t^{-1/2}$, and $s\,c_k'(s)=k\,c_k+c_{k+2}$, $s\frac d{ds}\mathbb{E}\sigma(sg)^2=\mathbb{E}\sigma(sg)^2(g^2-1)$;
\item towards source $s$, $\frac d{d\epsilon}e((1-\epsilon)\pi+\epsilon\delta_s)=g_s=\partial_se-\sum_u\pi_u\partial_ue$,
$\sum_s\pi_sg_s=0$; a minimum on the simplex has $g_s=0$ where $\pi_s>0$ and $g_s\ge0$ where $\pi_s=0$;
\item with $N_s=n\pi_s$ samples of source $s$, the penalised training loss $L(N)$ has $\partial L/\partial N_s=r_s/(1+\delta_s)$, $r_s$
the leave-one-out error: the matrix $\partial(r_s/(1+\delta_s))/\partial N_u$ is symmetric ($t$ and the penalty held).
\end{enumerate}"""

ASSUMPTIONS_TEX = (
    r"Those of the theorem on several sources with given covariances; $G$ is differentiable with $\partial_uG$ invertible, as it is"
    r" away from interpolation; $\delta_s$ of a single sample is replaced by its mean (concentration)."
)

Array = NDArray[np.float64]


def _resolvent(sign: int) -> Step:
    """(Σ_s(W_s + εw_s)r_s + k + εκ)⁻¹ to first order in ε, r_s not commuting."""
    W1, W2, w1, w2, k, kappa, epsilon = sympy.symbols("W_1 W_2 w_1 w_2 k kappa epsilon", positive=True)
    r1, r2, unit = symmetric("r"), symmetric("s"), sympy.eye(2)

    def inverse(e: sympy.Expr) -> sympy.Matrix:
        return ((W1 + e * w1) * r1 + (W2 + e * w2) * r2 + (k + e * kappa) * unit).inv()

    R = inverse(sympy.Integer(0))
    # dR̃ = sign R̃ N R̃ means that R̃⁻¹ dR̃ R̃⁻¹ = sign N: no inverse is expanded.
    A = (W1 + epsilon * w1) * r1 + (W2 + epsilon * w2) * r2 + (k + epsilon * kappa) * unit
    exact = (A.adjugate() / A.det()).diff(epsilon).subs(epsilon, 0)
    N = w1 * r1 + w2 * r2 + kappa * unit
    holds = all(vanishes(entry) for entry in exact - sign * R * N * R)
    return Step(
        "dR̃ = −R̃(Σ dW_s r_s + dk)R̃",
        holds,
        "2 × 2, all symmetric matrices; any size by the product rule",
        tex=r"$d\tilde R=-\tilde R(\sum_sdW_sr_s+dk)\tilde R$.",
    )


def _ladder(step: Callable[[int, sympy.Expr, sympy.Expr], sympy.Expr]) -> list[Step]:
    """For σ = x^p: c_k(s) = s^p E[g^p He_k(g)]; both sides are linear in σ, and σ² is such a function too."""
    s, x = sympy.symbols("s x", positive=True)

    def mean(polynomial: sympy.Expr) -> sympy.Expr:
        poly = sympy.Poly(sympy.expand(polynomial), x)
        return sum(c * (sympy.factorial2(i - 1) if i else 1) for (i,), c in poly.terms() if i % 2 == 0)

    def coefficient(p: int, k: int) -> sympy.Expr:
        return s**p * mean(x**p * he(k, x))

    holds = all(
        sympy.expand(s * sympy.diff(coefficient(p, k), s) - step(k, coefficient(p, k), coefficient(p, k + 2))) == 0
        for p in range(9)
        for k in range(7)
    )
    square = all(
        sympy.expand(s * sympy.diff(s ** (2 * p) * mean(x ** (2 * p)), s) - s ** (2 * p) * mean(x ** (2 * p) * (x**2 - 1))) == 0
        for p in range(9)
    )
    return [
        Step("s dc_k/ds = k c_k + c_{k+2}", holds, "polynomials of degree ≤ 8, k ≤ 6; others by Stein's identity",
             tex=r"$s\,c_k'(s)=k\,c_k+c_{k+2}$."),
        Step("s d E σ(sg)²/ds = E σ(sg)²(g² − 1)", square, "polynomials of degree ≤ 8: the case k = 0 for the square",
             tex=r"$s\frac d{ds}\mathbb{E}\sigma(sg)^2=\mathbb{E}\sigma(sg)^2(g^2-1)$."),
    ]  # fmt: skip


def _towards() -> Step:
    p1, p2, epsilon = sympy.symbols("pi_1 pi_2 epsilon")
    e = sympy.Function("e")
    pi = (p1, p2, 1 - p1 - p2)
    slots = sympy.symbols("x_1:4")
    partial = [sympy.diff(e(*slots), slot) for slot in slots]
    total = 0
    differences = []
    for s in range(3):
        weights = [(1 - epsilon) * p + epsilon * int(i == s) for i, p in enumerate(pi)]
        g = sum(d * sympy.diff(m, epsilon) for d, m in zip(partial, weights, strict=True))
        differences.append(sympy.expand(g - (partial[s] - sum(p * d for p, d in zip(pi, partial, strict=True)))))
        total += pi[s] * g
    return Step(
        "g_s = ∂_s e − Σπ_u∂_u e, and Σπ_s g_s = 0",
        differences == [0, 0, 0] and sympy.expand(total) == 0,
        "all e, three sources",
        tex=r"$g_s=\partial_se-\sum_u\pi_u\partial_ue$, and $\sum_s\pi_sg_s=0$.",
    )


def _one_more_sample(power: int) -> Step:
    """min_w wᵀAw − 2bᵀw + c with one more term (y − φᵀw)²: the increase is r/(1+δ), r = (y − φᵀA⁻¹b)², δ = φᵀA⁻¹φ."""
    A = symmetric("a")
    b, phi = sympy.Matrix(sympy.symbols("b_1:3")), sympy.Matrix(sympy.symbols("phi_1:3"))
    y = sympy.Symbol("y")
    before = -(b.T * A.inv() * b)[0]
    after = y**2 - ((b + y * phi).T * (A + phi * phi.T).inv() * (b + y * phi))[0]
    r, delta = (y - (phi.T * A.inv() * b)[0]) ** 2, (phi.T * A.inv() * phi)[0]
    holds = vanishes(after - before - r / (1 + delta) ** power)
    return Step(
        "one more sample raises the penalised loss by r/(1+δ)",
        holds,
        "two weights, all data; any number by the same identity",
        tex=r"One more sample raises the penalised training loss by $r/(1+\delta)$.",
    )


def _literal(
    head: tuple[float, float, float, float], sources: list[Population], pi: Array, t: float, n: int, m: int, ridge: float
) -> tuple[Array, Array]:
    """(r_s, 1/(1+δ_s)) of every source at proportions of any sum, the scale t of the first layer given; ``head`` is c₀, c₁, c₂, c_r*²."""
    s2 = np.array([p.trace / t for p in sources])
    # c₀ + c₁x + (c₂/2)(x² − 1) at x = sg; degree 2 beyond its mean is noise.
    c0, c1, c2 = head[0] + head[2] / 2 * (s2 - 1), head[1] * np.sqrt(s2), head[2] * s2
    return errors_of(c0, c1, c2, head[3] + c2**2 / 2, sources, pi, n, m, ridge)


_HEAD = (0.3, 0.6, 0.4, 0.09)
_PROPORTIONS = np.array([0.3, 0.5, 0.2])
#: n, m, ridge per sample.
_POINTS = ((20, 9, 0.05), (8, 30, 0.3))


def _sources(rng: np.random.Generator) -> list[Population]:
    """Three sources of unequal traces whose covariances do not commute."""
    sources = []
    for trace, mean in ((1.0, 0.5), (1.6, -0.2), (0.7, 0.0)):
        A = rng.standard_normal((6, 12))
        C = A @ A.T
        C = C * trace / np.trace(C)
        signal = C @ rng.standard_normal(6)
        sources.append(Population(C, signal, 2.0 + mean**2, mean))
    return sources


def _difference(f: Callable[[float], Array], h: float = 1e-3) -> Array:
    """The five-point derivative at 0: truncation O(h⁴), rounding ε/h."""
    return (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h)


def _symmetry(power: int) -> Step:
    """∂(r_s(1+δ_s)^{-power})/∂N_u, antisymmetric part over size: 0 for power 1."""
    rng, worst = np.random.default_rng(5), 0.0
    for n, m, ridge in _POINTS:
        sources = _sources(rng)

        def value(pi: Array, sources: list[Population] = sources, n: int = n, m: int = m, ridge: float = ridge) -> Array:
            r, w = _literal(_HEAD, sources, pi, 1.0, n, m, ridge)
            return np.asarray(r * w**power)

        matrix = np.array([_difference(lambda x, s=s: value(_PROPORTIONS + x * np.eye(3)[s])) for s in range(3)])  # type: ignore[misc]
        worst = max(worst, float(np.abs(matrix - matrix.T).max() / np.abs(matrix).max()))
    # Truncation: (h/π)⁴ = 6e-10 at π = 0.2, times a constant.
    return Step(
        "∂(r_s/(1+δ_s))/∂N_u is symmetric",
        worst < 1e-7,
        "two points with three sources",
        tex=r"$\partial(r_s/(1+\delta_s))/\partial N_u$ is symmetric, at two points with three sources.",
    )


def _against_library(with_scale: bool) -> Step:
    """Gradient of the library against differences of the literal equations, t following π unless not ``with_scale``."""
    rng, worst, side = np.random.default_rng(7), 0.0, 2
    head = PolynomialActivation("head", _HEAD[:3], math.sqrt(_HEAD[3]))
    for n, m, ridge in _POINTS:
        sources = _sources(rng)
        traces = np.array([p.trace for p in sources])
        given = given_moments([Population(**{**vars(p), "weight": w}) for p, w in zip(sources, _PROPORTIONS, strict=True)])
        law = MomentLaw.of(Head.of(RandomTransformer(head, ridge * side)), given)
        derivative = gradient_at(Response(law, Sizes(side, side, 1, samples=n, hidden=m)))

        def errors(pi: Array, sources: list[Population] = sources, traces: Array = traces, n: int = n, m: int = m,
                   ridge: float = ridge) -> Array:  # fmt: skip
            t = float((pi if with_scale else _PROPORTIONS) @ traces)
            return _literal(_HEAD, sources, pi, t, n, m, ridge)[0]

        worst = max(worst, float(np.abs(np.array(derivative.error.icl_by_source) / errors(_PROPORTIONS) - 1).max()))
        for s in range(3):
            expected = _difference(lambda x, s=s: errors((1 - x) * _PROPORTIONS + x * np.eye(3)[s]))  # type: ignore[misc]
            worst = max(worst, float(np.abs(derivative.icl_by_source[:, s] - expected).max() / np.abs(expected).max()))
    return Step(
        "the library's gradient is that of the equations written out",
        worst < 1e-7,
        "two points with three sources",
        tex=r"The library's gradient equals difference quotients of the equations written out, at two points with three sources.",
    )


def check() -> list[Step]:
    """The steps of the argument, each verified."""
    return [
        _resolvent(-1),
        *_ladder(lambda k, c, above: k * c + above),
        _towards(),
        _one_more_sample(1),
        _symmetry(1),
        _against_library(True),
    ]
