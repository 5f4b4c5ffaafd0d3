r"""Limits of the ridgeless errors, in stated orders, and the height of the peak at τ = 1.

Route: with g = ⟨1/(s+z)⟩ as the parameter in place of w = v/(αa₁²), z, q and w are rational functions of g, κ and τ, and with them every
Marchenko-Pastur mean and both errors: no root is left, and each limit is one of a rational function. The library's closed forms have
the roots, and its table is compared with these limits branch by branch, in all remaining symbols.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import sympy
from sympy import oo

from derivations import Step
from hermite_eq.theory.linear_limits.closed_forms import ALPHA, KAPPA, SECOND_MOMENT, SLOPE, TAU, UNEXPLAINED, ridgeless
from hermite_eq.theory.linear_limits.limits import ridgeless_limit, ridgeless_peak

TITLE = "Limits of the ridgeless errors"

STATEMENT = r"""λ = 0, u = v − a₁² > 0, w = v/(αa₁²). α → ∞: e_IDG → τu/(τ−1) (τ > 1);
u(κ−τ²)/((1−τ)(κ−τ)) + a₁²(1−τ)(κ−τ)/κ (τ < 1, κ > τ); τu(1−κ)/((1−τ)(τ−κ)) (κ < τ < 1).
e_ICL → u + uκ/((κ−1)(τ−1)) (τ, κ > 1); u + a₁²(1−τ)²κ/(κ−τ²) + κτ e_IDG/(κ−τ²) (τ < 1, κ > τ); ∞ for κ < min(τ, 1).
α → 0: both (u+a₁²)/(1−min(τ, 1/τ)); τ → 0: both u + a₁². κ → ∞: both (u + a₁²((1+w−τ)²+wτ²)/(1+w)²)/(1−τ) (τ < 1),
(u + a₁²w/(1+w))τ/(τ−1) (τ > 1). κ → 0: e_IDG → u/(1−τ), τu/(τ−1), e_ICL → u + a₁² + (1+w)/w times τu/(1−τ), u/(τ−1).
τ → ∞: the errors of the population's regression. Second limits are the limits of these: τ → ∞ after α → ∞ gives g_task = ∞ below κ = 1,
and before it a₁²(1 − κ). τ = 1, λ → 0: √λ e_IDG → e₀/(2√⟨1/R⟩), √λ e_ICL → R_t⟨1/R⟩ times it."""

ASSUMPTIONS = "The limiting formulas of the linear Transformer; a₁ ≠ 0; limits one after the other."

STATEMENT_TEX = r"""Let $\lambda=0$, $u=v-a_1^2>0$ and $w=v/(\alpha a_1^2)$. As $\alpha\to\infty$,
\begin{align*}
e_{\mathrm{IDG}}&\to\frac{\tau u}{\tau-1}\ (\tau>1),\qquad\frac{\tau u(1-\kappa)}{(1-\tau)(\tau-\kappa)}\ (\kappa<\tau<1),\\
e_{\mathrm{IDG}}&\to\frac{u(\kappa-\tau^2)}{(1-\tau)(\kappa-\tau)}+\frac{a_1^2(1-\tau)(\kappa-\tau)}\kappa\quad(\tau<1,\ \kappa>\tau),\\
e_{\mathrm{ICL}}&\to u+\frac{u\kappa}{(\kappa-1)(\tau-1)}\ (\tau,\kappa>1),\qquad\infty\ (\kappa<\min(\tau,1)),\\
e_{\mathrm{ICL}}&\to u+\frac{a_1^2(1-\tau)^2\kappa}{\kappa-\tau^2}+\frac{\kappa\tau}{\kappa-\tau^2}\,e_{\mathrm{IDG}}
\quad(\tau<1,\ \kappa>\tau).
\end{align*}
Both errors tend to $(u+a_1^2)/(1-\min(\tau,1/\tau))$ as $\alpha\to0$, to $u+a_1^2$ as $\tau\to0$, and as $\kappa\to\infty$ to
$\frac1{1-\tau}\bigl(u+a_1^2\frac{(1+w-\tau)^2+w\tau^2}{(1+w)^2}\bigr)$ for $\tau<1$, to
$\frac\tau{\tau-1}\bigl(u+\frac{a_1^2w}{1+w}\bigr)$ for $\tau>1$. As $\kappa\to0$,
$e_{\mathrm{IDG}}\to\frac u{1-\tau}$ and $\frac{\tau u}{\tau-1}$,
$e_{\mathrm{ICL}}\to u+a_1^2+\frac{1+w}w\frac{\tau u}{1-\tau}$ and $u+a_1^2+\frac{1+w}w\frac u{\tau-1}$. Second limits are the limits of
these: $\tau\to\infty$ after $\alpha\to\infty$ gives $g_{\mathrm{task}}=\infty$ below $\kappa=1$, and before it $a_1^2(1-\kappa)$.
At $\tau=1$, $\lambda\to0$: $\sqrt\lambda\,e_{\mathrm{IDG}}\to e_0/(2\sqrt{\langle1/R\rangle})$ and $\sqrt\lambda\,e_{\mathrm{ICL}}\to
R_t\langle1/R\rangle$ times it."""

ASSUMPTIONS_TEX = r"The limiting formulas of the linear Transformer; $a_1\ne0$; limits one after the other."

w, g, q, x, R, S, p = sympy.symbols("w g q x R S p", positive=True)
kappa, tau, u = KAPPA, TAU, UNEXPLAINED
gamma = 1 / kappa

_NONE = sympy.Integer(0)
Errors = tuple[sympy.Expr, sympy.Expr]
Point = dict[sympy.Symbol, sympy.Rational]


def _vanishes(expression: sympy.Expr) -> bool:
    return bool(sympy.cancel(sympy.together(expression)) == 0)


@cache
def _root(expression: sympy.Expr, symbol: sympy.Symbol) -> sympy.Expr:
    """The positive zero of a rational function."""
    (root,) = sympy.solve(sympy.fraction(sympy.cancel(sympy.together(expression)))[0], symbol)
    return sympy.cancel(root)


def _at(expression: sympy.Expr, symbol: sympy.Symbol, end: sympy.Expr, point: Point) -> sympy.Expr:
    """The limit of a rational function; where it is infinite, from above, with its sign at a point."""
    if end != oo:
        above, below = (sympy.together(part.subs(symbol, end)) for part in sympy.fraction(expression))
        if sympy.cancel(below) != 0:
            return sympy.cancel(above / below)
    transformed = expression.subs(symbol, 1 / x if end == oo else end + x)
    top, bottom = (sympy.Poly(part, x) for part in sympy.fraction(sympy.together(transformed)))
    least, lowest = top.monoms()[-1][0], bottom.monoms()[-1][0]
    if least < lowest:
        return oo * (top.coeff_monomial(x**least) / bottom.coeff_monomial(x**lowest)).subs(point)
    return sympy.cancel(top.coeff_monomial(x**lowest) / bottom.coeff_monomial(x**lowest))


def inverse_root(t: sympy.Expr) -> sympy.Expr:
    """w as a function of g, at t = min(τ, 1)."""
    return (t - g * (1 - gamma * t)) / (g * (1 + gamma * g))


def _errors(above: bool, noise: sympy.Expr) -> tuple[Errors, Errors]:
    """(e_ICL, e_IDG) as functions of g, κ, τ; then (the bias of e_ICL, e₀). In units of the label where a₁ = 1."""
    remaining = 0 if above else (1 - tau) / g
    z = sympy.cancel(noise + remaining)
    slope = sympy.cancel(-(gamma * g**2 + g) / (2 * gamma * z * g + z + 1 - gamma))
    # ⟨s/(s+z)²⟩, ⟨1/(s+z)²⟩, ⟨s²/(s+z)²⟩: derivatives of the quadratic.
    s_2, g2, s2_2 = (sympy.cancel(m) for m in (g + z * slope, -slope, 1 - 2 * z * g - z**2 * slope))
    spread = sympy.cancel(s_2 + noise * g2)
    population, bias = (u + sympy.cancel(z**2 * first + noise * s2_2) for first in (s_2, g2))
    idg = sympy.cancel(tau * population / (tau - 1 if above else remaining * spread))
    return (sympy.cancel(bias + (1 + noise) * spread * idg / tau), idg), (bias, population)


class _Limits:
    """The errors' limits on one side of τ = 1 and of κ = min(τ, 1), where ``point`` lies."""

    def __init__(self, point: Point, errors: Errors, noise: sympy.Expr) -> None:
        self.point, self.noise = point, noise
        self.known: dict[tuple[tuple[str, sympy.Expr], ...], list[sympy.Expr]] = {(): list(errors)}
        self.many = point[kappa] > min(point[tau], 1)

    def reaches(self, name: str, end: sympy.Expr) -> bool:
        """Whether the ratio can go to this end within the region."""
        return bool({"alpha": True, "kappa": self.many == (end == oo), "tau": (self.point[tau] > 1) == (end == oo)}[name])

    def limit(self, expression: sympy.Expr, name: str, end: sympy.Expr) -> sympy.Expr:
        """One limit of an expression in g, or where that is gone in w."""
        if expression == oo:
            return oo
        ratio = {"alpha": w, "kappa": kappa, "tau": tau}[name]
        if not expression.has(g) or (name == "tau" and end == oo):
            # w ∝ 1/α.
            ends = {oo: 0, _NONE: oo} if name == "alpha" else {oo: oo, _NONE: 0}
            return _at(expression, ratio, ends[end], self.point)
        if name == "alpha":
            # w is 0 at this g > 0; where there is none, at infinity.
            return _at(expression, g, _root(self.noise, g) if end == oo and self.many else end, self.point)
        # At a fixed w the ratio is rational in g, and the errors are continuous in both where κ ends.
        path = _root(self.noise - w, ratio)
        if name == "tau":
            return _at(expression.subs(tau, path), g, _NONE, self.point)
        return sympy.cancel(_at(expression, kappa, end, self.point).subs(g, _root(1 / path if end == oo else path, g)))

    def limits_along(self, to: dict[str, sympy.Expr]) -> list[sympy.Expr]:
        """Both errors after all the limits."""
        steps = tuple(to.items())
        for i, step in enumerate(steps):
            if steps[: i + 1] not in self.known:
                self.known[steps[: i + 1]] = [self.limit(expression, *step) for expression in self.known[steps[:i]]]
        return self.known[steps]

    def library(self, to: dict[str, sympy.Expr]) -> Iterator[sympy.Expr]:
        """The library's entries, on the branch of this region."""
        limit = ridgeless_limit(**to)
        for expression in (limit.icl, limit.idg):
            inner = sympy.piecewise_fold(expression.subs({SLOPE: 1, SECOND_MOMENT: w * ALPHA}))
            pieces = inner.args if isinstance(inner, sympy.Piecewise) else [(inner, True)]
            yield next(piece for piece, where in pieces if sympy.sympify(where).subs(self.point) == True)  # noqa: E712

    def agree(self, to: dict[str, sympy.Expr]) -> bool:
        """Whether they are the same in all remaining symbols; where g is one of them, the library's roots in w(g) are taken at points."""
        checks = []
        for ours, theirs in zip(self.limits_along(to), self.library(to), strict=True):
            if oo in (ours, theirs):
                checks.append(ours == theirs)
            elif ours.has(g):
                values = [{g: sympy.Rational(*value), kappa: self.point[kappa]} for value in ((1, 3), (2, 7), (1, 2))]
                checks += [_vanishes(ours.subs(at) - theirs.subs(w, self.noise).subs(at)) for at in values]
            else:
                checks.append(_vanishes(ours - theirs))
        return all(checks)


