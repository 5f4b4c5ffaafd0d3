"""On how many numbers the predictions of full linear attention depend.

Route: its formula as a bilinear form of the tokens' second moments, an upper bound by the dimension of matrices of rank d, and a lower
bound by the rank of the Jacobian in the trained weights, at one point in integers modulo a prime.
"""

from __future__ import annotations

from collections.abc import Callable

import flint
import numpy as np
import sympy

from derivations import Step
from hermite_eq.trained import FullLinearAttention

TITLE = "The interpolation threshold of full linear attention"

STATEMENT = r"""ŷ = wᵀ Σᵢ (q·kᵢ/√d) vᵢ + c over the tokens tᵢ = (xᵢ, yᵢ), the query's label being 0, q, k and v affine maps into ℝ^d. With
S = Σᵢ t̃ᵢt̃ᵢᵀ, t̃ᵢ = (tᵢ, 1), and x̃ = (x, 1): ŷ = uᵀSMx̃ + c with u in ℝ^{d+2} and M of shape (d+2, d+1) and rank ≤ d. For almost all
weights and d² + 4d + 2 contexts, labels near the predictions are fitted by weights near; of more contexts almost no labels are fitted."""

ASSUMPTIONS = "Contexts of at least d examples with a density; labels are fitted exactly. Sizes of weights are not bounded."

STATEMENT_TEX = r"""Let $\hat y=w^\top\sum_i\frac{q^\top k_i}{\sqrt d}v_i+c$ over the tokens $t_i=(x_i,y_i)$, the label of the query being
$0$, with affine maps $q$, $k$ and $v$ into $\mathbb{R}^d$. With $S=\sum_i\tilde t_i\tilde t_i^\top$, $\tilde t_i=(t_i,1)$ and
$\tilde x=(x,1)$,
\[ \hat y=u^\top S\,M\tilde x+c,\qquad u\in\mathbb{R}^{d+2},\quad M\in\mathbb{R}^{(d+2)\times(d+1)},\quad\operatorname{rank}M\le d. \]
For almost all weights and $d^2+4d+2$ contexts, labels near the predictions are fitted by weights near; of more contexts almost no labels
are fitted."""

ASSUMPTIONS_TEX = "Contexts have at least $d$ examples and a density; labels are fitted exactly. The sizes of weights are not bounded."

PRIME = 2_147_483_647


def _bilinear(d: int) -> bool:
    """The definition, token by token, against the form in u, M and S, in symbols."""

    def matrix(name: str, rows: int, columns: int) -> sympy.Matrix:
        return sympy.Matrix(rows, columns, lambda i, j: sympy.Symbol(f"{name}_{i}_{j}"))

    query, key, value, w = (matrix("Q", d, d + 2), matrix("K", d, d + 2), matrix("V", d, d + 2), matrix("w", d, 1))
    tokens = [matrix(f"t{i}", d + 2, 1) for i in range(2)]
    for token in tokens:
        token[d + 1] = 1
    tokens[-1][d] = 0
    literal = sum(((query * tokens[-1]).dot(key * t) * w.dot(value * t) for t in tokens), sympy.Integer(0))
    # The query's label is 0, so that the column of Q for it does not matter.
    kept = [*range(d), d + 1]
    S = sum((t * t.T for t in tokens), sympy.zeros(d + 2, d + 2))
    M = key.T * query.extract(list(range(d)), kept)
    form = ((value.T * w).T * S * M * tokens[-1].extract(kept, [0]))[0]
    return bool(sympy.expand(literal - form) == 0)


def _jacobian(d: int, contexts: int, rng: np.random.Generator) -> flint.nmod_mat:
    """Derivatives of √d ŷ in all weights, by rows for contexts of d examples; every number is an integer below 50."""

    def integers(*shape: int) -> np.ndarray:
        return rng.integers(-50, 51, shape).astype(object)

    query, key, value, w = integers(d, d + 2), integers(d, d + 2), integers(d, d + 2), integers(d)
    rows = []
    for _ in range(contexts):
        tokens = integers(d + 1, d + 2)
        tokens[:, d + 1], tokens[-1, d] = 1, 0
        S, last = tokens.T @ tokens, tokens[-1]
        q, u = query @ last, value.T @ w
        read = S @ key.T @ q
        rows.append(
            np.concatenate([np.outer(q, S @ u).ravel(), np.outer(key @ S @ u, last).ravel(), np.outer(w, read).ravel(), value @ read, [1]])
        )
    return flint.nmod_mat(contexts, len(rows[0]), [int(cell) % PRIME for row in rows for cell in row], PRIME)


_MODEL = FullLinearAttention()


def check(count: Callable[[int], int] = _MODEL.dimension) -> list[Step]:
    """The argument; ``count`` is by default the library's number."""
    d = sympy.Symbol("d", positive=True)
    bound = sympy.expand((d + 2) + d * ((d + 2) + (d + 1) - d) - 1 + 1)
    rng, reached, sizes = np.random.default_rng(1), [], range(1, 6)
    for size in sizes:
        number = count(size)
        # As many independent rows as columns count, and no more: the rank modulo a prime is at most that over the rationals.
        reached.append(_jacobian(size, number, rng).rank() == number == _jacobian(size, number + 3, rng).rank())
    return [
        Step(
            "ŷ = uᵀSMx̃ + c with u = [V v₀]ᵀw and M = [K k₀]ᵀ[Q q₀]/√d, without Q's column for the label",
            _bilinear(1) and _bilinear(2),
            "d ≤ 2, two tokens, all weights",
            tex=r"$\hat y=u^\top SM\tilde x+c$ with $u=[V\,v_0]^\top w$ and $M=[K\,k_0]^\top[Q\,q_0]/\sqrt d$, without the column of $Q$"
            r" for the label.",
        ),
        Step(
            "(d+2) + d((d+2)+(d+1)−d) − 1 + 1 = d² + 4d + 2: u, matrices M of rank d, a common scale of the two, c; an upper bound",
            sympy.expand(bound - (d**2 + 4 * d + 2)) == 0 and all(count(size) == bound.subs(d, size) for size in sizes),
            "all d",
            tex=r"$(d+2)+d\,((d+2)+(d+1)-d)-1+1=d^2+4d+2$: $u$, matrices $M$ of rank $d$, a scale that the two have in common, and"
            r" $c$; an upper bound.",
        ),
        Step(
            "the Jacobian in all weights has this rank on as many contexts, and on three more, modulo a prime: a lower bound",
            all(reached),
            "d ≤ 5",
            tex="The Jacobian in all weights has this rank on as many contexts, and on three more, modulo a prime: a lower bound.",
        ),
    ]
