r"""Linear attention predicts ⟨Γ, H_Z⟩: the reparametrisation of [RT] (4)-(6), what it needs and what it reaches.

Write Z = [x_1 … x_{ℓ+1}; y_1 … y_ℓ 0], KᵀQ = [[M₁₁, m₁₂], [m₂₁ᵀ, m₂₂]] and (v₂₁ᵀ, v₂₂) for the last row of V. The query's column is
(x_{ℓ+1}; 0), so that of KᵀQ only the first d columns act, and in the last row of V Z Zᵀ with v₂₁ = 0 the query's own term has weight 0.
"""

from __future__ import annotations

import sympy

from derivations import Step

STATEMENT = r"""If the last row of V is (0, …, 0, v₂₂), then A_{d+1,ℓ+1} = ⟨Γ, H_Z⟩ for A = Z + (1/ℓ) V Z (KZ)ᵀ(QZ), with
Γ = v₂₂ [ M₁₁ᵀ/d | m₂₁ ] ∈ R^{d×(d+1)} and H_Z = x_{ℓ+1} [ (d/ℓ) Σ_{i≤ℓ} y_i x_iᵀ | (1/ℓ) Σ_{i≤ℓ} y_i² ]. Every Γ is reached.
For other V the prediction is no function of H_Z."""

ASSUMPTIONS = """The query's label in Z is 0; the sum in attention runs over all ℓ + 1 columns and is divided by ℓ; v₂₁ = 0.
(The ridge of (6) is on Γ, not on K, Q, V.)"""

TITLE = "Linear attention as an inner product"

STATEMENT_TEX = r"""If the last row of $V$ is $(0,\dots,0,v_{22})$, then for $A=Z+\frac1\ell VZ(KZ)^\top(QZ)$
\[ A_{d+1,\ell+1}=\langle\Gamma,H_Z\rangle,\qquad\Gamma=v_{22}\Bigl(\tfrac1dM_{11}^\top\Bigm|m_{21}\Bigr)\in\mathbb{R}^{d\times(d+1)},
\qquad M=K^\top Q, \]
with $H_Z=x_{\ell+1}\bigl(\frac d\ell\sum_{i\le\ell}y_ix_i^\top\bigm|\frac1\ell\sum_{i\le\ell}y_i^2\bigr)$. Every $\Gamma$ is reached. For
other $V$
the prediction is no function of $H_Z$."""

ASSUMPTIONS_TEX = (
    r"The query's label in $Z$ is $0$; the sum in attention runs over all $\ell+1$ columns and is divided by $\ell$; $v_{21}=0$."
    r" The ridge is on $\Gamma$, not on $K,Q,V$."
)


def _embedding(d: int, context: int) -> tuple[sympy.Matrix, sympy.Matrix]:
    """Z, and H_Z, of symbols."""
    x = sympy.Matrix(d, context + 1, lambda a, i: sympy.Symbol(f"x{a}_{i}"))
    y = sympy.Matrix(1, context, lambda _, i: sympy.Symbol(f"y{i}"))
    z = x.col_join(y.row_join(sympy.zeros(1, 1)))
    first = sympy.Rational(d, context) * x[:, :context] * y.T
    last = sympy.Matrix([[sum(label**2 for label in y) / sympy.Integer(context)]])
    return z, x[:, context] * first.col_join(last).T


def _matrix(name: str, size: int) -> sympy.Matrix:
    return sympy.Matrix(size, size, lambda i, j: sympy.Symbol(f"{name}{i}_{j}"))


def _output(z: sympy.Matrix, key: sympy.Matrix, query: sympy.Matrix, value: sympy.Matrix) -> sympy.Expr:
    """The last entry of A = Z + V Z (KZ)ᵀ(QZ)/ℓ."""
    context = z.cols - 1
    last = z[:, context]
    return sympy.expand(last[-1] + (value[-1, :] * z * (key * z).T * (query * last))[0] / sympy.Integer(context))


def _gamma(key: sympy.Matrix, query: sympy.Matrix, v: sympy.Expr) -> sympy.Matrix:
    d = key.rows - 1
    m = key.T * query
    return v * (m[:d, :d].T / sympy.Integer(d)).row_join(m[d, :d].T)


def _inner(gamma: sympy.Matrix, h: sympy.Matrix) -> sympy.Expr:
    return sum((gamma[i] * h[i] for i in range(len(h))), start=sympy.Integer(0))


def _identity(d: int, context: int) -> bool:
    z, h = _embedding(d, context)
    key, query, value = (_matrix(name, d + 1) for name in "KQV")
    value[d, :] = sympy.zeros(1, d).row_join(sympy.Matrix([[sympy.Symbol("v")]]))
    return bool(sympy.expand(_output(z, key, query, value) - _inner(_gamma(key, query, value[d, d]), h)) == 0)