_SINGLE: tuple[tuple[str, sympy.Expr, str, str], ...] = (
    ("alpha", oo, "α → ∞: g → κt/(κ−t) for κ > t = min(τ, 1), where w = 0; g → ∞ for κ < t, where e_ICL grows like g",
     r"$\alpha\to\infty$: $g\to\kappa t/(\kappa-t)$ for $\kappa>t=\min(\tau,1)$, where $w=0$; $g\to\infty$ for $\kappa<t$, where"
     r" $e_{\mathrm{ICL}}$ grows like $g$."),
    ("alpha", _NONE, "α → 0: g → 0", r"$\alpha\to0$: $g\to0$."),
    ("kappa", oo, "κ → ∞ at a fixed w: κ = g(t−wg)/((1+w)g−t), g → t/(1+w)",
     r"$\kappa\to\infty$ at a fixed $w$: $\kappa=\frac{g(t-wg)}{(1+w)g-t}$, $g\to t/(1+w)$, $t=\min(\tau,1)$."),
    ("kappa", _NONE, "κ → 0: g → t/w; the fresh task is fitted as noise",
     r"$\kappa\to0$: $g\to t/w$; the fresh task is fitted as noise."),
    ("tau", _NONE, "τ → 0 at fixed w and κ: τ is rational in g, g → 0", r"$\tau\to0$ at fixed $w$, $\kappa$: $g\to0$."),
    ("tau", oo, "τ → ∞: e_IDG/e₀ → 1, and the variance of e_ICL vanishes",
     r"$\tau\to\infty$: $e_{\mathrm{IDG}}/e_0\to1$, and the variance of $e_{\mathrm{ICL}}$ vanishes."),
)  # fmt: skip
_DOUBLE: tuple[tuple[tuple[str, str], tuple[sympy.Expr, sympy.Expr]], ...] = (
    (("tau", "alpha"), (oo, oo)), (("tau", "alpha"), (oo, _NONE)), (("alpha", "tau"), (oo, oo)), (("alpha", "tau"), (_NONE, oo)),
    (("tau", "kappa"), (oo, oo)), (("tau", "kappa"), (oo, _NONE)), (("kappa", "tau"), (oo, oo)), (("kappa", "tau"), (_NONE, oo)),
    (("alpha", "kappa"), (oo, oo)), (("alpha", "kappa"), (oo, _NONE)), (("kappa", "alpha"), (oo, oo)), (("kappa", "alpha"), (_NONE, oo)),
)  # fmt: skip


