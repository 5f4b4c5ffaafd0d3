r"""E[b], E[bbᵀ] and the covariance of (Fᵀh, ξᵀx) given ξ and F.

Route 1 is the calculation a reader does with pen and paper, in moments of one summand. Route 2 knows nothing of it: for
polynomial targets it expands b in the underlying standard normals at small d and ℓ and averages monomial by monomial.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import combinations_with_replacement

import sympy

from derivations import Step
from hermite_eq.covariance import TRACE
from hermite_eq.covariance import symbols as sym
from hermite_eq.covariance.context_entries import isotropic_entries

A, D, ELL, P, RHO, S, V, W3, W4 = sym.a, sym.d, sym.ell, sym.p, sym.rho, sym.s, sym.v, sym.w_3, sym.w_4
#: The library's entries for inputs N(0, I_d/d), without the trace.
ENTRIES = {name: entry for name, entry in isotropic_entries(False).items() if name != "trace"}

STATEMENT = r"""Let s = ‖ξ‖/√d, u = ξ/‖ξ‖, g = √d uᵀx ~ N(0,1), y = σ*(sg) + ε, and a = E[yg], v = E[y²], p = E[y²(g²−1)],
w₃ = E[y³g], w₄ = E[y⁴]. Given ξ, b = ((d/ℓ) Σ y_i x_i, (1/ℓ) Σ y_i²) has
E[b₁] = √d a u, E[b₂] = v, Cov(b₁) = (d/ℓ)(v I + (p − a²) uuᵀ), Cov(b₁, b₂) = (√d/ℓ)(w₃ − va) u, Var(b₂) = (w₄ − v²)/ℓ,
and Cov(Fᵀh, ξᵀx | F, ξ) has the blocks Fᵀ((I/d)⊗E[bbᵀ])F, Fᵀ((ξ/d)⊗E[b]), s²."""

ASSUMPTIONS = """x_i ~ N(0, I_d/d) and ε_i ~ N(0, ρ) independent; E σ*(sg)⁴ < ∞; d, ℓ ≥ 1; ξ ≠ 0."""

TITLE = "The covariance given the task"

STATEMENT_TEX = r"""Let $s=\|\xi\|/\sqrt d$, $u=\xi/\|\xi\|$, $g=\sqrt d\,u^\top x\sim\mathcal{N}(0,1)$, $y=\sigma_*(sg)+\epsilon$, and
$a=\mathbb{E}[yg]$, $v=\mathbb{E}[y^2]$, $p=\mathbb{E}[y^2(g^2-1)]$, $w_3=\mathbb{E}[y^3g]$, $w_4=\mathbb{E}[y^4]$. Given $\xi$, the vector
$b=\bigl(\frac d\ell\sum y_ix_i,\ \frac1\ell\sum y_i^2\bigr)$ has
\[ \mathbb{E}[b_1]=\sqrt d\,a\,u,\qquad\mathbb{E}[b_2]=v,\qquad
\operatorname{Cov}(b_1)=\frac d\ell\bigl(vI+(p-a^2)uu^\top\bigr),\]
\[ \operatorname{Cov}(b_1,b_2)=\frac{\sqrt d}\ell(w_3-va)\,u,\qquad\operatorname{Var}(b_2)=\frac{w_4-v^2}\ell, \]
and $\operatorname{Cov}(F^\top h,\xi^\top x\mid F,\xi)$ has the blocks $F^\top(\frac1dI\otimes\mathbb{E}[bb^\top])F$,
$F^\top(\frac1d\xi\otimes\mathbb{E}[b])$ and $s^2$."""

ASSUMPTIONS_TEX = (
    r"$x_i\sim\mathcal{N}(0,I_d/d)$ and $\epsilon_i\sim\mathcal{N}(0,\rho)$ independent; $\mathbb{E}\,\sigma_*(sg)^4<\infty$;"
    r" $d,\ell\ge1$; $\xi\ne0$."
)


def _of_average(second: sympy.Expr, left: sympy.Expr, right: sympy.Expr) -> sympy.Expr:
    """E[z̄ z̄'] for averages over ℓ i.i.d. pairs: (1/ℓ) E[zz'] + (1 − 1/ℓ) E[z] E[z']."""
    return second / ELL + (1 - 1 / ELL) * left * right


def _from_one_summand() -> dict[str, sympy.Expr]:
    # x = (g u + ω)/√d with ω ⟂ u standard normal on u's complement and independent of (g, ε), hence of y:
    # E[yx] = E[yg] u/√d;  E[y² xxᵀ] = (E[y²g²] uuᵀ + E[y²](I − uuᵀ))/d with E[y²g²] = p + v;  E[y³x] = E[y³g] u/√d.
    yx_u = A / sympy.sqrt(D)
    yyxx_u, yyxx_perp = (P + V) / D, V / D
    yyyx_u = W3 / sympy.sqrt(D)
    b1_along_u = D**2 * _of_average(yyxx_u, yx_u, yx_u)
    b1_across = D**2 * _of_average(yyxx_perp, sympy.Integer(0), sympy.Integer(0))
    return {
        "mean_b1": D * yx_u,
        "mean_b2": V,
        "second_identity": b1_across,
        "second_uu": b1_along_u - b1_across,
        "second_u2": D * _of_average(yyyx_u, yx_u, V),
        "second_22": _of_average(W4, V, V),
    }


def _gaussian_mean(polynomial: sympy.Expr | sympy.Poly, variances: Mapping[sympy.Symbol, sympy.Expr]) -> sympy.Expr:
    """E of a polynomial in independent centred normals: every x^{2j} becomes (2j−1)!! Var(x)^j, odd powers vanish."""
    symbols = list(variances)
    total = sympy.Integer(0)
    for powers, coefficient in sympy.Poly(polynomial, *symbols).terms():
        if all(power % 2 == 0 for power in powers):
            total += coefficient * sympy.prod(
                sympy.factorial2(power - 1) * variances[symbol] ** (power // 2)
                for symbol, power in zip(symbols, powers, strict=True)
                if power
            )
    return sympy.expand(total)


@cache
def _moments(target: sympy.Expr, z: sympy.Symbol) -> dict[sympy.Symbol, sympy.Expr]:
    """a, v, p, w₃, w₄ of a polynomial target, by direct expansion in g and ε."""
    g, eps = sympy.symbols("g epsilon", real=True)
    y = target.subs(z, S * g) + eps
    variances = {g: sympy.Integer(1), eps: RHO}

    def mean(expression: sympy.Expr) -> sympy.Expr:
        return _gaussian_mean(expression, variances)

    return {A: mean(y * g), V: mean(y**2), P: mean(y**2 * (g**2 - 1)), W3: mean(y**3 * g), W4: mean(y**4)}


def _direction(d: int) -> sympy.Matrix:
    """ξ/‖ξ‖."""
    return sympy.Matrix([sympy.Rational(3, 5), sympy.Rational(4, 5)] + [0] * (d - 2)) if d > 1 else sympy.Matrix([1])


@cache
def _literal(target: sympy.Expr, z: sympy.Symbol, d: int, ell: int) -> tuple[list[sympy.Expr], dict[tuple[int, int], sympy.Expr]]:
    """E[b_i] and E[b_ib_j], i ≤ j, at given small d, ℓ and ξ ∥ (3, 4, 0 …)/5, from the definition of b alone."""
    u = _direction(d)
    variances: dict[sympy.Symbol, sympy.Expr] = {}
    b1, b2 = sympy.zeros(d, 1), sympy.Integer(0)
    # A symbol for the length of ξ: with its root the coefficients would be no polynomials.
    length = sympy.Symbol("r", positive=True)
    for i in range(ell):
        x = sympy.Matrix(sympy.symbols(f"x{i}_0:{d}", real=True))
        eps = sympy.Symbol(f"eps{i}", real=True)
        variances |= dict.fromkeys(x, sympy.Rational(1, d)) | {eps: RHO}
        y = sympy.expand(target.subs(z, length * (u.T * x)[0]) + eps)
        b1 += sympy.Rational(d, ell) * y * x
        b2 += y**2 / ell
    b = [sympy.Poly(entry, *variances) for entry in (*b1, b2)]
    pairs = combinations_with_replacement(range(d + 1), 2)

    def mean(polynomial: sympy.Poly) -> sympy.Expr:
        return _gaussian_mean(polynomial, variances).subs(length, S * sympy.sqrt(d))

    return [mean(entry) for entry in b], {(i, j): mean(b[i] * b[j]) for i, j in pairs}


def _literal_agrees(entries: Mapping[str, sympy.Expr], target: sympy.Expr, z: sympy.Symbol, d: int, ell: int) -> bool:
    """Whether the entries are those moments."""
    u, size = _direction(d), {D: d, ELL: ell}
    values = {name: entry.subs(_moments(target, z)).subs(size) for name, entry in entries.items()}
    uu = u * u.T
    expected = {
        (i, j): values["second_uu"] * uu[i, j] + values["second_identity"] * int(i == j)
        for i, j in combinations_with_replacement(range(d), 2)
    }
    expected |= {(i, d): values["second_u2"] * u[i] for i in range(d)} | {(d, d): values["second_22"]}
    mean = [values["mean_b1"] * u[i] for i in range(d)] + [values["mean_b2"]]
    literal, pairs = _literal(target, z, d, ell)
    return all(sympy.expand(left - right) == 0 for left, right in zip(literal, mean, strict=True)) and all(
        sympy.expand(pairs[place] - value) == 0 for place, value in expected.items()
    )


@cache
def _noise_moments_agree() -> bool:
    """w₃ = E[σ*³g] + 3ρ E[σ*g] and w₄ = E σ*⁴ + 6ρ E σ*² + 3ρ²: expand (σ* + ε)^j and use E ε² = ρ, E ε⁴ = 3ρ²."""
    f, eps, g = sympy.symbols("f epsilon g", real=True)

    def over_noise(power: int) -> sympy.Expr:
        return _gaussian_mean((f + eps) ** power, {eps: RHO})

    third = sympy.expand(over_noise(3) * g - (f**3 * g + 3 * RHO * f * g))
    fourth = sympy.expand(over_noise(4) - (f**4 + 6 * RHO * f**2 + 3 * RHO**2))
    return bool(third == 0 and fourth == 0)


@cache
def _kronecker_agrees(d: int) -> bool:
    """E[hhᵀ] = E[xxᵀ]⊗E[bbᵀ] and E[h ξᵀx] = E[xxᵀ]ξ⊗E[b] for h = x⊗b (row-major), x independent of b."""
    x = sympy.Matrix(sympy.symbols(f"x0:{d}", real=True))
    b = sympy.Matrix(sympy.symbols(f"b0:{d + 1}", real=True))
    xi = sympy.Matrix(sympy.symbols(f"xi0:{d}", real=True))
    variances = dict.fromkeys(x, sympy.Rational(1, d))

    def over_x(matrix: sympy.Matrix) -> sympy.Matrix:
        return matrix.applyfunc(lambda entry: _gaussian_mean(entry, variances))

    h = sympy.Matrix([x[i] * b[j] for i in range(d) for j in range(d + 1)])
    identity = sympy.eye(d) / d
    blocks = over_x(h * h.T) - sympy.kronecker_product(identity, b * b.T)
    cross = over_x(h * (xi.T * x)[0]) - sympy.kronecker_product(xi / d, b)
    signal = over_x(sympy.Matrix([(xi.T * x)[0] ** 2]))[0] - (xi.T * xi)[0] / d
    return all(sympy.expand(entry) == 0 for entry in [*blocks, *cross, signal])


def check(entries: Mapping[str, sympy.Expr] = ENTRIES, trace: sympy.Expr = TRACE) -> list[Step]:
    """Every step, with what the machine checked; ``entries`` and ``trace`` default to the library's."""
    z = sympy.Symbol("z", real=True)
    derived = _from_one_summand()
    steps = [
        Step(
            f"{name}: moments of one summand, then E[z̄z̄'] = E[zz']/ℓ + (1 − 1/ℓ)E[z]E[z']",
            sympy.simplify(derived[name] - entries[name]) == 0,
            "all d, ℓ, σ*",
            tex=r"Each entry: moments of one summand, then $\mathbb{E}[\bar z\bar"
            r" z']=\frac1\ell\mathbb{E}[zz']+(1-\frac1\ell)\mathbb{E}[z]\mathbb{E}[z']$.",
        )
        for name in entries
    ]
    norm_b = D * derived["second_identity"] + derived["second_uu"] + derived["second_22"]
    steps += [
        Step(
            "t = E‖x‖² E‖b‖² = tr E[bbᵀ], as E‖x‖² = 1 and x is independent of b",
            sympy.simplify(norm_b - trace) == 0,
            "all d, ℓ, σ*",
            tex=r"$t=\mathbb{E}\|x\|^2\,\mathbb{E}\|b\|^2=\operatorname{tr}\mathbb{E}[bb^\top]$, since $\mathbb{E}\|x\|^2=1$ and $x$"
            r" is independent of $b$.",
        ),
        Step(
            "the noise enters v, w₃, w₄ through E ε² = ρ and E ε⁴ = 3ρ²",
            _noise_moments_agree(),
            "all ρ",
            tex=r"The noise enters $v$, $w_3$, $w_4$ through $\mathbb{E}\epsilon^2=\rho$ and $\mathbb{E}\epsilon^4=3\rho^2$.",
        ),
        Step(
            "Cov(Fᵀh, ξᵀx) from h = x ⊗ b with x independent of b, E[h] = 0",
            _kronecker_agrees(3),
            "checked at d = 3",
            tex=r"$\operatorname{Cov}(F^\top h,\xi^\top x)$ from $h=x\otimes b$ with $x$ independent of $b$ and $\mathbb{E}h=0$.",
        ),
    ]
    literal = [(z, 2, 2), (z, 3, 2), (z**2 - sympy.Rational(1, 3), 2, 2), (z**3 - z, 1, 2), (z**3 / 2 + z**2, 2, 1)]
    steps += [
        Step(
            f"brute force over all normals: σ*(z) = {target}, d = {d}, ℓ = {ell}",
            _literal_agrees(entries, target, z, d, ell),
            f"d = {d}, ℓ = {ell}",
            tex=r"Independently, for polynomial targets and small $d,\ell$: $b$ expanded in all normals, averaged monomial by"
            r" monomial.",
        )
        for target, d, ell in literal
    ]
    return steps