def _blocks() -> bool:
    """All d and ℓ, by blocks: the terms of the last row of V Z Zᵀ KᵀQ z_{ℓ+1} as words in non-commuting blocks."""
    # Sums over the columns of ZZᵀ: S_xx, s_xy, s_yy, the query contributing x xᵀ to S_xx and nothing to the others as its label is 0.
    v21, s_xx, s_xy, s_yx, s_yy, m11, m21, x = sympy.symbols("v21 S_xx s_xy s_yx s_yy M11 m21 x", commutative=False)
    v22 = sympy.Symbol("v22")
    row = (v21 * s_xx + v22 * s_yx, v21 * s_xy + v22 * s_yy)
    full = sympy.expand(row[0] * m11 * x + row[1] * m21 * x)
    kept = sympy.expand(full.subs(v21, 0))
    # ⟨[M₁₁ᵀ/d | m₂₁], x [ (d/ℓ) s_yx | s_yy/ℓ ]⟩ v₂₂ = (v₂₂/ℓ)(s_yx M₁₁ x + s_yy m₂₁ᵀ x).
    return bool(sympy.expand(kept - v22 * (s_yx * m11 * x + s_yy * m21 * x)) == 0)


def _onto(d: int) -> bool:
    """K = I, Q = [[d Γ₁ᵀ, 0], [γᵀ, 0]], v₂₂ = 1 give back Γ = [Γ₁ | γ]."""
    gamma = sympy.Matrix(d, d + 1, lambda i, j: sympy.Symbol(f"G{i}_{j}"))
    query = (d * gamma[:, :d].T).col_join(gamma[:, d].T).row_join(sympy.zeros(d + 1, 1))
    return bool(_gamma(sympy.eye(d + 1), query, sympy.Integer(1)) == gamma)


def _hypothesis_is_needed() -> bool:
    """d = ℓ = 1, y_1 = 0: H_Z = 0 whatever x_1 is, but with v₂₁ ≠ 0 the output depends on x_1."""
    z, h = _embedding(1, 1)
    key, query, value = (_matrix(name, 2) for name in "KQV")
    label, first = sympy.Symbol("y0"), sympy.Symbol("x0_0")
    output = _output(z, key, query, value).subs(label, 0)
    return bool(h.subs(label, 0).is_zero_matrix and sympy.diff(output, first) != 0)


def _library_order() -> bool:
    """The library's h is vec H_Z in the order of vec Γ by rows."""
    import numpy as np

    from hermite_eq.simulate.laws import Contexts, Tasks

    d, context = 2, 3
    z, h = _embedding(d, context)
    values = {symbol: sympy.Integer(k * k + 1) for k, symbol in enumerate(sorted(z.free_symbols, key=str))}
    query, labels = z[:d, context].subs(values), z[d, :context].subs(values)
    first = sympy.Rational(d, context) * z[:d, :context].subs(values) * labels.T
    b = first.col_join(sympy.Matrix([[(labels * labels.T)[0] / context]]))
    x_array, b_array = (np.array(vector.T, dtype=float) for vector in (query, b))
    tasks = Tasks(np.ones((1, d)), np.zeros(1, dtype=np.int64))
    library = Contexts(x_array, b_array, np.zeros(1), tasks, tasks.source).h()[0]
    # One product of two rounded numbers for each entry.
    expected = np.array(h.subs(values), dtype=float).ravel()
    return bool((np.abs(library - expected) <= 4 * np.finfo(float).eps * np.abs(expected)).all())


def check() -> list[Step]:
    """The steps of the argument, each verified."""
    small = [(1, 1), (1, 3), (2, 1), (2, 2), (3, 2)]
    return [
        Step(
            "A_{d+1,ℓ+1} = ⟨Γ, H_Z⟩ entry by entry",
            all(_identity(d, context) for d, context in small),
            f"(d, ℓ) in {small}",
            tex=r"$A_{d+1,\ell+1}=\langle\Gamma,H_Z\rangle$, entry by entry.",
        ),
        Step(
            "(1/ℓ)(v₂₁ᵀ, v₂₂) ZZᵀ (M₁₁x; m₂₁ᵀx) = (v₂₂/ℓ)(s_xyᵀ M₁₁ x + s_yy m₂₁ᵀ x) at v₂₁ = 0, the query's label being 0",
            _blocks(),
            "all d, ℓ",
            tex=r"$\frac1\ell(v_{21}^\top,v_{22})ZZ^\top(M_{11}x;m_{21}^\top x)=\frac{v_{22}}\ell(s_{xy}^\top"
            r" M_{11}x+s_{yy}m_{21}^\top x)$ at $v_{21}=0$, the query's label being $0$.",
        ),
        Step(
            "every Γ is reached: K = I, Q = [[dΓ₁ᵀ, 0], [γᵀ, 0]], v₂₂ = 1",
            all(_onto(d) for d in (1, 2, 3)),
            "d ≤ 3, all d alike",
            tex=r"Every $\Gamma=(\Gamma_1\mid\gamma)$ is reached: $K=I$, $Q$ with the rows $(d\Gamma_1^\top,0)$ and"
            r" $(\gamma^\top,0)$, $v_{22}=1$.",
        ),
        Step(
            "with v₂₁ ≠ 0 the output is no function of H_Z: at y = 0 it depends on x_1",
            _hypothesis_is_needed(),
            "d = ℓ = 1",
            tex=r"With $v_{21}\ne0$ the output is no function of $H_Z$: at $y=0$ it depends on $x_1$.",
        ),
        Step(
            "the library's h is vec H_Z by rows",
            _library_order(),
            "d = 2, ℓ = 3",
            tex=r"The library's $h$ is $\operatorname{vec}H_Z$ by rows.",
        ),
    ]