def _peak(steepness: sympy.Expr) -> list[Step]:
    """τ = 1 and a small ridge; ``steepness`` is the slope of 1 − (R/(R+q))² in q/R.

    A law of R enters through means of functions of R: each identity atom by atom, limits with two atoms.
    """

    def mean(f: sympy.Expr) -> sympy.Expr:
        return p * f + (1 - p) * f.subs(R, S)

    fraction = R / (R + q)
    # q = λ + q⟨R/(R+q)⟩.
    ridge = _vanishes(q - q * fraction - q**2 / (R + q))
    remaining = sympy.limit((1 - fraction**2) / q, q, 0) == steepness / R
    steps = [
        Step(
            "τ = 1: λ = q²⟨1/(R+q)⟩, and (1 − ⟨R²/(R+q)²⟩)/q → 2⟨1/R⟩ as q → 0",
            bool(ridge and remaining),
            "all R, q",
            tex=r"$\tau=1$: $\lambda=q^2\langle1/(R+q)\rangle$, and $(1-\langle R^2/(R+q)^2\rangle)/q\to2\langle1/R\rangle$ as $q\to0$.",
        )
    ]
    inverse = mean(1 / R)
    # λ(e_IDG/e₀)² and ⟨R/(R+q)²⟩, the factor of R_t e_IDG in e_ICL, whose bias stays finite.
    square = sympy.cancel(q**2 * mean(1 / (R + q)) / (1 - mean(fraction**2)) ** 2)
    same = _vanishes(square.subs(q, 0) - 1 / (steepness**2 * inverse)) and _vanishes(mean(R / (R + q) ** 2).subs(q, 0) - inverse)
    steps.append(
        Step(
            "√λ e_IDG → e₀/(2√⟨1/R⟩), √λ e_ICL → R_t⟨1/R⟩ times it",
            bool(same),
            "all laws of R with two atoms",
            tex=r"$\sqrt\lambda\,e_{\mathrm{IDG}}\to e_0/(2\sqrt{\langle1/R\rangle})$ and"
            r" $\sqrt\lambda\,e_{\mathrm{ICL}}\to R_t\langle1/R\rangle$ times it.",
        )
    )
    # The library, a₁ = 1: ICL over IDG is R_t⟨1/R⟩ = (1 + w)g, and g = ⟨1/(s+w)⟩ is the positive root of γwg² + (w+1−γ)g = 1.
    units = {SLOPE: 1, SECOND_MOMENT: w * ALPHA}
    icl, idg = (peak.subs(units) for peak in ridgeless_peak())
    root = sympy.radsimp(sympy.simplify(icl / idg) / (1 + w))
    quadratic = sympy.simplify(gamma * w * root**2 + (w + 1 - gamma) * root - 1) == 0
    population = ridgeless("overdetermined").many_samples
    assert population is not None
    height = sympy.simplify((idg / population[1].subs(units)) ** 2 * steepness**2 * root) == 1
    steps.append(
        Step(
            "the library's peak: R_t⟨1/R⟩ and e₀/(2√⟨1/R⟩), ⟨1/(s+w)⟩ from the quadratic",
            bool(quadratic and height),
            "all α, κ",
            tex=r"The library's peak is this, $\langle1/(s+w)\rangle$ being the root of the quadratic.",
        )
    )
    return steps


def _inverse(below: sympy.Expr, above: sympy.Expr) -> Step:
    """w as a function of g, for τ < 1 and τ > 1."""
    q_below = (1 - tau) / g
    quadratic = all(_vanishes(gamma * z * g**2 + (z + 1 - gamma) * g - 1) for z in (below + q_below, above))
    ridgeless_root = tau * q_below**2 + (1 - tau) * (tau * gamma - 1 - below) * q_below - (1 - tau) ** 2 * gamma * below
    return Step(
        "w(g): γzg² + (z+1−γ)g = 1 at z = w + q, q = 0 for τ > 1; q = (1−τ)/g for τ < 1, where ⟨R/(R+q)⟩ = 1 − qg = τ",
        bool(quadratic and _vanishes(ridgeless_root)),
        "all g, κ, τ",
        tex=r"$\gamma zg^2+(z+1-\gamma)g=1$ at $z=w+q$; $q=0$ for $\tau>1$ and $q=(1-\tau)/g$ for $\tau<1$, where"
        r" $\langle R/(R+q)\rangle=1-qg=\tau$: both are rational in $g$.",
    )


def check() -> list[Step]:
    below, above = inverse_root(tau), inverse_root(sympy.Integer(1))
    steps = [_inverse(below, above)]
    sides = {False: _errors(False, below), True: _errors(True, above)}
    points = [(sympy.Rational(*t), sympy.Rational(*k)) for t, k in (((2, 5), (3, 2)), ((3, 5), (1, 4)), ((3, 1), (5, 2)), ((3, 1), (1, 2)))]
    regions = [_Limits({tau: t, kappa: k}, sides[t > 1][0], above if t > 1 else below) for t, k in points]
    for name, end, reason, tex in _SINGLE:
        same = all(region.agree({name: end}) for region in regions if region.reaches(name, end))
        reach = "six points (κ, g), all u" if name == "tau" and end == oo else "all κ, τ, w, u"
        steps.append(Step(reason, same, reach, tex=tex))
    pairs = [dict(zip(names, ends, strict=True)) for names, ends in _DOUBLE]
    for first in ("alpha", "kappa", "tau"):
        there = [to for to in pairs if next(iter(to)) == first]
        same = all(region.agree(to) for to in there for region in regions if all(region.reaches(*limit) for limit in to.items()))
        letter = {"alpha": "α", "kappa": "κ", "tau": "τ"}[first]
        steps.append(
            Step(
                f"a second limit, after {letter}: the limit of the first",
                same,
                f"all other ratios, u; {len(there)} entries",
                tex=rf"A second limit, after that of $\{first}$, is the limit of the first.",
            )
        )
    return steps + _peak(sympy.Integer(2))
